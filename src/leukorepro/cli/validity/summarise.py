"""`leukorepro validity summarise`: every rung beside the truth."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leukorepro.cli.options import OutputOption, file_to_read, file_to_write, show
from leukorepro.ladder.rungs import LADDER, honest_rung

if TYPE_CHECKING:
    import pandas as pd


def summarise(
    repetitions: Annotated[
        list[Path],
        typer.Argument(callback=file_to_read, help="Output of `leukorepro validity repeat`, named `<setting>.csv`."),
    ],
    output: OutputOption,
    figure: Annotated[Path | None, typer.Option(callback=file_to_write, help="Figure to write, as SVG.")] = None,
) -> None:
    """Compare every rung with the truth over the repetitions: bias and coverage, as a table and a figure.

    Example: `leukorepro validity summarise usual.csv large.csv --output summary.csv --figure validity.svg`
    """
    from leukorepro.checks.validity.summary import TARGET, meets_target
    from leukorepro.checks.validity.summary import summarise as bias_and_coverage
    from leukorepro.core.tables.results import REPETITIONS_TABLE, VALIDITY_TABLE
    from leukorepro.report.figures import style
    from leukorepro.report.figures.validity_picture import validity_figure

    summary = bias_and_coverage({file.stem: REPETITIONS_TABLE.read(file) for file in repetitions})
    VALIDITY_TABLE.write(summary, output)
    if figure is not None:
        style.save(validity_figure(summary), figure)
    _show(summary)
    rung = honest_rung(summary["rung"].unique())
    honest = summary[summary["rung"] == rung]
    missed = honest[~honest.apply(meets_target, axis=1)]
    print(f"{rung}: {len(honest) - len(missed)} of {len(honest)} rows have {TARGET}")
    for row in missed.itertuples():
        print(f"  not {row.setting}, {row.metric}: bias {row.bias:+.3f}, coverage {row.coverage:.3f}")


def _show(summary: pd.DataFrame) -> None:
    from rich.table import Table

    from leukorepro.config.validity import SIMULATED
    from leukorepro.report.numbers import wording

    table = Table(title="Every rung beside the truth, per cent: simulated unless real; coverage of 95 % intervals")
    for name in ("Setting", "Rung", "Metric", "Truth", "Bias", "Coverage", "Width", "Percentile"):
        table.add_column(name, justify="left" if name in ("Setting", "Rung", "Metric") else "right")
    before = None
    for row in summary.to_dict("records"):
        if (place := (row["setting"], row["rung"])) != before and before is not None and row["setting"] != before[0]:
            table.add_section()
        before = place
        table.add_row(
            row["setting"] if row["dataset"] == SIMULATED else f"{row['setting']} (real)",
            LADDER[row["rung"]].name,
            wording.metric_name(row["metric"]),
            f"{100 * row['truth']:.1f}",
            f"{100 * row['bias']:+.1f} \N{PLUS-MINUS SIGN} {100 * row['bias_error']:.1f}",
            f"{100 * row['coverage']:.1f} ({100 * row['coverage_low']:.0f}\N{EN DASH}{100 * row['coverage_high']:.0f})",
            f"{100 * row['width']:.1f}",
            f"{100 * row['percentile_coverage']:.1f}",
        )
    show(table)
