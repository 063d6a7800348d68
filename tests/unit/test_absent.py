"""Studies of which nothing can be run: their dataset is absent, or their weights cannot be got."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest
import yaml
from project_data import ROOT, numbered, touch, write_yaml
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.config.datasets import load_dataset
from leukorepro.core.errors import UserError
from leukorepro.core.store import read_json, write_json
from leukorepro.features.backbones.record import WeightsRecord, record_weights
from leukorepro.run import plan
from leukorepro.run.datasets.absent import absence
from leukorepro.run.dvc.stages import dvc_yaml
from leukorepro.run.paths import Results
from leukorepro.run.resolve import resolve
from leukorepro.run.resolved import ResolvedRun
from leukorepro.run.weights import as_far_as_known, forget_failures, weights_of_run

RUN = Path("config/runs/published.yaml")
CNMC = numbered("C-NMC/fold_0/all/UID_{}_1_1_all.bmp", "C-NMC/fold_1/hem/UID_H{}_1_1_hem.bmp")
ALLIDB = "its dataset allidb is absent (data/allidb: no such folder); ask the authors of ALL-IDB "
ON_CNMC = ["hasanaath2024", "alhammadi2024", "rezayi2021"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The published run, without any dataset and without any weights."""
    for folder in ("studies", "datasets", "published"):
        shutil.copytree(ROOT / "config" / folder, tmp_path / "config" / folder)
    (tmp_path / "config/runs").mkdir()
    shutil.copy(ROOT / "config/runs/published.yaml", tmp_path / "config/runs")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def run_studies(run: ResolvedRun) -> list[str]:
    return [study.study.key for study in run.studies]


# ------------------------------------------------------------------------------------------------------------- datasets


def test_studies_of_absent_datasets_are_left_out_with_a_line_each(project: Path) -> None:
    touch(project / "data/cnmc2019", *CNMC)
    run = resolve(RUN)
    assert run_studies(run) == ON_CNMC
    assert [study.key for study in run.left_out] == ["atteia2022", "hayat2022"]
    first, second = run.not_run
    assert first.startswith(f"left out: study atteia2022, because {ALLIDB}")
    assert first.endswith("put it there, or correct `images` in config/datasets/allidb.yaml")
    assert second.startswith(
        "left out: study hayat2022, because its dataset imss is absent (data/imss: no such folder)"
    )
    assert "Not run: atteia2022 (dataset absent), hayat2022 (dataset absent)." in run.caveats
    with pytest.raises(UserError, match="study 'atteia2022' cannot run, because its dataset allidb is absent"):
        plan.find_study(run, "atteia2022")
    stages = yaml.safe_load(dvc_yaml(run, RUN))["stages"]
    assert {"audit-atteia2022", "rezayi2021", "dataset-cnmc2019"} <= stages.keys()
    assert not {"atteia2022", "dataset-allidb"} & stages.keys()
    assert "results/audit/atteia2022.json" in stages["report"]["deps"]


def test_a_run_of_which_no_study_is_left_is_one_error(project: Path) -> None:  # noqa: ARG001
    with pytest.raises(UserError) as error:
        resolve(RUN)
    told = str(error.value)
    assert told.startswith(f"config/runs/published.yaml: no study of it can run: atteia2022, because {ALLIDB}")
    assert "; hasanaath2024, alhammadi2024, rezayi2021, because its dataset cnmc2019 is absent" in told
    assert "doi 10.7937/tcia.2019.dc64i46r" in told
    done = CliRunner().invoke(app, ["config", "resolve", "--run", str(RUN), "--output", "config.json"])
    assert (done.exit_code, done.stderr) == (2, f"leukorepro: {told}\n")


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ([], "no such folder"),
        ([".gitkeep"], "empty"),
        ([".cache/1.png", "img/.gitignore", "@eaDir/1.png", "img/Thumbs.db"], "empty"),
        (["img/notes.txt"], None),
    ],
)
def test_a_dataset_is_absent_where_only_hidden_files_are(project: Path, names: list[str], found: str | None) -> None:
    touch(project / "data/allidb", *names)
    file = Path("config/datasets/allidb.yaml")
    absent = absence(load_dataset(file), file)
    assert (absent and absent.found) == (found and f"data/allidb: {found}")


@pytest.mark.parametrize(
    ("adapter", "images", "remedy"),
    [
        ("pbc", "data/pbc", "download Barcelona PBC with `leukorepro data fetch pbc`, or"),
        ("pbc", "scans/of PBC", "download Barcelona PBC with `leukorepro data fetch pbc --to 'scans/of PBC'`, or"),
        ("taleqani", "data/here", "(`leukorepro data fetch taleqani --to data/here` says how), or"),
        ("image_folder", "data/ours", "copy the images there, or"),
    ],
)
def test_a_published_dataset_is_fetched_to_where_its_configuration_looks_for_it(
    project: Path, adapter: str, images: str, remedy: str
) -> None:
    file = Path("config/datasets/one.yaml")
    write_yaml(project / file, {"adapter": adapter, "images": images})
    absent = absence(load_dataset(file), file)
    assert absent is not None
    assert f"{remedy} correct `images` in {file}" in absent.remedy


