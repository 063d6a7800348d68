"""The run that is made, and what the rules ask of it."""

import os
import re
import sys
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from snakemake.exceptions import IncompleteCheckpointException

from leukorepro.run import plan
from leukorepro.core.code import code_digest
from leukorepro.costs.asked import Requests
from leukorepro.costs.told import at_start
from leukorepro.config.adapters import ADAPTERS
from leukorepro.config.study.classifiers import CLASSIFIERS
from leukorepro.config.study.systems import TrainedFeaturesSpec
from leukorepro.checks.validity.population import read_population
from leukorepro.config.validity import load_validity
from leukorepro.config.study.study import load_study
from leukorepro.config.files import published_path, study_path
from leukorepro.run.digests import digest
from leukorepro.core.errors import UserError
from leukorepro.core.installation.files import workflow_files
from leukorepro.core.sharing.alone import hold
from leukorepro.core.sharing.gpus import SHARED as SHARED_GPUS
from leukorepro.core.integrity.damaged import ASIDE, OWNED, DamagedFile, set_aside
from leukorepro.core.store import sha256_once
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.backbones.weights import own_file
from leukorepro.features.parts import ResolvedDescriptor, ResolvedExtractor
from leukorepro.ladder.rungs import LADDER
from leukorepro.run.paths import Results
from leukorepro.run.resolve import overrides, resolve
from leukorepro.features.lookup import file_name
from leukorepro.run.specify import Specifications
from leukorepro.run.weights import (
    as_far_as_known,
    forget_failures,
    users_file,
    weights_of_run,
)

ENVIRONMENT = "../../envs/leukorepro.yaml"


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

try:
    OVERRIDES = overrides(RUN_FILE, config, CONFIGURED)
    RUN = resolve(RUN_FILE, OVERRIDES)
    for file in feature_files_asked_for():
        plan.check_feature_file(RUN, file)
    SPECIFICATIONS = Specifications(RUN)
    VALIDITY = load_validity(VALIDITY_FILE)
except UserError as error:
    raise WorkflowError(str(error)) from None


def cores_at_hand():
    """Cores that jobs share: on a cluster as many as jobs in its queue; those of this machine where nobody says it."""
    given = workflow.nodes or workflow.global_resources["_cores"].value
    told = any(word.startswith(("-c", "-j")) for word in sys.argv) or any(
        word.partition("=")[0] in ("--cores", "--jobs") for word in sys.argv
    )
    # Without a word a dry run has one.
    return (
        given
        if isinstance(given, int) and (told or given > 1)
        else len(os.sched_getaffinity(0))
    )


REQUESTS = Requests(RUN, RESULTS)


@contextmanager
def damage_told():
    """A damaged file that is read here makes way like one that a job reads; a dry run only tells it."""
    try:
        yield
    except DamagedFile as error:
        told = str(error) if workflow.dryrun else set_aside(error)
        raise WorkflowError(told) from None


@cache
def prepare_start():
    """Hold the results, write what jobs are told, once, and forget which weights an earlier start could not get.

    Only where jobs are going to run: a dry run, a summary or Snakemake's own report changes nothing on the disk. Jobs of
    a cluster read this file too. Jobs see to it as well as `onstart:`, which Snakemake leaves out of modules.
    """
    starts = workflow.is_main_process and workflow.executor_plugin is not None
    if starts and not (workflow.dryrun or workflow.touch):
        if not hold(RESULTS.root, RUN.name, logger.warning):
            # What is to be made was planned by what lay there before the other one ended: plan again.
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
        SPECIFICATIONS.write()
        with damage_told():
            forget_failures(RUN, RESULTS)


def asked(rulename, wildcards, threads, attempt):
    """What a job asks a cluster for; its rule's `benchmark:` tells which job it is. Every job asks before it starts."""
    prepare_start()
    measured_at = workflow.get_rule(rulename).benchmark
    return REQUESTS.of(
        Path(str(measured_at.apply_wildcards(wildcards))), threads, attempt
    )


def memory(wildcards, rulename, threads, attempt):
    """Memory that a job asks a cluster for. On one machine it holds no job back, unless `--resources mem_mb=` says so."""
    return asked(rulename, wildcards, threads, attempt).mem_mb


def minutes(wildcards, rulename, threads, attempt):
    """Minutes after which a cluster may end a job."""
    return asked(rulename, wildcards, threads, attempt).minutes


def together(group):
    """A group of jobs that a cluster is given as one, where they are a demonstration's and take seconds each."""
    return group if RUN.budget == "demo" else None


AUDITED = [study.study.key for study in RUN.studies] + [
    study.key for study in RUN.left_out
]
WEIGHTS = weights_of_run(RUN)
DATASETS = plan.datasets_of(RUN)
LEFT_OUT = {study.key for study in RUN.left_out}


if workflow.is_main_process:
    for line in RUN.not_run:
        logger.warning(line)
    if "validity" not in sys.argv[1:]:  # which is no part of the run
        if RUN.seeds > 1:
            logger.warning(plan.cost_of_seeds(RUN))
        logger.info(at_start(RUN, cores_at_hand()))


