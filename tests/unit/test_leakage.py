from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from leukorepro.checks.leakage import NAMES, audit_leakage, read_leakage
from leukorepro.cli.app import app
from leukorepro.config.study.schemes import HoldOutScheme, KFoldScheme, Protocol
from leukorepro.core.errors import UserError
from leukorepro.core.store import sha256_file, write_json, write_text
from leukorepro.core.tables.data import MANIFEST_TABLE
from leukorepro.data.checksums import manifest_of, read_checksums
from leukorepro.data.duplicates import find_duplicates, look_at_images
from leukorepro.data.manifest import write_manifest
from leukorepro.data.split_tables import write_splits
from leukorepro.data.splits import make_splits
from leukorepro.run import plan
from leukorepro.run.resolve import resolve
from leukorepro.run.specifications.leakage import Steps
from leukorepro.run.specify import leakage_specification

VIEWS = ["identity", "hflip", "vflip"]


def manifest(images: str, **more: dict[str, str]) -> pd.DataFrame:
    """Images `a`, `b` ... of alternating classes, each of a subject and a photograph of its own, but for `more`."""
    table = pd.DataFrame({"image_id": list(images), "path": list(images), "status": "ok", "width": 9, "height": 9})
    table["label"] = ["all" if i % 2 else "hem" for i in range(len(images))]
    table["official_split"] = ""
    for column, prefix in (("subject_id", "s-"), ("source_id", ""), ("sha256", "sha-")):
        own = more.get(column, {})
        table[column] = [own.get(image, prefix + image) for image in images]
    return table[list(MANIFEST_TABLE.columns)]


def split(train: str, test: str, validation: str = "", excluded: str = "", **more: Any) -> pd.DataFrame:
    parts = {"train": train, "validation": validation, "test": test, "excluded": excluded}
    rows = [(image, "identity", role) for role, images in parts.items() for image in images]
    table = pd.DataFrame(rows, columns=["image_id", "view", "role"])
    return table.assign(**({"repeat": 0, "fold": 0} | more))


def types(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["id"]: one for one in found["types"]}


def audit(table: pd.DataFrame, splits: pd.DataFrame, **more: Any) -> dict[str, dict[str, Any]]:
    return types(audit_leakage(table, {"split": splits}, **more))


def test_a_clean_split_is_clean_where_it_can_be_seen_and_never_beyond() -> None:
    found = audit_leakage(manifest("abcdef"), {"split": split("abcd", "ef")}, duplicates=[])
    assert found["n_found"] == 0
    assert found["rows"] == {"test": 2, "train": 4}
    assert {one["id"]: one["status"] for one in found["types"]} == {
        "L1.1": "none found",
        "L1.2": "not examined",
        "L1.3": "not examined",
        "L1.4": "none found",
        "L2": "not examined",
        "L3.1": "not examined",
        "L3.2": "none found",
        "L3.3": "not examined",
    }
    assert all(one["sentence"] and one["name"] == NAMES[one["id"]] for one in found["types"])
    assert found["splits"][0]["untested"] == 4


def test_views_of_a_training_image_and_equal_files_are_copies() -> None:
    table = manifest("abcdef", sha256={"a": "same", "f": "same"})
    rows = pd.concat([split("abcd", "ef"), pd.DataFrame([("b", "hflip", "test", 0, 0)], columns=split("", "").columns)])
    copies = audit(table, rows)["L1.4"]
    assert copies["status"] == "found"
    assert copies["counts"]["rows"] == 2
    assert copies["counts"]["image_rows"] == 1
    assert copies["examples"] == ["b", "f"]
    assert "2 of 3 tested rows (66.7 %) have a copy in training; of 1 it is another view" in copies["sentence"]
    assert "Near-duplicates were not looked for" in copies["sentence"]


