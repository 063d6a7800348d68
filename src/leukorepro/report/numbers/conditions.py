"""What sets a study's numbers apart from the paper's, in words."""

from __future__ import annotations

from collections.abc import Iterator

from leukorepro.config.systems import ConvAutoencoderSpec, MlpSpec, NetworkSpec, SoftmaxSpec, SparseAutoencoderSpec
from leukorepro.core.words import Budget
from leukorepro.report.numbers.wording import listed
from leukorepro.run.resolved import ResolvedStudy

Trained = SparseAutoencoderSpec | ConvAutoencoderSpec | MlpSpec | SoftmaxSpec | NetworkSpec
"""What is trained in epochs."""

KINDS = {
    SparseAutoencoderSpec: "autoencoders",
    ConvAutoencoderSpec: "autoencoders",
    MlpSpec: "perceptrons",
    SoftmaxSpec: "last layers",
    NetworkSpec: "networks",
}
FEW_NAMES = 4
"""More systems of one kind than this are told as the kind."""


def conditions(study: ResolvedStudy, budget: Budget) -> list[str]:
    """What sets the numbers of one study apart from the paper's, shown beside every table and in every figure."""
    words = []
    if study.simulated:
        words.append("simulated images")
    if study.stand_ins:
        words.append(f"features by {listed(study.stand_ins)}")
    if study.random_weights:
        trains = any(isinstance(spec, NetworkSpec) for spec in trained_systems(study).values())
        some = len(study.random_weights) < len(study.extractors)
        which = f" ({', '.join(study.random_weights)})" if some else " (all that give features)" if trains else ""
        words.append(f"random network weights{which}")
    if budget == "demo":
        less = [*_epochs(study), *_widths(study), *_inputs(study)]
        words.append(f"demo budget ({'; '.join(less)})" if less else "demo budget")
    return words


def trained_systems(study: ResolvedStudy) -> dict[str, Trained]:
    """Reducers and classifiers of a study's items that are trained in epochs, by their names."""
    items = [item for table in study.study.tables.values() for item in table.items]
    reducers = {item.reducer: study.study.reducers[item.reducer] for item in items if item.reducer is not None}
    classifiers = {item.classifier: study.study.classifiers[item.classifier] for item in items}
    return {name: spec for name, spec in (reducers | classifiers).items() if isinstance(spec, Trained)}


def _epochs(study: ResolvedStudy) -> Iterator[str]:
    """Training epochs, each number with what was trained for so many, where that differs."""
    told: dict[str, list[str]] = {}
    kinds: dict[str, dict[str, list[str]]] = {}
    for name, spec in trained_systems(study).items():
        epochs = spec.max_epochs if isinstance(spec, SparseAutoencoderSpec) else spec.epochs
        text = f"{epochs['demo']} instead of {epochs['published']} training epochs"
        text = text if epochs["demo"] != epochs["published"] else ""
        kinds.setdefault(KINDS[type(spec)], {}).setdefault(text, []).append(name)
    for kind, texts in kinds.items():
        for text, names in texts.items():
            whole = len(texts) == 1 or len(names) > FEW_NAMES
            told.setdefault(text, []).extend([kind] if whole else names)
    for text, who in told.items():
        if text:
            yield text if len(told) == 1 else f"{text} of {listed(who)}"


def _widths(study: ResolvedStudy) -> Iterator[str]:
    """Channels of networks, with the networks' names where they differ."""
    networks = {name: spec for name, spec in trained_systems(study).items() if isinstance(spec, NetworkSpec)}
    widths: dict[float, list[str]] = {}
    for name, spec in networks.items():
        if spec.width["demo"] != spec.width["published"]:
            widths.setdefault(spec.width["demo"], []).append(name)
    for width, names in widths.items():
        who = "networks" if len(names) == len(networks) else listed(names)
        yield f"{who} with {100 * width:g} % of the channels"


def _inputs(study: ResolvedStudy) -> Iterator[str]:
    """Sizes of the images that networks and descriptors see."""
    used = {item.features for table in study.study.tables.values() for item in table.items}
    parts = [part for features in used for part in study.study.feature_sets[features]]
    specs = [spec for name, spec in (study.study.extractors | study.study.descriptors).items() if name in parts]
    smaller: dict[int, dict[int, None]] = {}
    for spec in specs:
        size = spec.input_size
        if isinstance(size, dict) and size["demo"] != size["published"]:
            smaller.setdefault(size["demo"], {})[size["published"]] = None
    if smaller:
        told = [f"{demo} instead of {' or '.join(map(str, published))}" for demo, published in smaller.items()]
        yield f"network inputs of {' and of '.join(told)} pixels"
