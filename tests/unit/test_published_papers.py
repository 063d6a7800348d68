"""The transcribed numbers of Hasanaath, Al-Hammadi, Rezayi and Hayat against the papers' text and arithmetic."""

import itertools
import math
import re
from collections import Counter
from decimal import ROUND_FLOOR, Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leukorepro.config.study.published import read_published
from leukorepro.config.study.study import load_study

ROOT = Path(__file__).resolve().parents[2]
PAPERS = ROOT.parent / "shared" / "papers"
HASANAATH, ALHAMMADI, REZAYI, HAYAT = "hasanaath2024", "alhammadi2024", "rezayi2021", "hayat2022"
PER_CENT = r"(\d\d\.\d\d)%"


def published(study: str) -> pd.DataFrame:
    """The paper's own numbers; `test_quoted_rows.py` has those that it quotes from others."""
    frame = read_published(ROOT / "config" / "published" / f"{study}.csv")
    return frame[~frame["note"].str.startswith("quoted:")]


def files_of_cnmc() -> list[str]:
    """Paths of the complete C-NMC 2019."""
    names = PAPERS.parent / "data" / "cnmc_lfs_manifest.tsv"
    if not names.is_file():
        pytest.skip("the names of C-NMC 2019 are not beside the checkout")
    return [line.split("\t")[2] for line in names.read_text(encoding="utf-8").splitlines()]


def training_folds() -> tuple[Counter[str], dict[str, set[str]]]:
    """Images and subjects of each class in the training folds of C-NMC 2019."""
    images, subjects = Counter(), {"all": set(), "hem": set()}
    for path in files_of_cnmc():
        if found := re.search(r"/fold_\d/(all|hem)/UID_([Hh]?\d+)_", path):
            images[found[1]] += 1
            subjects[found[1]].add(found[2].lower())
    return images, subjects


def rows(study: str, table: str) -> pd.DataFrame:
    """One row per item, one column per metric."""
    frame = published(study)
    return frame[frame["table"] == table].pivot(index="item", columns="metric", values="value")


def paper(number: int) -> str:
    files = sorted(PAPERS.glob(f"{number:03d}_*.txt"))
    if not files:
        pytest.skip("the papers' texts are not beside the checkout")
    return re.sub("</?[bi]>", "", files[0].read_text(encoding="utf-8"))


def numbers(text: str, begin: str, end: str, pattern: str = r"\b\d\.\d+\b") -> list[float]:
    """Numbers between two strings, the first of which occurs once."""
    assert text.count(begin) == 1
    return [float(n) for n in re.findall(pattern, text.split(begin)[1].split(end)[0])]


def transcribed(study: str, table: str) -> list[float]:
    frame = published(study)
    return frame.loc[frame["table"] == table, "value"].tolist()


def cells(total: int, positives: int, correct: int) -> tuple[np.ndarray, ...]:
    """tp, fn, fp, tn of every confusion matrix with so many correct answers."""
    negatives = total - positives
    tp = np.arange(max(0, correct - negatives), min(positives, correct) + 1)
    return tp, positives - tp, negatives - (correct - tp), correct - tp


