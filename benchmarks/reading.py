"""Reading of images for extraction against the plain way, alone and end to end, side by side.

From JPEG files of simulated cells, or of a folder of photographs, to four views at a network's input size:

- the plain way: every file is decoded and looked through for damage, each view is made and resized by itself;
- ours: `Request.read`, which looks for no damage in bytes that the scan looked through, and resizes views that are
  mirrored copies of each other once. The pixels are compared: they are the same;
- both end to end, to an HDF5 file of features by each network, with `precision: mixed` where this CPU has bfloat16.

The two ways take turns. What is told is CPU seconds of all threads together, the least of all rounds, which other
work on the machine changes little.

    python benchmarks/reading.py                                                          # two minutes
    python benchmarks/reading.py --photographs data/pbc
    python benchmarks/reading.py --images 8 --rounds 1 --backbones mobilenet_v2
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image

from leukorepro.config.datasets import Simulation, SimulationSize
from leukorepro.core.device import full_precision, keep_freed_memory
from leukorepro.core.store import sha256_file, write_json
from leukorepro.data.images import read_rgb
from leukorepro.data.views import apply_view
from leukorepro.features.backbones.networks import build_network
from leukorepro.features.backbones.registry import BACKBONES
from leukorepro.features.engines.openvino_engine import has_bfloat16, openvino_computer
from leukorepro.features.preprocessing import resize
from leukorepro.features.stream import File, Request, stream
from leukorepro.simulate.dataset import simulate

VIEWS = ("identity", "hflip", "vflip", "rot180")
SIDE = 360
"""Of simulated cells, in pixels."""
LARGEST = 10**8


class Plainly(Request):
    """Each view by itself."""

    def read(self, file: File, views: Sequence[str]) -> NDArray[np.uint8]:
        image_id, path, sha256 = file
        if sha256_file(self.images / path) != sha256:
            raise ValueError(f"{path} has changed")
        pixels = read_rgb(self.images / path, self.max_pixels)
        return np.stack([resize(apply_view(pixels, view, image_id), self.size, self.interpolation) for view in views])


WAYS = {"plain": Plainly, "ours": Request}


def jpeg_files(folder: Path, n_images: int) -> list[Path]:
    """Simulated cells, saved as JPEG."""
    table = simulate(Simulation(look="cnmc2019", size=SimulationSize(subjects=4, images=n_images)), folder)
    files = []
    for path in table["path"]:
        files.append((folder / path).with_suffix(".jpg"))
        Image.open(folder / path).convert("RGB").resize((SIDE, SIDE)).save(files[-1], quality=90)
    return files


def measure(name: str, files: list[Path], folder: Path, output: Path, options: argparse.Namespace) -> dict[str, Any]:
    """CPU milliseconds of an image, of both ways, alone and with a network."""
    backbone, precision = BACKBONES[name], "mixed" if has_bfloat16() else "float32"
    paths = [str(file.relative_to(folder)) for file in files]
    digests = [sha256_file(file) for file in files]
    manifest = pd.DataFrame({"image_id": paths, "path": paths, "sha256": digests, "status": "ok"})
    fixed = ("benchmark", manifest, "", folder, VIEWS, backbone.input_size, LARGEST, backbone.interpolation)
    requests = {way: kind(*fixed) for way, kind in WAYS.items()}
    pixels = {way: [request.read(file, VIEWS) for file in request.files()[:8]] for way, request in requests.items()}
    np.testing.assert_array_equal(pixels["ours"], pixels["plain"])
    network = build_network(
        backbone, backbone.default_layer, "random", calibration=torch.from_numpy(np.concatenate(pixels["ours"]))
    )
    computer = openvino_computer(
        network, f"benchmark-{name}", backbone.input_size, len(VIEWS), options.threads, precision
    )
    found: dict[str, float] = {}

    def keep(key: str, started: float) -> None:
        found[key] = min(found.get(key, np.inf), 1000 * (time.process_time() - started) / len(files))

    for _ in range(options.rounds):
        for way, request in requests.items():
            started = time.process_time()
            for file in request.files():
                request.read(file, VIEWS)
            keep(f"reading_{way}", started)
            output.unlink(missing_ok=True)
            started = time.process_time()
            with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
                stream(
                    request,
                    output,
                    computer.compute,
                    network.dim,
                    {},
                    threads=computer.workers,
                    block_rows=computer.block_rows,
                )
            keep(f"end_to_end_{way}", started)
    ratios = {f"{what}_ratio": found[f"{what}_plain"] / found[f"{what}_ours"] for what in ("reading", "end_to_end")}
    return {"backbone": name, "engine": computer.description, "cpu_ms_per_image": found, **ratios}


def table(report: dict[str, Any]) -> str:
    lines = [
        f"{report['images']} JPEG files, {len(VIEWS)} views each, {report['threads']} threads; CPU ms per image",
        f"{'backbone':<16}"
        + "".join(f"{title:>12}" for title in ("read plainly", "ours", "", "to features", "ours", "")),
    ]
    for r in report["results"]:
        ms = r["cpu_ms_per_image"]
        lines.append(
            f"{r['backbone']:<16}{ms['reading_plain']:>12.2f}{ms['reading_ours']:>12.2f}{r['reading_ratio']:>11.2f}x"
            f"{ms['end_to_end_plain']:>12.2f}{ms['end_to_end_ours']:>12.2f}{r['end_to_end_ratio']:>11.2f}x"
        )
    return "\n".join([*lines, report["results"][0]["engine"]])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--photographs", type=Path, help="folder of JPEG files, in place of simulated ones")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backbones", nargs="+", choices=sorted(BACKBONES), default=["mobilenet_v2", "alexnet"])
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/reading.json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    keep_freed_memory()
    with tempfile.TemporaryDirectory() as name, full_precision():
        folder = options.photographs or Path(name)
        files = (
            sorted(folder.rglob("*.jpg"))[: options.images]
            if options.photographs
            else jpeg_files(folder, options.images)
        )
        results = [measure(b, files, folder, Path(name) / "features.h5", options) for b in options.backbones]
    report = {
        "machine": platform.processor() or platform.machine(),
        "threads": options.threads,
        "images": len(files),
        "photographs": options.photographs is not None,
        "results": results,
    }
    print(table(report))
    write_json(report, options.output)
    print(f"saved: {options.output}")


if __name__ == "__main__":
    main()
