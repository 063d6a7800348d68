"""Reading transcribed numbers, and Atteia's Table 1 against arithmetic."""

import itertools
import re
from pathlib import Path

import pytest

from leukorepro.config.study.published import read_published
from leukorepro.config.study.study import load_study
from leukorepro.core.errors import UserError

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared"
ATTEIA = ROOT / "config" / "published" / "atteia2022.csv"
ITEMS = ("ISet", "GSet", "ESet", "RSet/ESet=0.25", "RSet/ESet=0.5", "RSet/ESet=0.75")


def table_1():
    frame = read_published(ATTEIA)
    rows = frame[frame["table"] == "1"]
    return {item: dict(zip(part["metric"], part["value"], strict=True)) for item, part in rows.groupby("item")}


def confusion_matrices(row, positives, negatives, metrics):
    """All (fn, fp) with at most 30 errors of a kind whose metrics round to those printed, to a tenth of a per cent."""
    found = []
    for fn, fp in itertools.product(range(31), range(31)):
        tp, tn = positives - fn, negatives - fp
        exact = {
            "accuracy": (tp + tn) / (positives + negatives),
            "sensitivity": tp / positives,
            "specificity": tn / negatives,
            "precision": tp / (tp + fp),
        }
        if all(abs(exact[name] - row[name]) <= 0.0005 + 1e-12 for name in metrics):
            found.append((fn, fp))
    return found


METRICS = ("accuracy", "sensitivity", "specificity", "precision")
FITTING = {
    "ISet": (0, 3),
    "GSet": (3, 6),
    "RSet/ESet=0.25": (0, 0),
    "RSet/ESet=0.5": (0, 6),
    "RSet/ESet=0.75": (1, 0),
}


@pytest.mark.parametrize("item", FITTING)
def test_atteia_row_is_one_confusion_matrix_over_537_and_567_augmented_images(item):
    assert confusion_matrices(table_1()[item], 537, 567, METRICS) == [FITTING[item]]


def test_atteia_eset_precision_fits_no_confusion_matrix_and_its_note_says_so():
    row = table_1()["ESet"]
    assert confusion_matrices(row, 537, 567, METRICS) == []
    assert confusion_matrices(row, 537, 567, ("accuracy", "sensitivity", "specificity")) == [(0, 2)]
    assert round(537 / 539, 3) == 0.996  # printed: 0.998
    frame = read_published(ATTEIA).set_index(["table", "item", "metric"])
    assert "exactly 2 false positives" in frame.loc[("1", "ESet", "precision"), "note"]


def test_atteia_case_3_is_impossible_over_the_368_originals():
    assert confusion_matrices(table_1()["RSet/ESet=0.75"], 179, 189, METRICS) == []
    assert confusion_matrices(table_1()["ISet"], 179, 189, METRICS) == [(0, 1)]


def test_atteia_table_1_holds_every_item_and_metric_of_the_study():
    study = load_study(ROOT / "config" / "studies" / "atteia2022.yaml")
    for number, table in study.tables.items():
        frame = read_published(ATTEIA)
        printed = set(zip(frame["table"], frame["item"], frame["metric"], strict=True))
        items = [item.reading_of or item.item for item in table.items]
        assert {(number, item, m) for item in items for m in [*table.metrics, "n_features"]} <= printed
    assert set(table_1()) == {item.reading_of or item.item for item in study.tables["1"].items}


def test_atteia_sizes_add_up():
    frame = read_published(ATTEIA)
    size = {r.item: r.value for r in frame[frame["metric"] == "size"].itertuples()}
    for part in ("", "_healthy", "_all"):
        assert size[f"idb1{part}"] + size[f"idb2{part}"] == size[f"originals{part}"]
        assert 3 * size[f"originals{part}"] == size[f"augmented{part}"]
    assert size["augmented_healthy"] + size["augmented_all"] == size["augmented"]
    assert size["train_folds"] + size["test_fold"] == size["augmented"]
    for fraction in (0.25, 0.5, 0.75):
        assert table_1()[f"RSet/ESet={fraction}"]["n_features"] == fraction * table_1()["ESet"]["n_features"]


def test_atteia_table_1_is_what_the_paper_prints():
    paper = SHARED / "papers" / "000_f68b94774e85e9be.txt"
    if not paper.is_file():
        pytest.skip("the paper's text is not beside the checkout")
    printed = {}
    for line in paper.read_text(encoding="utf-8").splitlines():
        cells = [cell.replace("= ", "=") for cell in re.sub("</?[bu]>", "", line).split("\t") if cell]
        item = next((c for c in cells if c in ITEMS), None)
        if item is not None and len(cells) - cells.index(item) == 6:
            printed[item] = [float(c) for c in cells[cells.index(item) + 1 :]]
    assert printed == {
        item: [row["n_features"]] + [100 * row[m] for m in ("accuracy", "specificity", "sensitivity", "precision")]
        for item, row in table_1().items()
    }


def test_atteia_text_and_table_2_repeat_table_1_except_where_noted():
    frame = read_published(ATTEIA).set_index(["table", "item", "metric"])
    best = {metric: frame.loc[("2", "RSet/ESet=0.25", metric), "value"] for metric in METRICS}
    assert best == {metric: table_1()["RSet/ESet=0.25"][metric] for metric in METRICS} == dict.fromkeys(METRICS, 1.0)
    said = frame.loc[("text", "RSet/ESet=0.75", "sensitivity")]
    assert said["value"] == table_1()["RSet/ESet=0.5"]["sensitivity"] != table_1()["RSet/ESet=0.75"]["sensitivity"]
    paper = SHARED / "papers" / "000_f68b94774e85e9be.txt"
    if not paper.is_file():
        pytest.skip("the paper's text is not beside the checkout")
    text = paper.read_text(encoding="utf-8")
    side = int(frame.loc[("text", "inception_input_side", "size"), "value"])
    for words in (
        "SVM\t100\t100\t100\t100\tProposed system",
        "performed better than the model of Case 2 in all metrics except the sensitivity where they are the same",
        "99.8% for the accuracy, 99.6% for the specificity, and 99.8% for the precision",
        rf"accepts images with size of  $({side} \times {side} \times 3)$",
        "884 images for the four training folds combined and 220 images for the testing fold",
    ):
        assert " ".join(words.split()) in " ".join(text.split())


