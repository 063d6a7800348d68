"""The plan of a run: configuration put together, names looked up, paths given.

The Snakefile asks this module what to make; it must stay quick to import (no torch, no scikit-learn).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from leukorepro.config.datasets import SimulatedDataset
from leukorepro.config.files import dataset_path
from leukorepro.config.joined import JoinedDataset, StudiedDataset
from leukorepro.config.study.classifiers import ClassifierBase, linear_svm
from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import KFoldScheme
from leukorepro.config.study.study import Study
from leukorepro.config.study.systems import DescriptorSpec, TrainedFeaturesSpec
from leukorepro.core.errors import UserError, look_up, unknown
from leukorepro.core.store import sha256_once
from leukorepro.core.words import CELL_CONTROLS, Budget
from leukorepro.data.folders import walk
from leukorepro.features.descriptors.registry import SIZE_AND_COLOUR
from leukorepro.features.lookup import resolve_descriptor
from leukorepro.features.parts import Part, ResolvedDescriptor, ResolvedExtractor
from leukorepro.ladder.rungs import LADDER, PUBLISHED, Rung, honest_rung
from leukorepro.run.digests import digest
from leukorepro.run.paths import Results, StudyFolder
from leukorepro.run.resolved import ResolvedRun, ResolvedStudy

EVALUATION_TABLES = (
    "measured",
    "differences",
    "cell_level",
    "winners",
    "claims",
    "claim_comparisons",
    "calibration",
    "reliability",
    "decision",
    "subjects",
    "diagnosis",
)
"""Tables of numbers that follow from every study's predictions and the sizes of its splits."""


def evaluation_tables(study: ResolvedStudy) -> list[str]:
    """Tables of numbers that follow from the predictions of a study, that on what is held out where it tests it."""
    return [*EVALUATION_TABLES, *(["transfer"] if study.tests_held_out else [])]


def find_study(run: ResolvedRun, key: str) -> ResolvedStudy:
    """A run's study by its key.

    Parameters
    ----------
    run : ResolvedRun
        Whose studies are known by their keys, those that cannot run too.
    key : str
        That a user gave.

    Raises
    ------
    UserError
        If the run has no such study, or it cannot run.
    """
    for study in run.studies:
        if study.study.key == key:
            return study
    for left_out in run.left_out:
        if left_out.key == key:
            raise UserError(f"run '{run.name}': study '{key}' cannot run, because {left_out.told}.")
    raise UserError(f"run '{run.name}': {unknown('study', key, [s.study.key for s in run.studies])}")


def items_of(study: Study, split: str, feature_set: str) -> list[tuple[str, Item]]:
    """Items on a feature set and a split, each with its table.

    Parameters
    ----------
    study : Study
        Whose tables are looked through, in their order.
    split : str
        Name of one of its splits.
    feature_set : str
        Name of one of its feature sets.
    """
    return [
        (number, item)
        for number, table in study.tables.items()
        for item in table.items
        if table.split_of(item) == split and item.features == feature_set
    ]


def classified_items(study: Study, split: str, feature_set: str) -> list[tuple[str, Item]]:
    """Those of the items whose classifiers one job fits; networks have jobs of their own.

    Parameters
    ----------
    study : Study
        Whose tables are looked through, in their order.
    split : str
        Name of one of its splits.
    feature_set : str
        Name of one of its feature sets.
    """
    return [(number, item) for number, item in items_of(study, split, feature_set) if not study.is_network(item)]


def feature_file(study: ResolvedStudy, feature_set: str) -> str:
    """File that holds a feature set, below its dataset's folder: one part's own, or several of them fused.

    Parameters
    ----------
    study : ResolvedStudy
        With the names of its feature files.
    feature_set : str
        Name of one of its feature sets.
    """
    ids = parts_of_feature_set(study, feature_set)
    return f"{ids[0]}.h5" if len(ids) == 1 else f"fused/{'+'.join(ids)}.h5"


def parts_of_feature_set(study: ResolvedStudy, feature_set: str) -> list[str]:
    """Ids of the extractors and descriptors that a feature set puts side by side.

    Parameters
    ----------
    study : ResolvedStudy
        With the names of its feature files.
    feature_set : str
        Name of one of its feature sets.
    """
    return [study.feature_files[name] for name in study.study.feature_sets[feature_set]]


def parts_of_item(study: ResolvedStudy, item: Item) -> list[str]:
    """Ids of what an item is computed from: of a network that is trained further, of what it is trained on.

    Parameters
    ----------
    study : ResolvedStudy
        With the networks of it that are trained further.
    item : Item
        Of one of its tables.
    """
    tuning = study.tunings.get(item.features, {}).get(item.classifier)
    return parts_of_feature_set(study, item.features) if tuning is None else [tuning.input.id]


