from __future__ import annotations

import json
import math
import re
import shutil
from pathlib import Path
from typing import Any

import jsonschema
import pandas as pd
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from project_data import ATTEIA, ROOT, make_project, printed_items
from pydantic import TypeAdapter

from leukorepro.config.adapters import ADAPTERS
from leukorepro.config.datasets import Dataset, SubjectsFromCsv, SubjectsFromRegex, load_dataset
from leukorepro.config.runs import SHARED, load_run
from leukorepro.config.schemas import SCHEMAS, json_schema
from leukorepro.config.study.study import Study, load_study
from leukorepro.config.study.systems import SparseAutoencoderSpec
from leukorepro.config.validity import load_validity
from leukorepro.core.errors import UserError
from leukorepro.core.validation import parse, read_yaml
from leukorepro.core.yaml_text import dump_yaml
from leukorepro.data.adapters.image_folder import FolderDataset

CONFIGURED = [
    *((path, "run") for path in [ROOT / "config/config.yaml", *sorted((ROOT / "config/runs").glob("*.yaml"))]),
    *((path, "dataset") for path in sorted((ROOT / "config/datasets").glob("*.yaml"))),
    *((path, "study") for path in sorted((ROOT / "config/studies").glob("*.yaml"))),
    (ROOT / "config/validity.yaml", "validity"),
]
LOADERS: dict[str, Any] = {
    "run": load_run,
    "dataset": load_dataset,
    "study": load_study,
    "validity": load_validity,
}
STUDY = printed_items(ATTEIA).model_dump(mode="json", exclude_none=True)
SIMULATED = yaml.safe_load((ROOT / "config/datasets/allidb_simulated.yaml").read_text())
RUN: dict[str, Any] = {"name": "a", "budget": "demo", "studies": [{"study": "atteia2022", "dataset": "cells"}]}
WITHOUT_VALUES = {
    ("alhammadi2024", "fig12"): {"train_recall", "train_f1"},
    ("alhammadi2024", "fig13"): {"recall", "f1"},
    ("hayat2022", "fig6"): {"accuracy"},
    ("hayat2022", "fig7"): {"accuracy"},
}
"""Metrics that a paper names without their values."""
REMOVED = object()


def changed(value: Any, *path: Any, to: Any) -> Any:
    """A copy with one place replaced, added or removed."""
    value = json.loads(json.dumps(value))
    here = value
    for part in path[:-1]:
        here = here[part]
    if to is REMOVED:
        del here[path[-1]]
    else:
        here[path[-1]] = to
    return value


def message(kind: str, value: Any) -> str:
    with pytest.raises(UserError) as error:
        parse(SCHEMAS[kind], value, Path("file.yaml"))
    return str(error.value)


def test_no_run_is_named_as_a_folder_that_rules_write_for_all_runs() -> None:
    texts = [file.read_text() for file in (ROOT / "workflow/rules").glob("*.smk")]
    named = {name for text in texts for name in re.findall(r"results/([\w.-]+)/", text)}
    assert named == SHARED


# -------------------------------------------------------------------------------------------------------------- schemas


@pytest.mark.parametrize("name", SCHEMAS)
def test_committed_schemas_are_those_of_the_models(name: str) -> None:
    assert json.loads((ROOT / f"config/schema/{name}.json").read_text()) == json_schema(name), (
        "run `leukorepro config schema` and commit config/schema"
    )


@pytest.mark.parametrize(("path", "kind"), CONFIGURED, ids=lambda v: v.name if isinstance(v, Path) else v)
def test_configuration_in_the_project_agrees_with_models_and_schemas(path: Path, kind: str) -> None:
    LOADERS[kind](path)
    jsonschema.validate(yaml.safe_load(path.read_text()), json_schema(kind))
    header, _, schema = path.read_text().splitlines()[0].partition("$schema=")
    assert header == "# yaml-language-server: "
    assert (path.parent / schema).resolve() == ROOT / "config" / "schema" / f"{kind}.json"


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("run", changed(RUN, "bugdet", to="demo")),
        ("run", changed(RUN, "budget", to="full")),
        ("run", changed(RUN, "name", to="a b")),
        ("run", changed(RUN, "studies", to=[])),
        ("dataset", changed(SIMULATED, "sizes", "published", to=REMOVED)),
        ("dataset", {"adapter": "image_foldr", "images": "x"}),
        ("dataset", {"adapter": "image_folder", "images": "x", "subjects": {"csv": "a", "regex": "(a)"}}),
        ("study", changed(STUDY, "reducers", "RSet25", "max_epochs", to={"demo": 3})),
        ("study", changed(STUDY, "classifiers", "cubic_svm", "gamma", to="scal")),
        ("study", changed(STUDY, "tables", "1", "metrics", to=["acuracy"])),
    ],
)
def test_an_editor_with_the_schema_refuses_what_the_models_refuse(kind: str, value: Any) -> None:
    message(kind, value)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value, json_schema(kind))


