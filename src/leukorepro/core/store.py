"""Atomic, verified reading and writing of every file that the workflow makes.

A file appears under its final name only when it is complete: it is written under a temporary name in the same
folder, closed, read back, flushed to disk and then renamed. A killed job therefore leaves nothing half-written, and
two jobs that write the same file cannot corrupt it. A link stays, and what it leads to is written. Of what the workflow
makes, a digest is written down beside every file that carries no checksums of its own.

What the system refuses is a `FileError`; only a file whose content is shown to be broken is called so.
"""

from __future__ import annotations

import csv
import glob
import hashlib
import io
import json
import os
import re
import secrets
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from leukorepro.core.errors import UserError
from leukorepro.core.exports import NOT_UTF8, check_format, check_header
from leukorepro.core.file_errors import FileError, naming
from leukorepro.core.integrity.checksums import KEY, UNSIGNED, CheckedFile, append_checksums, check_signed, sign
from leukorepro.core.integrity.damaged import DamagedFile, forget_damaged, is_owned
from leukorepro.core.integrity.recorded import check_recorded, move_recorded, record
from leukorepro.core.places import check_file, check_output

if TYPE_CHECKING:
    import h5py
    import pandas as pd

_HDF5_FAULT = re.compile("(Unable to|Can't) ")
"""How what HDF5 finds wrong with a file begins."""

HOST = socket.gethostname().partition(".")[0]


