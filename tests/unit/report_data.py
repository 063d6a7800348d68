"""Synthetic results of a run, as the stages before the report write them."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import pandas as pd
import report_audits
import report_explanations
import report_trainings
from compared_data import split_tables
from judged import evaluate
from PIL import Image
from project_data import printed_items
from scipy.special import expit, softmax

from leukorepro.checks.leakage import audit_leakage
from leukorepro.config.study.schemes import Protocol
from leukorepro.config.study.study import Study
from leukorepro.config.study.tables import Table
from leukorepro.core.store import sha256_file, write_json
from leukorepro.core.tables.data import MANIFEST_TABLE
from leukorepro.core.tables.results import (
    CELL_LEVEL_TABLE,
    CLAIM_COMPARISONS_TABLE,
    CLAIMS_TABLE,
    DIFFERENCES_TABLE,
    METRICS_TABLE,
    VERDICTS_TABLE,
    WINNERS_TABLE,
)
from leukorepro.core.words import ScoreKind
from leukorepro.data.duplicates import Contents, find_duplicates
from leukorepro.data.fingerprints import NearPairs
from leukorepro.data.split_tables import write_splits
from leukorepro.evaluation.answers import Unanswered
from leukorepro.evaluation.outcomes import Outcomes
from leukorepro.evaluation.patients.diagnose import diagnose
from leukorepro.evaluation.predictions import collect, write_fitting, write_predictions
from leukorepro.evaluation.resampling.cell_level import cell_level
from leukorepro.evaluation.resampling.claims import judge_claims
from leukorepro.evaluation.resampling.differences import differences
from leukorepro.evaluation.resampling.winners import winners
from leukorepro.features.identity import identity
from leukorepro.features.parts import Part, ResolvedDescriptor, ResolvedExtractor
from leukorepro.ladder.rungs import LADDER
from leukorepro.run.paths import StudyFolder
from leukorepro.run.plan import explained_rungs
from leukorepro.run.resolved import NotRun, ResolvedRun, ResolvedStudy
from leukorepro.run.specify import leakage_specification

ROOT = Path(__file__).resolve().parents[2]
ATTEIA = printed_items(ROOT / "config" / "studies" / "atteia2022.yaml")

ACCURACY = {
    "as_published": 0.95,
    "fit_in_fold": 0.92,
    "source_disjoint": 0.8,
    "subject_disjoint": 0.68,
    "external": 0.65,
}
IMPOSSIBLE = "no confusion matrix over 60 images has it beside <the others> of its row"
QUOTED = ("9", "theirs", "accuracy")
"""A number that the paper quotes from another."""

HOSTILE = "\"'></script><img src=x onerror=hurt=1><script>hurt=1</script>javascript:hurt=1"
"""What must stay a text wherever it stands in a page: as it is, in an attribute, in a script."""


@dataclass(frozen=True)
class Names:
    """What files and subjects of a synthetic dataset are called, by their numbers."""

    file: str = "{:03d}.png"
    subject: str = "s{}"


HOSTILE_NAMES = Names("{:03d}" + HOSTILE.replace("/", "") + ".png", "s{}" + HOSTILE)


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


def hostile_study() -> Study:
    """The study of three classes, in which every text of the paper and of the laboratory tries to run a script."""
    study = three_class_study().model_dump(exclude_unset=True)
    first, second = study["tables"]["II"]["items"]
    first["item"], second["item"] = f"A {HOSTILE}", f"B {HOSTILE}"
    study["tables"]["II"]["title"] = HOSTILE
    authors = "A. <script>hurt=1</script>, B. Bee and C. Cee"
    citation = {"authors": authors, "title": HOSTILE, "journal": HOSTILE, "year": 2024, "doi": "javascript:hurt=1"}
    return Study.model_validate(study | {"key": "hostile", "citation": citation, "headline": f"II/A {HOSTILE}"})


def systems_study() -> Study:
    """Tables of every kind: a matrix, five classes, metrics of single classes and phases, second readings, our own."""
    features, classifiers = ["deep", "colour", "both"], ["knn", "svm"]
    reading = {"item": "colour, again", "features": "colour", "classifier": "knn", "reading_of": "colour"}
    table = {"split": "types", "title": "Something", "metrics": ["accuracy"]}
    single = {"name": "{features}", "features": features, "classifiers": ["knn"]}
    classes = [f"{name}_{m}" for name in ("lymphoblastic", "AML") for m in ("precision", "recall", "f1")]
    return Study.model_validate(
        {
            "key": "systems",
            "citation": {"authors": "G. Aitch", "title": "Systems", "journal": "J", "year": 2023},
            "published_dataset": "imss",
            "published_protocol": {"unit": "view", "scope": "train"},
            "extractors": {"vgg": {"backbone": "vgg16", "input_size": {"demo": 112, "published": 224}}},
            "descriptors": {"lab": {"descriptor": "lab_segments"}, "unused": {"descriptor": "pixels"}},
            "feature_sets": {"deep": ["vgg"], "colour": ["lab"], "both": ["vgg", "lab"]},
            "classifiers": {
                "knn": {"kind": "knn"},
                "svm": {"kind": "svm", "kernel": "linear"},
                "mlp": {"kind": "mlp", "epochs": {"demo": 3, "published": 30}},
            },
            "label_sets": {
                "types": {"classes": {"ALL": ["L1", "L2"], "AML": ["M2", "M3", "M5"]}, "positive_class": "ALL"}
            },
            "class_names": {"ALL": "lymphoblastic"},
            "splits": {
                "types": {"kind": "hold_out", "test_share": 0.25, "labels": "types"},
                "again": {"kind": "hold_out", "test_share": 0.5, "labels": "types"},
                "sub_types": {"kind": "k_fold", "n_splits": 3},
            },
            "tables": {
                "1": {
                    **table,
                    "title": "A matrix",
                    "average": "macro",
                    "metrics": ["accuracy", "f1"],
                    "grid": {"features": features, "classifiers": classifiers},
                    "items": [{**reading, "item": "both/knn, again", "reading_of": "both/knn", "split": "again"}],
                },
                "2": {**table, "title": "Five classes", "split": "sub_types", "grid": single, "items": [reading]},
                "3": {**table, "title": "Single classes", "metrics": classes, "grid": single, "items": [reading]},
                "4": {
                    **table,
                    "title": "Phases",
                    "metrics": ["train_accuracy", "val_accuracy", "test_accuracy"],
                    "grid": single,
                },
                "fig8": {**table, "title": "A figure's numbers", "grid": single},
                "S1": {**table, "title": "Beyond", "grid": {"features": features, "classifiers": classifiers}},
            },
            "headline": "1/both/svm",
        }
    )


def resolve(
    study: Study,
    root: Path,
    *,
    simulated: bool = True,
    weights: str = "random",
    rungs: Collection[str] = LADDER,
    title: str = "",
) -> ResolvedStudy:
    """A study put together by hand."""
    base = {"title": title, "positive_class": "all" if study.key in ("atteia2022", "networks") else None}
    size = {"subjects": 4, "images": 12}
    look = "bone_marrow" if study.key == "systems" else "allidb"
    dataset = (
        {"adapter": "simulated", "look": look, "sizes": {"demo": size, "published": size}, **base}
        if simulated
        else {"adapter": "image_folder", "images": root / "images", **base}
    )
    return ResolvedStudy.model_validate(
        {
            "study": study,
            "unstated": [
                {"what": "seed", "classifiers": [next(iter(study.classifiers))], "taken": "0", "why": "usual"}
            ],
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
            "descriptors": {
                name: ResolvedDescriptor(id=f"{d.descriptor}-18", descriptor=d.descriptor, input_size=18)
                for name, d in study.descriptors.items()
            },
            "protocols": {
                r: Protocol(
                    rung=r,
                    unit="subject" if r in ("subject_disjoint", "external") else "view",
                    scope=study.published_protocol.scope if r == "as_published" else "train",
                )
                for r in LADDER
                if r in rungs
            },
            "left_out": {r: f"the dataset has no {r} <part>" for r in LADDER if r not in rungs},
            "left_out_tables": {"9": "its classes are <others>"} if study.key == "systems" else {},
        }
    )


def write_run(
    root: Path,
    studies: list[ResolvedStudy],
    *,
    budget: str = "demo",
    published: bool = True,
    controls: tuple[str, ...] = (),
    left_out: list[NotRun] | None = None,
    names: Names = Names(),
    explain: bool = False,
) -> Path:
    """Write everything that the report reads but the table of controls, and return the run's folder."""
    asked = {study.study.key: list(controls) for study in studies if controls}
    run = ResolvedRun(
        name="synthetic",
        budget=budget,
        seed=0,
        explain=explain,
        controls=asked,
        studies=studies,
        left_out=left_out or [],
    )
    results = root / "results" / "synthetic"
    write_json(json.loads(run.model_dump_json()), results / "config.json")
    for absent in run.left_out:
        write_json(report_audits.audit(absent.key), root / "results" / "audit" / f"{absent.key}.json")
    for study in studies:
        generator = np.random.default_rng(7)
        manifest = _write_dataset(root, study, generator, names)
        features = root / "results" / "features" / study.dataset_id
        manifest_file = root / "results" / "datasets" / study.dataset_id / "manifest.csv"
        for extractor in study.extractors.values():
            _write_features(features, extractor, manifest_file)
        for name, descriptor in study.descriptors.items():
            if name != "unused":  # by no item, so never computed
                columns = 3 * descriptor.input_size**2 if descriptor.descriptor == "images" else 5
                _write_features(features, descriptor, manifest_file, columns)
        write_json(report_audits.audit(study.study.key), root / "results" / "audit" / f"{study.study.key}.json")
        _write_results(results / study.study.key, study, manifest, generator, published, budget)
        if explained_rungs(run, study):
            report_explanations.write_explanations(
                StudyFolder(results / study.study.key).explanations, study, manifest.head(2)
            )
    return results


