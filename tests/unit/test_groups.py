"""Groups, against a closure by brute force."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leukorepro.data.groups import components, groups

SHARED = Path(__file__).resolve().parents[2].parent / "shared"

rows = st.lists(st.tuples(st.sampled_from(["", "a", "b", "c", "d"]), st.sampled_from(["", "a", "x", "y", "z", "w"])))


def closure(pairs: list[tuple[str, ...]]) -> list[int]:
    """Merge row by row until nothing changes."""
    label = list(range(len(pairs)))
    changed = True
    while changed:
        changed = False
        for i, first in enumerate(pairs):
            for j, second in enumerate(pairs):
                if any(a == b != "" for a, b in zip(first, second, strict=True)) and label[i] != label[j]:
                    label[i] = label[j] = min(label[i], label[j])
                    changed = True
    order = list(dict.fromkeys(label))
    return [order.index(value) for value in label]


@given(rows)
def test_groups_equal_the_closure_by_brute_force(pairs: list[tuple[str, str]]) -> None:
    found = groups([p[0] for p in pairs], [p[1] for p in pairs])
    assert found.tolist() == closure(pairs)


@given(st.lists(st.tuples(*[st.sampled_from(["", "p", "q", "r"])] * 3)))
def test_components_of_three_keys_equal_the_closure(triples: list[tuple[str, str, str]]) -> None:
    found = components(*([t[k] for t in triples] for k in range(3)))
    assert found.tolist() == closure(triples)


def test_a_photograph_filed_under_two_subjects_joins_them() -> None:
    found = groups(["20", "20", "21", "22"], ["UID_20_1", "UID_20_9", "UID_20_1", "UID_22_1"])
    assert found.tolist() == [0, 0, 0, 1]


def test_rows_without_subject_and_source_stand_alone() -> None:
    assert groups(np.array(["", "", ""]), np.array(["", "s", "s"])).tolist() == [0, 1, 1]


def test_a_subject_and_a_source_of_the_same_name_are_not_linked() -> None:
    assert groups(["a", ""], ["", "a"]).tolist() == [0, 1]


@pytest.mark.skipif(not SHARED.is_dir(), reason="no ../shared with the digests of C-NMC 2019")
def test_equal_files_join_subjects_of_c_nmc() -> None:
    files = pd.read_csv(SHARED / "data/cnmc_lfs_manifest.tsv", sep="\t", names=["sha256", "size", "path"])
    training = files[files["path"].str.contains("/training_data/")]
    subjects = training["path"].str.extract(r"UID_(\w?\d+)_")[0].str.upper()
    found = pd.Series(components(subjects, training["sha256"]), index=training.index)
    assert subjects.nunique() == 47 + 26
    assert found.nunique() == 66
    together = subjects.groupby(found).unique().map(lambda names: tuple(sorted(names)))
    assert sorted(names for names in together if len(names) > 1) == [
        ("20", "21"),
        ("51", "75", "78"),
        ("H10", "H3"),
        ("H2", "H4", "H5", "H6"),
    ]
