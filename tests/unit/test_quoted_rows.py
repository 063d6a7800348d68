"""Rows that the papers quote from others: digit by digit those of the papers' text, and what they say by themselves."""

from __future__ import annotations

import csv
import re
from decimal import Decimal
from pathlib import Path

import pytest

from leukorepro.audits.findings.quoted import quoted
from leukorepro.audits.paper import Paper
from leukorepro.config.study.published import read_published
from leukorepro.config.study.study import load_study

ROOT = Path(__file__).resolve().parents[2]
PAPERS = ROOT.parent / "shared" / "papers"
PER_CENT = r"(\d+(?:\.\d+)?)%?"


def rows(study: str, *, quoted: bool = True) -> list[dict[str, str]]:
    with (ROOT / f"config/published/{study}.csv").open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["note"].startswith("quoted:") == quoted]


def in_per_cent(row: dict[str, str]) -> str:
    """With as many digits as were transcribed: 99 for 0.99, 92.00 for 0.9200."""
    return str(Decimal(row["value"]).scaleb(2))


def cells(number: int, begin: str, end: str) -> list[list[str]]:
    """Cells of a table's lines, between two strings in a paper's text."""
    files = sorted(PAPERS.glob(f"{number:03d}_*.txt"))
    if not files:
        pytest.skip("the papers' texts are not beside the checkout")
    text = re.sub("</?[bu]>", "", files[0].read_text(encoding="utf-8"))
    assert text.count(begin) == 1
    return [line.split("\t") for line in text.split(begin)[1].split(end)[0].splitlines() if "\t" in line]


def printed(lines: list[list[str]], pattern: str = PER_CENT) -> list[str]:
    return [found[1] for line in lines for cell in line if (found := re.fullmatch(pattern, cell.strip()))]


def test_atteias_table_2() -> None:
    lines = cells(0, "**Table 2:**", "\tProposed system")
    assert printed(lines)[:-4] == [in_per_cent(row) for row in rows("atteia2022")]  # the last row is the paper's own
    assert len(rows("atteia2022")) == 44


def test_hasanaaths_table_7() -> None:
    lines = cells(1, "\nTable 7. Summary", "\nProposed method\t")
    found = [line[-1] for line in lines[1:]]
    ours = [
        f"{in_per_cent(r)}%" if r["metric"] == "accuracy" else f"{r['value']} F1 score" for r in rows("hasanaath2024")
    ]
    assert found == ours
    assert [line[0].rpartition(" [")[0].replace("et. al", "et al.") for line in lines[1:]] == [
        row["item"] for row in rows("hasanaath2024")
    ]


def test_al_hammadis_table_1() -> None:
    lines = cells(2, "\nTable 1: Comparison", "\nProposed method\t")
    assert printed(lines, r"(\d+(?:\.\d+)?)%") == [in_per_cent(row) for row in rows("alhammadi2024")]


def test_rezayis_table_7() -> None:
    lines = cells(3, "\nTABLE 7:", "\nProposed approaches\t")
    found = [(line[0], value) for line in lines[1:] for value in (line[-1], line[3])]
    assert found == [
        (row["item"], in_per_cent(row) if row["metric"] == "accuracy" else row["value"]) for row in rows("rezayi2021")
    ]


def test_hayats_table_1_but_for_a_damaged_row() -> None:
    lines = cells(4, "\nStudy\tYear\t", "\nTABLE I COMPARISON")
    found = [(line[0], line[-1]) for line in lines if re.fullmatch(r"\[\d+\]", line[0])]
    assert found[0] == ("[42]", "02.00%")  # its accuracy is damaged, and its other cells are empty
    assert found[1:] == [(row["item"], f"{in_per_cent(row)}%") for row in rows("hayat2022")]


def findings(study: str) -> dict[str, str]:
    paper = Paper(
        load_study(ROOT / f"config/studies/{study}.yaml"), read_published(ROOT / f"config/published/{study}.csv")
    )
    return {finding.where: finding.text for finding in quoted(paper)}


def test_quoted_accuracies_that_are_no_share_of_the_test_images_beside_them() -> None:
    shares = {row["item"]: float(row["value"]) for row in rows("rezayi2021") if row["metric"] == "accuracy"}
    sizes = {row["item"]: int(row["value"]) for row in rows("rezayi2021") if row["metric"] == "size"}
    expected = set()
    for item, share in shares.items():
        near = [int(share * sizes[item]) / sizes[item], (int(share * sizes[item]) + 1) / sizes[item]]
        if not any(share in (round(k, 4), int(k * 10**4) / 10**4) for k in near):
            expected.add(f"Table 7, {item}")
    assert set(findings("rezayi2021")) == expected
    assert len(expected) == 5  # the 88.25 % of Ahmed et al. are 451 of 511


def test_quoted_rows_that_no_share_of_classes_gives() -> None:
    found = findings("atteia2022")
    assert set(found) == {"Table 2, [13] AlexNet/SVM", "Table 2, [33] AlexNet+GoogLeNet+SqueezeNet/SVM"}
    # Of the first: 99.6 of 99.7 and 99.9 leave two thirds positive, and so a precision above 99.9.
    positive = (0.999 - 0.997) / (0.999 - 0.996)
    assert positive * 0.996 / (positive * 0.996 + (1 - positive) * 0.001) > 0.999


@pytest.mark.parametrize("study", ["atteia2022", "hasanaath2024", "alhammadi2024", "rezayi2021", "hayat2022"])
def test_quoted_rows_take_no_part_in_what_is_said_of_the_papers_own(study: str) -> None:
    paper = Paper(
        load_study(ROOT / f"config/studies/{study}.yaml"), read_published(ROOT / f"config/published/{study}.csv")
    )
    for table in paper.tables:
        names = {row["item"] for row in rows(study) if row["table"] == table}
        assert names == set(paper.quoted(table))
        assert not names & set(paper.items(table))
        assert not names & set(paper.tested(table))
