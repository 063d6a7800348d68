"""The manifest: one row per image file of a dataset."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from leukorepro.core.errors import UserError
from leukorepro.core.integrity.damaged import DamagedFile
from leukorepro.core.tables.data import MANIFEST_TABLE
from leukorepro.data.subjects.missing import refuse_missing


def write_manifest(manifest: pd.DataFrame, path: Path) -> None:
    """Write a manifest as CSV, atomically.

    Parameters
    ----------
    manifest : DataFrame
        A row for each image file, with the columns of `MANIFEST_TABLE`.
    path : Path
        The file, which is replaced as a whole.
    """
    MANIFEST_TABLE.write(manifest, path)


def read_manifest(path: Path) -> pd.DataFrame:
    """Read a manifest and check it.

    Returns
    -------
    DataFrame
        The columns of `MANIFEST_TABLE`; text is empty where nothing is known.

    Raises
    ------
    UserError
        As `leukorepro.core.tables.table.Table.read`; also if there is no image or one is there twice, or a subject says
        that none is known.
    """
    manifest = MANIFEST_TABLE.read(path)
    if manifest.empty:
        raise DamagedFile(path, "a manifest without any image", "scan the dataset again")
    repeated = manifest["image_id"][manifest["image_id"].duplicated()]
    if len(repeated):
        raise UserError(f"{path}: image_id {repeated.iloc[0]!r} is there twice; scan the dataset again.")
    refuse_missing(manifest["subject_id"], str(path))
    return manifest
