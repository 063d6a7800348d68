"""Descriptors against closed forms, Pillow and other implementations of the same formulas."""

from __future__ import annotations

import colorsys
import importlib
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw
from scipy.cluster.vq import kmeans2

from leukorepro.core.errors import UserError
from leukorepro.features.descriptors.cell_area import cell_area, size_and_colour
from leukorepro.features.descriptors.colour import hsv_segments, lab_segments
from leukorepro.features.descriptors.pixels import pixels
from leukorepro.features.descriptors.registry import DESCRIPTORS, Descriptor, find_descriptor

RGB = tuple[int, int, int]
Describe = Callable[[np.ndarray], np.ndarray]


def function_of(descriptor: Descriptor) -> Describe:
    module, _, name = descriptor.function.partition(":")
    return getattr(importlib.import_module(module), name)


def drawing(size: int, ground: RGB, *discs: tuple[float, float, float, RGB]) -> np.ndarray:
    """Discs (x, y, radius, colour) on a ground, without antialiasing."""
    image = Image.new("RGB", (size, size), ground)
    for x, y, radius, colour in discs:
        ImageDraw.Draw(image).ellipse([x - radius, y - radius, x + radius, y + radius], fill=colour)
    return np.asarray(image)


def noisy(size: int = 48, seed: int = 0) -> np.ndarray:
    """Three colours with noise: a nucleus in a cell on a light ground, off the middle."""
    image = drawing(size, (235, 215, 205), (20, 26, 15, (190, 130, 160)), (18, 27, 9, (90, 40, 120))).astype(int)
    return np.clip(image + np.random.default_rng(seed).normal(0, 6, image.shape), 0, 255).astype(np.uint8)


# ------------------------------------------------------------------------------------------------------------ registry


@pytest.mark.parametrize("name", DESCRIPTORS)
def test_every_entry_has_its_dimension_and_precision(name: str) -> None:
    descriptor = find_descriptor(name)
    for size in (descriptor.input_size, 32):
        values = function_of(descriptor)(noisy(size))
        assert values.shape == (descriptor.dim(size),)
        assert values.dtype == descriptor.dtype
        assert np.isfinite(values).all()


def test_images_are_kept_as_they_are() -> None:
    image = noisy()
    np.testing.assert_array_equal(function_of(find_descriptor("images"))(image).reshape(image.shape), image)


def test_an_unknown_name_is_told_with_the_closest() -> None:
    with pytest.raises(UserError, match=r"unknown descriptor 'lab_segment'. Known: .*Did you mean 'lab_segments'\?"):
        find_descriptor("lab_segment")


def test_the_registry_imports_no_library() -> None:
    """The workflow reads it whenever it is parsed."""
    heavy = "{'numpy', 'skimage', 'sklearn'}"
    code = f"import leukorepro.features.descriptors.registry, sys; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"


# -------------------------------------------------------------------------------------------------------------- pixels


def test_pixels_are_the_bytes_of_the_image_over_255() -> None:
    image = np.random.default_rng(0).integers(0, 256, (70, 70, 3), dtype=np.uint8)
    values = pixels(image)
    assert values.shape == (14700,)
    expected = np.frombuffer(Image.fromarray(image).tobytes(), dtype=np.uint8) / 255
    np.testing.assert_allclose(values, expected, rtol=1e-7)


# ------------------------------------------------------------------------------------------------------------- colours


def cie_lab(rgb: RGB) -> np.ndarray:
    """L*a*b* of an sRGB colour by the formulas of IEC 61966-2-1 and CIE 15, D65, over 100."""
    value = np.array(rgb) / 255
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    x, y, z = (
        t ** (1 / 3) if t > (6 / 29) ** 3 else t / (3 * (6 / 29) ** 2) + 4 / 29
        for t in np.array(to_xyz) @ linear / [0.95047, 1.0, 1.08883]
    )
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)]) / 100


def cone(rgb: RGB) -> np.ndarray:
    hue, saturation, value = colorsys.rgb_to_hsv(*(v / 255 for v in rgb))
    chroma = saturation * value
    return np.array([chroma * np.cos(2 * np.pi * hue), chroma * np.sin(2 * np.pi * hue), value])


DARK, MIDDLE, LIGHT = (80, 20, 110), (200, 120, 150), (240, 225, 210)


