"""Our classifiers over folds against a plain scikit-learn loop: seconds, and how far the predictions agree.

The grid of Hasanaath (2024): KNN, linear SVM, RBF SVM, decision tree and random forest, and a multilayer
perceptron of 20 epochs, on the columns of six networks, three pairs and one trio. Three times are told:

- the grid as the workflow runs it: one job per feature set, a job per core (processes that have started already);
- the same jobs on one core, one after the other;
- scikit-learn's estimators with their defaults, one after the other in one process, with whatever threads they use.

    python benchmarks/classifiers.py                                  # 4,000 rows, ten feature sets, 60 fits
    python benchmarks/classifiers.py --rows 300 --columns 32 64       # a look
"""

from __future__ import annotations

import argparse
import os
import pickle
import platform
import time
import warnings
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
import sklearn
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from leukorepro.config.study.classifiers import ClassifierBase
from leukorepro.config.study.schemes import HoldOutScheme, Protocol
from leukorepro.config.study.study import Item
from leukorepro.core.store import write_json
from leukorepro.data.splits import make_splits
from leukorepro.features.fusion import Features
from leukorepro.systems.classifiers.classify import Classified, classify
from leukorepro.systems.classifiers.kinds.decision_tree import DecisionTreeSpec
from leukorepro.systems.classifiers.kinds.knn import KnnSpec
from leukorepro.systems.classifiers.kinds.mlp import MlpSpec
from leukorepro.systems.classifiers.kinds.random_forest import RandomForestSpec
from leukorepro.systems.classifiers.kinds.svm import SvmSpec
from leukorepro.systems.classifiers.tasks import Task

COLUMNS = [512, 512, 1024, 1280, 1536, 2048, 1536, 2048, 2560, 3072]
"""Of VGG16, VGG19, DenseNet121, MobileNetV2, InceptionResNetV2, ResNet101; three pairs; the trio."""

EPOCHS = 20
GRID: dict[str, tuple[ClassifierBase, Any]] = {
    "KNN": (KnnSpec(kind="knn"), KNeighborsClassifier()),
    "SVM": (SvmSpec(kind="svm", kernel="linear", standardize=False), SVC(kernel="linear")),
    "RBF": (SvmSpec(kind="svm", kernel="rbf", standardize=False), SVC()),
    "DT": (DecisionTreeSpec(kind="decision_tree"), DecisionTreeClassifier(random_state=0)),
    "RF": (RandomForestSpec(kind="random_forest"), RandomForestClassifier(random_state=0)),
    "MLP": (
        MlpSpec(kind="mlp", hidden=[256], epochs={"demo": EPOCHS, "published": EPOCHS}, batch_size=32),
        MLPClassifier((256,), batch_size=32, max_iter=EPOCHS, n_iter_no_change=EPOCHS, random_state=0),
    ),
}
PROTOCOL = Protocol(rung="as_published", unit="view", scope="all")


def simulated(n_rows: int, n_columns: int, seed: int) -> tuple[Features, pd.DataFrame]:
    """Rectified mixtures of 200 sources with the spectrum of pooled activations; two classes that overlap.

    The largest share of variance (0.3) and its decay (as the power -1.5) follow MobileNetV2's pooled features of
    photographs of blood cells.
    """
    rng = np.random.default_rng(seed)
    deviation = (1.0 + np.arange(200)) ** -0.75
    sources = rng.normal(size=(n_rows, 200)) * deviation
    mixing = rng.normal(size=(200, n_columns)) / np.linalg.norm(deviation)
    matrix = np.maximum(0.75 * sources @ mixing + 0.05 * rng.normal(size=(n_rows, n_columns)), 0)
    tendency = (sources[:, :12] / deviation[:12]).sum(1) / np.sqrt(12) + 0.45 * rng.normal(size=n_rows)
    names = [f"{i:06d}.png" for i in range(n_rows)]
    manifest = pd.DataFrame(
        {
            "image_id": names,
            "label": np.where(tendency > -0.35, "all", "hem"),
            "subject_id": names,
            "source_id": names,
            "official_split": "",
            "status": "ok",
        }
    )
    return Features(matrix.astype(np.float32), pd.DataFrame({"image_id": names, "view": "identity"})), manifest


def splits_of(manifest: pd.DataFrame) -> pd.DataFrame:
    return make_splits(manifest, HoldOutScheme(kind="hold_out", test_share=0.1), PROTOCOL, 0, None)


def ours(features: Features, manifest: pd.DataFrame, names: list[str]) -> tuple[float, Classified]:
    """Seconds and predictions of one job."""
    splits = splits_of(manifest)
    task = Task("s", "d", PROTOCOL, "all", [("1", Item(item=name, features="f", classifier=name)) for name in names])
    began = time.perf_counter()
    done = classify(task, features, splits, manifest, {name: GRID[name][0] for name in names}, {})
    return time.perf_counter() - began, done


def plain(features: Features, manifest: pd.DataFrame, name: str) -> tuple[float, Any]:
    """Seconds and predictions of one of scikit-learn's estimators."""
    splits = splits_of(manifest)
    train, test = (features.row_numbers(splits[splits["role"] == role]) for role in ("train", "test"))
    labels = manifest["label"].to_numpy(dtype=object)
    began = time.perf_counter()
    predicted = GRID[name][1].fit(features.matrix[train], labels[train]).predict(features.matrix[test])
    return time.perf_counter() - began, predicted


