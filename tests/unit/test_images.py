"""Decoding: every rule against a hand-made file, and no file that ends early is ever filled up."""

from __future__ import annotations

import io
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from image_files import COLOUR, MANY, RNG, SHARED, SMOOTH, chunk, encoded, png, refusal, save, tiff
from numpy.typing import NDArray
from PIL import Image, ImageOps, TiffImagePlugin

from leukorepro.data.folders import is_image
from leukorepro.data.images import UnreadableImage, decode, pixel_digest, read_rgb

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # on the damaged files below

# ------------------------------------------------------------------------------------------------- what becomes of it


@pytest.mark.parametrize("suffix", ["bmp", "png", "tif", "webp"])
def test_rgb_files_without_loss_read_back_equal(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    decoded = decode(save(tmp_path / f"a.{suffix}", Image.fromarray(COLOUR), **options), MANY)
    np.testing.assert_array_equal(decoded.pixels, COLOUR)
    assert decoded.pixels.dtype == np.uint8
    assert decoded.pixels.flags.writeable
    assert decoded.conversions == ()


@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_deflate", "packbits"])
def test_compressed_tiff_reads_back_equal(tmp_path: Path, compression: str) -> None:
    path = save(tmp_path / "a.tiff", Image.fromarray(COLOUR), compression=compression)
    np.testing.assert_array_equal(read_rgb(path, MANY), COLOUR)


def test_the_content_tells_the_format_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    Image.fromarray(COLOUR).save(path, format="PNG")
    np.testing.assert_array_equal(read_rgb(path, MANY), COLOUR)


@pytest.mark.parametrize("name", ["a.bmp", "a.JPG", "a.jpeg", "a.jpe", "a.jfif", "a.png", "a.TIFF", "a.tif", "a.webp"])
def test_endings_that_count_as_images(name: str) -> None:
    assert is_image(f"folder.txt/{name}")
    assert not is_image(f"{name}.txt")


def test_grey_is_repeated(tmp_path: Path) -> None:
    grey = COLOUR[:, :, 0]
    decoded = decode(save(tmp_path / "a.png", Image.fromarray(grey)), MANY)
    np.testing.assert_array_equal(decoded.pixels, grey[:, :, None].repeat(3, axis=2))
    assert decoded.conversions == ("grey -> RGB",)


def test_one_bit_is_black_and_white(tmp_path: Path) -> None:
    bits = COLOUR[:, :, 0] > 127
    decoded = decode(save(tmp_path / "a.tif", Image.fromarray(bits)), MANY)
    np.testing.assert_array_equal(decoded.pixels, np.where(bits, 255, 0)[:, :, None].repeat(3, axis=2))
    assert decoded.conversions == ("1-bit -> RGB",)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_a_palette_gives_its_colours(tmp_path: Path, suffix: str) -> None:
    index = RNG.integers(0, 4, (9, 11), dtype=np.uint8)
    palette = np.array([[250, 1, 2], [3, 240, 4], [5, 6, 230], [200, 100, 50]], dtype=np.uint8)
    image = Image.fromarray(index, mode="P")
    image.putpalette(palette.tobytes())
    decoded = decode(save(tmp_path / f"a.{suffix}", image), MANY)
    np.testing.assert_array_equal(decoded.pixels, palette[index])
    assert decoded.conversions == ("palette -> RGB",)


def over_white(colour: NDArray[np.uint8], alpha: NDArray[np.uint8]) -> NDArray[np.float64]:
    share = alpha[:, :, None] / 255
    return colour * share + 255 * (1 - share)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_alpha_is_composited_over_white(tmp_path: Path, suffix: str) -> None:
    alpha = RNG.integers(0, 256, COLOUR.shape[:2], dtype=np.uint8)
    image = Image.fromarray(np.dstack([COLOUR, alpha]))
    decoded = decode(save(tmp_path / f"a.{suffix}", image), MANY)
    np.testing.assert_allclose(decoded.pixels, over_white(COLOUR, alpha), atol=1)
    assert decoded.conversions == ("alpha over white",)


def test_grey_with_alpha_is_composited_over_white(tmp_path: Path) -> None:
    grey, alpha = COLOUR[:, :, 0], COLOUR[:, :, 1]
    decoded = decode(save(tmp_path / "a.png", Image.fromarray(np.dstack([grey, alpha]))), MANY)
    np.testing.assert_allclose(decoded.pixels, over_white(grey[:, :, None].repeat(3, axis=2), alpha), atol=1)
    assert decoded.conversions == ("grey -> RGB", "alpha over white")


def test_a_transparent_palette_entry_becomes_white(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[0, 1]], dtype=np.uint8), mode="P")
    image.putpalette([10, 20, 30, 40, 50, 60])
    decoded = decode(save(tmp_path / "a.png", image, transparency=1), MANY)
    assert decoded.pixels.tolist() == [[[10, 20, 30], [255, 255, 255]]]


