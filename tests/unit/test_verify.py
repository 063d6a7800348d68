"""What is written of the workflow's files beside them, and how results are compared with it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
import torch
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.core.integrity.damaged import OWNED
from leukorepro.core.integrity.recorded import move_recorded, record, record_of, remove_recorded
from leukorepro.core.integrity.verification import files_to_verify, verify
from leukorepro.core.store import (
    hdf5_writer,
    read_json,
    write_bytes,
    write_csv,
    write_json,
    write_parquet,
    write_tensors,
    write_text,
)

FRAME = pd.DataFrame({"fold": [0, 1, 2], "score": [0.25, 0.5, 0.75]})


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of results with one file of each kind, as the workflow's jobs write them."""
    monkeypatch.chdir(tmp_path)
    folder = Path("results")
    monkeypatch.setenv(OWNED, str(folder))
    with hdf5_writer(folder / "features/d/f.h5") as file:
        file["features"] = np.eye(5, dtype=np.float32)
    write_parquet(FRAME, folder / "demo/predictions.parquet")
    write_tensors({"w": torch.ones(3)}, {}, folder / "demo/weights.safetensors")
    write_csv(FRAME, folder / "demo/metrics.csv")
    write_json({"a": 1}, folder / "demo/config.json")
    write_text("<p>Grün", folder / "demo/report/index.html")
    write_bytes(b"\x89PNG", folder / "demo/report/cell.png")
    (folder / "benchmarks").mkdir()
    (folder / "benchmarks/job.tsv").write_text("s\n1\n")
    monkeypatch.delenv(OWNED)
    return folder


FILES = {
    "features/d/f.h5": "crc32",
    "demo/predictions.parquet": "crc32",
    "demo/weights.safetensors": "crc32",
    "demo/metrics.csv": "sha256",
    "demo/config.json": "sha256",
    "demo/report/index.html": "sha256",
    "demo/report/cell.png": "sha256",
    "benchmarks/job.tsv": "none",
}


def verified(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["verify", *words])
    return done.exit_code, done.output


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_sound_results_are_told_so(results: Path) -> None:
    code, told = verified("--out", "told.json")
    assert code == 0, told
    content = json.loads(Path("told.json").read_text())
    assert content["files"] == len(FILES)
    assert content["bytes"] == sum((results / file).stat().st_size for file in FILES)
    assert content["compared"] == {kind: list(FILES.values()).count(kind) for kind in ("crc32", "sha256", "none")}
    assert content["faults"] == []
    assert "Not as they were written: 0." in told


@pytest.mark.parametrize("file", [file for file, kind in FILES.items() if kind != "none"])
@pytest.mark.parametrize("damage", [flip, Path.unlink])
def test_each_damaged_or_lost_file_is_named(results: Path, file: str, damage: object) -> None:
    assert callable(damage)
    damage(results / file)
    lost = not (results / file).exists()
    code, told = verified()
    if lost and FILES[file] == "crc32":  # nothing is left that tells of it; Snakemake knows
        assert code == 0
        return
    assert code == 1
    (line,) = [line for line in told.splitlines() if file in line]
    assert line.startswith(f"results/{file}: was written and is gone" if lost else f"results/{file}: was changed since")


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that fails when it is read")
@pytest.mark.parametrize("file", sorted(FILES.keys() - {"demo/predictions.parquet"}))  # its size is looked at first
def test_a_file_that_the_disk_does_not_give_is_named_and_the_others_are_read(results: Path, file: str) -> None:
    """With a digest beside it, with checksums in it and with neither; also where edits are to be taken as they are."""
    (results / file).unlink()
    (results / file).symlink_to("/proc/self/mem")
    for words in ([], ["--accept"]):
        code, told = verified(*words, "--out", "told.json")
        assert code == 1
        content = json.loads(Path("told.json").read_text())
        assert [one["file"] for one in content["faults"]] == [f"results/{file}"]
        assert content["files"] == sum(content["compared"].values()) == len(FILES) - 1
        assert f"results/{file}: Input/output error" in told
        assert "Not as they were written: 0.\nNot read, so that nothing is known of them: 1." in told


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="Linux tells there what a process has read")
@pytest.mark.parametrize("name", ["a.tsv", "a.h5", "a.parquet"])
def test_what_has_nothing_to_be_compared_with_is_read_to_its_end(results: Path, name: str) -> None:
    file, values = results / "benchmarks" / name, np.arange(3_000_000) ** 2
    if name == "a.h5":
        with h5py.File(file, "w") as written:
            written["values"] = values
    elif name == "a.parquet":
        pd.DataFrame({"values": values}).to_parquet(file, compression=None)
    else:
        file.write_bytes(values.tobytes())
    verified()  # what is imported is read, too

    def read() -> int:
        return int(Path("/proc/self/io").read_text().split()[1])

    before = read()
    code, told = verified()
    assert code == 0, told
    assert "and only read: 2." in told
    assert read() - before > file.stat().st_size > 20_000_000


