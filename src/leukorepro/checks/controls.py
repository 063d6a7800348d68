"""Controls: what a study's classifier says where there is nothing to learn, and what its features say of subjects.

**Shuffled labels.** The classifier is fitted and tested on the study's own splits, with labels dealt out anew. What
keeps its label is a unit, all of whose images, and all of whose augmented copies, get one label together:

- a *source*: a photograph with its copies. Classes are then tied to nothing but single photographs. A split that parts
  copies of a photograph is above chance; one that keeps them together is at chance, whatever it does to subjects.
- a *subject*: a group of images that share a subject or a source. Classes are then tied to subjects alone. A split that
  parts the images of a subject is above chance if subjects can be recognised in the features; one that keeps them
  together is at chance. This is the test of Chaibub Neto et al. (npj Digital Medicine 2:99, 2019), who permute labels
  over subjects to see how far a classifier answers with the subject instead of the disease.

Labels are permuted over the units, once for all rungs, so that rungs differ in nothing but their splits. The splits
are those of the run, made by the true labels. Autoencoders see no labels and are those of the run, too; what they have
seen of test rows is not a leak that this control can show.

**Subject identity.** A linear classifier on the same features is to name the subject. Every fold holds a part of every
subject's photographs; those of one photograph stay together, so that it is the subject that is recognised (Saeb et al.,
GigaScience 6(5), 2017).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Literal

import h5py
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import LabelSet, Protocol
from leukorepro.core.errors import UserError
from leukorepro.core.store import hdf5_reader
from leukorepro.data.groups import groups
from leukorepro.data.splits import classes_of
from leukorepro.features.fusion import Features
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.classify import classify, reduced
from leukorepro.systems.classifiers.engines import Settings
from leukorepro.systems.classifiers.kernels import StoredRows
from leukorepro.systems.classifiers.kinds.svm import SvmSpec
from leukorepro.systems.classifiers.shared import Shared
from leukorepro.systems.classifiers.tasks import Task
from leukorepro.systems.fitted import check_fitted_on

LabelUnit = Literal["source", "subject"]


class NotPossible(UserError):
    """A control that these images or splits do not allow, and why."""


SHUFFLES = 10
"""Times that labels are dealt out."""

DRAWS = 1000
"""Times that one of these is tried, where training parts are left without a class."""

FOLDS = 5
"""Most parts that a subject's photographs are dealt out into, for its recognition."""

LINEAR = SvmSpec(kind="svm", kernel="linear")
"""What is to recognise subjects: scaled features, a linear support vector machine."""


@dataclass(frozen=True)
class Controlled:
    """What a control is made of, as the run has it.

    Attributes
    ----------
    study, dataset : str
    table : str
    item : Item
    classifier : Classifier
        The item's.
    features : Features
        Of its feature set; the matrix may be mapped.
    manifest : DataFrame
    label_set : LabelSet or None
    positive_class : str or None
        With two classes, the one that high scores speak for.
    """

    study: str
    dataset: str
    table: str
    item: Item
    classifier: Classifier
    features: Features
    manifest: pd.DataFrame
    label_set: LabelSet | None
    positive_class: str | None


@dataclass(frozen=True)
class Place:
    """A rung: its protocol, its split table and, where the item has one, its fitted reducer."""

    protocol: Protocol
    splits: pd.DataFrame
    reducer: Path | None = None


def shuffle_labels(
    images: pd.DataFrame, unit: LabelUnit, splits: Sequence[pd.DataFrame], seed: int, shuffle: int
) -> NDArray[np.object_]:
    """Labels permuted over sources or subjects.

    Parameters
    ----------
    images : DataFrame
        Columns image_id, label, subject_id, source_id, one row per image.
    unit : {'source', 'subject'}
        What has one label; a unit of several classes takes part with its most frequent one.
    splits : sequence of DataFrame
        Split tables in which every training part must hold every class.
    seed, shuffle : int
        Of the run, and which of its permutations.

    Returns
    -------
    ndarray of str, shape (n_images,)

    Raises
    ------
    NotPossible
        If no permutation leaves every training part with every class.
    """
    number = _unit_of(images, unit)
    labels = images["label"].groupby(number).agg(lambda of_unit: of_unit.mode().iloc[0]).to_numpy(dtype=object)
    trained = [_trained(table, images["image_id"]) for table in splits]
    generator = np.random.default_rng([seed, shuffle])
    for _ in range(DRAWS):
        dealt: NDArray[np.object_] = generator.permutation(labels)[number]
        if all(len(set(dealt[fold])) == len(set(labels)) for folds in trained for fold in folds):
            return dealt
    raise NotPossible(
        f"no way of shuffling labels over {len(labels)} {unit}s was found that leaves every training part with every "
        "class; use fewer folds, or leave `shuffled_labels` out of the run's `controls`."
    )


