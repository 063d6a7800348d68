"""An evaluation as a folder: its tables, and a page that opens from disk."""

from __future__ import annotations

from pathlib import Path

from leukorepro.core.store import write_text
from leukorepro.inference.card import Card
from leukorepro.inference.evaluating.laboratory import Laboratory
from leukorepro.report.frame import framed
from leukorepro.report.output import Output
from leukorepro.report.pages.evaluation.evaluation import evaluation_page


def write_evaluation(laboratory: Laboratory, card: Card, folder: Path) -> None:
    """Write tables and page of a model on another laboratory's images.

    Parameters
    ----------
    laboratory : Laboratory
    card : Card
        Of the model.
    folder : Path
        Holds ``index.html``, ``metrics.csv``, ``predictions.parquet`` and further tables afterwards.
    """
    laboratory.evaluation.write(folder)
    output = Output(folder)
    page = evaluation_page(laboratory, card, output)
    for drawing in output.drawings:
        drawing.draw()
    for address, text in framed([page], "model", card.name).items():
        write_text(text, folder / address)
