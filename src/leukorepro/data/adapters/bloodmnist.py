"""BloodMNIST at 224 pixels: the cells of Barcelona PBC, cropped, scaled and split by MedMNIST.

Yang, Shi, Wei et al., MedMNIST v2, Scientific Data 10, 2023, 41, doi 10.1038/s41597-022-01721-8; Zenodo record
10519652 (CC BY 4.0). Address, MD5, labels and sizes of the splits are those of MedMNIST's own list; labels are in the
order of the names of Barcelona PBC's folders, whose names the classes have here, and have its counts. The images are
squares of 200 pixels from the middle of those, scaled. No patients are published: one may lie in several splits.

It comes as one file of arrays, which `leukorepro data fetch` writes as PNG: ``<split>/<class>/<number>.png``.
"""

from __future__ import annotations

from typing import Literal

from leukorepro.core.fetching.publication import Archive, Publication
from leukorepro.data.adapters.pbc import COUNTS
from leukorepro.data.public.class_folders import ClassFolderDataset

SPLITS: dict[str, int | None] = {"train": 11_959, "val": 1_712, "test": 3_421}
"""Images of each of MedMNIST's own splits."""

PAGE = "https://zenodo.org/records/10519652"
PUBLICATION = Publication(
    name="bloodmnist",
    title="BloodMNIST (224)",
    citation="Yang J. et al., MedMNIST v2: a large-scale lightweight benchmark for 2D and 3D biomedical image "
    "classification, Scientific Data 10, 2023, 41; and that of Barcelona PBC",
    doi="10.5281/zenodo.10519652",
    licence="CC BY 4.0",
    page=PAGE,
    archives=(Archive(f"{PAGE}/files/bloodmnist_224.npz?download=1", checksum="md5:b718ff6835fcbdb22ba9eacccd7b2601"),),
    size="about 1.5 GB",
    steps=(
        f"Download bloodmnist_224.npz from {PAGE} on a machine with a network, and put it where this one finds it by "
        "HTTP: `leukorepro data fetch bloodmnist --url ADDRESS` unpacks the arrays into PNG files.",
    ),
)


class BloodMnistDataset(ClassFolderDataset):
    """BloodMNIST (224): train, val and test, each with a folder for each of eight classes; test is held out."""

    publication = PUBLICATION
    belongs_there = "train, val and test as `leukorepro data fetch bloodmnist` writes them (see data/README.md)"
    classes = tuple(COUNTS)
    title_of_all = PUBLICATION.title
    images_of_all = 17_092
    counts = COUNTS
    splits = SPLITS
    held_out = "test"
    adapter: Literal["bloodmnist"]


ENTRY = BloodMnistDataset
