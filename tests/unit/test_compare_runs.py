"""Two runs side by side, against differences within one run and against two samples of patients drawn apart."""

import numpy as np
import pandas as pd
import pytest
from compared_data import answers, outcomes, study

from leukorepro.evaluation.resampling.between_runs import OneRun, compare_study, only_in_one
from leukorepro.evaluation.resampling.differences import differences

N_SUBJECTS, SIZE = 40, 5
ONE = {"x": {}}


def patients(seed, shift=0.0):
    """Answers on a sample of patients: their own effect, and a better or worse system."""
    rng = np.random.default_rng(seed)
    subject = np.repeat(np.arange(N_SUBJECTS), SIZE)
    positive = subject % 2 == 0
    effect = rng.normal(size=N_SUBJECTS)[subject]
    noise = rng.normal(size=len(subject))
    return subject, positive, (np.where(positive, 0.7, -0.7) * (1 + shift) + effect + noise)


def run_of(*frames, files="same", items=ONE):
    names = sorted({name for frame in frames for name in frame["image_id"]})
    return OneRun(outcomes(study(items), *frames), pd.Series([f"{files} {name}" for name in names], index=names))


def test_runs_on_the_same_images_differ_as_two_rungs_of_one_run_do():
    """The same predictions once as two runs, once as two rungs; also where each run tests a part of the images."""
    subject, positive, score = patients(1)
    _, _, other = patients(1, shift=0.8)
    for parts in ([np.arange(200)] * 2, [np.arange(150), np.arange(80, 200)]):
        first, second = (
            answers("x", subject[p], positive[p], values[p], images=p)
            for p, values in zip(parts, (score, other), strict=True)
        )
        found = compare_study(run_of(first), run_of(second), seed=5, n_resamples=200).set_index("metric")
        within = outcomes(study(ONE), first, second.assign(protocol="source_disjoint"))
        expected = differences(within, seed=5, n_resamples=200).set_index("metric")
        for column in ("difference", "ci_low", "ci_high", "n_groups"):
            assert found[column].to_numpy(float) == pytest.approx(expected[column].to_numpy(float), abs=1e-12)
        assert set(found["pairing"]) == {"paired" if len(parts[0]) == 200 else "partly paired"}
        assert set(found["n_images_shared"]) == {len(np.intersect1d(*parts))}


def test_runs_on_other_images_of_the_same_names_are_two_samples():
    """Files differ: the interval is that of the difference of two independent means of patients, by Welch's error."""
    sides = [answers("x", *patients(seed, shift)) for seed, shift in ((1, 0.0), (2, 0.8))]
    first, second = (run_of(frame, files=str(number)) for number, frame in enumerate(sides))
    found = compare_study(first, second, seed=0).set_index("metric").loc["accuracy"]
    means = [(f["y_true"] == f["y_pred"]).groupby(f["subject_id"]).mean() for f in sides]
    assert found["difference"] == pytest.approx(means[1].mean() - means[0].mean(), abs=1e-12)
    error = np.sqrt(sum(mean.var(ddof=1) / N_SUBJECTS for mean in means))
    width = found["ci_high"] - found["ci_low"]
    assert width == pytest.approx(2 * 2.02 * error, rel=0.1)  # t of 39 degrees; 2,000 resamples tell it to 5 %
    assert (found["pairing"], found["n_images_shared"], found["n_groups"]) == ("unpaired", 0, 2 * N_SUBJECTS)


@pytest.mark.parametrize(("n_first", "n_second"), [(1, 3), (3, 2), (2, 2)])
def test_runs_may_have_other_numbers_of_seeds(n_first, n_second):
    """Where both runs give the same, and seeds do too, the difference is 0; else its interval is over seeds, too."""

    def run(n_seeds, *shifts):
        frames = [
            answers("x", *patients(1, shifts[number % len(shifts)]), repeat=number).assign(seed=number)
            for number in range(n_seeds)
        ]
        return run_of(*(frame if n_seeds > 1 else frame.drop(columns="seed") for frame in frames))

    def compared(*shifts):
        found = compare_study(run(n_first, 0.0), run(n_second, *shifts), seed=0, n_resamples=200)
        return found.set_index("metric").loc["accuracy"]

    alike, apart, steady = compared(0.0), compared(0.4, 1.2), compared(0.8)
    assert alike["difference"] == pytest.approx(0, abs=1e-12)
    assert apart["difference"] > 0
    assert apart["ci_high"] - apart["ci_low"] > 1.2 * (steady["ci_high"] - steady["ci_low"])


def test_what_one_run_alone_has_is_named_and_not_compared():
    subject, positive, score = patients(3)
    frames = [answers(item, subject, positive, score) for item in ("x", "y")]
    both, alone = run_of(*frames, items={"x": {}, "y": {}}), run_of(frames[0])
    assert set(compare_study(both, alone, seed=0, n_resamples=50)["item"]) == {"x"}
    assert list(only_in_one(both.outcomes, alone.outcomes)) == ["1/y on as_published"]
    assert list(only_in_one(alone.outcomes, both.outcomes)) == []
