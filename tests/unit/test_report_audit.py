"""The page of a paper's printed numbers, on a synthetic audit: its numbers, its words, its links."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from pathlib import Path

import pandas as pd
import pytest
import report_audits
import report_data
from hypothesis import given
from hypothesis import strategies as st
from report_page import Page, files_and_links, site, undrawn, words

from leukorepro.audits.any_table import audit_table
from leukorepro.audits.published import audit_study
from leukorepro.config.audit_facts import AuditFacts, read_facts
from leukorepro.config.study.published import read_published
from leukorepro.core.errors import UserError
from leukorepro.report.pages.audit import words as audit_words
from leukorepro.report.pages.audit.audit import printed_numbers, read_audit
from leukorepro.report.pages.audit.sheet import sheet
from leukorepro.report.pages.audit.size_strip import WIDTH, size_strip
from leukorepro.report.site import build

KEY = "other"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a run of one study."""
    root = tmp_path_factory.mktemp("audited")
    study = report_data.resolve(report_data.three_class_study(), root, rungs=("as_published",))
    results = report_data.write_run(root, [study])
    with undrawn():
        build(results / "config.json", results, results / "report")
    return results / "report"


@pytest.fixture(scope="module")
def page(report: Path) -> Page:
    return Page((report / f"audit_{KEY}.html").read_text())


def test_every_number_of_the_audit_is_on_the_page_in_its_row(page: Page) -> None:
    rows = [(" ".join(text.split()), values) for text, values in page.rows]
    for table in report_audits.study()["tables"].values():
        items: dict[str, list[str]] = {}
        for value in table["values"]:
            items.setdefault(value["item"], []).append(value["value"])
        for item, texts in items.items():
            found = [text for text, values in rows if text.startswith(item) and values == [float(t) for t in texts]]
            assert len(found) == 1
            assert all(text in found[0] for text in texts)


def test_every_digit_is_shown(report: Path) -> None:
    shown = re.findall(r'<data value="([^"]+)">([^<]+)</data>', (report / f"audit_{KEY}.html").read_text())
    printed = [v["value"] for table in report_audits.study()["tables"].values() for v in table["values"]]
    assert {text for _, text in shown} >= set(printed)
    assert all(value == text for value, text in shown if "." in text)


def test_totals_are_those_of_the_audit(report: Path, page: Page) -> None:
    study = report_audits.study()
    n_values = sum(len(table["values"]) for table in study["tables"].values()) - 1  # one is quoted
    text = words(page)
    assert f"Printed numbers{n_values}in" in text
    assert "Impossible1" in text
    assert "Contradictions1" in text
    assert "Doubts0" in text
    assert "Remarks1" in text
    assert "looked for: 3. Of them 1 has exactly one, 1 has several and 1 has none." in text
    assert "known number of test images: 1. Those whose accuracies are all shares of that number: 1." in text
    paper = site(report, f"paper_{KEY}.html")
    assert (
        f"audit of the {n_values} numbers that the paper prints. 1 impossible, 1 contradiction and 1 remark."
        in words(paper)
    )


def test_findings_come_before_tables_the_gravest_first(page: Page) -> None:
    text = words(page)
    grave, small = text.index("No matrix is behind A & <B>."), text.index("883 and 220 make 1103, not 1104.")
    assert grave < small < text.index("Table by table")
    assert text[:grave].endswith("Table 1, A & <B> ")
    assert {"#table-1", "#table-text"} <= set(page.links)


def test_impossible_values_are_marked_with_their_reason(page: Page) -> None:
    (row,) = [text for text, _ in page.rows if text.strip().startswith("A & <B>")]
    assert "≠ impossible: 0.998" in " ".join(row.split())
    assert words(page).count("impossible: ") == 1
    assert "A & <B>, precision: It is 0.996 beside 2 <false> positives." in words(page)


