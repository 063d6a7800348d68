"""What a run has below `results`: its own folder, and what it shares with other runs."""

from __future__ import annotations

from pathlib import Path

from leukorepro.run import plan
from leukorepro.run.paths import Results
from leukorepro.run.resolved import ResolvedRun
from leukorepro.run.weights import weights_of_run


def shared_places(run: ResolvedRun, results: Results) -> list[Path]:
    """Files and folders that a run reads and other runs may read, too; some may not have been made.

    Parameters
    ----------
    run : ResolvedRun
        Its datasets, features, weights and audits.
    results : Results
        The folder that they lie in.
    """
    datasets = plan.datasets_of(run)
    places = [results.dataset(name) for name in datasets]
    for study in run.studies:
        files = [f"{name}.h5" for name in plan.parts_of(run, study)]
        files += [plan.feature_file(study, feature_set) for feature_set in plan.used_feature_sets(study)]
        names = dict.fromkeys([study.dataset_id, *(part.id for part in datasets[study.dataset_id].parts)])
        places += [results.features(name) / file for name in names for file in files]
    places += [results.weights(name) for name in weights_of_run(run)]
    audited = [study.study.key for study in run.studies] + [study.key for study in run.left_out]
    places += [results.audit(key) for key in audited]
    return list(dict.fromkeys(places))