def start_worker(barrier: Barrier, names: list[str]) -> None:
    """Import everything and call it once, before the clock starts."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # progress bars of several processes
    ours(*simulated(200, 16, 0), names)
    barrier.wait()


def work(job: tuple[Path, list[str]]) -> float:
    """One job of the workflow."""
    with job[0].open("rb") as file:
        features, manifest = pickle.load(file)
    return ours(features, manifest, job[1])[0]


def measure_grid(files: list[Path], names: list[str], cores: int) -> float:
    """Seconds of all jobs, a job per core, the last file first."""
    context = get_context("spawn")
    barrier = context.Barrier(cores + 1)
    with context.Pool(cores, start_worker, (barrier, names)) as pool:
        barrier.wait()
        began = time.perf_counter()
        pool.map(work, [(file, names) for file in reversed(files)], chunksize=1)
        seconds = time.perf_counter() - began
        pool.close()
        pool.join()
    return seconds


def measure(features: Features, manifest: pd.DataFrame, names: list[str]) -> dict[str, Any]:
    """Seconds of both ways on one feature set, and the rows on which they agree."""
    together, done = ours(features, manifest, names)
    result: dict[str, Any] = {"columns": features.matrix.shape[1], "seconds_ours_together": together, "classifiers": {}}
    for name in names:
        told = done.predictions[done.predictions["item"] == name]
        alone, _ = ours(features, manifest, [name])
        seconds, expected = plain(features, manifest, name)
        result["classifiers"][name] = {
            "engine": done.engines[name],
            "seconds_ours_alone": alone,
            "seconds_plain": seconds,
            "rows": len(told),
            "rows_equal": int((told["y_pred"] == expected).sum()),
            "accuracy_ours": float((told["y_pred"] == told["y_true"]).mean()),
            "accuracy_plain": float((expected == told["y_true"]).mean()),
        }
    return result


def summary(sets: list[dict[str, Any]], names: list[str], grid: float) -> dict[str, Any]:
    """Totals over all feature sets."""

    def total(name: str, key: str) -> float:
        return float(sum(one["classifiers"][name][key] for one in sets))

    told = {
        name: {
            "engine": sets[0]["classifiers"][name]["engine"],
            "seconds_ours_alone": total(name, "seconds_ours_alone"),
            "seconds_plain": total(name, "seconds_plain"),
            "ratio": total(name, "seconds_plain") / total(name, "seconds_ours_alone"),
            "rows_equal_share": total(name, "rows_equal") / total(name, "rows"),
            "accuracy_ours": total(name, "accuracy_ours") / len(sets),
            "accuracy_plain": total(name, "accuracy_plain") / len(sets),
        }
        for name in names
    }
    one_core = sum(one["seconds_ours_together"] for one in sets)
    plain_seconds = sum(one["seconds_plain"] for one in told.values())
    total_of_grid = {
        "fits": len(names) * len(sets),
        "seconds_ours": grid,
        "seconds_ours_one_core": one_core,
        "seconds_plain": plain_seconds,
        "ratio": plain_seconds / grid,
        "ratio_one_core": plain_seconds / one_core,
    }
    return {"classifiers": told, "total": total_of_grid}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=4000)
    parser.add_argument("--columns", type=int, nargs="+", default=COLUMNS, help="of each feature set")
    parser.add_argument("--classifiers", nargs="+", default=list(GRID), choices=list(GRID))
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=Path("results/benchmarks"))
    options = parser.parse_args()
    names: list[str] = options.classifiers
    warnings.simplefilter("ignore", ConvergenceWarning)
    with TemporaryDirectory() as folder:
        files = [Path(folder) / f"{number}.pickle" for number in range(len(options.columns))]
        for number, (file, n_columns) in enumerate(zip(files, options.columns, strict=True)):
            file.write_bytes(pickle.dumps(simulated(options.rows, n_columns, number)))
        grid = measure_grid(files, names, options.cores)
        measure(*simulated(200, 16, 0), names)  # first calls
        sets = [measure(*pickle.loads(file.read_bytes()), names) for file in files]
    result = {
        "rows": options.rows,
        "columns": options.columns,
        "cores": options.cores,
        "processor": platform.processor() or platform.machine(),
        "scikit-learn": sklearn.__version__,
        **summary(sets, names, grid),
        "feature_sets": sets,
    }
    print(f"\n{'':4} {'ours s':>8} {'plain s':>8} {'ratio':>6} {'equal':>8} {'accuracy ours, plain':>22}  engine")
    for name, one in result["classifiers"].items():
        accuracy = f"{one['accuracy_ours']:.3f}, {one['accuracy_plain']:.3f}"
        print(
            f"{name:4} {one['seconds_ours_alone']:8.2f} {one['seconds_plain']:8.2f} {one['ratio']:6.1f} "
            f"{one['rows_equal_share']:8.2%} {accuracy:>22}  {one['engine']}"
        )
    total = result["total"]
    print(
        f"{total['fits']} fits: plain scikit-learn {total['seconds_plain']:.1f} s, "
        f"ours {total['seconds_ours']:.1f} s on {options.cores} cores ({total['ratio']:.1f} times faster), "
        f"{total['seconds_ours_one_core']:.1f} s on one ({total['ratio_one_core']:.1f} times)"
    )
    write_json(result, options.out / "classifiers.json")


if __name__ == "__main__":
    main()
