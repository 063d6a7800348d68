"""The report, on synthetic results: what it says, what it links to, and that it says it again in the same bytes."""

from __future__ import annotations

import io
import re
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import report_data
from PIL import Image
from report_page import Page, files_and_links, site, words
from rich.console import Console

from leukorepro.core.errors import UserError
from leukorepro.core.store import read_json
from leukorepro.core.tables.results import DIFFERENCES_TABLE, METRICS_TABLE, VERDICTS_TABLE
from leukorepro.ladder.rungs import LADDER
from leukorepro.metrics.registry import OF_PREDICTIONS
from leukorepro.report.figures import bars as figures
from leukorepro.report.figures import squares, style
from leukorepro.report.images import album
from leukorepro.report.numbers import selection, wording
from leukorepro.report.numbers.tables import Numbers, headline
from leukorepro.report.sections.ladder.ladder import Differences, ladder_of
from leukorepro.report.sections.verdicts.page import Verdicts
from leukorepro.report.site import build
from leukorepro.report.summary import summary_table
from leukorepro.run.conditions.words import caveats as caveats_of_study
from leukorepro.run.resolved import NotRun, load_resolved

ATTEIA = report_data.ATTEIA


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the first paper on simulated images, and of a study of three classes on real ones."""
    root = tmp_path_factory.mktemp("run")
    first = report_data.resolve(ATTEIA, root)
    rungs = ("as_published", "fit_in_fold", "source_disjoint")
    other = report_data.resolve(
        report_data.three_class_study(), root, simulated=False, weights="imagenet", rungs=rungs, title="Own & real"
    )
    results = report_data.write_run(root, [first, other])
    build(results / "config.json", results, results / "report")
    return results


@pytest.fixture(scope="module")
def page(results: Path) -> Page:
    return site(results / "report")


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with nothing to warn of, in which the paper prints no number."""
    root = tmp_path_factory.mktemp("clean")
    study = report_data.resolve(
        report_data.three_class_study(), root, simulated=False, weights="imagenet", rungs=("as_published",)
    )
    results = report_data.write_run(root, [study], budget="published", published=False)
    build(results / "config.json", results, results / "report")
    return results


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study whose tables are a matrix, of five classes, of single classes, of phases, of a figure, and its own."""
    root = tmp_path_factory.mktemp("systems")
    absent = NotRun(key="absent", citation=ATTEIA.citation, what="dataset <absent>", told="it is <nowhere>; ask for it")
    study = report_data.resolve(report_data.systems_study(), root, rungs=("as_published", "subject_disjoint"))
    results = report_data.write_run(root, [study], left_out=[absent])
    build(results / "config.json", results, results / "report")
    return results


@pytest.fixture(scope="module")
def systems_page(systems: Path) -> Page:
    return site(systems / "report")


@pytest.fixture(scope="module")
def systems_metrics(systems: Path) -> pd.DataFrame:
    metrics = pd.read_csv(systems / "systems" / "metrics.csv", dtype={"table": str})
    return metrics.set_index(["table", "item", "protocol", "metric"])


FEATURES = ("deep", "colour", "both")


def test_a_matrix_has_a_row_of_feature_sets_for_each_classifier(
    systems_page: Page, systems_metrics: pd.DataFrame
) -> None:
    for metric in ("accuracy", "f1"):
        for classifier in ("knn", "svm"):
            for rung in ("as_published", "subject_disjoint"):
                rows = [systems_metrics.loc[("1", f"{f}/{classifier}", rung, metric)] for f in FEATURES]
                for column, name in (("value", LADDER[rung].name), ("published", "Published")):
                    values = [row[column] for row in rows]
                    assert any(name in text and row == values for text, row in systems_page.rows)


def test_a_heat_map_says_where_each_panel_is_best(systems_page: Page, systems_metrics: pd.DataFrame) -> None:
    (printed,) = (str(i["alt"]) for i in systems_page.images if "grid-1" in str(i["src"]))
    (ours,) = (str(i["alt"]) for i in systems_page.images if "grid-S1" in str(i["src"]))
    for table, alt in (("1", printed), ("S1", ours)):
        values = systems_metrics.loc[table].xs("accuracy", level="metric")["value"].unstack("protocol")
        values = values[~values.index.str.contains("again")]
        for rung in ("as_published", "subject_disjoint"):
            assert f"{LADDER[rung].name} (ours): " in alt
            assert f"{100 * values[rung].max():.1f}" in alt
    assert "Published: " in printed
    assert "Published: " not in ours
    assert len([i for i in systems_page.images if "grid-" in str(i["src"])]) == 2


def test_second_readings_stand_beside_the_numbers_of_what_they_read(
    systems_page: Page, systems_metrics: pd.DataFrame
) -> None:
    assert words(systems_page).count("colour, again another reading of colour") == 4  # two tables, and all their rungs
    printed = systems_metrics.loc[("2", "colour", "as_published", "accuracy"), "published"]
    row = systems_metrics.sort_index().loc[("2", "colour, again")].xs("accuracy", level="metric")["value"]
    expected = [printed, row["as_published"], row["subject_disjoint"]]
    (values,) = [
        values for text, values in systems_page.rows if " ".join(text.split()).startswith("colour, again another")
    ][:1]
    assert values == expected
    assert "all readings were run and are compared with the same printed numbers" in words(systems_page)


def test_tables_of_our_own_are_headed_so(systems_page: Page) -> None:
    text = words(systems_page)
    assert "Table S1: Beyond not in the paper" in text
    assert text.count("not in the paper") == 1
    assert "Figure 8: A figure's numbers" in text


def test_left_out_tables_are_named_with_their_reason(systems_page: Page) -> None:
    assert "Tables and items that could not be made" in words(systems_page)
    assert "Table 9: Its classes are <others>." in words(systems_page)


def test_a_study_that_did_not_run_has_its_place_with_the_audit_of_what_its_paper_prints(systems_page: Page) -> None:
    text = words(systems_page)
    assert "Not run: absent (dataset <absent>)." in text
    assert "Atteia (2022) not run: dataset <absent> 1 impossible 16 not tested" in text
    assert "This study did not run, because it is <nowhere>; ask for it." in text
    assert "Verdict on the 17 numbers that the paper prints: not tested (dataset <absent>); of 1 ≠ arithm" in text
    assert {"paper_absent.html", "audit_absent.html"} <= set(systems_page.links)


def test_classes_are_told_and_called_as_in_the_paper(systems_page: Page) -> None:
    text = words(systems_page)
    assert "ALL is L1, L2; AML is M2, M3, M5." in text
    assert "F1: mean over the 2 classes." in text
    assert "Lymphoblastic precision (%)" in text
    alts = [str(image["alt"]) for image in systems_page.images]
    assert any("class lymphoblastic against the other" in alt for alt in alts)


def test_curves_and_matrices_are_few(systems: Path, systems_page: Page) -> None:
    """Six of seven items, one being a second reading, and none again for a table with another's predictions."""
    names = [Path(str(image["src"])).name for image in systems_page.images]
    assert {n for n in names if n.startswith("roc-")} == {"roc-1.svg", "roc-2.svg", "roc-3.svg"}
    assert words(systems_page).count(": the same predictions.") == 3
    drawn = pd.read_csv(systems / "report" / "data" / "systems" / "roc-1.csv")
    assert set(drawn["item"]) == {f"{f}/{c}" for f in ("deep", "colour", "both") for c in ("knn", "svm")}
    counts = pd.read_csv(systems / "report" / "data" / "systems" / "confusion-2.csv")
    assert (counts.groupby(["item", "protocol"]).size() == 25).all()
    assert counts["item"].nunique() == 4  # all are in the file
    assert sum(p.stat().st_size for p in (systems / "report").rglob("*") if p.is_file()) < 5_000_000


