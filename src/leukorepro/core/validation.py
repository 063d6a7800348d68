"""Reading YAML and telling what is wrong with it: file, key, what was given, what is allowed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError

from leukorepro.core.errors import UserError, did_you_mean
from leukorepro.core.yaml_text import AmbiguousError, load_yaml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

T = TypeVar("T")

PATTERNS: dict[str, str] = {}
"""What a text pattern allows, in words."""


def pattern(expression: str, words: str) -> str:
    """A text pattern that error messages put into words.

    Parameters
    ----------
    expression : str
        A regular expression, as pydantic takes it.
    words : str
        What it allows, in words that follow "expected".

    Returns
    -------
    str
        The expression.
    """
    PATTERNS[expression] = words
    return expression


def read_yaml(path: Path) -> Any:
    """Read a YAML file.

    Raises
    ------
    UserError
        If it is missing or not YAML, gives a key twice, or holds a number that may be meant as text.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = sorted(f.stem for f in path.parent.glob("*.yaml"))
        hint = f" Known there: {', '.join(known)}.{did_you_mean(path.stem, known)}" if known else ""
        raise UserError(f"{path}: no such file.{hint}") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise UserError(f"{path}: cannot be read ({reason}); expected a YAML file.") from None
    return parse_yaml(text, str(path))


def parse_yaml(text: str, where: str) -> Any:
    """The value of a YAML text.

    Parameters
    ----------
    text : str
        Of a whole file.
    where : str
        What the message of an error begins with.

    Raises
    ------
    UserError
        If it is not YAML, gives a key twice, or holds a number that may be meant as text.
    """
    try:
        return load_yaml(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        fault = "" if isinstance(error, AmbiguousError) else "not valid YAML: "
        raise UserError(f"{where}: {place}{fault}{error.problem or error.context}.") from None
    except yaml.YAMLError as error:
        raise UserError(f"{where}: not valid YAML: {' '.join(str(error).split())}.") from None


def parse(kind: TypeAdapter[T] | type[T], value: Any, path: Path, context: str | None = None) -> T:
    """Validate a parsed YAML or JSON value.

    Parameters
    ----------
    kind : TypeAdapter or type
    value : object
    path : Path
        Of the file that it was read from.
    context : str, optional
        What validators are told, see `leukorepro.config.fields.ONE_BUDGET`.

    Raises
    ------
    UserError
        With the file, the key, what was given and what is allowed, for each fault.
    """
    adapter: TypeAdapter[T] = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    try:
        return adapter.validate_python(value, context=context)
    except ValidationError as error:
        raise UserError(f"{path}: {_sentence(error.errors(include_url=False), value)}") from None


def _sentence(faults: Sequence[ErrorDetails], value: Any) -> str:
    """All faults of a value; alternatives that were all refused at one key are told as one fault."""
    told: dict[str, list[str]] = {}
    hints: dict[str, None] = {}
    for fault in faults:
        key = _key(fault, value)
        given, allowed = _describe(fault)
        told.setdefault(f"{key}: {given}" if key else given, []).append(allowed)
        hints[_hint(fault)] = None
    text = "; ".join(
        given + " or ".join(one.removesuffix(".") for one in allowed).replace(" or must be ", " or ")
        for given, allowed in told.items()
    )
    return (text if text.endswith((".", "?")) else f"{text}.") + "".join(hints)


def _key(fault: ErrorDetails, value: Any) -> str:
    """The fault's key as a reader of the file sees it, without the names of types that pydantic puts between."""
    key, here = "", value
    for position, part in enumerate(fault["loc"]):
        if isinstance(here, Mapping) and part in here:
            here = here[part]
        elif isinstance(here, list) and isinstance(part, int):
            here = here[part]
            key += f"[{part}]"
            continue
        elif fault["type"] != "missing" or position < len(fault["loc"]) - 1:
            continue
        key += f".{part}" if key else str(part)
    if fault["type"].startswith("union_tag"):
        key += f".{_tag_key(fault)}" if key else _tag_key(fault)
    return key


def _tag_key(fault: ErrorDetails) -> str:
    """The key that tells the members of a union apart."""
    return str(fault["ctx"]["discriminator"]).strip("'")


def _describe(fault: ErrorDetails) -> tuple[str, str]:
    """What was given, and what is allowed instead."""
    kind, context, given = fault["type"], fault.get("ctx", {}), fault["input"]
    if kind in {"missing", "union_tag_not_found"}:
        return "", "required, but not given"
    if kind == "value_error":
        return "", str(context["error"])
    if kind == "union_tag_invalid":
        given, allowed = context["tag"], f"must be one of {context['expected_tags']}"
    elif kind == "string_pattern_mismatch":
        allowed = f"must be {PATTERNS.get(context['pattern'], 'what matches ' + context['pattern'])}"
    elif kind in {"model_type", "dict_type", "model_attributes_type"}:
        allowed = "must be a mapping, lines of `key: value`"
    elif kind == "string_type":
        allowed = "must be text: put it in quotes where it is a name"
    elif kind == "too_short":
        allowed = f"must have at least {context['min_length']} item(s)"
    else:
        allowed = fault["msg"].replace("Input should be", "must be", 1)
    shown = "nothing" if given is None else repr(given)
    return f"given {shown if len(shown) <= 80 else shown[:77] + '...'}; ", allowed


def _hint(fault: ErrorDetails) -> str:
    """The closest of the allowed words, where they are few."""
    context = fault.get("ctx", {})
    known = re.findall(r"'([^']*)'", context.get("expected_tags") or context.get("expected") or "")
    return did_you_mean(str(context.get("tag", fault["input"])), known)