def test_copies_alone_are_not_taken_for_dependence() -> None:
    """The other views of a tested image are of its subject, of course."""
    rows = pd.concat([split("abcd", "ef"), split("", "ab").assign(view="hflip")])
    found = audit(manifest("abcdef"), rows)
    assert (found["L1.4"]["status"], found["L3.2"]["status"]) == ("found", "none found")


def test_listed_duplicates_count_as_copies_and_must_be_of_the_dataset() -> None:
    table, rows = manifest("abcdef"), split("abcd", "ef")
    assert audit(table, rows)["L1.4"]["status"] == "none found"
    copies = audit(table, rows, duplicates=[["a", "f", "elsewhere"], ["b", "c"]])["L1.4"]
    assert (copies["status"], copies["counts"]["rows"], copies["examples"]) == ("found", 1, ["f"])
    assert "not looked for" not in copies["sentence"]
    with pytest.raises(UserError, match="none of the duplicates, such as 'x', is in the manifest"):
        audit(table, rows, duplicates=[["x", "y"]])


def test_subjects_photographs_and_what_they_link_are_dependence() -> None:
    table = manifest("abcdefgh", subject_id={"a": "p", "e": "p", "f": "q", "g": "q"}, source_id={"b": "x", "f": "x"})
    found = audit_leakage(table, {"split": split("abcd", "efgh")})
    dependence = types(found)["L3.2"]
    assert dependence["status"] == "found"
    # e shares its subject with a, f its photograph with b, and g is of f's subject, so that b, f and g are one group.
    assert dependence["examples"] == ["e", "f", "g"]
    assert dependence["counts"] == {
        "rows": 3,
        "images": 3,
        "source_rows": 1,
        "subject_rows": 1,
        "validation_rows": 0,
        "validation_rows_in_training": 0,
    }
    shared = found["splits"][0]["shared"]["test_train"]
    assert {link: shared[link]["rows"] for link in shared} == {
        "image": 0,
        "copy": 0,
        "source": 1,
        "subject": 1,
        "group": 3,
        "related": 3,
    }
    assert shared["group"]["share"] == 0.75


def test_without_subjects_independence_is_not_claimed() -> None:
    table = manifest("abcdef").assign(subject_id="")
    dependence = audit(table, split("abcd", "ef"))["L3.2"]
    assert dependence["status"] == "not examined"
    assert "Subjects are not known" in dependence["sentence"]
    linked = audit(table.assign(source_id=list("abcdxa")), split("abcd", "ef"))["L3.2"]
    assert (linked["status"], linked["counts"]["rows"]) == ("found", 1)


def test_validation_rows_are_compared_with_both_other_parts() -> None:
    table = manifest("abcdefgh", subject_id={"a": "p", "e": "p", "f": "q", "g": "q"}, sha256={"b": "x", "e": "x"})
    found = audit(table, split("abcd", "gh", validation="ef"))
    assert found["L1.4"]["status"] == "none found"  # only validation has copies in training
    assert found["L1.4"]["counts"]["validation_rows_in_training"] == 1
    assert "Validation rows with a copy in training: 1;" in found["L1.4"]["sentence"]
    assert found["L3.2"]["status"] == "found"  # g is of f's subject, and f is validated on
    assert found["L3.2"]["counts"] | {"rows": 0, "validation_rows": 1} == found["L3.2"]["counts"]


def test_no_test_set_is_found() -> None:
    table = manifest("abcdef")
    assert audit(table, split("abcdef", ""))["L1.1"]["counts"]["folds_without_test_rows"] == 1
    assert audit(table, split("", "abcdef"))["L1.1"]["counts"]["folds_without_training_rows"] == 1
    both = audit(table, split("abcdef", "ab"))["L1.1"]
    assert (both["status"], both["counts"]["rows_in_both"]) == ("found", 2)


