"""What a dataset's images look like: some of every class, and the copies that splits are made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pandas as pd

from leukorepro.data.views import view_in_words
from leukorepro.report.images.album import Album, size_of, write_sheet
from leukorepro.report.numbers.wording import count, listed
from leukorepro.report.output import Output

COUNT = 8
"""Images of a class."""


@dataclass(frozen=True)
class Sheet:
    """A contact sheet."""

    address: str
    alt: str
    caption: str
    size: tuple[int, int]
    """Width and height, in pixels."""


def pick(manifest: pd.DataFrame, label: str, count: int = COUNT) -> pd.DataFrame:
    """Readable images of one class, spread over its subjects, or over its source photographs where none are known.

    Of the first subject its first image is taken, of the second its second one, and so on, so that the kinds of images
    that every subject has are all seen.

    Parameters
    ----------
    manifest : DataFrame
        Manifest contract.
    label : str
        The class.
    count : int
        How many, or fewer where the class has fewer.
    """
    rows = manifest[(manifest["status"] == "ok") & (manifest["label"] == label)]
    owner = rows["subject_id"].where(rows["subject_id"] != "", rows["source_id"])
    of_owner = rows.groupby(owner, sort=False)
    rounds = (of_owner.cumcount() - of_owner.ngroup()) % of_owner["path"].transform("size")
    rows = rows.iloc[np.argsort(rounds.to_numpy(), kind="stable")]
    first = rows[: max(count, int((rounds == 0).sum()))]
    return first.iloc[np.unique(np.linspace(0, len(first) - 1, min(count, len(first))).round().astype(int))]


def class_sheet(number: int, name: str, images: pd.DataFrame, album: Album, output: Output, folder: str) -> Sheet:
    """Have a contact sheet of one class drawn.

    Parameters
    ----------
    number : int
        Of the class, from 1.
    name : str
        What the page calls it.
    images : DataFrame
        Rows of the manifest.
    album : Album
    output : Output
    folder : str
        The dataset's, below `figures`.
    """
    write = partial(write_sheet, [[album.small(image) for image in images["image_id"]]], album.conditions)
    address = output.picture(write, "figures", folder, f"cells-{number}-{name}.jpg")
    described = f"{len(images)} images of the class {name}."
    size = size_of(1, len(images), album.conditions)
    return Sheet(address, described, f"Class {name}: {len(images)} of its images.", size)


def view_sheet(
    views: Sequence[str], names: Sequence[str], images: Sequence[str], album: Album, output: Output, folder: str
) -> Sheet:
    """Have a sheet of the views of some images drawn, an image in each row and a view in each column.

    Parameters
    ----------
    views : sequence of str
        As `leukorepro.data.views.apply_view` takes them.
    names : sequence of str
        What the page calls the class of each image.
    images : sequence of str
        Their ids.
    album : Album
    output : Output
    folder : str
        The dataset's, below `figures`.
    """
    write = partial(write_sheet, [album.views(image, views) for image in images], album.conditions)
    address = output.picture(write, "figures", folder, "views.jpg")
    columns = listed([view_in_words(view) for view in views])
    told = f"The copies that splits are made of, from left to right: {columns}. A row for each class: {listed(names)}."
    size = size_of(len(images), len(views), album.conditions)
    return Sheet(address, f"{len(views)} views of {count(len(images), 'image')}.", told, size)
