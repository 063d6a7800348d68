"""Whether a paper's conclusions hold on our own numbers, on every rung.

A claim is a list of comparisons, each of one item that is said to be better than another by one metric. Each is a
paired difference (`leukorepro.evaluation.resampling.differences`) with its interval of 95 %. A claim

- **holds** where every comparison comes out as claimed, its interval included;
- **does not hold** where one of them is clearly not so: its interval, corrected for the number of comparisons, has
  nothing on the claimed side;
- **cannot be told** otherwise.

The two need different care when there are several comparisons, as in "the best of six". To hold, all must come out:
this is an intersection-union test, and it keeps its level if each comparison is tested at the full level, without
correction (Berger, Multiparameter Hypothesis Testing and Acceptance Sampling, Technometrics 24, 1982, theorem 1). To be
refuted, one is enough, and among many one would be found by chance: each interval is then one of level 1 - 0.05/k, k
being the number of comparisons (Bonferroni; Holm's procedure begins with the same bound, and its first step decides
here). Percentiles so far out would rest on one or two resamples: the bounds of 95 % are moved away from the difference
instead, by as much as those of the t distribution move.

Which item is said to be best was fixed by the paper, before our numbers were seen, so it owes nothing to being picked
from them. Nothing is corrected for the number of claims.

Where few groups tell two items apart, resampling cannot say how sure a difference is. If n groups do, and all in one
direction, chance alone would do as much in 2**(1-n) of all cases (the sign test): with fewer than six, no test of 5 %
finds anything. Nor does a comparison count here then, for a claim or against it; but two items that give the same
predictions are equal, however few they are.

Where a protocol deals out views or images one by one, two items of different splits may be tested on different images.
Groups of both are drawn then, and the interval is as wide as that makes it.

An interval speaks of other patients, classified by systems like these, and in a run of several seeds of other seeds,
too: comparisons are paired by both. How results vary with other training images it does not say, nor, in a run of one
seed, how they do with other random numbers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from leukorepro.config.study.claims import Claim, Place
from leukorepro.core.tables.results import CLAIM_COMPARISONS_TABLE, CLAIMS_TABLE
from leukorepro.evaluation.intervals import LEVEL, N_RESAMPLES
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.evaluation.predictions import Outcome
from leukorepro.evaluation.resampling.differences import Paired, paired_difference
from leukorepro.evaluation.resampling.shared_groups import SharedResamples
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.metrics.names import named

HOLDS, DOES_NOT_HOLD, CANNOT_BE_TOLD = "holds", "does not hold", "cannot be told"


class JudgedClaims(NamedTuple):
    """What becomes of a study's claims."""

    claims: pd.DataFrame
    """A `CLAIMS_TABLE`, a row for each claim and rung, in their order."""
    comparisons: pd.DataFrame
    """A `CLAIM_COMPARISONS_TABLE`, a row for each comparison of these."""


@dataclass(frozen=True)
class Compared:
    """A comparison of a claim on one rung; differences are positive where the item is better, as is claimed."""

    item: Place
    against: Place
    measured: tuple[Outcome, Outcome]
    """What both are measured at: themselves, or the same items fitted once more."""
    found: Paired
    corrected: Paired
    """With the interval that allows for the number of comparisons."""
    n_apart: int
    """Number of groups that tell both apart."""
    n_comparisons: int
    """Of the claim."""

    @property
    def is_clear(self) -> bool:
        """Whether it comes out as claimed."""
        return self.found.low > 0 and self.n_apart >= fewest_apart(1 - LEVEL)

    @property
    def is_refuted(self) -> bool:
        """Whether it is clearly not as claimed."""
        few = self.n_apart < fewest_apart((1 - LEVEL) / self.n_comparisons)
        return self.is_same or (self.corrected.high <= 0 and not few)

    @property
    def is_same(self) -> bool:
        """Whether both are the same predictions."""
        return self.found.low == self.found.high == 0

    @property
    def is_of_few(self) -> bool:
        """Whether too few groups tell both apart for any verdict."""
        return not self.is_same and self.n_apart < fewest_apart(1 - LEVEL)


def fewest_apart(alpha: float) -> int:
    """Fewest groups that must tell two items apart for a two-sided sign test of level `alpha` to find anything."""
    return math.ceil(1 - math.log2(alpha))


def judge_claims(outcomes: Outcomes, seed: int, n_resamples: int = N_RESAMPLES) -> JudgedClaims:
    """What becomes of a study's claims, on every rung that all items of a claim ran on.

    Parameters
    ----------
    outcomes : Outcomes
        The predictions.
    seed : int
        Seed of the resamples.
    n_resamples : int
        Number of resamples.
    """
    study, images = outcomes.resolved.study, outcomes.images()
    claims, comparisons = [], []
    for key, claim in study.claims.items():
        resamples = SharedResamples(outcomes, images, seed, n_resamples)
        places = [claim.judged_at(place, study.tables) for place in claim.places]
        for rung in LADDER:
            if not all(rung in outcomes.rungs(*place) for place in places):
                continue
            compared = _compared(outcomes, resamples, claim, rung)
            names = {"study": study.key, "claim": key, "protocol": rung, "metric": claim.metric}
            claims.append({**names, "says": claim.says, "where": claim.where, **_judged(claim.metric, compared)})
            comparisons += [{**names, **_row(one), **_corrected(one)} for one in compared]
    return JudgedClaims(CLAIMS_TABLE.frame(claims), CLAIM_COMPARISONS_TABLE.frame(comparisons))


