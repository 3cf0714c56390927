"""Hidden Markov models by EM: against all paths, by derivatives, on simulated chains."""

from __future__ import annotations

import copy
import itertools
import pickle

import numpy as np
import plainly
import pytensor.tensor as pt
import pytest
from pytensor.gradient import hessian
from scipy.special import gammaln
from scipy.stats import norm, poisson

import em
from em.climb.loop import ROUNDING
from em.stationary import best_moves, tilt
from em.structure import grouping_of
from models import Binomial, Gaussian, HiddenMarkov, Mixture, Poisson, Prior, Sample, Sequences
from models.family import entries
from models.hidden_markov import StationaryHiddenMarkov, UniformHiddenMarkov, stationary, walked
from models.poisson import PoissonPrior
from models.structure import from_fields, structure_for

STARTS = ["stationary", "free", "uniform"]


def start_of(shares, initial):
    """Return the first distribution that shares mean."""
    if initial == "free":
        return shares["initial"]
    moves = shares["transition"]
    return stationary(moves) if initial == "stationary" else np.full(len(moves), 1 / len(moves))


def shares_of(rng, k, initial):
    found = {"transition": rng.dirichlet(np.ones(k), k)}
    return found | ({"initial": rng.dirichlet(np.ones(k))} if initial == "free" else {})


def paths(data, shares, log_density, initial):
    """Return every path of every sequence with its joint log-probability, one by one."""
    start, moves = np.log(start_of(shares, initial)), np.log(shares["transition"])
    rows, k = np.column_stack([log_density, np.zeros(len(log_density))]), len(log_density)
    for begin, end in zip(data.begins, data.ends, strict=True):
        found = []
        for path in itertools.product(range(k), repeat=int(end - begin)):
            steps = sum(moves[a, b] for a, b in itertools.pairwise(path))
            seen = sum(rows[z, data.places[begin + t]] for t, z in enumerate(path))
            found.append((start[path[0]] + steps + seen, path))
        yield begin, found


