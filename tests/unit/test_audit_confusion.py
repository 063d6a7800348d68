"""Printed shares, test-set sizes and confusion matrices, against exact arithmetic and against trying everything."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from decimal import ROUND_FLOOR, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from leukorepro.audits.arithmetic.confusion import Basis, Quantity, Reported, confusion_matrices, n_candidates
from leukorepro.audits.arithmetic.printed import Printed
from leukorepro.audits.arithmetic.sizes import consistent_sizes, runs
from leukorepro.audits.images import Images
from leukorepro.audits.items import audit_item
from leukorepro.config.study.audits import AVERAGES

QUANTITIES: tuple[Quantity, ...] = ("accuracy", "precision", "recall", "specificity", "f1")
BASES: tuple[Basis, ...] = ("positive", "negative", "macro")
Cells = tuple[int, int, int, int]


def ratio(above: int, below: int) -> Fraction:
    return Fraction(above, below) if below else Fraction(0)


def of_class(quantity: Quantity, tp: int, fn: int, fp: int, tn: int) -> Fraction:
    """By the textbook's formulas; F1 as a harmonic mean."""
    if quantity == "accuracy":
        return ratio(tp + tn, tp + fn + fp + tn)
    precision, recall = ratio(tp, tp + fp), ratio(tp, tp + fn)
    if quantity == "f1":
        return 2 * precision * recall / (precision + recall) if precision + recall else Fraction(0)
    return {"precision": precision, "recall": recall, "specificity": ratio(tn, tn + fp)}[quantity]


def exact(quantity: Quantity, basis: Basis, cells: Cells) -> Fraction:
    tp, fn, fp, tn = cells
    both = of_class(quantity, tp, fn, fp, tn), of_class(quantity, tn, fp, fn, tp)
    return {"positive": both[0], "negative": both[1], "macro": (both[0] + both[1]) / 2}[basis]


def digits(value: Fraction, decimals: int, rounding: str = ROUND_HALF_EVEN) -> Printed:
    """As a program prints it."""
    text = (Decimal(value.numerator) / Decimal(value.denominator)).quantize(Decimal(1).scaleb(-decimals), rounding)
    return Printed.of(float(text), 0.5 * 10**-decimals)


def within(value: Fraction, printed: Printed) -> bool:
    return abs(value - Fraction(printed.units, printed.per_one)) <= Fraction(1, 2 * printed.per_one)


def columns(matrices: np.ndarray) -> list[Cells]:
    return [tuple(column) for column in matrices.T.tolist()]


def everything(total: int, positives: int) -> Iterator[Cells]:
    for tp, tn in itertools.product(range(positives + 1), range(total - positives + 1)):
        yield tp, positives - tp, total - positives - tn, tn


@st.composite
def matrices(draw: st.DrawFn, most: int = 400) -> Cells:
    tp, fn, fp, tn = (draw(st.integers(0, most)) for _ in range(4))
    assume(tp + fn > 0 and fp + tn > 0)
    return tp, fn, fp, tn


# ------------------------------------------------------------------------------------------------------------- recovery


@settings(max_examples=150)
@given(
    cells=matrices(),
    decimals=st.integers(2, 4),
    basis=st.sampled_from(BASES),
    quantities=st.sets(st.sampled_from(QUANTITIES), min_size=2),
    rounding=st.sampled_from([ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_FLOOR]),
)
def test_any_confusion_matrix_is_recovered_from_its_rounded_metrics(
    cells: Cells, decimals: int, basis: Basis, quantities: set[Quantity], rounding: str
) -> None:
    printed = {q: digits(exact(q, basis, cells), decimals, rounding) for q in sorted(quantities)}
    cut = rounding == ROUND_FLOOR
    reported = [Reported(q, q, value.cut_off() if cut else value) for q, value in printed.items()]
    total, positives = sum(cells), cells[0] + cells[1]
    assert cells in columns(confusion_matrices(reported, total, [positives], basis))
    assert cells in columns(confusion_matrices(reported, total, [positives], "mixed"))