def classes(study: ResolvedStudy) -> list[str]:
    """The dataset's own."""
    known = {"atteia2022": ["all", "normal"], "systems": ["L1", "L2", "M2", "M3", "M5"]}
    known["networks"] = ["all", "hem"]
    known["hostile"] = ["L1", f"M2 {HOSTILE}", "M5"]
    return known.get(study.study.key, ["L1", "M2", "M5 & <x>"])


def _write_dataset(root: Path, study: ResolvedStudy, generator: np.random.Generator, names: Names) -> pd.DataFrame:
    rows = []
    n_classes = len(classes(study))
    n_subjects = 12 // n_classes * n_classes  # each has images of one class
    for number in range(60):
        label = classes(study)[number % n_classes]
        path = names.file.format(number)
        pixels = generator.integers(0, 255, (24, 30, 3), dtype=np.uint8)
        (study.images).mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(study.images / path)
        sha256 = sha256_file(study.images / path)
        subject = names.subject.format(number % n_subjects)
        rows.append((path, path, label, subject, path, "", sha256, 30, 24, "ok"))
    columns = ["image_id", "path", "label", "subject_id", "source_id", "official_split", "sha256"]
    manifest = pd.DataFrame(rows, columns=[*columns, "width", "height", "status"])
    manifest.loc[59, ["status", "width", "height"]] = ["truncated", 0, 0]
    folder = root / "results" / "datasets" / study.dataset_id
    MANIFEST_TABLE.write(manifest, folder / "manifest.csv")
    write_json(scan_summary(manifest), folder / "scan.json")
    near = NearPairs(np.array([2]), np.array([3]), np.array([0.991], dtype=np.float32), n_candidates=1)
    write_json(find_duplicates(manifest, Contents(manifest["path"].tolist(), near)), folder / "duplicates.json")
    return manifest