@pytest.mark.parametrize("initial", STARTS)
@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("repeat", [True, False])
def test_sums_over_all_paths(initial, k, repeat, rng):
    generator = rng(1)
    x = generator.integers(0, 4, 15) + 0.0 if repeat else generator.permutation(15) + 0.0
    x[[2, 9, 10]] = np.nan
    data = Sequences(x, sequence=[8, 1, 6], initial=initial)
    shares = shares_of(generator, k, initial)
    log_density = 4 * np.log(generator.random((k, data.sample.distinct)))
    total, members, best, entropy = 0.0, np.zeros((k, 15)), [], 0.0
    moves, first = np.zeros((k, k)), np.zeros(k)
    for begin, every in paths(data, shares, log_density, initial):
        logs = np.array([log for log, _ in every])
        height = np.logaddexp.reduce(logs)
        total += height
        entropy -= (np.exp(logs - height) * (logs - height)).sum()
        best.append(max(every))
        for log, path in every:
            share = np.exp(log - height)
            first[path[0]] += share
            for t, z in enumerate(path):
                members[z, begin + t] += share
                if t:
                    moves[path[t - 1], z] += share
    grouping = grouping_of(structure_for(data), data, k)
    found = grouping.expect(shares, log_density, hard=False)
    assert found.log_likelihood == pytest.approx(total, rel=1e-13)
    np.testing.assert_allclose(grouping.members(shares, log_density), members, atol=1e-13)
    np.testing.assert_allclose(found.own["transition"], moves, atol=1e-13)
    np.testing.assert_allclose(found.own["initial"], first, atol=1e-13)
    counted = np.zeros_like(log_density)
    for row in np.flatnonzero(data.seen):
        counted[:, data.places[row]] += members[:, row]
    np.testing.assert_allclose(found.occupancy, counted, atol=1e-13)
    assert grouping.entropy(shares, log_density) == pytest.approx(entropy, rel=1e-11)
    value, path = grouping.path(shares, log_density)
    assert value == pytest.approx(sum(log for log, _ in best), rel=1e-13)
    assert path.tolist() == [z for _, one in best for z in one]
    hard = grouping.expect(shares, log_density, hard=True)
    assert hard.log_likelihood == value
    assert hard.occupancy.sum() == data.sample.observations
    assert hard.own["transition"].sum() == 12
    # negative control: by independent rows nothing of this comes out
    alone = np.logaddexp.reduce(log_density + np.log(start_of(shares, initial))[:, None], axis=0)
    assert total != pytest.approx(alone @ data.sample.counts, rel=1e-6)


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("repeat", [True, False])
def test_sums_over_paths_whose_densities_doubles_cannot_hold(k, repeat, rng):
    """States that are left for good, and rows that are far likelier under these."""
    generator = rng(13)
    x = generator.integers(0, 4, 12) + 0.0 if repeat else generator.permutation(12) + 0.0
    data = Sequences(x, sequence=[7, 1, 4], initial="free")
    moves = np.triu(generator.random((k, k)) + 0.1)
    shares = {"initial": np.eye(k)[0], "transition": moves / moves.sum(axis=1, keepdims=True)}
    log_density = 3_000 * np.log(generator.random((k, data.sample.distinct)))
    grouping = grouping_of(structure_for(data), data, k)
    found = grouping.expect(shares, log_density, hard=False)
    members = grouping.members(shares, log_density)
    total, expected = 0.0, np.zeros((k, 12))
    with np.errstate(divide="ignore"):
        for begin, every in paths(data, shares, log_density, "free"):
            logs = np.array([log for log, _ in every])
            total += np.logaddexp.reduce(logs)
            for log, path in every:
                for t, z in enumerate(path):
                    expected[z, begin + t] += np.exp(log - np.logaddexp.reduce(logs))
    assert found.log_likelihood == pytest.approx(total, rel=1e-13)
    np.testing.assert_allclose(members, expected, atol=1e-9)
    assert found.occupancy.sum() == pytest.approx(12)
    assert found.own["transition"].sum() == pytest.approx(9)
    np.testing.assert_allclose(found.own["initial"], np.eye(k)[0] * 3)
    # negative control: from another state it is another one
    other = grouping.expect(shares | {"initial": np.eye(k)[-1]}, log_density, hard=False)
    assert other.log_likelihood != pytest.approx(total, rel=1e-3)
    nowhere = np.full_like(log_density, -np.inf)
    with np.errstate(all="ignore"):
        assert grouping.expect(shares, nowhere, hard=False).log_likelihood == -np.inf


@pytest.mark.parametrize("k", [2, 3])
def test_walks_that_do_not_meet_are_taken_in_logarithms(k):
    """From either end all is well: only together are they impossible in doubles."""
    data = Sequences(np.arange(6.0), initial="free")
    shares = {"initial": np.eye(k)[0], "transition": np.eye(k)}
    log_density = np.zeros((k, 6))
    log_density[0, 3:] = -1_500.0
    grouping = grouping_of(structure_for(data), data, k)
    found = grouping.expect(shares, log_density, hard=False)
    assert found.log_likelihood == -4_500
    np.testing.assert_array_equal(found.occupancy, np.eye(k)[:, :1] * np.ones(6))
    assert found.own["transition"][0, 0] == 5


def test_one_step_ahead_nothing_is_known_of_the_row_itself(rng):
    generator = rng(2)
    x = generator.normal(size=12)
    x[5] = np.nan
    data = Sequences(x, sequence=[7, 5], initial="stationary")
    shares, log_density = shares_of(generator, 3, "stationary"), generator.normal(size=(3, 11))
    grouping = grouping_of(structure_for(data), data, 3)
    ahead = grouping.ahead(shares, log_density)
    np.testing.assert_allclose(ahead[:, 0], stationary(shares["transition"]))
    np.testing.assert_allclose(ahead[:, 7], stationary(shares["transition"]))
    # their predictive densities multiply to the likelihood
    rows = np.column_stack([log_density, np.zeros(3)])[:, data.places]
    logs = np.log((ahead * np.exp(rows)).sum(axis=0)).sum()
    assert logs == pytest.approx(grouping.expect(shares, log_density, hard=False).log_likelihood)


