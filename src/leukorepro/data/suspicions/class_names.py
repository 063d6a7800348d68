"""Names of classes that look like one another."""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence

# As file managers call a second folder of one name.
_COPY = re.compile(r"^copy of |[ _-]*\(\d+\)$|[ _-]+(?:copy|kopie|copie|copia)(?: ?\(?\d+\)?)?$", re.IGNORECASE)
# What looks the same, from the least difference to the largest: its name and what takes it away.
_SHAPES = str.maketrans("АВЕКМНОРСТХаеорсухΑΒΕΖΗΙΚΜΝΟΡΤΥΧο0", "ABEKMHOPCTXaeopcyxABEZHIKMNOPTYXoO")  # noqa: RUF001
_DIFFERENCES: dict[str, Callable[[str], str]] = {
    "Unicode form": lambda name: unicodedata.normalize("NFC", name),
    "invisible characters": lambda name: "".join(c for c in name if unicodedata.category(c) != "Cf"),
    "form of characters": lambda name: unicodedata.normalize("NFKC", name),
    "spaces, hyphens, underscores or dots": lambda name: re.sub(r"[\s_]+|(?<=\w)[-‐-―](?=\w)|\.$", "", name),  # noqa: RUF001
    "leading zeros": lambda name: re.sub(r"(?<!\d)0+(?=\d)", "", name),
    "characters of the same shape": lambda name: name.translate(_SHAPES),
    "case": str.casefold,
    "accents": lambda name: "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c)),
}


def look_alikes(classes: Collection[str]) -> Iterator[str]:
    """Sentences on classes whose names differ by nothing that is meant to tell classes apart."""
    folded = {_folded(name) for name in classes}
    alike = defaultdict(list)
    for name in classes:
        original = _folded(_COPY.sub("", name))
        alike[original if original in folded else _folded(name)].append(name)
    for names in alike.values():
        if len(names) > 1:
            differences = list(_differences(names)) or ["what a copy is called"]
            shown = [f"'{name}'" if name.isascii() else ascii(name) for name in names]
            yield (
                f"the classes {' and '.join(shown)} look like one under {len(names)} names, which differ in "
                f"{' and '.join(differences)}; give them one name, or names that tell them apart."
            )


def _folded(name: str) -> str:
    """A name without what does not tell classes apart."""
    for reduce in _DIFFERENCES.values():
        name = reduce(name)
    return name


def _differences(names: Sequence[str]) -> Iterator[str]:
    """In what names differ that look like one; in nothing where one is called a copy of another."""
    names = [_COPY.sub("", name) for name in names] if len({_folded(name) for name in names}) > 1 else names
    for difference, reduce in _DIFFERENCES.items():
        reduced = [reduce(name) for name in names]
        changed = [before != after for before, after in zip(names, reduced, strict=True)]
        if len(set(reduced)) < len(set(names)) or len(set(changed)) > 1:
            yield difference
        if len(set(reduced)) == 1:
            return
        names = reduced
