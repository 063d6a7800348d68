"""What of a loss other shares of the classes explain, against numbers that are worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from leukorepro.evaluation.transfer import Counts, counts_of, measures, reference_rung


def rows(right: dict[str, tuple[int, int]], subjects: int = 4) -> pd.DataFrame:
    """Of each class so many right ones of so many, dealt out to subjects in turn."""
    lines = [
        {
            "image_id": f"{label}{number}",
            "y_true": label,
            "y_pred": label if number < correct else "other",
            "subject_id": f"{label}{number % subjects}",
            "source_id": f"{label}{number}",
        }
        for label, (correct, of) in right.items()
        for number in range(of)
    ]
    return pd.DataFrame(lines)


def values(here: pd.DataFrame, there: pd.DataFrame) -> dict[str, float]:
    counts = [counts_of(frame, ["a", "b"]) for frame in (here, there)]
    found = measures(*counts, *(np.ones((len(one.rows), 1)) for one in counts))
    return {name: float(value[0]) for name, value in found.items()}


def test_the_loss_is_that_of_recalls_and_that_of_prevalence() -> None:
    """Here 80 % of class a, recalls 0.9 and 0.5; there 25 %, recalls 0.8 and 0.4."""
    found = values(rows({"a": (72, 80), "b": (10, 20)}), rows({"a": (8, 10), "b": (12, 30)}))
    assert found == pytest.approx(
        {
            "reference_accuracy": 0.82,
            "reference_balanced_accuracy": 0.7,
            "accuracy": 0.5,
            "balanced_accuracy": 0.6,
            "accuracy_at_prevalence": 0.8 * 0.8 + 0.2 * 0.4,
            "loss": 0.32,
            "loss_by_prevalence": 0.22,
            "loss_by_recall": 0.1,
        },
        abs=1e-12,
    )


def test_equal_recalls_lose_by_prevalence_alone_and_equal_shares_not_at_all_by_it() -> None:
    same = values(rows({"a": (9, 10), "b": (5, 10)}), rows({"a": (18, 20), "b": (40, 80)}))
    assert same["loss_by_recall"] == pytest.approx(0, abs=1e-12)
    assert same["loss_by_prevalence"] == pytest.approx(same["loss"], abs=1e-12)
    alike = values(rows({"a": (9, 10), "b": (5, 10)}), rows({"a": (3, 10), "b": (2, 10)}))
    assert alike["loss_by_prevalence"] == pytest.approx(0, abs=1e-12)


def test_a_class_that_is_absent_there_leaves_the_parts_undefined_and_not_the_accuracy() -> None:
    found = values(rows({"a": (9, 10), "b": (5, 10)}), rows({"a": (8, 10)}))
    assert found["accuracy"] == pytest.approx(0.8, abs=1e-12)
    assert np.isnan([found["accuracy_at_prevalence"], found["loss_by_prevalence"], found["loss_by_recall"]]).all()


def test_a_group_that_counts_twice_is_a_group_that_is_there_twice() -> None:
    once = counts_of(rows({"a": (3, 4), "b": (1, 4)}, subjects=2), ["a", "b"])
    twice = Counts(np.vstack([once.rows, once.rows[:1]]), np.vstack([once.right, once.right[:1]]))
    weights = np.ones((len(once.rows), 1))
    weights[0] = 2
    ones = np.ones((len(twice.rows), 1))
    weighted, repeated = measures(once, once, weights, weights), measures(twice, twice, ones, ones)
    assert {name: value[0] for name, value in weighted.items()} == pytest.approx(
        {name: value[0] for name, value in repeated.items()}, abs=1e-12
    )


@pytest.mark.parametrize(
    ("rungs", "reference"),
    [
        (["as_published", "subject_disjoint", "external"], "subject_disjoint"),
        (["as_published", "source_disjoint", "external"], "source_disjoint"),
        (["as_published", "external"], "as_published"),
        (["external"], None),
    ],
)
def test_the_held_out_part_is_compared_with_the_honest_rung_of_the_others(rungs: list[str], reference: str) -> None:
    assert reference_rung(rungs) == reference
