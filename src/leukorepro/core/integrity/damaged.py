"""Files whose content is shown to be broken: what is told of them, and how those of the workflow make way."""

from __future__ import annotations

import os
from pathlib import Path

from leukorepro.core.errors import UserError

BROKEN = "name another file or, if the workflow made this one, remove it and run the workflow again"
"""What to do about a file whose content is broken; it may also be sound and of another kind."""


OWNED = "LEUKOREPRO_OWNED"
"""Environment variable of the workflow's jobs: the folder all of whose files the workflow makes."""

ASIDE = ".damaged"
"""What the name of a damaged file ends in when it has been moved out of the way."""


class DamagedFile(UserError):
    """A file whose content is shown to be broken.

    Attributes
    ----------
    path : Path
    what, remedy : str
        What is wrong with it, and what to do.
    useless : Path or None
        A file that was made of it and refers to it.
    """

    def __init__(self, path: Path, what: str, remedy: str = BROKEN, useless: Path | None = None) -> None:
        super().__init__(path, what, remedy, useless)  # as it is made again where it comes from another process
        self.path, self.what, self.remedy, self.useless = Path(path), what, remedy, useless

    def __str__(self) -> str:
        """The sentence."""
        return f"{self.path}: {self.what}; {self.remedy}."


def is_owned(path: Path) -> bool:
    """Whether this is a job of the workflow, and a file that the workflow makes."""
    owned = os.environ.get(OWNED)
    return owned is not None and path.resolve().is_relative_to(Path(owned).resolve())


def set_aside(error: DamagedFile) -> str:
    """What is told of a damaged file; one that the workflow made is moved out of its way first, which makes it anew.

    Snakemake does not look into files: one that is there is not made. Files of other owners are not touched.
    """
    aside = error.path.with_name(error.path.name + ASIDE)
    try:
        if not is_owned(error.path):
            return str(error)
        error.path.replace(aside)
        if error.useless is not None:
            error.useless.unlink(missing_ok=True)
    except OSError:
        return str(error)
    return f"{error.path}: {error.what}; moved to {aside.name}, run the same command again, which makes it anew."


def forget_damaged(path: Path) -> None:
    """Remove what was set aside of a file, now that a sound one is in its place."""
    path.with_name(path.name + ASIDE).unlink(missing_ok=True)
