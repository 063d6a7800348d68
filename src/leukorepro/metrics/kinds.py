"""Kinds of numbers that metrics are: their range, their interval, and how they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Kind:
    """What sort of number a metric is.

    Attributes
    ----------
    low, high : float
        Its range.
    expected : str
        What it must be, for a message: "is not ...".
    decimals : int
        Of a value as it is shown.
    per_cent : bool
        Whether papers print it in per cent, and so do we.
    whole : bool
        Whether it is a whole number.
    is_share : bool
        Whether it is a share of something counted, so that its interval is made on the logit scale, and by exact bounds
        where it is 0 or 1; other numbers have a percentile interval.
    less_is_better : bool
        Whether the best item is that of the smallest value.
    """

    low: float
    high: float
    expected: str
    decimals: int
    per_cent: bool = False
    whole: bool = False
    is_share: bool = False
    less_is_better: bool = False

    def holds(self, value: float) -> bool:
        """Whether a value may be one of these."""
        return self.low <= value <= self.high and not (self.whole and value % 1)


SHARE = Kind(0, 1, "a share in [0, 1]; divide per cent by 100", decimals=1, per_cent=True, is_share=True)
AREA = Kind(0, 1, "a share in [0, 1]; divide per cent by 100", decimals=3, is_share=True)
CORRELATION = Kind(-1, 1, "a correlation in [-1, 1]", decimals=3)
AGREEMENT = Kind(-1, 1, "an agreement in [-1, 1]", decimals=3)
LOSS = Kind(0, inf, "a loss; expected 0 or more", decimals=4, less_is_better=True)
ERROR = Kind(0, inf, "an error; expected 0 or more", decimals=3, less_is_better=True)
BIAS = Kind(-1, 1, "a difference of shares in [-1, 1]", decimals=3)
SECONDS = Kind(0, inf, "a number of seconds; expected 0 or more", decimals=1, less_is_better=True)
COUNT = Kind(0, inf, "a count; expected 0, 1, 2, ...", decimals=0, whole=True)
