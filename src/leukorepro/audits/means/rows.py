"""One row of means: whether any confusion matrices of some classes and folds give its printed numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from leukorepro.audits.arithmetic.open_folds import OpenFolds, solve_open_folds
from leukorepro.audits.arithmetic.printed import Printed
from leukorepro.audits.arithmetic.separable import Outcome, Problem, Status, extremes, solve, value_of
from leukorepro.audits.items import ItemAudit
from leukorepro.audits.means.images import Folds, stratified
from leukorepro.audits.means.numbers import Score, problem, usable
from leukorepro.core.phrases import listed

SECONDS = 10.0
"""Of one free core, after which it is given up whether a row is possible, and again, which of its numbers is odd. They
are counted as steps, not on a clock, so that a busy machine gives the same answer."""
MOST_NAMED = 5
"""Numbers of a row that a sentence names one by one."""
NO_FOLDS: tuple[tuple[int, ...], ...] = ()
NOT_TOLD = Outcome("undecided", why="the classes of the folds are not told")
LEFT_SECONDS = 2.0
"""After which it is given up whether the others are possible without one number, and what they leave for it."""
HOW = {
    "positive": "",
    "macro": ", as plain means over the classes",
    "weighted": ", as means over the classes weighted by their sizes",
    "micro": ", over all images together",
}

Bounds = dict[str, tuple[Printed, Printed]]


def audit_means(
    scores: Sequence[Score],
    folds: Folds,
    readings: Sequence[str],
    *,
    exhaustive: bool = True,
    open_folds: OpenFolds | None = None,
    bounds: Bounds | None = None,
    seconds: float = SECONDS,
) -> ItemAudit:
    """What the numbers of one row allow.

    Parameters
    ----------
    scores : sequence of Score
        Printed numbers of the row.
    folds : Folds
        What the row is about; where the classes of folds are not told, those that are tried first.
    readings : sequence of {'positive', 'macro', 'weighted', 'micro'}
        What scores without a class in front may be of, the likeliest first.
    exhaustive : bool
        Whether the folds must be these; else numbers that do not fit them are undecided.
    open_folds : OpenFolds, optional
        All folds of two classes that are possible, tried where those do not fit and scores are of the positive class.
    bounds : dict, optional
        Least and greatest printed value over the folds, by metric.
    seconds : float
        Of one free core, counted as steps, after which a question is given up.
    """
    words = folds.words
    kept, left_out = usable(scores, folds)
    if not kept:
        return ItemAudit("too little printed", "None of its numbers follows from counts of images.", tested=words)
    row = _Row(kept, folds, tuple(readings), exhaustive, open_folds, bounds, seconds)
    notes = f" Not looked at: {listed(left_out)}." if left_out else ""
    if open_folds is not None:
        notes += " The folds are taken to be as equal as whole images allow."
    found = row.answer(kept)
    names = _named(kept)
    if found.status == "possible":
        why = f"There are confusion matrices of {words} with its {names}{HOW[found.reading]}.{notes}"
        return ItemAudit("possible", why, tested=words, witness=found.told())
    if found.status == "undecided":
        return ItemAudit("undecided", f"Whether {words} can have its {names}: {found.why}.{notes}", tested=words)
    return row.impossible(names, words, notes)


def _named(scores: Sequence[Score]) -> str:
    """Numbers of a row in a sentence."""
    names = [score.words for score in scores]
    return listed(names) if len(names) <= MOST_NAMED else f"{len(names)} numbers"


@dataclass(frozen=True)
class _Answer:
    """What some numbers of a row allow, and of which blocks, read in which way."""

    outcome: Outcome
    problem: Problem
    reading: str

    @property
    def status(self) -> Status:
        return self.outcome.status

    @property
    def why(self) -> str:
        return self.outcome.why

    def told(self) -> tuple[dict[str, int], ...]:
        """The matrices that were found, each class against the others."""
        return tuple(
            {"tp": x, "fn": block.size - x, "fp": y, "tn": block.others - y}
            for block, x, y in zip(self.problem.blocks, self.outcome.found, self.outcome.taken, strict=True)
        )

    def left_for(self, score: Score, seconds: float) -> str:
        """The values that the matrices leave for another number, to its digits: all of them, or else an example."""
        decimals = len(str(score.printed.per_one)) - 1
        others = tuple(c for c in self.problem.conditions if c.name != score.name)
        (own,) = (c for c in self.problem.conditions if c.name == score.name)
        ends = extremes(replace(self.problem, conditions=others), own, seconds)
        if ends is None:
            return f"{float(value_of(self.problem, own, self.outcome)):.{decimals}f}, for example,"
        low, high = (f"{float(end):.{decimals}f}" for end in ends)
        return low if low == high else f"{low} to {high}"


@dataclass
class _Shared:
    """Seconds that questions share; those of a question that is answered are for the ones behind it.

    No clock says how many it took: answers would depend on what else the machine does.
    """

    seconds: float
    questions: int

    def share(self) -> float:
        """Seconds for the next question."""
        share = self.seconds / self.questions
        self.questions -= 1
        return share

    def spend(self, share: float) -> None:
        """Take the share of a question that was not decided."""
        self.seconds -= share


@dataclass(frozen=True)
class _Row:
    """The numbers of a row, and all that is known of what they are of."""

    scores: Sequence[Score]
    folds: Folds
    readings: Sequence[str]
    exhaustive: bool
    open_folds: OpenFolds | None
    bounds: Bounds | None
    seconds: float

    def answer(self, scores: Sequence[Score]) -> _Answer:
        """What some of the numbers allow."""
        readings = self.readings if any(score.is_open for score in scores) else self.readings[:1]
        open_end = None  # a reading that is not decided: then the row is not, either
        shared = _Shared(self.seconds, len(readings) * (1 + (not self.exhaustive)))
        for reading in readings:
            asked = self._asked(scores, self.folds, reading)
            share = shared.share()
            found = _Answer(solve(asked, share), self._asked(self.scores, self.folds, reading), reading)
            if found.status == "possible":
                return found
            if found.status == "undecided":
                open_end = found.outcome
                shared.spend(share)
            if not self.exhaustive:
                outcome, sizes, share = NOT_TOLD, NO_FOLDS, shared.share()
                if self.open_folds is not None and not asked.matrices and not self.bounds:
                    outcome, sizes = solve_open_folds(asked, self.open_folds, share)
                if outcome.status == "possible":
                    return _Answer(outcome, self._asked(self.scores, Folds(sizes), reading), reading)
                if outcome.status == "undecided":
                    open_end = outcome
                    shared.spend(share)
        return replace(found, outcome=open_end or Outcome("impossible"))

    def _asked(self, scores: Sequence[Score], folds: Folds, reading: str) -> Problem:
        """Some of the numbers, of the blocks that all of them need."""
        whole = problem(self.scores, folds, reading, self.bounds)
        gone = {score.name for score in self.scores} - {score.name for score in scores}
        return replace(whole, conditions=tuple(c for c in whole.conditions if c.name not in gone))

    def impossible(self, names: str, words: str, notes: str) -> ItemAudit:
        """Which number it is that the others leave no matrices for, and what they leave instead."""
        instead = {}
        without = self.scores if len(self.scores) > 1 else []
        shared, unknown = _Shared(self.seconds, len(without)), []
        for left_out in without:
            share = min(LEFT_SECONDS, shared.share())
            found = replace(self, seconds=share).answer([score for score in self.scores if score is not left_out])
            if found.status == "possible":
                instead[left_out.name] = found.left_for(left_out, share)
            elif found.status == "undecided":
                unknown.append(left_out.words)
                shared.spend(share)
        why = f"No confusion matrices of {words} give its {names}"
        if instead:
            names_of = {score.name: score.words for score in self.scores}
            told = "; ".join(
                f"without {names_of[key]} some do, and leave {left} for it" for key, left in instead.items()
            )
            why = f"{why}: {told}"
        if unknown:
            notes += f" Not decided: whether any do without {listed(unknown)}."
        odd = tuple(instead) or tuple(score.name for score in self.scores)
        return ItemAudit("impossible", f"{why.removesuffix(',')}.{notes}", odd=odd, instead=instead, tested=words)


def of_unknown_classes(scores: Sequence[Score], total: int, n_classes: int) -> ItemAudit:
    """What the numbers of one row allow that is about several classes of sizes that are not told.

    Parameters
    ----------
    scores : sequence of Score
        Printed numbers of the row.
    total : int
        Images that were tested.
    n_classes : int
        Classes that the images are of, more than two.
    """
    words = f"{total:,} images of {n_classes} classes"
    for score in scores:
        if score.metric == "accuracy" and not score.front and not score.printed.is_share_of([total])[0]:
            why = f"The accuracy is no whole number of {total:,} images."
            return ItemAudit("impossible", why, odd=(score.name,), tested=words)
    sizes = tuple(fold[0] for fold in stratified([total], n_classes).sizes)
    found = audit_means(scores, Folds((sizes,)), ["macro", "weighted", "micro"], exhaustive=False, seconds=2.0)
    if found.status == "possible":
        why = f"{found.why[:-1]}, for example with equal classes; the sizes of the classes are not told."
        return replace(found, tested=words, why=why)
    why = "The sizes of the classes are not told; only equal ones were tried, and do not fit."
    return ItemAudit("undecided", why, tested=words)
