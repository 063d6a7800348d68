from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torchvision
import yaml
from project_data import ROOT, make_project, numbered, touch, write_run, write_weights, write_yaml

from leukorepro.config.study.systems import Extractor
from leukorepro.core.errors import UserError
from leukorepro.core.store import write_json, write_text
from leukorepro.features.backbones.registry import BACKBONES
from leukorepro.features.backbones.specification import TorchvisionWeights
from leukorepro.features.lookup import resolve_extractor
from leukorepro.run import plan
from leukorepro.run import resolve as resolve_module
from leukorepro.run.paths import StudyFolder
from leukorepro.run.resolve import overrides, resolve
from leukorepro.run.resolved import ResolvedRun, ResolvedStudy, load_resolved

CNMC = numbered("fold_0/all/UID_{}_1_1_all.bmp", "fold_1/hem/UID_H{}_1_1_hem.bmp")
PRELIM = ["prelim/all/UID_13_1_1_all.bmp", "prelim/hem/UID_H14_1_1_hem.bmp"]
RUNGS = ["as_published", "fit_in_fold", "source_disjoint", "subject_disjoint", "external"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path))
    return tmp_path


def resolve_study(project: Path, **study: Any) -> ResolvedStudy:
    return resolve(write_run(project, **study)).studies[0]


def refused(project: Path, **study: Any) -> str:
    with pytest.raises(UserError) as error:
        resolve_study(project, **study)
    return str(error.value)


def test_the_demo_resolves_to_the_paper_on_simulated_images(project: Path) -> None:  # noqa: ARG001
    run = resolve(Path("config/config.yaml"))
    study = plan.find_study(run, "atteia2022")
    assert study.images == Path("data/simulated/allidb_simulated-demo")
    assert study.dataset_id == "allidb_simulated-demo"
    assert {name: e.id for name, e in study.extractors.items()} == {
        "googlenet": "googlenet-gap-random_0-112",
        "inception_v3": "inception_v3-gap-random_0-112",
    }
    assert plan.feature_file(study, "ESet") == "fused/inception_v3-gap-random_0-112+googlenet-gap-random_0-112.h5"
    assert plan.reducers_of(study, "five_folds", "ESet") == ["RSet25", "RSet50", "RSet75"]
    assert plan.reducers_of(study, "five_folds", "ISet") == []
    assert plan.used_feature_sets(study) == ["ISet", "GSet", "ESet"]
    assert plan.splits_of(study, "ESet") == ["five_folds"]
    found = plan.datasets_of(run)[study.dataset_id]
    assert plan.dataset_file(found, run.budget) == Path("config/datasets/allidb_simulated.yaml")
    assert len(run.caveats) == 3, "simulated images, random weights, demo budget"


@pytest.mark.parametrize(
    ("keys", "name"),
    [
        ({"seed": 7, "weights": "random"}, "googlenet-gap-random_7-112"),
        ({"seed": 7, "weights": "imagenet"}, "googlenet-gap-imagenet-112"),
        ({"precision": "mixed", "weights": "imagenet"}, "googlenet-gap-imagenet-112-mixed"),
        ({"engine": "torch", "weights": "imagenet"}, "googlenet-gap-imagenet-112-torch"),
        ({"engine": "openvino", "precision": "mixed"}, "googlenet-gap-random_0-112-openvino-mixed"),
    ],
)
def test_runs_that_compute_other_features_name_other_files(project: Path, keys: dict[str, Any], name: str) -> None:
    """They share a folder, and none may take another's file for its own."""
    assert resolve(write_run(project), keys).studies[0].extractors["googlenet"].id == name


def test_a_resolved_run_survives_being_written_and_read(project: Path) -> None:
    run = resolve(Path("config/config.yaml"))
    write_text(run.model_dump_json(), project / "config.json")
    assert load_resolved(project / "config.json").model_dump() == run.model_dump()
    write_json({**run.model_dump(mode="json"), "budgte": "demo"}, project / "config.json")
    with pytest.raises(UserError, match=r"config.json: unknown key 'budgte'"):
        load_resolved(project / "config.json")


