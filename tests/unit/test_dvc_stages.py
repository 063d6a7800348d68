"""DVC's stages, as they are written: what each depends on, and when they must be written again."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml
from project_data import make_project, touch, write_run, write_weights, write_yaml

from leukorepro.core.errors import UserError
from leukorepro.features.backbones.registry import BACKBONES
from leukorepro.features.backbones.specification import TimmWeights
from leukorepro.run import plan
from leukorepro.run.dvc import programs
from leukorepro.run.dvc.stages import check_stages, dvc_yaml
from leukorepro.run.resolve import resolve
from leukorepro.run.specify import Specifications

DVC = Path("dvc.yaml")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path))
    return tmp_path


def stages(run_file: Path) -> dict[str, Any]:
    text = dvc_yaml(resolve(run_file), run_file)
    DVC.write_text(text)
    return yaml.safe_load(text)["stages"]


def those_on(found: dict[str, Any], file: str) -> set[str]:
    """Stages that depend on a file, but for the first and the last, which follow all that a run is made of."""
    assert file in found["stages"]["deps"]
    assert file in found["records"]["deps"]
    return {name for name, stage in found.items() if file in stage["deps"]} - {"stages", "records"}


def refusal(run_file: Path) -> str:
    with pytest.raises(UserError) as error:
        check_stages(resolve(run_file), run_file, DVC)
    return str(error.value)


def smears(project: Path, **more: Any) -> None:
    touch(project / "my smears", "all/1.png", "all/2.png", "healthy/3.png", "healthy/4.png")
    dataset = {"adapter": "image_folder", "images": "my smears", "positive_class": "all"} | more
    write_yaml(project / "config/datasets/smears.2026.yaml", dataset)


def test_a_table_of_subjects_is_a_dependency_of_the_scan(project: Path) -> None:
    (project / "${who}.csv").write_text("image,subject\nall/1.png,a\nall/2.png,b\nhealthy/3.png,c\nhealthy/4.png,d\n")
    smears(project, subjects={"csv": "${who}.csv"})
    found = stages(write_run(project, dataset="smears.2026"))
    assert those_on(found, r"\${who}.csv") == {"dataset-smears_2026"}, "DVC allows no dot in the name of a stage"
    assert those_on(found, "my smears") == {"dataset-smears_2026", "report"}


def test_weights_of_ones_own_are_a_dependency_of_what_is_computed_by_them(project: Path) -> None:
    write_weights(project / "a b.pth", 1)
    run_file = write_run(project, weights={"googlenet": "file:a b.pth"})
    found = stages(run_file)
    (own,) = those_on(found, "a b.pth")
    (part,) = found[own]["matrix"]["part"]
    assert part.startswith("googlenet-gap-file_")
    assert own == f"features-allidb_simulated-demo-{part}"
    others = found["features-allidb_simulated-demo"]
    assert [part.partition("-")[0] for part in others["matrix"]["part"]] == ["inception_v3", "size_and_colour"]
    check_stages(resolve(run_file), run_file, DVC)

    write_weights(project / "a b.pth", 2)
    told = refusal(run_file)
    assert told.startswith("dvc.yaml: the run has changed since it was written (")
    assert own in told
    assert told.endswith("write it again with `leukorepro config dvc --run config/runs/mine.yaml`.")
    with pytest.raises(
        UserError, match=r"\.h5: the run 'mine' makes no such file; .* Did you mean 'googlenet-gap-file"
    ):
        plan.check_feature_file(resolve(run_file), Path(f"results/features/allidb_simulated-demo/{part}.h5"))


def test_weights_of_a_users_in_the_place_of_a_publisher_s_are_one_too(project: Path) -> None:
    touch(project / "data/weights", "alexnet_caffe.pth")
    run_file = write_run(project, networks={"googlenet": "alexnet_caffe"}, weights={"googlenet": "imagenet"})
    assert those_on(stages(run_file), "data/weights/alexnet_caffe.pth") == {
        "features-allidb_simulated-demo-alexnet_caffe-fc6-imagenet-112"
    }


def test_what_may_come_is_looked_for_each_time(project: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC lets no stage depend on a file that is not there."""
    run_file = write_run(project, weights={"googlenet": "imagenet"})
    assert "always_changed" not in stages(run_file)["stages"]
    googlenet = BACKBONES["googlenet"]
    on_hub = dataclasses.replace(googlenet, weights=TimmWeights("net.in1k", "timm/net.in1k"))
    with monkeypatch.context() as patch:
        patch.setitem(BACKBONES, "googlenet", on_hub)
        assert stages(run_file)["stages"]["always_changed"]
        touch(project / "data/weights", "net.in1k.safetensors")
        assert "always_changed" not in stages(run_file)["stages"]

    smears(project)
    run = yaml.safe_load(run_file.read_text())
    (project / "config/studies/finetune.yaml").write_bytes((root / "config/studies/finetune.yaml").read_bytes())
    write_yaml(
        project / run_file, run | {"studies": [*run["studies"], {"study": "finetune", "dataset": "smears.2026"}]}
    )
    (project / "my smears").rename(project / "elsewhere")
    assert stages(run_file)["stages"]["always_changed"]
    (project / "elsewhere").rename(project / "my smears")
    assert "dataset-smears_2026" in refusal(run_file)