def shares(tp, fn, fp, tn) -> dict[str, np.ndarray]:
    """Precision, recall and F1 of the positive class, and of the negative one under `other_`."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return {
            "precision": tp / (tp + fp),
            "recall": tp / (tp + fn),
            "f1": 2 * tp / (2 * tp + fp + fn),
            "other_precision": tn / (tn + fn),
            "other_recall": tn / (tn + fp),
            "other_f1": 2 * tn / (2 * tn + fp + fn),
        }


def corrects(accuracy: float, total: int, half_unit: float = 0.00005) -> list[int]:
    """Numbers of correct answers out of `total` whose share rounds to the accuracy."""
    near = int(accuracy * total)
    return [k for k in (near, near + 1) if abs(k / total - accuracy) <= half_unit + 1e-9]


def macro_fits(row: pd.Series, accuracy: str, total: int, positives: int, metrics: tuple[str, ...]) -> int:
    """How many confusion matrices have the printed accuracy and the printed means over both classes."""
    found = 0
    for correct in corrects(row[accuracy], total):
        exact = shares(*cells(total, positives, correct))
        means = {m: (exact[m] + exact[f"other_{m}"]) / 2 for m in metrics}
        found += np.all([np.abs(means[m] - row[m]) <= 0.00005 + 1e-9 for m in metrics], axis=0).sum()
    return int(found)


# Every table is there, with its digits.


@pytest.mark.parametrize(
    ("study", "sizes"),
    [
        (HASANAATH, {"1": 4, "2": 36, "3": 60, "4": 30, "5": 20, "6": 20, "7": 1}),
        (ALHAMMADI, {"1": 1, "fig3": 21, "fig7": 1, "fig12": 2, "fig13": 2}),
        (REZAYI, {"1": 12, "2": 6, "3": 6, "4": 6, "5": 36, "6": 9, "7": 4, "fig6": 15, "fig7": 6, "fig8": 6}),
        (HAYAT, {"II": 10, "III": 10, "IV": 30}),
    ],
)
def test_every_table_is_complete(study, sizes):
    frame = published(study)
    assert frame[frame["table"] != "text"].groupby("table").size().to_dict() == sizes


def test_all_digits_are_kept():
    for study in (HASANAATH, REZAYI, HAYAT):
        frame = published(study)
        metric, unit = frame["metric"], frame["half_unit"]
        accuracies = metric.str.endswith("accuracy")
        assert (unit[accuracies] == 0.00005).all()
        counts = metric.str.fullmatch("size|healthy_(tp|fn|fp|tn)|n_features|epoch_seconds")
        assert (unit[counts] == 0.5).all()
        losses = metric.str.endswith("loss")
        others = unit[~accuracies & ~counts]
        assert (others == np.where(losses[others.index] | (study == HASANAATH), 0.00005, 0.005)).all()


def test_hasanaath_tables_are_what_the_paper_prints():
    text = paper(1)
    assert "73\t7227" in text
    assert "26\t3389" in text
    ends = {"2": "Table 3", "3": "Our next", "4": "Table 5", "5": "Table 6", "6": "A classification"}
    for table, end in ends.items():
        assert transcribed(HASANAATH, table) == numbers(text, f"\nTable {table}.", f"\n{end}", r"\b0\.\d{4}\b")


def test_hasanaath_text_says_so():
    text, said = paper(1), rows(HASANAATH, "text")
    size = said["size"].dropna().astype(int)
    trio = "VGG16+InceptionResNetV2+DenseNet121"
    for words in (
        f"contains {size['images']:,} labeled images collected from {size['subjects']} subjects",
        f"roughly 68% of the dataset at {size['leukemia']} images",
        f"roughly 32% of the dataset at {size['healthy']} images",
        f"a 1D tensor of length {said.loc[trio, 'n_features']:.0f}",
        f"{100 * said.loc['MLP', 'test_accuracy']:.2f}%",
        f"{100 * said.loc['DenseNet121/RBF', 'accuracy']:.2f}% when using the RBF-SVM",
        f"led to the highest accuracy of {100 * said.loc[f'{trio}/SVM', 'accuracy']:.2f}%",
        f"highest accuracy achieved at {100 * said.loc[f'{trio}/SVM/augmented', 'accuracy']:.2f}%",
    ):
        assert words in text
    own_row = numbers(text, "\nProposed method\t", "\n", PER_CENT)
    assert own_row == pytest.approx([100 * value for value in transcribed(HASANAATH, "7")], abs=1e-9)


def test_alhammadi_numbers_are_what_the_paper_prints():
    text, frame = paper(2), published(ALHAMMADI)
    layers = re.findall(r"^(.+)\t(\d+)$", text.split("\tNumber of learnables\n")[1].split("\nFig. 3")[0], re.MULTILINE)
    transcribed_layers = frame[(frame["table"] == "fig3") & (frame["metric"] == "learnables")]
    assert [(f"{n:02d} {name}", float(count)) for n, (name, count) in enumerate(layers, start=1)] == list(
        zip(transcribed_layers["item"], transcribed_layers["value"], strict=True)
    )
    accuracies = numbers(text, "advancement in terms of accuracy, which are", "precision rates", PER_CENT)
    precisions = numbers(text, "with precision rates of", "Besides validating", PER_CENT)
    train, test = (100 * rows(ALHAMMADI, table).loc["CAE-CNN"] for table in ("fig12", "fig13"))
    assert accuracies == pytest.approx([train["train_accuracy"], test["accuracy"]], abs=1e-9)
    assert precisions == pytest.approx([train["train_precision"], test["precision"]], abs=1e-9)
    own_row = numbers(text, "\nProposed method\t", "\n", PER_CENT)
    assert own_row == pytest.approx([100 * rows(ALHAMMADI, "1").loc["CAE-CNN", "accuracy"]], abs=1e-9)
    assert numbers(text, "The obtained correlation coefficient of", "underscores") == transcribed(ALHAMMADI, "fig7")
    size = rows(ALHAMMADI, "text")["size"].dropna().astype(int)
    for words in (
        f"{size['images']} single-cell images obtained from {size['subjects']} subjects",
        f"{size['healthy_subjects']} control (healthy) subjects and {size['leukemia_subjects']} cancer subjects",
        f"a standard size of {size['padded_side']}\N{MULTIPLICATION SIGN}{size['padded_side']} was",
        f"the images ($450 \\times {size['input_side']} \\times 3$)",
        f"{rows(ALHAMMADI, 'text').loc['CAE', 'n_features']:,.0f} features for each sample",
        "Around 15.9k of the learnable parameters",
        "approximately 86.5 million learnable parameters",
    ):
        assert words in text


def test_rezayi_tables_are_what_the_paper_prints():
    text = paper(3)
    ends = {"1": "TABLE 2", "2": "TABLE 3", "3": "TABLE 4", "4": "FIGURE 6", "5": "TABLE 6", "6": "the proposed CNN"}
    for table, end in ends.items():
        assert transcribed(REZAYI, table) == numbers(text, f"\nTABLE {table}:", end)
    accuracies = numbers(text, "The obtained accuracy was ", "for MLP", PER_CENT)
    assert [100 * value for value in transcribed(REZAYI, "fig8")] == pytest.approx(accuracies, abs=1e-9)
    own_row = numbers(text, "Proposed approaches\t", "\n", r"\d\d\.\d\d")
    assert [100 * value for value in transcribed(REZAYI, "7")[:3]] == pytest.approx(own_row, abs=1e-9)
    assert transcribed(REZAYI, "7")[3:] == numbers(text, "Proposed approaches\t", "\tKeras", r"\d{4}")


def test_rezayi_figures_6_and_7_and_sizes_are_what_the_text_says():
    text = paper(3)
    counts = rows(REZAYI, "fig6").rename(columns=lambda name: name.removeprefix("healthy_"))
    size = rows(REZAYI, "text")["size"].dropna().astype(int)
    residual, vgg, cnn = (counts.loc[item] for item in ("ResNet-50", "VGG-16", "CNN"))
    areas = rows(REZAYI, "fig7")
    for words in (
        f"the number of TP is {residual['tp']:.0f} and FN is {residual['fn']:.0f}. In this pretrain CNN model, "
        f"{residual['fp']:.0f} out of",
        f"{vgg['tp']:.0f} images were classified correctly in the healthy class and {vgg['fn']:.0f} images were "
        f"classified incorrectly. In this model, {vgg['fp']:.0f} out of 1,692",
        f"{cnn['tp']:.0f} TP, {cnn['fn']:.0f} FN, {cnn['fp']:.0f} FP, and {cnn['tn']:.0f} TN values",
        f"healthy class are {areas.loc['ResNet-50', 'healthy_auroc']}, and for leukemia, the class is "
        f"{areas.loc['ResNet-50', 'leukemia_auroc']:.2f}. The {areas.loc['VGG-16', 'healthy_auroc']:.2f} ROC curve",
        f"values were obtained {areas.loc['CNN', 'leukemia_auroc']} for both classes",
        f"{size['test_healthy']} healthy and {size['test_leukemia']:,} leukemia images",
        f"{size['images']:,} images which included {size['healthy']:,} healthy and {size['leukemia']:,} leukemia cells",
        f"80% ({size['train']} numbers) were used as training data and 20% ({size['test']} numbers) as test data",
        f"composed of images from {size['subjects']} patients",
        f"a total of {size['subjects_used']} patients, of which {size['leukemia_subjects']} have cancer and "
        f"{size['healthy_subjects']} are healthy",
        "(96.06%) with a value of 0.98 is less than",
    ):
        assert words in text
    train = rows(REZAYI, "1")["train_accuracy"]
    assert round(100 * train["VGG-16"] - 96.06, 2) == 1.35


def test_hayat_tables_are_what_the_paper_prints():
    text = paper(4)
    for table, end, n in (("II", "Classification results for Leukemia", 10), ("III", "Alex Net & VGG 16", 9)):
        printed = numbers(text, f"\nTABLE {table}\t", end, PER_CENT)  # the last of III is damaged in our text
        assert [100 * value for value in transcribed(HAYAT, table)[:n]] == pytest.approx(printed, abs=1e-9)
    begin, end = "\nTABLE IV\n", "# Effects of Learning"
    frame = published(HAYAT)
    four = frame[frame["table"] == "IV"]
    accuracies = (100 * four.loc[four["metric"] == "accuracy", "value"]).tolist()
    assert accuracies == pytest.approx(numbers(text, begin, end, PER_CENT), abs=1e-9)
    printed = numbers(text, begin, end, r"\b0\.\d\d\b")
    first = [value for row in zip(printed[:3], printed[3:6], strict=True) for value in row]  # three rows in one line
    assert four.loc[four["metric"] != "accuracy", "value"].tolist() == first + printed[6:]
    size = rows(HAYAT, "text")["size"].dropna().astype(int)
    for words in (
        f"comprises {size['images']} bone marrow leukaemia cell images",
        f"the total number of images increased to {size['augmented']}",
        f"k-Fold CrossValidation, where k = {size['folds']}",
        f"had {size['inception_resnet_layers']} layers, we froze {size['inception_resnet_frozen_layers']}",
        f"Complexity level of convolutional layers\n\n{size['depth']}\n",
        "InceptionResNet [44]",
        "87.50% for fine-tuning and 77.70% for feature extraction",
    ):
        assert words in text


# Hasanaath: integer counts behind the shares.


def accuracies(*tables: str) -> list[float]:
    frame = published(HASANAATH)
    return frame.loc[frame["table"].isin(tables) & (frame["metric"] == "accuracy"), "value"].tolist()


def test_hasanaath_tables_3_to_5_count_1067_test_images_and_no_other_number():
    """A tenth of 10,661, rounded up."""
    printed = accuracies("3", "4", "5")
    assert [n for n in range(900, 1200) if all(corrects(a, n) for a in printed)] == [1067]
    assert not any(corrects(a, 1067) for a in accuracies("6"))


@pytest.mark.parametrize("metric", ["val_accuracy", "test_accuracy"])
def test_hasanaath_table_2_counts_532_images(metric):
    values = rows(HASANAATH, "2")[metric]
    assert [n for n in range(400, 1000) if all(corrects(a, n) for a in values)] == [532]


def test_hasanaath_table_2_counts_one_image_less_than_a_twentieth():
    assert round(10661 / 20) == 533
    noted = published(HASANAATH).set_index(["table", "item", "metric"])["note"]
    for metric in ("val_accuracy", "test_accuracy"):
        assert "532 images; a twentieth of 10661 is 533" in noted[("2", "MobileNetV2", metric)]


def test_hasanaath_augmentation_gains_less_than_one_test_image():
    plain, augmented = (rows(HASANAATH, table).loc["SVM", "accuracy"] for table in ("5", "6"))
    assert 0 < augmented - plain < 1 / 1067
    note = published(HASANAATH).set_index(["table", "item", "metric"]).loc[("6", "SVM", "accuracy"), "note"]
    assert f"less than one such image more than the {plain}" in note


@pytest.mark.parametrize(
    ("table", "accuracy", "total", "positives"), [("2", "test_accuracy", 532, 363), ("5", "accuracy", 1067, 728)]
)
def test_hasanaath_rows_are_one_confusion_matrix_with_means_over_both_classes(table, accuracy, total, positives):
    frame = rows(HASANAATH, table)
    metrics = ("precision", "recall", "f1")
    assert all(macro_fits(row, accuracy, total, positives, metrics) == 1 for _, row in frame.iterrows())
    assert sum(macro_fits(row, accuracy, total, positives + 1, metrics) for _, row in frame.iterrows()) < len(frame)


def test_hasanaath_f1_that_fit_no_confusion_matrix_are_noted():
    frame = published(HASANAATH)
    noted = frame[frame["note"].str.startswith("No confusion matrix over 1067")]
    impossible = [
        (table, item)
        for table in ("3", "4")
        for item, row in rows(HASANAATH, table).iterrows()
        if not macro_fits(row, "accuracy", 1067, 728, ("f1",))
    ]
    assert impossible == list(zip(noted["table"], noted["item"], strict=True))
    assert len(impossible) == 2


def test_hasanaath_table_6_prints_the_harmonic_mean_of_mean_precision_and_mean_recall():
    def cut_harmonic_mean(row: pd.Series) -> Decimal:
        precision, recall = (Decimal(str(row[m])) for m in ("precision", "recall"))
        return (2 * precision * recall / (precision + recall)).quantize(Decimal("0.0001"), ROUND_FLOOR)

    equal = {
        table: sum(cut_harmonic_mean(row) == Decimal(str(row["f1"])) for _, row in rows(HASANAATH, table).iterrows())
        for table in ("5", "6")
    }
    assert equal == {"5": 1, "6": 5}  # the tree of Table 5 by chance: both kinds of mean are close there


def test_hasanaath_sizes_do_not_add_up_and_the_note_says_so():
    size = rows(HASANAATH, "1")["size"]
    total = size["leukemia"] + size["healthy"]
    assert total == 10616 != rows(HASANAATH, "text").loc["images", "size"]
    assert size["leukemia_subjects"] + size["healthy_subjects"] == rows(HASANAATH, "text").loc["subjects", "size"]
    frame = published(HASANAATH)
    assert frame["note"].str.contains("10616").any()


def test_hasanaath_class_of_7227_has_7272_images_in_the_dataset_and_73_is_the_number_of_all_subjects():
    images, subjects = training_folds()
    size = rows(HASANAATH, "1")["size"]
    assert size["healthy"] == images["hem"]
    assert (size["leukemia"], images["all"]) == (7227, 7272)
    assert images["all"] + images["hem"] == rows(HASANAATH, "text").loc["images", "size"]
    assert size["leukemia_subjects"] == len(subjects["all"] | subjects["hem"]) == 47 + 26
    assert size["healthy_subjects"] == len(subjects["hem"])


# Al-Hammadi: learnables from the layers, test sizes from the shares.


def test_alhammadi_learnables_are_those_of_3x3_convolutions_and_add_up():
    layers = published(ALHAMMADI).query("table == 'fig3' and metric == 'learnables'")["value"]
    channels = [(3, 9), (9, 27), (27, 27), (27, 27), (3, 9), (1, 3)]  # a depth-to-space layer turns 9 channels into 1
    assert [n for n in layers if n] == [9 * n_in * n_out + n_out for n_in, n_out in channels]
    frame = published(ALHAMMADI).set_index(["table", "item", "metric"])
    total, told = frame.loc[("fig3", "CAE", "learnables_total")], frame.loc[("text", "CAE", "learnables_total")]
    assert total["value"] == layers.sum() == 15924
    assert told["half_unit"] == 50
    assert abs(told["value"] - total["value"]) <= told["half_unit"]
    assert frame.loc[("text", "CAE", "n_features"), "value"] == 27 * (450 // 3 // 3) ** 2


def test_alhammadi_classifier_has_as_many_learnables_as_told_only_with_the_code_as_channels():
    """Kernels of 32, 40 and 80 filters, batch and layer norm behind both, two classes (section 5)."""
    told = published(ALHAMMADI).set_index(["table", "item", "metric"]).loc[("text", "CNN", "learnables_total")]

    def learnables(channels: int) -> int:
        convolutions = [32 * n_in * n_out + n_out for n_in, n_out in ((channels, 40), (40, 80))]
        return sum(convolutions) + 2 * 2 * (40 + 80) + (80 * 2 + 2)

    assert told["half_unit"] == 50_000
    assert abs(learnables(67500) - told["value"]) <= told["half_unit"]
    assert str(learnables(67500)) in told["note"]
    assert learnables(1) == pytest.approx(1e5, abs=5000)


def shares_that_fit_both_accuracies(total: int) -> list[int]:
    """Per cent of the images that were tested, where both accuracies are shares of counts."""
    train, test = rows(ALHAMMADI, "fig12").loc["CAE-CNN"], rows(ALHAMMADI, "fig13").loc["CAE-CNN"]
    return [
        percent
        for percent in (10, 15, 20, 25, 30, 100 / 3, 35, 40, 50)
        if corrects(test["accuracy"], n := math.ceil(percent / 100 * total))
        and corrects(train["train_accuracy"], total - n)
    ]


def test_alhammadi_accuracies_fit_a_third_35_per_cent_or_a_half_and_the_study_tests_each():
    images = int(rows(ALHAMMADI, "text").loc["images", "size"])
    assert shares_that_fit_both_accuracies(images) == [100 / 3, 35, 50]
    assert shares_that_fit_both_accuracies(10661) == [25, 100 / 3, 35, 50]
    splits = load_study(ROOT / "config" / "studies" / f"{ALHAMMADI}.yaml").splits
    assert {splits[name].test_share for name in ("test_35", "test_half")} == {0.35, 0.5}
    share = splits["two_thirds"].test_share
    assert [math.ceil(share * n) for n in (images, 10661)] == [math.ceil(n / 3) for n in (images, 10661)]
    assert (corrects(0.9992, 2370), corrects(0.9992, 3554)) == ([2368], [3551])


def test_alhammadi_precisions_are_not_those_of_the_class_all_and_the_note_says_so():
    """Of no stratified split of the 4,815 and 2,293 images of folds 0 and 1."""
    train, test = rows(ALHAMMADI, "fig12").loc["CAE-CNN"], rows(ALHAMMADI, "fig13").loc["CAE-CNN"]

    def fits(total: int, positives: int, accuracy: float, precision: float, mean: bool) -> bool:
        for correct in corrects(accuracy, total):
            exact = shares(*cells(total, positives, correct))
            value = (exact["precision"] + exact["other_precision"]) / 2 if mean else exact["precision"]
            if (np.abs(value - precision) <= 0.00005 + 1e-9).any():
                return True
        return False

    def tested(mean: bool) -> list[int]:
        return [
            n
            for n in range(300, 6800)
            if fits(n, positives := round(4815 * n / 7108), test["accuracy"], test["precision"], mean)
            and fits(7108 - n, 4815 - positives, train["train_accuracy"], train["train_precision"], mean)
        ]

    assert tested(mean=False) == []
    fitting = tested(mean=True)
    assert (round(fitting[0] / 7108, 2), round(fitting[-1] / 7108, 2)) == (0.5, 0.56)
    note = published(ALHAMMADI).set_index(["table", "metric"]).loc[("fig13", "precision"), "note"]
    assert "as means over both classes they fit with 50 to 56 per cent tested" in note


def test_alhammadi_images_are_as_many_as_two_of_the_three_folds():
    counts = Counter(re.findall(r"/(fold_\d)/(all|hem)/", "\n".join(files_of_cnmc())))
    assert sum(counts.values()) == 10661
    assert [counts["fold_0", c] + counts["fold_1", c] for c in ("all", "hem")] == [4815, 2293]
    assert rows(ALHAMMADI, "text").loc["images", "size"] == 4815 + 2293
    size = rows(ALHAMMADI, "text")["size"]
    assert size["healthy_subjects"] + size["leukemia_subjects"] == size["subjects"]


# Rezayi: figure 6 against tables 2 to 4, figure 8 against table 5.


def test_rezayi_confusion_matrices_hold_the_test_images_except_the_one_noted():
    counts, size = rows(REZAYI, "fig6"), rows(REZAYI, "text")["size"]
    assert (counts["healthy_fp"] + counts["healthy_tn"] == size["test_leukemia"]).all()
    healthy = (counts["healthy_tp"] + counts["healthy_fn"]).to_dict()
    assert healthy.pop("VGG-16") == 817
    assert set(healthy.values()) == {size["test_healthy"]}
    note = published(REZAYI).set_index(["table", "item", "metric"]).loc[("fig6", "VGG-16", "healthy_tp"), "note"]
    assert "817, not the 814" in note


@pytest.mark.parametrize(("table", "item", "tp"), [("2", "ResNet-50", 606), ("3", "VGG-16", 613), ("4", "CNN", 571)])
def test_rezayi_tables_2_to_4_follow_from_figure_6(table, item, tp):
    """With 613 for VGG-16: the printed 616 would give a recall of 0.76, not 0.75."""
    counts, printed = rows(REZAYI, "fig6").loc[item], rows(REZAYI, table).loc[item]
    exact = shares(tp, 814 - tp, counts["healthy_fp"], counts["healthy_tn"])
    for metric, value in exact.items():
        name = metric.replace("other", "leukemia") if metric.startswith("other") else f"healthy_{metric}"
        assert abs(value - printed[name]) <= 0.005 + 1e-9
    assert abs(616 / 814 - rows(REZAYI, "3").loc["VGG-16", "healthy_recall"]) > 0.005


def test_rezayi_network_accuracies_are_not_those_of_figure_6_and_their_notes_say_which():
    frame = published(REZAYI).set_index(["table", "item", "metric"])
    for item, tp in (("ResNet-50", 606), ("VGG-16", 613), ("CNN", 571)):
        accuracy = (tp + frame.loc[("fig6", item, "healthy_tn"), "value"]) / 2506
        assert frame.loc[("fig6", item, "accuracy"), "value"] == round(accuracy, 4)
        assert accuracy - frame.loc[("1", item, "test_accuracy"), "value"] > 0.015
        assert f"{accuracy:.4f}" in frame.loc[("1", item, "test_accuracy"), "note"]


def test_rezayi_classifiers_were_tested_on_another_part_than_the_networks():
    """838 to 842 healthy images of 2506 fit every row of Table 5 with its accuracy in Figure 8; 814 fit none."""

    def fits(row: pd.Series, accuracy: float, healthy: int) -> bool:
        for correct in corrects(accuracy, 2506, half_unit=0.0001):  # cut or rounded
            exact = shares(*cells(2506, healthy, correct))
            printed = {m: row[m.replace("other", "leukemia") if "other" in m else f"healthy_{m}"] for m in exact}
            if np.all([np.abs(exact[m] - printed[m]) <= 0.005 + 1e-9 for m in exact], axis=0).any():
                return True
        return False

    table, accuracy = rows(REZAYI, "5"), rows(REZAYI, "fig8")["accuracy"]
    every = [n for n in range(780, 900) if all(fits(row, accuracy[item], n) for item, row in table.iterrows())]
    assert every == list(range(838, 843))
    assert not any(fits(row, accuracy[item], 814) for item, row in table.iterrows())


def test_rezayi_table_6_repeats_table_1_and_figure_8():
    six = rows(REZAYI, "6")["train_accuracy"]
    expected = pd.concat([rows(REZAYI, "1")["train_accuracy"], rows(REZAYI, "fig8")["accuracy"]])
    assert six.to_dict() == expected.to_dict()


def test_rezayi_optimal_accuracies_are_training_accuracies_and_not_all_of_2506_images():
    optimal = rows(REZAYI, "7")["accuracy"].dropna()
    assert optimal.to_dict() == rows(REZAYI, "1")["train_accuracy"].to_dict()
    assert rows(REZAYI, "7").loc["test", "size"] == rows(REZAYI, "text").loc["test", "size"] == 2506
    assert {item for item, value in optimal.items() if not corrects(value, 2506)} == {"ResNet-50"}


def test_rezayi_images_are_those_of_the_training_folds_and_the_preliminary_phase():
    images, subjects = training_folds()
    preliminary = sum("/C-NMC_test_prelim_phase_data/" in path for path in files_of_cnmc())
    size = rows(REZAYI, "text")["size"]
    assert size["images"] == sum(images.values()) + preliminary == 10661 + 1867
    assert size["subjects_used"] == len(subjects["all"] | subjects["hem"])
    labels = PAPERS.parent / "data" / "cnmc_sample" / "C-NMC_test_prelim_phase_data_labels.csv"
    if labels.is_file():
        others = pd.read_csv(labels)["Patient_ID"].str.extract(r"UID_([Hh]?\d+)_")[0].str.lower()
        assert others.nunique() == 28
        assert not set(others) & (subjects["all"] | subjects["hem"])


def test_rezayi_sizes_add_up():
    size = rows(REZAYI, "text")["size"]
    assert size["healthy"] + size["leukemia"] == size["train"] + size["test"] == size["images"]
    assert size["test_healthy"] + size["test_leukemia"] == size["test"]
    assert size["leukemia_subjects"] + size["healthy_subjects"] == size["subjects_used"]


# Hayat: tables III and IV print the same experiments.


def test_hayat_tables_iii_and_iv_agree_except_where_noted():
    frame = published(HAYAT).set_index(["table", "item", "metric"])
    three, four = (rows(HAYAT, t)["accuracy"] for t in ("III", "IV"))
    differing = set(three.index[three != four[three.index]])
    assert differing == {"InceptionV3", "VGG16", "ResNet101", "Inception-ResNet"}
    for (table, values), item in itertools.product((("III", four), ("IV", three)), three.index):
        note = frame.loc[(table, item, "accuracy"), "note"]
        assert (f"{values[item]:.4f}" in note) == (item in differing)


def test_hayat_texts_accuracies_are_not_those_of_its_table():
    """87.50 and 77.70 per cent are told of fine-tuning and of feature extraction on ALL and AML, which Table II has."""
    said, table = (rows(HAYAT, name)["accuracy"] for name in ("text", "II"))
    items = ["InceptionV3", "InceptionV3/fine-tuned"]
    assert said[items].tolist() == [0.777, 0.875]
    assert table[items].tolist() == [0.9773, 0.777]
    assert rows(HAYAT, "III").loc["InceptionV3", "accuracy"] == 0.875


def test_hayat_augmented_images_are_four_rotations():
    size = rows(HAYAT, "text")["size"]
    assert size["augmented"] == 4 * size["images"]


def test_hayat_trains_as_the_paper_says():
    text = paper(4)
    study = load_study(ROOT / "config" / "studies" / "hayat2022.yaml")
    trained = [study.classifiers[name] for name in ("fine_tuned", "dropout", "from_fc6", "two_convolutions")]
    for phrase, told in (
        (r"Batch size (\d+)", [spec.batch_size for spec in trained]),
        (r"Number of Epochs (\d+)", [spec.epochs["published"] for spec in trained]),
        (r"Momentum (\d\.\d)", [spec.momentum for spec in trained]),
        (r"Base learning rate (\d\.\d+)", [spec.learning_rate for spec in trained]),
    ):
        assert {*map(float, re.findall(phrase, text))} == set(told)
    assert "had 825 layers, we froze 822" in text
    for table in ("fig6", "fig7"):
        rates = [float(item.item.rpartition(", ")[2]) for item in study.tables[table].items]
        assert rates == [study.classifiers[item.classifier].learning_rate for item in study.tables[table].items]
        assert max(rates) == 0.01
        assert sorted(set(rates))[1] == 0.0001, "one rate lies below, so that a fall can be seen"
    assert "various learning rates starting from 0.01" in text
    assert "until up-to 0.0001" in text
