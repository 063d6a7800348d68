from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sklearn.model_selection import train_test_split

from leukorepro.config.study.schemes import HoldOutScheme, KFoldScheme, LabelSet, Protocol, PublishedProtocol
from leukorepro.config.study.study import load_study
from leukorepro.core.errors import UserError
from leukorepro.core.listing import Row
from leukorepro.data.split_needs import refusal
from leukorepro.data.split_tables import read_own_splits, read_splits, read_splits_of, write_splits
from leukorepro.data.splits import make_splits

VIEWS = ["identity", "hflip", "vflip"]


def manifest(subjects: int, per_subject: int, external: int = 0) -> pd.DataFrame:
    """Subjects of alternating classes; the last `external` of them are held out."""
    rows = []
    for subject in range(subjects):
        for image in range(per_subject):
            name = f"s{subject:02d}_{image}.png"
            rows.append(
                {
                    "image_id": name,
                    "path": name,
                    "label": ("all", "healthy")[subject % 2],
                    "subject_id": f"s{subject:02d}",
                    "source_id": name,
                    "official_split": "external" if subject >= subjects - external else "",
                    "sha256": f"{subject:02d}{image}",
                    "width": 10,
                    "height": 10,
                    "status": "ok",
                }
            )
    return pd.DataFrame(rows)


def protocol(rung: str) -> Protocol:
    unit = {"as_published": "view", "fit_in_fold": "view", "source_disjoint": "source"}.get(rung, "subject")
    return Protocol.model_validate({"rung": rung, "unit": unit, "scope": "train"})


def scheme(n_splits: int = 5, repeats: int = 1) -> KFoldScheme:
    return KFoldScheme(kind="k_fold", n_splits=n_splits, repeats=repeats, views=VIEWS)


def sides(splits: pd.DataFrame, table: pd.DataFrame, column: str) -> list[tuple[set[str], set[str]]]:
    """Values of a manifest's column on the training and on the test side of each fold."""
    value = dict(zip(table["image_id"], table[column], strict=True))
    folds = splits.assign(value=splits["image_id"].map(value)).groupby(["repeat", "fold"])
    return [(set(f.loc[f["role"] == "train", "value"]), set(f.loc[f["role"] == "test", "value"])) for _, f in folds]


@pytest.mark.parametrize("rung", ["as_published", "source_disjoint", "subject_disjoint", "external"])
def test_official_splits_that_a_scheme_names_take_part_and_others_do_not(rung: str) -> None:
    table = manifest(14, 3, external=2)
    folds = table["subject_id"].str[1:].astype(int) // 2 % 3
    table["official_split"] = table["official_split"].where(
        table["official_split"] == "external", "fold_" + folds.astype(str)
    )
    two = KFoldScheme(kind="k_fold", n_splits=2, views=VIEWS, official_splits=["fold_0", "fold_2"])
    found = make_splits(table, two, protocol(rung), 0, "external")
    without = table[table["official_split"] != "fold_1"]
    pd.testing.assert_frame_equal(found, make_splits(without, scheme(2), protocol(rung), 0, "external"))
    with pytest.raises(UserError, match=r"no image of the official split 'fold_3', .* it has fold_0, fold_1, fold_2\."):
        make_splits(table, two.model_copy(update={"official_splits": ["fold_3"]}), protocol(rung), 0, "external")


def test_subjects_that_an_image_of_another_official_split_ties_stay_together() -> None:
    """Subjects 0 and 10 share a photograph each with 20, who takes no part."""
    table = manifest(30, 2)
    table["official_split"] = "fold_" + table["subject_id"].str[1]
    table["source_id"] = table["source_id"].replace({"s20_0.png": "s00_0.png", "s20_1.png": "s10_0.png"})
    two = KFoldScheme(kind="k_fold", n_splits=5, official_splits=["fold_0", "fold_1"])
    for seed in range(5):
        for train, test in sides(
            make_splits(table, two, protocol("subject_disjoint"), seed, None), table, "subject_id"
        ):
            assert len({"s00", "s10"} & train) != 1
            assert not train & test


