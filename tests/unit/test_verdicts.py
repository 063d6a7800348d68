"""A verdict and a reason for every printed number, from cases made by hand."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leukorepro.config.study.schemes import HoldOutScheme, Protocol
from leukorepro.config.study.study import Study
from leukorepro.config.study.unstated import Unstated
from leukorepro.core.errors import UserError
from leukorepro.core.tables.results import MEASURED_TABLE, METRICS_TABLE, VERDICTS_TABLE
from leukorepro.data.adapters.allidb import AllIdbDataset
from leukorepro.data.adapters.image_folder import FolderDataset
from leukorepro.data.adapters.simulated import SmearDataset
from leukorepro.evaluation.answers import Answer, Counted, Number, Tied, Unanswered
from leukorepro.evaluation.testability import VERDICTS, of_other_images, untested, verdicts
from leukorepro.evaluation.verdicts import judge, read_impossible, read_measured
from leukorepro.features.parts import ResolvedExtractor
from leukorepro.ladder.rungs import LADDER
from leukorepro.run.resolved import ResolvedStudy

ITEM = {"features": "f", "classifier": "knn"}
STUDY = Study.model_validate(
    {
        "key": "paper",
        "citation": {"authors": "A. Bee", "title": "T", "journal": "J", "year": 2024},
        "published_dataset": "allidb",
        "published_protocol": {"unit": "view", "scope": "train"},
        "extractors": {"f": {"backbone": "vgg16"}},
        "feature_sets": {"f": ["f"]},
        "classifiers": {"knn": {"kind": "knn"}},
        "splits": {"own": {"kind": "hold_out", "test_share": 0.1}},
        "tables": {
            "1": {
                "title": "One",
                "split": "own",
                "metrics": ["accuracy", "f1", "train_loss", "auroc"],
                "items": [
                    {"item": "x", **ITEM},
                    {"item": "y", **ITEM},
                    {"item": "x, again", **ITEM, "reading_of": "x"},
                    {"item": "x, once more", **ITEM, "reading_of": "x"},
                ],
            }
        },
        "headline": "1/x",
    }
)
SIZE = {"subjects": 2, "images": 4}
ALLIDB = AllIdbDataset(adapter="allidb", images=Path("images"))
OWN = FolderDataset(adapter="image_folder", images=Path("images"))
SIMULATED = SmearDataset(
    adapter="simulated", look="allidb", positive_class="all", sizes={"demo": SIZE, "published": SIZE}
)
Row = tuple[str, str, str, float, float, float]


def resolved(dataset: Any = ALLIDB, weights: str = "imagenet", rungs: Collection[str] = LADDER) -> ResolvedStudy:
    extractor = ResolvedExtractor(id="f", backbone="vgg16", layer="gap", weights=weights, input_size=224)
    return ResolvedStudy(
        study=STUDY,
        dataset_id="d",
        dataset=dataset,
        images=Path("images"),
        extractors={"f": extractor},
        descriptors={},
        protocols={r: Protocol(rung=r, unit="view", scope="train") for r in LADDER if r in rungs},
        left_out={},
        left_out_tables={"V": "its classes are others"},
    )


def measured(*rows: Row, table: str = "1") -> pd.DataFrame:
    """Measurements: item, protocol, metric, value, low, high."""
    columns = ["item", "protocol", "metric", "value", "ci_low", "ci_high"]
    frame = pd.DataFrame(rows, columns=columns).assign(study="paper", table=table, n_images=9, n_subjects=3)
    return frame[list(METRICS_TABLE.columns)[:-2]]


def printed(*rows: tuple[str, str, str, float, float]) -> pd.DataFrame:
    """Rows of published numbers: table, item, metric, value, half a unit of its last digit."""
    return pd.DataFrame(rows, columns=["table", "item", "metric", "value", "half_unit"])


def verdict_on(
    value: float,
    half_unit: float,
    metrics: pd.DataFrame,
    number: tuple[str, str, str] = ("1", "x", "accuracy"),
    study: ResolvedStudy | None = None,
    impossible: dict[tuple[str, str, str], str] | None = None,
    other_images: dict[str, str] | None = None,
    answers: dict[Number, Answer] | None = None,
    **options: Any,
) -> Any:
    study = study or resolved()
    circumstances = untested(study, **{"budget": "published", "complete": True, **options})
    numbers, known = printed((*number, value, half_unit)), (other_images or {}, answers or {})
    judged = judge(metrics, numbers, study, impossible or {}, circumstances, *known)
    assert list(judged.verdicts.columns) == list(VERDICTS_TABLE.columns)
    return judged.verdicts.iloc[0]


OURS: Row = ("x", "as_published", "accuracy", 0.99, 0.981, 0.999)
HONEST: Row = ("x", "subject_disjoint", "accuracy", 0.7, 0.61, 0.8)


def test_a_number_in_our_interval_is_reproduced_and_what_is_left_stands_beside_it() -> None:
    row = verdict_on(0.997, 0.0005, measured(OURS, HONEST))
    assert row["verdict"] == "reproduced"
    assert row["reason"] == "published 99.7 % lies in our interval 98.1 to 99.9 % under the paper's protocol"
    assert list(row["reading":])[:-1] == ["x", 0.99, 0.981, 0.999, "subject_disjoint", 0.7, 0.61, 0.8, "not reproduced"]
    assert list(row[:"published"]) == ["paper", "1", "x", "accuracy", 0.997]


SEEDS = {
    **{"n_seeds": 3, "seed_spread": 0.006, "seed_values": "0.984 0.996 0.9965"},
    **{"groups_low": 0.985, "groups_high": 0.9966, "seeds_low": 0.983, "seeds_high": 0.9954},
}


def test_a_verdict_over_seeds_is_on_their_mean_and_says_how_many_reach_the_number() -> None:
    row = verdict_on(0.997, 0.0005, measured(OURS).assign(**SEEDS))
    assert row["verdict"] == "reproduced"
    assert row["reason"] == (
        "published 99.7 % lies in our interval of the mean of 3 seeds, 98.1 to 99.9 % under the paper's protocol; it "
        "stands by the groups alone (98.5 to 99.7 %), not by the seeds alone (98.3 to 99.5 %); "
        "1 of 3 seeds reaches 99.7 %"
    )
    row = verdict_on(0.95, 0.005, measured(OURS).assign(**SEEDS))
    assert row["verdict"] == "not reproduced"
    assert "stands" not in row["reason"]
    assert row["reason"].endswith("; 3 of 3 seeds reach 95 %")


@pytest.mark.parametrize(
    ("value", "stands"),
    [
        (0.99, "stands by the groups alone (98.5 to 99.7 %) and by the seeds alone (98.3 to 99.5 %);"),
        (0.984, "stands by the seeds alone (98.3 to 99.5 %), not by the groups alone (98.5 to 99.7 %);"),
        (0.982, "both together only, not by the groups alone (98.5 to 99.7 %) or by the seeds alone (98.3 to 99.5 %);"),
    ],
)
def test_a_reproduced_number_says_by_which_of_both_it_stands(value: float, stands: str) -> None:
    assert stands in verdict_on(value, 0.0005, measured(OURS).assign(**SEEDS))["reason"]


def test_whether_a_number_survives_the_honest_rung_is_said_of_tested_ones_alone() -> None:
    survives = ("x", "subject_disjoint", "accuracy", 0.9, 0.85, 0.9966)
    assert verdict_on(0.997, 0.0005, measured(OURS, survives))["honest_verdict"] == "reproduced"  # by its rounding
    assert verdict_on(0.9971, 0.00005, measured(OURS, survives))["honest_verdict"] == "not reproduced"
    assert verdict_on(0.9, 0.0005, measured(OURS, survives))["honest_verdict"] == "reproduced"
    assert verdict_on(0.997, 0.0005, measured(OURS))["honest_verdict"] == "not tested"
    assert verdict_on(0.997, 0.0005, measured(OURS, survives), budget="demo")["honest_verdict"] == "not tested"


def test_a_verdict_names_what_the_paper_leaves_open_of_the_item_that_it_rests_on() -> None:
    fact = {"settings": ["n_neighbors"], "why": "default"}
    own = Unstated.model_validate({"what": "number of neighbours", "classifiers": ["knn"], **fact})
    split = Unstated.model_validate({"what": "share tested", "splits": ["own"], "taken": "a tenth", "why": "usual"})
    other = Unstated.model_validate({"what": "depth", "classifiers": ["tree"], **fact})
    study = resolved().model_copy(update={"unstated": [own, other, split]})
    assert verdict_on(0.997, 0.0005, measured(OURS), study=study)["rests_on"] == "number of neighbours; share tested"
    assert verdict_on(0.997, 0.0005, measured(OURS))["rests_on"] == ""
    assert verdict_on(0.9, 0.0005, measured(OURS), number=("1", "nobody", "accuracy"), study=study)["rests_on"] == ""


@pytest.mark.parametrize(("value", "place"), [(0.95, "below"), (1.0, "above")])
def test_a_number_outside_is_not_reproduced(value: float, place: str) -> None:
    row = verdict_on(value, 0.0005, measured(OURS))
    assert row["verdict"] == "not reproduced"
    assert f"published {100 * value:.1f} % lies {place} our interval 98.1 to 99.9 %" in row["reason"]
    assert math.isnan(row["honest_value"])


@pytest.mark.parametrize(
    ("value", "half_unit", "verdict", "told"),
    [
        (0.9994, 0.0005, "reproduced", "published 99.9 % lies within its rounding of our interval"),
        (0.9996, 0.0005, "not reproduced", "lies above"),
        (0.9994, 0.00005, "not reproduced", "published 99.94 % lies above"),
        (1.00, 0.005, "reproduced", "published 100 % lies within its rounding of our interval 98.1 to 99.9 %"),
    ],
)
def test_rounding_is_forgiven_as_far_as_digits_are_printed(
    value: float, half_unit: float, verdict: str, told: str
) -> None:
    row = verdict_on(value, half_unit, measured(OURS))
    assert row["verdict"] == verdict
    assert told in row["reason"]


@given(st.integers(0, 1000), st.integers(1, 50), st.integers(0, 1000), st.integers(0, 300))
def test_a_number_is_reproduced_if_anything_it_may_be_rounded_from_lies_in_our_interval(
    value: int, half_unit: int, low: int, width: int
) -> None:
    """Whole numbers, so that all that it may be rounded from can be tried."""
    possible = range(value - half_unit, value + half_unit + 1)
    expected = any(low <= unrounded <= low + width for unrounded in possible)
    (word,) = verdicts([value], [half_unit], [low], [low + width])
    assert word == ("reproduced" if expected else "not reproduced")


def test_the_interval_has_as_many_digits_as_the_number() -> None:
    row = verdict_on(0.9992, 0.00005, measured(("x", "as_published", "accuracy", 0.999, 0.99875, 0.9999)))
    assert "published 99.92 % lies in our interval 99.88 to 99.99 %" in row["reason"]  # 99.875 is even above
    row = verdict_on(0.91, 0.005, measured(("x", "as_published", "auroc", 0.9, 0.8888, 0.92)), ("1", "x", "auroc"))
    assert "published 0.91 lies in our interval 0.889 to 0.920" in row["reason"]


def test_what_is_arithmetically_impossible_goes_before_all_else() -> None:
    number, why = ("1", "x", "accuracy"), "no confusion matrix over 1,104 images has it beside the others of its row"
    row = verdict_on(0.997, 0.0005, measured(OURS), impossible={number: why})
    assert (row["verdict"], row["reason"]) == ("arithmetically impossible", why)
    assert row["value"] == 0.99  # ours stands beside it all the same
    row = verdict_on(0.997, 0.0005, measured(OURS), impossible={number: why}, budget="demo")
    assert row["verdict"] == "arithmetically impossible"
    elsewhere = ("V", "z", "accuracy")
    row = verdict_on(0.5, 0.005, measured(OURS), elsewhere, impossible={elsewhere: why})
    assert (row["verdict"], row["reading"]) == ("arithmetically impossible", "")


def test_an_audit_of_other_numbers_is_refused() -> None:
    with pytest.raises(UserError, match="calls 1, y, f1 impossible, which is not among the published numbers"):
        verdict_on(0.997, 0.0005, measured(OURS), impossible={("1", "y", "f1"): "why"})


def test_what_is_measured_is_of_items_of_the_study_and_once_each(tmp_path: Path) -> None:
    file, rows = tmp_path / "measured.csv", measured(OURS)
    for frame, told in (
        (rows.assign(item="z"), "has no item 1/z"),
        (pd.concat([rows, rows]), f"{OURS[2]} of 1/{OURS[0]} is there twice"),
    ):
        MEASURED_TABLE.write(frame, file)
        with pytest.raises(UserError, match=rf"^{re.escape(str(file))}: .*{told}; evaluate the study again"):
            read_measured(file, STUDY)
    MEASURED_TABLE.write(rows, file)
    assert len(read_measured(file, STUDY)) == 1


@pytest.mark.parametrize(
    ("study", "options", "reason"),
    [
        (resolved(SIMULATED), {}, "the images are simulated"),
        (
            resolved(OWN),
            {},
            "the paper used the dataset allidb",
        ),
        (resolved(), {"complete": False}, "not known to be a complete copy of the dataset allidb"),
        (resolved(weights="random"), {}, "networks that features are taken from had random weights"),
        (resolved(), {"budget": "demo"}, "the budget was the demo's"),
    ],
)
def test_other_circumstances_are_no_test_and_the_reason_names_them(
    study: ResolvedStudy, options: dict[str, Any], reason: str
) -> None:
    row = verdict_on(0.997, 0.0005, measured(OURS), study=study, **options)
    assert row["verdict"] == "not tested"
    assert reason in row["reason"]
    assert row["value"] == 0.99


def test_all_circumstances_are_told() -> None:
    row = verdict_on(0.997, 0.0005, measured(OURS), study=resolved(SIMULATED, "random"), budget="demo")
    assert row["reason"].count(";") == 2


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (("V", "x", "accuracy"), "its table was not made here: its classes are others"),
        (("text", "x", "accuracy"), "none of the tables that the study's configuration has"),
        (("1", "z", "accuracy"), "this run has no such item"),
        (("1", "x", "healthy_f1"), "does not have this metric measured"),
        (("text", "images", "size"), "nothing in the study's `audit:` says what it counts"),
        (("1", "x", "epoch_seconds"), "a time on the paper's machine"),
    ],
)
def test_a_number_that_nothing_here_measures_says_why(number: tuple[str, str, str], reason: str) -> None:
    for options in ({}, {"budget": "demo"}):  # what no run can measure is said of every run
        row = verdict_on(0.9, 0.5, measured(OURS), number, **options)
        assert row["verdict"] == "not tested"
        assert reason in row["reason"]
        assert row["reading"] == ""
        assert math.isnan(row["value"])


def test_a_number_that_is_printed_again_is_compared_with_what_answers_it() -> None:
    tied: dict[Number, Answer] = {("7", "ours", "accuracy"): Tied(("1", "x", "f1"))}
    ours: Row = ("x", "as_published", "f1", 0.99, 0.981, 0.999)
    honest: Row = ("x", "subject_disjoint", "f1", 0.7, 0.61, 0.8)
    row = verdict_on(0.97, 0.005, measured(ours, honest), ("7", "ours", "accuracy"), answers=tied)
    assert (row["answered_by"], row["verdict"], row["honest_verdict"]) == ("tie", "not reproduced", "not reproduced")
    reason = "published 97 % lies below our interval 98.1 to 99.9 % under the paper's protocol; compared as 1/x"
    assert row["reason"] == reason
    assert (row["reading"], row["value"]) == ("x", 0.99)
    nobody: dict[Number, Answer] = {("7", "ours", "accuracy"): Tied(("1", "z", "accuracy"))}
    row = verdict_on(0.97, 0.005, measured(ours), ("7", "ours", "accuracy"), answers=nobody)
    assert (row["verdict"], row["answered_by"]) == ("not tested", "tie")


@pytest.mark.parametrize(
    ("printed_as", "half_unit", "ours", "verdict", "reason"),
    [
        (884, 0.5, (883, 884), "reproduced", "published 884, ours 883 or 884"),
        (1.59e4, 50, (15924,), "reproduced", "published 15,900, ours 15,924"),
        (15924, 0.5, (15925,), "not reproduced", "published 15,924, ours 15,925"),
        (814, 0.5, (), "not tested", "nothing of the kind is here"),
    ],
)
def test_a_count_is_the_same_to_every_printed_digit_or_it_is_not(
    printed_as: float, half_unit: float, ours: tuple[int, ...], verdict: str, reason: str
) -> None:
    number = ("text", "rows", "size")
    row = verdict_on(printed_as, half_unit, measured(), number, answers={number: Counted(ours)}, budget="demo")
    assert (row["answered_by"], row["verdict"], row["reason"]) == ("count", verdict, reason)
    assert math.isnan(row["ci_low"])
    assert row["honest_verdict"] == "not tested"


def test_what_is_quoted_or_describes_something_else_is_not_tested() -> None:
    number = ("1", "[3] SVM", "accuracy")
    row = verdict_on(0.99, 0.005, measured(OURS), number, answers={number: Unanswered("quoted", "[3], AlexNet")})
    assert (row["answered_by"], row["verdict"], row["reason"]) == ("quoted", "not tested", "quoted: [3], AlexNet")
    row = verdict_on(164, 0.5, measured(OURS), number, answers={number: Unanswered("description", "it is MATLAB's")})
    assert (row["answered_by"], row["verdict"], row["reason"]) == ("description", "not tested", "it is MATLAB's")


def test_a_metric_without_value_or_interval_is_not_tested() -> None:
    nothing = measured(("x", "as_published", "train_loss", math.nan, math.nan, math.nan))
    row = verdict_on(0.1064, 0.00005, nothing, ("1", "x", "train_loss"))
    assert (row["verdict"], row["reason"]) == ("not tested", "this metric cannot be measured here")
    row = verdict_on(0.9, 0.005, measured(("x", "as_published", "accuracy", 0.9, math.nan, math.nan)))
    assert row["verdict"] == "not tested"
    assert "no interval" in row["reason"]


def test_without_the_papers_protocol_nothing_is_tested() -> None:
    row = verdict_on(0.7, 0.05, measured(HONEST), study=resolved(rungs=("subject_disjoint",)))
    assert (row["verdict"], row["reason"]) == ("not tested", "the paper's own protocol did not run here")
    assert row["honest_value"] == 0.7


AGAIN: Row = ("x, again", "as_published", "accuracy", 0.8, 0.75, 0.85)


def test_a_number_that_only_a_second_reading_has_is_reproduced_and_says_so() -> None:
    row = verdict_on(0.83, 0.005, measured(OURS, AGAIN, ("x, again", "subject_disjoint", "accuracy", 0.6, 0.5, 0.7)))
    assert row["verdict"] == "reproduced"
    assert row["reason"] == (
        "published 83 % lies in our interval 75.0 to 85.0 % under the paper's protocol, read as 'x, again'; "
        "it does not lie in that of 'x' (98.1 to 99.9)"
    )
    assert list(row["reading":])[:-1] == [
        "x, again",
        0.8,
        0.75,
        0.85,
        "subject_disjoint",
        0.6,
        0.5,
        0.7,
        "not reproduced",
    ]


def test_the_first_reading_counts_where_both_have_it_or_neither_does() -> None:
    row = verdict_on(0.985, 0.0005, measured(OURS, ("x, again", "as_published", "accuracy", 0.98, 0.97, 0.99)))
    assert (row["verdict"], row["reading"]) == ("reproduced", "x")
    assert "read as" not in row["reason"]
    more = ("x, once more", "as_published", "accuracy", 0.2, 0.1, 0.3)
    row = verdict_on(0.9, 0.005, measured(OURS, AGAIN, more))
    assert (row["verdict"], row["reading"]) == ("not reproduced", "x")
    assert row["reason"].endswith(
        "; it does not lie in that of 'x, again' (75.0 to 85.0) or 'x, once more' (10.0 to 30.0)"
    )


def test_readings_of_another_item_are_of_no_help() -> None:
    row = verdict_on(0.8, 0.005, measured(("y", *OURS[1:]), AGAIN), ("1", "y", "accuracy"))
    assert (row["verdict"], row["reading"]) == ("not reproduced", "y")


def test_a_metric_may_be_read_as_another() -> None:
    """The paper prints an accuracy, which may be the F1 or the AUROC; the second reading's F1 has the number too."""
    table = STUDY.tables["1"].model_copy(update={"metric_readings": {"f1": "accuracy", "auroc": "accuracy"}})
    study = resolved()
    study = study.model_copy(update={"study": STUDY.model_copy(update={"tables": {"1": table}})})
    f1: Row = ("x", "as_published", "f1", 0.8, 0.75, 0.85)
    honest: Row = ("x", "subject_disjoint", "f1", 0.6, 0.5, 0.7)
    again: Row = ("x, again", "as_published", "f1", 0.81, 0.75, 0.86)
    ours = measured(OURS, f1, honest, again)
    row = verdict_on(0.83, 0.005, ours, study=study)
    assert (row["verdict"], row["reading"], row["value"]) == ("reproduced", "x (f1)", 0.8)
    assert (row["honest_value"], row["honest_verdict"]) == (0.6, "not reproduced")
    assert row["reason"] == (
        "published 83 % lies in our interval 75.0 to 85.0 % under the paper's protocol, read as F1; "
        "it does not lie in that of 'x' (98.1 to 99.9)"
    )
    row = verdict_on(0.855, 0.0005, ours, study=study)
    assert (row["verdict"], row["reading"]) == ("reproduced", "x, again (f1)")
    assert ", read as 'x, again', F1; it does not lie in that of 'x' (98.1 to 99.9) or F1 (75.0 to" in row["reason"]
    judged = judge(ours, printed(("1", "x", "accuracy", 0.83, 0.005)), study, {}, [], {}, {}).metrics
    assert (judged["published"] == 0.83).all()
    assert judged["verdict"].tolist() == ["reproduced", "reproduced", "not reproduced", "reproduced"]


