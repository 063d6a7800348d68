"""Image files to 8-bit RGB arrays, by fixed rules, or an error that says why not."""

from __future__ import annotations

import hashlib
import io
import re
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
from PIL import Image

from leukorepro.core.errors import UserError
from leukorepro.data.decoding.formats import HEAD, format_of
from leukorepro.data.decoding.opened import DAMAGE, RefusedImage, Status, is_of_the_system
from leukorepro.data.decoding.rgb import Pixels, to_rgb


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
    """Read an image file as 8-bit RGB; see `decode`.

    Parameters
    ----------
    path : Path
        The image file.
    max_pixels : int
        Width times height that is allowed.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    return decode(path, max_pixels).pixels


def read_scanned(path: Path, sha256: str, max_pixels: int) -> Pixels:
    """Read an image that a manifest lists, with the bytes that were scanned; see `scanned_image`.

    Parameters
    ----------
    path : Path
        The image file.
    sha256 : str
        Of its bytes, as the manifest has it.
    max_pixels : int
        Width times height that is allowed.

    Returns
    -------
    ndarray of uint8, shape (height, width, 3)
    """
    return np.array(scanned_image(path, sha256, max_pixels))


def scanned_image(path: Path, sha256: str, max_pixels: int) -> Image.Image:
    """Read an image that a manifest lists, with the bytes that were scanned, as `decode` does.

    The scan has looked for damage in these very bytes, and they are not looked at for it again.

    Parameters
    ----------
    path : Path
        The image file.
    sha256 : str
        Of its bytes, as the manifest has it.
    max_pixels : int
        Width times height that is allowed.

    Returns
    -------
    Image
        Of Pillow's mode RGB.

    Raises
    ------
    UnreadableImage
        If it cannot be read any more.
    UserError
        If its content is not what it was: labels, subjects and duplicates were looked at in another image.
    """
    _check_regular(path)
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UnreadableImage(path, "unreadable", str(error.strerror)) from None
    if (found := hashlib.sha256(content).hexdigest()) != sha256:
        raise UserError(
            f"{path}: its content has changed since the images were scanned (SHA-256 {found[:8]}..., in the manifest "
            f"{sha256[:8] or 'none'}...); scan the dataset again, or put the scanned image back."
        )
    return _image(path, max_pixels, content, scanned=True)[0]


def decode(path: Path, max_pixels: int, content: bytes | None = None) -> Decoded:
    """Read a BMP, TIFF, JPEG, PNG or WebP file as 8-bit RGB.

    What the file is, is told by its first bytes, not by its name. The rules depend on the file's header and not on its
    pixel values, so that equal stains stay equal over a dataset; the one exception is an image that would not be seen.

    ====================  =============================================================================================
    in the file           in the array
    ====================  =============================================================================================
    orientation tag       applied (EXIF, XMP and TIFF tags; a damaged EXIF block counts as none)
    grey, 1-bit           the value in all three channels; 1-bit black 0, white 255
    palette               the palette's colours
    alpha, transparency   composited over white, the colour of an empty bright field; a PNG's transparent level or
                          colour at every depth. Where every pixel is transparent, the colours count: nobody means to
                          save nothing, and some programs write zeros as alpha
    CMYK                  ``(255 - C)(255 - K) / 255`` and so on; colour profiles are not applied. JPEG: inverted values
                          where Adobe's marker is present, plain ones where it is not
    16-bit grey or RGB    the upper byte (``v >> 8``): 65535 is white. A camera's 10, 12 or 14 bits in such a file come
                          out dark; nothing in it tells, so it is said from the largest value, not mended
    12-bit TIFF           ``v >> 4``: 4095 is white
    floating-point TIFF   ``round(255 v)`` for values from 0 to 1; others have no agreed white: unsupported
    signed, 32-bit, Lab   no agreed white or needs a profile: unsupported
    pages of a TIFF       the largest; three grey ones of that size that are not depths or times are red, green and
                          blue; other stacks and numbers of channels are unsupported
    several frames        the first one (PNG, WebP, colour pages of one size)
    ====================  =============================================================================================

    A PNG's checksums and a JPEG's coded data are checked (see `leukorepro.data.decoding.jpeg.open_jpeg` for what cannot
    be noticed). BMP, WebP and uncompressed TIFF hold nothing by which wrong bytes could be told from right ones, and
    JPEG data within a TIFF are not checked.

    Parameters
    ----------
    path : Path
        The file.
    max_pixels : int
        Largest width times height, checked against the header before anything is decoded.
    content : bytes, optional
        What the file holds, where it was read already; `path` is then but a name.

    Returns
    -------
    Decoded
        Writable array uint8 (height, width, 3), and the conversions, in words.

    Raises
    ------
    UnreadableImage
        With the status; a file that ends early is never filled up.
    """
    image, conversions = _image(path, max_pixels, content, scanned=False)
    return Decoded(np.array(image), conversions)


def _image(path: Path, max_pixels: int, content: bytes | None, *, scanned: bool) -> tuple[Image.Image, tuple[str, ...]]:
    """What `decode` describes, as an image of Pillow; one that was scanned is not looked for damage again."""
    if content is None:
        _check_regular(path)
    try:
        with Path(path).open("rb") if content is None else io.BytesIO(content) as file:
            return _decode(file, max_pixels, scanned)
    except RefusedImage as error:
        raise UnreadableImage(path, error.status, error.reason) from None
    except Image.DecompressionBombError as error:
        raise UnreadableImage(path, "oversized", str(error)) from None
    except OSError as error:
        raise UnreadableImage(path, "unreadable", str(error.strerror)) from None


def _check_regular(path: Path) -> None:
    """Refuse a pipe, which would be waited for, and other things that are no files."""
    if Path(path).exists() and not Path(path).is_file():
        raise UnreadableImage(path, "unreadable", "no regular file")


def pixel_digest(pixels: Pixels) -> str:
    """SHA-256 of an image's shape and values, as 64 hexadecimal digits."""
    digest = hashlib.sha256(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


# Words by which Pillow says that a file is sound but of a kind that it does not read, or that it ends early.
_UNSUPPORTED = re.compile(r"unsupported|not (yet )?supported|not available|cannot handle", re.I)
_PACKED = re.compile(r"decoder error -\d+")
_TRUNCATED = re.compile(r"truncated|requires a buffer", re.I)


def _decode(file: IO[bytes], max_pixels: int, scanned: bool) -> tuple[Image.Image, tuple[str, ...]]:
    known = format_of(file.read(HEAD))
    file.seek(0)
    try:
        opened = known.open(file, max_pixels)
        if not scanned:
            opened.look_for_damage()
        return to_rgb(opened)
    except DAMAGE as error:
        if is_of_the_system(error):
            raise
        reason = " ".join(str(error).split()) or type(error).__name__
        reason = _PACKED.sub(r"the compressed pixels cannot be unpacked (\g<0>)", reason)
    if _UNSUPPORTED.search(reason):
        raise RefusedImage("unsupported", reason)
    file.seek(0)
    ends = _TRUNCATED.search(reason) or known.ends_early(file)
    raise RefusedImage("truncated" if ends else "damaged", reason)
