"""The table of predictions: contract, order, and what is refused."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from leukorepro.core.errors import UserError
from leukorepro.core.store import parquet_metadata, write_parquet
from leukorepro.core.tables.predictions import PARTS_TABLE, PREDICTIONS_TABLE, RECONSTRUCTED, RECONSTRUCTION
from leukorepro.evaluation.predictions import (
    classes_of,
    collect,
    outcomes,
    read_engines,
    read_fitting,
    read_part,
    read_predictions,
    score_of_class,
    write_fitting,
    write_predictions,
)


def table(item="A", protocol="as_published", classes=("all", "hem"), n_images=6, views=("identity", "hflip")):
    rng = np.random.default_rng(len(item))
    image = np.repeat([f"im{i}" for i in range(n_images)], len(views))
    frame = pd.DataFrame(
        {
            "study": "s",
            "dataset": "d",
            "table": "1",
            "item": item,
            "protocol": protocol,
            "repeat": 0,
            "fold": rng.integers(3, size=len(image)),
            "image_id": image,
            "view": np.tile(views, n_images),
            "subject_id": "",
            "source_id": image,
            "y_true": np.repeat(np.resize(classes, n_images), len(views)),
            "y_pred": rng.choice(classes, size=len(image)),
        }
    )
    names = ["score"] if len(classes) == 2 else [f"score_{c}" for c in classes]
    return frame.assign(**{name: rng.normal(size=len(frame)) for name in names})


def part(*args, role="test", **options):
    return table(*args, **options).assign(role=role)


@pytest.mark.parametrize("classes", [("all", "hem"), ("L1", "L2", "M5")])
def test_written_predictions_read_back_equal_in_order(tmp_path, classes):
    frame = collect([part("B", classes=classes), part("A", classes=classes)]).predictions
    write_predictions(frame, tmp_path / "p.parquet")
    pd.testing.assert_frame_equal(read_predictions(tmp_path / "p.parquet"), frame)
    assert list(frame.columns[: len(PREDICTIONS_TABLE.columns)]) == list(PREDICTIONS_TABLE.columns)
    keys = frame[["table", "item", "repeat", "fold", "image_id", "view"]].apply(tuple, axis=1).tolist()
    assert keys == sorted(keys)
    assert classes_of(frame) == sorted(classes)


def mixed_parts():
    """Two classes and three of the same images, in two tables; the second table's classifier was fitted on others."""
    types = {"n_images": 6, "classes": ("L1", "L2", "M5"), "views": ["identity"]}
    fitted = table("C", **types)
    fitted = fitted.assign(image_id="t" + fitted["image_id"], source_id="t" + fitted["source_id"], table="2")
    return [
        part("A"),
        part("B", protocol="fit_in_fold"),
        part("C", **types).assign(table="2"),
        fitted.assign(role=["train"] * 4 + ["validation"] * 2),
    ]


def test_one_file_holds_cells_of_two_classes_and_of_more(tmp_path):
    collected = collect(mixed_parts())
    write_predictions(collected.predictions, tmp_path / "p.parquet")
    write_fitting(collected.fitting, tmp_path / "f.parquet")
    predictions, fitting = read_predictions(tmp_path / "p.parquet"), read_fitting(tmp_path / "f.parquet")
    pd.testing.assert_frame_equal(predictions, collected.predictions)
    pd.testing.assert_frame_equal(fitting, collected.fitting)
    assert list(predictions.columns) == [*PREDICTIONS_TABLE.columns, "score", "score_L1", "score_L2", "score_M5"]
    assert list(fitting.columns) == [*PARTS_TABLE.columns, "score_L1", "score_L2", "score_M5"]
    assert fitting["role"].value_counts().to_dict() == {"train": 4, "validation": 2}
    found = {outcome: (classes_of(rows), score_of_class(rows, "all")) for outcome, rows in outcomes(predictions)}
    assert found == {
        ("1", "A", "as_published"): (["all", "hem"], {"all": "score"}),
        ("1", "B", "fit_in_fold"): (["all", "hem"], {"all": "score"}),
        ("2", "C", "as_published"): (["L1", "L2", "M5"], {c: f"score_{c}" for c in ("L1", "L2", "M5")}),
    }
    assert all(rows.notna().all(axis=None) for _, rows in outcomes(predictions))


def encoded(*args, **options):
    """A part of an item with an autoencoder."""
    rows = part(*args, **options)
    numbers = np.random.default_rng(1).uniform(-1, 1, (len(RECONSTRUCTED), len(rows)))
    return rows.assign(**dict(zip(RECONSTRUCTED, numbers, strict=True)))


