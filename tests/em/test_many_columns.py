"""Many columns: forms without products of columns, and products of the rows themselves."""

import numpy as np
import pytest

import em
from em.emission import EMISSIONS, Exponential, emission_of
from em.errors import information
from em.multivariate import WIDE, MultivariateEmission
from models import Mixture, MultivariateGaussian, Sample, weak_prior
from models.multivariate import FORMS
from models.refusal import Refusal

UNCORRELATED = ["diagonal", "spherical", "tied-spherical"]


def rows(rng, n: int, d: int) -> np.ndarray:
    """Two groups of d columns."""
    groups = (rng.random(n) < 0.4)[:, None]
    return rng.normal(size=(n, d)) * rng.uniform(0.5, 2, d) + groups * rng.normal(size=d)


@pytest.mark.parametrize("form", UNCORRELATED)
@pytest.mark.parametrize("believed", [False, True], ids=["likelihood", "prior"])
def test_uncorrelated_forms_fit_as_with_all_products(form, believed, rng, monkeypatch) -> None:
    """The estimate, its errors and the number of steps are those of statistics x_i x_j."""
    family = MultivariateGaussian.with_covariance(form)
    sample = Sample(rows(rng(3), 200, 4))
    prior = weak_prior(family, sample, 2) if believed else None
    few = em.fit(family, sample, 2, prior=prior, starts=4)
    monkeypatch.setitem(EMISSIONS, family, MultivariateEmission)
    many = em.fit(family, sample, 2, prior=prior, starts=4)
    assert few.log_likelihood == pytest.approx(many.log_likelihood, rel=1e-12)
    np.testing.assert_allclose(few.estimate.theta.mean, many.estimate.theta.mean, atol=1e-6)
    np.testing.assert_allclose(few.estimate.theta.cov, many.estimate.theta.cov, atol=1e-6)
    errors, others = few.standard_errors.theta, many.standard_errors.theta
    np.testing.assert_allclose(errors.mean, others.mean, rtol=1e-5)
    np.testing.assert_allclose(errors.cov, others.cov, rtol=1e-5, atol=1e-9)
    assert few.trace[0] == pytest.approx(many.trace[0], rel=1e-12)
    # negative control: another form has other errors
    monkeypatch.undo()
    other = em.fit(MultivariateGaussian, sample, 2, starts=4)
    assert other.log_likelihood > few.log_likelihood + 1


def test_wide_rows_have_the_heights_and_sums_of_written_products(rng) -> None:
    """x' A x and sums of x x', from the rows, are those of the statistics."""
    generator, d = rng(5), WIDE + 3
    emission = emission_of(MultivariateGaussian)
    x = generator.normal(size=(50, d))
    q = emission.size(d)
    assert emission.unwritten(d)
    assert not emission.unwritten(WIDE - 1)
    phi, share = generator.normal(size=(2, 1 + q)), generator.random((2, 50))
    own, written = np.empty((2, 50)), np.empty((2, 50))
    emission.heights(phi, x, None, own)
    Exponential.heights(emission, phi, x, None, written)
    np.testing.assert_allclose(own, written, rtol=1e-10, atol=1e-9)
    sums = Exponential.sums(emission, share, x, None, 1 + q)
    np.testing.assert_allclose(emission.sums(share, x, None, 1 + q), sums, rtol=1e-10, atol=1e-10)
    # negative control: each component has its own
    assert not np.allclose(sums[0], sums[1], rtol=1e-3)


@pytest.mark.parametrize("form", ["full", "tied"])
def test_a_step_on_wide_rows_is_that_of_narrow_ones(form, rng, monkeypatch) -> None:
    """Whether products are written or not, about zero and about means that lie far away."""
    monkeypatch.setattr(information, "MOST_COORDINATES", 10)
    family, generator, d = MultivariateGaussian.with_covariance(form), rng(7), WIDE + 1
    sample = Sample(rows(generator, 400, d))
    shift = np.where(np.arange(400) < 200, 0.0, 300.0)[:, None]
    apart = Sample(sample.x + shift)
    for data in (sample, apart):
        centres = data.x[:200].mean(axis=0), data.x[200:].mean(axis=0) + 0.1
        start = Mixture(
            np.full(2, 0.5), family(np.array(centres), np.array([np.cov(sample.x.T)] * 2))
        )
        steps = {"start": start, "max_steps": 2, "tolerance": 0, "accelerate": False}
        wide = em.fit(family, data, 2, **steps)
        with monkeypatch.context() as patch:
            patch.setattr(MultivariateEmission, "unwritten", lambda *_: False)
            narrow = em.fit(family, data, 2, **steps)
        np.testing.assert_allclose(wide.trace, narrow.trace, rtol=1e-11)
        np.testing.assert_allclose(
            wide.estimate.theta.cov, narrow.estimate.theta.cov, rtol=1e-7, atol=1e-7
        )


@pytest.mark.parametrize("form", FORMS)
def test_many_columns_are_fitted_in_every_form(form, rng) -> None:
    """With standard errors where the parameters are not too many, or refused before any work."""
    family = MultivariateGaussian.with_covariance(form)
    sample = Sample(rows(rng(9), 150, 100))
    if form == "full":
        with pytest.raises(Refusal, match="2 full covariances of 100 columns need at least 202"):
            em.fit(family, sample, 2)
        return
    found = em.fit(family, sample, 2, starts=1)
    assert np.isfinite(found.log_likelihood)
    errors = found.standard_errors.theta.mean
    if form == "tied":
        assert np.isnan(errors).all()
        assert any("5,251 free parameters are too many" in note for note in found.notes)
    else:
        assert (errors > 0).all()


def test_few_rows_are_refused_in_wide_tables_alone(rng, monkeypatch) -> None:
    """Narrow tables and priors, where an optimum may be left, are climbed as before."""
    monkeypatch.setattr(information, "MOST_COORDINATES", 10)
    generator = rng(11)
    wide = Sample(generator.normal(size=(WIDE + 1, WIDE)))
    tied = MultivariateGaussian.with_covariance("tied")
    with pytest.raises(Refusal, match=r"a tied covariance of 32 columns needs at least 34 .* 33;"):
        em.fit(tied, wide, 2, starts=1)
    narrow = Sample(generator.normal(size=(5, 3)))
    assert em.fit(MultivariateGaussian, narrow, 2, starts=1).starts == 1
    prior = weak_prior(tied, Sample(generator.normal(size=(200, WIDE))), 2)
    assert em.fit(tied, wide, 2, starts=1, prior=prior, max_steps=3).starts == 1


def test_least_sds_of_many_columns_are_not_listed_one_by_one(rng) -> None:
    """Six equal ones are one number; a few are listed."""
    x = rng(13).normal(size=(60, 6))
    x[:7] = x[0] + 1e-9 * rng(14).normal(size=(7, 6))
    said = [note for note in em.fit(MultivariateGaussian, Sample(x), 2).notes if "least sd" in note]
    assert said
    assert "1e-07, 1e-07" not in said[0]
