"""The folder that a report is written to: whether it is one's own, and what an earlier report left in it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from urllib.parse import unquote

from leukorepro.core.errors import UserError
from leukorepro.core.integrity.recorded import record_of, remove_recorded
from leukorepro.core.store import read_json
from leukorepro.report.crate import METADATA, TITLE

FOLDERS = ("assets", "data", "figures", "workflow")
PAGES = ("validity.html", "paper_*.html", "dataset_*.html", "audit_*.html")
"""Of a report: what an earlier one may have had more of."""


def earlier_files(folder: Path) -> set[Path]:
    """Files that an earlier report has written to a folder, which others may lie in.

    It is known by what describes it, and in a run's results, where Snakemake removes that before it has the report made
    again, by the digests beside its pages.

    Parameters
    ----------
    folder : Path
        Of the report; it need not be there.

    Raises
    ------
    UserError
        If the report would be written into what is none of it, or through a link out of the folder.
    """
    listed = _described(folder)
    for name in (*FOLDERS, "index.html", METADATA):
        place = folder / name
        if place.is_symlink():
            raise UserError(f"{place}: a link, where a report's own {name} is written; name another folder.")
        filled = place.is_file() or (place.is_dir() and any(place.iterdir()))
        if filled and not listed:
            raise UserError(
                f"{folder}: holds {name}, and not of a report that leukorepro has finished; name a new folder or, if "
                "it is of no more use, remove it."
            )
    recorded = {page for pattern in PAGES for page in folder.glob(pattern) if record_of(page).exists()}
    return recorded | {folder / address for address in listed if (folder / address).is_file()}


def _described(folder: Path) -> set[str]:
    """Addresses that the description of an earlier report of ours names; none where there is no such."""
    if not (folder / METADATA).is_file():
        return set()
    told = read_json(folder / METADATA)
    entities = told.get("@graph", ()) if isinstance(told, dict) else ()
    named = {entity.get("@id", ""): entity for entity in entities if isinstance(entity, dict)}
    if not str(named.get("./", {}).get("name", "")).startswith(TITLE):
        return set()
    files = {unquote(name) for name, entity in named.items() if "File" in _as_list(entity.get("@type"))}
    return {name for name in files if not ({"..", "/"} & set(PurePosixPath(name).parts))}


def _as_list(value: object) -> list[object]:
    return list(value) if isinstance(value, list) else [value]


def remove_files(folder: Path, files: Iterable[Path]) -> None:
    """Remove files of a folder that are there, and the folders in it that nothing is left in.

    Parameters
    ----------
    folder : Path
        Stays.
    files : iterable of Path
        In it.
    """
    for file in filter(Path.exists, files):
        remove_recorded(file)
        for above in file.parents:
            if above == folder or any(above.iterdir()):
                break
            above.rmdir()
