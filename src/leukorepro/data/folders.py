"""A dataset's folder: the walk that finds its files, and what its adapter says of them."""

from __future__ import annotations

import dataclasses
import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from fnmatch import translate
from itertools import takewhile
from pathlib import Path, PurePosixPath
from typing import Literal

from leukorepro.config.joined import JoinedDataset, StudiedDataset
from leukorepro.core.errors import UserError, some
from leukorepro.core.listing import Listing
from leukorepro.core.places import CONTROL
from leukorepro.data.joined import join

IMAGE_SUFFIXES = frozenset({".bmp", ".tif", ".tiff", ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp"})
"""A file with one of these endings is a row of the manifest, whatever it holds."""

MADE_BY_SYSTEMS = (
    # Hidden on Unix: .AppleDouble, ._name, .@__thumb, .thumbnails, .picasaoriginals, .ipynb_checkpoints
    ".*",
    # macOS, and servers for it
    *("__MACOSX", "Icon\r", "Network Trash Folder", "Temporary Items", "TheVolumeSettingsFolder", "Desktop D[BF]"),
    ":2e*",  # a dot, of such a server
    # Windows
    *("$RECYCLE.BIN", "RECYCLER", "RECYCLED", "System Volume Information", "found.[0-9][0-9][0-9]", "@GMT-*"),
    *("Thumbs.db*", "ehthumbs*.db", "desktop.ini", "AlbumArt*.jpg", "_vti_cnf", "*:Zone.Identifier"),
    # Unix, tar, NetApp, Python
    *("lost+found", "PaxHeader", "PaxHeaders.*", "~snapshot", "__pycache__"),
    # Synology and TerraMaster
    *("@eaDir", "#recycle", "#snapshot", "@tmp", "@sharebin", "*@Syno*", "SYNO*_THUMB_*"),
    # QNAP
    *("@Recycle", "@Recently-Snapshot", "@__thumb", "@Transcode"),
    # What shows photographs
    *("Picasa.ini", "*.lrdata", "ZbThumbnail.info", "pspbrwse.jbf"),
)
"""Names, in either case, of files and folders that operating systems, storage systems and viewers put beside images:
thumbnails, deleted files, older states. None of them is an image of the dataset."""

_HIDDEN = re.compile("|".join(map(translate, MADE_BY_SYSTEMS)), re.IGNORECASE)


@dataclass(frozen=True)
class Walk:
    """What lies in a dataset's folder and below it."""

    files: list[str]
    """Paths below it with forward slashes, sorted, so that the order of the disk does not matter."""
    folders: list[str]
    """Names of the folders right below it, sorted, without those that a system has made."""
    left_out: dict[str, int]
    """How many files are ``hidden`` (they, or a folder above them, are hidden or made by a system), and how many are
    ``not a file``: pipes, sockets and devices, whatever their ending."""
    outside: list[str]
    """Those of the files that lie elsewhere, where a link leads; sorted."""


def list_images(dataset: StudiedDataset, folder: Path) -> Listing:
    """List a dataset's image files with all that its adapter knows, without opening any.

    Parameters
    ----------
    dataset : Dataset or JoinedDataset
    folder : Path
        Folder of the images; two datasets say themselves where theirs lie.

    Returns
    -------
    Listing
        Rows sorted by path; the files that are no rows are counted in `ignored`.

    Raises
    ------
    UserError
        If the folder is missing or holds no image, or if the adapter finds a fault.
    """
    if isinstance(dataset, JoinedDataset):
        return join(dataset, *(list_images(part.dataset, part.images) for part in dataset.parts))
    folder = Path(folder)
    expected = f"expected there: {dataset.belongs_there}. Put them there, or let `images` name their folder."
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; {expected}")
    walked = walk(folder)
    listing = dataset.list_rows(folder, walked.files)
    if not listing.rows:
        raise UserError(f"{folder}: holds no image of the dataset; {expected}")
    rows = sorted(listing.rows, key=lambda row: row.path)
    taken = {row.path for row in rows}
    return dataclasses.replace(
        listing,
        rows=rows,
        folders=walked.folders,
        suspicions=[*listing.suspicions, *_told_outside(folder, taken.intersection(walked.outside))],
        others=[file for file in walked.files if file not in taken],
        ignored=dict(sorted({**count_ignored(walked.files, taken), **walked.left_out}.items())),
    )


def _told_outside(folder: Path, images: Collection[str]) -> list[str]:
    """What is said of images that links lead out of the folder to; where to is the machine's business."""
    if not images:
        return []
    names = f"{len(images):,} image{'s lie' if len(images) > 1 else ' lies'}"
    return [
        f"{names} outside of {folder}, where symbolic links lead: {some(sorted(images))}; who copies or removes that "
        "folder does not copy or remove them. Put files in the place of the links where that matters."
    ]


def walk(folder: Path) -> Walk:
    """List the files below a folder, links followed; a link to nothing is listed too, and found unreadable later.

    Raises
    ------
    UserError
        If a folder links back to one above it, by itself or through others, or may not be read, or a name cannot be
        written into a table.
    """
    files: list[str] = []
    folders: list[str] = []
    left_out: Counter[str] = Counter()
    outside: list[str] = []
    top = folder.resolve()
    first: tuple[str, bool, bool, tuple[Path, ...]] = ("", False, False, ())
    waiting = [first]
    while waiting:
        prefix, within_hidden, within_outside, linking = waiting.pop()  # the last: where the links on the way lie
        for entry in _entries(folder / prefix, must_be_read=not within_hidden):
            path = prefix + entry.name
            hidden = within_hidden or is_hidden(entry.name)
            kind = _kind(entry)
            leaves = within_outside
            if entry.is_symlink() and kind != "neither":
                leaves = not _followed(entry).is_relative_to(top)
            if kind == "folder":
                way = (*linking, (folder / prefix).resolve()) if entry.is_symlink() else linking
                if entry.is_symlink() and any(above.is_relative_to(_followed(entry)) for above in way):
                    raise UserError(f"{entry.path}: links back to a folder above it; remove the link.")
                waiting.append((f"{path}/", hidden, leaves, way))
                if not prefix and not hidden:
                    folders.append(path)
            elif hidden:
                left_out["hidden"] += 1
            elif kind == "neither":
                left_out["not a file"] += 1
            elif CONTROL.search(path):
                raise UserError(f"{folder}: the name {path!r} has control or undecodable characters; rename it.")
            else:
                files.append(path)
                outside += [path] * leaves
    return Walk(sorted(files), sorted(folders), dict(left_out), sorted(outside))


def _followed(link: os.DirEntry[str]) -> Path:
    """Where a link leads, as far as it does."""
    return Path(os.path.realpath(link.path))


def _entries(folder: Path, *, must_be_read: bool) -> Iterator[os.DirEntry[str]]:
    """What lies right in a folder; nothing where it may not be read and need not be."""
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except OSError as error:
        if must_be_read:
            raise UserError(f"{folder}: {error.strerror}; allow reading it, or move it away.") from None


def _kind(entry: os.DirEntry[str]) -> Literal["folder", "file", "neither"]:
    """What an entry is or leads to; a link that leads nowhere is a file that cannot be read."""
    try:
        if entry.is_dir():
            return "folder"
        if entry.is_file():
            return "file"
    except OSError:  # a link to itself
        return "file"
    return "neither" if os.path.exists(entry.path) else "file"  # noqa: PTH110 - of a link, what it leads to


def is_hidden(name: str) -> bool:
    """Whether a file or folder is called as hidden ones are, or those that a system makes."""
    return _HIDDEN.fullmatch(name) is not None


def is_image(path: str) -> bool:
    """Whether a file's name ends as an image's does."""
    return os.path.splitext(path)[1].lower() in IMAGE_SUFFIXES  # noqa: PTH122 - ten thousand files, at each start


def shared_prefix(paths: Iterable[str]) -> str:
    """The folders that all files lie in, with a slash at the end; empty where there is none."""
    levels = zip(*(path.split("/")[:-1] for path in paths), strict=False)
    return "".join(f"{names[0]}/" for names in takewhile(lambda names: len(set(names)) == 1, levels))


def count_ignored(files: Iterable[str], taken: Collection[str]) -> dict[str, int]:
    """Count the files that are not taken for images, by ending.

    Parameters
    ----------
    files : iterable of str
        Paths of all files below the folder, with forward slashes.
    taken : collection of str
        Those that are rows.

    Returns
    -------
    dict of str to int
        Number of the others by ending, in lower case; by its name for a file without an ending. Sorted.
    """
    counts = Counter(PurePosixPath(f).suffix.lower() or PurePosixPath(f).name for f in files if f not in taken)
    return dict(sorted(counts.items()))
