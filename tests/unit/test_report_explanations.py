"""What the report says of explanations."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import report_data
import report_explanations
from PIL import Image
from report_page import Page, words

from leukorepro.inference.explaining.overlays import DESCRIPTION, GAP, PANEL
from leukorepro.report.markup import render
from leukorepro.report.output import Output
from leukorepro.report.sections.explanations.page import explanations_page
from leukorepro.run.paths import ExplanationsFolder

HOSTILE = "<script>alert(1)</script>.png"


def section(root: Path, reason: str = "", area: float = 0.875) -> tuple[Path, str]:
    """The report's folder with the pictures, and the HTML of the section."""
    rungs = report_explanations.RUNGS
    study = report_data.resolve(report_data.three_class_study(), root, rungs=rungs)
    folder, output = ExplanationsFolder(root / "explanations"), Output(root / "report")
    images = pd.DataFrame({"image_id": ["a.png", HOSTILE], "subject_id": "x", "source_id": "x", "label": "L1"})
    report_explanations.write_explanations(folder, study, images, reason=reason, area=area)
    content = explanations_page(folder, study, ["simulated images", "random weights"], output)
    for drawing in output.drawings:
        drawing.draw()
    page = SimpleNamespace(explanations=content)
    return output.root, render("sections/explanations/section.html.j2", page=page, swatch=lambda _: "")


def text_of(html: str) -> str:
    return words(Page(html))


@pytest.fixture(scope="module")
def explained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    return section(tmp_path_factory.mktemp("explained"))


def test_the_page_has_the_shares_of_both_rungs_and_their_difference(explained: tuple[Path, str]) -> None:
    rows, text = [row for row, _ in Page(explained[1]).rows], text_of(explained[1])
    assert "As published 62.5 50.0\N{EN DASH}75.0 87.5 more on cells" in rows
    assert "Subject-disjoint 25.0 12.5\N{EN DASH}37.5 87.5 more on cells" in rows
    assert (
        "Subject-disjoint less as published: \N{MINUS SIGN}37.5 percentage points (\N{MINUS SIGN}50.0 to "
        "\N{MINUS SIGN}25.0); as published looks more beside the cells." in text
    )
    assert "The same 38 test images of 12 groups" in text


def test_pictures_hold_image_and_both_maps_and_say_what_must_be_known_of_them(explained: tuple[Path, str]) -> None:
    folder, _ = explained
    files = sorted((folder / "figures/other").glob("explained-*.jpg"))
    assert len(files) == 2
    picture = Image.open(files[0])
    assert picture.width == 3 * PANEL + 2 * GAP
    told = picture.getexif()[DESCRIPTION]
    assert "Red speaks for the class that the system names" in told
    assert "imulated images" in told
    assert "not a medical device" in told
    pixels = np.asarray(picture).astype(int)
    middle = PANEL // 2
    left, right = (pixels[middle, 2 * (PANEL + GAP) - GAP - PANEL + at] for at in (10, PANEL - 10))
    assert left[2] > left[0] + 50  # blue speaks against
    assert right[0] > right[2] + 50


def test_hostile_names_stay_text(explained: tuple[Path, str]) -> None:
    assert "<script>alert" not in explained[1]
    assert "&lt;script&gt;alert(1)&lt;/script&gt;.png" in explained[1]


def test_what_cannot_be_explained_says_why(tmp_path: Path) -> None:
    _, html = section(tmp_path, "KNeighborsClassifier: no.")
    assert "The headline could not be explained: KNeighborsClassifier: no." in text_of(html)


@pytest.mark.parametrize(
    ("area", "reading"),
    [(0.7, "cannot be told from it"), (0.8, "more on cells"), (0.4, "more beside cells")],
)
def test_maps_are_compared_with_one_that_is_the_same_everywhere(tmp_path: Path, area: float, reading: str) -> None:
    _, html = section(tmp_path, area=area)
    (row,) = [text for text, _ in Page(html).rows if text.startswith("As published")]
    assert row.endswith(reading)
