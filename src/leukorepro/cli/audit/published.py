"""`leukorepro audit published`: what is wrong with printed numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leukorepro.cli.options import file_to_write, show


def published(
    studies: Annotated[list[str] | None, typer.Argument(help="Studies, such as `atteia2022`; default: all.")] = None,
    out: Annotated[
        Path | None, typer.Option(callback=file_to_write, help="JSON file to write; default: print a summary.")
    ] = None,
) -> None:
    """Audit the numbers that papers print: test-set sizes, confusion matrices, contradictions. It needs no images.

    Example: `leukorepro audit published atteia2022 rezayi2021 --out audit.json`
    """
    from leukorepro.audits.published import audit
    from leukorepro.audits.summary import summary
    from leukorepro.config.files import published_path, study_path
    from leukorepro.core.store import write_json

    known = sorted(file.stem for file in study_path("*").parent.glob("*.yaml") if published_path(file.stem).is_file())
    found = audit(studies or known)
    if out is not None:
        write_json(found, out)
    else:
        for table in summary(found):
            show(table)
