"""Our feature extraction against a plain eager loop, THINGSvision and the matrix-multiply peak, in one run.

From 450x450 BMP files of simulated cells, one view each, to features, for every backbone:

- ours: `stream` with the engine that `auto` takes, to an HDF5 file, in float32 and, where the device knows half
  precision, with `precision: mixed`; the network alone; reading and resizing alone;
- the plain eager loop (benchmarks/peers/eager_loop.py): a DataLoader, batches of 16, the faster of no worker processes
  and one per core; and its network alone;
- THINGSvision 2.7 (benchmarks/peers/thingsvision_extract.py), where its environment is; `--thingsvision` makes it
  (6 GB);
- float32 matrix multiplication, 4096x4096, all threads: the peak that shares are told of. A network's operations are
  twice its multiply-adds up to the layer, as torch counts them.

Building and converting networks is not timed in any of them. Every figure is the best of `--rounds`, in which all take
turns: on a shared machine the best is what is least disturbed.

    python benchmarks/extraction.py                                                       # half an hour
    python benchmarks/extraction.py --images 8 --seconds 1 --rounds 1 --backbones mobilenet_v2
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import torch
from scipy.stats import gmean
from torch.utils.flop_counter import FlopCounterMode

from leukorepro.config.datasets import SimulationSize
from leukorepro.core.device import choose_device, device_name, full_precision, keep_freed_memory
from leukorepro.core.errors import UserError
from leukorepro.core.store import sha256_once, write_json
from leukorepro.core.words import Precision
from leukorepro.data.adapters.simulated import SmearDataset
from leukorepro.data.scan import scan
from leukorepro.features.backbones.networks import FeatureNetwork, build_network
from leukorepro.features.backbones.registry import BACKBONES
from leukorepro.features.backbones.scaling import CHANNEL_SCALINGS
from leukorepro.features.backbones.specification import TIMM, Backbone
from leukorepro.features.engines.choice import choose_engine, torch_computer
from leukorepro.features.engines.computer import Computer
from leukorepro.features.stream import Request, stream
from leukorepro.ladder.rungs import LADDER
from leukorepro.report.figures.style import MUTED, panels, save, styled
from leukorepro.simulate.dataset import simulate

PEERS = Path(__file__).parent / "peers"
ENVIRONMENT = Path("results/benchmarks/thingsvision-env")
MODULES = {"densenet121": "features", "inception_resnet_v2": "conv2d_7b"}
"""Where THINGSvision, which knows modules only, takes features if our layer is no module."""


def peak_flops(device: torch.device, size: int) -> float:
    """Operations per second of float32 matrix multiplication, best of several."""
    a = torch.rand(size, size, device=device)
    best = np.inf
    for _ in range(5):
        started = time.perf_counter()
        b = a @ a
        b[0, 0].item()
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def operations(network: FeatureNetwork, size: int) -> int:
    """Of one row."""
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.zeros((1, size, size, 3), dtype=torch.uint8))
    return int(counter.get_total_flops())


def network_rate(computer: Computer, sample: np.ndarray, seconds: float) -> float:
    """Rows per second of the network alone, on all workers."""
    block = np.resize(sample, (computer.block_rows, *sample.shape[1:]))

    def work(_: int) -> int:
        done = 0
        while done == 0 or time.perf_counter() - started < seconds:
            computer.compute(block)
            done += len(block)
        return done

    with ThreadPoolExecutor(computer.workers) as pool:
        started = time.perf_counter()
        list(pool.map(computer.compute, [block] * computer.workers))
        started = time.perf_counter()
        rows = sum(pool.map(work, range(computer.workers)))
        return rows / (time.perf_counter() - started)


def reading_rate(request: Request, seconds: float) -> float:
    """Images per second that one thread reads and resizes."""
    files, done = request.files(), 0
    started = time.perf_counter()
    while time.perf_counter() - started < min(seconds, 1):
        request.read(files[done % len(files)], request.views)
        done += 1
    return done / (time.perf_counter() - started)


def streaming_rate(request: Request, computer: Computer, dim: int, output: Path) -> float:
    output.unlink(missing_ok=True)
    started = time.perf_counter()
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stderr(nowhere):
        stream(request, output, computer.compute, dim, {}, threads=computer.workers, block_rows=computer.block_rows)
    return len(request.manifest) / (time.perf_counter() - started)


def run_peer(python: str | Path, script: str, job: dict[str, Any], folder: Path) -> dict[str, float]:
    """Result of a peer's script, which prints it as its last line; its reason, as RuntimeError, if it fails."""
    (folder / "job.json").write_text(json.dumps(job))
    command = [str(python), str(PEERS / script), str(folder / "job.json")]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no message"])[-1])
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def find_thingsvision(install: bool) -> tuple[Path | None, str]:
    """Interpreter of THINGSvision's environment, made where it is wanted; None and why where there is none."""
    python = ENVIRONMENT / "bin" / "python"
    try:
        if install and not python.exists():
            subprocess.run(["uv", "venv", "--quiet", "--python", "3.11", str(ENVIRONMENT)], check=True)
            wanted = ["uv", "pip", "install", "--quiet", "--python", str(python), "thingsvision>=2.7,<2.8"]
            subprocess.run(wanted, check=True)
        ask = [str(python), "-c", "from importlib.metadata import version as v; print(v('thingsvision'), v('torch'))"]
        known = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.split()
    except (OSError, subprocess.CalledProcessError) as error:
        return None, f"not installed ({error})" if install else "not installed; --thingsvision installs it"
    return python, f"THINGSvision {known[0]} with torch {known[1]}"


