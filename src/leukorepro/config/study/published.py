"""The numbers that a paper prints, as transcribed in ``config/published``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pandas as pd

from leukorepro.core.errors import UserError, did_you_mean, some
from leukorepro.core.tables.data import PUBLISHED_TABLE
from leukorepro.metrics.headings import metric_of
from leukorepro.metrics.kinds import Kind
from leukorepro.metrics.names import PRINTED, parse

MOST_DECIMALS = 12
"""Of a value; shares are computed with whole numbers of units of the last one."""
MOST = 10**12
"""Greatest value."""
MOST_TOLD = 8
"""Sorts of faults of a table that are told at once."""
METRIC = "unknown metric"
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
        If the file is missing, or naming all rows with an unknown metric, a value that is no number or lies outside
        what its metric allows, an empty table or item, or a second value for one table, item and metric.
    """
    frame = PUBLISHED_TABLE.read_by_hand(path)
    values, faults = [], _Faults()
    for row in frame.index:
        table, item, metric, text, *_ = map(str, frame.loc[row])
        try:
            if not table or not item:
                raise _Fault("unnamed", "no table or item; name both as the paper prints them.")
            values.append(_number(text, _kind(metric)))
        except _Fault as fault:
            faults.add(fault, row, (table, item, metric))
    names = ["table", "item", "metric"]
    for row in frame.index[frame.duplicated(names)]:
        told = "given twice; keep one, and say in its note where the paper contradicts itself."
        faults.add(_Fault("twice", told), row, frame.loc[row, names])
    if faults.first:
        raise UserError(f"{path}: {faults}")
    frame = frame.reset_index(drop=True)
    frame["value"] = [float(value) for value in values]
    frame.insert(4, "half_unit", [float(Decimal((0, (5,), _exponent(value) - 1))) for value in values])
    if "confirmed" in frame:
        frame["confirmed"] = frame["confirmed"].str.strip().str.casefold() == "yes"
    return frame


class _Fault(Exception):
    """What is wrong with a row, in a sentence; rows with the same sort of fault are told together."""

    def __init__(self, sort: str, told: str) -> None:
        super().__init__(told)
        self.sort = sort


class _Faults:
    """All that is wrong with a table: the first row of each sort in a sentence, and which others are like it."""

    def __init__(self) -> None:
        self.first: dict[str, str] = {}
        self._others: dict[str, list[str]] = {}

    def add(self, fault: _Fault, row: int, names: Iterable[str]) -> None:
        """Note the fault of a row, whose names help to find it."""
        if fault.sort in self.first:
            self._others.setdefault(fault.sort, []).append(f"{row}")
        else:
            self.first[fault.sort] = f"row {row} ({', '.join(map(str, names))}): {fault}"

    def __str__(self) -> str:
        told = []
        for sort, sentence in self.first.items():
            others = self._others.get(sort, [])
            told.append(sentence + (f" The same in row{'s' * (len(others) > 1)} {some(others)}." if others else ""))
        if len(told) > MOST_TOLD:
            told[MOST_TOLD:] = [f"Further sorts of faults: {len(told) - MOST_TOLD:,}."]
        known = [f"Known metrics: {', '.join(PRINTED)}."] if any(sort.startswith(METRIC) for sort in self.first) else []
        return " ".join([told[0], *(f"{part[0].upper()}{part[1:]}" for part in told[1:]), *known])


def _kind(metric: str) -> Kind:
    """What sort of number a metric is."""
    name = parse(metric)
    if name is None or not name.spec.is_printed:
        heading = metric_of(metric)
        meant = f" Did you mean '{heading}'?" if heading else did_you_mean(metric, PRINTED)
        raise _Fault(f"{METRIC} {metric}", f"{METRIC}.{meant}")
    return name.spec.kind


def _number(text: str, kind: Kind) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        raise _Fault("no number", f"value '{text}' is not a number; {_mended(text, kind)}.") from None
    if not value.is_finite():
        raise _Fault("infinite", f"value '{text}' is not a finite number.")
    if -_exponent(value) > MOST_DECIMALS or abs(value) > MOST:
        raise _Fault(
            "digits",
            f"value {text} has more digits than any paper prints; write those of its table, {MOST_DECIMALS} decimals "
            f"and {MOST:,} at most.",
        )
    if not kind.holds(float(value)):
        raise _Fault(f"not {kind.expected}", f"value {text} is not {kind.expected}.")
    if kind.is_share and _exponent(value) > -2:
        raise _Fault(
            "decimals",
            f"value {text} has fewer than two decimals; write every digit that the paper's table prints, as in 1.000 "
            "for a 100 beside 99.5, so that its rounding is known.",
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
