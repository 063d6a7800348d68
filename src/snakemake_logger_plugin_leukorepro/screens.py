"""Two ways to show a run: a panel that is redrawn, on a terminal, and lines, everywhere else."""

from __future__ import annotations

import sys
from pathlib import Path

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from snakemake_logger_plugin_leukorepro.logs import last_lines, where_it_stands
from snakemake_logger_plugin_leukorepro.run import Job, Run
from snakemake_logger_plugin_leukorepro.wording import command_again, duration, jobs, left

QUIET_SECONDS = 60.0
"""After so long without a line, one says what runs."""


class _Terminal(Console):
    """Says nothing more when nobody reads it any more, as behind `| head`; rich would end the thread that writes."""

    def on_broken_pipe(self) -> None:
        self.quiet = True


def screen_for(run: Run, *, colour: bool) -> Lines:
    """A panel where standard error is a terminal that can be redrawn, else lines."""
    console = _Terminal(stderr=True, force_terminal=sys.stderr.isatty(), no_color=not colour, highlight=False)
    return Panel(console, run) if console.is_terminal and not console.is_dumb_terminal else Lines(console, run)


class Lines:
    """A run as lines: one for each job that ends, and now and then one that says what runs.

    Parameters
    ----------
    console : Console
    run : Run
        Its state, which the owner changes.
    """

    def __init__(self, console: Console, run: Run) -> None:
        self.console = console
        self.run = run
        self._spoke = 0.0

    def begin(self, now: float) -> None:
        """The jobs are known."""
        self._line(now, f"{jobs(self.run.total)} to run")

    def finished(self, job: Job, now: float) -> None:
        """A job is done."""
        self._line(now, f"{self._standing(now)}: {job.words} ({duration(job.seconds(now))})")

    def look(self, now: float) -> None:
        """Time has passed."""
        if now - self._spoke >= QUIET_SECONDS and self.run.running:
            running = [f"{job.words} ({where})" if where else job.words for job, where in self._running()]
            self._line(now, f"{self._standing(now)}. Running: {'; '.join(running)}")

    def note(self, text: str, style: str = "") -> None:
        """Say something that stays."""
        self.console.print(Text(text, style), soft_wrap=True)

    def failed(self, job: Job, now: float) -> None:
        """A job has failed: what it was, the end of its log, the command that runs it again."""
        told = [f"Failed after {duration(job.seconds(now))}: {job.words}", *filter(None, [job.reason])]
        for log in job.log:
            lines = last_lines(Path(log)) if Path(log).exists() else []
            told += [f"{log} ends with:" if lines else f"{log} says nothing.", *(f"  {line}" for line in lines)]
        told += ["To run it again, alone:", f"  {command_again(job, sys.argv[1:])}"]
        self.note("\n  ".join(told), "red")

    def end(self, now: float, log: str) -> None:
        """The run is over; its full log lies in a file."""
        self.close()
        run, taken = self.run, duration(now - self.run.begun)
        finished = run.n_done >= run.total and not run.failed
        if finished:
            said = [f"Finished in {taken}: {jobs(run.n_done)}."]
            said += [f"{job.words}." for job in run.done if job.only_asks]
        else:
            failed = f", {len(run.failed):,} failed" if run.failed else ""
            said = [f"Stopped after {taken}: {run.n_done:,} of {jobs(run.total)} done{failed}."]
        self.note(" ".join([*said, f"Full log: {log}"]), "bold green" if finished else "bold red")

    def close(self) -> None:
        """Nothing more is to be shown."""

    def _standing(self, now: float) -> str:
        seconds = self.run.seconds_left(now)
        failed = f"{len(self.run.failed):,} failed" if self.run.failed else ""
        done = f"{self.run.n_done:,} of {jobs(self.run.total)}"
        return ", ".join(filter(None, [done, failed, left(seconds) if seconds else ""]))

    def _running(self) -> list[tuple[Job, str]]:
        """What runs, the longest first, and where each stands."""
        return [(job, where_it_stands(job.log, job.start)) for job in self.run.running.values() if not job.only_asks]

    def _line(self, now: float, text: str) -> None:
        self._spoke = now
        self.note(f"[{duration(now - self.run.begun)}] {text}")


class Panel(Lines):
    """A run as a few lines at the bottom of a terminal, redrawn in place."""

    _live: Live | None = None

    def begin(self, now: float) -> None:
        """The jobs are known."""
        self._live = Live(
            self._drawn(now),
            console=self.console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start(refresh=True)

    def finished(self, job: Job, now: float) -> None:  # noqa: ARG002  the panel shows what runs
        """A job is done."""
        self.look(now)

    def look(self, now: float) -> None:
        """Time has passed."""
        if self._live:
            self._live.update(self._drawn(now), refresh=True)

    def close(self) -> None:
        """Leave the terminal without the panel."""
        if self._live:
            self._live.stop()
            self._live = None

    def _drawn(self, now: float) -> Group:
        head = Table.grid(padding=(0, 1))
        bar = ProgressBar(total=max(1, self.run.total), completed=self.run.n_done, width=24)
        head.add_row(bar, f"{self._standing(now)}, {duration(now - self.run.begun)} so far")
        running = self._running()
        shown = running[: max(1, self.console.height - 6)]
        body = Table.grid(padding=(0, 2), expand=True)
        body.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        body.add_column(no_wrap=True, overflow="ellipsis")
        body.add_column(no_wrap=True, justify="right")
        for job, where in shown:
            body.add_row(Text(f"  {job.words}"), Text(where, "cyan"), Text(duration(job.seconds(now)), "dim"))
        below = [Text(f"  and {len(running) - len(shown):,} more", "dim")] if len(running) > len(shown) else []
        logs = [job.log[0] for job, _ in running if job.log]
        below += [Text(f"  To follow the first: tail -f {logs[0]}", "dim", no_wrap=True)] if logs else []
        return Group(head, body, *below)
