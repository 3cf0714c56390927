"""What `fit` promises beyond the published numbers."""

from __future__ import annotations

import numpy as np
import pytest
from families import FAMILIES
from scipy import stats

from em import Fit, fit
from em.student_t import _products
from em.sweep import LARGEST, responsibilities
from em.tails import products
from models import (
    Binomial,
    Gaussian,
    GaussianPrior,
    Mixture,
    MultivariateGaussian,
    Poisson,
    PoissonPrior,
    Prior,
    Sample,
    StudentT,
    simulate,
    weak_prior,
)
from models.refusal import Refusal
from models.storage.disk import StreamWriter


def heights(rng, n: int = 10_000) -> Sample:
    truth = Mixture(np.array([0.6, 0.4]), Gaussian(np.array([163.0, 175.0]), np.array([6.0, 7.0])))
    sample, _ = simulate(truth, n, rng)
    return Sample(np.round(sample.x[sample.inverse], 1))


def test_ten_thousand_heights_are_recovered(rng):
    found = fit(Gaussian, heights(rng(41)), 2)
    errors = found.standard_errors
    for value, error, truth in (
        (found.mixture.weight, errors.weight, [0.6, 0.4]),
        (found.mixture.theta.mean, errors.theta.mean, [163, 175]),
        (found.mixture.theta.sd, errors.theta.sd, [6, 7]),
    ):
        assert (np.abs(value - truth) < 4 * error).all()
    # negative control: swapped labels are nowhere near
    assert (np.abs(found.mixture.theta.mean - [175, 163]) > 4 * errors.theta.mean).all()
    assert found.optima[0].starts > 10


def test_a_given_start_is_the_only_one():
    sample = Sample([1.0, 2.0, 3.0, 10.0, 11.0, 12.0])
    found = fit(Gaussian, sample, 2, start=Mixture([0.5, 0.5], Gaussian([2, 11], [1, 1])))
    assert found.starts == 1
    assert len(found.optima) == 1


def test_an_extreme_start_still_gives_an_answer(rng):
    """0.01% men of 1 cm and women of 10 m: one component takes all, the other is empty."""
    start = Mixture([0.0001, 0.9999], Gaussian([1.0, 1000.0], [7.0, 6.0]))
    found = fit(Gaussian, heights(rng(42), 2_000), 2, start=start)
    assert found.optima[0].empty
    assert any("is empty" in note for note in found.notes)
    assert np.isfinite(found.log_likelihood)
    assert np.isnan(found.standard_errors.weight).all()
    default = fit(Gaussian, heights(rng(42), 2_000), 2)
    assert default.log_likelihood > found.log_likelihood
    assert not default.optima[0].empty


@pytest.mark.slow
def test_same_seed_same_answer(rng):
    sample = heights(rng(43), 500)
    one, other = fit(Gaussian, sample, 3, seed=5), fit(Gaussian, sample, 3, seed=5)
    np.testing.assert_array_equal(one.trace, other.trace)


def test_two_hundred_heights_have_spikes_that_chance_made(rng):
    """The lecture's small sample: a narrow clump beats the sensible optimum and is set aside."""
    generator = rng(2)
    x = np.concatenate([generator.normal(163, 6, 100), generator.normal(175, 6, 100)])
    clump = Mixture([0.05, 0.95], Gaussian([179.4, 168.0], [0.7, 8.0]))
    narrow = fit(Gaussian, Sample(x), 2, start=clump)
    sensible = fit(Gaussian, Sample(x), 2)
    assert narrow.optima[0].spike
    assert narrow.log_likelihood > sensible.log_likelihood
    assert narrow.mixture.theta.sd.min() < 1
    assert not sensible.optima[0].spike
    assert np.isnan(narrow.standard_errors.weight).all()


def test_a_narrow_component_with_evidence_is_no_spike(rng):
    """Negative control of the spike rule: 2,000 observations of sd 0.01 beside 2,000 of sd 10."""
    generator = rng(44)
    x = np.concatenate([generator.normal(0, 10, 2_000), generator.normal(3, 0.01, 2_000)])
    found = fit(Gaussian, Sample(x), 2)
    assert not found.optima[0].spike
    assert found.mixture.theta.sd.min() == pytest.approx(0.01, rel=0.1)


def test_floor_is_kept_and_said():
    sample = Sample([57.0, *range(160, 190)])
    found = fit(Gaussian, sample, 2, floor=2.5)
    assert found.mixture.theta.sd.min() >= 2.5 * (1 - 1e-12)
    assert found.floor.tolist() == [2.5]
    assert found.optima[0].spike
    assert "2.5" in " ".join(found.notes)


