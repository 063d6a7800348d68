"""What sets items apart on the report's page: best items, differences, cell-level intervals, claims of the paper."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import report_data
from report_page import Page, site, undrawn, words
from rich.console import Console

from leukorepro.config.study.claims import LeftOutClaim
from leukorepro.config.study.study import Study
from leukorepro.core.tables.results import (
    CELL_LEVEL_TABLE,
    CLAIM_COMPARISONS_TABLE,
    CLAIMS_TABLE,
    DIFFERENCES_TABLE,
    METRICS_TABLE,
    WINNERS_TABLE,
)
from leukorepro.ladder.rungs import LADDER
from leukorepro.report.numbers import wording
from leukorepro.report.sections.claims.figure import Dots, draw_claims
from leukorepro.report.sections.claims.page import holding
from leukorepro.report.sections.comparisons import figure as comparisons_figure
from leukorepro.report.sections.comparisons.figure import Panel
from leukorepro.report.sections.ladder.ladder import Difference
from leukorepro.report.site import build
from leukorepro.report.summary import summary_table
from leukorepro.run.claimed_items import with_claims
from leukorepro.run.resolved import load_resolved

SHOWN = ["as_published", "subject_disjoint"]
RUNGS = ("as_published", "source_disjoint", "subject_disjoint")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first paper, with six items in its table, one of its claims compared on a split of its own and another left
    out; and a study that claims nothing, whose headline's table has one item only."""
    root = tmp_path_factory.mktemp("run")
    content = report_data.ATTEIA.model_dump()
    content["splits"]["three_folds"] = {"kind": "k_fold", "n_splits": 3}
    content["claims"]["googlenet"]["split"] = "three_folds"
    paper = Study.model_validate(content)
    lost = paper.claims["quarter"].model_copy(update={"says": "Less is <more>."})
    first = report_data.resolve(with_claims(paper, paper, "here")[0], root, rungs=RUNGS).model_copy(
        update={"left_out_claims": {"lost": LeftOutClaim(claim=lost, reason="'1/x' is not in this run")}}
    )
    alone = report_data.three_class_study()
    table = alone.tables["II"].model_copy(update={"items": alone.tables["II"].items[:1]})
    alone = alone.model_copy(update={"tables": {"II": table}})
    results = report_data.write_run(root, [first, report_data.resolve(alone, root, simulated=False, rungs=RUNGS)])
    with undrawn():
        build(results / "config.json", results, results / "report")
    return results


@pytest.fixture(scope="module")
def page(results: Path) -> Page:
    return site(results / "report")


def rows_with(page: Page, *texts: str) -> list[str]:
    rows = [" ".join(text.split()) for text, _ in page.rows]
    return [row for row in rows if all(text in row for text in texts)]


def test_best_items_stand_with_their_optimism_and_corrected_value(results: Path, page: Page) -> None:
    table = WINNERS_TABLE.read(results / "atteia2022" / "winners.csv")
    assert set(table["protocol"]) > set(SHOWN)
    for row in table[table["protocol"].isin(SHOWN)].itertuples():
        numbers = [f"{100 * n:.1f}" for n in (row.value, row.corrected, row.ci_low, row.ci_high)]
        optimism = wording.difference("accuracy", row.optimism)
        told = f"{row.winner} {row.n_items} Accuracy (%) {numbers[0]} {optimism} {numbers[1]}"
        (found,) = rows_with(page, LADDER[row.protocol].name, told)
        assert found.endswith(f"{numbers[2]}\N{EN DASH}{numbers[3]}") or np.isnan(row.ci_low)


def test_every_item_stands_beside_the_best_with_its_interval_and_tests(results: Path, page: Page) -> None:
    table = DIFFERENCES_TABLE.read(results / "atteia2022" / "differences.csv")
    table = table[table["table"] == "1"]
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
    assert "comparisons" in page.ids
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


# -------------------------------------------------------------------------------------------------------------- claims


def told(row: pd.Series[Any]) -> str:
    difference = Difference("accuracy", row["difference"], row["ci_low"], row["ci_high"])
    return f"{difference.text} {difference.interval}"


def test_every_claim_stands_on_the_page_with_its_verdict_and_reason_on_every_rung(results: Path, page: Page) -> None:
    claims = CLAIMS_TABLE.read(results / "atteia2022" / "claims.csv")
    assert len(claims) == 4 * len(RUNGS)
    for _, row in claims.iterrows():
        name = LADDER[row["protocol"]].name
        assert rows_with(page, f"{name} {told(row)}", f"{row['verdict']} {wording.sentence(row['reason'])}")
    assert rows_with(page, claims["says"][0], wording.sentence(claims["where"][0]))
    text = words(page)
    assert f"under the paper's own protocol, {holding([claims], 'as_published')} hold; with no subject" in text
    assert "(dataset 'atteia2022-data')" in text


