"""Hundreds of damaged images of every format, and small files of huge ones: `data scan` lists all in bounded memory."""

from __future__ import annotations

import io
import os
import random
import resource
import struct
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from leukorepro.core.tables.data import MANIFEST_TABLE

pytestmark = pytest.mark.faults

SEED = 17
FILES = 300
"""Of each format."""
LIMIT_S = 300
ADDRESS_SPACE = 4 << 30
"""Bytes that the command may ask for; most of them are what its libraries reserve."""
PEAK_MIB = 1500
"""Resident; the largest image that is decoded by default is of 100 million pixels, which are 400 MB with alpha."""

NOISE = np.random.default_rng(SEED)
PHOTOGRAPH = np.kron(NOISE.integers(0, 256, (9, 11, 3), dtype=np.uint8), np.ones((8, 8, 1), dtype=np.uint8))


def saved(kind: str, mode: str = "RGB", **options: Any) -> bytes:
    image, written = Image.fromarray(PHOTOGRAPH).convert(mode), io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def in_16_bits(kind: str) -> bytes:
    written = io.BytesIO()
    Image.fromarray(PHOTOGRAPH[:, :, 0].astype(np.uint16) << 8).save(written, kind)
    return written.getvalue()


PAGES = {"save_all": True, "append_images": [Image.fromarray(PHOTOGRAPH[::-1].copy())]}
SOUND = {
    "png": [*(saved("PNG", mode) for mode in ("RGB", "L", "LA", "RGBA", "P", "1")), in_16_bits("PNG")],
    "jpg": [
        *(saved("JPEG", mode) for mode in ("RGB", "L", "CMYK")),
        saved("JPEG", progressive=True),
        saved("JPEG", restart_marker_rows=1, optimize=True),
        saved("JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"),
    ],
    "bmp": [saved("BMP", mode) for mode in ("RGB", "L", "P", "1", "RGBA")],
    "tif": [
        *(saved("TIFF", mode) for mode in ("RGB", "L", "P", "1", "RGBA", "CMYK")),
        *(saved("TIFF", compression=name) for name in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")),
        saved("TIFF", "1", compression="group4"),
        saved("TIFF", **PAGES),
        in_16_bits("TIFF"),
    ],
    "webp": [saved("WEBP"), saved("WEBP", lossless=True), saved("WEBP", "RGBA"), saved("WEBP", **PAGES)],
}
"""Files of every format, in what it has of kinds."""


def damaged(content: bytes, draw: random.Random) -> bytes:
    """A few changes, half of them at the beginning, where a file says what it is."""
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 4, 8))):
        if not changed:
            break
        at = draw.randrange(min(len(changed), 200) if draw.random() < 0.5 else len(changed))
        kind = draw.choice(("bit", "bytes", "number", "cut", "remove", "insert", "double"))
        if kind == "bit":
            changed[at] ^= 1 << draw.randrange(8)
        elif kind == "bytes":
            changed[at : at + draw.randrange(1, 9)] = draw.choice((b"\0" * 4, b"\xff" * 4, draw.randbytes(4)))
        elif kind == "number":
            number = draw.choice((0, 1, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF))
            changed[at : at + 4] = struct.pack(draw.choice("<>") + "I", number)
        elif kind == "cut":
            del changed[max(at, len(changed) // 2) :]
        elif kind == "remove":
            del changed[at : at + draw.randrange(1, 64)]
        elif kind == "insert":
            changed[at:at] = draw.randbytes(draw.randrange(1, 64))
        else:
            changed[at:at] = changed[at : at + draw.randrange(1, 512)]
    return bytes(changed)


def with_checksums(png: bytes) -> bytes:
    """A damaged PNG whose checksums are those of what it holds now, so that it is looked into further."""
    done, at = bytearray(png[:8]), 8
    while at + 12 <= len(png):
        (length,) = struct.unpack_from(">I", png, at)
        body = png[at + 4 : at + 8 + length]
        done += png[at : at + 4] + body + struct.pack(">I", zlib.crc32(body))
        at += 12 + length
    return bytes(done) + png[at:]


def huge(kind: str, mode: str, side: int, **options: Any) -> bytes:
    """A file of few bytes of an image of many pixels."""
    written = io.BytesIO()
    Image.new(mode, (side, side)).save(written, kind, **options)
    return written.getvalue()


def of_size(content: bytes, width: int, height: int) -> bytes:
    """A PNG that says that it is of another size, with a right checksum."""
    return with_checksums(content[:16] + struct.pack(">II", width, height) + content[24:])


@pytest.fixture(scope="module")
def ended() -> Iterator[dict[str, Counter[str]]]:
    """Status of every file by format, for whoever looks (`pytest -s`)."""
    counts: dict[str, Counter[str]] = {}
    yield counts
    print()
    for kind, count in counts.items():
        print(f"{kind}: {count.total()} files: {', '.join(f'{n} {status}' for status, n in count.most_common())}")


def scan(folder: Path) -> tuple[Counter[str], float]:
    """Status of every image of a folder by `data scan`, and the most memory that it took, in MiB."""
    manifest, told = folder.parent / f"{folder.name}.csv", folder.parent / f"{folder.name}.txt"
    files = sorted(file.name for file in folder.rglob("*") if file.is_file())
    words = ["data", "scan", "--images", str(folder), "--output", str(manifest), "--max-unreadable", str(len(files))]

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))

    with told.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-X", "faulthandler", "-c", "from leukorepro.cli.app import app; app()", *words],
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=limited,
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )
        try:
            process.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            pytest.fail(f"no end after {LIMIT_S} s: {told.read_text()[-2000:]}")
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    assert process.returncode == 0, told.read_text()[-2000:]
    assert "Traceback" not in told.read_text()
    rows = MANIFEST_TABLE.read(manifest)
    assert sorted(Path(path).name for path in rows["path"]) == files
    return Counter(rows["status"]), peak


