"""The page of a dataset: numbers counted by hand, colours and areas by other libraries, and pictures that are there."""

from __future__ import annotations

import csv
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import report_data
from matplotlib.patches import FancyBboxPatch
from PIL import Image
from report_page import Page, words
from scipy.special import expit
from scipy.stats import f_oneway
from sklearn.metrics import roc_auc_score

from leukorepro.config.study.schemes import HoldOutScheme, KFoldScheme, Protocol
from leukorepro.core.errors import UserError
from leukorepro.core.store import read_json, sha256_file
from leukorepro.core.tables.data import MANIFEST_TABLE
from leukorepro.data.copies.ties import Ties
from leukorepro.data.duplicates import Contents, find_duplicates
from leukorepro.data.fingerprints import NearPairs
from leukorepro.data.manifest import read_manifest
from leukorepro.data.split_tables import read_splits, write_splits
from leukorepro.data.splits import make_splits
from leukorepro.ladder.rungs import LADDER
from leukorepro.report.figures import style
from leukorepro.report.finished import FinishedRun
from leukorepro.report.images import album, colours
from leukorepro.report.output import Output
from leukorepro.report.pages.dataset import looks, mistakes
from leukorepro.report.pages.dataset.duplicates import SHOWN_GROUPS, SHOWN_IMAGES, duplicates_shown
from leukorepro.report.pages.dataset.findings import findings_of
from leukorepro.report.pages.dataset.flow import Part, SplitFlow, files_of, flows_of
from leukorepro.report.pages.dataset.flow_figure import draw_flow
from leukorepro.report.pages.dataset.page import dataset_page
from leukorepro.report.pages.dataset.sources import read_dataset
from leukorepro.report.pages.dataset.subjects import subjects_of
from leukorepro.report.pages.dataset.subjects_figure import draw_subjects
from leukorepro.run.resolved import ResolvedStudy, load_resolved

HELD_OUT = "preliminary"
SCHEMES = {
    "folds": KFoldScheme(kind="k_fold", n_splits=3, repeats=2, views=["identity", "hflip"]),
    "tenth": HoldOutScheme(kind="hold_out", test_share=0.3, validation_share=0.2, official_splits=["first"]),
}
PROTOCOLS = {
    "as_published": Protocol(rung="as_published", unit="view", scope="train"),
    "subject_disjoint": Protocol(rung="subject_disjoint", unit="subject", scope="train"),
    "external": Protocol(rung="external", unit="subject", scope="train"),
}


# Cells by class and subject, and their way through the splits


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest and split tables: 20 subjects, some images without one, some unreadable, some of a held-out part."""
    folder = tmp_path_factory.mktemp("files")
    draw = np.random.default_rng(4)
    rows = []
    for number in range(160):
        subject = int(draw.integers(20))
        part = HELD_OUT if subject >= 16 else ("first", "second")[subject % 2 if subject < 12 else 0]
        known = f"s{subject}" if draw.random() < 0.9 else ""
        name = f"{number:03d}.png"
        rows.append(
            (name, name, ("a", "b")[subject % 4 // 2], known, f"p{number // 2}" if known else name, part, "", 9, 9)
        )
    manifest = pd.DataFrame(rows, columns=list(MANIFEST_TABLE.columns)[:-1]).assign(status="ok")
    manifest["source_id"] = manifest["subject_id"] + "/" + manifest["source_id"]  # nobody shares a photograph
    manifest.loc[[3, 40, 41], "status"] = ["truncated", "empty", "empty"]
    MANIFEST_TABLE.write(manifest, folder / "manifest.csv")
    for split, scheme in SCHEMES.items():
        for rung, protocol in PROTOCOLS.items():
            table = make_splits(manifest, scheme, protocol, 0, HELD_OUT)
            write_splits(table, folder / f"{rung}-{split}.csv")
    return folder


@pytest.fixture(scope="module")
def study(files: Path) -> ResolvedStudy:
    """A study with the splits of the files."""
    resolved = report_data.resolve(report_data.three_class_study(), files)
    own = resolved.study.model_copy(update={"splits": SCHEMES})
    return resolved.model_copy(update={"study": own, "external_split": HELD_OUT, "protocols": PROTOCOLS})


@pytest.fixture(scope="module")
def flows(files: Path, study: ResolvedStudy) -> tuple[list[SplitFlow], pd.DataFrame]:
    tables = {(rung, split): read_splits(files / f"{rung}-{split}.csv") for split in SCHEMES for rung in PROTOCOLS}
    return flows_of(study, read_manifest(files / "manifest.csv"), tables)


def lines(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file, read by the standard library."""
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_files_are_counted_by_what_could_be_made_of_them(files: Path) -> None:
    rows = lines(files / "manifest.csv")
    readable = [row for row in rows if row["status"] == "ok"]
    found = files_of(read_manifest(files / "manifest.csv"), HELD_OUT)
    assert found.images == len(rows)
    assert found.subjects == len({row["subject_id"] for row in rows} - {""})
    assert found.unreadable == {"empty": 2, "truncated": 1}
    assert found.readable == len(readable)
    assert found.readable_subjects == len({row["subject_id"] for row in readable} - {""})
    assert found.photographs == len({row["source_id"] for row in readable})
    assert found.without_subject == sum(row["subject_id"] == "" for row in readable) > 0
    assert found.held_out == sum(row["official_split"] == HELD_OUT for row in readable) > 0
    assert "left out as unreadable: 2 empty and 1 truncated; 157 images of 20 subjects remain" in found.told


