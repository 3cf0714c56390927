"""Profile likelihood intervals: published, by the textbook, by brute force, for every pair."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from families import FAMILIES, LONG_TO_COMPILE
from scipy import optimize, stats
from structures import STRUCTURES

import em
from em.data.threads import executor_for
from em.emission import emission_of
from em.errors.profile import Surface, Walk
from em.fewer import question_without_one, without
from em.model import model_of
from models import (
    Binomial,
    Gaussian,
    Groups,
    MultivariateGaussian,
    Poisson,
    Sample,
    Sequences,
    StudentT,
    weak_prior,
)
from models.refusal import Refusal
from models.structure import parameters, picked, shares_of

QUANTILE = stats.chi2(1).ppf(0.95)
LAMB = (
    "000001010000001010000220000100110011100100000000000000000020100000000000000000100000732324000010"
    "000000102000010000100000000000000100000210010001011000100100012000101101002012112101100110001110"
    "400200000000000000000000000000000000000000000000"
)  # Leroux & Puterman (1992)


def surface_of(fit):
    with executor_for(fit.question.sample, emission_of(fit.family), fit.question.k) as workers:
        floor = workers.rows.units.floor_in(fit.floor)
        table = workers.rows.sample.table
        floor = np.diag(floor) if table and floor.ndim == 1 else floor
        return Surface(model_of(fit.question, workers, floor=floor), fit.inside)


def test_the_movements_of_a_fetal_lamb_have_their_published_intervals():
    """Bacri et al. (2023): to the digits that they print."""
    fit = em.fit(Poisson, Sequences([int(one) for one in LAMB], initial="stationary"), 2)
    found = fit.intervals()
    published = {
        "rate[0]": (0.1455, 0.3350, 5e-5),
        "rate[1]": (1.265, 4.948, 5e-4),
        "transition[0,1]": (0.00087, 0.0670, 5e-5),
    }
    for label, (low, high, digits) in published.items():
        one = found.of(label)
        np.testing.assert_allclose((one.low, one.high), (low, high), atol=digits)
    # of two shares one rises as the other falls
    np.testing.assert_allclose(
        found.of("transition[0,0]").low, 1 - found.of("transition[0,1]").high
    )


def root(height, top, near, far):
    """Return where a function has fallen by half the quantile from its top."""
    level = height(top) - QUANTILE / 2
    return optimize.brentq(lambda at: height(at) - level, near, far, xtol=1e-13)


def test_a_single_coin_and_a_single_rate_have_the_intervals_of_the_textbook():
    heads = em.fit(Binomial, Sample([3, 5, 2], trials=[9, 9, 9]), 1).intervals().of("prob[0]")

    def coin(p):
        return 10 * np.log(p) + 17 * np.log1p(-p)

    expected = root(coin, 10 / 27, 1e-6, 10 / 27), root(coin, 10 / 27, 10 / 27, 1 - 1e-6)
    np.testing.assert_allclose((heads.low, heads.high), expected, rtol=1e-7)
    x = np.array([2, 0, 4, 1])
    rate = em.fit(Poisson, Sample(x), 1).intervals(0.9).of("rate[0]")
    level = stats.chi2(1).ppf(0.9) / 2

    def lacks(at):
        return 7 * np.log(at) - 4 * at - (7 * np.log(7 / 4) - 7) + level

    expected = optimize.brentq(lacks, 1e-3, 1.75), optimize.brentq(lacks, 1.75, 20)
    np.testing.assert_allclose((rate.low, rate.high), expected, rtol=1e-7)


def test_a_single_normal_has_the_intervals_of_the_textbook(rng):
    x = 100 + rng(3).normal(size=30)
    n, mean, sd = len(x), x.mean(), x.std()
    found = em.fit(Gaussian, Sample(x), 1).intervals()
    half = sd * np.sqrt(np.expm1(QUANTILE / n))
    np.testing.assert_allclose(found.of("mean[0]")[2:4], (mean - half, mean + half), rtol=1e-8)

    def height(s):
        return -n * np.log(s) - n * sd**2 / (2 * s**2)

    expected = root(height, sd, sd / 3, sd), root(height, sd, sd, 3 * sd)
    np.testing.assert_allclose(found.of("sd[0]")[2:4], expected, rtol=1e-6)


def test_where_no_head_fell_the_bound_is_the_end():
    """n log(1 - p) = -q / 2, and 0 itself is as likely as it gets."""
    found = em.fit(Binomial, Sample([0, 0, 0], trials=[5, 5, 5]), 1).intervals().of("prob[0]")
    assert found.low == 0
    assert "bound" in found.why_low
    assert not found.why_high
    assert found.high == pytest.approx(1 - np.exp(-QUANTILE / 30), rel=1e-6)


def test_brute_force_finds_the_same_ends(rng):
    """The least and the greatest value of a parameter among all that are likely enough."""
    x = np.concatenate([rng(1).poisson(2, 60), rng(2).poisson(9, 40)])
    fit = em.fit(Poisson, Sample(x), 2)
    at = np.array([fit.mixture.weight[0], *fit.mixture.theta.rate])

    def height(one):
        density = one[0] * stats.poisson.pmf(x, one[1]) + (1 - one[0]) * stats.poisson.pmf(
            x, one[2]
        )
        return np.log(density).sum()

    level, found = height(at) - QUANTILE / 2, fit.intervals()
    rule = {"type": "ineq", "fun": lambda one: height(one) - level}
    for where, label in enumerate(["weight[0]", "rate[0]", "rate[1]"]):
        for sign, end in ((1, found.of(label).low), (-1, found.of(label).high)):
            best = optimize.minimize(
                lambda one, sign=sign, where=where: sign * one[where],
                at,
                constraints=[rule],
                bounds=[(0.01, 0.99), (0.1, 30), (0.1, 30)],
                method="SLSQP",
                options={"ftol": 1e-12, "maxiter": 500},
            )
            assert end == pytest.approx(best.x[where], rel=1e-5)


def missed(fit, end):
    """Return by how much an end misses its height, by the log-likelihood alone."""
    there = replace(fit, estimate=end)
    still = em.displaced(there, np.zeros((1, len(fit.coordinates))))
    here = em.log_likelihood(fit.family, fit.question.data, still)[0]
    return abs(here - fit.log_likelihood + QUANTILE / 2)


def sloping(fit, end, parameter):
    """Return the largest slope along directions that leave the parameter as it is.

    In standard errors with all other parameters known: those of all together are far longer where
    covariances hang together, and over such steps differences have errors of their own.
    """
    unit = 1 / np.sqrt(np.diagonal(fit.information))
    (far, way), (near, _) = (differences(fit, end, parameter, h * unit) for h in (2e-3, 1e-3))
    slope, way = unit * (4 * near - far) / 3, unit * way  # Richardson: the error is of h^4
    return np.abs(slope - way * (slope @ way) / (way @ way)).max()


def differences(fit, end, parameter, steps):
    """Return slopes of the log-likelihood and of a parameter by every coordinate, each (p,)."""
    there, data = replace(fit, estimate=end), fit.question.data
    ahead, behind = (em.displaced(there, sign * np.diag(steps)) for sign in (1, -1))
    up, down = (em.log_likelihood(fit.family, data, one) for one in (ahead, behind))
    moved = picked(ahead, parameter) - picked(behind, parameter)
    return (up - down) / (2 * steps), moved / (2 * steps)


def checked(structure, row, labels=None):
    """Return how many inner ends of a random problem were checked."""
    generator = np.random.default_rng(11)
    _, data = structure.random(generator, row, 2, 240)
    fit = em.fit(row.family, data, 2, starts=3)
    if not fit.converged or fit.reason:
        return 0
    surface, count = surface_of(fit), 0
    rows = parameters(fit.estimate, fit.question.held)
    for parameter in [*rows[:1], *rows[-2:]] if labels is None else rows:
        for sign in (-1, 1):
            end = surface.ends(parameter, sign, [QUANTILE])[0]
            if end.reason:
                continue
            outside = surface.model.outside(end.parameters)
            assert missed(fit, outside) < 1e-6 + 1e-12 * abs(fit.log_likelihood)
            if fit.has_errors and not end.fixed.any():
                assert sloping(fit, outside, parameter) < 2e-3
            assert (end.value - picked(fit.estimate, parameter)) * sign > 0
            count += 1
    return count


PAIRS = [
    pytest.param(
        structure,
        row,
        id=f"{structure.name}, {row.name}",
        marks=[pytest.mark.slow]
        if (structure.name != "mixture" and row.name not in ("gaussian", "poisson"))
        or row.name in LONG_TO_COMPILE
        else [],
    )
    for structure in STRUCTURES
    for row in FAMILIES
]


WITHOUT = {  # not identified, on an edge or open with these data: no inner end to look at
    *(("mixture", name) for name in ("binomial", "categorical", "student-t")),
    *(("admixture", name) for name in ("categorical", "gamma", "student-t")),
    *(("hidden Markov", name) for name in ("categorical", "lognormal")),
    ("hidden Markov, free start", "student-t"),
}


@pytest.mark.parametrize(("structure", "row"), PAIRS)
def test_every_end_has_its_height_and_the_others_at_their_best(structure, row):
    assert checked(structure, row) or (structure.name, row.name) in WITHOUT


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.name)
def test_most_ends_are_inside(structure):
    """So that the test above has something to look at."""
    row = next(one for one in FAMILIES if one.name == "poisson")
    assert checked(structure, row, "all") >= 4


def test_an_end_that_is_moved_would_be_found(rng):
    x = np.concatenate([rng(1).normal(0, 1, 100), rng(2).normal(4, 1, 100)])
    fit = em.fit(Gaussian, Sample(x), 2)
    surface, parameter = surface_of(fit), parameters(fit.estimate)[3]
    end = surface.ends(parameter, 1, [QUANTILE])[0]
    outside = surface.model.outside(end.parameters)
    assert missed(fit, outside) < 1e-6
    assert sloping(fit, outside, parameter) < 1e-3
    mean, far = outside.theta.mean.copy(), end.value - fit.mixture.theta.mean[1]
    mean[1] += 0.05 * far
    moved = outside._replace(theta=outside.theta._replace(mean=mean))
    assert missed(fit, moved) > 0.05
    # the right value with the others as the estimate has them
    mean = fit.mixture.theta.mean.copy()
    mean[1] = end.value
    others = fit.mixture._replace(theta=fit.mixture.theta._replace(mean=mean))
    assert sloping(fit, others, parameter) > 0.05


def test_a_table_has_intervals_of_its_means_and_covariances(rng):
    x = rng(5).normal(size=(80, 2)) @ np.array([[1.0, 0.6], [0.0, 0.5]]) + [100, -3]
    found = em.fit(MultivariateGaussian, Sample(x), 1).intervals()
    n, sd = len(x), x.std(axis=0)
    half = sd * np.sqrt(np.expm1(QUANTILE / n))
    for column in range(2):
        one = found.of(f"mean[0,{column}]")
        centre = x[:, column].mean()
        np.testing.assert_allclose(
            (one.low, one.high), centre + np.array([-1, 1]) * half[column], rtol=1e-6
        )

    def height(variance):
        return -n / 2 * (np.log(variance) + sd[1] ** 2 / variance)

    expected = [root(height, sd[1] ** 2, sd[1] ** 2, far * sd[1] ** 2) for far in (0.2, 5)]
    np.testing.assert_allclose(found.of("cov[0,1,1]")[2:4], expected, rtol=1e-6)


def test_groups_that_overlap_never_exchange_their_labels(rng):
    """On the way neither mean passes the other: the exchanged optimum is as high as the estimate."""
    for seed in range(6):
        x = np.concatenate([rng([seed, 1]).normal(0, 1, 60), rng([seed, 2]).normal(2.5, 1, 60)])
        fit = em.fit(Gaussian, Sample(x), 2)
        if not fit.has_errors:
            continue
        surface = surface_of(fit)
        for parameter in parameters(fit.estimate):
            for sign in (-1, 1):
                end = surface.ends(parameter, sign, [QUANTILE])[0]
                if end.parameters is not None and not end.reason:
                    assert np.diff(end.parameters.theta.mean) > 0


def test_what_grows_without_bound_has_no_upper_end(rng):
    """The other ends are those with a finite value where that is better, and not shorter ones."""
    x = rng(7).normal(size=100)
    fit = em.fit(StudentT, Sample(x), 1)
    found = fit.intervals(replicates=0)
    gaussian = em.fit(Gaussian, Sample(x), 1).intervals()
    assert found.of("df[0]").high == np.inf
    assert np.isnan(found.of("df[0]").low)
    # with a smaller sd heavy tails fit better: the end of the Gaussian is not the answer
    assert np.isnan(found.of("sd[0]").low)
    assert "df finite" in found.of("sd[0]").why_low
    assert found.of("sd[0]").high == pytest.approx(gaussian.of("sd[0]").high, rel=1e-4)
    # negative control: heavy tails, where all ends are inside
    heavy = em.fit(StudentT, Sample(rng(8).standard_t(3, size=300)), 1).intervals()
    assert np.isfinite(heavy.low).all()
    assert np.isfinite(heavy.high).all()


@pytest.fixture
def overlapping():
    """Return a fit of the quantiles of one normal, where two groups are one too many."""
    x = stats.norm.ppf((np.arange(40) + 0.5) / 40)
    return em.fit(Gaussian, Sample(x.round(2)), 2)


def test_an_end_that_a_profile_does_not_reach_is_the_bootstraps_if_it_is_farther(monkeypatch):
    fit = em.fit(Gaussian, Sample(rounded(1)), 2)
    alone = fit.intervals(replicates=0)
    opened = [one for one in alone if np.isnan(one.high) and "followed only" in one.why_high]
    assert opened
    label = opened[0].label
    rows = parameters(fit.estimate)
    at = next(number for number, row in enumerate(rows) if row.label == label)
    here = picked(fit.estimate, rows[at])

    def filled(value):
        """Return the interval if the bootstrap's end is some value."""
        wide = np.tile([-value, value], 100)[:, None]
        monkeypatch.setattr(
            em.intervals, "_estimates", lambda _, rows, *__: np.tile(wide, (1, len(rows)))
        )
        return fit.intervals(only=label).of(label)

    far = filled(1e3)
    assert far.high == 1e3
    assert far.why_high == f"by the bootstrap: {opened[0].why_high}"
    # what the profile reached lies within: a nearer end of the bootstrap is none
    near = filled(0.9 * float(here))
    assert np.isnan(near.high)
    assert near.why_high.endswith("the bootstrap's end is nearer than that")
    # negative control: an end of its own stays
    closed = next(one for one in alone if np.isfinite(one.high))
    assert fit.intervals(only=closed.label).of(closed.label).high == closed.high


