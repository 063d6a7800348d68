"""Duplicates: the same image more than once in a dataset, under other names, subjects, labels or in other parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib.metadata import version
from itertools import combinations
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from tqdm import tqdm

from leukorepro.core.errors import UserError
from leukorepro.data import fingerprints
from leukorepro.data.copies.record import SCHEMA_VERSION
from leukorepro.data.groups import components, groups
from leukorepro.data.images import UnreadableImage, pixel_digest, read_scanned

Kind = Literal["bytes", "pixels", "near"]
"""What makes images of a group equal: their bytes, their pixels, or that they show the same cell. A group has the
weakest kind that it needs."""

Detector = Literal["hash", "features"]
"""What finds near-duplicates: perceptual hashes and a correlation, or neighbours by features and registration."""

NOT_SEEN = "the images were not looked at"

THRESHOLDS = {
    "max_distance": fingerprints.MAX_DISTANCE,
    "min_correlation": fingerprints.MIN_CORRELATION,
    "black": fingerprints.BLACK,
}


LIBRARIES = {"hash": ("imagehash", "numpy", "pillow"), "features": ("scikit-image", "scikit-learn")}
"""What each detector computes with."""


@dataclass(frozen=True)
class Group:
    """Images that are equal, with what is known of each."""

    kind: Kind
    images: list[str]
    labels: list[str]
    subjects: list[str]
    splits: list[str]
    correlation: float | None = None
    """Of near-duplicates: the least of the pairs that tie the group together."""
    detectors: list[Detector] = field(default_factory=list)
    """Of near-duplicates: what found pairs of the group."""


@dataclass(frozen=True)
class Contents:
    """What was seen in a dataset's images, one entry for each row of its manifest."""

    pixels: list[str]
    """Digest of the pixels; empty where the file could not be read."""
    near: fingerprints.NearPairs
    """By perceptual hashes; positions in the manifest."""
    by_features: fingerprints.NearPairs | None = None
    """By features; None where there were none."""


def look_at_images(
    manifest: pd.DataFrame,
    images: Path,
    max_pixels: int,
    *,
    features: NDArray[np.float32] | None = None,
    workers: int = 1,
    progress: bool = True,
) -> Contents:
    """Decode every readable image of a manifest and find those that show the same cell.

    Parameters
    ----------
    manifest : DataFrame
        Manifest contract.
    images : Path
        Folder of the images.
    max_pixels : int
        Largest image to decode.
    features : ndarray, shape (n_readable, D), optional
        Of the readable images, in the order of the manifest, to look for cropped and freely turned copies too.
    workers : int
        Threads.
    progress : bool
        Whether to draw a progress bar on the error stream.

    Raises
    ------
    UserError
        If an image that the manifest calls readable is missing, cannot be read, or has changed since.
    """
    readable = np.flatnonzero(manifest["status"] == "ok")
    rows = manifest.iloc[readable]
    paths = [Path(images) / path for path in rows["path"]]
    with ThreadPoolExecutor(workers) as pool:
        work = pool.map(partial(_look_at, max_pixels=max_pixels), paths, rows["sha256"])
        seen = list(tqdm(work, total=len(paths), desc="Comparing", unit="image", mininterval=1, disable=not progress))
    digests = np.full(len(manifest), "", dtype=object)
    digests[readable] = [digest for digest, _ in seen]
    near = _at(readable, fingerprints.near_pairs([cell for _, cell in seen]))
    if features is None:
        return Contents(digests.tolist(), near)
    from leukorepro.data.copies.neighbours import pairs_by_features
    from leukorepro.data.copies.registration import key_points

    places = list(zip(paths, rows["sha256"], strict=True))
    found = pairs_by_features(features, lambda at: key_points(_read(*places[at], max_pixels)), workers=workers)
    return Contents(digests.tolist(), near, _at(readable, found))


