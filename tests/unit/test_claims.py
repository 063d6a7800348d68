"""Claims of papers: what may be declared, what is fitted once more for them, and the verdicts, where truth is known."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from compared_data import answers, outcomes, study
from project_data import ROOT, make_project, write_run, write_yaml
from scipy import stats

from leukorepro.config.study.claims import Claim
from leukorepro.config.study.study import Study, load_study
from leukorepro.core.errors import UserError
from leukorepro.core.tables.results import CLAIM_COMPARISONS_TABLE, CLAIMS_TABLE
from leukorepro.evaluation.predictions import Outcome
from leukorepro.evaluation.resampling.claims import Compared, JudgedClaims, decide, fewest_apart, judge_claims, widened
from leukorepro.evaluation.resampling.differences import Paired
from leukorepro.run.claimed_items import with_claims
from leukorepro.run.kept_items import with_items
from leukorepro.run.resolve import resolve
from leukorepro.run.resolved import ResolvedStudy
from leukorepro.run.specify import classification_specification, splits_specification

RUNG = "as_published"


def claim(*pairs: tuple[str, str], **more: Any) -> dict[str, Any]:
    """A claim of table 1 that the first item of each pair is better."""
    comparisons = [{"better": f"1/{one}", "than": [f"1/{other}"]} for one, other in pairs]
    return {"says": "It is so.", "where": "section 1", "comparisons": comparisons, **more}


def claiming(items: list[str], **claims: Any) -> ResolvedStudy:
    """A study of one table that claims something."""
    plain = study({item: {} for item in items})
    own = Study.model_validate(plain.study.model_dump() | {"claims": claims})
    return plain.model_copy(update={"study": own})


def right(item: str, correct: np.ndarray, **more: Any) -> pd.DataFrame:
    """Answers on patients of one image each, of both classes in turn, of which some are right."""
    positive = np.arange(len(correct)) % 2 == 0
    return answers(item, np.arange(len(correct)), positive, np.where(correct == positive, 1.0, -1.0), **more)


def share(n: int, n_right: int, start: int = 0) -> np.ndarray:
    """Right answers in one run from `start` on."""
    return np.isin(np.arange(n), np.arange(start, start + n_right))


def judged(resolved: ResolvedStudy, *frames: pd.DataFrame, n_resamples: int = 2000) -> JudgedClaims:
    return judge_claims(outcomes(resolved, *frames), seed=0, n_resamples=n_resamples)


def verdicts(resolved: ResolvedStudy, *frames: pd.DataFrame) -> dict[str, str]:
    claims = judged(resolved, *frames).claims
    return dict(zip(claims["claim"], claims["verdict"], strict=True))


# ------------------------------------------------------------------------------------------------------------- verdicts


def test_a_difference_of_paired_shares_has_the_interval_of_the_closed_form() -> None:
    """Of n patients b are right by one item only and c by the other only: the variance is that of McNemar's table."""
    n, b, c = 400, 60, 30
    one, other = share(n, 300), share(n, 270, start=60)
    assert (np.sum(one & ~other), np.sum(other & ~one)) == (b, c)
    found = judged(claiming(["A", "B"], better=claim(("A", "B"))), right("A", one), right("B", other))
    row = found.claims.iloc[0]
    error = math.sqrt(b + c - (b - c) ** 2 / n) / n
    reach = stats.t.ppf(0.975, n - 1) * error
    assert row["difference"] == pytest.approx((b - c) / n, abs=1e-12)
    assert row[["ci_low", "ci_high"]].tolist() == pytest.approx([(b - c) / n - reach, (b - c) / n + reach], abs=0.004)
    assert (row["verdict"], row["n_groups"], row["where"]) == ("holds", n, "section 1")
    assert row["reason"].startswith("1/A is better than 1/B by 7.5 points (")
    assert list(found.claims.columns) == list(CLAIMS_TABLE.columns)
    assert list(found.comparisons.columns) == list(CLAIM_COMPARISONS_TABLE.columns)
    comparison = found.comparisons.iloc[0]
    assert comparison[["corrected_low", "corrected_high"]].tolist() == row[["ci_low", "ci_high"]].tolist()


