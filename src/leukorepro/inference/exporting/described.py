"""What a card says of a model before anything is measured: where it is from, what it is made of and fitted on."""

from __future__ import annotations

from leukorepro.core.store import sha256_once
from leukorepro.features.backbones.registry import title_of
from leukorepro.features.descriptors.registry import find_descriptor
from leukorepro.features.parts import Part, ResolvedDescriptor
from leukorepro.inference.card import ClassCount, Origin, TrainingData
from leukorepro.inference.exporting.choice import Choice
from leukorepro.inference.exporting.rows import TrainingRows
from leukorepro.inference.system import FittedSystem
from leukorepro.run.conditions.words import caveats as caveats_of_study
from leukorepro.run.digests import at_budget
from leukorepro.run.kept_items import without_unused
from leukorepro.run.resolved import ResolvedStudy
from leukorepro.systems.classifiers.classifier import Classifier
from leukorepro.systems.classifiers.engines import EXTENSION, Settings
from leukorepro.systems.fitted import rows_digest

KEEPS_ROWS = ("support_vectors_", "_fit_X")
"""What estimators keep feature rows of training images in."""


def origin(choice: Choice) -> Origin:
    """Where a model comes from."""
    study, citation = choice.study, choice.study.study.citation
    return Origin(
        run=choice.run.name,
        study=study.study.key,
        paper=citation.name or f"{citation.authors} ({citation.year})",
        dataset=study.dataset_id,
        dataset_title=study.dataset.title or study.dataset_id,
        table=choice.table,
        item=choice.item.item,
        rung=choice.rung,
        fold=choice.fold,
        images="simulated" if study.simulated else "photographs",
    )


def training_data(choice: Choice, data: TrainingRows) -> TrainingData:
    """What a model was fitted on.

    Parameters
    ----------
    choice : Choice
        It names the manifest.
    data : TrainingRows
        Rows that the system was fitted on.
    """
    counts = {}
    for name in data.classes:
        rows = data.about[data.about["y_true"] == name]
        subjects = rows["subject_id"]
        counts[name] = ClassCount(images=rows["image_id"].nunique(), subjects=subjects[subjects != ""].nunique())
    return TrainingData(
        manifest_sha256=sha256_once(choice.manifest),
        rows_sha256=rows_digest(data.train),
        n_rows=len(data.train),
        classes=counts,
    )


def caveats(choice: Choice) -> list[str]:
    """Of what this system is made of, a sentence each."""
    sentences, spec = caveats_of_study(_alone(choice), choice.run.budget), choice.classifier
    if choice.run.fast_trees and isinstance(spec, Classifier):
        engine = spec.fastest(1, Settings(fast_trees=True)).engine
        if engine.startswith(EXTENSION):
            sentences.append(f"The numbers are those of trees by {EXTENSION}; this model has scikit-learn's own trees.")
    if choice.run.seeds > 1:
        first = choice.run.seed
        sentences.append(f"The numbers are means over {choice.run.seeds} seeds; this model is of the first, {first}.")
    return sentences


def _alone(choice: Choice) -> ResolvedStudy:
    """The study, had it this item alone."""
    table = choice.study.study.tables[choice.table].model_copy(update={"items": [choice.item]})
    own = without_unused(choice.study.study.model_copy(update={"tables": {choice.table: table}}))
    extractors = {name: part for name, part in choice.study.extractors.items() if name in own.extractors}
    return choice.study.model_copy(update={"study": own, "extractors": extractors})


def in_words(choice: Choice, system: FittedSystem, *, flagged: bool) -> list[str]:
    """What the system is made of, from the images on.

    Parameters
    ----------
    choice : Choice
        The item, and the study and the run that it is of.
    system : FittedSystem
        What was fitted.
    flagged : bool
        Whether images unlike those of the training are flagged.
    """
    lines = [f"Features: {_part(part)}." for part in system.parts]
    if choice.item.reducer is not None:
        kind = choice.study.study.reducers[choice.item.reducer].kind
        lines.append(f"Reducer: {choice.item.reducer} (kind {kind}).")
    spec = choice.classifier
    settings = at_budget(spec, choice.run.budget)
    shown = ", ".join(f"{name} {value}" for name, value in settings.items() if value not in (None, False))
    lines.append(f"Classifier: {choice.item.classifier} ({shown}), by {system.engine}.")
    if any(hasattr(system.classifier, name) for name in KEEPS_ROWS):
        lines.append("The classifier keeps feature rows of training images.")
    if flagged:
        lines.append(
            "Images that lie farther from the training images than 99 % of these do are flagged as unlike them."
        )
    return lines


def _part(part: Part) -> str:
    if isinstance(part, ResolvedDescriptor):
        return f"{find_descriptor(part.descriptor).about}, at {part.input_size} x {part.input_size} pixels"
    weights = {"imagenet": "ImageNet weights", "random": "RANDOM weights"}.get(part.weights, "weights of a user's own")
    size = f"{part.input_size} x {part.input_size} pixels"
    return f"{title_of(part.backbone)} up to the layer {part.layer}, {weights}, at {size}"
