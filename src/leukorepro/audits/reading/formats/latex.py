"""Tables in LaTeX: the environments tabular, tabular*, tabularx and longtable."""

from __future__ import annotations

import re

from leukorepro.audits.reading.grid import Grid, Paper, labelled, without_captions

_TABULAR = re.compile(r"\\begin\{(tabular\*?|tabularx|longtable)\}(.*?)\\end\{\1\}", re.DOTALL)
_FLOAT = re.compile(r"\\begin\{(table\*?|longtable)\}(.*?)\\end\{\1\}", re.DOTALL)
_LINES = re.compile(
    r"\\(?:hline|toprule|midrule|bottomrule|endhead|endfirsthead|(?:cmidrule|cline)(?:\(\w*\))?\{[^}]*\})"
)


def read(text: str) -> Paper:
    """Find the tables of a source; those in floats are numbered as LaTeX counts them."""
    source = re.sub(r"(?<!\\)%.*", "", text)
    floats = list(_FLOAT.finditer(source))
    grids = []
    for tabular in _TABULAR.finditer(source):
        around = [n for n, one in enumerate(floats, 1) if one.start() <= tabular.start() < one.end()]
        told = _argument(floats[around[0] - 1][2], "caption") if around else ""
        number, words = labelled(told)
        rows, above = without_captions(_rows(tabular[2]))
        if len(rows) > 1:
            grids.append(Grid(rows, number or (str(around[0]) if around else ""), _plain(words or told or above)))
    return Paper(grids, source)


def _rows(body: str) -> list[list[str]]:
    body = _LINES.sub("", _without_columns(re.sub(r"\\caption(?:\[[^\]]*\])?\{[^}]*\}|\\label\{[^}]*\}", "", body)))
    lines = [line for line in re.split(r"\\\\(?:\[[^\]]*\])?|\\tabularnewline", body) if line.strip()]
    return [[cell for given in re.split(r"(?<!\\)&", line) for cell in _spanned(given)] for line in lines]


def _without_columns(body: str) -> str:
    """What follows the arguments of the environment: its width, its place and its columns."""
    rest = body.lstrip()
    while rest[:1] in ("{", "["):
        rest = rest[_closing(rest) + 1 :].lstrip()
    return rest


def _closing(text: str) -> int:
    """Where the bracket that a text begins with is closed; its end where it is not."""
    depth = 0
    for place, sign in enumerate(text):
        depth += (sign in "{[") - (sign in "}]")
        if depth == 0:
            return place
    return len(text)


def _spanned(cell: str) -> list[str]:
    found = re.match(r"\s*\\multicolumn\{(\d+)\}\{[^{}]*\}\{(.*)\}\s*$", cell, re.DOTALL)
    if found:
        return [_plain(found[2]), *[""] * (min(int(found[1]), 1000) - 1)]
    return [_plain(re.sub(r"\\multirow(?:\[\w\])?\{[^}]*\}(?:\[[^\]]*\])?\{[^}]*\}", "", cell))]


def _plain(text: str) -> str:
    """Text without commands of type."""
    text = re.sub(r"\\(?:cite|ref|label|footnote)\w*\{[^}]*\}", "", text).replace("\\pm", "±").replace("~", " ")
    text = re.sub(r"\\[a-zA-Z]+\*?", " ", text)
    text = re.sub(r"\\([%&_#$])", r"\1", text)
    return re.sub(r"\s+", " ", re.sub(r"[{}]", "", text)).strip()


def _argument(source: str, command: str) -> str:
    """What a command is given in braces; empty where there is no such command."""
    found = re.search(rf"\\{command}(?:\[[^\]]*\])?\{{((?:[^{{}}]|\{{[^{{}}]*\}})*)\}}", source)
    return _plain(found[1]) if found else ""
