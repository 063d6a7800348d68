"""Split tables that keep groups together again: by the smallest change, and without any leak."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from leukorepro.checks.leakage import audit_leakage
from leukorepro.cli.app import app
from leukorepro.core.errors import UserError
from leukorepro.core.tables.data import MANIFEST_TABLE, MOVES_TABLE
from leukorepro.data.manifest import write_manifest
from leukorepro.data.repair.assignment import Sides, assign
from leukorepro.data.repair.repairing import repair
from leukorepro.data.split_tables import read_splits, write_splits


def manifest(subjects: list[str], labels: list[str]) -> pd.DataFrame:
    names = [f"{number:03}" for number in range(len(subjects))]
    table = pd.DataFrame({"image_id": names, "path": names, "source_id": names, "sha256": names, "status": "ok"})
    table = table.assign(label=labels, subject_id=subjects, official_split="", width=1, height=1)
    return table[list(MANIFEST_TABLE.columns)]


def k_fold(images: pd.Series, fold_of: list[int], n_folds: int) -> pd.DataFrame:
    tables = [
        pd.DataFrame(
            {
                "image_id": images.to_numpy(),
                "view": "identity",
                "role": np.where(np.asarray(fold_of) == fold, "test", "train"),
                "repeat": 0,
                "fold": fold,
            }
        )
        for fold in range(n_folds)
    ]
    return pd.concat(tables, ignore_index=True)


def hold_out(images: pd.Series, roles: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"image_id": images.to_numpy(), "view": "identity", "role": roles, "repeat": 0, "fold": 0})


def leaks(table: pd.DataFrame, splits: pd.DataFrame, copies: list[list[str]]) -> list[str]:
    found = audit_leakage(table, {"splits": splits}, duplicates=copies)
    return [one["id"] for one in found["types"] if one["status"] == "found"]


@settings(max_examples=15, deadline=None)
@given(st.data(), st.sampled_from(["k_fold", "hold_out"]))
def test_no_leak_is_left_whatever_the_table_and_folds_stay_a_partition(data: st.DataObject, kind: str) -> None:
    n, n_subjects = data.draw(st.integers(20, 50)), data.draw(st.integers(8, 20))
    draw = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    table = manifest([f"s{k}" for k in draw.integers(0, n_subjects, n)], draw.choice(["a", "b"], n).tolist())
    table.loc[draw.random(n) < 0.2, "subject_id"] = ""
    copies = [draw.choice(table["image_id"], 2, replace=False).tolist() for _ in range(draw.integers(0, 2))]
    if kind == "k_fold":
        splits = k_fold(table["image_id"], draw.permutation(np.arange(n) % 3).tolist(), 3)
    else:
        roles = draw.choice(["train", "validation", "test", "excluded"], n, p=[0.5, 0.2, 0.2, 0.1])
        splits = hold_out(table["image_id"], roles.tolist())
    assume(not {"L1.1", "L3.3"} & set(leaks(table, splits, copies)))  # no part and no class is missing
    try:
        mended = repair(splits, table, copies)
    except UserError:
        assume(False)  # too few groups hold a class
    assert leaks(table, mended.splits, copies) == []
    assert len(mended.moves) == (mended.splits["role"] != splits["role"]).sum()
    assert mended.splits.drop(columns="role").equals(splits.drop(columns="role"))
    assert ((mended.splits["role"] == "excluded") == (splits["role"] == "excluded")).all()
    if kind == "k_fold":
        assert (mended.splits.query("role == 'test'")["image_id"].value_counts() == 1).all()
        assert set(mended.splits.query("role == 'test'")["image_id"]) == set(table["image_id"])
    again = repair(mended.splits, table, copies)
    assert again.moves.empty
    pd.testing.assert_frame_equal(again.splits, mended.splits)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_no_assignment_moves_fewer_rows_as_trying_all_of_them_shows(seed: int) -> None:
    draw = np.random.default_rng(seed)
    n_groups, n_sides, n_counts = 5, 2, 2
    counts = draw.integers(0, 4, (n_groups, n_counts))
    part = np.array([[0, 0], [2, 2]])
    cost = draw.integers(0, 5, (n_groups, n_sides))
    before = {(count, side): int(draw.integers(1, 6)) for count in range(n_counts) for side in (0, 2)}
    kept = [[(count, side)] for count, side in before]
    tolerance = 0.25
    best = None
    for choice in product(range(n_sides), repeat=n_groups):
        there = {
            (count, side): sum(counts[g, count] for g, s in enumerate(choice) if part[s, count] == side)
            for count, side in before
        }
        if all(there[place] >= 1 for place in before) and all(
            abs(there[place] - n) <= max(1, tolerance * n) for place, n in before.items()
        ):
            moved = sum(cost[g, s] for g, s in enumerate(choice))
            best = moved if best is None else min(best, moved)
    found = assign(Sides(cost, counts, part, before, kept), tolerance)
    if best is None:
        assert found is None or found.excess > 0
    else:
        assert found is not None
        assert found.excess == 0
        assert found.smallest
        assert sum(cost[g, s] for g, s in enumerate(found.side)) == best


SUBJECTS = ["p", "p", "p", "q", "q", "q", "r", "r", "t", "t", "u", "u"]
LABELS = ["a", "a", "a", "b", "b", "b", "a", "a", "b", "b", "a", "b"]


def test_the_smaller_part_of_a_straddling_group_moves_and_the_reason_names_the_subject() -> None:
    table = manifest(SUBJECTS, LABELS)
    roles = ["train", "train", "test", "train", "train", "train", "test", "test", "test", "test", "train", "train"]
    mended = repair(hold_out(table["image_id"], roles), table)
    assert mended.moves[["image_id", "before", "after"]].to_numpy().tolist() == [["002", "test", "train"]]
    assert mended.moves["why"].tolist() == ["group of 3 images (subject p) was in test and train"]
    assert mended.notes == []


def test_views_of_an_image_that_comes_to_be_tested_are_excluded_where_views_are_not_tested() -> None:
    table = manifest(SUBJECTS, LABELS)
    roles = ["test", "test", "train", "test", *["train"] * 2, "test", "train", "test", "train", "train", "train"]
    table.loc[3, "subject_id"], table.loc[[6, 7, 8, 9], "subject_id"] = "p", ""
    identity = hold_out(table["image_id"], roles)
    flipped = identity.assign(view="hflip", role=identity["role"].replace("test", "excluded"))
    mended = repair(pd.concat([identity, flipped], ignore_index=True), table, tolerance=1)
    moved = mended.moves.set_index(["image_id", "view"])["after"].to_dict()
    assert moved == {("002", "identity"): "test", ("002", "hflip"): "excluded"}


def test_folds_whose_test_parts_overlap_are_mended_one_by_one() -> None:
    table = manifest(SUBJECTS, LABELS)
    one = ["test", "train", "train", *["train"] * 3, "test", "test", "test", "test", "train", "train"]
    two = ["train"] * 6 + ["test", "train", "test", "test", "train", "train"]
    splits = pd.concat([hold_out(table["image_id"], one), hold_out(table["image_id"], two).assign(fold=1)])
    mended = repair(splits.reset_index(drop=True), table)
    tested = mended.splits.query("role == 'test'").groupby("fold")["image_id"].agg(list).to_dict()
    assert tested == {0: ["006", "007", "008", "009"], 1: ["006", "007", "008", "009"]}


def test_groups_too_large_for_the_tolerance_are_told_with_the_least_that_they_allow() -> None:
    table = manifest(["p"] * 7 + ["q"] + ["r", "r", "t", "t"], ["a"] * 8 + ["b"] * 4)
    roles = ["test"] * 4 + ["train"] * 6 + ["test"] * 2
    mended = repair(hold_out(table["image_id"], roles), table)
    assert leaks(table, mended.splits, []) == []
    # Four images of class a in either part: seven and one are two more than the one that is tolerated.
    assert "within 10 %; some part differs by 50 % more, the least that they allow" in mended.notes[0]


def test_what_cannot_be_repaired_and_what_is_no_table_of_these_images_is_told() -> None:
    table = manifest(["p"] * 4 + ["q", "r"], ["a", "a", "a", "a", "b", "b"])
    splits = hold_out(table["image_id"], ["test", "test", "train", "train", "train", "test"])
    with pytest.raises(UserError, match=r"mine: repeat 0, fold 0: .* too few groups hold it; use fewer folds"):
        repair(splits, table, name="mine")
    with pytest.raises(UserError, match=r"the row of 000, identity, in repeat 0, fold 0 is there twice"):
        repair(pd.concat([splits, splits.head(1)]), table)


def test_the_command_writes_the_table_and_the_moves_and_leaves_a_fine_table_alone(tmp_path: Path) -> None:
    table = manifest(SUBJECTS, LABELS)
    roles = ["train", "train", "test", *["train"] * 3, "test", "test", "test", "test", "train", "train"]
    write_manifest(table, tmp_path / "manifest.csv")
    hold_out(table["image_id"], roles).drop(columns="view").to_csv(tmp_path / "mine.csv", index=False)
    words = ["splits", "repair", "--manifest", str(tmp_path / "manifest.csv"), "--splits"]
    done = CliRunner().invoke(app, [*words, str(tmp_path / "mine.csv"), "--out", str(tmp_path / "good.csv")])
    assert done.exit_code == 0, done.output
    assert "Moved 1 of 12 rows: 1 image(s) of 1 group(s)" in done.output
    assert MOVES_TABLE.read(tmp_path / "good-moved.csv")["image_id"].tolist() == ["002"]
    assert leaks(table, read_splits(tmp_path / "good.csv"), []) == []
    write_splits(read_splits(tmp_path / "good.csv"), tmp_path / "fine.csv")
    done = CliRunner().invoke(app, [*words, str(tmp_path / "fine.csv"), "--out", str(tmp_path / "same.csv")])
    assert "Every group lies on one side already: nothing was moved" in done.output
    assert (tmp_path / "same.csv").read_bytes() == (tmp_path / "fine.csv").read_bytes()
    done = CliRunner().invoke(app, [*words, str(tmp_path / "good-moved.csv"), "--out", str(tmp_path / "good.csv")])
    assert done.exit_code == 2
    assert "good-moved.csv, which is read here; choose another name" in done.output


@pytest.mark.parametrize("unknown", [12, 7, 0])
@pytest.mark.parametrize("leaking", [False, True], ids=["fine", "leaking"])
def test_images_of_unknown_patients_are_told_whether_or_not_rows_move(
    unknown: int, leaking: bool, tmp_path: Path
) -> None:
    table = manifest([""] * unknown + SUBJECTS[unknown:], LABELS)
    if leaking:
        table.loc[[8, 9], "source_id"] = "one photograph"
    roles = [*["train"] * 6, "test", "test", "train" if leaking else "test", "test", "train", "train"]
    write_manifest(table, tmp_path / "manifest.csv")
    hold_out(table["image_id"], roles).to_csv(tmp_path / "mine.csv", index=False)
    words = ["splits", "repair", "--manifest", str(tmp_path / "manifest.csv"), "--splits", str(tmp_path / "mine.csv")]
    done = CliRunner().invoke(app, [*words, "--out", str(tmp_path / "good.csv")])
    assert done.exit_code == 0, done.output
    assert ("Moved 1 of 12 rows" in done.output) == leaking
    told = f"Subjects are not known for {unknown} of 12 images"
    assert (told in done.output) == bool(unknown)
    assert ("--subjects-csv, --subject-regex or --subject-level" in done.output) == bool(unknown)
