"""Contact sheets of a dataset's images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image, ImageOps

from leukorepro.core.store import atomic_path
from leukorepro.data.images import read_rgb

SIDE = 132
GAP = 6
COUNT = 8


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


def contact_sheet(files: Sequence[Path], max_pixels: int, output: Path) -> None:
    """Write a strip of thumbnails as JPEG: whole images, aspect kept, on white, side by side.

    Parameters
    ----------
    files : sequence of Path
        Readable images.
    max_pixels : int
        Largest image that is decoded.
    output : Path
    """
    sheet = Image.new("RGB", (len(files) * (SIDE + GAP) - GAP, SIDE), "white")
    for number, file in enumerate(files):
        image = ImageOps.contain(Image.fromarray(read_rgb(file, max_pixels)), (SIDE, SIDE), Image.Resampling.LANCZOS)
        left = number * (SIDE + GAP) + (SIDE - image.width) // 2
        sheet.paste(image, (left, (SIDE - image.height) // 2))
    with atomic_path(output) as temporary:
        sheet.save(temporary, format="JPEG", quality=85)
