"""DVC's stages for a run: what `dvc.yaml` holds.

DVC owns content and decides which stage is stale; Snakemake makes what a stage is asked for, and no rule calls DVC. DVC
removes a stage's outputs before it runs the stage, so outputs are what others read; what is expensive and a stage's own
(fitted reducers, unfinished extractions) lies beside them and is kept, for Snakemake to decide about.

A stage depends on every file that its jobs read and that no stage makes. Which stages there are, and on which keys and
files they depend, follows from the run as it is when they are written; the first stage sees that this still holds.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from leukorepro.config.files import CONFIG, dataset_path, published_path, study_path
from leukorepro.config.runs import load_run
from leukorepro.core.code import command_code
from leukorepro.core.errors import UserError
from leukorepro.core.integrity.recorded import record_of
from leukorepro.core.validation import read_yaml
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.backbones.specification import TimmWeights
from leukorepro.features.parts import ResolvedExtractor
from leukorepro.run import plan
from leukorepro.run.dvc.programs import CHECK, RECORDS
from leukorepro.run.dvc.records import SNAKEMAKE
from leukorepro.run.paths import Results
from leukorepro.run.resolved import ResolvedRun, ResolvedStudy
from leukorepro.run.weights import users_file

SOURCE = Path("src/leukorepro")
FILE = Path("dvc.yaml")
COMMANDS = {
    "stages": ("config dvc",),
    "dataset": ("data simulate", "data scan", "data duplicates"),
    "features": ("features weights", "features extract", "features describe", "features join"),
    "audit": ("audit published",),
    "study": (
        "features fuse",
        "splits make",
        "models fit",
        "models classify",
        "models control",
        "models explain",
        "evaluate",
        "judge",
        "audit rungs",
    ),
    "report": ("report build",),
}
"""Commands that the rules behind each kind of stage call; a test compares them."""

HEADER = """\
# Made by `leukorepro config dvc` from {run_file}; the first stage says when it must be made again.
#
# DVC owns content and decides which stage is stale; Snakemake makes what a stage is asked for, and no rule calls DVC.
# DVC removes a stage's outputs before it runs the stage. So outputs are what others read; what is expensive and theirs
# alone (fitted reducers, unfinished extractions) lies beside them and is kept, for Snakemake to decide about.
"""


def check_checkout() -> None:
    """Refuse a project that runs an installed leukorepro.

    Raises
    ------
    UserError
        If the code that stages depend on does not lie in this project.
    """
    if not SOURCE.is_dir():
        raise UserError(f"{SOURCE}: no such folder; stages depend on the code, so they need a checkout of leukorepro.")


def dvc_yaml(run: ResolvedRun, run_file: Path) -> str:
    """Text of `dvc.yaml` for a run.

    Parameters
    ----------
    run : ResolvedRun
    run_file : Path
        Its configuration; the stages follow the keys that they depend on.
    """
    return HEADER.format(run_file=run_file) + yaml.safe_dump(
        {"stages": _Stages(run, run_file).all()} | _shown(run), sort_keys=False, width=120, allow_unicode=True
    )


def _shown(run: ResolvedRun) -> Any:
    """What `dvc metrics` and `dvc plots` show: every study's headline on its rungs, and the report's figure of them."""
    headlines = {study.study.key: str(Results().study(run.name, study.study.key).headline) for study in run.studies}
    if not headlines:
        return {}
    figure = Results().run(run.name) / "report/figures/summary/headlines.svg"
    return {
        "metrics": [_escaped(file) for file in headlines.values()],
        "plots": [
            *(
                {
                    _escaped(file): {
                        "title": f"Headline of {study.study.key}",
                        "template": "bar_horizontal",
                        "x": study.study.tables[study.study.headline.partition("/")[0]].metrics[0],
                        "y": "rung",
                    }
                }
                for study, file in zip(run.studies, headlines.values(), strict=True)
            ),
            _escaped(str(figure)),
        ],
    }


def check_stages(run: ResolvedRun, run_file: Path, file: Path) -> None:
    """See that a file of stages says what it would say if it were written now.

    Parameters
    ----------
    run : ResolvedRun
        As it is configured now.
    run_file : Path
        Its configuration.
    file : Path
        The stages: `dvc.yaml`, or one of the same kind.

    Raises
    ------
    UserError
        If it does not, with the stages that differ.
    """
    old, new = map(_named_stages, (read_yaml(file), yaml.safe_load(dvc_yaml(run, run_file))))
    differ = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    if differ:
        raise UserError(
            f"{file}: the run has changed since it was written ({', '.join(differ)}); write it again with "
            f"`{_command(run_file, file)}`."
        )


def _named_stages(content: Any) -> dict[str, Any]:
    """Stages by name, of whatever a file holds."""
    stages = content.get("stages") if isinstance(content, dict) else None
    return stages if isinstance(stages, dict) else {}


def _command(run_file: Path, file: Path) -> str:
    """The command that writes a run's stages."""
    chosen = f" --run {shlex.quote(str(run_file))}" if run_file != CONFIG / "config.yaml" else ""
    return f"leukorepro config dvc{chosen}" + (f" --output {shlex.quote(str(file))}" if file != FILE else "")