def test_every_comparison_stands_there_with_both_intervals(results: Path, page: Page) -> None:
    comparisons = CLAIM_COMPARISONS_TABLE.read(results / "atteia2022" / "claim_comparisons.csv")
    comparisons = comparisons[comparisons["protocol"].isin(SHOWN)]
    assert len(comparisons) == 2 * (2 + 3 + 2 + 2)
    for _, row in comparisons.iterrows():
        names = [f"{wording.table_name(row[f'{side}table'])}, {row[f'{side}item']}" for side in ("", "against_")]
        corrected = Difference("accuracy", row["difference"], row["corrected_low"], row["corrected_high"]).interval
        assert rows_with(page, " ".join([*names, told(row), corrected, str(row["n_apart"])]))


def test_it_says_what_the_paper_prints_and_what_was_fitted_once_more(page: Page) -> None:
    """The made-up printed numbers are compared as the real ones would be."""
    row, _ = rows_with(page, "GoogLeNet's features are the worst.")
    assert "of 2 comparisons." in row
    first, second, third = (f"{item} of Table 1 on the split three_folds" for item in ("ISet", "GSet", "ESet"))
    assert f"Fitted once more: {first}, {second} and {third}." in row
    assert "table-1-on-three_folds" in page.ids
    assert "Less is <more>. Section 3, on Figure 8, and section 4. '1/x' is not in this run." in words(page)


def test_a_study_without_claims_has_no_such_section(results: Path, page: Page) -> None:
    for key, has in (("atteia2022", True), ("other", False)):
        paper = site(results / "report", f"paper_{key}.html")
        assert ("claims" in paper.ids) == ("#claims" in paper.links) == has
    assert rows_with(page, "none judged")


def test_the_tables_of_claims_and_their_figure_lie_beside_the_page(results: Path, page: Page) -> None:
    for name in ("claims.csv", "claim_comparisons.csv"):
        assert f"data/atteia2022/{name}" in page.links
        assert (results / "report/data/atteia2022" / name).read_text() == (results / "atteia2022" / name).read_text()
    (image,) = (image for image in page.images if str(image["src"]).endswith("claims.svg"))
    claims = CLAIMS_TABLE.read(results / "atteia2022" / "claims.csv")
    for _, row in claims[claims["protocol"].isin(SHOWN)].iterrows():
        assert row["says"] in str(image["alt"])
        assert f"{row['verdict']}" in str(image["alt"])


def test_the_terminal_counts_the_conclusions_of_all_papers(results: Path) -> None:
    terminal = io.StringIO()
    Console(file=terminal, width=200).print(summary_table(load_resolved(results / "config.json"), results))
    claims = CLAIMS_TABLE.read(results / "atteia2022" / "claims.csv")
    expected = f"{holding([claims], SHOWN[0])} as published and {holding([claims], SHOWN[1])} subject-disjoint."
    assert f"Conclusions of these papers that hold on these images: {expected}" in " ".join(terminal.getvalue().split())


def test_claims_are_counted_over_papers_and_only_where_they_were_judged() -> None:
    rows = {"study": "s", "claim": "c", "says": "", "where": "", "reason": "", "n_comparisons": 1, "n_clear": 0,
            "metric": "accuracy", "table": "1", "item": "a", "against_table": "1", "against_item": "b",
            "difference": 0.1, "ci_low": 0.0, "ci_high": 0.2, "n_groups": 9, "n_apart": 9}  # fmt: skip
    one, other = (
        CLAIMS_TABLE.frame([rows | {"protocol": "as_published", "verdict": verdict} for verdict in verdicts])
        for verdicts in (["holds", "cannot be told"], ["does not hold", "holds"])
    )
    assert holding([one, other], "as_published") == "2 of 4"
    assert holding([one], "source_disjoint") == ""
    assert holding([one], None) == ""


def test_a_claim_is_drawn_in_a_row_of_its_own() -> None:
    difference = Difference("accuracy", 0.05, 0.01, 0.09)
    on = {"as_published": (difference, "holds"), "external": (Difference("accuracy", None), "cannot be told")}
    dots = [Dots("It is so.", on, [("as_published", difference)]), Dots("A long one. " * 9, {}, [])]
    (axes,) = draw_claims(dots, list(on), ["simulated images"]).axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels[0] == "It is so."
    assert labels[1].count("\n") == 2
    marks = [line for line in axes.lines if line.get_marker() == LADDER["as_published"].marker]
    assert [float(line.get_xdata()[0]) for line in marks] == [pytest.approx(5.0)]
