"""A very small project in which every command of the command line has a call that works."""

from __future__ import annotations

from pathlib import Path

import yaml
from model_data import write_small_model
from project_data import ROOT, draw, make_project, write_yaml

from leukorepro.costs.machine import FILE as MACHINE
from leukorepro.costs.machine import Machine, keep_machine

Values = dict[str, str | list[str]]
"""What a command is given, by the names of its parameters."""

DATASET = {
    "title": "Few simulated crops",
    "adapter": "simulated",
    "look": "allidb2",
    "positive_class": "all",
    "sizes": {budget: {"subjects": 8, "images": 16} for budget in ("demo", "published")},
}

STUDY = {
    "key": "small",
    "citation": {"authors": "N. N.", "title": "Very small", "journal": "Tests", "year": 2026},
    "published_dataset": "allidb",
    "published_protocol": {"unit": "source", "scope": "train"},
    "descriptors": {
        "area": {"descriptor": "cell_area", "input_size": 16},
        "pixels": {"descriptor": "pixels", "input_size": 8},
    },
    "feature_sets": {"both": ["area", "pixels"]},
    "reducers": {
        "codes": {"kind": "sparse_autoencoder", "hidden_fraction": 0.05, "max_epochs": {"demo": 1, "published": 1}}
    },
    "classifiers": {"knn": {"kind": "knn"}},
    "splits": {"halves": {"kind": "k_fold", "n_splits": 2}},
    "tables": {
        "1": {
            "title": "With and without codes",
            "split": "halves",
            "metrics": ["accuracy"],
            "items": [
                {"item": "plain", "features": "both", "classifier": "knn"},
                {"item": "coded", "features": "both", "reducer": "codes", "classifier": "knn"},
            ],
        }
    },
    "headline": "1/plain",
}

EXPLAINED = {
    "name": "explained",
    "budget": "demo",
    "weights": "random",
    "explain": True,
    "studies": [{"study": "small", "dataset": "small", "rungs": ["as_published", "subject_disjoint"]}],
}
"""A run of the same study on two rungs, of which nothing but the splits is made."""

RUN = {
    "name": "mine",
    "budget": "demo",
    "weights": "random",
    "controls": ["shuffled_labels", "cell_size", "mean_colour"],
    "studies": [{"study": "small", "dataset": "small", "rungs": ["as_published"]}],
}

VALIDITY = {
    "images": 2,
    "pool": {"demo": 24, "published": 24},
    "fresh_images": 1,
    "external": {"all": 2, "healthy": 2},
    "repetitions": {"demo": 2, "published": 2},
    "split": {"kind": "k_fold", "n_splits": 2},
    "resamples": 100,
    "settings": {"usual": {"class_effect": 1, "subject_effect": 1, "subjects": {"all": 4, "healthy": 4}}},
}

IMAGES = "data/simulated/small-demo"
DATASET_FOLDER = "results/datasets/small-demo"
MANIFEST, DUPLICATES = f"{DATASET_FOLDER}/manifest.csv", f"{DATASET_FOLDER}/duplicates.json"
FEATURES = "results/features/small-demo"
AREA, PIXELS = f"{FEATURES}/cell_area-16.h5", f"{FEATURES}/pixels-8.h5"
CELLS = f"{FEATURES}/size_and_colour-112.h5"
FUSED = f"{FEATURES}/fused/cell_area-16+pixels-8.h5"
FOLDER = "results/mine/small"
HALVES = f"{FOLDER}/as_published/splits/halves.csv"
CODES = f"{FOLDER}/as_published/reducers/halves/both-codes.h5"
PART = f"{FOLDER}/parts/both.parquet"
NEW, NEW_FOLDER = "new.h5", "new"
"""A file and a folder that are there no more when all calls have been made."""
AUDIT = "results/audit/small.json"
FACTS = "facts.yaml"


def spec(rule: str) -> str:
    """Pattern of the file of a job's specification, whose name ends in a digest."""
    return f"results/mine/specs/{rule}/small-*.json"


