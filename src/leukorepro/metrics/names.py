"""Names of metrics in configuration and tables: the metric, perhaps with a part of the rows or a class in front."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

from leukorepro.metrics.registry import METRICS, Metric, Source

PARTS = {"test": "test", "train": "train", "val": "validation"}
"""What stands in front of a metric that is measured of rows of one role, and that role."""

_PART_WORDS = {"train": "training", "val": "validation"}


class Name(NamedTuple):
    """What a name says: ``train_loss``, ``healthy_precision``."""

    part: str
    """One of `PARTS`, empty where the name has none."""
    of_class: str
    """Class, as the name calls it; empty where it has none."""
    metric: str
    """Key in `METRICS`."""

    @property
    def role(self) -> str:
        """Role of the rows that it is measured of."""
        return PARTS[self.part or "test"]

    @property
    def spec(self) -> Metric:
        """The metric's entry."""
        return METRICS[self.metric]

    @property
    def words(self) -> str:
        """In the middle of a sentence: ``training F1``, ``healthy precision``."""
        front = (_PART_WORDS.get(self.part, self.part), self.of_class.replace("_", " "))
        return " ".join([*filter(None, front), self.spec.words])

    @property
    def others(self) -> str:
        """Of a count of rows: the name of that of all other rows of the same classes; empty elsewhere."""
        front = [part for part in (self.part, self.of_class) if part]
        return "_".join([*front, self.spec.others]) if self.spec.others else ""

    @property
    def meaning(self) -> object:
        """Equal for names that say the same of the same rows, such as sensitivity and recall."""
        return self.role, self.of_class, self.spec.source, self.spec.formula or self.metric


@cache
def parse(name: str) -> Name | None:
    """What a name says; None where it says nothing."""
    for key in sorted(METRICS, key=len, reverse=True):  # of `balanced_accuracy` and `accuracy` the longer one
        front = name.removesuffix(key)
        if front == name or not re.fullmatch("(.+_)?", front):
            continue
        first, _, rest = front.partition("_")
        part, of_class = (first, rest.removesuffix("_")) if first in PARTS else ("", front.removesuffix("_"))
        metric = METRICS[key]
        if (
            (metric.of_a_part or not part)
            and (metric.takes_class or not of_class)
            and (part or metric.source is not Source.LOSSES)
        ):
            return Name(part, of_class, key)
    return None


def named(name: str) -> Name:
    """What a name says that is known to be one.

    Raises
    ------
    KeyError
        If it says nothing.
    """
    found = parse(name)
    if found is None:
        raise KeyError(name)
    return found


def spelled(key: str) -> list[str]:
    """Names of a metric: itself, or where it is of a part only, one for each part."""
    return [f"{part}_{key}" for part in PARTS] if METRICS[key].source is Source.LOSSES else [key]


def _either(names: Sequence[str]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"


_FREE = [key for key, metric in METRICS.items() if metric.takes_class]
_WHOLE = [key for key, metric in METRICS.items() if metric.of_predictions and not metric.takes_class]
_FIXED = [name for key, metric in METRICS.items() if metric.is_mean and not metric.takes_class for name in spelled(key)]

PATTERN = rf"^((.+_)?({'|'.join(_FREE)})|(({'|'.join(PARTS)})_)?({'|'.join(_WHOLE)})|{'|'.join(_FIXED)})$"
"""Of names that a study may have measured."""
_FRONTS = _either([f"{part}_" for part in PARTS])
PATTERN_WORDS = (
    f"{_either(_FREE)}, perhaps with a class or with {_FRONTS} in front, "
    f"{_either(_WHOLE)}, perhaps with {_FRONTS} in front, {_either(_FIXED)}"
)
PRINTED = [name for key, metric in METRICS.items() if metric.is_printed for name in spelled(key)]
"""Names of metrics that papers print, without the classes and parts that may stand in front."""
