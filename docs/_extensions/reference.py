"""Parts of the documentation that follow from code and measurements: configuration, commands, tables, rungs, costs."""

from __future__ import annotations

import ast
import csv
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from importlib import import_module
from itertools import pairwise
from math import isinf
from pathlib import Path
from typing import Any

import typer
from sphinx.application import Sphinx

from leukorepro.cli.app import app
from leukorepro.config.schemas import SCHEMAS, json_schema
from leukorepro.core.tables.table import Table
from leukorepro.ladder.rungs import LADDER
from leukorepro.metrics.registry import METRICS

FILES = {
    "run": "`config/config.yaml` and `config/runs/NAME.yaml`: what is run. `leukorepro init` writes one.",
    "dataset": "`config/datasets/NAME.yaml`: which images, and what is known of them.",
    "study": "`config/studies/KEY.yaml`: what a paper did. `leukorepro study new KEY` writes a skeleton.",
    "validity": "`config/validity.yaml`: which studies are repeated where the truth is known.",
}

PUBLISHED_SIZE = Path(__file__).parents[2] / "benchmarks/results/published_size.csv"

TABLES = (
    *("core.tables.data", "core.tables.predictions", "core.tables.results"),
    *("inference.predicting.table", "inference.predicting.patients"),
)
"""Modules that say what is in tables, in the order in which the page has them."""


def setup(app: Sphinx) -> dict[str, bool]:
    """Register this extension with Sphinx."""
    app.connect("source-read", fill_in)
    return {"parallel_read_safe": True}


