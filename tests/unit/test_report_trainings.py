"""What the report shows of trainings: curves, pictures, tables and words, beside the files that they are made from."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import report_data
import report_trainings
import yaml
from report_page import Page, files_and_links, site, undrawn, words
from report_trainings import N_EPOCHS, SIDE

from leukorepro.config.files import CONFIG, dataset_path
from leukorepro.config.study.study import Study
from leukorepro.core.errors import UserError
from leukorepro.ladder.rungs import LADDER
from leukorepro.report.figures import style
from leukorepro.report.numbers import selection, wording
from leukorepro.report.sections.training import figures as training_figures
from leukorepro.report.sections.training.figures import Distribution, Learning, Losses, Pairs
from leukorepro.report.sections.training.trainings import Samples, network_titles
from leukorepro.report.site import build
from leukorepro.run.conditions.reductions import REDUCTIONS
from leukorepro.run.conditions.words import conditions
from leukorepro.run.plan import NetworkFit
from leukorepro.run.resolve import resolve
from leukorepro.run.resolved import ResolvedStudy

CODE = "folds-images-CAE-code"
RUNGS = ("as_published", "fit_in_fold", "subject_disjoint")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("networks")
    study = report_data.resolve(report_trainings.networks_study(), root, rungs=RUNGS)
    results = report_data.write_run(root, [study])
    build(results / "config.json", results, results / "report")
    return results


@pytest.fixture(scope="module")
def page(results: Path) -> Page:
    return site(results / "report")


@pytest.fixture(scope="module")
def data(results: Path) -> Path:
    return results / "report" / "data" / "networks"


def alt(page: Page, name: str) -> str:
    (found,) = (str(image["alt"]) for image in page.images if name in str(image["src"]))
    return found


def test_numbers_of_the_curves_are_those_of_the_logs(results: Path, data: Path) -> None:
    """Each training once, though a rung may be served by another's."""
    shown = pd.read_csv(data / "epochs.csv")
    logs = sorted(results.glob("networks/*/networks/*/epochs.csv"))
    assert len(logs) == 2 * 3 + 2 * 2  # three rungs; without an autoencoder "fitted in fold" is what was published
    for log in logs:
        rows = shown[(shown["network"] == log.parent.name) & (shown["protocol"] == log.parts[-4])]
        own = pd.read_csv(log)
        pd.testing.assert_frame_equal(rows[own.columns].reset_index(drop=True), own)
    assert len(shown) == len(logs) * 3 * N_EPOCHS


def test_printed_seconds_have_ours_and_the_machine_beside_them(results: Path, page: Page) -> None:
    seconds = [
        pd.read_csv(results / f"networks/as_published/networks/folds-images-{name}/epochs.csv")["seconds"]
        for name in ("CNN", "ResNet-50")
    ]
    quick, slow = (f"{own.median():#.3g}" for own in seconds)
    ratio = f"{seconds[1].median() / seconds[0].median():.1f}"
    rows = [" ".join(row.split()) for row, _ in page.rows]
    assert f"CNN 10 {quick} CPU, 2 threads, float32 1 1" in rows
    (row,) = (row for row in rows if row.startswith(f"ResNet 15 {slow} CPU, 2 threads, float32 1.5 {ratio} "))
    assert row.endswith("not judged in a demonstration")


def test_rows_of_networks_are_means_over_folds_with_their_range(results: Path, page: Page) -> None:
    text = [" ".join(row.split()) for row, _ in page.rows]
    for network, rung, title in (
        ("folds-images-CNN", "as_published", "As published and fitted in fold"),
        ("folds-images-CNN", "subject_disjoint", "Subject-disjoint"),
        (CODE, "fit_in_fold", "Fitted in fold"),
    ):
        log = pd.read_csv(results / "networks" / rung / "networks" / network / "epochs.csv")
        last = log[log["epoch"] == N_EPOCHS]
        cells = [f"{title} 3 {N_EPOCHS} {log['seconds'].median():.2f}"]
        for column, scale, digits in (
            ("train_loss", 1, 4),
            ("test_loss", 1, 4),
            ("train_accuracy", 100, 1),
            ("test_accuracy", 100, 1),
        ):
            mean, low, high = (
                f"{scale * value:.{digits}f}" for value in (last[column].mean(), last[column].min(), last[column].max())
            )
            cells.append(f"{mean} {low}\N{EN DASH}{high}")
        assert any(row.endswith(" ".join(cells)) for row in text)
        first = last.iloc[0]
        alone = f"{title} r0f0 {N_EPOCHS} "
        assert any(alone in row and row.endswith(f"{100 * first['test_accuracy']:.1f}") for row in text)


