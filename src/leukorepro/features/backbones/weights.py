"""ImageNet weights on disk: looked up, verified, downloaded.

They are looked up in ``data/weights``, then in the library's own cache (torch's, or the Hugging Face hub's for timm) or
in the package of the environment that holds them, and then downloaded. A file is accepted only if its SHA-256 is right;
one that is wrong is reported and never replaced. For timm's weights on the hub the SHA-256 is what the hub stated when
they came to its cache; a file of theirs that a user has put into ``data/weights`` is taken as it is, and that is said.
Neither torch nor torchvision is imported unless something has to be downloaded.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from leukorepro.core.errors import UserError
from leukorepro.core.fetching.transfer import TransferError, ask
from leukorepro.core.places import check_output
from leukorepro.core.store import atomic_path, sha256_once
from leukorepro.features.backbones.specification import (
    Backbone,
    OwnWeights,
    PackagedWeights,
    TimmWeights,
    TorchvisionWeights,
    Weights,
)

FOLDER = Path("data/weights")
"""Where the project keeps weights, relative to its root."""

MIRROR = "LEUKOREPRO_WEIGHTS_URL"
"""Environment variable: folder address that weights are downloaded from instead of torchvision's."""

STALE_S = 600
"""Seconds after which a partial file that nobody writes to is a killed download's."""


@dataclass(frozen=True)
class WeightsStatus:
    """Whether a backbone's ImageNet weights lie on this machine."""

    state: Literal["present", "missing", "wrong"]
    path: Path
    """The file, or where it is expected first."""
    expected: str
    """First digits of the SHA-256 that the file must have; empty where it is not known on this machine."""
    found: str | None = None
    """SHA-256 of the file, if there is one."""


