"""Populations of the validity study."""

from leukorepro.checks.validity.population import read_population


def setting_of_pool(wildcards):
    """The first setting of the validity study on a population; all of them agree on it."""
    return next(
        name
        for name, setting in VALIDITY.settings.items()
        if setting.pool == wildcards.pool
    )


def population_of(wildcards):
    """Images and features of the population of a setting; that of real patients is looked at before any job."""
    real = VALIDITY.real
    if real is None or wildcards.setting != real.dataset:
        pool = f"results/validity/pools/{VALIDITY.settings[wildcards.setting].pool}"
        return {"images": f"{pool}.csv", "features": f"{pool}.h5"}
    manifest = RESULTS.manifest(real.dataset)
    with in_a_sentence():
        if manifest.exists():
            read_population(VALIDITY_FILE, VALIDITY.designs[real.dataset], manifest)
    return {"images": manifest, "features": real.features}
