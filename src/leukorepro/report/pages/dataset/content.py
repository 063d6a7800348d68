"""What a dataset's page shows: what is in it, what was found wrong with it, what it looks like."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import pandas as pd

from leukorepro.data.crops import in_words
from leukorepro.data.duplicates import read_duplicates
from leukorepro.data.manifest import read_manifest
from leukorepro.data.views import view_in_words
from leukorepro.evaluation.testability import read_scan
from leukorepro.report.numbers.wording import count, listed
from leukorepro.report.output import Output
from leukorepro.report.pages.dataset.contact_sheet import contact_sheet, pick, view_sheet
from leukorepro.run.paths import Results
from leukorepro.run.resolved import ResolvedStudy

SHOWN = 30
"""Files that are named on the page; all are in the scan."""

NO_LABEL = "(no label)"


@dataclass(frozen=True)
class ClassRow:
    """Counts of one class's readable images."""

    label: str
    called: list[str]
    """What papers call it, where that is another name."""
    n_images: int
    n_sources: int
    n_subjects: int
    parts: list[int]
    """Images in every official part of the dataset."""


@dataclass(frozen=True)
class Sheet:
    """A contact sheet."""

    address: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Finding:
    """Something that a reader must know of the dataset's files."""

    title: str
    text: str
    lines: list[str]
    serious: bool


@dataclass(frozen=True)
class DatasetContent:
    """Everything that the template lays out for one dataset."""

    title: str
    completeness: list[str]
    n_images: int
    n_readable: int
    n_subjects: int
    n_sources: int
    parts: list[str]
    classes: list[ClassRow]
    sheets: list[Sheet]
    findings: list[Finding]
    manifest_csv: str
    scan_json: str
    duplicates_json: str


def dataset_content(
    dataset: str, studies: Sequence[ResolvedStudy], results: Results, conditions: Sequence[str], output: Output
) -> DatasetContent:
    """Have a dataset's contact sheets drawn and put its page together.

    Parameters
    ----------
    dataset : str
        Name of its folder below `results/datasets`.
    studies : sequence of ResolvedStudy
        Those that run on it; all agree on the dataset.
    results : Results
    conditions : sequence of str
        Written under every picture.
    output : Output
    """
    folder = results.dataset(dataset)
    scan, duplicates = read_scan(folder / "scan.json"), read_duplicates(folder / "duplicates.json")
    manifest = read_manifest(results.manifest(dataset))
    parts = list(scan["splits"])
    sheets = _Sheets(dataset, studies, manifest, conditions, output)
    return DatasetContent(
        title=studies[0].dataset.title or dataset,
        completeness=scan["completeness"],
        n_images=scan["images"],
        n_readable=scan["readable"],
        n_subjects=scan["subjects_total"],
        n_sources=scan["sources_total"],
        parts=[f"{part} (held out)" if part == scan["external_split"] else part for part in parts],
        classes=[
            ClassRow(
                label or NO_LABEL,
                sheets.called(label),
                number,
                scan["sources"].get(label, 0),
                scan["subjects"].get(label, 0),
                [scan["splits"][part].get(label, 0) for part in parts],
            )
            for label, number in scan["classes"].items()
        ],
        sheets=[
            *(sheets.of_class(number, label) for number, label in enumerate(scan["classes"], start=1)),
            *sheets.of_views(list(scan["classes"])),
        ],
        findings=list(_findings(scan, duplicates)),
        manifest_csv=output.copy(results.manifest(dataset), "data", dataset, "manifest.csv"),
        scan_json=output.copy(folder / "scan.json", "data", dataset, "scan.json"),
        duplicates_json=output.copy(folder / "duplicates.json", "data", dataset, "duplicates.json"),
    )


