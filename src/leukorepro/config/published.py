"""The numbers that a paper prints, as transcribed in ``config/published``."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path

import pandas as pd

from leukorepro.core.errors import UserError, did_you_mean
from leukorepro.core.tables.data import PUBLISHED_TABLE

SHARES = ("accuracy", "sensitivity", "specificity", "precision", "recall", "f1", "auroc")
"""Metrics in [0, 1]; each may have a class in front, as in ``healthy_precision``."""
PHASE_SHARES = ("train_accuracy", "val_accuracy", "test_accuracy")
COUNTS = ("tp", "fn", "fp", "tn", "n_features", "learnables", "learnables_total", "size")
LOSSES = ("train_loss", "test_loss")
CORRELATIONS = ("reconstruction_correlation",)
KNOWN = (*SHARES, *PHASE_SHARES, *COUNTS, *LOSSES, *CORRELATIONS)

NOT_IN_PER_CENT = frozenset([*COUNTS, *LOSSES, *CORRELATIONS, "auroc"])
"""Metrics that papers print, and we show, as plain numbers."""


def is_share(metric: str) -> bool:
    """Whether a metric is a share, shown in per cent."""
    return metric not in NOT_IN_PER_CENT and not metric.endswith("_auroc")


def read_published(path: Path) -> pd.DataFrame:
    """Read and check the numbers that a paper prints.

    Returns
    -------
    DataFrame
        Columns ``table, item, metric, value, half_unit, note``. `value` is a float; shares, not per cent. `half_unit`
        is half a unit of the value's last digit as transcribed, 0.0005 for ``0.997`` or ``1.000``: how far the
        unrounded number may lie from it.

    Raises
    ------
    UserError
        If the file is missing, or naming the row with an unknown metric, a value that is no number or lies outside
        what its metric allows, an empty table or item, or a second value for one table, item and metric.
    """
    frame = PUBLISHED_TABLE.read(path)
    values = []
    for row in range(len(frame)):
        table, item, metric, text, _ = map(str, frame.iloc[row])
        where = f"{path}: row {row + 2} ({table}, {item}, {metric})"
        if not table or not item:
            raise UserError(f"{where}: no table or item; name both as the paper prints them.")
        values.append(_number(text, _kind(metric, where), where))
    twice = frame[frame.duplicated(["table", "item", "metric"])]
    if len(twice):
        table, item, metric, *_ = map(str, twice.iloc[0])
        raise UserError(
            f"{path}: row {twice.index[0] + 2} ({table}, {item}, {metric}): given twice; keep one, and say in its "
            "note where the paper contradicts itself."
        )
    frame["value"] = [float(value) for value in values]
    frame.insert(4, "half_unit", [float(Decimal((0, (5,), _exponent(value) - 1))) for value in values])
    return frame


def _kind(metric: str, where: str) -> str:
    """Name in `KNOWN` of a metric, without the class in front of it."""
    if metric in KNOWN:
        return metric
    name, _, share = metric.rpartition("_")
    if name and share in SHARES:
        return share
    raise UserError(f"{where}: unknown metric. Known: {', '.join(KNOWN)}.{did_you_mean(metric, KNOWN)}")


def _number(text: str, kind: str, where: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise UserError(f"{where}: value '{text}' is not a number.") from None
    if not value.is_finite():
        raise UserError(f"{where}: value '{text}' is not a finite number.")
    if kind in SHARES or kind in PHASE_SHARES:
        if not 0 <= value <= 1:
            raise UserError(f"{where}: value {text} is not a share in [0, 1]; divide per cent by 100.")
        if _exponent(value) > -2:
            raise UserError(
                f"{where}: value {text} has fewer than two decimals; write every digit that the paper's table prints, "
                "as in 1.000 for a 100 beside 99.5, so that its rounding is known."
            )
    elif kind in COUNTS and (value < 0 or value != value.to_integral_value()):
        raise UserError(f"{where}: value {text} is not a count; expected 0, 1, 2, ...")
    elif kind in LOSSES and value < 0:
        raise UserError(f"{where}: value {text} is not a loss; expected 0 or more.")
    elif kind in CORRELATIONS and not -1 <= value <= 1:
        raise UserError(f"{where}: value {text} is not a correlation in [-1, 1].")
    return value


def _exponent(value: Decimal) -> int:
    return int(value.as_tuple().exponent)
