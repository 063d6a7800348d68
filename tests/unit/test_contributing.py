"""The examples of CONTRIBUTING.md, put into a copy of the project, where each must work."""

from __future__ import annotations

import json
import re
import sys
from itertools import chain
from textwrap import dedent

import pytest
from project_copy import PROJECT, ProjectCopy, snapshot
from project_data import draw, write_yaml
from test_floors import FLOORS

PAGE = (PROJECT / "CONTRIBUTING.md").read_text("utf-8")
EXAMPLE = re.compile(r"^`([\w/.]+)`(?:, in `(\w+)`)?:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
EXAMPLES = {
    section.partition("\n")[0]: EXAMPLE.findall(section)
    for section in PAGE.partition("\n## Adding something\n")[2].split("\n### A ")[1:]
}
"""By what is added: files, the registry that an entry goes into, and the text."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A copy of the project with all examples in it."""
    folder = tmp_path_factory.mktemp("contributed")
    copy = ProjectCopy(snapshot(folder / "as_is"), folder / "project")
    for name, registry, text in chain.from_iterable(EXAMPLES.values()):
        file = copy.folder / name
        assert file.exists() == bool(registry), f"{name} is {'missing' if registry else 'there already'}"
        if registry:
            head, start, rest = re.split(rf"(^{registry}: .* = {{\n)", file.read_text(), maxsplit=1, flags=re.MULTILINE)
            entries, end, tail = rest.partition("\n}\n")
            text = f"{head}{start}{entries}\n{text.rstrip()}{end}{tail}"
        file.write_text(text)
    return copy


def test_every_example_touches_as_many_files_as_the_page_says() -> None:
    table = re.findall(r"^\| ([a-z ]+) \| (\d)", PAGE, re.MULTILINE)
    assert {what: int(number) for what, number in table} == {what: len(files) for what, files in EXAMPLES.items()}


def test_every_room_is_on_the_page_lowest_floor_first() -> None:
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", PAGE, re.MULTILINE)
    assert [(int(n), tuple(re.findall(r"`(\w+)/`", rooms))) for n, rooms in rows] == list(enumerate(FLOORS, start=1))


def test_files_that_the_page_names_exist(project: ProjectCopy) -> None:
    roots = project.folder, project.folder / "src/leukorepro"
    named = set(re.findall(r"`([a-z_]+/[\w/.]+)`", PAGE))
    assert not {name for name in named if not any((root / name).exists() for root in roots)}


def test_python_examples_are_in_the_projects_style(project: ProjectCopy) -> None:
    files = {name for name, *_ in chain.from_iterable(EXAMPLES.values()) if name.endswith(".py")}
    project.run("ruff", "check", *files)
    project.run("ruff", "format", "--check", *files)


def test_a_study_is_resolved_on_the_added_rung_too_and_its_printed_numbers_are_audited(project: ProjectCopy) -> None:
    chosen = {"study": "doe2026", "dataset": "allidb_simulated"}
    run = {"name": "doe", "budget": "demo", "weights": "random", "studies": [chosen]}
    write_yaml(project.folder / "config/runs/doe.yaml", run)
    project.run("leukorepro", "config", "resolve", "--run", "config/runs/doe.yaml", "--output", "resolved.json")
    (study,) = json.loads((project.folder / "resolved.json").read_text())["studies"]
    assert study["study"]["classifiers"]["trees"]["parameters"] == {"n_estimators": 200}
    rung = {"rung": "source_disjoint_fit_on_all", "unit": "source", "scope": "all", "held_out": False}
    assert study["protocols"]["source_disjoint_fit_on_all"] == rung
    project.run("leukorepro", "audit", "published", "doe2026", "--out", "audit.json")
    assert json.loads((project.folder / "audit.json").read_text())["studies"]["doe2026"]


def test_an_adapter_lists_a_folder(project: ProjectCopy) -> None:
    draw(project.folder / "data/lab2026", "P07_all_001.png", "P07_all_002.png", "P08_healthy_001.png")
    scan = ("leukorepro", "data", "scan", "--dataset", "config/datasets/lab2026.yaml")
    project.run(*scan, "--summary", "scan.json")
    found = json.loads((project.folder / "scan.json").read_text())
    assert (found["classes"], found["subjects"]) == ({"all": 2, "healthy": 1}, {"all": 1, "healthy": 1})


def test_schemas_know_what_was_added(project: ProjectCopy) -> None:
    project.run("leukorepro", "config", "schema", "--output", "schema")
    for name, added in {"run": "source_disjoint_fit_on_all", "study": "pca_lda", "dataset": "named_files"}.items():
        assert added in (project.folder / "schema" / f"{name}.json").read_text()
        assert added not in (project.folder / "config/schema" / f"{name}.json").read_text()


def test_a_classifier_is_fitted(project: ProjectCopy) -> None:
    program = """
        import numpy as np
        from leukorepro.config.study.classifiers import CLASSIFIERS
        from leukorepro.systems.classifiers.engines import Settings
        from leukorepro.systems.classifiers.fits import fit_and_predict
        from leukorepro.systems.classifiers.kernels import Rows

        labels = np.array(["all", "healthy"] * 20, dtype=object)
        matrix = np.random.default_rng(0).normal(size=(40, 5)) + 6 * (labels == "all")[:, None]
        spec = CLASSIFIERS["pca_lda"].model_validate({"kind": "pca_lda", "n_components": 2})
        rows, train, asked = Rows(lambda: matrix.astype(np.float32)), np.arange(30), np.arange(30, 40)
        answers = fit_and_predict(spec, rows, labels, train, asked, "all", Settings())
        print((answers.predicted == labels[asked]).all(), answers.scores.shape)
    """
    assert project.run(sys.executable, "-c", dedent(program)).strip() == "True (10, 1)"


def test_a_metric_is_measured_with_an_interval_and_has_a_heading(project: ProjectCopy) -> None:
    program = """
        import numpy as np
        from sklearn.metrics import jaccard_score
        from leukorepro.evaluation.metrics.metrics import measure, scored
        from leukorepro.evaluation.intervals import intervals
        from leukorepro.report.numbers.wording import metric_heading

        draws = np.random.default_rng(0)
        truth, guess = (np.where(draws.random(60) < 0.6, "all", "healthy") for _ in "ab")
        rows = scored(truth, guess, {"all": draws.random(60)})
        value, interval = measure(rows)["jaccard"], intervals(rows, np.arange(60) // 3, n_resamples=200)["jaccard"]
        assert np.isclose(value, jaccard_score(truth, guess, pos_label="all"))
        print(metric_heading("jaccard"), 0 < interval.low < value < interval.high < 1)
    """
    assert project.run(sys.executable, "-c", dedent(program)).strip() == "Jaccard index (%) True"


def test_a_backbone_is_found_gives_features_and_can_be_trained_further(project: ProjectCopy) -> None:
    program = """
        import torch
        from torchvision.models import get_weight
        from leukorepro.features.backbones.networks import build_network
        from leukorepro.features.backbones.registry import find_backbone
        from leukorepro.features.backbones.tunable import build_tunable

        backbone = find_backbone("shufflenet_v2")
        images = torch.randint(256, (4, 64, 64, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        network = build_network(backbone, "gap", "random", calibration=images)
        print(tuple(network(images).shape), get_weight(backbone.weights.name).url.endswith(backbone.weights.file))
        print(tuple(build_tunable(backbone, "block", None, 3, 64)(images).shape))
    """
    assert project.run(sys.executable, "-c", dedent(program)).split("\n")[:2] == ["(4, 1024) True", "(4, 3)"]