def torch_cache() -> Path:
    """Folder where torch keeps what it has downloaded (torch's documented rule, without importing torch)."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    # As torch does it, and no error where the system knows no home of this user.
    folder = os.path.expanduser(os.environ.get("TORCH_HOME", f"{cache}/torch"))  # noqa: PTH111
    return Path(folder) / "hub" / "checkpoints"


def weights_status(backbone: Backbone, folder: Path = FOLDER) -> WeightsStatus:
    """Look a backbone's ImageNet weights up, in `folder` and then in the library's cache, and verify them.

    Parameters
    ----------
    backbone : Backbone
    folder : Path
        The project's folder of weights.

    Returns
    -------
    WeightsStatus
        Of the first file that there is; where there is none, of the place that it is expected at first.
    """
    places = _places(backbone.weights, folder)
    for path, expected in places:
        if os.path.isfile(path):  # noqa: PTH113 - a path's own raises where a cache may not be looked into
            found = sha256_once(path)
            return WeightsStatus("present" if found.startswith(expected) else "wrong", path, expected, found)
    return WeightsStatus("missing", *places[0])


def why_nowhere(backbone: Backbone, folder: Path = FOLDER) -> str:
    """Why a backbone's ImageNet weights can be had neither here nor by a download; empty where they can.

    Parameters
    ----------
    backbone : Backbone
        Of the registry, or one of timm's.
    folder : Path
        The project's folder of weights.
    """
    weights = backbone.weights
    if not isinstance(weights, OwnWeights) or (folder / weights.file).is_file():
        return ""
    return (
        f"ImageNet weights of {backbone.title} are published in no form that can be read here, and there is no "
        f"{folder / weights.file} ({weights.origin})"
    )


def own_file(backbone: Backbone, folder: Path = FOLDER) -> Path | None:
    """File of weights that a user put there and that is taken as it is, so that another may come in its place.

    Parameters
    ----------
    backbone : Backbone
        Of the registry, or one of timm's.
    folder : Path
        The project's folder of weights.

    Returns
    -------
    Path or None
        None where there is no such file, or where the file must be a certain one.
    """
    return next((path for path in _own_places(backbone.weights, folder) if path.is_file()), None)


def _own_places(weights: Weights, folder: Path) -> list[Path]:
    """Where a user may put weights of which no SHA-256 is known."""
    if isinstance(weights, OwnWeights):
        return [folder / weights.file]
    if isinstance(weights, TimmWeights):
        return [folder / f"{weights.name}{suffix}" for suffix in (".safetensors", ".pth")]
    return []


def _places(weights: Weights, folder: Path) -> list[tuple[Path, str]]:
    """Where weights are looked up, in this order, with the beginning of the SHA-256 that each must have."""
    if isinstance(weights, TorchvisionWeights):
        return [(place / weights.file, weights.sha256_prefix) for place in (folder, torch_cache())]
    if isinstance(weights, PackagedWeights):
        packaged = _installed(weights)
        places = [folder / weights.file_name, *([packaged] if packaged else [])]
        return [(place, weights.sha256) for place in places]
    own = [(path, "") for path in _own_places(weights, folder)]
    if isinstance(weights, OwnWeights):
        return own
    from leukorepro.features.backbones import hub

    cached = hub.find_cached(weights)
    return [*own, *([(cached, hub.stated_sha256(cached))] if cached else [])]


def _installed(weights: PackagedWeights) -> Path | None:
    """The file in the package that holds it, where that is installed; the package is not imported."""
    try:
        distribution = importlib.metadata.distribution(weights.package)
    except importlib.metadata.PackageNotFoundError:
        return None
    return Path(str(distribution.locate_file(weights.file)))


def find_weights(backbone: Backbone, weights: str, folder: Path = FOLDER) -> Path | None:
    """File of the weights that are asked for.

    Parameters
    ----------
    backbone : Backbone
        Of the registry, or one of timm's.
    weights : str
        `imagenet`, `file:PATH` or `random`.
    folder : Path
        The project's folder of weights.

    Returns
    -------
    Path or None
        None for random weights, which have no file. That a user's own file exists is not checked here.

    Raises
    ------
    UserError
        If ImageNet weights cannot be had.
    ValueError
        If `weights` is none of the three.
    """
    if weights == "imagenet":
        return find_imagenet_weights(backbone, folder)
    if weights.startswith("file:"):
        return Path(weights.removeprefix("file:"))
    if weights == "random":
        return None
    raise ValueError(f"weights are 'imagenet', 'random' or 'file:PATH', not {weights!r}")


def size_of_download(weights: Weights) -> float | None:
    """Size of a file of weights that is to be downloaded, in megabytes; None where its publisher does not say it."""
    if not isinstance(weights, TorchvisionWeights):
        return None
    from torchvision.models import get_weight

    size: float = get_weight(weights.name).meta["_file_size"]
    return size


def find_imagenet_weights(backbone: Backbone, folder: Path = FOLDER, *, mirror: str | None = None) -> Path:
    """Return the verified file of a backbone's ImageNet weights; download it if there is none.

    torchvision's go to `folder`, timm's to the Hugging Face hub's cache.

    Parameters
    ----------
    backbone : Backbone
    folder : Path
        The project's folder of weights.
    mirror : str, optional
        Folder address to download torchvision's weights from; default: the environment variable `MIRROR`, else
        torchvision's address. The hub's library has its own variable, HF_ENDPOINT.

    Raises
    ------
    UserError
        If a file is there but wrong, or if there is none and it cannot be downloaded, with what to do.
    """
    status = weights_status(backbone, folder)
    if status.state == "wrong":
        raise UserError(
            f"{status.path}: its SHA-256 is {status.found}, but that of the right file begins with {status.expected}; "
            "remove it, so that it is downloaded again, or put the right one in its place."
        )
    if status.state == "present":
        if not status.expected:
            print(f"{status.path}: weights taken as they are (SHA-256 {status.found}); none is known to compare with")
        return status.path
    if isinstance(backbone.weights, TimmWeights):
        from leukorepro.features.backbones import hub

        return hub.download(backbone.weights, status.path)
    if isinstance(backbone.weights, PackagedWeights):
        raise UserError(
            f"ImageNet weights {backbone.weights.file_name} are not on this machine; install the package "
            f"{backbone.weights.package}, which holds them, or use the weights 'random', or 'file:PATH'."
        )
    if isinstance(backbone.weights, OwnWeights):
        raise UserError(
            f"{why_nowhere(backbone, folder)}; put them there, or use the weights 'random', or 'file:PATH'."
        )
    _download(backbone.weights, weights_url(backbone.weights, mirror), status.path)
    return status.path


def weights_url(weights: TorchvisionWeights, mirror: str | None = None) -> str:
    """Address of a file of weights.

    Parameters
    ----------
    weights : TorchvisionWeights
        Weights that torchvision publishes.
    mirror : str, optional
        Address of a folder that has the file; None: the one that `LEUKOREPRO_WEIGHTS_URL` names in the environment, and
        where it names none, torchvision's own.

    Raises
    ------
    UserError
        If the mirror's address does not begin with ``http://`` or ``https://``.
    """
    base = mirror or os.environ.get(MIRROR)
    if base:
        if not base.startswith(("http://", "https://")):
            raise UserError(f"{MIRROR}: given {base!r}, expected an address that begins with http:// or https://.")
        return f"{base.rstrip('/')}/{weights.file}"
    from torchvision.models import get_weight

    url: str = get_weight(weights.name).url
    return url


def _download(weights: TorchvisionWeights, url: str, path: Path) -> None:
    """Stream a file to a temporary one, which gets its name only once its hash is right."""
    check_output(path)
    _remove_leftovers(path)
    digest = hashlib.sha256()
    try:
        with ask(url) as reply, atomic_path(path) as temporary:
            with (
                temporary.open("wb") as file,
                tqdm(total=reply.length, unit="B", unit_scale=True, desc=path.name) as bar,
            ):
                for chunk in reply.chunks():
                    file.write(chunk)
                    digest.update(chunk)
                    bar.update(len(chunk))
            if not digest.hexdigest().startswith(weights.sha256_prefix):
                raise TransferError(f"what came has SHA-256 {digest.hexdigest()}")
    except TransferError as error:
        raise _failure(weights, url, path, str(error)) from None


def _failure(weights: TorchvisionWeights, url: str, path: Path, reason: str) -> UserError:
    return UserError(
        f"ImageNet weights {weights.file} are not on this machine and could not be downloaded from {url} ({reason}). "
        f"On a machine with a network, download that address, check that the SHA-256 begins with "
        f"{weights.sha256_prefix}, and copy the file to {path}; or use the weights 'random', or 'file:PATH'."
    )


def _remove_leftovers(path: Path) -> None:
    """Remove what a killed download left; a running one has written within the last minutes."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        if time.time() - leftover.stat().st_mtime > STALE_S:
            leftover.unlink(missing_ok=True)