def _findings(scan: dict[str, Any], duplicates: dict[str, Any]) -> Iterator[Finding]:
    """What a reader must know, the worst first; unreadable files and conflicting labels also where there are none."""
    if scan["suspicions"]:
        text = "The images were read all the same; what each looks like is not known for certain."
        yield Finding("Suspicions", text, _some(scan["suspicions"]), serious=True)
    conflicts = scan["label_conflicts"]
    if conflicts:
        text = f"{count(len(conflicts), 'set')} of equal images under different classes; at least one label is wrong."
    else:
        text = "None: no two equal images (in bytes or in pixels) are filed under different classes."
    lines = [
        " = ".join(f"{i} ({label or NO_LABEL})" for i, label in zip(one["images"], one["labels"], strict=True))
        for one in conflicts
    ]
    yield Finding("Label conflicts", text, _some(lines), serious=bool(conflicts))
    unreadable = scan["unreadable"]
    text = f"{count(len(unreadable), 'file')}, left out." if unreadable else "None: every image file could be decoded."
    lines = [f"{one['image_id']}: {one['status'].replace('_', ' ')}: {one['reason']}" for one in unreadable]
    yield Finding("Unreadable files", text, _some(lines), serious=bool(unreadable))
    equal = scan["equal_content"]
    if equal:
        across = sum(len(set(one["subjects"]) - {""}) > 1 for one in equal)
        text = (
            f"{count(len(equal), 'set')} of images with equal bytes or pixels, {across} of them across subjects. "
            "From the source-disjoint rung on, a set stays on one side of every split."
        )
        lines = [" = ".join(one["images"]) for one in equal]
        yield Finding("Equal images", text, _some(lines), serious=False)
    yield _near_duplicates(duplicates)
    if scan["crops"]:
        first, *others = in_words(scan["crops"])
        yield Finding("Crops and their photographs", f"{first}.", others, serious=False)
    if scan["conversions"]:
        lines = [
            f"{one['what']}: {count(one['images'], 'image')}, such as {one['examples'][0]}"
            for one in scan["conversions"]
        ]
        yield Finding("Converted to 8-bit RGB", "", lines, serious=False)
    sizes = [
        f"{width} \N{MULTIPLICATION SIGN} {height} pixels: {count(n, 'image')}" for width, height, n in scan["sizes"]
    ]
    yield Finding("Sizes of the images", "", _some(sizes, 5), serious=False)
    if scan["notes"] or scan["ignored"]:
        ignored = [f"Other files, ignored: {n:,} {ending}" for ending, n in scan["ignored"].items()]
        yield Finding("Notes", "", [*scan["notes"], *ignored], serious=False)


def _near_duplicates(duplicates: dict[str, Any]) -> Finding:
    """Images that show one cell, though neither their bytes nor their pixels are equal."""
    title = "Near-duplicates"
    if "near" not in duplicates["examined"]:
        return Finding(title, f"Not looked for: {duplicates['not_examined']['near']}.", [], serious=False)
    groups = [group for group in duplicates["groups"] if group["kind"] == "near"]
    how = "mirrored, turned by quarters, scaled or compressed again"
    if not groups:
        return Finding(title, f"None: no two different images show the same cell, whether {how}.", [], serious=False)
    across = sum(len(set(group["subjects"]) - {""}) > 1 for group in groups)
    text = (
        f"{count(len(groups), 'set')} of images that show the same cell, perhaps {how}; {across} across subjects. "
        "Splits may separate them where they share neither subject nor photograph: see the leakage in the splits."
    )
    lines = [f"{' = '.join(group['images'])} (correlation {group['correlation']:.3f})" for group in groups]
    return Finding(title, text, _some(lines, file="duplicates.json"), serious=True)


def _some(lines: list[str], shown: int = SHOWN, file: str = "scan.json") -> list[str]:
    return lines if len(lines) <= shown else [*lines[:shown], f"and {len(lines) - shown:,} more; all are in {file}"]


@dataclass(frozen=True)
class _Sheets:
    """Has the contact sheets of one dataset drawn."""

    dataset: str
    studies: Sequence[ResolvedStudy]
    manifest: pd.DataFrame
    conditions: Sequence[str]
    output: Output

    def called(self, label: str) -> list[str]:
        """What papers call a class, where that is another name."""
        names = {study.study.class_names.get(label, "") for study in self.studies}
        return sorted(names - {"", label})

    def of_class(self, number: int, label: str) -> Sheet:
        """Some images of one class, the `number`-th."""
        rows = pick(self.manifest, label)
        name = label or NO_LABEL
        study = self.studies[0]
        sheet = partial(contact_sheet, study.images, rows, study.dataset.max_pixels, self.conditions)
        address = self.output.picture(sheet, "figures", self.dataset, f"cells-{number}-{name}.jpg")
        called = listed(self.called(label))
        name += f" ({called})" if called else ""
        return Sheet(address, f"{len(rows)} images of the class {name}.", f"Class {name}: {len(rows)} of its images.")

    def of_views(self, labels: Sequence[str]) -> Iterator[Sheet]:
        """An image of each class with its copies, where splits of the studies have any."""
        schemes = [scheme for study in self.studies for scheme in study.study.splits.values()]
        views = list(dict.fromkeys(view for scheme in schemes for view in scheme.views))
        if len(views) == 1:
            return
        images = pd.concat([pick(self.manifest, label, 1) for label in labels])
        study = self.studies[0]
        sheet = partial(view_sheet, study.images, images, views, study.dataset.max_pixels, self.conditions)
        address = self.output.picture(sheet, "figures", self.dataset, "views.jpg")
        rows = listed([label or NO_LABEL for label in labels])
        columns = listed([view_in_words(view) for view in views])
        told = f"The copies that splits are made of, from left to right: {columns}. A row for each class: {rows}."
        yield Sheet(address, f"{len(views)} views of {count(len(images), 'image')}.", told)
