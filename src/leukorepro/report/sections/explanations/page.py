"""What a paper's page shows of explanations: the same images on two rungs, and how much lies beside the cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.core.store import hdf5_reader, read_json
from leukorepro.core.tables.results import BACKGROUND_TABLE, SHARES_TABLE
from leukorepro.inference.card import NO_DEVICE_IN_SHORT
from leukorepro.inference.explaining.overlays import overlay, write_picture
from leukorepro.ladder.rungs import LADDER
from leukorepro.report.figures.picture import Picture
from leukorepro.report.numbers import wording
from leukorepro.report.output import Output
from leukorepro.run.paths import ExplanationsFolder
from leukorepro.run.resolved import ResolvedStudy


@dataclass(frozen=True)
class Share:
    """Share of explanations that lies beside the cells, on one rung."""

    rung: str
    name: str
    value: float
    text: str
    interval: str
    area: str
    reading: str
    """Whether the explanations lie on cells more than an even map would, or less."""


@dataclass(frozen=True)
class ExplanationsPage:
    """Everything that the template lays out."""

    reason: str
    """Why nothing could be explained; empty where it could."""
    what: str = ""
    """Table and item."""
    evidence: str = ""
    """Whose evidence the maps show."""
    method: str = ""
    places: str = ""
    shares: tuple[Share, ...] = ()
    difference: str = ""
    """The second rung's share less the first one's, with its interval, and what that means."""
    n_images: int = 0
    n_groups: int = 0
    pictures: tuple[Picture, ...] = ()
    background_csv: str = ""
    shares_csv: str = ""


def explanations_page(
    folder: ExplanationsFolder, study: ResolvedStudy, conditions: Sequence[str], output: Output
) -> ExplanationsPage:
    """Have the pictures of a study's explanations drawn and put its part of the page together.

    Parameters
    ----------
    folder : ExplanationsFolder
    study : ResolvedStudy
    conditions : sequence of str
        Written into every picture.
    output : Output
        The report's folder.
    """
    told = read_json(folder.told)
    if told["reason"]:
        return ExplanationsPage(told["reason"])
    key = study.study.key
    shares, background = SHARES_TABLE.read(folder.shares), BACKGROUND_TABLE.read(folder.background)
    single = background[background["against_protocol"] == ""]
    return ExplanationsPage(
        reason="",
        what=f"{wording.table_name(told['table'])}, {told['item']}",
        evidence=_evidence(told, study),
        method=_method(told),
        places=wording.listed(told["places"]),
        shares=tuple(_share(row) for row in single.to_dict("records")),
        difference=_difference(background[background["against_protocol"] != ""]),
        n_images=int(single["n_images"].max()) if len(single) else 0,
        n_groups=int(single["n_groups"].max()) if len(single) else 0,
        pictures=tuple(_pictures(folder.maps, told, shares, study, conditions, output)),
        background_csv=output.copy(folder.background, "data", key, "background.csv"),
        shares_csv=output.copy(folder.shares, "data", key, "background-images.csv"),
    )


def _evidence(told: dict[str, Any], study: ResolvedStudy) -> str:
    explained: str | None = told["explained_class"]
    if explained is None:
        return "the class that the system names"
    return f"class {study.study.class_names.get(explained, explained)}"


def _method(told: dict[str, Any]) -> str:
    """How the maps were made, and how much of the decisions they do not account for."""
    missed = told["missed"]
    exact = "" if missed < 0.0005 else f"; they leave {100 * missed:.1f} % of the decisions unexplained"
    return f"{told['method']}{exact}"


def _share(row: dict[Any, Any]) -> Share:
    low, high = _per_cent(row["ci_low"]), _per_cent(row["ci_high"])
    return Share(
        rung=row["protocol"],
        name=LADDER[row["protocol"]].name,
        value=row["value"],
        text=_per_cent(row["value"]),
        interval="" if np.isnan(row["ci_low"]) else f"{low}\N{EN DASH}{high}",
        area=_per_cent(row["area"]),
        reading=_against_even(row["ci_low"], row["ci_high"], row["area"]),
    )


def _against_even(low: float, high: float, area: float) -> str:
    if np.isnan(low):
        return wording.MISSING
    if low <= area <= high:
        return "cannot be told from it"
    return "more on cells" if high < area else "more beside cells"


def _difference(rows: pd.DataFrame) -> str:
    if rows.empty:
        return ""
    (row,) = rows.to_dict("records")
    value, low, high = (100 * row[name] for name in ("value", "ci_low", "ci_high"))
    name, other = LADDER[row["protocol"]].name.lower(), LADDER[row["against_protocol"]].name.lower()
    told = f"{name} less {other}: {_signed(value)} percentage points"
    if np.isnan(low):
        return f"{told}, without an interval"
    more = other if value < 0 else name
    reading = "the two cannot be told apart" if low <= 0 <= high else f"{more} looks more beside the cells"
    return f"{told} ({_signed(low)} to {_signed(high)}); {reading}"


def _signed(value: float) -> str:
    text = f"{abs(value):.1f}"
    return text if float(text) == 0 else ("+" if value > 0 else "\N{MINUS SIGN}") + text


def _per_cent(value: float) -> str:
    return wording.MISSING if np.isnan(value) else f"{100 * value:.1f}"


def _pictures(
    maps: Path,
    told: dict[str, Any],
    shares: pd.DataFrame,
    study: ResolvedStudy,
    conditions: Sequence[str],
    output: Output,
) -> list[Picture]:
    """A picture of each image that was kept: itself, and its maps on the two rungs."""
    with hdf5_reader(maps) as file:
        images = file["images"][:]
        of_rung = {rung: file[rung][:] for rung in told["rungs"]}
    rows = {rung: shares[shares["protocol"] == rung].reset_index(drop=True) for rung in told["rungs"]}
    names = study.study.class_names
    pictures = []
    for number, image in enumerate(images):
        panels, words = [], []
        for rung, name in ((rung, LADDER[rung].name) for rung in told["rungs"]):
            row = rows[rung].iloc[number]
            called, share = names.get(row["y_pred"], row["y_pred"]), _per_cent(row["background"])
            panels.append((f"{name}\n{called}; {share} % beside cells", of_rung[rung][number]))
            words.append(f"{name.lower()}: taken for {called}, {share} % of the map beside the cells")
        about = rows[told["rungs"][0]].iloc[number]
        true = names.get(about["y_true"], about["y_true"])
        lines = [f"Red speaks for {_evidence(told, study)}, blue against. {wording.sentence(_method(told))}"]
        lines += [wording.sentence(conditions)] if conditions else []
        lines += [NO_DEVICE_IN_SHORT]
        file_name = f"explained-{number + 1}.jpg"
        address = output.picture(
            partial(draw, image, f"Image\n{true}", panels, lines), "figures", study.study.key, file_name
        )
        described = f"Image {about['image_id']}, class {true}, with its maps; {'; '.join(words)}."
        pictures.append(
            Picture(address, described, wording.sentence(f"{about['image_id']}, {true}; {'; '.join(words)}"))
        )
    return pictures


def draw(
    image: NDArray[np.uint8],
    title: str,
    panels: Sequence[tuple[str, NDArray[np.float32]]],
    lines: Sequence[str],
    path: Path,
) -> None:
    """Write an image beside its maps.

    Parameters
    ----------
    image : ndarray of uint8, shape (size, size, 3)
        RGB.
    title : str
        Above the image.
    panels : sequence of (str, ndarray of float32, shape (size, size))
        Title and attribution of each map, which is laid over the image.
    lines : sequence of str
        Paragraphs below.
    path : Path
        The JPEG file.
    """
    shown = [(name, overlay(image, attribution)) for name, attribution in panels]
    write_picture([(title, image), *shown], lines, path)
