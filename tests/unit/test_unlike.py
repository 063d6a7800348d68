"""Images unlike the training images: distances, their limit, and how well they tell."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from feature_data import write_parts
from model_data import small_model
from sklearn.decomposition import PCA

from leukorepro.features.fusion import Features
from leukorepro.features.parts import ResolvedDescriptor
from leukorepro.inference.card import to_markdown
from leukorepro.inference.other_datasets import other_datasets
from leukorepro.inference.unlike import COMPONENTS, THUMBNAIL, Unlike, fit_unlike


def rows_of(seed: int, n: int, dim: int = 60, shift: float = 0.0) -> np.ndarray:
    """Rows with a few strong directions, the same for every seed, and some noise."""
    directions = np.random.default_rng(0).normal(size=(5, dim))
    rng = np.random.default_rng(seed)
    return (rng.normal(size=(n, 5)) @ directions + rng.normal(size=(n, dim)) * 0.3 + shift).astype(np.float32)


def groups_of(n: int, of: int = 8) -> np.ndarray:
    return np.arange(n) // of


def test_distances_rank_as_the_likelihood_of_scikit_learns_principal_components() -> None:
    """Which computes it from the covariance; the squared distance is the part of it that depends on the row."""
    rows = rows_of(1, 300)
    unlike = fit_unlike(rows, groups_of(300), [60])
    other = PCA(COMPONENTS).fit((rows - rows.mean(axis=0)) / np.sqrt(rows.var(axis=0).mean()))
    asked = rows_of(2, 50)
    likelihood = other.score_samples((asked - rows.mean(axis=0)) / np.sqrt(rows.var(axis=0).mean()))
    squares = (unlike.distances(asked) * unlike.limit) ** 2
    constant = squares + 2 * likelihood
    np.testing.assert_allclose(constant, constant.mean(), rtol=1e-3)


def test_one_in_a_hundred_of_fresh_rows_of_the_same_kind_is_flagged() -> None:
    unlike = fit_unlike(rows_of(1, 3000), groups_of(3000), [60])
    flagged = (unlike.distances(rows_of(2, 4000)) > 1).mean()
    assert 0.005 < flagged < 0.018  # 0.01 with a binomial deviation of 0.0016, and that of the limit itself
    assert (unlike.distances(rows_of(3, 100, shift=2)) > 1).all()
    assert unlike.auroc(rows_of(4, 500)) == pytest.approx(0.5, abs=0.05)
    assert unlike.auroc(rows_of(5, 100, shift=2)) > 0.99


def test_the_limit_is_of_groups_that_the_fit_has_not_seen() -> None:
    """Rows of one subject resemble each other: by rows, other subjects would all be flagged."""
    rng = np.random.default_rng(0)
    subject = np.arange(600) // 30
    rows = (rng.normal(size=(30, 60))[subject] + rng.normal(size=(600, 60)) * 0.1).astype(np.float32)
    fresh = rng.normal(size=(400, 60)).astype(np.float32)
    assert (fit_unlike(rows, subject, [60]).distances(fresh) > 1).mean() < 0.3
    assert (fit_unlike(rows, np.arange(600), [60]).distances(fresh) > 1).mean() > 0.7


def test_the_unit_of_no_part_decides() -> None:
    rows, asked = rows_of(1, 300), rows_of(2, 20)
    unit = np.where(np.arange(60) < 40, np.float32(1), np.float32(1e4))
    plain = fit_unlike(rows, groups_of(300), [40, 20]).distances(asked)
    scaled = fit_unlike(rows * unit, groups_of(300), [40, 20]).distances(asked * unit)
    np.testing.assert_allclose(scaled, plain, rtol=1e-3)


@pytest.mark.parametrize("dim", [1, 3])
def test_few_columns_have_no_other_directions(dim: int) -> None:
    """There, the distance is Mahalanobis's own."""
    rows = np.random.default_rng(0).normal(5, 2, (400, dim)).astype(np.float32)
    unlike = fit_unlike(rows, groups_of(400), [dim])
    centred = (rows[:9] - rows.mean(axis=0)).astype(np.float64)
    expected = np.sqrt(np.sum(centred @ np.linalg.inv(np.atleast_2d(np.cov(rows.T))) * centred, axis=1))
    np.testing.assert_allclose(unlike.distances(rows[:9]) * unlike.limit, expected, rtol=1e-4)


