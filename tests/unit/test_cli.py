from __future__ import annotations

import inspect
import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import entry_points, version
from pathlib import Path
from typing import Any

import pytest
import typer
from project_data import ROOT, make_project, touch
from typer.testing import CliRunner

from leukorepro.cli.app import app
from leukorepro.cli.dataset_options import describe_dataset
from leukorepro.cli.options import pairs
from leukorepro.config.datasets import SubjectsFromCsv, SubjectsFromRegex
from leukorepro.core.errors import UserError
from leukorepro.data.adapters.cnmc2019 import CnmcDataset
from leukorepro.data.adapters.image_folder import FolderDataset
from leukorepro.run.resolve import resolve
from leukorepro.run.specify import Specifications

SCRIPT = Path(sys.executable).with_name("leukorepro")
HEAVY = ["torch", "numpy", "pandas", "scipy", "sklearn", "matplotlib", "h5py", "PIL", "pydantic", "yaml", "rich"]
MANIFEST = "image_id,path,label,subject_id,source_id,official_split,sha256,width,height,status\na,a,,,a,,,0,0,empty\n"


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every sub-command with its words."""
    if hasattr(command, "commands"):
        for name, child in command.commands.items():
            yield from leaves(child, (*path, name))
    else:
        yield path, command


COMMANDS = dict(leaves(typer.main.get_command(app)))
EACH = pytest.mark.parametrize("path", COMMANDS, ids=" ".join)


def example(path: tuple[str, ...]) -> list[str]:
    """Words of the example in a command's help."""
    documented = inspect.getdoc(COMMANDS[path].callback) or ""
    (text,) = re.findall(r"^Example: `([^`]+)`$", documented, flags=re.MULTILINE | re.DOTALL)
    return shlex.split(text)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(make_project(tmp_path))
    return tmp_path


def run(*words: str | Path) -> Any:
    return CliRunner().invoke(app, [str(word) for word in words])


# ----------------------------------------------------------------------------------------------------------------- help


def test_the_commands_are_those_of_the_design() -> None:
    assert {" ".join(path) for path in COMMANDS} >= {
        "config resolve", "config schema", "data scan", "data simulate", "doctor", "evaluate", "features extract",
        "features fuse", "init", "models classify", "models fit", "judge",
        "report build", "report share", "report summary", "splits make",
    }  # fmt: skip


@EACH
def test_help_has_an_example_and_a_word_on_every_option(path: tuple[str, ...]) -> None:
    done = run(*path, "--help")
    assert done.exit_code == 0
    assert f"Example: leukorepro {' '.join(path)}" in " ".join(done.output.split())
    assert all(parameter.help for parameter in COMMANDS[path].params)


@EACH
def test_the_example_is_a_command_that_would_run(path: tuple[str, ...]) -> None:
    """Its words are parsed as the command line parses them: options exist, values fit, nothing required is missing."""
    words = example(path)
    assert words[: 1 + len(path)] == ["leukorepro", *path]
    context = COMMANDS[path].make_context(path[-1], words[1 + len(path) :])
    assert not context.args


def test_specifications_that_examples_name_are_those_of_the_demonstration(monkeypatch: pytest.MonkeyPatch) -> None:
    """But for the digest at the end of their names, which an edit of the configuration changes."""
    monkeypatch.chdir(ROOT)
    demonstration = Specifications(resolve(Path("config/config.yaml")))
    made = {demonstration.path(*job).rpartition("-")[0] for job in demonstration}
    named = {word.rpartition("-")[0] for path in COMMANDS for word in example(path) if "/specs/" in word}
    assert len(named) > 4
    assert named <= made, named - made


def test_help_fits_a_terminal_and_names_every_group_but_the_workflows_own() -> None:
    done = run("--help")
    assert done.exit_code == 0
    named = re.findall(r"^│ ([a-z-]+) +[A-Z]", done.output, re.MULTILINE)
    assert set(named) == {path[0] for path in COMMANDS} - {"models"}
    assert set(named[:3]) == {"model", "predict", "serve"}


