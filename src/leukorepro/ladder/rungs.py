"""The rungs: one registry entry for each, which owns all that is particular to it.

A rung is named in YAML, on the command line, and in the column `protocol` of written tables, by its key.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Literal

from leukorepro.ladder.units import Scope, Unit

Dash = Literal["solid"] | tuple[float, tuple[float, ...]]
"""Of a line, as matplotlib takes it: an offset, and the lengths of strokes and gaps in turn."""


class Need(Enum):
    """What a dataset must have for a rung; the value says what is wrong with one that has it not."""

    SUBJECTS = "has no subject ids"
    HELD_OUT_PART = "has no held-out part of its own"


@dataclass(frozen=True)
class RungEntry:
    """One rung of the ladder; colour, marker and dash differ from those of all others, so that any one suffices.

    Attributes
    ----------
    name : str
        In headings and figures.
    removes : str
        What it removes, as a sentence.
    removes_short : str
        The same in a few words, in the middle of a sentence.
    colour, marker, dash : str, str, Dash
        How it is drawn.
    unit : Unit or None
        What a split keeps on one side; None: what the paper did.
    scope : Scope or None
        Rows that unsupervised steps are fitted on; None: what the paper did.
    needs : Need or None
        What a dataset must have for it.
    honest_place : int or None
        Its place among the rungs that a reader may take for an honest measurement, the preferred one having 1; None
        where it is none of them.
    honest_means : str
        What an honest measurement on it is made with, after "With".
    """

    name: str
    removes: str
    removes_short: str
    colour: str
    marker: str
    dash: Dash
    unit: Unit | None = None
    scope: Scope | None = None
    needs: Need | None = None
    honest_place: int | None = None
    honest_means: str = ""

    @property
    def is_published(self) -> bool:
        """Whether it is the paper's own protocol."""
        return self.unit is None and self.scope is None

    @property
    def changes_fits_only(self) -> bool:
        """Whether it splits as the paper did and fits unsupervised steps otherwise."""
        return self.unit is None and self.scope is not None

    @property
    def originals_only(self) -> bool:
        """Whether original images alone are scored; their views serve training."""
        return self.unit in ("source", "subject")

    @property
    def tests_held_out_part(self) -> bool:
        """Whether the dataset's own held-out part is what is tested."""
        return self.needs is Need.HELD_OUT_PART


LADDER: dict[str, RungEntry] = {
    "as_published": RungEntry(
        name="As published",
        removes="Nothing: rows and fits are the paper's own.",
        removes_short="nothing",
        colour="#D55E00",
        marker="o",
        dash=(0, (4, 1.5)),
    ),
    "fit_in_fold": RungEntry(
        name="Fitted in fold",
        removes="Autoencoders and other reducers that have seen the test rows.",
        removes_short="reducers that saw test rows",
        colour="#E69F00",
        marker="s",
        dash=(0, (1, 1)),
        scope="train",
    ),
    "source_disjoint": RungEntry(
        name="Source-disjoint",
        removes="Mirrored or rotated copies of a training image, and files of equal content, in the test fold.",
        removes_short="copies of training images",
        colour="#56B4E9",
        marker="D",
        dash=(0, (5, 1, 1, 1)),
        unit="source",
        scope="train",
        honest_place=2,
        honest_means="no source image on both sides of a split",
    ),
    "subject_disjoint": RungEntry(
        name="Subject-disjoint",
        removes="Images of one patient in both training and test.",
        removes_short="the same patients on both sides",
        colour="#0072B2",
        marker="^",
        dash="solid",
        unit="subject",
        scope="train",
        needs=Need.SUBJECTS,
        honest_place=1,
        honest_means="no subject on both sides of a split",
    ),
    "external": RungEntry(
        name="External",
        removes="Everything that training and test share: the dataset's held-out part, or another dataset, is tested.",
        removes_short="everything shared: the held-out part",
        colour="#009E73",
        marker="v",
        dash=(0, (7, 2)),
        unit="subject",
        scope="train",
        needs=Need.HELD_OUT_PART,
        honest_place=3,
        honest_means="the dataset's held-out part as the test",
    ),
}
"""The rungs, from the published protocol down to the most honest one."""

if TYPE_CHECKING:
    Rung = str
else:
    Rung = Literal[tuple(LADDER)]
"""Key of a rung: configuration, schema and command line allow those of the registry."""

PUBLISHED: Rung = next(key for key, rung in LADDER.items() if rung.is_published)
"""The rung that stands for what the paper did."""


EXTERNAL: Rung = next(key for key, rung in LADDER.items() if rung.tests_held_out_part)
"""The rung that tests what is held out."""


def honest_rung(rungs: Collection[Rung]) -> Rung | None:
    """The rung that stands for the honest measurement among those that ran, or None where none of them is honest."""
    places = {place: key for key in rungs if (place := LADDER[key].honest_place)}
    return places[min(places)] if places else None
