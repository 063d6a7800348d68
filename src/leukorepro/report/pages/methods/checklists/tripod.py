"""TRIPOD+AI: what studies of clinical prediction models should report, in 27 items with their parts."""

from __future__ import annotations

from leukorepro.report.pages.methods.checklists import data, evaluation, modelling
from leukorepro.report.pages.methods.checklists.item import Checklist, Item, for_the_authors, in_order

_FRONT, _WHY, _METHODS, _OPEN = "Title and abstract", "Introduction", "Methods", "Open science"
_PATIENTS, _RESULTS, _DISCUSSION = "Patients and public", "Results", "Discussion"

TRIPOD_AI = Checklist(
    key="tripod-ai",
    title="TRIPOD+AI",
    source="Collins et al., BMJ 385, e078378, 2024, doi:10.1136/bmj-2023-078378",
    items=in_order(
        Item("1", _FRONT, "Title", for_the_authors("a title that names model, population and outcome")),
        Item("2", _FRONT, "Abstract", for_the_authors("a structured abstract")),
        Item("3a", _WHY, "Medical context", for_the_authors("the medical question, and the models that exist")),
        Item("3b", _WHY, "Whom it is for, and who uses it", for_the_authors("patients, place in care and users")),
        Item("3c", _WHY, "Known inequalities", for_the_authors("inequalities in health between groups of people")),
        Item("4", _WHY, "Objectives", modelling.objectives),
        Item("5a", _METHODS, "Sources of data", data.sources),
        Item("5b", _METHODS, "Dates", for_the_authors("when images were taken")),
        Item("6a", _METHODS, "Setting", for_the_authors("number, kind and place of the laboratories")),
        Item("6b", _METHODS, "Who takes part", data.exclusions),
        Item("6c", _METHODS, "Treatments", for_the_authors("treatments before a sample was taken")),
        Item("7", _METHODS, "Preparation of data", modelling.transformations),
        Item("8a", _METHODS, "Outcome", data.outcome),
        Item("8b", _METHODS, "Who assessed the outcome", for_the_authors("who labelled the images, and how skilled")),
        Item("8c", _METHODS, "Blinding of the outcome", for_the_authors("what was known to those who labelled")),
        Item("9a", _METHODS, "Choice of predictors", modelling.predictors),
        Item("9b", _METHODS, "Every predictor, and how it is measured", modelling.transformations),
        Item("9c", _METHODS, "Who assessed predictors", for_the_authors("who took and cut out the images")),
        Item("10", _METHODS, "Sample size", data.sample_size),
        Item("11", _METHODS, "Missing data", data.missing),
        Item("12a", _METHODS, "Use of data for fitting and testing", evaluation.partition),
        Item("12b", _METHODS, "How predictors enter", modelling.predictors),
        Item("12c", _METHODS, "Models, their building and their settings", modelling.models),
        Item("12d", _METHODS, "Differences between clusters", evaluation.clusters),
        Item("12e", _METHODS, "Measures of performance", evaluation.metrics),
        Item("12f", _METHODS, "Updating of models", evaluation.updating),
        Item("12g", _METHODS, "How predictions are calculated", modelling.specification),
        Item("13", _METHODS, "Imbalance of classes", modelling.balance),
        Item("14", _METHODS, "Fairness", evaluation.fairness),
        Item("15", _METHODS, "What the model puts out", modelling.output),
        Item("16", _METHODS, "Differences between fitting and testing data", evaluation.external_validity),
        Item("17", _METHODS, "Ethical approval", for_the_authors("approval and consent")),
        Item("18a", _OPEN, "Funding", for_the_authors("who paid")),
        Item("18b", _OPEN, "Conflicts of interest", for_the_authors("conflicts of interest")),
        Item("18c", _OPEN, "Protocol", for_the_authors("where the study's protocol is")),
        Item("18d", _OPEN, "Registration", for_the_authors("where the study is registered")),
        Item("18e", _OPEN, "Sharing of data", data.datasets),
        Item("18f", _OPEN, "Sharing of code", modelling.code),
        Item("19", _PATIENTS, "Involvement of patients and public", for_the_authors("how patients were involved")),
        Item("20a", _RESULTS, "Flow of participants", data.participants),
        Item("20b", _RESULTS, "Who the participants are", data.participants),
        Item("20c", _RESULTS, "Comparison of tested and fitted data", evaluation.external_validity),
        Item("21", _RESULTS, "Participants and events in each analysis", data.outcome),
        Item("22", _RESULTS, "The model in full", modelling.specification),
        Item("23a", _RESULTS, "Performance with intervals", evaluation.performance),
        Item("23b", _RESULTS, "Differences between clusters", evaluation.clusters),
        Item("24", _RESULTS, "Results of updating", evaluation.updating),
        Item("25", _DISCUSSION, "Interpretation", evaluation.interpretation),
        Item("26", _DISCUSSION, "Limitations", evaluation.limitations),
        Item("27a", _DISCUSSION, "Poor or absent inputs", evaluation.poor_images),
        Item("27b", _DISCUSSION, "What users must do and know", for_the_authors("what a user must do, and know")),
        Item("27c", _DISCUSSION, "Next steps", for_the_authors("next steps for the research")),
    ),
)
