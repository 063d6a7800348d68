"""``metrics.csv`` computed again from predictions and ``config.json``, by other code than the package's.

Values are scikit-learn's; groups are found by walking from image to image; in resamples every row has a weight of its
own, pairs of rows are compared one by one, and bounds are scipy's. It is slow where there are many rows.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special, stats
from sklearn import metrics as sk
from sklearn.utils.class_weight import compute_sample_weight

ROLES = {"test": "test", "train": "train", "val": "validation"}
LEVEL = 0.95
OF_RECONSTRUCTIONS = ("reconstruction_correlation", "pixel_correlation")
MEANS = ("loss", *OF_RECONSTRUCTIONS)
OF_ALL = {
    "balanced_accuracy": sk.balanced_accuracy_score,
    "weighted_f1": lambda true, guess: sk.f1_score(true, guess, average="weighted", zero_division=np.nan),
    "mcc": sk.matthews_corrcoef,
    "kappa": sk.cohen_kappa_score,
}
"""Of all classes, whatever a table averages."""
AGREEMENTS = ("mcc", "kappa")
"""No shares."""
ENTRIES = {"tn": (0, 0), "fp": (0, 1), "fn": (1, 0), "tp": (1, 1)}
"""Row and column of scikit-learn's confusion matrix of a class against the others."""


def recomputed(folder: Path, study: dict[str, Any], seed: int, n_resamples: int) -> pd.DataFrame:
    """Every row of a study's table of metrics, computed again.

    Parameters
    ----------
    folder : Path
        The study's: ``metrics.csv``, and predictions in a folder for each rung.
    study : dict
        The study in the run's ``config.json``.
    seed, n_resamples : int

    Returns
    -------
    DataFrame
        Columns ``value, ci_low, ci_high, n_images, n_subjects``, in the order of ``metrics.csv``.
    """
    table = pd.read_csv(folder / "metrics.csv", dtype={"table": "str", "item": "str"})
    rows = pd.Series(index=table.index, dtype=object)
    for rung, on_rung in table.groupby("protocol"):
        tested = pd.read_parquet(folder / rung / "predictions.parquet").assign(role="test")
        fitted = pd.read_parquet(folder / rung / "fitting.parquet")
        everything = pd.concat([tested, fitted], ignore_index=True)
        for (number, item), own in on_rung.groupby(["table", "item"]):
            frame = everything[(everything["table"] == number) & (everything["item"] == item)]
            cell = _Cell(frame.dropna(axis=1, how="all"), study, number, item, seed, n_resamples)
            for index, metric in own["metric"].items():
                rows[index] = cell.row(metric)
    names = ["value", "ci_low", "ci_high", "n_images", "n_subjects"]
    return pd.DataFrame(rows.tolist(), index=table.index, columns=names)


class _Cell:
    """One item on one rung."""

    def __init__(
        self, frame: pd.DataFrame, study: dict[str, Any], number: str, item: str, seed: int, n_resamples: int
    ) -> None:
        config = study["study"]
        table = config["tables"][number]
        own = next(i for i in table["items"] if i["item"] == item)
        self.weighed = config["classifiers"][own["classifier"]].get("class_weights", False)
        split = own.get("split") or table["split"]
        labels = config["splits"][split].get("labels")
        positive = config["label_sets"][labels]["positive_class"] if labels else study["dataset"].get("positive_class")
        self.several = sorted(c.removeprefix("score_") for c in frame.columns if c.startswith("score_"))
        self.positive, self.macro = positive, table["average"] == "macro"
        self.called = config["class_names"]
        self.parts = {role: _Part(part, seed, n_resamples) for role, part in frame.groupby("role")}

    def row(self, name: str) -> tuple[float, float, float, int, int]:
        role, of_class, metric = self._parse(name)
        part = self.parts.get(role)
        if metric is None or part is None:
            part, metric = self.parts["test"], None
        images, subjects = part.rows["image_id"].nunique(), part.rows.loc[part.rows["subject_id"] != "", "subject_id"]
        found = (np.nan, np.nan, np.nan)
        if metric is not None:
            averaged, ranked = self._classes(part, of_class)
            part.weighed = self.weighed and role == "train" and metric == "loss"
            part.over = part.true == of_class if of_class and metric in MEANS else np.full(len(part.true), True)
            if metric in ENTRIES:
                found = part.entry(metric, averaged[0])
            else:
                found = part.value(metric, averaged, ranked), *part.interval(metric, averaged, ranked)
        return *found, images, subjects.nunique()

    def _parse(self, name: str) -> tuple[str, str | None, str | None]:
        known = ("accuracy", "sensitivity", "specificity", "precision", "recall", "f1", "auroc", "loss", *ENTRIES)
        known = (*known, "npv", *OF_ALL)
        front, _, back = name.rpartition("_")
        if name in known or name in OF_RECONSTRUCTIONS:
            return "test", None, name
        if front in ROLES and back in known:
            return ROLES[front], None, back
        for metric in OF_RECONSTRUCTIONS:
            if name.endswith(f"_{metric}"):
                front, back = name.removesuffix(f"_{metric}"), metric
        tested = self.parts["test"].rows
        for of_class in self.several or sorted({*tested["y_true"], *tested["y_pred"]}):
            if front == self.called.get(of_class, of_class):
                return "test", of_class, back
        return "test", None, None

    def _classes(self, part: _Part, of_class: str | None) -> tuple[list[str], dict[str, NDArray[np.float64]]]:
        """Classes that are averaged over, and the scores of those that the AUROC is averaged over."""
        if self.several:
            scores = {name: part.rows[f"score_{name}"].to_numpy() for name in self.several}
            return (self.several, scores) if of_class is None else ([of_class], {of_class: scores[of_class]})
        score = part.rows["score"].to_numpy()
        if of_class is not None:
            return [of_class], {of_class: score if of_class == self.positive else -score}
        others = sorted({*part.rows["y_true"], *part.rows["y_pred"]} - {self.positive}) or ["nobody"]
        return [self.positive, *others] if self.macro else [self.positive], {self.positive: score}