def test_a_transparent_colour_becomes_white(tmp_path: Path) -> None:
    image = Image.fromarray(np.array([[[9, 9, 9], [7, 8, 9]]], dtype=np.uint8))
    decoded = decode(save(tmp_path / "a.png", image, transparency=(9, 9, 9)), MANY)
    assert decoded.pixels.tolist() == [[[255, 255, 255], [7, 8, 9]]]


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_a_transparent_grey_level_becomes_white_at_every_depth(tmp_path: Path, bits: int) -> None:
    most = (1 << bits) - 1
    grey = RNG.integers(0, 1 << bits, (6, 8)).astype(np.uint16)
    level = int(grey[2, 3])
    grey[0, 0] = level ^ 1  # the nearest other level; of 16 bits, with the same upper byte
    shown = np.rint(grey * 255 / most) if bits < 16 else grey >> 8
    written = level | 1 << bits if bits in (2, 4, 8) else level  # of the two bytes only the image's bits count
    path = png(tmp_path / "a.png", grey, bits, colour=0, before=[chunk(b"tRNS", struct.pack(">H", written))])
    decoded = decode(path, MANY)
    np.testing.assert_array_equal(decoded.pixels[:, :, 1], np.where(grey == level, 255, shown))
    assert decoded.conversions[-1] == "alpha over white"


@pytest.mark.parametrize("bits", [8, 16])
def test_a_transparent_colour_is_compared_by_all_its_bits(tmp_path: Path, bits: int) -> None:
    colour = RNG.integers(0, 1 << bits, (6, 8, 3)).astype(np.uint16)
    clear = colour[2, 3].copy()
    colour[0, 0] = clear ^ (0, 0, 1)
    path = png(tmp_path / "a.png", colour, bits, colour=2, before=[chunk(b"tRNS", clear.astype(">u2").tobytes())])
    expected = np.where((colour == clear).all(axis=2)[:, :, None], 255, colour >> (bits - 8))
    np.testing.assert_array_equal(read_rgb(path, MANY), expected)


def bmp_with_alpha(path: Path, rgb: NDArray[np.uint8], alpha: NDArray[np.uint8], header: int) -> Path:
    """Write a BMP with a mask for alpha; its header has 108 bytes (version 4) or 124 (version 5)."""
    height, width = alpha.shape
    data = np.dstack([rgb[::-1, :, ::-1], alpha[::-1]]).tobytes()
    fields = struct.pack("<IiiHHIIiiII", header, width, height, 1, 32, 3, len(data), 2835, 2835, 0, 0)
    fields += struct.pack("<IIII4s", 0xFF0000, 0xFF00, 0xFF, 0xFF000000, b"BGRs")
    fields = fields.ljust(header, b"\0")
    start = 14 + len(fields)
    path.write_bytes(b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + fields + data)
    return path