def test_a_folder_that_may_not_be_read_is_a_fault(results: Path) -> None:
    """It is named once; root's process has no capabilities."""
    prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    if prefix and shutil.which(prefix[0]) is None:
        pytest.skip("permissions do not bind root, and there is no setpriv")
    flip(results / "demo/report/index.html")
    report = results / "demo/report"
    for folder, places, n_read in ((report, ["results", "results/demo"], 6), (results / "demo", [], 2)):
        folder.chmod(0)
        try:
            done = subprocess.run(
                [*prefix, sys.executable, "-m", "leukorepro", "verify", *places, "--out", "told.json"],
                capture_output=True,
                text=True,
                check=False,
            )
        finally:
            folder.chmod(0o755)
        assert done.returncode == 1, done.stderr
        assert done.stdout.count(f"{folder}: Permission denied") == 1
        assert json.loads(Path("told.json").read_text())["files"] == n_read


def test_folders_that_links_lead_to_are_read_once(results: Path, tmp_path: Path) -> None:
    (results / "demo/report").rename(tmp_path / "scratch")
    (results / "demo/report").symlink_to(tmp_path / "scratch")
    (tmp_path / "scratch/again").symlink_to(results.resolve())
    assert verified()[0] == 0
    flip(tmp_path / "scratch/index.html")
    code, told = verified()
    assert code == 1
    assert "results/demo/report/index.html: was changed since" in told
    assert f"{len(FILES)} files" in told


def test_a_named_file_of_which_only_a_trace_is_left_is_told(results: Path) -> None:
    files = [results / file for file in FILES]
    for file in files[:3]:
        file.rename(f"{file}.damaged")
    for file in files[3:6]:
        file.unlink()
    files[6].unlink()
    files[6].symlink_to("nowhere")
    told, unread = files_to_verify([*files, results / "never"])
    assert told == sorted(files)
    assert not unread
    assert sum(one.fault is not None for one in verify(told)) == 7


def test_coreutils_compare_the_same_digests(results: Path) -> None:
    done = subprocess.run(
        ["sha256sum", "--check", ".metrics.csv.sha256", ".config.json.sha256"],
        cwd=results / "demo",
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "metrics.csv: OK\nconfig.json: OK\n"


def test_an_edit_on_purpose_is_accepted(results: Path) -> None:
    file = results / "demo/config.json"
    file.write_text('{"a": 2}\n')
    (results / "demo/report/cell.png").unlink()
    flip(results / "demo/predictions.parquet")
    assert verified()[0] == 1
    code, told = verified("--accept")
    assert code == 1  # a binary file is not edited
    assert "demo/config.json: taken as it is" in told
    assert read_json(file) == {"a": 2}
    code, told = verified(str(file), "results/demo/report")
    assert code == 0, told


def test_only_what_the_workflow_writes_below_its_results_has_a_digest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside, outside = tmp_path / "results/a.csv", tmp_path / "b.csv"
    write_csv(FRAME, inside)
    assert not record_of(inside).exists()
    monkeypatch.setenv(OWNED, str(tmp_path / "results"))
    for path in (inside, outside):
        write_csv(FRAME, path)
    assert record_of(inside).exists()
    assert not record_of(outside).exists()
    monkeypatch.delenv(OWNED)
    write_csv(FRAME.head(1), inside)  # by hand: the old digest is none of its
    assert not record_of(inside).exists()


def test_a_digest_goes_where_its_file_goes(results: Path) -> None:
    old, new = results / "demo/metrics.csv", results / "demo/new.csv"
    text = old.read_text()
    move_recorded(old, new)
    assert new.read_text() == text
    assert not record_of(old).exists()
    assert record_of(new).read_text().endswith("  new.csv\n")
    remove_recorded(new)
    assert not new.exists()
    assert not record_of(new).exists()
    assert verified()[0] == 0


def test_a_process_killed_while_a_file_is_replaced_leaves_no_digest_of_another(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped where it would write the digest, after the new file has its name."""

    def killed(_: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setenv(OWNED, str(results))
    monkeypatch.setattr("leukorepro.core.store.record", killed)
    with pytest.raises(KeyboardInterrupt):
        write_json({"a": 3}, results / "demo/config.json")
    assert read_json(results / "demo/config.json") == {"a": 3}
    assert verified()[0] == 0


def test_of_two_writers_of_one_file_neither_leaves_a_digest_of_the_others(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one's file takes its place between a writer's reading and its writing down."""
    file, other = results / "demo/metrics.csv", results / "other.csv"
    other.write_text("another table\n")
    fstat = os.fstat

    def replaced(descriptor: int) -> os.stat_result:
        status = fstat(descriptor)
        if other.exists():
            other.replace(file)
        return status

    monkeypatch.setattr("leukorepro.core.integrity.recorded.os.fstat", replaced)
    record(file)
    assert not record_of(file).exists()
    assert verified()[0] == 0
