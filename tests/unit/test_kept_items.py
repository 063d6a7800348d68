from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from project_data import ROOT, make_project, write_run

from leukorepro.config.study.study import load_study
from leukorepro.core.errors import UserError
from leukorepro.evaluation.testability import untested
from leukorepro.run import plan
from leukorepro.run.conditions.words import conditions
from leukorepro.run.kept_items import with_items
from leukorepro.run.resolve import resolve
from leukorepro.run.resolved import ResolvedStudy

HEADLINE = "1/RSet/ESet=0.25"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path))
    return tmp_path


def resolve_study(project: Path, **study: Any) -> ResolvedStudy:
    return resolve(write_run(project, **study)).studies[0]


def refused(project: Path, **study: Any) -> str:
    with pytest.raises(UserError) as error:
        resolve_study(project, **study)
    return str(error.value).removeprefix("config/runs/mine.yaml: studies[0].")


# ---------------------------------------------------------------------------------------------------------------- items


def test_a_run_keeps_the_items_that_it_names_and_what_they_need(project: Path) -> None:
    whole = resolve_study(project)
    some = resolve_study(project, items=["1/GSet", HEADLINE])
    assert [item.item for item in some.study.tables["1"].items] == ["GSet", "RSet/ESet=0.25"]
    assert list(some.study.feature_sets) == ["GSet", "ESet"]
    assert list(some.study.reducers) == ["RSet25"]
    assert some.study.figures == {}
    assert some.left_out_items == dict.fromkeys(
        ["1/ISet", "1/ESet", "1/RSet/ESet=0.5", "1/RSet/ESet=0.75"], "not in this run"
    )
    assert whole.left_out_items == {}
    networks = resolve_study(project, items=["1/GSet", "1/ISet", "1/ESet", HEADLINE])
    assert list(networks.study.figures) == ["fig7", "fig9"]


def test_an_extractor_that_no_item_uses_is_not_made(project: Path) -> None:
    file = project / "config/studies/atteia2022.yaml"
    file.write_text(file.read_text().replace("headline: 1/RSet/ESet=0.25", "headline: 1/GSet"))
    study = resolve_study(project, items=["1/GSet"])
    assert list(study.extractors) == ["googlenet"]
    assert plan.used_feature_sets(study) == ["GSet"]


def test_a_tables_key_keeps_the_whole_table() -> None:
    study = load_study(ROOT / "config/studies/rezayi2021.yaml")
    smaller, left_out = with_items(study, ["1", "5/SVM"], "here")
    assert {number: len(table.items) for number, table in smaller.tables.items()} == {"1": 6, "5": 1}
    assert list(smaller.classifiers) == ["ResNet-50", "VGG-16", "CNN", "SVM"]
    assert list(smaller.splits) == ["eighty_twenty", "eighty_twenty_once", "free_draw_once"]
    assert "fig8/SVM" in left_out
    assert len(left_out) == sum(len(table.items) for table in study.tables.values()) - 7


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        (["1/ESet"], "items: the headline of study 'atteia2022', '1/RSet/ESet=0.25', is not among them; add it."),
        ([HEADLINE, "1/FSet"], "items: unknown table or item '1/FSet'. Known: 1, 1/ISet, "),
        ([HEADLINE, HEADLINE], "items: '1/RSet/ESet=0.25' is named twice; name each once"),
    ],
)
def test_wrong_items_are_told_with_their_key(project: Path, items: list[str], expected: str) -> None:
    assert refused(project, items=items).startswith(expected)


@pytest.mark.parametrize(
    ("key", "items", "expected"),
    [
        (
            "rezayi2021",
            ["1/VGG-16", "5/RF", "5/RF, CNN features"],
            "takes the features of 'CNN', but no item is that",
        ),
        ("hayat2022", ["II/InceptionV3", "II/AlexNet, 75/25"], "reading_of: unknown item 'AlexNet'"),
    ],
)
def test_an_item_without_what_it_needs_is_refused(key: str, items: list[str], expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        with_items(load_study(ROOT / f"config/studies/{key}.yaml"), items, "run.yaml: studies[0].items")


# ------------------------------------------------------------------------------------------------------------- networks

STAND_INS = {"googlenet": "efficientnet_lite0", "inception_v3": "efficientnet_lite1"}


def test_a_stand_in_computes_the_features_and_leaves_the_papers_names(project: Path) -> None:
    own, stood_in = resolve_study(project), resolve_study(project, networks=STAND_INS)
    assert stood_in.study.tables == own.study.tables
    assert stood_in.study.headline == own.study.headline
    assert plan.feature_file(stood_in, "ESet") == (
        "fused/efficientnet_lite1-gap-random_0-112+efficientnet_lite0-gap-random_0-112.h5"
    )
    trained = resolve_study(project, networks=STAND_INS, weights=dict.fromkeys(STAND_INS, "imagenet"))
    assert trained.extractors["googlenet"].id == "efficientnet_lite0-gap-imagenet-112"


def test_a_stand_in_is_told_wherever_a_number_is_shown(project: Path) -> None:
    assert resolve_study(project).stand_ins == []
    study = resolve_study(project, networks={"googlenet": "efficientnet_lite0"})
    said = "EfficientNet-Lite0 in the place of GoogLeNet"
    assert study.stand_ins == [said]
    assert f"features by {said}" in conditions(study, "published")
    assert any(said in caveat for caveat in resolve(Path("config/runs/mine.yaml")).caveats)
    assert f"features were computed by {said}" in untested(study, "published", complete=True)


@pytest.mark.parametrize(
    ("study", "expected"),
    [
        (
            {"networks": {"googlnet": "vgg16"}},
            "networks: unknown extractor 'googlnet'. Known: googlenet, inception_v3.",
        ),
        ({"networks": {"googlenet": "vgg61"}}, "networks: unknown backbone 'vgg61'. Known: "),
        (
            {"networks": dict.fromkeys(STAND_INS, "efficientnet_lite0")},
            "networks: 'googlenet' and 'inception_v3' would both be efficientnet_lite0 at 112 pixels, the same",
        ),
        ({"networks": STAND_INS, "extractors": ["vgg16"]}, "networks: given beside `extractors`; give one of the two."),
    ],
)
def test_wrong_stand_ins_are_told_with_their_key(project: Path, study: dict[str, Any], expected: str) -> None:
    assert refused(project, **study).startswith(expected)
