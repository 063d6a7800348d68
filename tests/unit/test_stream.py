"""The machinery that every feature file comes from, with a computation that needs no network."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_disk import room_for
from torchvision.transforms import InterpolationMode, Resize

from leukorepro.core.errors import UserError
from leukorepro.core.file_errors import FileError
from leukorepro.core.store import HOST, sha256_file, write_json
from leukorepro.core.unfinished import Finished
from leukorepro.data.images import UnreadableImage, scanned_image
from leukorepro.features import stream as module
from leukorepro.features.stream import Request, stream

SIZE = 16
DIM = 5
VIEWS = ["identity", "hflip", "rot90"]
OPTIONS = {"threads": 2, "block_rows": 6}


def compute(block: np.ndarray) -> np.ndarray:
    """Some pixels of every row."""
    return block.reshape(len(block), -1)[:, :DIM].astype(np.float32)


@pytest.fixture
def request_(tmp_path: Path) -> Request:
    """Eleven images of different sizes, the last one a file that was unreadable when it was scanned."""
    rng = np.random.default_rng(0)
    rows = []
    for i in range(11):
        name, status = f"{i:02d}.bmp", "ok" if i < 10 else "truncated"
        Image.fromarray(rng.integers(0, 256, (20 + i, 30, 3), dtype=np.uint8)).save(tmp_path / name)
        rows.append({"image_id": name, "path": name, "sha256": sha256_file(tmp_path / name), "status": status})
    return Request("d", pd.DataFrame(rows), "0" * 64, tmp_path, VIEWS, SIZE, 10**8)


def header(request: Request) -> dict[str, object]:
    return request.header(["features"], ["numpy"]) | {"engine": "test"}


def run(request: Request, output: Path, **options: int) -> np.ndarray:
    stream(request, output, compute, DIM, header(request), **{**OPTIONS, **options})
    with h5py.File(output) as file:
        return np.asarray(file["features"])


def test_rows_are_views_of_readable_images_in_order(request_: Request, tmp_path: Path) -> None:
    features = run(request_, tmp_path / "f.h5")
    with h5py.File(tmp_path / "f.h5") as file:
        assert file["features"].dtype == np.float32
        assert list(file["image_id"].asstr()) == [f"{i:02d}.bmp" for i in range(10) for _ in VIEWS]
        assert list(file["view"].asstr()) == VIEWS * 10
        assert dict(file.attrs) == header(request_)
    flips = {"hflip": Image.Transpose.FLIP_LEFT_RIGHT, "rot90": Image.Transpose.ROTATE_90}
    expected = []
    for i in range(10):
        for view in VIEWS:
            image = Image.open(tmp_path / f"{i:02d}.bmp")
            image = image.transpose(flips[view]) if view in flips else image
            expected.append(np.asarray(Resize((SIZE, SIZE))(image)).ravel()[:DIM])
    np.testing.assert_array_equal(features, expected)


def test_an_image_that_changed_since_the_scan_stops_with_its_name(request_: Request, tmp_path: Path) -> None:
    """Although it can be read: labels, subjects and duplicates were looked at in another one."""
    Image.new("RGB", (30, 23)).save(tmp_path / "03.bmp")
    with pytest.raises(
        UserError, match=rf"^{tmp_path}/03.bmp: its content has changed since .*; scan the dataset again"
    ):
        run(request_, tmp_path / "f.h5")
    assert not (tmp_path / "f.h5").exists()


def test_interpolation_is_that_of_the_request(request_: Request, tmp_path: Path) -> None:
    cubic = replace(request_, interpolation="bicubic")
    expected = Resize((SIZE, SIZE), InterpolationMode.BICUBIC)(Image.open(tmp_path / "03.bmp"))
    file = request_.files()[3]
    np.testing.assert_array_equal(cubic.read(file, ["identity"])[0], np.asarray(expected))
    assert (cubic.read(file, ["identity"]) != request_.read(file, ["identity"])).any()


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("block_rows", [1, 7, 100])
def test_bytes_do_not_depend_on_threads_and_blocks(
    request_: Request, tmp_path: Path, threads: int, block_rows: int
) -> None:
    run(request_, tmp_path / "a.h5")
    run(request_, tmp_path / "b.h5", threads=threads, block_rows=block_rows)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_blocks_are_whole_images(request_: Request, tmp_path: Path) -> None:
    sizes = []

    def noting(block: np.ndarray) -> np.ndarray:
        sizes.append(len(block))
        return compute(block)

    stream(request_, tmp_path / "f.h5", noting, DIM, header(request_), threads=1, block_rows=13)
    assert sizes == [12, 12, 6]


def test_an_interrupted_job_continues_and_ends_in_the_same_bytes(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(request_, tmp_path / "whole.h5")

    def fails(path: Path, sha256: str, max_pixels: int) -> Image.Image:
        if path.name == "07.bmp":
            raise UnreadableImage(path, "truncated", "pulled out")
        return scanned_image(path, sha256, max_pixels)

    monkeypatch.setattr(module, "scanned_image", fails)
    with pytest.raises(UnreadableImage):
        run(request_, tmp_path / "cut.h5")
    assert not (tmp_path / "cut.h5").exists()
    monkeypatch.undo()
    # A block that was cut off in the middle of writing does not count.
    rows = tmp_path / ".cut.h5.partial" / "rows"
    assert rows.stat().st_size == 6 * len(VIEWS) * DIM * 4
    with rows.open("ab") as file:
        file.write(b"half a row")
    capsys.readouterr()
    run(request_, tmp_path / "cut.h5")
    assert "continuing after 6 of 10 images" in capsys.readouterr().out
    assert (tmp_path / "cut.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert not (tmp_path / ".cut.h5.partial").exists()


KILLED = """
import sys, time
import numpy as np, pandas as pd
from pathlib import Path
from leukorepro.features.stream import Request, stream

