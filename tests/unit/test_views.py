from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from leukorepro.config.fields import View
from leukorepro.data.views import apply_view, mirrored_from, view_in_words, view_of

IMAGE = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)

# Pillow's own operations, as an independent statement of what each word means.
PILLOW = {
    "hflip": Image.Transpose.FLIP_LEFT_RIGHT,
    "vflip": Image.Transpose.FLIP_TOP_BOTTOM,
    "rot90": Image.Transpose.ROTATE_90,
    "rot180": Image.Transpose.ROTATE_180,
    "rot270": Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("view", PILLOW)
def test_exact_views_equal_pillows(view: str) -> None:
    expected = np.asarray(Image.fromarray(IMAGE).transpose(PILLOW[view]))
    np.testing.assert_array_equal(apply_view(IMAGE, view, "a"), expected)
    np.testing.assert_array_equal(view_of(Image.fromarray(IMAGE), view, "a"), expected)
    whole, mirroring = mirrored_from(view)
    assert whole in {"identity", "rot90"}
    np.testing.assert_array_equal(apply_view(apply_view(IMAGE, whole, "a"), mirroring, "a"), expected)


def test_identity_changes_nothing() -> None:
    np.testing.assert_array_equal(apply_view(IMAGE, "identity", "a"), IMAGE)


@pytest.mark.parametrize("view", ["rotate", "compose", "rotate15", "compose90"])
def test_what_is_drawn_depends_on_seed_and_image_and_on_nothing_else(view: str) -> None:
    first = apply_view(SQUARE, f"{view}:1", "a")
    np.testing.assert_array_equal(first, apply_view(SQUARE, f"{view}:1", "a"))
    assert first.shape == SQUARE.shape
    assert not np.array_equal(first, apply_view(SQUARE, f"{view}:2", "a"))
    assert not np.array_equal(first, apply_view(SQUARE, f"{view}:1", "b"))


SQUARE = np.random.default_rng(1).integers(0, 256, (40, 40, 3), dtype=np.uint8)
RAYS = np.zeros((101, 101, 3), dtype=np.uint8)
"""A ray from the middle to the right; its red end lies below it, so that mirrored and turned ones can be told apart."""
RAYS[50, 50:90] = 255
RAYS[52:56, 80:90, 0] = 255


def direction(image: np.ndarray) -> float:
    """Angle of the ray, anticlockwise from the right, in degrees."""
    rows, columns = np.nonzero(image[..., 1] > 100)
    return float(np.degrees(np.arctan2(50 - rows.mean(), columns.mean() - 50)))


def mirrored(image: np.ndarray) -> bool:
    """Whether the red end lies on the other side of the ray."""
    ray, red = (np.argwhere(where).mean(0) - 50 for where in (image[..., 1] > 100, image[..., 0] > image[..., 1]))
    return bool(ray[1] * red[0] - ray[0] * red[1] < 0)


def test_angles_fill_the_range_that_the_view_names() -> None:
    """Turned by up to 20 degrees; mirrored left to right, the ray lies on the other side of the middle."""
    turned = [apply_view(RAYS, "rotate20:0", str(i)) for i in range(200)]
    angles = np.array([direction(image) for image in turned])
    assert np.abs(angles).max() <= 20.5
    assert np.histogram(angles, 4, (-20, 20))[0].min() > 30  # 50 in each, but for chance
    assert not any(map(mirrored, turned))
    circle = np.array([direction(apply_view(RAYS, "rotate:0", str(i))) for i in range(200)])
    assert np.histogram(circle, 4, (-180, 180))[0].min() > 30


def test_a_composed_view_is_mirrored_each_way_by_chance_and_turned() -> None:
    composed = [apply_view(RAYS, "compose20:0", str(i)) for i in range(200)]
    angles = np.array([direction(image) for image in composed])
    left = np.abs(angles) > 90
    assert np.abs(np.where(left, 180 - np.abs(angles), np.abs(angles))).max() <= 20.5
    odd = np.array([mirrored(image) for image in composed])  # by one flip, not by none or both
    ways = {
        (bool(side), bool(flips)): int(((left == side) & (odd == flips)).sum()) for side in (0, 1) for flips in (0, 1)
    }
    assert min(ways.values()) > 30  # identity, either flip and both: 50 of each, but for chance


@pytest.mark.parametrize("view", ["rot45", "rotate", "rotate:x", "composed:1"])
def test_unknown_view_is_refused(view: str) -> None:
    with pytest.raises(ValueError, match=f"unknown view '{view}'"):
        apply_view(IMAGE, view, "a")


@pytest.mark.parametrize(("degrees", "fits"), [("", True), ("1", True), ("180", True), ("0", False), ("181", False)])
def test_a_study_may_bound_angles_to_half_a_circle(degrees: str, fits: bool) -> None:
    for kind in ("rotate", "compose"):
        view = f"{kind}{degrees}:0"
        if fits:
            TypeAdapter(View).validate_python(view)
        else:
            with pytest.raises(ValidationError, match="should match pattern"):
                TypeAdapter(View).validate_python(view)


@pytest.mark.parametrize(
    ("view", "words"),
    [
        ("identity", "the original"),
        ("vflip", "mirrored top to bottom"),
        ("rotate:3", "turned at random"),
        ("compose15:0", "mirrored and turned at random within 15 degrees"),
    ],
)
def test_views_in_words(view: str, words: str) -> None:
    assert view_in_words(view) == words
