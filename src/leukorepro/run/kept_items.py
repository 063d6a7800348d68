"""A study with some of its items only: what nothing uses any more is not made."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

from leukorepro.config.study.study import Study
from leukorepro.config.study.systems import TrainedFeaturesSpec
from leukorepro.core.errors import UserError, look_up
from leukorepro.core.validation import parse

T = TypeVar("T")

NOT_IN_THIS_RUN = "not in this run"
"""Why an item is left out that a run does not keep."""


def with_items(study: Study, wanted: list[str], where: str) -> tuple[Study, dict[str, str]]:
    """The study with the items that a run keeps, and why the others are left out.

    Figures that lose an item go, and so do feature sets, extractors, descriptors, reducers, classifiers and splits that
    no item uses any more.

    Parameters
    ----------
    study : Study
    wanted : list of str
        `table/item`, or a table's key for all its items.
    where : str
        File and key that messages begin with.

    Returns
    -------
    study : Study
    left_out : dict of str to str
        By `table/item`.

    Raises
    ------
    UserError
        If there is no such table or item, or the headline is left out, or what an item that is kept needs: the printed
        item that it is a second reading of, the network whose features it takes.
    """
    of_tables = {number: [f"{number}/{item.item}" for item in table.items] for number, table in study.tables.items()}
    names = [name for table in of_tables.values() for name in table]
    known = of_tables | {name: [name] for name in names}
    kept = {name for asked in wanted for name in look_up(known, asked, "table or item", where)}
    if study.headline not in kept:
        raise UserError(f"{where}: the headline of study '{study.key}', '{study.headline}', is not among them; add it.")
    checked = parse(Study, only_items(study, kept).model_dump(), Path(where))
    return checked, {name: NOT_IN_THIS_RUN for name in names if name not in kept}


def only_items(study: Study, kept: Collection[str]) -> Study:
    """The study with some of its items, and the parts that they use.

    Tables that lose all their items go, and figures that lose one. Claims go too; `leukorepro.run.claimed_items` brings
    back those that can be judged.

    Parameters
    ----------
    study : Study
        As configured.
    kept : collection of str
        Items that stay, each as `table/item`.
    """
    tables = {
        number: table.model_copy(update={"items": left})
        for number, table in study.tables.items()
        if (left := [item for item in table.items if f"{number}/{item.item}" in kept])
    }
    figures = {
        name: figure
        for name, figure in study.figures.items()
        if all(f"{figure.table}/{item}" in kept for item in figure.items)
    }
    # What a paper leaves open and claims is about parts that may be gone; a resolved study has what is left of it.
    smaller = {"tables": tables, "figures": figures, "claims": {}, "unstated": []}
    return without_unused(study.model_copy(update=smaller))


def without_unused(study: Study) -> Study:
    """The study without the parts that no item of its tables uses."""
    items = [item for table in study.tables.values() for item in table.items]
    feature_sets = _only(study.feature_sets, {item.features for item in items})
    parts = {part for members in feature_sets.values() for part in members}
    reducers = _only(study.reducers, {item.reducer for item in items})
    networks = {spec.network for spec in reducers.values() if isinstance(spec, TrainedFeaturesSpec)}
    splits = {table.split_of(item) for table in study.tables.values() for item in table.items}
    return study.model_copy(
        update={
            "feature_sets": feature_sets,
            "extractors": _only(study.extractors, parts),
            "descriptors": _only(study.descriptors, parts),
            "reducers": reducers,
            "classifiers": _only(study.classifiers, {*networks, *(item.classifier for item in items)}),
            "splits": _only(study.splits, {*splits, *(table.split for table in study.tables.values())}),
        }
    )


def _only(known: Mapping[str, T], used: Collection[str | None]) -> dict[str, T]:
    return {name: value for name, value in known.items() if name in used}
