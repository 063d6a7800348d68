"""Populations of real patients: a dataset with many subjects, that repeated studies draw their samples from."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from leukorepro.config.datasets import RealDataset, load_dataset
from leukorepro.config.files import dataset_path
from leukorepro.config.validity import Design
from leukorepro.core.errors import UserError, unknown
from leukorepro.core.tables.data import MANIFEST_TABLE, POOL_TABLE
from leukorepro.data.groups import groups
from leukorepro.features.fusion import Features, read_features, read_headers
from leukorepro.features.identity import check_manifest

RANDOM = "random weights"
"""In words about features: whoever shows their numbers must say so."""


def read_population(file: Path, design: Design, manifest: Path) -> pd.DataFrame:
    """Images of the patients that a study of a real dataset is drawn from.

    Parameters
    ----------
    file : Path
        Configuration of the validity study, for messages.
    design : Design
    manifest : Path
        Of the dataset.

    Returns
    -------
    DataFrame
        A `POOL_TABLE` of the readable images that have a subject and are of one of the two classes, in the manifest's
        order. Subjects that have a photograph in common count as one, as they do in a split.

    Raises
    ------
    UserError
        If the dataset is simulated, has no such class, has a subject of both, or has too few subjects for no more than
        half of a class to be in a study.
    """
    if not isinstance(load_dataset(dataset_path(design.dataset)), RealDataset):
        raise UserError(
            f"{file}: real.dataset: '{design.dataset}' is simulated; name a dataset of real images, and simulated "
            "subjects under `settings`."
        )
    read = MANIFEST_TABLE.read(manifest)
    usable = read[(read["status"] == "ok") & (read["subject_id"] != "")]
    labels = sorted(set(usable["label"]))
    for label in design.subjects:
        if label not in labels:
            raise UserError(f"{file}: real.subjects: {unknown('class', label, labels)}")
    usable = usable[usable["label"].isin(list(design.subjects))]
    number = pd.Series(groups(list(usable["subject_id"]), list(usable["source_id"])), index=usable.index)
    usable = usable.assign(subject_id=usable["subject_id"].groupby(number).transform("min"))
    classes = usable.groupby("subject_id")["label"].nunique()
    if (classes > 1).any():
        raise UserError(
            f"{file}: real.dataset: subject '{classes.idxmax()}' has images of both classes "
            f"({', '.join(design.subjects)}) in {manifest}; a patient must be of one."
        )
    there = usable.groupby("label")["subject_id"].nunique()
    for label, drawn in design.drawn.items():
        if there[label] < 2 * drawn:
            raise UserError(
                f"{file}: real.subjects: class '{label}' has {there[label]} subjects in {manifest}, but {2 * drawn} "
                f"are needed for studies of {drawn}, so that no more than half of a class is in one; ask for fewer."
            )
    return usable[list(POOL_TABLE.columns)].reset_index(drop=True)


def computed_by(features: Path) -> str:
    """What the features of a file, plain or fused, were computed by: `vgg16 (224 pixels, imagenet weights)`."""
    told = []
    for _, header in read_headers(features):
        kind, _, name = str(header["weights"]).partition(":")
        weights = {"none": "", "random": f", {RANDOM}", "file": f", weights {name}"}.get(kind, f", {kind} weights")
        told.append(f"{header['backbone']} ({header['input_size']} pixels{weights})")
    return " and ".join(told)


def read_population_features(file: Path, design: Design, features: Path, manifest: Path) -> Features:
    """Features of a real dataset, in which the views of a study's split are.

    Parameters
    ----------
    file : Path
        Configuration of the validity study, for messages.
    design : Design
    features, manifest : Path
        Files of the real dataset.

    Raises
    ------
    UserError
        If they were extracted from another manifest, or lack a view.
    """
    check_manifest(features, manifest)
    found = read_features(features)
    there = set(found.rows["view"])
    if missing := [view for view in design.split.views if view not in there]:
        raise UserError(
            f"{file}: real.split: {features} has no view '{missing[0]}', but {', '.join(sorted(there))}; extract the "
            "features of that view too, or give real patients a `split` with the views that are there."
        )
    return found
