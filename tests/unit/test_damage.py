"""Files with one changed bit, or cut short: each is found by its reader, or reads as before; none reads otherwise."""

from __future__ import annotations

import contextlib
import io
import pickle
import random
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import torch
import typer
from safetensors.torch import load_file

from leukorepro.cli.app import app
from leukorepro.core.integrity.checksums import BLOCK, CheckedFile
from leukorepro.core.integrity.damaged import OWNED, DamagedFile, set_aside
from leukorepro.core.store import (
    hdf5_reader,
    hdf5_writer,
    parquet_metadata,
    read_csv,
    read_json,
    read_parquet,
    tensors_reader,
    write_csv,
    write_json,
    write_parquet,
    write_tensors,
)
from leukorepro.core.unfinished import Finished
from leukorepro.features.fusion import fuse, read_features, write_rows
from leukorepro.systems.autoencoders.encoder import Encoder
from leukorepro.systems.training.checkpoints import FILE, Record, load_checkpoint, save_checkpoint

SEED = 17
FLIPS = 100
"""Of each kind of file."""

NOISE = np.random.default_rng(SEED)
FRAME = pd.DataFrame(
    {"image_id": [f"image {i}" for i in range(200)], "fold": np.arange(200) % 5, "score": NOISE.random(200)}
)
MATRIX = NOISE.random((24, 30)).astype(np.float32)


class Kind(NamedTuple):
    """A kind of file."""

    write: Callable[[Path], Path]
    """Write one in a folder, with what belongs to it; the file that is damaged."""
    read: Callable[[Path], Any]
    """All that the program takes from it, given the folder; None where it has told that the file is not used."""


def write_features(path: Path, matrix: np.ndarray = MATRIX) -> Path:
    with hdf5_writer(path) as file:
        file["features"] = matrix
        write_rows(file, [f"{i:02d}.png" for i in range(len(matrix))], ["identity"] * len(matrix))
        file.attrs.update({"schema_version": 1, "dataset": "d", "manifest_sha256": "0" * 64, "views": '["identity"]'})
    return path


def features_of(path: Path, *, mapped: bool = False) -> Any:
    read = read_features(path, mapped=mapped)
    with hdf5_reader(path) as file:
        told = {name: str(value) for name, value in file.attrs.items()}
    return read.matrix.tobytes(), read.matrix.shape, read.rows.to_dict("list"), told


def write_fused(folder: Path) -> Path:
    parts = [write_features(folder / f"{name}.h5", MATRIX[:, columns]) for name, columns in PARTS.items()]
    fuse(parts, folder / "fused.h5")
    return folder / "fused.h5"


PARTS = {"left": slice(0, 12), "right": slice(12, 30)}


def write_reducer(path: Path) -> Path:
    encoder = Encoder(*(NOISE.random(n, dtype=np.float32) for n in (6, 6, (4, 6), 4)), *NOISE.random((2, 5)), "epochs")
    with hdf5_writer(path) as file:
        encoder.write(file.create_group("all"))
    return path


def encoder_of(path: Path) -> Any:
    with hdf5_reader(path) as file:
        return {name: np.asarray(value).tolist() for name, value in vars(Encoder.read(file["all"], path)).items()}


def training() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    network = torch.nn.Linear(3, 2)
    return network, torch.optim.Adam(network.parameters())


def write_checkpoint(folder: Path) -> Path:
    torch.manual_seed(SEED)
    network, optimizer = training()
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    history = [{"epoch": 1, "train_loss": 0.25}]
    save_checkpoint(folder, "1", network, optimizer, Record(history, {"running": [MATRIX[0]]}))
    return folder / FILE


def checkpoint_of(folder: Path) -> Any:
    network, optimizer = training()
    with contextlib.redirect_stdout(io.StringIO()) as told:
        record = load_checkpoint(folder, "1", network, optimizer)
    if record is None:
        assert told.getvalue().startswith(f"{folder / FILE}: ")
        return None
    states = [network.state_dict(), *optimizer.state_dict()["state"].values()]
    outputs = {name: np.stack(values).tolist() for name, values in record.outputs.items()}
    return [{name: value.tolist() for name, value in state.items()} for state in states], record.history, outputs


def write_weights(path: Path) -> Path:
    write_tensors({"r0f0.weight": torch.from_numpy(MATRIX)}, {"trained_on": '{"rows": "ä"}', "b": "c"}, path)
    return path


def weights_of(path: Path) -> Any:
    with tensors_reader(path, "weights", "train first", "remove it") as stored:
        told = {name: value for name, value in stored.metadata().items() if name in ("trained_on", "b")}
        return told, {name: stored.get_tensor(name).tolist() for name in stored.keys()}  # noqa: SIM118


def write_unfinished(folder: Path) -> Path:
    finished = Finished(folder)
    for block in np.split(MATRIX, 4):
        finished.append(block.tobytes())
    return finished.path


