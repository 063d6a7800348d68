from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from project_data import ROOT, make_project, numbered, touch, write_run, write_weights, write_yaml

from leukorepro.core.errors import UserError
from leukorepro.run.resolve import resolve
from leukorepro.run.resolved import load_resolved
from leukorepro.run.specifications.fits import Fit, FitsSpecification, NetworkFit, ReducerFit
from leukorepro.run.specifications.specification import read_specification
from leukorepro.run.specify import Specifications

STUDY = Path("config/studies/atteia2022.yaml")
RUNGS = ["as_published", "fit_in_fold", "source_disjoint", "subject_disjoint", "external"]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path))
    edit(STUDY, "figures", to={})  # they name items
    edit(STUDY, "reducers", "RSet50", "max_epochs", to={"demo": 10, "published": 750})
    return tmp_path


@pytest.fixture
def networks_project(project: Path) -> Path:
    """With the study that trains networks on C-NMC, and its simulated images."""
    for file in ("studies/rezayi2021.yaml", "datasets/cnmc2019_simulated.yaml"):
        shutil.copy(ROOT / "config" / file, project / "config" / file)
    return project


def edit(file: Path, *path: Any, to: Any) -> None:
    content = here = yaml.safe_load(file.read_text())
    for part in path[:-1]:
        here = here[part]
    here[path[-1]] = to
    file.write_text(yaml.safe_dump(content, sort_keys=False))


