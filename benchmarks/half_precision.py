"""Training with bfloat16 against float32 on a CPU: seconds and losses of every epoch, side by side.

A network of the studies is trained from random weights on simulated cells, with `precision` float32 and mixed. The two
take turns, an epoch each, so that both meet the same load of the machine; what is told is the ratio of their seconds.
Half of the images are watched, and their loss and accuracy after every epoch say whether the two learn alike.

    python benchmarks/half_precision.py                                                      # five minutes on two cores
    python benchmarks/half_precision.py --images 32 --size 32 --width 0.1 --epochs 2
"""

from __future__ import annotations

import argparse
import platform
import tempfile
from pathlib import Path
from typing import Any, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.nn import functional

from leukorepro.config.datasets import Simulation, SimulationSize
from leukorepro.core.device import cpu_has_bfloat16
from leukorepro.core.store import write_json
from leukorepro.core.words import Precision
from leukorepro.simulate.dataset import simulate
from leukorepro.systems.networks.registry import IMAGE_NETWORKS, build_network
from leukorepro.systems.training.training import Hardware, Schedule, Trained, train


def cells(n_images: int, size: int) -> tuple[NDArray[np.uint8], Tensor]:
    """Simulated images of C-NMC's look, and which of them are leukaemic."""
    with tempfile.TemporaryDirectory() as name:
        sizes = SimulationSize(subjects=max(4, n_images // 10), images=n_images)
        table = simulate(Simulation(look="cnmc2019", size=sizes), Path(name))
        images = [Image.open(Path(name) / path).convert("RGB").resize((size, size)) for path in table["path"]]
        return np.stack([np.asarray(image) for image in images]), torch.tensor((table["label"] == "all").to_numpy())


def measure(options: argparse.Namespace) -> dict[str, Any]:
    images, leukaemic = cells(options.images, options.size)
    truth = leukaemic.long()
    order = np.random.default_rng(0).permutation(len(images))
    half = len(images) // 2

    def loss(outputs: Tensor, _: Tensor, positions: Tensor) -> Tensor:
        return functional.cross_entropy(outputs.float(), truth[positions], reduction="none")

    def epochs(precision: Precision, number: int, folder: Path) -> Trained:
        """A training up to an epoch, which continues where it was."""
        return train(
            build_network(options.architecture, images.shape[1:], 2, options.width, seed=0),
            images,
            order[:half],
            order[half:],
            loss,
            Schedule(number, options.batch, learning_rate=options.rate),
            seed=0,
            checkpoint=folder / precision,
            identity="benchmark",
            hardware=Hardware("cpu", precision),
            keep="all",
            label=precision,
        )

    done: dict[str, Trained] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number in range(1, options.epochs + 1):
            done |= {precision: epochs(precision, number, Path(folder)) for precision in get_args(Precision)}
    told = {name: trained.epochs.set_index("epoch") for name, trained in done.items()}
    watched = truth[order[half:]].numpy()
    for name, trained in done.items():
        assert trained.watched is not None
        told[name]["watched_accuracy"] = (trained.watched.argmax(2) == watched).mean(1)
    seconds = {name: epochs["seconds"] for name, epochs in told.items()}
    return {
        **{key: value for key, value in vars(options).items() if key != "output"},
        "trained_with": {name: trained.precision for name, trained in done.items()},
        "processor": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "epochs_told": {name: epochs.to_dict("list") for name, epochs in told.items()},
        "float32_to_mixed_seconds": float((seconds["float32"] / seconds["mixed"]).median()),
        "largest_difference_of_train_losses": float(
            (told["float32"]["train_loss"] - told["mixed"]["train_loss"]).abs().max()
        ),
    }


def table(result: dict[str, Any]) -> str:
    full, mixed = result["epochs_told"]["float32"], result["epochs_told"]["mixed"]
    columns = ("train_loss", "watched_loss", "watched_accuracy", "seconds")
    rows = [
        f"{number:>5}  " + "  ".join(f"{full[c][number - 1]:>8.4f} {mixed[c][number - 1]:>8.4f}" for c in columns)
        for number in range(1, result["epochs"] + 1)
    ]
    return "\n".join(
        [
            f"{result['architecture']}, {result['images']} simulated cells of {result['size']} pixels, half of them "
            f"trained on, batches of {result['batch']}, {result['threads']} threads; the second column of each pair is "
            f"with `mixed`, which came to {result['trained_with']['mixed']}",
            "epoch  " + "  ".join(f"{name.replace('_', ' '):>17}" for name in columns),
            *rows,
            f"an epoch in float32 takes {result['float32_to_mixed_seconds']:.2f} times as long (median); largest "
            f"difference of training losses {result['largest_difference_of_train_losses']:.4f}",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--architecture", choices=IMAGE_NETWORKS, default="ten_convolutions")
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--size", type=int, default=70, help="side in pixels")
    parser.add_argument("--width", type=float, default=1.0, help="share of the channels")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-4, help="learning rate")
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/half_precision.json"))
    options = parser.parse_args()
    if not cpu_has_bfloat16():
        print("this CPU has no bfloat16: both trainings are in float32")
    result = measure(options)
    print(table(result))
    write_json(result, options.output)
    print(f"saved: {options.output}")


if __name__ == "__main__":
    main()
