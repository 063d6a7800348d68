"""What may be lost at any time: where the user's own cache lies, for all projects."""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path


def user_cache() -> Path | None:
    """Folder of the user's cache; None where the system knows no home of this user, as in some containers."""
    try:
        return user_cache_path("leukorepro")
    except RuntimeError:
        return None