def test_captions_say_what_the_test_part_was_for(page: Page) -> None:
    text = words(page)
    assert "The test part was only recorded: no epoch was chosen by it." in text
    assert "The training loss of ResNet-50 is weighted by class" in text
    assert "bands reach from the lowest fit to the highest" in text


def test_description_of_the_curves_has_the_final_accuracies(results: Path, page: Page) -> None:
    told = alt(page, "training-networks")
    for rung, name in (("as_published", "as published"), ("subject_disjoint", "subject-disjoint")):
        log = pd.read_csv(results / "networks" / rung / "networks" / CODE / "epochs.csv")
        accuracy = 100 * log.loc[log["epoch"] == N_EPOCHS, "test_accuracy"].mean()
        assert re.search(rf"code on the code of CAE: [^;]*{name} {accuracy:.1f} %", told)


def test_curves_are_means_in_the_colour_of_the_rung_and_the_dash_of_the_part() -> None:
    generator = np.random.default_rng(0)
    keys = [(part, measure) for part in ("train", "test") for measure in ("loss", "accuracy")]
    curves = [
        Learning(rung, {key: generator.uniform(0.1, 1, (3, 20)) for key in keys})
        for rung in ("as_published", "external")
    ]
    figure = training_figures.learning([("one", curves)], [])
    for axes, measure in zip(figure.axes, ("loss", "accuracy"), strict=True):
        wanted = [(curve, part) for curve in curves for part in ("train", "test")]
        assert len(axes.lines) == len(axes.collections) == 4
        for line, band, (curve, part) in zip(axes.lines, axes.collections, wanted, strict=True):
            values = curve.values[part, measure]
            np.testing.assert_array_equal(line.get_xdata(), np.arange(1, 21))
            np.testing.assert_allclose(line.get_ydata(), values.mean(0))
            assert line.get_color() == LADDER[curve.rung].colour
            assert (line.get_linestyle() == "-") == (part == "test")
            box = band.get_paths()[0].get_extents()
            assert (box.ymin, box.ymax) == (values.min(), values.max())


def test_one_epoch_is_seen_as_a_mark_over_a_whole_number() -> None:
    figure = training_figures.losses([("one", [Losses("external", [[0.02]], 1)])], [])
    (axes,) = figure.axes
    assert axes.lines[0].get_marker() == LADDER["external"].marker
    low, high = axes.get_xlim()
    assert [tick for tick in axes.get_xticks() if low <= tick <= high] == [1]


def test_autoencoder_fits_are_counted_without_the_tables_beside_them(results: Path, page: Page) -> None:
    """`image_id` and `view` lie beside the fits in the file; the first loss is that of the first epoch."""
    rows = [" ".join(row.split()) for row, _ in page.rows]
    assert any(re.match(r"CAE of images As published 1 2 \S+ epochs \(1\)", row) for row in rows)
    assert any(re.match(r"Fitted in fold 3 2 \S+ epochs \(3\)", row) for row in rows)
    losses = pd.read_csv(results / "report" / "data" / "networks" / "loss.csv")
    assert set(losses["epoch"]) == {1, 2}
    assert set(losses["fit"]) == {"all", "r0f0", "r0f1", "r0f2"}


def test_a_networks_features_are_no_training(results: Path, page: Page) -> None:
    """They have no loss to read or to show; the classifier that sees them has its numbers."""
    assert not list(results.glob("networks/*/reducers/*/*CNN_features*"))
    assert "CNN_features" not in site(results / "report", "paper_networks.html").text
    assert any("CNN/knn on the output of CNN before its last layer" in " ".join(row.split()) for row, _ in page.rows)


