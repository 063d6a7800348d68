"""Networks of timm by name: what each expects, and the network itself, without its classifier.

Imported only where a network of timm is asked for.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import timm
import torch
from torch import Tensor, fx, nn

from leukorepro.core.errors import UserError
from leukorepro.core.words import Preprocessing
from leukorepro.features.backbones.cuts import find_starts, trace
from leukorepro.features.backbones.parameters import is_finite
from leukorepro.features.backbones.scaling import CHANNEL_SCALINGS
from leukorepro.features.backbones.specification import (
    NOT_STATED,
    TIMM,
    Backbone,
    ChannelScaling,
    Interpolation,
    Layer,
    Starts,
    TimmWeights,
)

INTERPOLATIONS: dict[str, Interpolation] = {"bilinear": "bilinear", "bicubic": "bicubic"}
"""timm's names of the filters that it resizes with."""

EFFICIENTNET_PYTORCH = "_conv_stem.weight"
"""The parameter that a state dict of the package EfficientNet-PyTorch is known by."""


@lru_cache
def describe(name: str) -> Backbone:
    """Backbone entry of a network of timm, read from what timm says of its published weights.

    Parameters
    ----------
    name : str
        Such as `resnet18.a1_in1k`; without a tag, timm's first weights of that network.

    Raises
    ------
    UserError
        If timm has no such network, with the closest names, or one that does not take square images of three channels.
    """
    known = {*timm.list_models(), *timm.list_models(pretrained=True)}
    if name not in known:
        close = difflib.get_close_matches(name, sorted(known), n=3)
        raise UserError(
            f"unknown backbone '{TIMM}{name}': timm {timm.__version__} has no network of that name."
            + (f" Close: {', '.join(TIMM + c for c in close)}." if close else " See timm.list_models().")
        )
    config = timm.get_pretrained_cfg(name, allow_unregistered=True)
    if config is None:
        raise UserError(f"backbone '{TIMM}{name}': timm does not say what input it expects; take another network.")
    channels, height, width = config.input_size
    if channels != 3 or height != width or config.interpolation not in INTERPOLATIONS:
        raise UserError(
            f"backbone '{TIMM}{name}': takes {channels} x {height} x {width} values ({config.interpolation}); "
            "only square images of three channels, resized bilinear or bicubic, are supported."
        )
    complete = f"{config.architecture}.{config.tag}" if config.tag else name
    licence = config.license or NOT_STATED
    return Backbone(
        title=name,
        build=f"{TIMM}{name}",
        layers={"pooled": Layer(None, dim=None, pool="own")},
        default_layer="pooled",
        input_size=height,
        min_input_size=config.min_input_size[-1] if config.min_input_size else 32,
        weights=TimmWeights(complete, config.hf_hub_id, config.hf_hub_filename or TimmWeights.file, licence),
        preprocessing=_preprocessing(config.mean, config.std),
        interpolation=INTERPOLATIONS[config.interpolation],
        options={"dynamic_img_size": True} if config.fixed_input_size and _takes_any_size(name) else {},
    )


def _preprocessing(mean: tuple[float, ...], deviation: tuple[float, ...]) -> Preprocessing | ChannelScaling:
    """The scaling's name where it has one, so that equal features have one file."""
    (m0, m1, m2), (d0, d1, d2) = mean, deviation
    own = ChannelScaling((m0, m1, m2), (d0, d1, d2))
    return next((name for name, scaling in CHANNEL_SCALINGS.items() if scaling == own), own)


def _takes_any_size(name: str) -> bool:
    """Whether a network for one input size can fit its position embeddings to others; most transformers can."""
    try:
        _outline(name, {"dynamic_img_size": True})
    except TypeError:  # the network has no such option
        return False
    return True


