"""The way of images and subjects from the files that were found to the parts of every split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.config.study.schemes import Scheme
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.numbers.wording import count, listed, sentence
from leukorepro.run.resolved import ResolvedStudy

ROLE_WORDS = {"train": "training", "validation": "validation", "test": "test", "excluded": "left out"}
"""Roles of rows of a fold, in the order of the page."""

FOLD_COLUMNS = ["study", "split", "protocol", "repeat", "fold", "role", "images", "rows", "subjects"]

_PLACE = ["repeat", "fold", "role"]

HELD_OUT = "of the held-out part"
OTHER_PART = "of official parts that the split does not use"
NO_SUBJECT = "without a subject"
NOT_DRAWN = "in no part of the split"


@dataclass(frozen=True)
class Span:
    """A number that may differ between folds."""

    low: int
    high: int

    @property
    def text(self) -> str:
        """`12`, or with a dash `12` to `15`."""
        return f"{self.low:,}" if self.low == self.high else f"{self.low:,}\N{EN DASH}{self.high:,}"


@dataclass(frozen=True)
class Part:
    """Rows of one role, over the folds of a split that have any."""

    role: str
    images: Span
    rows: Span
    """Images and their views."""
    subjects: Span

    @property
    def told(self) -> list[str]:
        """`224 images`, `672 rows with copies`, `32 subjects`: the latter two where they say more."""
        if self.role == "excluded":
            return [f"{self.rows.text} copies of {_spanned(self.images, 'image')}"]
        told = [_spanned(self.images, "image")]
        if self.rows != self.images:
            told.append(f"{self.rows.text} rows with copies")
        if self.subjects.high:
            told.append(_spanned(self.subjects, "subject"))
        return told


@dataclass(frozen=True)
class Files:
    """What became of the files that were found."""

    images: int
    subjects: int
    unreadable: dict[str, int]
    """Files by their status."""
    readable: int
    readable_subjects: int
    photographs: int
    without_subject: int
    """Readable images."""
    held_out: int
    """Readable images of the dataset's own held-out part."""
    excluded: tuple[str, ...] = ()
    """What the dataset's configuration leaves out, before any file is read: `12 with quality 'poor'`."""

    @property
    def told(self) -> str:
        """What became of them, in a sentence."""
        files = f"{count(self.images, 'image file')}" + (
            f" of {count(self.subjects, 'subject')}" if self.subjects else ""
        )
        lost = [f"{n:,} {status.replace('_', ' ')}" for status, n in self.unreadable.items()]
        parts = [f"the dataset's configuration leaves out {listed(self.excluded)}"] if self.excluded else []
        parts += [f"{files}; {f'left out as unreadable: {listed(lost)}' if lost else 'all are readable'}"]
        if lost:
            parts.append(f"{images_of(self.readable, self.readable_subjects)} remain")
        if self.without_subject and self.readable_subjects:
            parts.append(f"{count(self.without_subject, 'image')} without a known subject")
        if self.held_out:
            parts.append(f"{count(self.held_out, 'image')} of the dataset's own held-out part")
        return sentence(parts)


@dataclass(frozen=True)
class SplitFlow:
    """What became of the readable images in one split of a study on one rung."""

    study: str
    split: str
    rung: Rung
    images: int
    """That have a row in it."""
    subjects: int
    left_out: dict[str, int]
    """Readable images that have none, by the reason."""
    n_folds: int
    n_repeats: int
    parts: list[Part]

    @property
    def folds(self) -> str:
        """`5 folds`, `5 folds, 2 times`, or of one division into parts `once` or `10 times`."""
        times = "once" if self.n_repeats == 1 else f"{self.n_repeats:,} times"
        if self.n_folds == 1:
            return times
        return f"{self.n_folds:,} folds" + (f", {times}" if self.n_repeats > 1 else "")

    @property
    def taking_part(self) -> str:
        """`224 images of 32 subjects`."""
        return images_of(self.images, self.subjects)

    @property
    def told_parts(self) -> list[tuple[str, str]]:
        """Every part of a fold: its name, and what is in it."""
        return [(ROLE_WORDS[part.role], ", ".join(part.told)) for part in self.parts]

    @property
    def told(self) -> str:
        """All of it, as a sentence without its full stop."""
        parts = [self.taking_part]
        parts += [f"{count(n, 'image')} {reason} left out" for reason, n in self.left_out.items()]
        each = "in each fold " if self.n_folds > 1 or self.n_repeats > 1 else ""
        parts.append(each + listed([f"{name} {told}" for name, told in self.told_parts]))
        return f"{LADDER[self.rung].name}: {'; '.join(parts)}"


