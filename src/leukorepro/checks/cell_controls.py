"""Controls of size and colour: how far one measure of the cell goes, with nothing else to be seen.

Lymphoblasts are larger than most lymphocytes, and laboratories stain differently. Where the classes of a dataset differ
in either, a classifier that sees nothing else already has a part of what a network is praised for. Two classifiers are
fitted and tested on the headline's own splits: one sees the share of the image that the cell covers, the other the mean
colour of the cell's own pixels, as `leukorepro.features.descriptors.cell_area.size_and_colour` measures both.

The classifier is the same for all studies, so that its values can be compared between them: Gaussian naive Bayes, which
takes a measure for normal within a class. It has nothing to be tuned, its cost grows with the rows and no faster, and
classes need not be ordered by size: of three, the one of middling size lies between two others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from leukorepro.checks.control_table import Row, agreement_by_chance, sizes
from leukorepro.checks.controls import Controlled, Place, predict, usable
from leukorepro.config.study.items import Item
from leukorepro.core.tables.results import CONTROLS_TABLE
from leukorepro.core.words import CELL_CONTROLS, Control
from leukorepro.evaluation.outcome_metrics import Measuring, outcome_metrics
from leukorepro.features.descriptors.registry import SIZE_AND_COLOUR
from leukorepro.features.fusion import Features
from leukorepro.systems.classifiers.engines import Settings
from leukorepro.systems.classifiers.kinds.naive_bayes import NaiveBayesSpec

NAIVE_BAYES = NaiveBayesSpec(kind="naive_bayes")
"""What sees the measures."""

COLUMNS = {"cell_size": [0], "mean_colour": [1, 2, 3]}
"""Columns of the descriptor that each control sees."""

SEES = {"cell_size": "the share of the image that the cell covers", "mean_colour": "the mean colour of the cell"}


def cell_table(
    cells: Controlled, places: Sequence[Place], controls: Sequence[Control], measuring: Measuring, settings: Settings
) -> pd.DataFrame:
    """Run the controls of size and colour of a study.

    Parameters
    ----------
    cells : Controlled
        The headline, with `NAIVE_BAYES` for its classifier and the columns of the descriptor for its features.
    places : sequence of Place
        Rungs that ran, with the headline's splits.
    controls : sequence of str
        Of a run; those of `CELL_CONTROLS` are made.
    measuring : Measuring
        How the headline is measured; the accuracy stands beside the metrics that it has for printed ones.
    settings : Settings

    Returns
    -------
    DataFrame
        A `CONTROLS_TABLE`, a row for each control, rung and metric. Images without a cell count as ones of the size 0,
        and black; how many there are stands in `note`.
    """
    missed = _without_a_cell(cells.features, places)
    item = Item(item=cells.item.item, features=SIZE_AND_COLOUR, classifier=NAIVE_BAYES.kind)  # without its reducer
    rows: list[Row] = []
    for control in CELL_CONTROLS:
        if control not in controls:
            continue
        matrix = np.asarray(cells.features.matrix)[:, COLUMNS[control]]
        seen = replace(cells, item=item, features=Features(matrix, cells.features.rows))
        note = "; ".join(filter(None, [f"Gaussian naive Bayes sees {SEES[control]} alone", missed]))
        rows += [
            {"control": control, "note": note, **row}
            for place in places
            for row in _rows(seen, place, measuring, settings)
        ]
    about = {"study": cells.study, "table": cells.table, "item": cells.item.item, "seed": settings.seed, "unit": ""}
    return CONTROLS_TABLE.frame({**row, **about} for row in rows)


def _without_a_cell(features: Features, places: Sequence[Place]) -> str:
    """In how many of the images that take part no cell was found; empty where one was in each."""
    used = pd.concat([place.splits.loc[place.splits["role"] != "excluded", ["image_id", "view"]] for place in places])
    used = used.drop_duplicates()
    without = used[np.asarray(features.matrix)[features.row_numbers(used), 0] == 0]
    if without.empty:
        return ""
    return (
        f"no cell was found in {without['image_id'].nunique()} of {used['image_id'].nunique()} images, "
        f"{without['image_id'].iloc[0]} among them, which count as ones of the size 0, and black"
    )


def _rows(cells: Controlled, place: Place, measuring: Measuring, settings: Settings) -> list[Row]:
    """A row for each metric on one rung."""
    rows = predict(cells, place, usable(cells), cells.positive_class, settings)
    measured = outcome_metrics(rows, None, measuring)
    chance = {"accuracy": agreement_by_chance(rows), "auroc": 0.5}
    return [
        {
            "protocol": place.protocol.rung,
            "metric": row.metric,
            "value": row.value,
            "ci_low": row.ci_low,
            "ci_high": row.ci_high,
            "chance": chance.get(str(row.metric)),
            **sizes(rows),
        }
        for row in measured[measured["metric"].isin(["accuracy", *measuring.printed])].itertuples()
    ]
