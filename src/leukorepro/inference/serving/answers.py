"""What a model says of one image file, as values that the page and other programs read."""

from __future__ import annotations

import base64
import hashlib
import io
import math
from pathlib import Path
from typing import Any

from PIL import Image

from leukorepro.data.decoding.rgb import Pixels
from leukorepro.data.images import decode
from leukorepro.inference.explaining.models import ModelExplainer
from leukorepro.inference.explaining.modules import Unexplained
from leukorepro.inference.model import Model
from leukorepro.inference.predicting.ready import ReadyModel

SIDE = 288
"""Longer side of the pictures in an answer, in pixels."""


class Answers:
    """A model that is asked about files, one at a time.

    Parameters
    ----------
    ready : ReadyModel
    max_pixels : int
        Largest image that is decoded.
    explainer : ModelExplainer or None
        What makes maps; None where the model's decisions cannot be explained.
    """

    def __init__(self, ready: ReadyModel, max_pixels: int, explainer: ModelExplainer | None = None) -> None:
        self._ready, self._max_pixels, self._explainer = ready, max_pixels, explainer
        system = ready.model.system
        self._positive = system.positive_class if len(system.classes) == 2 else None

    def __call__(self, content: bytes) -> dict[str, Any]:
        """Answer for the bytes of an image file.

        Raises
        ------
        UnreadableImage
            With the status, a word of the manifest.
        """
        pixels, conversions = decode(Path("image"), self._max_pixels, content)
        decided = self._ready.decide([self._ready.inputs(pixels)])
        prediction = str(decided.decisions.prediction[0])
        scores, distance = decided.answers.scores[0], float(decided.distances[0])
        place = 0 if len(scores) == 1 else decided.answers.classes.index(prediction)
        warnings = [f"Converted: {what}." for what in conversions]
        if distance > 1:
            warnings.insert(
                0,
                f"Unlike the training images: {distance:.2f} times as far from them as 99 % of themselves are at most. "
                "How good the model is on such images is not known.",
            )
        known = self._ready.model.fitted_on([hashlib.sha256(content).hexdigest()])
        trained = None if known is None else bool(known[0])
        if trained:
            warnings.insert(0, "The model was fitted on this image: what it says of it is no test of the model.")
        return {
            "prediction": prediction,
            "probability": _number(decided.decisions.probability[0]),
            "of_class": self._positive or prediction,
            "score": _number(scores[place]),
            "out_of_distribution": None if math.isnan(distance) else distance > 1,
            "distance": _number(distance),
            "training_image": trained,
            "warnings": warnings,
            "picture": _picture(pixels),
            **self._map(pixels, prediction),
        }

    def _map(self, pixels: Pixels, prediction: str) -> dict[str, str]:
        """What in the image speaks for the decision, and what that picture shows."""
        if self._explainer is None:
            return {}
        (explained,) = self._explainer.explain([pixels], [prediction])
        return {"map": _picture(explained.overlay), "map_shows": explained.sentence}


def explainer_of(model: Model) -> tuple[ModelExplainer | None, str]:
    """What explains a model's decisions; None, and why there is none, where nothing does.

    Raises
    ------
    UserError
        If the weights of a network are not to be had.
    """
    try:
        return ModelExplainer(model), ""
    except Unexplained as error:
        return None, str(error)


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)


def _picture(pixels: Pixels) -> str:
    """A small picture, as an address that holds it."""
    small = Image.fromarray(pixels)
    small.thumbnail((SIDE, SIDE))
    encoded = io.BytesIO()
    small.save(encoded, "png")
    return f"data:image/png;base64,{base64.b64encode(encoded.getvalue()).decode()}"
