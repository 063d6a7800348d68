from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from feature_data import write_parts
from project_data import make_project, write_run
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.config.study.classifiers import ClassifierSpec
from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import HoldOutScheme, KFoldScheme, LabelSet, Protocol, Scheme
from leukorepro.config.study.study import load_study
from leukorepro.config.study.systems import SparseAutoencoderSpec
from leukorepro.core.errors import UserError
from leukorepro.core.store import hdf5_reader, parquet_metadata, read_parquet
from leukorepro.core.tables.data import MANIFEST_TABLE
from leukorepro.data.split_tables import write_splits
from leukorepro.data.splits import make_splits
from leukorepro.features.fusion import Features
from leukorepro.run.resolve import resolve
from leukorepro.run.specify import Specifications
from leukorepro.systems.autoencoders.reducers import fit_reducer
from leukorepro.systems.classifiers import classify as module
from leukorepro.systems.classifiers.classify import Classified, classify, read_encoder
from leukorepro.systems.classifiers.engines import Settings
from leukorepro.systems.classifiers.fits import fit_and_predict
from leukorepro.systems.classifiers.kernels import Rows
from leukorepro.systems.classifiers.kinds import svm
from leukorepro.systems.classifiers.kinds.knn import KnnSpec
from leukorepro.systems.classifiers.kinds.mlp import MlpSpec
from leukorepro.systems.classifiers.kinds.random_forest import RandomForestSpec
from leukorepro.systems.classifiers.kinds.sklearn import SklearnSpec
from leukorepro.systems.classifiers.kinds.softmax import SoftmaxSpec
from leukorepro.systems.classifiers.kinds.svm import SvmSpec
from leukorepro.systems.classifiers.shared import Shared
from leukorepro.systems.classifiers.tasks import Answers, Task
from leukorepro.systems.folds import fit_in_words, fits

VIEWS = ["identity", "hflip"]
SVM = SvmSpec(kind="svm", kernel="poly", degree=3, coef0=1.0)
ITEM = Item(item="i", features="f", classifier="svm")
AUTOENCODER = SparseAutoencoderSpec(
    kind="sparse_autoencoder", hidden_fraction=0.5, max_epochs={"demo": 3, "published": 5}
)
FOUR_FOLDS = KFoldScheme(kind="k_fold", n_splits=4, views=VIEWS)
THREE_PARTS = HoldOutScheme(kind="hold_out", test_share=0.2, validation_share=0.2)


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


AS_PUBLISHED = protocol("as_published", "view", "all")


def splits_of(manifest: pd.DataFrame, rule: Protocol, scheme: Scheme = FOUR_FOLDS) -> pd.DataFrame:
    return make_splits(manifest, scheme, rule, 0, None)


def run(
    manifest: pd.DataFrame,
    features: Features,
    rule: Protocol = AS_PUBLISHED,
    *items: tuple[str, Item],
    classifiers: dict[str, ClassifierSpec] | None = None,
    scheme: Scheme = FOUR_FOLDS,
    fitted: tuple[str, ...] = (),
    settings: Settings | None = None,
    **reducers: Path,
) -> Classified:
    task = Task("s", "d", rule, "a", items or [("1", ITEM)], fitted_tables=frozenset(fitted))
    splits = splits_of(manifest, rule, scheme)
    return classify(task, features, splits, manifest, classifiers or {"svm": SVM}, reducers, settings)


@pytest.mark.parametrize("classes", [["a", "b"], ["a", "b", "c"]])
@pytest.mark.parametrize("rung", ["as_published", "subject_disjoint"])
def test_predictions_equal_a_plain_scikit_learn_loop(classes: list[str], rung: str) -> None:
    manifest, features = dataset(classes)
    rule = protocol(rung, "view" if rung == "as_published" else "subject", "train")
    ours = run(manifest, features, rule).predictions

    label = dict(zip(manifest["image_id"], manifest["label"], strict=True))
    rows = features.rows.assign(position=range(len(features.rows)))
    table = splits_of(manifest, rule).merge(rows, on=["image_id", "view"])
    for fold, part in table.groupby("fold"):
        train, test = part[part["role"] == "train"], part[part["role"] == "test"]
        scaler = StandardScaler().fit(features.matrix[train["position"]])
        svm = SVC(kernel="poly", degree=3, coef0=1.0, gamma="scale")
        svm.fit(scaler.transform(features.matrix[train["position"]]), train["image_id"].map(label))
        X = scaler.transform(features.matrix[test["position"]])
        expected = test.assign(y=svm.predict(X)).set_index(["image_id", "view"])
        got = ours[ours["fold"] == fold].set_index(["image_id", "view"]).loc[expected.index]
        assert got["y_pred"].tolist() == expected["y"].tolist()
        names = ["score"] if len(classes) == 2 else ["score_a", "score_b", "score_c"]
        assert [c for c in ours if c.startswith("score")] == names
        values = svm.decision_function(X)  # two classes: of the second, b
        np.testing.assert_allclose(got[names].to_numpy().T, values.T if len(classes) == 3 else -values[None], atol=1e-6)


