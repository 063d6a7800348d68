"""Runs by their names: where the configuration of each lies, and what makes its results."""

from __future__ import annotations

from pathlib import Path

from leukorepro.config.files import CONFIG
from leukorepro.core.errors import UserError, unknown
from leukorepro.core.validation import read_yaml

FILES = (".yaml", ".yml", ".json")


def run_file(given: str) -> Path:
    """Configuration of a run.

    Parameters
    ----------
    given : str
        Its file, or its name: that of ``config/runs/NAME.yaml``, or the `name` that ``config/config.yaml`` gives.

    Raises
    ------
    UserError
        If no run has that name.
    """
    if is_file_of_run(given):
        return Path(given)
    known = known_runs()
    if given not in known:
        raise UserError(f"{unknown('run', given, known)} Or name its file.")
    return known[given]


def how_to_finish(name: str) -> str:
    """What makes all results of a run."""
    path = known_runs().get(name, "its configuration")
    return f"make them: `snakemake --cores all --configfile {path}`"


def is_file_of_run(given: str) -> bool:
    """Whether a file is meant, and not a name."""
    return given.endswith(FILES) or "/" in given


def known_runs() -> dict[str, Path]:
    """Configurations of all runs, by the runs' names."""
    known = {path.stem: path for path in sorted((CONFIG / "runs").glob("*.yaml"))}
    own = CONFIG / "config.yaml"
    if own.is_file() and isinstance(content := read_yaml(own), dict) and isinstance(name := content.get("name"), str):
        known = {name: own, **known}
    return known
