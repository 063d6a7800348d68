"""Colour normalisation: what it must leave alone, and stains that are known because they were put in."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from leukorepro.features.normalisation import (
    MACENKO_TARGET,
    REINHARD_TARGET,
    WHITE,
    Stains,
    grey,
    macenko,
    normalised,
    reinhard,
    stains,
    statistics,
)

VECTORS = np.array([[0.6, 0.25], [0.7, 0.8], [0.39, 0.55]])
VECTORS = VECTORS / np.linalg.norm(VECTORS, axis=0)
"""Of two stains that absorb enough of every colour that no stained pixel counts as transparent."""


def amounts_of(seed: int = 0) -> NDArray[np.float64]:
    """Of both stains in every pixel; some pixels hold one of them alone."""
    amounts = np.random.default_rng(seed).uniform(0.8, 2.0, size=(64, 64, 2))
    amounts[:16, :, 1] = 0
    amounts[16:32, :, 0] = 0
    return amounts


def stained(vectors: NDArray[np.float64] = VECTORS) -> NDArray[np.uint8]:
    """An image by Beer and Lambert's law."""
    return np.rint(WHITE * np.exp(-amounts_of() @ vectors.T)).astype(np.uint8)


def test_macenko_finds_the_stains_that_were_put_in() -> None:
    found = stains(stained())
    assert found is not None
    np.testing.assert_allclose(found.vectors, VECTORS, atol=0.02)
    np.testing.assert_allclose(found.largest, np.percentile(amounts_of().reshape(-1, 2), 99, axis=0), rtol=0.03)


def test_an_image_normalised_to_its_own_stains_or_statistics_is_itself() -> None:
    image = stained()
    own = stains(image)
    assert own is not None
    np.testing.assert_allclose(macenko(image, own).astype(int), image, atol=2)
    np.testing.assert_allclose(reinhard(image, statistics(image)).astype(int), image, atol=1)
    np.testing.assert_array_equal(grey(grey(image)), grey(image))


def test_a_normalised_image_has_the_references_statistics() -> None:
    """But for rounding, and values that no screen shows."""
    image = np.clip(np.random.default_rng(0).normal(150, 12, size=(64, 64, 3)), 0, 255).astype(np.uint8)
    target = REINHARD_TARGET._replace(deviation=REINHARD_TARGET.deviation / 4)
    got = statistics(reinhard(image, target))
    np.testing.assert_allclose(got.mean, target.mean, atol=0.01)
    np.testing.assert_allclose(got.deviation, target.deviation, rtol=0.05)
    stained_as = stains(macenko(stained()))
    assert stained_as is not None
    np.testing.assert_allclose(stained_as.vectors, MACENKO_TARGET.vectors, atol=0.03)
    np.testing.assert_allclose(stained_as.largest, MACENKO_TARGET.largest, rtol=0.05)


def test_two_laboratories_stains_come_to_the_same_picture() -> None:
    other = np.array([[0.5, 0.3], [0.75, 0.7], [0.43, 0.65]])
    one, two = stained(), stained(other / np.linalg.norm(other, axis=0))
    before, after = np.abs(one.astype(int) - two), np.abs(macenko(one).astype(int) - macenko(two))
    assert after.mean() < before.mean() / 4


@pytest.mark.parametrize("how", ["grey", "reinhard", "macenko"])
@pytest.mark.parametrize("image", [np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 255, np.uint8)])
def test_an_image_of_one_colour_has_nothing_to_normalise_and_harms_nothing(how: str, image: NDArray[np.uint8]) -> None:
    changed = normalised(image, how)  # type: ignore[arg-type]
    assert changed.shape == image.shape
    assert changed.dtype == np.uint8
    if not image.any() or how == "macenko":
        np.testing.assert_array_equal(changed, image)


@pytest.mark.parametrize("how", ["grey", "reinhard", "macenko"])
def test_black_around_a_cell_stays_black_and_does_not_count(how: str) -> None:
    cell = stained()
    framed = np.zeros((100, 100, 3), np.uint8)
    framed[18:82, 18:82] = cell
    changed = normalised(framed, how)  # type: ignore[arg-type]
    np.testing.assert_array_equal(changed[18:82, 18:82], normalised(cell, how))  # type: ignore[arg-type]
    assert not changed[:18].any()


def test_a_flat_channel_is_shifted_and_not_stretched() -> None:
    image = np.full((8, 8, 3), 120, np.uint8)
    assert len(np.unique(reinhard(image).reshape(-1, 3), axis=0)) == 1


def test_stains_are_told_in_one_order() -> None:
    swapped = stains(stained(VECTORS[:, ::-1]))
    assert isinstance(swapped, Stains)
    assert swapped.vectors[0, 0] > swapped.vectors[0, 1]
