"""What fitted systems leave behind: tables of predictions, logs of epochs, and what is kept beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leukorepro.core.tables.table import ParquetTable, Table, number, text, whole

RECONSTRUCTION = "reconstruction_correlation"
"""Column of predictions, behind their scores, where an item has a convolutional autoencoder: how well it reconstructs
the image, -1 to 1. The mean over tested rows is the metric of that name."""

MOMENTS = tuple(f"reconstruction_{name}" for name in ("x", "y", "xx", "yy", "xy"))
"""Columns beside it: means over an image's pixels and channels of x, y, x * x, y * y and x * y, of an image x and its
reconstruction y. The correlation over the pixels of many images follows from their means."""

RECONSTRUCTED = (RECONSTRUCTION, *MOMENTS)
"""All that is known of an image's reconstruction."""

_FURTHER = ("score|score_.+", *RECONSTRUCTED)
_BEFORE_ROLE = {
    **text("study", "dataset", "table", "item", "protocol"),
    **whole("repeat", "fold"),
    **text("image_id", "view", "subject_id", "source_id"),
}

PREDICTIONS_TABLE = ParquetTable({**_BEFORE_ROLE, **text("y_true", "y_pred")}, _FURTHER, behind=whole("seed"))
"""Predictions of tested rows. `seed`: of a run that draws several times, which of its seeds, counted from 0."""

PARTS_TABLE = ParquetTable({**_BEFORE_ROLE, **text("role", "y_true", "y_pred")}, _FURTHER, behind=whole("seed"))
"""Predictions with the role of every row: those of one job, and those of training and validation rows of a study."""

EPOCHS_TABLE = Table(
    {
        **whole("repeat", "fold", "epoch"),
        **number("learning_rate", "seconds", "train_loss", "test_loss", "train_accuracy", "test_accuracy"),
        **text("machine"),
    }
)
"""Log of a network's epochs. The training loss is the one that was minimised, weighted by class where the classes have
weights; the loss of the test part never is."""

ENGINES = "engines"
"""Beside predictions: JSON, for each classifier the names of what fitted it."""


def merged_engines(engines: Sequence[Mapping[str, Sequence[str]]]) -> dict[str, list[str]]:
    """What fitted each classifier of several parts, by its name; the order of parts does not matter."""
    names = sorted({name for part in engines for name in part})
    return {name: sorted({engine for part in engines for engine in part.get(name, ())}) for name in names}
