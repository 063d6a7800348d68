"""Controls, on Gaussian features in which it is known what can be learnt."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from feature_data import write_parts
from hypothesis import given, settings
from hypothesis import strategies as st
from project_data import ROOT, make_project, write_run
from scipy import stats
from sklearn.metrics import accuracy_score, cohen_kappa_score
from typer.testing import CliRunner

from leukorepro.checks.control_table import agreement_by_chance, control_table, shuffled_rows, student_margin
from leukorepro.checks.controls import (
    FOLDS,
    Controlled,
    NotPossible,
    Place,
    classify_shuffled,
    shuffle_labels,
    subject_splits,
)
from leukorepro.cli.app import app
from leukorepro.config.runs import Run, load_run
from leukorepro.config.study.items import Item
from leukorepro.config.study.schemes import KFoldScheme, LabelSet, Protocol
from leukorepro.config.study.systems import SparseAutoencoderSpec
from leukorepro.core.errors import UserError
from leukorepro.core.store import write_text
from leukorepro.core.tables.data import MANIFEST_TABLE
from leukorepro.core.tables.results import CONTROLS_TABLE
from leukorepro.core.words import CELL_CONTROLS
from leukorepro.data.split_tables import write_splits
from leukorepro.data.splits import make_splits
from leukorepro.features.fusion import Features
from leukorepro.run import plan
from leukorepro.run.resolve import resolve
from leukorepro.run.specifications.controls import ControlsSpecification
from leukorepro.run.specifications.specification import read_specification
from leukorepro.run.specify import controls_specification
from leukorepro.systems.autoencoders.reducers import fit_reducer
from leukorepro.systems.classifiers.engines import Settings
from leukorepro.systems.classifiers.kinds.svm import SvmSpec

SEED = 0
SVM = SvmSpec(kind="svm", kernel="rbf")
ITEM = Item(item="i", features="f", classifier="c")
RUNGS = (("as_published", "view"), ("source_disjoint", "source"), ("subject_disjoint", "subject"))
BOTH = ("shuffled_labels", "subject_identity")


def dataset(
    subjects: int = 24, images: int = 5, dim: int = 20, *, of_subject: float = 0.0, views: tuple[str, ...] = ()
) -> tuple[pd.DataFrame, Features]:
    """Images with standard normal features, subjects shifted by a multiple of such numbers; views are near copies."""
    generator = np.random.default_rng(SEED)
    subject = np.repeat(np.arange(subjects), images)
    ids = [f"{number:04d}.png" for number in range(len(subject))]
    manifest = pd.DataFrame(
        {
            "image_id": ids,
            "label": np.where(subject % 2 == 0, "a", "b"),
            "subject_id": [f"s{number:02d}" for number in subject],
            "source_id": ids,
            "official_split": "",
            "status": "ok",
        }
    )
    base = generator.normal(size=(len(ids), dim)) + of_subject * generator.normal(size=(subjects, dim))[subject]
    shown = ("identity", *views)
    matrix = np.repeat(base, len(shown), axis=0)
    matrix += 0.05 * generator.normal(size=matrix.shape)
    rows = pd.DataFrame({"image_id": np.repeat(ids, len(shown)), "view": np.tile(shown, len(ids))})
    return manifest, Features(matrix.astype(np.float32), rows)


def controlled(manifest: pd.DataFrame, features: Features, label_set: LabelSet | None = None) -> Controlled:
    return Controlled("s", "d", "1", ITEM, SVM, features, manifest, label_set, "a")


def places(manifest: pd.DataFrame, features: Features, rungs: tuple[tuple[str, str], ...] = RUNGS) -> list[Place]:
    scheme = KFoldScheme(kind="k_fold", n_splits=5, views=list(features.rows["view"].unique()))
    protocols = [Protocol.model_validate({"rung": rung, "unit": unit, "scope": "train"}) for rung, unit in rungs]
    return [Place(protocol, make_splits(manifest, scheme, protocol, SEED, None)) for protocol in protocols]


def run(manifest: pd.DataFrame, features: Features, *controls: str, n_shuffles: int = 6) -> pd.DataFrame:
    table = control_table(
        controlled(manifest, features),
        places(manifest, features),
        controls,
        Settings(SEED, "demo"),
        n_shuffles=n_shuffles,
        n_resamples=300,
    )
    assert list(table.columns) == list(CONTROLS_TABLE.columns)
    return table


def at_chance(row: pd.Series) -> bool:
    """Whether the interval holds the chance, at a level that a test of many intervals can live with."""
    wider = stats.t.ppf(0.9995, 5) / stats.t.ppf(0.975, 5)
    return bool(abs(row["value"] - row["chance"]) <= wider * (row["ci_high"] - row["value"]))


def rows_of(table: pd.DataFrame, unit: str, metric: str = "accuracy") -> pd.DataFrame:
    chosen = table[(table["control"] == "shuffled_labels") & (table["unit"] == unit) & (table["metric"] == metric)]
    return chosen.set_index("protocol")


@pytest.fixture(scope="module")
def noise() -> pd.DataFrame:
    return run(*dataset(), *BOTH)


@pytest.fixture(scope="module")
def with_subjects() -> pd.DataFrame:
    return run(*dataset(of_subject=1.5), *BOTH)


@pytest.fixture(scope="module")
def with_copies() -> pd.DataFrame:
    return run(*dataset(views=("hflip",)), "shuffled_labels")


# ------------------------------------------------------------------------------------------------- what must come of it


@pytest.mark.parametrize("metric", ["accuracy", "auroc"])
@pytest.mark.parametrize("unit", ["source", "subject"])
def test_where_nothing_leaks_every_rung_is_at_chance(noise: pd.DataFrame, unit: str, metric: str) -> None:
    rows = rows_of(noise, unit, metric)
    assert list(rows.index) == [rung for rung, _ in RUNGS]
    assert rows.apply(at_chance, axis=1).all()
    assert rows["chance"].between(0.4, 0.55).all()
    assert (rows["lowest"] <= rows["value"]).all()
    assert (rows["value"] <= rows["highest"]).all()


def test_labels_shuffled_over_subjects_show_a_split_that_parts_their_images(with_subjects: pd.DataFrame) -> None:
    of_subjects, of_sources = rows_of(with_subjects, "subject"), rows_of(with_subjects, "source")
    for rung in ("as_published", "source_disjoint"):
        assert of_subjects.loc[rung, "ci_low"] > 0.85
        assert at_chance(of_sources.loc[rung]), "labels are not tied to subjects"
    assert at_chance(of_subjects.loc["subject_disjoint"])


def test_labels_shuffled_over_sources_show_a_split_that_parts_copies(with_copies: pd.DataFrame) -> None:
    rows = rows_of(with_copies, "source")
    assert rows.loc["as_published", "ci_low"] > 0.65
    assert at_chance(rows.loc["source_disjoint"])
    assert at_chance(rows.loc["subject_disjoint"])


def test_subjects_that_are_far_apart_are_all_recognised() -> None:
    (row,) = run(*dataset(subjects=12, images=6, of_subject=20.0), "subject_identity").itertuples()
    assert row.value == row.ci_high == 1.0
    assert row.chance == pytest.approx(1 / 12)
    assert (row.n_images, row.n_subjects, row.n_groups) == (72, 12, 12)


def test_subjects_in_noise_are_recognised_by_chance(noise: pd.DataFrame) -> None:
    (row,) = noise[noise["control"] == "subject_identity"].itertuples()
    assert row.chance == pytest.approx(1 / 24)
    assert row.ci_low <= row.chance <= row.ci_high


def test_chance_of_recognition_is_the_share_of_the_largest_subject() -> None:
    manifest, features = dataset(subjects=10, images=6)
    kept = ~((manifest["subject_id"] != "s00") & (manifest["image_id"].str[3].astype(int) % 2 == 0))
    manifest = manifest[kept].reset_index(drop=True)
    (row,) = run(manifest, features, "subject_identity").itertuples()
    assert row.chance == manifest["subject_id"].value_counts(normalize=True).max() == 6 / 33


# ------------------------------------------------------------------------------------------------------ shuffled labels


@pytest.mark.parametrize("unit", ["source", "subject"])
def test_a_unit_keeps_one_label(unit: str) -> None:
    manifest, features = dataset(subjects=12, images=4)
    manifest["source_id"] = [f"p{number // 2}" for number in range(len(manifest))]
    tables = [place.splits for place in places(manifest, features)]
    dealt = [shuffle_labels(manifest, unit, tables, SEED, shuffle) for shuffle in (0, 0, 1)]
    units = manifest["source_id" if unit == "source" else "subject_id"]
    for labels in dealt:
        assert (pd.Series(labels).groupby(units).nunique() == 1).all()
        assert sorted(labels) == sorted(manifest["label"]), "units are equally large here"
    assert (dealt[0] == dealt[1]).all()
    assert (dealt[0] != dealt[2]).any()


def test_groups_are_dealt_one_label_though_they_hold_several_subjects() -> None:
    manifest, features = dataset(subjects=12, images=4)
    manifest.loc[4, "source_id"] = manifest.loc[0, "source_id"]  # one photograph, filed under two subjects
    tables = [place.splits for place in places(manifest, features)]
    for shuffle in range(10):
        labels = shuffle_labels(manifest, "subject", tables, SEED, shuffle)
        assert len(set(labels[:8])) == 1


@pytest.mark.parametrize("unit", ["source", "subject"])
def test_every_training_part_has_every_class(unit: str) -> None:
    manifest, features = dataset(subjects=10, images=2)
    manifest["label"] = np.where(manifest["subject_id"].isin(["s00", "s01"]), "a", "b")
    splits = pd.concat(
        manifest[["image_id"]].assign(
            view="identity", role=np.where(np.arange(20) // 10 == fold, "train", "test"), repeat=0, fold=fold
        )
        for fold in (0, 1)
    )
    for shuffle in range(20):
        labels = pd.Series(shuffle_labels(manifest, unit, [splits], SEED, shuffle), index=manifest["image_id"])
        for _, part in splits[splits["role"] == "train"].groupby("fold"):
            assert set(labels[part["image_id"]]) == {"a", "b"}
    manifest["label"] = np.where(manifest["image_id"] == "0000.png", "a", "b")
    with pytest.raises(NotPossible, match=r"no way of shuffling labels over .* leaves every training part"):
        shuffle_labels(manifest, "source", [splits], SEED, 0)
    assert features.matrix.shape[0] == 20


def test_copies_of_an_image_have_its_label_and_shuffles_are_numbered() -> None:
    manifest, features = dataset(subjects=10, views=("hflip",))
    predicted = classify_shuffled(
        controlled(manifest, features), places(manifest, features), "source", Settings(SEED, "demo"), n_shuffles=2
    )
    labels = predicted.groupby(["shuffle", "image_id"])["y_true"].nunique()
    assert (labels == 1).all(), "also from rung to rung"
    assert (predicted["repeat"] == predicted["shuffle"]).all()
    first, second = (predicted[predicted["shuffle"] == n].set_index("image_id")["y_true"] for n in (0, 1))
    assert (first.groupby(level=0).first() != second.groupby(level=0).first()).any()


def test_classes_are_those_of_the_items_split() -> None:
    manifest, features = dataset(subjects=10)
    label_set = LabelSet(classes={"sick": ["a"], "well": ["b"]}, positive_class="sick")
    named = controlled(manifest, features, label_set)
    named = replace(named, positive_class="sick")
    predicted = classify_shuffled(named, places(manifest, features), "source", Settings(SEED, "demo"), n_shuffles=2)
    assert set(predicted["y_true"]) == {"sick", "well"}


# ----------------------------------------------------------------------------------------------------- subject identity


def test_photographs_stay_together_and_every_subject_is_trained_on() -> None:
    manifest, _ = dataset(subjects=8, images=9)
    manifest["source_id"] = [f"p{number // 3}" for number in range(len(manifest))]  # three photographs of each
    splits = subject_splits(manifest, SEED).merge(manifest[["image_id", "source_id"]])
    assert splits["fold"].nunique() == 3
    for _, fold in splits.groupby("fold"):
        train, test = (fold[fold["role"] == role] for role in ("train", "test"))
        assert not set(train["source_id"]) & set(test["source_id"])
        assert set(train["subject_id"]) == set(test["subject_id"]) == set(manifest["subject_id"])
    tested = splits[splits["role"] == "test"]
    assert sorted(tested["image_id"]) == sorted(manifest["image_id"])


def test_subjects_with_few_photographs_and_shared_photographs_are_left_out() -> None:
    manifest, _ = dataset(subjects=8, images=6)
    few = manifest[(manifest["subject_id"] != "s00") | (manifest["image_id"] == "0000.png")].copy()
    few.loc[few["image_id"].isin(["0006.png", "0012.png"]), "source_id"] = "shared"
    splits = subject_splits(few, SEED)
    assert splits["fold"].nunique() == FOLDS
    assert set(splits["subject_id"]) == set(few["subject_id"]) - {"s00"}
    assert not set(splits["image_id"]) & {"0006.png", "0012.png"}


@pytest.mark.parametrize(("subjects", "images"), [(8, 1), (1, 8)])
def test_too_few_photographs_or_subjects_are_told(subjects: int, images: int) -> None:
    manifest, _ = dataset(subjects=subjects, images=images)
    with pytest.raises(NotPossible, match="recognising subjects takes several photographs of each"):
        subject_splits(manifest, SEED)


def test_without_subjects_the_table_says_why() -> None:
    manifest, features = dataset(subjects=10)
    manifest.loc[3, "subject_id"] = ""
    scheme_places = places(manifest, features, RUNGS[:2])
    table = control_table(
        controlled(manifest, features), scheme_places, BOTH, Settings(SEED, "demo"), n_shuffles=2, n_resamples=20
    )
    assert rows_of(table, "source")["value"].notna().all()
    missing = table[table["unit"] == "subject"]
    assert missing["control"].tolist() == list(BOTH)
    assert missing["value"].isna().all()
    assert set(missing["note"]) == {"1 of 50 images have no subject."}


def test_subjects_are_recognised_in_what_the_reducer_gives(tmp_path: Path) -> None:
    manifest, features = dataset(subjects=6, of_subject=20.0)
    rung = places(manifest, features, RUNGS[:1])[0]
    spec = SparseAutoencoderSpec(kind="sparse_autoencoder", hidden_fraction=0.5, max_epochs={"demo": 5, "published": 5})
    fit_reducer(spec, features, rung.splits, rung.protocol, "demo", SEED, "cpu", tmp_path / "r.h5")
    reduced = replace(controlled(manifest, features), item=ITEM.model_copy(update={"reducer": "small"}))
    place = Place(rung.protocol, rung.splits, tmp_path / "r.h5")
    table = control_table(reduced, [place], BOTH, Settings(SEED, "demo"), n_shuffles=2, n_resamples=20)
    assert table["value"].notna().all()
    told = table.loc[table["control"] == "subject_identity", "note"].item()
    assert told.endswith("which are what the first fit of small on as_published gives")
    other = places(manifest, features, RUNGS[1:2])[0]
    with pytest.raises(UserError, match=r"r.h5: its fit for fold 1 saw other rows than those .* of source_disjoint"):
        control_table(reduced, [Place(other.protocol, other.splits, place.reducer)], BOTH[1:], Settings(SEED, "demo"))


# ------------------------------------------------------------------------------------------------------------- numbers


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=2, max_size=40))
def test_agreement_by_chance_is_that_of_cohens_kappa(pairs: list[tuple[str, str]]) -> None:
    rows = pd.DataFrame(pairs, columns=["y_true", "y_pred"]).assign(repeat=0, fold=0)
    expected = agreement_by_chance(rows)
    if expected < 1:
        kappa = (accuracy_score(rows["y_true"], rows["y_pred"]) - expected) / (1 - expected)
        assert kappa == pytest.approx(cohen_kappa_score(rows["y_true"], rows["y_pred"]), abs=1e-12)


def test_agreement_by_chance_is_that_of_answers_dealt_out_in_every_fold() -> None:
    generator = np.random.default_rng(SEED)
    rows = pd.DataFrame({"repeat": np.repeat([0, 1], 30), "fold": np.tile(np.repeat([0, 1], [10, 20]), 2)})
    rows = rows.assign(
        y_true=generator.choice(["a", "b"], 60, p=[0.7, 0.3]), y_pred=generator.choice(["a", "b"], 60, p=[0.4, 0.6])
    )
    folds = rows.groupby(["repeat", "fold"])
    dealt = [
        np.mean([(part["y_true"] == generator.permutation(part["y_pred"])).sum() for _, part in folds]) * 4 / 60
        for _ in range(300)
    ]
    assert agreement_by_chance(rows) == pytest.approx(np.mean(dealt), abs=0.01)


def test_the_margin_is_that_of_students_interval() -> None:
    values = np.random.default_rng(SEED).normal(size=7)
    low, high = stats.t.interval(0.95, 6, loc=values.mean(), scale=stats.sem(values))
    assert student_margin(values) == pytest.approx((high - low) / 2)


def predicted(*shuffles: tuple[str, str, float]) -> pd.DataFrame:
    """Predictions of two images in every shuffle: their labels, and how much higher the first one's score is."""
    parts = [
        pd.DataFrame(
            {
                "shuffle": number,
                "repeat": number,
                "fold": 0,
                "image_id": ["x", "y"],
                "view": "identity",
                "subject_id": ["s", "t"],
                "source_id": ["x", "y"],
                "y_true": [first, second],
                "y_pred": ["a", "b"],
                "score": [more, 0.0],
            }
        )
        for number, (first, second, more) in enumerate(shuffles)
    ]
    return pd.concat(parts, ignore_index=True)


