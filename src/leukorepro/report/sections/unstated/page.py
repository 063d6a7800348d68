"""What a paper does not state: what is taken in its place, why, and what else fits."""

from __future__ import annotations

from dataclasses import dataclass

from leukorepro.report.numbers import wording
from leukorepro.run.resolved import ResolvedStudy


@dataclass(frozen=True)
class UnstatedRow:
    """One fact."""

    what: str
    about: str
    """Parts of the study, by their names."""
    taken: str
    why: str
    also_fits: str


def unstated_rows(study: ResolvedStudy) -> list[UnstatedRow]:
    """Everything that the paper leaves open of what was run, in the order of the study's file."""
    return [
        UnstatedRow(
            fact.what[:1].upper() + fact.what[1:],
            wording.listed([name for names in fact.parts.values() for name in names]),
            fact.value(study.study.parts),
            fact.why,
            fact.also_fits,
        )
        for fact in study.unstated
    ]
