"""A table with a row for each image, whose columns say its class and, where they can, whose it is and where from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from leukorepro.config.datasets import UnattributedDataset
from leukorepro.config.fields import Strict
from leukorepro.core.errors import UserError, some
from leukorepro.core.listing import Exclusion, Listing, Row
from leukorepro.core.tables.named_columns import read_named_columns
from leukorepro.data.folders import is_image
from leukorepro.data.image_names import ImageNames
from leukorepro.data.subjects.attributed import subjects_of
from leukorepro.data.subjects.missing import take_out_missing

if TYPE_CHECKING:
    import pandas as pd

Column = Annotated[str, Field(min_length=1)]


class Columns(Strict):
    """What the table's columns are called."""

    image: Column
    """Of the image: its path below the images' folder, or its file name where no other image has that."""
    label: Column
    subject: Column | None = None
    source: Column | None = None
    """Of the photograph or slide that the image was cut from."""
    site: Column | None = None
    """Of the place where it was made: a hospital, a laboratory, a scanner."""


class HeldOut(Strict):
    """The part of the images that no system is trained on, and that the rung `external` tests."""

    column: Column
    value: str


class TableDataset(UnattributedDataset):
    """A table, CSV or Parquet, with a row for each image below a folder."""

    belongs_there = "the images that the table names"
    classes_from = "let the column of labels, and `labels` where it is given, tell at least two apart"
    adapter: Literal["table"]
    table: Path
    """Parquet where its name ends in `.parquet`, else CSV; relative to the project's folder."""
    columns: Columns
    held_out: HeldOut | None = None
    """Which rows are the held-out part; the column's other values name official parts that may all train."""
    labels: Annotated[dict[str, str], Field(min_length=1)] | None = None
    """Class of every label of the table; several labels may be one class. Default: labels are classes."""
    exclude: dict[Column, Annotated[list[str], Field(min_length=1)]] = Field(default_factory=dict)
    """Rows that are left out: by a column, the values that are; `""` is an empty field."""

    @model_validator(mode="after")
    def _classes_have_names(self) -> TableDataset:
        if unnamed := [label for label, name in (self.labels or {}).items() if not name.strip()]:
            raise ValueError(f"labels: '{unnamed[0]}' has an empty class; name it, or leave its rows out by `exclude`")
        return self

    @property
    def subjects_from(self) -> list[str]:
        """Keys that say who the patients are: a column may, too."""
        return [*super().subjects_from, *["columns.subject"] * (self.columns.subject is not None)]

    @property
    def files_beside(self) -> tuple[Path, ...]:
        """The table, and that of the subjects where it is another."""
        return (*super().files_beside, self.table)

    def list_rows(self, folder: Path, files: list[str]) -> Listing:
        """Take what the table says of its images; images that no row names are left out, and counted.

        Parameters
        ----------
        folder : Path
            The dataset's folder.
        files : list of str
            Paths of the files below it, with forward slashes.

        Raises
        ------
        UserError
            If the table lacks a column that is named, or a row its label; if a row names no image of the folder,
            several or one that another row names; if a label has no class, or a value that the dataset names is
            nowhere; if a source is of several subjects; or as in any folder of images, if a subject is missing or
            spelled as if none were known.
        """
        images = [file for file in files if is_image(file)]
        names = ImageNames(images)
        rows, excluded, left_out = self._excluded(self._read())
        labels = self._labels(rows)
        paths = self._paths(rows, names, folder)
        subject_of, notes = self._subjects(rows, paths, folder)
        parts, sites = self._parts(rows), self._column(rows, self.columns.site)
        sources = self._column(rows, self.columns.source)
        self._check_sources(sources, [subject_of.get(path, "") for path in paths])
        known = {*paths, *(found for name in left_out for found in names.find(name))}
        if unnamed := [image for image in images if image not in known]:
            notes = [f"{self.table}: {len(unnamed):,} image(s) in the folder have no row ({some(unnamed, 3)}).", *notes]
        return Listing(
            [
                Row(path, label, subject_of.get(path, ""), source, part, site)
                for path, label, source, part, site in zip(paths, labels, sources, parts, sites, strict=True)
            ],
            external_split="" if self.held_out is None else self.held_out.value,
            notes=notes,
            excluded=excluded,
        )

    def _read(self) -> pd.DataFrame:
        named = {f"columns.{key}": name for key, name in self.columns.model_dump(exclude_none=True).items()}
        if self.held_out is not None:
            named["held_out.column"] = self.held_out.column
        return read_named_columns(self.table, named | {f"exclude.{column}": column for column in self.exclude})

    def _excluded(self, rows: pd.DataFrame) -> tuple[pd.DataFrame, list[Exclusion], list[str]]:
        """Rows that are left, what was left out, and the images of those rows."""
        excluded = []
        left = rows
        for column, values in self.exclude.items():
            for value in values:
                if not (rows[column] == value).any():
                    raise UserError(self._nowhere(f"exclude.{column}", value, rows[column]))
                fits = left[column] == value
                excluded.append(Exclusion(column, value, int(fits.sum())))
                left = left[~fits]
        if left.empty:
            raise UserError(f"{self.table}: no row {'is left by `exclude`' if excluded else 'names an image'}.")
        return left, excluded, rows.loc[rows.index.difference(left.index), self.columns.image].tolist()

    def _labels(self, rows: pd.DataFrame) -> list[str]:
        """The class of every row."""
        given = rows[self.columns.label]
        if (empty := given == "").any():
            raise UserError(
                f"{self.table}: {empty.sum():,} row(s) have no label in the column '{given.name}' (row "
                f"{given.index[empty][0]}); write it, or leave them out with `exclude: {{{given.name}: ['']}}`."
            )
        if self.labels is None:
            return given.tolist()
        counts = given.value_counts()
        if unmapped := [f"'{label}' ({n:,} rows)" for label, n in counts.items() if label not in self.labels]:
            raise UserError(
                f"{self.table}: `labels` has no class for {', '.join(unmapped)}; it has {', '.join(self.labels)}. Add "
                f"what is missing, or leave those rows out with `exclude: {{{given.name}: [...]}}`."
            )
        if lost := [label for label in self.labels if label not in counts]:
            raise UserError(self._nowhere("labels", lost[0], given))
        return [self.labels[label] for label in given]

    def _paths(self, rows: pd.DataFrame, names: ImageNames, folder: Path) -> list[str]:
        """The image of every row."""
        row_of: dict[str, int] = {}
        missing: dict[int, str] = {}
        for row, given in zip(rows.index.tolist(), rows[self.columns.image], strict=True):
            found = names.find(given) if given else []
            if not given:
                raise UserError(f"{self.table}: row {row}: no image in the column '{self.columns.image}'; write it.")
            if len(found) > 1:
                raise UserError(
                    f"{self.table}: row {row}: image '{given}' {names.why_none(given)}; give its path below {folder}."
                )
            if not found:
                missing[row] = given
            elif (earlier := row_of.setdefault(found[0], row)) != row:
                raise UserError(
                    f"{self.table}: row {row}: image '{given}' is that of row {earlier}, too; keep one of the rows."
                )
        if missing:
            raise UserError(self._missing(missing, names, folder, len(rows)))
        return list(row_of)

    def _missing(self, missing: dict[int, str], names: ImageNames, folder: Path, n_rows: int) -> str:
        """What to do about rows whose image is not there: one of them beside the image that it may mean."""
        if not names.any:
            return f"{folder}: holds no image; {self.table} names {n_rows:,}. Put them there, or correct `images`."
        row = next((row for row, given in missing.items() if names.resembling(given)), next(iter(missing)))
        return (
            f"{self.table}: {len(missing):,} of {n_rows:,} rows name no image below {folder}: row {row} names "
            f"'{missing[row]}', which {names.why_none(missing[row])}; put the images there, or correct the column "
            f"'{self.columns.image}'."
        )

    def _subjects(self, rows: pd.DataFrame, paths: list[str], folder: Path) -> tuple[dict[str, str], list[str]]:
        """Whose the images are, and what must be said of those that are nobody's."""
        if self.columns.subject is None:
            return subjects_of(self, str(folder), paths)
        subject_of = dict(zip(paths, rows[self.columns.subject], strict=True))
        return take_out_missing(subject_of, self.missing_subjects, str(self.table))

    def _parts(self, rows: pd.DataFrame) -> list[str]:
        """The official part of every row; none where no part is held out."""
        if self.held_out is None:
            return [""] * len(rows)
        parts = rows[self.held_out.column]
        if not (parts == self.held_out.value).any():
            raise UserError(self._nowhere("held_out.value", self.held_out.value, parts))
        return parts.tolist()

    def _check_sources(self, sources: list[str], subjects: list[str]) -> None:
        """Refuse a source of several subjects, which would make one patient of them: slides numbered for each anew."""
        of_source: dict[str, set[str]] = {}
        for source, subject in zip(sources, subjects, strict=True):
            of_source.setdefault(source, set()).update(filter(None, [subject]))
        if shared := [source for source, of in of_source.items() if source and len(of) > 1]:
            whose = some(map(repr, sorted(of_source[shared[0]])), 3)
            raise UserError(
                f"{self.table}: the source '{shared[0]}' has images of several subjects ({whose}), and so have "
                f"{len(shared) - 1:,} others; write names that no two subjects share into '{self.columns.source}'."
            )

    def _column(self, rows: pd.DataFrame, column: str | None) -> list[str]:
        return [""] * len(rows) if column is None else rows[column].tolist()

    def _nowhere(self, key: str, value: str, given: pd.Series[str]) -> str:
        """That a value which the dataset names is in no row, and what is there."""
        there = some((f"'{one}' ({n:,} rows)" for one, n in Counter(given).most_common()), 10)
        return f"{self.table}: `{key}` names '{value}', which no row has in '{given.name}'; found {there}. Correct it."


ENTRY = TableDataset