@pytest.mark.parametrize("rung", ["as_published", "fit_in_fold", "source_disjoint", "subject_disjoint"])
def test_every_original_is_tested_exactly_once_per_repeat(rung: str) -> None:
    table = manifest(12, 4)
    splits = make_splits(table, scheme(repeats=2), protocol(rung), 0, None)
    tested = splits[(splits["role"] == "test") & (splits["view"] == "identity")]
    assert (tested.groupby(["repeat", "image_id"]).size() == 1).all()
    assert len(tested) == 2 * len(table)


def test_folds_over_views_put_copies_of_one_image_on_both_sides_and_honest_ones_do_not() -> None:
    table = manifest(12, 4)
    leaky = make_splits(table, scheme(), protocol("as_published"), 0, None)
    honest = make_splits(table, scheme(), protocol("source_disjoint"), 0, None)
    assert all(train & test for train, test in sides(leaky, table, "image_id"))
    assert not any(train & test for train, test in sides(honest, table, "image_id"))


def test_as_published_and_fit_in_fold_have_the_same_folds() -> None:
    table = manifest(12, 4)
    tables = [make_splits(table, scheme(), protocol(rung), 3, None) for rung in ("as_published", "fit_in_fold")]
    pd.testing.assert_frame_equal(*tables)


def test_honest_rungs_test_originals_only_and_train_on_all_views() -> None:
    splits = make_splits(manifest(12, 4), scheme(), protocol("subject_disjoint"), 0, None)
    assert set(splits.loc[splits["role"] == "test", "view"]) == {"identity"}
    assert set(splits.loc[splits["role"] == "train", "view"]) == set(VIEWS)
    assert set(splits.loc[splits["role"] == "excluded", "view"]) == {"hflip", "vflip"}


@settings(max_examples=40)
@given(
    subjects=st.integers(10, 30),
    per_subject=st.integers(1, 5),
    links=st.lists(st.tuples(st.integers(0, 149), st.integers(0, 149)), max_size=4),
    seed=st.integers(0, 1000),
)
def test_no_subject_and_no_equal_content_on_both_sides(
    subjects: int, per_subject: int, links: list[tuple[int, int]], seed: int
) -> None:
    table = manifest(subjects, per_subject)
    for a, b in links:  # equal content makes two images share a source
        a, b = a % len(table), b % len(table)
        if table.loc[a, "label"] == table.loc[b, "label"]:
            table.loc[b, "source_id"] = table.loc[a, "source_id"]
    try:
        splits = make_splits(table, scheme(3), protocol("subject_disjoint"), seed, None)
    except UserError:
        return  # links can leave too few groups; that it is refused is tested below
    for column in ("subject_id", "source_id"):
        assert not any(train & test for train, test in sides(splits, table, column))


def test_equal_content_links_two_subjects() -> None:
    table = manifest(12, 2)
    table.loc[table["image_id"] == "s02_0.png", "source_id"] = "s00_0.png"
    splits = make_splits(table, scheme(3), protocol("subject_disjoint"), 0, None)
    for _, fold in splits[splits["view"] == "identity"].groupby("fold"):
        role = fold.set_index("image_id")["role"]
        assert role["s00_1.png"] == role["s02_1.png"]


def test_external_trains_on_the_rest_and_tests_the_held_out_part() -> None:
    table = manifest(12, 3, external=4)
    splits = make_splits(table, scheme(), protocol("external"), 0, "external")
    tested = set(splits.loc[splits["role"] == "test", "image_id"])
    assert tested == set(table.loc[table["official_split"] == "external", "image_id"])
    assert set(splits.loc[splits["role"] == "train", "image_id"]) == set(table["image_id"]) - tested


def test_a_paper_that_tested_the_held_out_part_is_compared_there_and_honest_rungs_divide_the_rest() -> None:
    table = manifest(12, 3, external=4)
    ladder = PublishedProtocol(unit="subject", scope="train", held_out=True).ladder()
    assert [rung for rung, step in ladder.items() if step.held_out] == ["as_published", "fit_in_fold"]
    published, external = (
        make_splits(table, scheme(2), ladder[rung], 0, "external") for rung in ("as_published", "external")
    )
    pd.testing.assert_frame_equal(published, external)
    rest = make_splits(table, scheme(2), ladder["subject_disjoint"], 0, "external")
    assert set(rest["image_id"]) == set(table.loc[table["official_split"] == "", "image_id"])
    rows = [Row(*row) for row in table[["path", "label", "subject_id", "source_id", "official_split"]].to_numpy()]
    assert refusal(rows, scheme(2), ladder["as_published"], "external", None) == ""
    told = refusal(rows, scheme(2), ladder["as_published"], None, None)
    assert told == "no image belongs to the held-out part"


