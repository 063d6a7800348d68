"""Registries: an entry is a file, and is imported when it is asked for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from leukorepro.core.errors import UserError
from leukorepro.core.registry import Registry


@pytest.fixture
def fruit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[str]:
    """A registry of two entries, one of which cannot be imported, beside its frame."""
    folder = tmp_path / "orchard" / "fruit"
    folder.mkdir(parents=True)
    for file in (folder.parent / "__init__.py", folder / "__init__.py", folder / "registry.py"):
        file.write_text("")
    (folder / "apple.py").write_text("ENTRY = 'round'\n")
    (folder / "pear.py").write_text("raise RuntimeError('not ripe')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    return Registry("fruit", "orchard.fruit")


def test_only_the_entry_that_is_asked_for_is_imported(fruit: Registry[str]) -> None:
    assert list(fruit) == ["apple", "pear"]
    assert "pear" in fruit
    assert "registry" not in fruit
    assert len(fruit) == 2
    assert "orchard.fruit.pear" not in sys.modules
    assert fruit["apple"] == "round"
    with pytest.raises(RuntimeError, match="not ripe"):
        fruit["pear"]


def test_an_unknown_name_is_told_with_those_that_there_are(fruit: Registry[str]) -> None:
    with pytest.raises(KeyError):
        fruit["apricot"]
    with pytest.raises(UserError) as error:
        fruit.look_up("appel", "menu.yaml: dessert")
    assert str(error.value) == "menu.yaml: dessert: unknown fruit 'appel'. Known: apple, pear. Did you mean 'apple'?"
