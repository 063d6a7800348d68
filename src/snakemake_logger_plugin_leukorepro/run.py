"""The state of a run: what is done, what runs, what failed, and how long the rest may take."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from snakemake_logger_plugin_leukorepro.logs import begun
from snakemake_logger_plugin_leukorepro.remaining import Forecast, Seen, measured, name_of, of_like_jobs


@dataclass(frozen=True)
class Job:
    """A job that was started; times are seconds since the epoch."""

    rule: str
    words: str
    """What it does, as a person would say it."""
    log: Sequence[str]
    output: Sequence[str]
    only_asks: bool
    """Whether it runs nothing and stands for the files that were asked for."""
    start: float
    name: str = ""
    """Its rule and what tells it from the rule's other jobs, with slashes, as its benchmark's file is named."""
    end: float | None = None
    reason: str = ""
    """Why it failed, where a cluster knows."""

    begun: float | None = None
    """When it was first seen to have begun, which on a cluster is later than its start."""
    worked: float | None = None
    """How long it ran by its rule's own measurement, which leaves out its time in a cluster's queue."""

    def seconds(self, now: float) -> float:
        """How long it has run, or ran; on a cluster, since it was handed over."""
        return max(0.0, (now if self.end is None else self.end) - self.start)

    def at_work(self, now: float) -> float:
        """The same without waiting in a queue, as far as that is known."""
        if self.worked is not None:
            return self.worked
        if self.end is None:
            return 0.0 if self.begun is None else max(0.0, now - self.begun)
        return self.seconds(now)


class Run:
    """Jobs by their numbers, as Snakemake's records tell of them."""

    def __init__(self) -> None:
        self.begun = 0.0
        self.total = 0
        self.running: dict[int, Job] = {}
        self.done: list[Job] = []
        self.failed: dict[int, Job] = {}
        self._planned: Counter[str] = Counter()
        self._forecast: Forecast | None = None

    def foresee(self, expected: Mapping[str, Any], room: int) -> None:
        """What is expected of every job of the whole run, which is known before it is which of them have to run."""
        self._forecast = Forecast(expected, room) if expected else None

    def need(self, measured_at: Sequence[str]) -> None:
        """Which jobs have to run, as far as it is known, by the files of their rules' ``benchmark:``."""
        if self._forecast:
            self._forecast.needed = frozenset(map(name_of, measured_at))

    def begin(self, now: float, planned: Mapping[str, int]) -> None:
        """Jobs will run: how many of each rule, and how many as ``total``."""
        self.begun, self.total = now, planned["total"]
        self._planned = Counter({rule: number for rule, number in planned.items() if rule != "total"})

    def start(self, now: float, record: Mapping[str, Any]) -> None:
        """A job was started, or handed to a cluster."""
        self.failed.pop(record["jobid"], None)
        self.running[record["jobid"]] = Job(
            record["rule_name"],
            record.get("words") or words_of(record["rule_name"], record["wildcards"]),
            record["log"],
            record["output"],
            only_asks=record["shellcmd"] is None,
            start=now,
            name=name_of(record.get("benchmark") or ""),
        )

    def finish(self, now: float, number: int) -> Job | None:
        """A job is done; None where its start was not told."""
        if number not in self.running:
            return None
        job = self.running.pop(number)
        self.done.append(replace(job, end=now, worked=measured(job.name, job.start)))
        return self.done[-1]

    def fail(self, now: float, record: Mapping[str, Any]) -> Job:
        """A job has failed; the cluster's own log of it, if there is one, now counts among its logs."""
        number = record["jobid"]
        if number not in self.running:
            self.start(now, {"wildcards": {}, **record})
        job, reason = self.running.pop(number), record.get("rule_msg") or ""
        self.failed[number] = replace(job, end=now, log=record["log"], reason=reason)
        return self.failed[number]

    def look(self) -> None:
        """See which jobs have begun; asked often, so that it is known when."""
        for number, job in self.running.items():
            if job.begun is None:
                self.running[number] = replace(job, begun=begun(job.log, job.start))

    def expect(self, total: int) -> None:
        """So many jobs in all, without those that turned out not to be needed."""
        self.total = max(total, self.n_done)

    @property
    def n_done(self) -> int:
        """Jobs that are done."""
        return len(self.done)

    def seconds_left(self, now: float) -> float | None:
        """How long the rest may take; None as long as that cannot be told, as after a failure."""
        if self.failed:
            return None
        self.look()
        done = [Seen(job.rule, job.name, job.at_work(now)) for job in self.done]
        running = [Seen(job.rule, job.name, job.at_work(now)) for job in self.running.values()]
        if self._forecast:
            return self._forecast.seconds_left(done, running, self.total) or None
        return of_like_jobs(done, running, self._planned, self.total, now - self.begun)


def words_of(rule: str, wildcards: Mapping[str, str]) -> str:
    """A job in words, for a rule that has no message."""
    return " ".join([rule.replace("_", " "), *filter(None, [", ".join(map(str, wildcards.values()))])])
