"""How much of the machine's matrix-multiply peak the fit of the sparse autoencoder reaches, and what the rest goes to.

All cores, float32. Wall and processor time are both told, each with the peak by its own clock, so that a busy machine
can be told: processor time leaves out waiting for other programs, though not this program's threads waiting for one of
them that does, so it too understates the code then.

    python benchmarks/autoencoder.py                                              # 1104 x 3072 -> 768
    python benchmarks/autoencoder.py --rows 400 --features 512 --hidden 128
"""

from __future__ import annotations

import argparse
import platform
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch
from scg_vs_lbfgs import simulated_features

from leukorepro.core.device import full_precision
from leukorepro.core.store import write_json
from leukorepro.systems.autoencoders.scg import SCG
from leukorepro.systems.autoencoders.sparse_autoencoder import AutoencoderLoss, initial_parameters

PRODUCTS = (
    "codes = X W1'",
    "outputs = codes W2'",
    "gradient of W2 = output errors' codes",
    "code errors = output errors W2",
    "gradient of W1 = code errors' X",
)
"""Matrix products that one evaluation of the loss with its gradient needs, each 2 * rows * features * hidden
operations; all elementwise work counts as none. The gradient by X, a sixth, is not needed."""


class Seconds(NamedTuple):
    """Time of one call; `cpu` is processor time over the number of threads."""

    wall: float
    cpu: float


def timed(call: Callable[[], object], repeats: int) -> list[Seconds]:
    times = []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        call()
        times.append(Seconds(time.perf_counter() - wall, (time.process_time() - cpu) / torch.get_num_threads()))
    return times


def median(times: list[Seconds]) -> Seconds:
    """Of either clock by itself; robust against other work's bursts."""
    middle = len(times) // 2
    return Seconds(sorted(t.wall for t in times)[middle], sorted(t.cpu for t in times)[middle])


def best(times: list[Seconds]) -> Seconds:
    return Seconds(min(t.wall for t in times), min(t.cpu for t in times))


def peak(sizes: tuple[int, int, int], repeats: int = 6) -> Seconds:
    """Least seconds per GFLOP of a float32 matrix product: a square one, and one of the fit's own shape."""
    found = []
    for n, k, m in ((2048, 2048, 2048), sizes):
        a, b, c = torch.rand(n, k), torch.rand(k, m), torch.empty(n, m)
        least = best(timed(lambda a=a, b=b, c=c: torch.mm(a, b, out=c), repeats))
        found.append(Seconds(least.wall / (2e-9 * n * k * m), least.cpu / (2e-9 * n * k * m)))
    return best(found)


def measure(sizes: tuple[int, int, int], epochs: int) -> dict[str, Any]:
    n_rows, n_features, n_hidden = sizes
    objective = AutoencoderLoss(simulated_features(n_rows, n_features), n_hidden, 0.001, 1.0, 0.05, "rows", "half")
    parameters = initial_parameters(n_features, n_hidden, seed=0)
    gradient = torch.empty_like(parameters)
    optimiser = SCG([parameters])

    def evaluate() -> torch.Tensor:
        return objective(parameters, parameters.grad)

    optimiser.start(evaluate)
    peaks = [peak(sizes)]
    before = optimiser.n_evaluations
    steps = timed(lambda: optimiser.step(evaluate), epochs)
    per_epoch = (optimiser.n_evaluations - before) / epochs  # 2, less the iterations after a failed one
    peaks.append(peak(sizes))
    evaluation = median(timed(lambda: objective(parameters, gradient), epochs))
    peaks.append(peak(sizes))

    gflop = 2e-9 * len(PRODUCTS) * n_rows * n_features * n_hidden
    fastest, epoch = best(peaks), median(steps)
    result = {
        "rows": n_rows,
        "features": n_features,
        "hidden": n_hidden,
        "epochs": epochs,
        "threads": torch.get_num_threads(),
        "processor": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "products": list(PRODUCTS),
        "gflop_per_evaluation": gflop,
        "evaluations_per_epoch": per_epoch,
    }
    for clock in Seconds._fields:
        rates = {
            "epoch": per_epoch * gflop / getattr(epoch, clock),
            "evaluation": gflop / getattr(evaluation, clock),
            "peak": 1 / getattr(fastest, clock),
        }
        result[clock] = {
            "seconds_epoch": getattr(epoch, clock),
            "seconds_evaluation": getattr(evaluation, clock),
            **{f"gflops_{name}": rate for name, rate in rates.items()},
            "share_epoch": rates["epoch"] / rates["peak"],
            "share_evaluation": rates["evaluation"] / rates["peak"],
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1104)
    parser.add_argument("--features", type=int, default=3072)
    parser.add_argument("--hidden", type=int, default=768)
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--threads", type=int, help="default: torch's own")
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    sizes = (options.rows, options.features, options.hidden)
    with full_precision():
        result = measure(sizes, options.epochs)

    print(
        f"sparse autoencoder, {options.rows} x {options.features} -> {options.hidden}, {result['threads']} threads; "
        f"{result['evaluations_per_epoch']:.2f} evaluations an epoch, {len(PRODUCTS)} products and "
        f"{result['gflop_per_evaluation']:.2f} GFLOP an evaluation; medians"
    )
    print(f"{'':<15} {'peak':>12}   {'epoch':^29}   {'evaluation':^29}")
    for clock, name in (("wall", "wall time"), ("cpu", "processor time")):
        r = result[clock]
        parts = (
            f"{1e3 * r[f'seconds_{part}']:6.1f} ms {r[f'gflops_{part}']:5.0f} GFLOP/s {r[f'share_{part}']:>5.0%}"
            for part in ("epoch", "evaluation")
        )
        print(f"{name:<15} {r['gflops_peak']:>4.0f} GFLOP/s   {'   '.join(parts)}")
    busy = result["cpu"]["seconds_epoch"] / result["wall"]["seconds_epoch"]
    print(f"processor / wall time in an epoch: {busy:.0%} (well below 100 %: the machine was busy, measure again)")
    file = options.out / f"autoencoder-{'x'.join(map(str, sizes))}.json"
    write_json(result, file)
    print(f"saved: {file}")


if __name__ == "__main__":
    main()
