"""What of a loss other shares of the classes explain, and how it changes with normalised colours: against numbers that
are worked out by hand, and against a plain loop over the same draws."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from compared_data import answers, outcomes, study

from leukorepro.core.tables.results import TRANSFER_TABLE
from leukorepro.core.words import COLOUR
from leukorepro.evaluation.measure import measure
from leukorepro.evaluation.resampling.differences import difference_interval
from leukorepro.evaluation.resampling.transfer import COLOUR_MEASURES, reference_rung, transfer
from leukorepro.evaluation.seeds import over_seeds
from leukorepro.run.resolved import ResolvedStudy

HERE, THERE = "source_disjoint", "external"
ITEMS = ("plain", "plain, grey")


def of_colours() -> ResolvedStudy:
    """A study whose one table is that of an item and of the same on grey images."""
    resolved = study({item: {} for item in ITEMS})
    tables = {COLOUR: resolved.study.tables["1"]}
    return resolved.model_copy(update={"study": resolved.study.model_copy(update={"tables": tables})})


def rows(rung: str, right: dict[str, tuple[int, int]], item: str = ITEMS[0]) -> pd.DataFrame:
    """Of each class so many right ones of so many, dealt out to four subjects of the class in turn."""
    place = [(name, number, correct) for name, (correct, of) in right.items() for number in range(of)]
    positive = np.array([name == "p" for name, _, _ in place])
    correct = np.array([number < correct for _, number, correct in place])
    subject = np.array([number % 4 + 4 * (name == "p") for name, number, _ in place])
    score = np.where(positive == correct, 1.0, -1.0)
    images = np.arange(len(place)) + (1000 if rung == THERE else 0)
    subject += 10 if rung == THERE else 0
    return answers(item, subject, positive, score, rung=rung, images=images).assign(table=COLOUR)


def told(*frames: pd.DataFrame, n_resamples: int = 20) -> pd.DataFrame:
    found = outcomes(of_colours(), *frames)
    table = transfer(found, measure(found, 0, n_resamples), 0, n_resamples)
    assert list(table.columns) == list(TRANSFER_TABLE.columns)
    return table.set_index(["item", "protocol", "measure"]).sort_index()


def values(here: dict[str, tuple[int, int]], there: dict[str, tuple[int, int]]) -> dict[tuple[str, str], float]:
    found = told(rows(HERE, here), rows(THERE, there))["value"]
    return found[ITEMS[0]].to_dict()


def test_the_loss_is_that_of_recalls_and_that_of_prevalence() -> None:
    """Here 80 % of class p, recalls 0.9 and 0.5; there 25 %, recalls 0.8 and 0.4."""
    assert values({"p": (72, 80), "n": (10, 20)}, {"p": (8, 10), "n": (12, 30)}) == pytest.approx(
        {
            (HERE, "accuracy"): 0.82,
            (HERE, "balanced_accuracy"): 0.7,
            (THERE, "accuracy"): 0.5,
            (THERE, "balanced_accuracy"): 0.6,
            (THERE, "accuracy_at_prevalence"): 0.8 * 0.8 + 0.2 * 0.4,
            (THERE, "loss"): 0.32,
            (THERE, "loss_by_prevalence"): 0.22,
            (THERE, "loss_by_recall"): 0.1,
        },
        abs=1e-12,
    )


def test_equal_recalls_lose_by_prevalence_alone_and_equal_shares_not_at_all_by_it() -> None:
    same = values({"p": (9, 10), "n": (5, 10)}, {"p": (18, 20), "n": (40, 80)})
    assert same[THERE, "loss_by_recall"] == pytest.approx(0, abs=1e-12)
    assert same[THERE, "loss_by_prevalence"] == pytest.approx(same[THERE, "loss"], abs=1e-12)
    alike = values({"p": (9, 10), "n": (5, 10)}, {"p": (3, 10), "n": (2, 10)})
    assert alike[THERE, "loss_by_prevalence"] == pytest.approx(0, abs=1e-12)


def test_a_class_that_is_absent_there_leaves_the_parts_undefined_and_not_the_loss() -> None:
    found = told(rows(HERE, {"p": (9, 10), "n": (5, 10)}), rows(THERE, {"p": (8, 10)})).loc[ITEMS[0], THERE]
    assert found["value"][["accuracy", "loss"]].tolist() == pytest.approx([0.8, -0.1], abs=1e-12)
    undefined = found.loc[["accuracy_at_prevalence", "loss_by_prevalence", "loss_by_recall"]]
    assert undefined[["value", "ci_low", "ci_high"]].isna().all(axis=None)


def test_the_loss_changes_by_what_colours_cost_here_less_what_they_gain_there() -> None:
    """Grey loses 2 of 100 right ones here and gains 5 of 40 there, so that the loss of 0.32 is 0.02 + 0.125 smaller."""
    plain = rows(HERE, {"p": (72, 80), "n": (10, 20)}), rows(THERE, {"p": (8, 10), "n": (12, 30)})
    grey = (
        rows(HERE, {"p": (71, 80), "n": (9, 20)}, ITEMS[1]),
        rows(THERE, {"p": (9, 10), "n": (16, 30)}, ITEMS[1]),
    )
    found = told(*plain, *grey)
    by_colour = found[found["against_item"] != ""]
    assert by_colour["value"].to_dict() == pytest.approx(
        {(ITEMS[1], THERE, "accuracy_change"): 0.125, (ITEMS[1], THERE, "loss_change"): -0.145}, abs=1e-12
    )
    assert by_colour["against_item"].tolist() == [ITEMS[0]] * 2
    assert by_colour["against_protocol"].tolist() == ["", HERE]
    assert by_colour["n_groups"].tolist() == [8, 8], "subjects there"


def test_the_same_predictions_on_normalised_images_gain_nothing_with_certainty() -> None:
    frames = [rows(HERE, {"p": (9, 10), "n": (5, 10)}), rows(THERE, {"p": (8, 10), "n": (5, 10)})]
    found = told(*frames, *(frame.assign(item=ITEMS[1]) for frame in frames))
    by_colour = found[found["against_item"] != ""]
    assert len(by_colour) == 2
    assert (by_colour[["value", "ci_low", "ci_high"]] == 0).all(axis=None)


Rows = np.ndarray
"""Subject, whether positive, whether right, seed: shape (n_rows, 4)."""


def at_prevalence(here: Rows, there: Rows) -> float:
    return sum((here[:, 1] == name).mean() * there[there[:, 1] == name, 2].mean() for name in (0, 1))


Sides = dict[tuple[str, str], Rows]
"""By item and rung."""


def right(rows: Sides, item: str, rung: str) -> float:
    return float(rows[item, rung][:, 2].mean())


PLAIN, GREY = ITEMS
WORKED_OUT: dict[str, Callable[[Sides, Rows], float]] = {
    "loss": lambda rows, _: right(rows, PLAIN, HERE) - right(rows, PLAIN, THERE),
    "loss_by_prevalence": lambda rows, here: at_prevalence(here, rows[PLAIN, THERE]) - right(rows, PLAIN, THERE),
    "loss_by_recall": lambda rows, here: right(rows, PLAIN, HERE) - at_prevalence(here, rows[PLAIN, THERE]),
    "accuracy_change": lambda rows, _: right(rows, GREY, THERE) - right(rows, PLAIN, THERE),
    "loss_change": lambda rows, _: (
        right(rows, GREY, HERE) - right(rows, GREY, THERE) - right(rows, PLAIN, HERE) + right(rows, PLAIN, THERE)
    ),
}
"""Every difference, by rows and by those that shares of the classes are of."""


@pytest.mark.parametrize("n_seeds", [1, 3])
def test_intervals_are_those_of_a_plain_loop_over_the_same_draws(n_seeds: int) -> None:
    """Rows are repeated as often as their subject was drawn; those of all seeds go together."""
    rng = np.random.default_rng(1)
    sides: Sides = {}
    frames = []
    for rung, subjects in ((HERE, range(16)), (THERE, range(16, 28))):
        subject = np.repeat(subjects, 4)
        positive = subject % 3 > (0 if rung == THERE else 1)
        for item in ITEMS:
            of_seeds = []
            for seed in range(n_seeds):
                score = np.where(positive, 0.5, -0.5) + rng.normal(size=len(subject))
                images = np.arange(len(subject)) + 100 * subjects[0]
                frame = answers(item, subject, positive, score, rung=rung, images=images, repeat=seed)
                frames.append(frame.assign(table=COLOUR, **({"seed": seed} if n_seeds > 1 else {})))
                of_seeds.append(np.stack([subject, positive, positive == (score > 0), np.full_like(subject, seed)]).T)
            sides[item, rung] = np.concatenate(of_seeds)
    table = told(*frames, n_resamples=40)
    for name, worked_out in WORKED_OUT.items():
        drawn_from = np.arange(28) if name != "accuracy_change" else np.arange(16, 28)
        rng, resampled = np.random.default_rng(0), []
        for _ in range(40):
            times = np.zeros(28, dtype=int)
            np.add.at(times, drawn_from[rng.integers(len(drawn_from), size=len(drawn_from))], 1)
            drawn = {key: np.repeat(rows, times[rows[:, 0]], axis=0) for key, rows in sides.items()}
            with np.errstate(invalid="ignore"):
                resampled.append(worked_out(drawn, drawn[PLAIN, HERE]))
        of_seeds = [
            worked_out({key: rows[rows[:, 3] == seed] for key, rows in sides.items()}, sides[PLAIN, HERE])
            for seed in range(n_seeds)
        ]
        most = 2.0 if name == "loss_change" else 1.0
        bounds = over_seeds(difference_interval(np.array(resampled), 12), of_seeds, (-most, most))
        found = table.loc[GREY if name in COLOUR_MEASURES else PLAIN, THERE, name]
        assert found["value"] == pytest.approx(np.mean(of_seeds), abs=1e-12)
        assert (found["ci_low"], found["ci_high"]) == pytest.approx((bounds.low, bounds.high), abs=1e-12)


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
