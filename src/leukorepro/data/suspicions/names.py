"""What the names of a dataset's folders and files look like."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from leukorepro.core.listing import Listing
from leukorepro.data.suspicions.class_names import look_alikes
from leukorepro.data.suspicions.layout import other_than_classes
from leukorepro.data.suspicions.unread import unread_files


def of_names(listing: Listing, folder: Path) -> list[str]:
    """Sentences on what the names of a dataset's folders and files look like.

    Parameters
    ----------
    listing : Listing
    folder : Path
        The dataset's folder.
    """
    classes = sorted({row.label for row in listing.rows})
    by_folder = all(row.path.startswith(f"{row.label}/") for row in listing.rows)
    layout, lost = [], set()
    if by_folder:
        folders = [PurePosixPath(row.path).parts[:-1] for row in listing.rows]
        layout = list(other_than_classes(folders, subjects_known=listing.has_subjects))
        lost = set(listing.folders) - set(classes)
    return [*look_alikes(classes), *layout, *unread_files(listing.others, folder, lost)]
