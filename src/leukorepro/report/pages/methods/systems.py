"""How features, reducers, classifiers and splits of a study are told in a methods section, each from what it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from leukorepro.config.fields import Strict
from leukorepro.config.study.training import TrainedInEpochs
from leukorepro.core.words import Budget
from leukorepro.data.views import view_in_words
from leukorepro.features.backbones.registry import title_of
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.records import Records
from leukorepro.run.plan import used_splits
from leukorepro.run.resolved import ResolvedStudy

NOT_SETTINGS = ("kind", "estimator")
"""Fields that the words for a kind say already."""


def features_told(records: Records) -> Iterator[str]:
    """What computed numbers from images, a sentence each, and how they are put together."""
    study = records.resolved
    for name, header in records.extractors.items():
        size = header["input_size"]
        given = f"images of {size} \N{MULTIPLICATION SIGN} {size} pixels, {header['preprocessing']}"
        made = f"{header['n_features']:,} values, computed by {header['engine']}"
        if header["weights"] == "none":
            yield f"{name}: the descriptor {header['backbone']} of {given}; {made}."
        else:
            network = f"{title_of(header['backbone'])}, output of the layer {header['layer']}, on {given}"
            yield f"{name}: {network}; {_weights(header)}; {made}."
    for features in {item.features: None for table in study.study.tables.values() for item in table.items}:
        parts = study.study.feature_sets[features]
        if parts != [features]:
            beside = ", side by side" if len(parts) > 1 else ""
            yield f"The feature set {features} is {wording.listed(parts)}{beside}."


def _weights(header: dict[str, Any]) -> str:
    words = "weights trained on ImageNet" if header["weights"] == "imagenet" else f"weights: {header['weights']}"
    return f"{words} (SHA-256 {header['weights_sha256']})"


def systems_told(study: ResolvedStudy, section: str, budget: Budget) -> Iterator[str]:
    """Reducers or classifiers that items use, a sentence each, with every setting.

    Parameters
    ----------
    study : ResolvedStudy
    section : {'reducer', 'classifier'}
        What an item calls them.
    budget : Budget
        Whose values are told, where a setting has one for each.
    """
    items = [item for table in study.study.tables.values() for item in table.items]
    specs = study.study.reducers if section == "reducer" else study.study.classifiers
    for name in {getattr(item, section): None for item in items if getattr(item, section) is not None}:
        yield f"{name}: {_system(specs[name], budget)}."


def _system(spec: Strict, budget: Budget) -> str:
    recipe = spec.recipe(budget) if isinstance(spec, TrainedInEpochs) else None
    if isinstance(spec, TrainedInEpochs) and recipe is not None:
        trained = (
            f"trained for {wording.count(spec.epochs[budget], 'epoch')} in batches of {recipe.batch_size} by "
            f"{recipe.optimizer}, learning rate {recipe.learning_rate:g}"
        )
        return "; ".join([recipe.what, trained, *recipe.more])
    settings = [
        f"{key.replace('_', ' ')} {_value(value, budget)}"
        for key, value in spec
        if key not in NOT_SETTINGS and value not in (None, {}, [])
    ]
    return f"{spec.kind_in_words} ({', '.join(settings)})" if settings else spec.kind_in_words


def _value(value: Any, budget: Budget) -> str:
    """A setting as text, the one of a budget where it has one for each."""
    if isinstance(value, dict) and budget in value:
        value = value[budget]
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value(inner, budget)}" for key, inner in value.items())
    if isinstance(value, list | tuple):
        return " and ".join(_value(inner, budget) for inner in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:g}" if isinstance(value, float) else str(value)


def splits_told(study: ResolvedStudy, seeds: range) -> Iterator[str]:
    """How rows are dealt out, a sentence for each split that items use.

    Parameters
    ----------
    study : ResolvedStudy
    seeds : range
        The run's.
    """
    drawn = f"with the seed {seeds[0]}" if len(seeds) == 1 else f"anew with each of the seeds {seeds[0]} to {seeds[-1]}"
    for name in used_splits(study):
        scheme = study.study.splits[name]
        tables = [
            wording.table_name(number)
            for number, table in study.study.tables.items()
            if any(table.split_of(item) == name for item in table.items)
        ]
        yield f"{name} ({wording.listed(tables)}): {scheme.words}; dealt out {drawn}."
        copies = Counter(view_in_words(view) for view in scheme.views if view != "identity")
        if copies:
            whose = "every image" if scheme.augment == "all" else "images of the training part only"
            told = [f"{words}, {times} times" if times > 1 else words for words, times in copies.items()]
            yield f"Copies are made of {whose}: {'; '.join(told)}."
        if scheme.official_splits is not None:
            yield f"Only images of the official parts {wording.listed(scheme.official_splits)} take part."
        if scheme.include_external:
            yield "The dataset's held-out part is pooled with the rest, but on the rung that tests it."
        if (labels := study.label_set_of(name)) is not None:
            classes = [f"{called} is {wording.listed(own)}" for called, own in labels.classes.items()]
            yield f"Classes are put together: {'; '.join(classes)}."
