"""What code a command runs, read from the source: the modules that it imports, and a digest of what they say.

Snakemake does not see an edit of an installed package. A rule therefore takes a digest of its command's code as a
parameter, and runs again when, and only when, that code has changed. It is found by following imports from the
command's own module, wherever in a file they stand, and nothing is listed by hand:

- a package's `__init__`, where one of its modules is imported;
- a module that a string names, as `leukorepro.features.descriptors.colour:lab_segments` does;
- the modules of a folder, where one says `Registry(..., "leukorepro.data.adapters")`; only those that a job uses, where
  the caller names them;
- templates and styles below a package, where one says `PackageLoader("leukorepro.report", ...)`.

Comments, docstrings, layout and what only type checkers import count for nothing. The command line's root, which starts
whatever command is asked for, belongs to none.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import sys
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

COMMANDS = "leukorepro.cli"
"""Package of the command line: a folder for each group of commands, a module for each command."""

REGISTRY = "Registry"
LOADER = "PackageLoader"
LONGEST_CACHE = 2000
"""Texts of modules that the cache remembers; one project has a few hundred."""


def command_module(command: str) -> str:
    """Name of a command's own module: that of `models fit` is `leukorepro.cli.models.fit`."""
    return ".".join((COMMANDS, *command.replace("-", "_").split()))


@cache
def code_digest(command: str, *entries: str) -> str:
    """Digest of the code that a command runs.

    Parameters
    ----------
    command : str
        Its words, such as ``"models fit"``.
    *entries : str
        Modules, such as ``"leukorepro.data.adapters.allidb"``, that are all that the job uses of their registries.

    Returns
    -------
    str
        Sixteen hexadecimal digits.

    Raises
    ------
    ValueError
        If there is no such command or module.
    """
    return module_digest(command_module(command), *entries)


@cache
def module_digest(module: str, *entries: str) -> str:
    """Digest of the code that a module runs, itself and all that it imports; as `code_digest` for a command."""
    return _installed().digest(module, *entries)


def command_code(command: str, *entries: str) -> frozenset[str]:
    """Files of the code that a command runs, as paths below the folder of the package; see `code_digest`."""
    return _installed().closure(command_module(command), *entries)


@cache
def _installed() -> Package:
    from leukorepro.core.caches import user_cache

    folder = user_cache()
    return Package(Path(__file__).parents[1], folder / "code.json" if folder else None)


class Package:
    """The source of a package; every file is read once.

    Parameters
    ----------
    folder : Path
        Of the package.
    cache : Path, optional
        File that remembers what the modules' texts came to; without it, every text is parsed.
    """

    def __init__(self, folder: Path, cache: Path | None = None) -> None:
        self.folder = folder
        files = (file.relative_to(folder) for file in folder.rglob("*.py"))
        self.modules = {_dotted(folder.name, file): file.as_posix() for file in files}
        self._cache = _Cache(cache)
        self._read: dict[str, _Content] = {}

    def digest(self, start: str, *entries: str) -> str:
        """Digest of a closure: the places and contents of its files."""
        files = sorted(self.closure(start, *entries))
        told = "".join(f"{file} {self._content(file).digest}\n" for file in files)
        return hashlib.sha256(told.encode()).hexdigest()[:16]

    def closure(self, start: str, *entries: str) -> frozenset[str]:
        """Files that a module runs: its own and those of all that it imports, as paths below the package's folder.

        Parameters
        ----------
        start : str
            Full name of the module.
        *entries : str
            Modules that are all that is used of the registries that they belong to.

        Raises
        ------
        ValueError
            If one of them does not exist.
        """
        if missing := {start, *entries} - self.modules.keys():
            raise ValueError(f"no module {min(missing)} in {self.folder}")
        found: set[str] = set()
        seen: set[str] = set()
        todo = {start}
        while todo:
            module = todo.pop()
            seen.add(module)
            content = self._content(self.modules[module])
            found |= {self.modules[module], *(file for package in content.data for file in self._data(package))}
            reached = {module.rpartition(".")[0], *map(self._holder, content.names)} - {""}
            for registry in content.registries:
                reached |= self._entries(registry, entries)
            todo |= reached - seen
        self._cache.save()
        return frozenset(found)

    def _holder(self, name: str) -> str:
        """The module that has this name, or that holds what has it; empty where none does."""
        while name and name not in self.modules:
            name = name.rpartition(".")[0]
        return name

    def _entries(self, registry: str, used: Iterable[str]) -> set[str]:
        """Modules that a registry may load."""
        every = {module for module in self.modules if module.rpartition(".")[0] == registry}
        return every.intersection(used) or every

    def _data(self, package: str) -> Iterator[str]:
        """Files below a package that are no modules: what its templates are made of."""
        for file in (self.folder / self.modules[package]).parent.rglob("*"):
            if file.suffix not in (".py", ".pyc") and file.is_file():
                yield file.relative_to(self.folder).as_posix()

    def _content(self, file: str) -> _Content:
        if file not in self._read:
            found = self._cache.content if file.endswith(".py") else _bytes_of
            self._read[file] = found((self.folder / file).read_bytes())
        return self._read[file]


