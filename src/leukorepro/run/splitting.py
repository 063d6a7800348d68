"""The splits of a study, made of a manifest: all of them, or the reason why one is impossible."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from leukorepro.core.errors import UserError
from leukorepro.data.split_needs import ImpossibleSplit
from leukorepro.data.splits import make_splits
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.run.specifications.splits import SplitsSpecification


class Split(NamedTuple):
    """One split of a study on one rung."""

    rung: Rung
    name: str
    table: pd.DataFrame


def splits_of(told: SplitsSpecification, manifest: pd.DataFrame, tied: pd.DataFrame | None = None) -> Iterator[Split]:
    """Every split of a study on every rung.

    Parameters
    ----------
    told : SplitsSpecification
    manifest : DataFrame
        Manifest contract.
    tied : DataFrame, optional
        The same with near-duplicates tied (`leukorepro.data.copies.ties`), for the rungs that split otherwise than the
        paper; what the paper did stays its own.

    Raises
    ------
    ImpossibleSplit
        If the images do not allow one, or leave fewer training rows than one of its classifiers needs; the message
        begins with its rung and name.
    UserError
        If they allow none.
    """
    for rung, protocol in told.protocols.items():
        images = manifest if tied is None or LADDER[rung].unit is None else tied
        for name, scheme in told.schemes.items():
            try:
                label_set = told.label_sets.get(name)
                table = make_splits(
                    images, scheme, protocol, told.seed, told.external_split, label_set, seeds=told.seeds
                )
                _check_rows(table, told.rows_needed.get(name, {}))
            except ImpossibleSplit as error:
                raise ImpossibleSplit(f"splits.{name}: {error.reason}", where=f"{rung}, ") from None
            except UserError as error:
                raise UserError(f"{rung}, splits.{name}: {error}") from None
            yield Split(rung, name, table)


def _check_rows(table: pd.DataFrame, needed: dict[str, int]) -> None:
    """Raise ImpossibleSplit if a training part has fewer rows than a classifier needs."""
    smallest = int((table["role"] == "train").groupby([table["repeat"], table["fold"]]).sum().min())
    for classifier, rows in needed.items():
        if rows > smallest:
            raise ImpossibleSplit(
                f"classifiers.{classifier} needs {rows:,} training rows, but a training part has {smallest:,}; add "
                "images, or change the classifier"
            )