CALLS: list[tuple[str, Values]] = [
    ("data simulate", {"dataset": "config/datasets/small.yaml", "output": IMAGES}),
    ("data simulate", {"look": "cnmc2019", "subjects": "2", "images": "4", "output": "drawn"}),
    (
        "data scan",
        {
            "dataset": "config/datasets/small.yaml",
            "images": IMAGES,
            "output": MANIFEST,
            "summary": f"{DATASET_FOLDER}/scan.json",
            "crops": f"{DATASET_FOLDER}/crops.csv",
        },
    ),
    (
        "data scan",
        {
            "images": "own",
            "table": "cells.csv",
            "column": ["image=image", "subject=whose", "label=kind"],
            "label": ["B=blast", "N=normal"],
            "held_out": "cohort=second",
            "exclude": ["kind=artefact"],
            "output": "listed.csv",
        },
    ),
    ("data scan", {"images": "own", "subjects_csv": "subjects.csv", "output": "own.csv"}),
    ("study new", {"key": "doe2026"}),
    ("study check", {"key": "small"}),
    ("data fetch", {"name": "lmu", "to": "fetched"}),
    ("data duplicates", {"manifest": MANIFEST, "images": IMAGES, "out": DUPLICATES}),
    ("data duplicates", {"checksums": "checksums.tsv", "adapter": "image_folder", "out": "copies.json"}),
    (
        "features describe",
        {"manifest": MANIFEST, "images": IMAGES, "descriptor": "cell_area", "input_size": "16", "output": AREA},
    ),
    (
        "features describe",
        {"manifest": MANIFEST, "images": IMAGES, "descriptor": "pixels", "input_size": "8", "output": PIXELS},
    ),
    ("features describe", {"manifest": MANIFEST, "images": IMAGES, "descriptor": "size_and_colour", "output": CELLS}),
    (
        "features describe",
        {"manifest": MANIFEST, "images": IMAGES, "descriptor": "pixels", "input_size": "8", "output": NEW},
    ),
    ("data duplicates", {"manifest": MANIFEST, "images": IMAGES, "features": PIXELS, "out": "found.json"}),
    ("features fuse", {"parts": [AREA, PIXELS], "output": FUSED}),
    (
        "features join",
        {"parts": [AREA, AREA], "manifest": MANIFEST, "dataset": "twice", "second": "again", "output": NEW},
    ),
    ("features weights", {"backbone": "alexnet_caffe", "output": "results/weights/alexnet_caffe.json"}),
    (
        "features extract",
        {
            "manifest": MANIFEST,
            "images": IMAGES,
            "backbone": "mobilenet_v2",
            "weights": "file:mobilenet_v2.pth",
            "input_size": "32",
            "engine": "torch",
            "output": NEW,
        },
    ),
    ("splits make", {"spec": spec("splits"), "manifest": MANIFEST, "duplicates": DUPLICATES, "output": FOLDER}),
    (
        "splits repair",
        {"splits": HALVES, "manifest": MANIFEST, "duplicates": DUPLICATES, "tolerance": "0.2", "out": "repaired.csv"},
    ),
    ("models fit", {"spec": spec("fits")}),
    (
        "models classify",
        {
            "spec": spec("classification"),
            "features": FUSED,
            "splits": [f"as_published/halves={HALVES}"],
            "manifest": MANIFEST,
            "reducer": [f"as_published/halves/codes={CODES}"],
            "duplicates": DUPLICATES,
            "output": PART,
        },
    ),
    (
        "models control",
        {
            "spec": spec("controls"),
            "features": FUSED,
            "splits": [f"as_published={HALVES}"],
            "cells": CELLS,
            "cell_splits": [f"as_published={HALVES}"],
            "manifest": MANIFEST,
            "duplicates": DUPLICATES,
            "output": f"{FOLDER}/controls.csv",
        },
    ),
    (
        "splits make",
        {
            "spec": "results/explained/specs/splits/small-*.json",
            "manifest": MANIFEST,
            "output": "results/explained/small",
        },
    ),
    (
        "models explain",
        {
            "spec": "results/explained/specs/explanations/small-*.json",
            "output": "results/explained/small/explanations",
        },
    ),
    ("models summary", {"study": "small"}),
    ("evaluate", {"spec": spec("evaluation"), "output": FOLDER, "parts": [PART]}),
    ("audit published", {"studies": ["small"], "out": AUDIT}),
    (
        "audit table",
        {
            "file": "config/published/small.csv",
            "facts": FACTS,
            "out": "results/audit/table.json",
            "page": "results/audit/table.html",
        },
    ),
    (
        "judge",
        {
            "spec": spec("judgement"),
            "measured": f"{FOLDER}/measured.csv",
            "published": "config/published/small.csv",
            "audit": AUDIT,
            "scan": f"{DATASET_FOLDER}/scan.json",
            "manifest": MANIFEST,
            "output": FOLDER,
        },
    ),
    ("audit read", {"paper": "paper.txt", "out": NEW}),
    ("audit leakage", {"manifest": MANIFEST, "splits": [HALVES], "out": "leakage.json", "duplicates": DUPLICATES}),
    ("audit rungs", {"spec": spec("leakage"), "manifest": MANIFEST, "duplicates": DUPLICATES, "output": FOLDER}),
    (
        "model export",
        {
            "run_file": "results/mine/config.json",
            "study": "small",
            "item": "1/coded",
            "rung": "as_published",
            "out": NEW_FOLDER,
        },
    ),
    ("report build", {"config": "results/mine/config.json", "output": "results/mine/report"}),
    ("report share", {"run_file": "results/mine/config.json", "output": "shared"}),
    ("report summary", {"run_file": "results/mine/config.json"}),
    (
        "compare-runs",
        {"first": "results/mine/config.json", "second": "results/mine/config.json", "output": "runs.csv"},
    ),
    (
        "validity draw",
        {"config": "config/validity.yaml", "setting": "usual", "images": "pool.csv", "features": "pool.h5"},
    ),
    (
        "validity repeat",
        {
            "config": "config/validity.yaml",
            "setting": "usual",
            "images": "pool.csv",
            "features": "pool.h5",
            "output": "usual.csv",
        },
    ),
    ("validity summarise", {"repetitions": ["usual.csv"], "output": "summary.csv", "figure": "validity.svg"}),
    ("config resolve", {"run_file": "config/config.yaml", "override": ["seed=1"], "output": "resolved.json"}),
    ("config schema", {"output": "schema"}),
    ("config dvc", {"run_file": "config/config.yaml", "output": "dvc.yaml"}),
    ("predict", {"paths": ["own"], "model": "model", "out": "predictions.csv", "subjects_csv": "subjects.csv"}),
    (
        "model evaluate",
        {
            "model": "model",
            "images": "own",
            "classes": ["blast=all", "normal=healthy"],
            "subjects_csv": "subjects.csv",
            "output": "evaluated",
        },
    ),
    ("serve", {"model": "model", "port": "0"}),
    ("verify", {"places": ["results"], "out": "verified.json"}),
    ("verify", {"run": "results/mine/config.json"}),
    ("clean", {"runs": ["mine"], "features": ["small-demo/pixels-8"], "datasets": ["small-demo"]}),
    ("estimate", {"run_file": "config/config.yaml", "cores": "2", "out": "estimate.json"}),
    (
        "init",
        {
            "name": "own",
            "images": "own",
            "study": "atteia2022",
            "subjects_csv": "subjects.csv",
            "extractor": ["mobilenet_v2"],
            "weights": ["mobilenet_v2=file:mobilenet_v2.pth"],
        },
    ),
]
"""In an order in which each finds what it reads."""


