"""The registry of rungs: entries that can be told apart, and nobody else who asks for a rung's name."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from leukorepro.config.study.schemes import PublishedProtocol
from leukorepro.ladder import rungs
from leukorepro.ladder.rungs import LADDER, PUBLISHED, honest_rung

SOURCE = Path(rungs.__file__).parents[1]


@pytest.mark.parametrize("attribute", ["name", "removes", "removes_short", "colour", "marker", "dash"])
def test_rungs_can_be_told_apart_by_every_one_of_their_signs(attribute: str) -> None:
    assert len({getattr(rung, attribute) for rung in LADDER.values()}) == len(LADDER)


def test_one_rung_is_the_papers_own_and_stands_first() -> None:
    assert [key for key, rung in LADDER.items() if rung.is_published] == [PUBLISHED] == [next(iter(LADDER))]


def test_a_rung_takes_from_the_paper_what_it_does_not_set_itself() -> None:
    protocols = PublishedProtocol(unit="source", scope="all").ladder()
    found = {key: (protocol.unit, protocol.scope) for key, protocol in protocols.items()}
    assert found["as_published"] == ("source", "all")
    assert found["fit_in_fold"] == found["source_disjoint"] == ("source", "train")
    assert found["subject_disjoint"] == found["external"] == ("subject", "train")


def test_the_preferred_honest_rung_is_taken_whatever_their_order() -> None:
    assert honest_rung(LADDER) == "subject_disjoint"
    assert honest_rung(["external", "source_disjoint", "as_published"]) == "source_disjoint"
    assert honest_rung(["external"]) == "external"
    assert honest_rung(["as_published", "fit_in_fold"]) is None
    places = [rung.honest_place for rung in LADDER.values() if rung.honest_place is not None]
    assert sorted(places) == list(range(1, len(places) + 1))
    assert all(bool(rung.honest_means) == bool(rung.honest_place) for rung in LADDER.values())


def test_nothing_but_its_entry_asks_for_a_rungs_name() -> None:
    """`external` is also what the simulator calls a held-out part."""
    names = set(LADDER) - {"external"}
    asked = {
        file.relative_to(SOURCE)
        for file in SOURCE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Constant) and node.value in names
    }
    assert asked == {Path(rungs.__file__).relative_to(SOURCE)}
