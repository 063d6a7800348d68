"""What a dataset's page shows, put together from its parts; its pictures drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from leukorepro.data.public.telling import terms_of
from leukorepro.report.figures.picture import Picture
from leukorepro.report.images import colours
from leukorepro.report.images.album import Album, size_of
from leukorepro.report.numbers.wording import count, listed, short_citation, shortened, table_name
from leukorepro.report.output import Output
from leukorepro.report.pages.dataset.colours_figure import draw_colours
from leukorepro.report.pages.dataset.duplicates import Duplicates, duplicates_shown
from leukorepro.report.pages.dataset.findings import Finding, findings_of
from leukorepro.report.pages.dataset.flow import Files, SplitFlow, files_of, flows_of
from leukorepro.report.pages.dataset.flow_figure import draw_flow
from leukorepro.report.pages.dataset.looks import Sheet, class_sheet, pick, view_sheet
from leukorepro.report.pages.dataset.mistakes import Mistakes, mistakes_shown
from leukorepro.report.pages.dataset.sources import DatasetSources, Use
from leukorepro.report.pages.dataset.subjects import SHOWN as SUBJECTS_SHOWN
from leukorepro.report.pages.dataset.subjects import Subjects, subjects_of
from leukorepro.report.pages.dataset.subjects_figure import draw_subjects

NO_LABEL = "(no label)"

SIZES_SHOWN = 5


@dataclass(frozen=True)
class ClassRow:
    """Counts of one class's readable images."""

    label: str
    called: list[str]
    """What papers call it, where that is another name: `leukaemia cell in Doe (2020)`."""
    n_images: int
    n_sources: int
    n_subjects: int
    parts: list[int]
    """Images in every official part of the dataset."""


@dataclass(frozen=True)
class SubjectsPart:
    """Cells by class and subject."""

    subjects: Subjects
    shown: int
    """Rows of the page's table."""
    picture: Picture | None
    """None where no subject is known."""
    csv: str


@dataclass(frozen=True)
class StudyFlow:
    """What became of the images in a study's splits."""

    name: str
    picture: Picture
    """Of the split that the headline is measured on."""
    splits: list[SplitFlow]


@dataclass(frozen=True)
class FlowPart:
    """Flow of images and subjects."""

    files: Files
    studies: list[StudyFlow]
    csv: str


@dataclass(frozen=True)
class ColoursPart:
    """Colours and sizes."""

    n_images: int
    """That were measured."""
    sentences: list[str]
    pictures: list[Picture]
    csv: str


@dataclass(frozen=True)
class DatasetContent:
    """Everything that the template lays out for one dataset."""

    title: str
    completeness: list[str]
    terms: list[str]
    """Licence, citation and what is known of patients, of each published dataset in it."""
    n_images: int
    n_readable: int
    n_subjects: int
    n_sources: int
    parts: list[str]
    classes: list[ClassRow]
    sheets: list[Sheet]
    findings: list[Finding]
    subjects: SubjectsPart
    flow: FlowPart
    duplicates: Duplicates
    mistakes: list[Mistakes]
    colours: ColoursPart
    picture_size: tuple[int, int]
    """Width and height of a small picture, in pixels."""
    manifest_csv: str
    scan_json: str
    duplicates_json: str


def dataset_content(dataset: str, sources: DatasetSources, conditions: Sequence[str], output: Output) -> DatasetContent:
    """Have a dataset's pictures drawn and put its page together.

    Parameters
    ----------
    dataset : str
        Name of its folder below `results/datasets`.
    sources : DatasetSources
    conditions : sequence of str
        Written under every picture.
    output : Output
    """
    scan = sources.scan
    parts = list(scan["splits"])
    drawing = _Drawing(dataset, sources, conditions, output)
    return DatasetContent(
        title=drawing.study.dataset.title or dataset,
        completeness=scan["completeness"],
        terms=terms_of(drawing.study.dataset),
        n_images=scan["images"],
        n_readable=scan["readable"],
        n_subjects=scan["subjects_total"],
        n_sources=scan["sources_total"],
        parts=[f"{part} (held out)" if part == scan["external_split"] else part for part in parts],
        classes=[
            ClassRow(
                label or NO_LABEL,
                drawing.called(label),
                number,
                scan["sources"].get(label, 0),
                scan["subjects"].get(label, 0),
                [scan["splits"][part].get(label, 0) for part in parts],
            )
            for label, number in scan["classes"].items()
        ],
        sheets=drawing.sheets(),
        findings=list(findings_of(scan)),
        subjects=drawing.subjects(),
        flow=drawing.flow(),
        duplicates=duplicates_shown(sources.duplicates, drawing.album, output, dataset, sources.ties),
        mistakes=[
            mistakes_shown(use.study, use.rows, sources.budget, drawing.album, output, dataset) for use in sources.uses
        ],
        colours=drawing.colours(),  # behind what shows pictures, so that no image is decoded twice
        picture_size=size_of(1, 1, conditions),
        manifest_csv=output.copy(sources.manifest_file, "data", dataset, "manifest.csv"),
        scan_json=output.copy(sources.scan_file, "data", dataset, "scan.json"),
        duplicates_json=output.copy(sources.duplicates_file, "data", dataset, "duplicates.json"),
    )


