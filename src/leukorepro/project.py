"""Start a run on one's own images: write its two configuration files."""

from __future__ import annotations

import shlex
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from leukorepro.config import CONFIG, SCHEMAS, RealDataset, dataset_path, parse
from leukorepro.data.adapters import list_images
from leukorepro.errors import UserError
from leukorepro.plan import resolve
from leukorepro.store import write_text
from leukorepro.words import Budget

DISEASED = ("all", "aml", "leukemia", "leukaemia", "blast", "malignant", "cancer", "positive", "diseased", "1")
"""Class names that are taken for the diseased one where nobody says which it is."""


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
    force: bool,
) -> str:
    """Write the configuration of a dataset and of a run on it.

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
    force : bool
        Replace existing files.

    Returns
    -------
    str
        What was found and written, and the command that runs it.

    Raises
    ------
    UserError
        If the images, the study, a backbone or a weights file is wrong, or a file exists; nothing is written then.
    """
    files = dataset_path(name), run_path(name)
    existing = [str(file) for file in files if file.exists()]
    if existing and not force:
        raise UserError(f"{existing[0]}: exists already; choose another --name, or replace it with --force.")
    classes = Counter(row.label for row in list_images(dataset, dataset.images).rows)
    told = [
        f"{sum(classes.values())} images: "
        + ", ".join(f"{label or '(no class)'} {n}" for label, n in sorted(classes.items()))
    ]
    if len(classes) < 2:
        raise UserError(
            f"{dataset.images}: one class only ({', '.join(classes)}); put each class into a folder of its own."
        )
    dataset, note = _with_positive_class(dataset, sorted(classes))
    run: dict[str, Any] = {"study": study, "dataset": name}
    if extractors:
        run["extractors"] = extractors
    if weights:
        run["weights"] = weights
    contents = (
        ("dataset", dataset.model_dump(mode="json", exclude_defaults=True)),
        ("run", {"name": name, "budget": budget, "studies": [run]}),
    )
    previous = [file.read_text(encoding="utf-8") if file.exists() else None for file in files]
    try:
        for file, (kind, content) in zip(files, contents, strict=True):
            parse(SCHEMAS[kind], content, file)
            header = f"# yaml-language-server: $schema=../schema/{kind}.json\n"
            write_text(header + yaml.safe_dump(content, sort_keys=False, allow_unicode=True), file)
        resolved = resolve(files[1])
    except UserError:
        for file, text in zip(files, previous, strict=True):
            file.unlink(missing_ok=True) if text is None else write_text(text, file)
        raise
    told += note
    told += [f"left out: {rung}, because {reason}" for rung, reason in resolved.studies[0].left_out.items()]
    told += [f"wrote {file}" for file in files]
    told += ["Run it with:", f"  snakemake --cores all --configfile {shlex.quote(str(files[1]))}"]
    return "\n".join(told)


def _with_positive_class(dataset: RealDataset, classes: list[str]) -> tuple[RealDataset, list[str]]:
    """The dataset with its diseased class, and what must be said about it."""
    chosen = dataset.positive_class
    if chosen is not None and chosen not in classes:
        raise UserError(f"--positive: no class '{chosen}'; found {', '.join(classes)}.")
    if len(classes) > 2 or chosen is not None:
        return dataset, []
    guess = next((c for c in classes if c.lower() in DISEASED), classes[-1])
    return (
        dataset.model_copy(update={"positive_class": guess}),
        [f"taken as the diseased class: {guess} (choose with --positive)"],
    )
