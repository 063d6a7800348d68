"""A list of checksums: what can be known of a dataset's files without the files."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from leukorepro.config.adapters import ADAPTERS, OWN_IMAGES
from leukorepro.config.datasets import RealDataset, real_adapter
from leukorepro.core.errors import UserError
from leukorepro.core.tables.data import MANIFEST_TABLE
from leukorepro.core.validation import parse
from leukorepro.data.folders import is_hidden, is_image, shared_prefix
from leukorepro.data.groups import components

_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


def read_checksums(path: Path) -> pd.DataFrame:
    """Read lines of SHA-256, size in bytes and path, with tabs between them.

    Returns
    -------
    DataFrame with columns sha256, size, path
        One row for each line that is not empty, in the file's order.

    Raises
    ------
    UserError
        If the file is missing or empty, or a line is not such a triple, repeats a path, or gives one content two sizes.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except FileNotFoundError:
        raise UserError(f"{path}: no such file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a readable list of checksums ({error}).") from None
    rows: list[tuple[str, int, str]] = []
    line_of_path: dict[str, int] = {}
    size_of: dict[str, tuple[int, int]] = {}
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path}: line {number}"
        fields = line.split("\t")
        if len(fields) != 3:
            raise UserError(
                f"{where}: {len(fields)} fields; must be SHA-256, size in bytes and path, with tabs between."
            )
        sha256, size, name = fields[0].strip().lower(), fields[1].strip(), fields[2].strip()
        name = (name if "/" in name else name.replace("\\", "/")).removeprefix("./")
        if not _SHA256.fullmatch(sha256):
            raise UserError(f"{where}: '{fields[0]}' is no SHA-256; it must have 64 hexadecimal digits.")
        if not (size.isascii() and size.isdigit()):
            raise UserError(f"{where}: size '{fields[1]}' is not a whole number of bytes; correct it.")
        if not name:
            raise UserError(f"{where}: has no path; write one.")
        if (earlier := line_of_path.setdefault(name, number)) != number:
            raise UserError(f"{where}: the path '{name}' stands in line {earlier} too; keep one of the lines.")
        known, at = size_of.setdefault(sha256, (int(size), number))
        if known != int(size):
            raise UserError(f"{where}: size {size}, but {known} in line {at}, which has the same SHA-256; correct one.")
        rows.append((sha256, int(size), name))
    if not rows:
        raise UserError(f"{path}: holds no line; it must have SHA-256, size in bytes and path, with tabs between.")
    return pd.DataFrame(rows, columns=["sha256", "size", "path"])


def guess_adapter(checksums: pd.DataFrame) -> str:
    """The adapter that knows one of the names for its own, else that of a folder for each class."""
    for name, entry in ADAPTERS.items():
        if issubclass(entry, RealDataset) and any(map(entry.recognises, checksums["path"])):
            return name
    return OWN_IMAGES


def manifest_of(checksums: pd.DataFrame, adapter: str, where: Path) -> pd.DataFrame:
    """The manifest that names and checksums tell: every image counts as readable and has no size in pixels.

    Labels, subjects, photographs and official splits come from the paths. Images of equal bytes share a source, as in
    a scan. C-NMC's preliminary and final phase, whose images have numbers for names, have neither label nor subject.

    Parameters
    ----------
    checksums : DataFrame
        Of `read_checksums`.
    adapter : str
        Whose rules the paths follow.
    where : Path
        What the list is called, for messages.

    Returns
    -------
    DataFrame
        The columns of a manifest, sorted by path; without files that are hidden or no images.

    Raises
    ------
    UserError
        If there is no image, or a name does not follow the adapter's rules.
    """
    paths = list(filter(is_image, checksums["path"]))
    below = len(shared_prefix(paths))
    shown = [path for path in paths if not any(map(is_hidden, path[below:].split("/")))]
    images = checksums[checksums["path"].isin(shown)].sort_values("path", ignore_index=True)
    if images.empty:
        raise UserError(f"{where}: names no image (.bmp, .tif, .jpg, .png or .webp).")
    dataset = parse(real_adapter(adapter, "--adapter"), {"adapter": adapter, "images": where}, Path("--adapter"))
    rows = sorted(dataset.list_names(images["path"].tolist()), key=lambda row: row.path)
    sources = [row.source_id or row.path for row in rows]
    manifest = pd.DataFrame(
        {
            "image_id": [row.path for row in rows],
            "path": [row.path for row in rows],
            "label": [row.label for row in rows],
            "subject_id": [row.subject_id for row in rows],
            "source_id": pd.Series(sources).groupby(components(sources, images["sha256"])).transform("min"),
            "official_split": [row.official_split for row in rows],
            "sha256": images["sha256"],
            "status": "ok",
        }
    )
    return manifest.assign(width=0, height=0)[list(MANIFEST_TABLE.columns)]


def incomparable_parts(checksums: pd.DataFrame, manifest: pd.DataFrame) -> list[str]:
    """Sentences on official splits whose files could not have equal bytes, whatever they show.

    Parameters
    ----------
    checksums, manifest : DataFrame
        A list of checksums and its manifest.
    """
    sizes = manifest["path"].map(checksums.set_index("path")["size"])
    of_split = {str(split): set(of) for split, of in sizes.groupby(manifest["official_split"]) if split}
    alone: dict[str, list[str]] = {}
    for split, own in of_split.items():
        others = [other for other in of_split if not own & of_split[other]]
        if others:
            alone[split] = others
    return [
        f"No file of {split} is as long as one of {', '.join(others)}: checksums cannot compare them."
        for split, others in alone.items()
    ]
