"""Whether a published number can be tested here, and what its test says.

One definition for the table of metrics, for the verdicts on every printed number and for the report.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel

from leukorepro.config.datasets import SimulatedDataset
from leukorepro.config.study.schemes import Scheme
from leukorepro.core.store import read_json
from leukorepro.core.validation import parse
from leukorepro.core.words import Budget
from leukorepro.run.resolved import ResolvedStudy

REPRODUCED, NOT_REPRODUCED, NOT_TESTED = "reproduced", "not reproduced", "not tested"
IMPOSSIBLE = "arithmetically impossible"
"""Needs no data: no confusion matrix has the number beside the others of its row."""

VERDICTS = (REPRODUCED, NOT_REPRODUCED, IMPOSSIBLE, NOT_TESTED)


class _Part(BaseModel):
    name: str
    found: dict[str, int]


class _Scanned(BaseModel):
    """What is asked of a dataset's summary here."""

    complete: bool
    readable: int
    splits: dict[str, dict[str, int]]
    external_split: str
    parts: list[_Part]


def read_scan(path: Path) -> dict[str, Any]:
    """Read a dataset's summary, as `leukorepro data scan --summary` writes it.

    Raises
    ------
    UserError
        If the file is missing or is no such summary.
    """
    found: dict[str, Any] = read_json(path)
    parse(_Scanned, found, path)
    return found


def untested(study: ResolvedStudy, budget: Budget, complete: bool) -> list[str]:
    """Why no published number of a study can be tested here; empty where one can.

    Parameters
    ----------
    study : ResolvedStudy
    budget : {"demo", "published"}
        Of the run.
    complete : bool
        Whether every image of the dataset was there.

    Returns
    -------
    list of str
        A clause each: the dataset is another one, or drawn, or not complete; weights are random; the budget is small.
    """
    reasons = list(filter(None, [other_dataset(study, complete)]))
    if study.stand_ins:
        reasons.append(f"features were computed by {', '.join(study.stand_ins)}")
    if study.random_weights:
        reasons.append("networks that features are taken from had random weights")
    if budget == "demo":
        reasons.append("the budget was the demo's")
    return reasons


def other_dataset(study: ResolvedStudy, complete: bool) -> str:
    """Why the images here are not those of the paper, in a clause; empty where they are.

    Parameters
    ----------
    study : ResolvedStudy
    complete : bool
        Whether every image of the dataset was there.
    """
    theirs = study.study.published_dataset
    ours = study.own.dataset
    if isinstance(ours, SimulatedDataset):
        return "the images are simulated"
    if ours.adapter != theirs:
        return f"the paper used the dataset {theirs}, not this one"
    return "" if complete else f"this is not known to be a complete copy of the dataset {theirs}"


def of_other_images(study: ResolvedStudy, scan: Mapping[str, Any]) -> dict[str, str]:
    """By split, why no number on it can be compared with the paper's: it has more or fewer images.

    Parameters
    ----------
    study : ResolvedStudy
    scan : mapping
        Summary of the dataset, as `leukorepro.data.scan.scan` gives it.
    """
    theirs = study.study.published_images
    if theirs is None:
        return {}
    ours = {name: _images_of(scheme, scan) for name, scheme in study.study.splits.items()}
    return {
        name: f"the paper counts {theirs:,} images, and these are {images:,}"
        for name, images in ours.items()
        if images != theirs
    }


def _images_of(scheme: Scheme, scan: Mapping[str, Any]) -> int:
    """Readable images that a scheme deals out."""
    sizes = {name: sum(classes.values()) for name, classes in scan["splits"].items()}
    held_out = sizes.pop(scan["external_split"], 0)
    names = scheme.official_splits
    others = scan["readable"] - held_out if names is None else sum(sizes.get(name, 0) for name in names)
    return int(others + held_out * scheme.include_external)


def verdicts(published: ArrayLike, half_unit: ArrayLike, low: ArrayLike, high: ArrayLike) -> NDArray[np.str_]:
    """Verdicts on published numbers, where they can be tested.

    Parameters
    ----------
    published : array of float
        NaN where nothing is printed.
    half_unit : array of float
        Half a unit of the last printed digit: how far the unrounded number may lie from the printed one.
    low, high : array of float
        Bounds of our intervals, NaN where there is none.

    Returns
    -------
    array of str
        `REPRODUCED` where the published number lies in our interval, or so close outside it that its rounding could
        hide that; `NOT_REPRODUCED` where it does not; `NOT_TESTED` where a number or an interval is missing.
    """
    value, half, bottom, top = (np.asarray(a, dtype=np.float64) for a in (published, half_unit, low, high))
    inside = (bottom - half <= value) & (value <= top + half)
    known = ~(np.isnan(value) | np.isnan(bottom) | np.isnan(top))
    return np.where(known, np.where(inside, REPRODUCED, NOT_REPRODUCED), NOT_TESTED)
