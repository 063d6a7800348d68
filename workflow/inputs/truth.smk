"""What controls, verdicts and audits read."""

from leukorepro.config.files import published_path, study_path
from leukorepro.config.study.study import load_study


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