def test_planning_needs_no_heavy_library() -> None:
    """The Snakefile imports the plan whenever it is read."""
    heavy = "('torch', 'torchvision', 'timm', 'openvino', 'sklearn', 'pandas', 'matplotlib', 'h5py')"
    code = (
        "import sys; from pathlib import Path; from leukorepro.run import plan; "
        "from leukorepro.run.resolve import overrides, resolve; "
        f"resolve(Path('config/config.yaml')); print([m for m in {heavy} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "[]\n"


# ------------------------------------------------------------------------------------------------------------ overrides


def test_text_overrides_the_file(project: Path) -> None:  # noqa: ARG001
    run = resolve(Path("config/config.yaml"), {"budget": "published", "seed": "3"})
    assert (run.budget, run.seed) == ("published", 3)
    assert run.studies[0].dataset_id == "allidb_simulated-published"


def test_what_snakemake_reads_otherwise_is_no_override(project: Path) -> None:
    """Its YAML takes a run that is called `no` for one that is called false."""
    file = write_run(project)
    file.write_text(file.read_text().replace("name: mine", "name: no"))
    read = yaml.safe_load(file.read_text())
    assert read["name"] is False
    assert overrides(file, read | {"seed": 3}) == {"seed": 3}
    assert resolve(file, overrides(file, read)).name == "no"


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ({"budget": "full"}, "config/config.yaml: budget: given 'full'; must be 'demo' or 'published'."),
        ({"bugdet": "demo"}, "config/config.yaml: unknown key 'bugdet'. Known: name, budget, "),
        ({"studies": "atteia2022"}, "config/config.yaml: studies: given 'atteia2022'; must be a valid list."),
    ],
)
def test_a_wrong_override_is_refused(project: Path, overrides: dict[str, str], expected: str) -> None:  # noqa: ARG001
    with pytest.raises(UserError) as error:
        resolve(Path("config/config.yaml"), overrides)
    assert str(error.value).startswith(expected)


@pytest.mark.parametrize("content", ["", "- a\n", "a\n"])
def test_a_run_that_is_no_mapping_is_refused(project: Path, content: str) -> None:
    (project / "run.yaml").write_text(content)
    with pytest.raises(UserError, match=r"run.yaml: given .* must be a mapping"):
        resolve(Path("run.yaml"), {"budget": "demo"})


# ---------------------------------------------------------------------------------------------------------- wrong names


def test_an_unknown_backbone_is_told_as_in_the_design(project: Path) -> None:
    assert refused(project, extractors=["mobilnet_v2"]) == (
        "config/runs/mine.yaml: studies[0].extractors: unknown backbone 'mobilnet_v2'. "
        f"Known: {', '.join(sorted(BACKBONES))}; any network of timm as 'timm:NAME'. Did you mean 'mobilenet_v2'?"
    )


def edit_study(project: Path, *path: str, to: Any) -> None:
    file = project / "config/studies/atteia2022.yaml"
    content = here = yaml.safe_load(file.read_text())
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = to
    write_yaml(file, content)


@pytest.mark.parametrize(
    ("extractor", "expected"),
    [
        ({"backbone": "googlnet"}, "unknown backbone 'googlnet'. Known: "),
        (
            {"backbone": "googlenet", "layer": "gpa"},
            "googlenet has no layer 'gpa'. Known: gap, flat. Did you mean 'gap'?",
        ),
        (
            {"backbone": "inception_v3", "input_size": 74},
            "input_size 74 is too small for inception_v3; it needs 75 pixels or more.",
        ),
    ],
)
def test_a_wrong_extractor_of_a_study_names_the_study(project: Path, extractor: dict[str, Any], expected: str) -> None:
    edit_study(project, "extractors", "googlenet", to=extractor)
    assert refused(project).startswith(f"config/studies/atteia2022.yaml: extractors.googlenet: {expected}")


