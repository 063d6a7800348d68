"""Colours and sizes of a dataset's images, and whether they alone tell the classes apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.data.groups import groups
from leukorepro.evaluation.intervals import resample_weights, share_interval
from leukorepro.evaluation.metrics.auroc import Area
from leukorepro.report.images.album import Album
from leukorepro.report.numbers.wording import listed, sentence

SAMPLE = 200
"""Images that are measured, at most; of every class the same number, where it has so many."""

SEED = 0

N_RESAMPLES = 1000

TELLS = 0.75
"""AUROC from which on a measure alone is called a shortcut."""

COLOURS = {"lightness": "L*", "green_red": "a*", "blue_yellow": "b*"}
"""Columns of mean colours in CIELAB."""

SIZE = "longer_side"

MEASURES = {
    "lightness": ("lightness", "lighter", "darker"),
    "green_red": ("green to red", "redder", "greener"),
    "blue_yellow": ("blue to yellow", "yellower", "bluer"),
    SIZE: ("size", "larger", "smaller"),
}
"""Of every measure: its name, and what images with high and with low values are."""


@dataclass(frozen=True)
class Shortcut:
    """How well one measure alone tells a class from all others."""

    label: str
    measure: str
    area: float
    """AUROC; above a half where the class has the higher values."""
    low: float
    high: float
    """Its 95 % interval, from resampling groups; NaN where there is none."""
    n_images: int

    @property
    def strength(self) -> float:
        """The area whichever way round it is read."""
        return max(self.area, 1 - self.area)

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out a half."""
        return bool(self.low > 0.5 or self.high < 0.5)

    @property
    def told(self) -> str:
        """`AUROC 0.93 (95 % 0.90 to 0.95), images of all are darker`."""
        area, bounds = self.strength, sorted((self.low, self.high))
        if self.area < 0.5:
            bounds = sorted((1 - self.low, 1 - self.high))
        interval = "" if np.isnan(bounds[0]) else f" (95 % {bounds[0]:.2f} to {bounds[1]:.2f})"
        _, higher, lower = MEASURES[self.measure]
        which = higher if self.area >= 0.5 else lower
        return f"AUROC {area:.2f}{interval}" + (f", images of {self.label} are {which}" if self.clear else "")


