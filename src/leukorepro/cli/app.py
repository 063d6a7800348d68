"""The command line: one sub-command per rule of the workflow, and a few for people.

Heavy imports stand inside the commands, so that the command line starts at once.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module
from itertools import pairwise
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from leukorepro.core.code import command_module
from leukorepro.core.errors import UserError, as_told, no_memory
from leukorepro.core.file_errors import file_error
from leukorepro.core.integrity.damaged import DamagedFile, set_aside
from leukorepro.core.places import CONTROL
from leukorepro.core.sharing.alone import join_workflow

GROUPS = {
    "model": ("export", "evaluate"),
    "data": ("scan", "fetch", "simulate", "duplicates"),
    "features": ("weights", "extract", "describe", "fuse", "join"),
    "models": ("fit", "classify", "control", "explain", "summary"),
    "splits": ("make", "repair"),
    "report": ("build", "share", "summary"),
    "audit": ("published", "read", "table", "leakage", "rungs"),
    "validity": ("draw", "repeat", "summarise"),
    "study": ("new", "check"),
    "config": ("resolve", "schema", "dvc"),
}
"""Folders of this room, and the commands in each, in the order in which the help shows them."""

OF_THE_WORKFLOW = ("models",)
"""Folders whose commands its rules alone call; they work, and stay out of the first page of the help."""

FIRST = ("model", "predict", "serve")
"""Commands on what a run has made; they stand in front of the others."""

UNGROUPED = ("predict", "serve", "evaluate", "judge", "compare-runs", "init", "doctor", "estimate", "verify", "clean")

GLOSSARY = """Words: a **view** is an augmented copy of an image, a **source** the photograph that images come from, a
**group** all images that share a patient or content, and near-duplicates where a run says `group_near_duplicates`. A
**split** says which images train and which are tested; a **rung** of the ladder is one way of splitting and fitting,
from the paper's own to the most honest. An **item** is one row of a paper's table: a feature set and what is fitted on
it, or a network. A **model** is a fitted item in a folder of its own, with what was measured of it."""


def _tell(sentence: object) -> None:
    print(as_told(sentence), file=sys.stderr)


EMPTY_OPTION = re.compile("--[a-z-]+=")


class CommandLine(TyperGroup):
    """Bad input gives one line and exit status 2, not a traceback."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Refuse words that mean nothing or could not be written into a table, whatever they are for.

        Parameters
        ----------
        ctx : Context
            Of the call, as the library that reads command lines gives it.
        args : list of str
            Words behind the program's name.
        """
        for before, word in pairwise([self.name, *args]):
            if not word or EMPTY_OPTION.fullmatch(word):
                _tell(f"there is nothing after '{word or before}'; write what is meant, or leave it out.")
                raise typer.Exit(2)
            if CONTROL.search(word):
                _tell(f"{word!r} has control or undecodable characters; choose or make another name.")
                raise typer.Exit(2)
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: Any) -> list[str]:
        """Names as the help shows them: what people use of a finished run first."""
        return sorted(super().list_commands(ctx), key=lambda name: name not in FIRST)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        join_workflow()
        try:
            return super().invoke(ctx)
        except DamagedFile as error:
            _tell(set_aside(error))
        except UserError as error:
            _tell(error)
        except OSError as error:
            if isinstance(error, BrokenPipeError):
                raise
            _tell(file_error(error) or error)
        except (MemoryError, ImportError, RuntimeError) as error:
            told = no_memory(error)
            if told is None:
                raise
            _tell(told)
        raise typer.Exit(2)


app = typer.Typer(
    name="leukorepro",
    cls=CommandLine,
    help="Reproduce published leukaemia-image classifiers and see how much of each number survives an honest split.",
    epilog=GLOSSARY,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)


def _command(words: str) -> Callable[..., None]:
    """A command's function, which has the name of its module."""
    module = command_module(words)
    function: Callable[..., None] = getattr(import_module(module), module.rpartition(".")[2])
    return function


for group, names in GROUPS.items():
    commands = typer.Typer(no_args_is_help=True, help=import_module(f"leukorepro.cli.{group}").__doc__)
    for name in names:
        commands.command(name)(_command(f"{group} {name}"))
    app.add_typer(commands, name=group, hidden=group in OF_THE_WORKFLOW)
for name in UNGROUPED:
    app.command(name)(_command(name))


def _print_version(wanted: bool) -> None:
    if wanted:
        from leukorepro.core.installation.version import code

        print(code())
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Print version and commit, and exit."),
    ] = False,
) -> None:
    """Options of the command line itself."""
