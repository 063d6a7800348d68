"""Studies: a paper's systems, splits, tables and figures, and whether they fit one another."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, model_validator

from leukorepro.config.fields import FeatureSetName, Key, Strict
from leukorepro.config.study.audits import Audit
from leukorepro.config.study.claims import Claim
from leukorepro.config.study.classifiers import ClassifierSpec
from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import LabelSet, PublishedProtocol, Scheme
from leukorepro.config.study.systems import (
    ConvAutoencoderSpec,
    DescriptorSpec,
    Extractor,
    FineTunedSpec,
    NetworkSpec,
    ReducerSpec,
    TrainedFeaturesSpec,
)
from leukorepro.config.study.tables import Figure, Table
from leukorepro.config.study.training import ClassifierTrainingSpec
from leukorepro.config.study.unstated import SECTIONS, Unstated
from leukorepro.core.errors import unknown
from leukorepro.core.validation import parse, read_yaml

IMAGES = "images"
"""The descriptor that is no description: the pixels as they are, for networks to be trained on."""


class Citation(Strict):
    """The paper."""

    authors: str
    title: str
    journal: str
    year: int
    doi: str | None = None
    name: str | None = None
    """What the report calls a study that applies the paper's method and reproduces none of its numbers; default: the
    authors and the year."""


class Study(Strict):
    """A paper: feature sets, reducers, classifiers, splits, and its tables."""

    key: Key
    citation: Citation
    published_dataset: str
    """Adapter of the dataset that the paper used; a verdict needs a complete copy of it."""
    published_images: Annotated[int, Field(ge=1)] | None = None
    """How many images of it the paper counts, copies left aside; a verdict needs a split of as many."""
    published_protocol: PublishedProtocol
    extractors: dict[Key, Extractor] = {}
    descriptors: dict[Key, DescriptorSpec] = {}
    feature_sets: dict[FeatureSetName, Annotated[list[Key], Field(min_length=1)]]
    """Extractors and descriptors put side by side, in this order, into each feature set."""
    reducers: dict[Key, ReducerSpec] = {}
    classifiers: dict[Key, ClassifierSpec]
    label_sets: dict[Key, LabelSet] = {}
    class_names: dict[str, str] = {}
    """What the paper calls the dataset's classes, where its tables name them."""
    splits: dict[Key, Scheme]
    tables: dict[str, Table]
    headline: str
    """Table and item of the number that the paper is quoted for, as `table/item`."""
    figures: dict[Key, Figure] = {}
    claims: dict[Key, Claim] = {}
    """What the paper concludes; judged on our own numbers."""
    unstated: Annotated[list[Unstated], Field(exclude=True)] = []
    """What the paper leaves open; told of its results, and no part of a job."""
    audit: Annotated[Audit, Field(exclude=True)] = Audit()
    """For the audit of the printed numbers; no part of a run."""

    @model_validator(mode="after")
    def _names_exist(self) -> Study:
        def check(name: str, known: Any, where: str, what: str) -> None:
            if name not in known:
                raise ValueError(f"{where}: {unknown(what, name, known)}")

        for name in self.descriptors:
            if name in self.extractors:
                raise ValueError(f"descriptors.{name}: an extractor has this name too; name them apart")
        for name, parts in self.feature_sets.items():
            for part in parts:
                known = [*self.extractors, *self.descriptors]
                check(part, known, f"feature_sets.{name}", "extractor or descriptor")
        for name, reducer in self.reducers.items():
            if isinstance(reducer, TrainedFeaturesSpec):
                networks = [key for key, spec in self.classifiers.items() if isinstance(spec, NetworkSpec)]
                check(reducer.network, networks, f"reducers.{name}.network", "classifier of kind 'network'")
        for name, scheme in self.splits.items():
            if scheme.labels is not None:
                check(scheme.labels, self.label_sets, f"splits.{name}.labels", "label set")
        for number, table in self.tables.items():
            check(table.split, self.splits, f"tables.{number}.split", "split")
            for item in table.items:
                where = f"tables.{number}.items.{item.item}"
                check(item.features, self.feature_sets, f"{where}.features", "feature set")
                check(item.classifier, self.classifiers, f"{where}.classifier", "classifier")
                if item.reducer is not None:
                    check(item.reducer, self.reducers, f"{where}.reducer", "reducer")
                self._check_kinds(item, where)
                if item.split is not None:
                    check(item.split, self.splits, f"{where}.split", "split")
                self._check_network_is_trained(item, table.split_of(item), where)
                if item.reading_of is not None:
                    check(item.reading_of, [i.item for i in table.items], f"{where}.reading_of", "item")
        for key, figure in self.figures.items():
            check(figure.table, self.tables, f"figures.{key}.table", "table")
            for name in figure.items:
                check(name, [i.item for i in self.tables[figure.table].items], f"figures.{key}.items", "item")
        for key, claim in self.claims.items():
            try:
                claim.check(self.tables, self.splits)
            except ValueError as error:
                raise ValueError(f"claims.{key}: {error}") from None
        table_name, _, item_name = self.headline.partition("/")
        check(table_name, self.tables, "headline", "table")
        check(item_name, [i.item for i in self.tables[table_name].items], "headline", "item")
        return self

    @model_validator(mode="after")
    def _unstated_of_known_parts(self) -> Study:
        for number, fact in enumerate(self.unstated):
            for section, names in fact.parts.items():
                for name in names:
                    if name not in (known := self.parts[section]):
                        raise ValueError(f"unstated[{number}].{section}: {unknown(SECTIONS[section], name, known)}")
                    for setting in fact.settings:
                        if setting not in (fields := type(known[name]).model_fields):
                            raise ValueError(f"unstated[{number}].settings: {unknown('key', setting, fields)}")
        return self

    @property
    def parts(self) -> dict[str, Mapping[str, Strict]]:
        """What items are made of, by section and name."""
        return {section: getattr(self, section) for section in SECTIONS}

    def holds_images(self, feature_set: str) -> bool:
        """Whether a feature set is the images themselves, which networks are trained on."""
        parts = self.feature_sets[feature_set]
        return any(part in self.descriptors and self.descriptors[part].descriptor == IMAGES for part in parts)

    def is_network(self, item: Item) -> bool:
        """Whether an item's classifier is a network, which is trained by a job of its own."""
        return isinstance(self.classifiers[item.classifier], ClassifierTrainingSpec)

    def _check_kinds(self, item: Item, where: str) -> None:
        """Networks see images or an autoencoder's code of them; other classifiers see a network's features of them.

        A network that is fine-tuned is that of a feature set.
        """
        images = self.holds_images(item.features)
        if isinstance(self.classifiers[item.classifier], FineTunedSpec):
            parts = self.feature_sets[item.features]
            if len(parts) > 1 or parts[0] not in self.extractors or item.reducer is not None:
                raise ValueError(
                    f"{where}: classifiers of kind 'fine_tuned' train the network of a feature set; give one that is a "
                    "single extractor, and no reducer"
                )
            return
        if images and len(self.feature_sets[item.features]) > 1:
            raise ValueError(f"{where}.features: '{item.features}' has more parts than the images; give them alone")
        reducer = None if item.reducer is None else self.reducers[item.reducer]
        if isinstance(reducer, TrainedFeaturesSpec):
            if self.is_network(item) or not images:
                raise ValueError(
                    f"{where}.reducer: '{item.reducer}' is of kind 'trained_features', which goes with a feature set "
                    f"of the descriptor '{IMAGES}' and a classifier that is not of kind 'network'"
                )
            return
        encoded = isinstance(reducer, ConvAutoencoderSpec)
        classifier = self.classifiers[item.classifier]
        if encoded and isinstance(classifier, NetworkSpec) and classifier.sees_images:
            raise ValueError(
                f"{where}.classifier: '{item.classifier}' changes images by `zero_center` or `augment`, but "
                f"'{item.reducer}' gives it codes; leave these settings out, or give the autoencoder `zero_center`"
            )
        if self.is_network(item) != images or (encoded and not images) or (images and reducer and not encoded):
            raise ValueError(
                f"{where}: classifiers of kind 'network' and reducers of kind 'conv_autoencoder' go with a feature set "
                f"of the descriptor '{IMAGES}', and beside them only reducers of kind 'trained_features' do"
            )

    def _check_network_is_trained(self, item: Item, split: str, where: str) -> None:
        """A network that gives features has an item of its own, which is what it is trained for."""
        reducer = self.reducers[item.reducer] if item.reducer is not None else None
        if not isinstance(reducer, TrainedFeaturesSpec):
            return
        for table in self.tables.values():
            for own in table.items:
                trained = (own.features, own.reducer, own.classifier, table.split_of(own))
                if trained == (item.features, None, reducer.network, split):
                    return
        raise ValueError(
            f"{where}.reducer: '{item.reducer}' takes the features of '{reducer.network}', but no item is that network "
            f"on '{item.features}' and the split '{split}'; add one, or choose a split that it is trained on"
        )


def load_study(path: Path) -> Study:
    """Read and validate a study's configuration."""
    return parse(Study, read_yaml(path), path)
