"""One study's part of the page: its figures drawn, its tables and sentences put together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from leukorepro.report import wording
from leukorepro.report.dataset_page import DatasetPage, dataset_page
from leukorepro.report.layout import Layout, lay_out
from leukorepro.report.output import Output
from leukorepro.report.pictures import Picture, Studio
from leukorepro.report.selection import drawn_before
from leukorepro.report.sources import Fit, Reduction, Sources
from leukorepro.report.tables import Estimate, Headline, RungRow, headline, rungs
from leukorepro.resolved import ResolvedStudy
from leukorepro.words import Budget


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
    curves: Picture | None
    matrices: Picture | None


@dataclass(frozen=True)
class FitRow:
    """The trainings of one reducer on one rung, summed up."""

    reducer: str
    rung: str
    n_fits: int
    epochs: str
    loss: str
    stopped_by: str


@dataclass(frozen=True)
class ExtractorRow:
    """What one feature file says of itself."""

    name: str
    attributes: dict[str, str]


@dataclass(frozen=True)
class StudyPage:
    """Everything that the template lays out for one study."""

    resolved: ResolvedStudy
    name: str
    conditions: list[str]
    headline: Headline
    sentence: str
    untested: list[str]
    """Why no published number has a verdict."""
    ladder: Picture
    tables: list[TablePage]
    losses: Picture | None
    fits: list[FitRow]
    rungs: list[RungRow]
    dataset: DatasetPage
    extractors: list[ExtractorRow]
    libraries: str
    metrics_csv: str


def study_page(study: ResolvedStudy, budget: Budget, sources: Sources, output: Output) -> StudyPage:
    """Draw a study's figures into the report's folder and put its part of the page together."""
    conditions = wording.conditions(study, budget)
    top = headline(study, sources.numbers)
    studio = Studio(study, sources, conditions, output)
    return StudyPage(
        resolved=study,
        name=wording.short_citation(study.study.citation),
        conditions=conditions,
        headline=top,
        sentence=_sentence(top),
        untested=wording.untested(study, budget, bool(sources.scan["complete"])),
        ladder=studio.ladder(top),
        tables=[_table(study, sources, number, studio) for number in study.study.tables],
        losses=studio.losses(),
        fits=[row for reduction, fits in sources.reducers.items() for row in _fit_rows(reduction, fits)],
        rungs=rungs(study),
        dataset=dataset_page(study, sources, output),
        extractors=_extractors(sources),
        libraries=_libraries(sources),
        metrics_csv=output.copy(sources.metrics_file, "data", study.study.key, "metrics.csv"),
    )


def _sentence(top: Headline) -> str:
    """What became of the headline number, in words."""
    name = wording.metric_name(top.metric)
    name = name if name.isupper() else name.lower()

    def told(estimate: Estimate) -> str:
        return wording.number_with_unit(top.metric, estimate.value)

    parts = [f"The paper prints no {name} for this item."]
    if top.published.value is not None:
        parts = [f"The paper prints {told(top.published)} {name}."]
    if top.as_published.value is not None:
        parts.append(f"Under the paper's own protocol we measure {told(top.as_published)}.")
    if top.honest.value is not None and top.honest_rung is not None:
        parts.append(f"With {wording.HONEST_MEANS[top.honest_rung]}, {told(top.honest)} remain{_less(top)}.")
    return " ".join(parts)


def _less(top: Headline) -> str:
    """How the honest value compares with the one under the published protocol."""
    if top.lost is None:
        return ""
    size = wording.number(top.metric, abs(top.lost))
    if float(size) == 0:
        return ": no less"
    unit = " percentage points" if wording.is_share(top.metric) else ""
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
    notes = [wording.averaging(table, positive, frame["y_true"].nunique())]
    if label_set is not None:
        classes = [f"{name} is {', '.join(labels)}" for name, labels in label_set.classes.items()]
        notes.insert(0, wording.sentence(classes))
    return [note for note in notes if note]


def _fit_rows(reduction: Reduction, fits: Sequence[Fit]) -> list[FitRow]:
    rows = []
    for rung in dict.fromkeys(fit.rung for fit in fits):
        chosen = [fit for fit in fits if fit.rung == rung]
        epochs = sorted({len(fit.loss) - 1 for fit in chosen})
        stopped = Counter(fit.stopped_by for fit in chosen)
        rows.append(
            FitRow(
                reduction.title,
                wording.RUNG_NAMES[rung],
                len(chosen),
                str(epochs[0]) if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}",
                f"{median(fit.loss[-1] for fit in chosen):#.4g}",
                ", ".join(f"{reason} ({count})" for reason, count in sorted(stopped.items())),
            )
        )
    return rows


def _extractors(sources: Sources) -> list[ExtractorRow]:
    rows = []
    for name, attributes in sources.extractors.items():
        size = attributes["input_size"]
        network, weights = {"Descriptor": str(attributes["backbone"])}, {}
        if attributes["weights"] != "none":
            network = {"Network": f"{attributes['backbone']}, layer {attributes['layer']}"}
            weights = {"Weights": str(attributes["weights"]), "Weights, SHA-256": str(attributes["weights_sha256"])}
        shown = {
            **network,
            "Input": f"{size} \N{MULTIPLICATION SIGN} {size} pixels, {attributes['preprocessing']}",
            "Features": str(attributes["n_features"]),
            **weights,
            "Engine and device": str(attributes["engine"]),
        }
        rows.append(ExtractorRow(name, shown))
    return rows


def _libraries(sources: Sources) -> str:
    versions = {
        f"{library} {version}"
        for attributes in sources.extractors.values()
        for library, version in attributes["library_versions"].items()
    }
    return ", ".join(sorted(versions))
