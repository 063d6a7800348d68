"""PNG files: checksums are compared, metadata are left out, and transparent levels hold at every depth."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator
from typing import IO

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from leukorepro.data.decoding.opened import Opened, RefusedImage, check_size

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_OF_PIXELS = {b"IHDR", b"PLTE", b"tRNS", b"IDAT"}
_TEXTS = {b"tEXt", b"zTXt", b"iTXt"}
# What PNG, third edition, and its extensions know beside texts; nothing of it changes a pixel here.
_METADATA = set(b"iCCP gAMA cHRM sRGB cICP sBIT bKGD hIST pHYs sPLT tIME oFFs pCAL sCAL sTER".split())
_WITH_ORIENTATION = {b"XML:com.adobe.xmp", b"Raw profile type exif"}
_MAX_TEXT = 1 << 20  # Pillow's own limit of what one compressed text may become
_GREY_BITS = {"L;2": 2, "L;4": 4}


def open_png(file: IO[bytes], max_pixels: int) -> Opened:
    """Open a PNG file without its metadata, other than those that say how it is turned.

    Pillow refuses a whole image for a text or a profile that is large once unpacked, and for a resolution or a gamma
    that is damaged. None of them is needed here, so they are never read; the limit of pixels is not touched.

    Parameters
    ----------
    file : binary file
        Read from where it stands to its end.
    max_pixels : int
        Width times height that is allowed.

    Raises
    ------
    RefusedImage
        If the checksum of a chunk that the pixels need does not match, or the image is too large.
    """
    data, steps = _without_metadata(file.read())
    image = PngImageFile(io.BytesIO(data))
    check_size(image.width, image.height, max_pixels)
    rawmode = str(image.tile[0].args)
    bits = 16 if "16" in rawmode else 8
    level = image.info.get("transparency")
    if image.mode == "RGB" and level is not None and bits == 16:
        _clear_deep_colour(image, data, level)
    elif image.mode == "RGB" and level is not None:
        image.info["transparency"] = tuple(value & 255 for value in level)
    elif image.mode == "L" and level is not None:
        levels = (1 << _GREY_BITS.get(rawmode, 8)) - 1
        image.info["transparency"] = (level & levels) * 255 // levels  # as Pillow stretches the pixels
    if image.is_animated:
        steps.append("first of several frames")
    return Opened([image], bits, tuple(steps))


def ends_early(file: IO[bytes]) -> bool:
    """Whether a PNG file, which Pillow cannot read, lacks its end."""
    return b"IEND" not in file.read()


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, first byte and the byte behind the last of each whole chunk, up to the end of the image."""
    at, kind = len(_SIGNATURE), b""
    while at + 12 <= len(data) and kind != b"IEND":
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        if at + 12 + length > len(data):
            return
        yield kind, at, at + 12 + length
        at += 12 + length


def _without_metadata(data: bytes) -> tuple[bytes, list[str]]:
    kept, steps, end = [_SIGNATURE], [], len(_SIGNATURE)
    for kind, start, end in _chunks(data):
        body = memoryview(data)[start + 8 : end - 4]
        if kind in _OF_PIXELS and zlib.crc32(body, zlib.crc32(kind)) != int.from_bytes(data[end - 4 : end], "big"):
            name = kind.decode()
            raise RefusedImage("damaged", f"the checksum of the chunk {name} at byte {start} does not match its data")
        if kind in _TEXTS and bytes(body[:80]).split(b"\0")[0] in _WITH_ORIENTATION:
            if _unpacked_size(kind, bytes(body)) > _MAX_TEXT:
                steps.append("a text of more than 1 MB, which may have an orientation, is not read")
                continue
        elif kind in _TEXTS or kind in _METADATA:
            continue
        kept.append(data[start:end])
    return b"".join([*kept, data[end:]]), steps


def _unpacked_size(kind: bytes, body: bytes) -> int:
    """Bytes of a text once unpacked; it is not unpacked further than one byte above the limit."""
    rest = body.partition(b"\0")[2]
    if kind == b"tEXt" or (kind == b"iTXt" and rest[:1] == b"\0"):
        return len(rest)
    packed = rest[1:] if kind == b"zTXt" else rest[2:].split(b"\0", 2)[-1]
    try:
        return len(zlib.decompressobj().decompress(packed, _MAX_TEXT + 1))
    except zlib.error:
        return 0  # Pillow takes a damaged text for none


def _clear_deep_colour(image: PngImageFile, data: bytes, level: tuple[int, int, int]) -> None:
    """Give a 16-bit colour image the alpha that its transparent colour means; all sixteen bits are compared."""
    low = PngImageFile(io.BytesIO(data))
    low.tile = [tile._replace(args="RGB;16L") for tile in low.tile]  # Pillow keeps one byte of two: now the lower ones
    deep = np.asarray(image).astype(np.uint16) << 8 | np.asarray(low)
    clear = (deep == np.array(level, dtype=np.uint16)).all(axis=2)
    del image.info["transparency"]
    image.putalpha(Image.fromarray(np.where(clear, 0, 255).astype(np.uint8)))
