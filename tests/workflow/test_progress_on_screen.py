"""What Snakemake itself shows with the project's logger, on a terminal and without one, for a trivial workflow."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from project_copy import PROJECT

pytestmark = pytest.mark.slow

SNAKEFILE = """
rule all:
    input:
        "good.txt",
        "bad.txt",
    message:
        "Report: {input[0]}"

rule good:
    output:
        "good.txt",
    log:
        "logs/good.txt",
    message:
        "Doing good"
    shell:
        "printf 'VGG:  7%%|7  | 7/100 [00:10<02:13,  1.43s/epoch]' >{log}; sleep 3; touch {output}"

rule bad:
    input:
        "good.txt",
    output:
        "bad.txt",
    log:
        "logs/bad.txt",
    shell:
        "(echo no weights; test -f mended && touch {output}) >{log}"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    profile = yaml.safe_load((PROJECT / "profiles/default/config.yaml").read_text())
    (tmp_path / "profiles/default").mkdir(parents=True)
    (tmp_path / "profiles/default/config.yaml").write_text(yaml.safe_dump(profile))
    return tmp_path


def environment() -> dict[str, str]:
    scripts = Path(sys.executable).parent
    return {
        **os.environ,
        "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(PROJECT / "src"),
        "TERM": "xterm",
        "COLUMNS": "100",
    }


def snakemake(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run Snakemake without a terminal: its status and what it prints."""
    command = ["snakemake", "--cores", "2", *arguments]
    done = subprocess.run(
        command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    return done.returncode, done.stdout


def snakemake_on_a_terminal(folder: Path) -> str:
    """Run Snakemake on a terminal and return what that is sent."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["snakemake", "--cores", "2"], cwd=folder, env=environment(), stdin=theirs, stdout=theirs, stderr=theirs
    ):
        os.close(theirs)
        sent = b""
        try:
            while part := os.read(ours, 65_536):
                sent += part
        except OSError:  # how Linux says that nobody writes to it any more
            pass
    os.close(ours)
    return sent.decode()


def test_without_a_terminal_there_are_few_lines_and_the_log_is_named(folder: Path) -> None:
    status, text = snakemake(folder)
    assert status == 1
    first, *lines = text.splitlines()
    assert "profiles/default" in first  # Snakemake says this before it asks a logger
    assert [re.sub(r"\d+ s\b", "N s", line) for line in lines[:-1]] == [
        "[N s] 3 jobs to run",
        "[N s] 1 of 3 jobs: Doing good (N s)",
        "Failed after N s: bad",
        "  logs/bad.txt ends with:",
        "    no weights",
        "  To run it again, alone:",
        "    snakemake --cores 1 bad.txt",
    ]
    (log,) = re.findall(r"^Stopped after \d s: 1 of 3 jobs done, 1 failed\. Full log: (\S+)$", lines[-1])
    full = (folder / log).read_text()
    assert "rule good:\n    output: good.txt\n    log: logs/good.txt" in full
    assert "Error in rule bad" in full

    (folder / "mended").touch()
    status, text = snakemake(folder, "bad.txt")
    assert (status, text.count("\n")) == (0, 4)
    assert "Nothing to be done" in snakemake(folder)[1]


def test_on_a_terminal_there_is_a_panel_that_is_gone_at_the_end(folder: Path) -> None:
    (folder / "mended").touch()
    sent = snakemake_on_a_terminal(folder)
    plain = re.sub(r"\x1b\[[\d?;]*\w", "", sent)
    assert re.search(r"Doing good +VGG, epoch 7 of 100 +[123] s", plain)
    assert "tail -f logs/good.txt" in plain
    assert "\x1b[1A\x1b[2K" in sent  # lines above are wiped
    last = plain.rstrip().rpartition("\n")[2].rpartition("\r")[2]
    assert re.fullmatch(r"Finished in \d s: 3 jobs\. Report: good\.txt\. Full log: \.snakemake/log/\S+\.log", last)


def test_a_dry_run_is_snakemakes_own(folder: Path) -> None:
    def told(text: str) -> str:
        """Without times, and with lists of files in one order: Snakemake lists sets as they come."""
        text = re.sub(r"\[\w+ \w+ .*\]|(Date|Workflow ID|Command):.*|.*profile.*\n", "", text)
        return re.sub(r"(?<=: )\w+\.txt(?:, \w+\.txt)+", lambda files: ", ".join(sorted(files[0].split(", "))), text)

    _, ours = snakemake(folder, "--dry-run")
    (folder / "Snakefile").write_text(re.sub(r" +message:\n.*\n", "", SNAKEFILE))
    (folder / "profiles/default/config.yaml").write_text("show-failed-logs: true\n")
    assert told(ours) == told(snakemake(folder, "--dry-run")[1])
    assert "rule good:\n    output: good.txt" in ours
