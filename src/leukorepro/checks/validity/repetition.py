"""One repetition: a sample of subjects is studied on every rung, and what was fitted is scored on fresh subjects.

The sample is drawn at random from a pool of subjects, simulated or real. All others of the pool are fresh: no step
of the study sees them. Sample and fresh subjects are exchangeable, so that whatever a rung says too much or too little
is the rung's own doing. The study is the package's own, from the split table to the interval; the fresh images
go through it as rows of the validation part, which no classifier is fitted on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import Protocol
from leukorepro.config.validity import Design
from leukorepro.core.tables.results import REPETITIONS_TABLE
from leukorepro.data.splits import make_splits
from leukorepro.evaluation.intervals import LEVEL, resample_weights
from leukorepro.evaluation.metrics.metrics import measure, measure_weighted, scored
from leukorepro.evaluation.outcome_metrics import Measuring, outcome_metrics
from leukorepro.evaluation.predictions import groups_of_rows
from leukorepro.features.fusion import Features
from leukorepro.ladder.rungs import LADDER, Need
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.classify import classify
from leukorepro.systems.classifiers.engines import Settings
from leukorepro.systems.classifiers.tasks import Task

RUNGS = tuple(key for key, rung in LADDER.items() if not rung.changes_fits_only)
"""Rungs that are repeated. Nothing unsupervised is fitted, so that the others would be the published one again."""

METRICS = ("accuracy", "sensitivity", "specificity", "auroc")

EXTERNAL = "external"
"""Official split of a study's held-out part."""
FRESH = "fresh"


@dataclass(frozen=True)
class Study:
    """What is repeated.

    Attributes
    ----------
    design : Design
    images : DataFrame
        A `POOL_TABLE`: images of the pool, as `leukorepro.checks.validity.pool.draw_pool` writes them, or as
        `leukorepro.checks.validity.population.read_population` finds them in a manifest.
    features : Features
        Of all views of these images.
    computed_by : str
        What the features were computed by, in words.
    """

    design: Design
    images: pd.DataFrame
    features: Features
    computed_by: str

    def repetition(self, number: int) -> pd.DataFrame:
        """One repetition.

        Parameters
        ----------
        number : int
            From 0; each has draws of its own, whatever others are made.

        Returns
        -------
        DataFrame
            A `REPETITIONS_TABLE`, one row per rung and metric.
        """
        design = self.design
        rng = np.random.default_rng((design.seed, number))
        sample, fresh = draw_sample(self.images, design, rng)
        part = self._features_of(sample, fresh)
        about = pd.concat([sample, fresh], ignore_index=True)
        ladder = design.published_protocol.ladder()
        rungs = [rung for rung in RUNGS if design.external or LADDER[rung].needs is not Need.HELD_OUT_PART]
        frames = [self._rung(ladder[rung], sample, fresh, about, part, number) for rung in rungs]
        return pd.concat(frames, ignore_index=True).assign(
            dataset=design.dataset,
            class_effect=np.nan if design.class_effect is None else design.class_effect,
            subject_effect=np.nan if design.subject_effect is None else design.subject_effect,
            features=self.computed_by,
            classifier=design.classifier_in_words,
            n_subjects=sum(design.subjects.values()),
            n_fresh=fresh["subject_id"].nunique(),
            repetition=number,
        )[list(REPETITIONS_TABLE.columns)]

    def _features_of(self, sample: pd.DataFrame, fresh: pd.DataFrame) -> Features:
        """All views of the sample, and the fresh images as they are."""
        rows = self.features.rows
        wanted = rows["image_id"].isin(sample["image_id"]) | (
            rows["image_id"].isin(fresh["image_id"]) & (rows["view"] == "identity")
        )
        return Features(self.features.matrix[wanted.to_numpy()], rows[wanted].reset_index(drop=True))

    def _rung(
        self,
        protocol: Protocol,
        sample: pd.DataFrame,
        fresh: pd.DataFrame,
        about: pd.DataFrame,
        features: Features,
        seed: int,
    ) -> pd.DataFrame:
        design, positive = self.design, self.design.positive_class
        splits = with_fresh(make_splits(sample, design.split, protocol, seed, EXTERNAL), fresh)
        item = Item(item="item", features="features", classifier="classifier")
        task = Task("validity", design.dataset, protocol, positive, [("1", item)], fitted_tables=frozenset({"1"}))
        classifier = design.classifier
        assert isinstance(classifier, Classifier)  # every entry of the registry that is no network
        predictions = classify(
            task, features, splits, about, {"classifier": classifier}, {}, Settings(seed=seed, progress=False)
        ).predictions
        tested = predictions[predictions["role"] == "test"]
        measuring = Measuring(METRICS, "positive", positive, {}, design.resamples, seed)
        measured = outcome_metrics(tested, None, measuring).set_index("metric").loc[list(METRICS)].reset_index()
        truth = true_metrics(predictions[predictions["role"] == "validation"], tested, positive)
        low, high = percentiles(tested, positive, design.resamples, seed)
        return measured.rename(columns={"value": "estimate"}).assign(
            rung=protocol.rung,
            percentile_low=measured["metric"].map(low),
            percentile_high=measured["metric"].map(high),
            truth=measured["metric"].map(truth),
        )


