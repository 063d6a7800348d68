"""A dataset as it is on disk: every image file decoded once; its manifest, and a summary."""

from __future__ import annotations

from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from leukorepro.config.joined import StudiedDataset
from leukorepro.core.errors import UserError, some
from leukorepro.core.listing import Listing, Row
from leukorepro.core.store import sha256_file
from leukorepro.core.tables.data import MANIFEST_TABLE
from leukorepro.data.crops import find_photographs_once, summarise
from leukorepro.data.fingerprints import SIDE
from leukorepro.data.folders import list_images
from leukorepro.data.groups import components
from leukorepro.data.images import UnreadableImage, decode, pixel_digest, read_rgb
from leukorepro.data.subjects.look_alikes import suspicious_subjects
from leukorepro.data.suspicions.names import of_names
from leukorepro.data.suspicions.pictures import of_pictures, small_picture
from leukorepro.data.suspicions.sites import of_sites

EXAMPLES = 10
"""How many names the summary gives for each kind of conversion, and an error for unreadable files."""


@dataclass(frozen=True)
class Scan:
    """A dataset as it was found on disk."""

    manifest: pd.DataFrame
    """One row per image file, sorted by path; the columns are those of `MANIFEST_TABLE`."""
    crops: pd.DataFrame
    """Crops and the photographs that they were found in; the columns are those of `CROPS_TABLE`."""
    summary: dict[str, Any]
    """Counts and findings, ready for JSON; see `scan`."""


def scan(dataset: StudiedDataset, images: Path, *, workers: int = 1, progress: bool = True) -> Scan:
    """Decode every image of a dataset once and write down what it is.

    Readable images with equal bytes or equal pixels share one `source_id`, and so do a crop and the photograph that it
    is found in, where the dataset has both and does not say which from which: the smallest of those that they, and what
    is linked to them, came with. An unreadable file keeps its row, with its status, and is linked to nothing.

    Parameters
    ----------
    dataset : Dataset or JoinedDataset
        The dataset's configuration.
    images : Path
        Folder of the images.
    workers : int
        Threads that decode; Pillow decodes outside of Python's lock.
    progress : bool
        Whether to draw a progress bar on the error stream.

    Returns
    -------
    Scan
        The same whatever the number of workers and the order of the files on disk. Keys of its summary:

        - ``images``, ``readable``: numbers of files;
        - ``classes``, ``subjects``, ``sources``: readable images, subjects and photographs per class;
        - ``subjects_total``, ``sources_total``: over all classes;
        - ``splits``: readable images per official split and class; ``external_split``: the held-out one, or empty;
        - ``sites``: readable images per site and class, where the dataset says where its images were made;
        - ``excluded``: ``column, value, images`` of what the dataset's configuration leaves out;
        - ``status``: files per status; ``unreadable``: ``image_id, status, reason`` of each that is not ok;
        - ``conversions``: ``what, images, examples`` for each thing done to make 8-bit RGB of a file;
        - ``sizes``: ``[width, height, images]``, most frequent first;
        - ``equal_content``: ``images, labels, subjects`` of readable images with equal bytes or pixels;
        - ``label_conflicts``: those of them that are filed under different classes;
        - ``crops``: of a dataset whose crops were looked for, see `leukorepro.data.crops.summarise`; else None;
        - ``parts``: ``name, complete, expected, found`` for the parts of a published dataset;
          ``complete``: whether all of them are; ``completeness``: the same as sentences;
        - ``suspicions``: sentences on what looks as if it were not meant as it was understood;
        - ``notes``, ``ignored``: what was left out, and files that are no images, by ending.

    Raises
    ------
    UserError
        If the folder is missing or empty, or if its adapter finds a fault.
    """
    listing = list_images(dataset, images)
    with ThreadPoolExecutor(workers) as pool:
        work = pool.map(partial(_look_at, Path(images), dataset.max_pixels), listing.rows)
        seen = list(
            tqdm(work, total=len(listing.rows), desc="Scanning", unit="image", mininterval=1, disable=not progress)
        )
    # An unreadable file is equal to nothing: two empty ones would tie strangers together.
    digests = [look.sha256 if look.status == "ok" else "" for look in seen]
    pixels = [look.pixels for look in seen]
    paths = [row.path for row in listing.rows]
    names = [row.name for row in listing.rows]
    readable = {path: digest for path, digest in zip(paths, digests, strict=True) if digest}
    crops, photographs = (
        {path: readable[path] for path in some_of if path in readable}
        for some_of in (listing.crops, listing.photographs)
    )
    read = partial(_read_grey, Path(images), dataset.max_pixels)
    found = find_photographs_once(crops, photographs, read, workers=workers, progress=progress)
    # Each link is a row more, which shares one key with the crop and another with the photograph.
    none = [""] * len(found)
    sources = [row.source_id or row.name for row in listing.rows]
    linked = components(
        [*paths, *found["image_id"]],
        [*paths, *found["photograph"]],
        *([*own, *none] for own in (sources, digests, pixels)),
    )
    manifest = pd.DataFrame(
        {
            "image_id": names,
            "path": paths,
            "label": [row.label for row in listing.rows],
            "subject_id": [row.subject_id for row in listing.rows],
            "source_id": pd.Series(sources).groupby(linked[: len(paths)]).transform("min"),
            "official_split": [row.official_split for row in listing.rows],
            "sha256": [look.sha256 for look in seen],
            "width": [look.width for look in seen],
            "height": [look.height for look in seen],
            "status": [look.status for look in seen],
        },
        columns=list(MANIFEST_TABLE.columns),
    )
    labels = dict(zip(paths, manifest["label"], strict=True))
    summary = _summary(manifest, listing, seen, components(digests, pixels))
    summary["suspicions"] = [*_suspicions(manifest, listing, seen, Path(images)), *of_sites(summary["sites"])]
    summary["crops"] = summarise(found, crops, photographs, labels) if crops and photographs else None
    called = dict(zip(paths, names, strict=True))
    found = found.assign(**{column: found[column].map(called) for column in ("image_id", "photograph")})
    return Scan(manifest, found, summary)


