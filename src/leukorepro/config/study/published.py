"""The numbers that a paper prints, as transcribed in ``config/published``."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pandas as pd

from leukorepro.core.errors import UserError, did_you_mean
from leukorepro.core.tables.data import PUBLISHED_TABLE
from leukorepro.metrics.headings import metric_of
from leukorepro.metrics.kinds import Kind
from leukorepro.metrics.names import PRINTED, parse

MOST_DECIMALS = 12
"""Of a value; shares are computed with whole numbers of units of the last one."""
MOST = 10**12
"""Greatest value."""
_DIGITS = re.compile(r"-?\d+(?:[.,]\d+)?(?![\d.,/])")
"""A number at the beginning of a cell, whose decimals may stand behind a comma."""


def read_published(path: Path) -> pd.DataFrame:
    """Read and check the numbers that a paper prints.

    Returns
    -------
    DataFrame
        Columns ``table, item, metric, value, half_unit, note``. `value` is a float; shares, not per cent. `half_unit`
        is half a unit of the value's last digit as transcribed, 0.0005 for ``0.997`` or ``1.000``: how far the
        unrounded number may lie from it. Of a file that was read by machine also `confirmed`: whether a person has
        compared the number with the paper.

    Raises
    ------
    UserError
        If the file is missing, or naming the row with an unknown metric, a value that is no number or lies outside
        what its metric allows, an empty table or item, or a second value for one table, item and metric.
    """
    frame = PUBLISHED_TABLE.read_by_hand(path)
    values = []
    for row in frame.index:
        table, item, metric, text, *_ = map(str, frame.loc[row])
        where = f"{path}: row {row} ({table}, {item}, {metric})"
        if not table or not item:
            raise UserError(f"{where}: no table or item; name both as the paper prints them.")
        values.append(_number(text, _kind(metric, where), where))
    twice = frame[frame.duplicated(["table", "item", "metric"])]
    if len(twice):
        table, item, metric, *_ = map(str, twice.iloc[0])
        raise UserError(
            f"{path}: row {twice.index[0]} ({table}, {item}, {metric}): given twice; keep one, and say in its "
            "note where the paper contradicts itself."
        )
    frame = frame.reset_index(drop=True)
    frame["value"] = [float(value) for value in values]
    frame.insert(4, "half_unit", [float(Decimal((0, (5,), _exponent(value) - 1))) for value in values])
    if "confirmed" in frame:
        frame["confirmed"] = frame["confirmed"].str.strip().str.casefold() == "yes"
    return frame


def _kind(metric: str, where: str) -> Kind:
    """What sort of number a metric is."""
    name = parse(metric)
    if name is None or not name.spec.is_printed:
        heading = metric_of(metric)
        meant = f" Did you mean '{heading}'?" if heading else did_you_mean(metric, PRINTED)
        raise UserError(f"{where}: unknown metric. Known: {', '.join(PRINTED)}.{meant}")
    return name.spec.kind


def _number(text: str, kind: Kind, where: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise UserError(f"{where}: value '{text}' is not a number; {_mended(text, kind)}.") from None
    if not value.is_finite():
        raise UserError(f"{where}: value '{text}' is not a finite number.")
    if -_exponent(value) > MOST_DECIMALS or abs(value) > MOST:
        raise UserError(
            f"{where}: value {text} has more digits than any paper prints; write those of its table, {MOST_DECIMALS} "
            f"decimals and {MOST:,} at most."
        )
    if not kind.holds(float(value)):
        raise UserError(f"{where}: value {text} is not {kind.expected}.")
    if kind.is_share and _exponent(value) > -2:
        raise UserError(
            f"{where}: value {text} has fewer than two decimals; write every digit that the paper's table prints, "
            "as in 1.000 for a 100 beside 99.5, so that its rounding is known."
        )
    return value


def _mended(text: str, kind: Kind) -> str:
    """What to write instead of a value that is no number, as far as its digits tell."""
    found = _DIGITS.match(text.strip().replace("\N{MINUS SIGN}", "-"))
    if found is None:
        return "write the number that the paper prints, or leave the row out where it prints none"
    number = Decimal(found[0].replace(",", "." if kind.is_share else ""))
    if kind.is_share and number > 1:
        number = number.scaleb(-2)
    return f"write the number alone, with a point and no unit, such as {number:f}"


def _exponent(value: Decimal) -> int:
    return int(value.as_tuple().exponent)