def test_a_matrix_is_one_only_if_every_combination_is_there() -> None:
    table = report_data.systems_study().tables["1"]
    assert selection.matrix_of(table) is not None
    assert selection.matrix_of(table.model_copy(update={"items": table.items[1:]})) is None
    assert selection.matrix_of(report_data.systems_study().tables["2"]) is None


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("II", "Table II"),
        ("table 5", "Table 5"),
        ("Table S1", "Table S1"),
        ("tabular data", "Table tabular data"),
        ("fig8", "Figure 8"),
        ("Fig. IV", "Figure IV"),
        ("S1", "Table S1"),
        ("text", "Text"),
    ],
)
def test_tables_are_called_as_in_the_paper(key: str, name: str) -> None:
    assert wording.table_name(key) == name


def test_every_number_of_every_table_is_that_of_the_metrics(results: Path, page: Page) -> None:
    """The full table holds, for each item and rung, exactly the row of metrics.csv: the paper's metrics first."""
    for study in (ATTEIA, report_data.three_class_study()):
        metrics = pd.read_csv(results / study.key / "metrics.csv", dtype={"table": str})
        for number, table in study.tables.items():
            words_for_one = {"recall": "sensitivity"}  # the printed word is shown, else this one
            shown = [m for m in OF_PREDICTIONS if m not in table.metrics and m not in words_for_one]
            order = [*table.metrics, *shown]
            for item in table.items:
                cells = metrics[(metrics["table"] == number) & (metrics["item"] == item.item)]
                printed = cells[cells["protocol"] == "as_published"].set_index("metric")["published"]
                values = list(printed[order].dropna())
                assert any("Published" in text and row == values for text, row in page.rows), item.item
                for protocol, rows in cells.groupby("protocol"):
                    values = list(rows.set_index("metric")["value"][order])
                    name = LADDER[protocol].name
                    assert any(name in text and row == values for text, row in page.rows), (item.item, protocol)


