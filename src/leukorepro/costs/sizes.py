"""How much a run works on, as far as it is known before anything starts: images, rows, columns, folds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import NamedTuple

from leukorepro.config.datasets import Simulation
from leukorepro.config.study.schemes import KFoldScheme, Protocol
from leukorepro.core.words import Look
from leukorepro.costs.operations import Operations, known_columns
from leukorepro.data.folders import list_images
from leukorepro.data.manifest import read_manifest
from leukorepro.features.descriptors.registry import find_descriptor
from leukorepro.features.parts import Part, ResolvedDescriptor
from leukorepro.run.paths import Results
from leukorepro.run.plan import Found, datasets_of, views_of
from leukorepro.run.resolved import ResolvedRun, ResolvedStudy
from leukorepro.simulate.dealing import listed

SAMPLED = 12
"""Files of a dataset that are asked for their width and height, spread over all."""

MEGAPIXELS: dict[Look, float] = {
    "allidb": (108 * 486 * 648 + 260 * 257 * 257) / 368e6,
    "allidb1": 486 * 648 / 1e6,
    "allidb2": 257 * 257 / 1e6,
    "cnmc2019": 450 * 450 / 1e6,
    "bone_marrow": 360 * 360 / 1e6,
}
"""Of a simulated picture, on average."""

BYTES_OF_PIXEL: dict[Look, float] = {"allidb": 1.3, "allidb1": 0.4, "allidb2": 3.0, "cnmc2019": 3.0, "bone_marrow": 0.4}
"""In its file: of BMP and TIFF three, of JPEG a fraction of one."""


@dataclass(frozen=True)
class Images:
    """The images of a dataset."""

    counts: Counter[tuple[str, str]]
    """By label and official split."""
    megapixels: float
    """Of one image, on average."""

    @cached_property
    def total(self) -> int:
        """All of them."""
        return self.counts.total()

    @property
    def all_megapixels(self) -> float:
        """Of all of them together."""
        return self.total * self.megapixels


class Fit(NamedTuple):
    """How many rows a fold has, and how many such folds there are."""

    folds: int
    train: int
    tested: int


class Sizes:
    """What the jobs of a run work on.

    Parameters
    ----------
    run : ResolvedRun
    results : Results
        Where manifests of datasets that were scanned before lie; others are listed.
    operations : Operations
        What networks take.
    """

    def __init__(self, run: ResolvedRun, results: Results, operations: Operations) -> None:
        self.run = run
        self.operations = operations
        self._images = {name: images_of(found, run, results) for name, found in datasets_of(run).items()}

    def images(self, dataset: str) -> Images:
        """Those of a dataset."""
        return self._images[dataset]

    def rows(self, dataset: str, part: str) -> int:
        """Rows of a feature file: every image in every view.

        Parameters
        ----------
        dataset : str
            Folder name of a dataset of the run.
        part : str
            Id of an extractor or a descriptor.
        """
        return self.images(dataset).total * len(views_of(self.run, dataset, part))

    def columns(self, part: Part) -> int:
        """Features of a row."""
        if isinstance(part, ResolvedDescriptor):
            return find_descriptor(part.descriptor).dim(part.input_size)
        return known_columns(part) or self.operations.of_extractor(part).columns

    def bytes_of_value(self, part: Part) -> int:
        """Of a feature in a file."""
        whole = isinstance(part, ResolvedDescriptor) and find_descriptor(part.descriptor).dtype == "uint8"
        return 1 if whole else 4

    def pool(self, study: ResolvedStudy, split: str, *, held_out: bool = False) -> int:
        """Images that a split deals out, or those of the held-out part that it tests.

        Those of labels that are in none of its classes are not counted.

        Parameters
        ----------
        study : ResolvedStudy
            One of the run's.
        split : str
            Name of one of its splits.
        held_out : bool
            Count the images of the held-out part that it tests, instead of those that it deals out.
        """
        scheme, labels = study.study.splits[split], study.label_set_of(split)
        n = 0
        for (label, official), count in self.images(study.dataset_id).counts.items():
            outside = study.external_split is not None and official == study.external_split
            if labels is not None and label not in labels.of_label:
                continue
            if held_out:
                n += count if outside else 0
            elif outside:
                n += count if scheme.include_external else 0
            elif not scheme.official_splits or official in scheme.official_splits:
                n += count
        return n

    def fit(self, study: ResolvedStudy, split: str, protocol: Protocol) -> Fit:
        """Rows of the folds of a split on a rung.

        Parameters
        ----------
        study : ResolvedStudy
            One of the run's.
        split : str
            Name of one of its splits.
        protocol : Protocol
            Of the rung.

        Returns
        -------
        Fit
            Number of folds, and rows that train and that are tested in each; views are rows.
        """
        scheme = study.study.splits[split]
        views = len(scheme.views)
        images = self.pool(study, split)
        if protocol.tests_held_out_part:
            return Fit(self.run.seeds, images * views, self.pool(study, split, held_out=True))
        by_view = protocol.unit == "view" and scheme.augment == "all"
        tested = images * (views if by_view else 1)
        if isinstance(scheme, KFoldScheme):
            share, folds = 1 / scheme.n_splits, scheme.n_splits
        else:
            share, folds = scheme.test_share, 1 if by_view else scheme.turns
        trained = images * views * (1 - share - getattr(scheme, "validation_share", 0.0))
        return Fit(folds * scheme.repeats * self.run.seeds, round(trained), round(tested * share))

    def split_rows(self, study: ResolvedStudy, splits: list[str]) -> float:
        """Rows of a study's split tables on all rungs, in thousands.

        Parameters
        ----------
        study : ResolvedStudy
            One of the run's.
        splits : list of str
            Names of its splits that are used.
        """
        fits = [self.fit(study, split, rung) for split, rung in product(splits, study.protocols.values())]
        return sum(fit.folds * (fit.train + fit.tested) for fit in fits) / 1e3


def images_of(found: Found, run: ResolvedRun, results: Results) -> Images:
    """Of a dataset: what its manifest says; before there is one, what is listed or will be drawn.

    Parameters
    ----------
    found : Found
        A dataset of the run, or two as one.
    run : ResolvedRun
        Its budget says how many images are drawn.
    results : Results
        Where manifests lie.

    Raises
    ------
    UserError
        If its folder breaks the rules of its adapter, or its manifest is damaged.
    """
    manifest = results.manifest(found.id)
    if manifest.is_file():
        scanned = read_manifest(manifest)
        good = scanned[scanned["status"] == "ok"]
        pixels = (good["width"] * good["height"]).sum()
        counts = Counter(zip(good["label"], good["official_split"], strict=True))
        return Images(counts, float(pixels) / 1e6 / max(1, len(good)))
    if len(found.parts) > 1:
        parts = [images_of(part, run, results) for part in found.parts]
        rows = list_images(found.dataset, found.images).rows if all(p.images.is_dir() for p in found.parts) else []
        counts = Counter((row.label, row.official_split) for row in rows) or _both(found, parts)
        pixels = sum(part.all_megapixels for part in parts) / max(1, sum(part.total for part in parts))
        return Images(counts, pixels)
    if found.simulated:
        simulation: Simulation = found.dataset.simulation(run.budget)  # type: ignore[union-attr]
        rows = listed(simulation)
        return Images(Counter((row.label, row.official_split) for row in rows), MEGAPIXELS[simulation.look])
    rows = list_images(found.dataset, found.images).rows
    step = max(1, len(rows) // SAMPLED)
    sampled = [_megapixels(found.images / row.path) for row in rows[::step][:SAMPLED]]
    known = [value for value in sampled if value]
    mean = sum(known) / len(known) if known else 0.0
    return Images(Counter((row.label, row.official_split) for row in rows), mean)


def _both(found: Found, parts: list[Images]) -> Counter[tuple[str, str]]:
    """Of two datasets, before both are there: labels that the first has, the second's as its held-out part."""
    first, second = parts
    labels = {label for label, _ in first.counts}
    counts = Counter(first.counts)
    named = getattr(found.dataset, "classes", {})
    for (label, _), count in second.counts.items():
        own = named.get(label, label if label in labels else None)
        if own is not None:
            counts[own, found.parts[1].id] += count
    return counts


def _megapixels(path: Path) -> float:
    """Of an image, from its first bytes; 0 where it cannot be read, which the scan will tell."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(path) as image:
            return image.width * image.height / 1e6
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return 0.0
