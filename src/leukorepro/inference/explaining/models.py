"""What a model says of images, explained."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image
from tqdm import tqdm

from leukorepro.data.images import UnreadableImage, read_rgb
from leukorepro.features.descriptors.registry import IMAGES
from leukorepro.features.parts import ResolvedDescriptor
from leukorepro.inference.card import NO_DEVICE, NO_DEVICE_IN_SHORT
from leukorepro.inference.explaining.explainer import BATCH, RGB, explainer, eyes_of
from leukorepro.inference.explaining.modules import Unexplained
from leukorepro.inference.explaining.overlays import overlay, panel, write_picture
from leukorepro.inference.extractors import feature_network
from leukorepro.inference.model import Model
from leukorepro.inference.predicting.inputs import Asked
from leukorepro.inference.predicting.table import OK
from leukorepro.inference.unlike import THUMBNAIL

MOST_PICTURES = 1_000
"""Images that are explained at most: a picture of each is a file, for somebody to look at."""
UNLIKE = "Unlike the training images: not to be relied on."
TRAINED = "The model was fitted on this image: no test of it."
"""What the picture of a flagged image says."""


@dataclass(frozen=True, eq=False)
class ExplainedImage:
    """An image and where what is said of it comes from.

    Attributes
    ----------
    overlay : ndarray of uint8, shape (PANEL, PANEL, 3)
        The map over the image.
    evidence : str
        The class that red speaks for.
    method : str
    """

    overlay: RGB
    evidence: str
    method: str

    @property
    def sentence(self) -> str:
        """What the map shows."""
        return f"Red speaks for {self.evidence}, blue against. {self.method[0].upper()}{self.method[1:]}."


class ModelExplainer:
    """Explains what a model says of images.

    Parameters
    ----------
    model : Model
        Read from a folder.

    Raises
    ------
    Unexplained
        If its decisions cannot be explained.
    UserError
        If the weights of a network are not to be had, or are others than those that it was fitted with.
    """

    def __init__(self, model: Model) -> None:
        parts = model.system.parts
        mean = _mean_row(model)
        networks = [
            None if isinstance(part, ResolvedDescriptor) else feature_network(model, number)
            for number, part in enumerate(parts)
        ]
        self._explainer = explainer(model.system, eyes_of(parts, networks), mean)

    def explain(self, images: Sequence[RGB], predictions: Sequence[str]) -> list[ExplainedImage]:
        """Explain what is said of images of any size.

        Parameters
        ----------
        images : sequence of ndarray of uint8, each of shape (height, width, 3)
            RGB.
        predictions : sequence of str
            What the model takes each for: with more than two classes, whose evidence is shown.

        Returns
        -------
        list of ExplainedImage
            In the order of the images.
        """
        found = self._explainer.explain(self._explainer.maps(images), predictions)
        maps = found.over_image(self._explainer.size)
        return [
            ExplainedImage(overlay(image, each), self._explainer.positive_class or name, found.method)
            for image, each, name in zip(images, maps, predictions, strict=True)
        ]


def _mean_row(model: Model) -> NDArray[np.float64]:
    """What a model knows of its mean training row: of images, their thumbnail."""
    if model.unlike is None:
        raise Unexplained(
            f"{model.name}: keeps nothing of what its training images have on average, which maps are compared with; "
            "export it from a run with more than one group of images."
        )
    mean = model.unlike.mean.astype(np.float64)
    first = model.system.parts[0]
    if len(mean) != 3 * THUMBNAIL**2 or not isinstance(first, ResolvedDescriptor) or first.descriptor != IMAGES:
        return mean
    small = Image.fromarray(np.rint(mean).astype(np.uint8).reshape(THUMBNAIL, THUMBNAIL, 3))
    wide = small.resize((first.input_size, first.input_size), Image.Resampling.BILINEAR)
    return np.asarray(wide, dtype=np.float64).ravel()


def explain_predictions(
    model: Model, images: Sequence[Asked], predictions: pd.DataFrame, folder: Path, max_pixels: int
) -> int:
    """Write a picture of every image that was predicted, beside the map of what decided.

    Parameters
    ----------
    model : Model
    images : sequence of Asked
        Those that predictions were asked of.
    predictions : DataFrame
        A line for each image, as `leukorepro.inference.predicting.table.read` gives them.
    folder : Path
        Pictures are named after the line in the table of predictions and the image.
    max_pixels : int
        Largest image that is decoded.

    Returns
    -------
    int
        Number of pictures, `MOST_PICTURES` at most.

    Raises
    ------
    Unexplained
        If the model's decisions cannot be explained.
    """
    apart = ModelExplainer(model)
    numbers = np.flatnonzero(predictions["status"] == OK)[:MOST_PICTURES]
    written = 0
    with tqdm(total=len(numbers), unit="image", mininterval=1) as bar:
        for start in range(0, len(numbers), BATCH):
            block = numbers[start : start + BATCH].tolist()
            read: dict[int, RGB] = {}
            for number in block:
                try:
                    read[number] = read_rgb(Path(images[number].path), max_pixels)
                except UnreadableImage as error:  # it was there when it was predicted
                    print(error)
            rows = predictions.iloc[list(read)]
            explained = apart.explain(list(read.values()), rows["prediction"].tolist()) if read else []
            said = rows[list(_Said._fields)].itertuples(index=False)
            for (number, image), each, told in zip(read.items(), explained, said, strict=True):
                name = images[number].name
                _write(model, (name, image), each, _Said(*told), folder / _file_name(number, name))
            written += len(read)
            bar.update(len(block))
    return written


class _Said(NamedTuple):
    """What the table says of an image."""

    prediction: str
    probability: float
    out_of_distribution: str
    training_image: str


def _write(model: Model, image: tuple[str, RGB], explained: ExplainedImage, said: _Said, path: Path) -> None:
    """Write the picture of an image, which is given with its name."""
    whose = model.system.positive_class or said.prediction
    sure = "" if np.isnan(said.probability) else f"\nprobability {said.probability:.3f} of {whose}"
    warnings = {UNLIKE: said.out_of_distribution, TRAINED: said.training_image}
    lines = [explained.sentence, *(warning for warning, holds in warnings.items() if holds == "true")]
    name, pixels = image
    write_picture(
        [(f"Image\n{PurePath(name).name}", panel(pixels)), (f"{said.prediction}{sure}", explained.overlay)],
        [*lines, " ".join([*(f"{caveat}." for caveat in model.card.in_short), NO_DEVICE_IN_SHORT])],
        path,
        " ".join([*lines, *model.card.caveats, NO_DEVICE]),
    )


def _file_name(number: int, image: str) -> str:
    """Of the picture of an image: line of the table, counted from 1 behind its header, and a name for every system."""
    stem = re.sub(r"[^\w.-]+", "_", PurePath(image).stem)[:80]
    return f"{number + 1:05}-{stem}.jpg"
