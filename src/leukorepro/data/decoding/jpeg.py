"""JPEG files: kinds that no rule covers are named, and a second decoder looks for damage."""

from __future__ import annotations

import io
import re
from functools import partial
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
_SCAN, _COMMENT, _APPLICATION = 0xDA, 0xFE, range(0xE0, 0xF0)
# What the second decoder does not know, and a header's slip that changes no pixel.
_NO_DAMAGE = re.compile("subsampling|SOS parameters for sequential", re.I)
_LAYOUTS = {"L": "GRAY", "CMYK": "CMYK"}


class _Jpeg(JpegImageFile):
    """Without the resolution, which nothing here uses: one in EXIF that is no number makes Pillow refuse the image."""

    def _read_dpi_from_exif(self) -> None:
        pass


def open_jpeg(file: IO[bytes], max_pixels: int) -> Opened:
    """Open and load a JPEG file, which a strict decoder can look for damage.

    Pillow fills up what it cannot decode. libjpeg-turbo notices coded data that cannot be, or that do not fill the
    image exactly; its strict decoding, at an eighth of the size, tells. What still fits goes unnoticed: of holes in
    photographs of blood cells it found all of 256 bytes or more, three quarters of 64 bytes and a fifth of one, and
    a third of single flipped bits. It does not know rare subsamplings, such as 3:1:1. Bytes between the coded data and
    the end of the image are damage, since a hole of zeros may look like them. Bytes behind its end, where cameras put
    previews, comments and what belongs to applications are not looked at.

    Parameters
    ----------
    file : binary file
        Read from where it stands to its end.
    max_pixels : int
        Width times height that is allowed.

    Raises
    ------
    RefusedImage
        If the JPEG is of a kind without a rule, or too large; when it is looked for damage, if it is damaged.
    """
    data = file.read()
    needed = _without_applications(data)
    image = _Jpeg(io.BytesIO(data))
    check_size(image.width, image.height, max_pixels)
    image.load()
    return Opened([image], bits=8, look_for_damage=partial(_look_for_damage, needed, _LAYOUTS.get(image.mode, "RGB")))


def _look_for_damage(needed: bytes, layout: str) -> None:
    try:
        simplejpeg.decode_jpeg(needed, layout, min_height=1, min_width=1, min_factor=8, strict=True)
    except ValueError as error:
        if not _NO_DAMAGE.search(str(error)):
            raise RefusedImage(
                "damaged", f"{error}; get a fresh copy, or save the image again if it shows what it should"
            ) from None


def ends_early(file: IO[bytes]) -> bool:
    """Whether a JPEG file, which Pillow cannot read, lacks its end."""
    data = file.read()
    return data.count(b"\xff\xd8\xff") > data.count(b"\xff\xd9")  # a preview inside has a start and an end of its own


def _without_applications(data: bytes) -> bytes:
    """Leave out what programs store beside the image in front of its first scan; refuse kinds without a rule."""
    kept, at = [data[:2]], 2
    while at + 5 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # filling
            at += 1
            continue
        if marker == _SCAN:
            break
        if marker in _KINDS:
            raise RefusedImage("unsupported", f"a JPEG of the kind '{_KINDS[marker]}'; convert it to TIFF or PNG")
        if marker in _READ and data[at + 4] > 8:
            raise RefusedImage("unsupported", f"a JPEG of {data[at + 4]} bits; convert it to TIFF or PNG")
        end = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker != _COMMENT and marker not in _APPLICATION:
            kept.append(data[at:end])
        at = end
    return b"".join([*kept, data[at:]])