def test_three_columns_hold_published_then_ours_as_published_then_honest(results: Path, page: Page) -> None:
    metrics = pd.read_csv(results / "atteia2022" / "metrics.csv").set_index(["item", "protocol", "metric"])
    for item in ATTEIA.tables["1"].items:
        expected = []
        for metric in ATTEIA.tables["1"].metrics:
            expected += [
                metrics.loc[(item.item, "as_published", metric), "published"],
                metrics.loc[(item.item, "as_published", metric), "value"],
                metrics.loc[(item.item, "subject_disjoint", metric), "value"],
            ]
        assert (item.item, expected) in [(text.split()[0], values) for text, values in page.rows]


def test_printed_values_are_the_exact_ones_rounded_to_a_tenth_of_a_percent(results: Path) -> None:
    pages = ("index.html", "paper_atteia2022.html", "paper_other_all_II.html")
    text = "".join((results / "report" / name).read_text() for name in pages)
    shown = re.findall(r'<data value="([^"]+)">([^<]+)</data>', text)
    assert len(shown) > 200
    assert all(
        min(abs(float(label) / 100 - float(value)), abs(float(label) - float(value))) <= 0.0005 + 1e-12
        for value, label in shown
    )


def test_caveats_stand_once_on_a_page_and_in_every_figure(results: Path) -> None:
    run, report = load_resolved(results / "config.json"), results / "report"
    assert len(run.caveats) == 3
    said = {"index.html": run.caveats, "methods.html": run.caveats, "audit_atteia2022.html": []}
    said |= {f"paper_{s.study.key}.html": caveats_of_study(s, run.budget) for s in run.studies}
    assert re.search(r"\d+ instead of 750 training epochs", said["paper_atteia2022.html"][-1])
    for name, caveats in said.items():
        text = words(site(report, name))
        assert [text.count(caveat) for caveat in caveats] == [1] * len(caveats), name
    figures = [*(report / "figures" / "atteia2022").iterdir()]
    assert len(figures) == 10
    assert all(style.NOTE in figure.read_text() for figure in figures)  # nothing else has this colour
    assert not any(style.NOTE in figure.read_text() for figure in (report / "figures").glob("other-data/*.svg"))


