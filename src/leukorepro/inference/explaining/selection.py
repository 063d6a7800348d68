"""Which images are explained on two rungs: those that both test, from few folds, with the classes in turn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MEASURED = 40
"""Images that are explained at most."""
MOST_FOLDS = 3
"""Folds of a rung whose systems are fitted again, each once."""


def shared_tests(splits: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Original images that each of two split tables tests, with the folds that do.

    Parameters
    ----------
    splits : sequence of DataFrame
        Two split tables; of several repeats the first counts.

    Returns
    -------
    DataFrame
        Columns image_id, fold_0 and fold_1, in the order of the first table; of at most `MOST_FOLDS` folds of each,
        those that have most images in common.
    """
    first, second = (
        rows.loc[
            (rows["repeat"] == 0) & (rows["role"] == "test") & (rows["view"] == "identity"), ["image_id", "fold"]
        ].drop_duplicates("image_id")
        for rows in splits
    )
    both = first.merge(second, on="image_id", suffixes=("_0", "_1"))
    if both.empty:
        return both
    chosen = _folds_with_most(both)
    return both[both["fold_0"].isin(chosen[0]) & both["fold_1"].isin(chosen[1])].reset_index(drop=True)


def _folds_with_most(both: pd.DataFrame) -> tuple[list[Any], list[Any]]:
    """Few folds of each table with most images in common; the first such ones."""
    counts = pd.crosstab(both["fold_0"], both["fold_1"])
    held = counts.to_numpy()
    groups = [list(combinations(range(n), min(MOST_FOLDS, n))) for n in held.shape]
    columns = np.stack([held[:, list(group)].sum(1) for group in groups[1]], axis=1)
    totals = np.stack([columns[list(group)].sum(0) for group in groups[0]])
    best_first, best_second = np.unravel_index(int(totals.argmax()), totals.shape)
    return counts.index[list(groups[0][best_first])].tolist(), counts.columns[list(groups[1][best_second])].tolist()


def classes_in_turn(labels: NDArray[np.object_], most: int, seed: int) -> NDArray[np.intp]:
    """Positions of some rows: of each class a random one, then of each another, and so on.

    Parameters
    ----------
    labels : ndarray of str, shape (n,)
        Class of each row.
    most : int
        How many, at most.
    seed : int
        Of the draws.
    """
    random = np.random.default_rng(seed)
    order = [random.permutation(np.flatnonzero(labels == name)) for name in sorted(set(labels))]
    turns = [rows[place] for place in range(max(map(len, order), default=0)) for rows in order if place < len(rows)]
    return np.array(turns[:most], dtype=np.intp)
