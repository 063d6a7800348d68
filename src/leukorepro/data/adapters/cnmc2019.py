"""C-NMC 2019: cells of the ISBI 2019 challenge, in its official folds and preliminary phase.

Gupta and Gupta, ALL Challenge dataset of ISBI 2019, The Cancer Imaging Archive, doi 10.7937/tcia.2019.dc64i46r.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal, NamedTuple

from pydantic import Field, field_validator

from leukorepro.config.datasets import RealDataset
from leukorepro.config.fields import refuse_twice
from leukorepro.core.errors import UserError
from leukorepro.core.fetching.publication import Publication
from leukorepro.core.listing import Listing, Part, Row
from leukorepro.core.tables.data import CNMC_LABELS_TABLE
from leukorepro.data.folders import is_image

PRELIMINARY = "prelim"
FINAL = "final"
LABELS = "C-NMC_test_prelim_phase_data_labels.csv"
"""Table of the preliminary phase, whose images have numbers for names: Patient_ID, new_names, labels (1 = ALL)."""

_COUNTED = (
    "images",
    "images of class all",
    "images of class hem",
    "subjects of class all",
    "subjects of class hem",
)
FOLDS = ((3527, 2397, 1130, 19, 9), (3581, 2418, 1163, 11, 3), (3553, 2457, 1096, 17, 14))
"""What the official folds hold of these; no subject is in two of them."""
PRELIM = dict(zip(_COUNTED, (1867, 1219, 648, 13, 15), strict=True))

PUBLICATION = Publication(
    name="cnmc2019",
    title="C-NMC 2019",
    citation="Gupta A., Gupta R., ALL Challenge dataset of ISBI 2019, The Cancer Imaging Archive, 2019",
    doi="10.7937/tcia.2019.dc64i46r",
    licence="publicly described as CC BY 3.0; read the terms on the collection's page",
    page="https://www.cancerimagingarchive.net/collection/c-nmc-2019/",
    steps=(
        "Open https://www.cancerimagingarchive.net/collection/c-nmc-2019/ and read its data usage policy.",
        f"Download the training folds and the preliminary phase with {LABELS}, and unpack them.",
    ),
    patients="in the files' names, and in the table of the preliminary phase",
)

_NAME = re.compile(r"UID_(H?\d+)_(\d+)_(\d+)_(all|hem)", re.I)
_FOLD = re.compile(r"fold_\d+", re.I)


class _Cell(NamedTuple):
    subject: str
    source: str
    label: str


class CnmcDataset(RealDataset):
    """C-NMC 2019 (ISBI 2019 ALL challenge): official folds, preliminary phase as the held-out part."""

    belongs_there = "C-NMC 2019 as unpacked: fold_0 to fold_2 and the preliminary phase (see data/README.md)"
    how_to_get = f"download C-NMC 2019 from The Cancer Imaging Archive (doi {PUBLICATION.doi})"
    publication = PUBLICATION
    classes = ("all", "hem")
    adapter: Literal["cnmc2019"]
    positive_class: str | None = "all"
    folds: Annotated[tuple[Annotated[int, Field(ge=0, lt=len(FOLDS))], ...], Field(min_length=1)] = (0, 1, 2)
    """Official folds of the training set that are read."""

    @field_validator("folds")
    @classmethod
    def _folds_once(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        refuse_twice([str(fold) for fold in value])
        return tuple(sorted(value))

    def list_rows(self, folder: Path, files: list[str]) -> Listing:
        """Read labels, subjects, photographs and official splits out of paths and the label file.

        Names are ``UID_<subject>_<photograph>_<cell>_<class>.bmp``. Subjects are folded to upper case, because names
        mix ``H10`` and ``h10``; cells cut from one photograph share a source. Folders are found wherever they are
        nested: ``fold_<k>`` is an official fold, a name with ``prelim`` (or ``validation_data``) the preliminary phase.
        The final phase has no labels and is left out, and so are folds that the dataset's `folds` does not name.

        Parameters
        ----------
        folder : Path
            The dataset's folder.
        files : list of str
            Paths of the files below it, with forward slashes.

        Raises
        ------
        UserError
            If a name follows no rule, or folder, name and label file disagree.
        """
        rows: list[Row] = []
        final = others = 0
        read = {f"fold_{fold}" for fold in self.folds}
        numbered: dict[str, _Cell] | None = None
        for path in filter(is_image, files):
            *folders, name = PurePosixPath(path).parts
            split = _split(folders)
            match = _NAME.fullmatch(PurePosixPath(name).stem)
            if split == FINAL:
                final += 1
                continue
            if len(read) < len(FOLDS) and split not in (*read, PRELIMINARY):
                if not split:
                    raise UserError(
                        f"{folder / path}: lies in no folder named fold_0 to fold_2, by which `folds` of the dataset "
                        "selects; unpack the folds into folders of their own, or leave `folds` out."
                    )
                others += 1
                continue
            if match:
                cell = _cell(match)
            elif split == PRELIMINARY:
                numbered = _label_file(folder, files) if numbered is None else numbered
                if PurePosixPath(name).stem not in numbered:
                    raise UserError(f"{folder / path}: has no row in {LABELS}; correct its name or remove it.")
                cell = numbered[PurePosixPath(name).stem]
            else:
                raise UserError(
                    f"{folder / path}: not a name of C-NMC 2019 (UID_<subject>_<image>_<cell>_all.bmp or ..._hem.bmp; "
                    "numbers only in the folder of the preliminary phase); remove it, or let `images` name the folder "
                    "that holds both phases."
                )
            classes = [part.lower() for part in folders if part.lower() in {"all", "hem"}]
            if classes and classes[-1] != cell.label:
                raise UserError(
                    f"{folder / path}: lies in the folder '{classes[-1]}', but is labelled '{cell.label}'; move it."
                )
            rows.append(Row(path, cell.label, cell.subject, cell.source, split))
        notes = [f"Final test phase left out: {final:,} images without labels."] if final else []
        notes += [f"Other folds left out (`folds` of the dataset): {others:,} images."] if others else []
        training = [row for row in rows if row.official_split != PRELIMINARY]
        preliminary = [row for row in rows if row.official_split == PRELIMINARY]
        parts = [
            self._training_set(_counts(training)),
            Part("C-NMC 2019 preliminary test set", PRELIM, _counts(preliminary)),
        ]
        return Listing(rows, parts, external_split=PRELIMINARY if preliminary else "", notes=notes)

    def _training_set(self, found: dict[str, int]) -> Part:
        """The folds that are read, as a part of the published dataset."""
        expected = [sum(counts) for counts in zip(*(FOLDS[fold] for fold in self.folds), strict=True)]
        name = "C-NMC 2019 training set"
        if len(self.folds) < len(FOLDS):
            name += f", fold{'s' * (len(self.folds) > 1)} {' and '.join(map(str, self.folds))}"
        return Part(name, dict(zip(_COUNTED, expected, strict=True)), found)

    @classmethod
    def recognises(cls, path: str) -> bool:
        """Whether a file is named as C-NMC 2019 names its cells."""
        return _NAME.fullmatch(PurePosixPath(path).stem) is not None

    def list_names(self, paths: list[str]) -> list[Row]:
        """What names and folders tell of images without the label file, those of the final phase included.

        Images of the preliminary and the final phase have numbers for names, and neither label nor subject here.

        Raises
        ------
        UserError
            If the name of another image follows no rule.
        """
        rows: list[Row] = []
        for path in filter(is_image, paths):
            *folders, name = PurePosixPath(path).parts
            split = _split(folders)
            match = _NAME.fullmatch(PurePosixPath(name).stem)
            if match is None and split not in (PRELIMINARY, FINAL):
                raise UserError(
                    f"{path}: not a name of C-NMC 2019 (UID_<subject>_<image>_<cell>_all.bmp or ..._hem.bmp; numbers "
                    "only in the folders of the preliminary and final phases); choose another adapter, or remove it."
                )
            cell = _cell(match) if match else _Cell("", "", "")
            rows.append(Row(path, cell.label, cell.subject, cell.source, split))
        return rows


ENTRY = CnmcDataset


def _split(folders: list[str]) -> str:
    names = [part.lower() for part in folders]
    folds = [part for part in names if _FOLD.fullmatch(part)]
    if folds:
        return folds[-1]
    if any("prelim" in part or part == "validation_data" for part in names):
        return PRELIMINARY
    return FINAL if any("final" in part or part == "testing_data" for part in names) else ""


def _cell(match: re.Match[str]) -> _Cell:
    subject = match[1].upper()
    return _Cell(subject, f"UID_{subject}_{match[2]}", match[4].lower())


def _label_file(folder: Path, files: list[str]) -> dict[str, _Cell]:
    """Cells of the preliminary phase by file name, without its ending."""
    tables = [f for f in files if PurePosixPath(f).name.lower() == LABELS.lower()]
    if not tables:
        raise UserError(f"{folder}: images of the preliminary phase need {LABELS}; put it beside or above them.")
    table = folder / tables[0]
    frame = CNMC_LABELS_TABLE.read_by_hand(table)
    cells: dict[str, _Cell] = {}
    for row, *values in frame.itertuples():
        identity, name, label = (value.strip() for value in values)
        match = _NAME.fullmatch(PurePosixPath(identity).stem)
        if not match:
            raise UserError(f"{table}: row {row}: Patient_ID '{identity}' is not like UID_57_29_1_all.bmp; correct it.")
        cell = _cell(match)
        if label != {"all": "1", "hem": "0"}[cell.label]:
            raise UserError(
                f"{table}: row {row}: label '{label}' contradicts '{identity}' (1 = all, 0 = hem); correct it."
            )
        if cells.setdefault(PurePosixPath(name.replace("\\", "/")).stem, cell) != cell:
            raise UserError(f"{table}: row {row}: '{name}' was named before with other values; keep one of the rows.")
    return cells


def _counts(rows: list[Row]) -> dict[str, int]:
    images = [sum(row.label == label for row in rows) for label in ("all", "hem")]
    subjects = [len({row.subject_id for row in rows if row.label == label}) for label in ("all", "hem")]
    return dict(zip(_COUNTED, [len(rows), *images, *subjects], strict=True))
