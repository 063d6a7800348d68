"""What a paper says of the images that a table of scores is about: classes, folds, and how scores are averaged."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from leukorepro.config.fields import Strict
from leukorepro.core.errors import UserError
from leukorepro.core.validation import parse, read_yaml

MOST_IMAGES = 10_000_000
"""Of a test set, which all numbers of correct ones are tried for; no paper's is larger."""

Size = Annotated[int, Field(ge=1, le=MOST_IMAGES)]
_InFold = Annotated[int, Field(ge=0, le=MOST_IMAGES)]
Averaging = Literal["pooled", "mean_over_folds", "macro", "micro", "weighted"]


def _ascending(sizes: list[int]) -> list[int]:
    if sizes[0] > sizes[1]:
        raise ValueError(f"given {sizes}; the least number comes first")
    return sizes


def _as_text(name: object) -> object:
    """A table's number as its name: `5` is YAML for a number."""
    return str(name) if isinstance(name, int) else name


def _as_range(told: object) -> object:
    """A number of images that is known as the least and the greatest."""
    return [told, told] if type(told) is int else told


def _as_folds(told: object) -> object:
    """A number of folds of which nothing else is said."""
    return {"n": told} if type(told) is int else told


_Range = Annotated[list[Size], Field(min_length=2, max_length=2)]
SizeRange = Annotated[
    _Range, AfterValidator(_ascending), BeforeValidator(_as_range, json_schema_input_type=Size | _Range)
]
"""Least and greatest number of images; one number, where it is known."""


class TestFacts(Strict):
    """What is said of the images that were tested."""

    __test__ = False  # no test, whatever its name looks like

    positive: Size | None = None
    """Images of the positive class, of two."""
    negative: Size | None = None
    classes: Annotated[list[Size], Field(min_length=2)] | Annotated[dict[str, Size], Field(min_length=2)] | None = None
    """Images of each class, of two or more; with names, where metrics or items carry these."""
    total: SizeRange | None = None
    """Least and greatest number of images of two classes, or the number, where the classes are not told."""

    @model_validator(mode="after")
    def _one_way(self) -> TestFacts:
        if (self.positive is None) != (self.negative is None):
            raise ValueError("one of `positive` and `negative` is missing; give both, or `total`")
        ways = [self.positive is not None, self.classes is not None, self.total is not None]
        if sum(ways) != 1:
            raise ValueError("give `positive` and `negative`, or `classes`, or `total`, and one of them")
        return self

    @property
    def sizes(self) -> list[int] | None:
        """Images of each class, the positive one first; None where they are not told."""
        if self.positive is not None and self.negative is not None:
            return [self.positive, self.negative]
        if self.classes is None:
            return None
        return list(self.classes.values() if isinstance(self.classes, dict) else self.classes)

    @property
    def names(self) -> list[str]:
        """Names of the classes; empty where none are given."""
        return list(self.classes) if isinstance(self.classes, dict) else []


class FoldFacts(Strict):
    """What is said of the folds, or of several test sets, that scores are means over."""

    n: Annotated[int, Field(ge=2, le=MOST_IMAGES)]
    known: bool = False
    """Whether the classes of every fold are given."""
    positive: list[_InFold] | None = None
    """Of each fold."""
    negative: list[_InFold] | None = None
    bounds: dict[str, Annotated[list[Annotated[float, Field(ge=-1, le=1)]], Field(min_length=2, max_length=2)]] = {}
    """Least and greatest value over the folds, by metric, where they are printed."""

    @model_validator(mode="after")
    def _fit(self) -> FoldFacts:
        for name, sizes in (("positive", self.positive), ("negative", self.negative)):
            if sizes is None and self.known:
                raise ValueError(f"known: true, but `{name}` is missing; list it for each of the {self.n} folds")
            if sizes is not None and not self.known:
                raise ValueError(f"known: false, but `{name}` is given; write `known: true`, or leave it out")
            if sizes is not None and len(sizes) != self.n:
                raise ValueError(f"{name}: given {len(sizes)} numbers; must be one for each of the {self.n} folds")
        for number, (p, n) in enumerate(zip(self.positive or [], self.negative or [], strict=True), 1):
            if p + n == 0:
                raise ValueError(f"fold {number} has no image; every fold has one at least")
        for metric, (low, high) in self.bounds.items():
            if low > high:
                raise ValueError(f"bounds.{metric}: given [{low}, {high}]; the least value comes first")
        return self


