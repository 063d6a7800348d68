"""The short form of an audit in a real browser: whatever was found, it is one printed page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import report_audits
from chromium import Chromium

from leukorepro.audits.any_table import audit_table
from leukorepro.audits.published import audit
from leukorepro.config.audit_facts import read_facts
from leukorepro.config.study.published import read_published
from leukorepro.report.frame import framed
from leukorepro.report.pages.audit.page import short_page_of
from leukorepro.report.pages.audit.sheet import sheet

pytestmark = pytest.mark.browser

TABLES = Path(__file__).parents[1] / "unit" / "audit_tables"
STUDIES = ["alhammadi2024", "atteia2022", "hasanaath2024", "hayat2022", "rezayi2021"]


def of_table(name: str) -> dict[str, Any]:
    """The audit of one of the tables of the unit tests."""
    return audit_table(read_published(TABLES / f"{name}.csv"), read_facts(TABLES / f"{name}.yaml"))


def crowded() -> dict[str, Any]:
    """An audit that finds more, and tells it at greater length, than any page has room for."""
    study = report_audits.study()
    words = "the numbers of this row agree with no others that the paper has printed " * 5
    ids = [(severity, n) for severity in ("error", "warning", "note") for n in range(60)]
    findings = [{"id": f"{s}/{n}", "severity": s, "text": words[n % 7 * 40 :], "where": f"Table {n}"} for s, n in ids]
    impossible = [one | {"reason": words} for one in study["impossible"]]
    table = study["tables"]["1"]
    return study | {
        "citation": words,
        "findings": findings,
        "impossible": impossible * 60,
        "tables": {"1": table} | {str(n): table | {"consistent_n": list(range(1, 900, 2))} for n in range(2, 40)},
    }


def crowded_tables() -> dict[str, Any]:
    """The same of tables that a person typed."""
    words = "what the other numbers of this row leave is not what the paper has printed " * 5
    rows = {f"a network of some name, number {n}": words[n:] for n in range(60)}
    values = [{"item": item, "metric": "healthy_precision", "value": "0.998", "note": ""} for item in rows]
    unknown = {"n": None, "n_confusion": 0, "confusion": [], "status": "undecided"}
    table = {"title": "", "searched": [10, 3000], "consistent_n": list(range(11, 900, 2)), "rows_sized": [9, 60]}
    table |= {
        "n_accuracies": 0,
        "n_values": len(values),
        "values": values,
        "items": {item: unknown | {"why": why} for item, why in rows.items()},
    }
    odd = [{"item": item, "metric": "healthy_precision", "reason": reason} for item, reason in rows.items()]
    names = [f"a table of such and such a name, {n}" for n in range(30)]
    facts = {name: {"test": {"classes": {f"class {c}": 100 + n for c in range(15)}}} for n, name in enumerate(names)}
    return {
        "facts": {"tables": facts},
        "tables": dict.fromkeys(names, table),
        "impossible": [{"table": name, **one} for name in names for one in odd],
        "findings": [],
        "n_unconfirmed": 1799,
    }


def test_the_short_form_is_one_printed_page(chromium: Chromium, tmp_path: Path) -> None:
    audits = audit(STUDIES)["studies"] | {"crowded": crowded()}
    pages = [short_page_of(found, key, key) for key, found in audits.items()]
    for address, text in framed(pages, "run", "demo").items():
        file = tmp_path / address
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    addresses = [page.address for page in pages]
    for name, found in {"rezayi_table_5": of_table("rezayi_table_5"), "crowded" * 40: crowded_tables()}.items():
        addresses.append(f"table_{name[:20]}.html")
        (tmp_path / addresses[-1]).write_text(sheet(found, name, f"leukorepro audit table {name}.csv"))
    for address in addresses:
        chromium.open(tmp_path / address)
        (printed,) = chromium.pdf(tmp_path / "sheet.pdf")
        for shown in ("short form", "Impossible numbers", "The whole audit", "not a medical device"):
            assert " ".join(shown.upper().split()) in " ".join(printed.upper().split()), address
