"""The jobs of a run: the steps of the workflow, and every job whose results a study's numbers rest on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from leukorepro.features.parts import ResolvedExtractor
from leukorepro.run.plan import (
    Found,
    classified_feature_sets,
    explained_rungs,
    feature_file,
    find_study,
    joins_features,
    made_parts,
    parts_of,
    used_feature_sets,
)
from leukorepro.run.resolved import ResolvedRun, ResolvedStudy
from leukorepro.run.specifications.fits import EncodingFit, ReducerFit
from leukorepro.run.specify import fits_of
from leukorepro.run.weights import weights_of


@dataclass(frozen=True)
class Step:
    """A part of the workflow, as a reader thinks of it."""

    title: str
    does: str
    """In the middle of a sentence."""
    rules: tuple[str, ...]
    after: tuple[str, ...] = ()
    """Steps whose results it takes."""


STEPS: dict[str, Step] = {
    "datasets": Step(
        "Datasets",
        "images are drawn where they are simulated, read once, and looked through for copies",
        ("simulate_images", "scan_images", "find_duplicates"),
    ),
    "weights": Step("Weights", "weights of networks are looked up", ("get_weights",)),
    "audits": Step("Audits", "the arithmetic of printed numbers is checked", ("audit_published",)),
    "splits": Step("Splits", "rows are dealt out", ("make_splits",), ("datasets",)),
    "features": Step(
        "Features",
        "images become numbers",
        ("extract_features", "describe_images", "join_features", "fuse_features"),
        ("datasets", "weights", "splits"),
    ),
    "leakage": Step("Leakage", "tested rows are looked for in training", ("audit_leakage",), ("splits",)),
    "fits": Step(
        "Fits",
        "reducers are fitted and networks trained",
        ("fit", "fit_reducer", "encode_images", "train_network"),
        ("features",),
    ),
    "classification": Step("Classification", "classifiers are fitted", ("classify",), ("fits", "features")),
    "controls": Step(
        "Controls", "the same on labels that mean nothing, or little seen", ("controls",), ("fits", "features")
    ),
    "explanations": Step("Explanations", "decisions are laid over their images", ("explain",), ("fits", "features")),
    "evaluation": Step("Evaluation", "predictions are measured", ("evaluate",), ("classification", "fits")),
    "verdicts": Step("Verdicts", "printed numbers are judged", ("judge",), ("evaluation", "audits")),
    "report": Step(
        "Report", "these pages are written", ("build_report",), ("verdicts", "controls", "explanations", "leakage")
    ),
}
"""The workflow from its images to its report; each rule belongs to one step."""

WAITS_FOR: dict[str, tuple[str, ...]] = {
    "scan_images": ("simulate_images",),
    "find_duplicates": ("scan_images",),
    "make_splits": ("scan_images",),
    "extract_features": ("get_weights", "make_splits"),
    "describe_images": ("make_splits",),
    "join_features": ("extract_features", "describe_images"),
    "fuse_features": ("extract_features", "describe_images", "join_features"),
    "audit_leakage": ("find_duplicates", "make_splits"),
    "fit": ("describe_images", "extract_features", "join_features", "fuse_features"),
    "fit_reducer": ("describe_images", "extract_features", "join_features", "fuse_features"),
    "train_network": ("fit_reducer", "describe_images", "extract_features", "join_features"),
    "encode_images": ("train_network",),
    "classify": (
        *("fuse_features", "extract_features", "describe_images", "join_features"),
        *("fit", "fit_reducer", "encode_images"),
    ),
    "controls": ("fuse_features", "extract_features", "describe_images", "join_features", "fit", "fit_reducer"),
    "explain": ("fuse_features", "extract_features", "describe_images", "join_features", "fit", "train_network"),
    "evaluate": ("classify", "fit", "train_network"),
    "judge": ("evaluate", "audit_published"),
    "build_report": ("judge", "controls", "explain", "audit_leakage"),
}
"""Rules whose jobs, those of the same study, a job may have to wait for."""

THREADS = {
    "scan_images": 2,
    "find_duplicates": 2,
    "describe_images": 2,
    "extract_features": 8,
    "train_network": 8,
    "encode_images": 8,
    "build_report": 2,
}
"""Threads that rules ask for, where that is more than one; of features, only where a run is no demonstration."""

ALL = "all"
"""The rule that stands for the goal itself. It runs nothing, and Snakemake counts it among its jobs."""

STEP_OF = {rule: name for name, step in STEPS.items() for rule in step.rules}


@dataclass(frozen=True)
class Job:
    """A job of the workflow."""

    rule: str
    name: str
    """What tells it from the rule's other jobs, with slashes: the run, the study, what it makes."""

    @property
    def step(self) -> str:
        """The step that it belongs to."""
        return STEP_OF[self.rule]