def used_parts(study: ResolvedStudy) -> list[str]:
    """Ids of all that the items of a study are computed from."""
    items = [item for table in study.study.tables.values() for item in table.items]
    return list(dict.fromkeys(part for item in items for part in parts_of_item(study, item)))


def parts_of(run: ResolvedRun, study: ResolvedStudy) -> dict[str, Part]:
    """All that features of a study are made by in a run, by the names of their files, without the ending.

    Parameters
    ----------
    run : ResolvedRun
        Its controls may measure cells.
    study : ResolvedStudy
        One of the run's.
    """
    cells = cell_descriptor(run, study)
    return study.parts if cells is None else {**study.parts, cells.id: cells}


def made_parts(run: ResolvedRun, study: ResolvedStudy) -> list[str]:
    """Ids of all that the items of a study and its controls are computed from.

    Parameters
    ----------
    run : ResolvedRun
        Its controls may measure cells.
    study : ResolvedStudy
        One of the run's.
    """
    cells = cell_descriptor(run, study)
    return used_parts(study) if cells is None else list(dict.fromkeys([*used_parts(study), cells.id]))


def check_feature_file(run: ResolvedRun, file: Path) -> None:
    """See that a run makes a feature file.

    Parameters
    ----------
    run : ResolvedRun
    file : Path
        Below `results/features`, as `<dataset>/<part>.h5` or `<dataset>/fused/<part>+<part>.h5`.

    Raises
    ------
    UserError
        If it does not, with the features that it has.
    """
    where = (
        f"{file}: the run '{run.name}' makes no such file; where dvc.yaml asks for it, write that again with "
        "`leukorepro config dvc`"
    )
    dataset = file.relative_to(Results().root / "features").parts[0]
    parts: dict[str, dict[str, object]] = {}
    for study in run.studies:
        for name in {study.dataset_id, *(part.id for part in study.placed)}:
            parts.setdefault(name, {}).update(parts_of(run, study))
    known = look_up(parts, dataset, "dataset", where)
    for part in file.stem.split("+"):
        look_up(known, part, "features", where)


def views_of(run: ResolvedRun, dataset_id: str, part_id: str) -> list[str]:
    """Views that the run needs of an extractor or a descriptor on a dataset, `identity` first.

    Files that are fused hold the same rows; what is used together has the same views. Of a dataset that is held out as
    another one's, originals alone are tested; but what random weights see of both at once has the same views.

    Parameters
    ----------
    run : ResolvedRun
        All its studies are asked.
    dataset_id : str
        Of one dataset, or of two as one.
    part_id : str
        Of the extractor or the descriptor.
    """
    joined = {part_id}
    uses = [
        (
            parts,
            study.study.splits[split].views
            if dataset_id in (study.dataset_id, study.own.id) or study.random_weights
            else ["identity"],
        )
        for study in run.studies
        if dataset_id in (study.dataset_id, *(part.id for part in study.placed))
        for parts, split in _uses(run, study)
    ]
    while more := {part for parts, _ in uses if parts & joined for part in parts} - joined:
        joined |= more
    return list(dict.fromkeys(view for parts, views in uses if parts & joined for view in views))


def _uses(run: ResolvedRun, study: ResolvedStudy) -> Iterator[tuple[set[str], str]]:
    """What is computed from parts of a study: ids of the parts, and the split."""
    for table in study.study.tables.values():
        yield from ((set(parts_of_item(study, item)), table.split_of(item)) for item in table.items)
    if (cells := cell_descriptor(run, study)) is not None:
        yield {cells.id}, headline_of(study).split


def reducers_of(study: ResolvedStudy, split: str, feature_set: str) -> list[str]:
    """Reducers that a study's classified items apply to a feature set.

    Parameters
    ----------
    study : ResolvedStudy
        Whose tables are looked through, in their order.
    split : str
        Name of one of its splits.
    feature_set : str
        Name of one of its feature sets.
    """
    names = [item.reducer for _, item in classified_items(study.study, split, feature_set)]
    return list(dict.fromkeys(name for name in names if name is not None))


def splits_of(study: ResolvedStudy, feature_set: str) -> list[str]:
    """Splits that the classified items on a feature set use.

    Parameters
    ----------
    study : ResolvedStudy
        Whose tables are looked through, in their order.
    feature_set : str
        Name of one of its feature sets.
    """
    return list(
        dict.fromkeys(
            table.split_of(item)
            for table in study.study.tables.values()
            for item in table.items
            if item.features == feature_set and not study.study.is_network(item)
        )
    )


