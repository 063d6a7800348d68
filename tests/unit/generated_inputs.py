"""Inputs that Hypothesis makes out of good ones, by their kind: tables, trees of YAML and JSON, bytes of all else."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import yaml
from hypothesis import reject
from hypothesis import strategies as st
from pandas.api.types import is_numeric_dtype
from working_calls import (
    AREA,
    AUDIT,
    DATASET_FOLDER,
    DUPLICATES,
    FACTS,
    FOLDER,
    HALVES,
    IMAGES,
    MANIFEST,
    PART,
    spec,
)

Draw = Callable[[st.SearchStrategy[Any]], Any]

# ---------------------------------------------------------------------------------------------------------------- bytes


def of_bytes(draw: Draw, content: bytes) -> bytes:
    """A part removed, doubled, overwritten or put in, or a bit changed."""
    size = len(content)
    at = draw(st.integers(0, size))
    part = draw(st.sampled_from([1, 2, 4, 16, 256, max(1, size // 3), size]))
    kind = draw(st.sampled_from(["cut", "remove", "double", "overwrite", "insert", "flip"]))
    if kind == "cut":
        return content[:at]
    if kind == "remove":
        return content[:at] + content[at + part :]
    if kind == "double":
        return content[: at + part] + content[at:]
    if kind == "flip" and size:
        at = min(at, size - 1)
        return content[:at] + bytes([content[at] ^ 1 << draw(st.integers(0, 7))]) + content[at + 1 :]
    new = draw(st.one_of(st.binary(min_size=1, max_size=24), st.sampled_from([b"\0" * 9, b"\xff" * 4, b"\n", b'"'])))
    return content[:at] + new + content[at + (len(new) if kind == "overwrite" else 0) :]


# ---------------------------------------------------------------------------------------------------------------- trees

ODD_TEXTS = [
    *("", " ", "nonsense", "../../elsewhere", "/", "~", ".", "a b", "a\nb", "{x}", "{{x}}", "%s", "*", "(", "[", "\\"),
    *("a/b", "a:b", "=1+1", "'; touch x; '", "$(touch x)", "`touch x`", "\u202e", "\u00e4", "\U0001f9ec", "NaN"),
    *("file:", "file:nowhere", "no", "null", "01", "1_000", "x" * 300, "-", "--help", "\ufeff", "imagenet", "small"),
]
ODD_NUMBERS = [0, 1, -1, 2, 0.5, -0.5, 1.5, 10**6, 2**31, 2**63, 10**30, 1e308, float("nan"), float("inf"), -0.0]

ODD_VALUES = st.one_of(
    st.sampled_from([None, True, False, [], {}, [None], [[]], {"": None}, {"a": {}}]),
    st.sampled_from(ODD_NUMBERS),
    st.sampled_from(ODD_TEXTS),
    st.text(max_size=8),
    st.integers(),
    st.floats(),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Keys and positions that lead to every value of a tree, its root left out."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return found + [place for key, inner in items for place in places(inner, (*path, key))]


def of_tree(draw: Draw, tree: Any) -> Any:
    """A copy with a value replaced, removed, doubled, renamed, wrapped or put elsewhere."""
    tree = json.loads(json.dumps(tree))
    every = places(tree)
    if not every:
        return draw(ODD_VALUES)
    path = draw(st.sampled_from(every))
    here = tree
    for part in path[:-1]:
        here = here[part]
    last = path[-1]
    kind = draw(st.sampled_from(["replace", "replace", "replace", "remove", "double", "rename", "wrap", "move", "add"]))
    if kind == "replace":
        here[last] = draw(ODD_VALUES)
    elif kind == "remove":
        del here[last]
    elif kind == "wrap":
        here[last] = draw(st.sampled_from([[here[last]], {"a": here[last]}, str(here[last]), [here[last]] * 2]))
    elif kind == "move":
        other = draw(st.sampled_from(every))
        value = tree
        for part in other:
            value = value[part]
        here[last] = json.loads(json.dumps(value))
    elif isinstance(here, list):
        here.insert(last, here[last] if kind == "double" else draw(ODD_VALUES))
    elif kind == "double":
        here[f"{last}2"] = here[last]
    else:
        key = draw(st.one_of(st.sampled_from(ODD_TEXTS), st.sampled_from([str(part[-1]) for part in every])))
        here[key] = draw(ODD_VALUES) if kind == "add" else here.pop(last)
    return tree


def of_yaml(draw: Draw, content: bytes) -> bytes:
    """Another tree, or other bytes."""
    if draw(st.integers(0, 4)) == 0:
        return of_bytes(draw, content)
    tree = yaml.safe_load(content)
    for _ in range(draw(st.integers(1, 2))):
        tree = of_tree(draw, tree)
    return yaml.safe_dump(tree, allow_unicode=True, sort_keys=False).encode("utf-8", "surrogatepass")


def of_json(draw: Draw, content: bytes) -> bytes:
    """Another tree, or other bytes."""
    if draw(st.integers(0, 4)) == 0:
        return of_bytes(draw, content)
    return json.dumps(of_tree(draw, json.loads(content))).encode()


# --------------------------------------------------------------------------------------------------------------- tables


def of_csv(draw: Draw, content: bytes) -> bytes:
    """Other cells, rows, columns, separators or encodings; or other bytes."""
    if draw(st.integers(0, 4)) == 0:
        return of_bytes(draw, content)
    rows = list(csv.reader(io.StringIO(content.decode())))
    for _ in range(draw(st.integers(1, 3))):
        _change_table(draw, rows)
    options = draw(
        st.sampled_from([{}] * 5 + [{"delimiter": ";"}, {"lineterminator": "\r"}, {"quoting": csv.QUOTE_ALL}])
    )
    text = io.StringIO(newline="")
    csv.writer(text, **{"lineterminator": "\n", **options}).writerows(rows)
    encoding = draw(st.sampled_from(["utf-8"] * 6 + ["utf-8-sig", "utf-16", "latin-1"]))
    return text.getvalue().encode(encoding, "replace")


def _change_table(draw: Draw, rows: list[list[str]]) -> None:
    """Change one cell, row or column."""
    row = draw(st.integers(0, len(rows) - 1)) if rows else 0
    columns = max(map(len, rows), default=0)
    column = draw(st.integers(0, columns - 1)) if columns else 0
    kind = draw(
        st.sampled_from(["cell", "cell", "cell", "row gone", "row twice", "column gone", "column twice", "swap"])
    )
    if kind == "cell" and rows and column < len(rows[row]):
        taken = [cells[column] for cells in rows if column < len(cells)]
        cell = st.one_of(st.sampled_from(ODD_TEXTS), st.sampled_from(ODD_NUMBERS).map(str), st.text(max_size=6))
        rows[row][column] = draw(st.one_of(cell, st.sampled_from(taken)))
    elif kind == "row gone":
        del rows[row : row + draw(st.integers(1, 3))]
    elif kind == "row twice":
        rows[row:row] = [list(cells) for cells in rows[row : row + 1]]
    else:
        other = draw(st.integers(0, columns - 1)) if columns else 0
        for cells in rows:
            if max(column, other) < len(cells):
                if kind == "column gone":
                    del cells[column]
                elif kind == "column twice":
                    cells.append(cells[column])
                else:
                    cells[column], cells[other] = cells[other], cells[column]


def of_parquet(draw: Draw, content: bytes) -> bytes:
    """Other values, rows, columns or types, written by another program; or other bytes."""
    if draw(st.integers(0, 4)) == 0:
        return of_bytes(draw, content)
    frame = pd.read_parquet(io.BytesIO(content))
    for _ in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from(list(frame)))
        kind = draw(st.sampled_from(["gone", "renamed", "text", "number", "values", "one value", "rows"]))
        if kind == "gone":
            frame = frame.drop(columns=name)
        elif kind == "renamed":
            frame = frame.rename(columns={name: draw(st.sampled_from(ODD_TEXTS))})
        elif kind == "text":
            frame[name] = frame[name].astype(str)
        elif kind == "number":
            frame[name] = draw(st.sampled_from(ODD_NUMBERS)) * np.ones(len(frame))
        elif kind == "values":
            frame[name] = draw(st.sampled_from([None, *ODD_TEXTS]))
        elif kind == "one value" and len(frame):
            values = frame[name].astype(object)
            values.iloc[draw(st.integers(0, len(frame) - 1))] = draw(
                st.sampled_from([None, 0, -1] if is_numeric_dtype(frame[name]) else [None, "", "nonsense"])
            )
            frame[name] = values
        else:
            rows = draw(st.lists(st.integers(0, max(0, len(frame) - 1)), max_size=2 * len(frame)))
            frame = frame.iloc[rows] if len(frame) else frame
        if not len(frame.columns):
            break
    written = io.BytesIO()
    try:
        frame.to_parquet(written)
    except (TypeError, ValueError):  # a column twice, or of several types
        reject()
    return written.getvalue()


# ----------------------------------------------------------------------------------------------------------- every kind

BY_SUFFIX: dict[str, Callable[[Draw, bytes], bytes]] = {
    ".yaml": of_yaml,
    ".json": of_json,
    ".csv": of_csv,
    ".parquet": of_parquet,
}


def another(draw: Draw, file: Path) -> bytes:
    """What stands in a file instead of what does, by its kind."""
    return BY_SUFFIX.get(file.suffix, of_bytes)(draw, file.read_bytes())


class Target(NamedTuple):
    """A call of `working_calls.CALLS`, and a file that it reads, or the first that a pattern matches."""

    command: str
    file: str
    number: int = 0
    """Which of the command's calls."""
    instead: Mapping[str, str] = MappingProxyType({})
    """Values that the call has others of."""


