"""A study with a user's own networks: what comes to the same is shown once, and nothing is lost."""

from __future__ import annotations

from itertools import permutations

import pytest

from leukorepro.config.files import study_path
from leukorepro.config.study.study import Study, load_study
from leukorepro.run.own_extractors import with_extractors

OWN = ["mobilenet_v2", "vgg16", "timm:resnet18.a1_in1k"]
PAPERS = [study for path in sorted(study_path("*").parent.glob("*.yaml")) if (study := load_study(path)).extractors]


def shown(study: Study, number: str) -> set[tuple[object, ...]]:
    """Every number of a table, by what it is a number of."""
    table = study.tables[number]
    return {
        (item.features, item.reducer, item.classifier, table.split_of(item), metric, table.average, table.epochs)
        for item in table.items
        for metric in table.metrics
    }


def test_singles_pairs_and_three_of_one_network_are_one_table() -> None:
    paper = load_study(study_path("hasanaath2024"))
    study, left_out = with_extractors(paper, OWN[:1])
    assert left_out == dict.fromkeys(("3", "4"), "with the run's own networks it would repeat table 5")
    assert list(study.tables) == ["2", "5", "6", "S1"]
    assert [item.item for item in study.tables["5"].items] == [
        "mobilenet_v2 " + k for k in ("KNN", "SVM", "RBF", "DT", "RF")
    ]
    assert list(with_extractors(paper, OWN[:2])[1]) == ["4"]  # two have singles, and their pair is all of them


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("paper", PAPERS, ids=lambda study: study.key)
def test_no_table_repeats_another_and_every_number_is_in_one(paper: Study, n: int) -> None:
    study, left_out = with_extractors(paper, OWN[:n])
    assert [number for number in paper.tables if number not in left_out] == list(study.tables)
    headline = study.headline.partition("/")[0]
    for one, other in permutations(study.tables, 2):
        assert one == headline or not shown(study, one) <= shown(study, other)
    for number, reason in left_out.items():
        table = paper.tables[number]
        alone, _ = with_extractors(
            paper.model_copy(update={"tables": {number: table}, "headline": f"{number}/{table.items[0].item}"}), OWN[:n]
        )
        assert shown(alone, number) <= shown(
            study, reason.removeprefix("with the run's own networks it would repeat table ")
        )
