"""ALL-IDB: blood smear photographs (ALL-IDB1) and single cells cut from them (ALL-IDB2).

Labati, Piuri and Scotti, ALL-IDB: the acute lymphoblastic leukemia image database for image processing, ICIP 2011,
doi 10.1109/ICIP.2011.6115881. Which photograph a cell was cut from is not published, and neither are the patients; the
scan finds the photographs (`leukorepro.data.crops`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path, PurePosixPath
from typing import Literal

from leukorepro.config.datasets import RealDataset
from leukorepro.core.errors import UserError
from leukorepro.core.fetching.publication import Publication
from leukorepro.core.listing import Listing, Part, Row
from leukorepro.data.folders import is_image

EXPECTED = {
    1: {"images": 108, "images of class all": 49, "images of class healthy": 59},
    2: {"images": 260, "images of class all": 130, "images of class healthy": 130},
}
PUBLICATION = Publication(
    name="allidb",
    title="ALL-IDB",
    citation="Labati R. D., Piuri V., Scotti F., ALL-IDB: the acute lymphoblastic leukemia image database for image "
    "processing, ICIP 2011",
    doi="10.1109/ICIP.2011.6115881",
    licence="as its authors state it with the copy",
    page="https://scotti.di.unimi.it/all/",
    steps=(
        "Ask the authors for a copy as https://scotti.di.unimi.it/all/ says.",
        "Unpack ALL_IDB1, ALL_IDB2 or both.",
    ),
)

_LABELS = {"1": "all", "0": "healthy"}
_NAME = re.compile(r"Im(\d{3})_([01])", re.I)
_FOLDER = re.compile(r"idb[ _-]?([12])", re.I)
_BY_SUFFIX = {".jpg": 1, ".jpeg": 1, ".tif": 2, ".tiff": 2}


class AllIdbDataset(RealDataset):
    """ALL-IDB1, ALL-IDB2 or both; files named `ImNNN_L` with L = 1 for a blast."""

    belongs_there = "ALL_IDB1, ALL_IDB2 or both as unpacked (see data/README.md)"
    how_to_get = "ask the authors of ALL-IDB (University of Milan) for a copy"
    publication = PUBLICATION
    classes = ("all", "healthy")
    adapter: Literal["allidb"]
    positive_class: str | None = "all"

    def list_rows(self, folder: Path, files: list[str]) -> Listing:
        """Read labels out of names like ``Im001_1.jpg`` (1: lymphoblasts) and tell the two sets apart.

        A folder named like ``ALL_IDB1`` tells the set; else the file's ending, as published (JPEG: 1, TIFF: 2); else
        numbers above 108 in the same folder, which only ALL-IDB2 has.

        Parameters
        ----------
        folder : Path
            The dataset's folder.
        files : list of str
            Paths of the files below it, with forward slashes.

        Raises
        ------
        UserError
            If a name follows no rule, or a set has two images of one number.
        """
        rows: list[Row] = []
        numbers: dict[str, set[int]] = defaultdict(set)
        images = [PurePosixPath(f) for f in files if is_image(f)]
        for path in images:
            match = _NAME.fullmatch(path.stem)
            if not match:
                raise UserError(
                    f"{folder / path}: not a name of ALL-IDB (Im001_1.jpg, Im001_1.tif; 1 = ALL, 0 = healthy); "
                    "remove it."
                )
            numbers[str(path.parent)].add(int(match[1]))
            rows.append(Row(str(path), label=_LABELS[match[2]]))
        sets: dict[int, dict[str, Row]] = {1: {}, 2: {}}
        for path, row in zip(images, rows, strict=True):
            told = [match[1] for part in path.parts[:-1] if (match := _FOLDER.search(part))]
            by_number = 2 if max(numbers[str(path.parent)]) > EXPECTED[1]["images"] else 1
            which = int(told[-1]) if told else _BY_SUFFIX.get(path.suffix.lower(), by_number)
            other = sets[which].setdefault(path.stem[2:5], row)
            if other is not row:
                raise UserError(
                    f"{folder / path}: ALL-IDB{which} has image {path.stem[2:5]} already ({other.path}); remove one."
                )
        parts = [Part(f"ALL-IDB{which}", EXPECTED[which], _counts(sets[which])) for which in (1, 2)]
        photographs, crops = ([row.path for row in sets[which].values()] for which in (1, 2))
        return Listing(rows, parts, crops=crops, photographs=photographs)


ENTRY = AllIdbDataset


def _counts(rows: dict[str, Row]) -> dict[str, int]:
    labels = [row.label for row in rows.values()]
    return {"images": len(labels), **{f"images of class {label}": labels.count(label) for label in ("all", "healthy")}}
