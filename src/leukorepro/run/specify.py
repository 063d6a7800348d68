"""Specifications of all jobs of a run: made when the workflow starts, written before its first job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

from leukorepro.config.fields import ONE_BUDGET
from leukorepro.config.joined import JoinedDataset
from leukorepro.config.study.classifiers import ClassifierBase
from leukorepro.config.study.items import Item
from leukorepro.config.study.study import Study
from leukorepro.config.study.systems import ConvAutoencoderSpec, FineTunedSpec, NetworkSpec, TrainedFeaturesSpec
from leukorepro.core.store import write_text
from leukorepro.core.words import Budget
from leukorepro.features.lookup import file_name
from leukorepro.features.parts import Part, ResolvedDescriptor
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.run import plan
from leukorepro.run.paths import Results
from leukorepro.run.resolved import ResolvedRun, ResolvedStudy
from leukorepro.run.specifications.classification import ClassificationSpecification, ClassifiedSplit
from leukorepro.run.specifications.controls import ControlledSystem, ControlsSpecification, MeasuredCells
from leukorepro.run.specifications.evaluation import EvaluationSpecification
from leukorepro.run.specifications.explanations import ExplanationsSpecification
from leukorepro.run.specifications.fits import EncodingFit, FineTunedFit, Fit, FitsSpecification, NetworkFit, ReducerFit
from leukorepro.run.specifications.judgement import JudgementSpecification
from leukorepro.run.specifications.leakage import LeakageSpecification, Steps
from leukorepro.run.specifications.specification import Specification
from leukorepro.run.specifications.splits import SplitsSpecification

BUDGETS = set(get_args(Budget))


class Specifications(Mapping[tuple[str, ...], Specification]):
    """The specification of every job of a run, by the job's rule and the names of what it makes.

    Parameters
    ----------
    run : ResolvedRun
    """

    def __init__(self, run: ResolvedRun) -> None:
        self._folder = Results().run(run.name)
        self._joined = {
            Results().joined(study.dataset_id): study.dataset.model_dump_json(indent=2) + "\n"
            for study in run.studies
            if isinstance(study.dataset, JoinedDataset)
        }
        self._config = run.model_dump_json(indent=2) + "\n"
        self._of = {
            (rule, study.study.key, *names): specification
            for study in run.studies
            for rule, names, specification in _specifications(run, study)
        }

    def __getitem__(self, job: tuple[str, ...]) -> Specification:
        return self._of[job]

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self._of)

    def __len__(self) -> int:
        return len(self._of)

    def path(self, *job: str) -> str:
        """File of a job's specification; another one where the specification is another."""
        rule, *names = job
        return str(self._folder / "specs" / rule / f"{'-'.join(names)}-{self._of[job].digest}.json")

    def write(self) -> None:
        """Write the specifications, and the run as a whole, below `results/<run>`; what is there already, stays."""
        _write(self._config, self._folder / "config.json")
        for path, text in self._joined.items():
            _write(text, path)
        for job, specification in self._of.items():
            _write(specification.text, Path(self.path(*job)))


def at_budget(study: ResolvedStudy, budget: Budget) -> ResolvedStudy:
    """The study with the values of one budget only, and without what its paper leaves open: no number depends on it.

    Parameters
    ----------
    study : ResolvedStudy
        As the run resolved it.
    budget : {'demo', 'published'}
        Whose values are kept.
    """
    values = _trimmed(study.model_dump(exclude={"unstated"}), budget)
    return ResolvedStudy.model_validate(values, context=ONE_BUDGET)


def splits_specification(run: ResolvedRun, study: ResolvedStudy) -> SplitsSpecification:
    """What the split tables of a study are made by.

    Parameters
    ----------
    run : ResolvedRun
        Its seeds are taken.
    study : ResolvedStudy
        One of the run's.
    """
    used = plan.used_splits(study)
    return SplitsSpecification(
        seed=run.seed,
        seeds=run.seeds,
        external_split=study.external_split,
        protocols=study.protocols,
        schemes={name: study.study.splits[name].in_labels(study.study.class_names) for name in used},
        label_sets={name: labels for name in used if (labels := study.label_set_of(name))},
        rows_needed={name: needed for name in used if (needed := _rows_needed(study.study, name))},
    )


