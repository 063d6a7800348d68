"""What repeated studies come to, in sentences: under the published protocol, on the honest rung, and what follows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import norm

from leukorepro.checks.validity.summary import TARGET, meets_target, read_summary
from leukorepro.config.validity import SIMULATED
from leukorepro.evaluation.intervals import LEVEL
from leukorepro.ladder.rungs import LADDER, PUBLISHED, Rung, honest_rung
from leukorepro.report.numbers import wording

Kinds = Mapping[str, pd.DataFrame]
"""Rows of a `VALIDITY_TABLE` by what was repeated: the name of a dataset of real patients, or `SIMULATED`."""


def read_kinds(file: Path) -> Kinds:
    """Read a summary of `snakemake validity`; real patients come before simulated subjects.

    Raises
    ------
    UserError
        As `leukorepro.checks.validity.summary.read_summary`.
    """
    summary = read_summary(file)
    names = sorted(summary["dataset"].unique(), key=lambda name: name == SIMULATED)
    return {name: summary[summary["dataset"] == name] for name in names}


def in_short(kinds: Kinds) -> str:
    """What the honest rung's accuracy came to, in one sentence."""
    rung = _honest(pd.concat(kinds.values()))
    told = [f"{_off(_accuracy(rows, rung)['bias'])} ({who(kind)})" for kind, rows in kinds.items()]
    name = LADDER[rung].name
    return f"In repeated studies whose truth is known, accuracy on the rung {name} was {wording.listed(told)}."


def setting_name(rows: pd.DataFrame) -> str:
    """What a setting is called, by its rows; that of real patients has its dataset's name."""
    first = rows.iloc[0]
    return str(first["setting"].replace("_", " ") if first["dataset"] == SIMULATED else first["setting"])


def who(kind: str) -> str:
    """Whose images they are, in the middle of a sentence."""
    return "simulated subjects" if kind == SIMULATED else f"real patients of {kind}"


def exact_coverage(n_subjects: int, n_fresh: int) -> float:
    """How often an interval that is exact for a whole population holds what is measured on some others of it.

    For a mean over subjects: that of the others deviates too, by the variance of a subject over their number.

    Parameters
    ----------
    n_subjects : int
        Subjects of the sample that the interval is made from.
    n_fresh : int
        Subjects that the truth is measured on.

    Returns
    -------
    float
        Share in (0, 1), below the interval's level.
    """
    return float(2 * norm.cdf(norm.ppf((1 + LEVEL) / 2) / np.sqrt(1 + n_subjects / n_fresh)) - 1)


def told_of(kind: str, rows: pd.DataFrame) -> Iterator[str]:
    """What the published and the honest rung say of a kind of subjects, beside the truth; sentences.

    Parameters
    ----------
    kind : str
        The dataset that subjects are of; `SIMULATED` where they are drawn.
    rows : DataFrame
        Rows of the summary that are about it.
    """
    told = []
    for rung in dict.fromkeys((PUBLISHED, _honest(rows))):
        own = _accuracy(rows, rung)
        told.append(
            f"on the rung {LADDER[rung].name}, accuracy is {_off(own['bias'])}, and {_span(own['coverage'])} % of the "
            f"{100 * LEVEL:g} % intervals hold the truth"
        )
    yield wording.sentence([f"{who(kind)}: {told[0]}", *told[1:]])
    if kind != SIMULATED:
        first = rows.iloc[0]
        exact = exact_coverage(first["n_subjects"], first["n_fresh"])
        yield (
            f"As this truth is measured on no more than {first['n_fresh']} patients, about {100 * exact:.0f} % of "
            "exact intervals would hold it."
        )


def follows(kinds: Kinds) -> Iterator[str]:
    """Whether the honest rung is as good as it should be, and what that makes of both; sentences."""
    summary = pd.concat(kinds.values())
    rung = _honest(summary)
    honest = summary[summary["rung"] == rung]
    missed = honest[~honest.apply(meets_target, axis=1)]
    name, published = LADDER[rung].name, LADDER[PUBLISHED].name
    met = len(honest) - len(missed)
    some = "all " if not len(missed) else f"{met or 'none'} of "
    yield f"{name} has {TARGET} in {some}{len(honest)} cases, each a metric in a setting{_exceptions(missed)}."
    of_both = [_accuracy(summary, one)["bias"] for one in (PUBLISHED, rung)]
    if of_both[0].min() > of_both[1].abs().max():
        how = "is much nearer" if len(missed) else "can be, with its interval"
        only = ", as far as simulated subjects can stand for patients" if set(kinds) == {SIMULATED} else ""
        yield (
            f"A number of the rung {published} can therefore not be taken for what new patients would get; one of the "
            f"rung {name} {how}{only}."
        )


def _exceptions(missed: pd.DataFrame) -> str:
    """Which settings and metrics miss what an honest rung should have."""
    told = [
        f"{setting_name(rows)} ({wording.listed([wording.in_a_sentence(metric) for metric in rows['metric']])})"
        for _, rows in missed.groupby("setting", sort=False)
    ]
    return f"; not in {wording.listed(told)}" if told else ""


def _honest(rows: pd.DataFrame) -> Rung:
    rung = honest_rung(rows["rung"].unique())
    assert rung is not None  # every study is repeated on it
    return rung


def _accuracy(rows: pd.DataFrame, rung: Rung) -> pd.DataFrame:
    return rows[(rows["rung"] == rung) & (rows["metric"] == "accuracy")]


def _off(biases: pd.Series) -> str:
    """How far from the truth, over the settings."""
    low, high = biases.min(), biases.max()
    if low >= 0:
        return f"{_span(biases)} points too high"
    if high <= 0:
        return f"{_span(-biases)} points too low"
    return f"between {_points(-low)} points too low and {_points(high)} too high"


def _span(values: pd.Series) -> str:
    """From the lowest to the highest."""
    return " to ".join(dict.fromkeys(_points(value) for value in (values.min(), values.max())))


def _points(value: float) -> str:
    return wording.number("accuracy", value)
