"""The folds of a split table, and what a fitted step may see in them under a protocol.

Where an unsupervised step may look follows the protocol alone: with the scope `all` it is fitted once, on every row of
the table; with the scope `train` it is fitted anew in each fold, on the training rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.config.study.schemes import Protocol
from leukorepro.features.fusion import Features

Positions = NDArray[np.int64]

ROLES = ("test", "validation", "train")
"""Roles of the rows that a fold uses."""

WHOLE = "all"
"""Name of the fit that saw every row."""


@dataclass(frozen=True)
class Fold:
    """Rows of one fold, as positions in the feature matrix.

    Attributes
    ----------
    repeat, fold : int
    roles : mapping of str to ndarray of int
        Rows of each of `ROLES`; what is in none of them, or excluded, takes no part.
    seed : int or None
        Of a run that draws several times, which of its seeds, counted from 0.
    """

    repeat: int
    fold: int
    roles: Mapping[str, Positions]
    seed: int | None = None

    @property
    def train(self) -> Positions:
        """Rows that fitted steps see."""
        return self.roles["train"]

    @property
    def name(self) -> str:
        """Name of a fit on the training rows of this fold."""
        return f"r{self.repeat}f{self.fold}"

    def fit_name(self, protocol: Protocol) -> str:
        """Name of the fit that this fold uses."""
        if protocol.scope == "train":
            return self.name
        return f"s{self.seed}{WHOLE}" if self.seed else WHOLE

    def drawn_from(self, first: int) -> int:
        """Seed of whatever is drawn for this fold, of a run whose first seed is given."""
        return first + (self.seed or 0)

    def among(self, rows: Positions) -> Fold:
        """This fold as positions among some rows, in ascending order, that hold all of its own."""
        return replace(self, roles={role: np.searchsorted(rows, here) for role, here in self.roles.items()})


def folds(splits: pd.DataFrame, features: Features) -> Iterator[Fold]:
    """The folds of a split table, in order.

    Parameters
    ----------
    splits : DataFrame
        Split table; rows that are excluded take no part.
    features : Features
        What the folds' positions are of.

    Yields
    ------
    Fold
        By repeat, then by fold.
    """
    splits = splits[splits["role"] != "excluded"]
    positions = features.row_numbers(splits)
    roles = splits["role"].to_numpy()
    repeats, numbers = splits["repeat"].to_numpy(), splits["fold"].to_numpy()
    seeds = splits["seed"].to_numpy() if "seed" in splits else None
    for repeat, fold in sorted(set(zip(repeats.tolist(), numbers.tolist(), strict=True))):
        here = (repeats == repeat) & (numbers == fold)
        seed = None if seeds is None else int(seeds[here][0])
        yield Fold(repeat, fold, {role: positions[here & (roles == role)] for role in ROLES}, seed)


def fits(splits: pd.DataFrame, features: Features, protocol: Protocol) -> dict[str, Positions]:
    """Rows that each fit of an unsupervised step sees, by the fit's name.

    Parameters
    ----------
    splits : DataFrame
        Split table.
    features : Features
        What the positions are of.
    protocol : Protocol
        With the scope `all` every fit sees the rows of all parts.
    """
    if protocol.scope == "all":
        first = splits[(splits["repeat"] == 0) & (splits["fold"] == 0)]
        return dict.fromkeys(seeds_of_fits(splits, features, protocol), features.row_numbers(first))
    return {fold.fit_name(protocol): fold.train for fold in folds(splits, features)}


def seeds_of_fits(splits: pd.DataFrame, features: Features, protocol: Protocol, first: int = 0) -> dict[str, int]:
    """Seed of each fit of an unsupervised step, by the fit's name.

    Parameters
    ----------
    splits : DataFrame
        Split table.
    features : Features
        With the rows of the table.
    protocol : Protocol
        Its scope says how many fits there are.
    first : int
        The run's first seed.
    """
    return {fold.fit_name(protocol): fold.drawn_from(first) for fold in folds(splits, features)}


def fit_in_words(name: str) -> str:
    """A fit's name as a person counts: ``fold 2``, ``repeat 3, fold 1``, ``all rows``, ``seed 2, all rows``."""
    numbers = re.fullmatch(r"r(\d+)f(\d+)", name)
    if numbers is None:
        seed = re.match(r"s(\d+)", name)
        return "all rows" if seed is None else f"seed {int(seed[1]) + 1}, all rows"
    repeat, fold = int(numbers[1]) + 1, int(numbers[2]) + 1
    return f"repeat {repeat}, fold {fold}" if repeat > 1 else f"fold {fold}"
