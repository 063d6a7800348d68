"""What computes a system's rows, with its weights: named by their digest, or put into the model's folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from leukorepro.core.errors import UserError
from leukorepro.features.fusion import read_headers
from leukorepro.features.parts import ResolvedExtractor
from leukorepro.inference.bundle.description import Source
from leukorepro.inference.exporting.choice import Choice


class Found(NamedTuple):
    """A source, and the content of its file in the model's folder, where it has one."""

    source: Source
    content: bytes | None


def find_sources(choice: Choice, threads: int = 1) -> Iterator[Found]:
    """What computes each of an item's parts, as the run's feature file says.

    ImageNet weights are named by their SHA-256, and looked up where a model is used as everywhere. A user's own file of
    weights goes along. Random weights are drawn again by their seed; what goes along are the batch-norm statistics,
    which were set on images of the dataset.

    Parameters
    ----------
    choice : Choice
    threads : int
        That read images.

    Raises
    ------
    UserError
        If the weights are not those any more that the features were computed with.
    """
    for part, (file, header) in zip(choice.parts, read_headers(choice.features), strict=True):
        told = {name: str(header.get(name, "")) for name in ("weights_sha256", "weights_file_sha256", "engine")}
        if not isinstance(part, ResolvedExtractor) or part.weights == "imagenet":
            yield Found(Source(part=part, **told), None)
        elif part.weights == "random":
            yield _random(choice, part, Source(part=part, **told), file, threads)
        else:
            yield _own_file(part, told)


def _own_file(part: ResolvedExtractor, told: Mapping[str, str]) -> Found:
    from safetensors.torch import save

    from leukorepro.features.backbones.state_dicts import read_parameters
    from leukorepro.features.identity import check_weights_file

    state = read_parameters(Path(part.weights.removeprefix("file:")))
    check_weights_file(part)
    name = f"weights-{part.id}.safetensors"
    renamed = part.model_copy(update={"weights": f"file:{name}", "file_sha256": ""})
    content = save({key: value.contiguous() for key, value in state.items()})
    return Found(Source(part=renamed, stored=name, **{**told, "weights_file_sha256": ""}), content)


def _random(choice: Choice, part: ResolvedExtractor, source: Source, file: Path, threads: int) -> Found:
    from safetensors.torch import save

    from leukorepro.core.store import sha256_once
    from leukorepro.data.manifest import read_manifest
    from leukorepro.features.backbones.networks import batch_norm_statistics
    from leukorepro.features.backbones.registry import find_backbone
    from leukorepro.features.extract import network_of
    from leukorepro.features.stream import Request

    backbone = find_backbone(part.backbone)
    request = Request(
        dataset=choice.study.dataset_id,
        manifest=read_manifest(choice.manifest),
        manifest_sha256=sha256_once(choice.manifest),
        images=choice.study.images,
        views=["identity"],
        size=part.input_size,
        max_pixels=choice.study.dataset.max_pixels,
        interpolation=backbone.interpolation,
        normalise=part.normalise,
    )
    network = network_of(request, part, backbone, threads)
    if network.weights_sha256 != source.weights_sha256:
        raise UserError(
            f"{file}: its random weights come out otherwise now (SHA-256 {network.weights_sha256[:8]}..., then "
            f"{source.weights_sha256[:8]}...); run `snakemake` again, which extracts the features anew."
        )
    statistics = {name: value.contiguous() for name, value in batch_norm_statistics(network).items()}
    if not statistics:
        return Found(source, None)
    return Found(source.model_copy(update={"stored": f"statistics-{part.id}.safetensors"}), save(statistics))