def test_high_scores_speak_for_the_positive_class() -> None:
    manifest, features = dataset(["a", "b"])
    ours = run(manifest, features).predictions
    assert ((ours["score"] > 0) == (ours["y_pred"] == "a")).all()


def test_two_classes_need_a_positive_one() -> None:
    manifest, features = dataset(["x", "y"])
    with pytest.raises(UserError, match="positive_class is 'a', but its classes are x and y"):
        run(manifest, features)


def test_a_class_that_is_only_tested_cannot_be_learnt() -> None:
    manifest, features = dataset(["a", "b", "c"])
    splits = splits_of(manifest, AS_PUBLISHED)
    label = splits["image_id"].map(manifest.set_index("image_id")["label"])
    for dropped, told in ((["c"], "no row of class c"), (["b", "c"], "no row of class b, c")):
        table = splits[(splits["fold"] != 2) | ~label.isin(dropped) | (splits["role"] != "train")]
        with pytest.raises(UserError, match=f"s, as_published: the training part of repeat 0, fold 2 has {told}"):
            classify(Task("s", "d", AS_PUBLISHED, None, [("1", ITEM)]), features, table, manifest, {"svm": SVM}, {})
    only = splits[(splits["fold"] != 2) | (label == "a")]
    with pytest.raises(UserError, match="fold 2 has rows of class a only"):
        classify(Task("s", "d", AS_PUBLISHED, None, [("1", ITEM)]), features, only, manifest, {"svm": SVM}, {})


def test_a_label_set_puts_classes_together() -> None:
    manifest, features = dataset(["L1", "L2", "M2"])
    types = LabelSet(classes={"ALL": ["L1", "L2"], "AML": ["M2"]}, positive_class="ALL")
    task = Task("s", "d", AS_PUBLISHED, "ALL", [("1", ITEM)], types)
    splits = make_splits(manifest, FOUR_FOLDS, AS_PUBLISHED, 0, None, types)
    ours = classify(task, features, splits, manifest, {"svm": SVM}, {}).predictions

    merged = manifest.assign(label=manifest["label"].map(types.of_label))
    plain = Task("s", "d", AS_PUBLISHED, "ALL", [("1", ITEM)])
    pd.testing.assert_frame_equal(ours, classify(plain, features, splits, merged, {"svm": SVM}, {}).predictions)
    assert set(ours["y_true"]) == {"ALL", "AML"}


def test_fitted_rows_are_kept_for_the_tables_that_print_their_metrics() -> None:
    manifest, features = dataset(["a", "b"])
    table = splits_of(manifest, AS_PUBLISHED, THREE_PARTS).set_index(["image_id", "view"])["role"]
    assert set(table) == {"train", "validation", "test"}
    items = [("1", ITEM), ("2", ITEM), ("2", ITEM.model_copy(update={"item": "twin"}))]
    ours = run(manifest, features, AS_PUBLISHED, *items, scheme=THREE_PARTS, fitted=("2",)).predictions
    assert list(ours)[-4:] == ["role", "y_true", "y_pred", "score"]
    for (number, _), rows in ours.groupby(["table", "item"]):
        rows = rows.set_index(["image_id", "view"])
        assert rows.index.is_unique
        expected = table if number == "2" else table[table == "test"]
        pd.testing.assert_series_equal(rows["role"].sort_index(), expected.sort_index())
    first, second = (
        ours[(ours["table"] == number) & (ours["item"] == "i") & (ours["role"] == "test")].reset_index(drop=True)
        for number in "12"
    )
    pd.testing.assert_frame_equal(first.drop(columns="table"), second.drop(columns="table"))