@pytest.mark.parametrize("kind", SOUND)
def test_damaged_images_are_listed_with_what_is_wrong(
    tmp_path: Path, ended: dict[str, Counter[str]], kind: str
) -> None:
    draw, folder = random.Random(f"{SEED} {kind}"), tmp_path / "images"
    for label in ("blast", "normal"):
        (folder / label).mkdir(parents=True)
    for number in range(FILES):
        content = damaged(draw.choice(SOUND[kind]), draw)
        if kind == "png" and number % 2:
            content = with_checksums(content)
        (folder / ("blast", "normal")[number % 2] / f"{number:03d}.{kind}").write_bytes(content)
    ended[kind], peak = scan(folder)
    assert peak < PEAK_MIB
    assert ended[kind]["ok"] < FILES / 2


def test_huge_images_are_not_decoded(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    for label in ("blast", "normal"):
        (folder / label).mkdir(parents=True)
    bombs = {
        "bilevel.png": huge("PNG", "1", 20_000),
        "grey.png": huge("PNG", "L", 12_000),
        "promised.png": of_size(saved("PNG"), 60_000, 60_000),
        "promised_more.png": of_size(saved("PNG"), 2**31 - 1, 2**31 - 1),
        "flat.jpg": huge("JPEG", "L", 12_000, quality=1),
        "flat.webp": huge("WEBP", "RGB", 12_000, lossless=True, method=0),
        "fax.tif": huge("TIFF", "1", 20_000, compression="group4"),
        "deflate.tif": huge("TIFF", "L", 12_000, compression="tiff_adobe_deflate"),
        "bilevel.bmp": huge("BMP", "1", 12_000),
    }
    for number, (name, content) in enumerate(bombs.items()):
        (folder / ("blast", "normal")[number % 2] / name).write_bytes(content)
    (folder / "blast/sound.png").write_bytes(saved("PNG"))
    counts, peak = scan(folder)
    assert counts == {"oversized": len(bombs), "ok": 1}
    assert peak < PEAK_MIB