@contextmanager
def atomic_path(path: Path, *, checksums: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success flush it to disk and rename it, on failure remove it.

    What earlier writers of the same file left behind when they were killed is removed first; a damaged one that was set
    aside, when a sound one is in its place.

    Parameters
    ----------
    path : Path
        The name that the file gets; its folder is made where it is missing.
    checksums : bool
        Whether the file carries checksums of its own, so that no digest is needed beside it.

    Raises
    ------
    UserError
        If something else than a file is there, or the system refuses to write it.
    """
    path = Path(path)
    check_output(path)
    target = Path(os.path.realpath(path)) if path.is_symlink() else path
    temporary = _temporary(target)
    try:
        with naming(path, temporary):
            target.parent.mkdir(parents=True, exist_ok=True)
            _remove_leftovers(target)
            temporary.touch(exist_ok=False)  # with the permissions of any new file, which those of `tempfile` are not
            yield temporary
            with temporary.open("rb") as file:
                os.fsync(file.fileno())
            put_in_place(temporary, target)
            if not checksums and is_owned(target):
                record(target)
    finally:
        with suppress(OSError):  # which would hide what went wrong first
            temporary.unlink(missing_ok=True)


def put_in_place(written: Path, path: Path) -> None:
    """Give a complete file its name, with its digest if it has one; a damaged one that was set aside is removed.

    Renaming replaces whatever has the name, and as root even the machine's devices.

    Parameters
    ----------
    written : Path
        The complete file, under a temporary name in the same file system.
    path : Path
        The name that it gets.

    Raises
    ------
    UserError
        If something else than a file has the name.
    """
    check_output(path)
    move_recorded(written, path)
    forget_damaged(path)


def _temporary(path: Path) -> Path:
    """A name beside a file that nobody else has, and that tells who has it."""
    return path.with_name(f".{path.name}.{HOST}.{os.getpid()}.{secrets.token_hex(4)}.tmp")


def _remove_leftovers(path: Path) -> None:
    """Remove temporary files of writers on this machine that live no more."""
    for leftover in path.parent.glob(f".{glob.escape(path.name)}.{HOST}.*.tmp"):
        pid = leftover.name.split(".")[-3]
        if pid.isdigit() and not lives(int(pid)):
            leftover.unlink(missing_ok=True)


def lives(pid: int) -> bool:
    """Whether a process of this machine has not ended."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's bytes, as 64 hexadecimal digits."""
    with naming(path), Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sha256_once(path: Path) -> str:
    """SHA-256 of a file that several may ask for: read once a process, and again when its size or time changed."""
    path = Path(path).resolve()
    status = path.stat()
    return _sha256_of(path, status.st_size, status.st_mtime_ns)


@cache
def _sha256_of(path: Path, _size: int, _modified: int) -> str:
    return sha256_file(path)


@contextmanager
def _reading(path: Path, if_missing: str = "run the stage that makes it first") -> Iterator[None]:
    """Tell what keeps a file from being read, whatever is in it, and what to do where there is none."""
    with naming(path):
        check_file(Path(path))
        try:
            with Path(path).open("rb"):
                pass  # libraries tell less of what keeps a file from being opened, or something else
        except FileNotFoundError:
            raise UserError(f"{path}: no such file; {if_missing}.") from None
        check_recorded(Path(path))
        yield


def _line(error: Exception) -> str:
    """What a library says, which may take several lines, in one."""
    return " ".join(str(error).split())


def write_text(text: str, path: Path) -> None:
    """Write a text file atomically, in UTF-8.

    Parameters
    ----------
    text : str
        With line ends as they are to be written.
    path : Path
        The file, which is replaced as a whole; its folder is made where it is missing.
    """
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(content: bytes, path: Path) -> None:
    """Write a file atomically. Images are encoded in memory first: Pillow does not tell when a disk is full.

    Parameters
    ----------
    content : bytes
        All that the file is to hold.
    path : Path
        The file, which is replaced as a whole; its folder is made where it is missing.
    """
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def read_bytes(path: Path) -> bytes:
    """Read a file that an earlier stage wrote.

    Raises
    ------
    UserError
        If there is no such file, or it was changed since it was written.
    """
    with _reading(path):
        return Path(path).read_bytes()


def write_texts(texts: Mapping[Path, str]) -> ExitStack:
    """Write text files, all or none; closing what is returned puts back what was there before."""
    with ExitStack() as undo:
        for file, text in texts.items():
            undo.callback(_restore, file, file.read_bytes() if file.exists() else None)
            write_text(text, file)
        return undo.pop_all()


def _restore(path: Path, content: bytes | None) -> None:
    """Put a file back as it was."""
    if content is None:
        path.unlink(missing_ok=True)
    else:
        write_bytes(content, path)


def write_json(value: Any, path: Path) -> None:
    """Write a value as indented JSON, atomically; keys keep their order and NaN is refused.

    Parameters
    ----------
    value : Any
        Of types that JSON has; a mapping's keys are text.
    path : Path
        The file, which is replaced as a whole; its folder is made where it is missing.
    """
    write_text(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n", path)


def read_json(path: Path) -> Any:
    """Read a JSON file that an earlier stage wrote.

    Raises
    ------
    UserError
        If there is no such file or it is not JSON.
    """
    try:
        with _reading(path):
            return json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise DamagedFile(path, f"not valid JSON ({error})") from None


def write_csv(frame: pd.DataFrame, path: Path) -> None:
    """Write a table as CSV atomically; floats keep every digit, so that they read back equal.

    Parameters
    ----------
    frame : DataFrame
        The table; its index is not written.
    path : Path
        The file, which is replaced as a whole; its folder is made where it is missing.
    """
    with atomic_path(path) as temporary:
        frame.to_csv(temporary, index=False, lineterminator="\n")


def read_csv(
    path: Path, columns: Sequence[str], text: Sequence[str] | None = None, *, blank_lines: bool = False
) -> pd.DataFrame:
    """Read a CSV table and check its columns.

    Parameters
    ----------
    path : Path
        The file.
    columns : sequence of str
        Columns that must be there; others are kept.
    text : sequence of str, optional
        Columns read as text, empty where the field is empty. Default: all of `columns`.
    blank_lines : bool
        Whether a blank line is a row of empty fields, as a spreadsheet shows it, and not left out.

    Returns
    -------
    DataFrame
        All columns of the file in its order; those that are no text have the types that pandas finds.

    Raises
    ------
    UserError
        If the file is missing, is not a table, is cut short, or lacks a column.
    """
    import pandas as pd

    names = list(columns if text is None else text)
    try:
        with _reading(path, "correct the path, or run the stage that makes it"):
            _check_fields(Path(path), columns)
            frame = pd.read_csv(
                path,
                dtype=dict.fromkeys(names, "str"),
                keep_default_na=False,
                na_values={},
                skip_blank_lines=not blank_lines,
            )
    except (csv.Error, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise DamagedFile(path, f"not a CSV table ({error})") from None
    return frame


def csv_header(path: Path) -> list[str]:
    """The names in the first line of a CSV table.

    Raises
    ------
    UserError
        If the file is missing, empty or of another format.
    """
    try:
        with _reading(path, "correct the path, or run the stage that makes it"):
            check_format(path)
            with Path(path).open(encoding="utf-8-sig", newline="") as file:
                header = next(csv.reader(file), None)
    except UnicodeDecodeError:
        raise UserError(f"{path}: not a CSV table ({NOT_UTF8}).") from None
    except csv.Error as error:
        raise UserError(f"{path}: not a CSV table ({error}).") from None
    if header is None:
        raise UserError(f"{path}: not a CSV table (it is empty).")
    return header


def _check_fields(path: Path, columns: Sequence[str]) -> None:
    """Refuse a row without a field for each of the columns, which pandas would fill up, or with too many fields.

    A table of the workflow's own is refused without the end of its last line, too; people's tables may lack it.
    """
    check_format(path)
    if is_owned(path) and not _ends_a_line(path):
        raise DamagedFile(path, "cut short (its last line has no end)")
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.reader(file)
        try:
            header = next(rows, None)
            if header is None:
                raise csv.Error("it is empty")
            check_header(path, header, columns)
            needed = 1 + max(map(header.index, columns))
            for row in rows:
                if row and not needed <= len(row) <= len(header):
                    raise DamagedFile(
                        path,
                        f"line {rows.line_num}: {len(row)} fields where the header has {len(header)}",
                        "correct it, or make the file again if it was cut short",
                    )
        except UnicodeDecodeError:
            raise csv.Error(NOT_UTF8) from None


def _ends_a_line(path: Path) -> bool:
    """Whether the last byte of a file is the end of a line."""
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return False
        file.seek(-1, os.SEEK_END)
        return file.read() == b"\n"


def write_parquet(frame: pd.DataFrame, path: Path, metadata: Mapping[str, str] | None = None) -> None:
    """Write a table as Parquet atomically; equal tables with equal metadata give equal bytes.

    Parameters
    ----------
    frame : DataFrame
        The table.
    path : Path
        The file, which is replaced as a whole.
    metadata : mapping of str to str, optional
        Kept with the table, for `parquet_metadata`.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False)
    table = table.replace_schema_metadata({**(metadata or {}), **UNSIGNED})
    with atomic_path(path, checksums=True) as temporary:
        pq.write_table(table, temporary, compression="zstd")
        if pq.read_metadata(temporary).num_rows != len(frame):
            raise OSError(f"{path}: read back with another number of rows; the disk may be full or faulty")
        sign(temporary)


def read_parquet(path: Path) -> pd.DataFrame:
    """Read a Parquet table that an earlier stage wrote.

    Raises
    ------
    UserError
        If there is no such file or it is not Parquet.
    """
    import pandas as pd

    with _parquet_errors(path):
        return pd.read_parquet(path)


def parquet_metadata(path: Path) -> dict[str, str]:
    """What was written beside a Parquet table; empty where nothing was.

    Raises
    ------
    UserError
        If there is no such file or it is not Parquet.
    """
    import pyarrow.parquet as pq

    with _parquet_errors(path):
        told = {key.decode(): value.decode() for key, value in (pq.read_schema(path).metadata or {}).items()}
    return {key: value for key, value in told.items() if key != KEY}


@contextmanager
def _parquet_errors(path: Path) -> Iterator[None]:
    """Tell what keeps a Parquet file from being read, or has changed it."""
    import pyarrow as pa

    try:
        with _reading(path):
            check_signed(path)
            yield
    except FileError:
        raise
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, MemoryError):
            raise
        raise DamagedFile(path, f"not a readable Parquet table ({_line(error)})") from None


@contextmanager
def hdf5_writer(path: Path) -> Iterator[h5py.File]:
    """Yield a new HDF5 file that appears under `path` when it is complete and can be opened again."""
    import h5py

    with atomic_path(path, checksums=True) as temporary:
        # What is mapped lies aligned in memory; all but small things are, and small ones would be made larger by it.
        layout = {"libver": ("v110", "v114"), "alignment_threshold": 512, "alignment_interval": 64}
        with _FailsOnce(temporary, "w+") as written:
            try:
                with h5py.File(written, "w", **layout) as file:
                    yield file
            finally:  # HDF5 keeps a failure back, or another takes its place on the way through the library
                if written.failure is not None:
                    raise written.failure
        # By its path it might be locked, whatever is said here: HDF5's environment variable goes before.
        with temporary.open("rb") as written_again, h5py.File(written_again, "r") as file:
            file.visit(lambda _: None)
        append_checksums(temporary)


class _FailsOnce(io.FileIO):
    """A file that HDF5 writes to. Its first failure is raised and kept; what follows it is dropped, as if it went well.

    HDF5 keeps what it could not write, tries again whenever something is closed, and crashes at the process's end. A
    file that has failed is thrown away, so that it matters no more what is in it.
    """

    failure: OSError | None = None

    def write(self, data: Any) -> int:
        """Write all of the bytes, which a raw file need not do at once."""
        left = memoryview(data).cast("B")
        size = len(left)
        while left and self.failure is None:
            with self._noting():
                left = left[super().write(left) :]
        return size

    def truncate(self, size: int | None = None) -> int:
        """Set the size."""
        if self.failure is None:
            with self._noting():
                super().truncate(size)
        return self.tell() if size is None else size

    def readinto(self, buffer: Any) -> int:
        """Read, with zeros in the place of what was dropped."""
        view = memoryview(buffer).cast("B")
        read = super().readinto(view) or 0
        if self.failure is None:
            return read
        view[read:] = bytes(len(view) - read)
        return len(view)

    @contextmanager
    def _noting(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.failure = error
            raise


@contextmanager
def hdf5_reader(path: Path) -> Iterator[h5py.File]:
    """Yield an HDF5 file, open for reading only; what is read of it is checked.

    It is not locked: it appeared when it was complete and does not change, and some file systems have no locks.

    Raises
    ------
    UserError
        If there is no such file, it is not HDF5, or what is read was changed since it was written.
    """
    import h5py

    with _hdf5_errors(path), ExitStack() as opened:
        stored = opened.enter_context(CheckedFile(path))
        try:
            file = opened.enter_context(h5py.File(stored, "r"))
            if any(isinstance(item, h5py.Dataset) and item.is_virtual for item in file.values()):
                # HDF5 finds the files that it refers to by its path alone; whoever reads them checks them.
                stored.check(0, path.stat().st_size)
                file = opened.enter_context(h5py.File(path, "r", locking=False))
            yield file
        finally:
            if stored.failure is not None:
                raise stored.failure.with_traceback(None)


@contextmanager
def _hdf5_errors(path: Path) -> Iterator[None]:
    """Tell what keeps an HDF5 file from being read."""
    try:
        with _reading(path):
            yield
    except (OSError, RuntimeError, KeyError) as error:
        if "unable to lock" in str(error.__cause__ or error):
            why = error.strerror if isinstance(error, FileError) else _line(error)
            raise UserError(
                f"{path}: cannot be locked, as HDF5_USE_FILE_LOCKING asks for ({why}); unset that variable, or wait "
                "until the program that holds the lock has ended. The file itself may be sound."
            ) from None
        if isinstance(error, FileError) or not _HDF5_FAULT.search(str(error)):
            raise
        raise DamagedFile(path, f"not a readable HDF5 file of this kind ({_line(error)})") from None


def write_tensors(tensors: Mapping[str, Any], metadata: Mapping[str, str], path: Path) -> None:
    """Write tensors of PyTorch as a safetensors file, atomically; equal ones with equal metadata give equal bytes.

    Parameters
    ----------
    tensors : mapping of str to torch.Tensor
        By name; no two may share memory.
    metadata : mapping of str to str
        Kept beside them, sorted by key.
    path : Path
        The file, which is replaced as a whole; its folder is made where it is missing.
    """
    from safetensors.torch import save_file

    with atomic_path(path, checksums=True) as temporary:
        save_file(dict(tensors), temporary, {**metadata, **UNSIGNED})
        _sort_metadata(temporary)
        sign(temporary)


def _sort_metadata(path: Path) -> None:
    """Put the metadata of a safetensors file in order, which is left to chance; nothing else moves."""
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        content = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(length)
        if len(content) != length:
            raise ValueError(f"{path}: its header would have another length")
        file.seek(8)
        file.write(content)


@contextmanager
def tensors_reader(path: Path, what: str, if_missing: str, if_broken: str) -> Iterator[Any]:
    """Yield a file of tensors (safetensors), open for reading only, whose tensors are PyTorch's.

    Parameters
    ----------
    path : Path
        The file, whose checksum is compared first.
    what : str
        What it is, such as `weights`.
    if_missing, if_broken : str
        What to do then.

    Raises
    ------
    UserError
        If there is no such file or it is broken.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with _reading(path, if_missing):
            check_signed(path, if_broken)
            with safe_open(path, framework="pt") as stored:
                yield stored
    except SafetensorError as error:
        raise DamagedFile(path, f"not readable {what} ({error})", if_broken) from None


def check_tensors(path: Path) -> None:
    """Raise DamagedFile if a safetensors file was changed since it was written, or is none; PyTorch is not needed."""
    from safetensors import SafetensorError, safe_open

    try:
        with _reading(path):
            check_signed(path)
            with safe_open(path, framework="numpy"):
                pass
    except SafetensorError as error:
        raise DamagedFile(path, f"not a readable safetensors file ({error})") from None
