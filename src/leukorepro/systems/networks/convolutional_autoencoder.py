"""The convolutional autoencoder of Al-Hammadi (2024)."""

from __future__ import annotations

from collections import OrderedDict
from math import isqrt
from typing import Literal

from torch import Tensor, nn

from leukorepro.core.errors import UserError
from leukorepro.systems.networks.layers import WHITE, ScalePixels

CODE_CHANNELS = 27
BLOCK = 3
"""Side of the squares that pooling makes one value of, and that depth-to-space makes of nine channels."""
SHRINKAGE = BLOCK**2
"""Pixels of an image along one of the code."""
LEAK = 0.01
"""Slope of the leaky rectifier for negative values; MATLAB's default."""


class ConvAutoencoder(nn.Module):
    """Images to a code with a ninth as many values, and back.

    Attributes
    ----------
    encoder, decoder : Sequential

    Notes
    -----
    Al-Hammadi (2024), section 5 and Figure 3: 3x3 convolutions with 9, 27 and 27 filters; pooling by 3 after the first
    two; the code, 50 x 50 x 27 = 67,500 values for images of 450 x 450, made flat; then a mirror image with
    depth-to-space in place of pooling. The learnables that the figure prints (252, 2,214, 6,588; 6,588, 252, 30; 15,924
    in all) fix the decoder: 27 channels become 3 and those, after a convolution, 9 become 1. The figure's first
    depth-to-space brings the flat code back into its shape. The figure says average pooling, the text maximum pooling.
    A leaky rectifier follows every convolution, the last one too.

    torch's depth-to-space numbers the channels of a square otherwise than MATLAB's; the convolution in front of it
    learns either order as well.
    """

    def __init__(self, pooling: Literal["average", "max"]) -> None:
        super().__init__()
        pool = nn.AvgPool2d if pooling == "average" else nn.MaxPool2d
        self.encoder = nn.Sequential(
            OrderedDict(
                input=ScalePixels(),
                conv1=_conv(3, 9),
                leaky_relu1=nn.LeakyReLU(LEAK),
                pool1=pool(BLOCK),
                conv2=_conv(9, CODE_CHANNELS),
                leaky_relu2=nn.LeakyReLU(LEAK),
                pool2=pool(BLOCK),
                conv3=_conv(CODE_CHANNELS, CODE_CHANNELS),
                leaky_relu3=nn.LeakyReLU(LEAK),
                flatten=nn.Flatten(),
            )
        )
        self.decoder = nn.Sequential(
            OrderedDict(
                depth_to_space1=CodeToMaps(),
                conv4=_conv(CODE_CHANNELS, CODE_CHANNELS),
                leaky_relu4=nn.LeakyReLU(LEAK),
                depth_to_space2=nn.PixelShuffle(BLOCK),
                conv5=_conv(3, 9),
                leaky_relu5=nn.LeakyReLU(LEAK),
                depth_to_space3=nn.PixelShuffle(BLOCK),
                conv6=_conv(1, 3),
                leaky_relu6=nn.LeakyReLU(LEAK),
                output=ChannelsLast(),
            )
        )

    def encode(self, images: Tensor) -> Tensor:
        """Code of images.

        Parameters
        ----------
        images : Tensor of uint8, shape (n, size, size, 3)
            RGB; the side is a multiple of 9.

        Returns
        -------
        Tensor of float32, shape (n, 27 * (size / 9)**2)
            Channel by channel, row by row.

        Raises
        ------
        UserError
            If the images' side is not a multiple of 9.
        """
        code_size(images.shape[1])
        codes: Tensor = self.encoder(images)
        return codes

    def forward(self, images: Tensor) -> Tensor:
        """Images as they come back from their code.

        Parameters
        ----------
        images : Tensor of uint8, shape (n, size, size, 3)
            RGB; the side is a multiple of 9.

        Returns
        -------
        Tensor of float32, shape (n, size, size, 3)
            On the scale of `target`, from slightly below 0 to perhaps above 1.
        """
        reconstruction: Tensor = self.decoder(self.encode(images))
        return reconstruction

    def target(self, images: Tensor) -> Tensor:
        """What the reconstruction is to equal.

        Parameters
        ----------
        images : Tensor of uint8, shape (n, size, size, 3)
            RGB.

        Returns
        -------
        Tensor of float32, shape (n, size, size, 3)
            From 0 to 1.
        """
        return images.float() / WHITE


class CodeToMaps(nn.Module):
    """A flat code to square maps."""

    def forward(self, codes: Tensor) -> Tensor:
        """Codes (n, 27 * side**2) to maps (n, 27, side, side)."""
        side = isqrt(codes.shape[1] // CODE_CHANNELS)
        return codes.reshape(-1, CODE_CHANNELS, side, side)


class ChannelsLast(nn.Module):
    """Maps to images."""

    def forward(self, maps: Tensor) -> Tensor:
        """Maps (n, 3, height, width) to images (n, height, width, 3)."""
        return maps.permute(0, 2, 3, 1)


def code_size(size: int) -> int:
    """Number of values in the code of images of that side.

    Raises
    ------
    UserError
        If it is not a multiple of 9.
    """
    if size % SHRINKAGE:
        raise UserError(
            f"images of {size} x {size} pixels: the convolutional autoencoder makes one value of {SHRINKAGE} pixels "
            f"along each side; give the descriptor of the images an input_size that is a multiple of {SHRINKAGE}, such "
            f"as {max(1, round(size / SHRINKAGE)) * SHRINKAGE}."
        )
    return CODE_CHANNELS * (size // SHRINKAGE) ** 2


def _conv(n_in: int, n_out: int) -> nn.Conv2d:
    return nn.Conv2d(n_in, n_out, 3, padding=1)
