"""Where results lie is a contract: other tools read these files, and the documentation names them."""

from __future__ import annotations

import re
from pathlib import Path

from leukorepro.run.paths import Results


def documented(root: Path) -> set[str]:
    """Files and folders that the documentation's table of what comes out names."""
    lines = (root / "docs/reference/results.md").read_text().splitlines()
    return {
        name
        for line in lines
        if line.startswith("| `results/")
        for name in re.findall(r"`([^`]+)`", line[: line.index("|", 1)])
    }


def test_places_are_those_of_the_contract(root: Path) -> None:
    shared, study = Results(), Results().study("<run>", "<study>")
    network = study.network("<rung>", "*")
    places = {
        str(shared.features("<dataset>") / "<extractor>.h5"),
        str(shared.run("<run>") / "config.json"),
        str(shared.run("<run>") / "report/index.html"),
        *(str(study.table(name)) for name in ("metrics", "verdicts", "cell_level", "controls")),
        *(str(file("<rung>")) for file in (study.predictions, study.fitting, study.leakage)),
        str(study.splits("<rung>", "*")),
        f"{network.root}/",
    }
    assert places <= documented(root)


def test_the_contract_of_the_shared_files() -> None:
    elsewhere = Results(Path("elsewhere"))
    assert elsewhere.manifest("cells") == Path("elsewhere/datasets/cells/manifest.csv")
    assert elsewhere.audit("atteia2022") == Path("elsewhere/audit/atteia2022.json")
    study = elsewhere.study("demo", "atteia2022")
    assert study.reducer("as_published", "five_folds", "ESet", "RSet25") == Path(
        "elsewhere/demo/atteia2022/as_published/reducers/five_folds/ESet-RSet25.h5"
    )
    assert [file.name for file in study.network("external", "n").files] == [
        "epochs.csv",
        "weights.safetensors",
        "predictions.parquet",
    ]