def simulated(rng, moves, theta, n, initial="stationary", lengths=None):
    """Return sequences of a chain, and the path."""
    lengths = np.array([n]) if lengths is None else np.asarray(lengths)
    path = walked(stationary(np.array(moves)), np.array(moves), lengths, rng)
    return Sequences(theta.draw(path, rng, None), sequence=lengths, initial=initial), path


MOVES = [[0.95, 0.05], [0.1, 0.9]]


@pytest.mark.parametrize("k", [2, 3])
def test_a_long_chain_neither_underflows_nor_loses_digits(k, rng):
    theta = Gaussian(np.arange(k) * 40.0, np.full(k, 0.5))  # of rows 80 sds from a state
    moves = 0.9 * np.eye(k) + 0.1 / k
    data, path = simulated(rng(3), moves, theta, 100_000)
    chain = StationaryHiddenMarkov(moves, theta)
    fit = em.fit(Gaussian, data, k, start=chain, max_steps=0)
    # states cannot be mistaken, so that the path is known
    x = data.sample.x[data.places]
    steps = np.log(moves[path[:-1], path[1:]]).sum() - np.log(k)
    exact = norm.logpdf(x, theta.mean[path], 0.5).sum() + steps
    assert fit.log_likelihood == pytest.approx(exact, rel=1e-13)
    np.testing.assert_array_equal(fit.decode(), path)
    np.testing.assert_array_equal(fit.occupancy().argmax(axis=1), path)
    few = em.log_likelihood(Gaussian, data, many(StationaryHiddenMarkov(moves[::-1], theta)))
    assert few[0] != pytest.approx(exact, rel=1e-3)  # negative control: other moves


def many(structure):
    shares = {name: structure._asdict()[name] for name in structure.axes()}
    every = {
        name: np.asarray(one)[None] for name, one in (shares | entries(structure.theta)).items()
    }
    return from_fields(type(structure), type(structure.theta), every)


@pytest.mark.parametrize("initial", STARTS)
@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("prior", [None, Prior(0.5, PoissonPrior(1.0, 0.2))])
def test_em_ascends_to_a_stationary_point(initial, hard, prior, rng):
    """With short sequences what their first states say weighs."""
    theta = Poisson(np.array([2.0, 7.0]))
    data, _ = simulated(rng(4), MOVES, theta, 0, initial, [3] * 40)
    fit = em.fit(Poisson, data, 2, starts=4, hard=hard, prior=prior, accelerate=False)
    falls = np.maximum(0, -np.diff(fit.trace))
    assert (falls <= ROUNDING * np.abs(fit.trace[:-1])).all()
    assert fit.converged
    if not hard:
        assert fit.decrement < 1e-4
        assert fit.has_errors
        fast = em.fit(Poisson, data, 2, starts=4, prior=prior)
        assert fast.trace[-1] == pytest.approx(fit.trace[-1], abs=1e-6)
        assert fast.evaluations < fit.evaluations


@pytest.mark.parametrize("k", [2, 3, 4])
def test_the_m_step_of_a_stationary_start_is_the_maximum(k, rng):
    generator = rng(5)
    counts, first = generator.gamma(1.0, 5.0, (k, k)), generator.gamma(1.0, 3.0, k)

    def slopes(moves):
        """Return the gradient of Q along all ways to move probability within a row."""
        found = []
        for i, j in itertools.product(range(k), range(k - 1)):
            way = np.zeros((k, k))
            way[i, j], way[i, k - 1] = 1e-6, -1e-6
            ends = [
                (counts * np.log(moves + sign * way)).sum()
                + first @ np.log(stationary(moves + sign * way))
                for sign in (1, -1)
            ]
            found.append((ends[0] - ends[1]) / 2e-6)
        return np.array(found)

    best = best_moves(counts, first)
    np.testing.assert_allclose(best.sum(axis=1), 1, rtol=1e-14)
    np.testing.assert_allclose(slopes(best), 0, atol=1e-5)
    closed = counts / counts.sum(axis=1, keepdims=True)
    assert np.abs(slopes(closed)).max() > 0.1  # negative control: what ignores the first states
    np.testing.assert_allclose(best_moves(counts, np.zeros(k)), closed, atol=1e-12)