def used_feature_sets(study: ResolvedStudy) -> list[str]:
    """Feature sets that the items of a study use, in the order of its tables."""
    return list(dict.fromkeys(item.features for table in study.study.tables.values() for item in table.items))


def classified_feature_sets(study: ResolvedStudy) -> list[str]:
    """Those of the used feature sets that have classified items."""
    return [name for name in used_feature_sets(study) if splits_of(study, name)]


def used_splits(study: ResolvedStudy) -> list[str]:
    """Splits that the items of a study use, in the order of its tables."""
    tables = study.study.tables.values()
    return list(dict.fromkeys(table.split_of(item) for table in tables for item in table.items))


class NetworkFit(NamedTuple):
    """A network that a study trains on a split."""

    split: str
    features: str
    reducer: str | None
    classifier: str

    @property
    def id(self) -> str:
        """Name of its folder."""
        return "-".join(part for part in self if part is not None)


def networks_of(study: ResolvedStudy) -> dict[str, NetworkFit]:
    """Networks that the items of a study need, by their ids."""
    fits = [
        NetworkFit(table.split_of(item), item.features, item.reducer, item.classifier)
        for table in study.study.tables.values()
        for item in table.items
        if study.study.is_network(item)
    ]
    return {fit.id: fit for fit in fits}


def training_rung(study: ResolvedStudy, fit: NetworkFit, rung: Rung) -> Rung:
    """Rung whose training serves a rung.

    Without an autoencoder nothing is fitted before the network, so that a rung that changes fits only is the published
    one again.

    Parameters
    ----------
    study : ResolvedStudy
        With the rungs that it runs on.
    fit : NetworkFit
        One of its networks.
    rung : Rung
        Where the network is tested.
    """
    shared = LADDER[rung].changes_fits_only and fit.reducer is None and PUBLISHED in study.protocols
    return PUBLISHED if shared else rung


def network_of_features(study: ResolvedStudy, split: str, feature_set: str, reducer: str) -> NetworkFit | None:
    """Network whose features a reducer gives; None where it is fitted itself.

    Parameters
    ----------
    study : ResolvedStudy
        With its reducers.
    split : str
        Name of one of its splits.
    feature_set : str
        Name of the feature set that the network is trained on.
    reducer : str
        Name of one of its reducers.
    """
    spec = study.study.reducers[reducer]
    return NetworkFit(split, feature_set, None, spec.network) if isinstance(spec, TrainedFeaturesSpec) else None


def reducer_rung(study: ResolvedStudy, split: str, feature_set: str, reducer: str, rung: Rung) -> Rung:
    """Rung whose fitted reducer serves a rung: of a network's features, the rung that the network is trained on.

    Parameters
    ----------
    study : ResolvedStudy
        With its reducers and the rungs that it runs on.
    split : str
        Name of one of its splits.
    feature_set : str
        Name of one of its feature sets.
    reducer : str
        Name of one of its reducers.
    rung : Rung
        Where an item with that reducer is tested.
    """
    network = network_of_features(study, split, feature_set, reducer)
    return rung if network is None else training_rung(study, network, rung)


def training_files(study: ResolvedStudy, folder: StudyFolder, rung: Rung) -> list[str]:
    """What trainings on a rung leave that the report shows: fitted reducers, epochs.

    Parameters
    ----------
    study : ResolvedStudy
        Whose reducers and networks are meant.
    folder : StudyFolder
        Its folder in the run.
    rung : Rung
        That they are trained on; what serves it from another rung is not among them.
    """
    reducers = {
        str(folder.reducer(rung, table.split_of(item), item.features, item.reducer)): None
        for table in study.study.tables.values()
        for item in table.items
        if item.reducer is not None
        and not isinstance(study.study.reducers[item.reducer], TrainedFeaturesSpec)  # its losses are the network's
    }
    networks = [
        str(folder.network(rung, name).epochs)
        for name, fit in networks_of(study).items()
        if training_rung(study, fit, rung) == rung
    ]
    return [*reducers, *networks]


def fits_per_seed(run: ResolvedRun) -> int:
    """Classifiers, networks and autoencoders that are fitted for each seed of a run, at most."""
    n = 0
    for study in run.studies:
        items = {
            (table.split_of(item), item.features, item.reducer, item.classifier)
            for table in study.study.tables.values()
            for item in table.items
        }
        reduced = {(*fit[:3], None) for fit in items if fit[2] is not None}
        for split, _, reducer, classifier in [*items, *reduced]:
            scheme = study.study.splits[split]
            parts = scheme.n_splits if isinstance(scheme, KFoldScheme) else scheme.turns
            for protocol in study.protocols.values():
                folds = 1 if protocol.tests_held_out_part else parts * scheme.repeats
                n += 1 if classifier is None and reducer is not None and protocol.scope == "all" else folds
    return n


