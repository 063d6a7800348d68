"""How often copies of a cell are found, and how often different cells are taken for one, by hash and by features.

Run: ``python benchmarks/near_duplicates.py FOLDER [FOLDER ...]``; without a folder, on simulated cells on black and
simulated bone marrow. Of every image a copy is made in each way below; originals and copies of one way are searched
together by both detectors. Recall is the share of copies that are found with their original; every other pair that is
found is false, unless the folder itself holds duplicates: those of the originals alone are listed.

Every other image makes a half, which is searched by itself. The second half of C-NMC 2019 is less touched, not
untouched: the thresholds of registration were set on 40 of its cells and 40 photographs of Barcelona PBC, of both
halves, and checked again on the first half of C-NMC alone; the number of kinds of key points was chosen on copies of
both. Only a dataset of one's own gives numbers that nothing was chosen on.

A crop cuts into the cell where it stands on black; black that is cut away changes nothing. The features are those of
MobileNetV2, with random weights unless ``--weights`` names a file of trained ones.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image, ImageEnhance, ImageFilter

from leukorepro.config.datasets import Simulation, SimulationSize
from leukorepro.data.adapters.image_folder import FolderDataset
from leukorepro.data.copies.neighbours import pairs_by_features
from leukorepro.data.copies.registration import key_points
from leukorepro.data.fingerprints import NearPairs, fingerprint, near_pairs, orientations
from leukorepro.data.folders import is_image, walk
from leukorepro.data.images import read_rgb
from leukorepro.data.manifest import write_manifest
from leukorepro.data.scan import scan
from leukorepro.features.fusion import read_features
from leukorepro.simulate.dataset import simulate

Pixels = NDArray[np.uint8]
LARGEST = 100_000_000
HALVES = {"first half": 0, "second half": 1}
"""Of every two images, the first or the second."""


def jpeg(quality: int) -> Callable[[Pixels], Pixels]:
    def copy(pixels: Pixels) -> Pixels:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality)
        return np.asarray(Image.open(file))

    return copy


def cropped(share: float) -> Callable[[Pixels], Pixels]:
    """A share of each side cut away, three quarters of it on the one side; a cell on black is cut into with it."""

    def copy(pixels: Pixels) -> Pixels:
        rows, columns = (np.flatnonzero((pixels.max(axis=2) > 20).any(axis=axis)) for axis in (1, 0))
        height, width = np.ptp(rows) + 1, np.ptp(columns) + 1
        top, left = rows[0] + round(0.75 * share * height), columns[0] + round(0.25 * share * width)
        return pixels[top : top + round((1 - share) * height), left : left + round((1 - share) * width)]

    return copy


def turned(degrees: float) -> Callable[[Pixels], Pixels]:
    """Turned within its frame; the corners take the colour that most of the rim has."""

    def copy(pixels: Pixels) -> Pixels:
        rim = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
        fill = tuple(int(value) for value in np.median(rim, axis=0))
        return np.asarray(Image.fromarray(pixels).rotate(degrees, Image.Resampling.BICUBIC, fillcolor=fill))

    return copy


def blurred(pixels: Pixels) -> Pixels:
    return np.asarray(Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(2)))


def other_hue(pixels: Pixels) -> Pixels:
    values = np.array(Image.fromarray(pixels).convert("HSV"))
    values[..., 0] += 10  # of 256: 14 degrees
    return np.asarray(Image.fromarray(values, "HSV").convert("RGB"))


def brighter(factor: float) -> Callable[[Pixels], Pixels]:
    return lambda pixels: np.asarray(ImageEnhance.Brightness(Image.fromarray(pixels)).enhance(factor))


COPIES: dict[str, Callable[[Pixels], Pixels]] = {
    "cropped by 5 %": cropped(0.05),
    "cropped by 10 %": cropped(0.10),
    "cropped by 20 %": cropped(0.20),
    "turned by 17 degrees": turned(17),
    "turned by 74 degrees": turned(74),
    "turned by 131 degrees": turned(131),
    "JPEG, quality 90": jpeg(90),
    "JPEG, quality 60": jpeg(60),
    "JPEG, quality 30": jpeg(30),
    "blurred by 2 pixels": blurred,
    "hue turned by 14 degrees": other_hue,
    "20 % brighter": brighter(1.2),
}
"""Each is made of the original, mirrored or turned by quarters at random first."""


class Found(NamedTuple):
    """What a detector found among originals, and copies of one way."""

    recall: float
    false_pairs: int
    seconds: float


def judged(pairs: NearPairs, n: int, own: set[tuple[int, int]], seconds: float) -> Found:
    """Recall of the copies, n rows behind their originals, and pairs that are neither them nor of the folder itself."""
    found = set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True))
    copies = {(number, number + n) for number in range(n)}
    false = [(i, j) for i, j in found - copies if i % n != j % n and tuple(sorted((i % n, j % n))) not in own]
    return Found(len(found & copies) / n, len(false), seconds)


def features_of(images: Path, weights: str, work: Path) -> tuple[list[str], NDArray[np.float32]]:
    """Features of all images of a folder by the command line, as a user makes them, in the order of their names."""
    manifest = scan(FolderDataset(adapter="image_folder", images=images), images, progress=False).manifest
    write_manifest(manifest, work / "manifest.csv")
    command = str(Path(sys.executable).with_name("leukorepro"))
    words = [command, "features", "extract", "--manifest", str(work / "manifest.csv"), "--images", str(images)]
    words += ["--backbone", "mobilenet_v2", "--weights", weights]
    subprocess.run([*words, "--output", str(work / "features.h5")], check=True, capture_output=True)
    read = read_features(work / "features.h5")
    return read.rows["image_id"].tolist(), read.matrix


def measure(
    folder: Path, most: int, weights: str, ways: list[str]
) -> tuple[int, list[dict[str, object]], list[tuple[str, str]]]:
    """Number of images, a row for each half and way, and pairs of originals that are found in a half."""
    generator = np.random.default_rng(0)
    files = sorted(file for file in walk(folder).files if is_image(file))
    files = [files[i] for i in sorted(generator.permutation(len(files))[:most])]
    n = len(files)
    with tempfile.TemporaryDirectory() as name:
        images, work = Path(name) / "images", Path(name)
        places = {way: [f"{place}/{number:05}.png" for number in range(n)] for place, way in enumerate(("", *ways))}
        for place in range(len(places)):
            (images / str(place)).mkdir(parents=True)
        for number, file in enumerate(files):
            pixels = read_rgb(folder / file, LARGEST)
            Image.fromarray(pixels).save(images / places[""][number])
            for way in ways:
                turns = orientations(pixels)
                made = COPIES[way](np.ascontiguousarray(turns[generator.integers(1, len(turns))]))
                Image.fromarray(made).save(images / places[way][number])
        names, matrix = features_of(images, weights, work)
        row = {image: matrix[at] for at, image in enumerate(names)}
        read = cache(lambda image: key_points(read_rgb(images / image, LARGEST)))
        hashed = cache(lambda image: fingerprint(read_rgb(images / image, LARGEST)))

        def search(pool: list[str]) -> tuple[tuple[NearPairs, float], tuple[NearPairs, float]]:
            start = time.perf_counter()
            by_hash = near_pairs([hashed(image) for image in pool])
            middle = time.perf_counter()
            by_features = pairs_by_features(np.array([row[image] for image in pool]), lambda at: read(pool[at]))
            return (by_hash, middle - start), (by_features, time.perf_counter() - middle)

        rows: list[dict[str, object]] = []
        in_originals: list[tuple[str, str]] = []
        for half, start in HALVES.items():
            originals = places[""][start::2]
            alone = [set(zip(p.first.tolist(), p.second.tolist(), strict=True)) for p, _ in search(originals)]
            in_originals += [(files[start + 2 * i], files[start + 2 * j]) for i, j in sorted(set.union(*alone))]
            for way in ways:
                found = [
                    judged(pairs, len(originals), own, seconds)
                    for (pairs, seconds), own in zip(search(originals + places[way][start::2]), alone, strict=True)
                ]
                columns = {
                    f"{detector}_{field}": value
                    for detector, one in zip(("hash", "features"), found, strict=True)
                    for field, value in one._asdict().items()
                }
                rows.append({"half": half, "images": len(originals), "copy": way, **columns})
    return n, rows, in_originals


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="*")
    parser.add_argument("--images", type=int, default=200, help="Most images of a folder; drawn at random.")
    parser.add_argument("--weights", default="random", help="Of MobileNetV2: `random` or `file:PATH`.")
    parser.add_argument("--looks", nargs="+", default=["cnmc2019", "bone_marrow"], help="Of simulated images.")
    parser.add_argument("--ways", type=int, default=len(COPIES), help="How many of the ways to make a copy, the first.")
    given = parser.parse_args()
    output = Path("results/benchmarks/near_duplicates.json")
    results, tables = {}, []
    with tempfile.TemporaryDirectory() as name:
        folders = {str(folder): folder for folder in given.folders}
        for look in () if folders else given.looks:
            size = SimulationSize(subjects=min(24, given.images // 2), images=given.images)
            simulate(Simulation(look=look, size=size), Path(name) / look)
            folders[f"simulated, {look}"] = Path(name) / look
        for title, folder in folders.items():
            n, rows, own = measure(folder, given.images, given.weights, list(COPIES)[: given.ways])
            kind = "random" if given.weights == "random" else "trained"
            print(f"{title}: {n} images, and {n} copies of each kind; features with {kind} weights")
            for number, row in enumerate(rows):
                if number % given.ways == 0:
                    print(f"  {row['half']}: {row['images']} images")
                    print(f"  {'':<26} {'recall':>16} {'false pairs':>16}")
                    print(f"  {'':<26} {'hash features':>16} {'hash features':>16}")
                recall = f"{row['hash_recall']:.2f} {row['features_recall']:>8.2f}"
                false = f"{row['hash_false_pairs']} {row['features_false_pairs']:>8}"
                print(f"  {row['copy']:<26} {recall:>16} {false:>16}")
            print(f"  pairs found among the originals of either half: {len(own)} {own[:5]}", flush=True)
            results[title] = {"images": n, "weights": kind, "copies": rows, "found_in_originals": own}
            tables.append(pd.DataFrame(rows).assign(dataset=title, weights=kind))
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(results, indent=2))
    pd.concat(tables).to_csv(output.with_suffix(".csv"), index=False)


if __name__ == "__main__":
    main()
