"""Putting a run together: configuration read, names looked up, defaults filled in, what a dataset allows decided.

The Snakefile does this whenever it is read; it must stay quick to import (no torch, no scikit-learn).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from leukorepro.config.files import study_path
from leukorepro.config.runs import Run, StudyRun
from leukorepro.config.study.schemes import Protocol
from leukorepro.config.study.study import Study, load_study
from leukorepro.config.study.systems import (
    SMALLEST_IMAGES,
    ConvAutoencoderSpec,
    Extractor,
    FineTunedSpec,
    NetworkSpec,
)
from leukorepro.core.errors import UserError, look_up, unknown
from leukorepro.core.listing import Listing
from leukorepro.core.validation import parse, read_yaml
from leukorepro.core.words import Control
from leukorepro.features.lookup import file_name, resolve_descriptor, resolve_extractor, resolve_tuning
from leukorepro.features.parts import ResolvedDescriptor, ResolvedExtractor, Tuning
from leukorepro.ladder.rungs import EXTERNAL, LADDER, Rung
from leukorepro.run.claimed_items import with_claims
from leukorepro.run.datasets.external import Studied, with_external
from leukorepro.run.datasets.placed import existing, list_once, placed, told_absent
from leukorepro.run.kept_items import with_items
from leukorepro.run.normalised_items import with_normalised
from leukorepro.run.own_extractors import with_extractors
from leukorepro.run.possible import Facts, impossible_rungs, possible_part
from leukorepro.run.resolved import NotRun, ResolvedRun, ResolvedStudy

SHRINKAGE = 9
"""Pixels of an image's side along one of a convolutional autoencoder's code."""


def resolve(run_file: Path, overrides: Mapping[str, Any] | None = None) -> ResolvedRun:
    """Put a run together with its studies and datasets.

    Parameters
    ----------
    run_file : Path
        Configuration of the run.
    overrides : mapping, optional
        Top-level keys of the run to replace, such as ``{"budget": "published"}``.

    Returns
    -------
    ResolvedRun
        Every study with its rungs, dataset and parts, and those that cannot run with the reason.

    Raises
    ------
    UserError
        If any of the files is wrong, with its key and what is allowed, or no study of the run can run.
    """
    run = resolve_possible(run_file, overrides)
    if not run.studies:
        raise UserError(f"{run_file}: no study of it can run: {'; '.join(_told_once(run.left_out))}.")
    return run


def resolve_possible(run_file: Path, overrides: Mapping[str, Any] | None = None) -> ResolvedRun:
    """Put a run together as `resolve` does, also where no study of it can run.

    Parameters
    ----------
    run_file : Path
        Configuration of the run.
    overrides : mapping, optional
        Top-level keys of the run to replace.

    Returns
    -------
    ResolvedRun
        Every study with its rungs, dataset and parts, and those that cannot run with the reason.

    Raises
    ------
    UserError
        If any of the files is wrong, with its key and what is allowed.
    """
    content = read_yaml(run_file)
    run = parse(Run, {**content, **(overrides or {})} if isinstance(content, dict) else content, run_file)
    known: dict[str, Listing] = {}
    resolved = [_resolve_study(run, choice, run_file, f"studies[{i}]", known) for i, choice in enumerate(run.studies)]
    studies = [study for study in resolved if isinstance(study, ResolvedStudy)]
    running = {study.study.key for study in studies}
    return ResolvedRun(
        name=run.name,
        budget=run.budget,
        seed=run.seed,
        seeds=run.seeds,
        engine=run.engine,
        precision=run.precision,
        fast_trees=run.fast_trees,
        controls={
            choice.study: asked
            for choice in run.studies
            if choice.study in running and (asked := _controls(run, choice))
        },
        group_near_duplicates=run.group_near_duplicates,
        explain=run.explain,
        studies=studies,
        left_out=[study for study in resolved if isinstance(study, NotRun)],
    )


def overrides(run_file: Path, merged: Mapping[str, Any], files: Sequence[Path] = ()) -> dict[str, Any]:
    """Top-level keys that a merged configuration says otherwise than the run's file.

    Parameters
    ----------
    run_file : Path
        Configuration of the run.
    merged : mapping
        What Snakemake made of its files and of its ``--config`` option; empty without either.
    files : sequence of Path
        All of Snakemake's files. A run is one file: what only others of them say is no part of it.
    """
    if not isinstance(read_yaml(run_file), dict):
        return {}  # `resolve` says what is wrong
    # By YAML 1.1, as Snakemake reads the files.
    contents = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in (*files, run_file)]
    told = {key: value for content in contents for key, value in content.items()}
    return {key: value for key, value in merged.items() if key not in told or told[key] != value}


def _check_positive_class(positive: str | None, study: Study, facts: Facts, where: str) -> None:
    """Raise UserError if the class that counts as diseased is no class of the dataset, or is needed and not named."""
    classes = sorted(facts.classes)
    if len(classes) < 2:
        return  # said of each study
    if positive is not None and positive not in classes:
        raise UserError(f"{where}: {unknown('class', positive, classes)}")
    of_own_classes = any(
        study.splits[table.split_of(item)].labels is None for table in study.tables.values() for item in table.items
    )
    if positive is None and len(classes) == 2 and of_own_classes:
        raise UserError(
            f"{where}: not given; of the two classes {' and '.join(classes)} name the one that counts as diseased."
        )


def _told_once(left_out: Sequence[NotRun]) -> list[str]:
    """Why studies cannot run, with those that share a reason together."""
    keys: dict[str, list[str]] = {}
    for study in left_out:
        keys.setdefault(study.told, []).append(study.key)
    return [f"{', '.join(of)}, because {told}" for told, of in keys.items()]


def _controls(run: Run, choice: StudyRun) -> list[Control]:
    return run.controls if choice.controls is None else choice.controls


def _resolve_study(
    run: Run, choice: StudyRun, run_file: Path, key: str, known: dict[str, Listing]
) -> ResolvedStudy | NotRun:
    """A study of a run, or why it cannot run; what is listed of its datasets is added to what is known of others."""
    file = existing(study_path, choice.study, "study", f"{run_file}: {key}.study")
    study = paper = load_study(file)
    if study.key != choice.study:
        raise UserError(f"{file}: key: given '{study.key}'; must be '{choice.study}', as the file is named.")
    unstated = study.unstated
    repeated_tables: dict[str, str] = {}
    if choice.extractors:
        if not study.extractors:
            raise UserError(f"{run_file}: {key}.extractors: study '{study.key}' uses no network; leave them out.")
        if choice.networks:
            raise UserError(f"{run_file}: {key}.networks: given beside `extractors`; give one of the two.")
        study, repeated_tables = with_extractors(study, choice.extractors)
    study, left_out_items = (
        with_items(study, choice.items, f"{run_file}: {key}.items") if choice.items else (study, dict[str, str]())
    )
    study, normalised_of = with_normalised(study, choice.normalise)
    file_of_dataset, own = placed(choice.dataset, run.budget, f"{run_file}: {key}.dataset")
    weights = {file_name(backbone): (backbone, weights) for backbone, weights in choice.weights.items()}

    def named_in(extractor: str) -> str:
        """File and key that say which network an extractor is."""
        if choice.extractors:
            return f"{run_file}: {key}.extractors"
        return f"{run_file}: {key}.networks" if extractor in choice.networks else f"{file}: extractors.{extractor}"

    for name in choice.networks:
        look_up(study.extractors, name, "extractor", f"{run_file}: {key}.networks")
    extractors = {
        name: resolve_extractor(
            _stand_in(extractor, choice.networks.get(own_name)),
            weights[own_name][1] if own_name in weights else run.weights,
            named_in(own_name),
            f"{run_file}: {key}.weights.{weights[own_name][0]}" if own_name in weights else f"{run_file}: weights",
            run.budget,
            seed=run.seed,
            engine=run.engine,
            precision=run.precision,
        )
        for name, extractor in study.extractors.items()
        for own_name in [normalised_of.get(name, name)]
    }
    for name, (backbone, _) in weights.items():
        if name not in study.extractors:
            look_up(study.extractors, backbone, "extractor", f"{run_file}: {key}.weights")
    _refuse_equal_features(extractors, choice.networks, f"{run_file}: {key}.networks")
    descriptors = {
        name: resolve_descriptor(spec, f"{file}: descriptors.{name}", run.budget)
        for name, spec in study.descriptors.items()
    }
    tunings = _tunings(study, extractors, named_in)
    _check_image_sizes(study, descriptors, f"{file}: descriptors")
    if told := told_absent(own, file_of_dataset):
        return NotRun(key=study.key, citation=study.citation, what="dataset absent", told=told)
    listing = list_once(own, run.budget, file_of_dataset, known)
    studied = Studied(own.id, own.dataset, own.images, listing)
    where_positive = f"{file_of_dataset}: positive_class"
    if choice.external is not None:
        where = f"{run_file}: {key}.external"
        file_of_other, other = placed(choice.external.dataset, run.budget, where)
        if other.id == own.id:
            raise UserError(f"{where}: given '{choice.external.dataset}', the study's own dataset; name another one.")
        if choice.rungs and EXTERNAL not in choice.rungs:
            raise UserError(f"{where}: given, but `rungs` leaves out `{EXTERNAL}`; add it there.")
        if told := told_absent(other, file_of_other):
            return NotRun(key=study.key, citation=study.citation, what="external dataset absent", told=told)
        of_other = list_once(other, run.budget, file_of_other, known)
        study, studied = with_external(study, choice.external, own, other, listing, of_other, where)
        where_positive = f"{where}.positive_class"
    facts = Facts(own.id, studied.listing.rows, studied.listing.external_split or None)
    _check_positive_class(studied.dataset.positive_class, study, facts, where_positive)
    possible = possible_part(study, extractors, facts)
    if isinstance(possible, NotRun):
        return possible
    study = possible.study
    study, left_out_claims = with_claims(study, paper, f"{file}: claims")
    ladder = study.published_protocol.ladder()
    impossible = impossible_rungs(study, ladder, facts)
    if choice.external is not None:
        taken = (
            "the paper tested the held-out part of its own dataset, and `external` puts another dataset in its place"
        )
        impossible |= {rung: taken for rung, protocol in ladder.items() if protocol.held_out}
    if impossible.keys() == ladder.keys():
        told = next(iter(impossible.values()))
        return NotRun(key=study.key, citation=study.citation, what="too few images", told=told)
    if choice.external is not None and EXTERNAL in impossible:
        raise UserError(f"{run_file}: {key}.external: cannot run: {impossible[EXTERNAL]}; leave it out.")
    protocols, left_out = _rungs(ladder, choice, impossible, f"{run_file}: {key}.rungs")
    return ResolvedStudy(
        study=study,
        dataset_id=studied.id,
        dataset=studied.dataset,
        images=studied.images,
        external_split=facts.external_split,
        harmonised=studied.harmonised,
        extractors={name: extractor for name, extractor in extractors.items() if name in study.extractors},
        descriptors={name: descriptor for name, descriptor in descriptors.items() if name in study.descriptors},
        tunings={name: of_network for name, of_network in tunings.items() if name in study.feature_sets},
        protocols=protocols,
        left_out=left_out,
        left_out_tables=repeated_tables | possible.left_out_tables,
        left_out_items=left_out_items | possible.left_out_items,
        left_out_claims=left_out_claims,
        unstated=[narrowed for fact in unstated if (narrowed := fact.narrowed(study.parts)) is not None],
    )


def _stand_in(extractor: Extractor, backbone: str | None) -> Extractor:
    """The extractor with another network in its place, which is cut at that network's own layer."""
    return extractor if backbone is None else extractor.model_copy(update={"backbone": backbone, "layer": None})


