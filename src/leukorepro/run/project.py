"""Start a run on one's own images: write its two configuration files."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from leukorepro.config.datasets import RealDataset
from leukorepro.config.files import CONFIG, dataset_path
from leukorepro.config.runs import RunName, load_run
from leukorepro.config.schemas import SCHEMAS
from leukorepro.core.errors import UserError
from leukorepro.core.store import atomic_path, write_text
from leukorepro.core.validation import parse
from leukorepro.core.words import Budget
from leukorepro.core.yaml_text import dump_yaml
from leukorepro.data.folders import list_images
from leukorepro.data.scan import Scan, check_readable, describe, scan
from leukorepro.run.resolve import resolve

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


def start(
    name: str,
    dataset: RealDataset,
    study: str,
    extractors: list[str],
    weights: dict[str, str],
    budget: Budget,
    *,
    controls: Sequence[str] = (),
    force: bool,
) -> str:
    """Read all images of a dataset, and write its configuration and that of a run on it.

    Parameters
    ----------
    name : str
        Of both.
    dataset : RealDataset
        Where its two classes are and nobody says which is the diseased one, it is guessed from their names.
    study : str
    extractors : list of str
        Backbones that replace the study's own; empty to keep those.
    weights : dict
        Weights of backbones, by name.
    budget : {'demo', 'published'}
    controls : sequence of str
        Experiments beside the study's own.
    force : bool
        Replace existing files.

    Returns
    -------
    str
        What was found and written, and the command that runs it.

    Raises
    ------
    UserError
        If the images, the study, a backbone or a weights file is wrong, more images cannot be read than the dataset
        tolerates, or a file exists; nothing is changed then.
    """
    default = CONFIG / "config.yaml"
    if not default.is_file():
        raise UserError(f"{default}: no such file here; run the command in the project's folder, beside its Snakefile.")
    parse(TypeAdapter(RunName), name, Path("--name"))
    if name == load_run(default).name:
        raise UserError(f"--name: results/{name} belongs to {default}; choose another name.")
    files = dataset_path(name), run_path(name)
    existing = [str(file) for file in files if file.exists()]
    if existing and not force:
        raise UserError(f"{existing[0]}: exists already; choose another --name, or replace it with --force.")
    classes = {row.label for row in list_images(dataset, dataset.images).rows}
    if len(classes) < 2:
        only = "".join(classes) or "images beside no class folder"
        raise UserError(f"{dataset.images}: only one class ({only}); put each class into a folder of its own.")
    dataset, note = _with_positive_class(dataset, sorted(classes))
    run: dict[str, Any] = {"study": study, "dataset": name}
    if extractors:
        run["extractors"] = extractors
    if weights:
        run["weights"] = weights
    asked = {"controls": list(controls)} if controls else {}
    contents = (
        ("dataset", dataset.model_dump(mode="json", exclude_defaults=True)),
        ("run", {"name": name, "budget": budget, **asked, "studies": [run]}),
    )
    with ExitStack() as undo:
        for file, (kind, content) in zip(files, contents, strict=True):
            parse(SCHEMAS[kind], content, file)
            undo.callback(_restore, file, file.read_bytes() if file.exists() else None)
            header = f"# yaml-language-server: $schema=../schema/{kind}.json\n"
            write_text(header + dump_yaml(content), file)
        resolved = resolve(files[1])
        found = _read(dataset)
        undo.pop_all()
    told = [describe(found), *note]
    made = resolved.studies[0]
    told += [f"left out: {rung}, because {reason}" for rung, reason in made.left_out.items()]
    told += [f"left out: table {number}, because {reason}" for number, reason in made.left_out_tables.items()]
    told += resolved.not_run
    told += [f"wrote {file}" for file in files]
    told += ["Run it with:", f"  snakemake --cores all --configfile {shlex.quote(str(files[1]))}"]
    return "\n".join(told)


def _read(dataset: RealDataset) -> Scan:
    """What is found when every image is opened, as the run will open it: last, for of many images it takes minutes.

    Raises
    ------
    UserError
        If more of them cannot be read than the dataset tolerates, or none of a class can.
    """
    found = scan(dataset, dataset.images, workers=os.cpu_count() or 1, progress=sys.stderr.isatty())
    check_readable(found, dataset.max_unreadable)
    lost = sorted(set(found.manifest["label"]) - found.summary["classes"].keys())
    if lost:
        raise UserError(f"{dataset.images}: no image of the class {lost[0]} can be read; replace them.")
    return found


def _restore(file: Path, content: bytes | None) -> None:
    """Put a file back as it was."""
    if content is None:
        file.unlink(missing_ok=True)
    else:
        with atomic_path(file) as temporary:
            temporary.write_bytes(content)


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
