"""What the jobs of a run have to do, in amounts that are known before it starts: pixels, rows, operations, fits.

An amount has a name, and `leukorepro.costs.model` knows what one of it takes. Names are shared by rules that do the
same: images are decoded, and classifiers fitted, by several.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from leukorepro.config.study.items import Item
from leukorepro.config.study.systems import ConvAutoencoderSpec, NetworkSpec
from leukorepro.config.study.tables import Table
from leukorepro.config.study.training import TrainingSpec
from leukorepro.core.words import Precision
from leukorepro.costs.jobs import ALL, Job
from leukorepro.costs.operations import Network
from leukorepro.costs.sizes import BYTES_OF_PIXEL, Fit, Sizes
from leukorepro.features.parts import Part, ResolvedDescriptor, ResolvedExtractor
from leukorepro.ladder.rungs import LADDER, PUBLISHED
from leukorepro.run import plan
from leukorepro.run.resolved import ResolvedRun, ResolvedStudy
from leukorepro.run.specifications import fits
from leukorepro.run.specify import fits_of
from leukorepro.systems.classifiers.classifier import Classifier

SHUFFLES, UNITS = 10, 2
"""Times that a control deals labels out, over sources and over subjects."""
EXPLAINED = 40
"""Images of which a headline is explained, on two rungs."""
BLOCK_ROWS = 8
"""Images that an extraction gives a network at a time."""
COPIES = 7
"""An extraction holds so much more memory for a parameter of its network than for a value between its layers: it loads,
converts and compiles them, where values of one layer make room for the next's. Of 30 measured extractions."""
TRAINING_PASSES = 3
"""A step of a training takes as many operations as three times the network: forward, and backward to two sides."""
HALF = " with bfloat16"
"""What the names of amounts end with that are done in half precision."""
ALWAYS_FLOAT32 = ("code_sequence",)
"""Architectures of one-dimensional convolutions, which are not trained with bfloat16 on a CPU
(`leukorepro.systems.training.half_precision.refusal`)."""
MEBI = 2**20


@dataclass
class Work:
    """What a job has to do."""

    amounts: dict[str, float] = field(default_factory=dict)
    """By name; only what grows with the images, the epochs or the items."""
    held: float = 0.0
    """MiB of arrays that it works on at a time, as far as they follow from these sizes."""
    written: float = 0.0
    """MiB of values that it leaves on the disk, before compression."""

    def add(self, amounts: Mapping[str, float]) -> None:
        """More to do."""
        for name, amount in amounts.items():
            self.amounts[name] = self.amounts.get(name, 0.0) + amount


