"""What a paper's page shows of the held-out part, or of another dataset: its classes, its stain, what the loss is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from functools import partial

import pandas as pd

from leukorepro.core.words import COLOUR
from leukorepro.evaluation.resampling.transfer import COLOUR_MEASURES, MEASURES, reference_rung
from leukorepro.ladder.rungs import EXTERNAL, LADDER, Rung
from leukorepro.report.figures.picture import Picture
from leukorepro.report.images.album import Album
from leukorepro.report.images.colours import COLOURS, measured, sample_of
from leukorepro.report.images.colours import MEASURES as COLOUR_WORDS
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.tables import Estimate, float_or_none
from leukorepro.report.output import Output
from leukorepro.report.sections.external.figure import Lost, draw_external
from leukorepro.report.sections.ladder.ladder import Difference
from leukorepro.run.resolved import ResolvedStudy

LOSSES = {"loss": "All", "loss_by_prevalence": "Prevalence", "loss_by_recall": "Recall"}
"""The loss and its parts, by their measures."""

AS_THEY_ARE = "as they are"
"""How colours are that were not normalised."""


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
    accuracy_change: Difference
    """Of the accuracy there from that on the images as they are."""
    loss_change: Difference


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
    """First the images as they are; empty where the run asks for no normalisation."""
    coloured_sentences: list[str]
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
        What sets the numbers apart from the paper's, in a few words each; empty where nothing does.
    output : Output
    """
    table, _, item = study.study.headline.partition("/")
    own = transfer[(transfer["table"] == table) & (transfer["item"] == item)]
    against = reference_rung(list(study.protocols))
    if own.empty or against is None:
        return None
    here, there = sides(study)
    ours = {(str(row.protocol), str(row.measure)): _estimate(row) for row in own.itertuples()}
    readable = manifest[manifest["status"] == "ok"]
    held_out = readable["official_split"] == study.external_split
    parts = {here: readable[~held_out], there: readable[held_out]}
    album = Album(study.images, manifest, study.dataset.max_pixels, conditions)
    classes = sorted(set(readable["label"]))
    colours = {name: measured(sample_of(rows, classes), album) for name, rows in parts.items()}
    shares = {name: rows["label"].value_counts(normalize=True) for name, rows in parts.items()}
    lost = [Lost(told, ours[EXTERNAL, measure]) for measure, told in LOSSES.items()]
    draw = partial(draw_external, [*parts], classes, shares, colours, lost, conditions)
    key = study.study.key
    coloured = coloured_rows(study, transfer, against)
    stains = [_stain(column, *colours.values()) for column in COLOURS]
    told = ", ".join(f"{one.name} {one.here} and {one.there}" for one in stains)
    return ExternalPage(
        here=here,
        there=there,
        against=LADDER[against].name,
        facts=[*_facts(study, parts[there])],
        sentence=loss_sentence(ours, LADDER[against].name),
        lines=[
            Line(words, ours.get((against, measure)), ours.get((EXTERNAL, measure)))
            for measure, words in MEASURES.items()
        ],
        shares=[Share(label, *(_per_cent(shares[name].get(label, 0.0)) for name in parts)) for label in classes],
        stains=stains,
        coloured=coloured,
        coloured_sentences=[*colour_sentences(coloured)],
        n_measured=max(map(len, colours.values())),
        picture=Picture(
            output.figure(draw, "figures", key, "external.svg"),
            f"Classes, colours and the loss of accuracy of {here} and {there}. Colours: {told}.",
            "How common each class is; the mean colour of images in CIELAB, a point for each; and the loss of accuracy "
            "with what of it other shares of the classes explain. Bars are 95 % intervals.",
        ),
        csv=output.table(pd.concat([own, transfer[transfer["table"] == COLOUR]]), "data", key, "transfer.csv"),
        stain_csv=output.table(
            pd.concat([rows.assign(part=name) for name, rows in colours.items()])[["part", "image_id", *COLOURS]],
            "data",
            key,
            "stain.csv",
        ),
    )


def coloured_rows(study: ResolvedStudy, transfer: pd.DataFrame, against: Rung) -> list[Coloured]:
    """The headline with each normalisation that the run asks for, first with none.

    Parameters
    ----------
    study : ResolvedStudy
    transfer : DataFrame
        `TRANSFER_TABLE`.
    against : Rung
        The rung that is compared with.
    """
    found = []
    items = study.study.tables[COLOUR].items if COLOUR in study.study.tables else []
    for item in items:
        own = transfer[(transfer["table"] == COLOUR) & (transfer["item"] == item.item)]
        ours = {(str(row.protocol), str(row.measure)): _estimate(row) for row in own.itertuples()}
        how = item.item.removeprefix(items[0].item).removeprefix(", ")
        if ours:
            accuracies = ours[against, "accuracy"], ours[EXTERNAL, "accuracy"]
            changes = (_change(ours.get((EXTERNAL, measure))) for measure in COLOUR_MEASURES)
            found.append(Coloured(how or AS_THEY_ARE, *accuracies, ours[EXTERNAL, "loss"], *changes))
    return found


