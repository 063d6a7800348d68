"""`leukorepro splits repair`: a split table of one's own, with every group on one side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from leukorepro.cli.options import DuplicatesOption, ManifestOption, file_to_read, file_to_write, show

if TYPE_CHECKING:
    from rich.table import Table

    from leukorepro.data.repair.repairing import Repaired

SHOWN = 10
"""Groups on the terminal; all are in the file."""


def repair(
    splits: Annotated[
        Path, typer.Option(callback=file_to_read, help="Split table, ours or your own; image_id and role will do.")
    ],
    manifest: ManifestOption,
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", callback=file_to_write, help="Corrected table; what was moved lies beside, in `*-moved.csv`."
        ),
    ],
    duplicates: DuplicatesOption = None,
    tolerance: Annotated[
        float,
        typer.Option(min=0, max=1, help="Share by which the images of a class in a part of a fold may change."),
    ] = 0.1,
) -> None:
    """Keep every group on one side of a split table, by moving as few rows as possible, the classes balanced.

    A group holds all images that share a subject, a source or their bytes, and near-duplicates with --duplicates;
    where subjects are not known, that is told. A table that is fine comes back unchanged.

    Example: `leukorepro splits repair --splits my_folds.csv --manifest manifest.csv --out corrected.csv`
    """
    from leukorepro.checks.leakage import audit_leakage
    from leukorepro.core.errors import UserError
    from leukorepro.core.tables.data import MOVES_TABLE
    from leukorepro.data.copies.record import read_copies
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.repair.repairing import repair as mend
    from leukorepro.data.split_tables import read_own_splits, write_splits

    beside = out.with_name(f"{out.stem}-moved.csv")
    if beside.resolve() in {file.resolve() for file in (splits, manifest, duplicates) if file is not None}:
        raise UserError(f"--out: what was moved would be written to {beside}, which is read here; choose another name.")
    images = read_manifest(manifest)
    copies = [] if duplicates is None else read_copies(duplicates)
    repaired = mend(read_own_splits(splits), images, copies, tolerance=tolerance, name=str(splits))
    MOVES_TABLE.write(repaired.moves, beside)
    write_splits(repaired.splits, out)
    for line in _lines(repaired, out, beside):
        print(line)
    if len(repaired.moves):
        show(_table(repaired))
    left = audit_leakage(images, {out.stem: repaired.splits}, duplicates=copies)["types"]
    for one in left:
        if one["status"] == "found":
            print(f"Still there, and not for moving rows to mend: {one['id']} {one['name']}. {one['sentence']}")


def _lines(repaired: Repaired, out: Path, beside: Path) -> list[str]:
    moves = repaired.moves
    if moves.empty:
        return [f"Every group lies on one side already: nothing was moved. {out} is the same table.", *repaired.notes]
    images, groups = moves["image_id"].nunique(), moves["group"].nunique()
    total = len(repaired.splits)
    return [
        f"Moved {len(moves):,} of {total:,} rows: {images:,} image(s) of {groups:,} group(s). Each is in {beside}.",
        *repaired.notes,
    ]


def _table(repaired: Repaired) -> Table:
    from rich.table import Table

    alike = ["repeat", "fold", "before", "after", "why"]
    moves = repaired.moves.groupby(alike, as_index=False).agg(rows=("image_id", "size"))
    table = Table("Repeat", "Fold", "From", "To", "Why", "Rows", title="Moved")
    for _, move in moves.sort_values("rows", ascending=False, kind="stable").head(SHOWN).iterrows():
        table.add_row(*(str(move[column]) for column in (*alike, "rows")))
    return table
