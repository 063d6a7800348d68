"""Explanations: modules that give a classifier's own numbers, and maps that add up to a decision."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.svm import SVC, LinearSVC, NuSVC
from torch import Tensor, nn

from leukorepro.config import datasets as config
from leukorepro.core.errors import UserError
from leukorepro.core.words import ScoreKind
from leukorepro.features.backbones.networks import build_network
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.backbones.tunable import build_tunable
from leukorepro.features.parts import ResolvedDescriptor, ResolvedExtractor
from leukorepro.features.preprocessing import resize
from leukorepro.inference.explaining.attribution import Head, contributions
from leukorepro.inference.explaining.background import background_share, cells
from leukorepro.inference.explaining.explainer import explainer, eyes_of
from leukorepro.inference.explaining.layers import Affine
from leukorepro.inference.explaining.maps import Pooled, cut_at_last_map, cut_features, cut_tunable
from leukorepro.inference.explaining.modules import Decision, decision_of, encoder_module, scaler_module
from leukorepro.inference.networks import NetworkClassifier, NetworkEncoder
from leukorepro.inference.outlines import ConvEncoderOutline, NetworkOutline
from leukorepro.inference.system import FittedSystem
from leukorepro.simulate.population import Population
from leukorepro.simulate.scenes import render
from leukorepro.systems.autoencoders.encoder import Encoder
from leukorepro.systems.classifiers.fits import scores
from leukorepro.systems.classifiers.perceptron import Perceptron
from leukorepro.systems.classifiers.softmax_layer import SoftmaxLayer
from leukorepro.systems.networks import registry as networks

pytestmark = pytest.mark.usefixtures("one_thread")

RTOL, ATOL = 1e-5, 1e-8
FLOAT32 = 1e-4
"""Of classifiers that compute in float32 what their modules compute in float64."""


def rows_of(n_classes: int, seed: int = 0) -> tuple[Any, Any]:
    random = np.random.default_rng(seed)
    labels = np.array([f"class {i % n_classes}" for i in range(60)], dtype=object)
    means = random.normal(0, 2, (n_classes, 6))
    return means[np.arange(60) % n_classes] + random.normal(0, 1.5, (60, 6)), labels


MACHINES = [
    SVC(kernel="linear"),
    SVC(kernel="poly", degree=3, coef0=1.0, gamma=0.2),
    SVC(kernel="poly", degree=2, gamma="auto"),
    SVC(kernel="rbf", gamma="scale"),
    NuSVC(nu=0.3),
    LinearSVC(),
    SGDClassifier(random_state=0),
    LogisticRegression(),
    LinearDiscriminantAnalysis(),
    make_pipeline(StandardScaler(), SVC(class_weight="balanced")),
    make_pipeline(MinMaxScaler(), PCA(3, whiten=True, random_state=0), LinearDiscriminantAnalysis()),
    make_pipeline(PCA(4, random_state=0), LogisticRegression(class_weight="balanced")),
]


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: str(machine).replace("\n", ""))
def test_a_module_gives_the_decision_values_of_scikit_learn(machine: Any, n_classes: int) -> None:
    rows, labels = rows_of(n_classes)
    machine.fit(rows, labels)
    unseen, _ = rows_of(n_classes, seed=1)
    for positive in ("class 0", "class 1"):
        found = decision_of(machine, positive, "margin")(torch.from_numpy(unseen)).numpy()
        np.testing.assert_allclose(found, scores(machine, unseen, positive, "margin"), rtol=RTOL, atol=ATOL)


@pytest.mark.parametrize("n_classes", [2, 4])
@pytest.mark.parametrize(
    "machine",
    [
        LogisticRegression(),
        LinearDiscriminantAnalysis(),
        GaussianNB(),
        MLPClassifier((5, 4), activation="tanh", max_iter=20),
        MLPClassifier((5,), max_iter=20),
        SoftmaxLayer(epochs=3, learning_rate=0.01),
        Perceptron((5,), max_iter=5),
        Perceptron((5,), output="softmax", max_iter=5),
    ],
    ids=lambda machine: str(machine).replace("\n", ""),
)
@pytest.mark.filterwarnings("ignore:Stochastic Optimizer")
def test_a_module_gives_a_classifiers_probabilities(machine: Any, n_classes: int) -> None:
    rows, labels = rows_of(n_classes)
    machine.fit(rows.astype(np.float32), labels)
    unseen = rows_of(n_classes, seed=1)[0].astype(np.float32)
    before = machine.predict_proba(unseen)
    module = decision_of(machine, "class 0", "probability")
    expected = scores(machine, unseen, "class 0", "probability")
    np.testing.assert_allclose(module(torch.from_numpy(unseen)).numpy(), expected, rtol=FLOAT32, atol=1e-6)
    np.testing.assert_array_equal(machine.predict_proba(unseen), before)  # the classifier itself stays as it is


def test_evidence_of_several_classes_ranks_them_by_their_pairs() -> None:
    rows, labels = rows_of(4)
    machine = SVC(decision_function_shape="ovo").fit(rows, labels)
    pairs = machine.decision_function(rows)
    columns = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    expected = [
        sum(pairs[:, c] * (1 if i == k else -1) for c, (i, j) in enumerate(columns) if k in (i, j)) for k in range(4)
    ]
    found = decision_of(machine, None, "margin").evidence(torch.from_numpy(rows))
    np.testing.assert_allclose(found.numpy(), np.transpose(expected), rtol=RTOL, atol=ATOL)


def test_a_gradient_is_that_of_finite_differences_at_support_vectors_too() -> None:
    rows, labels = rows_of(2)
    module = decision_of(SVC(gamma=0.1).fit(rows, labels), "class 1", "margin")
    assert torch.autograd.gradcheck(module.evidence, torch.tensor(rows[:10], requires_grad=True), eps=1e-6)


def test_an_encoder_gives_the_codes_of_the_reducer() -> None:
    random = np.random.default_rng(0)
    arrays = [random.normal(size=shape).astype(np.float32) for shape in [(5,), (5,), (3, 5), (3,)]]
    encoder = Encoder(arrays[0], np.abs(arrays[1]) + 1, *arrays[2:], np.zeros(1), np.zeros(1), "epochs")
    rows = random.normal(size=(7, 5)).astype(np.float32)
    found = encoder_module(encoder)(torch.from_numpy(rows).double())
    np.testing.assert_allclose(found.numpy(), encoder.transform(rows), rtol=FLOAT32)


@pytest.mark.parametrize(
    ("machine", "kind", "told"),
    [
        (KNeighborsClassifier(), "probability", "KNeighborsClassifier: its decisions have no gradient"),
        (make_pipeline(PCA(2), RandomForestClassifier(2)), "probability", "RandomForestClassifier"),
        (SVC(kernel="sigmoid"), "margin", "SVC: its decisions have no gradient"),
        (
            make_pipeline(StandardScaler(), MinMaxScaler(), SGDClassifier(loss="log_loss")),
            "probability",
            "SGDClassifier",
        ),
    ],
)
def test_what_has_no_gradient_is_refused_in_a_sentence(machine: Any, kind: ScoreKind, told: str) -> None:
    machine.fit(*rows_of(2))
    with pytest.raises(UserError, match=told):
        decision_of(machine, "class 1", kind)


# -------------------------------------------------------------------------------------------- networks, cut behind maps

SIZE = 70
IMAGES = torch.randint(0, 256, (2, SIZE, SIZE, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("architecture", "places"),
    [("resnet50_70", 3), ("vgg16_70", 4), ("ten_convolutions", 4), ("two_convolutions", 12)],
)
def test_a_trained_network_is_cut_behind_the_last_map_that_has_places(architecture: Any, places: int) -> None:
    network = networks.build_network(architecture, (SIZE, SIZE, 3), 3, 0.05, seed=0).eval()
    cut = cut_at_last_map(network, SIZE, architecture)
    maps = cut.eye(IMAGES)
    assert maps.shape[2:] == (places, places)
    assert torch.equal(cut.rest(maps), network(IMAGES))


def test_a_code_network_is_cut_at_its_autoencoders_code() -> None:
    encoder = networks.build_autoencoder("average", 0).encoder
    network = nn.Sequential(encoder, networks.build_network("code_channels", (27 * 25,), 2, 0.2, 0)).eval()
    images = IMAGES[:, :45, :45]
    cut = cut_at_last_map(network, 45, "CAE-CNN")
    assert cut.eye(images).shape[1:] == (27, 5, 5)
    assert torch.equal(cut.rest(cut.eye(images)), network(images))


@pytest.mark.parametrize(
    ("backbone", "layer"),
    [("efficientnet_lite0", "gap"), ("efficientnet_lite0", "flat"), ("mobilenet_v2", "gap"), ("alexnet", "fc6")],
)
def test_a_backbone_is_cut_behind_the_map_that_its_features_come_of(backbone: str, layer: str) -> None:
    size = 128
    images = torch.randint(0, 256, (4, size, size, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    network = build_network(find_backbone(backbone), layer, "random", calibration=images, input_size=size)
    cut = cut_features(network, size, backbone)
    with torch.no_grad():
        maps = cut.eye(images)
        assert maps.ndim == 4
        torch.testing.assert_close(cut.rest(maps), network(images))
    assert isinstance(cut.rest, Pooled) == (layer == "gap")


def test_a_backbone_that_was_trained_further_is_cut_across_both_of_its_halves() -> None:
    network = build_tunable(find_backbone("mobilenet_v2"), "features.14", None, 3, SIZE, seed=0)
    network.calibrate(IMAGES)
    cut = cut_tunable(network, SIZE, "mobilenet_v2")
    assert cut.eye(IMAGES).shape[1:] == (1280, 3, 3)
    torch.testing.assert_close(cut.rest(cut.eye(IMAGES)), network(IMAGES).detach())


def test_a_network_without_any_map_is_refused() -> None:
    flat = nn.Sequential(nn.Flatten(), nn.LazyLinear(2))
    with pytest.raises(UserError, match="flat: has no feature map of 3 x 3 places"):
        cut_at_last_map(_Floats(flat), SIZE, "flat")


class _Floats(nn.Module):
    def __init__(self, rest: nn.Module) -> None:
        super().__init__()
        self.rest = rest

    def forward(self, images: Tensor) -> Any:
        return self.rest(images.float())


# ---------------------------------------------------------------------------------------------- maps and their decision


class Learned(NamedTuple):
    """Simulated cells, and maps of local features of them; a label of each, which the cell decides."""

    images: Any
    labels: Any
    maps: Tensor
    reference: Tensor
    on_cells: Any


@pytest.fixture(scope="module")
def learned() -> Learned:
    size = config.SimulationSize(subjects=4, images=4)
    population = Population(config.Simulation.model_validate({"look": "allidb2", "size": size}))
    subjects = [population.subject(index) for index in range(24)]
    images = np.stack([resize(render(subject, "crop", 0).pixels, 64) for subject in subjects])
    filters = torch.randn(32, 3, 5, 5, generator=torch.Generator().manual_seed(0)) / 5
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2) / 255
    maps = torch.relu(nn.functional.conv2d(pixels, filters, stride=2))
    reference = maps.mean((0, 2, 3), keepdim=True).expand(1, -1, *maps.shape[2:])
    labels = np.array([subject.label for subject in subjects], dtype=object)
    return Learned(images, labels, maps, reference, np.stack([cells(image) for image in images]))


def fitted(learned: Learned, machine: Any) -> tuple[Any, Head]:
    rows = learned.maps.mean((2, 3)).double().numpy()
    scaler = StandardScaler().fit(rows)
    machine.fit(scaler.transform(rows), learned.labels)
    head = Head([Pooled()], [scaler_module(scaler)], decision_of(machine, machine.classes_[1], "margin"))
    return machine.decision_function(scaler.transform(rows)), head


KERNELS = [{"kernel": "linear"}, {"kernel": "poly", "coef0": 1.0}, {"kernel": "rbf"}]


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_a_map_and_its_constant_are_the_decision(learned: Learned, kernel: Any) -> None:
    values, head = fitted(learned, SVC(**kernel))
    found = contributions(head, [learned.maps], [learned.reference], [0] * len(values))
    np.testing.assert_allclose(found.values, values, rtol=1e-4)
    for side in (64, 101):
        mean = found.over_image(side).mean((1, 2))
        np.testing.assert_allclose(mean + found.constants + found.missed, values, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(found.missed, 0, atol=1e-4)
    assert head.is_linear == (kernel["kernel"] == "linear")


def test_the_map_of_a_linear_machine_is_its_weights_times_the_features(learned: Learned) -> None:
    rows = learned.maps.mean((2, 3)).double().numpy()
    scaler = StandardScaler().fit(rows)
    machine = LinearSVC().fit(scaler.transform(rows), learned.labels)
    head = Head([Pooled()], [scaler_module(scaler)], decision_of(machine, machine.classes_[1], "margin"))
    found = contributions(head, [learned.maps], [learned.reference], [0] * len(rows))
    weights = machine.coef_[0] / scaler.scale_
    apart = learned.maps.double().numpy() - scaler.mean_[:, None, None]
    places = apart[0, 0].size
    np.testing.assert_allclose(found.maps[0] * places, np.einsum("c,nchw->nhw", weights, apart), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.constants, machine.intercept_[0], atol=1e-4)
    assert found.method == "class-activation map, exact"


def test_maps_of_fused_networks_share_one_decision(learned: Learned) -> None:
    coarse = nn.functional.avg_pool2d(learned.maps[:, :8], 3)
    rows = torch.cat([learned.maps.mean((2, 3)), coarse.mean((2, 3))], 1).double().numpy()
    machine = SVC(gamma=0.05).fit(rows, learned.labels)
    head = Head([Pooled(), Pooled()], [], decision_of(machine, machine.classes_[1], "margin"))
    given = [learned.maps, coarse]
    found = contributions(head, given, [each.mean(0, keepdim=True) for each in given], [0] * len(rows))
    assert [each.shape[1:] for each in found.maps] == [each.shape[2:] for each in given]
    mean = found.over_image(64).mean((1, 2))
    np.testing.assert_allclose(mean + found.constants, machine.decision_function(rows), rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_what_learned_from_cells_is_explained_by_cells(learned: Learned, kernel: Any) -> None:
    """Twice as much of the map lies on the cell as on as many pixels elsewhere, at the least."""
    values, head = fitted(learned, SVC(**kernel))
    maps = contributions(head, [learned.maps], [learned.reference], [0] * len(values)).over_image(64)
    shares = [1 - background_share(each, here) for each, here in zip(maps, learned.on_cells, strict=True)]
    for_decision = np.maximum(maps * np.sign(values)[:, None, None], 0)
    positive = (for_decision * learned.on_cells).sum((1, 2)) / for_decision.sum((1, 2))
    assert np.mean(shares) > 2 * learned.on_cells.mean()
    assert np.mean(positive) > 2 * learned.on_cells.mean()


def test_a_map_is_another_when_the_last_layer_is_drawn_at_random(learned: Learned) -> None:
    """Adebayo et al. (NeurIPS 2018): an explanation that stays is one of the images, not of what was learned."""
    values, head = fitted(learned, SVC(kernel="linear"))
    columns = [0] * len(values)
    own = contributions(head, [learned.maps], [learned.reference], columns).maps[0]
    correlations = []
    for seed in range(20):
        weights = np.random.default_rng(seed).normal(size=(1, learned.maps.shape[1]))
        random = Decision(Affine(weights, [0.0]), nn.Identity(), nn.Identity())
        other = contributions(Head([Pooled()], [], random), [learned.maps], [learned.reference], columns).maps[0]
        correlations.append(np.mean([spearmanr(a.ravel(), b.ravel())[0] for a, b in zip(own, other, strict=True)]))
    assert abs(np.mean(correlations)) < 0.25


# ------------------------------------------------------------------------------------------------- systems, taken apart

CLASSES = ["all", "healthy"]


def of_images(size: int) -> ResolvedDescriptor:
    return ResolvedDescriptor(id=f"images-{size}", descriptor="images", input_size=size)


def agrees(system: FittedSystem, networks: list[Any], images: Any, rows: Any) -> Any:
    """The explanation of a system's decisions on images, whose scores must be those that it gives for their rows."""
    apart = explainer(system, eyes_of(system.parts, networks), rows.mean(0))
    maps = apart.maps(list(images))
    answers = system.answers(rows)
    np.testing.assert_allclose(apart.head.scores(*maps).numpy(), answers.scores, rtol=1e-3, atol=1e-5)
    predicted = apart.predicted(maps)
    assert predicted == list(answers.predicted)
    found = apart.explain(maps, predicted)
    mean = found.over_image(apart.size).mean((1, 2))
    np.testing.assert_allclose(mean + found.constants + found.missed, found.values, rtol=1e-4, atol=1e-5)
    return found


