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
    if waits(logs, since):
        return "waiting"
    lines = last_lines(Path(logs[0]), 1)
    bar = BAR.match(lines[0]) if lines else None
    if bar is None:
        return ""
    unit = bar["slow"] or bar["fast"]
    count = f"epoch {bar['done']} of {bar['total']}" if unit == "epoch" else f"{bar['done']} of {bar['total']} {unit}s"
    return f"{bar['what']}, {count}" if bar["what"] else count


def waits(logs: Sequence[str], since: float) -> bool:
    """Whether a running job still waits for its turn in a cluster's queue: its log is older than it, or missing.

    Parameters
    ----------
    logs : sequence of str
        The job's log files; the first counts.
    since : float
        When the job was started.
    """
    if not logs:
        return False
    file = Path(logs[0])
    return not file.exists() or file.stat().st_mtime < since - CLOCKS_DIFFER


def last_lines(file: Path, number: int = LAST_LINES) -> list[str]:
    """A log's last lines that say something, of each line what stands there after its last carriage return."""
    with file.open("rb") as log:
        log.seek(max(0, log.seek(0, 2) - TAIL_BYTES))
        text = log.read().decode("utf-8", errors="replace")
    lines = [line.rstrip("\r").rpartition("\r")[2].rstrip() for line in text.split("\n")]
    return [line for line in lines if line][-number:]