def test_no_end_is_on_the_other_side_of_the_estimate(overlapping, monkeypatch):
    """Newton's steps may go the wrong way first, and there come to a bound."""

    def crossed():
        found = overlapping.intervals(replicates=0)
        here = overlapping.to_frame()["mle"].to_numpy()
        return bool(((found.low > here) | (found.high < here)).any())

    assert not crossed()
    # negative control: such a bound would be taken for the end, by a walk of long steps
    monkeypatch.setattr(Walk, "onside", lambda *_: True)
    monkeypatch.setattr(Walk, "aim", lambda walk, _: walk.goal)
    assert crossed()


def test_where_the_bootstrap_fails_too_both_reasons_are_said(overlapping, monkeypatch):
    fit = overlapping
    monkeypatch.setattr(em.intervals, "spikes", lambda *_, **__: np.array([True]))
    said = [one.why_high for one in fit.intervals(replicates=20) if np.isnan(one.high)]
    assert any(re.search("are needed; .* ended on a spike$", one) for one in said)


def test_replicates_without_bound_have_no_end_and_no_warning(rng):
    fit = em.fit(StudentT, Sample(rng(7).normal(size=100)), 1)
    assert np.isnan(fit.intervals().of("df[0]").low)  # of which replicates tell nothing
    assert fit.intervals(kind="bootstrap", replicates=40).of("df[0]").high == np.inf


