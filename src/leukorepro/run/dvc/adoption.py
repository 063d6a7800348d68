"""Results that Snakemake made and DVC does not know: which they are, and how DVC gets to know them.

`dvc repro` removes the outputs of every stage that it runs, and it runs those that it does not know. What Snakemake
made by itself would so be removed and computed again, however long it took. Whether a stage's results are up to date
only Snakemake can say; `dvc commit` then takes them as they are.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path

from leukorepro.core.errors import UserError
from leukorepro.core.validation import read_yaml
from leukorepro.run.dvc.programs import CHECK, RECORDS, told, unescaped, up_to_date
from leukorepro.run.dvc.records import keep
from leukorepro.run.resolved import ResolvedRun


def adopt(run: ResolvedRun, file: Path) -> list[str]:
    """Have DVC take the results that Snakemake made, where they are up to date, as they are; nothing is computed.

    Parameters
    ----------
    run : ResolvedRun
    file : Path
        Its `dvc.yaml`, as it stands in the project's folder.

    Returns
    -------
    list of str
        Stages that DVC would have run, as it names them, in the order of the file.

    Raises
    ------
    UserError
        If DVC or Snakemake cannot say what is up to date.
    """
    # Of a study that Snakemake left out for want of weights there is nothing that the report could be said to rest on.
    there = {
        name: targets for name, (targets, files) in _stages(file).items() if all(Path(one).exists() for one in files)
    }
    unknown = json.loads(told("dvc", "status", "--json")) if there else {}
    if not there.keys() & unknown.keys():
        return []
    done = {output for output, is_done in up_to_date(file).items() if is_done}
    found = [name for name, targets in there.items() if name in unknown and done.issuperset(targets)]
    if found:
        if unknown.keys() <= {CHECK, RECORDS, *found}:
            keep(run, file)
            found.append(RECORDS)
        told("dvc", "commit", "--force", CHECK, *found)
    return found


def adopt_or_go_on(run: ResolvedRun, file: Path) -> None:
    """Adopt within a `dvc repro` that has begun, and stop it: it would not see what has changed, and remove it.

    Parameters
    ----------
    run : ResolvedRun
    file : Path
        Its `dvc.yaml`.

    Raises
    ------
    UserError
        If there was something to adopt.
    """
    found = adopt(run, file)
    if found:
        raise UserError(
            f"{file}: Snakemake had made what {len(found)} of these stages make, and it is up to date; DVC has taken "
            "it as it is. Start the same command again: it goes on with the rest, and nothing is computed twice."
        )


def _stages(file: Path) -> dict[str, tuple[list[str], list[str]]]:
    """What each stage asks Snakemake for, and its files, read or made; of several parts there is a stage for each."""
    found = {}
    for name, stage in read_yaml(file)["stages"].items():
        parts = stage.get("matrix", {"part": [None]})["part"]
        for part in parts if name not in (CHECK, RECORDS) else []:
            targets = [word for word in shlex.split(stage["cmd"]) if word.startswith("results/")]
            files = [*stage["deps"], *stage["outs"]]
            found[name if part is None else f"{name}@{part}"] = (_of(part, targets), _of(part, files))
    return found


def _of(part: str | None, texts: Sequence[str]) -> list[str]:
    return [unescaped(text if part is None else text.replace("${item.part}", part)) for text in texts]
