"""What a run will take: schedules by a closed form, constants that are found again, and the demonstration."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import get_args

import pytest
import torch
from project_data import ROOT
from typer.testing import CliRunner

from leukorepro.checks import controls
from leukorepro.cli.app import app
from leukorepro.core.errors import UserError
from leukorepro.costs import work
from leukorepro.costs.estimate import Estimate, estimate
from leukorepro.costs.jobs import THREADS, Job, jobs_of_run, threads_of
from leukorepro.costs.machine import FILE, Machine, keep_machine, known_machine
from leukorepro.costs.model import Cost, Measured, fit_model, read_measured, read_model
from leukorepro.costs.operations import Operations, read_table
from leukorepro.costs.schedule import Planned, schedule
from leukorepro.costs.sizes import MEGAPIXELS, Sizes
from leukorepro.costs.told import at_start, total
from leukorepro.costs.work import Work
from leukorepro.features.backbones.registry import BACKBONES
from leukorepro.features.backbones.specification import TorchvisionWeights
from leukorepro.features.parts import ResolvedExtractor
from leukorepro.inference.explaining import selection
from leukorepro.run.paths import Results
from leukorepro.run.resolve import resolve
from leukorepro.run.resolved import ResolvedRun
from leukorepro.simulate import layout, scenes
from leukorepro.systems.networks.registry import CODE_NETWORKS, IMAGE_NETWORKS

MACHINE = Machine(start=1.5, network=100.0, core=60.0, half=200.0)
LONG = 35
"""Seconds."""


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch) -> ResolvedRun:
    monkeypatch.chdir(ROOT)
    return resolve(Path("config/config.yaml"))


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> ResolvedRun:
    monkeypatch.chdir(ROOT)
    return resolve(Path("config/runs/simulated.yaml"), {"budget": "published"})


# ------------------------------------------------------------------------------------------------------------ schedule


@pytest.mark.parametrize(("jobs", "cores"), [(1, 1), (7, 2), (8, 4), (3, 8)])
def test_equal_jobs_take_as_many_rounds_as_cores_need(jobs: int, cores: int) -> None:
    planned = {number: Planned(5.0, 1, 100.0, ()) for number in range(jobs)}
    found = schedule(planned, cores)
    assert found.seconds == 5.0 * math.ceil(jobs / cores)
    assert found.memory == 100.0 * min(jobs, cores)


def test_a_chain_takes_the_sum_and_what_waits_beside_it_runs_meanwhile() -> None:
    chain = {i: Planned(2.0, 1, 10.0, (i - 1,) if i else ()) for i in range(4)}
    beside = {"long": Planned(6.0, 1, 50.0, ()), "last": Planned(1.0, 1, 10.0, (3, "long"))}
    assert schedule({**beside, **chain}, 2) == (9.0, 60.0)
    assert schedule({**beside, **chain}, 1).seconds == 15.0


def test_a_job_of_many_threads_gets_all_cores_and_runs_alone() -> None:
    planned = {"wide": Planned(4.0, 8, 10.0, ()), "first": Planned(3.0, 1, 5.0, ()), "second": Planned(3.0, 1, 5.0, ())}
    assert schedule(planned, 2) == (7.0, 10.0)


def test_jobs_that_wait_for_each_other_are_refused() -> None:
    with pytest.raises(ValueError, match="circle"):
        schedule({1: Planned(1.0, 1, 0.0, (2,)), 2: Planned(1.0, 1, 0.0, (1,))}, 1)


# --------------------------------------------------------------------------------------------------------------- model


def measured(rule: str, amounts: dict[str, float], threads: int, machine: Machine, held: float) -> Measured:
    """A job that took exactly what the constants below say."""
    seconds = machine.start * {"one": 2.0, "two": 5.0}[rule] + amounts.get("rows", 0.0) * 30 / machine.core / threads
    seconds += amounts.get("gigaflop (trained)", 0.0) * 4 / machine.network / threads
    seconds += amounts.get("gigaflop (trained with bfloat16)", 0.0) * 5 / machine.half / threads
    return Measured("run", rule, "job", threads, seconds, 200 + 3 * held, 1.0, machine, Work(amounts, held, 0.0))


def test_constants_are_found_again_from_jobs_of_two_machines() -> None:
    other = Machine(start=0.5, network=400.0, core=90.0, half=400.0)
    jobs = [
        measured(rule, {"rows": 10.0 * n, f"gigaflop (trained{how})": 100.0 * (n % 3)}, threads, machine, 50.0 * n)
        for rule in ("one", "two")
        for how in ("", " with bfloat16")
        for n, threads, machine in [(1, 1, MACHINE), (2, 2, MACHINE), (4, 1, other), (5, 2, other)]
    ]
    model = fit_model(jobs, ridge=0)
    assert model.starts == pytest.approx({"one": 2.0, "two": 5.0}, rel=1e-6)
    rates = {"rows": 30.0, "gigaflop (trained)": 4.0, "gigaflop (trained with bfloat16)": 5.0}
    assert model.rates == pytest.approx(rates, rel=1e-6)
    faster = Machine(start=0.75, network=100.0, core=60.0, half=300.0)
    cost = model.cost("one", 4, Work({"rows": 100.0, "gigaflop (trained)": 50.0}, 10.0, 0.0), faster)
    assert cost.seconds == pytest.approx(1.5 + 100 * 30 / 60 / 4 + 50 * 4 / 100 / 4, rel=1e-6)
    assert cost.network_seconds == pytest.approx(0.5, rel=1e-6)
    assert cost.memory == pytest.approx(230.0, rel=1e-6)
    assert cost.beyond == pytest.approx(2.0), "of rows, 50 were measured at most"
    mixed = model.cost("one", 2, Work({"gigaflop (trained with bfloat16)": 60.0}), faster)
    assert mixed.seconds - 1.5 == pytest.approx(60 * 5 / 300 / 2, rel=1e-6) == mixed.network_seconds


def test_the_model_of_the_package_is_the_fit_to_the_committed_measurements() -> None:
    kept, fitted = read_model(), fit_model(read_measured(ROOT / "benchmarks/results/jobs.csv"))
    assert kept.runs == fitted.runs
    assert kept.starts == pytest.approx(fitted.starts, rel=2e-3, abs=1e-9)
    assert kept.rates == pytest.approx(fitted.rates, rel=2e-3, abs=1e-9)
    assert kept.memory.keys() == fitted.memory.keys()
    for rule, line in fitted.memory.items():
        assert kept.memory[rule] == pytest.approx(line, rel=2e-3, abs=1e-9), rule


def test_the_model_says_of_every_run_and_long_job_what_it_was_measured_at() -> None:
    """Within half as much again, time and peak memory; jobs of seconds are mostly the start of their libraries."""
    model, measured = read_model(), read_measured(ROOT / "benchmarks/results/jobs.csv")
    runs: dict[str, list[tuple[Measured, Cost]]] = {}
    for job in measured:
        runs.setdefault(job.run, []).append((job, model.cost(job.rule, job.threads, job.work, job.machine)))
    assert len(runs) > 10
    for run, jobs in runs.items():
        timed = [(job.seconds, cost.seconds) for job, cost in jobs if not math.isnan(job.seconds)]
        seconds, said = sum(pair[0] for pair in timed), sum(pair[1] for pair in timed)
        assert not timed or 1 / 1.5 < said / seconds < 1.5, run
        needed = max(job.memory for job, _ in jobs if not math.isnan(job.memory))
        assert 1 / 1.5 < max(cost.memory for _, cost in jobs) / needed < 1.5, run
        for job, cost in jobs:
            if job.seconds > LONG:
                assert 1 / 1.5 < cost.seconds / job.seconds < 1.5, (run, job.rule, job.job)
            if job.rule in ("extract_features", "evaluate", "build_report") and not math.isnan(job.memory):
                assert 1 / 1.5 < cost.memory / job.memory < 1.5, (run, job.rule, job.job)


def test_trainings_are_rated_with_bfloat16_where_a_processor_trains_so(demo: ResolvedRun) -> None:
    mixed = demo.model_copy(update={"precision": "mixed"})
    for run, known in ((demo, set()), (mixed, {"trained with bfloat16"})):
        works = work.Works(run, Sizes(run, Results(), Operations(count=False)))
        amounts = [name for job in jobs_of_run(run) if job.rule == "fit" for name in works.of(job).amounts]
        assert {name.partition("(")[2][:-1] for name in amounts if "bfloat16" in name} == known
    for name, build in (IMAGE_NETWORKS | CODE_NETWORKS).items():
        with torch.device("meta"):
            one_dimensional = any(isinstance(layer, torch.nn.Conv1d) for layer in build(64, 2, 0.1).modules())
        assert one_dimensional == (name in work.ALWAYS_FLOAT32), name


def test_a_broken_table_of_measurements_is_told(tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text("run,rule\ndemo,classify\n")
    with pytest.raises(UserError, match=r"jobs\.csv: line 2: no measured job"):
        read_measured(tmp_path / "jobs.csv")


def test_operations_are_those_that_torchvision_publishes() -> None:
    """It counts a multiplication with its addition once."""
    from torchvision.models import get_weight

    table = read_table()
    compared = 0
    for name, backbone in BACKBONES.items():
        counted = table.get(f"{name}/{backbone.default_layer}@{backbone.input_size}")
        if counted is None or not isinstance(backbone.weights, TorchvisionWeights):
            continue
        published = get_weight(backbone.weights.name).meta
        assert counted.gflop == pytest.approx(2 * published["_ops"], rel=0.03), name
        assert 4e6 * counted.mparameters / 2**20 == pytest.approx(published["_file_size"], rel=0.05), name
        compared += 1
    assert compared >= 5


def test_a_run_of_which_no_study_is_possible_has_nothing_to_tell(demo: ResolvedRun) -> None:
    empty = demo.model_copy(update={"studies": []})
    works = work.Works(empty, Sizes(empty, Results(), Operations(count=False)))
    assert [works.of(job).held for job in jobs_of_run(empty) if job.rule == "build_report"] == [0.0]


def test_answers_of_earlier_epochs_and_of_training_rows_are_held_too(demo: ResolvedRun) -> None:
    """Table 1 of Rezayi (2021) is a mean over epochs, of training rows as well; its Figure 8 is not."""
    sizes = Sizes(demo, Results(), Operations(count=False))
    study = next(study for study in demo.studies if study.study.key == "rezayi2021")
    found = [work.Works(demo, sizes).of(job) for job in jobs_of_run(demo) if job.name == "demo/rezayi2021"]
    answers = 0
    for protocol in study.protocols.values():
        once = sizes.fit(study, "eighty_twenty_once", protocol)
        answers += once.folds * (once.train + once.tested) * (10 + 30 + 10)  # epochs of ResNet-50, VGG-16, CNN
        each = sizes.fit(study, "eighty_twenty", protocol)
        answers += 2 * each.folds * each.tested  # SVM and RF
    assert max(one.held for one in found) == pytest.approx(200 * answers / 2**20, rel=1e-9)


def test_of_a_backbone_only_what_comes_up_to_the_layer_is_held() -> None:
    """Keras prints the trainable parameters of both networks without their top; layers behind it by arithmetic."""
    table = read_table()
    convolutions, first, second = 14_714_688, 25_088 * 4096 + 4096, 4096 * 4096 + 4096
    for layer, parameters in {
        "gap": convolutions,
        "flat": convolutions,
        "classifier.0.input": convolutions,
        "fc6": convolutions + first,
        "fc7": convolutions + first + second,
        "relu7": convolutions + first + second,
    }.items():
        assert table[f"vgg16/{layer}@224"].mkept == pytest.approx(parameters / 1e6, rel=1e-5), layer
    assert table["mobilenet_v2/gap@224"].mkept == pytest.approx(2.223872, rel=1e-5)
    counted = Operations(count=True)
    counted.known.clear()
    for name, layer in (("vgg16", "fc6"), ("alexnet", "classifier.1.input"), ("efficientnet_lite0", "gap")):
        part = ResolvedExtractor(id=name, backbone=name, layer=layer, weights="random", input_size=80)
        assert counted.of_extractor(part).mkept == pytest.approx(table[f"{name}/{layer}@80"].mkept, rel=1e-5), name


def test_what_an_estimate_repeats_of_jobs_is_what_they_do() -> None:
    """Estimates are told at every start, so their modules do without the imports of those that compute."""
    assert (controls.SHUFFLES, len(get_args(controls.LabelUnit))) == (work.SHUFFLES, work.UNITS)
    assert work.EXPLAINED == selection.MEASURED
    # Not imported: scikit-learn-intelex refuses to load after OpenVINO.
    engine = (ROOT / "src/leukorepro/features/engines/openvino_engine.py").read_text()
    assert f"\nBLOCK_ROWS = {work.BLOCK_ROWS}\n" in engine
    field, crop = math.prod(scenes.FIELD_SIZE) / 1e6, math.prod(scenes.CROP_SIZE) / 1e6
    drawn = {
        "allidb": layout.FIELD_SHARE * field + (1 - layout.FIELD_SHARE) * crop,
        "allidb1": field,
        "allidb2": crop,
        "cnmc2019": math.prod(scenes.SEGMENTED_SIZE) / 1e6,
        "bone_marrow": math.prod(scenes.MARROW_SIZE) / 1e6,
    }
    assert pytest.approx(drawn, rel=1e-12) == MEGAPIXELS


# ----------------------------------------------------------------------------------------------------------------- run


def test_the_demonstration_takes_what_it_was_measured_at(demo: ResolvedRun) -> None:
    """4 min 20 s to 4 min 55 s on two cores, before it had controls of cells."""
    model = read_model()
    told = estimate(demo, 2, model, model.machine, Results(), count=False)
    assert told.jobs == len(jobs_of_run(demo))
    assert 260 / 1.5 < 3600 * told.hours < 295 * 1.5
    assert told.hours_without_networks < told.hours
    assert 1.0 < told.peak_memory_gib < 4.0
    assert sum(rule.jobs for rule in told.rules) == told.jobs - 1, "the goal itself"
    assert not [rule for rule in told.rules if rule.measured.startswith("extrapolated")]
    one = estimate(demo, 1, model, model.machine, Results(), count=False)
    assert one.hours > 1.5 * told.hours


def test_every_job_stands_behind_those_that_it_waits_for(demo: ResolvedRun) -> None:
    seen: set[Job] = set()
    for job, after in jobs_of_run(demo).items():
        assert set(after) <= seen, job
        seen.add(job)


def test_threads_are_those_of_the_rules(demo: ResolvedRun) -> None:
    """Where a rule asks for a plain number; those of networks ask for eight where a run is no demonstration."""
    import re

    text = "\n".join(file.read_text() for file in sorted((ROOT / "workflow/rules").glob("*.smk")))
    found = dict(re.findall(r'results/benchmarks/(\w+)/[^"]*"(?:(?!benchmark:).)*?threads: ([^\n]+)', text, re.DOTALL))
    plain = {rule: int(threads) for rule, threads in found.items() if threads.isdigit()}
    jobs = Counter(job.rule for job in jobs_of_run(demo))
    assert {rule: THREADS.get(rule, 1) for rule in plain} == plain
    assert len(plain) > 12
    assert {threads_of(demo, job) for job in jobs_of_run(demo) if job.rule == "extract_features"} == {1}
    assert jobs["extract_features"] == 6


def test_sizes_are_those_of_the_split_tables(demo: ResolvedRun) -> None:

    sizes = Sizes(demo, Results(), Operations(count=False))
    study = next(study for study in demo.studies if study.study.key == "atteia2022")
    views, images = 3, sizes.images(study.dataset_id).total
    by_view = sizes.fit(study, "five_folds", study.protocols["as_published"])
    assert (by_view.folds, by_view.train) == (5, round(images * views * 0.8))
    assert by_view.tested == round(images * views * 0.2)
    assert sizes.fit(study, "five_folds", study.protocols["subject_disjoint"]).tested == round(images * 0.2)


def test_controls_are_of_the_first_seed_alone(demo: ResolvedRun) -> None:

    seeds = demo.model_copy(update={"seeds": 3})
    one, three = (work.Works(run, Sizes(run, Results(), Operations(count=False))) for run in (demo, seeds))
    (control, *_) = [job for job in jobs_of_run(demo) if job.rule == "controls"]
    (classified, *_) = [job for job in jobs_of_run(demo) if job.rule == "classify"]
    assert one.of(control).amounts["fits"] == three.of(control).amounts["fits"] > 0
    assert 3 * one.of(classified).amounts["fits"] == three.of(classified).amounts["fits"]


def test_every_seed_is_counted_where_it_is_fitted(published: ResolvedRun) -> None:
    """On the held-out part too, which is tested anew with every seed, and of what is fitted to all rows."""
    seeds = published.model_copy(update={"seeds": 5})
    one, five = (work.Works(run, Sizes(run, Results(), Operations(count=False))) for run in (published, seeds))
    rungs = set()
    for job in jobs_of_run(published):
        if job.rule not in ("fit_reducer", "train_network", "classify", "evaluate"):
            continue
        once, often = one.of(job).amounts, five.of(job).amounts
        rungs.add(job.name.split("/")[2] if job.rule in ("fit_reducer", "train_network") else job.rule)
        for name in once.keys() - {"gigaflop (products of rows)"} - {f"cells ({job.rule})"}:
            assert often[name] == pytest.approx(5 * once[name], rel=1e-9), (job, name)
    assert {"as_published", "external", "classify", "evaluate"} <= rungs


def test_a_cluster_runs_jobs_side_by_side_that_one_machine_has_no_cores_for(published: ResolvedRun) -> None:
    model = read_model()

    def told(cores: int, places: int | None) -> Estimate:
        return estimate(published, cores, model, model.machine, Results(), count=False, places=places)

    assert told(8, 1).hours == pytest.approx(sum(rule.hours for rule in told(8, 1).rules), rel=1e-9)
    largest = max(rule.peak_memory_gib for rule in told(8, 4).rules)
    assert told(8, 4).peak_memory_gib == pytest.approx(largest, rel=1e-9), "each on its own node"
    assert told(8, 4).hours < told(8, None).hours / 2, "most of it are jobs of eight threads"
    assert told(8, 4).hours > told(8, 20).hours >= told(8, 10**9).hours
    assert "with 4 of them at a time and no waiting in a queue" in total(told(8, 4))


def test_a_run_starts_with_its_total(demo: ResolvedRun, monkeypatch: pytest.MonkeyPatch) -> None:
    import leukorepro.costs.told as told

    monkeypatch.setattr(told, "known_machine", lambda: None)
    said = at_start(demo, 2)
    assert said.line.startswith(f"The whole run: {len(jobs_of_run(demo))} jobs, about ")
    assert "if this machine is as fast" in said.line
    model = read_model()
    whole = estimate(demo, 2, model, model.machine, Results(), count=False)
    assert schedule(said.expected, 2).seconds == pytest.approx(3600 * whole.hours, rel=1e-9)


def test_the_start_of_a_long_run_is_told_again_of_a_machine_that_was_not_known(
    demo: ResolvedRun, published: ResolvedRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    import leukorepro.costs.told as told

    monkeypatch.setattr(told, "known_machine", lambda: None)
    assert not at_start(demo, 2).worth_measuring, "it takes minutes"
    said = at_start(published, 2)
    assert said.worth_measuring
    assert "if this machine is as fast" in said.line
    again = at_start(published, 2, machine=MACHINE)
    assert not again.worth_measuring
    assert "if this machine is as fast" not in again.line
    whole = estimate(published, 2, read_model(), MACHINE, Results(), count=False)
    assert schedule(again.expected, 2).seconds == pytest.approx(3600 * whole.hours, rel=1e-9)


# -------------------------------------------------------------------------------------------------------- command line


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "config").symlink_to(ROOT / "config")
    monkeypatch.chdir(tmp_path)
    keep_machine(MACHINE)
    return tmp_path


def test_the_command_writes_what_a_script_reads(project: Path) -> None:
    done = CliRunner().invoke(app, ["estimate", "--run", "demo", "--cores", "2", "--out", "told.json"])
    assert done.exit_code == 0, done.output
    told = json.loads((project / "told.json").read_text())
    asked = {"jobs", "hours", "peak_memory_gib", "disk_gib", "download_gib"}
    assert asked <= told.keys()
    assert all(isinstance(told[key], int | float) and told[key] >= 0 for key in asked)
    assert f"In all: {told['jobs']} jobs, about " in done.output
    assert math.fsum(rule["disk_gib"] for rule in told["rules"]) == pytest.approx(told["disk_gib"], rel=1e-9)


def test_with_a_gpu_it_says_that_none_was_measured(project: Path) -> None:
    done = CliRunner().invoke(app, ["estimate", "--run", "demo", "--gpu", "--out", "told.json"])
    assert done.exit_code == 0, done.output
    assert "No GPU was measured. With one the run takes at least" in done.output
    told = json.loads((project / "told.json").read_text())
    assert (told["hours_are"], told["hours"] < told["hours_without_gpu"]) == ("at least", True)


def test_an_unknown_run_is_told(project: Path) -> None:
    done = CliRunner().invoke(app, ["estimate", "--run", "dmeo"])
    assert done.exit_code == 2
    assert "--run: unknown run 'dmeo'" in done.output
    assert "Did you mean 'demo'?" in done.output
    assert not (project / "results/demo").exists()


@pytest.mark.usefixtures("project")
def test_another_machine_is_measured_anew_and_so_is_this_one_by_another_calibration() -> None:
    assert known_machine() == MACHINE
    content = json.loads(FILE.read_text())
    for speed in (content["speed"], {"of": 1.0, "an": 2.0, "earlier": 3.0, "version": 4.0}):
        FILE.write_text(json.dumps({"machine": "elsewhere", "speed": speed}))
        assert known_machine() is None
    FILE.write_text("{}")
    with pytest.raises(UserError, match=r"machine\.json: no calibration of a machine"):
        known_machine()
