"""Answers on splits, leakage, measures and what the numbers allow to say."""

from __future__ import annotations

from leukorepro.evaluation.intervals import LEVEL, N_RESAMPLES
from leukorepro.ladder.rungs import LADDER
from leukorepro.metrics.names import named
from leukorepro.report.numbers import wording
from leukorepro.report.numbers.records import Records
from leukorepro.report.pages.methods.checklists.item import Answer, Facts, cited
from leukorepro.report.pages.methods.checklists.places import START, in_methods, of_papers
from leukorepro.run.conditions.words import conditions_of_run


def _keeping_subjects(facts: Facts) -> list[Records]:
    """Studies with a rung that keeps a subject on one side."""
    return [one for one in facts.records if any(p.unit == "subject" for p in one.resolved.protocols.values())]


def _external(facts: Facts) -> list[Records]:
    return [one for one in facts.records if "external" in one.resolved.protocols]


def protocols(facts: Facts) -> Answer:
    """How models are evaluated."""
    rungs = dict.fromkeys(rung for one in facts.records for rung in one.resolved.protocols)
    told = wording.listed([LADDER[rung].name.lower() for rung in rungs])
    return Answer(f"On the rungs {told}; splits, folds, copies and seeds are told study by study.", places=in_methods())


def training_only(facts: Facts) -> Answer:
    """Whether preparation and fits see training rows only."""
    leaky = [one for one in facts.records if any(p.scope == "all" for p in one.resolved.protocols.values())]
    text = "On the honest rungs reducers, scalers and classifiers are fitted on training rows only."
    if leaky:
        text += f" On the rung of the paper, as it did, reducers of {cited(leaky)} see the tested rows too."
    return Answer(text, places=in_methods())


def dependencies(facts: Facts) -> Answer:
    """What keeps patients, copies and duplicates on one side."""
    near = ", near-duplicates" if facts.run.group_near_duplicates else ""
    text = f"Images of equal bytes or pixels{near} and copies of one image are kept on one side on the honest rungs."
    keeping = _keeping_subjects(facts)
    if len(keeping) == len(facts.records):
        return Answer(
            f"{text} So are all images of a subject, on the subject-disjoint rung.",
            places=of_papers(facts.records, "leakage"),
        )
    others = [one for one in facts.records if one not in keeping]
    known = f" So are subjects of {cited(keeping)}." if keeping else ""
    text += f"{known} No rung keeps subjects apart for {cited(others)}: the numbers may owe to patients on both sides."
    return Answer(text, "this run in part", of_papers(facts.records, "leakage"))


def metrics(facts: Facts) -> Answer:
    """What is measured."""
    printed = dict.fromkeys(
        wording.in_a_sentence(metric)
        for one in facts.records
        for table in one.resolved.study.tables.values()
        for metric in table.metrics
        if not named(metric).of_class
    )
    text = f"What the papers print: {wording.listed(list(printed))}; beside it every metric that predictions allow."
    return Answer(f"{text} {_calibration(facts)}", places=in_methods())


def _calibration(facts: Facts) -> str:
    """Whether scores were compared with outcomes."""
    known = [one for one in facts.records if one.calibrated]
    if not known:
        return "No score is a probability, so that calibration was not measured."
    text = f"Calibration was measured for {cited(known)}."
    others = [one for one in facts.records if one not in known]
    return f"{text} Scores of {cited(others)} are no probabilities." if others else text


def uncertainty(_: Facts) -> Answer:
    """How sure the numbers are."""
    text = f"{100 * LEVEL:g} % intervals from {N_RESAMPLES:,} resamples of groups of images that belong together."
    return Answer(
        f"{text} They do not say how results vary with other training images.", places=in_methods("intervals")
    )


def statistical_tests(_: Facts) -> Answer:
    """Which tests, and why."""
    text = (
        "Comparisons are paired intervals over the same groups. Tests that take cells for independent (McNemar, "
        "DeLong) are shown beside them, and said to be too narrow."
    )
    return Answer(text, places=in_methods("differences"))


def external_validity(facts: Facts) -> Answer:
    """Whether other images were tested."""
    if tested := _external(facts):
        text = f"The dataset's own held-out part is tested for {cited(tested)}."
        text += " Whether it is of another laboratory is for the authors to say."
        return Answer(text, "this run in part", START)
    text = "None: no dataset of this run has a held-out part that was tested, nor were another laboratory's images."
    return Answer(text, "this run in part", START)


def partition(facts: Facts) -> Answer:
    """How data was used for fitting and for testing, and how the two differ."""
    text = "Every tested row is of a fold or part that the fit has not seen, but for what the paper's own rung leaks."
    return Answer(f"{text} {external_validity(facts).text}", places=in_methods())


def clusters(facts: Facts) -> Answer:
    """Whether results differ from subject to subject."""
    named_subjects = [one for one in facts.records if one.scan["subjects_total"]]
    if not named_subjects:
        return Answer("Not measured: no dataset of this run names its subjects.", "this run in part")
    text = f"Accuracy is told subject by subject for {cited(named_subjects)}."
    return Answer(
        f"{text} Laboratories and instruments are not known apart.",
        "this run in part",
        of_papers(named_subjects, "patients"),
    )


def performance(facts: Facts) -> Answer:
    """Where the results are."""
    return Answer(
        f"Every metric of every item, with its interval, on every rung. {_calibration(facts)}",
        places=of_papers(facts.records),
    )


def fairness(facts: Facts) -> Answer:
    """Whether groups of people fare alike."""
    known = "of simulated subjects there is nothing to compare" if facts.simulated else "datasets name subjects at most"
    return Answer(f"Not measured: age, sex and origin are not in the manifest ({known}).", "this run in part")


def updating(_: Facts) -> Answer:
    """Whether a model was changed by what was found."""
    return Answer("None: models are refitted on every rung as the papers describe them, and changed by no result.")


def limitations(facts: Facts) -> Answer:
    """What a reader must know."""
    told = wording.listed(conditions_of_run(facts.run))
    text = f"The head of every page says what sets its numbers apart: {told}." if told else "The run has no caveats."
    text += " Further limitations, and contexts where nothing of this holds, are for the authors to say."
    return Answer(text, "this run in part", START)


def poor_images(_: Facts) -> Answer:
    """What happens with an image of poor quality."""
    text = "An image that cannot be decoded gets no prediction, and is named. Poor ones are for the authors to assess."
    return Answer(text, "this run in part")


def interpretation(_: Facts) -> Answer:
    """What the results mean beside the printed ones."""
    text = "Each printed number and each conclusion has a verdict. What follows from them is for the authors to say."
    return Answer(text, "this run in part", START)
