"""Scores as probabilities of classes, where a classifier's configuration says that they are, or can be made so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, softmax

from leukorepro.core.errors import UserError
from leukorepro.core.words import ScoreKind
from leukorepro.evaluation.metrics.auroc import Floats, Ints
from leukorepro.evaluation.metrics.losses import SUM_TOLERANCE
from leukorepro.evaluation.predictions import score_of_class


@dataclass(frozen=True)
class Forecasts:
    """What a classifier states of an event, and whether it came; rows of one item under one protocol.

    With two classes the event is that a row is of the positive one; with more, that the class with the highest
    probability, the top label, is the true one.
    """

    of: str
    """The positive class; empty where the event is that the top label is right."""
    stated: Floats
    """Probability of the event, shape (n_rows,)."""
    came: NDArray[np.bool_]
    """Whether it came, shape (n_rows,)."""
    classes: list[str]
    """All classes; the positive one alone, where there are two."""
    probability: Floats
    """Probability of each of these classes, shape (n_rows, n_classes)."""
    true: NDArray[np.bool_]
    """Whether a row is of it, same shape."""
    repeat: Ints
    """Repeat, 0 to n_repeats - 1, shape (n_rows,)."""
    group: Ints
    """Group of each row, 0 to n_groups - 1, shape (n_rows,)."""
    seed: Ints
    """Which of the run's seeds each repeat is of, shape (n_repeats,)."""

    @property
    def n_groups(self) -> int:
        """Number of groups."""
        return int(self.group.max()) + 1

    def of_seeds(self, of_repeats: Floats) -> list[float]:
        """Values of the seeds, each a mean over its repeats, of those of the repeats, shape (n_repeats,)."""
        return [float(of_repeats[self.seed == seed].mean()) for seed in np.unique(self.seed)]

    def sums(self, columns: Floats) -> Floats:
        """Sums per repeat, column and group, shape (n_repeats, n_columns, n_groups).

        Parameters
        ----------
        columns : array, shape (n_columns, n_rows)
            Numbers of every row.
        """
        n_repeats = int(self.repeat.max()) + 1
        place = self.repeat * self.n_groups + self.group
        sums = np.stack([np.bincount(place, column, n_repeats * self.n_groups) for column in columns])
        return np.ascontiguousarray(sums.reshape(len(columns), n_repeats, self.n_groups).swapaxes(0, 1))


def forecasts(rows: pd.DataFrame, kind: ScoreKind, positive_class: str | None, group: Ints) -> Forecasts | None:
    """Probabilities of an outcome's rows; None where its scores are margins.

    Parameters
    ----------
    rows : DataFrame
        As `leukorepro.evaluation.predictions.outcomes` yields them.
    kind : ScoreKind
        What the classifier's scores are.
    positive_class : str or None
        With two classes, the one that ``score`` speaks for.
    group : array of int, shape (n_rows,)
        Group of each row.

    Raises
    ------
    UserError
        If a score that should be a probability is not in [0, 1], or those of three or more classes do not add up to 1.
    """
    if kind == "margin":
        return None
    columns = score_of_class(rows, positive_class)
    names = list(columns)
    values = rows[list(columns.values())].to_numpy(dtype=np.float64)
    if kind == "log_odds":
        values = expit(values) if len(names) == 1 else softmax(values, axis=1)
    _check(values, rows, list(columns.values()))
    truth = rows["y_true"].astype(str).to_numpy()
    true = truth[:, None] == np.array(names)
    of, stated, came = names[0], values[:, 0], true[:, 0]
    if len(names) > 1:
        top = values.argmax(axis=1)
        of, stated, came = "", values.max(axis=1), true[np.arange(len(true)), top]
    repeat, first = pd.factorize(rows["repeat"])[0].astype(np.intp), ~rows["repeat"].duplicated().to_numpy()
    seed = rows.loc[first, "seed"].to_numpy() if "seed" in rows else np.zeros(first.sum(), dtype=np.intp)
    return Forecasts(of, stated, came, names, values, true, repeat, group, seed)


def _check(values: Floats, rows: pd.DataFrame, columns: list[str]) -> None:
    outside = ((values < 0) | (values > 1)).any(axis=1)
    if len(columns) > 1:
        outside |= np.abs(values.sum(axis=1) - 1) > SUM_TOLERANCE
    if outside.any():
        row = rows.iloc[int(outside.argmax())]
        given = ", ".join(f"{c} {row[c]:g}" for c in columns)
        raise UserError(
            f"predictions of table '{row['table']}', item '{row['item']}', protocol '{row['protocol']}', image "
            f"'{row['image_id']}': {given}; expected probabilities, which its kind of classifier gives (in [0, 1], "
            "adding up to 1). Run the stage that makes them again."
        )
