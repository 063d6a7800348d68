"""The system that is meant: an item of a study on a rung of a finished run, of one fold or of all rows."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from leukorepro.config.study.classifiers import ClassifierBase
from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import LabelSet, Protocol
from leukorepro.config.study.training import ClassifierTrainingSpec
from leukorepro.core.errors import UserError, did_you_mean, some, unknown
from leukorepro.features.parts import Part, Tuning
from leukorepro.ladder.rungs import Rung
from leukorepro.run import plan
from leukorepro.run.paths import Results, StudyFolder
from leukorepro.run.resolved import ResolvedRun, ResolvedStudy


@dataclass(frozen=True)
class Choice:
    """What is to be fitted.

    Attributes
    ----------
    run : ResolvedRun
    study : ResolvedStudy
    table : str
    item : Item
    rung : str
    fold : int or None
        Whose training rows it is fitted on, of the first repeat; None: on all rows that the rung allows.
    results : Results
        Where the run's files lie.
    """

    run: ResolvedRun
    study: ResolvedStudy
    table: str
    item: Item
    rung: Rung
    fold: int | None
    results: Results

    @property
    def name(self) -> str:
        """What the model is called."""
        fold = [] if self.fold is None else [f"fold{self.fold}"]
        return "-".join([self.study.study.key, self.table, self.item.item, self.rung, *fold])

    @property
    def folder(self) -> StudyFolder:
        """Where the study's results lie."""
        return self.results.study(self.run.name, self.study.study.key)

    @property
    def split(self) -> str:
        """Name of the split."""
        return self.study.study.tables[self.table].split_of(self.item)

    @property
    def protocol(self) -> Protocol:
        """What the rung means for this study."""
        return self.study.protocols[self.rung]

    @property
    def label_set(self) -> LabelSet | None:
        """Classes of the split, where they are not the dataset's own."""
        return self.study.label_set_of(self.split)

    @property
    def positive_class(self) -> str | None:
        """With two classes, the one that high scores speak for."""
        return self.study.positive_class_of(self.split)

    @property
    def classifier(self) -> ClassifierBase | ClassifierTrainingSpec:
        """Its specification."""
        return self.study.study.classifiers[self.item.classifier]

    @property
    def tuning(self) -> Tuning | None:
        """How a backbone is trained further, where the classifier is one."""
        return self.study.tunings.get(self.item.features, {}).get(self.item.classifier)

    @property
    def parts(self) -> tuple[Part, ...]:
        """What computes the system's rows, in the order of their columns."""
        return tuple(self.study.parts[name] for name in plan.parts_of_item(self.study, self.item))

    @property
    def features(self) -> Path:
        """File of the rows."""
        file = plan.feature_file(self.study, self.item.features)
        tuning = self.tuning
        return self.results.features(self.study.dataset_id) / (file if tuning is None else f"{tuning.input.id}.h5")

    @property
    def manifest(self) -> Path:
        """The dataset's manifest."""
        return self.results.manifest(self.study.dataset_id)

    @property
    def duplicates(self) -> Path | None:
        """Near-duplicates of the dataset, where the run lets them tie groups."""
        return self.results.duplicates(self.study.dataset_id) if self.run.group_near_duplicates else None


def choose(
    run: ResolvedRun, study: str, item: str, rung: Rung, fold: int | None = None, results: Results | None = None
) -> Choice:
    """Look up what is named.

    Parameters
    ----------
    run : ResolvedRun
    study : str
        Its key.
    item : str
        ``TABLE/ITEM``, or the item alone where no other table has one of that name.
    rung : str
        By its key.
    fold : int, optional
        Counted from 0.
    results : Results, optional

    Returns
    -------
    Choice
        The item with its study and run, and where the run's files lie.

    Raises
    ------
    UserError
        If the run has no such study, item or rung, with those that it has.
    """
    found = plan.find_study(run, study)
    table, chosen = _find_item(run, found, item)
    if rung not in found.protocols:
        if rung in found.left_out:
            raise UserError(f"--rung: study '{study}' has no {rung} here: {found.left_out[rung]}.")
        raise UserError(f"--rung: {unknown('rung', rung, found.protocols)}")
    return Choice(run, found, table, chosen, rung, fold, results or Results())


def _find_item(run: ResolvedRun, study: ResolvedStudy, given: str) -> tuple[str, Item]:
    items = {f"{number}/{item.item}": (number, item) for number, t in study.study.tables.items() for item in t.items}
    if given in items:
        return items[given]
    named = [name for name, (_, item) in items.items() if item.item == given]
    if len(named) == 1:
        return items[named[0]]
    if named:
        raise UserError(f"--item: '{given}' is in several tables; say {' or '.join(named)}.")
    if given in study.left_out_items:
        raise UserError(f"--item: '{given}' did not run in '{run.name}', because {study.left_out_items[given]}.")
    raise UserError(
        f"--item: unknown item '{given}' of study '{study.study.key}'. Known: {some(items, 12)}."
        f"{did_you_mean(given, items)}"
    )
