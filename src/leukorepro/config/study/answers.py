"""What answers a printed number that no item of its own table does: an item elsewhere, a count, or nothing of ours.

Numbers are named by their place, see `leukorepro.config.study.audits`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from leukorepro.config.fields import Key, Strict
from leukorepro.config.study.tables import Metric

Place = Annotated[str, Field(min_length=1)]
"""``table/item`` of the printed numbers, or an item of the table ``text`` by its name alone."""


class Tie(Strict):
    """Numbers that the paper prints again: they are compared with what answers them where they stand first."""

    number: Place
    answered_by: Place
    """An item of one of the study's tables."""
    metrics: dict[str, Metric] = {}
    """Metrics that the paper calls otherwise there; default: the same."""


class Count(Strict):
    """A printed size that images or the configuration answer.

    One of `part`, `split` and `setting` says what is counted.
    """

    number: Place
    part: str | None = None
    """Images of a part of the published dataset, by the name that its scan gives it."""
    split: Key | None = None
    """Images that a split deals out."""
    setting: str | None = None
    """A number that the study's file holds, as ``section/name/key``; at the published budget."""
    of: Literal["images", "rows", "subjects"] = "images"
    """`rows`: images with their copies."""
    role: Literal["train", "validation", "test"] | None = None
    """Of one part of the split, in any of its folds; default: of all parts."""
    of_class: str | None = None
    """Of one class, by the dataset's own name; default: of all."""

    @model_validator(mode="after")
    def _one_source(self) -> Count:
        given = [name for name in ("part", "split", "setting") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(
                f"'{self.number}': give one of part, split and setting; given: {', '.join(given) or 'none'}"
            )
        if self.split is None and (self.of != "images" or self.role is not None):
            raise ValueError(f"'{self.number}': `of` and `role` go with `split`")
        if self.setting is not None and self.of_class is not None:
            raise ValueError(f"'{self.number}': `of_class` goes with `part` or `split`")
        return self


class Description(Strict):
    """A printed number that describes something beyond the study's images and systems."""

    number: Place
    why: str
    """Why nothing of ours can be compared with it, in a clause."""


By = Literal["item", "tie", "count", "quoted", "description", "nothing"]
"""What answers a printed number: an item of its own table; an item elsewhere; a count of ours; the paper that it is
quoted from; no system, for it describes something else; or nothing, which a study ought not to leave."""
QUOTED = "quoted:"
"""What the note on a number begins with that a paper quotes from another."""
