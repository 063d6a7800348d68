"""What a paper's page shows of its study: figures drawn, tables and sentences put together."""

from __future__ import annotations

from dataclasses import dataclass

from leukorepro.config.study.training import ClassifierTrainingSpec
from leukorepro.core.words import Budget
from leukorepro.evaluation.testability import untested
from leukorepro.ladder.rungs import EXTERNAL, LADDER
from leukorepro.report.figures.picture import Picture
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.layout import Layout, lay_out
from leukorepro.report.numbers.selection import drawn_before
from leukorepro.report.numbers.sources import Sources
from leukorepro.report.numbers.tables import Estimate, Headline, RungRow, headline, rungs
from leukorepro.report.output import Output
from leukorepro.report.pages.paper.pictures import Studio
from leukorepro.report.sections.claims.page import ClaimsPage, claims_page
from leukorepro.report.sections.comparisons.page import ComparisonsPage, comparisons_page
from leukorepro.report.sections.controls.page import ControlsPage, controls_page
from leukorepro.report.sections.explanations.page import ExplanationsPage, explanations_page
from leukorepro.report.sections.external.page import ExternalPage, external_page, sides
from leukorepro.report.sections.ladder.ladder import Differences, Ladder, ladder_of
from leukorepro.report.sections.leakage.page import LeakagePage, leakage_page
from leukorepro.report.sections.patients.page import PatientsPage, patients_page
from leukorepro.report.sections.training.page import TrainingPage, training_page
from leukorepro.report.sections.unstated.page import UnstatedRow, unstated_rows
from leukorepro.report.sections.verdicts.page import VerdictsPage, verdicts_page
from leukorepro.run.conditions.words import conditions as conditions_of
from leukorepro.run.resolved import ResolvedStudy


@dataclass(frozen=True)
class TablePage:
    """One of the paper's tables beside ours."""

    key: str
    name: str
    title: str
    notes: list[str]
    """Classes that were put together, and what is averaged over them."""
    layout: Layout
    heat_map: Picture | None
    figures: list[Picture]
    drawn_in: str
    """The earlier table that shows the same items' curves and confusion matrices; empty where they are shown here."""
    of_training_rows: bool
    """Whether the curves and confusion matrices are of training rows, not of tested ones."""
    curves: Picture | None
    matrices: Picture | None


@dataclass(frozen=True)
class PaperContent:
    """Everything that the template lays out for one study."""

    resolved: ResolvedStudy
    name: str
    headline: Headline
    sentence: str
    ladder: Ladder
    ladder_picture: Picture
    verdicts: VerdictsPage
    claims: ClaimsPage
    unstated: list[UnstatedRow]
    leakage: LeakagePage
    external: ExternalPage | None
    """None where nothing is held out."""
    tables: list[TablePage]
    patients: PatientsPage
    comparisons: ComparisonsPage
    controls: ControlsPage | None
    """None where the run asks for none."""
    explanations: ExplanationsPage | None
    """None where the run explains nothing."""
    training: TrainingPage
    rungs: list[RungRow]
    metrics_csv: str


