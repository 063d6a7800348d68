"""The mistakes that a study's classifier is surest of, with their pictures."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import PurePosixPath

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.core.words import Budget, ScoreKind
from leukorepro.evaluation.contract import score_columns
from leukorepro.evaluation.patients.probabilities import forecasts
from leukorepro.evaluation.predictions import score_of_class
from leukorepro.ladder.rungs import LADDER, PUBLISHED, Rung, honest_rung
from leukorepro.report.images.album import Album, write_sheet
from leukorepro.report.numbers.wording import count, sentence, short_citation, table_name
from leukorepro.report.output import Output
from leukorepro.run.conditions.words import conditions
from leukorepro.run.resolved import ResolvedStudy

SHOWN = 12
"""Mistakes with their pictures on the page; all are in the file."""

COLUMNS = ["image_id", "view", "subject_id", "source_id", "repeat", "fold", "y_true", "y_pred", "confidence"]


@dataclass(frozen=True)
class Mistake:
    """An image that is taken for another class."""

    address: str
    """Of its picture."""
    image_id: str
    subject: str
    true: str
    predicted: str
    """As the paper calls the classes."""
    sure: str
    """How sure the classifier is, in words."""
    times: str
    """How often it is mistaken, where it is tested several times; else empty."""

    @property
    def file(self) -> str:
        """The image's name without its folders."""
        return PurePosixPath(self.image_id).name


@dataclass(frozen=True)
class Mistakes:
    """Mistakes of a study's headline item."""

    key: str
    name: str
    """Of the study."""
    item: str
    rung: Rung
    text: str
    conditions: str
    """What sets the study apart from the paper's, as a sentence; empty where nothing does."""
    shown: list[Mistake]
    csv: str


def mistaken_rung(study: ResolvedStudy) -> Rung:
    """The rung whose mistakes are shown: the honest one; where none ran, the published one or the first that did."""
    honest = honest_rung(study.protocols)
    return honest or (PUBLISHED if PUBLISHED in study.protocols else next(iter(study.protocols)))


def mistakes_shown(
    study: ResolvedStudy, rows: pd.DataFrame, budget: Budget, album: Album, output: Output, folder: str
) -> Mistakes:
    """Write pictures of the surest mistakes of a study's headline item, and a table of all of them.

    Parameters
    ----------
    study : ResolvedStudy
    rows : DataFrame
        The item's predictions of tested rows on one rung, as `leukorepro.evaluation.predictions.outcomes` yields them.
    budget : Budget
    album : Album
    output : Output
    folder : str
        The dataset's, below `figures` and `data`.
    """
    number, _, name = study.study.headline.partition("/")
    table = study.study.tables[number]
    (item,) = (item for item in table.items if item.item == name)
    kind = study.study.classifiers[item.classifier].scores
    rung = mistaken_rung(study)
    wrong = mistakes_of(rows, kind, study.positive_class_of(table.split_of(item)))
    key = study.study.key
    csv = output.table(wrong[[*COLUMNS, *score_columns(wrong)]], "data", folder, f"mistakes-{key}.csv")
    of_image = wrong.groupby("image_id", sort=False)
    tested, mistaken = rows.groupby("image_id", observed=True).size(), of_image.size()
    shown = []
    for place, row in enumerate(of_image.head(1)[:SHOWN].to_dict("records"), start=1):
        image = row["image_id"]
        write = partial(write_sheet, [album.views(image, [row["view"]])], album.conditions)
        address = output.picture(write, "figures", folder, f"mistake-{key}-{place}.jpg")
        true, predicted = (study.study.class_names.get(label, label) for label in (row["y_true"], row["y_pred"]))
        n = int(tested[image])
        times = f"mistaken {mistaken[image]:,} of {n:,} times" if n > 1 else ""
        sure = _sure(row["confidence"], kind)
        shown.append(Mistake(address, image, row["subject_id"], true, predicted, sure, times))
    return Mistakes(
        key,
        short_citation(study.study.citation),
        f"{table_name(number)}, {name}",
        rung,
        _text(len(rows), wrong, rung, kind, len(shown)),
        sentence(told) if (told := conditions(study, budget)) else "",
        shown,
        csv,
    )


