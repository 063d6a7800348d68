"""What became of all images that were asked about, in words, for a terminal."""

from __future__ import annotations

import pandas as pd

from leukorepro.core.errors import some
from leukorepro.inference.predicting.inputs import Asking
from leukorepro.inference.predicting.table import OK


def summary(predictions: pd.DataFrame, asking: Asking, classes: list[str], flags: bool) -> list[str]:
    """Sentences on how many images were called what, are unlike the training images, or could not be read.

    Parameters
    ----------
    predictions : DataFrame
        As `leukorepro.inference.predicting.table.read` reads it.
    asking : Asking
    classes : list of str
        Of the model, in its order.
    flags : bool
        Whether the model can tell images that are unlike those that it was fitted on.
    """
    read = predictions[predictions["status"] == OK]
    counts = read["prediction"].value_counts()
    called = ", ".join(f"{counts.get(name, 0):,} {name}" for name in classes)
    lines = [f"{len(read):,} of {len(predictions):,} images predicted: {called}."]
    if flags:
        flagged = int((read["out_of_distribution"] == "true").sum())
        lines.append(f"Unlike the training images (out_of_distribution), and not to be relied on: {flagged:,}.")
    else:
        lines.append("The model cannot tell images that are unlike those that it was fitted on.")
    if trained := int((read["training_image"] == "true").sum()):
        lines.append(f"Fitted on by the model (training_image), and so no test of it: {trained:,}.")
    failed = predictions[predictions["status"] != OK]
    for status, rows in failed.groupby("status"):
        lines.append(f"{len(rows):,} {status}: {some(rows['path'], 3)}.")
    if asking.left_out:
        left_out = ", ".join(f"{n:,} {what}" for what, n in sorted(asking.left_out.items()))
        lines.append(f"Other files in the folders, left out: {left_out}.")
    return [*lines, *asking.notes]
