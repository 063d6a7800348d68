"""Groups: rows that belong together and must stay on one side of a split."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components


def groups(subject_id: ArrayLike, source_id: ArrayLike) -> NDArray[np.intp]:
    """Number the groups: connected components of rows that share a subject or a source image.

    Subjects alone are not enough: one photograph can be filed under two subjects, and then both belong together.

    Parameters
    ----------
    subject_id, source_id : array_like of str, shape (n,)
        One value a row; an empty one links to nothing.

    Returns
    -------
    NDArray, shape (n,)
        Number of each row's group, from 0, in the order in which groups first appear.
    """
    return components(subject_id, source_id)


def components(*keys: ArrayLike) -> NDArray[np.intp]:
    """Number the connected components of rows that share a non-empty value of any key.

    Parameters
    ----------
    *keys : array_like of str, shape (n,)
        Equal values link rows within one key, not between keys.

    Returns
    -------
    NDArray, shape (n,)
        Number of each row's component, from 0, in the order in which components first appear.
    """
    columns = [np.asarray(key, dtype=object) for key in keys]
    n = len(columns[0])
    rows, nodes, n_nodes = [], [], n  # a node for each row, then one for each value
    for values in columns:
        linked = np.flatnonzero(values != "")
        codes, uniques = pd.factorize(values[linked])
        rows.append(linked)
        nodes.append(codes + n_nodes)
        n_nodes += len(uniques)
    row, node = np.concatenate(rows), np.concatenate(nodes)
    graph = coo_array((np.ones(len(row), dtype=np.int8), (row, node)), shape=(n_nodes, n_nodes))
    _, labels = connected_components(graph, directed=False)
    numbers: NDArray[np.intp] = pd.factorize(labels[:n])[0]
    return numbers
