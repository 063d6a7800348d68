"""A study with a user's own networks in place of the paper's."""

from __future__ import annotations

from leukorepro.config.studies import Study
from leukorepro.config.systems import Extractor
from leukorepro.config.tables import Item, Table


def file_name(backbone: str) -> str:
    """A backbone's name as a key and in file names: `timm:NAME` has a sign that not every system allows."""
    return backbone.replace(":", "_").replace("/", "_")


def with_extractors(study: Study, backbones: list[str]) -> Study:
    """The study with other networks.

    Each network becomes a feature set, and all of them together one more. What the paper does with a single network is
    done with every single one, what it does with several with all of them; features that need no network stay.

    Parameters
    ----------
    study : Study
    backbones : list of str
        Names of the registry, or `timm:NAME`.
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
        for item in table.items:
            for features in replaced[item.features]:
                name = _name(table, item, features)
                items.setdefault(
                    (features, item.reducer, item.classifier, item.split),
                    item.model_copy(update={"item": name, "features": features, "reading_of": None}),
                )
                renamed.setdefault(item.item, name)
        tables[number] = table.model_copy(update={"items": list(items.values())})
        if number == headline_table:
            headline = f"{number}/{renamed[headline_item]}"
    own_study = study.model_copy(
        update={
            "extractors": names,
            "feature_sets": feature_sets,
            "tables": tables,
            "headline": headline,
            "figures": {},
        }
    )
    return Study.model_validate(own_study.model_dump())


def _name(table: Table, item: Item, features: str) -> str:
    """What an item is called: its features, and whatever else tells it from the table's other items."""
    parts = [features]
    if item.reducer is not None:
        parts.append(item.reducer)
    if len({other.classifier for other in table.items}) > 1:
        parts.append(item.classifier)
    if item.split is not None:
        parts.append(item.split)
    return " ".join(parts)