# --------------------------------------------------------------------------------------------------------- error texts


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            changed(RUN, "bugdet", to="demo"),
            "unknown key 'bugdet'. Known: name, budget, seed, seeds, weights, engine, precision, fast_trees, controls, "
            "group_near_duplicates, explain, studies. Did you mean 'budget'?",
        ),
        (
            changed(RUN, "studies", 0, "extracters", to=[]),
            "studies[0]: unknown key 'extracters'. Known: study, dataset, extractors, networks, items, weights, rungs, "
            "external, normalise, controls. Did you mean 'extractors'?",
        ),
        (changed(RUN, "budget", to="full"), "budget: given 'full'; must be 'demo' or 'published'."),
        (
            changed(RUN, "budget", to="publishd"),
            "budget: given 'publishd'; must be 'demo' or 'published'. Did you mean 'published'?",
        ),
        (changed(RUN, "budget", to=REMOVED), "budget: required, but not given."),
        (changed(RUN, "studies", 0, "dataset", to=REMOVED), "studies[0].dataset: required, but not given."),
        (changed(RUN, "seed", to=-1), "seed: given -1; must be greater than or equal to 0."),
        (changed(RUN, "name", to=None), "name: given nothing; must be text: put it in quotes where it is a name."),
        (
            changed(RUN, "name", to="../a"),
            "name: given '../a'; must be letters, digits, '_', '.' and '-', a letter or digit in front.",
        ),
        (
            changed(RUN, "name", to="weights"),
            "name: results/weights is shared by all runs; choose another name.",
        ),
        (changed(RUN, "studies", to=[]), "studies: given []; must have at least 1 item(s)."),
        (
            changed(RUN, "weights", to="file:{a}/w.pth"),
            "weights: given 'file:{a}/w.pth'; the workflow takes '{a}' for a wildcard: rename the file or its folder.",
        ),
        (
            changed(RUN, "studies", to=RUN["studies"] * 2),
            "studies: 'atteia2022' is named twice; put the second into a run of its own.",
        ),
        (
            changed(RUN, "controls", to=["shuffled_labels", "shuffled_labels"]),
            "controls: 'shuffled_labels' is named twice; name each once.",
        ),
        (
            changed(RUN, "controls", to=["shuffled"]),
            "controls[0]: given 'shuffled'; must be 'shuffled_labels', 'subject_identity', 'cell_size' or "
            "'mean_colour'. Did you mean 'shuffled_labels'?",
        ),
        (
            changed(RUN, "studies", 0, "extractors", to=["a", "b", "a"]),
            "studies[0].extractors: 'a' is named twice; name each once.",
        ),
        (
            changed(RUN, "studies", 0, "weights", to={"a": "imagnet"}),
            "studies[0].weights.a: given 'imagnet'; must be imagenet, random or file:PATH.",
        ),
        (
            changed(changed(RUN, "budget", to="x"), "studies", 0, "rungs", to=["subject"]),
            "budget: given 'x'; must be 'demo' or 'published'; studies[0].rungs[0]: given 'subject'; must be "
            "'as_published', 'fit_in_fold', 'source_disjoint', 'subject_disjoint' or 'external'. "
            "Did you mean 'subject_disjoint'?",
        ),
        (
            changed(RUN, "seed", to=True),
            "seed: true and false are no numbers; write the number, or leave the key out.",
        ),
        (["x"], "given ['x']; must be a mapping, lines of `key: value`."),
        (None, "given nothing; must be a mapping, lines of `key: value`."),
    ],
)
def test_a_wrong_run_is_told_with_key_given_and_allowed(value: Any, expected: str) -> None:
    assert message("run", value) == f"file.yaml: {expected}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            {"adapter": "image_foldr", "images": "x"},
            f"adapter: given 'image_foldr'; must be one of {', '.join(map(repr, ADAPTERS))}. "
            "Did you mean 'image_folder'?",
        ),
        ({"images": "x"}, "adapter: required, but not given."),
        # the adapter's name stands in pydantic's location of a fault, and is no key of the file
        ({"adapter": "image_folder"}, "images: required, but not given."),
        (
            {"adapter": "cnmc2019", "images": "x", "max_unreadable": "few"},
            "max_unreadable: given 'few'; must be a valid integer, unable to parse string as an integer.",
        ),
        (
            {"adapter": "image_folder", "images": "x", "subjects": {"csv": "a", "regex": "(a)"}},
            "subjects: given {'csv': 'a', 'regex': '(a)'}; must be a mapping with one of the keys csv and regex.",
        ),
        (
            {"adapter": "image_folder", "images": "x", "subjects": {"file": "a"}},
            "subjects: given {'file': 'a'}; must be a mapping with one of the keys csv and regex.",
        ),
        (
            {"adapter": "image_folder", "images": "x", "subjects": {"regex": "p\\d+"}},
            "subjects.regex: given 'p\\d+', without a group; put the part that names the subject into parentheses.",
        ),
        (
            {"adapter": "image_folder", "images": "x", "subjects": {"regex": "("}},
            "subjects.regex: given '('; must be a regular expression (missing ), unterminated subpattern at "
            "position 0).",
        ),
        (
            changed(SIMULATED, "sizes", "published", to=REMOVED),
            "sizes: 'published' is missing; must have a value for each of demo, published.",
        ),
        (
            changed(SIMULATED, "look", to="cnmc"),
            "look: given 'cnmc'; must be 'allidb', 'allidb1', 'allidb2', 'cnmc2019' or 'bone_marrow'. "
            "Did you mean 'cnmc2019'?",
        ),
    ],
)
def test_a_wrong_dataset_is_told_with_key_given_and_allowed(value: Any, expected: str) -> None:
    assert message("dataset", value) == f"file.yaml: {expected}"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (
            changed(STUDY, "classifiers", "cubic_svm", "gamma", to="scal"),
            "classifiers.cubic_svm.gamma: given 'scal'; must be 'scale', 'auto' or 'median' or a valid number, unable "
            "to parse string as a number. Did you mean 'scale'?",
        ),
        (
            changed(STUDY, "extractors", "bad key", to={"backbone": "googlenet"}),
            "extractors.bad key: given 'bad key'; must be letters, digits, '_', '.' and '-', a letter or digit in "
            "front.",
        ),
        (
            changed(STUDY, "feature_sets", "ISet", to=["inception"]),
            "feature_sets.ISet: unknown extractor or descriptor 'inception'. Known: googlenet, inception_v3. "
            "Did you mean 'inception_v3'?",
        ),
        (
            changed(STUDY, "feature_sets", "ISet", to=[]),
            "feature_sets.ISet: given []; must have at least 1 item(s).",
        ),
        (
            changed(STUDY, "tables", "1", "split", to="five_fold"),
            "tables.1.split: unknown split 'five_fold'. Known: five_folds. Did you mean 'five_folds'?",
        ),
        (
            changed(STUDY, "tables", "1", "items", 0, "features", to="XSet"),
            "tables.1.items.ISet.features: unknown feature set 'XSet'. Known: ISet, GSet, ESet. Did you mean 'ISet'?",
        ),
        (
            changed(STUDY, "tables", "1", "items", 0, "classifier", to="svm"),
            "tables.1.items.ISet.classifier: unknown classifier 'svm'. Known: cubic_svm.",
        ),
        (
            changed(STUDY, "tables", "1", "items", 0, "reducer", to="RSet2"),
            "tables.1.items.ISet.reducer: unknown reducer 'RSet2'. Known: RSet25, RSet50, RSet75. "
            "Did you mean 'RSet25'?",
        ),
        (
            changed(STUDY, "tables", "1", "items", 1, "item", to="ISet"),
            "tables.1: 'ISet' is named twice; name each once.",
        ),
        (
            changed(STUDY, "tables", "1", "metrics", to=["acuracy"]),
            "tables.1.metrics[0]: given 'acuracy'; must be accuracy, sensitivity, specificity, precision, recall, f1, "
            "auroc, npv, average_precision, reconstruction_correlation, pixel_correlation, tp, fn, fp or tn, perhaps "
            "with a class or with test_, train_ or val_ in front, balanced_accuracy, weighted_f1, mcc, kappa, "
            "macro_precision, macro_recall, macro_f1, weighted_precision, weighted_recall, micro_precision, "
            "micro_recall or micro_f1, perhaps with test_, train_ or val_ in front, test_loss, train_loss, val_loss, "
            "test_unweighted_loss, train_unweighted_loss or val_unweighted_loss.",
        ),
        (
            changed(STUDY, "tables", "1", "metric_readings", to={"precision": "auroc"}),
            "tables.1: metric_readings.precision: 'auroc' is not among the table's metrics; add it.",
        ),
        (changed(STUDY, "headline", to="2/ISet"), "headline: unknown table '2'. Known: 1."),
        (
            changed(STUDY, "tables", "1", "items", to=[]),
            "tables.1: has no items; list them under `items`, or give a `grid`.",
        ),
        (
            changed(STUDY, "tables", "1", "grid", to={"features": ["ISet"], "classifier": ["cubic_svm"]}),
            "tables.1.grid: unknown key 'classifier'. Known: name, features, classifiers, reading, "
            "reducer, split. Did you mean 'classifiers'?",
        ),
        (
            changed(STUDY, "tables", "1", "grid", to={"features": ["XSet"], "classifiers": ["cubic_svm"]}),
            "tables.1.items.XSet/cubic_svm.features: unknown feature set 'XSet'. Known: ISet, GSet, ESet. "
            "Did you mean 'ISet'?",
        ),
        (
            changed(STUDY, "tables", "1", "items", 1, "reading_of", to="XSet"),
            "tables.1.items.GSet.reading_of: unknown item 'XSet'. Known: ISet, GSet, ESet, RSet/ESet=0.25, "
            "RSet/ESet=0.5, RSet/ESet=0.75. Did you mean 'ISet'?",
        ),
        (
            changed(STUDY, "splits", "five_folds", "labels", to="types"),
            "splits.five_folds.labels: unknown label set 'types'. Known: none.",
        ),
        (
            changed(STUDY, "label_sets", to={"types": {"classes": {"ALL": ["L1"], "AML": ["M2"]}}}),
            "label_sets.types: positive_class: given None; must be one of ALL, AML.",
        ),
        (
            changed(STUDY, "label_sets", to={"types": {"classes": {"A": ["x"], "B": ["x"]}, "positive_class": "A"}}),
            "label_sets.types: 'x' is named twice; name each once.",
        ),
        (
            changed(STUDY, "figures", "fig7", "items", to=["Iset"]),
            "figures.fig7.items: unknown item 'Iset'. Known: ISet, GSet, ESet, RSet/ESet=0.25, RSet/ESet=0.5, "
            "RSet/ESet=0.75. Did you mean 'ISet'?",
        ),
        (
            changed(STUDY, "splits", "five_folds", "views", to=["hflip"]),
            "splits.five_folds.views: given ['hflip']; must begin with 'identity' and name every view once.",
        ),
        (
            changed(STUDY, "splits", "five_folds", "views", to=["identity", "flip"]),
            "splits.five_folds.views[1]: given 'flip'; must be identity, hflip, vflip, rot90, rot180, rot270, "
            "rotate:SEED or compose:SEED; these two may bound the angle, as rotate15:SEED does.",
        ),
        (
            changed(STUDY, "reducers", "RSet25", "max_epochs", to={"demo": 3}),
            "reducers.RSet25.max_epochs: 'published' is missing; must have a value for each of demo, published.",
        ),
    ],
)
def test_a_wrong_study_is_told_with_key_given_and_allowed(value: Any, expected: str) -> None:
    assert message("study", value) == f"file.yaml: {expected}"


