"""The page of one paper's printed numbers."""

from __future__ import annotations

from typing import Any

from leukorepro.config.study.study import Citation
from leukorepro.report.finished import FinishedRun
from leukorepro.report.markup import render
from leukorepro.report.numbers import wording
from leukorepro.report.output import Output
from leukorepro.report.pages import addresses
from leukorepro.report.pages.audit.audit import printed_numbers, read_audit, read_printed_numbers
from leukorepro.report.pages.audit.short import short_form
from leukorepro.report.pages.page import Page

GROUP = "Printed numbers"


def audit_page(finished: FinishedRun, key: str, citation: Citation, output: Output) -> Page:
    """Put the page of what arithmetic says of a paper together; it needs no result of the run.

    Parameters
    ----------
    finished : FinishedRun
        The run, and where its files lie.
    key : str
        Of the study.
    citation : Citation
        Of its paper.
    output : Output
        Takes the page's files, and its pictures to be drawn.
    """
    file = finished.results.audit(key)
    content = read_printed_numbers(file, key, citation)
    audit_json = output.copy(file, "data", key, "audit.json")
    return Page(
        address=addresses.of_audit(key),
        title=content.name,
        group=GROUP,
        body=render("pages/audit/page.html.j2", page=content, audit_json=audit_json, addresses=addresses),
    )


def short_page(finished: FinishedRun, key: str, citation: Citation) -> Page:
    """Put the same on one printed page, to be attached to a review.

    Parameters
    ----------
    finished : FinishedRun
        The run, and where its files lie.
    key : str
        Of the study.
    citation : Citation
        Of its paper.
    """
    return short_page_of(read_audit(finished.results.audit(key), key), key, wording.short_citation(citation))


def short_page_of(audit: dict[str, Any], key: str, name: str) -> Page:
    """Put an audit on one printed page.

    Parameters
    ----------
    audit : dict
        As `read_audit` gives it.
    key : str
        Of the study.
    name : str
        The paper's short citation.
    """
    whole = addresses.of_audit(key)
    content = short_form(audit, printed_numbers(audit, key, name))
    return Page(
        address=addresses.of_short_audit(key),
        title=f"{name}, short form",
        group="",
        body=render("pages/audit/short.html.j2", page=content, whole=whole),
        within=whole,
    )
