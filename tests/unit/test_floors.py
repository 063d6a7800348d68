"""The package's rooms: a module imports from its own room or from lower floors, and never in a circle."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src/leukorepro"
FLOORS = (
    ("core",),
    ("ladder", "metrics"),
    ("config",),
    ("data", "simulate"),
    ("features",),
    ("run",),
    ("systems",),
    ("costs", "evaluation"),
    ("audits", "checks"),
    ("inference",),
    ("report",),
    ("cli",),
)
"""From the ground up. A room below `run` knows nothing of runs: it is given plain values."""

FLOOR = {room: number for number, rooms in enumerate((*FLOORS, ("__main__",))) for room in rooms}
LARGEST_FOLDER = 16
MODULES = {
    ".".join(file.relative_to(SOURCE).with_suffix("").parts).removesuffix("__init__").rstrip("."): file
    for file in sorted(SOURCE.rglob("*.py"))
}
"""Files by their dotted names below the package; the package itself has the empty name."""


@cache
def imports() -> dict[str, set[str]]:
    """What every module imports of the package, wherever in its file."""
    found: dict[str, set[str]] = defaultdict(set)
    for module, file in MODULES.items():
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "leukorepro":
                base = node.module.removeprefix("leukorepro").lstrip(".")
                names = {f"{base}.{alias.name}".lstrip(".") for alias in node.names}
                found[module] |= {name if name in MODULES else base for name in names}
            elif isinstance(node, ast.Import):
                names = {alias.name for alias in node.names if alias.name.startswith("leukorepro.")}
                found[module] |= {name.removeprefix("leukorepro.") for name in names}
    return found


def room(module: str) -> str:
    return module.partition(".")[0]


def test_no_module_imports_from_a_higher_floor_or_another_room_of_its_own() -> None:
    found = [(module, name) for module, names in imports().items() if module for name in names if name]
    assert len(found) > 500
    wrong = [(m, n) for m, n in found if room(m) != room(n) and FLOOR[room(n)] >= FLOOR[room(m)]]
    assert not wrong


def test_no_modules_import_one_another_in_a_circle() -> None:
    """Inside a room too; a room's own face, its `__init__`, is left out, since every import of a module passes it."""
    faces = {module for module, file in MODULES.items() if file.name == "__init__.py"}
    edges = {module: names - faces for module, names in imports().items()}

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        todo = [start]
        while todo:
            new = edges.get(todo.pop(), set()) - seen
            seen |= new
            todo += new
        return seen

    assert not [module for module in MODULES if module in reached(module)]


def test_every_room_has_its_floor_and_every_module_a_room() -> None:
    assert {room(module) for module in MODULES} - {""} == set(FLOOR)
    assert {file.name for file in SOURCE.glob("*.py")} == {"__init__.py", "__main__.py"}


def test_no_folder_is_larger_than_can_be_looked_over() -> None:
    sizes = Counter(file.parent for file in MODULES.values() if file.name != "__init__.py")
    assert not {folder: size for folder, size in sizes.items() if size > LARGEST_FOLDER}


def test_every_room_says_what_it_answers() -> None:
    folders = {file.parent for file in MODULES.values()}
    assert not [folder for folder in folders if not ast.get_docstring(ast.parse((folder / "__init__.py").read_text()))]


PATH_OF_A_NUMBER = (
    ("evaluation.contract", "evaluation.metrics"),
    ("evaluation.predictions",),
    ("evaluation.intervals", "evaluation.curves"),
    ("evaluation.seeds",),
    ("evaluation.outcome_metrics", "evaluation.split_rows"),
    ("evaluation.outcomes",),
    ("evaluation.measure", "evaluation.resampling", "evaluation.patients"),
    ("evaluation.testability", "evaluation.answers"),
    (
        "evaluation.headline",
        "evaluation.verdicts",
    ),
)
"""From predictions up to verdicts; what asks stands above what answers."""


def test_a_number_goes_from_predictions_to_its_verdict_and_never_back() -> None:
    place = {part: number for number, parts in enumerate(PATH_OF_A_NUMBER) for part in parts}

    def part(module: str) -> str:
        return ".".join(module.split(".")[:2])

    assert {part(module) for module in MODULES if module.startswith("evaluation.")} == set(place)
    found = [(m, n) for m, names in imports().items() for n in names if {part(m), part(n)} <= set(place)]
    assert not [(m, n) for m, n in found if part(m) != part(n) and place[part(n)] >= place[part(m)]]


def test_a_section_of_the_report_knows_nothing_of_the_pages_that_show_it() -> None:
    sections = {module: names for module, names in imports().items() if module.startswith("report.sections.")}
    assert len(sections) > 20
    assert not [(m, n) for m, names in sections.items() for n in names if n.startswith("report.pages")]