NETWORKS = yaml.safe_load((ROOT / "config/studies/rezayi2021.yaml").read_text())
ON_FEATURES = {
    "reading_of": "RF",
    "features": "images",
    "reducer": "CNN_features",
    "classifier": "RF",
    "split": "eighty_twenty_once",
}
GO_TOGETHER = (
    "classifiers of kind 'network' and reducers of kind 'conv_autoencoder' go with a feature set of the descriptor "
    "'images', and beside them only reducers of kind 'trained_features' do"
)
TRAINED_GO_WITH = (
    "'CNN_features' is of kind 'trained_features', which goes with a feature set of the descriptor 'images' and a "
    "classifier that is not of kind 'network'"
)


@pytest.mark.parametrize(
    ("item", "expected"),
    [
        ({"reducer": None}, f"tables.5.items.x: {GO_TOGETHER}"),
        ({"reducer": None, "features": "pixels", "classifier": "CNN"}, f"tables.5.items.x: {GO_TOGETHER}"),
        ({"features": "pixels"}, f"tables.5.items.x.reducer: {TRAINED_GO_WITH}"),
        ({"classifier": "CNN"}, f"tables.5.items.x.reducer: {TRAINED_GO_WITH}"),
        (
            {"split": "eighty_twenty"},
            "tables.5.items.x.reducer: 'CNN_features' takes the features of 'CNN', but no item is that network on "
            "'images' and the split 'eighty_twenty'; add one, or choose a split that it is trained on",
        ),
    ],
)
def test_features_of_a_network_go_to_other_classifiers_on_images_it_is_trained_on(
    item: dict[str, Any], expected: str
) -> None:
    Study.model_validate(NETWORKS)
    value = changed(NETWORKS, "tables", "5", "items", to=[{**ON_FEATURES, "item": "x", **item}])
    assert message("study", value) == f"file.yaml: {expected}."


