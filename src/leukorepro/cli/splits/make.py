"""`leukorepro splits make`: what is trained on and what is tested, before anything is fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import ManifestOption, SpecOption, folder_to_write


def make(
    spec: SpecOption,
    manifest: ManifestOption,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            callback=folder_to_write,
            help="Folder of the study; tables are written to its `<rung>/splits`.",
        ),
    ],
) -> None:
    """Write which images train and which are tested, on every rung and split of a study, before anything is fitted.

    Example: `leukorepro splits make --spec results/demo/specs/splits/atteia2022-1f0c.json --manifest manifest.csv
    --output results/demo/atteia2022`
    """
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.split_tables import write_splits
    from leukorepro.run.paths import StudyFolder
    from leukorepro.run.specifications.specification import read_specification
    from leukorepro.run.specifications.splits import SplitsSpecification
    from leukorepro.run.splitting import splits_of

    told, images = read_specification(SplitsSpecification, spec), read_manifest(manifest)
    for rung, name, table in splits_of(told, images):
        write_splits(table, StudyFolder(output).splits(rung, name))
        rows = table.groupby(["repeat", "fold", "role"]).size().unstack(fill_value=0).to_string()
        print(f"{rung}, {name}:\n{rows}")
