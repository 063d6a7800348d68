"""Tests of the difference between two items, as readers of a comparison of classifiers expect them.

They are given beside the paired intervals of `leukorepro.evaluation.resampling.differences`, not instead of them, for
the accuracy of two items on the same rung and the same split:

- **Corrected resampled t-test** (Nadeau and Bengio, Inference for the Generalization Error, Machine Learning 52, 2003,
  section 3) of the accuracies fold by fold. Folds share training rows, so the variance of their mean is not that of
  independent ones: 1/k is replaced by 1/k + n_test/n_train, the sizes that the folds of the split table have. These
  may be others than the study asks for: patients who stay together make no test part of exactly a tenth. Folds that
  are repeated count as further folds; the epochs of a network do not, they are averaged.
- **McNemar's test** (Psychometrika 12, 1947) of the rows that one item has right and the other wrong, each view of an
  image once, when it was first tested: exact where fewer than `EXACT_BELOW` rows tell the items apart, else with the
  chi-squared distribution and the continuity correction. It takes every cell for independent of every other: cells of
  one patient are not, and so its p-values are too small.
- **Holm's correction** (Scandinavian Journal of Statistics 6, 1979) of McNemar's p-values over the items of a table
  that are compared with its best on one rung. It does not undo that the best was picked after looking; see
  `leukorepro.evaluation.resampling.winners`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar

from leukorepro.evaluation.curves import epochs_in
from leukorepro.evaluation.metrics.auroc import Floats
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.evaluation.predictions import Outcome

EXACT_BELOW = 25
"""With fewer rows that tell two items apart, McNemar's test is the exact binomial one."""


def corrected_resampled_t(differences: ArrayLike, test_to_train: float) -> float:
    """Two-sided p-value of the corrected resampled t-test; NaN without two folds or without any variance.

    Parameters
    ----------
    differences : array of float, shape (n_folds,)
        Of two items' accuracies, fold by fold.
    test_to_train : float
        Size of the test part over that of the training part, above 0.
    """
    values = np.asarray(differences, dtype=np.float64)
    if len(values) < 2 or np.ptp(values) == 0:
        return np.nan
    error = np.sqrt((1 / len(values) + test_to_train) * values.var(ddof=1))
    return float(2 * stats.t.sf(abs(values.mean()) / error, len(values) - 1))


def mcnemar_p(one_right: ArrayLike, other_right: ArrayLike) -> float:
    """Two-sided p-value of McNemar's test; 1 where no row tells the items apart, NaN without rows.

    Parameters
    ----------
    one_right, other_right : array of bool, shape (n_rows,)
        Whether each item predicted each row rightly.
    """
    one, other = (np.asarray(right, dtype=bool) for right in (one_right, other_right))
    if not len(one):
        return np.nan
    table = [[np.sum(one & other), np.sum(one & ~other)], [np.sum(~one & other), np.sum(~one & ~other)]]
    return float(mcnemar(table, exact=table[0][1] + table[1][0] < EXACT_BELOW).pvalue)


def holm(p_values: ArrayLike) -> Floats:
    """Holm's adjusted p-values, in the order given; those that are NaN stay, and do not count."""
    # Not by statsmodels, which collects garbage in every call: with the libraries of an evaluation a fifth of a second.
    values = np.array(p_values, dtype=np.float64)
    ranked = np.argsort(values, kind="stable")[: np.count_nonzero(~np.isnan(values))]  # NaN come last
    times = np.arange(len(ranked), 0, -1)
    values[ranked] = np.minimum(np.maximum.accumulate(values[ranked] * times), 1)
    return values


def p_values(outcomes: Outcomes, differences: pd.DataFrame) -> pd.DataFrame:
    """P-values of a table's differences: of the accuracies of two items on the same split, NaN elsewhere.

    Parameters
    ----------
    outcomes : Outcomes
        The predictions, with their split tables.
    differences : DataFrame
        Of one table, with the columns ``table, kind, item, protocol, against_item, metric``.

    Returns
    -------
    DataFrame
        Columns ``p_corrected_t, p_mcnemar, p_mcnemar_holm``, on the same index.

    Raises
    ------
    UserError
        If a split table is not there.
    """
    found = pd.DataFrame(np.nan, differences.index, ["p_corrected_t", "p_mcnemar", "p_mcnemar_holm"])
    chosen = differences[(differences["kind"] == "item") & (differences["metric"] == "accuracy")]
    answers: dict[Outcome, _Answers] = {}
    for row in chosen.itertuples():
        pair = [Outcome(str(row.table), str(item), str(row.protocol)) for item in (row.item, row.against_item)]
        used = {table.split_of(item) for table, item in (outcomes.items[outcome[:2]] for outcome in pair)}
        if len(used) > 1:
            continue
        for outcome in pair:
            if outcome not in answers:
                answers[outcome] = _answers(outcomes, outcome)
        one, other = (answers[outcome] for outcome in pair)
        by_fold = (one.by_fold - other.by_fold).dropna()
        parts = outcomes.part_sizes(pair[0].protocol, used.pop()).loc[by_fold.index].sum()
        found.loc[row.Index, "p_corrected_t"] = corrected_resampled_t(by_fold, parts["test"] / parts["train"])
        both = one.right.to_frame("one").join(other.right.rename("other"), how="inner")
        found.loc[row.Index, "p_mcnemar"] = mcnemar_p(both["one"], both["other"])
    for index in chosen.groupby("protocol").groups.values():
        found.loc[index, "p_mcnemar_holm"] = holm(found.loc[index, "p_mcnemar"])
    return found


@dataclass(frozen=True)
class _Answers:
    """What an outcome got right."""

    by_fold: pd.Series[float]
    """Accuracy of every fold, over the epochs that count, by repeat and fold."""
    right: pd.Series[bool]
    """Of every view of an image that was tested, when it was first, after the last epoch; by image and view."""


def _answers(outcomes: Outcomes, outcome: Outcome) -> _Answers:
    table, item = outcomes.items[outcome[:2]]
    rows = outcomes.tested(outcome)
    n_epochs = epochs_in(rows, outcomes.resolved.study, table, item)
    repeat, epoch = np.divmod(rows["repeat"].to_numpy(), n_epochs)
    rows = rows[["image_id", "view", "fold"]].assign(
        right=rows["y_true"] == rows["y_pred"], repeat=repeat, last=epoch == n_epochs - 1
    )
    once = rows[rows["last"]].sort_values(["repeat", "fold"], kind="stable").drop_duplicates(["image_id", "view"])
    return _Answers(
        rows.groupby(["repeat", "fold"])["right"].mean(),
        once.astype({"image_id": "str", "view": "str"}).set_index(["image_id", "view"])["right"],
    )
