"""A small study whose items and rungs are compared: simulated answers of several systems on the same patients."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from leukorepro.config.study.study import Study
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.run.resolved import ResolvedStudy


def study(items: dict[str, dict[str, str]], **table: Any) -> ResolvedStudy:
    """A study of one table; each item by what it has beside a name."""
    rows = [{"item": name, "features": "plain", "classifier": "svm", **more} for name, more in items.items()]
    return ResolvedStudy(
        study=Study.model_validate(
            {
                "key": "compared",
                "citation": {"authors": "A. Bee", "title": "T", "journal": "J", "year": 2024},
                "published_dataset": "image_folder",
                "published_protocol": {"unit": "view", "scope": "train"},
                "descriptors": {"pixels": {"descriptor": "pixels"}, "images": {"descriptor": "images"}},
                "feature_sets": {"plain": ["pixels"], "images": ["images"]},
                "classifiers": {
                    "svm": {"kind": "svm", "kernel": "rbf"},
                    "network": {
                        "kind": "network",
                        "architecture": "two_convolutions",
                        "epochs": {"demo": 3, "published": 3},
                        "batch_size": 8,
                        "learning_rate": 0.001,
                    },
                },
                "splits": {
                    "folds": {"kind": "k_fold", "n_splits": 4},
                    "tenth": {"kind": "hold_out", "test_share": 0.1, "validation_share": 0.2, "turns": 3},
                },
                "tables": {"1": {"title": "T", "split": "folds", "metrics": ["accuracy"], **table, "items": rows}},
                "headline": f"1/{next(iter(items))}",
            }
        ),
        dataset_id="d",
        dataset={"adapter": "image_folder", "images": "images", "positive_class": "p"},
        images=Path("images"),
        extractors={},
        descriptors={},
        protocols={
            rung: {"rung": rung, "unit": "view", "scope": "train"} for rung in ("as_published", "source_disjoint")
        },
        left_out={},
        left_out_tables={},
    )


def answers(
    item: str,
    subject: np.ndarray,
    positive: np.ndarray,
    score: np.ndarray,
    *,
    rung: str = "as_published",
    fold: np.ndarray | None = None,
    images: np.ndarray | None = None,
    repeat: int = 0,
) -> pd.DataFrame:
    """Predictions of one image each, positive where the score is above 0.

    Parameters
    ----------
    item, rung : str
    subject : array of int, shape (n,)
        Patient of each image; -1 where none is known.
    positive : array of bool, shape (n,)
    score : array of float, shape (n,)
    fold : array of int, shape (n,), optional
        Default: four folds in turn.
    images : array of int, shape (n,), optional
        Number of each image; default: from 0.
    repeat : int
    """
    number = np.arange(len(score)) if images is None else images
    names = [f"i{k:04d}" for k in number]
    return pd.DataFrame(
        {
            "study": "compared",
            "dataset": "d",
            "table": "1",
            "item": item,
            "protocol": rung,
            "repeat": repeat,
            "fold": np.arange(len(score)) % 4 if fold is None else fold,
            "image_id": names,
            "view": "identity",
            "subject_id": [f"s{k}" if k >= 0 else "" for k in subject],
            "source_id": names,
            "y_true": np.where(positive, "p", "n"),
            "y_pred": np.where(score > 0, "p", "n"),
            "score": score,
        }
    )


def split_tables(resolved: ResolvedStudy, predictions: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Split tables that predictions may have come from: what a repeat tests in one fold, it trains on in its others."""
    tables = {}
    for rung, rows in predictions.groupby("protocol", observed=True):
        folds = []
        for (repeat, fold), tested in rows.groupby(["repeat", "fold"]):
            images = rows.loc[rows["repeat"] == repeat, "image_id"].unique()
            role = np.where(np.isin(images, tested["image_id"].unique()), "test", "train")
            folds.append(
                pd.DataFrame({"image_id": images, "view": "identity", "role": role}).assign(repeat=repeat, fold=fold)
            )
        tables |= {f"{rung}/{split}": pd.concat(folds) for split in resolved.study.splits}
    return tables


def outcomes(resolved: ResolvedStudy, *frames: pd.DataFrame, splits: dict[str, pd.DataFrame] | None = None) -> Outcomes:
    """The cells of some predictions; default: with the split tables that they may have come from."""
    predictions = pd.concat(frames, ignore_index=True)
    return Outcomes(resolved, [predictions], splits=splits or split_tables(resolved, predictions))
