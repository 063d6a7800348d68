"""Digests of parts of the configuration: what a result was made of, in a few characters."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from leukorepro.config.fields import Strict
from leukorepro.core.words import Budget


def digest(*values: Any) -> str:
    """Short digest of parts of the configuration: it changes when, and only when, they do."""
    return hashlib.sha256(json.dumps(values, sort_keys=True, default=_plain).encode()).hexdigest()[:16]


def at_budget(spec: Strict, budget: Budget) -> dict[str, Any]:
    """A specification with the values of one budget only: an edit of the other's changes nothing.

    Parameters
    ----------
    spec : Strict
        Part of a configuration, whose keys may have a value for each budget.
    budget : {'demo', 'published'}
        Whose values are kept.
    """
    values = spec.model_dump(mode="json")
    return {k: v[budget] if isinstance(v, dict) and budget in v else v for k, v in values.items()}


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json") if isinstance(value, Strict) else str(value)
