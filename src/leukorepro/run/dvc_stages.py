"""DVC's stages for a run: what `dvc.yaml` holds.

DVC owns content and decides which stage is stale; Snakemake makes what a stage is asked for, and no rule calls DVC. DVC
removes a stage's outputs before it runs the stage, so outputs are what others read; what is expensive and a stage's own
(fitted reducers, unfinished extractions) lies beside them and is kept, for Snakemake to decide about.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from leukorepro.config.files import CONFIG, published_path, study_path
from leukorepro.core.code import command_code
from leukorepro.core.validation import read_yaml
from leukorepro.run import plan
from leukorepro.run.paths import Results
from leukorepro.run.resolved import ResolvedRun, ResolvedStudy

SOURCE = Path("src/leukorepro")
COMMANDS = {
    "dataset": ("data simulate", "data scan", "data duplicates"),
    "features": ("features weights", "features extract", "features describe"),
    "audit": ("audit published",),
    "study": (
        "features fuse",
        "splits make",
        "models fit",
        "models classify",
        "models control",
        "evaluate",
        "judge",
        "audit rungs",
    ),
    "report": ("report build",),
}
"""Commands that the rules behind each kind of stage call; a test compares them."""

HEADER = """\
# Made by `leukorepro config dvc` from {run_file}; make it again after an edit there (a test compares them).
#
# DVC owns content and decides which stage is stale; Snakemake makes what a stage is asked for, and no rule calls DVC.
# DVC removes a stage's outputs before it runs the stage. So outputs are what others read; what is expensive and theirs
# alone (fitted reducers, unfinished extractions) lies beside them and is kept, for Snakemake to decide about.
"""


def dvc_yaml(run: ResolvedRun, run_file: Path) -> str:
    """Text of `dvc.yaml` for a run.

    Parameters
    ----------
    run : ResolvedRun
    run_file : Path
        Its configuration; the stages follow the keys that they depend on.
    """
    return HEADER.format(run_file=run_file) + yaml.safe_dump(
        {"stages": _Stages(run, run_file).all()}, sort_keys=False, width=120, allow_unicode=True
    )


class _Stages:
    """The stages of a run, by name."""

    def __init__(self, run: ResolvedRun, run_file: Path) -> None:
        self.run = run
        self.run_file = run_file
        self.keys = set(read_yaml(run_file))
        self.datasets = {study.dataset_id: study for study in reversed(run.studies)}
        self.audited = [study.study.key for study in run.studies] + [study.key for study in run.left_out]

    def all(self) -> dict[str, Any]:
        stages = {f"dataset-{name}": self._dataset(study) for name, study in sorted(self.datasets.items())}
        stages |= {f"features-{name}": self._features(name) for name in sorted(self.datasets) if self._parts(name)}
        stages |= {f"audit-{key}": self._audit(key) for key in self.audited}
        stages |= {study.study.key: self._study(study) for study in self.run.studies}
        return {**stages, "report": self._report()}

    def _stage(self, about: str, target: str, deps: list[str], code: str, params: list[str], outs: list[str]) -> Any:
        chosen = f" --configfile {self.run_file}" if self.run_file != CONFIG / "config.yaml" else ""
        wanted = [key for key in params if key in self.keys]
        return {
            "desc": about,
            "cmd": f"snakemake --cores all {target}{chosen}",
            "deps": sorted([*deps, *_code(code)]),
            **({"params": [{str(self.run_file): wanted}]} if wanted else {}),
            "outs": outs,
        }

    def _dataset(self, study: ResolvedStudy) -> Any:
        folder = str(Results().dataset(study.dataset_id))
        deps = [self._dataset_file(study), *([] if study.simulated else [str(study.images)])]
        outs = [folder, *([str(study.images)] if study.simulated else [])]
        about = "Simulated images and their manifest" if study.simulated else "Manifest of the images"
        # All that lies in the folder: a stage behind this one must not add to its output.
        made = f"{folder}/manifest.csv {folder}/duplicates.json"
        return self._stage(about, made, deps, "dataset", ["budget"], outs)

    def _features(self, dataset: str) -> Any:
        file = f"{Results().features(dataset)}/${{item.part}}.h5"
        deps = [str(Results().dataset(dataset))]  # the manifest knows every image by its SHA-256
        params = ["seed", "weights", "engine", "precision"]
        stage = self._stage("Features of every view, one file per extractor", file, deps, "features", params, [file])
        return {"matrix": {"part": self._parts(dataset)}, **stage}

    def _audit(self, key: str) -> Any:
        deps = [str(published_path(key)), str(study_path(key))]
        file = str(Results().audit(key))
        return self._stage("What arithmetic says of the numbers that the paper prints", file, deps, "audit", [], [file])

    def _study(self, study: ResolvedStudy) -> Any:
        key = study.study.key
        deps = [
            str(Results().audit(key)),
            self._dataset_file(study),
            str(published_path(key)),
            str(study_path(key)),
            str(Results().dataset(study.dataset_id)),
            *(f"{Results().features(study.dataset_id)}/{part}.h5" for part in self._parts_of(study)),
        ]
        about = f"Classifiers and metrics of {study.study.citation.authors.split(',')[0]} ({study.study.citation.year})"
        params = ["budget", "seed", "fast_trees", "studies", "controls"]
        results = plan.study_results(self.run, study)
        tables = " ".join(file for file in results if not file.endswith(".parquet"))
        return self._stage(about, tables, deps, "study", params, results)

    def _report(self) -> Any:
        deps = {
            str(self.run_file),
            *(self._dataset_file(study) for study in self.datasets.values()),
            *(str(study_path(key)) for key in self.audited),
            *(str(study.images) for study in self.datasets.values()),
            *(str(Results().dataset(name)) for name in self.datasets),
            *(str(Results().audit(key)) for key in self.audited),
            *(result for study in self.run.studies for result in plan.study_results(self.run, study)),
        }
        folder = str(Results().run(self.run.name) / "report")
        return self._stage("The HTML page", f"{folder}/index.html", sorted(deps), "report", [], [folder])

    def _dataset_file(self, study: ResolvedStudy) -> str:
        return str(plan.dataset_file(study, self.run.budget))

    def _parts_of(self, study: ResolvedStudy) -> list[str]:
        return sorted(plan.used_parts(study))

    def _parts(self, dataset: str) -> list[str]:
        studies = [study for study in self.run.studies if study.dataset_id == dataset]
        return sorted({part for study in studies for part in self._parts_of(study)})


@cache
def _code(kind: str) -> list[str]:
    """Rooms of the code that a kind of stage runs, but single files of the command line, which has one a command."""
    files = {file for command in COMMANDS[kind] for file in command_code(command) if not file.endswith("__init__.py")}
    return [
        f"{SOURCE}/{part}" for part in {file if file.startswith("cli/") else file.partition("/")[0] for file in files}
    ]