def find_duplicates(
    manifest: pd.DataFrame,
    contents: Contents | None = None,
    *,
    ignored: Mapping[str, int] | None = None,
    notes: Sequence[str] = (),
) -> dict[str, Any]:
    """Find groups of equal images and what they tie together.

    Parameters
    ----------
    manifest : DataFrame
        Manifest contract; unreadable rows are equal to nothing.
    contents : Contents, optional
        What was seen in the images; without it, only bytes are compared.
    ignored : mapping of str to int, optional
        Files that are no images, by their ending.
    notes : sequence of str
        What limits the search, a sentence each.

    Returns
    -------
    dict, ready for JSON
        - ``schema_version``; ``n_files``, ``ignored``, ``n_images`` (readable), ``n_distinct`` (without copies);
        - ``examined``: kinds of equality that were looked for; ``not_examined``: why the others were not; ``notes``;
        - ``n_duplicate_groups``, ``n_by_kind``, ``n_cross_split_groups``, ``n_cross_subject_groups``;
        - ``splits``: for each official split its ``images`` and those ``with_a_copy_in_another_split``;
          ``split_pairs``: ``splits, groups`` for every pair that shares an image;
        - ``n_subjects``, ``n_subject_groups``: before and after those that share an image are taken together;
          ``linked_subjects``: the latter, where they hold several; ``links``: ``subjects, groups`` of every pair;
        - ``label_conflicts``: ``images, labels`` of groups that are filed under several classes;
        - ``groups``: ``kind, images, labels, subjects, splits`` of each; ``correlation``: the least of its near pairs;
          ``detectors``: what found them, `hash` or `features`;
        - ``n_near_by_detector``: near pairs that each detector found;
        - ``thresholds``, ``libraries``: how near-duplicates were found; null and empty where they were not.
    """
    readable = (manifest["status"] == "ok").to_numpy()
    seen = manifest[readable].reset_index(drop=True)
    keys: dict[Kind, NDArray[np.object_]] = {"bytes": seen["sha256"].to_numpy(dtype=object)}
    near: dict[Detector, fingerprints.NearPairs] = {}
    if contents is not None:
        position = np.cumsum(readable) - 1
        given: dict[Detector, fingerprints.NearPairs | None] = {"hash": contents.near, "features": contents.by_features}
        near = {detector: _at(position, pairs) for detector, pairs in given.items() if pairs is not None}
        keys["pixels"] = np.array(contents.pixels, dtype=object)[readable]
        keys["near"] = _labelled_pairs(len(seen), list(near.values()))
    number, found = _groups(seen, keys, near)
    return {
        "schema_version": SCHEMA_VERSION,
        "n_files": len(manifest) + sum((ignored or {}).values()),
        "ignored": dict(ignored or {}),
        "n_images": len(seen),
        "n_distinct": len(np.unique(number)),
        "examined": list(keys),
        "not_examined": {kind: NOT_SEEN for kind in get_args(Kind) if kind not in keys},
        "notes": list(notes),
        "n_duplicate_groups": len(found),
        "n_by_kind": {kind: sum(group.kind == kind for group in found) for kind in get_args(Kind)},
        "n_cross_split_groups": sum(_several(group.splits) for group in found),
        "n_cross_subject_groups": sum(_several(group.subjects) for group in found),
        **_splits(seen, found),
        **_subjects(seen, number, found),
        "label_conflicts": [
            {"images": group.images, "labels": group.labels} for group in found if _several(group.labels)
        ],
        "groups": [asdict(group) for group in found],
        "n_near_by_detector": {detector: len(pairs.first) for detector, pairs in near.items()},
        "thresholds": {**THRESHOLDS, **(_feature_thresholds() if "features" in near else {})} if near else None,
        "libraries": {name: version(name) for detector in near for name in LIBRARIES[detector]},
    }


def _feature_thresholds() -> dict[str, float]:
    from leukorepro.data.copies import neighbours, registration

    return {
        "neighbours": neighbours.NEIGHBOURS,
        "min_matches": registration.MIN_MATCHES,
        "min_overlap_correlation": registration.MIN_CORRELATION,
    }


def _at(positions: NDArray[np.intp], pairs: fingerprints.NearPairs) -> fingerprints.NearPairs:
    """Pairs at other positions."""
    return replace(pairs, first=positions[pairs.first], second=positions[pairs.second])