def test_commands_that_texts_name_exist_with_their_options() -> None:
    """In code spans and blocks of help texts and pages, by the longest command that the words begin with."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("[!.]*/*.md")]
    texts = [page.read_text("utf-8") for page in pages]
    blocks = [block for text in texts for block in re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)]
    for command in COMMANDS.values():
        texts += [inspect.getdoc(command.callback) or "", *(parameter.help for parameter in command.params)]
    named = [words for text in texts for words in re.findall(r"(?<!`)`leukorepro ([^`]+)`", text)]
    named += [line for block in blocks for line in re.findall(r"^leukorepro (.+)", block, re.MULTILINE)]
    assert len(named) > 2 * len(COMMANDS)
    for words in map(str.split, named):
        path = max((path for path in COMMANDS if tuple(words[: len(path)]) == path), key=len, default=())
        if words in (["--help"], ["--version"]):  # of the command line itself
            continue
        assert path, words
        known = {option for parameter in COMMANDS[path].params for option in parameter.opts}
        assert {word for word in words if word.startswith("-") and word != "--help"} <= known, words


def test_the_version_is_the_packages() -> None:
    assert run("--version").output.startswith(f"leukorepro {version('leukorepro')}, ")


def test_starting_imports_nothing_heavy() -> None:
    code = f"import sys, leukorepro.cli.app; print(sorted(set({HEAVY}) & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_installed_command_is_this_command_line() -> None:
    (entry,) = entry_points(group="console_scripts", name="leukorepro")
    assert entry.load() is app


# --------------------------------------------------------------------------------------------------------------- errors


def test_bad_input_gives_one_line_and_status_two(tmp_path: Path) -> None:
    """As a user meets it: the installed script in a process of its own."""
    done = subprocess.run(
        [SCRIPT, "config", "resolve", "--run", "none.yaml", "--output", "x.json"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        check=False,
    )
    assert done.returncode == 2
    assert (done.stdout, done.stderr) == ("", "leukorepro: none.yaml: no such file.\n")
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_ends_without_a_traceback(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    def interrupted(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("leukorepro.run.resolve.resolve", interrupted)
    done = run("config", "resolve", "--run", "config/config.yaml", "--output", "x.json")
    assert done.exit_code == 130
    assert "Traceback" not in done.output


def test_a_fault_of_our_own_keeps_its_traceback(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ARG001
    def broken(*_: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("leukorepro.run.resolve.resolve", broken)
    done = run("config", "resolve", "--run", "config/config.yaml", "--output", "x.json")
    assert isinstance(done.exception, ZeroDivisionError)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("config resolve --run config/confg.yaml --output x", "config/confg.yaml: no such file. Known there: config."),
        ("config resolve --run dem --output x", "--run: unknown run 'dem'. Known: demo. Did you mean 'demo'?"),
        ("config resolve --run config/config.yaml --set budget --output x", "--set: given 'budget'; expected NAME="),
        ("config resolve --run config/config.yaml --set seed=x --output x", "config/config.yaml: seed: given 'x'; "),
        ("data scan --output x", "data scan: neither --images nor --dataset given; "),
        ("data scan --dataset config/datasets/allidb.yaml --max-unreadable 0", "--max-unreadable: stands in the file "),
        ("data simulate -o x --dataset config/datasets/allidb_demo.yaml --seed 3", "--seed: stands in the file that "),
        ("data scan --images none --output x", "none: no such folder; expected there: "),
        ("data scan --images . --subject-regex p --output x", "options: subjects.regex: given 'p', without a group"),
        ("data simulate --output x", "data simulate: neither --look nor --dataset given; looks are allidb, "),
        ("data simulate --look allidb --class-effect 9 --output x", "data simulate: class_effect: given 9.0; must be "),
        ("data simulate --dataset config/datasets/none.yaml --output x", "config/datasets/none.yaml: no such file."),
        ("features fuse a.h5 b.h5 --output c.h5", "a.h5: no such file; run the stage that makes it first."),
        ("report summary --run config.json", "config.json: no such file; run the stage that makes it first."),
        ("init --name x --images . --study atteia2022 --weights x", "--weights: given 'x'; expected NAME=VALUE."),
    ],
)
def test_bad_input_is_told_in_one_line(project: Path, words: str, expected: str) -> None:
    before = sorted(project.rglob("*"))
    done = run(*words.split())
    assert done.exit_code == 2
    assert done.stderr.startswith(f"leukorepro: {expected}")
    assert done.stderr.count("\n") == 1
    assert sorted(project.rglob("*")) == before


def test_what_a_sentence_quotes_of_a_file_does_not_break_its_line(project: Path) -> None:
    (project / "config/config.yaml").write_text('"x\\n\\e[2Jü\\u202e": 1\n')
    done = run("config", "resolve", "--run", "config/config.yaml", "--output", "x.json")
    assert done.stderr.startswith(r"leukorepro: config/config.yaml: unknown key 'x\n\x1b[2Jü\u202e'. Known: ")
    assert done.stderr[:-1].isprintable()


FEATURES = "features extract --manifest manifest.csv --images . --output x.h5"


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--backbone mobilnet_v2", "options: unknown backbone 'mobilnet_v2'. Known: "),
        ("--backbone mobilenet_v2 --weights imagnet", "--weights: given 'imagnet'; must be imagenet, random or file:"),
        ("--backbone mobilenet_v2 --weights file:no.pth", "options: weights: no.pth: no such file"),
        (
            "--backbone inception_v3 --weights random --input-size 64",
            "options: input_size 64 is too small for inception",
        ),
        ("--backbone inception_v3 --weights random --input-size 8", "options: input_size: given 8; must be greater "),
        ("--backbone googlenet --weights random --view flip", "--view: [0]: given 'flip'; must be identity, "),
    ],
)
def test_what_cannot_be_extracted_is_told_before_anything_is_read(project: Path, words: str, expected: str) -> None:
    assert not (project / "manifest.csv").exists()
    done = run(*FEATURES.split(), *words.split())
    assert done.exit_code == 2
    assert done.stderr.startswith(f"leukorepro: {expected}")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "spec.json: no such file; run the stage that makes it first."),
        ("{}", "spec.json: seed: required, but not given; "),
        ('{"sed": 0}', "spec.json: unknown key 'sed'. Known: seed, "),
    ],
)
def test_a_specification_of_another_kind_is_told(project: Path, content: str | None, expected: str) -> None:
    if content is not None:
        (project / "spec.json").write_text(content)
    words = example(("splits", "make"))[1:]
    words[words.index("--spec") + 1] = "spec.json"
    done = run(*words)
    assert done.exit_code == 2, done.output
    assert done.stderr.startswith(f"leukorepro: {expected}")


# ------------------------------------------------------------------------------------------------------------- commands


def test_resolve_writes_the_whole_configuration(project: Path) -> None:
    done = run("config", "resolve", "--run", "config/config.yaml", "--set", "budget=published", "--output", "r.json")
    assert done.exit_code == 0
    written = json.loads((project / "r.json").read_text())
    assert written == resolve(Path("config/config.yaml"), {"budget": "published"}).model_dump(mode="json")
    assert written["studies"][0]["study"]["reducers"]["RSet25"]["error_divisor"] == "rows", "defaults are filled in"


def test_schema_writes_the_committed_files(tmp_path: Path) -> None:
    assert run("config", "schema", "--output", tmp_path).exit_code == 0
    committed = ROOT / "config" / "schema"
    assert {f.name for f in tmp_path.iterdir()} == {f.name for f in committed.iterdir()}
    assert all(f.read_bytes() == (committed / f.name).read_bytes() for f in tmp_path.iterdir())


def test_doctor_prints_json(project: Path) -> None:  # noqa: ARG001
    done = run("doctor", "--json")
    checks = json.loads(done.stdout)
    assert {"name", "status", "detail", "licence", "remedy"} == set(checks[0])
    assert {check["name"] for check in checks} >= {"python", "torch", "dataset allidb_simulated"}
    assert done.exit_code == int(any(check["status"] == "broken" for check in checks))


# -------------------------------------------------------------------------------------------------------------- options


def test_pairs_are_split_at_the_first_sign() -> None:
    assert pairs(["a=file:x=y.pth", "b=random"], "--weights") == {"a": "file:x=y.pth", "b": "random"}


@pytest.mark.parametrize("value", ["a", "=a", "a=", "="])
def test_what_is_no_pair_is_refused(value: str) -> None:
    with pytest.raises(UserError, match=f"--set: given '{value}'; expected NAME=VALUE."):
        pairs([value], "--set")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("seed=010", "--set seed: line 1, column 1: "),
        ("seed=true", "config/config.yaml: seed: true and false are no numbers"),
    ],
)
def test_a_changed_key_is_read_as_in_the_file(change: str, told: str, tmp_path: Path) -> None:
    done = run("config", "resolve", "--run", "config/config.yaml", "--set", change, "--output", tmp_path / "r.json")
    assert done.exit_code == 2
    assert done.stderr.startswith(f"leukorepro: {told}")


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(UserError, match="--weights: 'a' is given twice"):
        pairs(["a=random", "a=imagenet"], "--weights")


def test_options_describe_a_dataset() -> None:
    images = Path("a b")
    assert describe_dataset(images, "image_folder", None, None) == FolderDataset(adapter="image_folder", images=images)
    by_table = describe_dataset(images, "image_folder", Path("s.csv"), None, max_unreadable=3)
    assert by_table == FolderDataset(
        adapter="image_folder", images=images, subjects=SubjectsFromCsv(csv=Path("s.csv")), max_unreadable=3
    )
    by_name = describe_dataset(images, "image_folder", None, "(p.)")
    assert isinstance(by_name, FolderDataset)
    assert by_name.subjects == SubjectsFromRegex(regex="(p.)")
    assert describe_dataset(images, "cnmc2019", None, None) == CnmcDataset(adapter="cnmc2019", images=images)


@pytest.mark.parametrize(
    ("adapter", "csv", "regex", "expected"),
    [
        ("image_folder", Path("s.csv"), "(p)", "given together"),
        ("cnmc2019", Path("s.csv"), None, "the adapter cnmc2019 takes no subjects from elsewhere"),
        ("allidb", None, "(p)", "the adapter allidb takes no subjects from elsewhere"),
        ("simulated", None, None, "--adapter: images of 'simulated' are simulated and lie in no folder"),
        ("cnmc", None, None, "--adapter: unknown adapter 'cnmc'. Known: allidb, bloodmnist, cnmc2019, "),
    ],
)
def test_options_that_contradict_one_another_are_refused(adapter: Any, csv: Any, regex: Any, expected: str) -> None:
    with pytest.raises(UserError, match=expected):
        describe_dataset(Path("x"), adapter, csv, regex)


def test_a_scan_writes_its_two_files(project: Path) -> None:
    """Empty files are no images: they are rows with their status, and stop the scan unless tolerated."""
    touch(project / "images", "a/1.png", "b/2.png")
    words = ["data", "scan", "--images", "images", "--output", "m.csv", "--summary", "s.json"]
    refused = run(*words)
    assert refused.exit_code == 2
    assert "a/1.png (empty)" in refused.stderr
    assert not (project / "m.csv").exists()
    assert run(*words, "--max-unreadable", "2").exit_code == 0
    assert (project / "m.csv").read_text().count(",empty\n") == 2
    assert json.loads((project / "s.json").read_text())["status"] == {"empty": 2}