def test_external_leaves_out_training_images_of_held_out_subjects() -> None:
    table = manifest(12, 3, external=4)
    table.loc[table["image_id"] == "s00_0.png", "source_id"] = "s08_0.png"
    splits = make_splits(table, scheme(), protocol("external"), 0, "external")
    roles = splits.groupby("image_id")["role"].agg(set)
    assert roles["s00_0.png"] == roles["s00_1.png"] == {"excluded"}
    assert roles["s02_0.png"] == {"train"}


@pytest.mark.parametrize("rung", ["as_published", "source_disjoint", "subject_disjoint"])
def test_other_rungs_never_see_the_held_out_part(rung: str) -> None:
    table = manifest(14, 3, external=4)
    splits = make_splits(table, scheme(3), protocol(rung), 0, "external")
    assert not set(splits["image_id"]) & set(table.loc[table["official_split"] == "external", "image_id"])


def test_too_few_subjects_are_refused_with_the_counts() -> None:
    with pytest.raises(UserError, match=r"at least 5 groups .* all has 4, healthy has 4"):
        make_splits(manifest(8, 5), scheme(5), protocol("subject_disjoint"), 0, None)


def test_images_without_a_subject_take_no_part_where_patients_are_kept_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = manifest(14, 2)
    table.loc[:2, "subject_id"] = ""
    splits = make_splits(table, scheme(3), protocol("subject_disjoint"), 0, None)
    assert set(splits["image_id"]) == set(table["image_id"][3:])
    assert "3 of 28 images have no subject, and neither train nor are tested" in capsys.readouterr().out
    assert set(make_splits(table, scheme(3), protocol("source_disjoint"), 0, None)["image_id"]) == set(
        table["image_id"]
    )
    with pytest.raises(UserError, match="none of 28 images has a subject"):
        make_splits(table.assign(subject_id=""), scheme(), protocol("subject_disjoint"), 0, None)


def test_a_copy_without_a_subject_still_ties_the_subjects_that_share_it() -> None:
    table = manifest(14, 2)
    table.loc[table["image_id"] == "s00_0.png", "subject_id"] = ""
    table.loc[table["image_id"].isin(["s02_0.png", "s00_1.png"]), "source_id"] = "s00_0.png"
    splits = make_splits(table, scheme(3), protocol("subject_disjoint"), 0, None)
    for _, fold in splits[splits["view"] == "identity"].groupby("fold"):
        role = fold.set_index("image_id")["role"]
        assert role["s00_1.png"] == role["s02_1.png"]


def test_external_without_a_held_out_part_is_refused() -> None:
    with pytest.raises(UserError, match="0 held-out and 24 other images"):
        make_splits(manifest(12, 2), scheme(), protocol("external"), 0, "external")


def test_one_class_is_refused() -> None:
    table = manifest(12, 2)
    with pytest.raises(UserError, match="only one class"):
        make_splits(table[table["label"] == "all"], scheme(), protocol("as_published"), 0, None)


def test_classes_are_spread_evenly_over_folds() -> None:
    table = manifest(40, 5)
    splits = make_splits(table, scheme(), protocol("subject_disjoint"), 0, None)
    tested = splits[splits["role"] == "test"].merge(table[["image_id", "label"]], on="image_id")
    share = tested.groupby("fold")["label"].agg(lambda x: (x == "all").mean())
    np.testing.assert_allclose(share, 0.5, atol=0.13)


def test_unreadable_images_take_no_part() -> None:
    table = manifest(12, 2)
    table.loc[0, "status"] = "truncated"
    splits = make_splits(table, scheme(), protocol("source_disjoint"), 0, None)
    assert table.loc[0, "image_id"] not in set(splits["image_id"])


