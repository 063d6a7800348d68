"""What distinguishes a feature file from others of the same images: its header says it, and every reader compares.

Code and versions of libraries stand in the header too; the workflow follows them, and a reader does not compare them.
Nor does it compare the views: rows are looked up by image and view.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from leukorepro.core.errors import UserError
from leukorepro.core.store import sha256_once
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.descriptors.registry import find_descriptor
from leukorepro.features.fusion import Features, read_features, read_headers
from leukorepro.features.parts import Part, ResolvedDescriptor, ResolvedExtractor

_WORDS = {
    "backbone": "network or descriptor",
    "input_size": "input size",
    "weights_file_sha256": "weights file's SHA-256",
    "computed_by": "engine",
}
"""Attributes that are called otherwise in a sentence."""


def identity(part: Part) -> dict[str, str | int]:
    """Attributes that the header of a part's feature file has, whatever the images."""
    return _of_descriptor(part) if isinstance(part, ResolvedDescriptor) else _of_extractor(part)


def _of_descriptor(part: ResolvedDescriptor) -> dict[str, str | int]:
    about = find_descriptor(part.descriptor).about
    return {
        "backbone": part.descriptor,
        "layer": "none",
        "weights": "none",
        "input_size": part.input_size,
        "preprocessing": f"resized {part.interpolation} with antialiasing; {about}",
        **_normalised(part),
    }


def _of_extractor(part: ResolvedExtractor) -> dict[str, str | int]:
    backbone = find_backbone(part.backbone)
    scaling = part.preprocessing or backbone.preprocessing
    kind, _, path = part.weights.partition(":")
    # Without the folder that a file lies in.
    named = {"random": f"random:{part.seed}", "file": f"file:{Path(path).name}"}
    return {
        "backbone": part.backbone,
        "layer": part.layer,
        "weights": named.get(kind, part.weights),
        **({"weights_file_sha256": part.file_sha256} if part.file_sha256 else {}),
        "input_size": part.input_size,
        "preprocessing": f"resized {backbone.interpolation} with antialiasing, scaled as {scaling}",
        **_normalised(part),
        **({"computed_by": part.engine} if part.engine != "auto" else {}),
        "precision": part.precision,
    }


def _normalised(part: Part) -> dict[str, str]:
    """How colours were normalised, where they were: what was computed before there was a choice says nothing of it."""
    return {} if part.normalise is None else {"normalise": part.normalise}


def check_weights_file(part: ResolvedExtractor) -> None:
    """Refuse a user's own file of weights, which was read, that is not what it was when it was looked up.

    Raises
    ------
    UserError
        If the file's SHA-256 is another than the extractor's.
    """
    if not part.file_sha256:
        return
    path = Path(part.weights.removeprefix("file:"))
    if (found := sha256_once(path)) != part.file_sha256:
        raise UserError(
            f"{path}: was changed since its SHA-256 was taken ({part.file_sha256[:8]}..., now {found[:8]}...); start "
            "again."
        )


def check_features(path: Path, parts: Sequence[Part], manifest: Path | None = None) -> None:
    """Raise UserError unless a feature file holds what is wanted.

    Parameters
    ----------
    path : Path
        Plain or fused.
    parts : sequence of ResolvedExtractor or ResolvedDescriptor
        What its columns are made by, in this order; an engine that is left at `auto` may have been any.
    manifest : Path, optional
        Of the images that the rows must be of.

    Raises
    ------
    UserError
        With the file, what differs, what is wanted and how to mend it.
    """
    headers = read_headers(path)
    again = "run `snakemake` again, which extracts what a run wants, or give the features that were extracted so"
    if len(headers) != len(parts):
        raise UserError(
            f"{path}: holds the features of {len(headers)} networks or descriptors, but those of {len(parts)} are "
            f"wanted ({', '.join(part.id for part in parts)}); {again}."
        )
    for (file, header), part in zip(headers, parts, strict=True):
        for name, wanted in identity(part).items():
            if (found := header.get(name, "not recorded")) != wanted:
                words = _WORDS.get(name, name)
                raise UserError(f"{file}: its {words} is {found}, but {wanted} is wanted ({part.id}); {again}.")
    if manifest is not None:
        check_manifest(path, manifest)


def check_manifest(path: Path, manifest: Path) -> None:
    """Refuse a feature file, plain or fused, whose rows are not of the images of a manifest.

    Parameters
    ----------
    path : Path
        The feature file.
    manifest : Path
        The file of the manifest.

    Raises
    ------
    UserError
        With the SHA-256 of the manifest that they are of.
    """
    for file, header in read_headers(path):
        if header.get("manifest_sha256") != (ours := sha256_once(manifest)):
            theirs = str(header.get("manifest_sha256", "not recorded"))
            raise UserError(
                f"{file}: was extracted from another manifest (SHA-256 {theirs[:8]}...) than {manifest} "
                f"({ours[:8]}...); extract the features again from this one, as `snakemake` does, or give the other."
            )


def read_wanted(path: Path, parts: Sequence[Part], manifest: Path | None = None, *, mapped: bool = False) -> Features:
    """Read a feature file that must hold what is wanted; see `check_features` and `read_features`.

    Parameters
    ----------
    path : Path
        The feature file, plain or fused.
    parts : sequence of ResolvedExtractor or ResolvedDescriptor
        What its columns must be made by, in this order.
    manifest : Path, optional
        Of the images that the rows must be of; None: of any.
    mapped : bool
        Leave the matrix in the file, to be read row by row.

    Returns
    -------
    Features
        The matrix (n_rows, n_features), and image and view of each row.
    """
    check_features(path, parts, manifest)
    return read_features(path, mapped=mapped)
