"""REFORMS: what machine learning in science should report, in 32 items of 8 modules."""

from __future__ import annotations

from leukorepro.report.pages.methods.checklists import data, evaluation, modelling
from leukorepro.report.pages.methods.checklists.item import Checklist, Item, for_the_authors, in_order

_GOALS, _AGAIN, _QUALITY, _PREPARATION = "Study goals", "Reproducibility", "Data quality", "Preparation of data"
_MODELS, _LEAKAGE, _MEASURES, _LIMITS = "Modelling", "Leakage", "Measures and uncertainty", "Generality and limits"

REFORMS = Checklist(
    key="reforms",
    title="REFORMS",
    source="Kapoor et al., Science Advances 10, eadk3452, 2024, doi:10.1126/sciadv.adk3452",
    items=in_order(
        Item("1a", _GOALS, "Whom the claim is about", data.population),
        Item("1b", _GOALS, "Why these", for_the_authors("why this population was chosen")),
        Item("1c", _GOALS, "Why machine learning", for_the_authors("what learning is to replace or add to")),
        Item("2a", _AGAIN, "Dataset, and how to find it", data.datasets),
        Item("2b", _AGAIN, "Code, and its version", modelling.code),
        Item("2c", _AGAIN, "Computers", modelling.machine),
        Item("2d", _AGAIN, "Instructions", modelling.readme),
        Item("2e", _AGAIN, "Script for every result", modelling.script),
        Item("3a", _QUALITY, "Where data comes from, and who labelled it", data.sources),
        Item("3b", _QUALITY, "Sampling frame", for_the_authors("what the images were sampled from, and how")),
        Item("3c", _QUALITY, "Why the data suits the task", for_the_authors("why these images are fit for the task")),
        Item("3d", _QUALITY, "Outcome, with counts", data.outcome),
        Item("3e", _QUALITY, "Number of samples", data.sample_size),
        Item("3f", _QUALITY, "Share of missing data", data.missing),
        Item("3g", _QUALITY, "Whether data and population agree", for_the_authors("whom the images stand for")),
        Item("4a", _PREPARATION, "What was left out, and why", data.exclusions),
        Item("4b", _PREPARATION, "Impossible and broken samples", data.corrupt),
        Item("4c", _PREPARATION, "From raw data to a model's input", modelling.transformations),
        Item("5a", _MODELS, "Every model, its features and its loss", modelling.models),
        Item("5b", _MODELS, "Why these kinds of models", for_the_authors("why these systems, the papers'")),
        Item("5c", _MODELS, "How models are evaluated", evaluation.protocols),
        Item("5d", _MODELS, "How a model is selected", modelling.selection),
        Item("5e", _MODELS, "Settings, and how they were tuned", modelling.hyperparameters),
        Item("5f", _MODELS, "Baselines", modelling.baselines),
        Item("6a", _LEAKAGE, "Training rows only, in every step", evaluation.training_only),
        Item("6b", _LEAKAGE, "Dependent samples and duplicates", evaluation.dependencies),
        Item("6c", _LEAKAGE, "Whether each input is legitimate", modelling.legitimate),
        Item("7a", _MEASURES, "Metrics", evaluation.metrics),
        Item("7b", _MEASURES, "Uncertainty", evaluation.uncertainty),
        Item("7c", _MEASURES, "Statistical tests", evaluation.statistical_tests),
        Item("8a", _LIMITS, "Evidence of external validity", evaluation.external_validity),
        Item("8b", _LIMITS, "Where findings are not expected to hold", evaluation.limitations),
    ),
)