def classify_shuffled(
    controlled: Controlled, places: Sequence[Place], unit: LabelUnit, settings: Settings, n_shuffles: int = SHUFFLES
) -> pd.DataFrame:
    """Predictions of an item's classifier on labels shuffled over sources or subjects.

    Parameters
    ----------
    controlled : Controlled
        Study, item and classifier, and the features that it takes.
    places : sequence of Place
        Rungs.
    unit : {'source', 'subject'}
        What has one label: a source image, or a subject.
    settings : Settings
        Its seed draws the permutations, too.
    n_shuffles : int, optional
        Permutations, each of which is classified on every rung.

    Returns
    -------
    DataFrame
        Predictions of tested rows, `y_true` being the label that was dealt; `shuffle` numbers the permutations, and
        `repeat` the repeats of all of them.

    Raises
    ------
    NotPossible
        If labels cannot be shuffled (`shuffle_labels`), or images have no subject and `unit` asks for them.
    """
    images, tables = usable(controlled), [place.splits for place in places]
    dealt = [shuffle_labels(images, unit, tables, settings.seed, shuffle) for shuffle in range(n_shuffles)]
    shared = Shared(controlled.features)
    parts = {}
    for (rung, place), (shuffle, labels) in product(enumerate(places), enumerate(dealt)):
        repeats = int(place.splits["repeat"].max()) + 1
        rows = predict(controlled, place, images.assign(label=labels), controlled.positive_class, settings, shared)
        parts[shuffle, rung] = rows.assign(shuffle=shuffle, repeat=shuffle * repeats + rows["repeat"])
    return pd.concat([parts[place] for place in sorted(parts)], ignore_index=True)


def recognise_subjects(controlled: Controlled, place: Place, settings: Settings) -> pd.DataFrame:
    """Predictions of the subject of an image, from what an item's classifier sees of it.

    Parameters
    ----------
    controlled : Controlled
    place : Place
        A rung: the images of its split table take part, and its reducer's first fit gives the features where the item
        has one.
    settings : Settings

    Returns
    -------
    DataFrame
        Predictions of original images, once each, `y_true` and `y_pred` being subjects. Subjects with too few
        photographs for the folds are not in it.

    Raises
    ------
    NotPossible
        If images have no subject, or subjects too few photographs (`subject_splits`).
    """
    images = usable(controlled)
    images = images[images["image_id"].isin(place.splits.loc[place.splits["role"] != "excluded", "image_id"])]
    _check_subjects(images)
    images = images.assign(label=images["subject_id"])
    splits = subject_splits(images, settings.seed)
    first = splits["subject_id"].min()
    as_seen = Place(Protocol(rung=place.protocol.rung, unit="source", scope="train"), splits)
    item = controlled.item.model_copy(update={"reducer": None})
    features = _as_seen(controlled, place, splits)
    seen = replace(controlled, item=item, classifier=LINEAR, features=features)
    return predict(seen, as_seen, images, first, settings)


