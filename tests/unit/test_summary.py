"""What a study's networks are, beside what its paper prints of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import typer
from project_data import ROOT, write_yaml
from typer.testing import CliRunner

from leukorepro.cli.models.summary import summary
from leukorepro.config.files import study_path
from leukorepro.config.study.study import load_study
from leukorepro.core.errors import UserError
from leukorepro.systems.networks.summary import NetworkSummary, summarise

app = typer.Typer()
app.command()(summary)

TRAINING = {"epochs": {"demo": 1, "published": 2}, "batch_size": 4, "learning_rate": 0.001}
NETWORK = {"kind": "network", "architecture": "two_convolutions", **TRAINING}
ITEM = {"features": "images", "classifier": "CNN"}
STUDY: dict[str, Any] = {
    "key": "cells",
    "citation": {"authors": "A", "title": "T", "journal": "J", "year": 2020},
    "published_dataset": "imss",
    "published_protocol": {"unit": "view", "scope": "train"},
    "descriptors": {
        "images": {"descriptor": "images", "input_size": {"demo": 36, "published": 90}},
        "cell_area": {"descriptor": "cell_area"},
    },
    "feature_sets": {"images": ["images"], "area": ["cell_area"]},
    "reducers": {"CAE": {"kind": "conv_autoencoder", **TRAINING}},
    "classifiers": {
        "CNN": NETWORK,
        "deep": NETWORK | {"architecture": "resnet50_70", "width": {"demo": 0.1, "published": 0.5}},
        "code": NETWORK | {"architecture": "code_channels"},
        "KNN": {"kind": "knn"},
    },
    "label_sets": {"types": {"classes": {"ALL": ["L1", "L2"], "AML": ["M2", "M3", "M5"]}, "positive_class": "ALL"}},
    "splits": {
        "sub_types": {"kind": "k_fold", "n_splits": 2},
        "types": {"kind": "k_fold", "n_splits": 2, "labels": "types"},
    },
    "tables": {
        "1": {
            "title": "Systems",
            "split": "sub_types",
            "metrics": ["accuracy"],
            "items": [
                ITEM | {"item": "two layers"},
                ITEM | {"item": "residual", "classifier": "deep"},
                ITEM | {"item": "encoded", "classifier": "code", "reducer": "CAE"},
                {"item": "neighbours", "features": "area", "classifier": "KNN"},
            ],
        },
        "2": {
            "title": "Again",
            "split": "sub_types",
            "metrics": ["accuracy"],
            "items": [ITEM | {"item": "two layers"}],
        },
    },
    "headline": "1/residual",
}
CAE = [0, 252, 0, 0, 2214, 0, 0, 6588, 0, 0, 0, 6588, 0, 0, 252, 0, 0, 30, 0, 0]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(project: Path, *printed: str, **parts: Any) -> dict[str, NetworkSummary]:
    """Summaries of the study with some parts replaced, and a table of published numbers."""
    write_yaml(project / "config/studies/cells.yaml", STUDY | parts)
    if printed:
        (project / "config/published").mkdir(exist_ok=True)
        (project / "config/published/cells.csv").write_text("\n".join(["table,item,metric,value,note", *printed, ""]))
    return summarise(load_study(study_path("cells")))


def layers_of(counts: list[int]) -> list[str]:
    return [f"f,{number:02} layer,learnables,{count}," for number, count in enumerate(counts)]


def test_networks_and_autoencoders_are_there_once_at_their_published_size(project: Path) -> None:
    found = write(project)
    assert list(found) == ["CNN", "deep", "CAE", "code"]
    assert [network.architecture for network in found.values()] == [
        *("two_convolutions", "resnet50_70", "conv_autoencoder", "code_channels")
    ]
    assert [network.input_shape for network in found.values()] == [(90, 90, 3)] * 3 + [(27 * 10 * 10,)]
    for name, network in found.items():
        assert network.learnables == sum(layer.learnables for layer in network.layers), name
        assert network.layers[-1].output_shape == ((90, 90, 3) if name == "CAE" else (5,)), name
        assert (network.published, network.equal) == (None, None)
    assert [(layer.kind, layer.output_shape) for layer in found["CNN"].layers] == [
        ("ScalePixels", (3, 90, 90)),
        ("Conv2d", (24, 82, 82)),
        ("ReLU", (24, 82, 82)),
        ("MaxPool2d", (24, 41, 41)),
        ("Conv2d", (48, 35, 35)),
        ("ReLU", (48, 35, 35)),
        ("MaxPool2d", (48, 17, 17)),
        ("Flatten", (48 * 17 * 17,)),
        ("Linear", (5,)),
    ]
    assert found["deep"].layers[1].output_shape == (32, 45, 45)  # half of 64 channels
    code = {layer.name: layer.learnables for layer in found["code"].layers}
    assert (code["conv1"], code["conv2"]) == (32 * 2700 * 40 + 40, 32 * 40 * 80 + 80)


def test_a_network_for_two_label_sets_is_told_twice(project: Path) -> None:
    tables = STUDY["tables"] | {"2": STUDY["tables"]["2"] | {"split": "types"}}
    found = write(project, tables=tables)
    assert list(found) == ["CNN, 90x90x3, 5 classes", "deep", "CAE", "code", "CNN, 90x90x3, 2 classes"]
    assert found["CNN, 90x90x3, 2 classes"].layers[-1].output_shape == (2,)


@pytest.mark.parametrize(
    ("printed", "published", "equal"),
    [
        ("15924", 15_924, True),
        ("15925", 15_925, False),
        ("1.59e4", 15_900, True),  # three digits are printed, and they agree
        ("1.60e4", 16_000, False),
    ],
)
def test_totals_agree_in_every_printed_digit(project: Path, printed: str, published: int, equal: bool) -> None:
    found = write(project, f"text,CAE,learnables_total,{printed},")
    assert (found["CAE"].published, found["CAE"].equal) == (published, equal)
    assert found["CNN"].equal is None
    assert all(layer.published is None for layer in found["CAE"].layers)


def test_layers_that_are_listed_are_compared_one_by_one(project: Path) -> None:
    totals = ["text,CAE,learnables_total,1.59e4,", "f,CAE,learnables_total,15924,"]
    network = write(project, *layers_of(CAE), *totals)["CAE"]
    assert (network.published, network.equal) == (15_924, True)
    assert [layer.published for layer in network.layers] == CAE
    swapped = [*CAE[:14], 30, *CAE[15:17], 252, *CAE[18:]]
    network = write(project, *layers_of(swapped), *totals)["CAE"]
    assert (network.published, network.equal) == (15_924, False)
    assert [layer.published for layer in network.layers] == swapped
    network = write(project, *layers_of(CAE), "f,CAE,learnables_total,15925,")["CAE"]
    assert (network.published, network.equal) == (15_925, False)
    network = write(project, *layers_of(CAE[:-1]), *totals)["CAE"]
    assert (network.published, network.equal) == (15_924, False)
    assert all(layer.published is None for layer in network.layers)


def test_sizes_and_datasets_that_do_not_suit_are_told(project: Path) -> None:
    sizes = {name: STUDY["descriptors"] | {"images": {"descriptor": "images", "input_size": name}} for name in (20, 40)}
    with pytest.raises(UserError, match=r"^config/studies/cells.yaml: descriptors.images: .*images of 20 x 20 pixels"):
        write(project, descriptors=sizes[20])
    with pytest.raises(UserError, match=r"^config/studies/cells.yaml: descriptors.images: .*multiple of 9, such as 36"):
        write(project, descriptors=sizes[40])
    with pytest.raises(UserError, match=r"splits.sub_types: the classes of the dataset 'image_folder' are not known"):
        write(project, published_dataset="image_folder")


def test_the_command_prints_tables_json_or_one_line(project: Path) -> None:
    write(project, *layers_of(CAE), "f,CAE,learnables_total,15924,", "text,code,learnables_total,3.56e6,")
    told = CliRunner().invoke(app, ["cells", "--json"])
    assert told.exit_code == 0
    content = json.loads(told.output)
    assert content["study"] == "cells"
    assert content["networks"]["CAE"]["layers"][1] == {
        "name": "encoder.conv1",
        "kind": "Conv2d",
        "output_shape": [9, 90, 90],
        "learnables": 252,
        "published": 252,
    }
    assert {key: value for key, value in content["networks"]["code"].items() if key != "layers"} == {
        "architecture": "code_channels",
        "input_shape": [2700],
        "learnables": 3_559_405,
        "published": 3_560_000,
        "equal": True,
    }
    shown = CliRunner().invoke(app, ["cells"]).output
    for text in ("CAE (conv_autoencoder), input 90 x 90 x 3", "15,924", "about 3,560,000", "27 x 10 x 10"):
        assert text in shown
    write(
        project,
        tables={"1": STUDY["tables"]["1"] | {"items": STUDY["tables"]["1"]["items"][3:]}},
        headline="1/neighbours",
    )
    assert CliRunner().invoke(app, ["cells"]).output == "The study 'cells' trains no network.\n"
    assert json.loads(CliRunner().invoke(app, ["cells", "--json"]).output) == {"study": "cells", "networks": {}}


@pytest.fixture(scope="module")
def studies() -> dict[str, dict[str, NetworkSummary]]:
    """Summaries of the project's own studies."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return {file.stem: summarise(load_study(file)) for file in sorted(Path("config/studies").glob("*.yaml"))}


