"""What every family has to obey, driven by the table in `families.py`."""

from __future__ import annotations

import numpy as np
import pytest
from families import BY_ROWS, EXPONENTIAL, FAMILIES, Row, unscaled_model
from scipy.special import logsumexp

import bayes
from em import fit, log_likelihood
from em.by_rows import Setting
from em.emission import emission_of
from models import Mixture, Sample, simulate
from models.family import entries, free_moves, rebuilt, unflattened, width
from models.sample import Part

every_family = pytest.mark.parametrize("row", FAMILIES, ids=[row.name for row in FAMILIES])


def frozen(row: Row, sample: Sample, mixture: Mixture):
    """Return the fit that stays where it starts: EM's E-step at given parameters."""
    return fit(row.family, sample, len(mixture.weight), start=mixture, max_steps=0)


def by_scipy(row: Row, sample: Sample, mixture: Mixture) -> float:
    joint = row.log_density(mixture.theta, sample) + np.log(mixture.weight)
    return float(sample.counts @ logsumexp(joint, axis=1))


def nudged(mixture: Mixture) -> Mixture:
    """Return the mixture with one weight moved by a millionth: a wrong input."""
    move = np.zeros_like(mixture.weight)
    move[0], move[1] = 1e-6, -1e-6
    return mixture._replace(weight=mixture.weight + move)


@every_family
def test_three_independent_log_likelihoods_agree(row, rng):
    generator = rng(11)
    sample = row.sample(generator, 3, 200)
    for _ in range(5):
        mixture = row.random(generator, 3)
        ours = frozen(row, sample, mixture).log_likelihood
        assert ours == pytest.approx(by_scipy(row, sample, mixture), rel=1e-11)
        assert ours == pytest.approx(bayes.log_likelihood(row.family, sample, mixture), rel=1e-11)
        # negative control: the same comparison notices a millionth of a share
        assert ours != pytest.approx(by_scipy(row, sample, nudged(mixture)), rel=1e-11)
        assert ours != pytest.approx(
            bayes.log_likelihood(row.family, sample, nudged(mixture)), rel=1e-11
        )


@every_family
def test_many_mixtures_are_judged_at_once(row, rng):
    generator = rng(17)
    sample = row.sample(generator, 3, 200)
    mixtures = [row.random(generator, 3) for _ in range(4)]
    fields = zip(*(entries(one.theta).values() for one in mixtures), strict=True)
    stacked = Mixture(
        np.array([one.weight for one in mixtures]), rebuilt(row.family, map(np.array, fields))
    )
    expected = [by_scipy(row, sample, one) for one in mixtures]
    found = log_likelihood(row.family, sample, stacked)
    # a digit less than above: these are far from the sample, where squares of 1e3 sds are summed
    np.testing.assert_allclose(found, expected, rtol=1e-10)
    # negative control: the same comparison notices a millionth of a share
    wrong = [by_scipy(row, sample, nudged(one)) for one in mixtures]
    assert not np.isclose(found, wrong, rtol=1e-10, atol=0).any()


@every_family
def test_density_is_scipys(row, rng):
    generator = rng(12)
    sample = row.sample(generator, 3, 300)
    fitted = frozen(row, sample, row.random(generator, 3))
    mixture = fitted.mixture
    theirs = np.exp(
        logsumexp(row.log_density(mixture.theta, sample) + np.log(mixture.weight), axis=1)
    )
    np.testing.assert_allclose(fitted.density(sample.x, sample.trials), theirs, rtol=1e-10)
    # negative control: the density of a nudged mixture does not pass
    other = frozen(row, sample, nudged(mixture)).density(sample.x, sample.trials)
    assert not np.allclose(other, theirs, rtol=1e-10, atol=0)


@every_family
def test_responsibilities_follow_bayes_rule_in_the_order_given(row, rng):
    generator = rng(13)
    mixture = row.random(generator, 3)
    n = 150
    trials = row.trials(generator, n)
    sample, _ = simulate(mixture, n, generator, trials)
    fitted = frozen(row, sample, mixture)
    joint = row.log_density(fitted.mixture.theta, sample) + np.log(fitted.mixture.weight)
    expected = np.exp(joint - logsumexp(joint, axis=1)[:, None])[sample.inverse]
    np.testing.assert_allclose(fitted.responsibilities(sample), expected, rtol=1e-7)
    np.testing.assert_array_equal(fitted.assign(sample), expected.argmax(axis=1))
    # negative control: without the weights Bayes' rule is another
    bare = joint - np.log(fitted.mixture.weight)
    wrong = np.exp(bare - logsumexp(bare, axis=1)[:, None])[sample.inverse]
    assert not np.allclose(fitted.responsibilities(sample), wrong, rtol=1e-7, atol=0)


