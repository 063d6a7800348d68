"""DVC's stages make a run, miss no file that it reads, agree with Snakemake on what is up to date, and tell nobody."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import LOADED, shrink
from PIL import Image
from project_copy import ProjectCopy, planned_rules
from test_rules import rules

from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.backbones.weights import find_imagenet_weights
from leukorepro.run.dvc.programs import run_of
from leukorepro.run.dvc.stages import COMMANDS, dvc_yaml
from leukorepro.run.resolve import resolve

MADE_BY: dict[str, list[str]] = {
    "dataset": ["simulate_images", "scan_images", "find_duplicates"],
    "features": ["get_weights", "extract_features", "describe_images", "join_features"],
    "audit": ["audit_published"],
    "study": [
        "fuse_features",
        "make_splits",
        "fit_reducer",
        "train_network",
        "encode_images",
        "fit",
        "classify",
        "evaluate",
        "judge",
        "controls",
        "explain",
        "audit_leakage",
    ],
    "report": ["build_report"],
}
"""Rules that each kind of stage asks for and that follow the code."""
REPRO = ("dvc", "repro", "--no-run-cache")

STUDIES = {"atteia2022", "rezayi2021"}
"""What is reproduced: between them they have every kind of stage."""

AFTER_AN_EDIT = {f"{rule}_{study}" for rule in ("evaluate", "audit_leakage") for study in STUDIES} | {
    "judge",
    "controls",
    "build_report",
}
"""Rules that an edit of a metric concerns; it fits nothing again but controls."""

SMEARS = "data/Lena's smears, 50 % ($1) {new} #2 für [all]"
"""Folder of images of one's own, with characters that shells, Snakemake, DVC and YAML read as something else."""
TABLE = "data/who's ${who}.csv"
WEIGHTS = "data/my weights/lite 0.pth"


@pytest.fixture(scope="module")
def stages(root: Path) -> dict[str, Any]:
    return yaml.safe_load((root / "dvc.yaml").read_text())


