"""What a person need not type for the audit of a table: counts of published datasets, and empty files to fill in."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from leukorepro.audits.arithmetic.blocks import METRICS
from leukorepro.config.audit_facts import AuditFacts, TestFacts, read_facts
from leukorepro.core.errors import UserError, look_up, unknown
from leukorepro.core.places import check_output
from leukorepro.core.store import write_text

DATASETS: dict[str, dict[str, int]] = {
    "cnmc2019": {"all": 7272, "hem": 3389},
    "cnmc2019/preliminary": {"all": 1219, "hem": 648},
    "allidb": {"all": 179, "hem": 189},
    "allidb/1": {"all": 49, "hem": 59},
    "allidb/2": {"all": 130, "hem": 130},
}
"""Images of each class of published datasets and their parts, the positive class first: C-NMC 2019's training images
(Gupta and Gupta 2019) and its preliminary phase, by the organisers' own lists; ALL-IDB (Labati et al. 2011)."""

BOUNDED = {metric: metric for metric in ("sensitivity", *METRICS)}
"""Metrics whose least and greatest value over folds can be held against them."""

TABLE = "table,item,metric,value,note\n"
FACTS = """\
# What the paper says of how the rows of {table} were made. Delete what it does not say; every key may be left out.

# The images that were tested. One of these three:
# test: {{positive: 30, negative: 70}}       # two classes
# test: {{classes: [10, 20, 30]}}            # two or more; {{blast: 10, mature: 20}} where metrics name the classes
# test: {{total: [90, 110]}}                 # two classes of unknown size: least and greatest number of images, or 100

# Folds, where numbers are means over them:
# folds: {{n: 5}}                            # as equal as whole images allow, with any share of the classes
# folds: {{n: 2, known: true, positive: [15, 15], negative: [35, 35]}}
#   bounds: {{accuracy: [0.91, 0.97]}}       # within folds: least and greatest value, where they are printed

# averaging: pooled                        # or mean_over_folds, macro, micro, weighted

# What the paper says of one table only, instead of the above, by its name in the column `table`:
# tables:
#   3: {{test: {{positive: 12, negative: 20}}}}
#   4: {{test: {{positive: 30, negative: 50}}, averaging: macro}}

# Rows of {table}: table and item as the paper calls them; metrics such as accuracy, sensitivity, specificity,
# precision, recall, f1, tp, fn, fp, tn, macro_recall, weighted_f1, blast_precision; values as shares with every printed
# digit, as 0.985 for 98.5 %.
"""


def facts_for(tables: Collection[str], facts: Path | None, dataset: str | None) -> AuditFacts:
    """What is told of some tables.

    Parameters
    ----------
    tables : collection of str
        Their names.
    facts : Path, optional
        File with what the paper says of them.
    dataset : str, optional
        Published dataset that the test images of all are.

    Raises
    ------
    UserError
        If the file is not as it must be, contradicts itself, names another table, or gives what the dataset gives.
    """
    told = AuditFacts() if facts is None else read_facts(facts)
    if dataset is not None:
        if told.test is not None:
            raise UserError(f"{facts}: test: given beside --dataset {dataset}, which gives it, too; keep one of them.")
        told = told.model_copy(update={"test": facts_of(dataset)})
    for table in told.tables:
        if table not in tables:
            raise UserError(f"{facts}: tables: {unknown('table', table, tables)}")
    for table in tables:
        own = told.of(table)
        for metric in own.folds.bounds if own.folds is not None else ():
            look_up(BOUNDED, metric, "metric", f"{facts}: folds.bounds")
        if contradiction := own.contradiction:
            raise UserError(f"{facts or f'--dataset {dataset}'}: of table '{table}': {contradiction}.")
    return told


def facts_of(dataset: str) -> TestFacts:
    """Images of each class of a published dataset, or of a part of it.

    Raises
    ------
    UserError
        If its counts are not known here.
    """
    return TestFacts(classes=look_up(DATASETS, dataset, "dataset", "--dataset"))


def write_template(file: Path) -> list[Path]:
    """Write an empty table and empty facts beside it, or the one of both that is not there yet.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    UserError
        If both are there already, or one cannot be written.
    """
    facts = file.with_suffix(".yaml")
    texts = {file: TABLE, facts: FACTS.format(table=file.name)}
    for path in texts:
        check_output(path)
    new = [path for path in texts if not path.exists()]
    if not new:
        raise UserError(
            f"{file}: is there already, and {facts}, too; a template is written to new files. Name another."
        )
    for path in new:
        write_text(texts[path], path)
    return new