def test_pictures_stand_above_their_reconstructions_and_correlations() -> None:
    generator = np.random.default_rng(1)
    images = generator.integers(0, 256, (3, 2, SIDE, SIDE, 3), dtype=np.uint8)
    groups = [Pairs(rung, images, [0.1234, 0.5, 1.0]) for rung in ("as_published", "subject_disjoint")]
    figure = training_figures.reconstructions(groups, ["simulated images"])
    assert len(figure.axes) == 4
    for place, axes in enumerate(figure.axes):
        drawn = np.asarray(axes.get_images()[0].get_array())
        np.testing.assert_array_equal(drawn[:, :SIDE], images[0, place % 2])
        np.testing.assert_array_equal(drawn[:, -SIDE:], images[2, place % 2])
        labels = [label.get_text() for label in axes.get_xticklabels()]
        assert labels == (["0.123", "0.500", "1.000"] if place % 2 else [])


def test_large_pictures_are_made_small(tmp_path: Path) -> None:
    noise = np.random.default_rng(2).integers(0, 256, (6, 2, 450, 450, 3), dtype=np.uint8)
    figure = training_figures.reconstructions([Pairs("as_published", noise, [0.5] * 6)] * 2, [])
    style.save(figure, tmp_path / "large.svg")
    assert (tmp_path / "large.svg").stat().st_size < 1_700_000  # noise: the worst that PNG can be given


def test_correlation_of_samples_is_numpys() -> None:
    generator = np.random.default_rng(3)
    images = generator.integers(0, 256, (4, 2, 9, 9, 3), dtype=np.uint8)
    images[3, 1] = 7  # of one value: no correlation
    *known, none = Samples("external", seen=False, images=images).correlation
    assert known == pytest.approx([np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in images[:3]], abs=1e-12)
    assert np.isnan(none)
    assert wording.number("reconstruction_correlation", none) == wording.MISSING


def test_pictures_say_whether_the_autoencoder_knew_them(results: Path, page: Page) -> None:
    said = "As published, the autoencoder had been trained on these images; subject-disjoint, it had not."
    assert words(page).count(said) == 2
    assert "As published, the tested images were among those that the autoencoder was trained on." in words(page)
    with h5py.File(results / "networks/subject_disjoint/reducers/folds/images-CAE.h5") as file:
        original, rebuilt = file["r0f0/samples"][0]
    correlation = np.corrcoef(original.ravel(), rebuilt.ravel())[0, 1]
    assert f"subject-disjoint {correlation:.3f}, " in alt(page, "reconstruction-folds-images-CAE.svg")


def test_distribution_holds_every_tested_row_of_the_printed_class(results: Path, data: Path, page: Page) -> None:
    """Its mean is the metric that the printed number is one of: that of the lymphoblasts."""
    frame = pd.read_csv(data / "correlation.csv")
    metrics = pd.read_csv(results / "networks" / "metrics.csv")
    printed = metrics[
        (metrics["item"] == "CAE-CNN, max pooling") & (metrics["metric"] == "all_reconstruction_correlation")
    ].set_index("protocol")["value"]
    for rung, name in (("as_published", "as published"), ("subject_disjoint", "subject-disjoint")):
        rows = frame[(frame["reducer"] == "CAE_max") & (frame["protocol"] == rung)]
        assert set(rows["class"]) == {"all"}
        tested = pd.read_parquet(results / "networks" / rung / "predictions.parquet").query("table == 'fig7'")
        assert rows["count"].sum() == tested.query("item == 'CAE-CNN' and y_true == 'all'").shape[0] < 59
        middle = (rows["low"] + rows["high"]) / 2
        assert np.average(middle, weights=rows["count"]) == pytest.approx(printed[rung], abs=0.004)  # half a bin
        said = rf"CAE_max of images, class all, [^;]*{name} {printed[rung]:.3f}"
        assert re.search(said, alt(page, "correlation-reducers"))