def paper_content(study: ResolvedStudy, budget: Budget, sources: Sources, output: Output) -> PaperContent:
    """Have a study's figures drawn and put its page together.

    Parameters
    ----------
    study : ResolvedStudy
        One of the run's.
    budget : {'demo', 'published'}
        Of the run.
    sources : Sources
        What earlier stages left of the study.
    output : Output
        Takes the page's files, and its pictures to be drawn.
    """
    conditions = conditions_of(study, budget)
    top = headline(study, sources.numbers)
    ladder = ladder_of(top, Differences(sources.differences))
    studio = Studio(study, sources, conditions, output)
    return PaperContent(
        resolved=study,
        name=wording.short_citation(study.study.citation),
        headline=top,
        sentence=_sentence(top, sides(study)[1]),
        ladder=ladder,
        ladder_picture=studio.ladder(ladder),
        verdicts=verdicts_page(study, sources, untested(study, budget, bool(sources.scan["complete"])), output),
        claims=claims_page(study, sources, conditions, output),
        unstated=unstated_rows(study),
        leakage=leakage_page(study, sources, output),
        external=None
        if sources.transfer is None or sources.manifest is None
        else external_page(study, sources.transfer, sources.manifest, conditions, output),
        tables=[_table(study, sources, number, studio) for number in study.study.tables],
        patients=patients_page(study, sources, conditions, output),
        comparisons=comparisons_page(study, top, sources, conditions, output),
        controls=None
        if sources.controls_file is None
        else controls_page(sources.controls_file, study, conditions, output),
        explanations=None
        if sources.explanations is None
        else explanations_page(sources.explanations, study, conditions, output),
        training=training_page(study, budget, sources, conditions, output),
        rungs=rungs(study),
        metrics_csv=output.copy(sources.metrics_file, "data", study.study.key, "metrics.csv"),
    )


def _sentence(top: Headline, held_out: str) -> str:
    """What became of the headline number, in words; `held_out` is what was tested on the rung `external`."""
    name = wording.in_a_sentence(top.metric)

    def told(estimate: Estimate) -> str:
        return wording.number_with_unit(top.metric, estimate.value)

    parts = [f"The paper prints no {name} for this item."]
    if top.published.value is not None:
        parts = [f"The paper prints {told(top.published)} {name}."]
    if top.as_published.value is not None:
        parts.append(f"Under the paper's own protocol we measure {told(top.as_published)}.")
    if top.honest.value is not None and top.honest_rung is not None:
        parts.append(f"With {LADDER[top.honest_rung].honest_means}, {told(top.honest)} remain{_less(top)}.")
    parts += [f"On {held_out} we measure {told(step.estimate)}." for step in top.steps if step.rung == EXTERNAL]
    return " ".join(parts)


def _less(top: Headline) -> str:
    """How the honest value compares with the one under the published protocol."""
    if top.lost is None:
        return ""
    size = wording.number(top.metric, abs(top.lost))
    if float(size) == 0:
        return ": no less"
    unit = " percentage points" if wording.in_per_cent(top.metric) else ""
    return f": {size}{unit} {'less' if top.lost > 0 else 'more'}"


def _table(study: ResolvedStudy, sources: Sources, number: str, studio: Studio) -> TablePage:
    table = study.study.tables[number]
    before = drawn_before(study, number)
    return TablePage(
        key=number,
        name=wording.table_name(number),
        title=table.title,
        notes=_notes(study, sources, number),
        layout=lay_out(study, sources.numbers, number),
        heat_map=studio.heat_map(number),
        figures=studio.bars(number),
        drawn_in=wording.table_name(before) if before else "",
        of_training_rows=table.of_training_rows,
        curves=None if before else studio.curves(number),
        matrices=None if before else studio.matrices(number),
    )


def _notes(study: ResolvedStudy, sources: Sources, number: str) -> list[str]:
    """What a reader must know of a table's classes."""
    table = study.study.tables[number]
    frame = sources.confusion[sources.confusion["table"] == number]
    label_set = study.label_set_of(table.split)
    positive = study.positive_class_of(table.split)
    positive = study.study.class_names.get(positive, positive) if positive else None
    tables, classifiers = study.study.tables.values(), study.study.classifiers
    networks = [name for name, spec in classifiers.items() if isinstance(spec, ClassifierTrainingSpec)]
    notes = [
        wording.averaging(table, positive, frame["y_true"].nunique()),
        wording.epochs(table, networks, several=len({other.epochs for other in tables}) > 1),
    ]
    if label_set is not None:
        classes = [f"{name} is {', '.join(labels)}" for name, labels in label_set.classes.items()]
        notes.insert(0, wording.sentence(classes))
    return [note for note in notes if note]
