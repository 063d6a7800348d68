from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from leukorepro.core.read_ahead import read_ahead


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("n", [0, 1, 4, 30])
def test_results_come_in_the_order_of_the_items_however_long_each_takes(threads: int, n: int) -> None:
    def work(item: int) -> int:
        time.sleep((item * 7 % 5) / 1000)
        return item * item

    assert list(read_ahead(work, range(n), threads)) == [(item, item * item) for item in range(n)]


@pytest.mark.parametrize("threads", [1, 3])
def test_no_more_is_taken_than_two_for_each_thread_and_the_one_in_use(threads: int) -> None:
    taken = used = 0

    def items() -> Iterator[int]:
        nonlocal taken
        for item in range(50):
            taken += 1
            assert taken - used <= 2 * threads + 1
            yield item

    for _ in read_ahead(lambda item: item, items(), threads):
        used += 1
    assert used == 50


def test_threads_work_side_by_side_and_not_in_the_callers() -> None:
    meeting = threading.Barrier(3, timeout=10)  # nobody passes before three have come
    names = [name for _, name in read_ahead(lambda _: (meeting.wait(), threading.current_thread())[1], range(6), 3)]
    assert threading.main_thread() not in names


@pytest.mark.parametrize("leave", ["an error", "no more wanted"])
def test_what_has_not_been_begun_is_dropped(leave: str) -> None:
    begun = []

    def work(item: int) -> int:
        begun.append(item)
        if leave == "an error" and item == 2:
            raise ValueError("item 2")
        return item

    results = read_ahead(work, range(1000), 2)
    assert next(results) == (0, 0)
    assert next(results) == (1, 1)
    if leave == "an error":
        with pytest.raises(ValueError, match="item 2"):
            next(results)
    else:
        results.close()
    n = len(begun)
    assert n <= 2 + 5
    time.sleep(0.05)
    assert len(begun) == n  # nor is anything begun later
