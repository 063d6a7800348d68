"""Streaming extraction: image files in, one HDF5 file of features out.

Images are decoded, turned into their views and resized by threads while the network computes; only a few batches are
in memory at any time. Finished batches are appended to a work folder beside the output, so that a killed extraction
continues after its last finished batch. The HDF5 file is written from the work folder at the end, in one way, whether
or not there was an interruption, so that its bytes are the same.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from leukorepro.data.images import read_rgb
from leukorepro.data.views import apply_view
from leukorepro.device import choose_device, device_name, full_precision, keep_freed_memory
from leukorepro.errors import UserError
from leukorepro.features.backbones import find_backbone
from leukorepro.features.fusion import SCHEMA_VERSION, write_rows
from leukorepro.features.networks import FeatureNetwork, build_network
from leukorepro.features.preprocessing import resize
from leukorepro.resolved import ResolvedExtractor
from leukorepro.store import code_digest, hdf5_reader, hdf5_writer, write_json
from leukorepro.words import Device

CALIBRATION_IMAGES = 32
CODE = ("data", "device.py", "features")
"""Parts of the package that features depend on."""
LIBRARIES = ("torch", "torchvision", "pillow", "numpy", "h5py")


@dataclass(frozen=True)
class Request:
    """What is extracted.

    Attributes
    ----------
    dataset : str
    manifest : DataFrame
        Manifest contract; unreadable rows are left out.
    manifest_sha256 : str
    images : Path
        Folder that the manifest's paths are relative to.
    extractor : ResolvedExtractor
    views : sequence of str
    seed : int
        Of random weights.
    max_pixels : int
        Largest image that is decoded.
    """

    dataset: str
    manifest: pd.DataFrame
    manifest_sha256: str
    images: Path
    extractor: ResolvedExtractor
    views: Sequence[str]
    seed: int
    max_pixels: int


def extract(request: Request, output: Path, *, device: Device, threads: int, batch_rows: int) -> None:
    """Write the features of every view of every readable image.

    Parameters
    ----------
    request : Request
    output : Path
        HDF5 file of the features contract: rows in the manifest's order, the views of an image together.
    device : {'auto', 'cpu', 'cuda'}
        `auto` takes a GPU where there is one, and says which it took.
    threads : int
        Threads of the network on a CPU, and of decoding.
    batch_rows : int
        Rows per pass through the network; rounded to whole images.

    Raises
    ------
    UserError
        If an image cannot be read any more.
    """
    target = choose_device(device)
    torch.set_num_threads(threads)
    keep_freed_memory()
    print(f"device: {device_name(target)}")
    usable = request.manifest[request.manifest["status"] == "ok"].reset_index(drop=True)
    if usable.empty:
        raise UserError(f"dataset {request.dataset}: no readable image in its manifest; see its scan.")
    with full_precision(), ThreadPoolExecutor(max_workers=max(2, threads)) as pool:
        network = _network(request, usable, pool).to(target)
        header = _header(request, network, target, batch_rows)
        batch_images = max(1, batch_rows // len(request.views))
        with _work_folder(output, header) as partial:
            if _is_complete(output, header):
                print(f"{output}: complete already")
                return
            _append_rows(partial, request, usable, network, target, pool, batch_images)
            _write(output, partial, request, usable, network.dim, header)


def _network(request: Request, usable: pd.DataFrame, pool: ThreadPoolExecutor) -> FeatureNetwork:
    """The network; random weights have their batch-norm statistics set on images spread over the whole manifest."""
    extractor = request.extractor
    calibration = None
    if extractor.weights == "random":
        picked = usable.iloc[np.unique(np.linspace(0, len(usable) - 1, CALIBRATION_IMAGES).round().astype(int))]
        calibration = torch.from_numpy(np.concatenate(list(pool.map(_reader(request, ["identity"]), _files(picked)))))
        print(f"{extractor.id}: RANDOM weights, batch-norm statistics set on {len(picked)} images of the dataset")
    return build_network(
        find_backbone(extractor.backbone),
        extractor.layer,
        extractor.weights,
        seed=request.seed,
        calibration=calibration,
    )


def _files(rows: pd.DataFrame) -> list[tuple[str, str]]:
    return list(zip(rows["image_id"], rows["path"], strict=True))


def _reader(request: Request, views: Sequence[str]) -> Any:
    """Function from (image_id, path) to the image's resized views, uint8, shape (views, size, size, 3)."""
    size = request.extractor.input_size

    def read(file: tuple[str, str]) -> NDArray[np.uint8]:
        image_id, path = file
        image = read_rgb(request.images / path, request.max_pixels)
        return np.stack([resize(apply_view(image, view, image_id), size) for view in views])

    return read


def _batches(
    request: Request, files: Sequence[tuple[str, str]], pool: ThreadPoolExecutor, batch_images: int
) -> Iterator[NDArray[np.uint8]]:
    """Batches of rows, read ahead by two batches and no more."""
    read = _reader(request, request.views)
    waiting: deque[Future[NDArray[np.uint8]]] = deque()
    upcoming = iter(files)
    for _ in range(3 * batch_images):
        if (file := next(upcoming, None)) is not None:
            waiting.append(pool.submit(read, file))
    while waiting:
        images = []
        for _ in range(min(batch_images, len(waiting))):
            images.append(waiting.popleft().result())
            if (file := next(upcoming, None)) is not None:
                waiting.append(pool.submit(read, file))
        yield np.concatenate(images)


