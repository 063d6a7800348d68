"""How well images of other datasets are told from a system's training images: for its card."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from leukorepro.features.fusion import read_headers
from leukorepro.features.identity import identity, read_wanted
from leukorepro.features.parts import Part
from leukorepro.inference.unlike import Unlike, spread_rows

MOST_ROWS = 1_000
"""Images of another dataset that are looked at; of more, so many are taken, spread over all."""


def other_datasets(unlike: Unlike, parts: Sequence[Part], features: Path) -> dict[str, float]:
    """AUROC of the distance against every other dataset whose features lie beside those of the training images.

    Parameters
    ----------
    unlike : Unlike
        Fitted on training rows.
    parts : sequence of ResolvedExtractor or ResolvedDescriptor
        What the rows are put together from.
    features : Path
        Folder of the feature files of the training images' dataset; those of others lie beside it.

    Returns
    -------
    dict of str to float
        By the dataset's folder. Those are left out whose features came from other weights: random ones have their
        batch-norm statistics from the dataset.
    """
    found = {}
    for other in sorted(folder for folder in features.parent.iterdir() if folder != features):
        files = [(part, features / f"{part.id}.h5", other / f"{part.id}.h5") for part in parts]
        if all(ours.is_file() and theirs.is_file() and _comparable(part, ours, theirs) for part, ours, theirs in files):
            unlike_rows = [_originals(part, theirs) for part, _, theirs in files]
            found[other.name] = unlike.auroc(np.concatenate(unlike_rows, axis=1))
    return found


def _comparable(part: Part, ours: Path, theirs: Path) -> bool:
    """Whether the same network, with the same weights, or the same descriptor has made both files."""
    names = [*identity(part), "weights_sha256"]
    (_, header), (_, other) = *read_headers(ours), *read_headers(theirs)
    return all(header.get(name) == other.get(name) for name in names)


def _originals(part: Part, file: Path) -> NDArray[Any]:
    """Rows of some images as they are, without their views."""
    features = read_wanted(file, [part], mapped=True)
    rows = np.flatnonzero(features.rows["view"] == "identity")
    return np.asarray(features.matrix[rows[spread_rows(len(rows), MOST_ROWS)]])
