"""Populations: many simulated subjects, described once, that repeated studies draw their samples from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image

from leukorepro.config.datasets import Simulation, SimulationSize
from leukorepro.config.validity import Validity, ValiditySetting
from leukorepro.core.store import sha256_file
from leukorepro.core.tables.data import POOL_TABLE
from leukorepro.core.words import Budget
from leukorepro.features.descriptors.describe import describe
from leukorepro.features.lookup import resolve_descriptor
from leukorepro.features.normalisation import normalised
from leukorepro.features.preprocessing import resized_views
from leukorepro.features.stream import File, Request
from leukorepro.simulate.layout import Planned, plan
from leukorepro.simulate.scenes import render


@dataclass(frozen=True, kw_only=True)
class Drawing(Request):
    """Images that are drawn when they are asked for, instead of being read from files.

    Attributes
    ----------
    pictures : mapping of str to Planned
        By image_id.
    """

    pictures: Mapping[str, Planned]

    def read(self, file: File, views: Sequence[str]) -> NDArray[np.uint8]:
        """Resized views of an image that is drawn now.

        Parameters
        ----------
        file : tuple of three str
            The image's id, which says what is drawn; path and SHA-256 are not looked at.
        views : sequence of str
            Names of views, in the order in which they are to come.

        Returns
        -------
        ndarray of uint8, shape (views, size, size, 3)
        """
        image_id = file[0]
        picture = self.pictures[image_id]
        image = render(picture.subject, picture.form, picture.index).pixels
        if self.normalise is not None:
            image = normalised(image, self.normalise)
        return resized_views(Image.fromarray(image), views, image_id, self.size, self.interpolation)


def draw_pool(
    validity: Validity, setting: ValiditySetting, budget: Budget, images: Path, features: Path, threads: int
) -> None:
    """Draw the population of a setting, and write its table of images and their features.

    Parameters
    ----------
    validity : Validity
    setting : ValiditySetting
        Its effects make the population; settings that differ in their subjects only share one.
    budget : {'demo', 'published'}
        Decides how many subjects there are.
    images : Path
        Table to write, a `POOL_TABLE`.
    features : Path
        Feature file to write, of all views of all images; a killed job is continued.
    threads : int
        Images that are drawn at a time.
    """
    n_subjects = validity.pool[budget]
    simulation = Simulation(
        look=validity.look,
        class_effect=setting.class_effect,
        subject_effect=setting.subject_effect,
        seed=validity.seed,
        size=SimulationSize(subjects=n_subjects, images=n_subjects * validity.images),
    )
    pictures = {picture.path: picture for picture in plan(simulation)}
    table = pd.DataFrame(
        {
            "image_id": list(pictures),
            "label": [picture.subject.label for picture in pictures.values()],
            "subject_id": [picture.subject_id for picture in pictures.values()],
            "source_id": [picture.source_id for picture in pictures.values()],
        }
    )
    POOL_TABLE.write(table, images)
    descriptor = resolve_descriptor(validity.descriptor, "descriptor", budget)
    request = Drawing(
        dataset=setting.pool,
        manifest=table.assign(path=table["image_id"], sha256="", status="ok"),
        manifest_sha256=sha256_file(images),
        images=images.parent,
        views=validity.split.views,
        size=descriptor.input_size,
        max_pixels=0,
        normalise=descriptor.normalise,
        pictures=pictures,
    )
    describe(request, features, descriptor, threads=threads)