def _rows_needed(study: Study, split: str) -> dict[str, int]:
    """Training rows that classifiers on a split need at least, where that is more than one."""
    names = [
        item.classifier for table in study.tables.values() for item in table.items if table.split_of(item) == split
    ]
    specs = {name: spec for name in names if isinstance(spec := study.classifiers[name], ClassifierBase)}
    return {name: spec.rows_needed for name, spec in specs.items() if spec.rows_needed > 1}


def leakage_specification(study: ResolvedStudy) -> LeakageSpecification:
    """What is known of a study's rungs beside their split tables."""
    used = plan.used_splits(study)
    reducers = {item.reducer for table in study.study.tables.values() for item in table.items}
    fitted = [
        name
        for name, spec in study.study.reducers.items()
        if name in reducers and not isinstance(spec, TrainedFeaturesSpec)  # a network's features are fitted with it
    ]
    return LeakageSpecification(
        splits=used,
        rungs={
            rung: Steps(
                reducers=fitted,
                fitted_on_all=protocol.scope == "all",
                published=LADDER[rung].is_published,
                choices=study.study.published_protocol.choices,
                classes={name: labels.of_label for name in used if (labels := study.label_set_of(name))},
            )
            for rung, protocol in study.protocols.items()
        },
    )


def fits_of(run: ResolvedRun, study: ResolvedStudy, rung: Rung) -> dict[str, Fit]:
    """What is fitted on a rung before classifiers, by name, each after those whose files it needs.

    Parameters
    ----------
    run : ResolvedRun
        Its budget, seeds and folders are taken.
    study : ResolvedStudy
        One of the run's.
    rung : Rung
        What serves it from another rung is not among them.
    """
    networks = {
        name: fit for name, fit in plan.networks_of(study).items() if plan.training_rung(study, fit, rung) == rung
    }
    reduced = {
        f"{table.split_of(item)}-{item.features}-{item.reducer}": (table.split_of(item), item.features, item.reducer)
        for table in study.study.tables.values()
        for item in table.items
        if item.reducer is not None
        and plan.reducer_rung(study, table.split_of(item), item.features, item.reducer, rung) == rung
    }
    reducers = {name: _reducer_fit(run, study, rung, *place) for name, place in reduced.items()}
    return {
        **{name: fit for name, fit in reducers.items() if isinstance(fit, ReducerFit)},
        **{name: _network_fit(run, study, rung, fit) for name, fit in networks.items()},
        **{name: fit for name, fit in reducers.items() if isinstance(fit, EncodingFit)},
    }


def _reducer_fit(
    run: ResolvedRun, study: ResolvedStudy, rung: Rung, split: str, features: str, reducer: str
) -> ReducerFit | EncodingFit:
    spec = study.study.reducers[reducer]
    folder = Results().study(run.name, study.study.key)
    read, parts, made = (
        _features(study, features),
        _parts(study, features),
        folder.reducer(rung, split, features, reducer),
    )
    trained = plan.network_of_features(study, split, features, reducer)
    if trained is not None:
        weights = folder.network(rung, trained.id).weights
        network = _network(study, trained.classifier)
        return EncodingFit(features=read, parts=parts, weights=weights, output=made, network=network, budget=run.budget)
    assert not isinstance(spec, TrainedFeaturesSpec)  # it has a network
    return ReducerFit(
        features=read,
        parts=parts,
        splits=folder.splits(rung, split),
        output=made,
        protocol=study.protocols[rung],
        reducer=spec,
        budget=run.budget,
        seed=run.seed,
        precision=run.precision if isinstance(spec, ConvAutoencoderSpec) else "float32",
    )


