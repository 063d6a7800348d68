"""The report's page as a test sees it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest

from leukorepro.report import output

VOID = {"meta", "img", "br", "link", "col", "hr", "input"}


class Page(HTMLParser):
    """Everything a test asks of a page; refuses tags that are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.images: list[dict[str, str | None]] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.text = ""
        self.rows: list[tuple[str, list[float]]] = []
        """Of every table row: its text, and the values of its `data` elements."""
        self._open: list[str] = []
        self._row: tuple[list[str], list[float]] | None = None
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.append(tag)
        if tag not in VOID:
            self._open.append(tag)
        if values.get("id"):
            self.ids.append(str(values["id"]))
        self.links += [str(values[name]) for name in ("href", "src") if values.get(name)]
        if tag == "img":
            self.images.append(values)
        if tag == "tr":
            self._row = ([], [])
        if tag == "data" and self._row is not None:
            self._row[1].append(float(str(values["value"])))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        if tag == "tr" and self._row is not None:
            self.rows.append((" ".join(self._row[0]), self._row[1]))
            self._row = None

    def handle_data(self, data: str) -> None:
        if "nav" in self._open:  # the text is that of the page itself
            return
        self.text += data
        if self._row is not None:
            self._row[0].append(data)


@contextmanager
def undrawn() -> Iterator[list[Path]]:
    """Figures are not drawn meanwhile, but where they would be is noted."""
    drawn: list[Path] = []

    def save(draw: Callable[[], object], path: Path) -> None:
        drawn.append(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(draw))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(output, "_save", save)
        yield drawn


def words(page: Page) -> str:
    return " ".join(page.text.split())


def site(report: Path, *names: str) -> Page:
    """Pages of a report one after the other, all of them or some, as if they were one."""
    first, *others = [
        Page((report / name).read_text()) for name in names or sorted(f.name for f in report.glob("*.html"))
    ]
    for page in others:
        first.text += page.text
        for mine, its in (
            (first.links, page.links),
            (first.images, page.images),
            (first.tags, page.tags),
            (first.ids, page.ids),
            (first.rows, page.rows),
        ):
            mine += its  # type: ignore[operator,arg-type]
    return first


def files_and_links(report: Path) -> tuple[set[str], set[str]]:
    """Files of a report beside its pages, and those that its pages link to; every link leads to what is there."""
    pages = {file.name: Page(file.read_text()) for file in report.glob("*.html")}
    linked = set()
    for name, page in pages.items():
        for link in page.links:
            file, _, place = unquote(link).partition("#")
            assert not re.match(r"[a-z]+:|/|\.\.", link), link
            assert (report / (file or name)).is_file(), (name, link)
            assert not place or place in pages[file or name].ids, (name, link)
            linked.add(file)
    there = {file.relative_to(report).as_posix() for file in report.rglob("*") if file.is_file()}
    return there - pages.keys(), linked - pages.keys() - {""}
