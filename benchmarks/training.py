"""Our trainer against a plain eager loop and the matrix-multiply peak: ResNet-50 from random weights at 70 x 70 pixels.

In float32, batches of 16, all cores or a GPU:

- ours: `leukorepro.systems.training.training.train`, images in memory and in a mapped file, which it reads as it goes;
- the plain eager loop: torch with its defaults, a DataLoader over images in memory;
- what one thread reads from the mapped file, in random order;
- float32 matrix multiplication, 4096 x 4096: the peak that shares are told of. A training's operations are those of the
  forward and the backward pass, as torch counts them; normalisation, activations and the optimiser count as none.

Every part runs in a process of its own, in which the peak is measured too, before and after. The parts take turns, for
`--rounds`. A step lasts from the loss of a batch to that of the next, reading included; the best of all steps is told,
as is the best product: on a shared machine the best is what is least disturbed.

    python benchmarks/training.py                                                        # two minutes
    python benchmarks/training.py --images 48 --size 32 --width 0.1 --rounds 1 --product 512
"""

from __future__ import annotations

import argparse
import multiprocessing
import platform
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset
from torch.utils.flop_counter import FlopCounterMode

from leukorepro.core.device import choose_device, device_name, full_precision
from leukorepro.core.store import write_json
from leukorepro.core.words import Device
from leukorepro.systems.networks.registry import build_network
from leukorepro.systems.training.training import Hardware, Schedule, train

Part = Literal["eager", "memory", "mapped"]


@dataclass(frozen=True)
class Job:
    images: int
    size: int
    width: float
    batch: int
    device: Device
    threads: int
    product: int

    def network(self) -> nn.Module:
        return build_network("resnet50_70", (self.size, self.size, 3), 2, self.width, seed=0)

    def pixels(self) -> np.ndarray:
        return np.random.default_rng(0).integers(0, 256, (self.images, self.size, self.size, 3), dtype=np.uint8)

    def labels(self) -> Tensor:
        return torch.arange(self.images) % 2


def peak_flops(device: torch.device, size: int) -> float:
    """Operations per second of float32 matrix multiplication, best of several."""
    a = torch.rand(size, size, device=device)
    best = np.inf
    for _ in range(3):
        started = time.perf_counter()
        (a @ a)[0, 0].item()
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def operations(job: Job) -> float:
    """Of training on one image."""
    network = job.network()
    with FlopCounterMode(display=False) as counter:
        outputs = network(torch.from_numpy(job.pixels()[: job.batch]))
        functional.cross_entropy(outputs, job.labels()[: job.batch]).backward()
    return counter.get_total_flops() / job.batch


class Clock:
    """Losses of batches, and when each was asked for."""

    def __init__(self, job: Job) -> None:
        self.job, self.labels = job, job.labels().to(choose_device(job.device))
        self.times: list[float] = []

    def loss(self, outputs: Tensor, labels: Tensor) -> Tensor:
        losses = functional.cross_entropy(outputs, labels, reduction="none")
        losses[0].item()  # on a GPU, what was asked for has been computed then
        self.times.append(time.perf_counter())
        return losses

    def rate(self) -> float:
        """Images per second in the best step."""
        return self.job.batch / float(np.diff(self.times).min())


def eager(job: Job) -> float:
    """Images per second of a loop as one writes it."""
    device, network, clock = choose_device(job.device), job.network(), Clock(job)
    network.to(device)
    optimizer = torch.optim.Adam(network.parameters(), 1e-4)
    data = TensorDataset(torch.from_numpy(job.pixels()), job.labels())
    for images, labels in DataLoader(data, job.batch, shuffle=True):
        optimizer.zero_grad()
        clock.loss(network(images.to(device)), labels.to(device)).mean().backward()
        optimizer.step()
    return clock.rate()


