"""Taleqani ALL: smears of 89 patients suspected of acute lymphoblastic leukaemia, in four classes.

Aria, Ghaderzadeh, Bashash, Abolghasemi, Asadi and Hosseini, Acute Lymphoblastic Leukemia (ALL) image dataset, Kaggle,
2021, from Taleqani Hospital, doi 10.34740/KAGGLE/DSV/2175623: 3,256 images of 89 patients, 25 of them with benign
haematogones and 64 with ALL; benign, and the malignant sub-types early pre-B, pre-B and pro-B. Every image comes twice,
as it is (`Original`) and segmented (`Segmented`); the segmented ones are left out here. Which images are one patient's
is not published.
"""

from __future__ import annotations

from typing import Literal

from leukorepro.core.fetching.publication import Publication
from leukorepro.data.public.class_folders import ClassFolderDataset

COUNTS = {"Benign": 504, "Early": 985, "Pre": 963, "Pro": 804}
"""Images of each class among the originals."""

PAGE = "https://www.kaggle.com/datasets/mehradaria/leukemia"
PUBLICATION = Publication(
    name="taleqani",
    title="Taleqani ALL",
    citation="Aria M. et al., Acute Lymphoblastic Leukemia (ALL) image dataset, Kaggle, 2021",
    doi="10.34740/KAGGLE/DSV/2175623",
    licence="as Kaggle's page states it: read it there",
    page=PAGE,
    steps=(
        f"Open {PAGE}, sign in to Kaggle, and accept its terms.",
        "Download the archive and unpack it: Original and Segmented, each with Benign, Early, Pre and Pro.",
    ),
)


class TaleqaniDataset(ClassFolderDataset):
    """Taleqani ALL (Aria 2021): one folder for each of Benign, Early, Pre and Pro; segmented copies are left out."""

    publication = PUBLICATION
    belongs_there = "Original, with one folder for each of Benign, Early, Pre and Pro (see data/README.md)"
    classes = tuple(COUNTS)
    title_of_all = PUBLICATION.title
    images_of_all = 3_256
    counts = COUNTS
    left_out = ("Segmented",)
    adapter: Literal["taleqani"]


ENTRY = TaleqaniDataset
