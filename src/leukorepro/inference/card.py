"""The card of a model: what it is, what it was fitted on, how good it is, what it is not for; as JSON and Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import Field

from leukorepro.config.fields import Strict
from leukorepro.core.words import Average
from leukorepro.inference.bundle.description import TRAINED_ON
from leukorepro.inference.operating import Calibration, Threshold
from leukorepro.inference.performance import Measured, RungPerformance
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.metrics.registry import METRICS

NO_DEVICE = "For research use. It is not a medical device, and nobody should be treated by what it says."
NO_DEVICE_IN_SHORT = "Research use, not a medical device."


class Origin(Strict):
    """Where a model comes from."""

    run: str
    study: str
    paper: str
    dataset: str
    dataset_title: str
    table: str
    item: str
    rung: Rung
    fold: int | None
    """Whose model this is; None where it was fitted on all rows that the rung allows."""
    images: str
    """Kind of the images, which is that of the dataset: `simulated` or `photographs`."""


class ClassCount(Strict):
    """Images of a class, and their subjects."""

    images: int
    subjects: int
    """0 where no subject is known."""


class TrainingData(Strict):
    """What a model was fitted on; by digests and counts, without a name of anybody."""

    manifest_sha256: str
    rows_sha256: str
    """Of the rows' positions in the feature file."""
    n_rows: int
    """Images and their views."""
    classes: dict[str, ClassCount]


class Card(Strict):
    """What a reader must know of a model."""

    name: str
    origin: Origin
    system: list[str]
    """What it is made of, a line each, from the images on."""
    caveats: list[str]
    """What every reader of its numbers must know first, a sentence each: in front of a colon what it is."""
    classes: list[str]
    positive_class: str | None
    training: TrainingData
    resampled: str
    """What intervals are from resampling of: the unit in words."""
    average: Average
    """Of which of two classes the measured precision, recall and their like are; of more they are means over all."""
    rungs: Annotated[list[RungPerformance], Field(min_length=1)]
    """Measured performance, the honest rung first."""
    calibration: Calibration | None
    threshold: Threshold | None
    told_apart: dict[str, float] = Field(default_factory=dict)
    """How well the distance that flags unlike images tells those of other datasets from training images that its fit
    has not seen: areas under ROC curves, by datasets whose features were there."""
    versions: dict[str, str]
    """Of the libraries that fitted it."""

    @property
    def in_short(self) -> list[str]:
        """The caveats in a few words each, for figures and pictures: `Simulated images`."""
        return [caveat.partition(":")[0].rstrip(".") for caveat in self.caveats]

    @property
    def averaged(self) -> str:
        """Of which classes precision, recall and their like are, in a sentence."""
        if len(self.classes) == 2 and self.average == "positive":
            return f"Sensitivity, specificity, precision and F1 are those of the class {self.positive_class}."
        return f"Sensitivity, specificity, precision and F1 are means over the {len(self.classes)} classes."

    @property
    def measured_of(self) -> str:
        """Whose numbers the card has, in a sentence."""
        folds = "The numbers are those of the models of all folds, each on the rows that it was not fitted on."
        if self.origin.fold is None:
            return f"{folds} This model was fitted on all of these rows together, and was itself not measured."
        return f"{folds} This model is that of fold {self.origin.fold}, one of them; it is meant for tests."


def to_markdown(card: Card, files: Mapping[str, tuple[str, int]]) -> str:
    """The card as Markdown, with the metadata of Hugging Face's model cards in front.

    Parameters
    ----------
    card : Card
    files : mapping of str to (str, int)
        SHA-256 and size of the model's other files, by their names.
    """
    origin = card.origin
    fitted = (
        f"the model of fold {origin.fold}" if origin.fold is not None else "fitted on all rows that the rung allows"
    )
    parts = [
        f"---\n{_metadata(card)}\n---",
        f"# {_plain(card.name)}",
        "\n>\n".join(f"> **{_plain(caveat)}**" for caveat in [*card.caveats, NO_DEVICE]),
        "## What it is",
        _list(
            [
                f"Item {origin.item} of table {origin.table} of {origin.paper}, as `leukorepro` runs it (study "
                f"`{origin.study}`, run `{origin.run}`), on the rung {LADDER[origin.rung].name} (`{origin.rung}`); "
                f"{fitted}.",
                *card.system,
                _classes(card),
            ]
        ),
        "## What it is for",
        _list(
            [
                "Trying a published method on further images of the same kind, and comparing others with it.",
                NO_DEVICE,
                "Images from other laboratories, stains, microscopes or croppings are not what it was measured on: "
                "`leukorepro model evaluate` measures it on labelled images of yours.",
            ]
        ),
        "## How good it is",
        f"{card.measured_of} {_plain(card.averaged)} Intervals are of 95 %, from resampling {_plain(card.resampled)}.",
        *(_rung(rung) for rung in card.rungs),
        "## Probability and threshold",
        _list(_operating(card)),
        "## What it was fitted on",
        _training(card, told=TRAINED_ON in files),
        *_unlike(card),
        "## Files",
        _table(
            ["file", "bytes", "SHA-256"],
            [[f"`{name}`", f"{size:,}", f"`{sha}`"] for name, (sha, size) in files.items()],
        ),
        "## How to use it",
        "```sh\nleukorepro predict --model FOLDER IMAGES --out predictions.csv\n```",
    ]
    return "\n\n".join(parts) + "\n"