@pytest.mark.parametrize(("describe", "colour"), [(lab_segments, cie_lab), (hsv_segments, cone)])
def test_segments_of_flat_colours_are_those_colours(describe: Describe, colour: Callable[[RGB], np.ndarray]) -> None:
    """Light 1/2, dark 3/8, middle 1/8 of the pixels, and a fourth colour so near that it joins the dark one."""
    image = np.zeros((16, 16, 3), dtype=np.uint8)
    image[:8], image[8:14], image[14:] = LIGHT, DARK, MIDDLE
    image[8] = np.array(DARK) + 1
    found = describe(image).reshape(-1)[:21].reshape(3, 7)
    np.testing.assert_allclose(found[:, 0], [3 / 8, 1 / 8, 1 / 2], rtol=1e-6)
    nearly = (1 * colour(tuple(np.array(DARK) + 1)) + 5 * colour(DARK)) / 6
    # scikit-image's matrix from RGB to XYZ has two digits more than the standard's.
    np.testing.assert_allclose(found[:, 1:4], [nearly, colour(MIDDLE), colour(LIGHT)], atol=2e-4)
    np.testing.assert_allclose(found[1:, 4:], 0, atol=1e-6)
    apart = np.abs(colour(tuple(np.array(DARK) + 1)) - colour(DARK))
    np.testing.assert_allclose(found[0, 4:], apart * np.sqrt(5) / 6, atol=2e-5)


@pytest.mark.parametrize("describe", [lab_segments, hsv_segments])
def test_the_whole_images_mean_and_deviation_close_the_list(describe: Describe) -> None:
    """They follow from those of the segments: the law of total variance."""
    values = describe(noisy()).astype(float)
    segments, mean, deviation = values[:21].reshape(3, 7), values[21:24], values[24:]
    share, means, deviations = segments[:, :1], segments[:, 1:4], segments[:, 4:]
    np.testing.assert_allclose(share.sum(), 1, rtol=1e-6)
    np.testing.assert_allclose((share * means).sum(0), mean, atol=1e-6)
    variance = (share * deviations**2).sum(0) + (share * (means - mean) ** 2).sum(0)
    np.testing.assert_allclose(np.sqrt(variance), deviation, atol=1e-6)


def test_segments_are_those_of_another_k_means() -> None:
    """SciPy's, on every pixel of the image instead of its palette."""
    image = noisy()
    colours = np.array([cie_lab(tuple(rgb)) for rgb in image.reshape(-1, 3).tolist()])
    start = np.array([cie_lab(rgb) for rgb in ((90, 40, 120), (190, 130, 160), (235, 215, 205))])
    centres, member = kmeans2(colours, start, iter=50, minit="matrix")
    found = lab_segments(image)[:21].reshape(3, 7)
    np.testing.assert_allclose(found[:, 0], np.bincount(member, minlength=3) / len(colours), atol=1e-6)
    np.testing.assert_allclose(found[:, 1:4], centres, atol=2e-4)
    np.testing.assert_allclose(found[:, 4:], [colours[member == k].std(0) for k in range(3)], atol=2e-4)


@pytest.mark.parametrize("describe", [lab_segments, hsv_segments, cell_area, size_and_colour])
@pytest.mark.parametrize("turn", [np.fliplr, np.flipud, np.rot90])
def test_features_do_not_depend_on_where_things_lie(describe: Describe, turn: Describe) -> None:
    for seed in range(3):
        image = noisy(seed=seed)
        np.testing.assert_array_equal(describe(np.ascontiguousarray(turn(image))), describe(image))


def test_reds_on_both_sides_of_hue_zero_are_one_segment() -> None:
    """Hues 358 and 2 degrees; as numbers they would be at the two ends of the scale."""
    image = np.zeros((12, 12, 3), dtype=np.uint8)
    image[:4:2], image[1:4:2], image[4:8], image[8:] = (200, 10, 16), (200, 16, 10), (40, 40, 90), (250, 250, 250)
    found = hsv_segments(image)[:21].reshape(3, 7)
    np.testing.assert_allclose(found[:, 0], [1 / 3, 1 / 3, 1 / 3], rtol=1e-6)
    assert found[1, 1] > 0.7  # towards red, not away from it
    assert abs(found[1, 2]) < 1e-6


def test_a_black_surround_is_the_first_segment() -> None:
    image = drawing(100, (0, 0, 0), (50, 50, 30, (150, 70, 160)), (45, 50, 15, (90, 30, 110)))
    found = lab_segments(image)[:21].reshape(3, 7)
    np.testing.assert_array_equal(found[0, 1:], 0)
    np.testing.assert_allclose(found[0, 0], (image == 0).all(axis=2).mean(), rtol=1e-6)


@settings(max_examples=20)
@given(colours=st.lists(st.tuples(*[st.integers(0, 255)] * 3), min_size=1, max_size=3, unique=True))
def test_fewer_colours_than_segments_leave_the_last_ones_empty(colours: list[RGB]) -> None:
    image = np.array(colours, dtype=np.uint8)[np.arange(36).reshape(6, 6) % len(colours)]
    found = lab_segments(image)[:21].reshape(3, 7)
    np.testing.assert_allclose(found[:, 0], [1 / len(colours)] * len(colours) + [0] * (3 - len(colours)), rtol=0.03)
    assert (np.diff(found[: len(colours), 1]) >= 0).all()
    np.testing.assert_array_equal(found[len(colours) :], 0)
    np.testing.assert_allclose(found[:, 4:], 0, atol=1e-7)


