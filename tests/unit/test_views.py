from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from leukorepro.data.views import apply_view

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


def test_identity_changes_nothing() -> None:
    np.testing.assert_array_equal(apply_view(IMAGE, "identity", "a"), IMAGE)


def test_random_rotation_depends_on_seed_and_image_and_on_nothing_else() -> None:
    image = np.random.default_rng(1).integers(0, 256, (40, 40, 3), dtype=np.uint8)
    first = apply_view(image, "rotate:1", "a")
    np.testing.assert_array_equal(first, apply_view(image, "rotate:1", "a"))
    assert first.shape == image.shape
    assert not np.array_equal(first, apply_view(image, "rotate:2", "a"))
    assert not np.array_equal(first, apply_view(image, "rotate:1", "b"))


def test_unknown_view_is_refused() -> None:
    with pytest.raises(ValueError, match="unknown view 'rot45'"):
        apply_view(IMAGE, "rot45", "a")
