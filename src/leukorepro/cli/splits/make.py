"""`leukorepro splits make`: which rows train and which are tested."""

from __future__ import annotations

from leukorepro.cli.options import (
    ManifestOption,
    OutputOption,
    RungOption,
    RunOption,
    SetOption,
    SplitOption,
    StudyOption,
    resolve_study,
)


def make(
    run_file: RunOption,
    study: StudyOption,
    rung: RungOption,
    split: SplitOption,
    manifest: ManifestOption,
    output: OutputOption,
    override: SetOption = None,
) -> None:
    """Write which rows train and which are tested, before anything is fitted.

    Example: `leukorepro splits make --run config/config.yaml --study atteia2022
    --rung subject_disjoint --split five_folds --manifest manifest.csv --output five_folds.csv`
    """
    from leukorepro.data.manifest import read_manifest
    from leukorepro.data.split_tables import write_splits
    from leukorepro.data.splits import make_splits

    resolved, chosen = resolve_study(run_file, override, study)
    table = make_splits(
        read_manifest(manifest),
        chosen.find_split(split),
        chosen.find_protocol(rung),
        resolved.seed,
        chosen.external_split,
        chosen.label_set_of(split),
    )
    write_splits(table, output)
    print(table.groupby(["repeat", "fold", "role"]).size().unstack(fill_value=0).to_string())
