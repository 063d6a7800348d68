"""Answers on code and models: what computes, from which features, with which settings, and what was chosen by what."""

from __future__ import annotations

from leukorepro.report.numbers import wording
from leukorepro.report.numbers.records import Records
from leukorepro.report.pages.methods.checklists.item import Answer, Facts, cited
from leukorepro.report.pages.methods.checklists.places import START, in_methods, in_provenance, of_papers


def objectives(facts: Facts) -> Answer:
    """Why this was run."""
    text = (
        f"To reproduce {cited(facts.records)}, and to measure what remains of each printed number when neither a "
        "patient nor a copy of an image is on both sides of a split. Systems are the papers'; none is developed here."
    )
    return Answer(text, "this run in part", START)


def code(facts: Facts) -> Answer:
    """Which version of which code."""
    return Answer(f"{facts.code}.", places=in_provenance("versions"))


def machine(facts: Facts) -> Answer:
    """What computed."""
    engines = {str(header["engine"]) for one in facts.records for header in one.extractors.values()}
    text = f"This report was built on {facts.machine}. Features were computed by {'; '.join(sorted(engines))}."
    return Answer(text, places=in_provenance("machine"))


def readme(_: Facts) -> Answer:
    """How to run it again."""
    return Answer(
        "README.md of leukorepro says how to install it, to run it and to read what it makes.",
        places=in_provenance("versions"),
    )


def script(facts: Facts) -> Answer:
    """What makes every number again."""
    text = f"One Snakemake workflow makes every number of the run {facts.run.name} from its configuration, config.json."
    return Answer(text, places=in_provenance("workflow"))


def transformations(facts: Facts) -> Answer:
    """From pixels to what a classifier sees."""
    told = sorted({str(header["preprocessing"]) for one in facts.records for header in one.extractors.values()})
    return Answer(f"{wording.sentence(told)} Reducers and scaling are told study by study.", places=in_methods())


def models(facts: Facts) -> Answer:
    """Everything that is fitted."""
    told = []
    for one in facts.records:
        items = [item for table in one.resolved.study.tables.values() for item in table.items]
        fitted = dict.fromkeys(name for item in items for name in (item.reducer, item.classifier) if name is not None)
        told.append(f"{wording.short_citation(one.resolved.study.citation)}: {', '.join(fitted)}")
    return Answer(f"{wording.sentence(told)} Every setting is told study by study.", places=in_methods())


def predictors(facts: Facts) -> Answer:
    """What a prediction is made from."""
    counts = {f"{name} {header['n_features']:,}" for one in facts.records for name, header in one.extractors.items()}
    text = "Pixels of one image alone, by networks or descriptors; none is chosen by hand. Values of an image: "
    return Answer(f"{text}{', '.join(sorted(counts))}.", places=in_methods())


def legitimate(facts: Facts) -> Answer:
    """Whether an input gives the answer away."""
    text = "Every input is the image that is to be classified; no name, date or other record enters."
    if controlled := _controlled(facts):
        text += (
            " What labels that mean nothing, the recognition of subjects, or the cell's size and colour alone show is "
            f"told for {cited(controlled)}."
        )
    return Answer(
        f"{text} Whether images of the classes differ in more than the disease, such as stain or "
        "microscope, is for the authors to say.",
        "this run in part",
        START,
    )


def hyperparameters(facts: Facts) -> Answer:
    """How settings were chosen."""
    open_facts = sum(len(one.resolved.unstated) for one in facts.records)
    text = "Settings are the papers'; none was tuned here."
    if open_facts:
        text += (
            f" {wording.count(open_facts, 'fact')} that the papers leave open are listed with what was taken and why."
        )
    if facts.run.budget == "demo":
        text += " The demonstration's budget is smaller than the papers', and told so."
    return Answer(text, places=in_methods())


def selection(facts: Facts) -> Answer:
    """How a model was picked from several."""
    chosen = [one for one in facts.records if one.resolved.study.published_protocol.choices]
    text = (
        "Each paper's headline item is the one that it is quoted for; how much a table's best item owes to being "
        "picked is measured (optimism)."
    )
    if chosen:
        text += f" By rows that they tested chose: {cited(chosen)}."
    return Answer(text, places=in_methods())


def baselines(facts: Facts) -> Answer:
    """What models are compared with."""
    text = "Every item of the papers' tables that the run asks for stands beside the others, and is compared pairwise."
    if controlled := _controlled(facts):
        text += (
            " Beside them are controls, on labels that mean nothing or by the cell's size and colour alone: "
            f"{cited(controlled)}."
        )
        return Answer(text, places=of_papers(controlled, "controls"))
    return Answer(f"{text} The run asks for no controls.", "this run in part", START)


def _controlled(facts: Facts) -> list[Records]:
    """Studies whose controls the run asks for."""
    return [one for one in facts.records if one.resolved.study.key in facts.run.controls]


def balance(facts: Facts) -> Answer:
    """What is done where classes are of different sizes."""
    weighing = [
        f"{wording.short_citation(one.resolved.study.citation)}: {name}"
        for one in facts.records
        for name in dict.fromkeys(
            item.classifier for table in one.resolved.study.tables.values() for item in table.items
        )
        if getattr(one.resolved.study.classifiers[name], "class_weights", False)
    ]
    weighed = (
        f"Classes are weighed in training by {'; '.join(weighing)}." if weighing else "No classifier weighs classes."
    )
    return Answer(
        f"{weighed} Nothing is drawn more often than it is; scores are not recalibrated for it.", places=in_methods()
    )


def output(facts: Facts) -> Answer:
    """What a model says of an image."""
    kinds: dict[str, list[str]] = {}
    for one in facts.records:
        study = one.resolved.study
        for name in dict.fromkeys(item.classifier for table in study.tables.values() for item in table.items):
            kind = study.classifiers[name].scores.replace("_", " ")
            kinds.setdefault(kind, []).append(f"{name} of {wording.short_citation(study.citation)}")
    told = [f"{kind}: {', '.join(who)}" for kind, who in sorted(kinds.items())]
    return Answer(f"A class, and a score. Scores are: {'; '.join(told)}.", places=in_methods())


def specification(_: Facts) -> Answer:
    """Whether a reader could use the model."""
    text = (
        "Weights of features are named by SHA-256, and every setting is told; `leukorepro model export` writes a "
        "fitted system to a folder."
    )
    return Answer(text, "this run in part", in_provenance("features"))
