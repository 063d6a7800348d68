"""Synthetic explanations of a study's headline, as the workflow writes them for the report."""

from __future__ import annotations

import h5py
import numpy as np
import pandas as pd

from leukorepro.core.store import write_json
from leukorepro.core.tables.results import BACKGROUND_TABLE, SHARES_TABLE
from leukorepro.inference.explaining.overlays import PANEL
from leukorepro.run.paths import ExplanationsFolder
from leukorepro.run.resolved import ResolvedStudy

RUNGS = ("as_published", "subject_disjoint")


def write_explanations(
    folder: ExplanationsFolder, study: ResolvedStudy, images: pd.DataFrame, *, reason: str = "", area: float = 0.875
) -> None:
    """Explanations of images (columns image_id, subject_id, source_id, label), which are all grey.

    With a reason, nothing could be explained. Of the pixels, the share `area` lies beside the cells.
    """
    table, _, item = study.study.headline.partition("/")
    outcome = {"study": study.study.key, "table": table, "item": item}
    told = {"method": "class-activation map, exact", "places": ["4 x 4"], "explained_class": None, "missed": 0.0}
    about = {"reason": reason, "table": table, "item": item, "rungs": RUNGS, "caveats": []}
    write_json(about | told, folder.told)
    shares = [
        {
            **dict.fromkeys(SHARES_TABLE.columns, 0),
            **outcome,
            **image._asdict(),
            **{"protocol": rung, "y_true": image.label, "y_pred": "L2", "background": value},
        }
        for rung, value in zip(RUNGS, (0.625, 0.25), strict=True)
        for image in images[["image_id", "subject_id", "source_id", "label"]].itertuples(index=False)
    ]
    SHARES_TABLE.write(
        SHARES_TABLE.frame({name: row[name] for name in SHARES_TABLE.columns} for row in shares), folder.shares
    )
    numbers = [("", 0.625, 0.5, 0.75), ("", 0.25, 0.125, 0.375), (RUNGS[0], -0.375, -0.5, -0.25)]
    background = [
        (*outcome.values(), RUNGS[min(i, 1)], against, value, low, high, area, 38, 12)
        for i, (against, value, low, high) in enumerate(numbers)
    ]
    BACKGROUND_TABLE.write(BACKGROUND_TABLE.frame(background), folder.background)
    with h5py.File(folder.maps, "w") as file:
        file["images"] = np.full((len(images), PANEL, PANEL, 3), 200, np.uint8)
        for rung in RUNGS:
            file[rung] = np.tile(np.linspace(-1, 1, 16, dtype=np.float32), (len(images), 16, 1))
