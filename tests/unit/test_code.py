"""The code of commands: what belongs to it, which edits change its digest, and whether commands load what it says."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from leukorepro.cli.app import GROUPS, UNGROUPED
from leukorepro.core.caches import user_cache
from leukorepro.core.code import Package, code_digest, command_module

FILES = {
    "__init__.py": '"""A package."""\n',
    "cli/__init__.py": "",
    "cli/app.py": "from leukorepro.cli import first, second\n",
    "cli/first.py": "def first():\n    from leukorepro.numbers.sums import total\n    return total([1, 2])\n",
    "cli/second.py": "from leukorepro.fruit.registry import FRUIT\n\nOPTION = 'leukorepro.numbers.words:SPOKEN'\n",
    "cli/third.py": "from leukorepro import page\n",
    "numbers/__init__.py": "from leukorepro.limits import LARGEST\n",
    "numbers/sums.py": (
        "from typing import TYPE_CHECKING\n"
        "if TYPE_CHECKING:\n    from leukorepro.numbers.words import SPOKEN\nelse:\n    '''Not there.'''\n\n\n"
        'def total(values):\n    """The sum of all."""\n    # one after the other\n    return sum(values)\n'
    ),
    "numbers/words.py": "SPOKEN = ['one']\n'''What they are called.'''\n",
    "limits.py": "LARGEST = 9\n",
    "fruit/__init__.py": "",
    "fruit/registry.py": 'from leukorepro.core import Registry\n\nFRUIT = Registry("fruit", "leukorepro.fruit")\n',
    "fruit/apple.py": "from leukorepro.orchard import TREE\n\nENTRY = 1\n",
    "fruit/pear.py": "ENTRY = 2\n",
    "orchard.py": "TREE = 'apple tree'\n",
    "core.py": "class Registry: ...\n",
    "page.py": 'from jinja2 import PackageLoader\n\nLOADER = PackageLoader("leukorepro.templates", "")\n',
    "templates/__init__.py": "",
    "templates/page.html.j2": "<p>\n",
    "templates/parts/style.css": "p {}\n",
}
COMMANDS = ("first", "second", "third")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small package of three commands."""
    for name, text in FILES.items():
        (tmp_path / "leukorepro" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "leukorepro" / name).write_text(text)
    return tmp_path / "leukorepro"


def digests(folder: Path, cache: Path | None = None) -> dict[str, str]:
    package = Package(folder, cache)
    return {command: package.digest(command_module(command)) for command in COMMANDS}


def changed(folder: Path, edit: Callable[[], object], cache: Path | None = None) -> set[str]:
    """Commands whose digest an edit changes."""
    before = digests(folder, cache)
    edit()
    after = digests(folder, cache)
    return {command for command in COMMANDS if after[command] != before[command]}


# --------------------------------------------------------------------------------------------------------- what belongs


def test_a_closure_has_what_is_imported_anywhere_and_nothing_else(folder: Path) -> None:
    package, always = Package(folder), {"__init__.py", "cli/__init__.py"}
    assert package.closure("leukorepro.cli.first") == always | {
        "cli/first.py", "numbers/__init__.py", "numbers/sums.py", "limits.py",
    }  # fmt: skip
    assert package.closure("leukorepro.cli.second") == always | {
        "cli/second.py", "numbers/__init__.py", "numbers/words.py", "limits.py", "core.py",
        "fruit/__init__.py", "fruit/registry.py", "fruit/apple.py", "fruit/pear.py", "orchard.py",
    }  # fmt: skip
    assert package.closure("leukorepro.cli.third") == always | {
        "cli/third.py", "page.py", "templates/__init__.py", "templates/page.html.j2", "templates/parts/style.css",
    }  # fmt: skip


