"""What the best item of a table owes to its being picked: the winner's optimism.

The best of many items is the best in part because its test cells happened to suit it. The value that it was picked by
is therefore too high, by the more the more items there are, the fewer groups and the closer the items. The expected
excess is found by picking again (Tsamardinos, Greasidou and Borboudakis, Bootstrapping the out-of-sample predictions
for efficient and accurate cross-validation, Machine Learning 107, 2018; for the bias itself Tibshirani and Tibshirani,
Annals of Applied Statistics 3, 2009): in each resample of the groups the best item is picked on the groups that were
drawn, and measured on those that were not, which had no say. Nothing is fitted again.

- The **optimism** is the mean over the resamples of the original winner's value on the groups not drawn less that of
  the resample's winner there. The first has, over the resamples, the value of the table of metrics; taking both on the
  same groups removes most of the noise of the resampling, and makes the optimism of one item, or of one that always
  wins, exactly zero. It is not: the winner's value in a resample less its value in the whole sample, which counts noise
  that all items were given twice and, with items that are equally good, finds 0.7 of the excess.
- The **corrected** value is the value less the optimism; its interval is the winner's own over resampled groups, moved
  by as much. It says how good a method is that tries all these items and keeps the best, on the groups of new patients.

In a run of several seeds the interval is over groups and seeds. The optimism is that of picking by these groups alone:
what picking by these seeds adds could be told from seeds that had no say, and of few hardly any are left.

Only items that the paper prints take part, and they all do: the second reading of one is no further try of its authors.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from leukorepro.core.tables.results import WINNERS_TABLE
from leukorepro.evaluation.intervals import MAX_UNDEFINED, N_RESAMPLES, percentile_interval, share_interval
from leukorepro.evaluation.metrics.auroc import Floats
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.evaluation.resampling.differences import best_item, deciding_metric
from leukorepro.evaluation.resampling.shared_groups import Measurable, SharedResamples
from leukorepro.evaluation.seeds import over_seeds
from leukorepro.ladder.rungs import LADDER
from leukorepro.metrics.names import named


def winners(outcomes: Outcomes, seed: int, n_resamples: int = N_RESAMPLES) -> pd.DataFrame:
    """The best item of every table with several, on every rung.

    Parameters
    ----------
    outcomes : Outcomes
        The predictions.
    seed : int
        Seed of the resamples.
    n_resamples : int
        Number of resamples.

    Returns
    -------
    DataFrame
        A `WINNERS_TABLE`; `value` is that of the table of metrics, and `corrected` is it less `optimism`, which
        is negative where less is better.
    """
    study, images = outcomes.resolved.study, outcomes.images()
    lines = []
    for number, table in study.tables.items():
        metric = deciding_metric(table)
        resamples = SharedResamples(outcomes, images, seed, n_resamples)
        for rung in LADDER:
            ran = outcomes.on_rung(number, rung)
            printed = [item.item for item in table.items if item.item in ran and item.reading_of is None]
            found = {name: what for name in printed if (what := resamples.find(ran[name], metric)) is not None}
            winner = best_item({name: what.value for name, what in found.items()}, metric)
            if len(found) > 1 and winner is not None:
                names = (study.key, number, rung, metric, winner, len(found))
                lines.append((*names, *_corrected(resamples, found, winner, metric)))
    return WINNERS_TABLE.frame(lines)


def winner_optimism(inside: Floats, outside: Floats, winner: int) -> float:
    """Expected excess of the value that the best of several items was picked by.

    Parameters
    ----------
    inside : array of float, shape (n_items, n_resamples)
        Every item's value on the groups that a resample has drawn, higher for better; NaN where undefined.
    outside : array of float, shape (n_items, n_resamples)
        The same on the groups that it has not drawn.
    winner : int
        The item that is best in the original sample.

    Returns
    -------
    float
        0 or more, apart from noise; NaN if more than a tenth of the resamples leave it undefined.
    """
    picked = np.full(inside.shape[1], -1)
    known = ~np.isnan(inside).all(axis=0)
    picked[known] = np.nanargmax(inside[:, known], axis=0)
    excess = np.where(known, outside[winner] - outside[picked, np.arange(len(picked))], np.nan)
    defined = excess[~np.isnan(excess)]
    if len(excess) - len(defined) > MAX_UNDEFINED * len(excess):
        return np.nan
    return float(defined.mean())


def _corrected(
    resamples: SharedResamples, found: Mapping[str, Measurable], winner: str, metric: str
) -> tuple[float, float, float, float, float]:
    """Value of the winner, its optimism, its corrected value, and bounds of the interval of that."""
    sign = -1 if named(metric).spec.kind.less_is_better else 1
    over = resamples.together(*found.values())
    inside, outside = (
        np.stack([sign * resamples.resampled(what, over, out_of_bag=side) for what in found.values()])
        for side in (False, True)
    )
    optimism = sign * winner_optimism(inside, outside, list(found).index(winner))
    won = found[winner]
    drawn = resamples.resampled(won, over)
    if won.is_share:
        bounds = share_interval(won.value, drawn, won.n_groups, n_smaller=won.n_smaller)
    else:
        bounds = percentile_interval(drawn, won.n_groups)
    bounds = over_seeds(bounds, won.values_of_seeds, won.limits)
    moved = np.array([bounds.low, bounds.high]) - optimism
    low, high = np.clip(moved, 0, 1) if won.is_share else moved
    return won.value, optimism, won.value - optimism, float(low), float(high)
