"""A copy of a finished run in which everything that its report reads goes by new names."""

from __future__ import annotations

import os
from collections.abc import Collection
from itertools import count
from pathlib import Path, PurePath
from typing import Any

import pandas as pd

from leukorepro.core.integrity.recorded import check_recorded
from leukorepro.core.store import (
    hdf5_reader,
    hdf5_writer,
    parquet_metadata,
    read_json,
    read_parquet,
    sha256_file,
    write_csv,
    write_json,
    write_parquet,
)
from leukorepro.data.manifest import read_manifest, write_manifest
from leukorepro.report.drafts import drafts
from leukorepro.report.finished import FinishedRun
from leukorepro.report.shared.pseudonyms import IN_WORDS, SITES, Pseudonyms, draw, excluded
from leukorepro.run.paths import Results
from leukorepro.run.resolved import ResolvedRun

PLAIN = (".h5", ".safetensors")
"""Files that a report takes numbers and pixels from, and no names."""

SCAN = "scan.json"

OF_DATASET = (SCAN, "duplicates.json")
"""What a report reads of a dataset beside its manifest."""

SHARED = ("audit", "benchmarks", "weights")
"""Folders beside the run in which no file names an image or a patient."""

PLACES = {"images": "images", "csv": "subjects.csv", "regex": "(.*)"}
"""Keys of a dataset that say where something lies or how files are called, and what is said instead."""


def copy_run(run: ResolvedRun, config: Path, workflow: Path, root: Path) -> Path:
    """Copy what a run's report reads and nothing else, and return the copy of its resolved configuration.

    Parameters
    ----------
    run : ResolvedRun
    config : Path
        Its resolved configuration, in the run's folder.
    workflow : Path
        The Snakefile.
    root : Path
        Empty folder, which the copy's relative paths begin at.
    """
    folder, ours = config.parent, Results(config.parent.parent)
    copied = Results(root / "results")
    for name in SHARED:
        if (ours.root / name).exists():
            _link(ours.root / name, copied.root / name)
    if ours.validity.exists():
        _link(ours.validity, copied.validity)  # it names datasets, and nobody in them
    names = {}
    read = {file for draft in drafts(FinishedRun(run, config, folder), workflow) for file in draft.inputs or ()}
    for study in run.studies:
        if study.dataset_id not in names:
            names[study.dataset_id] = _copy_dataset(study.dataset_id, study.images, ours, copied, root)
        own = folder / study.study.key
        for file in sorted(file for file in read if own in file.parents and file.is_file()):
            target = copied.run(folder.name) / file.relative_to(folder)
            _copy(file, target, names[study.dataset_id], in_words=())  # reasons of a study are of its systems
    target = copied.run(folder.name) / config.name
    write_json(without_secrets(read_json(config)), target)
    return target.relative_to(root)


def _copy_dataset(dataset: str, images: Path, ours: Results, copied: Results, root: Path) -> Pseudonyms:
    """Copy what is known of a dataset; its images and its features only by name."""
    manifest = read_manifest(ours.manifest(dataset))
    names = draw(manifest, read_json(ours.dataset(dataset) / SCAN).get(SITES, ()))
    renamed = names.frame(manifest, str(ours.manifest(dataset)))
    for old, new in names.paths.items():
        if (images / old).exists():
            _link(images / old, root / "images" / dataset / new)
    # In the order of the numbers: that of the names says something of them.
    order = renamed["image_id"].str.extract(r"(\d+)$")[0].astype(int)
    write_manifest(renamed.loc[order.sort_values().index].reset_index(drop=True), copied.manifest(dataset))
    for name in OF_DATASET:
        _copy(ours.dataset(dataset) / name, copied.dataset(dataset) / name, names)
    sha256 = sha256_file(copied.manifest(dataset))
    for file in sorted(ours.features(dataset).glob("*.h5")):
        _copy_header(file, copied.features(dataset) / file.name, sha256)
    return names


def _copy_header(source: Path, target: Path, manifest_sha256: str) -> None:
    """A feature file without its rows."""
    with hdf5_reader(source) as file:
        attributes = dict(file.attrs)
        n_columns, kind = file["features"].shape[1], file["features"].dtype
    with hdf5_writer(target) as file:
        file.attrs.update(attributes | {"manifest_sha256": manifest_sha256})
        file.create_dataset("features", (0, n_columns), kind)


def _copy(source: Path, target: Path, names: Pseudonyms, *, in_words: Collection[str] = IN_WORDS) -> None:
    """Copy one file by what it is."""
    check_recorded(source)
    if source.suffix == ".csv":
        frame = pd.read_csv(source, dtype="str", keep_default_na=False)
        write_csv(names.frame(frame, str(source)), target)
    elif source.suffix == ".parquet":
        frame = names.frame(read_parquet(source), str(source))
        write_parquet(frame, target, parquet_metadata(source))
    elif source.suffix == ".json":
        write_json(names.value(read_json(source), in_words=in_words), target)
    elif source.suffix in PLAIN:
        _link(source, target)
    if target.is_file() and not target.is_symlink():
        written = source.stat().st_mtime_ns
        os.utime(target, ns=(written, written))  # a crate tells by it when the run was


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(source.resolve())


def _numbered(exclude: dict[str, list[str]]) -> dict[str, list[str]]:
    """What is left out, by column, with numbers in the place of values, which count on as those of the scan do."""
    numbers = count(1)
    return {column: [excluded(next(numbers)) for _ in values] for column, values in exclude.items()}


def without_secrets(value: Any, key: str = "") -> Any:
    """A resolved configuration as others may see it.

    Places of files go by other names, and the values of rows that it leaves out by numbers; images lie in the copy.

    Parameters
    ----------
    value : Any
        The configuration, or what stands in it under a key.
    key : str
        That key; empty: none.
    """
    if isinstance(value, dict):
        changed = {name: without_secrets(one, name) for name, one in value.items()}
        if "adapter" in changed and "table" in changed:
            changed["table"] = "table.csv"
            changed["exclude"] = _numbered(changed.get("exclude", {}))
        if "dataset_id" in changed:
            changed["images"] = f"images/{changed['dataset_id']}"
        return changed
    if isinstance(value, list):
        return [without_secrets(one, key) for one in value]
    if isinstance(value, str) and key in PLACES:
        return PLACES[key]
    if isinstance(value, str) and key == "weights" and value.startswith("file:"):
        return f"file:{PurePath(value.removeprefix('file:')).name}"
    return value
