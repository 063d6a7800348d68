"""Near-duplicates tie groups: images that are called one cell come from one source image, and stay on one side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from leukorepro.core.errors import UserError
from leukorepro.data.copies.record import read_copies
from leukorepro.data.groups import components, groups


@dataclass(frozen=True)
class Ties:
    """What duplicates tie together beyond subjects and source images."""

    n_groups: int
    """Groups of readable images with the ties."""
    n_groups_without: int
    """Groups of the same images by their subjects and source images alone."""
    moved: list[list[str]]
    """Images whose group is another one with the ties: those of each group that several were joined into."""

    @property
    def n_moved(self) -> int:
        """Number of these images."""
        return sum(map(len, self.moved))

    @property
    def sentence(self) -> str:
        """What was tied, in words."""
        if not self.moved:
            return "Near-duplicates tie groups; none of them joins two groups here."
        joined = self.n_groups_without - self.n_groups + len(self.moved)
        return (
            f"Near-duplicates tie groups: {joined:,} of {self.n_groups_without:,} groups were joined into "
            f"{len(self.moved):,}, which moved {self.n_moved:,} images into another group."
        )


def tie(manifest: pd.DataFrame, copies: Sequence[Sequence[str]]) -> pd.DataFrame:
    """Give images that are copies of one another one `source_id`.

    Parameters
    ----------
    manifest : DataFrame
        Manifest contract.
    copies : sequence of sequences of str
        Images of each group of duplicates.

    Returns
    -------
    DataFrame
        The manifest, with the smallest `source_id` of all that are tied together, directly or by way of others.

    Raises
    ------
    UserError
        If a duplicate is not in the manifest.
    """
    listed = {image: str(number) for number, group in enumerate(copies) for image in group}
    if lost := sorted(set(listed) - set(manifest["image_id"])):
        raise UserError(
            f"duplicates: {len(lost):,} image(s), such as '{lost[0]}', are not in the manifest; look for duplicates "
            "again, among the images of this manifest."
        )
    of_copies = np.array([listed.get(image, "") for image in manifest["image_id"]], dtype=object)
    tied = components(manifest["source_id"], of_copies)
    return manifest.assign(source_id=manifest["source_id"].groupby(tied).transform("min"))


def tied_by(manifest: pd.DataFrame, duplicates: Path | None) -> pd.DataFrame:
    """The manifest with the ties of a record of duplicates; as it is, where there is none.

    Parameters
    ----------
    manifest : DataFrame
        Rows of a manifest.
    duplicates : Path or None
        The record of duplicates; None: nothing ties groups beyond subjects and source images.
    """
    return manifest if duplicates is None else tie(manifest, read_copies(duplicates))


def ties_of(manifest: pd.DataFrame, tied: pd.DataFrame) -> Ties:
    """Compare the groups of a manifest's readable images with those of the tied one.

    Parameters
    ----------
    manifest : DataFrame
        As it was scanned.
    tied : DataFrame
        The same rows in the same order, with source images as near-duplicates tie them; see `tied_by`.

    Returns
    -------
    Ties
        How many groups there are with the ties and without, and which images changed groups.
    """
    readable = manifest["status"] == "ok"
    seen = (table[readable] for table in (manifest, tied))
    before, after = (groups(table["subject_id"], table["source_id"]) for table in seen)
    several = pd.Series(before).groupby(after).transform("nunique").to_numpy() > 1
    images = manifest.loc[readable, "image_id"].to_numpy()[several]
    moved = [sorted(of_group) for _, of_group in pd.Series(images).groupby(after[several])]
    return Ties(len(np.unique(after)), len(np.unique(before)), moved)