def test_a_networks_training_says_one_thing_at_a_time() -> None:
    network = NETWORKS["classifiers"]["CNN"]
    cosine = {"rate_drop": {"factor": 0.1, "every": 2}, "rate_cosine": {"warm_up": 0.1}}
    for settings, expected in [
        (cosine, ": rate_drop and rate_cosine are both given; a learning rate follows one of them"),
        (
            {"augment": {"flips": []}},
            ".augment: names no change; give flips, rotation, shift, zoom or brightness, or leave it out",
        ),
    ]:
        value = changed(NETWORKS, "classifiers", "CNN", to=network | settings)
        assert message("study", value) == f"file.yaml: classifiers.CNN{expected}."


def test_codes_are_not_changed_as_images_are() -> None:
    study = yaml.safe_load((ROOT / "config/studies/alhammadi2024.yaml").read_text())
    network = study["classifiers"]["CNN"] | {"zero_center": "channel"}
    assert "changes images by `zero_center` or `augment`" in message(
        "study", changed(study, "classifiers", "CNN", to=network)
    )


@pytest.mark.parametrize("network", ["RF", "CN"])
def test_features_are_those_of_a_network(network: str) -> None:
    told = message("study", changed(NETWORKS, "reducers", "CNN_features", "network", to=network))
    assert told.startswith(
        f"file.yaml: reducers.CNN_features.network: unknown classifier of kind 'network' '{network}'. "
        "Known: ResNet-50, VGG-16, CNN."
    )


