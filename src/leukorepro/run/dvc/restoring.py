"""A run as it was pushed from elsewhere: its files by DVC, and what Snakemake knew of them.

Everything is fetched into DVC's cache first and compared with the checksums that it is asked for by, which DVC itself
does not do for every kind of remote. Only then is anything in the project's folder touched. Snakemake's records come
back as they were: no file is declared up to date, and what depends on a source that is another one here is made again.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from leukorepro.core.errors import UserError
from leukorepro.core.store import read_json
from leukorepro.core.validation import read_yaml
from leukorepro.run.dvc.programs import RECORDS, run_of, told, up_to_date
from leukorepro.run.dvc.records import FILES, IMAGES, METADATA, SNAKEMAKE, images_of, link, output_of, outputs
from leukorepro.run.paths import Results
from leukorepro.run.resolve import resolve

LOCK = Path("dvc.lock")
MOST_NAMED = 10
NO_CONTENT = ".snakemake_timestamp"
"""Snakemake's marker of when it made a folder, which `.dvcignore` names."""


def restore(file: Path) -> list[str]:
    """Pull a run's files and give Snakemake the records of them.

    Parameters
    ----------
    file : Path
        Its `dvc.yaml`, which names its configuration, with `dvc.lock` beside it.

    Returns
    -------
    list of str
        Outputs that Snakemake would make again, because of what is different here.

    Raises
    ------
    UserError
        If something cannot be fetched, is not what it is asked for as, or would replace a file that DVC has no copy of;
        nothing is touched then.
    """
    lock, wanted = read_yaml(LOCK)["stages"], outputs(file)
    # The lock may have those of another run besides, and what this one has no more.
    outs = [out for stage in lock.values() for out in stage.get("outs", []) if Path(out["path"]) in wanted]
    unknown = sorted(wanted - {Path(out["path"]) for out in outs})
    if unknown:
        raise UserError(
            f"{LOCK}: says nothing of {unknown[0]}, which {file} names; where the results are, start `dvc repro` and "
            "`dvc push`, and commit both files."
        )
    outs += _tracked()
    told("dvc", "fetch")
    cache = Path(told("dvc", "cache", "dir").strip()) / "files" / "md5"
    files = {path: md5 for out in outs for path, md5 in _files(cache, out)}
    _check(cache, files)
    records = Path(lock[RECORDS]["outs"][0]["path"])
    beside = {path.relative_to(records / FILES): path for path in files if path.is_relative_to(records / FILES)}
    _check_replaced(cache, files | {path: files[kept] for path, kept in beside.items()}, outs)

    told("dvc", "checkout")
    for path, kept in beside.items():
        link(kept, path)
    _restore_records(records, run_of(file))
    return [output for output, is_done in up_to_date(file).items() if not is_done]


def _tracked() -> Iterator[dict[str, Any]]:
    """Datasets and weights that DVC tracks, each by a file of its own."""
    for file in (*Path().glob("*.dvc"), *Path("data").rglob("*.dvc")):
        for out in read_yaml(file)["outs"] if file.is_file() else []:
            yield {**out, "path": str(file.parent / out["path"])}


def _files(cache: Path, out: dict[str, Any]) -> Iterator[tuple[Path, str]]:
    """Files of an output, each with its MD5: itself, or what its listing in the cache names."""
    path, md5 = Path(out["path"]), out["md5"]
    if not md5.endswith(".dir"):
        yield path, md5
        return
    listing = _object(cache, md5)
    if _md5(listing) != md5.removesuffix(".dir"):
        error = _other_content(listing, [path])
        listing.unlink(missing_ok=True)
        raise error
    for entry in json.loads(listing.read_text(encoding="utf-8")):
        yield path / entry["relpath"], entry["md5"]


def _object(cache: Path, md5: str) -> Path:
    return cache / md5[:2] / md5[2:]


def _check(cache: Path, files: dict[Path, str]) -> None:
    """See that the cache holds what the files are to be.

    Raises
    ------
    UserError
        If it does not. What is damaged is taken out of the cache, so that the next fetch gets it again.
    """
    whole = {md5 for md5 in set(files.values()) if _md5(_object(cache, md5)) == md5}
    others = [path for path, md5 in files.items() if md5 not in whole]
    if others:
        error = _other_content(_object(cache, files[others[0]]), others)
        for path in others:
            _object(cache, files[path]).unlink(missing_ok=True)
        raise error


def _other_content(content: Path, paths: list[Path]) -> UserError:
    what = "was pulled with another content than was pushed" if content.exists() else "cannot be pulled"
    return UserError(
        f"{_named(paths)}: {what}; nothing here was touched. Try again; if that says the same, the remote is damaged "
        "or has no copy: push anew where the results are."
    )


def _named(paths: list[Path]) -> str:
    """Files by name, as many as a sentence bears."""
    more = len(paths) - len(paths[:MOST_NAMED])
    return ", ".join(map(str, paths[:MOST_NAMED])) + (f" and {more} more" if more else "")


def _check_replaced(cache: Path, files: dict[Path, str], outs: list[dict[str, Any]]) -> None:
    """See that nothing would be replaced or removed that the cache has no copy of.

    Raises
    ------
    UserError
        If something would.
    """
    folders = [Path(out["path"]) for out in outs if out["md5"].endswith(".dir")]
    present = {path for path in files if path.is_file()}
    present |= {path for folder in folders for path in folder.rglob("*") if path.is_file() and path.name != NO_CONTENT}
    found = {path: _md5(path) for path in sorted(present)}
    lost = [path for path, md5 in found.items() if files.get(path) != md5 and not _object(cache, md5).exists()]
    if lost:
        raise UserError(
            f"{_named(lost)}: here with another content, which restoring would replace; nothing was touched. Keep "
            "what is here with `dvc commit`, or move it away."
        )


def _restore_records(records: Path, run_file: Path) -> None:
    """Give Snakemake its records of restored files, which are all as old as each other from now on."""
    now = time.time_ns()
    here = images_of(resolve(run_file))
    # Fingerprints have times in them: where images are the same by content, a record has the one that they have here.
    scans = {
        Results().dataset(name): (fingerprint, here[name][0])
        for name, (fingerprint, content) in read_json(records / IMAGES).items()
        if name in here and here[name][1] == content
    }
    for path in filter(Path.is_file, (records / METADATA).rglob("*")):
        record = path.relative_to(records / METADATA)
        output = output_of(record)
        if output.exists():
            os.utime(output, ns=(now, now))
        there, again = map(repr, scans.get(output.parent, ("", "")))
        text = path.read_text(encoding="utf-8").replace(there, again)
        (SNAKEMAKE / record).parent.mkdir(parents=True, exist_ok=True)
        (SNAKEMAKE / record).write_text(text, encoding="utf-8")  # names are too long for another one beside them
        (SNAKEMAKE.parent / "incomplete" / record).unlink(missing_ok=True)


def _md5(path: Path) -> str:
    """MD5 of a file, by which DVC knows it; of none, nothing."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
