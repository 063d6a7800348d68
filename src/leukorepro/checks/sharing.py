"""What the parts of a split share: copies of an image, photographs, subjects, groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from leukorepro.data.groups import components, groups
from leukorepro.data.image_names import as_in_manifest

LINKS = ("image", "copy", "source", "subject", "group", "related")
"""What a row may share with another part: the image itself, perhaps as another view; a copy of it (that, equal bytes or
a listed duplicate); its photograph; its subject; its group, of a common subject or photograph; and `related`: an
image of its group that is no copy of it."""

PAIRS = (("test", "train"), ("test", "validation"), ("validation", "train"))
"""Parts that are compared: rows of the first that share something with rows of the second are counted."""

EXAMPLES = 5
"""Images that are named of each kind."""

Codes = NDArray[np.int64]


def links_of(manifest: pd.DataFrame, duplicates: Sequence[Sequence[str]] | None = None) -> pd.DataFrame:
    """Number what images may share.

    Parameters
    ----------
    manifest : DataFrame
        Manifest contract.
    duplicates : sequence of sequences of str, optional
        Images of each duplicate group; those that the manifest does not know are passed over.

    Returns
    -------
    DataFrame of int, indexed by image_id
        Columns `image, copy, source, subject, group`: equal numbers are shared, -1 is shared with nothing.
    """
    images = manifest["image_id"]
    listed = {image: str(number) for number, group in enumerate(duplicates or ()) for image in group}
    unreadable = manifest["status"] != "ok"  # two empty files have equal bytes
    subjects, sources = list(manifest["subject_id"]), list(manifest["source_id"])
    columns = {
        "image": np.arange(len(manifest)),
        "copy": components(
            images, manifest["sha256"].mask(unreadable, ""), [listed.get(image, "") for image in images]
        ),
        "source": _codes(manifest["source_id"]),
        "subject": _codes(manifest["subject_id"]),
        "group": groups(subjects, sources),
    }
    return pd.DataFrame(columns, index=pd.Index(images), dtype=np.int64)


def examine(name: str, splits: pd.DataFrame, links: pd.DataFrame, labels: pd.Series[str]) -> dict[str, Any]:
    """Count what the parts of a split table share, in every fold and in all of them.

    Parameters
    ----------
    name : str
        What the table is called.
    splits : DataFrame
        Split table; columns image_id, view, role, repeat, fold. An image may go by its file name alone, and by another
        Unicode form of its name.
    links : DataFrame
        Of `links_of`.
    labels : Series of str, indexed by image_id
        Classes.

    Returns
    -------
    dict, ready for JSON
        - ``name, repeats, folds``; ``rows``: by role; ``images``: in the table;
        - ``shared``: for ``test_train``, ``test_validation`` and ``validation_train`` and each of `LINKS`: ``rows``,
          ``images`` and ``share`` (of the part's rows), over all folds;
        - ``examples``: some images of each;
        - ``both_roles``: rows that train and are tested in one fold; ``unreadable``: rows of unreadable images;
        - ``untested``: images that no fold tests; ``tested_again``: rows that are tested more than once in a repeat;
        - ``classes_untested``: those that a repeat never tests, ``classes_untrained``: those that a fold tests without
          training on them;
        - ``by_fold``: ``repeat, fold``, rows of each role, and the rows of each link that test and training share.

    Raises
    ------
    UserError
        If the table is empty or names an image that the manifest does not have.
    """
    splits = as_in_manifest(splits, links.index, name)
    rows = splits.assign(position=links.index.get_indexer(pd.Index(splits["image_id"])))
    rows = rows.assign(label=labels.reindex(splits["image_id"]).to_numpy())
    folds = [_fold(rows_of_fold, links) for _, rows_of_fold in rows.groupby(["repeat", "fold"], sort=True)]
    tested = rows[rows["role"] == "test"]
    again = tested.duplicated(["repeat", "image_id", "view"], keep=False)
    return {
        "name": name,
        "repeats": int(rows["repeat"].nunique()),
        "folds": len(folds),
        "rows": {role: int(n) for role, n in rows["role"].value_counts().sort_index().items()},
        "images": int(rows["image_id"].nunique()),
        "shared": {f"{part}_{other}": _total(part, other, folds) for part, other in PAIRS},
        "examples": {
            f"{part}_{other}": {
                link: _some(links, [fold.sharing[part, other][link] for fold in folds]) for link in LINKS
            }
            for part, other in PAIRS
        },
        "both_roles": sum(fold.both_roles for fold in folds),
        "untested": int(rows["image_id"].nunique() - tested["image_id"].nunique()),
        "tested_again": int(again.sum()),
        "classes_untested": sorted(
            {
                str(label)
                for _, of_repeat in rows.groupby("repeat")
                for label in set(of_repeat["label"]) - set(of_repeat.loc[of_repeat["role"] == "test", "label"])
            }
        ),
        "classes_untrained": sorted({label for fold in folds for label in fold.untrained}),
        "by_fold": [fold.told() for fold in folds],
    }


@dataclass(frozen=True)
class _Fold:
    """One fold's parts and what they share."""

    repeat: int
    fold: int
    parts: dict[str, Codes]
    """Positions in the manifest, one for each row."""
    sharing: dict[tuple[str, str], dict[str, Codes]]
    """For each pair of parts and each link, the positions of the rows of the first that share it with the second."""
    both_roles: int
    untrained: set[str]
    """Classes that are tested without training."""

    def told(self) -> dict[str, Any]:
        """As JSON has it."""
        shared = {link: len(rows) for link, rows in self.sharing["test", "train"].items()}
        sizes = {part: len(rows) for part, rows in self.parts.items()}
        return {"repeat": self.repeat, "fold": self.fold, **sizes, "test_train": shared}


def _fold(rows: pd.DataFrame, links: pd.DataFrame) -> _Fold:
    of_role = {part: rows[rows["role"] == part] for part in ("train", "validation", "test")}
    parts = {part: of["position"].to_numpy(dtype=np.int64) for part, of in of_role.items()}
    train, test = (of_role[part].set_index(["image_id", "view"]) for part in ("train", "test"))
    return _Fold(
        repeat=int(rows["repeat"].iloc[0]),
        fold=int(rows["fold"].iloc[0]),
        parts=parts,
        sharing={(part, other): _sharing(links, parts[part], parts[other]) for part, other in PAIRS},
        both_roles=int(test.index.isin(train.index).sum()),
        untrained=set(test["label"]) - set(train["label"]),
    )


def _sharing(links: pd.DataFrame, part: Codes, other: Codes) -> dict[str, Codes]:
    """Rows of a part that share each link with another part."""
    codes = {str(link): links[link].to_numpy() for link in links}
    shared = {link: part[np.isin(of[part], of[other][of[other] >= 0])] for link, of in codes.items()}
    # Of the images of a row's group on the other side, are there any that are no copies of it?
    group, copy, n_copies = codes["group"], codes["copy"], codes["copy"].max(initial=0) + 1
    there = np.unique(group[other] * n_copies + copy[other])
    n_there = np.bincount(there // n_copies, minlength=len(group))
    own_there = np.isin(group[part] * n_copies + copy[part], there)
    return {**shared, "related": part[n_there[group[part]] > own_there]}


def _total(part: str, other: str, folds: Sequence[_Fold]) -> dict[str, dict[str, float]]:
    n = sum(len(fold.parts[part]) for fold in folds)
    total = {}
    for link in LINKS:
        rows = np.concatenate([fold.sharing[part, other][link] for fold in folds])
        total[link] = {
            "rows": len(rows),
            "images": len(np.unique(rows)),
            "share": round(len(rows) / n, 6) if n else 0.0,
        }
    return total


def _some(links: pd.DataFrame, rows: Sequence[Codes]) -> list[str]:
    return [str(image) for image in links.index[np.unique(np.concatenate(rows))[:EXAMPLES]]]


def _codes(values: pd.Series[str]) -> Codes:
    return pd.factorize(values.mask(values == ""))[0].astype(np.int64)
