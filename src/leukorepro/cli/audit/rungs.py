"""`leukorepro audit rungs`: leakage on every rung of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import ManifestOption, SpecOption, file_to_read, folder_to_write


def rungs(
    spec: SpecOption,
    manifest: ManifestOption,
    duplicates: Annotated[Path, typer.Option(callback=file_to_read, help="Output of `leukorepro data duplicates`.")],
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            callback=folder_to_write,
            help="Folder of the study, with its split tables; `<rung>/leakage.json` is written there.",
        ),
    ],
) -> None:
    """Find leakage on every rung of a study: in its split tables, and in what is fitted or chosen on tested rows.

    Example: `leukorepro audit rungs --spec results/demo/specs/leakage/atteia2022-1f0c.json --manifest manifest.csv
    --duplicates duplicates.json --output results/demo/atteia2022`
    """
    from leukorepro.checks.leakage import audit_leakage
    from leukorepro.core.store import write_json
    from leukorepro.data.copies.record import read_copies
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.split_tables import read_splits_of
    from leukorepro.run.paths import StudyFolder
    from leukorepro.run.specifications.leakage import LeakageSpecification
    from leukorepro.run.specifications.specification import read_specification

    told, images = read_specification(LeakageSpecification, spec), read_manifest(manifest)
    folder = StudyFolder(output)
    groups = read_copies(duplicates)
    for rung, steps in told.rungs.items():
        tables = {name: read_splits_of(images, folder.splits(rung, name)) for name in told.splits}
        found = audit_leakage(images, tables, duplicates=groups, steps=steps)
        write_json(found, folder.leakage(rung))
        seen = [f"{one['id']} {one['name']}" for one in found["types"] if one["status"] == "found"]
        print(f"{rung}: {'; '.join(seen) or 'no leakage found'}")
