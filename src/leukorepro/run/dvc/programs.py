"""What DVC and Snakemake say of a project."""

from __future__ import annotations

import csv
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from leukorepro.config.files import CONFIG
from leukorepro.core.errors import UserError
from leukorepro.core.validation import read_yaml

CHECK = "stages"
"""The stage that sees whether the others are still those of the run; it makes nothing."""
RECORDS = "records"
"""The last stage, which keeps what Snakemake knows of the others' outputs; it computes nothing."""
CHECKPOINTS = ("make_splits", "get_weights")
"""Beginnings of the names of rules whose outputs decide what else there is to make."""
BEFORE_CHECKPOINTS = ("simulate_images", "scan_images", "find_duplicates", "audit_published")
"""Rules that wait for none of those."""


def told(*command: str) -> str:
    """What one of the environment's programs prints.

    Raises
    ------
    UserError
        If it fails, with the last line that it prints.
    """
    try:
        asked = [sys.executable, "-m", *command]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout).strip().splitlines() or ["nothing"]
        raise UserError(f"`{shlex.join(command)}` failed and said: {last[-1]}") from error


def up_to_date(file: Path) -> dict[str, bool]:
    """Whether Snakemake would leave each output of a run as it is.

    Features wait for split tables and for weights, which are checkpoints. While one of those is to be made, Snakemake
    does not look at what lies behind it, of whatever study; but for what is made before, all counts as not up to date.

    Parameters
    ----------
    file : Path
        `dvc.yaml`, which says of which run.
    """
    run = run_of(file)
    named = [] if run == CONFIG / "config.yaml" else ["--configfile", str(run)]
    table = told("snakemake", "--cores", "all", "--summary", *named)
    rows = list(csv.DictReader(table.splitlines(), delimiter="\t"))
    done = {row["output_file"]: row["plan"] == "no update" for row in rows}
    if all(done[row["output_file"]] for row in rows if row["rule"].startswith(CHECKPOINTS)):
        return done
    return {row["output_file"]: done[row["output_file"]] and row["rule"] in BEFORE_CHECKPOINTS for row in rows}


def unescaped(text: str) -> str:
    """A path or a command as it is, of what DVC is told so that it replaces nothing in it."""
    return text.replace(r"\${", "${")


def run_of(file: Path) -> Path:
    """Configuration of the run that the stages of a `dvc.yaml` are of."""
    stages = read_yaml(file)["stages"].items()
    first: Any = next(stage for name, stage in stages if name not in (CHECK, RECORDS))
    words = shlex.split(unescaped(first["cmd"]))
    return Path(words[words.index("--configfile") + 1]) if "--configfile" in words else CONFIG / "config.yaml"
