"""What a page holds, read from its markup: its sections, and the headings and rows that the search finds."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import NamedTuple

HEADINGS = ("h1", "h2", "h3")
VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}
"""Elements that have no end tag."""


class Section(NamedTuple):
    """A part of a page."""

    id: str
    title: str


class Found(NamedTuple):
    """Something that the search finds."""

    text: str
    id: str
    """Of the section that it stands in; empty for the page itself."""


def read_contents(body: str) -> tuple[tuple[Section, ...], tuple[Found, ...]]:
    """Sections of a page and what can be found on it, in the order in which they stand there.

    A section is a `section` with an `id` and a heading of the second level. Found are all headings, and what heads the
    rows of its tables, unless it is of the class `light`, as names of rungs are; each once in a section.

    Parameters
    ----------
    body : str
        HTML in which every element is closed.
    """
    reader = _Reader()
    reader.feed(body)
    reader.close()
    return tuple(reader.sections), tuple(dict.fromkeys(reader.found))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.sections: list[Section] = []
        self.found: list[Found] = []
        self._open: list[tuple[str, str]] = []
        """Elements that are open, each with its `id`."""
        self._text: list[str] | None = None
        """Of the heading that is being read."""
        self._depth = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in VOID:
            return
        values = dict(attrs)
        self._open.append((tag, values.get("id") or ""))
        heads_row = tag == "th" and (values.get("scope") or "").startswith("row")
        if self._text is None and (tag in HEADINGS or (heads_row and "light" not in (values.get("class") or ""))):
            self._text, self._depth = [], len(self._open)
        elif self._text:
            self._text.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if self._text is not None and self._depth == len(self._open):
            text = " ".join("".join(self._text).split())
            inside = next((id_ for name, id_ in reversed(self._open[:-1]) if name == "section" and id_), "")
            if text:
                self.found.append(Found(text, inside))
            if tag == "h2" and inside:
                self.sections.append(Section(inside, text))
            self._text = None
        self._open.pop()

    def handle_data(self, data: str) -> None:
        if self._text is not None:
            self._text.append(data)
