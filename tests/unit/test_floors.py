"""The package's floors: a module imports from its own part of the package or from lower floors."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src/leukorepro"
FLOORS = (
    ("words", "errors"),
    ("validation",),
    ("config", "store", "device", "tables"),
    ("digests", "resolved"),
    ("data",),
    ("features",),
    ("models",),
    ("evaluation", "own_extractors"),
    ("resolve",),
    ("plan", "project", "doctor", "network_summary"),
    ("audit", "validity"),
    ("dvc_stages",),
    ("report",),
    ("cli",),
)
"""From the ground up."""

FLOOR = {part: number for number, parts in enumerate(FLOORS) for part in parts}


def imports() -> Iterator[tuple[str, str, str]]:
    """File, its part of the package and a part that it imports, wherever in the file."""
    for file in sorted(SOURCE.rglob("*.py")):
        own = file.relative_to(SOURCE).parts[0].removesuffix(".py")
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module] if node.module != "leukorepro" else [f"leukorepro.{a.name}" for a in node.names]
            elif isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            for name in names:
                if name.startswith("leukorepro."):
                    yield str(file.relative_to(SOURCE)), own, name.split(".")[1]


def test_no_module_imports_from_a_higher_floor_or_another_part_of_its_own() -> None:
    found = list(imports())
    assert len(found) > 200
    wrong = [
        (file, imported)
        for file, own, imported in found
        if own != "__init__" and imported != own and imported != "__version__" and FLOOR[imported] >= FLOOR[own]
    ]
    assert not wrong


def test_every_part_has_its_floor() -> None:
    parts = {path.name.removesuffix(".py") for path in SOURCE.iterdir() if path.suffix in ("", ".py")}
    assert parts - {"__init__", "__main__", "__pycache__"} == set(FLOOR)
