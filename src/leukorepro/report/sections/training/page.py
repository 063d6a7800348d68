"""What a study's page shows of trainings: figures, how long they took, where they ended and how they were set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import pandas as pd

from leukorepro.config.study.training import TrainedInEpochs
from leukorepro.core.words import Budget
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.figures.picture import Picture
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.sources import Sources
from leukorepro.report.output import Output
from leukorepro.report.sections.training.durations import Duration, durations
from leukorepro.report.sections.training.pictures import TrainingStudio
from leukorepro.report.sections.training.trainings import MEASURES, PARTS, Fit, Reduction, network_titles
from leukorepro.run.conditions.reductions import trained_systems
from leukorepro.run.plan import training_rung
from leukorepro.run.resolved import ResolvedStudy


@dataclass(frozen=True)
class FitRow:
    """The trainings of one reducer on one rung, summed up."""

    reducer: str
    rung: str
    n_fits: int
    epochs: str
    loss: str
    stopped_by: str


@dataclass(frozen=True)
class Ending:
    """A value after the last epoch; of several fits their mean, and the lowest and the highest."""

    text: str
    span: str


@dataclass(frozen=True)
class NetworkRow:
    """Trainings of one network on one rung: of one fold, or of all of them summed up."""

    network: str
    protocol: Rung
    rung: str
    """Its name, and those of others that the same training serves."""
    fit: str
    """Name of a single fit, its repeat and fold; else how many there are."""
    epochs: int
    seconds: str
    """For an epoch, the median."""
    endings: list[Ending]
    """Loss of the training and the test part, accuracy of both."""


@dataclass(frozen=True)
class Setting:
    """How a system is trained."""

    name: str
    what: str
    epochs: int
    batch_size: int
    optimizer: str
    learning_rate: str
    more: str


@dataclass(frozen=True)
class TrainingPage:
    """Everything that the template lays out of one study's trainings."""

    losses: Picture | None
    fits: list[FitRow]
    reconstructions: list[Picture]
    correlations: Picture | None
    curves: Picture | None
    networks: list[NetworkRow]
    """A row for every network and rung."""
    every_fit: list[NetworkRow]
    """A row for every network, rung and fold."""
    durations: list[Duration]
    """Of networks whose seconds per epoch the paper prints."""
    settings: list[Setting]


def training_page(
    study: ResolvedStudy, budget: Budget, sources: Sources, conditions: Sequence[str], output: Output
) -> TrainingPage:
    """Draw the figures of a study's trainings into the report's folder and put its tables of them together.

    Parameters
    ----------
    study : ResolvedStudy
        One of the run's.
    budget : {'demo', 'published'}
        Of the run.
    sources : Sources
        What earlier stages left of the study.
    conditions : sequence of str
        What sets the numbers apart from the paper's, in a few words each; empty where nothing does.
    output : Output
        Takes the page's files, and its pictures to be drawn.
    """
    studio = TrainingStudio(study, sources, conditions, output)
    trainings = sources.trainings
    return TrainingPage(
        losses=studio.losses(),
        fits=[row for reduction, fits in trainings.reducers.items() for row in _fit_rows(reduction, fits)],
        reconstructions=[studio.reconstructions(*of_one) for of_one in trainings.samples.items()],
        correlations=studio.correlations(),
        curves=studio.curves(),
        networks=list(_network_rows(study, sources, ["protocol"])),
        every_fit=list(_network_rows(study, sources, ["protocol", "repeat", "fold"])),
        durations=durations(study, budget, sources.verdicts, trainings.networks),
        settings=list(_settings(study, budget)),
    )


def _fit_rows(reduction: Reduction, fits: Sequence[Fit]) -> Iterator[FitRow]:
    for rung in dict.fromkeys(fit.rung for fit in fits):
        chosen = [fit for fit in fits if fit.rung == rung]
        epochs = sorted({fit.n_epochs for fit in chosen})
        stopped = Counter(fit.stopped_by for fit in chosen)
        yield FitRow(
            reduction.title,
            LADDER[rung].name,
            len(chosen),
            str(epochs[0]) if len(epochs) == 1 else f"{epochs[0]} to {epochs[-1]}",
            f"{median(fit.loss[-1] for fit in chosen):#.4g}",
            ", ".join(f"{reason} ({count})" for reason, count in sorted(stopped.items())),
        )


def _network_rows(study: ResolvedStudy, sources: Sources, by: list[str]) -> Iterator[NetworkRow]:
    networks = sources.trainings.networks
    titles = network_titles(networks)
    for fit, epochs in networks.items():
        for key, rows in epochs.groupby(by, sort=False):
            served = [r for r in study.protocols if training_rung(study, fit, r) == key[0]]
            fits = rows.groupby(["repeat", "fold"])
            yield NetworkRow(
                titles[fit],
                served[0],
                wording.listed([LADDER[served[0]].name, *(LADDER[r].name.lower() for r in served[1:])]),
                str(fits.ngroups) if len(key) == 1 else f"r{key[1]}f{key[2]}",
                int(rows["epoch"].max()),
                f"{rows['seconds'].median():#.3g}".rstrip("."),
                [_ending(f"{part}_{measure}", fits.tail(1)) for measure in MEASURES for part in PARTS],
            )


def _ending(measure: str, last: pd.DataFrame) -> Ending:
    """What the last epochs of some fits come to."""
    values = last[measure]
    low, high = (wording.number(measure, value) for value in (values.min(), values.max()))
    return Ending(wording.number(measure, values.mean()), "" if len(values) == 1 else f"{low}\N{EN DASH}{high}")


def _settings(study: ResolvedStudy, budget: Budget) -> Iterator[Setting]:
    """Of networks, last layers and convolutional autoencoders."""
    for name, spec in trained_systems(study).items():
        if isinstance(spec, TrainedInEpochs) and (recipe := spec.recipe(budget)) is not None:
            what, optimizer, rate, batch_size, more = recipe
            yield Setting(name, what, spec.epochs[budget], batch_size, optimizer, f"{rate:g}", "; ".join(more))
