"""The report in a real browser: `make test-browser`."""

from __future__ import annotations

from pathlib import Path

import pytest
import report_data
from chromium import DESKTOP, PHONE, Chromium

from leukorepro.report.site import build

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a report of two studies; file names, subject ids, labels and texts of one try to run scripts."""
    root = tmp_path_factory.mktemp("run")
    first = report_data.resolve(report_data.ATTEIA, root)
    hostile = report_data.resolve(
        report_data.hostile_study(), root, simulated=False, weights="imagenet", title=report_data.HOSTILE
    )
    results = report_data.write_run(root, [first, hostile], names=report_data.HOSTILE_NAMES)
    build(results / "config.json", results, results / "report")
    return results / "report"


@pytest.fixture(scope="module")
def pages(report: Path) -> list[Path]:
    found = sorted(report.rglob("*.html"))
    assert found
    return found


def test_no_page_complains_asks_a_network_or_runs_a_strangers_script(chromium: Chromium, pages: list[Path]) -> None:
    chromium.size(DESKTOP)
    chromium.requests()
    for page in pages:
        chromium.open(page)
        chromium.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
        chromium.ask("[...document.images].forEach(one => one.loading = 'eager')")
        assert chromium.ask("typeof hurt") == "undefined", page.name
        assert chromium.messages() == [], page.name
    strange = [a for a in chromium.requests() if not a.startswith(("file:", "about:", "data:"))]
    assert strange == []


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_no_page_is_wider_than_the_window(chromium: Chromium, pages: list[Path], size: tuple[int, int]) -> None:
    chromium.size(size)
    for page in pages:
        chromium.open(page)
        chromium.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert chromium.overflow() <= 0, page.name


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(chromium: Chromium, pages: list[Path], scheme: str) -> None:
    chromium.size(DESKTOP)
    chromium.prefer(scheme)
    for page in pages:
        chromium.open(page)
        chromium.ask("document.querySelectorAll('details').forEach(one => one.open = true)")
        # All but contrast is the same in both schemes.
        assert chromium.faults(*(["color-contrast"] if scheme == "dark" else [])) == [], page.name
