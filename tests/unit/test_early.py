"""What configuration, names of files and a manifest tell is said before anything expensive is begun."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from project_data import make_project, numbered, touch, write_run, write_yaml
from test_splits import manifest, protocol

from leukorepro.config.study.schemes import HoldOutScheme, KFoldScheme, Scheme
from leukorepro.core.errors import UserError
from leukorepro.core.listing import Row
from leukorepro.data.split_needs import pool_of, refusal
from leukorepro.data.splits import make_splits
from leukorepro.run.resolve import resolve
from leukorepro.run.specify import splits_specification
from leukorepro.run.splitting import splits_of

PATIENTS = {"regex": r"p(\d+)_"}
DATASET = "config/datasets/own.yaml"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path))
    return tmp_path


def own(project: Path, *names: str, rungs: list[str] | None = None, **keys: Any) -> Path:
    """A run on images of one's own, five patients of each class if no others are named."""
    touch(project / "images", *(names or numbered("aml/p{}_1.png", "normal/p1{}_1.png")))
    told = {"adapter": "image_folder", "images": "images", "positive_class": "aml", "subjects": PATIENTS} | keys
    write_yaml(project / DATASET, {key: value for key, value in told.items() if value is not None})
    return write_run(project, dataset="own", **({"rungs": rungs} if rungs else {}))


def test_images_enough_for_every_rung_go_through(project: Path) -> None:
    study = resolve(own(project)).studies[0]
    assert list(study.protocols) == ["as_published", "fit_in_fold", "source_disjoint", "subject_disjoint"]


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        (
            {"positive_class": "amll"},
            f"{DATASET}: positive_class: unknown class 'amll'. Known: aml, normal. Did you mean",
        ),
        (
            {"positive_class": "AML"},
            f"{DATASET}: positive_class: unknown class 'AML'. Known: aml, normal. Did you mean",
        ),
        ({"positive_class": None}, f"{DATASET}: positive_class: not given; of the two classes aml and normal name the"),
    ],
)
def test_a_positive_class_that_is_none_stops_the_run(project: Path, keys: dict[str, Any], expected: str) -> None:
    with pytest.raises(UserError) as error:
        resolve(own(project, **keys))
    assert str(error.value).startswith(expected)


def test_a_positive_class_is_compared_where_there_are_more_than_two(project: Path) -> None:
    names = numbered("aml/p{}_1.png", "cml/p2{}_1.png", "normal/p1{}_1.png")
    with pytest.raises(UserError, match="unknown class 'aml '"):
        resolve(own(project, *names, positive_class="aml "))
    assert resolve(own(project, *names, positive_class=None)).studies


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (numbered("aml/p{}_1.png"), "has one class only, and a classifier needs two: all 5 images of it are aml"),
        (
            numbered("p{}_1.png"),
            "has one class only, and a classifier needs two: all 5 images of it are beside no class",
        ),
        (
            [*numbered("aml/p{}_1.png"), "normal/p11_1.png"],
            "has a single image of the class normal, and a class needs one to train on and another to be tested",
        ),
    ],
)
def test_too_few_images_for_any_rung_leave_the_study_out(project: Path, names: list[str], expected: str) -> None:
    run = own(project, *names)
    with pytest.raises(UserError, match=rf"no study of it can run: atteia2022, because the dataset own {expected}"):
        resolve(run)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (numbered("prelim/UID_1_{}_1_all.bmp", "prelim/UID_H1_{}_1_hem.bmp"), "has images of its held-out part prelim"),
        (
            numbered("fold_0/UID_1_{}_1_all.bmp", "prelim/UID_H1_{}_1_hem.bmp"),
            "has one class only, and a classifier needs two: all 5 images that are split are all",
        ),
    ],
)
def test_classes_of_the_held_out_part_alone_leave_the_study_out(project: Path, names: list[str], expected: str) -> None:
    with pytest.raises(UserError, match=rf"no study of it can run: atteia2022, because the dataset own {expected}"):
        resolve(own(project, *names, adapter="cnmc2019", positive_class="all", subjects=None))


@pytest.mark.parametrize(
    ("names", "reasons"),
    [
        (
            numbered("aml/p{}_1.png", "normal/p1_{}.png"),
            {"subject_disjoint": "groups of images that share a subject in each class, but normal has 1"},
        ),
        (
            numbered("aml/p{}_1.png") + numbered("normal/p{}_2.png", count=3),
            {
                "source_disjoint": "5 folds need at least 5 source images in each class, but normal has 3",
                "subject_disjoint": "but normal has 3",
            },
        ),
    ],
)
def test_a_rung_that_lacks_images_is_left_out_and_refused_by_name(
    project: Path, names: list[str], reasons: dict[str, str]
) -> None:
    study = resolve(own(project, *names)).studies[0]
    for rung, reason in reasons.items():
        assert reason in study.left_out[rung]
        with pytest.raises(
            UserError, match=rf"studies\[0\]\.rungs: {rung} cannot run: in the dataset own 5 folds need"
        ):
            resolve(own(project, *names, rungs=["as_published", rung]))


