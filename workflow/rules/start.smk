"""What a start prepares and tells, and what its jobs ask a machine for."""

from functools import cache

from leukorepro.core.integrity.damaged import ASIDE
from leukorepro.core.integrity.clock import set_right
from leukorepro.core.places import check_output_folder
from leukorepro.core.sharing.alone import WORKFLOW, hold
from leukorepro.costs.asked import Requests
from leukorepro.costs.machine import this_machine
from leukorepro.costs.told import at_start
from leukorepro.run.weights import forget_failures


def cores_at_hand():
    """Cores that jobs share, or that one gets at most on a cluster; those of this machine where nobody says it."""
    given = workflow.global_resources["_cores"].value
    if workflow.nodes:
        return given or sys.maxsize
    told = any(word.startswith(("-c", "-j")) for word in sys.argv) or any(
        word.partition("=")[0] in ("--cores", "--jobs") for word in sys.argv
    )
    # Without a word a dry run has one.
    return (
        given
        if isinstance(given, int) and (told or given > 1)
        else len(os.sched_getaffinity(0))
    )


def tell_whole(machine=None):
    """Say what the whole run takes to people, and to the display, which tells by it what is left."""
    cores, places = cores_at_hand(), workflow.nodes
    with in_a_sentence():
        said = at_start(RUN, cores, places, machine)
    logger.info(said.line, extra={"expected": said.expected, "room": places or cores})
    return said


REQUESTS = Requests(RUN, RESULTS)


def starts_jobs():
    """Whether jobs are going to run: a dry run, a summary or Snakemake's own report changes nothing on the disk."""
    starts = workflow.is_main_process and workflow.executor_plugin is not None
    return starts and not (workflow.dryrun or workflow.touch)


@cache
def prepare_start():
    """Hold the results, write what jobs are told, once, and forget which weights an earlier start could not get.

    Files of a time to come, which a clock that was set back leaves, are given the present one first.

    Jobs of a cluster read this file too. Jobs see to it as well as `onstart:`, which Snakemake leaves out of modules.
    """
    if starts_jobs():
        with in_a_sentence():
            as_planned = hold(RESULTS.root, RUN.name, logger.warning)
            drawn = [
                part.images
                for found in DATASETS.values()
                for part in found.parts
                if part.simulated
            ]
            if ahead := set_right([RESULTS.root, *drawn], RESULTS.root / WORKFLOW):
                logger.warning(
                    f"{ahead:,} files had a time that is yet to come; they have the present one now."
                )
            if ahead or not as_planned:
                # What is to be made was planned by what lay there before: plan again.
                os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
            SPECIFICATIONS.write()
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


if workflow.is_main_process:
    # Snakemake keeps records there, of a dry run, too.
    with in_a_sentence():
        check_output_folder(Path(".snakemake"))
    for line in RUN.not_run:
        logger.warning(line)
    if "validity" not in sys.argv[1:]:  # which is no part of the run
        if RUN.seeds > 1:
            logger.warning(plan.cost_of_seeds(RUN))
        said = tell_whole()


onstart:
    prepare_start()
    told = "validity" not in sys.argv[1:]
    if starts_jobs() and told and workflow.nodes is None and said.worth_measuring:
        with in_a_sentence():
            machine = this_machine()
        tell_whole(machine)
    measured = [
        job.benchmark for job in workflow.dag.needrun_jobs() if job.benchmark
    ]
    logger.info(
        f"Jobs that run, as far as is known before split tables and weights are there: {len(measured)}.",
        extra={"needed": list(map(str, measured))},
    )


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
