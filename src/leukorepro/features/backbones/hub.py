"""Weights on the Hugging Face hub: its cache on this machine, and downloads from it.

The hub is asked for one named file, when that file is needed and not on this machine, and for nothing else. Its own
environment variables hold: HF_HOME, HF_HUB_CACHE, HF_ENDPOINT, HF_TOKEN, HF_HUB_OFFLINE.
"""

from __future__ import annotations

import re
from pathlib import Path

from httpx2 import HTTPError  # what the hub's client raises when a connection fails
from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
from huggingface_hub.constants import HF_HUB_CACHE

from leukorepro.core.errors import UserError
from leukorepro.core.file_errors import file_error
from leukorepro.core.store import sha256_file
from leukorepro.features.backbones.specification import TimmWeights


def find_cached(weights: TimmWeights) -> Path | None:
    """The file of weights in the hub's cache, if it is there; the hub is not asked."""
    if weights.repository is None:
        return None
    path = try_to_load_from_cache(weights.repository, weights.file)
    return Path(path) if isinstance(path, str) else None


def stated_sha256(path: Path) -> str:
    """SHA-256 that the hub states for a file in its cache; empty if it states none.

    The cache keeps a large file under the name that the hub gives it, which is its SHA-256, and links to it.
    """
    name = path.resolve().name
    return name if re.fullmatch("[0-9a-f]{64}", name) else ""


def download(weights: TimmWeights, place: Path) -> Path:
    """Download a file of weights to the hub's cache, and verify it against what the hub states.

    Parameters
    ----------
    weights : TimmWeights
    place : Path
        Where a user may put the file by hand, for messages.

    Returns
    -------
    Path
        The file in the hub's cache.

    Raises
    ------
    UserError
        If timm publishes no weights there, if they cannot be downloaded or kept, or if what came is not what the hub
        states.
    """
    if weights.repository is None:
        raise UserError(
            f"weights {weights.name} are not on this machine, and timm publishes none on the Hugging Face hub; "
            f"copy them to {place}, or use the weights 'random', or 'file:PATH'."
        )
    url = hf_hub_url(weights.repository, weights.file)
    try:
        get_hf_file_metadata(url)  # fails at once where there is no network; the download would try for half a minute
        path = Path(hf_hub_download(weights.repository, weights.file))
    except (OSError, HTTPError, RuntimeError) as error:
        if isinstance(error, OSError) and error.errno and not isinstance(error, (ConnectionError, TimeoutError)):
            raise file_error(error, Path(HF_HUB_CACHE)) or error from None  # of the cache, not of the network
        raise _failure(weights, url, place, " ".join(str(error).split()) or type(error).__name__) from None
    stated, found = stated_sha256(path), sha256_file(path)
    if not found.startswith(stated):
        path.resolve().unlink()
        path.unlink()
        raise _failure(weights, url, place, f"what came has SHA-256 {found}, the hub states {stated}")
    return path


def _failure(weights: TimmWeights, url: str, place: Path, reason: str) -> UserError:
    return UserError(
        f"weights {weights.name} are not on this machine and could not be downloaded from {url} ({reason}). "
        f"On a machine with a network, download that address and copy the file to {place}; "
        "or use the weights 'random', or 'file:PATH'."
    )
