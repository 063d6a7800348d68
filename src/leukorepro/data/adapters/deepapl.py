"""DeepAPL: cells of 106 patients with acute promyelocytic or another acute myeloid leukaemia, in two cohorts.

Sidhom et al., Deep learning for diagnosis of acute promyelocytic leukemia via recognition of genomically imprinted
morphologic features, npj Precision Oncology 5, 2021, doi 10.1038/s41698-021-00179-y; images and table in the repository
sidhomj/DeepAPL. Its table `Data/master.csv` names the patients, their diagnosis and their cohort; all counts here are
its own. Its licence is one line, "Copyright (c) 2020 The Johns Hopkins University", which grants nobody a copy: this
program fetches none, and who wants one asks the authors or looks what the law allows.
"""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath
from typing import Literal, NamedTuple

from leukorepro.config.datasets import RealDataset
from leukorepro.core.errors import UserError, some
from leukorepro.core.fetching.publication import Publication
from leukorepro.core.listing import Listing, Part, Row
from leukorepro.core.tables.data import DEEPAPL_PATIENTS_TABLE
from leukorepro.data.folders import is_image

TABLE = "master.csv"
"""Table of the patients: Patient_ID, Diagnosis (APL or AML) and Cohort (Discovery or Validation), among others."""
CLASSES = ("APL", "AML")
EXPECTED = {
    "Discovery": {"subjects": 82, "subjects of class APL": 22, "subjects of class AML": 60},
    "Validation": {"subjects": 24, "subjects of class APL": 12, "subjects of class AML": 12},
}
_PATIENT = re.compile(r"patient_\d+", re.IGNORECASE)

PAGE = "https://github.com/sidhomj/DeepAPL"
PUBLICATION = Publication(
    name="deepapl",
    title="DeepAPL",
    citation="Sidhom J.-W. et al., Deep learning for diagnosis of acute promyelocytic leukemia via recognition of "
    "genomically imprinted morphologic features, npj Precision Oncology 5, 2021",
    doi="10.1038/s41698-021-00179-y",
    licence="none that grants a copy: 'Copyright (c) 2020 The Johns Hopkins University'",
    page=PAGE,
    steps=(
        f"Read {PAGE}: its licence grants no copy, so that this program fetches none; ask the authors, or look what "
        "the law where you are allows you for your own study.",
        "What is read is the folder Data: master.csv, and Patient_00 to Patient_105 in All.",
    ),
    patients="in the folders' names; cohorts and diagnoses in master.csv",
)


class _Patient(NamedTuple):
    name: str
    diagnosis: str
    cohort: str


class DeepAplDataset(RealDataset):
    """DeepAPL (Sidhom 2021): a folder for each of 106 patients, APL or AML; the validation cohort is held out."""

    publication = PUBLICATION
    belongs_there = "master.csv and one folder per patient, Patient_00 to Patient_105 (see data/README.md)"
    classes = CLASSES
    adapter: Literal["deepapl"]
    positive_class: str | None = "APL"

    def list_rows(self, folder: Path, files: list[str]) -> Listing:
        """Take the patient from the folder, however deep it is nested, and diagnosis and cohort from the table.

        All of a patient's cells have the diagnosis as their class, whatever kind of cell the folder below calls them.
        Images in no patient's folder are left out, and counted.

        Parameters
        ----------
        folder : Path
            The dataset's folder.
        files : list of str
            Paths of the files below it, with forward slashes.

        Raises
        ------
        UserError
            If the table is missing or lacks a patient, or says of one what is no diagnosis or cohort of the paper.
        """
        images = [file for file in files if is_image(file)]
        owners = {file: owner for file in images if (owner := _owner(file))}
        patients = _patients(folder, files) if owners else {}
        if unknown := sorted({owner for owner in owners.values() if owner not in patients}):
            raise UserError(
                f"{folder}: {some(unknown)} have no row in {TABLE}; correct the folder's name or the table."
            )
        rows = [
            Row(file, patients[owner].diagnosis, patients[owner].name, official_split=patients[owner].cohort)
            for file, owner in owners.items()
        ]
        notes = [f"In no patient's folder, and left out: {n:,} images."] if (n := len(images) - len(owners)) else []
        there = {patients[owner] for owner in owners.values()}
        parts = [
            Part(f"DeepAPL, {cohort.lower()} cohort", expected, _counts({p for p in there if p.cohort == cohort}))
            for cohort, expected in EXPECTED.items()
        ]
        held_out = "Validation" if any(p.cohort == "Validation" for p in there) else ""
        return Listing(rows, parts, external_split=held_out, notes=notes)


ENTRY = DeepAplDataset


def _owner(file: str) -> str:
    """The patient whose folder a file lies in, in small letters; empty where there is none."""
    told = [part.lower() for part in PurePosixPath(file).parts[:-1] if _PATIENT.fullmatch(part)]
    return told[-1] if told else ""


def _patients(folder: Path, files: list[str]) -> dict[str, _Patient]:
    tables = [file for file in files if PurePosixPath(file).name.lower() == TABLE]
    if not tables:
        raise UserError(f"{folder}: the patients' folders need {TABLE}, which says who has what; put it beside them.")
    table = folder / tables[0]
    frame = DEEPAPL_PATIENTS_TABLE.read_by_hand(table)
    patients: dict[str, _Patient] = {}
    for row, *values in frame.itertuples():
        patient = _Patient(*(value.strip() for value in values))
        if patient.diagnosis not in CLASSES or patient.cohort not in EXPECTED:
            raise UserError(
                f"{table}: row {row}: '{patient.diagnosis}' in '{patient.cohort}'; expected {' or '.join(CLASSES)} in "
                f"{' or '.join(EXPECTED)}. Correct it."
            )
        if patients.setdefault(patient.name.lower(), patient) != patient:
            raise UserError(f"{table}: row {row}: '{patient.name}' was named before with other values; keep one row.")
    return patients


def _counts(patients: set[_Patient]) -> dict[str, int]:
    by_class = {f"subjects of class {name}": sum(p.diagnosis == name for p in patients) for name in CLASSES}
    return {"subjects": len(patients), **by_class}
