"""The page on bias and coverage: what it says of a summary, how that is labelled, and when there is a page at all."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
import report_data
import report_validity
from report_page import Page, site, undrawn, words

from leukorepro.checks.validity.summary import read_summary
from leukorepro.core.errors import UserError
from leukorepro.core.tables.results import VALIDITY_TABLE
from leukorepro.report.figures.validity_picture import validity_figure
from leukorepro.report.output import Output
from leukorepro.report.pages import page as pages
from leukorepro.report.pages.validity.findings import exact_coverage
from leukorepro.report.pages.validity.page import validity_page
from leukorepro.report.site import build

DASHES = str.maketrans("\N{EN DASH}\N{MINUS SIGN}", "--")
RANDOM = "vgg16 (224 pixels, random weights)"


def page_of(summary: pd.DataFrame, folder: Path) -> pages.Page:
    VALIDITY_TABLE.write(summary, folder / "summary.csv")
    return validity_page(folder / "summary.csv", Output(folder))


def caveats(summary: pd.DataFrame, folder: Path) -> list[str]:
    return [caveat.name for caveat in page_of(summary, folder).caveats]


def test_the_page_has_every_rung_and_says_what_follows(tmp_path: Path) -> None:
    page = Page(page_of(report_validity.summary("usual", "no_difference", "ours"), tmp_path).body)
    rows = [" ".join(text.translate(DASHES).split()) for text, _ in page.rows]
    assert rows[2].startswith("ours 30 subjects, 30 fresh As published 70.0 +20.0 ± 0.4 2.0 0.0-4.0")
    assert rows[2].endswith("+0.200 ± 0.004 2.0 0.0-4.0"), "AUROC on its own scale"
    assert rows[4].startswith("Subject-disjoint 70.0 -5.4 ± 0.4 94.0 92.0-96.0")
    assert len([row for row in rows if "External" in row]) == 2, "real patients have none"
    assert page.ids.index("real") < page.ids.index("simulated")
    told = words(page)
    for sentence in (
        "Real patients of ours: on the rung As published, accuracy is 20.0 points too high, and 2.0 % of the 95 % "
        "intervals hold the truth; on the rung Subject-disjoint, accuracy is 5.4 points too low",
        "measured on no more than 30 patients, about 83 % of exact intervals would hold it.",
        "Simulated subjects: on the rung As published, accuracy is 24.0 to 25.0 points too high",
        "in 8 of 12 cases, each a metric in a setting; not in ours (accuracy, sensitivity, specificity and AUROC).",
        "one of the rung Subject-disjoint is much nearer.",
        "snakemake --cores 8 validity",
        "200 studies in each of 2 settings, each of 24 simulated subjects, with models scored on 1,440 others",
    ):
        assert sentence in told, sentence


def test_simulated_subjects_and_random_weights_are_labelled_wherever_they_are(tmp_path: Path) -> None:
    simulated, real = report_validity.summary("usual"), report_validity.summary("ours")
    assert caveats(simulated, tmp_path) == ["Simulated subjects"]
    assert caveats(real, tmp_path) == []
    random = report_validity.summary("ours", features=RANDOM)
    both = pd.concat([simulated, random])
    assert caveats(both, tmp_path) == ["Simulated subjects", "Random weights"]
    assert validity_figure(both).get_supxlabel() == "Simulated images, but for ours; random weights."
    assert "stand for patients" in words(Page(page_of(simulated, tmp_path).body))
    assert "stand for patients" not in words(Page(page_of(real, tmp_path).body))


def test_what_does_not_follow_is_not_said(tmp_path: Path) -> None:
    """Where the published protocol is no worse than the honest one."""
    summary = report_validity.summary("usual")
    page = page_of(summary.assign(bias=0.001, coverage=0.95), tmp_path)
    assert "in all 4 cases" in page.body
    assert "can therefore not be taken" not in page.body


def test_an_exact_interval_misses_others_who_are_few() -> None:
    assert exact_coverage(30, 10**9) == pytest.approx(0.95, abs=1e-6)
    # As many others as subjects: the deviation is the square root of two times as large; P(|Z| < 1.95996 / 1.41421).
    assert exact_coverage(30, 30) == pytest.approx(0.8342, abs=1e-4)


@pytest.mark.parametrize(
    ("column", "value", "told"),
    [("rung", "other", "unknown rung 'other'"), ("metric", "kappa", "unknown metric 'kappa'"), (None, "", "n_fresh")],
)
def test_a_summary_of_another_version_is_told(tmp_path: Path, column: str | None, value: str, told: str) -> None:
    file = report_validity.write_summary(tmp_path, "usual")
    table = pd.read_csv(file)
    table = table.assign(**{column: value}) if column else table.drop(columns="n_fresh")
    table.to_csv(file, index=False)
    with pytest.raises(UserError, match=f"summary.csv.*{told}.* Make it again with `snakemake validity`, or remove it"):
        read_summary(file)


def test_a_summary_that_lacks_rows_is_told(tmp_path: Path) -> None:
    file, summary = tmp_path / "summary.csv", report_validity.summary("ours", "usual")
    gone = (summary["setting"] == "usual") & (summary["rung"] == "external") & (summary["metric"] == "auroc")
    VALIDITY_TABLE.write(summary[~gone], file)
    with pytest.raises(UserError, match="setting 'usual' lacks the auroc on the rung external"):
        read_summary(file)
    VALIDITY_TABLE.write(summary[:0], file)
    with pytest.raises(UserError, match="has no rows"):
        read_summary(file)


def test_the_report_has_the_page_while_there_is_a_summary_and_follows_it(tmp_path: Path) -> None:
    study = report_data.resolve(report_data.three_class_study(), tmp_path, rungs=("as_published",))
    results = report_data.write_run(tmp_path, [study])
    kept, made = tmp_path / "kept", tmp_path / "report"

    def start() -> str:
        with undrawn():
            build(results / "config.json", results, made, kept=kept)
        return words(site(made, "index.html"))

    assert "has not been tried out here: snakemake --cores 8 validity" in start()
    assert not (made / "validity.html").exists()
    file = report_validity.write_summary(results.parent, "ours")
    assert "Subject-disjoint was 5.4 points too low (real patients of ours)." in start()
    assert "validity.html" in site(made, "index.html").links
    assert "Simulated" not in site(made, "validity.html").text
    report_validity.write_summary(results.parent, "usual")
    assert "0.4 points too low (simulated subjects)." in start()
    assert "Simulated subjects" in site(made, "validity.html").text
    file.unlink()
    assert "has not been tried out here" in start()
    assert not [*made.rglob("validity.html"), *made.rglob("bias-and-coverage*")]