def test_shuffles_in_which_a_metric_is_undefined_do_not_count_for_it() -> None:
    accuracy, auroc = shuffled_rows(predicted(("a", "b", 1), ("a", "a", 1), ("a", "b", 1), ("b", "a", 1)), "a")
    assert accuracy["value"] == pytest.approx((1 + 0.5 + 1 + 0) / 4)
    assert auroc["value"] == pytest.approx(2 / 3)
    assert (auroc["lowest"], auroc["highest"]) == (0, 1)
    accuracy, auroc = shuffled_rows(predicted(("a", "b", 1), ("a", "a", 1)), "a")
    assert accuracy["value"] == pytest.approx(0.75)
    assert "value" not in auroc
    assert auroc["note"] == "so few groups are tested that hardly any shuffle leaves two classes in a fold"


# ------------------------------------------------------------------------------------------ configuration and command


def test_a_run_asks_for_controls() -> None:
    content = load_run(ROOT / "config/config.yaml").model_dump(mode="json")
    assert Run.model_validate({**content, "controls": list(BOTH)}).controls == list(BOTH)
    assert Run.model_validate({**content, "controls": ",".join(BOTH)}).controls == list(BOTH)
    schema = json.loads((ROOT / "config/schema/run.json").read_text())
    assert schema["properties"]["controls"]["items"]["enum"] == [*BOTH, *CELL_CONTROLS]


