"""How rungs, metrics and numbers are put into words, the same in tables, figures and on the terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

from leukorepro.config import Citation, MlpSpec, NetworkSpec, SoftmaxSpec, SparseAutoencoderSpec, Table
from leukorepro.evaluation.published import CORRELATIONS, COUNTS, LOSSES
from leukorepro.resolved import ResolvedStudy
from leukorepro.words import Budget, Rung, Scope, Unit

MISSING = "\N{EN DASH}"

RUNG_NAMES: dict[Rung, str] = {
    "as_published": "As published",
    "fit_in_fold": "Fitted in fold",
    "source_disjoint": "Source-disjoint",
    "subject_disjoint": "Subject-disjoint",
    "external": "External",
}
RUNG_REMOVES: dict[Rung, str] = {
    "as_published": "Nothing: rows and fits are the paper's own.",
    "fit_in_fold": "Autoencoders and other reducers that have seen the test rows.",
    "source_disjoint": "Mirrored or rotated copies of a training image, and files of equal content, in the test fold.",
    "subject_disjoint": "Images of one patient in both training and test.",
    "external": "Everything that training and test share: the dataset's own held-out part is tested.",
}
HONEST_RUNGS: tuple[Rung, ...] = ("subject_disjoint", "source_disjoint", "external")
"""Rungs that a reader may take for an honest measurement, the preferred one first."""

HONEST_MEANS: dict[Rung, str] = {
    "subject_disjoint": "no subject on both sides of a split",
    "source_disjoint": "no source image on both sides of a split",
    "external": "the dataset's held-out part as the test",
}

UNIT_WORDS: dict[Unit, str] = {
    "view": "one row: an image and its augmented copies may be parted",
    "source": "a source image with its copies and files of equal content",
    "subject": "a group: all images that share a subject, a photograph or content",
}
SCOPE_WORDS: dict[Scope, str] = {"all": "all rows, the test rows among them", "train": "the training rows only"}

ONE_AGAINST_THE_OTHERS = ("sensitivity", "specificity", "precision", "recall", "f1")
"""Metrics of one class, or averaged over classes."""

NOT_SHARES = frozenset([*COUNTS, *LOSSES, *CORRELATIONS, "auroc"])
"""Metrics that are not shown in per cent."""

_SPECIAL_NAMES = {
    "auroc": "AUROC",
    "f1": "F1",
    "tp": "TP",
    "fn": "FN",
    "fp": "FP",
    "tn": "TN",
    "n_features": "Features",
    "train_accuracy": "Training accuracy",
    "val_accuracy": "Validation accuracy",
    "test_accuracy": "Test accuracy",
}


def honest_rung(rungs: Collection[Rung]) -> Rung | None:
    """The rung shown as the honest one among those that ran, or None where none of them is honest."""
    return next((rung for rung in HONEST_RUNGS if rung in rungs), None)


def is_share(metric: str) -> bool:
    """Whether a metric is a share, shown in per cent."""
    return metric not in NOT_SHARES and not metric.endswith("_auroc")


def metric_name(metric: str) -> str:
    """A metric as a heading: ``healthy_precision`` becomes ``Healthy precision``."""
    if metric in _SPECIAL_NAMES:
        return _SPECIAL_NAMES[metric]
    words = [_SPECIAL_NAMES.get(word, word) for word in metric.split("_")]
    return " ".join([words[0][:1].upper() + words[0][1:], *words[1:]])


def metric_heading(metric: str) -> str:
    """A metric's name with its unit."""
    return f"{metric_name(metric)} (%)" if is_share(metric) else metric_name(metric)


def scaled(value: float | None, scale: float) -> float:
    """A value for a figure, NaN where there is none."""
    return math.nan if value is None else scale * value


def number(metric: str, value: float | None) -> str:
    """A metric's value as printed: per cent with one decimal, AUROC with three, a dash where there is none."""
    if value is None or math.isnan(value):
        return MISSING
    if is_share(metric):
        return f"{100 * value:.1f}"
    return f"{value:.3f}" if metric.endswith(("auroc", *CORRELATIONS)) else f"{value:g}"


def number_with_unit(metric: str, value: float | None) -> str:
    """A metric's value with its unit."""
    text = number(metric, value)
    return f"{text} %" if is_share(metric) and text != MISSING else text


def difference(metric: str, value: float | None) -> str:
    """A signed difference of two values of a metric; percentage points for shares."""
    if value is None or math.isnan(value):
        return MISSING
    text = number(metric, abs(value))
    if float(text) == 0:
        return text
    return ("+" if value > 0 else "\N{MINUS SIGN}") + text


