"""The plan of a run: configuration put together, names looked up, paths given.

The Snakefile asks this module what to make; it must stay quick to import (no torch, no scikit-learn).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from leukorepro.config import (
    Extractor,
    FolderDataset,
    Item,
    Protocol,
    Run,
    SimulatedDataset,
    Strict,
    Study,
    StudyRun,
    SubjectsFromCsv,
    dataset_path,
    load_dataset,
    load_study,
    study_path,
)
from leukorepro.data.adapters import list_images
from leukorepro.errors import UserError, look_up, unknown
from leukorepro.features.backbones import find_backbone
from leukorepro.resolved import ResolvedExtractor, ResolvedRun, ResolvedStudy
from leukorepro.store import sha256_file
from leukorepro.validation import parse, read_yaml
from leukorepro.words import LADDER, Budget, Rung

SIMULATED = Path("data/simulated")


def resolve(run_file: Path, overrides: Mapping[str, Any] | None = None) -> ResolvedRun:
    """Put a run together with its studies and datasets.

    Parameters
    ----------
    run_file : Path
        Configuration of the run.
    overrides : mapping, optional
        Top-level keys of the run to replace, such as ``{"budget": "published"}``.

    Raises
    ------
    UserError
        If any of the files is wrong, with its key and what is allowed.
    """
    content = read_yaml(run_file)
    run = parse(Run, {**content, **(overrides or {})} if isinstance(content, dict) else content, run_file)
    return ResolvedRun(
        name=run.name,
        budget=run.budget,
        seed=run.seed,
        studies=[_resolve_study(run, choice, run_file, f"studies[{i}]") for i, choice in enumerate(run.studies)],
    )


def resolve_extractor(
    extractor: Extractor, weights: str, where: str, weights_where: str | None = None
) -> ResolvedExtractor:
    """Look up an extractor's backbone, layer and input size, and name its feature file.

    Parameters
    ----------
    extractor : Extractor
    weights : str
        `imagenet`, `random` or `file:PATH`.
    where, weights_where : str
        File and key that a message on the extractor, or on its weights, begins with.

    Raises
    ------
    UserError
        If there is no such backbone, layer or weights file, or the input is too small for the network.
    """
    try:
        backbone = find_backbone(extractor.backbone)
        layer = extractor.layer or backbone.default_layer
        backbone.find_layer(layer)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    size = extractor.input_size or backbone.input_size
    if size < backbone.min_input_size:
        raise UserError(
            f"{where}: input_size {size} is too small for {extractor.backbone}; "
            f"it needs {backbone.min_input_size} pixels or more."
        )
    kind, _, path = weights.partition(":")
    if kind == "file":
        if not Path(path).is_file():
            raise UserError(f"{weights_where or where}: weights file {path} does not exist; correct its path.")
        kind = f"file_{sha256_file(Path(path))[:8]}"
    return ResolvedExtractor(
        id=f"{extractor.backbone}-{layer}-{kind}-{size}",
        backbone=extractor.backbone,
        layer=layer,
        weights=weights,
        input_size=size,
    )


def overrides(run_file: Path, merged: Mapping[str, Any]) -> dict[str, Any]:
    """Top-level keys that a merged configuration says otherwise than the run's file.

    Parameters
    ----------
    run_file : Path
    merged : mapping
        What Snakemake made of the file and of its ``--config`` option; empty without either.
    """
    told = read_yaml(run_file)
    if not isinstance(told, dict):
        return {}  # `resolve` says what is wrong
    return {key: value for key, value in merged.items() if key not in told or told[key] != value}


def find_study(run: ResolvedRun, key: str) -> ResolvedStudy:
    """A run's study by its key.

    Raises
    ------
    UserError
        If the run has no such study.
    """
    for study in run.studies:
        if study.study.key == key:
            return study
    raise UserError(f"run '{run.name}': {unknown('study', key, [s.study.key for s in run.studies])}")


def items_of(study: Study, split: str, feature_set: str) -> list[tuple[str, Item]]:
    """Items on a feature set and a split, each with its table."""
    return [
        (number, item)
        for number, table in study.tables.items()
        if table.split == split
        for item in table.items
        if item.features == feature_set
    ]


def feature_file(study: ResolvedStudy, feature_set: str) -> str:
    """File that holds a feature set, below its dataset's folder: an extractor's own, or several of them fused."""
    extractors = [study.extractors[name].id for name in study.study.feature_sets[feature_set]]
    return f"{extractors[0]}.h5" if len(extractors) == 1 else f"fused/{'+'.join(extractors)}.h5"


def views_of(run: ResolvedRun, dataset_id: str, extractor_id: str) -> list[str]:
    """Views that the run needs of an extractor on a dataset, `identity` first."""
    views: dict[str, None] = {}
    for study in run.studies:
        if study.dataset_id == dataset_id and any(e.id == extractor_id for e in study.extractors.values()):
            for scheme in study.study.splits.values():
                views.update(dict.fromkeys(scheme.views))
    return list(views)


def reducers_of(study: ResolvedStudy, split: str, feature_set: str) -> list[str]:
    """Reducers that a study's items apply to a feature set."""
    names = [item.reducer for _, item in items_of(study.study, split, feature_set)]
    return list(dict.fromkeys(name for name in names if name is not None))