def test_a_job_of_one_entry_follows_the_frame_and_not_its_siblings(folder: Path) -> None:
    whole, pear = (Package(folder).closure("leukorepro.cli.second", *e) for e in ((), ("leukorepro.fruit.pear",)))
    assert whole - pear == {"fruit/apple.py", "orchard.py"}
    before = Package(folder).digest("leukorepro.cli.second", "leukorepro.fruit.pear")
    (folder / "fruit/apple.py").write_text("ENTRY = 3\n")
    assert Package(folder).digest("leukorepro.cli.second", "leukorepro.fruit.pear") == before
    (folder / "fruit/pear.py").write_text("ENTRY = 3\n")
    assert Package(folder).digest("leukorepro.cli.second", "leukorepro.fruit.pear") != before


@pytest.mark.parametrize("names", [("leukorepro.cli.fourth",), ("leukorepro.cli.second", "leukorepro.fruit.plum")])
def test_a_module_that_there_is_not_is_refused(folder: Path, names: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=f"no module {names[-1]} in "):
        Package(folder).closure(*names)


# ---------------------------------------------------------------------------------------------------------------- edits


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        ("numbers/sums.py", "one after the other", "all at once", set()),
        ("numbers/sums.py", "The sum of all.", "What all come to.", set()),
        ("numbers/sums.py", "sum(values)", "(\n        sum( values ) )", set()),
        ("numbers/sums.py", "import SPOKEN", "import UNSPOKEN", set()),
        ("numbers/sums.py", "Not there.", "Elsewhere.", set()),
        ("numbers/sums.py", "sum(values)", "max(values)", {"first"}),
        ("numbers/words.py", "'''What they are called.'''", '"""Their names."""', set()),
        ("numbers/words.py", "'one'", '"one"', set()),
        ("numbers/words.py", "'one'", "'two'", {"second"}),
        ("limits.py", "9", "10", {"first", "second"}),
        ("limits.py", "9", "9.0", {"first", "second"}),
        ("orchard.py", "apple", "old apple", {"second"}),
        ("templates/page.html.j2", "<p>", "<b>", {"third"}),
        ("cli/app.py", "first, second", "second, first", set()),
        ("cli/first.py", "[1, 2]", "[2, 1]", {"first"}),
        ("__init__.py", '"""A package."""', "LOUD = True", set(COMMANDS)),
    ],
)
def test_an_edit_changes_the_commands_that_run_it(
    folder: Path, tmp_path: Path, file: str, old: str, new: str, expected: set[str]
) -> None:
    def edit() -> None:
        text = (folder / file).read_text()
        assert text.count(old) == 1
        (folder / file).write_text(text.replace(old, new))

    assert changed(folder, edit, cache=tmp_path / "cache.json") == expected


def test_new_and_moved_files_count(folder: Path) -> None:
    assert changed(folder, lambda: (folder / "fruit/plum.py").write_text("ENTRY = 4\n")) == {"second"}
    assert changed(folder, lambda: (folder / "templates/new.j2").touch()) == {"third"}
    assert changed(folder, lambda: (folder / "fruit/plum.py").rename(folder / "fruit/peach.py")) == {"second"}


# ---------------------------------------------------------------------------------------------------------------- cache


def test_a_cache_spares_the_parsing(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "none yet" / "cache.json"
    expected = digests(folder, cache)
    monkeypatch.setattr("leukorepro.core.code.parse_module", lambda _: pytest.fail("parsed again"))
    assert digests(folder, cache) == expected


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"version": "old", "modules": {"a": ["b"]}}'])
def test_a_broken_or_old_cache_is_done_without(folder: Path, tmp_path: Path, content: str) -> None:
    (tmp_path / "cache.json").write_text(content)
    assert digests(folder, tmp_path / "cache.json") == digests(folder)


def test_where_there_is_no_home_there_is_no_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("os.path.expanduser", str)  # as of a user that the system does not know
    assert user_cache() is None


def test_a_cache_that_cannot_be_written_is_done_without(folder: Path) -> None:
    assert digests(folder, folder / "core.py" / "cache.json") == digests(folder)


# ---------------------------------------------------------------------------------------------------------- the package


@pytest.fixture(scope="module")
def real(root: Path) -> Package:
    return Package(root / "src/leukorepro")


def every_command() -> list[str]:
    return [*(f"{group} {name}" for group, names in GROUPS.items() for name in names), *UNGROUPED]