def with_alpha(path: Path, kind: str, alpha: NDArray[np.uint8]) -> tuple[Path, NDArray[np.uint8]]:
    """Write an image of COLOUR, or its grey, with this alpha; the path and the colours in the file."""
    grey = COLOUR[:, :, 0]
    rgb, repeated = COLOUR, grey[:, :, None].repeat(3, axis=2)
    all_four = np.dstack([rgb, alpha])
    name, _, bits = kind.partition(" ")
    match name:
        case "png":
            return png(path, all_four.astype(np.uint16) * (257 if bits == "16" else 1), int(bits), colour=6), rgb
        case "grey-png":
            both = np.dstack([grey, alpha]).astype(np.uint16) * (257 if bits == "16" else 1)
            return png(path, both, int(bits), colour=4), repeated
        case "grey-tiff":
            return tiff(path, np.dstack([grey, alpha]), t338=2), repeated
        case "bmp":
            return bmp_with_alpha(path, rgb, alpha, int(bits)), rgb
        case "tiff" | "premultiplied":
            values = all_four.astype(np.uint16) * 257 if bits == "16" else all_four
            return tiff(path, values, t338=2 if name == "tiff" else 1), rgb
        case "webp":
            path.write_bytes(encoded(all_four, "WEBP", lossless=True, exact=True))
            return path, rgb
    raise ValueError(kind)


ALPHAS = [
    "png 8",
    "png 16",
    "grey-png 8",
    "grey-png 16",
    "bmp 108",
    "bmp 124",
    "tiff 8",
    "tiff 16",
    "grey-tiff 8",
    "webp",
]
ALL_CLEAR = "transparent everywhere: its colours count"


@pytest.mark.parametrize("kind", [*ALPHAS, "premultiplied 8", "premultiplied 16"])
def test_where_every_pixel_is_transparent_the_colours_count(tmp_path: Path, kind: str) -> None:
    path, colours = with_alpha(tmp_path / "a", kind, np.zeros(COLOUR.shape[:2], dtype=np.uint8))
    decoded = decode(path, MANY)
    np.testing.assert_array_equal(decoded.pixels, colours)
    assert decoded.conversions[-1] == ALL_CLEAR


@pytest.mark.parametrize("kind", ALPHAS)
def test_one_visible_pixel_and_the_others_are_white(tmp_path: Path, kind: str) -> None:
    alpha = np.zeros(COLOUR.shape[:2], dtype=np.uint8)
    alpha[5, 7] = 255
    path, colours = with_alpha(tmp_path / "a", kind, alpha)
    decoded = decode(path, MANY)
    np.testing.assert_array_equal(decoded.pixels, np.where(alpha[:, :, None] > 0, colours, 255))
    assert decoded.conversions[-1] == "alpha over white"


@pytest.mark.parametrize(("bits", "level"), [(4, 5), (16, 4660)])
def test_a_flat_image_of_its_transparent_level_keeps_its_colour(tmp_path: Path, bits: int, level: int) -> None:
    path = png(tmp_path / "a", np.full((3, 4), level), bits, 0, before=[chunk(b"tRNS", struct.pack(">H", level))])
    decoded = decode(path, MANY)
    assert (decoded.pixels == (level * 17 if bits == 4 else level >> 8)).all()
    assert ALL_CLEAR in decoded.conversions


def test_a_palette_of_transparent_colours_keeps_them(tmp_path: Path) -> None:
    palette = np.array([[250, 1, 2], [3, 240, 4]], dtype=np.uint8)
    chunks = [chunk(b"PLTE", palette.tobytes()), chunk(b"tRNS", bytes(2))]
    path = png(tmp_path / "a", np.array([[0, 1, 1, 0]]), bits=1, colour=3, before=chunks)
    decoded = decode(path, MANY)
    np.testing.assert_array_equal(decoded.pixels[0], palette[[0, 1, 1, 0]])
    assert ALL_CLEAR in decoded.conversions


def ink_on_paper(cmyk: NDArray[np.uint8]) -> NDArray[np.float64]:
    return (255.0 - cmyk[:, :, :3]) * (255.0 - cmyk[:, :, 3:]) / 255


