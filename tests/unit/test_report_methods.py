"""The methods page: sentences that follow from the run, for any study, on the page and as text."""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
import pytest
import report_data
from project_data import ROOT
from report_page import Page, words

from leukorepro.core.store import sha256_file
from leukorepro.report.finished import FinishedRun
from leukorepro.report.output import Output
from leukorepro.report.pages.methods.page import methods_page
from leukorepro.report.pages.methods.systems import splits_told, systems_told
from leukorepro.run.plan import used_splits
from leukorepro.run.resolve import resolve
from leukorepro.run.resolved import ResolvedStudy, load_resolved


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """A run of the first paper on simulated images, and of a study with hostile names on real ones."""
    root = tmp_path_factory.mktemp("run")
    own = report_data.resolve(
        report_data.three_class_study(), root, simulated=False, weights="imagenet", rungs=("as_published",), title="<i>"
    )
    tested = {rung: protocol.model_copy(update={"held_out": True}) for rung, protocol in own.protocols.items()}
    own = own.model_copy(update={"protocols": tested})
    paper = report_data.resolve(report_data.ATTEIA, root, rungs=("as_published", "subject_disjoint"))
    results = report_data.write_run(root, [paper, own])
    return FinishedRun(load_resolved(results / "config.json"), results / "config.json", results)


@pytest.fixture(scope="module")
def drawn(finished: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    (folder / "methods.html").write_text(methods_page(finished, Output(folder)).body)
    return folder


def of_study(text: str, name: str) -> dict[str, str]:
    """Passages of a study in the Markdown, by their headings."""
    (part,) = re.findall(rf"^## {re.escape(name)}\n(.*?)(?=^## )", text, flags=re.MULTILINE | re.DOTALL)
    return dict(re.findall(r"^### (.*)\n\n(.*)$", part, flags=re.MULTILINE))


def test_what_was_done_is_told_from_the_run_and_its_files(finished: FinishedRun, drawn: Path) -> None:
    told = of_study((drawn / "data/methods.md").read_text(), "Atteia (2022)")
    manifest = finished.results.manifest("atteia2022-data")
    assert sha256_file(manifest) in told["Images"]
    assert "drawn by the simulator of leukorepro and show no patient" in told["Images"]
    assert "60 image files, of which 59 were read" in told["Images"]
    assert "1 truncated" in told["Images"]
    assert "five_folds (Table 1): stratified 5-fold cross-validation" in told["Splits and copies"]
    assert "mirrored left to right; mirrored top to bottom" in told["Splits and copies"]
    assert "GoogLeNet, output of the layer gap, on images of 224" in told["Features"]
    assert "ab" * 32 in told["Features"]
    assert "max epochs 6" in told["Reducers"], "the demonstration's, not the paper's 750"
    assert "degree 3" in told["Classifiers"]
    assert "accuracy, specificity, sensitivity and precision" in told["Measures and intervals"]
    assert "random network weights" in told["What differs from the paper"]
    assert told["What the paper leaves open"] == "Seed (cubic_svm). Taken: 0. Why: usual."


def test_another_study_is_told_otherwise(drawn: Path) -> None:
    told = of_study((drawn / "data/methods.md").read_text(), "Bee et al. (2024)")
    assert "simulator" not in told["Images"]
    assert "Reducers" not in told, "it has none"
    assert "weights trained on ImageNet" in told["Features"]
    assert "Subject-disjoint was not run" in told["Protocols"]
    assert "; the held-out part is tested, as in the paper." in told["Protocols"]
    assert "subjects not being known" in told["Measures and intervals"]
    assert "demo budget" in told["What differs from the paper"].lower()


def test_the_page_says_what_the_text_says_and_escapes_names(drawn: Path) -> None:
    page = Page((drawn / "methods.html").read_text())
    text = (drawn / "data/methods.md").read_text()
    shown = words(page)
    for line in text.splitlines()[2:]:
        assert (
            " ".join(line.lstrip("# ").split()) in shown
            or line.startswith(("# ", "## All studies"))
            or ("Demo budget: fewer" in line)
        )
    assert "A <b>bold</b> title" in text
    assert "A &lt;b&gt;bold&lt;/b&gt; title" in (drawn / "methods.html").read_text()
    assert {"intervals", "differences", "verdicts", "reforms", "tripod-ai"} <= set(page.ids)
    assert len(page.ids) == len(set(page.ids))


def test_the_answers_to_checklists_are_files_too(drawn: Path) -> None:
    page = (drawn / "methods.html").read_text()
    for name, count in (("reforms", 32), ("tripod-ai", 52)):
        table = pd.read_csv(drawn / f"data/{name}.csv", dtype=str, keep_default_na=False)
        assert len(table) == count
        assert f"data/{name}.csv" in page
        for address in " ".join(table["where"]).split():
            assert f'href="{address}"' in page


@pytest.fixture(scope="module")
def studies() -> list[ResolvedStudy]:
    """Every study of the papers, whole, on simulated images."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(ROOT)
        return resolve(Path("config/runs/simulated.yaml"), {}).studies


@pytest.mark.parametrize("budget", ["demo", "published"])
def test_every_part_of_every_paper_is_told(studies: list[ResolvedStudy], budget: str) -> None:
    assert len(studies) == 5
    for study in studies:
        items = [item for table in study.study.tables.values() for item in table.items]
        for section in ("reducer", "classifier"):
            sentences = list(systems_told(study, section, budget))
            used = {getattr(item, section) for item in items} - {None}
            assert {sentence.partition(": ")[0] for sentence in sentences} == used
            for sentence in sentences:
                assert re.fullmatch(r".+: \S.{10,}\.", sentence), sentence
                assert not re.search(r"[{}\[\]]|None|\bdemo\b|published ", sentence), sentence
        told = " ".join(splits_told(study, range(7, 8)))
        assert told.count("dealt out with the seed 7") == len(used_splits(study))
        several = " ".join(splits_told(study, range(7, 10)))
        assert several.count("dealt out anew with each of the seeds 7 to 9.") == len(used_splits(study))
        assert "{" not in told
