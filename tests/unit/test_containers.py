"""The two descriptions of a container say the same, install by the Makefile alone, and copy what that needs."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from runpy import run_path

ROOT = Path(__file__).resolve().parents[2]
PLACE = "/opt/leukorepro"


def instructions() -> list[tuple[str, str]]:
    """Of the Dockerfile, each with its continued lines joined, without comments."""
    lines = [line for line in (ROOT / "Dockerfile").read_text().splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def all_of(word: str) -> list[str]:
    """What follows an instruction, wherever it stands."""
    return [rest for name, rest in instructions() if name == word]


def sections() -> dict[str, list[str]]:
    """Of the Apptainer definition, by name; its head is ''."""
    found: dict[str, list[str]] = {"": []}
    name = ""
    for line in (ROOT / "Apptainer.def").read_text().splitlines():
        if line.startswith("%"):
            name = line.removeprefix("%")
            found[name] = []
        elif line.strip() and not line.lstrip().startswith("#"):
            found[name].append(line.strip())
    return found


def copied() -> dict[str, str]:
    """Where the Dockerfile puts what."""
    places = {}
    for rest in all_of("COPY"):
        *sources, target = rest.split()
        places.update({name: target + name if target.endswith("/") else target for name in sources})
    return places


def test_both_begin_with_the_same_system_and_a_python_of_the_project() -> None:
    (base,) = all_of("FROM")
    assert sections()[""] == ["Bootstrap: docker", f"From: {base}"]
    python = re.fullmatch(r"python:(3\.\d+)-slim-\w+", base)
    assert python is not None, "a release of Python and of Debian is named"
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["requires-python"].startswith(f">={python[1]},")


def test_both_copy_the_same_and_all_that_the_makefile_installs_from() -> None:
    files = copied()
    assert files == dict(line.split() for line in sections()["files"])
    assert files == {name: f"{PLACE}/{name}" for name in files}
    rule = re.search(r"^\$\(VENV\)/\.complete: (.+)$", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert rule is not None
    built_with = {"src", "hatch_build.py", "CITATION.cff"}  # which says the version
    assert {"Makefile", *built_with, *rule[1].split()} <= set(files)
    for name in run_path(str(ROOT / "hatch_build.py"))["TAKEN_ALONG"]:  # what `leukorepro init` starts a project with
        assert any(f"{name}/".startswith(f"{copied}/") for copied in files), name
    assert all((ROOT / name).exists() for name in files)
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[1] == "*"
    assert {line.removeprefix("!") for line in ignored if line.startswith("!")} == set(files)


def test_both_do_the_same_and_install_by_the_makefile_alone() -> None:
    steps = [step.strip() for rest in all_of("RUN") for step in rest.split("&&")]
    assert [step for step in steps if not step.startswith("useradd")] == sections()["post"]
    installing = [step for step in steps if re.search(r"\b(pip|uv|curl|wget)\b", step)]
    assert not installing, "locked and hashed, by requirements.lock"
    assert steps.count("PIP_NO_CACHE_DIR=1 UV_NO_CACHE=1 make --directory=/opt/leukorepro env") == 1


def test_both_find_the_programs_and_neither_runs_as_root() -> None:
    told = dict(word.split("=", 1) for rest in all_of("ENV") for word in shlex.split(rest))
    assert f"export PATH={told['PATH']}" in sections()["environment"]
    assert told["PATH"].startswith(f"{PLACE}/.venv/bin:")
    order = [name for name, _ in instructions()]
    assert "USER" in order[order.index("COPY") :]
    assert all_of("USER") == ["1000"]
    assert "useradd --uid 1000 leukorepro" in all_of("RUN")
    assert order.index("USER") > max(number for number, name in enumerate(order) if name == "RUN")


def test_neither_names_a_folder_of_a_machine() -> None:
    text = (ROOT / "Dockerfile").read_text() + (ROOT / "Apptainer.def").read_text()
    assert set(re.findall(r"(?<![\w.$\"])/(?:\w+)", text)) <= {"/opt", "/var", "/project", "/tmp", "/leukorepro"}