def parts_of(study: ResolvedStudy) -> dict[str, list[str]]:
    """Pairs of a split and a feature set that the items of a study need, as two columns."""
    pairs = dict.fromkeys((t.split, item.features) for t in study.study.tables.values() for item in t.items)
    return {"split": [split for split, _ in pairs], "feature_set": [features for _, features in pairs]}


def dataset_file(study: ResolvedStudy, budget: Budget) -> Path:
    """Configuration of a study's dataset."""
    return dataset_path(study.dataset_id.removesuffix(f"-{budget}") if study.simulated else study.dataset_id)


def fingerprint(study: ResolvedStudy) -> str:
    """Digest of names, sizes and times of a dataset's files, its table of subjects among them.

    A changed dataset is scanned again. Empty for simulated images, which the workflow makes itself.
    """
    if study.simulated:
        return ""
    entries = []
    for folder, _, files in os.walk(study.images, followlinks=True):
        for name in files:
            path = os.path.join(folder, name)  # noqa: PTH118 - ten thousand files, at each start
            entries.append((os.path.relpath(folder, study.images), name, *_size_and_time(path)))
    subjects = study.dataset.subjects if isinstance(study.dataset, FolderDataset) else None
    table = _size_and_time(subjects.csv) if isinstance(subjects, SubjectsFromCsv) else ()
    return digest(sorted(entries), table)


def digest(*values: Any) -> str:
    """Short digest of parts of the configuration, for a rule's params: it changes when, and only when, they do."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=_plain).encode()).hexdigest()[:16]


def split_digest(run: ResolvedRun, study: ResolvedStudy, rung: Rung, split: str) -> str:
    """Digest of what a split table depends on."""
    return digest(run.seed, study.protocols[rung], study.study.splits[split], study.external_split)


def reducer_digest(run: ResolvedRun, study: ResolvedStudy, rung: Rung, reducer: str) -> str:
    """Digest of what a fitted reducer depends on, beside its input files."""
    spec = study.study.reducers[reducer]
    used = {**spec.model_dump(mode="json"), "max_epochs": spec.max_epochs[run.budget]}
    return digest(run.seed, study.protocols[rung], used)


def classify_digest(study: ResolvedStudy, rung: Rung, split: str, feature_set: str) -> str:
    """Digest of what predictions depend on, beside their input files."""
    items = items_of(study.study, split, feature_set)
    classifiers = {item.classifier: study.study.classifiers[item.classifier] for _, item in items}
    return digest(study.protocols[rung], items, classifiers, study.dataset.positive_class)


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, Strict) else str(value)


def _size_and_time(path: str | Path) -> tuple[int, int]:
    """Of a file; a link to nothing is listed too, and has none."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except FileNotFoundError:
        return -1, -1
    return status.st_size, status.st_mtime_ns


def _existing(path_of: Callable[[str], Path], key: str, what: str, where: str) -> Path:
    """The configuration file of a study or dataset."""
    return look_up({file.stem: file for file in sorted(path_of("*").parent.glob("*.yaml"))}, key, what, where)


