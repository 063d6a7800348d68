"""Every metric and every interval of a study's table, computed again from its predictions by other code."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import plain_metrics
import pytest
import report_data
import report_trainings

RUNGS = ("as_published", "subject_disjoint")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes and five, averages of both kinds, single classes, phases, second readings, epochs that count."""
    root = tmp_path_factory.mktemp("run")
    studies = [report_data.ATTEIA, report_data.systems_study(), report_trainings.networks_study()]
    return report_data.write_run(root, [report_data.resolve(study, root, rungs=RUNGS) for study in studies])


@pytest.mark.parametrize("key", ["atteia2022", "systems", "networks"])
def test_every_number_of_the_table_of_metrics_is_found_again(results: Path, key: str) -> None:
    config = json.loads((results / "config.json").read_text())
    study = next(study for study in config["studies"] if study["study"]["key"] == key)
    table = pd.read_csv(results / key / "metrics.csv")
    again = plain_metrics.recomputed(results / key, study, seed=0, n_resamples=50)
    assert table["value"].notna().mean() > 0.9
    for column in again:
        np.testing.assert_allclose(table[column], again[column].astype(float), rtol=0, atol=1e-9, err_msg=column)
