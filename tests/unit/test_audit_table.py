"""Rows of any paper's table: what confusion matrices give, beside scikit-learn and by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy.optimize import OptimizeResult, milp
from sklearn import metrics

from leukorepro.audits import any_table
from leukorepro.audits.any_table import audit_table
from leukorepro.audits.arithmetic import program
from leukorepro.audits.arithmetic.confusion import (
    OF_BOTH,
    Basis,
    Quantity,
    Reported,
    any_fits,
    confusion_matrices,
    share_of,
)
from leukorepro.audits.arithmetic.printed import Printed
from leukorepro.audits.arithmetic.program import Program
from leukorepro.audits.means.images import stratified
from leukorepro.audits.table_facts import facts_for, write_template
from leukorepro.cli.app import app
from leukorepro.config.audit_facts import AuditFacts, FoldFacts, read_facts
from leukorepro.config.study.published import read_published
from leukorepro.core.errors import UserError

TABLES = Path(__file__).parent / "audit_tables"
NARROWING = ("accuracy", "precision", "recall", "specificity", "f1", "npv", "balanced_accuracy", "kappa", "mcc")


def audited(rows: Sequence[tuple[str, str, str]], facts: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """Items of a table of (item, metric, value)."""
    file = tmp_path / "rows.csv"
    file.write_text("table,item,metric,value\n" + "".join(f"1,{','.join(row)}\n" for row in rows))
    found: dict[str, Any] = audit_table(read_published(file), AuditFacts.model_validate(facts))
    items: dict[str, Any] = found["tables"]["1"]["items"]
    return items


def of_file(name: str) -> dict[str, Any]:
    return audit_table(read_published(TABLES / f"{name}.csv"), read_facts(TABLES / f"{name}.yaml"))


def test_rezayis_table_5_is_of_another_number_of_healthy_images() -> None:
    """No row fits the 814 healthy images that the text has; the study's own audit finds the same."""
    (items,) = (table["items"] for table in of_file("rezayi_table_5")["tables"].values())
    assert {item["status"] for item in items.values()} <= {"possible", "impossible"}
    for item in items.values():
        for cells in item["confusion"]:
            assert cells["tp"] + cells["fn"] == 814
            assert cells["fp"] + cells["tn"] == 1692


def test_means_over_folds() -> None:
    """The first row was computed over scikit-learn's stratified folds; of the second the sensitivity was changed."""
    found = of_file("fold_means")
    (table,) = found["tables"].values()
    items = table["items"]
    assert items["SVM"]["status"] == "possible"
    folds = items["SVM"]["witness"]
    assert [(f["tp"] + f["fn"], f["fp"] + f["tn"]) for f in folds] == [(20, 30)] * 5
    printed = {v["metric"]: float(v["value"]) for v in table["values"] if v["item"] == "SVM"}
    for metric, value in {
        "accuracy": np.mean([(f["tp"] + f["tn"]) / sum(f.values()) for f in folds]),
        "sensitivity": np.mean([f["tp"] / (f["tp"] + f["fn"]) for f in folds]),
        "specificity": np.mean([f["tn"] / (f["tn"] + f["fp"]) for f in folds]),
    }.items():
        assert value == pytest.approx(printed[metric], abs=5.1e-5)
    assert items["CNN"]["status"] == "impossible"
    assert "sensitivity" in items["CNN"]["odd"]


def test_folds_whose_classes_are_not_told(tmp_path: Path) -> None:
    """Three folds of ten images: of 4, 5 and 3 positive ones, 3, 5 and 1 are found."""
    sensitivity = f"{np.mean([3 / 4, 5 / 5, 1 / 3]):.4f}"
    facts = {"test": {"positive": 12, "negative": 18}, "folds": {"n": 3}, "averaging": "mean_over_folds"}
    rows = [("SVM", "accuracy", f"{25 / 30:.4f}"), ("SVM", "sensitivity", sensitivity)]
    item = audited(rows, facts, tmp_path)["SVM"]
    assert item["status"] == "possible"
    assert sum(one["tp"] + one["fn"] for one in item["witness"]) == 12
    assert np.mean([one["tp"] / (one["tp"] + one["fn"]) for one in item["witness"]]) == pytest.approx(
        float(sensitivity), abs=5.1e-5
    )
    # A mean of three accuracies of ten images each is a number of thirtieths.
    item = audited([("SVM", "accuracy", "0.8400"), rows[1]], facts, tmp_path)["SVM"]
    assert item["status"] == "impossible"
    assert "accuracy" in item["odd"]