X = [1, 2, 0, 3, 2, 1, 9, 11, 8, 12, 10, 9, 2, 1, 3, 0, 12, 10, 9, 8, 1, 2, 11, 9] * 4


@pytest.mark.parametrize(
    ("family", "data", "options"),
    [
        (Gaussian, Sample(X), {}),
        (Poisson, Sample(X), {}),
        (Poisson, Sample(X), {"prior": weak_prior(Poisson, Sample(X), 2)}),
        (Poisson, Sample(X), {"equal_weights": True}),
        (Poisson, Sequences(X), {}),
        (Poisson, Groups(X, np.repeat(np.arange(3), 32)), {}),
    ],
    ids=["gaussian", "poisson", "prior", "equal weights", "chain", "admixture"],
)
def test_replicates_that_are_stepped_together_end_where_they_end_alone(
    family, data, options, monkeypatch
):
    fit = em.fit(family, data, 2, **options)
    together = fit.intervals(kind="bootstrap", replicates=12)
    monkeypatch.setattr(em.intervals, "joins", lambda _: False)
    alone = fit.intervals(kind="bootstrap", replicates=12)
    se = fit.to_frame()["se"].to_numpy()
    near = 5e-3 * se  # a climb stops a thousandth of an error from its end
    seen = se > 0  # not of shares that are held
    assert seen.any()
    assert (np.abs(together.low - alone.low) < near)[seen].all()
    assert (np.abs(together.high - alone.high) < near)[seen].all()
    # negative control: other data
    other = fit.intervals(kind="bootstrap", replicates=12, seed=1)
    assert (np.abs(other.low - alone.low) > near)[seen].any()


