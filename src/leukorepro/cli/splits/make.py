"""`leukorepro splits make`: what is trained on and what is tested, before anything is fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import DuplicatesOption, ManifestOption, SpecOption, folder_to_write


def make(
    spec: SpecOption,
    manifest: ManifestOption,
    output: Annotated[
        Path,
        typer.Option(
            "--output",
            "-o",
            callback=folder_to_write,
            help="Folder of the study; tables are written to its `<rung>/splits`, what is tied to `groups.json`.",
        ),
    ],
    duplicates: DuplicatesOption = None,
) -> None:
    """Write which images train and which are tested, on every rung and split of a study, before anything is fitted.

    Example: `leukorepro splits make --spec results/demo/specs/splits/atteia2022-1f0c.json --manifest manifest.csv
    --output results/demo/atteia2022`
    """
    from dataclasses import asdict

    from leukorepro.core.store import write_json
    from leukorepro.data.copies.ties import tied_by, ties_of
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.split_tables import write_splits
    from leukorepro.run.paths import StudyFolder
    from leukorepro.run.specifications.specification import read_specification
    from leukorepro.run.specifications.splits import SplitsSpecification
    from leukorepro.run.splitting import splits_of

    told, images = read_specification(SplitsSpecification, spec), read_manifest(manifest)
    tied = tied_by(images, duplicates)
    if duplicates is not None:
        ties = ties_of(images, tied)
        write_json({"near_duplicates": True, **asdict(ties), "n_moved": ties.n_moved}, StudyFolder(output).groups)
        print(ties.sentence)
    for rung, name, table in splits_of(told, images, tied):
        write_splits(table, StudyFolder(output).splits(rung, name))
        rows = table.groupby(["repeat", "fold", "role"]).size().unstack(fill_value=0).to_string()
        print(f"{rung}, {name}:\n{rows}")
