"""Groups with shares of their own: against every allocation of words, and what is drawn."""

from __future__ import annotations

from itertools import product

import arviz as az
import numpy as np
import pytensor.tensor as pt
import pytest
import xarray as xr
from families import FAMILIES
from scipy.special import gammaln, logsumexp, softmax
from scipy.stats import dirichlet

import bayes
from bayes.cell_op import cell_sum
from bayes.cell_sums import cell_members, cell_sums, cell_value_and_slopes
from bayes.posterior.tree import posterior_of
from bayes.sampling.compiled import engine_of, machine_code
from bayes.simplex import Simplex, WideSimplex
from models import Admixture, Categorical, Groups
from models.question import asked

TABLE = np.array([[2, 1, 0], [0, 1, 2]])
WORDS = Groups.from_table(TABLE)
pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # labels are free to move


def cells(rng, k, groups=4, m=5, spread=1.0):
    """Return what a sum over cells reads: two cells or more a group, the last row in none."""
    weight, log_density = rng.dirichlet(np.ones(k), groups), spread * rng.normal(size=(k, m))
    lengths = rng.integers(2, m, groups)
    places = np.concatenate([rng.permutation(m - 1)[:n] for n in lengths]).astype(float)
    times = rng.integers(1, 9, len(places)).astype(float)
    return weight, log_density, places, times, np.cumsum(lengths).astype(float)


def joint(weight, log_density, places, times, ends):
    """Return log weight + log p of each cell, (K, c), by NumPy."""
    whose = np.searchsorted(ends, np.arange(len(places)), side="right")
    with np.errstate(divide="ignore"):
        return np.log(weight[whose]).T + log_density[:, places.astype(int)]


def allocations():
    """Return group and category of each word of the tiny table, and every allocation, (64, 6)."""
    whose, what = np.nonzero(TABLE)
    often = TABLE[whose, what]
    words = np.repeat(whose, often), np.repeat(what, often)
    return *words, np.array(list(product(range(2), repeat=TABLE.sum())))


def test_the_log_likelihood_is_a_sum_over_every_allocation(rng):
    generator = rng(2101)
    whose, what, every = allocations()
    for _ in range(5):
        weight, prob = generator.dirichlet(np.ones(2), 2), generator.dirichlet(np.ones(3), 2)
        each = (weight[whose, every] * prob[every, what]).prod(axis=1)
        found = bayes.log_likelihood(Categorical, WORDS, Admixture(weight, Categorical(prob)))
        assert found == pytest.approx(np.log(each.sum()), rel=1e-12)
        # negative control: the groups' shares exchanged
        other = bayes.log_likelihood(Categorical, WORDS, Admixture(weight[::-1], Categorical(prob)))
        assert abs(other - found) > 1e-4


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("spread", [1.0, 500.0])  # log densities whose exponentials are no doubles
def test_sums_and_memberships_are_those_of_each_cell(k, spread, rng):
    generator = rng(2102)
    for _ in range(5):
        given = cells(generator, k, spread=spread)
        weight, log_density, places, times, ends = given
        each = joint(*given)
        value, *_ = cell_value_and_slopes(*given)
        assert value == pytest.approx(times @ logsumexp(each, axis=0), rel=1e-12)
        many = weight[None], log_density[None], places, ends
        np.testing.assert_allclose(cell_sums(*many)[0], logsumexp(each, axis=0), rtol=1e-12)
        np.testing.assert_allclose(cell_members(*many)[0], softmax(each, axis=0), atol=1e-12)
        if k > 1:  # negative control: a cell more in the first group
            moved = ends + np.eye(len(ends))[0]
            assert abs(cell_value_and_slopes(*given[:4], moved)[0] - value) > 1e-8