def followers(package: Package, file: str) -> set[str]:
    """Commands whose code has a file."""
    return {command for command in every_command() if file in package.closure(command_module(command))}


def test_an_edit_of_the_optimiser_fits_autoencoders_again_and_not_classifiers(real: Package) -> None:
    """What explains and exports systems may fit them anew."""
    assert followers(real, "systems/autoencoders/scg.py") == {"models fit", "models explain", "model export"}


@pytest.mark.parametrize("file", ["metrics/registry.py", "evaluation/metrics/metrics.py"])
def test_an_edit_of_a_metric_evaluates_again_and_fits_nothing(real: Package, file: str) -> None:
    found = followers(real, file)
    assert "evaluate" in found
    assert not found & {"features extract", "splits make", "models fit", "models classify"}


def test_an_edit_of_a_kind_of_classifier_fits_neither_reducers_nor_networks_again(real: Package) -> None:
    found = followers(real, "systems/classifiers/kinds/svm.py")
    assert found >= {"models classify", "models control"}
    assert not found & {"features extract", "splits make", "models fit"}
    used = "leukorepro.systems.classifiers.kinds.knn"
    assert "systems/classifiers/kinds/svm.py" not in real.closure(command_module("models classify"), used)


def test_an_edit_of_an_adapter_scans_and_nothing_more(real: Package) -> None:
    found = followers(real, "data/adapters/allidb.py")
    assert "data scan" in found
    assert not found & {"features extract", "splits make", "models fit", "models classify"}
    scan, adapters = command_module("data scan"), "leukorepro.data.adapters"
    assert "data/adapters/allidb.py" not in real.closure(scan, f"{adapters}.cnmc2019")


def test_no_command_runs_what_only_starts_commands(real: Package) -> None:
    assert followers(real, "cli/app.py") == set()


LOADED = """
import json, sys

def packages_modules():
    return {name for name in sys.modules if name.partition(".")[0] == "leukorepro"}

for line in sys.stdin:
    command, words = json.loads(line)
    for name in packages_modules():
        del sys.modules[name]
    from leukorepro.cli.app import app
    before = packages_modules()
    try:
        app([*command.split(), *words])
    except SystemExit as end:
        assert not end.code, command
    print("\\n" + json.dumps([command, sorted(packages_modules() - before)]), file=sys.stderr)
"""


def test_commands_load_what_their_code_says(real: Package, root: Path, tmp_path: Path) -> None:
    """Beyond what the command line's root loads; a process of their own, in which they run one after the other."""
    images, manifest = str(tmp_path / "images"), str(tmp_path / "manifest.csv")
    jobs = {
        "config schema": ["--output", str(tmp_path)],
        "audit published": ["rezayi2021", "--out", str(tmp_path / "audit.json")],
        "data simulate": ["--look", "cnmc2019", "--subjects", "4", "--images", "8", "--output", images],
        "data scan": ["--images", images, "--output", manifest],
        "data duplicates": ["--manifest", manifest, "--images", images, "--out", str(tmp_path / "duplicates.json")],
        "features describe": [
            *("--manifest", manifest, "--images", images, "--descriptor", "lab_segments", "--input-size", "16"),
            *("--output", str(tmp_path / "a.h5")),
        ],
        "features fuse": [str(tmp_path / "a.h5"), "--output", str(tmp_path / "b.h5")],
    }
    done = subprocess.run(
        [sys.executable, "-c", LOADED],
        input="\n".join(map(json.dumps, jobs.items())),
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    loaded = dict(json.loads(line) for line in done.stderr.splitlines() if line.startswith('["'))
    assert loaded.keys() == jobs.keys()
    for command, modules in loaded.items():
        assert modules, command
        closure = real.closure(command_module(command))
        assert not [module for module in modules if real.modules[module] not in closure], command


def test_a_digest_of_the_installed_package_is_that_of_its_source(real: Package) -> None:
    assert code_digest("models fit") == real.digest("leukorepro.cli.models.fit")
