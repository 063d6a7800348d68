"""What Snakemake knows of a run, kept where DVC versions it.

Snakemake decides what is up to date by its records: of every output the parameters, the code and the checksums of the
inputs that it was made from. A clone has none, nor what only jobs of the same stage read (fitted reducers, split
tables): if these were outputs of their stage, DVC would remove them before each run. The last stage puts both into a
folder of its own. That takes no room on the disk: a file is the same one under both of its names.
"""

from __future__ import annotations

import os
import shutil
from base64 import urlsafe_b64decode
from collections import defaultdict
from pathlib import Path

from leukorepro.core.errors import UserError
from leukorepro.core.integrity.recorded import record_of
from leukorepro.core.store import read_json, sha256_once, write_json
from leukorepro.core.validation import read_yaml
from leukorepro.data.folders import walk
from leukorepro.run import plan
from leukorepro.run.digests import digest
from leukorepro.run.dvc.programs import unescaped
from leukorepro.run.paths import Results
from leukorepro.run.resolved import ResolvedRun

SNAKEMAKE = Path(".snakemake/metadata")
"""Where Snakemake has its records, in files that are named by what they are of."""

METADATA = "metadata"
"""Folder of kept records."""
FILES = "files"
"""Folder of kept files that no stage has as its outputs."""
IMAGES = "images.json"
"""Of each dataset that is a folder: its fingerprint in the record of its scan, and a digest of its content."""


def keep(run: ResolvedRun, file: Path) -> None:
    """Put the records of a finished run, and what no stage has as its output, into the run's folder of records.

    Parameters
    ----------
    run : ResolvedRun
    file : Path
        Its `dvc.yaml`.

    Raises
    ------
    UserError
        If Snakemake has not made the run here.
    """
    results = Results().run(run.name)
    page, folder = results / "report" / "index.html", Results().records(run.name)
    records = _records_of(page)
    if not records:
        raise UserError(f"{page}: Snakemake has no record of it; make it first with `snakemake`.")
    shutil.rmtree(folder, ignore_errors=True)
    for record in records.values():
        link(SNAKEMAKE / record, folder / METADATA / record)
    owned = outputs(file) - {folder}
    for path in (*records, results / "config.json", *(results / "specs").rglob("*.json")):
        for file_or_digest in (path, record_of(path)):
            if file_or_digest.is_file() and owned.isdisjoint([file_or_digest, *path.parents]):
                link(file_or_digest, folder / FILES / file_or_digest)
    write_json({name: list(told) for name, told in images_of(run).items()}, folder / IMAGES)


def images_of(run: ResolvedRun) -> dict[str, tuple[str, str]]:
    """Of each dataset that is a folder: its fingerprint, which has times in it, and a digest of its content."""
    found = {name: (of, plan.sources_of(of)) for name, of in plan.datasets_of(run).items()}
    return {name: (plan.fingerprint(of), _content(sources)) for name, (of, sources) in found.items() if sources}


def _content(sources: list[Path]) -> str:
    """Digest of the files of folders and of the tables beside them."""
    files = [path / name for path in sources if path.is_dir() for name in walk(path).files]
    files += [path for path in sources if not path.is_dir()]
    return digest([(str(file), sha256_once(file) if file.exists() else None) for file in files])


def output_of(record: Path) -> Path:
    """The output that a record is of, by the record's path below its folder."""
    return Path(urlsafe_b64decode("".join(part.removeprefix("@") for part in record.parts)).decode())


def link(path: Path, name: Path) -> None:
    """Give a file a second name, or copy it where that cannot be.

    Parameters
    ----------
    path : Path
        The file.
    name : Path
        Its second name; what has it already is replaced.
    """
    name.parent.mkdir(parents=True, exist_ok=True)
    name.unlink(missing_ok=True)
    try:
        os.link(path, name)
    except OSError:  # other file systems, and some that have no such links
        shutil.copyfile(path, name)


def _records_of(page: Path) -> dict[Path, Path]:
    """Records of a page, of all that it was made from and of what the same jobs made besides, by their outputs."""
    records, inputs, jobs = {}, {}, {}
    together = defaultdict(list)
    for path in filter(Path.is_file, SNAKEMAKE.rglob("*")):
        record, told = path.relative_to(SNAKEMAKE), read_json(path)
        output = output_of(record)
        records[output], inputs[output] = record, told["input"]
        jobs[output] = tuple(told["log"])  # no two jobs have the same log
        together[jobs[output]].append(output)
    found: dict[Path, Path] = {}
    waiting = [page]
    while waiting:
        output = waiting.pop()
        if output in records and output not in found:
            found[output] = records[output]
            waiting += [*together[jobs[output]], *map(Path, inputs[output])]
    return found


def outputs(file: Path) -> set[Path]:
    """Outputs of all stages of a `dvc.yaml`."""
    return {
        Path(unescaped(out.replace("${item.part}", part)))
        for stage in read_yaml(file)["stages"].values()
        for out in stage.get("outs", [])
        for part in stage.get("matrix", {"part": [""]})["part"]
    }