def test_every_number_of_a_split_is_that_of_its_table(files: Path, flows: tuple[list[SplitFlow], pd.DataFrame]) -> None:
    of_image = {row["image_id"]: row for row in lines(files / "manifest.csv")}
    readable = {name for name, row in of_image.items() if row["status"] == "ok"}

    def subjects(images: set[str]) -> int:
        return len({of_image[name]["subject_id"] for name in images} - {""})

    assert [(flow.split, flow.rung) for flow in flows[0]] == [(s, r) for s in SCHEMES for r in PROTOCOLS]
    for flow in flows[0]:
        rows = lines(files / f"{flow.rung}-{flow.split}.csv")
        images = {row["image_id"] for row in rows}
        assert (flow.images, flow.subjects) == (len(images), subjects(images))
        assert sum(flow.left_out.values()) == len(readable - images)
        assert flow.n_folds == len({row["fold"] for row in rows})
        assert flow.n_repeats == len({row["repeat"] for row in rows})
        assert {part.role for part in flow.parts} == {row["role"] for row in rows}
        for part in flow.parts:
            parts: dict[tuple[str, str], list[str]] = {}
            for row in rows:
                if row["role"] == part.role:
                    parts.setdefault((row["repeat"], row["fold"]), []).append(row["image_id"])
            counted = [(len(set(p)), len(p), subjects(set(p))) for p in parts.values()]
            for span, numbers in zip((part.images, part.rows, part.subjects), zip(*counted, strict=True), strict=True):
                assert (span.low, span.high) == (min(numbers), max(numbers))
    assert flows[1]["rows"].sum() == sum(len(lines(files / f"{r}-{s}.csv")) for s in SCHEMES for r in PROTOCOLS)


def test_images_that_take_no_part_are_told_with_the_reason(
    files: Path, flows: tuple[list[SplitFlow], pd.DataFrame]
) -> None:
    readable = [row for row in lines(files / "manifest.csv") if row["status"] == "ok"]
    held_out = {row["image_id"] for row in readable if row["official_split"] == HELD_OUT}
    other = {row["image_id"] for row in readable if row["official_split"] == "second"}
    unknown = {row["image_id"] for row in readable if row["subject_id"] == ""}
    told = {(flow.split, flow.rung): list(flow.left_out.values()) for flow in flows[0]}
    assert told["folds", "as_published"] == [len(held_out)]
    assert told["folds", "subject_disjoint"] == [len(held_out), len(unknown - held_out)]
    assert told["folds", "external"] == []
    assert told["tenth", "as_published"] == [len(held_out), len(other)]
    assert told["tenth", "subject_disjoint"] == [len(held_out), len(other), len(unknown - held_out - other)]


def test_what_a_configuration_leaves_out_stands_in_front_of_the_flow(
    files: Path, flows: tuple[list[SplitFlow], pd.DataFrame]
) -> None:
    excluded = [{"column": "quality", "value": "poor", "images": 12}]
    found = files_of(read_manifest(files / "manifest.csv"), HELD_OUT, excluded)
    assert found.told.startswith("The dataset's configuration leaves out 12 with quality 'poor'; 160 image files")
    figure = draw_flow(found, [flow for flow in flows[0] if flow.split == "folds"], [])
    text = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert "left out by configuration: 12 with quality 'poor'" in " ".join(text.split())


def test_sites_of_a_dataset_are_told_by_class() -> None:
    scan = dict.fromkeys(("suspicions", "unreadable", "crops", "conversions", "notes", "ignored"), ())
    (found,) = (one for one in findings_of(scan | {"sites": {"Oslo": {"all": 1, "hem": 2}}}) if one.title == "Sites")
    assert found.lines == ["Oslo: 1 image of class all, 2 images of class hem"]