def manifest_of(files: list[Path]) -> pd.DataFrame:
    """What a request needs to know of readable images."""
    names, digests = [file.name for file in files], [sha256_once(file) for file in files]
    return pd.DataFrame({"image_id": names, "path": names, "sha256": digests, "status": "ok"})


def prepare(backbone: Backbone, name: str, files: list[Path], folder: Path) -> tuple[FeatureNetwork, Request]:
    """A network with random weights, left as a file for the peers, and the images that it gets."""
    size = backbone.input_size
    manifest = manifest_of(files)
    request = Request("benchmark", manifest, "", files[0].parent, ["identity"], size, 10**8, backbone.interpolation)
    calibration = np.concatenate([request.read(file, ["identity"]) for file in request.files()[:8]])
    network = build_network(backbone, backbone.default_layer, "random", calibration=torch.from_numpy(calibration))
    torch.save(network.body.state_dict(), folder / f"{name}.pth")
    return network, request


def build_computer(
    network: FeatureNetwork, name: str, size: int, arguments: argparse.Namespace, precision: Precision = "float32"
) -> Computer:
    engine, device = choose_engine("auto", arguments.device, precision)
    if engine == "torch":
        return torch_computer(network, device, precision, arguments.threads, 32)
    from leukorepro.features.engines.openvino_engine import openvino_computer

    return openvino_computer(network, f"benchmark-{name}", size, 1, arguments.threads, precision)


def measure(
    name: str, images: list[Path], folder: Path, thingsvision: Path | None, arguments: argparse.Namespace
) -> dict[str, Any]:
    """All figures of one backbone, best of the rounds."""
    backbone, device = BACKBONES[name], choose_device(arguments.device)
    links = folder / name
    links.mkdir()
    files = [links / f"{i:06d}.bmp" for i in range(len(images))]
    for link, image in zip(files, images, strict=True):
        link.symlink_to(image)
    network, request = prepare(backbone, name, files, folder)
    flops = operations(network, backbone.input_size)
    computer, mixed = build_computer(network, name, backbone.input_size, arguments), None
    with contextlib.suppress(UserError):
        mixed = build_computer(network, name, backbone.input_size, arguments, "mixed")
    sample = np.concatenate([request.read(file, ["identity"]) for file in request.files()[:8]])
    rows = max(len(images), round(arguments.seconds * network_rate(computer, sample, 0.2)))
    for i in range(len(files), rows):
        files.append(links / f"{i:06d}.bmp")
        files[-1].symlink_to(images[i % len(images)])
    manifest = manifest_of(files)
    request = Request("benchmark", manifest, "", links, ["identity"], request.size, 10**8, request.interpolation)
    scaling = backbone.preprocessing
    if isinstance(scaling, str):
        scaling = CHANNEL_SCALINGS[scaling]
    job = {
        "backbone": name,
        "build": backbone.build if backbone.build.startswith(TIMM) else f"torchvision:{backbone.network}",
        "options": dict(backbone.options),
        "module": MODULES.get(name, backbone.find_layer(backbone.default_layer).node),
        "mean": scaling.mean,
        "deviation": scaling.deviation,
        "interpolation": backbone.interpolation,
        "weights": str(folder / f"{name}.pth"),
        "files": [str(file) for file in files],
        "size": backbone.input_size,
        "threads": arguments.threads,
        "device": device.type,
        "seconds": arguments.seconds,
    }
    best: dict[str, float] = {}
    result: dict[str, Any] = {
        "backbone": name,
        "rows": rows,
        "gflop_per_row": flops / 1e9,
        "engine": computer.description,
    }

    def keep(key: str, value: float) -> None:
        best[key] = max(best.get(key, 0.0), value)

    for _ in range(arguments.rounds):
        keep("peak_gflops", peak_flops(device, arguments.product) / 1e9)
        keep("network", network_rate(computer, sample, arguments.seconds))
        keep("reading_one_thread", reading_rate(request, arguments.seconds))
        keep("ours", streaming_rate(request, computer, network.dim, folder / "ours.h5"))
        if mixed is not None:
            keep("mixed", streaming_rate(request, mixed, network.dim, folder / "mixed.h5"))
        for workers in (0, arguments.threads):
            eager = {**job, "workers": workers, "output": str(folder / "eager.npy")}
            done = run_peer(sys.executable, "eager_loop.py", eager, folder)
            keep("eager", done["rows_per_second"])
            keep("eager_network", done["network_rows_per_second"])
        if thingsvision is not None:
            try:
                done = run_peer(
                    thingsvision, "thingsvision_extract.py", {**job, "output": str(folder / "thingsvision.npy")}, folder
                )
                keep("thingsvision", done["rows_per_second"])
            except RuntimeError as error:
                result["thingsvision_failed"] = str(error)
    with h5py.File(folder / "ours.h5") as file:
        ours, eager = file["features"][:], np.load(folder / "eager.npy")
    result["largest_relative_difference"] = float(np.abs(ours - eager).max() / np.abs(eager).max())
    result["rows_per_second"] = best
    return result


