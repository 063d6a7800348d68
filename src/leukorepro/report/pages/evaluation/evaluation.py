"""A model on labelled images of another laboratory: how good it is there, and how these images differ."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from leukorepro.core.store import write_bytes
from leukorepro.data.images import read_rgb
from leukorepro.evaluation.curves import confusion_matrices, roc_curves
from leukorepro.evaluation.intervals import N_RESAMPLES
from leukorepro.evaluation.patients.calibration import N_BINS
from leukorepro.evaluation.patients.diagnosis import RATES
from leukorepro.evaluation.patients.subjects import MAJORITY
from leukorepro.inference.card import Card
from leukorepro.inference.evaluating.evaluation import RUNG, Evaluated, Evaluation
from leukorepro.inference.evaluating.laboratory import Laboratory
from leukorepro.inference.evaluating.shift import SHARE, SHARE_CALLED, TOLD_APART, UNLIKE
from leukorepro.inference.performance import RungPerformance
from leukorepro.ladder.rungs import LADDER
from leukorepro.report.figures import bars, squares
from leukorepro.report.figures.bars import Curve
from leukorepro.report.figures.picture import Picture
from leukorepro.report.markup import render
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.tables import Estimate
from leukorepro.report.output import Output
from leukorepro.report.pages.evaluation import figures
from leukorepro.report.pages.page import Page, caveats_of
from leukorepro.report.sections.patients.figures import Panel, reliability

MISTAKES = 24
"""That are shown, the most confident ones."""
THUMBNAIL = 144
"""Longer side of their pictures, in pixels."""


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


class Mistake(NamedTuple):
    """An image that the model is wrong about."""

    path: str
    subject: str
    true: str
    called: str
    probability: str
    unlike: bool
    picture: str


@dataclass(frozen=True)
class Content:
    """What the page says."""

    title: str
    model: str
    n_images: int
    n_subjects: int
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
    studio = _Studio(found, what, card.in_short, output)
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
    """A rung of the model's run, by some metrics."""
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
        told = "lies below"
    elif here.low > run.high:
        told = "lies above"
    else:
        return (
            f"Both intervals have values in common: these images do not show that the accuracy is another here than on "
            f"the rung {rung.lower()} of the run."
        )
    return f"The whole interval here {told} that of the rung {rung.lower()} of the run: other images, another accuracy."


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


class _Studio:
    """Draws the page's figures."""

    def __init__(self, found: Evaluation, what: Evaluated, conditions: Sequence[str], output: Output) -> None:
        self._found, self._what, self._output = found, what, output
        self._conditions = conditions

    def roc(self) -> Picture:
        """A curve of the positive class, or of each of several against the others."""
        frame = roc_curves(self._found.predictions, lambda _: self._what.positive_class)
        panels = [
            (f"{name} against the rest", [Curve(RUNG, list(rows["fpr"]), list(rows["tpr"]))])
            for name, rows in frame.groupby("class", sort=False)
        ]
        areas = "; ".join(f"{title}: {wording.number('auroc', curves[0].area)}" for title, curves in panels)
        return Picture(
            self._output.figure(partial(bars.roc, panels, self._conditions), "figures", "roc.svg"),
            f"ROC curves. Areas under them: {areas}.",
            "ROC curves of these images. In the legends, the area under each curve.",
            self._output.table(frame, "data", "roc.csv"),
        )

    def confusion(self) -> Picture:
        """Counts of true and predicted classes."""
        frame = confusion_matrices(self._found.predictions)
        classes = self._what.classes
        panels = [("", RUNG, squares.confusion_counts(frame, classes))]
        drawn = partial(squares.confusion, panels, classes, self._conditions)
        return Picture(
            self._output.figure(drawn, "figures", "confusion.svg"),
            "Confusion matrix; the counts are in the CSV table.",
            "Counts of images, and shares of the true class.",
            self._output.table(frame, "data", "confusion.csv"),
        )

    def reliability(self) -> Picture | None:
        """The reliability curve; None where there are no probabilities."""
        bins = self._found.patients.reliability
        if bins.empty:
            return None
        positive = self._what.positive_class
        of = (
            "that the class that is called is right"
            if positive is None
            else f"that an image is of the class {positive}"
        )
        return Picture(
            self._output.figure(
                partial(reliability, [Panel("", {RUNG: bins})], self._conditions), "figures", "reliability.svg"
            ),
            "Reliability curve with a histogram of the stated probabilities; the numbers are in the CSV table.",
            f"The stated probability {of}, in {N_BINS} bins, against the share of images in which it came true, with "
            "95 % intervals. On the dashed line both are equal. Below, the share of images in each bin.",
            "reliability.csv",
        )

    def distances(self) -> Picture | None:
        """How far training images and these lie from what the model was fitted on; None where it cannot tell."""
        if self._what.training is None:
            return None
        here = self._found.images["distance"].to_numpy()
        drawn = partial(figures.distances, self._what.training, here, RUNG, self._conditions)
        far = f"{100 * float((here > 1).mean()):.1f} %"
        return Picture(
            self._output.figure(drawn, "figures", "distances.svg"),
            f"Distances from the training images: {far} of these images lie beyond the limit.",
            "Share of images that lie nearer to the training images than a distance. Right of the dashed line an image "
            "is flagged as unlike them; 1 % of the training images are, by fits that have not seen them.",
            "images.csv",
        )

    def mistakes(self, wrong: pd.DataFrame, laboratory: Laboratory) -> Iterator[Mistake]:
        """The most confident ones, with their pictures."""
        sure = wrong["probability"]
        if self._what.positive_class is not None:
            sure = sure.where(wrong["y_pred"] == self._what.positive_class, 1 - sure)
        for number, place in enumerate(sure.sort_values(ascending=False, kind="stable").index[:MISTAKES]):
            row = wrong.loc[place]
            draw = partial(_thumbnail, laboratory.images / row["path"], laboratory.max_pixels)
            yield Mistake(
                row["path"],
                row["subject_id"],
                row["y_true"],
                row["y_pred"],
                wording.MISSING if np.isnan(sure[place]) else f"{100 * sure[place]:.1f} %",
                bool(row["distance"] > 1),
                self._output.picture(draw, "figures", f"mistake-{number + 1}.jpg"),
            )


def _thumbnail(image: Path, max_pixels: int, path: Path) -> None:
    """A small picture of an image, as JPEG."""
    small = Image.fromarray(read_rgb(image, max_pixels))
    small.thumbnail((THUMBNAIL, THUMBNAIL))
    encoded = io.BytesIO()
    small.save(encoded, "jpeg", quality=85)
    write_bytes(encoded.getvalue(), path)