def test_images_are_compared_by_thumbnails() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(100, 110, (40, 32, 32, 3), dtype=np.uint8)
    images[:, 8:24, 8:24] = rng.integers(30, 90, (40, 1, 1, 3))
    unlike = fit_unlike(images.reshape(40, -1), groups_of(40, 4), [32 * 32 * 3])
    assert unlike.mean.shape == (3 * THUMBNAIL**2,)
    means = images.reshape(40, THUMBNAIL, 2, THUMBNAIL, 2, 3).mean(axis=(0, 2, 4))
    np.testing.assert_allclose(unlike.mean.reshape(THUMBNAIL, THUMBNAIL, 3), means, atol=1)  # thumbnails are 8-bit
    assert (unlike.distances(255 - images.reshape(40, -1)) > 1).all()


def test_it_comes_back_from_its_tensors() -> None:
    unlike = fit_unlike(rows_of(1, 50), groups_of(50), [60])
    again = Unlike.from_tensors(unlike.tensors())
    np.testing.assert_array_equal(again.distances(rows_of(2, 9)), unlike.distances(rows_of(2, 9)))
    assert all(isinstance(value, np.ndarray) for value in unlike.tensors().values())


def write_features(folder: Path, part: ResolvedDescriptor, rows: np.ndarray) -> None:
    folder.mkdir(parents=True)
    manifest = folder / "manifest.csv"
    manifest.write_text(folder.name)
    names = [f"{number}.png" for number in range(len(rows) // 2)]
    about = pd.DataFrame({"image_id": np.repeat(names, 2), "view": ["identity", "hflip"] * len(names)})
    write_parts(folder, Features(rows, about), [part], manifest)


def test_other_datasets_are_those_with_features_of_the_same_parts(tmp_path: Path) -> None:
    part = ResolvedDescriptor(id="pixels-4", descriptor="pixels", input_size=4)
    rows = rows_of(1, 100)
    rows[1::2] += 9  # mirrored: not looked at
    write_features(tmp_path / "mine", part, rows)
    far = rows_of(2, 100, shift=2)
    far[1::2] = rows_of(3, 50)
    write_features(tmp_path / "far", part, far)
    write_features(tmp_path / "bicubic", part.model_copy(update={"interpolation": "bicubic"}), far)
    (tmp_path / "without").mkdir()
    unlike = fit_unlike(rows[::2], groups_of(50), [60])
    found = other_datasets(unlike, [part], tmp_path / "mine")
    assert list(found) == ["far"]
    assert found["far"] > 0.99
    card = small_model().card
    assert "| `far` | 0.98" not in to_markdown(card, {})
    assert "| `far` | 0.98" in to_markdown(card.model_copy(update={"told_apart": {"far": 0.98}}), {})


def test_blood_cells_are_not_lymphoblasts(shared: Path) -> None:
    """Mean colours alone tell one microscope from another."""
    from leukorepro.data.images import read_rgb
    from leukorepro.features.descriptors.colour import lab_segments
    from leukorepro.features.preprocessing import resize

    def features(files: list[Path]) -> np.ndarray:
        return np.stack([lab_segments(resize(read_rgb(file, 10**7), 64)) for file in files])

    cells = sorted((shared / "cnmc_sample").rglob("fold_*/*/*.bmp"))[::2]
    subject = np.unique([file.name.split("_")[1].casefold() for file in cells], return_inverse=True)[1]
    photographs = sorted((shared / "pbc_subset").rglob("*.jpg"))[::40]
    unlike = fit_unlike(features(cells), subject, [27])
    assert unlike.auroc(features(photographs)) > 0.99
