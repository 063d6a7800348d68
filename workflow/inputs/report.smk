"""What a report is made of, as far as it is known."""

from leukorepro.core.store import sha256_once
from leukorepro.run.weights import as_far_as_known


def content_of(file):
    """Digest of a file that may not be there, for a job that follows it and must not have it made."""
    return sha256_once(file) if file.exists() else None


def run_so_far():
    """The run without studies whose weights could not be got, which is known once a job has asked for them.

    Until then they are expected to come, so that a dry run lists all jobs. Snakemake asks again when such a job, a
    checkpoint, is done, and forgets the jobs that a study was to have after it. A job that failed instead would take
    the report with it, which can have no inputs that may be missing.
    """
    prepare_start()
    with in_a_sentence():
        run = as_far_as_known(RUN, RESULTS)
    for study in run.left_out:
        if workflow.is_main_process and study.key not in LEFT_OUT:
            LEFT_OUT.add(study.key)
            logger.warning(study.line)
    return run