def test_threads_beside_one_another_change_nothing() -> None:
    images = [noisy(112, seed) for seed in range(6)]
    alone = [lab_segments(image) for image in images]
    with ThreadPoolExecutor(3) as pool:
        np.testing.assert_array_equal(list(pool.map(lab_segments, images)), alone)


# ---------------------------------------------------------------------------------------------------------------- area


@pytest.mark.parametrize("radius", [20, 55, 100])
def test_the_area_of_a_disc_on_black(radius: int) -> None:
    """However dark a part of it is: the nucleus is below the cell's mean, not below black."""
    image = drawing(224, (0, 0, 0), (112, 112, radius, (140, 80, 150)), (112, 112, radius / 2, (40, 10, 45)))
    # Pillow's discs reach half a pixel beyond their radius.
    assert cell_area(image)[0] == pytest.approx(np.pi * (radius + 0.5) ** 2 / 224**2, rel=0.01)


def test_the_area_of_the_largest_cell_in_a_photograph() -> None:
    """Others, a pale red cell that touches it, and an empty ground do not count."""
    nucleus, red = (90, 30, 130), (225, 190, 185)
    image = drawing(224, (240, 230, 225), (160, 110, 40, red), (100, 110, 30, nucleus), (30, 30, 14, nucleus))
    image = np.clip(image + np.random.default_rng(0).normal(0, 2, image.shape), 0, 255).astype(np.uint8)
    assert cell_area(image)[0] == pytest.approx(np.pi * 30.5**2 / 224**2, rel=0.01)


def test_black_corners_of_a_turned_photograph_are_no_surround() -> None:
    upright = drawing(224, (240, 230, 225), (112, 112, 30, (90, 30, 130)))
    turned = np.asarray(Image.fromarray(upright).rotate(45, resample=Image.Resampling.BILINEAR))
    assert turned[0, 0].max() == 0
    assert cell_area(turned)[0] == pytest.approx(cell_area(upright)[0], rel=0.03)


@pytest.mark.parametrize("colour", [(0, 0, 0), (200, 200, 200), (90, 30, 130)])
def test_an_image_of_one_colour_has_no_cell(colour: RGB) -> None:
    image = np.full((64, 64, 3), colour, dtype=np.uint8)
    assert cell_area(image) == 0
    np.testing.assert_array_equal(size_and_colour(image), 0)


@pytest.mark.parametrize("ground", [(0, 0, 0), (240, 230, 225)])
def test_the_colour_of_a_disc_is_its_own_whatever_the_ground_and_the_size(ground: RGB) -> None:
    """Two halves of different colours: the mean over the cell is that of both."""
    left, right = (90, 30, 130), (110, 40, 140)
    for radius in (15, 30):
        image = drawing(112, ground, (55.5, 55.5, radius, left))
        other = drawing(112, ground, (55.5, 55.5, radius, right))
        cell = np.concatenate([image[:, :56], other[:, 56:]], axis=1)
        size, *colour = size_and_colour(cell)
        assert size == pytest.approx(np.pi * (radius + 0.5) ** 2 / 112**2, rel=0.02)
        # scikit-image's matrix from RGB to XYZ has two digits more than the standard's.
        pixels_of = [(cell == half).all(axis=2).sum() for half in (left, right)]
        expected = np.average([cie_lab(left), cie_lab(right)], axis=0, weights=pixels_of)
        np.testing.assert_allclose(colour, expected, atol=2e-4)


def test_real_cells_on_black_keep_the_area_they_have_at_full_size(shared: Path) -> None:
    files = sorted((shared / "cnmc_sample").rglob("*.bmp"))[::10]
    for file in files:
        image = Image.open(file).convert("RGB")
        full = (np.asarray(image).max(axis=2) > 0).mean()
        small = cell_area(np.asarray(image.resize((224, 224), Image.Resampling.BILINEAR)))[0]
        assert small == pytest.approx(full, rel=0.025), file.name


def test_real_nuclei_cover_what_nuclei_cover(shared: Path) -> None:
    """In 100 photographs of normal cells: about a twentieth of the image, and never the whole field."""
    files = sorted((shared / "pbc_subset").rglob("*.jpg"))[::16]
    areas = [cell_area(np.asarray(Image.open(f).convert("RGB").resize((224, 224))))[0] for f in files]
    assert np.median(areas) == pytest.approx(0.05, abs=0.03)
    assert max(areas) < 0.4
