"""Estimates from elsewhere, in our terms, and what is said of those that are none."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings

import numpy as np
import pytest
from families import FAMILIES
from scipy import stats

from comparisons.verdict import estimates
from comparisons.verdict.estimates import family_of
from em import fit
from models import Binomial, Gaussian, Mixture, MultivariateGaussian, Poisson, Sample, ordered
from models.family import entries, width_of
from models.names import made_of
from models.question import Question

sklearn = pytest.importorskip("sklearn.mixture")
NAMES = {"full": "full", "tied": "tied", "diag": "diagonal", "spherical": "spherical"}


def estimate_of(given, family, d):
    """Return an estimate of a family of d columns, whatever was observed."""
    columns = len(d) if isinstance(d, tuple) else d
    x = np.zeros((1, columns)) if family.takes() == "table" else np.zeros(1)
    return estimates.estimate_of(given, Question(Mixture, family, Sample(x), 2, wide=d))


def refused(given, family=Gaussian, d=1) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (each caller looks at the message)
        estimate_of(given, family, d)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def same(ours: Mixture, theirs: Mixture) -> bool:
    pairs = zip((ours.weight, *ours.theta), (theirs.weight, *theirs.theta), strict=True)
    return all(np.allclose(one, other, rtol=1e-12, atol=0) for one, other in pairs)


def log_likelihood(mixture: Mixture, x: np.ndarray) -> float:
    """By scipy, of Gaussians of x (n, d)."""
    mean, width = mixture.theta
    cov = width if width.ndim == 3 else width[:, None, None] ** 2
    parts = zip(mixture.weight, mean, cov, strict=True)
    return np.log(sum(w * stats.multivariate_normal(m, c).pdf(x) for w, m, c in parts)).sum()


@pytest.mark.parametrize("row", FAMILIES, ids=[row.name for row in FAMILIES])
def test_a_fit_a_mixture_and_a_file_of_it_are_one_estimate(row, rng, tmp_path):
    generator = rng(301)
    given = row.random(generator, 3)
    d = width_of(given.theta)
    found, source = estimate_of(given, row.family, d)
    assert source == "a Mixture"
    assert same(found, ordered(given))
    assert not same(found, estimate_of(row.random(generator, 3), row.family, d)[0])
    assert issubclass(family_of(given), row.family)
    path = tmp_path / "estimate.json"
    fields = {"weight": given.weight, **entries(given.theta)}
    path.write_text(json.dumps({name: field.tolist() for name, field in fields.items()}))
    found, source = estimate_of(path, row.family, d)
    assert source == str(path)
    assert same(found, ordered(given))
    assert same(estimate_of(str(path), row.family, d)[0], found)
    general = MultivariateGaussian if issubclass(row.family, MultivariateGaussian) else row.family
    if (made := made_of(row.family)) is not None:  # a file of mean and sd alone names no df
        general = Gaussian if made.number else None
    assert family_of(path) is general
    general = general or row.family
    assert estimate_of(path, general, d)[0].theta._fields == row.family._fields
    sample = row.sample(generator, 2, 60)
    fitted = fit(row.family, sample, 2, starts=2)
    found, source = estimate_of(fitted, row.family, d)
    assert source == "EM"
    assert same(found, fitted.mixture)
    assert family_of(fitted) is row.family


@pytest.mark.parametrize("form", NAMES)
@pytest.mark.parametrize("d", [1, 3])
def test_scikit_learn_in_our_terms_has_its_own_likelihood(form, d, rng):
    x = np.concatenate([rng(302).normal(0, 1, (80, d)), rng(303).normal(4, 2, (50, d))])
    peer = sklearn.GaussianMixture(2, covariance_type=form, random_state=1).fit(x)
    family = Gaussian if d == 1 else MultivariateGaussian.with_covariance(NAMES[form])
    assert family_of(peer) is family
    for one in (family, Gaussian if d == 1 else MultivariateGaussian):
        found, source = estimate_of(peer, one, d)
        assert source == "scikit-learn's GaussianMixture"
        height = log_likelihood(found, x)
        assert height == pytest.approx(peer.score(x) * len(x), rel=1e-10)
        # negative control: another width
        field = "sd" if d == 1 else "cov"
        wider = found.theta._replace(**{field: getattr(found.theta, field) * 1.01})
        other = log_likelihood(Mixture(found.weight, wider), x)
        assert other != pytest.approx(peer.score(x) * len(x), rel=1e-6)
    assert found.theta.mean.ravel()[0] < found.theta.mean.ravel()[-1]


def test_scikit_learn_with_one_column_as_a_multivariate(rng):
    peer = sklearn.GaussianMixture(2, random_state=1).fit(rng(304).normal(size=(50, 1)))
    found, _ = estimate_of(peer, MultivariateGaussian, 1)
    assert found.theta.cov.shape == (2, 1, 1)


def test_what_scikit_learn_cannot_stand_for_is_refused(rng):
    x = rng(305).normal(size=(60, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peer = sklearn.GaussianMixture(2, max_iter=1, random_state=1).fit(x)
    assert estimate_of(peer, MultivariateGaussian, 2)[1].endswith(", not converged")
    tied = MultivariateGaussian.with_covariance("tied")
    message = refused(peer, tied, 2)
    assert "covariance_type='full', the family is tied; fit it with covariance_type='ti" in message
    spherical = MultivariateGaussian.with_covariance("diagonal")
    assert "covariance_type='diag'" in refused(peer, spherical, 2)
    alone = MultivariateGaussian.with_covariance("tied-spherical")  # which they do not have
    assert "the family is tied-spherical; take another family" in refused(peer, alone, 2)
    assert "fitted to 2 columns, x has 1" in refused(peer)
    assert "fitted to 2 columns, x has 3" in refused(peer, MultivariateGaussian, 3)
    assert "is of Gaussians; the family is Poisson" in refused(
        sklearn.GaussianMixture(1).fit(x[:, :1]), Poisson
    )
    fresh = sklearn.GaussianMixture(2)
    assert "the GaussianMixture is not fitted; call its fit(x) first" in refused(fresh)
    with pytest.raises(ValueError, match="is not fitted; call its fit"):
        family_of(fresh)
    peer.covariance_type = "round"
    assert "covariance_type is 'round'; give one of" in refused(peer, MultivariateGaussian, 2)
    assert family_of(peer) is None


def test_scikit_learn_is_not_imported():
    code = "import sys, comparisons.verdict.estimates; print('sklearn' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"


GOOD = {"weight": [0.4, 0.6], "mean": [163.0, 175], "sd": [6, 7]}


@pytest.fixture
def write(tmp_path):
    def written(content: object) -> str:
        path = tmp_path / "estimate.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(path)

    return written


def test_shares_may_be_rounded(write):
    third = [0.3333333, 0.3333333, 0.3333333]
    given = {"weight": third, "mean": [3, 1, 2], "sd": [1, 1, 1]}
    found, _ = estimate_of(write(given), Gaussian, 1)
    assert found.weight.sum() == pytest.approx(1, abs=1e-15)
    assert found.theta.mean.tolist() == [1, 2, 3]
    found, _ = estimate_of(Mixture(third, Poisson([1, 2, 3])), Poisson, 1)
    assert found.weight.sum() == pytest.approx(1, abs=1e-15)
    message = refused(write(given | {"weight": [0.333, 0.333, 0.333]}))
    assert "estimate.json: weight sums to 0.999; divide the shares by their sum" in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "is not JSON: Input data was truncated"),
        ('{"weight": [1],\n"mean" [2]}', "is not JSON: expected ':' (byte 23)"),
        ("[1, 2]", "json: expected object, got array; a Gaussian has weight, mean, sd"),
        ('{"weight": [NaN]}', "is not JSON: invalid character (byte 12)"),
        ('{"weight": [1], "mean": [Infinity], "sd": [1]}', "is not JSON: invalid character"),
        ('{"weight": [1], "mean": [1e999], "sd": [1]}', "json: mean[0]: number out of range"),
        ({"weight": [1], "mean": [1]}, "there is no field sd; a Gaussian has weight, mean, sd"),
        ({"mean": [1], "sd": [1]}, "json: there is no field weight"),
        (GOOD | {"cov": [1]}, "there is an unknown field cov; a Gaussian has weight"),
        (GOOD | {"sd": [6]}, "json: sd has shape (1,); give (2,)"),
        (GOOD | {"sd": [6, -1]}, "json: sd is [6.0, -1.0]; give standard deviations above 0"),
        (GOOD | {"sd": [6, "7"]}, "json: sd[1]: expected numbers, got str"),
        (GOOD | {"sd": [6, None]}, "json: sd[1]: expected numbers, got null"),
        (GOOD | {"sd": [6, True]}, "json: sd[1]: expected numbers, got bool"),
        (GOOD | {"mean": [[1, 2], [3]]}, "json: mean has lists of different lengths"),
        (GOOD | {"mean": [10**400, 3]}, "json: mean[0]: number out of range"),
        (GOOD | {"weight": 1}, "json: weight has shape (); give one share"),
        (GOOD | {"weight": []}, "json: weight has shape (0,)"),
        (GOOD | {"weight": [-0.5, 1.5]}, "json: weight[0] is -0.5; give shares"),
    ],
)
def test_bad_files_are_refused_in_one_line(content, message, write):
    assert message in refused(write(content))


def test_other_things_that_are_no_estimates(tmp_path, write):
    assert "there is no file" in refused(tmp_path / "none.json")
    assert "cannot be read: Is a directory" in refused(tmp_path)
    (tmp_path / "binary").write_bytes(b"\xff\xfe\x00")
    assert "is not UTF-8 text" in refused(tmp_path / "binary")
    assert "estimate is a dict; give an em.Fit, a Mixture" in refused(GOOD)
    assert "a Mixture: theta is a Poisson; give a Gaussian" in refused(Mixture([1], Poisson([1])))
    assert "a Mixture: weight is" in refused(Mixture("many", Gaussian([1], [1])))
    assert "a Mixture: theta is a NoneType" in refused(Mixture([1.0], None))
    assert "mean has shape (1, 2); give (1, 3)" in refused(
        Mixture([1], MultivariateGaussian([[1, 2]], [np.eye(2)])), MultivariateGaussian, 3
    )
    assert family_of(GOOD) is None
    assert family_of(Mixture([1.0], None)) is None
    assert family_of(write({"weight": [1], "spread": [1]})) is None
    assert family_of(write({"weight": [1], "prob": [1]})) is Binomial
    with pytest.raises(ValueError, match="there is no file"):
        family_of("none.json")
