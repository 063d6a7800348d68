"""Times that lie ahead become the present; others stay."""

from __future__ import annotations

import os
import time
from pathlib import Path

from leukorepro.core.integrity.clock import set_right


def test_only_times_to_come_are_set_right(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/old").touch()
    (tmp_path / "folder/new").touch()
    (tmp_path / "link").symlink_to("nowhere")
    os.utime(tmp_path / "folder/old", (1, 1))
    for name in ("folder/new", "link"):
        os.utime(tmp_path / name, (time.time() + 3600,) * 2, follow_symlinks=False)
    (tmp_path / "written").touch()
    folders = [tmp_path, tmp_path / "not there"]
    assert set_right(folders, tmp_path / "written") == 2
    assert all(path.lstat().st_mtime <= time.time() for path in tmp_path.rglob("*"))
    assert (tmp_path / "folder/old").stat().st_mtime == 1
    assert set_right(folders, tmp_path / "written") == 0


def test_what_another_machine_has_just_written_is_of_the_present(tmp_path: Path) -> None:
    """Files on it are as much ahead as its clock is; else a start that finds some would begin anew for ever."""
    for name, ahead in {"written": 60, "before": 59, "ahead": 3600}.items():
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() + ahead,) * 2)
    assert set_right([tmp_path], tmp_path / "written") == 1
    assert set_right([tmp_path], tmp_path / "written") == 0
