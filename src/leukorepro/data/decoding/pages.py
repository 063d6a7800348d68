"""Which of a TIFF file's pages are its image: the largest, or three grey ones that are its channels."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import IO, NamedTuple

from PIL.TiffImagePlugin import ImageFileDirectory_v2

from leukorepro.data.decoding.opened import DAMAGE, RefusedImage, is_of_the_system

_KIND, _WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _DESCRIPTION = 254, 256, 257, 258, 259, 262, 270
_SAMPLES, _PLANAR, _BELOW, _EXTRA, _SAMPLE_KIND = 277, 284, 330, 338, 339
_STRIPS, _STRIP_BYTES, _TILES, _TILE_BYTES = 273, 279, 324, 325
_MASK = 4  # of tag 254

_REMEDY = "save the image that counts as one RGB page"


class Page(NamedTuple):
    """One directory of a TIFF file: where it lies and what it says of its pixels."""

    offset: int
    width: int
    height: int
    samples: int
    bits: int
    compression: int
    photometric: int
    planar: bool
    extra: tuple[int, ...]
    """What its samples beyond the colours are."""
    signed: bool
    mask: bool
    description: str
    end: int
    """First byte behind its pixels."""

    @property
    def grey(self) -> bool:
        """Whether its pixels are shades between black and white, and not more."""
        return self.samples == 1 and self.photometric in (0, 1)


class Dimensions(NamedTuple):
    """What OME or ImageJ write of a file's pages: how many channels, depths and times they are."""

    channels: int
    depths: int
    times: int


def read_pages(file: IO[bytes]) -> Iterator[Page]:
    """Read the pages of a TIFF file one by one, those below other pages (tag SubIFDs) too.

    Parameters
    ----------
    file : IO
        The open file, at any place.

    Raises
    ------
    SyntaxError
        If a directory is damaged or lies behind the file's end.
    """
    file.seek(0)
    header = file.read(8)
    header += file.read(8) if header[2] == 43 else b""  # BigTIFF
    waiting, seen = [ImageFileDirectory_v2(header).next], set[int]()
    while waiting:
        offset = waiting.pop()
        if not offset or offset in seen:
            continue
        seen.add(offset)
        tags = ImageFileDirectory_v2(header)
        try:
            file.seek(offset)
            tags.load(file)
            yield _page(offset, tags)
        except DAMAGE as error:
            if is_of_the_system(error):
                raise
            raise SyntaxError(f"the directory of page {len(seen)} at byte {offset} cannot be read") from None
        waiting += [tags.next, *reversed(_numbers(tags, _BELOW))]


def _page(offset: int, tags: ImageFileDirectory_v2) -> Page:
    strips = _numbers(tags, _STRIPS) or _numbers(tags, _TILES)
    lengths = _numbers(tags, _STRIP_BYTES) or _numbers(tags, _TILE_BYTES)
    return Page(
        offset=offset,
        width=int(tags[_WIDTH]),
        height=int(tags[_HEIGHT]),
        samples=int(tags.get(_SAMPLES, 1)),
        bits=max(_numbers(tags, _BITS) or (1,)),
        compression=int(tags.get(_COMPRESSION, 1)),
        photometric=int(tags.get(_PHOTOMETRIC, 0)),
        planar=int(tags.get(_PLANAR, 1)) == 2,
        extra=_numbers(tags, _EXTRA),
        signed=2 in _numbers(tags, _SAMPLE_KIND),
        mask=bool(int(tags.get(_KIND, 0)) & _MASK),
        description=str(tags.get(_DESCRIPTION, "")),
        end=max((start + length for start, length in zip(strips, lengths, strict=False)), default=0),
    )


def _numbers(tags: ImageFileDirectory_v2, tag: int) -> tuple[int, ...]:
    value = tags.get(tag, ())
    return (value,) if isinstance(value, int) else tuple(int(one) for one in value)


def choose_pages(pages: list[Page]) -> tuple[list[Page], tuple[str, ...]]:
    """Choose what is the image among a file's pages: one of them, or its three channels.

    Thumbnails, labels and the smaller levels of a pyramid are smaller than the image, so that the largest page is
    taken. Several pages of that size are channels, depths or times: OME and ImageJ say which. Three grey channels, or
    three grey pages of which nothing is said, are red, green and blue in their order. Of several colour pages that are
    no stack the first is taken.

    Parameters
    ----------
    pages : list of Page
        The pages as they lie in the file.

    Returns
    -------
    chosen : list of Page
        One page, or three.
    steps : tuple of str
        What was chosen, in words; nothing where there was no choice.

    Raises
    ------
    RefusedImage
        If the pages are a stack, or channels that no rule makes an RGB image of.
    """
    whole = [page for page in pages if not page.mask] or pages
    largest = max(whole, key=lambda page: page.width * page.height)
    equal = [page for page in whole if (page.width, page.height) == (largest.width, largest.height)]
    said = dimensions(pages[0].description)
    if said and len(equal) > 1 and (said.depths > 1 or said.times > 1):  # one page may be one file of a stack
        sort, many = ("depths", said.depths) if said.depths > 1 else ("times", said.times)
        raise RefusedImage("unsupported", f"a stack of {many} {sort}; {_REMEDY}")
    smaller = len(whole) - len(equal)
    taken = (f"the largest of {len(whole)} pages",) if smaller else ()
    colour = [page for page in equal if not page.grey]
    if colour:
        return colour[:1], (*taken, "first of several frames") if len(equal) > 1 else taken
    channels = said.channels if said else len(equal)
    if channels == 3 and len(equal) == 3 and min(page.bits for page in equal) >= 8:
        return equal, (*taken, "three grey pages as red, green and blue")
    if channels > 1 or len(equal) > 1:
        what = f"{channels} channels in " if said else ""
        raise RefusedImage("unsupported", f"{what}{len(equal)} grey pages of the largest size; {_REMEDY}")
    return equal, taken


def dimensions(description: str) -> Dimensions | None:
    """Read what OME or ImageJ say of a file's pages in its description; None where neither wrote it."""
    if description.startswith("ImageJ="):
        of_imagej = dict(re.findall(r"^(\w+)=(\d+)\s*$", description, re.M))
        if not {"channels", "slices", "frames"} & of_imagej.keys():
            return None
        return Dimensions(*(int(of_imagej.get(name, 1)) for name in ("channels", "slices", "frames")))
    pixels = re.search(r"<(?:\w+:)?Pixels\s[^>]*>", description)
    if pixels is None:
        return None
    of_ome = dict(re.findall(r"""\bSize([CZT])\s*=\s*["'](\d+)["']""", pixels[0]))
    return Dimensions(*(int(of_ome.get(axis, 1)) for axis in "CZT"))
