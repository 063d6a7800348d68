"""The run that is made, and what rules look up in it."""

import os
import re
import sys
from contextlib import contextmanager
from pathlib import Path

from leukorepro.run import plan
from leukorepro.core.code import code_digest
from leukorepro.config.adapters import ADAPTERS
from leukorepro.config.study.classifiers import CLASSIFIERS
from leukorepro.config.validity import load_validity
from leukorepro.run.digests import digest
from leukorepro.core.errors import UserError, as_told
from leukorepro.core.installation.files import workflow_files
from leukorepro.core.sharing.gpus import SHARED as SHARED_GPUS
from leukorepro.core.integrity.damaged import OWNED, DamagedFile, set_aside
from leukorepro.features.parts import ResolvedDescriptor, ResolvedExtractor
from leukorepro.ladder.rungs import LADDER
from leukorepro.run.paths import Results
from leukorepro.run.resolve import overrides, resolve
from leukorepro.run.specify import Specifications
from leukorepro.run.weights import weights_of_run

ENVIRONMENT = "../../envs/leukorepro.yaml"
# Priorities: of what tells early that something cannot run, and of jobs of several threads; jobs of one would seldom
# leave these as many cores at a time as they ask for, and keep them waiting beside idle ones.
FIRST, WIDE = 2, 1


def relative(path):
    """A path as seen from the project's root, so that no recorded value names a machine's folders."""
    path = Path(path)
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def feature_files_asked_for():
    """Feature files that the command line names; Snakemake tells nothing else of what is asked for before it looks."""
    words = map(relative, sys.argv[1:]) if workflow.is_main_process else []
    folder = Results().root / "features"
    return [word for word in words if word.suffix == ".h5" and folder in word.parents]


# A run is one file: the last that the command line names, or that a Snakefile does which has this one as its module.
CONFIGURED = list(map(relative, workflow.configfiles))
NAMED = list(map(relative, workflow.overwrite_configfiles)) or CONFIGURED
RUN_FILE = NAMED[-1] if NAMED else Path("config/config.yaml")

RESULTS = Results()
# A job that finds one of these files damaged moves it away, so that the next start makes it anew.
# What is written here, too, has its digest beside it.
os.environ[OWNED] = str(RESULTS.root)
EXPORTED = f"export {OWNED}={RESULTS.root}; "
if workflow.local_exec and "gpu" in workflow.global_resources:
    # Jobs take turns on as many GPUs of this machine; on a cluster each is given its own.
    EXPORTED += f"export {SHARED_GPUS}={workflow.global_resources['gpu'].value}; "
shell.prefix(EXPORTED)
FITS_PACKAGE = "leukorepro.systems.fits"
VALIDITY_FILE = "config/validity.yaml"


@contextmanager
def in_a_sentence():
    """What goes wrong here is told as in a job: a damaged file makes way, but not before it is known what is asked for.

    A dry run, a summary or Snakemake's own report only tells it.
    """
    try:
        yield
    except UserError as error:
        runs = workflow.executor_plugin is not None and not workflow.dryrun
        told = set_aside(error) if runs and isinstance(error, DamagedFile) else error
        raise WorkflowError(as_told(told)) from None


with in_a_sentence():
    OVERRIDES = overrides(RUN_FILE, config, CONFIGURED)
    RUN = resolve(RUN_FILE, OVERRIDES)
    for file in feature_files_asked_for():
        plan.check_feature_file(RUN, file)
    SPECIFICATIONS = Specifications(RUN)
    VALIDITY = load_validity(VALIDITY_FILE)


AUDITED = [study.study.key for study in RUN.studies] + [
    study.key for study in RUN.left_out
]
WEIGHTS = weights_of_run(RUN)
DATASETS = plan.datasets_of(RUN)
LEFT_OUT = {study.key for study in RUN.left_out}


class InWords:
    """Wildcards in a rule's message, as a person says them: `{RUNG:{wildcards.protocol}}`."""

    def __init__(self, words):
        self.words = words

    def __format__(self, wildcard):
        return self.words[wildcard]


RUNG = InWords({rung: entry.name.lower() for rung, entry in LADDER.items()})
NETWORK = InWords(
    {
        network: fit.classifier
        for study in RUN.studies
        for network, fit in plan.networks_of(study).items()
    }
)


def one_of(names):
    """A wildcard's constraint: exactly one of these names."""
    return "|".join(sorted(map(re.escape, set(names)))) or "(?!)"


def parts_of_kind(kind):
    """Extractors or descriptors of the run, by the names of their feature files."""
    return {
        name: part
        for study in RUN.studies
        for name, part in plan.parts_of(RUN, study).items()
        if isinstance(part, kind)
    }


wildcard_constraints:
    run=re.escape(RUN.name),
    dataset=one_of(DATASETS),
    study=one_of(AUDITED),
    protocol=one_of(rung for study in RUN.studies for rung in study.protocols),
    split=one_of(name for study in RUN.studies for name in study.study.splits),
    weights=one_of(WEIGHTS),
    extractor=one_of(parts_of_kind(ResolvedExtractor)),
    descriptor=one_of(parts_of_kind(ResolvedDescriptor)),
    fused=r"[^/]+\+[^/]+",
    joined=one_of(name for name, found in DATASETS.items() if len(found.parts) > 1),
    part=one_of(
        name
        for study in RUN.studies
        for name, part in plan.parts_of(RUN, study).items()
        if plan.joins_features(part)
    ),
    feature_set=one_of(
        name for study in RUN.studies for name in study.study.feature_sets
    ),
    reducer=one_of(name for study in RUN.studies for name in study.study.reducers),
    network=one_of(
        network for study in RUN.studies for network in plan.networks_of(study)
    ),


def study_of(wildcards):
    return plan.find_study(RUN, wildcards.study)


def dataset_of(wildcards):
    return DATASETS[wildcards.dataset]


def adapters_of(dataset):
    """Modules of the adapters that know a dataset, or both of two, and the only ones that its jobs use."""
    return sorted(
        {f"{ADAPTERS.package}.{part.dataset.adapter}" for part in dataset.parts}
    )


def kinds_of(*classifiers):
    """Modules of kinds of classifiers, the only ones of their registry that a job uses."""
    return sorted({f"{CLASSIFIERS.package}.{spec.kind}" for spec in classifiers})


def entries_of(*studies):
    """Modules of the adapters and kinds of classifiers that jobs on whole studies use."""
    specs = [spec for study in studies for spec in study.study.classifiers.values()]
    adapters = {
        name for study in studies for name in adapters_of(DATASETS[study.dataset_id])
    }
    return [*sorted(adapters), *kinds_of(*specs)]


def folder_of(study):
    """A study's folder in the run."""
    return RESULTS.study(RUN.name, study.study.key)


def split_tables(study):
    """Every split of a study on every rung."""
    return [
        folder_of(study).splits(rung, split)
        for rung in study.protocols
        for split in plan.used_splits(study)
    ]


def manifest_of(wildcards):
    return RESULTS.manifest(study_of(wildcards).dataset_id)


def flags(option, values):
    """One flag per value."""
    return [f"{option}={value}" for value in values]
