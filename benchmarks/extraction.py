"""Our feature extraction against a plain eager loop, from image files to HDF5, side by side in one run.

The plain loop is what most scripts do: a DataLoader with torchvision's transforms, batches of 16, one view after the
other, the default memory layout. Both compute the same features of the same simulated 450x450 cells.

    python benchmarks/extraction.py --images 60 --backbones mobilenet_v2 googlenet
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from leukorepro.config import Extractor, SimulatedDataset, SimulationSize
from leukorepro.data.manifest import scan, write_manifest
from leukorepro.data.simulate import simulate
from leukorepro.device import choose_device, device_name, full_precision
from leukorepro.features.backbones import find_backbone
from leukorepro.features.extract import Request, extract
from leukorepro.features.networks import build_network
from leukorepro.plan import resolve_extractor
from leukorepro.store import sha256_file, write_json

VIEWS = ["identity", "hflip", "vflip"]


class Files(Dataset):
    """Image files as tensors of uint8, one view at a time."""

    def __init__(self, files: list[Path], size: int) -> None:
        self.files, self.resize = files, transforms.Resize((size, size))
        self.flips = [lambda x: x, transforms.functional.hflip, transforms.functional.vflip]

    def __len__(self) -> int:
        return len(self.files) * len(self.flips)

    def __getitem__(self, i: int) -> torch.Tensor:
        image = Image.open(self.files[i // len(self.flips)]).convert("RGB")
        return torch.from_numpy(np.array(self.resize(self.flips[i % len(self.flips)](image))))


def plain_loop(request: Request, files: list[Path], output: Path, device: torch.device, threads: int) -> None:
    """The eager loop, with the default memory layout."""
    extractor = request.extractor
    backbone = find_backbone(extractor.backbone)
    network = build_network(backbone, extractor.layer, extractor.weights)
    network = network.to(device).to(memory_format=torch.contiguous_format)
    loader = DataLoader(Files(files, extractor.input_size), batch_size=16, num_workers=threads if threads > 2 else 0)
    rows = []
    with torch.inference_mode():
        for batch in loader:
            scaled = network.preprocess(batch.to(device)).contiguous()
            rows.append(network.body(scaled)["features"].mean((2, 3)).cpu().numpy())
    with h5py.File(output, "w") as file:
        file["features"] = np.concatenate(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=60)
    parser.add_argument("--backbones", nargs="+", default=["googlenet", "inception_v3", "mobilenet_v2"])
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--batch-rows", type=int, default=32)
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/extraction.json"))
    arguments = parser.parse_args()
    device = choose_device(arguments.device)
    size = SimulationSize(subjects=12, images=arguments.images)
    dataset = SimulatedDataset(adapter="simulated", look="cnmc2019", sizes={"demo": size, "published": size})
    results = []
    with tempfile.TemporaryDirectory() as name, full_precision():
        folder = Path(name)
        simulate(dataset.simulation("demo"), folder / "images")
        found = scan(dataset, folder / "images", progress=False)
        write_manifest(found.manifest, folder / "manifest.csv")
        files = [folder / "images" / path for path in found.manifest["path"]]
        for backbone in arguments.backbones:
            (folder / "warm-up.h5").unlink(missing_ok=True)
            (folder / "measured.h5").unlink(missing_ok=True)
            seeded = build_network(
                find_backbone(backbone),
                "gap",
                "random",
                calibration=torch.from_numpy(
                    np.stack([np.asarray(Image.open(f).resize((128, 128))) for f in files[:8]])
                ),
            )
            torch.save(seeded.body.state_dict(), folder / f"{backbone}.pth")
            request = Request(
                "benchmark",
                found.manifest,
                sha256_file(folder / "manifest.csv"),
                folder / "images",
                resolve_extractor(Extractor(backbone=backbone), f"file:{folder / backbone}.pth", "benchmark"),
                VIEWS,
                0,
                10**8,
            )
            seconds: dict[str, float] = {}
            for turn in ("warm-up", "measured"):
                few = files if turn == "measured" else files[:8]
                started = time.perf_counter()
                plain_loop(request, few, folder / "plain.h5", device, arguments.threads)
                middle = time.perf_counter()
                part = Request(**{**vars(request), "manifest": found.manifest.head(len(few))})
                extract(
                    part,
                    folder / f"{turn}.h5",
                    device=device.type,
                    threads=arguments.threads,
                    batch_rows=arguments.batch_rows,
                )
                seconds = {"plain": middle - started, "ours": time.perf_counter() - middle}
            with h5py.File(folder / "plain.h5") as plain, h5py.File(folder / "measured.h5") as ours:
                difference = (
                    np.abs(plain["features"][:] - ours["features"][:]).max() / np.abs(plain["features"][:]).max()
                )
            rows = len(files) * len(VIEWS)
            results.append(
                {
                    "backbone": backbone,
                    "rows": rows,
                    "plain_rows_per_second": rows / seconds["plain"],
                    "ours_rows_per_second": rows / seconds["ours"],
                    "ratio": seconds["plain"] / seconds["ours"],
                    "largest_relative_difference": float(difference),
                }
            )
    print(f"device {device_name(device)}, {arguments.threads} threads, {len(VIEWS)} views of {len(files)} cells")
    print(f"{'backbone':<16}{'plain rows/s':>14}{'ours rows/s':>14}{'ratio':>8}{'difference':>12}")
    for r in results:
        print(
            f"{r['backbone']:<16}{r['plain_rows_per_second']:>14.1f}{r['ours_rows_per_second']:>14.1f}"
            f"{r['ratio']:>8.2f}{r['largest_relative_difference']:>12.1e}"
        )
    write_json({"device": device_name(device), "threads": arguments.threads, "results": results}, arguments.output)


if __name__ == "__main__":
    main()
