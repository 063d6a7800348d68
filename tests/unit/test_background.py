"""Cells and background of an image, compared with what the simulator drew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from leukorepro.config import datasets as config
from leukorepro.core.words import Look
from leukorepro.features.preprocessing import resize
from leukorepro.inference.explaining.background import background_share, cells
from leukorepro.simulate import scenes
from leukorepro.simulate.population import Population

SIDE = 160


def drawn(look: Look, index: int, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Any]:
    """A simulated picture, and where the simulator drew leukocytes on it."""
    masks = []
    draw = scenes.draw_leukocyte

    def watched(canvas: scenes.Canvas, *of_cell: Any) -> Any:
        placed = draw(canvas, *of_cell)
        if placed is not None:
            masks.append(np.zeros(canvas.planes.shape[1:], bool))
            masks[-1][placed[0]] = placed[1] > 0
        return placed

    monkeypatch.setattr(scenes, "draw_leukocyte", watched)
    size = config.SimulationSize(subjects=4, images=4)
    subject = Population(config.Simulation.model_validate({"look": look, "size": size})).subject(index)
    form = scenes.FORMS[look][0]
    image = scenes.render(subject, form, index).pixels
    truth = image.any(2) if form == "segmented" else np.any(masks, axis=0)
    shown = np.repeat(truth[..., None], 3, 2).astype(np.uint8) * 255
    return resize(image, SIDE), resize(shown, SIDE)[..., 0] > 127


@pytest.mark.parametrize(
    ("look", "least"), [("allidb1", 0.8), ("allidb2", 0.75), ("bone_marrow", 0.8), ("cnmc2019", 0.95)]
)
def test_outlines_are_those_that_were_drawn(look: Look, least: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixels of both over pixels of either, mean of a few pictures."""
    overlaps = []
    for index in range(4):
        image, truth = drawn(look, index, monkeypatch)
        found = cells(image)
        overlaps.append((found & truth).sum() / (found | truth).sum())
    assert np.mean(overlaps) > least


def test_an_image_of_one_colour_has_no_cell() -> None:
    assert not cells(np.full((8, 8, 3), 200, np.uint8)).any()


def test_the_share_of_a_map_beside_the_cells() -> None:
    on_cells = np.zeros((4, 4), bool)
    on_cells[:2] = True
    even = np.ones((4, 4))
    assert background_share(even, on_cells) == 0.5
    assert background_share(np.where(on_cells, 1, -3), on_cells) == 0.75  # what speaks against a class counts, too
    assert background_share(np.where(on_cells, 1, 0), on_cells) == 0
    assert np.isnan(background_share(np.zeros((4, 4)), on_cells))
