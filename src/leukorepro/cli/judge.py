"""`leukorepro judge`: what becomes of the numbers that a paper prints."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leukorepro.cli.options import ManifestOption, SpecOption, file_to_read, folder_to_write

if TYPE_CHECKING:
    from pandas import DataFrame


def judge(
    spec: SpecOption,
    measured: Annotated[
        Path,
        typer.Option(
            callback=file_to_read, help="Every metric with its interval, as `leukorepro evaluate` writes them."
        ),
    ],
    published: Annotated[
        Path, typer.Option(callback=file_to_read, help="CSV file of the numbers that the paper prints.")
    ],
    audit: Annotated[
        Path,
        typer.Option(
            callback=file_to_read, help="Audit of these numbers, as `leukorepro audit published --out` writes it."
        ),
    ],
    scan: Annotated[
        Path,
        typer.Option(
            callback=file_to_read, help="Summary of the dataset, as `leukorepro data scan --summary` writes it."
        ),
    ],
    manifest: ManifestOption,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", callback=folder_to_write, help="Folder of the study, with its split tables, to fill."
        ),
    ],
) -> None:
    """Compare every metric with the published number, and give a verdict on every number of the paper.

    Writes `metrics.csv` and `verdicts.csv`, and of the headline `headline.json`.

    Example: `leukorepro judge --spec results/demo/specs/judgement/atteia2022-1f0c.json
    --measured results/demo/atteia2022/measured.csv --published config/published/atteia2022.csv
    --audit results/audit/atteia2022.json --scan results/datasets/allidb_demo-demo/scan.json
    --manifest results/datasets/allidb_demo-demo/manifest.csv --output results/demo/atteia2022`
    """
    from leukorepro.config.study.published import read_published
    from leukorepro.core.store import write_json
    from leukorepro.core.tables.results import METRICS_TABLE, VERDICTS_TABLE
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.split_tables import read_splits
    from leukorepro.evaluation.answers import read_answers
    from leukorepro.evaluation.headline import headline_numbers
    from leukorepro.evaluation.testability import of_other_images, other_dataset, read_scan, untested
    from leukorepro.evaluation.verdicts import judge as run
    from leukorepro.evaluation.verdicts import read_impossible, read_measured
    from leukorepro.ladder.rungs import PUBLISHED
    from leukorepro.run.paths import StudyFolder
    from leukorepro.run.specifications.judgement import JudgementSpecification
    from leukorepro.run.specifications.specification import read_specification

    told, folder = read_specification(JudgementSpecification, spec), StudyFolder(output)
    scanned, labels = read_scan(scan), read_manifest(manifest)[["image_id", "label", "subject_id"]]

    def rows_of(split: str) -> DataFrame:
        return read_splits(folder.splits(PUBLISHED, split)).merge(labels, "left", "image_id")

    table, conditions = (
        read_measured(measured, told.study.study),
        untested(told.study, told.budget, scanned["complete"]),
    )
    judged = run(
        table,
        read_published(published),
        told.study,
        read_impossible(audit, told.study.study.key),
        conditions,
        of_other_images(told.study, scanned),
        read_answers(audit, told.study, other_dataset(told.study, scanned["complete"]), scanned, rows_of),
    )
    METRICS_TABLE.write(judged.metrics, folder.table("metrics"))
    VERDICTS_TABLE.write(judged.verdicts, folder.table("verdicts"))
    write_json(headline_numbers(told.study, table, conditions), folder.headline)
    print(judged.verdicts["verdict"].value_counts().to_string())
