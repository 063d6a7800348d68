"""`leukorepro study new`: a skeleton of a new study's two files."""

from __future__ import annotations

from typing import Annotated

import typer


def new(
    key: Annotated[str, typer.Argument(help="Key of the study, such as `doe2026`: the first author and the year.")],
) -> None:
    """Write a skeleton of a paper's two files, with comments on what goes where; existing files stay as they are.

    Example: `leukorepro study new doe2026`
    """
    from leukorepro.config.study.skeleton import write_skeleton

    for file in write_skeleton(key):
        print(f"wrote {file}")
    print(f"Fill them in; `leukorepro study check {key}` says what is missing.")