def test_pictures_of_images_carry_what_a_reader_must_know(results: Path) -> None:
    """Of simulated images a line more than of real ones."""
    heights = {
        name: Image.open(results / "report" / "figures" / name / f"cells-1-{label}.jpg").height
        for name, label in (("atteia2022-data", "all"), ("other-data", "L1"))
    }
    assert heights == {"atteia2022-data": album.SIDE + album.LINE, "other-data": album.SIDE}


def test_a_run_with_nothing_to_warn_of_has_no_banner(clean: Path) -> None:
    page = site(clean / "report")
    assert "aside" not in page.tags
    assert "Simulated" not in page.text
    assert "Demo budget" not in page.text


def test_pages_need_no_network_and_every_link_leads_to_a_file(results: Path) -> None:
    files, linked = files_and_links(results / "report")
    assert files == linked
    assert not any("url(" in (results / "report" / "assets" / name).read_text() for name in ("style.css", "site.js"))


def test_markup_is_sound_and_describes_its_pictures(results: Path) -> None:
    for file in (results / "report").glob("*.html"):
        page = Page(file.read_text())
        assert len(page.ids) == len(set(page.ids))
        assert all(image["alt"] for image in page.images)
        assert page.tags.count("table") == page.tags.count("caption")
        assert page.tags.count("h1") == 1


def test_names_are_escaped(results: Path, page: Page) -> None:
    text = (results / "report" / "paper_other.html").read_text()
    assert "A &amp; &lt;B&gt;" in text
    assert not any("<b>bold</b>" in file.read_text() for file in (results / "report").glob("*.html"))
    assert "A & <B>" in page.text


def test_left_out_rungs_are_explained_and_the_honest_one_is_named(page: Page) -> None:
    text = words(page)
    for rung in ("subject_disjoint", "external"):
        assert text.count(f"not run: the dataset has no {rung} <part>") == 2
    assert "ours under the honest one (source-disjoint)" in text
    assert "ours under the honest one (subject-disjoint)" in text


def test_three_classes_have_a_panel_and_a_curve_for_each(results: Path, page: Page) -> None:
    alts = [str(image["alt"]) for image in page.images]
    curves = [alt for alt in alts if alt.startswith("ROC curves: Table II")]
    assert len(curves) == 1  # of the headline; many classes are shown for one item
    assert all(f"{name} as published" in curves[0] for name in ("L1", "M2", "M5 & <x>"))
    counts = pd.read_csv(results / "report" / "data" / "other" / "confusion-II.csv")
    assert len(counts) == 2 * 3 * 9
    assert (counts.groupby(["item", "protocol"])["count"].sum() == 59).all()


def test_area_under_a_drawn_curve_is_scikit_learns(results: Path) -> None:
    from sklearn.metrics import roc_auc_score

    predictions = pd.read_parquet(results / "atteia2022" / "subject_disjoint" / "predictions.parquet")
    rows = predictions[predictions["item"] == "GSet"]
    pairs, ordered = 0, 0.0
    for _, fold in rows.groupby("fold"):
        positive = fold["y_true"] == "all"
        weight = positive.sum() * (~positive).sum()
        pairs, ordered = pairs + weight, ordered + weight * roc_auc_score(positive, fold["score"])
    drawn = pd.read_csv(results / "report" / "data" / "atteia2022" / "roc-1.csv")
    curve = drawn[(drawn["item"] == "GSet") & (drawn["protocol"] == "subject_disjoint")]
    area = figures.Curve("subject_disjoint", curve["fpr"].tolist(), curve["tpr"].tolist()).area
    assert area == pytest.approx(ordered / pairs, abs=1e-12)