def test_printed_correlation_is_drawn_where_there_is_one() -> None:
    edges = np.linspace(0.9, 1, 6)
    counts: dict[Any, Any] = {"as_published": np.array([1, 0, 0, 4, 5])}
    panels = [Distribution("a", edges, counts, 0.987), Distribution("b", edges, counts, None)]
    first, second = training_figures.correlations(panels, []).axes
    assert [text.get_text() for text in first.texts] == ["published 0.987"]
    assert not second.texts
    heights = first.patches[0].get_data().values
    np.testing.assert_allclose(heights, [10, 0, 0, 40, 50])


def test_tables_say_which_epochs_they_are_of(page: Page) -> None:
    text = words(page)
    assert text.count("Networks: mean over all epochs, as the paper's headline is.") == 1
    assert text.count("Networks: after the last epoch.") == 3
    assert "of networks after their last epoch, and shares" in text


def test_one_confusion_matrix_counts_every_row_once_whatever_the_epochs(data: Path) -> None:
    counts = pd.read_csv(data / "confusion-1.csv")
    predictions = counts.groupby(["item", "protocol"])["count"].sum()
    assert predictions.nunique() == 1
    assert predictions.iloc[0] < 59  # tested rows, of 59 images


def test_a_table_about_training_alone_has_matrices_of_training_rows(results: Path, data: Path) -> None:
    counts = pd.read_csv(data / "confusion-fig12.csv").set_index(["item", "protocol", "y_true", "y_pred"])["count"]
    for rung in RUNGS:
        fitting = pd.read_parquet(results / "networks" / rung / "fitting.parquet")
        rows = fitting[(fitting["table"] == "fig12") & (fitting["role"] == "train")]
        assert set(fitting["role"]) == {"train", "validation"}
        for item in ("CNN", "CAE-CNN"):
            own = rows[rows["item"] == item]
            for true, predicted in product(("all", "hem"), repeat=2):
                expected = ((own["y_true"] == true) & (own["y_pred"] == predicted)).sum()
                assert counts[item, rung, true, predicted] == expected
    assert counts.sum() == len(RUNGS) * len(rows)


def test_areas_of_training_rows_are_the_metric(results: Path, data: Path) -> None:
    metrics = pd.read_csv(results / "networks" / "metrics.csv").set_index(["table", "item", "protocol", "metric"])
    drawn = pd.read_csv(data / "roc-fig12.csv")
    assert set(drawn["item"]) == {"CNN", "CAE-CNN"}
    for (item, rung), corners in drawn.groupby(["item", "protocol"]):
        area = np.trapezoid(corners["tpr"], corners["fpr"])
        assert area == pytest.approx(metrics.loc[("fig12", item, rung, "train_auroc"), "value"], abs=1e-9)


def test_what_is_of_training_rows_is_said_to_be_and_nothing_else_is(page: Page) -> None:
    """Of tables with metrics of both parts, test rows are drawn: Table 1, over all epochs, and Table 2."""
    text = words(page)
    assert "ROC curves of training rows" in text
    assert "Confusion matrices of training rows" in text
    assert "Figure 12, training rows, as published and subject-disjoint: counts of rows in every fold that" in text
    assert text.count(", training rows, ") == 2  # the two captions
    assert alt(page, "roc-fig12").startswith("ROC curves: Figure 12, training rows, class all against the other")
    assert "of Figure 12, training rows, as published" in alt(page, "confusion-fig12")
    assert all("training rows" not in alt(page, f"{kind}-{table}.") for kind in ("roc", "confusion") for table in "12")


def test_tables_of_one_part_share_no_drawing_with_those_of_the_other() -> None:
    """Figure 12 has Table 2's items, of training rows; Figure 13 has them of tested ones."""
    values = report_trainings.networks_study().model_dump(mode="json")
    training = values["tables"]["fig12"]
    values["tables"]["fig13"] = {**training, "metrics": ["accuracy"]}
    values["tables"]["fig14"] = {**training, "metrics": ["train_accuracy"]}
    study = report_data.resolve(Study.model_validate(values), Path("nowhere"))
    found = {key: selection.drawn_before(study, key) for key in study.study.tables}
    assert found == {"1": None, "2": None, "fig12": None, "fig7": None, "fig13": "2", "fig14": "fig12"}


