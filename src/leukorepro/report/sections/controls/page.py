"""What a study's page shows of its controls: labels that mean nothing, and subjects that are recognised."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import cast

import pandas as pd

from leukorepro.checks.controls import SHUFFLES, LabelUnit
from leukorepro.core.tables.results import CONTROLS_TABLE
from leukorepro.core.words import CELL_CONTROLS
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.figures.picture import Picture
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.tables import Estimate
from leukorepro.report.output import Output
from leukorepro.report.sections.controls import figures as control_figures
from leukorepro.report.sections.controls.cells import CellControl, cell_controls, estimate_of
from leukorepro.report.sections.controls.figures import Panel, Point
from leukorepro.run.resolved import ResolvedStudy

KEPT: dict[LabelUnit, str] = {
    "source": "One label for each photograph and its copies",
    "subject": "One label for each subject and all its images",
}
"""How labels were dealt out."""

SHOWS: dict[LabelUnit, str] = {
    "source": "above chance: what copies of a photograph give away when they are on both sides of a split",
    "subject": "above chance: what a subject's images give away when they are on both sides of a split",
}


@dataclass(frozen=True)
class Shuffled:
    """A classifier's values on shuffled labels, on one rung."""

    rung: Rung
    name: str
    accuracy: Estimate
    chance: str
    span: str
    """Lowest and highest accuracy of the single shuffles."""
    auroc: Estimate
    reading: str
    """Where the accuracy's interval lies."""


@dataclass(frozen=True)
class Dealing:
    """A way of dealing out labels."""

    title: str
    shows: str
    rows: list[Shuffled]
    reason: str
    """Why it was not possible; empty where it was."""


@dataclass(frozen=True)
class Recognition:
    """How often subjects are recognised."""

    accuracy: Estimate
    chance: str
    n_subjects: int
    reading: str
    reason: str


@dataclass(frozen=True)
class ControlsPage:
    """Everything that the template lays out."""

    what: str
    """Table and item."""
    notes: list[str]
    n_shuffles: int
    dealings: list[Dealing]
    recognition: Recognition | None
    cells: list[CellControl]
    """What the size and the colour of the cell alone give, in the metric that the paper is quoted in."""
    cells_what: str
    """The headline, whose splits and metric these have."""
    cells_notes: list[str]
    picture: Picture | None
    csv: str


def controls_page(file: Path, study: ResolvedStudy, conditions: Sequence[str], output: Output) -> ControlsPage:
    """Draw the figure of a study's controls into the report's folder and put its part of the page together.

    Parameters
    ----------
    file : Path
        ``controls.csv``
    study : ResolvedStudy
    conditions : sequence of str
        Written under the figure.
    output : Output
        The report's folder.
    """
    whole = CONTROLS_TABLE.read(file)
    of_cells = whole["control"].isin(CELL_CONTROLS)
    frame = whole[~of_cells]
    shuffled = frame[frame["control"] == "shuffled_labels"]
    dealings = {unit: _dealing(unit, shuffled[shuffled["unit"] == unit]) for unit in KEPT if len(shuffled)}
    csv = output.copy(file, "data", study.study.key, "controls.csv")
    return ControlsPage(
        what=_what(frame),
        notes=_notes(frame[frame["value"].notna()]),
        n_shuffles=SHUFFLES,
        dealings=list(dealings.values()),
        recognition=_recognition(frame[frame["control"] == "subject_identity"]),
        cells=cell_controls(whole, study.study.tables[study.study.headline.partition("/")[0]].metrics[0]),
        cells_what=_what(whole[of_cells]),
        cells_notes=_notes(whole[of_cells]),
        picture=_picture(list(dealings.values()), study, conditions, output, csv),
        csv=csv,
    )


def _what(rows: pd.DataFrame) -> str:
    """Table and item of some rows; empty where there are none."""
    return "" if rows.empty else f"{wording.table_name(rows['table'].iloc[0])}, {rows['item'].iloc[0]}"


def _notes(rows: pd.DataFrame) -> list[str]:
    """What is told of the controls, each once."""
    return [note for note in dict.fromkeys("; ".join(rows["note"].unique()).split("; ")) if note]


def _dealing(unit: LabelUnit, rows: pd.DataFrame) -> Dealing:
    reason = "" if rows["value"].notna().any() else wording.sentence(rows["note"].iloc[0])
    return Dealing(KEPT[unit], SHOWS[unit], [] if reason else list(_shuffled(rows)), reason)


def _shuffled(rows: pd.DataFrame) -> Iterator[Shuffled]:
    for rung, of_rung in rows.groupby("protocol", sort=False):
        by_metric = {row["metric"]: row for row in of_rung.to_dict("records")}
        row = by_metric["accuracy"]
        accuracy = estimate_of(row)
        low, high, chance = (wording.number("accuracy", row[name]) for name in ("lowest", "highest", "chance"))
        yield Shuffled(
            rung=cast(Rung, rung),
            name=LADDER[cast(Rung, rung)].name,
            accuracy=accuracy,
            chance=chance,
            span=f"{low}\N{EN DASH}{high}",
            auroc=estimate_of(by_metric["auroc"]),
            reading=_reading(accuracy, row["chance"]),
        )


def _recognition(rows: pd.DataFrame) -> Recognition | None:
    """None where it was not asked for."""
    if rows.empty:
        return None
    (row,) = rows.to_dict("records")
    estimate = estimate_of(row)
    known = estimate.value is not None
    return Recognition(
        accuracy=estimate,
        chance=wording.number("accuracy", row["chance"]),
        n_subjects=int(row["n_subjects"]) if known else 0,
        reading=_reading(estimate, row["chance"]),
        reason="" if known else wording.sentence(row["note"]),
    )


def _reading(estimate: Estimate, chance: float) -> str:
    """Where an interval lies beside what chance gives; empty where there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    return "above chance" if estimate.low > chance else "below chance" if estimate.high < chance else "at chance"


def _picture(
    dealings: Sequence[Dealing], study: ResolvedStudy, conditions: Sequence[str], output: Output, csv: str
) -> Picture | None:
    drawn = [dealing for dealing in dealings if dealing.rows]
    if not drawn:
        return None
    panels = [
        Panel(dealing.title, [Point(row.rung, row.accuracy, float(row.chance)) for row in dealing.rows])
        for dealing in drawn
    ]
    told = "; ".join(
        f"{dealing.title[0].lower()}{dealing.title[1:]}: "
        + ", ".join(f"{row.name.lower()} {row.accuracy.text} (chance {row.chance})" for row in dealing.rows)
        for dealing in drawn
    )
    return Picture(
        output.figure(
            partial(control_figures.shuffled, panels, conditions), "figures", study.study.key, "controls.svg"
        ),
        f"Accuracy on shuffled labels in per cent. {wording.sentence(told)}",
        "Accuracy on labels that mean nothing, mean over the shuffles, with 95 % intervals; grey lines are chance.",
        csv,
    )