def test_a_study_may_have_controls_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    run = Run.model_validate(
        {
            **load_run(ROOT / "config/config.yaml").model_dump(mode="json"),
            "controls": ["shuffled_labels"],
            "studies": [
                {"study": "atteia2022", "dataset": "allidb_simulated"},
                {"study": "hayat2022", "dataset": "imss_simulated", "controls": ["subject_identity"]},
                {"study": "rezayi2021", "dataset": "cnmc2019_simulated", "controls": []},
            ],
        }
    )
    monkeypatch.setattr("leukorepro.run.resolve.parse", lambda *_: run)
    resolved = resolve(Path("config/config.yaml"))
    assert resolved.controls == {"atteia2022": ["shuffled_labels"], "hayat2022": ["subject_identity"]}


def test_the_headline_is_controlled_or_what_comes_next_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    chosen = {
        study.study.key: plan.control_system(study) for study in resolve(Path("config/runs/simulated.yaml")).studies
    }
    told = {key: (system.table, system.item.item, system.item.reducer, system.split) for key, system in chosen.items()}
    assert told == {
        "atteia2022": ("1", "RSet/ESet=0.25", "RSet25", "five_folds"),
        "hasanaath2024": ("6", "SVM", None, "augmented"),
        "alhammadi2024": ("1", "CAE-CNN", "CAE", "two_thirds"),
        "rezayi2021": ("5", "RF", None, "eighty_twenty"),
        "hayat2022": ("II", "InceptionV3", None, chosen["hayat2022"].split),
    }
    notes = {key: system.note for key, system in chosen.items() if system.note}
    assert notes == {
        "alhammadi2024": "a linear support vector machine in place of the network CNN",
        "rezayi2021": "in place of the headline, whose VGG-16 is a network",
    }
    assert chosen["alhammadi2024"].classifier == SvmSpec(kind="svm", kernel="linear")


