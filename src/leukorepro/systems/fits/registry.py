"""Fits that follow one another in one job, each of which is kept when the job is killed."""

from __future__ import annotations

import glob
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leukorepro.core.code import module_digest
from leukorepro.core.file_errors import naming
from leukorepro.core.places import check_output
from leukorepro.core.registry import Registry
from leukorepro.core.store import put_in_place, sha256_once
from leukorepro.core.words import Device
from leukorepro.run.digests import digest
from leukorepro.run.specifications.fits import Fit, FitsSpecification, TrainingFit

FITS: Registry[Any] = Registry("fit", "leukorepro.systems.fits")
"""Each entry is a function that makes a fit of its kind, of the threads and the device that it may use."""


def fit_all(told: FitsSpecification, threads: int, device: Device) -> None:
    """Make fits one after another, and put their files into place when all of them are there.

    A workflow removes the outputs of a job that was killed, so each finished fit waits in a hidden folder beside its
    place. The folder's name has a digest of what the fit is told, of its input files and of its code: what waits for
    another fit than the one that is asked for is never taken, and is removed at the end.

    Parameters
    ----------
    told : FitsSpecification
        The fits in the order in which they are made.
    threads : int
        That read rows ahead; no number depends on them.
    device : {'auto', 'cpu', 'cuda'}
        Where they are made.

    Raises
    ------
    UserError
        If something else than a file is where one of them belongs, before anything is fitted.
    """
    for file in told.outputs:
        check_output(file)
    waiting: dict[Path, Path] = {}
    for fit in told.fits:
        named = _moved(fit, waiting)
        inputs = [sha256_once(file) for file in named.inputs]
        identity = digest(fit, inputs, device, module_digest(f"{FITS.package}.{fit.kind}"))
        place = _place(fit)
        aside = _moved(named, {place: place.parent / f".{place.name}.{identity}" / place.name})
        if all(file.exists() for file in aside.outputs):
            print(f"{', '.join(str(file) for file in fit.outputs)}: made before the job was killed")
        else:
            FITS[fit.kind](aside, threads, device)
        waiting |= dict(zip(fit.outputs, aside.outputs, strict=True))
    for file, finished in waiting.items():
        with naming(file, finished):
            file.parent.mkdir(parents=True, exist_ok=True)
            put_in_place(finished, file)
    for fit in told.fits:
        for left in _place(fit).parent.glob(f".{glob.escape(_place(fit).name)}.*"):
            shutil.rmtree(left)


def _place(fit: Fit) -> Path:
    """File or folder that a fit makes."""
    return fit.folder if isinstance(fit, TrainingFit) else fit.output


def _moved(fit: Fit, places: Mapping[Path, Path]) -> Fit:
    """The fit with other paths in the place of some."""
    return fit.model_copy(
        update={name: places[file] for name, file in fit if isinstance(file, Path) and file in places}
    )
