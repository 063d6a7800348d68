"""Which page of a TIFF file is its image, and what several make together; the files are written by tifffile."""

from __future__ import annotations

import io
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from image_files import COLOUR, MANY, RNG, SMOOTH, refusal, tiff
from numpy.typing import NDArray
from PIL import Image

from leukorepro.data.images import decode

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:PIL")  # on the damaged file below
PLANES = np.moveaxis(COLOUR, 2, 0).copy()
DEEP = PLANES.astype(np.uint16) * 257


def written(path: Path, *pages: NDArray[np.generic], **options: Any) -> Path:
    """A TIFF of pages, each with its own shape; what they are is not said."""
    with tifffile.TiffWriter(path, **options) as file:
        for page in pages:
            file.write(page, photometric="rgb" if page.ndim == 3 else "minisblack", metadata=None, contiguous=False)
    return path


# --------------------------------------------------------------------------------------------------------- the largest


@pytest.mark.parametrize("place", range(3))
@pytest.mark.parametrize("options", [{}, {"byteorder": ">"}, {"bigtiff": True}], ids=["", "big-endian", "BigTIFF"])
def test_the_largest_page_is_the_image_wherever_it_lies(tmp_path: Path, place: int, options: dict[str, Any]) -> None:
    pages = [COLOUR[::2, ::2], COLOUR[::3, ::3]]
    pages.insert(place, COLOUR)
    decoded = decode(written(tmp_path / "a.tif", *pages, **options), MANY)
    np.testing.assert_array_equal(decoded.pixels, COLOUR)
    assert decoded.conversions == ("the largest of 3 pages",)


@pytest.mark.parametrize("first", [COLOUR, COLOUR[::4, ::4]], ids=["pyramid", "thumbnail"])
def test_pages_below_a_page_are_pages_too(tmp_path: Path, first: NDArray[np.uint8]) -> None:
    below = COLOUR[::2, ::2] if first is COLOUR else COLOUR
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(first, photometric="rgb", subifds=1, metadata=None)
        file.write(below, photometric="rgb", subfiletype=1, compression="zlib", metadata=None)
    np.testing.assert_array_equal(decode(tmp_path / "a.tif", MANY).pixels, COLOUR)


