"""What jobs ask a cluster for: enough for every job that was ever measured, and more with every attempt."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pytest
from project_data import ROOT

from leukorepro.costs.asked import Asked, Requests, asked_for
from leukorepro.costs.model import Cost, read_measured, read_model
from leukorepro.run.paths import Results
from leukorepro.run.resolve import resolve

SMALL = Cost(seconds=8, memory=150, written=0, network_seconds=0, beyond=1)
LARGE = Cost(seconds=7200, memory=10_000, written=0, network_seconds=0, beyond=3)


def test_every_measured_job_would_have_been_given_enough() -> None:
    model = read_model()
    for job in read_measured(ROOT / "benchmarks/results/jobs.csv"):
        asked = asked_for(model.cost(job.rule, job.threads, job.work, job.machine), attempt=1)
        assert math.isnan(job.memory) or job.memory * 2**20 <= asked.mem_mb * 1e6, job
        assert math.isnan(job.seconds) or job.seconds <= 60 * asked.minutes, job


def test_a_margin_and_a_floor() -> None:
    assert asked_for(SMALL, 1) == Asked(1024, 20)
    assert asked_for(LARGE, 1) == Asked(16 * 1024, 360)


@pytest.mark.parametrize("cost", [SMALL, LARGE, None])
def test_the_next_attempt_gets_as_much_again(cost: Cost | None) -> None:
    first, second, third = (asked_for(cost, attempt) for attempt in (1, 2, 3))
    assert second.mem_mb == pytest.approx(2 * first.mem_mb, abs=1024)  # rounded up to whole multiples of 1024
    assert third.mem_mb == pytest.approx(3 * first.mem_mb, abs=2048)
    assert (second.minutes, third.minutes) == (2 * first.minutes, 3 * first.minutes)


def test_what_was_not_measured_gets_room_and_nothing_more_than_a_week() -> None:
    unknown = asked_for(None, 1)
    assert unknown > asked_for(SMALL, 1)
    partly = SMALL._replace(beyond=math.inf)
    assert asked_for(partly, 1) == unknown
    assert asked_for(LARGE._replace(beyond=math.inf), 1).mem_mb == asked_for(LARGE, 1).mem_mb
    assert asked_for(LARGE, 1000).minutes == 7 * 24 * 60


def test_jobs_are_known_by_the_file_that_they_are_measured_into(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    results = Results()
    requests = Requests(resolve(Path("config/config.yaml"), {}), results)

    def of(rule: str, name: str) -> Asked:
        return requests.of(results.benchmark(rule, name), 1, 1)

    assert of("extract_features", "imss_demo-demo/efficientnet_lite0-gap-imagenet-80") > of("judge", "demo/hayat2022")
    assert of("repeat_study", "one setting of the validity study") == asked_for(None, 1)


def test_every_rule_asks_for_what_the_model_says() -> None:
    """And for nothing else, but for the GPU that some can use."""
    text = "\n".join(file.read_text() for file in (ROOT / "workflow/rules").glob("*.smk"))
    found = re.findall(r"^ *resources:\n((?: +\w+=.+\n)+)", text, flags=re.MULTILINE)
    assert len(found) > 15
    lines = [[line.strip() for line in block.splitlines() if line.strip() != "gpu=1,"] for block in found]
    assert all(asked == ["mem_mb=memory,", "runtime=minutes,"] for asked in lines)