def test_the_short_form_tells_the_gravest_and_how_many_rows_can_be(report: Path, page: Page) -> None:
    assert f"audit_{KEY}_short.html" in page.links
    text = words(Page((report / f"audit_{KEY}_short.html").read_text()))
    assert "17 printed numbers in 3 tables, figures and the text; 4 rows of results: " in text
    assert "2 possible, 1 impossible and 1 undecided." in text
    assert "Table 1, A & <B>, precision 0.998: It is 0.996 beside 2 <false> positives." in text
    assert "Table 1, A & <B>: No matrix is behind A & <B>." in text
    assert "Doubts: none" in text
    assert "Figure 8: No number of test images from 10 to 2,000 gives both accuracies." in text
    assert "883 and 220" not in text
    assert "Not on this page: 1 remark." in text


def test_the_page_of_any_table_needs_no_other_file_and_tells_the_facts() -> None:
    tables = Path(__file__).parent / "audit_tables"
    found = audit_table(read_published(tables / "fold_means.csv"), read_facts(tables / "fold_means.yaml"))
    text = sheet(found, "fold_means", "leukorepro audit table fold_means.csv")
    assert not re.search(r"https?:|url\(|@import|<script|<link| (src|href)=\"(?!#)", text)
    page = Page(text)
    assert page.tags.count("style") == page.tags.count("h1") == 1
    told = words(page)
    assert "6 printed numbers in 1 table; 2 rows of results: 1 possible, 1 impossible and 0 undecided." in told
    assert (
        "Table 2: 100 positive and 150 negative test images; 5 folds of known classes; numbers that are means over "
        "the folds." in told
    )
    assert "Table 2, CNN, sensitivity 0.9423: No confusion matrix of 5 folds" in told
    assert "Undecided rows: none" in told
    assert "Numbers of test images that fit" not in told
    assert "The whole audit: leukorepro audit table fold_means.csv" in told


def test_the_page_of_any_table_tells_sizes_that_fit_and_what_is_open() -> None:
    """46 of 54 images; the NPV of the third row is none of so few."""
    rows = [("A", "accuracy", "0.8519"), ("A", "sensitivity", "0.7391"), ("A", "specificity", "0.9355")]
    rows += [("B", "auroc", "0.91"), ("C", "accuracy", "0.8333"), ("C", "npv", "0.9999")]
    frame = pd.DataFrame([("9", *row[:2], float(row[2]), 0.5 * 10 ** (2 - len(row[2])), "") for row in rows])
    frame.columns = pd.Index(["table", "item", "metric", "value", "half_unit", "note"])
    found = audit_table(frame, AuditFacts.model_validate({"test": {"total": [20, 60]}, "averaging": "pooled"}))
    told = words(Page(sheet(found, "x" * 300, "leukorepro audit table")))
    assert "Table 9: 20 to 60 test images of two classes; numbers of one confusion matrix." in told
    assert "Impossible numbers: 1" in told
    assert "Table 9, C, NPV 0.9999: No confusion matrix of 20 to 60 images of two classes has it beside" in told
    assert "Table 9: Of 20 to 60 test images, only 54 give one of two rows." in told
    assert "Undecided rows: 1" in told
    assert "Table 9, B: None of its numbers follows from a confusion matrix." in told
    assert "x" * 60 not in told


def test_matrices_behind_rows_are_told(page: Page) -> None:
    rows = {text.split()[0]: " ".join(text.split()) for text, _ in page.rows if text.strip()}
    assert rows["ISet"].endswith("Only one: TP 537, FN 0, FP 3, TN 564")
    assert rows["A"].endswith("None. without precision one does")
    assert rows["many"].endswith("4 fit.")
    assert "Confusion matrices: 1,104 images (537 positive); metrics of the positive class." in words(page)
    assert "five classes: It has five classes." in words(page)


def test_equal_notes_stand_once_with_all_their_places(page: Page) -> None:
    places = "; ".join(f"{item}, precision" for item in report_audits.ROWS)
    assert f"{places}: Seen <twice>." in words(page)


def test_quoted_numbers_stand_apart_with_whom_they_are_from(page: Page) -> None:
    assert "Figure 8, quoted from other papers: Accuracy." in words(page)
    assert "theirs 0.99 [7], a <b>forest</b>" in words(page)
    assert "tables, figures and the text; quoted from others: 1" in words(page)
    assert "quoted: [7]" not in words(page)  # not among the notes on the transcription


