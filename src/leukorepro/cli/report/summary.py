"""`leukorepro report summary`: a run's headlines on the terminal."""

from __future__ import annotations

from leukorepro.cli.options import show
from leukorepro.cli.run_options import FinishedRunOption


def summary(run_file: FinishedRunOption) -> None:
    """Print each paper's headline number: as printed, as measured here by its own protocol, and on an honest split.

    Example: `leukorepro report summary --run demo`
    """
    from leukorepro.report.summary import summary_table
    from leukorepro.run.paths import Results
    from leukorepro.run.resolved import load_finished
    from leukorepro.run.weights import as_far_as_known

    run = as_far_as_known(load_finished(run_file), Results(run_file.parent.parent))
    show(summary_table(run, run_file.parent))
    print(f"Report: {run_file.parent / 'report' / 'index.html'}")
