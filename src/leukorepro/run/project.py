"""Start a run on one's own images: write its two configuration files."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from pydantic import TypeAdapter

from leukorepro.config.datasets import RealDataset
from leukorepro.config.files import CONFIG, dataset_path
from leukorepro.config.runs import RunName, load_run
from leukorepro.config.schemas import SCHEMAS
from leukorepro.core.errors import UserError
from leukorepro.core.store import write_texts
from leukorepro.core.validation import parse
from leukorepro.core.words import CELL_CONTROLS, Budget
from leukorepro.core.yaml_text import dump_yaml
from leukorepro.data.copies.ties import tie, ties_of
from leukorepro.data.duplicates import find_duplicates, look_at_images
from leukorepro.data.folders import list_images
from leukorepro.data.scan import Scan, check_readable, scan
from leukorepro.data.split_needs import ImpossibleSplit
from leukorepro.data.suspicions.names import of_names
from leukorepro.ladder.rungs import Rung
from leukorepro.run.resolve import resolve
from leukorepro.run.specifications.splits import SplitsSpecification
from leukorepro.run.specify import splits_specification
from leukorepro.run.splitting import splits_of

DISEASED = (
    *("all", "aml", "leukemia", "leukaemia", "leukemic", "leukaemic", "blast", "blasts", "abnormal", "malignant"),
    *("cancer", "positive", "diseased", "1"),
)
"""Class names that are taken for the diseased one where nobody says which it is."""

HEALTHY = ("healthy", "normal", "hem", "benign", "negative", "control", "controls", "0")
"""Class names that are not, whatever the other one is called."""


def run_path(name: str) -> Path:
    """File that configures a run of one's own."""
    return CONFIG / "runs" / f"{name}.yaml"


@dataclass(frozen=True)
class NewRun:
    """A run that could start on images that were read; nothing of it is written yet."""

    dataset: RealDataset
    found: Scan
    told: list[str]
    """What must be known of it: the class taken for the diseased one, and what is left out."""
    texts: dict[Path, str]
    """Its files: the dataset's configuration and its own."""
    impossible: str = ""
    """Why no rung of its study can be run on the images that can be read; empty where one can."""

    def check_images(self) -> None:
        """Refuse images that the run would stop at.

        Raises
        ------
        UserError
            If more of them cannot be read than the dataset tolerates, none of a class can, or what is left is too
            little for every rung of the study.
        """
        check_readable(self.found, self.dataset.max_unreadable)
        lost = sorted(set(self.found.manifest["label"]) - self.found.summary["classes"].keys())
        if lost:
            raise UserError(f"{self.dataset.images}: no image of the class {lost[0]} can be read; replace them.")
        if self.impossible:
            raise UserError(f"{self.dataset.images}: {self.impossible}")

    def write(self) -> list[str]:
        """Write both files or neither; return what was written, and the command that runs it."""
        write_texts(self.texts)
        command = f"  snakemake --cores all --configfile {shlex.quote(str(list(self.texts)[-1]))}"
        return [*(f"wrote {file}" for file in self.texts), "Run it with:", command]