onstart:
    prepare_start()


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


def reducers_that(take_features):
    """A wildcard's constraint: a reducer that takes the features of a trained network, or one that is fitted."""
    return one_of(
        name
        for study in RUN.studies
        for name, spec in study.study.reducers.items()
        if isinstance(spec, TrainedFeaturesSpec) == take_features
    )


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


def content_of(file):
    """Digest of a file that may not be there, for a job that follows it and must not have it made."""
    return sha256_once(file) if file.exists() else None


def study_of(wildcards):
    return plan.find_study(RUN, wildcards.study)


def dataset_of(wildcards):
    return DATASETS[wildcards.dataset]


def adapters_of(dataset):
    """Modules of the adapters that know a dataset, or both of two, and the only ones that its jobs use."""
    return sorted(
        {f"{ADAPTERS.package}.{part.dataset.adapter}" for part in dataset.parts}
    )


def both_features_of(wildcards):
    """Feature files of two datasets that are put together."""
    parts = DATASETS[wildcards.joined].parts
    return [RESULTS.features(part.id) / f"{wildcards.part}.h5" for part in parts]


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


def extractor_of(wildcards):
    return parts_of_kind(ResolvedExtractor)[wildcards.extractor]


def own_weights_of(wildcards):
    """The file where only a user can have a backbone's weights: features follow it when another takes its place."""
    return own_file(find_backbone(WEIGHTS[wildcards.weights])) or []


def weights_of_extractor(wildcards):
    """What came of asking for an extractor's weights, or the file that is named for them; nothing for random ones."""
    prepare_start()
    extractor = extractor_of(wildcards)
    if extractor.weights != "imagenet":
        return users_file(extractor) or []
    return RESULTS.weights(file_name(extractor.backbone))


def descriptor_of(wildcards):
    return parts_of_kind(ResolvedDescriptor)[wildcards.descriptor]


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


def features_are_there(wildcards):
    """Whether features have been made since the scan of their dataset."""
    part = wildcards.get("extractor") or wildcards.get("descriptor")
    features = RESULTS.features(wildcards.dataset) / f"{part}.h5"
    manifest = RESULTS.manifest(wildcards.dataset)
    if not (features.exists() and manifest.exists()):
        return False
    return features.stat().st_mtime_ns >= manifest.stat().st_mtime_ns


def made_anew(wildcards):
    """Damaged files that were moved away: Snakemake makes none that is missing behind a result that is there."""
    damaged = [
        file.with_name(file.name.removesuffix(ASIDE))
        for file in RESULTS.root.rglob(f"*{ASIDE}")
    ]
    return [
        file
        for file in damaged
        if any(rule.is_producer(str(file)) for rule in workflow.rules)
    ]


def splits_first(wildcards):
    """Split tables of the run that are still to be made; nothing once all are.

    Every image of every dataset is read, and every split made, before any features are computed: what stops a run stops
    it then. Features do not follow from splits and are shared by runs, so these leave no trace in their records:
    Snakemake asks again when the checkpoint that makes them is done. `ancient`: other splits make no other features.
    Those that another run has made do not wait for tables that are not there at all, or Snakemake would take them for
    stale.
    """
    there = features_are_there(wildcards)
    waiting = []
    for study in RUN.studies:
        try:
            getattr(checkpoints, f"make_splits_{study.study.key}").get()
        except IncompleteCheckpointException as incomplete:
            if Path(incomplete.targetfile).exists() or not there:
                waiting.append(ancient(incomplete.targetfile))
    return waiting


def tying_flags(study):
    """The flag that names near-duplicates which tie groups, where the run lets them."""
    duplicates = plan.tying_duplicates(RUN, study)
    return [] if duplicates is None else flags("--duplicates", [duplicates])


def manifest_of(wildcards):
    return RESULTS.manifest(study_of(wildcards).dataset_id)


def run_so_far():
    """The run without studies whose weights could not be got, which is known once a job has asked for them.

    Until then they are expected to come, so that a dry run lists all jobs. Snakemake asks again when such a job, a
    checkpoint, is done, and forgets the jobs that a study was to have after it. A job that failed instead would take
    the report with it, which can have no inputs that may be missing.
    """
    prepare_start()
    with damage_told():
        run = as_far_as_known(RUN, RESULTS)
    for study in run.left_out:
        if workflow.is_main_process and study.key not in LEFT_OUT:
            LEFT_OUT.add(study.key)
            logger.warning(study.line)
    return run


def features_of(wildcards):
    study = study_of(wildcards)
    return RESULTS.features(study.dataset_id) / plan.feature_file(
        study, wildcards.feature_set
    )


def splits_of(wildcards):
    """Split tables that the items on a feature set use, by `rung/split`."""
    study = study_of(wildcards)
    return {
        f"{rung}/{split}": folder_of(study).splits(rung, split)
        for rung in study.protocols
        for split in plan.splits_of(study, wildcards.feature_set)
    }


