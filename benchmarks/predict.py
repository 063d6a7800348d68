"""`leukorepro predict` against what it cannot do without: loading the model, and the extraction of features.

A model of pooled features and a linear machine, fitted on simulated cells; networks have random weights, since times do
not depend on them. In one run, taking turns:

- one image: the whole command, as a share of a process that imports the engine and the command's library, loads the
  model and ends (wanted: at most 1.5 times that);
- many images: images per second from files to lines of the table, as a share of what the extraction of the same
  features reaches from the same files (wanted: at least 0.9 of that).

Every figure is the best of `--rounds`: on a shared machine the best is what is least disturbed.

    python benchmarks/predict.py                                          # two minutes
    python benchmarks/predict.py --images 16 --many 32 --rounds 1
"""

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from extraction import build_computer, manifest_of, streaming_rate
from sklearn.svm import SVC

from leukorepro.config.datasets import SimulationSize
from leukorepro.config.study.systems import Extractor
from leukorepro.core.device import full_precision
from leukorepro.core.store import write_json
from leukorepro.data.adapters.simulated import SmearDataset
from leukorepro.data.scan import scan
from leukorepro.features.backbones.networks import build_network
from leukorepro.features.backbones.registry import BACKBONES, find_backbone
from leukorepro.features.lookup import resolve_extractor
from leukorepro.features.stream import Request
from leukorepro.inference.bundle.description import Source
from leukorepro.inference.bundle.reading import read_model
from leukorepro.inference.bundle.writing import write_model
from leukorepro.inference.card import Card, Origin, TrainingData
from leukorepro.inference.model import Model
from leukorepro.inference.performance import RungPerformance
from leukorepro.inference.predicting.inputs import find_images
from leukorepro.inference.predicting.predict import predict
from leukorepro.inference.predicting.ready import ready
from leukorepro.inference.system import FittedSystem
from leukorepro.inference.unlike import fit_unlike
from leukorepro.simulate.dataset import simulate

LOADING = """
import sys
from pathlib import Path
from leukorepro.inference.bundle.reading import read_model
from leukorepro.inference.predicting.ready import ready
with ready(read_model(Path(sys.argv[1])), threads=int(sys.argv[2])):
    pass
"""
"""Imports the engine and loads the model."""

CARD = Card(
    name="benchmark",
    origin=Origin(
        run="benchmark",
        study="benchmark",
        paper="none",
        dataset="simulated",
        dataset_title="Simulated cells",
        table="1",
        item="1",
        rung="as_published",
        fold=None,
        images="simulated",
    ),
    system=[],
    caveats=["Random weights and simulated images: only times are looked at."],
    classes=["all", "hem"],
    positive_class="all",
    average="positive",
    training=TrainingData(manifest_sha256="0" * 64, rows_sha256="0" * 64, n_rows=0, classes={}),
    resampled="nothing",
    rungs=[RungPerformance(rung="as_published", honest=False, n_images=1, n_subjects=0, metrics=[])],
    calibration=None,
    threshold=None,
    versions={},
)


def make_model(name: str, files: list[Path], labels: np.ndarray, folder: Path, threads: int) -> None:
    """Write a model of a network with random weights, fitted on some images."""
    backbone = find_backbone(name)
    request = Request("benchmark", manifest_of(files), "", files[0].parent, ["identity"], backbone.input_size, 10**8)
    images = torch.from_numpy(np.concatenate([request.read(file, ["identity"]) for file in request.files()]))
    random = build_network(backbone, backbone.default_layer, "random", calibration=images[:8])
    weights = folder.with_suffix(".pth")
    torch.save(random.body.state_dict(), weights)
    part = resolve_extractor(Extractor(backbone=name), f"file:{weights}", "benchmark")
    network = build_network(backbone, part.layer, part.weights)
    rows = network(images).numpy()
    columns = rows.shape[1]
    classifier = SVC(kernel="linear").fit(rows, labels)
    stored = part.model_copy(update={"weights": f"file:{weights.name}"})
    source = Source(part=stored, weights_sha256=network.weights_sha256, stored=weights.name, engine="torch")
    system = FittedSystem((stored,), ["all", "hem"], "all", "margin", "scikit-learn", classifier)
    unlike = fit_unlike(rows, np.arange(len(rows)), [columns])
    model = Model(None, system, (source,), None, None, CARD, unlike)
    write_model(model, folder, {weights.name: weights.read_bytes()})
    with ready(read_model(folder), threads=threads):
        pass  # the network is converted now, and not when it is timed


