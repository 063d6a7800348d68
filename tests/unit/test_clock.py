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
    assert set_right(tmp_path) == 2
    assert all(path.lstat().st_mtime <= time.time() for path in tmp_path.rglob("*"))
    assert (tmp_path / "folder/old").stat().st_mtime == 1
    assert set_right(tmp_path) == 0