def test_floor_of_a_covariance_holds_in_every_direction(rng):
    generator = rng(45)
    line = generator.normal(size=(60, 1)) @ np.ones((1, 2)) + [[0.0, 0.0]]
    rows = np.vstack([line, generator.normal(size=(60, 2)) + 6])
    found = fit(MultivariateGaussian, Sample(rows), 2, floor=0.05)
    assert np.linalg.eigvalsh(found.mixture.theta.cov).min() >= 0.05**2 * (1 - 1e-9)
    assert found.optima[0].spike


def test_hard_em_with_one_spherical_covariance_and_equal_weights_is_kmeans(rng):
    """Asserted step by step against Lloyd's algorithm, for equal and fixed widths."""
    generator = rng(46)
    x = np.sort(np.concatenate([generator.normal(0, 1, 80), generator.normal(6, 1, 120)]))
    sample = Sample(x)
    centres = np.array([1.0, 2.0])
    for _ in range(50):
        labels = np.abs(x[:, None] - centres).argmin(axis=1)
        centres = np.array([x[labels == k].mean() for k in range(2)])
    column = Sample(x[:, None])
    tied = MultivariateGaussian.with_covariance("tied")
    theta = tied(np.array([[1.0], [2.0]]), np.ones((2, 1, 1)))
    found = fit(tied, column, 2, start=Mixture([0.5, 0.5], theta), hard=True, equal_weights=True)
    np.testing.assert_allclose(found.mixture.theta.mean[:, 0], centres, rtol=1e-12)
    np.testing.assert_array_equal(found.assign(column), labels)
    soft = fit(Gaussian, sample, 2)
    assert not np.allclose(soft.mixture.theta.mean, centres, rtol=1e-6)


@pytest.mark.parametrize("row", FAMILIES, ids=[row.name for row in FAMILIES])
def test_hard_em_ascends_to_a_fixed_point(row, rng):
    generator = rng(47)
    sample = row.sample(generator, 3, 300)
    found = fit(row.family, sample, 3, hard=True, starts=5)
    assert found.converged
    assert (np.diff(found.trace) >= -1e-9).all()
    with np.errstate(divide="ignore"):  # hard EM may leave a component empty
        joint = row.log_density(found.mixture.theta, sample) + np.log(found.mixture.weight)
    best = float(sample.counts @ joint.max(axis=1))
    assert found.log_likelihood == pytest.approx(best, rel=1e-9)


@pytest.mark.parametrize("row", FAMILIES, ids=[row.name for row in FAMILIES])
def test_a_strong_prior_pulls_and_a_weak_one_hardly(row, rng):
    generator = rng(48)
    sample = row.sample(generator, 1, 200)
    plain = fit(row.family, sample, 1)
    weak = fit(row.family, sample, 1, prior=weak_prior(row.family, sample, 1))
    strong = fit(row.family, sample, 1, prior=row.prior)
    error = plain.standard_errors.theta[0]
    assert (np.abs(weak.mixture.theta[0] - plain.mixture.theta[0]) <= 0.1 * error).all()
    assert (np.abs(strong.mixture.theta[0] - plain.mixture.theta[0]) > 0.1 * error).any()
    assert strong.log_likelihood < plain.log_likelihood


def test_posterior_mode_of_one_component_is_the_conjugate_formula():
    """Poisson: (sum + events) / (n + exposure). Gaussian: Fraley & Raftery 2007, equation 11."""
    counts = np.array([3.0, 5.0, 1.0, 4.0])
    poisson = fit(Poisson, Sample(counts), 1, prior=Prior(0, PoissonPrior(events=7, exposure=2)))
    assert poisson.mixture.theta.rate[0] == pytest.approx((13 + 7) / (4 + 2), rel=1e-12)
    x = np.array([1.0, 2.0, 4.0, 9.0])
    prior = GaussianPrior(mean=10.0, n=2.0, squares=5.0, degrees=3.0)
    gaussian = fit(Gaussian, Sample(x), 1, prior=Prior(0, prior))
    mean = (x.sum() + 2 * 10) / (4 + 2)
    squares = 5 + 4 * x.var() + 4 * 2 / (4 + 2) * (x.mean() - 10) ** 2
    assert gaussian.mixture.theta.mean[0] == pytest.approx(mean, rel=1e-12)
    assert gaussian.mixture.theta.sd[0] == pytest.approx(np.sqrt(squares / (3 + 4 + 3)), rel=1e-12)