def cost_of_seeds(run: ResolvedRun) -> str:
    """What the seeds of a run cost, in one line: said before it starts."""
    once = fits_per_seed(run)
    return (
        f"seeds: {run.seeds}: every split is drawn, and everything on it fitted, {run.seeds} times: up to "
        f"{run.seeds * once:,} fits instead of {once:,}; features are computed once, controls and explanations are of "
        "the first seed"
    )


def explained_rungs(run: ResolvedRun, study: ResolvedStudy) -> list[Rung]:
    """The published rung and the honest one, where the run explains its headlines and has both; else none.

    Parameters
    ----------
    run : ResolvedRun
        It says whether anything is explained.
    study : ResolvedStudy
        One of the run's.
    """
    honest = honest_rung(study.protocols)
    return [PUBLISHED, honest] if run.explain and honest is not None and PUBLISHED in study.protocols else []


def tying_duplicates(run: ResolvedRun, study: ResolvedStudy) -> Path | None:
    """Near-duplicates of a study's dataset, where the run lets them tie groups.

    Parameters
    ----------
    run : ResolvedRun
        It says whether near-duplicates tie groups.
    study : ResolvedStudy
        One of the run's.

    Returns
    -------
    Path or None
        The record of duplicates; None where they tie nothing.
    """
    return Results().duplicates(study.dataset_id) if run.group_near_duplicates else None


def study_results(run: ResolvedRun, study: ResolvedStudy, folder: StudyFolder | None = None) -> list[str]:
    """What is said of a study: predictions and leaks on every rung, then its tables of numbers.

    Parameters
    ----------
    run : ResolvedRun
    study : ResolvedStudy
    folder : StudyFolder, optional
        The study's, where it is not the usual one of the run.
    """
    folder = folder or Results().study(run.name, study.study.key)
    of_rungs = [
        file
        for rung in study.protocols
        for file in (folder.predictions(rung), folder.fitting(rung), folder.leakage(rung))
    ]
    controls = ["controls"] if study.study.key in run.controls else []
    tables = [*evaluation_tables(study), "metrics", "verdicts", *controls]
    explained = folder.explanations.files if explained_rungs(run, study) else []
    groups = [folder.groups] if run.group_near_duplicates else []
    return [str(file) for file in (*of_rungs, *map(folder.table, tables), *groups, *explained)]


def items_of_network(study: ResolvedStudy, fit: NetworkFit) -> list[tuple[str, Item]]:
    """Items of a network, each with its table.

    Parameters
    ----------
    study : ResolvedStudy
        Whose tables are looked through, in their order.
    fit : NetworkFit
        One of its networks.
    """
    return [
        (number, item)
        for number, item in items_of(study.study, fit.split, fit.features)
        if (item.reducer, item.classifier) == (fit.reducer, fit.classifier)
    ]


class HeadlineItem(NamedTuple):
    """The item that a study's paper is quoted for."""

    table: str
    item: Item
    split: str


def headline_of(study: ResolvedStudy) -> HeadlineItem:
    """The item that a study's paper is quoted for, with its table and its split."""
    number, _, name = study.study.headline.partition("/")
    table = study.study.tables[number]
    item = next(item for item in table.items if item.item == name)
    return HeadlineItem(number, item, table.split_of(item))


def cell_descriptor(run: ResolvedRun, study: ResolvedStudy) -> ResolvedDescriptor | None:
    """What measures the size and the colour of cells, where the run asks for a control that sees these alone.

    Parameters
    ----------
    run : ResolvedRun
        It says which controls each study has.
    study : ResolvedStudy
        One of the run's.

    Returns
    -------
    ResolvedDescriptor or None
        None where the run asks for no such control.
    """
    if not set(CELL_CONTROLS) & set(run.controls.get(study.study.key, [])):
        return None
    return resolve_descriptor(DescriptorSpec(descriptor=SIZE_AND_COLOUR), "controls", run.budget)


class ControlSystem(NamedTuple):
    """What the controls of a study put in the place of its headline."""

    table: str
    item: Item
    split: str
    classifier: ClassifierBase
    note: str
    """How it differs from the headline; empty where it is the headline itself."""


