"""How many simulated images per second one core draws and writes, for each look.

Run: ``python benchmarks/simulator.py [--images 100]``. The processor rate divides by this process's processor seconds
and does not suffer from what else the machine does; the wall rate is what a user waits for.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import get_args

from leukorepro.config.datasets import Simulation, SimulationSize
from leukorepro.core.words import Look
from leukorepro.simulate.dataset import simulate

SUBJECTS = 10


def measure(look: Look, images: int) -> tuple[float, float, tuple[int, int]]:
    """Images per second of wall and of processor time, and width and height of the first image."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        # Textures are made once per process; they are not part of the rate.
        simulate(Simulation(look=look, size=SimulationSize(subjects=SUBJECTS, images=SUBJECTS)), folder)
        wall, processor = time.perf_counter(), time.process_time()
        table = simulate(Simulation(look=look, size=SimulationSize(subjects=SUBJECTS, images=images)), folder)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        with Image.open(folder / table["path"][0]) as image:
            return images / wall, images / processor, image.size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=100)
    images = parser.parse_args().images
    print(f"{'look':<12} {'first image':>12} {'images/s (wall)':>16} {'images/s (processor)':>21}")
    for look in get_args(Look):
        wall, processor, (width, height) = measure(look, images)
        print(f"{look:<12} {f'{width} x {height}':>12} {wall:>16.1f} {processor:>21.1f}", flush=True)


if __name__ == "__main__":
    main()
