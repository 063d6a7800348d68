"""Where the pages lie: all flat in the report's folder, so that an address is the same seen from each of them."""

from __future__ import annotations

from leukorepro.report.numbers.wording import slug

START = "index.html"
VALIDITY = "validity.html"
METHODS = "methods.html"
PROVENANCE = "provenance.html"


def of_paper(study: str) -> str:
    """What became of a study's paper."""
    return f"paper_{slug(study)}.html"


def of_everything(study: str, table: str) -> str:
    """Every metric of every item of a study's table on every rung.

    Parameters
    ----------
    study : str
        Its key.
    table : str
        By its number.
    """
    return f"paper_{slug(study)}_all_{slug(table)}.html"


def of_audit(study: str) -> str:
    """What arithmetic says of the numbers that a study's paper prints."""
    return f"audit_{slug(study)}.html"


def of_short_audit(study: str) -> str:
    """The same on one printed page."""
    return f"audit_{slug(study)}_short.html"


def of_dataset(dataset: str) -> str:
    """A dataset, by the name of its folder below `results/datasets`."""
    return f"dataset_{slug(dataset)}.html"
