"""How long the rest of a run may take, by what was expected of its jobs or, where nothing was, by those done."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path, PurePath
from statistics import fmean, median
from typing import NamedTuple

from leukorepro.costs.schedule import Planned, schedule
from snakemake_logger_plugin_leukorepro.logs import CLOCKS_DIFFER

BENCHMARKS = Path("results/benchmarks")
"""Where the rules write how long their jobs took, a folder for each rule."""

FEW_SECONDS = 60.0
"""As long as a rule's jobs have taken no more, what was expected of them counts more than what they took."""

SHARE_TO_TELL = 0.1
SECONDS_TO_TELL = 15.0
"""How much of a run must be over before it speaks for the rest, where nothing was expected."""


class Seen(NamedTuple):
    """A job that runs, or that is done."""

    rule: str
    """As Snakemake names it; one that a loop makes is named after its study."""
    name: str
    """As forecasts have it; empty where it has none."""
    seconds: float
    """That it has taken until now."""


class Forecast:
    """What is expected of the jobs of a run, to be held against what they take.

    Parameters
    ----------
    expected : mapping
        Of every job that the run has from nothing, by its rule and its name with a slash between.
    room : int
        Cores that Snakemake is given; on a cluster, jobs that it hands over at a time.
    """

    def __init__(self, expected: Mapping[str, Planned], room: int) -> None:
        self.expected = expected
        self.room = room
        self.needed: frozenset[str] = frozenset()
        """Jobs that are known to have to run; others may, where nobody said which."""
        self._measured = {name for name in expected if (BENCHMARKS / f"{name}.tsv").exists()}

    def seconds_left(self, done: Sequence[Seen], running: Sequence[Seen], total: int) -> float:
        """How long the rest may take; 0 where what runs has taken longer than expected and nothing waits for it.

        More jobs are expected than run where a run goes on with an earlier one. Those that nobody named are the first
        to be left out, and of them those that were measured before.

        Parameters
        ----------
        done, running : sequence of Seen
        total : int
            Jobs of the run, those that are done among them.
        """
        taken = {job.name: job.seconds for job in running if job.name in self.expected}
        seen = {job.name for job in done} | taken.keys()
        to_come = sorted((name for name in self.expected if name not in seen), key=self._likely)
        surplus = len(to_come) - (total - len(done) - len(running))
        rest = dict.fromkeys([*taken, *to_come[max(0, surplus) :]])
        pace = self._pace(done, running)
        planned = {
            name: self.expected[name]._replace(
                seconds=max(0.0, pace(name) * self.expected[name].seconds - taken.get(name, 0.0)),
                after=[other for other in self.expected[name].after if other in rest],
            )
            for name in rest
        }
        return schedule(planned, self.room).seconds

    def _likely(self, name: str) -> tuple[bool, bool]:
        return name in self.needed, name not in self._measured

    def _pace(self, done: Sequence[Seen], running: Sequence[Seen]) -> Callable[[str], float]:
        """How many times longer than expected a job takes: as those of its rule did, and as most rules' did."""
        over = [job for job in running if job.name in self.expected and job.seconds > self.expected[job.name].seconds]
        took: dict[str, float] = defaultdict(float)
        should: dict[str, float] = defaultdict(float)
        for job in [*(job for job in done if job.name in self.expected), *over]:
            took[_rule(job.name)] += job.seconds
            should[_rule(job.name)] += self.expected[job.name].seconds

        def pace(name: str, usual: float) -> float:
            return (took[_rule(name)] + usual * FEW_SECONDS) / (should[_rule(name)] + FEW_SECONDS)

        usual = median([pace(rule, 1.0) for rule in [*took]] or [1.0])
        return partial(pace, usual=usual)


def name_of(measured_at: str) -> str:
    """A job's rule and name, from the file of its rule's ``benchmark:``; empty where it has none."""
    path = PurePath(measured_at)
    return str(path.relative_to(BENCHMARKS).with_suffix("")) if path.is_relative_to(BENCHMARKS) else ""


def measured(name: str, since: float) -> float | None:
    """Seconds that a job ran by its rule's own measurement; None where none that can be read was made since its start.

    Parameters
    ----------
    name : str
        Its rule and its name with a slash between; empty where it has none.
    since : float
        When the job was started.
    """
    file = BENCHMARKS / f"{name}.tsv"
    try:
        if not name or file.stat().st_mtime < since - CLOCKS_DIFFER:
            return None
        names, values = (line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()[:2])
        return float(values[names.index("s")])
    except (OSError, ValueError, IndexError):  # a display does without
        return None


def _rule(name: str) -> str:
    return name.partition("/")[0]


def of_like_jobs(
    done: Sequence[Seen], running: Sequence[Seen], planned: Counter[str], total: int, elapsed: float
) -> float | None:
    """How long the rest may take, if a rule's jobs take as long as those of it that are done; None where none can tell.

    Where none of a rule is done, its jobs are taken for average ones. What runs for longer than expected may end at any
    time, or not. Jobs that were planned and are not needed any more, those of a study without weights, are taken for
    average ones, too.

    Parameters
    ----------
    done, running : sequence of Seen
    planned : Counter
        Jobs of every rule, as they were planned.
    total : int
        Jobs of the run that are needed, those that are done among them.
    elapsed : float
        Seconds since the run began.
    """
    if len(done) < max(1.0, SHARE_TO_TELL * total) or elapsed < SECONDS_TO_TELL:
        return None
    taken: dict[str, list[float]] = defaultdict(list)
    for job in done:
        taken[job.rule].append(job.seconds)
    usual = {rule: fmean(seconds) for rule, seconds in taken.items()}
    any_job = fmean(job.seconds for job in done)
    to_come = planned - Counter(job.rule for job in [*done, *running])
    work = sum(number * usual.get(rule, any_job) for rule, number in to_come.items())
    dropped = to_come.total() + len(running) + len(done) - total
    if to_come and dropped > 0:  # it is not said which
        work *= max(0.0, 1 - dropped / to_come.total())
    work += sum(max(0.0, usual.get(job.rule, any_job) - job.seconds) for job in running)
    at_once = sum(job.seconds for job in [*done, *running]) / elapsed
    return work / max(1.0, at_once) or None
