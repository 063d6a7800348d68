"""Terms of what one run uses."""

from __future__ import annotations

from leukorepro.config.joined import JoinedDataset
from leukorepro.run.resolved import ResolvedRun
from leukorepro.run.terms.known import Terms, terms_of_dataset, terms_of_weights


def used_terms(run: ResolvedRun) -> list[Terms]:
    """Of a run's published datasets, and of published weights that its features and networks begin with, each once."""
    found: dict[tuple[str, str], Terms] = {}
    for study in run.studies:
        whole = study.dataset
        for dataset in [part.dataset for part in whole.parts] if isinstance(whole, JoinedDataset) else [whole]:
            if (terms := terms_of_dataset(dataset.adapter, dataset)) is not None:
                found[terms[:2]] = terms
        tuned = [tuning.network for tunings in study.tunings.values() for tuning in tunings.values()]
        for extractor in [*study.extractors.values(), *tuned]:
            if extractor.weights == "imagenet":
                found.setdefault(("weights", extractor.backbone), terms_of_weights(extractor.backbone))
    return sorted(found.values())
