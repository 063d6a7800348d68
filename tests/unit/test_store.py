from __future__ import annotations

import errno
import fcntl
import io
import math
import os
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import save_file

from leukorepro.core.errors import UserError
from leukorepro.core.file_errors import FileError
from leukorepro.core.store import (
    atomic_path,
    hdf5_reader,
    hdf5_writer,
    parquet_metadata,
    read_csv,
    read_json,
    read_parquet,
    sha256_file,
    tensors_reader,
    write_csv,
    write_json,
    write_parquet,
    write_text,
)

FRAME = pd.DataFrame({"image_id": ["a", "b", ""], "fold": [0, 1, 2], "score": [0.1, -1e-300, 1 / 3]})


@pytest.fixture
def umask() -> Iterator[Callable[[int], int]]:
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


def write_any_hdf5(path: Path) -> None:
    with hdf5_writer(path) as file:
        file.create_dataset("features", data=np.arange(4000.0).reshape(40, 100), chunks=(8, 100))
        file.create_group("part").attrs["name"] = "x"


# --------------------------------------------------------------------------------------------------------------- atomic


@pytest.mark.parametrize("old", [None, "good"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, old: str | None, error: type[BaseException]
) -> None:
    path = tmp_path / "folder" / "file.txt"
    if old is not None:
        write_text(old, path)

    def fail() -> None:
        with atomic_path(path) as temporary:
            temporary.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert [f.name for f in path.parent.iterdir()] == ([] if old is None else ["file.txt"])
    assert old is None or path.read_text() == old


def test_a_file_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    with atomic_path(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
        assert temporary.parent == path.parent, "another disk could not be renamed from"
    assert path.read_text() == "whole"
    assert list(path.parent.iterdir()) == [path]


def test_a_disk_that_is_full_only_when_it_is_flushed_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As network file systems are; `test_full_disk.py` fills up what can be filled."""
    write_text("good", tmp_path / "file")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(FileError, match=f"^{tmp_path / 'file'}: No space left on device; free space there"):
        write_text("new", tmp_path / "file")
    assert (tmp_path / "file").read_text() == "good"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_link_stays_and_what_it_leads_to_is_written(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    for name, target in (("absolute", tmp_path / "elsewhere" / "a"), ("dangling", Path("elsewhere/new/b"))):
        (tmp_path / name).symlink_to(target)
    (tmp_path / "elsewhere" / "a").write_text("old")
    for name in ("absolute", "dangling"):
        write_text(name, tmp_path / name)
        assert (tmp_path / name).is_symlink()
    assert (tmp_path / "elsewhere" / "a").read_text() == "absolute"
    assert (tmp_path / "elsewhere" / "new" / "b").read_text() == "dangling"


@pytest.mark.parametrize("flags", [os.ST_RDONLY, 0])
def test_a_place_that_is_not_writable_is_told_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: int
) -> None:
    """The superuser may write everywhere, and mounts are not for tests: the system's answers are made up."""
    monkeypatch.setattr(os, "access", lambda *_, **__: False)
    monkeypatch.setattr(os, "statvfs", lambda _: SimpleNamespace(f_flag=flags))
    told = "on a read-only file system; name" if flags else "not writable for this user; change its permissions"
    with pytest.raises(UserError, match=f"^{tmp_path}: {told}"), atomic_path(tmp_path / "new" / "file"):
        pytest.fail("work was begun")


@pytest.mark.parametrize("what", ["folder", "pipe", "device", "below a file", "circle"])
def test_what_is_no_file_is_not_replaced(tmp_path: Path, what: str) -> None:
    path = tmp_path / "out"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    elif what == "device":
        try:
            os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("devices are made by the superuser")
    elif what == "circle":
        path.symlink_to(path)
    else:
        path.write_text("")
        path = path / "below" / "file"
    before = (tmp_path / "out").lstat().st_mode
    with pytest.raises(UserError, match=f"^{path}: "):
        write_text("new", path)
    assert (tmp_path / "out").lstat().st_mode == before
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_permissions_are_those_of_any_new_file(tmp_path: Path, umask: Callable[[int], int], mask: int) -> None:
    umask(mask)
    (tmp_path / "plain").touch()
    write_text("x", tmp_path / "ours")
    write_any_hdf5(tmp_path / "ours.h5")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert modes == {0o666 & ~mask}


def test_what_a_killed_writer_left_is_removed_and_a_living_ones_is_not(tmp_path: Path) -> None:
    code = """
import sys, time
from pathlib import Path
from leukorepro.core.store import atomic_path
with atomic_path(Path(sys.argv[1])) as temporary:
    temporary.write_text("half")
    print("ready", flush=True)
    time.sleep(60)
"""
    target = tmp_path / "a[1].txt"
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(target)], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    try:
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline() == "ready\n"
        writers[0].kill()
        writers[0].wait()
        assert len(list(tmp_path.iterdir())) == 2
        write_text("whole", target)
        assert target.read_text() == "whole"
        (left,) = [file for file in tmp_path.iterdir() if file != target]
        assert f".{writers[1].pid}." in left.name
    finally:
        for writer in writers:
            writer.kill()
            writer.wait()


def test_writers_of_one_file_do_not_meet(tmp_path: Path) -> None:
    """Twenty threads: the file is always one of the whole texts."""
    path = tmp_path / "file"
    texts = [str(i) * 50_000 for i in range(20)]
    threads = [threading.Thread(target=write_text, args=(text, path)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in texts
    assert list(tmp_path.iterdir()) == [path]


# ---------------------------------------------------------------------------------------------------------- equal bytes


def test_equal_tables_give_equal_bytes(tmp_path: Path) -> None:
    shuffled = FRAME.iloc[[2, 0, 1]].sort_values("fold")  # another index, other blocks
    for name, frame in (("a", FRAME), ("b", shuffled), ("c", FRAME.copy(deep=True))):
        write_parquet(frame, tmp_path / f"{name}.parquet")
        write_csv(frame, tmp_path / f"{name}.csv")
    for suffix in ("parquet", "csv"):
        assert len({sha256_file(tmp_path / f"{name}.{suffix}") for name in "abc"}) == 1
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "b.parquet"), FRAME)


def test_parquet_keeps_what_is_told_beside_the_table(tmp_path: Path) -> None:
    told = {"engines": '{"SVM": "scikit-learn 1.9"}', "ä": "ö"}
    write_parquet(FRAME, tmp_path / "a.parquet", told)
    write_parquet(FRAME, tmp_path / "b.parquet")
    assert parquet_metadata(tmp_path / "a.parquet") == told
    assert parquet_metadata(tmp_path / "b.parquet") == {}
    pd.testing.assert_frame_equal(read_parquet(tmp_path / "a.parquet"), FRAME)


def test_hdf5_files_have_no_time_in_them(tmp_path: Path) -> None:
    write_any_hdf5(tmp_path / "a.h5")
    time.sleep(1.1)  # HDF5 keeps times in seconds
    write_any_hdf5(tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_floats_of_a_csv_table_read_back_equal(tmp_path_factory: pytest.TempPathFactory, values: list[float]) -> None:
    path = tmp_path_factory.getbasetemp() / "floats.csv"
    write_csv(pd.DataFrame({"value": values}), path)
    again = read_csv(path, ["value"], text=[])["value"].astype(float)
    assert [v.hex() for v in again] == [v.hex() for v in values]


TEXT = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\0"), max_size=6)


@given(st.lists(st.tuples(TEXT, TEXT), min_size=1))
def test_text_of_a_csv_table_reads_back_equal(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    """Commas, quotes, line ends, `NA`, empty: what the cell held is what is read."""
    path = tmp_path_factory.getbasetemp() / "text.csv"
    write_csv(pd.DataFrame(rows, columns=["a", "b"], dtype="str"), path)
    again = read_csv(path, ["a", "b"])
    assert list(again.itertuples(index=False, name=None)) == rows


def test_json_refuses_what_is_no_json(tmp_path: Path) -> None:
    write_json({"b": [1, "ü"], "a": None}, tmp_path / "a.json")
    assert (tmp_path / "a.json").read_text(encoding="utf-8") == '{\n  "b": [\n    1,\n    "ü"\n  ],\n  "a": null\n}\n'
    assert read_json(tmp_path / "a.json") == {"b": [1, "ü"], "a": None}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json({"value": math.nan}, tmp_path / "a.json")
    assert read_json(tmp_path / "a.json")["a"] is None


# --------------------------------------------------------------------------------------------------------- broken files


def open_hdf5(path: Path) -> None:
    with hdf5_reader(path) as file:
        file["features"][:]


def write_tensors(path: Path) -> None:
    with atomic_path(path) as temporary:
        save_file({"weight": np.arange(4000.0)}, temporary)


def open_tensors(path: Path) -> None:
    with tensors_reader(path, "weights", "run the stage that makes it first", "make it again") as stored:
        stored.get_tensor("weight")


READERS: dict[str, Callable[[Path], Any]] = {
    "json": read_json,
    "csv": lambda path: read_csv(path, list(FRAME)),
    "parquet": read_parquet,
    "h5": open_hdf5,
    "safetensors": open_tensors,
}
WRITERS: dict[str, Callable[[Path], None]] = {
    "json": lambda path: write_json(FRAME.to_dict("list"), path),
    "csv": lambda path: write_csv(FRAME, path),
    "parquet": lambda path: write_parquet(FRAME, path),
    "h5": write_any_hdf5,
    "safetensors": write_tensors,
}


@pytest.mark.parametrize("kind", READERS)
def test_a_missing_file_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"none.{kind}"
    with pytest.raises(UserError, match="no such file") as error:
        READERS[kind](path)
    assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize(
    ("kind", "share"),  # a table that ends inside its last cell cannot be told from a whole one
    [(kind, share) for kind in READERS for share in (0, 0.03, 0.5, 0.9) if (kind, share) != ("csv", 0.9)],
)
def test_a_file_that_is_cut_short_is_named(tmp_path: Path, kind: str, share: float) -> None:
    path = tmp_path / f"cut.{kind}"
    WRITERS[kind](path)
    READERS[kind](path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(UserError) as error:
        READERS[kind](path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("kind", READERS)
def test_a_file_of_another_kind_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"other.{kind}"
    path.write_bytes(bytes(range(256)) * 40)
    with pytest.raises(UserError) as error:
        READERS[kind](path)
    assert str(error.value).startswith(f"{path}: ")


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("what", ["folder", "pipe"])
def test_what_is_no_file_is_not_waited_for(tmp_path: Path, kind: str, what: str) -> None:
    path = tmp_path / f"other.{kind}"
    os.mkfifo(path) if what == "pipe" else path.mkdir()
    with pytest.raises(UserError, match="where a file is expected") as error:
        READERS[kind](path)
    assert "remove" not in str(error.value)


USED_UP = """
import os, resource, sys
from contextlib import suppress
from pathlib import Path
from test_store import READERS, WRITERS
from leukorepro.core.file_errors import FileError

for kind in READERS:
    path = Path(f"sound.{kind}")
    WRITERS[kind](path)
    READERS[kind](path)
soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/dev/fd")) + 1, hard))
with suppress(OSError):
    while True:
        os.open(".", os.O_RDONLY)
for kind in READERS:
    try:
        READERS[kind](Path(f"sound.{kind}"))
    except FileError as error:
        print(error)
"""


def test_a_sound_file_is_not_called_broken_when_files_are_used_up(tmp_path: Path) -> None:
    """In a process of its own, in which nothing else opens or closes files."""
    paths = os.pathsep.join([str(Path(__file__).parent), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", USED_UP],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=True,
    )
    told = [f"sound.{kind}: Too many open files; raise `ulimit -n`, or run fewer jobs at once." for kind in READERS]
    assert done.stdout.splitlines() == told


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="needs a file that fails when it is read")
@pytest.mark.parametrize("kind", ["json", "csv", "h5"])  # of Parquet, the size is looked at first, which is 0 here
def test_a_disk_that_fails_is_no_broken_file(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "there"
    path.symlink_to("/proc/self/mem")
    with pytest.raises(FileError, match=r"Input/output error; .* may be sound") as error:
        READERS[kind](path)
    assert "remove" not in str(error.value)


@pytest.mark.parametrize(
    ("spoil", "word"),
    [
        (lambda whole: whole.replace(b"features", b"featurez"), "object"),
        (lambda whole: b"XXXX".join(whole.rsplit(b"OHDR", 2)), "not a readable HDF5 file"),
    ],
)
def test_an_hdf5_file_that_is_broken_inside_or_of_another_kind_is_told(
    tmp_path: Path, spoil: Callable[[bytes], bytes], word: str
) -> None:
    """Of files that have no checksums, as other programs write them."""
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", libver=("v110", "v114")) as file:
        file["features"] = [1.0]
        file.create_group("part").attrs["name"] = "x"
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(UserError, match=word) as error:
        open_hdf5(path)
    assert str(error.value).startswith(f"{path}: ")
    assert "\n" not in str(error.value)


def test_other_errors_of_who_reads_a_file_pass(tmp_path: Path) -> None:
    write_any_hdf5(tmp_path / "a.h5")

    def fail() -> None:
        with hdf5_reader(tmp_path / "a.h5"):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        fail()


def test_a_locked_hdf5_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write_any_hdf5(path)
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        open_hdf5(path)


def test_an_hdf5_file_is_written_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """HDF5 locks what it opens by a path, where its environment variable says so; an open file, never."""
    opened, plain = [], h5py.File

    def noting(file: Any, *arguments: Any, **named: Any) -> h5py.File:
        opened.append(file)
        return plain(file, *arguments, **named)

    monkeypatch.setattr(h5py, "File", noting)
    write_any_hdf5(tmp_path / "a.h5")
    assert len(opened) == 2
    assert all(isinstance(file, io.IOBase) for file in opened)


@pytest.mark.parametrize("number", [errno.EAGAIN, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL])
def test_a_lock_that_cannot_be_had_is_no_broken_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """As HDF5 tells it where its environment variable asks for locks, which no argument overrides."""
    path = tmp_path / "locked.h5"
    write_any_hdf5(path)

    def fails(*_: object, **__: object) -> None:
        told = f"unable to lock file, errno = {number}, error message = '{os.strerror(number)}'"
        raise OSError(number, f"Unable to synchronously open file ({told})")

    monkeypatch.setattr(h5py, "File", fails)
    with pytest.raises(UserError) as error:
        open_hdf5(path)
    assert str(error.value) == (
        f"{path}: cannot be locked, as HDF5_USE_FILE_LOCKING asks for ({os.strerror(number)}); unset that variable, or "
        "wait until the program that holds the lock has ended. The file itself may be sound."
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a,b\n1,2\n3\n", "line 3: 1 fields where the header has 2"),
        ('a,b\n"1\n",2\n3,4,5\n', "line 4: 3 fields where the header has 2"),  # pandas would take 3 for an index
        ("a,c\n1,2\n", r"column\(s\) b missing; found a, c"),
        ("a;b\n1;2\n", r"column\(s\) a, b missing; found a;b"),
    ],
)
def test_a_table_with_other_cells_than_its_header_is_refused(tmp_path: Path, content: str, expected: str) -> None:
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(UserError, match=expected):
        read_csv(tmp_path / "t.csv", ["a", "b"])


def test_a_table_from_a_spreadsheet_is_read(tmp_path: Path) -> None:
    """Byte order mark, line ends of Windows, an empty line, a column more, which need not be filled."""
    (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfa,b,note\r\n01,NA,x\r\n\r\n2,,\r\n3,4\r\n")
    table = read_csv(tmp_path / "t.csv", ["a", "b"])
    assert table[["a", "b"]].to_numpy().tolist() == [["01", "NA"], ["2", ""], ["3", "4"]]


def test_a_bad_write_of_hdf5_keeps_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write_any_hdf5(path)
    before = path.read_bytes()

    def fail() -> None:
        with hdf5_writer(path) as file:
            file.create_dataset("features", data=[1.0])
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_hdf5_is_opened_for_reading_only(tmp_path: Path) -> None:
    write_any_hdf5(tmp_path / "a.h5")
    with hdf5_reader(tmp_path / "a.h5") as file, pytest.raises((OSError, ValueError)):
        file["features"][0] = 0
    with h5py.File(io.BytesIO((tmp_path / "a.h5").read_bytes())) as file:
        assert file["features"][0, 1] == 1
