"""Predictive values: how likely who tests positive is ill and who tests negative healthy, for a given share of the ill.

The share of the ill among tested subjects is the dataset's making and no clinic's. Sensitivity and specificity do not
depend on it; predictive values follow from them by Bayes' theorem for any share, if patients and healthy subjects are
like those that were tested.
"""

from __future__ import annotations

from leukorepro.evaluation.intervals import Interval


def positive_predictive_value(sensitivity: float, specificity: float, prevalence: float) -> float:
    """Share of the ill among the positive; NaN where nobody is positive. All in [0, 1].

    Parameters
    ----------
    sensitivity : float
        Share of the ill who test positive.
    specificity : float
        Share of the healthy who test negative.
    prevalence : float
        Share of the ill among all who are tested.
    """
    true, false = sensitivity * prevalence, (1 - specificity) * (1 - prevalence)
    return true / (true + false) if true + false else float("nan")


def negative_predictive_value(sensitivity: float, specificity: float, prevalence: float) -> float:
    """Share of the healthy among the negative; NaN where nobody is negative. All in [0, 1].

    Parameters
    ----------
    sensitivity : float
        Share of the ill who test positive.
    specificity : float
        Share of the healthy who test negative.
    prevalence : float
        Share of the ill among all who are tested.
    """
    return positive_predictive_value(specificity, sensitivity, 1 - prevalence)


def positive_predictive_interval(sensitivity: Interval, specificity: Interval, prevalence: float) -> Interval:
    """Interval of the positive predictive value from those of both rates, in which it rises.

    If each of theirs covers with 97.5 %, this one covers with 95 % or more (Bonferroni).

    Parameters
    ----------
    sensitivity, specificity : Interval
        Of the two rates, in [0, 1].
    prevalence : float
        Share of the ill among all who are tested, taken as known.

    Returns
    -------
    Interval
        It counts no undefined resamples: those of both rates are told with them.
    """
    low = positive_predictive_value(sensitivity.low, specificity.low, prevalence)
    return Interval(low, positive_predictive_value(sensitivity.high, specificity.high, prevalence), 0)


def negative_predictive_interval(sensitivity: Interval, specificity: Interval, prevalence: float) -> Interval:
    """Interval of the negative predictive value from those of both rates, in which it rises; as the positive one's.

    Parameters
    ----------
    sensitivity, specificity : Interval
        Of the two rates, in [0, 1].
    prevalence : float
        Share of the ill among all who are tested, taken as known.
    """
    return positive_predictive_interval(specificity, sensitivity, 1 - prevalence)