LOG_PRIOR = {
    "categorical": lambda t, p: stats.dirichlet.logpdf(t.prob.T, 1 + p.unseen).sum(),
    "binomial": lambda t, p: stats.beta.logpdf(t.prob, p.heads + 1, p.tails + 1).sum(),
    "poisson": lambda t, p: stats.gamma.logpdf(t.rate, p.events + 1, scale=1 / p.exposure).sum(),
    "gaussian": lambda t, p: sum(
        stats.invgamma.logpdf(sd**2, p.degrees / 2, scale=p.squares / 2)
        + stats.norm.logpdf(mean, p.mean, sd / np.sqrt(p.n))
        for mean, sd in zip(*t, strict=True)
    ),
    "multivariate-full": lambda t, p: sum(
        stats.invwishart.logpdf(cov, p.degrees, p.scatter)
        + stats.multivariate_normal.logpdf(mean, p.mean, cov / p.n)
        for mean, cov in zip(*t, strict=True)
    ),
    "multivariate-tied": lambda t, p: (
        stats.invwishart.logpdf(t.cov[0], p.degrees, p.scatter)
        + sum(stats.multivariate_normal.logpdf(mean, p.mean, t.cov[0] / p.n) for mean in t.mean)
    ),
    "multivariate-diagonal": lambda t, p: sum(
        stats.invgamma.logpdf(np.diag(cov), p.degrees / 2, scale=np.diag(p.scatter) / 2).sum()
        + stats.multivariate_normal.logpdf(mean, p.mean, cov / p.n)
        for mean, cov in zip(*t, strict=True)
    ),
    "multivariate-spherical": lambda t, p: sum(
        stats.invgamma.logpdf(cov[0, 0], p.degrees / 2, scale=np.trace(p.scatter) / 3 / 2)
        + stats.multivariate_normal.logpdf(mean, p.mean, cov / p.n)
        for mean, cov in zip(*t, strict=True)
    ),
    "multivariate-tied-spherical": lambda t, p: (
        stats.invgamma.logpdf(t.cov[0, 0, 0], p.degrees / 2, scale=np.trace(p.scatter) / 3 / 2)
        + sum(stats.multivariate_normal.logpdf(mean, p.mean, t.cov[0] / p.n) for mean in t.mean)
    ),
}


@pytest.mark.parametrize("row", FAMILIES, ids=[row.name for row in FAMILIES])
def test_priors_are_the_conjugate_densities_they_say(row, rng):
    """Differences of the objective between mixtures, less those of the likelihood, by scipy."""
    generator = rng(49)
    sample = row.sample(generator, 3, 40)
    found = []
    for _ in range(4):
        mixture = row.random(generator, 3)
        with_prior = fit(row.family, sample, 3, start=mixture, prior=row.prior, max_steps=0)
        ours = with_prior.trace[0] - with_prior.log_likelihood
        mixture = with_prior.mixture
        weights = stats.dirichlet.logpdf(mixture.weight, np.full(3, 1 + row.prior.weight))
        log_prior = row.log_prior or LOG_PRIOR[row.name.replace("blanks", "full")]
        found.append((ours, log_prior(mixture.theta, row.prior.theta) + weights))
    ours, theirs = np.array(found).T
    np.testing.assert_allclose(np.diff(ours), np.diff(theirs), rtol=1e-9)
    assert np.abs(np.diff(theirs)).min() > 1e-3  # the control: these differences are not nothing


def test_criteria_by_hand():
    sample = Sample([5, 9, 8, 4, 7], 10)
    found = fit(Binomial, sample, 2)
    shares = found.responsibilities(sample)
    entropy = -(shares * np.log(shares)).sum()
    assert found.aic == pytest.approx(-2 * found.log_likelihood + 2 * 3)
    assert found.bic == pytest.approx(-2 * found.log_likelihood + 3 * np.log(5))
    assert found.icl == pytest.approx(found.bic + 2 * entropy)