def jobs_of_run(run: ResolvedRun) -> dict[Job, tuple[Job, ...]]:
    """Every job that Snakemake makes of a run, once each, with those that it waits for, which stand before it."""
    waits: dict[Job, dict[Job, None]] = {}
    dealt = {Job("make_splits", f"{run.name}/{study.study.key}"): None for study in run.studies}
    for study in run.studies:
        jobs = list(dict.fromkeys(jobs_of(run, study)))
        for job in jobs:
            own = {other: None for other in jobs if other.rule in WAITS_FOR.get(job.rule, ()) and _concerns(job, other)}
            waits.setdefault(job, {}).update(own)
            if job.rule in ("extract_features", "describe_images"):
                waits[job].update(dealt)
    for left_out in run.left_out:
        waits[Job("audit_published", left_out.key)] = {}
    waits[Job("build_report", run.name)] = dict.fromkeys(waits)
    waits[Job(ALL, run.name)] = {Job("build_report", run.name): None}
    return {job: tuple(waits[job]) for job in _in_order(waits)}


def threads_of(run: ResolvedRun, job: Job) -> int:
    """Threads that a job asks for; Snakemake gives it no more than there are cores.

    Parameters
    ----------
    run : ResolvedRun
        Its budget and its studies decide for some rules.
    job : Job
        One of `jobs_of_run`.
    """
    if run.budget == "demo" and job.rule == "extract_features":
        return 1
    if job.rule == "fit_reducer":  # of images; a sparse autoencoder's has one
        _, key, _, _, place = job.name.split("/")
        study = find_study(run, key).study
        return 8 if any(study.holds_images(name) for name in study.feature_sets if place.startswith(f"{name}-")) else 1
    return THREADS.get(job.rule, 1)


def _concerns(job: Job, other: Job) -> bool:
    """Whether a job on a dataset, of which a study may have two, waits for another of the same."""
    on_dataset = ("simulate_images", "scan_images", "find_duplicates")
    return job.rule not in on_dataset or other.rule not in on_dataset or other.name in job.name


def _in_order(waits: Mapping[Job, Iterable[Job]]) -> list[Job]:
    """Jobs, each behind those that it waits for."""
    order: dict[Job, None] = {}

    def add(job: Job) -> None:
        if job not in order:
            for other in waits[job]:
                add(other)
            order[job] = None

    for job in waits:
        add(job)
    return list(order)


def jobs_of(run: ResolvedRun, study: ResolvedStudy) -> Iterator[Job]:
    """Every job whose results a study's numbers rest on; those on datasets and features may serve other studies too.

    Parameters
    ----------
    run : ResolvedRun
        Whose controls and explanations are made, too.
    study : ResolvedStudy
        One of the run's.
    """
    data, key, own = study.dataset_id, study.study.key, f"{run.name}/{study.study.key}"
    both = [Found(part.id, part.dataset, part.images) for part in study.placed]
    yield from (Job("simulate_images", part.id) for part in both if part.simulated)
    if len(both) > 1:
        yield from (Job("scan_images", part.id) for part in both)
    yield from (Job("scan_images", data), Job("find_duplicates", data))
    yield from (Job("get_weights", name) for name in weights_of(study))
    yield Job("audit_published", key)
    yield Job("make_splits", own)
    parts = parts_of(run, study)
    for part in made_parts(run, study):
        rule = "extract_features" if isinstance(parts[part], ResolvedExtractor) else "describe_images"
        if len(both) > 1 and joins_features(parts[part]):
            yield from (Job(rule, f"{one.id}/{part}") for one in both)
            yield Job("join_features", f"{data}/{part}")
        else:
            yield Job(rule, f"{data}/{part}")
    for file in dict.fromkeys(feature_file(study, features) for features in used_feature_sets(study)):
        if file.startswith("fused/"):
            yield Job("fuse_features", f"{data}/{file.removeprefix('fused/').removesuffix('.h5')}")
    yield Job("audit_leakage", own)
    yield from _fits(run, study, own)
    yield from (Job("classify", f"{own}/{features}") for features in classified_feature_sets(study))
    if key in run.controls:
        yield Job("controls", own)
    if explained_rungs(run, study):
        yield Job("explain", own)
    yield Job("evaluate", own)
    yield Job("judge", own)


def _fits(run: ResolvedRun, study: ResolvedStudy, own: str) -> Iterator[Job]:
    """Fits are jobs of their own, but for a demonstration's, of which a rung's are one job."""
    for rung in study.protocols:
        fits = fits_of(run, study, rung)
        if run.budget == "demo":
            yield from (Job("fit", f"{own}/{rung}"),) if fits else ()
            continue
        for name, fit in fits.items():
            if isinstance(fit, ReducerFit | EncodingFit):
                rule = "fit_reducer" if isinstance(fit, ReducerFit) else "encode_images"
                yield Job(rule, f"{own}/{rung}/{fit.output.parent.name}/{fit.output.name.removesuffix('.h5')}")
            else:
                yield Job("train_network", f"{own}/{rung}/{name}")
