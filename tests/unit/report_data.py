"""Synthetic results of a run, as the stages before the report write them."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
from PIL import Image

from leukorepro.config import Protocol, Study
from leukorepro.resolved import ResolvedExtractor, ResolvedRun, ResolvedStudy
from leukorepro.store import write_csv, write_json, write_parquet
from leukorepro.words import LADDER

ROOT = Path(__file__).resolve().parents[2]
METRICS = ("accuracy", "sensitivity", "specificity", "precision", "f1", "auroc")
ATTEIA = ROOT / "config" / "studies" / "atteia2022.yaml"

ACCURACY = {
    "as_published": 0.95,
    "fit_in_fold": 0.92,
    "source_disjoint": 0.8,
    "subject_disjoint": 0.68,
    "external": 0.65,
}


def three_class_study() -> Study:
    """A study of one's own: three classes, two items whose names need escaping, no autoencoder, no figure."""
    return Study.model_validate(
        {
            "key": "other",
            "citation": {
                "authors": "A. Bee, C. Dee and E. Eff",
                "title": "A <b>bold</b> title",
                "journal": "J",
                "year": 2024,
            },
            "published_dataset": "image_folder",
            "published_protocol": {"unit": "view", "scope": "train"},
            "extractors": {"mobilenet_v2": {"backbone": "mobilenet_v2"}},
            "feature_sets": {"mobilenet_v2": ["mobilenet_v2"]},
            "classifiers": {"svm": {"kind": "svm", "kernel": "rbf"}},
            "splits": {"folds": {"kind": "k_fold", "n_splits": 3}},
            "tables": {
                "II": {
                    "title": "Sub-types",
                    "split": "folds",
                    "metrics": ["accuracy", "f1", "auroc"],
                    "items": [
                        {"item": "A & <B>", "features": "mobilenet_v2", "classifier": "svm"},
                        {"item": "plain", "features": "mobilenet_v2", "classifier": "svm"},
                    ],
                }
            },
            "headline": "II/A & <B>",
        }
    )


def resolve(
    study: Study,
    root: Path,
    *,
    simulated: bool = True,
    weights: str = "random",
    rungs: tuple[str, ...] = LADDER,
    title: str = "",
) -> ResolvedStudy:
    """A study put together by hand."""
    base = {"title": title, "positive_class": "all" if study.key == "atteia2022" else None}
    size = {"subjects": 4, "images": 12}
    dataset = (
        {"adapter": "simulated", "look": "allidb", "sizes": {"demo": size, "published": size}, **base}
        if simulated
        else {"adapter": "image_folder", "images": root / "images", **base}
    )
    return ResolvedStudy.model_validate(
        {
            "study": study,
            "dataset_id": f"{study.key}-data",
            "dataset": dataset,
            "images": root / "images" / study.key,
            "extractors": {
                name: ResolvedExtractor(
                    id=f"{e.backbone}-gap-{weights}-224",
                    backbone=e.backbone,
                    layer="gap",
                    weights=weights,
                    input_size=224,
                )
                for name, e in study.extractors.items()
            },
            "protocols": {
                r: Protocol(rung=r, unit="subject" if r in ("subject_disjoint", "external") else "view", scope="train")
                for r in LADDER
                if r in rungs
            },
            "left_out": {r: f"the dataset has no {r} <part>" for r in LADDER if r not in rungs},
        }
    )


def write_run(root: Path, studies: list[ResolvedStudy], *, budget: str = "demo", published: bool = True) -> Path:
    """Write everything that the report reads and return the run's folder."""
    run = ResolvedRun(name="synthetic", budget=budget, seed=0, studies=studies)
    results = root / "results" / "synthetic"
    write_json(json.loads(run.model_dump_json()), results / "config.json")
    for study in studies:
        generator = np.random.default_rng(7)
        manifest = _write_dataset(root, study, generator)
        for extractor in study.extractors.values():
            _write_features(root / "results" / "features" / study.dataset_id / f"{extractor.id}.h5", extractor)
        _write_results(results / study.study.key, study, manifest, generator, published)
    return results


def classes(study: ResolvedStudy) -> list[str]:
    return ["all", "normal"] if study.study.key == "atteia2022" else ["L1", "M2", "M5 & <x>"]


def _write_dataset(root: Path, study: ResolvedStudy, generator: np.random.Generator) -> pd.DataFrame:
    rows = []
    for number in range(60):
        label = classes(study)[number % len(classes(study))]
        path = f"{number:03d}.png"
        pixels = generator.integers(0, 255, (24, 30, 3), dtype=np.uint8)
        (study.images).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(study.images / path)
        rows.append((path, path, label, f"s{number % 12}", path, "", f"{number:064x}", 30, 24, "ok"))
    columns = ["image_id", "path", "label", "subject_id", "source_id", "official_split", "sha256"]
    manifest = pd.DataFrame(rows, columns=[*columns, "width", "height", "status"])
    manifest.loc[59, ["status", "width", "height"]] = ["truncated", 0, 0]
    folder = root / "results" / "datasets" / study.dataset_id
    write_csv(manifest, folder / "manifest.csv")
    write_json(scan_summary(manifest), folder / "scan.json")
    return manifest


