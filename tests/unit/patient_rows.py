"""Rows of one cell of predictions, for the tests of what follows from them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from leukorepro.core.words import ScoreKind
from leukorepro.evaluation.contract import with_categories
from leukorepro.evaluation.patients.probabilities import Forecasts, forecasts
from leukorepro.evaluation.predictions import groups_of_rows


def outcome(truth: Any, scores: Any, subject: Any = None, called: Any = None, **columns: Any) -> pd.DataFrame:
    """Rows of classes ``all`` and ``hem`` with one score, or of ``a``, ``b``, ... with as many as the array is wide."""
    scores = np.asarray(scores, dtype=float)
    n = len(scores)
    if scores.ndim == 1:
        named = {"score": scores}
        guess = np.where(scores >= 0.5, "all", "hem")
    else:
        names = [chr(97 + k) for k in range(scores.shape[1])]
        named = {f"score_{name}": column for name, column in zip(names, scores.T, strict=True)}
        guess = np.array(names)[scores.argmax(axis=1)]
    return with_categories(
        pd.DataFrame(
            {
                "study": "s",
                "dataset": "d",
                "table": "1",
                "item": "i",
                "protocol": "subject_disjoint",
                "repeat": 0,
                "fold": 0,
                "image_id": [f"{k:05d}" for k in range(n)],
                "view": "identity",
                "subject_id": [f"p{k}" for k in range(n)] if subject is None else subject,
                "source_id": [f"{k:05d}" for k in range(n)],
                "y_true": truth,
                "y_pred": guess if called is None else called,
                **named,
                **columns,
            }
        )
    )


def stated(rows: pd.DataFrame, kind: ScoreKind = "probability") -> Forecasts:
    """Their probabilities; the positive class is ``all``."""
    found = forecasts(rows, kind, "all", groups_of_rows(rows))
    assert found is not None
    return found