def test_classes_that_are_not_tested_or_not_trained_and_rows_tested_twice() -> None:
    table = manifest("abcdef")  # a, c, e are of class hem
    sampling = audit(table, split("abcd", "bdf"))["L3.3"]
    assert (sampling["status"], sampling["counts"]["classes_untested"]) == ("found", 1)
    assert "no image of hem is tested" in sampling["sentence"]
    sampling = audit(table, split("bd", "ef"))["L3.3"]
    assert "hem is tested in a fold without training on it" in sampling["sentence"]
    twice = pd.concat([split("abcd", "ef"), split("abcd", "ef", fold=1)])
    assert audit(table, twice)["L3.3"]["counts"]["rows_tested_again"] == 4
    again = pd.concat([split("abcd", "ef"), split("abcd", "ef", repeat=1)])
    assert audit(table, again)["L3.3"]["status"] == "not examined"


def test_classes_put_together_are_those_that_must_be_tested() -> None:
    table, rows = manifest("abcdef"), split("abcd", "bdf")
    steps = Steps(
        reducers=[], fitted_on_all=False, published=True, choices=[], classes={"split": {"all": "any", "hem": "any"}}
    )
    assert audit(table, rows, steps=steps)["L3.3"]["counts"]["classes_untested"] == 0


@pytest.mark.parametrize(
    ("reducers", "on_all", "published", "choices", "preprocessing", "selection"),
    [
        (["code"], True, True, ["The best."], "found", "found"),
        (["code"], False, False, ["The best."], "none found", "none found"),
        ([], True, True, [], "none found", "not examined"),
    ],
)
def test_fitted_steps_and_choices_are_those_of_the_rung(
    reducers: list[str], on_all: bool, published: bool, choices: list[str], preprocessing: str, selection: str
) -> None:
    found = audit(
        manifest("abcdef"),
        split("abcd", "ef"),
        steps=Steps(reducers=reducers, fitted_on_all=on_all, published=published, choices=choices),
    )
    assert (found["L1.2"]["status"], found["L1.3"]["status"]) == (preprocessing, selection)
    assert found["L1.2"]["counts"] == ({"rows": 2} if preprocessing == "found" else {})
    assert all(choice in found["L1.3"]["sentence"] for choice in choices)


def test_unknown_images_and_empty_tables_are_refused() -> None:
    with pytest.raises(UserError, match=r"split: 1 image\(s\) are not in the manifest; 'z' is none of them"):
        audit(manifest("abcd"), split("ab", "cz"))
    with pytest.raises(UserError, match="split: the split table has no rows"):
        audit(manifest("abcd"), split("", ""))


def test_images_of_a_split_may_go_by_file_name_or_unicode_form_and_are_else_told_by_the_nearest() -> None:
    own = {"a": "x/M\xfc.png", "b": "x/b.png", "c": "y/c.png", "d": "y/d.png"}
    images = manifest("abcd", subject_id={"d": "s-a"}).assign(image_id=list(own.values()))
    called = split("ab", "cd").assign(image_id=["x/Mu\u0308.png", "b.png", "y/c.png", "y/d.png"])
    assert audit(images, called) == audit(images, split("ab", "cd").replace({"image_id": own}))
    with pytest.raises(UserError, match=r"'img/x/b\.png' is like 'x/b\.png' but has the folder 'img' in front"):
        audit(images, called.assign(image_id=called["image_id"].replace("b.png", "img/x/b.png")))


def test_the_table_that_reviewers_are_told_to_ask_for_is_audited(tmp_path: Path) -> None:
    told = (Path(__file__).parents[2] / "docs/tutorials/reviewer.md").read_text()
    (tmp_path / "own.csv").write_text(told.split("```text\n")[1].split("```")[0])
    names = {"a": "blast/P07_012.png", "b": "blast/P08_003.png"}
    images = manifest("abcd", subject_id={"b": "s-a"}).replace({"image_id": names})
    write_manifest(images.assign(label="blast"), tmp_path / "manifest.csv")
    words = ["--manifest", str(tmp_path / "manifest.csv"), "--splits", str(tmp_path / "own.csv"), "--out"]
    done = CliRunner().invoke(app, ["audit", "leakage", *words, str(tmp_path / "found.json")])
    assert done.exit_code == 0, done.output
    assert types(json.loads((tmp_path / "found.json").read_text()))["L3.2"]["counts"]["subject_rows"] == 1