def test_a_written_table_reads_back_equal_and_a_wrong_role_is_refused(tmp_path: Path) -> None:
    splits = make_splits(manifest(12, 2), scheme(), protocol("as_published"), 0, None)
    write_splits(splits, tmp_path / "s.csv")
    pd.testing.assert_frame_equal(read_splits(tmp_path / "s.csv"), splits, check_dtype=False)
    write_splits(splits[:0], tmp_path / "s.csv")
    with pytest.raises(UserError, match=r"s\.csv: a split table without any row; split the dataset again"):
        read_splits(tmp_path / "s.csv")
    write_splits(splits.replace({"role": {"test": "tset"}}), tmp_path / "s.csv")
    for reader in (read_splits, read_own_splits):
        with pytest.raises(UserError, match=r"has the role 'tset', which is none; .* Did you mean 'test'\?"):
            reader(tmp_path / "s.csv")


@pytest.mark.parametrize(
    "lacking", [["view"], ["repeat"], ["fold"], ["view", "repeat", "fold"], ["repeat", "view"], []]
)
def test_a_persons_own_table_may_lack_what_is_the_same_in_all_rows_and_ours_may_not(
    lacking: list[str], tmp_path: Path
) -> None:
    splits = make_splits(manifest(12, 2), scheme(), protocol("subject_disjoint"), 0, None)
    splits = splits[(splits["fold"] == 0) & (splits["view"] == "identity")].reset_index(drop=True)
    write_splits(splits, tmp_path / "ours.csv")
    splits.assign(role=splits["role"].str.capitalize()).drop(columns=lacking).to_csv(tmp_path / "own.csv", index=False)
    pd.testing.assert_frame_equal(read_own_splits(tmp_path / "own.csv"), splits, check_dtype=False)
    pd.testing.assert_frame_equal(read_own_splits(tmp_path / "ours.csv"), splits, check_dtype=False)
    with pytest.raises(UserError, match=r"column\(s\) .* missing" if lacking else "has the role"):
        read_splits(tmp_path / "own.csv")


@pytest.mark.parametrize("column", ["repeat", "fold"])
def test_splits_that_only_a_column_tells_apart_are_not_taken_for_one(column: str, tmp_path: Path) -> None:
    """A column `Fold` is not the column `fold`: read as one split, every image would train and be tested."""
    one = pd.DataFrame({"image_id": ["a", "b"], "role": ["train", "test"], "repeat": 0, "fold": 0})
    two = one.assign(role=one["role"].to_numpy()[::-1], **{column: 1})
    both = pd.concat([one, two])
    both.to_csv(tmp_path / "own.csv", index=False)
    assert len(read_own_splits(tmp_path / "own.csv")) == 4
    both.rename(columns=str.capitalize).rename(columns={"Image_id": "image_id", "Role": "role"}).to_csv(
        tmp_path / "own.csv", index=False
    )
    with pytest.raises(UserError, match="the image a is there more than once; say in columns 'repeat' and 'fold'"):
        read_own_splits(tmp_path / "own.csv")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("image_id,split\na,train\n", r"column\(s\) role missing; found image_id, split\. Rename 'split' to 'role'"),
        ("image,Role\na,train\n", "Rename 'image' to 'image_id' and 'Role' to 'role'"),
        ("filename,Partition\na,train\n", "Rename 'filename' to 'image_id' and 'Partition' to 'role'"),
        ("image_id,train\na,1\n", "Add the column 'role'"),
        ("Image ID,1\na,1\n", "Rename 'Image ID' to 'image_id', and add the column 'role'"),
        ("a.png,train\nb.png,test\n", "Its first line must name the columns"),
        (
            "image_id,role\na,training\n",
            "image a has the role 'training', which is none; allowed are train, validation",
        ),
        ("image_id,role\na,train\nb,\n", "the image b has no role; allowed are train, validation, test, excluded"),
        ("image_id,role,fold\na,train,one\n", "column 'fold': .* expected whole numbers"),
        ("image_id,role\n", "a split table without any row"),
    ],
)
def test_what_is_wrong_with_a_persons_own_table_is_told_with_the_remedy(
    content: str, told: str, tmp_path: Path
) -> None:
    (tmp_path / "own.csv").write_text(content)
    with pytest.raises(UserError, match=told):
        read_own_splits(tmp_path / "own.csv")