def test_every_type_of_leakage_has_a_row_with_a_cell_for_every_rung(results: Path, page: Page) -> None:
    audits = {rung: read_json(results / "atteia2022" / rung / "leakage.json") for rung in LADDER}
    rows = [text for text, _ in page.rows]
    for number, one in enumerate(audits["as_published"]["types"]):
        row = next(text for text in rows if text.strip().startswith(one["id"]) and one["name"] in text)
        statuses = [audits[rung]["types"][number]["status"] for rung in LADDER]
        counts = [row.count("none found"), row.count("not examined"), row.replace("none found", "").count("found")]
        assert counts == [statuses.count(status) for status in ("none found", "not examined", "found")], one["id"]


def test_every_finding_of_leakage_is_a_sentence_with_its_rungs(page: Page) -> None:
    text = words(page)
    assert "L1.2 Pre-processing on training and test set, as published: RSet25, RSet50, RSet75: fitted on all" in text
    assert "L1.3 Feature selection on training and test set, as published: The paper chose by rows that it" in text
    assert "L2 Model uses features that are not legitimate, all rungs:" in text
    assert "L3.2 Non-independence between training and test samples, as published, fitted in fold and external:" in text


def test_a_paper_without_a_number_gets_a_dash(clean: Path) -> None:
    page = site(clean / "report")
    text = words(page)
    assert "The paper prints no accuracy for this item." in text
    assert "not published" in text
    assert "nan" not in text.lower().split()
    # Only the published protocol ran: there is no honest number, and none is made up.
    (row,) = [values for name, values in page.rows if name.split()[:5] == ["Bee", "et", "al.", "(2024)", "Table"]]
    assert len(row) == 1


def test_an_undefined_metric_is_a_dash_and_never_a_number(clean: Path, tmp_path: Path) -> None:
    shutil.copytree(clean.parents[1], tmp_path / "copy")
    results = tmp_path / "copy" / "results" / clean.name
    metrics = pd.read_csv(results / "other" / "metrics.csv")
    defined = metrics["value"].notna()
    metrics.loc[metrics["metric"].isin(["accuracy", "auroc"]), ["value", "ci_low", "ci_high"]] = np.nan
    metrics.to_csv(results / "other" / "metrics.csv", index=False)
    build(results / "config.json", results, results / "report")
    before = site(clean / "report")
    after = site(results / "report")
    shown = sum(len(values) for _, values in before.rows)
    # Two items: accuracy and AUROC stand in Table II and among all rungs; the headline accuracy in summary and ladder,
    # and beside the interval of its cells.
    assert shown - sum(len(values) for _, values in after.rows) == 2 * 2 * 2 + 3
    assert defined.all()
    assert "nan" not in after.text.lower().split()


def test_a_study_without_trainings_has_no_such_part(clean: Path) -> None:
    text = site(clean / "report").text
    assert "Training of" not in text
    assert "Networks:" not in text


