"""What holds for every study: how intervals, differences, verdicts and conclusions are made."""

from __future__ import annotations

from leukorepro.evaluation.intervals import LEVEL, N_RESAMPLES
from leukorepro.report.pages.methods.study import Passage


def general_methods() -> list[Passage]:
    """The passages, in an order that a reader can follow."""
    level = f"{100 * LEVEL:g} %"
    return [
        Passage(
            "intervals",
            "How the intervals were made",
            [
                "Images of one subject, copies of one photograph and repeats of one image are not independent.",
                "A group holds all images that are linked by a shared subject, a shared photograph or equal content.",
                f"Each {level} interval comes from {N_RESAMPLES:,} resamples, each of as many whole groups as there "
                "are, drawn with replacement.",
                "Shares and areas have a t interval on the logit scale, with the spread of the resamples as its "
                "standard error; losses, correlations and differences have percentiles widened by the t distribution.",
                "With few groups both are wider than plain percentiles, which miss the truth too often.",
            ],
        ),
        Passage(
            "bounds",
            "Where there is no plain interval",
            [
                "Where a metric is 100 % (or 0 %) in every resample, resampling cannot say how far from there the "
                "truth may be; the other bound is then the exact one of Clopper and Pearson, each group being one "
                "trial.",
                "There is no interval with fewer than two groups, or where the metric is undefined in more than a "
                "tenth of the resamples.",
                "An undefined metric, such as precision where nothing was predicted positive, is shown as a dash, "
                "never as zero.",
            ],
        ),
        Passage(
            "differences",
            "Differences and best items",
            [
                "A paired difference is measured on the same resamples of groups for both sides, so that a difficult "
                "patient is drawn for both or for neither.",
                "It is exactly 0 where both sides gave the same scores.",
                "The optimism of a best item is found by picking the best of its table anew on the groups of each "
                "resample, and measuring the pick on the groups that were not drawn.",
                "The corrected t-test (Nadeau and Bengio, 2003) compares accuracies fold by fold, and allows for the "
                "training images that the folds share.",
            ],
        ),
        Passage(
            "cell-level",
            "Cell-level intervals",
            [
                "Cell-level intervals (Wilson, DeLong) and McNemar's test treat all cells as independent, as most "
                "papers do.",
                "They are shown for comparison: where one patient has several cells, the intervals are too narrow and "
                "the p-values too small.",
            ],
        ),
        Passage(
            "verdicts",
            "Verdicts on printed numbers",
            [
                "A verdict is given only where the study ran with its published budget (the paper's, and ours where it "
                "is silent) on a complete copy of the dataset that its paper used, and no network had random weights: "
                "reproduced if the published value lies in our interval, rounding allowed for, else not reproduced.",
                "Everywhere else it is not tested.",
                "A number that no confusion matrix can give together with the others of its row is arithmetically "
                "impossible, whatever the data.",
                "A printed count has no interval: ours is the same number, or it is not.",
                "What a study's configuration fixes (features, learnables, settings) is compared in every run, numbers "
                "of images on a complete copy of the paper's dataset.",
            ],
        ),
        Passage(
            "conclusions",
            "Conclusions",
            [
                "A paper's conclusion is a list of comparisons, each of one item that is said to be better than "
                "another.",
                f"It holds if each paired {level} interval lies above 0; all must, so none is corrected (Berger, "
                "1982).",
                "It does not hold if one interval, widened for the number of comparisons, has nothing above 0; "
                "otherwise it cannot be told.",
                "Fewer than six groups of images that tell two items apart settle nothing.",
                "The intervals do not say how results vary with other training images or other random numbers.",
            ],
        ),
    ]
