"""Templates of pages, and what their texts may ask for."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from leukorepro.ladder.rungs import LADDER, PUBLISHED
from leukorepro.report.numbers import wording


def render(template: str, **values: Any) -> str:
    """Fill in a template of the report.

    Parameters
    ----------
    template : str
        Its place below `leukorepro.report`.
    **values
        What it lays out; every text is escaped.
    """
    return environment().get_template(template).render(**values)


@cache
def environment() -> Environment:
    """All templates, with the words and looks that they share."""
    made = Environment(
        loader=PackageLoader("leukorepro.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters |= {
        "counted": wording.count,
        "heading": wording.metric_heading,
        "metric_name": wording.metric_name,
        "rung_name": lambda rung: LADDER[rung].name,
        "in_per_cent": wording.in_per_cent,
        "slug": wording.slug,
        "table_name": wording.table_name,
        "sentence": wording.sentence,
    }
    made.globals |= {"ladder": LADDER, "published_rung": PUBLISHED}
    return made