def test_images_are_described_as_what_they_are(page: Page) -> None:
    assert re.search(rf"images as they are.*Values{3 * SIDE * SIDE} of each image", words(page))


def test_settings_are_told(page: Page) -> None:
    rows = [" ".join(row.split()) for row, _ in page.rows]
    for row in (
        f"CNN ten convolutions, from random weights {N_EPOCHS} 16 Adam 0.0001 50 % of the channels",
        f"ResNet-50 ResNet-50, from random weights {N_EPOCHS} 16 Adam 0.0001 classes weighed by the inverse of their "
        "frequency; 12.5 % of the channels",
        f"code one-dimensional convolutions on the code as channels, from random weights {N_EPOCHS} 16 Adam 0.0001 "
        "rate times 0.1 every 10 epochs",
        "last new last layer of a network whose other layers stay as they are 20 30 SGD, momentum 0.9 0.001 "
        "weight decay 0.0001",
        "CAE_max convolutional autoencoder, max pooling 2 6 Adam 0.001",
    ):
        assert row in rows


def test_page_is_complete_small_and_equal_when_made_again(results: Path, page: Page, tmp_path: Path) -> None:
    folder = results / "report"
    assert all(image["alt"] for image in page.images)
    files, linked = files_and_links(folder)
    assert files == linked
    assert sum(path.stat().st_size for path in (folder / "figures").rglob("*") if path.is_file()) < 1_800_000
    build(results / "config.json", results, tmp_path)
    for path in folder.rglob("*"):
        if path.is_file():
            assert (tmp_path / path.relative_to(folder)).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda f: (f / "as_published/networks" / CODE / "epochs.csv").unlink(), r"CAE-code/epochs\.csv: no such file"),
        (
            lambda f: (f / "subject_disjoint/networks" / CODE / "epochs.csv").write_text("repeat,fold\n0,0\n"),
            r"epochs\.csv: column\(s\) epoch, .* missing",
        ),
        (lambda f: (f / "subject_disjoint/reducers/folds/images-CAE.h5").unlink(), r"images-CAE\.h5: no such file"),
        (
            lambda f: _without_correlations(f / "subject_disjoint/predictions.parquet"),
            r"2/CAE-CNN: no column reconstruction_correlation",
        ),
        (
            lambda f: _without_training(f / "subject_disjoint/fitting.parquet"),
            r"fitting\.parquet: no predictions of training rows for fig12/CNN",
        ),
    ],
)
def test_what_is_missing_is_named(results: Path, tmp_path: Path, spoil: Callable[[Path], object], told: str) -> None:
    shutil.copytree(results.parents[1], tmp_path / "copy")
    copy = tmp_path / "copy" / "results" / results.name
    spoil(copy / "networks")
    with undrawn(), pytest.raises(UserError, match=told):
        build(copy / "config.json", copy, tmp_path / "report")


def _without_correlations(path: Path) -> None:
    pd.read_parquet(path).drop(columns="reconstruction_correlation").to_parquet(path)


def _without_training(path: Path) -> None:
    rows = pd.read_parquet(path)
    rows[rows["role"] != "train"].to_parquet(path)


def _demo(change: Callable[[dict[str, Any]], None]) -> str:
    """What a demonstration's numbers are told to lack, the study changed."""
    values = report_trainings.networks_study().model_dump(mode="json")
    change(values)
    study = Study.model_validate(values)
    return conditions(report_data.resolve(study, Path("nowhere")), "demo")[-1]


def test_conditions_name_networks_where_they_differ() -> None:
    said = _demo(lambda _: None)
    assert "4 instead of 100 training epochs of CNN and ResNet-50" in said
    assert "2 instead of 30 training epochs of autoencoders" in said
    assert "CNN with 50 % of the channels; ResNet-50 with 12.5 % of the channels" in said
    assert "4 instead of 4" not in said


