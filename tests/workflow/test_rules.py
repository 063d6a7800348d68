"""The rules' form: what Snakemake's and snakefmt's own checks say, and what every rule must have."""

from __future__ import annotations

import re
from pathlib import Path
from textwrap import dedent

import pytest
from project_copy import ProjectCopy

from leukorepro.costs.jobs import ALL, STEP_OF, WAITS_FOR

PARTS = ("message", "log", "benchmark", "threads", "resources", "conda", "shell")


@pytest.fixture(scope="module")
def copy(fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    return ProjectCopy(fresh, tmp_path_factory.mktemp("rules") / "project")


def rules(root: Path) -> dict[str, str]:
    """Text of every rule, by its name."""
    texts = [without_loops(file.read_text()) for file in sorted((root / "workflow/rules").glob("*.smk"))]
    start = re.compile(r"^(?:rule|checkpoint)(?=[ :]) ?", re.MULTILINE)
    blocks = [block for text in texts for block in start.split(text)[1:]]
    return {block.partition(":")[0] or re.findall(r'name:\s+f"(\w+)_{', block)[0]: block for block in blocks}


def without_loops(text: str) -> str:
    """Rules that a loop or a condition makes, as if they stood alone."""
    return re.sub(r"^(?:for|if) .+:\n((?:\n| {4}.*\n)+)", lambda loop: dedent(loop[1]), text, flags=re.MULTILINE)


def test_snakemake_has_nothing_to_criticise(copy: ProjectCopy) -> None:
    assert "your workflow is in a good condition" in copy.run("snakemake", "--lint")


def test_rules_are_formatted(copy: ProjectCopy) -> None:
    copy.run("snakefmt", "--check", "Snakefile", "workflow")


def test_every_rule_says_what_it_is_and_what_it_needs(root: Path) -> None:
    found = rules(root)
    assert {"scan_images", "extract_features", "fit", "fit_reducer", "classify", "evaluate", "build_report"} <= set(
        found
    )
    for name, block in found.items():
        assert re.match(r'\w*:\n    """[A-Z].+"""\n', block, flags=re.DOTALL), f"{name}: no docstring"
        sections = re.findall(r"^    (\w+):", block, flags=re.MULTILINE)
        assert not set(PARTS) - set(sections), f"{name}: lacks {sorted(set(PARTS) - set(sections))}"


def test_jobs_of_several_threads_come_before_those_of_one(root: Path) -> None:
    """Else jobs of one thread take turns on the cores, and what asks for several waits while some of them are idle."""
    found = rules(root)
    priority = {
        name: "".join(re.findall(r"^    priority: (\w+)$", block, re.MULTILINE)) for name, block in found.items()
    }
    wide = {name for name, block in found.items() if not re.search(r"^    threads: 1$", block, re.MULTILINE)}
    assert {"extract_features", "describe_images", "train_network"} < wide
    assert {name for name, given in priority.items() if given == "WIDE"} == wide - {"build_report"}, "which is the last"
    first, second = re.findall(r"^FIRST, WIDE = (\d), (\d)$", (root / "workflow/rules/common.smk").read_text(), re.M)[0]
    assert int(first) > int(second) > 0, "Snakemake's own is 0"


def test_every_rule_calls_one_command_with_one_flag_per_line(root: Path) -> None:
    for name, block in rules(root).items():
        (shell,) = re.findall(r'shell:\n        r"""\n(.*?)"""', block, flags=re.DOTALL)
        lines = [line.strip().removesuffix(" \\") for line in shell.strip().splitlines()]
        assert re.fullmatch(r"leukorepro( [a-z-]+)+", lines[0]), f"{name}: {lines[0]}"
        command = lines[0].removeprefix("leukorepro ")
        assert re.search(rf'code=.*code_digest\(\s*"{command}"', block), f"{name}: does not follow its command"
        assert re.fullmatch(r"> ?\{log:q\} 2>&1", lines[-1]), f"{name}: its output is not logged"
        for line in lines[1:-1]:
            assert line.count("--") == line.startswith("--"), f"{name}: several flags in {line!r}"


def test_no_value_reaches_the_shell_unquoted(root: Path) -> None:
    """But for the number of threads; whatever a configuration says is one word of the command, or several."""
    for name, block in rules(root).items():
        values = re.findall(r"\{([^}]*)\}", block.partition("shell:")[2])
        assert len(values) > 1, name
        assert {value for value in values if not value.endswith(":q")} <= {"threads"}, name


def waited_for(rule: str) -> set[str]:
    """Rules that jobs of one wait for, by what the estimate knows, and those that these wait for."""
    before = set(WAITS_FOR.get(rule, ()))
    return before.union(*map(waited_for, before))


def test_the_estimate_lets_no_job_start_before_what_it_reads_is_made(copy: ProjectCopy) -> None:
    words = ("--configfile", "config/runs/simulated.yaml", "--config", "budget=published")
    told = copy.run("snakemake", "--rulegraph", *words)
    # A loop's rule is named after its study, too.
    names = {
        number: max((rule for rule in STEP_OF if f"{name}_".startswith(f"{rule}_")), key=len, default=name)
        for number, name in re.findall(r'(\d+)\[label = "([^"\\]+)', told)
    }
    read = {(names[after], names[before]) for before, after in re.findall(r"(\d+) -> (\d+)", told)}
    assert {("classify", "encode_images"), ("train_network", "fit_reducer"), ("judge", "audit_published")} <= read
    assert {before for after, before in read if after == ALL} == {"build_report"}
    assert {(a, b) for a, b in read if a not in (ALL, "build_report") and b not in waited_for(a)} == set()
