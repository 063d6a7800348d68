"""The report in a real browser: `make test-browser`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import report_data
import report_validity
from chromium import DESKTOP, PHONE, Chromium
from selenium.webdriver.common.keys import Keys

from leukorepro.report.site import build

pytestmark = pytest.mark.browser

BIGGEST = "paper_atteia2022_all_1.html"
"""A page with a long table, in which the rows of an item belong together."""
UNFOLD = "document.querySelectorAll('details').forEach(one => one.open = true)"


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a report of two studies; file names, subject ids, labels and texts of one try to run scripts."""
    root = tmp_path_factory.mktemp("run")
    first = report_data.resolve(report_data.ATTEIA, root)
    hostile = report_data.resolve(
        report_data.hostile_study(), root, simulated=False, weights="imagenet", title=report_data.HOSTILE
    )
    results = report_data.write_run(root, [first, hostile], names=report_data.HOSTILE_NAMES)
    report_validity.write_summary(results.parent, "ours", "usual", "no_difference")
    build(results / "config.json", results, results / "report")
    return results / "report"


@pytest.fixture(scope="module")
def pages(report: Path) -> list[Path]:
    found = sorted(report.rglob("*.html"))
    assert len(found) > 8
    return found


@pytest.fixture(autouse=True)
def as_usual(chromium: Chromium) -> Iterator[None]:
    """Each test begins with a wide window, a system that prefers light, and no choice of the reader's."""
    chromium.size(DESKTOP)
    chromium.prefer("light")
    chromium.messages()  # of tests before
    yield
    chromium.driver.execute_script("localStorage.clear()")


def columns(chromium: Chromium, number: int) -> list[list[str]]:
    """Of each group of rows of the page's first table: the values in a column, or nothing where there is none."""
    return chromium.ask(
        "[...document.querySelector('main table').tBodies].map(body => [...body.rows].map(row => "
        "row.cells[row.cells.length - arguments[0]].querySelector('data')?.value ?? ''))",
        number,
    )


def test_no_page_complains_asks_a_network_or_runs_a_strangers_script(chromium: Chromium, pages: list[Path]) -> None:
    chromium.requests()
    for page in pages:
        chromium.open(page)
        chromium.ask(UNFOLD)
        chromium.ask("[...document.images].forEach(one => one.loading = 'eager')")
        chromium.one("form.search input").send_keys("hurt")
        assert chromium.all(".results a"), page.name
        assert chromium.ask("typeof hurt") == "undefined", page.name
        assert chromium.messages() == [], page.name
    asked = chromium.requests()
    assert len(asked) > len(pages)
    assert [address for address in asked if not address.startswith(("file:", "about:"))] == []


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_no_page_is_wider_than_the_window(chromium: Chromium, pages: list[Path], size: tuple[int, int]) -> None:
    chromium.size(size)
    for page in pages:
        chromium.open(page)
        chromium.ask(UNFOLD)
        assert chromium.overflow() <= 0, page.name


def test_the_first_page_fits_a_screen(chromium: Chromium, report: Path) -> None:
    """With five papers: of two, the table's other three rows are added to what is measured."""
    chromium.size((1280, 800))
    chromium.open(report / "index.html")
    end = chromium.ask("document.querySelector('#summary').getBoundingClientRect().bottom")
    row = chromium.ask("document.querySelector('#summary tbody tr').getBoundingClientRect().height")
    assert end + 3 * row <= 800


@pytest.mark.parametrize(
    ("size", "scheme", "rules"),
    [
        (DESKTOP, "light", []),
        (DESKTOP, "dark", ["color-contrast"]),
        (PHONE, "light", ["scrollable-region-focusable", "link-in-text-block"]),
    ],
    ids=["light", "dark", "phone"],
)
def test_axe_finds_no_fault(
    chromium: Chromium, pages: list[Path], size: tuple[int, int], scheme: str, rules: list[str]
) -> None:
    """All that axe knows on a wide and light page; on others, what may differ there."""
    chromium.size(size)
    chromium.prefer(scheme)
    for page in pages:
        chromium.open(page)
        chromium.ask(UNFOLD)
        assert chromium.faults(*rules) == [], page.name


