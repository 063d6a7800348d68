"""What a paper leaves open: named parts exist, values are the configuration's, labels and pages say whose they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from leukorepro.config.study.study import Study, load_study
from leukorepro.config.study.unstated import Unstated
from leukorepro.core.errors import UserError
from leukorepro.report.sections.unstated.page import unstated_rows
from leukorepro.run.conditions.words import conditions
from leukorepro.run.resolve import resolve
from leukorepro.run.resolved import ResolvedRun

FACT = {"what": "epochs of the perceptron", "classifiers": ["MLP"], "settings": ["epochs"], "why": "not said"}


@pytest.fixture(scope="module")
def simulated(root: Path) -> ResolvedRun:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        return resolve(Path("config/runs/simulated.yaml"))


def with_fact(root: Path, tmp_path: Path, fact: dict[str, Any]) -> Study:
    content = yaml.safe_load((root / "config/studies/hasanaath2024.yaml").read_text("utf-8"))
    file = tmp_path / "study.yaml"
    file.write_text(yaml.safe_dump({**content, "unstated": [fact]}), "utf-8")
    return load_study(file)


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        ({"classifiers": ["MPL"]}, "unstated[0].classifiers: unknown classifier 'MPL'"),
        ({"splits": ["ninety"]}, "unstated[0].splits: unknown split 'ninety'"),
        ({"settings": ["epoch"]}, "unstated[0].settings: unknown key 'epoch'"),
        ({"classifiers": []}, "is about nothing; name some of the study's extractors"),
        ({"settings": []}, "what is taken? Name `settings` that hold it, or say it under `taken`"),
    ],
)
def test_what_names_no_part_or_no_value_is_refused(root: Path, tmp_path: Path, edit: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as refused:
        with_fact(root, tmp_path, {**FACT, **edit})
    assert said in str(refused.value)


def test_the_value_is_that_of_the_configuration_at_the_published_budget(root: Path, tmp_path: Path) -> None:
    study = with_fact(root, tmp_path, {**FACT, "settings": ["epochs", "batch_size", "standardize"], "taken": "Adam"})
    assert study.unstated[0].value(study.parts) == "epochs: 50, batch_size: 32, standardize: no; Adam"


def test_a_demonstrations_label_says_which_number_of_epochs_is_not_the_papers(simulated: ResolvedRun) -> None:
    said = {study.study.key: conditions(study, "demo")[-1] for study in simulated.studies}
    assert "20 instead of 50 training epochs, a number that the paper does not state" in said["hasanaath2024"]
    assert "6 instead of 750 training epochs; " in said["atteia2022"]  # section 2.2.4


def test_the_page_lists_what_is_open_of_the_parts_that_ran(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(root)
    (study,) = (s for s in resolve(Path("config/config.yaml")).studies if s.study.key == "hasanaath2024")
    rows = {row.what: row for row in unstated_rows(study)}
    assert "Epochs, batch size and penalty of the perceptron" not in rows  # the demonstration has none
    assert rows["Scaling of the features"].about == "KNN, SVM and RBF"
    assert rows["Number of neighbours"].taken == "n_neighbors: 5"


def test_items_rest_on_what_they_are_made_of(simulated: ResolvedRun) -> None:
    (study,) = (s for s in simulated.studies if s.study.key == "hasanaath2024")
    items = {item.item: item for item in study.study.tables["6"].items}
    facts = [fact.what for fact in study.rests_on("6", items["RF"])]
    assert "number of trees" in facts
    assert "augmented copies of an image, which images have them, and the range of the rotation" in facts
    assert "number of neighbours" not in facts


CNN, PIXELS, VGG = "RF, CNN features", "RF", "RF, VGG-16 features"
"""Items of Table 5 of Rezayi: a forest on features of a network, on pixels, and on features of another network."""


@pytest.mark.parametrize(
    ("place", "section", "part", "resting", "not_resting"),
    [
        ("atteia2022/1", "extractors", "googlenet", "ESet", "ISet"),
        ("atteia2022/1", "reducers", "RSet25", "RSet/ESet=0.25", "ESet"),
        ("rezayi2021/5", "descriptors", "images", CNN, PIXELS),
        ("rezayi2021/5", "reducers", "CNN_features", CNN, VGG),
        ("rezayi2021/5", "classifiers", "CNN", CNN, VGG),  # the network that the features are of
        ("rezayi2021/5", "splits", "eighty_twenty_once", CNN, PIXELS),
    ],
)
def test_an_item_rests_on_what_is_open_of_each_kind_of_part(
    simulated: ResolvedRun, place: str, section: str, part: str, resting: str, not_resting: str
) -> None:
    key, table = place.split("/")
    (study,) = (s for s in simulated.studies if s.study.key == key)
    fact = Unstated.model_validate({"what": "it", section: [part], "taken": "this", "why": "not said"})
    study = study.model_copy(update={"unstated": [fact]})
    items = {item.item: item for item in study.study.tables[table].items}
    assert study.rests_on(table, items[resting]) == [fact]
    assert study.rests_on(table, items[not_resting]) == []
