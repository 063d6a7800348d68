"""Every option of every command, given what people give by mistake: one sentence, no traceback, nothing half-written.

The commands and their options are those of the command line itself; each fault takes the place of one value in a call
that works.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import itertools
import json
import os
import pickle
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import traceback
import typing
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
import pytest
import typer
from generated_inputs import TARGETS, another
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from PIL import Image
from working_calls import CALLS, NEW, NEW_FOLDER, Values, make_files

from leukorepro.cli import options, run_options
from leukorepro.cli.app import app
from leukorepro.inference.serving.server import Server
from leukorepro.run.resolve import resolve
from leukorepro.run.specify import Specifications

LIMIT_S = 20
"""Seconds until a command hangs."""

SEED = 14

Fault = Callable[[Path, str], str | list[str] | None]
"""A value in the place of a good one, made in an empty folder; no value; None where there is no such fault of it."""


# ------------------------------------------------------------------------------------------------------------- commands


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """Every sub-command with its words."""
    if hasattr(command, "commands"):
        for name, child in command.commands.items():
            yield from leaves(child, (*path, name))
    else:
        yield " ".join(path), command


COMMAND_LINE = typer.main.get_command(app)
COMMANDS = dict(leaves(COMMAND_LINE))


def declared(command: str, parameter: str) -> tuple[Any, Any]:
    """A parameter's type, of its values where there are several, and its option or argument of Typer."""
    hint = typing.get_type_hints(inspect.unwrap(COMMANDS[command].callback), include_extras=True)[parameter]
    kind, info = hint.__origin__, hint.__metadata__[0]
    given = [part for part in typing.get_args(kind) if part is not type(None)]
    if typing.get_origin(kind) is not typing.Literal and given:
        kind = given[0] if typing.get_origin(given[0]) is not list else typing.get_args(given[0])[0]
    return kind, info


def words_of(command: str, values: Values) -> list[str]:
    """A call's words; a pattern stands for the one file that matches."""
    words, arguments = command.split(), []
    for parameter in COMMANDS[command].params:
        given = values.get(parameter.name, [])
        for value in [given] if isinstance(given, str) else given:
            if parameter.param_type_name == "argument":
                arguments.append(found(value))
            else:
                words += [parameter.opts[0], found(value)]
    return [*words, *arguments]


def found(value: str) -> str:
    return str(next(Path().glob(value))) if "*" in value else value


class Done(NamedTuple):
    """How a call ended."""

    code: int
    out: str
    err: str


def run(words: list[str]) -> Done:
    """Run a call in this process; what is no fault of the user's is raised."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
        COMMAND_LINE(words, prog_name="leukorepro")
    return Done(int(ended.value.code or 0), out.getvalue(), err.getvalue())


# --------------------------------------------------------------------------------------------------------------- faults


def given(value: str) -> Fault:
    """A value that needs nothing made."""
    return lambda _place, _good: value


def made(name: str, make: Callable[[Path], Any]) -> Fault:
    """Something that is made at a place."""

    def fault(place: Path, _good: str) -> str:
        make(place / name)
        return str(place / name)

    return fault


def device(path: Path) -> None:
    """The null device under another name: none of the machine's own is touched."""
    if os.geteuid() != 0:
        pytest.skip("only root may make a device")
    os.mknod(path, 0o600 | 0o020000, os.makedev(1, 3))


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


def no_gpu(_place: Path, _good: str) -> str:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    return "cuda"


def below_a_file(place: Path, good: str) -> str:
    (place / "file.txt").write_text("x")
    return str(place / "file.txt" / Path(found(good)).name)


