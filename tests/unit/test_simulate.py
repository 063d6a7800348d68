"""The simulated smears: bytes, names, what classes and subjects differ in, and what a split then measures."""

from __future__ import annotations

import hashlib
import re
from itertools import islice
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage, signal, stats
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from leukorepro.config import datasets as config
from leukorepro.core.errors import UserError
from leukorepro.core.words import Look
from leukorepro.data.adapters.allidb import AllIdbDataset
from leukorepro.data.adapters.cnmc2019 import CnmcDataset
from leukorepro.simulate import dataset
from leukorepro.simulate.cells import Canvas, Stain, draw_leukocyte
from leukorepro.simulate.dataset import simulate
from leukorepro.simulate.dealing import listed
from leukorepro.simulate.layout import plan
from leukorepro.simulate.population import Population, fresh_subjects
from leukorepro.simulate.scenes import FORMS, render
from leukorepro.simulate.traits import LYMPHOBLAST, NEUTROPHIL, Traits, profiles

SHARED = Path(__file__).resolve().parents[2].parent / "shared"
LOOKS: list[Look] = ["allidb", "allidb1", "allidb2", "cnmc2019", "bone_marrow"]


def simulation(look: Look, subjects: int = 6, images: int = 12, external: tuple[int, int] = (0, 0), **settings: float):
    size = config.SimulationSize(
        subjects=subjects, images=images, external_subjects=external[0], external_images=external[1]
    )
    return config.Simulation.model_validate({"look": look, "size": size, **settings})


def digests(folder: Path) -> dict[str, str]:
    files = (f for f in folder.rglob("*") if f.is_file())
    return {f.relative_to(folder).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


@pytest.mark.parametrize("look", LOOKS)
def test_what_a_run_takes_for_the_pictures_before_they_are_drawn_is_what_is_drawn(look: Look) -> None:
    of_look = simulation(look, 13, 47, external=(7, 11))
    rows, drawn = listed(of_look), plan(of_look)
    assert [(row.label, row.official_split) for row in rows] == [(p.subject.label, p.official_split) for p in drawn]
    subjects = {(row.subject_id, picture.subject_id) for row, picture in zip(rows, drawn, strict=True)}
    assert len(subjects) == len({row.subject_id for row in rows}) == len({p.subject_id for p in drawn}) == 20
    assert len({row.path for row in rows}) == len(rows)


# ------------------------------------------------------------------------------------------------- bytes and restarts


@pytest.mark.parametrize("look", LOOKS)
def test_same_seed_gives_the_same_bytes_and_another_seed_other_images(look: Look, tmp_path: Path):
    size = {"subjects": 5, "images": 5}
    table = simulate(simulation(look, **size, seed=3), tmp_path / "a")
    simulate(simulation(look, **size, seed=3), tmp_path / "b")
    simulate(simulation(look, **size, seed=4), tmp_path / "c")
    a, b, c = (digests(tmp_path / name) for name in "abc")
    assert a == b
    assert all(a[path] != c[path] for path in table["path"])
    assert len({a[path] for path in table["path"]}) == len(table)


def test_table_is_returned_as_written_and_names_every_image(tmp_path: Path):
    table = simulate(simulation("allidb", 4, 12, (2, 4)), tmp_path)
    text = dict.fromkeys(["path", "label", "subject_id", "source_id", "official_split", "form", "kind"], "str")
    written = pd.read_csv(tmp_path / "simulation.csv", dtype=text, keep_default_na=False)
    pd.testing.assert_frame_equal(table, written, check_dtype=False)
    assert set(digests(tmp_path)) == {*table["path"], "simulation.csv", "simulation.json"}


def test_interrupted_simulation_ends_with_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    drawn = simulation("cnmc2019", 4, 8, (2, 2))
    simulate(drawn, tmp_path / "unbroken")
    broken, left = tmp_path / "broken", iter(range(5))

    def render_few(*args: object):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return render(*args)

    monkeypatch.setattr(dataset, "render", render_few)
    with pytest.raises(KeyboardInterrupt):
        simulate(drawn, broken)
    monkeypatch.undo()
    images = list(broken.rglob("*.bmp"))
    assert len(images) == 5
    assert not (broken / "simulation.csv").exists()
    images[0].write_bytes(images[0].read_bytes()[:1000])
    (images[1].parent / ".UID_9_9_9_all.bmp.abc.tmp").write_bytes(b"left by SIGKILL")
    (broken / ".simulation.json.abc.tmp").write_bytes(b"left by SIGKILL")
    simulate(drawn, broken)
    assert digests(broken) == digests(tmp_path / "unbroken")


def test_earlier_simulation_goes_and_strangers_stay(tmp_path: Path):
    simulate(simulation("cnmc2019", 4, 8, (2, 2)), tmp_path / "a")
    note = tmp_path / "a" / "C-NMC_Leukemia" / "note.txt"
    note.write_text("mine", encoding="utf-8")
    simulate(simulation("allidb2", 2, 4), tmp_path / "a")
    simulate(simulation("allidb2", 2, 4), tmp_path / "b")
    after = digests(tmp_path / "a")
    del after["C-NMC_Leukemia/note.txt"]
    assert after == digests(tmp_path / "b")


def test_folder_that_is_no_simulation_is_refused_and_untouched(tmp_path: Path):
    (tmp_path / "patient.jpg").write_bytes(b"precious")
    with pytest.raises(UserError, match=r"patient\.jpg"):
        simulate(simulation("allidb2", 2, 4), tmp_path)
    assert [f.name for f in tmp_path.iterdir()] == ["patient.jpg"]
    with pytest.raises(UserError, match="is a file"):
        simulate(simulation("allidb2", 2, 4), tmp_path / "patient.jpg")


@pytest.mark.parametrize(
    "record", ['{"mine": 1}', '{"files": [0.5]}', '{"files": ["../patient.jpg"]}', '{"files": ["link/patient.jpg"]}']
)
def test_record_of_something_else_removes_nothing(record: str, tmp_path: Path):
    (tmp_path / "patient.jpg").write_bytes(b"precious")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path)
    (tmp_path / "out" / "simulation.json").write_text(record, encoding="utf-8")
    with pytest.raises(UserError, match="not the record of a simulation"):
        simulate(simulation("allidb2", 2, 4), tmp_path / "out")
    assert (tmp_path / "patient.jpg").exists()