def expected_complete(row: Row, sample: Sample, shares: np.ndarray, mixture: Mixture) -> float:
    """Return Q, the expected log-likelihood of data and labels, by scipy."""
    joint = row.log_density(mixture.theta, sample) + np.log(mixture.weight)
    return float((sample.counts[:, None] * shares * joint).sum())


@every_family
@pytest.mark.parametrize("prior", [False, True])
def test_m_step_maximises_its_own_objective(row, rng, prior):
    """Every small move towards another mixture lowers Q (plus the log prior)."""
    generator = rng(14)
    sample = row.sample(generator, 3, 400)
    model = unscaled_model(row, sample, 3, row.prior if prior else None)
    start, others = row.random(generator, 3), [row.random(generator, 3) for _ in range(6)]
    joint = row.log_density(start.theta, sample) + np.log(start.weight)
    shares = np.exp(joint - logsumexp(joint, axis=1)[:, None])

    def objective(mixture: Mixture) -> float:
        return expected_complete(row, sample, shares, mixture) + model.log_prior(mixture)

    statistics = model.expect(start)[1]
    best = model.maximize(statistics)
    assert objective(best) > objective(start)
    for _ in range(0 if statistics.near is None else 5):  # a curved family goes part of the way
        best = model.maximize(statistics._replace(near=best.theta))
    for field in range(1 + len(best.theta)):
        assert all(
            objective(toward(best, other, field, 1e-3)) < objective(best) for other in others
        )
    # negative control: from a place a hundredth off, some small move leads up
    off = toward(best, others[0], 1, 1e-2)
    assert objective(toward(off, best, 1, 1e-3)) > objective(off)


def toward(mixture: Mixture, other: Mixture, field: int, size: float) -> Mixture:
    """Move one field a little towards another mixture's; the form is kept."""
    parts = [mixture.weight, *mixture.theta]
    goals = [other.weight, *other.theta]
    parts[field] = parts[field] + size * (goals[field] - parts[field])
    return Mixture(parts[0], rebuilt(type(mixture.theta), parts[1:]))


@every_family
@pytest.mark.parametrize("accelerate", [True, False])
@pytest.mark.parametrize("prior", [False, True])
def test_em_ascends(row, rng, accelerate, prior):
    generator = rng(15)
    sample = row.sample(generator, 3, 500)
    fitted = fit(
        row.family,
        sample,
        3,
        start=row.random(generator, 3),
        accelerate=accelerate,
        prior=row.prior if prior else None,
        max_steps=200,
    )
    assert len(fitted.trace) == fitted.steps + 1
    assert (np.diff(fitted.trace) >= -1e-12 * np.abs(fitted.trace[:-1])).all()
    assert fitted.trace[-1] > fitted.trace[0]
    if not prior:
        assert fitted.trace[-1] == pytest.approx(fitted.log_likelihood, rel=1e-12)


@every_family
def test_one_component_is_the_textbook_estimate(row, rng):
    generator = rng(16)
    n = 300
    trials = row.trials(generator, n)
    sample, _ = simulate(row.random(generator, 1), n, generator, trials)
    fitted = fit(row.family, sample, 1)
    book = row.textbook(sample.x[sample.inverse], trials)
    for name, field in entries(fitted.mixture.theta).items():
        np.testing.assert_allclose(field, entries(book)[name], rtol=1e-12, atol=1e-12)
    assert fitted.mixture.weight.tolist() == [1.0]
    # negative control: the same comparison refuses n - 1 (or one more observation) for n
    wrong = row.textbook(sample.x[sample.inverse][1:], None if trials is None else trials[1:])
    first = next(iter(entries(fitted.mixture.theta).values()))
    assert not np.allclose(first, wrong[0], rtol=1e-12, atol=1e-12)


@every_family
def test_label_order(row, rng):
    generator = rng(17)
    sample = row.sample(generator, 4, 400)
    fitted = fit(row.family, sample, 4, starts=2, max_steps=20)
    leading = next(iter(entries(fitted.mixture.theta).values())).reshape(4, -1)[:, 0]
    # where single rows identify no components, these may share a probability
    assert (np.diff(leading) > (0 if row.identified else -1e-12)).all()


@every_family
def test_counts_are_repetitions(row, rng):
    generator = rng(18)
    sample = row.sample(generator, 2, 60)
    counts = generator.integers(1, 5, sample.distinct)
    trials = None if sample.trials is None else np.repeat(sample.trials, counts)
    short = Sample(sample.x, sample.trials, counts)
    long = Sample(np.repeat(sample.x, counts, axis=0), trials)
    start = row.random(generator, 2)
    one, other = (fit(row.family, s, 2, start=start, max_steps=50) for s in (short, long))
    assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-13)
    np.testing.assert_allclose(one.mixture.weight, other.mixture.weight, rtol=1e-10)
    # negative control: dropping the counts is another sample
    dropped = fit(row.family, sample, 2, start=start, max_steps=50)
    assert dropped.log_likelihood != pytest.approx(one.log_likelihood, rel=1e-3)


