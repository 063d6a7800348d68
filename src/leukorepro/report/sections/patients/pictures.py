"""The figures of one study's section on patients: drawn into the report's folder, described and captioned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from leukorepro.config.study.items import Item
from leukorepro.evaluation.patients.calibration import N_BINS
from leukorepro.evaluation.patients.subjects import SEVERAL
from leukorepro.ladder.rungs import Rung
from leukorepro.report.figures.picture import Picture
from leukorepro.report.numbers import wording
from leukorepro.report.output import Output
from leukorepro.report.sections.patients import figures as patients_figures
from leukorepro.report.sections.patients.figures import Panel
from leukorepro.run.resolved import ResolvedStudy

GROUPS = "95 % intervals from resampling groups of images that share a subject, a photograph or content"


class Quoted(NamedTuple):
    """An item that is shown."""

    table: str
    item: str

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{wording.table_name(self.table)}, {self.item}"

    def spec(self, study: ResolvedStudy) -> Item:
        """Its configuration."""
        return next(item for item in study.study.tables[self.table].items if item.item == self.item)


class PatientsStudio:
    """Draws one study's figures of patients.

    Parameters
    ----------
    study : ResolvedStudy
    shown : sequence of Rung
        Rungs to draw.
    conditions : sequence of str
        Written under every figure.
    output : Output
        The report's folder.
    """

    def __init__(self, study: ResolvedStudy, shown: Sequence[Rung], conditions: Sequence[str], output: Output) -> None:
        self.study = study
        self.shown = shown
        self.conditions = conditions
        self.output = output

    def reliability(self, frame: pd.DataFrame, quoted: Sequence[Quoted]) -> Picture | None:
        """Reliability curves of some items with their histograms; None where none has probabilities.

        Parameters
        ----------
        frame : DataFrame
            Bins of stated probabilities, of all items.
        quoted : sequence of Quoted
            Items that are drawn, a panel each.
        """
        panels, rows = self._panels(frame, quoted)
        if not panels:
            return None
        classes = [name for name in rows["class"].unique() if name]
        event = [f"that a row is of the class {wording.listed([self.called(name) for name in classes])}"] * bool(
            classes
        )
        event += ["that the most probable class is right, where there are several"] * ("" in set(rows["class"]))
        return self._picture(
            partial(patients_figures.reliability, panels, self.conditions),
            "reliability",
            f"Reliability curves of {_titles(panels)}, with histograms of the stated probabilities; the numbers are in "
            "the CSV table.",
            f"Reliability: the stated probability {', and '.join(event)}, in {N_BINS} bins, against the share of rows "
            f"in which it came true. On the dashed line both are equal; larger points hold more rows. {GROUPS}. Below, "
            "the share of rows in each bin.",
            rows,
        )

    def decision(self, frame: pd.DataFrame, quoted: Sequence[Quoted]) -> Picture | None:
        """Decision curves of some items; None where none has probabilities of two classes.

        Parameters
        ----------
        frame : DataFrame
            Net benefits at every threshold, of all items.
        quoted : sequence of Quoted
            Items that are drawn, a panel each.
        """
        panels, rows = self._panels(frame, quoted)
        if not panels:
            return None
        return self._picture(
            partial(patients_figures.decision, panels, self.conditions),
            "decision",
            f"Decision curves of {_titles(panels)}; the numbers are in the CSV table.",
            "Decision curves: the net benefit of treating every cell whose probability reaches the threshold, in true "
            "positives per row; thin lines, of treating all; the line at zero, of treating none. A classifier is of "
            f"use where it lies above both, if as many rows are positive as were tested here. Bands are {GROUPS}.",
            rows,
        )

    def dots(self, frame: pd.DataFrame, quoted: Sequence[Quoted]) -> Picture | None:
        """A dot for each subject; None where no item has two classes or no subject is known.

        Parameters
        ----------
        frame : DataFrame
            Shares of every subject's cells, of all items.
        quoted : sequence of Quoted
            Items that are drawn, a panel each.
        """
        two = frame[frame["share_positive"].notna() & (frame["class"] != SEVERAL)]
        positives = {q: self.positive(q) for q in quoted}
        names = {self.called(name) for name in positives.values() if name}
        if two.empty or len(names) != 1:
            return None
        drawn = [q for q in quoted if ((two["table"] == q.table) & (two["item"] == q.item)).any()]
        marked = two.assign(
            positive=[
                positives.get(Quoted(t, i)) == c
                for t, i, c in zip(two["table"], two["item"], two["class"], strict=True)
            ]
        )
        panels, rows = self._panels(marked, drawn)
        if not panels:
            return None
        (positive,) = names
        others = sorted({self.called(name) for name in rows.loc[~rows["positive"], "class"]})
        return self._picture(
            partial(patients_figures.dots, panels, positive, wording.listed(others) or "others", self.conditions),
            "subjects",
            f"For {_titles(panels)}, a dot for each subject at the share of its cells called {positive}; the numbers "
            "are in the CSV table.",
            f"A dot for each tested subject, at the share of its cells called {positive}: filled for subjects of that "
            "class, open for others. From the dashed line on, half of the cells, a subject is diagnosed so. A cell "
            "counts as often as the protocol tests it. Protocols that put a subject's cells on both sides test few of "
            "them.",
            rows.drop(columns="positive"),
        )

    def called(self, name: str) -> str:
        """What the paper calls a class."""
        return self.study.study.class_names.get(name, name)

    def positive(self, quoted: Quoted) -> str | None:
        """With two classes, the one that counts as positive for an item."""
        table = self.study.study.tables[quoted.table]
        return self.study.positive_class_of(table.split_of(quoted.spec(self.study)))

    def _panels(self, frame: pd.DataFrame, quoted: Sequence[Quoted]) -> tuple[list[Panel], pd.DataFrame]:
        """What is drawn of each item, and all its rows."""
        panels = []
        for q in quoted:
            own = frame[(frame["table"] == q.table) & (frame["item"] == q.item)]
            rows = {rung: own[own["protocol"] == rung] for rung in self.shown if (own["protocol"] == rung).any()}
            if rows:
                panels.append(Panel(q.name, rows))
        return panels, pd.concat([frame[:0], *(rows for panel in panels for rows in panel.rows.values())])

    def _picture(self, figure: Callable[[], Figure], name: str, alt: str, caption: str, rows: pd.DataFrame) -> Picture:
        key = self.study.study.key
        return Picture(
            self.output.figure(figure, "figures", key, f"{name}.svg"),
            alt,
            caption,
            self.output.table(rows, "data", key, f"{name}-drawn.csv"),
        )


def _titles(panels: Sequence[Panel]) -> str:
    return wording.listed([panel.title for panel in panels])
