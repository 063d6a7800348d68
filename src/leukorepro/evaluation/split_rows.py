"""Predictions compared with the split tables that they must come from."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from leukorepro.config.study.study import Study
from leukorepro.core.errors import UserError
from leukorepro.evaluation.curves import epochs_in
from leukorepro.evaluation.predictions import Outcome, positions_of_outcomes

_ROW = ["repeat", "fold", "image_id", "view"]


def check_split_rows(predictions: pd.DataFrame, study: Study, splits: Mapping[str, pd.DataFrame]) -> None:
    """Raise UserError unless the predicted rows of every outcome are those of its split table.

    Parameters
    ----------
    predictions : DataFrame
        Of tested rows, or, with the column `role`, of others; every role that an outcome has rows of is compared.
    study : Study
        Outcomes of items that it has not are passed over.
    splits : mapping of str to DataFrame
        Split tables by rung and split, ``subject_disjoint/five_folds``.
    """
    items = {(number, item.item): (table, item) for number, table in study.tables.items() for item in table.items}
    for outcome, positions in positions_of_outcomes(predictions).items():
        if outcome[:2] not in items:
            continue
        table, item = items[outcome[:2]]
        rows = predictions.iloc[positions]
        rows = rows.assign(repeat=rows["repeat"] // epochs_in(rows, study, table, item))
        place = f"{outcome.protocol}/{table.split_of(item)}"
        for role, own in rows.groupby("role", observed=True) if "role" in rows else [("test", rows)]:
            _compare(own, splits[place], str(role), outcome, place)


def _compare(rows: pd.DataFrame, table: pd.DataFrame, role: str, outcome: Outcome, place: str) -> None:
    found = rows[_ROW].drop_duplicates().astype({"image_id": "str", "view": "str"})
    wanted = table.loc[table["role"] == role, _ROW]
    both = found.merge(wanted, how="outer", on=_ROW, indicator="where")
    other = both[both["where"] != "both"]
    if len(other):
        first = other.iloc[0]
        sides = ["the predictions", f"the split table {place}"]
        has, lacks = sides if first["where"] == "left_only" else reversed(sides)
        raise UserError(
            f"predictions of table '{outcome.table}', item '{outcome.item}', protocol '{outcome.protocol}': made on "
            f"another split: in repeat {first['repeat']}, fold {first['fold']}, view '{first['view']}' of "
            f"'{first['image_id']}' is a {role} row of {has}, but not of {lacks} ({len(other)} such rows); run "
            "`snakemake` again, which predicts anew, or give the predictions of this split."
        )