@pytest.mark.parametrize("tracked", ["data/allidb.dvc", "data.dvc"])
def test_where_dvc_tracks_an_absent_dataset_its_command_is_named(project: Path, tracked: str) -> None:
    touch(project, tracked)
    touch(project / "data/cnmc2019", *CNMC)
    assert (
        resolve(RUN)
        .left_out[0]
        .told.endswith(f"(data/allidb: no such folder); DVC tracks it: run `dvc pull {tracked}`")
    )


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["readme.pdf"], "data/allidb: holds no image of the dataset; expected there: ALL_IDB1, ALL_IDB2 or both"),
        (["ALL_IDB2/img/cell.tif"], "data/allidb"),
    ],
)
def test_a_dataset_that_is_there_and_wrong_stops_the_run(project: Path, names: list[str], expected: str) -> None:
    touch(project / "data/cnmc2019", *CNMC)
    touch(project / "data/allidb", *names)
    with pytest.raises(UserError, match=expected):
        resolve(RUN)


def test_a_wrong_study_is_told_although_its_dataset_is_absent(project: Path) -> None:
    touch(project / "data/cnmc2019", *CNMC)
    content = yaml.safe_load(RUN.read_text())
    content["studies"][0]["weights"] = {"googlnet": "random"}
    with pytest.raises(UserError, match=r"studies\[0\].weights: unknown extractor 'googlnet'"):
        resolve(write_yaml(project / RUN, content))


# -------------------------------------------------------------------------------------------------------------- weights


@pytest.fixture
def small(project: Path) -> ResolvedRun:
    """A study on a network with ImageNet weights and one with random ones, and a study without networks."""
    touch(project / "data/cnmc2019", *CNMC)
    networks = {"study": "hasanaath2024", "dataset": "cnmc2019", "extractors": ["vgg16", "resnet50", "mobilenet_v2"]}
    networks["weights"] = {"mobilenet_v2": "random"}
    studies = [networks, {"study": "alhammadi2024", "dataset": "cnmc2019"}]
    return resolve(write_yaml(project / RUN, {"name": "published", "budget": "demo", "studies": studies}))


def write_record(results: Results, name: str, **record: str) -> None:
    write_json(WeightsRecord(backbone=name, **record).model_dump(), results.weights(name))


def test_studies_end_whose_weights_could_not_be_got_and_others_do_not(small: ResolvedRun) -> None:
    results = Results()
    assert weights_of_run(small) == {"vgg16": "vgg16", "resnet50": "resnet50"}
    assert as_far_as_known(small, results) == small  # nobody has asked yet
    write_record(results, "vgg16", failure="weights of that are nowhere.")
    write_record(results, "resnet50", file="r.pth", sha256="0" * 64)
    ended = as_far_as_known(small, results)
    assert run_studies(ended) == ["alhammadi2024"]
    (left_out,) = ended.left_out
    assert left_out.what == "weights of VGG-16 could not be got"
    assert left_out.line == "left out: study hasanaath2024, because weights of that are nowhere"
    write_record(results, "resnet50", failure="neither.")
    (left_out,) = as_far_as_known(small, results).left_out
    assert left_out.what == "weights of VGG-16, ResNet-50 could not be got"
    assert "Nor could those of ResNet-50 be got" in left_out.told


def test_another_start_asks_again_for_what_could_not_be_got(small: ResolvedRun) -> None:
    results = Results()
    write_record(results, "vgg16", failure="no network.")
    write_record(results, "resnet50", file="r.pth", sha256="0" * 64)
    forget_failures(small, results)
    assert not results.weights("vgg16").exists()
    assert results.weights("resnet50").exists()


def test_a_record_says_what_is_there_or_why_not(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    monkeypatch.setenv("LEUKOREPRO_WEIGHTS_URL", f"http://127.0.0.1:{closed}")
    output = project / "results/weights/vgg16.json"
    asked = ["features", "weights", "--backbone", "vgg16"]
    done = CliRunner().invoke(app, [*asked, "--output", str(output)])
    assert done.exit_code == 0
    failure = read_json(output)["failure"]
    assert "Connection refused" in failure
    assert "copy the file to data/weights/vgg16-397923af.pth" in failure
    assert done.stdout.strip() == failure
    alone = CliRunner().invoke(app, asked)
    assert (alone.exit_code, alone.stderr) == (2, f"leukorepro: {failure}\n")
    packaged = record_weights("efficientnet_lite0", output)
    assert packaged.sha256.startswith("57934424")
    assert read_json(output)["failure"] == ""
