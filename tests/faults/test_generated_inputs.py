"""Many generated inputs of every kind that a command reads: one sentence or a result, no traceback, nothing touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from generated_inputs import TARGETS
from test_faults import copy, project, try_generated

__all__ = ["copy", "project"]  # fixtures

pytestmark = pytest.mark.faults

EXAMPLES = 20
"""Of each kind."""


@pytest.fixture(scope="module")
def ended() -> Iterator[dict[str, Counter[bool]]]:
    """How calls ended, by kind of input, for whoever looks (`pytest -s`)."""
    found: dict[str, Counter[bool]] = {}
    yield found
    counter = sum(found.values(), Counter())
    print(f"\n{counter.total()} generated inputs: {counter[False]} refused in a sentence, {counter[True]} used")


@pytest.mark.parametrize("kind", TARGETS)
def test_generated_inputs_are_told_or_used(
    project: Path, copy: Path, ended: dict[str, Counter[bool]], kind: str
) -> None:
    ended[kind] = try_generated(project, copy, kind, EXAMPLES)


def test_two_hundred_of_them_were_bad(ended: dict[str, Counter[bool]]) -> None:
    if set(ended) != set(TARGETS):
        pytest.skip("not all kinds were tried by this process; pytest-xdist keeps them together with --dist loadfile")
    assert sum(found[False] for found in ended.values()) >= 200
