"""Images by the names that people write for them, and how a name that fits none differs from the nearest."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect
from collections.abc import Callable, Iterable, Iterator
from difflib import get_close_matches
from functools import cached_property
from itertools import takewhile
from pathlib import PurePosixPath
from typing import TYPE_CHECKING
from urllib.parse import unquote

from leukorepro.core.errors import UserError, some

if TYPE_CHECKING:
    import pandas as pd

_QUOTES = "\"'`\u2018\u2019\u201c\u201d\u201e\u00ab\u00bb"
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+://+", re.I)
_WINDOWS = re.compile(r"[a-z]:[\\/]+|\\\\+", re.I)

_COMPARED = 500
"""Names on either side that are compared letter by letter, which takes a tenth of a millisecond each."""


class ImageNames:
    """The images of a folder.

    Parameters
    ----------
    images : iterable of str
        Paths below the folder, with forward slashes.
    """

    def __init__(self, images: Iterable[str]) -> None:
        self._images = list(images)

    @property
    def any(self) -> bool:
        """Whether there is an image at all."""
        return bool(self._images)

    def find(self, given: str) -> list[str]:
        """Images whose path below the folder, or else whose file name, is the given one; several of one file name.

        Backslashes may stand for slashes. The Unicode form matters only where two images differ in nothing else.
        """
        return next((found for index, key in self._ways_to(given) if (found := index.get(key))), [])

    def _ways_to(self, given: str) -> Iterator[tuple[dict[str, list[str]], str]]:
        """Where to look a name up, and as what; the later ones are seldom reached."""
        name = str(PurePosixPath(given.replace("\\", "/")))
        yield self._paths, given
        yield self._paths, name
        yield self._normalised_paths, _nfc(name)
        yield self._names, name
        yield self._normalised_names, _nfc(name)

    def resembling(self, given: str) -> tuple[str, str] | None:
        """The image that a name which fits none seems to mean, and what the name has otherwise.

        That is for a message: the name may mean another image than this, and is never taken for it.
        """
        bare, how, rooted = _without_wrapping(given)
        path = PurePosixPath(bare.replace("\\", "/"))
        meant = self._stems.get(_folded(path.name), []) or self._stems.get(_folded(path.stem), [])
        if not meant:
            meant = self._numbers.get(_without_zeros(path.name), []) or self._numbers.get(_without_zeros(path.stem), [])
        if not meant:
            return None
        image = max(
            meant,
            key=lambda one: (_shared_folders(path, PurePosixPath(one)), _folded(path.name) == _folded(_name(one))),
        )
        how += _other_folders(path, PurePosixPath(image)) if not rooted else []
        how += _other_name(path, PurePosixPath(image))
        return image, " and ".join(how) or "another Unicode form"

    def nearest(self, given: str) -> str:
        """The image whose path is most like a name, among those that begin most like it."""
        ordered = sorted(self._images)
        at = bisect(ordered, given)
        return get_close_matches(given, ordered[max(0, at - _COMPARED) : at + _COMPARED], n=1, cutoff=0)[0]

    def why_none(self, given: str) -> str:
        """Why no image is the one of a name, in words that follow it."""
        if several := self.find(given):
            return f"is the name of {len(several):,} images ({some(several)})"
        if meant := self.resembling(given):
            return f"is like '{meant[0]}' but has {meant[1]}"
        return f"is none of them (the nearest is '{self.nearest(given)}')"

    @cached_property
    def _paths(self) -> dict[str, list[str]]:
        return self._index(str)

    @cached_property
    def _names(self) -> dict[str, list[str]]:
        return self._index(_name)

    @cached_property
    def _normalised_paths(self) -> dict[str, list[str]]:
        return self._index(_nfc)

    @cached_property
    def _normalised_names(self) -> dict[str, list[str]]:
        return self._index(lambda image: _nfc(_name(image)))

    @cached_property
    def _stems(self) -> dict[str, list[str]]:
        return self._index(lambda image: _folded(PurePosixPath(image).stem))

    @cached_property
    def _numbers(self) -> dict[str, list[str]]:
        return self._index(lambda image: _without_zeros(PurePosixPath(image).stem))

    def _index(self, key: Callable[[str], str]) -> dict[str, list[str]]:
        index: dict[str, list[str]] = {}
        for image in self._images:
            index.setdefault(key(image), []).append(image)
        return index


def as_in_manifest(splits: pd.DataFrame, images: Iterable[str], name: str) -> pd.DataFrame:
    """A split table with every image under the name that a manifest has for it.

    Parameters
    ----------
    splits : DataFrame
        Its column image_id may hold file names alone, or other Unicode forms of names.
    images : iterable of str
        image_id of the manifest.
    name : str
        What a message begins with.

    Raises
    ------
    UserError
        If the table is empty or names an image that the manifest does not have.
    """
    if splits.empty:
        raise UserError(f"{name}: the split table has no rows.")
    known = set(images)
    unknown = [given for given in splits["image_id"].unique() if given not in known]
    if not unknown:
        return splits
    names = ImageNames(known)
    found = {given: names.find(given) for given in unknown}
    if lost := [given for given in unknown if len(found[given]) != 1]:
        raise UserError(
            f"{name}: {len(lost):,} image(s) are not in the manifest; '{lost[0]}' {names.why_none(lost[0])}. Give "
            "the manifest that the split was made from, or write image_id as it stands there."
        )
    return splits.assign(image_id=splits["image_id"].replace({given: one for given, (one,) in found.items()}))


def _name(image: str) -> str:
    return image.rsplit("/", 1)[-1]


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def _folded(text: str) -> str:
    return " ".join(_visible(unicodedata.normalize("NFKC", text)).casefold().split())


def _without_zeros(text: str) -> str:
    """Without the zeros in front of numbers, which spreadsheets take away."""
    return re.sub(r"0*(\d+)", r"\1", _folded(text))


def _visible(text: str) -> str:
    """Without characters that take no space: byte order marks, joiners, marks of direction."""
    return "".join(character for character in text if unicodedata.category(character) != "Cf")


def _without_wrapping(given: str) -> tuple[str, list[str], bool]:
    """A name without what stands around a path, or in place of its characters; what that was; whether it had a root."""
    how = []
    bare = _visible(given)
    if bare != given:
        how.append(f"invisible characters ({given!a})")
    if len(bare) > 1 and bare[0] in _QUOTES and bare[-1] in _QUOTES:
        how.append("quotation marks around it")
        bare = bare[1:-1].strip()
    if address := _ADDRESS.match(bare):
        how.append(f"the form of an address ({address[0]})")
        bare = bare[address.end() :]
    if unquote(bare) != bare:
        how.append(f"URL escapes ({re.findall('%[0-9A-Fa-f]{2}', bare)[0]})")
        bare = unquote(bare)
    absolute = False
    if drive := _WINDOWS.match(bare):
        how.append("the form of an absolute Windows path")
        bare = bare[drive.end() :]
    elif absolute := bare.startswith(("/", "~")):
        how.append("the form of an absolute path")
        bare = bare.lstrip("~/")
    return bare, how, bool(address or drive or absolute)


def _shared_folders(given: PurePosixPath, image: PurePosixPath) -> int:
    """How many folders above both are alike, from below."""
    pairs = zip(reversed(given.parent.parts), reversed(image.parent.parts), strict=False)
    return sum(1 for _ in takewhile(lambda pair: _folded(pair[0]) == _folded(pair[1]), pairs))


def _other_folders(given: PurePosixPath, image: PurePosixPath) -> list[str]:
    shared = _shared_folders(given, image)
    more, fewer = ("/".join(path.parent.parts[: len(path.parent.parts) - shared]) for path in (given, image))
    if not more:
        return [f"no folder '{fewer}' in front"] if fewer and len(given.parts) > 1 else []
    return [f"the folder '{more}' for '{fewer}'" if fewer else f"the folder '{more}' in front"]


def _other_name(given: PurePosixPath, image: PurePosixPath) -> list[str]:
    """What else the file's name, and the folders that both share, have otherwise."""
    how = []
    one, other = given.name, image.name
    if _without_zeros(one) != _without_zeros(other):
        if _without_zeros(one) == _without_zeros(image.stem):
            how.append("no extension")
        else:
            how.append(f"another extension ('{given.suffix}' for '{image.suffix}')")
            one = given.stem
        other = image.stem
    shared = _shared_folders(given, image)
    one, other = (
        _nfc("/".join([*path.parent.parts[len(path.parent.parts) - shared :], name]))
        for path, name in ((given, one), (image, other))
    )
    if one.casefold() == other.casefold():
        how += ["other capitals"] * (one != other)
    else:
        how.append("other spaces or signs" if _folded(one) == _folded(other) else "other zeros in front of a number")
    return how
