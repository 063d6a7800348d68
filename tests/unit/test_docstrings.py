"""Public functions say what they take and what they raise, in numpydoc's sections."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from inspect import signature
from pathlib import Path
from typing import get_type_hints

import pytest
import typer
from numpydoc.docscrape import NumpyDocString

import leukorepro
from leukorepro.cli.app import app

PACKAGE = Path(leukorepro.__file__).parent
ROOMS = sorted(room.parent.name for room in PACKAGE.glob("*/__init__.py"))


def of_commands(group: typer.Typer) -> Iterator[Callable[..., None]]:
    """Functions of a group's commands, and of the groups in it."""
    for command in group.registered_commands:
        if command.callback is not None:
            yield command.callback
    for inner in group.registered_groups:
        if inner.typer_instance is not None:
            yield from of_commands(inner.typer_instance)


COMMANDS = {(function.__module__, function.__name__): function for function in of_commands(app)}
"""Their docstrings are help texts, in which every argument is an option with a help of its own."""


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
        module = ".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts)
        for function in functions(ast.parse(file.read_text("utf-8")).body):
            if (module, function.name) not in COMMANDS and (lack := lacking(function)):
                found.append(f"{file.relative_to(PACKAGE)}:{function.lineno} {function.name}: {lack}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize("command", COMMANDS.values(), ids=[".".join(name) for name in COMMANDS])
def test_commands_have_a_help_for_each_of_their_options(command: Callable[..., None]) -> None:
    assert command.__doc__
    hints = get_type_hints(command, include_extras=True)
    silent = [
        name
        for name in signature(command).parameters
        if hints[name] is not typer.Context
        and not any(getattr(part, "help", None) for part in hints[name].__metadata__)
    ]
    assert not silent, f"{command.__module__}: {', '.join(silent)}"
