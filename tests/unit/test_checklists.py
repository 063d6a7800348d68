"""Checklists: every item of both lists is there once, and is answered by what the run is, or left to the authors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import report_data

from leukorepro.report.numbers.records import Records
from leukorepro.report.pages.methods.checklists.item import Checklist, Facts, Item, for_the_authors, in_order
from leukorepro.report.pages.methods.checklists.reforms import REFORMS
from leukorepro.report.pages.methods.checklists.tripod import TRIPOD_AI
from leukorepro.run.resolved import ResolvedRun

PARTS = {
    "reforms": dict(zip("12345678", ("abc", "abcde", "abcdefg", "abc", "abcdef", "abc", "abc", "ab"), strict=True)),
    "tripod-ai": {
        **dict.fromkeys(map(str, range(1, 28)), ""),
        **{"3": "abc", "5": "ab", "6": "abc", "8": "abc", "9": "abc", "12": "abcdefg", "18": "abcdef"},
        **{"20": "abc", "23": "ab", "27": "abc"},
    },
}
"""Items of each list as published, with the letters of their parts: 32 of REFORMS, 27 with 52 parts of TRIPOD+AI."""


@pytest.fixture(scope="module")
def facts() -> Facts:
    """Of a simulated study whose dataset names its subjects; as if the files of a run had been read."""
    study = report_data.resolve(report_data.ATTEIA, Path("run"))
    names = [f"{number:03d}.png" for number in range(60)]
    manifest = pd.DataFrame({"image_id": names, "label": ["all", "normal"] * 30, "subject_id": "s", "status": "ok"})
    manifest.loc[59, "status"] = "truncated"
    header = {"preprocessing": "resized", "engine": "torch", "n_features": 5}
    records = Records(
        resolved=study,
        manifest_file=Path("manifest.csv"),
        manifest_sha256="ab" * 32,
        scan=report_data.scan_summary(manifest),
        duplicates={"examined": [], "groups": []},
        extractors=dict.fromkeys(study.extractors, header),
        predictions={},
        calibrated=[],
    )
    run = ResolvedRun(name="synthetic", budget="demo", seed=0, studies=[study])
    return Facts(run, [records], "leukorepro 0.1.0, commit abc", "a machine")


def with_records(facts: Facts, change: Callable[[Records], Records]) -> Facts:
    return replace(facts, records=[change(records) for records in facts.records])


def real(facts: Facts) -> Facts:
    dataset = report_data.resolve(report_data.three_class_study(), Path("real"), simulated=False).dataset
    return with_records(facts, lambda one: replace(one, resolved=one.resolved.model_copy(update={"dataset": dataset})))


def without_subjects(facts: Facts) -> Facts:
    def change(one: Records) -> Records:
        rungs = {rung: p for rung, p in one.resolved.protocols.items() if p.unit != "subject"}
        resolved = one.resolved.model_copy(update={"protocols": rungs})
        return replace(one, resolved=resolved, scan=one.scan | {"subjects_total": 0})

    return with_records(facts, change)


def with_probabilities(facts: Facts) -> Facts:
    return with_records(facts, lambda one: replace(one, calibrated=["1/ISet"]))


def with_controls(facts: Facts) -> Facts:
    controls = {facts.records[0].resolved.study.key: ["shuffled_labels"]}
    return replace(facts, run=facts.run.model_copy(update={"controls": controls}))


def answers(checklist: Checklist, facts: Facts) -> dict[str, str]:
    return {number: item.answer(facts).text for number, item in checklist.items.items()}


@pytest.mark.parametrize("checklist", [REFORMS, TRIPOD_AI], ids=lambda checklist: checklist.key)
def test_every_item_is_there_once(checklist: Checklist) -> None:
    expected = [n + part for n, parts in PARTS[checklist.key].items() for part in (parts or [""])]
    assert list(checklist.items) == expected
    assert [item.number for item in checklist.items.values()] == expected
    assert len(expected) == {"reforms": 32, "tripod-ai": 52}[checklist.key]
    with pytest.raises(ValueError, match="two items"):
        in_order(*[Item("1a", "", "", for_the_authors("what"))] * 2)


@pytest.mark.parametrize("checklist", [REFORMS, TRIPOD_AI], ids=lambda checklist: checklist.key)
@pytest.mark.parametrize("change", [None, real, without_subjects, with_probabilities, with_controls])
def test_no_answer_is_empty_and_only_what_a_pipeline_knows_is_answered(
    checklist: Checklist, change: Callable[[Facts], Facts] | None, facts: Facts
) -> None:
    known = facts if change is None else change(facts)
    for number, item in checklist.items.items():
        answer = item.answer(known)
        assert len(answer.text) > 15, number
        assert answer.text.endswith("."), number
        assert "None" not in answer.text.replace("None:", ""), number
        assert (answer.by == "the authors") == answer.text.startswith("For the authors to answer: "), number
        assert not (answer.by == "the authors" and answer.places), number
        assert item.name, number
    by = [item.answer(known).by for item in checklist.items.values()]
    assert 0 < by.count("the authors") < len(by) / 2


@pytest.mark.parametrize(
    ("change", "reforms", "tripod"),
    [
        (real, {"1a", "3a", "4a"}, {"5a", "6b", "14", "20a", "20b"}),
        (without_subjects, {"3e", "3f", "5c", "6b"}, {"10", "11", "12d", "23b"}),
        (with_probabilities, {"7a"}, {"12e", "23a"}),
        (with_controls, {"5f", "6c"}, set()),
    ],
)
def test_answers_follow_the_run(
    change: Callable[[Facts], Facts], reforms: set[str], tripod: set[str], facts: Facts
) -> None:
    for checklist, expected in ((REFORMS, reforms), (TRIPOD_AI, tripod)):
        before, after = answers(checklist, facts), answers(checklist, change(facts))
        changed = {number for number in before if before[number] != after[number]}
        assert changed >= expected


def test_answers_say_what_is_so(facts: Facts) -> None:
    told = answers(REFORMS, facts)
    assert "no patient" in told["1a"]
    assert "SHA-256" in told["2a"]
    assert facts.records[0].manifest_sha256 in told["2a"]
    assert told["2b"] == "leukorepro 0.1.0, commit abc."
    assert "30 all and 29 normal, of which all is positive" in told["3d"]
    assert "1 of 60 files could not be read (1.7 %)" in told["3f"]
    assert "1 truncated" in told["4a"]
    assert "reducers of Atteia (2022) see the tested rows" in told["6a"]
    assert "on both sides" in answers(REFORMS, without_subjects(facts))["6b"]
    assert "No score is a probability" in told["7a"]
    assert "Calibration was measured for Atteia (2022)." in answers(REFORMS, with_probabilities(facts))["7a"]
    assert "simulated images, random network weights and demo budget" in told["8b"]
    assert "held-out part is tested for Atteia (2022)" in told["8a"]