@pytest.mark.parametrize("k", [2, 3])
def test_slopes_are_differences(k, rng):
    generator, step = rng(2103), 1e-6
    given = cells(generator, k)
    _, by_weight, roots = cell_value_and_slopes(*given)
    for at, slopes in ((0, by_weight), (1, roots**2)):
        for place in np.ndindex(slopes.shape):
            ends = []
            for sign in (1, -1):
                moved = given[at].copy()
                moved[place] += sign * step
                ends.append(cell_value_and_slopes(*given[:at], moved, *given[at + 1 :])[0])
            # error of the difference: rounding of the value over the step, and its square
            slack = 1e-15 * abs(ends[0]) / step + 1e3 * step**2
            assert slopes[place] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=10 * slack)
    assert (roots**2).sum() == pytest.approx(given[3].sum(), rel=1e-12)  # every row is somewhere
    assert (roots[:, -1] == 0).all()  # a row without cells
    assert np.abs(by_weight - by_weight.mean()).max() > 0.1  # negative control: they differ


@pytest.mark.parametrize("k", [2, 3])
def test_shares_of_zero_and_far_apart_densities_lose_nothing(k, rng):
    """A group without the component that is e^1200 likelier than all others."""
    weight, log_density, places, times, ends = cells(rng(2104), k)
    log_density[-1] += 1200
    weight[0, -1] = 0
    weight[1, -1] = 1e-300
    weight /= weight.sum(axis=1, keepdims=True)
    given = weight, log_density, places, times, ends
    each = joint(*given)
    value, by_weight, roots = cell_value_and_slopes(*given)
    assert value == pytest.approx(times @ logsumexp(each, axis=0), rel=1e-12)
    chance = softmax(each, axis=0)
    counted = np.zeros_like(log_density)
    np.add.at(counted.T, places.astype(int), (times * chance).T)
    np.testing.assert_allclose(roots**2, counted, rtol=1e-10, atol=1e-12)
    many = weight[None], log_density[None], places, ends
    np.testing.assert_allclose(cell_sums(*many)[0], logsumexp(each, axis=0), rtol=1e-12)
    np.testing.assert_allclose(cell_members(*many)[0], chance, atol=1e-12)
    assert (chance[-1, : int(ends[0])] == 0).all()
    assert not np.isnan(by_weight).any()
    # what no component can have made
    log_density[:, int(places[0])] = -np.inf
    assert cell_value_and_slopes(*given)[0] == -np.inf
    assert cell_sums(*many)[0, 0] == -np.inf


def test_the_operation_has_first_derivatives_only(rng):
    given = cells(rng(2105), 2)
    symbols = [pt.matrix(), pt.matrix()]
    slopes = pt.grad(cell_sum(*symbols, *given[2:]), symbols)
    own = dict(zip(symbols, given[:2], strict=True))
    _, by_weight, roots = cell_value_and_slopes(*given)
    for slope, exact in zip(slopes, (by_weight, roots**2), strict=True):
        np.testing.assert_allclose(slope.eval(own, mode="FAST_COMPILE"), exact, rtol=1e-12)
    with pytest.raises(NotImplementedError, match="CellSum has no second derivatives"):
        pt.grad(slopes[0].sum(), symbols)


@pytest.mark.parametrize("row", FAMILIES, ids=[row.name for row in FAMILIES])
def test_any_family_has_groups(row, rng):
    generator, n, k = rng(2106), 40, 2
    theta, whose = row.random(generator, k).theta, np.arange(n) % 3
    weight, trials = generator.dirichlet(np.full(k, 4.0), 3), row.trials(generator, n)
    x = theta.draw(generator.integers(0, k, n), generator, trials)
    data = Groups(x, whose, trials=trials)
    log_density = row.log_density(theta, data.sample)[data.places]
    each = logsumexp(log_density + np.log(weight[data.whose]), axis=1)
    found = bayes.log_likelihood(row.family, data, Admixture(weight, theta))
    assert found == pytest.approx(float(data.times @ each), rel=1e-10)
    # negative control: the groups' shares in another order
    other = bayes.log_likelihood(row.family, data, Admixture(weight[::-1], theta))
    assert abs(other - found) > 1e-6


