"""`leukorepro data duplicates`: images that are there more than once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leukorepro.cli.options import MOST_WORKERS, MaxPixelsOption, file_to_read, file_to_write, folder_to_read, show
from leukorepro.core.errors import UserError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from pandas import DataFrame
    from rich.table import Table


SHOWN = 10
"""Rows of a table on the terminal; all are in the file."""


KINDS = {"bytes": "their bytes", "pixels": "their pixels", "near": "the cell that they show"}


def duplicates(
    out: Annotated[Path, typer.Option("--out", "-o", callback=file_to_write, help="JSON file to write.")],
    manifest: Annotated[
        Path | None,
        typer.Option(callback=file_to_read, help="Table of the images, as `leukorepro data scan` writes it."),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(callback=folder_to_read, help="Folder of the images; default: compare checksums only."),
    ] = None,
    checksums: Annotated[
        Path | None,
        typer.Option(
            callback=file_to_read, help="Instead of a manifest: lines of SHA-256, size and path, separated by tabs."
        ),
    ] = None,
    adapter: Annotated[
        str | None,
        typer.Option(help="How the files of --checksums are laid out; default: guessed from their names."),
    ] = None,
    features: Annotated[
        Path | None,
        typer.Option(
            callback=file_to_read,
            help="Features of the images by a network, as `leukorepro features extract` writes them, to find cropped "
            "and freely turned copies too; goes with --images.",
        ),
    ] = None,
    max_pixels: MaxPixelsOption = 100_000_000,
    workers: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Files to decode at a time.")] = 2,
) -> None:
    """Find images that are there more than once, across splits, patients and labels.

    Equal files, equal pixels, and near-duplicates: mirrored, turned by quarters, scaled or compressed again; with
    --features also cropped or turned by any angle.

    Example: `leukorepro data duplicates --manifest manifest.csv --images my_smears --out duplicates.json`
    """
    from leukorepro.core.store import write_json
    from leukorepro.data.duplicates import find_duplicates, look_at_images

    if manifest is not None and checksums is None:
        from leukorepro.data.manifest import read_manifest

        if adapter is not None:
            raise UserError("data duplicates: --adapter goes with --checksums; a manifest has its own labels.")
        if features is not None and images is None:
            raise UserError("data duplicates: --features goes with --images; name the folder of the images.")
        table = read_manifest(manifest)
        matrix = None if features is None else _features_of(table, features)
        contents = None
        if images is not None:
            contents = look_at_images(table, images, max_pixels, features=matrix, workers=workers)
        found = find_duplicates(table, contents)
    elif checksums is not None and manifest is None:
        from leukorepro.data.checksums import guess_adapter, incomparable_parts, manifest_of, read_checksums
        from leukorepro.data.folders import count_ignored

        if features is not None:
            raise UserError("data duplicates: --features goes with --manifest and --images.")
        if images is not None:
            raise UserError("data duplicates: --images goes with --manifest; scan the images to have one.")
        files = read_checksums(checksums)
        table = manifest_of(files, adapter or guess_adapter(files), checksums)
        ignored = count_ignored(files["path"], set(table["path"]))
        found = find_duplicates(table, ignored=ignored, notes=incomparable_parts(files, table))
    else:
        given = "both" if manifest is not None else "neither"
        raise UserError(f"data duplicates: {given} of --manifest and --checksums given; give one of them.")
    write_json(found, out)
    print("\n".join(_lines(found)))
    for shown in _tables(found):
        show(shown)


def _features_of(manifest: DataFrame, file: Path) -> NDArray[np.float32]:
    """Features of the readable images of a manifest, in its order."""
    import numpy as np

    from leukorepro.features.fusion import read_features

    read = read_features(file, mapped=True)
    readable = manifest.loc[manifest["status"] == "ok", ["image_id"]].assign(view="identity")
    return np.asarray(read.matrix[read.row_numbers(readable)], dtype=np.float32)


def _lines(found: dict[str, Any]) -> list[str]:
    others = "".join(f", {n:,} {ending}" for ending, n in found["ignored"].items())
    kinds = ", ".join(f"{found['n_by_kind'][kind]:,} by {KINDS[kind]}" for kind in found["examined"])
    lines = [
        f"{found['n_files']:,} files: {found['n_images']:,} images{others}; {found['n_distinct']:,} different images",
        f"Groups of equal images: {found['n_duplicate_groups']:,} ({kinds})",
        f"  across official splits: {found['n_cross_split_groups']:,}",
        f"  across subjects: {found['n_cross_subject_groups']:,}",
        f"  across labels: {len(found['label_conflicts']):,}",
        *(f"Not compared by {KINDS[kind]}: {why}" for kind, why in found["not_examined"].items()),
    ]
    if found["n_subjects"]:
        tied = f"Subjects: {found['n_subjects']:,}; {found['n_subject_groups']:,} groups of those that share an image"
        lines += [tied, *(f"  {' = '.join(names)}" for names in found["linked_subjects"][:SHOWN])]
    else:
        lines.append("Subjects: not known")
    if "features" in (pairs := found["n_near_by_detector"]):
        lines.append(f"Pairs of near-duplicates: {pairs['hash']:,} by hash, {pairs['features']:,} by features")
    return [*lines, *found["notes"]]


def _tables(found: dict[str, Any]) -> list[Table]:
    from rich.table import Table

    tables = []
    if found["splits"]:
        table = Table("Official split", "Images", "With a copy in another split", title="Official splits")
        for name, split in found["splits"].items():
            table.add_row(name, f"{split['images']:,}", f"{split['with_a_copy_in_another_split']:,}")
        tables.append(table)
    for title, what, rows in (
        ("Splits that share images", "splits", found["split_pairs"]),
        ("Subjects that share images", "subjects", found["links"]),
    ):
        if rows:
            table = Table(what.capitalize(), "Groups of equal images", title=title)
            for row in sorted(rows, key=lambda row: -row["groups"])[:SHOWN]:
                table.add_row(" and ".join(row[what]), f"{row['groups']:,}")
            tables.append(table)
    if found["label_conflicts"]:
        table = Table("Image", "Label", title="Equal images under different labels")
        for conflict in found["label_conflicts"][:SHOWN]:
            for image, label in zip(conflict["images"], conflict["labels"], strict=True):
                table.add_row(image, label)
            table.add_section()
        tables.append(table)
    return tables
