"""`leukorepro judge`: a verdict on every number that a paper prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import (
    OutputOption,
    RunOption,
    SetOption,
    StudyOption,
    resolve_study,
)


def judge(
    run_file: RunOption,
    study: StudyOption,
    metrics: Annotated[Path, typer.Option(help="The study's table of metrics.")],
    audit: Annotated[Path, typer.Option(help="Audit of the paper's printed numbers.")],
    published: Annotated[Path, typer.Option(help="Numbers that the paper prints.")],
    scan: Annotated[Path, typer.Option(help="Summary of the dataset's scan.")],
    output: OutputOption,
    override: SetOption = None,
) -> None:
    """Give a verdict on every number that a paper prints, each with its reason.

    Example: `leukorepro judge --run config/config.yaml --study atteia2022 --metrics metrics.csv
    --audit results/audit/atteia2022.json --published config/published/atteia2022.csv --scan scan.json
    --output verdicts.csv`
    """
    from leukorepro.config.published import read_published
    from leukorepro.core.store import read_json, write_csv
    from leukorepro.evaluation import verdicts
    from leukorepro.report.numbers.tables import read_metrics

    resolved, chosen = resolve_study(run_file, override, study)
    table = verdicts.judge(
        read_published(published),
        read_metrics(metrics),
        chosen,
        verdicts.read_impossible(audit, study),
        budget=resolved.budget,
        dataset_complete=read_json(scan)["complete"],
    )
    write_csv(table, output)
    print(table["verdict"].value_counts().to_string())
