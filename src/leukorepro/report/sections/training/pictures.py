"""The figures of one study's trainings: drawn into the report's folder, described and captioned."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from numpy.typing import NDArray

from leukorepro.config.study.training import ClassifierTrainingSpec
from leukorepro.core.tables.predictions import RECONSTRUCTION
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.metrics.names import named
from leukorepro.report.figures.picture import Picture
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.selection import shown_rungs
from leukorepro.report.numbers.sources import Sources
from leukorepro.report.output import Output
from leukorepro.report.sections.training import figures as training_figures
from leukorepro.report.sections.training.figures import Learning, Losses, Pairs
from leukorepro.report.sections.training.trainings import MEASURES, PARTS, Reduction, Samples, network_titles
from leukorepro.run.plan import NetworkFit, training_rung
from leukorepro.run.resolved import ResolvedStudy

SHOWN_PAIRS = 6
"""Images of an autoencoder that are shown beside their reconstructions."""

BINS = 30
"""Of the distribution of correlations."""


@dataclass(frozen=True)
class TrainingStudio:
    """Draws the figures of one study's trainings; each is None where there is nothing to draw."""

    study: ResolvedStudy
    sources: Sources
    conditions: Sequence[str]
    """Written under every figure."""
    output: Output

    def losses(self) -> Picture | None:
        """Training losses of the reducers."""
        reducers = self.sources.trainings.reducers
        if not reducers:
            return None
        panels = []
        for reduction, fits in reducers.items():
            drawn = [fit for fit in fits if fit.rung in shown_rungs(self.study)]
            rungs = dict.fromkeys(fit.rung for fit in drawn)
            first = drawn[0].first_epoch
            groups = [Losses(rung, [fit.loss for fit in drawn if fit.rung == rung], first) for rung in rungs]
            panels.append((reduction.title, groups))
        frame = pd.DataFrame(
            [
                (*reduction, fit.rung, fit.name, epoch, loss)
                for reduction, fits in reducers.items()
                for fit in fits
                for epoch, loss in enumerate(fit.loss, start=fit.first_epoch)
            ],
            columns=["split", "features", "reducer", "protocol", "fit", "epoch", "loss"],
        )
        return Picture(
            self._figure(partial(training_figures.losses, panels, self.conditions), "loss-reducers.svg"),
            f"Training loss over epochs of {', '.join(title for title, _ in panels)}; final values are in the table.",
            "Training loss of every fit: one where the protocol fits on all rows, else one for each fold.",
            self.output.table(frame, "data", self.study.study.key, "loss.csv"),
        )

    def reconstructions(self, reduction: Reduction, samples: Sequence[Samples]) -> Picture:
        """Images of an autoencoder above its reconstructions of them.

        Parameters
        ----------
        reduction : Reduction
            The autoencoder.
        samples : sequence of Samples
            Images of each rung with their reconstructions; the first few are shown.
        """
        groups = [Pairs(s.rung, s.images[:SHOWN_PAIRS], s.correlation[:SHOWN_PAIRS]) for s in samples]
        drawn = partial(training_figures.reconstructions, groups, self.conditions)
        values = [
            f"{LADDER[group.rung].name.lower()} "
            + ", ".join(wording.number(RECONSTRUCTION, value) for value in group.correlation)
            for group in groups
        ]
        return Picture(
            self._figure(
                drawn, f"reconstruction-{reduction.split}-{reduction.features}-{reduction.reducer}.svg", of_cells=True
            ),
            f"Images and their reconstructions by {reduction.title}. Correlations: {'; '.join(values)}.",
            f"Images and, below them, their reconstructions by {reduction.title}; under each pair its correlation over "
            f"pixels and channels. {_who_saw(samples)}",
        )

    def correlations(self) -> Picture | None:
        """How alike tested images and their reconstructions are."""
        measured = self.sources.trainings.correlations
        if not measured:
            return None
        panels, rows, means, classes = [], [], [], set()
        for reduction, of_all in measured.items():
            printed, of_class = self._printed(reduction)
            of_rung = {
                rung: values[values.index == of_class] if of_class else values for rung, values in of_all.items()
            }
            if any(values.empty for values in of_rung.values()):
                printed, of_class, of_rung = None, "", of_all  # a rung tests none of that class
            classes.add(of_class)
            title = f"{reduction.title}, class {of_class}," if of_class else reduction.title
            edges = _bins(of_rung)
            counts = {rung: np.histogram(values.clip(upper=1), edges)[0] for rung, values in of_rung.items()}
            rows += [
                (*reduction, of_class, rung, low, high, count)
                for rung in counts
                for low, high, count in zip(edges[:-1], edges[1:], counts[rung], strict=True)
            ]
            shown = {rung: counts[rung] for rung in shown_rungs(self.study)}
            panels.append(training_figures.Distribution(title.rstrip(","), edges, shown, printed))
            told = [
                f"{LADDER[rung].name.lower()} {wording.number(RECONSTRUCTION, float(of_rung[rung].mean()))}"
                for rung in shown
            ]
            means.append(f"{title} {', '.join(told)}")
        columns = ["split", "features", "reducer", "class", "protocol", "low", "high", "count"]
        frame = pd.DataFrame(rows, columns=columns)
        drawn = partial(training_figures.correlations, panels, self.conditions)
        return Picture(
            self._figure(drawn, "correlation-reducers.svg"),
            f"Correlations of tested images and their reconstructions. Means: {'; '.join(means)}.",
            f"Correlation of every tested image and its reconstruction. Means: {'; '.join(means)}.{self._known()}"
            + " Where a class is named, the paper's number is of it, and so are the images." * bool(classes - {""}),
            self.output.table(frame, "data", self.study.study.key, "correlation.csv"),
        )

    def curves(self) -> Picture | None:
        """Loss and accuracy of the networks over the epochs."""
        networks = self.sources.trainings.networks
        if not networks:
            return None
        titles = network_titles(networks)
        panels = [(titles[fit], self._learning(fit, epochs)) for fit, epochs in networks.items()]
        frame = pd.concat([epochs.assign(network=fit.id) for fit, epochs in networks.items()], ignore_index=True)
        frame = frame[["network", *frame.columns.drop("network")]]
        ends = "; ".join(f"{title}: {', '.join(map(_reached, curves))}" for title, curves in panels)
        return Picture(
            self._figure(partial(training_figures.learning, panels, self.conditions), "training-networks.svg"),
            f"Loss and accuracy over epochs. Accuracy on the test part after the last epoch: {ends}.",
            " ".join(self._about_curves([curve for _, curves in panels for curve in curves])),
            self.output.table(frame, "data", self.study.study.key, "epochs.csv"),
        )

    def _about_curves(self, curves: Sequence[Learning]) -> Iterator[str]:
        yield "Loss and accuracy: of the test part after each epoch, of the training part while it was trained on."
        if any(len(values) > 1 for curve in curves for values in curve.values.values()):
            yield "Lines are means over the fits of all folds, bands reach from the lowest fit to the highest."
        specs = {
            fit.classifier: self.study.study.classifiers[fit.classifier] for fit in self.sources.trainings.networks
        }
        networks = {name: spec for name, spec in specs.items() if isinstance(spec, ClassifierTrainingSpec)}
        weighed = [name for name, spec in networks.items() if spec.class_weights]
        if weighed:
            yield f"The training loss of {wording.listed(weighed)} is weighted by class, as it was minimised."
        yield "The test part was only recorded: no epoch was chosen by it."

    def _figure(self, figure: Callable[[], Figure], name: str, *, of_cells: bool = False) -> str:
        return self.output.figure(figure, "figures", self.study.study.key, name, of_cells=of_cells)

    def _learning(self, fit: NetworkFit, epochs: pd.DataFrame) -> list[Learning]:
        """Curves of the rungs that are drawn."""
        rungs = dict.fromkeys(training_rung(self.study, fit, rung) for rung in shown_rungs(self.study))
        curves = []
        for rung in rungs:
            rows = epochs[epochs["protocol"] == rung]
            values = {
                (part, measure): rows.pivot(
                    index=["repeat", "fold"], columns="epoch", values=f"{part}_{measure}"
                ).to_numpy(dtype=np.float64)
                * (100 if measure == "accuracy" else 1)
                for part in PARTS
                for measure in MEASURES
            }
            curves.append(Learning(rung, values))
        return curves

    def _known(self) -> str:
        """Rungs on which the autoencoders were trained on what they are tested on."""
        rungs = [rung for rung in shown_rungs(self.study) if self.study.protocols[rung].scope == "all"]
        names = wording.listed([LADDER[rung].name for rung in rungs])
        return f" {names}, the tested images were among those that the autoencoder was trained on." if rungs else ""

    def _printed(self, reduction: Reduction) -> tuple[float | None, str]:
        """The correlation that the paper prints of an autoencoder, and its class; empty where it is of all."""
        for number, table in self.study.study.tables.items():
            for metric in table.metrics:
                name = named(metric)
                if name.metric == RECONSTRUCTION:
                    for item in table.items:
                        value = self.sources.numbers.published(number, item.item, metric).value
                        if value is not None and item.reducer == reduction.reducer:
                            return value, name.of_class
        return None, ""


def _bins(of_rung: Mapping[Rung, pd.Series]) -> NDArray[np.float64]:
    """Edges of bins from the smallest correlation, rounded down, to 1."""
    low = min(float(values.min()) for values in of_rung.values())
    step = 0.1 if low < 0.8 else 0.01
    return np.linspace(min(np.floor(low / step) * step, 1 - step), 1, BINS + 1)


def _who_saw(samples: Sequence[Samples]) -> str:
    """Whether the pictures are of images that the autoencoder was trained on."""
    told: list[str] = []
    for seen, verb in ((True, "had"), (False, "had not")):
        rungs = [LADDER[group.rung].name.lower() for group in samples if group.seen == seen]
        if rungs:
            who = f"it {verb}" if told else f"the autoencoder {verb} been trained on these images"
            told.append(f"{wording.listed(rungs)}, {who}")
    return wording.sentence(told)


def _reached(curve: Learning) -> str:
    last = float(curve.values["test", "accuracy"][:, -1].mean())
    return f"{LADDER[curve.rung].name.lower()} {last:.1f} %"
