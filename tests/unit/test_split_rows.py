"""Predictions compared with the split tables that they must come from."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from compared_data import answers, split_tables, study

from leukorepro.core.errors import UserError
from leukorepro.evaluation.split_rows import check_split_rows

N = 12
SYSTEMS = study({"a": {}, "b": {}})
RNG = np.random.default_rng(0)


def predicted(item: str, **named: Any) -> pd.DataFrame:
    return answers(item, np.arange(N), np.arange(N) % 2 == 0, RNG.normal(size=N), **named)


def test_the_rows_of_the_split_are_accepted_in_any_order_and_others_are_told() -> None:
    rows = pd.concat([predicted("a"), predicted("b")], ignore_index=True)
    tables = split_tables(SYSTEMS, rows)
    check_split_rows(rows.sample(frac=1, random_state=0), SYSTEMS.study, tables)
    told = (
        "predictions of table '1', item 'b', protocol 'as_published': made on another split: in repeat 0, fold 0, view "
        "'identity' of 'i0000' is a test row of the split table as_published/folds, but not of the predictions (24 "
        "such rows); run `snakemake` again"
    )
    moved = pd.concat([predicted("a"), predicted("b", fold=(np.arange(N) + 3) % 4)], ignore_index=True)
    with pytest.raises(UserError, match=re.escape(told)):
        check_split_rows(moved, SYSTEMS.study, tables)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        ({"repeat": 1}, "in repeat 0, .* of the split table as_published/folds, but not of the predictions"),
        (
            {"images": np.arange(1, N + 1)},
            "'i0000' is a test row of the split table",
        ),
    ],
)
def test_other_repeats_and_other_images_are_told(other: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        check_split_rows(predicted("a", **other), SYSTEMS.study, split_tables(SYSTEMS, predicted("a")))


def test_rows_that_were_left_out_are_told() -> None:
    rows = predicted("a")
    with pytest.raises(UserError, match=r"'i0005' is a test row of the split table .*\(1 such rows\)"):
        check_split_rows(rows.drop(index=5), SYSTEMS.study, split_tables(SYSTEMS, rows))


def test_rows_that_were_fitted_on_are_those_of_their_role() -> None:
    tested = predicted("a")
    tables = split_tables(SYSTEMS, tested)
    trained = tables["as_published/folds"].query("role == 'train'")
    fitted = trained.assign(table="1", item="a", protocol="as_published")
    check_split_rows(fitted, SYSTEMS.study, tables)
    with pytest.raises(UserError, match="is a validation row of the predictions"):
        check_split_rows(fitted.assign(role="validation"), SYSTEMS.study, tables)


def test_every_epoch_that_counts_has_the_rows_of_its_repeat() -> None:
    """Three epochs of a network, which stand as repeats."""
    networks = study({"n": {"features": "images", "classifier": "network"}}, epochs="all")
    once = predicted("n")
    rows = pd.concat([once.assign(repeat=epoch) for epoch in range(3)], ignore_index=True)
    check_split_rows(rows, networks.study, split_tables(networks, once))
    moved = rows.assign(fold=np.where(rows["repeat"] == 1, 3 - rows["fold"], rows["fold"]))
    with pytest.raises(UserError, match="made on another split"):
        check_split_rows(moved, networks.study, split_tables(networks, once))
