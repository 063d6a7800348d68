"""A dataset that a run names: its configuration, the place of its images, and what its folder lists."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from leukorepro.config.datasets import RealDataset, SimulatedDataset, load_dataset
from leukorepro.config.files import dataset_path
from leukorepro.config.joined import PlacedDataset
from leukorepro.core.errors import UserError, look_up
from leukorepro.core.listing import Listing
from leukorepro.core.words import Budget
from leukorepro.data.folders import list_images
from leukorepro.run.datasets.absent import absence
from leukorepro.simulate.dealing import listed

SIMULATED = Path("data/simulated")


def existing(path_of: Callable[[str], Path], key: str, what: str, where: str) -> Path:
    """The configuration file of a study or dataset.

    Parameters
    ----------
    path_of : callable
        Gives the file of a key.
    key : str
        Of the study or dataset.
    what : str
        ``study`` or ``dataset``, for messages.
    where : str
        File and key that name it.

    Raises
    ------
    UserError
        If there is no such file; the message begins with `where` and names those that there are.
    """
    return look_up({file.stem: file for file in sorted(path_of("*").parent.glob("*.yaml"))}, key, what, where)


def placed(key: str, budget: Budget, where: str) -> tuple[Path, PlacedDataset]:
    """A dataset's configuration, and the dataset with the place of its images.

    Parameters
    ----------
    key : str
        Of the dataset.
    budget : {'demo', 'published'}
        Simulated images of each lie in a folder of their own.
    where : str
        File and key that name it.
    """
    file = existing(dataset_path, key, "dataset", where)
    dataset = load_dataset(file)
    if isinstance(dataset, SimulatedDataset):
        name = f"{key}-{budget}"
        return file, PlacedDataset(id=name, dataset=dataset, images=SIMULATED / name)
    return file, PlacedDataset(id=key, dataset=dataset, images=dataset.images)


def told_absent(part: PlacedDataset, file: Path) -> str:
    """That a dataset is absent, in words that follow a *because*; empty where it is there.

    Parameters
    ----------
    part : PlacedDataset
        A dataset of a run; one that is yet to be drawn is there.
    file : Path
        Its configuration.
    """
    absent = absence(part.dataset, file) if isinstance(part.dataset, RealDataset) else None
    return f"its dataset {part.id} is absent ({absent.found}); {absent.remedy}" if absent else ""


def list_once(part: PlacedDataset, budget: Budget, file: Path, known: dict[str, Listing]) -> Listing:
    """The images of a dataset, those that are yet to be drawn too; what is listed once is known to other studies.

    Parameters
    ----------
    part : PlacedDataset
        A dataset of a run.
    budget : {'demo', 'published'}
        Says how many images are drawn.
    file : Path
        Its configuration, for messages.
    known : dict of str to Listing
        What is listed already, by the datasets' ids; this one is added.

    Raises
    ------
    UserError
        If the folder breaks the rules of its adapter, or what is to be drawn cannot be.
    """
    if part.id not in known:
        dataset = part.dataset
        if isinstance(dataset, SimulatedDataset):
            try:
                rows = listed(dataset.simulation(budget))
            except UserError as error:
                raise UserError(f"{file}: {error}") from None
            held_out = dataset.external_split if dataset.sizes[budget].external_images else ""
            known[part.id] = Listing(rows, external_split=held_out)
        else:
            known[part.id] = list_images(dataset, part.images)
    return known[part.id]
