"""MLL23: cells of the peripheral blood in 18 classes, from the Munich Leukemia Laboratory.

Shetab Boushehri, Kazeminia, Gruber et al., A large expert-annotated single-cell peripheral blood dataset for
hematological disease diagnostics, Scientific Data 12, 2025, 1773, doi 10.1038/s41597-025-06223-x; Zenodo record
14277609, an archive for each class. The counts are those of the project's page (github.com/marrlab/MLL23), which tells
41,906 images in all and the number of every class but normoblasts. Users of the record count 41,621: myeloblasts 8,606
instead of 8,619, for example. A complete copy may thus be told to be a part.

Of the 18 archives' names five were read; the others follow the same rule from the names of the classes. Where one is
wrong, the server has no such file, and the download ends with the steps by hand.
"""

from __future__ import annotations

from typing import Literal

from leukorepro.core.fetching.publication import Archive, Publication
from leukorepro.data.public.class_folders import ClassFolderDataset

COUNTS: dict[str, int | None] = {
    "basophil": 634,
    "eosinophil": 2456,
    "hairy_cell": 3266,
    "lymphocyte": 5547,
    "lymphocyte_large_granular": 1849,
    "lymphocyte_neoplastic": 180,
    "lymphocyte_reactive": 33,
    "metamyelocyte": 495,
    "monocyte": 2512,
    "myeloblast": 8619,
    "myelocyte": 752,
    "neutrophil_band": 716,
    "neutrophil_segmented": 7187,
    "normoblast": None,
    "plasma_cell": 1792,
    "promyelocyte": 752,
    "promyelocyte_atypical": 2039,
    "smudge_cell": 988,
}
"""Images of each class; None where no number was found."""

PAGE = "https://zenodo.org/records/14277609"
PUBLICATION = Publication(
    name="mll23",
    title="MLL23",
    citation="Shetab Boushehri S. et al., A large expert-annotated single-cell peripheral blood dataset for "
    "hematological disease diagnostics, Scientific Data 12, 2025, 1773",
    doi="10.5281/zenodo.14277609",
    licence="as the record's page states it: read it there",
    page=PAGE,
    archives=tuple(
        Archive(
            f"https://zenodo.org/api/records/14277609/files/{name}.zip/content", name=f"{name}.zip", top=name, into=name
        )
        for name in COUNTS
    ),
    steps=(f"Open {PAGE} and download the 18 archives.", "Unpack each: one folder per class, basophil to smudge_cell."),
)


class Mll23Dataset(ClassFolderDataset):
    """MLL23 (Shetab Boushehri 2025): peripheral blood cells, one folder for each of 18 classes."""

    publication = PUBLICATION
    belongs_there = "one folder for each of the 18 classes, from basophil to smudge_cell (see data/README.md)"
    classes = tuple(COUNTS)
    title_of_all = PUBLICATION.title
    images_of_all = 41_906
    counts = COUNTS
    adapter: Literal["mll23"]


ENTRY = Mll23Dataset
