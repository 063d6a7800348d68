from __future__ import annotations

import io
import shutil
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.config.datasets import Simulation, SimulationSize
from leukorepro.config.study.schemes import KFoldScheme, Protocol
from leukorepro.core.errors import UserError
from leukorepro.core.store import read_json, sha256_file
from leukorepro.data.adapters.image_folder import FolderDataset
from leukorepro.data.checksums import guess_adapter, incomparable_parts, manifest_of, read_checksums
from leukorepro.data.duplicates import find_duplicates, look_at_images
from leukorepro.data.fingerprints import Fingerprint, fingerprint, near_pairs, orientations
from leukorepro.data.images import read_rgb
from leukorepro.data.scan import scan
from leukorepro.data.splits import make_splits
from leukorepro.simulate.dataset import simulate

SHA = ["ab" * 32, "cd" * 32, "ef" * 32]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Forty different simulated cells on black, of eight subjects."""
    folder = tmp_path_factory.mktemp("cells")
    table = simulate(Simulation(look="cnmc2019", size=SimulationSize(subjects=8, images=40)), folder)
    return [folder / path for path in table["path"]]


def write(lines: list[str], folder: Path) -> Path:
    file = folder / "checksums.tsv"
    file.write_text("\n".join(lines) + "\n")
    return file


# Lists of checksums


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ([f"{SHA[0]}\t5\ta/x.png", f"{SHA[1]} 5 a/y.png"], "line 2: 1 fields"),
        (["sha256\tsize\tpath"], "line 1: 'sha256' is no SHA-256"),
        ([f"{SHA[0]}\tmany\ta/x.png"], "line 1: size 'many'"),
        ([f"{SHA[0]}\t5\ta/x.png", "", f"{SHA[1]}\t5\ta/x.png"], "line 3: the path 'a/x.png' stands in line 1 too"),
        ([f"{SHA[0]}\t5\ta/x.png", f"{SHA[0]}\t6\ta/y.png"], "line 2: size 6, but 5 in line 1"),
        ([f"{SHA[0]}\t5\t"], "line 1: has no path"),
        ([], "holds no line"),
        ([f"{SHA[0]}\t5\treadme.txt"], "names no image"),
    ],
)
def test_a_bad_line_is_named_by_its_number(lines: list[str], message: str, tmp_path: Path) -> None:
    file = write(lines, tmp_path)
    with pytest.raises(UserError, match=message):
        manifest_of(read_checksums(file), "image_folder", file)


def test_class_folders_lie_below_what_all_paths_share(tmp_path: Path) -> None:
    lines = [
        f"{SHA[0]}\t5\tdata/v1/blast/x.png",
        f"{SHA[0].upper()}\t5\t.\\data\\v1\\normal\\y.png",
        f"{SHA[1]}\t7\tdata/a.md",
    ]
    files = read_checksums(write(lines, tmp_path))
    table = manifest_of(files, guess_adapter(files), tmp_path)
    assert table["label"].tolist() == ["blast", "normal"]
    assert table["source_id"].nunique() == 1
    found = find_duplicates(table, ignored={".md": 1})
    assert found["n_files"] == 3
    assert found["label_conflicts"] == [
        {"images": ["data/v1/blast/x.png", "data/v1/normal/y.png"], "labels": ["blast", "normal"]}
    ]


@pytest.mark.parametrize("root", ["", "/", ".cache/smears/", "../smears/"])
def test_what_systems_put_beside_images_is_left_out_below_what_all_paths_share(root: str, tmp_path: Path) -> None:
    names = ["a/x.png", "b/y.png", "a/@eaDir/x.png/SYNOPHOTO_THUMB_M.jpg", "__MACOSX/a/._x.png"]
    files = read_checksums(write([f"{SHA[0]}\t5\t{root}{name}" for name in names], tmp_path))
    table = manifest_of(files, "image_folder", tmp_path)
    assert table[["path", "label"]].to_numpy().tolist() == [[f"{root}a/x.png", "a"], [f"{root}b/y.png", "b"]]


def test_names_of_cnmc_tell_subjects_whatever_their_case_and_phases_without_names_have_none(tmp_path: Path) -> None:
    lines = [
        f"{SHA[0]}\t5\tC/training_data/fold_0/hem/UID_h10_1_2_hem.bmp",
        f"{SHA[0]}\t5\tC/training_data/fold_2/hem/UID_H3_1_2_hem.bmp",
        f"{SHA[1]}\t6\tC/validation_data/C-NMC_test_prelim_phase_data/1.bmp",
        f"{SHA[2]}\t5\tC/testing_data/C-NMC_test_final_phase_data/1.bmp",
    ]
    files = read_checksums(write(lines, tmp_path))
    assert guess_adapter(files) == "cnmc2019"
    table = manifest_of(files, "cnmc2019", tmp_path).set_index("official_split")
    assert table["subject_id"].to_dict() == {"fold_0": "H10", "fold_2": "H3", "prelim": "", "final": ""}
    found = find_duplicates(table.reset_index())
    assert found["linked_subjects"] == [["H10", "H3"]]
    assert found["split_pairs"] == [{"splits": ["fold_0", "fold_2"], "groups": 1}]
    assert incomparable_parts(files, table.reset_index()) == [
        "No file of final is as long as one of prelim: checksums cannot compare them.",
        "No file of fold_0 is as long as one of prelim: checksums cannot compare them.",
        "No file of fold_2 is as long as one of prelim: checksums cannot compare them.",
        "No file of prelim is as long as one of final, fold_0, fold_2: checksums cannot compare them.",
    ]
    with pytest.raises(UserError, match=r"fold_0/hem/1\.bmp: not a name of C-NMC"):
        manifest_of(files.assign(path=["C/fold_0/hem/1.bmp", *files["path"][1:]]), "cnmc2019", tmp_path)


def test_the_complete_cnmc_has_104_equal_pairs_in_training_and_subject_disjoint_folds_hold(
    shared: Path, tmp_path: Path
) -> None:
    """The numbers that README.md and data/README.md state."""
    out = tmp_path / "duplicates.json"
    listed = shared / "cnmc_lfs_manifest.tsv"
    done = CliRunner().invoke(app, ["data", "duplicates", "--checksums", str(listed), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "15,115 files: 15,114 images, 1 .csv; 15,008 different images" in done.output
    found = read_json(out)
    assert (found["n_files"], found["n_duplicate_groups"]) == (15115, 106)
    assert (found["n_cross_split_groups"], found["n_cross_subject_groups"]) == (94, 99)
    assert (found["n_subjects"], found["n_subject_groups"]) == (73, 66)
    assert found["linked_subjects"] == [["20", "21"], ["51", "75", "78"], ["H10", "H3"], ["H2", "H4", "H5", "H6"]]
    assert found["label_conflicts"] == []
    training = [group for group in found["groups"] if group["splits"][0].startswith("fold")]
    assert len(training) == 104
    assert {len(group["images"]) for group in found["groups"]} == {2}

    table = manifest_of(read_checksums(listed), "cnmc2019", listed)
    table = table[table["official_split"].str.startswith("fold")]
    protocol = Protocol(rung="subject_disjoint", unit="subject", scope="train")
    splits = make_splits(table, KFoldScheme(kind="k_fold", n_splits=5), protocol, 0, None)
    fold = splits[splits["role"] == "test"].set_index("image_id")["fold"]
    assert all(fold[group["images"]].nunique() == 1 for group in training)


# Images


def jpeg(pixels: np.ndarray, quality: int = 75) -> np.ndarray:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality)
    return np.asarray(Image.open(file))


def test_equal_bytes_equal_pixels_and_copies_are_found_and_different_cells_are_not(
    cells: list[Path], tmp_path: Path
) -> None:
    for file in cells:
        shutil.copy(file, tmp_path / file.name)
    pixels = [read_rgb(file, 10**7) for file in cells]
    names = [file.name for file in cells]
    copies = {
        "bytes.png": (0, "bytes", None),
        "pixels.tif": (1, "pixels", pixels[1]),
        "mirrored.png": (2, "near", pixels[2][:, ::-1]),
        "turned.png": (3, "near", np.rot90(pixels[3])),
        "mirrored_turned.jpg": (4, "near", jpeg(np.ascontiguousarray(np.rot90(pixels[4][::-1], 3)), 60)),
        "smaller.png": (5, "near", np.asarray(Image.fromarray(pixels[5]).resize((405, 405), Image.Resampling.BICUBIC))),
        "brighter.png": (6, "near", np.minimum(pixels[6] * 1.1, 255).astype(np.uint8)),
    }
    for name, (of, _, made) in copies.items():
        if made is None:
            shutil.copy(cells[of], tmp_path / name)
        else:
            Image.fromarray(np.ascontiguousarray(made)).save(tmp_path / name)
    manifest = scan(FolderDataset(adapter="image_folder", images=tmp_path), tmp_path, progress=False).manifest
    found = find_duplicates(manifest, look_at_images(manifest, tmp_path, 10**7, progress=False))
    expected = {frozenset((names[of], name)): kind for name, (of, kind, _) in copies.items()}
    assert {frozenset(group["images"]): group["kind"] for group in found["groups"]} == expected
    assert found["n_by_kind"] == {"bytes": 1, "pixels": 1, "near": 5}
    assert found["n_distinct"] == len(cells)


def test_every_orientation_of_a_photograph_without_a_black_border_is_found() -> None:
    coarse = np.random.default_rng(1).integers(60, 255, (9, 12, 3), dtype=np.uint8)
    pixels = np.asarray(Image.fromarray(coarse).resize((360, 270), Image.Resampling.BICUBIC))
    one = fingerprint(pixels)
    for turned in orientations(pixels):
        assert len(near_pairs([one, fingerprint(turned)]).first) == 1


def test_images_of_one_grey_are_near_duplicates_of_nothing() -> None:
    flat = [fingerprint(np.full((40, 40, 3), grey, dtype=np.uint8)) for grey in (0, 90, 90, 255)]
    assert len(near_pairs(flat).first) == 0


def prints(hashes: np.ndarray, pictures: np.ndarray) -> list[Fingerprint]:
    return [Fingerprint(*parts) for parts in zip(hashes, pictures, strict=True)]


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(2, 12), st.integers(20, 34), st.floats(-0.3, 0.3))
def test_pairs_are_those_of_a_plain_loop(seed: int, n: int, bits: int, least: float) -> None:
    generator = np.random.default_rng(seed)
    hashes = generator.integers(0, 2**63, (n, 8), dtype=np.uint64)
    pictures = generator.integers(0, 256, (n, 32, 32), dtype=np.uint8)
    found = near_pairs(prints(hashes, pictures), max_distance=bits, min_correlation=least)
    expected = {}
    for i in range(n):
        for j in range(i + 1, n):
            values = [
                np.corrcoef(turned.ravel(), pictures[j].ravel())[0, 1]
                for turned, own in zip(orientations(pictures[i]), hashes[i], strict=True)
                if bin(int(own) ^ int(hashes[j, 0])).count("1") <= bits
            ]
            if values and max(values) >= least:
                expected[i, j] = max(values)
    assert dict(zip(zip(found.first, found.second, strict=True), found.correlation, strict=True)) == pytest.approx(
        expected, abs=1e-5
    )


def test_ten_thousand_images_are_compared_in_seconds() -> None:
    generator = np.random.default_rng(0)
    hashes = generator.integers(0, 2**63, (10_000, 8), dtype=np.uint64)
    pictures = generator.integers(0, 256, (10_000, 32, 32), dtype=np.uint8)
    hashes[9_999, 0], pictures[9_999] = hashes[3, 5], np.rot90(pictures[3][:, ::-1])
    start = time.process_time()
    found = near_pairs(prints(hashes, pictures))
    assert (found.first.tolist(), found.second.tolist()) == ([3], [9_999])
    assert time.process_time() - start < 10


def test_unreadable_files_and_vanished_ones(cells: list[Path], tmp_path: Path) -> None:
    shutil.copy(cells[0], tmp_path / "a.png")
    (tmp_path / "b.png").touch()
    (tmp_path / "c.png").touch()
    manifest = scan(FolderDataset(adapter="image_folder", images=tmp_path), tmp_path, progress=False).manifest
    found = find_duplicates(manifest, look_at_images(manifest, tmp_path, 10**7, progress=False))
    assert (found["n_files"], found["n_images"], found["n_duplicate_groups"]) == (3, 1, 0)
    nothing = manifest[manifest["status"] != "ok"]
    assert find_duplicates(nothing, look_at_images(nothing, tmp_path, 10**7, progress=False))["groups"] == []
    shutil.copy(cells[1], tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png: its content has changed since the images were scanned"):
        look_at_images(manifest, tmp_path, 10**7, progress=False)
    (tmp_path / "a.png").unlink()
    with pytest.raises(UserError, match=r"a\.png: .*its manifest calls it readable"):
        look_at_images(manifest, tmp_path, 10**7, progress=False)


def test_real_cells_cut_out_twice_under_two_subjects_are_found(shared: Path) -> None:
    """Three pairs of C-NMC cells differ by 14, 40 and 27 pixels at their border: no checksum shows them."""
    images = shared / "cnmc_sample"
    table = pd.DataFrame({"path": sorted(str(p.relative_to(images)) for p in images.rglob("UID_*_1_*_hem.bmp"))})
    table = table.assign(sha256=[sha256_file(images / path) for path in table["path"]], size=1)
    manifest = manifest_of(table, "cnmc2019", images)
    found = find_duplicates(manifest, look_at_images(manifest, images, 10**7, progress=False))
    assert found["n_by_kind"] == {"bytes": 0, "pixels": 0, "near": 3}
    assert found["n_cross_split_groups"] == found["n_cross_subject_groups"] == 3
    assert found["linked_subjects"] == [["H10", "H3"], ["H2", "H6"]]


# The command


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "neither of --manifest and --checksums"),
        (["--manifest", "m.csv", "--checksums", "c.tsv"], "both of --manifest and --checksums"),
        (["--checksums", "c.tsv", "--images", "."], "--images goes with --manifest"),
        (["--manifest", "m.csv", "--adapter", "imss"], "--adapter goes with --checksums"),
        (["--checksums", "c.tsv"], "c.tsv: no such file"),
    ],
)
def test_wrong_options_are_told(options: list[str], message: str) -> None:
    done = CliRunner().invoke(app, ["data", "duplicates", *options, "--out", "out.json"])
    assert done.exit_code == 2
    assert message in done.output
