"""A study with what the claims of its paper need: items that are fitted once more, so that tables can be compared."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from leukorepro.config.study.claims import Claim, LeftOutClaim, refitted_table
from leukorepro.config.study.study import Study
from leukorepro.config.study.tables import Table
from leukorepro.core.validation import parse

FEW_NAMES = 3
"""More missing items than this are counted."""


def with_claims(study: Study, paper: Study, where: str) -> tuple[Study, dict[str, LeftOutClaim]]:
    """The study with those claims of its paper whose items it has, and why the others are left out.

    Items that a claim compares on another split than their own are fitted once more, in tables of their own that hold
    no printed number. No item is brought back for a claim.

    Parameters
    ----------
    study : Study
        As it runs; its own claims are forgotten.
    paper : Study
        As the paper has it: all of its claims, and the splits that they compare on.
    where : str
        File that messages begin with.

    Raises
    ------
    UserError
        If an item cannot be fitted on the split of its claim.
    """
    present = {f"{number}/{item.item}" for number, table in study.tables.items() for item in table.items}
    missing = {key: [place for place in claim.places if place not in present] for key, claim in paper.claims.items()}
    kept = {key: claim for key, claim in paper.claims.items() if not missing[key]}
    left_out = {key: LeftOutClaim(claim=paper.claims[key], reason=_told(of)) for key, of in missing.items() if of}
    added = _refitted(study, kept.values())
    splits = {name: paper.splits[name] for name in [*study.splits, *(table.split for table in added.values())]}
    whole = study.model_copy(update={"claims": kept, "splits": splits, "tables": {**study.tables, **added}})
    return parse(Study, whole.model_dump(), Path(where)), left_out


def _refitted(study: Study, claims: Iterable[Claim]) -> dict[str, Table]:
    """Tables of items that are fitted once more: for each table and split one."""
    items: dict[tuple[str, str], dict[str, None]] = {}
    metrics: dict[tuple[str, str], dict[str, None]] = {}
    for claim in claims:
        for number, item, split in claim.refitted(study.tables):
            items.setdefault((number, split), {})[item] = None
            metrics.setdefault((number, split), {})[claim.metric] = None
    tables = {}
    for (number, split), names in items.items():
        table = study.tables[number]
        tables[refitted_table(number, split)] = table.model_copy(
            update={
                "title": f"{table.title}, fitted once more for claims, on the split {split}",
                "split": split,
                "metrics": list(metrics[number, split]),
                "items": [
                    item.model_copy(update={"split": None, "reading_of": None})
                    for item in table.items
                    if item.item in names
                ],
            }
        )
    return tables


def _told(missing: list[str]) -> str:
    """Which items a run lacks."""
    more = len(missing) - FEW_NAMES
    names = [f"'{name}'" for name in missing]
    names = [*names[:FEW_NAMES], f"{more} more"] if more > 0 else names
    listed = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    return f"{listed} {'is' if len(missing) == 1 else 'are'} not in this run"