def entries(item: str, rung: str, found: float, missed: float) -> list[Row]:
    """Entries of a confusion matrix as they are measured, with an interval of 20 either side."""
    pairs = {"healthy_tp": found, "healthy_fn": missed}
    return [(item, rung, metric, value, value - 20, value + 20) for metric, value in pairs.items()]


def test_entries_of_confusion_matrices_are_compared_where_the_class_has_as_many_images() -> None:
    numbers = printed(("1", "x", "healthy_tp", 606, 0.5), ("1", "x", "healthy_fn", 208, 0.5))

    def judged(*rows: Row, numbers: pd.DataFrame = numbers) -> Any:
        return judge(measured(*rows), numbers, resolved(), {}, [], {}, {}).verdicts.iloc[0]

    own, other = entries("x", "as_published", 614.2, 199.8), entries("x, again", "as_published", 606, 150)
    row = judged(*own, *other, *entries("x", "subject_disjoint", 500, 314))
    assert (row["answered_by"], row["verdict"], row["reading"]) == ("item", "reproduced", "x")
    assert row["reason"] == "published 606 lies in our interval 594 to 634 under the paper's protocol"
    assert row["honest_verdict"] == "not reproduced"
    assert judged(*own, *entries("x", "subject_disjoint", 600, 100))["honest_verdict"] == "not tested"
    row = judged(*other)
    assert row["verdict"] == "not tested"
    assert row["reason"] == "it is of 814 images of the class by the paper's own counts, and ours is of 756"
    row = judged(*own, numbers=numbers[:1])
    assert row["reason"] == "the paper does not print of how many images of the class it is"


