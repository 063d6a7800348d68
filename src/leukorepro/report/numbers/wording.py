"""How rungs, metrics and numbers are put into words, the same in tables, figures and on the terminal."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

from leukorepro.config.study.study import Citation
from leukorepro.config.study.tables import Table
from leukorepro.core.phrases import MISSING as MISSING
from leukorepro.core.phrases import listed as listed
from leukorepro.core.phrases import table_or_figure
from leukorepro.core.words import COLOUR
from leukorepro.metrics.names import named


def metric_name(metric: str) -> str:
    """A metric as a heading: ``healthy_precision`` becomes ``Healthy precision``."""
    words = in_a_sentence(metric)
    return words[:1].upper() + words[1:]


def metric_heading(metric: str) -> str:
    """A metric's name with its unit."""
    return f"{metric_name(metric)} (%)" if in_per_cent(metric) else metric_name(metric)


def in_per_cent(metric: str) -> bool:
    """Whether a metric is shown in per cent."""
    return named(metric).spec.kind.per_cent


def scaled(value: float | None, scale: float) -> float:
    """A value for a figure, NaN where there is none.

    Parameters
    ----------
    value : float or None
        As it was measured.
    scale : float
        100 for what is drawn in per cent, else 1.
    """
    return math.nan if value is None else scale * value


def number(metric: str, value: float | None) -> str:
    """A metric's value as printed, in per cent where papers print it so; a dash where there is none.

    Parameters
    ----------
    metric : str
        Its name in the table of metrics, which says whether it is told in per cent and with how many digits.
    value : float or None
        As it was measured: a share between 0 and 1 where papers print per cent.
    """
    if value is None or math.isnan(value):
        return MISSING
    kind = named(metric).spec.kind
    text = f"{100 * value if kind.per_cent else value:.{kind.decimals}f}"
    return text.replace("-", "\N{MINUS SIGN}" if float(text) else "")  # never a minus before zero


def number_with_unit(metric: str, value: float | None) -> str:
    """A metric's value with its unit.

    Parameters
    ----------
    metric : str
        Its name in the table of metrics, which says whether it is told in per cent and with how many digits.
    value : float or None
        As it was measured; a dash without a unit where there is none.
    """
    text = number(metric, value)
    return f"{text} %" if in_per_cent(metric) and text != MISSING else text


def difference(metric: str, value: float | None) -> str:
    """A signed difference of two values of a metric; percentage points for shares.

    Parameters
    ----------
    metric : str
        Its name in the table of metrics, which says whether it is told in per cent and with how many digits.
    value : float or None
        As it was measured: of shares, 0.01 is a percentage point.
    """
    if value is None or math.isnan(value):
        return MISSING
    text = number(metric, abs(value))
    if float(text) == 0:
        return text
    return ("+" if value > 0 else "\N{MINUS SIGN}") + text


def p_value(value: float) -> str:
    """A p-value with three decimals, ``< 0.001`` below them, a dash where there is none."""
    if math.isnan(value):
        return MISSING
    return f"{value:.3f}" if value >= 0.0005 else "< 0.001"


def short_citation(citation: Citation) -> str:
    """First author's surname and year: ``Atteia (2022)``, ``Gupta et al. (2019)``; or the name that was given."""
    if citation.name is not None:
        return citation.name
    authors = re.split(r",|;|&|\band\b", citation.authors.replace("et al.", ""))
    surnames = [author.split()[-1] for author in authors if author.strip()]
    several = len(surnames) > 2 or "et al." in citation.authors
    who = f"{surnames[0]} et al." if several else " and ".join(surnames)
    return f"{who} ({citation.year})"


def figure_name(key: str) -> str:
    """A figure's key as the paper calls it: ``fig7`` becomes ``Figure 7``; other keys stay."""
    match = re.fullmatch(r"fig_?(\d+\w*)", key)
    return f"Figure {match[1]}" if match else key


def table_name(key: str) -> str:
    """A table's key as the paper calls it: ``II`` becomes ``Table II``, ``fig7`` ``Figure 7``, ``text`` ``Text``."""
    if key in ("text", "abstract", COLOUR):
        return key.capitalize()
    return table_or_figure(key)


def averaging(table: Table, positive_class: str | None, n_classes: int) -> str:
    """What a table's precision, recall and their like are of; empty where it has none of them.

    Parameters
    ----------
    table : Table
    positive_class : str or None
        What it is called in the paper.
    n_classes : int
        Classes that the table tells apart.
    """
    averaged = [metric for metric in table.metrics if _is_of_one_class(metric)]
    if not averaged:
        return ""
    names = listed([in_a_sentence(metric) for metric in averaged])
    if n_classes > 2 or table.average == "macro":
        return sentence(f"{names}: mean over the {n_classes} classes")
    return sentence(f"{names}: of the class {positive_class}")


def epochs(table: Table, networks: Collection[str], several: bool) -> str:
    """Which epochs a table's predictions of trained networks are from; empty where nobody would ask.

    Parameters
    ----------
    table : Table
    networks : collection of str
        Classifiers that are networks trained from images.
    several : bool
        Whether the study has tables of both kinds.
    """
    if not any(item.classifier in networks for item in table.items):
        return ""
    if table.epochs == "all":
        return "Networks: mean over all epochs, as the paper's headline is."
    return "Networks: after the last epoch." if several else ""


def _is_of_one_class(metric: str) -> bool:
    """Whether it is of one class against the others, and the table's averaging says of which."""
    name = named(metric)
    return not name.of_class and name.spec.formula is not None and not name.spec.mixes_classes


def in_a_sentence(metric: str) -> str:
    """A metric's name inside a sentence: ``accuracy``, ``training F1``, ``AUROC``."""
    return named(metric).words


def sentence(parts: str | Sequence[str]) -> str:
    """A sentence: first letter large, a full stop at the end; several parts are joined by semicolons."""
    text = (parts if isinstance(parts, str) else "; ".join(parts)).rstrip(".")
    return text[:1].upper() + text[1:] + "."


def count(number: int, noun: str) -> str:
    """A number with its noun: ``1 image``, ``1,200 images``.

    Parameters
    ----------
    number : int
        How many; from 1,000 on with commas.
    noun : str
        In the singular, of those that take an s in the plural.
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def slug(text: str) -> str:
    """A text as part of a file name: letters, digits, dots, hyphens and underscores only."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "x"


def shortened(name: str, room: int) -> str:
    """A name that may be cut: the first characters, and three dots where some are missing.

    Parameters
    ----------
    name : str
        Of an image, a subject or a class.
    room : int
        Characters that there is room for, the dots among them.
    """
    return name if len(name) <= room else f"{name[: room - 1]}\N{HORIZONTAL ELLIPSIS}"
