"""Leakage: what the tested rows of a split are known by before they are tested.

Named after the types of Kapoor and Narayanan, Leakage and the reproducibility crisis in machine-learning-based science,
Patterns 4 (2023) 100804, doi 10.1016/j.patter.2023.100804. What a split table cannot show is said to be not examined.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from leukorepro.checks.sharing import EXAMPLES, PAIRS, examine, links_of
from leukorepro.core.errors import UserError
from leukorepro.core.store import read_json
from leukorepro.run.specifications.leakage import Steps

SCHEMA_VERSION = 1

Status = Literal["found", "none found", "not examined"]

NAMES = {
    "L1.1": "No test set",
    "L1.2": "Pre-processing on training and test set",
    "L1.3": "Feature selection on training and test set",
    "L1.4": "Duplicates in datasets",
    "L2": "Model uses features that are not legitimate",
    "L3.1": "Temporal leakage",
    "L3.2": "Non-independence between training and test samples",
    "L3.3": "Sampling bias in test distribution",
}
"""Kapoor and Narayanan (2023), Table 1 and its text."""

NEVER_EXAMINED = {
    "L2": "Whether a feature gives the diagnosis away, such as a laboratory's own stain, cannot be seen in a split.",
    "L3.1": "Images have no dates here: whether training images were taken after tested ones cannot be seen.",
}


@dataclass(frozen=True)
class Finding:
    """One type of leakage in one or several split tables."""

    id: str
    status: Status
    sentence: str
    counts: dict[str, int] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What Kapoor and Narayanan call it."""
        return NAMES[self.id]


def audit_leakage(
    manifest: pd.DataFrame,
    splits: Mapping[str, pd.DataFrame],
    *,
    duplicates: Sequence[Sequence[str]] | None = None,
    steps: Steps | None = None,
) -> dict[str, Any]:
    """Name every kind of leakage that split tables show.

    Parameters
    ----------
    manifest : DataFrame
        Manifest contract.
    splits : mapping of str to DataFrame
        Split tables by their names; columns image_id, view, role, repeat, fold.
    duplicates : sequence of sequences of str, optional
        Images of each duplicate group, of `leukorepro.data.duplicates.read_duplicates`.
    steps : Steps, optional
        What is done with the rows; without it, only the split is examined.

    Returns
    -------
    dict, ready for JSON
        - ``schema_version``; ``rows``: of each role in all tables; ``n_found``: types of leakage that were found;
        - ``types``: ``id, name, status`` (`found`, `none found`, `not examined`), ``counts, examples, sentence``;
        - ``splits``: what `leukorepro.checks.sharing.examine` counted in each table.

    Raises
    ------
    UserError
        If a table is empty or names an image that the manifest does not have, or no duplicate is in the manifest.
    """
    if duplicates and not set(manifest["image_id"]) & {image for group in duplicates for image in group}:
        raise UserError(
            f"none of the duplicates, such as '{duplicates[0][0]}', is in the manifest; give those of the same dataset."
        )
    links = links_of(manifest, duplicates)
    labels = manifest.set_index("image_id")["label"]
    classes = steps.classes if steps is not None else {}
    tables = [
        examine(name, table, links, labels.map(classes[name]) if name in classes else labels)
        for name, table in splits.items()
    ]
    judge = _Judge(tables, bool((manifest["subject_id"] != "").any()), duplicates is not None, steps)
    found = list(judge.findings())
    rows = pd.DataFrame([table["rows"] for table in tables]).sum().astype(int)
    return {
        "schema_version": SCHEMA_VERSION,
        "rows": {str(role): int(n) for role, n in rows.items()},
        "n_found": sum(finding.status == "found" for finding in found),
        "types": [{"id": one.id, "name": one.name, **asdict(one)} for one in found],
        "splits": tables,
    }


def read_leakage(path: Path) -> dict[str, Any]:
    """Read what `audit_leakage` found.

    Raises
    ------
    UserError
        If the file is missing or is not such a table.
    """
    found = read_json(path)
    if not (isinstance(found, dict) and found.get("schema_version") == SCHEMA_VERSION and "types" in found):
        raise UserError(f"{path}: not made by `leukorepro audit rungs` of this version; make it again.")
    return found