def make_files(folder: Path) -> None:
    """Configuration of one study, one dataset and one run, a small validity study, own images and weights."""
    import torch
    from torchvision.models import mobilenet_v2

    make_project(folder)
    write_yaml(folder / "config/datasets/small.yaml", DATASET)
    write_yaml(folder / "config/studies/small.yaml", STUDY)
    write_yaml(folder / "config/config.yaml", RUN)
    write_yaml(folder / "config/runs/explained.yaml", EXPLAINED)
    validity = yaml.safe_load((ROOT / "config/validity.yaml").read_text())
    write_yaml(folder / "config/validity.yaml", validity | VALIDITY)
    (folder / "Snakefile").write_text('rule all:\n    input:\n        "results/mine/report/index.html",\n')
    (folder / "config/published").mkdir()
    (folder / "src/leukorepro").mkdir(parents=True)  # stages follow the code
    (folder / FACTS).write_text("test: {positive: 30, negative: 70}\n")
    (folder / "config/published/small.csv").write_text("table,item,metric,value,note\n1,plain,accuracy,0.75,\n")
    names = [f"{label}/{number}.png" for label in ("blast", "normal") for number in range(3)]
    draw(folder / "own", *names)
    lines = [f"{name},P{number}" for number, name in enumerate(names)]
    (folder / "paper.txt").write_text("Table 1: Networks\n\nNetwork\tAccuracy\nplain\t0.75\n")
    (folder / "subjects.csv").write_text("\n".join(["image,subject", *lines, ""]))
    rows = [f"{name},P{n},{name[0].upper()},{'second' if n % 3 == 2 else 'first'}" for n, name in enumerate(names)]
    (folder / "cells.csv").write_text("\n".join(["image,whose,kind,cohort", *rows, "x.png,P9,artefact,first", ""]))
    (folder / "checksums.tsv").write_text("".join(f"{n:064x}\t{9 + n}\t{name}\n" for n, name in enumerate(names)))
    keep_machine(Machine(1.5, 100.0, 60.0, 200.0), folder / MACHINE)
    write_small_model(folder / "model")
    torch.save(mobilenet_v2().state_dict(), folder / "mobilenet_v2.pth")
