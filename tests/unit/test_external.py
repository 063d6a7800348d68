"""Another dataset as the rung `external`: classes that both have, ids that stay apart, features of each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from project_data import make_project, numbered, touch, write_run, write_yaml

from leukorepro.config.joined import JoinedDataset, load_studied
from leukorepro.config.study.schemes import KFoldScheme, Protocol
from leukorepro.core.errors import UserError
from leukorepro.core.store import hdf5_writer, sha256_file
from leukorepro.data.folders import list_images
from leukorepro.data.manifest import write_manifest
from leukorepro.data.scan import scan
from leukorepro.data.splits import make_splits
from leukorepro.features.fusion import read_features, write_rows
from leukorepro.features.identity import identity
from leukorepro.features.joining import join
from leukorepro.run import plan
from leukorepro.run.conditions.words import caveats
from leukorepro.run.resolve import resolve
from leukorepro.run.resolved import ResolvedRun, ResolvedStudy
from leukorepro.run.specify import Specifications

CLASSES = {"BLA": "blast", "NEU": "normal"}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path))
    return tmp_path


def dataset(project: Path, key: str, *names: str, **keys: Any) -> str:
    touch(project / "data" / key, *names)
    own = {"adapter": "image_folder", "images": f"data/{key}", "title": key.title()} | keys
    write_yaml(project / f"config/datasets/{key}.yaml", own)
    return key


def here(project: Path) -> str:
    subjects = {"regex": r"p(\d+)"}
    names = numbered("blast/p{}_a.png", "normal/p1{}_a.png")
    return dataset(project, "here", *names, "other/p99_a.png", positive_class="blast", subjects=subjects)


def there(project: Path, **keys: Any) -> str:
    names = numbered("BLA/p{}_a.png", "NEU/p{}_b.png", "BAS/p{}_c.png", count=3)
    return dataset(project, "there", *names, **keys)


def resolved(project: Path, external: Any, **study: Any) -> ResolvedRun:
    return resolve(write_run(project, dataset=here(project), external=external, **study))


def study_of(project: Path, external: Any, **study: Any) -> ResolvedStudy:
    return resolved(project, external, **study).studies[0]


def refused(project: Path, external: Any, **study: Any) -> str:
    with pytest.raises(UserError) as error:
        resolved(project, external, **study)
    return str(error.value)


def test_classes_are_the_firsts_and_those_without_a_partner_are_left_out_of_both_and_told(project: Path) -> None:
    there(project)
    run = resolved(project, {"dataset": "there", "classes": CLASSES})
    (study,) = run.studies
    assert study.harmonised is not None
    assert study.harmonised.classes == CLASSES
    told = "left out, because the other dataset has no such class"
    assert run.not_run[-2:] == [f"atteia2022: here: {told}: 1 of other", f"atteia2022: there: {told}: 3 of BAS"]
    assert study.positive_class_of("five_folds") == "blast"
    rows = list_images(study.dataset, study.images).rows
    of = pd.DataFrame([{"id": row.name, "label": row.label, "part": row.official_split} for row in rows])
    assert of.groupby(["part", "label"]).size().to_dict() == {
        ("", "blast"): 5,
        ("", "normal"): 5,
        ("there", "blast"): 3,
        ("there", "normal"): 3,
    }
    assert of["id"].is_unique
    assert set(of["id"][of["part"] == ""]) == set(numbered("blast/p{}_a.png", "normal/p1{}_a.png"))
    assert of["id"][of["part"] == "there"].str.startswith("there:").all()
    assert all((study.images / row.path).is_file() for row in rows)


def test_subjects_of_two_laboratories_with_the_same_number_are_two_and_the_first_is_listed_as_ever(
    project: Path,
) -> None:
    there(project, subjects={"regex": r"p(\d+)"})
    study = study_of(project, {"dataset": "there", "classes": CLASSES})
    rows = list_images(study.dataset, study.images).rows
    alone = list_images(study.own.dataset, study.own.images).rows
    assert {row.subject_id for row in rows if row.official_split} == {"there:1", "there:2", "there:3"}
    assert [(row.name, row.subject_id) for row in rows if not row.official_split] == [
        (row.name, row.subject_id) for row in alone if row.label != "other"
    ]


def test_a_dataset_of_which_one_is_held_out_has_the_rungs_of_the_first_and_external(project: Path) -> None:
    there(project)  # says nothing of its subjects
    study = study_of(project, {"dataset": "there", "classes": CLASSES})
    assert list(study.protocols) == ["as_published", "fit_in_fold", "source_disjoint", "subject_disjoint", "external"]
    assert study.dataset_id.startswith("here+there-"), "another mapping has other files"
    assert study_of(project, {"dataset": "there", "classes": {"BLA": "blast", "BAS": "normal"}}).dataset_id != (
        study.dataset_id
    )


def test_subjects_of_the_second_alone_give_no_rung_that_keeps_those_of_the_first_apart(project: Path) -> None:
    names = numbered("blast/a{}.png", "normal/b{}.png")
    dataset(project, "plain", *names, positive_class="blast")
    dataset(project, "told", *names, subjects={"regex": r"\w(\d+)"})
    (study,) = resolve(write_run(project, dataset="plain", external="told")).studies
    assert study.left_out["subject_disjoint"] == "the dataset plain has no subject ids"
    assert "external" in study.protocols
    assert study.dataset_id == "plain+told"
    assert study.harmonised is not None
    assert study.harmonised.left_out == []


@pytest.mark.parametrize(
    ("external", "told"),
    [
        ("here", "studies[0].external: given 'here', the study's own dataset; name another one."),
        ("there", "studies[0].external: no class in common: the first dataset has blast, normal, other, the second"),
        ("ther", "studies[0].external: unknown dataset 'ther'. Known: "),
        (
            {"dataset": "there", "classes": {"BLAA": "blast"}},
            "external.classes: unknown class of the second dataset 'BLAA'. Known: BAS, BLA, NEU. Did you mean 'BLA'?",
        ),
        (
            {"dataset": "there", "classes": {"BLA": "blasts"}},
            "external.classes.BLA: unknown class of the first dataset 'blasts'. Known: blast, normal, other.",
        ),
        ({"dataset": "there", "clases": {}}, "studies[0].external: unknown key 'clases'"),
        ({"dataset": "there", "classes": {"BLA": "blast"}}, "has one class only"),
        (
            {"dataset": "there", "classes": {"BLA": "normal", "NEU": "other"}},
            "studies[0].external.positive_class: not given; of the two classes normal and other name the one",
        ),
        (
            {"dataset": "there", "classes": CLASSES, "positive_class": "BLA"},
            "studies[0].external.positive_class: unknown class 'BLA'. Known: blast, normal.",
        ),
    ],
)
def test_what_cannot_be_is_one_sentence_before_any_job(project: Path, external: Any, told: str) -> None:
    there(project)
    assert told in refused(project, external)


def test_a_run_that_leaves_the_rung_out_and_names_an_external_dataset_is_refused(project: Path) -> None:
    there(project)
    told = refused(project, {"dataset": "there", "classes": CLASSES}, rungs=["as_published"])
    assert "external: given, but `rungs` leaves out `external`; add it there." in told


def test_an_absent_external_dataset_leaves_the_study_out(project: Path) -> None:
    write_yaml(project / "config/datasets/gone.yaml", {"adapter": "image_folder", "images": "data/gone"})
    assert "its dataset gone is absent (data/gone: no such folder)" in refused(project, "gone")


def test_a_part_of_the_firsts_own_that_is_held_out_takes_no_part_and_is_told(project: Path) -> None:
    simulated = {"adapter": "simulated", "look": "allidb2", "positive_class": "all"}
    size = {"subjects": 12, "images": 24, "external_subjects": 4, "external_images": 8}
    sizes = {"demo": size, "published": size}
    write_yaml(project / "config/datasets/drawn.yaml", simulated | {"sizes": sizes})
    dataset(project, "there", *numbered("all/a{}.png", "healthy/b{}.png"))
    (study,) = resolve(write_run(project, dataset="drawn", external="there")).studies
    assert study.external_split == "there"
    assert study.harmonised is not None
    assert study.harmonised.left_out == ["drawn-demo: its own held-out part external is left out, 8 images"]
    assert caveats(study, "demo")[0] == (
        "Simulated images: those of drawn-demo; no number that rests on them says anything about patients."
    )


def test_only_originals_are_wanted_of_the_second_where_its_features_are_its_own(project: Path) -> None:
    there(project)
    views = {"five_folds": {"kind": "k_fold", "n_splits": 5, "views": ["identity", "hflip"]}}
    file = project / "config/studies/atteia2022.yaml"
    study = yaml.safe_load(file.read_text())
    write_yaml(file, study | {"splits": study["splits"] | views})
    external = {"dataset": "there", "classes": CLASSES}
    run = resolved(project, external)
    (part,) = {"inception_v3-gap-random_0-112"} & run.studies[0].parts.keys()
    assert plan.views_of(run, "there", part) == ["identity", "hflip"], "of random weights, which see both at once"
    assert not plan.joins_features(run.studies[0].parts[part])
    (study,) = run.studies
    trained = {name: e.model_copy(update={"weights": "imagenet"}) for name, e in study.extractors.items()}
    run = run.model_copy(update={"studies": [study.model_copy(update={"extractors": trained})]})
    assert plan.views_of(run, "there", part) == ["identity"]
    assert plan.views_of(run, "here", part) == ["identity", "hflip"]


def draw(folder: Path, *names: str, size: tuple[int, int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 255, (*size, 3), dtype=np.uint8)).save(folder / name)


def test_a_copy_in_the_other_laboratory_is_found_and_trains_no_more(project: Path) -> None:
    """Other image sizes, no subjects, and a file of the first under another name in the second."""
    there(project)
    study = study_of(project, {"dataset": "there", "classes": CLASSES})
    draw(project / "data/here", *numbered("blast/p{}_a.png", "normal/p1{}_a.png"), size=(20, 24), seed=0)
    draw(project / "data/there", *numbered("BLA/p{}_a.png", "NEU/p{}_b.png", count=3), size=(33, 15), seed=1)
    copied = (project / "data/here/blast/p1_a.png").read_bytes()
    (project / "data/there/BLA/p2_a.png").write_bytes(copied)
    Specifications(resolved(project, {"dataset": "there", "classes": CLASSES})).write()
    told = load_studied(Path(f"results/datasets/{study.dataset_id}/dataset.json"))
    assert isinstance(told, JoinedDataset)
    found = scan(told, study.images, progress=False)
    manifest = found.manifest.set_index("image_id")
    assert (manifest["status"] == "ok").all()
    assert manifest.loc["blast/p1_a.png", "source_id"] == manifest.loc["there:BLA/p2_a.png", "source_id"]
    assert found.summary["external_split"] == "there"
    assert found.summary["splits"] == {"there": {"blast": 3, "normal": 3}}
    assert found.summary["equal_content"][0]["images"] == ["blast/p1_a.png", "there:BLA/p2_a.png"]
    splits = make_splits(
        found.manifest, KFoldScheme(kind="k_fold", n_splits=5), study.protocols["external"], 0, study.external_split
    ).set_index("image_id")["role"]
    assert splits.value_counts().to_dict() == {"train": 9, "test": 6, "excluded": 1}
    assert splits["blast/p1_a.png"] == "excluded"
    inner = make_splits(
        found.manifest,
        KFoldScheme(kind="k_fold", n_splits=5),
        Protocol(rung="source_disjoint", unit="source", scope="train"),
        0,
        study.external_split,
    )
    assert not inner["image_id"].str.startswith("there:").any()


# ------------------------------------------------------------------------------------------------------- normalisation


def test_the_headline_is_made_again_on_normalised_images_and_what_there_was_keeps_its_files(project: Path) -> None:
    there(project)
    external = {"dataset": "there", "classes": CLASSES}
    plain = study_of(project, external)
    study = study_of(project, external, normalise=["grey", "macenko"])
    name = plain.study.headline.partition("/")[2]
    assert [item.item for item in study.study.tables["colour"].items] == [name, f"{name}, grey", f"{name}, Macenko"]
    assert study.study.headline == plain.study.headline
    assert {key: study.parts[key] for key in plain.parts} == plain.parts
    assert study.parts.keys() - plain.parts.keys() == {
        f"{key}-{how}" for how in ("grey", "macenko") for key in plain.parts
    }
    for key in plain.parts:
        assert "normalise" not in identity(study.parts[key])
        assert "normalise" not in study.parts[key].model_dump_json()
        assert identity(study.parts[f"{key}-grey"])["normalise"] == "grey"
        assert (
            type(study.parts[key]).model_validate_json(study.parts[f"{key}-grey"].model_dump_json()).normalise == "grey"
        )


def test_a_way_to_normalise_that_there_is_not_is_told(project: Path) -> None:
    there(project)
    told = refused(project, {"dataset": "there", "classes": CLASSES}, normalise=["gray"])
    assert "normalise[0]: given 'gray'; must be 'grey', 'reinhard' or 'macenko'. Did you mean 'grey'?" in told


# ------------------------------------------------------------------------------------------------------------- features


def features_of(path: Path, images: list[str], views: list[str], seed: int, **attributes: Any) -> np.ndarray:
    matrix = np.random.default_rng(seed).normal(size=(len(images) * len(views), 3)).astype(np.float32)
    with hdf5_writer(path) as file:
        file["features"] = matrix
        write_rows(file, np.repeat(np.array(images, dtype=object), len(views)), views * len(images))
        own = {"dataset": path.stem, "manifest_sha256": path.stem, "views": json.dumps(views)}
        file.attrs.update({"schema_version": 1, "weights_sha256": "1"} | own | attributes)
    return matrix


def manifest_of(path: Path, images: list[str]) -> Path:
    text = dict.fromkeys(("image_id", "path", "source_id"), images)
    empty = dict.fromkeys(("label", "subject_id", "official_split", "sha256"), "")
    columns = ["image_id", "path", "label", "subject_id", "source_id", "official_split", "sha256"]
    frame = pd.DataFrame(text | {name: [value] * len(images) for name, value in empty.items()})[columns]
    write_manifest(frame.assign(width=1, height=1, status="ok"), path)
    return path


def test_joined_features_are_those_of_each_row_by_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leukorepro.features.joining.BLOCK_BYTES", 24)
    first = features_of(tmp_path / "first.h5", ["a", "b", "c"], ["identity", "vflip", "hflip"], 0)
    second = features_of(tmp_path / "second.h5", ["a", "d"], ["identity"], 1)
    manifest = manifest_of(tmp_path / "both.csv", ["a", "far:d", "c", "far:a"])  # b is of a class without a partner
    files = tmp_path / "first.h5", tmp_path / "second.h5", manifest, tmp_path / "both.h5"
    join(*files, dataset="both", second_name="far", views=["identity", "hflip"])
    both = read_features(tmp_path / "both.h5", mapped=True)
    assert both.rows["image_id"].tolist() == ["a", "a", "far:d", "c", "c", "far:a"]
    assert both.rows["view"].tolist() == ["identity", "hflip", "identity", "identity", "hflip", "identity"]
    np.testing.assert_array_equal(both.matrix, np.vstack([first[[0, 2]], second[1:], first[[6, 8]], second[:1]]))
    with h5py.File(tmp_path / "both.h5") as file:
        assert file.attrs["dataset"] == "both"
        assert file.attrs["manifest_sha256"] == sha256_file(manifest)
        assert file.attrs["weights_sha256"] == "1"


def test_features_of_other_weights_or_without_an_image_are_not_joined(tmp_path: Path) -> None:
    features_of(tmp_path / "first.h5", ["a"], ["identity"], 0)
    features_of(tmp_path / "second.h5", ["a"], ["identity"], 1, weights_sha256="2")
    manifest = manifest_of(tmp_path / "both.csv", ["a", "far:a"])
    files = tmp_path / "first.h5", tmp_path / "second.h5", manifest, tmp_path / "both.h5"
    with pytest.raises(UserError, match=r"its weights_sha256 is 2, but that of .*first\.h5 is 1"):
        join(*files, dataset="both", second_name="far", views=["identity", "hflip"])
    features_of(tmp_path / "second.h5", ["b"], ["identity"], 1)
    with pytest.raises(UserError, match="its image far:a is in neither"):
        join(*files, dataset="both", second_name="far", views=["identity", "hflip"])
    assert not (tmp_path / "both.h5").exists()
