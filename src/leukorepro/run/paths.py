"""Where what a run makes lies, below `results`: each place said once. The rules keep literal patterns of the same."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

RESULTS = Path("results")


@dataclass(frozen=True)
class Results:
    """The folder of all runs, with what they share.

    Attributes
    ----------
    root : Path
        From the project's root, where every command is run.
    """

    root: Path = RESULTS

    def dataset(self, dataset: str) -> Path:
        """Folder of what is known of a dataset: `manifest.csv`, `scan.json`, `crops.csv`, `duplicates.json`."""
        return self.root / "datasets" / dataset

    def manifest(self, dataset: str) -> Path:
        """A dataset's manifest."""
        return self.dataset(dataset) / "manifest.csv"

    def joined(self, dataset: str) -> Path:
        """Of two datasets that a run puts together, what `leukorepro data scan` reads of them."""
        return self.dataset(dataset) / "dataset.json"

    def duplicates(self, dataset: str) -> Path:
        """Images that are in a dataset more than once."""
        return self.dataset(dataset) / "duplicates.json"

    def features(self, dataset: str) -> Path:
        """Folder of a dataset's feature files, one an extractor or descriptor, and of their fusions."""
        return self.root / "features" / dataset

    def weights(self, backbone: str) -> Path:
        """What came of asking for a backbone's ImageNet weights."""
        return self.root / "weights" / f"{backbone}.json"

    def audit(self, study: str) -> Path:
        """Audit of the numbers that a study's paper prints."""
        return self.root / "audit" / f"{study}.json"

    @property
    def validity(self) -> Path:
        """Bias and coverage of every rung, of no run: there if somebody has asked for `snakemake validity`."""
        return self.root / "validity" / "summary.csv"

    def benchmark(self, rule: str, job: str) -> Path:
        """What Snakemake measured a job of a rule at when it last ran.

        Parameters
        ----------
        rule : str
            Of the workflow.
        job : str
            Name of the job among those of the rule: its wildcards, joined by slashes.
        """
        return self.root / "benchmarks" / rule / f"{job}.tsv"

    def run(self, name: str) -> Path:
        """Folder of a run: its studies, `config.json`, `specs`, `report`, and `drawn`, what is kept of its pages."""
        return self.root / name

    def records(self, run: str) -> Path:
        """Folder of what Snakemake knows of a run, where DVC has versions of it."""
        return self.run(run) / "records"

    def study(self, run: str, study: str) -> StudyFolder:
        """A study's folder in a run.

        Parameters
        ----------
        run : str
            Its name.
        study : str
            Its key.
        """
        return StudyFolder(self.run(run) / study)


@dataclass(frozen=True)
class StudyFolder:
    """The folder of a study in a run; its tables of numbers lie in it, everything of one rung in the rung's own.

    Attributes
    ----------
    root : Path
    """

    root: Path

    def table(self, name: str) -> Path:
        """A table of numbers, such as `metrics`."""
        return self.root / f"{name}.csv"

    @property
    def headline(self) -> Path:
        """The headline's numbers on every rung, for `dvc metrics` and `dvc plots`."""
        return self.root / "headline.json"

    def part(self, feature_set: str) -> Path:
        """Predictions of all classifiers on a feature set, on every rung."""
        return self.root / "parts" / f"{feature_set}.parquet"

    @property
    def explanations(self) -> ExplanationsFolder:
        """Explanations of the headline, on two rungs side by side."""
        return ExplanationsFolder(self.root / "explanations")

    def predictions(self, rung: str) -> Path:
        """Predictions of tested rows."""
        return self.root / rung / "predictions.parquet"

    def fitting(self, rung: str) -> Path:
        """Predictions of training and validation rows."""
        return self.root / rung / "fitting.parquet"

    def leakage(self, rung: str) -> Path:
        """What tested rows are known by."""
        return self.root / rung / "leakage.json"

    @property
    def groups(self) -> Path:
        """What near-duplicates tie together in its splits, where the run lets them."""
        return self.root / "groups.json"

    def splits(self, rung: str, split: str) -> Path:
        """Which rows train and which are tested.

        Parameters
        ----------
        rung : str
            By its key.
        split : str
            Name of one of the study's splits.
        """
        return self.root / rung / "splits" / f"{split}.csv"

    def reducer(self, rung: str, split: str, features: str, reducer: str) -> Path:
        """A reducer, fitted in every fold of a split.

        Parameters
        ----------
        rung : str
            Whose rows it was fitted on.
        split : str
            Name of one of the study's splits.
        features : str
            Name of one of its feature sets.
        reducer : str
            Name of one of its reducers.
        """
        return self.root / rung / "reducers" / split / f"{features}-{reducer}.h5"

    def network(self, rung: str, network: str) -> NetworkFolder:
        """A network, trained in every fold of its split.

        Parameters
        ----------
        rung : str
            Whose rows it was trained on.
        network : str
            The id of a `NetworkFit`: split, features, reducer and classifier.
        """
        return NetworkFolder(self.root / rung / "networks" / network)


@dataclass(frozen=True)
class ExplanationsFolder:
    """The folder of a study's explanations.

    Attributes
    ----------
    root : Path
    """

    root: Path

    @property
    def told(self) -> Path:
        """What was explained and how; or why nothing could be."""
        return self.root / "explanations.json"

    @property
    def background(self) -> Path:
        """How much of the explanations lies beside the cells, on each rung."""
        return self.root / "background.csv"

    @property
    def shares(self) -> Path:
        """The same of every image."""
        return self.root / "shares.csv"

    @property
    def maps(self) -> Path:
        """Some of the images with their maps on each rung."""
        return self.root / "maps.h5"

    @property
    def files(self) -> list[Path]:
        """All of them."""
        return [self.told, self.background, self.shares, self.maps]


@dataclass(frozen=True)
class NetworkFolder:
    """The folder of a trained network.

    Attributes
    ----------
    root : Path
    """

    root: Path

    @property
    def epochs(self) -> Path:
        """Loss and accuracy after each epoch."""
        return self.root / "epochs.csv"

    @property
    def weights(self) -> Path:
        """Weights of every fold."""
        return self.root / "weights.safetensors"

    @property
    def predictions(self) -> Path:
        """What it says of rows."""
        return self.root / "predictions.parquet"

    @property
    def files(self) -> list[Path]:
        """All of them."""
        return [self.epochs, self.weights, self.predictions]
