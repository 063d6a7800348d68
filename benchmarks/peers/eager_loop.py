"""The plain eager loop: what most scripts do to get features.

Run by ``benchmarks/extraction.py`` in a process of its own.
A DataLoader over image files with torchvision's transform, batches of 16, the network in torch's default memory layout
and with all threads. `workers` is the DataLoader's number of processes.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms

from leukorepro.features.backbones.networks import build_network
from leukorepro.features.backbones.registry import find_backbone


class Files(Dataset):
    """Image files, resized, as tensors of uint8."""

    def __init__(self, files: list[Path], size: int, interpolation: str) -> None:
        self.files = files
        self.resize = transforms.Resize((size, size), transforms.InterpolationMode(interpolation))

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> torch.Tensor:
        return torch.from_numpy(np.array(self.resize(Image.open(self.files[i]).convert("RGB"))))


def main(job: dict[str, Any]) -> dict[str, float]:
    torch.set_num_threads(job["threads"])
    device = torch.device(job["device"])
    backbone = find_backbone(job["backbone"])
    network = build_network(backbone, backbone.default_layer, f"file:{job['weights']}")
    network.to(device).to(memory_format=torch.contiguous_format)
    dataset = Files([Path(file) for file in job["files"]], job["size"], backbone.interpolation)

    def compute(batch: torch.Tensor) -> np.ndarray:
        scaled = network.preprocess(batch.to(device)).contiguous()
        output = network.body(scaled)
        output = output["features"] if network.cut else output
        return (output.mean((2, 3)) if network.pool == "avg" else output.flatten(1)).float().cpu().numpy()

    with torch.inference_mode():
        sample = torch.stack([dataset[i % len(dataset)] for i in range(16)])
        compute(sample)
        started = time.perf_counter()
        loader = DataLoader(dataset, batch_size=16, num_workers=job["workers"])
        rows = np.concatenate([compute(batch) for batch in loader])
        seconds = time.perf_counter() - started
        started, passes = time.perf_counter(), 0
        while passes < 2 or time.perf_counter() - started < job["seconds"]:
            compute(sample)
            passes += 1
        network_seconds = time.perf_counter() - started
    np.save(job["output"], rows)
    return {"rows_per_second": len(rows) / seconds, "network_rows_per_second": 16 * passes / network_seconds}


if __name__ == "__main__":
    print(json.dumps(main(json.loads(Path(sys.argv[1]).read_text()))))
