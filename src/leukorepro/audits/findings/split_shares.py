"""Which shares of the images an undescribed split may have tested, by the accuracies of its two parts."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from leukorepro.audits.arithmetic.confusion import Reported
from leukorepro.audits.finding import Finding
from leukorepro.audits.images import Images
from leukorepro.audits.items import WHOSE, search
from leukorepro.audits.paper import Paper, table_names
from leukorepro.config.study.audits import AVERAGES, AuditAverage, SplitShares
from leukorepro.core.phrases import listed


def split_shares(paper: Paper) -> Iterator[Finding]:
    """Shares of the images that fit both parts of the declared splits.

    Raises
    ------
    UserError
        If a declared number is not printed.
    """
    for number, split in enumerate(paper.audit.splits):
        total = paper.count(split.images, f"splits[{number}]")
        fitting = _fitting(paper, split, total)
        tables = table_names([split.train, split.test])
        usual = {share: math.ceil(share * total - 1e-9) in fitting for share in split.shares}
        text = f"The accuracies of {tables} are shares of the two parts of {total:,} images"
        text += (
            f" if {_per_cent(usual, fits=True)} are tested" if any(usual.values()) else " in none of the usual splits"
        )
        text += "." if all(usual.values()) else f", not if {_per_cent(usual, fits=False)} are."
        yield Finding(f"split/{split.test}", "note", text, tables)
        if split.positives is not None:
            positives = paper.count(split.positives, f"splits[{number}]") / total
            fits = {a: [n for n in fitting if _fit(paper, split, n, total, positives, a)] for a in AVERAGES}
            told = [f"{WHOSE[average]}, {_range(tested, total)}" for average, tested in fits.items()]
            text = f"With {positives:.1%} of both parts in the positive class, the precisions beside them fit: "
            text += f"{'; '.join(told)}."
            yield Finding(f"split/{split.test}/precision", "note" if fits["positive"] else "warning", text, tables)


def _range(tested: list[int], total: int) -> str:
    """What some numbers of tested images are of all images."""
    if not tested:
        return "no split"
    low, high = (100 * n / total for n in (tested[0], tested[-1]))
    return f"{len(tested)} splits with {low:.0f} to {high:.0f} per cent tested"


def _fitting(paper: Paper, split: SplitShares, total: int) -> list[int]:
    """Numbers of tested images of which, and of whose rest, all accuracies are shares."""
    tested = np.arange(1, total)
    fits = [
        value.printed.is_share_of(images)
        for table, images in ((split.test, tested), (split.train, total - tested))
        for values in paper.tested(table).values()
        for value in values
        if value.share == "accuracy"
    ]
    found: list[int] = tested[np.all(fits, axis=0)].tolist()
    return found


def _fit(paper: Paper, split: SplitShares, tested: int, total: int, positives: float, average: AuditAverage) -> bool:
    """Whether all items of both parts have a confusion matrix, the classes in proportion in both."""
    p = round(positives * tested)
    parts = ((split.test, tested, p), (split.train, total - tested, round(positives * total) - p))
    return all(
        _has_matrix([paper.reported(value) for value in values], Images("", n, (k,), stated=True), average)
        for table, n, k in parts
        for values in paper.tested(table).values()
    )


def _has_matrix(numbers: list[Reported], images: Images, average: AuditAverage) -> bool:
    found = search(numbers, images, average)
    return found is None or found.shape[1] > 0


def _per_cent(shares: dict[float, bool], *, fits: bool) -> str:
    return f"{listed([f'{100 * share:.3g}' for share, fit in shares.items() if fit == fits], 'or')} per cent"