def scan_summary(manifest: pd.DataFrame) -> dict[str, object]:
    """The summary that the scan of the synthetic images would give, with one conflict of labels made up."""
    ok = manifest[manifest["status"] == "ok"]
    first, second = ok["image_id"].iloc[0], ok["image_id"].iloc[1]
    pair = {"images": [first, second], "labels": ok["label"].iloc[:2].tolist(), "subjects": ["s0", "s1"]}
    counts = {label: int(n) for label, n in ok["label"].value_counts().sort_index().items()}
    return {
        "images": len(manifest),
        "readable": len(ok),
        "classes": counts,
        "subjects": dict.fromkeys(counts, 12),
        "subjects_total": 12,
        "sources": counts,
        "sources_total": len(ok),
        "splits": {},
        "external_split": "",
        "status": {"ok": len(ok), "truncated": 1},
        "unreadable": [{"image_id": "059.png", "status": "truncated", "reason": "file ends <early>"}],
        "conversions": [{"what": "grey -> RGB", "images": 3, "examples": ["001.png"]}],
        "sizes": [[30, 24, len(ok)]],
        "equal_content": [pair],
        "label_conflicts": [pair],
        "parts": [],
        "complete": False,
        "completeness": ["Nothing is known of a complete copy."],
        "notes": [],
        "ignored": {".txt": 2},
    }


def _write_features(path: Path, extractor: ResolvedExtractor) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file["features"] = np.zeros((2, 5), dtype=np.float32)
        file.attrs.update(
            {
                "backbone": extractor.backbone,
                "layer": extractor.layer,
                "weights": extractor.weights,
                "weights_sha256": "ab" * 32,
                "input_size": extractor.input_size,
                "preprocessing": "ImageNet mean and deviation",
                "engine": "torch eager, cpu, float32",
                "library_versions": json.dumps({"torch": "2.15.0", "numpy": "2.2"}),
            }
        )


def _write_results(
    folder: Path, study: ResolvedStudy, manifest: pd.DataFrame, generator: np.random.Generator, published: bool
) -> None:
    usable = manifest[manifest["status"] == "ok"]
    names = np.array(classes(study))
    metrics = []
    for rung in study.protocols:
        tables = []
        for table, spec in study.study.tables.items():
            for item in spec.items:
                truth = usable["label"].to_numpy()
                right = generator.random(len(truth)) < ACCURACY[rung]
                guess = np.where(right, truth, generator.choice(names, len(truth)))
                frame = usable[["image_id", "subject_id", "source_id"]].assign(
                    study=study.study.key, dataset=study.dataset_id, table=table, item=item.item, protocol=rung
                )
                frame = frame.assign(
                    repeat=0, fold=np.arange(len(truth)) // 3 % 3, view="identity", y_true=truth, y_pred=guess
                )
                scores = (guess[:, None] == names) + generator.normal(0, 0.6, (len(truth), len(names)))
                if len(names) == 2:
                    frame["score"] = scores[:, 0] - scores[:, 1]
                else:
                    frame = frame.assign(**{f"score_{name}": scores[:, k] for k, name in enumerate(names)})
                tables.append(frame)
                for metric in METRICS:
                    value = float((guess == truth).mean()) if metric == "accuracy" else float(generator.uniform(0.5, 1))
                    printed = (
                        round(float(generator.uniform(0.97, 1)), 3) if published and metric in spec.metrics else None
                    )
                    line = (
                        study.study.key,
                        table,
                        item.item,
                        rung,
                        metric,
                        value,
                        value - 0.04,
                        min(1.0, value + 0.03),
                    )
                    metrics.append((*line, len(truth), 12, printed, "not tested"))
        write_parquet(pd.concat(tables, ignore_index=True), folder / rung / "predictions.parquet")
        for table_spec in study.study.tables.values():
            for item in table_spec.items:
                if item.reducer:
                    path = folder / rung / "reducers" / table_spec.split / f"{item.features}-{item.reducer}.h5"
                    _write_reducer(path, ["all"] if rung == "as_published" else ["r0f0", "r0f1", "r0f2"], generator)
    columns = ["study", "table", "item", "protocol", "metric", "value", "ci_low", "ci_high"]
    frame = pd.DataFrame(metrics, columns=[*columns, "n_images", "n_subjects", "published", "verdict"])
    first = frame.groupby(["table", "item", "metric"])["published"].transform("first")
    write_csv(frame.assign(published=first), folder / "metrics.csv")


def _write_reducer(path: Path, fits: list[str], generator: np.random.Generator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        for name in fits:
            group = file.create_group(name)
            group["loss"] = 10 * np.exp(-np.linspace(0, 3, 13) * generator.uniform(0.9, 1.1))
            group["gradient_norm"] = np.linspace(1, 0.1, 13)
            group.attrs["stopped_by"] = "epochs"