def draw_sample(images: pd.DataFrame, design: Design, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Draw a study's subjects and the fresh ones.

    Parameters
    ----------
    images : DataFrame
        Images of the pool.
    design : Design
    rng : numpy.random.Generator
        Draws which subjects they are.

    Returns
    -------
    sample, fresh : DataFrame
        Rows of a manifest: all images of the study's subjects and of its held-out part's; of every other subject of
        the pool as many as `fresh_images` says, drawn at random, or all.
    """
    shuffled = images.iloc[rng.permutation(len(images))].assign(status="ok")
    role: dict[str, str] = {}
    for label, n in design.subjects.items():
        subjects = shuffled["subject_id"][shuffled["label"] == label].unique()
        parts = np.split(subjects, np.cumsum([n, design.external.get(label, 0)]))
        for name, ids in zip(("", EXTERNAL, FRESH), parts, strict=True):
            role |= dict.fromkeys(ids, name)
    shuffled = shuffled.assign(official_split=shuffled["subject_id"].map(role))
    is_fresh = shuffled["official_split"] == FRESH
    fresh = shuffled[is_fresh]
    if design.fresh_images is not None:
        fresh = fresh.groupby("subject_id").head(design.fresh_images)
    return shuffled[~is_fresh].sort_values("image_id", ignore_index=True), fresh.reset_index(drop=True)


def with_fresh(splits: pd.DataFrame, fresh: pd.DataFrame) -> pd.DataFrame:
    """A split table with the fresh images as the validation part of every fold.

    Parameters
    ----------
    splits : DataFrame
        A split table.
    fresh : DataFrame
        Manifest of the images of subjects that are in no fold.
    """
    folds = splits[["repeat", "fold"]].drop_duplicates()
    asked = fresh[["image_id"]].assign(view="identity", role="validation").merge(folds, how="cross")
    return pd.concat([splits, asked[list(splits.columns)]], ignore_index=True)


def true_metrics(fresh: pd.DataFrame, tested: pd.DataFrame, positive: str) -> dict[str, float]:
    """What the fitted models do on fresh images: the mean over the folds' models of each metric.

    Parameters
    ----------
    fresh : DataFrame
        Predictions of fresh images by the model of every fold.
    tested : DataFrame
        Those of tested rows, whose shares of the classes the accuracy is taken at.
    positive : str
        The positive class.
    """
    numbers = scored(fresh["y_true"], fresh["y_pred"], {positive: fresh["score"]}, repeat=fresh["fold"])
    truth = measure(numbers, METRICS)
    share = (tested["y_true"] == positive).mean()
    return truth | {"accuracy": share * truth["sensitivity"] + (1 - share) * truth["specificity"]}


def percentiles(
    predictions: pd.DataFrame, positive: str, n_resamples: int, seed: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Bounds of the plain percentile interval of each metric, which is not the package's (`evaluation.intervals`).

    Parameters
    ----------
    predictions : DataFrame
        Tested rows of one item on one rung.
    positive : str
        The class that sensitivity and AUROC are of.
    n_resamples : int
        Resamples of groups.
    seed : int
        Of the resamples.

    Returns
    -------
    tuple of two dict of str to float
        Lower and upper bounds, by metric.
    """
    rows = predictions.sort_values(["image_id", "view", "repeat", "fold"])
    numbers = scored(rows["y_true"], rows["y_pred"], {positive: rows["score"]}, rows["repeat"], rows["fold"])
    group = groups_of_rows(rows)
    weights = resample_weights(int(group.max()) + 1, n_resamples, seed)
    resamples = measure_weighted(numbers, group, weights, METRICS)
    tails = ((1 - LEVEL) / 2, (1 + LEVEL) / 2)
    low, high = ({name: float(np.nanquantile(v, tail)) for name, v in resamples.items()} for tail in tails)
    return low, high
