"""A fitted system, taken apart so that its decisions on images can be explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from leukorepro.core.words import Normalisation
from leukorepro.features.backbones.networks import FeatureNetwork, count_features
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.backbones.specification import Interpolation
from leukorepro.features.backbones.tunable import TunableNetwork
from leukorepro.features.descriptors.registry import IMAGES, find_descriptor
from leukorepro.features.normalisation import normalised
from leukorepro.features.parts import Part, ResolvedDescriptor, ResolvedExtractor
from leukorepro.features.preprocessing import resize
from leukorepro.inference.explaining.attribution import Contributions, Head, contributions
from leukorepro.inference.explaining.maps import Cut, Pooled, cut_at_last_map, cut_features, cut_tunable
from leukorepro.inference.explaining.modules import (
    Unexplained,
    decision_of,
    decision_of_logits,
    encoder_module,
    scaler_module,
)
from leukorepro.inference.networks import NetworkClassifier, NetworkEncoder
from leukorepro.inference.system import FittedSystem
from leukorepro.systems.autoencoders.encoder import Encoder

BATCH = 8
"""Images that are looked at together."""

RGB = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Eye:
    """What a system sees images by: a network up to its last feature map, or the pixels themselves.

    Attributes
    ----------
    cut : Cut
    input_size : int
        Side of the square that images are resized to, in pixels.
    interpolation : {'bilinear', 'bicubic'}
    normalise : {'grey', 'reinhard', 'macenko'}, optional
        How colours are normalised before.
    """

    cut: Cut
    input_size: int
    interpolation: Interpolation
    normalise: Normalisation | None = None

    def maps(self, images: Sequence[RGB]) -> Tensor:
        """Feature maps of images of any size, shape (n, channels, rows, columns)."""
        how = self.normalise
        coloured = [image if how is None else normalised(image, how) for image in images]
        seen = np.stack([resize(image, self.input_size, self.interpolation) for image in coloured])
        with torch.inference_mode():
            parts = [self.cut.eye(torch.from_numpy(seen[i : i + BATCH])) for i in range(0, len(seen), BATCH)]
        return torch.cat(parts).clone()  # a tensor of the inference mode has no place in a gradient


def eyes_of(parts: Sequence[Part], networks: Sequence[FeatureNetwork | None]) -> tuple[Eye, ...]:
    """The eyes of all systems that see images by the same parts.

    Parameters
    ----------
    parts : sequence of ResolvedExtractor or ResolvedDescriptor
    networks : sequence of FeatureNetwork or None
        Of each extractor; None of a descriptor.

    Raises
    ------
    Unexplained
        If a part says nothing of places.
    """
    return tuple(_eye(part, network) for part, network in zip(parts, networks, strict=True))


def _eye(part: Part, network: FeatureNetwork | None) -> Eye:
    if isinstance(part, ResolvedExtractor):
        assert network is not None
        cut = cut_features(network, part.input_size, part.id)
        return Eye(cut, part.input_size, find_backbone(part.backbone).interpolation, part.normalise)
    if part.descriptor not in (IMAGES, "pixels"):
        raise Unexplained(
            f"{part.descriptor}: is computed from an image as a whole and says nothing of its places, so that what "
            "rests on it cannot be laid over the image; explain an item on other features."
        )
    return Eye(Cut(Pixels(), PixelRows()), part.input_size, part.interpolation, part.normalise)


class Pixels(nn.Module):
    """Images as maps of their colours, from 0 to 1."""

    def forward(self, images: Tensor) -> Tensor:
        """From (n, size, size, 3) to (n, 3, size, size)."""
        return images.permute(0, 3, 1, 2).float() / 255


class PixelRows(nn.Flatten):
    """Maps of colours as rows of the descriptor `pixels`."""

    def forward(self, maps: Tensor) -> Tensor:
        """From (n, 3, size, size) to (n, 3 * size * size), the colours of a pixel together."""
        return super().forward(maps.permute(0, 2, 3, 1))


@dataclass(frozen=True, eq=False)
class Explainer:
    """A fitted system as a function of feature maps.

    Attributes
    ----------
    eyes : tuple of Eye
    head : Head
        What follows the eyes.
    means : tuple of ndarray or Tensor
        What each eye's maps are compared with: its columns of the mean training row, or the maps of the mean training
        image.
    classes : list of str
    positive_class : str or None
        With two classes, the one that evidence speaks for.
    """

    eyes: tuple[Eye, ...]
    head: Head
    means: tuple[NDArray[np.float32] | Tensor, ...]
    classes: list[str]
    positive_class: str | None

    def maps(self, images: Sequence[RGB]) -> list[Tensor]:
        """Feature maps of images by every eye."""
        return [eye.maps(images) for eye in self.eyes]

    def predicted(self, maps: Sequence[Tensor]) -> list[str]:
        """Classes of images by their maps."""
        with torch.inference_mode():
            scores, evidence = np.asarray(self.head.scores(*maps)), np.asarray(self.head(*maps))
        if evidence.shape[1] > 1:
            return [self.classes[column] for column in scores.argmax(1)]
        other = next(name for name in self.classes if name != self.positive_class)
        return [str(self.positive_class) if value > 0 else other for value in evidence[:, 0]]

    def explain(self, maps: Sequence[Tensor], classes: Sequence[str]) -> Contributions:
        """What the places of images add to decisions.

        Parameters
        ----------
        maps : sequence of Tensor
            As `maps` gives them.
        classes : sequence of str
            Whose evidence is explained, of each image; with two classes it is always the positive one's.
        """
        columns = [0 if self.positive_class else self.classes.index(name) for name in classes]
        references = [_reference(eye, mean, each) for eye, mean, each in zip(self.eyes, self.means, maps, strict=True)]
        return contributions(self.head, maps, references, columns)

    @property
    def size(self) -> int:
        """Side of the largest images that it sees, in pixels."""
        return max(eye.input_size for eye in self.eyes)


def explainer(system: FittedSystem, eyes: Sequence[Eye], mean_row: NDArray[np.floating[Any]]) -> Explainer:
    """Take a fitted system apart.

    Parameters
    ----------
    system : FittedSystem
    eyes : sequence of Eye
        Of its parts; a network that is trained from images has its own in their place.
    mean_row : ndarray, shape (D,)
        Mean of its training rows: maps are compared with what these have on average.

    Returns
    -------
    Explainer
        The system as a function of the feature maps of its parts.

    Raises
    ------
    Unexplained
        If a step of it has no gradient, or says nothing of places.
    """
    reducer, classifier = system.reducer, system.classifier
    positive = system.positive_class if len(system.classes) == 2 else None
    before: list[nn.Module] = [] if system.scaler is None else [scaler_module(system.scaler)]
    if isinstance(reducer, Encoder):
        before = [encoder_module(reducer), *before]
    networks = [step.module for step in (reducer, classifier) if isinstance(step, NetworkEncoder | NetworkClassifier)]
    behind: nn.Module = nn.Identity()
    if networks and _sees_images(system.parts):
        (eye,) = eyes
        own = replace(eye, cut=_cut(networks, eye.input_size, system.parts[0].id))
        image = np.rint(np.asarray(mean_row)).astype(np.uint8).reshape(eye.input_size, eye.input_size, 3)
        eyes = [own]
        means: list[NDArray[np.float32] | Tensor] = [
            replace(own, normalise=None).maps([image])
        ]  # of images that were normalised
    else:
        means = [*_of_eyes(mean_row, system.parts)]
        if networks:
            (network,) = networks
            behind = _from_rows(network)
    if isinstance(classifier, NetworkClassifier):
        decision = decision_of_logits(behind, system.classes, positive)
    else:
        decision = decision_of(classifier, positive, system.scores)
    head = Head([eye.cut.rest for eye in eyes], before, decision)
    return Explainer(tuple(eyes), head, tuple(means), system.classes, positive)


def _sees_images(parts: Sequence[Part]) -> bool:
    return len(parts) == 1 and isinstance(parts[0], ResolvedDescriptor) and parts[0].descriptor == IMAGES


def _cut(networks: Sequence[nn.Module], input_size: int, name: str) -> Cut:
    """Networks that follow one another, the first of which sees images."""
    first = networks[0]
    if isinstance(first, TunableNetwork):
        return cut_tunable(first, input_size, name)
    return cut_at_last_map(nn.Sequential(*networks), input_size, name)


def _from_rows(network: nn.Module) -> nn.Module:
    """The half of a backbone that was trained further, from rows of what its other half gives."""
    assert isinstance(network, TunableNetwork)  # others see images
    return nn.Sequential(nn.Unflatten(1, network.shape), network.trained)


def _of_eyes(mean_row: NDArray[np.floating[Any]], parts: Sequence[Part]) -> list[NDArray[np.float32]]:
    """The share of each part in the mean row, by its number of columns."""
    ends = np.cumsum([columns_of(part) for part in parts])
    return np.split(np.asarray(mean_row, dtype=np.float32), ends[:-1])


def columns_of(part: Part) -> int:
    """Number of features that a part gives."""
    if isinstance(part, ResolvedExtractor):
        return count_features(find_backbone(part.backbone), part.layer, part.input_size)
    return find_descriptor(part.descriptor).dim(part.input_size)


def _reference(eye: Eye, mean: Tensor | NDArray[np.float32], maps: Tensor) -> Tensor:
    """What training images' maps are like on average, shape (1, channels, rows, columns), as far as can be told.

    Of pooled features it is the same at all places. Zeros, where the training rows have passed layers behind the maps.
    """
    if isinstance(mean, Tensor):
        return mean
    shape, column = maps.shape[1:], torch.from_numpy(mean)
    if isinstance(eye.cut.rest, Pooled):
        return column.reshape(1, -1, 1, 1).expand(1, *shape)
    if isinstance(eye.cut.rest, PixelRows):
        return column.reshape(1, *shape[1:], 3).permute(0, 3, 1, 2)
    return column.reshape(1, *shape) if isinstance(eye.cut.rest, nn.Flatten) else torch.zeros_like(maps[:1])