def test_the_bootstrap_names_an_edge_and_a_flat_direction():
    fit = em.fit(Binomial, Sample([0, 0, 0, 0, 5, 4, 5, 5], 5), 2)
    found = fit.intervals(kind="bootstrap", replicates=40)
    assert np.isnan(found.of("prob[0]").high)
    assert "on an edge" in found.of("prob[0]").why_high
    assert found.of("prob[1]").low < found.of("prob[1]").high  # negative control
    assert fit.intervals(only="prob[0]").of("prob[0]").high == pytest.approx(0.0916, abs=1e-4)


def test_shares_of_groups_have_intervals():
    data = Groups([0, 1, 0, 2, 9, 8, 1, 0, 7, 9, 8, 11, 1, 9, 10, 0], ["a"] * 8 + ["b"] * 8)
    found = em.fit(Poisson, data, 2).intervals()
    one = found.of("weight[0,0]")
    other = found.of("weight[0,1]")
    assert 0 < one.low < one.high < 1
    np.testing.assert_allclose((one.low, one.high), (1 - other.high, 1 - other.low))


def test_the_heading_says_of_what_the_profile_is():
    sample = Sample([0, 1, 0, 2, 7, 9, 8, 6])
    under = em.fit(Poisson, sample, 2, prior=weak_prior(Poisson, sample, 2))
    assert str(under.intervals()).startswith("95% profile intervals of the posterior density\n")
    assert str(under.intervals(kind="wald")).startswith("95% intervals by standard errors\n")
    plain = em.fit(Poisson, sample, 2).intervals(0.9999999)
    assert str(plain).startswith("99.99999% profile likelihood intervals\n")


