"""Words that say that nobody knows the subject; as an id they would tie strangers into one patient."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from leukorepro.core.errors import UserError, some

if TYPE_CHECKING:
    import pandas as pd

WORDS = frozenset(
    {
        *("na", "nan", "nat", "null", "nil", "none", "missing", "empty", "undefined", "undetermined", "unspecified"),
        *("unknown", "unk", "unkn", "unidentified", "unassigned", "anon", "anonymous", "anonymised", "anonymized"),
        *("deidentified", "redacted", "withheld", "restrictedaccess", "nodata", "noid", "nopatient", "nosubject"),
        *("tbd", "tba", "nichtbekannt", "keineangabe", "nondisponible", "nodisponible", "sindato", "sindatos"),
        *("unbekannt", "inconnu", "desconocido", "desconhecido", "sconosciuto", "onbekend", "nieznany", "bilinmiyor"),
        *("\u672a\u77e5", "\u4e0d\u660e", "\u4e0d\u8be6", "неизвестно"),
        *(f"not{known}" for known in ("available", "applicable", "known", "recorded", "specified", "given")),
        *(f"not{known}" for known in ("reported", "provided", "collected", "stated", "evaluated")),
    }
)
"""Letters and digits alone, folded: `n/a`, `N.A.`, `#N/A` and `<NA>` are all `na`."""

# What may stand around a word, but not around a short one, which may be somebody's initials: Patient_NA.
_WHO = re.compile("^(?:patient|subject|donor|case)|(?:patient|subject|donor|case)?(?:id)?$")
_LONGER = frozenset(word for word in WORDS if len(word) > 3)

_BY_PROGRAMS = re.compile(
    r"""\\N               # MySQL
    | \#\S+[!?]           # a spreadsheet's error
    | \#N/A\ N/A
    | [-\u2212](1|9+)(\.0+)?  # statistics programs, for a number
    | -?1\.\#(IND|QNAN)""",
    re.VERBOSE | re.IGNORECASE,
)


def says_none(subject: str) -> bool:
    """Whether a subject's spelling says that none is known; 0 and 999 may be ids, and do not."""
    text = unicodedata.normalize("NFKC", subject).strip()
    bare = "".join(filter(str.isalnum, text.casefold()))
    return not bare or bare in WORDS or _WHO.sub("", bare) in _LONGER or _BY_PROGRAMS.fullmatch(text) is not None


def take_out_missing(
    subject_of: Mapping[str, str], missing_subjects: Collection[str], where: str
) -> tuple[dict[str, str], list[str]]:
    """Subjects of images, empty where a spelling stands that `missing_subjects` of the dataset lists.

    Parameters
    ----------
    subject_of : mapping of str to str
        Subject of every image.
    missing_subjects : collection of str
        Spellings that are taken for none, whatever their case.
    where : str
        What subjects were read from, for messages.

    Returns
    -------
    subject_of : dict of str to str
    notes : list of str
        How many images have none.

    Raises
    ------
    UserError
        If another spelling says that none is known.
    """
    allowed = {_folded(spelling) for spelling in missing_subjects}
    images_of: dict[str, list[str]] = {}
    taken: dict[str, int] = {}
    known: dict[str, str] = {}
    for image, subject in subject_of.items():
        if _folded(subject) in allowed:
            known[image] = ""
            taken[subject] = taken.get(subject, 0) + 1
        else:
            known[image] = subject
            if says_none(subject):
                images_of.setdefault(subject, []).append(image)
    if images_of:
        count = sum(map(len, images_of.values()))
        told = "; ".join(f"'{spelling}': {len(of):,} ({some(of, 3)})" for spelling, of in images_of.items())
        listed = [*missing_subjects, *images_of]
        options = " ".join(f"--missing-subject {json.dumps(spelling, ensure_ascii=False)}" for spelling in listed)
        raise UserError(
            f"{where}: {count:,} of {len(subject_of):,} images have a subject that says that none is known ({told}); "
            "write whose they are, or let them be nobody's with "
            f"`missing_subjects: {json.dumps(listed, ensure_ascii=False)}` in the dataset's configuration "
            f"(`{options}` on the command line)."
        )
    if not taken:
        return known, []
    spellings = ", ".join(f"'{spelling}'" for spelling in taken)
    return known, [
        f"{where}: {sum(taken.values()):,} of {len(subject_of):,} images have no known subject ({spellings}); splits "
        "that keep patients apart leave them out."
    ]


def refuse_missing(subjects: pd.Series[str], where: str) -> None:
    """Refuse a table of images whose column `subject_id` says of a row that none is known, but not by an empty field.

    Parameters
    ----------
    subjects : Series of str
        The column `subject_id`, with empty fields where no subject is known.
    where : str
        The table's file, with which the message begins.

    Raises
    ------
    UserError
        With the spelling and the number of rows.
    """
    for subject, rows in subjects.value_counts().items():
        if subject and says_none(str(subject)):
            raise UserError(
                f"{where}: {rows:,} of {len(subjects):,} rows have the subject_id '{subject}', which says that none is "
                "known; leave the field empty there, or write whose they are."
            )


def _folded(spelling: str) -> str:
    return unicodedata.normalize("NFC", spelling).strip().casefold()
