"""Formats of image files, told by their first bytes: those that are read, and what others are called."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO, NamedTuple

from PIL.BmpImagePlugin import BmpImageFile
from PIL.WebPImagePlugin import WebPImageFile

from leukorepro.data.decoding import jpeg, png, tiff
from leukorepro.data.decoding.opened import Opened, RefusedImage, check_size

HEAD = 1024
"""How many first bytes tell what a file is."""

_REMEDY = "BMP, TIFF, JPEG, PNG and WebP are read: convert it to TIFF or PNG"


class Format(NamedTuple):
    """How files of a format are opened."""

    open: Callable[[IO[bytes], int], Opened]
    """Of a file at its start and the largest number of pixels."""
    ends_early: Callable[[IO[bytes]], bool]
    """Whether a file that cannot be read, at its start, lacks its end."""


def _open_bmp(file: IO[bytes], max_pixels: int) -> Opened:
    image = BmpImageFile(file)
    check_size(image.width, image.height, max_pixels)
    return Opened([image], bits=8)


def _open_webp(file: IO[bytes], max_pixels: int) -> Opened:
    image = WebPImageFile(file)
    check_size(image.width, image.height, max_pixels)
    return Opened([image], bits=8, steps=("first of several frames",) if image.is_animated else ())


def _shorter_than_it_says(file: IO[bytes], at: int, more: int) -> bool:
    head = file.read(16)
    return len(head) + len(file.read()) < int.from_bytes(head[at : at + 4], "little") + more


_BMP = Format(_open_bmp, lambda file: _shorter_than_it_says(file, at=2, more=0))
_WEBP = Format(_open_webp, lambda file: _shorter_than_it_says(file, at=4, more=8))
_JPEG = Format(jpeg.open_jpeg, jpeg.ends_early)
_PNG = Format(png.open_png, png.ends_early)
_TIFF = Format(tiff.open_tiff, tiff.ends_early)

_READ: dict[bytes, Format] = {
    b"BM": _BMP,
    b"\xff\xd8\xff": _JPEG,
    b"\x89PNG\r\n\x1a\n": _PNG,
    b"II*\0": _TIFF,
    b"MM\0*": _TIFF,
    b"II+\0": _TIFF,  # BigTIFF
}

_OTHER_IMAGES = (
    (0, b"MM\0+", "BigTIFF with the most significant byte first"),
    (0, b"GIF8", "GIF"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"),
    (0, b"\xff\x0a", "JPEG XL"),
    (0, b"II\xbc\x01", "JPEG XR"),
    (4, b"ftypavi", "AVIF"),
    (4, b"ftyphei", "HEIC"),
    (4, b"ftyphev", "HEIC"),
    (4, b"ftypmif1", "HEIF"),
    (4, b"ftypmsf1", "HEIF"),
    (128, b"DICM", "DICOM"),
    (0, b"ZISRAWFILE", "Zeiss CZI"),
    (0, b"\xda\xce\xbe\x0a", "Nikon ND2"),
    (0, b"\xd0\xcf\x11\xe0", "OLE (Olympus OIB, Zeiss ZVI)"),
    (0, b"\x89HDF\r\n\x1a\n", "HDF5"),
    (0, b"8BPS", "Photoshop"),
    (0, b"SIMPLE  =", "FITS"),
    (0, b"%PDF", "PDF"),
    (0, b"P5\n", "PGM"),
    (0, b"P6\n", "PPM"),
    (0, b"\0\0\1\0", "ICO"),
    (0, b"\x93NUMPY", "NumPy"),
    (0, b"<svg", "SVG"),
    (4, b"ftypcrx", "Canon CR3"),
)
_NO_IMAGES = (
    (b"version https://git-lfs", "a Git LFS pointer; fetch the file itself with 'git lfs pull'"),
    (b"/annex/objects", "a git-annex pointer; fetch the file itself with 'git annex get'"),
    (b"<!doctype html", "a web page, not the file that was to be downloaded; fetch it again"),
    (b"<html", "a web page, not the file that was to be downloaded; fetch it again"),
    (b"<?xml", "an XML text, perhaps a server's answer in place of the file; fetch it again"),
    (b"pk\x03\x04", "a ZIP archive; unpack it"),
    (b"\x1f\x8b", "packed by gzip; unpack it"),
    (bytes(16), "zeros only, as where a copy was broken off; fetch it again"),
)


def format_of(head: bytes) -> Format:
    """Tell a file's format.

    Parameters
    ----------
    head : bytes
        Its first bytes, `HEAD` of them or all there are.

    Raises
    ------
    RefusedImage
        If it is of none that is read; with what it is, where its first bytes tell.
    """
    if not head:
        raise RefusedImage("empty", "the file has no bytes")
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return _WEBP
    for magic, known in _READ.items():
        if head.startswith(magic):
            return known
    for at, magic, name in _OTHER_IMAGES:
        if head.startswith(magic, at):
            raise RefusedImage("unsupported", f"a file of the format {name}; {_REMEDY}")
    if head.startswith(b"\x89PNG"):  # the signature's line ends are there to tell
        raise RefusedImage("damaged", "a PNG whose line ends were changed in a transfer as text; fetch it as binary")
    start = head.lstrip().lower()
    words = next((words for magic, words in _NO_IMAGES if start.startswith(magic)), "unknown first bytes")
    raise RefusedImage("not_an_image", f"not a BMP, TIFF, JPEG, PNG or WebP file ({words})")