def test_the_diagram_holds_every_number_of_its_rungs(files: Path, flows: tuple[list[SplitFlow], pd.DataFrame]) -> None:
    own = [flow for flow in flows[0] if flow.split == "folds"]
    figure = draw_flow(files_of(read_manifest(files / "manifest.csv"), HELD_OUT), own, ["simulated images"])
    text = " ".join(text.get_text() for text in figure.axes[0].texts)
    assert "Image files found: 160 images of 20 subjects" in text
    for flow in own:
        for words_of in (
            LADDER[flow.rung].name,
            flow.taking_part,
            *(told for part in flow.parts for told in part.told),
        ):
            assert words_of in text
    assert figure.get_supxlabel() == "Simulated images."
    boxes = [patch.get_window_extent() for patch in figure.axes[0].patches if isinstance(patch, FancyBboxPatch)]
    for line in filter(lambda line: line.get_text(), figure.axes[0].texts):
        extent = line.get_window_extent()
        (box,) = [box for box in boxes if box.contains(*((extent.p0 + extent.p1) / 2))]
        assert box.x0 < extent.x0 < extent.x1 < box.x1


def test_rows_are_told_only_where_they_are_more_than_images(flows: tuple[list[SplitFlow], pd.DataFrame]) -> None:
    parts: dict[str, Part] = {part.role: part for part in flows[0][1].parts}  # folds, subject-disjoint
    assert re.fullmatch(
        r"[\d\u2013]+ images\|[\d\u2013]+ rows with copies\|[\d\u2013]+ subjects", "|".join(parts["train"].told)
    )
    assert re.fullmatch(r"[\d\u2013]+ images\|[\d\u2013]+ subjects", "|".join(parts["test"].told))
    assert re.fullmatch(r"[\d\u2013]+ copies of [\d\u2013]+ images", "|".join(parts["excluded"].told))


def test_subjects_are_counted_by_class(files: Path) -> None:
    readable = [row for row in lines(files / "manifest.csv") if row["status"] == "ok"]
    counted = Counter((row["subject_id"], row["label"]) for row in readable)
    found = subjects_of(read_manifest(files / "manifest.csv"), ["a", "b"])
    assert found.without == [counted["", "a"], counted["", "b"]]
    assert {row.subject for row in found.rows} == {subject for subject, _ in counted} - {""}
    assert [row.number for row in found.rows] == list(range(1, len(found.rows) + 1))
    for row in found.rows:
        own = [line for line in readable if line["subject_id"] == row.subject]
        assert row.images == [counted[row.subject, "a"], counted[row.subject, "b"]]
        assert row.n_images == sum(row.images) == len(own)
        assert row.n_photographs == len({line["source_id"] for line in own})
        assert row.parts == own[0]["official_split"]
    order = [(row.images[0] < row.images[1], -row.n_images) for row in found.rows]
    assert order == sorted(order)
    assert "each of one class" in found.told


def test_without_subjects_it_says_so(files: Path) -> None:
    found = subjects_of(read_manifest(files / "manifest.csv").assign(subject_id=""), ["a", "b"])
    assert found.rows == []
    assert "not known" in found.told
    assert sum(found.without) == 157


@pytest.mark.parametrize("n", [1, 2, 1000])
def test_two_and_a_thousand_subjects_can_be_drawn(n: int, tmp_path: Path) -> None:
    images = [[number % 7, (number + 1) % 3 + 1] for number in range(n)]
    figure = draw_subjects(images, ["a: some", "b: more"], [])
    style.save(figure, tmp_path / "subjects.svg")
    assert (tmp_path / "subjects.svg").stat().st_size < 200_000
    top = figure.axes[0].get_ylim()[1]
    assert max(map(sum, images)) <= top <= 1.1 * max(map(sum, images))
    ticks = figure.axes[0].get_xticks()
    assert all(1 <= tick <= n and tick == int(tick) for tick in ticks)
    assert len(ticks) <= 12


def test_a_subjects_bar_is_as_high_as_its_images_of_each_class() -> None:
    images = [[3, 0], [2, 5], [0, 4]]
    axes = draw_subjects(images, ["a", "b"], []).axes[0]
    bars = {(round(bar.get_x() + bar.get_width() / 2), bar.get_y()): bar.get_height() for bar in axes.patches}
    assert bars == {(1, 0): 3, (2, 0): 2, (2, 2): 5, (3, 0): 4}


# Pictures


def listed_in(folder: Path, images: dict[str, Image.Image]) -> pd.DataFrame:
    """Write images and a manifest's rows of them: all of one class, each of a subject of its own."""
    rows = []
    for number, (name, image) in enumerate(images.items()):
        image.save(folder / name)
        rows.append((name, name, "a", f"s{number}", name, "", sha256_file(folder / name), *image.size, "ok"))
    return pd.DataFrame(rows, columns=list(MANIFEST_TABLE.columns))