def test_a_data_frame_has_the_same_ends():
    fit = em.fit(Poisson, Sample([0, 1, 0, 2, 7, 9, 8, 6]), 2)
    frame, found = fit.to_frame(0.9, kind="profile"), fit.intervals(0.9)
    np.testing.assert_array_equal(frame[["low", "high"]], np.stack([found.low, found.high], axis=1))
    assert frame.index.tolist() == [one.label for one in found]
    assert not np.allclose(frame["low"], fit.to_frame(0.9)["low"])


def test_bad_input_is_refused_in_a_line():
    fit = em.fit(Poisson, Sample([0, 1, 0, 7, 9, 8]), 2)
    for asked, said in (
        ({"level": 1.0}, "level is 1"),
        ({"kind": "exact"}, "kind is 'exact'"),
        ({"only": ["size[0]"]}, "no parameter is called 'size"),
        ({"kind": "bootstrap", "replicates": 1}, "replicates is 1"),
        ({"replicates": 1}, "replicates is 1"),
        ({"kind": "bootstrap", "replicates": 0}, "replicates is 0"),
    ):
        with pytest.raises(Refusal, match=said) as caught:
            fit.intervals(**asked)
        assert "\n" not in str(caught.value)
    stopped = em.fit(Poisson, Sample([0, 1, 0, 3, 2, 7, 9, 8]), 2, max_steps=2)
    with pytest.raises(Refusal, match="not converged"):
        stopped.intervals()
    hard = em.fit(Poisson, Sample([0, 1, 0, 7, 9, 8]), 2, hard=True)
    with pytest.raises(Refusal, match="hard EM"):
        hard.intervals()
    with pytest.raises(Refusal, match="not the maximum of these data"):
        fit.of(Sample([0, 5, 9])).intervals()


