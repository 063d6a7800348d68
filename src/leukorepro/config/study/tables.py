"""A paper's tables and figures: which items they show, and what is measured of them."""

from __future__ import annotations

from itertools import product
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, TypeAdapter, ValidationError, model_validator

from leukorepro.config.fields import Strict, refuse_twice
from leukorepro.config.study.items import Item
from leukorepro.core.validation import pattern
from leukorepro.core.words import Average
from leukorepro.metrics.names import PATTERN, PATTERN_WORDS, named

Metric = Annotated[str, Field(pattern=pattern(PATTERN, PATTERN_WORDS))]


Called = Annotated[list[str], Field(min_length=1)] | Annotated[dict[str, str], Field(min_length=1)]


class Grid(Strict):
    """Every classifier on every feature set, as items."""

    name: str = "{features}/{classifier}"
    """What each item is called."""
    features: Called
    """Feature sets; in a mapping, by what an item's name calls each."""
    classifiers: Called
    """Classifiers, in the same way."""
    reading: str | None = None
    """Where these are second readings: what follows the name of the item that each is a reading of, and a comma."""
    reducer: str | None = None
    split: str | None = None
    """Default: the table's."""

    def items(self) -> list[dict[str, Any]]:
        """The items, feature set by feature set."""
        found = []
        for (features, feature_set), (classifier, own) in product(_called(self.features), _called(self.classifiers)):
            name = self.name.format(features=features, classifier=classifier)
            item = {"item": name, "features": feature_set, "reducer": self.reducer, "classifier": own}
            item["split"] = self.split
            if self.reading is not None:
                item |= {"item": f"{name}, {self.reading}", "reading_of": name}
            found.append(item)
        return found


def _called(names: list[str] | dict[str, str]) -> list[tuple[str, str]]:
    """Names, each behind what it is called."""
    return list(names.items()) if isinstance(names, dict) else [(name, name) for name in names]


OneOrMoreGrids = Annotated[
    Annotated[Grid, Tag("one")] | Annotated[list[Grid], Field(min_length=1), Tag("several")],
    Discriminator(lambda value: "several" if isinstance(value, list) else "one"),
]
_GRIDS: TypeAdapter[Any] = TypeAdapter(OneOrMoreGrids)


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
    grid: OneOrMoreGrids | None = None
    """Items by their feature sets and classifiers, in front of the others: of one grid, or of several."""
    items: list[Item] = []

    @model_validator(mode="before")
    @classmethod
    def _expand_grid(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("grid") is None:
            return value
        try:
            grids = _GRIDS.validate_python(value["grid"])
        except ValidationError:
            return value  # what is wrong is told when the field itself is read
        items = [item for grid in (grids if isinstance(grids, list) else [grids]) for item in grid.items()]
        return {**value, "grid": None, "items": [*items, *(value.get("items") or [])]}

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
