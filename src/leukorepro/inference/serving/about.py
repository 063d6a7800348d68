"""The page, with what it says of its model before any image was dropped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined

from leukorepro.inference.card import Card
from leukorepro.inference.performance import Measured
from leukorepro.ladder.rungs import LADDER
from leukorepro.metrics.kinds import Kind
from leukorepro.metrics.registry import METRICS

SHOWN = ("accuracy", "sensitivity", "specificity", "auroc")
"""Metrics that the page shows; the card has all."""


class Line(NamedTuple):
    """How good a model was found to be on a rung, in words."""

    rung: str
    rows: str
    """Of how many images and subjects."""
    values: list[tuple[str, str]]
    """Of each of `SHOWN`, and its interval."""


@dataclass(frozen=True)
class About:
    """What the page says of its model."""

    title: str
    """What it is called."""
    item: str
    """Where it comes from: paper, table, item and rung."""
    model: str
    """What the table that is downloaded calls it."""
    classes: Sequence[str]
    caveats: Sequence[str]
    """Sentences."""
    metrics: Sequence[str]
    """Headings of the metrics that are shown."""
    measured: Sequence[Line]
    """The honest measurement first."""
    no_maps: str
    """Why no image has a map, as a sentence; empty where each has one."""


def about(card: Card, model: str, no_maps: str = "") -> About:
    """What is said of a model.

    Parameters
    ----------
    card : Card
    model : str
        What tables call it, `leukorepro.inference.predicting.predict.model_id`.
    no_maps : str
        Why its decisions cannot be explained, as a sentence; empty where they can.
    """
    origin = card.origin
    return About(
        title=card.name,
        item=f"{origin.paper}, table {origin.table}, {origin.item}; {LADDER[origin.rung].name.lower()}",
        model=model,
        classes=card.classes,
        caveats=card.caveats,
        metrics=[f"{METRICS[name].words}{' (%)' * METRICS[name].kind.per_cent}" for name in SHOWN],
        measured=list(_lines(card)),
        no_maps=no_maps,
    )


def _lines(card: Card) -> Iterator[Line]:
    for rung in card.rungs:
        subjects = f" of {rung.n_subjects:,} subjects" if rung.n_subjects else ""
        values = [_in_words(rung.find(metric), METRICS[metric].kind) for metric in SHOWN]
        yield Line(LADDER[rung.rung].name, f"{rung.n_images:,} images{subjects}", values)


def _in_words(measured: Measured | None, kind: Kind) -> tuple[str, str]:
    """A value and its interval, in per cent where papers print it so."""
    if measured is None:
        return "not measured", ""
    share = 100 if kind.per_cent else 1
    value, low, high = (
        "" if number is None else f"{share * number:.{kind.decimals}f}"
        for number in (measured.value, measured.low, measured.high)
    )
    return value, f"{low} to {high}" if low and high else ""


def page(told: About, max_bytes: int) -> str:
    """HTML of the page.

    Parameters
    ----------
    told : About
    max_bytes : int
        Size of the largest image file, which the page refuses to send.
    """
    environment = Environment(
        loader=PackageLoader(__package__ or "", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("page.html.j2")
    return template.render(about=told, max_bytes=max_bytes, version=version("leukorepro"))