def check_readable(scan: Scan, max_unreadable: int) -> None:
    """Refuse a dataset with more unreadable files than are tolerated.

    Parameters
    ----------
    scan : Scan
        Of the whole dataset.
    max_unreadable : int
        How many files may be unreadable; they take no part in anything.

    Raises
    ------
    UserError
        With the names of the first ten and the status of each.
    """
    bad = scan.summary["unreadable"]
    if len(bad) > max_unreadable:
        names = some((f"{one['image_id']} ({one['status']})" for one in bad), EXAMPLES)
        raise UserError(
            f"{len(bad):,} of {scan.summary['images']:,} image files cannot be read, but max_unreadable is "
            f"{max_unreadable}: {names}. Repair or remove them, or leave them out with `max_unreadable: {len(bad)}` in "
            f"the dataset's configuration (`--max-unreadable {len(bad)}` on the command line)."
        )


@dataclass(frozen=True)
class _Look:
    """What one file turned out to be."""

    sha256: str = ""
    pixels: str = ""
    picture: NDArray[np.uint8] | None = None
    width: int = 0
    height: int = 0
    status: str = "ok"
    reason: str = ""
    conversions: tuple[str, ...] = ()


def _look_at(folder: Path, max_pixels: int, row: Row) -> _Look:
    path = folder / row.path
    try:
        sha256 = sha256_file(path)
    except OSError as error:
        return _Look(status="unreadable", reason=str(error.strerror))
    try:
        pixels, conversions = decode(path, max_pixels)
    except UnreadableImage as error:
        return _Look(sha256, status=error.status, reason=error.reason)
    height, width, _ = pixels.shape
    return _Look(sha256, pixel_digest(pixels), small_picture(pixels), width, height, conversions=conversions)


def _read_grey(folder: Path, max_pixels: int, path: str) -> NDArray[np.uint8]:
    return np.asarray(Image.fromarray(read_rgb(folder / path, max_pixels)).convert("L"))


def _summary(manifest: pd.DataFrame, listing: Listing, seen: list[_Look], content: NDArray[np.intp]) -> dict[str, Any]:
    ok = manifest[manifest["status"] == "ok"]
    subjects = ok[ok["subject_id"] != ""]
    converted: dict[str, list[str]] = defaultdict(list)
    for look, row in zip(seen, listing.rows, strict=True):
        for step in look.conversions:
            converted[step].append(row.name)
    equal = _equal_content(manifest, content)
    official = ok[ok["official_split"] != ""]
    sites = pd.Series([row.site for row in listing.rows], index=manifest.index)[ok.index]
    sizes = Counter(zip(ok["width"].tolist(), ok["height"].tolist(), strict=True))
    return {
        "images": len(manifest),
        "readable": len(ok),
        "classes": _counts(ok["label"]),
        "subjects": _counts(subjects.drop_duplicates(["label", "subject_id"])["label"]),
        "subjects_total": int(subjects["subject_id"].nunique()),
        "sources": _counts(ok.drop_duplicates(["label", "source_id"])["label"]),
        "sources_total": int(ok["source_id"].nunique()),
        "splits": {str(name): _counts(rows["label"]) for name, rows in official.groupby("official_split")},
        "external_split": listing.external_split,
        "sites": {str(name): _counts(rows["label"]) for name, rows in ok[sites != ""].groupby(sites[sites != ""])},
        "excluded": [asdict(one) for one in listing.excluded],
        "status": _counts(manifest["status"]),
        "unreadable": [
            {"image_id": row.name, "status": look.status, "reason": look.reason}
            for look, row in zip(seen, listing.rows, strict=True)
            if look.status != "ok"
        ],
        "conversions": [
            {"what": step, "images": len(names), "examples": names[:EXAMPLES]}
            for step, names in sorted(converted.items())
        ],
        "sizes": [[*size, count] for size, count in sorted(sizes.items(), key=lambda item: (-item[1], item[0]))],
        "equal_content": equal,
        "label_conflicts": [one for one in equal if len(set(one["labels"])) > 1],
        "parts": [
            {"name": part.name, "complete": part.complete, "expected": part.expected, "found": part.found}
            for part in listing.parts
        ],
        "complete": bool(listing.parts) and all(part.complete for part in listing.parts),
        "completeness": [part.sentence for part in listing.parts],
        "notes": listing.notes,
        "ignored": listing.ignored,
    }


def _suspicions(manifest: pd.DataFrame, listing: Listing, seen: list[_Look], images: Path) -> list[str]:
    ok = manifest[manifest["status"] == "ok"]
    pictures = [look.picture for look in seen if look.picture is not None]
    return [
        *of_names(listing, images),
        *listing.suspicions,
        *suspicious_subjects(ok["subject_id"]),
        *of_pictures(ok, np.array(pictures, dtype=np.uint8).reshape(-1, SIDE, SIDE)),
    ]


def _counts(values: pd.Series[str]) -> dict[str, int]:
    return {str(value): int(count) for value, count in values.value_counts().sort_index().items()}


def _equal_content(manifest: pd.DataFrame, content: NDArray[np.intp]) -> list[dict[str, list[str]]]:
    sets = pd.Series(content, index=manifest.index)
    shared = manifest[sets.duplicated(keep=False)]
    return [
        {"images": rows["image_id"].tolist(), "labels": rows["label"].tolist(), "subjects": rows["subject_id"].tolist()}
        for _, rows in shared.groupby(sets)
    ]
