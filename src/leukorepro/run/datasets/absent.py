"""Whether a dataset is there at all, and what to do where it is not.

A dataset is absent where its folder is, or holds nothing but hidden files, by which version control keeps empty
folders, and files that a system has made.
One that is there and wrong is an error of its adapter instead.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from leukorepro.config.datasets import RealDataset
from leukorepro.data.folders import is_hidden


class Absence(NamedTuple):
    """An absent dataset."""

    found: str
    """What is there instead."""
    remedy: str
    """What to do, in words that follow a semicolon."""


def absence(dataset: RealDataset, file: Path, root: Path = Path()) -> Absence | None:
    """What is missing of a dataset, and how to get it; None where it is there.

    Parameters
    ----------
    dataset : RealDataset
    file : Path
        Its configuration.
    root : Path
        The project's root, which the dataset's folder is told from.
    """
    folder = root / dataset.images
    if _holds_a_file(folder):
        return None
    found = f"{folder}: {'empty' if folder.is_dir() else 'no such folder'}"
    return Absence(found, _dvc_pull(folder) or f"{dataset.remedy(folder)}, or correct `images` in {file}")


def _holds_a_file(folder: Path) -> bool:
    """Whether any file that is not hidden lies in a folder or below it."""
    for _, folders, names in os.walk(folder, followlinks=True):
        if not all(map(is_hidden, names)):
            return True
        folders[:] = [name for name in folders if not is_hidden(name)]
    return False


def _dvc_pull(folder: Path) -> str:
    """The command that gets a folder which DVC tracks, alone or as a part of one above it; empty where it does not."""
    tracked = [file for path in (folder, *folder.parents) if path.name and (file := Path(f"{path}.dvc")).is_file()]
    return f"DVC tracks it: run `dvc pull {tracked[0]}`" if tracked else ""
