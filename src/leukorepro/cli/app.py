"""The command line: one sub-command per rule of the workflow, and a few for people.

Heavy imports stand inside the commands, so that the command line starts at once.
"""

from __future__ import annotations

import sys
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from leukorepro import __version__
from leukorepro.cli import audit, configuration, data, evaluation, features, models, project, statistics, validity
from leukorepro.core.errors import UserError


class CommandLine(TyperGroup):
    """Bad input gives one line and exit status 2, not a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except UserError as error:
            print(f"leukorepro: {error}", file=sys.stderr)
            raise typer.Exit(2) from None


app = typer.Typer(
    name="leukorepro",
    cls=CommandLine,
    help="Reproduce published leukaemia-image classifiers and see how much of each number survives an honest split.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
)
app.add_typer(data.app, name="data")
app.add_typer(features.app, name="features")
app.add_typer(models.app, name="models")
app.add_typer(evaluation.splits, name="splits")
app.add_typer(evaluation.predictions, name="predictions")
app.add_typer(evaluation.report, name="report")
app.add_typer(audit.app, name="audit")
app.add_typer(validity.app, name="validity")
app.add_typer(configuration.app, name="config")
app.command()(evaluation.evaluate)
app.command()(statistics.compare)
app.command()(statistics.diagnose)
app.command()(statistics.judge)
app.command()(project.init)
app.command()(project.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"leukorepro {__version__}")
        raise typer.Exit


@app.callback()
def about(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    """Options of the command line itself."""
