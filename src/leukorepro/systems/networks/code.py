"""One-dimensional networks on the code of the convolutional autoencoder."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable

from torch import nn

from leukorepro.systems.networks.layers import ChannelNorm, OneStepConv1d, SameConv1d, scaled

KERNEL = 32
FILTERS = (40, 80)
DROPOUT = 0.5

Convolution = Callable[[int, int, int], nn.Module]
"""From channels in, channels out and taps."""


def code_channels(dim: int, n_classes: int, width: float) -> nn.Sequential:
    """The code as the channels of a sequence that has one step, as its 86,503,162 learnables say.

    Parameters
    ----------
    dim : int
        Values of the code; 67,500 in the paper.
    n_classes : int
        Outputs.
    width : float
        Share of the filters.

    Notes
    -----
    Al-Hammadi (2024), section 5 and Figure 4. A kernel of 32 taps over 67,500 channels has 32 * 67,500 * 40 + 40
    learnables, and no other reading of the paper comes near its 86.5 million. On a sequence of one step a single tap of
    each kernel meets data and the other 31 meet the padding: 83.8 million learnables never have a gradient. Only the
    live tap is kept and computed, which changes no number; the idle ones are counted in summaries
    (`leukorepro.systems.networks.layers.OneStepConv1d`).

    Dropout stands behind each of the two blocks, as the text says. Layer norm is over the channels of a step.
    """
    return _network(nn.Unflatten(1, (dim, 1)), dim, OneStepConv1d, n_classes, width)


def code_sequence(dim: int, n_classes: int, width: float) -> nn.Sequential:
    """The code as a sequence with one channel: the second reading of the paper, with 104,442 learnables.

    Parameters
    ----------
    dim : int
        Steps of the sequence; 67,500 in the paper.
    n_classes : int
        Outputs.
    width : float
        Share of the filters.

    Notes
    -----
    Al-Hammadi (2024), section 5: the filters capture spatial patterns of the flat code, and global pooling takes their
    mean, which `code_channels` has no use for. The layers are the same, with 'same' padding.
    """
    return _network(nn.Unflatten(1, (1, dim)), 1, SameConv1d, n_classes, width)


def _network(first: nn.Module, n_in: int, convolution: Convolution, n_classes: int, width: float) -> nn.Sequential:
    layers: OrderedDict[str, nn.Module] = OrderedDict(sequence=first)
    for number, filters in enumerate(FILTERS, 1):
        n_out = scaled(filters, width)
        layers[f"conv{number}"] = convolution(n_in, n_out, KERNEL)
        layers[f"norm{number}"] = nn.BatchNorm1d(n_out)
        layers[f"relu{number}"] = nn.ReLU(inplace=True)
        layers[f"layer_norm{number}"] = ChannelNorm(n_out)
        layers[f"dropout{number}"] = nn.Dropout(DROPOUT)
        n_in = n_out
    layers |= {
        "pool": nn.AdaptiveAvgPool1d(1),
        "flatten": nn.Flatten(),
        "classes": nn.Linear(n_in, n_classes),
    }
    return nn.Sequential(layers)
