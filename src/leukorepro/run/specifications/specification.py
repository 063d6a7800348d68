"""A job's specification, and its file, whose name carries a digest of its content."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

from leukorepro.config.fields import ONE_BUDGET, Strict
from leukorepro.core.store import read_json
from leukorepro.core.validation import parse


class Specification(Strict):
    """What a job is told.

    Of values that a study gives for each budget, a specification holds the run's only, so that an edit of the other one
    changes nothing.
    """

    @property
    def text(self) -> str:
        """Content of its file."""
        return self.model_dump_json(indent=2) + "\n"

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that change when, and only when, the specification does."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]


Kind = TypeVar("Kind", bound=Specification)


def read_specification(kind: type[Kind], path: Path) -> Kind:
    """Read a specification that a run wrote below `results/<run>/specs`.

    Parameters
    ----------
    path : Path
        The JSON file.
    kind : type
        The class of specification that it must hold.

    Returns
    -------
    Specification
        Of the class that was asked for.

    Raises
    ------
    UserError
        If it is missing, broken, of another kind or of another version.
    """
    return parse(kind, read_json(path), path, context=ONE_BUDGET)
