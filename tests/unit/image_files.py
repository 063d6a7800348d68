"""Image files for tests: written byte by byte, without the library that reads them."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from leukorepro.data.images import Pixels, UnreadableImage, decode

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
MANY = 10_000_000
RNG = np.random.default_rng(0)
COLOUR = RNG.integers(0, 256, (33, 47, 3), dtype=np.uint8)
SMOOTH = np.add.outer(np.arange(64), np.arange(80)).astype(np.uint8)[:, :, None].repeat(3, axis=2)


def save(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)  # type: ignore[arg-type]
    return path


def tiff(path: Path, planes: NDArray[np.generic], order: str = "<", **tags: int | tuple[int, ...]) -> Path:
    """Write an uncompressed TIFF of one strip a plane, tag by tag, without Pillow."""
    planes = np.atleast_3d(planes)
    height, width, samples = planes.shape
    numbers = {
        256: width,
        257: height,
        258: (planes.dtype.itemsize * 8,) * samples,
        259: 1,
        262: 2 if samples >= 3 else 1,
        277: samples,
        278: height,
        284: 1,
        **{int(tag[1:]): value for tag, value in tags.items()},
    }
    data = planes.astype(planes.dtype.newbyteorder(order))
    strips = [data[:, :, k].tobytes() for k in range(samples)] if numbers[284] == 2 else [data.tobytes()]
    start = 8
    offsets = []
    for strip in strips:
        offsets.append(start)
        start += len(strip)
    numbers |= {273: tuple(offsets), 279: tuple(len(s) for s in strips)}
    entries, extra = b"", b""
    ifd_end = start + 2 + 12 * len(numbers) + 4
    for tag in sorted(numbers):
        value = numbers[tag]
        values = value if isinstance(value, tuple) else (value,)
        packed = struct.pack(f"{order}{len(values)}I", *values)
        if len(packed) > 4:
            pointer = struct.pack(f"{order}I", ifd_end + len(extra))
            extra += packed
            packed = pointer
        entries += struct.pack(f"{order}HHI", tag, 4, len(values)) + packed
    mark = b"II*\0" if order == "<" else b"MM\0*"
    header = mark + struct.pack(f"{order}I", start)
    ifd = struct.pack(f"{order}H", len(numbers)) + entries + b"\0\0\0\0"
    path.write_bytes(header + b"".join(strips) + ifd + extra)
    return path


def chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk of a PNG file."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(
    path: Path,
    samples: NDArray[np.generic],
    bits: int,
    colour: int,
    before: Sequence[bytes] = (),
    behind: Sequence[bytes] = (),
) -> Path:
    """Write a PNG of samples (height, width) or (height, width, n), with chunks before and behind its pixels."""
    height, width = samples.shape[:2]
    if bits == 16:
        rows = [row.astype(">u2").tobytes() for row in samples]
    elif bits == 8:
        rows = [row.astype(np.uint8).tobytes() for row in samples]
    else:  # the first sample is in the highest bits of a byte
        digits = (samples[:, :, np.newaxis] >> np.arange(bits)[::-1]) & 1
        rows = [row.tobytes() for row in np.packbits(digits.reshape(height, -1).astype(bool), axis=1)]
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))
    pixels = chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
    path.write_bytes(b"".join([b"\x89PNG\r\n\x1a\n", header, *before, pixels, *behind, chunk(b"IEND", b"")]))
    return path


def encoded(image: Pixels, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind, **options)  # type: ignore[arg-type]
    return buffer.getvalue()


def refusal(path: Path, max_pixels: int = MANY) -> UnreadableImage:
    with pytest.raises(UnreadableImage) as caught:
        decode(path, max_pixels)
    assert str(path) in str(caught.value)
    return caught.value
