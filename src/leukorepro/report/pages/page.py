"""A page of the report, before the frame that all pages share is put around it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from leukorepro.report.pages.contents import Found, Section, read_contents


class Caveat(NamedTuple):
    """What every reader of a page's numbers must know."""

    name: str
    """In a few words: `Simulated images`."""
    text: str
    """The same as a sentence or two."""


@dataclass(frozen=True)
class Page:
    """One page: what stands on it, and what others must know of it.

    Attributes
    ----------
    address : str
        File name of the page; all pages lie in the report's folder itself.
    title : str
    group : str
        Heading in the navigation; a page without one is not listed there.
    body : str
        HTML of what is particular to the page.
    caveats : tuple of Caveat
        Shown once, in a bar that stays.
    within : str
        Address of the page that this one belongs to, which is then marked in the navigation; empty for none.
    sections : tuple of Section
        Parts of the page, for its navigation.
    found : tuple of Found
        What the search finds.
    """

    address: str
    title: str
    group: str
    body: str
    caveats: tuple[Caveat, ...] = ()
    within: str = ""
    sections: tuple[Section, ...] = field(init=False)
    found: tuple[Found, ...] = field(init=False)

    def __post_init__(self) -> None:
        sections, found = read_contents(self.body)
        object.__setattr__(self, "sections", sections)
        object.__setattr__(self, "found", found)


def caveats_of(sentences: Iterable[str]) -> tuple[Caveat, ...]:
    """Caveats from sentences such as `Simulated images: no number says anything of patients.`"""
    return tuple(Caveat(sentence.partition(":")[0].rstrip("."), sentence) for sentence in sentences)