@pytest.mark.parametrize("name", [n for n, b in BACKBONES.items() if isinstance(b.weights, TorchvisionWeights)])
def test_smallest_inputs_are_no_smaller_than_torchvision_says(name: str) -> None:
    backbone = BACKBONES[name]
    least = max(torchvision.models.get_weight(backbone.weights.name).meta["min_size"])
    assert least <= backbone.min_input_size == max(least, 32) <= backbone.input_size
    extractor = Extractor(backbone=name, input_size=backbone.min_input_size)
    assert resolve_extractor(extractor, "random", "x").input_size == backbone.min_input_size


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        ({"study": "atteia"}, "study: unknown study 'atteia'. Known: atteia2022. Did you mean 'atteia2022'?"),
        (
            {"dataset": "allidb_simulate"},
            "dataset: unknown dataset 'allidb_simulate'. Known: allidb_simulated. Did you mean 'allidb_simulated'?",
        ),
        (
            {"weights": {"googlenett": "random"}},
            "weights: unknown extractor 'googlenett'. Known: googlenet, inception_v3. Did you mean 'googlenet'?",
        ),
        (
            {"weights": {"googlenet": "file:no.pth"}},
            "weights.googlenet: weights: no.pth: no such file; correct the path after 'file:'.",
        ),
        (
            {"extractors": ["mobilenet_v2"], "weights": {"googlenet": "random"}},
            "weights: unknown extractor 'googlenet'. Known: mobilenet_v2.",
        ),
    ],
)
def test_a_wrong_name_of_a_run_is_told_with_its_key(project: Path, study: dict[str, Any], expected: str) -> None:
    assert refused(project, **study) == f"config/runs/mine.yaml: studies[0].{expected}"


def test_a_study_is_called_as_its_file(project: Path) -> None:
    edit_study(project, "key", to="atteia")
    assert refused(project) == (
        "config/studies/atteia2022.yaml: key: given 'atteia'; must be 'atteia2022', as the file is named."
    )


def test_a_study_that_a_run_does_not_have_is_told(project: Path) -> None:
    run = ResolvedRun(name="mine", budget="demo", seed=0, studies=[resolve_study(project)])
    with pytest.raises(UserError, match=r"run 'mine': unknown study 'hayat2022'\. Known: atteia2022\."):
        plan.find_study(run, "hayat2022")


# ---------------------------------------------------------------------------------------------------------------- rungs


def own_dataset(project: Path, **keys: Any) -> str:
    said = {"adapter": "image_folder", "images": "images", "positive_class": "a"} | keys
    write_yaml(project / "config/datasets/own.yaml", said)
    return "own"


def test_rungs_follow_from_what_the_dataset_knows(project: Path) -> None:
    touch(project / "images", *numbered("a/p{}_1.png", "b/q{}_1.png"))
    without = resolve_study(project, dataset=own_dataset(project))
    assert list(without.protocols) == RUNGS[:3]
    assert without.left_out == {
        "subject_disjoint": "the dataset own has no subject ids",
        "external": "the dataset own has no held-out part of its own",
    }
    by_name = resolve_study(project, dataset=own_dataset(project, subjects={"regex": r"([pq]\d)_"}))
    assert list(by_name.protocols) == RUNGS[:4]
    assert list(by_name.left_out) == ["external"]
    touch(project / "cnmc", *CNMC)
    cnmc = own_dataset(project, adapter="cnmc2019", images="cnmc", positive_class="all")
    assert list(resolve_study(project, dataset=cnmc).protocols) == RUNGS[:4]
    touch(project / "cnmc", *PRELIM)
    complete = resolve_study(project, dataset=cnmc)
    assert (list(complete.protocols), complete.left_out, complete.external_split) == (RUNGS, {}, "prelim")


def test_simulated_images_need_not_exist_yet(project: Path) -> None:
    study = resolve_study(project)
    assert not study.images.exists()
    assert (list(study.protocols), study.left_out, study.external_split) == (RUNGS, {}, "external")
    file = project / "config/datasets/allidb_simulated.yaml"
    content = yaml.safe_load(file.read_text())
    content["sizes"]["demo"] = {"subjects": 10, "images": 20}
    write_yaml(file, content | {"look": "cnmc2019"})
    assert list(resolve_study(project).protocols) == RUNGS[:4]
    assert resolve(Path("config/config.yaml"), {"budget": "published"}).studies[0].external_split == "prelim"