def unfinished_of(folder: Path) -> Any:
    """Blocks that are taken must be those that were written; fewer of them have been told."""
    finished = Finished(folder)
    with contextlib.redirect_stdout(io.StringIO()):
        finished.go_on()
    taken = finished.path.read_bytes()
    assert taken == MATRIX.tobytes()[: finished.size]
    assert finished.size % (MATRIX.nbytes // 4) == 0
    return taken if finished.size == MATRIX.nbytes else None


def write_predictions(folder: Path) -> Path:
    write_parquet(FRAME, folder / "p.parquet", {"engines": '{"SVM": "scikit-learn"}'})
    return folder / "p.parquet"


def write_owned(write: Callable[[Path], None], path: Path) -> Path:
    """As the workflow's jobs write, which leave a digest beside what cannot carry checksums."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(OWNED, str(path.parent))
        write(path)
    return path


KINDS = {
    "table": Kind(
        lambda folder: write_owned(lambda path: write_csv(FRAME, path), folder / "t.csv"),
        lambda folder: read_csv(folder / "t.csv", list(FRAME)).to_dict("list"),
    ),
    "JSON": Kind(
        lambda folder: write_owned(lambda path: write_json({"a": [1.5, "b"]}, path), folder / "j.json"),
        lambda folder: read_json(folder / "j.json"),
    ),
    "predictions": Kind(
        write_predictions,
        lambda folder: (read_parquet(folder / "p.parquet").to_dict("list"), parquet_metadata(folder / "p.parquet")),
    ),
    "features": Kind(lambda folder: write_features(folder / "f.h5"), lambda folder: features_of(folder / "f.h5")),
    "features, mapped": Kind(
        lambda folder: write_features(folder / "f.h5"), lambda folder: features_of(folder / "f.h5", mapped=True)
    ),
    "fused": Kind(write_fused, lambda folder: features_of(folder / "fused.h5")),
    "part of a fused file": Kind(
        lambda folder: write_fused(folder).with_name("right.h5"), lambda folder: features_of(folder / "fused.h5")
    ),
    "reducer": Kind(lambda folder: write_reducer(folder / "r.h5"), lambda folder: encoder_of(folder / "r.h5")),
    "checkpoint": Kind(write_checkpoint, checkpoint_of),
    "weights": Kind(
        lambda folder: write_weights(folder / "w.safetensors"), lambda folder: weights_of(folder / "w.safetensors")
    ),
    "unfinished rows": Kind(write_unfinished, unfinished_of),
    "sums of unfinished rows": Kind(lambda folder: write_unfinished(folder).with_name("sums"), unfinished_of),
}


class Sound(NamedTuple):
    """A kind of file as it was written once."""

    kind: Kind
    damaged: str
    """Name of the file that is damaged."""
    files: dict[str, bytes]
    values: Any

    def after(self, folder: Path, damage: Callable[[bytes], bytes]) -> str:
        """Damage the file of a copy in a new folder: found, and named where it is an error, or harmless."""
        folder.mkdir()
        for name, content in self.files.items():
            (folder / name).write_bytes(damage(content) if name == self.damaged else content)
        try:
            values = self.kind.read(folder)
        except DamagedFile as error:
            told = str(error)
        else:
            assert values in (None, self.values), "changed without a word"
            return "harmless" if values else "found"
        assert str(folder / self.damaged) in told.split("; ")[0]
        assert "\n" not in told
        return "found"


@pytest.fixture(params=KINDS)
def sound(request: pytest.FixtureRequest, tmp_path: Path) -> Sound:
    folder = tmp_path / "sound"
    folder.mkdir()
    kind = KINDS[request.param]
    damaged = kind.write(folder)
    values = kind.read(folder)
    assert values is not None
    return Sound(kind, damaged.name, {file.name: file.read_bytes() for file in folder.iterdir()}, values)


def test_a_changed_bit_is_found_or_changes_nothing(tmp_path: Path, sound: Sound) -> None:
    draw = random.Random(SEED)

    def flipped(content: bytes) -> bytes:
        place = draw.randrange(8 * len(content))
        return content[: place // 8] + bytes([content[place // 8] ^ 1 << place % 8]) + content[place // 8 + 1 :]

    ends = Counter(sound.after(tmp_path / str(number), flipped) for number in range(FLIPS))
    print(f"{sound.damaged}: {FLIPS} flips, {dict(ends)}")
    assert ends["found"] > FLIPS / 2


def test_a_file_that_is_cut_short_is_found_or_changes_nothing(tmp_path: Path, sound: Sound) -> None:
    shares = (0, 0.02, 0.3, 0.5, 0.8, 0.99)
    ends = [
        sound.after(tmp_path / str(share), lambda content, share=share: content[: int(share * len(content))])  # type: ignore[misc]
        for share in shares
    ]
    assert ends == ["found"] * 6
    assert sound.after(tmp_path / "last byte", lambda content: content[:-1]) == "found"


def test_a_part_is_read_without_the_rest_and_what_is_read_is_checked(tmp_path: Path) -> None:
    path = tmp_path / "large.h5"
    matrix = np.arange(BLOCK, dtype=np.float32).reshape(64, -1)  # four blocks
    with hdf5_writer(path) as file:
        file["features"] = matrix
        file.attrs["dataset"] = "d"
    content = bytearray(path.read_bytes())
    content[content.index(matrix[50].tobytes()) + 5] ^= 64
    path.write_bytes(content)
    with hdf5_reader(path) as file:
        assert file.attrs["dataset"] == "d"
        np.testing.assert_array_equal(file["features"][3:20], matrix[3:20])
    with pytest.raises(DamagedFile, match="was changed since it was written"), hdf5_reader(path) as file:
        file["features"][50]
    with CheckedFile(path) as checked, pytest.raises(DamagedFile):
        checked.check(0, len(content))


def test_a_process_that_has_found_damage_ends_well(tmp_path: Path) -> None:
    """What went wrong must not keep the buffer that HDF5 wanted filled."""
    path = write_features(tmp_path / "f.h5")
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    code = f"""
from pathlib import Path
from leukorepro.core.integrity.damaged import DamagedFile
from leukorepro.core.store import hdf5_reader
try:
    with hdf5_reader(Path({str(path)!r})):
        pass
except DamagedFile:
    print("found")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "found\n"


def test_other_programs_read_the_files_and_files_of_other_programs_are_read(tmp_path: Path) -> None:
    table, features, weights = write_predictions(tmp_path), write_features(tmp_path / "f.h5"), tmp_path / "w"
    write_weights(weights)
    pd.testing.assert_frame_equal(pq.read_table(table).to_pandas(), FRAME)
    with h5py.File(features) as file:
        np.testing.assert_array_equal(file["features"], MATRIX)
    np.testing.assert_array_equal(load_file(weights)["r0f0.weight"], MATRIX)
    FRAME.to_parquet(table)
    pd.testing.assert_frame_equal(read_parquet(table), FRAME)
    with h5py.File(features, "w") as file:
        file["features"] = MATRIX
        write_rows(file, ["a.png"] * 24, ["identity"] * 24)
    np.testing.assert_array_equal(read_features(features).matrix, MATRIX)


def test_equal_tensors_give_equal_bytes(tmp_path: Path) -> None:
    """The library leaves the order of metadata to chance."""
    written = {write_weights(tmp_path / f"{number}.safetensors").read_bytes() for number in range(8)}
    assert len(written) == 1


# --------------------------------------------------------------------------------------------------------- made anew


def fused_by_command(folder: Path, parts: list[Path]) -> tuple[int, str]:
    words = ["features", "fuse", "--output", str(folder / "fused.h5"), *map(str, parts)]
    with contextlib.redirect_stderr(io.StringIO()) as told, pytest.raises(SystemExit) as ended:
        typer.main.get_command(app)(words, prog_name="leukorepro")
    return int(ended.value.code or 0), told.getvalue()


@pytest.mark.parametrize("owned", ["here", "elsewhere", None])
def test_a_damaged_file_of_the_workflow_makes_way_and_nobody_elses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owned: str | None
) -> None:
    folder = tmp_path / "here"
    parts = [write_features(folder / f"{name}.h5") for name in PARTS]
    content = bytearray(parts[1].read_bytes())
    content[len(content) // 2] ^= 1
    parts[1].write_bytes(content)
    monkeypatch.delenv(OWNED, raising=False)
    if owned is not None:
        monkeypatch.setenv(OWNED, str(tmp_path / owned))
    code, told = fused_by_command(folder, parts)
    assert code == 2
    assert told.startswith(f"leukorepro: {parts[1]}: was changed since it was written")
    assert told.count("\n") == 1
    if owned == "here":
        assert told.endswith("; moved to right.h5.damaged, run the same command again, which makes it anew.\n")
        assert not parts[1].exists()
        assert (folder / "right.h5.damaged").read_bytes() == content
        write_features(parts[1])
        assert fused_by_command(folder, parts)[0] == 0
    else:
        assert parts[1].read_bytes() == content
    assert not list(folder.glob("*.damaged"))


@pytest.mark.parametrize("end", [-1, -4])  # of the last line's end, and inside its last number
def test_a_table_of_the_workflow_that_is_cut_short_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: int
) -> None:
    path = tmp_path / "t.csv"
    write_csv(FRAME, path)
    path.write_bytes(path.read_bytes()[:end])
    read_csv(path, list(FRAME))  # a person's table may end so
    monkeypatch.setenv(OWNED, str(tmp_path))
    with pytest.raises(DamagedFile, match="cut short"):
        read_csv(path, list(FRAME))


def test_a_fused_file_goes_with_its_damaged_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Snakemake would not make the part again for a fused file that is there."""
    fused = write_fused(tmp_path)
    (tmp_path / "left.h5").write_bytes(b"\0" * 100)
    monkeypatch.setenv(OWNED, str(tmp_path))
    with pytest.raises(DamagedFile) as caught:
        read_features(fused)
    from_a_worker = pickle.loads(pickle.dumps(caught.value))
    assert set_aside(from_a_worker).startswith(f"{tmp_path / 'left.h5'}: ")
    assert {file.name for file in tmp_path.iterdir()} == {"left.h5.damaged", "right.h5"}
