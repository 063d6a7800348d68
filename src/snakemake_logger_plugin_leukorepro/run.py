"""The state of a run: what is done, what runs, what failed, and how long the rest may take."""

from __future__ import annotations

import csv
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean
from typing import Any

BENCHMARKS = Path("results/benchmarks")
"""Where the rules write how long their jobs took, a folder for each rule."""

SHARE_TO_TELL = 0.1
SECONDS_TO_TELL = 15.0
"""How much of a run must be over before the time that is left is told."""


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
    end: float | None = None
    reason: str = ""
    """Why it failed, where a cluster knows."""

    def seconds(self, now: float) -> float:
        """How long it has run, or ran."""
        return max(0.0, (now if self.end is None else self.end) - self.start)


class Run:
    """Jobs by their numbers, as Snakemake's records tell of them.

    Parameters
    ----------
    benchmarks : Path
        Folder of the benchmarks that earlier runs have left.
    """

    def __init__(self, benchmarks: Path = BENCHMARKS) -> None:
        self.benchmarks = benchmarks
        self.begun = 0.0
        self.total = 0
        self.running: dict[int, Job] = {}
        self.done: list[Job] = []
        self.failed: dict[int, Job] = {}
        self._planned: Counter[str] = Counter()
        self._earlier: dict[str, float] = {}

    def begin(self, now: float, planned: Mapping[str, int]) -> None:
        """Jobs will run: how many of each rule, and how many as ``total``."""
        self.begun, self.total = now, planned["total"]
        self._planned = Counter({rule: number for rule, number in planned.items() if rule != "total"})
        self._earlier = {rule: usual for rule in self._planned if (usual := usual_seconds(self.benchmarks, rule))}

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
        )

    def finish(self, now: float, number: int) -> Job | None:
        """A job is done; None where its start was not told."""
        if number not in self.running:
            return None
        self.done.append(replace(self.running.pop(number), end=now))
        return self.done[-1]

    def fail(self, now: float, record: Mapping[str, Any]) -> Job:
        """A job has failed; the cluster's own log of it, if there is one, now counts among its logs."""
        number = record["jobid"]
        if number not in self.running:
            self.start(now, {"wildcards": {}, **record})
        job, reason = self.running.pop(number), record.get("rule_msg") or ""
        self.failed[number] = replace(job, end=now, log=record["log"], reason=reason)
        return self.failed[number]

    def expect(self, total: int) -> None:
        """So many jobs in all, without those that turned out not to be needed."""
        self.total = max(total, self.n_done)

    @property
    def n_done(self) -> int:
        """Jobs that are done."""
        return len(self.done)

    def seconds_left(self, now: float) -> float | None:
        """How long the rest may take; None as long as that cannot be told.

        A rule's jobs are expected to take as long as those of it that are done. Where none is, as long as in earlier
        runs, by the pace of this one; where there are none either, as long as any job of this run. What runs for longer
        than expected may end at any time, or not; and after a failure nobody knows what will still run. Jobs that were
        planned and are not needed any more, those of a study without weights, are taken for average ones.
        """
        elapsed = now - self.begun
        if self.failed or self.n_done < max(1.0, SHARE_TO_TELL * self.total) or elapsed < SECONDS_TO_TELL:
            return None
        taken: dict[str, list[float]] = defaultdict(list)
        for job in self.done:
            taken[job.rule].append(job.seconds(now))
        both = [rule for rule in taken if rule in self._earlier]
        before = sum(self._earlier[rule] * len(taken[rule]) for rule in both)
        pace = sum(sum(taken[rule]) for rule in both) / before if before else 1.0
        usual = {rule: pace * seconds for rule, seconds in self._earlier.items()}
        usual |= {rule: fmean(seconds) for rule, seconds in taken.items()}
        any_job = fmean(job.seconds(now) for job in self.done)

        running = self.running.values()
        to_come = self._planned - Counter(job.rule for job in [*self.done, *running])
        work = sum(number * usual.get(rule, any_job) for rule, number in to_come.items())
        dropped = to_come.total() + len(running) + self.n_done - self.total
        if to_come and dropped > 0:  # it is not said which
            work *= max(0.0, 1 - dropped / to_come.total())
        work += sum(max(0.0, usual.get(job.rule, any_job) - job.seconds(now)) for job in running)
        at_once = sum(job.seconds(now) for job in [*self.done, *running]) / elapsed
        return work / max(1.0, at_once) or None


def usual_seconds(benchmarks: Path, rule: str) -> float | None:
    """How long the jobs of a rule took in earlier runs, on average; None where no run has left a benchmark.

    Parameters
    ----------
    benchmarks : Path
        Folder with one for each rule.
    rule : str
        One that a loop makes is named after its study, ``evaluate_atteia2022``; its benchmarks are then the files
        ``atteia2022.tsv`` in the folder ``evaluate``.
    """
    parts = rule.split("_")
    for cut in range(len(parts), 0, -1):
        folder, name = benchmarks / "_".join(parts[:cut]), "_".join(parts[cut:]) or "*"
        if taken := [seconds for file in folder.rglob(f"{name}.tsv") for seconds in _seconds(file)]:
            return fmean(taken)
    return None


def _seconds(benchmark: Path) -> list[float]:
    """The durations in a benchmark's file, which may be cut off."""
    with benchmark.open(encoding="utf-8") as rows:
        texts = [row.get("s") or "" for row in csv.DictReader(rows, delimiter="\t")]
    return [float(text) for text in texts if re.fullmatch(r"\d+\.?\d*", text)]


def words_of(rule: str, wildcards: Mapping[str, str]) -> str:
    """A job in words, for a rule that has no message."""
    return " ".join([rule.replace("_", " "), *filter(None, [", ".join(map(str, wildcards.values()))])])
