"""How long an epoch of a network takes: the seconds that a paper prints, and ours on our machine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.core.words import Budget
from leukorepro.report.numbers import wording
from leukorepro.run.plan import NetworkFit
from leukorepro.run.resolved import ResolvedStudy

HALF_SECOND = 0.5
"""What printed seconds may be rounded by."""


@dataclass(frozen=True)
class Duration:
    """How long an epoch of a network takes, here and by the paper."""

    network: str
    printed: str
    printed_ratio: str
    """To the quickest network."""
    seconds: str
    """The median on the published rung."""
    ratio: str
    ratio_span: str
    """Its range; empty for the quickest network."""
    machine: str
    alike: str
    """Whether the two ratios agree."""


def durations(
    study: ResolvedStudy, budget: Budget, verdicts: pd.DataFrame, networks: Mapping[NetworkFit, pd.DataFrame]
) -> list[Duration]:
    """Seconds per epoch that a paper prints, ours beside them, and both over those of its quickest network.

    Seconds are those of a machine, and only their ratios say something of the networks. Ours is between the tenth and
    the ninetieth percentile of both networks' epochs, and agrees with the printed one if rounded seconds allow a ratio
    in that range. In a demonstration, whose networks and images are smaller, it is told and not judged.

    Parameters
    ----------
    study : ResolvedStudy
    budget : {'demo', 'published'}
        Of the run.
    verdicts : DataFrame
        A `VERDICTS_TABLE`, for the printed numbers.
    networks : mapping from fit to DataFrame
        Column `protocol` and those of an `EPOCHS_TABLE`.
    """
    printed = verdicts[verdicts["metric"] == "epoch_seconds"].set_index("item")["published"].astype(float)
    found: dict[str, pd.DataFrame] = {}
    for name in printed.index:
        places = [(t, i) for t in study.study.tables.values() for i in t.items if i.item == name]
        for table, item in places:
            fit = NetworkFit(table.split_of(item), item.features, item.reducer, item.classifier)
            if fit in networks:
                epochs = networks[fit]
                found.setdefault(name, epochs[epochs["protocol"] == epochs["protocol"].iloc[0]])
    if not found:
        return []
    quickest = min(found, key=lambda name: float(printed[name]))
    base = _tenth_middle_ninetieth(found[quickest])
    return [_duration(name, epochs, base, printed, quickest, budget) for name, epochs in found.items()]


def _duration(
    name: str, epochs: pd.DataFrame, base: NDArray[np.float64], printed: pd.Series, quickest: str, budget: Budget
) -> Duration:
    own = _tenth_middle_ninetieth(epochs)
    low, middle, high = own[0] / base[2], own[1] / base[1], own[2] / base[0]
    least, most = ((printed[name] + d) / (printed[quickest] - d) for d in (-HALF_SECOND, HALF_SECOND))
    agree = "not judged in a demonstration" if budget == "demo" else "yes" if low <= most and least <= high else "no"
    itself = name == quickest
    return Duration(
        name,
        f"{printed[name]:g}",
        "1" if itself else f"{printed[name] / printed[quickest]:.1f}",
        f"{own[1]:#.3g}".rstrip("."),
        "1" if itself else f"{middle:.1f}",
        "" if itself else f"{low:.1f}\N{EN DASH}{high:.1f}",
        wording.listed(list(dict.fromkeys(epochs["machine"]))),
        "" if itself else agree,
    )


def _tenth_middle_ninetieth(epochs: pd.DataFrame) -> NDArray[np.float64]:
    return np.asarray(epochs["seconds"].quantile([0.1, 0.5, 0.9]), dtype=np.float64)