def sample_of(manifest: pd.DataFrame, classes: Sequence[str]) -> pd.DataFrame:
    """Readable images that are measured: at most `SAMPLE`, drawn with a seed, evenly over the classes.

    Parameters
    ----------
    manifest : DataFrame
        Manifest contract.
    classes : sequence of str
        Labels of the dataset; images of others are not measured.
    """
    readable = manifest[manifest["status"] == "ok"]
    of_class = [readable[readable["label"] == name] for name in classes]
    share = max(1, SAMPLE // max(1, len(classes)))
    drawn = [rows.sample(min(share, len(rows)), random_state=SEED) for rows in of_class]
    return pd.concat([readable[:0], *drawn]).sort_index()


def measured(rows: pd.DataFrame, album: Album) -> pd.DataFrame:
    """Rows of a manifest with the mean colour of each image.

    Parameters
    ----------
    rows : DataFrame
        Rows of the dataset's manifest, all readable.
    album : Album
        The dataset's images.

    Returns
    -------
    DataFrame
        With the columns of `COLOURS` (CIELAB, D65; the mean over the whole image, background included), and ``red,
        green, blue`` (0 to 255).
    """
    from skimage.color import rgb2lab

    means = np.empty((len(rows), 6))
    for place, name in enumerate(rows["image_id"]):
        pixels = album.square(name)
        means[place] = [*rgb2lab(pixels).mean(axis=(0, 1)), *pixels.mean(axis=(0, 1))]
    names = [*COLOURS, "red", "green", "blue"]
    return rows.assign(**dict(zip(names, means.T, strict=True)))


def shortcuts(rows: pd.DataFrame, classes: Sequence[str], measures: Sequence[str]) -> list[Shortcut]:
    """How well each measure alone tells each class from all others; of two classes, the first from the second.

    Parameters
    ----------
    rows : DataFrame
        A row for each image, with its label, subject and source, and the measures.
    classes : sequence of str
        Where there are two, the first is the one that is told.
    measures : sequence of str
        Columns that are not the same everywhere; others are passed over.
    """
    group = groups(rows["subject_id"], rows["source_id"])
    weights = resample_weights(int(group.max(initial=0)) + 1, N_RESAMPLES, SEED).astype(np.float64)
    found = []
    for measure in measures:
        values = rows[measure].to_numpy(dtype=np.float64)
        if len(set(values)) > 1:
            for label in classes[:1] if len(classes) == 2 else classes:
                found += _shortcut(label, measure, rows["label"].to_numpy() == label, values, group, weights)
    return found


def _shortcut(
    label: str,
    measure: str,
    of_class: NDArray[np.bool_],
    values: NDArray[np.float64],
    group: NDArray[np.intp],
    weights: NDArray[np.float64],
) -> list[Shortcut]:
    """One, or none where there is no image of the class, or of no other."""
    if of_class.all() or not of_class.any():
        return []
    area = Area(of_class, values, np.zeros(len(values), dtype=np.intp), group, len(weights))
    value = float(area.weighted(np.ones((len(weights), 1)))[0])
    smaller = min(len(set(group[of_class])), len(set(group[~of_class])))
    interval = share_interval(value, area.weighted(weights), len(weights), n_smaller=smaller)
    return [Shortcut(label, measure, value, interval.low, interval.high, len(values))]


def told(found: Sequence[Shortcut], measures: Sequence[str]) -> Iterator[str]:
    """What the measures tell about the classes, a sentence for each measure.

    Parameters
    ----------
    found : sequence of Shortcut
        How well each measure tells each class from the others; a measure that is the same in all images has none.
    measures : sequence of str
        Keys of `MEASURES`, in the order in which they are told.
    """
    for measure in measures:
        name = MEASURES[measure][0]
        of_measure = [one for one in found if one.measure == measure]
        if not of_measure:
            yield sentence(f"{name} alone tells nothing: it is the same in all of them")
            continue
        best = max(of_measure, key=lambda one: (one.clear, one.strength))
        shortcut = best.clear and best.strength >= TELLS
        if len(of_measure) == 1:
            verdict = "is a shortcut: it tells" if shortcut else "tells" if best.clear else "does not clearly tell"
            yield sentence(f"{name} alone {verdict} the classes apart, {best.told}")
        elif best.clear:
            verdict = "is a shortcut to" if shortcut else "says something of"
            which = f"{best.label}, which it tells best of {len(of_measure)} classes from the others"
            yield sentence(f"{name} alone {verdict} {which}: {best.told}")
        else:
            yield sentence(
                f"{name} alone clearly tells none of {len(of_measure)} classes from the others: at best {best.told}"
            )


def shared_by(rows: pd.DataFrame, column: str, measure: str = "lightness") -> float | None:
    """Share of a measure's variance within classes that lies between units: the intraclass correlation.

    Parameters
    ----------
    rows : DataFrame
        A row for each image, with its label, the measure and the unit's name, empty where it is not known.
    column : str
        ``source_id`` or ``subject_id``.
    measure : str
        Column of the measure.

    Returns
    -------
    float or None
        Between 0 and 1; None where no unit has several images, there is one unit, or nothing varies.

    Notes
    -----
    ICC(1) of a one-way random model with units of unequal size (Donner and Koval, Biometrics 36, 1980); negative
    estimates count as 0. A unit that holds images of several classes is a unit for each of them.
    """
    known = rows[rows[column] != ""]
    values = known[measure] - known.groupby("label")[measure].transform("mean")
    of_unit = values.groupby([known["label"], known[column]])
    sizes, means = of_unit.size(), of_unit.mean()
    n, units, classes = len(values), len(sizes), known["label"].nunique()
    if units <= classes or n <= units:
        return None
    between = float((sizes * means**2).sum()) / (units - classes)
    within = float(((values - of_unit.transform("mean")) ** 2).sum()) / (n - units)
    of_class = sizes.groupby("label")
    typical = float((of_class.sum() - (sizes**2).groupby("label").sum() / of_class.sum()).sum()) / (units - classes)
    whole = between + (typical - 1) * within
    return max(0.0, (between - within) / whole) if whole > 0 else None


def units_told(rows: pd.DataFrame) -> str:
    """How alike images of one photograph or of one subject are in lightness, in a sentence; empty if nothing tells."""
    units = {"photograph": "source_id", "subject": "subject_id"}
    shares = {name: shared_by(rows, column) for name, column in units.items()}
    parts = [f"{100 * share:.0f} % lies between {name}s" for name, share in shares.items() if share is not None]
    if len(set(shares.values())) == 1:
        parts = parts[1:]  # every subject has one photograph
    return f"Of the variance of lightness within a class, {listed(parts)}." if parts else ""