def _append_rows(
    partial: Path,
    request: Request,
    usable: pd.DataFrame,
    network: FeatureNetwork,
    device: torch.device,
    pool: ThreadPoolExecutor,
    batch_images: int,
) -> None:
    """Append the rows that the work file lacks, batch by batch."""
    files = _files(usable)
    batch_bytes = batch_images * len(request.views) * network.dim * 4
    whole = len(files) * len(request.views) * network.dim * 4
    size = partial.stat().st_size
    # A batch cut off in the middle is computed again; a last, smaller batch is whole only with all of the rows.
    done = len(files) if size == whole else size // batch_bytes * batch_images
    with partial.open("r+b") as file, torch.inference_mode():
        file.truncate(whole if done == len(files) else done // batch_images * batch_bytes)
        file.seek(0, 2)
        if done:
            print(f"{request.extractor.id}: continuing after {done} of {len(files)} images")
        bar = tqdm(
            total=len(files), initial=done, unit="image", desc=request.extractor.id, smoothing=0.05, mininterval=1
        )
        for batch in _batches(request, files[done:], pool, batch_images):
            pixels = torch.from_numpy(batch)
            if device.type == "cuda":
                pixels = pixels.pin_memory().to(device, non_blocking=True)
            rows = network(pixels).cpu().numpy()
            if not np.isfinite(rows).all():
                raise UserError(
                    f"{request.extractor.id}: features are not finite; the weights do not fit this network."
                )
            file.write(rows.tobytes())
            file.flush()
            bar.update(len(batch) // len(request.views))
        bar.close()


@contextmanager
def _work_folder(output: Path, header: dict[str, Any]) -> Iterator[Path]:
    """The file of finished rows, kept if the work is interrupted, removed when it is complete."""
    folder = output.parent / f".{output.name}.partial"
    with _only_one(folder):
        description, rows = folder / "header.json", folder / "rows.f32"
        text = json.dumps(header, indent=2) + "\n"
        if not description.is_file() or description.read_text() != text or not rows.is_file():
            rows.write_bytes(b"")
            write_json(header, description)
        yield rows
        shutil.rmtree(folder)


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Wait until no other process works in a folder: a job of a killed workflow, say, that lives on.

    The system frees the lock of a process that has ended, however it ended.
    """
    path = folder / "lock"
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print(f"{folder}: another process works here; waiting until it has finished", flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
            # The other one removes the folder when it is done, and with it the lock that was waited for.
            if path.exists() and os.path.samestat(os.fstat(lock.fileno()), path.stat()):
                yield
                return


def _header(request: Request, network: FeatureNetwork, device: torch.device, batch_rows: int) -> dict[str, Any]:
    """Attributes of the output, which are also what an interrupted extraction must agree with to be continued."""
    extractor = request.extractor
    scaling = find_backbone(extractor.backbone).preprocessing
    kind, _, path = extractor.weights.partition(":")
    return {
        "schema_version": SCHEMA_VERSION,
        "dataset": request.dataset,
        "manifest_sha256": request.manifest_sha256,
        "backbone": extractor.backbone,
        "layer": extractor.layer,
        "weights": f"file:{Path(path).name}"
        if kind == "file"
        else kind
        if kind == "imagenet"
        else f"random:{request.seed}",
        "weights_sha256": network.weights_sha256,
        "input_size": extractor.input_size,
        "preprocessing": f"resized bilinear with antialiasing, scaled as {scaling}",
        "engine": f"torch eager, {device_name(device)}, float32, channels last, batches of {batch_rows} rows",
        "views": json.dumps(list(request.views)),
        "code_hash": code_digest(*CODE),
        "library_versions": json.dumps({library: version(library) for library in LIBRARIES}),
    }


def _is_complete(output: Path, header: dict[str, Any]) -> bool:
    """Whether the file is there and says that it was made from the same input by the same code."""
    if not output.is_file():
        return False
    with hdf5_reader(output) as file:
        return dict(file.attrs) == header


def _write(output: Path, rows: Path, request: Request, usable: pd.DataFrame, dim: int, header: dict[str, Any]) -> None:
    """Copy the finished rows into the HDF5 file, in blocks."""
    n_rows = len(usable) * len(request.views)
    source = np.memmap(rows, dtype=np.float32, mode="r", shape=(n_rows, dim))
    with hdf5_writer(output) as file:
        features = file.create_dataset("features", shape=(n_rows, dim), dtype="float32")
        block = max(1, 2**24 // (4 * dim))
        for start in range(0, n_rows, block):
            features[start : start + block] = source[start : start + block]
        write_rows(
            file,
            np.repeat(usable["image_id"].to_numpy(dtype=object), len(request.views)),
            np.tile(np.asarray(request.views, dtype=object), len(usable)),
        )
        file.attrs.update(header)
