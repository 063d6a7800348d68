"""`leukorepro data`: simulate and scan datasets, and find what is in them twice."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, get_args

import typer

from leukorepro.cli.duplicates import duplicates
from leukorepro.cli.options import AdapterOption, BudgetOption, SubjectRegexOption, SubjectsCsvOption
from leukorepro.core.errors import UserError
from leukorepro.core.words import AdapterName, Look

if TYPE_CHECKING:
    from leukorepro.config.datasets import RealDataset

app = typer.Typer(no_args_is_help=True, help="Simulate and scan image datasets, and find what is in them twice.")
app.command()(duplicates)


@app.command()
def scan(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Manifest to write; without it, only look.")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of the images.")] = None,
    dataset: Annotated[
        Path | None, typer.Option(help="Configuration of the dataset, instead of the options below.")
    ] = None,
    summary: Annotated[Path | None, typer.Option(help="Where to write what was found, as JSON.")] = None,
    adapter: AdapterOption = "image_folder",
    subjects_csv: SubjectsCsvOption = None,
    subject_regex: SubjectRegexOption = None,
    max_unreadable: Annotated[int, typer.Option(help="Unreadable files that are tolerated.")] = 0,
    workers: Annotated[int, typer.Option(help="Files decoded at a time.")] = 2,
) -> None:
    """Read every image of a dataset and write its manifest.

    Example: `leukorepro data scan --images my_smears --output manifest.csv`
    """
    from leukorepro.config.files import load_dataset
    from leukorepro.core.store import write_json
    from leukorepro.data import manifest

    if dataset is not None:
        configured = load_dataset(dataset)
    elif images is not None:
        configured = describe_dataset(images, adapter, subjects_csv, subject_regex, max_unreadable=max_unreadable)
    else:
        raise UserError("data scan: neither --images nor --dataset given; name the folder of the images.")
    folder = images or getattr(configured, "images", None)
    if folder is None:
        raise UserError(f"{dataset}: simulated images have no folder of their own; give it with --images.")
    found = manifest.scan(configured, folder, workers=workers)
    print(manifest.describe(found))
    manifest.check_readable(found, configured.max_unreadable)
    if output is not None:
        manifest.write_manifest(found.manifest, output)
    if summary is not None:
        write_json(found.summary, summary)


@app.command()
def simulate(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to fill.")],
    dataset: Annotated[
        Path | None, typer.Option(help="Configuration of a simulated dataset, instead of the options below.")
    ] = None,
    budget: BudgetOption = "demo",
    look: Annotated[Look | None, typer.Option(help="What is drawn.")] = None,
    subjects: Annotated[int, typer.Option(help="Subjects.")] = 20,
    images: Annotated[int, typer.Option(help="Images, spread over the subjects.")] = 200,
    external_subjects: Annotated[int, typer.Option(help="Fresh subjects of the held-out part.")] = 0,
    external_images: Annotated[int, typer.Option(help="Images of the held-out part.")] = 0,
    class_effect: Annotated[
        float, typer.Option(help="Difference of blasts and normal cells: 0 none, 1 as in smears.")
    ] = 1.0,
    subject_effect: Annotated[
        float, typer.Option(help="Difference of subjects: 0 none, 1 as between laboratories.")
    ] = 1.0,
    seed: Annotated[int, typer.Option(help="Equal seeds give equal bytes.")] = 0,
) -> None:
    """Draw procedural smears with known subjects.

    Example: `leukorepro data simulate --look cnmc2019 --subjects 20 --images 200 --output data/simulated/cells`
    """
    from leukorepro.config.datasets import SimulatedDataset, Simulation
    from leukorepro.config.files import load_dataset
    from leukorepro.core.validation import parse
    from leukorepro.simulate.dataset import simulate as draw

    if dataset is not None:
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


def describe_dataset(
    images: Path,
    adapter: AdapterName,
    subjects_csv: Path | None,
    subject_regex: str | None,
    **more: object,
) -> RealDataset:
    """A dataset's configuration from command-line options.

    Raises
    ------
    UserError
        If the options contradict one another.
    """
    from leukorepro.config.files import SCHEMAS
    from leukorepro.core.validation import parse

    value: dict[str, object] = {"adapter": adapter, "images": images, **more}
    if subjects_csv is not None and subject_regex is not None:
        raise UserError("--subjects-csv and --subject-regex: both given; subjects come from one of them.")
    if subjects_csv is not None or subject_regex is not None:
        if adapter not in ("image_folder", "imss"):
            raise UserError(
                f"--subjects-csv, --subject-regex: the adapter {adapter} knows its subjects itself; leave them out."
            )
        value["subjects"] = {"csv": subjects_csv} if subjects_csv is not None else {"regex": subject_regex}
    dataset: RealDataset = parse(SCHEMAS["dataset"], value, Path("options"))
    return dataset