@pytest.mark.parametrize("classes", [CLASSES, ["L1", "L2", "L3"]], ids=len)
def test_a_network_that_is_trained_from_images_is_its_own_eye(classes: list[str]) -> None:
    images = IMAGES.numpy()
    network = networks.build_network("two_convolutions", (SIZE, SIZE, 3), len(classes), 0.1, 0).eval()
    outline = NetworkOutline(
        architecture="two_convolutions", input_shape=[SIZE, SIZE, 3], n_classes=len(classes), width=0.1
    )
    positive = "all" if len(classes) == 2 else None
    classifier = NetworkClassifier(outline, network, classes, "cpu")
    system = FittedSystem((of_images(SIZE),), classes, positive, "probability", "torch", classifier)
    found = agrees(system, [None], images, images.reshape(2, -1))
    assert found.maps[0].shape == (2, 12, 12)
    np.testing.assert_allclose(found.missed, 0, atol=0.05 * np.abs(found.values).max())


def test_a_network_on_an_autoencoders_code_is_explained_at_the_code() -> None:
    images = IMAGES[:, :45, :45].numpy()
    encoder = networks.build_autoencoder("average", 0).encoder.eval()
    network = networks.build_network("code_channels", (27 * 25,), 2, 0.2, 0).eval()
    outline = NetworkOutline(architecture="code_channels", input_shape=[27 * 25], n_classes=2, width=0.2)
    system = FittedSystem(
        (of_images(45),),
        CLASSES,
        "healthy",
        "probability",
        "torch",
        NetworkClassifier(outline, network, CLASSES, "cpu"),
        reducer=NetworkEncoder(ConvEncoderOutline(pooling="average"), encoder, "cpu"),
    )
    assert agrees(system, [None], images, images.reshape(2, -1)).maps[0].shape == (2, 5, 5)


