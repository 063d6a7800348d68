"""Tables that one stage writes and others read: their columns, and what is kept beside their rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

BEFORE_ROLE = (
    "study",
    "dataset",
    "table",
    "item",
    "protocol",
    "repeat",
    "fold",
    "image_id",
    "view",
    "subject_id",
    "source_id",
)

PREDICTIONS = (*BEFORE_ROLE, "y_true", "y_pred")
"""Columns of every table of predictions, before its scores."""

PREDICTIONS_WITH_ROLE = (*BEFORE_ROLE, "role", "y_true", "y_pred")
"""Columns of a part and of a table of fitted rows, before their scores."""

CODES = "codes"
"""Of all rows of a feature file, float32, in the group of every fit of a reducer that is a network."""

RECONSTRUCTION = "reconstruction_correlation"
"""Column of predictions, behind their scores, where an item has a convolutional autoencoder: how well it reconstructs
the image, -1 to 1. The mean over tested rows is the metric of that name."""

METRICS_TABLE = (
    "study",
    "table",
    "item",
    "protocol",
    "metric",
    "value",
    "ci_low",
    "ci_high",
    "n_images",
    "n_subjects",
    "published",
    "verdict",
)
"""Columns of the table of metrics."""

VERDICTS_TABLE = (
    "study",
    "table",
    "item",
    "metric",
    "published",
    "verdict",
    "reason",
    "reading",
    "value",
    "ci_low",
    "ci_high",
    "honest_protocol",
    "honest_value",
    "honest_ci_low",
    "honest_ci_high",
    "honest_verdict",
)
"""Columns of the table of verdicts."""

DIFFERENCES_TABLE = (
    "study",
    "table",
    "kind",
    "item",
    "protocol",
    "against_item",
    "against_protocol",
    "metric",
    "difference",
    "ci_low",
    "ci_high",
    "n_groups",
    "p_corrected_t",
    "p_mcnemar",
    "p_mcnemar_holm",
)
"""Columns of the table of paired differences, between rungs (kind `rung`) and between items (kind `item`)."""

CELL_LEVEL_TABLE = ("study", "table", "item", "protocol", "metric", "value", "ci_low", "ci_high", "method", "n")
"""Columns of the table of intervals that take every cell for independent, which makes them too narrow."""

WINNERS_TABLE = (
    "study",
    "table",
    "protocol",
    "metric",
    "winner",
    "n_items",
    "value",
    "optimism",
    "corrected",
    "ci_low",
    "ci_high",
)
"""Columns of the table of best items, and of what their value owes to their being picked."""

CONTROLS_TABLE = (
    "study",
    "table",
    "item",
    "protocol",
    "control",
    "unit",
    "metric",
    "value",
    "ci_low",
    "ci_high",
    "lowest",
    "highest",
    "chance",
    "n_images",
    "n_subjects",
    "n_groups",
    "seed",
    "note",
)
"""Columns of the table of controls. `unit`: what kept its label, or was to be recognised; `lowest`, `highest`: of the
single shuffles; `chance`: what no knowledge gives. Without a value, `note` says why there is none."""

ENGINES = "engines"
"""Beside predictions: JSON, for each classifier the names of what fitted it."""


def merged_engines(engines: Sequence[Mapping[str, Sequence[str]]]) -> dict[str, list[str]]:
    """What fitted each classifier of several parts, by its name; the order of parts does not matter."""
    names = sorted({name for part in engines for name in part})
    return {name: sorted({engine for part in engines for engine in part.get(name, ())}) for name in names}


CALIBRATION_TABLE = (
    "study",
    "table",
    "item",
    "protocol",
    "metric",
    "value",
    "ci_low",
    "ci_high",
    "n_images",
    "n_subjects",
    "note",
)
"""Columns of the table of calibration metrics."""

RELIABILITY_TABLE = (
    "study",
    "table",
    "item",
    "protocol",
    "class",
    "low",
    "high",
    "n_rows",
    "mean_score",
    "observed",
    "ci_low",
    "ci_high",
)
"""Columns of the table of reliability curves, a row for each bin that holds a score."""

DECISION_TABLE = (
    "study",
    "table",
    "item",
    "protocol",
    "threshold",
    "net_benefit",
    "ci_low",
    "ci_high",
    "treat_all",
    "treat_all_low",
    "treat_all_high",
    "treat_none",
)
"""Columns of the table of decision curves."""

SUBJECTS_TABLE = (
    "study",
    "table",
    "item",
    "protocol",
    "subject_id",
    "class",
    "n_images",
    "n_rows",
    "share_positive",
    "mean_score",
    "accuracy",
    "ci_low",
    "ci_high",
)
"""Columns of the table of subjects."""

DIAGNOSIS_TABLE = (
    "study",
    "table",
    "item",
    "protocol",
    "rule",
    "metric",
    "prevalence",
    "value",
    "ci_low",
    "ci_high",
    "method",
    "n_subjects",
    "n_positive",
    "note",
)
"""Columns of the table of diagnoses of subjects."""
