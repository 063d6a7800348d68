"""Controls of the cell's size and colour, on drawn cells whose classes differ by a known amount."""

from __future__ import annotations

from functools import cache
from typing import Literal

import numpy as np
import pandas as pd
import pytest
from project_data import ROOT
from scipy.stats import norm

from leukorepro.checks.cell_controls import NAIVE_BAYES, cell_table
from leukorepro.checks.controls import Controlled, Place
from leukorepro.config.runs import load_run
from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import KFoldScheme, Protocol
from leukorepro.core.tables.results import CONTROLS_TABLE
from leukorepro.core.words import CELL_CONTROLS, Average, Control
from leukorepro.data.splits import make_splits
from leukorepro.evaluation.outcome_metrics import Measuring
from leukorepro.features.descriptors.cell_area import size_and_colour
from leukorepro.features.fusion import Features
from leukorepro.run import plan
from leukorepro.run.resolve import resolve
from leukorepro.run.specify import controls_specification
from leukorepro.systems.classifiers.engines import Settings

IMAGES = 420
APART = 1.6
"""How far the means of two classes lie apart, in standard deviations within a class."""
RUNGS = (("as_published", "source"), ("subject_disjoint", "subject"))


@cache
def drawn_cells(differ: Literal["size", "colour"], blank: tuple[int, ...] = ()) -> tuple[pd.DataFrame, np.ndarray]:
    """Discs on a light ground, one an image: radius and redness are normal, and one of them differs between classes."""
    generator = np.random.default_rng(0)
    label = np.arange(IMAGES) // 3 % 2
    apart = APART * np.outer([differ == "size", differ == "colour"], label)
    radius, redness = generator.normal(size=(2, IMAGES)) + apart
    distance = np.hypot(*np.ogrid[-23.5:24, -23.5:24])
    values = []
    for number in range(IMAGES):
        image = np.full((48, 48, 3), (240, 230, 225), dtype=np.uint8)
        if number not in blank:
            image[distance < 12 + 1.5 * radius[number]] = (100 + 8 * redness[number], 40, 130)
        values.append(size_and_colour(image))
    ids = [f"{number:04d}.png" for number in range(IMAGES)]
    manifest = pd.DataFrame(
        {
            "image_id": ids,
            "label": np.where(label == 1, "large", "small"),
            "subject_id": [f"s{number // 3:03d}" for number in range(IMAGES)],
            "source_id": ids,
            "official_split": "",
            "status": "ok",
        }
    )
    return manifest, np.array(values)


def run(
    cells: tuple[pd.DataFrame, np.ndarray],
    controls: tuple[Control, ...] = CELL_CONTROLS,
    printed: tuple[str, ...] = ("auroc",),
    average: Average = "positive",
) -> pd.DataFrame:
    manifest, matrix = cells
    rows = pd.DataFrame({"image_id": manifest["image_id"], "view": "identity"})
    item = Item(item="i", features="f", reducer="r", classifier="c")  # none of which the controls have
    headline = Controlled("s", "d", "1", item, NAIVE_BAYES, Features(matrix, rows), manifest, None, "large")
    scheme = KFoldScheme(kind="k_fold", n_splits=5)
    protocols = [Protocol.model_validate({"rung": rung, "unit": unit, "scope": "train"}) for rung, unit in RUNGS]
    places = [Place(protocol, make_splits(manifest, scheme, protocol, 0, None)) for protocol in protocols]
    measuring = Measuring(printed, average, "large", {}, 50, 0)
    table = cell_table(headline, places, controls, measuring, Settings(0, "demo"))
    assert list(table.columns) == list(CONTROLS_TABLE.columns)
    return table


def values(table: pd.DataFrame, control: str, metric: str) -> pd.DataFrame:
    found = table[(table["control"] == control) & (table["metric"] == metric)]
    assert list(found["protocol"]) == [rung for rung, _ in RUNGS]
    return found


@pytest.mark.parametrize(("differ", "tells", "silent"), [("size", *CELL_CONTROLS), ("colour", *CELL_CONTROLS[::-1])])
def test_what_differs_is_found_as_well_as_can_be_and_what_does_not_is_at_chance(
    differ: Literal["size", "colour"], tells: str, silent: str
) -> None:
    """The best accuracy for two normal classes d apart is that of the threshold between them, the AUROC follows."""
    table = run(drawn_cells(differ))
    assert table["note"].str.endswith(" alone").all()
    for metric, best in (("accuracy", norm.cdf(APART / 2)), ("auroc", norm.cdf(APART / np.sqrt(2)))):
        # The standard error of an accuracy of 420 images is 0.02 at 0.8 and 0.024 at a half.
        np.testing.assert_allclose(values(table, tells, metric)["value"], best, atol=0.05)
        np.testing.assert_allclose(values(table, silent, metric)["value"], 0.5, atol=0.07)
        assert values(table, tells, metric)["chance"].sub(0.5).abs().max() < 0.01
    within = values(table, tells, "accuracy")
    assert (within["ci_low"] < within["value"]).all()
    assert (within["value"] < within["ci_high"]).all()
    assert set(table[["n_images", "n_subjects", "n_groups"]].itertuples(index=False, name=None)) == {
        (IMAGES, IMAGES // 3, IMAGES // 3)
    }


def test_the_metric_is_the_headlines_and_averaged_as_its_table_is() -> None:
    cells = drawn_cells("size")
    positive, macro = (
        run(cells, ("cell_size",), ("sensitivity",), average).query("metric == 'sensitivity'")["value"].to_numpy()
        for average in ("positive", "macro")
    )
    accuracy = run(cells, ("cell_size",), ("accuracy",))
    assert set(accuracy["metric"]) == {"accuracy"}
    assert set(accuracy["control"]) == {"cell_size"}
    np.testing.assert_allclose(macro, accuracy["value"], atol=1e-12)  # classes are equally frequent
    assert (positive != macro).any()


def test_images_in_which_no_cell_is_found_count_and_are_told() -> None:
    table = run(drawn_cells("size", blank=(7, 8)), ("mean_colour",))
    told = f"in 2 of {IMAGES} images, 0007.png among them, which count as ones of the size 0, and black"
    assert table["note"].str.endswith(f" alone; no cell was found {told}").all()
    assert set(table["n_images"]) == {IMAGES}


def test_every_run_has_them_unless_it_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    file = ROOT / "config/runs/published.yaml"
    assert load_run(file).controls == list(CELL_CONTROLS)
    run, none = (resolve(ROOT / "config/runs/simulated.yaml", changed) for changed in ({}, {"controls": []}))
    assert set(run.controls) == {study.study.key for study in run.studies}
    for study in run.studies:
        told = controls_specification(run, study)
        assert told.cells is not None
        own = study.study.key == "atteia2022"  # it asks for controls of its own
        assert (told.system is not None) == own
        headline = study.study.tables[told.cells.table]
        assert f"{told.cells.table}/{told.cells.item.item}" == study.study.headline
        assert told.cells.metric == headline.metrics[0]
        part = told.cells.part.id
        assert part in plan.made_parts(run, study)
        assert (part in plan.made_parts(none, study)) == own
        split = study.study.splits[headline.split_of(told.cells.item)]
        assert set(split.views) <= set(plan.views_of(run, study.dataset_id, part))
