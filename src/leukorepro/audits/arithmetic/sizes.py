"""How many images were tested, as far as printed accuracies tell."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from leukorepro.audits.arithmetic.printed import Printed


def consistent_sizes(accuracies: Sequence[Printed], low: int, high: int) -> npt.NDArray[np.int64]:
    """Numbers of test images of which every accuracy is a whole number, to its printed digits.

    Parameters
    ----------
    accuracies : sequence of Printed
        Of classifiers that were tested on the same images.
    low, high : int
        Least and greatest number of images that is tried.

    Returns
    -------
    array of int, ascending
        Without accuracies, none: nothing is told then.

    Notes
    -----
    With d decimals every size from 10**d on is consistent, whatever is printed. Brown and Heathers (2017), the GRIM
    test, is the same argument for means of whole numbers.
    """
    sizes = np.arange(low, high + 1, dtype=np.int64)
    if not accuracies:
        return sizes[:0]
    result: npt.NDArray[np.int64] = sizes[np.all([accuracy.is_share_of(sizes) for accuracy in accuracies], axis=0)]
    return result


def runs(sizes: Sequence[int]) -> str:
    """Ascending whole numbers in words: ``532, 1064 to 1066``."""
    parts: list[list[int]] = []
    for size in sizes:
        if parts and size == parts[-1][-1] + 1:
            parts[-1][1:] = [size]
        else:
            parts.append([size])
    return ", ".join(" to ".join(f"{end:,}" for end in part) for part in parts)
