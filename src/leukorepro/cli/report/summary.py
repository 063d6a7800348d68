"""`leukorepro report summary`: a run's headlines on the terminal."""

from __future__ import annotations

from leukorepro.cli.options import (
    ConfigOption,
    show,
)


def summary(config: ConfigOption) -> None:
    """Print each study's headline (published, reproduced, honest) and what became of all numbers of its paper.

    Example: `leukorepro report summary --config results/demo/config.json`
    """
    from leukorepro.evaluation.verdicts import read_verdicts
    from leukorepro.report.numbers.tables import read_metrics
    from leukorepro.report.summary import summary_table, tallies
    from leukorepro.run.resolved import load_resolved

    resolved = load_resolved(config)
    keys = [study.study.key for study in resolved.studies]
    metrics = {key: read_metrics(config.parent / key / "metrics.csv") for key in keys}
    verdicts = {key: read_verdicts(config.parent / key / "verdicts.csv") for key in keys}
    show(summary_table(metrics, verdicts, resolved))
    print(*tallies(verdicts), sep="\n")
    print(f"Report: {config.parent / 'report' / 'index.html'}")
