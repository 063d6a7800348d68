"""The report as a site: which pages are drawn, what they follow from, how they are framed and found."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import report_data
import report_validity
from project_data import ROOT
from report_page import site, undrawn

from leukorepro.core.errors import UserError
from leukorepro.core.integrity.recorded import is_record, record
from leukorepro.report.crate import METADATA
from leukorepro.report.drafts import drafts
from leukorepro.report.finished import FinishedRun
from leukorepro.report.folder import earlier_files
from leukorepro.report.kept import Kept
from leukorepro.report.output import Output
from leukorepro.report.pages.contents import Found, Section, read_contents
from leukorepro.report.site import build
from leukorepro.run.resolved import load_resolved

OLD = ("figures/gone/old.svg", "data/old.csv", "paper_gone.html")
"""Files of an earlier report."""

FOREIGN = ("notes.html", "data/mine/cells.csv")
"""Files of somebody else."""

OPENED: list[Path] | None = None
"""Files that are opened, while somebody wants to know."""


def _note(event: str, about: tuple[Any, ...]) -> None:
    if event == "open" and OPENED is not None and isinstance(about[0], str | bytes | os.PathLike):
        OPENED.append(Path(os.fsdecode(about[0])).absolute())


@contextmanager
def opened() -> Iterator[list[Path]]:
    """Every file that Python opens meanwhile."""
    global OPENED
    OPENED = []
    if not opened.__dict__.setdefault("listens", False):
        sys.addaudithook(_note)
        opened.__dict__["listens"] = True
    try:
        yield OPENED
    finally:
        OPENED = None


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two studies that is still to be reported on."""
    root = tmp_path_factory.mktemp("two")
    study = report_data.three_class_study()
    studies = [
        report_data.resolve(study.model_copy(update={"key": key}), root, rungs=("as_published",)) for key in ("a", "b")
    ]
    written = report_data.write_run(root, studies)
    report_validity.write_summary(written.parent, "usual")
    return written


ANEW = {"workflow.svg"}
"""Of the provenance page, which tells of the machine that builds a report, and is put together each time."""


