"""The two knobs of a protocol: what a split keeps on one side, and the rows that fitted steps see."""

from __future__ import annotations

from typing import Literal

Unit = Literal["view", "source", "subject"]
"""What a split keeps on one side: a row, a source image, or a group of images that share a subject or a source."""

Scope = Literal["all", "train"]
"""Rows that unsupervised steps are fitted on."""

UNIT_WORDS: dict[Unit, str] = {
    "view": "one row: an image and its augmented copies may be parted",
    "source": "a source image with its copies and files of equal content",
    "subject": "a group: all images that share a subject, a photograph or content",
}
SCOPE_WORDS: dict[Scope, str] = {"all": "all rows, the test rows among them", "train": "the training rows only"}
