"""The frame that all pages share, and what every page loads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

from leukorepro.report.markup import render
from leukorepro.report.pages.page import Page

SCRIPT = Path(__file__).parent / "assets" / "site.js"


def framed(pages: Sequence[Page], kind: str, name: str) -> dict[str, str]:
    """Texts of pages in their frame, of their style and of their scripts, by their addresses.

    Parameters
    ----------
    pages : sequence of Page
        In the order of the navigation, the pages of a group together.
    kind, name : str
        What they are about: `run` and its name, or `model` and its name.
    """
    of_group = groupby([page for page in pages if page.group], lambda page: page.group)
    about = {
        "kind": kind,
        "name": name,
        "groups": [(group, list(of_one)) for group, of_one in of_group],
        "version": version("leukorepro"),
    }
    return {
        **{page.address: render("templates/frame.html.j2", page=page, **about) for page in pages},
        "assets/style.css": render("assets/style.css"),
        "assets/site.js": SCRIPT.read_text(encoding="utf-8"),
        "assets/search.js": _index(pages),
    }


def alone(page: Page, kind: str, name: str) -> str:
    """The text of a page that needs no file beside it: in no navigation, with its style and without scripts.

    Parameters
    ----------
    page : Page
    kind, name : str
        What it is about: `table` and its name.
    """
    style = render("assets/style.css")
    return render(
        "templates/alone.html.j2", page=page, kind=kind, name=name, style=style, version=version("leukorepro")
    )


def _index(pages: Sequence[Page]) -> str:
    """What the search finds, as a script: of every page its title, its address, and texts with their sections.

    Pages that open from disk cannot fetch a file of data, but they can load a script.
    """
    found = [{"page": page.title, "address": page.address, "found": page.found} for page in pages]
    return f"globalThis.searchIndex = {json.dumps(found, separators=(',', ':'))};\n"
