"""`leukorepro splits`, `predictions`, `evaluate` and `report`: what is tested, and how good it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import (
    ConfigOption,
    ManifestOption,
    OutputOption,
    RungOption,
    RunOption,
    SetOption,
    SplitOption,
    StudyOption,
    resolve_study,
    show,
)

splits = typer.Typer(no_args_is_help=True, help="Write split tables.")
predictions = typer.Typer(no_args_is_help=True, help="Put predictions together.")
report = typer.Typer(no_args_is_help=True, help="Write the report.")


@splits.command()
def make(
    run_file: RunOption,
    study: StudyOption,
    protocol: RungOption,
    split: SplitOption,
    manifest: ManifestOption,
    output: OutputOption,
    override: SetOption = None,
) -> None:
    """Write which rows train and which are tested, before anything is fitted.

    Example: `leukorepro splits make --run config/config.yaml --study atteia2022
    --protocol subject_disjoint --split five_folds --manifest manifest.csv --output five_folds.csv`
    """
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.split_tables import write_splits
    from leukorepro.data.splits import make_splits

    resolved, chosen = resolve_study(run_file, override, study)
    table = make_splits(
        read_manifest(manifest),
        chosen.find_split(split),
        chosen.find_protocol(protocol),
        resolved.seed,
        chosen.external_split,
        chosen.label_set_of(split),
    )
    write_splits(table, output)
    print(table.groupby(["repeat", "fold", "role"]).size().unstack(fill_value=0).to_string())


@predictions.command()
def collect(
    parts: Annotated[list[Path], typer.Argument(help="Predictions on the feature sets, on all rungs.")],
    protocol: RungOption,
    output: OutputOption,
    fitting: Annotated[Path, typer.Option(help="File to write, of training and validation rows; often none.")],
) -> None:
    """Put the predictions of a protocol into one table, in one order; those of fitted rows beside it.

    Example: `leukorepro predictions collect GSet.parquet ISet.parquet --protocol source_disjoint
    --output predictions.parquet --fitting fitting.parquet`
    """
    from leukorepro.evaluation import predictions as tables

    rows = [tables.read_part(part) for part in parts]
    collected = tables.collect([part[part["protocol"] == protocol] for part in rows])
    tables.write_predictions(collected.predictions, output, tables.read_engines(parts))
    tables.write_fitting(collected.fitting, fitting)


def evaluate(
    tables: Annotated[list[Path], typer.Argument(help="Predictions, one file per protocol.")],
    run_file: RunOption,
    study: StudyOption,
    scan: Annotated[Path, typer.Option(help="What the scan of the dataset found, `scan.json`.")],
    published: Annotated[Path, typer.Option(help="Numbers that the paper prints.")],
    output: OutputOption,
    fitting: Annotated[
        list[Path] | None, typer.Option(help="Predictions of training and validation rows, one file per protocol.")
    ] = None,
    override: SetOption = None,
) -> None:
    """Compute every metric with its interval from the predictions, beside the published value.

    Example: `leukorepro evaluate results/demo/atteia2022/*/predictions.parquet --run config/config.yaml
    --study atteia2022 --scan results/datasets/allidb_simulated-demo/scan.json
    --published config/published/atteia2022.csv --output metrics.csv`
    """
    from leukorepro.config.published import read_published
    from leukorepro.core.store import read_json, write_csv
    from leukorepro.evaluation import comparison
    from leukorepro.evaluation.predictions import read_fitting, read_predictions

    resolved, chosen = resolve_study(run_file, override, study)
    metrics = comparison.evaluate(
        [read_predictions(table) for table in tables],
        chosen,
        read_published(published),
        fitting=[read_fitting(table) for table in fitting or []],
        budget=resolved.budget,
        dataset_complete=read_json(scan)["complete"],
        seed=resolved.seed,
    )
    write_csv(metrics, output)


@report.command()
def build(
    config: ConfigOption, output: Annotated[Path, typer.Option("--output", "-o", help="Folder to fill.")]
) -> None:
    """Write the HTML page of a run; it opens from disk with no network.

    Example: `leukorepro report build --config results/demo/config.json --output results/demo/report`
    """
    from leukorepro.report.site import build as run

    run(config, config.parent, output)


@report.command()
def summary(config: ConfigOption) -> None:
    """Print each study's headline (published, reproduced, honest) and what became of all numbers of its paper.

    Example: `leukorepro report summary --config results/demo/config.json`
    """
    from leukorepro.evaluation.verdicts import read_verdicts
    from leukorepro.report.numbers.tables import read_metrics
    from leukorepro.report.summary import summary_table, tallies
    from leukorepro.run.resolved import load_resolved

    resolved = load_resolved(config)
    keys = [study.study.key for study in resolved.studies]
    metrics = {key: read_metrics(config.parent / key / "metrics.csv") for key in keys}
    verdicts = {key: read_verdicts(config.parent / key / "verdicts.csv") for key in keys}
    show(summary_table(metrics, verdicts, resolved))
    print(*tallies(verdicts), sep="\n")
    print(f"Report: {config.parent / 'report' / 'index.html'}")