def test_links_lead_somewhere_and_nothing_is_remote(report: Path) -> None:
    text = (report / f"audit_{KEY}.html").read_text()
    assert f"audit_{KEY}.html" in site(report, "index.html").links
    files, linked = files_and_links(report)
    assert files == linked
    assert not re.search(r"https?:|url\(|@import", text)
    assert json.loads((report / "data" / KEY / "audit.json").read_text()) == report_audits.audit(KEY)


def test_markup_is_sound_and_names_are_escaped(report: Path, page: Page) -> None:
    assert len(page.ids) == len(set(page.ids))
    assert page.tags.count("table") == page.tags.count("caption") == 4
    assert page.tags.count("h1") == 1
    text = (report / f"audit_{KEY}.html").read_text()
    assert text.count('role="img"') == text.count("<svg") == len(re.findall(r'<svg[^>]* aria-label="[^"]+"', text)) == 1
    assert "<b>bold</b>" not in text
    assert "<B>" not in text


def test_a_missing_audit_is_told_with_how_to_make_it(report: Path, tmp_path: Path) -> None:
    results = report.parent
    file = results.parent / "audit" / f"{KEY}.json"
    kept = file.read_text()
    try:
        file.unlink()
        with pytest.raises(UserError, match=rf"audit/{KEY}\.json: there is no audit .* `leukorepro audit published"):
            build(results / "config.json", results, tmp_path / "report")
    finally:
        file.write_text(kept)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not valid JSON"),
        ("[]", "not an audit of version 1"),
        ('{"schema_version": 2, "studies": {}}', "not an audit of version 1"),
        ('{"schema_version": 1, "studies": {"another": {}}}', f"holds no audit of '{KEY}'"),
    ],
)
def test_a_wrong_audit_is_told(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "a.json"
    file.write_text(text)
    with pytest.raises(UserError, match=message):
        read_audit(file, KEY)


@given(st.sets(st.integers(1, 60)))
def test_ranges_hold_the_numbers_and_no_two_of_them_touch(numbers: set[int]) -> None:
    ranges = audit_words.ranges(sorted(numbers))
    assert {n for first, last in ranges for n in range(first, last + 1)} == numbers
    assert all(last + 1 < first for (_, last), (first, _) in pairwise(ranges))


@pytest.mark.parametrize(
    ("fits", "n_accuracies", "told"),
    [
        ([], 2, "No number of test images from 1 to 9 gives both accuracies."),
        ([(7, 7)], 1, "Of 1 to 9 test images, only 7 give the accuracy."),
        ([(2, 3), (7, 7)], 3, "Of 1 to 9 test images, 3 numbers give all three accuracies: 2 to 3 and 7."),
        ([(1, 9)], 1, "Every number of test images from 1 to 9 gives the accuracy: too few digits to tell."),
    ],
)
def test_sizes_in_words(fits: list[tuple[int, int]], n_accuracies: int, told: str) -> None:
    assert audit_words.sizes(fits, [1, 9], audit_words.accuracies(n_accuracies), []) == told


@pytest.mark.parametrize(
    ("fits", "told"),
    [
        ([], "5 test images all the same."),
        ([(5, 5)], "5 test images, which is one of these."),
        ([(6, 7)], "5 test images, which is not one of these."),
    ],
)
def test_sizes_are_compared_with_what_the_rows_are_held_against(fits: list[tuple[int, int]], told: str) -> None:
    assert f" Its rows are compared with {told}" in audit_words.sizes(fits, [1, 9], "both", [5])


def test_of_many_ranges_the_first_are_told() -> None:
    told = audit_words.sizes([(n, n) for n in range(1, 100, 2)], [1, 99], "it", [])
    assert told.endswith("21, 23 and 38 more ranges.")


@pytest.mark.parametrize(
    ("number", "told"), [(None, "Some."), (0, "None."), (1, "Only one:"), (3, "3 fit:"), (1500, "1,500 fit.")]
)
def test_confusion_matrices_in_words(number: int | None, told: str) -> None:
    assert audit_words.confusion(number) == told


def test_tested_images_of_a_row_are_told_with_the_class_sizes_that_fit() -> None:
    matrices = [{"tp": 5, "fn": n, "fp": 1, "tn": 10} for n in (3, 1, 2)]
    item = {"n": 2506, "basis": None, "confusion": matrices}
    assert audit_words.tested(item) == "2,506 images (6 to 8 positive)"
    assert audit_words.tested({**item, "basis": "macro", "confusion": matrices[:1]}) == (
        "2,506 images (8 positive); metrics as means over both classes"
    )


@pytest.mark.parametrize(("fits", "drawn"), [([], False), ([*range(10, 2001)], False), ([12], True)])
def test_a_strip_is_drawn_where_it_tells_something(fits: list[int], drawn: bool) -> None:
    study = report_audits.study()
    study["tables"]["1"]["consistent_n"] = fits
    (table, *_) = printed_numbers(study, KEY, "A").tables
    assert (table.strip is not None) == drawn


def test_rows_that_differ_in_their_images_say_so_each() -> None:
    study = report_audits.study()
    study["tables"]["1"]["items"]["many"]["basis"] = "macro"
    (table, *_) = printed_numbers(study, KEY, "A").tables
    assert table.tested == ""
    assert [row.why for block in table.blocks for row in block.rows] == [
        "1,104 images (537 positive); metrics of the positive class",
        "without precision one does",
        "1,104 images (537 positive); metrics as means over both classes",
    ]


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("Table 3, VGG-16", ["3"]),
        ("Tables 1, 3 and 12", ["1", "3"]),
        ("Table III, 3; Figure 3", ["III", "fig3"]),
        ("Figures 3 and 12", ["fig3", "fig12"]),
        ("Section 3; the text", ["text"]),
    ],
)
def test_places_name_their_tables(where: str, named: list[str]) -> None:
    keys = {
        "table 1": "1",
        "table 3": "3",
        "table iii": "III",
        "figure 3": "fig3",
        "figure 12": "fig12",
        "text": "text",
    }
    parts = audit_words.places(where, keys)
    assert "".join(part for part, _ in parts) == where
    assert [key for _, key in parts if key] == named


