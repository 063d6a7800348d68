"""Tables of results: what a study's predictions and controls say, and what the validity study says of that."""

from __future__ import annotations

from leukorepro.core.tables.table import Table, number, text, whole, whole_or_none

_OUTCOME = text("study", "table", "item", "protocol")

_SEEDS = {
    **whole("n_seeds"),
    **number("seed_spread"),
    **text("seed_values"),
    **number("groups_low", "groups_high", "seeds_low", "seeds_high"),
}

MEASURED_TABLE = Table(
    {**_OUTCOME, **text("metric"), **number("value", "ci_low", "ci_high"), **whole("n_images", "n_subjects")},
    behind=_SEEDS,
)
"""Every metric of every item on every rung. Of a run that draws several times: the number of its seeds, the standard
deviation between them, the value of each, from the first on, with spaces between, and the intervals for the groups
alone and for the seeds alone; `value` is their mean, and its interval is for both."""

METRICS_TABLE = Table({**MEASURED_TABLE.columns, **number("published"), **text("verdict")}, behind=_SEEDS)
"""The same beside what the paper prints."""

VERDICTS_TABLE = Table(
    {
        **text("study", "table", "item", "metric"),
        **number("published"),
        **text("answered_by", "verdict", "reason", "reading"),
        **number("value", "ci_low", "ci_high"),
        **text("honest_protocol"),
        **number("honest_value", "honest_ci_low", "honest_ci_high"),
        **text("honest_verdict", "rests_on"),
    }
)
"""What becomes of every printed number. `answered_by`: one of `leukorepro.config.study.answers.By`.
`rests_on`: what the paper leaves open and `value` depends on, `; ` between."""

DIFFERENCES_TABLE = Table(
    {
        **text("study", "table", "kind", "item", "protocol", "against_item", "against_protocol", "metric"),
        **number("difference", "ci_low", "ci_high"),
        **whole("n_groups"),
        **number("p_corrected_t", "p_mcnemar", "p_mcnemar_holm"),
    }
)
"""Paired differences, between rungs (kind `rung`) and between items (kind `item`)."""

RUN_COMPARISON_TABLE = Table(
    {
        **text("study", "table", "item", "protocol", "metric"),
        **number("first", "second", "difference", "ci_low", "ci_high"),
        **whole("n_groups", "n_images_first", "n_images_second", "n_images_shared"),
        **text("pairing"),
    }
)
"""Two runs side by side; a `difference` is the second's value less the first's."""

CLAIMS_TABLE = Table(
    {
        **text("study", "claim", "says", "where", "protocol", "verdict", "reason"),
        **whole("n_comparisons", "n_clear"),
        **text("metric", "table", "item", "against_table", "against_item"),
        **number("difference", "ci_low", "ci_high"),
        **whole("n_groups", "n_apart"),
    }
)
"""What becomes of a paper's conclusions, a row for each claim and rung, with the comparison that decides; `n_clear`
counts the comparisons that come out as claimed, their intervals included. A `difference` is positive where the item is
better than the other one, as is claimed; `n_apart` of the `n_groups` groups of images tell both apart."""

CLAIM_COMPARISONS_TABLE = Table(
    {
        **text("study", "claim", "protocol", "metric", "table", "item", "against_table", "against_item"),
        **number("difference", "ci_low", "ci_high", "corrected_low", "corrected_high"),
        **whole("n_groups", "n_apart"),
    }
)
"""Every comparison of every claim; the corrected bounds allow for the number of a claim's comparisons."""

TRANSFER_TABLE = Table(
    {
        **text("study", "table", "item", "protocol", "against_item", "against_protocol", "measure"),
        **number("value", "ci_low", "ci_high"),
        **whole("n_images", "n_groups"),
    }
)
"""What is lost on the held-out part, what of it follows from other shares of the classes, and how it changes with
normalised colours: `leukorepro.evaluation.resampling.transfer`. `against_item`: the item on the images as they are,
which a change is from."""

CELL_LEVEL_TABLE = Table(
    {**_OUTCOME, **text("metric"), **number("value", "ci_low", "ci_high"), **text("method"), **whole("n")}
)
"""Intervals that take every cell for independent, which makes them too narrow."""

WINNERS_TABLE = Table(
    {
        **text("study", "table", "protocol", "metric", "winner"),
        **whole("n_items"),
        **number("value", "optimism", "corrected", "ci_low", "ci_high"),
    }
)
"""Best items, and what their value owes to their being picked."""