def _resolve_study(run: Run, choice: StudyRun, run_file: Path, key: str) -> ResolvedStudy:
    file = _existing(study_path, choice.study, "study", f"{run_file}: {key}.study")
    study = load_study(file)
    if study.key != choice.study:
        raise UserError(f"{file}: key: given '{study.key}'; must be '{choice.study}', as the file is named.")
    if choice.extractors:
        study = _with_extractors(study, choice.extractors)
    dataset = load_dataset(_existing(dataset_path, choice.dataset, "dataset", f"{run_file}: {key}.dataset"))
    if isinstance(dataset, SimulatedDataset):
        dataset_id = f"{choice.dataset}-{run.budget}"
        images = SIMULATED / dataset_id
    else:
        dataset_id, images = choice.dataset, dataset.images
    extractors = {
        name: resolve_extractor(
            extractor,
            choice.weights.get(name, run.weights),
            f"{run_file}: {key}.extractors" if choice.extractors else f"{file}: extractors.{name}",
            f"{run_file}: {key}.weights.{name}" if name in choice.weights else f"{run_file}: weights",
        )
        for name, extractor in study.extractors.items()
    }
    for name in choice.weights:
        look_up(extractors, name, "extractor", f"{run_file}: {key}.weights")
    if isinstance(dataset, SimulatedDataset):  # not drawn yet, perhaps
        has_subjects = True
        external_split = dataset.external_split if dataset.sizes[run.budget].external_images else None
    else:
        listing = list_images(dataset, images)
        has_subjects, external_split = listing.has_subjects, listing.external_split or None
    missing: dict[Rung, str] = {}
    if not has_subjects:
        missing["subject_disjoint"] = f"the dataset {dataset_id} has no subject ids"
    if external_split is None:
        missing["external"] = f"the dataset {dataset_id} has no held-out part of its own"
    protocols, left_out = _rungs(study, choice, missing, f"{run_file}: {key}.rungs")
    return ResolvedStudy(
        study=study,
        dataset_id=dataset_id,
        dataset=dataset,
        images=images,
        external_split=external_split,
        extractors=extractors,
        protocols=protocols,
        left_out=left_out,
    )


def _with_extractors(study: Study, backbones: list[str]) -> Study:
    """The study with a user's backbones in place of its own.

    Each backbone becomes a feature set, and all of them together one more. An item of the paper on a single extractor
    is run on every single one, an item on fused extractors on all of them fused.
    """
    single = {name: [name] for name in backbones}
    fused = "fused" if len(backbones) > 1 else backbones[0]
    headline_table, _, headline_item = study.headline.partition("/")
    headline = ""
    tables = {}
    for number, table in study.tables.items():
        items: dict[tuple[str, str | None, str], Item] = {}
        several = len({item.classifier for item in table.items}) > 1
        for item in table.items:
            was_fused = len(study.feature_sets[item.features]) > 1
            for features in [fused] if was_fused else list(single):
                name = " ".join(
                    [features, *([item.reducer] if item.reducer else []), *([item.classifier] if several else [])]
                )
                items.setdefault(
                    (features, item.reducer, item.classifier),
                    Item(item=name, features=features, reducer=item.reducer, classifier=item.classifier),
                )
                if (number, item.item) == (headline_table, headline_item):
                    headline = headline or f"{number}/{name}"
        tables[number] = table.model_copy(update={"items": list(items.values())})
    return Study.model_validate(
        study.model_copy(
            update={
                "extractors": {name: Extractor(backbone=name) for name in backbones},
                "feature_sets": {**single, fused: list(backbones)},
                "tables": tables,
                "headline": headline,
                "figures": {},
            }
        ).model_dump()
    )


def _rungs(
    study: Study, choice: StudyRun, missing: dict[Rung, str], where: str
) -> tuple[dict[Rung, Protocol], dict[Rung, str]]:
    """Protocols that run, and why the others do not."""
    published = study.published_protocol
    ladder = {
        "as_published": Protocol(rung="as_published", unit=published.unit, scope=published.scope),
        "fit_in_fold": Protocol(rung="fit_in_fold", unit=published.unit, scope="train"),
        "source_disjoint": Protocol(rung="source_disjoint", unit="source", scope="train"),
        "subject_disjoint": Protocol(rung="subject_disjoint", unit="subject", scope="train"),
        "external": Protocol(rung="external", unit="subject", scope="train"),
    }
    for rung in choice.rungs:
        if rung in missing:
            raise UserError(f"{where}: {rung} cannot run: {missing[rung]}; leave it out.")
    not_wanted = {
        rung: "the run's configuration leaves it out (`rungs:`)"
        for rung in LADDER
        if choice.rungs and rung not in choice.rungs
    }
    left_out = {**not_wanted, **missing}
    return (
        {rung: ladder[rung] for rung in LADDER if rung not in left_out},
        {rung: left_out[rung] for rung in LADDER if rung in left_out},
    )