def test_cmyk_tiff_follows_the_formula(tmp_path: Path) -> None:
    cmyk = RNG.integers(0, 256, (8, 9, 4), dtype=np.uint8)
    decoded = decode(save(tmp_path / "a.tif", Image.fromarray(cmyk, mode="CMYK")), MANY)
    np.testing.assert_allclose(decoded.pixels, ink_on_paper(cmyk), atol=1)
    assert decoded.conversions == ("CMYK -> RGB",)


def flat_cmyk_jpeg(ink: tuple[int, int, int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("CMYK", (16, 16), ink).save(buffer, "JPEG", quality=100)
    return buffer.getvalue()


def test_adobe_inverted_cmyk_jpeg(tmp_path: Path) -> None:
    data = flat_cmyk_jpeg((200, 30, 60, 20))
    assert b"Adobe" in data  # so the values in the file are inverted
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    ink = np.full((16, 16, 4), (200, 30, 60, 20), dtype=np.uint8)
    np.testing.assert_allclose(read_rgb(path, MANY), ink_on_paper(ink), atol=3)


def test_cmyk_jpeg_without_adobes_marker_is_not_inverted(tmp_path: Path) -> None:
    data = flat_cmyk_jpeg((200, 30, 60, 20))
    at = data.index(b"\xff\xee")
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    path = tmp_path / "a.jpg"
    path.write_bytes(data[:at] + data[at + 2 + length :])
    ink = np.full((16, 16, 4), (55, 225, 195, 235), dtype=np.uint8)  # 255 less what Adobe's reading gives
    np.testing.assert_allclose(read_rgb(path, MANY), ink_on_paper(ink), atol=3)


DEEP = RNG.integers(0, 65536, (12, 15), dtype=np.uint16)


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bit_grey_keeps_the_upper_byte(tmp_path: Path, order: str) -> None:
    expected = (DEEP // 256)[:, :, None].repeat(3, axis=2)
    decoded = decode(tiff(tmp_path / "a.tif", DEEP, order), MANY)
    np.testing.assert_array_equal(decoded.pixels, expected)
    assert decoded.conversions == ("16-bit grey -> 8-bit RGB",)


@pytest.mark.parametrize("options", [{"suffix": "png"}, {"suffix": "tif", "compression": "tiff_lzw"}])
def test_sixteen_bit_grey_compressed(tmp_path: Path, options: dict[str, str]) -> None:
    path = tmp_path / f"a.{options.pop('suffix')}"
    decoded = decode(save(path, Image.fromarray(DEEP), **options), MANY)
    np.testing.assert_array_equal(decoded.pixels, (DEEP // 256)[:, :, None].repeat(3, axis=2))


@pytest.mark.parametrize("order", ["<", ">"])
def test_sixteen_bit_colour_keeps_the_upper_byte(tmp_path: Path, order: str) -> None:
    deep = RNG.integers(0, 65536, (7, 5, 3), dtype=np.uint16)
    decoded = decode(tiff(tmp_path / "a.tif", deep, order), MANY)
    np.testing.assert_array_equal(decoded.pixels, deep // 256)
    assert decoded.conversions == ("16-bit -> 8-bit",)


def test_sixteen_bit_colour_png_keeps_the_upper_byte(tmp_path: Path) -> None:
    deep = RNG.integers(0, 65536, (7, 5, 3), dtype=np.uint16)
    decoded = decode(png(tmp_path / "a.png", deep, bits=16, colour=2), MANY)
    np.testing.assert_array_equal(decoded.pixels, deep // 256)
    assert decoded.conversions == ("16-bit -> 8-bit",)


def test_sixteen_bit_grey_where_white_is_zero(tmp_path: Path) -> None:
    decoded = decode(tiff(tmp_path / "a.tif", DEEP, t262=0), MANY)
    np.testing.assert_array_equal(decoded.pixels[:, :, 1], (65535 - DEEP) // 256)


@pytest.mark.parametrize("bits", range(8, 17))
@pytest.mark.parametrize("kind", ["grey tif", "grey png", "white is zero", "colour tif", "colour png", "with alpha"])
def test_a_depth_below_sixteen_bits_is_said(tmp_path: Path, kind: str, bits: int) -> None:
    deep = RNG.integers(0, 1 << bits, (6, 5, 3), dtype=np.uint16)
    deep[2, 3] = (1 << bits) - 1
    path = tmp_path / "a"
    match kind:
        case "grey tif":
            tiff(path, deep[:, :, 0])
        case "white is zero":
            tiff(path, deep[:, :, 0], t262=0)
        case "grey png":
            png(path, deep[:, :, 0], bits=16, colour=0)
        case "colour tif":
            tiff(path, deep)
        case "colour png":
            png(path, deep, bits=16, colour=2)
        case "with alpha":
            png(path, np.dstack([deep, RNG.integers(0, 65536, (6, 5), dtype=np.uint16)]), bits=16, colour=6)
    said = [step for step in decode(path, MANY).conversions if f"{bits}-bit data in a 16-bit file" in step]
    assert len(said) == (bits < 16)
    assert all(f"Multiply by {1 << (16 - bits)} " in step for step in said)


def test_packed_twelve_bit_is_scaled_by_its_header(tmp_path: Path) -> None:
    values = np.array([[0, 4095, 2048, 16]], dtype=np.uint16)
    packed = np.array([[0, 0x0F, 0xFF, 0x80, 0x00, 0x10]], dtype=np.uint8)  # the four, twelve bits each
    path = tiff(tmp_path / "a.tif", packed, t256=4, t258=12)
    decoded = decode(path, MANY)
    np.testing.assert_array_equal(decoded.pixels[:, :, 0], values // 16)
    assert decoded.conversions == ("12-bit grey -> 8-bit RGB",)


def test_float_from_zero_to_one_is_scaled(tmp_path: Path) -> None:
    values = RNG.random((6, 7), dtype=np.float32)
    decoded = decode(save(tmp_path / "a.tif", Image.fromarray(values)), MANY)
    np.testing.assert_allclose(decoded.pixels[:, :, 2], 255 * values, atol=0.501)


@pytest.mark.parametrize("value", [-0.5, 1.5, np.nan, 40000.0])
def test_other_floats_are_refused(tmp_path: Path, value: float) -> None:
    path = save(tmp_path / "a.tif", Image.fromarray(np.full((3, 3), value, dtype=np.float32)))
    assert refusal(path).status == "unsupported"


@pytest.mark.parametrize(
    ("planes", "tags"),
    [
        (np.zeros((3, 3), dtype=np.int16), {"t339": 2}),
        (np.zeros((3, 3), dtype=np.int8), {"t339": 2}),
        (np.zeros((3, 3), dtype=np.uint32), {}),
        (np.zeros((3, 3, 3), dtype=np.uint8), {"t262": 8}),  # Lab
        (np.zeros((3, 3, 4), dtype=np.uint16), {"t284": 2}),
        (np.zeros((3, 3, 3), dtype=np.float64), {"t284": 2, "t339": 3}),
        (np.zeros((3, 3, 2), dtype=np.uint16), {"t338": 2}),
    ],
    ids=[
        "signed",
        "signed bytes",
        "32-bit",
        "Lab",
        "four planes of 16 bits",
        "planes of 64 bits",
        "16-bit grey with alpha",
    ],
)
def test_pixels_without_a_rule_are_refused(
    tmp_path: Path, planes: NDArray[np.generic], tags: dict[str, int | tuple[int, ...]]
) -> None:
    assert refusal(tiff(tmp_path / "a.tif", planes, **tags)).status == "unsupported"


def test_separate_planes_of_eight_bits(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_rgb(tiff(tmp_path / "a.tif", COLOUR, t284=2), MANY), COLOUR)


UPRIGHT = {  # EXIF 2.32, 4.6.4: where row 0 and column 0 of the stored image are seen
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.swapaxes(0, 1),
    6: lambda a: np.rot90(a, -1),
    7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    8: lambda a: np.rot90(a, 1),
}


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["png", "tif", "jpg"])
def test_orientation_is_applied(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    plain = read_rgb(save(tmp_path / f"plain.{suffix}", Image.fromarray(COLOUR)), MANY)
    decoded = decode(save(tmp_path / f"a.{suffix}", Image.fromarray(COLOUR), exif=exif), MANY)
    np.testing.assert_array_equal(decoded.pixels, UPRIGHT[orientation](plain))
    assert decoded.conversions == (() if orientation == 1 else (f"turned upright (orientation {orientation})",))


@pytest.mark.parametrize("suffix", [".tiff", ".jpg"])
@pytest.mark.parametrize("orientation", [0, 9])
def test_an_orientation_that_there_is_not_turns_nothing(tmp_path: Path, suffix: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    path = tmp_path / f"a{suffix}"
    Image.fromarray(COLOUR).save(path, exif=exif)
    assert decode(path, MANY).conversions == ()


def test_orientation_of_sixteen_bit_tiff(tmp_path: Path) -> None:
    decoded = decode(tiff(tmp_path / "a.tif", DEEP, t274=6), MANY)
    np.testing.assert_array_equal(decoded.pixels[:, :, 0], np.rot90(DEEP // 256, -1))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "LA", "CMYK", "1", "I;16"])
def test_every_kind_of_pixel_is_turned_as_pillow_turns_it(tmp_path: Path, mode: str, orientation: int) -> None:
    image = Image.fromarray(DEEP) if mode == "I;16" else Image.fromarray(COLOUR).convert(mode)
    exif = Image.Exif()
    exif[274] = orientation
    suffix = "jpg" if mode == "CMYK" else "png"
    with Image.open(save(tmp_path / f"a.{suffix}", image, exif=exif)) as opened:
        turned = ImageOps.exif_transpose(opened)
    expected = read_rgb(save(tmp_path / "expected.tif", turned, exif=Image.Exif()), MANY)
    np.testing.assert_array_equal(read_rgb(tmp_path / f"a.{suffix}", MANY), expected)


def exif_of(*entries: tuple[int, int, bytes]) -> bytes:
    """An EXIF block of tags with a type and one value, which lies in the entry or, from 5 bytes on, behind them."""
    start = 8 + 2 + 12 * len(entries) + 4
    written, behind = b"", b""
    for tag, kind, value in sorted(entries):
        count = len(value) if kind in (2, 7) else 1
        written += struct.pack("<HHI", tag, kind, count)
        written += value.ljust(4, b"\0") if len(value) <= 4 else struct.pack("<I", start + len(behind))
        behind += value if len(value) > 4 else b""
    return b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(entries)) + written + bytes(4) + behind


ODD_TAGS = {
    "Make as FLOAT": (0x010F, 11, struct.pack("<f", 1)),
    "Software as SHORT": (0x0131, 3, b"\1\0"),
    "XResolution as ASCII": (0x011A, 2, b"72\0"),
    "XResolution as one letter": (0x011A, 2, b"7\0"),
    "XResolution of 0/0": (0x011A, 5, bytes(8)),
    "DateTime as RATIONAL": (0x0132, 5, bytes(8)),
    "Exif IFD nowhere": (0x8769, 4, b"\xff\xff\xff\x7f"),
    "GPS IFD as ASCII": (0x8825, 2, b"no\0"),
    "MakerNote as LONG": (0x927C, 4, b"\1\2\3\4"),
    "a tag of no kind": (0xABCD, 7, b"\xff" * 20),
}


@pytest.mark.parametrize("odd", ODD_TAGS)
@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp"])
def test_an_odd_tag_beside_the_orientation_changes_nothing(
    tmp_path: Path, suffix: str, orientation: int, odd: str
) -> None:
    options: dict[str, object] = {"lossless": True} if suffix == "webp" else {}
    plain = save(tmp_path / f"plain.{suffix}", Image.fromarray(COLOUR), **options)
    block = exif_of((274, 3, struct.pack("<H", orientation)), (0x0128, 3, b"\2\0"), ODD_TAGS[odd])
    path = save(tmp_path / f"a.{suffix}", Image.fromarray(COLOUR), exif=block, **options)
    content = path.read_bytes()
    if suffix == "jpg":  # as cameras write it, without the JFIF header, whose resolution goes before that of EXIF
        assert content[2:4] == b"\xff\xe0"
        content = content[:2] + content[4 + int.from_bytes(content[4:6], "big") :]
    np.testing.assert_array_equal(decode(path, MANY, content).pixels, UPRIGHT[orientation](read_rgb(plain, MANY)))


@pytest.mark.parametrize("orientation", [None, 6])
@pytest.mark.parametrize("xmp", ["text", 7, (1, 2, 3), 1.5])
def test_a_tiff_whose_xmp_is_of_an_odd_type_is_read(tmp_path: Path, xmp: object, orientation: int | None) -> None:
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags.tagtype[700] = {str: 2, float: 11}.get(type(xmp), 4)
    tags[700] = xmp
    if orientation:
        tags[274] = orientation
    path = save(tmp_path / "a.tif", Image.fromarray(COLOUR), tiffinfo=tags)
    np.testing.assert_array_equal(read_rgb(path, MANY), UPRIGHT[orientation or 1](COLOUR))


def test_a_damaged_exif_block_counts_as_none(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", Image.fromarray(COLOUR), exif=b"Exif\0\0garbage that is no directory")
    decoded = decode(path, MANY)
    np.testing.assert_array_equal(decoded.pixels, COLOUR)
    assert decoded.conversions == ()


@pytest.mark.parametrize("suffix", ["tif", "png", "webp"])
def test_the_first_of_several_frames(tmp_path: Path, suffix: str) -> None:
    options = {"lossless": True} if suffix == "webp" else {}
    other = Image.fromarray(255 - COLOUR)
    path = save(tmp_path / f"a.{suffix}", Image.fromarray(COLOUR), save_all=True, append_images=[other], **options)
    decoded = decode(path, MANY)
    np.testing.assert_array_equal(decoded.pixels, COLOUR)
    assert decoded.conversions == ("first of several frames",)


# ------------------------------------------------------------------------------------------------------ what is refused


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.png").touch()
    assert refusal(tmp_path / "a.png").status == "empty"


def test_text_is_no_image_and_other_formats_are_unsupported(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_text("no image")
    assert refusal(tmp_path / "a.png").status == "not_an_image"
    save(tmp_path / "b.gif", Image.fromarray(COLOUR[:, :, 0]))
    assert refusal(tmp_path / "b.gif").status == "unsupported"


def test_a_git_lfs_pointer_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.bmp").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n")
    error = refusal(tmp_path / "a.bmp")
    assert error.status == "not_an_image"
    assert "git lfs pull" in error.reason


def test_a_dangling_link_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.png").symlink_to(tmp_path / "nowhere.png")
    assert refusal(tmp_path / "a.png").status == "unreadable"


@pytest.mark.parametrize("suffix", ["bmp", "png", "tif", "jpg", "webp"])
def test_the_limit_of_pixels_is_exact(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / f"a.{suffix}", Image.fromarray(COLOUR))
    assert read_rgb(path, 33 * 47).shape == COLOUR.shape
    assert refusal(path, 33 * 47 - 1).status == "oversized"


def test_a_bomb_is_found_without_decoding(tmp_path: Path) -> None:
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 12_000, 10_000, 8, 2, 0, 0, 0))
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    assert refusal(path, 100_000_000).status == "oversized"  # from the header: there is nothing to decode
    assert refusal(path, 120_000_000).status == "truncated"


def test_the_users_limit_holds_above_pillows_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    path = save(tmp_path / "a.png", Image.fromarray(COLOUR))
    np.testing.assert_array_equal(read_rgb(path, MANY), COLOUR)


FILES = {
    "bmp": encoded(COLOUR, "BMP"),
    "grey bmp": encoded(COLOUR[:, :, 0], "BMP"),
    "png": encoded(COLOUR, "PNG"),
    "smooth png": encoded(SMOOTH, "PNG"),
    "jpeg": encoded(COLOUR, "JPEG"),
    "smooth jpeg": encoded(SMOOTH, "JPEG"),
    "progressive jpeg": encoded(COLOUR, "JPEG", progressive=True),
    "tiff": encoded(COLOUR, "TIFF"),
    "lzw tiff": encoded(COLOUR, "TIFF", compression="tiff_lzw"),
    "deflate tiff": encoded(COLOUR, "TIFF", compression="tiff_deflate"),
    "jpeg tiff": encoded(SMOOTH, "TIFF", compression="jpeg"),
    "strips tiff": encoded(COLOUR, "TIFF", compression="tiff_lzw", strip_size=500),
    "grey tiff": encoded(COLOUR[:, :, 0], "TIFF"),
    "webp": encoded(COLOUR, "WEBP", lossless=True),
}


@pytest.mark.parametrize("name", FILES)
def test_half_a_file_is_truncated(tmp_path: Path, name: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(FILES[name][: len(FILES[name]) // 2])
    assert refusal(path).status == "truncated"


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(FILES)), share=st.floats(0, 1))
@example(name="jpeg", share=0.999)
@example(name="progressive jpeg", share=0.999)
def test_a_file_that_ends_early_is_refused_or_was_complete(tmp_path: Path, name: str, share: float) -> None:
    path = tmp_path / "a"
    path.write_bytes(FILES[name])
    whole = read_rgb(path, MANY)
    path.write_bytes(FILES[name][: int(share * len(FILES[name]))])
    try:
        part = read_rgb(path, MANY)
    except UnreadableImage:
        return
    np.testing.assert_array_equal(part, whole)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(sorted(FILES)), data=st.data())
def test_damage_gives_an_image_or_a_refusal(tmp_path: Path, name: str, data: st.DataObject) -> None:
    damaged = bytearray(FILES[name])
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.one_of(st.integers(0, min(200, len(damaged) - 1)), st.integers(0, len(damaged) - 1)))
        damaged[at] = data.draw(st.integers(0, 255))
    path = tmp_path / "a"
    path.write_bytes(damaged)
    try:
        pixels = read_rgb(path, 1_000_000)
    except UnreadableImage:
        return
    assert pixels.dtype == np.uint8
    assert pixels.ndim == 3
    assert pixels.shape[2] == 3


# -------------------------------------------------------------------------------------------------------------- digests


def test_the_digest_tells_values_and_shape_apart(tmp_path: Path) -> None:
    flat = np.zeros((2, 3, 3), dtype=np.uint8)
    assert pixel_digest(flat) == pixel_digest(flat.copy())
    assert pixel_digest(flat) != pixel_digest(flat.reshape(3, 2, 3))
    assert pixel_digest(flat) != pixel_digest(flat + np.uint8(1))
    assert pixel_digest(COLOUR[::-1]) == pixel_digest(np.ascontiguousarray(COLOUR[::-1]))
    bmp = read_rgb(save(tmp_path / "a.bmp", Image.fromarray(COLOUR)), MANY)
    png = read_rgb(save(tmp_path / "a.png", Image.fromarray(COLOUR)), MANY)
    assert pixel_digest(bmp) == pixel_digest(png)


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared with real images")
def test_real_cells_equal_pillows_own_reading() -> None:
    for path in sorted((SHARED / "data/cnmc_sample/fold_0/all").iterdir())[:5]:
        with Image.open(path) as image:
            np.testing.assert_array_equal(read_rgb(path, MANY), np.asarray(image.convert("RGB")))


def test_the_error_can_leave_a_process() -> None:
    error = UnreadableImage(Path("a.png"), "truncated", "its last bytes are missing")
    there = pickle.loads(pickle.dumps(error))
    assert (str(there), there.status, there.reason) == (str(error), error.status, error.reason)
