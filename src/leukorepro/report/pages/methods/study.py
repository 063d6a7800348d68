"""The methods of one study, in sentences that a supplement can take over: all of them from the run and its records."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from leukorepro.config.datasets import SimulatedDataset
from leukorepro.config.study.study import Citation
from leukorepro.core.words import Budget
from leukorepro.ladder.rungs import LADDER
from leukorepro.ladder.units import SCOPE_WORDS, UNIT_WORDS
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.records import Records
from leukorepro.report.pages.methods.systems import features_told, splits_told, systems_told
from leukorepro.report.sections.unstated.page import unstated_rows
from leukorepro.run.conditions.words import conditions
from leukorepro.run.kept_items import NOT_IN_THIS_RUN
from leukorepro.run.resolved import ResolvedRun, ResolvedStudy


@dataclass(frozen=True)
class Passage:
    """A heading with its sentences."""

    key: str
    """For addresses."""
    title: str
    sentences: list[str]


def study_methods(run: ResolvedRun, records: Records) -> list[Passage]:
    """How a study was run, passage by passage; those with nothing to say are left out.

    Parameters
    ----------
    run : ResolvedRun
    records : Records
        What earlier stages left of the study.
    """
    study = records.resolved
    passages = [
        Passage("reproduced", "What was run", list(_reproduced(run, study))),
        Passage("images", "Images", list(_images(records))),
        Passage("splits", "Splits and copies", list(splits_told(study, range(run.seed, run.seed + run.seeds)))),
        Passage("features", "Features", list(features_told(records))),
        Passage("reducers", "Reducers", list(systems_told(study, "reducer", run.budget))),
        Passage("classifiers", "Classifiers", list(_classifiers(study, run.budget))),
        Passage("protocols", "Protocols", list(_protocols(run, study))),
        Passage("measures", "Measures and intervals", list(_measures(study))),
        Passage("differs", "What differs from the paper", list(_differs(run, study))),
        Passage("unstated", "What the paper leaves open", list(_unstated(study))),
    ]
    return [passage for passage in passages if passage.sentences]


_SEEDS = (
    "For every seed the splits were drawn anew, a held-out part excepted, and everything was fitted anew on them, with "
    "initial weights, orders of rows and draws of its own.",
    "Features, random weights of networks that give them and views of images are the same for all seeds; controls, "
    "explanations and exported models are of the first.",
    "A value is the mean over the seeds; behind \N{PLUS-MINUS SIGN} stands the standard deviation between them.",
    "Intervals of metrics and paired differences are of that mean, over groups and seeds: the variance that the "
    "groups' resamples tell and that of the mean of the seeds are added, with Satterthwaite's degrees of freedom, on "
    "the logit scale for what has limits. Differences are paired by seed.",
    "So are those of claims, best items, diagnoses and calibration; the optimism of a best item is that of picking by "
    "these groups, reliability curves have intervals over groups alone, and single subjects over their photographs.",
)


def cited(citation: Citation) -> str:
    """A paper in full, as a sentence."""
    doi = f" doi:{citation.doi}." if citation.doi else ""
    return f"{citation.authors.rstrip('.')}. {citation.title.rstrip('.')}. {citation.journal}, {citation.year}.{doi}"


def _reproduced(run: ResolvedRun, study: ResolvedStudy) -> Iterator[str]:
    yield cited(study.study.citation)
    made = [
        f"{wording.table_name(number)} ({wording.count(len(table.items), 'item')})"
        for number, table in study.study.tables.items()
    ]
    seeds = f"seed {run.seed}" if run.seeds == 1 else f"{run.seeds} seeds from {run.seed} on"
    yield f"The run {run.name}, at the {run.budget} budget and with the {seeds}, made {wording.listed(made)}."
    table, _, item = study.study.headline.partition("/")
    metric = wording.in_a_sentence(study.study.tables[table].metrics[0])
    if run.seeds > 1:
        yield from _SEEDS
    yield f"The headline is the {metric} of {item} in {wording.table_name(table)}."
    for number, reason in study.left_out_tables.items():
        yield f"{wording.table_name(number)} was not made: {wording.sentence(reason)}"
    for reason, items in study.impossible_items.items():
        yield f"{wording.listed(items)} could not be made: {wording.sentence(reason)}"
    unwanted = sum(reason == NOT_IN_THIS_RUN for reason in study.left_out_items.values())
    if unwanted:
        yield f"The run leaves out {wording.count(unwanted, 'item')} of the study."


def _images(records: Records) -> Iterator[str]:
    study, scan = records.resolved, records.scan
    dataset = study.dataset
    title = dataset.title or study.dataset_id
    for part in study.placed:
        if not isinstance(drawn := part.dataset, SimulatedDataset):
            continue
        of = f"of {part.title} " if len(study.placed) > 1 else ""
        yield (
            f"The images {of}were drawn by the simulator of leukorepro and show no patient (look {drawn.look}, effect "
            f"of the class {drawn.class_effect:g}, of the subject {drawn.subject_effect:g}, seed {drawn.seed})."
        )
    classes = [
        f"{count:,} {label or 'without a label'}"
        + (f" ({called})" if (called := study.study.class_names.get(label)) else "")
        for label, count in scan["classes"].items()
    ]
    yield (
        f"{title} has {wording.count(scan['images'], 'image file')}, of which {scan['readable']:,} were read: "
        f"{wording.listed(classes)}."
    )
    known = scan["subjects_total"]
    whose = f"{wording.count(known, 'subject')}" if known else "subjects that the dataset does not name"
    yield f"They are of {whose} and come from {wording.count(scan['sources_total'], 'source image')}."
    left_out = {status.replace("_", " "): n for status, n in scan["status"].items() if status != "ok"}
    if left_out:
        told = ", ".join(f"{n:,} {status}" for status, n in left_out.items())
        yield f"Left out, because they could not be decoded: {told}."
    else:
        yield "No file was left out: every image could be decoded."
    yield from map(wording.sentence, scan["completeness"])
    if equal := scan["equal_content"]:
        yield (
            f"{wording.count(len(equal), 'set')} of images with equal bytes or pixels were found; a set is kept on one "
            "side of every split from the source-disjoint rung on."
        )
    if conflicts := scan["label_conflicts"]:
        yield f"{wording.count(len(conflicts), 'set')} of equal images are filed under different classes."
    if "near" in records.duplicates["examined"]:
        near = sum(group["kind"] == "near" for group in records.duplicates["groups"])
        found = wording.count(near, "set") if near else "No set"
        yield f"{found} of different images that show the same cell {'was' if near < 2 else 'were'} found."
    yield f"The manifest of the images has the SHA-256 {records.manifest_sha256}."


def _classifiers(study: ResolvedStudy, budget: Budget) -> Iterator[str]:
    yield from systems_told(study, "classifier", budget)
    yield "Where a classifier scales its features, the scale is that of its training rows."


def _protocols(run: ResolvedRun, study: ResolvedStudy) -> Iterator[str]:
    for rung, protocol in study.protocols.items():
        yield (
            f"{LADDER[rung].name}: kept on one side of a split is {UNIT_WORDS[protocol.unit]}; reducers are fitted on "
            f"{SCOPE_WORDS[protocol.scope]}"
            f"{'; the held-out part is tested, as in the paper' if protocol.held_out else ''}."
        )
    if run.group_near_duplicates:
        yield "Different images that show the same cell are of one source image and one group, as equal images are."
    for rung, reason in study.left_out.items():
        yield f"{LADDER[rung].name} was not run: {wording.sentence(reason)}"
    yield from (f"The paper chose by rows that it tested: {choice}" for choice in _choices(study))
    yield "Honest rungs test original images only; copies serve training."


def _choices(study: ResolvedStudy) -> list[str]:
    return [wording.sentence(choice) for choice in study.study.published_protocol.choices]


def _measures(study: ResolvedStudy) -> Iterator[str]:
    for number, table in study.study.tables.items():
        metrics = wording.listed([wording.in_a_sentence(metric) for metric in table.metrics])
        yield f"{wording.table_name(number)}: {metrics}."
    groups = "groups of images that share a subject, a source image or content"
    if not any(protocol.unit == "subject" for protocol in study.protocols.values()):
        groups = "groups of images that share a source image or content, subjects not being known"
    yield f"Intervals are made by resampling {groups}, never single images."


def _differs(run: ResolvedRun, study: ResolvedStudy) -> Iterator[str]:
    told = conditions(study, run.budget)
    if told:
        yield wording.sentence(told)
    else:
        yield "Nothing that the configuration knows of: the published budget, the paper's networks, real images."
    if run.precision != "float32":
        yield f"Networks were computed in {run.precision} precision."
    if run.fast_trees:
        yield "Trees and forests were grown by another library than scikit-learn, which draws other trees."


def _unstated(study: ResolvedStudy) -> Iterator[str]:
    for row in unstated_rows(study):
        also = f" What else fits: {row.also_fits.rstrip('.')}." if row.also_fits else ""
        yield f"{row.what} ({row.about}). Taken: {row.taken}. Why: {row.why.rstrip('.')}.{also}"