manifests = st.integers(0, 2**32 - 1).flatmap(
    lambda seed: st.tuples(st.just(seed), st.integers(8, 40), st.integers(6, 30), st.integers(6, 40))
)


@settings(max_examples=25)
@given(manifests, st.booleans())
def test_honest_splits_never_leak_whatever_the_manifest_and_folds_over_views_do(
    drawn: tuple[int, int, int, int], hold_out: bool
) -> None:
    """Subjects and photographs are drawn at random, so that they tie one another into groups in every way."""
    seed, n, n_subjects, n_sources = drawn
    generator = np.random.default_rng(seed)
    names = [f"i{k}" for k in range(n)]
    table = pd.DataFrame({"image_id": names, "path": names, "status": "ok", "width": 9, "height": 9})
    table["label"] = generator.choice(["all", "hem"], n)
    table["subject_id"] = [f"s{k}" for k in generator.integers(0, n_subjects, n)]
    table["source_id"] = [f"p{k}" for k in generator.integers(0, n_sources, n)]
    table["sha256"] = table["source_id"].where(generator.random(n) < 0.3, table["image_id"])  # equal files, one source
    table["official_split"] = ""
    scheme: Any = KFoldScheme(kind="k_fold", n_splits=3, views=VIEWS)
    if hold_out:
        scheme = HoldOutScheme(kind="hold_out", test_share=0.25, validation_share=0.25, turns=2, views=VIEWS)
    try:
        honest = make_splits(table, scheme, Protocol(rung="subject_disjoint", unit="subject", scope="train"), 0, None)
        leaky = make_splits(table, scheme, Protocol(rung="as_published", unit="view", scope="train"), 0, None)
    except UserError:
        assume(False)
    found = audit(table, honest)
    assert (found["L1.1"]["status"], found["L1.4"]["status"], found["L3.2"]["status"]) == ("none found",) * 3
    assert not any(found["L3.2"]["counts"].values())
    assert not any(found["L1.4"]["counts"].values())
    assert audit(table, leaky)["L1.4"]["status"] == "found"


def test_official_folds_of_the_complete_cnmc_leak_and_our_subject_disjoint_folds_do_not(shared: Path) -> None:
    listed = shared / "cnmc_lfs_manifest.tsv"
    table = manifest_of(read_checksums(listed), "cnmc2019", listed)
    table = table[table["official_split"].str.startswith("fold")].reset_index(drop=True)
    duplicates = [group["images"] for group in find_duplicates(table)["groups"]]
    assert len(duplicates) == 104
    official = pd.concat(
        [
            table[["image_id"]]
            .assign(view="identity", role=(table["official_split"] == f"fold_{k}").map({True: "test", False: "train"}))
            .assign(repeat=0, fold=k)
            for k in range(3)
        ]
    )
    found = audit(table, official, duplicates=duplicates)
    assert found["L1.4"]["counts"]["rows"] == 188  # both of the 94 pairs are tested once
    assert found["L3.2"]["counts"]["subject_rows"] == 0  # by their ids, no subject is in two folds
    protocol = Protocol(rung="subject_disjoint", unit="subject", scope="train")
    splits = make_splits(table, KFoldScheme(kind="k_fold", n_splits=10), protocol, 0, None)
    ours = audit(table, splits, duplicates=duplicates)
    assert (ours["L1.4"]["status"], ours["L3.2"]["status"]) == ("none found", "none found")


