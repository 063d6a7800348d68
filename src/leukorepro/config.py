"""Typed configuration: runs, datasets, studies and their parts, read from YAML.

Unknown keys are refused, and a wrong value is told with its file, its key, what was given and what is allowed. The
JSON schemas in ``config/schema`` are made from these classes.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from leukorepro.errors import unknown
from leukorepro.validation import parse, pattern, read_yaml
from leukorepro.words import Augment, Average, Budget, Engine, Look, Precision, Preprocessing, Rung, Scope, Unit

CONFIG = Path("config")
"""Folder of the configuration, relative to the project's root, where every command is run."""

T = TypeVar("T")


def _identity_first(views: list[str]) -> list[str]:
    if not views or views[0] != "identity" or len(set(views)) != len(views):
        raise ValueError(f"given {views}; must begin with 'identity' and name every view once")
    return views


def _every_budget(values: dict[Budget, T]) -> dict[Budget, T]:
    if missing := [budget for budget in get_args(Budget) if budget not in values]:
        raise ValueError(f"'{missing[0]}' is missing; must have a value for each of {', '.join(get_args(Budget))}")
    return values


def _refuse_twice(names: list[str]) -> None:
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise ValueError(f"'{twice[0]}' is named twice; name each once")


Share = Annotated[float, Field(gt=0, lt=1)]
Key = Annotated[
    str,
    Field(
        pattern=pattern(
            r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", "letters, digits, '_', '.' and '-', a letter or digit in front"
        )
    ),
]
FeatureSetName = Annotated[
    str,
    Field(
        pattern=pattern(
            r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", "letters, digits, '_', '.', '-' and '+', a letter or digit in front"
        )
    ),
]
View = Annotated[
    str,
    Field(
        pattern=pattern(
            r"^(identity|hflip|vflip|rot90|rot180|rot270|rotate:\d+)$",
            "identity, hflip, vflip, rot90, rot180, rot270 or rotate:SEED",
        )
    ),
]
Views = Annotated[list[View], AfterValidator(_identity_first)]
WeightsSpec = Annotated[str, Field(pattern=pattern(r"^(imagenet|random|file:.+)$", "imagenet, random or file:PATH"))]
Metric = Annotated[
    str,
    Field(
        pattern=pattern(
            r"^((.+_)?(accuracy|sensitivity|specificity|precision|recall|f1|auroc)|(train|test)_loss)$",
            "accuracy, sensitivity, specificity, precision, recall, f1 or auroc, perhaps with a class in front, "
            "train_accuracy, val_accuracy, test_accuracy, train_loss or test_loss",
        )
    ),
]
PerBudget = Annotated[
    dict[Budget, T], AfterValidator(_every_budget), Field(json_schema_extra={"required": list(get_args(Budget))})
]
"""A value for each budget."""


