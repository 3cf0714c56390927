"""Right models are hardly ever said not to fit; leave-one-out is what leaving out gives."""

from __future__ import annotations

import arviz_stats as az
import numpy as np
import pytest
from scipy import stats

import em
from bayes import sampled
from bayes.posterior.tree import posterior_of
from comparisons.choice.predicted import left_out
from comparisons.comparison import second_opinion
from comparisons.trust import fits, loo, misfit
from comparisons.trust.evidence import FLIPS, drawn_small
from comparisons.trust.exact_evidence import exact_evidence
from comparisons.trust.loo import DRAWS, exact_each, exact_new
from models import Binomial, BinomialPrior, Poisson, PoissonPrior, Prior, Sample
from models.question import asked

BROKEN = 1e-6  # chance at which a promise counts as broken


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


def worth(number):
    """Return the elpd of a problem, its Monte Carlo error, and the exact value.

    The error is that of -sum log mean 1 / p over draws, by the delta method.
    """
    _, question = drawn_small(number)
    tree = sampled(question, draws=DRAWS, tune=DRAWS, seed=number, progress=False)
    kept, rows = posterior_of(tree), question.rows
    trials = None if rows.trials is None else FLIPS
    each = [question.of(Sample([one], trials)).data for one in rows.x]
    heights = np.array([em.log_likelihood(question.family, one, kept.draws) for one in each])
    inverse = np.exp(heights.min(axis=1, keepdims=True) - heights)
    pull = rows.counts @ (inverse / inverse.mean(axis=1, keepdims=True))
    error = pull.std() / np.sqrt(float(az.ess(pull.reshape(kept.sizes))))
    return left_out(tree).elpd, error, float(rows.counts @ exact_each(question))


@pytest.mark.slow
def test_leaving_out_by_weights_is_leaving_out():
    for number in (0, 1):  # of one group, of which weights are stable
        found, error, exact = worth(number)
        most = stats.norm.isf(BROKEN / 2) * error
        assert abs(found - exact) < most
        # negative control: rows that were not left out have a higher density
        _, question = drawn_small(number)
        rows = question.rows
        trials = None if rows.trials is None else FLIPS
        twice = question.of(Sample(rows.x, trials, 2 * rows.counts))
        assert float(rows.counts @ exact_each(twice)) - exact > most


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # chains are short here
def test_right_models_fit_and_a_wrong_one_does_not():
    """By Fisher's sum of -2 log p, chi-squared for uniform p, less for those that are larger."""
    n = 2
    most = stats.chi2(2 * n).isf(BROKEN)
    chances = np.array([misfit.chance(number)["p"] for number in (1, 2)])  # a chain, an admixture
    assert -2 * np.log(chances).sum() < most
    wrong = fits.WRONG[2]  # counts of twice the variance
    seen = []
    for seed in range(n):
        sample = Sample(wrong.draw(np.random.default_rng([seed, 7])))
        opinion = second_opinion(
            wrong.family, sample, wrong.k, chains=2, draws=200, seed=seed, progress=False
        )
        seen.append(opinion.fitted.chance)
    assert -2 * np.log(seen).sum() > most
