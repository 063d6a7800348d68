"""Answers on data: where they are from, how many there are, what is missing, what was done to them."""

from __future__ import annotations

from leukorepro.config.joined import PlacedDataset
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.records import Records
from leukorepro.report.pages.methods.checklists.item import Answer, Facts
from leukorepro.report.pages.methods.checklists.places import START, in_provenance, of_datasets

NO_PATIENTS = "The images were drawn by a simulator: there is no patient, and nothing here says anything about one."


def _title(records: Records) -> str:
    return records.resolved.dataset.title or records.resolved.dataset_id


def _mixed(facts: Facts, text: str) -> str:
    """With a word on datasets that are simulated, where others are not."""
    drawn = [_title(records) for records in facts.datasets if records.resolved.simulated]
    return f"{text} Simulated, and of no patients: {wording.listed(drawn)}." if drawn else text


def population(facts: Facts) -> Answer:
    """Whom the numbers may be about."""
    if facts.simulated:
        return Answer(NO_PATIENTS, places=START)
    real = [_title(records) for records in facts.datasets if not records.resolved.simulated]
    text = f"The numbers are of the images of {wording.listed(real)}. Whom these stand for is for the authors to say."
    return Answer(_mixed(facts, text), "this run in part", START)


def datasets(facts: Facts) -> Answer:
    """Which datasets, told apart by their manifests."""
    told = [f"{_title(one)} (SHA-256 of its manifest {one.manifest_sha256})" for one in facts.datasets]
    return Answer(wording.sentence(told), places=in_provenance("datasets"))


def sources(facts: Facts) -> Answer:
    """Where images and labels come from."""
    if facts.simulated:
        return Answer(f"{NO_PATIENTS} Labels and subjects are those that were drawn.", places=in_provenance("datasets"))
    told = [
        f"{_title(one)}: read as {wording.listed([_kind(part) for part in one.resolved.placed])}"
        for one in facts.datasets
        if not one.resolved.simulated
    ]
    text = f"{wording.sentence(told)} When and by whom images were taken and labelled is for the authors to say."
    return Answer(_mixed(facts, text), "this run in part", in_provenance("datasets"))


def _kind(part: PlacedDataset) -> str:
    return part.dataset.adapter.replace("_", " ")


def outcome(facts: Facts) -> Answer:
    """The classes, how many images each has, and which counts as diseased."""
    told = []
    for one in facts.datasets:
        counts = [f"{count:,} {label or 'without a label'}" for label, count in one.scan["classes"].items()]
        positive = one.resolved.dataset.positive_class
        which = f", of which {positive} is positive" if positive else ""
        told.append(f"{_title(one)}: {wording.listed(counts)}{which}")
    return Answer(wording.sentence(told), places=of_datasets(facts))


def sample_size(facts: Facts) -> Answer:
    """Images, source images and subjects."""
    told = []
    for one in facts.datasets:
        subjects = one.scan["subjects_total"]
        whose = wording.count(subjects, "subject") if subjects else "subjects that are not named"
        images = wording.count(one.scan["readable"], "image")
        told.append(f"{_title(one)}: {images}, {wording.count(one.scan['sources_total'], 'source image')}, {whose}")
    return Answer(
        f"{wording.sentence(told)} No size was planned for; intervals show what it allows.",
        "this run in part",
        of_datasets(facts),
    )


def missing(facts: Facts) -> Answer:
    """Files that could not be read, and images without a label or a subject."""
    told = []
    for one in facts.datasets:
        scan = one.scan
        lost = scan["images"] - scan["readable"]
        share = f"{100 * lost / max(scan['images'], 1):.1f} %"
        labels = scan["classes"].get("", 0)
        unlabelled = f", {wording.count(labels, 'image')} without a label" if labels else ""
        unnamed = "" if scan["subjects_total"] else ", no image with a subject"
        files = wording.count(scan["images"], "file")
        told.append(f"{_title(one)}: {lost:,} of {files} could not be read ({share}){unlabelled}{unnamed}")
    return Answer(f"{wording.sentence(told)} No value is filled in.", places=of_datasets(facts))


def exclusions(facts: Facts) -> Answer:
    """What was left out, and why."""
    told = []
    for one in facts.datasets:
        reasons = [f"{n:,} {status.replace('_', ' ')}" for status, n in one.scan["status"].items() if status != "ok"]
        told.append(f"{_title(one)}: {', '.join(reasons) or 'no image'}")
    rest = " Splits that keep subjects apart leave out images without one." if not facts.simulated else ""
    return Answer(f"Left out because they could not be decoded: {'; '.join(told)}.{rest}", places=of_datasets(facts))


def corrupt(facts: Facts) -> Answer:
    """What is done with files that are no images, or are none any more."""
    allowed = {_title(one): one.resolved.dataset.max_unreadable for one in facts.datasets}
    told = [f"{number:,} in {title}" for title, number in allowed.items()]
    return Answer(
        "Every image is decoded once; one that cannot be is left out and named, and a run stops if there are more than "
        f"its configuration allows ({', '.join(told)}). Files that are too large for an image are refused.",
        places=of_datasets(facts),
    )


def participants(facts: Facts) -> Answer:
    """From files to tested images, and who is behind them."""
    if facts.simulated:
        return Answer(
            f"{NO_PATIENTS} How images and drawn subjects pass exclusions and splits is shown.",
            places=of_datasets(facts),
        )
    return Answer(
        _mixed(
            facts,
            "How images and subjects pass exclusions and splits is shown; of subjects nothing but an id is "
            "known, so that what they are like is for the authors to say.",
        ),
        "this run in part",
        of_datasets(facts),
    )
