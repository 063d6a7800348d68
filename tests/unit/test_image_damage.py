"""Damage inside image files is found, sound files are not refused, and other formats are called by their names."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from image_files import COLOUR, MANY, SHARED, SMOOTH, chunk, encoded, png, refusal
from PIL import Image

from leukorepro.data.images import UnreadableImage, decode, read_rgb

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")
NOISE = np.kron(COLOUR, np.ones((4, 4, 1), dtype=np.uint8))

JPEGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "worst": {"quality": 1},
    "best": {"quality": 100, "subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "own tables": {"optimize": True},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
    "progressive with restarts": {"progressive": True, "restart_marker_blocks": 3},
    "RGB kept": {"keep_rgb": True},
    "comment": {"comment": b"a comment"},
    "profile": {"icc_profile": bytes(100_000)},
}
SHAPES = {"RGB": NOISE, "grey": NOISE[:, :, 0], "one pixel": NOISE[:1, :1], "odd size": NOISE[:17, :9]}


def jpeg(options: dict[str, Any], image: Any = NOISE) -> bytes:
    return encoded(image, "JPEG", **options)


# ---------------------------------------------------------------------------------------------------------------- JPEG


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("shape", SHAPES)
def test_sound_jpegs_are_read(tmp_path: Path, kind: str, shape: str) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg(JPEGS[kind], SHAPES[shape]))
    with Image.open(path) as image:
        np.testing.assert_array_equal(read_rgb(path, MANY), np.asarray(image.convert("RGB")))


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr"])
def test_sound_jpegs_of_other_colours_are_read(tmp_path: Path, mode: str) -> None:
    Image.fromarray(NOISE).convert(mode).save(tmp_path / "a.jpg")
    assert read_rgb(tmp_path / "a.jpg", MANY).shape == NOISE.shape


def test_what_cameras_put_around_an_image_is_no_damage(tmp_path: Path) -> None:
    sound = jpeg({})
    at = sound.index(b"JFIF\0") + 5
    path = tmp_path / "a.jpg"
    for data in (
        sound + bytes(1000),
        sound + jpeg({"quality": 20})[:-100],  # a preview, even half of one
        sound[:-2] + b"\xff" * 9 + sound[-2:],  # filling before a marker
        sound[:at] + b"\2" + sound[at + 1 :],  # a version of JFIF that is not known
    ):
        path.write_bytes(data)
        with Image.open(path) as image:
            np.testing.assert_array_equal(read_rgb(path, MANY), np.asarray(image))


def test_a_subsampling_that_the_check_does_not_know_is_read(tmp_path: Path) -> None:
    data = bytearray(jpeg({"quality": 50}, np.full((48, 48, 3), 128, dtype=np.uint8)))
    frame, scan = data.index(b"\xff\xc0"), data.index(b"\xff\xda")
    data[frame + 11] = 0x31  # three parts of luminance to one of each chrominance, side by side
    for table in (6, 8, 10):
        data[scan + table] = 0  # so that a flat block is 001010 in each channel
    blocks = 2 * 6 * (3 + 1 + 1)
    bits = "001010" * blocks
    start = scan + 2 + int.from_bytes(data[scan + 2 : scan + 4], "big")
    coded = int(bits, 2).to_bytes(len(bits) // 8, "big")
    (tmp_path / "a.jpg").write_bytes(bytes(data[:start]) + coded + b"\xff\xd9")
    assert (read_rgb(tmp_path / "a.jpg", MANY) == 128).all()


@pytest.mark.parametrize("kind", JPEGS)
@pytest.mark.parametrize("share", [0.4, 0.9])
def test_a_hole_in_a_jpeg_is_damage(tmp_path: Path, kind: str, share: float) -> None:
    data = jpeg(JPEGS[kind], NOISE)
    coded = data.index(b"\xff\xda") + 14
    hole = coded + int(share * (len(data) - coded))
    (tmp_path / "a.jpg").write_bytes(data[:hole] + bytes(len(data) - hole - 2) + data[-2:])
    assert refusal(tmp_path / "a.jpg").status == "damaged"


@pytest.mark.parametrize("kind", JPEGS)
def test_a_jpeg_that_lost_a_tenth_of_its_data_is_damaged(tmp_path: Path, kind: str) -> None:
    """Wherever it was; one of many scans may go on with the rest of another as if nothing had been between."""
    data = jpeg(JPEGS[kind])
    coded = data.index(b"\xff\xda") + 14
    lost = (len(data) - coded) // 10
    path, found = tmp_path / "a.jpg", 0
    for at in np.linspace(0, 1, 40):
        start = coded + int(at * (len(data) - coded - lost - 2))
        path.write_bytes(data[:start] + data[start + lost :])
        try:
            decode(path, MANY)
        except UnreadableImage as error:
            found += error.status in {"damaged", "truncated"}
    assert found >= (38 if kind == "progressive" else 40)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared with real images")
def test_sound_photographs_are_not_refused_and_holes_in_them_are(tmp_path: Path) -> None:
    for path in sorted((SHARED / "data/pbc_subset").rglob("*.jpg"))[::16]:
        decode(path, MANY)
        data = path.read_bytes()
        half = len(data) // 2
        (tmp_path / "a.jpg").write_bytes(data[:half] + bytes(len(data) - half - 2) + data[-2:])
        assert refusal(tmp_path / "a.jpg").status == "damaged"


@pytest.mark.parametrize(
    ("marker", "word"), [(0xC3, "lossless"), (0xC5, "hierarchical"), (0xCB, "lossless"), (0xF7, "JPEG-LS")]
)
def test_kinds_of_jpeg_without_a_rule_are_named(tmp_path: Path, marker: int, word: str) -> None:
    data = bytearray(jpeg({}))
    data[data.index(b"\xff\xc0") + 1] = marker
    (tmp_path / "a.jpg").write_bytes(data)
    error = refusal(tmp_path / "a.jpg")
    assert error.status == "unsupported"
    assert word in error.reason


def test_a_twelve_bit_jpeg_is_named(tmp_path: Path) -> None:
    data = bytearray(jpeg({}))
    data[data.index(b"\xff\xc0") + 4] = 12
    (tmp_path / "a.jpg").write_bytes(data)
    error = refusal(tmp_path / "a.jpg")
    assert (error.status, "12 bits" in error.reason) == ("unsupported", True)


# ----------------------------------------------------------------------------------------------------------------- PNG


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_flipped_bit_in_a_png_changes_no_pixel_unseen(tmp_path: Path, share: float, bit: int) -> None:
    data = bytearray(encoded(SMOOTH, "PNG"))
    data[int(share * (len(data) - 12))] ^= 1 << bit  # the last twelve bytes only say that it ends
    path = tmp_path / "a.png"
    path.write_bytes(data)
    try:
        pixels = read_rgb(path, MANY)
    except UnreadableImage:
        return
    np.testing.assert_array_equal(pixels, SMOOTH)  # a chunk's length, which the packed data do not need


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT"])
def test_a_wrong_checksum_is_damage(tmp_path: Path, kind: bytes) -> None:
    data = bytearray(encoded(COLOUR, "PNG"))
    at = data.index(kind)
    (length,) = struct.unpack_from(">I", data, at - 4)
    data[at + 4 + length] ^= 1
    (tmp_path / "a.png").write_bytes(data)
    error = refusal(tmp_path / "a.png")
    assert (error.status, kind.decode() in error.reason) == ("damaged", True)


LARGE = b"<x/>" * 600_000  # 2.4 MB, more than Pillow unpacks
TEXTS = {
    "profile": [chunk(b"iCCP", b"name\0\0" + zlib.compress(bytes(2_000_000)))],
    "packed text": [chunk(b"zTXt", b"XML\0\0" + zlib.compress(LARGE))],
    "packed international text": [chunk(b"iTXt", b"XML\0\1\0\0\0" + zlib.compress(LARGE))],
    "thirty texts": [chunk(b"tEXt", b"key\0" + LARGE)] * 30,  # together more than Pillow allows
    "a resolution that lacks its end": [chunk(b"pHYs", b"\0")],
    "a gamma with a wrong checksum": [chunk(b"gAMA", bytes(4))[:-1] + b"!"],
}


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("where", ["before", "behind"])
def test_a_png_is_read_whatever_its_metadata(tmp_path: Path, name: str, where: str) -> None:
    path = png(tmp_path / "a.png", COLOUR, bits=8, colour=2, **{where: TEXTS[name]})
    decoded = decode(path, MANY)
    np.testing.assert_array_equal(decoded.pixels, COLOUR)
    assert decoded.conversions == ()


XMP = b'<x tiff:Orientation="6"/>'


@pytest.mark.parametrize(
    "body",
    [
        b"\0\0\0\0" + XMP,
        b"\1\0\0\0" + zlib.compress(XMP),
        b"\0\0\0\0" + XMP + LARGE[:900_000],
    ],
    ids=["plain", "packed", "long"],
)
def test_the_orientation_in_a_text_is_kept_beside_a_large_profile(tmp_path: Path, body: bytes) -> None:
    texts = [*TEXTS["profile"], chunk(b"iTXt", b"XML:com.adobe.xmp\0" + body)]
    path = png(tmp_path / "a.png", COLOUR, bits=8, colour=2, before=texts)
    np.testing.assert_array_equal(read_rgb(path, MANY), np.rot90(COLOUR, -1))


def test_a_text_too_large_for_its_orientation_is_told(tmp_path: Path) -> None:
    text = chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(XMP + LARGE))
    decoded = decode(png(tmp_path / "a.png", COLOUR, bits=8, colour=2, before=[text]), MANY)
    np.testing.assert_array_equal(decoded.pixels, COLOUR)
    assert any("orientation" in step for step in decoded.conversions)


# ------------------------------------------------------------------------------------------------------- other formats


@pytest.mark.parametrize(
    ("head", "status", "word"),
    [
        (encoded(COLOUR, "JPEG2000"), "unsupported", "JPEG 2000"),
        (encoded(COLOUR, "JPEG2000", no_jp2=True), "unsupported", "JPEG 2000"),
        (encoded(COLOUR, "AVIF"), "unsupported", "AVIF"),
        (encoded(COLOUR, "GIF"), "unsupported", "GIF"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unsupported", "HEIC"),
        (bytes(128) + b"DICM" + bytes(50), "unsupported", "DICOM"),
        (b"II\xbc\x01" + bytes(50), "unsupported", "JPEG XR"),
        (b"MM\0+\0\x08\0\0" + bytes(50), "unsupported", "BigTIFF"),
        (b"%PDF-1.7\n", "unsupported", "PDF"),
        (b"P6\n2 2\n255\n" + bytes(12), "unsupported", "PPM"),
        (b"\x93NUMPY\1\0" + bytes(50), "unsupported", "NumPy"),
        (b"/annex/objects/MD5E-s90--0.png\n", "not_an_image", "git annex get"),
        (b"PK\x03\x04" + bytes(50), "not_an_image", "ZIP"),
        (b"\n<!DOCTYPE HTML><html>", "not_an_image", "web page"),
        (b"<?xml version='1.0'?><Error/>", "not_an_image", "XML"),
        (bytes(2000), "not_an_image", "zeros"),
        (encoded(COLOUR, "PNG").replace(b"\r\n", b"\n"), "damaged", "line ends"),
    ],
)
def test_other_formats_are_called_by_their_names(tmp_path: Path, head: bytes, status: str, word: str) -> None:
    (tmp_path / "a.png").write_bytes(head)
    error = refusal(tmp_path / "a.png")
    assert error.status == status
    assert word in error.reason
