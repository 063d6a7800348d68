"""The table of controls: what each of them came to on every rung, beside what no knowledge gives.

The chance beside an AUROC is 0.5. The chance beside an accuracy on shuffled labels is the share that would be right if
the answers of every fold were dealt out to its rows at random (Cohen, Educational and Psychological Measurement 20,
1960): a half where two classes are equally frequent, and the share of the answer where it is always the same. The
chance beside a subject's recognition is the share of the subject with the most images.

A value on shuffled labels is the mean over the shuffles. Its interval is Student's, from how the shuffles differ in
what they have above chance: the question is whether labels that mean nothing can be guessed from these images, and it
is the labels that are drawn. Resampling groups of images answers another question, and its intervals are too narrow for
this one: each pair of images counts twice in a cross-validation, once in each direction. On noise, 30 subjects with 4
images each, they held the chance in 82 to 95 % of 60 trials, Student's of ten shuffles in 87 to 95 %. The recognition
of subjects, whose labels are not drawn, has the interval from resampling groups, as everywhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats

from leukorepro.checks.controls import (
    SHUFFLES,
    Controlled,
    LabelUnit,
    NotPossible,
    Place,
    classify_shuffled,
    recognise_subjects,
)
from leukorepro.core.tables.results import CONTROLS_TABLE
from leukorepro.core.words import Control
from leukorepro.data.groups import groups
from leukorepro.evaluation.intervals import LEVEL, N_RESAMPLES, intervals
from leukorepro.evaluation.metrics.auroc import Ints
from leukorepro.evaluation.metrics.metrics import Scored, measure, scored
from leukorepro.evaluation.predictions import score_of_class
from leukorepro.systems.classifiers.engines import Settings

SHUFFLED_METRICS = ("accuracy", "auroc")
UNITS: tuple[LabelUnit, ...] = ("source", "subject")

UNDEFINED = "so few groups are tested that hardly any shuffle leaves two classes in a fold"

Row = dict[str, object]
"""Of the table, by column."""


def control_table(
    controlled: Controlled,
    places: Sequence[Place],
    controls: Sequence[Control],
    settings: Settings,
    note: str = "",
    n_shuffles: int = SHUFFLES,
    n_resamples: int = N_RESAMPLES,
) -> pd.DataFrame:
    """Run the controls of a study.

    Parameters
    ----------
    controlled : Controlled
        What is classified, and by what.
    places : sequence of Place
        Rungs that ran, from the published one down; subjects are recognised among the images of the first.
    controls : sequence of str
        Of a run; those of the cell's size and colour are `leukorepro.checks.cell_controls.cell_table`'s.
    settings : Settings
        Seed, budget and threads.
    note : str, optional
        What the classifier has of its own; written beside every value.
    n_shuffles, n_resamples : int, optional
        Two or more.

    Returns
    -------
    DataFrame
        A `CONTROLS_TABLE`. A control that is not possible has one row without a value, and its reason.
    """
    rows: list[Row] = []
    if "shuffled_labels" in controls:
        for unit in UNITS:

            def shuffled(unit: LabelUnit = unit) -> Iterator[Row]:
                predicted = classify_shuffled(controlled, places, unit, settings, n_shuffles)
                for place in places:
                    of_rung = predicted[predicted["protocol"] == place.protocol.rung]
                    for row in shuffled_rows(of_rung, controlled.positive_class):
                        yield {"protocol": place.protocol.rung, **row}

            rows += _or_reason(shuffled, {"control": "shuffled_labels", "unit": unit, "note": note})
    if "subject_identity" in controls:

        def recognised() -> Iterator[Row]:
            yield recognition_row(recognise_subjects(controlled, places[0], settings), settings.seed, n_resamples)

        told = _of_recognition(controlled, places[0], note)
        rows += _or_reason(recognised, {"control": "subject_identity", "unit": "subject", "note": told})
    about: Row = {
        "study": controlled.study,
        "table": controlled.table,
        "item": controlled.item.item,
        "seed": settings.seed,
    }
    return CONTROLS_TABLE.frame({**row, **about} for row in rows)


def shuffled_rows(rows: pd.DataFrame, positive_class: str | None) -> Iterator[Row]:
    """A row of the table for each metric of one rung's predictions on shuffled labels.

    Shuffles in which a metric is undefined, because no fold tests two classes, do not count for it.

    Parameters
    ----------
    rows : DataFrame
        As `leukorepro.checks.controls.classify_shuffled` gives them.
    positive_class : str or None
        With two classes, the one that scores speak for.
    """
    values: dict[str, list[float]] = {metric: [] for metric in SHUFFLED_METRICS}
    chances: dict[str, list[float]] = {metric: [] for metric in SHUFFLED_METRICS}
    for _, shuffle in rows.groupby("shuffle"):
        measured = measure(_scored(shuffle, positive_class), SHUFFLED_METRICS)
        chance = {"accuracy": agreement_by_chance(shuffle), "auroc": 0.5}
        for metric in SHUFFLED_METRICS:
            if not np.isnan(measured[metric]):
                values[metric].append(measured[metric])
                chances[metric].append(chance[metric])
    counts = sizes(rows)
    for metric in SHUFFLED_METRICS:
        if len(values[metric]) < 2:
            yield {"metric": metric, **counts, "note": UNDEFINED}
            continue
        value = float(np.mean(values[metric]))
        margin = student_margin(np.subtract(values[metric], chances[metric]))
        yield {
            "metric": metric,
            "value": value,
            "ci_low": max(0.0, value - margin),
            "ci_high": min(1.0, value + margin),
            "lowest": min(values[metric]),
            "highest": max(values[metric]),
            "chance": float(np.mean(chances[metric])),
            **counts,
        }


def recognition_row(rows: pd.DataFrame, seed: int, n_resamples: int = N_RESAMPLES) -> Row:
    """The row of the table for the recognition of subjects.

    Parameters
    ----------
    rows : DataFrame
        As `leukorepro.checks.controls.recognise_subjects` gives them.
    seed : int
        Of the resamples.
    n_resamples : int, optional
        Resamples of groups that the interval comes from.
    """
    rows = rows.sort_values(["image_id", "fold"])
    numbers = _scored(rows, str(rows["y_true"].min()))
    bounds = intervals(numbers, _groups(rows), n_resamples, seed, metrics=["accuracy"])["accuracy"]
    return {
        "metric": "accuracy",
        "value": measure(numbers, ["accuracy"])["accuracy"],
        "ci_low": bounds.low,
        "ci_high": bounds.high,
        "chance": float(rows["y_true"].value_counts(normalize=True).max()),
        **sizes(rows),
    }


def agreement_by_chance(rows: pd.DataFrame) -> float:
    """Accuracy to be expected if the answers of every fold were dealt out to its rows at random.

    Parameters
    ----------
    rows : DataFrame
        Columns repeat, fold, y_true, y_pred.

    Returns
    -------
    float
        In [0, 1]; the mean over repeats.
    """

    def expected(fold: pd.DataFrame) -> float:
        true, guessed = (fold[name].value_counts() for name in ("y_true", "y_pred"))
        return float((true * guessed).sum()) / len(fold)

    hits = pd.Series({key: expected(fold) for key, fold in rows.groupby(["repeat", "fold"])})
    return float((hits.groupby(level=0).sum() / rows.groupby("repeat").size()).mean())


def student_margin(values: ArrayLike, level: float = LEVEL) -> float:
    """Half the width of Student's interval of a mean.

    Parameters
    ----------
    values : array_like, shape (n,)
        Two values or more.
    level : float
        Share of such intervals that hold the mean, in (0, 1).
    """
    values = np.asarray(values, dtype=np.float64)
    return float(stats.t.ppf((1 + level) / 2, len(values) - 1) * stats.sem(values))


def _or_reason(make: Callable[[], Iterator[Row]], about: Row) -> list[Row]:
    """Rows of a control; one with the reason where it is not possible."""
    try:
        return [{**about, **row} for row in make()]
    except NotPossible as reason:
        return [{**about, "note": str(reason)}]


def _of_recognition(controlled: Controlled, first: Place, note: str) -> str:
    """What subjects are recognised by."""
    seen = "subjects are named by a linear support vector machine on scaled features"
    if first.reducer is not None:
        seen += f", which are what the first fit of {controlled.item.reducer} on {first.protocol.rung} gives"
    return "; ".join(filter(None, [note, seen]))


def _scored(rows: pd.DataFrame, positive_class: str | None) -> Scored:
    scores = {name: rows[column] for name, column in score_of_class(rows, positive_class).items()}
    return scored(rows["y_true"], rows["y_pred"], scores, rows["repeat"], rows["fold"])


def _groups(rows: pd.DataFrame) -> Ints:
    """Group of every row."""
    images = rows.drop_duplicates("image_id")
    of_image = pd.Series(groups(images["subject_id"], images["source_id"]), index=images["image_id"].to_numpy())
    return of_image[rows["image_id"]].to_numpy()


def sizes(rows: pd.DataFrame) -> Row:
    """What a value rests on."""
    subjects = rows.loc[rows["subject_id"] != "", "subject_id"]
    return {
        "n_images": rows["image_id"].nunique(),
        "n_subjects": subjects.nunique(),
        "n_groups": int(_groups(rows).max()) + 1,
    }