def _refuse_equal_features(
    extractors: Mapping[str, ResolvedExtractor], networks: Mapping[str, str], where: str
) -> None:
    """Raise UserError if a network stands in for two extractors that would give the same features."""
    by_file: dict[str, str] = {}
    for name, extractor in extractors.items():
        other = by_file.setdefault(extractor.id, name)
        if other != name and {name, other} & networks.keys():
            raise UserError(
                f"{where}: '{other}' and '{name}' would both be {extractor.backbone} at {extractor.input_size} pixels, "
                "the same features under two names; give one of them another network."
            )


def _tunings(
    study: Study, extractors: Mapping[str, ResolvedExtractor], named_in: Callable[[str], str]
) -> dict[str, dict[str, Tuning]]:
    """Networks of the study's items that are trained further, by feature set and classifier."""
    tunings: dict[str, dict[str, Tuning]] = {}
    for table in study.tables.values():
        for item in table.items:
            spec = study.classifiers[item.classifier]
            if isinstance(spec, FineTunedSpec):
                (name,) = study.feature_sets[item.features]
                where = f"{named_in(name)}, classifiers.{item.classifier}.train_from"
                tunings.setdefault(item.features, {})[item.classifier] = resolve_tuning(
                    extractors[name], spec.train_from, changes_images=spec.augment is not None, where=where
                )
    return tunings


