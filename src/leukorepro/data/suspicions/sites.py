"""Places where images were made, where they tell the classes apart."""

from __future__ import annotations

from collections.abc import Mapping

from leukorepro.core.errors import some


def of_sites(sites: Mapping[str, Mapping[str, int]]) -> list[str]:
    """Sentences on sites that have images of one class each: a system may then learn the site for the class.

    Parameters
    ----------
    sites : mapping
        Images of every class, by site.
    """
    classes = {label for counts in sites.values() for label in counts}
    if len(classes) < 2 or any(len(counts) > 1 for counts in sites.values()):
        return []
    told = some(f"{site}: {label}" for site, counts in sites.items() for label in counts)
    return [f"each site has images of one class alone ({told}); what tells sites apart tells the classes apart."]
