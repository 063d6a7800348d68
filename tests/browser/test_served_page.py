"""The local page of a model in a real browser: `make test-browser`."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chromium import DESKTOP, PHONE, Chromium
from image_files import encoded
from model_data import grey
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import WebDriverWait
from served import serving_model

from leukorepro.inference.serving.app import Limits

pytestmark = pytest.mark.browser

LIMITS = Limits(200_000)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with serving_model(tmp_path_factory.mktemp("served") / "model", LIMITS) as port:
        yield f"http://127.0.0.1:{port}/"


@pytest.fixture
def page(chromium: Chromium, address: str) -> Chromium:
    chromium.size(DESKTOP)
    chromium.prefer("light")
    chromium.open(address)
    chromium.messages()
    chromium.requests()
    return chromium


@pytest.fixture(scope="module")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images to drop, one with a name that tries to run a script, and what is none."""
    folder = tmp_path_factory.mktemp("cells")
    (folder / "bright.png").write_bytes(encoded(grey(0.34, 40), "png"))
    (folder / "<img src=x onerror=hurt=1>.bmp").write_bytes(encoded(grey(0.66, 40), "bmp"))
    (folder / "notes.txt").write_text("no image")
    (folder / "large.bmp").write_bytes(bytes(LIMITS.max_bytes + 1))
    return folder


def drop(page: Chromium, *files: Path) -> None:
    """Through the field that opens the chooser of files, all at once; wait until all are answered."""
    page.one("#files").send_keys("\n".join(map(str, files)))
    wait_for(page, len(files))


def wait_for(page: Chromium, number: int) -> None:
    told = f"{number} of {number} answered."
    WebDriverWait(page.driver, 20).until(lambda _: page.one("#progress").text == told)


def rows(page: Chromium) -> list[str]:
    return [row.text for row in page.all("#rows tr")]


def test_a_dropped_image_gets_class_probability_map_and_warnings(page: Chromium, cells: Path) -> None:
    drop(page, cells / "bright.png")
    (row,) = rows(page)
    assert "all" in row
    assert "probability of all" in row
    assert "bright.png" in row
    assert len(page.all("#rows .pictures img")) == 2
    assert page.ask("[...document.querySelectorAll('#rows img')].every(one => one.complete && one.naturalWidth > 0)")
    assert "Not a medical device" in page.one("aside").text
    assert page.messages() == []
    assert all(asked.startswith(("http://127.0.0.1:", "data:", "about:")) for asked in page.requests())


def test_several_are_answered_in_turn_and_bad_ones_stop_nothing(page: Chromium, cells: Path) -> None:
    files = sorted(cells.iterdir())
    drop(page, *files)
    told = dict(zip([file.name for file in files], rows(page), strict=True))
    assert "not an image" in told["notes.txt"]
    assert "larger than 0.2 MB" in told["large.bmp"]
    assert "healthy" in told["<img src=x onerror=hurt=1>.bmp"]
    assert page.ask("typeof hurt") == "undefined"
    assert page.ask("document.querySelectorAll('#rows img[src=x]').length") == 0
    written = list(csv.DictReader(io.StringIO(page.ask("table()"))))
    assert [row["path"] for row in written] == [file.name for file in files]
    assert {row["path"]: row["status"] for row in written}["notes.txt"] == "not_an_image"
    page.one("#clear").click()
    assert rows(page) == []


def test_a_file_may_be_dropped_anywhere(page: Chromium) -> None:
    page.driver.execute_script(
        "const given = new DataTransfer(); given.items.add(new File(['no image'], '=1+1'));"
        "document.body.dispatchEvent(new DragEvent('drop', {bubbles: true, cancelable: true, dataTransfer: given}));"
    )
    wait_for(page, 1)
    assert "=1+1" in rows(page)[0]
    assert "\n'=1+1,not_an_image," in page.ask("table()")  # no formula to a spreadsheet


def test_the_chooser_is_reached_by_keyboard(page: Chromium) -> None:
    page.press(Keys.TAB, Keys.TAB)
    assert page.ask("document.activeElement.id") == "files"


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_the_page_fits_the_window(page: Chromium, cells: Path, size: Any) -> None:
    page.size(size)
    drop(page, *sorted(cells.iterdir()))
    assert page.overflow() <= 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_fault(page: Chromium, cells: Path, scheme: str) -> None:
    page.prefer(scheme)
    drop(page, *sorted(cells.iterdir()))
    assert page.faults() == []
