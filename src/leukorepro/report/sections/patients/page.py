"""What a study's classifiers would mean for patients: calibration, decisions, diagnoses of subjects, prevalence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leukorepro.config.study.items import Item
from leukorepro.evaluation.patients.diagnose import NO_SUBJECTS
from leukorepro.evaluation.patients.diagnosis import PREVALENCES
from leukorepro.evaluation.patients.subjects import MAJORITY
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.metrics.registry import CALIBRATION
from leukorepro.report.figures.picture import Picture
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.layout import Block, Label, Row
from leukorepro.report.numbers.selection import best_printed, drawn_before, main_item, shown_rungs
from leukorepro.report.numbers.sources import Sources
from leukorepro.report.numbers.tables import Estimate
from leukorepro.report.output import Output
from leukorepro.report.sections.patients.pictures import PatientsStudio, Quoted
from leukorepro.run.resolved import ResolvedStudy

RATES = ("accuracy", "sensitivity", "specificity", "auroc")


@dataclass(frozen=True)
class PatientsPage:
    """Everything that the template lays out."""

    margins: list[str]
    """Items and classifiers that were quoted and give no probabilities."""
    calibration: Block | None
    reliability: Picture | None
    decision: Picture | None
    several_classes: bool
    """Whether an item with probabilities has more than two classes, and so no decision curve."""
    without_subjects: bool
    left_out: list[str]
    """Who has no diagnosis."""
    dots: Picture | None
    diagnosis: Block | None
    predictive: Block | None
    prevalence: list[str]
    """Sentences on the share of patients."""
    calibration_csv: str
    subjects_csv: str
    diagnosis_csv: str


def patients_page(study: ResolvedStudy, sources: Sources, conditions: Sequence[str], output: Output) -> PatientsPage:
    """Draw a study's figures of patients into the report's folder and put the section together.

    Parameters
    ----------
    study : ResolvedStudy
        One of the run's.
    sources : Sources
        What earlier stages left of the study.
    conditions : sequence of str
        What sets the numbers apart from the paper's, in a few words each; empty where nothing does.
    output : Output
        Takes the page's files, and its pictures to be drawn.
    """
    key, found = study.study.key, sources.patients
    shown = shown_rungs(study)
    studio = PatientsStudio(study, shown, conditions, output)
    mains = _quoted(study, sources, only_probabilities=False)
    stated = _quoted(study, sources, only_probabilities=True)
    diagnoses = _Diagnoses(study, found.diagnosis, shown, studio)
    copies = {
        name: output.copy(sources.patients_folder / f"{name}.csv", "data", key, f"{name}.csv")
        for name in ("calibration", "subjects", "diagnosis")
    }
    return PatientsPage(
        margins=_margins(study, mains),
        calibration=_calibration(study, found.calibration, stated, shown) if stated else None,
        reliability=studio.reliability(found.reliability, stated),
        decision=studio.decision(found.decision, stated),
        several_classes=bool(found.reliability["class"].eq("").any()),
        without_subjects=bool(found.diagnosis["note"].eq(NO_SUBJECTS).all()),
        left_out=sorted(set(found.diagnosis.loc[found.diagnosis["note"].str.startswith("left out"), "note"])),
        dots=studio.dots(found.subjects, mains),
        diagnosis=diagnoses.rates(mains),
        predictive=diagnoses.predictive_values(mains),
        prevalence=diagnoses.prevalence(mains),
        calibration_csv=copies["calibration"],
        subjects_csv=copies["subjects"],
        diagnosis_csv=copies["diagnosis"],
    )


def _quoted(study: ResolvedStudy, sources: Sources, *, only_probabilities: bool) -> list[Quoted]:
    """Of each table the item that stands for it, the headline's first; each system once.

    Where only items with probabilities are wanted and that one has none: the table's best printed one that has some.
    """
    headline = study.study.headline.partition("/")[0]
    quoted: dict[Item, Quoted] = {}
    for number in sorted(study.study.tables, key=lambda name: name != headline):
        table = study.study.tables[number]
        if table.of_training_rows or drawn_before(study, number):
            continue
        items = {item.item: item for item in table.items if not only_probabilities or _has_probabilities(study, item)}
        name = main_item(study, sources.numbers, number)
        if items and name not in items:
            name = best_printed(sources.numbers, number, table.metrics, list(items))
        if name in items:
            system = items[name].model_copy(update={"item": "", "split": table.split_of(items[name])})
            quoted.setdefault(system, Quoted(number, name))
    return list(quoted.values())


def _has_probabilities(study: ResolvedStudy, item: Item) -> bool:
    return study.study.classifiers[item.classifier].scores != "margin"


def _margins(study: ResolvedStudy, quoted: Sequence[Quoted]) -> list[str]:
    return [q.name for q in quoted if not _has_probabilities(study, q.spec(study))]


def _label(study: ResolvedStudy, quoted: Quoted) -> Label:
    return Label(quoted.name, marked="/".join(quoted) == study.study.headline)


def _calibration(study: ResolvedStudy, frame: pd.DataFrame, quoted: Sequence[Quoted], shown: Sequence[Rung]) -> Block:
    """Every metric of calibration of some items."""
    rows = {(r.table, r.item, r.protocol, r.metric): r for r in frame.itertuples()}
    groups = []
    for q in quoted:
        lines: list[Row] = []
        for rung in shown:
            fields = [_estimate(rows.get((*q, rung, metric)), metric) for metric in CALIBRATION]
            lines.append((LADDER[rung].name, rung, fields))
        groups.append((_label(study, q), lines))
    return Block("", "Item", [wording.metric_name(metric) for metric in CALIBRATION], groups)


def _estimate(row: Any, metric: str) -> Estimate:
    if row is None or np.isnan(row.value):
        return Estimate(metric)
    has_interval = not np.isnan(row.ci_low)
    return Estimate(metric, row.value, row.ci_low if has_interval else None, row.ci_high if has_interval else None)


class _Diagnoses:
    """Diagnoses of subjects by the majority of their cells, laid out."""

    def __init__(
        self, study: ResolvedStudy, frame: pd.DataFrame, shown: Sequence[Rung], studio: PatientsStudio
    ) -> None:
        self._study = study
        self._shown = shown
        self._studio = studio
        known = frame[(frame["rule"] == MAJORITY) & (frame["n_subjects"] > 0)]
        self._rows: dict[tuple[str, str, str], list[Any]] = {}
        for row in known.itertuples():
            self._rows.setdefault((str(row.table), str(row.item), str(row.protocol)), []).append(row)

    def rates(self, quoted: Sequence[Quoted]) -> Block | None:
        """Accuracy, sensitivity, specificity and AUROC; None where nobody was diagnosed."""
        headings = [wording.metric_heading(metric) for metric in RATES]
        groups = [(_label(self._study, q), list(self._lines(q, self._rates))) for q in quoted]
        return Block("", "Item", headings, groups) if self._rows else None

    def predictive_values(self, quoted: Sequence[Quoted]) -> Block | None:
        """Predictive values at the tested and at stated shares of patients; None without two classes."""
        shares = ["tested", *(f"{100 * share:g} %" for share in PREVALENCES)]
        headings = [f"{name}, {share}" for name in ("PPV (%)", "NPV (%)") for share in shares]
        two = [q for q in quoted if any(row.metric == "ppv" for rung in self._shown for row in self._of(q, rung))]
        groups = [(_label(self._study, q), list(self._lines(q, self._predictive))) for q in two]
        return Block("", "Item", headings, groups) if self._rows and two else None

    def prevalence(self, quoted: Sequence[Quoted]) -> list[str]:
        """How many of the tested subjects are patients, and what a positive diagnosis is worth where fewer are."""
        for q in quoted:
            positive, rung = self._studio.positive(q), self._shown[-1]
            rows = self._of(q, rung)
            values = {round(r.prevalence, 6): r for r in rows if r.metric == "ppv"}
            if positive is None or not values:
                continue
            name, first = self._studio.called(positive), rows[0]
            ill, n = int(first.n_positive), int(first.n_subjects)
            told = [
                f"Of the {wording.count(n, 'subject')} that {q.name} was tested on "
                f"({LADDER[rung].name.lower()}), {ill} ({100 * ill / n:.0f} %) are of the class "
                f"{name}. That share is the dataset's and no clinic's, and predictive values depend on it."
            ]
            for share in PREVALENCES[:1]:
                ppv = _estimate(values[share], "ppv")
                if ppv.value is not None:
                    told.append(
                        f"If one subject in {1 / share:g} were of that class, the same sensitivity and specificity "
                        f"would make {ppv.text} % ({ppv.interval}) of the positive diagnoses right."
                    )
            return told
        return []

    def _lines(self, quoted: Quoted, fields: Any) -> Iterator[Row]:
        for rung in self._shown:
            rows = self._of(quoted, rung)
            yield f"{LADDER[rung].name}{self._who(rows)}", rung, fields(rows)

    def _of(self, quoted: Quoted, rung: Rung) -> list[Any]:
        return self._rows.get((*quoted, rung), [])

    def _who(self, rows: Sequence[Any]) -> str:
        """How many subjects were diagnosed, and how many of them are positive."""
        if not rows:
            return ""
        n, ill = int(rows[0].n_subjects), rows[0].n_positive
        return f": {n}" if pd.isna(ill) else f": {int(ill)} of {n}"

    def _rates(self, rows: Sequence[Any]) -> list[Estimate]:
        found = {row.metric: row for row in rows}
        return [_estimate(found.get(metric), metric) for metric in RATES]

    def _predictive(self, rows: Sequence[Any]) -> list[Estimate]:
        return [
            _estimate(row, name)
            for name in ("ppv", "npv")
            for row in ([r for r in rows if r.metric == name] or [None] * (1 + len(PREVALENCES)))
        ]
