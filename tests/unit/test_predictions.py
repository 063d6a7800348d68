"""The table of predictions: contract, order, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from leukorepro.errors import UserError
from leukorepro.evaluation.predictions import (
    COLUMNS,
    classes_of,
    collect,
    read_predictions,
    score_of_class,
    write_predictions,
)
from leukorepro.store import write_parquet


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


@pytest.mark.parametrize("classes", [("all", "hem"), ("L1", "L2", "M5")])
def test_written_predictions_read_back_equal_in_order(tmp_path, classes):
    frame = collect([table("B", classes=classes), table("A", classes=classes)])
    write_predictions(frame, tmp_path / "p.parquet")
    pd.testing.assert_frame_equal(read_predictions(tmp_path / "p.parquet"), frame)
    assert list(frame.columns[: len(COLUMNS)]) == list(COLUMNS)
    keys = frame[["table", "item", "repeat", "fold", "image_id", "view"]].apply(tuple, axis=1).tolist()
    assert keys == sorted(keys)
    assert classes_of(frame) == sorted(classes)


def test_bytes_do_not_depend_on_the_order_of_parts_rows_or_columns(tmp_path):
    parts = [table("A"), table("B"), table("C", protocol="fit_in_fold")]
    write_predictions(collect(parts), tmp_path / "a")
    shuffled = [p.sample(frac=1, random_state=1)[list(p.columns[::-1])].astype({"fold": "int16"}) for p in parts[::-1]]
    write_predictions(collect(shuffled), tmp_path / "b")
    write_predictions(pd.concat(shuffled), tmp_path / "c")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == (tmp_path / "c").read_bytes()


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
        (first("fold", "one"), "repeat and fold are integers"),
        (first("y_true", "hem"), "image 'im0' has two values of 'y_true'"),
        (first("source_id", "im9"), "image 'im0' has two values of 'source_id'"),
        (lambda f: pd.concat([f, f[:1]]), "predicted twice: table 1, item A, .* image_id im0, view identity"),
        (first("y_pred", "third"), "'score' beside 3 classes"),
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
        collect([broken])
    if not isinstance(broken["fold"].iloc[0], str):  # a column of mixed types cannot be in a file
        write_parquet(broken, tmp_path / "q.parquet")
        with pytest.raises(UserError, match=rf"q\.parquet: .*{message}"):
            read_predictions(tmp_path / "q.parquet")


def test_parts_with_different_scores_are_refused():
    with pytest.raises(UserError, match=r"score \| score_L1, score_L2, score_M5"):
        collect([table("A"), table("B", classes=("L1", "L2", "M5"))])
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
