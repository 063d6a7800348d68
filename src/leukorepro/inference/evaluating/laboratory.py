"""A labelled folder of another laboratory: scanned, its classes called as the model calls them, every image decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from leukorepro.config.datasets import RealDataset
from leukorepro.core.errors import UserError, some
from leukorepro.core.read_ahead import read_ahead
from leukorepro.data.images import read_scanned
from leukorepro.data.scan import Scan, check_readable
from leukorepro.inference.evaluating.evaluation import Evaluated, Evaluation, evaluate
from leukorepro.inference.evaluating.labels import own_names
from leukorepro.inference.model import Model
from leukorepro.inference.predicting.ready import BATCH, Decided, ReadyModel

_Block = Sequence[tuple[str, str]]
"""Paths and SHA-256 of images that are decided together."""


@dataclass(frozen=True)
class Laboratory:
    """A laboratory's images, and what a model came to on them.

    Attributes
    ----------
    images : Path
        Folder of the images.
    max_pixels : int
        Size of the largest image.
    renamed : dict of str to str
        Classes of the folder that the model calls otherwise, and what it calls them.
    what : Evaluated
    evaluation : Evaluation
    left_out : list of str or None
        Paths of images that the model was fitted on, and that nothing here is measured on; None where it is not known
        which these are.
    """

    images: Path
    max_pixels: int
    renamed: dict[str, str]
    what: Evaluated
    evaluation: Evaluation
    left_out: list[str] | None

    @property
    def fitted_on(self) -> str:
        """What is known of images here that the model was fitted on, in a sentence or two."""
        if self.left_out is None:
            return (
                "Whether some of these images trained the model cannot be checked: it was exported before models kept "
                "digests of their training images. Export it again; where they did, the numbers here say nothing."
            )
        beyond = "Files that were saved anew, and other images of the same patients, cannot be told."
        if not self.left_out:
            return f"None of these image files trained the model. {beyond}"
        return (
            f"{len(self.left_out):,} of {len(self.left_out) + len(self.evaluation.images):,} images trained the model "
            f"({some(self.left_out, 2)}): they are left out here, and all numbers are of the others. {beyond}"
        )


def evaluate_folder(
    ready: ReadyModel, dataset: RealDataset, found: Scan, names: Mapping[str, str], seed: int = 0
) -> Laboratory:
    """Decide every image of a labelled folder that did not train the model, and measure what comes of it.

    Parameters
    ----------
    ready : ReadyModel
    dataset : RealDataset
        The folder's configuration.
    found : Scan
        Of the folder.
    names : mapping of str to str
        What the model calls some of the folder's classes.
    seed : int
        Of the resamples.

    Raises
    ------
    UserError
        If too many images cannot be read, or the classes are not the model's; if images that did not train it are not
        of two classes or more.
    """
    model = ready.model
    check_readable(found, dataset.max_unreadable)
    manifest = found.manifest[found.manifest["status"] == "ok"]
    labels = model.label_set.of_label if model.label_set is not None else {}
    own = own_names(manifest["label"], model.system.classes, names, labels)
    left_out = _left_out(model, manifest)
    if left_out:
        n_images = len(manifest)
        manifest = manifest[~manifest["image_id"].isin(left_out)]
        if manifest["label"].map(own).nunique() < 2:
            left = sorted(set(manifest["label"].map(own)))
            raise UserError(
                f"--images: {len(left_out):,} of {n_images:,} images trained the model, such as '{left_out[0]}', and "
                f"the others are {f'all of the class {left[0]}' if left else 'none'}; give images of two classes or "
                "more that it has not seen."
            )
    what = _evaluated(model, dataset)
    truth = manifest["label"].map(own)
    scored = manifest[["image_id", "subject_id", "source_id"]].assign(y_true=truth, **_said(ready, dataset, manifest))
    return Laboratory(
        dataset.images,
        dataset.max_pixels,
        {theirs: name for theirs, name in own.items() if theirs != name},
        what,
        evaluate(scored, what, seed),
        left_out,
    )


def _left_out(model: Model, manifest: pd.DataFrame) -> list[str] | None:
    """Images of a manifest whose bytes are those of one that trained the model; None where the model cannot tell."""
    known = model.fitted_on(manifest["sha256"])
    return None if known is None else sorted(manifest["image_id"][known])


def _evaluated(model: Model, dataset: RealDataset) -> Evaluated:
    card, unlike = model.card, model.unlike
    counts = np.array([card.training.classes[name].images for name in model.system.classes], dtype=np.float64)
    return Evaluated(
        study=card.origin.study,
        table=card.origin.table,
        item=card.origin.item,
        dataset=dataset.title or dataset.images.resolve().name,
        classes=model.system.classes,
        positive_class=model.system.positive_class,
        average=card.average,
        scores=model.system.scores,
        calibrated=model.calibration is not None,
        training=None if unlike is None else unlike.held_out / unlike.limit,
        training_shares=list(counts / counts.sum()),
    )


def _said(ready: ReadyModel, dataset: RealDataset, manifest: pd.DataFrame) -> dict[str, np.ndarray]:
    """What the model says of all images: predictions, probabilities, distances and scores."""
    decided = [block for _, block in _decided(ready, dataset, manifest)]
    classes = ready.model.system.classes
    scores = np.concatenate([block.answers.scores for block in decided])
    several = scores.shape[1] > 1
    names = [f"score_{name}" for name in classes] if several else ["score"]
    probabilities = np.concatenate([block.decisions.probabilities for block in decided])
    of_classes = [f"probability_{name}" for name in classes] if several else []
    return {
        "y_pred": np.concatenate([block.decisions.prediction for block in decided]),
        "probability": np.concatenate([block.decisions.probability for block in decided]),
        "distance": np.concatenate([block.distances for block in decided]),
        **dict(zip(names, scores.T, strict=True)),
        **(dict(zip(of_classes, probabilities.T, strict=True)) if several else {}),
    }


def _decided(ready: ReadyModel, dataset: RealDataset, manifest: pd.DataFrame) -> Iterator[tuple[_Block, Decided]]:
    def work(block: _Block) -> Decided:
        read = (read_scanned(dataset.images / path, sha256, dataset.max_pixels) for path, sha256 in block)
        return ready.decide([ready.inputs(image) for image in read])

    files = list(zip(manifest["path"], manifest["sha256"], strict=True))
    blocks = (files[start : start + BATCH] for start in range(0, len(files), BATCH))
    return read_ahead(work, blocks, ready.workers)
