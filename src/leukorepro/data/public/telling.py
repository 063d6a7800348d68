"""What is said of published datasets: a table of all, the terms of one, the steps to a copy."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from leukorepro.config.joined import JoinedDataset
from leukorepro.core.fetching.publication import Publication

if TYPE_CHECKING:
    from rich.table import Table

    from leukorepro.config.datasets import Dataset


def table(publications: Iterable[Publication]) -> Table:
    """All published datasets, for the terminal."""
    from rich.table import Table
    from rich.text import Text

    made = Table(title="Published datasets", title_justify="left", header_style="bold")
    for heading in ("name", "dataset", "licence", "patients", "how"):
        made.add_column(heading, overflow="fold")
    for one in publications:
        how = f"downloaded (checksum: {one.checked_by})" if one.archives else "steps for a person"
        made.add_row(*(Text(text) for text in (one.name, one.title, one.licence, one.patients, how)))
    return made


def terms(publication: Publication) -> str:
    """Licence, citation and what is known of patients."""
    return (
        f"Licence: {publication.licence}. Cite: {publication.citation}, doi {publication.doi}.\n"
        f"Patients: {publication.patients}."
    )


def terms_of(dataset: Dataset | JoinedDataset) -> list[str]:
    """The terms of every published dataset in one; of images of one's own, and of simulated ones, none."""
    datasets = [part.dataset for part in dataset.parts] if isinstance(dataset, JoinedDataset) else [dataset]
    return [terms(one.publication) for one in datasets if one.publication is not None]


def steps(publication: Publication, folder: Path) -> str:
    """What a person does to get a copy that may not be downloaded without one.

    Parameters
    ----------
    publication : Publication
        A published dataset that asks for a form, an account or a letter.
    folder : Path
        Where the copy is to lie.
    """
    numbered = [f"{number}. {step}" for number, step in enumerate(publication.steps, 1)]
    last = (
        f"{len(numbered) + 1}. Put it below {folder}, and see what is there: `leukorepro data scan --images {folder} "
    )
    return "\n".join(
        [
            f"{publication.title} cannot be downloaded without a person. Nothing was downloaded.",
            *numbered,
            f"{last}--adapter {publication.name}`.",
            terms(publication),
        ]
    )
