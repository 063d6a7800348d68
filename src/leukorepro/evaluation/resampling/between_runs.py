"""Two runs of a study, item by item and rung by rung, on the same resamples of the groups of both.

A difference is the second run's value less the first's. Both are measured in the same resamples of the groups of all
their images, as differences within a run are (`leukorepro.evaluation.resampling.differences`): where the runs share
images, what is difficult about a patient is so on both sides, and the difference is **paired**. An image is the same in
both where its name and its bytes are. Runs that share none have groups of their own, whatever their names: drawn
together, the groups of one say nothing of those of the other, and the interval is that of two **unpaired** numbers.
Seeds are paired where both runs have as many; else those of each run add to the interval by themselves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from leukorepro.core.tables.results import RUN_COMPARISON_TABLE
from leukorepro.evaluation.intervals import N_RESAMPLES
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.evaluation.predictions import Outcome
from leukorepro.evaluation.resampling.differences import compared_metrics, paired_difference
from leukorepro.evaluation.resampling.shared_groups import Measurable, SharedResamples

PAIRED, PARTLY, UNPAIRED = "paired", "partly paired", "unpaired"
"""Whether both values are of the same images, share some, or share none."""

NOT_THERE = "\0"
"""Stands in front of the name of an image that a run has not; no file's name holds it."""


@dataclass(frozen=True)
class OneRun:
    """A study in one of two runs."""

    outcomes: Outcomes
    sha256: pd.Series[str]
    """Of the file of every image, by its name."""

    def images(self) -> pd.DataFrame:
        """Its images, as `Outcomes.images` gives them, with what their files hold."""
        images = self.outcomes.images()
        return images.assign(sha256=images["image_id"].map(self.sha256))


def compare_study(first: OneRun, second: OneRun, seed: int, n_resamples: int = N_RESAMPLES) -> pd.DataFrame:
    """Every item and rung that both runs have, side by side.

    Parameters
    ----------
    first, second : OneRun
        The same study in two runs.
    seed : int
        Of the resamples.
    n_resamples : int
        Number of resamples.

    Returns
    -------
    DataFrame
        A `RUN_COMPARISON_TABLE`: tables, items and rungs in the first run's order, and for each the metrics that
        differences within a run are made of.
    """
    sides = _on_common_images(first, second, seed, n_resamples)
    study = first.outcomes.resolved.study
    rows = []
    for table, item in first.outcomes.items:
        if (table, item) not in second.outcomes.items:
            continue
        in_both = set(second.outcomes.rungs(table, item))
        for rung in first.outcomes.rungs(table, item):
            if rung not in in_both:
                continue
            for metric in compared_metrics(study.tables[table]):
                one, other = (side.find(Outcome(table, item, rung), metric) for side in sides)
                if one is not None and other is not None:
                    names = {"study": study.key, "table": table, "item": item, "protocol": rung, "metric": metric}
                    rows.append(names | _compared(sides[0], one, other))
    return RUN_COMPARISON_TABLE.frame(rows)


def only_in_one(first: Outcomes, second: Outcomes) -> Iterator[str]:
    """Items and rungs that the first of two runs has and the second has not, as ``table/item on rung``.

    Parameters
    ----------
    first, second : Outcomes
        Of the same study in the two runs.
    """
    for table, item in first.items:
        others = second.rungs(table, item) if (table, item) in second.items else []
        for rung in first.rungs(table, item):
            if rung not in others:
                yield f"{table}/{item} on {rung}"


def _compared(resamples: SharedResamples, one: Measurable, other: Measurable) -> dict[str, object]:
    found = paired_difference(resamples, other, one)
    shared = int(np.sum(one.part.images & other.part.images))
    same = bool(np.array_equal(one.part.images, other.part.images))
    return {
        "first": one.value,
        "second": other.value,
        "difference": found.value,
        "ci_low": found.low,
        "ci_high": found.high,
        "n_groups": found.n_groups,
        "n_images_first": int(one.part.images.sum()),
        "n_images_second": int(other.part.images.sum()),
        "n_images_shared": shared,
        "pairing": PAIRED if same else PARTLY if shared else UNPAIRED,
    }


def _on_common_images(
    first: OneRun, second: OneRun, seed: int, n_resamples: int
) -> tuple[SharedResamples, SharedResamples]:
    """Resamples of both runs over one list of images, those of the first in front of those that only the second has.

    Each run looks its images up by its own names. Groups are the same in both, so that one may draw for the other.
    """
    ours, theirs = first.images(), second.images()
    shared = set(ours.merge(theirs, on=["image_id", "sha256"])["image_id"])
    further = theirs[~theirs["image_id"].isin(shared)]
    groups_of_theirs = further[["subject_id", "source_id"]]
    if not shared:  # other images: a name that both have is not the same patient's
        groups_of_theirs = groups_of_theirs.where(groups_of_theirs == "", "second run: " + groups_of_theirs)
    keys = pd.concat([ours[["subject_id", "source_id"]], groups_of_theirs], ignore_index=True)
    of_first = [*ours["image_id"], *(NOT_THERE + further["image_id"])]
    in_second = ours["image_id"].where(ours["image_id"].isin(shared), NOT_THERE + ours["image_id"])
    of_second = [*in_second, *further["image_id"]]
    return (
        SharedResamples(first.outcomes, keys.assign(image_id=of_first), seed, n_resamples),
        SharedResamples(second.outcomes, keys.assign(image_id=of_second), seed, n_resamples),
    )
