"""Which image files a system was fitted on, told to who has such a file, or its SHA-256: digests of those, with a key.

The key follows from what a card says of its training data: the same export gives the same bytes, and an image has
another digest in every other model. Neither names nor the SHA-256 are given away; a list of them, as the manifest of a
dataset or of a shared report has it, tells which of its images trained the model.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from leukorepro.inference.card import TrainingData

SIZE = 8
"""Bytes of a digest: of 100,000 images in a model and as many others, one is mistaken once in a billion times."""


def image_digests(sha256: Iterable[str], training: TrainingData) -> NDArray[np.uint64]:
    """What a model keeps of image files.

    Parameters
    ----------
    sha256 : iterable of str
        Of each file's bytes, as a manifest has it.
    training : TrainingData
        Of the model's card, which the key follows from.

    Returns
    -------
    ndarray of uint64, shape (n_files,)
    """
    key = hashlib.sha256(f"{training.manifest_sha256} {training.rows_sha256}".encode()).digest()
    digests = (hashlib.blake2b(one.encode(), digest_size=SIZE, key=key).digest() for one in sha256)
    return np.array([int.from_bytes(digest, "big") for digest in digests], dtype=np.uint64)
