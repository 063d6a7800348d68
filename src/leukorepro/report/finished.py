"""A finished run, as the pages read it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from leukorepro.run.paths import Results, StudyFolder
from leukorepro.run.resolved import ResolvedRun, ResolvedStudy


@dataclass(frozen=True)
class FinishedRun:
    """A run and where its files lie."""

    run: ResolvedRun
    """Without the studies whose weights could not be got."""
    config: Path
    """Its resolved configuration, ``config.json``."""
    folder: Path
    """Of the run: a folder for each study."""

    @property
    def results(self) -> Results:
        """What all runs share: datasets, features, audits of printed numbers."""
        return Results(self.folder.parent)

    def of_study(self, key: str) -> StudyFolder:
        """Folder of a study."""
        return StudyFolder(self.folder / key)

    def studies_on(self, dataset: str) -> list[ResolvedStudy]:
        """Studies that run on a dataset, by the name of its folder."""
        return [study for study in self.run.studies if study.dataset_id == dataset]
