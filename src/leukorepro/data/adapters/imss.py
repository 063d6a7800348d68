"""IMSS: bone marrow cells of five sub-types of acute leukaemia, from the Mexican Social Security Institute.

Hayat (2022), section III.B: 633 images, labelled L1, L2 (ALL), M2, M3 and M5 (AML) by an expert. How many there are of
each sub-type is not published, and neither are the patients.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Literal

from leukorepro.config.datasets import UnattributedDataset
from leukorepro.core.errors import UserError
from leukorepro.core.listing import Listing, Part, Row
from leukorepro.data.folders import is_image
from leukorepro.data.subjects.attributed import subjects_of

TYPES = {"L1": "ALL", "L2": "ALL", "M2": "AML", "M3": "AML", "M5": "AML"}
"""Type of acute leukaemia of each sub-type, by the French-American-British classification."""
EXPECTED = {"images": 633, "sub-types": len(TYPES)}


class ImssDataset(UnattributedDataset):
    """Bone marrow of the Mexican Social Security Institute: one folder per sub-type (L1, L2, M2, M3, M5)."""

    belongs_there = "one folder for each of L1, L2, M2, M3 and M5 (see data/README.md)"
    how_to_get = "ask the authors of Hayat (2022) for a copy"
    classes = tuple(TYPES)
    adapter: Literal["imss"]

    def list_rows(self, folder: Path, files: list[str]) -> Listing:
        """Take the folder named as a sub-type for the class, in either case and however deep it is nested.

        What the folders above and below it are called does not matter, but a folder ``ALL`` or ``AML`` above it must be
        its type. Subjects come from a table or from the paths, as in any folder of images.

        Parameters
        ----------
        folder : Path
            The dataset's folder.
        files : list of str
            Paths of the files below it, with forward slashes.

        Raises
        ------
        UserError
            If an image lies in no sub-type's folder, or in folders that contradict one another, or if the subject of an
            image is missing or ambiguous.
        """
        images = [file for file in files if is_image(file)]
        subjects, notes = subjects_of(self, str(folder), images)
        rows = [Row(file, _sub_type(folder, file), subjects.get(file, "")) for file in images]
        found = {"images": len(rows), "sub-types": len({row.label for row in rows})}
        return Listing(rows, [Part("IMSS bone marrow", EXPECTED, found)], notes=notes)


ENTRY = ImssDataset


def _sub_type(folder: Path, path: str) -> str:
    names = [part.upper() for part in PurePosixPath(path).parts[:-1]]
    told = sorted({name for name in names if name in TYPES})
    if not told:
        raise UserError(
            f"{folder / path}: lies in no folder of a sub-type ({', '.join(TYPES)}); move it into one, or away."
        )
    types = {name for name in names if name in TYPES.values()}
    if len(told) > 1 or not types <= {TYPES[told[0]]}:
        raise UserError(
            f"{folder / path}: its folders contradict one another ({', '.join([*sorted(types), *told])}); move it."
        )
    return told[0]