def short_citation(citation: Citation) -> str:
    """First author's surname and year: ``Atteia (2022)``, ``Gupta et al. (2019)``."""
    authors = re.split(r",|;|&|\band\b", citation.authors.replace("et al.", ""))
    surnames = [author.split()[-1] for author in authors if author.strip()]
    several = len(surnames) > 2 or "et al." in citation.authors
    who = f"{surnames[0]} et al." if several else " and ".join(surnames)
    return f"{who} ({citation.year})"


def conditions(study: ResolvedStudy, budget: Budget) -> list[str]:
    """What sets the numbers of one study apart from the paper's, shown beside every table and in every figure."""
    words = []
    if study.simulated:
        words.append("simulated images")
    if study.random_weights:
        some = len(study.random_weights) < len(study.extractors)
        words.append("random network weights" + (f" ({', '.join(study.random_weights)})" if some else ""))
    if budget == "demo":
        reducers, classifiers = study.study.reducers.values(), study.study.classifiers.values()
        trained = [spec.max_epochs if isinstance(spec, SparseAutoencoderSpec) else spec.epochs for spec in reducers]
        trained += [spec.epochs for spec in classifiers if isinstance(spec, MlpSpec | SoftmaxSpec | NetworkSpec)]
        less = [f"{epochs['demo']} instead of {epochs['published']} training epochs" for epochs in trained]
        widths = [spec.width for spec in classifiers if isinstance(spec, NetworkSpec)]
        less += [
            f"networks with {width['demo']:.0%} of their channels"
            for width in widths
            if width["demo"] != width["published"]
        ]
        sizes = [extractor.input_size for extractor in study.study.extractors.values()]
        sizes += [descriptor.input_size for descriptor in study.study.descriptors.values()]
        less += [
            f"network inputs of {size['demo']} instead of {size['published']} pixels"
            for size in sizes
            if isinstance(size, dict) and size["demo"] != size["published"]
        ]
        words.append(f"demo budget ({'; '.join(dict.fromkeys(less))})" if less else "demo budget")
    return words


def untested(study: ResolvedStudy, budget: Budget, complete: bool) -> list[str]:
    """Why no published number can have a verdict here; empty where one can.

    Parameters
    ----------
    study : ResolvedStudy
    budget : {"demo", "published"}
    complete : bool
        Whether every image of the dataset was there.
    """
    reasons = []
    if study.dataset.adapter != study.study.published_dataset:
        reasons.append(f"the paper used the dataset {study.study.published_dataset}, not this one")
    elif not complete:
        reasons.append(f"this is not known to be a complete copy of the dataset {study.study.published_dataset}")
    if study.random_weights:
        reasons.append("the networks had random weights")
    if budget == "demo":
        reasons.append("the budget was the demo's")
    return reasons


def figure_name(key: str) -> str:
    """A figure's key as the paper calls it: ``fig7`` becomes ``Figure 7``; other keys stay."""
    match = re.fullmatch(r"fig_?(\d+\w*)", key)
    return f"Figure {match[1]}" if match else key


def table_name(key: str) -> str:
    """A table's key as the paper calls it: ``II`` becomes ``Table II``, ``fig7`` ``Figure 7``, ``text`` ``Text``."""
    if key == "text":
        return "Text"
    name = figure_name(key)
    return f"Table {key}" if name == key else name


def averaging(table: Table, positive_class: str | None, n_classes: int) -> str:
    """What a table's precision, recall and their like are of; empty where it has none of them.

    Parameters
    ----------
    table : Table
    positive_class : str or None
        What it is called in the paper.
    n_classes : int
    """
    averaged = [metric for metric in table.metrics if metric in ONE_AGAINST_THE_OTHERS]
    if not averaged:
        return ""
    names = " and ".join(filter(None, [", ".join(map(_in_a_sentence, averaged[:-1])), _in_a_sentence(averaged[-1])]))
    if n_classes > 2 or table.average == "macro":
        return sentence(f"{names}: mean over the {n_classes} classes")
    return sentence(f"{names}: of the class {positive_class}")


def _in_a_sentence(metric: str) -> str:
    name = metric_name(metric)
    return name if name.isupper() or name == "F1" else name.lower()


def sentence(parts: str | Sequence[str]) -> str:
    """A sentence: first letter large, a full stop at the end; several parts are joined by semicolons."""
    text = (parts if isinstance(parts, str) else "; ".join(parts)).rstrip(".")
    return text[:1].upper() + text[1:] + "."


def count(number: int, noun: str) -> str:
    """A number with its noun: ``1 image``, ``1,200 images``."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def slug(text: str) -> str:
    """A text as part of a file name: letters, digits, dots, hyphens and underscores only."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "x"
