"""GoogLeNet without batch norm: Caffe's model (models/bvlc_googlenet of github.com/BVLC/caffe), and MATLAB's.

torchvision's GoogLeNet is TensorFlow's: every convolution is followed by batch norm and has no bias, the third branch
of an inception block has a 3 x 3 kernel, and nothing else is normalised. Here convolutions have a bias and are
rectified, the third branch has the paper's 5 x 5 kernel, and local response norm follows the first pooling and precedes
the second; dropout in front of the last layer is 0.4.

A converted file is a state dict with torchvision's names, such as `conv1.conv.weight` and `conv1.conv.bias`; Caffe's
stand behind them here: `conv1` (conv1/7x7_s2), `conv2` (conv2/3x3_reduce), `conv3` (conv2/3x3); of each of the blocks
`inception3a` to `inception5b` the branches `branch1` (1x1), `branch2.0` (3x3_reduce), `branch2.1` (3x3), `branch3.0`
(5x5_reduce), `branch3.1` (5x5) and `branch4.1` (pool_proj); and `fc.weight` and `fc.bias`, which may be missing.
Weights have the shape (outputs, inputs, rows, columns), as Caffe's; MATLAB's are (rows, columns, inputs, outputs). The
network sees red, green, blue; Caffe's was trained on blue, green, red: the inputs of its first convolution change
places.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from torchvision.models.googlenet import GoogLeNet, Inception, InceptionAux


class RectifiedConvolution(nn.Module):
    """A convolution with a bias, and a rectifier; takes what `torch.nn.Conv2d` takes."""

    def __init__(self, inputs: int, outputs: int, **options: Any) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, **options)

    def forward(self, batch: Tensor) -> Tensor:
        """Convolve and rectify."""
        return nn.functional.relu(self.conv(batch))


class InceptionBlock(Inception):  # type: ignore[misc]
    """An inception block whose third branch has a 5 x 5 kernel."""

    def __init__(self, *channels: int) -> None:
        super().__init__(*channels, conv_block=RectifiedConvolution)
        *_, reduced, wide, _ = channels
        self.branch3[1] = RectifiedConvolution(reduced, wide, kernel_size=5, padding=2)


def googlenet_caffe() -> nn.Module:
    """GoogLeNet without batch norm, with local response norm, for 1,000 classes; without its auxiliary heads.

    Notes
    -----
    Szegedy et al. (2015), Going deeper with convolutions, table 1; norms, poolings and dropout as in the model that
    Caffe's authors published. It has 6,998,552 learnables.
    """
    network: nn.Module = GoogLeNet(
        aux_logits=False, init_weights=False, blocks=[RectifiedConvolution, InceptionBlock, InceptionAux], dropout=0.4
    )
    # Neither norms nor poolings have parameters: names stay as they are.
    network.maxpool1 = nn.Sequential(_pooling(), _local_response_norm())
    network.maxpool2 = nn.Sequential(_local_response_norm(), _pooling())
    network.maxpool4 = _pooling()
    return network


def _pooling() -> nn.Module:
    return nn.MaxPool2d(3, stride=2, ceil_mode=True)


def _local_response_norm() -> nn.Module:
    return nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=1.0)
