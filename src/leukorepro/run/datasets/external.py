"""A study whose run names another dataset as `external`: both as one, of which the other is held out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from leukorepro.config.joined import JoinedDataset, PlacedDataset, StudiedDataset
from leukorepro.config.runs import External
from leukorepro.config.study.schemes import Scheme
from leukorepro.config.study.study import Study
from leukorepro.core.errors import UserError
from leukorepro.core.listing import Listing
from leukorepro.data.joined import classes_of_both, join
from leukorepro.run.digests import digest
from leukorepro.run.resolved import Harmonised


class Studied(NamedTuple):
    """What a study runs on."""

    id: str
    dataset: StudiedDataset
    images: Path
    listing: Listing
    harmonised: Harmonised | None = None


def with_external(
    study: Study,
    external: External,
    own: PlacedDataset,
    other: PlacedDataset,
    listing: Listing,
    of_other: Listing,
    where: str,
) -> tuple[Study, Studied]:
    """A study whose dataset has another one held out in the place of a part of its own, and both datasets as one.

    Parameters
    ----------
    study : Study
        As configured.
    external : External
        What the run says of the other dataset: above all, which of its classes is which.
    own : PlacedDataset
        The dataset that the study is trained on.
    other : PlacedDataset
        The one that is held out.
    listing : Listing
        What lies in the folder of `own`.
    of_other : Listing
        What lies in the folder of `other`.
    where : str
        File and key of the run's choice, with which messages begin.

    Raises
    ------
    UserError
        If they have no class in common, or some schemes pool the dataset's own held-out part and others do not.
    """
    used = {table.split_of(item) for table in study.tables.values() for item in table.items}
    pools = {name: study.splits[name].include_external for name in sorted(used)} if listing.external_split else {}
    if len(set(pools.values())) > 1:
        raise UserError(
            f"{where}: the dataset {own.id} has a held-out part of its own, which {_names(pools, True)} of the study "
            f"pool with the rest and {_names(pools, False)} do not; keep `items` of one kind, or leave `external` out."
        )
    with_own_part = any(pools.values())
    joined = JoinedDataset(
        first=own, second=other, classes=external.classes, positive_class=None, with_own_part=with_own_part
    )
    try:
        both = join(joined, listing, of_other)
        classes = {row.label for row in both.rows}
        shared = classes_of_both(joined, listing, of_other)
    except UserError as error:
        raise UserError(f"{where}.{error}" if str(error).startswith("classes") else f"{where}: {error}") from None
    of_own = own.dataset.positive_class
    positive = external.positive_class or (of_own if of_own in classes else None)
    joined = joined.model_copy(update={"positive_class": positive})
    told = digest(joined)[:6] if external.classes or external.positive_class or with_own_part else ""
    name = f"{own.id}+{other.id}" + (f"-{told}" if told else "")
    schemes = {key: _without_pooling(scheme, listing.external_split) for key, scheme in study.splits.items()}
    return study.model_copy(update={"splits": schemes}), Studied(
        name, joined, joined.images, both, Harmonised(classes=shared, left_out=both.notes)
    )


def _names(pools: Mapping[str, bool], pooling: bool) -> str:
    return ", ".join(f"`splits.{name}`" for name, pool in pools.items() if pool is pooling)


def _without_pooling(scheme: Scheme, own_part: str) -> Scheme:
    """The scheme where the dataset's own held-out part, if it pools it, is a part like others."""
    if not scheme.include_external:
        return scheme
    parts = [*scheme.official_splits, own_part] if scheme.official_splits and own_part else scheme.official_splits
    return scheme.model_copy(update={"include_external": False, "official_splits": parts})
