"""Networks, weights and images that features are computed from, and what they wait for."""

from snakemake.exceptions import IncompleteCheckpointException

from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.backbones.weights import own_file
from leukorepro.features.lookup import file_name
from leukorepro.run.weights import users_file


def both_features_of(wildcards):
    """Feature files of two datasets that are put together."""
    parts = DATASETS[wildcards.joined].parts
    return [RESULTS.features(part.id) / f"{wildcards.part}.h5" for part in parts]


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


def features_are_there(wildcards):
    """Whether features have been made since the scan of their dataset."""
    part = wildcards.get("extractor") or wildcards.get("descriptor")
    features = RESULTS.features(wildcards.dataset) / f"{part}.h5"
    manifest = RESULTS.manifest(wildcards.dataset)
    if not (features.exists() and manifest.exists()):
        return False
    return features.stat().st_mtime_ns >= manifest.stat().st_mtime_ns


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
