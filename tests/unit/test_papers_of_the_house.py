"""Licence, citation and changelog say what the project's own files say."""

from __future__ import annotations

import json
import tomllib
from importlib import util
from pathlib import Path

import pytest
import yaml

from leukorepro.config.study.study import load_study


@pytest.fixture(scope="module")
def citation(root: Path) -> dict[str, object]:
    return yaml.safe_load((root / "CITATION.cff").read_text("utf-8"))


@pytest.fixture(scope="module")
def project(root: Path) -> dict[str, object]:
    return tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]


def test_the_citation_has_the_projects_version_and_licence(citation: dict, project: dict, root: Path) -> None:
    assert citation["license"] == project["license"]
    assert citation["cff-version"] == "1.2.0"
    assert {"authors", "message", "title"} <= citation.keys(), "which the format requires"
    assert (root / "LICENSE").read_text().startswith("BSD 3-Clause License")
    assert f"\n## {citation['version']}\n" in (root / "CHANGELOG.md").read_text()


def test_codemeta_says_the_same(root: Path) -> None:
    spec = util.spec_from_file_location("codemeta", root / "codemeta.py")
    assert spec is not None
    assert spec.loader is not None
    written = util.module_from_spec(spec)
    spec.loader.exec_module(written)
    assert json.loads((root / "codemeta.json").read_text("utf-8")) == written.codemeta(root), "python codemeta.py"


def test_the_citation_names_the_papers_of_all_studies(citation: dict, root: Path) -> None:
    cited = {(paper["title"], paper["year"], paper.get("doi")) for paper in citation["references"]}
    papers = [load_study(file).citation for file in (root / "config/studies").glob("*.yaml")]
    assert cited == {(paper.title, paper.year, paper.doi) for paper in papers}


def test_the_citation_names_all_authors_of_a_paper(citation: dict, root: Path) -> None:
    for file in (root / "config/studies").glob("*.yaml"):
        paper = load_study(file).citation
        (found,) = [cited for cited in citation["references"] if cited["title"] == paper.title]
        assert all(author["family-names"] in paper.authors for author in found["authors"])
        assert len(found["authors"]) == paper.authors.replace(" and ", ", ").count(", ") + 1
