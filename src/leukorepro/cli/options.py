"""Options that several commands share."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from leukorepro.core.errors import UserError
from leukorepro.core.places import check_file, check_folder, check_output, check_output_folder, check_there
from leukorepro.core.words import Budget, Device

if TYPE_CHECKING:
    from rich.table import Table

    from leukorepro.run.resolved import ResolvedRun

READABLE = 120
"""Columns below which tables are cut into pieces; a pipe counts as 80."""

MOST_WORKERS = 1024
"""Threads or processes of one command; no machine has more cores, and a larger number is a slip."""


def _checked(check: Callable[[Path], None]) -> Callable[..., Any]:
    """A check of all paths that an option was given, before the command does anything."""

    def checked(ctx: typer.Context, param: typer.CallbackParam, value: Any) -> Any:
        option = param.opts[0]
        for path in [value] if isinstance(value, Path) else value or []:
            try:
                check(path)
            except UserError as error:
                raise UserError(f"{option}: {error}") from None
            _keep_apart(ctx, path, option, writes=check is check_output)
        return value

    return checked


def _keep_apart(ctx: typer.Context, path: Path, option: str, *, writes: bool) -> None:
    """Refuse a file that one option is to write where another one names it, too."""
    named = ctx.meta.setdefault(__name__, {})
    other, written = named.setdefault(path.resolve(), (option, writes))
    if other != option and (writes or written):
        raise UserError(f"{option}: {path}: {other} names it, too; name another file to write.")


file_to_read = _checked(check_file)
folder_to_read = _checked(check_folder)
place_to_read = _checked(check_there)
file_to_write = _checked(check_output)
folder_to_write = _checked(check_output_folder)


def file_to_read_or_begin(ctx: typer.Context, param: typer.CallbackParam, value: Path) -> Path:
    """Check a file that is read; not one that `--template`, an eager option, has a template written to.

    Parameters
    ----------
    ctx, param : Context, CallbackParam
        The call and the option, as a callback of the command line gets them.
    value : Path
        The file.
    """
    if not ctx.params.get("template"):
        file_to_read(ctx, param, value)
    return value


ConfigOption = Annotated[
    Path,
    typer.Option(
        "--config",
        callback=file_to_read,
        help="Configuration that the run has written: `results/<run>/config.json`.",
    ),
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="Change a top-level key of the run, as KEY=VALUE; repeat for more.")
]
SpecOption = Annotated[
    Path,
    typer.Option(
        "--spec",
        callback=file_to_read,
        help="Specification of the job: a file that the run has written to `results/<run>/specs`.",
    ),
]
ManifestOption = Annotated[
    Path,
    typer.Option("--manifest", callback=file_to_read, help="Table of the images, as `leukorepro data scan` writes it."),
]
DuplicatesOption = Annotated[
    Path | None,
    typer.Option(
        "--duplicates",
        callback=file_to_read,
        help="Output of `leukorepro data duplicates`, where near-duplicates tie groups; default: they do not.",
    ),
]
FeaturesOption = Annotated[
    Path, typer.Option("--features", callback=file_to_read, help="Feature file, of one network or fused.")
]
OutputOption = Annotated[Path, typer.Option("--output", "-o", callback=file_to_write, help="File to write.")]
BudgetOption = Annotated[
    Budget,
    typer.Option(
        "--budget",
        help="`published`: the paper's, and ours where it is silent; `demo`: less, and labelled so.",
    ),
]
DeviceOption = Annotated[Device, typer.Option("--device", help="`auto` uses a GPU if there is one, and says so.")]
ModelOption = Annotated[Path, typer.Option("--model", callback=folder_to_read, help="Folder of an exported model.")]
MaxPixelsOption = Annotated[int, typer.Option("--max-pixels", min=1, help="Largest image to decode, in pixels.")]
ImageWorkersOption = Annotated[
    int,
    typer.Option("--threads", min=1, max=MOST_WORKERS, help="Workers; each reads images, and on a CPU computes."),
]
ValidityOption = Annotated[
    Path, typer.Option("--config", callback=file_to_read, help="Configuration of the validity study.")
]
SettingOption = Annotated[str, typer.Option("--setting", help="Name of the setting in the configuration.")]


def show(table: Table) -> None:
    """Print a table at the terminal's width, but no narrower than it can be read."""
    from rich.console import Console

    console = Console()
    console.width = max(console.width, READABLE)
    console.print(table)


def at_a_terminal() -> bool:
    """Whether somebody is there to answer a question."""
    return sys.stdin is not None and sys.stdin.isatty()  # None where it is closed


def tell_not_run(run: ResolvedRun) -> None:
    """Say on standard error what of a run cannot be run."""
    for line in run.not_run:
        print(line, file=sys.stderr)


def given(context: typer.Context) -> set[str]:
    """Names of the parameters that the command line gives."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"}


def refuse_beside(context: typer.Context, option: str, others: Sequence[str]) -> None:
    """Refuse options that another stands instead of.

    Parameters
    ----------
    context : Context
        The call of the command.
    option : str
        The option that names a file which says the same, such as `--dataset`.
    others : sequence of str
        Names of the parameters that it stands instead of, in the order in which they are told.

    Raises
    ------
    UserError
        If one of them is given on the command line.
    """
    for name in sorted(given(context).intersection(others), key=others.index):
        raise UserError(
            f"--{name.replace('_', '-')}: stands in the file that {option} names; leave one of the two options out."
        )


def pairs(values: list[str], option: str) -> dict[str, str]:
    """Split `NAME=VALUE` arguments.

    Parameters
    ----------
    values : list of str
        The arguments as given.
    option : str
        What they are given to, for the message.

    Raises
    ------
    UserError
        If one has no ``=``, or a name is given twice.
    """
    result: dict[str, str] = {}
    for value in values:
        name, separator, rest = value.partition("=")
        if not separator or not name or not rest:
            raise UserError(f"{option}: given '{value}'; expected NAME=VALUE.")
        if name in result:
            raise UserError(f"{option}: '{name}' is given twice; keep one.")
        result[name] = rest
    return result
