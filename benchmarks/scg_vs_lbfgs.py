"""Our scaled conjugate gradient against SciPy's L-BFGS-B on the loss of the sparse autoencoder.

Both start from the same weights, on the same simulated features, with the same loss and gradient in float32, and may
evaluate it equally often. How fast an evaluation is against the machine's peak: autoencoder.py.

    python benchmarks/scg_vs_lbfgs.py                       # 400 x 512 -> 128
    python benchmarks/scg_vs_lbfgs.py --paper --epochs 40   # 1104 x 3072 -> 768
"""

from __future__ import annotations

import argparse
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import torch
from matplotlib.figure import Figure
from scipy.optimize import minimize

from leukorepro.core.store import atomic_path, write_json
from leukorepro.systems.autoencoders.scg import SCG
from leukorepro.systems.autoencoders.sparse_autoencoder import AutoencoderLoss, initial_parameters

PAPER = (1104, 3072, 768)


class Curve:
    """Lowest loss so far, by evaluations and seconds."""

    def __init__(self) -> None:
        self.began = time.perf_counter()
        self.evaluations: list[int] = []
        self.seconds: list[float] = []
        self.loss: list[float] = []

    def add(self, evaluations: int, loss: float) -> None:
        self.evaluations.append(evaluations)
        self.seconds.append(time.perf_counter() - self.began)
        self.loss.append(min([loss, *self.loss[-1:]]))

    def after(self, evaluations: int) -> float:
        return self.loss[int(np.searchsorted(self.evaluations, evaluations, side="right")) - 1]


def simulated_features(n_rows: int, n_features: int, seed: int = 0) -> torch.Tensor:
    """Rectified mixtures of 20 sources, scaled to [0, 1], as pooled activations are."""
    generator = torch.Generator().manual_seed(seed)
    mixture = torch.randn(n_rows, 20, generator=generator) @ torch.randn(20, n_features, generator=generator) / 4.5
    features = torch.relu(mixture + 0.5 * torch.randn(n_rows, n_features, generator=generator))
    lowest = features.amin(0)
    return (features - lowest) / (features.amax(0) - lowest)


def run_scg(objective: AutoencoderLoss, start: torch.Tensor, epochs: int) -> Curve:
    parameters = start.clone()
    optimiser = SCG([parameters])
    curve = Curve()
    curve.add(1, optimiser.start(lambda: objective(parameters, parameters.grad)))
    for _ in range(epochs):
        optimiser.step(lambda: objective(parameters, parameters.grad))
        curve.add(optimiser.n_evaluations, optimiser.loss)
    return curve


def run_lbfgs(objective: AutoencoderLoss, start: torch.Tensor, evaluations: int) -> Curve:
    gradient = torch.empty_like(start)
    curve = Curve()

    def evaluate(x: np.ndarray) -> tuple[float, np.ndarray]:
        loss = objective(torch.from_numpy(x).float(), gradient).item()
        curve.add(len(curve.loss) + 1, loss)
        return loss, gradient.double().numpy()

    options = {"maxfun": evaluations, "maxiter": evaluations, "ftol": 0.0, "gtol": 0.0}
    minimize(evaluate, start.double().numpy(), jac=True, method="L-BFGS-B", options=options)
    return curve


def measure(sizes: tuple[int, int, int], epochs: int) -> dict[str, Any]:
    n_rows, n_features, n_hidden = sizes
    objective = AutoencoderLoss(simulated_features(n_rows, n_features), n_hidden, 0.001, 1.0, 0.05, "rows", "half")
    start = initial_parameters(n_features, n_hidden, seed=0)
    objective(start, torch.empty_like(start))  # warm up
    scg = run_scg(objective, start, epochs)
    lbfgs = run_lbfgs(objective, start, scg.evaluations[-1])
    return {
        "rows": n_rows,
        "features": n_features,
        "hidden": n_hidden,
        "epochs": epochs,
        "threads": torch.get_num_threads(),
        "processor": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "scipy": scipy.__version__,
        "scg": {"evaluations": scg.evaluations, "seconds": scg.seconds, "loss": scg.loss},
        "lbfgs": {"evaluations": lbfgs.evaluations, "seconds": lbfgs.seconds, "loss": lbfgs.loss},
        "loss_after": {
            str(n): {"scg": scg.after(n), "lbfgs": lbfgs.after(n)}
            for n in np.unique(np.geomspace(3, min(scg.evaluations[-1], lbfgs.evaluations[-1]), 8).astype(int)).tolist()
        },
    }


def draw(result: dict[str, Any]) -> Figure:
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    for axis, x, label in ((left, "evaluations", "evaluations of loss and gradient"), (right, "seconds", "seconds")):
        for key, name in (("scg", "scaled conjugate gradient (ours)"), ("lbfgs", "L-BFGS-B (SciPy)")):
            axis.plot(result[key][x], result[key]["loss"], label=name)
        axis.set(xlabel=label, yscale="log")
    left.set_ylabel("lowest loss so far")
    left.legend(frameon=False)
    figure.suptitle(f"Sparse autoencoder, {result['rows']} x {result['features']} -> {result['hidden']}, float32")
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=400)
    parser.add_argument("--features", type=int, default=512)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--paper", action="store_true", help="the paper's size, 1104 x 3072 -> 768")
    parser.add_argument("--epochs", type=int, default=200, help="iterations of SCG, two evaluations each")
    parser.add_argument("--threads", type=int, help="default: torch's own")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    sizes = PAPER if options.paper else (options.rows, options.features, options.hidden)
    result = measure(sizes, options.epochs)

    print(f"{'evaluations':>11} {'SCG':>12} {'L-BFGS-B':>12}   (lowest loss so far)")
    for n, losses in result["loss_after"].items():
        print(f"{n:>11} {losses['scg']:>12.5g} {losses['lbfgs']:>12.5g}")
    for key, name in (("scg", "SCG"), ("lbfgs", "L-BFGS-B")):
        seconds, evaluations = result[key]["seconds"][-1], result[key]["evaluations"][-1]
        print(f"{name}: {evaluations} evaluations in {seconds:.2f} s, {1e3 * seconds / evaluations:.1f} ms each")
    stem = options.out / f"scg_vs_lbfgs-{'x'.join(map(str, sizes))}"
    write_json(result, stem.with_suffix(".json"))
    for kind in ("png", "svg"):
        with atomic_path(stem.with_suffix(f".{kind}")) as temporary:
            draw(result).savefig(temporary, format=kind, dpi=150)
    print(f"curves: {stem}.json, .png, .svg")


if __name__ == "__main__":
    main()