def seconds(*command: str | Path) -> float:
    """Of a process."""
    started = time.perf_counter()
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    return time.perf_counter() - started


def predicting_rate(model: Path, files: list[str], table: Path, threads: int) -> float:
    """Images per second from files to lines of the table; loading the model is not timed."""
    with ready(read_model(model), threads=threads) as readied:
        images = find_images(files).images
        started = time.perf_counter()
        with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
            predict(readied, images, table, max_pixels=10**8)
        return len(images) / (time.perf_counter() - started)


def extraction_rate(model: Path, links: list[Path], output: Path, arguments: argparse.Namespace) -> float:
    """Images per second from files to a file of features; building and loading the network is not timed."""
    (part,) = read_model(model).system.parts
    backbone = find_backbone(arguments.backbone)
    network = build_network(backbone, backbone.default_layer, f"file:{model}/{model.name}.pth")
    computer = build_computer(network, part.id, part.input_size, arguments)
    request = Request("benchmark", manifest_of(links), "", links[0].parent, ["identity"], part.input_size, 10**8)
    return streaming_rate(request, computer, network.dim, output)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=24, help="different images; many images repeat them")
    parser.add_argument("--many", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--backbone", choices=sorted(BACKBONES), default="mobilenet_v2", metavar="NAME")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/predict.json"))
    arguments = parser.parse_args()
    arguments.device = "cpu"
    size = SimulationSize(subjects=4, images=arguments.images)
    dataset = SmearDataset(adapter="simulated", look="cnmc2019", sizes={"demo": size, "published": size})
    loading, one, many, extraction = [], [], [], []
    with tempfile.TemporaryDirectory() as name, full_precision():
        folder = Path(name)
        simulate(dataset.simulation("demo"), folder / "images")
        manifest = scan(dataset, folder / "images", progress=False).manifest
        images = [folder / "images" / path for path in manifest["path"]]
        links = folder / "links"
        links.mkdir()
        many_links = [links / f"{number:06d}.bmp" for number in range(arguments.many)]
        for number, link in enumerate(many_links):
            link.symlink_to(images[number % len(images)])
        model = folder / "model"
        make_model(
            arguments.backbone, many_links[: len(images)], manifest["label"].to_numpy(), model, arguments.threads
        )
        leukorepro = Path(sys.executable).with_name("leukorepro")
        threads = ["--threads", str(arguments.threads)]
        for number in range(arguments.rounds):
            loading.append(seconds(sys.executable, "-c", LOADING, model, str(arguments.threads)))
            table = folder / f"{number}.csv"
            one.append(seconds(leukorepro, "predict", "--model", model, *threads, "--out", table, images[0]))
            extraction.append(extraction_rate(model, many_links, folder / "features.h5", arguments))
            many.append(predicting_rate(model, [str(links)], table, arguments.threads))
    report = {
        "machine": platform.processor() or platform.machine(),
        "threads": arguments.threads,
        "backbone": arguments.backbone,
        "rounds": arguments.rounds,
        "loading_seconds": min(loading),
        "one_image_seconds": min(one),
        "one_image_ratio_to_loading": min(one) / min(loading),
        "images": arguments.many,
        "extraction_images_per_second": max(extraction),
        "predicted_images_per_second": max(many),
        "ratio_to_extraction": max(many) / max(extraction),
    }
    for key, value in report.items():
        print(f"{key}: {value:.3g}" if isinstance(value, float) else f"{key}: {value}")
    write_json(report, arguments.output)


if __name__ == "__main__":
    main()
