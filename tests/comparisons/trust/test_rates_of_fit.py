"""Right models are hardly ever said not to fit; leave-one-out is what leaving out gives."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from comparisons.comparison import second_opinion
from comparisons.trust import fits, loo, misfit
from comparisons.trust.evidence import drawn_small
from comparisons.trust.exact_evidence import exact_evidence
from comparisons.trust.loo import exact_each, exact_new, predicted
from models import Binomial, BinomialPrior, Poisson, PoissonPrior, Prior, Sample
from models.question import asked

BROKEN = 1e-6  # chance at which a promise counts as broken
SMALL = 0.25  # of a log density, where not leaving out adds about 1 a parameter


def test_one_coin_without_a_row_is_beta_binomial():
    """Leaving out a row in closed form: heads of the others set the beta distribution."""
    x, prior = np.array([5.0, 9.0, 8.0, 4.0, 7.0]), Prior(0.0, BinomialPrior(0.0, 0.0))
    each = exact_each(asked(Binomial, Sample(x, 10), 1, prior=prior))
    law = [
        stats.betabinom(10, 1 + x.sum() - one, 1 + 40 - (x.sum() - one)).logpmf(one)
        for one in np.sort(x)
    ]
    np.testing.assert_allclose(each, law, rtol=1e-10)
    # negative control: the row itself among the others
    within = [stats.betabinom(10, 1 + x.sum(), 51 - x.sum()).logpmf(one) for one in np.sort(x)]
    assert np.abs(each - within).max() > 0.01


def test_new_counts_of_one_rate_are_negative_binomial():
    truth, question = drawn_small(1)
    prior = Prior(0.0, PoissonPrior(1.0, 0.5))
    asked_of = asked(Poisson, question.rows, 1, prior=prior)
    n, total = question.rows.observations, float(question.rows.x @ question.rows.counts)
    shape, rate = 2 + total, 0.5 + n
    values = np.arange(loo.HIGHEST + 1)
    law = stats.nbinom(shape, rate / (rate + 1)).logpmf(values)
    chance = stats.poisson(truth.theta.rate[0]).pmf(values)
    assert exact_new(asked_of, truth) == pytest.approx(n * (chance @ law), rel=1e-6)
    assert exact_evidence(asked_of) < 0


@pytest.mark.slow
def test_leaving_out_by_weights_is_leaving_out():
    """Of one group weights are stable: the error is a small part of what leaving out changes."""
    found = [predicted(number) for number in (0, 1)]
    off = [one["elpd"] - one["exact"] for one in found]
    assert np.abs(off).max() < SMALL
    # negative control: densities of rows that were not left out are higher by about 1 a parameter
    _, question = drawn_small(0)
    whole = question.of(Sample(question.rows.x, 10, 2 * question.rows.counts))
    twice = float(question.rows.counts @ exact_each(whole))
    assert twice - found[0]["exact"] > SMALL


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # chains are short here
def test_right_models_fit_and_a_wrong_one_does_not():
    n = 2
    chances = [misfit.chance(number)["p"] for number in (1, 2)]  # a chain, an admixture
    bound = stats.binom.isf(BROKEN, n, 0.001)
    assert sum(p <= 0.001 for p in chances) <= bound
    wrong = fits.WRONG[2]  # counts of twice the variance
    seen = []
    for seed in range(n):
        sample = Sample(wrong.draw(np.random.default_rng([seed, 7])))
        opinion = second_opinion(
            wrong.family, sample, wrong.k, chains=2, draws=200, seed=seed, progress=False
        )
        seen.append(opinion.fitted.chance)
    assert sum(p <= 0.001 for p in seen) > bound
