"""The report's page as a test sees it."""

from __future__ import annotations

from html.parser import HTMLParser

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
        if self._open and self._open[-1] == "style":
            return
        self.text += data
        if self._row is not None:
            self._row[0].append(data)


def words(page: Page) -> str:
    return " ".join(page.text.split())