class _Content(NamedTuple):
    """What a file comes to."""

    digest: str
    names: tuple[str, ...] = ()
    """Full names that it imports, or names in a string."""
    registries: tuple[str, ...] = ()
    """Packages whose modules it loads by their names."""
    data: tuple[str, ...] = ()
    """Packages whose templates it loads."""


def _bytes_of(text: bytes) -> _Content:
    return _Content(hashlib.sha256(text).hexdigest())


class _Cache:
    """What texts came to, kept on disk by their SHA-256, so that a text is parsed once and for all.

    Parsing the package takes a second or two. A cache that cannot be read or written is done without; one that was
    written by another version of this module, or of Python, is not used.
    """

    def __init__(self, file: Path | None) -> None:
        self.file = file
        self.version = f"{hashlib.sha256(Path(__file__).read_bytes()).hexdigest()} {sys.version_info[:2]}"
        self.kept = self._load()
        self.changed = False

    def content(self, text: bytes) -> _Content:
        """What a module's text comes to."""
        key = hashlib.sha256(text).hexdigest()
        if key not in self.kept:
            self.kept[key] = parse_module(text)
            self.changed = True
        return self.kept[key]

    def save(self) -> None:
        """Write what is new, where this is possible."""
        from leukorepro.core.errors import UserError
        from leukorepro.core.store import write_json

        if self.file is None or not self.changed:
            return
        newest = dict(list(self.kept.items())[-LONGEST_CACHE:])
        try:
            write_json({"version": self.version, "modules": newest}, self.file)
        except UserError:
            self.file = None
        self.changed = False

    def _load(self) -> dict[str, _Content]:
        try:
            stored = json.loads(self.file.read_text("utf-8")) if self.file else {}
            if stored.get("version") != self.version:
                return {}
            return {key: _Content(digest, *map(tuple, rest)) for key, (digest, *rest) in stored["modules"].items()}
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            return {}


def parse_module(text: bytes) -> _Content:
    """Digest of what a module does, and the names of what it imports."""
    reader = _Reader()
    form = reader.form(ast.parse(text))
    return _Content(
        hashlib.sha256(repr(form).encode("utf-8", "surrogatepass")).hexdigest(),
        *(tuple(sorted(names)) for names in (reader.names, reader.registries, reader.data)),
    )


class _Reader:
    """Brings a syntax tree into nested tuples that say what it does; notes what is imported on the way."""

    NAME = re.compile(r"leukorepro(\.\w+)+(:\w+)?")

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.registries: set[str] = set()
        self.data: set[str] = set()

    def form(self, value: Any) -> Any:
        """A node as a tuple of its kind and its fields, a list of statements without those that do nothing."""
        if isinstance(value, list):
            return [self.form(part) for node in value for part in _effective(node)]
        if not isinstance(value, ast.AST):
            return value
        if isinstance(value, ast.Import):
            self.names |= {alias.name for alias in value.names}
        elif isinstance(value, ast.ImportFrom):
            self.names |= {f"{value.module}.{alias.name}" for alias in value.names}
        elif isinstance(value, ast.Constant) and isinstance(value.value, str) and self.NAME.fullmatch(value.value):
            self.names.add(value.value.replace(":", "."))
        elif isinstance(value, ast.Call):
            self._note_call(value)
        return (type(value).__name__, *(self.form(getattr(value, field, None)) for field in value._fields))

    def _note_call(self, call: ast.Call) -> None:
        called = getattr(call.func, "id", getattr(call.func, "attr", None))
        named = {
            argument.value
            for argument in (*call.args, *(keyword.value for keyword in call.keywords))
            if isinstance(argument, ast.Constant)
            and isinstance(argument.value, str)
            and self.NAME.fullmatch(argument.value)
        }
        if called == REGISTRY:
            self.registries |= named
        elif called == LOADER:
            self.data |= named


def _effective(node: Any) -> Iterable[Any]:
    """A member of a list, if it does anything: docstrings do not, nor do imports for type checkers."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return ()
    if isinstance(node, ast.If) and getattr(node.test, "id", getattr(node.test, "attr", None)) == "TYPE_CHECKING":
        return [part for other in node.orelse for part in _effective(other)]
    return (node,)


def _dotted(package: str, file: Path) -> str:
    """Full name of the module in a file, which is seen from the package's folder."""
    return ".".join((package, *file.with_suffix("").parts)).removesuffix(".__init__")
