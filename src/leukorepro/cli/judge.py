"""`leukorepro judge`: what becomes of the numbers that a paper prints."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import SpecOption


def judge(
    spec: SpecOption,
    measured: Annotated[
        Path, typer.Option(help="Every metric with its interval, as `leukorepro evaluate` writes them.")
    ],
    published: Annotated[Path, typer.Option(help="CSV file of the numbers that the paper prints.")],
    audit: Annotated[
        Path, typer.Option(help="Audit of these numbers, as `leukorepro audit published --out` writes it.")
    ],
    scan: Annotated[Path, typer.Option(help="Summary of the dataset, as `leukorepro data scan --summary` writes it.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to fill.")],
) -> None:
    """Compare every metric with the published number, and give a verdict on every number of the paper.

    Writes `metrics.csv` and `verdicts.csv`.

    Example: `leukorepro judge --spec results/demo/specs/judgement/atteia2022-1f0c.json
    --measured results/demo/atteia2022/measured.csv --published config/published/atteia2022.csv
    --audit results/audit/atteia2022.json --scan results/datasets/allidb_demo-demo/scan.json
    --output results/demo/atteia2022`
    """
    from leukorepro.config.study.published import read_published
    from leukorepro.core.store import read_json
    from leukorepro.core.tables.results import MEASURED_TABLE, METRICS_TABLE, VERDICTS_TABLE
    from leukorepro.evaluation.testability import of_other_images, untested
    from leukorepro.evaluation.verdicts import judge as run
    from leukorepro.evaluation.verdicts import read_impossible
    from leukorepro.run.paths import StudyFolder
    from leukorepro.run.specifications.judgement import JudgementSpecification
    from leukorepro.run.specifications.specification import read_specification

    told, folder = read_specification(JudgementSpecification, spec), StudyFolder(output)
    scanned = read_json(scan)
    judged = run(
        MEASURED_TABLE.read(measured),
        read_published(published),
        told.study,
        read_impossible(audit, told.study.study.key),
        untested(told.study, told.budget, scanned["complete"]),
        of_other_images(told.study, scanned),
    )
    METRICS_TABLE.write(judged.metrics, folder.table("metrics"))
    VERDICTS_TABLE.write(judged.verdicts, folder.table("verdicts"))
    print(judged.verdicts["verdict"].value_counts().to_string())