@pytest.fixture(scope="module")
def report(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report, without its figures, in a folder where an earlier one and somebody else have left files."""
    folder = tmp_path_factory.mktemp("report")
    with undrawn():
        build(results / "config.json", results, folder)
        described = json.loads((folder / METADATA).read_text())
        described["@graph"] += [{"@id": name, "@type": "File"} for name in (*OLD, "../outside.html")]
        (folder / METADATA).write_text(json.dumps(described))
        for name in (*OLD, *FOREIGN, "../outside.html"):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("old")
        build(results / "config.json", results, folder)
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_only_pages_whose_inputs_have_changed_are_drawn_again(results: Path, report: Path, tmp_path: Path) -> None:
    """And what is put together in the end is what is drawn anew."""
    kept, made = tmp_path / "kept", tmp_path / "report"
    drawn: list[Path] = []

    def pages() -> set[str]:
        """Names of the pages that are drawn when the report is made."""
        before = set(kept.iterdir()) if kept.exists() else set()
        with undrawn() as figures:
            build(results / "config.json", results, made, kept=kept)
        drawn[:] = figures
        return {place.name.rpartition("-")[0] for place in set(kept.iterdir()) - before}

    table = results / "a" / "verdicts.csv"
    whole, made_at = table.read_text(), table.stat().st_mtime_ns
    try:
        table.write_text(whole.replace(report_data.IMPOSSIBLE, "for another reason"))
        assert {"paper_a", "paper_b", "index"} <= pages()
        assert "For another reason." in site(made, "paper_a.html").text
    finally:
        table.write_text(whole)
        os.utime(table, ns=(made_at, made_at))  # told in the crate
    (kept / "not ours").mkdir()
    assert pages() == {"paper_a", "index"}
    assert {path.parent.name for path in drawn if path.parent.parent.name == "figures"} == {"a", "summary"}
    assert files(made) == {name: content for name, content in files(report).items() if name not in FOREIGN}
    assert len(list(kept.glob("paper_a-*"))) == 1, "the page as it was before"
    assert (kept / "not ours").is_dir()
    assert pages() == set()


def test_a_page_with_pictures_of_cells_is_not_taken_for_one_without(results: Path, tmp_path: Path) -> None:
    run = FinishedRun(load_resolved(results / "config.json"), results / "config.json", results)
    draft = next(drafts(run, ROOT / "Snakefile"))
    assert Kept(tmp_path).place(draft) != Kept(tmp_path, pictures=False).place(draft)


def test_pages_read_no_file_that_they_do_not_follow_from(results: Path, tmp_path: Path) -> None:
    """Else a page would be kept that is no longer right; images count with their manifest."""
    run = FinishedRun(load_resolved(results / "config.json"), results / "config.json", results)
    listed = [draft for draft in drafts(run, ROOT / "Snakefile") if draft.inputs is not None]
    assert len(listed) > 8
    for draft in listed:
        with opened() as read:
            draft.put_together(Output(tmp_path))
        of_run = {file for file in read if results.parent in file.parents and not is_record(file)}
        assert of_run, draft.address
        assert of_run <= {file.absolute() for file in draft.inputs or ()}, draft.address


def test_what_an_earlier_report_left_goes_and_what_is_not_ours_stays(report: Path) -> None:
    assert not any((report / name).exists() for name in (*OLD, "figures/gone"))
    assert {(report / name).read_text() for name in (*FOREIGN, "../outside.html")} == {"old"}


@pytest.mark.parametrize(
    "name", ["data/patients/cell.png", "workflow/Snakefile", "index.html", "ro-crate-metadata.json"]
)
def test_a_folder_of_somebody_else_is_refused_and_left_as_it_is(name: str, results: Path, tmp_path: Path) -> None:
    """As a project's own, whose images lie in `data`."""
    (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
    (tmp_path / name).write_text("{}")
    with pytest.raises(UserError, match=rf"holds {Path(name).parts[0]}, and not of a report"):
        build(results / "config.json", results, tmp_path)
    assert files(tmp_path) == {name: b"{}"}


def test_a_report_that_was_cut_short_is_not_taken_for_the_one_before_it(
    results: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pictures of the first try would stay, whatever the next one may show."""
    with undrawn():
        build(results / "config.json", results, tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr("leukorepro.report.site.write_bytes", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                build(results / "config.json", results, tmp_path)
    with pytest.raises(UserError, match="and not of a report that leukorepro has finished"):
        build(results / "config.json", results, tmp_path)


def test_a_report_is_not_written_through_a_link(results: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "report").mkdir()
    (tmp_path / "report/data").symlink_to(tmp_path / "mine")
    with pytest.raises(UserError, match="report/data: a link"):
        build(results / "config.json", results, tmp_path / "report")


def test_pages_of_studies_that_a_run_no_longer_has_go_where_snakemake_has_removed_the_rest(tmp_path: Path) -> None:
    for name in ("paper_gone.html", "paper_mine.html"):
        (tmp_path / name).write_text(name)
    record(tmp_path / "paper_gone.html")
    assert earlier_files(tmp_path) == {tmp_path / "paper_gone.html"}


def test_the_search_finds_items_in_their_tables_and_leads_to_what_is_there(report: Path) -> None:
    script = (report / "assets" / "search.js").read_text()
    index = json.loads(script.removeprefix("globalThis.searchIndex = ").removesuffix(";\n"))
    found = {one["address"]: dict(one["found"]) for one in index}
    assert found["paper_a.html"]["A & <B>"] == "table-II"
    for address, places in found.items():
        assert set(places.values()) - {""} <= set(site(report, address).ids)


def test_every_page_is_marked_in_the_navigation(report: Path) -> None:
    pages = {file.name: file.read_text() for file in report.glob("*.html")}
    assert len(pages) == 15
    for name, text in pages.items():
        if name != "notes.html":
            navigation = text[text.index("<nav ") : text.index("</nav>")]
            assert navigation.count("aria-current") == 1
            assert f'href="{name.replace("_all_II", "").replace("_short", "")}" aria-current' in navigation
            assert all(f'href="{other}"' in navigation for other in ("index.html", "paper_b.html", "methods.html"))


def test_contents_are_headings_and_heads_of_rows_with_the_sections_they_are_in() -> None:
    body = """<header><h1>A <i>paper</i></h1></header>
      <section id="one"><h2 id="one-title">First &amp; <b>best</b><img src="x"></h2>
        <table><tr><th scope="col">Column</th></tr><tr><th scope="row">Item<span>again</span></th><td>1</td></tr>
        <tr><th scope="rowgroup">Item<span>again</span></th><th scope="row" class="light">rung</th></tr></table>
        <section id="inner"><h3>Inside</h3></section></section>
      <section><h2>Nameless</h2></section>"""
    sections, found = read_contents(body)
    assert sections == (Section("one", "First & best"),)
    assert found == (
        Found("A paper", ""),
        Found("First & best", "one"),
        Found("Item again", "one"),
        Found("Inside", "inner"),
        Found("Nameless", ""),
    )
