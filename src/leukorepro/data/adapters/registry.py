"""Adapters: what a dataset's folder says about its images; one registry entry for each kind of dataset."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leukorepro.config.datasets import AnyDataset
from leukorepro.core.errors import UserError
from leukorepro.data.adapters import allidb, cnmc2019, image_folder, imss, simulated
from leukorepro.data.listing import Listing, count_ignored, walk


@dataclass(frozen=True)
class Adapter:
    """How the folder of one kind of dataset is read."""

    list_rows: Callable[[Any, Path, list[str]], Listing]
    """From the dataset's configuration, its folder and the paths of the files below it."""
    belongs_there: str
    """What a user puts into the folder, for the error when it is empty."""


ADAPTERS: dict[str, Adapter] = {
    "image_folder": Adapter(
        image_folder.list_rows, "one folder per class with its BMP, TIFF, JPEG or PNG images, or images alone"
    ),
    "cnmc2019": Adapter(
        cnmc2019.list_rows, "C-NMC 2019 as unpacked: fold_0 to fold_2 and the preliminary phase (see data/README.md)"
    ),
    "allidb": Adapter(allidb.list_rows, "ALL_IDB1, ALL_IDB2 or both as unpacked (see data/README.md)"),
    "imss": Adapter(imss.list_rows, "one folder for each of L1, L2, M2, M3 and M5 (see data/README.md)"),
    "simulated": Adapter(simulated.list_rows, "simulated images, by `leukorepro data simulate`"),
}


def list_images(dataset: AnyDataset, folder: Path) -> Listing:
    """List a dataset's image files with all that its adapter knows, without opening any.

    Parameters
    ----------
    dataset : FolderDataset, CnmcDataset, AllIdbDataset, ImssDataset or SimulatedDataset
        The dataset's configuration.
    folder : Path
        Folder of the images.

    Returns
    -------
    Listing
        Rows sorted by path; the files that are no rows are counted in `ignored`.

    Raises
    ------
    UserError
        If the folder is missing or holds no image, or if the adapter finds a fault.
    """
    adapter = ADAPTERS[dataset.adapter]
    folder = Path(folder)
    expected = f"expected there: {adapter.belongs_there}. Put them there, or let `images` name their folder."
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; {expected}")
    files, hidden = walk(folder)
    listing = adapter.list_rows(dataset, folder, files)
    if not listing.rows:
        raise UserError(f"{folder}: holds no image of the dataset; {expected}")
    rows = sorted(listing.rows, key=lambda row: row.path)
    return dataclasses.replace(listing, rows=rows, ignored=count_ignored(files, {row.path for row in rows}, hidden))