PARAMETERS = {
    "full": 2 * 3 + 2 * 6 + 1,
    "tied": 2 * 3 + 6 + 1,
    "diagonal": 2 * 6 + 1,
    "spherical": 2 * 4 + 1,
    "tied-spherical": 2 * 3 + 1 + 1,
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_free_parameters_are_counted(name, rng):
    sample = Sample(rng(50).normal(size=(50, 3)))
    found = fit(MultivariateGaussian.with_covariance(name), sample, 2, starts=1, max_steps=3)
    assert len(found.coordinates) == PARAMETERS[name]


def test_a_fit_prints_itself(rng):
    text = str(fit(Gaussian, heights(rng(51), 300), 2))
    assert "Gaussian, 2 groups, 300 observations" in text
    assert "weight" in text
    assert "log-likelihood" in text
    assert max(map(len, text.splitlines())) < 120


def test_odds_and_row_maxima_give_the_same(rng):
    """The fast softmax and the safe one agree where both can work."""
    generator = rng(52)
    logits = generator.normal(scale=20, size=(4, 1000))
    safe = logits.copy()
    value = responsibilities(safe, None, hard=False)
    odds = np.exp(logits - logits[2])
    assert odds.sum(axis=0).max() < LARGEST
    np.testing.assert_allclose(safe, odds / odds.sum(axis=0), rtol=1e-12)
    assert value == pytest.approx((logits[2] + np.log(odds.sum(axis=0))).sum(), rel=1e-13)


def test_threads_change_nothing(rng, monkeypatch):
    """Blocks are summed in their order, whoever worked on them."""
    import em.data.blocks
    import em.data.threads

    sample = Sample(rng(53).normal(size=30_000))
    monkeypatch.setattr(em.data.blocks, "CACHE", 1 << 14)
    start = Mixture([0.5, 0.5], Gaussian([-1.0, 1.0], [1.0, 1.0]))
    alone = fit(Gaussian, sample, 2, start=start, max_steps=20)
    monkeypatch.setattr(em.data.threads, "WORTH_THREADS", 1)
    monkeypatch.setattr(em.data.threads, "available", lambda: 3)
    together = fit(Gaussian, sample, 2, start=start, max_steps=20)
    np.testing.assert_array_equal(alone.trace, together.trace)
    # negative control: another cut into blocks rounds otherwise
    monkeypatch.setattr(em.data.blocks, "CACHE", 1 << 15)
    assert (fit(Gaussian, sample, 2, start=start, max_steps=20).trace != alone.trace).any()


def test_many_rows_are_climbed_short_then_far(rng):
    generator = rng(54)
    x = np.concatenate([generator.normal(0, 1, 20_000), generator.normal(2, 1, 20_000)])
    found = fit(Gaussian, Sample(x), 2)
    assert found.converged
    assert found.starts == 20
    assert any("given up" in note for note in found.notes)
    assert (np.abs(found.mixture.theta.mean - [0, 2]) < 4 * found.standard_errors.theta.mean).all()
    assert isinstance(found, Fit)


DEATHS = Sample(range(10), counts=[162, 267, 271, 185, 111, 61, 27, 8, 3, 1])


def test_a_saddle_is_no_optimum():
    """Two equal components are stationary, and all that EM sees from there."""
    equal = Mixture([0.5, 0.5], Poisson([2.0, 2.0]))
    found = fit(Poisson, DEATHS, 2, start=equal)
    assert found.mixture.theta.rate == pytest.approx([2.156934, 2.156934], abs=1e-5)
    assert found.missing > 1
    assert any("saddle" in note for note in found.notes)
    assert np.isnan(found.standard_errors.theta.rate).all()
    several = fit(Poisson, DEATHS, 2, starts=60)
    assert len(several.optima) == 1
    # negative control: the optimum itself misses less than all of the information
    assert several.missing < 1


def test_families_without_statistics_climb_on_many_rows_in_memory_and_on_no_others(rng):
    """Rows of several blocks, in machine code."""
    generator = rng(55)
    x = np.concatenate([generator.standard_t(4, 100_000), 6 + generator.standard_t(8, 100_000)])
    found = fit(StudentT, Sample(x), 2, starts=2)
    assert found.converged
    away = np.abs(found.mixture.theta.df - [4, 8]) / found.standard_errors.theta.df
    assert (away < 4).all()
    # negative control: more steps by NumPy, a block at a time, lead no further than these did
    few = fit(StudentT, Sample(x[::20]), 2, starts=2)
    again = fit(StudentT, Sample(x[::20]), 2, start=found.mixture)
    assert few.log_likelihood == pytest.approx(again.log_likelihood, abs=1e-6)
    writer = StreamWriter(1, table=False, counted=False)
    writer.add(x[:, None], None)
    stream = writer.done()
    with pytest.raises(
        Refusal, match=r"StudentT needs all distinct rows in memory, .*em\.subsample"
    ):
        fit(StudentT, stream, 2)
    assert fit(Gaussian, stream, 2, starts=1).converged


@pytest.mark.parametrize("df", [0.5, 4.0, 1e5])
def test_machine_code_has_the_sums_that_numpy_has(df, rng):
    generator = rng(56)
    x, share = generator.standard_t(1.5, 9_001), generator.uniform(size=9_001)
    ours = products(share, x, 0.3, 1.7, df)
    np.testing.assert_allclose(ours, _products(share, x, 0.3, 1.7, df), rtol=1e-12, atol=1e-12)
    logs = share @ np.log1p(((x - 0.3) / 1.7) ** 2 / df)
    assert ours[1] == pytest.approx(logs, rel=1e-13)
    # negative control: logarithms of 1 + y, which lose digits of small y, are told apart
    small = products(share, x, 0.3, 1e7, df)[1]
    y = ((x - 0.3) / 1e7) ** 2 / df
    assert small == pytest.approx(share @ np.log1p(y), rel=1e-13, abs=0)
    assert small != pytest.approx(share @ np.log(1 + y), rel=1e-7, abs=0)
