"""YAML in which a spelling has one meaning, that of version 1.2's core schema, whatever reads it.

PyYAML follows version 1.1, where `010` is 8, `no` is false, `12:30` is 750, `2024-01-01` a date and `1e-3` a text. Here
these are what they look like: texts, and a number. A whole number that begins with 0 looks like a number to one reader
and like a name to another, so it is refused.
"""

from __future__ import annotations

import re
from typing import Any, ClassVar

import yaml

_TAG = "tag:yaml.org,2002:"

_CORE = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    "merge": (r"<<", ["<"]),
}
"""Spellings of what is no text, and what they begin with (YAML 1.2.2, section 10.3.2; `<<` is widely used)."""


class AmbiguousError(yaml.MarkedYAMLError):
    """What is YAML, but may be meant in two ways."""


def load_yaml(text: str) -> Any:
    """The value that a text holds.

    Raises
    ------
    AmbiguousError
        If it holds a whole number that begins with 0.
    yaml.YAMLError
        If it is not YAML, or gives a key twice.
    """
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - which makes nothing but values
    except RecursionError:
        raise yaml.YAMLError("lists and mappings lie in one another too deeply") from None


def dump_yaml(value: Any) -> str:
    """A value as text, in the order of its keys; a text that any version of YAML takes for something else is quoted."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True)


class _Loader(yaml.SafeLoader):
    """A loader of the core schema, which takes no key twice."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as its base declares it
    yaml_constructors: ClassVar[dict[str | None, Any]] = {
        tag: yaml.SafeLoader.yaml_constructors[tag]
        for tag in (*(f"{_TAG}{kind}" for kind in ("null", "str", "seq", "map")), None)
    }

    def compose_mapping_node(self, anchor: Any) -> yaml.MappingNode:
        node: yaml.MappingNode = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise _error(key, f"the key '{key.value}' is given twice in one mapping")
                seen.add(key.value)
        return node


class _Dumper(yaml.SafeDumper):
    """A dumper that knows the spellings of both versions."""


def _error(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _truth(loader: _Loader, node: yaml.ScalarNode) -> bool:
    text = str(loader.construct_scalar(node))
    if text.lower() not in {"true", "false"}:
        raise _error(node, f"'{text}' is neither true nor false")
    return text.lower() == "true"


def _whole_number(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = str(loader.construct_scalar(node))
    if re.fullmatch(r"[-+]?0[0-9]+", text):
        number = int(text)
        problem = f"{text} may be meant as {number} or as text; write {number}, or '{text}' in quotes"
        raise AmbiguousError(problem=problem, problem_mark=node.start_mark)
    try:
        return int(text, 0)
    except ValueError:
        raise _error(node, f"'{text}' is no whole number") from None


def _number(loader: _Loader, node: yaml.ScalarNode) -> float:
    text = str(loader.construct_scalar(node))
    try:
        return float(re.sub(r"\.(?=inf|nan)", "", text.lower()))
    except ValueError:
        raise _error(node, f"'{text}' is no number") from None


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    """Line breaks that PyYAML would write as they are, and read as others, are escaped, which takes double quotes."""
    style = '"' if set("\x85\u2028\u2029") & set(text) else None
    return dumper.represent_scalar(f"{_TAG}str", text, style)


for _kind, (_spelling, _first) in _CORE.items():
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"{_TAG}{_kind}", re.compile(f"^(?:{_spelling})$"), _first)
_Dumper.add_representer(str, _text)
_Loader.add_constructor(f"{_TAG}bool", _truth)
_Loader.add_constructor(f"{_TAG}int", _whole_number)
_Loader.add_constructor(f"{_TAG}float", _number)
