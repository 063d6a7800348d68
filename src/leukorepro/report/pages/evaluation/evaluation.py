"""A model on labelled images of another laboratory: how good it is there, and how these images differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from leukorepro.evaluation.intervals import N_RESAMPLES
from leukorepro.evaluation.patients.diagnosis import RATES
from leukorepro.evaluation.patients.subjects import MAJORITY
from leukorepro.inference.card import Card
from leukorepro.inference.evaluating.evaluation import Evaluation
from leukorepro.inference.evaluating.laboratory import Laboratory
from leukorepro.inference.evaluating.shift import SHARE, SHARE_CALLED, TOLD_APART, UNLIKE
from leukorepro.inference.performance import RungPerformance
from leukorepro.ladder.rungs import LADDER
from leukorepro.report.figures.picture import Picture
from leukorepro.report.markup import render
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.tables import Estimate
from leukorepro.report.output import Output
from leukorepro.report.pages.evaluation.pictures import Mistake, Studio
from leukorepro.report.pages.page import Page, caveats_of


class Beside(NamedTuple):
    """What the model was found to be worth on a rung of its run."""

    name: str
    honest: bool
    rows: str
    estimates: list[Estimate]
    """Of the metrics of the page, in their order."""


class Shifted(NamedTuple):
    """A line of the table of shift, in words."""

    what: str
    value: Estimate
    training: str


@dataclass(frozen=True)
class Content:
    """What the page says."""

    title: str
    model: str
    n_images: int
    n_subjects: int
    fitted_on: str
    """What is known of images that the model was fitted on."""
    renamed: Sequence[tuple[str, str]]
    """The folder's classes that the model calls otherwise, and what it calls them."""
    metrics: list[str]
    here: list[Estimate]
    run: list[Beside]
    """The honest rung first."""
    sentence: str
    """What the headline comes to."""
    calibration: list[Estimate]
    no_calibration: str
    diagnoses: list[Estimate]
    diagnosed: str
    shift: list[Shifted]
    mistakes: list[Mistake]
    n_mistakes: int
    roc: Picture
    confusion: Picture
    reliability: Picture | None
    distances: Picture | None


def evaluation_page(laboratory: Laboratory, card: Card, output: Output) -> Page:
    """The page; its figures wait in `output` to be drawn.

    Parameters
    ----------
    laboratory : Laboratory
        Its tables lie beside the page.
    card : Card
        Of the model.
    output : Output
        Folder of the page.
    """
    found, what = laboratory.evaluation, laboratory.what
    studio = Studio(found, what, card.in_short, output)
    ours = estimates_of(found)
    metrics = list(ours)
    run = [beside(rung, metrics) for rung in card.rungs]
    wrong = found.images[found.images["y_true"] != found.images["y_pred"]]
    sizes = found.metrics.iloc[0]
    content = Content(
        title=f"{card.name} on {what.dataset}",
        model=card.name,
        n_images=int(sizes["n_images"]),
        n_subjects=int(sizes["n_subjects"]),
        fitted_on=laboratory.fitted_on,
        renamed=list(laboratory.renamed.items()),
        metrics=metrics,
        here=list(ours.values()),
        run=run,
        sentence=_compared(ours["accuracy"], run[0].estimates[metrics.index("accuracy")], run[0].name),
        calibration=[_estimate(row) for row in _rows(found.patients.calibration) if not np.isnan(row["value"])],
        no_calibration=found.patients.calibration["note"].iloc[0],
        diagnoses=list(_diagnoses(found.patients.diagnosis)),
        diagnosed=_diagnosed(found.patients.diagnosis),
        shift=list(_shifted(found.shift)),
        mistakes=list(studio.mistakes(wrong, laboratory)),
        n_mistakes=len(wrong),
        roc=studio.roc(),
        confusion=studio.confusion(),
        reliability=studio.reliability(),
        distances=studio.distances(),
    )
    body = render("pages/evaluation/page.html.j2", page=content, card=card, n_resamples=N_RESAMPLES)
    return Page("index.html", content.title, "This evaluation", body, caveats_of(card.caveats))


def _estimate(row: Any, metric: str | None = None) -> Estimate:
    """A measured value of a table's row, none where it is undefined; shown as another metric where one is named."""
    names = ("value", "ci_low", "ci_high")
    value, low, high = (None if np.isnan(row[name]) else float(row[name]) for name in names)
    return Estimate(metric or row["metric"], value, low, high)


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def estimates_of(found: Evaluation) -> dict[str, Estimate]:
    """Every metric of an evaluation, by its name."""
    return {row["metric"]: _estimate(row) for row in _rows(found.metrics)}


def beside(rung: RungPerformance, metrics: Sequence[str]) -> Beside:
    """A rung of the model's run, by some metrics.

    Parameters
    ----------
    rung : RungPerformance
        What the model's card says of it.
    metrics : sequence of str
        In the order in which they are told; one that the card lacks stays empty.
    """
    measured = {m.metric: Estimate(m.metric, m.value, m.low, m.high) for m in rung.metrics}
    rows = wording.count(rung.n_images, "image")
    rows += f" of {wording.count(rung.n_subjects, 'subject')}" if rung.n_subjects else ""
    estimates = [measured.get(metric, Estimate(metric)) for metric in metrics]
    return Beside(LADDER[rung.rung].name, rung.honest, rows, estimates)


def _compared(here: Estimate, run: Estimate, rung: str) -> str:
    """Whether the intervals of two accuracies meet; they are of other images, so that nothing is paired."""
    if here.low is None or here.high is None or run.low is None or run.high is None:
        return "Without both intervals it cannot be said whether the model does worse here than in its run."
    if here.high < run.low:
        told, look = "lies below", ""
    elif here.low > run.high:
        told = "lies above"
        look = " Make sure that none of these images, and no other image of their patients, trained the model."
    else:
        return (
            f"Both intervals have values in common: these images do not show that the accuracy is another here than on "
            f"the rung {rung.lower()} of the run."
        )
    return (
        f"The whole interval here {told} that of the rung {rung.lower()} of the run: other images, another "
        f"accuracy.{look}"
    )


def _diagnoses(frame: pd.DataFrame) -> Iterator[Estimate]:
    """Rates of subjects, each called what most of its images are."""
    rows = frame[(frame["rule"] == MAJORITY) & frame["metric"].isin(RATES) & (frame["n_subjects"] > 0)]
    yield from map(_estimate, _rows(rows))


def _diagnosed(frame: pd.DataFrame) -> str:
    first = frame[frame["rule"] == MAJORITY].iloc[0]
    if first["n_subjects"] == 0:
        return wording.sentence(f"no subject is diagnosed: {first['note']}")
    told = f"{wording.count(int(first['n_subjects']), 'subject')}, each called what most of its images are called"
    return wording.sentence([told, *filter(None, [first["note"]])])


def _shifted(frame: pd.DataFrame) -> Iterator[Shifted]:
    words = {
        UNLIKE: "images flagged as unlike the training images (%)",
        TOLD_APART: "told from training images by their distance (area under the curve)",
        SHARE: "images of the class {} (%)",
        SHARE_CALLED: "images called {} (%)",
    }
    for row in _rows(frame):
        metric = "auroc" if row["measure"] == TOLD_APART else "accuracy"  # which are written as they are
        of_training = wording.number(metric, row["training"])
        yield Shifted(words[row["measure"]].format(row["class"]), _estimate(row, metric), of_training)
