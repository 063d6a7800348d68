"""What people see while the workflow runs, from records as Snakemake makes them."""

from __future__ import annotations

import io
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from snakemake.logging import DefaultFormatter, logger
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.tests import MockOutputSettings, TestLogHandlerBase
from tqdm import tqdm

import snakemake_logger_plugin_leukorepro as plugin
from leukorepro.costs.schedule import Planned
from snakemake_logger_plugin_leukorepro import LogHandler
from snakemake_logger_plugin_leukorepro.logs import last_lines, where_it_stands
from snakemake_logger_plugin_leukorepro.remaining import Forecast, Seen
from snakemake_logger_plugin_leukorepro.run import Run
from snakemake_logger_plugin_leukorepro.screens import Panel
from snakemake_logger_plugin_leukorepro.wording import command_again, duration, left

T = 1_000_000.0
"""When the run begins."""


def settings(**changed: object) -> MockOutputSettings:
    """Snakemake's settings of a usual run, but for some."""
    value = MockOutputSettings()
    value.printshellcmds = False
    for name, content in changed.items():
        setattr(value, name, content)
    return value


class TestPlugin(TestLogHandlerBase):
    """The tests that the makers of Snakemake's interface give to every plugin."""

    __test__ = True

    def get_log_handler_cls(self) -> type[LogHandler]:
        return LogHandler

    def get_log_handler_settings(self) -> Any:
        return None

    def _create_handler(self) -> LogHandler:
        return LogHandler(settings(), None)


def record(
    seconds: float, event: LogEvent | None = None, text: str | None = None, level: int = logging.INFO, **values: Any
):
    """A record that Snakemake makes so many seconds after the run's begin."""
    made = logging.LogRecord("snakemake.logging", level, "", 0, text, (), None)
    made.created = T + seconds
    made.__dict__.update(values, **({"event": event} if event else {}))
    return made


def job(number: int, rule: str = "train", **changed: Any) -> dict[str, Any]:
    """What a record of a job holds."""
    values = {
        "jobid": number,
        "rule_name": rule,
        "rule_msg": None,
        "wildcards": {"study": f"s{number}"},
        "log": [f"logs/{rule}/{number}.txt"],
        "output": [f"results/{number}.csv"],
        "shellcmd": "leukorepro models fit",
    }
    return values | changed


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(plugin, "SECONDS_BETWEEN_LOOKS", 3600.0)
    return tmp_path


@pytest.fixture
def handler() -> Iterator[LogHandler]:
    """The plugin where there is no terminal."""
    made = LogHandler(settings(), None)
    yield made
    made.close()