CONTROLS_TABLE = Table(
    {
        **_OUTCOME,
        **text("control", "unit", "metric"),
        **number("value", "ci_low", "ci_high", "lowest", "highest", "chance"),
        **whole_or_none("n_images", "n_subjects", "n_groups"),
        **whole("seed"),
        **text("note"),
    }
)
"""What controls came to. `unit`: what kept its label, or was to be recognised; `lowest`, `highest`: of the single
shuffles; `chance`: what no knowledge gives. Without a value, `note` says why there is none."""

SHARES_TABLE = Table(
    {
        **_OUTCOME,
        **whole("repeat", "fold"),
        **text("image_id", "subject_id", "source_id", "y_true", "y_pred"),
        **number("value", "constant", "missed", "background", "area"),
    }
)
"""Explained decisions, one an image and rung. `value`: the decision, of the positive class of two, else of the
predicted one; `constant`: the decision on what training images are on average; `missed`: what the explanation does not
account for; `background`: share of the explanation that lies beside the cells; `area`: share of the pixels that do."""

BACKGROUND_TABLE = Table(
    {
        **_OUTCOME,
        **text("against_protocol"),
        **number("value", "ci_low", "ci_high", "area"),
        **whole("n_images", "n_groups"),
    }
)
"""Mean share of explanations that lies beside the cells, of every rung; `against_protocol`: of a paired difference, the
rung that is subtracted. `area`: mean share of the pixels that lie there, which an even map would come to."""

CALIBRATION_TABLE = Table(
    {
        **_OUTCOME,
        **text("metric"),
        **number("value", "ci_low", "ci_high"),
        **whole("n_images", "n_subjects"),
        **text("note"),
    }
)
"""Calibration metrics; `note` says why a value is missing."""

RELIABILITY_TABLE = Table(
    {
        **_OUTCOME,
        **text("class"),
        **number("low", "high"),
        **whole("n_rows"),
        **number("mean_score", "observed", "ci_low", "ci_high"),
    }
)
"""Reliability curves, a row for each bin that holds a score; `class` is the positive one, or empty where there are
three classes or more and the event is that the most probable one is right."""

DECISION_TABLE = Table(
    {
        **_OUTCOME,
        **number("threshold", "net_benefit", "ci_low", "ci_high"),
        **number("treat_all", "treat_all_low", "treat_all_high", "treat_none"),
    }
)
"""Decision curves, for two classes."""

SUBJECTS_TABLE = Table(
    {
        **_OUTCOME,
        **text("subject_id", "class"),
        **whole("n_images", "n_rows"),
        **number("share_positive", "mean_score", "accuracy", "ci_low", "ci_high"),
    }
)
"""What a classifier says of each subject; see `leukorepro.evaluation.patients.subjects.Subjects.lines`."""

DIAGNOSIS_TABLE = Table(
    {
        **_OUTCOME,
        **text("rule", "metric"),
        **number("prevalence", "value", "ci_low", "ci_high"),
        **text("method"),
        **whole("n_subjects"),
        **whole_or_none("n_positive"),
        **text("note"),
    }
)
"""Metrics of diagnoses of subjects, by every rule; `n_positive` is empty where there are three classes or more; `note`
says who has no diagnosis and why."""

SHIFT_TABLE = Table({**text("measure", "class"), **number("value", "ci_low", "ci_high", "training")})
"""How a laboratory's images differ from those that a model was fitted on: see `leukorepro.inference.evaluating.shift`;
`training`: what it is for training images."""

EVALUATED_TABLE = Table({**text("path", "subject_id", "y_true", "y_pred"), **number("probability", "distance")})
"""What a model says of a laboratory's images, one by one; a `distance` above 1 is unlike the training images."""

POPULATION = {
    **text("dataset"),
    **number("class_effect", "subject_effect"),
    **text("features", "classifier"),
    **whole("n_subjects", "n_fresh"),
}
"""What repeated studies are of, and how: subjects that are simulated (`dataset` is `simulated`, and the effects say how
different they are) or the patients of a dataset (which have no effects). `n_subjects` are a study's, `n_fresh` those
that it has not seen and that its models are scored on."""

REPETITIONS_TABLE = Table(
    {
        **POPULATION,
        **whole("repetition"),
        **text("rung", "metric"),
        **number("estimate", "ci_low", "ci_high", "percentile_low", "percentile_high", "truth"),
    }
)
"""Repeated studies. The plain percentile interval stands beside the package's own, to be compared with it."""

VALIDITY_TABLE = Table(
    {
        **text("setting"),
        **POPULATION,
        **text("rung", "metric"),
        **whole("n_repetitions"),
        **number("truth", "estimate", "bias", "bias_error"),
        **whole("n_intervals"),
        **number("coverage", "coverage_low", "coverage_high", "width", "percentile_coverage"),
    }
)
"""Bias and coverage of every rung, over the repetitions."""
