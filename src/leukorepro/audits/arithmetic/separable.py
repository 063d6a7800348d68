"""Scores that are means over blocks, such as folds or classes: whether any confusion matrices give all of them.

What is answered is always proved: matrices that are said to give the numbers are checked with exact fractions, and that
there are none is said by an integer program with limits a little wider than those of the printed digits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor
from typing import Literal

import numpy as np
import numpy.typing as npt

from leukorepro.audits.arithmetic.blocks import Block, Floats, Ints, Ratio, ratio
from leukorepro.audits.arithmetic.printed import Printed
from leukorepro.audits.arithmetic.program import Program

SLACK = 1e-4
"""Share of a printed digit's unit by which limits are wider, or narrower, than they are: more than a solver's
tolerance."""
MOST_COLUMNS = 60_000
"""Possible matrices of all blocks together that an integer program chooses among."""
MOST_LOOKED_AT = 5_000_000
"""Possible matrices of one block that are looked at."""
SEED = 0
STEPS = 80_000
"""Steps of a search, times the conditions, that a free core takes in a second."""
TOO_LONG = "to decide it takes more work than is done for one row"
FAR = 20
"""Units of the last digits, summed over the numbers, beyond which a search moves many images at once."""

Status = Literal["possible", "impossible", "undecided"]


@dataclass(frozen=True)
class Term:
    """A score of one block, and its weight in a mean."""

    block: int
    weight: Fraction
    metric: str


@dataclass(frozen=True)
class Condition:
    """A printed number: what it is a mean of, and the values that its digits stand for."""

    name: str
    terms: tuple[Term, ...]
    low: Fraction
    high: Fraction
    per_one: int
    """Units of its last digit in 1."""

    @classmethod
    def of(cls, name: str, terms: Sequence[Term], printed: Printed) -> Condition:
        """Of a number as it is printed.

        Parameters
        ----------
        name : str
            The number's name in the published table.
        terms : sequence of Term
            Scores that it is the weighted sum of.
        printed : Printed
            The number with its digits, rounded or cut.
        """
        per_one, units = printed.per_one, Fraction(printed.units)
        below, above = (Fraction(0), Fraction(1)) if printed.cut else (Fraction(1, 2), Fraction(1, 2))
        return cls(name, tuple(terms), (units - below) / per_one, (units + above) / per_one, per_one)


@dataclass(frozen=True)
class Problem:
    """Printed numbers, and the blocks that they are of."""

    blocks: tuple[Block, ...]
    conditions: tuple[Condition, ...]
    matrices: tuple[tuple[int, ...], ...] = ()
    """Blocks that are the classes of one confusion matrix of several classes, which is then of these images alone."""

    def holds(self, found: Sequence[int], taken: Sequence[int]) -> bool:
        """Whether confusion matrices give all numbers, computed with fractions.

        Parameters
        ----------
        found : sequence of int
            Images found in each block.
        taken : sequence of int
            Others taken for them, in each block.
        """
        outcome = Outcome("possible", tuple(found), tuple(taken))
        for block, x, y in zip(self.blocks, found, taken, strict=True):
            if not (0 <= x <= block.size and 0 <= y <= block.others):
                return False
        for classes in self.matrices:
            missed = [self.blocks[c].size - found[c] for c in classes]
            given = [taken[c] for c in classes]
            # A matrix with these sums and nothing on its diagonal exists.
            if sum(missed) != sum(given) or any(m + g > sum(missed) for m, g in zip(missed, given, strict=True)):
                return False
        return all(c.low <= value_of(self, c, outcome) <= c.high for c in self.conditions)

    def ratio(self, term: Term) -> Ratio:
        """How the score of a term follows from its block."""
        return ratio(term.metric, self.blocks[term.block])


@dataclass(frozen=True)
class Outcome:
    """What printed numbers allow."""

    status: Status
    found: tuple[int, ...] = ()
    """Images found in each block, of matrices that give the numbers."""
    taken: tuple[int, ...] = ()
    """Others taken for them."""
    why: str = ""
    """Where it is undecided: why."""


def solve(problem: Problem, seconds: float = 10.0) -> Outcome:
    """Whether any confusion matrices give all numbers.

    Parameters
    ----------
    problem : Problem
    seconds : float
        Of one free core, counted as steps, after which the answer is `undecided`.
    """
    linear = [c for c in problem.conditions if _is_linear(problem, c)]
    sums = [c for c in problem.conditions if c not in linear]
    direct = _Direct(problem, linear)
    answer, found = direct.solve(seconds, -SLACK)
    if answer == "none":
        return Outcome("impossible")
    if not sums:
        if found is None:
            return Outcome("undecided", why=TOO_LONG)
        for slack in (0.0, SLACK):
            if problem.holds(*found):
                return Outcome("possible", *found)
            answer, again = direct.solve(seconds, slack)
            if again is None:
                break
            found = again
        if problem.holds(*found):
            return Outcome("possible", *found)
        return Outcome("undecided", why="the numbers lie on the edge of what their digits allow")
    try:
        columns, why = _Columns(problem), ""
    except _TooManyError as many:
        columns, why = None, str(many)
    # Where nothing else can decide, the search has all the time.
    share = 1.0 if columns is None else 0.25
    searched = _search(problem, found, max(1, int(share * seconds * STEPS / len(problem.conditions))))
    if searched is not None:
        return Outcome("possible", *searched)
    if columns is None:
        return Outcome("undecided", why=why)
    answer, chosen = columns.solve((1 - share) * seconds)
    if answer == "none":
        return Outcome("impossible")
    if chosen is not None and problem.holds(*chosen):
        return Outcome("possible", *chosen)
    return Outcome("undecided", why=TOO_LONG)


def value_of(problem: Problem, condition: Condition, outcome: Outcome) -> Fraction:
    """The value of a number that the matrices of an outcome give.

    Parameters
    ----------
    problem : Problem
        The blocks that the number is of.
    condition : Condition
        The number.
    outcome : Outcome
        A possible one: images found in each block, and others taken for them.
    """
    value = Fraction(0)
    for term in condition.terms:
        value += term.weight * problem.ratio(term).value(outcome.found[term.block], outcome.taken[term.block])
    return value


def extremes(problem: Problem, condition: Condition, seconds: float) -> tuple[Fraction, Fraction] | None:
    """Least and greatest value of another number that a problem leaves; None where it is no sum, or takes too long.

    Parameters
    ----------
    problem : Problem
        Whose conditions are all on sums.
    condition : Condition
        The other number; its limits do not matter.
    seconds : float
        Of one free core, counted as steps, that the search for each of the two may take.
    """
    if not all(_is_linear(problem, c) for c in problem.conditions):
        return None
    if not all(problem.ratio(term).is_linear for term in condition.terms):
        return None
    ends = []
    for sign in (1, -1):
        answer, found = _Direct(problem, problem.conditions).solve(seconds, 0.0, (condition, sign))
        if answer != "found" or found is None:
            return None
        ends.append(value_of(problem, condition, Outcome("possible", *found)))
    return ends[0], ends[1]


def _is_linear(problem: Problem, condition: Condition) -> bool:
    """Whether a condition is one on a sum of images: of one block, or of scores with fixed denominators."""
    return len(condition.terms) == 1 or all(problem.ratio(term).is_linear for term in condition.terms)


class _Direct:
    """The integer program whose numbers are the images found in each block, and the others taken for them."""

    def __init__(self, problem: Problem, conditions: Sequence[Condition]) -> None:
        self.problem = problem
        self.conditions = conditions

    def solve(
        self, seconds: float, slack: float, aim: tuple[Condition, int] | None = None
    ) -> tuple[str, tuple[tuple[int, ...], tuple[int, ...]] | None]:
        """Look for matrices, with limits narrowed by a share of a digit's unit; those of the least value of a number.

        Its sign is turned for the greatest one.
        """
        blocks = self.problem.blocks
        program = Program()
        found = [program.number(block.size) for block in blocks]
        taken = [program.number(block.others) for block in blocks]
        for classes in self.problem.matrices:
            # Missed images of all classes are what all classes are given, and no class is given its own.
            size = sum(blocks[c].size for c in classes)
            program.keep({**{found[c]: 1.0 for c in classes}, **{taken[c]: 1.0 for c in classes}}, size, size)
            for own in classes:
                others = {found[c]: -1.0 for c in classes if c != own}
                limit = float(size - blocks[own].size)
                program.keep({**others, taken[own]: -1.0}, -limit, np.inf)
        for condition in self.conditions:
            self._keep(program, condition, found, taken, slack)
        factors = {} if aim is None else self._factors(aim[0], found, taken)[0]
        answer, numbers = program.solve(seconds, {p: aim[1] * f for p, f in factors.items()} if aim else None)
        if numbers is None:
            return answer, None
        values = numbers.tolist()
        return answer, (tuple(values[x] for x in found), tuple(values[y] for y in taken))

    def _keep(self, program: Program, condition: Condition, found: list[int], taken: list[int], slack: float) -> None:
        if all(self.problem.ratio(term).is_linear for term in condition.terms):
            factors, constant = self._factors(condition, found, taken)
            low, high = (float(limit * condition.per_one - constant) for limit in (condition.low, condition.high))
            program.keep(factors, low + slack, high - slack)
            return
        # The score of one block between two limits: limits times the denominator on the other side.
        (term,) = condition.terms
        parts = self.problem.ratio(term)
        x, y = found[term.block], taken[term.block]
        scale = 2 * condition.per_one
        for limit, sign in ((condition.low, 1), (condition.high, -1)):
            side = [sign * scale * (a - limit / term.weight * b) for a, b in zip(parts.above, parts.below, strict=True)]
            program.keep({x: float(side[0]), y: float(side[1])}, float(-side[2]) + slack, np.inf)
        if condition.low > 0:  # nothing at all would keep to the conditions above, too
            program.keep({x: float(parts.below[0]), y: float(parts.below[1])}, 1 - float(parts.below[2]), np.inf)

    def _factors(self, condition: Condition, found: list[int], taken: list[int]) -> tuple[dict[int, float], Fraction]:
        """A score with fixed denominators, in units of its last digit: a sum of the numbers, and a constant."""
        factors: dict[int, Fraction] = {}
        constant = Fraction(0)
        for term in condition.terms:
            parts = self.problem.ratio(term)
            if not parts.below[2]:
                continue  # a share of no images counts as 0
            weight = term.weight / parts.below[2] * condition.per_one
            for place, factor in ((found[term.block], parts.above[0]), (taken[term.block], parts.above[1])):
                factors[place] = factors.get(place, Fraction(0)) + weight * factor
            constant += weight * parts.above[2]
        return {place: float(factor) for place, factor in factors.items()}, constant


def _kept(condition: Condition, values: Floats) -> npt.NDArray[np.bool_]:
    """Which scores of a block would be printed so."""
    result: npt.NDArray[np.bool_] = (values >= float(condition.low) - 1e-12) & (values <= float(condition.high) + 1e-12)
    return result


class _TooManyError(Exception):
    """There are more matrices than an integer program can choose among."""

    def __init__(self, count: int) -> None:
        super().__init__(f"{count:,} possible matrices are too many to choose among")


class _Columns:
    """The integer program that chooses a matrix for every block among all that are possible.

    Blocks of equal size with the same part in every number are chosen together: how many of them have which matrix.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        alone = [c for c in problem.conditions if len(c.terms) == 1 and c.terms[0].weight == 1]
        self.together = [c for c in problem.conditions if c not in alone]
        self.groups = self._grouped()
        self.choices: list[tuple[Ints, Ints]] = []
        for members in self.groups:
            block = problem.blocks[members[0]]
            own = [c for c in alone if c.terms[0].block in members]
            rows, columns = self._within(block, own)
            if len(rows) * len(columns) > MOST_LOOKED_AT:
                raise _TooManyError(len(rows) * len(columns))
            found, taken = (grid.ravel() for grid in np.meshgrid(rows, columns))
            for condition in own:
                kept = _kept(condition, problem.ratio(condition.terms[0]).values(found, taken))
                found, taken = found[kept], taken[kept]
            self.choices.append((found, taken))
        count = sum(len(found) for found, _ in self.choices)
        if count > MOST_COLUMNS:
            raise _TooManyError(count)

    def _within(self, block: Block, conditions: Sequence[Condition]) -> tuple[Ints, Ints]:
        """Images found, and others taken, that scores of one of them alone leave."""
        left: list[Ints] = []
        for part, size in enumerate((block.size, block.others)):
            numbers = np.arange(size + 1)
            for condition in conditions:
                parts = self.problem.ratio(condition.terms[0])
                if parts.is_linear and not parts.above[1 - part]:
                    nothing = np.zeros_like(numbers)
                    values = parts.values(*((numbers, nothing) if part == 0 else (nothing, numbers)))
                    numbers = numbers[_kept(condition, values)]
            left.append(numbers)
        return left[0], left[1]

    def solve(self, seconds: float) -> tuple[str, tuple[tuple[int, ...], tuple[int, ...]] | None]:
        """Look for matrices that give all numbers."""
        blocks = self.problem.blocks
        program = Program()
        places = []
        for members, (found, _) in zip(self.groups, self.choices, strict=True):
            places.append(program.numbers(len(found), len(members)))
            program.keep_all(places[-1], np.ones(len(found)), len(members), len(members))
        where = {block: number for number, members in enumerate(self.groups) for block in members}
        for classes in self.problem.matrices:
            size = sum(blocks[c].size for c in classes)
            of_classes = np.concatenate([places[where[c]] for c in classes])
            right = np.concatenate([self.choices[where[c]][0] + self.choices[where[c]][1] for c in classes])
            program.keep_all(of_classes, right.astype(float), size, size)
            for own in classes:
                factors = [
                    (self.choices[where[c]][1] if c == own else self.choices[where[c]][0]).astype(float)
                    for c in classes
                ]
                program.keep_all(of_classes, np.concatenate(factors), -np.inf, size - blocks[own].size)
        for condition in self.together:
            used: list[Ints] = []
            values: list[Floats] = []
            for members, (found, taken), chosen in zip(self.groups, self.choices, places, strict=True):
                terms = [term for term in condition.terms if term.block == members[0]]  # the others have the same
                if terms:
                    scores = [float(t.weight) * self.problem.ratio(t).values(found, taken) for t in terms]
                    used.append(chosen)
                    values.append(np.sum(scores, axis=0) * condition.per_one)
            low, high = float(condition.low * condition.per_one), float(condition.high * condition.per_one)
            program.keep_all(np.concatenate(used), np.concatenate(values), low - SLACK, high + SLACK)
        answer, numbers = program.solve(seconds)
        if numbers is None:
            return answer, None
        x, y = [0] * len(blocks), [0] * len(blocks)
        for members, (found, taken), chosen in zip(self.groups, self.choices, places, strict=True):
            left = list(members)
            for number in np.flatnonzero(numbers[chosen]):
                for _ in range(int(numbers[chosen][number])):
                    block = left.pop()
                    x[block], y[block] = int(found[number]), int(taken[number])
        return answer, (tuple(x), tuple(y))

    def _grouped(self) -> list[list[int]]:
        """Blocks that may be exchanged for one another."""
        problem = self.problem
        groups: dict[object, list[int]] = {}
        for number, block in enumerate(problem.blocks):
            part = tuple(
                tuple((t.weight, t.metric) for t in condition.terms if t.block == number)
                for condition in problem.conditions
            )
            own = number if any(number in classes for classes in problem.matrices) else None
            groups.setdefault((block, part, own), []).append(number)
        return list(groups.values())