def test_items_with_the_same_reducer_and_classifier_are_fitted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = []

    def counted(*given: object) -> Answers:
        fitted.append(given[0])
        return fit_and_predict(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "fit_and_predict", counted)
    manifest, features = dataset(["a", "b"])
    items = [(table, ITEM.model_copy(update={"item": name})) for table, name in (("1", "i"), ("1", "j"), ("2", "i"))]
    ours = run(manifest, features, AS_PUBLISHED, *items).predictions
    assert len(fitted) == 4
    assert len(ours) == 3 * len(features.rows)


def test_numbers_do_not_depend_on_the_number_of_threads() -> None:
    manifest, features = dataset(["a", "b", "c"])
    classifiers: dict[str, ClassifierSpec] = {
        "svm": SVM,
        "linear": SvmSpec(kind="svm", kernel="linear", standardize=False),
        "knn": KnnSpec(kind="knn"),
        "forest": RandomForestSpec(kind="random_forest", n_estimators=7),
        "extra_trees": SklearnSpec(kind="sklearn", estimator="ExtraTreesClassifier", parameters={"n_estimators": 7}),
        "mlp": MlpSpec(kind="mlp", hidden=[5], epochs={"demo": 2, "published": 3}),
        "softmax": SoftmaxSpec(
            kind="softmax", epochs={"demo": 2, "published": 3}, batch_size=7, learning_rate=0.01, dropout=0.5
        ),
    }
    items = [("1", Item(item=name, features="f", classifier=name)) for name in classifiers]
    one, two = (
        run(manifest, features, AS_PUBLISHED, *items, classifiers=classifiers, settings=Settings(threads=threads))
        for threads in (1, 2)
    )
    pd.testing.assert_frame_equal(one.predictions, two.predictions, check_exact=True)
    assert one.engines == two.engines
    assert set(one.engines) == set(classifiers)


class InFile(np.ndarray):
    """A matrix in a file that must not be read as a whole: no more than ten of its rows at a time."""

    def __getitem__(self, index: np.ndarray) -> np.ndarray:
        assert len(index) <= 10
        return np.asarray(self)[index]


def test_a_perceptron_reads_no_more_than_a_batch_of_rows_at_a_time() -> None:
    manifest, features = dataset(["a", "b"])
    stored = replace(features, matrix=features.matrix.view(InFile))
    options = {"kind": "mlp", "hidden": [5], "epochs": {"demo": 2, "published": 2}, "batch_size": 10}
    answers = [
        run(manifest, matrix, scheme=THREE_PARTS, fitted=("1",), classifiers={"svm": MlpSpec(**options | more)})
        for matrix in (features, stored)
        for more in ({}, {"output": "softmax"})
    ]
    for i in (0, 1):
        pd.testing.assert_frame_equal(answers[i].predictions, answers[i + 2].predictions, check_exact=True)
    assert not answers[0].predictions["score"].equals(answers[1].predictions["score"])
    with pytest.raises(AssertionError):
        run(manifest, stored)  # a support vector machine, which wants them all


def test_the_seed_reaches_the_classifier() -> None:
    manifest, features = dataset(["a", "b"])
    forest: dict[str, ClassifierSpec] = {"svm": RandomForestSpec(kind="random_forest", n_estimators=5)}
    scores = [
        run(manifest, features, classifiers=forest, settings=Settings(seed=seed)).predictions["score"].tolist()
        for seed in (0, 0, 1)
    ]
    assert scores[0] == scores[1] != scores[2]


def test_more_rows_than_a_kernel_matrix_may_have_are_classified_without_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest, features = dataset(["a", "b"])
    kept = run(manifest, features)
    monkeypatch.setattr(svm, "KERNEL_ROWS", 79)
    svm._matrix_is_kept.cache_clear()
    direct = run(manifest, features)
    assert "80 rows: no kernel matrix is kept of more than 79" in capsys.readouterr().out
    assert "on a kernel matrix" in kept.engines["svm"]
    assert "on a kernel matrix" not in direct.engines["svm"]
    assert kept.predictions["y_pred"].tolist() == direct.predictions["y_pred"].tolist()
    np.testing.assert_allclose(kept.predictions["score"], direct.predictions["score"], atol=0.01)  # the solvers' own