def test_axe_would_find_one(chromium: Chromium, report: Path) -> None:
    chromium.open(report / "index.html")
    chromium.ask("document.querySelector('main').insertAdjacentHTML('beforeend', '<img src=\"x\"><a href=\"y\"></a>')")
    assert {fault.partition(":")[0] for fault in chromium.faults()} == {"image-alt", "link-name"}


@pytest.mark.parametrize("key", [Keys.ENTER, Keys.SPACE])
def test_tables_are_sorted_by_keys_and_rows_of_an_item_stay_together(
    chromium: Chromium, report: Path, key: str
) -> None:
    chromium.open(report / BIGGEST)
    before = columns(chromium, 1)
    assert len(before) > 3
    head = chromium.one("main table thead th:last-child")
    chromium.driver.execute_script("arguments[0].querySelector('button').focus()", head)
    chromium.press(key)
    assert head.get_attribute("aria-sort") == "ascending"
    assert columns(chromium, 1) == sorted(before, key=lambda group: min(float(v) for v in group if v))
    chromium.press(key)
    assert head.get_attribute("aria-sort") == "descending"
    assert columns(chromium, 1) == sorted(before, key=lambda group: -max(float(v) for v in group if v))
    chromium.press(key)
    assert head.get_attribute("aria-sort") == "none"
    assert columns(chromium, 1) == before


def test_a_table_shows_rows_with_some_words_and_says_how_many(chromium: Chromium, report: Path) -> None:
    chromium.open(report / BIGGEST)
    table = chromium.one("main .scroll")
    names = chromium.ask("[...document.querySelectorAll('main tbody th[scope=rowgroup]')].map(th => th.textContent)")
    wanted = names[1]
    assert table.find_element("css selector", "output").text == f"{6 * len(names)} rows"
    table.find_element("css selector", "input").send_keys(wanted)
    shown = [name for name in chromium.all("main tbody th[scope=rowgroup]") if name.is_displayed()]
    assert [name.text for name in shown] == [name for name in names if wanted in name]
    assert table.find_element("css selector", "output").text == f"{6 * len(shown)} of {6 * len(names)} rows"


def test_a_slash_opens_the_search_which_leads_to_other_pages(chromium: Chromium, report: Path) -> None:
    chromium.open(report / "index.html")
    chromium.press("/")
    chromium.press("SPLITS leakage")
    first = chromium.all(".results a")[0].get_attribute("href")
    assert first == f"{(report / 'paper_atteia2022.html').as_uri()}#leakage"
    chromium.press(Keys.ARROW_DOWN, Keys.ENTER)
    assert chromium.driver.current_url == first
    assert chromium.one(":target h2").is_displayed()
    chromium.press("/")
    chromium.press("no such words", Keys.ESCAPE)
    assert not chromium.one(".results").is_displayed()
    assert chromium.one("form.search input").get_attribute("value") == ""


def test_an_address_inside_of_something_folded_opens_it(chromium: Chromium, report: Path) -> None:
    chromium.open(report / "paper_atteia2022.html")
    inside = "document.querySelector('main details tbody tr:last-child')"
    chromium.driver.execute_script(f"{inside}.id = 'deep'; location.hash = 'deep'")
    assert chromium.ask(f"{inside}.closest('details').open")
    assert 0 <= chromium.ask(f"{inside}.getBoundingClientRect().top") < DESKTOP[1]


def test_the_readers_choice_of_dark_stays_on_other_pages(chromium: Chromium, report: Path) -> None:
    def is_dark() -> bool:
        red = chromium.ask("getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0]")
        return int(red) < 128

    chromium.open(report / "index.html")
    assert not is_dark()
    chromium.one("button.scheme").click()
    assert is_dark()
    chromium.open(report / "methods.html")
    assert is_dark()
    assert chromium.one("button.scheme").get_attribute("aria-pressed") == "true"
    chromium.prefer("dark")
    chromium.one("button.scheme").click()
    assert not is_dark()