def write_log(name: str, text: str, at: float = T) -> None:
    file = Path(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    os.utime(file, (at, at))


def test_without_a_terminal_each_finished_job_is_a_line(
    handler: LogHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    for one in (
        record(-2, text="Assuming unrestricted shared filesystem usage."),
        record(-1, LogEvent.WORKFLOW_STARTED, "Workflow has started!"),
        record(-1, text="Building DAG of jobs..."),
        record(0, LogEvent.RUN_INFO, "Job stats: ...", stats={"train": 2, "all": 1, "total": 3}),
        record(0, LogEvent.JOB_STARTED, "Execute 2 jobs...", jobs=[1, 2]),
        record(0, LogEvent.JOB_INFO, **job(1, words="Training VGG-16, subject-disjoint")),
        record(0, LogEvent.JOB_INFO, **job(2)),
        record(5, LogEvent.JOB_FINISHED, job_id=1),
        record(5, LogEvent.PROGRESS, done=1, total=3),
        record(8, text="SLURM run ID: 12"),
        record(62, LogEvent.JOB_FINISHED, job_id=2),
        record(62, LogEvent.JOB_INFO, **job(0, "all", words="Report: results/index.html", shellcmd=None)),
        record(62, LogEvent.JOB_FINISHED, job_id=0),
        record(63, text=f"Complete log(s): {Path.cwd()}/.snakemake/log/x.log"),
        record(63, text="Elapsed time: 0:01:03"),
    ):
        handler.emit(one)
    assert capsys.readouterr().err.splitlines() == [
        "[0 s] 3 jobs to run",
        "[5 s] 1 of 3 jobs: Training VGG-16, subject-disjoint (5 s)",
        "SLURM run ID: 12",
        "[1 min 2 s] 2 of 3 jobs, less than a minute left: train s2 (1 min 2 s)",
        "Finished in 1 min 3 s: 3 jobs. Report: results/index.html. Full log: .snakemake/log/x.log",
    ]


def test_a_failed_job_shows_the_end_of_its_log_and_how_to_run_it_again(
    handler: LogHandler, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["snakemake", "--cores", "8", "--keep-going", "all", "--configfile", "my run.yaml"])
    write_log("logs/train/1.txt", "\n".join(f"line {n}" for n in range(40)) + "\nleukorepro: no weights.\n")
    command = "RuleException:\nCalledProcessError in file \"workflow/rules/a.smk\", line 3:\nCommand '...' failed"
    last = "WorkflowError:\nAt least one job did not complete successfully."
    for one in (
        record(0, LogEvent.WORKFLOW_STARTED),
        record(0, LogEvent.RUN_INFO, stats={"train": 2, "total": 2}),
        record(0, LogEvent.JOB_INFO, **job(1, words="Training VGG-16")),
        record(70, LogEvent.ERROR, command, logging.ERROR, exception="RuleException"),
        record(70, LogEvent.JOB_ERROR, "Error in rule train", logging.ERROR, **job(1)),
        record(71, text="Exiting because a job execution failed. Look above", level=logging.ERROR),
        record(71, text="Complete log(s): elsewhere/x.log"),
        record(71, LogEvent.ERROR, last, logging.ERROR, exception="WorkflowError"),
    ):
        handler.emit(one)
    assert capsys.readouterr().err.splitlines() == [
        "[0 s] 2 jobs to run",
        "Failed after 1 min 10 s: Training VGG-16",
        "  logs/train/1.txt ends with:",
        *(f"    line {n}" for n in range(26, 40)),
        "    leukorepro: no weights.",
        "  To run it again, alone:",
        "    snakemake --cores 1 results/1.csv --configfile 'my run.yaml'",
        "Stopped after 1 min 11 s: 0 of 2 jobs done, 1 failed. Full log: elsewhere/x.log",
    ]


def test_a_job_that_succeeds_the_second_time_has_not_failed(
    handler: LogHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    for one in (
        record(0, LogEvent.WORKFLOW_STARTED),
        record(0, LogEvent.RUN_INFO, stats={"train": 1, "total": 1}),
        record(0, LogEvent.JOB_INFO, **job(1)),
        record(
            1,
            LogEvent.JOB_ERROR,
            level=logging.ERROR,
            **job(1, log=["logs/train/1.txt", "slurm.log"], rule_msg="SLURM status is: 'TIMEOUT'"),
        ),
        record(1, text="Trying to restart job 1."),
        record(2, LogEvent.JOB_INFO, **job(1)),
        record(5, LogEvent.JOB_FINISHED, job_id=1),
        record(5, text="Complete log(s): x.log"),
    ):
        handler.emit(one)
    lines = capsys.readouterr().err.splitlines()
    assert lines[1:6] == [
        "Failed after 1 s: train s1",
        "  SLURM status is: 'TIMEOUT'",
        "  logs/train/1.txt says nothing.",
        "  slurm.log says nothing.",
        "  To run it again, alone:",
    ]
    assert "Trying to restart job 1." in lines
    assert lines[-2:] == ["[5 s] 1 of 1 job: train s1 (3 s)", "Finished in 5 s: 1 job. Full log: x.log"]


def test_of_an_error_the_sentence_is_shown_and_not_where_it_was_raised(
    handler: LogHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = 'WorkflowError in file "common.smk", line 86:\nleukorepro: seed: no number.\n  File "common.smk", line 1'
    systems = "Traceback (most recent call last):\n\n  File \"<os>\"\n\nOSError: [Errno 30] Read-only: 'shadow'\n"
    bug = 'Traceback (most recent call last):\n\n  File "a.py", line 1\n\nKeyError: 3'
    for text, exception in ((ours, "WorkflowError"), (systems, "OSError"), (bug, "KeyError")):
        handler.emit(record(0, LogEvent.ERROR, text, logging.ERROR, exception=exception))
    shown = ["leukorepro: seed: no number.", "OSError: [Errno 30] Read-only: 'shadow'", *bug.splitlines()]
    assert capsys.readouterr().err.splitlines() == shown


@pytest.mark.parametrize("end", ["returned non-zero exit status 137.", "died with <Signals.SIGKILL: 9>."])
def test_of_a_job_that_was_killed_memory_is_named(
    handler: LogHandler, capsys: pytest.CaptureFixture[str], end: str
) -> None:
    """As a shell tells it, and as Python does."""
    text = f"RuleException:\nCalledProcessError in file \"a.smk\", line 3:\nCommand '...' {end}\n"
    handler.emit(record(0, LogEvent.ERROR, text, logging.ERROR, exception="RuleException"))
    assert "as it does when memory runs out" in capsys.readouterr().err


def test_errors_and_warnings_of_snakemake_are_shown(handler: LogHandler, capsys: pytest.CaptureFixture[str]) -> None:
    missing = "MissingOutputException:\nJob 1 completed successfully, but some output files are missing."
    handler.emit(record(0, LogEvent.WORKFLOW_STARTED))
    handler.emit(record(0, LogEvent.ERROR, missing, logging.ERROR, exception="MissingOutputException"))
    handler.emit(record(0, text="Files are old.", level=logging.WARNING))
    handler.emit(record(0, text="Nothing to be done (all requested files are present and up to date)."))
    assert capsys.readouterr().err.splitlines() == [
        *missing.splitlines(),
        "Files are old.",
        "Nothing to be done (all requested files are present and up to date).",
    ]


@pytest.mark.parametrize("asked", [{"dryrun": True, "stdout": True}, {"verbose": True}, {"quiet": {"host"}}])
def test_who_asks_for_more_or_less_gets_snakemakes_own_text(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    handler = LogHandler(settings(**asked), None)
    handler.emit(record(0, text="Building DAG of jobs..."))
    handler.close()
    captured = capsys.readouterr()
    assert (captured.out if "stdout" in asked else captured.err) == "Building DAG of jobs...\n"


def test_a_rules_message_takes_nothing_from_snakemakes_text(handler: LogHandler) -> None:
    made = record(0, LogEvent.JOB_INFO, **job(1, rule_msg="Training VGG-16", input=[], benchmark=None, reason="why"))
    made.__dict__.update(local=False, is_checkpoint=False, priority=0, threads=1, resources={}, indent=False)
    assert logger.filter(made)
    text = DefaultFormatter().format(made)
    assert "rule train:\n    output: results/1.csv\n    log: logs/train/1.txt" in text
    handler.emit(record(0, LogEvent.RUN_INFO, stats={"train": 1, "total": 1}))
    handler.emit(made)
    assert handler._run.running[1].words == "Training VGG-16"
    handler.close()
    assert plugin.keep_words not in logger.filters


def panel_of(run: Run, width: int = 100, height: int = 30) -> tuple[Panel, io.StringIO]:
    screen = io.StringIO()
    # Whatever terminal the tests are started from.
    console = Console(file=screen, force_terminal=True, no_color=True, width=width, height=height, _environ={})
    return Panel(console, run), screen


def test_the_panel_says_what_runs_and_where_it_stands() -> None:
    run = Run()
    panel, screen = panel_of(run, height=9)
    run.begin(T, {"train": 10, "total": 10})
    for number in range(1, 6):
        run.start(T, job(number, words=f"Training network {number}"))
    write_log("logs/train/1.txt", "VGG 2:   7%|7         | 7/100 [00:10<02:13,  1.43s/epoch, loss=0.2]", T + 10)
    run.finish(T + 20, 5)
    panel.begin(T + 21)
    shown = re.sub(r"\x1b\[[\d?;]*\w", "", screen.getvalue())
    panel.close()
    panel.look(T + 22)
    lines = [" ".join(line.split()) for line in shown.splitlines()]
    assert lines[0].endswith(" 1 of 10 jobs, about 2 min left, 21 s so far")
    assert lines[1:] == [
        "Training network 1 VGG 2, epoch 7 of 100 21 s",
        "Training network 2 waiting 21 s",
        "Training network 3 waiting 21 s",
        "and 1 more",
        "To follow the first: tail -f logs/train/1.txt",
    ]
    assert max(map(len, shown.splitlines())) <= 100


def test_what_stays_is_printed_above_the_panel_and_the_panel_goes_at_the_end() -> None:
    run = Run()
    panel, screen = panel_of(run)
    run.begin(T, {"train": 1, "total": 1})
    panel.begin(T)
    run.start(T, job(1))
    panel.failed(run.fail(T + 3, job(1)), T + 3)
    panel.end(T + 3, "x.log")
    said = screen.getvalue()
    assert said.index("Failed after 3 s: train s1") < said.index("Stopped after 3 s: 0 of 1 job done, 1 failed.")
    assert said.rstrip().removesuffix("\x1b[0m").endswith("Full log: x.log")
    assert "\x1b[?25h" in said  # the cursor is back


@pytest.mark.parametrize(
    ("unit", "what", "words"),
    [
        ("epoch", "VGG 0_1", "VGG 0_1, epoch 7 of 100"),
        ("image", None, "7 of 100 images"),
        ("fit", "classify: SVM", "classify: SVM, 7 of 100 fits"),
    ],
)
def test_bars_of_tqdm_are_put_in_words(unit: str, what: str | None, words: str) -> None:
    with Path("log.txt").open("w") as log, tqdm(total=100, desc=what, unit=unit, file=log, mininterval=0) as bar:
        print("before", file=log)
        bar.set_postfix(loss=0.25)
        bar.update(7)
        log.flush()
        assert where_it_stands(["log.txt"], 0.0) == words
        print("\nsomething else", file=log, flush=True)
        assert where_it_stands(["log.txt"], 0.0) == ""


def test_a_bar_of_an_earlier_run_is_not_taken_for_this_one() -> None:
    write_log("a.txt", "x: 7%|7   | 7/100 [00:10<02:13,  1.43s/epoch]", T - 60)
    assert where_it_stands(["a.txt"], T) == "waiting"
    assert where_it_stands(["a.txt"], T - 61) == "x, epoch 7 of 100"
    assert where_it_stands([], T) == ""


def test_last_lines_are_those_that_a_terminal_would_show() -> None:
    Path("log.txt").write_bytes(b"x" * 100_000 + b"\n 1%| a\r 2%| b\r\n\nlast \xff\n")
    assert last_lines(Path("log.txt"), 2) == [" 2%| b", "last \N{REPLACEMENT CHARACTER}"]


def run_with(planned: dict[str, int], done: dict[str, list[float]], at_once: int = 1) -> tuple[Run, float]:
    """A run in which jobs of these durations are done, so many at once, and when the last of them was."""
    run, number = Run(), 0
    run.begin(T, planned | {"total": sum(planned.values())})
    free = [T] * at_once
    for rule, durations in done.items():
        for seconds in durations:
            number += 1
            start = min(free)
            free[free.index(start)] = start + seconds
            run.start(start, job(number, rule))
            run.finish(start + seconds, number)
    return run, max(free)


def test_time_left_is_that_of_equal_jobs() -> None:
    run, now = run_with({"train": 10}, {"train": [10.0] * 4}, at_once=2)
    assert run.seconds_left(now) == pytest.approx(6 * 10 / 2)
    run.start(now, job(9, "train", log=[]))
    run.start(now, job(10, "train", log=[]))
    assert run.seconds_left(now + 4) == pytest.approx((4 * 10 + 2 * 6) / 2)


def test_jobs_that_are_not_needed_any_more_are_not_waited_for() -> None:
    run, now = run_with({"train": 10}, {"train": [10.0] * 4})
    run.expect(7)
    assert run.seconds_left(now) == pytest.approx(3 * 10)
    run.expect(3)  # one of them had run before
    assert run.total == run.n_done == 4
    assert run.seconds_left(now) is None
    run, now = run_with({"train": 2}, {"train": [20.0]})
    run.start(now, job(9, "train", log=[]))
    run.expect(1)  # the one that is done
    assert run.seconds_left(now + 5) == pytest.approx(15)


def test_time_left_is_told_only_when_it_can_be() -> None:
    assert run_with({"train": 100}, {"train": [10.0] * 9})[0].seconds_left(T + 90) is None  # less than a tenth
    assert run_with({"train": 10}, {"train": [5.0]})[0].seconds_left(T + 5) is None
    run, now = run_with({"train": 2}, {"train": [20.0]})
    run.start(now, job(9, "train", log=[]))
    assert run.seconds_left(now + 5) == pytest.approx(15)
    assert run.seconds_left(now + 500) is None  # longer than expected: nobody can tell
    run, now = run_with({"train": 10}, {"train": [10.0] * 4})
    assert run.seconds_left(now) == pytest.approx(60)
    run.fail(now, job(5, "train"))
    assert run.seconds_left(now) is None


def foreseen(
    done: dict[str, float],
    running: dict[str, float] | None = None,
    total: int = 5,
    cores: int = 2,
    needed: frozenset[str] = frozenset(),
) -> float:
    """How long a run of five jobs is told to last still: two classifications after two extractions, then a report."""
    expected = {
        "extract/a": Planned(400.0, 2, 1.0, ()),
        "extract/b": Planned(200.0, 2, 1.0, ()),
        "classify/a": Planned(1000.0, 1, 1.0, ("extract/a", "extract/b")),
        "classify/b": Planned(600.0, 1, 1.0, ("extract/a", "extract/b")),
        "report/": Planned(60.0, 1, 1.0, ("classify/a", "classify/b")),
    }
    forecast = Forecast(expected, cores)
    forecast.needed = needed
    seen = [
        [Seen(name.split("/")[0], name, seconds) for name, seconds in jobs.items()] for jobs in (done, running or {})
    ]
    return forecast.seconds_left(*seen, total)


def test_time_left_is_that_of_the_estimate_before_anything_has_run() -> None:
    assert foreseen({}) == pytest.approx(600 + 1000 + 60)
    assert foreseen({}, cores=1) == pytest.approx(600 + 1600 + 60)
    assert foreseen({"extract/a": 400.0}, {"extract/b": 50.0}) == pytest.approx(150 + 1000 + 60)


def test_a_rule_that_was_rated_wrongly_is_set_right_and_does_not_speak_for_the_others() -> None:
    quick = {"extract/a": 100.0, "extract/b": 50.0}
    usual = (150 + 60) / (600 + 60)
    assert foreseen(quick) == pytest.approx(usual * (1000 + 60)), "one rule is all that is known"
    assert foreseen({**quick, "classify/b": 600.0}, {"classify/a": 600.0}) == pytest.approx(
        1000 * (600 + 60 * (usual + 1) / 2) / 660 - 600 + 60 * (usual + 1) / 2, rel=1e-9
    ), "half way between a rule of a third of its time and one of all of it"
    slow = foreseen({name: 3 * seconds for name, seconds in (("extract/a", 400), ("extract/b", 200))})
    assert slow == pytest.approx((1800 + 60) / 660 * 1060)


def test_what_runs_for_longer_than_expected_says_how_slow_the_machine_is() -> None:
    assert foreseen({}, {"extract/a": 800.0}) > foreseen({}, {"extract/a": 399.0}) + 400


def test_a_run_that_goes_on_leaves_out_what_was_measured_before() -> None:
    for name in ("extract/a", "extract/b", "classify/b"):
        write_log(f"results/benchmarks/{name}.tsv", "s\n1.0\n")
    assert foreseen({}, total=2) == pytest.approx(1000 + 60)
    assert foreseen({}, total=3) == pytest.approx(1000 + 60), "one of the three, beside the longest"
    assert foreseen({}, total=5) == pytest.approx(600 + 1000 + 60), "all are made again"


def test_of_finished_jobs_that_are_made_again_those_that_were_named_are_expected() -> None:
    for name in ("extract/a", "extract/b", "classify/a", "classify/b"):
        write_log(f"results/benchmarks/{name}.tsv", "s\n1.0\n")
    needed = frozenset({"extract/b", "classify/a"})
    assert foreseen({}, total=3, needed=needed) == pytest.approx(200 + 1000 + 60)
    assert foreseen({"extract/b": 200.0}, {"classify/a": 300.0}, total=3, needed=needed) == pytest.approx(700 + 60)


def queued(number: int, handed_over: float, handler: LogHandler) -> None:
    handler.emit(
        record(handed_over, LogEvent.JOB_INFO, **job(number, benchmark=f"results/benchmarks/train/s{number}.tsv"))
    )


def test_waiting_in_a_queue_is_no_work(handler: LogHandler) -> None:
    expected = {f"train/s{number}": Planned(600.0, 1, 1.0, ()) for number in (1, 2, 3)}
    handler.emit(record(-3, text="The whole run: 3 jobs.", expected=expected, room=2))
    handler.emit(record(0, LogEvent.RUN_INFO, stats={"train": 3, "total": 3}))
    run = handler._run
    queued(1, 0, handler)
    assert run.seconds_left(T + 3600) == pytest.approx(1200), "nothing has begun"
    write_log("results/benchmarks/train/s1.tsv", "s\th:m:s\n600.0\t0:10:00\n", at=T + 4200)
    handler.emit(record(4200, LogEvent.JOB_FINISHED, job_id=1))
    queued(2, 4200, handler)
    queued(3, 4200, handler)
    assert run.seconds_left(T + 9999) == pytest.approx(600), "two at a time, each as long as the first was at work"
    for number in (2, 3):
        write_log(f"logs/train/{number}.txt", "it begins\n", at=T + 9999)
    run.look()
    for number in (2, 3):
        write_log(f"logs/train/{number}.txt", "it goes on\n", at=T + 10_099)
    assert run.seconds_left(T + 10_099) == pytest.approx(500), "100 seconds after both have begun"
    (done,) = run.done
    assert done.seconds(T) == pytest.approx(4200), "what a person waited for it"


def test_jobs_that_will_run_are_named_when_they_are_known(handler: LogHandler) -> None:
    for number in (1, 2):
        write_log(f"results/benchmarks/train/s{number}.tsv", "s\n1.0\n", at=T - 99)
    expected = {"train/s1": Planned(600.0, 1, 1.0, ()), "train/s2": Planned(1200.0, 1, 1.0, ())}
    handler.emit(record(-3, text="The whole run: 2 jobs.", expected=expected, room=2))
    handler.emit(record(0, LogEvent.RUN_INFO, stats={"train": 1, "total": 1}))
    handler.emit(record(0, text="Jobs that run: 1.", needed=["results/benchmarks/train/s1.tsv"]))
    assert handler._run.seconds_left(T) == pytest.approx(600)


def test_a_run_goes_on_when_nobody_reads_what_is_shown_any_more(
    handler: LogHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Gone(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError(text)

    monkeypatch.setattr("sys.stderr", Gone())
    handler.emit(record(0, LogEvent.RUN_INFO, stats={"train": 1, "total": 1}))
    handler.emit(record(0, LogEvent.JOB_INFO, **job(1)))
    handler.emit(record(9, LogEvent.JOB_FINISHED, job_id=1))
    assert handler._run.n_done == 1


def test_the_line_that_the_run_starts_with_brings_what_is_expected(
    handler: LogHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = {"train/s1": Planned(600.0, 1, 1.0, ()), "train/s2": Planned(1200.0, 1, 1.0, ())}
    handler.emit(record(-3, text="The whole run: 2 jobs.", expected=expected, room=2))
    handler.emit(record(0, LogEvent.WORKFLOW_STARTED))
    handler.emit(record(0, LogEvent.RUN_INFO, stats={"train": 2, "total": 2}))
    for number in (1, 2):
        measured_at = f"results/benchmarks/train/s{number}.tsv"
        handler.emit(record(0, LogEvent.JOB_INFO, **job(number, benchmark=measured_at)))
        write_log(f"logs/train/{number}.txt", "")
    handler.emit(record(600, LogEvent.JOB_FINISHED, job_id=1))
    assert capsys.readouterr().err.splitlines() == [
        "The whole run: 2 jobs.",
        "[0 s] 2 jobs to run",
        "[10 min 0 s] 1 of 2 jobs, about 10 min left: train s1 (10 min 0 s)",
    ]


def test_what_is_expected_is_told_again_where_the_machine_is_measured_first(
    handler: LogHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    for text, seconds in (("The whole run: about 2 h, on another machine.", 7200.0), ("The whole run: 1 h.", 3600.0)):
        expected = {"train/s1": Planned(seconds, 1, 1.0, ())}
        handler.emit(record(-3, text=text, expected=expected, room=2))
        handler.emit(record(-2, LogEvent.WORKFLOW_STARTED))
        handler.emit(record(-1, LogEvent.RUN_INFO, stats={"train": 1, "total": 1}))
    assert capsys.readouterr().err.splitlines()[::2] == [
        "The whole run: about 2 h, on another machine.",
        "The whole run: 1 h.",
    ]
    assert handler._run.seconds_left(T) == pytest.approx(3600)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0 s"), (59.6, "1 min 0 s"), (252, "4 min 12 s"), (7500, "2 h 5 min"), (273_600, "3 d 4 h")],
)
def test_durations_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_time_left_in_words() -> None:
    assert [left(seconds) for seconds in (3, 170, 7500)] == [
        "less than a minute left",
        "about 3 min left",
        "about 2 h 5 min left",
    ]


def test_the_command_again_keeps_what_is_run_and_leaves_out_how() -> None:
    run = Run()
    run.start(T, job(1))
    arguments = "-c8 -k a.csv --config budget=demo x=1 --retries 2 --workflow-profile=profiles/slurm -s my.smk all"
    assert command_again(run.running[1], arguments.split()) == (
        "snakemake --cores 1 results/1.csv --config budget=demo x=1 --workflow-profile=profiles/slurm -s my.smk"
    )
