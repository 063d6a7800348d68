"""Skeletons of a new study's two files: what a paper did, and the numbers that it prints."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter

from leukorepro.config.adapters import ADAPTERS
from leukorepro.config.fields import Key
from leukorepro.config.files import published_path, study_path
from leukorepro.config.study.classifiers import CLASSIFIERS
from leukorepro.core.errors import UserError
from leukorepro.core.store import write_texts
from leukorepro.core.validation import parse

BLANK = "FILL_IN"
"""What stands where something is to be filled in."""

_STUDY = """\
# yaml-language-server: $schema=../schema/study.json
# Wherever {blank} stands, fill in what the paper says; `leukorepro study check {key}` says what is left. The schema,
# config/schema/study.json, has all keys, and CONTRIBUTING.md a finished example.
key: {key}
citation:
  authors: {blank} # as printed: J. Doe and A. N. Other
  title: {blank}
  journal: {blank}
  year: {blank}
  doi: {blank} # leave the line out where there is none
# An adapter: {adapters}. A verdict needs that dataset as a whole; on any other the paper's numbers are `not tested`.
published_dataset: {blank}
published_protocol:
  unit: {blank} # what its split kept on one side: single rows (view), source images (source) or patients (subject)
  scope: {blank} # rows that scalers and reducers were fitted on: all or train

# Networks that features are taken from: one that docs/tutorials/own_images.md names, or timm:NAME for any of timm's.
extractors:
  network: {{ backbone: {blank} }}

# One network, or several side by side.
feature_sets:
  features: [network]

# Of the kinds {kinds}. Of scikit-learn's own: {{ kind: sklearn, estimator: ExtraTreesClassifier }}.
classifiers:
  classifier: {{ kind: {blank} }}

# Folds as here, or one part for testing: {{ kind: hold_out, test_share: 0.2 }}. Copies that a paper counts as images
# are its views: views: [identity, hflip, rot90].
splits:
  split: {{ kind: k_fold, n_splits: {blank} }}

# By the paper's own numbers and names, which the table of printed numbers has, too.
tables:
  "1":
    title: {blank}
    split: split
    metrics: [accuracy]
    items:
      - {{ item: {blank}, features: features, classifier: classifier }}

# The number that the paper is quoted for, as table/item.
headline: 1/{blank}

# What the paper leaves open and its numbers rest on: write it here, as others do.
# unstated:
#   - what: regularisation of the classifier
#     classifiers: [classifier]
#     settings: [standardize]
#     why: the paper says nothing; this is the library's default
"""

_PUBLISHED = """\
table,item,metric,value,note
1,{blank},accuracy,{blank},"{blank}: the value is a share with every printed digit, 0.987 for 98.7 %; a note may be \
empty, and begins with quoted: where the paper has the number from another"
"""


def write_skeleton(key: str) -> list[Path]:
    """Write the skeletons of a study's configuration and of its table of printed numbers, both or neither.

    Raises
    ------
    UserError
        If the key is none, or one of the files exists.
    """
    parse(TypeAdapter(Key), key, Path("KEY"))
    words = {"blank": BLANK, "key": key, "adapters": ", ".join(ADAPTERS), "kinds": ", ".join(CLASSIFIERS)}
    texts = {study_path(key): _STUDY.format(**words), published_path(key): _PUBLISHED.format(**words)}
    if not study_path(key).parent.is_dir():
        raise UserError(f"{study_path(key).parent}: no such folder here; run the command in the project's folder.")
    if existing := [file for file in texts if file.exists()]:
        raise UserError(f"{existing[0]}: exists already; choose another key, or remove it first.")
    write_texts(texts)
    return list(texts)
