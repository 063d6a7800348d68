"""A summary of repeated studies with simple numbers, as `snakemake validity` leaves it beside the runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from leukorepro.checks.validity.repetition import METRICS, RUNGS
from leukorepro.core.tables.results import VALIDITY_TABLE

BIAS = {"as_published": 0.25, "source_disjoint": 0.12, "subject_disjoint": -0.004, "external": 0.008}
COVERAGE = {"as_published": 0.02, "source_disjoint": 0.4, "subject_disjoint": 0.94, "external": 0.95}
LESS = {"usual": 0.0, "no_difference": 0.01, "ours": 0.05}
"""By which a setting's biases are smaller."""


def summary(*settings: str, features: str = "lab_segments (24 pixels)") -> pd.DataFrame:
    """Rows of settings, of which `ours` is of real patients, without a held-out part."""
    return VALIDITY_TABLE.frame(
        {
            "setting": setting,
            "dataset": "ours" if setting == "ours" else "simulated",
            "class_effect": np.nan if setting == "ours" else 1.0,
            "subject_effect": np.nan if setting == "ours" else 0.5,
            "features": features,
            "classifier": "kind: svm, kernel: rbf",
            "n_subjects": 30 if setting == "ours" else 24,
            "n_fresh": 30 if setting == "ours" else 1440,
            "rung": rung,
            "metric": metric,
            "n_repetitions": 200,
            "truth": 0.7,
            "estimate": 0.7 + BIAS[rung] - LESS[setting],
            "bias": BIAS[rung] - LESS[setting],
            "bias_error": 0.0043,
            "n_intervals": 200,
            "coverage": COVERAGE[rung],
            "coverage_low": COVERAGE[rung] - 0.02,
            "coverage_high": COVERAGE[rung] + 0.02,
            "width": 0.2,
            "percentile_coverage": 0.8,
        }
        for setting in settings
        for rung in RUNGS
        if setting != "ours" or rung != "external"
        for metric in METRICS
    )


def write_summary(results: Path, *settings: str) -> Path:
    """Write one below the folder of all results, and return its file."""
    file = results / "validity" / "summary.csv"
    VALIDITY_TABLE.write(summary(*settings), file)
    return file