SCAN = {
    "readable": 13,
    "splits": {"fold_0": {"all": 2, "hem": 1}, "fold_1": {"all": 4}, "prelim": {"hem": 5}},
    "external_split": "prelim",
}


def test_readings_on_other_images_than_the_paper_counts_are_no_test() -> None:
    study = resolved()
    schemes = {
        "all": {},
        "pooled": {"include_external": True},
        "two folds": {"official_splits": ["fold_0", "fold_1"]},
        "a fold, pooled": {"official_splits": ["fold_1"], "include_external": True},
    }
    splits = {name: HoldOutScheme(kind="hold_out", test_share=0.1, **more) for name, more in schemes.items()}
    counted = {"all": 8, "pooled": 13, "two folds": 7, "a fold, pooled": 9}
    for images in (7, 8, 9, 13):
        paper = STUDY.model_copy(update={"published_images": images, "splits": splits})
        found = of_other_images(study.model_copy(update={"study": paper}), SCAN)
        assert found == {
            name: f"the paper counts {images} images, and these are {ours}"
            for name, ours in counted.items()
            if ours != images
        }
    assert of_other_images(study, SCAN) == {}

    table = STUDY.tables["1"]
    x, y, again, more = table.items
    items = [x, y, again.model_copy(update={"split": "all"}), more]
    of_two = STUDY.model_copy(
        update={
            "splits": {**STUDY.splits, "all": splits["all"]},
            "tables": {"1": table.model_copy(update={"items": items})},
        }
    )
    study = study.model_copy(update={"study": of_two})
    row = verdict_on(0.83, 0.005, measured(OURS, AGAIN), study=study, other_images={"all": "more"})
    assert (row["verdict"], row["reading"]) == ("not reproduced", "x")  # the second reading has it, on other images
    row = verdict_on(0.83, 0.005, measured(OURS, AGAIN), study=study, other_images={"own": "fewer"})
    assert (row["verdict"], row["reading"]) == ("reproduced", "x, again")
    row = verdict_on(0.83, 0.005, measured(OURS, AGAIN), study=study, other_images={"own": "fewer", "all": "more"})
    assert (row["verdict"], row["reason"], row["reading"]) == ("not tested", "fewer", "x")


