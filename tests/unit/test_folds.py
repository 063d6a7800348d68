from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from leukorepro.config import Item, KFoldScheme, Protocol, SparseAutoencoderSpec, SvmSpec
from leukorepro.data.splits import make_splits
from leukorepro.errors import UserError
from leukorepro.features.fusion import Features
from leukorepro.models.folds import Task, classify, fits
from leukorepro.models.reducers import fit_reducer
from leukorepro.store import hdf5_reader

VIEWS = ["identity", "hflip"]
SVM = SvmSpec(kind="svm", kernel="poly", degree=3, coef0=1.0)
AUTOENCODER = SparseAutoencoderSpec(
    kind="sparse_autoencoder", hidden_fraction=0.5, max_epochs={"demo": 3, "published": 5}
)


def dataset(classes: list[str], per_class: int = 20) -> tuple[pd.DataFrame, Features]:
    """Images whose class shifts the features, and a second view that is a noisy copy."""
    labels = np.repeat(classes, per_class)
    ids = [f"{i:03d}.png" for i in range(len(labels))]
    manifest = pd.DataFrame(
        {
            "image_id": ids,
            "label": labels,
            "subject_id": [f"s{i // 2}" for i in range(len(labels))],
            "source_id": ids,
            "official_split": "",
            "status": "ok",
        }
    )
    rng = np.random.default_rng(0)
    base = rng.normal(size=(len(labels), 12)) + np.repeat(np.arange(len(classes)), per_class)[:, None]
    matrix = np.repeat(base, len(VIEWS), axis=0) + rng.normal(scale=0.1, size=(len(labels) * len(VIEWS), 12))
    rows = pd.DataFrame({"image_id": np.repeat(ids, len(VIEWS)), "view": np.tile(VIEWS, len(ids))})
    return manifest, Features(matrix.astype(np.float32), rows)


def protocol(rung: str, unit: str, scope: str) -> Protocol:
    return Protocol.model_validate({"rung": rung, "unit": unit, "scope": scope})


def splits_of(manifest: pd.DataFrame, rule: Protocol) -> pd.DataFrame:
    return make_splits(manifest, KFoldScheme(kind="k_fold", n_splits=4, views=VIEWS), rule, 0, None)


def run(manifest: pd.DataFrame, features: Features, rule: Protocol, item: Item, **reducers: Path) -> pd.DataFrame:
    task = Task("s", "d", rule, "a", [("1", item)])
    return classify(task, features, splits_of(manifest, rule), manifest, {"svm": SVM}, reducers)


@pytest.mark.parametrize("classes", [["a", "b"], ["a", "b", "c"]])
@pytest.mark.parametrize("rung", ["as_published", "subject_disjoint"])
def test_predictions_equal_a_plain_scikit_learn_loop(classes: list[str], rung: str) -> None:
    manifest, features = dataset(classes)
    rule = protocol(rung, "view" if rung == "as_published" else "subject", "train")
    ours = run(manifest, features, rule, Item(item="i", features="f", classifier="svm"))

    label = dict(zip(manifest["image_id"], manifest["label"], strict=True))
    rows = features.rows.assign(position=range(len(features.rows)))
    table = splits_of(manifest, rule).merge(rows, on=["image_id", "view"])
    for fold, part in table.groupby("fold"):
        train, test = part[part["role"] == "train"], part[part["role"] == "test"]
        scaler = StandardScaler().fit(features.matrix[train["position"]])
        svm = SVC(kernel="poly", degree=3, coef0=1.0, gamma="scale")
        svm.fit(scaler.transform(features.matrix[train["position"]]), train["image_id"].map(label))
        X = scaler.transform(features.matrix[test["position"]])
        expected = test.assign(y=svm.predict(X)).set_index(["image_id", "view"]).sort_index()
        got = ours[ours["fold"] == fold].set_index(["image_id", "view"]).sort_index()
        assert got["y_pred"].tolist() == expected["y"].tolist()
        if len(classes) == 3:
            assert [c for c in ours if c.startswith("score")] == ["score_a", "score_b", "score_c"]


def test_high_scores_speak_for_the_positive_class() -> None:
    manifest, features = dataset(["a", "b"])
    ours = run(
        manifest, features, protocol("as_published", "view", "all"), Item(item="i", features="f", classifier="svm")
    )
    assert ((ours["score"] > 0) == (ours["y_pred"] == "a")).all()


def test_two_classes_need_a_positive_one() -> None:
    manifest, features = dataset(["x", "y"])
    with pytest.raises(UserError, match="positive_class is 'a', but its classes are x and y"):
        run(
            manifest, features, protocol("fit_in_fold", "view", "train"), Item(item="i", features="f", classifier="svm")
        )


def test_scope_all_fits_once_on_every_row_and_scope_train_never_sees_a_test_row() -> None:
    manifest, features = dataset(["a", "b"])
    leaky, honest = protocol("as_published", "view", "all"), protocol("source_disjoint", "source", "train")
    assert {name: len(rows) for name, rows in fits(splits_of(manifest, leaky), features, leaky).items()} == {"all": 80}
    table = splits_of(manifest, honest)
    seen = fits(table, features, honest)
    assert sorted(seen) == ["r0f0", "r0f1", "r0f2", "r0f3"]
    for fold in range(4):
        tested = table[(table["fold"] == fold) & (table["role"] != "train")]
        assert not set(seen[f"r0f{fold}"]) & set(features.row_numbers(tested))


@pytest.mark.parametrize(("rung", "unit", "scope"), [("as_published", "view", "all"), ("fit_in_fold", "view", "train")])
def test_a_reduced_item_is_classified_on_its_own_folds_codes(tmp_path: Path, rung: str, unit: str, scope: str) -> None:
    manifest, features = dataset(["a", "b"])
    rule = protocol(rung, unit, scope)
    path = tmp_path / "r.h5"
    fit_reducer(AUTOENCODER, features, splits_of(manifest, rule), rule, "demo", 0, "cpu", path)
    with hdf5_reader(path) as file:
        assert sorted(file) == (["all"] if scope == "all" else ["r0f0", "r0f1", "r0f2", "r0f3"])
        assert {len(file[name]["loss"]) for name in file} == {4}  # before the first epoch, and after each of three
    item = Item(item="i", features="f", reducer="r", classifier="svm")
    ours = run(manifest, features, rule, item, r=path)
    assert len(ours) == len(features.rows)
    assert not ours.duplicated(["image_id", "view"]).any()
    plain = run(manifest, features, rule, Item(item="i", features="f", classifier="svm"))
    assert not np.allclose(ours["score"], plain["score"])