def check_input_size(backbone: Backbone, size: int) -> None:
    """Refuse a square input that a network of timm cannot compute: the network is run without numbers.

    Parameters
    ----------
    backbone : Backbone
        One of timm's.
    size : int
        Side of the input, pixels.

    Raises
    ------
    UserError
        With the network's own reason.
    """
    network = _outline(backbone.network, backbone.options)
    try:
        network(torch.empty(1, 3, size, size, device="meta"))
    except NotImplementedError:
        return  # an operation that cannot be run without numbers; the network itself will tell
    except (AssertionError, RuntimeError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"input_size {size} does not fit {backbone.network}, made for {backbone.input_size}: {reason}"
        ) from None


def starts_of(backbone: Backbone) -> Starts:
    """Modules that a training of a network of timm can begin with.

    The last block is what follows the last feature map but one of those that timm names, which are the last ones at
    each resolution.

    Raises
    ------
    UserError
        If the network's steps depend on the numbers, or it does not end in one fully connected layer.
    """
    network: Any = outline(backbone, 2)
    last = last_layer(network)
    found = find_starts(network, trace_steps(network))
    names = list(found)
    maps = [str(info["module"]) for info in network.feature_info]
    ends = [
        max(i for i, start in enumerate(names) if start == of_map or start.startswith(f"{of_map}."))
        for of_map in maps[:-1]
        if any(start == of_map or start.startswith(f"{of_map}.") for start in names)
    ]
    block = next(iter(names[ends[-1] + 1 :] if ends else names), last)
    return Starts((*(name for name in names if name != last), last), block=block, penultimate="pooled")


def outline(backbone: Backbone, n_classes: int) -> nn.Module:
    """The network without numbers, with a last layer.

    Parameters
    ----------
    backbone : Backbone
        One of timm's.
    n_classes : int
        Outputs of the last layer.
    """
    with torch.device("meta"):
        return _create(backbone.network, backbone.options, n_classes)


def last_layer(network: Any) -> str:
    """Name of the fully connected layer that gives a network's classes.

    Raises
    ------
    UserError
        If there are several, or it is another kind of layer.
    """
    name = network.default_cfg.get("classifier")
    if not isinstance(name, str) or not isinstance(network.get_submodule(name), nn.Linear):
        raise UserError(
            f"timm's {network.default_cfg['architecture']} does not end in one fully connected layer, so that it "
            "cannot be trained for other classes here; take another network."
        )
    return name