class _Part:
    """Rows of one role."""

    def __init__(self, rows: pd.DataFrame, seed: int, n_resamples: int) -> None:
        self.rows = rows.astype({"image_id": "str", "view": "str"}).sort_values(["image_id", "view", "repeat", "fold"])
        self.true, self.guess = (self.rows[c].astype("str").to_numpy() for c in ("y_true", "y_pred"))
        self.group = linked(self.rows["subject_id"].tolist(), self.rows["source_id"].tolist())
        n_groups = self.group.max() + 1
        rng = np.random.default_rng(seed)
        drawn = [np.bincount(rng.integers(n_groups, size=n_groups), minlength=n_groups) for _ in range(n_resamples)]
        self.weight = np.array(drawn, dtype=float).T[self.group]
        """Of every row in every resample."""
        self.over = np.full(len(self.true), True)
        """Rows that a mean is over."""
        self.weighed = False
        """Whether losses have the weights of classes that the network was trained with."""
        self.repeats = [np.flatnonzero(self.rows["repeat"] == r) for r in sorted(self.rows["repeat"].unique())]

    def value(self, metric: str, averaged: list[str], ranked: dict[str, NDArray[np.float64]]) -> float:
        """By scikit-learn."""
        values = []
        for repeat in self.repeats:
            true, guess = self.true[repeat], self.guess[repeat]
            if metric == "accuracy":
                values.append(sk.accuracy_score(true, guess))
            elif metric in OF_ALL:
                every = set(self._every(averaged)) <= set(true) and (metric != "mcc" or len(set(guess)) > 1)
                values.append(OF_ALL[metric](true, guess) if every or metric == "weighted_f1" else np.nan)
            elif metric in MEANS:
                values.append(float(self._mean(metric, repeat, ranked, np.ones((len(self.true), 1)))[0]))
            elif metric == "auroc":
                values.append(np.mean([self._area(repeat, name, score) for name, score in ranked.items()]))
            else:
                values.append(np.mean([one_class(metric, true == name, guess == name) for name in averaged]))
        return float(np.mean(values))

    def _every(self, averaged: list[str]) -> list[str]:
        """All classes, of which some are averaged."""
        if len(averaged) > 1:
            return averaged
        return [*averaged, *(sorted({*self.true, *self.guess} - {*averaged}) or ["nobody"])]

    def entry(self, metric: str, of_class: str) -> tuple[float, float, float]:
        """An entry of the confusion matrix, with the interval of the class's recall or specificity."""
        own, found = ENTRIES[metric]
        share = ("specificity", "sensitivity")[own]
        low, high = self.interval(share, [of_class], {})
        matrices = [sk.confusion_matrix(self.true[r] == of_class, self.guess[r] == of_class) for r in self.repeats]
        bounds = (low, high) if own == found else (1 - high, 1 - low)
        size = matrices[0].sum(axis=1)[own]
        return float(np.mean([m[own, found] for m in matrices])), size * bounds[0], size * bounds[1]

    def _area(self, repeat: NDArray[np.intp], name: str, score: NDArray[np.float64]) -> float:
        areas, pairs = [], []
        for _, fold in pd.Series(repeat).groupby(self.rows["fold"].to_numpy()[repeat]):
            true = self.true[fold] == name
            if 0 < true.sum() < len(true):
                areas.append(sk.roc_auc_score(true, score[fold]))
                pairs.append(true.sum() * (~true).sum())
        return float(np.average(areas, weights=pairs)) if areas else np.nan

    def _mean(
        self,
        metric: str,
        repeat: NDArray[np.intp],
        ranked: dict[str, NDArray[np.float64]],
        weights: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """A mean over rows, or the correlation over the pixels of many images, for each of many weightings."""
        chosen = repeat[self.over[repeat]]
        weight = weights[chosen] / weights[chosen].sum(axis=0)
        if metric != "pixel_correlation":
            return self._numbers(metric, ranked)[chosen] @ weight
        x, y, xx, yy, xy = (
            self.rows[f"reconstruction_{name}"].to_numpy(dtype=float)[chosen] @ weight
            for name in ("x", "y", "xx", "yy", "xy")
        )
        return (xy - x * y) / np.sqrt(xx - x**2) / np.sqrt(yy - y**2)

    def _numbers(self, metric: str, ranked: dict[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        if metric != "loss":
            return self.rows[metric].to_numpy()
        p = np.array(list(ranked.values()))
        if len(p) == 1:
            (name,) = ranked
            probability = np.where(self.true == name, p[0], 1 - p[0])
            valid = ((p >= 0) & (p <= 1)).all()
        else:
            probability = np.array([ranked[name][row] for row, name in enumerate(self.true)])
            valid = ((p >= 0) & (p <= 1)).all() and np.allclose(p.sum(axis=0), 1, rtol=0, atol=1e-3)
        losses = -np.log(np.maximum(probability, 1e-7)) if valid else np.full(len(self.true), np.nan)
        if self.weighed:
            for fit in self.rows.reset_index(drop=True).groupby(["repeat", "fold"]).groups.values():
                losses[fit] *= compute_sample_weight("balanced", self.true[fit])
        return losses

    def interval(self, metric: str, averaged: list[str], ranked: dict[str, NDArray[np.float64]]) -> tuple[float, float]:
        """From the metric in every resample."""
        with np.errstate(invalid="ignore", divide="ignore"):
            drawn = np.mean([self._resampled(metric, r, averaged, ranked) for r in self.repeats], axis=0)
        n = self._rests_on(metric, averaged, ranked)
        known = drawn[~np.isnan(drawn)]
        if n < 2 or len(drawn) - len(known) > len(drawn) / 10:
            return np.nan, np.nan
        share = metric not in (*MEANS, *AGREEMENTS)
        if known.max() - known.min() < 1e-12:
            if not share or known[0] not in (0, 1):
                return np.nan, np.nan
            exact = stats.binomtest(int(known[0]) * n, n).proportion_ci(LEVEL, "exact")
            return exact.low, exact.high
        if (
            share and metric in ("accuracy", *OF_ALL) and len(set(self.true)) == 2
        ):  # the smaller class's degrees of freedom
            n = min(len(set(self.group[self.true == name])) for name in set(self.true))
            if n < 2:
                return np.nan, np.nan
        t = stats.t.ppf((1 + LEVEL) / 2, n - 1)
        if not share:
            tail = stats.norm.cdf(-t * np.sqrt(n / (n - 1)))
            return tuple(np.quantile(known, [tail, 1 - tail]))
        p = self.value(metric, averaged, ranked)
        half = t * np.std(known) * np.sqrt(n / (n - 1)) / (p * (1 - p))
        return tuple(special.expit(np.log(p / (1 - p)) + half * np.array([-1, 1])))

    def _resampled(
        self, metric: str, repeat: NDArray[np.intp], averaged: list[str], ranked: dict[str, NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        true, guess, weight = self.true[repeat], self.guess[repeat], self.weight[repeat]

        def total(chosen: NDArray[np.bool_]) -> NDArray[np.float64]:
            return weight[chosen].sum(axis=0)

        if metric == "accuracy":
            return total(true == guess) / weight.sum(axis=0)
        if metric in MEANS:
            return self._mean(metric, repeat, ranked, self.weight)
        if metric == "auroc":
            return np.mean([self._resampled_area(repeat, name, score) for name, score in ranked.items()], axis=0)
        if metric in OF_ALL:
            named = [(true == name, guess == name) for name in self._every(averaged)]
            return of_all(metric, named, weight / weight.sum(axis=0))
        values = []
        for name in averaged:
            is_true, is_guess = true == name, guess == name
            values.append(
                {
                    "sensitivity": lambda a, b: total(a & b) / total(a),
                    "recall": lambda a, b: total(a & b) / total(a),
                    "specificity": lambda a, b: total(~a & ~b) / total(~a),
                    "precision": lambda a, b: total(a & b) / total(b),
                    "npv": lambda a, b: total(~a & ~b) / total(~b),
                    "f1": lambda a, b: 2 * total(a & b) / (total(a) + total(b)),
                }[metric](is_true, is_guess)
            )
        return np.mean(values, axis=0)

    def _resampled_area(self, repeat: NDArray[np.intp], name: str, score: NDArray[np.float64]) -> NDArray[np.float64]:
        ordered, pairs = 0.0, 0.0
        for _, fold in pd.Series(repeat).groupby(self.rows["fold"].to_numpy()[repeat]):
            high, low = (fold[(self.true[fold] == name) == side].to_numpy() for side in (True, False))
            wins = (score[high][:, None] > score[low]) + 0.5 * (score[high][:, None] == score[low])
            ordered = ordered + (self.weight[high] * (wins @ self.weight[low])).sum(axis=0)
            pairs = pairs + self.weight[high].sum(axis=0) * self.weight[low].sum(axis=0)
        return ordered / pairs

    def _rests_on(self, metric: str, averaged: list[str], ranked: dict[str, NDArray[np.float64]]) -> int:
        """Groups with a row in the metric's denominator."""

        def groups(chosen: NDArray[np.bool_]) -> int:
            return len(set(self.group[chosen]))

        if metric == "auroc":
            return min(groups((self.true == name) == side) for name in ranked for side in (True, False))
        if metric in OF_ALL and metric != "weighted_f1":
            return min(groups((self.true == name) == side) for name in averaged for side in (True, False))
        counted = {
            "sensitivity": lambda name: self.true == name,
            "recall": lambda name: self.true == name,
            "specificity": lambda name: self.true != name,
            "precision": lambda name: self.guess == name,
            "npv": lambda name: self.guess != name,
            "f1": lambda name: (self.true == name) | (self.guess == name),
        }
        if metric not in counted:
            return len(set(self.group[self.over]))
        return min(groups(counted[metric](name)) for name in averaged)


def one_class(metric: str, true: NDArray[np.bool_], guess: NDArray[np.bool_]) -> float:
    """A metric of one class against the others, NaN without a denominator."""
    if metric == "npv":
        return float(sk.precision_score(~true, ~guess, zero_division=np.nan))
    if metric == "specificity":
        return float(sk.recall_score(~true, ~guess, zero_division=np.nan))
    score = {"precision": sk.precision_score, "f1": sk.f1_score}.get(metric, sk.recall_score)
    return float(score(true, guess, zero_division=np.nan))


def of_all(
    metric: str, named: list[tuple[NDArray[np.bool_], NDArray[np.bool_]]], weight: NDArray[np.float64]
) -> NDArray[np.float64]:
    """A metric of all classes, by which rows are of each and which predicted so, and weights that sum to 1."""
    true, guess = (np.array([pair[side] for pair in named], dtype=float) for side in (0, 1))
    of_true, of_guess, of_both = true @ weight, guess @ weight, (true * guess) @ weight
    if metric == "balanced_accuracy":
        return (of_both / of_true).mean(axis=0)
    if metric == "weighted_f1":
        return np.where(of_true > 0, of_true * 2 * of_both / (of_true + of_guess), 0).sum(axis=0)
    together = (of_both - of_true * of_guess).sum(axis=0)  # covariance of indicators of the classes
    below = 1 - (of_true * of_guess).sum(axis=0)
    if metric == "mcc":
        below = np.sqrt((of_true * (1 - of_true)).sum(axis=0) * (of_guess * (1 - of_guess)).sum(axis=0))
    return together / np.where(below < 1e-7, np.nan, below)  # undefined, but for the rounding of the shares


def linked(*keys: list[str]) -> NDArray[np.intp]:
    """Number of each row's group: rows that share a key are in one, and so are rows that are linked through others."""
    holders: dict[tuple[int, str], list[int]] = {}
    for place, values in enumerate(keys):
        for row, value in enumerate(values):
            if value != "":
                holders.setdefault((place, value), []).append(row)
    group = np.full(len(keys[0]), -1)
    for first in range(len(group)):
        if group[first] < 0:
            number, waiting = group.max() + 1, [first]
            group[first] = number
            while waiting:
                row = waiting.pop()
                for place, values in enumerate(keys):
                    for other in holders.pop((place, values[row]), []):
                        if group[other] < 0:
                            group[other] = number
                            waiting.append(other)
    return group