def test_the_m_step_at_edges():
    # a move that never happened stays out
    moves = best_moves(np.array([[5.0, 0, 2], [1, 4, 0], [2, 2, 2]]), np.array([1.0, 0, 0]))
    assert moves[0, 1] < 1e-12
    assert moves[1, 2] < 1e-12
    # unless a sequence begins where the chain would never come
    left = best_moves(np.array([[5.0, 1.0], [0.0, 3.0]]), np.array([1.0, 0.0]))
    assert left[1, 0] > 0.1
    # states that are never left keep the shares of the sequences that begin in them
    apart = best_moves(np.diag([5.0, 3.0]), np.array([2.0, 1.0]))
    np.testing.assert_allclose(apart, np.eye(2), atol=1e-12)
    np.testing.assert_allclose(stationary(apart), [2 / 3, 1 / 3], atol=1e-4)


def test_the_stationary_distribution_keeps_its_digits_where_states_are_hardly_left():
    moves = np.array([[1 - 2e-15, 2e-15], [1e-15, 1 - 1e-15]])
    np.testing.assert_allclose(stationary(moves), [1 / 3, 2 / 3], rtol=1e-14)
    generator = np.random.default_rng(6)
    several = generator.dirichlet(np.ones(5), (3, 4, 5))
    delta = stationary(several)
    np.testing.assert_allclose(delta[..., None, :] @ several, delta[..., None, :], atol=1e-15)
    np.testing.assert_allclose(stationary(np.eye(3)), 1 / 3, rtol=1e-15)
    np.testing.assert_allclose(stationary(np.array([[1.0, 0.0], [0.3, 0.7]])), [1, 0])


def exact_hessian(x, fit, initial):
    """Return -d^2 log p(x) / d coordinates^2, by PyTensor from the product of matrices."""
    free = pt.vector()
    counted = 2 if initial == "free" else 1
    shares = []
    for row in range(counted + 1):
        part = free[row : row + 1]
        shares.append(pt.concatenate([part, 1 - part]))
    moves, rate = pt.stack(shares[-2:]), free[counted + 1 :]
    start = pt.as_tensor([0.5, 0.5])
    if initial == "free":
        start = shares[0]
    elif initial == "stationary":
        start = pt.stack([moves[1, 0], moves[0, 1]]) / (moves[1, 0] + moves[0, 1])
    ahead, total = start, 0.0
    for one in x:
        if np.isnan(one):
            ahead = ahead @ moves
            continue
        here = ahead * pt.exp(one * pt.log(rate) - rate - gammaln(one + 1))
        total += pt.log(here.sum())
        ahead = here @ moves / here.sum()
    at = em.coordinates_of(many(fit.estimate))[0]
    value = plainly.function([free], [total, -hessian(total, free)])
    return value(at)


@pytest.mark.parametrize("initial", STARTS)
def test_the_information_is_pytensors_hessian(initial, rng):
    generator = rng(7)
    x = generator.poisson(np.repeat([2.0, 9.0, 3.0], 4)) + 0.0
    x[[4, 5, 9]] = np.nan
    data = Sequences(x, initial=initial)
    inner = HiddenMarkov([0.6, 0.4], [[0.8, 0.2], [0.25, 0.75]], Poisson([2.5, 8.5]))
    kind = structure_for(data)
    start = kind(*inner[1:]) if initial != "free" else inner
    fit = em.fit(Poisson, data, 2, start=start, max_steps=0)  # a start is no edge
    height, theirs = exact_hessian(x, fit, initial)
    assert fit.log_likelihood == pytest.approx(height, rel=1e-13)
    scale = np.sqrt(np.outer(*[np.abs(np.diagonal(theirs))] * 2))
    np.testing.assert_allclose(fit.information / scale, theirs / scale, atol=1e-6)
    if initial == "stationary":  # negative control: without the first state it is another one
        _, other = exact_hessian(x, fit, "uniform")
        assert np.abs((other - theirs) / scale).max() > 1e-3