@pytest.mark.parametrize(
    ("subjects", "images", "external", "message"),
    [
        (4, 20, (0, 0), "4 subjects for 5 classes"),
        (10, 9, (0, 0), "9 images for 10 subjects"),
        (5, 10, (0, 3), "0 subjects for 5 classes"),
        (5, 10, (10, 5), "5 images for 10 subjects"),
    ],
)
def test_size_that_leaves_a_class_or_subject_empty_is_refused(
    subjects: int, images: int, external: tuple[int, int], message: str, tmp_path: Path
):
    with pytest.raises(UserError, match=message):
        simulate(simulation("bone_marrow", subjects, images, external), tmp_path / "out")
    assert not (tmp_path / "out").exists()


# --------------------------------------------------------------------------------------------------- names and counts


def test_hybrid_has_the_published_counts_and_names():
    pictures = plan(simulation("allidb", 40, 368))
    forms = pd.Series([p.form for p in pictures]).value_counts()
    assert forms.to_dict() == {"field": 108, "crop": 260}
    for p in pictures:
        match = re.fullmatch(r"(ALL_IDB1/im/Im\d{3}_([01])\.jpg|ALL_IDB2/img/Im\d{3}_([01])\.tif)", p.path)
        assert match
        assert (match[2] or match[3]) == {"all": "1", "healthy": "0"}[p.subject.label]
    assert sum(p.subject.label == "all" for p in pictures) == 184
    assert len({p.path for p in pictures}) == 368


@pytest.mark.parametrize("look", LOOKS)
def test_classes_and_subjects_are_balanced(look: Look):
    pictures = plan(simulation(look, 11, 203, (7, 52)))
    for stream, images in (("main", 203), ("external", 52)):
        part = [p for p in pictures if p.subject.stream == stream]
        classes = pd.Series([p.subject.label for p in part]).value_counts()
        assert len(part) == images
        assert classes.max() - classes.min() <= 1
    subject_of: dict[str, int] = {}
    for p in pictures:
        assert subject_of.setdefault(p.subject_id, id(p.subject)) == id(p.subject)
    assert len(subject_of) == 18
    assert len({(p.subject.stream, p.subject.index, p.form, p.index) for p in pictures}) == len(pictures)


def test_adapter_reads_the_cnmc_look_as_the_simulator_meant_it(tmp_path: Path):
    table = simulate(simulation("cnmc2019", 12, 24, (4, 6)), tmp_path)
    files = sorted(digests(tmp_path))
    listing = CnmcDataset(adapter="cnmc2019", images=tmp_path).list_rows(tmp_path, files)
    columns = ["path", "label", "subject_id", "source_id", "official_split"]
    read = pd.DataFrame([tuple(getattr(row, c) for c in columns) for row in listing.rows], columns=columns)
    pd.testing.assert_frame_equal(
        read.sort_values("path", ignore_index=True), table[columns].sort_values("path", ignore_index=True)
    )
    folds = table.groupby("subject_id")["official_split"].nunique()
    assert (folds == 1).all()
    settings = simulation("cnmc2019")
    assert set(table["official_split"]) == {*settings.official_splits, settings.external_split}
    assert (table.groupby("official_split")["label"].nunique() == 2).all()
    with Image.open(tmp_path / table["path"][0]) as image:
        assert (image.format, image.size, image.mode) == ("BMP", (450, 450), "RGB")