@pytest.mark.parametrize("row", EXPONENTIAL, ids=[row.name for row in EXPONENTIAL])
def test_emission_is_an_exponential_family(row, rng):
    """natural . T + base is scipy's log density: what the whole of EM stands on."""
    generator = rng(19)
    sample = row.sample(generator, 2, 50)
    theta = row.random(generator, 2).theta
    emission = emission_of(row.family)
    known = np.ones((emission.ones + emission.size(width(row.family, sample)), sample.distinct))
    emission.statistics(sample.x, sample.trials, known[emission.ones :])
    ours = emission.natural(theta)[:, : len(known)] @ known + emission.base(sample.x, sample.trials)
    np.testing.assert_allclose(ours.T, row.log_density(theta, sample), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("row", BY_ROWS, ids=[row.name for row in BY_ROWS])
def test_a_curved_family_has_the_density_of_scipy_and_its_derivatives(row, rng):
    """What the M-step and the standard errors of a family without statistics stand on."""
    generator = rng(23)
    sample, k = row.sample(generator, 2, 50), 3
    theta = row.random(generator, k).theta
    emission, x = emission_of(row.family), sample.x
    ours = emission.log_density(theta, x, sample.trials) + emission.base(x, sample.trials)
    np.testing.assert_allclose(ours.T, row.log_density(theta, sample), rtol=1e-9, atol=1e-9)
    occupancy = generator.uniform(0.1, 2, (k, len(x)))
    chart = emission.chart(theta)
    flat = np.concatenate([field.reshape(k, -1) for field in theta], axis=1)

    def height(moved):
        own = rebuilt(type(theta), unflattened(theta, moved))
        found = emission.height(own, occupancy, x, sample.trials)
        return emission.expected(own, found, row.prior.theta, k)

    here = height(flat)
    for at, way in enumerate(chart.T):
        natural = 1e-4 / np.sqrt(np.abs(here.curvature[:, at, at]))
        step = np.minimum(1e-5 * (flat @ np.abs(way)), natural)
        ahead, behind = height(flat + step[:, None] * way), height(flat - step[:, None] * way)
        slope = (ahead.value - behind.value) / (2 * step)
        scale = np.abs(here.slope).max() + 1
        np.testing.assert_allclose(here.slope[:, at], slope, rtol=1e-5, atol=1e-6 * scale)
        bend = -(ahead.slope - behind.slope) / (2 * step)[:, None]
        scale = np.abs(here.curvature).max(axis=(1, 2))[:, None]
        np.testing.assert_allclose(here.curvature[:, at] / scale, bend / scale, atol=1e-7)
    # negative control: derivatives of other occupancies are no match
    doubled = emission.height(theta, 2 * occupancy, x, sample.trials)
    other = emission.expected(theta, doubled, row.prior.theta, k)
    assert not np.allclose(other.slope, here.slope, rtol=1e-3)


@pytest.mark.parametrize("row", BY_ROWS, ids=[row.name for row in BY_ROWS])
def test_the_m_step_of_a_curved_family_is_stationary_under_a_prior_and_without(row, rng):
    generator = rng(24)
    sample, k = row.sample(generator, 2, 300), 2
    emission = emission_of(row.family)
    occupancy = generator.dirichlet(np.ones(k), len(sample.x)).T * sample.counts
    floor = 1e-9 * np.eye(sample.dimension) if sample.table else 1e-9
    for prior in (None, row.prior.theta):
        rows = Part(sample.x, sample.trials, None)
        setting = Setting(floor, k, width(row.family, sample), prior)
        theta = emission.best(occupancy, rows, setting)
        found = emission.height(theta, occupancy, sample.x, sample.trials)
        found = emission.expected(theta, found, prior, k)
        errors = 1 / np.sqrt(np.diagonal(found.curvature, axis1=1, axis2=2))
        if prior is not None:  # its density is that of logarithms where `log_measure` says so
            assert np.isfinite(emission.log_measure(theta)).all()
        for entry, rises, falls in free_moves(theta):  # of a simplex the last probability falls
            slope = found.slope[:, rises] - (found.slope[:, falls] if falls >= 0 else 0)
            slope = slope.sum() if entry.shared else slope  # what all share rises with all of them
            np.testing.assert_allclose(slope * errors[:, rises], 0, atol=1e-7)
