"""What a paper leaves open: what is taken in its place, why, and what else fits its words."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pydantic import model_validator

from leukorepro.config.fields import Strict

SECTIONS = {
    "extractors": "extractor",
    "descriptors": "descriptor",
    "reducers": "reducer",
    "classifiers": "classifier",
    "splits": "split",
}
"""Parts of a study that a fact may be about, and what one of them is called."""


class Unstated(Strict):
    """A fact that the paper does not state and that its results depend on.

    The parts of the study that it is about are named, so that a verdict on an item that is made of one of them can say
    that it rests on this.
    """

    what: str
    """In the middle of a sentence: ``epochs of the perceptron``."""
    extractors: list[str] = []
    descriptors: list[str] = []
    reducers: list[str] = []
    classifiers: list[str] = []
    splits: list[str] = []
    settings: list[str] = []
    """Keys of all these parts that hold the value taken."""
    taken: str = ""
    """The value taken, where no setting holds it, or what a reader of the settings must know too."""
    why: str
    also_fits: str = ""
    """What else the paper's words allow."""

    @model_validator(mode="after")
    def _complete(self) -> Unstated:
        if not any(self.parts.values()):
            raise ValueError(f"'{self.what}' is about nothing; name some of the study's {', '.join(SECTIONS)}")
        if not self.settings and not self.taken:
            raise ValueError(f"'{self.what}': what is taken? Name `settings` that hold it, or say it under `taken`")
        return self

    @property
    def parts(self) -> dict[str, list[str]]:
        """Names of the parts that it is about, by their section of the study."""
        return {section: getattr(self, section) for section in SECTIONS}

    def is_about(self, used: Mapping[str, Collection[str]]) -> bool:
        """Whether it is about one of these parts, by section."""
        return any(name in used[section] for section, names in self.parts.items() for name in names)

    def narrowed(self, known: Mapping[str, Mapping[str, Any]]) -> Unstated | None:
        """The same of parts that are known, by section; None where none is."""
        kept = {section: [n for n in names if n in known[section]] for section, names in self.parts.items()}
        return self.model_copy(update=kept) if any(kept.values()) else None

    def value(self, known: Mapping[str, Mapping[str, Strict]]) -> str:
        """What is taken, as the study's file says it; `known` has the parts by section."""
        specs = [known[section][name] for section, names in self.parts.items() for name in names]
        told = []
        for setting in self.settings:
            values = dict.fromkeys(_told(getattr(spec, setting)) for spec in specs)
            told.append(f"{setting}: {' or '.join(values)}")
        return "; ".join(filter(None, [", ".join(told), self.taken]))


def _told(value: Any) -> str:
    """A setting's value, the one of the published budget where it has one for each."""
    if isinstance(value, dict) and "published" in value:
        value = value["published"]
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:,}" if isinstance(value, int) else f"{value:g}" if isinstance(value, float) else str(value)