def test_rungs_have_the_two_knobs_of_the_ladder(project: Path) -> None:
    knobs = {rung: (p.rung, p.unit, p.scope) for rung, p in resolve_study(project).protocols.items()}
    assert knobs == {
        "as_published": ("as_published", "view", "all"),
        "fit_in_fold": ("fit_in_fold", "view", "train"),
        "source_disjoint": ("source_disjoint", "source", "train"),
        "subject_disjoint": ("subject_disjoint", "subject", "train"),
        "external": ("external", "subject", "train"),
    }


def test_a_run_may_choose_its_rungs(project: Path) -> None:
    study = resolve_study(project, rungs=["external", "as_published"])
    assert list(study.protocols) == ["as_published", "external"], "in the ladder's order"
    assert list(study.left_out) == RUNGS[1:4]
    assert all("leaves it out" in reason for reason in study.left_out.values())


def test_a_rung_that_cannot_run_is_refused_when_asked_for(project: Path) -> None:
    touch(project / "images", *numbered("a/{}.png", "b/{}.png"))
    assert refused(project, dataset=own_dataset(project), rungs=["as_published", "subject_disjoint"]) == (
        "config/runs/mine.yaml: studies[0].rungs: subject_disjoint cannot run: the dataset own has no subject ids; "
        "leave it out."
    )


# ----------------------------------------------------------------------------------------------- extractors and weights


def test_one_extractor_replaces_all_and_names_the_items(project: Path) -> None:
    study = resolve_study(project, extractors=["mobilenet_v2"])
    assert study.study.feature_sets == {"mobilenet_v2": ["mobilenet_v2"]}
    assert [(item.item, item.features, item.reducer) for item in study.study.tables["1"].items] == [
        ("mobilenet_v2", "mobilenet_v2", None),
        ("mobilenet_v2 RSet25", "mobilenet_v2", "RSet25"),
        ("mobilenet_v2 RSet50", "mobilenet_v2", "RSet50"),
        ("mobilenet_v2 RSet75", "mobilenet_v2", "RSet75"),
    ]
    assert study.study.headline == "1/mobilenet_v2 RSet25"
    assert list(study.extractors) == ["mobilenet_v2"]
    assert study.study.figures == {}
    assert plan.feature_file(study, "mobilenet_v2") == "mobilenet_v2-gap-random_0-224.h5"


def test_two_extractors_give_two_singles_and_their_fusion(project: Path) -> None:
    study = resolve_study(project, extractors=["mobilenet_v2", "googlenet"])
    assert study.study.feature_sets == {
        "mobilenet_v2": ["mobilenet_v2"],
        "googlenet": ["googlenet"],
        "fused": ["mobilenet_v2", "googlenet"],
    }
    assert [(item.item, item.features) for item in study.study.tables["1"].items] == [
        ("mobilenet_v2", "mobilenet_v2"),
        ("googlenet", "googlenet"),
        ("fused", "fused"),
        ("fused RSet25", "fused"),
        ("fused RSet50", "fused"),
        ("fused RSet75", "fused"),
    ]
    assert study.study.headline == "1/fused RSet25"
    assert plan.feature_file(study, "fused") == "fused/mobilenet_v2-gap-random_0-224+googlenet-gap-random_0-224.h5"


def test_a_headline_on_one_extractor_becomes_that_of_the_first(project: Path) -> None:
    edit_study(project, "headline", to="1/GSet")
    assert resolve_study(project, extractors=["mobilenet_v2", "googlenet"]).study.headline == "1/mobilenet_v2"


def test_items_that_differ_by_their_classifier_stay_apart(project: Path) -> None:
    svm = {"kind": "svm", "kernel": "linear"}
    edit_study(project, "classifiers", "linear_svm", to=svm)
    items = yaml.safe_load((project / "config/studies/atteia2022.yaml").read_text())["tables"]["1"]["items"]
    more = {"item": "linear", "features": "GSet", "classifier": "linear_svm"}
    edit_study(project, "tables", "1", "items", to=[*items, more])
    study = resolve_study(project, extractors=["mobilenet_v2"]).study
    assert [item.item for item in study.tables["1"].items] == [
        "mobilenet_v2 cubic_svm",
        "mobilenet_v2 RSet25 cubic_svm",
        "mobilenet_v2 RSet50 cubic_svm",
        "mobilenet_v2 RSet75 cubic_svm",
        "mobilenet_v2 linear_svm",
    ]


