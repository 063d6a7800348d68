"""What answers every printed number of a paper: an item of the study, the same number elsewhere, a count, or nothing.

What follows from the study's configuration alone is counted here: widths of feature sets, learnables of networks,
settings. Sizes of data sets are counted where the images are (`leukorepro.evaluation.answers`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from leukorepro.audits.findings.totals import LAYER, TOTAL
from leukorepro.audits.paper import Paper, Value, place_name
from leukorepro.config.files import study_path
from leukorepro.config.study.answers import By, Count, Tie
from leukorepro.config.study.items import Item
from leukorepro.config.study.systems import ConvAutoencoderSpec, SparseAutoencoderSpec
from leukorepro.core.errors import UserError, unknown
from leukorepro.core.words import Budget
from leukorepro.features.backbones.registry import find_backbone
from leukorepro.features.descriptors.registry import find_descriptor
from leukorepro.features.lookup import resolve_descriptor
from leukorepro.metrics.names import named

if TYPE_CHECKING:
    from leukorepro.systems.networks.summary import NetworkSummary

FULL: Budget = "published"
WIDTH = "n_features"


@dataclass(frozen=True)
class Answer:
    """What answers one printed number."""

    by: By
    place: tuple[str, str, str] | None = None
    """Of an item: its table, its name, and the metric there."""
    ours: int | None = None
    """Of a count that the configuration fixes."""
    count: Count | None = None
    """Of a count that images answer: what is to be counted."""
    why: str = ""
    """Why nothing of ours can be compared with it; of a quoted number, from whom it is."""

    @property
    def words(self) -> str:
        """For a table of answers."""
        if self.place is not None:
            return place_name(*self.place[:2])
        if self.count is not None:
            return self.count.setting or f"images of the {self.count.part or f'split {self.count.split}'}"
        return self.why

    def as_json(self, value: Value) -> dict[str, Any]:
        """With the keys of ``results/audit/<study>.json``."""
        return {
            "table": value.table,
            "item": value.item,
            "metric": value.metric,
            "by": self.by,
            "place": None if self.place is None else list(self.place),
            "ours": self.ours,
            "count": None if self.count is None else self.count.model_dump(),
            "why": self.why,
            "words": self.words,
        }


class Answers:
    """What answers the printed numbers of a paper.

    Parameters
    ----------
    paper : Paper

    Raises
    ------
    UserError
        If a number that is tied, counted or described is not printed, or if it is tied to no item, or counted by no
        setting of the study.
    """

    def __init__(self, paper: Paper) -> None:
        self.paper = paper
        self.study = paper.study
        audit = paper.audit
        self.ties = {paper.split(tie.number, f"ties[{n}]"): tie for n, tie in enumerate(audit.ties)}
        self.counts = {paper.split(count.number, f"counts[{n}]"): count for n, count in enumerate(audit.counts)}
        for number, count in enumerate(audit.counts):
            if count.split is not None and count.split not in self.study.splits:
                raise UserError(
                    f"{study_path(self.study.key)}: audit: counts[{number}]: "
                    f"{unknown('split', count.split, self.study.splits)}"
                )
        self.described = {paper.split(told.number, f"described[{n}]"): told for n, told in enumerate(audit.described)}
        for number, tie in enumerate(audit.ties):
            if self._item(*_place(tie)) is None:
                raise UserError(
                    f"{study_path(self.study.key)}: audit: ties[{number}].answered_by: '{tie.answered_by}' is no item "
                    "of the study's tables; name one as `table/item`."
                )

    def of(self, value: Value) -> Answer:
        """What answers a number."""
        if value.is_quoted:
            return Answer("quoted", why=value.quoted_from)
        where, spec = (value.table, value.item), named(value.metric).spec
        if (told := self.described.get(where)) is not None:
            return Answer("description", why=told.why)
        if (count := self.counts.get(where)) is not None:
            return Answer("count", ours=self._setting(count), count=count)
        tie = self.ties.get(where)
        metric = value.metric if tie is None else tie.metrics.get(value.metric, value.metric)
        place = (value.table, value.item) if tie is None else _place(tie)
        if metric in (LAYER, TOTAL):
            learnables = self._learnables(value)
            return Answer("nothing") if learnables is None else Answer("count", ours=learnables)
        item = self._item(*place)
        if item is None:
            return Answer("nothing")
        if metric == WIDTH:
            width = self._width(item)
            return Answer("nothing") if width is None else Answer("count", place=(*place, metric), ours=width)
        if spec.no_result:
            return Answer("description", why=spec.no_result)
        if not named(metric).spec.of_every_item and metric not in self.study.tables[place[0]].metrics:
            return Answer("nothing")
        return Answer("item" if tie is None else "tie", place=(*place, metric))

    def _item(self, table: str, item: str) -> Item | None:
        spec = self.study.tables.get(table)
        return next((own for own in spec.items if own.item == item), None) if spec else None

    def _setting(self, count: Count) -> int | None:
        """Value of a setting at the published budget; None of what images answer."""
        if count.setting is None:
            return None
        where = f"{study_path(self.study.key)}: audit: counts: '{count.number}'"
        section, _, rest = count.setting.partition("/")
        name, _, key = rest.partition("/")
        parts = self.study.parts
        if section not in parts:
            raise UserError(f"{where}: {unknown('section', section, parts)}")
        if name not in parts[section]:
            raise UserError(f"{where}: {unknown('name', name, parts[section])}")
        if key not in (keys := type(parts[section][name]).model_fields):
            raise UserError(f"{where}: {unknown('key', key, keys)}")
        value = getattr(parts[section][name], key)
        value = value[FULL] if isinstance(value, dict) else value
        if not isinstance(value, int):
            raise UserError(f"{where}: {count.setting} is {value!r}; must be a whole number.")
        return value

    def _width(self, item: Item) -> int | None:
        """Number of features that an item's classifier sees; None where only the built network knows."""
        widths = [self._width_of(part) for part in self.study.feature_sets[item.features]]
        known = [width for width in widths if width is not None]
        if len(known) < len(widths):
            return None
        reducer = self.study.reducers.get(item.reducer or "")
        if isinstance(reducer, SparseAutoencoderSpec):
            return reducer.n_hidden(sum(known))
        if isinstance(reducer, ConvAutoencoderSpec):
            from leukorepro.systems.networks.convolutional_autoencoder import code_size  # imports torch

            return code_size(self._side_of(self.study.feature_sets[item.features][0]))
        return sum(known) if reducer is None else None

    def _width_of(self, part: str) -> int | None:
        if part in self.study.extractors:
            spec = self.study.extractors[part]
            backbone = find_backbone(spec.backbone)
            return backbone.find_layer(spec.layer or backbone.default_layer).dim
        return find_descriptor(self.study.descriptors[part].descriptor).dim(self._side_of(part))

    def _side_of(self, descriptor: str) -> int:
        where = f"{study_path(self.study.key)}: descriptors.{descriptor}"
        return resolve_descriptor(self.study.descriptors[descriptor], where, FULL).input_size

    def _learnables(self, value: Value) -> int | None:
        """Learnables of a network, by its name, or of a layer of the network whose total its table has."""
        if value.metric == TOTAL:
            network = self._networks.get(value.item)
            return None if network is None else network.learnables
        values = self.paper.tables[value.table]
        networks = [self._networks.get(other.item) for other in values if other.metric == TOTAL]
        listed = [other for other in values if other.metric == LAYER]
        if len(networks) != 1 or networks[0] is None or len(networks[0].layers) != len(listed):
            return None
        return networks[0].layers[listed.index(value)].learnables

    @cached_property
    def _networks(self) -> dict[str, NetworkSummary]:
        """Networks of the study, the first of a name."""
        from leukorepro.systems.networks.summary import summarise  # here, because it imports torch

        found: dict[str, NetworkSummary] = {}
        for name, summary in summarise(self.study).items():
            found.setdefault(name.partition(",")[0], summary)
        return found


def _place(tie: Tie) -> tuple[str, str]:
    table, _, item = tie.answered_by.partition("/")
    return table, item
