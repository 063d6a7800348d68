"""The report's section on patients: that it shows the tables' numbers, and says why it shows none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
import report_data
import report_trainings
from report_page import Page, site, undrawn, words

from leukorepro.evaluation.patients.diagnose import TABLES, Patients, diagnose
from leukorepro.evaluation.predictions import read_predictions
from leukorepro.report.figures import style
from leukorepro.report.markup import environment
from leukorepro.report.numbers.sources import Sources, read_sources
from leukorepro.report.output import Output
from leukorepro.report.sections.patients import figures as patients_figures
from leukorepro.report.sections.patients.figures import Panel
from leukorepro.report.sections.patients.page import PatientsPage, patients_page
from leukorepro.report.site import build
from leukorepro.run.resolved import ResolvedStudy

RUNGS = ("as_published", "subject_disjoint")
SAID = ["simulated images"]


class Made:
    """A study with its results, and its section of the page."""

    def __init__(self, study: ResolvedStudy, root: Path) -> None:
        self.study = study
        self.results = report_data.write_run(root, [study])
        self.folder = self.results / study.study.key
        self.report = root / "section"

    def sources(self) -> Sources:
        return read_sources(self.study, self.results, controls=False, explained=False)

    def section(self, *figures: str) -> PatientsPage:
        """The section, with some of its figures drawn."""
        output = Output(self.report)
        section = patients_page(self.study, self.sources(), SAID, output)
        for drawing in output.drawings:
            if drawing.path.stem in figures:
                drawing.draw()
        return section


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Made:
    root = tmp_path_factory.mktemp("systems")
    return Made(report_data.resolve(report_data.systems_study(), root, rungs=RUNGS), root)


@pytest.fixture(scope="module")
def section(systems: Made) -> PatientsPage:
    return systems.section("reliability", "decision", "subjects")


@pytest.fixture(scope="module")
def page(systems: Made) -> Page:
    with undrawn():
        build(systems.results / "config.json", systems.results, systems.results / "report")
    return site(systems.results / "report")


def shown(table: pd.DataFrame, item: str, rung: str, **where: str) -> pd.Series:
    """One row of a table."""
    chosen = (table["item"] == item) & (table["protocol"] == rung)
    for column, value in where.items():
        chosen &= table[column] == value
    (number,) = chosen.to_numpy().nonzero()[0]
    return table.iloc[number]


def test_the_headline_has_margins_and_the_best_printed_item_with_probabilities_stands_in(
    systems: Made, section: PatientsPage
) -> None:
    assert "Table 1, both/svm" in section.margins
    assert section.calibration is not None
    names = [label.name for label, _ in section.calibration.groups]
    assert names[0].startswith("Table 1, ")
    assert names[0].endswith("/knn")
    assert not any("svm" in name for name in names)
    printed = pd.read_csv(systems.folder / "metrics.csv", dtype={"table": str}).query(
        "table == '1' and metric == 'accuracy' and protocol == 'as_published'"
    )
    best = printed[printed["item"].str.endswith("knn")].set_index("item")["published"].dropna().idxmax()
    assert names[0] == f"Table 1, {best}"


def test_calibration_is_that_of_the_table(systems: Made, section: PatientsPage) -> None:
    table = Patients.read(systems.folder).calibration
    assert section.calibration is not None
    for label, rows in section.calibration.groups:
        number, item = label.name.removeprefix("Table ").split(", ", 1)
        for _, rung, cells in rows:
            own = table[table["table"] == number.replace("Figure ", "fig")]
            for cell in cells:
                row = shown(own, item, str(rung), metric=cell.metric)
                assert cell.value == row["value"]
                assert (cell.low is None) == pd.isna(row["ci_low"])


def test_diagnoses_are_those_of_the_table_and_the_headlines_come_first(systems: Made, section: PatientsPage) -> None:
    table = Patients.read(systems.folder).diagnosis
    own = table[(table["table"] == "1") & (table["rule"] == "majority")]
    assert section.diagnosis is not None
    label, rows = section.diagnosis.groups[0]
    assert label.marked
    for name, rung, cells in rows:
        for cell in cells:
            assert cell.value == shown(own, "both/svm", str(rung), metric=cell.metric)["value"]
        row = shown(own, "both/svm", str(rung), metric="accuracy")
        assert name.endswith(f": {row['n_positive']:.0f} of {row['n_subjects']:.0f}")
    assert section.predictive is not None
    assert len(section.predictive.columns) == len(section.predictive.groups[0][1][0][2]) == 8
    several = [rows for label, rows in section.diagnosis.groups if label.name.startswith("Table 2")]  # five classes
    assert [cell.value is None for cell in several[0][0][2]] == [False, True, True, True]
    assert not any(label.name.startswith("Table 2") for label, _ in section.predictive.groups)


def test_the_share_of_patients_is_told(systems: Made, section: PatientsPage) -> None:
    table = Patients.read(systems.folder).diagnosis
    own = table[(table["table"] == "1") & (table["rule"] == "majority")]
    row = shown(own, "both/svm", "subject_disjoint", metric="accuracy")
    first, second = section.prevalence
    assert f"Of the {row['n_subjects']:.0f} subjects" in first
    assert f", {row['n_positive']:.0f} (" in first
    assert "of the class lymphoblastic" in first
    ppv = own[(own["metric"] == "ppv") & (own["prevalence"] == 0.01)]
    assert f"{100 * shown(ppv, 'both/svm', 'subject_disjoint')['value']:.1f} %" in second


def test_the_page_shows_it_all(page: Page) -> None:
    text = words(page)
    assert "What it would mean for patients" in text
    assert "No probabilities: Table 1, both/svm" in text
    assert "Items of three classes or more have no decision curve" in text
    pictures = {str(i["src"]).rpartition("/")[2]: str(i["alt"]) for i in page.images}
    for name in ("reliability.svg", "decision.svg", "subjects.svg"):
        assert pictures[name]
    assert "patients" in page.ids
    assert {f"data/systems/{name}.csv" for name in ("calibration", "subjects", "diagnosis")} <= set(page.links)


def test_a_dataset_without_subjects_says_so_and_so_does_one_whose_subjects_have_several_classes(
    systems: Made, tmp_path: Path
) -> None:
    frame = read_predictions(systems.folder / "as_published/predictions.parquet")

    def section(subject: str) -> PatientsPage:
        found = diagnose([frame.assign(subject_id=subject)], systems.study, 0, 50)
        found.write(tmp_path)
        sources = replace(systems.sources(), patients=Patients.read(tmp_path), patients_folder=tmp_path)
        return patients_page(systems.study, sources, SAID, Output(tmp_path))

    one, none = section("p"), section("")
    for made in (one, none):
        assert made.dots is made.diagnosis is made.predictive is None
        assert made.prevalence == []
        assert made.calibration is not None
    assert one.left_out == ["left out: 1 subject(s) with cells of several classes"]
    assert one.left_out[0].removeprefix("l") in text_of(one)
    assert none.without_subjects
    assert "the dataset has no subject ids, so that no subject can be diagnosed" in text_of(none)


def text_of(section: PatientsPage) -> str:
    """What the template makes of a section alone."""
    macros = '{% from "templates/macros.html.j2" import picture, grouped %}'
    template = environment().from_string(macros + '{% include "sections/patients/section.html.j2" %}')
    return words(Page(template.render(page=SimpleNamespace(patients=section), n_seeds=1)))


def test_networks_are_shown_once_each(tmp_path: Path) -> None:
    made = Made(report_data.resolve(report_trainings.networks_study(), tmp_path, rungs=RUNGS), tmp_path)
    section = made.section()
    assert section.margins == []
    assert section.calibration is not None
    assert [label.name for label, _ in section.calibration.groups] == ["Table 2, CAE-CNN", "Table 1, CNN"]
    assert section.decision is not None
    drawn = pd.read_csv(made.report / "data/networks/decision-drawn.csv")
    assert set(drawn["protocol"]) == set(RUNGS)
    assert section.dots is not None
    assert "Table 2, CAE-CNN" in section.dots.alt


def test_what_was_written_is_read_back(systems: Made, tmp_path: Path) -> None:
    found = Patients.read(systems.folder)
    found.write(tmp_path)
    again = Patients.read(tmp_path)
    for name in TABLES:
        pd.testing.assert_frame_equal(vars(found)[name], vars(again)[name])


def test_many_equal_shares_stay_in_their_lane() -> None:
    rows = pd.DataFrame({"positive": [True] * 80 + [False] * 3, "share_positive": [1.0] * 80 + [0.0] * 3})
    figure = patients_figures.dots([Panel("t", {"as_published": rows})], "all", "hem", SAID)
    healthy, ill = (lane.get_offsets() for lane in figure.axes[0].collections)
    assert abs(ill[:, 1] - 1).max() < 0.5
    assert abs(healthy[:, 1]).max() < 0.5
    assert len({round(float(y), 6) for y in ill[:, 1]}) == 80


@pytest.mark.usefixtures("section")
def test_two_drawings_of_the_same_are_equal(systems: Made, tmp_path: Path) -> None:
    first = (systems.report / "figures/systems/reliability.svg").read_bytes()
    rows = Patients.read(systems.folder).reliability
    one = rows[(rows["table"] == "2") & (rows["item"] == "deep") & (rows["protocol"] == "as_published")]
    for name in ("a", "b"):
        style.save(patients_figures.reliability([Panel("t", {"as_published": one})], SAID), tmp_path / f"{name}.svg")
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    systems.section("reliability")
    assert (systems.report / "figures/systems/reliability.svg").read_bytes() == first
