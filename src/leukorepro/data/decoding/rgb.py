"""Every kind of pixel to 8-bit RGB, by fixed rules."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.TiffImagePlugin import TiffImageFile

from leukorepro.data.decoding.opened import DAMAGE, Opened, RefusedImage

Pixels = NDArray[np.uint8]

_ORIENTATION, _PHOTOMETRIC = 274, 262  # TIFF tags
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # by orientation; Pillow's own turning writes all of EXIF anew, and fails at whatever it cannot write
_WITH_ALPHA = {"RGBA", "RGBa", "LA", "La", "PA"}
_NAMES = {
    "1": "1-bit -> RGB",
    "L": "grey -> RGB",
    "LA": "grey -> RGB",
    "La": "grey -> RGB",
    "P": "palette -> RGB",
    "PA": "palette -> RGB",
    "CMYK": "CMYK -> RGB",
    "YCbCr": "YCbCr -> RGB",
}
_OVER_WHITE = "alpha over white"
_ALL_CLEAR = "transparent everywhere: its colours count"


class _Rgb(NamedTuple):
    image: Image.Image
    steps: tuple[str, ...]
    used_bits: int
    """Bits that the largest sample of a 16-bit file needs; 0 where all are black, or the file is of another depth."""


def to_rgb(opened: Opened) -> tuple[Image.Image, tuple[str, ...]]:
    """Load an opened file's image, or its three channels, as 8-bit RGB.

    Returns
    -------
    image : Image
        Of Pillow's mode RGB.
    steps : tuple of str
        What was done to make them, in words.
    """
    parts = [_one(image, opened.bits) for image in opened.images]
    steps = [*opened.steps, *parts[0].steps]
    used = max(part.used_bits for part in parts)
    if 0 < used < 16:
        dark = f"no value above {(1 << used) - 1} of 65535: dark; {used}-bit data in a 16-bit file?"
        steps.append(f"{dark} Multiply by {1 << (16 - used)} before the scan")
    if len(parts) == 1:
        return parts[0].image, tuple(steps)
    joined = Image.merge("RGB", [part.image.getchannel(0) for part in parts])
    return joined, tuple(step for step in steps if step != _NAMES["L"])


def _one(image: ImageFile.ImageFile, bits: int) -> _Rgb:
    orientation = _load(image)
    turned = () if orientation == 1 else (f"turned upright (orientation {orientation})",)
    if image.mode.startswith("I;16"):
        coloured, steps, used = _from_deep_grey(image, bits)
    elif image.mode == "F":
        coloured, steps, used = _from_float(image)
    else:
        coloured, steps, used = _from_bytes(image, bits)
    if turned and not isinstance(image, TiffImageFile):  # which Pillow has turned
        coloured = coloured.transpose(_UPRIGHT[orientation])
    return _Rgb(coloured, (*turned, *steps), used if bits == 16 else 0)


def _load(image: ImageFile.ImageFile) -> int:
    """Decode the pixels, and return the orientation that the file tells; 1 where it tells none that there is."""
    if isinstance(image, TiffImageFile):
        orientation = int(image.tag_v2.get(_ORIENTATION, 1))
        if not isinstance(image.info.get("xmp"), bytes):
            image.info.pop("xmp", None)  # of another type than the standard's, which Pillow fails to search
        image.load()
    else:
        image.load()
        try:
            orientation = int(image.getexif().get(_ORIENTATION, 1))
        except DAMAGE:
            return 1
    return orientation if orientation in _UPRIGHT else 1


def _from_deep_grey(image: ImageFile.ImageFile, bits: int) -> _Rgb:
    values = np.asarray(image)
    grey = values >> (bits - 8)
    steps = [f"{bits}-bit grey -> 8-bit RGB"]
    if isinstance(image, TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == 0:  # white is zero
        grey = 255 - grey
    if "transparency" in image.info:  # of a PNG
        clear = values == image.info["transparency"]
        steps.append(_ALL_CLEAR if clear.all() else _OVER_WHITE)
        grey = grey if clear.all() else np.where(clear, 255, grey)
    return _Rgb(_repeat(grey), tuple(steps), int(values.max()).bit_length())


def _from_float(image: Image.Image) -> _Rgb:
    values = np.asarray(image)
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise RefusedImage("unsupported", "floating-point values outside 0 to 1 have no agreed white")
    return _Rgb(_repeat(np.rint(255 * values)), ("floating-point grey -> 8-bit RGB",), 0)


def _repeat(grey: NDArray[Any]) -> Image.Image:
    return Image.fromarray(grey.astype(np.uint8)).convert("RGB")


def _from_bytes(image: ImageFile.ImageFile, bits: int) -> _Rgb:
    """Of an image that Pillow holds in bytes; of deeper ones it keeps the upper byte."""
    if image.mode not in {"RGB", "RGBA", "RGBa", *_NAMES}:
        raise RefusedImage("unsupported", f"no agreed way from pixels of kind '{image.mode}' to 8-bit RGB")
    steps = ["16-bit -> 8-bit"] if bits == 16 else []
    if image.mode in _NAMES:
        steps.append(_NAMES[image.mode])
    upright: Image.Image = image
    if image.mode == "CMYK" and isinstance(image, JpegImageFile) and "adobe" not in image.info:
        upright = Image.eval(image, lambda value: 255 - value)  # Pillow takes Adobe's inversion for granted
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        straight = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
        colours = straight.convert("RGB")
        if straight.getchannel("A").getextrema() == (0, 0):
            upright = colours
            steps.append(_ALL_CLEAR)
        else:
            white = Image.new("RGBA", image.size, "white")
            upright = Image.alpha_composite(white, straight).convert("RGB")
            steps.append(_OVER_WHITE)
    else:
        upright = colours = upright if upright.mode == "RGB" else upright.convert("RGB")
    # The upper bytes of 16 bits tell how many are used, down to eight.
    used = 8 + int(np.asarray(colours).max()).bit_length() if bits == 16 else 0
    return _Rgb(upright, tuple(steps), used)