NAMES: dict[str, Fault] = {
    "a name too long": lambda place, good: str(place / ("x" * 300 + Path(good).suffix)),
    "a name with a line break": lambda place, _good: str(place / "a\nb"),
    "a name with a null": lambda place, _good: str(place / "a\0b"),
    "a name that is no text": lambda place, _good: str(place / "a\udcff"),
    "a link to itself": made("loop", link_to("loop")),
    "below a file": below_a_file,
    "a named pipe": made("pipe", os.mkfifo),
}
FILE_TO_READ = NAMES | {
    "nothing": lambda place, good: str(place / Path(found(good)).name),
    "a folder": made("folder", Path.mkdir),
    "a device": made("null", device),
    "a broken link": made("link", link_to("nowhere")),
    "an empty value": given(""),
}
FOLDER_TO_READ = NAMES | {
    "nothing": lambda place, _good: str(place / "nothing"),
    "a file": made("file", Path.touch),
    "an empty folder": made("folder", Path.mkdir),
    "a broken link": made("link", link_to("nowhere")),
}
PLACE_TO_READ = NAMES | {
    "nothing": lambda place, _good: str(place / "nothing"),
    "a device": made("null", device),
    "a broken link": made("link", link_to("nowhere")),
}
FILE_TO_WRITE = NAMES | {
    "a folder": made("folder", Path.mkdir),
    "a device": made("null", device),
    "an empty value": given(""),
}
FOLDER_TO_WRITE = NAMES | {"a file": made("file", Path.touch), "a device": made("null", device)}


def content(change: Callable[[bytes], bytes | None]) -> Fault:
    """A copy of a good file with other content; None where it would be the same."""

    def fault(place: Path, good: str) -> str | None:
        data = Path(found(good)).read_bytes()
        changed = change(data)
        if changed in (None, data):
            return None
        copy = place / Path(found(good)).name
        copy.write_bytes(changed)
        return str(copy)

    return fault


