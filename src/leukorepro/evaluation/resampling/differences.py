"""Differences between rungs and between items, paired over the same groups, with intervals.

- **Between rungs**: an item's value on a rung minus its value on a rung above: on the one just above, and on the
  first. What a rung removes is what the number owed to it.
- **Between items**: an item's value minus that of its table's best printed item on the same rung. Best by the table's
  deciding metric, see `deciding_metric`; a second reading of an item is compared, but is never the best.

Both sides are measured in the same resamples of the groups of all their images
(`leukorepro.evaluation.resampling.shared_groups`), and the interval is that of the difference over the resamples. It is
far narrower than two separate intervals suggest, for a difficult patient is difficult on both sides. In a run of
several seeds it is paired by seed, too: both sides of a seed have their draws from it (`leukorepro.evaluation.seeds`).

A difference that is the same in every resample says nothing of how it varies. If both sides are the same predictions,
score by score, as where a rung changes nothing of what the paper did, it is zero by construction: [0, 0]. Else no
group told them apart, and n groups without such a one leave up to 1 - (alpha/2)**(1/n), about 3.7/n, either way: the
bound of Clopper and Pearson that `leukorepro.evaluation.intervals` uses for a share that is 1 everywhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from leukorepro.config.study.tables import Table
from leukorepro.core.tables.results import DIFFERENCES_TABLE
from leukorepro.evaluation.intervals import (
    LEVEL,
    MAX_UNDEFINED,
    N_RESAMPLES,
    ROUNDING,
    Interval,
    exact_interval,
    percentile_interval,
)
from leukorepro.evaluation.metrics.auroc import Floats
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.evaluation.predictions import Outcome
from leukorepro.evaluation.resampling.shared_groups import Measurable, SharedResamples
from leukorepro.evaluation.resampling.significance import p_values
from leukorepro.evaluation.seeds import over_seeds
from leukorepro.ladder.rungs import LADDER
from leukorepro.metrics.names import named

RUNG, ITEM = "rung", "item"
"""Kinds of differences."""


def deciding_metric(table: Table) -> str:
    """The metric that says which item of a table is best.

    The first that it prints of tested rows; the first of all where it is about the training part alone.
    """
    of_tested = [metric for metric in table.metrics if named(metric).role == "test"]
    return (of_tested or table.metrics)[0]


def compared_metrics(table: Table) -> list[str]:
    """Metrics that have differences: the first that a table prints, its deciding one, the accuracy and the AUROC."""
    return list(dict.fromkeys([table.metrics[0], deciding_metric(table), "accuracy", "auroc"]))


def best_item(values: dict[str, float], metric: str) -> str | None:
    """The item of the best value, the first of equals; None where no item has one.

    Parameters
    ----------
    values : dict of str to float
        The metric of each item; NaN where it is undefined.
    metric : str
        Its name, which says whether less is better.
    """
    sign = -1 if named(metric).spec.kind.less_is_better else 1
    known = {item: sign * value for item, value in values.items() if not np.isnan(value)}
    return max(known, key=known.__getitem__) if known else None


def difference_interval(
    resamples: Floats, n_groups: int, level: float = LEVEL, *, shares: bool = True, times: int = 1
) -> Interval:
    """Interval of a difference of two metrics, or of a sum of such differences.

    Parameters
    ----------
    resamples : array of float, shape (n_resamples,)
        The difference in every resample; NaN where undefined.
    n_groups : int
        Number of groups that the difference rests on.
    level : float
        Nominal coverage, in (0, 1).
    shares : bool
        Whether the metrics are shares, in [0, 1], so that a difference that never varies has bounds.
    times : int
        How many differences are summed.
    """
    bounds = percentile_interval(resamples, n_groups, level)
    defined = resamples[~np.isnan(resamples)]
    if not shares or n_groups < 2 or bounds.n_undefined > MAX_UNDEFINED * len(resamples) or np.ptp(defined) > ROUNDING:
        return bounds
    open_to = times * (1 - float(exact_interval(1, n_groups, level)[0]))
    low, high = max(-times, defined[0] - open_to), min(times, defined[0] + open_to)
    return Interval(low, high, bounds.n_undefined, n_groups - 1)


class Paired(NamedTuple):
    """A difference of two metrics, measured on the same resamples."""

    value: float
    """NaN where one of them is undefined."""
    low: float
    high: float
    """Bounds of its interval, NaN where there is none."""
    n_groups: int
    """Number of groups that were drawn from."""
    freedom: float
    """Degrees of freedom of the t distribution that the bounds were made with; infinite where they were without."""


def paired_difference(resamples: SharedResamples, one: Measurable, other: Measurable) -> Paired:
    """A metric of an outcome less that of another, paired over the groups of both.

    Parameters
    ----------
    resamples : SharedResamples
    one, other : Measurable
        The same metric of two outcomes, as `resamples` found them.
    """
    return paired_contrast(resamples, [one], [other])


def paired_contrast(resamples: SharedResamples, added: Sequence[Measurable], taken: Sequence[Measurable]) -> Paired:
    """The sum of a metric of some outcomes less that of as many others, paired over the groups of all.

    Parameters
    ----------
    resamples : SharedResamples
    added, taken : sequence of Measurable
        The same metric of outcomes, as `resamples` found them; one of each makes a difference, two a difference of
        differences. What is the same predictions by construction stands at the same place in both.
    """
    over = resamples.together(*added, *taken)
    value = sum(one.value for one in added) - sum(one.value for one in taken)
    if all(map(_is_same, added, taken)) and not np.isnan(value):
        return Paired(value, 0.0, 0.0, over.n, np.inf)
    drawn = np.subtract(*(np.sum([resamples.resampled(one, over) for one in side], axis=0) for side in (added, taken)))
    n_groups, most = min(one.n_groups for one in (*added, *taken)), len(added) * float(np.ptp(added[0].limits))
    bounds = difference_interval(drawn, n_groups, shares=added[0].is_share, times=len(added))
    for of_seeds in _by_seed(*([one.values_of_seeds for one in side] for side in (added, taken))):
        bounds = over_seeds(bounds, of_seeds, (-most, most))
    return Paired(value, bounds.low, bounds.high, over.n, bounds.freedom)


def _is_same(one: Measurable, other: Measurable) -> bool:
    return one.part.is_same_as(other.part)


def _by_seed(*sides: Sequence[Sequence[float]]) -> list[Sequence[float]]:
    """A difference of sums for each seed; of two runs with other numbers of seeds, for those of each by themselves."""
    ours, theirs = (np.sum(side, axis=0) for side in sides)
    if len(ours) == len(theirs):
        return [list(ours - theirs)]
    return [list(ours - theirs.mean()), list(ours.mean() - theirs)]


def differences(outcomes: Outcomes, seed: int, n_resamples: int = N_RESAMPLES) -> pd.DataFrame:
    """Every difference of a study.

    Parameters
    ----------
    outcomes : Outcomes
        The predictions, with their split tables.
    seed : int
        Seed of the resamples.
    n_resamples : int
        Number of resamples.

    Returns
    -------
    DataFrame
        A `DIFFERENCES_TABLE`, tables, items and metrics in the study's order.
    """
    study, images = outcomes.resolved.study, outcomes.images()
    parts = []
    for number, table in study.tables.items():
        resamples = SharedResamples(outcomes, images, seed, n_resamples)
        rows = []
        for kind, one, other in [
            *_rung_pairs(outcomes, number, table),
            *_item_pairs(outcomes, resamples, number, table),
        ]:
            names = (study.key, number, kind, one.item, one.protocol, other.item, other.protocol)
            for metric in compared_metrics(table):
                pair = resamples.find(one, metric), resamples.find(other, metric)
                if pair[0] is not None and pair[1] is not None:
                    found = paired_difference(resamples, pair[0], pair[1])
                    rows.append((*names, metric, found.value, found.low, found.high, found.n_groups))
        part = pd.DataFrame(rows, columns=[name for name in DIFFERENCES_TABLE.columns if not name.startswith("p_")])
        parts.append(part.join(p_values(outcomes, part)))
    return pd.concat(parts, ignore_index=True)


def _rung_pairs(outcomes: Outcomes, number: str, table: Table) -> Iterator[tuple[str, Outcome, Outcome]]:
    for item in table.items:
        rungs = outcomes.rungs(number, item.item)
        for place, rung in enumerate(rungs[1:], start=1):
            for other in dict.fromkeys([rungs[place - 1], rungs[0]]):
                yield RUNG, Outcome(number, item.item, rung), Outcome(number, item.item, other)


def _item_pairs(
    outcomes: Outcomes, resamples: SharedResamples, number: str, table: Table
) -> Iterator[tuple[str, Outcome, Outcome]]:
    for rung in LADDER:
        ran = outcomes.on_rung(number, rung)
        printed = [item.item for item in table.items if item.item in ran and item.reading_of is None]
        metric = deciding_metric(table)
        found = {name: resamples.find(ran[name], metric) for name in printed}
        best = best_item({name: what.value for name, what in found.items() if what is not None}, metric)
        if best is not None:
            yield from ((ITEM, outcome, ran[best]) for name, outcome in ran.items() if name != best)
