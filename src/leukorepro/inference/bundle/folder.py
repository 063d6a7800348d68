"""The folder of a model: written whole or not at all; read file by file, each checked before it is looked into."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from leukorepro.core.errors import UserError
from leukorepro.core.file_errors import naming
from leukorepro.core.places import check_folder, check_output_folder
from leukorepro.core.validation import parse
from leukorepro.inference.bundle.description import DESCRIPTION, SCHEMA_VERSION, Description, StoredFile
from leukorepro.inference.bundle.estimators import AGAIN

NO_DIGEST = "0" * 64


def describe_files(files: Mapping[str, bytes]) -> dict[str, StoredFile]:
    """What `model.json` says of other files."""
    return {
        name: StoredFile(sha256=hashlib.sha256(content).hexdigest(), size=len(content))
        for name, content in files.items()
    }


def write_folder(folder: Path, files: Mapping[str, bytes], description: Description, *, force: bool = False) -> None:
    """Write a model's folder: beside its place, then put into place as a whole.

    Parameters
    ----------
    folder : Path
        Not there, empty or, with `force`, another model's, which it replaces.
    files : mapping of str to bytes
        All but `model.json`.
    description : Description
    force : bool
        Whether another model may be replaced.

    Raises
    ------
    UserError
        If something else is there, or another model without `force`.
    """
    check_place(folder, force=force)
    folder = Path(os.path.realpath(folder))
    aside = folder.with_name(f".{folder.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    replaced = aside.with_suffix(".old")
    try:
        with naming(folder, aside):
            aside.mkdir(parents=True)
            for name, content in {**files, DESCRIPTION: _with_digest(description)}.items():
                with (aside / name).open("xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            if folder.exists():
                folder.rename(replaced)
            aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        if replaced.exists() and not folder.exists():
            replaced.rename(folder)
        shutil.rmtree(replaced, ignore_errors=True)


def check_place(folder: Path, *, force: bool = False) -> None:
    """Refuse a folder that a model cannot be written to; see `write_folder`.

    Parameters
    ----------
    folder : Path
        Where the model is to lie.
    force : bool
        Whether another model may be replaced.

    Raises
    ------
    UserError
        If something else is there, or another model without `force`.
    """
    check_output_folder(folder)
    if not folder.is_dir() or not any(folder.iterdir()):
        return
    if not (folder / DESCRIPTION).is_file():
        raise UserError(f"{folder}: holds other things than a model; name a new folder.")
    if not force:
        raise UserError(f"{folder}: holds a model already; name a new folder, or say --force to replace it.")


def _with_digest(description: Description) -> bytes:
    """`model.json` with its own digest."""
    blank = description.model_copy(update={"digest": NO_DIGEST}).model_dump_json(indent=2) + "\n"
    return blank.replace(NO_DIGEST, hashlib.sha256(blank.encode()).hexdigest()).encode()


def read_description(folder: Path) -> Description:
    """Read and check `model.json`.

    Raises
    ------
    UserError
        If it is missing, of a newer or unknown version, or not as it was written.
    """
    check_folder(folder)
    path = folder / DESCRIPTION
    content = _content(path, "this is no model; name a folder that `leukorepro model export` wrote")
    try:
        value: Any = json.loads(content)
    except ValueError:
        raise UserError(f"{path}: not valid JSON; {AGAIN}.") from None
    version = value.get("schema_version") if isinstance(value, dict) else None
    if version != SCHEMA_VERSION:
        remedy = "install a newer leukorepro" if isinstance(version, int) and version > SCHEMA_VERSION else AGAIN
        raise UserError(f"{path}: has the schema version {version!r}, and {SCHEMA_VERSION} is known here; {remedy}.")
    description = parse(Description, value, path)
    blank = content.replace(description.digest.encode(), NO_DIGEST.encode(), 1) if description.digest else content
    if hashlib.sha256(blank).hexdigest() != description.digest:
        raise UserError(f"{path}: was changed since it was written (its digest is another); {AGAIN}.")
    return description


def read_files(folder: Path, files: Mapping[str, StoredFile]) -> dict[str, bytes]:
    """Read all other files of a model, each as it was written.

    Parameters
    ----------
    folder : Path
        Of the model.
    files : mapping of str to StoredFile
        Size and SHA-256 of each, by name, as `model.json` has them.

    Returns
    -------
    dict of str to bytes
        The contents by name.

    Raises
    ------
    UserError
        If one is missing, a link, or holds other bytes.
    """
    read = {}
    for name, stored in files.items():
        path = folder / name
        content = _content(path, f"the model is not complete; {AGAIN}", stored.size)
        if hashlib.sha256(content).hexdigest() != stored.sha256:
            raise UserError(f"{path}: was changed since it was written (its SHA-256 is another); {AGAIN}.")
        read[name] = content
    return read


def _content(path: Path, if_missing: str, size: int | None = None) -> bytes:
    """Bytes of a file that lies in the folder itself; nothing larger than was written is read."""
    if path.is_symlink():
        raise UserError(f"{path}: a link, where a model has a file; {AGAIN}.")
    if not path.exists():
        raise UserError(f"{path}: no such file; {if_missing}.")
    if not path.is_file():
        raise UserError(f"{path}: no file; {AGAIN}.")
    with naming(path):
        if size is not None and (found := path.stat().st_size) != size:
            raise UserError(f"{path}: has {found:,} bytes where {size:,} were written; {AGAIN}.")
        return path.read_bytes()
