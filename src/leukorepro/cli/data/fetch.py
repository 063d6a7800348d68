"""`leukorepro data fetch`: get a published dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import folder_to_write, show
from leukorepro.core.errors import UserError


def fetch(
    name: Annotated[str | None, typer.Argument(help="Name of a published dataset, such as `pbc`.")] = None,
    list_: Annotated[bool, typer.Option("--list", help="Show the published datasets, and stop.")] = False,
    to: Annotated[
        Path | None, typer.Option(callback=folder_to_write, help="Folder to put it into; default: `data/NAME`.")
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            help="Download from this address instead: of the archive, or of the folder that holds the archives where "
            "there are several. Published checksums hold for it, too."
        ),
    ] = None,
) -> None:
    """Download a published dataset, check and unpack it; where its source asks for a person, say what to do.

    A download that breaks keeps its part, and the same command continues it. Images that are there are never changed.

    Example: `leukorepro data fetch pbc`
    """
    from leukorepro.core.fetching.publication import default_folder
    from leukorepro.data.public.fetch import fetch as run
    from leukorepro.data.public.fetch import fetchable, find_publication
    from leukorepro.data.public.telling import steps, table, terms

    if list_:
        show(table(fetchable().values()))
        return
    if name is None:
        raise UserError("data fetch: no name given; `leukorepro data fetch --list` shows the published datasets.")
    publication = find_publication(name)
    folder = to or default_folder(name)
    if url is None and not publication.archives and not (folder.is_dir() and any(folder.iterdir())):
        print(steps(publication, folder))
        return
    try:
        fetched = run(publication, folder, url)
    except UserError as error:
        if url is None and publication.archives:
            raise UserError(f"{error} By hand: {' '.join(publication.steps)} Put it below {folder}.") from None
        raise
    print(f"{folder}: {'already there, nothing was downloaded' if fetched.already else 'fetched'}.")
    for part in fetched.listing.parts:
        print(f"- {part.sentence}")
    print(terms(publication))