def test_al_hammadis_networks_have_the_published_learnables(studies: dict[str, dict[str, NetworkSummary]]) -> None:
    found = studies["alhammadi2024"]
    assert [layer.learnables for layer in found["CAE"].layers] == CAE
    assert [layer.published for layer in found["CAE"].layers] == CAE
    assert (found["CAE"].learnables, found["CAE"].published, found["CAE"].equal) == (15_924, 15_924, True)
    assert (found["CNN"].learnables, found["CNN"].published, found["CNN"].equal) == (86_503_162, 86_500_000, True)


def test_rezayis_networks_see_small_images(studies: dict[str, dict[str, NetworkSummary]]) -> None:
    found = studies["rezayi2021"]
    assert {network.architecture: network.input_shape for network in found.values()} == dict.fromkeys(
        ["resnet50_70", "vgg16_70", "ten_convolutions"], (70, 70, 3)
    )
    assert all(network.layers[-1].output_shape == (2,) for network in found.values())


def test_hayats_network_tells_two_types_or_five_sub_types_apart(studies: dict[str, dict[str, NetworkSummary]]) -> None:
    found = studies["hayat2022"].values()
    assert {network.architecture for network in found} == {"two_convolutions"}
    assert {network.layers[-1].output_shape for network in found} == {(2,), (5,)}


def test_the_other_studies_train_no_network(studies: dict[str, dict[str, NetworkSummary]]) -> None:
    assert studies["atteia2022"] == studies["hasanaath2024"] == {}
