"""How often near-duplicates are found, and how often different cells are taken for one.

Run: ``python benchmarks/near_duplicates.py FOLDER [FOLDER ...]``; without a folder, on simulated cells on black and
simulated bone marrow. Of every image a copy is made in each way below and compared with the original alone (missed
copies); all images of a folder are compared with one another (false pairs, unless the folder holds duplicates: they
are listed).
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance

from leukorepro.config.datasets import Simulation, SimulationSize
from leukorepro.data.fingerprints import fingerprint, near_pairs, orientations
from leukorepro.data.folders import is_image, walk
from leukorepro.data.images import read_rgb
from leukorepro.simulate.dataset import simulate

Pixels = NDArray[np.uint8]
LARGEST = 100_000_000


def jpeg(quality: int) -> Callable[[Pixels], Pixels]:
    def copy(pixels: Pixels) -> Pixels:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file))

    return copy


def resized(factor: float) -> Callable[[Pixels], Pixels]:
    def copy(pixels: Pixels) -> Pixels:
        height, width, _ = pixels.shape
        size = round(width * factor), round(height * factor)
        return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BICUBIC))

    return copy


def brighter(factor: float) -> Callable[[Pixels], Pixels]:
    return lambda pixels: np.asarray(ImageEnhance.Brightness(Image.fromarray(pixels)).enhance(factor))


COPIES: dict[str, Callable[[Pixels], Pixels]] = {
    "mirrored or turned": lambda pixels: pixels,
    "JPEG, quality 75": jpeg(75),
    "JPEG, quality 50": jpeg(50),
    "at 90 % of the size": resized(0.9),
    "at 110 % of the size": resized(1.1),
    "at half the size": resized(0.5),
    "10 % darker": brighter(0.9),
    "10 % brighter": brighter(1.1),
    "90 %, 5 % brighter, JPEG 75": lambda pixels: jpeg(75)(brighter(1.05)(resized(0.9)(pixels))),
}
"""Each is made of the original, mirrored or turned at random first."""


def measure(folder: Path, most: int) -> dict[str, object]:
    """Missed copies of each way and pairs of different files, with the numbers that they are shares of."""
    generator = np.random.default_rng(0)
    files = sorted(file for file in walk(folder).files if is_image(file))
    files = [files[i] for i in sorted(generator.permutation(len(files))[:most])]
    prints, copies = [], {name: [] for name in COPIES}
    for file in files:
        pixels = read_rgb(folder / file, LARGEST)
        prints.append(fingerprint(pixels))
        turns = orientations(pixels)
        for name, copy in COPIES.items():
            copies[name].append(fingerprint(copy(turns[generator.integers(1, len(turns))])))
    missed = dict.fromkeys(COPIES, 0)
    for name, made in copies.items():
        for one, other in zip(prints, made, strict=True):
            missed[name] += len(near_pairs([one, other]).first) == 0
    near = near_pairs(prints)
    pairs = [(files[i], files[j]) for i, j in zip(near.first, near.second, strict=True)]
    n_pairs = len(files) * (len(files) - 1) // 2
    return {"images": len(files), "missed": missed, "pairs": n_pairs, "candidates": near.n_candidates, "found": pairs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--images", type=int, default=300, help="Most images of a folder; drawn at random.")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folders = {str(folder): folder for folder in given.folders}
        for look in () if folders else ("cnmc2019", "bone_marrow"):
            size = SimulationSize(subjects=min(24, given.images // 2), images=given.images)
            simulate(Simulation(look=look, size=size), Path(name) / look)
            folders[f"simulated, {look}"] = Path(name) / look
        results = {title: measure(folder, given.images) for title, folder in folders.items()}
    for title, result in results.items():
        print(f"{title}: {result['images']} images")
        for way, count in result["missed"].items():
            print(f"  missed, {way:<28} {count:>5} of {result['images']}")
        print(
            f"  found in {result['pairs']:,} pairs of files: {len(result['found'])} {result['found'][:5]}", flush=True
        )
    output = Path("results/benchmarks/near_duplicates.json")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
