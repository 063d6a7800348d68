"""The audit of a paper's printed numbers: arithmetic alone, without any data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from leukorepro.audit.printed import Printed
from leukorepro.audit.sizes import consistent_sizes
from leukorepro.config import Study, load_study, published_path, study_path
from leukorepro.evaluation.published import read_published

SCHEMA_VERSION = 1


def audit(keys: Sequence[str]) -> dict[str, Any]:
    """Audit the printed numbers of some studies.

    Parameters
    ----------
    keys : sequence of str
        Keys of studies.

    Returns
    -------
    dict
        As it is written to ``results/audit/<study>.json``.

    Raises
    ------
    UserError
        If there is no study of a name, or its configuration or its table of printed numbers is wrong.
    """
    studies = {}
    for key in keys:
        study = load_study(study_path(key))
        studies[key] = audit_study(study, read_published(published_path(key)))
    return {"schema_version": SCHEMA_VERSION, "studies": studies}


def audit_study(study: Study, published: pd.DataFrame) -> dict[str, Any]:
    """Audit the printed numbers of one study.

    Parameters
    ----------
    study : Study
    published : DataFrame
        As `leukorepro.evaluation.published.read_published` gives them.
    """
    return {
        "citation": f"{study.citation.authors} ({study.citation.year}). {study.citation.title}.",
        "tables": {str(name): _table(study, str(name), rows) for name, rows in published.groupby("table", sort=False)},
        "impossible": [],
        "findings": [],
    }


def _table(study: Study, name: str, rows: pd.DataFrame) -> dict[str, Any]:
    of_tests = rows[rows["metric"].isin(["accuracy", "test_accuracy"])]
    accuracies = [Printed.of(v, h) for v, h in zip(of_tests["value"], of_tests["half_unit"], strict=True)]
    low, high = 10, 2000
    return {
        "title": study.tables[name].title if name in study.tables else "",
        "searched": [low, high],
        "consistent_n": consistent_sizes(accuracies, low, high).tolist(),
        "n_accuracies": len(accuracies),
        "n_values": len(rows),
        "values": [],
        "items": {},
    }
