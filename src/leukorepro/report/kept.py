"""Pages that were drawn before, kept beside the report for as long as what they follow from stays the same.

A workflow removes a report before it has it made again. What was drawn therefore lies in a folder of its own: for each
page a folder named by its address and by a digest of its inputs' contents, of the configuration and of the code.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import mkdtemp

from leukorepro.core.code import module_digest
from leukorepro.core.integrity.damaged import DamagedFile
from leukorepro.core.integrity.recorded import check_recorded, is_record
from leukorepro.core.store import read_json, sha256_file, write_json
from leukorepro.report.drafts import Draft
from leukorepro.report.pages.page import Caveat, Page

PAGE = "page.json"
WORKSHOP = "unfinished-"
"""Begins the name of a folder in which a page is being drawn."""

LIBRARIES = ("jinja2", "matplotlib", "numpy", "pandas", "pillow", "scikit-image")
"""What pages and pictures are drawn with: of another version, they may look otherwise."""


class Kept:
    """A folder of drawn pages.

    Parameters
    ----------
    root : Path
    pictures : bool
        Whether the pages show pictures of cells; those that do are not taken for others.
    """

    def __init__(self, root: Path, *, pictures: bool = True) -> None:
        self.root = root
        self._drawn_with = [
            module_digest("leukorepro.report.site"),
            *map(version, LIBRARIES),
            str(sys.version_info[:2]),
            f"pictures: {pictures}",
        ]
        self._places: dict[str, Path] = {}
        """By address: files are hashed once."""

    def place(self, draft: Draft) -> Path:
        """Folder of a page as it is now; another one as soon as anything that it follows from has changed."""
        if draft.address not in self._places:
            told = [*self._drawn_with, *draft.follows_from]
            for file in draft.inputs or ():
                told += [file.as_posix(), sha256_file(file) if file.is_file() else ""]
            digest = hashlib.sha256(json.dumps(told).encode()).hexdigest()[:16]
            self._places[draft.address] = self.root / f"{Path(draft.address).stem}-{digest}"
        return self._places[draft.address]

    def find(self, draft: Draft) -> Page | None:
        """A page that has been drawn from what is there now, if there is one and nothing of it has changed since."""
        place = self.place(draft)
        if not (place / PAGE).is_file():
            return None
        try:
            for file in self.files(draft).values():
                check_recorded(file)
            told = read_json(place / PAGE)
        except DamagedFile as error:
            print(f"{error.path}: {error.what}; drawn again", flush=True)
            return None
        return Page(**told | {"caveats": tuple(Caveat(*caveat) for caveat in told["caveats"])})

    def files(self, draft: Draft) -> dict[str, Path]:
        """Files of a page that has been drawn, by their addresses."""
        place = self.place(draft)
        files = (file for file in sorted(place.rglob("*")) if file.is_file() and not is_record(file))
        return {file.relative_to(place).as_posix(): file for file in files if file != place / PAGE}

    def workshop(self, draft: Draft) -> Path:
        """An empty folder in which a page is drawn, until `keep` gives it its place."""
        self.root.mkdir(parents=True, exist_ok=True)
        return Path(mkdtemp(prefix=f"{WORKSHOP}{Path(draft.address).stem}-", dir=self.root))

    def keep(self, draft: Draft, page: Page, drawn: Path) -> None:
        """Give a page that has been drawn in a workshop its place.

        Parameters
        ----------
        draft : Draft
            What it was put together from, by which it is found again.
        page : Page
            Told beside its files.
        drawn : Path
            Folder with its files, which gets the place's name.
        """
        told = {name: value for name, value in asdict(page).items() if name not in ("sections", "found")}
        write_json(told, drawn / PAGE)
        place = self.place(draft)
        shutil.rmtree(place, ignore_errors=True)
        drawn.rename(place)

    def forget_others(self, drafts: Sequence[Draft]) -> None:
        """Remove pages as they were before and what interrupted builds have left, but nothing that is not ours."""
        used = {self.place(draft) for draft in drafts}
        for folder in set(self.root.iterdir()) - used:
            if folder.name.startswith(WORKSHOP) or (folder / PAGE).is_file():
                shutil.rmtree(folder)