def mistakes_of(rows: pd.DataFrame, kind: ScoreKind, positive_class: str | None) -> pd.DataFrame:
    """Wrong rows with the classifier's `confidence` in what it says, the surest first.

    Parameters
    ----------
    rows : DataFrame
        An outcome's rows.
    kind : ScoreKind
        What its scores are.
    positive_class : str or None
        With two classes, the one that ``score`` speaks for.
    """
    sure = rows.assign(confidence=confidence(rows, kind, positive_class))
    text = ["image_id", "view", "subject_id", "source_id", "y_true", "y_pred"]
    wrong = sure[(rows["y_true"].astype(str) != rows["y_pred"].astype(str)).to_numpy()].astype(dict.fromkeys(text, str))
    order = ["confidence", "image_id", "view", "repeat", "fold"]
    return wrong.sort_values(order, ascending=[False, True, True, True, True])


def confidence(rows: pd.DataFrame, kind: ScoreKind, positive_class: str | None) -> NDArray[np.float64]:
    """How sure a classifier is of the class that it names, shape (n_rows,).

    Where scores are probabilities, or can be made so, it is the one of the named class. The size of a margin means
    nothing beyond one fitted model: there it is the distance from the nearest other decision, divided by the mean
    distance of the rows that the same model is tested on.

    Parameters
    ----------
    rows : DataFrame
        An outcome's rows.
    kind : ScoreKind
    positive_class : str or None
        With two classes, the one that ``score`` speaks for.
    """
    named = rows["y_pred"].astype(str).to_numpy()
    stated = forecasts(rows, kind, positive_class, np.zeros(len(rows), dtype=np.intp))
    if stated is not None:
        if stated.of:
            of_pair: NDArray[np.float64] = np.where(named == stated.of, stated.stated, 1 - stated.stated)
            return of_pair
        of_several: NDArray[np.float64] = stated.probability[named[:, None] == np.array(stated.classes)]
        return of_several
    columns = score_of_class(rows, positive_class)
    scores = rows[list(columns.values())].to_numpy(dtype=np.float64)
    if len(columns) == 1:
        distance = np.abs(scores[:, 0])
    else:
        own = named[:, None] == np.array(list(columns))
        distance = scores[own] - np.where(own, -np.inf, scores).max(axis=1)
    models = pd.Series(np.abs(distance)).groupby([rows["repeat"].to_numpy(), rows["fold"].to_numpy()])
    mean = models.transform("mean").to_numpy()
    relative: NDArray[np.float64] = np.divide(distance, mean, out=np.zeros(len(rows)), where=mean > 0)
    return relative


def _sure(value: float, kind: ScoreKind) -> str:
    if kind == "margin":
        return f"{value:.1f} times the mean distance"
    return f"probability {value:.2f}"


def _text(n_rows: int, wrong: pd.DataFrame, rung: Rung, kind: ScoreKind, n_shown: int) -> str:
    """What was tested, how many were mistaken, and what the pictures are sorted by."""
    on = f"{LADDER[rung].name}: {len(wrong):,} of {count(n_rows, 'tested row')} mistaken"
    if honest_rung([rung]) is None:
        on += " (no honest rung ran)"
    if wrong.empty:
        return f"{on}."
    by = "the probability of the class that is named"
    if kind == "margin":
        by = "the distance from the decision, in mean distances of the images tested by the same model"
    n_images = wrong["image_id"].nunique()
    which = f"the {n_shown} surest" if n_shown < n_images else "all, the surest first"
    return f"{on}, on {count(n_images, 'image')}; shown are {which}, one picture an image, by {by}."
