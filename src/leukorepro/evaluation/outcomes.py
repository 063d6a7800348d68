"""A study's outcomes: the predictions of every item under every protocol, looked up by their names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

import pandas as pd

from leukorepro.config.study.items import Item
from leukorepro.config.study.tables import Table
from leukorepro.config.study.training import ClassifierTrainingSpec
from leukorepro.core.errors import UserError, look_up
from leukorepro.data.split_tables import part_sizes
from leukorepro.evaluation.outcome_metrics import Measuring
from leukorepro.evaluation.predictions import Outcome, positions_of_outcomes, rows_of_outcome
from leukorepro.ladder.rungs import LADDER, Rung
from leukorepro.run.resolved import ResolvedStudy


class Outcomes:
    """Predictions of a study, outcome by outcome; those of all outcomes at once would be too much.

    Parameters
    ----------
    resolved : ResolvedStudy
        What was run.
    predictions : sequence of DataFrame
        Tables of tested rows, each as `leukorepro.evaluation.predictions.read_predictions` gives it; the order of
        tables and rows does not matter.
    fitting : sequence of DataFrame
        Predictions of training and validation rows, as `leukorepro.evaluation.predictions.read_fitting` gives them.
    splits : mapping of str to DataFrame
        Split tables by rung and split, ``subject_disjoint/five_folds``; only sizes of parts are taken from them.

    Raises
    ------
    UserError
        If there are no predictions; if they name an item or a protocol that the study has not, or the same ones come
        in two tables.
    """

    def __init__(
        self,
        resolved: ResolvedStudy,
        predictions: Sequence[pd.DataFrame],
        fitting: Sequence[pd.DataFrame] = (),
        splits: Mapping[str, pd.DataFrame] | None = None,
    ) -> None:
        self.resolved = resolved
        self.items: dict[tuple[str, str], tuple[Table, Item]] = {
            (number, item.item): (table, item)
            for number, table in resolved.study.tables.items()
            for item in table.items
        }
        """By table and item, in the study's order."""
        self._sizes = {place: part_sizes(table) for place, table in (splits or {}).items()}
        self._frames = [*predictions, *fitting]
        self._fitted = self._by_outcome(fitting)
        self._tested = self._by_outcome(predictions)
        if not self._tested:
            raise UserError(
                f"study '{resolved.study.key}': no predictions to evaluate; run the stage that makes them first."
            )

    def images(self) -> pd.DataFrame:
        """All images of all rows: columns ``image_id, subject_id, source_id``, in the order of their names.

        Raises
        ------
        UserError
            If an image has two subjects or two sources.
        """
        names = ["image_id", "subject_id", "source_id"]
        frames = [frame[names].drop_duplicates().astype("str") for frame in self._frames]
        images = pd.concat(frames).drop_duplicates().sort_values("image_id", ignore_index=True)
        twice = images["image_id"][images["image_id"].duplicated()]
        if len(twice):
            raise UserError(
                f"study '{self.resolved.study.key}': image '{twice.iloc[0]}' has two subjects or sources in the tables "
                "of predictions; run the stages that make them again."
            )
        return images

    def rungs(self, table: str, item: str) -> list[Rung]:
        """Rungs that an item was tested on, from the published one down.

        Parameters
        ----------
        table, item : str
            Place of the item in the study.
        """
        return [rung for rung in LADDER if Outcome(table, item, rung) in self._tested]

    def on_rung(self, table: str, rung: Rung) -> dict[str, Outcome]:
        """Outcomes of a table's items that were tested on a rung, by item.

        Parameters
        ----------
        table : str
            Of the study.
        rung : Rung
            By its key.
        """
        items = self.resolved.study.tables[table].items
        return {i.item: Outcome(table, i.item, rung) for i in items if Outcome(table, i.item, rung) in self._tested}

    def tested(self, outcome: Outcome) -> pd.DataFrame:
        """An outcome's predictions of tested rows."""
        return self._tested[outcome]()

    def fitted(self, outcome: Outcome) -> pd.DataFrame | None:
        """An outcome's predictions of training and validation rows; None where there are none.

        Raises
        ------
        UserError
            If there are none, and its table prints an accuracy or a loss of the training part.
        """
        if outcome in self._fitted:
            return self._fitted[outcome]()
        if self.items[outcome[:2]][0].needs_fitted_rows:
            raise UserError(
                f"{_name(outcome)}: no predictions of training rows, which the table's metrics need; "
                "run the stage that makes them again."
            )
        return None

    def part_sizes(self, rung: str, split: str) -> pd.DataFrame:
        """Images of every fold that are trained on and tested: columns ``train, test``, by repeat and fold.

        Parameters
        ----------
        rung : str
            By its key.
        split : str
            Name of one of the study's splits.

        Raises
        ------
        UserError
            If the split table is not there.
        """
        return look_up(self._sizes, f"{rung}/{split}", "split table", f"study '{self.resolved.study.key}'")

    def measuring(self, table: str, item: str, n_resamples: int, seed: int) -> Measuring:
        """How an item is measured.

        Parameters
        ----------
        table, item : str
            Place of the item in the study.
        n_resamples : int
            Resamples of groups that intervals come from.
        seed : int
            Of the resamples.
        """
        spec, own = self.items[table, item]
        classifier = self.resolved.study.classifiers[own.classifier]
        return Measuring(
            spec.metrics,
            spec.average,
            self.resolved.positive_class_of(spec.split_of(own)),
            self.resolved.study.class_names,
            n_resamples,
            seed,
            class_weights=isinstance(classifier, ClassifierTrainingSpec) and classifier.class_weights,
        )

    def _by_outcome(self, frames: Sequence[pd.DataFrame]) -> dict[Outcome, Callable[[], pd.DataFrame]]:
        found: dict[Outcome, Callable[[], pd.DataFrame]] = {}
        for frame in frames:
            for outcome, positions in positions_of_outcomes(frame).items():
                if outcome[:2] not in self.items or outcome.protocol not in LADDER:
                    raise UserError(
                        f"{_name(outcome)}: not in the configuration of study '{self.resolved.study.key}'; "
                        "run the stage that makes them again."
                    )
                if outcome in found:
                    raise UserError(f"{_name(outcome)}: given twice; collect them once.")
                found[outcome] = partial(rows_of_outcome, frame, positions)
        return found


def _name(outcome: Outcome) -> str:
    return f"predictions of table '{outcome.table}', item '{outcome.item}', protocol '{outcome.protocol}'"