class Works:
    """The work of all jobs of a run.

    Parameters
    ----------
    run : ResolvedRun
    sizes : Sizes
    """

    def __init__(self, run: ResolvedRun, sizes: Sizes) -> None:
        self.run = run
        self.sizes = sizes
        self._parts = {name: part for study in run.studies for name, part in plan.parts_of(run, study).items()}

    def of(self, job: Job) -> Work:
        """What a job has to do."""
        first, *rest = job.name.split("/")
        match job.rule:
            case "simulate_images" | "scan_images" | "find_duplicates":
                return self._images(job.rule, first)
            case "extract_features" | "describe_images":
                return self._part(first, self._parts[rest[0]])
            case "join_features" | "fuse_features":
                return self._joined(first, rest)
            case "build_report":
                return self._report()
            case "get_weights" | "audit_published":
                return Work()
            case rule if rule == ALL:
                return Work()
        study = plan.find_study(self.run, rest[0])
        match job.rule:
            case "make_splits" | "audit_leakage":
                rows = self.sizes.split_rows(study, plan.used_splits(study))
                tables = rows * 60e3 / MEBI
                return Work({f"thousand rows ({job.rule})": rows}, held=tables, written=tables)
            case "fit" | "fit_reducer" | "encode_images" | "train_network":
                return self._fits(study, rest[1:])
            case "classify":
                return self._classified(study, rest[1])
            case "controls":
                return self._controls(study)
            case "explain":
                return self._explained(study)
            case _:
                return self._told(job.rule, [study])

    def _images(self, rule: str, dataset: str) -> Work:
        images = self.sizes.images(dataset)
        if rule != "simulate_images":
            return Work({f"megapixels ({rule})": images.all_megapixels})
        look = plan.datasets_of(self.run)[dataset].dataset.look  # type: ignore[union-attr]
        written = BYTES_OF_PIXEL[look] * images.all_megapixels * 1e6 / MEBI
        return Work({f"images drawn ({look})": images.total}, written=written)

    def _part(self, dataset: str, part: Part) -> Work:
        """Features of a dataset by an extractor or a descriptor."""
        rows, columns = self.sizes.rows(dataset, part.id), self.sizes.columns(part)
        work = Work(written=rows * columns * self.sizes.bytes_of_value(part) / MEBI)
        work.add({"megapixels (decoded)": self.sizes.images(dataset).all_megapixels})
        if isinstance(part, ResolvedDescriptor):
            work.add({f"megapixels ({part.descriptor})": rows * part.input_size**2 / 1e6})
            return work
        network = self.sizes.operations.of_extractor(part)
        work.add({"thousand rows (resized)": rows / 1e3})
        work.add(_of_network("extracted", network, rows, part.precision))
        work.held = (COPIES * network.mkept + BLOCK_ROWS * network.mvalues) * 4e6 / MEBI
        return work

    def _joined(self, dataset: str, rest: list[str]) -> Work:
        """Several feature files put side by side or below one another; the values of fused ones are not copied."""
        names = rest[-1].split("+") if rest[0] == "fused" or "+" in rest[-1] else rest[-1:]
        parts = [self._parts[name] for name in names]
        columns, rows = sum(map(self.sizes.columns, parts)), self.sizes.rows(dataset, parts[0].id)
        return Work({"million values (joined)": rows * columns / 1e6})

    def _fits(self, study: ResolvedStudy, place: list[str]) -> Work:
        """All fits of a rung, or the one that a job is named after."""
        work = Work()
        rung = next(rung for rung in study.protocols if rung == place[0])
        for name, fit in fits_of(self.run, study, rung).items():
            if len(place) > 1 and name != "-".join(place[1:]):
                continue
            self._fit(work, study, fit)
        return work

    def _fit(self, work: Work, study: ResolvedStudy, fit: fits.Fit) -> None:
        columns = sum(map(self.sizes.columns, fit.parts))
        rows = self.sizes.rows(study.dataset_id, fit.parts[0].id)
        values = sum(self.sizes.columns(part) * self.sizes.bytes_of_value(part) for part in fit.parts)
        held = rows * values / MEBI
        if isinstance(fit, fits.EncodingFit):
            split = fit.output.parent.name
            folds = max(self.sizes.fit(study, split, protocol).folds for protocol in study.protocols.values())
            network = self._network(study, fit.network, fit.parts, split, coded=False)
            work.add(_of_network("extracted", network, rows * folds, "float32"))
        elif isinstance(fit, fits.ReducerFit):
            sizes = self.sizes.fit(study, fit.output.parent.name, fit.protocol)
            n_fits = self.run.seeds if fit.protocol.scope == "all" else sizes.folds
            if isinstance(fit.reducer, ConvAutoencoderSpec):
                side = _side(fit.parts)
                network = self.sizes.operations.of_autoencoder(fit.reducer, side)
                trained = rows if fit.protocol.scope == "all" else sizes.train
                self._trained(work, fit.reducer, network, Fit(n_fits, trained, 0), fit.reducer.epochs[fit.budget])
                work.add(_of_network("extracted", network, rows * n_fits, "float32"))
                work.written += rows * n_fits * network.columns * 4 / MEBI
            else:
                hidden = fit.reducer.n_hidden(columns)
                trained = rows if fit.protocol.scope == "all" else sizes.train
                epochs = fit.reducer.max_epochs[fit.budget]
                # Two products in each direction, for the gradient and again for its change along the step.
                gflop = 12 * columns * hidden * trained * epochs * n_fits / 1e9
                work.add({"gigaflop (sparse autoencoder)": gflop})
                work.written += 2 * columns * hidden * n_fits * 4 / MEBI
                held += 6 * columns * hidden * 4 / MEBI
        else:
            split = fit.splits.stem
            sizes = self.sizes.fit(study, split, fit.protocol)
            network = self._network(study, fit.network, fit.parts, split, coded=getattr(fit, "codes", None) is not None)
            if isinstance(fit, fits.FineTunedFit):
                network = self.sizes.operations.of_tuning(fit.tuning, self._n_classes(study, split))
            epochs = fit.network.epochs[fit.budget]
            self._trained(work, fit.network, network, sizes, epochs)
            work.written += network.mparameters * 4e6 * sizes.folds / MEBI
        work.held = max(work.held, held)

    def _trained(self, work: Work, spec: TrainingSpec, network: Network, fit: Fit, epochs: int) -> None:
        """A training in every fold; what is tested passes the network after every epoch."""
        passes = epochs * fit.folds * (TRAINING_PASSES * fit.train + fit.tested)
        steps = epochs * fit.folds * fit.train / spec.batch_size
        whole = isinstance(spec, NetworkSpec) and spec.architecture in ALWAYS_FLOAT32
        work.add(_of_network("trained", network, passes, "float32" if whole else self.run.precision))
        work.add({"thousand million parameters (steps)": steps * network.mparameters / 1e3})
        # Kept after every epoch, with the optimiser's two moments, so that a killed training goes on.
        work.add({"GiB (checkpoints)": epochs * fit.folds * 3 * network.mparameters * 4e6 / 2**30})
        kept = (4 * network.mparameters + 3 * spec.batch_size * network.mvalues) * 4e6 / MEBI
        work.held = max(work.held, kept)

    def _network(self, study: ResolvedStudy, spec: object, parts: list[Part], split: str, *, coded: bool) -> Network:
        """A network that is trained from random weights; nothing for one that is trained further."""
        if not isinstance(spec, NetworkSpec):
            return Network(0.0, 0.0, 0.0, 0.0, 0)
        side = _side(parts)
        shape: tuple[int, ...] = (side, side, 3)
        if coded:
            reducers = study.study.reducers.values()
            autoencoder = next(spec for spec in reducers if isinstance(spec, ConvAutoencoderSpec))
            shape = (self.sizes.operations.of_autoencoder(autoencoder, side).columns,)
        return self.sizes.operations.of_network(spec, shape, self._n_classes(study, split), self.run.budget)

    def _n_classes(self, study: ResolvedStudy, split: str) -> int:
        labels = study.label_set_of(split)
        if labels is not None:
            return len(labels.classes)
        return max(2, len({label for label, _ in self.sizes.images(study.dataset_id).counts}))

    def _classified(self, study: ResolvedStudy, feature_set: str) -> Work:
        """All classifiers of a feature set, on every split and rung."""
        work = Work()
        parts = [study.parts[part] for part in plan.parts_of_feature_set(study, feature_set)]
        columns = sum(map(self.sizes.columns, parts))
        rows = self.sizes.rows(study.dataset_id, parts[0].id)
        for split in plan.splits_of(study, feature_set):
            items = [item for _, item in plan.classified_items(study.study, split, feature_set)]
            n_classes = self._n_classes(study, split)
            products: dict[bool, float] = {}
            for rung, protocol in study.protocols.items():
                fit = self.sizes.fit(study, split, protocol)
                fitted_before = LADDER[rung].changes_fits_only and PUBLISHED in study.protocols
                for reducer, name in dict.fromkeys((item.reducer, item.classifier) for item in items):
                    if fitted_before and reducer is None:
                        continue
                    reduced = self._reduced(study, reducer, columns)
                    self._classifier(work, study.study.classifiers[name], fit, reduced)
                    work.held = max(work.held, self._held(study.study.classifiers[name], rows, reduced))
                if any(study.study.classifiers[item.classifier].kind == "svm" for item in items):  # type: ignore[union-attr]
                    # Once for all rungs that deal the same rows out.
                    products[protocol.tests_held_out_part] = 2 * (fit.train + fit.tested) ** 2 * columns / 1e9
                work.add({"thousand answers": fit.folds * fit.tested * len(items) / 1e3})
                work.written += fit.folds * fit.tested * len(items) * (80 + 8 * n_classes) / MEBI
            work.add({"gigaflop (products of rows)": sum(products.values())})
        return work

    def _classifier(self, work: Work, spec: object, fit: Fit, columns: int, times: int = 1) -> None:
        if isinstance(spec, Classifier):
            effort = spec.effort(fit.train, fit.tested, columns, self.run.budget)
            work.add({f"million steps ({spec.steps})": times * fit.folds * effort})
            work.add({"fits": times * fit.folds})

    def _held(self, spec: object, rows: int, columns: int) -> float:
        """Of features that are read batch by batch the pages of their file are there, where others have a copy too."""
        return max(spec.holds(rows, columns), 2 * rows * columns) / MEBI if isinstance(spec, Classifier) else 0.0

    def _reduced(self, study: ResolvedStudy, reducer: str | None, columns: int) -> int:
        """Columns that a reducer leaves."""
        spec = study.study.reducers[reducer] if reducer else None
        hidden = getattr(spec, "n_hidden", None)
        return int(hidden(columns)) if hidden else columns

    def _controls(self, study: ResolvedStudy) -> Work:
        """The headline's classifier on labels dealt out; those that see one measure of a cell take next to nothing."""
        work = Work()
        system = plan.controlled_system(self.run, study)
        if system is None:
            return work
        parts = [study.parts[part] for part in plan.parts_of_feature_set(study, system.item.features)]
        columns = sum(map(self.sizes.columns, parts))
        rows = self.sizes.rows(study.dataset_id, parts[0].id)
        columns = self._reduced(study, system.item.reducer, columns)
        work.held = self._held(system.classifier, rows, columns)
        if "shuffled_labels" in self.run.controls[study.study.key]:
            for protocol in study.protocols.values():
                drawn = self.sizes.fit(study, system.split, protocol)
                fit = drawn._replace(folds=drawn.folds // self.run.seeds)  # controls are of the first seed alone
                self._classifier(work, system.classifier, fit, columns, SHUFFLES * UNITS)
                products = SHUFFLES * UNITS * (fit.train + fit.tested) ** 2 * columns
                work.add({"gigaflop (products of rows)": 2 * products / 1e9, "shuffled tables": SHUFFLES * UNITS})
        return work

    def _explained(self, study: ResolvedStudy) -> Work:
        """A few images, by the networks that the headline rests on."""
        number, _, name = study.study.headline.partition("/")
        item = next(item for item in study.study.tables[number].items if item.item == name)
        parts = [study.parts[part] for part in plan.parts_of_item(study, item)]
        networks = [self.sizes.operations.of_extractor(p) for p in parts if isinstance(p, ResolvedExtractor)]
        work = Work(held=sum(network.mkept for network in networks) * 4e6 / MEBI)
        work.add({"gigaflop (explained)": EXPLAINED * sum(network.gflop for network in networks)})
        return work

    def _told(self, rule: str, studies: list[ResolvedStudy]) -> Work:
        """What follows from predictions; those of training rows and of earlier epochs are held as well."""
        work, held = Work(), 0.0
        for study in studies:
            for table in study.study.tables.values():
                for item in table.items:
                    split = table.split_of(item)
                    for protocol in study.protocols.values():
                        fit = self.sizes.fit(study, split, protocol)
                        work.add({f"cells ({rule})": 1})
                        work.add({f"thousand answers ({rule})": fit.folds * fit.tested / 1e3})
                        rows = fit.tested + (fit.train if table.needs_fitted_rows else 0)
                        held += fit.folds * rows * self._epochs_told(study, table, item)
        work.held, work.written = 200 * held / MEBI, 20 * held / MEBI
        return work

    def _epochs_told(self, study: ResolvedStudy, table: Table, item: Item) -> int:
        """Epochs after each of which a system is asked."""
        spec = study.study.classifiers[item.classifier]
        return spec.epochs[self.run.budget] if table.epochs == "all" and isinstance(spec, TrainingSpec) else 1

    def _report(self) -> Work:
        work = self._told("build_report", self.run.studies)
        work.add({"pages": len(self.run.studies)})
        return work


def _of_network(what: str, network: Network, rows: float, precision: Precision) -> dict[str, float]:
    """Operations, and values that pass the memory, of so many rows through a network."""
    how = what if precision == "float32" else f"{what}{HALF}"
    return {
        f"gigaflop ({how})": rows * network.gflop,
        f"thousand million values ({how})": rows * network.mvalues / 1e3,
    }


def _side(parts: list[Part]) -> int:
    """Of the square images that a network is trained on."""
    return parts[0].input_size
