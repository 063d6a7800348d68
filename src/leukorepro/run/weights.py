"""Pretrained weights that a run needs: a job gets those of each network, and a study without them ends by itself."""

from __future__ import annotations

from pathlib import Path

from leukorepro.core.integrity.recorded import remove_recorded
from leukorepro.features.backbones.record import read_record
from leukorepro.features.backbones.registry import find_backbone, title_of
from leukorepro.features.backbones.weights import find_weights, own_file
from leukorepro.features.lookup import file_name
from leukorepro.features.parts import ResolvedExtractor
from leukorepro.run import plan
from leukorepro.run.paths import Results
from leukorepro.run.resolved import NotRun, ResolvedRun, ResolvedStudy


def weights_of(study: ResolvedStudy) -> dict[str, str]:
    """Backbones whose ImageNet weights a study needs, by the names of their records."""
    used = {part for name in plan.used_feature_sets(study) for part in study.study.feature_sets[name]}
    needed = [
        extractor.backbone
        for name, extractor in study.extractors.items()
        if name in used and extractor.weights == "imagenet"
    ]
    return {file_name(backbone): backbone for backbone in needed}


def weights_of_run(run: ResolvedRun) -> dict[str, str]:
    """Backbones whose ImageNet weights any study of a run needs, by the names of their records."""
    return {name: backbone for study in run.studies for name, backbone in weights_of(study).items()}


def users_file(extractor: ResolvedExtractor) -> Path | None:
    """File of weights that a user gave an extractor, by `file:PATH` or under a name that is looked up.

    Another may come in its place, and features follow it; all other ImageNet weights are taken by their SHA-256.
    """
    backbone = find_backbone(extractor.backbone)
    return own_file(backbone) if extractor.weights == "imagenet" else find_weights(backbone, extractor.weights)


def as_far_as_known(run: ResolvedRun, results: Results) -> ResolvedRun:
    """The run without the studies whose weights could not be got.

    Weights that were not asked for yet are expected to come.

    Parameters
    ----------
    run : ResolvedRun
    results : Results
        Where the records lie.
    """
    studies, left_out = [], list(run.left_out)
    for study in run.studies:
        failures = [(name, failure) for name in weights_of(study).values() if (failure := _failure(name, results))]
        if not failures:
            studies.append(study)
            continue
        titles = [title_of(backbone) for backbone, _ in failures]
        told = failures[0][1].rstrip(".")
        if len(titles) > 1:
            told += (
                f". Nor could those of {', '.join(titles[1:])} be got; `leukorepro doctor` says where each file goes"
            )
        left_out.append(
            NotRun(
                key=study.study.key,
                citation=study.study.citation,
                what=f"weights of {', '.join(titles)} could not be got",
                told=told,
            )
        )
    return run.model_copy(update={"studies": studies, "left_out": left_out})


def forget_failures(run: ResolvedRun, results: Results) -> None:
    """Remove the records of weights that an earlier start could not get, so that this one asks for them again.

    Parameters
    ----------
    run : ResolvedRun
        Whose networks are looked at.
    results : Results
        Where the records lie.
    """
    for name, backbone in weights_of_run(run).items():
        if _failure(backbone, results):
            remove_recorded(results.weights(name))


def _failure(backbone: str, results: Results) -> str:
    """Why weights could not be got; empty where they were, or were not asked for."""
    file = results.weights(file_name(backbone))
    return read_record(file).failure if file.is_file() else ""