def test_an_extractor_has_its_own_weights_or_the_runs(project: Path) -> None:
    write_weights(project / "w.pth")
    study = resolve_study(project, weights={"googlenet": "imagenet", "inception_v3": "file:w.pth"})
    sha256 = hashlib.sha256((project / "w.pth").read_bytes()).hexdigest()
    assert study.extractors["googlenet"].id == "googlenet-gap-imagenet-112"
    assert study.extractors["inception_v3"].id == f"inception_v3-gap-file_{sha256[:8]}-112"
    assert study.random_weights == []
    half = resolve_study(project, weights={"googlenet": "imagenet"})
    assert half.random_weights == ["inception_v3"]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<!DOCTYPE html><html>", "is a web page that came in the place of the file; get it anew."),
        (b"PK\x03\x04" + bytes(300), "not a complete file of tensors as torch.save or safetensors writes it; get a"),
        (None, "not a complete file of tensors as torch.save or safetensors writes it; get a sound copy."),
    ],
)
def test_what_is_no_file_of_weights_is_told_before_any_job(project: Path, content: bytes | None, told: str) -> None:
    """The last one is cut short."""
    path = write_weights(project / "w.pth")
    path.write_bytes(path.read_bytes()[:-1] if content is None else content)
    assert refused(project, weights={"googlenet": "file:w.pth"}).startswith(
        f"config/runs/mine.yaml: studies[0].weights.googlenet: weights: w.pth: {told}"
    )


def test_other_weights_under_the_same_name_are_another_extractor(project: Path) -> None:
    ids = []
    for value in (1, 2, 1):
        write_weights(project / "w.pth", value)
        ids.append(resolve_study(project, weights={"googlenet": "file:w.pth"}).extractors["googlenet"].id)
    assert ids[0] == ids[2] != ids[1]


def test_input_size_and_layer_are_part_of_the_extractor(project: Path) -> None:
    edit_study(project, "extractors", "googlenet", to={"backbone": "googlenet", "layer": "gap", "input_size": 100})
    assert resolve_study(project).extractors["googlenet"].id == "googlenet-gap-random_0-100"


def test_views_are_those_of_all_studies_that_share_an_extractor(project: Path) -> None:
    other = yaml.safe_load((project / "config/studies/atteia2022.yaml").read_text())
    other["splits"]["five_folds"]["views"] = ["identity", "rot90", "hflip"]
    write_yaml(project / "config/studies/other.yaml", other | {"key": "other"})
    studies = [{"study": key, "dataset": "allidb_simulated"} for key in ("atteia2022", "other")]
    studies[1]["weights"] = {"inception_v3": "imagenet"}  # type: ignore[assignment]
    file = write_yaml(project / "two.yaml", {"name": "two", "budget": "demo", "weights": "random", "studies": studies})
    run = resolve(file)
    dataset = "allidb_simulated-demo"
    assert plan.views_of(run, dataset, "googlenet-gap-random_0-112") == ["identity", "hflip", "vflip", "rot90"]
    for fused_with_it in ("inception_v3-gap-random_0-112", "inception_v3-gap-imagenet-112"):
        assert plan.views_of(run, dataset, fused_with_it) == ["identity", "hflip", "vflip", "rot90"]
    assert plan.views_of(run, "another", "googlenet-gap-random_0-112") == []


def test_a_demonstration_may_have_smaller_inputs(project: Path) -> None:
    sizes = {"demo": 96, "published": 224}
    edit_study(project, "extractors", "googlenet", to={"backbone": "googlenet", "input_size": sizes})
    run = Path("config/config.yaml")
    for budget, size in sizes.items():
        study = resolve(run, {"budget": budget}).studies[0]
        assert study.extractors["googlenet"].id == f"googlenet-gap-random_0-{size}"


