"""Folders that were read as classes, and look like patients, like parts of a split, or as if they held the classes."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator

from leukorepro.core.errors import some
from leukorepro.data.suspicions.wording import these

_NAME_THEM = "--subject-level 2"

FEW_NUMBERS = 6
"""So many folders of numbered names look like patients rather than like classes."""
MANY_NUMBERS = 12
"""So many where the names are numbers alone: classes may be numbered, too."""
MANY_FOLDERS = 30
"""More folders than so many look like patients whatever they are called."""

_PART = re.compile(
    r"(?<![a-z])(?:train|trn|tst|unlabel|test(?!i[cs])|valid|val(?:set)?(?![a-z])|folds?(?![a-z])|hold[ _-]?out|eval"
    r"|dev(?![a-z])|(?:split|part|partition|subset|set|cv)[ _-]?(?:\d|[a-z](?![a-z])))"
)
_BESIDE = re.compile(
    r"(?<![a-z])(?:masks?|ground[ _-]?truths?|gt|annotations?|overlays?|thumb(?:nail)?s?|previews?)(?![a-z])"
)
_PATIENT = re.compile(
    r"(?<![a-z])(?:patient(?:en)?|paciente|pat|pt|p|subject|subj|sub|case|donor|person|individual|participant|uid|pid"
    r"|mrn|id|sample|specimen|slide|smear|s)s?[\W_]*(?:id|no|nr)?[\W_]*h?\d"
    r"|(?<![a-z])(?:patient|subject|donor)[\W_]+[a-z](?![a-z])"
    r"|^[\d\W_]*\d{3}[\d\W_]*$"  # hospitals' numbers, and days
)
# A class may be numbered: 1, CD8, type 1, grade 3, and by the French-American-British classification L2 or AML-M3.
_CLASS_BEFORE_NUMBER = re.compile(
    r"(?:class|type|subtype|grade|stage|group|cluster|category|cat|label|level|cd|(?:(?:aml|all|fab)[\W_]*)?[a-oqrt-z])?"
    r"[\W_]*"
)


def other_than_classes(folders: Collection[tuple[str, ...]], *, subjects_known: bool) -> Iterator[str]:
    """Sentences on folders that look like patients or parts of a split, or as if the classes lay above or below them.

    Parameters
    ----------
    folders : collection of tuple of str
        The folders of every image, from the top; the first was read as its class.
    subjects_known : bool
        Whether the patients are known; if so, folders of theirs below the classes are as they should be.
    """
    depth = 0
    while len({parts[: depth + 1] for parts in folders}) == 1 and all(len(parts) > depth + 1 for parts in folders):
        depth += 1
    wrapper = "/".join(next(iter(folders))[:depth])
    read = f"all below '{wrapper}' was read as one class" if wrapper else "the folders at the top were read as classes"
    below: dict[str, set[str]] = defaultdict(set)
    for parts in folders:
        below[parts[depth]].update(parts[depth + 1 : depth + 2])
    names = sorted(below)
    deeper = sorted(set().union(*below.values()))
    shared = sorted(set.intersection(*below.values()))
    classes = f", the folders below ({some(map(repr, deeper))}) like classes" if deeper else ""
    nested = [f"{name}/{inner}" for name in names for inner in sorted(below[name]) if inner in below and inner != name]
    beside = sorted({part for parts in folders for part in parts if _BESIDE.search(part.lower())})
    if beside:
        yield f"{these(beside, 'folder')} like drawings or previews, which were read as images; move them away."
    elif parted := list(filter(_is_part, names)):
        yield (
            f"{these(parted, 'folder')} like part of a split{classes}; {read}. Put each class into one folder of its "
            "own, or let the images' folder be one of the parts."
        )
    elif len(names) > 1 and _are_patients(names):
        images = sorted(Counter(parts[depth] for parts in folders).values())
        of_each = " to ".join(f"{number:,}" for number in dict.fromkeys((images[0], images[-1])))
        yield (
            f"{these(names, 'folder')} like patients, of {of_each} images{classes}; {read}. "
            f"Put each class into one folder, and its patients' folders below that; {_NAME_THEM} then names them."
        )
    elif len(names) > 1 and wrapper:
        yield f"{these(names, 'folder')} like the classes; {read}. Let the images' folder be '{wrapper}' below it."
    elif parted := list(filter(_is_part, shared)):
        yield (
            f"{these(parted, 'folder')} like part of a split, below each of {some(map(repr, names))}; all parts were "
            "put together, and are split anew."
        )
    elif len(shared) > 1 and not _are_patients(shared) and not all(map(_is_a_number_of_something, shared)):
        yield (
            f"{these(shared, 'folder')} like the classes, below each of {some(map(repr, names))}; {read}. "
            "Let the images' folder be one of these, or put each class into one folder of its own."
        )
    elif nested:
        yield f"{these(nested, 'folder')} like classes that lie in others; move them out, or rename them."
    elif len(names) > 1 and not subjects_known and _are_patients(deeper):
        yield f"{these(deeper, 'folder')} like patients below the classes, who are not known; {_NAME_THEM} names them."


def _is_part(name: str) -> bool:
    return _PART.search(re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower()) is not None


def _is_a_number_of_something(name: str) -> bool:
    """Whether a name is a magnification, a phase or the like: `40x`, `phase 2`, but not `L2`."""
    stem = re.split(r"\d", name.lower(), maxsplit=1)[0]
    return stem != name.lower() and (not stem or not _CLASS_BEFORE_NUMBER.fullmatch(stem))


def _are_patients(names: Collection[str]) -> bool:
    """Whether folders are called as patients are: by that word, by numbers, or by very many names."""
    told = [name for name in map(str.lower, names) if _PATIENT.search(name)]
    least = 3 if all(re.match(r"[ps]?[\W_]*\d", name) for name in told) else 2
    stems = [re.split(r"\d", name.lower(), maxsplit=1)[0] for name in names if re.search(r"\d", name)]
    unlike_classes = [stem for stem in stems if not _CLASS_BEFORE_NUMBER.fullmatch(stem)]
    return (
        len(names) > MANY_FOLDERS
        or (len(told) >= least and 2 * len(told) >= len(names))
        or any(
            len(numbered) >= most and 5 * len(numbered) >= 4 * len(names) and len(numbered) >= 3 * len(set(numbered))
            for numbered, most in ((unlike_classes, FEW_NUMBERS), (stems, MANY_NUMBERS))
        )
    )