def _metadata(card: Card) -> str:
    """YAML of a model card, by the hub's own library."""
    from huggingface_hub.repocard_data import EvalResult, ModelCardData

    origin, best = card.origin, card.rungs[0]
    results = [
        EvalResult(
            task_type="image-classification",
            dataset_type=origin.dataset,
            dataset_name=origin.dataset_title,
            dataset_args={"rung": best.rung},
            metric_type=measured.metric,
            metric_value=measured.value,
            metric_name=METRICS[measured.metric].words,
            metric_args={"low": measured.low, "high": measured.high},
        )
        for measured in best.metrics
    ]
    data = ModelCardData(
        library_name="leukorepro",
        license="other",
        license_name="that of the images and weights that it was made of",
        tags=["image-classification", "leukemia", "research-only", origin.images, origin.study],
        datasets=[origin.dataset],
        metrics=[measured.metric for measured in best.metrics],
        model_name=card.name,
        eval_results=results,
    )
    return str(data.to_yaml()).strip()


def _classes(card: Card) -> str:
    names = ", ".join(card.classes)
    return f"Classes: {names}." + (f" The positive one is {card.positive_class}." if card.positive_class else "")


def _rung(rung: RungPerformance) -> str:
    """A table of a rung's metrics below its heading."""
    entry = LADDER[rung.rung]
    told = ", the honest measurement" if rung.honest else ""
    subjects = f" of {rung.n_subjects:,} subjects" if rung.n_subjects else ""
    lines = [[METRICS[m.metric].words, f"{m.value:.3f}", _interval(m)] for m in rung.metrics]
    return (
        f"### {entry.name}{told}\n\n{rung.n_images:,} images{subjects} tested. This rung removes: "
        f"{entry.removes[:1].lower()}{entry.removes[1:]}\n\n{_table(['metric', 'value', '95 % interval'], lines)}"
    )


def _interval(measured: Measured) -> str:
    if measured.low is None or measured.high is None:
        return "none"
    return f"{measured.low:.3f} to {measured.high:.3f}"


def _operating(card: Card) -> list[str]:
    lines = []
    if card.threshold is None:
        lines.append("Threshold: the classifier's own decision, as it was measured above.")
    else:
        asked = f"{card.threshold.asked_sensitivity:g}"
        told = ", ".join(f"{METRICS[m.metric].words} {m.value:.3f} ({_interval(m)})" for m in card.threshold.measured)
        lines.append(
            f"Threshold: positive from a score of {card.threshold.score:.6g} on, the highest with a sensitivity of "
            f"{asked} on the tested rows of the folds. Measured with thresholds that the other folds' rows give: "
            f"{told}. The numbers above are those of the classifier's own threshold."
        )
    if card.calibration is None:
        lines.append("Probability: what the scores say themselves; none where they are margins.")
    else:
        told = ", ".join(f"{METRICS[m.metric].words} {m.value:.3f} ({_interval(m)})" for m in card.calibration.measured)
        of, by = f"of the class {card.positive_class}", "Platt's calibration"
        if card.calibration.method == "multinomial":
            of, by = "of every class", "Platt's calibration of several classes, a multinomial logistic regression,"
        measured = (
            f" Measured with calibrations of the other folds: {told}." if told else " It was not measured: one fold."
        )
        lines.append(
            f"Probability: {of}, by {by} on the scores of {card.calibration.n_images:,} tested images.{measured} It "
            "holds where classes are as frequent as among these. It decides nothing: the most probable class may be "
            "another than the predicted one."
        )
    return lines


def _unlike(card: Card) -> list[str]:
    """How well images of other datasets are told, where any were there."""
    if not card.told_apart:
        return []
    lines = [[f"`{name}`", f"{area:.3f}"] for name, area in card.told_apart.items()]
    return [
        "## Images unlike these",
        "`leukorepro predict` tells how far each image lies from the training images, and flags it where 99 % of them "
        "lie nearer to a fit that has not seen their groups. How well that distance tells images of other datasets:",
        _table(["dataset", "AUROC of the flag against it"], lines),
    ]


def _training(card: Card, *, told: bool) -> str:
    """What it was fitted on, and whether a file tells images that it was."""
    training, origin = card.training, card.origin
    lines = [
        [_plain(name), f"{c.images:,}", f"{c.subjects:,}" if c.subjects else "unknown"]
        for name, c in training.classes.items()
    ]
    digests = (
        f" `{TRAINED_ON}` has a digest of each image's file, with a key of this model: who has such a file, or "
        "its SHA-256, can tell that it trained the model, as `leukorepro model evaluate` does."
    )
    return (
        f"{_plain(origin.dataset_title)} (`{origin.dataset}`), {training.n_rows:,} rows with augmented views.\n\n"
        f"{_table(['class', 'images', 'subjects'], lines)}\n\n"
        f"SHA-256 of the manifest: `{training.manifest_sha256}`; of the rows: `{training.rows_sha256}`."
        f"{digests if told else ''}"
    )


def _list(lines: list[str]) -> str:
    return "\n".join(f"- {_plain(line)}" for line in lines)


def _table(header: list[str], lines: list[list[str]]) -> str:
    rows: list[list[Any]] = [header, ["---"] * len(header), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _plain(text: str) -> str:
    """Text of a user, such as a label, that neither ends a cell nor opens a tag."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
