"""An evaluation on the terminal: its metrics beside those of the model's run."""

from __future__ import annotations

from rich.box import SIMPLE_HEAD
from rich.markup import escape
from rich.table import Table

from leukorepro.inference.card import Card
from leukorepro.inference.evaluating.evaluation import Evaluation
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.tables import Estimate
from leukorepro.report.pages.evaluation.evaluation import beside, estimates_of


def summary(found: Evaluation, card: Card) -> Table:
    """A line for each metric: on these images, and on the rungs of the model's run, the honest one first.

    Parameters
    ----------
    found : Evaluation
        What was measured on the laboratory's images.
    card : Card
        Of the model, with what its run measured.
    """
    here = estimates_of(found)
    run = [beside(rung, list(here)) for rung in card.rungs]
    table = Table(box=SIMPLE_HEAD, caption=escape(" ".join([card.averaged, *card.caveats])), caption_justify="left")
    table.add_column("Metric")
    for name in ("Here", *(f"Run, {rung.name.lower()}" for rung in run)):
        table.add_column(name, justify="right")
    for place, (metric, estimate) in enumerate(here.items()):
        others = (rung.estimates[place] for rung in run)
        table.add_row(wording.metric_heading(metric), *map(_told, (estimate, *others)))
    return table


def _told(estimate: Estimate) -> str:
    return f"{estimate.text} ({estimate.interval})" if estimate.interval else estimate.text
