"""Best items, differences between items and cell-level intervals on the report's page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import report_data
from report_page import Page, words

from leukorepro.core.tables.results import CELL_LEVEL_TABLE, DIFFERENCES_TABLE, METRICS_TABLE, WINNERS_TABLE
from leukorepro.ladder.rungs import LADDER
from leukorepro.report.numbers import wording
from leukorepro.report.sections.comparisons import figure as comparisons_figure
from leukorepro.report.sections.comparisons.figure import Panel
from leukorepro.report.sections.ladder.ladder import Difference
from leukorepro.report.site import build

SHOWN = ["as_published", "subject_disjoint"]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first paper, with six items in its table, and a study whose headline's table has one item only."""
    root = tmp_path_factory.mktemp("run")
    first = report_data.resolve(report_data.ATTEIA, root)
    alone = report_data.three_class_study()
    table = alone.tables["II"].model_copy(update={"items": alone.tables["II"].items[:1]})
    alone = alone.model_copy(update={"tables": {"II": table}})
    results = report_data.write_run(root, [first, report_data.resolve(alone, root, simulated=False)])
    build(results / "config.json", results, results / "report")
    return results


@pytest.fixture(scope="module")
def page(results: Path) -> Page:
    return Page((results / "report" / "index.html").read_text())


def rows_with(page: Page, *texts: str) -> list[str]:
    rows = [" ".join(text.split()) for text, _ in page.rows]
    return [row for row in rows if all(text in row for text in texts)]


def test_best_items_stand_with_their_optimism_and_corrected_value(results: Path, page: Page) -> None:
    table = WINNERS_TABLE.read(results / "atteia2022" / "winners.csv")
    assert set(table["protocol"]) > set(SHOWN)
    for row in table[table["protocol"].isin(SHOWN)].itertuples():
        numbers = [f"{100 * n:.1f}" for n in (row.value, row.corrected, row.ci_low, row.ci_high)]
        told = f"{row.winner} 6 Accuracy (%) {numbers[0]} {wording.difference('accuracy', row.optimism)} {numbers[1]}"
        (found,) = rows_with(page, LADDER[row.protocol].name, told)
        assert found.endswith(f"{numbers[2]}\N{EN DASH}{numbers[3]}") or np.isnan(row.ci_low)


def test_every_item_stands_beside_the_best_with_its_interval_and_tests(results: Path, page: Page) -> None:
    table = DIFFERENCES_TABLE.read(results / "atteia2022" / "differences.csv")
    chosen = table[(table["kind"] == "item") & (table["metric"] == "accuracy") & table["protocol"].isin(SHOWN)]
    assert len(chosen) == 2 * 5
    for row in chosen.itertuples():
        difference = Difference("accuracy", row.difference, row.ci_low, row.ci_high)
        p_values = [wording.p_value(p) for p in (row.p_corrected_t, row.p_mcnemar, row.p_mcnemar_holm)]
        assert rows_with(page, " ".join([row.item, difference.text, difference.interval, *p_values]))
    (image,) = (image for image in page.images if "differences-1" in str(image["src"]))
    nearest = chosen[chosen["protocol"] == "subject_disjoint"].sort_values("difference", key=abs, kind="stable").iloc[0]
    assert f"subject-disjoint, best {nearest['against_item']}, next {nearest['item']}" in str(image["alt"])


def test_cell_level_intervals_stand_beside_those_of_groups_and_are_called_too_narrow(results: Path, page: Page) -> None:
    item = report_data.ATTEIA.headline.partition("/")[2]
    cells = CELL_LEVEL_TABLE.read(results / "atteia2022" / "cell_level.csv").set_index(["item", "protocol", "metric"])
    groups = METRICS_TABLE.read(results / "atteia2022" / "metrics.csv").set_index(["item", "protocol", "metric"])
    for rung in SHOWN:
        own, ours = cells.loc[(item, rung, "accuracy")], groups.loc[(item, rung, "accuracy")]
        assert own["value"] == pytest.approx(ours["value"], abs=1e-12)
        spans = [f"{100 * low:.1f}\N{EN DASH}{100 * high:.1f}" for low, high in
                 ((r["ci_low"], r["ci_high"]) for r in (ours, own))]  # fmt: skip
        ratio = (ours["ci_high"] - ours["ci_low"]) / (own["ci_high"] - own["ci_low"])
        told = [f"{100 * ours['value']:.1f}", *spans, f"{own['n']:.0f}", f"{ratio:.1f}"]
        assert rows_with(page, LADDER[rung].name, " ".join(told))
    assert "By cells (too narrow)" in words(page)


def test_one_item_has_nothing_to_be_compared_with(page: Page) -> None:
    assert "other-comparisons" in page.ids
    assert "#other-comparisons" not in page.links
    assert "#atteia2022-comparisons" in page.links
    assert not [image for image in page.images if "other/differences" in str(image["src"])]


def test_the_tables_with_all_numbers_lie_beside_the_page(results: Path, page: Page) -> None:
    for name in ("differences.csv", "winners.csv", "cell_level.csv"):
        assert f"data/atteia2022/{name}" in page.links
        copied = pd.read_csv(results / "report" / "data" / "atteia2022" / name)
        pd.testing.assert_frame_equal(copied, pd.read_csv(results / "atteia2022" / name))


def test_many_items_are_drawn_as_far_as_there_is_room() -> None:
    others = [(f"item {k}", Difference("accuracy", -k / 100, -k / 100 - 0.02, 0.03 - k / 100)) for k in range(60)]
    few = [(name, Difference("accuracy", -0.1)) for name in ("a", "b")]
    figure = comparisons_figure.differences_to_best(
        [Panel("as_published", "best", others), Panel("external", "best", few)], "accuracy", []
    )
    names = [[label.get_text() for label in axes.get_yticklabels()] for axes in figure.axes]
    assert names[0] == ["best: best", *(f"item {k}" for k in range(comparisons_figure.DRAWN))]
    assert names[1] == ["best: best", "a", "b"]


@pytest.mark.parametrize(
    ("value", "text"), [(0.0421, "0.042"), (1.0, "1.000"), (0.0004, "< 0.001"), (float("nan"), "\N{EN DASH}")]
)
def test_p_values_as_printed(value: float, text: str) -> None:
    assert wording.p_value(value) == text