def test_cnmc_names_are_those_of_the_real_dataset():
    table = SHARED / "data" / "cnmc_lfs_manifest.tsv"
    if not table.is_file():
        pytest.skip("the names of the real C-NMC 2019 are not here")
    real = {re.sub(r"\d+", "0", line.rsplit("\t", 1)[1]) for line in table.read_text(encoding="utf-8").splitlines()}
    ours = {re.sub(r"\d+", "0", p.path) for p in plan(simulation("cnmc2019", 12, 60, (4, 6)))}
    assert ours <= real


def test_adapter_reads_the_hybrid_look(tmp_path: Path):
    table = simulate(simulation("allidb", 4, 12, (2, 4)), tmp_path)
    files = sorted(digests(tmp_path))
    listing = AllIdbDataset(adapter="allidb", images=tmp_path).list_rows(tmp_path, files)
    assert {r.path: r.label for r in listing.rows} == dict(zip(table["path"], table["label"], strict=True))


# ------------------------------------------------------------------------------------------------- classes and traits


@pytest.mark.parametrize("look", LOOKS)
def test_no_class_effect_means_equal_distributions_and_half_means_half(look: Look):
    none, half, full = (profiles(look, effect) for effect in (0.0, 0.5, 1.0))
    first, *others = none.values()
    assert all(other == first for other in others)
    a, b = list(full)[:2]
    for kind in full[a].means:
        for trait in ("diameter", "nucleus_share", "clumping"):
            whole, part = (getattr(p[a].means[kind], trait) - getattr(p[b].means[kind], trait) for p in (full, half))
            assert part == pytest.approx(whole / 2, abs=1e-9)
    assert half[a].per_field - half[b].per_field == pytest.approx((full[a].per_field - full[b].per_field) / 2)


@pytest.mark.parametrize("traits", [LYMPHOBLAST, NEUTROPHIL], ids=["lymphoblast", "neutrophil"])
def test_drawn_cell_has_the_area_and_nucleus_that_it_was_given(traits: Traits):
    cells, nuclei = [], []
    for seed in range(12):
        canvas = Canvas(np.zeros((len(Stain), 300, 300), dtype=np.float32), 10.0, -15.0, -15.0)
        draw_leukocyte(canvas, 0.0, 0.0, traits, np.random.default_rng(seed))
        cells.append((canvas.planes.sum(axis=0) > 0.02).sum() / 100)
        nuclei.append((canvas.planes[Stain.CHROMATIN] > 0.3).sum() / 100)
    area = np.pi * traits.diameter**2 / 4
    assert np.mean(cells) == pytest.approx(area, rel=0.05)
    assert np.mean(nuclei) == pytest.approx(area * traits.nucleus_share, rel=0.12)


def nuclear_area(pixels: NDArray[np.uint8]) -> float:
    """Pixels of the dark purple thing nearest the centre."""
    background = np.percentile(pixels[..., 1], 95)
    found, _ = ndimage.label(ndimage.binary_opening(pixels[..., 1] < 0.45 * background, iterations=2))
    if not found.any():
        return 0.0
    y, x = np.nonzero(found)
    nearest = np.argmin((y - pixels.shape[0] / 2) ** 2 + (x - pixels.shape[1] / 2) ** 2)
    return float((found == found[y[nearest], x[nearest]]).sum())


def measured(class_effect: float) -> tuple[list[float], list[float]]:
    population = Population(simulation("allidb2", class_effect=class_effect, subject_effect=0, seed=11))
    areas: dict[str, list[float]] = {"all": [], "healthy": []}
    for index in range(60):
        subject = population.subject(index)
        areas[subject.label].append(nuclear_area(render(subject, "crop", 0).pixels))
    return areas["all"], areas["healthy"]


def test_blasts_have_larger_nuclei_in_the_pixels_and_none_without_class_effect():
    blasts, normal = measured(1.0)
    assert stats.mannwhitneyu(blasts, normal, alternative="greater").pvalue < 1e-5
    assert np.min(blasts) < np.max(normal)
    assert stats.mannwhitneyu(*measured(0.0)).pvalue > 0.05


def test_traits_of_the_truth_differ_in_the_right_direction(tmp_path: Path):
    table = simulate(simulation("allidb2", 20, 60, subject_effect=0), tmp_path)
    means = table.groupby("label")[["diameter", "nucleus_share", "irregularity", "clumping", "nucleoli"]].mean()
    difference = means.loc["all"] - means.loc["healthy"]
    assert (difference.drop("clumping") > 0).all()
    assert difference["clumping"] < 0


