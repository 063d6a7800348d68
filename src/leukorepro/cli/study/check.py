"""`leukorepro study check`: what a study's two files lack."""

from __future__ import annotations

from typing import Annotated

import typer


def check(
    key: Annotated[str, typer.Argument(help="Key of a study, such as `atteia2022`.")],
) -> None:
    """Say what is missing in a study's two files, a line each; the exit status is 1 while something is.

    Example: `leukorepro study check atteia2022`
    """
    from leukorepro.audits.lacking import lacking

    lines = lacking(key)
    print("\n".join(lines or [f"Nothing is missing in the files of {key}."]))
    if lines:
        raise typer.Exit(1)
