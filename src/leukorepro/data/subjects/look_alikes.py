"""Subject ids that differ by nothing that tells patients apart, look like a code for none, or were shortened."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable

from leukorepro.core.errors import some

MOST = 2
"""An id of zeros or nines looks like a code for none where it has more than so many times the images of any other."""

SEPARATORS = frozenset({"Zs", "Pd", "Pc"})
"""Unicode categories of the characters that join the parts of an id: spaces, dashes, low lines."""


def suspicious_subjects(subjects: Iterable[str]) -> list[str]:
    """Sentences on ids that look like one another, like shortened numbers, or like a code for a missing one.

    Parameters
    ----------
    subjects : iterable of str
        The subject of every image; empty where none is known.
    """
    images_of = Counter(filter(None, subjects))
    alike: dict[str, list[str]] = {}
    for subject in sorted(images_of):
        alike.setdefault(_what_tells_apart(subject), []).append(subject)
    sets = [
        " = ".join(f"{_shown(subject, of)} ({images_of[subject]:,} image(s))" for subject in of)
        for of in alike.values()
        if len(of) > 1
    ]
    found = []
    if sets:
        found.append(
            "subjects that look like one another, apart from case, leading zeros, spaces, signs or Unicode form: "
            f"{some(sets)}; write one id for each patient."
        )
    if shortened := [subject for subject in images_of if re.fullmatch(r"\d(\.\d+)?E\+\d+", subject, re.IGNORECASE)]:
        found.append(
            f"subjects that look like numbers which a spreadsheet has shortened: {some(shortened)}; different patients "
            "may have become one: export the table again with that column as text."
        )
    (first, images), (_, second) = [*images_of.most_common(2), ("", 0), ("", 0)][:2]
    if re.fullmatch("0+|99+", first) and 0 < second * MOST < images:
        found.append(
            f"the subject '{first}' looks like a code for an unknown one: it has {images:,} images, and no other more "
            f"than {second:,}; if it is, take it for none with `missing_subjects: ['{first}']` of the dataset."
        )
    return found


def _what_tells_apart(subject: str) -> str:
    """Letters, folded, and numbers without leading zeros; a sign counts between two numbers only (`1-11`, `11-1`)."""
    folded = unicodedata.normalize("NFKC", subject).strip().casefold()
    if re.fullmatch(r"\d+\.0+", folded):  # a whole number that a program took for a fraction
        folded = folded.split(".")[0]
    seen = [c for c in folded if unicodedata.category(c) != "Cf"]  # without invisible ones
    parts = "".join(" " if c == "." or unicodedata.category(c) in SEPARATORS else c for c in seen).split()
    numbered = (re.sub(r"0*(\d+)", r"\1", part) for part in parts)
    return re.sub(r"(?<!\d) | (?!\d)", "", " ".join(numbered))


def _shown(subject: str, beside: list[str]) -> str:
    """An id in quotation marks, with its characters' codes where it would look the same as another."""
    forms = [unicodedata.normalize("NFC", other) for other in beside]
    alike = forms.count(unicodedata.normalize("NFC", subject)) > 1
    return ascii(subject) if alike or not subject.isprintable() else f"'{subject}'"