def test_near_duplicates_show_what_subjects_and_checksums_miss(shared: Path) -> None:
    """One cell cut out twice, under the subjects H10 and H3, whose other images are not in the sample."""
    images = shared / "cnmc_sample"
    names = sorted(str(path.relative_to(images)) for path in images.rglob("UID_*_hem.bmp"))
    digests = [sha256_file(images / name) for name in names]
    table = manifest_of(pd.DataFrame({"path": names, "sha256": digests, "size": 1}), "cnmc2019", images)
    pair = ["fold_1/hem/UID_H10_1_1_hem.bmp", "fold_2/hem/UID_h3_1_1_hem.bmp"]
    found = find_duplicates(table, look_at_images(table, images, 10**7, progress=False))
    assert pair in [group["images"] for group in found["groups"]]
    subject = dict(zip(table["image_id"], table["subject_id"], strict=True))
    rows = table[["image_id"]].assign(view="identity", repeat=0, fold=0)
    rows["role"] = ["test" if subject[image] == "H3" else "train" for image in rows["image_id"]]
    assert audit(table, rows, duplicates=[])["L1.4"]["status"] == "none found"
    copies = audit(table, rows, duplicates=[group["images"] for group in found["groups"]])["L1.4"]
    assert (copies["status"], copies["examples"]) == ("found", pair[1:])


# The command


@pytest.fixture
def files(tmp_path: Path) -> list[str]:
    write_manifest(manifest("abcdef", sha256={"a": "same", "f": "same"}), tmp_path / "manifest.csv")
    write_splits(split("abcd", "ef"), tmp_path / "mine.csv")
    return ["audit", "leakage", "--manifest", str(tmp_path / "manifest.csv"), "--splits", str(tmp_path / "mine.csv")]


def test_the_command_reports_and_fails_only_when_it_is_told_to(files: list[str], tmp_path: Path) -> None:
    out = tmp_path / "leakage.json"
    done = CliRunner().invoke(app, [*files, "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "L1.4" in done.output
    found = json.loads(out.read_text())
    assert [table["name"] for table in found["splits"]] == ["mine"]
    assert found["n_found"] == 1
    assert CliRunner().invoke(app, [*files, "--strict"]).exit_code == 1


def test_every_rung_of_a_study_is_audited_with_what_the_study_fits(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(root)
    table = manifest("abcdef")
    write_manifest(table, tmp_path / "manifest.csv")
    write_json(find_duplicates(table), tmp_path / "duplicates.json")
    run = resolve(Path("config/runs/simulated.yaml"))
    study = plan.find_study(run, "atteia2022")
    told, reducers = leakage_specification(study), study.study.reducers
    assert {"RSet25", "RSet50", "RSet75"} <= set(reducers)
    write_text(told.text, tmp_path / "spec.json")
    for rung, name in product(told.rungs, told.splits):
        write_splits(split("abcd", "ef"), tmp_path / rung / "splits" / f"{name}.csv")
    files = ["--manifest", str(tmp_path / "manifest.csv"), "--duplicates", str(tmp_path / "duplicates.json")]
    done = CliRunner().invoke(
        app, ["audit", "rungs", "--spec", str(tmp_path / "spec.json"), *files, "--output", str(tmp_path)]
    )
    assert done.exit_code == 0, done.output
    of_fits = {
        rung: next(one for one in read_leakage(tmp_path / rung / "leakage.json")["types"] if one["id"] == "L1.2")
        for rung in told.rungs
    }
    assert of_fits["as_published"]["sentence"].startswith(f"{', '.join(reducers)}: fitted on all rows")
    assert {one["status"] for rung, one in of_fits.items() if rung != "as_published"} == {"none found"}


def test_wrong_options_are_told(files: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [*files, *files[-2:]])
    assert "a split table of the name 'mine' was given before" in done.output
    write_json({"schema_version": 0}, tmp_path / "duplicates.json")
    done = CliRunner().invoke(app, [*files, "--duplicates", str(tmp_path / "duplicates.json")])
    assert "not made by `leukorepro data duplicates`" in done.output
