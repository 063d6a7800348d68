"""The validity study against cases whose truth is known without it, and its summary by hand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from project_data import ROOT

from leukorepro.checks.validity.pool import draw_pool
from leukorepro.checks.validity.population import read_population
from leukorepro.checks.validity.repetition import METRICS, RUNGS, Study, draw_sample, true_metrics, with_fresh
from leukorepro.checks.validity.summary import meets_target, summarise
from leukorepro.config.schemas import SCHEMAS
from leukorepro.config.validity import Validity, load_validity
from leukorepro.core.errors import UserError
from leukorepro.core.tables.data import MANIFEST_TABLE, POOL_TABLE
from leukorepro.core.tables.results import VALIDITY_TABLE
from leukorepro.core.validation import parse
from leukorepro.data.scan import scan
from leukorepro.features.descriptors.describe import describe
from leukorepro.features.fusion import Features, read_features
from leukorepro.features.parts import ResolvedDescriptor
from leukorepro.features.stream import Request
from leukorepro.report.figures import style
from leukorepro.report.figures.validity_picture import validity_figure
from leukorepro.simulate.dataset import simulate

CONFIGURED = yaml.safe_load((ROOT / "config/validity.yaml").read_text())
VIEWS = ["identity", "hflip", "vflip"]
IMAGES = 6


def configured(**changes: Any) -> Validity:
    value = {**CONFIGURED, "pool": {"demo": 144, "published": 144}, "resamples": 200, **changes}
    return parse(Validity, value, Path("validity.yaml"))


def pool_images(n_subjects: int) -> pd.DataFrame:
    """Two photographs of three cells for each subject, classes in turn."""
    rows = [
        (f"i{subject}_{image}", ("all", "healthy")[subject % 2], f"s{subject}", f"s{subject}_{image // 3}")
        for subject in range(n_subjects)
        for image in range(IMAGES)
    ]
    return pd.DataFrame(rows, columns=list(POOL_TABLE.columns))


def study(validity: Validity, values: Any, n_subjects: int = 120) -> Study:
    """A study of a pool whose features are `values(images)`, one row per image, the same for all views."""
    images = pool_images(n_subjects)
    matrix = np.repeat(np.asarray(values(images), dtype=np.float32), len(VIEWS), axis=0)
    rows = pd.DataFrame({"image_id": np.repeat(images["image_id"], 3).to_numpy(), "view": VIEWS * len(images)})
    return Study(validity.designs["usual"], images, Features(matrix, rows), "a feature")


# -------------------------------------------------------------------------------------------------------- configuration


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"look": "bone_marrow"}, "of 5 classes; must be one of two classes"),
        ({"fresh_images": 7}, "fresh_images: given 7; a subject has 6 images"),
        ({"external": {"all": 8, "helthy": 8}}, "external: unknown class 'helthy'"),
        ({"external": {"all": 8}}, "external: 'healthy' is missing"),
        ({"pool": {"demo": 143, "published": 2000}}, r"pool.demo: given 143; must be at least 144.*setting 'large'"),
        ({"classifier": {"kind": "network"}}, "classifier"),
    ],
)
def test_what_cannot_be_repeated_is_told(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(UserError, match=told):
        configured(**{"pool": {"demo": 480, "published": 480}, **changes})


def test_settings_with_the_same_effects_share_a_population() -> None:
    settings = load_validity(ROOT / "config/validity.yaml").settings
    assert settings["usual"].pool == settings["small"].pool == "class1-subject1"
    assert len({setting.pool for setting in settings.values()}) == 4


# ---------------------------------------------------------------------------------------------------------------- draws


def test_a_sample_has_the_subjects_asked_for_and_all_others_are_fresh() -> None:
    validity = configured(pool={"demo": 160, "published": 160})
    sample, fresh = draw_sample(pool_images(160), validity.designs["large"], np.random.default_rng(1))
    assert not set(sample["subject_id"]) & set(fresh["subject_id"])
    main = sample[sample["official_split"] == ""]
    assert main.groupby("label")["subject_id"].nunique().to_dict() == {"all": 28, "healthy": 12}
    held_out = sample[sample["official_split"] == "external"]
    assert held_out.groupby("label")["subject_id"].nunique().to_dict() == {"all": 8, "healthy": 8}
    assert (sample.groupby("subject_id").size() == IMAGES).all()
    assert (fresh.groupby("subject_id").size() == 2).all()
    assert fresh.groupby("label")["subject_id"].nunique().to_dict() == {"all": 80 - 36, "healthy": 80 - 20}


def test_every_repetition_draws_anew_and_the_same_again() -> None:
    validity, images = configured(), pool_images(120)
    samples = [
        set(draw_sample(images, validity.designs["usual"], np.random.default_rng(seed))[0]["subject_id"])
        for seed in (1, 1, 2)
    ]
    assert samples[0] == samples[1] != samples[2]


def test_every_fold_is_asked_about_every_fresh_image() -> None:
    splits = pd.DataFrame(
        {
            "image_id": ["a", "b"] * 2,
            "view": "identity",
            "role": ["train", "test"] * 2,
            "repeat": 0,
            "fold": [0, 0, 1, 1],
        }
    )
    fresh = pd.DataFrame({"image_id": ["x", "y", "z"], "label": "all"})
    whole = with_fresh(splits, fresh)
    assert whole[: len(splits)].equals(splits)
    asked = whole[whole["role"] == "validation"]
    assert sorted(zip(asked["fold"], asked["image_id"], strict=True)) == [(f, i) for f in (0, 1) for i in "xyz"]


def test_the_truth_is_the_mean_over_the_models_of_all_folds() -> None:
    frame = pd.DataFrame(
        {
            "y_true": ["all", "all", "healthy", "healthy"] * 2,
            "y_pred": ["all", "all", "healthy", "all", "all", "healthy", "healthy", "healthy"],
            "score": [2.0, 1.0, -1.0, 0.5, 0.2, -0.3, -0.1, -0.4],
            "fold": [0] * 4 + [1] * 4,
        }
    )
    tested = pd.DataFrame({"y_true": ["all"] * 3 + ["healthy"]})
    # Fold 0: both of one class right, half of the other, all pairs in order; fold 1: the other way round, 3 of 4 pairs.
    expected = {"sensitivity": 0.75, "specificity": 0.75, "accuracy": 0.75, "auroc": 0.875}
    assert true_metrics(frame, tested, "all") == pytest.approx(expected)
    # Only rows of one model: its accuracy at the shares of the tested rows.
    first = true_metrics(frame[frame["fold"] == 0], tested, "all")
    assert first["accuracy"] == pytest.approx((3 * 1 + 1 * 0.5) / 4)


# ---------------------------------------------------------------------------------------------------------- repetitions


def test_a_classifier_that_sees_nothing_is_truly_at_chance() -> None:
    """Equal features for all images: one class is predicted everywhere, and the fresh subjects are half and half."""
    table = study(configured(), lambda images: np.zeros((len(images), 2))).repetition(0)
    truth = table.set_index(["rung", "metric"])["truth"]
    for rung in RUNGS:
        assert truth[rung, "accuracy"] == 0.5
        assert truth[rung, "auroc"] == 0.5
        assert truth[rung, "sensitivity"] + truth[rung, "specificity"] == 1


def test_an_oracle_has_no_bias_on_any_rung() -> None:
    """A feature that is the class: everything is right everywhere, and the exact interval ends at 1."""
    table = study(configured(), lambda images: (images[["label"]] == "all").astype(float)).repetition(0)
    assert set(zip(table["rung"], table["metric"], strict=True)) == {(r, m) for r in RUNGS for m in METRICS}
    assert (table["estimate"] == 1).all()
    assert (table["truth"] == 1).all()
    assert (table["ci_high"] == 1).all()


def test_features_that_know_the_subject_alone_deceive_every_rung_but_the_honest_ones() -> None:
    """Random features of each subject, nothing of the class: the truth is chance."""

    def values(images: pd.DataFrame) -> Any:
        rng = np.random.default_rng(3)
        subjects = {name: rng.normal(size=6) for name in images["subject_id"].unique()}
        return np.stack([subjects[name] for name in images["subject_id"]]) + 0.05 * rng.normal(size=(len(images), 6))

    repeated = study(configured(), values)
    table = pd.concat([repeated.repetition(number) for number in range(6)])
    means = table[table["metric"] == "accuracy"].groupby("rung")[["estimate", "truth"]].mean()
    assert (means["truth"] - 0.5).abs().max() < 0.1
    assert means["estimate"]["as_published"] > 0.97
    assert means["estimate"]["source_disjoint"] > 0.9
    # 24 subjects in six repetitions, each subject right or wrong as a whole: four standard errors are 17 %.
    assert abs(means["estimate"]["subject_disjoint"] - 0.5) < 0.17
    assert abs(means["estimate"]["external"] - 0.5) < 0.21


# -------------------------------------------------------------------------------------------------------- real patients


def declared_real(folder: Path, images: pd.DataFrame, **changes: Any) -> tuple[Validity, Path]:
    """Simulated images declared as a real dataset, `ours`: its configuration and its manifest."""
    (folder / "config/datasets").mkdir(parents=True)
    dataset = {"adapter": "image_folder", "images": "data/ours", "subjects": {"regex": "(.+)_"}}
    (folder / "config/datasets/ours.yaml").write_text(yaml.safe_dump(dataset))
    usual = CONFIGURED["settings"]["usual"]["subjects"]
    real = {"dataset": "ours", "features": "ours.h5", "subjects": usual, "external": CONFIGURED["external"]}
    manifest = images.assign(path=images["image_id"], official_split="", sha256="", width=9, height=9, status="ok")
    MANIFEST_TABLE.write(manifest[list(MANIFEST_TABLE.columns)], folder / "manifest.csv")
    return configured(real={**real, "fresh_images": 2, **changes}), folder / "manifest.csv"


def test_simulated_images_declared_real_give_the_numbers_of_the_simulated_study(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(5)
    simulated = study(
        configured(), lambda images: rng.normal(size=(len(images), 3)) + (images[["label"]] == "all").to_numpy()
    )
    validity, manifest = declared_real(tmp_path, simulated.images)
    monkeypatch.chdir(tmp_path)
    design = validity.designs["ours"]
    real = Study(design, read_population(Path("validity.yaml"), design, manifest), simulated.features, "a feature")
    ours, theirs = real.repetition(1), simulated.repetition(1)
    assert (set(ours["dataset"]), set(theirs["dataset"])) == ({"ours"}, {"simulated"})
    assert ours["class_effect"].isna().all()
    labels = ["dataset", "class_effect", "subject_effect"]
    pd.testing.assert_frame_equal(ours.drop(columns=labels), theirs.drop(columns=labels), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"subjects": {"all": 30, "healthy": 4}}, "real.subjects: class 'all' has 60 subjects .* but 76 are needed"),
        ({"subjects": {"all": 4, "helthy": 4}, "external": {}}, "real.subjects: unknown class 'helthy'"),
    ],
)
def test_too_few_patients_are_told(
    changes: dict[str, Any], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    validity, manifest = declared_real(tmp_path, pool_images(120), **changes)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=f"^validity.yaml: {told}"):
        read_population(Path("validity.yaml"), validity.designs["ours"], manifest)


def test_without_a_held_out_part_there_is_no_external_rung() -> None:
    real = {"dataset": "ours", "features": "ours.h5", "subjects": {"all": 12, "healthy": 12}}
    design = configured(real=real).designs["ours"]
    images = pool_images(60)
    features = study(configured(), lambda given: given[["label"]] == "all", 60).features
    assert set(Study(design, images, features, "a feature").repetition(0)["rung"]) == set(RUNGS) - {"external"}


# -------------------------------------------------------------------------------------------------------------- summary


def repetitions(estimates: list[float], truths: list[float], half: float) -> pd.DataFrame:
    estimate = np.asarray(estimates)
    return pd.DataFrame(
        {
            "dataset": "simulated",
            "class_effect": 1.0,
            "subject_effect": 0.5,
            "features": "a feature",
            "classifier": "kind: svm",
            "n_subjects": 24,
            "n_fresh": 440,
            "repetition": range(len(estimates)),
            "rung": "subject_disjoint",
            "metric": "accuracy",
            "estimate": estimate,
            "ci_low": estimate - half,
            "ci_high": estimate + half,
            "percentile_low": estimate - half / 10,
            "percentile_high": estimate + half / 10,
            "truth": truths,
        }
    )


def test_the_summary_is_what_one_computes_by_hand() -> None:
    table = repetitions([0.8, 0.7, 0.9, 0.8, 0.6], [0.75, 0.75, 0.7, 0.75, 0.75], half=0.1)
    table.loc[4, ["ci_low", "ci_high"]] = np.nan  # no interval: counted for the bias alone
    summary = summarise({"one": table})
    assert list(summary.columns) == list(VALIDITY_TABLE.columns)
    (row,) = summary.to_dict("records")
    errors = [0.05, -0.05, 0.2, 0.05, -0.15]
    assert row["bias"] == pytest.approx(0.02)
    assert row["bias_error"] == pytest.approx((sum((e - 0.02) ** 2 for e in errors) / 4 / 5) ** 0.5)
    assert (row["n_repetitions"], row["n_intervals"]) == (5, 4)
    assert row["coverage"] == 0.75
    z = 1.959964
    centre, spread = 0.75 + z**2 / 8, z * (0.75 * 0.25 / 4 + z**2 / 64) ** 0.5
    wilson = ((centre - spread) / (1 + z**2 / 4), (centre + spread) / (1 + z**2 / 4))
    assert (row["coverage_low"], row["coverage_high"]) == pytest.approx(wilson, abs=1e-6)
    assert row["width"] == pytest.approx(0.2)
    assert row["percentile_coverage"] == 0


@pytest.mark.parametrize(
    ("bias", "coverage", "met"),
    [(0.019, 0.95, True), (-0.02, 0.9, True), (0.021, 0.95, False), (0.0, 0.89, False), (0.0, 0.995, False)],
)
def test_the_target_of_an_honest_rung(bias: float, coverage: float, met: bool) -> None:
    assert meets_target(pd.Series({"bias": bias, "coverage": coverage})) == met


def test_the_figure_says_that_images_are_simulated_and_is_small(tmp_path: Path) -> None:
    parts = []
    for rung in RUNGS:
        for metric in METRICS:
            rows = repetitions([0.8, 0.7, 0.9], [0.75, 0.7, 0.7], half=0.1)
            parts.append(rows.assign(rung=rung, metric=metric))
    summary = summarise({name: pd.concat(parts) for name in ("usual", "no_difference")})
    figure = validity_figure(summary)
    assert figure.get_supxlabel() == "Simulated images."
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels[1] == "no difference\n24 subjects; classes 1, subjects 0.5"
    one_real = summary.assign(dataset=summary["dataset"].where(summary["setting"] != "usual", "ours"))
    beside = validity_figure(one_real)
    assert beside.get_supxlabel() == "Simulated images, but for ours."
    assert beside.axes[0].get_yticklabels()[0].get_text() == "ours (real)\n24 subjects"
    style.save(figure, tmp_path / "validity.svg")
    text = (tmp_path / "validity.svg").read_text()
    assert len(text) < 200_000
    assert not re.search(r"\bnan\b", text, flags=re.IGNORECASE)


# ----------------------------------------------------------------------------------------------------------------- pool


def test_a_pool_holds_what_drawn_and_scanned_files_would(tmp_path: Path) -> None:
    """Through files: simulate, scan, describe. The pool is drawn without any."""
    validity = configured().model_copy(update={"pool": {"demo": 4, "published": 4}, "images": 2})
    draw_pool(validity, validity.settings["usual"], "demo", tmp_path / "pool.csv", tmp_path / "pool.h5", 1)
    table, pool = POOL_TABLE.read(tmp_path / "pool.csv"), read_features(tmp_path / "pool.h5")

    dataset = simulated_files({"subjects": 4, "images": 8})
    simulate(dataset.simulation("demo"), tmp_path / "images")
    manifest = scan(dataset, tmp_path / "images", progress=False).manifest
    request = Request("files", manifest, "", tmp_path / "images", VIEWS, 24, 10**6)
    part = ResolvedDescriptor(id="lab_segments-24", descriptor="lab_segments", input_size=24)
    describe(request, tmp_path / "files.h5", part, threads=1)
    files = read_features(tmp_path / "files.h5")

    assert np.array_equal(files.matrix, pool.matrix[pool.row_numbers(files.rows)])
    same = manifest.set_index("image_id").loc[table["image_id"], list(POOL_TABLE.columns)[1:]].reset_index()
    assert same.equals(table)


def simulated_files(size: dict[str, int]) -> Any:
    value = {"adapter": "simulated", "look": "allidb2", "sizes": {"demo": size, "published": size}}
    return parse(SCHEMAS["dataset"], value, Path("dataset.yaml"))
