"""What came of asking for a backbone's ImageNet weights, as a file: features follow it, and a study ends by it."""

from __future__ import annotations

from pathlib import Path

from leukorepro.config.fields import Strict
from leukorepro.core.errors import UserError
from leukorepro.core.store import read_json, sha256_once, write_json
from leukorepro.core.validation import parse
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.backbones.weights import find_imagenet_weights


class WeightsRecord(Strict):
    """A backbone's ImageNet weights on this machine, or why they are not."""

    backbone: str
    file: str = ""
    """The file's name."""
    sha256: str = ""
    failure: str = ""
    """Why they could not be got, and what to do; empty where they are there."""


def record_weights(backbone: str, output: Path) -> WeightsRecord:
    """Get a backbone's ImageNet weights, from this machine or by a download, and write what came of it.

    That they cannot be got is no error here: other networks' features and other studies do not depend on it.

    Parameters
    ----------
    backbone : str
        Its name in the registry.
    output : Path
        The JSON file that is written either way: the weights' file and SHA-256, or why there are none.

    Returns
    -------
    WeightsRecord
        What was written.

    Raises
    ------
    UserError
        If there is no such backbone.
    """
    entry = find_backbone(backbone)
    try:
        path = find_imagenet_weights(entry)
        record = WeightsRecord(backbone=backbone, file=path.name, sha256=sha256_once(path))
    except UserError as error:
        record = WeightsRecord(backbone=backbone, failure=str(error))
    write_json(record.model_dump(), output)
    return record


def read_record(path: Path) -> WeightsRecord:
    """Read a record.

    Raises
    ------
    UserError
        If it is missing, broken or of another version.
    """
    return parse(WeightsRecord, read_json(path), path)