def test_equal_input_gives_equal_bytes_with_any_number_of_workers(clean: Path, tmp_path: Path) -> None:
    build(clean / "config.json", clean, tmp_path, workers=2)
    first = {p.relative_to(clean / "report"): p.read_bytes() for p in (clean / "report").rglob("*") if p.is_file()}
    again = {p.relative_to(tmp_path): p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    assert {p.suffix for p in first} == {".html", ".css", ".js", ".svg", ".jpg", ".csv", ".json", ".md", ".smk", ""}
    assert again == first


def test_a_missing_input_is_named(results: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"atteia2022/metrics\.csv"):
        build(results / "config.json", tmp_path / "none", tmp_path / "report")
    (tmp_path / "some" / "atteia2022").mkdir(parents=True)
    shutil.copy(results / "atteia2022" / "metrics.csv", tmp_path / "some" / "atteia2022")
    with pytest.raises(UserError, match=r"atteia2022/differences\.csv"):
        build(results / "config.json", tmp_path / "some", tmp_path / "report")


def test_headline_compares_with_the_honest_rung_that_ran(results: Path) -> None:
    run = load_resolved(results / "config.json")
    for study, rung in zip(run.studies, ("subject_disjoint", "source_disjoint"), strict=True):
        frame = METRICS_TABLE.read(results / study.study.key / "metrics.csv")
        table, _, item = study.study.headline.partition("/")
        rows = frame[(frame["table"] == table) & (frame["item"] == item) & (frame["metric"] == "accuracy")]
        values = rows.set_index("protocol")["value"]
        top = headline(study, Numbers(frame))
        assert top.honest_rung == rung
        assert top.lost == values["as_published"] - values[rung]
        differences = DIFFERENCES_TABLE.read(results / study.study.key / "differences.csv")
        climbs = ladder_of(top, Differences(differences)).climbs
        assert [climb.from_first.value for climb in climbs] == pytest.approx(
            list(values - values["as_published"])[1:], abs=1e-12
        )
        assert [climb.from_above.value for climb in climbs] == pytest.approx(list(values.diff()[1:]), abs=1e-12)


def test_every_rung_stands_on_the_page_with_its_paired_differences(results: Path, page: Page) -> None:
    for study in load_resolved(results / "config.json").studies:
        frame = DIFFERENCES_TABLE.read(results / study.study.key / "differences.csv")
        top = headline(study, Numbers(METRICS_TABLE.read(results / study.study.key / "metrics.csv")))
        ladder = ladder_of(top, Differences(frame))
        assert len(ladder.climbs) == len(study.protocols) - 1
        (alt,) = (
            str(image["alt"])
            for image in page.images
            if "ladder" in str(image["src"]) and study.study.key in str(image["src"])
        )
        for climb in ladder.climbs:
            rows = [" ".join(text.split()) for text, _ in page.rows if climb.step.removes in text]
            told = [d.text + " " + d.interval for d in (climb.from_above, climb.from_first)]
            assert any(f"{' '.join(told)} {climb.from_above.n_groups}" in row for row in rows), told
            assert f"{climb.removes} {climb.from_above.told}" in alt
        assert ladder.sentences() in words(page)


def test_the_first_page_has_one_figure_and_one_table_with_every_headline(results: Path) -> None:
    page = site(results / "report", "index.html")
    (picture,) = page.images
    assert page.tags.count("table") == 1
    for study in load_resolved(results / "config.json").studies:
        name = wording.short_citation(study.study.citation)
        top = headline(study, Numbers.read(results / study.study.key / "metrics.csv"))
        differences = Differences(DIFFERENCES_TABLE.read(results / study.study.key / "differences.csv"))
        change = ladder_of(top, differences).to_honest[-1].from_first
        shown = [top.published, top.as_published, top.honest]
        ((text, values),) = [(" ".join(text.split()), values) for text, values in page.rows if name in text]
        assert values == [estimate.value for estimate in shown]
        assert f"{change.text} {change.interval}" in text
        printed, ours, honest = (estimate.text for estimate in shown)
        told = f"{name}: printed {printed}, ours as published {ours}, ours {top.honest_name.lower()} {honest}, change"
        assert f"{told} {change.told}" in str(picture["alt"])


@pytest.mark.parametrize("which", ["results", "systems"])
def test_the_summary_on_the_terminal_fits_and_holds_every_study(which: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(which)
    run = load_resolved(folder / "config.json")
    terminal = io.StringIO()
    Console(file=terminal, width=200).print(summary_table(run, folder))
    text = terminal.getvalue()
    assert max(map(len, text.splitlines())) == 100
    table, _, below = text.partition("Printed: ")
    rows = re.split(r"\n\s*\n", re.split("─ *\\n", table)[1])
    for study, row in zip(run.studies, rows, strict=False):
        key = study.study.key
        top = headline(study, Numbers(METRICS_TABLE.read(folder / key / "metrics.csv")))
        differences = Differences(DIFFERENCES_TABLE.read(folder / key / "differences.csv"))
        change = ladder_of(top, differences).to_honest[-1].from_first
        words = " ".join(row.split())
        assert words.startswith(f"{key} {top.published.text} {top.as_published.text} {top.honest.text} {change.text} ")
        for interval in (top.as_published.interval, top.honest.interval, change.interval):
            assert interval in words
        assert f"{wording.table_name(top.table)}, " in words
    told = " ".join(below.split())
    assert all(caveat in told for caveat in run.caveats)
    verdicts = [VERDICTS_TABLE.read(folder / study.study.key / "verdicts.csv") for study in run.studies]
    total = sum(int((frame["answered_by"] != "quoted").sum()) for frame in verdicts)
    impossible = len(run.studies)
    assert f"print: {impossible} arithmetically impossible, {total - impossible} not tested." in told


def test_every_printed_number_stands_on_the_page_with_its_verdict_and_reason(results: Path, page: Page) -> None:
    for study in ("atteia2022", "other"):
        verdicts = VERDICTS_TABLE.read(results / study / "verdicts.csv")
        assert (verdicts["verdict"] == "arithmetically impossible").sum() == 1
        for row in verdicts[verdicts["answered_by"] != "quoted"].itertuples():
            values = [row.published, row.value, row.honest_value]
            name = f"{wording.table_name(row.table)}, {row.item} {wording.metric_heading(row.metric)} "
            told = f"{row.verdict} {wording.sentence(row.reason)}"
            rows = [" ".join(text.split()) for text, numbers in page.rows if numbers == values]
            assert any(text.startswith(name) and text.endswith(told) for text in rows), name
    assert "Of 24 printed results, none could be tested: the images are simulated; networks" in words(page)
    assert "1 is arithmetically impossible, whatever the data." in words(page)


def test_what_the_paper_leaves_open_and_what_it_quotes_stand_on_the_page(page: Page) -> None:
    assert "WhatOfTakenWhyWhat else fits Seedcubic_svm0Usual." in words(page)  # cells have no space between them
    assert "What the paper compares itself with, quoted from others (1)" in words(page)
    assert "Table 9, theirs[7], a forestAccuracy (%)87.5" in words(page)


def test_a_tested_paper_is_summed_up_with_what_survives() -> None:
    row = {
        "table": "1",
        "item": "x",
        "reason": "why",
        "honest_verdict": "not tested",
        "answered_by": "item",
        "rests_on": "",
    }
    verdicts = ["reproduced"] * 3 + ["not reproduced", "not tested"] + ["arithmetically impossible"] * 2
    frame = pd.DataFrame([{**row, "metric": str(n), "verdict": verdict} for n, verdict in enumerate(verdicts)])
    frame.loc[1, "honest_verdict"] = "reproduced"
    frame["rests_on"] = "number of epochs"
    judged = Verdicts(frame)
    assert judged.counts() == {"reproduced": 3, "not reproduced": 1, "arithmetically impossible": 2, "not tested": 1}
    assert judged.of("1", "x", "3") == ("not reproduced", "why")
    assert judged.rests_on("1", "x", "3") == "number of epochs"
    assert judged.rests_on("1", "x", "4") == ""  # was not tested
    assert judged.of("1", "y", "3") == ("not tested", "the paper prints no such number")
    assert judged.sentences("subject_disjoint", []) == (
        "Of 7 printed results, 4 could be tested. Reproduced under the paper's own protocol: 3; not reproduced: 1. "
        "With no subject on both sides of a split, our intervals still contain 1 of these 3. "
        "2 are arithmetically impossible, whatever the data."
    )
    assert "still contain" not in judged.sentences(None, [])


def test_counts_are_summed_up_apart_and_quoted_numbers_are_not_the_papers_own() -> None:
    row = {"table": "1", "item": "x", "reason": "why", "honest_verdict": "not tested", "rests_on": ""}
    kinds = [("item", "not tested"), ("count", "reproduced"), ("count", "not reproduced"), ("count", "not tested")]
    kinds += [("count", "reproduced"), ("quoted", "not tested"), ("quoted", "not tested")]
    judged = Verdicts(pd.DataFrame([{**row, "metric": "m", "answered_by": by, "verdict": v} for by, v in kinds]))
    assert judged.counts() == {"not tested": 1}
    assert judged.sentences("subject_disjoint", ["the images are simulated"]) == (
        "Of 1 printed result, none could be tested: the images are simulated. "
        "4 printed counts: 2 the same here, 1 another here, 1 not tested."
    )


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("accuracy", 0.9966, "99.7"),
        ("healthy_precision", 1.0, "100.0"),
        ("auroc", 0.98765, "0.988"),
        ("n_features", 3072.0, "3072"),
        ("train_loss", 0.25, "0.2500"),
        ("learnables", 86503162.0, "86503162"),
        ("brier", 0.1785, "0.178"),
        ("calibration_in_the_large", -0.0951, "\N{MINUS SIGN}0.095"),
        ("calibration_in_the_large", -0.0001, "0.000"),
        ("f1", float("nan"), wording.MISSING),
        ("f1", None, wording.MISSING),
    ],
)
def test_numbers_as_printed(metric: str, value: float | None, text: str) -> None:
    assert wording.number(metric, value) == text


