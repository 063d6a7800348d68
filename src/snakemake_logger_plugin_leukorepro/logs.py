"""What a job's log says: where a running job stands, and the last lines of one that failed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

TAIL_BYTES = 16_384
LAST_LINES = 15
CLOCKS_DIFFER = 2.0
"""Seconds that a file may seem to be older than it is: clocks and file systems differ a little."""

BAR = re.compile(
    r"(?:(?P<what>.*): +)? *\d+%\|[^|]*\| *(?P<done>\S+)/(?P<total>\S+) \[[^,\]]*, +[^,\]]*?"
    r"(?:s/(?P<slow>[A-Za-z]+)|(?P<fast>[A-Za-z]+)/s)\b"
)
"""A bar of tqdm, such as `VGG 1: 7%|###   | 7/100 [00:10<02:13, 1.43s/epoch, loss=0.2]`."""


def where_it_stands(logs: Sequence[str], since: float) -> str:
    """A running job's last progress bar in words, ``VGG 1, epoch 7 of 100``; empty where its log does not end with one.

    Parameters
    ----------
    logs : sequence of str
        The job's log files; the first counts.
    since : float
        When the job was started.
    """
    if not logs:
        return ""
    if begun(logs, since) is None:
        return "waiting"
    lines = last_lines(Path(logs[0]), 1)
    bar = BAR.match(lines[0]) if lines else None
    if bar is None:
        return ""
    unit = bar["slow"] or bar["fast"]
    count = f"epoch {bar['done']} of {bar['total']}" if unit == "epoch" else f"{bar['done']} of {bar['total']} {unit}s"
    return f"{bar['what']}, {count}" if bar["what"] else count


def begun(logs: Sequence[str], since: float) -> float | None:
    """When a job has begun at the latest, by what its log tells; None while it waits for its turn in a cluster's queue.

    Parameters
    ----------
    logs : sequence of str
        The job's log files, of which the first counts: as long as it is older than the job, or missing, the job waits.
    since : float
        When the job was started, or handed to a cluster.
    """
    try:
        written = Path(logs[0]).stat().st_mtime if logs else since
    except OSError:  # there is none, or a file system does not answer for a moment
        return None
    return max(since, written) if written >= since - CLOCKS_DIFFER else None


def last_lines(file: Path, number: int = LAST_LINES) -> list[str]:
    """A log's last lines that say something, of each line what stands there after its last carriage return."""
    with file.open("rb") as log:
        log.seek(max(0, log.seek(0, 2) - TAIL_BYTES))
        text = log.read().decode("utf-8", errors="replace")
    lines = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n")]
    return [line for line in lines if line][-number:]
