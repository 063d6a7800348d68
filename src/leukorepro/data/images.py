"""Image files to 8-bit RGB arrays, by fixed rules, or an error that says why not."""

from __future__ import annotations

import hashlib
import re
import struct
from pathlib import Path
from typing import IO, Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps
from PIL.BmpImagePlugin import BmpImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from leukorepro.core.errors import UserError

Status = Literal["empty", "truncated", "not_an_image", "oversized", "unsupported", "unreadable"]
"""Why a file is not an image: no bytes; ends early or is damaged; not BMP, TIFF, JPEG or PNG; more pixels than allowed;
a kind of pixel without a rule; refused by the file system."""

Pixels = NDArray[np.uint8]


class UnreadableImage(UserError):
    """A file that does not give an image, with its status and the reason."""

    def __init__(self, path: Path, status: Status, reason: str) -> None:
        super().__init__(f"{path}: {status}: {reason}.")
        self.path = path
        self.status: Status = status
        self.reason = reason

    def __reduce__(self) -> tuple[type[UnreadableImage], tuple[Path, Status, str]]:
        """Of its arguments, so that it may leave a process that met it."""
        return UnreadableImage, (self.path, self.status, self.reason)


class Decoded(NamedTuple):
    """An image as 8-bit RGB, shape (height, width, 3), and what was done to make it so."""

    pixels: Pixels
    conversions: tuple[str, ...]


def read_rgb(path: Path, max_pixels: int) -> Pixels:
    """Read an image file as 8-bit RGB; see `decode`."""
    return decode(path, max_pixels).pixels


def decode(path: Path, max_pixels: int) -> Decoded:
    """Read a BMP, TIFF, JPEG or PNG file as 8-bit RGB.

    What the file is, is told by its first bytes, not by its name. Every rule depends on the file's header alone and
    never on its pixel values, so that equal stains stay equal over a dataset.

    ====================  =============================================================================================
    in the file           in the array
    ====================  =============================================================================================
    orientation tag       applied (EXIF, XMP and TIFF tags; a damaged EXIF block counts as none)
    grey, 1-bit           the value in all three channels; 1-bit black 0, white 255
    palette               the palette's colours
    alpha, transparency   composited over white, the colour of an empty bright field
    CMYK                  ``(255 - C)(255 - K) / 255`` and so on; colour profiles are not applied. JPEG: inverted values
                          where Adobe's marker is present, plain ones where it is not
    16-bit grey or RGB    the upper byte (``v >> 8``): 65535 is white
    12-bit TIFF           ``v >> 4``: 4095 is white. Twelve-bit data in a file that says 16 bits come out almost black;
                          nothing in such a file tells, so it is said, not mended: multiply by 16 before the scan
    floating-point TIFF   ``round(255 v)`` for values from 0 to 1; others have no agreed white: unsupported
    signed, 32-bit, Lab   no agreed white or needs a profile: unsupported
    several frames        the first one
    ====================  =============================================================================================

    Parameters
    ----------
    path : Path
        The file.
    max_pixels : int
        Largest width times height, checked against the header before anything is decoded.

    Returns
    -------
    Decoded
        Writable array uint8 (height, width, 3), and the conversions, in words.

    Raises
    ------
    UnreadableImage
        With the status; a file that ends early is never filled up.
    """
    try:
        with Path(path).open("rb") as file:
            return _decode(file, path, max_pixels)
    except Image.DecompressionBombError as error:
        raise UnreadableImage(path, "oversized", str(error)) from None
    except _DAMAGE as error:
        if isinstance(error, OSError) and error.errno is not None:  # the system's, not Pillow's
            raise UnreadableImage(path, "unreadable", str(error.strerror)) from None
        reason = " ".join(str(error).split()) or type(error).__name__
        status: Status = "unsupported" if _UNSUPPORTED.search(reason) else "truncated"
        raise UnreadableImage(path, status, reason) from None


def pixel_digest(pixels: Pixels) -> str:
    """SHA-256 of an image's shape and values, as 64 hexadecimal digits."""
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


_FORMATS: dict[bytes, type[ImageFile.ImageFile]] = {
    b"BM": BmpImageFile,
    b"\xff\xd8\xff": JpegImageFile,
    b"\x89PNG\r\n\x1a\n": PngImageFile,
    b"II*\0": TiffImageFile,
    b"MM\0*": TiffImageFile,
    b"II+\0": TiffImageFile,  # BigTIFF
    b"MM\0+": TiffImageFile,
}

# What Pillow's readers raise on damaged files.
_DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, struct.error)
_UNSUPPORTED = re.compile(r"unsupported|not (yet )?supported|not available|cannot handle|unknown pixel mode", re.I)

_ORIENTATION, _BITS, _PHOTOMETRIC, _PLANAR = 274, 258, 262, 284  # TIFF tags
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