def test_normal_cells_come_in_kinds_and_marrow_types_have_their_traits():
    assert set(profiles("allidb", 1.0)["healthy"].shares) == {"lymphoid", "neutrophil", "monocyte"}
    marrow = {label: p.means["blast"] for label, p in profiles("bone_marrow", 1.0).items()}
    assert marrow["L1"].diameter == min(m.diameter for m in marrow.values())
    assert marrow["M3"].auer_rods > marrow["M2"].auer_rods > 0
    assert marrow["M3"].granules == max(m.granules for m in marrow.values())
    assert marrow["M5"].vacuoles == max(m.vacuoles for m in marrow.values())


# ------------------------------------------------------------------------------------------------------------ subjects


def described(subject_effect: float, subjects: int, each: int):
    """Colours, subject and class of segmented cells, one from each photograph, without any class effect."""
    population = Population(simulation("cnmc2019", class_effect=0, subject_effect=subject_effect, seed=5))
    rows = []
    for subject in map(population.subject, range(subjects)):
        for index in range(each):
            pixels = render(subject, "segmented", 4 * index).pixels
            cell = np.log(pixels[pixels.sum(axis=2) > 0])
            rows.append((np.percentile(cell, [5, 25, 50, 75, 95], axis=0).ravel(), subject.index, subject.label))
    x, who, label = (np.array(column) for column in zip(*rows, strict=True))
    return StandardScaler().fit_transform(x), who, label


def accuracy(x: NDArray[np.float64], y: NDArray[np.generic], test: NDArray[np.bool_]) -> float:
    return float(KNeighborsClassifier(1).fit(x[~test], y[~test]).score(x[test], y[test]))


def test_subjects_are_recognised_only_with_a_subject_effect_and_only_that_leaks():
    x, who, label = described(1.0, 20, 8)
    last = np.tile(np.arange(8) >= 6, 20)
    assert accuracy(x, who, last) > 0.5  # chance is 0.05
    assert accuracy(x, label, last) > 0.75  # by image: the class is known from the patient
    unseen = [accuracy(x, label, who % 10 // 2 == fold) for fold in range(5)]
    assert abs(np.mean(unseen) - 0.5) < 0.15  # by subject: there is nothing to know

    x, who, label = described(0.0, 20, 4)
    assert accuracy(x, who, np.tile(np.arange(4) >= 3, 20)) < 0.2  # chance is 0.05


def test_subject_does_not_depend_on_how_many_there_are():
    few, many = (plan(simulation("allidb", *size)) for size in ((4, 16), (10, 90)))
    wanted = {(p.subject.index, p.form, p.index): p for p in many}
    for p in few[::5]:
        other = wanted[p.subject.index, p.form, p.index]
        assert p.subject.effects == other.subject.effects
        assert np.array_equal(render(p.subject, p.form, p.index).pixels, render(other.subject, p.form, p.index).pixels)


def test_fresh_subjects_never_end_and_are_not_those_of_the_dataset():
    settings = simulation("cnmc2019", seed=2)
    some = list(islice(fresh_subjects(settings), 8))
    later = next(fresh_subjects(settings, start=7))
    assert later.effects == some[7].effects
    assert np.array_equal(render(later, "segmented", 1).pixels, render(some[7], "segmented", 1).pixels)
    population = Population(settings)
    effects = {population.subject(i, stream).effects for i in range(8) for stream in ("main", "external")}
    assert len(effects | {s.effects for s in some}) == 24
    sizes = np.log([s.effects.size for s in islice(fresh_subjects(settings), 400)])
    assert sizes.std() == pytest.approx(0.06, rel=0.15)


def test_crop_shows_the_cells_of_its_field_at_twice_the_magnification():
    subject = Population(simulation("allidb", seed=1)).subject(0)
    field = render(subject, "field", 1).pixels[..., 1].astype(float)
    crop = Image.fromarray(render(subject, "crop", 3).pixels[..., 1])
    small = np.asarray(crop.resize((128, 128), Image.Resampling.BOX), dtype=float)
    template = (small - small.mean()) / small.std()
    ones = np.ones_like(template)
    total = signal.fftconvolve(field, ones, mode="valid")
    square = signal.fftconvolve(field**2, ones, mode="valid")
    deviation = np.sqrt(np.maximum(square / ones.size - (total / ones.size) ** 2, 1.0))
    match = signal.fftconvolve(field, template[::-1, ::-1], mode="valid") / ones.size / deviation
    assert match.max() > 0.85
    assert np.median(match) < 0.3


@pytest.mark.parametrize("look", LOOKS)
def test_strongest_effects_still_draw(look: Look):
    population = Population(simulation(look, class_effect=3, subject_effect=3))
    for index in range(4):
        for form in FORMS[look]:
            picture = render(population.subject(index), form, 0)
            assert picture.pixels.dtype == np.uint8
            assert picture.pixels.std() > 1