@pytest.mark.parametrize("rung", ["as_published", "source_disjoint", "subject_disjoint"])
def test_a_table_of_the_manifest_is_read_and_one_of_fewer_or_unreadable_images_is_refused(
    tmp_path: Path, rung: str
) -> None:
    table, file = manifest(12, 2), tmp_path / "s.csv"
    write_splits(make_splits(table, scheme(), protocol(rung), 0, None), file)
    assert len(read_splits_of(table, file, protocol(rung))) == len(read_splits(file))
    first = table["image_id"].iloc[0]
    for other in (table.iloc[1:], table.assign(status=["truncated", *["ok"] * (len(table) - 1)])):
        with pytest.raises(UserError, match=f"{file}: has the image {first}, which is not among the 23 readable"):
            read_splits_of(other, file)


@pytest.mark.parametrize(
    ("column", "refused_on"),
    [("source_id", {"source_disjoint", "subject_disjoint"}), ("subject_id", {"subject_disjoint"})],
)
def test_a_table_that_parts_what_the_manifest_ties_is_refused(
    tmp_path: Path, column: str, refused_on: set[str]
) -> None:
    """Another manifest of the same images: they are tied otherwise now."""
    table, file = manifest(12, 2), tmp_path / "s.csv"
    tied = table.assign(**{column: np.resize(table[column].iloc[:2].to_numpy(), len(table))})
    for rung in ("as_published", "source_disjoint", "subject_disjoint"):
        write_splits(make_splits(table, scheme(), protocol(rung), 0, None), file)
        if rung in refused_on:
            with pytest.raises(
                UserError, match=rf"{file}: has the image .*which {rung} does not allow.*run `snakemake`"
            ):
                read_splits_of(tied, file, protocol(rung))
        else:
            read_splits_of(tied, file, protocol(rung))


# ------------------------------------------------------------------------------------------------------------- hold-out


def hold_out(**keys: object) -> HoldOutScheme:
    return HoldOutScheme.model_validate({"kind": "hold_out", "test_share": 0.1} | keys)


def roles(splits: pd.DataFrame) -> dict[str, int]:
    return splits["role"].value_counts().to_dict()


def test_a_tenth_of_the_cnmc_training_images_is_the_papers_1067() -> None:
    table = manifest(10661, 1)
    table["label"] = np.where(np.arange(10661) < 7272, "all", "hem")
    splits = make_splits(table, hold_out(), protocol("as_published"), 0, None)
    assert roles(splits) == {"train": 9594, "test": 1067}
    tested = set(splits.loc[splits["role"] == "test", "image_id"])
    assert (table["label"][table["image_id"].isin(tested)] == "all").mean() == pytest.approx(7272 / 10661, abs=1e-3)


REZAYI = load_study(Path("config/studies/rezayi2021.yaml"))


def cnmc(healthy: int, leukemia: int, subjects: int = 101) -> pd.DataFrame:
    """Images of C-NMC, as its study calls their classes; subjects of one class each."""
    label = np.repeat(["hem", "all"], [healthy, leukemia])
    number = np.arange(len(label))
    names = [f"{i}.bmp" for i in number]
    subject = np.char.add(label, (number % subjects).astype(str))
    return pd.DataFrame(
        {"image_id": names, "label": label, "subject_id": subject, "source_id": names, "official_split": ""}
    ).assign(status="ok")


def in_test_part(table: pd.DataFrame, rung: str = "as_published", seed: int = 1, **keys: object) -> dict[str, int]:
    """Images of each class in the first test part."""
    given = hold_out(test_share=0.2, **keys).in_labels(REZAYI.class_names)
    splits = make_splits(table, given, protocol(rung), seed, None)
    of = splits.loc[(splits["role"] == "test") & (splits["fold"] == 0), "image_id"]
    return dict(table.loc[table["image_id"].isin(of), "label"].value_counts())


PRINTED = {"healthy": 814, "leukemia": 1692}