def test_a_study_that_trains_a_network_further_depends_on_its_weights(project: Path, root: Path) -> None:
    write_weights(project / "resnet50.pth")
    (project / "config/studies/finetune.yaml").write_bytes((root / "config/studies/finetune.yaml").read_bytes())
    run_file = write_run(project, study="finetune", weights={"resnet50": "file:resnet50.pth"})
    on = those_on(stages(run_file), "resnet50.pth")
    assert {name.partition("-")[0] for name in on} == {"finetune", "features"}


def test_a_study_depends_on_every_key_of_the_run_that_its_jobs_are_told(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    usual = {"precision": "float32", "fast_trees": False, "controls": ["cell_size"]}
    run_file = write_yaml(tmp_path / "run.yaml", yaml.safe_load(Path("config/config.yaml").read_text()) | usual)

    def told(**other: Any) -> dict[tuple[str, ...], str]:
        return {job: spec.digest for job, spec in Specifications(resolve(run_file, other)).items()}

    found = yaml.safe_load(dvc_yaml(resolve(run_file), run_file))["stages"]
    before = told()
    others = {"seed": 1, "precision": "mixed", "fast_trees": True, "weights": "random", "controls": ["shuffled_labels"]}
    for key, value in others.items():
        after = told(**{key: value})
        changed = {job[1] for job in before.keys() | after.keys() if before.get(job) != after.get(job)}
        assert changed, key
        for study in changed:
            assert key in found[study]["params"][0][str(run_file)], f"{study}: {key}"


def test_a_key_that_is_added_to_the_run_is_seen(project: Path) -> None:
    run_file = write_run(project)
    assert "precision" not in str(stages(run_file))
    write_yaml(project / run_file, yaml.safe_load(run_file.read_text()) | {"precision": "mixed"})
    # The report tells of the feature files, whose names have it.
    assert "(atteia2022, features-allidb_simulated-demo, report)" in refusal(run_file)


@pytest.mark.parametrize("content", ["", "stages: []\n"])
def test_a_file_without_stages_is_to_be_written_again(project: Path, content: str) -> None:
    run_file = write_run(project)
    (project / DVC).write_text(content)
    assert refusal(run_file).startswith("dvc.yaml: the run has changed since it was written (")


def test_what_a_user_adds_beside_the_stages_is_no_change_of_the_run(project: Path) -> None:
    run_file = write_run(project)
    stages(run_file)
    DVC.write_text(DVC.read_text() + "params: [theirs.yaml]\n")
    check_stages(resolve(run_file), run_file, DVC)


def test_a_feature_file_that_the_run_does_not_make_is_refused(project: Path) -> None:
    run = resolve(write_run(project))
    dataset = Path("results/features/allidb_simulated-demo")
    (inception, googlenet) = plan.used_parts(run.studies[0])[:2]
    for name in (f"{googlenet}.h5", f"fused/{inception}+{googlenet}.h5"):
        plan.check_feature_file(run, dataset / name)
    for name in ("googlenet-gap-random_0-113.h5", f"fused/{inception}+googlenet-gap-random_0-113.h5"):
        with pytest.raises(UserError, match=rf"unknown features 'googlenet-gap-random_0-113'.*{googlenet}"):
            plan.check_feature_file(run, dataset / name)
    with pytest.raises(UserError, match=r"unknown dataset 'allidb'. Known: allidb_simulated-demo"):
        plan.check_feature_file(run, Path(f"results/features/allidb/{googlenet}.h5"))


SUMMARY = """\
output_file	rule	plan
results/datasets/smears/manifest.csv	scan_images	no update
results/audit/atteia2022.json	audit_published	no update
results/weights/resnet50.json	get_weights	no update
results/run/one/as_published/splits/folds.csv	make_splits_one	no update
results/run/two/as_published/splits/folds.csv	make_splits_two	no update
results/features/smears/resnet50.h5	extract_features	no update
results/run/one/metrics.csv	judge	no update
"""
BEHIND = {"results/features/smears/resnet50.h5", "results/run/one/metrics.csv"}


@pytest.mark.parametrize("pending", ["make_splits_two", "get_weights", None])
def test_what_lies_behind_a_checkpoint_is_not_taken_for_up_to_date(
    project: Path, monkeypatch: pytest.MonkeyPatch, pending: str | None
) -> None:
    """Snakemake plans no update of it, even where another budget will have it made again."""
    stages(write_run(project))
    rows = SUMMARY.replace(f"{pending}\tno update", f"{pending}\tupdate pending")
    monkeypatch.setattr(programs, "told", lambda *_: rows)
    stale = {output for output, is_done in programs.up_to_date(DVC).items() if not is_done}
    assert (stale > BEHIND) if pending else not stale
    assert not any("datasets" in output or "audit" in output for output in stale)
