"""`leukorepro report summary`: a run's headlines on the terminal."""

from __future__ import annotations

from leukorepro.cli.options import ConfigOption, show


def summary(config: ConfigOption) -> None:
    """Print each paper's headline number: as printed, as measured here by its own protocol, and on an honest split.

    Example: `leukorepro report summary --config results/demo/config.json`
    """
    from leukorepro.report.summary import summary_table
    from leukorepro.run.paths import Results
    from leukorepro.run.resolved import load_resolved
    from leukorepro.run.weights import as_far_as_known

    run = as_far_as_known(load_resolved(config), Results(config.parent.parent))
    show(summary_table(run, config.parent))
    print(f"Report: {config.parent / 'report' / 'index.html'}")
