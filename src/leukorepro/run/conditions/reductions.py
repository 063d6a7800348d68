"""What a demonstration has less of than the paper, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, get_args

from leukorepro.config.datasets import SimulatedDataset
from leukorepro.config.fields import Strict
from leukorepro.config.study.systems import NetworkSpec, SparseAutoencoderSpec
from leukorepro.config.study.training import ClassifierTrainingSpec, TrainedInEpochs
from leukorepro.core.phrases import listed
from leukorepro.core.words import Budget
from leukorepro.run.kept_items import without_unused
from leukorepro.run.resolved import ResolvedStudy

Trained = SparseAutoencoderSpec | TrainedInEpochs
"""What is trained in epochs."""

FEW_NAMES = 4
"""More systems of one kind than this are told as the kind."""

OURS = ", a number that the paper does not state"
"""Behind a value of the published budget that is not the paper's."""


class Reduction(NamedTuple):
    """What a demonstration has less of."""

    owner: str
    """Name of the system, or key of the part of the study, that has less of it."""
    field: str
    demo: Any
    published: Any


def reductions(study: ResolvedStudy) -> list[Reduction]:
    """Everything that has a smaller value in a demonstration, of a study's dataset and of all that its items use."""
    found = [*_per_budget("", study.dataset), *_per_budget("", without_unused(study.study))]
    return [reduction for reduction in found if reduction.demo != reduction.published]


def _per_budget(owner: str, value: Any, field: str = "") -> Iterator[Reduction]:
    """The values for each budget inside a part of the configuration, however deep."""
    if isinstance(value, Strict):
        for name, inner in value:
            yield from _per_budget(owner, inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _per_budget(owner, inner, field)
    elif isinstance(value, dict) and value.keys() == set(get_args(Budget)):
        yield Reduction(owner, field, value["demo"], value["published"])
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _per_budget(name, inner, field)


def told_reductions(study: ResolvedStudy) -> list[str]:
    """In words, each kind once; a kind that nobody wrote words for is told by the name of its field."""
    found = reductions(study)
    kinds = {REDUCTIONS[reduction.field] for reduction in found if reduction.field in REDUCTIONS}
    told = [text for kind in dict.fromkeys(REDUCTIONS.values()) if kind in kinds for text in kind(study)]
    others = [
        f"{r.field.replace('_', ' ')} {r.demo} instead of {r.published}" + (f" ({r.owner})" if r.owner else "")
        for r in found
        if r.field not in REDUCTIONS
    ]
    return [*told, *others]


def trained_systems(study: ResolvedStudy) -> dict[str, Trained]:
    """Reducers and classifiers of a study's items that are trained in epochs, by their names."""
    items = [item for table in study.study.tables.values() for item in table.items]
    reducers = {item.reducer: study.study.reducers[item.reducer] for item in items if item.reducer is not None}
    classifiers = {item.classifier: study.study.classifiers[item.classifier] for item in items}
    return {name: spec for name, spec in (reducers | classifiers).items() if isinstance(spec, Trained)}


def _images(study: ResolvedStudy) -> Iterator[str]:
    """Images and subjects of a simulated dataset, those of its held-out part beside them where it is tested."""
    for part in study.placed:
        if not isinstance(part.dataset, SimulatedDataset):
            continue
        demo, published = part.dataset.sizes["demo"], part.dataset.sizes["published"]
        fewer = _fewer(demo.images, demo.subjects, published.images, published.subjects)
        yield f"{part.title} with {fewer}" if len(study.placed) > 1 else fewer
        if "external" in study.protocols and len(study.placed) == 1:
            held_out = published.external_images, published.external_subjects
            yield f"held out {_fewer(demo.external_images, demo.external_subjects, *held_out)}"


def _fewer(images: int, subjects: int, all_images: int, all_subjects: int) -> str:
    return f"{images:,} images of {subjects} subjects instead of {all_images:,} of {all_subjects}"


def _epochs(study: ResolvedStudy) -> Iterator[str]:
    """Training epochs, each number with what was trained for so many, where that differs, and whether it is ours."""
    told: dict[tuple[str, str], list[str]] = {}
    kinds: dict[str, dict[tuple[str, str], list[str]]] = {}
    for name, spec in trained_systems(study).items():
        section = "reducers" if name in study.study.reducers else "classifiers"
        key = "max_epochs" if isinstance(spec, SparseAutoencoderSpec) else "epochs"
        epochs = getattr(spec, key)
        text = f"{epochs['demo']} instead of {epochs['published']} training epochs"
        whose = "" if study.states(section, name, key) else OURS
        told_of = (text, whose) if epochs["demo"] != epochs["published"] else ("", "")
        kinds.setdefault(spec.plural, {}).setdefault(told_of, []).append(name)
    for kind, texts in kinds.items():
        for told_of, names in texts.items():
            whole = len(texts) == 1 or len(names) > FEW_NAMES
            told.setdefault(told_of, []).extend([kind] if whole else names)
    for (text, whose), who in told.items():
        if text:
            yield f"{text if len(told) == 1 else f'{text} of {listed(who)}'}{whose}"


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


def _norm_momenta(study: ResolvedStudy) -> Iterator[str]:
    """How far a step moves batch norm's running statistics: further where there are few steps."""
    momenta = [s.norm_momentum for s in trained_systems(study).values() if isinstance(s, ClassifierTrainingSpec)]
    for demo, published in sorted({(momentum["demo"], momentum["published"]) for momentum in momenta}):
        if demo != published:
            yield f"batch norm's statistics moved by {100 * demo:g} % instead of {100 * published:g} % in every step"


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


REDUCTIONS: dict[str, Callable[[ResolvedStudy], Iterator[str]]] = {
    "sizes": _images,
    "epochs": _epochs,
    "max_epochs": _epochs,
    "width": _widths,
    "norm_momentum": _norm_momenta,
    "input_size": _inputs,
}
"""How each kind of reduction is told, by the field that has a value for each budget."""
