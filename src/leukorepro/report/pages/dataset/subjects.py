"""Cells by class and subject: how many images of each class every subject has."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from leukorepro.report.numbers.wording import count, listed, sentence

SHOWN = 400
"""Subjects in the page's table; all are in the file."""


@dataclass(frozen=True)
class SubjectRow:
    """A subject's readable images."""

    number: int
    """From 1, in the order of the figure."""
    subject: str
    images: list[int]
    """Of every class."""
    n_images: int
    n_photographs: int
    parts: str
    """The official parts of the dataset that it is in; empty where there are none."""


@dataclass(frozen=True)
class Subjects:
    """Subjects of a dataset, those of a class together and those with most images first."""

    classes: list[str]
    rows: list[SubjectRow]
    without: list[int]
    """Images of every class whose subject is not known."""
    photographs_known: bool
    """Whether any photograph has several images, so that photographs were told apart from images."""

    @property
    def table(self) -> pd.DataFrame:
        """Columns number, subject, images, photographs, parts, and `images of <class>` of every class."""
        rows = [(row.number, row.subject, row.n_images, row.n_photographs, row.parts, *row.images) for row in self.rows]
        of_classes = [f"images of {name}" for name in self.classes]
        return pd.DataFrame(rows, columns=["number", "subject", "images", "photographs", "parts", *of_classes])

    @property
    def told(self) -> str:
        """How many images subjects have, and whether any has several classes, in words."""
        if not self.rows:
            return "Subjects are not known: nothing here says which images are of one patient."
        per_subject = [row.n_images for row in self.rows]
        low, high = min(per_subject), max(per_subject)
        has = f"with {count(low, 'image')} each" if low == high else f"with {low:,} to {count(high, 'image')}"
        several = sum(sum(n > 0 for n in row.images) > 1 for row in self.rows)
        parts = [f"{count(len(self.rows), 'subject')}, {has}"]
        parts.append(f"{several:,} of them with images of several classes" if several else "each of one class")
        if unknown := sum(self.without):
            parts.append(f"{count(unknown, 'image')} without a known subject")
        return sentence(parts)


def subjects_of(manifest: pd.DataFrame, classes: list[str]) -> Subjects:
    """Count a dataset's readable images by subject and class.

    Parameters
    ----------
    manifest : DataFrame
        Manifest contract.
    classes : list of str
        Labels, in the order of the page.
    """
    readable = manifest[manifest["status"] == "ok"]
    known = readable[readable["subject_id"] != ""]
    images = pd.crosstab(known["subject_id"], known["label"]).reindex(columns=classes, fill_value=0)
    main = images.to_numpy().argmax(axis=1)
    order = pd.DataFrame({"main": main, "fewer": -images.sum(axis=1), "subject": images.index}, index=images.index)
    of_subject = known.groupby("subject_id")
    photographs = of_subject["source_id"].nunique()
    parts = of_subject["official_split"].agg(lambda values: listed(sorted(set(values) - {""})))
    rows = [
        SubjectRow(
            number,
            str(subject),
            [int(n) for n in images.loc[subject]],
            int(images.loc[subject].sum()),
            int(photographs[subject]),
            str(parts[subject]),
        )
        for number, subject in enumerate(order.sort_values(["main", "fewer", "subject"]).index, start=1)
    ]
    without = readable.loc[readable["subject_id"] == "", "label"].value_counts()
    return Subjects(
        classes,
        rows,
        [int(without.get(name, 0)) for name in classes],
        photographs_known=readable["source_id"].nunique() < len(readable),
    )
