"""What sets numbers apart from the papers': in a few words, as figures say it, and as sentences."""

from __future__ import annotations

from leukorepro.config.datasets import SimulatedDataset
from leukorepro.config.study.systems import NetworkSpec
from leukorepro.core.phrases import listed
from leukorepro.core.words import Budget
from leukorepro.run.conditions.reductions import told_reductions, trained_systems
from leukorepro.run.resolved import RANDOM_WEIGHTS, SIMULATED, ResolvedRun, ResolvedStudy


def conditions(study: ResolvedStudy, budget: Budget) -> list[str]:
    """What sets the numbers of one study apart from the paper's, in a few words each, as every figure says it.

    Parameters
    ----------
    study : ResolvedStudy
        Its dataset, stand-ins and weights are looked at.
    budget : {'demo', 'published'}
        Of the run.

    Returns
    -------
    list of str
        Empty where nothing sets them apart.
    """
    words = []
    if study.simulated:
        words.append("simulated images")
    if study.stand_ins:
        words.append(f"features by {listed(study.stand_ins)}")
    if study.random_weights:
        trains = any(isinstance(spec, NetworkSpec) for spec in trained_systems(study).values())
        some = len(study.random_weights) < len(study.extractors)
        which = f" ({', '.join(study.random_weights)})" if some else " (all that give features)" if trains else ""
        words.append(f"random network weights{which}")
    if budget == "demo":
        less = told_reductions(study)
        words.append(f"demo budget ({'; '.join(less)})" if less else "demo budget")
    return words


def conditions_of_run(run: ResolvedRun) -> list[str]:
    """What sets a run apart from the papers, in a few words each, for what is said of all its studies at once."""
    holds = {
        "simulated images": any(study.simulated for study in run.studies),
        "other networks than the papers'": any(study.stand_ins for study in run.studies),
        "random network weights": any(study.random_weights for study in run.studies),
        "demo budget": run.budget == "demo",
    }
    return [condition for condition, of_this_run in holds.items() if of_this_run]


def _simulated(study: ResolvedStudy) -> str:
    """What is simulated: all images, or those of one dataset of two."""
    drawn = [part.title for part in study.placed if isinstance(part.dataset, SimulatedDataset)]
    if len(drawn) == len(study.placed):
        return SIMULATED
    return f"Simulated images: those of {listed(drawn)}; no number that rests on them says anything about patients."


def caveats(study: ResolvedStudy, budget: Budget) -> list[str]:
    """The same as sentences, as a page says it once: in front of a colon what it is, behind it what that means.

    Parameters
    ----------
    study : ResolvedStudy
        Its dataset, stand-ins and weights are looked at.
    budget : {'demo', 'published'}
        Of the run.

    Returns
    -------
    list of str
        Empty where nothing sets them apart.
    """
    sentences = []
    if study.simulated:
        sentences.append(_simulated(study))
    if study.stand_ins:
        sentences.append(f"Other networks: features by {listed(study.stand_ins)}.")
    if study.random_weights:
        which = "all" if len(study.random_weights) == len(study.extractors) else listed(study.random_weights)
        sentences.append(f"{RANDOM_WEIGHTS} ({which}).")
    if budget == "demo":
        less = "; ".join(told_reductions(study)) or "nothing of this is smaller for it"
        sentences.append(f"Demo budget: {less}.")
    return sentences