def test_the_bootstrap_of_a_rate_is_that_of_sums_of_counts(rng):
    """Its estimates are Poisson sums over n; the quantiles' errors are those of 400 draws."""
    x = rng(4).poisson(3.0, 50)
    found = em.fit(Poisson, Sample(x), 1).intervals(kind="bootstrap").of("rate[0]")
    exact = stats.poisson(x.sum())
    density = stats.norm.pdf(1.96) / exact.std()
    error = np.sqrt(0.025 * 0.975 / 400) / density
    for end, tail in ((found.low, 0.025), (found.high, 0.975)):
        assert abs(end * 50 - exact.ppf(tail)) < 4 * error + 1
    narrow = exact.ppf(0.1)
    assert abs(found.low * 50 - narrow) > 4 * error


def rounded(seed):
    """Draw one column of two groups that overlap, of 30 to 150 rows."""
    generator = np.random.default_rng(seed)
    n = int(generator.integers(30, 150))
    first = generator.random(n) < 0.4
    return np.round(generator.normal(np.where(first, 0, 2.2), 1), 1)


@pytest.mark.parametrize(("seed", "at"), [(39, 1), (46, 0)])
def test_a_profile_is_followed_over_a_dip(seed, at):
    """It falls, rises and falls again: a second optimum, which is not high enough to end it."""
    x = rounded(seed)
    fit = em.fit(Gaussian, Sample(x), 2)
    found = fit.intervals(only=f"sd[{at}]", replicates=0).of(f"sd[{at}]")
    weight, (mean, sd) = fit.estimate

    def fallen(others, log_sd):
        others = np.insert(others, 3 + at, log_sd)
        shares = np.log([weights := 1 / (1 + np.exp(-others[0])), 1 - weights])
        far = (x[:, None] - others[1:3]) / np.exp(others[3:])
        rows = shares - others[3:] - far**2 / 2 - np.log(2 * np.pi) / 2
        return fit.log_likelihood - np.logaddexp(*rows.T).sum()

    others = np.array([np.log(weight[0] / weight[1]), *mean, np.log(sd[1 - at])])
    falls = []
    for log_sd in np.linspace(np.log(sd[at]), np.log(found.high), 25)[1:]:
        best = optimize.minimize(fallen, others, args=(log_sd,))
        others = best.x
        falls.append(best.fun)
    half = stats.chi2(1).ppf(0.95) / 2
    assert falls[-1] == pytest.approx(half, abs=1e-4)
    assert max(falls[:-1]) < half
    assert min(np.diff(falls)) < -1e-3  # or there is no dip, and the test would test nothing


def test_a_profile_that_rises_to_another_optimum_stays_open():
    """Beyond it the profile is that of other groups, or of the same with their labels exchanged."""
    found = em.fit(Gaussian, Sample(rounded(5)), 2).intervals(only="mean[0]", replicates=0)
    assert np.isnan(found.low[0])
    assert np.isnan(found.high[0])
    assert "could be followed only to a fall of" in found.of("mean[0]").why_high


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.name)
def test_profiles_of_several_levels_end_where_each_alone_does(structure):
    """Both are known to the rounding of heights, 1e-9, over slopes of at least 0.6 a unit."""
    row = next(one for one in FAMILIES if one.name == "poisson")
    _, data = structure.random(np.random.default_rng(11), row, 2, 240)
    fit = em.fit(row.family, data, 2, starts=3)
    levels = [0.5, 0.8, 0.95]
    labels = [one.label for one in parameters(fit.estimate, fit.question.held)][-2:]
    together = fit.profiles(levels, only=labels)
    closed = 0
    for level, found in zip(levels, together, strict=True):
        alone = fit.intervals(level, only=labels, replicates=0)
        both = np.isfinite(alone.low) & np.isfinite(alone.high)
        wide = (alone.high - alone.low)[both]
        assert np.isfinite([found.low[both], found.high[both]]).all()
        assert (np.abs(found.low - alone.low)[both] < 1e-6 * wide).all()
        assert (np.abs(found.high - alone.high)[both] < 1e-6 * wide).all()
        closed += both.sum()
    assert closed >= 3
    assert (together[2].high > together[1].high + 1e-3).any()