def test_correlations_of_reconstructions_are_kept_where_an_item_has_them(tmp_path):
    fitted = encoded("A", n_images=4).assign(role="train", fold=9)
    collected = collect([part("B"), fitted, encoded("A"), part("C").assign(role="validation")])
    write_predictions(collected.predictions, tmp_path / "p.parquet")
    write_fitting(collected.fitting, tmp_path / "f.parquet")
    tested, fitting = read_predictions(tmp_path / "p.parquet"), read_fitting(tmp_path / "f.parquet")
    pd.testing.assert_frame_equal(tested, collected.predictions)
    pd.testing.assert_frame_equal(fitting, collected.fitting)
    assert list(tested.columns) == [*PREDICTIONS_TABLE.columns, "score", *RECONSTRUCTED]
    assert list(fitting.columns) == [*PARTS_TABLE.columns, "score", *RECONSTRUCTED]
    for frame, given in ((tested, encoded("A")), (fitting, fitted)):
        found = {outcome.item: rows for outcome, rows in outcomes(frame)}
        given = given.sort_values(["repeat", "fold", "image_id", "view"])
        for name in RECONSTRUCTED:
            assert [item for item, rows in found.items() if name in rows] == ["A"]
            assert found["A"][name].tolist() == given[name].tolist()
    assert RECONSTRUCTION not in collect([encoded("A").assign(role="train"), part("B")]).predictions


def test_text_is_categorical_and_knows_only_its_own_values():
    """Millions of rows of a network's epochs are held as numbers."""
    collected = collect(mixed_parts())
    for frame, columns in zip(collected, (PREDICTIONS_TABLE.columns, PARTS_TABLE.columns), strict=True):
        for column in set(columns) - {"repeat", "fold", "y_true", "y_pred"}:
            assert list(frame[column].cat.categories) == sorted(set(frame[column]))
        classes = sorted({*frame["y_true"], *frame["y_pred"]})
        assert list(frame["y_true"].cat.categories) == list(frame["y_pred"].cat.categories) == classes
    epochs = collect([pd.concat([part(n_images=100).assign(repeat=epoch) for epoch in range(100)])]).predictions
    assert len(epochs) == 20_000
    assert epochs.memory_usage(deep=True).sum() / len(epochs) < 50


def test_text_is_text_in_files(tmp_path):
    """Whoever reads a file may compare and join its columns, though a class be never predicted."""
    rows = table(n_images=10).assign(y_pred="all")
    write_predictions(rows, tmp_path / "p.parquet")
    read = pd.read_parquet(tmp_path / "p.parquet")
    assert (read.drop(columns=["repeat", "fold", "score"]).dtypes == "str").all()
    assert (read["y_true"] == read["y_pred"]).sum() == (rows["y_true"] == "all").sum()
    ours = read_predictions(tmp_path / "p.parquet")
    assert (ours["y_true"] == ours["y_pred"]).tolist() == (read["y_true"] == read["y_pred"]).tolist()


def test_no_fitted_rows_are_a_readable_table(tmp_path):
    collected = collect([part("A")])
    write_fitting(collected.fitting, tmp_path / "f.parquet")
    fitting = read_fitting(tmp_path / "f.parquet")
    assert list(fitting.columns) == list(PARTS_TABLE.columns)
    assert len(fitting) == 0
    assert list(outcomes(fitting)) == []


def test_bytes_do_not_depend_on_the_order_of_parts_rows_or_columns(tmp_path):
    def write(parts, name):
        collected = collect(parts)
        write_predictions(collected.predictions, tmp_path / f"{name}p")
        write_fitting(collected.fitting, tmp_path / f"{name}f")
        return (tmp_path / f"{name}p").read_bytes(), (tmp_path / f"{name}f").read_bytes()

    parts = mixed_parts()
    shuffled = [p.sample(frac=1, random_state=1)[list(p.columns[::-1])].astype({"fold": "int16"}) for p in parts[::-1]]
    assert write(parts, "a") == write(shuffled, "b")
    write_predictions(collect(parts).predictions.sample(frac=1, random_state=2), tmp_path / "c")
    assert (tmp_path / "ap").read_bytes() == (tmp_path / "c").read_bytes()


def test_views_train_on_every_rung_and_are_tested_on_some():
    seen = part("A", protocol="subject_disjoint", role="train")
    assert len(collect([seen]).fitting) == len(seen)
    with pytest.raises(UserError, match="'subject_disjoint' scores view 'hflip' of 'im0'"):
        collect([seen.assign(role="test")])


def test_a_row_of_one_fold_has_one_role(tmp_path):
    rows = part("A")
    with pytest.raises(UserError, match=r"predicted twice: table 1, item A, .* image_id im0, view identity"):
        collect([rows, rows.assign(role="train")])
    write_parquet(rows.assign(role="excluded"), tmp_path / "x.parquet")
    with pytest.raises(UserError, match=r"row 0: role 'excluded'; expected one of test, train, validation"):
        read_part(tmp_path / "x.parquet")
    with pytest.raises(UserError, match=r"row 0: role 'test'; expected one of train, validation"):
        write_fitting(rows, tmp_path / "y.parquet")
    write_parquet(rows[:0], tmp_path / "x.parquet")
    with pytest.raises(UserError, match=r"x\.parquet: predictions without any row; make them again"):
        read_part(tmp_path / "x.parquet")


