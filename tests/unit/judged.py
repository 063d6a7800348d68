"""Predictions measured and judged in one go, as two commands of the workflow do it with files between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from leukorepro.core.words import Budget
from leukorepro.evaluation.answers import Answer, Number
from leukorepro.evaluation.intervals import N_RESAMPLES
from leukorepro.evaluation.measure import measure
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.evaluation.testability import untested
from leukorepro.evaluation.verdicts import Judged, judge
from leukorepro.run.resolved import ResolvedStudy


def evaluate(
    predictions: Sequence[pd.DataFrame],
    resolved: ResolvedStudy,
    published: pd.DataFrame,
    impossible: Mapping[Number, str],
    *,
    fitting: Sequence[pd.DataFrame] = (),
    budget: Budget,
    dataset_complete: bool,
    seed: int,
    n_resamples: int = N_RESAMPLES,
    answers: Mapping[Number, Answer] | None = None,
) -> Judged:
    """Every metric of every item on every rung, and a verdict on every printed number."""
    measured = measure(Outcomes(resolved, predictions, fitting), seed, n_resamples)
    circumstances = untested(resolved, budget, dataset_complete)
    return judge(measured, published, resolved, impossible, circumstances, {}, answers or {})