def summarise(result: dict[str, Any], peak: float, workers: int) -> None:
    """Add the ratios to a backbone's figures."""
    best = result["rows_per_second"]
    result["ratio_to_eager"] = best["ours"] / best["eager"]
    result["mixed_ratio_to_eager"] = best["mixed"] / best["eager"] if "mixed" in best else None
    result["network_ratio_to_eager"] = best["network"] / best["eager_network"]
    result["ratio_to_thingsvision"] = best["ours"] / best["thingsvision"] if "thingsvision" in best else None
    result["share_of_peak"] = best["network"] * result["gflop_per_row"] / peak
    result["eager_share_of_peak"] = best["eager_network"] * result["gflop_per_row"] / peak
    ideal = 1 / (1 / (workers * best["reading_one_thread"]) + 1 / best["network"])
    result["share_of_ideal_streaming"] = best["ours"] / ideal


def geometric_mean(results: list[dict[str, Any]], key: str) -> float | None:
    """Over the backbones; None unless all have the figure."""
    values = [result[key] for result in results]
    return None if None in values else float(gmean(values))


def table(report: dict[str, Any]) -> str:
    """The figures as text."""
    titles = [
        "backbone",
        "ours",
        "eager",
        "ratio",
        "mixed",
        "ratio",
        "THINGSv.",
        "ratio",
        "network",
        "of eager's",
        "of peak",
        "eager's",
        "of ideal",
    ]
    lines = ["".join(f"{title:>{20 if i == 0 else 11}}" for i, title in enumerate(titles))]
    for r in report["results"]:
        best = r["rows_per_second"]
        other = best.get("thingsvision")
        cells = [
            r["backbone"],
            f"{best['ours']:.1f}",
            f"{best['eager']:.1f}",
            f"{r['ratio_to_eager']:.2f}x",
            f"{best['mixed']:.1f}" if "mixed" in best else "-",
            f"{r['mixed_ratio_to_eager']:.2f}x" if "mixed" in best else "-",
            "-" if other is None else f"{other:.1f}",
            "-" if other is None else f"{r['ratio_to_thingsvision']:.2f}x",
            f"{best['network']:.1f}",
            f"{r['network_ratio_to_eager']:.2f}x",
            f"{r['share_of_peak']:.0%}",
            f"{r['eager_share_of_peak']:.0%}",
            f"{r['share_of_ideal_streaming']:.0%}",
        ]
        lines.append("".join(f"{cell:>{20 if i == 0 else 11}}" for i, cell in enumerate(cells)))
    lines += [
        f"geometric mean of the ratios to the eager loop: {report['geometric_mean_ratio']:.2f}x in float32"
        + (f", {report['geometric_mean_mixed_ratio']:.2f}x mixed" if report["geometric_mean_mixed_ratio"] else "")
        + "; rows per second, "
        f"{report['threads']} threads, {report['machine']}",
        f"matrix-multiply peak: {report['peak_gflops']:.0f} Gflop/s; THINGSvision: {report['thingsvision']}; "
        f"load before: {report['load_before']:.1f}",
        "network: ours without reading; of eager's: times the eager network alone; of ideal: of the rate that reading, "
        "resizing and the network would allow together",
    ]
    lines += [
        f"THINGSvision, {r['backbone']}: {r['thingsvision_failed']}"
        for r in report["results"]
        if "thingsvision_failed" in r
    ]
    return "\n".join(lines)


