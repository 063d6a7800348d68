"""What the report says of controls."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import report_data
from report_page import Page, site, undrawn, words

from leukorepro.core.store import write_json
from leukorepro.core.tables.results import CONTROLS_TABLE
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.output import Output
from leukorepro.report.sections.controls.page import ControlsPage, controls_page
from leukorepro.report.site import build

RUNGS: tuple[Rung, ...] = ("as_published", "source_disjoint", "subject_disjoint")
ACCURACY = {
    "source": {"as_published": (0.8, 0.03), "source_disjoint": (0.52, 0.04), "subject_disjoint": (0.45, 0.04)},
    "subject": {"as_published": (0.9, 0.02), "source_disjoint": (0.625, 0.06), "subject_disjoint": (0.5, 0.05)},
}
READINGS = {
    "source": ["above chance", "at chance", "below chance"],
    "subject": ["above chance", "above chance", "at chance"],
}
ASKED = ("shuffled_labels", "subject_identity")


def row(**values: Any) -> dict[str, Any]:
    return {
        **dict.fromkeys(CONTROLS_TABLE.columns),
        "study": "other",
        "table": "1",
        "item": "ESet",
        "seed": 0,
        "note": "",
        **values,
    }


def shuffled(unit: str) -> list[dict[str, Any]]:
    sizes = {"n_images": 58, "n_subjects": 12, "n_groups": 12}
    rows = []
    for rung, (value, margin) in ACCURACY[unit].items():
        about = {"protocol": rung, "control": "shuffled_labels", "unit": unit, "note": "in place of the headline"}
        inside = {"ci_low": value - margin, "ci_high": value + margin, "lowest": value - 0.1, "highest": value + 0.1}
        rows.append(row(**about, **sizes, metric="accuracy", value=value, chance=0.5125, **inside))
        rows.append(row(**about, **sizes, metric="auroc", value=0.6, ci_low=0.5, ci_high=0.7, chance=0.5))
    return rows


def reason(control: str) -> dict[str, Any]:
    return row(control=control, unit="subject", note="3 of 58 images have no subject.")


RECOGNISED = row(
    control="subject_identity",
    unit="subject",
    metric="accuracy",
    value=0.75,
    ci_low=0.6,
    ci_high=0.85,
    chance=0.125,
    n_images=48,
    n_subjects=8,
    n_groups=8,
    note="in place of the headline; by a linear classifier",
)


MISSED = "no cell was found in 2 of 58 images, x.png among them, which count as ones of the size 0, and black"


def of_cells(metric: str = "accuracy") -> list[dict[str, Any]]:
    """Both controls on every rung, in two metrics; the values are those of these tests alone."""
    values = {"cell_size": 0.61, "mean_colour": 0.57}
    sizes = {"n_images": 58, "n_subjects": 12, "n_groups": 12, "item": "RSet"}
    return [
        row(
            **sizes,
            control=control,
            unit="",
            protocol=rung,
            metric=name,
            value=value + number / 100,
            ci_low=value - 0.1,
            ci_high=value + 0.1,
            note=f"Gaussian naive Bayes sees {control} alone; {MISSED}",
        )
        for control, value in values.items()
        for number, rung in enumerate(RUNGS)
        for name in (metric, "kappa")
    ]


def report(root: Path, rows: list[dict[str, Any]]) -> Page:
    study = report_data.resolve(report_data.three_class_study(), root, rungs=RUNGS)
    results = report_data.write_run(root, [study], controls=ASKED)
    CONTROLS_TABLE.write(CONTROLS_TABLE.frame(rows), results / "other/controls.csv")
    build(results / "config.json", results, results / "report")
    return site(results / "report")


def put_together(root: Path, rows: list[dict[str, Any]]) -> ControlsPage:
    study = report_data.resolve(report_data.three_class_study(), root, rungs=RUNGS)
    CONTROLS_TABLE.write(CONTROLS_TABLE.frame(rows), root / "controls.csv")
    return controls_page(root / "controls.csv", study, [], Output(root / "report"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("controls")


@pytest.fixture(scope="module")
def page(folder: Path) -> Page:
    return report(folder, [*shuffled("source"), *shuffled("subject"), RECOGNISED, *of_cells()])


def test_values_stand_beside_chance_and_are_read(page: Page) -> None:
    for unit, of_rung in ACCURACY.items():
        found = [(text, values) for text, values in page.rows if "chance" in text and values[:1] != []]
        for (value, _), reading in zip(of_rung.values(), READINGS[unit], strict=True):
            assert any(values == [value, 0.6] and "51.2" in text and reading in text for text, values in found)


def test_the_figure_says_what_it_shows(page: Page, folder: Path) -> None:
    (image,) = (image for image in page.images if str(image["src"]).endswith("controls.svg"))
    alt = str(image["alt"])
    assert "one label for each subject and all its images: as published 90.0 (chance 51.2)" in alt
    assert (folder / "results/synthetic/report" / str(image["src"])).is_file()


def test_recognition_is_told_beside_the_largest_subject(page: Page) -> None:
    text = words(page)
    assert "other photographs of the same 8 subjects names the right one for 75.0 %" in text
    assert "(60.0\N{EN DASH}85.0) of 48 images" in text
    assert "images, above chance" in text
    assert "always naming the subject with the most images is right for 12.5 %" in text
    assert text.count("In place of the headline.") == 1
    assert "The controls are of Table 1, ESet." in text


def test_size_and_colour_stand_side_by_side_and_in_the_ladder(page: Page) -> None:
    for number, rung in enumerate(RUNGS):
        wanted = [round(0.61 + number / 100, 2), round(0.57 + number / 100, 2)]
        assert any(LADDER[rung].name in text and values == pytest.approx(wanted) for text, values in page.rows)
    text = words(page)
    assert "Gaussian naive Bayes sees cell_size alone. No cell was found in 2 of 58 images, x.png among them" in text
    assert text.count("No cell was found") == 1
    assert "Accuracy (%) on the splits of Table 1, RSet, with 95 % intervals." in text
    assert "Broken grey lines: classifiers that see nothing but the size or the mean colour of the cell." in text
    (image,) = (image for image in page.images if "ladder-" in str(image["src"]) and "other" in str(image["src"]))
    assert "Cell size alone: as published 61.0, source-disjoint 62.0, subject-disjoint 63.0; " in image["alt"]


def test_controls_of_cells_alone_are_shown_alone_and_not_in_another_metric(tmp_path: Path) -> None:
    alone = put_together(tmp_path, of_cells())
    assert (alone.what, alone.dealings, alone.recognition, alone.picture) == ("", [], None, None)
    assert [control.on("as_published").text for control in alone.cells] == ["61.0", "57.0"]
    assert put_together(tmp_path, of_cells("f1")).cells == []


def test_a_control_that_is_not_possible_says_why(tmp_path: Path) -> None:
    rows = [*shuffled("source"), reason("shuffled_labels"), reason("subject_identity")]
    with undrawn():
        text = words(report(tmp_path, rows))
    assert text.count("ot possible here. 3 of 58 images have no subject.") == 2
    page = put_together(tmp_path, rows)
    possible, not_possible = page.dealings
    assert [row.reading for row in possible.rows] == READINGS["source"]
    assert (not_possible.rows, not_possible.reason) == ([], "3 of 58 images have no subject.")
    assert page.recognition is not None
    assert page.recognition.reason == "3 of 58 images have no subject."
    assert page.picture is not None
    assert "subject and all its images" not in page.picture.alt


def test_one_control_alone_is_shown_alone(tmp_path: Path) -> None:
    page = put_together(tmp_path, [RECOGNISED])
    assert (page.dealings, page.picture) == ([], None)
    assert page.recognition is not None
    other = put_together(tmp_path, shuffled("source") + shuffled("subject"))
    assert len(other.dealings) == 2
    assert other.recognition is None


def test_without_controls_nothing_is_said_of_them(folder: Path, page: Page) -> None:
    results = folder / "results/synthetic"
    config = pd.read_json(results / "config.json", typ="series").to_dict()
    write_json({**config, "controls": {}}, results / "config.json")
    with undrawn():
        build(results / "config.json", results, results / "report")
    again = site(results / "report")
    assert "controls" in page.ids
    assert "controls" not in again.ids
    assert not (results / "report/data/other/controls.csv").exists()
