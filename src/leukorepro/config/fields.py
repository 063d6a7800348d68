"""Kinds of values that several parts of the configuration share, and the model that refuses unknown keys."""

from __future__ import annotations

import inspect
import re
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, model_validator

from leukorepro.core.errors import unknown
from leukorepro.core.validation import pattern
from leukorepro.core.words import Budget, Normalisation

T = TypeVar("T")


def _identity_first(views: list[str]) -> list[str]:
    if not views or views[0] != "identity" or len(set(views)) != len(views):
        raise ValueError(f"given {views}; must begin with 'identity' and name every view once")
    return views


ONE_BUDGET = "one budget"
"""Validation context of specifications: what has a value for each budget holds that of the run only."""


def _every_budget(values: dict[Budget, T], info: ValidationInfo) -> dict[Budget, T]:
    if info.context != ONE_BUDGET and (missing := [budget for budget in get_args(Budget) if budget not in values]):
        raise ValueError(f"'{missing[0]}' is missing; must have a value for each of {', '.join(get_args(Budget))}")
    return values


def refuse_twice(names: Sequence[str]) -> None:
    """Raise ValueError if a name stands in the list twice."""
    if twice := [name for name in dict.fromkeys(names) if names.count(name) > 1]:
        raise ValueError(f"'{twice[0]}' is named twice; name each once")


Share = Annotated[float, Field(gt=0, lt=1)]
Key = Annotated[
    str,
    Field(
        pattern=pattern(
            r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", "letters, digits, '_', '.' and '-', a letter or digit in front"
        )
    ),
]
FeatureSetName = Annotated[
    str,
    Field(
        pattern=pattern(
            r"^[A-Za-z0-9][A-Za-z0-9_.+-]*$", "letters, digits, '_', '.', '-' and '+', a letter or digit in front"
        )
    ),
]
View = Annotated[
    str,
    Field(
        pattern=pattern(
            r"^(identity|hflip|vflip|rot90|rot180|rot270|(rotate|compose)([1-9]\d?|1[0-7]\d|180)?:\d+)$",
            "identity, hflip, vflip, rot90, rot180, rot270, rotate:SEED or compose:SEED; these two may bound the "
            "angle, as rotate15:SEED does",
        )
    ),
]
Views = Annotated[list[View], AfterValidator(_identity_first)]


def without_wildcards(path: T) -> T:
    """A path that Snakemake takes as it is: of a name in braces it makes a wildcard, which nothing prevents.

    Raises
    ------
    ValueError
        If there is one.
    """
    if found := re.search(r"\{[^{}]+\}", str(path)):
        raise ValueError(
            f"given '{path}'; the workflow takes '{found[0]}' for a wildcard: rename the file or its folder"
        )
    return path


WeightsSpec = Annotated[
    str,
    Field(pattern=pattern(r"^(imagenet|random|file:.+)$", "imagenet, random or file:PATH")),
    AfterValidator(without_wildcards),
]
PerBudget = Annotated[
    dict[Budget, T], AfterValidator(_every_budget), Field(json_schema_extra={"required": list(get_args(Budget))})
]
"""A value for each budget."""


def in_the_middle(text: str) -> str:
    """A sentence's beginning as it stands inside another one: its first word small, unless that is a name."""
    first = text.split(" ", 1)[0]
    return text if first[1:] != first[1:].lower() else text[:1].lower() + text[1:]


def _is_none(value: object) -> bool:
    return value is None


Normalise = Annotated[Normalisation | None, Field(exclude_if=_is_none)]
"""How colours are made those of a reference, before all else. Where they stay, nothing is written of it: what was
computed before there was a choice keeps its specification."""


class Strict(BaseModel):
    """A frozen model that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, use_attribute_docstrings=True)

    @property
    def kind_in_words(self) -> str:
        """What it is, in the middle of a sentence: what its class says of itself first."""
        first = inspect.getdoc(type(self)) or type(self).__name__
        return in_the_middle(first.partition("\n")[0].rstrip("."))

    @model_validator(mode="before")
    @classmethod
    def _keys_and_kinds_exist(cls, value: Any) -> Any:
        if isinstance(value, dict):
            for key in value:
                if key not in cls.model_fields:
                    raise ValueError(unknown("key", str(key), cls.model_fields))
            for key, given in value.items():  # pydantic would take them for 1 and 0
                if _has_truth(given) and not _may_hold(cls.model_fields[key].annotation, bool):
                    raise ValueError(f"{key}: true and false are no numbers; write the number, or leave the key out")
        return value


def _has_truth(value: Any) -> bool:
    """Whether a value is true or false, or a list or a mapping with one among its values."""
    inside = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    return any(isinstance(one, bool) for one in inside)


def _may_hold(annotation: Any, kind: type) -> bool:
    """Whether a value of a type may be of a kind or hold one; models may hold anything, and judge it themselves."""
    if annotation is Any or (isinstance(annotation, type) and issubclass(annotation, (kind, BaseModel))):
        return True
    return any(_may_hold(inner, kind) for inner in get_args(annotation))
