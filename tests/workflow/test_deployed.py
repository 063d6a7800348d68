"""The workflow as a module of another one, as snakedeploy writes it into an empty folder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml
from project_copy import PROJECT, ProjectCopy, planned_rules

SNAKEFILE = """\
configfile: "config/config.yaml"


module leukorepro:
    snakefile:
        {snakefile!r}
    config:
        config


use rule * from leukorepro
"""


@pytest.mark.slow
def test_the_workflow_is_a_module_of_another(fresh: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    deployed = ProjectCopy(tmp_path / "empty", tmp_path / "deployed")
    deployed.environment["PYTHONPATH"] = str(fresh / "src")
    shutil.copytree(fresh / "config", deployed.folder / "config")
    (deployed.folder / "workflow").mkdir()
    (deployed.folder / "workflow/Snakefile").write_text(SNAKEFILE.format(snakefile=str(fresh / "workflow/Snakefile")))
    # Another run than the file that the Snakefile names: nothing of that one is taken over.
    run = {"name": "other", "budget": "demo", "studies": [{"study": "atteia2022", "dataset": "allidb_simulated"}]}
    (deployed.folder / "config/runs/other.yaml").write_text(yaml.safe_dump(run))
    chosen = ["--configfile", "config/runs/other.yaml"]
    deployed.run("snakemake", "--cores", "2", "results/audit/atteia2022.json", *chosen)
    assert json.loads((deployed.folder / "results/audit/atteia2022.json").read_text())
    planned = deployed.run("snakemake", "--cores", "2", "--dry-run", *chosen)
    assert "results/other/report/index.html" in planned
    assert {"all", "build_report", "classify", "extract_features"} <= planned_rules(planned)
    assert "explain_atteia2022" not in planned_rules(planned), "which the other file asks for"


def test_the_catalogue_finds_what_it_looks_for() -> None:
    told = yaml.safe_load((PROJECT / ".snakemake-workflow-catalog.yml").read_text())["usage"]
    assert set(told) == {"mandatory-flags", "software-stack-deployment"}
    assert set(told["mandatory-flags"]) == {"desc", "flags"}
    assert set(told["software-stack-deployment"]) == {"conda", "apptainer", "apptainer+conda", "report"}
    assert (PROJECT / "workflow/Snakefile").is_file()
    text = (PROJECT / "config/README.md").read_text()
    keys = json.loads((PROJECT / "config/schema/run.json").read_text())["properties"]
    assert not [key for key in keys if f"`{key}`" not in text]
    assert not [file.name for file in (PROJECT / "config/schema").iterdir() if f"schema/{file.name}" not in text]