def test_levels_that_fall_are_refused(rng):
    fit = em.fit(Poisson, Sample(rng(1).poisson(3, 50)), 1)
    with pytest.raises(Refusal, match="rising"):
        fit.profiles([0.9, 0.5])


def test_where_one_group_fewer_fits_nearly_as_well_its_own_parameters_have_no_end():
    """An empty group may have any mean and sd, and the log-likelihood of one group."""
    sample = Sample(rounded(24))
    fit, one = em.fit(Gaussian, sample, 2), em.fit(Gaussian, sample, 1)
    fall = fit.log_likelihood - one.log_likelihood
    assert 1.2 < fall < 1.5
    for level, opened in ((0.95, True), (0.85, False)):  # falls of 1.92 and 1.04
        found = fit.intervals(level, replicates=0)
        reason = f"without this group the log-likelihood is only {fall:.2f} lower"
        for label in ("mean[0]", "mean[1]", "sd[0]", "sd[1]"):
            row = found.of(label)
            assert (reason in row.why_low) == (reason in row.why_high) == opened
        assert reason not in found.of("weight[0]").why_high
    weak = em.fit(Gaussian, Sample(rounded(6)), 2).intervals(replicates=0)
    assert (weak.of("weight[0]").low, weak.of("weight[1]").high) == (0, 1)  # an empty group
    clear = em.fit(Gaussian, Sample(X), 2)
    assert np.isfinite(clear.intervals(replicates=0).low).all()  # negative control


def test_only_the_group_that_may_be_empty_is_free(rng):
    """Of three groups two share a cluster; the third is needed, whatever its label."""
    draws = rng(3)
    x = np.concatenate([draws.normal(-12, 1, 60), draws.normal(0, 1, 40), draws.normal(1.6, 1, 40)])
    fit = em.fit(Gaussian, Sample(x.round(1)), 3)
    assert (fit.estimate.theta.mean < -10).sum() == 2
    fall = fit.log_likelihood - em.fit(Gaussian, Sample(x.round(1)), 2).log_likelihood
    assert 3 < fall < 3.8  # at 99.5% 3.94 are needed
    found = fit.intervals(0.995, replicates=0)
    for label in ("mean[0]", "sd[0]", "mean[1]", "sd[1]"):
        assert "without this group" in found.of(label).why_high
    for label in ("mean[2]", "sd[2]", "weight[2]"):  # negative control
        assert np.isfinite(found.of(label)[2:4]).all()
    assert found.of("weight[0]").low == 0


def test_one_group_fewer_may_grow_without_bound():
    """Light tails have an infinite df, which no density is computed from."""
    x = [207, 140, 175, 128, 121, 100, 101, 187, 120, 198, 148, 163, 219, 212]
    fit = em.fit(StudentT, Sample(x), 2)
    assert [edge.bound for edge in em.fit(StudentT, Sample(x), 1).edges] == [np.inf]
    found = fit.intervals(0.99, replicates=0)  # a warning of NumPy would be an error here
    assert "without this group" in found.of("mean[0]").why_high


@pytest.mark.parametrize("structure", STRUCTURES, ids=lambda one: one.name)
def test_a_structure_without_a_component_is_one_of_fewer(structure):
    """Its shares sum to one, and EM climbs from it; where no share can be 0 there is none."""
    row = next(one for one in FAMILIES if one.name == "poisson")
    _, data = structure.random(np.random.default_rng(12), row, 3, 200)
    fit = em.fit(row.family, data, 3, starts=2)
    fewer = question_without_one(fit.question)
    if not fit.question.structure.axes():
        assert fewer is None
        return
    left = without(fit.estimate, 1)
    for share in shares_of(left).values():
        np.testing.assert_allclose(share.sum(axis=-1), 1)
    np.testing.assert_array_equal(left.theta.rate, np.delete(fit.estimate.theta.rate, 1))
    climbed = em.fitted(fewer, start=left)
    assert climbed.log_likelihood <= fit.log_likelihood + 1e-6
