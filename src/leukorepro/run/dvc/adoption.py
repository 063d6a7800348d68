"""Results that Snakemake made and DVC does not know: which they are, and how DVC gets to know them.

`dvc repro` removes the outputs of every stage that it runs, and it runs those that it does not know. What Snakemake
made by itself would so be removed and computed again, however long it took. Whether a stage's results are up to date
only Snakemake can say; `dvc commit` then takes them as they are.
"""

from __future__ import annotations

import csv
import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from leukorepro.core.errors import UserError
from leukorepro.core.validation import read_yaml

CHECK = "stages"
"""The stage that sees whether the others are still those of the run; it makes nothing."""


def adopt(file: Path) -> list[str]:
    """Have DVC take the results that Snakemake made, where they are up to date, as they are; nothing is computed.

    Parameters
    ----------
    file : Path
        `dvc.yaml`, as it stands in the project's folder.

    Returns
    -------
    list of str
        Stages that DVC would have run, as it names them, in the order of the file.

    Raises
    ------
    UserError
        If DVC or Snakemake cannot say what is up to date.
    """
    there = {
        name: targets for name, (targets, outs) in _stages(file).items() if all(Path(out).exists() for out in outs)
    }
    unknown = json.loads(_told("dvc", "status", "--json")) if there else {}
    if not there.keys() & unknown.keys():
        return []
    table = _told("snakemake", "--cores", "all", "--summary", *_run_of(file))
    rows = csv.DictReader(table.splitlines(), delimiter="\t")
    done = {row["output_file"] for row in rows if row["plan"] == "no update"}
    found = [name for name, targets in there.items() if name in unknown and done.issuperset(targets)]
    if found:
        _told("dvc", "commit", "--force", CHECK, *found)
    return found


def adopt_or_go_on(file: Path) -> None:
    """Adopt within a `dvc repro` that has begun, and stop it: it would not see what has changed, and remove it.

    Raises
    ------
    UserError
        If there was something to adopt.
    """
    found = adopt(file)
    if found:
        raise UserError(
            f"{file}: Snakemake had made what {len(found)} of these stages make, and it is up to date; DVC has taken "
            "it as it is. Start `dvc repro` again: it goes on with the rest, and nothing is computed twice."
        )


def _stages(file: Path) -> dict[str, tuple[list[str], list[str]]]:
    """What each stage asks Snakemake for, and its outputs; where it has several parts, a stage for each."""
    found = {}
    for name, stage in read_yaml(file)["stages"].items():
        parts = stage.get("matrix", {"part": [None]})["part"]
        for part in parts if name != CHECK else []:
            targets = [word for word in shlex.split(stage["cmd"]) if word.startswith("results/")]
            found[name if part is None else f"{name}@{part}"] = (_of(part, targets), _of(part, stage["outs"]))
    return found


def _of(part: str | None, texts: Sequence[str]) -> list[str]:
    return [_unescaped(text if part is None else text.replace("${item.part}", part)) for text in texts]


def _run_of(file: Path) -> list[str]:
    """How Snakemake is told of the run that the stages are of."""
    first: Any = next(stage for name, stage in read_yaml(file)["stages"].items() if name != CHECK)
    words = shlex.split(_unescaped(first["cmd"]))
    return words[words.index("--configfile") :] if "--configfile" in words else []


def _unescaped(text: str) -> str:
    return text.replace(r"\${", "${")


def _told(*command: str) -> str:
    """What one of the environment's programs prints."""
    try:
        asked = [sys.executable, "-m", *command]
        return subprocess.run(asked, check=True, capture_output=True, text=True).stdout
    except subprocess.CalledProcessError as error:
        last = (error.stderr or error.stdout).strip().splitlines() or ["nothing"]
        raise UserError(f"`{shlex.join(command)}` failed and said: {last[-1]}") from error
