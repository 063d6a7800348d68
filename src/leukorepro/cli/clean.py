"""`leukorepro clean`: what results and caches occupy, and removing what is named."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from leukorepro.cli.options import show

if TYPE_CHECKING:
    from leukorepro.run.places import Place, Removal


def clean(
    runs: Annotated[list[str] | None, typer.Option("--run", help="Remove this run; repeat for more.")] = None,
    features: Annotated[
        list[str] | None,
        typer.Option("--features", help="Remove this file of features, as DATASET/NAME; repeat for more."),
    ] = None,
    datasets: Annotated[
        list[str] | None,
        typer.Option("--dataset", help="Remove what is known of this dataset, not its images; repeat for more."),
    ] = None,
    unused: Annotated[
        bool, typer.Option("--unused", help="Remove features and datasets that no run which is left needs.")
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Remove it; without this, what would be removed is only told.")
    ] = False,
) -> None:
    """Tell what each run, its features and the caches occupy; remove what is named, below `results` only.

    What another run needs is told, and that it is made again. `make clean` removes all results.

    Example: `leukorepro clean --run demo --unused --yes`
    """
    from leukorepro.core.sharing.alone import hold
    from leukorepro.run.paths import Results
    from leukorepro.run.places import places, removal, remove

    results = Results()

    def look() -> tuple[list[Place], Removal]:
        found = places(results)
        return found, removal(found, runs=runs or [], features=features or [], datasets=datasets or [], unused=unused)

    found, gone = look()
    _show(gone, gone.places if gone.places or unused else found)
    if not gone.places:
        print("Nothing is to be removed." if unused else "Name what is to go; caches of others are only told.")
        return
    _tell_needed(gone)
    if not yes:
        print(f"{gone.size / 1e6:,.1f} MB would be removed; the same with --yes removes them.")
        return
    hold(results.root, "leukorepro clean", print)
    _, now = look()  # while this looked or waited, a workflow may have made results, or others need them now
    if (now.places, now.made_again_for) != (gone.places, gone.made_again_for):
        _show(now, now.places)
        _tell_needed(now)
        print("Nothing was removed: a workflow worked here meanwhile, and the list is another now; run it again.")
        raise typer.Exit(1)
    for place in gone.places:
        remove(place, results)
    print(f"{gone.size / 1e6:,.1f} MB removed.")


def _show(gone: Removal, places: list[Place]) -> None:
    """A table of places."""
    from rich.table import Table

    table = Table("what", "name", "MB", "needed by", "where")
    for place in places:
        needed = ", ".join(gone.needed_by[place.path]) or ("no run" if place.is_shared else "")
        table.add_row(place.kind, place.name, f"{place.size / 1e6:,.1f}", needed, str(place.path))
    show(table)


def _tell_needed(gone: Removal) -> None:
    """Which runs need something of what is to go, if any do."""
    if gone.made_again_for:
        again = ", ".join(gone.made_again_for)
        print(f"Needed by {again}: made again when a job of it asks for it, which may take long.")