def test_a_claim_holds_fails_or_stays_open() -> None:
    resolved = claiming(
        ["A", "B", "C", "twin"],
        holds=claim(("A", "B")),
        fails=claim(("B", "A")),
        open=claim(("A", "C")),
        same=claim(("A", "twin")),
        unmeasured=claim(("A", "B"), metric="healthy_recall"),
    )
    frames = [right("A", share(200, 180)), right("B", share(200, 150)), right("C", share(200, 176, start=10))]
    found = judged(resolved, *frames, right("twin", share(200, 180))).claims.set_index("claim")
    assert found["verdict"].to_dict() == {
        "holds": "holds",
        "fails": "does not hold",
        "open": "cannot be told",
        "same": "does not hold",
        "unmeasured": "cannot be told",
    }
    assert "\N{MINUS SIGN}15.0 points" in found["reason"]["fails"]
    assert found["reason"]["open"].startswith("the lead of 1/A over 1/C is 2.0 points (")
    assert found["n_apart"][["holds", "open", "same"]].tolist() == [30, 16, 0]
    assert found["reason"]["same"] == "1/A and 1/twin gave the same predictions"
    assert found["reason"]["unmeasured"] == "the lead of 1/A over 1/B cannot be measured here"
    assert np.isnan(found["difference"]["unmeasured"])


def test_the_best_of_several_must_beat_each_and_one_that_is_clearly_better_refutes_it() -> None:
    items = ["A", "close", "far", "better"]
    resolved = claiming(
        items, best=claim(("A", "close"), ("A", "far")), refuted=claim(*(("A", other) for other in items[1:]))
    )
    frames = [right("A", share(300, 240)), right("close", share(300, 225)), right("far", share(300, 120))]
    found = judged(resolved, *frames, right("better", share(300, 280)))
    best, refuted = found.claims.set_index("claim").loc[["best", "refuted"]].itertuples()
    assert (best.verdict, best.against_item, best.n_comparisons, best.n_clear) == ("holds", "close", 2, 2)
    assert best.reason.startswith(
        "all 2 comparisons come out so; the closest: 1/A is better than 1/close by 5.0 points"
    )
    assert (refuted.verdict, refuted.against_item, refuted.n_clear) == ("does not hold", "better", 2)
    rows = found.comparisons[found.comparisons["claim"] == "refuted"]
    assert rows["against_item"].tolist() == items[1:]
    width = rows["ci_high"] - rows["ci_low"]
    corrected = rows["corrected_high"] - rows["corrected_low"]
    ratio = stats.t.ppf(1 - 0.025 / 3, 299) / stats.t.ppf(0.975, 299)
    assert (corrected / width).to_numpy() == pytest.approx(ratio, rel=1e-9)


def test_what_a_comparison_rests_on_beside_its_groups_counts_in_its_corrected_interval() -> None:
    """As many degrees of freedom as groups and seeds leave, however many the groups are."""
    found = widened(Paired(0.1, 0.05, 0.2, 300, 4), n_comparisons=3)
    ratio = stats.t.ppf(1 - 0.025 / 3, 4) / stats.t.ppf(0.975, 4)
    assert (found.low, found.high) == pytest.approx((0.1 - 0.05 * ratio, 0.1 + 0.1 * ratio), rel=1e-12)


def drawn_claims(means: list[float], n: int) -> list[str]:
    """Verdicts on claims whose differences are drawn from normal distributions, correlated as with a common winner."""
    rng = np.random.default_rng(0)
    shared, own = rng.normal(size=(n, 1)), rng.normal(size=(n, len(means)))
    z = np.asarray(means) + (shared + own) / math.sqrt(2)
    reach, wider = stats.norm.ppf([0.975, 1 - 0.025 / len(means)])
    nowhere = (Outcome("1", "a", RUNG), Outcome("1", "b", RUNG))
    return [
        decide(
            [
                Compared(
                    "1/a",
                    "1/b",
                    nowhere,
                    Paired(d, d - reach, d + reach, 99, math.inf),
                    Paired(d, d - wider, d + wider, 99, math.inf),
                    99,
                    6,
                )
                for d in row
            ]
        )[0]
        for row in z
    ]


