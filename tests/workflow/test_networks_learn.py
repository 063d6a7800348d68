"""Networks on simulated cells whose truth is known: what there is to learn is learned, and a leak is seen as one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd
import pytest
from torch import nn

from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import HoldOutScheme, Protocol
from leukorepro.config.study.study import IMAGES
from leukorepro.config.study.systems import ConvAutoencoderSpec, NetworkSpec
from leukorepro.data.adapters.simulated import SmearDataset
from leukorepro.data.scan import scan
from leukorepro.data.splits import make_splits
from leukorepro.features.descriptors.describe import describe
from leukorepro.features.fusion import read_features
from leukorepro.features.parts import ResolvedDescriptor
from leukorepro.features.stream import Request
from leukorepro.simulate.dataset import simulate
from leukorepro.systems.autoencoders.reducers import fit_reducer
from leukorepro.systems.classifiers.tasks import Model, Task
from leukorepro.systems.networks.registry import build_network
from leukorepro.systems.training.network_fits import NetworkJob, fit_network
from leukorepro.systems.training.training import Hardware

if TYPE_CHECKING:
    from _pytest.mark import ParameterSet

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE = 36
CPU = Hardware(device="cpu")
QUARTER = HoldOutScheme(kind="hold_out", test_share=0.25)
BY_VIEW = Protocol(rung="fit_in_fold", unit="view", scope="train")
FRESH = Protocol(rung="external", unit="subject", scope="train")
AUTOENCODER = ConvAutoencoderSpec(kind="conv_autoencoder", epochs={"demo": 12, "published": 1})


class Cells(NamedTuple):
    """Simulated cells, scanned and decoded."""

    manifest: pd.DataFrame
    images: Path
    folder: Path


class Case(NamedTuple):
    """A network, small enough to be trained in seconds."""

    architecture: str
    width: float
    epochs: int
    learning_rate: float = 0.001
    reducer: str | None = None

    @property
    def spec(self) -> NetworkSpec:
        return NetworkSpec.model_validate(
            {
                "kind": "network",
                "architecture": self.architecture,
                "epochs": {"demo": self.epochs, "published": 100},
                "batch_size": 16,
                "learning_rate": self.learning_rate,
                "width": {"demo": self.width, "published": 1.0},
            }
        )


def cases(mark: pytest.MarkDecorator, *cases: Case) -> list[ParameterSet]:
    return [pytest.param(case, marks=mark, id=case.architecture) for case in cases]


CASES = [
    *cases(
        pytest.mark.long,
        Case("resnet50_70", 0.125, 20),
        Case("vgg16_70", 0.125, 20, 0.0003),
        Case("ten_convolutions", 0.25, 20),
        Case("code_sequence", 0.25, 40, 0.003, reducer="CAE"),
        Case("code_channels", 1.0, 50, 0.003, reducer="CAE"),
    ),
    *cases(pytest.mark.slow, Case("two_convolutions", 0.25, 25)),
]


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Callable[[float, float], Cells]:
    """Function that draws many cells of few subjects and few of many fresh ones, once for each pair of effects."""
    drawn: dict[tuple[float, float], Cells] = {}

    def draw(class_effect: float, subject_effect: float) -> Cells:
        size = {"subjects": 8, "images": 400, "external_subjects": 80, "external_images": 160}
        dataset = SmearDataset.model_validate(
            {
                "adapter": "simulated",
                "title": "cells",
                "look": "cnmc2019",
                "positive_class": "all",
                "class_effect": class_effect,
                "subject_effect": subject_effect,
                "sizes": {"demo": size, "published": size},
            }
        )
        folder = tmp_path_factory.mktemp("cells")
        simulate(dataset.simulation("demo"), folder / "smears")
        manifest = scan(dataset, folder / "smears", progress=False).manifest
        request = Request("cells", manifest, "", folder / "smears", ["identity"], SIZE, 10**8)
        part = ResolvedDescriptor(id=f"images-{SIZE}", descriptor=IMAGES, input_size=SIZE)
        describe(request, folder / "images.h5", part, threads=2)
        return Cells(manifest, folder / "images.h5", folder)

    def once(class_effect: float, subject_effect: float) -> Cells:
        key = class_effect, subject_effect
        if key not in drawn:
            drawn[key] = draw(*key)
        return drawn[key]

    return once


def accuracy(case: Case, cells: Cells, protocol: Protocol) -> float:
    """Share of the tested cells that the trained network is right about."""
    splits = make_splits(cells.manifest, QUARTER, protocol, 0, "prelim")
    codes = None
    if case.reducer is not None:
        codes = cells.folder / f"{protocol.rung}.h5"
        if not codes.exists():
            images = read_features(cells.images, mapped=True)
            fit_reducer(AUTOENCODER, images, splits, protocol, "demo", 0, "cpu", codes)
    task = Task("s", "d", protocol, "all", [("1", Item(item="i", features="f", classifier="n", reducer=case.reducer))])

    def build(rows: Any, n_classes: int, seed: int) -> nn.Module:
        return build_network(case.spec.architecture, rows.shape[1:], n_classes, case.width, seed)

    job = NetworkJob(task, Model(case.reducer, "n"), case.spec, build, frozenset(), 0, "demo", CPU)
    work = cells.folder / f"{case.architecture}-{protocol.rung}"
    rows = fit_network(job, cells.images, splits, cells.manifest, codes, work).predictions
    return float((rows["y_pred"] == rows["y_true"]).mean())


@pytest.mark.parametrize("case", CASES)
def test_what_sets_the_classes_apart_is_learned_and_holds_for_fresh_subjects(
    case: Case, cells: Callable[[float, float], Cells]
) -> None:
    assert accuracy(case._replace(epochs=case.epochs // 2), cells(3, 0), FRESH) > 0.9


@pytest.mark.parametrize("case", CASES[::4])
def test_subjects_that_are_known_again_look_like_skill(case: Case, cells: Callable[[float, float], Cells]) -> None:
    """Classes differ in nothing but whose cells they are: of known subjects much is told, of fresh ones nothing."""
    known, fresh = (accuracy(case, cells(0, 3), protocol) for protocol in (BY_VIEW, FRESH))
    print(f"{case.architecture}: known subjects {known:.3f}, fresh {fresh:.3f}")
    assert known > 0.6
    assert known - fresh > 0.15
    assert 0.35 < fresh < 0.65
