"""The audit of any table on one printed page, in a file of its own that can be attached to a review."""

from __future__ import annotations

from typing import Any

from leukorepro.report.frame import alone
from leukorepro.report.markup import render
from leukorepro.report.pages import addresses
from leukorepro.report.pages.audit.audit import printed_numbers
from leukorepro.report.pages.audit.short import short_form_of_tables
from leukorepro.report.pages.page import Page


def sheet(audit: dict[str, Any], name: str, command: str) -> str:
    """Put the audit of tables on one printed page, as the HTML of a file that needs no other.

    Parameters
    ----------
    audit : dict
        As `leukorepro.audits.any_table.audit_table` gives it.
    name : str
        What the tables are called.
    command : str
        That gives the whole audit.
    """
    content = short_form_of_tables(audit, printed_numbers(audit, name, name), command)
    page = Page(
        address=addresses.of_short_audit(name),
        title=f"{content.name}, audit of printed numbers",
        group="",
        body=render("pages/audit/short.html.j2", page=content, whole=""),
    )
    return alone(page, "table", content.name)
