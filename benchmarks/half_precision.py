"""Training with bfloat16 against float32 on a CPU: what a step takes, and whether losses fall alike, in one run.

- **Steps**: our trainer takes a few steps of each network at full width, in float32 and mixed in turns. What is told is
  CPU seconds of all threads together from loss to loss, which other work on the machine changes little: the median of
  all steps but the first of each turn.
- **Losses**: each network, with a share of its channels, is trained on one half of simulated cells and watched on the
  other, from several seeds, in both precisions. For one seed both have the same initial weights and the same batches.
  What is compared is the mean loss of the last quarter of the epochs: the two are equal within noise where the 95 %
  interval of their mean difference (of Student's t, paired by seed) holds 0. Its width, the spread over seeds and the
  fall of the loss say how much that means.

    python benchmarks/half_precision.py                                                      # three minutes of a core
    python benchmarks/half_precision.py --steps 3 --turns 1 --seeds 2 --epochs 2 --images 32 --size 32 --width 0.1
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from PIL import Image
from scipy.stats import t
from torch import Tensor
from torch.nn import functional

from leukorepro.config.datasets import Simulation, SimulationSize
from leukorepro.core.device import cpu_has_bfloat16, machine_name
from leukorepro.core.store import write_json
from leukorepro.core.words import Architecture, Precision
from leukorepro.simulate.dataset import simulate
from leukorepro.systems.networks.registry import IMAGE_NETWORKS, build_network
from leukorepro.systems.training.training import Hardware, Schedule, Trained, train

PRECISIONS: tuple[Precision, ...] = get_args(Precision)
LOSSES = ("train_loss", "watched_loss")
NOBODY = np.empty(0, dtype=np.int64)


class Cells:
    """Simulated images of C-NMC's look, which of them are leukaemic, and trainings on them."""

    def __init__(self, n_images: int, size: int) -> None:
        with tempfile.TemporaryDirectory() as name:
            sizes = SimulationSize(subjects=max(4, n_images // 10), images=n_images)
            table = simulate(Simulation(look="cnmc2019", size=sizes), Path(name))
            images = [Image.open(Path(name) / path).convert("RGB").resize((size, size)) for path in table["path"]]
        self.images = np.stack([np.asarray(image) for image in images])
        self.truth = torch.tensor((table["label"] == "all").to_numpy()).long()

    def train(
        self,
        architecture: Architecture,
        width: float,
        parts: tuple[NDArray[np.int64], NDArray[np.int64]],
        schedule: Schedule,
        seed: int,
        precision: Precision,
    ) -> tuple[Trained, list[float]]:
        """Train on the first part and watch the second; also CPU seconds between losses of one batch and the next."""
        times: list[float] = []

        def loss(outputs: Tensor, _: Tensor, positions: Tensor) -> Tensor:
            times.append(time.process_time())
            return functional.cross_entropy(outputs.float(), self.truth[positions], reduction="none")

        with tempfile.TemporaryDirectory() as folder:
            trained = train(
                build_network(architecture, self.images.shape[1:], 2, width, seed),
                self.images,
                *parts,
                loss,
                schedule,
                seed=seed,
                checkpoint=Path(folder) / "checkpoint",
                identity="benchmark",
                hardware=Hardware("cpu", precision),
                keep="none",
                label=f"{architecture}, {precision}, seed {seed}",
            )
        return trained, np.diff(times).tolist()


def steps(cells: Cells, architecture: Architecture, options: argparse.Namespace) -> dict[str, Any]:
    """CPU seconds of a step in both precisions, and their ratio."""
    rows = np.resize(np.arange(len(cells.images)), options.steps * options.batch)
    found: dict[str, list[float]] = {precision: [] for precision in PRECISIONS}
    came_to: dict[str, str] = {}
    for _ in range(options.turns):
        for precision in PRECISIONS:
            schedule = Schedule(1, options.batch, learning_rate=options.rate)
            done, seconds = cells.train(architecture, 1.0, (rows, NOBODY), schedule, 0, precision)
            came_to[precision] = done.precision
            found[precision] += seconds[1:]
    medians = {precision: float(np.median(seconds)) for precision, seconds in found.items()}
    return {
        "architecture": architecture,
        "trained_with": came_to,
        "cpu_seconds": found,
        "median": medians,
        "ratio": medians["float32"] / medians["mixed"],
    }


def curves(cells: Cells, architecture: Architecture, options: argparse.Namespace) -> pd.DataFrame:
    """Losses after every epoch of every seed in both precisions."""
    half = len(cells.images) // 2
    told = []
    for seed in range(options.seeds):
        order = np.random.default_rng(seed).permutation(len(cells.images))
        for precision in PRECISIONS:
            schedule = Schedule(options.epochs, options.batch, learning_rate=options.rate)
            parts = (order[:half], order[half:])
            done, _ = cells.train(architecture, options.width, parts, schedule, seed, precision)
            told.append(
                done.epochs[["epoch", *LOSSES]].assign(
                    architecture=architecture, seed=seed, precision=precision, trained_with=done.precision
                )
            )
    return pd.concat(told)[["architecture", "seed", "precision", "trained_with", "epoch", *LOSSES]]


def compared(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Of each loss, mean difference of mixed from float32 at the end of training, with its interval over seeds."""
    last = table["epoch"].max()
    found = []
    for loss in LOSSES:
        by_epoch = table.pivot(index=["seed", "epoch"], columns="precision", values=loss)
        final = by_epoch[by_epoch.index.get_level_values("epoch") > last - max(1, last // 4)].groupby("seed").mean()
        difference = final["mixed"] - final["float32"]
        n = len(difference)
        margin = float(t.ppf(0.975, n - 1) * difference.std() / np.sqrt(n)) if n > 1 else float("nan")
        first = by_epoch["float32"].xs(1, level="epoch")
        found.append(
            {
                "loss": loss,
                "float32": float(final["float32"].mean()),
                "mixed": float(final["mixed"].mean()),
                "fall": float(first.mean() - final["float32"].mean()),
                "spread_over_seeds": float(final["float32"].std()),
                "difference": float(difference.mean()),
                "margin": margin,
                "equal_within_noise": bool(abs(difference.mean()) <= margin),
            }
        )
    return found


def text(report: dict[str, Any]) -> str:
    """The figures in words."""
    lines = [f"{report['machine']}; batches of {report['batch']}, {report['size']} pixels a side"]
    for r in report["seconds_of_steps"]:
        lines.append(
            f"{r['architecture']}: CPU seconds of a step, float32 {r['median']['float32']:.3f}, "
            f"{r['trained_with']['mixed']} {r['median']['mixed']:.3f}: {r['ratio']:.2f} times the rate "
            f"(median of {len(r['cpu_seconds']['mixed'])} steps)"
        )
    for architecture, losses in report["losses"].items():
        for r in losses:
            lines.append(
                f"{architecture}, {r['loss']} at the end, {report['seeds']} seeds: float32 {r['float32']:.4f}, mixed "
                f"{r['mixed']:.4f} (after a fall of {r['fall']:.4f}, spread over seeds {r['spread_over_seeds']:.4f}); "
                f"difference {r['difference']:+.4f} +- {r['margin']:.4f}: "
                + ("equal within noise" if r["equal_within_noise"] else "NOT equal within noise")
            )
    return "\n".join(lines)


def measure(architectures: Sequence[Architecture], options: argparse.Namespace) -> tuple[dict[str, Any], pd.DataFrame]:
    cells = Cells(options.images, options.size)
    tables = {name: curves(cells, name, options) for name in architectures}
    report = {
        **{key: value for key, value in vars(options).items() if key != "output"},
        "machine": machine_name(torch.device("cpu")),
        "torch": torch.__version__,
        "seconds_of_steps": [steps(cells, name, options) for name in architectures],
        "losses": {name: compared(table) for name, table in tables.items()},
    }
    return report, pd.concat(tables.values())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architectures", nargs="+", choices=IMAGE_NETWORKS, default=["resnet50_70", "vgg16_70"])
    parser.add_argument("--steps", type=int, default=6, help="of a turn, three at least")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, default=12)
    parser.add_argument("--images", type=int, default=160)
    parser.add_argument("--size", type=int, default=70, help="side in pixels")
    parser.add_argument("--width", type=float, default=0.25, help="share of the channels, where losses are compared")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-4, help="learning rate")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/half_precision.json"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if not cpu_has_bfloat16():
        print("this CPU has no bfloat16: both trainings are in float32")
    report, table = measure(options.architectures, options)
    print(text(report))
    write_json(report, options.output)
    table.to_csv(options.output.with_suffix(".csv"), index=False, float_format="%.6g", lineterminator="\n")
    print(f"saved: {options.output} and its losses as CSV")


if __name__ == "__main__":
    main()