def test_preprocessing_is_named_only_where_it_is_not_the_backbones_own(project: Path) -> None:
    own = BACKBONES["googlenet"].preprocessing
    for preprocessing, ending in ((own, "-224"), ("per_image", "-224-per_image")):
        edit_study(project, "extractors", "googlenet", to={"backbone": "googlenet", "preprocessing": preprocessing})
        assert resolve_study(project).extractors["googlenet"].id == f"googlenet-gap-random_0{ending}"


def test_features_without_a_network_stay_beside_a_users_networks(project: Path) -> None:
    edit_study(project, "descriptors", to={"area": {"descriptor": "cell_area", "input_size": 64}})
    sets = {"ISet": ["inception_v3"], "GSet": ["googlenet"], "ESet": ["inception_v3", "googlenet", "area"]}
    edit_study(project, "feature_sets", to=sets | {"area": ["area"]})
    items = yaml.safe_load((project / "config/studies/atteia2022.yaml").read_text())["tables"]["1"]["items"]
    edit_study(
        project, "tables", "1", "items", to=[*items, {"item": "a", "features": "area", "classifier": "cubic_svm"}]
    )
    study = resolve_study(project, extractors=["mobilenet_v2"])
    assert study.study.feature_sets == {
        "mobilenet_v2": ["mobilenet_v2"],
        "mobilenet_v2-area": ["mobilenet_v2", "area"],
        "area": ["area"],
    }
    assert plan.feature_file(study, "mobilenet_v2-area") == "fused/mobilenet_v2-gap-random_0-224+cell_area-64.h5"
    assert [item.features for item in study.study.tables["1"].items][-1] == "area"


def test_a_network_of_timm_is_named_without_a_colon(project: Path) -> None:
    study = resolve_study(project, extractors=["timm:resnet18.a1_in1k"], weights={"timm:resnet18.a1_in1k": "imagenet"})
    extractor = study.extractors["timm_resnet18.a1_in1k"]
    assert extractor.backbone == "timm:resnet18.a1_in1k"
    assert extractor.id.startswith("timm_resnet18.a1_in1k-")
    assert extractor.weights == "imagenet"


# --------------------------------------------------------------------------------------------------------- label sets

TYPES = {"classes": {"sick": ["all"], "well": ["healthy"]}, "positive_class": "sick"}


def test_a_table_is_left_out_where_the_dataset_has_other_classes(project: Path) -> None:
    table = yaml.safe_load((project / "config/studies/atteia2022.yaml").read_text())["tables"]["1"]
    edit_study(project, "label_sets", to={"types": TYPES})
    edit_study(project, "splits", "mapped", to={"kind": "k_fold", "n_splits": 5, "labels": "types"})
    edit_study(project, "tables", "2", to=table | {"split": "mapped"})
    edit_study(project, "headline", to="2/ISet")
    simulated = resolve_study(project)
    assert list(simulated.study.tables) == ["1", "2"]
    assert simulated.positive_class_of("mapped") == "sick"
    assert simulated.positive_class_of("five_folds") == "all"
    touch(project / "images", *numbered("blast/{}.png", "healthy/{}.png"))
    own = resolve_study(project, dataset=own_dataset(project, positive_class="blast"))
    assert list(own.study.tables) == ["1"]
    assert own.study.headline == "1/ISet"
    assert "such as 'blast'" in own.left_out_tables["2"]
    edit_study(project, "tables", to={"2": table | {"split": "mapped"}})
    edit_study(project, "figures", to={})
    edit_study(project, "claims", to={})
    told = refused(project, dataset=own_dataset(project, positive_class="blast"))
    assert "no study of it can run: atteia2022, because its classes are put together from others" in told


# --------------------------------------------------------------------------------------------------------- fingerprints


