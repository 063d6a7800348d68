"""Raabin-WBC: normal white blood cells in five classes, cropped and labelled by two experts.

Kouzehkanan, Saghari, Tavakoli et al., A large dataset of white blood cells containing cell locations and types, along
with segmented nuclei and cytoplasm, Scientific Reports 12, 2022, 1123, doi 10.1038/s41598-021-04426-x (PMC8782871).
The double-labelled crops come in three parts: Train, Test-A, and Test-B, which has neutrophils and lymphocytes alone.
The counts are those of Train and Test-A together; how many Test-B holds was found in no text.
"""

from __future__ import annotations

from typing import Literal

from leukorepro.core.fetching.publication import Publication
from leukorepro.data.public.class_folders import ClassFolderDataset

COUNTS = {"Basophil": 301, "Eosinophil": 1066, "Lymphocyte": 3461, "Monocyte": 795, "Neutrophil": 8891}
"""Images of each class in Train and Test-A together."""

SPLITS: dict[str, int | None] = {"Train": None, "TestA": None, "TestB": None}
"""Official parts; how many images each of them holds was found in no text."""

PAGE = "https://dl.raabindata.com/WBC/Cropped_double_labeled/"
PUBLICATION = Publication(
    name="raabin",
    title="Raabin-WBC",
    citation="Kouzehkanan Z. M. et al., A large dataset of white blood cells containing cell locations and types, "
    "along with segmented nuclei and cytoplasm, Scientific Reports 12, 2022, 1123",
    doi="10.1038/s41598-021-04426-x",
    licence="described as of free access; read the terms on https://raabindata.com/",
    page=PAGE,
    steps=(
        f"Open {PAGE} and download Train.rar, TestA.rar and TestB.zip.",
        "Unpack them with a program for RAR archives, such as unar: Train, TestA and TestB, each with one folder per "
        "class.",
    ),
)


class RaabinDataset(ClassFolderDataset):
    """Raabin-WBC (Kouzehkanan 2022): Train, TestA and TestB with a folder for each class; TestA is held out."""

    publication = PUBLICATION
    belongs_there = (
        "Train, TestA and TestB, each with one folder per class, Basophil to Neutrophil (see data/README.md)"
    )
    classes = tuple(COUNTS)
    title_of_all = "Raabin-WBC, Train and Test-A"
    images_of_all = 14_514
    counts = COUNTS
    splits = SPLITS
    counted = ("Train", "TestA")
    held_out = "TestA"
    adapter: Literal["raabin"]


ENTRY = RaabinDataset
