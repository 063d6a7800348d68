"""The audit of the five papers' printed numbers: facts that were found by hand, and the file that others read."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from project_data import ROOT, make_project
from typer.testing import CliRunner

from leukorepro.audits.arithmetic.confusion import confusion_matrices
from leukorepro.audits.findings.learnables import convolutions
from leukorepro.audits.images import Images
from leukorepro.audits.paper import Paper, table_names
from leukorepro.audits.published import audit_study
from leukorepro.cli.app import app
from leukorepro.config.study.audits import Audit
from leukorepro.config.study.published import read_published
from leukorepro.config.study.study import Study, load_study
from leukorepro.core.errors import UserError

KEYS = ("alhammadi2024", "atteia2022", "hasanaath2024", "hayat2022", "rezayi2021")
STATUSES = {"possible", "impossible", "undecided", "too little printed"}


def study(key: str) -> Study:
    return load_study(ROOT / f"config/studies/{key}.yaml")


def published(key: str) -> pd.DataFrame:
    return read_published(ROOT / f"config/published/{key}.csv")


@pytest.fixture(scope="module")
def audits() -> dict[str, Any]:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return {key: audit_study(study(key), published(key)) for key in KEYS}


def ids(audit: dict[str, Any]) -> dict[str, dict[str, str]]:
    return {finding["id"]: finding for finding in audit["findings"]}


def impossible(audit: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {(number["table"], number["item"], number["metric"]) for number in audit["impossible"]}


def confusion(audit: dict[str, Any], table: str, item: str) -> list[tuple[int, ...]]:
    return [tuple(cells.values()) for cells in audit["tables"][table]["items"][item]["confusion"]]


# ------------------------------------------------------------------------------------------------------------- contract


@pytest.mark.parametrize("key", KEYS)
def test_every_number_of_the_table_is_there(audits: dict[str, Any], key: str) -> None:
    tables, frame = audits[key]["tables"], published(key)
    assert list(tables) == list(dict.fromkeys(frame["table"]))
    for name, table in tables.items():
        rows = frame[frame["table"] == name]
        assert table["n_values"] == len(table["values"]) == len(rows)
        for value, (_, row) in zip(table["values"], rows.iterrows(), strict=True):
            assert (value["item"], value["metric"], value["note"]) == (row["item"], row["metric"], row["note"])
            assert float(value["value"]) == row["value"]


@pytest.mark.parametrize("key", KEYS)
def test_the_file_has_what_others_read(audits: dict[str, Any], key: str) -> None:
    audit = json.loads(json.dumps(audits[key], allow_nan=False))
    assert audit["citation"]
    printed = set(published(key)[["table", "item", "metric"]].itertuples(index=False, name=None))
    for table in audit["tables"].values():
        low, high = table["searched"]
        assert all(low <= n <= high for n in table["consistent_n"])
        assert table["n_accuracies"] or not table["consistent_n"]
        for item in table["items"].values():
            assert item["status"] in STATUSES
            assert item["why"]
            told = item["n_confusion"] > 0 or bool(item["witness"])
            assert told == (item["status"] == "possible") == bool(item["confusion"] or item["witness"])
            assert len(item["confusion"]) == min(item["n_confusion"], 20)
            assert bool(item["odd"]) == (item["status"] == "impossible")
            assert item["basis"] in {"positive", "negative", "macro", "mixed", None}
            assert all(sum(cells.values()) == item["n"] for cells in item["confusion"])
    assert impossible(audit) <= printed
    assert all(number["reason"].endswith(".") for number in audit["impossible"])
    assert len(ids(audit)) == len(audit["findings"])
    for finding in audit["findings"]:
        assert set(finding) == {"id", "severity", "text", "where"}
        assert finding["severity"] in {"error", "warning", "note"}
        assert finding["text"][0].isupper() or finding["text"][0].isdigit() or "_" in finding["text"].split()[0]
        assert finding["text"].endswith(".")
        assert finding["where"]


# ---------------------------------------------------------------------------------------------------------- known facts


def test_atteia_is_over_1104_images_but_for_one_precision(audits: dict[str, Any]) -> None:
    audit = audits["atteia2022"]
    fitting = {item: confusion(audit, "1", item) for item in audit["tables"]["1"]["items"]}
    assert fitting.pop("ESet") == []
    assert [len(cells) for cells in fitting.values()] == [1] * 5
    assert fitting["GSet"] == [(534, 3, 6, 561)]
    assert impossible(audit) == {("1", "ESet", "precision")}
    assert audit["impossible"][0]["reason"].endswith("leave 0.996.")
    assert ids(audit)["set/1/originals"]["text"].startswith("ESet and RSet/ESet=0.75 of Table 1 do not fit 368 images")


def test_hasanaath_tables_3_to_5_are_over_1067_images_728_of_leukemia(audits: dict[str, Any]) -> None:
    audit = audits["hasanaath2024"]
    for table in ("3", "4", "5"):
        assert audit["tables"][table]["consistent_n"] == [1067, 2134]
        items = audit["tables"][table]["items"]
        assert {(item["n"], item["positives"]) for item in items.values()} == {(1067, 728)}
        assert {item["basis"] for item in items.values() if item["status"] == "possible"} == {"macro"}
    assert audit["tables"]["2"]["consistent_n"] == [532]
    assert {item["positives"] for item in audit["tables"]["2"]["items"].values()} == {363}
    assert [audit["tables"][t]["items"][i]["n_confusion"] for t, i in (("5", "KNN"), ("5", "SVM"))] == [1, 1]
    assert impossible(audit) == {("3", "ResNet101/RF", "f1"), ("4", "VGG16+InceptionResNetV2/KNN", "f1")}
    found = ids(audit)
    assert "10,616, not 10,661" in found["sum/text/images/1/leukemia+1/healthy"]["text"]
    assert "7,272 for 7,227" in found["sum/text/images/1/leukemia+1/healthy"]["text"]
    assert {"set/5/tenth_by_leukemia", "sets/6", "f1/6", "set/2/stated_twentieth"} <= set(found)
    assert "fit 339 or 728 of the positive class alone" in found["classes/tenth"]["text"]
    assert "f1/5" not in found


def test_alhammadi_learnables_and_shares(audits: dict[str, Any]) -> None:
    found = ids(audits["alhammadi2024"])
    assert "make 15,924, as printed" in found["sum/fig3/CAE"]["text"]
    assert "has 86,503,162 learnables, which rounds to the 86,500,000 printed" in found["learnables/CNN"]["text"]
    assert ", not the 86,500,000 printed" in found["learnables/CNN_sequence"]["text"]
    assert "27 to 27 channels at 3x3" in found["layers/fig3"]["text"]
    assert "450x450 pixels, not of 350x350" in found["code/fig3"]["text"]
    assert "if 33.3, 35 or 50 per cent are tested, not if 10, 15, 20, 25, 30 or 40" in found["split/fig13"]["text"]
    precision = found["split/fig13/precision"]
    assert "of the positive class, no split;" in precision["text"]
    assert "50 to 56 per cent" in precision["text"]
    assert impossible(audits["alhammadi2024"]) == set()


def test_rezayi_matrices_and_classifiers(audits: dict[str, Any]) -> None:
    audit = audits["rezayi2021"]
    assert impossible(audit) == {("fig6", "VGG-16", "healthy_tp")}
    assert confusion(audit, "2", "ResNet-50") == confusion(audit, "fig6", "ResNet-50") == [(606, 208, 153, 1539)]
    found = ids(audit)
    assert "healthy TP in Figure 6 would be 613" in found["together/3/VGG-16"]["text"]
    assert "838 to 842 positive" in found["set/5/test"]["text"]
    assert audit["tables"]["fig8"]["consistent_n"] == [2506]
    assert audit["tables"]["fig8"]["digits"] == "cut"
    assert "0.8559" in found["disagree/1/fig6/ResNet-50/test_accuracy"]["text"]
    assert found["auroc/fig7/ResNet-50"]["severity"] == "warning"
    assert {"label/text/1", "label/6/fig8", "label/1/7"} <= set(found)


def test_hayat_tables_and_text_disagree(audits: dict[str, Any]) -> None:
    audit, found = audits["hayat2022"], ids(audits["hayat2022"])
    differing = {name.split("/")[3] for name in found if name.startswith("disagree/III/IV/")}
    assert differing == {"InceptionV3", "VGG16", "ResNet101", "Inception-ResNet"}
    assert (
        "Table III prints 0.8750 for InceptionV3" in found["disagree/text/II/InceptionV3/fine-tuned/accuracy"]["text"]
    )
    # Five classes, whose sizes the paper does not print: 633 images, or 2,532 in all folds, have some accuracies.
    of_classes = audit["tables"]["III"]["items"]
    assert {item["status"] for item in of_classes.values()} == {"possible", "undecided"}
    for item in of_classes.values():
        if item["status"] == "possible":
            right = sum(one["tp"] for one in item["witness"])
            assert sum(one["tp"] + one["fn"] for one in item["witness"]) == item["n"]
            assert any(f"{right / item['n']:.4f}" == value["value"] for value in audit["tables"]["III"]["values"])
    assert {"sizes/II", "sizes/III", "sizes/IV"} <= set(found)
    assert impossible(audit) == set()


@pytest.mark.parametrize("key", KEYS)
def test_matrices_give_the_printed_numbers_of_their_row(audits: dict[str, Any], key: str) -> None:
    """Searched again, row by row, without the other tables, the narrowing and the choice among readings."""
    paper = Paper(study(key), published(key))
    for name, table in audits[key]["tables"].items():
        tested = {} if name == "text" else paper.tested(name)
        for item, found in table["items"].items():
            if found["status"] != "possible":
                continue
            numbers = [paper.reported(value, cut=table["digits"] == "cut") for value in tested[item]]
            for cells in found["confusion"]:
                images = Images("", found["n"], (cells["tp"] + cells["fn"],), stated=True)
                basis = found["basis"] or "positive"
                alone = confusion_matrices(numbers, images.total, images.positives, basis)
                assert list(cells.values()) in alone.T.tolist()


# --------------------------------------------------------------------------------------------------------- other papers


def other_paper(numbers: list[tuple[str, str, str, str]], audit: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The audit of invented numbers, with Atteia's systems."""
    lines = ["table,item,metric,value,note", *(",".join([*number, ""]) for number in numbers)]
    (folder / "numbers.csv").write_text("\n".join(lines) + "\n")
    raw = yaml.safe_load((ROOT / "config/studies/atteia2022.yaml").read_text())
    return audit_study(Study.model_validate({**raw, "audit": audit}), read_published(folder / "numbers.csv"))


