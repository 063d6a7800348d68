"""One worker behind a short queue: images are answered one after another, and the page stays responsive meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")


class Full(Exception):
    """There is no place left in the queue."""


class Desk:
    """A queue with a fixed number of places, and a thread that serves it.

    Parameters
    ----------
    places : int
        How many requests may be received, waiting or answered at a time. Each holds one image in memory.
    """

    def __init__(self, places: int) -> None:
        self._free = places
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="model")

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place, from before an image is received until it is answered.

        Raises
        ------
        Full
        """
        if self._free == 0:
            raise Full
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1

    async def do(self, work: Callable[[bytes], T], image: bytes) -> T:
        """What comes of an image, after those that came before."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, image)