def test_one_compilation_serves_all_sizes(rng):
    generator, codes = rng(2107), set()
    for groups, categories, k in ((2, 3, 2), (5, 7, 3), (30, 40, 4), (2, 3, 1), (2, 2, 2)):
        table = generator.integers(1, 9, (groups, categories))
        question = asked(Categorical, Groups.from_table(table), k)
        engine = engine_of(question)
        if k > 1:  # fixed shares are another model
            codes.add(machine_code(engine))
        density, p = engine.density(question), (groups * (k - 1) + k * (categories - 1))
        place, way = generator.normal(size=p), generator.normal(size=p)
        step = 1e-5 * way
        slope = (density(place + step)[0] - density(place - step)[0]) / 2e-5
        assert density(place)[1] @ way == pytest.approx(slope, rel=1e-6)
    assert len(codes) == 1


@pytest.mark.parametrize("k", [2, 3, 50])
@pytest.mark.parametrize("transform", [Simplex(), WideSimplex()])
def test_coordinates_of_simplexes_go_there_and_back(transform, k, rng):
    given = rng(2108).dirichlet(np.ones(k), 4)
    value = transform.forward(pt.as_tensor(given), pt.ones((4, k)))
    again = transform.backward(value, pt.ones((4, k)))
    np.testing.assert_allclose(again.eval(mode="FAST_COMPILE"), given, rtol=1e-12)
    # the Jacobian, by differences, of the first k - 1 shares
    at, step = value.eval(mode="FAST_COMPILE")[0], 1e-6
    many = pt.as_tensor(at + step * np.concatenate([np.eye(k - 1), -np.eye(k - 1)]))
    ends = transform.backward(many, pt.ones((2 * k - 2, k))).eval(mode="FAST_COMPILE")[:, :-1]
    exact = np.linalg.slogdet((ends[: k - 1] - ends[k - 1 :]) / (2 * step))[1]
    found = transform.log_jac_det(pt.as_tensor(at), pt.ones(k)).eval(mode="FAST_COMPILE")
    assert found == pytest.approx(exact, abs=1e-5 * k)


def test_orthonormal_coordinates_keep_distances(rng):
    two = rng(2109).dirichlet(np.ones(6), 2)
    logs = np.log(two)
    logs -= logs.mean(axis=1, keepdims=True)
    exact = np.linalg.norm(logs[0] - logs[1])
    for transform, same in ((WideSimplex(), True), (Simplex(), False)):  # a negative control
        value = transform.forward(pt.as_tensor(two), pt.ones((2, 6))).eval(mode="FAST_COMPILE")
        assert (abs(np.linalg.norm(value[0] - value[1]) - exact) < 1e-12) == same


def by_allocations(alpha, beta):
    """Return the log evidence, and the posterior means of fitted probabilities, (G, V).

    log p(words, z) = sum_g log B(alpha + n_g) / B(alpha) + sum_k log B(beta + n_k) / B(beta)

    alpha: concentration of every share; beta: of every probability.
    """

    def log_beta(concentration):
        return gammaln(concentration).sum(-1) - gammaln(concentration.sum(-1))

    whose, what, every = allocations()
    heights, means = [], []
    for allocation in every:
        shares, probs = np.full((2, 2), alpha), np.full((2, 3), beta)
        np.add.at(shares, (whose, allocation), 1)
        np.add.at(probs, (allocation, what), 1)
        prior = 2 * log_beta(np.full(2, alpha)) + 2 * log_beta(np.full(3, beta))
        heights.append(log_beta(shares).sum() + log_beta(probs).sum() - prior)
        share = shares / shares.sum(axis=1, keepdims=True)
        means.append(share @ (probs / probs.sum(axis=1, keepdims=True)))
    heights = np.array(heights)
    return logsumexp(heights), np.tensordot(softmax(heights), np.array(means), 1)