def test_a_strip_has_a_bar_for_every_range_and_a_mark_for_what_is_stated() -> None:
    strip = size_strip([(1, 50), (100, 100)], [1, 100], [50, 60, 5000])
    bars = [(float(x), float(width)) for x, width in re.findall(r"M([\d.]+) 0h([\d.]+)v1h-\2z", strip.path)]
    assert bars == [(0, WIDTH / 2), (WIDTH - 10, 10)]
    assert [(mark.x, mark.label, mark.fits) for mark in strip.marks] == [(495, "50", True), (595, "60", False)]
    thin = size_strip([(10000, 10000)], [1, 10000], [])
    assert thin.path == "M998.5 0h1.5v1h-1.5z"


def test_the_first_papers_audit_is_read_as_it_is_made() -> None:
    root = report_data.ROOT
    study = report_data.ATTEIA
    found = audit_study(study, read_published(root / "config" / "published" / f"{study.key}.csv"))
    page = printed_numbers(found, study.key, "Atteia (2022)")
    rows = {row.name: row for table in page.tables if table.key == "1" for block in table.blocks for row in block.rows}
    assert [value.text for value in rows["ESet"].values if value.impossible] == ["0.998"]
    assert (rows["ESet"].words, rows["ISet"].words) == ("None.", "Only one:")
    assert rows["ISet"].matrices == [{"tp": 537, "fn": 0, "fp": 3, "tn": 564}]
    assert page.tables[0].tested == "1,104 images (537 positive); metrics of the positive class"
    assert "compared with 1,104 test images, which is one of these" in page.tables[0].sizes
    assert page.severities[0].findings


def test_a_paper_that_prints_nothing_has_a_page_that_says_so() -> None:
    empty = {"citation": "A.", "tables": {}, "impossible": [], "findings": []}
    page = printed_numbers(empty, KEY, "A")
    assert (page.n_values, page.told, page.summary) == (0, [], "Nothing contradicts anything.")
