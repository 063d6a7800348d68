"""What the simulated leukocytes of each class look like: means, spread and bounds of their traits.

The values are chosen to look like the cells that haematology atlases describe (FAB types L1, L2, M2, M3 and M5; mature
lymphocytes, neutrophils, monocytes), with distributions that overlap; they are not fitted to any data set.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from leukorepro.core.words import Look


@dataclass(frozen=True)
class Traits:
    """What can be seen in one leukocyte."""

    diameter: float
    """Of the cell, micrometres."""
    nucleus_share: float
    """Area of the nucleus divided by that of the cell, in (0, 1)."""
    lobes: float
    """Parts of the nucleus; rounded when drawn. 1 is mononuclear, 2 bilobed, 3 and more segmented."""
    irregularity: float
    """Root mean square deviation of the nuclear contour, share of its radius."""
    indentation: float
    """Depth of the fold or kidney-shaped dent of the nucleus, share of its radius."""
    clumping: float
    """Chromatin: 0 is fine and open, 1 coarse and clumped."""
    chromatin: float
    """Stain density of the nucleus; 1 is that of a mature lymphocyte."""
    nucleoli: float
    """Expected number of visible nucleoli."""
    basophilia: float
    """Blue of the cytoplasm, 0 to 1."""
    eosinophilia: float
    """Pink of the cytoplasm, 0 to 1."""
    granules: float
    """Share of the cytoplasm under azurophilic granules, 0 to 1; 1 is packed, as in promyelocytic leukaemia."""
    auer_rods: float
    """Expected number of Auer rods."""
    vacuoles: float
    """Expected number of vacuoles."""


SPREAD = Traits(1.5, 0.07, 0.30, 0.018, 0.10, 0.22, 0.11, 0.35, 0.12, 0.05, 0.08, 0.10, 0.40)
"""Standard deviation from cell to cell, the same in every class."""
LOWEST = Traits(6.0, 0.20, 1.0, 0.0, 0.0, 0.0, 0.55, 0.0, 0.02, 0.0, 0.0, 0.0, 0.0)
HIGHEST = Traits(24.0, 0.93, 5.0, 0.16, 0.70, 1.0, 1.30, 4.0, 1.0, 0.8, 1.0, 8.0, 8.0)

LYMPHOCYTE = Traits(11.2, 0.73, 1.0, 0.022, 0.06, 0.68, 1.00, 0.1, 0.32, 0.0, 0.02, 0.0, 0.1)
LYMPHOBLAST = Traits(13.3, 0.82, 1.0, 0.045, 0.16, 0.36, 0.84, 1.2, 0.48, 0.0, 0.0, 0.0, 0.3)
NEUTROPHIL = Traits(13.6, 0.34, 3.4, 0.030, 0.0, 0.85, 1.05, 0.0, 0.05, 0.55, 0.35, 0.0, 0.1)
MONOCYTE = Traits(16.5, 0.48, 1.0, 0.055, 0.45, 0.45, 0.85, 0.2, 0.32, 0.08, 0.10, 0.0, 1.5)
ERYTHROBLAST = Traits(10.0, 0.42, 1.0, 0.012, 0.0, 0.95, 1.15, 0.0, 0.25, 0.40, 0.0, 0.0, 0.0)

L1 = Traits(11.6, 0.84, 1.0, 0.024, 0.07, 0.45, 0.95, 0.2, 0.45, 0.0, 0.0, 0.0, 0.1)
L2 = Traits(15.0, 0.72, 1.0, 0.070, 0.25, 0.28, 0.82, 1.7, 0.58, 0.0, 0.0, 0.0, 0.3)
M2 = Traits(15.8, 0.62, 1.0, 0.036, 0.15, 0.22, 0.80, 1.5, 0.48, 0.10, 0.25, 0.5, 0.1)
M3 = Traits(17.2, 0.48, 1.7, 0.055, 0.20, 0.40, 0.86, 0.3, 0.25, 0.35, 0.90, 3.0, 0.1)
M5 = Traits(18.6, 0.52, 1.0, 0.060, 0.48, 0.20, 0.74, 1.1, 0.40, 0.02, 0.06, 0.0, 3.0)


def _array(traits: Traits) -> NDArray[np.float64]:
    return np.array([getattr(traits, f.name) for f in fields(Traits)])


_SPREAD, _LOW, _HIGH = _array(SPREAD), _array(LOWEST), _array(HIGHEST)


@dataclass(frozen=True)
class Profile:
    """The leukocytes of one class: shares of the kinds of cell, the mean traits of each, and how many there are."""

    shares: dict[str, float]
    """Kind of cell -> its share; they add up to 1."""
    means: dict[str, Traits]
    """Kind of cell -> mean traits."""
    per_field: float
    """Expected number of leukocytes in one field, beyond those that are always there."""


_SMEAR = {
    "all": Profile(
        {"lymphoid": 1.0, "neutrophil": 0.0, "monocyte": 0.0},
        {"lymphoid": LYMPHOBLAST, "neutrophil": NEUTROPHIL, "monocyte": MONOCYTE},
        per_field=3.0,
    ),
    "healthy": Profile(
        {"lymphoid": 0.62, "neutrophil": 0.28, "monocyte": 0.10},
        {"lymphoid": LYMPHOCYTE, "neutrophil": NEUTROPHIL, "monocyte": MONOCYTE},
        per_field=1.0,
    ),
}
_SEGMENTED = {
    # Cells of the marrow, cut out so tightly that little but the nucleus is left.
    "all": Profile({"lymphoid": 1.0}, {"lymphoid": replace(LYMPHOBLAST, nucleus_share=0.87, basophilia=0.80)}, 0.0),
    "hem": Profile({"lymphoid": 1.0}, {"lymphoid": replace(LYMPHOCYTE, nucleus_share=0.80, basophilia=0.72)}, 0.0),
}
_MARROW = {
    name: Profile({"blast": 1.0}, {"blast": traits}, per_field=1.5)
    for name, traits in {"L1": L1, "L2": L2, "M2": M2, "M3": M3, "M5": M5}.items()
}
_LOOKS: dict[Look, dict[str, Profile]] = {
    "allidb": _SMEAR,
    "allidb1": _SMEAR,
    "allidb2": _SMEAR,
    "cnmc2019": _SEGMENTED,
    "bone_marrow": _MARROW,
}

BYSTANDERS = {"erythroblast": ERYTHROBLAST, "neutrophil": NEUTROPHIL, "lymphocyte": LYMPHOCYTE}
"""Normal cells of the marrow that lie beside the blasts of every sub-type."""


def profiles(look: Look, class_effect: float) -> dict[str, Profile]:
    """Profiles of a look's classes, with the difference between their means scaled.

    Parameters
    ----------
    look : Look
        One of the looks of `leukorepro.config`.
    class_effect : float
        Factor on the distance of every mean (traits, shares of the kinds of cell, number of cells) from the average
        of the classes, in [0, 3]. 0 makes the classes equal in distribution, 1 leaves them as tabulated. Means stay
        within the bounds of their trait, shares within 0 and 1.

    Returns
    -------
    dict of str to Profile
        Label -> profile, in the look's order; where there are two, the first is the diseased one.
    """
    classes = _LOOKS[look]
    kinds = next(iter(classes.values())).shares

    def scaled(values: dict[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        centre = np.mean(list(values.values()), axis=0)
        return {label: centre + class_effect * (value - centre) for label, value in values.items()}

    shares = scaled({label: np.array([p.shares[k] for k in kinds]) for label, p in classes.items()})
    fields = scaled({label: np.array(p.per_field) for label, p in classes.items()})
    means = {kind: scaled({label: _array(p.means[kind]) for label, p in classes.items()}) for kind in kinds}
    result = {}
    for label in classes:
        share = np.clip(shares[label], 0, 1)
        result[label] = Profile(
            dict(zip(kinds, (share / share.sum()).tolist(), strict=True)),
            {kind: Traits(*np.clip(means[kind][label], _LOW, _HIGH).tolist()) for kind in kinds},
            max(0.0, float(fields[label])),
        )
    return result


def draw_traits(mean: Traits, rng: np.random.Generator, size_factor: float = 1.0) -> Traits:
    """Traits of one cell: normal around `mean` with the deviations `SPREAD`, within the bounds.

    Parameters
    ----------
    mean : Traits
        Mean of the cell's kind and class.
    rng : numpy.random.Generator
        Always asked for the same number of values.
    size_factor : float
        The subject's factor on the diameter.
    """
    values = _array(mean) + rng.standard_normal(len(_SPREAD)) * _SPREAD
    drawn = Traits(*np.clip(values, _LOW, _HIGH).tolist())
    return replace(drawn, diameter=drawn.diameter * size_factor)


def mean_traits(cells: list[Traits]) -> dict[str, float]:
    """Average of each trait over some cells, rounded to six digits, as columns of the truth table."""
    means = np.mean([_array(cell) for cell in cells], axis=0).round(6)
    return dict(zip((f.name for f in fields(Traits)), means.tolist(), strict=True))
