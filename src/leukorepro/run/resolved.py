"""What a run comes to once its dataset, its studies and its own choices are put together.

`leukorepro.run.plan` makes these from the configuration; they are written beside the results as ``config.json``, and
the report reads nothing else of the configuration.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from leukorepro.config.datasets import SimulatedDataset
from leukorepro.config.fields import Strict
from leukorepro.config.joined import JoinedDataset, PlacedDataset, StudiedDataset
from leukorepro.config.run_files import how_to_finish, is_file_of_run, known_runs
from leukorepro.config.study.claims import LeftOutClaim
from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import LabelSet, Protocol
from leukorepro.config.study.study import Citation, Study
from leukorepro.config.study.systems import TrainedFeaturesSpec
from leukorepro.config.study.unstated import Unstated
from leukorepro.core.errors import UserError
from leukorepro.core.places import check_file
from leukorepro.core.store import read_json
from leukorepro.core.validation import parse, read_yaml
from leukorepro.core.words import Budget, Control, Engine, Precision
from leukorepro.features.backbones.registry import title_of
from leukorepro.features.parts import Part, ResolvedDescriptor, ResolvedExtractor, Tuning
from leukorepro.ladder.rungs import EXTERNAL, Rung
from leukorepro.run.kept_items import NOT_IN_THIS_RUN
from leukorepro.run.paths import Results

SIMULATED = "Simulated images: no number here says anything about patients."
RANDOM_WEIGHTS = "Random network weights: features are not those of trained networks"


class Harmonised(Strict):
    """What became of the classes of two datasets."""

    classes: dict[str, str]
    """Class of the first for every label of the second that takes part."""
    left_out: list[str]
    """Sentences on the images that take no part."""


class ResolvedStudy(Strict):
    """A study as it runs on one dataset, or on one with another held out."""

    study: Study
    """With the run's own extractors put in, where it names any."""
    dataset_id: str
    """Folder below `results/datasets`: the dataset's key, and the budget where it is simulated; of two, both."""
    dataset: StudiedDataset
    images: Path
    """Folder of the images."""
    external_split: str | None = None
    """Official split that is the dataset's held-out part, where it has one."""
    harmonised: Harmonised | None = None
    """What became of the classes of two datasets."""
    extractors: dict[str, ResolvedExtractor]
    descriptors: dict[str, ResolvedDescriptor]
    tunings: dict[str, dict[str, Tuning]] = Field(default_factory=dict)
    """Networks that are trained further, by feature set and classifier."""
    protocols: dict[Rung, Protocol]
    """Rungs that run, from the published one down."""
    left_out: dict[Rung, str]
    """Rungs that this dataset does not allow, and why."""
    left_out_tables: dict[str, str]
    """Tables that this dataset's classes do not allow, or that would repeat others, and why; `study` has them no more.
    """
    left_out_items: dict[str, str] = Field(default_factory=dict)
    """Items of the paper's study that the run leaves out, each as ``<table>/<item>``, and why; `study` has them no
    more."""
    left_out_claims: dict[str, LeftOutClaim] = Field(default_factory=dict)
    """Claims of the paper that the run cannot judge, and why; `study` has them no more."""
    unstated: list[Unstated] = Field(default_factory=list)
    """What the paper leaves open, of the parts that `study` has."""

    @property
    def impossible_items(self) -> dict[str, list[str]]:
        """Items that need what is not there, by the reason; those that the run does not want are not here."""
        found: dict[str, list[str]] = {}
        for name, reason in self.left_out_items.items():
            if reason != NOT_IN_THIS_RUN:
                found.setdefault(reason, []).append(name)
        return found

    @property
    def parts(self) -> dict[str, Part]:
        """All that features are made by, by the names of their files, without the ending."""
        inputs = [tuning.input for of_network in self.tunings.values() for tuning in of_network.values()]
        return {part.id: part for part in (*self.extractors.values(), *self.descriptors.values(), *inputs)}

    @property
    def feature_files(self) -> dict[str, str]:
        """Name of the feature file of every extractor and descriptor, without its ending."""
        return {name: part.id for parts in (self.extractors, self.descriptors) for name, part in parts.items()}

    @property
    def placed(self) -> tuple[PlacedDataset, ...]:
        """The dataset, or the two of them, the study's own first."""
        if isinstance(self.dataset, JoinedDataset):
            return self.dataset.parts
        return (PlacedDataset.model_construct(id=self.dataset_id, dataset=self.dataset, images=self.images),)

    @property
    def own(self) -> PlacedDataset:
        """The dataset that the study is made on; of two, the first."""
        return self.placed[0]

    @property
    def tests_held_out(self) -> bool:
        """Whether a part of the images is held out, or another dataset, and tested."""
        return self.external_split is not None and EXTERNAL in self.protocols

    @property
    def simulated(self) -> bool:
        """Whether images are drawn by the simulator, all or some of them."""
        return any(isinstance(part.dataset, SimulatedDataset) for part in self.placed)

    @property
    def random_weights(self) -> list[str]:
        """Extractors whose weights are random."""
        return [name for name, extractor in self.extractors.items() if extractor.weights == "random"]

    @property
    def stand_ins(self) -> list[str]:
        """Networks that stand in for those of the paper, such as `EfficientNet-Lite0 in the place of GoogLeNet`."""
        pairs = {
            (extractor.backbone, self.study.extractors[name].backbone): None
            for name, extractor in self.extractors.items()
        }
        return [f"{title_of(own)} in the place of {title_of(paper)}" for own, paper in pairs if own != paper]

    def rests_on(self, table: str, item: Item) -> list[Unstated]:
        """What the paper leaves open of the parts that an item of a table is made of.

        Parameters
        ----------
        table : str
            That the item is of, which may name its split.
        item : Item
            Its features, reducer and classifier are looked at.
        """
        reducer = self.study.reducers.get(item.reducer or "")
        network = [reducer.network] if isinstance(reducer, TrainedFeaturesSpec) else []
        features = self.study.feature_sets[item.features]
        used = {
            "extractors": features,
            "descriptors": features,
            "reducers": [item.reducer or ""],
            "classifiers": [item.classifier, *network],
            "splits": [self.study.tables[table].split_of(item)],
        }
        return [fact for fact in self.unstated if fact.is_about(used)]

    def states(self, section: str, name: str, setting: str) -> bool:
        """Whether the paper states what a key of a part holds, as far as the study says.

        Parameters
        ----------
        section : str
            Kind of part, such as ``classifiers``.
        name : str
            Of the part in that section.
        setting : str
            The key of the part's specification.
        """
        return not any(name in fact.parts[section] and setting in fact.settings for fact in self.unstated)

    def label_set_of(self, split: str) -> LabelSet | None:
        """Label set of a split; None where it uses the dataset's own classes."""
        labels = self.study.splits[split].labels
        return None if labels is None else self.study.label_sets[labels]

    def positive_class_of(self, split: str) -> str | None:
        """With two classes, the one that counts as positive on a split."""
        label_set = self.label_set_of(split)
        return self.dataset.positive_class if label_set is None else label_set.positive_class


