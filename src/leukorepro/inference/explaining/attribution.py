"""What every place of an image adds to a decision.

A system is cut behind the last feature map of each network that it sees images by. What follows the maps (pooling,
fusion, reducer, scaler, classifier) is a function of them alone, and its value for the maps of an image is taken apart
by integrated gradients (Sundararajan et al., ICML 2017) from reference maps: every place of every map gets a
contribution, and all of them together are the decision less a constant, the decision on the reference.

The reference is what the training images have on average. Beside maps of zeros, which stand for no image, it puts
twice as much of a map onto the cells of simulated smears that a kernel machine has learned from.

Where nothing but weighted sums follows, as of pooled features and a linear machine, one step is exact, and the map is
the class-activation map (Zhou et al., CVPR 2016). Elsewhere the integral is taken numerically, and what it misses is
recorded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from leukorepro.inference.explaining.layers import Affine, Scaled
from leukorepro.inference.explaining.maps import Pooled
from leukorepro.inference.explaining.modules import Decision

Method = Literal["class-activation map, exact", "integrated gradients at the last feature map"]

STEPS = 32
"""Points at which the gradient is taken between the reference and an image, by the rule of Gauss and Legendre; exact
for polynomials, such as a cubic machine."""

TOGETHER = 256
"""Rows, an image at one point each, that pass what follows the maps at a time."""

Floats = NDArray[np.float64]


class Head(nn.Module):
    """What follows the feature maps of a system: from maps to evidence.

    Parameters
    ----------
    rests : sequence of Module
        From each map to its share of the columns, in their order.
    before : sequence of Module
        What the columns pass before the classifier: reducer and scaler.
    decision : Decision
    """

    def __init__(self, rests: Sequence[nn.Module], before: Sequence[nn.Module], decision: Decision) -> None:
        super().__init__()
        self._rests = nn.ModuleList(rests)
        self._before = nn.Sequential(*before)
        self._decision = decision

    @property
    def is_linear(self) -> bool:
        """Whether evidence is a weighted sum over the maps' places, and a constant."""
        return (
            all(isinstance(rest, Pooled | nn.Flatten | nn.Identity) for rest in self._rests)
            and all(isinstance(step, Scaled | Affine) for step in self._before)
            and self._decision.is_linear
        )

    def rows(self, *maps: Tensor) -> Tensor:
        """What the classifier gets, (n, D)."""
        columns = torch.cat([rest(each) for rest, each in zip(self._rests, maps, strict=True)], dim=1)
        rows: Tensor = self._before(columns.double())
        return rows

    def forward(self, *maps: Tensor) -> Tensor:
        """Evidence (n, 1) of two classes, (n, n_classes) of more."""
        return self._decision.evidence(self.rows(*maps))

    def scores(self, *maps: Tensor) -> Tensor:
        """Scores as in tables of predictions."""
        scores: Tensor = self._decision(self.rows(*maps))
        return scores


@dataclass(frozen=True, eq=False)
class Contributions:
    """What the places of images add to decisions.

    Attributes
    ----------
    maps : list of ndarray, each of shape (n, rows, columns)
        One for each network: the contribution of every place, in the decision's own units.
    constants, values : ndarray, shape (n,)
        The decision on the reference, and on the images' own maps; contributions make up the difference.
    missed : ndarray, shape (n,)
        What they do not make up.
    method : str
    """

    maps: list[Floats]
    constants: Floats
    values: Floats
    missed: Floats
    method: Method

    def over_image(self, size: int) -> Floats:
        """One map for each image, shape (n, size, size): that of all networks together.

        A value is what the decision, less its constant, would be if the whole image were like that place; so the mean
        over an image, and its constant, are the decision. Coarse maps are interpolated.
        """
        together: Floats = np.sum([_spread(each * each[0].size, size) for each in self.maps], axis=0)
        return together


def contributions(
    head: Head, maps: Sequence[Tensor], references: Sequence[Tensor], classes: Sequence[int]
) -> Contributions:
    """Take decisions apart.

    Parameters
    ----------
    head : Head
    maps : sequence of Tensor
        Of every network, each of shape (n, channels, rows, columns).
    references : sequence of Tensor
        Map of every network, each of shape (1, channels, rows, columns), whose decision is the constant.
    classes : sequence of int
        Column of the evidence that is explained, for each image.

    Returns
    -------
    Contributions
        A map of each image for every network, and what the maps do not make up of the decision.
    """
    from captum.attr import IntegratedGradients  # type: ignore[import-untyped]

    given = tuple(each.detach() for each in maps)
    target = torch.as_tensor(classes)
    linear = head.is_linear
    attributed = IntegratedGradients(head).attribute(
        given,
        baselines=tuple(references),
        target=target,
        n_steps=1 if linear else STEPS,
        method="gausslegendre",
        internal_batch_size=max(TOGETHER, len(target)),
    )
    places = [np.asarray(each.detach().double().sum(1)) for each in attributed]
    with torch.no_grad():
        chosen = target[:, None]
        values = np.asarray(head(*given).gather(1, chosen)[:, 0])
        constants = np.asarray(head(*references).expand(len(target), -1).gather(1, chosen)[:, 0])
    missed = values - constants - np.sum([each.sum((1, 2)) for each in places], axis=0)
    method: Method = "class-activation map, exact" if linear else "integrated gradients at the last feature map"
    return Contributions(places, constants, values, missed, method)


def _spread(maps: Floats, size: int) -> Floats:
    """Maps over an image of that side; the mean of each stays what it was."""
    spread = functional.interpolate(torch.from_numpy(maps)[:, None], (size, size), mode="bilinear", antialias=False)
    wide: Floats = spread[:, 0].numpy()
    wide += (maps.mean((1, 2)) - wide.mean((1, 2)))[:, None, None]  # sides that do not divide shift it a little
    return wide
