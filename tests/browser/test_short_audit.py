"""The short form of an audit in a real browser: whatever was found, it is one printed page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import report_audits
from chromium import Chromium

from leukorepro.audits.published import audit
from leukorepro.report.frame import framed
from leukorepro.report.pages.audit.page import short_page_of

pytestmark = pytest.mark.browser

STUDIES = ["alhammadi2024", "atteia2022", "hasanaath2024", "hayat2022", "rezayi2021"]


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


def test_the_short_form_is_one_printed_page(chromium: Chromium, tmp_path: Path) -> None:
    audits = audit(STUDIES)["studies"] | {"crowded": crowded()}
    pages = [short_page_of(found, key, key) for key, found in audits.items()]
    for address, text in framed(pages, "run", "demo").items():
        file = tmp_path / address
        file.parent.mkdir(exist_ok=True)
        file.write_text(text)
    for page in pages:
        chromium.open(tmp_path / page.address)
        (sheet,) = chromium.pdf(tmp_path / "sheet.pdf")
        for shown in ("short form", "Impossible numbers", "The whole audit", "not a medical device"):
            assert " ".join(shown.upper().split()) in " ".join(sheet.upper().split()), page.address