def test_printed_counts_are_drawn_at_random_within_each_class(capsys: pytest.CaptureFixture[str]) -> None:
    """Rezayi's 12,528 images; a stratified fifth would be 808 and 1,698."""
    table = cnmc(4037, 8491)
    for seed in (0, 1):
        assert in_test_part(table, seed=seed, test_counts=PRINTED) == {"hem": 814, "all": 1692}
    assert capsys.readouterr().out == ""
    assert in_test_part(table) == {"hem": 808, "all": 1698}
    given = hold_out(test_share=0.2, test_counts=PRINTED).in_labels(REZAYI.class_names)
    first, again, other = (make_splits(table, given, protocol("as_published"), seed, None) for seed in (0, 0, 1))
    assert first.equals(again)
    assert not first.equals(other)
    assert set(first["role"]) == {"train", "test"}
    number = first.loc[first["role"] == "test", "image_id"].str.removesuffix(".bmp").astype(int)
    for images, tested in ((range(4037), 814), (range(4037, 12528), 1692)):
        places = number[number.isin(images)]
        error = len(images) / math.sqrt(12 * tested)  # of the mean of as many draws
        assert abs(places.mean() - np.mean(images)) < 4 * error, "drawn from all of the class alike"


@pytest.mark.parametrize(
    ("healthy", "leukemia", "stratified"), [(40, 80, (8, 16)), (60, 60, (12, 12)), (12000, 528, (2400, 106))]
)
def test_of_other_images_than_the_printed_counts_are_of_the_test_part_is_stratified(
    healthy: int, leukemia: int, stratified: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Fewer; or as many, with too few of a class."""
    assert in_test_part(cnmc(healthy, leukemia), test_counts=PRINTED) == dict(
        zip(("hem", "all"), stratified, strict=True)
    )
    told = "1692 of all, 814 of hem are of other images; the test part of these, {} rows, is stratified"
    assert told.format(sum(stratified)) in capsys.readouterr().out


def test_of_other_classes_and_where_images_stay_together_the_test_part_is_stratified() -> None:
    table = cnmc(4037, 8491).replace({"label": {"hem": "normal"}})
    assert in_test_part(table, test_counts=PRINTED) == {"normal": 808, "all": 1698}
    table = cnmc(40, 80, 20)
    for rung in ("source_disjoint", "subject_disjoint"):
        assert in_test_part(table, rung, test_counts=PRINTED) == in_test_part(table, rung)


def test_a_free_draw_is_that_of_scikit_learn_without_classes() -> None:
    table = cnmc(400, 800)
    splits = make_splits(table, hold_out(test_share=0.2, stratify=False), protocol("as_published"), 7, None)
    expected = train_test_split(table["image_id"].to_numpy(), test_size=0.2, random_state=7)
    for role, names in zip(("train", "test"), expected, strict=True):
        assert set(splits.loc[splits["role"] == role, "image_id"]) == set(names)
    assert len({in_test_part(table, seed=seed, stratify=False)["hem"] for seed in range(5)}) > 1
    with pytest.raises(UserError, match=r"2 test rows, drawn from all alike, lack a class; add images"):
        in_test_part(cnmc(2, 8), stratify=False)
    with pytest.raises(ValidationError, match="a test part is drawn in one way"):
        hold_out(stratify=False, test_counts=PRINTED)


def test_a_hold_out_of_images_is_that_of_scikit_learn() -> None:
    table = manifest(30, 4)
    splits = make_splits(table, hold_out(test_share=0.2), protocol("as_published"), 7, None)
    _, expected = train_test_split(table["image_id"], test_size=0.2, stratify=table["label"], random_state=7)
    assert set(splits.loc[splits["role"] == "test", "image_id"]) == set(expected)


@pytest.mark.parametrize("rung", ["as_published", "source_disjoint", "subject_disjoint"])
def test_training_validation_and_test_part_are_apart(rung: str) -> None:
    table = manifest(80, 3)
    scheme = hold_out(test_share=0.05, validation_share=0.05, turns=3)
    splits = make_splits(table, scheme, protocol(rung), 0, None)
    unit = dict(zip(table["image_id"], table["subject_id" if rung == "subject_disjoint" else "image_id"], strict=True))
    assert splits["fold"].nunique() == (1 if rung == "as_published" else 3)
    for _, fold in splits.groupby("fold"):
        parts = {role: {unit[image] for image in rows["image_id"]} for role, rows in fold.groupby("role")}
        assert parts.keys() == {"train", "validation", "test"}
        assert not parts["train"] & parts["test"]
        assert not parts["train"] & parts["validation"]
        assert not parts["validation"] & parts["test"]
        assert fold["role"].value_counts()[["test", "validation"]].between(8, 18).all(), "a twentieth of 240 each"


def test_turns_test_every_subject_once_where_all_parts_have_theirs() -> None:
    table = manifest(40, 2)
    splits = make_splits(table, hold_out(turns=10), protocol("subject_disjoint"), 0, None)
    tested = splits[splits["role"] == "test"]
    assert sorted(tested["image_id"]) == sorted(table["image_id"])


def test_more_turns_than_parts_are_refused() -> None:
    with pytest.raises(ValueError, match="has 10 parts at most"):
        hold_out(turns=11)


def test_few_groups_make_the_test_part_larger_and_say_so(capsys: pytest.CaptureFixture[str]) -> None:
    splits = make_splits(manifest(8, 5), hold_out(turns=10), protocol("subject_disjoint"), 0, None)
    assert splits["fold"].nunique() == 4
    assert "the smallest class has 4 groups" in capsys.readouterr().out


@settings(max_examples=40)
@given(
    per_class=st.integers(3, 12), test=st.sampled_from([0.1, 0.2, 0.25]), validation=st.sampled_from([0.1, 0.2, 0.3])
)
def test_the_validation_part_follows_the_parts_that_there_are(per_class: int, test: float, validation: float) -> None:
    """With few subjects a part is larger than asked for; the validation part must not take the test part's place."""
    scheme = hold_out(test_share=test, validation_share=validation, turns=3)
    splits = make_splits(manifest(2 * per_class, 3), scheme, protocol("subject_disjoint"), 0, None)
    n_parts = min(per_class, round(1 / test))
    for _, fold in splits.groupby("fold"):
        share = fold["role"].value_counts(normalize=True)
        assert share["test"] == pytest.approx(1 / n_parts, abs=0.12)
        assert share["validation"] == pytest.approx(max(validation, 1 / n_parts), abs=0.12 + 0.5 / n_parts)
        assert share["train"] > 0


def test_copies_of_a_test_image_train_when_made_before_the_split_and_not_when_only_training_images_are_augmented() -> (
    None
):
    table = manifest(30, 4)
    before = make_splits(table, hold_out(views=VIEWS), protocol("as_published"), 0, None)
    only_training = make_splits(table, hold_out(views=VIEWS, augment="training"), protocol("as_published"), 0, None)
    assert all(train & test for train, test in sides(before, table, "image_id"))
    assert not any(train & test for train, test in sides(only_training, table, "image_id"))
    assert set(only_training.loc[only_training["role"] == "test", "view"]) == {"identity"}
    assert set(only_training.loc[only_training["role"] == "train", "view"]) == set(VIEWS)
    assert roles(before)["test"] == 36
    assert roles(only_training)["test"] == 12


def test_a_pooled_held_out_part_is_split_like_the_rest_but_not_by_the_rung_external() -> None:
    table = manifest(40, 3, external=10)
    pooled = hold_out(include_external=True)
    assert len(make_splits(table, pooled, protocol("as_published"), 0, "external")) == 120
    assert len(make_splits(table, hold_out(), protocol("as_published"), 0, "external")) == 90
    external = make_splits(table, pooled, protocol("external"), 0, "external")
    assert roles(external) == {"train": 90, "test": 30}


def test_parts_are_stratified_by_the_classes_of_a_label_set() -> None:
    table = manifest(60, 2)
    table["label"] = np.resize(["L1", "L2", "M2", "M3", "M5", "M5"], len(table))
    types = LabelSet(classes={"ALL": ["L1", "L2"], "AML": ["M2", "M3", "M5"]}, positive_class="ALL")
    splits = make_splits(table, scheme(), protocol("as_published"), 0, None, types)
    label = dict(zip(table["image_id"], table["label"], strict=True))
    tested = splits[splits["role"] == "test"]
    share = tested.assign(all=tested["image_id"].map(label).isin(["L1", "L2"])).groupby("fold")["all"].mean()
    np.testing.assert_allclose(share, 1 / 3, atol=0.02)
    few = types.model_copy(update={"classes": {"ALL": ["L1", "L2"], "AML": ["M2", "M3"]}})
    with pytest.raises(UserError, match="the label 'M5' belongs to none of the classes ALL, AML"):
        make_splits(table, scheme(), protocol("as_published"), 0, None, few)