def test_fused_features_pass_an_autoencoder_and_a_machine() -> None:
    images = torch.randint(0, 256, (12, 96, 96, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    part = ResolvedExtractor(id="m", backbone="mobilenet_v2", layer="gap", weights="random", input_size=96)
    pixels = ResolvedDescriptor(id="p", descriptor="pixels", input_size=8)
    network = build_network(find_backbone("mobilenet_v2"), "gap", "random", calibration=images, input_size=96)
    small = np.stack([resize(image, 8).reshape(-1) / np.float32(255) for image in images.numpy()])
    rows = np.concatenate([network(images).numpy(), small], axis=1)
    random = np.random.default_rng(0)
    spread = np.maximum(np.ptp(rows, axis=0), 0.01)
    weights = random.normal(size=(9, rows.shape[1])).astype(np.float32) / 40
    encoder = Encoder(rows.min(0), spread, weights, np.zeros(9, np.float32), np.zeros(1), np.zeros(1), "epochs")
    codes = encoder.transform(rows)
    scaler = StandardScaler().fit(codes)
    machine = SVC(kernel="poly", coef0=1.0).fit(scaler.transform(codes), np.array(CLASSES * 6))
    system = FittedSystem((part, pixels), CLASSES, "all", "margin", "scikit-learn", machine, scaler, encoder)
    found = agrees(system, [network, None], images.numpy(), rows)
    assert [each.shape[1:] for each in found.maps] == [(3, 3), (8, 8)]
    np.testing.assert_allclose(found.missed, 0, atol=1e-4)


def test_what_says_nothing_of_places_is_refused() -> None:
    area = ResolvedDescriptor(id="cell_area-16", descriptor="cell_area", input_size=16)
    with pytest.raises(UserError, match="cell_area: is computed from an image as a whole"):
        eyes_of([area], [None])
