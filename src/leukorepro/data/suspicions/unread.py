"""Files that look like images and are not read, and folders that look like classes and have none."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath

from leukorepro.data.folders import IMAGE_SUFFIXES
from leukorepro.data.suspicions.wording import these

_PICTURE = re.compile(
    "gif|webp|jfif|jpe|pjpeg|avif|hei[cf]|hif|jp2|j2k|jp[fx]|jx[lr]|wdp|hdp|svg|ico|dib|psd|xcf|tga|pcx|exr|hdr|p[pgbna]m"
    "|raw|dng|nef|cr[23w]|arw|orf|rw2|raf|pef|srw"  # of cameras
    "|svs|ndpi|mrxs|scn|vsi|czi|zvi|lif|lsm|nd2|oi[bf]|stk|bif|vms|qptiff|ets|dcm|dicom"  # of microscopes, scanners
    "|np[yz]|mat|h5|hdf5|zarr|mh[ad]|nii|nrrd"  # arrays
)
"""Endings of files that hold images; those that are read are rows."""
_ARCHIVE = re.compile("zip|tar|tgz|gz|bz2|xz|zst|7z|rar")
_DOCUMENT = re.compile(
    "txt|[ct]sv|jsonl?|xml|html?|md|rst|pdf|docx?|odt|rtf|xlsx?|ods|pptx?|ya?ml|toml|ini|cfg|log|py|ipynb|m|r|sh|bat|db"
    "|sqlite|lnk|url|md5|sha256|dvc|parquet"
)
"""Endings of files that stand beside images and are none."""

_FIRST_BYTES = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8|II[*+]\0|MM\0[*+]|BM.{4}\0{4}|RIFF.{4}WEBP|.{4}ftyp(?:hei|avif|mif1)"
    rb"|\0{3}\x0cjP  |\x93NUMPY|ZISRAWFILE|.{128}DICM",
    re.DOTALL,
)
_SAVE_THEM = f"save them as one of {', '.join(sorted(IMAGE_SUFFIXES))}"


def unread_files(others: Collection[str], folder: Path, lost: Collection[str]) -> Iterator[str]:
    """Sentences on what was not read.

    Parameters
    ----------
    others : collection of str
        Files below the dataset's folder that are no images of it. Those whose ending says nothing are opened for their
        first bytes.
    folder : Path
        The dataset's folder.
    lost : collection of str
        Folders right below it that lie where classes do, and have no image.
    """
    yield from _without_images(lost, others)
    elsewhere = [path for path in others if path.split("/")[0] not in lost]
    packed = [path for path in elsewhere if _ARCHIVE.fullmatch(_ending(path))]
    if packed:
        yield f"{these(packed, 'file')} like packed images, which are not read; unpack them, or move them away."
    unread = [path for path in elsewhere if _holds_an_image(path, folder)]
    if unread:
        yield (
            f"{these(unread, 'file')} like images, which are not read ({_endings(unread)}); {_SAVE_THEM}, or move them"
            " away."
        )


def _without_images(folders: Iterable[str], others: Iterable[str]) -> Iterator[str]:
    """Folders beside those of the classes none of whose files was read."""
    below = defaultdict(list)
    for path in others:
        below[path.split("/")[0]].append(path)
    for folder in sorted(folders):
        if not below[folder]:
            yield f"the folder '{folder}' looks like a class, but holds no file, or hidden ones only."
        elif not all(_DOCUMENT.fullmatch(_ending(path)) for path in below[folder]):
            yield (
                f"the folder '{folder}' looks like a class, but none of its files is read ({_endings(below[folder])}); "
                f"{_SAVE_THEM}, or move the folder away."
            )


def _holds_an_image(path: str, folder: Path) -> bool:
    """Whether an ending says so, or a file's first bytes where its ending says nothing."""
    ending = _ending(path)
    if _PICTURE.fullmatch(ending):
        return True
    if _DOCUMENT.fullmatch(ending) or _ARCHIVE.fullmatch(ending):
        return False
    try:
        with (folder / path).open("rb") as file:
            return _FIRST_BYTES.match(file.read(132)) is not None
    except OSError:
        return False


def _ending(path: str) -> str:
    """In small letters, without the dot."""
    return PurePosixPath(path).suffix.lower().removeprefix(".")


def _endings(paths: Iterable[str]) -> str:
    counts = Counter(PurePosixPath(path).suffix.lower() or "no ending" for path in paths)
    return ", ".join(f"{count:,} {ending}" for ending, count in counts.most_common())