def _write_leakage(path: Path, study: ResolvedStudy, rung: str, manifest: pd.DataFrame) -> None:
    """The audit of three folds, which keep subjects together on the rungs below the published ones."""
    images = manifest.loc[manifest["status"] == "ok", ["image_id"]].assign(view="identity", repeat=0)
    position = np.arange(len(images))
    of_image = (position if rung in ("source_disjoint", "subject_disjoint") else position // 5) % 3  # twelve subjects
    folds = [images.assign(role=np.where(of_image == fold, "test", "train"), fold=fold) for fold in range(3)]
    audit = audit_leakage(
        manifest, {"folds": pd.concat(folds)}, duplicates=[], steps=leakage_specification(study).rungs[rung]
    )
    write_json(audit, path)


def scan_summary(manifest: pd.DataFrame) -> dict[str, object]:
    """The summary that the scan of the synthetic images would give, with one conflict of labels made up."""
    ok = manifest[manifest["status"] == "ok"]
    first, second = ok["image_id"].iloc[0], ok["image_id"].iloc[1]
    pair = {
        "images": [first, second],
        "labels": ok["label"].iloc[:2].tolist(),
        "subjects": ok["subject_id"].iloc[:2].tolist(),
    }
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
        "unreadable": [
            {"image_id": manifest["image_id"].iloc[59], "status": "truncated", "reason": "file ends <early>"}
        ],
        "conversions": [{"what": "grey -> RGB", "images": 3, "examples": [second]}],
        "sizes": [[30, 24, len(ok)]],
        "equal_content": [pair],
        "label_conflicts": [pair],
        "crops": {
            "crops": 30,
            "photographs": 8,
            "found": 29,
            "used": 7,
            "lowest_correlation": 0.98,
            "nowhere": [first],
            "several": [],
            "other_class": [second],
        },
        "parts": [],
        "complete": False,
        "completeness": ["Nothing is known of a complete copy."],
        "suspicions": ["'TRAIN' looks like a part of a split."],
        "notes": [],
        "ignored": {".txt": 2},
    }


