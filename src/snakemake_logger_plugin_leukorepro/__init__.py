"""What people see while the workflow runs: `snakemake --logger leukorepro`, on in the project's profiles.

Snakemake finds logger plugins by the name of their package. On a terminal there is a panel of what is done and what
runs, elsewhere a line for each finished job; all of Snakemake's own text goes to its log file, which the last line
names. Who asks Snakemake for more or less than usual (``-n``, ``-p``, ``--quiet``, ``--verbose``, ``--debug-dag``)
gets Snakemake's own text, unchanged.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

if TYPE_CHECKING:
    from snakemake_logger_plugin_leukorepro.screens import Lines

NOTES = ("Nothing to be done", "Trying to restart job", "Will exit after finishing", "SLURM run ID", "The whole run: ")
"""What of Snakemake's plain text is shown while jobs run; the rest is for the log."""

SAID_ELSEWHERE = ("Exiting because a job execution failed", "WorkflowError:\nAt least one job did not complete")
"""Errors that repeat what a failed job or the last line has said."""

SENTENCE = re.compile(r"leukorepro: .+|^\w+Error: \[Errno \d+\] .+", re.MULTILINE)
"""What an error of ours or of the system tells a person; where it was raised, which Snakemake adds, is for the log."""

KILLED = ("returned non-zero exit status 137.", "died with <Signals.SIGKILL: 9>.")
ON_KILLED = (
    "The system ended the job below at once, as it does when memory runs out. If nobody else did, run fewer jobs at a "
    "time or use a larger machine; the same command goes on."
)
"""What is told of a job that was killed, and has no words left of its own."""

END = "Complete log(s): "
SECONDS_BETWEEN_LOOKS = 1.0


class LogHandler(LogHandlerBase):
    """Snakemake's records of a run, shown to a person."""

    writes_to_stream = True
    writes_to_file = False
    has_filter = False
    has_formatter = True
    needs_rulegraph = False

    def __post_init__(self) -> None:
        """Choose between Snakemake's own text, a panel and lines."""
        from snakemake.logging import ColorizingTextHandler, DefaultFormatter, logger

        settings = self.common_settings
        self._logger = logger
        self._logger.addFilter(keep_words)
        self._text: logging.Handler | None = None
        if settings.dryrun or settings.quiet or settings.verbose or settings.debug_dag or settings.printshellcmds:
            self._text = ColorizingTextHandler(
                nocolor=settings.nocolor,
                stream=sys.stdout if settings.stdout else sys.stderr,
                formatter=DefaultFormatter(settings.quiet, settings.show_failed_logs),
            )
            return
        from snakemake_logger_plugin_leukorepro.run import Run
        from snakemake_logger_plugin_leukorepro.screens import screen_for

        self._run = Run()
        self._screen: Lines = screen_for(self._run, colour=not settings.nocolor)
        self._over = threading.Event()
        self._started = False
        self._said = {"Assuming unrestricted shared filesystem usage."}

    def emit(self, record: logging.LogRecord) -> None:
        """Show what a record changes."""
        if self._text is not None:
            self._text.emit(record)
            return
        try:
            self._show(record)
        except Exception:  # noqa: BLE001  a fault in the display must not end the thread that all records pass
            self.handleError(record)

    def close(self) -> None:
        """Leave the terminal as it was."""
        self._logger.removeFilter(keep_words)
        if self._text is None:
            self._over.set()
            self._screen.close()
        super().close()

    def _show(self, record: logging.LogRecord) -> None:
        now, values = record.created, record.__dict__
        if "expected" in values:  # on the line that our Snakefile says of the whole run
            self._run.foresee(values["expected"], values["room"])
        if "needed" in values:  # on the line that our Snakefile says of the jobs that will run
            self._run.need(values["needed"])
        match values.get("event"):
            case LogEvent.WORKFLOW_STARTED:
                self._started = True
            case LogEvent.RUN_INFO:
                self._run.begin(now, values["stats"])
                self._screen.begin(now)
                threading.Thread(target=self._look_again_and_again, name="progress", daemon=True).start()
            case LogEvent.JOB_INFO:
                self._run.start(now, values)
            case LogEvent.JOB_FINISHED:
                job = self._run.finish(now, values["job_id"])
                if job and not job.only_asks:
                    self._screen.finished(job, now)
            case LogEvent.JOB_ERROR:
                self._screen.failed(self._run.fail(now, values), now)
            case LogEvent.PROGRESS:
                self._run.expect(values["total"])
            case None | LogEvent.ERROR:
                self._show_text(record)

    def _show_text(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith(END):
            self._over.set()
            self._screen.end(record.created, shortened(text.removeprefix(END)))
        elif record.levelno < logging.WARNING:
            if (text.startswith(NOTES) or not self._started) and text not in self._said:
                self._screen.note(text)
            self._said.add(text)
        elif is_of_failed_command(record):
            if text.rstrip().endswith(KILLED):
                self._screen.note(ON_KILLED, "red")
        elif not text.startswith(SAID_ELSEWHERE):
            sentence = SENTENCE.search(text)
            self._screen.note(sentence[0] if sentence else text, "red" if record.levelno >= logging.ERROR else "yellow")

    def _look_again_and_again(self) -> None:
        while not self._over.wait(SECONDS_BETWEEN_LOOKS):
            with self.lock:  # type: ignore[union-attr]  # every handler has one
                if not self._over.is_set():
                    with suppress(OSError):  # of a file system, for a moment; the next look comes
                        self._run.look()
                        self._screen.look(time.time())


def keep_words(record: logging.LogRecord) -> bool:
    """Keep a rule's message for the display.

    Snakemake's text has a rule's message *instead of* its files and wildcards: it loses them from the log and from
    ``-n``. So the message is moved to where only we look.
    """
    if getattr(record, "event", None) == LogEvent.JOB_INFO:
        record.words, record.rule_msg = getattr(record, "rule_msg", None), None
    return True


def is_of_failed_command(record: logging.LogRecord) -> bool:
    """Whether an error only says that a command failed, which the failed job's own record says with more."""
    values: dict[str, Any] = record.__dict__
    return values.get("exception") == "RuleException" and "\nCalledProcessError in file" in f"\n{record.getMessage()}"


def shortened(file: str) -> str:
    """A file as seen from where the workflow runs."""
    path = Path(file)
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else file
