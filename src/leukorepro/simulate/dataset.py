"""Writing of a simulated data set."""

from __future__ import annotations

import io
from dataclasses import asdict
from pathlib import Path

import pandas as pd
from PIL import Image
from tqdm import tqdm

from leukorepro.config.datasets import Simulation
from leukorepro.core.errors import UserError
from leukorepro.core.store import read_json, write_bytes, write_json
from leukorepro.core.tables.data import CNMC_LABELS_TABLE, SIMULATION_TABLE
from leukorepro.simulate.layout import PRELIMINARY, Planned, plan
from leukorepro.simulate.optics import RGB
from leukorepro.simulate.scenes import render

TABLE = "simulation.csv"
"""One row per image; written last, so its presence says that the data set is complete."""
RECORD = "simulation.json"
"""The simulation and the names of its files; written first, so that a later simulation knows what it may remove."""

_LABEL_FILE = f"{PRELIMINARY}_labels.csv"
_FORMATS = {".bmp": ("BMP", {}), ".tif": ("TIFF", {}), ".jpg": ("JPEG", {"quality": 95, "subsampling": 0})}


def simulate(simulation: Simulation, folder: Path, *, progress: bool = False) -> pd.DataFrame:
    """Draw a data set of simulated smears.

    Parameters
    ----------
    simulation : Simulation
        Look, effects, seed and size. Equal values give equal bytes; a subject's pictures do not depend on the size.
    folder : Path
        Where to write. Files of an earlier simulation are removed; an interrupted simulation is drawn again, so it
        ends with the bytes of an unbroken one.
    progress : bool
        Show a progress bar.

    Returns
    -------
    DataFrame
        As written to ``simulation.csv``, one row per image: `path` (POSIX, below `folder`), `label`, `subject_id`,
        `source_id` (photograph), `official_split` (``''``, ``fold_<k>``, ``prelim`` or ``external``), `form`,
        `leukocytes` (in sight), `kind` (of the leukocytes), their mean `Traits`, and the subject's `Effects` with
        ``subject_`` in front.

    Raises
    ------
    UserError
        If `folder` has files and is no simulation, or the size leaves a class or a subject without an image.
    """
    pictures = plan(simulation)
    _clear(folder)
    files = [p.path for p in pictures]
    preliminary = [p for p in pictures if p.official_split == "prelim"]
    if preliminary:
        files.append(_LABEL_FILE)
    write_json({"simulation": simulation.model_dump(mode="json"), "files": files}, folder / RECORD)

    rows = []
    for planned in tqdm(pictures, desc="simulate", unit="image", disable=not progress):
        picture = render(planned.subject, planned.form, planned.index)
        _write_image(picture.pixels, folder / planned.path)
        rows.append(_row(planned) | picture.truth | _effects(planned))
    if preliminary:
        labels = {
            "Patient_ID": [p.official_name for p in preliminary],
            "new_names": [Path(p.path).name for p in preliminary],
            "labels": [int(p.subject.label == "all") for p in preliminary],
        }
        CNMC_LABELS_TABLE.write(pd.DataFrame(labels), folder / _LABEL_FILE)
    table = pd.DataFrame(rows)
    SIMULATION_TABLE.write(table, folder / TABLE)
    return table


def _clear(folder: Path) -> None:
    """Remove what an earlier simulation wrote; refuse a folder that holds anything else and no simulation."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; name an empty or a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / RECORD).is_file():
        leftovers = sorted(f.name for f in folder.iterdir() if not _is_temporary(f))
        if leftovers:
            raise UserError(
                f"{folder}: holds files that no simulation made ({leftovers[0]}); name an empty or a new folder."
            )
    else:
        files = [folder / name for name in _recorded(folder / RECORD)]
        (folder / TABLE).unlink(missing_ok=True)
        for file in files:
            file.unlink(missing_ok=True)
        own_folders = {parent for file in files for parent in file.parents if folder in parent.parents}
        for own in sorted((f for f in own_folders if f.is_dir()), reverse=True):
            _remove_temporary(own)
            if not any(own.iterdir()):
                own.rmdir()
    _remove_temporary(folder)


def _recorded(path: Path) -> list[str]:
    """Names of the files of an earlier simulation, all of them inside its folder."""
    record = read_json(path)
    names = record.get("files") if isinstance(record, dict) else None
    if not isinstance(names, list) or not all(_is_below(path.parent, name) for name in names):
        raise UserError(f"{path}: not the record of a simulation; name an empty or a new folder.")
    return names


def _is_below(folder: Path, name: object) -> bool:
    """Whether this is the name of a file in a folder or below it, whatever links it leads through."""
    named = isinstance(name, str) and "\0" not in name
    return named and (folder / str(name)).parent.resolve().is_relative_to(folder.resolve())


def _is_temporary(path: Path) -> bool:
    """Whether a file is what a killed writer of ours leaves behind."""
    return path.name.startswith(".") and path.suffix == ".tmp"


def _remove_temporary(folder: Path) -> None:
    for path in filter(_is_temporary, list(folder.iterdir())):
        path.unlink()


def _write_image(pixels: RGB, path: Path) -> None:
    kind, options = _FORMATS[path.suffix]
    encoded = io.BytesIO()
    Image.fromarray(pixels).save(encoded, format=kind, **options)
    write_bytes(encoded.getvalue(), path)


def _row(planned: Planned) -> dict[str, str]:
    return {
        "path": planned.path,
        "label": planned.subject.label,
        "subject_id": planned.subject_id,
        "source_id": planned.source_id,
        "official_split": planned.official_split,
        "form": planned.form,
    }


def _effects(planned: Planned) -> dict[str, float]:
    return {f"subject_{name}": round(value, 6) for name, value in asdict(planned.subject.effects).items()}
