"""Registry of descriptors: features that are computed from the pixels without a network.

Adding a descriptor is one entry of `DESCRIPTORS` and the function that it names. This module imports no library,
because the workflow reads it whenever it is parsed; `leukorepro.features.descriptors.describe` imports what an entry
names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from leukorepro.core.errors import UserError, unknown


@dataclass(frozen=True)
class Descriptor:
    """A function from a resized image to a vector of features."""

    function: str
    """`package.module:function`, from RGB pixels (uint8, shape (size, size, 3)) to values of `dtype`, shape (dim,)."""
    dim: Callable[[int], int]
    """Number of features, from the side of the image."""
    input_size: int
    """Side of the square that images are resized to, in pixels, where nobody says another one."""
    about: str
    """What the values are, in one line; recorded in the feature file."""
    dtype: Literal["float32", "uint8"] = "float32"


IMAGES = "images"
"""The descriptor that is no description: the pixels as they are."""

SIZE_AND_COLOUR = "size_and_colour"
"""The descriptor that the controls of the cell's size and colour see."""

DESCRIPTORS: dict[str, Descriptor] = {
    IMAGES: Descriptor(
        function="leukorepro.features.descriptors.pixels:image",
        dim=lambda size: 3 * size * size,
        input_size=224,
        about="red, green and blue of every pixel, 0 to 255, for networks to be trained on",
        dtype="uint8",  # C-NMC's 10,661 images of 450 x 450 pixels would be 26 GB in float32
    ),
    "pixels": Descriptor(
        function="leukorepro.features.descriptors.pixels:pixels",
        dim=lambda size: 3 * size * size,
        input_size=70,  # Rezayi (2021), section 2.2
        about="red, green and blue of every pixel, 0 to 1",
    ),
    "lab_segments": Descriptor(
        function="leukorepro.features.descriptors.colour:lab_segments",
        dim=lambda _: 27,
        input_size=112,
        about="shares, mean colours and deviations of three segments by colour, and of the image, in CIE L*a*b*",
    ),
    "hsv_segments": Descriptor(
        function="leukorepro.features.descriptors.colour:hsv_segments",
        dim=lambda _: 27,
        input_size=112,
        about="shares, mean colours and deviations of three segments by colour, and of the image, in HSV",
    ),
    "cell_area": Descriptor(
        function="leukorepro.features.descriptors.cell_area:cell_area",
        dim=lambda _: 1,
        input_size=224,
        about="share of the image that its cell covers",
    ),
    SIZE_AND_COLOUR: Descriptor(
        function="leukorepro.features.descriptors.cell_area:size_and_colour",
        dim=lambda _: 4,
        input_size=112,
        about="share of the image that its cell covers, and the mean colour of the cell in CIE L*a*b*",
    ),
}
"""Known descriptors by name."""


def find_descriptor(name: str) -> Descriptor:
    """Return the descriptor called `name`.

    Raises
    ------
    UserError
        If there is none of that name, with those that there are and the closest of them.
    """
    if name not in DESCRIPTORS:
        raise UserError(unknown("descriptor", name, DESCRIPTORS))
    return DESCRIPTORS[name]