def test_a_classification_report_of_five_classes(tmp_path: Path) -> None:
    found = of_file("five_classes")
    (items,) = (table["items"] for table in found["tables"].values())
    assert {item["status"] for item in items.values()} == {"possible"}
    text = (TABLES / "five_classes.csv").read_text()
    row = next(line for line in text.splitlines() if "monocyte,recall" in line)
    changed = tmp_path / "five.csv"
    changed.write_text(text.replace(row, row.rpartition("0.")[0] + "0.31,"))
    (items,) = (
        table["items"]
        for table in audit_table(read_published(changed), read_facts(TABLES / "five_classes.yaml"))["tables"].values()
    )
    assert {name for name, item in items.items() if item["status"] == "impossible"} == {"monocyte"}
    assert items["monocyte"]["odd"] == ["recall"]


def test_every_metric_of_two_classes_is_that_of_scikit_learn(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    truth = np.repeat([1, 0], [40, 60])
    guess = np.where(rng.random(100) < 0.8, truth, 1 - truth)
    values = {
        "accuracy": metrics.accuracy_score(truth, guess),
        "sensitivity": metrics.recall_score(truth, guess),
        "specificity": metrics.recall_score(truth, guess, pos_label=0),
        "precision": metrics.precision_score(truth, guess),
        "f1": metrics.f1_score(truth, guess),
        "macro_recall": metrics.recall_score(truth, guess, average="macro"),
        "macro_precision": metrics.precision_score(truth, guess, average="macro"),
        "weighted_f1": metrics.f1_score(truth, guess, average="weighted"),
        "micro_f1": metrics.f1_score(truth, guess, average="micro"),
    }
    facts = {"test": {"positive": 40, "negative": 60}, "averaging": "pooled"}
    rows = [("SVM", name, f"{value:.4f}") for name, value in values.items()]
    item = audited(rows, facts, tmp_path)["SVM"]
    assert item["status"] == "possible"
    tn, fp, fn, tp = (int(count) for count in metrics.confusion_matrix(truth, guess).ravel())
    assert {"tp": tp, "fn": fn, "fp": fp, "tn": tn} in item["confusion"]
    for number, (name, _) in enumerate(values.items()):
        wrong = [*rows[:number], ("SVM", name, f"{values[name] - 0.037:.4f}"), *rows[number + 1 :]]
        item = audited(wrong, facts, tmp_path)["SVM"]
        assert (item["status"], item["odd"]) == ("impossible", [name])
        assert item["instead"][name] == f"{values[name]:.4f}"


def test_several_classes_averaged_in_every_way(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    truth = np.repeat([0, 1, 2], [20, 30, 50])
    guess = np.where(rng.random(100) < 0.7, truth, rng.integers(3, size=100))
    facts: dict[str, Any] = {"test": {"classes": [20, 30, 50]}}
    for average in ("macro", "weighted", "micro"):
        rows = [("CNN", "accuracy", f"{metrics.accuracy_score(truth, guess):.3f}")]
        for name, function in (("precision", metrics.precision_score), ("recall", metrics.recall_score)):
            rows.append(("CNN", name, f"{function(truth, guess, average=average):.3f}"))
        item = audited(rows, facts | {"averaging": average}, tmp_path)["CNN"]
        assert item["status"] == "possible", (average, item["why"])
        assert sum(one["tp"] for one in item["witness"]) / 100 == pytest.approx(
            metrics.accuracy_score(truth, guess), abs=5e-4
        )


def test_the_size_of_the_test_set_is_found(tmp_path: Path) -> None:
    """17 of 23 positive and 29 of 31 negative images, to four digits."""
    rows = [("SVM", "accuracy", f"{46 / 54:.4f}"), ("SVM", "sensitivity", f"{17 / 23:.4f}")]
    rows.append(("SVM", "specificity", f"{29 / 31:.4f}"))
    item = audited(rows, {"test": {"total": [20, 80]}, "averaging": "pooled"}, tmp_path)["SVM"]
    assert (item["status"], item["n"], item["positives"]) == ("possible", 54, 23)
    item = audited(rows, {"test": {"total": [20, 53]}, "averaging": "pooled"}, tmp_path)["SVM"]
    assert item["status"] == "impossible"


def test_a_long_table_without_facts_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty rows of 30 and 40 images share a bound that a row alone does not reach; every ninth cannot be."""
    rng = np.random.default_rng(4)
    table: dict[str, list[tuple[str, str, str]]] = {}
    for row in range(60):
        tp, tn = rng.integers([20, 25], [30, 40]).tolist()
        values = {
            "accuracy": (tp + tn) / 70,
            "precision": tp / (tp + 40 - tn),
            "recall": tp / 30 + (0 if row % 9 else 0.013),
            "f1": 2 * tp / (tp + 70 - tn),
        }
        table[f"row {row}"] = [(f"row {row}", name, f"{value:.4f}") for name, value in values.items()]
    monkeypatch.setattr(any_table, "SIZES", (10, 700))
    monkeypatch.setattr(any_table, "LOOKED_AT_IN_ALL", 20_000_000)
    found = audited([value for row in table.values() for value in row], {}, tmp_path)
    for name, item in list(found.items())[::6]:
        alone = audited(table[name], {}, tmp_path)[name]
        assert item["status"] == "undecided" or item["status"] == alone["status"]
        assert (item["status"] == "possible") == (int(name.split()[1]) % 9 > 0)
        if item["status"] == "undecided":
            assert "say in the facts how many images of each class were tested" in item["why"]


def test_quoted_and_training_rows_leave_nothing_to_audit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "rows.csv"
    file.write_text("table,item,metric,value,note\n1,A,accuracy,0.98,quoted: Smith\n1,B,train_accuracy,0.99,\n")
    app(["audit", "table", str(file)], standalone_mode=False)
    assert "Table 1: there is nothing to audit" in capsys.readouterr().out


@pytest.mark.parametrize("basis", ["positive", "negative", "macro", "weighted", "mixed"])
def test_limits_leave_out_no_matrix_that_gives_the_numbers(basis: Basis) -> None:
    """Beside all matrices of few images, of scores that are taken from one of them."""
    rng = np.random.default_rng(5)
    for _ in range(20):
        p, n = rng.integers(1, 12, size=2).tolist()
        tp, tn = (grid.ravel() for grid in np.meshgrid(np.arange(p + 1), np.arange(n + 1), indexing="ij"))
        every = np.stack([tp, p - tp, n - tn, tn])
        drawn = every[:, rng.integers(every.shape[1])][:, None]
        names: list[Quantity] = rng.choice(NARROWING, size=int(rng.integers(1, 4)), replace=False).tolist()
        fits = np.ones(every.shape[1], dtype=bool)
        reported = []
        for name in names:
            of_both = name in OF_BOTH
            whose: Any = "positive" if of_both or basis == "mixed" else basis
            printed = Printed(round(1000 * share_of(name, whose, drawn).item()), 1000)
            reported.append(Reported(name, name, printed))
            read = ("positive", "negative", "macro") if basis == "mixed" and not of_both else (whose,)
            fits &= np.any([printed.allows(share_of(name, one, every)) for one in read], axis=0)
        assert confusion_matrices(reported, p + n, [p], basis).tolist() == every[:, fits].tolist()
        assert any_fits(reported, p + n, [p], basis)


MEANS: dict[str, tuple[dict[str, str], tuple[int, int], str]] = {
    "folds not told, sums": ({"accuracy": "0.8400", "recall": "0.6944"}, (12, 18), "impossible"),
    "folds not told, ratios": ({"accuracy": "0.8333", "f1": "0.76"}, (12, 18), "possible"),
    "ratios": ({"accuracy": "0.85", "precision": "0.83", "f1": "0.831"}, (60, 61), "possible"),
}


@pytest.mark.parametrize("kind", MEANS)
def test_a_busy_machine_gives_the_same_answer(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On which the clock runs ten thousand times as fast beside the work that is done."""
    printed, test, status = MEANS[kind]
    facts = {"test": {"classes": list(test)}, "folds": {"n": 3}, "averaging": "mean_over_folds"}
    rows = [("A", metric, value) for metric, value in printed.items()]
    quiet = audited(rows, facts, tmp_path)
    assert quiet["A"]["status"] == status
    clock = time.monotonic

    def busy(cost: Any, *, options: dict[str, float], **asked: Any) -> Any:
        limits = {name: limit / 10_000 if name == "time_limit" else limit for name, limit in options.items()}
        return milp(cost, options=limits, **asked)

    monkeypatch.setattr("leukorepro.audits.arithmetic.program.milp", busy)
    monkeypatch.setattr(time, "monotonic", lambda: 10_000 * clock())
    assert audited(rows, facts, tmp_path) == quiet


@pytest.mark.parametrize(("share", "needed", "status"), [(1, 9, 2), (0.5, 9, 2), (0.2, 9, 2), (1, 20, 1), (0.3, 20, 1)])
def test_a_search_has_its_time_of_the_processor(
    share: float, needed: float, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever share of the processor it has; what takes longer is given up."""
    used = 0.0

    def search(limit: float) -> Any:
        nonlocal used
        used += min(limit * share, needed)
        return OptimizeResult(status=2 if limit * share >= needed else 1)

    monkeypatch.setattr(time, "process_time", lambda: used)
    assert program._within(10, search).status == status


def test_fold_means_that_were_tried_are_told(tmp_path: Path) -> None:
    """Where it is not said what numbers are, and they can be neither of one matrix nor means over folds."""
    facts = {"test": {"positive": 12, "negative": 18}, "folds": {"n": 3}}
    item = audited([("A", "accuracy", "0.8400"), ("A", "recall", "0.7500")], facts, tmp_path)["A"]
    assert item["status"] == "impossible"
    for words in ("30 images", "As means over folds: no confusion matrices of 3 folds"):
        assert words in item["why"]


def test_the_solver_writes_nothing_of_its_own(capfd: pytest.CaptureFixture[str]) -> None:
    """HiGHS 1.12 prints where it looks for the least balanced accuracy that three other means of these folds leave."""
    p, n = np.array([141, 143, 129, 31, 131]), np.array([20, 23, 2, 25, 14])
    accuracy, recall, specificity = (2000 / sizes for sizes in (p + n, p, n))  # in units of the fourth decimal
    program = Program()
    places = np.array([program.number(size) for size in (*p, *n)])
    for factors, units in (
        ([*accuracy, *-accuracy], 8799 - accuracy @ n),
        ([*recall, *0 * n], 9679),
        ([*0 * p, *-specificity], 4637 - specificity @ n),
    ):
        program.keep_all(places, factors, units - 0.5, units + 0.5)
    aim = dict(zip(places.tolist(), [*recall / 2, *-specificity / 2], strict=True))
    assert program.solve(10, aim)[0] == "found"
    assert capfd.readouterr().out == ""


def test_stratified_folds_are_those_of_scikit_learn() -> None:
    from sklearn.model_selection import StratifiedKFold

    truth = np.repeat([1, 0], [53, 79])
    theirs = sorted(
        (int(truth[test].sum()), int((1 - truth[test]).sum())) for _, test in StratifiedKFold(5).split(truth, truth)
    )
    assert theirs == sorted(stratified([53, 79], 5).sizes)


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ("test: {positive: 3}", "one of `positive` and `negative` is missing"),
        ("test: {total: [9, 3]}", "the least number comes first"),
        ("averaging: mean_over_folds", "`folds` is missing"),
        ("folds: {n: 3, known: true, positive: [1, 2, 3]}", "`negative` is missing"),
        ("folds: {n: 3, known: true, positive: [1, 2], negative: [3, 3, 3]}", "given 2 numbers"),
        (
            "{test: {positive: 9, negative: 9}, folds: {n: 2, known: true, positive: [4, 4], negative: [4, 5]}}",
            "the folds have 8 in all, test has 9",
        ),
        ("{test: {positive: 2, negative: 3}, folds: {n: 10}}", "given 10 folds of 5 images"),
        ("{test: {classes: [2, 3, 4]}, averaging: pooled}", "pooled is of two classes"),
        ("{test: {classes: [2, 3]}, tset: 3}", "unknown key 'tset'"),
        ("{test: {positive: 36893488147419103232, negative: 70}}", "test.positive: given 36893488147419103232"),
        ("{averaging: macro, folds: {n: 5, bounds: {acuracy: [0.9, 1]}}}", "folds.bounds: unknown metric 'acuracy'"),
        ("{averaging: macro, folds: {n: 5, bounds: {auroc: [0.9, 1]}}}", "folds.bounds: unknown metric 'auroc'"),
        ("{averaging: macro, tables: {2: {tset: 3}}}", "tables.2: unknown key 'tset'"),
        ("{averaging: macro, tables: {Table 2: {averaging: micro}}}", "unknown table 'Table 2'. Known: 2."),
        ("{test: {positive: 3, negative: 4}, tables: {2: {folds: {n: 9}}}}", "tables.2: folds.n: given 9 folds of 7"),
    ],
)
def test_facts_that_contradict_themselves(
    facts: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "facts.yaml").write_text(facts)
    out = tmp_path / "out.json"
    command = ["audit", "table", str(TABLES / "fold_means.csv"), "--facts", str(tmp_path / "facts.yaml")]
    with pytest.raises(SystemExit) as ended:
        app([*command, "--out", str(out)])
    assert ended.value.code == 2
    assert told in " ".join(capsys.readouterr().err.split())
    assert not out.exists()


@pytest.mark.parametrize(
    ("rows", "facts", "told"),
    [
        ([("accuracy", "9.80E-01"), ("recall", "1.000E+0")], {}, ("possible", "of 100 images (30 positive)")),
        ([("accuracy", ".985")], {}, ("impossible", "no whole number of 100 images")),
        ([("accuracy", "-0.00")], {}, ("possible", "fits many")),
        ([("tp", "12.0"), ("fn", "18"), ("accuracy", "0.82")], {}, ("possible", "1 confusion matrix")),
        ([("tp", "31"), ("fn", "0")], {}, ("impossible", "gives the printed TP and FN: without TP one does")),
        ([("auroc", "0.98")], {}, ("too little printed", "None of its numbers follows")),
        ([("accuracy", "0.98"), ("lymph_precision", "0.97")], {}, ("possible", "Not looked at: lymph precision.")),
        ([("train_loss", "0.02"), ("accuracy", "0.98")], {}, ("possible", "fits many")),
        (
            [("accuracy", "0.98123"), ("f1", "0.9712")],
            {"test": {"positive": 3_000_000, "negative": 7_000_000}},
            ("undecided", "too many confusion matrices to look at"),
        ),
        ([("accuracy", "0.50")], {"test": {"total": [1, 2]}}, ("possible", "Of 1 to 2 images of two classes, 2 fit.")),
        ([("accuracy", "1.00")], {"test": {"positive": 1, "negative": 1}}, ("possible", "fits many")),
        ([("kappa", "0.98"), ("accuracy", "0.99")], {"test": {"classes": [9, 9, 9]}}, ("impossible", "Cohen's kappa.")),
    ],
)
def test_odd_rows_have_their_verdict(
    rows: list[tuple[str, str]], facts: dict[str, Any], told: tuple[str, str], tmp_path: Path
) -> None:
    two = {"test": {"positive": 30, "negative": 70}, "averaging": "pooled"}
    item = audited([("A", *row) for row in rows], facts or two, tmp_path)["A"]
    assert item["status"] == told[0]
    assert told[1] in item["why"]


def test_tables_of_one_paper_have_facts_of_their_own(tmp_path: Path) -> None:
    """90 of 100 images, 27 of 30 and 11 of 12 are right; by the common facts alone, only the first can be."""
    file, facts = tmp_path / "rows.csv", tmp_path / "facts.yaml"
    file.write_text("table,item,metric,value\n5,A,accuracy,0.900\n6,A,accuracy,0.917\n7,A,accuracy,0.9000\n")
    common = {"test": {"positive": 30, "negative": 70}, "averaging": "pooled"}
    single = {6: {"test": {"classes": {"blast": 5, "normal": 7}}}, "7": {"test": {"total": [25, 34]}}}

    def told() -> list[tuple[str, int | None]]:
        audit = audit_table(read_published(file), facts_for(["5", "6", "7"], facts, None))
        return [(table["items"]["A"]["status"], table["items"]["A"]["n"]) for table in audit["tables"].values()]

    facts.write_text(json.dumps(common))
    assert told() == [("possible", 100), ("impossible", 100), ("possible", 100)]
    facts.write_text(json.dumps(common).removesuffix("}") + f", tables: {single}}}")
    assert told() == [("possible", 100), ("possible", 12), ("possible", 30)]


def test_facts_of_all_tables_may_be_completed_by_those_of_each(tmp_path: Path) -> None:
    facts = tmp_path / "facts.yaml"
    facts.write_text("{averaging: mean_over_folds, tables: {5: {folds: {n: 3}}, 6: {folds: {n: 9}}}}")
    assert facts_for(["5", "6"], facts, None).of("6").folds == FoldFacts(n=9)
    with pytest.raises(UserError, match="of table '7': averaging is mean_over_folds, but `folds` is missing"):
        facts_for(["5", "6", "7"], facts, None)


def test_a_template_is_filled_in_and_never_overwrites(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "paper.csv"
    app(["audit", "table", str(file), "--template"], standalone_mode=False)
    facts = tmp_path / "paper.yaml"
    with pytest.raises(UserError, match="says nothing"):
        read_facts(facts)
    facts.write_text(facts.read_text().replace("# averaging: pooled  ", "averaging: pooled  "))
    assert read_facts(facts) == AuditFacts(averaging="pooled")
    file.write_text(f"{file.read_text()}1,SVM,accuracy,0.8154,\n")
    capsys.readouterr()
    with pytest.raises(SystemExit):
        app(["audit", "table", str(file), "--template"])
    assert "is there already" in " ".join(capsys.readouterr().err.split())
    out = tmp_path / "out.json"
    app(["audit", "table", str(file), "--dataset", "allidb/2", "--out", str(out)], standalone_mode=False)
    assert json.loads(out.read_text())["tables"]["1"]["items"]["SVM"]["status"] == "possible"  # 212 of 260


@pytest.mark.parametrize(
    ("confirmed", "told"),
    [
        (None, ""),
        (("yes", "Yes ", "YES"), ""),
        (("no", "yes", ""), "2 of 3 numbers are not confirmed: compare what was read by machine with the paper"),
        (("no", "no", "no"), "3 of 3 numbers are not confirmed: compare what was read by machine with the paper"),
    ],
)
def test_numbers_that_nobody_has_confirmed_are_told(
    confirmed: Sequence[str] | None, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the terminal, on the page and in the JSON; nothing of a table that was typed by hand."""
    rows = ["1,A,accuracy,0.98", "1,A,recall,0.97", "1,B,accuracy,0.98"]
    behind = [""] * 4 if confirmed is None else [f",,{word}" for word in ("confirmed", *confirmed)]
    behind[0] = behind[0].replace(",,", ",heading,")
    file, out, page = (tmp_path / name for name in ("rows.csv", "audit.json", "audit.html"))
    file.write_text("\n".join(map("".join, zip(["table,item,metric,value", *rows], behind, strict=True))) + "\n")
    facts = ["--dataset", "allidb/2"]
    app(["audit", "table", str(file), *facts, "--out", str(out), "--page", str(page)], standalone_mode=False)
    texts = [" ".join(text.split()) for text in (capsys.readouterr().out, page.read_text())]
    for text in texts:
        assert told in text
        assert bool(told) == ("confirmed" in text)
    assert json.loads(out.read_text())["n_unconfirmed"] == int((told or "0")[0])


@pytest.mark.parametrize("there", ["rows.csv", "rows.yaml"])
def test_a_template_of_what_is_not_there_yet(there: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Beside rows that were read from a paper, only the facts are written; and the other way round."""
    (tmp_path / there).write_text("what a person wrote")
    app(["audit", "table", str(tmp_path / "rows.csv"), "--template"], standalone_mode=False)
    told = capsys.readouterr().out
    (new,) = {"rows.csv", "rows.yaml"} - {there}
    assert (tmp_path / there).read_text() == "what a person wrote"
    assert (tmp_path / new).is_file()
    assert f"Written, to fill in: {tmp_path / new}" in told
    assert f"Written, to fill in: {tmp_path / there}" not in told
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(UserError, match="a folder, where a file is to be written"):
        write_template(tmp_path / "folder.csv")
    assert not (tmp_path / "folder.yaml").exists()


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ({"test": {"total": 100}}, {"test": {"total": [100, 100]}}),
        ({"folds": 5}, {"folds": {"n": 5}}),
        ({"tables": {"3": {"folds": 5}}}, {"tables": {"3": {"folds": {"n": 5}}}}),
    ],
)
def test_a_number_alone_is_that_number(short: dict[str, Any], long: dict[str, Any], tmp_path: Path) -> None:
    told = AuditFacts.model_validate(short)
    assert told == AuditFacts.model_validate(long)
    assert AuditFacts.model_validate(told.model_dump(mode="json", exclude_unset=True)) == told
    item = audited([("A", "accuracy", "0.98"), ("A", "recall", "0.9787")], {"test": {"total": 100}}, tmp_path)["A"]
    assert item["why"] == "Of 100 images of two classes, 100 fit."


@pytest.mark.parametrize("wrong", [{"test": {"total": 0}}, {"test": {"total": True}}, {"folds": 1}, {"folds": True}])
def test_a_number_alone_must_be_one(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AuditFacts.model_validate(wrong)


@pytest.mark.parametrize(
    ("rows", "test", "told"),
    [
        ([("A", "ALL_precision")], {"classes": {"all": 50, "hem": 50}}, "class 'ALL' is not among .*mean 'all'"),
        ([("A", "Hem_f1")], {"classes": {"all": 50, "hem": 40, "x": 30}}, "class 'Hem' is not among .*mean 'hem'"),
        ([("A", "Macro_f1")], {"classes": {"all": 50, "hem": 50}}, "class 'Macro' is not among .*mean 'macro'"),
        ([("A", "Positive_f1")], {"positive": 50, "negative": 50}, "class 'Positive' is not among .*mean 'positive'"),
        ([("ALL", "f1"), ("hem", "f1")], {"classes": {"all": 50, "hem": 50}}, "report 'ALL' is not among .*mean 'all'"),
        (
            [("all", "f1"), ("Macro avg", "f1")],
            {"classes": {"all": 5, "hem": 5}},
            "'Macro avg' is not .*mean 'macro avg'",
        ),
    ],
)
def test_a_class_that_differs_in_capitals_alone_is_not_passed_over(
    rows: list[tuple[str, str]], test: dict[str, Any], told: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=told):
        audited([(*row, "0.9600") for row in rows], {"test": test}, tmp_path)


def test_classes_may_differ_in_capitals_alone(tmp_path: Path) -> None:
    rows = [("A", "all_recall", "0.96"), ("A", "ALL_recall", "0.98"), ("all", "accuracy", "0.97")]
    items = audited(rows, {"test": {"classes": {"all": 50, "ALL": 50}}}, tmp_path)
    assert {item["status"] for item in items.values()} == {"possible"}
