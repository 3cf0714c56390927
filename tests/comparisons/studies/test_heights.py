"""Heights, sex hidden: the lecture's soft counts, and who is misassigned."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import binom, norm

from comparisons.studies import Setting, heights
from comparisons.testing import assert_recovered


def test_two_people_are_counted_softly():
    tall, small, sums, means = (row[1:] for row in heights.worked().rows)
    np.testing.assert_allclose(tall, [0.9, 1.71, 0.1, 0.19], rtol=1e-12)
    np.testing.assert_allclose(small, [0.2, 0.31, 0.8, 1.24], rtol=1e-12)
    np.testing.assert_allclose(sums, [1.1, 1.71 + 0.31, 0.9, 0.19 + 1.24], rtol=1e-12)
    assert means[1] == pytest.approx(1.83636, abs=5e-6)
    assert means[3] == pytest.approx(1.58889, abs=5e-6)
    # negative control: hard counts take the tall one for a whole man, the small one for none
    assert np.average([1.90, 1.55], weights=[1, 0]) != pytest.approx(means[1], abs=5e-6)


def test_volunteers_are_half_women_half_men(rng):
    x, sex = heights.measured(10_001, rng(0))
    assert (sex == 0).sum() == 5_000
    assert (sex == 1).sum() == 5_001
    for one, (mean, sd) in enumerate(((163, 6), (175, 7))):
        own = x[sex == one]
        assert abs(own.mean() - mean) < 4 * sd / np.sqrt(len(own))
        assert abs(own.std() - sd) < 4 * sd / np.sqrt(2 * len(own))
    assert heights.volunteers(10_001, rng(0)).observations == 10_001


def test_the_study_recovers_both_groups(story):
    comparison = story("heights").comparison
    assert_recovered(comparison, heights.TRUTH)
    wrong = heights.TRUTH._replace(weight=np.array([0.8, 0.2]))
    with pytest.raises(AssertionError):
        assert_recovered(comparison, wrong)


def best_possible():
    """Return the error of the best rule: by numerical integration of the lesser density."""
    x = np.linspace(100, 240, 140_001)
    each = [norm.pdf(x, 163, 6), norm.pdf(x, 175, 7)]
    return np.trapezoid(np.minimum(*each) / 2, x)


def worst(comparison):
    """Return the error of the worst threshold in the 95% interval of where both are as likely."""
    rows = comparison.tree["memberships"].to_dataset().isel(component=1).sortby("x")
    x = rows["x"].to_numpy()
    middle = x > 150  # far below, the wider group takes over again
    ends = [x[middle & (rows[name].to_numpy() > 0.5)].min() for name in ("high", "low")]
    women, men = norm(163, 6), norm(175, 7)
    return max((women.sf(end) + men.cdf(end)) / 2 for end in ends)


def test_who_is_misassigned(story, rng):
    x, _ = heights.measured(heights.PEOPLE, rng(0))
    *_, everybody = story("heights").steps[1].rows
    _, people, _, by_em, by_posterior, by_truth = everybody
    assert people == heights.PEOPLE
    # the best rule's error, counted, lies within 4 binomial errors of its probability
    best = best_possible()
    error = np.sqrt(best * (1 - best) / people)
    assert abs(by_truth - best) < 4 * error
    assert abs(by_truth - 1.25 * best) > 4 * error  # negative control
    # both thresholds are estimates, and may lie anywhere in their interval
    low, high = (binom.ppf(p, people, best) / people for p in (1e-6, 1 - 1e-6))
    near = worst(story("heights").comparison)
    assert low < by_em < high + near - best
    assert low < by_posterior < high + near - best
    assert 1 - by_em > high + near - best  # negative control: labels swapped
    # the best rule is a threshold, found by a root of scipy's densities
    women, men = norm(163, 6), norm(175, 7)
    middle = brentq(lambda at: men.logpdf(at) - women.logpdf(at), 163, 175)
    np.testing.assert_array_equal(heights.probability(x) > 0.5, x > middle)
    assert not np.array_equal(heights.probability(x) > 0.5, x > middle - 0.5)  # negative control


def test_em_is_as_sure_as_it_may_be(story, rng):
    """In each class of how sure EM is, as many are wrong as the posterior's interval allows."""
    x, sex = heights.measured(heights.PEOPLE, rng(0))
    em, _, low, high = heights.shares(story("heights").comparison, x).T
    man = em > 0.5
    least, most = np.where(man, 1 - high, low), np.where(man, 1 - low, high)
    sure = np.maximum(em, 1 - em)
    classes = np.digitize(sure, heights.SURE[1:-1])

    def calibrated(times):
        inside = []
        for one in np.unique(classes):
            own = classes == one
            n, wrong = own.sum(), (man != sex)[own].sum()
            bounds = times * least[own].mean(), times * most[own].mean()
            inside.append(
                binom.ppf(1e-5, n, bounds[0]) <= wrong <= binom.ppf(1 - 1e-5, n, bounds[1])
            )
        return all(inside)

    assert calibrated(1)
    assert not calibrated(0.25)  # negative control: far too sure


@pytest.mark.slow
def test_few_people_cannot_be_told_apart():
    story = heights.tell(Setting(people=200, progress=False))
    assert story.comparison.verdict == "inconclusive"
    assert "do not separate two groups" in story.learned
    assert "200 heights" in story.learned