class _Drawing:
    """Puts the parts of one dataset's page together and has their pictures drawn."""

    def __init__(self, dataset: str, sources: DatasetSources, conditions: Sequence[str], output: Output) -> None:
        self.dataset = dataset
        self.sources = sources
        self.conditions = conditions
        self.output = output
        self.study = sources.uses[0].study  # all agree on the dataset
        self.labels = list(sources.scan["classes"])
        self.album = Album(self.study.images, sources.manifest, self.study.dataset.max_pixels, conditions)

    def called(self, label: str) -> list[str]:
        """What papers call a class, where that is another name."""
        names: dict[str, list[str]] = {}
        for use in self.sources.uses:
            name = use.study.study.class_names.get(label, label)
            if name != label:
                names.setdefault(name, []).append(short_citation(use.study.study.citation))
        return [f"{name} in {listed(papers)}" for name, papers in names.items()]

    def sheets(self) -> list[Sheet]:
        """Some images of every class, and their copies where splits have any."""
        sheets = [
            class_sheet(n, label or NO_LABEL, pick(self.sources.manifest, label), self.album, self.output, self.dataset)
            for n, label in enumerate(self.labels, start=1)
        ]
        schemes = [scheme for use in self.sources.uses for scheme in use.study.study.splits.values()]
        views = list(dict.fromkeys(view for scheme in schemes for view in scheme.views))
        if len(views) > 1:
            images = [pick(self.sources.manifest, label, 1)["image_id"].iloc[0] for label in self.labels]
            names = [label or NO_LABEL for label in self.labels]
            sheets.append(view_sheet(views, names, images, self.album, self.output, self.dataset))
        return sheets

    def subjects(self) -> SubjectsPart:
        """Cells by class and subject."""
        found = subjects_of(self.sources.manifest, self.labels)
        csv = self.output.table(found.table, "data", self.dataset, "subjects.csv")
        picture = None
        if found.rows:
            names = [label or NO_LABEL for label in self.labels]
            images = [row.images for row in found.rows]
            totals = np.array(images)
            of_class = [
                f"{count(int(column.sum()), 'image')} of {count(int((column > 0).sum()), 'subject')}"
                for column in totals.T
            ]
            called = [f"{name}: {told}" for name, told in zip(names, of_class, strict=True)]
            legend = [f"{shortened(name, 40)}: {told}" for name, told in zip(names, of_class, strict=True)]
            draw = partial(draw_subjects, images, legend, self.conditions)
            picture = Picture(
                self.output.figure(draw, "figures", self.dataset, "subjects.svg"),
                f"Images of every subject by class. {'; '.join(called)}. {found.told}",
                "Readable images of every subject, in the colours of their classes; those of a class together, those "
                "with most images first.",
                csv,
            )
        return SubjectsPart(found, min(len(found.rows), SUBJECTS_SHOWN), picture, csv)

    def flow(self) -> FlowPart:
        """Flow of images and subjects through exclusions and splits."""
        external = self.study.external_split
        files = files_of(self.sources.manifest, external, self.sources.scan.get("excluded", ()))
        studies, tables = [], []
        for use in self.sources.uses:
            flows, table = flows_of(use.study, self.sources.manifest, use.splits)
            tables.append(table)
            studies.append(self._study_flow(use, files, flows))
        folds = pd.concat(tables, ignore_index=True)
        return FlowPart(files, studies, self.output.table(folds, "data", self.dataset, "flow.csv"))

    def _study_flow(self, use: Use, files: Files, flows: list[SplitFlow]) -> StudyFlow:
        number, _, name = use.study.study.headline.partition("/")
        table = use.study.study.tables[number]
        (split,) = {table.split_of(item) for item in table.items if item.item == name}
        own = [flow for flow in flows if flow.split == split]
        paper = short_citation(use.study.study.citation)
        draw = partial(draw_flow, files, own, self.conditions)
        picture = Picture(
            self.output.figure(draw, "figures", self.dataset, f"flow-{use.study.study.key}.svg"),
            f"Flow of images and subjects in the split {split} of {paper}. {'. '.join(flow.told for flow in own)}.",
            f"{paper}, the split {split} that {table_name(number)}, {name} is measured on: from the files that were "
            "found to the parts of each rung's split.",
        )
        return StudyFlow(paper, picture, flows)

    def colours(self) -> ColoursPart:
        """Colours and sizes, and whether they alone tell the classes apart."""
        manifest = self.sources.manifest
        sides = manifest.assign(**{colours.SIZE: manifest[["width", "height"]].max(axis=1)})
        rows = colours.measured(colours.sample_of(sides, self.labels), self.album)
        told_first = [self.study.dataset.positive_class, *self.labels]
        classes = [label for label in dict.fromkeys(told_first) if label in self.labels]
        measures = [*colours.COLOURS, colours.SIZE]
        found = colours.shortcuts(rows, classes, measures)
        sizes = [
            f"{w} \N{MULTIPLICATION SIGN} {h} pixels ({count(n, 'image')})" for w, h, n in self.sources.scan["sizes"]
        ]
        more = len(sizes) - SIZES_SHOWN
        if more > 0:
            sizes = [*sizes[:SIZES_SHOWN], f"{count(more, 'other size')}"]
        sentences = [*colours.told(found, measures), f"Sizes: {listed(sizes)}.", colours.units_told(rows)]
        if (rows["subject_id"] == "").all():
            sentences.append(
                "No subject is known: the intervals take photographs for independent, and are too narrow where one "
                "patient has several."
            )
        columns = ["image_id", "label", "official_split", *colours.COLOURS, colours.SIZE]
        csv = self.output.table(rows[columns], "data", self.dataset, "colours.csv")
        names = [label or NO_LABEL for label in self.labels]
        pictures = [self._colours(rows, "label", self.labels, names, "class", csv)]
        parts = [part for part in self.sources.scan["splits"] if (rows["official_split"] == part).any()]
        if len(parts) > 1:
            pictures.append(self._colours(rows, "official_split", parts, parts, "part", csv))
        return ColoursPart(len(rows), [one for one in sentences if one], pictures, csv)

    def _colours(
        self, rows: pd.DataFrame, column: str, values: list[str], names: list[str], what: str, csv: str
    ) -> Picture:
        shown = rows[rows[column].isin(values)]
        row_of = np.array([values.index(value) for value in shown[column]], dtype=np.intp)
        panels = {
            f"{colours.MEASURES[name][0]} ({star})": shown[name].to_numpy() for name, star in colours.COLOURS.items()
        }
        if shown[colours.SIZE].nunique() > 1:
            panels["longer side (pixels)"] = shown[colours.SIZE].to_numpy(dtype=np.float64)
        dots = shown[["red", "green", "blue"]].to_numpy() / 255
        draw = partial(draw_colours, names, row_of, panels, dots, self.conditions)
        medians = [
            f"{name}: " + ", ".join(f"{title} {np.median(of[row_of == row]):.0f}" for title, of in panels.items())
            for row, name in enumerate(names)
        ]
        kind = "class" if what == "class" else "official part"
        return Picture(
            self.output.figure(draw, "figures", self.dataset, f"colours-by-{what}.svg"),
            f"Mean colours and sizes of images by {kind}. Medians: {'; '.join(medians)}.",
            f"Mean colour of {count(len(shown), 'image')} by {kind}, in CIELAB, the background included; each dot is "
            "an image in its own mean colour, lines are medians and quartiles.",
            csv,
        )
