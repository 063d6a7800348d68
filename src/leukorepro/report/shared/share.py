"""Write a report that may leave the house."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path
from tempfile import TemporaryDirectory

from leukorepro.report.shared.copies import copy_run
from leukorepro.report.site import build
from leukorepro.run.resolved import load_finished


def share(
    config: Path, output: Path, *, pictures: bool = False, workers: int = 1, workflow: Path = Path("Snakefile")
) -> None:
    """Write the report of a finished run without file names, subject ids, names of sites and paths of this machine.

    Images, photographs, subjects and sites go by numbers that are drawn at random, others each time and the same on all
    pages; so do, in their order, values of a table's rows that are left out. Names of the run, of datasets, of classes,
    of official or held-out parts and of a table's columns stay. So do digests of files and what was measured of single
    images: whoever has the images knows them again by these. Files that are no images are counted by endings that name
    a kind of file.

    Parameters
    ----------
    config : Path
        The run's resolved configuration, ``config.json``, in the run's folder.
    output : Path
        Folder to write.
    pictures : bool
        Whether it shows pictures of cells.
    workers : int
    workflow : Path
        As `leukorepro.report.site.build` takes them.

    Raises
    ------
    UserError
        As `build` does; also if the run was not started here, with what starts it.
    """
    run = load_finished(config)  # by the path that was given, which tells whether a run of this project is meant
    output, config, workflow = output.resolve(), config.resolve(), workflow.resolve()
    with TemporaryDirectory() as folder:
        copied = copy_run(run, config, workflow, Path(folder))
        with chdir(folder):  # paths of a run's configuration are relative to the project
            build(copied, copied.parent, output, workers=workers, pictures=pictures, workflow=workflow)
