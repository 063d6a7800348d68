"""`leukorepro verify`: whether results are what was written."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import file_to_write, place_to_read
from leukorepro.cli.run_options import finished_run_to_read


def verify(
    places: Annotated[
        list[Path] | None,
        typer.Argument(callback=place_to_read, help="Files and folders to read; default: all results."),
    ] = None,
    run: Annotated[
        Path | None,
        typer.Option(
            callback=finished_run_to_read,
            help="Read what this run has made and what it shares with other runs; by its name, such as `demo`, its "
            "YAML file, or `results/<run>/config.json`.",
        ),
    ] = None,
    accept: Annotated[
        bool,
        typer.Option(
            "--accept",
            help="Take tables, JSON, pages and pictures that were changed or removed on purpose as they are now.",
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(callback=file_to_write, help="File to write the same into, as JSON.")
    ] = None,
) -> None:
    """Read every result and compare it with its checksums; one line for each file that is not what was written.

    HDF5, Parquet and safetensors files carry checksums (CRC-32); of every other file that the workflow writes, a digest
    (SHA-256) lies beside it. What the workflow reads is compared each time it is read, too. Exit status 1 if a file is
    not what was written, or gone, or if a file or folder could not be read.

    Example: `leukorepro verify --run demo`
    """
    from tqdm import tqdm

    from leukorepro.core.errors import UserError
    from leukorepro.core.integrity.verification import Summary, files_to_verify
    from leukorepro.core.integrity.verification import accept as accept_files
    from leukorepro.core.integrity.verification import verify as verify_files
    from leukorepro.core.store import write_json
    from leukorepro.run.paths import RESULTS, Results
    from leukorepro.run.places import shared_places
    from leukorepro.run.resolved import load_finished

    if places and run is not None:
        raise UserError("--run: given beside files or folders; name one or the other.")
    chosen = list(places or [RESULTS])
    if run is not None:
        chosen = [run.parent, *shared_places(load_finished(run), Results())]
    files, found = files_to_verify(chosen)
    if not files and not found:
        raise UserError(f"{chosen[0]}: there are no results to read; run the workflow first.")
    if accept:
        for file in accept_files(files):
            print(f"{file}: taken as it is")
    for folder in found:
        print(folder.fault)
    for one in tqdm(verify_files(files), total=len(files), desc="Reading", unit="file", leave=False, disable=None):
        found.append(one)
        if one.fault is not None:
            tqdm.write(str(one.fault))
    told = Summary(found)
    for sentence in told.sentences:
        print(sentence)
    if out is not None:
        write_json(told.as_json(), out)
    if told.faults:
        raise typer.Exit(1)
