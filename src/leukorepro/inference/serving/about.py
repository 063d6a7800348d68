"""The page, with what it says of its model before any image was dropped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined


class Measured(NamedTuple):
    """How good a model was found to be under one protocol, in words."""

    rung: str
    metric: str
    value: str
    interval: str
    rows: str
    """Of how many images and subjects."""


@dataclass(frozen=True)
class About:
    """What the page says of its model."""

    title: str
    """What it is."""
    item: str
    """Where it comes from: study, table, item and rung."""
    digest: str
    """What tells it from any other model; stands in the table that is downloaded."""
    classes: Sequence[str]
    caveats: Sequence[str]
    """Sentences."""
    measured: Sequence[Measured]
    """The honest measurement first."""
    explained: str
    """What a map shows, as a sentence."""


def page(about: About, max_bytes: int) -> str:
    """HTML of the page.

    Parameters
    ----------
    about : About
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
    return template.render(about=about, max_bytes=max_bytes, version=version("leukorepro"))