def subject_splits(images: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Split table in which every fold tests a part of every subject's photographs and trains on the others.

    Parameters
    ----------
    images : DataFrame
        Columns image_id, subject_id, source_id.
    seed : int
        Of the draw of photographs for each fold.

    Returns
    -------
    DataFrame with columns image_id, view, role, repeat, fold, subject_id
        There are as many folds, `FOLDS` at most, as half of the subjects have photographs; subjects with fewer, and
        photographs of several subjects, are left out.

    Raises
    ------
    NotPossible
        If fewer than two folds are possible, or fewer than two subjects are left.
    """
    shared = images.groupby("source_id")["subject_id"].transform("nunique") > 1
    pair = ["subject_id", "source_id"]
    sources = images.loc[~shared, pair].drop_duplicates().sort_values(pair)
    of_subject = sources.groupby("subject_id")["source_id"].transform("size")
    n_folds = min(FOLDS, int(sources.groupby("subject_id").size().median())) if len(sources) else 0
    sources = sources[of_subject >= n_folds]
    if n_folds < 2 or sources["subject_id"].nunique() < 2:
        raise NotPossible(
            "half of the subjects have one photograph only, or there are fewer than two subjects; recognising subjects "
            "takes several photographs of each."
        )
    parts = StratifiedKFold(n_folds, shuffle=True, random_state=seed).split(sources, sources["subject_id"])
    tables = []
    for fold, (_, test) in enumerate(parts):
        tested = set(sources["source_id"].iloc[test])
        table = images.loc[images["source_id"].isin(sources["source_id"]), ["image_id", "subject_id", "source_id"]]
        role = np.where(table["source_id"].isin(tested), "test", "train")
        tables.append(table.drop(columns="source_id").assign(view="identity", role=role, repeat=0, fold=fold))
    return pd.concat(tables, ignore_index=True)


def predict(
    controlled: Controlled,
    place: Place,
    manifest: pd.DataFrame,
    positive_class: str | None,
    settings: Settings,
    shared: Shared | None = None,
) -> pd.DataFrame:
    """Predictions of one item on one rung, the classes being the labels of a manifest.

    Parameters
    ----------
    controlled : Controlled
        Study, item and classifier, and the features that it takes.
    place : Place
        The rung, its split table, and the fitted reducer where the item has one.
    manifest : DataFrame
        Images with the labels that are to be learned, true ones or permuted.
    positive_class : str or None
        The class whose score is kept; None where there are more than two.
    settings : Settings
        Threads, device and seed of the fits.
    shared : Shared, optional
        What several predictions of the same rows have in common and is computed once; None: nothing.

    Returns
    -------
    DataFrame
        A row for each tested image and view, as in `predictions.parquet`.
    """
    item = controlled.item
    task = Task(
        study=controlled.study,
        dataset=controlled.dataset,
        protocol=place.protocol,
        positive_class=positive_class,
        items=[(controlled.table, item)],
    )
    reducers: Mapping[str, Path] = {item.reducer: place.reducer} if item.reducer and place.reducer else {}
    classifiers = {item.classifier: controlled.classifier}
    done = classify(task, controlled.features, place.splits, manifest, classifiers, reducers, settings, shared)
    return done.predictions.drop(columns="role")


def usable(controlled: Controlled) -> pd.DataFrame:
    """Images that can be read, with the classes of the item's split as labels."""
    usable = controlled.manifest[controlled.manifest["status"] == "ok"].reset_index(drop=True)
    return usable.assign(label=classes_of(usable["label"], controlled.label_set))


def _unit_of(images: pd.DataFrame, unit: LabelUnit) -> NDArray[np.intp]:
    """Number of the source or the group of every image."""
    if unit == "source":
        return pd.factorize(images["source_id"])[0]
    _check_subjects(images)
    return groups(images["subject_id"], images["source_id"])


def _check_subjects(images: pd.DataFrame) -> None:
    if (missing := int((images["subject_id"] == "").sum())) > 0:
        raise NotPossible(f"{missing} of {len(images)} images have no subject.")


def _trained(splits: pd.DataFrame, image_id: pd.Series[str]) -> list[NDArray[np.intp]]:
    """Positions of the images that each fold of a split table trains on."""
    position = pd.Series(np.arange(len(image_id)), index=image_id.to_numpy())
    trained = splits[splits["role"] == "train"].drop_duplicates(["repeat", "fold", "image_id"])
    return [position[fold["image_id"]].to_numpy() for _, fold in trained.groupby(["repeat", "fold"])]


def _as_seen(controlled: Controlled, place: Place, splits: pd.DataFrame) -> Features:
    """The rows of a split table as the item's classifier sees them: by the first fit of its reducer, if it has one."""
    features = controlled.features
    used = np.unique(features.row_numbers(splits))
    whole = StoredRows(features.matrix, used)
    if place.reducer is not None:
        check_fitted_on(place.reducer, features, place.splits, place.protocol)
    matrix = whole.matrix if place.reducer is None else reduced(place.reducer, _first_fit(place.reducer), used, whole)
    return Features(matrix, features.rows.iloc[used].reset_index(drop=True))


def _first_fit(reducer: Path) -> str:
    """The first fit in a reducer's file: the one on all rows, or that of the first fold."""
    with hdf5_reader(reducer) as file:
        return min(str(name) for name, group in file.items() if isinstance(group, h5py.Group))
