"""Features by THINGSvision.

Run by ``benchmarks/extraction.py`` in THINGSvision's own environment, where leukorepro is not.
Its own loop as its documentation shows it, with the network, the weights, the input size and the batch of 16 of the
others; the pooling of feature maps, which it leaves to the user, is not timed.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
import torchvision
from thingsvision import get_extractor_from_model
from thingsvision.utils.data import DataLoader, ImageDataset
from torchvision import transforms


def build(job: dict[str, Any]) -> torch.nn.Module:
    library, _, name = job["build"].partition(":")
    if library == "timm":
        network = timm.create_model(name, pretrained=False)
    else:
        network = getattr(torchvision.models, name)(weights=None, **job["options"])
    network.load_state_dict(torch.load(job["weights"], map_location="cpu"), strict=False)
    return network


def main(job: dict[str, Any]) -> dict[str, float]:
    torch.set_num_threads(job["threads"])
    extractor = get_extractor_from_model(model=build(job), device=job["device"], backend="pt")
    transform = transforms.Compose(
        [
            transforms.Resize((job["size"], job["size"]), transforms.InterpolationMode(job["interpolation"])),
            transforms.ToTensor(),
            transforms.Normalize(job["mean"], job["deviation"]),
        ]
    )

    def extract(files: list[Path]) -> np.ndarray:
        with tempfile.TemporaryDirectory() as order:
            names = [file.name for file in files]
            dataset = ImageDataset(str(files[0].parent), order, "pt", file_names=names, transforms=transform)
            batches = DataLoader(dataset=dataset, batch_size=16, backend="pt")
            return extractor.extract_features(
                batches=batches, module_name=job["module"], flatten_acts=False, output_type="ndarray"
            )

    files = [Path(file) for file in job["files"]]
    extract(files[:16])
    started = time.perf_counter()
    rows = extract(files)
    seconds = time.perf_counter() - started
    np.save(job["output"], rows.mean((2, 3)) if rows.ndim == 4 else rows)
    return {"rows_per_second": len(rows) / seconds}


if __name__ == "__main__":
    print("\n" + json.dumps(main(json.loads(Path(sys.argv[1]).read_text()))))
