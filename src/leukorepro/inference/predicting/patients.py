"""What predictions of images amount to for each patient: a line each, by the rule that studies diagnose by.

With two classes a patient is positive where half of the images or more are called so; with more, of the class that is
called most often, and of none where there are several (`leukorepro.evaluation.patients.subjects`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from leukorepro.core.tables.table import Table, number, text, whole, whole_or_none
from leukorepro.evaluation.patients.subjects import HALF, UNDECIDED, most_called
from leukorepro.inference.predicting.table import OK

PATIENTS_TABLE = Table(
    {
        **text("subject_id", "diagnosis"),
        **number("share", "probability"),
        **whole("images", "unreadable", "out_of_distribution"),
        **whole_or_none("training_images"),
        **text("model"),
    }
)
"""A row for each patient: the diagnosis, empty where the images decide for none; with two classes, the share of images
that are called positive and their mean probability of being so, with more, the share that the diagnosis is called and
no probability; images that were predicted, that could not be read, that are unlike the training images, and that the
model was fitted on, so that a diagnosis rests on what it has seen, which is empty where the model cannot tell."""


def of_patients(
    predictions: pd.DataFrame, subject_id: Sequence[str], classes: Sequence[str], positive_class: str | None
) -> pd.DataFrame:
    """Put the predictions of each patient's images together.

    Parameters
    ----------
    predictions : DataFrame
        Rows of the table of predictions, as `leukorepro.inference.predicting.table.read` reads it.
    subject_id : sequence of str
        Whose each row is; rows of nobody are left out.
    classes : sequence of str
        Of the model, in its order.
    positive_class : str or None
        With two classes, the one that counts as positive.

    Returns
    -------
    DataFrame
        A `PATIENTS_TABLE`, in the order of the patients' names.
    """
    rows = predictions.assign(subject_id=list(subject_id))
    rows = rows[rows["subject_id"] != ""]
    names, subject = np.unique(rows["subject_id"].to_numpy(dtype=object), return_inverse=True)
    read = (rows["status"] == OK).to_numpy()
    called = np.stack([(rows["prediction"] == name).to_numpy() for name in classes], axis=1)
    votes = np.stack([np.bincount(subject, column, len(names)) for column in called.T], axis=1)
    images = np.bincount(subject, read, len(names))
    with np.errstate(invalid="ignore"):
        shares = votes / images[:, None]
        probability = np.bincount(subject, rows["probability"].fillna(0), len(names)) / images
    if positive_class is None:
        diagnosed = most_called(shares)
        share = shares.max(axis=1)
        probability[:] = np.nan
    else:
        positive = list(classes).index(positive_class)
        share = shares[:, positive]
        diagnosed = np.where(share >= HALF, positive, 1 - positive)
        probability[np.bincount(subject, read & rows["probability"].isna(), len(names)) > 0] = np.nan
    diagnosed = np.where(images > 0, diagnosed, UNDECIDED)
    flagged = (rows["out_of_distribution"] == "true").to_numpy()
    seen = pd.Series(np.bincount(subject, rows["training_image"] == "true", len(names)), dtype="Int64")
    told = np.bincount(subject, rows["training_image"] != "", len(names)) > 0
    found = {
        "subject_id": names,
        "diagnosis": ["" if number == UNDECIDED else classes[number] for number in diagnosed],
        "share": share,
        "probability": probability,
        "images": images,
        "unreadable": np.bincount(subject, ~read, len(names)),
        "out_of_distribution": np.bincount(subject, flagged, len(names)),
        "training_images": seen.where(told),
        "model": rows["model"].iloc[0],
    }
    return pd.DataFrame(found).astype(PATIENTS_TABLE.dtypes)