def test_a_verdict_is_wrong_no_more_often_than_it_says() -> None:
    """False claims that hold: at most 2.5 %, one comparison being 0. True ones that do not: at most as many, in all."""
    rounds = 4000
    noise = 3 * math.sqrt(0.025 * 0.975 / rounds)
    one_is_zero = drawn_claims([0.0, 9.0, 9.0, 9.0, 9.0, 9.0], rounds)
    barely_true = drawn_claims([0.0] * 6, rounds)
    assert one_is_zero.count("holds") / rounds == pytest.approx(0.025, abs=noise)
    assert 0.005 < barely_true.count("does not hold") / rounds <= 0.025 + noise
    assert drawn_claims([5.0] * 6, 500).count("holds") > 450


def test_a_trend_is_judged_step_by_step() -> None:
    items = ["0.01", "0.001", "0.0001"]
    rising = {"says": "It rises.", "where": "Figure 6", "rising": [[f"1/{item}" for item in items]]}
    found = judged(
        claiming(items, rate=rising), *(right(i, share(300, n)) for i, n in zip(items, (180, 210, 240), strict=True))
    )
    assert found.claims["verdict"].tolist() == ["holds"]
    steps = found.comparisons[["item", "against_item"]].to_numpy().tolist()
    assert steps == [["0.001", "0.01"], ["0.0001", "0.001"]]
    falling = [right(i, share(300, n)) for i, n in zip(items, (180, 240, 200), strict=True)]
    row = judged(claiming(items, rate=rising), *falling).claims.iloc[0]
    assert (row["verdict"], row["item"], row["n_clear"]) == ("does not hold", "0.0001", 1)
    assert "too clear to be one of 2 comparisons that went wrong by chance" in row["reason"]


def test_of_a_loss_the_smaller_is_better() -> None:
    resolved = claiming(["A", "B"], loss=claim(("A", "B"), metric="test_loss"))
    rng = np.random.default_rng(1)
    subject, positive = np.arange(80), np.arange(80) % 2 == 0
    sure = np.where(positive, 0.9, 0.1) + 0.02 * rng.normal(size=80)
    frames = [
        answers(item, subject, positive, score).assign(y_pred=np.where(positive, "p", "n"))
        for item, score in (("A", sure), ("B", 0.5 + 0.2 * (sure - 0.5)))
    ]
    row = judged(resolved, *frames).claims.iloc[0]
    losses = [-np.log(np.where(positive, f["score"], 1 - f["score"])).mean() for f in frames]
    assert row["difference"] == pytest.approx(losses[1] - losses[0], abs=1e-9)
    assert row["verdict"] == "holds"
    row = judged(claiming(["A", "B"], loss=claim(("B", "A"), metric="test_loss")), *frames).claims.iloc[0]
    assert row["reason"].startswith("1/B is not better than 1/A: its lead is \N{MINUS SIGN}0.")


def test_every_rung_has_its_own_verdict() -> None:
    resolved = claiming(["A", "B"], better=claim(("A", "B")))
    frames = [right("A", share(200, 180)), right("B", share(200, 150))]
    honest = [right("A", share(200, 130), rung="source_disjoint"), right("B", share(200, 150), rung="source_disjoint")]
    found = judged(resolved, *frames, *honest).claims
    assert dict(zip(found["protocol"], found["verdict"], strict=True)) == {
        "as_published": "holds",
        "source_disjoint": "does not hold",
    }
    only_one = judged(resolved, *frames, honest[0])
    assert only_one.claims["protocol"].tolist() == ["as_published"]
    nothing = judged(study({"A": {}, "B": {}}), *frames)
    assert nothing.claims.empty
    assert nothing.comparisons.empty


@pytest.mark.parametrize(("b", "verdict"), [(5, "cannot be told"), (6, "holds")])
def test_a_few_patients_settle_nothing(b: int, verdict: str) -> None:
    """Of five patients that tell both apart, all five may say the same by chance: p = 0.0625 in the exact test."""
    assert (stats.binomtest(b, b).pvalue < 0.05) == (verdict == "holds")
    frames = [right("A", share(200, 150 + b)), right("B", share(200, 150))]
    row = judged(claiming(["A", "B"], better=claim(("A", "B"))), *frames).claims.iloc[0]
    assert (row["verdict"], row["n_apart"]) == (verdict, b)
    assert row["ci_low"] > 0  # what resampling alone would say
    assert ("only 5 of 200 groups of images tell both apart" in row["reason"]) == (b == 5)
    assert [fewest_apart(0.05), fewest_apart(0.05 / 16)] == [6, 10]


