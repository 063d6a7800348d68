"""An extractor or a descriptor as a configuration names it, with every name looked up and its feature file named."""

from __future__ import annotations

from pathlib import Path

from leukorepro.config.study.systems import DescriptorSpec, Extractor
from leukorepro.core.errors import UserError
from leukorepro.core.places import check_file
from leukorepro.core.store import sha256_once
from leukorepro.core.words import Budget, Engine, Precision
from leukorepro.features.backbones.registry import check_input_size, find_backbone, starts_of
from leukorepro.features.backbones.weights_files import check_weights_file
from leukorepro.features.descriptors.registry import IMAGES, find_descriptor
from leukorepro.features.parts import ResolvedDescriptor, ResolvedExtractor, Tuning


def resolve_extractor(
    extractor: Extractor,
    weights: str,
    where: str,
    weights_where: str | None = None,
    budget: Budget = "published",
    *,
    seed: int = 0,
    engine: Engine = "auto",
    precision: Precision = "float32",
) -> ResolvedExtractor:
    """Look up an extractor's backbone, layer and input size, and name its feature file.

    Parameters
    ----------
    extractor : Extractor
    weights : str
        `imagenet`, `random` or `file:PATH`.
    where, weights_where : str
        File and key that a message on the extractor, or on its weights, begins with.
    budget : {'demo', 'published'}
        Which input size is used, where the extractor has two.
    seed : int
        Of random weights.
    engine : {'auto', 'openvino', 'torch'}
        What computes it; `auto`: whatever is best on the machine.
    precision : {'float32', 'mixed'}
        Of the arithmetic.

    Returns
    -------
    ResolvedExtractor
        Its id, which names the feature file, and all that the features depend on.

    Raises
    ------
    UserError
        If there is no such backbone, layer or weights file, or the input is too small for the network.
    """
    try:
        backbone = find_backbone(extractor.backbone)
        layer = extractor.layer or backbone.default_layer
        backbone.find_layer(layer)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    size = extractor.input_size or backbone.input_size
    size = size if isinstance(size, int) else size[budget]
    try:
        check_input_size(backbone, size)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    kind, _, path = weights.partition(":")
    file_sha256 = ""
    if kind == "file":
        try:
            check_file(Path(path))
            check_weights_file(Path(path))
        except UserError as error:
            raise UserError(f"{weights_where or where}: weights: {error}") from None
        file_sha256 = sha256_once(Path(path))
        kind = f"file_{file_sha256[:8]}"
    elif kind == "random":
        kind = f"random_{seed}"
    # Named only where it is not the backbone's own, so that equal features have one file; what runs share a folder with
    # differ in is named too, so that none takes the other's file for its own.
    preprocessing = extractor.preprocessing if extractor.preprocessing != backbone.preprocessing else None
    unusual = [
        extractor.normalise,
        preprocessing,
        engine if engine != "auto" else None,
        precision if precision != "float32" else None,
    ]
    parts = [file_name(extractor.backbone), layer, kind, str(size), *filter(None, unusual)]
    return ResolvedExtractor(
        id="-".join(parts),
        backbone=extractor.backbone,
        layer=layer,
        weights=weights,
        input_size=size,
        preprocessing=preprocessing,
        normalise=extractor.normalise,
        file_sha256=file_sha256,
        seed=seed if weights == "random" else 0,
        engine=engine,
        precision=precision,
    )


def resolve_descriptor(spec: DescriptorSpec, where: str, budget: Budget = "published") -> ResolvedDescriptor:
    """Look up a descriptor and name its feature file.

    Parameters
    ----------
    spec : DescriptorSpec
        As a study's configuration names it.
    where : str
        File and key where it is named.
    budget : {'published', 'demo'}
        Which of two input sizes is taken, where the descriptor has two and `spec` says none.

    Returns
    -------
    ResolvedDescriptor
        Its id, which names the feature file, and all that the features depend on.

    Raises
    ------
    UserError
        If there is no such descriptor; the message begins with `where`.
    """
    try:
        descriptor = find_descriptor(spec.descriptor)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    size = spec.input_size or descriptor.input_size
    size = size if isinstance(size, int) else size[budget]
    parts = [spec.descriptor, str(size), *filter(None, [spec.normalise])]
    return ResolvedDescriptor(id="-".join(parts), descriptor=spec.descriptor, input_size=size, normalise=spec.normalise)


def resolve_tuning(extractor: ResolvedExtractor, train_from: str, *, changes_images: bool, where: str) -> Tuning:
    """Look up the layer that a backbone is trained from, and what it is trained on.

    Parameters
    ----------
    extractor : ResolvedExtractor
    train_from : str
        Name of the layer, or a word that every network has.
    changes_images : bool
        Whether training images are changed in every epoch.
    where : str
        File and key that a message begins with.

    Returns
    -------
    Tuning
        The network, the first layer that is trained, and what is computed once by the layers before it.

    Raises
    ------
    UserError
        If the network has no such layer.
    """
    backbone = find_backbone(extractor.backbone)
    try:
        starts = starts_of(backbone)
        start = starts.find(train_from, backbone.network)
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    if start != starts.names[0] and not changes_images:
        layer = starts.input_of(start)
        name = extractor.id.removeprefix(f"{file_name(extractor.backbone)}-{extractor.layer}")
        made = extractor.model_copy(update={"id": f"{file_name(extractor.backbone)}-{layer}{name}", "layer": layer})
        return Tuning(network=extractor, start=start, input=made)
    images = resolve_descriptor(
        DescriptorSpec(descriptor=IMAGES, input_size=extractor.input_size, normalise=extractor.normalise), where
    )
    if (filtered := backbone.interpolation) != images.interpolation:
        images = images.model_copy(update={"id": f"{images.id}-{filtered}", "interpolation": filtered})
    return Tuning(network=extractor, start=start, input=images)


def file_name(backbone: str) -> str:
    """A backbone's name as a key and in file names: `timm:NAME` has a sign that not every system allows."""
    return backbone.replace(":", "_").replace("/", "_")
