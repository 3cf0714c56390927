"""Gaussians on coins: spikes, impossible counts, and densities that are no probabilities."""

from __future__ import annotations

import arviz as az
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import logsumexp
from scipy.stats import norm

import bayes
import em
from comparisons.comparison import second_opinion
from comparisons.studies import misfit
from comparisons.studies.calculations.boundary import both
from comparisons.studies.calculations.cells import beyond, bic_of_cells, cells, loo_of_cells, spiked
from models import Gaussian, Mixture, Sample, simulate

MIXTURE = Mixture(np.array([0.4, 0.6]), Gaussian(np.array([3.0, 8.0]), np.array([1.3, 1.2])))


@pytest.fixture(scope="module")
def plain():
    coins, _ = simulate(misfit.TRUTH, misfit.SETS, np.random.default_rng(0), misfit.FLIPS)
    return Sample(coins.x, counts=coins.counts)


def density(x):
    return float(MIXTURE.weight @ norm.pdf(x, MIXTURE.theta.mean, MIXTURE.theta.sd))


def test_a_cell_is_the_integral_of_the_density():
    wide = np.arange(-30, 60)
    given = cells(MIXTURE, wide)
    assert given.sum() == pytest.approx(1)
    for x in (0, 3, 8, 10):
        assert given[wide == x] == pytest.approx(quad(density, x - 0.5, x + 0.5)[0], rel=1e-9)
        assert given[wide == x] != pytest.approx(density(x), rel=1e-3)  # negative control


def test_what_lies_beyond_is_the_rest():
    inside = quad(density, 0, 10, epsabs=1e-12)[0]
    found = beyond(MIXTURE, 10)
    assert found["below 0"] + found["above 10"] == pytest.approx(1 - inside, abs=1e-9)
    assert found["beyond, when rounded"] == pytest.approx(1 - cells(MIXTURE, np.arange(11)).sum())
    assert found["beyond, when rounded"] < found["below 0"] + found["above 10"]


def test_a_spike_takes_bic_as_low_as_one_likes_but_not_by_probability(plain):
    """One component on n_0 of n equal counts: each tenth of its sd adds n_0 log 10."""
    fits = [spiked(plain, sd) for sd in misfit.NARROW]
    naive = np.array([fit.bic for fit in fits])
    fair = np.array([bic_of_cells(fit, plain) for fit in fits])
    tenths = -np.diff(np.log10(misfit.NARROW))
    slope = 2 * plain.counts.max() * np.log(10) * tenths
    assert -np.diff(naive)[1:] == pytest.approx(slope[1:], rel=0.01)
    assert abs(np.diff(fair)[1:]) == pytest.approx(np.zeros(len(fits) - 2), abs=1)
    best = em.fit(Gaussian, plain, 2)
    assert naive[-1] < best.bic  # it would be chosen, and by probabilities it is not
    assert fair[-1] > bic_of_cells(best, plain)


def test_spikes_are_named(plain):
    rows = misfit.ends(plain, 0).rows
    narrow = [row for row in rows if row[5]]
    assert narrow
    assert all(row[3] < 1e-6 for row in narrow)
    assert all(abs(row[4] - round(row[4])) < 1e-6 for row in narrow)  # each on one count
    assert all(row[3] > 0.1 for row in rows if not row[5])  # negative control


def test_loo_by_cells_is_that_of_every_set_by_itself(plain):
    """PSIS by hand would repeat ArviZ; the pointwise log-likelihood of single sets goes in."""
    opinion = second_opinion(Gaussian, plain, 2, seed=1, progress=False)
    tree = opinion.tree
    single = Sample(np.repeat(plain.x, plain.counts))
    draws = both(opinion)[1]
    each = np.log(cells(draws, single.x)).repeat(single.counts, axis=1)
    shaped = each.reshape(tree["posterior"].sizes["chain"], -1, each.shape[1])
    expanded = az.loo(
        az.from_dict(
            {
                "posterior": {"w": draws.weight[:, 0].reshape(shaped.shape[:2])},
                "log_likelihood": {"x": shaped},
            }
        )
    )
    ours = loo_of_cells(opinion)
    assert ours.n_data_points == plain.observations
    within = logsumexp(each, axis=0) - np.log(len(each))
    assert ours.elpd < within.sum()
    assert abs(ours.elpd - expanded.elpd) < 0.1 < abs(bayes.loo(tree).elpd - expanded.elpd)


def test_the_story(story):
    told = story("misfit")
    by = {row[0]: row for row in told.steps[2].rows}
    assert by["beyond, when rounded"][3] > 0  # and coins never do
    assert told.comparison.tree.attrs["family"] == "Binomial"
    fair, other = told.steps[3].rows[:2]
    assert fair[1:5:3] == ("coins", 0.0)
    assert other[2] < fair[2]
