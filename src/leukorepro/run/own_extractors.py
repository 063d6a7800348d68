"""A study with a user's own networks in place of the paper's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from leukorepro.config.study.items import Item
from leukorepro.config.study.study import Study
from leukorepro.config.study.systems import Extractor
from leukorepro.config.study.tables import Table
from leukorepro.features.lookup import file_name


def with_extractors(study: Study, backbones: list[str]) -> tuple[Study, dict[str, str]]:
    """The study with other networks.

    Each network becomes a feature set, and all of them together one more. What the paper does with a single network is
    done with every single one, what it does with several with all of them; features that need no network stay. Each
    network is cut at its own layer, whatever the paper's layer. Second readings go: they are about printed numbers,
    which other networks do not have. Tables that only differ in the paper's networks (singles, pairs, three) may then
    come to the same: what is the same is shown once, in the table that measures most of it.

    Parameters
    ----------
    study : Study
    backbones : list of str
        Names of the registry, or `timm:NAME`.

    Returns
    -------
    study : Study
    left_out : dict of str to str
        Tables that would repeat another one, and which.
    """
    names = {file_name(backbone): Extractor(backbone=backbone) for backbone in backbones}
    feature_sets: dict[str, list[str]] = {}
    replaced: dict[str, list[str]] = {}
    for name, parts in study.feature_sets.items():
        networks = [part for part in parts if part in study.extractors]
        others = [part for part in parts if part not in networks]
        if not networks:
            chosen = {name: parts}
        elif len(networks) == 1:
            chosen = {"-".join([own, *others]): [own, *others] for own in names}
        else:
            fused = "fused" if len(names) > 1 else next(iter(names))
            chosen = {"-".join([fused, *others]): [*names, *others]}
        feature_sets |= chosen
        replaced[name] = list(chosen)
    tables, headline = {}, ""
    headline_table, _, headline_item = study.headline.partition("/")
    for number, table in study.tables.items():
        items: dict[tuple[str | None, ...], Item] = {}
        renamed: dict[str, str] = {}
        printed = [item for item in table.items if item.reading_of is None]
        for item in printed:
            for features in replaced[item.features]:
                name = _name(printed, item, features)
                items.setdefault(
                    (features, item.reducer, item.classifier, item.split),
                    item.model_copy(update={"item": name, "features": features}),
                )
                renamed.setdefault(item.item, name)
        tables[number] = table.model_copy(update={"items": list(items.values())})
        if number == headline_table:
            headline = f"{number}/{renamed[headline_item]}"
    repeated = _repeated(tables, keep=headline_table)
    tables = {number: table for number, table in tables.items() if number not in repeated}
    own_study = study.model_copy(
        update={
            "extractors": names,
            "feature_sets": feature_sets,
            "tables": tables,
            "headline": headline,
            "figures": {},
            "claims": {},
        }
    )
    return Study.model_validate(own_study.model_dump()), {
        number: f"with the run's own networks it would repeat table {other}" for number, other in repeated.items()
    }


def _repeated(tables: Mapping[str, Table], keep: str) -> dict[str, str]:
    """Tables all of whose numbers stand in another one, and that one; of equal ones the first is the other one."""
    order = list(tables)
    shown_in = {
        number: [
            other
            for other in order
            if other != number
            and _shows(tables[other], table)
            and (order.index(other) < order.index(number) or not _shows(table, tables[other]))
        ]
        for number, table in tables.items()
        if number != keep
    }
    return {
        number: next(other for other in others if not shown_in.get(other))
        for number, others in shown_in.items()
        if others
    }


def _shows(table: Table, other: Table) -> bool:
    """Whether a table has every system of another one, and everything that is measured of it."""
    systems = [{(i.features, i.reducer, i.classifier, t.split_of(i)) for i in t.items} for t in (table, other)]
    return (
        systems[0] >= systems[1]
        and set(table.metrics) >= set(other.metrics)
        and (table.average, table.epochs) == (other.average, other.epochs)
    )


def _name(printed: Sequence[Item], item: Item, features: str) -> str:
    """What an item is called: its features, and whatever else tells it from the printed ones of its table."""
    parts = [features]
    if item.reducer is not None:
        parts.append(item.reducer)
    if len({other.classifier for other in printed}) > 1:
        parts.append(item.classifier)
    if item.split is not None:
        parts.append(item.split)
    return " ".join(parts)
