"""Images that a row of means is about: the classes of each fold, as far as they are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from leukorepro.core.phrases import listed


@dataclass(frozen=True)
class Folds:
    """Test sets that numbers are means over; one where they are not.

    Attributes
    ----------
    sizes : tuple of tuple of int
        Images of each class in each fold, the positive class first where there are two.
    names : tuple of str
        Of the classes; empty where they have none.
    """

    sizes: tuple[tuple[int, ...], ...]
    names: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """In a sentence: ``3 classes (10, 20 and 30 images)``."""
        if len(self.sizes) == 1:
            counts = listed([f"{size:,}" for size in self.sizes[0]])
            return f"{len(self.sizes[0])} classes ({counts} images)"
        total = sum(map(sum, self.sizes))
        return f"{len(self.sizes)} folds ({total:,} images of {len(self.sizes[0])} classes)"


def stratified(sizes: Sequence[int], n_folds: int) -> Folds:
    """Folds that have every class in proportion, and are equally large, as far as whole images go.

    Spare images are dealt on from class to class, as scikit-learn's stratified folds have them.

    Parameters
    ----------
    sizes : sequence of int
        Images of each class in all folds together.
    n_folds : int
        Folds that they are dealt to.
    """
    folds = [[size // n_folds for size in sizes] for _ in range(n_folds)]
    first = 0
    for c, size in enumerate(sizes):
        for spare in range(size % n_folds):
            folds[(first + spare) % n_folds][c] += 1
        first = (first + size % n_folds) % n_folds
    return Folds(tuple(map(tuple, folds)))
