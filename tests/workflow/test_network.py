"""Nothing phones home: the run of these tests is made without a network, and Snakemake's report as well."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import TinyProject

pytestmark = pytest.mark.slow


@pytest.fixture
def offline(finished: TinyProject) -> TinyProject:
    if not finished.prefix:
        pytest.skip("this machine lets us close no network (`unshare --net` is refused)")
    return finished


def test_the_run_was_made_without_a_network(offline: TinyProject) -> None:
    devices = offline.run("cat", "/proc/net/dev").splitlines()[2:]
    assert [line.split(":")[0].strip() for line in devices] == ["lo"]
    assert not re.findall(r"^\S", offline.run("cat", "/proc/net/route").partition("\n")[2], flags=re.MULTILINE)
    assert (offline.folder / "results/tiny/report/index.html").is_file()


def test_the_pages_load_nothing_from_a_network(finished: TinyProject) -> None:
    report = finished.folder / "results/tiny/report"
    assert len(list(report.glob("*.html"))) > 5
    for file in (*report.glob("*.html"), report / "assets/style.css"):
        page = file.read_text()
        assert not re.findall(r"""(?:src|<link[^>]*href)\s*=\s*["']?(?:https?:)?//""", page)
        assert not re.findall(r"""(?:@import|url\()\s*["']?(?:https?:)?//""", page)
        for name in re.findall(r"""(?:src|href)="([^"#:]+)""", page):
            assert (report / name).exists(), name


def test_snakemakes_report_has_captions_and_categories(offline: TinyProject, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    offline.snakemake("--report", str(target))
    page = target.read_text()
    assert not re.findall(r"""<(?:script|img|link)[^>]*(?:src|href)\s*=\s*["']?https?://""", page)
    (categories,) = re.findall(r"var categories = (\{.*\});", page)
    assert '"tiny"' in categories
    figures = re.findall(r"results/tiny/report/figures/tiny/[\w-]+\.svg", categories)
    assert {"ladder-1.svg", "roc-1.svg", "confusion-1.svg"} <= {Path(name).name for name in figures}
    assert "Receiver operating characteristics" in page, "the caption of a figure"
    assert "Images of the dataset." not in page, "every figure has a caption of its own"
    assert "Each rung of the leakage ladder" in page, "the text about the workflow"
