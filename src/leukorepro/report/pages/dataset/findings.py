"""What was found in a dataset's files that a reader must know."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from leukorepro.data.crops import in_words
from leukorepro.report.numbers.wording import count

SHOWN = 30
"""Files that are named on the page; all are in the scan."""


@dataclass(frozen=True)
class Finding:
    """Something that a reader must know of the dataset's files."""

    title: str
    text: str
    lines: list[str]
    serious: bool


def findings_of(scan: dict[str, Any]) -> Iterator[Finding]:
    """What a reader must know, the worst first; unreadable files also where there are none."""
    if scan["suspicions"]:
        text = "The images were read all the same; what each looks like is not known for certain."
        yield Finding("Suspicions", text, _some(scan["suspicions"]), serious=True)
    unreadable = scan["unreadable"]
    text = f"{count(len(unreadable), 'file')}, left out." if unreadable else "None: every image file could be decoded."
    lines = [f"{one['image_id']}: {one['status'].replace('_', ' ')}: {one['reason']}" for one in unreadable]
    yield Finding("Unreadable files", text, _some(lines), serious=bool(unreadable))
    if scan["crops"]:
        first, *others = in_words(scan["crops"])
        yield Finding("Crops and their photographs", f"{first}.", others, serious=False)
    if scan["conversions"]:
        lines = [
            f"{one['what']}: {count(one['images'], 'image')}, such as {one['examples'][0]}"
            for one in scan["conversions"]
        ]
        yield Finding("Converted to 8-bit RGB", "", lines, serious=False)
    if sites := scan.get("sites"):
        told = {
            site: [f"{count(n, 'image')} of class {label}" for label, n in of.items()] for site, of in sites.items()
        }
        lines = [f"{site}: {', '.join(counts)}" for site, counts in told.items()]
        yield Finding("Sites", "Where images were made, as the dataset's table says.", _some(lines), serious=False)
    if scan["notes"] or scan["ignored"]:
        ignored = [f"Other files, ignored: {n:,} {ending}" for ending, n in scan["ignored"].items()]
        yield Finding("Notes", "", [*scan["notes"], *ignored], serious=False)


def _some(lines: list[str]) -> list[str]:
    return lines if len(lines) <= SHOWN else [*lines[:SHOWN], f"and {len(lines) - SHOWN:,} more; all are in scan.json"]