def test_patients_of_several_images_tell_items_apart_by_all_of_them() -> None:
    """Patients whose answers differ in number, not in kind; and one that only one of both items was tested on."""
    subject, positive = np.repeat(np.arange(10), 4), np.arange(40) % 2 == 0
    correct = np.ones(40, dtype=bool)
    one, other = correct.copy(), correct.copy()
    one[[0, 5, 9]], other[[1, 7, 10]] = False, False  # patients 0, 1, 2; the same number of patient 0's, 1's and 2's
    other[[12, 16]] = False  # patients 3 and 4
    frames = [
        answers(item, subject[:n], positive[:n], np.where(right == positive, 1.0, -1.0)[:n])
        for item, right, n in (("A", one, 40), ("B", other, 36))
    ]
    row = judged(claiming(["A", "B"], better=claim(("A", "B"))), *frames).claims.iloc[0]
    assert (row["n_groups"], row["n_apart"]) == (10, 3)


# ----------------------------------------------------------------------------------------- items that are fitted again


def test_items_of_two_tables_are_compared_on_one_declared_split() -> None:
    """Beside their own splits, where the printed numbers stay: by numbers that would say the opposite."""
    plain = study({"A": {}, "B": {"split": "tenth"}})
    paper = Study.model_validate(plain.study.model_dump() | {"claims": {"c": claim(("A", "B"), split="tenth")}})
    own, left_out = with_claims(paper, paper, "here")
    assert left_out == {}
    assert list(own.tables) == ["1", "1 on tenth"]
    added = own.tables["1 on tenth"]
    assert [(item.item, item.split, item.reading_of) for item in added.items] == [("A", None, None)]
    assert (added.split, added.metrics) == ("tenth", ["accuracy"])
    assert own.claims["c"].judged_at("1/A", own.tables) == ("1 on tenth", "A")
    assert own.claims["c"].judged_at("1/B", own.tables) == ("1", "B")
    frames = [right("A", share(200, 100)), right("B", share(200, 150))]
    again = right("A", share(200, 190)).assign(table="1 on tenth")
    row = judged(plain.model_copy(update={"study": own}), *frames, again).claims.iloc[0]
    assert (row["verdict"], row["table"], row["against_table"]) == ("holds", "1 on tenth", "1")
    assert row["difference"] == pytest.approx(0.2, abs=1e-12)


def test_a_claim_takes_its_items_once_more_through_splits_and_classifiers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(make_project(tmp_path))
    file = tmp_path / "config/studies/atteia2022.yaml"
    content = yaml.safe_load(file.read_text())
    content["splits"]["three_folds"] = {"kind": "k_fold", "n_splits": 3}
    both = [{"better": "1/ESet", "than": ["1/GSet"]}]
    content["claims"] = {
        "again": {"says": "S.", "where": "W", "metric": "auroc", "comparisons": both, "split": "three_folds"},
        "lost": {"says": "S.", "where": "W", "comparisons": [{"better": "1/ESet", "than": ["1/ISet"]}]},
    }
    write_yaml(file, content)
    run = resolve(write_run(tmp_path, items=["1/GSet", "1/ESet", "1/RSet/ESet=0.25"]))
    (resolved,) = run.studies
    assert {key: left.reason for key, left in resolved.left_out_claims.items()} == {
        "lost": "'1/ISet' is not in this run"
    }
    assert "1/ISet" in resolved.left_out_items
    assert list(splits_specification(run, resolved).schemes) == ["five_folds", "three_folds"]
    told = classification_specification(run, resolved, "GSet")
    assert [(table, item.item) for table, item in told.splits["three_folds"].items] == [("1 on three_folds", "GSet")]
    assert told.fitted_tables == []