def command(folder: Path, *more: str) -> tuple[int, str]:
    """Run the command on a dataset of the first study's classes."""
    manifest, features = dataset(subjects=10, images=4)
    manifest = manifest.assign(label=manifest["label"].map({"a": "all", "b": "healthy"}))
    rung = places(manifest, features, RUNGS[:1])[0]
    write_splits(rung.splits, folder / "splits.csv")
    manifest = manifest.reindex(columns=list(MANIFEST_TABLE.columns), fill_value="1")
    MANIFEST_TABLE.write(manifest, folder / "manifest.csv")
    parts = read_specification(ControlsSpecification, folder / "spec.json").system.parts
    file = write_parts(folder, features, parts, folder / "manifest.csv")
    options = ["--splits", "as_published=splits.csv", "--manifest", "manifest.csv", "--output", "controls.csv"]
    arguments = ["models", "control", "--features", str(file), *options, *more]
    done = CliRunner().invoke(app, arguments)
    return done.exit_code, done.output


def test_the_command_needs_the_reducers_of_the_item(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(make_project(tmp_path))
    run_file = tmp_path / write_run(tmp_path)
    run_file.write_text(run_file.read_text() + "controls: [subject_identity]\n")

    def specify() -> list[str]:
        run = resolve(run_file)
        write_text(controls_specification(run, run.studies[0]).text, tmp_path / "spec.json")
        return ["--spec", "spec.json"]

    status, told = command(tmp_path, *specify())
    assert status == 2
    assert "--reducer: none for as_published, but RSet/ESet=0.25 needs RSet25." in told
    status, told = command(tmp_path, *specify(), "--cell-splits", "as_publised=x.csv")
    assert status == 2
    assert "--cell-splits: unknown rung 'as_publised'. Known: as_published, " in told
    status, told = command(tmp_path, *specify(), "--reducer", "as_publised=x.h5")
    assert status == 2
    assert "--reducer: unknown rung 'as_publised'. Known: as_published, " in told
    study = tmp_path / "config/studies/atteia2022.yaml"
    study.write_text(study.read_text().replace("headline: 1/RSet/ESet=0.25", "headline: 1/ESet"))
    status, told = command(tmp_path, *specify())
    assert status == 0, told
    run_file.write_text(run_file.read_text().replace("[subject_identity]", "[subject_identity, mean_colour]"))
    status, told = command(tmp_path, *specify())
    assert status == 2
    assert "--cells: not given, but spec.json asks for subject_identity, mean_colour." in told
    (row,) = pd.read_csv(tmp_path / "controls.csv").itertuples()
    assert (row.study, row.item, row.control, row.seed) == ("atteia2022", "ESet", "subject_identity", 0)