def _check_image_sizes(study: Study, descriptors: Mapping[str, ResolvedDescriptor], where: str) -> None:
    """Raise UserError if a network or an autoencoder is to be trained on images of a size that it cannot take."""
    for table in study.tables.values():
        for item in table.items:
            name = study.feature_sets[item.features][0]
            reducer, classifier = study.reducers.get(item.reducer or ""), study.classifiers[item.classifier]
            told = f"{where}.{name}.input_size: given"
            if isinstance(reducer, ConvAutoencoderSpec) and (size := descriptors[name].input_size) % SHRINKAGE:
                raise UserError(
                    f"{told} {size}; must be a multiple of {SHRINKAGE}, which the autoencoder '{item.reducer}' shrinks "
                    "a side by."
                )
            on_images = isinstance(classifier, NetworkSpec) and reducer is None
            if on_images and (size := descriptors[name].input_size) < SMALLEST_IMAGES:
                raise UserError(
                    f"{told} {size}; must be {SMALLEST_IMAGES} or more, the side of the smallest images that the "
                    f"network '{item.classifier}' takes."
                )


def _rungs(
    ladder: Mapping[Rung, Protocol], choice: StudyRun, missing: dict[Rung, str], where: str
) -> tuple[dict[Rung, Protocol], dict[Rung, str]]:
    """Protocols that run, and why the others do not."""
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