def controlled_system(run: ResolvedRun, study: ResolvedStudy) -> ControlSystem | None:
    """The `control_system` of a study, where the run asks for a control of its classifier.

    Parameters
    ----------
    run : ResolvedRun
        It says which controls each study has.
    study : ResolvedStudy
        One of the run's.

    Returns
    -------
    ControlSystem or None
        None where the run asks for no such control.
    """
    return control_system(study) if set(run.controls.get(study.study.key, [])) - set(CELL_CONTROLS) else None


def control_system(study: ResolvedStudy) -> ControlSystem:
    """The headline where its classifier is no network of its own, else what comes next to it and trains none.

    That is the study's first item with another kind of classifier or, where it has none, the headline with a linear
    support vector machine in the network's place.
    """
    tables = study.study.tables
    number, headline, split = headline_of(study)
    for key, item in [(number, headline), *((key, item) for key, table in tables.items() for item in table.items)]:
        spec = study.study.classifiers[item.classifier]
        if isinstance(spec, ClassifierBase):
            note = "" if item is headline else f"in place of the headline, whose {headline.classifier} is a network"
            return ControlSystem(key, item, tables[key].split_of(item), spec, note)
    note = f"a linear support vector machine in place of the network {headline.classifier}"
    return ControlSystem(number, headline, split, linear_svm(), note)


class Found(NamedTuple):
    """A dataset of a run, or two of them as one."""

    id: str
    dataset: StudiedDataset
    images: Path

    @property
    def simulated(self) -> bool:
        """Whether the workflow draws its images itself."""
        return isinstance(self.dataset, SimulatedDataset)

    @property
    def parts(self) -> tuple[Found, ...]:
        """Of two datasets each; else itself."""
        if isinstance(self.dataset, JoinedDataset):
            return tuple(Found(part.id, part.dataset, part.images) for part in self.dataset.parts)
        return (self,)


def datasets_of(run: ResolvedRun) -> dict[str, Found]:
    """Datasets of a run by their ids: those that its studies run on, and of two that are joined each."""
    whole = [Found(study.dataset_id, study.dataset, study.images) for study in run.studies]
    return {one.id: one for both in whole for one in (both, *both.parts)}


def joins_features(part: Part) -> bool:
    """Whether the features of two datasets are put together from those of each.

    Random weights have statistics that are set on images of the dataset: two datasets would be seen by two networks.
    """
    return not (isinstance(part, ResolvedExtractor) and part.weights == "random")


def dataset_file(found: Found, budget: Budget) -> Path:
    """Configuration of a dataset; of two, what the run wrote of them.

    Parameters
    ----------
    found : Found
        A dataset of the run, or two as one.
    budget : {'demo', 'published'}
        Of the run: the ids of simulated datasets end with it.
    """
    if isinstance(found.dataset, JoinedDataset):
        return Results().joined(found.id)
    return dataset_path(found.id.removesuffix(f"-{budget}") if found.simulated else found.id)


def dataset_files(study: ResolvedStudy, budget: Budget) -> list[Path]:
    """Configurations of a study's dataset, or of both.

    Parameters
    ----------
    study : ResolvedStudy
        On one dataset, or on two as one.
    budget : {'demo', 'published'}
        Of the run.
    """
    return [dataset_file(Found(part.id, part.dataset, part.images), budget) for part in study.placed]


def sources_of(found: Found) -> list[Path]:
    """What the scan of a dataset reads: the folder of its images, and the tables that say something of them.

    Empty for simulated images, which the workflow makes itself.
    """
    parts = [part for part in found.parts if not part.simulated]
    return [*(part.images for part in parts), *(file for part in parts for file in part.dataset.files_beside)]


def fingerprint(found: Found) -> str:
    """Digest of names, sizes and times of a dataset's files, and of the tables beside them by content.

    A changed dataset is scanned again, but not where only hidden files have changed, such as thumbnails that a storage
    system makes. Empty for simulated images, which the workflow makes itself; of two datasets, those of both.
    """
    told = [_fingerprint(part) for part in found.parts]
    return told[0] if len(told) == 1 else digest(told)


def _fingerprint(found: Found) -> str:
    sources = sources_of(found)
    if not sources:
        return ""
    images, *tables = sources
    entries = [(file, *_size_and_time(f"{images}/{file}")) for file in walk(images).files]
    return digest(entries, [sha256_once(table) for table in tables])


def _size_and_time(path: str) -> tuple[int, int]:
    """Of a file; a link to nothing or to itself is listed too, and has none."""
    try:
        status = os.stat(path)  # noqa: PTH116 - ten thousand files, at each start
    except OSError:
        return -1, -1
    return status.st_size, status.st_mtime_ns
