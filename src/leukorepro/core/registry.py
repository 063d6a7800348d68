"""Registries: what there are several of, each in a module of its own that is imported when it is asked for."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import TypeVar

from leukorepro.core.errors import look_up

T = TypeVar("T")

FRAME = "registry"
"""A module of this name in a registry's folder is no entry: it says what an entry is."""


class Registry(Mapping[str, T]):
    """The entries of a package, by the names of its modules; each module holds its entry as `ENTRY`.

    A file put into the folder is an entry, and nothing else need know of it. Names are listed without importing a
    module, and only the entry that is asked for is imported. A lower floor may look up what a higher one holds: it says
    what an entry must be, and imports none by name.

    Parameters
    ----------
    what : str
        What an entry is, for messages: `adapter`.
    package : str
        Full name of the package, whose folder holds entries only, beside the module `registry`.
    """

    def __init__(self, what: str, package: str) -> None:
        self.what = what
        self.package = package

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of all entries, sorted."""
        modules = pkgutil.iter_modules(import_module(self.package).__path__)
        return tuple(sorted(module.name for module in modules if module.name != FRAME))

    def __getitem__(self, name: str) -> T:
        if name not in self.names:
            raise KeyError(name)
        entry: T = import_module(f"{self.package}.{name}").ENTRY
        return entry

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def __iter__(self) -> Iterator[str]:
        return iter(self.names)

    def __len__(self) -> int:
        return len(self.names)

    def look_up(self, name: str, where: str) -> T:
        """Return the entry of a name that a user gave.

        Parameters
        ----------
        name : str
            The name that was given.
        where : str
            File and key where it was given, or the option.

        Raises
        ------
        UserError
            If there is none of that name; the message begins with `where` and says what there is.
        """
        return look_up(self, name, self.what, where)
