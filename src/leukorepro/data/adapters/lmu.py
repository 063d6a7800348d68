"""Munich AML morphology: leukocytes of 100 patients with acute myeloid leukaemia and 100 without, in 15 classes.

Matek, Schwarz, Marr and Spiekermann, A Single-cell Morphological Dataset of Leukocytes from AML Patients and
Non-malignant Controls, The Cancer Imaging Archive, 2019, doi 10.7937/tcia.2019.36f5o9ld, CC BY 3.0; 18,365 images,
11 GB, by the Aspera plug-in. The counts are those of the labels in the collection's own table of annotations,
as counted by somebody who had it. Which images are one patient's is not published.
"""

from __future__ import annotations

from typing import Literal

from leukorepro.core.fetching.publication import Publication
from leukorepro.data.public.class_folders import ClassFolderDataset

COUNTS = {
    "BAS": 79,
    "EBO": 78,
    "EOS": 424,
    "KSC": 15,
    "LYA": 11,
    "LYT": 3937,
    "MMZ": 15,
    "MOB": 26,
    "MON": 1789,
    "MYB": 42,
    "MYO": 3268,
    "NGB": 109,
    "NGS": 8484,
    "PMB": 18,
    "PMO": 70,
}
"""Images of each class, by the collection's abbreviations: MYO are myeloblasts, MYB myelocytes, KSC smudge cells."""

PAGE = "https://www.cancerimagingarchive.net/collection/aml-cytomorphology_lmu/"
PUBLICATION = Publication(
    name="lmu",
    title="AML-Cytomorphology_LMU",
    citation="Matek C. et al., A Single-cell Morphological Dataset of Leukocytes from AML Patients and Non-malignant "
    "Controls, The Cancer Imaging Archive, 2019",
    doi="10.7937/tcia.2019.36f5o9ld",
    licence="CC BY 3.0",
    page=PAGE,
    steps=(
        f"Open {PAGE} and read its data usage policy.",
        "Download the images (11 GB) with the IBM Aspera Connect plug-in that the page asks for.",
        "Unpack them: one folder per class, called BAS to PMO.",
    ),
)


class LmuDataset(ClassFolderDataset):
    """Munich AML (Matek 2019): cells of 100 patients and 100 controls, one folder for each of 15 classes."""

    publication = PUBLICATION
    belongs_there = "one folder for each of the 15 classes, from BAS to PMO (see data/README.md)"
    classes = tuple(COUNTS)
    title_of_all = PUBLICATION.title
    images_of_all = 18_365
    counts = COUNTS
    adapter: Literal["lmu"]


ENTRY = LmuDataset
