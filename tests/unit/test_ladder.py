"""The leakage ladder of a headline number: its paired differences in words and in a figure."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from leukorepro.core.tables.results import DIFFERENCES_TABLE
from leukorepro.ladder.rungs import LADDER, Rung, honest_rung
from leukorepro.report.figures import style
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.tables import Estimate, Headline, Step
from leukorepro.report.sections.controls.cells import CellControl
from leukorepro.report.sections.ladder.figure import draw_ladder
from leukorepro.report.sections.ladder.ladder import Difference, Differences, Ladder, ladder_of

NONE = (math.nan, math.nan)
MINUS = "\N{MINUS SIGN}"


def ladder(
    values: dict[Rung, float], intervals: dict[tuple[Rung, Rung], tuple[float, float]], metric: str = "accuracy"
) -> Ladder:
    """A ladder of these values; differences are theirs, with these intervals."""
    steps = [
        Step(rung, LADDER[rung].name, LADDER[rung].removes, Estimate(metric, value)) for rung, value in values.items()
    ]
    honest = honest_rung(values)
    estimate = Estimate(metric, 0.99)
    top = Headline("1", "x", metric, estimate, steps[0].estimate, Estimate(metric), honest, steps)
    rows = [
        ("s", "1", "rung", "x", one, "x", other, metric, values[one] - values[other], *bounds, 20, *NONE, math.nan)
        for (one, other), bounds in intervals.items()
    ]
    rows.append(("s", "1", "item", "x", "as_published", "y", "as_published", metric, 9, 9, 9, 20, *NONE, math.nan))
    return ladder_of(top, Differences(DIFFERENCES_TABLE.frame(rows)))


FOUR = ladder(
    {"as_published": 0.9, "fit_in_fold": 0.9, "source_disjoint": 0.7, "subject_disjoint": 0.66, "external": 0.8},
    {
        ("fit_in_fold", "as_published"): (0, 0),
        ("source_disjoint", "fit_in_fold"): (-0.31, -0.09),
        ("source_disjoint", "as_published"): (-0.31, -0.09),
        ("subject_disjoint", "source_disjoint"): (-0.1, 0.025),
        ("subject_disjoint", "as_published"): (-0.4, -0.08),
        ("external", "subject_disjoint"): NONE,
        ("external", "as_published"): NONE,
    },
)


def test_differences_are_those_of_the_table_and_of_no_other_kind() -> None:
    above = [climb.from_above for climb in FOUR.climbs]
    assert [d.value for d in above] == pytest.approx([0, -0.2, -0.04, 0.14])
    assert [climb.from_first.value for climb in FOUR.climbs] == pytest.approx([0, -0.2, -0.24, -0.1])
    assert [(d.low, d.high) for d in above] == [(0, 0), (-0.31, -0.09), (-0.1, 0.025), (None, None)]
    assert {d.n_groups for d in above} == {20}
    assert [d.is_clear for d in above] == [False, True, False, False]
    assert [d.is_none for d in above] == [True, False, False, False]


def test_steps_down_to_the_honest_rung_add_up_to_the_whole() -> None:
    assert [climb.step.rung for climb in FOUR.to_honest] == ["fit_in_fold", "source_disjoint", "subject_disjoint"]
    assert [climb.step.rung for climb in FOUR.beyond] == ["external"]
    total = sum(climb.from_above.value or 0 for climb in FOUR.to_honest)
    assert total == pytest.approx(FOUR.to_honest[-1].from_first.value)


def test_what_cannot_be_told_from_nothing_is_not_said_to_explain_anything() -> None:
    assert FOUR.sentences() == (
        f"From as published to subject-disjoint, the accuracy changes by {MINUS}24.0 points (95 % interval "
        f"{MINUS}40.0 to {MINUS}8.0). "
        f"Steps distinguishable from 0: copies of training images {MINUS}20.0 ({MINUS}31.0 to {MINUS}9.0). "
        f"Steps not distinguishable from 0: the same patients on both sides {MINUS}4.0 ({MINUS}10.0 to +2.5). "
        "The same predictions before and after: reducers that saw test rows. "
        "From subject-disjoint to external it changes by a further +14.0 points."
    )


def test_a_rise_is_told_as_one_and_losses_have_no_points() -> None:
    key: tuple[Rung, Rung] = ("source_disjoint", "as_published")
    rise = ladder({"as_published": 0.5, "source_disjoint": 0.6}, {key: (-0.02, 0.2)})
    assert rise.sentences() == (
        "From as published to source-disjoint, the accuracy changes by +10.0 points (95 % interval "
        f"{MINUS}2.0 to +20.0), not distinguishable from 0."
    )
    loss = ladder({"as_published": 0.5, "source_disjoint": 0.75}, {key: NONE}, "test_loss")
    assert loss.sentences() == "From as published to source-disjoint, the test loss changes by +0.2500."


def test_a_single_rung_has_nothing_to_compare() -> None:
    alone = ladder({"as_published": 0.5}, {})
    assert (alone.climbs, alone.sentences()) == ([], "")


def test_without_an_honest_rung_the_last_one_ends_the_ladder() -> None:
    two = ladder({"as_published": 0.5, "fit_in_fold": 0.4}, {("fit_in_fold", "as_published"): (-0.2, -0.01)})
    assert "From as published to fitted in fold" in two.sentences()
    assert two.beyond == []


def test_missing_differences_are_dashes() -> None:
    missing = ladder({"as_published": 0.5, "fit_in_fold": 0.4}, {})
    assert missing.climbs[0].from_above == Difference("accuracy")
    assert missing.climbs[0].from_above.told == wording.MISSING


def test_the_waterfall_begins_each_bar_where_the_last_one_ended(tmp_path: Path) -> None:
    figure = draw_ladder(FOUR, [], 0.5, ["simulated images"])
    values, waterfall = figure.subfigs[0].axes[0], figure.subfigs[1].axes[0]
    spans = [sorted((bar.get_x(), bar.get_x() + bar.get_width())) for bar in waterfall.patches]
    expected = [(0, 0), (-20, 0), (-24, -20), (-24, 0), (-24, -10)]  # the fourth is the sum
    assert spans == [pytest.approx(span, abs=1e-9) for span in expected]
    names = [label.get_text() for label in waterfall.get_yticklabels()]
    assert names[3] == "All of these:\nas published to subject-disjoint"
    filled = [bar.get_facecolor()[:3] != (1, 1, 1) for bar in waterfall.patches]
    assert filled == [False, True, False, True, False]
    told = [text.get_text() for text in waterfall.texts]
    assert told == [climb.from_above.told for climb in FOUR.to_honest] + [
        FOUR.to_honest[-1].from_first.told,
        FOUR.beyond[0].from_above.told,
    ]
    assert [text.get_text() for text in values.texts][:2] == ["90.0", "90.0"]
    style.save(figure, tmp_path / "ladder.svg")
    assert (tmp_path / "ladder.svg").stat().st_size > 5000


def test_controls_are_grey_lines_with_a_name_each() -> None:
    size = CellControl("cell size alone", "accuracy", {"as_published": Estimate("accuracy", 0.6)}, "")
    colour = CellControl("mean colour alone", "accuracy", {rung: Estimate("accuracy", 0.55) for rung in LADDER}, "")
    axes = draw_ladder(FOUR, [], 0.5, [], [size, colour]).subfigs[0].axes[0]
    drawn = {line.get_label(): line for line in axes.lines}
    np.testing.assert_allclose(drawn[size.name].get_ydata(), [60, *[math.nan] * 4])
    np.testing.assert_allclose(drawn[colour.name].get_ydata(), [55] * 5)
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [size.name, colour.name]
    assert drawn[size.name].get_linestyle() != "-"
    assert size.told == "cell size alone: as published 60.0"


def test_ladders_of_one_rung_and_without_numbers_can_be_drawn(tmp_path: Path) -> None:
    rungs: dict[Rung, float] = {"as_published": 0.5, "fit_in_fold": 0.4}
    for shown in (ladder({"as_published": 0.5}, {}), ladder(rungs, {})):
        style.save(draw_ladder(shown, [], None, []), tmp_path / "ladder.svg")


def test_the_points_of_single_seeds_are_explained_where_they_are_drawn() -> None:
    def drawn(seeds: tuple[float, ...]) -> tuple[list[str], list[float]]:
        (step,) = ladder({"as_published": 0.5}, {}).top.steps
        estimate = replace(step.estimate, seeds=seeds)
        shown = ladder({"as_published": 0.5}, {})
        shown = replace(shown, top=replace(shown.top, steps=[replace(step, estimate=estimate)]))
        axes = draw_ladder(shown, [], None, []).subfigs[0].axes[0]
        points = [y for line in axes.lines if line.get_marker() == "." for y in line.get_ydata()]
        legend = axes.get_legend()
        return [text.get_text() for text in legend.get_texts()] if legend else [], points

    assert drawn((0.4, 0.6)) == (["single seeds"], [40, 60])
    assert drawn(()) == ([], [])
