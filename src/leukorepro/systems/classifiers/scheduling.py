"""Running many fits, side by side where their libraries allow it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from tqdm import tqdm

T = TypeVar("T")


def run_all(jobs: Iterable[tuple[bool, Callable[[], T]]], threads: int, *, progress: bool = True) -> list[T]:
    """Run jobs and return what they return, in their order.

    Parameters
    ----------
    jobs : iterable of (bool, callable)
        Whether a job must run in the main thread, and the job. It is forgotten once it has run, with its memory.
    threads : int
        Jobs that run at once. Matrix products inside a job use one thread each, so that their last digits do not
        depend on this number.
    progress : bool
        Whether a bar tells how many are done.

    Raises
    ------
    Exception
        What a job raises; jobs that have not begun are dropped.
    """
    mine: dict[int, Callable[[], T]] = {}
    others: dict[int, Future[T]] = {}
    results: dict[int, T] = {}
    with threadpool_limits(1), ThreadPoolExecutor(threads) as pool:
        try:
            for number, (in_main_thread, job) in enumerate(jobs):
                if in_main_thread or threads == 1:
                    mine[number] = job
                else:
                    others[number] = pool.submit(job)
                del job  # the last one would be kept
            bar_of = partial(tqdm, desc="classify", unit="fit", mininterval=1, delay=1, disable=not progress)
            with bar_of(total=len(mine) + len(others)) as bar:
                for number in list(mine):
                    results[number] = mine.pop(number)()
                    bar.update()
                for number, future in others.items():
                    results[number] = future.result()
                    bar.update()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [results[number] for number in sorted(results)]
