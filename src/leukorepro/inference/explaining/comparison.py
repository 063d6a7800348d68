"""The headline of a study explained on two rungs: the same test images, each by the systems of the folds that test it.

A leaky rung may let a system rest on what the copies of a photograph, or the images of a patient, have in common beside
the disease: light, stain, neighbours. Whether it does is asked of images that both rungs test, with one answer for each
rung: how much of what decides lies beside the cells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from torch import Tensor

from leukorepro.core.store import hdf5_writer, write_json
from leukorepro.core.tables.results import BACKGROUND_TABLE, SHARES_TABLE
from leukorepro.data.copies.ties import tied_by
from leukorepro.data.images import read_scanned
from leukorepro.data.manifest import read_manifest
from leukorepro.data.split_tables import read_splits_of
from leukorepro.data.splits import classes_of
from leukorepro.features.backbones.networks import FeatureNetwork
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.extract import network_of
from leukorepro.features.parts import Part, ResolvedExtractor
from leukorepro.features.preprocessing import resize
from leukorepro.features.stream import Request
from leukorepro.inference.explaining.attribution import Contributions
from leukorepro.inference.explaining.background import background_share, cells
from leukorepro.inference.explaining.explainer import RGB, Explainer, Eye, explainer, eyes_of
from leukorepro.inference.explaining.modules import Unexplained
from leukorepro.inference.explaining.overlays import panel
from leukorepro.inference.explaining.selection import MEASURED, classes_in_turn, shared_tests
from leukorepro.inference.explaining.shares import background_table
from leukorepro.inference.exporting.choice import Choice, choose
from leukorepro.inference.exporting.described import caveats
from leukorepro.inference.exporting.fitting import fit_system
from leukorepro.inference.exporting.rows import TrainingRows, training_rows
from leukorepro.inference.unlike import spread_rows
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.run.paths import ExplanationsFolder, Results
from leukorepro.run.specifications.explanations import ExplanationsSpecification

SHOWN = 8
"""Images that are kept with their maps."""
MEAN_OF = 512
"""Training rows that the mean one is taken of, where there are more: spread over all."""


@dataclass(frozen=True, eq=False)
class _Explained:
    """An image on one rung."""

    number: int
    """Among the images."""
    fold: int
    predicted: str
    value: float
    constant: float
    missed: float
    map: NDArray[np.float64]


def explain_headline(told: ExplanationsSpecification, folder: ExplanationsFolder, threads: int) -> None:
    """Explain a study's headline and write what comes of it; where it cannot be explained, why.

    Parameters
    ----------
    told : ExplanationsSpecification
    folder : ExplanationsFolder
        To be written.
    threads : int
        No number depends on them.
    """
    (study,) = told.run.studies
    choices = {
        rung: choose(told.run, study.study.key, study.study.headline, rung, None, Results()) for rung in told.rungs
    }
    try:
        _Comparison(told, choices, threads).write(folder)
    except Unexplained as error:
        print(f"not explained: {error}")
        _write_nothing(told, str(error), folder)


def _write_nothing(told: ExplanationsSpecification, reason: str, folder: ExplanationsFolder) -> None:
    write_json({"reason": reason, "rungs": told.rungs}, folder.told)
    BACKGROUND_TABLE.write(BACKGROUND_TABLE.frame(), folder.background)
    SHARES_TABLE.write(SHARES_TABLE.frame(), folder.shares)
    with hdf5_writer(folder.maps):
        pass


class _Comparison:
    """A headline on two rungs.

    Parameters
    ----------
    told : ExplanationsSpecification
    choices : mapping of str to Choice
        The headline on each rung.
    threads : int
    """

    def __init__(self, told: ExplanationsSpecification, choices: Mapping[Rung, Choice], threads: int) -> None:
        self._told, self._choices, self._threads = told, choices, threads
        self._any = next(iter(choices.values()))
        self._manifest = read_manifest(self._any.manifest)
        self._images = self._chosen_images()

    def _chosen_images(self) -> pd.DataFrame:
        """Images that are explained: columns of the manifest, y_true, fold_0 and fold_1."""
        tables = [
            read_splits_of(self._manifest, choice.folder.splits(rung, choice.split), choice.protocol)
            for rung, choice in self._choices.items()
        ]
        both = shared_tests(tables)
        names = " and ".join(LADDER[rung].name.lower() for rung in self._choices)
        if both.empty:
            raise Unexplained(f"no image is tested under both protocols ({names}).")
        both = both.merge(tied_by(self._manifest, self._any.duplicates), on="image_id")
        labels = classes_of(both["label"], self._any.label_set).to_numpy(dtype=object)
        chosen = classes_in_turn(labels, MEASURED, self._told.run.seed)
        return both.assign(y_true=labels).iloc[chosen].reset_index(drop=True)

    def write(self, folder: ExplanationsFolder) -> None:
        """Explain the images and write all files.

        Raises
        ------
        Unexplained
            If the headline cannot be explained.
        """
        study = self._any.study
        pictures = [
            read_scanned(study.images / str(row.path), str(row.sha256), study.dataset.max_pixels)
            for row in self._images.itertuples()
        ]
        eyes = eyes_of(self._any.parts, [self._network(part) for part in self._any.parts])
        seen = _Seen(eyes, pictures)
        explained: dict[Rung, list[_Explained]] = {}
        methods: dict[str, None] = {}
        grids: dict[str, None] = {}
        for place, (rung, choice) in enumerate(self._choices.items()):
            explained[rung] = []
            for fold in sorted(set(self._images[f"fold_{place}"])):
                numbers = np.flatnonzero(self._images[f"fold_{place}"] == fold)
                with TemporaryDirectory() as work:
                    system, found = self._explain(choice, int(fold), numbers, seen, Path(work))
                explained[rung] += system
                methods[found.method] = None
                grids |= dict.fromkeys(f"{each.shape[1]} x {each.shape[2]}" for each in found.maps)
            explained[rung].sort(key=lambda one: one.number)
        self._write(folder, explained, pictures, {"method": " and ".join(methods), "places": list(grids)})

    def _network(self, part: Part) -> FeatureNetwork | None:
        if not isinstance(part, ResolvedExtractor):
            return None
        study, backbone = self._any.study, find_backbone(part.backbone)
        request = Request(
            dataset=study.dataset_id,
            manifest=self._manifest,
            manifest_sha256="",
            images=study.images,
            views=["identity"],
            size=part.input_size,
            max_pixels=study.dataset.max_pixels,
            interpolation=backbone.interpolation,
            normalise=part.normalise,
        )
        return network_of(request, part, backbone, self._threads)

    def _explain(
        self, choice: Choice, fold: int, numbers: NDArray[np.intp], seen: _Seen, work: Path
    ) -> tuple[list[_Explained], Contributions]:
        """Some of the images by the system of a fold."""
        of_fold = replace(choice, fold=fold)
        data = training_rows(of_fold)
        system = fit_system(of_fold, data, device="cpu", threads=self._threads, work=work)
        apart = explainer(system, seen.eyes, _mean_row(data))
        maps = seen.maps(apart, numbers)
        predicted = apart.predicted(maps)
        found = apart.explain(maps, predicted)
        rows = zip(
            numbers.tolist(),
            predicted,
            found.values.tolist(),
            found.constants.tolist(),
            found.missed.tolist(),
            found.over_image(seen.size),
            strict=True,
        )
        return [_Explained(number, fold, *about) for number, *about in rows], found

    def _write(
        self,
        folder: ExplanationsFolder,
        explained: Mapping[Rung, Sequence[_Explained]],
        pictures: Sequence[RGB],
        about: Mapping[str, Any],
    ) -> None:
        size = len(next(iter(explained.values()))[0].map)
        masks = [cells(resize(picture, size)) for picture in pictures]
        shares = SHARES_TABLE.frame(self._share_rows(explained, masks))
        background = background_table(shares, self._told.rungs, self._told.run.seed)
        BACKGROUND_TABLE.write(background, folder.background)
        SHARES_TABLE.write(shares, folder.shares)
        with hdf5_writer(folder.maps) as file:
            file.create_dataset("images", data=np.stack([panel(picture) for picture in pictures[:SHOWN]]))
            for rung, found in explained.items():
                file.create_dataset(rung, data=np.stack([one.map for one in found[:SHOWN]]).astype(np.float32))
        values = np.concatenate([[abs(one.value - one.constant) for one in found] for found in explained.values()])
        missed = np.concatenate([[abs(one.missed) for one in found] for found in explained.values()])
        write_json(
            {
                "reason": "",
                "table": self._any.table,
                "item": self._any.item.item,
                "rungs": self._told.rungs,
                **about,
                "explained_class": self._any.positive_class,
                "missed": float(missed.sum() / values.sum()) if values.any() else 0.0,
                "caveats": caveats(self._any),
            },
            folder.told,
        )

    def _share_rows(
        self, explained: Mapping[Rung, Sequence[_Explained]], masks: Sequence[NDArray[np.bool_]]
    ) -> Iterator[tuple[Any, ...]]:
        choice = self._any
        for rung, found in explained.items():
            for one in found:
                row, mask = self._images.iloc[one.number], masks[one.number]
                yield (
                    *(choice.study.study.key, choice.table, choice.item.item, rung, 0, one.fold),
                    *row[["image_id", "subject_id", "source_id", "y_true"]],
                    *(one.predicted, one.value, one.constant, one.missed),
                    *(background_share(one.map, mask), float(1 - mask.mean())),
                )


class _Seen:
    """The images by the eyes that all systems of a study share; a network that is a system itself has its own."""

    def __init__(self, eyes: tuple[Eye, ...], pictures: Sequence[RGB]) -> None:
        self.eyes, self._pictures = eyes, pictures
        self.size = max(eye.input_size for eye in eyes)
        self._maps: list[Tensor] | None = None

    def maps(self, apart: Explainer, numbers: NDArray[np.intp]) -> list[Tensor]:
        """Feature maps of some of the images."""
        if apart.eyes != self.eyes:
            return apart.maps([self._pictures[number] for number in numbers])
        if self._maps is None:
            self._maps = [eye.maps(self._pictures) for eye in self.eyes]
        return [maps[numbers] for maps in self._maps]


def _mean_row(data: TrainingRows) -> NDArray[np.float64]:
    kept = data.train[spread_rows(len(data.train), MEAN_OF)]
    mean: NDArray[np.float64] = data.features.matrix[np.sort(kept)].mean(0, dtype=np.float64)
    return mean