def test_scope_all_fits_once_on_every_row_and_scope_train_never_sees_a_test_row() -> None:
    manifest, features = dataset(["a", "b"])
    leaky, honest = AS_PUBLISHED, protocol("source_disjoint", "source", "train")
    assert {name: len(rows) for name, rows in fits(splits_of(manifest, leaky), features, leaky).items()} == {"all": 80}
    table = splits_of(manifest, honest)
    seen = fits(table, features, honest)
    assert sorted(seen) == ["r0f0", "r0f1", "r0f2", "r0f3"]
    for fold in range(4):
        tested = table[(table["fold"] == fold) & (table["role"] != "train")]
        assert not set(seen[f"r0f{fold}"]) & set(features.row_numbers(tested))


@pytest.mark.parametrize(("rung", "unit", "scope"), [("as_published", "view", "all"), ("fit_in_fold", "view", "train")])
def test_a_reduced_item_is_classified_on_its_own_folds_codes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rung: str, unit: str, scope: str
) -> None:
    manifest, features = dataset(["a", "b"])
    rule = protocol(rung, unit, scope)
    path = tmp_path / "r.h5"
    fit_reducer(AUTOENCODER, features, splits_of(manifest, rule), rule, "demo", 0, "cpu", path)
    with hdf5_reader(path) as file:
        assert sorted(file) == (["all"] if scope == "all" else ["r0f0", "r0f1", "r0f2", "r0f3"])
        assert {len(file[name]["loss"]) for name in file} == {4}  # before the first epoch, and after each of three
    read = []
    monkeypatch.setattr(module, "read_encoder", lambda *given: read.append(given) or read_encoder(*given))
    ours = run(manifest, features, rule, ("1", ITEM.model_copy(update={"reducer": "r"})), r=path).predictions
    assert len(read) == (1 if scope == "all" else 4)  # codes are computed once for each fit of the reducer
    assert len(ours) == len(features.rows)
    assert not ours.duplicated(["image_id", "view"]).any()
    plain = run(manifest, features, rule).predictions
    assert not np.allclose(ours["score"], plain["score"])


REDUCED = ("1", ITEM.model_copy(update={"reducer": "r"}))


@pytest.mark.parametrize(
    ("fitted_on", "seed", "n_splits", "told"),
    [
        (
            "source_disjoint",
            1,
            4,
            "its fit for fold 1 saw other rows than those that the split table of",
        ),
        ("subject_disjoint", 0, 4, "its fit for fold 1 saw other rows"),
        ("source_disjoint", 0, 5, "its fit for fold 1 saw other rows"),
        ("as_published", 0, 4, "has fits for all rows, but the split table of source_disjoint wants one for fold 1"),
    ],
)
def test_a_reducer_that_was_fitted_on_another_split_is_refused(
    tmp_path: Path, fitted_on: str, seed: int, n_splits: int, told: str
) -> None:
    """Of the same features: another seed, rung or scheme."""
    manifest, features = dataset(["a", "b"])
    honest = protocol("source_disjoint", "source", "train")
    rules = {"as_published": AS_PUBLISHED, "subject_disjoint": protocol("subject_disjoint", "subject", "train")}
    other = rules.get(fitted_on, honest)
    scheme = FOUR_FOLDS.model_copy(update={"n_splits": n_splits})
    path = tmp_path / "r.h5"
    splits = make_splits(manifest, scheme, other, seed, None)
    fit_reducer(AUTOENCODER, features, splits, other, "demo", 0, "cpu", path)
    with pytest.raises(UserError, match=f"{path}: {told}.*; run `snakemake` again"):
        run(manifest, features, honest, REDUCED, r=path)


def test_a_reducer_of_the_same_rows_is_taken_whatever_their_order(tmp_path: Path) -> None:
    """One on all rows serves every split of them, and a table whose lines are in another order is the same split."""
    manifest, features = dataset(["a", "b"])
    path = tmp_path / "r.h5"
    honest = protocol("fit_in_fold", "view", "train")
    for rule, seed in ((AS_PUBLISHED, 1), (honest, 0)):
        splits = make_splits(manifest, FOUR_FOLDS, rule, seed, None).sample(frac=1, random_state=0)
        fit_reducer(AUTOENCODER, features, splits, rule, "demo", 0, "cpu", path)
        assert len(run(manifest, features, rule, REDUCED, r=path).predictions) == 80
    fewer = splits_of(manifest.iloc[2:], AS_PUBLISHED)
    fit_reducer(AUTOENCODER, features, fewer, AS_PUBLISHED, "demo", 0, "cpu", path)
    with pytest.raises(UserError, match="its fit for all rows saw other rows"):
        run(manifest, features, AS_PUBLISHED, REDUCED, r=path)