def fill_in(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Put what follows from the code where a page asks for it."""
    makers = {
        "configuration": configuration,
        "commands": commands,
        "tables": tables,
        "rungs": rungs,
        "metrics": metrics,
        "published_size": published_size,
    }
    for name, maker in makers.items():
        line = f"<!-- generated: {name} -->\n"
        if line in source[0]:
            source[0] = source[0].replace(line, maker())


def cell(text: object) -> str:
    """Text as it may stand in a cell of a Markdown table."""
    outside_code = re.split(r"(`[^`]*`)", " ".join(str(text).split()))
    return "".join(part if part.startswith("`") else part.replace("|", "&#124;") for part in outside_code)


def table(head: list[str], rows: list[list[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines) + "\n"


def configuration() -> str:
    """Every key of every configuration file, from the schemas that check them."""
    parts = []
    for name in SCHEMAS:
        schema = json_schema(name)
        parts.append(f"({name})=\n## A {name}'s file\n\n{FILES[name]}\n")
        if "properties" in schema:
            parts += keys_of(schema, name)
        for title, part in schema.get("$defs", {}).items():
            if "properties" in part:
                parts.append(f"({name}-{title})=\n### {title}\n")
                parts += keys_of(part, name)
            elif "enum" in part:
                parts.append(f"({name}-{title})=\n### {title}\n\n{', '.join(f'`{value}`' for value in part['enum'])}\n")
            else:
                parts.append(f"({name}-{title})=\n### {title}\n\n{part.get('description', '')}\n\n{kind(part, name)}\n")
    return "\n".join(parts)


def keys_of(part: dict[str, Any], name: str) -> Iterator[str]:
    """A table of an object's keys."""
    if part.get("description"):
        yield part["description"].strip() + "\n"
    needed = part.get("required", [])
    rows: list[list[object]] = []
    for key, value in part["properties"].items():
        default = "needed" if key in needed else f"`{json.dumps(value['default'])}`" if "default" in value else ""
        rows.append([f"`{key}`", kind(value, name), default, value.get("description", "")])
    yield table(["key", "what it holds", "default", "meaning"], rows)


def kind(value: dict[str, Any], name: str) -> str:
    """What a value may be, in words."""
    if "$ref" in value:
        part = value["$ref"].rpartition("/")[2]
        return f"[{part}](#{name}-{part})"
    if "const" in value:
        return f"`{value['const']}`"
    if "enum" in value:
        return ", ".join(f"`{choice}`" for choice in value["enum"])
    for words in ("anyOf", "oneOf"):
        if words in value:
            return " or ".join(dict.fromkeys(kind(choice, name) for choice in value[words]))
    match value.get("type"):
        case "array":
            return f"a list of {kind(value['items'], name)}" if value.get("items") else "a list"
        case "object":
            inner = value.get("additionalProperties")
            return f"names, and for each {kind(inner, name)}" if isinstance(inner, dict) else "names and values"
        case "null":
            return "nothing"
        case "string":
            return f"text like `{value['pattern']}`" if "pattern" in value else "text"
        case "integer" | "number" as number:
            noun = "a whole number" if number == "integer" else "a number"
            limits = {
                "from": value.get("minimum"),
                "above": value.get("exclusiveMinimum"),
                "to": value.get("maximum"),
                "below": value.get("exclusiveMaximum"),
            }
            return " ".join([noun, *(f"{word} {limit}" for word, limit in limits.items() if limit is not None)])
        case "boolean":
            return "`true` or `false`"
    return "anything"


def commands() -> str:
    """Every command with its options, from the command line itself."""
    group: Any = typer.main.get_command(app)
    return "\n".join(commands_of(group, "leukorepro"))


def commands_of(group: Any, before: str) -> Iterator[str]:
    """A section for each command of a group, and of the groups in it."""
    for name, command in group.commands.items():
        words = f"{before} {name}"
        if hasattr(command, "commands"):
            yield from commands_of(command, words)
            continue
        yield f"## `{words}`\n\n{(command.help or '').strip()}\n"
        context = command.make_context(words, [], resilient_parsing=True)
        told = filter(None, (option.get_help_record(context) for option in command.params))
        yield table(["option", "meaning"], [[f"`{option}`", meaning.replace("[", r"\[")] for option, meaning in told])


def tables() -> str:
    """Columns of every table that is read or written, from the contracts that check them."""
    parts = []
    for name in TABLES:
        module = import_module(f"leukorepro.{name}")
        parts.append(f"## {(module.__doc__ or '').partition(':')[0]}\n")
        said = told_below(Path(str(module.__file__)))
        found = {constant: value for constant, value in vars(module).items() if constant in said}
        parts += [
            section(constant, value, said[constant]) for constant, value in found.items() if isinstance(value, Table)
        ]
    return "\n".join(parts)


def section(constant: str, found: Table, said: str) -> str:
    """Title, meaning and columns of a table."""
    title = constant.removesuffix("_TABLE").replace("_", " ").capitalize()
    rows: list[list[object]] = [[f"`{column}`", held] for column, held in found.columns.items()]
    rows += [[f"`{column}`", f"{held}; only where there is something to say"] for column, held in found.behind.items()]
    rows += [[f"named like `{pattern}`", "only where there is something to say"] for pattern in found.further]
    return f"### {title}\n\n{said}\n\n{table(['column', 'holds'], rows)}"


def told_below(path: Path) -> dict[str, str]:
    """What stands below each constant of a module, as its docstring."""
    body = ast.parse(path.read_text()).body
    said = {}
    for statement, after in pairwise(body):
        if isinstance(statement, ast.Assign) and isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            for target in statement.targets:
                if isinstance(target, ast.Name):
                    said[target.id] = str(after.value.value).strip()
    return said


def rungs() -> str:
    """The registry of the ladder."""
    rows: list[list[object]] = [
        [f"`{key}`", rung.name, rung.unit or "as published", rung.scope or "as published", rung.removes]
        for key, rung in LADDER.items()
    ]
    return table(["rung", "name", "kept on one side", "reducers fitted on", "what it removes"], rows)


def metrics() -> str:
    """The registry of metrics."""
    rows: list[list[object]] = []
    for key, metric in METRICS.items():
        low, high = metric.kind.low, metric.kind.high
        told = f"{low} or more" if isinf(high) else f"{low} to {high}"
        rows.append([f"`{key}`", metric.words, told, metric.source.value])
    return table(["metric", "in words", "range", "made from"], rows)


def published_size() -> str:
    """What was run at its paper's size, a table for each run: measured beside estimated."""
    runs: dict[str, dict[str, list[dict[str, str]]]] = defaultdict(lambda: defaultdict(list))
    with PUBLISHED_SIZE.open(encoding="utf-8", newline="") as file:
        for job in csv.DictReader(file):
            runs[job["run"]][job["rule"]].append(job)
    head = ["rule", "jobs", "measured, s", "estimated, s", "ratio", "memory, GiB", "estimated, GiB"]
    parts = []
    for run, rules in runs.items():
        rows = [[f"`{rule}`", *figures(jobs)] for rule, jobs in rules.items()]
        rows += [["in all", *figures([job for jobs in rules.values() for job in jobs])]] if len(rules) > 1 else []
        parts.append(f"## {run}\n\n{table(head, rows)}")
    return "\n".join(parts)


def figures(jobs: list[dict[str, str]]) -> list[object]:
    """Jobs, their seconds one after another and the largest one's memory, each beside its estimate."""
    seconds = sum(
        float(job["seconds"]) if job["clock"] == "wall" else float(job["cpu_seconds"]) / int(job["threads"])
        for job in jobs
    )
    expected = sum(float(job["estimated_seconds"]) for job in jobs)
    memory, told = (max(float(job[key]) for job in jobs) / 1024 for key in ("memory_mib", "estimated_mib"))
    times = f"{seconds:,.0f}", f"{expected:,.0f}", f"{seconds / expected:.2f}"
    return [len(jobs), *times, f"{memory:.1f}", f"{told:.1f}"]
