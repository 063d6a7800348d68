"""The folder that pages are drawn into: every file that a page links to is written through here."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from matplotlib.figure import Figure

from leukorepro.core.store import read_bytes, write_csv, write_text
from leukorepro.report.figures import style
from leukorepro.report.numbers.wording import slug

NOT_DRAWN = re.compile(r'<img src=""[^>]*>|<a href="" download>[^<]*</a>')


class Drawing(NamedTuple):
    """A picture that is still to be drawn, perhaps in another process."""

    write: Callable[[Path], None]
    """Draws it into a file; made of functions and values that can be sent to another process."""
    path: Path

    def draw(self) -> None:
        """Write the file."""
        self.write(self.path)


class Output:
    """A folder with the files of pages, and what is still to be drawn of them.

    Tables are written at once. Pictures take most of a report's time, and none waits for another: they are collected,
    and drawn when the pages that show them have been put together.

    Parameters
    ----------
    root : Path
        Folder that addresses are relative to.
    pictures : bool
        Whether pictures of cells are drawn.
    """

    def __init__(self, root: Path, *, pictures: bool = True) -> None:
        self.root = root
        self.pictures = pictures
        self.drawings: list[Drawing] = []
        """Pictures that are still to be drawn."""

    def path(self, *parts: str) -> tuple[Path, str]:
        """A file to be written, and its address relative to the page."""
        relative = Path(*map(slug, parts))
        return self.root / relative, relative.as_posix()

    def figure(self, draw: Callable[[], Figure], *parts: str, of_cells: bool = False) -> str:
        """Have a figure drawn as SVG, and return its address relative to the page.

        Parameters
        ----------
        draw : callable
            Gives the figure: a `functools.partial` of a function of a module and of plain values.
        *parts : str
            The file's folders and name.
        of_cells : bool
            Whether it shows cells, as `picture` does.
        """
        write = partial(_save, draw)
        return self.picture(write, *parts) if of_cells else self._drawn(write, *parts)

    def picture(self, write: Callable[[Path], None], *parts: str) -> str:
        """Have a picture of cells drawn, in any format; `write` is given the file.

        The address is empty where there are to be no such pictures: what the page shows then is `left_out`'s.
        """
        return self._drawn(write, *parts) if self.pictures else ""

    def _drawn(self, write: Callable[[Path], None], *parts: str) -> str:
        path, address = self.path(*parts)
        self.drawings.append(Drawing(write, path))
        return address

    def table(self, frame: pd.DataFrame, *parts: str) -> str:
        """Write a table as CSV and return its address relative to the page."""
        path, address = self.path(*parts)
        write_csv(frame, path)
        return address

    def copy(self, source: Path, *parts: str) -> str:
        """Copy a text file, so that the folder is complete in itself, and return its address relative to the page."""
        return self.text(read_bytes(source).decode("utf-8"), *parts)

    def text(self, text: str, *parts: str) -> str:
        """Write a text file and return its address relative to the page."""
        path, address = self.path(*parts)
        write_text(text, path)
        return address


def left_out(body: str) -> str:
    """A page with words in the place of the pictures that were not drawn."""
    return NOT_DRAWN.sub('<span class="none">picture left out</span>', body)


def _save(draw: Callable[[], Figure], path: Path) -> None:
    style.save(draw(), path)
