"""How often `leukorepro audit table` and mlscorecheck give the same verdict, and how long each takes.

Run: ``python benchmarks/audit_agreement.py [--problems 2000] [--seed 0]``. Half of the problems are scores of drawn
confusion matrices, printed with 2 to 4 decimals; in the other half one score is moved by some units of its last digit,
which may leave it possible. Both are told the same facts. The exit code is 1 where the verdicts contradict each other,
or where scores of matrices that exist are called impossible.

Where ours decides more:

- several classes: mlscorecheck takes each class for a test of its own; ours asks for one confusion matrix, in which
  what one class misses the others are given. What has no such matrix may therefore be possible to mlscorecheck; of the
  small ones among these, all matrices are tried here;
- a mean over folds of scores whose denominators are no constants, such as precision and F1, which it leaves out;
- tests of unknown size, or unknown classes, which it has no question for;
- which of the numbers is odd, and what the others leave for it; it says that they do not fit together.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from leukorepro.audits.any_table import audit_table
from leukorepro.config.audit_facts import AuditFacts

SECONDS = 20
"""After which mlscorecheck gives a program up."""
THEIRS = {
    "accuracy": "acc",
    "sensitivity": "sens",
    "specificity": "spec",
    "balanced_accuracy": "bacc",
    "precision": "ppv",
    "npv": "npv",
    "f1": "f1p",
    "recall": "sens",
}
SMALL = 2_000_000
"""Matrices of several classes of which all are tried."""


@dataclass
class Problem:
    """Printed scores, what is said of them, and how mlscorecheck is asked."""

    exact: dict[str, float]
    decimals: int
    facts: dict[str, Any]
    ask: Callable[..., dict[str, Any]]
    told: dict[str, Any]
    kind: str = ""
    is_drawn: bool = True
    """Whether matrices that give the scores are known."""
    printed: dict[str, float] = field(default_factory=dict)

    @property
    def classes(self) -> list[int]:
        """Sizes of several classes; empty where there are two."""
        found: list[int] = self.facts["test"].get("classes", [])
        return found


def draw(kind: str, is_drawn: bool, rng: np.random.Generator) -> Problem:
    """A problem of one kind, of drawn matrices or with one score moved."""
    problem = KINDS[kind](rng)
    problem.kind, problem.is_drawn = kind, is_drawn
    problem.printed = {name: round(value, problem.decimals) for name, value in problem.exact.items()}
    if not is_drawn:
        name = str(rng.choice(list(problem.printed)))
        unit = 10.0**-problem.decimals
        moved = problem.printed[name] + float(rng.choice([-1, 1])) * int(rng.integers(1, 30)) * unit
        problem.printed[name] = round(min(1.0, max(0.0, moved)), problem.decimals)
    return problem


def of_two(x: int, p: int, y: int, n: int) -> dict[str, float]:
    """Scores of `x` of `p` positive and `y` of `n` negative images right; those that are defined."""
    taken, left = x + n - y, y + p - x
    scores = {"accuracy": (x + y) / (p + n), "f1": 2 * x / (x + p + n - y)}
    scores |= {"sensitivity": x / p, "specificity": y / n, "balanced_accuracy": (x / p + y / n) / 2}
    return scores | ({"precision": x / taken} if taken else {}) | ({"npv": y / left} if left else {})


def some(scores: dict[str, float], rng: np.random.Generator, least: int = 2) -> dict[str, float]:
    """Two scores or more, in the order that they have."""
    count = int(rng.integers(least, len(scores) + 1))
    kept = set(rng.choice(list(scores), size=count, replace=False).tolist())
    return {name: value for name, value in scores.items() if name in kept}


def right(sizes: list[int], rng: np.random.Generator) -> list[int]:
    return [int(rng.binomial(size, rng.uniform(0.5, 1.0))) for size in sizes]


def pooled(rng: np.random.Generator) -> Problem:
    """One test set of two classes."""
    from mlscorecheck.check.binary import check_1_testset_no_kfold

    p, n = (int(size) for size in rng.integers(5, 400, size=2))
    x, y = right([p, n], rng)
    facts = {"test": {"positive": p, "negative": n}, "averaging": "pooled"}
    exact = some(of_two(x, p, y, n), rng)
    return Problem(exact, decimals(rng), facts, check_1_testset_no_kfold, {"testset": {"p": p, "n": n}})


def folds_pooled(rng: np.random.Generator) -> Problem:
    """Folds whose matrices are added up."""
    from mlscorecheck.check.binary import check_1_dataset_kfold_som

    made, k = pooled(rng), int(rng.integers(2, 6))
    made.ask, made.told = check_1_dataset_kfold_som, {"dataset": made.told["testset"], "folding": {"n_folds": k}}
    made.told["folding"]["n_repeats"] = 1
    made.facts["folds"] = {"n": k}
    return made


def means_of(p: list[int], n: list[int], rng: np.random.Generator) -> dict[str, float]:
    """Means over folds of the scores that mlscorecheck takes there."""
    rates = rng.uniform(0.5, 1.0, size=2)
    folds = [
        of_two(int(rng.binomial(a, rates[0])), a, int(rng.binomial(b, rates[1])), b) for a, b in zip(p, n, strict=True)
    ]
    names = ("accuracy", "sensitivity", "specificity", "balanced_accuracy")
    return {name: float(np.mean([fold[name] for fold in folds])) for name in names}


def known_folds(rng: np.random.Generator) -> Problem:
    """A mean over folds whose classes are told."""
    from mlscorecheck.check.binary import check_1_dataset_known_folds_mos

    k = int(rng.integers(2, 11))
    p, n = (rng.integers(2, int(rng.choice([8, 30, 150])), size=k).tolist() for _ in range(2))
    facts = {
        "test": {"positive": sum(p), "negative": sum(n)},
        "folds": {"n": k, "known": True, "positive": p, "negative": n},
        "averaging": "mean_over_folds",
    }
    folds = [{"p": a, "n": b} for a, b in zip(p, n, strict=True)]
    told = {"dataset": {"p": sum(p), "n": sum(n)}, "folding": {"folds": folds}}
    exact = some(means_of(p, n, rng), rng)
    return Problem(exact, decimals(rng), facts, check_1_dataset_known_folds_mos, told)


def several_sets(rng: np.random.Generator) -> Problem:
    """A mean over several test sets."""
    from mlscorecheck.check.binary import check_n_testsets_mos_no_kfold

    made = known_folds(rng)
    made.ask, made.told = check_n_testsets_mos_no_kfold, {"testsets": made.told["folding"]["folds"]}
    return made


def unknown_folds(rng: np.random.Generator) -> Problem:
    """A mean over folds that are equally large, as far as whole images go, and otherwise unknown."""
    from mlscorecheck.check.binary import check_1_dataset_unknown_folds_mos

    k = int(rng.integers(2, 5))
    total = int(rng.integers(4 * k, 9 * k))
    most = -(-total // k)
    # More of both classes than a fold has: mlscorecheck asks for both in two folds at least.
    positive = int(rng.integers(most + 1, total - most)) if total > 2 * most + 1 else total // 2
    sizes = [total // k + (fold < total % k) for fold in range(k)]
    while True:
        order = rng.permutation(np.repeat([1, 0], [positive, total - positive]))
        p = [int(part.sum()) for part in np.split(order, np.cumsum(sizes)[:-1])]
        if all(0 < a < size for a, size in zip(p, sizes, strict=True)):
            break
    exact = some(means_of(p, [size - a for a, size in zip(p, sizes, strict=True)], rng), rng)
    facts = {
        "test": {"positive": positive, "negative": total - positive},
        "folds": {"n": k},
        "averaging": "mean_over_folds",
    }
    told = {"dataset": {"p": positive, "n": total - positive}, "folding": {"n_folds": k, "n_repeats": 1}}
    return Problem(exact, decimals(rng), facts, check_1_dataset_unknown_folds_mos, told)


def decimals(rng: np.random.Generator) -> int:
    return int(rng.integers(2, 5))


def several_classes(rng: np.random.Generator) -> tuple[list[int], np.ndarray]:
    """Sizes of classes, and a confusion matrix of theirs."""
    sizes = rng.integers(3, int(rng.choice([8, 40, 200])), size=int(rng.integers(3, 7))).tolist()
    count = len(sizes)
    rows = [
        rng.multinomial(size, np.where(np.arange(count) == c, rate, (1 - rate) / (count - 1)))
        for c, (size, rate) in enumerate(zip(sizes, rng.uniform(0.4, 1.0, count), strict=True))
    ]
    return sizes, np.array(rows)


def macro(rng: np.random.Generator) -> Problem:
    """Plain means over several classes of one test set."""
    from mlscorecheck.check.multiclass import check_1_testset_no_kfold_macro

    sizes, matrix = several_classes(rng)
    facts = {"test": {"classes": sizes}, "averaging": "macro"}
    exact = some(macro_scores(np.array(sizes), np.diag(matrix), matrix.sum(axis=0)), rng)
    return Problem(exact, decimals(rng), facts, check_1_testset_no_kfold_macro, {"testset": as_theirs(sizes)})


def macro_scores(sizes: np.ndarray, found: np.ndarray, given: np.ndarray) -> dict[str, float]:
    """Scores of classes of which so many images are found, and which so many images are given."""
    others = sizes.sum() - sizes
    return {
        "accuracy": float(found.sum() / sizes.sum()),
        "recall": float((found / sizes).mean()),
        "specificity": float((1 - (given - found) / others).mean()),
    }


def micro(rng: np.random.Generator) -> Problem:
    """Scores of all images of several classes together."""
    from mlscorecheck.check.multiclass import check_1_testset_no_kfold_micro

    sizes, matrix = several_classes(rng)
    facts = {"test": {"classes": sizes}, "averaging": "micro"}
    rate = float(np.trace(matrix) / sum(sizes))
    exact = some({"accuracy": rate, "recall": rate, "precision": rate, "f1": rate}, rng)
    return Problem(exact, decimals(rng), facts, check_1_testset_no_kfold_micro, {"testset": as_theirs(sizes)})


def as_theirs(sizes: list[int]) -> dict[int, int]:
    return dict(enumerate(sizes))


KINDS: dict[str, Callable[[np.random.Generator], Problem]] = {
    "one test set": pooled,
    "folds pooled": folds_pooled,
    "mean over known folds": known_folds,
    "mean over test sets": several_sets,
    "mean over unknown folds": unknown_folds,
    "classes, macro": macro,
    "classes, micro": micro,
}
COUPLED = ("classes, macro", "classes, micro")
"""Kinds in which mlscorecheck takes each class for a test of its own."""


def ours(problem: Problem) -> str:
    """The verdict of `leukorepro audit table`."""
    rows = [("1", "row", name, value, 0.5 * 10.0**-problem.decimals, "") for name, value in problem.printed.items()]
    table = pd.DataFrame(rows, columns=["table", "item", "metric", "value", "half_unit", "note"])
    found = audit_table(table, AuditFacts.model_validate(problem.facts))
    status: str = found["tables"]["1"]["items"]["row"]["status"]
    return status


def theirs(problem: Problem) -> str:
    """The verdict of mlscorecheck."""
    half = 0.5 * 10.0**-problem.decimals
    scores = {THEIRS[name]: value for name, value in problem.printed.items()}
    if "accuracy" in problem.printed and problem.kind in COUPLED:
        # Theirs is the mean of each class against the others, of which less than half a unit is open; it takes one
        # limit for all scores.
        scores["acc"] = 1 - 2 / len(problem.classes) * (1 - problem.printed["accuracy"])
    more: dict[str, Any] = {}
    if problem.ask.__name__.endswith(("mos", "mos_no_kfold", "macro")):
        more = {"timeout": SECONDS, "verbosity": 0}
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = problem.ask(scores=scores, eps=half, numerical_tolerance=1e-9, **problem.told, **more)
    if "timeout" in json.dumps(found, default=str):
        return "undecided"
    return "impossible" if found["inconsistency"] else "possible"


def by_all_matrices(problem: Problem) -> str:
    """The verdict from all matrices, or all images found and given that one can have; undecided: too many, or folds."""
    within = 0.5 * 10.0**-problem.decimals + 1e-9
    printed = problem.printed
    if not problem.classes:
        if problem.facts["averaging"] != "pooled":
            return "undecided"
        p, n = problem.facts["test"]["positive"], problem.facts["test"]["negative"]
        for x in range(p + 1):
            for y in range(n + 1):
                scores = {"precision": 0.0, "npv": 0.0} | of_two(x, p, y, n)
                if all(abs(scores[name] - value) <= within for name, value in printed.items()):
                    return "possible"
        return "impossible"
    sizes = np.array(problem.classes)
    total = int(sizes.sum())
    if problem.kind == "classes, micro":
        rates = np.arange(total + 1) / total
        fits = np.all([np.abs(rates - value) <= within for value in printed.values()], axis=0)
        return "possible" if fits.any() else "impossible"
    if np.prod(sizes + 1.0) > SMALL:
        return "undecided"
    found = np.stack([grid.ravel() for grid in np.meshgrid(*[np.arange(size + 1) for size in sizes])], axis=1)
    values = {"accuracy": found.sum(axis=1) / total, "recall": (found / sizes).mean(axis=1)}
    kept = [np.abs(values[name] - printed[name]) <= within for name in values if name in printed]
    found = found[np.all(kept, axis=0)] if kept else found
    if "specificity" not in printed or not len(found):
        return "possible" if len(found) else "impossible"
    missed = np.unique(sizes - found, axis=0)
    if len(missed) * np.prod(total - sizes + 1.0) > SMALL:
        return "undecided"
    taken = np.stack([grid.ravel() for grid in np.meshgrid(*[np.arange(n + 1) for n in total - sizes])], axis=1)
    taken = taken[np.abs((1 - taken / (total - sizes)).mean(axis=1) - printed["specificity"]) <= within]
    for row in missed:  # nothing that a class misses is given to itself
        if np.any((taken.sum(axis=1) == row.sum()) & np.all(taken + row <= row.sum(), axis=1)):
            return "possible"
    return "impossible"


@dataclass
class Kind:
    """What came of the problems of one kind."""

    problems: int = 0
    agreed: int = 0
    impossible: int = 0
    """Of those agreed on."""
    more: int = 0
    """Impossible to ours alone: one matrix must give all classes, or all matrices were tried and none does."""
    more_shown: int = 0
    """Of these, also by trying all matrices."""
    undecided: int = 0
    undecided_theirs: int = 0
    contradicted: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    seconds_theirs: list[float] = field(default_factory=list)

    def add(self, problem: Problem) -> None:
        """Ask both about a problem."""
        start = time.perf_counter()
        own = ours(problem)
        middle = time.perf_counter()
        other = theirs(problem)
        self.seconds.append(middle - start)
        self.seconds_theirs.append(time.perf_counter() - middle)
        self.problems += 1
        if own == "undecided":
            self.undecided += 1
        elif own == "impossible" and problem.is_drawn:
            self.contradicted.append(f"impossible, though drawn: {problem}")
        elif other == "undecided":
            self.undecided_theirs += 1
        elif own == other:
            self.agreed += 1
            self.impossible += own == "impossible"
        elif own == "impossible" and problem.kind in COUPLED:
            shown = by_all_matrices(problem)
            if shown == "possible":
                self.contradicted.append(f"impossible, though a matrix gives it: {problem}")
            self.more += 1
            self.more_shown += shown == "impossible"
        elif own == "impossible" and by_all_matrices(problem) == "impossible":
            self.more += 1
            self.more_shown += 1
        else:
            self.contradicted.append(f"{own}, mlscorecheck {other}: {problem}")


def compare(problems: int, seed: int, kinds: Iterable[str] = tuple(KINDS)) -> dict[str, Kind]:
    """Ask both about so many problems, spread over the kinds; half of each with one score moved."""
    from mlscorecheck.core import logger

    logger.setLevel("ERROR")
    names = list(kinds)
    found = {kind: Kind() for kind in names}
    for number in tqdm(range(problems), desc="problems", leave=False, disable=None):
        kind = names[number % len(names)]
        rng = np.random.default_rng([seed, number])
        found[kind].add(draw(kind, number // len(names) % 2 == 0, rng))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--problems", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    given = parser.parse_args()
    found = compare(given.problems, given.seed, given.kinds)
    print(
        f"{'':<24} {'problems':>8} {'agreed':>7} {'(impossible)':>12} {'more':>5} {'(shown)':>7} {'undecided':>9} "
        f"{'theirs':>6} {'DISAGREE':>8}   seconds: ours, theirs (median, most)"
    )
    for name, kind in found.items():
        times = "   ".join(f"{np.median(s):.3f} {max(s):.2f}" for s in (kind.seconds, kind.seconds_theirs) if s)
        print(
            f"{name:<24} {kind.problems:>8} {kind.agreed:>7} {kind.impossible:>12} {kind.more:>5} "
            f"{kind.more_shown:>7} {kind.undecided:>9} {kind.undecided_theirs:>6} {len(kind.contradicted):>8}   {times}"
        )
    contradicted = [line for kind in found.values() for line in kind.contradicted]
    print("", *contradicted, sep="\n", file=sys.stderr)
    output = Path("results/benchmarks/audit_agreement.json")
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps({name: asdict(kind) for name, kind in found.items()}, indent=2))
    sys.exit(1 if contradicted else 0)


if __name__ == "__main__":
    main()