def colour_sentences(coloured: Sequence[Coloured]) -> Iterator[str]:
    """What each normalisation changes, and whether that shows a part of the loss to be colour.

    Parameters
    ----------
    coloured : sequence of Coloured
        First that of the images as they are.
    """
    if not coloured:
        return
    plain, *others = coloured
    lost = plain.loss.low is not None and plain.loss.low > 0
    if not lost:
        yield "On the images as they are nothing is clearly lost, so that there is nothing for colours to explain."
    for one in others:
        accuracy, loss = one.accuracy_change, one.loss_change
        told = f"{one.name}: the accuracy on external {_moves(accuracy)} and the loss {_moves(loss)}"
        yield wording.sentence(f"{told}; {_judged(accuracy, loss)}" if lost else told)


def _moves(change: Difference) -> str:
    """How a number changes, with its interval."""
    if change.is_none:
        return "stays the same"
    return f"changes by {change.text} points" + (f" (95 % interval {change.interval})" if change.interval else "")


def _judged(accuracy: Difference, loss: Difference) -> str:
    """Whether a part of a loss is shown to be colour, by how normalising changes the accuracy on external and the loss.

    A loss is also smaller where only the number that it is counted from has fallen; that shows nothing of colour.
    """
    if not loss.is_clear or loss.value is None:
        return "no part of the loss is shown to be colour"
    if loss.value > 0:
        return "the loss is larger with these colours, which explain none of it"
    if accuracy.is_clear and accuracy.value is not None and accuracy.value > 0:
        return "a part of the loss is colour"
    return (
        "the loss is smaller, but the accuracy on external does not clearly rise, so that none of it "
        "is shown to be colour"
    )


def _change(estimate: Estimate | None) -> Difference:
    return Difference("accuracy") if estimate is None else Difference(*astuple(estimate)[:4])


def sides(study: ResolvedStudy) -> tuple[str, str]:
    """What the dataset and what is held out are called."""
    if len(study.placed) > 1:
        return study.placed[0].title, study.placed[1].title
    return study.own.title, f"the held-out part {study.external_split}"


def _facts(study: ResolvedStudy, tested: pd.DataFrame) -> list[str]:
    """What a reader must know of how both were put together."""
    facts = []
    if study.harmonised is not None:
        renamed = [f"{label} is {name}" for label, name in study.harmonised.classes.items() if label != name]
        if renamed:
            facts.append(f"Classes of {sides(study)[1]} were matched: {wording.listed(renamed)}.")
        facts += [f"{told}." for told in study.harmonised.left_out]
    if unknown := int((tested["subject_id"] == "").sum()):
        whose = "Of no image" if unknown == len(tested) else f"Of {len(tested) - unknown:,} of {len(tested):,} images"
        facts.append(
            f"{whose} the subject is known; photographs are the groups that intervals come from where it is not, and "
            "these are too narrow where several show one patient."
        )
    return facts


def loss_sentence(ours: Mapping[tuple[str, str], Estimate], against: str) -> str:
    """How the accuracy changes, and by what.

    Parameters
    ----------
    ours : mapping of (str, str) to Estimate
        What was measured, by rung and measure.
    against : str
        Name of the rung that the held-out part is compared with.
    """
    changes = {measure: _loss_as_change(ours[EXTERNAL, measure]) for measure in LOSSES}
    whole, *parts = ((one.text, f" (95 % interval {one.interval})" if one.interval else "") for one in changes.values())
    told = f"From the rung {against.lower()} to external the accuracy changes by {whole[0]} points{whole[1]}."
    if any(changes[measure].value is None for measure in LOSSES):
        return f"{told} A class of the one is absent from the other, so that the change cannot be told apart further."
    prevalence, recall = (f"{text} points{interval}" for text, interval in parts)
    return (
        f"{told} Of that, {prevalence} follow from how common each class is there, at the same recalls, and {recall} "
        "from other recalls."
    )


def _loss_as_change(loss: Estimate) -> Difference:
    value, low, high = (None if number is None else -number for number in (loss.value, loss.high, loss.low))
    return Difference(loss.metric, value, low, high)


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
