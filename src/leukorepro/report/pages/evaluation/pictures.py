"""Pictures of a model's evaluation: its curves and counts, and the images that it is surest of and wrong about."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image

from leukorepro.core.store import write_bytes
from leukorepro.data.images import read_rgb
from leukorepro.evaluation.curves import confusion_matrices, roc_curves
from leukorepro.evaluation.patients.calibration import N_BINS
from leukorepro.inference.evaluating.evaluation import RUNG, Evaluated, Evaluation
from leukorepro.inference.evaluating.laboratory import Laboratory
from leukorepro.report.figures import bars, squares
from leukorepro.report.figures.bars import Curve
from leukorepro.report.figures.picture import Picture
from leukorepro.report.numbers import wording
from leukorepro.report.output import Output
from leukorepro.report.pages.evaluation import figures
from leukorepro.report.sections.patients.figures import Panel, reliability

MISTAKES = 24
"""That are shown, the most confident ones."""
THUMBNAIL = 144
"""Longer side of their pictures, in pixels."""


class Mistake(NamedTuple):
    """An image that the model is wrong about."""

    path: str
    subject: str
    true: str
    called: str
    probability: str
    unlike: bool
    picture: str


class Studio:
    """Has the page's figures drawn."""

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
            "that the most probable class is the right one"
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
        """The most confident ones, with their pictures.

        Parameters
        ----------
        wrong : DataFrame
            Rows of images that the model calls by another class than their own.
        laboratory : Laboratory
            Where these images lie.
        """
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
