"""`leukorepro model export`: a fitted system as a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import MOST_WORKERS, DeviceOption, folder_to_write
from leukorepro.cli.run_options import FinishedRunOption


def export(
    run_file: FinishedRunOption,
    study: Annotated[str, typer.Option(help="Study of the run, such as `atteia2022`.")],
    item: Annotated[str, typer.Option(help="Item of one of its tables: TABLE/ITEM, or ITEM alone where it is one.")],
    rung: Annotated[str, typer.Option(help="Rung whose rows it may be fitted on, such as `subject_disjoint`.")],
    out: Annotated[Path, typer.Option(callback=folder_to_write, help="Folder to write, not there or empty.")],
    fold: Annotated[
        int | None,
        typer.Option(min=0, help="Give the model of this fold as it was measured, for tests. [default: all rows]"),
    ] = None,
    sensitivity: Annotated[
        float | None,
        typer.Option(
            min=0.01, max=1, help="Choose the threshold with this sensitivity. [default: the classifier's own]"
        ),
    ] = None,
    device: DeviceOption = "auto",
    threads: Annotated[int, typer.Option(min=1, max=MOST_WORKERS, help="Threads; they change no number.")] = 1,
    force: Annotated[bool, typer.Option("--force", help="Replace the model that is there.")] = False,
) -> None:
    """Fit the system of an item on all rows that a rung allows, and write it with its measured performance.

    The folder holds the fitted parts, what they need, and a card: what it is, how good it was measured to be on every
    rung, and what it is not for. A network is trained again, which takes as long as in one fold of the run; if it is
    interrupted, it goes on where it was.

    Example: `leukorepro model export --run demo --study atteia2022 --item 1/ESet --rung subject_disjoint --out model`
    """
    from leukorepro.inference.exporting.choice import choose
    from leukorepro.inference.exporting.export import export as write
    from leukorepro.run.resolved import load_finished

    if device == "cuda":
        from leukorepro.core.device import choose_device

        choose_device(device)  # before any work
    choice = choose(load_finished(run_file), study, item, rung, fold)
    model = write(choice, out, sensitivity=sensitivity, device=device, threads=threads, force=force)
    print(f"{out}: {model.name}; how good it is, and on what: {out / 'card.md'}")