@pytest.mark.parametrize(
    ("change", "text"), [(-0.1234, "\N{MINUS SIGN}12.3"), (0.01, "+1.0"), (-0.0001, "0.0"), (None, wording.MISSING)]
)
def test_differences_carry_their_sign_unless_they_vanish(change: float | None, text: str) -> None:
    assert wording.difference("accuracy", change) == text


@pytest.mark.parametrize(
    ("authors", "short"),
    [
        ("G. E. Atteia", "Atteia (2020)"),
        ("A. Bee and C. Dee", "Bee and Dee (2020)"),
        ("A. Bee, C. Dee, E. Eff", "Bee et al. (2020)"),
        ("A. Bee et al.", "Bee et al. (2020)"),
        ("A. Anderson & B. Brandt", "Anderson and Brandt (2020)"),
    ],
)
def test_short_citations(authors: str, short: str) -> None:
    citation = ATTEIA.citation.model_copy(update={"authors": authors, "year": 2020})
    assert wording.short_citation(citation) == short
    assert wording.short_citation(citation.model_copy(update={"name": "Fine-tuning"})) == "Fine-tuning"


def test_of_many_items_the_one_that_is_quoted_is_drawn(tmp_path: Path) -> None:
    study = report_data.resolve(report_data.systems_study(), tmp_path)
    table = study.study.tables["1"]
    many = [item.model_copy(update={"reading_of": None}) for item in table.items]
    tables = {"1": table.model_copy(update={"items": many})}
    study = study.model_copy(update={"study": study.study.model_copy(update={"tables": tables})})
    assert selection.drawn_items(study, Numbers(pd.DataFrame()), "1") == ["both/svm"]


