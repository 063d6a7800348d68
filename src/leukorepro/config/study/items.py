"""Items: the cells of a paper's tables, each a feature set with a reducer and a classifier, or a network."""

from __future__ import annotations

from leukorepro.config.fields import Strict


class Item(Strict):
    """One row of a paper's table: a feature set, perhaps reduced, and a classifier."""

    item: str
    """Name, as in `config/published/<study>.csv`."""
    features: str
    reducer: str | None = None
    classifier: str
    split: str | None = None
    """Default: the table's."""
    reading_of: str | None = None
    """Where a paper can be read in several ways: the printed item that this second reading is compared with."""
