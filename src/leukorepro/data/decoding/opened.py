"""What opening an image file comes to: its image, or a refusal that says why not."""

from __future__ import annotations

import errno
import struct
from collections.abc import Callable, Sequence
from typing import Literal, NamedTuple

from PIL import ImageFile

Status = Literal["empty", "truncated", "damaged", "not_an_image", "oversized", "unsupported", "unreadable"]
"""Why a file gives no image: no bytes; ends early; wrong bytes inside; not an image; more pixels than allowed; a
format, compression or kind of pixel without a rule; refused by the file system."""

# What Pillow's readers raise on damaged files.
DAMAGE = (OSError, SyntaxError, ValueError, TypeError, LookupError, EOFError, OverflowError, struct.error)


def is_of_the_system(error: Exception) -> bool:
    """Whether the file system refused, and not a reader; a damaged file may name a place that no file has (EINVAL)."""
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


class RefusedImage(Exception):
    """A file that gives no image, with its status and the reason in words."""

    def __init__(self, status: Status, reason: str) -> None:
        super().__init__(f"{status}: {reason}")
        self.status: Status = status
        self.reason = reason


def _nothing_more() -> None:
    """Reading notices what there is to notice."""


class Opened(NamedTuple):
    """A file's image, or its three channels, which Pillow has opened and may not have loaded yet."""

    images: Sequence[ImageFile.ImageFile]
    """One image; or three grey ones, which are red, green and blue."""
    bits: int
    """Bits of a sample in the file; 8 where there are no deeper ones."""
    steps: tuple[str, ...] = ()
    """What was done to choose and read them, in words."""
    look_for_damage: Callable[[], None] = _nothing_more
    """Raises RefusedImage for damage that reading does not notice."""


def check_size(width: int, height: int, max_pixels: int) -> None:
    """Refuse an image that is larger than the user allows.

    Parameters
    ----------
    width, height : int
        Of the image, pixels.
    max_pixels : int
        Their largest product that is allowed.

    Raises
    ------
    RefusedImage
        With the status ``oversized``.
    """
    if width * height > max_pixels:
        raise RefusedImage("oversized", f"{width} x {height} pixels, more than max_pixels = {max_pixels}")