class _Judge:
    """Puts what was counted into Kapoor and Narayanan's types."""

    def __init__(self, tables: list[dict[str, Any]], subjects: bool, duplicates: bool, steps: Steps | None) -> None:
        self._tables, self._subjects, self._duplicates, self._steps = tables, subjects, duplicates, steps
        self._tested = sum(table["rows"].get("test", 0) for table in tables)

    def findings(self) -> Iterator[Finding]:
        """One for each type, in their order."""
        yield self._no_test_set()
        yield self._preprocessing()
        yield self._choices()
        yield self._copies()
        yield Finding("L2", "not examined", NEVER_EXAMINED["L2"])
        yield Finding("L3.1", "not examined", NEVER_EXAMINED["L3.1"])
        yield self._dependence()
        yield self._sampling()

    def _no_test_set(self) -> Finding:
        lacking = {
            part: sum(fold[part] == 0 for table in self._tables for fold in table["by_fold"])
            for part in ("test", "train")
        }
        counts = {
            "folds_without_test_rows": lacking["test"],
            "folds_without_training_rows": lacking["train"],
            "rows_in_both": self._sum("both_roles"),
        }
        if not any(counts.values()):
            return Finding("L1.1", "none found", "Every fold has tested rows, and none of them trains.", counts)
        told = [
            f"{lacking['test']:,} fold(s) test nothing" if lacking["test"] else "",
            f"{lacking['train']:,} fold(s) train on nothing" if lacking["train"] else "",
            f"{counts['rows_in_both']:,} row(s) train and are tested in one fold" if counts["rows_in_both"] else "",
        ]
        return Finding("L1.1", "found", f"{'; '.join(filter(None, told))}.", counts)

    def _preprocessing(self) -> Finding:
        steps = self._steps
        if steps is None:
            return Finding(
                "L1.2", "not examined", "What was fitted, and on which rows, is not written in a split table."
            )
        if not steps.reducers:
            return Finding(
                "L1.2", "none found", "Nothing is fitted before the classifiers, whose scalers see training rows only."
            )
        names = ", ".join(steps.reducers)
        if not steps.fitted_on_all:
            return Finding(
                "L1.2", "none found", f"{names}: fitted on the training rows of each fold, as all scalers are."
            )
        return Finding(
            "L1.2", "found", f"{names}: fitted on all rows, so that every tested row was seen.", {"rows": self._tested}
        )

    def _choices(self) -> Finding:
        steps = self._steps
        if steps is None:
            return Finding(
                "L1.3", "not examined", "What was chosen, and by which rows, is not written in a split table."
            )
        if not steps.choices:
            return Finding("L1.3", "not examined", "The paper does not say how its features and settings were chosen.")
        told = " ".join(steps.choices)
        if steps.published:
            return Finding(
                "L1.3", "found", f"The paper chose by rows that it tested. {told}", {"choices": len(steps.choices)}
            )
        return Finding(
            "L1.3",
            "none found",
            f"Every item is shown here, and none is picked. The paper chose by rows that it tested. {told}",
        )

    def _copies(self) -> Finding:
        counts = self._counts("image", "copy")
        on_validation = self._on_validation("copy", "a copy")
        beyond = "" if self._duplicates else " Near-duplicates were not looked for (--duplicates)."
        if counts["rows"] or counts["validation_rows"]:
            views = f"; of {counts['image_rows']:,} it is another view of the same file" if counts["image_rows"] else ""
            text = f"{self._share(counts['rows'])} have a copy in training{views}."
            return Finding("L1.4", "found", text + on_validation + beyond, counts, self._examples("copy"))
        text = "No tested row has a copy in training, neither a view nor an image of equal content."
        return Finding("L1.4", "none found", text + on_validation + beyond, counts)

    def _dependence(self) -> Finding:
        counts = self._counts("source", "related") | {"subject_rows": self._shared("test_train", "subject", "rows")}
        what = "another image of the same " + (
            "group (by subjects and photographs)" if self._subjects else "photograph"
        )
        on_validation = self._on_validation("related", what)
        unknown = (
            "" if self._subjects else " Subjects are not known: whether a patient is on both sides cannot be seen."
        )
        if counts["rows"] or counts["validation_rows"]:
            text = f"{self._share(counts['rows'])} have {what} in training."
            return Finding("L3.2", "found", text + on_validation + unknown, counts, self._examples("related"))
        status: Status = "none found" if self._subjects else "not examined"
        return Finding("L3.2", status, f"No tested row has {what} in training.{on_validation}{unknown}", counts)

    def _sampling(self) -> Finding:
        untested = sorted({label for table in self._tables for label in table["classes_untested"]})
        untrained = sorted({label for table in self._tables for label in table["classes_untrained"]})
        counts = {
            "untested_images": self._sum("untested"),
            "rows_tested_again": self._sum("tested_again"),
            "classes_untested": len(untested),
            "classes_untrained": len(untrained),
        }
        told = [
            f"no image of {', '.join(untested)} is tested" if untested else "",
            f"{', '.join(untrained)} is tested in a fold without training on it" if untrained else "",
            f"{counts['rows_tested_again']:,} rows are tested more than once in a repeat"
            if self._sum("tested_again")
            else "",
        ]
        limit = "Whether the tested images stand for the patients whom one means to diagnose cannot be seen in a split."
        if any(told):
            return Finding("L3.3", "found", f"In the split, {'; '.join(filter(None, told))}. {limit}", counts)
        return Finding("L3.3", "not examined", f"Every class is tested, and no row twice in a repeat. {limit}", counts)

    def _counts(self, narrow: str, link: str) -> dict[str, int]:
        return {
            "rows": self._shared("test_train", link, "rows"),
            "images": sum(table["shared"]["test_train"][link]["images"] for table in self._tables),
            f"{narrow}_rows": self._shared("test_train", narrow, "rows"),
            "validation_rows": self._shared("test_validation", link, "rows"),
            "validation_rows_in_training": self._shared("validation_train", link, "rows"),
        }

    def _on_validation(self, link: str, what: str) -> str:
        """Sentences on validation rows, where there are any."""
        told = ""
        if n := self._shared("test_validation", link, "rows"):
            told += f" Tested rows with {what} in validation: {n:,}."
        if n := self._shared("validation_train", link, "rows"):
            told += f" Validation rows with {what} in training: {n:,}; what is chosen by them looks better than it is."
        return told

    def _shared(self, pair: str, link: str, what: str) -> int:
        return sum(table["shared"][pair][link][what] for table in self._tables)

    def _sum(self, name: str) -> int:
        return sum(table[name] for table in self._tables)

    def _share(self, rows: int) -> str:
        share = f" ({100 * rows / self._tested:.1f} %)" if self._tested else ""
        return f"{rows:,} of {self._tested:,} tested rows{share}"

    def _examples(self, link: str) -> list[str]:
        named = [
            image
            for part, other in PAIRS[:2]
            for table in self._tables
            for image in table["examples"][f"{part}_{other}"][link]
        ]
        return list(dict.fromkeys(named))[:EXAMPLES]