class NotRun(Strict):
    """A study of a run of which nothing can be run."""

    key: str
    citation: Citation
    what: str
    """What is not there, in a few words: `dataset absent`."""
    told: str
    """The same with every name and what to do about it, in words that follow a *because*."""

    @property
    def line(self) -> str:
        """What is said of it where a run starts, or where it ends for this study."""
        return f"left out: study {self.key}, because {self.told}"


class ResolvedRun(Strict):
    """A run, complete: every name looked up, every default filled in."""

    name: str
    budget: Budget
    seed: int
    seeds: int = Field(default=1, exclude_if=lambda seeds: seeds == 1)
    """How often everything that is drawn is drawn; unsaid where it is once."""
    engine: Engine = "auto"
    precision: Precision = "float32"
    fast_trees: bool = False
    controls: dict[str, list[Control]] = Field(default_factory=dict)
    """Of studies that have any, by their keys."""
    group_near_duplicates: bool = False
    """Whether near-duplicates tie groups."""
    explain: bool = False
    studies: list[ResolvedStudy]
    left_out: list[NotRun] = Field(default_factory=list)
    """Studies of which nothing can be run."""

    @property
    def not_run(self) -> list[str]:
        """What cannot be run because something is not there, a line each: where a run starts, this is said first."""
        return (
            [study.line for study in self.left_out]
            + [
                f"left out: {study.study.key} {'; '.join(items)}, because {reason}"
                for study in self.studies
                for reason, items in study.impossible_items.items()
            ]
            + [
                f"{study.study.key}: {told}"
                for study in self.studies
                if study.harmonised is not None
                for told in study.harmonised.left_out
            ]
        )

    @property
    def caveats(self) -> list[str]:
        """What every reader of a number of this run must know, one sentence each."""
        sentences = []
        if self.left_out:
            sentences.append(f"Not run: {', '.join(f'{study.key} ({study.what})' for study in self.left_out)}.")
        if any(s.simulated for s in self.studies):
            sentences.append(SIMULATED)
        stand_ins = [f"{s.study.key} has features by {', '.join(s.stand_ins)}" for s in self.studies if s.stand_ins]
        if stand_ins:
            sentences.append(f"Other networks: {'; '.join(stand_ins)}.")
        if any(s.random_weights for s in self.studies):
            sentences.append(f"{RANDOM_WEIGHTS}.")
        if self.budget == "demo":
            fewer = "fewer images and subjects, " if any(s.simulated for s in self.studies) else ""
            sentences.append(
                f"Demo budget: {fewer}fewer training epochs, smaller network inputs and narrower networks, where a "
                "configuration says so; listed on each paper's page."
            )
        return sentences


def load_resolved(path: Path) -> ResolvedRun:
    """Read the resolved configuration that a run wrote beside its results.

    Raises
    ------
    UserError
        If it is missing, broken or of another version.
    """
    return parse(ResolvedRun, read_json(path), path)


def finished_run(given: str) -> Path:
    """Where a run writes its configuration when it starts: ``results/NAME/config.json``, whether it is there or not.

    Parameters
    ----------
    given : str
        The run's name, its configuration, or that file itself.

    Raises
    ------
    UserError
        If the configuration cannot be read.
    """
    if given.endswith(".json"):
        return Path(given)
    name = given
    if is_file_of_run(given):
        check_file(Path(given))
        content = read_yaml(Path(given))
        name = str(content.get("name")) if isinstance(content, dict) else given
    return Results().run(name) / "config.json"


def load_finished(path: Path, option: str = "--run") -> ResolvedRun:
    """Read what `finished_run` names, by an option or an argument.

    Parameters
    ----------
    path : Path
        As `finished_run` gives it.
    option : str
        The option or argument that named the run, with which messages begin.

    Returns
    -------
    ResolvedRun
        As the run wrote it when it started.

    Raises
    ------
    UserError
        If the run was not started here, with what starts it; or the file is broken or of another version.
    """
    name = path.parent.name
    if not path.is_file() and path == finished_run(name):
        if name in known_runs():
            raise UserError(
                f"{option}: the run '{name}' has no results here ({path} is missing); {how_to_finish(name)}."
            )
        started = ", ".join(sorted(file.parent.name for file in Results().root.glob("*/config.json"))) or "none"
        raise UserError(f"{option}: no results of a run '{name}' ({path} is missing); there are some of {started}.")
    return load_resolved(path)
