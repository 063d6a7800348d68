"""A study's leakage, rung by rung, as the audit of its splits found it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.report.numbers.sources import Sources
from leukorepro.report.numbers.wording import listed
from leukorepro.report.output import Output
from leukorepro.run.resolved import ResolvedStudy


@dataclass(frozen=True)
class Entry:
    """One type of leakage on one rung."""

    status: str
    """`found`, `none found` or `not examined`."""
    share: str
    """Of the tested rows, in words; empty where rows are not counted."""


@dataclass(frozen=True)
class TypeRow:
    """One of Kapoor and Narayanan's types on all rungs."""

    id: str
    name: str
    entries: list[Entry]


@dataclass(frozen=True)
class Told:
    """What the audit says of a type, once for all rungs that it says it of."""

    type: str
    rungs: str
    status: str
    sentence: str


@dataclass(frozen=True)
class LeakagePage:
    """Everything that the template lays out of a study's leakage."""

    rungs: list[Rung]
    rows: list[TypeRow]
    found: list[Told]
    unseen: list[Told]
    """What could not be examined, and why."""
    files: dict[Rung, str]


def leakage_page(study: ResolvedStudy, sources: Sources, output: Output) -> LeakagePage:
    """Put a study's part of the page on leakage together, and copy the audits into the report's folder.

    Parameters
    ----------
    study : ResolvedStudy
        One of the run's.
    sources : Sources
        What earlier stages left of the study.
    output : Output
        Takes the page's files, and its pictures to be drawn.
    """
    rungs = list(study.protocols)
    audits = sources.leakage
    ids = [(one["id"], one["name"]) for one in audits[rungs[0]]["types"]]
    by_type = {key: {rung: _of_type(audits[rung], key) for rung in rungs} for key, _ in ids}
    told = [one for key, name in ids for one in _told(f"{key} {name}", by_type[key])]
    return LeakagePage(
        rungs=rungs,
        rows=[
            TypeRow(key, name, [_entry(by_type[key][rung], audits[rung]["rows"].get("test", 0)) for rung in rungs])
            for key, name in ids
        ],
        found=[one for one in told if one.status == "found"],
        unseen=[one for one in told if one.status == "not examined"],
        files={
            rung: output.copy(file, "data", study.study.key, f"leakage-{rung}.json")
            for rung, file in sources.leakage_files.items()
        },
    )


def _of_type(audit: Mapping[str, Any], key: str) -> dict[str, Any]:
    found: dict[str, Any] = next(one for one in audit["types"] if one["id"] == key)
    return found


def _entry(one: Mapping[str, Any], tested: int) -> Entry:
    rows = one["counts"].get("rows")
    if one["status"] != "found" or rows is None or not tested:
        return Entry(one["status"], "")
    return Entry(one["status"], f"{100 * rows / tested:.1f} % of the tested rows")


def _told(name: str, by_rung: Mapping[Rung, Mapping[str, Any]]) -> list[Told]:
    together: dict[tuple[str, str], list[Rung]] = {}
    for rung, one in by_rung.items():
        together.setdefault((one["status"], one["sentence"]), []).append(rung)
    return [
        Told(
            name,
            listed([LADDER[rung].name.lower() for rung in rungs]) if len(rungs) < len(by_rung) else "all rungs",
            *said,
        )
        for said, rungs in together.items()
    ]