ROWS = [
    ("1", "a", "accuracy", "0.8500"),
    ("1", "a", "f1", "0.8421"),
    ("text", "images", "size", "100"),
    ("text", "ill", "size", "50"),
]


def test_a_paper_of_which_nothing_is_declared_is_audited_too(tmp_path: Path) -> None:
    found = other_paper(ROWS, {}, tmp_path)
    assert 100 in found["tables"]["1"]["consistent_n"]
    assert found["tables"]["1"]["items"]["a"]["status"] == "too little printed"
    assert found["findings"] == found["impossible"] == []


def test_another_paper_needs_no_code(tmp_path: Path) -> None:
    declared = {"sets": {"all": {"total": "images", "positives": "ill"}}, "tables": {"1": {"sets": ["all"]}}}
    found = other_paper(ROWS, declared, tmp_path)
    assert found["tables"]["1"]["items"]["a"]["confusion"] == [{"tp": 40, "fn": 10, "fp": 5, "tn": 45}]
    changed = [(t, i, m, "0.9921" if m == "f1" else v) for t, i, m, v in ROWS]
    assert impossible(other_paper(changed, declared, tmp_path)) == {("1", "a", "f1")}


@pytest.mark.parametrize(
    ("audit", "message"),
    [
        ({"sizes": [100, 10]}, "the least number comes first"),
        ({"tables": {"1": {"sets": ["al"]}}, "sets": {"all": {}}}, "unknown set 'al'. Known: all. Did you mean 'all'?"),
        ({"sets": {"all": {"share": 0.1, "total": 9}}}, "`share` is one of `of`"),
        ({"sets": {"all": {"positives": 9}}}, "`positives` and `negatives` are of `total` or of `of`"),
        ({"classes": ["ill"]}, "name both, the positive one first"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(audit: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        Audit.model_validate(audit)


@pytest.mark.parametrize(
    ("audit", "message"),
    [
        ({"same_results": [["1", "fig2"]]}, "same_results[0]: 'fig2': unknown item 'fig2'"),
        ({"tables": {"9": {}}}, "audit: tables: unknown table '9'. Known: 1, text."),
        ({"sums": [{"whole": "imges", "parts": ["ill"]}]}, "sums[0]: 'imges': unknown item 'imges'"),
        ({"sums": [{"whole": "1/a", "parts": ["ill"]}]}, "sums[0]: '1/a' has 0 metrics of size, n_features."),
        (
            {"statements": [{"where": "s", "item": "1/a", "says": "lowest", "metrics": ["recall"]}]},
            "unknown metric 'recall'",
        ),
    ],
)
def test_a_wrong_declaration_is_told_with_its_place(audit: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        other_paper(ROWS, audit, tmp_path)
    assert message in str(error.value)
    assert "config/studies/atteia2022.yaml" in str(error.value)


def test_sums_that_do_not_add_up_are_told(tmp_path: Path) -> None:
    declared = {
        "sums": [{"whole": "images", "parts": ["ill"], "times": 2}, {"whole": "images", "parts": ["ill", "ill"]}]
    }
    assert other_paper(ROWS, declared, tmp_path)["findings"] == []
    wrong = [*ROWS[:3], ("text", "ill", "size", "51")]
    (first, second) = other_paper(wrong, declared, tmp_path)["findings"]
    assert first["text"] == "2 times 51 (ill) make 102, not 100 (images)."
    assert second["severity"] == "error"


def test_a_classs_f1_must_be_the_harmonic_mean_of_its_precision_and_recall(tmp_path: Path) -> None:
    row = [("1", "a", "ill_precision", "0.80"), ("1", "a", "ill_recall", "0.60"), ("1", "a", "ill_f1", "0.69")]
    declared = {"classes": ["ill", "well"]}
    assert other_paper(row, declared, tmp_path)["findings"] == []
    wrong = [*row[:2], ("1", "a", "ill_f1", "0.70")]
    (finding,) = other_paper(wrong, declared, tmp_path)["findings"]
    assert finding["id"] == "f1/1/a/ill"


def test_learnables_leave_the_stacks_of_convolutions_that_have_them() -> None:
    layers = [("Convolution", 3 * 3 * 3 * 8 + 8), ("Pooling", 0), ("Convolution", 5 * 5 * 8 * 12 + 12)]
    found = [[(c.kernel, c.channels_in, c.channels_out) for c in stack] for stack in convolutions(layers, 3)]
    assert found == []  # 12 channels come out, not 3
    upward = [*layers, ("Depth to space", 0), ("Convolution", 3 * 3 * 3 * 3 + 3)]
    found = [[(c.kernel, c.channels_in, c.channels_out) for c in stack] for stack in convolutions(upward, 3)]
    assert [(3, 3, 8), (5, 8, 12), (3, 3, 3)] in found


def test_tables_are_named_together() -> None:
    assert table_names(["3", "4", "5"]) == "Tables 3, 4 and 5"
    assert table_names(["5", "fig8"]) == "Table 5 and Figure 8"
    assert table_names(["text"]) == "the text"


# --------------------------------------------------------------------------------------------------------- command line


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path))
    return tmp_path


def run(*words: str) -> Any:
    return CliRunner().invoke(app, ["audit", "published", *words])


def test_the_command_writes_the_audit_of_the_studies_that_it_is_asked_for(project: Path) -> None:
    for key in ("atteia2022", "hayat2022"):
        for kind, suffix in (("studies", "yaml"), ("published", "csv")):
            (project / "config" / kind).mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / f"config/{kind}/{key}.{suffix}", project / f"config/{kind}/{key}.{suffix}")
    assert run("atteia2022", "--out", "audit.json").exit_code == 0
    written = json.loads((project / "audit.json").read_text())
    assert written["schema_version"] == 1
    assert list(written["studies"]) == ["atteia2022"]
    shown = run()
    assert shown.exit_code == 0
    assert "atteia2022: findings" in shown.output
    assert "hayat2022: printed numbers" in shown.output
    assert "0.996" in shown.output


def test_an_unknown_study_is_told_with_what_was_meant(project: Path) -> None:  # noqa: ARG001
    done = run("ateia2022")
    assert done.exit_code == 2
    assert "Did you mean 'atteia2022'?" in done.output