@settings(max_examples=60)
@given(cells=matrices(60), decimals=st.integers(2, 4), basis=st.sampled_from(BASES))
def test_it_is_recovered_where_the_classes_are_not_known(cells: Cells, decimals: int, basis: Basis) -> None:
    reported = [Reported(q, q, digits(exact(q, basis, cells), decimals)) for q in ("accuracy", "precision", "recall")]
    total = sum(cells)
    assert cells in columns(confusion_matrices(reported, total, range(1, total), basis))


@settings(max_examples=60)
@given(cells=matrices(), decimals=st.integers(2, 4))
def test_numbers_of_named_classes_and_cells_are_recovered(cells: Cells, decimals: int) -> None:
    reported = [
        Reported("healthy_recall", "recall", digits(exact("recall", "positive", cells), decimals), "positive"),
        Reported("leukemia_f1", "f1", digits(exact("f1", "negative", cells), decimals), "negative"),
        Reported("fp", "fp", cells[2]),
    ]
    found = columns(confusion_matrices(reported, sum(cells), [cells[0] + cells[1]]))
    assert cells in found
    assert {c[2] for c in found} == {cells[2]}


@settings(max_examples=60)
@given(
    total=st.integers(2, 22),
    share=st.floats(0, 1),
    basis=st.sampled_from([*BASES, "mixed"]),
    values=st.dictionaries(st.sampled_from(QUANTITIES), st.integers(0, 100), min_size=1),
)
def test_the_search_finds_what_trying_everything_finds(
    total: int, share: float, basis: Basis, values: dict[Quantity, int]
) -> None:
    positives = min(total, max(0, round(share * total)))
    printed = {q: Printed(units, 100) for q, units in values.items()}

    def fits(cells: Cells) -> bool:
        readings = BASES if basis == "mixed" else (basis,)
        return all(any(within(exact(q, b, cells), p) for b in readings) for q, p in printed.items())

    reported = [Reported(q, q, p) for q, p in printed.items()]
    found = columns(confusion_matrices(reported, total, [positives], basis))
    assert sorted(found) == sorted(cells for cells in everything(total, positives) if fits(cells))
    assert n_candidates(reported, total, [positives], basis) >= len(found)


def test_several_numbers_of_positive_images_are_each_tried() -> None:
    reported = [Reported("accuracy", "accuracy", Printed(90, 100)), Reported("f1", "f1", Printed(88, 100))]
    together = columns(confusion_matrices(reported, 50, range(1, 50), "macro"))
    one_by_one = [c for p in range(1, 50) for c in columns(confusion_matrices(reported, 50, [p], "macro"))]
    assert together == one_by_one
    assert together


def test_random_numbers_rarely_fit() -> None:
    """Of rows of four three-digit numbers over 400 images, fewer than 1 in 100 in any reading."""
    rng = np.random.default_rng(0)
    fitting = 0
    for accuracy, precision, recall, f1 in rng.integers(600, 1000, (500, 4)):
        reported = [
            Reported("accuracy", "accuracy", Printed(int(accuracy), 1000)),
            Reported("precision", "precision", Printed(int(precision), 1000)),
            Reported("recall", "recall", Printed(int(recall), 1000)),
            Reported("f1", "f1", Printed(int(f1), 1000)),
        ]
        fitting += any(confusion_matrices(reported, 400, [180], basis).shape[1] for basis in BASES)
    assert fitting / 500 < 0.01


@settings(max_examples=60)
@given(cells=matrices(200), wrong=st.sampled_from(QUANTITIES), by=st.integers(60, 300))
def test_a_number_that_is_changed_is_named(cells: Cells, wrong: Quantity, by: int) -> None:
    quantities: tuple[Quantity, ...] = ("accuracy", "precision", "recall", "specificity")
    assume(wrong in quantities)
    values = {q: digits(exact(q, "positive", cells), 3) for q in quantities}
    values[wrong] = Printed((values[wrong].units + by) % 1001, 1000)
    assume(not within(exact(wrong, "positive", cells), values[wrong]))
    images = Images("all", sum(cells), (cells[0] + cells[1],), stated=True)
    found = audit_item([Reported(q, q, value) for q, value in values.items()], images, ["positive"])
    if found.status == "impossible":  # another matrix may have the changed number
        assert wrong in found.odd or wrong == "accuracy"  # which is not blamed where it is a share of the images


