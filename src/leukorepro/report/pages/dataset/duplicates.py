"""Images that are there more than once: their pictures side by side, the worst groups first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import pandas as pd

from leukorepro.data.copies.ties import Ties
from leukorepro.report.images.album import Album, write_sheet
from leukorepro.report.numbers.wording import count, listed
from leukorepro.report.output import Output

SHOWN_GROUPS = 12
"""Groups with their pictures on the page; all are in the file."""

SHOWN_IMAGES = 4
"""Pictures of a group."""

KIND_WORDS = {"bytes": "equal bytes", "pixels": "equal pixels", "near": "near-duplicates"}


@dataclass(frozen=True)
class Copy:
    """An image of a group."""

    image_id: str
    label: str
    subject: str
    part: str
    """Its official part of the dataset; empty where there is none."""
    address: str = ""
    """Of its picture."""

    @property
    def file(self) -> str:
        """The image's name without its folders."""
        return PurePosixPath(self.image_id).name


@dataclass(frozen=True)
class DuplicateGroup:
    """Images that are equal, or show the same cell."""

    number: int
    """From 1, the worst first."""
    kind: str
    correlation: float | None
    """The least of the pairs that tie near-duplicates together."""
    copies: list[Copy]

    @property
    def of_several_classes(self) -> bool:
        """Whether its images are filed under several classes, so that one label at least is wrong."""
        return _several([copy.label for copy in self.copies])

    @property
    def of_several_subjects(self) -> bool:
        """Whether its images are filed under several known subjects."""
        return _several([copy.subject for copy in self.copies])

    @property
    def of_several_parts(self) -> bool:
        """Whether its images are in several official parts."""
        return _several([copy.part for copy in self.copies])

    @property
    def told(self) -> str:
        """What it is, in words: `2 near-duplicates, correlation 0.991, across subjects`."""
        what = f"{len(self.copies)} {KIND_WORDS[self.kind]}"
        if self.kind != "near":
            what = f"{count(len(self.copies), 'image')} of {KIND_WORDS[self.kind]}"
        parts = [what]
        if self.correlation is not None:
            parts.append(f"correlation {self.correlation:.3f}")
        across = {"classes": self.of_several_classes, "subjects": self.of_several_subjects}
        across |= {"official parts": self.of_several_parts}
        if crossed := [name for name, crosses in across.items() if crosses]:
            parts.append(f"across {listed(crossed)}")
        return ", ".join(parts)


@dataclass(frozen=True)
class Duplicates:
    """What the page shows of images that are there more than once."""

    text: str
    shown: list[DuplicateGroup]
    """With pictures."""
    n_others: int
    """Groups that are in the file only."""
    csv: str


def duplicates_shown(
    found: dict[str, Any], album: Album, output: Output, folder: str, ties: Ties | None = None
) -> Duplicates:
    """Write pictures of the first groups and a table of all.

    Parameters
    ----------
    found : dict
        Of `leukorepro.data.duplicates.find_duplicates`.
    album : Album
    output : Output
    folder : str
        The dataset's, below `figures` and `data`.
    ties : Ties, optional
        What near-duplicates tie together, where the run lets them.
    """
    groups = sorted_groups(found)
    shown = [
        DuplicateGroup(
            group.number,
            group.kind,
            group.correlation,
            [_pictured(copy, f"{group.number}-{place}", album, output, folder) if place <= SHOWN_IMAGES else copy
             for place, copy in enumerate(group.copies, start=1)],
        )
        for group in groups[:SHOWN_GROUPS]
    ]  # fmt: skip
    csv = output.table(duplicates_table(groups), "data", folder, "duplicates.csv")
    return Duplicates(_told(found, groups, ties), shown, len(groups) - len(shown), csv)


def sorted_groups(found: dict[str, Any]) -> list[DuplicateGroup]:
    """Groups, those of several classes first, then those of several subjects, then those of several parts."""
    groups = [
        DuplicateGroup(
            0,
            one["kind"],
            one["correlation"],
            [Copy(*of) for of in zip(one["images"], one["labels"], one["subjects"], one["splits"], strict=True)],
        )
        for one in found["groups"]
    ]
    groups.sort(key=lambda g: (not g.of_several_classes, not g.of_several_subjects, not g.of_several_parts))
    return [DuplicateGroup(n, g.kind, g.correlation, g.copies) for n, g in enumerate(groups, start=1)]


def duplicates_table(groups: Sequence[DuplicateGroup]) -> pd.DataFrame:
    """A row for each image of each group."""
    rows = [
        (
            *(group.number, group.kind, group.correlation),
            *(group.of_several_classes, group.of_several_subjects, group.of_several_parts),
            *(copy.image_id, copy.label, copy.subject, copy.part),
        )
        for group in groups
        for copy in group.copies
    ]
    crosses = ["several_classes", "several_subjects", "several_parts"]
    of_image = ["image_id", "label", "subject_id", "official_split"]
    return pd.DataFrame(rows, columns=["group", "kind", "correlation", *crosses, *of_image])


def _several(values: Sequence[str]) -> bool:
    return len(set(values) - {""}) > 1


def _pictured(copy: Copy, name: str, album: Album, output: Output, folder: str) -> Copy:
    write = partial(write_sheet, [[album.small(copy.image_id)]], album.conditions)
    return replace(copy, address=output.picture(write, "figures", folder, f"duplicate-{name}.jpg"))


def _told(found: dict[str, Any], groups: Sequence[DuplicateGroup], ties: Ties | None) -> str:
    """What was looked for and found, in sentences."""
    return " ".join(_sentences(found, groups, ties))


def _sentences(found: dict[str, Any], groups: Sequence[DuplicateGroup], ties: Ties | None) -> Iterator[str]:
    if groups:
        kinds = [f"{n:,} of {KIND_WORDS[kind]}" for kind, n in found["n_by_kind"].items() if n]
        across = [
            f"{sum(crosses):,} across {name}"
            for name, crosses in (
                ("classes", [g.of_several_classes for g in groups]),
                ("subjects", [g.of_several_subjects for g in groups]),
                ("official parts", [g.of_several_parts for g in groups]),
            )
            if any(crosses)
        ]
        spread = f"; {listed(across)}" if across else "; none across classes, subjects or official parts"
        yield f"{count(len(groups), 'group')}: {listed(kinds)}{spread}."
        if any(group.of_several_classes for group in groups):
            yield "Where images of a group are under several classes, at least one label is wrong."
        if ties is None:
            yield (
                "From the source-disjoint rung on, equal images stay on one side of every split; near-duplicates do "
                "only where they share a subject or a photograph."
            )
        else:
            yield (
                "From the source-disjoint rung on, equal images and near-duplicates stay on one side of every split. "
                f"{ties.sentence}"
            )
    elif "near" in found["examined"]:
        yield (
            "None: no two images have equal bytes or pixels, or show the same cell, whether mirrored, turned by "
            "quarters, scaled or compressed again."
        )
    else:
        yield "None: no two files have equal bytes."
    for kind, reason in found["not_examined"].items():
        yield f"Not looked for: {KIND_WORDS[kind]}, because {reason}."