def _write_features(folder: Path, part: Part, manifest: Path, columns: int = 5) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with h5py.File(folder / f"{part.id}.h5", "w") as file:
        file["features"] = np.zeros((2, columns), dtype=np.float32)
        file.attrs.update(
            {
                **identity(part),
                "manifest_sha256": sha256_file(manifest),
                "weights_sha256": "ab" * 32,
                "engine": "torch eager, cpu, float32",
                "library_versions": json.dumps({"torch": "2.15.0", "numpy": "2.2"}),
            }
        )


def write_answers(root: Path, studies: list[ResolvedStudy]) -> Path:
    """Write what the pages of datasets read, which no resampling is needed for, and return the run's folder."""
    run = ResolvedRun(name="synthetic", budget="demo", seed=0, studies=studies)
    results = root / "results" / "synthetic"
    write_json(json.loads(run.model_dump_json()), results / "config.json")
    for study in studies:
        generator = np.random.default_rng(7)
        _write_answers(results / study.study.key, study, _write_dataset(root, study, generator, Names()), generator)
    return results


class _Answers(NamedTuple):
    tested: list[pd.DataFrame]
    fitted: list[pd.DataFrame]
    splits: dict[str, pd.DataFrame]


def _write_answers(
    folder: Path, study: ResolvedStudy, manifest: pd.DataFrame, generator: np.random.Generator
) -> _Answers:
    """Predictions and split tables, what trainings left behind, and the audit of leakage, on every rung."""
    images = manifest[manifest["status"] == "ok"]
    tested, fitted = [], []
    for rung in study.protocols:
        parts = []
        for number, table in study.study.tables.items():
            for item in table.items:
                labels = study.label_set_of(table.split_of(item))
                images_here = images.assign(label=images["label"].map(labels.of_label)) if labels else images
                names = list(labels.classes) if labels else classes(study)
                part = _predict(images_here, np.array(names), ACCURACY[rung], generator)
                part = _as_stated(part, study.study.classifiers[item.classifier].scores)
                part = report_trainings.as_trained(part, study.study, table, item, generator)
                about = {"study": study.study.key, "dataset": study.dataset_id, "table": number, "protocol": rung}
                part = part.assign(**about, item=item.item, role="test")
                if table.needs_fitted_rows:
                    role = np.resize(["test", "train", "train", "validation", "test", "train", "train"], len(part))
                    part = part.assign(role=role)
                parts.append(part)
        collected = collect(parts)
        write_predictions(collected.predictions, folder / rung / "predictions.parquet")
        write_fitting(collected.fitting, folder / rung / "fitting.parquet")
        _write_leakage(folder / rung / "leakage.json", study, rung, manifest)
        tested.append(collected.predictions)
        fitted.append(collected.fitting)
        report_trainings.write_trainings(folder, study, rung, images["image_id"].tolist(), generator)
    splits = {place: table for part in tested for place, table in split_tables(study, part).items()}
    for place, split_table in splits.items():
        rung, _, split = place.partition("/")
        write_splits(split_table, folder / rung / "splits" / f"{split}.csv")
    return _Answers(tested, fitted, splits)