def test_conditions_are_short_where_networks_are_alike() -> None:
    def alike(study: dict[str, Any]) -> None:
        for spec in (*study["classifiers"].values(), *study["reducers"].values()):
            if "epochs" in spec:
                spec["epochs"] = {"demo": 3, "published": 15}
        for name in ("CNN", "ResNet-50", "code"):
            study["classifiers"][name]["width"] = {"demo": 0.25, "published": 1}

    assert _demo(alike) == (
        "demo budget (3 instead of 15 training epochs; networks with 25 % of the channels; "
        f"network inputs of {SIDE} instead of 450 pixels)"
    )


@pytest.mark.parametrize(
    "study", resolve(CONFIG / "runs/simulated.yaml", {"budget": "demo"}).studies, ids=lambda s: s.study.key
)
def test_everything_that_a_demonstration_has_less_of_is_told(study: ResolvedStudy) -> None:
    """By the files themselves: each value of a dataset or of a used part that the budgets disagree on."""
    said = conditions(study, "demo")[-1]
    used = {i.classifier for t in study.study.tables.values() for i in t.items}
    specs = [spec for name, spec in study.study.classifiers.items() if name in used]
    specs += [*study.study.extractors.values(), *study.study.descriptors.values(), *study.study.reducers.values()]
    values = [v for spec in specs for v in spec.model_dump().values() if isinstance(v, dict) and "demo" in v]
    for value in values:
        if value["demo"] != value["published"]:
            demo = f"{100 * value['demo']:g} %" if value["demo"] < 1 else f"{value['demo']} instead of"
            assert demo in said
    sizes = yaml.safe_load(dataset_path(study.dataset_id.removesuffix("-demo")).read_text())["sizes"]
    for what in ("images", "subjects"):
        assert re.search(rf"\b{sizes['demo'][what]} {what}.* instead of .*\b{sizes['published'][what]:,}\b", said)


def test_every_value_of_a_budget_that_a_file_may_have_has_words() -> None:
    """By the schemas: each key whose value has one for `demo` and one for `published`."""
    keys = {
        key
        for kind in ("dataset", "study")
        for part in json.loads(Path(f"config/schema/{kind}.json").read_text())["$defs"].values()
        for key, value in part.get("properties", {}).items()
        if ["demo", "published"] in [choice.get("required") for choice in (value, *value.get("anyOf", []))]
    }
    assert keys == set(REDUCTIONS)


def test_a_reduction_without_words_is_told_by_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(REDUCTIONS, "width")
    said = _demo(lambda study: study["classifiers"]["CNN"].update(width={"demo": 0.5, "published": 1}))
    assert "width 0.5 instead of 1.0 (CNN)" in said


def test_sizes_of_inputs_are_told_once() -> None:
    def sizes(study: dict[str, Any]) -> None:
        study["descriptors"]["pixels"] = {"descriptor": "pixels", "input_size": {"demo": SIDE, "published": 70}}
        study["extractors"]["vgg"]["input_size"] = {"demo": 112, "published": 224}
        study["feature_sets"]["vgg"].append("pixels")

    assert f"network inputs of 112 instead of 224 and of {SIDE} instead of 450 or 70 pixels" in _demo(sizes)


def test_what_a_study_has_but_does_not_use_is_no_condition() -> None:
    def unused(study: dict[str, Any]) -> None:
        study["classifiers"]["mlp"] = {"kind": "mlp", "epochs": {"demo": 7, "published": 70}}

    assert "7 instead of 70" not in _demo(unused)


@pytest.mark.parametrize(
    ("fits", "titles"),
    [
        ([("s", "images", None, "a"), ("s", "images", None, "b")], ["a", "b"]),
        ([("s", "images", None, "a"), ("t", "images", None, "a")], ["a, s", "a, t"]),
        ([("s", "small", None, "a"), ("s", "large", None, "a")], ["a on small", "a on large"]),
        ([("s", "i", "c", "a"), ("s", "i", "d", "a")], ["a on the code of c", "a on the code of d"]),
    ],
)
def test_networks_are_told_apart(fits: list[tuple[str, str, str | None, str]], titles: list[str]) -> None:
    assert list(network_titles([NetworkFit(*fit) for fit in fits]).values()) == titles
