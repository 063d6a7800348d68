"""Licences and citations: of all that has a name, and of what a run uses."""

from __future__ import annotations

from pathlib import Path

import pytest
import report_data
from project_data import make_project, write_run

from leukorepro.config.adapters import ADAPTERS, OWN_IMAGES
from leukorepro.config.datasets import load_dataset
from leukorepro.features.backbones.registry import BACKBONES
from leukorepro.features.backbones.specification import NOT_STATED
from leukorepro.run.resolve import resolve
from leukorepro.run.terms.known import known_terms, terms_of_dataset, terms_of_weights
from leukorepro.run.terms.used import used_terms


def test_every_published_dataset_and_all_weights_have_their_terms() -> None:
    terms = {(one.kind, one.name): one for one in known_terms()}
    own = {OWN_IMAGES, "table", "simulated"}
    assert set(terms) == {
        *(("dataset", name) for name in set(ADAPTERS) - own),
        *(("weights", name) for name in BACKBONES),
    }
    assert all(one.licence and one.citation for one in terms.values())
    assert terms["dataset", "pbc"].licence == "CC BY 4.0"
    assert terms["dataset", "imss"].licence == NOT_STATED
    assert terms["weights", "vgg16"].licence.startswith(NOT_STATED)


def test_images_of_ones_own_and_simulated_ones_have_none() -> None:
    for file in ("allidb_simulated", "imss_demo"):
        dataset = load_dataset(report_data.ROOT / f"config/datasets/{file}.yaml")
        assert terms_of_dataset(dataset.adapter, dataset) is None
    assert terms_of_dataset(OWN_IMAGES, ADAPTERS[OWN_IMAGES]) is None


def test_a_network_of_timm_is_told_without_importing_it() -> None:
    assert "timm" in terms_of_weights("timm:resnet18.a1_in1k").licence


@pytest.mark.parametrize(("weights", "expected"), [("random", []), ("imagenet", ["googlenet", "inception_v3"])])
def test_a_run_names_what_it_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, weights: str, expected: list[str]
) -> None:
    monkeypatch.chdir(make_project(tmp_path))
    chosen = dict.fromkeys(("googlenet", "inception_v3"), weights)
    assert [one.name for one in used_terms(resolve(write_run(tmp_path, weights=chosen)))] == expected
