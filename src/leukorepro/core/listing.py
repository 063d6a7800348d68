"""What is known of a dataset's images before any is opened: rows, and the parts of a published dataset."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """An image file and what its dataset says about it; empty where it says nothing."""

    path: str
    """Below the dataset's folder, with forward slashes."""
    label: str = ""
    subject_id: str = ""
    source_id: str = ""
    """The photograph that the image comes from; empty: the image itself."""
    official_split: str = ""
    site: str = ""
    """Where it was made: a hospital, a laboratory, a scanner."""
    image_id: str = ""
    """What the image is called; empty: by its path."""

    @property
    def name(self) -> str:
        """What the image is called in every table."""
        return self.image_id or self.path


@dataclass(frozen=True)
class Exclusion:
    """Rows of a dataset's table that its configuration leaves out by a value."""

    column: str
    value: str
    images: int
    """Each counts once, under the first exclusion that fits it."""


@dataclass(frozen=True)
class Part:
    """A part of a published dataset: what a complete copy holds, and what is here."""

    name: str
    expected: dict[str, int]
    """Such as ``{"images": 260, "images of class all": 130, "images of class healthy": 130}``."""
    found: dict[str, int]

    @property
    def complete(self) -> bool:
        """Whether all that a complete copy holds is here, and nothing more."""
        return self.found == self.expected

    @property
    def sentence(self) -> str:
        """Complete or not, in words."""
        if self.complete:
            what, count = next(iter(self.expected.items()))
            return f"complete {self.name}: {count:,} {what}"
        if not any(self.found.values()):
            return f"nothing of the {self.name}"
        counts = ", ".join(f"{self.found[k]:,} of {v:,} {k}" for k, v in self.expected.items() if self.found[k] != v)
        extra = any(self.found[k] > v for k, v in self.expected.items())
        return f"{'not the published' if extra else 'a part of the'} {self.name}: {counts}"


@dataclass(frozen=True)
class Listing:
    """The images of a dataset's folder and what its adapter knows about them."""

    rows: list[Row]
    parts: list[Part] = field(default_factory=list)
    """Of a published dataset; empty for one's own images."""
    external_split: str = ""
    """The official split that is the dataset's held-out part; empty: it has none."""
    notes: list[str] = field(default_factory=list)
    """Sentences on what was left out."""
    excluded: list[Exclusion] = field(default_factory=list)
    """What was left out because the dataset's configuration says so."""
    suspicions: list[str] = field(default_factory=list)
    """Sentences on what looks as if the folder, or a table beside it, were not meant as it was understood."""
    crops: list[str] = field(default_factory=list)
    """Images that were cut from photographs of the same dataset, where it does not say which from which."""
    photographs: list[str] = field(default_factory=list)
    """Those that they may come from."""
    folders: list[str] = field(default_factory=list)
    """Names of the folders right below the dataset's."""
    others: list[str] = field(default_factory=list)
    """Files that are no rows, hidden ones left out."""
    ignored: dict[str, int] = field(default_factory=dict)
    """Files that are no rows, counted by their ending."""

    @property
    def has_subjects(self) -> bool:
        """Whether the dataset says who the patients are."""
        return any(row.subject_id for row in self.rows)
