"""Cells and background of an image, compared with what the simulator drew, and what is measured of many images."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from leukorepro.config import datasets as config
from leukorepro.core.tables.results import SHARES_TABLE
from leukorepro.core.words import Look
from leukorepro.features.preprocessing import resize
from leukorepro.inference.explaining.background import background_share, cells
from leukorepro.inference.explaining.selection import MOST_FOLDS, classes_in_turn, shared_tests
from leukorepro.inference.explaining.shares import background_table
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


def split_table(n_folds: int, images: list[str], seed: int) -> pd.DataFrame:
    fold = np.random.default_rng(seed).permutation(np.arange(len(images)) % n_folds)
    rows = [
        (image, view, "test" if fold[i] == f and view == "identity" else "train", 0, f)
        for f in range(n_folds)
        for i, image in enumerate(images)
        for view in ("identity", "hflip")
    ]
    return pd.DataFrame(rows, columns=["image_id", "view", "role", "repeat", "fold"])


def test_images_are_those_that_both_rungs_test_in_few_folds() -> None:
    images = [f"{number:03}.png" for number in range(60)]
    first, second = split_table(6, images, 0), split_table(4, images[10:], 1)
    found = shared_tests([first, second])
    assert found["fold_0"].nunique() == found["fold_1"].nunique() == MOST_FOLDS
    for column, table in (("fold_0", first), ("fold_1", second)):
        tested = table[table["role"] == "test"].set_index("image_id")["fold"]
        assert (tested[found["image_id"]].to_numpy() == found[column]).all()
    both = pd.crosstab(*(t[t["role"] == "test"].set_index("image_id")["fold"].reindex(images) for t in (first, second)))
    others = both.iloc[:3, :3].to_numpy().sum(), both.iloc[3:, 1:].to_numpy().sum()
    assert len(found) >= max(others)  # no other three folds of each share more
    assert shared_tests([split_table(2, images[:9], 0), split_table(2, images[9:], 0)]).empty


def test_classes_take_turns_and_the_seed_decides_between_images() -> None:
    labels = np.array(["a"] * 50 + ["b"] * 3, dtype=object)
    chosen = classes_in_turn(labels, 10, seed=0)
    assert labels[chosen].tolist() == ["a", "b", "a", "b", "a", "b", "a", "a", "a", "a"]
    assert len(set(chosen)) == 10
    assert chosen.tolist() != classes_in_turn(labels, 10, seed=1).tolist()
    assert len(classes_in_turn(labels, 99, seed=0)) == 53


def shares_of(values: dict[str, np.ndarray], subjects: list[str]) -> pd.DataFrame:
    return SHARES_TABLE.frame(
        {
            **dict.fromkeys(SHARES_TABLE.columns, 0),
            **dict.fromkeys(SHARES_TABLE.text, ""),
            **{"study": "s", "table": "1", "item": "i", "protocol": rung, "image_id": f"{i}.png"},
            **{"subject_id": subjects[i], "background": value, "area": 0.75},
        }
        for rung, of_rung in values.items()
        for i, value in enumerate(of_rung)
    )


def test_shares_have_the_interval_of_a_paired_t_test_where_every_image_is_a_group() -> None:
    random = np.random.default_rng(0)
    leaky = random.uniform(0.4, 0.8, 40)
    honest = leaky - 0.1 + random.normal(0, 0.03, 40)
    values = {"as_published": leaky, "subject_disjoint": honest}
    found = background_table(shares_of(values, [f"P{i}" for i in range(40)]), list(values), seed=0)
    assert found["protocol"].tolist() == ["as_published", "subject_disjoint", "subject_disjoint"]
    assert found["against_protocol"].tolist() == ["", "", "as_published"]
    np.testing.assert_allclose(found["value"], [leaky.mean(), honest.mean(), (honest - leaky).mean()])
    expected = stats.ttest_1samp(honest - leaky, 0).confidence_interval(0.95)
    np.testing.assert_allclose(found.loc[2, ["ci_low", "ci_high"]].astype(float), expected, atol=0.003)
    assert (found["n_groups"] == 40).all()


def test_images_of_one_subject_are_drawn_together() -> None:
    values = {
        "as_published": np.repeat([0.3, 0.5, 0.7, 0.9], 10),
        "subject_disjoint": np.repeat([0.2, 0.4, 0.6, 0.8], 10),
    }
    alone = background_table(shares_of(values, [f"P{i}" for i in range(40)]), list(values), seed=0)
    together = background_table(shares_of(values, [f"P{i // 10}" for i in range(40)]), list(values), seed=0)
    width = [float(rows.loc[0, "ci_high"] - rows.loc[0, "ci_low"]) for rows in (alone, together)]
    assert width[1] > 3 * width[0]
    assert (together["n_groups"] == 4).all()


def test_an_image_without_a_map_on_one_rung_is_left_out_of_both() -> None:
    values = {"as_published": np.array([0.5, np.nan, 0.7]), "subject_disjoint": np.array([0.4, 0.1, 0.6])}
    found = background_table(shares_of(values, ["a", "b", "c"]), list(values), seed=0)
    np.testing.assert_allclose(found["value"], [0.6, 0.5, -0.1])
    assert (found["n_images"] == 2).all()
    assert background_table(shares_of({rung: np.array([np.nan]) for rung in values}, ["a"]), list(values), seed=0).empty
