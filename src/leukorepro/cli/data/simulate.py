"""`leukorepro data simulate`: draw images with known subjects."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, get_args

import typer

from leukorepro.cli.options import BudgetOption, file_to_read, folder_to_write, refuse_beside
from leukorepro.core.errors import UserError
from leukorepro.core.words import LARGEST_SEED, Look

IN_THE_FILE = (
    *("look", "subjects", "images", "external_subjects", "external_images"),
    *("class_effect", "subject_effect", "seed"),
)
"""Options that say what a simulated dataset's configuration says."""


def simulate(
    context: typer.Context,
    output: Annotated[Path, typer.Option("--output", "-o", callback=folder_to_write, help="Folder to fill.")],
    dataset: Annotated[
        Path | None,
        typer.Option(callback=file_to_read, help="YAML file of a simulated dataset, instead of the options below."),
    ] = None,
    budget: BudgetOption = "demo",
    look: Annotated[Look | None, typer.Option(help="Dataset to imitate.")] = None,
    subjects: Annotated[int, typer.Option(help="Number of subjects (patients).")] = 20,
    images: Annotated[int, typer.Option(help="Number of images, spread over the subjects.")] = 200,
    external_subjects: Annotated[int, typer.Option(help="Number of further subjects in a held-out part.")] = 0,
    external_images: Annotated[int, typer.Option(help="Number of images in the held-out part.")] = 0,
    class_effect: Annotated[
        float, typer.Option(help="How much blasts and normal cells differ: 0 not at all, 1 as in smears.")
    ] = 1.0,
    subject_effect: Annotated[
        float, typer.Option(help="How much subjects differ: 0 not at all, 1 as between laboratories.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="The same seed gives the same files.")] = 0,
) -> None:
    """Simulate images of blood smears whose subjects are known.

    Example: `leukorepro data simulate --look cnmc2019 --subjects 20 --images 200 --output data/simulated/cells`
    """
    from leukorepro.config.datasets import SimulatedDataset, Simulation, load_dataset
    from leukorepro.core.validation import parse
    from leukorepro.simulate.dataset import simulate as draw

    if dataset is not None:
        refuse_beside(context, "--dataset", IN_THE_FILE)
        configured = load_dataset(dataset)
        if not isinstance(configured, SimulatedDataset):
            raise UserError(
                f"{dataset}: adapter is '{configured.adapter}'; only a dataset with adapter 'simulated' can be drawn."
            )
        simulation = configured.simulation(budget)
    elif look is not None:
        size = {
            "subjects": subjects,
            "images": images,
            "external_subjects": external_subjects,
            "external_images": external_images,
        }
        effects = {"class_effect": class_effect, "subject_effect": subject_effect, "seed": seed}
        simulation = parse(Simulation, {"look": look, "size": size, **effects}, Path("data simulate"))
    else:
        raise UserError(f"data simulate: neither --look nor --dataset given; looks are {', '.join(get_args(Look))}.")
    table = draw(simulation, output, progress=True)
    print(f"{len(table)} images of {table['subject_id'].nunique()} subjects in {output}")