def test_standard_errors_are_those_of_a_numerical_hessian(rng):
    theta = Gaussian(np.array([0.0, 2.0]), np.array([1.0, 0.7]))
    data, _ = simulated(rng(8), MOVES, theta, 300)
    fit = em.fit(Gaussian, data, 2)
    p, size = len(fit.coordinates), 3e-2 / np.sqrt(np.diagonal(fit.information))

    def second(width):
        steps = [
            a * width * size[i] * np.eye(p)[i] + b * width * size[j] * np.eye(p)[j]
            for i, j in itertools.product(range(p), repeat=2)
            for a, b in ((1, 1), (1, -1), (-1, 1), (-1, -1))
        ]
        heights = em.log_likelihood(Gaussian, data, em.displaced(fit, np.array(steps)))
        corners = heights.reshape(p, p, 4) @ [-1, 1, 1, -1]
        return corners / (4 * width**2 * np.outer(size, size))

    numeric = (4 * second(0.5) - second(1.0)) / 3
    errors = np.sqrt(np.diagonal(np.linalg.inv(numeric)))
    mine = np.sqrt(np.diagonal(fit.covariance))
    np.testing.assert_allclose(mine, errors, rtol=1e-5)
    np.testing.assert_allclose(mine[-2:], fit.standard_errors.theta.sd[-2:], rtol=0.5)


def test_complete_information_gives_the_rate_of_em(rng):
    """The missing fraction is the rate of plain EM, where first states weigh, too."""
    data, _ = simulated(rng(9), MOVES, Poisson(np.array([2.0, 6.0])), 0, "stationary", [4] * 50)
    fit = em.fit(Poisson, data, 2, accelerate=False, starts=1, tolerance=1e-7)
    gains = np.diff(fit.trace)[20:30]
    rate = np.sqrt((gains[1:] / gains[:-1]).mean())
    assert fit.missing == pytest.approx(rate, abs=0.01)


@pytest.mark.parametrize("seed", range(10))
def test_truths_are_recovered_and_wrong_ones_are_not(seed):
    moves, theta = np.array(MOVES), Gaussian(np.array([0.0, 3.0]), np.array([1.0, 1.0]))
    data, path = simulated(np.random.default_rng(900 + seed), moves, theta, 1_500)
    fit = em.fit(Gaussian, data, 2, starts=3)
    truth = em.coordinates_of(many(StationaryHiddenMarkov(moves, theta)))[0]
    away = em.coordinates_of(many(fit.estimate))[0] - truth
    assert (np.abs(away) < 4 * np.sqrt(np.diagonal(fit.covariance))).all()
    assert away @ fit.information @ away < 22.5  # chi-squared with 6, one in a thousand
    assert (fit.decode() == path).mean() > 0.95
    wrong = truth + 0.04 * np.eye(6)[0]  # a state that is left a fifth as often
    off = em.coordinates_of(many(fit.estimate))[0] - wrong
    assert off @ fit.information @ off > 22.5


def test_residuals_are_normal_under_the_truth_and_not_without_order(rng):
    moves = np.array([[0.97, 0.03], [0.03, 0.97]])
    theta = Gaussian(np.array([0.0, 4.0]), np.array([1.0, 1.0]))
    data, _ = simulated(rng(10), moves, theta, 5_000)
    start = StationaryHiddenMarkov(moves, theta)
    z = em.fit(Gaussian, data, 2, start=start, max_steps=0).residuals().middle

    def memory(one):
        return abs(one[1:] @ one[:-1]) / np.sqrt(len(one))

    assert abs(z.mean()) * np.sqrt(5_000) < 3.3
    assert abs((z**2).mean() - 1) * np.sqrt(2_500) < 3.3
    assert memory(z) < 3.3
    mixed = StationaryHiddenMarkov(np.full((2, 2), 0.5), theta)
    assert memory(em.fit(Gaussian, data, 2, start=mixed, max_steps=0).residuals().middle) > 10


