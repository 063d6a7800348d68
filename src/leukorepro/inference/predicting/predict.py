"""Predictions for any number of images: streamed in blocks, continued after an interruption, written as one table."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from leukorepro.core.code import module_digest
from leukorepro.core.errors import UserError
from leukorepro.core.file_errors import naming
from leukorepro.core.places import check_output
from leukorepro.core.read_ahead import read_ahead
from leukorepro.core.store import atomic_path, sha256_file
from leukorepro.core.unfinished import unfinished
from leukorepro.data.images import UnreadableImage, read_rgb
from leukorepro.inference.bundle.description import DESCRIPTION
from leukorepro.inference.predicting.inputs import Asked
from leukorepro.inference.predicting.ready import ReadyModel
from leukorepro.inference.predicting.table import Failures, header, lines


def model_id(folder: Path, name: str) -> str:
    """What tables call a model.

    Parameters
    ----------
    folder : Path
        Of the model, as it was read.
    name : str
        The model's name.

    Returns
    -------
    str
        The name, and the first 12 digits of the SHA-256 of its `model.json`, which has those of its other files.
    """
    return f"{name} {sha256_file(folder / DESCRIPTION)[:12]}"


def predict(ready: ReadyModel, images: Sequence[Asked], output: Path, *, max_pixels: int) -> None:
    """Write what a model says of images.

    Parameters
    ----------
    ready : ReadyModel
        Of a model in a folder.
    images : sequence of Asked
        Paths of images, in the order of the table.
    output : Path
        CSV table with the columns of `leukorepro.inference.predicting.table`; it appears when it is complete. What is
        finished until then is kept beside it, and the same call goes on from there.
    max_pixels : int
        Largest image that is decoded.

    Raises
    ------
    UserError
        If the output is one of the images, or the system refuses to write.
    """
    model, batch = ready.model, ready.batch
    assert model.folder is not None
    name = model_id(model.folder, model.name)

    def work(block: Sequence[Asked]) -> str:
        read, sha256, failures = [], [], Failures()
        for place, asked in enumerate(block):
            try:
                image = read_rgb(Path(asked.path), max_pixels)
                sha256.append(sha256_file(Path(asked.path)))
            except UnreadableImage as error:
                failures[place] = error.status, error.reason
            except OSError as error:  # it was there a moment ago
                failures[place] = "unreadable", str(error.strerror)
            else:
                read.append(ready.inputs(image))
        decided = ready.decide(read) if read else None
        return lines(block, decided, model.fitted_on(sha256), failures, model, name)

    check_output(output)
    if any(os.path.abspath(output) == os.path.abspath(asked.path) for asked in images):  # noqa: PTH100
        raise UserError(f"{output}: is one of the images; name another file to write.")
    about = {
        "model": sha256_file(model.folder / DESCRIPTION),
        "computed_by": ready.computed_by,
        "code": module_digest(__name__),
        "images": _digest(images),
        "max_pixels": max_pixels,
        "batch": batch,
    }
    with naming(output), unfinished(output, about) as finished:
        with finished.path.open("rb") as rows:
            done = sum(1 for _ in rows)
        if done:
            print(f"{output}: continuing after {done:,} of {len(images):,} images")
        blocks = (images[start : start + batch] for start in range(done, len(images), batch))
        with tqdm(total=len(images), initial=done, unit="image", smoothing=0.05, mininterval=1) as bar:
            for block, text in read_ahead(work, blocks, ready.workers):
                finished.append(text.encode())
                bar.update(len(block))
        with atomic_path(output) as temporary, temporary.open("wb") as table, finished.path.open("rb") as rows:
            table.write(header(model.system.classes).encode())
            shutil.copyfileobj(rows, table)


def _digest(images: Sequence[Asked]) -> str:
    """SHA-256 of the images' paths and of their sizes and times, by which other content is noticed."""
    digest = hashlib.sha256()
    for image in images:
        try:
            status = os.stat(image.path)  # noqa: PTH116 - ten thousands of files
            seen = (status.st_size, status.st_mtime_ns)
        except OSError:
            seen = (-1, 0)
        digest.update(json.dumps([image.path, image.note, *seen]).encode())
    return digest.hexdigest()
