"""Where the configuration's files lie."""

from __future__ import annotations

from pathlib import Path

CONFIG = Path("config")
"""Folder of the configuration, relative to the project's root, where every command is run."""


def dataset_path(key: str) -> Path:
    """File that configures a dataset."""
    return CONFIG / "datasets" / f"{key}.yaml"


def study_path(key: str) -> Path:
    """File that configures a study."""
    return CONFIG / "studies" / f"{key}.yaml"


def published_path(key: str) -> Path:
    """Table of the numbers that a study's paper prints."""
    return CONFIG / "published" / f"{key}.csv"
