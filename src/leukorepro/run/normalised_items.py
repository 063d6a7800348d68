"""A study's headline once more on images whose colours were normalised: how much of a loss is colour."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from leukorepro.config.study.items import Item
from leukorepro.config.study.study import Study
from leukorepro.core.words import COLOUR, NORMALISATIONS, Normalisation


def with_normalised(study: Study, ways: Sequence[Normalisation]) -> tuple[Study, dict[str, str]]:
    """The study with a table of its headline: as it is, and on features of normalised images.

    Parameters
    ----------
    study : Study
    ways : sequence of {'grey', 'reinhard', 'macenko'}
        Each gives an item; without any the study stays as it is.

    Returns
    -------
    study : Study
    of : dict of str to str
        Extractor or descriptor that each of the new ones is of.
    """
    if not ways:
        return study, {}
    number, _, name = study.headline.partition("/")
    table = study.tables[number]
    headline = next(item for item in table.items if item.item == name).model_copy(update={"reading_of": None})
    items: list[Item] = [headline]
    parts: dict[str, dict[str, Any]] = {"extractors": dict(study.extractors), "descriptors": dict(study.descriptors)}
    feature_sets, of = dict(study.feature_sets), dict[str, str]()
    for how in ways:
        members = []
        for own in study.feature_sets[headline.features]:
            members.append(f"{own}-{how}")
            of[members[-1]] = own
            for specs in parts.values():
                if own in specs:
                    specs[members[-1]] = specs[own].model_copy(update={"normalise": how})
        features = f"{headline.features}-{how}"
        feature_sets[features] = members
        items.append(headline.model_copy(update={"item": f"{name}, {NORMALISATIONS[how]}", "features": features}))
    colour = table.model_copy(
        update={"title": "The headline on images whose colours were normalised", "items": items, "split": table.split}
    )
    tables = {**study.tables, COLOUR: colour}
    return study.model_copy(update={**parts, "feature_sets": feature_sets, "tables": tables}), of
