"""Fetch a published dataset: downloaded, checked, unpacked beside its place, looked at, and put there whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from leukorepro.config.adapters import ADAPTERS
from leukorepro.config.datasets import RealDataset
from leukorepro.core.errors import UserError, look_up
from leukorepro.core.fetching.download import download
from leukorepro.core.fetching.publication import Archive, Publication
from leukorepro.core.listing import Listing
from leukorepro.core.places import check_output_folder
from leukorepro.core.store import lives, sha256_file, write_json
from leukorepro.data.folders import list_images
from leukorepro.data.public.arrays import unpack_arrays
from leukorepro.data.public.unpacking import UnusableArchive, unpack

RECORD = ".fetched.json"
"""Hidden file in the dataset's folder: where its images came from, and the SHA-256 of what came."""


class Fetched(NamedTuple):
    """A dataset in its place."""

    listing: Listing
    already: bool
    """It was there before, and nothing was downloaded."""


def fetchable() -> dict[str, Publication]:
    """The published datasets by name, those that nobody may download without consent among them."""
    entries = {name: getattr(entry, "publication", None) for name, entry in ADAPTERS.items()}
    return {name: publication for name, publication in entries.items() if publication is not None}


def find_publication(name: str) -> Publication:
    """The published dataset of that name.

    Raises
    ------
    UserError
        If there is none.
    """
    return look_up(fetchable(), name, "published dataset", "data fetch")


def fetch(publication: Publication, folder: Path, url: str | None = None) -> Fetched:
    """Put a published dataset into a folder, unless it is there.

    What is downloaded lies beside the folder, as ``.<name>.fetching``, until the images are in their place, so that a
    fetch which was broken off continues.

    Parameters
    ----------
    publication : Publication
        Something of it can be downloaded, or `url` names a copy.
    folder : Path
        New or empty, or with the dataset in it.
    url : str, optional
        Another address of its archive; where there are several, or the address ends with a slash, of the folder that
        they lie in under their names. A published checksum holds for these as well.

    Returns
    -------
    Fetched
        What lies there, and whether it was there before.

    Raises
    ------
    UserError
        If the folder holds something else, or only a part; if what is needed cannot be downloaded, or is not what was
        published; or if it does not hold the dataset's images. The folder is then as it was.
    """
    check_output_folder(folder)
    folder = folder.resolve()  # where it is a link, what is linked to is filled
    dataset = ADAPTERS[publication.name](adapter=publication.name, images=folder)
    if folder.is_dir() and any(folder.iterdir()):
        return Fetched(_there(dataset, folder), already=True)
    archives = _archives(publication, url)
    downloads = folder.with_name(f".{folder.name}.fetching")
    for archive in archives:
        download(archive.url, downloads / archive.file, archive.checksum)
    with _beside(folder) as unpacked:
        listing = _unpack(archives, downloads, unpacked, dataset)
        write_json(
            {
                "dataset": publication.name,
                "licence": publication.licence,
                "files": [{"url": a.url, "sha256": sha256_file(downloads / a.file)} for a in archives],
            },
            unpacked / RECORD,
        )
        if folder.is_dir():
            folder.rmdir()  # it is empty
        unpacked.rename(folder)
    shutil.rmtree(downloads)
    return Fetched(listing, already=False)


def _there(dataset: RealDataset, folder: Path) -> Listing:
    """What lies in a folder that is not empty, if that is the dataset.

    Raises
    ------
    UserError
        If it is another one, or a part that no fetch has put there.
    """
    listing = list_images(dataset, folder)
    if (folder / RECORD).is_file() or all(part.complete for part in listing.parts):
        return listing
    told = "; ".join(part.sentence for part in listing.parts)
    raise UserError(
        f"{folder}: holds images already, and not all ({told}); nothing was changed. Move them away, or name another "
        "folder with --to."
    )


def _archives(publication: Publication, url: str | None) -> list[Archive]:
    """What is to be downloaded, from its publisher or from another address."""
    archives = list(publication.archives)
    if url is None:
        return archives
    if not url.startswith(("http://", "https://")):
        raise UserError(f"--url: given '{url}', expected an address that begins with http:// or https://.")
    if not archives:
        return [Archive(url, name=Archive(url).file or f"{publication.name}.archive")]
    if len(archives) == 1 and not url.endswith("/"):
        folder_of = [url]
    else:
        folder_of = [f"{url.rstrip('/')}/{archive.file}" for archive in archives]
    return [
        Archive(address, archive.checksum, archive.file, archive.top, archive.into)
        for address, archive in zip(folder_of, archives, strict=True)
    ]


def _unpack(archives: list[Archive], downloads: Path, folder: Path, dataset: RealDataset) -> Listing:
    """Unpack what was downloaded, and list it; what is not the dataset is downloaded again the next time.

    Raises
    ------
    UserError
        If it cannot be unpacked, or does not hold the dataset's images.
    """
    for archive in archives:
        file = downloads / archive.file
        try:
            if archive.file.endswith(".npz"):
                unpack_arrays(file, folder / archive.into, dataset.classes)
            else:
                unpack(file, folder / archive.into, archive.top)
        except UnusableArchive:
            file.unlink()
            raise
    try:
        return list_images(dataset, folder)
    except UserError as error:
        shutil.rmtree(downloads)
        told = str(error).replace(f"{folder}/", "").replace(str(folder), "its archive")
        raise UserError(f"{archives[0].url}: what came is not the dataset: {told}") from None


@contextmanager
def _beside(folder: Path) -> Iterator[Path]:
    """A new folder beside another one, removed unless it is renamed; those of processes that were killed go first."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    for leftover in folder.parent.glob(f".{folder.name}.*.unpacking"):
        pid = leftover.name.split(".")[-2]
        if pid.isdigit() and not lives(int(pid)):
            shutil.rmtree(leftover)
    new = folder.with_name(f".{folder.name}.{os.getpid()}.unpacking")
    new.mkdir()
    try:
        yield new
    finally:
        shutil.rmtree(new, ignore_errors=True)
