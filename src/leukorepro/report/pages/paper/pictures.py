"""The figures of one study's part of the page: drawn into the report's folder, described and captioned."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import pandas as pd

from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.metrics.names import named
from leukorepro.report.figures import bars as figures
from leukorepro.report.figures import squares
from leukorepro.report.figures.bars import Curve
from leukorepro.report.figures.picture import Picture
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.selection import Matrix, drawn_items, in_paper, main_item, matrix_of, shown_rungs
from leukorepro.report.numbers.sources import Sources
from leukorepro.report.numbers.tables import Estimate, Headline, ladder
from leukorepro.report.output import Output
from leukorepro.report.sections.controls.cells import cell_controls
from leukorepro.report.sections.ladder.figure import draw_ladder
from leukorepro.report.sections.ladder.ladder import Ladder
from leukorepro.run.resolved import ResolvedStudy

MANY_CLASSES = 3
"""Tables of more classes have the confusion matrices of one item only."""


class Studio:
    """Draws one study's figures.

    Parameters
    ----------
    study : ResolvedStudy
    sources : Sources
        What earlier stages wrote about the study.
    conditions : sequence of str
        Written under every figure.
    output : Output
        The report's folder.
    """

    def __init__(self, study: ResolvedStudy, sources: Sources, conditions: Sequence[str], output: Output) -> None:
        self.study = study
        self.sources = sources
        self.conditions = conditions
        self.output = output
        self.shown: list[Rung] = shown_rungs(study)
        """The published protocol and the honest one, as far as they ran."""

    def ladder(self, shown: Ladder) -> Picture:
        """The headline number, rung by rung, and what every rung takes from it."""
        top = shown.top
        others = [
            list(ladder(self.study, self.sources.numbers, top.table, item.item, top.metric))
            for item in self.study.study.tables[top.table].items
            if item.item != top.item
        ]
        controls = [] if self.sources.controls is None else cell_controls(self.sources.controls, top.metric)
        figure = partial(draw_ladder, shown, others, self._largest_class(top), self.conditions, controls)
        metric = wording.metric_heading(top.metric)
        values = [f"published {top.published.text}"] if top.published.value is not None else []
        values += [f"{step.name.lower()} {step.estimate.text}" for step in top.steps]
        described = f"{metric} of {top.item} on the leakage ladder: {', '.join(values)}."
        caption = f"{metric} of {wording.table_name(top.table)}, {top.item}, rung by rung. Bars are 95 % intervals."
        if others:
            caption += " Grey lines are the table's other items."
        if (n_seeds := len(top.steps[0].estimate.seeds)) > 1:
            caption += f" Faint points are the {n_seeds} seeds, each value their mean."
        if controls:
            described += f" {wording.sentence([control.told for control in controls])}"
            caption += " Broken grey lines: classifiers that see nothing but the size or the mean colour of the cell"
            caption += ", of the first seed." if n_seeds > 1 else "."
        if shown.climbs:
            steps = [f"{climb.removes} {climb.from_above.told}" for climb in shown.climbs]
            described += f" Paired differences, each to the rung above: {'; '.join(steps)}."
            caption += " Below, each rung's value minus that of the rung above, paired over the same groups of images."
            if any(LADDER[rung].tests_held_out_part for rung in self.study.protocols):
                caption += " The held-out part has groups of its own: that difference is not paired."
        return Picture(
            self.output.figure(figure, "figures", self.study.study.key, f"ladder-{top.table}.svg"), described, caption
        )

    def bars(self, table: str) -> list[Picture]:
        """The paper's figures of a table, redrawn with our numbers beside its own."""
        return [self._bars(key) for key, figure in self.study.study.figures.items() if figure.table == table]

    def heat_map(self, table: str) -> Picture | None:
        """Classifiers against feature sets, in the first metric of a table; None where it is no such matrix."""
        spec = self.study.study.tables[table]
        matrix = matrix_of(spec)
        if matrix is None:
            return None
        numbers, metric = self.sources.numbers, spec.metrics[0]
        rows = [matrix.row(classifier) for classifier in matrix.classifiers]
        panels: list[tuple[str, Rung | None, list[list[Estimate]]]] = [
            (
                f"{LADDER[rung].name} (ours)",
                rung,
                [[numbers.ours(table, i, rung, metric) for i in r] for r in rows],
            )
            for rung in self.shown
        ]
        if in_paper(self.study, numbers, table):
            printed = [[numbers.published(table, item, metric) for item in row] for row in rows]
            panels.insert(0, ("Published", None, printed))
        best = "; ".join(f"{title}: {_best(matrix, estimates)}" for title, _, estimates in panels)
        drawn = partial(squares.heat_map, panels, matrix.classifiers, matrix.features, metric, self.conditions)
        heading, name = wording.metric_heading(metric), wording.table_name(table)
        return Picture(
            self.output.figure(drawn, "figures", self.study.study.key, f"grid-{table}.svg"),
            f"{heading} of {name}, every classifier on every feature set. Best: {best}. The numbers are in the table.",
            f"{heading} of {name}: every classifier on every feature set, on one scale of colours. Best: {best}.",
        )

    def curves(self, table: str) -> Picture | None:
        """ROC curves: with two classes a panel per item, with more a panel per class of one item; None without any."""
        frame = self.sources.roc[self.sources.roc["table"] == table]
        classes = list(dict.fromkeys(frame["class"]))
        if not classes:
            return None
        spec, name = self.study.study.tables[table], self._named(table)
        items = drawn_items(self.study, self.sources.numbers, table)
        if len(classes) == 1:
            title = f"{name}, class {self._called(classes[0])} against the other"
            panels = [(item, self._panel(frame, item, classes[0])) for item in items]
        else:
            main = main_item(self.study, self.sources.numbers, table)
            title = f"{name}, {main}, each class against the others"
            panels = [(self._called(c), self._panel(frame, main, c)) for c in classes]
        drawn = partial(figures.roc, panels, self.conditions)
        after = " Networks are drawn after their last epoch." if spec.epochs == "all" else ""
        return Picture(
            self.output.figure(drawn, "figures", self.study.study.key, f"roc-{table}.svg"),
            f"ROC curves: {title}. Areas under the curves: {_areas(panels)}.",
            f"{title}. In the legends, the area under each curve.{after}{self._others(table, items)}",
            self.output.table(frame, "data", self.study.study.key, f"roc-{table}.csv"),
        )

    def matrices(self, table: str) -> Picture:
        """Confusion matrices of a table's items: of all of them, or of one where they are many or have many classes."""
        frame = self.sources.confusion[self.sources.confusion["table"] == table]
        classes = sorted(set(frame["y_true"]) | set(frame["y_pred"]))
        items = drawn_items(self.study, self.sources.numbers, table)
        if len(classes) > MANY_CLASSES:
            items = [main_item(self.study, self.sources.numbers, table)]
        panels = [
            (item, rung, squares.confusion_counts(_select(frame, item, rung), classes))
            for item in items
            for rung in self.shown
        ]
        drawn = partial(squares.confusion, panels, [self._called(name) for name in classes], self.conditions)
        shown = " and ".join(LADDER[rung].name.lower() for rung in self.shown)
        spec, name = self.study.study.tables[table], self._named(table)
        last = ", of networks after their last epoch" if spec.epochs == "all" else ""
        rows = "scored rows, augmented copies included where the protocol scores them"
        if spec.of_training_rows:
            rows = "rows in every fold that trains on them, augmented copies included"
        return Picture(
            self.output.figure(drawn, "figures", self.study.study.key, f"confusion-{table}.svg"),
            f"Confusion matrices of {', '.join(items)} of {name}, {shown}; the counts are in the CSV table.",
            f"{name}, {shown}: counts of {rows}{last}, and shares of the true class.{self._others(table, items)}",
            self.output.table(frame, "data", self.study.study.key, f"confusion-{table}.csv"),
        )

    def _bars(self, key: str) -> Picture:
        figure = self.study.study.figures[key]
        numbers = self.sources.numbers
        published = [[numbers.published(figure.table, item, m) for m in figure.metrics] for item in figure.items]
        printed = any(estimate.value is not None for row in published for estimate in row)
        groups: list[tuple[str, Rung | None, list[list[Estimate]]]] = [("Published", None, published)] * printed
        for rung in self.shown:
            ours = [[numbers.ours(figure.table, item, rung, m) for m in figure.metrics] for item in figure.items]
            groups.append((f"{LADDER[rung].name} (ours)", rung, ours))
        drawn = partial(figures.bars, figure.items, figure.metrics, groups, self.conditions)
        name = wording.figure_name(key)
        return Picture(
            self.output.figure(drawn, "figures", self.study.study.key, f"paper-{key}.svg"),
            f"{name} of the paper: {', '.join(map(wording.metric_name, figure.metrics))} of "
            f"{', '.join(figure.items)}{', published beside ours' if printed else ''}; the numbers are in "
            f"{wording.table_name(figure.table)}.",
            f"{name} of the paper: {figure.title}. Lines are 95 % intervals.",
        )

    def _called(self, name: str) -> str:
        """What the paper calls a class."""
        return self.study.study.class_names.get(name, name)

    def _named(self, table: str) -> str:
        """A table as curves and matrices of it are headed: those of rows that were trained on are told from others."""
        trained = self.study.study.tables[table].of_training_rows
        return f"{wording.table_name(table)}{', training rows' if trained else ''}"

    def _others(self, table: str, drawn: Sequence[str]) -> str:
        """What became of a table's items that are not drawn."""
        others = len(self.study.study.tables[table].items) - len(drawn)
        if not others:
            return ""
        return f" Drawn for {', '.join(drawn)}; {wording.count(others, 'other item')} not drawn."

    def _largest_class(self, top: Headline) -> float | None:
        """Accuracy of always answering the largest class, on the rows of the honest rung."""
        if named(top.metric).meaning != named("accuracy").meaning or top.honest_rung is None:
            return None
        frame = self.sources.confusion
        rows = _select(frame[frame["table"] == top.table], top.item, top.honest_rung)
        counts = rows.groupby("y_true")["count"].sum()
        return float(counts.max() / counts.sum())

    def _panel(self, frame: pd.DataFrame, item: str, positive: str) -> list[Curve]:
        chosen = {rung: _select(frame[frame["class"] == positive], item, rung) for rung in self.shown}
        return [
            Curve(rung, rows["fpr"].tolist(), rows["tpr"].tolist()) for rung, rows in chosen.items() if not rows.empty
        ]


def _select(frame: pd.DataFrame, item: str, rung: Rung) -> pd.DataFrame:
    return frame[(frame["item"] == item) & (frame["protocol"] == rung)]


def _best(matrix: Matrix, estimates: Sequence[Sequence[Estimate]]) -> str:
    """Where a matrix is largest, and how large."""
    known = [
        (estimate.value, f"{classifier} on {features}, {estimate.text}")
        for classifier, row in zip(matrix.classifiers, estimates, strict=True)
        for features, estimate in zip(matrix.features, row, strict=True)
        if estimate.value is not None
    ]
    return max(known)[1] if known else "nothing"


def _areas(panels: Sequence[tuple[str, Sequence[Curve]]]) -> str:
    return "; ".join(
        f"{title} " + ", ".join(f"{LADDER[c.rung].name.lower()} {wording.number('auroc', c.area)}" for c in curves)
        for title, curves in panels
    )