def test_what_a_run_leaves_out_says_so_whatever_it_keeps() -> None:
    left_out = dict.fromkeys(["1/z", "V/x", "2/x"], "not in this run")
    study = resolved().model_copy(update={"left_out_items": left_out})
    for number in (("1", "z", "accuracy"), ("V", "x", "accuracy"), ("2", "x", "accuracy")):
        row = verdict_on(0.9, 0.005, measured(OURS), number, study)
        assert (row["verdict"], row["reason"]) == ("not tested", "not in this run")
    for table, reason in (("V", "its table was not made here: its classes are others"), ("2", "has no such item")):
        row = verdict_on(0.9, 0.005, measured(OURS), (table, "y", "accuracy"), study)
        assert reason in row["reason"]


INTERVALS = st.tuples(st.integers(0, 20), st.integers(0, 6)).map(lambda c: (c[0] / 20, (c[0] + c[1]) / 20))
NOWHERE = st.just((math.nan, math.nan))


@settings(max_examples=40)
@given(st.data())
def test_one_number_has_one_verdict_on_a_rung_in_both_tables(data: st.DataObject) -> None:
    """With second readings, impossible numbers, missing intervals and items that were not measured on some rungs."""
    items, metrics, rungs = (
        ("x", "y", "x, again", "x, once more"),
        ("accuracy", "f1"),
        ("as_published", "source_disjoint", "subject_disjoint"),
    )
    places = [(item, rung, metric) for item in items for rung in rungs for metric in metrics]
    some = data.draw(st.lists(st.sampled_from(places), min_size=1, unique=True))
    bounds = data.draw(st.lists(INTERVALS | NOWHERE, min_size=len(some), max_size=len(some)))
    ours = measured(*((*place, low, low, high) for place, (low, high) in zip(some, bounds, strict=True)))
    numbers = [("1", item, metric) for item in ("x", "y") for metric in metrics]
    values = data.draw(st.lists(st.integers(0, 20), min_size=4, max_size=4))
    impossible = data.draw(st.dictionaries(st.sampled_from(numbers), st.just("why")))
    circumstances = data.draw(st.sampled_from([[], [], ["the images are simulated"]]))
    published = printed(*((*number, value / 20, 0.005) for number, value in zip(numbers, values, strict=True)))
    study = resolved(rungs=rungs)
    judged = judge(ours, published, study, impossible, circumstances, {}, {})
    assert list(judged.metrics.columns) == list(METRICS_TABLE.columns)
    pd.testing.assert_frame_equal(judged.metrics[list(ours.columns)], ours)
    of_number = judged.verdicts.set_index(["item", "metric"])
    bounds_of = ours.set_index(["item", "protocol", "metric"])[["ci_low", "ci_high"]]
    for row in judged.metrics.itertuples():
        verdict = of_number.loc[str(row.item).partition(",")[0], str(row.metric)]
        assert row.published == verdict["published"]
        if row.protocol == "as_published" or verdict["verdict"] in ("arithmetically impossible", "not tested"):
            assert row.verdict == verdict["verdict"]
            continue
        reading = verdict["reading"], row.protocol, row.metric
        low, high = (
            bounds_of.loc[reading, ["ci_low", "ci_high"]] if reading in bounds_of.index else (math.nan, math.nan)
        )
        inside = low - 0.005 <= row.published <= high + 0.005
        assert row.verdict == ("not tested" if math.isnan(low) else "reproduced" if inside else "not reproduced")
        if row.protocol == verdict["honest_protocol"]:
            assert row.verdict == verdict["honest_verdict"]