def test_a_simulation_without_a_subject_for_each_class_is_refused(project: Path) -> None:
    size = {"subjects": 2, "images": 8}
    drawn = {"adapter": "simulated", "look": "bone_marrow", "sizes": {"demo": size, "published": size}}
    write_yaml(project / "config/datasets/few.yaml", drawn)
    with pytest.raises(UserError, match=r"few\.yaml: simulation: size: 2 subjects for 5 classes .*; give at least 5"):
        resolve(write_run(project, dataset="few"))


# ---------------------------------------------------------------------------------- the count is that of the real split

SCHEMES: list[Scheme] = [
    KFoldScheme(kind="k_fold", n_splits=3),
    KFoldScheme(kind="k_fold", n_splits=4, views=["identity", "hflip"]),
    HoldOutScheme(kind="hold_out", test_share=0.3),
    HoldOutScheme(kind="hold_out", test_share=0.2, validation_share=0.2, include_external=True),
]


@settings(max_examples=60)
@given(
    subjects=st.integers(2, 12),
    per_subject=st.integers(1, 3),
    external=st.integers(0, 3),
    strangers=st.sets(st.integers(0, 11), max_size=3),
    rung=st.sampled_from(["as_published", "source_disjoint", "subject_disjoint", "external"]),
    scheme=st.sampled_from(SCHEMES),
)
def test_what_is_refused_by_its_names_cannot_be_split(
    subjects: int, per_subject: int, external: int, strangers: set[int], rung: str, scheme: Scheme
) -> None:
    """No false alarm: wherever the list speaks against a split, making it of the manifest fails too.

    And none too late: where images are what their names say, folds are refused by the list or can be made.
    """
    table = manifest(subjects, per_subject, min(external, subjects - 1))
    table.loc[table["subject_id"].isin([f"s{number:02d}" for number in strangers]), "subject_id"] = ""
    rows = [Row(r.path, r.label, r.subject_id, r.source_id, r.official_split) for r in table.itertuples()]
    if refusal(rows, scheme, protocol(rung), "external", None):
        with pytest.raises(UserError):
            make_splits(table, scheme, protocol(rung), 0, "external")
    elif isinstance(scheme, KFoldScheme) and len({label for label, _ in pool_of(rows, scheme, "external", None)}) == 2:
        make_splits(table, scheme, protocol(rung), 0, "external")


# -------------------------------------------------------------------------- what only a manifest tells, before features


def unreadable(table: pd.DataFrame) -> pd.DataFrame:
    """All but two images of the second class cannot be read."""
    lost = table.index[table["label"] == "healthy"][2:]
    table.loc[lost, "status"] = "truncated"
    return table


def tied(table: pd.DataFrame) -> pd.DataFrame:
    """All images of the second class are copies of one."""
    table.loc[table["label"] == "healthy", "source_id"] = "s01_0.png"
    return table


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (
            unreadable,
            "source_disjoint, splits.five_folds: 5 folds need .* source images in each class, but healthy has 2",
        ),
        (tied, "source_disjoint, splits.five_folds: 5 folds need .* source images in each class, but healthy has 1"),
    ],
)
def test_splits_that_the_opened_images_do_not_allow_are_refused_by_name(
    project: Path, fault: Callable[[pd.DataFrame], pd.DataFrame], expected: str
) -> None:
    run = resolve(own(project))
    told = splits_specification(run, run.studies[0])
    table = manifest(10, 3).replace({"label": {"all": "aml"}})
    assert len(list(splits_of(told, table))) == len(told.protocols)
    with pytest.raises(UserError, match=expected):
        list(splits_of(told, fault(table)))


def test_more_neighbours_than_training_rows_are_refused_before_features_are_computed(project: Path) -> None:
    study = project / "config/studies/atteia2022.yaml"
    content = yaml.safe_load(study.read_text())
    content["classifiers"]["cubic_svm"] = {"kind": "knn", "n_neighbors": 25}
    write_yaml(study, content)
    run = resolve(own(project))
    told = splits_specification(run, run.studies[0])
    assert told.rows_needed == {"five_folds": {"cubic_svm": 25}}
    assert list(splits_of(told, manifest(12, 1)))  # three views of ten images or nine
    with pytest.raises(UserError, match=r"five_folds: classifiers.cubic_svm needs 25 .* part has 24; add images, or"):
        list(splits_of(told, manifest(10, 1)))