def paths(run_file: Path = Path("config/config.yaml"), overrides: dict[str, Any] | None = None) -> dict[str, str]:
    """Files of a run's specifications, by the jobs in words; with the published budget each fit is a job of its own."""
    specifications = Specifications(resolve(run_file, {"budget": "published", **(overrides or {})}))
    return {" ".join(job): specifications.path(*job) for job in specifications}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Jobs whose file has another digest in its name, wherever it lies."""
    assert before.keys() == after.keys()
    return {job for job, path in after.items() if Path(path).name != Path(before[job]).name}


def of_rungs(reducer: str) -> set[str]:
    return {f"fits atteia2022 {rung} five_folds-ESet-{reducer}" for rung in RUNGS}


SPLITS, LEAKAGE, JUDGEMENT = (f"{job} atteia2022" for job in ("splits", "leakage", "judgement"))
EVALUATION = ("evaluation atteia2022", JUDGEMENT)
CLASSIFICATION = {f"classification atteia2022 {name}" for name in ("ISet", "GSet", "ESet")}
CONTROLS = "controls atteia2022"
FITS = {job for name in ("RSet25", "RSet50", "RSet75") for job in of_rungs(name)}
ALL = {
    *(SPLITS, LEAKAGE, *EVALUATION, CONTROLS),
    *CLASSIFICATION,
    *FITS,
}
PUBLISHED_REDUCERS = {f"fits atteia2022 as_published five_folds-ESet-{name}" for name in ("RSet25", "RSet50", "RSet75")}


def test_every_job_of_a_run_is_told_what_it_needs(project: Path) -> None:  # noqa: ARG001
    assert set(paths()) == ALL


@pytest.mark.parametrize(
    ("path", "to", "changes"),
    [
        (("citation", "title"), "Another", {*EVALUATION}),
        (("splits", "five_folds", "n_splits"), 4, {SPLITS, *EVALUATION}),
        (("splits", "five_folds", "views"), ["identity"], {SPLITS, *EVALUATION}),
        (("reducers", "RSet50", "l2_weight"), 0.01, {*of_rungs("RSet50"), *EVALUATION}),
        (("reducers", "RSet50", "max_epochs"), {"demo": 10, "published": 7}, {*of_rungs("RSet50"), *EVALUATION}),
        (("reducers", "RSet50", "max_epochs"), {"demo": 3, "published": 750}, set()),
        (("classifiers", "cubic_svm", "C"), 2.0, {*CLASSIFICATION, CONTROLS, *EVALUATION}),
        (("classifiers", "cubic_svm", "C"), 1.0, set()),  # what it is without being said
        (
            ("published_protocol", "scope"),
            "train",
            {SPLITS, LEAKAGE, *EVALUATION, CONTROLS, *CLASSIFICATION, *PUBLISHED_REDUCERS},
        ),
        (("tables", "1", "items", 2, "item"), "both", {"classification atteia2022 ESet", *EVALUATION}),
        (("tables", "1", "items", 0, "item"), "other", {"classification atteia2022 ISet", *EVALUATION}),
        (("tables", "1", "title"), "Another", {*EVALUATION}),
        (("claims", "fusion", "says"), "Another.", {*EVALUATION}),
        (("audit",), {}, set()),
        (("unstated",), [{"what": "C", "classifiers": ["cubic_svm"], "settings": ["C"], "why": "-"}], {JUDGEMENT}),
    ],
)
def test_a_specification_changes_when_and_only_when_its_part_does(
    project: Path,  # noqa: ARG001
    path: tuple[Any, ...],
    to: Any,
    changes: set[str],
) -> None:
    if path[0] == "tables":
        edit(STUDY, "claims", to={})  # they name items
    before = paths()
    edit(STUDY, *path, to=to)
    assert changed(before, paths()) == changes


@pytest.mark.parametrize(
    ("overrides", "changes"),
    [
        ({}, set()),
        ({"name": "another"}, FITS),  # they know where their files lie
        ({"seed": "0"}, set()),
        ({"seed": 1}, ALL - {LEAKAGE}),
        (
            {"weights": "imagenet"},
            {*EVALUATION, *FITS, *CLASSIFICATION, CONTROLS},
        ),  # the features' file has another name then
        ({"precision": "mixed"}, {*EVALUATION, *FITS, *CLASSIFICATION, CONTROLS}),
    ],
)
def test_a_specification_changes_with_the_part_of_the_run_that_it_uses(
    project: Path,  # noqa: ARG001
    overrides: dict[str, Any],
    changes: set[str],
) -> None:
    assert changed(paths(), paths(overrides=overrides)) == changes


@pytest.mark.parametrize(
    ("changes", "jobs"),
    [
        ({("classifiers", "CNN", "epochs"): {"demo": 10, "published": 7}}, {"network CNN", "encoding"}),
        ({("classifiers", "CNN", "width"): {"demo": 0.25, "published": 0.5}}, {"network CNN", "encoding"}),
        ({("classifiers", "VGG-16", "batch_size"): 8}, {"network VGG-16"}),
        ({("tables", "1", "epochs"): "last"}, {"network CNN", "network ResNet-50", "network VGG-16"}),
    ],
)
def test_a_network_is_trained_again_for_what_it_depends_on_and_for_nothing_else(
    networks_project: Path, changes: dict[tuple[Any, ...], Any], jobs: set[str]
) -> None:
    run_file = write_run(networks_project, study="rezayi2021", dataset="cnmc2019_simulated", rungs=["as_published"])
    file = networks_project / "config/studies/rezayi2021.yaml"
    before = paths(run_file)
    for path, to in changes.items():
        edit(file, *path, to=to)
    of = {"network CNN": "-images-CNN", "network ResNet-50": "-ResNet-50", "network VGG-16": "-VGG-16"}
    found = changed(before, paths(run_file)) - {"evaluation rezayi2021"}
    named = {name for job in found for name, end in of.items() if job.endswith(end)}
    assert named | {"encoding" for job in found if job.endswith("CNN_features")} == jobs


def fits(specifications: Specifications) -> list[Fit]:
    told = [specifications[job] for job in specifications if job[0] == "fits"]
    return [fit for specification in told if isinstance(specification, FitsSpecification) for fit in specification.fits]


def test_values_of_the_other_budget_are_not_told(networks_project: Path) -> None:
    run = resolve(write_run(networks_project, study="rezayi2021", dataset="cnmc2019_simulated"))
    specifications = Specifications(run)
    networks = [fit.network for fit in fits(specifications) if not isinstance(fit, ReducerFit)]
    assert all(set(network.epochs) == set(network.width) == {"demo"} for network in networks)
    assert not [job for job in specifications if re.search(r'"published": [\d{]', specifications[job].text)]


def test_each_network_serves_the_rungs_that_have_none_of_their_own(networks_project: Path) -> None:
    run = resolve(write_run(networks_project, study="rezayi2021", dataset="cnmc2019_simulated"))
    networks = [fit for fit in fits(Specifications(run)) if isinstance(fit, NetworkFit)]
    served = {fit.protocol.rung: fit.served_rungs for fit in networks}
    assert served == {
        "as_published": ["as_published", "fit_in_fold"],
        **{rung: [rung] for rung in RUNGS[2:]},
    }


def test_a_demonstrations_fits_on_a_rung_are_one_job_and_no_fit_comes_before_what_it_needs(
    networks_project: Path,
) -> None:
    for study in ("alhammadi2024", "rezayi2021"):
        shutil.copy(ROOT / f"config/studies/{study}.yaml", networks_project / f"config/studies/{study}.yaml")
        run_file = write_run(networks_project, study=study, dataset="cnmc2019_simulated", rungs=RUNGS[:3])
        specifications = Specifications(resolve(run_file))
        together = [job for job in specifications if job[0] == "fits"]
        assert all(len(job) == 3 for job in together)
        for job in together:
            told = specifications[job]
            assert isinstance(told, FitsSpecification)
            made: set[Path] = set()
            for fit in told.fits:
                assert not (set(fit.inputs) & set(told.outputs)) - made
                made |= set(fit.outputs)
            assert not set(told.inputs) & made
        alone = Specifications(resolve(run_file, {"budget": "published"}))
        assert len(fits(alone)) == len([job for job in alone if job[0] == "fits"]) == len(fits(specifications))


def test_what_is_written_is_what_is_read_and_writing_again_writes_nothing(project: Path) -> None:
    run = resolve(Path("config/config.yaml"))
    specifications = Specifications(run)
    specifications.write()
    for job in specifications:
        assert read_specification(type(specifications[job]), project / specifications.path(*job)) == specifications[job]
    assert load_resolved(project / "results/demo/config.json").model_dump() == run.model_dump()
    files = {file: file.stat().st_mtime_ns for file in (project / "results").rglob("*.json")}
    assert len(files) == len(specifications) + 1
    Specifications(run).write()
    assert {file: file.stat().st_mtime_ns for file in (project / "results").rglob("*.json")} == files


def test_a_spoilt_specification_is_written_again_and_another_kind_is_refused(project: Path) -> None:
    specifications = Specifications(resolve(Path("config/config.yaml")))
    specifications.write()
    file = project / specifications.path("splits", "atteia2022")
    with pytest.raises(UserError, match=r"unknown key '.+'\. Known: fits"):
        read_specification(FitsSpecification, file)
    file.write_text("{")
    specifications.write()
    assert file.read_text() == specifications["splits", "atteia2022"].text


def test_a_specifications_name_is_the_same_in_every_process(project: Path) -> None:  # noqa: ARG001
    code = (
        "from pathlib import Path; from leukorepro.run.resolve import resolve; "
        "from leukorepro.run.specify import Specifications; "
        "s = Specifications(resolve(Path('config/config.yaml'), {'budget': 'published'})); "
        "print(*[s.path(*job) for job in s], sep='\\n')"
    )
    printed = [
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout.split()
        for seed in ("1", "2")
    ]
    assert printed == [list(paths().values())] * 2


def counted(monkeypatch: pytest.MonkeyPatch, module: str, name: str) -> list[Path]:
    """Paths that a function is asked about by a module that uses it."""
    asked: list[Path] = []
    function: Callable[..., Any] = getattr(sys.modules[module], name)

    def noted(*arguments: Any) -> Any:
        asked.append(Path(arguments[-1]))
        return function(*arguments)

    monkeypatch.setattr(f"{module}.{name}", noted)
    return asked


def test_each_folder_is_listed_once_and_each_file_of_weights_is_read_once(
    networks_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(ROOT / "config/studies/hasanaath2024.yaml", networks_project / "config/studies/hasanaath2024.yaml")
    touch(networks_project / "images", *numbered("all/{}.png", "hem/{}.png", count=10))
    own = {"adapter": "image_folder", "images": "images", "positive_class": "all"}
    write_yaml(networks_project / "config/datasets/own.yaml", own)
    write_weights(networks_project / "weights.pth", 1)
    run = {
        "name": "mine",
        "budget": "demo",
        "weights": "file:weights.pth",
        "studies": [{"study": key, "dataset": "own"} for key in ("atteia2022", "hasanaath2024", "rezayi2021")],
    }
    run_file = write_yaml(networks_project / "config/runs/mine.yaml", run)
    listed = counted(monkeypatch, "leukorepro.run.datasets.placed", "list_images")
    read = counted(monkeypatch, "leukorepro.core.store", "sha256_file")
    studies = resolve(run_file).studies
    assert sum(len(study.extractors) for study in studies) > 2
    assert (listed, read) == ([Path("images")], [networks_project / "weights.pth"])
    before = {extractor.id for study in studies for extractor in study.extractors.values()}
    write_weights(networks_project / "weights.pth", 2)
    after = {extractor.id for study in resolve(run_file).studies for extractor in study.extractors.values()}
    assert not before & after
    assert len(read) == 2
