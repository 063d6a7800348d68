"""What a split needs of the images of each class, counted before any of them is opened or dealt out.

A run asks this of the images that a dataset's folder lists, a split of those that its manifest holds. The list is never
the shorter one: files that turn out unreadable or equal only leave fewer images, and fewer groups of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from leukorepro.config.study.schemes import KFoldScheme, LabelSet, Protocol, Scheme
from leukorepro.core.errors import UserError
from leukorepro.core.listing import Row
from leukorepro.ladder.units import Unit

UNITS: dict[Unit, str] = {
    "view": "rows",
    "source": "source images",
    "subject": "groups of images that share a subject",
}
"""What every class needs enough of, where it is what stays together."""


class ImpossibleSplit(UserError):
    """A split of one rung that the images do not allow.

    Parameters
    ----------
    reason : str
        Why, and what would allow it, in words that follow a *because*; without a full stop.
    where : str, optional
        What the message begins with.
    """

    def __init__(self, reason: str, where: str = "") -> None:
        super().__init__(f"{where}{reason}, or leave this rung out (`rungs:` of the run).")
        self.reason = reason


def parts_needed(scheme: Scheme) -> int:
    """Parts that rows are dealt into, and so the fewest that a class can have: folds, or one of each role."""
    if isinstance(scheme, KFoldScheme):
        return scheme.n_splits
    return 3 if scheme.validation_share else 2


def too_few(counts: Mapping[str, int], scheme: Scheme, what: str) -> str:
    """Which classes have fewer than a scheme has parts and what would mend it, in words; empty where all have enough.

    Parameters
    ----------
    counts : mapping of str to int
        Of each class.
    scheme : Scheme
    what : str
        What is counted.
    """
    needed = parts_needed(scheme)
    few = {label: count for label, count in counts.items() if count < needed}
    if not few:
        return ""
    of_roles = "a training, a validation and a test part" if needed == 3 else "a training and a test part"
    of_folds = isinstance(scheme, KFoldScheme)
    parts = f"{needed} folds" if of_folds else of_roles
    told = ", ".join(f"{label} has {count}" for label, count in sorted(few.items()))
    fewer = ", or use fewer folds in the study" if of_folds else ""
    return f"{parts} need at least {needed} {what} in each class, but {told}; add some{fewer}"


Images = list[tuple[str, Row]]
"""Each with its class."""


def pool_of(rows: Sequence[Row], scheme: Scheme, external_split: str | None, label_set: LabelSet | None) -> Images:
    """Images that a scheme deals out: without the held-out part, unless the scheme pools it.

    A label that belongs to no class of the label set is a class of its own.

    Parameters
    ----------
    rows : sequence of Row
        All images of the dataset.
    scheme : Scheme
        How a study splits them.
    external_split : str or None
        Name of the held-out part; None where there is none.
    label_set : LabelSet or None
        Classes that the labels are put into; None: every label is a class.

    Returns
    -------
    list of (str, Row)
        Class and image.
    """
    images = _taking_part(rows, scheme, external_split, label_set)
    if scheme.include_external or external_split is None:
        return images
    return [(label, row) for label, row in images if row.official_split != external_split]


def _taking_part(rows: Sequence[Row], scheme: Scheme, external_split: str | None, label_set: LabelSet | None) -> Images:
    """Images of the official splits that a scheme names, and those of the held-out part."""
    named = None if scheme.official_splits is None else {*scheme.official_splits, external_split}
    of_label = {} if label_set is None else label_set.of_label
    return [(of_label.get(row.label, row.label), row) for row in rows if named is None or row.official_split in named]


def refusal(
    rows: Sequence[Row], scheme: Scheme, protocol: Protocol, external_split: str | None, label_set: LabelSet | None
) -> str:
    """Why a split of listed images is impossible, in words that follow a *because*; empty where it may be possible.

    Parameters
    ----------
    rows : sequence of Row
        All images of the dataset.
    scheme : Scheme
    protocol : Protocol
    external_split : str or None
        Official split that is the dataset's held-out part.
    label_set : LabelSet or None
        Classes of the scheme; None where they are the dataset's own.
    """
    if protocol.tests_held_out_part:
        return _untrained(_taking_part(rows, scheme, external_split, label_set), external_split)
    pool = pool_of(rows, scheme, external_split, label_set)
    if protocol.unit == "view":
        copies = len(scheme.views) if scheme.augment == "all" else 1
        counts = Counter(label for label, _ in pool)
        what = "rows" if copies > 1 else "images"
        return too_few({label: copies * count for label, count in counts.items()}, scheme, what)
    if protocol.unit == "subject":  # those without one take no part
        together = {(label, row.subject_id) for label, row in pool if row.subject_id}
    else:
        together = {(label, row.source_id or row.path) for label, row in pool}
    counts = Counter(label for label, _ in together)
    return too_few({label: counts[label] for label, _ in pool}, scheme, UNITS[protocol.unit])


def _untrained(images: Images, external_split: str | None) -> str:
    """Why nothing can be learnt for the held-out part, in words."""
    held_out = {label for label, row in images if row.official_split == external_split}
    others = {label for label, row in images if row.official_split != external_split}
    if not held_out:
        return "no image belongs to the held-out part"
    if lacking := sorted(held_out - others):
        return f"no image beside the held-out part is of the class {lacking[0]}"
    return ""
