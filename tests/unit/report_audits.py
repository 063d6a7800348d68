"""Synthetic audits of printed numbers, as the stage before the report writes them."""

from __future__ import annotations

from typing import Any

METRICS = ("accuracy", "specificity", "sensitivity", "precision")

ROWS = {
    "ISet": (("0.997", "0.995", "1.000", "0.994"), "possible", [(537, 0, 3, 564)]),
    "A & <B>": (("0.998", "0.996", "1.000", "0.998"), "impossible", []),
    "many": (("0.99", "0.99", "0.99", "0.99"), "possible", [(530 + k, 7 - k, 5, 562) for k in range(4)]),
}
"""Printed numbers, status and confusion matrices over 1104 images, 537 of them positive."""


QUOTED = {"item": "theirs", "metric": "accuracy", "value": "0.99", "note": "quoted: [7], a <b>forest</b>"}
"""A number that the paper quotes from another."""


def audit(key: str) -> dict[str, Any]:
    """A file that holds the audit of one study: a table of two classes, one of sizes, one that no size gives."""
    return {"schema_version": 1, "studies": {key: study()}}


def study() -> dict[str, Any]:
    return {
        "citation": "A. Bee (2024). A <b>bold</b> title.",
        "tables": {
            "1": _table("Two classes", [*_values(ROWS)], [*range(1100, 1106), 1500], 3, _items()),
            "fig8": _table(
                "Means over folds", [*_of({"mean": "0.8333", "other": "0.9167"}, "accuracy"), QUOTED], [], 2, {}
            ),
            "text": _table("", _of({"images": "1104", "train": "883", "test": "220"}, "size"), [], 0, {}),
        },
        "impossible": [
            {"table": "1", "item": "A & <B>", "metric": "precision", "reason": "it is 0.996 beside 2 <false> positives"}
        ],
        "findings": [
            {"id": "total", "severity": "note", "text": "883 and 220 make 1103, not 1104", "where": "Text"},
            {"id": "eset", "severity": "error", "text": "no matrix is behind A & <B>", "where": "Table 1, A & <B>"},
        ],
    }


def _table(title: str, values: list[dict[str, str]], fits: list[int], n_accuracies: int, items: Any) -> dict[str, Any]:
    return {
        "title": title,
        "searched": [10, 2000],
        "consistent_n": fits,
        "n_accuracies": n_accuracies,
        "n_values": len(values),
        "values": values,
        "items": items,
    }


def _values(rows: Any) -> list[dict[str, str]]:
    return [
        {"item": item, "metric": metric, "value": text, "note": "Seen <twice>" if metric == "precision" else ""}
        for item, (printed, _, _) in rows.items()
        for metric, text in zip(METRICS, printed, strict=True)
    ]


def _of(printed: dict[str, str], metric: str) -> list[dict[str, str]]:
    return [{"item": item, "metric": metric, "value": text, "note": ""} for item, text in printed.items()]


def _items() -> dict[str, Any]:
    items = {
        name: {
            "n": 1104,
            "positives": 537,
            "basis": "positive" if matrices else None,
            "n_confusion": len(matrices),
            "confusion": [dict(zip(("tp", "fn", "fp", "tn"), matrix, strict=True)) for matrix in matrices],
            "status": status,
            "odd": [] if matrices else ["precision"],
            "why": f"{len(matrices)} fit" if matrices else "without precision one does",
        }
        for name, (_, status, matrices) in ROWS.items()
    }
    unknown = {"n": None, "positives": None, "basis": None, "n_confusion": 0, "confusion": [], "odd": []}
    return {**items, "five classes": {**unknown, "status": "undecided", "why": "it has five classes"}}