def test_tab_reaches_everything_in_the_order_of_the_page_and_leaves_it(chromium: Chromium, report: Path) -> None:
    chromium.open(report / BIGGEST)
    name = "(e => [...document.querySelectorAll('*')].indexOf(e))"
    reached = []
    while True:
        chromium.press(Keys.TAB)
        place, visible = chromium.ask(
            f"[{name}(document.activeElement), document.activeElement.getBoundingClientRect().width > 0]"
        )
        if chromium.ask("document.activeElement === document.body") or place in reached:
            break
        assert visible
        reached.append(place)
    assert reached == sorted(reached)
    expected = chromium.ask(
        f"[...document.querySelectorAll('a[href], button, input, summary, [tabindex=\"0\"]')]"
        f".filter(e => e.checkVisibility() && e.getClientRects().length).map({name})"
    )
    assert reached == expected
    kinds = chromium.ask("arguments[0].map(n => document.querySelectorAll('*')[n].className)", reached)
    assert kinds[0] == "skip"
    assert "sort" in kinds


def test_the_first_column_stays_where_a_table_is_moved_to_the_side(chromium: Chromium, pages: list[Path]) -> None:
    chromium.size(PHONE)
    moved = 0
    for page in pages:
        chromium.open(page)
        chromium.ask(UNFOLD)
        moved += chromium.ask(
            """[...document.querySelectorAll('main .scroll')].filter(frame => {
              frame.scrollLeft = 150;
              const edge = frame.getBoundingClientRect().left;
              const firsts = frame.querySelectorAll('tbody th:not(.light)');
              if (frame.scrollLeft < 150 || !firsts.length) return false;
              for (const cell of firsts)
                if (Math.abs(cell.getBoundingClientRect().left - edge) > 1) throw new Error(cell.textContent);
              return true;
            }).length"""
        )
    assert moved > 5


def test_a_printed_page_has_its_tables_whole_and_no_controls(chromium: Chromium, report: Path, tmp_path: Path) -> None:
    chromium.prefer("dark")
    chromium.open(report / "paper_atteia2022.html")
    sheets = chromium.pdf(tmp_path / "page.pdf")
    text = " ".join(" ".join(sheets).split())
    assert len(sheets) > 3
    items = chromium.ask("[...document.querySelectorAll('main table.three tbody th')].map(th => th.textContent.trim())")
    assert items
    for item in items:
        assert item in text
    folded = chromium.ask("document.querySelector('main details tbody th').textContent.trim()")
    assert folded in text
    assert "Simulated images" in text
    for control in ("Search", "Only rows with", "Figure (SVG)", "Provenance"):
        assert control not in text


def test_everything_can_be_read_without_scripts(chromium: Chromium, report: Path) -> None:
    chromium.scripts(False)
    try:
        chromium.open(report / BIGGEST)
        assert chromium.all("button") == []
        assert not chromium.one("form.search").is_displayed()
        assert all(row.is_displayed() for row in chromium.all("main tbody tr"))
        chromium.one("nav a[href='index.html']").click()
        assert chromium.driver.current_url.endswith("/index.html")
    finally:
        chromium.scripts(True)


def test_every_table_and_figure_can_be_taken_along(chromium: Chromium, pages: list[Path]) -> None:
    taken = set()
    for page in pages:
        chromium.open(page)
        without = chromium.ask(
            "[...document.querySelectorAll('main table')].filter(t => !t.parentNode.querySelector('a[href$=\".csv\"]'))"
            ".map(t => t.outerHTML.slice(0, 200))"
        )
        assert without == []
        alone = chromium.ask(
            "[...document.images].filter(i => i.src.endsWith('.svg') && "
            "!i.closest('figure, section').querySelector(`a[href='${i.getAttribute('src')}']`)).map(i => i.src)"
        )
        assert alone == []
        taken |= set(chromium.ask("[...document.querySelectorAll('main a[href]')].map(a => a.getAttribute('href'))"))
    files = [address for address in taken if address.endswith((".csv", ".svg"))]
    assert files
    for address in files:
        assert (pages[0].parent / address).is_file(), address
