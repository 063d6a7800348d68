"""What a paper's page shows of the held-out part, or of another dataset: its classes, its stain, what the loss is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import pandas as pd

from leukorepro.core.words import COLOUR
from leukorepro.evaluation.transfer import MEASURES, reference_rung
from leukorepro.ladder.rungs import EXTERNAL, LADDER, Rung
from leukorepro.report.figures.picture import Picture
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.tables import Estimate, float_or_none
from leukorepro.report.output import Output
from leukorepro.report.pages.dataset.album import Album
from leukorepro.report.pages.dataset.colours import COLOURS, measured, sample_of
from leukorepro.report.pages.dataset.colours import MEASURES as COLOUR_WORDS
from leukorepro.report.sections.external.figure import Lost, draw_external
from leukorepro.run.resolved import ResolvedStudy


@dataclass(frozen=True)
class Line:
    """One measure of the headline on the rung that is compared and on what is held out; empty where it has none."""

    name: str
    here: Estimate | None
    there: Estimate | None


@dataclass(frozen=True)
class Share:
    """How common a class is."""

    label: str
    here: str
    there: str


@dataclass(frozen=True)
class Stain:
    """A colour's mean over images and their deviation."""

    name: str
    here: str
    there: str
    difference: str
    """Of the means, in deviations of the first's images."""


@dataclass(frozen=True)
class Coloured:
    """The headline on images whose colours were normalised in one way, or in none."""

    name: str
    here: Estimate
    there: Estimate
    loss: Estimate


@dataclass(frozen=True)
class ExternalPage:
    """Everything that the template lays out."""

    here: str
    there: str
    against: str
    """The rung that is compared with."""
    facts: list[str]
    sentence: str
    lines: list[Line]
    shares: list[Share]
    stains: list[Stain]
    coloured: list[Coloured]
    """Empty where the run asks for no normalisation."""
    n_measured: int
    """Images that colours were measured of, at most, in either."""
    picture: Picture
    csv: str
    stain_csv: str


def external_page(
    study: ResolvedStudy,
    transfer: pd.DataFrame,
    manifest: pd.DataFrame,
    conditions: Sequence[str],
    output: Output,
) -> ExternalPage | None:
    """Put a study's part of the page together; None where nothing is held out, or nothing is there to compare with.

    Parameters
    ----------
    study : ResolvedStudy
    transfer : DataFrame
        `TRANSFER_TABLE`.
    manifest : DataFrame
        Of the dataset, or of both.
    conditions : sequence of str
    output : Output
    """
    table, _, item = study.study.headline.partition("/")
    own = transfer[(transfer["table"] == table) & (transfer["item"] == item)]
    against = reference_rung(list(study.protocols))
    if own.empty or against is None:
        return None
    here, there = _names(study)
    ours = {(str(row.protocol), str(row.measure)): _estimate(row) for row in own.itertuples()}
    readable = manifest[manifest["status"] == "ok"]
    held_out = readable["official_split"] == study.external_split
    parts = {here: readable[~held_out], there: readable[held_out]}
    album = Album(study.images, manifest, study.dataset.max_pixels, conditions)
    classes = sorted(set(readable["label"]))
    colours = {name: measured(sample_of(rows, classes), album) for name, rows in parts.items()}
    shares = {name: rows["label"].value_counts(normalize=True) for name, rows in parts.items()}
    lost = [
        Lost(told, ours[EXTERNAL, measure])
        for measure, told in (("loss", "All"), ("loss_by_prevalence", "Prevalence"), ("loss_by_recall", "Recall"))
    ]
    draw = partial(draw_external, [*parts], classes, shares, colours, lost, conditions)
    key = study.study.key
    stains = [_stain(column, *colours.values()) for column in COLOURS]
    told = ", ".join(f"{one.name} {one.here} and {one.there}" for one in stains)
    return ExternalPage(
        here=here,
        there=there,
        against=LADDER[against].name,
        facts=[*_facts(study, parts[there])],
        sentence=_sentence(ours, LADDER[against].name.lower()),
        lines=[
            Line(words, ours.get((against, measure)), ours.get((EXTERNAL, measure)))
            for measure, words in MEASURES.items()
        ],
        shares=[Share(label, *(_per_cent(shares[name].get(label, 0.0)) for name in parts)) for label in classes],
        stains=stains,
        coloured=_coloured(study, transfer, against),
        n_measured=max(map(len, colours.values())),
        picture=Picture(
            output.figure(draw, "figures", key, "external.svg"),
            f"Classes, colours and the loss of accuracy of {here} and {there}. Colours: {told}.",
            "How common each class is; the mean colour of images in CIELAB, a point for each; and the loss of accuracy "
            "with what of it other shares of the classes explain. Bars are 95 % intervals.",
        ),
        csv=output.table(own, "data", key, "transfer.csv"),
        stain_csv=output.table(
            pd.concat([rows.assign(part=name) for name, rows in colours.items()])[["part", "image_id", *COLOURS]],
            "data",
            key,
            "stain.csv",
        ),
    )