def change(**values):
    return lambda f: f.assign(**values)


def first(column, value):
    """The table with another value in the first row of a column."""
    return lambda f: f.assign(**{column: [value, *f[column][1:]]})


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda f: f.drop(columns="view"), r"column\(s\) view missing"),
        (change(extra=1), r"unknown column\(s\) extra"),
        (lambda f: f.drop(columns="score"), "no score column"),
        (first("score", np.nan), "row 0: no value in column 'score'"),
        (first("score", np.inf), "row 0: column 'score' is not finite"),
        (first("subject_id", None), "row 0: no value in column 'subject_id'"),
        (change(source_id=""), "empty source_id"),
        (change(subject_id="n/a"), "12 of 12 rows have the subject_id 'n/a', which says that none is known"),
        (first("fold", "one"), "column 'fold': .*expected whole numbers"),
        (first("y_true", "hem"), "image 'im0' has two values of 'y_true' in table 1, item A, protocol as_published"),
        (first("source_id", "im9"), "image 'im0' has two values of 'source_id'"),
        (lambda f: pd.concat([f, f[:1]]), "predicted twice: table 1, item A, .* image_id im0, view identity"),
        (first("y_pred", "third"), r"column\(s\) score do not fit the classes all, hem, third"),
        (
            change(**{RECONSTRUCTION: [np.nan] + [0.9] * 11}),
            f"row 0: no value in column '{RECONSTRUCTION}'",
        ),
        (
            change(**{RECONSTRUCTION: [np.inf] + [0.9] * 11}),
            f"row 0: column '{RECONSTRUCTION}' is not finite",
        ),
        (change(**{RECONSTRUCTION: "high"}), f"column '{RECONSTRUCTION}': .*expected numbers"),
        (change(score=np.nan), r"table 1, item A, protocol as_published: score column\(s\) \(none\) do not fit"),
        (change(score_all=0.0), r"column\(s\) score, score_all do not fit the classes all, hem"),
        (lambda f: f.rename(columns={"score": "score_all"}).assign(score_hem=0.0), "do not fit the classes all, hem"),
        (
            lambda f: f.rename(columns={"score": "score_x"}).assign(score_y=0.0, score_z=0.0),
            "do not fit the classes all, hem",
        ),
        (change(protocol="source_disjoint"), "scores view 'hflip' of 'im0'.*original images"),
    ],
)
def test_what_breaks_the_contract_is_refused(tmp_path, spoil, message):
    broken = spoil(table())
    with pytest.raises(UserError, match=message):
        write_predictions(broken, tmp_path / "p.parquet")
    assert not (tmp_path / "p.parquet").exists()
    with pytest.raises(UserError, match=message):
        collect([broken.assign(role="test")])
    if not isinstance(broken["fold"].iloc[0], str):  # a column of mixed types cannot be in a file
        write_parquet(broken, tmp_path / "q.parquet")
        with pytest.raises(UserError, match=rf"q\.parquet: .*{message}"):
            read_predictions(tmp_path / "q.parquet")


def test_nothing_to_collect_is_refused():
    with pytest.raises(UserError, match="no predictions"):
        collect([])


def test_score_of_class():
    assert score_of_class(table(), "hem") == {"hem": "score"}
    several = table(classes=("L1", "L2", "M5"))
    assert score_of_class(several, "L2") == {"L1": "score_L1", "L2": "score_L2", "M5": "score_M5"}
    for neither in ("ALL", None):
        with pytest.raises(UserError, match=f"given {neither!r}, expected one of the classes all, hem"):
            score_of_class(table(), neither)
    one_class_left = table()[lambda f: (f["y_true"] == "hem") & (f["y_pred"] == "hem")]
    assert score_of_class(one_class_left, "all") == {"all": "score"}


def test_what_fitted_the_classifiers_is_kept_with_the_predictions(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.parquet", "b.parquet")]
    for file, engine in zip(files, ("fast 1", "plain 2"), strict=True):
        write_parquet(part(file.stem), file, {"engines": json.dumps({"KNN": [engine], file.stem: ["x"]})})
    engines = read_engines(files)
    assert engines == {"KNN": ["fast 1", "plain 2"], "a": ["x"], "b": ["x"]}
    write_predictions(collect([read_part(file) for file in files]).predictions, tmp_path / "p.parquet", engines)
    assert json.loads(parquet_metadata(tmp_path / "p.parquet")["engines"]) == engines
