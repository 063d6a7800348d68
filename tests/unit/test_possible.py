from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import pytest
import yaml
from project_data import ROOT, make_project, numbered, touch, write_run, write_weights, write_yaml
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.config.study.study import Study
from leukorepro.config.study.systems import Extractor
from leukorepro.core.errors import UserError
from leukorepro.core.listing import Row
from leukorepro.features.backbones.registry import BACKBONES
from leukorepro.features.backbones.specification import OwnWeights
from leukorepro.features.lookup import resolve_extractor
from leukorepro.run.possible import Facts, Possible, possible_part
from leukorepro.run.resolve import resolve

OWN_FILE = "data/weights/own.pth"
REASON = (
    "ImageNet weights of My own are published in no form that can be read here, and there is no "
    f"{OWN_FILE} (ask me); where you have them, name their file: `weights: {{googlenet: file:PATH}}`"
)


@pytest.fixture(autouse=True)
def own(monkeypatch: pytest.MonkeyPatch) -> None:
    """A network whose weights are published nowhere."""
    entry = dataclasses.replace(
        BACKBONES["googlenet"], title="My own", weights=OwnWeights("own.pth", "ask me", "my own")
    )
    monkeypatch.setitem(BACKBONES, "own", entry)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The first study with that network in the place of one of its two."""
    monkeypatch.chdir(make_project(tmp_path))
    for name in ("cnmc2019", "cnmc2019_simulated"):
        shutil.copy(ROOT / f"config/datasets/{name}.yaml", tmp_path / "config/datasets")
    write_run(tmp_path, networks={"googlenet": "own"}, weights={"googlenet": "imagenet"})
    return tmp_path


RUN = Path("config/runs/mine.yaml")
WITH_IT = ["1/GSet", "1/ESet", "1/RSet/ESet=0.25", "1/RSet/ESet=0.5", "1/RSet/ESet=0.75"]


def test_items_without_weights_are_left_out_with_one_line_and_all_that_only_they_use(project: Path) -> None:  # noqa: ARG001
    run = resolve(RUN)
    (study,) = run.studies
    assert [item.item for item in study.study.tables["1"].items] == ["ISet"]
    assert study.study.headline == "1/ISet"
    assert list(study.study.feature_sets) == ["ISet"]
    assert list(study.extractors) == ["inception_v3"]
    assert study.study.figures == {}
    assert study.left_out_items == dict.fromkeys(WITH_IT, REASON)
    assert run.not_run == [f"left out: atteia2022 {'; '.join(WITH_IT)}, because {REASON}"]


def test_items_on_official_folds_that_the_dataset_has_not_are_left_out(project: Path) -> None:
    study = yaml.safe_load((project / "config/studies/atteia2022.yaml").read_text())
    study["splits"]["two"] = {"kind": "k_fold", "n_splits": 2, "official_splits": ["fold_0", "fold_1"]}
    study["tables"]["1"]["items"][0]["split"] = "two"
    study["claims"] = {}
    write_yaml(project / "config/studies/atteia2022.yaml", study)
    write_run(project)
    assert resolve(RUN).studies[0].left_out_items == {
        "1/ISet": "the dataset allidb_simulated-demo has no official split 'fold_0' (`splits.two`), but none"
    }
    assert resolve(write_run(project, dataset="cnmc2019_simulated")).not_run == []
    names = ["C-NMC/fold_1/all/UID_{}_1_1_all.bmp", "C-NMC/fold_1/hem/UID_H{}_1_1_hem.bmp"]
    touch(project / "data/cnmc2019", *numbered(*names))
    (line,) = resolve(write_run(project, dataset="cnmc2019")).not_run
    assert line.endswith("has no official split 'fold_0' (`splits.two`), but fold_1")


@pytest.mark.parametrize("weights", ["random", "file:mine.pth"])
def test_with_other_weights_they_are_run(project: Path, weights: str) -> None:
    write_weights(project / "mine.pth")
    write_run(project, networks={"googlenet": "own"}, weights={"googlenet": weights})
    run = resolve(RUN)
    assert run.not_run == []
    assert len(run.studies[0].study.tables["1"].items) == 6


def test_with_the_file_in_its_place_they_are_run(project: Path) -> None:
    touch(project, OWN_FILE)
    assert resolve(RUN).not_run == []


def test_what_the_run_does_not_want_is_no_news(project: Path) -> None:
    write_run(project, items=["1/ISet", "1/RSet/ESet=0.25"])
    assert resolve(RUN).not_run == []


def test_a_study_of_which_nothing_is_possible_is_left_out_and_the_others_run(project: Path) -> None:
    write_run(project, extractors=["own"], weights={"own": "imagenet"})
    content = yaml.safe_load(RUN.read_text())
    with pytest.raises(UserError, match=r"no study of it can run: atteia2022, because ImageNet weights of My own are"):
        resolve(RUN)
    shutil.copy(ROOT / "config/studies/alhammadi2024.yaml", project / "config/studies")
    content["studies"].append({"study": "alhammadi2024", "dataset": "cnmc2019_simulated"})
    run = resolve(write_yaml(project / RUN, content))
    assert [study.study.key for study in run.studies] == ["alhammadi2024"]
    (line,) = run.not_run
    assert line == f"left out: study atteia2022, because {REASON.replace('{googlenet:', '{own:')}"


def test_the_command_says_what_is_left_out(project: Path) -> None:
    done = CliRunner().invoke(app, ["config", "resolve", "--run", str(RUN), "--output", str(project / "config.json")])
    assert done.exit_code == 0
    assert f"because {REASON}" in done.stderr


def test_a_reading_goes_alone_and_takes_the_place_of_a_printed_item_that_goes() -> None:
    content = yaml.safe_load((ROOT / "config/studies/atteia2022.yaml").read_text())
    of = {"classifier": "cubic_svm", "features": "ISet"}
    items = [
        {"item": "printed", **of},
        {"item": "reading", **of, "features": "GSet", "reading_of": "printed"},
        {"item": "other", **of, "features": "GSet"},
        {"item": "no weights", **of, "features": "GSet", "reading_of": "other"},
        {"item": "other reading", **of, "reading_of": "other"},
        {"item": "third reading", **of, "reading_of": "other"},
        {"item": "lost", **of, "features": "GSet"},
    ]
    table = {"title": "", "split": "five_folds", "metrics": ["accuracy"]}
    content["tables"] = {
        "0": {**table, "items": [{"item": "before", **of}]},
        "1": {**table, "items": items},
        "2": {**table, "items": [{"item": "alone", **of, "features": "GSet"}]},
    }
    content |= {"headline": "1/other", "figures": {}, "claims": {}}
    study = Study.model_validate(content)
    extractors = {
        "inception_v3": resolve_extractor(study.extractors["inception_v3"], "random", "here"),
        "googlenet": resolve_extractor(Extractor(backbone="own"), "imagenet", "here"),
    }
    rows = [Row(name, name.partition("/")[0]) for name in numbered("all/{}.png", "healthy/{}.png")]
    found = possible_part(study, extractors, Facts("cells", rows, None))
    assert isinstance(found, Possible)
    left = {item.item: item.reading_of for item in found.study.tables["1"].items}
    assert left == {"printed": None, "other reading": None, "third reading": "other reading"}
    assert found.study.headline == "1/printed"
    assert found.left_out_tables == {"2": REASON}
    assert found.left_out_items == dict.fromkeys(["1/reading", "1/other", "1/no weights", "1/lost"], REASON)
    Study.model_validate(found.study.model_dump())
