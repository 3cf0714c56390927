"""Both answers keep their word on data from the prior; a slip in either is seen there."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy import stats

from comparisons.comparison import second_opinion
from comparisons.replicates import run
from comparisons.trust import calibration
from comparisons.trust.calibration import Design, problem, replicate
from comparisons.trust.summary import INTERVALS, JOINT, summary
from em.data.threads import available
from models import Binomial, Gamma, Gaussian, Poisson, Sample, StudentT, ZeroInflated

pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")
BROKEN = 1e-6  # chance at which a promise counts as broken


def records_of(design, n, task=replicate, jobs=None):
    """Return the records of n replicates."""
    return run(partial(task, design), n, jobs=available() if jobs is None else jobs)


def lead(records):
    """Return by how many standard errors the posterior mean's square error is the smaller one."""
    rows = [one["parameters"] for one in records if "parameters" in one]
    truth, mle, mean = (
        np.array([[row[name] for row in each] for each in rows])
        for name in ("truth", "mle", "mean")
    )
    gain = (mle - truth) ** 2 - (mean - truth) ** 2
    return gain.mean(axis=0) / (gain.std(axis=0, ddof=1) / np.sqrt(len(gain)))


def promised(found):
    """Return the chance of the worst coverage that the posterior shows, however many there are."""
    each = [one for one in found.coverage if one.interval == "posterior"]
    chances = [stats.binomtest(one.held, one.of, one.level).pvalue for one in each]
    return min(chances) * len(chances)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "jobs"), [(6, 1), (80, None)], ids=["few", "many"])
def test_ranks_are_uniform_and_intervals_hold_what_they_promise(n, jobs):
    records = records_of(Design("binomial", 2, 100), n, jobs=jobs)
    found = summary(records, Binomial)
    assert found.failed == ()
    assert found.uniform
    assert promised(found) > BROKEN
    names = [one.parameter for one in found.ranks]
    assert names == ["weight[0]", "weight[1]", "prob[0]", "prob[1]", JOINT]
    assert {one.interval for one in found.coverage} == set(INTERVALS)
    assert sum(one.seen for one in found.verdicts.values()) == found.replicates - found.refused
    # on average the posterior's mean is where the truth is, with the prior's own draws
    z = [one.bias_posterior / one.bias_posterior_error for one in found.accuracy]
    assert np.abs(z).max() < stats.norm.isf(BROKEN / len(z))
    # and no estimator has a lower expected square error there
    assert (lead(records) > -stats.norm.isf(BROKEN / len(z))).all()


def doubled(design, number):
    """A replicate whose posterior counts every observation twice."""

    def twice(family, sample, k, **options):
        again = Sample(sample.x, sample.trials, 2 * sample.counts)
        return second_opinion(family, again, k, **options)

    kept = calibration.second_opinion
    calibration.second_opinion = twice
    try:
        return replicate(design, number)
    finally:
        calibration.second_opinion = kept


@pytest.mark.slow
def test_counting_twice_is_seen_in_ranks_and_coverage():
    found = summary(records_of(Design("poisson", 1, 30), 150, doubled), Poisson)
    assert not found.uniform
    assert promised(found) < BROKEN
    # negative control of the control: the same without the slip
    right = summary(records_of(Design("poisson", 1, 30), 150), Poisson)
    assert right.uniform
    assert promised(right) > BROKEN


def test_a_replicate_can_be_drawn_alone():
    design = Design("gaussian", 2, 60, seed=4)
    first, again = problem(design, 7), problem(design, 7)
    np.testing.assert_array_equal(first.data.sample.x, again.data.sample.x)
    assert first.seed == again.seed
    assert (np.diff(first.truth.theta.mean) > 0).all()  # labels in order
    assert not np.array_equal(first.data.sample.x, problem(design, 8).data.sample.x)
    assert not np.array_equal(
        first.data.sample.x, problem(design._replace(seed=5), 7).data.sample.x
    )


@pytest.mark.parametrize("family", ["multivariate", "gaussian"])
def test_every_parameter_has_its_place(family):
    record = replicate(Design(family, 2, 120, draws=100, tune=200), 1)
    labels = [row["parameter"] for row in record["parameters"]]
    assert len(set(labels)) == len(labels)
    for row in record["parameters"]:
        assert 0 <= row["rank"] <= record["among"]
        assert 0 <= row["pit"] <= 1
    means = [row["mle"] for row in record["parameters"] if row["parameter"].startswith("mean[")]
    assert means[0] <= means[-1]