def test_rungs_share_products_and_fits_that_are_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """To the bit what each rung says by itself; where only fits change, nothing but the reduced item is fitted anew."""
    manifest, features = dataset(["a", "b"])
    linear = SvmSpec(kind="svm", kernel="linear", standardize=False)
    classifiers: dict[str, ClassifierSpec] = {"svm": SVM, "linear": linear, "again": linear}
    items = [("1", Item(item=name, features="f", classifier=name)) for name in classifiers]
    items.append(("1", Item(item="codes", features="f", classifier="svm", reducer="r")))
    rules = (
        AS_PUBLISHED,
        protocol("fit_in_fold", "view", "train"),
        protocol("subject_disjoint", "subject", "train"),
        protocol("source_disjoint", "source", "train"),
    )
    paths = {rule.rung: tmp_path / f"{rule.rung}.h5" for rule in rules}
    for rule in rules:
        fit_reducer(AUTOENCODER, features, splits_of(manifest, rule), rule, "demo", 0, "cpu", paths[rule.rung])

    def predicted(rule: Protocol, shared: Shared | None) -> Classified:
        task, reducers = Task("s", "d", rule, "a", items), {"r": paths[rule.rung]}
        return classify(task, features, splits_of(manifest, rule), manifest, classifiers, reducers, shared=shared)

    alone = [predicted(rule, None) for rule in rules]
    fitted: list[str] = []

    def counted(spec: SvmSpec, rows: Rows, *given: Any) -> Answers:
        fitted.append("codes" if rows.matrix.shape[1] < 12 else spec.kernel)
        return fit_and_predict(spec, rows, *given)

    monkeypatch.setattr(module, "fit_and_predict", counted)
    shared, n = Shared(features), []
    products = []
    for rule, expected in zip(rules, alone, strict=True):
        fitted.clear()
        ours = predicted(rule, shared)
        pd.testing.assert_frame_equal(ours.predictions, expected.predictions, check_exact=True)
        assert ours.engines == expected.engines
        n.append({name: fitted.count(name) for name in ("poly", "linear", "codes")})
        products.append(shared.rows(np.unique(features.row_numbers(splits_of(manifest, rule)))).products)
    everything = {"poly": 4, "linear": 4, "codes": 4}
    assert n == [everything, {"poly": 0, "linear": 0, "codes": 4}, everything, everything]
    assert products[0] is products[1]
    assert len(products[2]) == len(features.rows)  # views train, originals are tested
    assert shared.rows(np.arange(3)).products.shape == (3, 3)
    assert not shared.answers


def test_the_command_writes_predictions_and_engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_project(tmp_path))
    manifest, features = dataset(["all", "healthy"])
    manifest = manifest.assign(path=manifest["image_id"], sha256="0", width=8, height=8)
    MANIFEST_TABLE.write(manifest[list(MANIFEST_TABLE.columns)], Path("manifest.csv"))
    write_splits(splits_of(manifest, AS_PUBLISHED), Path("folds.csv"))
    specifications = Specifications(resolve(write_run(tmp_path)))
    job = ("classification", "atteia2022", "GSet")
    file = write_parts(Path(), features, specifications[job].parts, Path("manifest.csv"))
    specifications.write()
    words = f"models classify --spec {specifications.path(*job)} --threads 2"
    words += f" --features {file} --splits as_published/five_folds=folds.csv"
    words += " --manifest manifest.csv --output G.pq"
    done = CliRunner().invoke(app, words.split())
    assert done.exit_code == 0, done.output

    task = Task("atteia2022", "allidb_simulated-demo", AS_PUBLISHED, "all", [("1", ITEM)])
    cubic = load_study(Path("config/studies/atteia2022.yaml")).classifiers["cubic_svm"]
    expected = classify(task, features, splits_of(manifest, AS_PUBLISHED), manifest, {"svm": cubic}, {})
    written = read_parquet(Path("G.pq"))
    assert set(written["item"]) == {"GSet"}
    pd.testing.assert_frame_equal(written.drop(columns="item"), expected.predictions.drop(columns="item"))
    assert json.loads(parquet_metadata(Path("G.pq"))["engines"]) == {"cubic_svm": [expected.engines["svm"]]}


def test_fits_are_told_as_a_person_counts() -> None:
    assert [fit_in_words(name) for name in ("r0f0", "r0f9", "r2f0", "all")] == [
        *("fold 1", "fold 10"),
        "repeat 3, fold 1",
        "all rows",
    ]
