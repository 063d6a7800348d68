"""`leukorepro audit leakage`: what tested rows are known by before they are tested."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leukorepro.cli.options import ManifestOption, file_to_read, file_to_write, show
from leukorepro.core.errors import UserError

if TYPE_CHECKING:
    from rich.table import Table


def leakage(
    manifest: ManifestOption,
    splits: Annotated[
        list[Path],
        typer.Option(
            callback=file_to_read,
            help="Split table, ours or your own, of which image_id and role will do; repeat for more.",
        ),
    ],
    out: Annotated[Path | None, typer.Option(callback=file_to_write, help="JSON file to write.")] = None,
    duplicates: Annotated[
        Path | None,
        typer.Option(
            callback=file_to_read, help="Output of `leukorepro data duplicates`, to count near-duplicates too."
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with status 1 if there is any leakage.")] = False,
) -> None:
    """Find leakage in split tables: columns image_id, view, role (train, validation, test, excluded), repeat, fold.

    Of your own tables, `image_id` and `role` will do: without `view` images are originals, without `repeat` and `fold`
    they are split once.

    A table does not show what was fitted or chosen on tested rows; `leukorepro audit rungs` looks at that, too.

    Example: `leukorepro audit leakage --manifest manifest.csv --splits my_folds.csv --out leakage.json`
    """
    from leukorepro.checks.leakage import audit_leakage
    from leukorepro.core.store import write_json
    from leukorepro.data.copies.record import read_copies
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.split_tables import read_own_splits

    tables = {}
    for file in splits:
        if file.stem in tables:
            raise UserError(f"{file}: a split table of the name '{file.stem}' was given before; rename one.")
        tables[file.stem] = read_own_splits(file)
    groups = None if duplicates is None else read_copies(duplicates)
    found = audit_leakage(read_manifest(manifest), tables, duplicates=groups)
    if out is not None:
        write_json(found, out)
    show(_leakage_table(found))
    if strict and found["n_found"]:
        raise typer.Exit(1)


def _leakage_table(found: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table("Type", "Kapoor and Narayanan (2023)", "Status", "What was seen", title="Leakage")
    for one in found["types"]:
        colour = {"found": "bold red", "none found": "green"}.get(one["status"], "dim")
        table.add_row(one["id"], one["name"], f"[{colour}]{one['status']}[/]", one["sentence"])
    return table