def _network_fit(run: ResolvedRun, study: ResolvedStudy, rung: Rung, fit: plan.NetworkFit) -> NetworkFit | FineTunedFit:
    items = plan.items_of_network(study, fit)
    tables = {number: study.study.tables[number] for number, _ in items}
    folder = Results().study(run.name, study.study.key)
    told: dict[str, Any] = {
        "splits": folder.splits(rung, fit.split),
        "manifest": Results().manifest(study.dataset_id),
        "duplicates": plan.tying_duplicates(run, study),
        "folder": folder.network(rung, fit.id).root,
        "study": study.study.key,
        "dataset": study.dataset_id,
        "protocol": study.protocols[rung],
        "served_rungs": [served for served in study.protocols if plan.training_rung(study, fit, served) == rung],
        "items": items,
        "label_set": study.label_set_of(fit.split),
        "positive_class": study.positive_class_of(fit.split),
        "fitted_tables": [number for number, table in tables.items() if table.needs_fitted_rows],
        "all_epochs": [number for number, table in tables.items() if table.epochs == "all"],
        "reducer": fit.reducer,
        "classifier": fit.classifier,
        "budget": run.budget,
        "seed": run.seed,
        "precision": run.precision,
    }
    spec = study.study.classifiers[fit.classifier]
    if isinstance(spec, FineTunedSpec):
        tuning = study.tunings[fit.features][fit.classifier]
        features = Results().features(study.dataset_id) / f"{tuning.input.id}.h5"
        weights = Results().weights(file_name(tuning.network.backbone))
        weights_asked = weights if tuning.network.weights == "imagenet" else None
        return FineTunedFit(
            features=features, parts=[tuning.input], network=spec, tuning=tuning, weights=weights_asked, **told
        )
    codes = None if fit.reducer is None else folder.reducer(rung, fit.split, fit.features, fit.reducer)
    network = _network(study, fit.classifier)
    parts = _parts(study, fit.features)
    return NetworkFit(features=_features(study, fit.features), parts=parts, codes=codes, network=network, **told)


def _features(study: ResolvedStudy, feature_set: str) -> Path:
    return Results().features(study.dataset_id) / plan.feature_file(study, feature_set)


def _parts(study: ResolvedStudy, feature_set: str) -> list[Part]:
    return [study.parts[part] for part in plan.parts_of_feature_set(study, feature_set)]


def _network(study: ResolvedStudy, classifier: str) -> NetworkSpec:
    network = study.study.classifiers[classifier]
    assert isinstance(network, NetworkSpec)  # the study's check has seen to it
    return network


def classification_specification(
    run: ResolvedRun, study: ResolvedStudy, feature_set: str
) -> ClassificationSpecification:
    """What is classified on a feature set.

    Parameters
    ----------
    run : ResolvedRun
        Its budget and seed are taken.
    study : ResolvedStudy
        One of the run's.
    feature_set : str
        Name of one of its feature sets.
    """
    splits = {
        split: ClassifiedSplit(
            items=plan.classified_items(study.study, split, feature_set),
            label_set=study.label_set_of(split),
            positive_class=study.positive_class_of(split),
        )
        for split in plan.splits_of(study, feature_set)
    }
    items = [item for split in splits.values() for item in split.items]
    return ClassificationSpecification(
        study=study.study.key,
        dataset=study.dataset_id,
        parts=_parts(study, feature_set),
        protocols=study.protocols,
        splits=splits,
        classifiers={
            item.classifier: spec
            for _, item in items
            if isinstance(spec := study.study.classifiers[item.classifier], ClassifierBase)
        },
        fitted_tables=[number for number in dict(items) if study.study.tables[number].needs_fitted_rows],
        budget=run.budget,
        seed=run.seed,
        fast_trees=run.fast_trees,
    )


def controls_specification(run: ResolvedRun, study: ResolvedStudy) -> ControlsSpecification:
    """What the controls of a study put in the place of its headline.

    Parameters
    ----------
    run : ResolvedRun
        It has controls of the study; its budget and seed are taken.
    study : ResolvedStudy
        One of the run's.
    """
    system, part = plan.controlled_system(run, study), plan.cell_descriptor(run, study)
    return ControlsSpecification(
        study=study.study.key,
        dataset=study.dataset_id,
        controls=run.controls[study.study.key],
        system=None if system is None else _controlled_system(study, system),
        cells=None if part is None else _measured_cells(study, part),
        protocols=study.protocols,
        budget=run.budget,
        seed=run.seed,
        fast_trees=run.fast_trees,
    )


def _controlled_system(study: ResolvedStudy, system: plan.ControlSystem) -> ControlledSystem:
    return ControlledSystem(
        parts=_parts(study, system.item.features),
        table=system.table,
        item=system.item,
        classifier=system.classifier,
        note=system.note,
        label_set=study.label_set_of(system.split),
        positive_class=study.positive_class_of(system.split),
    )


def _measured_cells(study: ResolvedStudy, part: ResolvedDescriptor) -> MeasuredCells:
    number, item, split = plan.headline_of(study)
    table = study.study.tables[number]
    return MeasuredCells(
        part=part,
        table=number,
        item=item,
        metric=table.metrics[0],
        average=table.average,
        class_names=study.study.class_names,
        label_set=study.label_set_of(split),
        positive_class=study.positive_class_of(split),
    )