def test_every_fault_of_a_file_is_told_at_once() -> None:
    text = message("run", {"name": "", "budget": "x", "seed": "y"})
    assert all(f"{key}: " in text for key in ("name", "budget", "seed", "studies"))


# ----------------------------------------------------------------------------------------------------------------- YAML


def test_a_missing_file_names_the_closest_one_beside_it(tmp_path: Path) -> None:
    folder = make_project(tmp_path) / "config" / "studies"
    shutil.copy(folder / "atteia2022.yaml", folder / "hayat2022.yaml")
    with pytest.raises(UserError) as error:
        load_study(folder / "ateia2022.yaml")
    assert str(error.value) == (
        f"{folder}/ateia2022.yaml: no such file. Known there: atteia2022, hayat2022. Did you mean 'atteia2022'?"
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"a: 1\nb: [1, 2\nc: 3\n", "line 3, column 2: not valid YAML: "),
        (b"a:\n\t- 1\n", "line 2, column 1: not valid YAML: "),
        (b"a: 1\nb: {c: 1, c: 2}\n", "line 2, column 11: not valid YAML: the key 'c' is given twice in one mapping."),
        (b"a: \xff\n", "cannot be read (not UTF-8 text)"),
        (b"a: \x07\n", "not valid YAML: "),
        (b"a: *b\n", "line 1, column 4: not valid YAML: "),
        (b"a: !!python/object:os.system {}\n", "line 1, column 4: not valid YAML: "),
        (b"a: !!timestamp 2024-13-45\n", "line 1, column 4: not valid YAML: "),
        (b"a: !!int ten\n", "line 1, column 4: not valid YAML: 'ten' is no whole number."),
        (b"a: !!float ten\n", "line 1, column 4: not valid YAML: 'ten' is no number."),
        (b"a: !!bool on\n", "line 1, column 4: not valid YAML: 'on' is neither true nor false."),
        (b"[" * 3000, "not valid YAML: lists and mappings lie in one another too deeply."),
        (b"seed: 010\n", "line 1, column 7: 010 may be meant as 10 or as text; write 10, or '010' in quotes."),
        (b"a: [-07]\n", "line 1, column 5: -07 may be meant as -7 or as text; write -7, or '-07' in quotes."),
        (b"007: bond\n", "line 1, column 1: 007 may be meant as 7 or as text; write 7, or '007' in quotes."),
    ],
)
def test_what_is_not_yaml_is_refused_with_its_place(tmp_path: Path, content: bytes, expected: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_bytes(content)
    with pytest.raises(UserError) as error:
        read_yaml(file)
    assert str(error.value).startswith(f"{file}: {expected}")


def test_a_folder_is_no_yaml_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot be read \(Is a directory\)"):
        read_yaml(tmp_path)


def test_a_merged_key_may_be_given_again(tmp_path: Path) -> None:
    """The merged mapping is used twice, above and below where it stands, and merges one itself."""
    file = tmp_path / "a.yaml"
    file.write_text("base: &b {k: 1, l: 1}\nup: {in: {deep: &d {<<: *b, k: 2}}}\nlast: {<<: *d, l: 3}\n")
    assert read_yaml(file) == {
        "base": {"k": 1, "l": 1},
        "up": {"in": {"deep": {"k": 2, "l": 1}}},
        "last": {"k": 2, "l": 3},
    }


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)


