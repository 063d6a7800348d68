"""Reading ahead: what comes next is made by threads while what is there is used."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[tuple[Item, Result]]:
    """Every item and what `work` makes of it, in the order of the items.

    Each thread has one item at hand and one more waiting, so that memory does not grow with the number of items.

    Parameters
    ----------
    work : callable
        Called from several threads at once.
    items : iterable
        Taken one by one, as threads get free.
    threads : int
        That work at the same time.

    Yields
    ------
    (item, result)

    Raises
    ------
    Exception
        What `work` raises, when the item's turn comes. Then, and when no more results are wanted, items that have not
        been begun are dropped.
    """
    waiting: deque[tuple[Item, Future[Result]]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        try:
            for item in items:
                waiting.append((item, pool.submit(work, item)))
                if len(waiting) > 2 * threads:
                    first, future = waiting.popleft()
                    yield first, future.result()
            while waiting:
                first, future = waiting.popleft()
                yield first, future.result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
