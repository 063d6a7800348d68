"""Images that a table may be about: how many, and how many of the positive class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from leukorepro.audits.paper import Paper


@dataclass(frozen=True)
class Images:
    """Images that were tested, perhaps."""

    name: str
    total: int
    positives: tuple[int, ...]
    """Numbers of images of the positive class that are possible."""
    stated: bool
    """Whether the paper says so."""

    @property
    def words(self) -> str:
        """In a sentence: ``1,104 images (537 positive)``."""
        if len(self.positives) == self.total - 1:
            return f"{self.total:,} images"
        several = " or ".join(f"{p:,}" for p in self.positives)
        if len(self.positives) > 2:
            several = f"{self.positives[0]:,} to {self.positives[-1]:,}"
        return f"{self.total:,} images ({several} positive)"


def tested_images(paper: Paper, name: str, consistent: Sequence[int]) -> Images | None:
    """Put together a declared set of images.

    Parameters
    ----------
    paper : Paper
    name : str
        Of the set.
    consistent : sequence of int
        Numbers of images that a table's accuracies allow.

    Returns
    -------
    Images or None
        None where their number is not declared and the accuracies do not fix it.

    Raises
    ------
    UserError
        If a number that is named is not printed.
    """
    declared, where = paper.audit.sets[name], f"sets.{name}"
    whole = None if declared.of is None else paper.count(declared.of, where)
    if declared.total is not None:
        total = paper.count(declared.total, where)
    elif declared.share is not None and whole is not None:
        total = math.ceil(declared.share * whole - 1e-9)
    elif len(consistent) == 1:
        total = consistent[0]
    else:
        return None
    part = 1.0 if whole is None else total / whole
    if declared.positives is not None:
        positives = paper.count(declared.positives, where) * part
    elif declared.negatives is not None:
        positives = total - paper.count(declared.negatives, where) * part
    else:
        return Images(name, total, tuple(range(1, total)), declared.stated)
    near = {math.floor(positives + 1e-9), math.ceil(positives - 1e-9)}
    return Images(name, total, tuple(sorted(near)), declared.stated)