@styled
def draw(report: dict[str, Any], path: Path) -> None:
    """Two panels: ratios to the eager loop, and shares of the peak."""
    results = report["results"][::-1]
    figure, (ratios, shares) = panels(2, 2, 0.4 + 0.32 * len(results))
    ours, half, other, plain = *(LADDER[rung].colour for rung in ("subject_disjoint", "external", "fit_in_fold")), MUTED
    at = np.arange(len(results))
    ratios.barh(at + 0.27, [r["ratio_to_eager"] for r in results], 0.25, color=ours, label="ours")
    for key, label, place, look in (
        ("mixed", "ours, half precision", 0, {"color": half}),
        ("thingsvision", "THINGSvision", -0.27, {"color": other, "hatch": "//", "edgecolor": "white"}),
    ):
        relative = [r["rows_per_second"].get(key, np.nan) / r["rows_per_second"]["eager"] for r in results]
        if not np.isnan(relative).all():
            ratios.barh(at + place, relative, 0.25, label=label, **look)
    ratios.axvline(1, color=plain, linestyle=(0, (4, 2)), label="plain eager loop")
    ratios.set_title("Rows per second, files to features")
    ratios.set_xlabel("times the plain eager loop")
    shares.barh(at + 0.2, [100 * r["share_of_peak"] for r in results], 0.38, color=ours, label="ours")
    shares.barh(at - 0.2, [100 * r["eager_share_of_peak"] for r in results], 0.38, color=plain, label="eager torch")
    shares.set_title("Network alone")
    shares.set_xlabel(f"per cent of the matrix-multiply peak ({report['peak_gflops']:.0f} Gflop/s)")
    for axes in (ratios, shares):
        axes.set_yticks(at, [r["backbone"] for r in results])
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2)
    shares.set_yticklabels([])
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=24, help="different images; rows repeat them")
    parser.add_argument("--product", type=int, default=4096, help="side of the matrices whose product is the peak")
    parser.add_argument("--seconds", type=float, default=4, help="about how long each of our measurements takes")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--backbones", nargs="+", choices=sorted(BACKBONES), default=sorted(BACKBONES), metavar="NAME")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--thingsvision", action="store_true", help="install THINGSvision where it is not")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/extraction.json"))
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    device, load = choose_device(arguments.device), os.getloadavg()[0]
    thingsvision, state = find_thingsvision(arguments.thingsvision)
    size = SimulationSize(subjects=4, images=arguments.images)
    dataset = SmearDataset(adapter="simulated", look="cnmc2019", sizes={"demo": size, "published": size})
    results = []
    with tempfile.TemporaryDirectory() as name, full_precision():
        folder = Path(name)
        simulate(dataset.simulation("demo"), folder / "images")
        found = scan(dataset, folder / "images", progress=False)
        images = [folder / "images" / path for path in found.manifest["path"]]
        keep_freed_memory()
        for backbone in arguments.backbones:
            results.append(measure(backbone, images, folder, thingsvision, arguments))
            print(f"{backbone}: {results[-1]['rows_per_second']}", flush=True)
            gc.collect()
    peak = max(r["rows_per_second"].pop("peak_gflops") for r in results)
    for result in results:
        summarise(result, peak, arguments.threads)
    report = {
        "load_before": load,
        "machine": platform.processor() or platform.machine(),
        "device": device_name(device),
        "threads": arguments.threads,
        "images": len(images),
        "rounds": arguments.rounds,
        "peak_gflops": peak,
        "thingsvision": state,
        "geometric_mean_ratio": geometric_mean(results, "ratio_to_eager"),
        "geometric_mean_mixed_ratio": geometric_mean(results, "mixed_ratio_to_eager"),
        "results": results,
    }
    print(table(report))
    write_json(report, arguments.output)
    draw(report, arguments.output.with_suffix(".svg"))


if __name__ == "__main__":
    main()