@pytest.fixture(scope="module")
def reproduced(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A repository of its own in which `dvc repro` has run once."""
    folder = tmp_path_factory.mktemp("dvc")
    # DVC keeps records for all of a machine's repositories; these are ours.
    records = {f"DVC_{kind}_DIR": str(folder / kind) for kind in ("SITE_CACHE", "GLOBAL_CONFIG", "SYSTEM_CONFIG")}
    project = ProjectCopy(fresh, folder / "project", environment=records)
    shrink(project.folder)
    run_file = project.folder / "config/config.yaml"
    run = yaml.safe_load(run_file.read_text())
    run["studies"] = [study for study in run["studies"] if study["study"] in STUDIES]
    run["studies"][0] |= own_files(project.folder)
    run_file.write_text(yaml.safe_dump(run))
    project.environment["PYTHONPATH"] += os.pathsep + str(Path(__file__).parent / "recorder")
    project.environment["LOADED"] = str(project.folder / LOADED)
    project.run("leukorepro", "config", "dvc")
    (project.folder / "dvc.lock").unlink()  # the demonstration's
    project.run("git", "init", "--quiet")
    project.run("dvc", "add", SMEARS, TABLE, str(Path(WEIGHTS).parent))
    project.run(*REPRO)
    return project


@pytest.fixture(scope="module")
def store() -> Iterator[tuple[str, dict[str, str]]]:
    """A bucket of a server that speaks S3 on this machine: its address, and what a client of it must know."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        address = "http://{}:{}".format(*server.get_host_and_port())
        keys = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
        client = boto3.client(
            "s3",
            endpoint_url=address,
            region_name=keys["AWS_DEFAULT_REGION"],
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        )
        client.create_bucket(Bucket="leukaemia")
        yield address, keys
    finally:
        server.stop()


@pytest.fixture(scope="module")
def pushed(
    reproduced: ProjectCopy, store: tuple[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> ProjectCopy:
    """The repository, committed, with its files in a bucket and in a folder."""
    address, keys = store
    reproduced.environment |= keys
    reproduced.run("dvc", "remote", "add", "--default", "bucket", "s3://leukaemia/runs")
    reproduced.run("dvc", "remote", "modify", "bucket", "endpointurl", address)
    reproduced.run("dvc", "remote", "add", "folder", str(tmp_path_factory.mktemp("remote")))
    reproduced.run("git", "add", ".")
    reproduced.run("git", "-c", "user.name=N", "-c", "user.email=n@example.org", "commit", "--quiet", "-m", "Run")
    reproduced.run("dvc", "push")
    return reproduced


def clone(project: ProjectCopy, folder: Path) -> ProjectCopy:
    """A colleague's clone on another machine: no results, no records, a cache of its own."""
    source = folder / "fresh"
    subprocess.run(["git", "clone", "--quiet", project.folder, source], check=True)
    return ProjectCopy(source, folder / "project", environment=project.environment)


def own_files(project: Path) -> dict[str, Any]:
    """Images with a table of subjects, and a file of weights: what a study of a run says of them."""
    rows = []
    for label in ("all", "healthy"):
        (project / SMEARS / label).mkdir(parents=True)
        for number in range(24):
            pixels = np.random.default_rng([len(label), number]).integers(0, 256, (48, 48, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(project / SMEARS / label / f"{number}.png")
            rows.append(f"{label}/{number}.png,{label}{number // 2}")
    (project / TABLE).write_text("\n".join(["image,subject", *rows, ""]))
    dataset = {"adapter": "image_folder", "images": SMEARS, "positive_class": "all", "subjects": {"csv": TABLE}}
    (project / "config/datasets/smears.yaml").write_text(yaml.safe_dump(dataset))
    (project / WEIGHTS).parent.mkdir()
    shutil.copy(find_imagenet_weights(find_backbone("efficientnet_lite0")), project / WEIGHTS)
    return {"dataset": "smears", "weights": {"googlenet": f"file:{WEIGHTS}"}}


def test_committed_stages_are_those_of_the_default_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    run_file = Path("config/config.yaml")
    expected = dvc_yaml(resolve(run_file), run_file)
    assert (root / "dvc.yaml").read_text() == expected, "make it again with `leukorepro config dvc`"


def test_the_committed_lock_is_that_of_these_stages(root: Path, stages: dict[str, Any]) -> None:
    """Checksums mean something on the machine alone that made them; names, commands and parameters do everywhere."""
    text = (root / "dvc.lock").read_text()
    expected = {}
    for name, stage in stages["stages"].items():
        for part in stage.get("matrix", {"part": [""]})["part"]:
            filled = yaml.safe_load(yaml.safe_dump(stage).replace("${item.part}", part))
            expected[f"{name}@{part}" if part else name] = {
                "cmd": filled["cmd"],
                "deps": sorted(filled["deps"]),
                "outs": sorted(filled.get("outs", [])),
                "params": {
                    file: {key: value_of(root / file, key) for key in keys}
                    for of_file in filled.get("params", [])
                    for file, keys in of_file.items()
                },
            }
    found = {
        name: {
            "cmd": stage["cmd"],
            "deps": sorted(dep["path"] for dep in stage["deps"]),
            "outs": sorted(out["path"] for out in stage.get("outs", [])),
            "params": stage.get("params", {}),
        }
        for name, stage in yaml.safe_load(text)["stages"].items()
    }
    assert found == expected, "make it again with `make demo && leukorepro config dvc --adopt`"
    assert len(text) < 1_000_000
    assert not [path for stage in found.values() for path in stage["deps"] + stage["outs"] if Path(path).is_absolute()]


def value_of(file: Path, key: str) -> Any:
    """What a YAML file has at a key, whose parts have dots between them."""
    value = yaml.safe_load(file.read_text())
    for part in key.split("."):
        value = value[part]
    return value


def test_stages_are_of_the_run_that_they_name_and_follow_its_seed_where_it_is_used(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    by_seed = {}
    for run in (Path("config/config.yaml"), Path("config/runs/simulated.yaml")):
        file = tmp_path / run.name
        file.write_text(dvc_yaml(resolve(run), run))
        assert run_of(file) == run
        stages = yaml.safe_load(file.read_text())["stages"].items()
        of_features = [str(stage["params"]) for name, stage in stages if name.startswith("features-")]
        by_seed[run.stem] = ["'seed'" in params for params in of_features]
    assert not any(by_seed["config"]), "ImageNet weights"
    assert any(by_seed["simulated"]), "random ones"


def test_stages_own_all_that_a_run_makes_and_keep_nothing_old(root: Path, stages: dict[str, Any]) -> None:
    rules = (root / "workflow/rules/studies.smk").read_text()
    assert 'f"results/{RUN.name}/{STUDY.study.key}/{rung}/{table}.parquet"' in rules
    outputs = {out for stage in stages["stages"].values() for out in stage.get("outs", []) if isinstance(out, str)}
    for study in ("atteia2022", "hasanaath2024", "hayat2022", "rezayi2021"):
        assert f"results/demo/{study}/metrics.csv" in outputs
        assert f"results/demo/{study}/source_disjoint/predictions.parquet" in outputs
    assert not [
        name for name, stage in stages["stages"].items() for out in stage.get("outs", []) if isinstance(out, dict)
    ], "an output with options; `persist` in particular lets old files pass for new ones"


def test_a_kind_of_stage_follows_the_commands_that_its_rules_call(root: Path) -> None:
    called = {name: re.search(r"leukorepro ([a-z -]+?) *\\", block)[1] for name, block in rules(root).items()}  # type: ignore[index]
    of_no_run = {name for name, command in called.items() if command.startswith(("validity ", "config "))}
    assert called.keys() - of_no_run == {rule for made in MADE_BY.values() for rule in made}
    assert {kind: {called[rule] for rule in made} for kind, made in MADE_BY.items()} == {
        kind: set(commands) for kind, commands in COMMANDS.items() if kind != "stages"
    }


def test_dvc_sends_no_statistics_and_asks_for_no_updates(root: Path) -> None:
    text = (root / ".dvc/config").read_text()
    (core,) = re.findall(r"^\[core\]\n((?: +.*\n)+)", text, flags=re.MULTILINE)
    settings = dict(line.strip().split(" = ") for line in core.splitlines())
    assert settings == {"analytics": "false", "check_update": "false"}


@pytest.mark.slow
def test_dvc_takes_these_settings(reproduced: ProjectCopy) -> None:
    assert reproduced.run("dvc", "config", "core.analytics").strip().lower() == "false"


@pytest.mark.slow
def test_reproducing_makes_the_run_once(reproduced: ProjectCopy) -> None:
    assert (reproduced.folder / "results/demo/report/index.html").is_file()
    assert "Data and pipelines are up to date." in reproduced.run(*REPRO)
    assert planned_rules(reproduced.run("snakemake", "--dry-run")) == set()


@pytest.mark.slow
def test_what_snakemake_made_is_adopted_and_never_removed(reproduced: ProjectCopy) -> None:
    lock = reproduced.folder / "dvc.lock"
    before = yaml.safe_load(lock.read_text())
    lock.unlink()  # as after `snakemake` alone
    pages = reproduced.folder / "results/demo/report"
    made = {page: page.stat().st_mtime_ns for page in pages.iterdir()}
    told = reproduced.fails(*REPRO)
    assert "Start the same command again: it goes on with the rest" in " ".join(told.split())
    assert yaml.safe_load(lock.read_text()) == before
    assert "Data and pipelines are up to date." in reproduced.run(*REPRO)
    assert {page: page.stat().st_mtime_ns for page in pages.iterdir()} == made


@pytest.mark.slow
def test_a_stage_depends_on_every_file_that_its_jobs_read(reproduced: ProjectCopy) -> None:
    stages = yaml.safe_load((reproduced.folder / "dvc.yaml").read_text())["stages"]
    seen = set()
    for file in (reproduced.folder / LOADED).iterdir():
        told = json.loads(file.read_text())
        if told["stage"] is None:
            continue  # what wrote the stages
        stage = stages[told["stage"].partition("@")[0]]
        known = {*stage["deps"], *stage.get("outs", []), "results", "src", "dvc.yaml"}
        known |= {".snakemake/metadata"}  # records of results, which go where these go
        if any(dep.startswith("results/datasets/") for dep in known):  # the manifest knows images by their SHA-256
            known |= {SMEARS, "data/simulated"}
        folders = [reproduced.folder / name.replace(r"\${", "${") for name in known]
        read = [path for path in map(Path, told["read"]) if path.is_file() and path.is_relative_to(reproduced.folder)]
        missed = [str(path) for path in read if not any(path.is_relative_to(folder) for folder in folders)]
        assert not missed, f"{told['stage']}: {' '.join(told['words'][:2])} reads {missed}"
        seen |= {path.relative_to(reproduced.folder).as_posix() for path in read}
    assert {TABLE, "config/datasets/smears.yaml", "config/published/atteia2022.csv"} <= seen
    assert {f"{SMEARS}/all/0.png", "config/config.yaml", "config/studies/rezayi2021.yaml"} <= seen


@pytest.mark.slow
def test_a_changed_table_and_changed_weights_are_seen(reproduced: ProjectCopy) -> None:
    table, weights = reproduced.folder / TABLE, reproduced.folder / WEIGHTS
    before = table.read_text(), weights.read_bytes()
    table.write_text(before[0].replace("all0", "all1"))
    weights.write_bytes(before[1] + b" ")
    changed = json.loads(reproduced.run("dvc", "status", "--json"))
    assert {"changed deps": {TABLE: "modified"}} in changed["dataset-smears"]
    (part,) = (name for name in changed if name.startswith("features-smears-efficientnet_lite0-gap-file_"))
    assert changed[part] == [{"changed deps": {WEIGHTS: "modified"}}]
    told = reproduced.fails(*REPRO)
    assert "dvc.yaml: the run has changed since it was written (" in told
    assert "write it again with `leukorepro config dvc`." in told
    assert "Running stage 'dataset-smears'" not in told
    asked = part.partition("@")[2]
    told = reproduced.fails("snakemake", "--cores", "1", f"results/features/smears/{asked}.h5")
    assert f"results/features/smears/{asked}.h5: the run 'demo' makes no such file" in told
    table.write_text(before[0])
    weights.write_bytes(before[1])
    assert "Running stage" not in reproduced.run(*REPRO)  # what is tracked is entered again as it was


@pytest.mark.slow
def test_a_clone_is_restored_over_s3(pushed: ProjectCopy, tmp_path: Path) -> None:
    cloned = clone(pushed, tmp_path)
    lock = cloned.folder / "dvc.lock"
    locked = yaml.safe_load(lock.read_text())
    part = next(name for name in locked["stages"] if name.startswith("features-smears") and "@" in name)
    gone = {**locked["stages"][part], "outs": [{"path": "results/features/smears/gone.h5", "md5": "0" * 32}]}
    locked["stages"][f"{part.partition('@')[0]}@gone"] = gone  # which the run once had, and nobody has any more
    lock.write_text(yaml.safe_dump(locked, sort_keys=False))
    assert "Snakemake has nothing to do." in cloned.run("leukorepro", "config", "dvc", "--restore")
    kinds = (".parquet", ".csv", ".json", ".h5", ".html", ".svg")
    assert cloned.results(*kinds) == pushed.results(*kinds) != {}
    with cloned.appended("src/leukorepro/evaluation/metrics/metrics.py", "\nEDITED = True\n"):
        # DVC removes the outputs of a stage, so that leaks are looked for again; Snakemake by itself does not.
        expected = {rule for rule in AFTER_AN_EDIT if not rule.startswith("audit_leakage")} | {"all"}
        assert planned_rules(cloned.run("snakemake", "--dry-run")) == expected


@pytest.mark.long
def test_a_restored_clone_makes_what_the_original_would(pushed: ProjectCopy, tmp_path: Path) -> None:
    cloned = clone(pushed, tmp_path)
    cloned.run("leukorepro", "config", "dvc", "--restore")
    told = cloned.run(*REPRO)  # images of one's own have other times here, which a record says
    assert set(re.findall(r"^Running stage '(.+)':", told, flags=re.MULTILINE)) <= {"records"}
    run = yaml.safe_load((cloned.folder / "config/config.yaml").read_text())
    plans = {}
    for name, changed in {"seed": {"seed": run["seed"] + 1}, "controls": {"controls": ["cell_size"]}}.items():
        for project in (pushed, cloned):
            with project.edited("config/config.yaml", yaml.safe_dump(run), yaml.safe_dump(run | changed)):
                plans.setdefault(name, []).append(planned_rules(project.run("snakemake", "--dry-run")))
    for project in (pushed, cloned):
        image = project.folder / SMEARS / "all/3.png"
        before = image.read_bytes(), image.stat().st_mtime_ns
        Image.fromarray(np.zeros((48, 48, 3), np.uint8)).save(image)
        plans.setdefault("image", []).append(planned_rules(project.run("snakemake", "--dry-run")))
        image.write_bytes(before[0])
        os.utime(image, ns=(before[1], before[1]))
    for name, (original, restored) in plans.items():
        assert original == restored != set(), name
    assert "simulate_images" not in plans["image"][0] | plans["seed"][0]
    assert plans["controls"][0] < plans["image"][0]


@pytest.mark.slow
def test_headlines_are_shown_beside_earlier_ones(pushed: ProjectCopy) -> None:
    name = "results/demo/atteia2022/headline.json"
    before = json.loads((pushed.folder / name).read_text())
    assert "the budget was the demo's" in before["conditions"]
    (metric, number), *_ = before["as_published"].items()
    changed = json.loads(json.dumps(before))
    changed["as_published"][metric]["value"] = changed["ladder"][0][metric] = 0.125
    (pushed.folder / name).write_text(json.dumps(changed))
    told = json.loads(pushed.run("dvc", "metrics", "diff", "--json"))
    (key,) = told[name]
    assert key == f"as_published.{metric}.value"
    assert (told[name][key]["old"], told[name][key]["new"]) == (number["value"], 0.125)
    drawn = json.loads(pushed.run("dvc", "plots", "diff", "HEAD", "--json", "--split"))["data"]
    (plot,) = drawn[name]
    rows = plot["anchor_definitions"]["<DVC_METRIC_DATA>"]
    points = {(row["rev"], row[metric]) for row in rows if row["rung"] == "as_published"}
    assert points == {("HEAD", number["value"]), ("workspace", 0.125)}
    assert "results/demo/report/figures/summary/headlines.svg" in drawn
    pushed.run("dvc", "checkout", "--force", name)


@pytest.mark.long
def test_an_experiment_begins_where_its_parameter_is_used(pushed: ProjectCopy) -> None:
    pushed.run("dvc", "exp", "run", "--set-param", "config/config.yaml:seed=8", "stages")
    changed = json.loads(pushed.run("dvc", "status", "--json"))
    by_seed = {name for name, why in changed.items() if "seed" in json.dumps(why)}
    pushed.run("git", "checkout", "config/config.yaml", "dvc.lock")
    known = yaml.safe_load((pushed.folder / "dvc.lock").read_text())["stages"]
    assert by_seed == {name for name in known if name in STUDIES}, "no weights are drawn here"
    assert not [name for name in changed if name.startswith(("dataset-", "audit-"))]


@pytest.mark.long
def test_an_experiment_with_another_budget_asks_for_stages_of_it_and_then_goes_on(pushed: ProjectCopy) -> None:
    before = (pushed.folder / "config/config.yaml").read_text(), pushed.results(".csv", ".json", ".h5", ".parquet")
    told = pushed.fails("dvc", "exp", "run", "--set-param", "config/config.yaml:budget=published")
    assert "write it again with `leukorepro config dvc`." in told
    assert set(re.findall(r"^Running stage '(.+)':", told, flags=re.MULTILINE)) == {"stages"}
    assert (pushed.folder / "config/config.yaml").read_text() == before[0].replace("budget: demo", "budget: published")
    assert pushed.results(".csv", ".json", ".h5", ".parquet") == before[1]

    pushed.run("leukorepro", "config", "dvc")
    told = pushed.fails("dvc", "exp", "run", "stages")
    assert "Snakemake had made what 1 of these stages make, and it is up to date" in " ".join(told.split())
    pushed.run("dvc", "exp", "run", "stages")
    stale = set(json.loads(pushed.run("dvc", "status", "--json")))
    assert {"dataset-cnmc2019_demo-published", *STUDIES, "report", "records"} <= stale
    of_no_budget = {"dataset-smears", *(f"audit-{study}" for study in STUDIES)}
    assert not [name for name in stale if name in of_no_budget or name.startswith("features-smears")]
    pushed.run("git", "checkout", "config/config.yaml", "dvc.yaml", "dvc.lock")


@pytest.mark.long
def test_what_is_pulled_and_is_something_else_is_named_and_nothing_touched(pushed: ProjectCopy, tmp_path: Path) -> None:
    pushed.run("dvc", "push", "--remote", "folder")
    cloned = clone(pushed, tmp_path)
    cloned.run("dvc", "remote", "default", "folder")
    name = "results/demo/rezayi2021/metrics.csv"
    md5 = hashlib.md5((pushed.folder / name).read_bytes(), usedforsecurity=False).hexdigest()
    (listed,) = (line for line in cloned.run("dvc", "remote", "list").splitlines() if line.startswith("folder"))
    stored = Path(listed.split()[1]) / "files/md5" / md5[:2] / md5[2:]
    content = stored.read_bytes()
    stored.chmod(0o600)
    stored.write_bytes(content.replace(b"0", b"1"))
    told = cloned.fails("leukorepro", "config", "dvc", "--restore")
    assert "was pulled with another content than was pushed; nothing here was touched." in told
    assert name in told
    assert not (cloned.folder / "results/demo").exists()
    assert not (cloned.folder / ".snakemake").exists()

    stored.write_bytes(content)
    (cloned.folder / name).parent.mkdir(parents=True)
    (cloned.folder / name).write_text("what nobody else has")
    told = cloned.fails("leukorepro", "config", "dvc", "--restore")
    assert f"{name}: here with another content, which restoring would replace; nothing was touched." in told
    assert [file.name for file in (cloned.folder / "results/demo").rglob("*") if file.is_file()] == ["metrics.csv"]


@pytest.mark.long
def test_an_edit_of_the_evaluation_fits_nothing_again_but_controls(reproduced: ProjectCopy) -> None:
    with (reproduced.folder / "src/leukorepro/evaluation/metrics/metrics.py").open("a") as file:
        file.write("\nEDITED = True\n")
    logs = reproduced.folder / ".snakemake/log"
    before = set(logs.iterdir())
    told = reproduced.run(*REPRO)
    stages = re.findall(r"^Running stage '(.+)':", told, flags=re.MULTILINE)
    assert set(stages) == {*STUDIES, "report", "records"}
    texts = [log.read_text() for log in set(logs.iterdir()) - before]
    made = {rule for text in texts for rule in re.findall(r"^(?:local)?rule (\w+):", text, flags=re.MULTILINE)}
    assert made == AFTER_AN_EDIT
    assert "Data and pipelines are up to date." in reproduced.run(*REPRO)
    assert planned_rules(reproduced.run("snakemake", "--dry-run")) == set()