class _Stages:
    """The stages of a run, by name."""

    def __init__(self, run: ResolvedRun, run_file: Path) -> None:
        self.run = run
        self.run_file = run_file
        self.keys = set(read_yaml(run_file))
        self.parts = {name: part for study in run.studies for name, part in plan.parts_of(run, study).items()}
        self.datasets = plan.datasets_of(run)
        self.audited = [study.study.key for study in run.studies] + [study.key for study in run.left_out]

    def all(self) -> dict[str, Any]:
        stages = {CHECK: self._itself()}  # DVC begins with the first that waits for no other
        stages |= {f"dataset-{name}": self._dataset(found) for name, found in sorted(self.datasets.items())}
        for name in sorted(self.datasets):
            stages |= self._features(self.datasets[name])
        stages |= {f"audit-{key}": self._audit(key) for key in self.audited}
        stages |= {study.study.key: self._study(study) for study in self.run.studies}
        stages["report"] = self._report()
        stages[RECORDS] = self._records()
        return {re.sub(r"[^\w-]", "_", name): stage for name, stage in stages.items()}  # DVC allows no dots there

    def _stage(
        self,
        about: str,
        target: str,
        deps: Iterable[Path],
        code: str,
        params: list[str],
        outs: Sequence[Path | str],
        more_params: Mapping[Path, list[str]] | None = None,
        joined: Sequence[str] = (),
    ) -> Any:
        chosen = f" --configfile {shlex.quote(str(self.run_file))}" if self.run_file != CONFIG / "config.yaml" else ""
        wanted = {self.run_file: [key for key in params if key in self.keys], **(more_params or {})}
        params_of = [{str(file): keys} for file, keys in wanted.items() if keys]
        return {
            "desc": about,
            "cmd": f"snakemake --cores all {target}{_escaped(chosen)}",
            "deps": sorted([*_listed(deps, code), *joined]),
            **({"params": params_of} if params_of else {}),
            "outs": [str(file) for file in outs],
        }

    def _itself(self) -> Any:
        """Whether these are still the stages of the run; DVC lets no stage depend on the file itself."""
        about = "Whether the run is still the one that this file was written for"
        return {
            "desc": about,
            "cmd": f"{_escaped(_command(self.run_file, FILE))} --check",
            **({"always_changed": True} if self._lacks_what_may_come() else {}),
            "deps": _listed(self._put_together_from(), "stages"),
        }

    def _put_together_from(self) -> list[Path]:
        """Files and folders that the run is put together from."""
        choices = load_run(self.run_file).studies
        return [
            self.run_file,
            *(study_path(choice.study) for choice in choices),
            *(dataset_path(choice.dataset) for choice in choices),
            *(dataset_path(choice.external.dataset) for choice in choices if choice.external is not None),
            *(source for found in self.datasets.values() for source in plan.sources_of(found)),
            *(file for part in self.parts for file in self._weights(part)),
            *(file for study in self.run.studies for file in _tuned_weights(study)),
        ]

    def _lacks_what_may_come(self) -> bool:
        """Whether something would change the stages if it came: no stage can depend on what is not there."""
        parts = (part for part in self.parts.values() if isinstance(part, ResolvedExtractor))
        published = (part for part in parts if part.weights == "imagenet")
        of_hub = (part for part in published if isinstance(find_backbone(part.backbone).weights, TimmWeights))
        # A user's own file goes before the hub's.
        return bool(self.run.not_run) or any(users_file(part) is None for part in of_hub)

    def _dataset(self, found: plan.Found) -> Any:
        folder = Results().dataset(found.id)
        drawn = [part.images for part in found.parts if part.simulated]
        deps = [*self._configurations(found), *plan.sources_of(found), *(() if found.simulated else drawn)]
        outs = [folder, *(drawn if found.simulated else [])]
        about = "Simulated images and their manifest" if found.simulated else "Manifest of the images"
        # All that lies in the folder: a stage behind this one must not add to its output.
        made = f"{folder}/manifest.csv {folder}/duplicates.json"
        return self._stage(about, made, deps, "dataset", ["budget", *_mapped(found)], outs)

    def _features(self, found: plan.Found) -> dict[str, Any]:
        """A stage for all parts, and one for each that depends on a user's own file of weights.

        Of two datasets those that are put together depend on the features of each.
        """
        studies = [study for study in self.run.studies if found.id in _ids(study)]
        weights = {part: self._weights(part) for study in studies for part in plan.made_parts(self.run, study)}
        joined = {part for part in weights if len(found.parts) > 1 and plan.joins_features(self.parts[part])}
        groups: dict[str, list[str]] = {}
        for part, files in sorted(weights.items()):
            group = "-joined" if part in joined else f"-{part}" if files else ""
            groups.setdefault(group, []).append(part)
        file = f"{Results().features(found.id)}/${{item.part}}.h5"
        views = {study_path(study.study.key): _keys_of_views(study) for study in studies}
        return {
            f"features-{found.id}{group}": {
                "matrix": {"part": parts},
                **self._stage(
                    "Features of every view, one file per extractor",
                    file,
                    # The manifest knows every image by its SHA-256.
                    [Results().dataset(found.id), *weights[parts[0]]],
                    "features",
                    [*self._seed_of_weights(parts), "weights", "engine", "precision"],
                    [file],
                    views,
                    joined=[f"{Results().features(part.id)}/${{item.part}}.h5" for part in found.parts]
                    if group == "-joined"
                    else [],
                ),
            }
            for group, parts in groups.items()
        }

    def _seed_of_weights(self, parts: list[str]) -> list[str]:
        """The key of the seed, where random weights are drawn by it."""
        extractors = [part for name in parts if isinstance(part := self.parts[name], ResolvedExtractor)]
        return ["seed"] if any(part.weights == "random" for part in extractors) else []

    def _configurations(self, found: plan.Found) -> list[Path]:
        return [plan.dataset_file(part, self.run.budget) for part in found.parts]

    def _audit(self, key: str) -> Any:
        deps = [published_path(key), study_path(key)]
        file = Results().audit(key)
        return self._stage(
            "What arithmetic says of the numbers that the paper prints",
            str(file),
            deps,
            "audit",
            [],
            _with_digests([str(file)]),
        )

    def _study(self, study: ResolvedStudy) -> Any:
        key = study.study.key
        deps = [
            Results().audit(key),
            *plan.dataset_files(study, self.run.budget),
            published_path(key),
            study_path(key),
            Results().dataset(study.dataset_id),
            *(Results().features(study.dataset_id) / f"{part}.h5" for part in plan.made_parts(self.run, study)),
            *_tuned_weights(study),
        ]
        about = f"Classifiers and metrics of {study.study.citation.authors.split(',')[0]} ({study.study.citation.year})"
        of_fits = ["budget", "seed", "seeds", "weights", "precision", "fast_trees"]
        params = [*of_fits, "group_near_duplicates", "studies", "controls"]
        results = [*plan.study_results(self.run, study), str(Results().study(self.run.name, key).headline)]
        tables = " ".join(file for file in results if not file.endswith(".parquet"))
        return self._stage(about, tables, deps, "study", params, _with_digests(results))

    def _report(self) -> Any:
        deps = [
            self.run_file,
            *(file for found in self.datasets.values() for file in self._configurations(found)),
            *(study_path(key) for key in self.audited),
            *(part.images for found in self.datasets.values() for part in found.parts),
            *(Results().dataset(name) for name in self.datasets),
            *(Results().audit(key) for key in self.audited),
            *(Path(result) for study in self.run.studies for result in plan.study_results(self.run, study)),
            *(
                Results().features(study.dataset_id) / f"{part}.h5"
                for study in self.run.studies
                for part in plan.used_parts(study)
            ),
        ]
        folder = Results().run(self.run.name) / "report"
        return self._stage("The HTML page", f"{folder}/index.html", deps, "report", [], [folder])

    def _records(self) -> Any:
        """Last, since all others make records; it follows those of Snakemake itself, whatever they changed by."""
        page = Results().run(self.run.name) / "report"
        return {
            "desc": "What Snakemake knows of all outputs, for `make restore`",
            "cmd": f"{_escaped(_command(self.run_file, FILE))} --keep",
            "deps": _listed([*self._put_together_from(), SNAKEMAKE, page], "stages"),
            "outs": [str(Results().records(self.run.name))],
        }

    def _weights(self, name: str) -> list[Path]:
        """A user's own file of weights that a part is computed by, where there is one."""
        part = self.parts[name]
        return _users_files([part] if isinstance(part, ResolvedExtractor) else [])


