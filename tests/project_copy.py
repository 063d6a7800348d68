"""A copy of the project in a folder of its own, in which the workflow runs with the copy's own code."""

from __future__ import annotations

import compileall
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]


def snapshot(folder: Path, added: Path | None = None) -> Path:
    """Copy the project's files as they are now, so that edits do not disturb a test, and those below `added`."""
    listing = ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=PROJECT, check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (PROJECT / name).is_file():  # a file that was removed is still listed until it is committed
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    if added is not None:
        shutil.copytree(added, folder, dirs_exist_ok=True)
    compileall.compile_dir(folder / "src", quiet=1)
    return folder


TIMED = {"drawn", "costs.csv", "ro-crate-metadata.json"}
"""Result files and folders that follow from how long jobs took, too."""


class ProjectCopy:
    """A copy of a snapshot, or of another copy with its results.

    Parameters
    ----------
    source : Path
        What is copied.
    folder : Path
        Where to; made here.
    prefix : sequence of str
        Put before every command, such as ``["unshare", "--net"]``.
    environment : mapping of str to str
        Variables beside this process's own.
    """

    def __init__(
        self,
        source: Path,
        folder: Path,
        *,
        prefix: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self.prefix = list(prefix)
        self.output = folder.with_name(f"{folder.name}.output.txt")
        shutil.copytree(source, folder, symlinks=True)
        self.environment = {
            **os.environ,
            **(environment or {}),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            # Before the path of the editable installation, which leads to the original.
            "PYTHONPATH": str(folder / "src"),
        }

    @contextmanager
    def started(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """Start a command as the head of a group of processes; none of the group outlives the context."""
        with self.output.open("wb") as output:
            process = subprocess.Popen(
                [*self.prefix, *command],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def run(self, *command: str, timeout: float = 900) -> str:
        """Run a command to its end, which must be a good one, and return what it printed."""
        status, text = self._ended(command, timeout)
        assert status == 0, f"{' '.join(command)} ended with {status}:\n{text[-6000:]}"
        return text

    def fails(self, *command: str, timeout: float = 900) -> str:
        """Run a command to its end, which must be a bad one, and return what it printed."""
        status, text = self._ended(command, timeout)
        assert status != 0, f"{' '.join(command)} succeeded:\n{text[-6000:]}"
        return text

    def _ended(self, command: Sequence[str], timeout: float) -> tuple[int, str]:
        with self.started(*command) as process:
            status = process.wait(timeout=timeout)
        return status, self.output.read_text()

    def results(self, *suffixes: str) -> dict[str, str]:
        """SHA-256 of every result file with one of these suffixes, except for what tells how long its making took."""
        root = self.folder / "results"
        names = {f.relative_to(root): f for f in sorted(root.rglob("*")) if f.suffix in suffixes}
        return {
            name.as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
            for name, file in names.items()
            if name.parts[0] != "benchmarks" and not TIMED & set(name.parts)
        }

    @contextmanager
    def edited(self, name: str, old: str, new: str) -> Iterator[None]:
        """Replace a part of a file, and put it back at the end."""
        file = self.folder / name
        before = file.read_text()
        assert before.count(old) == 1, f"{name}: {before.count(old)} times {old!r}"
        file.write_text(before.replace(old, new))
        try:
            yield
        finally:
            file.write_text(before)

    @contextmanager
    def appended(self, name: str, text: str) -> Iterator[None]:
        """Add text to the end of a file, and take it away again."""
        file = self.folder / name
        before = file.read_text()
        file.write_text(before + text)
        try:
            yield
        finally:
            file.write_text(before)


def planned_rules(dry_run: str) -> set[str]:
    """Rules that a dry run of Snakemake would run; empty where there is nothing to do."""
    if "Nothing to be done" in dry_run:
        return set()
    statistics = re.findall(r"^Job stats:\n.*\n-.*\n((?:.+\n)+?)total ", dry_run, flags=re.MULTILINE)
    return {line.split()[0] for line in statistics[0].splitlines()}  # printed twice: at the start and at the end
