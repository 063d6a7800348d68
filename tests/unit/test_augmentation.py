"""Random changes of training images, against the views of data preparation and torchvision's transforms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from leukorepro.config.study.training import Augmentation
from leukorepro.data.views import apply_view
from leukorepro.systems.training.augmentation import augmented

ROWS = torch.arange(40, 80)


def images(height: int = 24, width: int = 24) -> Tensor:
    """Smooth, so that how a value between pixels is rounded makes little difference."""
    down, right = np.meshgrid(np.linspace(0, 3, height), np.linspace(0, 3, width), indexing="ij")
    waves = np.stack([np.sin(down + 2 * right), np.cos(3 * down), np.sin(right) * np.cos(down)], -1)
    return torch.from_numpy((100 + 90 * waves).astype(np.uint8)).expand(len(ROWS), -1, -1, -1)


def change(how: Augmentation, seed: int = 3, epoch: int = 1, given: Tensor | None = None) -> np.ndarray:
    return augmented(images() if given is None else given, ROWS, how, seed, epoch).numpy()


@pytest.mark.parametrize(("flip", "view"), [("horizontal", "hflip"), ("vertical", "vflip")])
def test_flips_are_the_views(flip: str, view: str) -> None:
    """Half of the images, to the last bit, on images that are no square too."""
    given = images(20, 31)
    made = change(Augmentation(flips=[flip]), given=given)  # type: ignore[list-item]
    flipped = apply_view(given[0].numpy(), view, "")
    of_each = [np.array_equal(image, flipped) for image in made]
    assert all(
        np.array_equal(image, given[0]) for image, is_flipped in zip(made, of_each, strict=True) if not is_flipped
    )
    assert 10 <= sum(of_each) <= 30


def test_turned_moved_and_zoomed_as_torchvision_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every draw at its largest, on wide images; a grey level of tolerance for rounding."""
    draws = np.ones(7)
    monkeypatch.setattr(np.random, "default_rng", lambda _: type("Ones", (), {"uniform": lambda *_: draws})())
    given = images(24, 36)
    for angle, zoom in [(30, 0.0), (17, 0.25)]:
        made = change(Augmentation(rotation=angle, zoom=zoom), given=given)[0]
        turned = transforms.affine(
            given[0].permute(2, 0, 1), angle, [0, 0], 1 + zoom, [0.0, 0.0], InterpolationMode.BILINEAR
        ).permute(1, 2, 0)
        np.testing.assert_allclose(made.astype(int), turned.numpy().astype(int), rtol=0, atol=1)
    moved = change(Augmentation(shift=0.25), given=given)[0]
    np.testing.assert_array_equal(moved[:18, :27], given[0, 6:, 9:])
    assert not moved[18:].any()
    assert not moved[:, 27:].any()


def test_draws_stay_within_what_is_asked_for() -> None:
    grey = torch.full((len(ROWS), 8, 8, 3), 100, dtype=torch.uint8)
    made = change(Augmentation(brightness=0.3), given=grey)
    levels = made[:, 0, 0, 0].astype(int)
    assert (made == levels[:, None, None, None]).all()
    assert levels.min() in range(70, 80)
    assert levels.max() in range(120, 131)


def test_an_image_is_changed_alike_in_every_batch_and_anew_in_every_epoch() -> None:
    how = Augmentation(flips=["horizontal", "vertical"], rotation=20, shift=0.1, zoom=0.2, brightness=0.1)
    whole = change(how)
    some = augmented(images()[5:9], ROWS[5:9], how, 3, 1).numpy()
    np.testing.assert_array_equal(some, whole[5:9])
    for other in (change(how, epoch=2), change(how, seed=4)):
        assert (other != whole).reshape(len(ROWS), -1).any(1).all()


def test_a_change_of_nothing_is_refused() -> None:
    with pytest.raises(ValidationError, match="names no change"):
        Augmentation()
