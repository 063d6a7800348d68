"""TIFF files: their image among their pages, and compressions that are not decoded by their names."""

from __future__ import annotations

import functools
import io
from typing import IO

from PIL import Image
from PIL.TiffImagePlugin import COMPRESSION_INFO, TiffImageFile

from leukorepro.data.decoding.opened import DAMAGE, Opened, RefusedImage, check_size
from leukorepro.data.decoding.pages import Page, choose_pages, read_pages
from leukorepro.data.decoding.planes import keep_plane, point_at

_COMPRESSIONS = {
    9: "JBIG",
    10: "JBIG",
    22610: "JPEG XR",
    32766: "NeXT",
    32809: "ThunderScan",
    32895: "IT8",
    32896: "IT8",
    32897: "IT8",
    32898: "IT8",
    32908: "Pixar film",
    32909: "Pixar log",
    32947: "Kodak DCS",
    33003: "JPEG 2000",
    33005: "JPEG 2000",
    33007: "Alternative JPEG",
    34661: "JBIG",
    34676: "SGI log",
    34677: "SGI log",
    34712: "JPEG 2000",
    34713: "Nikon NEF",
    34715: "JBIG2",
    34887: "LERC",
    34892: "lossy JPEG of a DNG",
    34925: "LZMA",
    34927: "JPEG 2000",
    34933: "PNG",
    34934: "JPEG XR",
    48124: "Jetraw",
    50000: "Zstandard",
    50001: "WebP",
    50002: "JPEG XL",
    52546: "JPEG XL",
    65000: "Kodak DCR",
    65535: "Pentax PEF",
}
"""Names of the compressions that not every reader knows, by the number in tag 259."""
# Separate planes that Pillow puts together: photometric interpretation, samples, and what those beyond the colours are.
_PLANES = {(2, 3, ()), (2, 4, ()), (2, 4, (2,)), (5, 4, ())}
_MAY_LACK = {32809, 34925, 50000, 50001}  # Pillow knows them, but the libtiff that came with it may not


def open_tiff(file: IO[bytes], max_pixels: int) -> Opened:
    """Open the image of a TIFF file, see `choose_pages`.

    Parameters
    ----------
    file : binary file
        It can be sought in; pages are read one by one.
    max_pixels : int
        Width times height that is allowed, of every page that belongs to the image.

    Raises
    ------
    RefusedImage
        If the pages are not one image, or the image is too large, or of a kind or a compression without a rule.
    """
    pages = list(read_pages(file))
    chosen, steps = choose_pages(pages)
    for page in chosen:
        check_size(page.width, page.height, max_pixels)
        code = page.compression
        if code not in COMPRESSION_INFO or (code in _MAY_LACK and not _is_built_in(COMPRESSION_INFO[code])):
            name = _COMPRESSIONS.get(code, "of no known name")
            raise RefusedImage("unsupported", f"compression {code} ({name}); save it without, or as PNG")
    page = chosen[0]
    if page.planar and page.samples == 3 and (page.photometric == 1 or (page.photometric == 2 and page.bits > 8)):
        planes = [_open_copy(file, page, plane) for plane in range(3)]
        return Opened(planes, page.bits, (*steps, "three separate planes as red, green and blue"))
    _check_samples(page)
    return Opened([_open_page(file, page, pages[0]) for page in chosen], page.bits, steps)


def ends_early(file: IO[bytes]) -> bool:
    """Whether a TIFF file, which Pillow cannot read, lacks its end: a page or its pixels lie behind it."""
    size = file.seek(0, io.SEEK_END)
    try:
        return any(not 0 < page.end <= size for page in read_pages(file))
    except DAMAGE:
        return True


def _check_samples(page: Page) -> None:
    """Refuse signed values, and separate planes of which Pillow would take one for the image, or stumble over them."""
    if page.signed:
        raise RefusedImage("unsupported", f"signed values of {page.bits} bits have no agreed black and white")
    read = page.bits == 8 and (page.photometric, page.samples, page.extra) in _PLANES
    if page.planar and page.samples > 1 and not read:
        what = f"{page.samples} separate planes of {page.bits} bits, photometric interpretation {page.photometric}"
        raise RefusedImage("unsupported", f"{what}; save it as RGB or grey, with each pixel's values together")


def _open_page(file: IO[bytes], page: Page, first: Page) -> TiffImageFile:
    """Open one page; where it is not the first, in a copy of the file whose header points at it."""
    image = _open_first(file, page) if page is first else _open_copy(file, page)
    if image.mode == "RGBA":
        _keep_clear_colours(image)
    return image


def _open_copy(file: IO[bytes], page: Page, plane: int | None = None) -> TiffImageFile:
    """Open a page, or one of its three planes, in a copy of the file that begins with it."""
    file.seek(0)
    copy = bytearray(file.read())
    if plane is None:
        point_at(copy, page.offset)
    else:
        keep_plane(copy, page.offset, plane, page.samples)
    return _open_first(io.BytesIO(copy), page)


def _open_first(file: IO[bytes], page: Page) -> TiffImageFile:
    """Open the first page of a file, which is or was made of this one."""
    file.seek(0)
    try:
        return TiffImageFile(file)
    except SyntaxError as error:
        if "unknown pixel mode" not in str(error):
            raise
        kind = f"{page.samples} samples of {page.bits} bits, photometric interpretation {page.photometric}"
        raise RefusedImage("unsupported", f"no agreed way to 8-bit RGB from {kind}") from None


def _keep_clear_colours(image: TiffImageFile) -> None:
    """Have colours that are said to be multiplied with an alpha of 0 everywhere read as they stand in the file."""
    straight = [
        tile._replace(args=(tile.args[0].replace("RGBa", "RGBA"), *tile.args[1:]))
        for tile in image.tile
        if isinstance(tile.args, tuple)
    ]
    if straight == image.tile or image.fp is None:
        return
    image.fp.seek(0)
    trial = TiffImageFile(image.fp)
    trial.load()
    if trial.getchannel("A").getextrema() == (0, 0):
        image.tile = straight


@functools.cache
def _is_built_in(compression: str) -> bool:
    """Whether this Pillow's libtiff knows a compression: it can write a pixel."""
    try:
        Image.new("L", (1, 1)).save(io.BytesIO(), "TIFF", compression=compression)
    except OSError:
        return False
    return True
