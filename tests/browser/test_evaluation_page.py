"""The page of a model on another laboratory's images in a real browser: `make test-browser`."""

from __future__ import annotations

from pathlib import Path

import pytest
from chromium import DESKTOP, PHONE, Chromium
from model_data import write_small_model
from project_data import draw

from leukorepro.cli.model.evaluate import evaluate

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An evaluation on noise, in files whose names try to run a script."""
    folder = tmp_path_factory.mktemp("evaluated")
    model = write_small_model(folder / "model")
    names = [f"{label}/P{number}_<img src=x onerror=hurt=1>.png" for label in ("all", "healthy") for number in range(6)]
    evaluate(model, draw(folder / "lab", *names), folder / "evaluation", subject_regex=r"(P\d+)_")
    return folder / "evaluation" / "index.html"


def test_it_complains_of_nothing_asks_no_network_and_runs_no_script_of_a_file_name(
    chromium: Chromium, page: Path
) -> None:
    chromium.size(DESKTOP)
    chromium.messages()
    chromium.requests()
    chromium.open(page)
    chromium.ask("[...document.images].forEach(one => one.loading = 'eager')")
    assert chromium.ask("typeof hurt") == "undefined"
    assert chromium.messages() == []
    assert not [asked for asked in chromium.requests() if not asked.startswith(("file:", "about:", "data:"))]


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_it_fits_the_window(chromium: Chromium, page: Path, size: tuple[int, int]) -> None:
    chromium.size(size)
    chromium.open(page)
    assert chromium.overflow() <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault(chromium: Chromium, page: Path, scheme: str) -> None:
    chromium.size(DESKTOP)
    chromium.prefer(scheme)
    chromium.open(page)
    assert chromium.faults() == []
