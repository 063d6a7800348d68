"""How much of explanations lies beside the cells, on each rung and between them, with intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from leukorepro.core.tables.results import BACKGROUND_TABLE
from leukorepro.data.groups import groups
from leukorepro.evaluation.intervals import N_RESAMPLES, percentile_interval, resample_weights, share_interval
from leukorepro.ladder.rungs import Rung


def background_table(shares: pd.DataFrame, rungs: Sequence[Rung], seed: int) -> pd.DataFrame:
    """Mean shares of the same images on two rungs, and the difference of the second rung from the first.

    Whole groups of images, which share a subject or a photograph, are drawn with replacement, the same for both rungs,
    as `leukorepro.evaluation.intervals` says.

    Parameters
    ----------
    shares : DataFrame
        A `SHARES_TABLE` of the same images, in the same order, on each rung; images whose map is 0 on one of them are
        left out.
    rungs : sequence of str
        Two.
    seed : int
        Of the resamples.
    """
    of_rung = [shares[shares["protocol"] == rung].reset_index(drop=True) for rung in rungs]
    known = np.logical_and.reduce([rows["background"].notna().to_numpy() for rows in of_rung])
    of_rung = [rows[known] for rows in of_rung]
    if not known.any():
        return BACKGROUND_TABLE.frame()
    return BACKGROUND_TABLE.frame(_rows(of_rung, rungs, seed))


def _rows(of_rung: Sequence[pd.DataFrame], rungs: Sequence[Rung], seed: int) -> Iterator[tuple[object, ...]]:
    first = of_rung[0]
    group = groups(first["subject_id"], first["source_id"])
    n_groups = int(group.max()) + 1
    weights = resample_weights(n_groups, N_RESAMPLES, seed)
    counts = np.bincount(group) @ weights
    names = tuple(first.iloc[0][["study", "table", "item"]])
    area, about = float(first["area"].mean()), (len(first), n_groups)
    resampled = []
    for rows, rung in zip(of_rung, rungs, strict=True):
        values = rows["background"].to_numpy()
        resampled.append(np.bincount(group, values) @ weights / counts)
        found = share_interval(float(values.mean()), resampled[-1], n_groups)
        yield (*names, rung, "", float(values.mean()), found.low, found.high, area, *about)
    apart = of_rung[1]["background"].mean() - of_rung[0]["background"].mean()
    found = percentile_interval(resampled[1] - resampled[0], n_groups)
    yield (*names, rungs[1], rungs[0], float(apart), found.low, found.high, np.nan, *about)
