"""A paper's tables and figures: which items they show, and what is measured of them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from leukorepro.config.fields import Strict, refuse_twice
from leukorepro.config.study.items import Item
from leukorepro.core.validation import pattern
from leukorepro.core.words import Average
from leukorepro.metrics.names import PATTERN, PATTERN_WORDS, named

Metric = Annotated[str, Field(pattern=pattern(PATTERN, PATTERN_WORDS))]


class Grid(Strict):
    """Every classifier on every feature set, as items."""

    name: str = "{features}/{classifier}"
    """What each item is called."""
    features: Annotated[list[str], Field(min_length=1)]
    classifiers: Annotated[list[str], Field(min_length=1)]

    def items(self) -> list[dict[str, Any]]:
        """The items, feature set by feature set."""
        return [
            {"item": self.name.format(features=f, classifier=c), "features": f, "classifier": c}
            for f in self.features
            for c in self.classifiers
        ]


class Table(Strict):
    """A table of the paper, as its items."""

    title: str
    split: str
    metrics: Annotated[list[Metric], Field(min_length=1)]
    """Metrics that the paper prints, in its order."""
    metric_readings: dict[Metric, Metric] = {}
    """Where a printed metric can be read in several ways: each further metric, and the printed one that it may be."""
    average: Average = "positive"
    """With two classes, precision, recall and F1 of the `positive` one, or their mean over both (`macro`)."""
    epochs: Literal["last", "all"] = "last"
    """Of networks that are trained from images: predictions after the last epoch, or after each of them, as a mean."""
    grid: Grid | None = None
    """Items by their feature sets and classifiers, in front of the others."""
    items: list[Item] = []

    @model_validator(mode="before")
    @classmethod
    def _expand_grid(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("grid") is None:
            return value
        try:
            grid = Grid.model_validate(value["grid"])
        except ValidationError:
            return value  # what is wrong is told when the field itself is read
        return {**value, "grid": None, "items": [*grid.items(), *(value.get("items") or [])]}

    @model_validator(mode="after")
    def _items_once(self) -> Table:
        if not self.items:
            raise ValueError("has no items; list them under `items`, or give a `grid`")
        refuse_twice([item.item for item in self.items])
        for reading, printed in self.metric_readings.items():
            for metric in (reading, printed):
                if metric not in self.metrics:
                    raise ValueError(f"metric_readings.{reading}: '{metric}' is not among the table's metrics; add it")
        return self

    @property
    def needs_fitted_rows(self) -> bool:
        """Whether a metric asks for predictions of the training or the validation part."""
        return any(named(metric).role != "test" for metric in self.metrics)

    @property
    def of_training_rows(self) -> bool:
        """Whether the table is about the training part alone."""
        return all(named(metric).role == "train" for metric in self.metrics)

    def split_of(self, item: Item) -> str:
        """Split of an item."""
        return item.split or self.split


class Figure(Strict):
    """A figure of the paper: bars of some metrics for some items of a table."""

    title: str
    table: str
    items: Annotated[list[str], Field(min_length=1)]
    metrics: Annotated[list[Metric], Field(min_length=1)]