def _with_digests(files: Sequence[str]) -> list[str]:
    """Files, with the digests that lie beside those that carry no checksums: both are of one version."""
    return [*files, *(str(record_of(Path(file))) for file in files if file.endswith((".csv", ".json")))]


def _ids(study: ResolvedStudy) -> set[str]:
    """Of the datasets whose features a study asks for."""
    return {study.dataset_id, *(part.id for part in study.placed)}


def _mapped(found: plan.Found) -> list[str]:
    """Keys of the run that say what two datasets have in common."""
    return ["studies"] if len(found.parts) > 1 else []


def _tuned_weights(study: ResolvedStudy) -> list[Path]:
    """Users' files of weights that networks of a study are trained further from."""
    return _users_files(tuning.network for of_set in study.tunings.values() for tuning in of_set.values())


def _users_files(extractors: Iterable[ResolvedExtractor]) -> list[Path]:
    return [file for extractor in extractors if (file := users_file(extractor)) is not None]


def _keys_of_views(study: ResolvedStudy) -> list[str]:
    """Keys of a study's file that say which views its splits are made of."""
    splits = read_yaml(study_path(study.study.key))["splits"]
    told = [name for name in sorted(plan.used_splits(study)) if "views" in splits[name]]
    # To DVC a dot in a name ends the name.
    return ["splits"] if any("." in name for name in told) else [f"splits.{name}.views" for name in told]


def _listed(deps: Iterable[Path], code: str) -> list[str]:
    """Dependencies of a stage, with the code that it runs."""
    return sorted({*(_escaped(str(file)) for file in deps), *_code(code)})


def _escaped(text: str) -> str:
    """Text in which DVC replaces nothing."""
    return text.replace("${", r"\${")


@cache
def _code(kind: str) -> list[str]:
    """Rooms of the code that a kind of stage runs, but single files of the command line, which has one a command."""
    files = {file for command in COMMANDS[kind] for file in command_code(command) if not file.endswith("__init__.py")}
    return [
        f"{SOURCE}/{part}" for part in {file if file.startswith("cli/") else file.partition("/")[0] for file in files}
    ]