def explanations_specification(run: ResolvedRun, study: ResolvedStudy) -> ExplanationsSpecification:
    """What is explained of a study.

    Parameters
    ----------
    run : ResolvedRun
        It is told without its other studies, controls and further seeds.
    study : ResolvedStudy
        One of the run's, whose headline is explained.
    """
    number, _, name = study.study.headline.partition("/")
    item = next(item for item in study.study.tables[number].items if item.item == name)
    split = study.study.tables[number].split_of(item)
    rungs = plan.explained_rungs(run, study)
    folder = Results().study(run.name, study.study.key)
    tuning = study.tunings.get(item.features, {}).get(item.classifier)
    file = plan.feature_file(study, item.features) if tuning is None else f"{tuning.input.id}.h5"
    inputs = [Results().manifest(study.dataset_id), Results().features(study.dataset_id) / file]
    if (duplicates := plan.tying_duplicates(run, study)) is not None:
        inputs.append(duplicates)
    for rung in rungs:
        inputs.append(folder.splits(rung, split))
        if item.reducer is not None:
            fitted = plan.reducer_rung(study, split, item.features, item.reducer, rung)
            inputs.append(folder.reducer(fitted, split, item.features, item.reducer))
        for network in _networks_of_item(study, split, item):
            inputs.append(folder.network(plan.training_rung(study, network, rung), network.id).weights)
    told = run.model_copy(update={"seeds": 1, "studies": [study], "left_out": [], "controls": {}})
    return ExplanationsSpecification(run=told, rungs=rungs, inputs=list(dict.fromkeys(inputs)))


def _networks_of_item(study: ResolvedStudy, split: str, item: Item) -> list[plan.NetworkFit]:
    """Networks that an item is, or whose features it takes."""
    own = plan.NetworkFit(split, item.features, item.reducer, item.classifier)
    of_features = item.reducer and plan.network_of_features(study, split, item.features, item.reducer)
    return [*([own] if study.study.is_network(item) else []), *([of_features] if of_features else [])]


def evaluation_specification(run: ResolvedRun, study: ResolvedStudy) -> EvaluationSpecification:
    """What a study's predictions are evaluated by.

    Parameters
    ----------
    run : ResolvedRun
        Its budget and seed are taken.
    study : ResolvedStudy
        One of the run's.
    """
    return EvaluationSpecification(study=study, splits=plan.used_splits(study), budget=run.budget, seed=run.seed)


def judgement_specification(run: ResolvedRun, study: ResolvedStudy) -> JudgementSpecification:
    """What a study's printed numbers are judged by.

    Parameters
    ----------
    run : ResolvedRun
        Its budget is taken.
    study : ResolvedStudy
        One of the run's; what its paper leaves open is kept.
    """
    told = at_budget(study, run.budget).model_copy(update={"unstated": study.unstated})
    return JudgementSpecification(study=told, budget=run.budget)


def _specifications(run: ResolvedRun, whole: ResolvedStudy) -> Iterator[tuple[str, tuple[str, ...], Specification]]:
    """The rule of every job of a study, the names of what it makes, and its specification."""
    study = at_budget(whole, run.budget)
    yield "splits", (), splits_specification(run, study)
    yield "leakage", (), leakage_specification(study)
    yield "evaluation", (), evaluation_specification(run, study)
    yield "judgement", (), judgement_specification(run, whole)
    for feature_set in plan.classified_feature_sets(study):
        yield "classification", (feature_set,), classification_specification(run, study, feature_set)
    for rung in study.protocols:
        fits = fits_of(run, study, rung)
        if run.budget == "demo" and fits:  # each takes seconds
            yield "fits", (rung,), FitsSpecification(fits=list(fits.values()))
        elif run.budget == "published":
            for name, fit in fits.items():
                yield "fits", (rung, name), FitsSpecification(fits=[fit])
    if plan.explained_rungs(run, study):
        yield "explanations", (), explanations_specification(run, study)
    if study.study.key in run.controls:
        yield "controls", (), controls_specification(run, study)


def _trimmed(value: Any, budget: Budget) -> Any:
    """Values without those of other budgets, at every depth."""
    if isinstance(value, dict):
        kept = {budget: value[budget]} if set(value) == BUDGETS else value
        return {key: _trimmed(inner, budget) for key, inner in kept.items()}
    return [_trimmed(inner, budget) for inner in value] if isinstance(value, list) else value


def _write(text: str, path: Path) -> None:
    if not path.is_file() or path.read_bytes() != text.encode():
        write_text(text, path)