def ours(job: Job, mapped: bool) -> float:
    """Images per second of our trainer."""
    clock = Clock(job)
    with tempfile.TemporaryDirectory() as folder:
        train(
            job.network(),
            in_file(job, Path(folder)) if mapped else job.pixels(),
            np.arange(job.images),
            np.empty(0, dtype=np.int64),
            lambda outputs, _, positions: clock.loss(outputs, clock.labels[positions]),
            Schedule(1, job.batch, learning_rate=1e-4),
            seed=0,
            checkpoint=Path(folder) / "checkpoint",
            identity="benchmark",
            hardware=Hardware(job.device, workers=job.threads),
            label="mapped" if mapped else "memory",
        )
    return clock.rate()


def in_file(job: Job, folder: Path) -> np.ndarray:
    pixels = job.pixels()
    pixels.tofile(folder / "pixels")
    return np.memmap(folder / "pixels", np.uint8, "r", shape=pixels.shape)


def reading(job: Job) -> float:
    """Images per second that one thread copies from a mapped file."""
    with tempfile.TemporaryDirectory() as folder:
        rows, rng, done = in_file(job, Path(folder)), np.random.default_rng(0), 0
        started = time.perf_counter()
        while (spent := time.perf_counter() - started) < 0.5:
            np.ascontiguousarray(rows[rng.integers(0, job.images, job.batch)])
            done += job.batch
    return done / spent


def run(part: Part, job: Job) -> dict[str, float]:
    """One part, in this process."""
    torch.set_num_threads(job.threads)
    with full_precision():
        peaks = [peak_flops(choose_device(job.device), job.product)]
        rate = eager(job) if part == "eager" else ours(job, part == "mapped")
        peaks.append(peak_flops(choose_device(job.device), job.product))
    return {part: rate, "peak": max(peaks)}


def measure(job: Job, rounds: int) -> dict[str, Any]:
    best: dict[str, float] = {"reading": reading(job)}
    for _ in range(rounds):
        for part in get_args(Part):
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
                found = alone.submit(run, part, job).result()
            best |= {name: max(best.get(name, 0), value) for name, value in found.items()}
    flops = operations(job)
    device = choose_device(job.device)
    return {
        **vars(job),
        "rounds": rounds,
        "device": device_name(device),
        "processor": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "gflop_per_image": flops / 1e9,
        "peak_gflops": best["peak"] / 1e9,
        "images_per_second": {name: best[name] for name in (*get_args(Part), "reading")},
        "share_of_peak": {part: best[part] * flops / best["peak"] for part in get_args(Part)},
        "ours_to_eager": best["mapped"] / best["eager"],
        "mapped_to_memory": best["mapped"] / best["memory"],
    }


def table(result: dict[str, Any]) -> str:
    names = {"eager": "plain eager loop", "memory": "ours, images in memory", "mapped": "ours, images in a mapped file"}
    rates, shares = result["images_per_second"], result["share_of_peak"]
    return "\n".join(
        [
            f"ResNet-50, {result['size']} x {result['size']} pixels, batches of {result['batch']}, float32, on "
            f"{result['device']}, {result['threads']} threads; {result['gflop_per_image']:.2f} GFLOP an image; "
            f"peak {result['peak_gflops']:.0f} GFLOP/s",
            *(f"{name:<30} {rates[part]:8.1f} images/s {shares[part]:>5.0%} of peak" for part, name in names.items()),
            f"ours / eager {result['ours_to_eager']:.2f}; mapped / in memory {result['mapped_to_memory']:.2f}; "
            f"one thread reads {rates['reading']:.0f} images/s",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=192)
    parser.add_argument("--size", type=int, default=70, help="side in pixels")
    parser.add_argument("--width", type=float, default=1.0, help="share of the channels")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", choices=get_args(Device), default="auto")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="default: torch's own")
    parser.add_argument("--product", type=int, default=4096, help="side of the matrices whose product is the peak")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/training.json"))
    options = vars(parser.parse_args())
    output, rounds = options.pop("output"), options.pop("rounds")
    result = measure(Job(**options), rounds)
    print(table(result))
    write_json(result, output)
    print(f"saved: {output}")


if __name__ == "__main__":
    main()