def slow(block):
    time.sleep(0.1)
    return block.reshape(len(block), -1)[:, :5].astype(np.float32)

folder = Path(sys.argv[1])
manifest = pd.read_csv(folder / "manifest.csv")
request = Request("d", manifest, "0" * 64, folder, ["identity", "hflip", "rot90"], 16, 10**8)
header = request.header(["features"], ["numpy"]) | {"engine": "test"}
stream(request, folder / "killed.h5", slow, 5, header, threads=2, block_rows=6)
"""


def test_a_killed_job_continues_and_ends_in_the_same_bytes(
    request_: Request, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run(request_, tmp_path / "whole.h5")
    request_.manifest.to_csv(tmp_path / "manifest.csv", index=False)
    rows = tmp_path / ".killed.h5.partial" / "rows"
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path)], stderr=subprocess.DEVNULL) as job:
        deadline = time.monotonic() + 60
        while not (rows.is_file() and rows.stat().st_size) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(job.pid, signal.SIGKILL)
    assert not (tmp_path / "killed.h5").exists()
    assert 0 < rows.stat().st_size < 30 * DIM * 4
    run(request_, tmp_path / "killed.h5")
    assert "continuing after" in capsys.readouterr().out
    assert (tmp_path / "killed.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()


def test_another_header_does_not_continue_what_was_begun(request_: Request, tmp_path: Path) -> None:
    expected = run(request_, tmp_path / "a.h5")
    partial = tmp_path / ".b.h5.partial"
    partial.mkdir()
    (partial / "header.json").write_text("{}\n")
    Finished(partial).append(b"\1" * (6 * DIM * 4))
    np.testing.assert_array_equal(run(request_, tmp_path / "b.h5"), expected)


def test_two_jobs_on_one_file_do_not_mix(request_: Request, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The second waits for the first, and takes what it left."""
    run(request_, tmp_path / "f.h5")
    whole = (tmp_path / "f.h5").read_bytes()
    (tmp_path / "f.h5").unlink()
    (tmp_path / ".f.h5.partial").mkdir()
    lock = (tmp_path / ".f.h5.partial" / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    second = threading.Thread(target=run, args=(request_, tmp_path / "f.h5"))
    second.start()
    for _ in range(600):
        if "waiting until it has finished" in capsys.readouterr().out:
            break
        second.join(0.1)
    else:
        pytest.fail("the second job did not wait")
    # The first one ends as it does: its file in place, its folder gone.
    (tmp_path / "f.h5").write_bytes(whole)
    shutil.rmtree(tmp_path / ".f.h5.partial")
    lock.close()
    second.join(60)
    assert not second.is_alive()
    assert "complete already" in capsys.readouterr().out
    assert (tmp_path / "f.h5").read_bytes() == whole
    assert not (tmp_path / ".f.h5.partial").exists()


@pytest.fixture(params=[errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL])
def no_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """As on network file systems: what the system says there."""

    def fails(*_: object) -> None:
        raise OSError(request.param, os.strerror(request.param))

    monkeypatch.setattr(fcntl, "flock", fails)
    return os.strerror(request.param)


def test_without_locks_the_work_is_done_and_that_is_said_once(
    request_: Request, tmp_path: Path, capsys: pytest.CaptureFixture[str], no_locks: str
) -> None:
    run(request_, tmp_path / "f.h5")
    assert capsys.readouterr().out.count(f"no locks on this file system ({no_locks})") == 1
    with h5py.File(tmp_path / "f.h5") as file:
        assert dict(file.attrs) == header(request_)
    assert [path.name for path in tmp_path.glob(".*")] == []


@pytest.mark.parametrize("how", ["interrupted", "killed"])
@pytest.mark.usefixtures("no_locks")
def test_without_locks_what_was_begun_is_continued(
    request_: Request, tmp_path: Path, capsys: pytest.CaptureFixture[str], how: str
) -> None:
    whole = run(request_, tmp_path / "whole.h5")
    left = tmp_path / ".f.h5.partial"
    if how == "killed":
        with subprocess.Popen(["true"]) as ended:
            left = left.with_name(f"{left.name}.{HOST}.{ended.pid}.0123abcd")
    left.mkdir()
    Finished(left).append(whole[: 6 * len(VIEWS)].tobytes())
    write_json(header(request_), left / "header.json")
    run(request_, tmp_path / "f.h5")
    assert "continuing after 6 of 10 images" in capsys.readouterr().out
    assert (tmp_path / "f.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_without_locks_two_jobs_with_other_input_do_not_mix(request_: Request, tmp_path: Path, no_locks: str) -> None:  # noqa: ARG001
    """One after the other, in the middle of each other: what is written last is whole, and so is what it replaced."""
    expected = run(request_, tmp_path / "whole.h5")
    other = replace(request_, manifest_sha256="1" * 64)

    def meanwhile(block: np.ndarray) -> np.ndarray:
        if not (tmp_path / "f.h5").exists():
            stream(other, tmp_path / "f.h5", lambda b: compute(b) + 1, DIM, header(other), **OPTIONS)
            with h5py.File(tmp_path / "f.h5") as file:
                np.testing.assert_array_equal(file["features"], expected + 1)
        return compute(block)

    stream(request_, tmp_path / "f.h5", meanwhile, DIM, header(request_), threads=1, block_rows=6)
    with h5py.File(tmp_path / "f.h5") as file:
        np.testing.assert_array_equal(file["features"], expected)


@pytest.mark.parametrize("size", [0, 100, 330, 1000])  # the header has about 300 bytes, the rows have 600
def test_a_full_disk_stops_the_work_and_keeps_what_was_computed(
    request_: Request, tmp_path: Path, capsys: pytest.CaptureFixture[str], size: int
) -> None:
    run(request_, tmp_path / "whole.h5")
    with room_for(size), pytest.raises(FileError, match="what is complete is kept") as caught:
        run(request_, tmp_path / "f.h5")
    assert str(tmp_path) in str(caught.value)
    assert not (tmp_path / "f.h5").exists()
    capsys.readouterr()
    run(request_, tmp_path / "f.h5")
    assert ("continuing after" in capsys.readouterr().out) == (size >= 330)
    assert (tmp_path / "f.h5").read_bytes() == (tmp_path / "whole.h5").read_bytes()
    assert [path.name for path in tmp_path.glob(".*")] == []


def test_a_complete_file_of_other_input_is_made_again(request_: Request, tmp_path: Path) -> None:
    run(replace(request_, manifest_sha256="1" * 64), tmp_path / "f.h5")
    run(request_, tmp_path / "f.h5")
    with h5py.File(tmp_path / "f.h5") as file:
        assert file.attrs["manifest_sha256"] == "0" * 64


def test_features_that_are_not_finite_are_refused_with_the_image(request_: Request, tmp_path: Path) -> None:
    def broken(block: np.ndarray) -> np.ndarray:
        rows = compute(block)
        rows[4] = np.nan
        return rows

    with pytest.raises(UserError, match=r"the features of 01\.bmp are not finite"):
        stream(request_, tmp_path / "f.h5", broken, DIM, header(request_), **OPTIONS)


@pytest.mark.parametrize("wrong", [lambda rows: rows.astype(np.float64), lambda rows: rows[:, 1:]])
def test_rows_of_another_kind_are_refused(request_: Request, tmp_path: Path, wrong: object) -> None:
    with pytest.raises(ValueError, match="not float32 with 5 columns"):
        stream(request_, tmp_path / "f.h5", lambda b: wrong(compute(b)), DIM, header(request_), **OPTIONS)


def test_a_dataset_without_a_readable_image_is_refused(request_: Request, tmp_path: Path) -> None:
    nothing = replace(request_, manifest=request_.manifest.assign(status="empty"))
    with pytest.raises(UserError, match="no readable image"):
        run(nothing, tmp_path / "f.h5")


def test_images_in_memory_do_not_grow_with_their_number(
    request_: Request, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading runs ahead of writing by a fixed number of images, however many there are."""
    many = pd.concat([request_.manifest.iloc[:10].assign(image_id=f"{i}") for i in range(8)], ignore_index=True)
    read, written, ahead = [0], [0], [0]

    def counted(path: Path, sha256: str, max_pixels: int) -> Image.Image:
        read[0] += 1
        ahead[0] = max(ahead[0], read[0] - written[0])
        return scanned_image(path, sha256, max_pixels)

    class Bar(module.tqdm):
        def update(self, n: float = 1) -> None:
            written[0] += int(n)
            time.sleep(0.002)  # writing is the slowest part, so that reading could run away

    monkeypatch.setattr(module, "scanned_image", counted)
    monkeypatch.setattr(module, "tqdm", Bar)
    run(replace(request_, manifest=many), tmp_path / "f.h5")
    assert read[0] == written[0] == 80  # once for all of an image's views
    assert ahead[0] <= (2 * OPTIONS["threads"] + 1) * 2  # blocks of two images


MEMORY = """
import resource, sys
import numpy as np, pandas as pd
from pathlib import Path
from leukorepro.core.device import keep_freed_memory
from leukorepro.core.store import sha256_file
from leukorepro.features.stream import Request, stream

folder, n = Path(sys.argv[1]), int(sys.argv[2])
keep_freed_memory()
sha256 = sha256_file(folder / "00.bmp")
manifest = pd.DataFrame({"image_id": [f"{i}" for i in range(n)], "path": "00.bmp", "sha256": sha256, "status": "ok"})
views = ["identity", "hflip", "vflip", "rot180"]
request = Request("d", manifest, "0" * 64, folder, views, 70, 10**8)
compute = lambda block: np.repeat(block.reshape(len(block), -1)[:, :1], 1024, 1).astype(np.float32)
stream(request, folder / f"{n}.h5", compute, 1024, request.header(["features"], ["numpy"]), threads=2, block_rows=32)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.long
def test_memory_of_100_000_rows_is_that_of_1_000(request_: Request, tmp_path: Path) -> None:  # noqa: ARG001 (its images)
    """Largest resident memory of processes of their own; the features alone would be 400 MB."""
    peaks = []
    for images in (250, 25_000):
        command = [sys.executable, "-c", MEMORY, str(tmp_path), str(images)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peaks.append(int(done.stdout.split()[-1]))
    assert peaks[1] <= 1.1 * peaks[0]
