"""The audit of a paper's printed numbers: arithmetic alone, without any data."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import pandas as pd
from tqdm import tqdm

from leukorepro.audits.answers import Answers
from leukorepro.audits.finding import Finding
from leukorepro.audits.findings.agreement import disagreements, statements
from leukorepro.audits.findings.derived import f1_of_its_parts, kinds_of_f1, unequal_areas
from leukorepro.audits.findings.learnables import layers, networks
from leukorepro.audits.findings.of_tables import of_tables, reason
from leukorepro.audits.findings.quoted import quoted
from leukorepro.audits.findings.split_shares import split_shares
from leukorepro.audits.findings.totals import sums
from leukorepro.audits.paper import Paper
from leukorepro.audits.tables import TablesAudit
from leukorepro.config.files import published_path, study_path
from leukorepro.config.study.published import read_published
from leukorepro.config.study.study import Study, load_study

SCHEMA_VERSION = 1
GRAVEST_FIRST = ("error", "warning", "note")


def audit(keys: Iterable[str]) -> dict[str, Any]:
    """Audit the printed numbers of some studies.

    Parameters
    ----------
    keys : iterable of str
        Keys of studies.

    Returns
    -------
    dict
        As it is written to ``results/audit/<study>.json``.

    Raises
    ------
    UserError
        If there is no study of a name, or its configuration or its table of printed numbers is wrong.
    """
    studies = {key: load_study(study_path(key)) for key in keys}
    printed = {key: read_published(published_path(key)) for key in studies}
    papers = tqdm(studies.items(), desc="papers", leave=False, disable=None)
    audits = {key: audit_study(study, printed[key]) for key, study in papers}
    return {"schema_version": SCHEMA_VERSION, "studies": audits}


def audit_study(study: Study, published: pd.DataFrame) -> dict[str, Any]:
    """Audit the printed numbers of one study.

    Parameters
    ----------
    study : Study
    published : DataFrame
        As `leukorepro.config.study.published.read_published` gives them.

    Returns
    -------
    dict
        ``citation``; ``tables``, by name; ``impossible``, the numbers that no confusion matrix has; ``findings``,
        the gravest first; ``answers``, what answers each number.

    Raises
    ------
    UserError
        If what the study declares about its numbers names one that is not printed.
    """
    paper = Paper(study, published)
    audits = TablesAudit(paper)
    answers = Answers(paper)
    findings = sorted(_findings(paper, audits), key=lambda finding: GRAVEST_FIRST.index(finding.severity))
    return {
        "citation": f"{study.citation.authors} ({study.citation.year}). {study.citation.title}.",
        "tables": {table: _table(paper, audits, table) for table in paper.tables},
        "impossible": list(_impossible(audits)),
        "findings": [finding.as_json() for finding in findings],
        "answers": [answers.of(value).as_json(value) for value in paper.values],
    }


def _findings(paper: Paper, audits: TablesAudit) -> Iterator[Finding]:
    yield from of_tables(paper, audits)
    yield from sums(paper)
    yield from disagreements(paper)
    yield from statements(paper)
    yield from f1_of_its_parts(paper)
    yield from kinds_of_f1(paper, audits)
    yield from unequal_areas(paper)
    yield from split_shares(paper)
    yield from layers(paper)
    yield from networks(paper)
    yield from quoted(paper)


def _table(paper: Paper, audits: TablesAudit, table: str) -> dict[str, Any]:
    found = audits.tables[table]
    values = paper.tables[table]
    return {
        "title": paper.title(table),
        "searched": list(found.searched),
        "consistent_n": list(found.sizes),
        "digits": "cut" if found.cut else "rounded",
        "n_accuracies": len(found.accuracies),
        "n_values": len(values),
        "values": [{"item": v.item, "metric": v.metric, "value": v.text, "note": v.note} for v in values],
        "items": {item: of_item.as_json() for item, of_item in found.items.items()},
    }


def _impossible(audits: TablesAudit) -> Iterator[dict[str, str]]:
    for table, audit_of_table in audits.tables.items():
        for item, found in audit_of_table.items.items():
            for metric in found.odd if found.status == "impossible" else ():
                yield {"table": table, "item": item, "metric": metric, "reason": reason(found, metric)}