def prepare(
    name: str,
    dataset: RealDataset,
    study: str,
    extractors: list[str],
    weights: dict[str, str],
    budget: Budget,
    *,
    controls: Sequence[str] = (),
    force: bool,
) -> NewRun:
    """Read all images of a dataset, and prepare its configuration and that of a run on it.

    Parameters
    ----------
    name : str
        Of both.
    dataset : RealDataset
        Where its two classes are and nobody says which is the diseased one, it is guessed from their names.
    study : str
        Its key.
    extractors : list of str
        Backbones that replace the study's own; empty to keep those.
    weights : dict
        Weights of backbones, by name.
    budget : {'demo', 'published'}
        Of the run.
    controls : sequence of str
        Experiments beside the study's own.
    force : bool
        Replace existing files.

    Returns
    -------
    NewRun
        The configurations as texts, and what was found; nothing is written yet.

    Raises
    ------
    UserError
        If the images, the study, a backbone or a weights file is wrong, or a file exists.
    """
    default = CONFIG / "config.yaml"
    parse(TypeAdapter(RunName), name, Path("--name"))
    if name == load_run(default).name:
        raise UserError(f"--name: results/{name} belongs to {default}; choose another name.")
    files = dataset_path(name), run_path(name)
    existing = [str(file) for file in files if file.exists()]
    if existing and not force:
        raise UserError(f"{existing[0]}: exists already; choose another --name, or replace it with --force.")
    listing = list_images(dataset, dataset.images)
    classes = {row.label for row in listing.rows}
    looks = of_names(listing, dataset.images)  # what is refused is often the consequence
    if len(classes) < 2:
        only = "".join(classes) or "images beside no class folder"
        wrong = f"{dataset.images}: only one class ({only}); {dataset.classes_from}."
        raise UserError(" ".join([wrong, *looks]))
    dataset, told = _with_positive_class(dataset, sorted(classes))
    run: dict[str, Any] = {"study": study, "dataset": name}
    if extractors:
        run["extractors"] = extractors
    if weights:
        run["weights"] = weights
    asked: dict[str, Any] = {"group_near_duplicates": True}
    if controls:
        asked["controls"] = list(dict.fromkeys([*controls, *CELL_CONTROLS]))
    contents = (
        ("dataset", dataset.model_dump(mode="json", exclude_defaults=True)),
        ("run", {"name": name, "budget": budget, **asked, "studies": [run]}),
    )
    for file, (kind, content) in zip(files, contents, strict=True):
        parse(SCHEMAS[kind], content, file)
    with write_texts(
        _texts(files, contents)
    ):  # a run is resolved from its files; for a moment: reading may take minutes
        try:
            resolved = resolve(files[1])
        except UserError as error:
            raise UserError(" ".join([str(error), *looks])) from None
    made = resolved.studies[0]
    told += [f"left out: {rung}, because {reason}" for rung, reason in made.left_out.items()]
    told += [f"left out: table {number}, because {reason}" for number, reason in made.left_out_tables.items()]
    told += resolved.not_run
    found = scan(dataset, dataset.images, workers=os.cpu_count() or 1, progress=sys.stderr.isatty())
    tied, of_ties = _tied(dataset, found)
    told += of_ties
    impossible = _impossible_rungs(splits_specification(resolved, made), found, tied)
    if possible := [rung for rung in made.protocols if rung not in impossible]:
        told += [f"left out: {rung}, because {reason}" for rung, reason in impossible.items()]
        if impossible:
            run["rungs"] = possible
    nothing = "" if possible else "{}, {}.".format(*next(iter(impossible.items())))
    return NewRun(dataset, found, told, _texts(files, contents), nothing)


def _tied(dataset: RealDataset, found: Scan) -> tuple[pd.DataFrame, list[str]]:
    """The manifest with near-duplicates tied, as the run's jobs will have it, and what is said of it."""
    manifest = found.manifest
    seen = look_at_images(
        manifest, dataset.images, dataset.max_pixels, workers=os.cpu_count() or 1, progress=sys.stderr.isatty()
    )
    tied = tie(manifest, [group["images"] for group in find_duplicates(manifest, seen)["groups"]])
    ties = ties_of(manifest, tied)
    return tied, [ties.sentence] if ties.moved else []


def _impossible_rungs(splits: SplitsSpecification, found: Scan, tied: pd.DataFrame) -> dict[Rung, str]:
    """Rungs whose splits the images that can be read do not allow, and why: the names of files promised more."""
    impossible = {}
    for rung, protocol in splits.protocols.items():
        try:
            with redirect_stdout(None):  # the job that makes them writes its remarks into its log
                list(splits_of(splits.model_copy(update={"protocols": {rung: protocol}}), found.manifest, tied))
        except ImpossibleSplit as error:
            impossible[rung] = error.reason
    return impossible


def _texts(files: Sequence[Path], contents: Sequence[tuple[str, dict[str, Any]]]) -> dict[Path, str]:
    """What is written into the files, each of which follows a schema."""
    return {
        file: f"# yaml-language-server: $schema=../schema/{kind}.json\n{dump_yaml(content)}"
        for file, (kind, content) in zip(files, contents, strict=True)
    }


def _with_positive_class(dataset: RealDataset, classes: list[str]) -> tuple[RealDataset, list[str]]:
    """The dataset with its diseased class, and what must be said about it."""
    chosen = dataset.positive_class
    if chosen is not None and chosen not in classes:
        raise UserError(f"--positive: no class '{chosen}'; found {', '.join(classes)}.")
    if chosen is not None and len(classes) > 2:
        raise UserError(f"--positive: {len(classes)} classes ({', '.join(classes)}); only one of two can be positive.")
    if len(classes) > 2 or chosen is not None:
        return dataset, []
    guess = max(reversed(classes), key=lambda c: (c.lower() in DISEASED) - (c.lower() in HEALTHY))
    return (
        dataset.model_copy(update={"positive_class": guess}),
        [f"taken as the diseased class: {guess} (choose with --positive)"],
    )
