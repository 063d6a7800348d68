"""Feature files are reproducible: equal input gives equal bytes."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import pytest
from conftest import TinyProject

pytestmark = pytest.mark.slow

ATTRIBUTES = {
    *("schema_version", "dataset", "manifest_sha256", "backbone", "layer", "weights", "weights_sha256"),
    *("input_size", "preprocessing", "engine", "code_hash", "library_versions"),
}


@pytest.fixture(scope="module")
def features(finished: TinyProject) -> Path:
    return finished.folder / "results/features/tiny-demo"


def test_extraction_by_hand_gives_the_bytes_of_the_workflow(
    finished: TinyProject, features: Path, tmp_path: Path
) -> None:
    views = [f"--view={view}" for view in ("identity", "hflip", "vflip")]
    files = ["--manifest=results/datasets/tiny-demo/manifest.csv", "--images=data/simulated/tiny-demo"]
    what = ["--dataset=tiny-demo", "--backbone=mobilenet_v2", "--weights=random", "--input-size=64", "--threads=2"]
    output = tmp_path / "small.h5"
    finished.run("leukorepro", "features", "extract", *files, *what, *views, f"--output={output}")
    assert output.read_bytes() == (features / "mobilenet_v2-gap-random_0-64.h5").read_bytes()


def test_feature_files_are_as_the_contract_says(features: Path) -> None:
    with h5py.File(features / "mobilenet_v2-gap-random_0-224.h5") as file:
        assert file["features"].dtype == "float32"
        assert file["features"].shape == (48 * 3, 1280)
        assert file["image_id"].shape == file["view"].shape == (48 * 3,)
        assert set(file.attrs) >= ATTRIBUTES
        assert "torch" in json.loads(file.attrs["library_versions"])


def test_hdf5_files_hold_no_times(finished: TinyProject) -> None:
    files = list((finished.folder / "results").rglob("*.h5"))
    # Of the dataset four extractors' and descriptors' files and a fused one, of the second dataset two, of both
    # together four, and a reducer for each rung.
    assert len(files) == 5 + 2 + 4 + 5
    for path in files:
        times: dict[str, int] = {}
        with h5py.File(path) as file:
            # `visit` hands each name to this function and stops at the first answer that is not None.
            file.visit(lambda name, f=file, t=times: t.update({name: h5py.h5g.get_objinfo(f[name].id).mtime}))
        assert times
        assert set(times.values()) == {0}, path
