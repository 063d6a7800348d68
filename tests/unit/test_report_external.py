"""What a paper's page says of a loss on what is held out: sentences for a gain, for no change and for a loss."""

from __future__ import annotations

import pytest
from compared_data import study

from leukorepro.core.tables.results import TRANSFER_TABLE
from leukorepro.core.words import COLOUR
from leukorepro.report.numbers.tables import Estimate
from leukorepro.report.sections.external.page import (
    AS_THEY_ARE,
    Coloured,
    colour_sentences,
    coloured_rows,
    loss_sentence,
)
from leukorepro.report.sections.ladder.ladder import Difference

LOST = Estimate("accuracy", 0.30, 0.20, 0.40)
NONE_LOST = Estimate("accuracy", 0.02, -0.05, 0.09)


def told(loss: Estimate, accuracy_change: Difference, loss_change: Difference) -> list[str]:
    value = Estimate("accuracy", 0.8, 0.7, 0.9)
    none = Difference("accuracy")
    rows = [
        Coloured(AS_THEY_ARE, value, value, loss, none, none),
        Coloured("grey", value, value, loss, accuracy_change, loss_change),
    ]
    return list(map(typed, colour_sentences(rows)))


def typed(sentence: str) -> str:
    """As it is written on a keyboard."""
    return sentence.replace("\N{MINUS SIGN}", "-")


@pytest.mark.parametrize(
    ("accuracy", "loss", "judged"),
    [
        ((0.12, 0.05, 0.2), (-0.1, -0.18, -0.02), "a part of the loss is colour."),
        (
            (0.02, -0.05, 0.09),
            (-0.1, -0.18, -0.02),
            "the loss is smaller, but the accuracy on external does not clearly rise, so that none of it is shown to "
            "be colour.",
        ),
        ((0.12, 0.05, 0.2), (-0.03, -0.1, 0.04), "no part of the loss is shown to be colour."),
        ((0.0, -0.02, 0.02), (0.01, -0.03, 0.05), "no part of the loss is shown to be colour."),
        ((0.1, None, None), (-0.1, None, None), "no part of the loss is shown to be colour."),
        ((-0.1, -0.2, -0.03), (0.09, 0.02, 0.16), "the loss is larger with these colours, which explain none of it."),
    ],
)
def test_colour_is_a_part_of_the_loss_only_where_both_changes_say_so(
    accuracy: tuple[float, float, float], loss: tuple[float, float, float], judged: str
) -> None:
    (sentence,) = told(LOST, Difference("accuracy", *accuracy), Difference("accuracy", *loss))
    assert sentence.endswith(f"; {judged}")


def test_changes_stand_with_their_sign_and_interval() -> None:
    (sentence,) = told(LOST, Difference("accuracy", 0.12, 0.05, 0.2), Difference("accuracy", 0.0, 0.0, 0.0))
    assert sentence == (
        "Grey: the accuracy on external changes by +12.0 points (95 % interval +5.0 to +20.0) and the loss stays the "
        "same; no part of the loss is shown to be colour."
    )


def test_nothing_that_is_lost_is_nothing_to_explain() -> None:
    sentences = told(NONE_LOST, Difference("accuracy", 0.1, 0.02, 0.2), Difference("accuracy", -0.1, -0.2, -0.02))
    assert sentences[0] == (
        "On the images as they are nothing is clearly lost, so that there is nothing for colours to explain."
    )
    assert sentences[1].endswith("and the loss changes by -10.0 points (95 % interval -20.0 to -2.0).")


def test_rows_of_colours_stand_in_the_runs_order_with_their_changes() -> None:
    resolved = study({"net": {}, "net, grey": {}, "net, Macenko": {}})
    tables = {COLOUR: resolved.study.tables["1"]}
    resolved = resolved.model_copy(update={"study": resolved.study.model_copy(update={"tables": tables})})
    values = {"net": (0.9, 0.5), "net, grey": (0.8, 0.6)}  # the third has not run
    lines = []
    for item, (here, there) in values.items():
        measures = [("source_disjoint", "", "accuracy", here), ("external", "", "accuracy", there)]
        measures.append(("external", "", "loss", here - there))
        if item != "net":
            measures += [("external", "net", "accuracy_change", 0.1), ("external", "net", "loss_change", -0.2)]
        for rung, against, measure, value in measures:
            names = {"study": "s", "table": COLOUR, "item": item, "protocol": rung, "against_item": against}
            numbers = {"value": value, "ci_low": value - 0.05, "ci_high": value + 0.05, "n_images": 9, "n_groups": 9}
            lines.append(names | {"against_protocol": "", "measure": measure} | numbers)
    plain, grey = coloured_rows(resolved, TRANSFER_TABLE.frame(lines), "source_disjoint")
    assert [row.name for row in (plain, grey)] == [AS_THEY_ARE, "grey"]
    assert [row.loss.text for row in (plain, grey)] == ["40.0", "20.0"]
    assert (plain.accuracy_change.value, plain.loss_change.value) == (None, None)
    assert typed(grey.accuracy_change.told) == "+10.0 (+5.0 to +15.0)"
    assert typed(grey.loss_change.told) == "-20.0 (-25.0 to -15.0)"


@pytest.mark.parametrize(
    ("loss", "prevalence", "recall", "expected"),
    [
        (
            (0.32, 0.2, 0.4),
            (0.22, 0.1, 0.3),
            (0.1, 0.05, 0.15),
            "the accuracy changes by -32.0 points (95 % interval -40.0 to -20.0). "
            "Of that, -22.0 points (95 % interval -30.0 to -10.0) follow from how common each class is there, at the "
            "same recalls, and -10.0 points (95 % interval -15.0 to -5.0) from other recalls.",
        ),
        (
            (-0.05, None, None),
            (0.0, None, None),
            (-0.05, None, None),
            "the accuracy changes by +5.0 points. Of that, 0.0 points follow from "
            "how common each class is there, at the same recalls, and +5.0 points from other recalls.",
        ),
        (
            (0.1, 0.05, 0.15),
            (None, None, None),
            (None, None, None),
            "the accuracy changes by -10.0 points (95 % interval -15.0 to -5.0). "
            "A class of the one is absent from the other, so that the change cannot be told apart further.",
        ),
    ],
)
def test_the_loss_and_its_parts_are_told_as_changes(
    loss: tuple[float, float, float],
    prevalence: tuple[float, float, float],
    recall: tuple[float, float, float],
    expected: str,
) -> None:
    parts = zip(("loss", "loss_by_prevalence", "loss_by_recall"), (loss, prevalence, recall), strict=True)
    ours = {("external", name): Estimate("accuracy", *numbers) for name, numbers in parts}
    assert typed(loss_sentence(ours, "Source-disjoint")) == f"From the rung source-disjoint to external {expected}"
