"""Converted networks on disk: kept in the user's cache, and done without it where that cannot be used."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from leukorepro.core.caches import user_cache
from leukorepro.core.errors import UserError
from leukorepro.core.store import sha256_file

Model = TypeVar("Model")

CACHE_BYTES = 2 << 30
"""Size that the cache is cut down to when a network is added; the least recently used ones go."""

FOLDER = "openvino"
"""In the user's cache."""
DIGESTS = "sha256.json"


def kept_or_made(
    name: str, make: Callable[[], Model], save: Callable[[Model, Path], None], load: Callable[[Path], Model]
) -> Model:
    """A converted network as it is read from disk: from the cache, or made now and put there.

    One that was written and read computes other last digits than the one in memory, so that the latter is never used.
    Whatever fails of the cache is told in a line, and costs the cache only.

    Parameters
    ----------
    name : str
        Says all that the network depends on.
    make : callable
        Converts the network.
    save, load : callable
        Write it to an empty folder, and read it from there.

    Raises
    ------
    UserError
        If there is nowhere that it can be written to, were it for a moment.
    """
    cache = user_cache()
    if cache is None:
        model, why = make(), f"{name}: could not be kept (this user has no home folder)"
    else:
        place, broken = cache / FOLDER / name, ""
        try:
            if place.is_dir():
                return _read(place, load)
        except Exception as error:  # noqa: BLE001 - nothing that a cache holds is worth an error
            broken = f"a broken converted network ({_reason(error)}); it is converted anew"
            shutil.rmtree(place, ignore_errors=True)
        model = make()
        try:
            _keep(model, place, save)
            kept = _read(place, load)
        except Exception as error:  # noqa: BLE001 - as above
            why = f"{place}: could not be kept ({_reason(error)})"
        else:
            if broken:
                print(f"{place}: {broken}")
            return kept
    print(f"{why}; the network is converted anew next time")
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary:
            save(model, Path(temporary))
            return load(Path(temporary))
    except (OSError, RuntimeError) as error:
        raise UserError(
            f"{why}; nor could it be written to the folder for temporary files ({_reason(error)}): "
            "free space in one of them, or let TMPDIR name a folder that has some."
        ) from error


def kept(name: str, load: Callable[[Path], Model]) -> Model | None:
    """A converted network of the cache; None where it is not there, or broken.

    Parameters
    ----------
    name, load
        As `kept_or_made` takes them.
    """
    cache = user_cache()
    if cache is None:
        return None
    try:
        return _read(cache / FOLDER / name, load)
    except Exception:  # noqa: BLE001 - it is made by `kept_or_made` then, which tells what is wrong with it
        return None


def _reason(error: Exception) -> str:
    """What went wrong, in a line: the system's words, or the first of a library's."""
    return getattr(error, "strerror", None) or (str(error).strip() or type(error).__name__).splitlines()[0]


def _read(place: Path, load: Callable[[Path], Model]) -> Model:
    """A network of the cache, if its files are those that were put there."""
    digests = json.loads((place / DIGESTS).read_text())
    if any(sha256_file(place / name) != digest for name, digest in digests.items()):
        raise ValueError("its bytes have changed")
    with suppress(OSError):  # somebody else's, who may see to it
        os.utime(place)
    return load(place)


def _keep(model: Model, place: Path, save: Callable[[Model, Path], None]) -> None:
    """Put a network into the cache: whole, or not at all."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".new-", ignore_cleanup_errors=True) as name:
        new = Path(name) / "model"
        new.mkdir()
        save(model, new)
        digests = {file.name: sha256_file(file) for file in sorted(new.iterdir())}
        (new / DIGESTS).write_text(json.dumps(digests))
        if not place.exists():  # another job's is as good
            new.rename(place)
    with suppress(OSError):  # another job makes room, too
        _make_room(place)


def _make_room(newest: Path) -> None:
    """Remove the networks that were not used for longest."""
    places = [place for place in newest.parent.iterdir() if place.is_dir()]
    used = 0
    for place in sorted(places, key=lambda place: place.stat().st_mtime, reverse=True):
        used += sum(file.stat().st_size for file in place.rglob("*") if file.is_file())
        if used > CACHE_BYTES and place != newest:
            shutil.rmtree(place, ignore_errors=True)