def _read_by(file: str, *commands: str | tuple[str, int]) -> list[Target]:
    """Calls that read a file, each with its number where it is not the command's first."""
    calls = [(one, 0) if isinstance(one, str) else one for one in commands]
    return [Target(command, file, number) for command, number in calls]


TARGETS: dict[str, list[Target]] = {
    "dataset": _read_by("config/datasets/small.yaml", ("data scan", 0), "config resolve"),
    "run": _read_by("config/config.yaml", "config resolve", "estimate"),
    "study": _read_by("config/studies/small.yaml", "study check", "config resolve", "audit published"),
    "validity": [Target("validity draw", "config/validity.yaml", instead={"setting": "nonsense"})],
    "facts": _read_by(FACTS, "audit table"),
    "manifest": _read_by(
        MANIFEST,
        *("splits make", "splits repair", ("features describe", 1), "audit leakage", "judge", "models classify"),
        *("data duplicates", "features join", "audit rungs"),
    ),
    "subjects": _read_by("subjects.csv", ("data scan", 2), "predict"),
    "cells": _read_by("cells.csv", ("data scan", 1)),
    "splits": _read_by(HALVES, "splits repair", "models classify", "audit leakage", "evaluate", "audit rungs"),
    "published": _read_by("config/published/small.csv", "audit published", "audit table", "judge", "study check"),
    "measured": _read_by(f"{FOLDER}/measured.csv", "judge"),
    "metrics": _read_by(f"{FOLDER}/metrics.csv", "report summary", "compare-runs"),
    "predictions": _read_by(PART, "evaluate"),
    "scan": _read_by(f"{DATASET_FOLDER}/scan.json", "judge"),
    "audit": _read_by(AUDIT, "judge"),
    "duplicates": _read_by(DUPLICATES, "splits make", "audit leakage"),
    "simulation": _read_by("drawn/simulation.json", ("data simulate", 1)),
    "resolved": _read_by("results/mine/config.json", "report summary"),
    "specification": [
        *_read_by(spec("splits"), "splits make"),
        *_read_by(spec("classification"), "models classify"),
        *_read_by(spec("evaluation"), "evaluate"),
        *_read_by(spec("judgement"), "judge"),
        *_read_by(spec("leakage"), "audit rungs"),
    ],
    "checksums": _read_by("checksums.tsv", ("data duplicates", 1)),
    "paper": _read_by("paper.txt", "audit read"),
    "features": _read_by(AREA, "features fuse"),
    "model": [*_read_by("model/model.json", "predict"), *_read_by("model/classifier.skops", "predict")],
    "images": [
        *_read_by("own/blast/0.png", ("data scan", 2), "predict"),
        *_read_by(f"{IMAGES}/*/*/*1.tif", "data scan"),
    ],
}
"""By what the file is."""
