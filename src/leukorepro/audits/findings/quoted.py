"""What quoted numbers say by themselves: what cannot be is wrong in the paper that quotes it, or where it is from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from leukorepro.audits.finding import Finding
from leukorepro.audits.paper import Paper, Value, place_name
from leukorepro.core.phrases import listed

SHARES = 10_001
"""Shares of positive images that are tried, from 0 to 1; no matter how many images there are."""


def quoted(paper: Paper) -> Iterator[Finding]:
    """Quoted accuracies that are no share of the test images beside them, and rows that no share of classes gives."""
    for table in paper.tables:
        for item, values in paper.quoted(table).items():
            where = place_name(table, item)
            if "accuracy" in values and "size" in values and not _is_share(values["accuracy"], values["size"]):
                size, accuracy = round(values["size"].number), values["accuracy"].text
                text = (
                    f"The quoted accuracy {accuracy} is no share of the {size:,} test images beside it. A mean over "
                    "folds or repetitions need not be one."
                )
                yield Finding(f"quoted/{table}/{item}/accuracy", "warning", text, where)
            if not _is_possible(values):
                names = listed([f"{value.words} {value.text}" for value in values.values()])
                text = (
                    f"No share of positive images gives the quoted {names} together, if all are of the positive class. "
                    "Precisions that are means over classes or folds may differ."
                )
                yield Finding(f"quoted/{table}/{item}", "warning", text, where)


def _is_share(accuracy: Value, size: Value) -> bool:
    total = [round(size.number)]
    return bool(accuracy.printed.is_share_of(total)[0] or accuracy.printed.cut_off().is_share_of(total)[0])


def _is_possible(values: Mapping[str, Value]) -> bool:
    """Whether some share of positive images gives accuracy, sensitivity and specificity, and the precision if printed.

    The accuracy is their mean by the shares of the classes, whatever the number of images.
    """
    if not {"accuracy", "sensitivity", "specificity"} <= set(values):
        return True
    bounds = {
        metric: (max(0.0, value.number - value.half_unit), min(1.0, value.number + value.half_unit))
        for metric, value in values.items()
    }
    share = np.linspace(0, 1, SHARES)
    found, kept = ([bounds[metric][side] for side in (0, 1)] for metric in ("sensitivity", "specificity"))
    fits = np.full(SHARES, fill_value=True)
    low, high = (share * found[side] + (1 - share) * kept[side] for side in (0, 1))
    fits &= (low <= bounds["accuracy"][1]) & (bounds["accuracy"][0] <= high)
    if "precision" in bounds:
        with np.errstate(invalid="ignore"):
            low, high = (
                share * found[side] / (share * found[side] + (1 - share) * (1 - kept[side])) for side in (0, 1)
            )
        fits &= (low <= bounds["precision"][1]) & (bounds["precision"][0] <= high)
    return bool(fits.any())