def test_every_printed_number_has_a_row_in_its_order_and_the_table_is_read_again(tmp_path: Path) -> None:
    numbers = printed(("text", "n", "size", 3, 0.5), ("1", "x", "accuracy", 1.0, 0.0005), ("1", "x", "f1", 0.5, 0.05))
    table = judge(measured(OURS), numbers, resolved(), {}, [], {}, {}).verdicts
    assert list(table["metric"]) == ["size", "accuracy", "f1"]
    assert set(table["verdict"]) <= set(VERDICTS)
    assert all(table["reason"])
    VERDICTS_TABLE.write(table, tmp_path / "verdicts.csv")
    pd.testing.assert_frame_equal(VERDICTS_TABLE.read(tmp_path / "verdicts.csv"), table)


def test_the_audits_impossible_numbers_are_read(tmp_path: Path) -> None:
    path = tmp_path / "audit.json"
    row = {"table": "1", "item": "x", "metric": "f1", "reason": "why"}
    path.write_text(json.dumps({"schema_version": 1, "studies": {"paper": {"impossible": [row]}}}))
    assert read_impossible(path, "paper") == {("1", "x", "f1"): "why"}
    twice = [row, {**row, "reason": "and this."}]
    path.write_text(json.dumps({"schema_version": 1, "studies": {"paper": {"impossible": twice}}}))
    assert read_impossible(path, "paper") == {("1", "x", "f1"): "why; and this"}
    with pytest.raises(UserError, match=r"no audit of the numbers of study 'other'.*audit published other"):
        read_impossible(path, "other")
    path.write_text("[]")
    with pytest.raises(UserError, match="no audit"):
        read_impossible(path, "paper")