def _decode(file: IO[bytes], path: Path, max_pixels: int) -> Decoded:
    head = file.read(64)
    file.seek(0)
    if not head:
        raise UnreadableImage(path, "empty", "the file has no bytes")
    reader = next((reader for magic, reader in _FORMATS.items() if head.startswith(magic)), None)
    if reader is None:
        pointer = head.startswith(b"version https://git-lfs")
        reason = "a Git LFS pointer; fetch the file itself with 'git lfs pull'" if pointer else "unknown first bytes"
        raise UnreadableImage(path, "not_an_image", f"not a BMP, TIFF, JPEG or PNG file ({reason})")
    # The reader's class and not Image.open: the size is checked here, against the user's own limit.
    image = reader(file)
    if image.width * image.height > max_pixels:
        size = f"{image.width} x {image.height} pixels, more than max_pixels = {max_pixels}"
        raise UnreadableImage(path, "oversized", size)
    steps = ["first of several frames"] if getattr(image, "is_animated", False) else []
    bits = _bits(image)
    orientation = _load(image)
    if orientation != 1:
        steps.append(f"turned upright (orientation {orientation})")
    if image.mode.startswith("I;16"):
        pixels = _from_deep_grey(image, bits)
        steps.append(f"{bits}-bit grey -> 8-bit RGB")
    elif image.mode == "F":
        pixels = _from_float(image, path)
        steps.append("floating-point grey -> 8-bit RGB")
    else:
        pixels, names = _from_bytes(image, path)
        steps += ["16-bit -> 8-bit", *names] if bits == 16 else names
    if bits == 16 and pixels.max() < 16:
        steps.append("no value above 4095 of 65535: nearly black; 12-bit data in a 16-bit file?")
    return Decoded(pixels, tuple(steps))


def _bits(image: ImageFile.ImageFile) -> int:
    """Bits of a sample in the file; 8 where a reader has no deeper ones."""
    if isinstance(image, TiffImageFile):
        bits = max(image.tag_v2.get(_BITS, (1,)))
        if bits > 8 and image.tag_v2.get(_PLANAR, 1) == 2:
            raise OSError("separate planes of more than 8 bits are not supported")
        return int(bits)
    return 16 if isinstance(image, PngImageFile) and "16" in str(image.tile[0].args) else 8


def _load(image: ImageFile.ImageFile) -> int:
    """Decode the pixels, turn them upright in place, and return the orientation that the file had."""
    if isinstance(image, TiffImageFile):
        orientation = int(image.tag_v2.get(_ORIENTATION, 1))
        image.load()  # turns the pixels itself
        return orientation
    image.load()
    try:
        orientation = int(image.getexif().get(_ORIENTATION, 1))
    except _DAMAGE:
        return 1
    if orientation in range(2, 9):
        ImageOps.exif_transpose(image, in_place=True)
        return orientation
    return 1


def _from_deep_grey(image: ImageFile.ImageFile, bits: int) -> Pixels:
    grey = np.asarray(image) >> (bits - 8)
    if isinstance(image, TiffImageFile) and image.tag_v2.get(_PHOTOMETRIC) == 0:  # white is zero
        grey = 255 - grey
    return _repeat(grey)


def _from_float(image: Image.Image, path: Path) -> Pixels:
    values = np.asarray(image)
    if not (np.isfinite(values).all() and values.min() >= 0 and values.max() <= 1):
        raise UnreadableImage(path, "unsupported", "floating-point values outside 0 to 1 have no agreed white")
    return _repeat(np.rint(255 * values))


def _repeat(grey: NDArray[Any]) -> Pixels:
    return np.repeat(grey.astype(np.uint8)[:, :, np.newaxis], 3, axis=2)


def _from_bytes(image: ImageFile.ImageFile, path: Path) -> tuple[Pixels, list[str]]:
    if image.mode == "RGB" and "transparency" not in image.info:
        return np.array(image), []
    if image.mode not in {"RGB", "RGBA", "RGBa", *_NAMES}:
        raise UnreadableImage(path, "unsupported", f"no agreed way from pixels of kind '{image.mode}' to 8-bit RGB")
    steps = [_NAMES[image.mode]] if image.mode in _NAMES else []
    upright: Image.Image = image
    if image.mode == "CMYK" and isinstance(image, JpegImageFile) and "adobe" not in image.info:
        upright = Image.eval(image, lambda value: 255 - value)  # Pillow takes Adobe's inversion for granted
    if image.mode in _WITH_ALPHA or "transparency" in image.info:
        straight = image.convert("LA") if image.mode == "La" else image
        white = Image.new("RGBA", image.size, "white")
        upright = Image.alpha_composite(white, straight.convert("RGBA"))
        steps.append("alpha over white")
    return np.array(upright.convert("RGB")), steps