def cut(data: bytes) -> bytes:
    return data[: len(data) // 2]


def cut_table(data: bytes) -> bytes:
    """In the middle of a row."""
    lines = data.decode().splitlines()
    middle = max(1, len(lines) // 2)
    return "\n".join([*lines[:middle], re.split("[,\t]", lines[middle])[0]]).encode()


def other_columns(data: bytes) -> bytes:
    header, _, rows = data.partition(b"\n")
    return b",".join(b"x" + name for name in header.split(b",")) + b"\n" + rows


def words_for_numbers(data: bytes) -> bytes | None:
    header, *rows = data.decode().splitlines()
    changed = [re.sub(r"(?<=,)[\d.]+(?=,|$)", "many", row) for row in rows]
    return "\n".join([header, *changed, ""]).encode() if changed != rows else None


def in_utf16(data: bytes) -> bytes:
    return data.decode().encode("utf-16")


def other_layers(_: bytes) -> bytes:
    import torch

    file = io.BytesIO()
    torch.save({"layer": torch.zeros(2)}, file)
    return file.getvalue()


PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
CONTENTS: dict[str, dict[str, Callable[[bytes], bytes | None]]] = {
    "": {
        "an empty file": lambda _: b"",
        "a picture": lambda _: PNG,
        "noise": lambda _: random.Random(SEED).randbytes(500),
        "zeros": lambda data: bytes(len(data)),
        "a web page": lambda _: b"<!DOCTYPE html>\n<html><body>404: not found, sorry</body></html>\n",
    },
    ".csv": {
        "UTF-16": in_utf16,
        "cut short": cut_table,
        "other columns": other_columns,
        "words for numbers": words_for_numbers,
        "an open quote": lambda data: data + b'"open',
    },
    ".tsv": {"UTF-16": in_utf16, "cut short": cut_table},
    ".txt": {"UTF-16": in_utf16},
    ".yaml": {
        "UTF-16": in_utf16,
        "an unknown key": lambda data: data + b"sed: 1\n",
        "a key twice": lambda data: data + data,
        "a list": lambda _: b"- a\n- b\n",
        "a word": lambda _: b"word\n",
        "names that nothing has": lambda data: data.replace(b"small", b"smal"),
        "a tab": lambda data: data.replace(b"\n", b"\n\t- :", 1),
        "an empty mapping": lambda _: b"{}\n",
    },
    ".json": {
        "UTF-16": in_utf16,
        "cut short": cut,
        "an empty mapping": lambda _: b"{}\n",
        "a list": lambda data: b"[" + data + b"]",
        "nothing": lambda _: b"null",
        "numbers for values": lambda data: json.dumps(dict.fromkeys(json.loads(data), 7)).encode(),
    },
    ".h5": {"cut short": cut},
    ".parquet": {"cut short": cut},
    ".pth": {"cut short": cut, "a pickled thing": lambda _: pickle.dumps({"layer": 1}), "other layers": other_layers},
}
"""What a file of another content holds, by the good one's suffix."""

PAIRS = {
    "no sign": lambda _place, good: good.partition("=")[2],
    "no name": lambda _place, good: "=" + good.partition("=")[2],
    "no value": lambda _place, good: good.partition("=")[0] + "=",
    "an unknown name": lambda _place, good: "nonsense=" + good.partition("=")[2],
}
TEXTS = {
    "an unknown word": given("nonsense(x"),
    "an empty value": given(""),
    "a null": given("a\0b"),
    "a line break": given("a\nb"),
    "no text": given("a\udcff"),
}
NUMBERS = {
    "a word": given("many"),
    "an empty value": given(""),
    "not a number": given("nan"),
    "infinity": given("inf"),
    "below zero": given("-1"),
    "too large": given("1" + 30 * "0"),
}
WHOLE_NUMBERS = NUMBERS | {"a fraction": given("1.5"), "zero": given("0")}


READ = (options.file_to_read_or_begin, options.file_to_read, run_options.run_to_read, run_options.finished_run_to_read)
"""What checks a file that is read."""

LOOKS = {"data scan", "init", "model evaluate"}
"""Commands that find out themselves which images there are."""

BOUNDED = {"subjects", "images", "external_subjects", "external_images", "class_effect", "subject_effect", "input_size"}
"""Numbers whose bounds are not those of the command line, but of the configuration."""


ANY_WORD = {
    "features extract dataset",
    "features describe dataset",
    "features join dataset",
    "features join second",
    "data scan missing_subject",
    "init missing_subject",
    "predict missing_subject",
    "model evaluate missing_subject",
}
"""Options that take whatever is written."""


def nothing_wrong(command: str, parameter: str, fault: str) -> bool:
    """Whether a value is no fault of a parameter."""
    _, info = declared(command, parameter)
    return any(
        (
            f"{command} {parameter}" in ANY_WORD and fault == "an unknown word",
            fault == "zero" and not (info.min or 0) >= 1,
            fault == "below zero" and info.min is None and parameter not in BOUNDED,
            fault == "too large" and info.max is None and parameter not in BOUNDED,
        )
    )


SUBJECTS = {
    "Windows paths": lambda data: data.replace(b"\n", b"\nC:\\own\\"),
    "absolute paths": lambda data: data.replace(b"\n", b"\n/disk/"),
    "paths without endings": lambda data: data.replace(b".png", b""),
    "paths from above": lambda data: data.replace(b"\n", b"\nown/"),
    "a missing patient": lambda data: data.replace(b",P1\n", b",NA\n"),
    "a patient left empty": lambda data: data.replace(b",P1\n", b",\n"),
}
"""What a table of subjects holds."""


def image(change: Callable[[Path], Any]) -> Fault:
    """A copy of a good folder of images, one of which is changed."""

    def fault(place: Path, good: str) -> str:
        folder = shutil.copytree(good, place / "images")
        change(max(file for file in folder.rglob("*") if file.suffix in (".png", ".tif", ".bmp")))
        return str(folder)

    return fault


IMAGES = {
    "an image cut short": image(lambda file: file.write_bytes(cut(file.read_bytes()))),
    "an empty image": image(lambda file: file.write_bytes(b"")),
    "an image of noise": image(lambda file: file.write_bytes(random.Random(0).randbytes(5000))),
}
LISTED_IMAGES = {
    "an image gone": image(Path.unlink),
    "a pipe for an image": image(lambda file: (file.unlink(), os.mkfifo(file))),
    "a folder for an image": image(lambda file: (file.unlink(), file.mkdir())),
    "another image": image(lambda file: Image.new("RGB", (40, 30)).save(file)),
}
"""Faults where a manifest says which images there are."""


def model(change: Callable[[Path], Any]) -> Fault:
    """A copy of a good model, of which a file is changed."""

    def fault(place: Path, good: str) -> str:
        folder = shutil.copytree(good, place / "model")
        change(folder / "classifier.skops")
        return str(folder)

    return fault


MODELS = {
    "a classifier cut short": model(lambda file: file.write_bytes(cut(file.read_bytes()))),
    "a pickled classifier": model(lambda file: file.write_bytes(pickle.dumps({"layer": 1}))),
    "a classifier gone": model(Path.unlink),
}
"""Faults of a model's folder."""


def contents_of(good: str) -> dict[str, Fault]:
    """Copies of a good file with other content."""
    suffix = Path(good).suffix
    return {f"{name} as {suffix}": content(change) for name, change in (CONTENTS[""] | CONTENTS[suffix]).items()}


def faults_of(command: str, parameter: str, good: str | None) -> dict[str, Fault]:
    """Faults of a parameter, by its kind."""
    kind, info = declared(command, parameter)
    by_check = {
        options.file_to_read: FILE_TO_READ,
        options.file_to_read_or_begin: FILE_TO_READ,
        run_options.run_to_read: FILE_TO_READ,
        run_options.finished_run_to_read: FILE_TO_READ,
        options.folder_to_read: FOLDER_TO_READ,
        options.place_to_read: PLACE_TO_READ,
        options.file_to_write: FILE_TO_WRITE,
        options.folder_to_write: FOLDER_TO_WRITE,
    }
    if kind is Path:
        faults = dict(by_check[info.callback])
        if by_check[info.callback] is FILE_TO_READ and good is not None:
            faults |= contents_of(good)
        if info.callback is options.folder_to_read and good is not None:
            images = IMAGES if command in LOOKS else IMAGES | LISTED_IMAGES
            faults |= MODELS if parameter == "model" else images
        if parameter == "subjects_csv":
            faults |= {name: content(change) for name, change in SUBJECTS.items()}
    elif kind is bool:
        return {}
    elif kind in (int, float):
        faults = dict(WHOLE_NUMBERS if kind is int else NUMBERS)
    elif good is not None and "=" in good:
        faults = dict(PAIRS)
        if Path(good).suffix:
            faults |= {name: in_text(fault) for name, fault in (FILE_TO_READ | contents_of(good)).items()}
    elif good is not None and good.startswith("file:"):
        faults = TEXTS | {name: in_text(fault) for name, fault in (FILE_TO_READ | contents_of(good)).items()}
    else:
        faults = dict(TEXTS)
    if parameter == "device":
        faults["what is not there"] = no_gpu
    if next(known for known in COMMANDS[command].params if known.name == parameter).required:
        faults["left out"] = lambda _place, _good: []
    return {name: fault for name, fault in faults.items() if not nothing_wrong(command, parameter, name)}


def in_text(fault: Fault) -> Fault:
    """A fault of the path in `NAME=PATH`, `file:PATH` and `NAME=file:PATH`."""

    def inner(place: Path, good: str) -> str | None:
        before, path = re.fullmatch(r"((?:[^=]+=)?(?:file:)?)(.*)", good, re.DOTALL).groups()  # type: ignore[union-attr]
        value = fault(place, path)
        return before + value if isinstance(value, str) else None

    return inner


def triples() -> Iterator[tuple[int, str, str]]:
    """Number of a call, parameter, name of a fault.

    A parameter that no call of its command has is added to the last one, in which no file says what it does.
    """
    last_of = {command: number for number, (command, _) in enumerate(CALLS)}
    used = {(command, name) for command, values in CALLS for name in values}
    for number, (command, values) in enumerate(CALLS):
        for parameter in COMMANDS[command].params:
            good = values.get(parameter.name)
            if good is None and (number != last_of[command] or (command, parameter.name) in used):
                continue
            if parameter.name == "images" and command.startswith("features") and values["output"] != NEW:
                continue  # a file of features that is complete needs no images
            last = good[-1] if isinstance(good, list) else good
            for fault in faults_of(command, parameter.name, last):
                yield number, parameter.name, fault


TRIPLES = list(triples())

QUICK = 600
"""Triples that are tried; all of them with the environment variable `ALL_FAULTS`."""


def drawn() -> set[tuple[int, str, str]]:
    """Triples that are tried: every parameter, every fault, and others by chance."""
    order = random.Random(SEED).sample(TRIPLES, len(TRIPLES))
    seen: set[Any] = set()
    first = []
    for number, parameter, fault in order:
        new = {(CALLS[number][0], parameter), fault} - seen
        seen |= new
        if new:
            first.append((number, parameter, fault))
    return set([*first, *(triple for triple in order if triple not in first)][:QUICK])


def cases() -> list[Any]:
    """Triples that are tried, as pytest takes them."""
    chosen = set(TRIPLES) if os.environ.get("ALL_FAULTS") else drawn()
    return [
        pytest.param(*triple, id=f"{CALLS[triple[0]][0]}-{triple[0]}-{triple[1]}-{triple[2]}".replace(" ", "_"))
        for triple in TRIPLES
        if triple in chosen
    ]


# ---------------------------------------------------------------------------------------------------------------- tests


@pytest.fixture(scope="module")
def tried() -> Iterator[Counter[str]]:
    """Faults that were tried, for whoever looks (`pytest -s`)."""
    counter: Counter[str] = Counter()
    yield counter
    print(f"\n{counter.total()} faults in {len(COMMANDS)} commands:", ", ".join(f"{n} {k}" for k, n in counter.items()))


class Called:
    """What Python says of itself while all calls are made: what it unpickles, and what it has a shell do."""

    def __init__(self) -> None:
        self.watching = False
        self.found: set[tuple[str, str]] = set()

    def watch(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Note an event; a hook cannot be taken away."""
        if self.watching and event in ("pickle.find_class", "os.system"):
            self.found.add((event, str(arguments)))


CALLED = Called()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project in which all calls have been made."""
    folder = tmp_path_factory.mktemp("project")
    make_files(folder)
    with contextlib.chdir(folder), pytest.MonkeyPatch.context() as patch:
        patch.setattr(Server, "serve_on", lambda *_: None)  # nobody asks it anything, and it would not end by itself
        sys.addaudithook(CALLED.watch)
        CALLED.watching = True
        for run_file in ("config/config.yaml", "config/runs/explained.yaml"):
            Specifications(resolve(Path(run_file))).write()
        for command, values in CALLS:
            done = run(words_of(command, values))
            assert done.code == 0, (command, done)
            Path(NEW).unlink(missing_ok=True)
            shutil.rmtree(NEW_FOLDER, ignore_errors=True)
        CALLED.watching = False
        yield folder


def state(*folders: Path) -> dict[str, tuple[int, ...]]:
    """What tells that a file was touched, of all files below folders."""
    files = itertools.chain.from_iterable(folder.rglob("*") for folder in folders)
    return {str(file): (s.st_mode, s.st_size, s.st_mtime_ns, s.st_ino) for file in files if (s := file.lstat())}


class Hangs(BaseException):
    """A command took too long; no error that a command could tell as one of its own."""


@contextlib.contextmanager
def limit() -> Iterator[None]:
    def hangs(*_: Any) -> None:
        raise Hangs(f"no answer in {LIMIT_S} s")

    before = signal.signal(signal.SIGALRM, hangs)
    signal.alarm(LIMIT_S)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_every_command_has_a_call_that_works_and_is_tried() -> None:
    """But `doctor`, which takes nothing."""
    assert {command for command, _ in CALLS} == set(COMMANDS) - {"doctor"}
    assert len(drawn()) == QUICK
    assert {CALLS[number][0] for number, _, _ in drawn()} == set(COMMANDS) - {"doctor"}


@pytest.mark.usefixtures("project")
def test_no_call_unpickles_anything_or_asks_a_shell() -> None:
    assert CALLED.found == set()


@pytest.mark.parametrize(("number", "parameter", "fault"), cases())
def test_a_fault_is_told_in_a_sentence(
    project: Path, tmp_path: Path, tried: Counter[str], number: int, parameter: str, fault: str
) -> None:
    command, values = CALLS[number]
    good = values.get(parameter)
    last = (good[-1] if isinstance(good, list) else good) or "none.csv"
    value = faults_of(command, parameter, None if good is None else last)[fault](tmp_path, last)
    if value is None:
        pytest.skip("no such fault of such a file")
    several = isinstance(good, list) and isinstance(value, str)
    before = state(project, tmp_path)
    with limit():
        done = run(words_of(command, {**values, parameter: [*good[:-1], value] if several else value}))
    assert_told(done)
    assert state(project, tmp_path) == before
    tried[fault] += 1


def assert_told(done: Done) -> None:
    """It ended with one sentence, and a status that says so."""
    assert done.code != 0, done
    assert "Traceback" not in done.err, done.err
    told = done.err.splitlines()
    if not told[0].startswith("Usage: "):  # then the command line's own words follow
        assert sum(line.startswith("leukorepro: ") for line in told) == 1, done.err
        assert re.fullmatch(r"leukorepro: .{20,}[.?]", told[-1]), done.err


def paths_of(command: str, values: Values) -> Iterator[tuple[str, str]]:
    """Names and values of a call's files and folders."""
    for name, value in values.items():
        if declared(command, name)[0] is Path:
            yield name, value[-1] if isinstance(value, list) else value


@pytest.mark.parametrize("number", range(len(CALLS)), ids=lambda number: f"{CALLS[number][0]}-{number}")
def test_what_is_read_is_not_written_over(project: Path, number: int) -> None:
    command, values = CALLS[number]
    checks = {name: declared(command, name)[1].callback for name, _ in paths_of(command, values)}
    read = [found(value) for name, value in paths_of(command, values) if checks[name] in READ]
    written = [name for name, check in checks.items() if check is options.file_to_write]
    before = state(project)
    for name, file in itertools.product(written, read):
        assert_told(run(words_of(command, {**values, name: file})))
    for name, other in itertools.combinations(written, 2):
        assert_told(run(words_of(command, {**values, name: str(values[other])})))
    assert state(project) == before


def written_by(command: str) -> list[str]:
    """Parameters that name a file or a folder to write."""
    checks = (options.file_to_write, options.folder_to_write)
    names = [parameter.name for parameter in COMMANDS[command].params if parameter.name != "help"]
    return [name for name in names if getattr(declared(command, name)[1], "callback", None) in checks]


@pytest.mark.parametrize("command", [command for command in COMMANDS if written_by(command)])
def test_what_is_no_file_is_not_written_over(project: Path, tmp_path: Path, command: str) -> None:
    """A folder is to be filled where one is asked for, and anything else refused; as root, a device could be replaced.

    What a link leads to counts.
    """
    values = {name: value for name, value in CALLS if name == command}[command]
    for parameter in written_by(command):
        fills = declared(command, parameter)[1].callback is options.folder_to_write
        place = tmp_path / parameter
        place.mkdir()
        os.mkfifo(place / "pipe")
        (place / "link").symlink_to("pipe")
        Path.touch(place / "file") if fills else Path.mkdir(place / "folder")
        if os.geteuid() == 0:
            device(place / "null")
        before = state(project, place)
        for there in sorted(place.iterdir()):
            done = run(words_of(command, {**values, parameter: str(there)}))
            assert_told(done)
            assert f"{there}: a " in done.err
        assert state(project, place) == before


@pytest.fixture(scope="module")
def copy(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project whose files are changed, and put back."""
    return shutil.copytree(project, tmp_path_factory.mktemp("copy") / "project")


GENERATED = 2
"""Inputs of each kind that are tried here; tests/faults tries more."""


@pytest.mark.parametrize("kind", TARGETS)
def test_generated_inputs_are_told_or_used(project: Path, copy: Path, tried: Counter[str], kind: str) -> None:
    ended = try_generated(project, copy, kind, GENERATED)
    tried["generated and refused"] += ended[False]
    tried["generated and used"] += ended[True]


def try_generated(project: Path, copy: Path, kind: str, examples: int) -> Counter[bool]:
    """Calls with generated files of a kind, each of which is told of in a sentence or is good by chance; how many."""
    ended: Counter[bool] = Counter()

    # Without the phase that explains, which traces every line of a command, and without making examples smaller, which
    # runs it hundreds of times.
    @settings(
        max_examples=examples,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @hypothesis.given(st.data())
    def tell_or_use(data: st.DataObject) -> None:
        command, file, number, instead = data.draw(st.sampled_from(TARGETS[kind]))
        values = [values for name, values in CALLS if name == command][number]
        path = Path(found(file))
        path.write_bytes(another(data.draw, path))
        before = state(copy)
        try:
            with limit():
                done = run(words_of(command, {**values, **instead}))
            ended[done.code == 0] += 1
            if done.code and (done.err or command != "study check"):  # which lists what is missing
                assert_told(done)
            if done.code and command != "evaluate":  # which writes down what it puts together before it evaluates it
                assert state(copy) == before
        finally:
            put_back(copy, project)

    with contextlib.chdir(copy):
        tell_or_use()
    return ended


def put_back(copy: Path, original: Path) -> None:
    """Make the files of a copy again what they are in the original."""
    for file in [file for file in copy.rglob("*") if not file.is_dir()]:
        source = original / file.relative_to(copy)
        if not source.exists():
            file.unlink()
        elif (source.stat().st_size, source.stat().st_mtime_ns) != (file.stat().st_size, file.stat().st_mtime_ns):
            shutil.copy2(source, file)
    for source in original.rglob("*"):
        file = copy / source.relative_to(original)
        if source.is_file() and not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, file)


def test_who_may_not_is_told(project: Path, tried: Counter[str]) -> None:
    """Every file and folder of every call, for a user who may not read it or write there."""
    place = Path(tempfile.mkdtemp(prefix="faults", dir="/tmp"))
    try:
        shutil.copytree(project, place, dirs_exist_ok=True)
        shut, locked = place / "shut", place / "locked"
        shut.mkdir()
        locked.mkdir()
        calls = []
        for command, values in CALLS:
            if command not in (
                "clean",
                "models summary",
                "report summary",
                "serve",
                "study check",
                "verify",
            ):  # which write nothing
                calls.append(words_of(command, values))
            for name, value in paths_of(command, values):
                check = declared(command, name)[1].callback
                if check in (options.file_to_read, options.file_to_read_or_begin):
                    bad = locked / f"{len(calls)}{Path(value).suffix}"
                    shutil.copy(found(value), bad)
                    bad.chmod(0)
                elif check is options.folder_to_read:
                    bad = locked / str(len(calls))
                    bad.mkdir(mode=0)
                else:
                    bad = shut / "new"
                several = isinstance(values[name], list)
                calls.append(
                    words_of(command, {**values, name: [*values[name][:-1], str(bad)] if several else str(bad)})
                )
        for folder in (place, *(folder for folder in place.rglob("*") if folder.is_dir() and folder.parent != locked)):
            folder.chmod(0o555)
        before = state(place)
        for done in unprivileged(calls, place):
            assert_told(done)
            tried["no permission"] += 1
        assert state(place) == before
    finally:
        for folder in (place, *(folder for folder in place.rglob("*") if folder.is_dir())):
            folder.chmod(0o755)
        shutil.rmtree(place)


def unprivileged(calls: list[list[str]], place: Path) -> list[Done]:
    """How calls end in a process that permissions bind; root's has no capabilities."""
    here = Path(__file__).parent
    prefix = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
    if prefix and shutil.which(prefix[0]) is None:
        pytest.skip("permissions do not bind root, and there is no setpriv")
    answered = subprocess.run(
        [*prefix, sys.executable, "-c", "import test_faults; test_faults.answer()"],
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        cwd=place,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, [here, here.parent, *sys.path]))},
        check=False,
    )
    assert answered.returncode == 0, answered.stderr
    return [Done(*done) for done in json.loads(answered.stdout)]


def answer() -> None:
    """Run the calls that come through standard input, and tell how each ended."""
    told = []
    for words in json.load(sys.stdin):
        try:
            with limit():
                told.append(run(words))
        except Exception:  # noqa: BLE001 - whatever it is, it is told
            told.append(Done(1, "", traceback.format_exc()))
    json.dump(told, sys.stdout)
