"""The report's folder: every file that the page links to is written through here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from leukorepro.core.store import write_csv, write_text
from leukorepro.report.figures import style
from leukorepro.report.numbers.wording import slug


class Output:
    """A folder whose files are known, so that those of an earlier report can be removed.

    Parameters
    ----------
    root : Path
        Folder of the report.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.written: set[Path] = set()
        """Files of this report, which `prune` keeps."""

    def add(self, written: Iterable[Path]) -> None:
        """Count files of this report that somebody else wrote into the folder."""
        self.written.update(written)

    def path(self, *parts: str) -> tuple[Path, str]:
        """A file to be written, and its address relative to the page."""
        relative = Path(*map(slug, parts))
        self.written.add(self.root / relative)
        return self.root / relative, relative.as_posix()

    def figure(self, figure: Figure, *parts: str) -> str:
        """Write a figure and return its address relative to the page."""
        path, address = self.path(*parts)
        style.save(figure, path)
        return address

    def table(self, frame: pd.DataFrame, *parts: str) -> str:
        """Write a table as CSV and return its address relative to the page."""
        path, address = self.path(*parts)
        write_csv(frame, path)
        return address

    def text(self, text: str, *parts: str) -> str:
        """Write a text file, such as a page, and return its address relative to the report's first page."""
        path, address = self.path(*parts)
        write_text(text, path)
        return address

    def copy(self, source: Path, *parts: str) -> str:
        """Copy a text file, so that the folder is complete in itself, and return its address relative to the page."""
        return self.text(source.read_text(encoding="utf-8"), *parts)

    def prune(self, *folders: str) -> None:
        """Remove what an earlier report left in some of the report's folders."""
        for folder in folders:
            for path in sorted((self.root / folder).rglob("*"), reverse=True):
                if path.is_dir():
                    if not any(path.iterdir()):
                        path.rmdir()
                elif path not in self.written:
                    path.unlink()