def reducers_of(wildcards):
    """Fitted reducers that the items on a feature set use, by `rung/split/reducer`."""
    study, features = study_of(wildcards), wildcards.feature_set
    return {
        f"{rung}/{split}/{reducer}": folder_of(study).reducer(
            plan.reducer_rung(study, split, features, reducer, rung),
            split,
            features,
            reducer,
        )
        for rung in study.protocols
        for split in plan.splits_of(study, features)
        for reducer in plan.reducers_of(study, split, features)
    }


def job_of_fit(wildcards):
    """A fit that is a job of its own."""
    w = wildcards
    name = (
        w.network if "network" in w.keys() else f"{w.split}-{w.feature_set}-{w.reducer}"
    )
    return "fits", w.study, w.protocol, name


def fits_of(wildcards):
    return SPECIFICATIONS[job_of_fit(wildcards)]


def path_of_fits(wildcards):
    return SPECIFICATIONS.path(*job_of_fit(wildcards))


def kinds_of_fits(told):
    """Modules of kinds of fits, the only ones of their registry that a job uses."""
    return sorted({f"{FITS_PACKAGE}.{fit.kind}" for fit in told.fits})


def predictions_of(study):
    """What classifiers and networks of a study predict, as their jobs leave it."""
    folder = folder_of(study)
    trainings = [
        (plan.training_rung(study, fit, rung), network)
        for rung in study.protocols
        for network, fit in plan.networks_of(study).items()
    ]
    return [
        *(
            folder.part(feature_set)
            for feature_set in plan.classified_feature_sets(study)
        ),
        *(
            folder.network(rung, network).predictions
            for rung, network in dict.fromkeys(trainings)
        ),
    ]


def control_features_of(wildcards):
    """Feature file of what a study's controls classify, where they classify any."""
    study = study_of(wildcards)
    system = plan.controlled_system(RUN, study)
    if system is None:
        return []
    file = plan.feature_file(study, system.item.features)
    return [RESULTS.features(study.dataset_id) / file]


def control_cells_of(wildcards):
    """Size and colour of the cells, where controls see these."""
    study = study_of(wildcards)
    part = plan.cell_descriptor(RUN, study)
    return (
        [] if part is None else [RESULTS.features(study.dataset_id) / f"{part.id}.h5"]
    )


def control_splits_of(wildcards):
    """Split tables of the controls, by rung."""
    study = study_of(wildcards)
    system = plan.controlled_system(RUN, study)
    return {} if system is None else splits_on_rungs(study, system.split)


def cell_splits_of(wildcards):
    """Split tables of the headline, by rung, where controls see the size and the colour of cells."""
    study = study_of(wildcards)
    if plan.cell_descriptor(RUN, study) is None:
        return {}
    return splits_on_rungs(study, plan.headline_of(study).split)


def splits_on_rungs(study, split):
    """Split tables of one split of a study, by rung."""
    return {rung: folder_of(study).splits(rung, split) for rung in study.protocols}


def control_reducers_of(wildcards):
    """Fitted reducers of the controls, by rung, where they have one."""
    study = study_of(wildcards)
    system = plan.controlled_system(RUN, study)
    if system is None or system.item.reducer is None:
        return {}
    _, item, split, *_ = system
    fitted_on = {
        rung: plan.reducer_rung(study, split, item.features, item.reducer, rung)
        for rung in study.protocols
    }
    return {
        rung: folder_of(study).reducer(fitted, split, item.features, item.reducer)
        for rung, fitted in fitted_on.items()
    }


def control_kinds_of(wildcards):
    """Modules of the kinds of classifiers of the controls."""
    system = plan.controlled_system(RUN, study_of(wildcards))
    return [] if system is None else kinds_of(system.classifier)


def declared_facts(wildcards):
    """Digest of what a study declares for the audit of its printed numbers, whatever the run makes of the study."""
    study = load_study(study_path(wildcards.study))
    return digest(study, study.audit)


def setting_of_pool(wildcards):
    """The first setting of the validity study on a population; all of them agree on it."""
    return next(
        name
        for name, setting in VALIDITY.settings.items()
        if setting.pool == wildcards.pool
    )


def population_of(wildcards):
    """Images and features of the population of a setting; that of real patients is looked at before any job."""
    real = VALIDITY.real
    if real is None or wildcards.setting != real.dataset:
        pool = f"results/validity/pools/{VALIDITY.settings[wildcards.setting].pool}"
        return {"images": f"{pool}.csv", "features": f"{pool}.h5"}
    manifest = RESULTS.manifest(real.dataset)
    try:
        if manifest.exists():
            read_population(VALIDITY_FILE, VALIDITY.designs[real.dataset], manifest)
    except UserError as error:
        raise WorkflowError(str(error)) from None
    return {"images": manifest, "features": real.features}


def flags(option, values):
    """One flag per value."""
    return [f"{option}={value}" for value in values]