def noise(seed: int, size: tuple[int, int] = (30, 24)) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8))


def test_images_of_a_class_are_spread_over_its_subjects() -> None:
    rows = [(f"{n:03d}.png", "x", f"s{n // 10}", "", "ok") for n in range(200)]
    manifest = pd.DataFrame(rows, columns=["path", "label", "subject_id", "source_id", "status"])
    chosen = looks.pick(manifest, "x")
    assert len(chosen) == chosen["subject_id"].nunique() == looks.COUNT
    assert len(looks.pick(manifest[:3], "x")) == 3


def test_a_sheet_has_an_image_in_each_row_and_a_view_in_each_column(tmp_path: Path) -> None:
    """A square of four greys, larger than a small picture, and one that is not square."""
    tones = {"a.png": ([[20, 90], [160, 230]], (150, 150)), "b.png": ([[240, 30], [120, 60]], (80, 40))}
    images = {
        name: Image.fromarray(np.array(corners, dtype=np.uint8)).resize(size, Image.Resampling.NEAREST)
        for name, (corners, size) in tones.items()
    }
    shown = album.Album(tmp_path, listed_in(tmp_path, images), 10**6, [])
    rows = [shown.views(name, ["identity", "hflip", "vflip"]) for name in tones]
    album.write_sheet(rows, [], tmp_path / "views.jpg")
    sheet = np.asarray(Image.open(tmp_path / "views.jpg").convert("L")).astype(int)
    assert sheet.shape == (2 * album.SIDE + album.GAP, 3 * album.SIDE + 2 * album.GAP)
    for row, (corners, size) in enumerate(tones.values()):
        expected = np.array(corners)
        scale = album.SIDE / max(size)  # smaller ones are enlarged
        away = np.multiply(size, scale) / 4
        for column, turned in enumerate((expected, expected[:, ::-1], expected[::-1])):
            middle = [n * (album.SIDE + album.GAP) + album.SIDE / 2 for n in (row, column)]
            found = [
                [sheet[int(middle[0] + up * away[1]), int(middle[1] + left * away[0])] for left in (-1, 1)]
                for up in (-1, 1)
            ]
            np.testing.assert_allclose(found, turned, atol=6)  # JPEG


def test_every_picture_is_small_and_carries_its_conditions(tmp_path: Path) -> None:
    shown = album.Album(tmp_path, listed_in(tmp_path, {"a.png": noise(0, (300, 200))}), 10**6, ["simulated images"])
    album.write_sheet([[shown.small("a.png")] * 8], shown.conditions, tmp_path / "with.jpg")
    album.write_sheet([[shown.small("a.png")] * 8], [], tmp_path / "without.jpg")
    assert (tmp_path / "with.jpg").stat().st_size < 200_000
    noted, plain = (Image.open(tmp_path / name) for name in ("with.jpg", "without.jpg"))
    assert noted.height == plain.height + album.LINE
    assert np.asarray(noted.crop((0, plain.height, noted.width, noted.height))).min() < 128  # something is written


def test_an_image_that_has_changed_since_the_scan_is_not_shown(tmp_path: Path) -> None:
    manifest = listed_in(tmp_path, {"a.png": noise(0)})
    noise(1).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png: its content has changed since the images were scanned"):
        album.Album(tmp_path, manifest, 10**6, []).small("a.png")


