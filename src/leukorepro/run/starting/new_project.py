"""Start a project in a folder of one's own: what a run needs that is not in the installed package.

A project has its own copy of the configuration, since a run is what its files say: a person edits them, Snakemake sees
the edit, and no other release of the package changes what they mean without being asked. Rules are not copied: they go
with the package that they call.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from leukorepro.config.files import CONFIG
from leukorepro.core.errors import UserError
from leukorepro.core.installation.files import SNAKEFILE, own_files
from leukorepro.core.store import write_texts

COPIED = (str(CONFIG), "profiles", "data/README.md")

TEXT = '''\
"""Published classifiers of leukaemia images, by the rules of the leukorepro that is installed.

snakemake --cores 8                                      the demonstration, on simulated images
snakemake --cores 8 --configfile config/runs/NAME.yaml   a run of your own (`leukorepro init` writes the file)
"""

from leukorepro.core.installation.files import own_files


module leukorepro:
    snakefile:
        str(own_files() / "Snakefile")
    config:
        config


use rule * from leukorepro
'''
"""The Snakefile of a project. It names no folder of this machine; a person may add rules, and change the module's."""


@dataclass(frozen=True)
class Started:
    """What became of a project's files, as paths below its folder."""

    written: list[Path]
    kept: list[Path]
    """Those that were there already and say something else."""
    undo: ExitStack
    """Closing it puts back what was there before."""

    def told(self) -> Iterator[str]:
        """What a person is to know, line by line."""
        for part in sorted({file.parts[0] for file in self.written}):
            number = sum(file.parts[0] == part for file in self.written)
            yield f"wrote {part}" + (f" ({number} file{'' if number == 1 else 's'})" if part != SNAKEFILE else "")
        for file in self.kept:
            yield f"kept {file}, which is another than that of this leukorepro (--force replaces it)"


def is_project(folder: Path) -> bool:
    """Whether runs can start in a folder."""
    return (folder / CONFIG / "config.yaml").is_file()


def start_project(folder: Path, *, force: bool = False) -> Started:
    """Write the files of a project, all of them or none.

    Parameters
    ----------
    folder : Path
    force : bool
        Replace files that are there already and say something else; without it they stay.

    Raises
    ------
    UserError
        If the folder is the checkout that leukorepro runs from, or a file cannot be written.
    """
    own = own_files()
    if own == folder.resolve():
        raise UserError(f"{folder.resolve()}: this is leukorepro's own project; start a run here with snakemake.")
    sources = [file for part in COPIED for file in sorted([own / part, *(own / part).rglob("*")]) if file.is_file()]
    texts = {Path(SNAKEFILE): TEXT} | {file.relative_to(own): file.read_text(encoding="utf-8") for file in sources}
    others = {file for file, text in texts.items() if _is_other(folder / file, text)}
    wanted = [file for file in texts if file in others and (force or not (folder / file).exists())]
    undo = write_texts({folder / file: texts[file] for file in wanted})
    return Started(wanted, sorted(others.difference(wanted)), undo)


@contextmanager
def in_project(folder: Path) -> Iterator[list[str]]:
    """A folder that is a project: one is started where there is none, and taken back if what is done in it fails.

    Gives what a person is to know of it.
    """
    if is_project(folder):
        yield []
        return
    started = start_project(folder)
    with started.undo:
        yield list(started.told())
        started.undo.pop_all()


def _is_other(file: Path, text: str) -> bool:
    """Whether a file is not there, or does not say this."""
    return not file.is_file() or file.read_bytes() != text.encode()