def _coloured(study: ResolvedStudy, transfer: pd.DataFrame, against: Rung) -> list[Coloured]:
    """The headline with each normalisation that the run asks for, first with none."""
    found = []
    items = study.study.tables[COLOUR].items if COLOUR in study.study.tables else []
    for item in items:
        own = transfer[(transfer["table"] == COLOUR) & (transfer["item"] == item.item)]
        ours = {(str(row.protocol), str(row.measure)): _estimate(row) for row in own.itertuples()}
        how = item.item.removeprefix(items[0].item)
        if ours:
            accuracies = ours[against, "accuracy"], ours[EXTERNAL, "accuracy"]
            found.append(Coloured(f"{LADDER[EXTERNAL].name}{how}", *accuracies, ours[EXTERNAL, "loss"]))
    return found


def _names(study: ResolvedStudy) -> tuple[str, str]:
    if len(study.placed) > 1:
        return study.placed[0].title, study.placed[1].title
    return study.own.title, f"held-out part {study.external_split}"


def _facts(study: ResolvedStudy, tested: pd.DataFrame) -> list[str]:
    """What a reader must know of how both were put together."""
    facts = []
    if study.harmonised is not None:
        renamed = [f"{label} is {name}" for label, name in study.harmonised.classes.items() if label != name]
        if renamed:
            facts.append(wording.sentence(f"Its classes were matched: {wording.listed(renamed)}"))
        facts += [f"{told}." for told in study.harmonised.left_out]
    if unknown := int((tested["subject_id"] == "").sum()):
        whose = "Of no image" if unknown == len(tested) else f"Of {len(tested) - unknown:,} of {len(tested):,} images"
        facts.append(
            f"{whose} the subject is known; photographs are the groups that intervals come from where it is not, and "
            "these are too narrow where several show one patient."
        )
    return facts


def _sentence(ours: Mapping[tuple[str, str], Estimate], against: str) -> str:
    """What the loss is, and how much of it is prevalence."""
    loss, part = ours[EXTERNAL, "loss"], ours[EXTERNAL, "loss_by_prevalence"]
    if loss.value is None or part.value is None:
        return "A class is absent from what is held out, so that the loss cannot be told apart."
    told = [f"{_points(one)}{f' ({one_interval})' if (one_interval := _interval(one)) else ''}" for one in (loss, part)]
    return (
        f"From {against} to external the accuracy changes by {told[0]} points; {told[1]} points of that follow from "
        "other shares of the classes alone: the same recalls would have been weighted otherwise."
    )


def _points(estimate: Estimate) -> str:
    """A loss as a change, with its sign."""
    return wording.difference("accuracy", None if estimate.value is None else -estimate.value)


def _interval(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return ""
    low, high = (wording.difference("accuracy", -bound) for bound in (estimate.high, estimate.low))
    return f"95 % interval {low} to {high}"


def _stain(column: str, here: pd.DataFrame, there: pd.DataFrame) -> Stain:
    means, spreads = [one[column].mean() for one in (here, there)], [one[column].std() for one in (here, there)]
    first, second = (f"{_signed(mean)} ± {spread:.1f}" for mean, spread in zip(means, spreads, strict=True))
    apart = _signed((means[1] - means[0]) / spreads[0], "+") if spreads[0] > 0 else wording.MISSING
    return Stain(f"{COLOURS[column]}, {COLOUR_WORDS[column][0]}", first, second, apart)


def _signed(value: float, sign: str = "") -> str:
    return f"{value:{sign}.1f}".replace("-", "\N{MINUS SIGN}")


def _per_cent(share: float) -> str:
    return f"{100 * share:.1f}"


def _estimate(row: object) -> Estimate:
    value, low, high = (float_or_none(getattr(row, name)) for name in ("value", "ci_low", "ci_high"))
    return Estimate("accuracy", value, low, high)