def test_the_evidence_is_that_of_every_allocation(rng):
    """The mean of the likelihood under the prior, of draws that NumPy made."""
    generator, n = rng(2110), 40_000
    question = asked(Categorical, WORDS, 2)
    alpha, beta = 1 + question.prior.weight, 1 + question.prior.theta.unseen[0]
    weight = generator.dirichlet(np.full(2, alpha), (n, 2))
    prob = generator.dirichlet(np.full(3, beta), (n, 2))
    engine = engine_of(question)
    places = engine.pack(question, Admixture(weight, Categorical(prob)))
    each = np.exp(engine.log_likelihoods(question, places))
    error = each.std() / np.sqrt(n)
    exact = np.exp(by_allocations(alpha, beta)[0])
    assert abs(each.mean() - exact) < 4 * error
    assert abs(each.mean() - np.exp(by_allocations(alpha, beta + 4)[0])) > 10 * error  # negative
    # PyMC's prior has the same density
    law = [dirichlet(np.full(2, alpha)), dirichlet(np.full(3, beta))]
    logs = sum(law[0].logpdf(one) for one in weight[0]) + sum(law[1].logpdf(one) for one in prob[0])
    assert engine.log_priors(question, places[:1])[0] == pytest.approx(logs, rel=1e-10)


def test_draws_are_those_of_the_posterior():
    tree = bayes.sample(Categorical, WORDS, 2, draws=2_000, seed=2111, progress=False)
    question = posterior_of(tree).question
    alpha, beta = 1 + question.prior.weight, 1 + question.prior.theta.unseen[0]
    weight, prob = (tree["posterior"][name].to_numpy() for name in ("weight", "prob"))
    fitted = weight @ prob  # the same under both labellings
    named = xr.Dataset({"fitted": (("chain", "draw", "group", "category"), fitted)})
    error = az.mcse(named)["fitted"].to_numpy()
    exact = by_allocations(alpha, beta)[1]
    gap = np.abs(fitted.mean(axis=(0, 1)) - exact) / error
    assert gap.max() < 4
    plain = (1 + TABLE.sum(axis=0)) / (3 + TABLE.sum())  # negative control: one component
    assert (np.abs(fitted.mean(axis=(0, 1)) - plain) / error).max() > 10
    assert tree["sample_stats"]["diverging"].sum() == 0
    assert tree["posterior"]["weight"].dims == ("chain", "draw", "group", "component")


def test_fewer_observations_are_the_same_cells_counted_less(rng):
    """From 100,000 observations on, chains of fewer find the starts."""
    generator = rng(2112)
    shares = np.array([[0.9, 0.1], [0.6, 0.4], [0.4, 0.6], [0.1, 0.9]])
    exactly = shares @ np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    table = generator.multinomial(40_000, exactly)
    question = asked(Categorical, Groups.from_table(table), 2)
    engine = engine_of(question)
    fewer = engine.grouping.fewer(question, 10_000 / table.sum())
    assert fewer.data.times.sum() == pytest.approx(10_000, rel=1e-12)
    place = generator.normal(size=8)
    priors = engine.explored(question, place[None]) - engine.log_likelihoods(question, place[None])
    less = engine.explored(fewer, place[None]) - priors
    exact = engine.log_likelihoods(question, place[None]) * 10_000 / table.sum()
    # the difference of the whole and its log-likelihood keeps the digits of the whole
    slack = 1e-14 * abs(engine.explored(question, place[None])[0])
    assert less[0] == pytest.approx(exact[0], abs=10 * slack)
    tree = bayes.sample(Categorical, question.data, 2, draws=200, tune=200, progress=False)
    fitted = tree["posterior"]["weight"].to_numpy() @ tree["posterior"]["prob"].to_numpy()
    gap = np.abs(fitted - exactly).max()  # of every draw of every chain
    error = np.sqrt(0.25 / 40_000)
    assert gap < 10 * error  # of the data and of the draws, at most 5 each
    # negative control: the groups are not alike
    assert np.abs(fitted - exactly.mean(axis=0)).max() > 30 * error