@given(st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=5), v, max_size=3)))
def test_yaml_reads_back_what_was_written(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    file = tmp_path_factory.getbasetemp() / "any.yaml"
    file.write_text(dump_yaml(value), encoding="utf-8", newline="\n")
    assert read_yaml(file) == value


@pytest.mark.parametrize(
    "spelling",
    ["yes", "No", "on", "OFF", "y", "12:30:00", "2024-01-01", "1_000", "0b1", "=", "0o9", "1e", "+", "nULL", "1.2.3"],
)
def test_a_spelling_that_only_some_programs_take_for_a_value_is_text(spelling: str, tmp_path: Path) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"{spelling}: {spelling}\n")
    assert read_yaml(file) == {spelling: spelling}


def test_numbers_have_one_spelling_less(tmp_path: Path) -> None:
    """Values of YAML 1.2's core schema (its specification, section 10.3.2), and of quoted text."""
    file = tmp_path / "a.yaml"
    file.write_text("[1e-3, 12e03, 0o17, 0x1F, -0.0, +12, .5, 1., 0, '010', !!str 010, ~, Null, TRUE, .inf]")
    expected = [0.001, 12000.0, 15, 31, 0.0, 12, 0.5, 1.0, 0, "010", "010", None, None, True, math.inf]
    assert read_yaml(file) == expected
    assert [type(value) for value in read_yaml(file)] == [type(value) for value in expected]


@pytest.mark.parametrize(
    ("value", "given"), [("1", "1"), ("true", "True"), ("null", "nothing"), ("1.5", "1.5"), ("0x1F", "31")]
)
def test_a_name_that_is_read_as_a_value_is_to_be_quoted(tmp_path: Path, value: str, given: str) -> None:
    file = tmp_path / "a.yaml"
    file.write_text(f"adapter: image_folder\nimages: i\npositive_class: [{value}]\n")
    with pytest.raises(UserError, match=rf"given {given}; must be text: put it in quotes where it is a name"):
        parse(TypeAdapter(dict[str, str | list[str]]), read_yaml(file), file)