def widened(found: Paired, n_comparisons: int) -> Paired:
    """A difference with the interval that allows for one of several comparisons to be picked.

    Parameters
    ----------
    found : Paired
        With its interval of 95 %.
    n_comparisons : int
        How many there are to pick from; 1 changes nothing.
    """
    if math.isnan(found.low):
        return found  # it has no interval
    usual, corrected = stdtrit(found.freedom, 1 - (1 - LEVEL) / 2 / np.array([1, n_comparisons]))
    low, high = (found.value + (bound - found.value) * float(corrected / usual) for bound in (found.low, found.high))
    return found._replace(low=low, high=high)


def decide(compared: Sequence[Compared]) -> tuple[str, Compared]:
    """The verdict on a claim, and the comparison that decides it: the weakest, or the clearest against it."""
    refuted = [one for one in compared if one.is_refuted]
    if refuted:
        return DOES_NOT_HOLD, min(refuted, key=lambda one: one.corrected.high)
    unclear = [one for one in compared if not one.is_clear]
    weakest = min(unclear or compared, key=lambda one: -math.inf if math.isnan(one.found.low) else one.found.low)
    return (CANNOT_BE_TOLD if unclear else HOLDS), weakest


def _compared(outcomes: Outcomes, resamples: SharedResamples, claim: Claim, rung: Rung) -> list[Compared]:
    """Every comparison of a claim on a rung."""
    tables = outcomes.resolved.study.tables
    less_is_better = named(claim.metric).spec.kind.less_is_better
    rows = []
    for pair in claim.pairs:
        item, against = (Outcome(*claim.judged_at(place, tables), rung) for place in pair)
        one, other = (resamples.find(outcome, claim.metric) for outcome in (item, against))
        if one is None or other is None:
            found = corrected = Paired(math.nan, math.nan, math.nan, 0, math.nan)
            apart = 0
        else:
            sides = (other, one) if less_is_better else (one, other)
            found = paired_difference(resamples, *sides)
            corrected = widened(found, len(claim.pairs))
            apart = resamples.n_apart(one, other)
        rows.append(Compared(*pair, (item, against), found, corrected, apart, len(claim.pairs)))
    return rows


def _judged(metric: str, compared: Sequence[Compared]) -> dict[str, object]:
    """Columns of a claim on a rung."""
    verdict, decisive = decide(compared)
    clear = sum(one.is_clear for one in compared)
    reason = _reason(metric, verdict, decisive, clear, len(compared))
    return {
        "verdict": verdict,
        "reason": reason,
        "n_comparisons": len(compared),
        "n_clear": clear,
        **_row(decisive),
    }


def _row(compared: Compared) -> dict[str, object]:
    """Columns of a comparison."""
    item, against = compared.measured
    return {
        "table": item.table,
        "item": item.item,
        "against_table": against.table,
        "against_item": against.item,
        "difference": compared.found.value,
        "ci_low": compared.found.low,
        "ci_high": compared.found.high,
        "n_groups": compared.found.n_groups,
        "n_apart": compared.n_apart,
    }


def _corrected(compared: Compared) -> dict[str, float]:
    return {"corrected_low": compared.corrected.low, "corrected_high": compared.corrected.high}


def _reason(metric: str, verdict: str, decisive: Compared, clear: int, total: int) -> str:
    """Why a claim has its verdict, as a clause."""
    one, other, found = decisive.item, decisive.against, decisive.found
    size = _size(metric, found)
    if verdict == HOLDS:
        front = f"all {total} comparisons come out so; the closest: " if total > 1 else ""
        return f"{front}{one} is better than {other} by {size}"
    if verdict == DOES_NOT_HOLD:
        if decisive.is_same:
            return f"{one} and {other} gave the same predictions"
        chance = f", too clear to be one of {total} comparisons that went wrong by chance" if total > 1 else ""
        return f"{one} is not better than {other}: its lead is {size}{chance}"
    front = f"{clear} of {total} comparisons come out so; the weakest: " if total > 1 else ""
    if math.isnan(found.value):
        return f"{front}the lead of {one} over {other} cannot be measured here"
    few = f", and only {decisive.n_apart} of {found.n_groups} groups of images tell both apart" * decisive.is_of_few
    return f"{front}the lead of {one} over {other} is {size}{few}" + ("" if total > 1 else ", which leaves both open")


def _size(metric: str, found: Paired) -> str:
    """A difference with its interval; points for metrics in per cent."""
    kind = named(metric).spec.kind
    scale, decimals = (100, 1) if kind.per_cent else (1, 3)

    def number(value: float) -> str:
        text = f"{scale * value:.{decimals}f}"
        return text.replace("-", "\N{MINUS SIGN}" if float(text) else "")  # never a minus before zero

    unit = " points" if kind.per_cent else ""
    if math.isnan(found.low):
        return f"{number(found.value)}{unit}, without an interval"
    return f"{number(found.value)}{unit} ({number(found.low)} to {number(found.high)})"