def _look_at(path: Path, sha256: str, max_pixels: int) -> tuple[str, fingerprints.Fingerprint]:
    pixels = _read(path, sha256, max_pixels)
    return pixel_digest(pixels), fingerprints.fingerprint(pixels)


def _read(path: Path, sha256: str, max_pixels: int) -> NDArray[np.uint8]:
    try:
        return read_scanned(path, sha256, max_pixels)
    except UnreadableImage as error:
        raise UserError(
            f"{path}: {error.reason}, but its manifest calls it readable; scan the dataset again."
        ) from None


def _labelled_pairs(n: int, near: Sequence[fingerprints.NearPairs]) -> NDArray[np.object_]:
    """One value for each row, equal where pairs link rows, empty where there is no pair."""
    first, second = (np.concatenate([getattr(pairs, side) for pairs in near]) for side in ("first", "second"))
    rows = np.concatenate([first, second])
    pairs = np.tile(np.arange(len(first)).astype(str).astype(object), 2)
    values = np.full(n, "", dtype=object)
    values[rows] = components(rows.astype(str), pairs).astype(str)
    return values


def _groups(
    seen: pd.DataFrame, keys: Mapping[Kind, NDArray[np.object_]], near: Mapping[Detector, fingerprints.NearPairs]
) -> tuple[NDArray[np.intp], list[Group]]:
    """Number of each row's group, and the groups of several rows."""
    levels = {kind: components(*list(keys.values())[:upto]) for upto, kind in enumerate(keys, start=1)}
    number = list(levels.values())[-1]
    least = {
        detector: pd.Series(pairs.correlation.astype(float)).groupby(number[pairs.first]).min()
        for detector, pairs in near.items()
    }
    found = []
    for rows in pd.Series(number).groupby(number).indices.values():
        if len(rows) > 1:
            group = seen.iloc[rows]
            kind = next(kind for kind, level in levels.items() if len(set(level[rows])) == 1)
            own = number[rows[0]]
            correlations = {detector: float(of[own]) for detector, of in least.items() if own in of.index}
            found.append(
                Group(
                    kind,
                    images=group["image_id"].tolist(),
                    labels=group["label"].tolist(),
                    subjects=group["subject_id"].tolist(),
                    splits=group["official_split"].tolist(),
                    correlation=round(min(correlations.values()), 4) if kind == "near" else None,
                    detectors=list(correlations) if kind == "near" else [],
                )
            )
    return number, found


def _several(values: Sequence[str]) -> bool:
    """Whether a group's known values differ."""
    return len(set(values) - {""}) > 1


def _splits(seen: pd.DataFrame, found: list[Group]) -> dict[str, Any]:
    copies: Counter[str] = Counter()
    for group in found:
        if _several(group.splits):
            copies.update(split for split in group.splits if split)
    official = seen.loc[seen["official_split"] != "", "official_split"].value_counts().sort_index()
    return {
        "splits": {
            str(name): {"images": int(n), "with_a_copy_in_another_split": copies[str(name)]}
            for name, n in official.items()
        },
        "split_pairs": [{"splits": pair, "groups": n} for pair, n in _pairs(group.splits for group in found)],
    }


def _subjects(seen: pd.DataFrame, number: NDArray[np.intp], found: list[Group]) -> dict[str, Any]:
    """Subjects that share an image, directly or by way of others."""
    known = seen["subject_id"] != ""
    linked = pd.Series(groups(list(seen["subject_id"]), list(number.astype(str))))[known]
    together = [sorted(set(names)) for _, names in seen["subject_id"][known].groupby(linked)]
    return {
        "n_subjects": int(seen["subject_id"][known].nunique()),
        "n_subject_groups": len(together),
        "linked_subjects": sorted(names for names in together if len(names) > 1),
        "links": [{"subjects": pair, "groups": n} for pair, n in _pairs(group.subjects for group in found)],
    }


def _pairs(values: Iterable[Sequence[str]]) -> list[tuple[list[str], int]]:
    """Pairs of different known values that stand together, and how often."""
    counts = Counter(pair for together in values for pair in combinations(sorted(set(together) - {""}), 2))
    return [(list(pair), n) for pair, n in sorted(counts.items())]