def test_a_fingerprint_changes_with_every_change_of_the_folder(project: Path) -> None:
    images = touch(project / "images", "a/1.png", "a/2.png", "b/3.png", "b/4.png")
    elsewhere = touch(project / "elsewhere", "5.png", "6.png")
    (project / "who.csv").write_text(table := "image,subject\n1.png,x\n2.png,x\n3.png,y\n4.png,y\n5.png,y\n6.png,y\n")
    (images / "c").symlink_to(elsewhere)
    run = resolve(write_run(project, dataset=own_dataset(project, subjects={"csv": "who.csv"})))
    (found,) = plan.datasets_of(run).values()
    seen = [plan.fingerprint(found)]
    assert plan.fingerprint(found) == seen[0]

    def expect_another() -> None:
        seen.append(plan.fingerprint(found))
        assert len(set(seen)) == len(seen)

    (images / "a/1.png").write_bytes(b"x")
    expect_another()
    os.utime(images / "a/1.png", ns=(1, 1))
    expect_another()
    (images / "a/1.png").rename(images / "a/0.png")
    expect_another()
    (elsewhere / "5.png").write_bytes(b"x")  # behind a link, which the scan follows
    expect_another()
    (project / "who.csv").write_text(table.replace("6.png,y", "6.png,yy"))
    expect_another()
    os.utime(project / "who.csv", ns=(1, 1))
    assert plan.fingerprint(found) == seen[-1]
    for name, target in (("8.png", "8.png"), ("9.png", "nowhere")):  # the scan lists both as unreadable
        (images / "b" / name).symlink_to(target)
        expect_another()
    touch(images, "a/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg", "Thumbs.db")
    assert plan.fingerprint(found) == seen[-1]


def test_simulated_images_have_no_fingerprint(project: Path) -> None:
    (found,) = plan.datasets_of(resolve(write_run(project))).values()
    assert plan.fingerprint(found) == ""


@pytest.fixture
def networks_project(project: Path) -> Path:
    """With the studies that train networks on C-NMC, and its simulated images."""
    for file in ("studies/rezayi2021.yaml", "studies/alhammadi2024.yaml", "datasets/cnmc2019_simulated.yaml"):
        shutil.copy(ROOT / "config" / file, project / "config" / file)
    return project


def test_networks_are_trained_once_for_each_split_and_code(networks_project: Path) -> None:
    study = resolve_study(networks_project, study="alhammadi2024", dataset="cnmc2019_simulated")
    networks = plan.networks_of(study)
    assert {name: (fit.reducer, fit.classifier) for name, fit in networks.items()} == {
        "two_thirds-images-CAE-CNN": ("CAE", "CNN"),
        "two_thirds-images-CAE_max-CNN": ("CAE_max", "CNN"),
        "two_thirds-images-CAE-CNN_sequence": ("CAE", "CNN_sequence"),
        "two_thirds-images-CAE_max-CNN_sequence": ("CAE_max", "CNN_sequence"),
        **{f"{split}-images-CAE-CNN": ("CAE", "CNN") for split in ("test_35", "test_half", "all_folds")},
    }
    first = networks["two_thirds-images-CAE-CNN"]
    assert [(table, item.item) for table, item in plan.items_of_network(study, first)] == [
        (table, "CAE-CNN") for table in ("1", "fig7", "fig12", "fig13")
    ]
    assert plan.classified_feature_sets(study) == []
    assert plan.feature_file(study, "images") == "images-54.h5"


def test_where_there_are_no_official_folds_the_reading_of_all_images_stands_for_the_paper(
    networks_project: Path,
) -> None:
    study = resolve_study(networks_project, study="alhammadi2024", dataset="allidb_simulated")
    assert study.study.headline == "1/CAE-CNN, all folds"
    assert [item.item for item in study.study.tables["fig13"].items] == ["CAE-CNN, all folds"]
    assert all(item.reading_of is None for table in study.study.tables.values() for item in table.items)
    assert study.left_out_items["1/CAE-CNN"] == (
        "the dataset allidb_simulated-demo has no official split 'fold_0' (`splits.two_thirds`), but none"
    )


