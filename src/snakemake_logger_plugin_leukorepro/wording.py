"""Times, counts and commands as a person would write them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from snakemake_logger_plugin_leukorepro.run import Job

KEPT = ("--configfile", "--configfiles", "--config", "-C", "--snakefile", "-s", "--directory", "-d")
KEPT_PROFILES = ("--profile", "--workflow-profile")
"""Options that say what is run and where; the others say how."""

TAKE_ONE = ("--snakefile", "-s", "--directory", "-d", *KEPT_PROFILES)
"""Those of them that take one value; the others take all that follow."""


def duration(seconds: float) -> str:
    """How long something took: ``7 s``, ``4 min 12 s``, ``2 h 5 min``, ``3 d 4 h``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    if whole < 86_400:
        return f"{whole // 3600} h {whole % 3600 // 60} min"
    return f"{whole // 86_400} d {whole % 86_400 // 3600} h"


def left(seconds: float) -> str:
    """How long something may still take, no more exact than a guess is."""
    if seconds < 60:
        return "less than a minute left"
    return f"about {duration(seconds) if seconds >= 3600 else f'{round(seconds / 60)} min'} left"


def jobs(number: int) -> str:
    """A number of jobs."""
    return f"{number:,} job" if number == 1 else f"{number:,} jobs"


def command_again(job: Job, arguments: Sequence[str]) -> str:
    """The command that runs a job again, alone.

    Parameters
    ----------
    job : Job
    arguments : sequence of str
        Those that Snakemake was started with.
    """
    kept: list[str] = []
    values = 0.0
    for argument in arguments:
        if argument.startswith("-"):
            option, equals, _ = argument.partition("=")
            is_kept = option in KEPT + KEPT_PROFILES
            values = 0 if not is_kept or equals else 1 if option in TAKE_ONE else float("inf")
        else:
            is_kept = values > 0
            values -= 1
        kept += [argument] * is_kept
    return shlex.join(["snakemake", "--cores", "1", *(job.output[:1] or [job.rule]), *kept])