# Duplicates


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pd.DataFrame, dict[str, Any]]:
    """Twenty groups: one of six equal files, one across subjects, one across classes, one of near-duplicates."""
    folder = tmp_path_factory.mktemp("many")
    manifest = listed_in(folder, {f"{n:02d}.png": noise(n // 2) for n in range(46)})
    manifest["subject_id"] = [f"s{n // 2}" for n in range(46)]
    manifest.loc[[0, 1, 2, 3, 4, 5], "sha256"] = manifest.loc[0, "sha256"]
    manifest.loc[[0, 1, 2, 3, 4, 5], "subject_id"] = "s0"
    manifest.loc[20, "subject_id"] = "other"
    manifest.loc[31, "label"] = "b"
    pixels = manifest["sha256"].where(~manifest.index.isin([40, 41]), manifest["path"]).tolist()
    manifest.loc[[40, 41], "sha256"] = ["x" * 64, "y" * 64]
    for row in (44, 45):
        manifest.loc[row, "sha256"] = f"{row}" * 32
        pixels[row] = f"{row}"
    near = NearPairs(np.array([40]), np.array([41]), np.array([0.991], dtype=np.float32), n_candidates=1)
    found = find_duplicates(manifest, Contents(pixels, near))
    for name in manifest["path"]:
        assert (folder / name).exists()
    return folder, manifest.assign(sha256=[sha256_file(folder / name) for name in manifest["path"]]), found


def test_the_worst_duplicates_come_first_with_their_pictures(
    many: tuple[Path, pd.DataFrame, dict[str, Any]], tmp_path: Path
) -> None:
    folder, manifest, found = many
    output = Output(tmp_path)
    shown = duplicates_shown(found, album.Album(folder, manifest, 10**6, []), output, "d")
    assert [[copy.image_id for copy in group.copies] for group in shown.shown[:2]] == [
        ["30.png", "31.png"],
        ["20.png", "21.png"],
    ]
    assert shown.shown[0].told == "2 images of equal bytes, across classes"
    assert shown.shown[1].told == "2 images of equal bytes, across subjects"
    assert len(shown.shown) == SHOWN_GROUPS
    assert len(shown.shown) + shown.n_others == len(found["groups"]) == 20
    assert "1 across classes and 1 across subjects" in shown.text
    rows = lines(tmp_path / shown.csv)
    assert len(rows) == sum(len(group["images"]) for group in found["groups"])
    assert {row["group"] for row in rows if row["several_classes"] == "True"} == {"1"}
    (six,) = (group for group in shown.shown if len(group.copies) == 6)
    assert [bool(copy.address) for copy in six.copies] == [True] * SHOWN_IMAGES + [False] * 2
    for drawing in output.drawings:
        drawing.draw()
    for group in shown.shown:
        for copy in filter(lambda copy: copy.address, group.copies):
            shown_grey = np.asarray(Image.open(tmp_path / copy.address).convert("L"), dtype=float)
            own = np.asarray(Image.open(folder / copy.image_id).convert("L"), dtype=float)
            assert shown_grey[24:-24].mean() == pytest.approx(own.mean(), abs=12)  # white above and below


def test_near_duplicates_that_tie_groups_are_told_with_the_images_that_they_moved(
    many: tuple[Path, pd.DataFrame, dict[str, Any]], tmp_path: Path
) -> None:
    folder, manifest, found = many
    pages = album.Album(folder, manifest, 10**6, [])
    alone = duplicates_shown(found, pages, Output(tmp_path), "d").text
    assert "near-duplicates do only where they share a subject or a photograph" in alone
    tied = duplicates_shown(found, pages, Output(tmp_path), "d", Ties(5, 7, [["a", "b"], ["c", "d", "e"]])).text
    assert "equal images and near-duplicates stay on one side of every split." in tied
    assert "4 of 7 groups were joined into 2, which moved 5 images into another group" in tied


def test_without_duplicates_it_says_what_was_looked_for(tmp_path: Path) -> None:
    manifest = listed_in(tmp_path, {"a.png": noise(0)})
    pages = album.Album(tmp_path, manifest, 10**6, [])
    bytes_only = duplicates_shown(find_duplicates(manifest), pages, Output(tmp_path), "d")
    assert bytes_only.text.startswith("None: no two files have equal bytes. Not looked for: ")
    assert "near-duplicates, because the images were not looked at" in bytes_only.text
    none = NearPairs(np.array([], dtype=int), np.array([], dtype=int), np.array([], dtype=np.float32), n_candidates=0)
    seen = duplicates_shown(find_duplicates(manifest, Contents(["p"], none)), pages, Output(tmp_path), "d")
    assert "or show the same cell" in seen.text
    assert "Not looked for" not in seen.text


# Colours and sizes


def test_mean_colours_are_those_of_cielab(tmp_path: Path) -> None:
    """White, black and the primary red, whose coordinates (D65) are printed everywhere."""
    flat = {"white": (100.0, 0.0, 0.0), "black": (0.0, 0.0, 0.0), "red": (53.24, 80.09, 67.20)}
    images = {f"{name}.png": Image.new("RGB", (30, 20), name) for name in flat}
    manifest = listed_in(tmp_path, images)
    rows = colours.measured(manifest, album.Album(tmp_path, manifest, 10**6, []))
    np.testing.assert_allclose(rows[list(colours.COLOURS)].to_numpy(), list(flat.values()), atol=0.02)


def test_the_sample_is_even_bounded_and_the_same_again() -> None:
    names = [f"{n:04d}" for n in range(2000)]
    manifest = pd.DataFrame({"image_id": names, "label": np.where(np.arange(2000) < 1990, "a", "b"), "status": "ok"})
    drawn = colours.sample_of(manifest, ["a", "b"])
    assert drawn["label"].value_counts().to_dict() == {"a": colours.SAMPLE // 2, "b": 10}
    assert drawn.equals(colours.sample_of(manifest, ["a", "b"]))


def people(n: int, shift: float, seed: int = 0) -> pd.DataFrame:
    """Images of `n` subjects, four each, whose lightness varies between subjects as much as within them."""
    draw = np.random.default_rng(seed)
    subject = np.repeat(np.arange(n), 4)
    label = np.where(subject % 2 == 0, "a", "b")
    value = draw.normal(size=n)[subject] + draw.normal(size=4 * n) + shift * (label == "a")
    names = [f"s{number}" for number in subject]
    return pd.DataFrame({"label": label, "subject_id": names, "source_id": names, "lightness": value})


def test_areas_are_scikit_learns_and_say_which_way() -> None:
    rows = people(30, -3.0)
    (found,) = colours.shortcuts(rows, ["a", "b"], ["lightness"])
    assert found.area == pytest.approx(roc_auc_score(rows["label"] == "a", rows["lightness"]), abs=1e-12)
    assert found.low < found.area < found.high < 0.5
    assert found.told.endswith("images of a are darker")
    (sentence,) = colours.told([found], ["lightness"])
    assert sentence.startswith("Lightness alone is a shortcut: it tells the classes apart, AUROC 0.9")
    three = rows.assign(label=np.where(np.arange(len(rows)) % 12 < 4, "c", rows["label"]))
    several = colours.shortcuts(three, ["a", "b", "c"], ["lightness"])
    (sentence,) = colours.told(several, ["lightness"])
    assert "is a shortcut to b, which it tells best of 3 classes from the others: AUROC 0.85" in sentence
    alike = colours.shortcuts(three.assign(lightness=people(30, 0.0)["lightness"]), ["a", "b", "c"], ["lightness"])
    (sentence,) = colours.told(alike, ["lightness"])
    assert sentence.startswith("Lightness alone clearly tells none of 3 classes from the others: at best AUROC 0.")
    for one in several:
        assert one.area == pytest.approx(roc_auc_score(three["label"] == one.label, three["lightness"]), abs=1e-12)


def test_a_measure_that_is_the_same_everywhere_tells_nothing() -> None:
    assert colours.shortcuts(people(6, 0.0).assign(lightness=1.0), ["a", "b"], ["lightness"]) == []
    assert list(colours.told([], [colours.SIZE])) == ["Size alone tells nothing: it is the same in all of them."]


def test_intervals_widen_with_images_of_one_subject() -> None:
    """Classes that do not differ: with few subjects, images by the dozen are no evidence."""
    rows = people(12, 0.0, seed=5)
    (grouped,) = colours.shortcuts(rows, ["a", "b"], ["lightness"])
    alone = rows.assign(subject_id="", source_id=[str(n) for n in range(len(rows))])
    (single,) = colours.shortcuts(alone, ["a", "b"], ["lightness"])
    assert grouped.high - grouped.low > 1.2 * (single.high - single.low)
    assert not grouped.clear


def test_variance_between_subjects_follows_from_the_analysis_of_variance() -> None:
    """One class and subjects of equal size: (F - 1) / (F + k - 1), with F by another library."""
    rows = people(40, 0.0).assign(label="a")
    ratio = f_oneway(*(own["lightness"] for _, own in rows.groupby("subject_id"))).statistic
    assert colours.shared_by(rows, "subject_id") == pytest.approx((ratio - 1) / (ratio + 3), abs=1e-9)
    many = people(4000, 2.0)
    assert colours.shared_by(many, "subject_id") == pytest.approx(0.5, abs=0.03)  # its truth, whatever the classes
    assert colours.shared_by(rows.drop_duplicates("subject_id"), "subject_id") is None
    assert colours.shared_by(rows.assign(subject_id=""), "subject_id") is None


# Mistakes


def answered(n: int, classes: list[str], seed: int) -> pd.DataFrame:
    """Two repeats of three folds over `n` images."""
    draw = np.random.default_rng(seed)
    image = np.tile(np.arange(n), 2)
    scores = draw.normal(size=(2 * n, 1 if len(classes) == 2 else len(classes)))
    predicted = np.where(scores[:, 0] > 0, *classes) if len(classes) == 2 else np.array(classes)[scores.argmax(axis=1)]
    names = ["score"] if len(classes) == 2 else [f"score_{name}" for name in classes]
    frame = pd.DataFrame(
        {
            **dict.fromkeys(("table", "item", "protocol"), "x"),
            "image_id": [f"i{number}" for number in image],
            "view": "identity",
            "subject_id": [f"s{number // 2}" for number in image],
            "source_id": [f"i{number}" for number in image],
            "repeat": np.repeat([0, 1], n),
            "fold": image % 3,
            "y_true": np.array(classes)[image % len(classes)],
            "y_pred": predicted,
        }
    )
    return frame.assign(**dict(zip(names, scores.T, strict=True)))


def test_probabilities_are_those_of_the_class_that_is_named() -> None:
    rows = answered(30, ["p", "n"], 0)
    odds = rows.assign(score=4 * rows["score"])
    for kind, given in (("log_odds", odds), ("probability", odds.assign(score=expit(odds["score"])))):
        expected = [expit(s) if y == "p" else 1 - expit(s) for s, y in zip(odds["score"], odds["y_pred"], strict=True)]
        np.testing.assert_allclose(mistakes.confidence(given, kind, "p"), expected, rtol=1e-12)


def test_margins_are_measured_in_mean_distances_of_the_same_model() -> None:
    rows = answered(30, ["p", "n"], 1)
    scaled = rows.assign(score=rows["score"] * np.where(rows["fold"] == 1, 1000.0, 1.0))
    found = mistakes.confidence(scaled, "margin", "p")
    np.testing.assert_allclose(found, mistakes.confidence(rows, "margin", "p"), rtol=1e-12)
    for _, own in rows.assign(sure=found).groupby(["repeat", "fold"]):
        np.testing.assert_allclose(own["sure"], own["score"].abs() / own["score"].abs().mean(), rtol=1e-12)


def test_of_several_classes_the_distance_is_to_the_next_one() -> None:
    rows = answered(30, ["a", "b", "c"], 2).assign(repeat=0, fold=0)
    ordered = np.sort(rows[["score_a", "score_b", "score_c"]].to_numpy(), axis=1)
    lead = ordered[:, -1] - ordered[:, -2]
    np.testing.assert_allclose(mistakes.confidence(rows, "margin", None), lead / lead.mean(), rtol=1e-12)


def test_wrong_rows_come_with_the_surest_first() -> None:
    rows = answered(40, ["p", "n"], 3)
    found = mistakes.mistakes_of(rows, "log_odds", "p")
    wrong = [row for row in rows.itertuples() if row.y_true != row.y_pred]
    assert len(found) == len(wrong)
    assert found["image_id"].tolist() == [row.image_id for row in sorted(wrong, key=lambda row: -abs(row.score))]


# The page


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A run of the first paper, and of a study of three classes, one with a hostile name, without subjects."""
    root = tmp_path_factory.mktemp("run")
    first = report_data.resolve(report_data.ATTEIA, root)
    other = report_data.resolve(
        report_data.three_class_study(),
        root,
        simulated=False,
        rungs=("as_published", "source_disjoint"),
        title="Own & <real>",
    )
    folder = report_data.write_answers(root, [first, other])
    manifest = root / "results" / "datasets" / other.dataset_id / "manifest.csv"
    MANIFEST_TABLE.write(read_manifest(manifest).assign(subject_id=""), manifest)
    return FinishedRun(load_resolved(folder / "config.json"), folder / "config.json", folder)


def draw(finished: FinishedRun, dataset: str, folder: Path) -> Page:
    output = Output(folder)
    page = dataset_page(finished, dataset, output)
    for drawing in output.drawings:
        drawing.draw()
    (folder / page.address).write_text(page.body)
    return Page(page.body)


@pytest.fixture(scope="module")
def drawn(finished: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Page]]:
    folder = tmp_path_factory.mktemp("report")
    datasets = ("atteia2022-data", "other-data")
    return folder, {dataset: draw(finished, dataset, folder) for dataset in datasets}


def test_links_of_the_page_lead_to_files_and_pictures_are_described(drawn: tuple[Path, dict[str, Page]]) -> None:
    folder, pages = drawn
    for page in pages.values():
        for link in page.links:
            assert (folder / link).is_file() or link.startswith("paper_")
        for image in page.images:
            assert len(str(image["alt"])) > 15
            assert str(image["src"]).endswith((".jpg", ".svg"))
        assert len(page.ids) == len(set(page.ids))
    shown = {str(image["src"]) for page in pages.values() for image in page.images}
    assert {path.relative_to(folder).as_posix() for path in (folder / "figures").rglob("*.*")} == shown
    assert all((folder / name).stat().st_size < 120_000 for name in shown)
    for image in (image for page in pages.values() for image in page.images if "width" in image):
        assert Image.open(folder / str(image["src"])).size == (int(str(image["width"])), int(str(image["height"])))


def test_every_mistake_that_is_shown_is_one_and_all_are_in_the_file(
    finished: FinishedRun, drawn: tuple[Path, dict[str, Page]]
) -> None:
    folder, pages = drawn
    table, _, item = report_data.ATTEIA.headline.partition("/")
    rows = pd.read_parquet(finished.of_study("atteia2022").predictions("subject_disjoint")).astype({"table": "str"})
    rows = rows[(rows["table"] == table) & (rows["item"] == item)]
    wrong = rows[rows["y_true"].astype(str) != rows["y_pred"].astype(str)]
    found = pd.read_csv(folder / "data" / "atteia2022-data" / "mistakes-atteia2022.csv")
    assert sorted(found["image_id"]) == sorted(wrong["image_id"])
    assert f"Subject-disjoint: {len(wrong)} of {len(rows)} tested rows mistaken" in words(pages["atteia2022-data"])
    alts = [str(image["alt"]) for image in pages["atteia2022-data"].images if "mistake-" in str(image["src"])]
    assert len(alts) == min(mistakes.SHOWN, wrong["image_id"].nunique())
    first = found.iloc[0]
    assert alts[0] == f"Image {first['image_id']}: {first['y_true']}, taken for {first['y_pred']}"


def test_an_image_that_is_mistaken_several_times_is_shown_once(finished: FinishedRun, tmp_path: Path) -> None:
    study = finished.run.studies[0]
    source = read_dataset(finished, study.dataset_id, [study])
    rows = source.uses[0].rows
    right = rows.assign(repeat=2, y_pred=rows["y_true"])
    pages = album.Album(study.images, source.manifest, 10**6, [])
    several = pd.concat([rows, rows.assign(repeat=1), right])
    found = mistakes.mistakes_shown(study, several, "demo", pages, Output(tmp_path), "d")
    assert len({mistake.image_id for mistake in found.shown}) == len(found.shown) > 0
    assert {mistake.times for mistake in found.shown} == {"mistaken 2 of 3 times"}


def test_it_says_what_is_simulated_and_whose_subjects_nobody_knows(drawn: tuple[Path, dict[str, Page]]) -> None:
    folder, pages = drawn
    assert "Subjects are not known" in words(pages["other-data"])
    assert not (folder / "figures" / "other-data" / "subjects.svg").exists()
    assert "Simulated images" not in words(pages["other-data"])
    flow = (folder / "figures" / "atteia2022-data" / "flow-atteia2022.svg").read_text()
    assert flow.count("#9a3412") > 0  # the colour of the note
    text = words(pages["atteia2022-data"])
    assert text.count("demo budget (") == 1  # beside the mistakes
    assert "12 subjects, with 4 to 5 images; each of one class." in text
    assert (
        "60 image files of 12 subjects; left out as unreadable: 1 truncated; 59 images of 12 subjects remain." in text
    )


def test_hostile_names_are_text(drawn: tuple[Path, dict[str, Page]]) -> None:
    _, pages = drawn
    text = words(pages["other-data"])
    assert "Own & <real>" in text
    assert "M5 & <x>" in text
    assert set(pages["other-data"].tags).isdisjoint({"x", "real", "early", "script"})


def test_findings_and_duplicates_are_told(drawn: tuple[Path, dict[str, Page]]) -> None:
    _, pages = drawn
    text = words(pages["atteia2022-data"])
    assert "059.png: truncated: file ends <early>" in text
    assert "grey -> RGB: 3 images, such as 001.png" in text
    assert "'TRAIN' looks like a part of a split." in text
    assert "Nothing is known of a complete copy." in text
    assert "2 near-duplicates, correlation 0.991, across classes and subjects." in text
    assert text.index("across classes") < text.index("Most confident mistakes")
    listed = read_json(Path(drawn[0]) / "data" / "atteia2022-data" / "duplicates.json")
    assert f"{len(listed['groups'])} group" in text


def test_what_a_paper_calls_a_class_stands_beside_its_name(finished: FinishedRun, tmp_path: Path) -> None:
    study = finished.run.studies[0]
    named = study.study.model_copy(update={"class_names": {"all": "leukaemic <cell>"}})
    renamed = finished.run.model_copy(update={"studies": [study.model_copy(update={"study": named})]})
    page = dataset_page(FinishedRun(renamed, finished.config, finished.folder), study.dataset_id, Output(tmp_path))
    text = words(Page(page.body))
    assert "all leukaemic <cell> in Atteia (2022)" in text
    assert "leukaemic <cell> taken for" in text or "taken for leukaemic <cell>" in text


def test_predictions_without_the_headline_are_refused(finished: FinishedRun, tmp_path: Path) -> None:
    study = finished.run.studies[0]
    other = study.study.model_copy(update={"headline": "1/GSet, never run"})
    renamed = finished.run.model_copy(update={"studies": [study.model_copy(update={"study": other})]})
    with pytest.raises(UserError, match=r"predictions\.parquet: no predictions of 1/GSet, never run, whose mistakes"):
        dataset_page(FinishedRun(renamed, finished.config, finished.folder), study.dataset_id, Output(tmp_path))
