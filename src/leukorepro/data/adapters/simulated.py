"""Simulated smears, as `leukorepro data simulate` writes them."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from leukorepro.config.datasets import SimulatedDataset
from leukorepro.core.errors import UserError, some
from leukorepro.core.listing import Listing, Row
from leukorepro.core.tables.data import SIMULATION_TABLE
from leukorepro.data.folders import is_image

TABLE = "simulation.csv"
_EXTERNAL = ("external", "prelim")


class SmearDataset(SimulatedDataset):
    """Procedural smears, made by `leukorepro data simulate`."""

    belongs_there = "simulated images, by `leukorepro data simulate`"
    adapter: Literal["simulated"]

    def list_rows(self, folder: Path, files: list[str]) -> Listing:
        """Take everything from the simulator's table.

        Parameters
        ----------
        folder : Path
            The dataset's folder.
        files : list of str
            Paths of the files below it, with forward slashes.

        Raises
        ------
        UserError
            If the table is missing or names other images than are there.
        """
        frame = SIMULATION_TABLE.read(folder / TABLE)
        missing = sorted(set(frame["path"]) - set(files))
        if missing:
            raise UserError(
                f"{folder / TABLE}: {len(missing):,} of its images are not there ({some(missing)}); "
                "run `leukorepro data simulate` again."
            )
        if unlisted := sorted(set(filter(is_image, files)) - set(frame["path"])):
            raise UserError(
                f"{folder / TABLE}: lacks {len(unlisted):,} of the images that are there ({some(unlisted)}); run "
                "`leukorepro data simulate` again."
            )
        rows = [Row(*values) for values in frame.itertuples(index=False)]
        splits = {row.official_split for row in rows}
        return Listing(rows, external_split=next((name for name in _EXTERNAL if name in splits), ""))


ENTRY = SmearDataset