def test_ten_classes_and_many_items_can_be_drawn(tmp_path: Path) -> None:
    classes = [f"class {n}" for n in range(10)]
    counts = np.arange(100).reshape(10, 10)
    figure = squares.confusion([(f"item {n}", "external", counts) for n in range(2)], classes, ["simulated images"])
    style.save(figure, tmp_path / "many.svg")
    assert (tmp_path / "many.svg").read_text().count("<image") == 2


def test_names_with_dollars_are_drawn_as_they_are(tmp_path: Path) -> None:
    style.save(figures.roc([("$x", [figures.Curve("external", [0, 1], [0, 1])])], ["$y_{"]), tmp_path / "dollar.svg")
    assert (tmp_path / "dollar.svg").stat().st_size > 1000


def test_layout_of_square_panels_has_settled_when_they_are_saved(tmp_path: Path) -> None:
    """Else titles are cut off, as those of three panels over a note of two lines were."""
    curves = [figures.Curve("external", [0, 1], [0, 1])]
    figure = figures.roc([(name, curves) for name in "abc"], ["simulated images", 20 * "conditions "])
    style.save(figure, tmp_path / "squares.svg")
    saved = [axes.get_position().y1 for axes in figure.axes]
    figure.set_layout_engine("constrained")
    figure.draw_without_rendering()
    assert saved == pytest.approx([axes.get_position().y1 for axes in figure.axes], abs=0.002)
