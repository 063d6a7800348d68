"""JPEG files: kinds that no rule covers are named, and a second decoder looks for damage."""

from __future__ import annotations

import io
import re
from typing import IO

import simplejpeg
from PIL.JpegImagePlugin import JpegImageFile

from leukorepro.data.decoding.opened import Opened, RefusedImage, check_size

_KINDS = {
    0xC3: "lossless",
    0xC5: "hierarchical",
    0xC6: "hierarchical",
    0xC7: "hierarchical",
    0xCB: "lossless",
    0xCD: "hierarchical",
    0xCE: "hierarchical",
    0xCF: "hierarchical",
    0xF7: "JPEG-LS",
}  # by the marker of the frame; ITU-T T.81, table B.1, and T.87
_READ = {0xC0, 0xC1, 0xC2, 0xC9, 0xCA}  # baseline, sequential and progressive, with either kind of coding
# The check knows the usual subsamplings only.
_NOT_CHECKED = re.compile("subsampling", re.I)
_LAYOUTS = {"L": "GRAY", "CMYK": "CMYK"}


def open_jpeg(file: IO[bytes], max_pixels: int) -> Opened:
    """Open and load a JPEG file, and have a strict decoder look for damage.

    Pillow fills up what it cannot decode. libjpeg-turbo notices where the coded data do not fit the image (a hole, a
    byte too few or too many), and its strict decoding, at an eighth of the size, tells. It cannot notice a changed bit
    after which the data still fit: in photographs of blood cells two thirds of single flipped bits and a sixth of eight
    at once passed. Nor does it know rare subsamplings, in which the channels' parts are no powers of two. Bytes behind
    the end of the image are not looked at: cameras put previews there.

    Raises
    ------
    RefusedImage
        If the JPEG is of a kind without a rule, too large or damaged.
    """
    data = file.read()
    kind, precision = _frame(data)
    if kind in _KINDS:
        raise RefusedImage("unsupported", f"a JPEG of the kind '{_KINDS[kind]}'; convert it to TIFF or PNG")
    if precision > 8:
        raise RefusedImage("unsupported", f"a JPEG of {precision} bits; convert it to TIFF or PNG")
    image = JpegImageFile(io.BytesIO(data))
    check_size(image.width, image.height, max_pixels)
    image.load()
    try:
        layout = _LAYOUTS.get(image.mode, "RGB")
        simplejpeg.decode_jpeg(data, layout, min_height=1, min_width=1, min_factor=8, strict=True)
    except ValueError as error:
        if not _NOT_CHECKED.search(str(error)):
            raise RefusedImage(
                "damaged", f"{error}; get a fresh copy, or save the image again if it shows what it should"
            ) from None
    return Opened([image], bits=8)


def ends_early(file: IO[bytes]) -> bool:
    """Whether a JPEG file, which Pillow cannot read, lacks its end."""
    data = file.read()
    return data.count(b"\xff\xd8\xff") > data.count(b"\xff\xd9")  # a preview inside has a start and an end of its own


def _frame(data: bytes) -> tuple[int, int]:
    """Marker and bits of the image's frame; zeros where none is found, which Pillow then refuses in its own words."""
    at = 2
    while at + 5 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
        elif marker in _READ or marker in _KINDS:
            return marker, data[at + 4]
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return 0, 0
