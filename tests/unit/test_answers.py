"""Every printed number is answered: by an item, the same number elsewhere, a count, or a reason why by nothing."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from leukorepro.audits.answers import Answer, Answers
from leukorepro.audits.paper import Paper, Value
from leukorepro.config.study.published import read_published
from leukorepro.config.study.study import load_study
from leukorepro.core.errors import UserError
from leukorepro.data.adapters.allidb import AllIdbDataset
from leukorepro.data.splits import make_splits
from leukorepro.evaluation.answers import Counted, Tied, Unanswered, read_answers
from leukorepro.run.resolve import resolve
from leukorepro.run.resolved import ResolvedStudy

PAPERS = ("atteia2022", "hasanaath2024", "alhammadi2024", "rezayi2021", "hayat2022")


def answers_of(root: Path, study: str, file: Path | None = None) -> dict[Value, Answer]:
    loaded = load_study(file or root / f"config/studies/{study}.yaml")
    paper = Paper(loaded, read_published(root / f"config/published/{study}.csv"))
    answers = Answers(paper)
    return {value: answers.of(value) for value in paper.values}


@pytest.fixture(scope="module")
def all_answers(root: Path) -> dict[str, dict[Value, Answer]]:
    return {study: answers_of(root, study) for study in PAPERS}


@pytest.mark.parametrize("study", PAPERS)
def test_no_printed_number_of_the_five_papers_is_left_without_an_answer(
    all_answers: dict[str, dict[Value, Answer]], study: str
) -> None:
    left = [(v.table, v.item, v.metric) for v, answer in all_answers[study].items() if answer.by == "nothing"]
    assert left == []


def test_entries_of_confusion_matrices_are_answered_by_items(all_answers: dict[str, dict[Value, Answer]]) -> None:
    entries = {v: a.by for v, a in all_answers["rezayi2021"].items() if v.metric.startswith("healthy_")}
    assert Counter(by for v, by in entries.items() if v.table == "fig6") == {"item": 12}


def test_a_number_has_one_answer_of_each_kind(all_answers: dict[str, dict[Value, Answer]]) -> None:
    for answers in all_answers.values():
        for answer in answers.values():
            assert answer.place is not None or answer.by not in ("item", "tie")
            assert (answer.ours is not None or answer.count is not None) == (answer.by == "count")


@pytest.mark.parametrize(
    ("study", "place", "ours"),
    [
        ("atteia2022", ("1", "ESet", "n_features"), 3072),
        ("atteia2022", ("1", "RSet/ESet=0.75", "n_features"), 2304),
        ("atteia2022", ("text", "inception_input_side", "size"), 299),  # printed as 229
        ("hasanaath2024", ("text", "VGG16+InceptionResNetV2+DenseNet121", "n_features"), 3072),
        ("alhammadi2024", ("text", "CAE", "n_features"), 67500),
        ("alhammadi2024", ("fig3", "08 Convolutional 2D", "learnables"), 6588),
        ("alhammadi2024", ("text", "CNN", "learnables_total"), 86_503_162),
        ("hayat2022", ("text", "folds", "size"), 10),
    ],
)
def test_what_the_configuration_fixes_is_counted(
    all_answers: dict[str, dict[Value, Answer]], study: str, place: tuple[str, str, str], ours: int
) -> None:
    (answer,) = (a for v, a in all_answers[study].items() if (v.table, v.item, v.metric) == place)
    assert answer.ours == ours


def test_all_printed_learnables_are_counted_and_as_printed(all_answers: dict[str, dict[Value, Answer]]) -> None:
    counted = {v: a.ours for v, a in all_answers["alhammadi2024"].items() if v.metric.startswith("learnables")}
    assert len(counted) == 23
    assert all(ours is not None and abs(ours - v.number) <= v.half_unit for v, ours in counted.items())


@pytest.mark.parametrize(
    ("key", "entry", "said"),
    [
        ("ties", {"number": "7/nobody", "answered_by": "6/SVM"}, "'nobody'"),
        ("ties", {"number": "text/MLP", "answered_by": "2/nobody"}, "'2/nobody' is no item of the study's tables"),
        ("counts", {"number": "images"}, "give one of part, split and setting; given: none"),
        ("counts", {"number": "images", "part": "P", "role": "test"}, "`of` and `role` go with `split`"),
        ("counts", {"number": "images", "split": "ninety"}, "unknown split 'ninety'"),
        ("counts", {"number": "images", "setting": "splits/ninety_ten/folds"}, "unknown key 'folds'"),
        ("counts", {"number": "images", "setting": "splits/ninety_ten/kind"}, "must be a whole number"),
    ],
)
def test_what_answers_nothing_is_refused(
    root: Path, tmp_path: Path, key: str, entry: dict[str, Any], said: str
) -> None:
    content = yaml.safe_load((root / "config/studies/hasanaath2024.yaml").read_text("utf-8"))
    content["audit"][key] = [entry]
    file = tmp_path / "hasanaath2024.yaml"
    file.write_text(yaml.safe_dump(content), "utf-8")
    with pytest.raises(UserError) as refused:
        answers_of(root, "hasanaath2024", file)
    assert said in str(refused.value)


# What images answer.


@pytest.fixture
def atteia(root: Path, monkeypatch: pytest.MonkeyPatch) -> ResolvedStudy:
    monkeypatch.chdir(root)
    return resolve(Path("config/runs/simulated.yaml")).studies[0]


def rows(_: str) -> pd.DataFrame:
    """Six images, each with a copy, of three subjects; two folds, of three and four rows."""
    folds = [["a", "a'", "b"], ["c", "c'", "d", "d'"]]
    tested = [(fold, row) for fold, members in enumerate(folds) for row in members]
    frame = pd.DataFrame(
        [(f, row[0], row, "test" if row in folds[f] else "train") for f in (0, 1) for _, row in tested],
        columns=["fold", "image_id", "row", "role"],
    )
    label, subject = frame["image_id"].map({"a": "all", "b": "all", "c": "hem", "d": "hem"}), frame["image_id"] > "b"
    return frame.assign(repeat=0, label=label, subject_id=subject.map({True: "s2", False: "s1"}))


COUNT = {"number": "n", "part": None, "split": None, "setting": None, "of": "images", "role": None, "of_class": None}
SCAN = {"parts": [{"name": "P", "found": {"images": 9, "images of class all": 4}}]}


@pytest.mark.parametrize(
    ("count", "ours"),
    [
        ({"split": "five_folds"}, (4,)),
        ({"split": "five_folds", "of": "rows"}, (7,)),
        ({"split": "five_folds", "of": "subjects"}, (2,)),
        ({"split": "five_folds", "of": "subjects", "of_class": "all"}, (1,)),
        ({"split": "five_folds", "of": "rows", "of_class": "hem"}, (4,)),
        ({"split": "five_folds", "of": "rows", "role": "test"}, (3, 4)),
        ({"split": "five_folds", "role": "train", "of_class": "hem"}, (2,)),
        ({"part": "P"}, (9,)),
        ({"part": "P", "of_class": "all"}, (4,)),
    ],
)
def test_sizes_are_counted_in_split_tables_and_parts(
    atteia: ResolvedStudy, tmp_path: Path, count: dict[str, str], ours: tuple[int, ...]
) -> None:
    assert read(atteia, tmp_path, count) == Counted(ours)


def read(study: ResolvedStudy, folder: Path, count: dict[str, str], other_dataset: str = "") -> Any:
    row = {"table": "text", "item": "n", "metric": "size", "by": "count", "ours": None, "count": {**COUNT, **count}}
    (folder / "audit.json").write_text(json.dumps({"studies": {"atteia2022": {"answers": [row]}}}))
    return read_answers(folder / "audit.json", study, other_dataset, SCAN, rows)["text", "n", "size"]


def test_sizes_of_other_images_are_not_counted_and_unknown_ones_are_refused(
    atteia: ResolvedStudy, tmp_path: Path
) -> None:
    assert read(atteia, tmp_path, {"part": "P"}, "the images are simulated").untested == "the images are simulated"
    assert "was not made here" in read(atteia, tmp_path, {"split": "none"}).untested
    with pytest.raises(UserError, match=r"has no part 'Q'. It has: P\."):
        read(atteia, tmp_path, {"part": "Q"})
    with pytest.raises(UserError, match=r"has no class 'healthy'. It has: all, hem\."):
        read(atteia, tmp_path, {"split": "five_folds", "of_class": "healthy"})


def test_the_audits_answers_come_back_and_those_of_items_are_the_items_own(root: Path, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        study = next(s for s in resolve(Path("config/runs/simulated.yaml")).studies if s.study.key == "hayat2022")
    found = answers_of(root, "hayat2022")
    file = tmp_path / "audit.json"
    file.write_text(json.dumps({"studies": {"hayat2022": {"answers": [a.as_json(v) for v, a in found.items()]}}}))
    read_back = read_answers(file, study, "the images are simulated", {}, rows)
    by = Counter(answer.by for answer in found.values())
    assert Counter(answer.by for answer in read_back.values()) == by - Counter({"item": by["item"]})
    assert read_back["text", "InceptionV3", "accuracy"] == Tied(("II", "InceptionV3", "accuracy"))
    assert read_back["text", "folds", "size"] == Counted((10,))
    assert isinstance(read_back["text", "depth", "size"], Unanswered)
    file.write_text("{}")
    with pytest.raises(UserError, match="no answers to the numbers of study 'hayat2022'; make them with"):
        read_answers(file, study, "", {}, rows)


# The published data sets, as far as numbers of images of each class tell.

CNMC = {("fold_0", "all"): 2397, ("fold_0", "hem"): 1130, ("fold_1", "all"): 2418, ("fold_1", "hem"): 1163}
CNMC |= {("fold_2", "all"): 2457, ("fold_2", "hem"): 1096, ("prelim", "all"): 1219, ("prelim", "hem"): 648}
ALLIDB = {("", "all"): 179, ("", "healthy"): 189}
IMSS = {("", label): n for label, n in {"L1": 127, "L2": 127, "M2": 127, "M3": 126, "M5": 126}.items()}
PARTS = {"parts": AllIdbDataset(adapter="allidb", images=Path("none")).list_rows(Path("none"), []).parts}


def manifest(sizes: dict[tuple[str, str], int]) -> pd.DataFrame:
    """Images of a data set, each of a subject of its own."""
    rows = [(part, label, f"{part}-{label}-{n}") for (part, label), total in sizes.items() for n in range(total)]
    frame = pd.DataFrame(rows, columns=["official_split", "label", "image_id"])
    return frame.assign(subject_id=frame["image_id"], source_id=frame["image_id"], status="ok", path="", sha256="")


@pytest.mark.parametrize(
    ("study", "sizes", "others"),
    [
        ("atteia2022", ALLIDB, {"inception_input_side"}),  # printed as 229
        ("hasanaath2024", CNMC, {"leukemia"}),  # 7,227 in the text and in Table 1, where the data set has 7,272
        ("rezayi2021", CNMC, set()),
        ("hayat2022", IMSS, set()),
    ],
)
def test_the_papers_sizes_are_those_of_their_data_sets_and_splits(
    root: Path, tmp_path: Path, study: str, sizes: dict[tuple[str, str], int], others: set[str]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        resolved = next(s for s in resolve(Path("config/runs/simulated.yaml")).studies if s.study.key == study)
    found = answers_of(root, study)
    file = tmp_path / "audit.json"
    file.write_text(json.dumps({"studies": {study: {"answers": [a.as_json(v) for v, a in found.items()]}}}))
    images = manifest(sizes)

    def rows_of(split: str) -> pd.DataFrame:
        scheme = resolved.study.splits[split].in_labels(resolved.study.class_names)
        protocol = resolved.protocols["as_published"]
        table = make_splits(images, scheme, protocol, 0, "prelim", resolved.label_set_of(split))
        return table.merge(images[["image_id", "label", "subject_id"]], "left", "image_id")

    scan = {"parts": [{"name": part.name, "found": part.expected} for part in PARTS["parts"]]}
    ours = read_answers(file, resolved, "", scan, rows_of)
    compared = {
        value.item: value.number in answer.ours
        for value in found
        if value.metric == "size" and isinstance(answer := ours.get((value.table, value.item, value.metric)), Counted)
        if "subjects" not in value.item  # of which the names of the images here tell nothing
    }
    assert {item for item, same in compared.items() if not same} == others
    assert len(compared) > 2