def _write_results(
    folder: Path,
    study: ResolvedStudy,
    manifest: pd.DataFrame,
    generator: np.random.Generator,
    published: bool,
    budget: str,
) -> None:
    tested, fitted, splits = _write_answers(folder, study, manifest, generator)
    printed = _published(study.study.tables if published else {}, generator)
    table, _, item = study.study.headline.partition("/")
    impossible = {(table, item, study.study.tables[table].metrics[1]): IMPOSSIBLE} if len(printed) > 1 else {}
    judged = evaluate(
        tested,
        study,
        printed,
        impossible,
        fitting=fitted,
        budget=budget,
        dataset_complete=False,
        seed=0,
        n_resamples=50,
        answers={QUOTED: Unanswered("quoted", "[7], a forest")},
    )
    METRICS_TABLE.write(judged.metrics, folder / "metrics.csv")
    VERDICTS_TABLE.write(judged.verdicts, folder / "verdicts.csv")
    outcomes = Outcomes(study, tested, fitted, splits)
    DIFFERENCES_TABLE.write(differences(outcomes, seed=0, n_resamples=50), folder / "differences.csv")
    CELL_LEVEL_TABLE.write(cell_level(outcomes), folder / "cell_level.csv")
    WINNERS_TABLE.write(winners(outcomes, seed=0, n_resamples=50), folder / "winners.csv")
    judged_claims = judge_claims(outcomes, seed=0, n_resamples=50)
    CLAIMS_TABLE.write(judged_claims.claims, folder / "claims.csv")
    CLAIM_COMPARISONS_TABLE.write(judged_claims.comparisons, folder / "claim_comparisons.csv")
    diagnose(tested, study, 0, 50).write(folder)


def _predict(images: pd.DataFrame, names: np.ndarray, accuracy: float, generator: np.random.Generator) -> pd.DataFrame:
    """Predictions of every image once, in three folds."""
    truth = images["label"].to_numpy()
    guess = np.where(generator.random(len(truth)) < accuracy, truth, generator.choice(names, len(truth)))
    frame = images[["image_id", "subject_id", "source_id"]].assign(
        repeat=0, fold=np.arange(len(truth)) // 3 % 3, view="identity", y_true=truth, y_pred=guess
    )
    scores = (guess[:, None] == names) + generator.normal(0, 0.6, (len(truth), len(names)))
    if len(names) == 2:
        return frame.assign(score=scores[:, 0] - scores[:, 1])
    return frame.assign(**{f"score_{name}": scores[:, k] for k, name in enumerate(names)})


def _as_stated(part: pd.DataFrame, kind: ScoreKind) -> pd.DataFrame:
    """Predictions with scores of a classifier's kind: margins stay as they are."""
    names = [column for column in part if column.startswith("score")]
    if kind != "probability":
        return part
    values = part[names].to_numpy()
    return part.assign(
        **dict(zip(names, (expit(values) if len(names) == 1 else softmax(values, axis=1)).T, strict=True))
    )


def _published(tables: dict[str, Table], generator: np.random.Generator) -> pd.DataFrame:
    """Numbers of a paper, for all that its tables print; tables of our own are called S."""
    rows = [
        (number, item.item, metric, round(float(generator.uniform(0.97, 1)), 3), 0.0005)
        for number, table in tables.items()
        for item in table.items
        for metric in table.metrics
        if item.reading_of is None and not number.startswith("S")
    ]
    rows += [(*QUOTED, 0.875, 0.0005)] if rows else []
    rows += [
        ("text", item.item, "epoch_seconds", 10.0 + 5 * position, 0.5)
        for table in tables.values()
        for position, item in enumerate(table.items)
        if table.epochs == "all"
    ]
    return pd.DataFrame(rows, columns=["table", "item", "metric", "value", "half_unit"])