def test_residuals_of_counts_have_segments_and_unseen_rows_none():
    data = Sequences([2, None, 0, 5], initial="uniform")
    chain = UniformHiddenMarkov(np.full((2, 2), 0.5), Poisson(np.array([1.0, 4.0])))
    found = em.fit(Poisson, data, 2, start=chain, max_steps=0).residuals()
    for x, low, middle, high in zip(
        [2, 0, 5], *(one[[0, 2, 3]] for one in (found.low, found.middle, found.high)), strict=True
    ):
        below, at = (poisson.cdf(c, [1, 4]).mean() for c in (x - 1, x))
        assert norm.cdf(high) == pytest.approx(at)
        assert norm.cdf(low) == pytest.approx(below)
        assert norm.cdf(middle) == pytest.approx((below + at) / 2)
    assert np.isnan(found.middle[1])


def test_forecasts_tend_to_the_stationary_distribution():
    moves = np.array(MOVES)
    chain = StationaryHiddenMarkov(moves, Poisson(np.array([1.0, 9.0])))
    data = Sequences([0, 1, 9, 12, 0], sequence=[2, 3], initial="stationary")
    fit = em.fit(Poisson, data, 2, start=chain, max_steps=0)
    soon = fit.forecast(300)
    assert soon.states.shape == (2, 300, 2)
    last = fit.occupancy()[[1, 4]]  # of the last rows all is known that can be
    np.testing.assert_allclose(soon.states[:, 0], last @ moves, rtol=1e-12)
    np.testing.assert_allclose(soon.states[:, -1], [stationary(moves)] * 2, atol=1e-12)
    mixture = soon.mixture(1, sequence=1)
    assert isinstance(mixture, Mixture)
    np.testing.assert_allclose(soon.density(np.arange(60)).sum(axis=-1), 1, rtol=1e-12)
    np.testing.assert_allclose(
        np.cumsum(soon.density(np.arange(9)), axis=-1), soon.below(np.arange(9)), rtol=1e-9
    )
    assert soon.mean[1, 0] == pytest.approx(mixture.weight @ [1, 9])
    with pytest.raises(ValueError, match="step is 301; give one from 1 to 300"):
        soon.mixture(301)


def test_coins_and_several_columns_in_time(rng):
    generator = rng(11)
    path = walked(np.array([0.5, 0.5]), np.array(MOVES), np.array([200]), generator)
    heads = generator.binomial(10, np.array([0.2, 0.7])[path])
    coins = em.fit(Binomial, Sequences(heads, trials=10), 2, starts=3)
    assert (coins.decode() == path).mean() > 0.95
    assert coins.forecast(2).density([3], trials=10).shape == (1, 2, 1)
    from models import MultivariateGaussian

    table = generator.normal(size=(200, 2)) + 3 * path[:, None]
    found = em.fit(MultivariateGaussian, Sequences(table), 2, starts=3)
    assert found.residuals().middle.shape == (200, 2)
    np.testing.assert_allclose(found.residuals().middle.std(axis=0), 1, atol=0.15)
    assert found.forecast(1).mean.shape == (1, 1, 2)


def test_a_mixture_refuses_what_needs_order():
    mixture = em.fit(Poisson, Sample([0, 1, 7, 9]), 2)
    for method in (
        mixture.decode,
        mixture.occupancy,
        mixture.residuals,
        lambda: mixture.forecast(1),
    ):
        with pytest.raises(ValueError, match=r"needs rows in time; fit Sequences\(x\), not a Mix"):
            method()
    with pytest.raises(ValueError, match="this is a fit of a Mixture, but such data need a Hidden"):
        mixture.members(Sequences([0, 1, 7, 9]))


