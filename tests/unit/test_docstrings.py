"""Public functions say what they take and what they raise, in numpydoc's sections."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from numpydoc.docscrape import NumpyDocString

import leukorepro

PACKAGE = Path(leukorepro.__file__).parent
ROOMS = sorted(room.parent.name for room in PACKAGE.glob("*/__init__.py") if room.parent.name != "cli")
"""All but the command line, whose docstrings are its help texts."""


def functions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef]:
    """Public functions, and methods of public classes."""
    for node in body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            if isinstance(node, ast.ClassDef):
                yield from functions(node.body)
            else:
                yield node


def arguments(function: ast.FunctionDef) -> set[str]:
    given = function.args
    return {a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)} - {"self", "cls"}


def lacking(function: ast.FunctionDef) -> str:
    """What its docstring lacks; a summary line says enough of a single argument."""
    said = NumpyDocString(ast.get_docstring(function) or "")
    described = {name.strip().lstrip("*") for part in said["Parameters"] for name in part.name.split(",")}
    missing = arguments(function) - described
    if len(arguments(function)) > 1 and missing:
        return f"Parameters: {', '.join(sorted(missing))}"
    raised = (ast.unparse(node.exc) for node in ast.walk(function) if isinstance(node, ast.Raise) and node.exc)
    if any(error.startswith("UserError(") for error in raised) and not said["Raises"]:
        return "Raises"
    return ""


@pytest.mark.parametrize("room", ROOMS)
def test_public_functions_describe_what_they_take_and_raise(room: str) -> None:
    found = []
    for file in sorted((PACKAGE / room).rglob("*.py")):
        for function in functions(ast.parse(file.read_text("utf-8")).body):
            if lack := lacking(function):
                found.append(f"{file.relative_to(PACKAGE)}:{function.lineno} {function.name}: {lack}")
    assert not found, "\n".join(found)
