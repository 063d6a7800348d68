"""What runs have below `results`: folders of their own, and what they share; what it occupies, and how it goes."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from leukorepro.core.caches import user_cache
from leukorepro.core.errors import UserError, did_you_mean
from leukorepro.core.file_errors import naming
from leukorepro.core.integrity.recorded import remove_recorded
from leukorepro.features.backbones.weights import FOLDER, torch_cache
from leukorepro.run import plan
from leukorepro.run.paths import Results
from leukorepro.run.resolved import ResolvedRun, load_resolved
from leukorepro.run.weights import weights_of_run


def shared_places(run: ResolvedRun, results: Results) -> list[Path]:
    """Files and folders that a run reads and other runs may read, too; some may not have been made.

    Parameters
    ----------
    run : ResolvedRun
        Its datasets, features, weights and audits.
    results : Results
        The folder that they lie in.
    """
    datasets = plan.datasets_of(run)
    places = [results.dataset(name) for name in datasets]
    for study in run.studies:
        files = [f"{name}.h5" for name in plan.parts_of(run, study)]
        files += [plan.feature_file(study, feature_set) for feature_set in plan.used_feature_sets(study)]
        names = dict.fromkeys([study.dataset_id, *(part.id for part in datasets[study.dataset_id].parts)])
        places += [results.features(name) / file for name in names for file in files]
    places += [results.weights(name) for name in weights_of_run(run)]
    audited = [study.study.key for study in run.studies] + [study.key for study in run.left_out]
    places += [results.audit(key) for key in audited]
    return list(dict.fromkeys(places))


@dataclass(frozen=True)
class Place:
    """Something below `results` that takes room, or beside it.

    Attributes
    ----------
    kind : str
    name : str
        What it is called on the command line.
    path : Path
        A file or a folder.
    size : int
        Bytes on the disk's count of file sizes.
    needed_by : list of str
        Runs that would make it again; empty where no run that was started here needs it.
    """

    kind: Literal["run", "features", "dataset", "cache"]
    name: str
    path: Path
    size: int
    needed_by: list[str]

    @property
    def is_shared(self) -> bool:
        """Whether runs share it, so that it may be left over when they are gone."""
        return self.kind in ("features", "dataset")


def places(results: Results) -> list[Place]:
    """What each run and each cache occupies, in the order of kinds and names."""
    found = {file.parent.name: _needs(file, results) for file in sorted(results.root.glob("*/config.json"))}

    def place(kind: Literal["features", "dataset"], name: str, path: Path) -> Place:
        users = [run for run, needs in found.items() if needs is None or path in needs]
        return Place(kind, name, path, size_of(path), users)

    features = results.root / "features"
    datasets = results.root / "datasets"
    return [
        *(Place("run", run, results.run(run), size_of(results.run(run)), []) for run in found),
        *(
            place("features", file.relative_to(features).with_suffix("").as_posix(), file)
            for file in sorted(features.rglob("*.h5"))
        ),
        *(place("dataset", folder.name, folder) for folder in sorted(datasets.glob("*")) if folder.is_dir()),
        *(Place("cache", name, path, size_of(path), []) for name, path in _caches().items()),
    ]


def _needs(config: Path, results: Results) -> set[Path] | None:
    """What a run shares; None where that cannot be known: then it may need anything."""
    try:
        return set(shared_places(load_resolved(config), results))
    except UserError:
        return None


def _caches() -> dict[str, Path]:
    """Folders outside the results that fill as runs are made; their owners are other programs, or all projects."""
    from huggingface_hub.constants import HF_HUB_CACHE

    named = {
        "weights of your own": FOLDER,
        "simulated images": Path("data/simulated"),
        "torch's weights": torch_cache(),
        "the Hugging Face hub's files": Path(HF_HUB_CACHE),
        "converted networks and parsed code": user_cache(),
    }
    return {name: path for name, path in named.items() if path is not None and path.exists()}


def size_of(path: Path) -> int:
    """Bytes of a file, or of all files below a folder; links count as what they are."""
    files = path.rglob("*") if path.is_dir() and not path.is_symlink() else [path]
    return sum(file.lstat().st_size for file in files if file.is_symlink() or file.is_file())


@dataclass(frozen=True)
class Removal:
    """What is to go, and who needs it."""

    places: list[Place]
    needed_by: dict[Path, list[str]]
    """Of every place, to be removed or not, the runs that are left and would make it again."""

    @property
    def size(self) -> int:
        """Bytes that become free."""
        return sum(place.size for place in self.places)

    @property
    def made_again_for(self) -> list[str]:
        """Runs that are left and need something of it."""
        return sorted({run for place in self.places if place.kind != "run" for run in self.needed_by[place.path]})


def removal(
    found: list[Place],
    *,
    runs: Collection[str] = (),
    features: Collection[str] = (),
    datasets: Collection[str] = (),
    unused: bool = False,
) -> Removal:
    """Places by their names.

    Parameters
    ----------
    found : list of Place
        All there are.
    runs, features, datasets : collection of str
        Names of those that are to go.
    unused : bool
        Whether features and datasets go, too, that no run needs which is left.

    Raises
    ------
    UserError
        If there is none of a name.
    """
    left = {place.path: [run for run in place.needed_by if run not in runs] for place in found}
    gone = [
        *_named(found, "run", runs),
        *_named(found, "features", features),
        *_named(found, "dataset", datasets),
        *(place for place in found if unused and place.is_shared and not left[place.path]),
    ]
    return Removal(list({place.path: place for place in gone}.values()), left)


def _named(found: list[Place], kind: str, names: Collection[str]) -> list[Place]:
    """Places of a kind by their names."""
    known = {place.name: place for place in found if place.kind == kind}
    for name in names:
        if name not in known:
            raise UserError(
                f"--{kind}: there is no '{name}' below results.{did_you_mean(name, known)} "
                "`leukorepro clean` without options lists all."
            )
    return [known[name] for name in names]


def remove(place: Place, results: Results) -> None:
    """Remove a run, a file of features with what is unfinished of it, or what is known of a dataset.

    Parameters
    ----------
    place : Place
    results : Results
        The folder that it lies in.

    Raises
    ------
    UserError
        If it lies elsewhere and `results` only links to it, or cannot be removed.
    """
    own = [place.path]
    if place.kind == "run":
        own += results.root.glob(f"benchmarks/*/{place.path.name}")
    elif place.kind == "features":
        own += place.path.parent.glob(f".{place.path.name}.partial*")
    root = results.root.resolve()
    for path in own:
        if path.is_symlink() or not path.resolve().is_relative_to(root):
            raise UserError(f"{path}: a link, or below one; remove by hand what it leads to.")
        with naming(path):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                remove_recorded(path)
