"""The page of one paper's printed numbers."""

from __future__ import annotations

from leukorepro.config.study.study import Citation
from leukorepro.report.finished import FinishedRun
from leukorepro.report.markup import render
from leukorepro.report.output import Output
from leukorepro.report.pages import addresses
from leukorepro.report.pages.audit.audit import read_printed_numbers
from leukorepro.report.pages.page import Page

GROUP = "Printed numbers"


def audit_page(finished: FinishedRun, key: str, citation: Citation, output: Output) -> Page:
    """Put the page of what arithmetic says of a paper together, by the study's key; it needs no result of the run."""
    file = finished.results.audit(key)
    content = read_printed_numbers(file, key, citation)
    audit_json = output.copy(file, "data", key, "audit.json")
    return Page(
        address=addresses.of_audit(key),
        title=content.name,
        group=GROUP,
        body=render("pages/audit/page.html.j2", page=content, audit_json=audit_json, addresses=addresses),
    )
