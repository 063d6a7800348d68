"""Near-duplicates that tie groups: what is tied, who moves, and what honest splits are then free of."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from leukorepro.checks.leakage import audit_leakage
from leukorepro.cli.app import app
from leukorepro.config.study.schemes import KFoldScheme, Protocol
from leukorepro.core.errors import UserError
from leukorepro.core.store import write_json, write_text
from leukorepro.core.tables.data import MANIFEST_TABLE
from leukorepro.data.adapters.cnmc2019 import ENTRY as CNMC
from leukorepro.data.copies.record import read_copies
from leukorepro.data.copies.ties import tie, ties_of
from leukorepro.data.duplicates import find_duplicates, look_at_images
from leukorepro.data.groups import groups
from leukorepro.data.manifest import write_manifest
from leukorepro.data.scan import scan
from leukorepro.data.split_tables import read_splits
from leukorepro.data.splits import make_splits
from leukorepro.run.specifications.splits import SplitsSpecification
from leukorepro.run.splitting import splits_of

SCHEME = KFoldScheme(kind="k_fold", n_splits=3)
RUNGS = {
    "as_published": Protocol(rung="as_published", unit="subject", scope="train"),
    "source_disjoint": Protocol(rung="source_disjoint", unit="source", scope="train"),
    "subject_disjoint": Protocol(rung="subject_disjoint", unit="subject", scope="train"),
}


def specification(*rungs: str) -> SplitsSpecification:
    return SplitsSpecification(
        seed=0,
        external_split=None,
        protocols={rung: RUNGS[rung] for rung in rungs},
        schemes={"folds": SCHEME},
        label_sets={},
        rows_needed={},
    )


def manifest(subjects: str, labels: str = "") -> pd.DataFrame:
    """An image for each letter, which names its subject."""
    names = [f"{number:02}" for number in range(len(subjects))]
    table = pd.DataFrame({"image_id": names, "path": names, "source_id": names, "sha256": names, "status": "ok"})
    classes = labels or "ab" * len(subjects)
    table = table.assign(label=list(classes[: len(subjects)]), subject_id=list(subjects), official_split="")
    return table.assign(width=1, height=1)[list(MANIFEST_TABLE.columns)]


def test_copies_are_of_one_source_by_way_of_others_and_all_of_joined_groups_have_moved() -> None:
    table = manifest("ppqqrs")
    tied = tie(table, [["00", "02"], ["03", "04"]])
    assert tied["source_id"].tolist() == ["00", "01", "00", "03", "03", "05"]
    ties = ties_of(table, tied)
    assert (ties.n_groups_without, ties.n_groups, ties.n_moved) == (4, 2, 5)
    assert ties.moved == [["00", "01", "02", "03", "04"]]
    assert "3 of 4 groups were joined into 1, which moved 5 images" in ties.sentence
    alone = ties_of(table, tie(table, [["00", "01"]]))
    assert (alone.n_moved, alone.sentence) == (0, "Near-duplicates tie groups; none of them joins two groups here.")


def test_duplicates_of_other_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        UserError, match=r"1 image\(s\), such as 'x', are not in the manifest; look for duplicates again"
    ):
        tie(manifest("pq"), [["00", "x"]])
    write_json({"schema_version": 1, "groups": [{"labels": []}]}, tmp_path / "d.json")
    with pytest.raises(UserError, match=r"d\.json: its `groups` do not name their `images`"):
        read_copies(tmp_path / "d.json")


@settings(max_examples=8, deadline=None)
@given(st.data())
def test_honest_splits_of_tied_images_have_no_copy_on_both_sides_whatever_is_tied(data: st.DataObject) -> None:
    n = data.draw(st.integers(12, 30))
    table = manifest("".join(data.draw(st.lists(st.sampled_from("pqrstuvw"), min_size=n, max_size=n))))
    image = st.sampled_from(table["image_id"].tolist())
    pairs = data.draw(st.lists(st.lists(image, min_size=2, max_size=3, unique=True), max_size=3))
    copies = [sorted(pair) for pair in pairs]
    once = {image for pair in copies for image in pair}
    assume(len(once) == sum(map(len, copies)))  # as components are listed: an image in one of them
    try:
        made = {split.rung: split.table for split in splits_of(specification(*RUNGS), table, tie(table, copies))}
    except UserError:
        assume(False)
    for rung in ("source_disjoint", "subject_disjoint"):
        found = audit_leakage(table, {"folds": made[rung]}, duplicates=copies)
        assert {one["id"]: one["status"] for one in found["types"]}["L1.4"] == "none found"
    # What the paper did stays its own.
    pd.testing.assert_frame_equal(made["as_published"], make_splits(table, SCHEME, RUNGS["as_published"], 0, None))


def test_the_job_ties_what_a_record_says_and_writes_down_what_moved(tmp_path: Path) -> None:
    table = manifest("ppqqrrsstt", "ababababab")
    write_manifest(table, tmp_path / "manifest.csv")
    found = {"schema_version": 1, "groups": [{"images": ["00", "02"]}]}
    write_json(found, tmp_path / "duplicates.json")
    write_text(specification("subject_disjoint").text, tmp_path / "spec.json")
    words = ["splits", "make", "--spec", str(tmp_path / "spec.json"), "--manifest", str(tmp_path / "manifest.csv")]
    done = CliRunner().invoke(app, [*words, "--output", str(tmp_path / "off")])
    assert done.exit_code == 0, done.output
    assert not (tmp_path / "off/groups.json").exists()
    tied = [*words, "--duplicates", str(tmp_path / "duplicates.json"), "--output", str(tmp_path / "on")]
    done = CliRunner().invoke(app, tied)
    assert done.exit_code == 0, done.output
    assert "2 of 5 groups were joined into 1, which moved 4 images" in done.output
    assert json.loads((tmp_path / "on/groups.json").read_text()) == {
        "near_duplicates": True,
        "n_groups": 4,
        "n_groups_without": 5,
        "n_moved": 4,
        "moved": [["00", "01", "02", "03"]],
    }
    folds = read_splits(tmp_path / "on/subject_disjoint/splits/folds.csv").query("role == 'test'")
    assert folds.set_index("image_id")["fold"][["00", "01", "02", "03"]].nunique() == 1


def test_real_cells_cut_out_twice_leak_from_subject_disjoint_folds_until_they_are_tied(shared: Path) -> None:
    """C-NMC's own subjects H2 and H6, H3 and H10 share cells whose borders differ."""
    images = shared / "cnmc_sample"
    found = scan(CNMC(adapter="cnmc2019", images=images), images, progress=False).manifest
    copies = [
        group["images"]
        for group in find_duplicates(found, look_at_images(found, images, 10**7, progress=False))["groups"]
    ]
    tied = tie(found, copies)
    assert ties_of(found, tied).n_moved > 0
    assert groups(tied["subject_id"], tied["source_id"]).max() < groups(found["subject_id"], found["source_id"]).max()
    told = specification("subject_disjoint").model_copy(update={"external_split": "prelim"})
    for table, status in ((found, "found"), (tied, "none found")):
        split = next(splits_of(told, found, table))
        audit = audit_leakage(found, {"folds": split.table}, duplicates=copies)
        assert {one["id"]: one["status"] for one in audit["types"]}["L1.4"] == status
