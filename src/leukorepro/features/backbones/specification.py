"""What is said of a backbone: where it can be cut, what it expects, where its ImageNet weights come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from leukorepro.core.errors import UserError, did_you_mean
from leukorepro.core.words import Preprocessing

Pool = Literal["avg", "own", "none"]
Interpolation = Literal["bilinear", "bicubic"]

TIMM = "timm:"
"""What the name of a network of timm begins with, and what follows as the function that builds it."""

INPUT = ".input"
"""What ends the name of a layer that is the input of a module that a training can begin with."""

FROM_ALL, FROM_BLOCK, FROM_FC, FROM_LAST = "all", "block", "fc", "last"
"""Words for modules that a training can begin with, which every network has."""


@dataclass(frozen=True)
class Layer:
    """A place where a network can be cut."""

    node: str | None
    """Dotted name of the module whose output is taken, or of a function's node in torchvision's graph of the network;
    None: the output of the whole network, which is built without a classifier."""
    dim: int | None
    """Number of features; None: known once the network is built, of a flattened feature map for one input size."""
    pool: Pool = "none"
    """`avg`: mean over the spatial positions of a feature map; `own`: as timm's network pools by itself; `none`: the
    output is a vector or, channel by channel, flattened to one."""
    before: bool = False
    """Whether what the module gets is taken, not its output."""


@dataclass(frozen=True)
class Starts:
    """Modules that a training can begin with: they and all that follow are trained, and what precedes them is not."""

    names: tuple[str, ...]
    """Dotted names, from the first module to the last one, which gives the classes."""
    block: str
    """The one that begins the last block: all that works at the last resolution before the pooling or flattening."""
    fc: str | None = None
    """The first fully connected one; None: the last module is the only one."""
    penultimate: str = "gap"
    """The layer of the backbone that is what the last module gets, so that its features serve for both."""

    @property
    def last(self) -> str:
        """The module that gives the classes."""
        return self.names[-1]

    def find(self, wanted: str, network: str) -> str:
        """Name of a module that a training is to begin with, by its name or by a word that every network has.

        Parameters
        ----------
        wanted : str
            The module's own name, or one of the words for all of the network, its last block, its fully connected part
            and its last layer.
        network : str
            What the message calls the network.

        Raises
        ------
        UserError
            If there is no such module, with those that there are.
        """
        words = {
            FROM_ALL: self.names[0],
            FROM_BLOCK: self.block,
            FROM_FC: self.fc or self.last,
            FROM_LAST: self.last,
        }
        if wanted in words:
            return words[wanted]
        if wanted not in self.names:
            known = [*words, *self.names]
            raise UserError(
                f"{network} has no layer '{wanted}' to be trained from. Known: {', '.join(known)}."
                f"{did_you_mean(wanted, known)}"
            )
        return wanted

    def input_of(self, name: str) -> str:
        """Name of the layer that is what a module gets."""
        return self.penultimate if name == self.last else f"{name}{INPUT}"


NOT_STATED = "not stated by its publishers"
"""Licence of what comes without a word on it."""


@dataclass(frozen=True)
class TorchvisionWeights:
    """ImageNet weights that torchvision publishes."""

    licence: ClassVar[str] = (
        f"{NOT_STATED} (torchvision itself: BSD-3-Clause); terms may follow from those of the training data"
    )
    """As torchvision's own description says (Pre-trained Model License)."""

    name: str
    """Name of torchvision's weights entry, from which the address is read."""
    file: str
    """File name; its last part begins the file's SHA-256, by torchvision's convention."""

    @property
    def sha256_prefix(self) -> str:
        """First eight hexadecimal digits of the file's SHA-256.

        torchvision publishes no more of it, and checks no more of it when it downloads.
        """
        return self.file.removesuffix(".pth").rpartition("-")[2]


@dataclass(frozen=True)
class TimmWeights:
    """Weights that timm publishes on the Hugging Face hub."""

    name: str
    """timm's complete name, such as `resnet18.a1_in1k`; files in the project's folder of weights are named so."""
    repository: str | None
    """The hub's repository; None where timm publishes the weights elsewhere."""
    file: str = "model.safetensors"
    """Name of the file in the repository."""
    licence: str = "as timm's page of the weights states it: read it there"
    """As timm names it for these weights, in its own words."""


@dataclass(frozen=True)
class PackagedWeights:
    """ImageNet weights that a package of the environment holds, so that they need no download of their own."""

    package: str
    """Name of the distribution, as it is installed."""
    file: str
    """The file, below the folder that packages are installed into."""
    sha256: str
    licence: str
    """As the package's own licence file says."""

    @property
    def file_name(self) -> str:
        """The file's name, without the folders that it lies in."""
        return self.file.rpartition("/")[2]


@dataclass(frozen=True)
class OwnWeights:
    """ImageNet weights that nobody publishes in a form that can be read here, but a user may have."""

    file: str
    """Name that a user gives the file in the project's folder of weights."""
    origin: str
    """Where a user may have them from, in a few words: `converted from the model in MATLAB`."""
    licence: str


Weights = TorchvisionWeights | TimmWeights | PackagedWeights | OwnWeights


@dataclass(frozen=True)
class ChannelScaling:
    """Red, green and blue become ``(value - mean) / deviation``."""

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    full: float = 1.0
    """White before scaling: values go from 0 to it."""
    order: Literal["rgb", "bgr"] = "rgb"
    """Order of the channels that the network gets; `mean` and `deviation` are always red, green, blue."""

    def __str__(self) -> str:
        return f"mean {self.mean}, deviation {self.deviation}"


@dataclass(frozen=True)
class Backbone:
    """A network, where it can be cut, what it expects and where its ImageNet weights come from."""

    title: str
    """What papers call the network."""
    build: str
    """Function that builds the network, as `package.module:function`; a network of timm, as `timm:NAME`."""
    layers: Mapping[str, Layer]
    default_layer: str
    input_size: int
    """Side of the square input that the ImageNet weights were trained for, in pixels."""
    weights: Weights
    paper: str = ""
    """Who described the network, as the library that builds it cites them; empty: timm's page of it says so."""
    min_input_size: int = 32
    """Smallest side that the network can compute, or the smallest that makes sense."""
    preprocessing: Preprocessing | ChannelScaling = "torch"
    """What the ImageNet weights were trained with."""
    interpolation: Interpolation = "bilinear"
    """How the library's own transform resizes images for these weights."""
    options: Mapping[str, object] = field(default_factory=dict)
    """Arguments of the function that builds the network."""
    starts: Starts | None = None
    """Modules that a training can begin with; None: timm's network is asked."""

    @property
    def network(self) -> str:
        """The library's name of the network."""
        return self.build.partition(":")[2]

    def find_layer(self, name: str) -> Layer:
        """Return the layer called `name`: one of `layers`, or the input of a module that a training can begin with.

        Raises
        ------
        UserError
            If the network has no such layer, with those that it has.
        """
        if name.endswith(INPUT):
            start = name.removesuffix(INPUT)
            return Layer(start if self.starts is None else self.starts.find(start, self.network), dim=None, before=True)
        if name not in self.layers:
            raise UserError(
                f"{self.network} has no layer '{name}'. Known: {', '.join(self.layers)}."
                f"{did_you_mean(name, self.layers)}"
            )
        return self.layers[name]
