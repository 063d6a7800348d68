"""What the feature files of a study say of themselves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from leukorepro.config.study.study import IMAGES
from leukorepro.core.store import hdf5_reader
from leukorepro.features.fusion import read_headers
from leukorepro.features.identity import check_features
from leukorepro.features.parts import Part
from leukorepro.run.paths import Results
from leukorepro.run.plan import used_parts
from leukorepro.run.resolved import ResolvedStudy


@dataclass(frozen=True)
class ExtractorRow:
    """What one feature file says of itself."""

    name: str
    attributes: dict[str, str]


def read_feature_files(study: ResolvedStudy, results: Results) -> dict[str, dict[str, Any]]:
    """Attributes of every feature file that an item of a study uses, by the extractor or descriptor that makes it.

    What a network is trained on that is trained further goes by the network and the layer.

    Parameters
    ----------
    study : ResolvedStudy
        One of the run's.
    results : Results
        Where its features and its manifest lie.
    """
    folder, manifest = results.features(study.dataset_id), results.manifest(study.dataset_id)
    files = study.feature_files
    inputs = {
        f"{features}, to be trained from {tuning.start}": tuning.input.id
        for features, of_network in study.tunings.items()
        for tuning in of_network.values()
        if tuning.input.id not in files.values()
    }
    used = used_parts(study)
    return {
        name: _attributes(folder / f"{file}.h5", study.parts[file], manifest)
        for name, file in (files | inputs).items()
        if file in used
    }


def _attributes(path: Path, part: Part, manifest: Path) -> dict[str, Any]:
    check_features(path, [part], manifest)
    ((_, attributes),) = read_headers(path)
    with hdf5_reader(path) as file:
        attributes["n_features"] = int(file["features"].shape[1])
    attributes["library_versions"] = json.loads(attributes["library_versions"])
    return attributes


def extractor_rows(files: dict[str, dict[str, Any]]) -> list[ExtractorRow]:
    """Feature files as a page tells of them, from their attributes."""
    rows = []
    for name, attributes in files.items():
        size = attributes["input_size"]
        made = {"Descriptor": str(attributes["backbone"])}
        number = {"Features": f"{attributes['n_features']:,}"}
        if attributes["backbone"] == IMAGES:
            made = {"Descriptor": "images as they are"}
            number = {"Values": f"{attributes['n_features']:,} of each image"}
        elif attributes["weights"] != "none":
            made = {"Network": f"{attributes['backbone']}, layer {attributes['layer']}"}
            number["Weights"] = str(attributes["weights"])
            number["Weights, SHA-256"] = str(attributes["weights_sha256"])
        shown = {
            **made,
            "Input": f"{size} \N{MULTIPLICATION SIGN} {size} pixels, {attributes['preprocessing']}",
            **number,
            "Engine and device": str(attributes["engine"]),
            **({"Digest of the code": str(attributes["code_hash"])} if "code_hash" in attributes else {}),
        }
        rows.append(ExtractorRow(name, shown))
    return rows


def libraries(files: dict[str, dict[str, Any]]) -> str:
    """Libraries that feature files were made with, and their versions, in words."""
    versions = {
        f"{library} {version}"
        for attributes in files.values()
        for library, version in attributes["library_versions"].items()
    }
    return ", ".join(sorted(versions))