@dataclass
class _State:
    """Confusion matrices that a search changes, one for each set of images."""

    counts: list[Ints]
    blocks: list[list[tuple[int, int]]] = field(default_factory=list)
    """Of each matrix: blocks and the class that each is about."""


def _search(
    problem: Problem, start: tuple[tuple[int, ...], tuple[int, ...]] | None, steps: int
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """Look for confusion matrices by moving images from one predicted class to another, nearer and nearer.

    It finds matrices where there are many, and proves nothing where it finds none.
    """
    state = _started(problem, start)
    rng = np.random.default_rng(SEED)
    terms = [
        (
            np.array([t.block for t in c.terms]),
            np.array([float(t.weight) for t in c.terms]),
            [problem.ratio(t) for t in c.terms],
            float(c.low),
            float(c.high),
            c.per_one,
        )
        for c in problem.conditions
    ]
    n_blocks = len(problem.blocks)
    above = [np.array([[float(f) for f in r.above] for r in ratios]) for _, _, ratios, _, _, _ in terms]
    below = [np.array([[float(f) for f in r.below] for r in ratios]) for _, _, ratios, _, _, _ in terms]
    x, y = np.zeros(n_blocks), np.zeros(n_blocks)

    def told(matrix: int) -> None:
        counts = state.counts[matrix]
        for block, own in state.blocks[matrix]:
            x[block] = counts[own, own]
            y[block] = counts[:, own].sum() - counts[own, own]

    def away() -> float:
        distance = 0.0
        for (index, weight, _, low, high, per_one), a, b in zip(terms, above, below, strict=True):
            numerator = a[:, 0] * x[index] + a[:, 1] * y[index] + a[:, 2]
            denominator = b[:, 0] * x[index] + b[:, 1] * y[index] + b[:, 2]
            value = float((weight * (numerator / np.where(denominator == 0, np.inf, denominator))).sum())
            distance += max(0.0, low - value, value - high) * per_one
        return distance

    for matrix in range(len(state.counts)):
        told(matrix)
    now = away()
    for _ in range(steps):
        if now <= 1e-9:
            found, taken = tuple(x.astype(int).tolist()), tuple(y.astype(int).tolist())
            return (found, taken) if problem.holds(found, taken) else None
        # Up to three moves at once: what one takes from the images that are right another gives back.
        moves = []
        for _ in range(int(rng.integers(1, 4))):
            matrix = int(rng.integers(len(state.counts)))
            counts = state.counts[matrix]
            true, one, other = (int(c) for c in rng.integers(len(counts), size=3))
            if one != other and counts[true, one]:
                step = min(int(counts[true, one]), int(rng.geometric(0.5 if now < FAR else 0.05)))
                counts[true, one] -= step
                counts[true, other] += step
                moves.append((matrix, true, one, other, step))
        for matrix, *_ in moves:
            told(matrix)
        moved = away()
        if moved <= now or rng.random() < np.exp((now - moved) / max(0.5, now / 50)):
            now = moved
            continue
        for matrix, true, one, other, step in moves:
            state.counts[matrix][true, one] += step
            state.counts[matrix][true, other] -= step
            told(matrix)
    return None


def _started(problem: Problem, start: tuple[tuple[int, ...], tuple[int, ...]] | None) -> _State:
    """Matrices to begin a search with: those that keep to the linear conditions, or three quarters right."""
    blocks = problem.blocks
    found = [ceil(0.75 * block.size) for block in blocks] if start is None else list(start[0])
    taken = [floor(0.25 * block.others) for block in blocks] if start is None else list(start[1])
    state = _State([])
    coupled = {c for classes in problem.matrices for c in classes}
    for number, block in enumerate(blocks):
        if number not in coupled:
            x, y = found[number], taken[number]
            state.counts.append(np.array([[x, block.size - x], [y, block.others - y]], dtype=np.int64))
            state.blocks.append([(number, 0)])
    for classes in problem.matrices:
        counts = np.diag([found[c] for c in classes]).astype(np.int64)
        for row, c in enumerate(classes):
            missed = blocks[c].size - found[c]
            others = [column for column in range(len(classes)) if column != row]
            counts[row, others] += np.diff(np.linspace(0, missed, len(others) + 1).astype(int))
        state.counts.append(counts)
        state.blocks.append([(c, row) for row, c in enumerate(classes)])
    return state
