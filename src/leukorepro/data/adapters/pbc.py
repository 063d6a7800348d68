"""Barcelona PBC: normal cells of the peripheral blood in eight classes, from the Hospital Clinic of Barcelona.

Acevedo, Merino, Alferez, Molina, Boldu and Rodellar, A dataset of microscopic peripheral blood cell images for
development of automatic recognition systems, Data in Brief 30, 2020, 105474 (PMC7182702), which tells the 17,092 images
and the eight groups; doi 10.17632/snkd93bnjr.1, version 1, CC BY 4.0. The counts of the classes are those of the
archive, in accounts of it that agree. Public copies that count 17,093 hold a file of the system's beside the images.
"""

from __future__ import annotations

from typing import Literal

from leukorepro.core.fetching.publication import Archive, Publication
from leukorepro.data.public.class_folders import ClassFolderDataset

COUNTS = {
    "basophil": 1218,
    "eosinophil": 3117,
    "erythroblast": 1551,
    "ig": 2895,
    "lymphocyte": 1214,
    "monocyte": 1420,
    "neutrophil": 3329,
    "platelet": 2348,
}
"""Images of each class; `ig` are immature granulocytes: promyelocytes, myelocytes and metamyelocytes."""

PAGE = "https://data.mendeley.com/datasets/snkd93bnjr/1"
PUBLICATION = Publication(
    name="pbc",
    title="Barcelona PBC",
    citation="Acevedo A. et al., A dataset of microscopic peripheral blood cell images for development of automatic "
    "recognition systems, Data in Brief 30, 2020, 105474",
    doi="10.17632/snkd93bnjr.1",
    licence="CC BY 4.0",
    page=PAGE,
    archives=(
        Archive(
            "https://data.mendeley.com/public-files/datasets/snkd93bnjr/files/2fc38728-2ae7-4a62-a857-032af82334c3/"
            "file_downloaded",
            name="PBC_dataset_normal_DIB.zip",
            top="PBC_dataset_normal_DIB",
        ),
    ),
    steps=(f"Open {PAGE} and download PBC_dataset_normal_DIB.zip.", "Unpack it: one folder per class."),
)


class PbcDataset(ClassFolderDataset):
    """Barcelona PBC (Acevedo 2020): normal peripheral blood cells, one folder for each of eight classes."""

    publication = PUBLICATION
    belongs_there = "one folder for each of the eight classes, from basophil to platelet (see data/README.md)"
    classes = tuple(COUNTS)
    title_of_all = PUBLICATION.title
    images_of_all = 17_092
    counts = COUNTS
    adapter: Literal["pbc"]


ENTRY = PbcDataset
