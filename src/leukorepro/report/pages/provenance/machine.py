"""The machine and the libraries that build a report; looked at without importing what computes."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from leukorepro.report.numbers import wording

PACKAGES = ("jinja2", "matplotlib", "numpy", "pandas", "scikit-learn", "scipy", "snakemake")
"""What numbers and pages are made with, beside what the feature files name."""


def machine() -> dict[str, str]:
    """What a reader may ask of a machine, by its name."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    cards = graphics_cards()
    return {
        "Processor": processor(),
        "Cores": f"{usable} usable of {os.cpu_count()}",
        "Memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "Graphics card": wording.listed(cards) if cards else "none that the system names",
        "System": f"{platform.system()} on {platform.machine()}",
    }


def machine_in_words() -> str:
    """The same in a row, inside a sentence."""
    told = machine()
    return (
        f"{told['Processor']}, {told['Cores']} cores, {told['Memory']} of memory, graphics card: "
        + (told["Graphics card"])
    )


def processor(file: Path = Path("/proc/cpuinfo")) -> str:
    """Its name where the system says it, else its kind."""
    if file.is_file():
        for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, name = line.partition(":")
            if key.strip() == "model name" and name.strip():
                return name.strip()
    return platform.processor() or platform.machine()


def graphics_cards(folder: Path = Path("/proc/driver/nvidia/gpus")) -> list[str]:
    """Names of NVIDIA's cards, as their driver tells them on Linux."""
    names = []
    for file in sorted(folder.glob("*/information")):
        lines = (line.partition(":") for line in file.read_text(encoding="utf-8", errors="replace").splitlines())
        names += [name.strip() for key, _, name in lines if key.strip() == "Model"]
    return names


def versions(libraries: dict[str, set[str]]) -> dict[str, str]:
    """Python and libraries by name.

    Parameters
    ----------
    libraries : dict
        Those that feature files name, each with all versions that computed some.
    """
    own = {name: {found} for name in PACKAGES if (found := _installed(name))}
    names = sorted({*own, *libraries}, key=str.lower)
    told = {name: " and ".join(sorted(libraries.get(name, own.get(name, set())))) for name in names}
    return {"Python": platform.python_version(), **told}


def _installed(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""