@pytest.mark.parametrize("value", [math.inf, math.nan])
def test_no_setting_is_infinite_or_no_number(value: float) -> None:
    """YAML spells them; every comparison with one that is no number is false."""
    kept = {"kind": "sparse_autoencoder", "hidden_fraction": 0.5, "max_epochs": {"demo": 1, "published": 1}}
    with pytest.raises(UserError, match=f"l2_weight: given {value}; must be a finite number"):
        parse(SparseAutoencoderSpec, kept | {"l2_weight": value}, Path("file.yaml"))


# -------------------------------------------------------------------------------------------------------------- values


@pytest.mark.parametrize("subjects", [None, SubjectsFromCsv(csv=Path("s.csv")), SubjectsFromRegex(regex="(p.)")])
def test_a_dataset_survives_being_written_and_read(subjects: SubjectsFromCsv | SubjectsFromRegex | None) -> None:
    """The way of `init`: the subjects' two kinds are told apart by their key alone."""
    dataset = FolderDataset(adapter="image_folder", images=Path("../a b"), subjects=subjects)
    text = yaml.safe_dump(dataset.model_dump(mode="json", exclude_defaults=True))
    again: Dataset = parse(SCHEMAS["dataset"], yaml.safe_load(text), Path("file"))
    assert again == dataset


def test_text_of_the_command_line_becomes_numbers() -> None:
    assert parse(SCHEMAS["run"], changed(RUN, "seed", to="7"), Path("file")).seed == 7


def test_grids_give_items_names_of_their_own_and_second_readings() -> None:
    printed = {"name": "{features}", "features": ["ISet"], "classifiers": ["cubic_svm"]}
    named = {"features": {"I": "ISet", "G": "GSet"}, "classifiers": {"cubic": "cubic_svm"}}
    grids = [printed, printed | {"reading": "again", "split": "five_folds"}, named]
    study = Study.model_validate(changed(STUDY, "tables", "2", to={**STUDY["tables"]["1"], "items": [], "grid": grids}))
    found = [(i.item, i.features, i.classifier, i.split, i.reading_of) for i in study.tables["2"].items]
    assert found == [
        ("ISet", "ISet", "cubic_svm", None, None),
        ("ISet, again", "ISet", "cubic_svm", "five_folds", "ISet"),
        ("I/cubic", "ISet", "cubic_svm", None, None),
        ("G/cubic", "GSet", "cubic_svm", None, None),
    ]


def test_a_grid_is_every_classifier_on_every_feature_set() -> None:
    grid = {"features": ["ISet", "GSet"], "classifiers": ["cubic_svm"]}
    table = changed(STUDY, "tables", "1", "grid", to=grid)["tables"]["1"]
    more = [{"item": "more", "features": "ESet", "classifier": "cubic_svm"}]
    study = Study.model_validate(changed(STUDY, "tables", "2", to={**table, "items": more}))
    assert [item.item for item in study.tables["2"].items] == ["ISet/cubic_svm", "GSet/cubic_svm", "more"]
    again = Study.model_validate(study.model_dump())
    assert again.tables == study.tables, "a grid is expanded once"


@pytest.mark.parametrize("file", sorted((ROOT / "config/studies").glob("*.yaml")), ids=lambda file: file.stem)
def test_every_printed_number_of_an_item_has_its_item_and_metric(file: Path) -> None:
    """Or else a number that a paper prints would stay without a comparison, by a name that is spelt otherwise."""
    study = load_study(file)
    published = pd.read_csv(ROOT / f"config/published/{study.key}.csv", dtype=str, keep_default_na=False)
    for number, table in study.tables.items():
        printed = published[published["table"] == number]
        if number.startswith("S"):
            assert printed.empty, "not in the paper"
            continue
        for item in table.items:
            metrics = set(printed.loc[printed["item"] == (item.reading_of or item.item), "metric"])
            first = set(table.metrics) - table.metric_readings.keys()
            assert first - WITHOUT_VALUES.get((study.key, number), set()) <= metrics, (number, item.item)
