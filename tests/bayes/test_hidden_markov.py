"""Sums over hidden paths: against every path, against scan, and the posteriors that they give."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import arviz as az
import numpy as np
import plainly
import pytensor
import pytensor.tensor as pt
import pytest
import xarray as xr
from pytensor.compile.mode import Mode
from scanned_chain import scanned
from scipy.special import logsumexp
from scipy.stats import dirichlet, gamma, poisson

import bayes
from bayes.balance import balanced
from bayes.chain_op import path_sum
from bayes.path_sums import forecasts, memberships, value_and_slopes
from bayes.posterior.tree import posterior_of
from bayes.sampling.compiled import engine_of, machine_code
from bayes.sampling.starts import start_of
from bayes.standardise import standard_of
from models import Gaussian, Poisson, PoissonPrior, Prior, Sequences
from models.hidden_markov import stationary
from models.question import asked
from models.structure import shares_of, with_shares

QUAKES = np.fromstring(  # of magnitude 7 and more, 1900 to 2006
    """
    13 14 8 10 16 26 32 27 18 32 36 24 22 23 22 18 25 21 21 14 8 11 14 23 18 17 19 20 22 19 13
    26 13 14 22 24 21 22 26 21 23 24 27 41 31 27 35 26 28 36 39 21 17 22 17 19 15 34 10 15 22 18
    15 20 15 22 19 16 30 27 29 23 20 16 21 21 25 16 18 15 18 14 10 15 8 15 6 11 8 7 18 16 13 12
    13 20 15 16 12 18 15 16 13 15 16 11 11
    """,
    sep=" ",
)
SHORT = {"draws": 100, "tune": 100, "chains": 2, "progress": False}
pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # short chains may fail


def chain(rng, k, n=8, m=4, spread=1.0):
    """Return what a sum over paths reads: two sequences, some rows not seen."""
    initial, transition = rng.dirichlet(np.ones(k)), rng.dirichlet(np.ones(k), k)
    log_density = spread * rng.normal(size=(k, m))
    places, ends = rng.integers(0, m + 1, n).astype(float), np.array([n - 3.0, n])
    return initial, transition, log_density, places, ends


def every_path(initial, transition, log_density, places, ends):
    """Return the log-likelihood of each sequence up to each row, and memberships, by all paths."""
    k = len(initial)
    padded = np.column_stack([log_density, np.zeros(k)])
    heights, members, begin = [], np.empty((k, len(places))), 0
    with np.errstate(divide="ignore"):
        start, moves = np.log(initial), np.log(transition)
    for end in ends.astype(int):
        heights.append([])
        for last in range(begin + 1, end + 1):
            rows = padded[:, places[begin:last].astype(int)]
            paths = np.array(list(product(range(k), repeat=last - begin)))
            each = start[paths[:, 0]] + moves[paths[:, :-1], paths[:, 1:]].sum(axis=1)
            each = each + rows[paths, np.arange(last - begin)].sum(axis=1)
            heights[-1].append(logsumexp(each))
        chance = np.exp(each - heights[-1][-1])
        for at in range(end - begin):
            members[:, begin + at] = np.bincount(paths[:, at], chance, minlength=k)
        begin = end
    return heights, members


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("spread", [1.0, 500.0])  # log densities whose exponentials are no doubles
def test_sums_are_those_over_every_path(k, spread, rng):
    generator = rng(901)
    for _ in range(5):
        given = chain(generator, k, spread=spread)
        heights, members = every_path(*given)
        whole = sum(each[-1] for each in heights)
        value, *_ = value_and_slopes(*given)
        assert value == pytest.approx(whole, rel=1e-12)
        many = [one[None] for one in given[:3]]
        np.testing.assert_allclose(memberships(*many, *given[3:])[0], members, atol=1e-11)
        steps = np.concatenate([np.diff(each, prepend=0.0) for each in heights])
        found = forecasts(*many, *given[3:])[0]
        np.testing.assert_allclose(found, steps, rtol=1e-11, atol=1e-12 * spread * len(steps))
        unseen = given[3] == given[2].shape[1]
        assert (found[unseen] == 0).all()
        # negative control: states follow each other otherwise
        other, *_ = value_and_slopes(given[0], generator.dirichlet(np.ones(k), k), *given[2:])
        assert abs(other - whole) > 1e-6


@pytest.mark.parametrize("spread", [1.0, 300.0])
def test_long_sequences_lose_nothing(spread, rng):
    """By logarithms alone, from left to right and back, as slowly as that is."""
    generator, k, m, n = rng(911), 3, 50, 2_000
    initial, moves = generator.dirichlet(np.ones(k)), generator.dirichlet(np.ones(k), k)
    log_density = spread * generator.normal(size=(k, m))
    places, ends = generator.integers(0, m + 1, n), np.array([n // 3, n])
    rows = np.column_stack([log_density, np.zeros(k)])[:, places]
    ahead, beyond = np.empty((k, n)), np.zeros((k, n))
    for begin, end in ((0, n // 3), (n // 3, n)):
        ahead[:, begin] = np.log(initial) + rows[:, begin]
        for t in range(begin + 1, end):
            into = ahead[:, t - 1, None] + np.log(moves)
            ahead[:, t] = np.logaddexp.reduce(into, axis=0) + rows[:, t]
        for t in range(end - 2, begin - 1, -1):
            out = np.log(moves) + rows[:, t + 1] + beyond[:, t + 1]
            beyond[:, t] = np.logaddexp.reduce(out, axis=1)
    exact = logsumexp(ahead[:, ends - 1], axis=0).sum()
    chance = np.exp(ahead + beyond - logsumexp(ahead + beyond, axis=0))
    given = initial, moves, log_density, places, ends
    value, _, by_moves, roots = value_and_slopes(*given)
    assert value == pytest.approx(exact, rel=1e-12)
    many = [one[None] for one in given[:3]]
    np.testing.assert_allclose(memberships(*many, *given[3:])[0], chance, atol=1e-12 * n * spread)
    assert forecasts(*many, *given[3:]).sum() == pytest.approx(exact, rel=1e-12)
    assert (roots**2).sum() == pytest.approx((places < m).sum(), rel=1e-10)
    assert (by_moves * moves).sum() == pytest.approx(n - 2, rel=1e-10)


def slopes_of(given):
    """Return the value and its derivatives by initial, transition and log density."""
    value, by_initial, by_transition, roots = value_and_slopes(*given)
    return value, (by_initial, by_transition, roots**2)


@pytest.mark.parametrize("k", [2, 3])
def test_zeros_and_far_apart_densities_lose_nothing(k, rng):
    """States that cannot follow each other, and what they can reach e^800 below the likeliest."""
    initial, transition, log_density, places, ends = chain(rng(902), k)
    initial, transition = np.eye(k)[0], np.where(np.tri(k, dtype=bool).T, transition, 0)
    log_density[-1] += 800
    if k == 2:
        transition[0, -1] = 0  # the path never is in that state; of three it is there later
    transition /= transition.sum(axis=1, keepdims=True)
    given = initial, transition, log_density, places, ends
    heights, members = every_path(*given)
    value, slopes = slopes_of(given)
    assert value == pytest.approx(sum(each[-1] for each in heights), rel=1e-12)
    many = [one[None] for one in given[:3]]
    np.testing.assert_allclose(memberships(*many, *given[3:])[0], members, atol=1e-11)
    assert forecasts(*many, *given[3:]).sum() == pytest.approx(value, rel=1e-12)
    assert not np.isnan(slopes[1]).any()
    # what no state can have made
    impossible = (
        initial,
        transition,
        np.where(log_density > 400, log_density, -np.inf),
        *given[3:],
    )
    if k == 2:
        assert value_and_slopes(*impossible)[0] == -np.inf
        assert forecasts(*(one[None] for one in impossible[:3]), *given[3:]).sum() == -np.inf


@pytest.fixture(scope="module")
def symbols():
    """The operation, and `scan` with automatic differentiation, each with value and gradient."""
    initial, moves, log_density = pt.vector("initial"), pt.matrix("moves"), pt.matrix("density")
    return initial, moves, log_density


@pytest.mark.parametrize("k", [2, 3])
def test_value_and_gradient_are_those_of_scan(k, symbols, rng):
    generator = rng(903)
    *given, places, ends = chain(generator, k, n=14, m=6, spread=2.0)
    height = scanned(*symbols, places, ends)
    with pytensor.config.change_flags(cxx=""):
        theirs = plainly.function(list(symbols), [height, *pt.grad(height, list(symbols))])
    for _ in range(3):
        value, slopes = slopes_of((*given, places, ends))
        exact, *differentiated = theirs(*given)
        assert value == pytest.approx(float(exact), rel=1e-13)
        for one, other in zip(slopes, differentiated, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12 * np.abs(other).max())
        assert not np.allclose(slopes[1], differentiated[1].T)  # negative control
        *given, _, _ = chain(generator, k, m=6, spread=2.0)


@pytest.mark.parametrize("k", [1, 2, 4])
def test_the_gradient_is_that_of_finite_differences(k, rng):
    *given, places, ends = chain(rng(904), k, n=40, m=7, spread=3.0)
    _, slopes = slopes_of((*given, places, ends))
    for at, slope in enumerate(slopes):
        for place in np.ndindex(slope.shape):
            both = []
            for step in (1e-6, -1e-6):
                moved = [one.copy() for one in given]
                moved[at][place] += step
                both.append(value_and_slopes(*moved, places, ends)[0])
            assert slope[place] == pytest.approx((both[0] - both[1]) / 2e-6, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize(
    "mode",
    [
        "NUMBA",
        Mode(linker="py", optimizer="fast_compile"),
        Mode(linker="cvm", optimizer="fast_run"),
    ],
    ids=["numba", "python", "C"],
)
def test_the_operation_is_the_same_in_every_mode(mode, symbols, rng):
    *given, places, ends = chain(rng(905), 3, n=30)
    height = path_sum(*symbols, places, ends)
    scale = pt.scalar("scale")  # of which the gradient is a multiple
    wanted = [height, *pt.grad(scale * height, list(symbols))]
    function = pytensor.function([scale, *symbols], wanted, mode=mode)
    value, slopes = slopes_of((*given, places, ends))
    found, *gradient = function(2.0, *given)
    assert float(found) == pytest.approx(value, rel=1e-14)
    for one, other in zip(gradient, slopes, strict=True):
        np.testing.assert_allclose(one, 2 * other, rtol=1e-13)
    with pytest.raises(NotImplementedError, match="PathSum has no second derivatives"):
        pt.grad(pt.grad(height, symbols[0]).sum(), symbols[0])


def test_the_stationary_distribution_and_its_gradient(rng):
    generator, moves = rng(906), pt.matrix("moves")
    way = pt.vector("way")
    delta = balanced(moves)
    run = plainly.function([moves, way], [delta, pt.grad((way * delta).sum(), moves)])
    inverse = pt.linalg.inv(pt.eye(moves.shape[0]) - moves + 1).sum(axis=0)
    theirs = plainly.function([moves, way], [inverse, pt.grad((way * inverse).sum(), moves)])
    for k in (1, 2, 3, 5):
        given, towards = generator.dirichlet(np.ones(k), k), generator.normal(size=k)
        found, slope = run(given, towards)
        np.testing.assert_allclose(found, stationary(given), rtol=1e-12)
        np.testing.assert_allclose(found @ given, found, rtol=1e-12)
        exact, differentiated = theirs(given, towards)
        np.testing.assert_allclose(found, exact, rtol=1e-12)
        np.testing.assert_allclose(slope, differentiated, rtol=1e-9, atol=1e-12)


def asked_of(x, initial, k=2, prior=None, **options):
    """Return the question of a Poisson chain."""
    return asked(Poisson, Sequences(x, initial=initial, **options), k, prior=prior)


@pytest.mark.parametrize(
    "initial",
    ["stationary", "uniform", pytest.param("free", marks=pytest.mark.slow)],  # each is compiled
)
def test_machine_code_is_the_log_posterior_and_its_gradient(initial, rng):
    generator = rng(907)
    prior = Prior(1.5, PoissonPrior(2.0, 0.2))
    x = np.array([3, 9, np.nan, 4, 12, 2, 2, np.nan, 3, 11])
    question = asked_of(x, initial, 2, prior, sequence=[4, 6])
    engine = engine_of(question)
    positions = np.array([start_of(engine, question)(seed) for seed in range(3)])
    positions = positions + 0.3 * generator.normal(size=positions.shape)
    data, structures = question.data, engine.structures(question, positions)
    exact = []
    for at in range(3):
        rate, moves = structures.theta.rate[at], structures.transition[at]
        start = structures.initial[at]
        log_density = poisson.logpmf(data.sample.x, rate[:, None])
        given = start, moves, log_density, data.places, data.ends
        height = sum(each[-1] for each in every_path(*given)[0])
        own = gamma(3.0, scale=5.0).logpdf(rate) + np.log(rate)  # on the log scale
        simplexes = [*moves, start] if initial == "free" else moves
        shares = sum(dirichlet([2.5, 2.5]).logpdf(one) + np.log(one).sum() for one in simplexes)
        exact.append(height + own.sum() + shares)
    heights, slopes = engine._explored(question, positions)
    np.testing.assert_allclose(heights, exact, rtol=1e-12)
    for at, step in enumerate(1e-5 * np.eye(positions.shape[1])):
        up, down = (engine.explored(question, positions + sign * step) for sign in (1, -1))
        np.testing.assert_allclose(slopes[:, at], (up - down) / 2e-5, atol=1e-6)
    # negative control: no prior of shares
    other = question.of(data)
    other = replace(other, given=prior._replace(weight=0.0))
    assert (np.abs(engine.explored(other, positions) - exact) > 1e-3).all()


def test_other_lengths_numbers_of_states_and_of_sequences_compile_nothing(rng):
    generator = rng(908)
    x = generator.poisson(np.repeat([2.0, 9.0], 20))
    bayes.sample(Poisson, Sequences(x, initial="uniform"), 2, seed=1, **SHORT)
    compiled = machine_code.cache_info().misses
    for n, k, lengths in ((60, 3, [60]), (33, 2, [10, 20, 3])):
        again = Sequences(generator.poisson(5.0, n), None, lengths, "uniform")
        tree = bayes.sample(Poisson, again, k, seed=1, **SHORT)
        assert tree["posterior"]["transition"].shape == (2, 100, k, k)
    assert machine_code.cache_info().misses == compiled


QUAKES_PRIOR = Prior(0.0, PoissonPrior(events=1.0, exposure=0.1))  # Gamma(2, rate 0.1)
QUAKES_POSTERIOR = {"rate": ([15.145, 25.697], [0.886, 1.503]), "staying": ([0.9030, 0.8580], None)}


def drawn_as_published(tree) -> bool:
    """Say whether means and sds are within Monte Carlo errors of the reference."""
    draws = tree["posterior"].to_dataset()
    staying = np.diagonal(draws["transition"], axis1=2, axis2=3)
    draws["staying"] = draws["rate"].dims, staying
    found = []
    for name, (mean, sd) in QUAKES_POSTERIOR.items():
        one = draws[name]
        pairs = [(one.mean(("chain", "draw")), mean, az.mcse(one, method="mean"))]
        if sd is not None:
            pairs.append((one.std(("chain", "draw")), sd, az.mcse(one, method="sd")))
        for ours, exact, error in pairs:
            rounding = 0.5 * 10.0 ** -(4 if name == "staying" else 3)
            found.append(np.abs(ours.to_numpy() - exact) < 4 * error.to_numpy() + rounding)
    return bool(np.all(found))


@pytest.fixture(scope="module")
def quakes():
    return bayes.sample(
        Poisson,
        Sequences(QUAKES, initial="uniform"),
        2,
        prior=QUAKES_PRIOR,
        draws=4_000,
        seed=1,
        progress=False,
    )


def test_the_posterior_of_earthquakes_is_the_published_one(quakes):
    assert bayes.diagnose(quakes).passed
    assert int(quakes["sample_stats"]["diverging"].sum()) == 0
    assert drawn_as_published(quakes)
    assert max(bayes.target(quakes)) < 5
    other = bayes.sample(  # negative control: nine years without an earthquake that nobody saw
        Poisson,
        Sequences(QUAKES, initial="uniform"),
        2,
        prior=Prior(0.0, PoissonPrior(events=1.0, exposure=1.0)),
        draws=4_000,
        seed=1,
        progress=False,
    )
    assert not drawn_as_published(other)


def test_three_states_are_drawn_without_divergences(quakes):
    data = posterior_of(quakes).question.data
    tree = bayes.sample(Poisson, data, 3, prior=QUAKES_PRIOR, seed=2, draws=2_000, progress=False)
    assert float(tree["sample_stats"]["diverging"].mean()) < 1e-3
    assert (tree["posterior"]["rate"].diff("component") >= 0).all()
    assert tree.attrs["labels"] == "order"


def test_one_sequence_has_one_step_ahead_terms_and_no_leave_one_out(quakes):
    each, kept = quakes["pointwise"]["x"], posterior_of(quakes)
    assert each.dims == ("chain", "draw", "time")
    np.testing.assert_allclose(each.sum("time").to_numpy().ravel(), kept.heights, rtol=1e-12)
    with pytest.raises(ValueError, match="the rows of one sequence depend on each other"):
        bayes.loo(quakes)


@pytest.fixture(scope="module")
def several():
    """Three named sequences, with rows that nobody saw."""
    rng = np.random.default_rng(909)
    x = rng.poisson(np.tile(np.repeat([2.0, 12.0], 10), 3)).astype(float)
    x[[4, 25, 26, 59]] = np.nan
    names = np.repeat(["north", "south", "west"], 20)
    return bayes.sample(
        Poisson, Sequences(x, None, names, "uniform"), 2, seed=3, draws=500, progress=False
    )


def test_several_sequences_are_left_out_one_by_one(several):
    each, kept = several["log_likelihood"]["sequences"], posterior_of(several)
    assert each.dims == ("chain", "draw", "sequence")
    np.testing.assert_allclose(each.sum("sequence").to_numpy().ravel(), kept.heights, rtol=1e-12)
    found = bayes.loo(several)
    assert found.n_data_points == 3
    assert found.elpd == pytest.approx(float(found.elpd_i.sum()))
    one = kept.question.data.stretches(20, np.random.default_rng(1))
    engine = engine_of(kept.question)
    alone = engine.log_likelihoods(
        kept.question.of(one), engine.pack(kept.question, kept.draws)
    ).reshape(kept.sizes)
    gap = np.abs(each.to_numpy() - alone[..., None]).max(axis=(0, 1))
    assert sorted(gap < 1e-9) == [False, False, True]


def test_a_posterior_of_sequences_comes_back_from_a_file(several, tmp_path):
    several.to_netcdf(tmp_path / "several.nc")
    with xr.open_datatree(tmp_path / "several.nc") as opened:
        again = posterior_of(opened.load())
    before, data = posterior_of(several).question, again.question.data
    assert again.question.structure is before.structure
    assert data.titles == ("north", "south", "west")
    np.testing.assert_array_equal(data.places, before.data.places)
    np.testing.assert_array_equal(data.ends, before.data.ends)
    assert data.initial == "uniform"
    np.testing.assert_array_equal(again.draws.transition, posterior_of(several).draws.transition)


def test_what_was_seen_is_predicted_in_order(several):
    """Replicates stand at the rows that were seen: high where the second half of a sequence is."""
    seen, imagined = posterior_of(several).replicates
    data = posterior_of(several).question.data
    assert len(seen) == data.sample.observations == 56
    np.testing.assert_array_equal(seen, data.sample.x[data.places[data.seen]])
    assert imagined.shape[1:] == (56,)
    question = posterior_of(several).question
    engine = engine_of(question)
    positions = engine.pack(question, posterior_of(several).draws)[:50]
    members = engine.members(question, positions)
    some = engine.members(question, positions, np.array([3, 59]))
    np.testing.assert_array_equal(some, members[..., [3, 59]])
    assert members.shape == (50, 2, 60)
    np.testing.assert_allclose(members.sum(axis=1), 1, rtol=1e-12)
    high = np.tile(np.repeat([False, True], 10), 3)
    assert (members.mean(axis=0)[1][high] > 0.5).mean() > 0.9


def test_draws_made_elsewhere_are_adopted(several):
    theirs = several["posterior"].to_dataset().rename(rate="lam", component="state")
    theirs = theirs.isel(state=[1, 0], component_next=[1, 0]).rename(component_next="to")
    data = posterior_of(several).question.data
    found = bayes.adopt(Poisson, data, theirs, {"rate": "lam"})
    for name in ("rate", "transition"):
        np.testing.assert_allclose(found["posterior"][name], several["posterior"][name], rtol=1e-12)
    with pytest.raises(ValueError, match="no variable 'transition'") as refused:
        bayes.adopt(Poisson, data, theirs.drop_vars("transition"), {"rate": "lam"})
    assert "equal_weights" not in str(refused.value)


def test_gaussians_in_order_are_drawn_in_units_of_their_own_where_they_lie_far_from_zero(rng):
    """Rows that nobody saw have no volume that a change of units could change."""
    generator, away = rng(910), 2.0**27
    x = generator.normal(np.repeat([0.0, 6.0], 15), 1.0)
    x[[3, 20]] = np.nan
    near, far = (Sequences(x + shift, initial="uniform") for shift in (0.0, away))
    there, here = asked(Gaussian, far, 2), asked(Gaussian, near, 2)
    standard, engine = standard_of(there), engine_of(there)
    assert not standard.plain
    at = np.array([start_of(engine, there)(seed) for seed in range(2)])
    inside = engine.working(there, at)
    moved = inside.theta.affine(standard.unit, standard.shift - away)
    beside = engine.pack(here, with_shares(type(inside), shares_of(inside), moved))
    for heights in (engine.log_likelihoods, lambda *given: engine.pointwise(*given).sum(axis=1)):
        np.testing.assert_allclose(heights(there, at), heights(here, beside), atol=1e-5)
