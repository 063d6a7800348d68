"""Which metric a heading of a paper's table means: the words that papers use for each, beside the registry's own."""

from __future__ import annotations

import re
from functools import cache

from leukorepro.metrics.names import parse
from leukorepro.metrics.registry import METRICS

WORDS = {
    "accuracy": ("acc", "ac", "ca", "classification accuracy", "overall accuracy", "optimal accuracy", "accuracy rate"),
    "sensitivity": ("sens", "sen", "sn", "se", "tpr", "true positive rate"),
    "specificity": ("spec", "spe", "sp", "tnr", "true negative rate"),
    "precision": ("prec", "pr", "pre", "ppv", "positive predictive value"),
    "recall": ("rec", "re"),
    "f1": ("f1 score", "f1 measure", "f score", "f measure", "f1s", "fscore", "fmeasure", "dice"),
    "auroc": ("auc", "roc auc", "auc roc", "au roc", "aucroc", "area under the curve", "area under the roc curve"),
    "loss": ("cost",),
    "npv": ("negative predictive value",),
    "tp": ("true positives", "true positive"),
    "fn": ("false negatives", "false negative"),
    "fp": ("false positives", "false positive"),
    "tn": ("true negatives", "true negative"),
    "mcc": ("matthews correlation coefficient", "matthews"),
    "kappa": ("cohens kappa", "cohen kappa", "kappa score"),
    "balanced_accuracy": ("bal acc", "balanced acc", "bacc", "ba"),
    "average_precision": ("auprc", "pr auc", "aucpr"),
    "n_features": ("number of features", "no of features", "feature size"),
    "learnables": ("number of learnables", "number of parameters", "no of parameters", "parameters"),
    "size": ("number of images", "no of images", "images", "support", "number of samples", "no of samples"),
}
"""By the metric's key; words for one that the registry does not have, or that papers do not print, mean nothing."""

UNSURE = {"result": "accuracy", "results": "accuracy", "performance": "accuracy"}
"""Headings that name no metric, and the one that they mostly are of: a person looks at them first."""

_PARTS = {
    word: part
    for part, words in {
        "train": ("train", "training"),
        "val": ("val", "valid", "validation"),
        "test": ("test", "testing"),
    }.items()
    for word in words
}
_AVERAGES = {"macro": "macro", "micro": "micro", "weighted": "weighted"}
_FILLERS = {"score", "scores", "value", "values", "rate", "avg", "average", "averaged", "mean", "the", "of", "set"}
"""Words that change nothing beside the name of an average or a metric."""

CLASSES = {
    "healthy": ("healthy", "normal", "hem", "benign", "negative", "non cancer", "control"),
    "leukemia": ("leukemia", "leukaemia", "leukemic", "leukaemic"),
    "cancer": ("cancer", "malignant", "abnormal", "positive", "diseased", "patient"),
    "blast": ("blast", "blasts", "lymphoblast"),
    "all": ("all", "acute lymphoblastic leukemia", "acute lymphocytic leukemia"),
    "aml": ("aml", "acute myeloid leukemia", "acute myeloblastic leukemia"),
    "cll": ("cll",),
    "cml": ("cml",),
    **{name: (name,) for name in ("l1", "l2", "l3", "m0", "m1", "m2", "m3", "m4", "m5", "m6", "m7")},
    **{
        name: (name, f"{name}s")
        for name in ("lymphocyte", "monocyte", "neutrophil", "eosinophil", "basophil", "platelet", "erythroblast")
    },
}
"""Names of classes in tables of leukaemia papers, and words for them."""

_CLASS_OF = {word: word.replace(" ", "_") for words in CLASSES.values() for word in words}
_PRINTED = {key: metric for key, metric in METRICS.items() if metric.is_printed}
_METRIC_OF = {word: key for key, words in WORDS.items() if key in _PRINTED for word in words} | {
    word: key
    for key, metric in _PRINTED.items()
    for word in (re.sub(r"\W+", " ", metric.words.lower()), key.replace("_", " "))
}


def simple(text: str) -> str:
    """A heading in small letters, without signs, units and brackets.

    Examples
    --------
    >>> simple("F1-score (%)")
    'f1 score'
    """
    text = re.sub(r"[(\[][^)\]]*[)\]]|%|per cent|percent", " ", text.lower().replace("'", ""))
    return " ".join(re.findall(r"[a-z0-9]+", text))


@cache
def metric_of(heading: str) -> str | None:
    """Name of the metric that a heading means, perhaps with a part of the rows or a class in front.

    Examples
    --------
    >>> metric_of("Val. Acc. (%)")
    'val_accuracy'
    >>> metric_of("Healthy recall")
    'healthy_recall'
    >>> metric_of("Year") is None
    True
    """
    words = simple(heading).split()
    for start in range(len(words)):
        for end in range(len(words), start, -1):
            key = _METRIC_OF.get(" ".join(words[start:end]))
            name = None if key is None else _name(words[:start], key, words[end:])
            if name is not None:
                return name
    return None


def class_of(words: str) -> str | None:
    """The class that words name, as it stands in front of a metric's name; None where they name none.

    Examples
    --------
    >>> class_of("Healthy")
    'healthy'
    """
    return _CLASS_OF.get(simple(words))


def average_of(words: str) -> str | None:
    """Which mean over classes words name, such as ``Macro avg``; None where they name none."""
    found = [word for word in simple(words).split() if word not in _FILLERS]
    return _AVERAGES.get(found[0]) if len(found) == 1 else None


def of_classes(metric: str, group: str) -> str | None:
    """The name of a metric of one class, or of a mean over classes, that a row or a wide heading names.

    Parameters
    ----------
    metric : str
        Name of a metric of the registry, without a class in front.
    group : str
        Words of the row or the wide heading, as printed: ``Healthy``, ``Macro avg``.

    Returns
    -------
    str or None
        Such as ``healthy_precision``; None where the words name no class and no mean, or there is no such metric.
    """
    average = average_of(group)
    prefix = average or class_of(group)
    return _known(f"{prefix}_{metric}") if prefix else None


def _name(before: list[str], key: str, after: list[str]) -> str | None:
    """The name by the words around the metric's own; None where one of them is not understood."""
    part, average, rest = "", "", []
    for word in [*before, *after]:
        if word in _PARTS and not part:
            part = _PARTS[word]
        elif word in _AVERAGES and not average:
            average = word
        elif word not in _FILLERS - (set() if average else {"avg", "average", "averaged", "mean"}):
            rest.append(word)
    of_class = _CLASS_OF.get(" ".join(rest)) if rest else ""
    if of_class is None:
        return None
    return _known("_".join(filter(None, [part, of_class, average, key])))


def _known(name: str) -> str | None:
    """A name that is one of a printed metric."""
    found = parse(name)
    return name if found is not None and found.spec.is_printed and _is_plain(found.of_class) else None


def _is_plain(of_class: str) -> bool:
    """Whether a class in a name is none, or one of those known here; averages are metrics of their own."""
    return not of_class or of_class in _CLASS_OF.values()