def test_a_mask_is_no_page(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(PLANES[0], photometric="minisblack", metadata=None)
        file.write(PLANES[1] > 99, photometric="minisblack", subfiletype=4, metadata=None)
    decoded = decode(tmp_path / "a.tif", MANY)
    np.testing.assert_array_equal(decoded.pixels[:, :, 2], PLANES[0])
    assert decoded.conversions == ("grey -> RGB",)


def test_the_limit_is_that_of_the_largest_page(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", COLOUR[::2, ::2], COLOUR)
    assert refusal(path, COLOUR[:, :, 0].size - 1).status == "oversized"


def test_a_colour_page_goes_before_grey_ones_of_its_size(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", PLANES[0], COLOUR, PLANES[1])
    np.testing.assert_array_equal(decode(path, MANY).pixels, COLOUR)


def test_a_page_that_cannot_be_found_is_damage(tmp_path: Path) -> None:
    path = tiff(tmp_path / "a.tif", COLOUR)
    data = bytearray(path.read_bytes())
    (start,) = struct.unpack_from("<I", data, 4)
    (entries,) = struct.unpack_from("<H", data, start)
    struct.pack_into("<I", data, start + 2 + 12 * entries, len(data) + 1000)  # where the next page lies
    path.write_bytes(data)
    error = refusal(path)
    assert error.status == "truncated"
    assert "page 2" in error.reason


# -------------------------------------------------------------------------------------------------------- the channels


def as_ome(path: Path, planes: NDArray[np.generic], axes: str) -> None:
    tifffile.imwrite(path, planes, ome=True, photometric="minisblack", metadata={"axes": axes})


def as_imagej(path: Path, planes: NDArray[np.generic], axes: str) -> None:
    tifffile.imwrite(path, planes, imagej=True, photometric="minisblack", metadata={"axes": axes, "mode": "composite"})


def as_pages(path: Path, planes: NDArray[np.generic], axes: str) -> None:
    del axes  # nothing is said of them
    written(path, *planes)


WRITERS = [as_ome, as_imagej, as_pages]


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("planes", [PLANES, DEEP], ids=["8-bit", "16-bit"])
def test_three_channels_are_red_green_and_blue(tmp_path: Path, write: Any, planes: NDArray[np.generic]) -> None:
    write(tmp_path / "a.tif", planes, "CYX")
    decoded = decode(tmp_path / "a.tif", MANY)
    np.testing.assert_array_equal(decoded.pixels, COLOUR)
    assert decoded.conversions[0] == "three grey pages as red, green and blue"


def test_three_channels_beside_a_thumbnail(tmp_path: Path) -> None:
    decoded = decode(written(tmp_path / "a.tif", PLANES[0, ::2, ::2], *PLANES), MANY)
    np.testing.assert_array_equal(decoded.pixels, COLOUR)


def test_the_depth_is_told_from_all_channels(tmp_path: Path) -> None:
    written(tmp_path / "a.tif", *(np.full((4, 5), value, dtype=np.uint16) for value in (3, 900, 60)))
    assert any("10-bit data" in step for step in decode(tmp_path / "a.tif", MANY).conversions)


@pytest.mark.parametrize("write", [as_ome, as_imagej])
@pytest.mark.parametrize(
    ("axes", "shape", "words"),
    [
        ("ZYX", (3,), "3 depths"),
        ("TYX", (3,), "3 times"),
        ("ZCYX", (2, 3), "2 depths"),
        ("CYX", (2,), "2 channels"),
        ("CYX", (4,), "4 channels"),
    ],
)
def test_stacks_and_other_channels_are_refused(
    tmp_path: Path, write: Any, axes: str, shape: tuple[int, ...], words: str
) -> None:
    write(tmp_path / "a.tif", RNG.integers(0, 256, (*shape, 9, 11), dtype=np.uint8), axes)
    error = refusal(tmp_path / "a.tif")
    assert error.status == "unsupported"
    assert words in error.reason


def test_one_file_of_a_stack_is_an_image(tmp_path: Path) -> None:
    as_ome(tmp_path / "stack.tif", PLANES, "ZYX")
    with tifffile.TiffFile(tmp_path / "stack.tif") as file:
        said = file.ome_metadata
    tifffile.imwrite(tmp_path / "a.tif", PLANES[0], photometric="minisblack", description=said, metadata=None)
    np.testing.assert_array_equal(decode(tmp_path / "a.tif", MANY).pixels[:, :, 0], PLANES[0])


def test_one_file_of_three_channels_is_refused(tmp_path: Path) -> None:
    said = '<OME><Image><Pixels SizeC="3" SizeZ="1" SizeT="1"/></Image></OME>'
    tifffile.imwrite(tmp_path / "a.tif", PLANES[0], photometric="minisblack", description=said, metadata=None)
    assert "3 channels in 1 grey page" in refusal(tmp_path / "a.tif").reason


@pytest.mark.parametrize("pages", [2, 4, 5])
def test_other_numbers_of_grey_pages_are_refused(tmp_path: Path, pages: int) -> None:
    error = refusal(written(tmp_path / "a.tif", *[PLANES[0]] * pages))
    assert error.status == "unsupported"
    assert f"{pages} grey pages" in error.reason


def test_colour_that_ome_counts_as_three_channels_is_one_page(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", COLOUR, ome=True, photometric="rgb", metadata={"axes": "YXS"})
    np.testing.assert_array_equal(decode(tmp_path / "a.tif", MANY).pixels, COLOUR)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("layout", [{}, {"rowsperstrip": 5}, {"tile": (16, 16)}], ids=["strip", "strips", "tiles"])
@pytest.mark.parametrize("photometric", ["rgb", "minisblack"])
@pytest.mark.parametrize("planes", [PLANES, DEEP], ids=["8-bit", "16-bit"])
def test_separate_planes_of_every_layout(
    tmp_path: Path, planes: NDArray[np.generic], photometric: str, layout: dict[str, Any], order: Any
) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", planes, photometric=photometric, planarconfig="separate", byteorder=order, **layout
    )
    np.testing.assert_array_equal(decode(tmp_path / "a.tif", MANY).pixels, COLOUR)


def test_compressed_separate_planes_of_a_bigtiff(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", DEEP, photometric="rgb", planarconfig="separate", bigtiff=True, compression="zlib"
    )
    np.testing.assert_array_equal(decode(tmp_path / "a.tif", MANY).pixels, COLOUR)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize(
    ("planes", "photometric", "extra"),
    [
        (PLANES[:2], "minisblack", None),
        (PLANES[:2], "minisblack", "unassalpha"),
        (np.tile(PLANES, (2, 1, 1))[:4], "minisblack", None),
        (np.tile(PLANES, (2, 1, 1))[:4], "rgb", "assocalpha"),
        (np.tile(PLANES, (2, 1, 1))[:5], "rgb", None),
        (PLANES, "miniswhite", None),
        (np.tile(DEEP, (2, 1, 1))[:5], "minisblack", None),
    ],
)
def test_separate_planes_that_are_no_image_are_refused_and_not_called_damaged(
    tmp_path: Path, planes: NDArray[np.generic], photometric: str, extra: str | None, compression: str | None
) -> None:
    extras = [extra] if extra else None
    options = {"photometric": photometric, "extrasamples": extras, "compression": compression}
    tifffile.imwrite(tmp_path / "a.tif", planes, planarconfig="separate", **options)
    error = refusal(tmp_path / "a.tif")
    assert error.status == "unsupported"
    assert f"{len(planes)} separate planes" in error.reason


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_alpha_in_a_plane_of_its_own(tmp_path: Path, compression: str | None) -> None:
    clear = np.concatenate([PLANES, np.zeros_like(PLANES[:1])])
    options = {"photometric": "rgb", "extrasamples": ["unassalpha"], "compression": compression}
    tifffile.imwrite(tmp_path / "a.tif", clear, planarconfig="separate", **options)
    np.testing.assert_array_equal(decode(tmp_path / "a.tif", MANY).pixels, COLOUR)


# ---------------------------------------------------------------------------------------------------- the compressions


@pytest.mark.parametrize(
    ("code", "name"),
    [
        (33003, "JPEG 2000"),
        (33005, "JPEG 2000"),
        (34712, "JPEG 2000"),
        (34661, "JBIG"),
        (32766, "NeXT"),
        (32809, "ThunderScan"),
        (34887, "LERC"),
        (50002, "JPEG XL"),
        (12345, "of no known name"),
    ],
)
def test_a_compression_that_is_not_decoded_is_named(tmp_path: Path, code: int, name: str) -> None:
    error = refusal(tiff(tmp_path / "a.tif", COLOUR, t259=code))
    assert error.status == "unsupported"
    assert f"compression {code} ({name})" in error.reason


@pytest.mark.parametrize(("name", "code"), [("lzma", 34925), ("zstd", 50000), ("webp", 50001)])
def test_compressions_that_a_pillow_may_lack(tmp_path: Path, name: str, code: int) -> None:
    buffer = io.BytesIO()
    try:
        Image.fromarray(SMOOTH).save(buffer, "TIFF", compression=name)
    except OSError:  # this one lacks it
        error = refusal(tiff(tmp_path / "a.tif", COLOUR, t259=code))
        assert error.status == "unsupported"
        assert f"compression {code}" in error.reason
    else:
        (tmp_path / "a.tif").write_bytes(buffer.getvalue())
        np.testing.assert_allclose(decode(tmp_path / "a.tif", MANY).pixels, SMOOTH, atol=6)


def test_the_compression_of_a_thumbnail_does_not_matter(tmp_path: Path) -> None:
    path = written(tmp_path / "a.tif", COLOUR[::2, ::2], COLOUR)
    data = bytearray(path.read_bytes())
    at = data.index(struct.pack("<HHI", 259, 3, 1))  # of the first page
    struct.pack_into("<H", data, at + 8, 33003)
    path.write_bytes(data)
    np.testing.assert_array_equal(decode(path, MANY).pixels, COLOUR)