class Strict(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    @model_validator(mode="before")
    @classmethod
    def _keys_exist(cls, value: Any) -> Any:
        if isinstance(value, dict):
            for key in value:
                if key not in cls.model_fields:
                    raise ValueError(unknown("key", str(key), cls.model_fields))
        return value


# ---------------------------------------------------------------------------------------------------------- datasets


class SubjectsFromCsv(Strict):
    """Subjects from a table with the columns `image` (path below the images' folder, or file name) and `subject`."""

    csv: Path


class SubjectsFromRegex(Strict):
    """Subjects from the image's path below the images' folder."""

    regex: str
    """A regular expression searched in the path; its group `subject`, or its first group, is the subject."""

    @field_validator("regex")
    @classmethod
    def _has_group(cls, value: str) -> str:
        try:
            expression = re.compile(value)
        except re.error as error:
            raise ValueError(f"given '{value}'; must be a regular expression ({error})") from None
        if expression.groups < 1:
            raise ValueError(f"given '{value}', without a group; put the part that names the subject into parentheses")
        return value


def _subjects_source(value: Any) -> str | None:
    if isinstance(value, Strict):
        return "csv" if isinstance(value, SubjectsFromCsv) else "regex"
    given = [key for key in ("csv", "regex") if isinstance(value, dict) and key in value]
    return given[0] if len(given) == 1 else None


Subjects = Annotated[
    Annotated[SubjectsFromCsv, Tag("csv")] | Annotated[SubjectsFromRegex, Tag("regex")],
    Discriminator(
        _subjects_source,
        custom_error_type="subjects_source",
        custom_error_message="must be a mapping with one of the keys csv and regex",
    ),
]
"""Who the patients are."""


class DatasetBase(Strict):
    """What every dataset may say."""

    title: str = ""
    positive_class: str | None = None
    """The class that counts as diseased, for datasets with two classes."""
    max_unreadable: Annotated[int, Field(ge=0)] = 0
    """How many unreadable files are tolerated before the run stops."""
    max_pixels: Annotated[int, Field(ge=1)] = 100_000_000
    """Largest image, in pixels; a larger one is a decompression bomb until told otherwise."""


class FolderDataset(DatasetBase):
    """One folder per class."""

    adapter: Literal["image_folder"]
    images: Path
    subjects: Subjects | None = None


class CnmcDataset(DatasetBase):
    """C-NMC 2019 (ISBI 2019 ALL challenge): official folds, preliminary phase as the held-out part."""

    adapter: Literal["cnmc2019"]
    images: Path
    positive_class: str | None = "all"


class ImssDataset(DatasetBase):
    """Bone marrow of the Mexican Social Security Institute: one folder per sub-type (L1, L2, M2, M3, M5)."""

    adapter: Literal["imss"]
    images: Path
    subjects: Subjects | None = None


class AllIdbDataset(DatasetBase):
    """ALL-IDB1, ALL-IDB2 or both; files named `ImNNN_L` with L = 1 for a blast."""

    adapter: Literal["allidb"]
    images: Path
    positive_class: str | None = "all"


class SimulationSize(Strict):
    """How much is simulated."""

    subjects: Annotated[int, Field(ge=2)]
    images: Annotated[int, Field(ge=4)]
    external_subjects: Annotated[int, Field(ge=0)] = 0
    """Fresh subjects of the held-out part."""
    external_images: Annotated[int, Field(ge=0)] = 0


class Population(Strict):
    """What simulated smears show, and how strongly class and subject show in them."""

    look: Look
    class_effect: Annotated[float, Field(ge=0, le=3)] = 1.0
    """0: blasts and normal cells look alike; 1: about as different as in smears."""
    subject_effect: Annotated[float, Field(ge=0, le=3)] = 1.0
    """0: all subjects' smears look alike; 1: stain, brightness, focus and cell size differ as between laboratories."""
    seed: Annotated[int, Field(ge=0)] = 0

    @property
    def external_split(self) -> str:
        """What the held-out part is called in the manifest: C-NMC calls its own the preliminary phase."""
        return "prelim" if self.look == "cnmc2019" else "external"


class Simulation(Population):
    """A population and how much of it to draw."""

    size: SimulationSize


class SimulatedDataset(DatasetBase, Population):
    """Procedural smears, made by `leukorepro data simulate`."""

    adapter: Literal["simulated"]
    sizes: PerBudget[SimulationSize]

    def simulation(self, budget: Budget) -> Simulation:
        """The simulation at the size of a budget."""
        return Simulation(**{name: getattr(self, name) for name in Population.model_fields}, size=self.sizes[budget])


RealDataset = FolderDataset | CnmcDataset | AllIdbDataset | ImssDataset
AnyDataset = RealDataset | SimulatedDataset
Dataset = Annotated[AnyDataset, Field(discriminator="adapter")]


# ----------------------------------------------------------------------------------------------------------- studies


InputSize = Annotated[int, Field(ge=32, le=1024)]


class Extractor(Strict):
    """A backbone cut at a layer, with its input; its weights are chosen by the run."""

    backbone: str
    """A name of the registry in `leukorepro.features.backbones`, or `timm:NAME` for any network of timm."""
    layer: str | None = None
    """Layer whose output is the feature vector; default: the backbone's own."""
    input_size: InputSize | PerBudget[InputSize] | None = None
    """Side of the square input, in pixels, perhaps smaller in a demonstration; default: the backbone's own."""
    preprocessing: Preprocessing | None = None
    """How pixel values are scaled; default: as the backbone's weights were trained."""


class DescriptorSpec(Strict):
    """Features computed from the pixels without a network."""

    descriptor: str
    """A name of the registry in `leukorepro.features.descriptors`."""
    input_size: Annotated[int, Field(ge=8, le=1024)] | None = None
    """Side of the square that images are resized to, in pixels; default: the descriptor's own."""


class SparseAutoencoderSpec(Strict):
    """Sparse autoencoder with the semantics of MATLAB's trainAutoencoder."""

    kind: Literal["sparse_autoencoder"]
    hidden_fraction: Annotated[float, Field(gt=0, le=4)]
    """Hidden units as a share of the number of features."""
    max_epochs: PerBudget[Annotated[int, Field(ge=1)]]
    gradient_tolerance: Annotated[float, Field(ge=0)] = 1e-6
    l2_weight: Annotated[float, Field(ge=0)] = 0.001
    sparsity_weight: Annotated[float, Field(ge=0)] = 1.0
    sparsity_target: Share = 0.05
    error_divisor: Literal["rows", "cells"] = "rows"
    """Squared error divided by the number of rows (N), or of rows times features (N*K)."""


class ClassifierBase(Strict):
    """What every classifier may say."""

    standardize: bool = False
    """Scale every feature to mean 0 and deviation 1 over the training rows."""


class SvmSpec(ClassifierBase):
    """Support vector machine, one against one for several classes."""

    kind: Literal["svm"]
    kernel: Literal["linear", "poly", "rbf"]
    C: Annotated[float, Field(gt=0)] = 1.0
    degree: Annotated[int, Field(ge=1)] = 3
    coef0: float = 0.0
    gamma: Literal["scale", "auto", "median"] | Annotated[float, Field(gt=0)] = "scale"
    """`median`: 1 / s^2 with the kernel scale s = `scale_factor` times the median distance between training rows."""
    scale_factor: Annotated[float, Field(gt=0)] = 1.0
    """Only with `gamma: median`: MATLAB's automatic kernel scale is not published, so a study can vary it."""
    standardize: bool = True


class KnnSpec(ClassifierBase):
    """K nearest neighbours, Euclidean, each with one vote."""

    kind: Literal["knn"]
    n_neighbors: Annotated[int, Field(ge=1)] = 5


class DecisionTreeSpec(ClassifierBase):
    """One decision tree, grown until its leaves are pure."""

    kind: Literal["decision_tree"]


class RandomForestSpec(ClassifierBase):
    """Random forest."""

    kind: Literal["random_forest"]
    n_estimators: Annotated[int, Field(ge=1)] = 100


class LogisticRegressionSpec(ClassifierBase):
    """Logistic regression with an L2 penalty."""

    kind: Literal["logistic_regression"]
    C: Annotated[float, Field(gt=0)] = 1.0
    max_iterations: Annotated[int, Field(ge=1)] = 1000


class SgdSpec(ClassifierBase):
    """Linear support vector machine fitted by stochastic gradient descent."""

    kind: Literal["sgd"]
    alpha: Annotated[float, Field(gt=0)] = 0.0001


class MlpSpec(ClassifierBase):
    """Multilayer perceptron: rectified hidden layers, Adam, cross-entropy."""

    kind: Literal["mlp"]
    hidden: Annotated[list[Annotated[int, Field(ge=1)]], Field(min_length=1)] = [100]
    epochs: PerBudget[Annotated[int, Field(ge=1)]]
    batch_size: Annotated[int, Field(ge=1)] = 200
    learning_rate: Annotated[float, Field(gt=0)] = 0.001


ClassifierSpec = Annotated[
    SvmSpec | KnnSpec | DecisionTreeSpec | RandomForestSpec | LogisticRegressionSpec | SgdSpec | MlpSpec,
    Field(discriminator="kind"),
]


class SchemeBase(Strict):
    """What every way of splitting may say."""

    repeats: Annotated[int, Field(ge=1)] = 1
    views: Views = ["identity"]
    augment: Augment = "all"
    """Which images have their other views: `all`, before the split; or those of the `training` part only."""
    include_external: bool = False
    """Pool the dataset's held-out part with the rest, as a paper may have done; the rung `external` never does."""
    labels: Key | None = None
    """Label set of the study; default: the dataset's own classes."""


class KFoldScheme(SchemeBase):
    """Stratified k-fold cross-validation."""

    kind: Literal["k_fold"]
    n_splits: Annotated[int, Field(ge=2)]


class HoldOutScheme(SchemeBase):
    """One stratified split into a training part, a test part and perhaps a validation part."""

    kind: Literal["hold_out"]
    test_share: Annotated[float, Field(gt=0, le=0.5)]
    validation_share: Annotated[float, Field(ge=0, le=0.5)] = 0.0
    turns: Annotated[int, Field(ge=1)] = 1
    """Where sources or subjects are kept together, so many parts of that size take their turn as the test part: a tenth
    of the subjects is a handful."""

    @model_validator(mode="after")
    def _parts(self) -> HoldOutScheme:
        if self.turns > (parts := round(1 / self.test_share)):
            raise ValueError(f"turns: given {self.turns}; a test share of {self.test_share} has {parts} parts at most")
        return self


Scheme = Annotated[KFoldScheme | HoldOutScheme, Field(discriminator="kind")]


class LabelSet(Strict):
    """Classes put together from a dataset's own."""

    classes: Annotated[dict[str, Annotated[list[str], Field(min_length=1)]], Field(min_length=2)]
    positive_class: str | None = None
    """With two classes, the one that counts as positive."""

    @model_validator(mode="after")
    def _consistent(self) -> LabelSet:
        _refuse_twice([label for labels in self.classes.values() for label in labels])
        if len(self.classes) == 2 and self.positive_class not in self.classes:
            raise ValueError(f"positive_class: given {self.positive_class!r}; must be one of {', '.join(self.classes)}")
        return self

    @property
    def of_label(self) -> dict[str, str]:
        """Class of each of the dataset's own labels."""
        return {label: name for name, labels in self.classes.items() for label in labels}


class Protocol(Strict):
    """How rows are split and what fitted steps may see: one rung of the leakage ladder."""

    rung: Rung
    unit: Unit
    scope: Scope


class PublishedProtocol(Strict):
    """What the paper did; the honest rungs follow from it."""

    unit: Unit
    """What is kept on one side of a split: a row (`view`), a source image or a subject."""
    scope: Scope
    """Rows that unsupervised and scaling steps were fitted on: `all` of them or the `train` part."""


class Item(Strict):
    """One row of a paper's table: a feature set, perhaps reduced, and a classifier."""

    item: str
    """Name, as in `config/published/<study>.csv`."""
    features: str
    reducer: str | None = None
    classifier: str
    split: str | None = None
    """Default: the table's."""
    reading_of: str | None = None
    """Where a paper can be read in two ways: the printed item that this second reading is compared with."""


class Grid(Strict):
    """Every classifier on every feature set, as items."""

    name: str = "{features}/{classifier}"
    """What each item is called."""
    features: Annotated[list[str], Field(min_length=1)]
    classifiers: Annotated[list[str], Field(min_length=1)]

    def items(self) -> list[dict[str, Any]]:
        """The items, feature set by feature set."""
        return [
            {"item": self.name.format(features=f, classifier=c), "features": f, "classifier": c}
            for f in self.features
            for c in self.classifiers
        ]


class Table(Strict):
    """A table of the paper, as its items."""

    title: str
    split: str
    metrics: Annotated[list[Metric], Field(min_length=1)]
    """Metrics that the paper prints, in its order."""
    average: Average = "positive"
    """With two classes, precision, recall and F1 of the `positive` one, or their mean over both (`macro`)."""
    grid: Grid | None = None
    """Items by their feature sets and classifiers, in front of the others."""
    items: list[Item] = []

    @model_validator(mode="before")
    @classmethod
    def _expand_grid(cls, value: Any) -> Any:
        if not isinstance(value, dict) or value.get("grid") is None:
            return value
        try:
            grid = Grid.model_validate(value["grid"])
        except ValidationError:
            return value  # what is wrong is told when the field itself is read
        return {**value, "grid": None, "items": [*grid.items(), *(value.get("items") or [])]}

    @model_validator(mode="after")
    def _items_once(self) -> Table:
        if not self.items:
            raise ValueError("has no items; list them under `items`, or give a `grid`")
        _refuse_twice([item.item for item in self.items])
        return self

    @property
    def needs_fitted_rows(self) -> bool:
        """Whether a metric asks for predictions of the training or the validation part."""
        return any(metric.startswith(("train_", "val_")) for metric in self.metrics)

    def split_of(self, item: Item) -> str:
        """Split of an item."""
        return item.split or self.split


class Figure(Strict):
    """A figure of the paper: bars of some metrics for some items of a table."""

    title: str
    table: str
    items: Annotated[list[str], Field(min_length=1)]
    metrics: Annotated[list[Metric], Field(min_length=1)]


class Citation(Strict):
    """The paper."""

    authors: str
    title: str
    journal: str
    year: int
    doi: str | None = None


class Study(Strict):
    """A paper: feature sets, reducers, classifiers, splits, and its tables."""

    key: Key
    citation: Citation
    published_dataset: str
    """Adapter of the dataset that the paper used; a verdict needs a complete copy of it."""
    published_protocol: PublishedProtocol
    extractors: dict[Key, Extractor] = {}
    descriptors: dict[Key, DescriptorSpec] = {}
    feature_sets: dict[FeatureSetName, Annotated[list[Key], Field(min_length=1)]]
    """Extractors and descriptors put side by side, in this order, into each feature set."""
    reducers: dict[Key, SparseAutoencoderSpec] = {}
    classifiers: dict[Key, ClassifierSpec]
    label_sets: dict[Key, LabelSet] = {}
    class_names: dict[str, str] = {}
    """What the paper calls the dataset's classes, where its tables name them."""
    splits: dict[Key, Scheme]
    tables: dict[str, Table]
    headline: str
    """Table and item of the number that the paper is quoted for, as `table/item`."""
    figures: dict[Key, Figure] = {}

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
                if item.split is not None:
                    check(item.split, self.splits, f"{where}.split", "split")
                if item.reading_of is not None:
                    check(item.reading_of, [i.item for i in table.items], f"{where}.reading_of", "item")
        for key, figure in self.figures.items():
            check(figure.table, self.tables, f"figures.{key}.table", "table")
            for name in figure.items:
                check(name, [i.item for i in self.tables[figure.table].items], f"figures.{key}.items", "item")
        table_name, _, item_name = self.headline.partition("/")
        check(table_name, self.tables, "headline", "table")
        check(item_name, [i.item for i in self.tables[table_name].items], "headline", "item")
        return self


# -------------------------------------------------------------------------------------------------------------- runs


class StudyRun(Strict):
    """One study on one dataset."""

    study: Key
    dataset: Key
    extractors: list[str] = []
    """Backbones that replace the study's own; each becomes a feature set, and all of them fused one more."""
    weights: dict[str, WeightsSpec] = {}
    """Weights of single backbones: `imagenet`, `random` or `file:PATH`."""
    rungs: list[Rung] = []
    """Rungs of the ladder; default: every one that the dataset allows."""

    @field_validator("extractors")
    @classmethod
    def _once(cls, value: list[str]) -> list[str]:
        _refuse_twice(value)
        return value


class Run(Strict):
    """One configuration file: which studies, on which datasets, with which weights and budget."""

    name: Key
    """Results are written to `results/<name>`."""
    budget: Budget
    """`demo`: fewer epochs and simulated images, labelled wherever shown; `published`: the paper's own."""
    seed: Annotated[int, Field(ge=0)] = 0
    weights: WeightsSpec = "imagenet"
    """Weights of every backbone that `studies` does not give others."""
    engine: Engine = "auto"
    """What computes networks: `torch`, or `openvino` on a CPU; `auto` takes OpenVINO on a CPU and torch on a GPU."""
    precision: Precision = "float32"
    """`mixed`: half precision where a GPU is used and it serves."""
    studies: Annotated[list[StudyRun], Field(min_length=1)]

    @field_validator("studies")
    @classmethod
    def _once(cls, value: list[StudyRun]) -> list[StudyRun]:
        keys = [choice.study for choice in value]
        if twice := sorted({key for key in keys if keys.count(key) > 1}):
            raise ValueError(f"'{twice[0]}' is named twice; put the second into a run of its own")
        return value


# ----------------------------------------------------------------------------------------------------------- reading

SCHEMAS: dict[str, TypeAdapter[Any]] = {
    "run": TypeAdapter(Run),
    "dataset": TypeAdapter(Dataset),
    "study": TypeAdapter(Study),
}


def json_schema(name: str) -> dict[str, Any]:
    """JSON schema of a configuration file: ``run``, ``dataset`` or ``study``."""
    schema = SCHEMAS[name].json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": f"leukorepro {name}"}


def dataset_path(key: str) -> Path:
    """File that configures a dataset."""
    return CONFIG / "datasets" / f"{key}.yaml"


def study_path(key: str) -> Path:
    """File that configures a study."""
    return CONFIG / "studies" / f"{key}.yaml"


def published_path(key: str) -> Path:
    """Table of the numbers that a study's paper prints."""
    return CONFIG / "published" / f"{key}.csv"


def load_dataset(path: Path) -> AnyDataset:
    """Read and validate a dataset's configuration."""
    dataset: AnyDataset = parse(SCHEMAS["dataset"], read_yaml(path), path)
    return dataset


def load_study(path: Path) -> Study:
    """Read and validate a study's configuration."""
    return parse(Study, read_yaml(path), path)


def load_run(path: Path) -> Run:
    """Read and validate a run's configuration."""
    return parse(Run, read_yaml(path), path)