def write(folder, *rows):
    path = folder / "p.csv"
    path.write_text("\n".join(["table,item,metric,value,note", *rows]) + "\n")
    return path


def test_values_keep_their_rounding(tmp_path):
    rows = (
        "1,A,accuracy,0.997,",
        "1,A,healthy_precision,1.000,",
        "1,A,f1,0.88,",
        "1,A,n_features,2048,",
        "1,A,auroc,0.9480,",
    )
    frame = read_published(write(tmp_path, *rows))
    assert frame["value"].tolist() == [0.997, 1.0, 0.88, 2048.0, 0.948]
    assert frame["half_unit"].tolist() == [0.0005, 0.0005, 0.005, 0.5, 0.00005]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("1,A,acuracy,0.99,", "row 3 .*unknown metric.*Did you mean 'accuracy'"),
        ("1,A,healthy_size,3,", "row 3 .*unknown metric"),
        ("1,A,accuracy,99.7,", r"row 3 .*not a share in \[0, 1\]"),
        ("1,A,accuracy,1,", "row 3 .*fewer than two decimals"),
        ("1,A,accuracy,n/a,", "row 3 .*not a number"),
        ("1,A,accuracy,98.5%,", r"'98.5%' is not a number; write the number alone, .* such as 0\.985\."),
        ('1,A,accuracy,"0,985",', r"with a point and no unit, such as 0\.985\."),
        ('1,A,accuracy,"98,5 %",', r"such as 0\.985\."),
        ("1,A,accuracy,0.98 ± 0.01,", r"such as 0\.98\."),
        ("1,A,accuracy,0.98 (0.97-0.99),", r"such as 0\.98\."),
        ("1,A,mcc,\N{MINUS SIGN}0.10,", r"such as -0\.10\."),
        ('1,A,tp,"1,024",', r"such as 1024\."),
        ("1,A,epoch_seconds,12 s,", r"such as 12\."),
        ("1,A,accuracy,98/100,", "write the number that the paper prints, or leave the row out"),
        ("1,A,accuracy,,", "write the number that the paper prints, or leave the row out"),
        ("1,A,accuracy,<0.01,", "write the number that the paper prints, or leave the row out"),
        ("1,A,accuracy,1e-400,", "more digits than any paper prints"),
        ("1,A,accuracy,0.9799999999999999,", "more digits than any paper prints"),
        ("1,A,tp,1e30,", "more digits than any paper prints"),
        ("1,A,F1-score,0.98,", "unknown metric.*Did you mean 'f1'"),
        ("1,A,acc,0.98,", "unknown metric.*Did you mean 'accuracy'"),
        ("1,A,accuracy,nan,", "row 3 .*not a finite number"),
        ("1,A,size,12.5,", "row 3 .*not a count"),
        ("1,A,test_loss,-0.1,", "row 3 .*not a loss"),
        ("1,A,reconstruction_correlation,1.2,", "row 3 .*not a correlation"),
        (",A,accuracy,0.99,", "row 3 .*no table or item"),
        ("1,B,accuracy,0.98,", "row 3 .*given twice"),
    ],
)
def test_a_wrong_row_is_told_with_file_and_row(tmp_path, row, message):
    path = write(tmp_path, "1,B,accuracy,0.99,", row)
    with pytest.raises(UserError, match=message) as error:
        read_published(path)
    assert str(path) in str(error.value)


def test_all_faults_are_told_at_once(tmp_path):
    rows = ["accuracy,98.7", "recall,97.2", "acc,0.94", "precision,94.0%", "f1,99.1", "npv,0.9", "npv,0.90", ",0.9"]
    path = write(tmp_path, *(f"1,A,{row}," for row in rows), "1,B,acc,0.95,", "1,,f1,0.95,")
    with pytest.raises(UserError) as error:
        read_published(path)
    for told in (
        r"row 2 \(1, A, accuracy\): value 98\.7 is not a share .* divide per cent by 100\. The same in rows 3, 6\.",
        r"Row 4 \(1, A, acc\): unknown metric\. Did you mean 'accuracy'\? The same in row 10\.",
        r"Row 5 \(1, A, precision\): value '94\.0%' is not a number; .* such as 0\.940\.",
        r"Row 7 \(1, A, npv\): .* fewer than two decimals; .* Row 9 \(1, A, \): unknown metric\.",
        r"Row 11 \(1, , f1\): no table or item; .* Row 8 \(1, A, npv\): given twice; ",
    ):
        assert re.search(told, str(error.value)), told
    assert str(error.value).count("Known metrics: ") == 1


def test_of_very_many_faults_the_first_are_told(tmp_path):
    with pytest.raises(UserError, match=r"Row 9 .*: unknown metric.*Further sorts of faults: 92\.") as error:
        read_published(write(tmp_path, *(f"1,A,x{row},98.7," for row in range(100))))
    assert "Row 10 " not in str(error.value)


def test_a_missing_column_is_told(tmp_path):
    path = tmp_path / "p.csv"
    path.write_text("table,item,metric,note\n")
    with pytest.raises(UserError, match="value missing"):
        read_published(path)
