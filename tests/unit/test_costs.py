"""Costs: every job of a run is known by its rule's own pattern, and what Snakemake measured is read as it wrote it."""

from __future__ import annotations

import math
import re
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from project_data import ROOT

from leukorepro.core.errors import UserError
from leukorepro.costs.jobs import STEPS, Job, jobs_of
from leukorepro.costs.measured import Cost, by_step, duration, memory, read_costs
from leukorepro.report.numbers.wording import MISSING
from leukorepro.report.output import Output
from leukorepro.report.sections.costs.page import costs_page
from leukorepro.run.paths import Results
from leukorepro.run.resolve import resolve

OTHER_GOALS = {"draw_pool", "repeat_study", "summarise_studies"}
"""Rules of the workflow's other goal, which makes no report of a run."""

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


@pytest.fixture(scope="module")
def patterns() -> dict[str, re.Pattern[str]]:
    """Of the files that Snakemake measures jobs into, by rule, as the rules name them."""
    text = "\n".join(file.read_text() for file in sorted((ROOT / "workflow/rules").glob("*.smk")))
    found = re.findall(r'benchmark:\s+f?"results/benchmarks/(\w+)(?:/(.+))?\.tsv"', text)
    return {rule: re.compile(re.sub(r"\\{[^/]*?\\}", "[^/]+", re.escape(path))) for rule, path in found}


def test_every_rule_belongs_to_one_step_of_the_workflow(patterns: dict[str, re.Pattern[str]]) -> None:
    rules = [rule for step in STEPS.values() for rule in step.rules]
    assert Counter(rules) == Counter(patterns.keys() - OTHER_GOALS)
    seen: set[str] = set()
    for name, step in STEPS.items():
        assert set(step.after) <= seen, f"{name} stands before what it takes"
        seen.add(name)


@pytest.mark.parametrize("budget", ["demo", "published"])
def test_jobs_are_where_their_rules_leave_what_they_were_measured_at(
    budget: str, patterns: dict[str, re.Pattern[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    run = resolve(Path("config/config.yaml"), {"budget": budget})
    jobs = [job for study in run.studies for job in jobs_of(run, study)]
    for job in jobs:
        assert patterns[job.rule].fullmatch(job.name), job
    fits = {"fit"} if budget == "demo" else {"fit_reducer", "train_network"}
    assert {job.rule for job in jobs} >= {"simulate_images", "extract_features", "fuse_features", "classify"} | fits
    own = [job for job in jobs if job.name.startswith(f"{run.name}/")]
    assert len(set(own)) == len(own), "a study's own job is another study's too"


def measured(folder: Path, job: Job, row: str) -> None:
    file = Results(folder).benchmark(job.rule, job.name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(HEADER + row)


SCAN, JUDGE, WEIGHTS = Job("scan_images", "cells"), Job("judge", "mine/doe"), Job("get_weights", "net")


def test_costs_are_summed_by_step_and_what_was_not_measured_is_told(tmp_path: Path) -> None:
    copies = Job("find_duplicates", "cells")
    measured(tmp_path, SCAN, "12.50\t0:00:12\t300.25\t1\t1\t1\t0.00\t0.00\t90.00\t20.25\n")
    measured(tmp_path, copies, "0.30\t0:00:00\tNA\tNA\tNA\tNA\tNA\tNA\tNA\tNA\n")
    costs = read_costs([SCAN, copies, SCAN, JUDGE, WEIGHTS], Results(tmp_path))
    assert costs[SCAN] == Cost(12.5, 20.25, 300.25)
    assert (costs[JUDGE], costs[WEIGHTS]) == (None, None)
    first = by_step(costs)[0]
    assert (first.key, first.n_jobs, first.n_measured) == ("datasets", 2, 2)
    assert (first.seconds, first.cpu_seconds, first.memory) == (12.8, 20.25, 300.25)

    page = costs_page(costs, [], Output(tmp_path / "report"), "doe")
    assert [(row.title, row.jobs, row.time, row.most_memory) for row in page.rows] == [
        ("Datasets", "2", "13 s", "300 MiB")
    ]
    assert page.not_measured == ["weights (1 job)", "verdicts (1 job)"]
    table = pd.read_csv(tmp_path / "report" / page.csv)
    assert table["job"].tolist() == ["cells", "cells", "mine/doe", "net"], "each job once, all of them"
    assert table["seconds"].isna().tolist() == [False, False, True, True]
    assert page.picture is not None
    assert "datasets 13 s" in page.picture.alt


def test_without_any_measurement_nothing_is_drawn(tmp_path: Path) -> None:
    page = costs_page(read_costs([SCAN, JUDGE], Results(tmp_path)), [], Output(tmp_path / "report"), "doe")
    assert (page.rows, page.picture, page.csv) == ([], None, "")
    assert not (tmp_path / "report").exists()


@pytest.mark.parametrize("row", ["", "quick\t0\t0\t0\t0\t0\t0\t0\t0\t0\n", "1.0\t0:00:01\n"])
def test_a_broken_measurement_is_told(tmp_path: Path, row: str) -> None:
    measured(tmp_path, SCAN, row)
    with pytest.raises(UserError, match=r"scan_images/cells\.tsv: expected one row of numbers"):
        read_costs([SCAN], Results(tmp_path))


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(0.04, "0.0 s"), (9.94, "9.9 s"), (9.96, "10 s"), (59.6, "1 min 0 s"), (185, "3 min 5 s"), (9600, "2 h 40 min")],
)
def test_times_are_told_as_a_person_does(seconds: float, told: str) -> None:
    assert duration(seconds) == told


def test_memory_is_told_as_a_person_does() -> None:
    assert [memory(size) for size in (310.4, 1024, 2457.6, math.nan)] == ["310 MiB", "1.0 GiB", "2.4 GiB", MISSING]