class TableFacts(Strict):
    """What a paper says of how one table of scores was made, or nothing."""

    test: TestFacts | None = None
    folds: Annotated[FoldFacts | None, BeforeValidator(_as_folds, json_schema_input_type=Size | FoldFacts | None)] = (
        None
    )
    averaging: Averaging | None = None
    """Over what scores are averaged: nothing (`pooled`), folds, or classes; default: every way is tried."""

    @property
    def contradiction(self) -> str:
        """What in it cannot be, and what must be; empty where nothing contradicts anything."""
        folds, sizes = self.folds, None if self.test is None else self.test.sizes
        if self.averaging == "mean_over_folds" and folds is None:
            return "averaging is mean_over_folds, but `folds` is missing; say how many: `folds: {n: 5}`"
        if self.averaging == "pooled" and sizes is not None and len(sizes) > 2:
            return f"averaging: pooled is of two classes; with {len(sizes)}, it is macro, micro or weighted"
        if folds is None:
            return ""
        if sizes is not None and len(sizes) > 2 and folds.known:
            return f"folds: positive and negative are of two classes; test.classes has {len(sizes)}"
        for name, given, whole in (
            ("positive", folds.positive, None if sizes is None else sizes[0]),
            ("negative", folds.negative, None if sizes is None else sizes[1]),
        ):
            if given is not None and whole is not None and sum(given) != whole:
                return f"folds.{name}: the folds have {sum(given)} in all, test has {whole}; must be the same"
        least = sum(sizes) if sizes else None if self.test is None or self.test.total is None else self.test.total[1]
        if not folds.known and least is not None and folds.n > least:
            return f"folds.n: given {folds.n} folds of {least} images; must be at most one for each image"
        return ""

    @property
    def sizes(self) -> list[int] | None:
        """Images of each class that were tested, the positive one first; None where they are not told."""
        if self.test is not None:
            return self.test.sizes
        if self.folds is not None and self.folds.positive is not None and self.folds.negative is not None:
            return [sum(self.folds.positive), sum(self.folds.negative)]
        return None

    @property
    def names(self) -> list[str]:
        """Names of the classes; empty where none are given."""
        return [] if self.test is None else self.test.names


class AuditFacts(TableFacts):
    """What a paper says of how its tables of scores were made: of all of them, and of single ones."""

    tables: dict[Annotated[str, BeforeValidator(_as_text)], TableFacts] = {}
    """What is said of one table instead of what is said of all, by its name in the column `table`."""

    @model_validator(mode="after")
    def _agree(self) -> AuditFacts:
        if not self.tables and self.contradiction:
            raise ValueError(self.contradiction)
        for table in self.tables:
            if told := self.of(table).contradiction:
                raise ValueError(f"tables.{table}: {told}")
        return self

    def of(self, table: str) -> TableFacts:
        """What is said of one table."""
        told = [self, *filter(None, [self.tables.get(table)])]
        return TableFacts(**{key: getattr(one, key) for one in told for key in one.model_fields_set - {"tables"}})


def read_facts(path: Path) -> AuditFacts:
    """Read what a paper says of its tables.

    Raises
    ------
    UserError
        If the file is missing, is no YAML, says nothing, has an unknown key, or contradicts itself.
    """
    value = read_yaml(path)
    if not value:
        raise UserError(f"{path}: it says nothing; write what the paper says, or leave --facts out.")
    return parse(AuditFacts, value, path)