def files_of(manifest: pd.DataFrame, external_split: str | None, excluded: Sequence[Mapping[str, Any]] = ()) -> Files:
    """Count a manifest's files, by what could be made of them.

    Parameters
    ----------
    manifest : DataFrame
        Manifest contract.
    external_split : str or None
        Official split that is the dataset's held-out part, where it has one.
    excluded : sequence of mapping
        `column, value, images` of what the dataset's configuration leaves out, as its scan says.
    """
    status = manifest["status"].value_counts()
    readable = manifest[manifest["status"] == "ok"]
    held_out = (readable["official_split"] == external_split) & (external_split is not None)
    return Files(
        images=len(manifest),
        subjects=_subjects(manifest["subject_id"]),
        unreadable={str(name): int(n) for name, n in status.items() if name != "ok"},
        readable=len(readable),
        readable_subjects=_subjects(readable["subject_id"]),
        photographs=int(readable["source_id"].nunique()),
        without_subject=int((readable["subject_id"] == "").sum()),
        held_out=int(held_out.sum()),
        excluded=tuple(f"{one['images']:,} with {one['column']} '{one['value']}'" for one in excluded),
    )


def flows_of(
    study: ResolvedStudy, manifest: pd.DataFrame, splits: Mapping[tuple[Rung, str], pd.DataFrame]
) -> tuple[list[SplitFlow], pd.DataFrame]:
    """What became of the readable images in every split of a study.

    Parameters
    ----------
    study : ResolvedStudy
    manifest : DataFrame
        Manifest contract, of the study's dataset.
    splits : mapping of (rung, split) to DataFrame
        Split tables.

    Returns
    -------
    list of SplitFlow
        In the order of `splits`.
    DataFrame
        Columns `FOLD_COLUMNS`: images, rows and known subjects of every role in every fold.
    """
    readable = manifest[manifest["status"] == "ok"].reset_index(drop=True)
    place = pd.Index(readable["image_id"])
    subject = np.where(readable["subject_id"] == "", -1, pd.factorize(readable["subject_id"])[0])
    flows, folds = [], []
    for (rung, split), table in splits.items():
        image = place.get_indexer(pd.Index(table["image_id"]))
        counted = _by_fold(table, image, subject).assign(study=study.study.key, split=split, protocol=rung)
        folds.append(counted[FOLD_COLUMNS])
        images = np.unique(image)
        without = readable[~readable.index.isin(images)]
        flows.append(
            SplitFlow(
                study.study.key,
                split,
                rung,
                len(images),
                len(set(subject[images]) - {-1}),
                dict(_reasons(without, study.study.splits[split], study.external_split)),
                int(table["fold"].nunique()),
                int(table["repeat"].nunique()),
                [_part(role, counted[counted["role"] == role]) for role in ROLE_WORDS if (table["role"] == role).any()],
            )
        )
    return flows, pd.concat(folds, ignore_index=True) if folds else pd.DataFrame(columns=FOLD_COLUMNS)


def images_of(images: int, subjects: int) -> str:
    """`120 images of 12 subjects`, or without the subjects where none is known.

    Parameters
    ----------
    images, subjects : int
        How many; 0 subjects: none is known.
    """
    return count(images, "image") + (f" of {count(subjects, 'subject')}" if subjects else "")


def _subjects(of_images: pd.Series[str]) -> int:
    return len(set(of_images) - {""})


def _by_fold(table: pd.DataFrame, image: NDArray[np.intp], subject: NDArray[np.intp]) -> pd.DataFrame:
    """Images, rows and known subjects of every role of every fold.

    Parameters
    ----------
    table : DataFrame
        A split table.
    image : array of int, shape (n_rows,)
        Image of each row.
    subject : array of int, shape (n_images,)
        Subject of each image; -1 where none is known.
    """
    of_row = subject[image]
    rows = table[_PLACE].assign(image=image, subject=np.where(of_row < 0, np.nan, of_row))
    of_role = rows.groupby(_PLACE)
    counted = of_role.agg(images=("image", "nunique"), rows=("image", "size"), subjects=("subject", "nunique"))
    return counted.reset_index()


def _part(role: str, folds: pd.DataFrame) -> Part:
    images, rows, subjects = (Span(int(folds[name].min()), int(folds[name].max())) for name in FOLD_COLUMNS[-3:])
    return Part(role, images, rows, subjects)


def _reasons(without: pd.DataFrame, scheme: Scheme, external_split: str | None) -> Iterator[tuple[str, int]]:
    """Why readable images have no row in a split, and how many; each image counts once."""
    held_out = (without["official_split"] == external_split) & (external_split is not None)
    others = ~held_out & (scheme.official_splits is not None)
    if scheme.official_splits is not None:
        others &= ~without["official_split"].isin(scheme.official_splits)
    unknown = ~held_out & ~others & (without["subject_id"] == "")
    reasons = {HELD_OUT: held_out, OTHER_PART: others, NO_SUBJECT: unknown}
    reasons[NOT_DRAWN] = ~(held_out | others | unknown)
    for reason, images in reasons.items():
        if images.any():
            yield reason, int(images.sum())


def _spanned(span: Span, noun: str) -> str:
    return f"{span.text} {noun}" if span.high == 1 else f"{span.text} {noun}s"