def test_images_that_an_autoencoder_cannot_divide_are_refused(networks_project: Path) -> None:
    from leukorepro.systems.networks.convolutional_autoencoder import SHRINKAGE

    assert resolve_module.SHRINKAGE == SHRINKAGE
    file = networks_project / "config/studies/alhammadi2024.yaml"
    file.write_text(file.read_text().replace("demo: 54", "demo: 50"))
    told = refused(networks_project, study="alhammadi2024", dataset="cnmc2019_simulated")
    assert told == (
        "config/studies/alhammadi2024.yaml: descriptors.images.input_size: given 50; must be a multiple of 9, which "
        "the autoencoder 'CAE' shrinks a side by."
    )


def test_images_that_are_too_small_for_a_network_are_refused(networks_project: Path) -> None:
    file = networks_project / "config/studies/rezayi2021.yaml"
    file.write_text(file.read_text().replace("demo: 40", "demo: 31"))
    assert refused(networks_project, study="rezayi2021", dataset="cnmc2019_simulated") == (
        "config/studies/rezayi2021.yaml: descriptors.images.input_size: given 31; must be 32 or more, the side of the "
        "smallest images that the network 'ResNet-50' takes."
    )


def test_where_nothing_is_fitted_before_a_network_the_published_rung_serves_the_next(networks_project: Path) -> None:
    plain = resolve_study(networks_project, study="rezayi2021", dataset="cnmc2019_simulated")
    network = plan.networks_of(plain)["eighty_twenty_once-images-CNN"]
    served = {rung: plan.training_rung(plain, network, rung) for rung in plain.protocols}
    assert served == {rung: "as_published" if rung == "fit_in_fold" else rung for rung in RUNGS}
    alone = resolve_study(networks_project, study="rezayi2021", dataset="cnmc2019_simulated", rungs=["fit_in_fold"])
    assert plan.training_rung(alone, network, "fit_in_fold") == "fit_in_fold"
    encoded = resolve_study(networks_project, study="alhammadi2024", dataset="cnmc2019_simulated")
    on_codes = plan.networks_of(encoded)["two_thirds-images-CAE-CNN"]
    assert {rung: plan.training_rung(encoded, on_codes, rung) for rung in RUNGS} == {rung: rung for rung in RUNGS}
    assert plan.classified_feature_sets(plain) == ["images", "pixels"]


def test_classifiers_on_a_networks_features_are_kept_apart_from_the_networks(networks_project: Path) -> None:
    study = resolve_study(networks_project, study="rezayi2021", dataset="cnmc2019_simulated")
    network = "eighty_twenty_once-images-{}"
    three = ("ResNet-50", "VGG-16", "CNN")
    drawn = {f"{split}_once-images-{name}" for split in ("eighty_twenty", "free_draw") for name in three}
    assert set(plan.networks_of(study)) == drawn
    assert plan.splits_of(study, "images") == ["eighty_twenty_once"]
    assert plan.splits_of(study, "pixels") == ["eighty_twenty", "free_draw"]
    assert sorted(plan.reducers_of(study, "eighty_twenty_once", "images")) == sorted(
        f"{name}_features" for name in three
    )
    chosen = plan.classified_items(study.study, "eighty_twenty_once", "images")
    assert {item.classifier for _, item in chosen} == {"RF", "LR", "SVM", "KNN", "SGD", "MLP"}
    assert {table for table, _ in chosen} == {"5", "6", "fig8"}
    fit = plan.networks_of(study)[network.format("CNN")]
    assert {item.item for _, item in plan.items_of_network(study, fit)} == {"CNN"}
    assert not any(
        "CNN_features" in file for file in plan.training_files(study, StudyFolder(Path("study")), "as_published")
    )

    place = ("eighty_twenty_once", "images", "CNN_features")
    assert plan.network_of_features(study, *place) == fit
    served = {rung: plan.reducer_rung(study, *place, rung) for rung in study.protocols}
    assert served == {rung: "as_published" if rung == "fit_in_fold" else rung for rung in RUNGS}
    encoded = resolve_study(networks_project, study="alhammadi2024", dataset="cnmc2019_simulated")
    assert plan.network_of_features(encoded, "two_thirds", "images", "CAE") is None
    assert plan.reducer_rung(encoded, "two_thirds", "images", "CAE", "fit_in_fold") == "fit_in_fold"