def test_zeros_in_excess_and_held_tails_are_simulated_and_fitted():
    zeros = Design("poisson", 1, 80, draws=100, tune=200, zeros=True)
    assert Design("student-t", 2, 50, df=4.0).kind() is StudentT.with_df(4)
    assert zeros.kind() is ZeroInflated(Poisson)
    assert zeros._replace(zeros=False).kind() is Poisson  # negative control
    drawn = [problem(zeros, number) for number in range(9)]
    mixed = [
        bool((one.data.sample.x == 0).any() and (one.data.sample.x > 0).any()) for one in drawn
    ]
    record = replicate(zeros, mixed.index(True))
    assert [row["parameter"] for row in record["parameters"]] == ["rate[0]", "zero[*]"]
    few = zeros._replace(observations=4)
    full = [bool((problem(few, number).data.sample.x > 0).all()) for number in range(40)]
    assert "has no zeros" in replicate(few, full.index(True))["refused"]


def test_data_that_nobody_can_fit_are_counted():
    record = {"replicate": 0, "refused": "1 distinct value for 2 components", "seconds": 0.0}
    found = summary([record], Gaussian)
    assert found.refused == 1
    assert found.ranks == ()


def made(rng, shrunk=1.0, n=4_000, power=1.0):
    """Return records whose estimates scatter about the truth as their errors say."""
    found = []
    for number in range(n):
        truth = rng.uniform(0.2, 0.8)
        odds = np.log(truth / (1 - truth)) + rng.normal(0, 0.3)
        mle = 1 / (1 + np.exp(-odds))  # symmetric in log odds, with an error of 0.3 there
        error = 0.3 * mle * (1 - mle) * shrunk
        rate = 5 + rng.normal(0, 0.5)
        rows = [
            {"parameter": "prob[0]", "truth": truth, "mle": float(mle), "se": float(error)},
            {"parameter": "mean[0]", "truth": 5.0, "mle": rate, "se": 0.5 * shrunk},
        ]
        pit, rank = rng.random() ** power, int(101 * ((rng.integers(101) + 0.5) / 101) ** power)
        uniform = {"pit": pit, "rank": rank, "mean": 5.1}
        found.append(
            {
                "replicate": number,
                "parameters": [row | uniform for row in rows],
                "joint": uniform,
                "among": 100,
                "verdict": "agree",
                "findings": {},
                "seconds": 0.0,
            }
        )
    return found


@pytest.mark.slow
@pytest.mark.parametrize("n", [600, 4_000])
def test_coverage_is_counted_as_it_was_made(n, rng):
    found = summary(made(rng(3), n=n), Gaussian)
    promised = {
        ("prob[0]", "EM transformed"),
        ("mean[0]", "EM"),
        ("mean[0]", "EM transformed"),
        *((name, "posterior") for name in ("prob[0]", "mean[0]")),
    }
    for one in found.coverage:
        if (one.parameter, one.interval) in promised:
            assert stats.binomtest(one.held, one.of, one.level).pvalue > BROKEN
        low, high = stats.binom.ppf([0.005, 0.995], one.of, one.level)
        assert (one.low, one.high) == (low, high)
    held = {(one.parameter, one.interval, one.level): one.held for one in found.coverage}
    assert held["mean[0]", "EM", 0.5] == held["mean[0]", "EM transformed", 0.5]
    bounded = summary(made(rng(3), n=n), Gamma)  # whose mean is above 0
    held = {(one.parameter, one.interval, one.level): one.held for one in bounded.coverage}
    assert held["mean[0]", "EM", 0.5] != held["mean[0]", "EM transformed", 0.5]
    assert found.uniform
    accuracy = {one.parameter: one for one in found.accuracy}["mean[0]"]
    assert accuracy.bias_posterior == pytest.approx(0.1)
    assert accuracy.rmse_posterior == pytest.approx(0.1)
    error = 0.5 / np.sqrt(2 * n)  # of a root mean square
    assert accuracy.rmse_em == pytest.approx(0.5, abs=5 * error)
    # negative control: errors that are too small by a third
    wrong = summary(made(rng(3), shrunk=0.7, n=n), Gaussian)
    held = [one for one in wrong.coverage if (one.parameter, one.interval) in promised]
    broken = [one for one in held if one.interval != "posterior" and not one.kept]
    assert len(broken) == 12
    # and a posterior whose intervals lie too low
    low = summary(made(rng(3), n=n, power=1.5), Gaussian)
    assert not low.uniform
    assert not all(one.kept for one in low.coverage if one.interval == "posterior")
