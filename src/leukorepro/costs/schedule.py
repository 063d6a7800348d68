"""When jobs run, if each starts as soon as what it waits for is done and cores are free."""

from __future__ import annotations

import heapq
from collections.abc import Hashable, Mapping, Sequence
from typing import NamedTuple, TypeVar

J = TypeVar("J", bound=Hashable)


class Planned(NamedTuple):
    """What is known of a job before it runs."""

    seconds: float
    threads: int
    """Of the room that jobs share, what it takes: threads of a machine's cores, one of so many jobs at a time."""
    memory: float
    after: Sequence[Hashable]
    """Jobs that it waits for."""


class Schedule(NamedTuple):
    """What comes of running all jobs."""

    seconds: float
    """Until the last one ends."""
    memory: float
    """Of the jobs that run at the same time, at most."""


def schedule(jobs: Mapping[J, Planned], room: int) -> Schedule:
    """Run jobs one after another or side by side, each as soon as it can.

    First those of many threads, as the rules' priorities say; of others, those behind which the longest work waits.

    Parameters
    ----------
    jobs : mapping
        Of each job what is known of it; one that asks for more than there is gets all of it.
    room : int
        What they share: cores that Snakemake is given, or jobs that it may hand to a cluster at a time.

    Returns
    -------
    Schedule

    Raises
    ------
    ValueError
        If jobs wait for each other in a circle, or for one that is not there.
    """
    left = {job: sum(1 for _ in planned.after) for job, planned in jobs.items()}
    followers: dict[Hashable, list[J]] = {job: [] for job in jobs}
    for job, planned in jobs.items():
        for other in planned.after:
            if other not in followers:
                raise ValueError(f"{job} waits for {other}, which is no job")
            followers[other].append(job)
    behind = _behind(jobs, followers, left)
    number = {job: i for i, job in enumerate(jobs)}

    def order(job: J) -> tuple[int, float, int]:
        return -min(jobs[job].threads, room), -behind[job], number[job]

    ready = sorted((job for job, n in left.items() if n == 0), key=order)
    running: list[tuple[float, int, J]] = []
    now = memory = most = 0.0
    free = room
    while ready or running:
        for job in list(ready):
            threads = min(jobs[job].threads, room)
            if threads <= free:
                ready.remove(job)
                free -= threads
                memory += jobs[job].memory
                heapq.heappush(running, (now + jobs[job].seconds, number[job], job))
        most = max(most, memory)
        now, _, done = heapq.heappop(running)
        free += min(jobs[done].threads, room)
        memory -= jobs[done].memory
        for job in followers[done]:
            left[job] -= 1
            if left[job] == 0:
                ready.append(job)
        ready.sort(key=order)
    return Schedule(now, most)


def _behind(
    jobs: Mapping[J, Planned], followers: Mapping[Hashable, Sequence[J]], left: Mapping[J, int]
) -> dict[J, float]:
    """Of each job, how long it takes with all that waits for it, on the longest way."""
    waiting = dict(left)
    order = [job for job, n in left.items() if n == 0]
    for job in order:
        for follower in followers[job]:
            waiting[follower] -= 1
            if waiting[follower] == 0:
                order.append(follower)
    if len(order) < len(jobs):
        raise ValueError("jobs wait for each other in a circle")
    behind: dict[J, float] = {}
    for job in reversed(order):
        behind[job] = jobs[job].seconds + max((behind[other] for other in followers[job]), default=0.0)
    return behind