def test_readings_are_tried_as_a_whole_first_and_mixed_last() -> None:
    cells = (30, 10, 5, 55)
    images = Images("all", 100, (40,), stated=True)

    def item(*of: tuple[Quantity, Basis]) -> str | None:
        accuracy = Reported("accuracy", "accuracy", digits(exact("accuracy", "positive", cells), 4))
        numbers = [Reported(q, q, digits(exact(q, b, cells), 4)) for q, b in of]
        return audit_item([accuracy, *numbers], images, AVERAGES).basis

    assert item(("precision", "positive"), ("recall", "positive")) == "positive"
    assert item(("precision", "negative"), ("recall", "negative")) == "negative"
    assert item(("precision", "macro"), ("f1", "macro")) == "macro"
    assert item(("precision", "macro"), ("recall", "positive")) == "mixed"


# ---------------------------------------------------------------------------------------------------------------- sizes


@given(k=st.integers(0, 5000), more=st.integers(0, 5000), decimals=st.integers(2, 4))
def test_a_share_is_consistent_with_its_own_size(k: int, more: int, decimals: int) -> None:
    size = max(1, k + more)
    for rounding in (ROUND_HALF_EVEN, ROUND_HALF_UP, ROUND_FLOOR):
        value = digits(Fraction(k, size), decimals, rounding)
        value = value.cut_off() if rounding == ROUND_FLOOR else value
        assert value.is_share_of([size])[0]
        assert value.allows(k / size)
        assert size in consistent_sizes([value], size - 1 or 1, size + 1)


@given(units=st.integers(0, 100), size=st.integers(1, 60))
def test_sizes_are_those_of_trying_every_number_of_images(units: int, size: int) -> None:
    rounded, cut = Printed(units, 100), Printed(units, 100).cut_off()
    shares = [Fraction(k, size) for k in range(size + 1)]
    assert rounded.is_share_of([size])[0] == any(within(share, rounded) for share in shares)
    if units < 100:  # as a share of 1 more would be no share
        below = Fraction(units + 1, 100)
        assert cut.is_share_of([size])[0] == any(Fraction(units, 100) <= share < below for share in shares)


def test_numbers_of_1067_images_leave_1067_and_its_multiples() -> None:
    rng = np.random.default_rng(1)
    printed = [digits(Fraction(int(k), 1067), 4) for k in rng.integers(700, 1000, 30)]
    sizes = consistent_sizes(printed, 10, 3000)
    assert [n for n in sizes if n % 1067 == 0] == [1067, 2134]
    assert len(sizes) < 5
    assert consistent_sizes([], 10, 3000).size == 0


def test_runs_of_sizes_are_told_together() -> None:
    assert runs([532, 1064, 1065, 1066, 2000]) == "532, 1,064 to 1,066, 2,000"
    assert runs([]) == ""


@pytest.mark.parametrize(("value", "half_unit", "units"), [(0.8482, 5e-5, 8482), (1.0, 5e-4, 1000), (0.9, 5e-3, 90)])
def test_printed_digits_are_kept(value: float, half_unit: float, units: int) -> None:
    printed = Printed.of(value, half_unit)
    assert printed.units == units
    assert printed.per_one == round(units / value)
    assert printed.allows([value - 0.99 * half_unit, value + 0.99 * half_unit]).all()
    assert not printed.allows([value - 1.01 * half_unit, value + 1.01 * half_unit, np.nan]).any()
    assert printed.cut_off().allows([value, value + 1.99 * half_unit]).all()
    assert not printed.cut_off().allows([value - 0.01 * half_unit, value + 2.01 * half_unit]).any()