def trace_steps(network: nn.Module) -> fx.Graph:
    """The steps of a network of timm, whose own list says what must not be looked into.

    Raises
    ------
    UserError
        If its steps depend on the numbers.
    """
    models: Any = timm.models
    name = type(network).__name__
    try:
        return trace(network, models.get_notrace_functions(), tuple(models.get_notrace_modules()))
    except (AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise UserError(
            f"timm's {name} cannot be taken apart into what is trained and what is not ({reason}); use another."
        ) from None


@lru_cache(maxsize=8)
def _cached_outline(name: str, options: tuple[tuple[str, object], ...]) -> nn.Module:
    with torch.device("meta"):
        return _create(name, dict(options))


def _outline(name: str, options: Mapping[str, object]) -> nn.Module:
    """The network without numbers: quick to build and to run."""
    return _cached_outline(name, tuple(sorted(options.items())))


def _create(name: str, options: Mapping[str, Any], n_classes: int = 0) -> nn.Module:
    network: nn.Module = timm.create_model(name, num_classes=n_classes, **options)
    return network.eval()


def build_headless(
    backbone: Backbone, state: Mapping[str, Tensor] | None, path: Path | None, *, pooled: bool = True
) -> nn.Module:
    """Build a network of timm whose output is what its classifier gets, or its last feature map.

    Parameters
    ----------
    backbone : Backbone
    state : mapping of str to Tensor, optional
        State dict of the network with or without its classifier, in timm's names, or in those of a source that timm
        converts from, or a complete one of EfficientNet-PyTorch; default: timm's own initialisation, from torch's
        random numbers.
    path : Path, optional
        Where the state dict is from, for messages.
    pooled : bool
        Keep its pooling.

    Returns
    -------
    Module
        In evaluation mode; from images (n, 3, height, width) to features (n, `head_hidden_size`) or, without pooling,
        to feature maps (n, channels, rows, columns).

    Raises
    ------
    UserError
        If the state dict does not fit the network, or holds a value that is not finite.
    """
    network: Any = _create(backbone.network, backbone.options) if state is None else _from_state(backbone, state, path)
    if not pooled:
        network.reset_classifier(0, global_pool="")
    body: nn.Module = network.eval()
    return body


def _from_state(backbone: Backbone, state: Mapping[str, Tensor], path: Path | None) -> nn.Module:
    """A network with the parameters of a state dict, without its classifier."""
    options: Mapping[str, Any] = backbone.options
    if EFFICIENTNET_PYTORCH in state:
        state = _in_timms_names(backbone, state, path)
    # timm adapts names, and position embeddings to the input size, and then wants every name and shape to fit if the
    # number of classes is the same: so it is told the file's own, and the classifier is taken off afterwards.
    classes = _classes(backbone.network, state)
    overlay = {"state_dict": dict(state), "num_classes": classes, "label_offset": 0, "custom_load": False}
    try:
        network: Any = timm.create_model(
            backbone.network, pretrained=True, num_classes=classes, pretrained_cfg_overlay=overlay, **options
        )
    except (RuntimeError, KeyError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: does not fit timm's {backbone.network}: "
            f"{reason[:400]}{'...' if len(reason) > 400 else ''} Give a state dict of that network."
        ) from None
    del network.pretrained_cfg["state_dict"]
    if classes:
        network.reset_classifier(0)
    broken = [name for name, value in network.state_dict().items() if not is_finite(value)]
    if broken:
        raise UserError(f"{path}: values that are not finite in {broken[0]}; get a sound copy of the file.")
    body: nn.Module = network
    return body


def build_for_classes(
    backbone: Backbone, state: Mapping[str, Tensor] | None, path: Path | None, n_classes: int
) -> nn.Module:
    """Build a network of timm with a new last layer; otherwise as `build_headless`.

    Parameters
    ----------
    backbone : Backbone
        One of timm's.
    state : mapping of str to Tensor, optional
        State dict, as `build_headless` takes it; a last layer in it is left out.
    path : Path, optional
        Where the state dict is from, for messages.
    n_classes : int
        Outputs of the new last layer, whose values are drawn from torch's random numbers.

    Returns
    -------
    Module
        In evaluation mode; from images (n, 3, height, width) to outputs (n, n_classes).
    """
    network: Any = build_headless(backbone, state, path)
    network.reset_classifier(n_classes)
    complete: nn.Module = network.eval()
    return complete


def _in_timms_names(backbone: Backbone, state: Mapping[str, Tensor], path: Path | None) -> dict[str, Tensor]:
    """A complete state dict of EfficientNet-PyTorch, which has timm's parameters in timm's order under other names."""
    with torch.device("meta"):
        names = list(timm.create_model(backbone.network).state_dict())
    if len(names) != len(state):
        raise UserError(
            f"{path}: does not fit timm's {backbone.network}: {len(state)} parameters and statistics instead of "
            f"{len(names)}. Give a state dict of that network."
        )
    return dict(zip(names, state.values(), strict=True))


def _classes(name: str, state: Mapping[str, Tensor]) -> int:
    """Classes of the classifier in a state dict; 0 where there is none."""
    config = timm.get_pretrained_cfg(name, allow_unregistered=False)
    assert config is not None
    classifiers = [config.classifier] if isinstance(config.classifier, str) else list(config.classifier or ())
    found = [state[f"{c}.weight"] for c in classifiers if f"{c}.weight" in state]
    return len(found[0]) if found else 0
