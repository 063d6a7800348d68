"""The numbers that a paper prints, as transcribed in ``config/published``."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path

import pandas as pd

from leukorepro.core.errors import UserError, did_you_mean
from leukorepro.core.tables.data import PUBLISHED_TABLE
from leukorepro.metrics.kinds import Kind
from leukorepro.metrics.names import PRINTED, parse


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


def _kind(metric: str, where: str) -> Kind:
    """What sort of number a metric is."""
    name = parse(metric)
    if name is None or not name.spec.is_printed:
        raise UserError(f"{where}: unknown metric. Known: {', '.join(PRINTED)}.{did_you_mean(metric, PRINTED)}")
    return name.spec.kind


def _number(text: str, kind: Kind, where: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise UserError(f"{where}: value '{text}' is not a number.") from None
    if not value.is_finite():
        raise UserError(f"{where}: value '{text}' is not a finite number.")
    if not kind.holds(float(value)):
        raise UserError(f"{where}: value {text} is not {kind.expected}.")
    if kind.is_share and _exponent(value) > -2:
        raise UserError(
            f"{where}: value {text} has fewer than two decimals; write every digit that the paper's table prints, "
            "as in 1.000 for a 100 beside 99.5, so that its rounding is known."
        )
    return value


def _exponent(value: Decimal) -> int:
    return int(value.as_tuple().exponent)
