"""What fits and classifiers of a study read, and what they leave."""

from leukorepro.config.study.systems import TrainedFeaturesSpec


def reducers_that(take_features):
    """A wildcard's constraint: a reducer that takes the features of a trained network, or one that is fitted."""
    return one_of(
        name
        for study in RUN.studies
        for name, spec in study.study.reducers.items()
        if isinstance(spec, TrainedFeaturesSpec) == take_features
    )


def tying_flags(study):
    """The flag that names near-duplicates which tie groups, where the run lets them."""
    duplicates = plan.tying_duplicates(RUN, study)
    return [] if duplicates is None else flags("--duplicates", [duplicates])


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
