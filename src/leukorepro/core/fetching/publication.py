"""What is known of a published dataset: whose it is, what it may be used for, and how a copy is had."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import unquote, urlsplit

from leukorepro.core.places import CONTROL

NONE_KNOWN = "none known"


def default_folder(name: str) -> Path:
    """Where a published dataset is put unless another folder is named."""
    return Path("data") / name


@dataclass(frozen=True)
class Archive:
    """A file that a dataset, or a part of it, is published as."""

    url: str
    checksum: str = ""
    """As its publisher states it, after the name of its kind: ``md5:...`` or ``sha256:...``; empty: none is known, and
    the length that the server tells is all that can be checked."""
    name: str = ""
    """Of the file; default: what the address ends with."""
    top: str = ""
    """The folder that everything in it lies in, left out when it is unpacked."""
    into: str = ""
    """The folder below the dataset's that it is unpacked into; empty: the dataset's own."""

    @property
    def file(self) -> str:
        """Name of the file; empty where it has none, and the address ends with none that a file can have."""
        if self.name:
            return self.name
        last = unquote(urlsplit(self.url).path.rsplit("/", 1)[-1])
        name = PurePosixPath(last.replace("\\", "/")).name  # what was quoted may be a path
        return "" if name == ".." or CONTROL.search(name) else name


@dataclass(frozen=True)
class Publication:
    """A published dataset; every fact here stands in a text that its adapter names."""

    name: str
    """As `leukorepro data fetch` and `adapter:` know it."""
    title: str
    citation: str
    doi: str
    licence: str
    page: str
    """Address where a person reads its terms."""
    archives: tuple[Archive, ...] = ()
    """What can be downloaded without anybody's consent; empty: nothing."""
    size: str = ""
    """Of what is downloaded, in words."""
    steps: tuple[str, ...] = ()
    """What a person does where it cannot be downloaded without one, or where the download fails."""
    patients: str = "not published: no split can keep one on one side"
    """What is known of them."""

    def how_to_get(self, folder: Path) -> str:
        """What to do where a folder lacks its images, in words that others follow."""
        to = "" if folder == default_folder(self.name) else f" --to {shlex.quote(str(folder))}"
        command = f"`leukorepro data fetch {self.name}{to}`"
        if self.archives:
            size = f" ({self.size})" if self.size else ""
            return f"download {self.title}{size} with {command}"
        return f"get {self.title} from {self.page} ({command} says how)"

    @property
    def checked_by(self) -> str:
        """What shows that a download is what was published."""
        kinds = sorted({archive.checksum.partition(":")[0] for archive in self.archives})
        return NONE_KNOWN if kinds in ([], [""]) else ", ".join(kind.upper() for kind in kinds if kind)