def test_a_stationary_chain_is_copied_and_kept_as_it_is():
    chain = StationaryHiddenMarkov(np.array(MOVES), Poisson(np.array([1.0, 9.0])))
    for again in (copy.deepcopy(chain), pickle.loads(pickle.dumps(chain))):
        assert type(again) is StationaryHiddenMarkov
        np.testing.assert_array_equal(again.initial, chain.initial)


def test_many_distinct_rows_come_in_the_order_of_time(rng):
    x = rng(12).normal(size=6_000)
    x[3_000:3_500] = x[:500]
    data = Sequences(x)
    np.testing.assert_array_equal(data.sample.x[data.places], x)
    assert (np.diff(data.places[:3_000]) == 1).all()
    fits = [
        em.fit(Gaussian, one, 2, starts=1, max_steps=3, tolerance=0)
        for one in (data, Sequences(x[:4_000]))
    ]
    again = em.fit(Gaussian, Sequences(x), 2, start=fits[0].estimate, max_steps=0)
    assert again.log_likelihood == pytest.approx(fits[0].log_likelihood, rel=1e-12)
    ordered = np.array([norm.logpdf(x, *one) for one in zip(*fits[0].estimate.theta, strict=True)])
    ahead = np.log(fits[0].estimate.initial)
    total = 0.0
    for row in ordered.T:
        here = ahead + row
        total += np.logaddexp.reduce(here)
        ahead = np.log(np.exp(here - np.logaddexp.reduce(here)) @ fits[0].estimate.transition)
    assert fits[0].log_likelihood == pytest.approx(total, rel=1e-11)


def test_one_state_is_plain_maximum_likelihood():
    x = [3.0, None, 5.0, 1.0]
    chain = em.fit(Poisson, Sequences(x), 1)
    plain = em.fit(Poisson, Sample([3.0, 5.0, 1.0]), 1)
    assert chain.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-14)
    assert chain.standard_errors.theta.rate[0] == pytest.approx(plain.standard_errors.theta.rate[0])
    assert chain.entropy == 0


def test_tilt_is_zero_without_sequences():
    np.testing.assert_array_equal(tilt(np.array(MOVES), np.zeros(2)).slope, np.zeros((2, 2)))


def test_forecasts_behind_impossible_moves_are_those_of_the_paths_that_are_left(rng):
    """One row is only possible by its logarithm; what memory held before must not matter."""
    chain = HiddenMarkov(
        np.array([1.0, 0.0]),
        np.array([[0.5, 0.5], [0.0, 1.0]]),
        Gaussian(np.array([0.0, 100.0]), np.ones(2)),
    )
    data = Sequences([0.0, 0.0, 100.0, 100.0, 100.0, 0.0, 100.0], initial="free")
    found = em.fit(Gaussian, data, 2, start=chain, max_steps=0)
    for _ in range(2):
        np.testing.assert_allclose(found.forecast(1).states, [[[0.0, 1.0]]], atol=1e-12)
        residuals = found.residuals().middle
        assert residuals[5] < -8  # nothing leads back to the first state
        assert (np.abs(residuals[[0, 3, 4, 6]]) < 1).all()
        found.occupancy()  # writes over the memory that the walks share


@pytest.mark.parametrize("seed", [1_001, 1_007, 1_012, 1_021])
def test_the_stationary_m_step_never_ends_below_the_present_transitions(seed, rng):
    """From n_ij / n_i. alone Newton's method ended at a lower top of Q on these short series."""
    generator = rng(seed)
    moves = 0.85 * np.eye(3) + 0.05
    path = walked(np.array([1.0, 0.0, 0.0]), moves, np.array([30]), generator)
    x = np.round(generator.normal(10 + 3 * path, 1.3), 1)
    found = em.fit(Gaussian, Sequences(x), 3, starts=10)
    falls = np.maximum(0, -np.diff(found.trace))
    assert (falls <= 1e-10 * np.abs(found.trace[:-1])).all()
