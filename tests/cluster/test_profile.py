"""The SLURM profile fits the workflow (no cluster needed)."""

import re
from pathlib import Path

import yaml

PROJECT = Path(__file__).resolve().parents[2]


def profile(name: str) -> dict[str, object]:
    return yaml.safe_load((PROJECT / "profiles" / name / "config.yaml").read_text())


def test_slurm_profile_takes_over_the_settings_of_the_default_one() -> None:
    default = profile("default")
    del default["nolock"]  # on a cluster, jobs live on when Snakemake is killed: there the lock stays, as a reminder
    assert default.items() <= profile("slurm").items()


def test_slurm_profile_sets_every_rule_that_can_use_a_gpu() -> None:
    rules = {}
    for file in (PROJECT / "workflow/rules").glob("*.smk"):
        for block in re.split(r"\n *rule ?", file.read_text())[1:]:  # one without a name is of no GPU's use
            rules[block.partition(":")[0]] = block
    using_gpu = {name for name, block in rules.items() if "gpu=" in block}
    assert using_gpu
    assert using_gpu == set(profile("slurm")["set-resources"])
