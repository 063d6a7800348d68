"""Write codemeta.json, the project as CodeMeta 3.0 describes software, from CITATION.cff and pyproject.toml.

python codemeta.py
"""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent


def codemeta(root: Path) -> dict[str, Any]:
    """What both files say, in CodeMeta's words (https://w3id.org/codemeta/3.0)."""
    cited = yaml.safe_load((root / "CITATION.cff").read_text(encoding="utf-8"))
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return {
        "@context": "https://w3id.org/codemeta/3.0",
        "@type": "SoftwareSourceCode",
        "identifier": project["name"],
        "name": cited["title"],
        "description": cited["abstract"],
        "version": cited["version"],
        "license": f"https://spdx.org/licenses/{cited['license']}",
        "author": [{"@type": "Organization", "name": author["name"]} for author in cited["authors"]],
        "keywords": cited["keywords"],
        "programmingLanguage": "Python",
        "runtimePlatform": f"Python {project['requires-python']}",
        "softwareRequirements": project["dependencies"],
        "referencePublication": [_paper(paper) for paper in cited["references"]],
    }


def _paper(paper: dict[str, Any]) -> dict[str, Any]:
    return {
        "@type": "ScholarlyArticle",
        **({"@id": f"https://doi.org/{paper['doi']}"} if "doi" in paper else {}),
        "name": paper["title"],
        "author": [
            {"@type": "Person", "familyName": author["family-names"], "givenName": author["given-names"]}
            for author in paper["authors"]
        ],
        "datePublished": str(paper["year"]),
    }


if __name__ == "__main__":
    text = json.dumps(codemeta(ROOT), indent=2, ensure_ascii=False) + "\n"
    (ROOT / "codemeta.json").write_text(text, encoding="utf-8")