def test_no_item_is_brought_back_for_a_claim() -> None:
    paper = load_study(ROOT / "config/studies/hasanaath2024.yaml")
    kept, _ = with_items(paper, ["5/SVM", "6/SVM", "2/VGG16"], "here")
    own, left_out = with_claims(kept, paper, "here")
    assert list(own.claims) == ["augmentation"]
    assert left_out.keys() == paper.claims.keys() - {"augmentation"}
    assert (
        left_out["perceptron"].reason
        == "'3/DenseNet121/RBF', '2/MobileNetV2', '2/ResNet101' and 3 more are not in this run"
    )
    assert {number: [item.item for item in table.items] for number, table in own.tables.items()} == {
        "2": ["VGG16"],
        "5": ["SVM"],
        "6": ["SVM"],
        "5 on ninety_ten_five": ["SVM"],
    }


@pytest.mark.parametrize("key", ["atteia2022", "hasanaath2024", "rezayi2021", "hayat2022"])
def test_with_all_items_every_claim_of_a_paper_can_be_judged(key: str) -> None:
    paper = load_study(ROOT / f"config/studies/{key}.yaml")
    own, left_out = with_claims(paper, paper, "here")
    assert own.claims == paper.claims
    assert left_out == {}


# -------------------------------------------------------------------------------------------------------- declarations


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        (claim(), "compares nothing; give `comparisons` or `rising`"),
        (claim(("A", "B"), ("A", "B")), "'1/A better than 1/B' is named twice"),
        (claim(("A", "D")), r"claims.c: unknown item '1/D'. Known: 1/A, 1/B, 1/C"),
        (claim(("A", "C")), "'1/A' is of the split 'folds', '1/C' of 'tenth'; name the `split` that both"),
        (claim(("A", "C"), split="halves"), r"claims.c: split: unknown split 'halves'. Known: folds, tenth"),
        (claim(("A", "C"), split={"1/B": "folds"}), "split: unknown item '1/B'. Known: 1/A, 1/C"),
        (claim(("A", "C"), split="sorted"), "tell different classes apart"),
        (claim(("A", "B"), metric="goodness"), "metric"),
        ({**claim(), "rising": [["1/A"]]}, "at least 2 items"),
        ({**claim(), "comparisons": [{"better": "A", "than": ["1/B"]}]}, "better"),
    ],
)
def test_a_claim_that_cannot_be_judged_is_refused(declared: dict[str, Any], message: str) -> None:
    content = study({"A": {}, "B": {}, "C": {"split": "tenth"}}).study.model_dump()
    if declared.get("split") == "sorted":
        content["splits"]["sorted"] = {"kind": "k_fold", "n_splits": 4, "labels": "sorted"}
        content["label_sets"] = {"sorted": {"classes": {"a": ["p"], "b": ["n"]}, "positive_class": "a"}}
        declared = {**declared, "split": {"1/A": "sorted"}}
    with pytest.raises(ValueError, match=message):
        Study.model_validate(content | {"claims": {"c": declared}})


def test_a_split_for_one_item_leaves_the_others_their_own() -> None:
    tables = study({"A": {}, "B": {}, "C": {"split": "tenth"}}).study.tables
    one = Claim.model_validate(claim(("A", "B"), ("A", "C"), split={"1/C": "folds"}))
    assert list(one.refitted(tables)) == [("1", "C", "folds")]
    whole = Claim.model_validate(claim(("A", "B"), ("A", "C"), split="tenth"))
    assert list(whole.refitted(tables)) == [("1", "A", "tenth"), ("1", "B", "tenth")]


def test_an_item_that_cannot_be_fitted_again_is_told() -> None:
    """The features of a network exist on the split only that it is trained on."""
    paper = load_study(ROOT / "config/studies/rezayi2021.yaml").model_dump()
    better = {"better": "5/RF, CNN features", "than": ["5/SVM, CNN features"]}
    paper["claims"] = {"c": {"says": "S.", "where": "W", "comparisons": [better], "split": "eighty_twenty"}}
    study = Study.model_validate(paper)
    with pytest.raises(UserError, match=r"here: .*no item is that network on 'images' and the split 'eighty_twenty'"):
        with_claims(study, study, "here")
