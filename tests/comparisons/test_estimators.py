"""EM keeps scikit-learn's conventions, finds what its GaussianMixture finds, and has errors."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

from comparisons.estimators import EMMixture
from comparisons.verdict.peer_mixtures import source_of_mixture
from models import MultivariateGaussian, Poisson
from models.refusal import Refusal

FORMS = ("full", "tied", "diag", "spherical")
# Without an addition to covariances, and climbed until doubles end: theirs is the same maximum.
EXACT = {"reg_covar": 0.0, "tol": 1e-13, "max_iter": 100_000, "n_init": 5}
FOLDS = KFold(3, shuffle=True, random_state=0)
ELSEWHERE = "check_array_api_input"  # needs an environment variable before scipy is imported


# One of their checks has more columns than rows, which our own warning is about.
flat = pytest.mark.filterwarnings("ignore:the observations have no spread:UserWarning")


def checked(estimator, check):
    if check.func.__name__ != ELSEWHERE:
        check(estimator)


@flat
@parametrize_with_checks([EMMixture()])
def test_scikit_learns_own_checks(estimator, check):
    checked(estimator, check)


@flat
@pytest.mark.slow
@parametrize_with_checks([EMMixture(2, covariance_type=form, n_init=2) for form in FORMS])
def test_scikit_learns_own_checks_of_two_groups(estimator, check):
    checked(estimator, check)


def groups(rng, d=2):
    """Return 300 rows of three groups, 4 sd apart."""
    centres = np.array([[0.0, 0.0, 0.0], [4.0, 0.0, 1.0], [0.0, 5.0, 2.0]])[:, :d]
    labels = np.repeat([0, 1, 2], [60, 90, 150])
    return centres[labels] + rng.normal(size=(300, d)) * (1 + 0.3 * labels[:, None])


def in_our_order(theirs, mine):
    """Return the places of their components that are nearest to each of ours."""
    order = np.linalg.norm(mine.means_[:, None] - theirs.means_, axis=2).argmin(axis=1)
    assert sorted(order) == list(range(len(order)))
    return order


@pytest.mark.parametrize("d", [1, 2])
@pytest.mark.parametrize("form", FORMS)
def test_it_finds_what_their_gaussian_mixture_finds(form, d, rng):
    x = groups(rng(1), d)
    k = 2 if d == 1 else 3
    mine = EMMixture(n_components=k, covariance_type=form, random_state=0).fit(x)
    theirs = GaussianMixture(k, covariance_type=form, random_state=0, **EXACT).fit(x)
    order = in_our_order(theirs, mine)
    # the slope of the likelihood is 0: an error of h in parameters costs h^2 of it, and doubles
    # hold 1e-16 of the latter
    near = {"rtol": 1e-5, "atol": 1e-6}
    np.testing.assert_allclose(mine.weights_, theirs.weights_[order], **near)
    np.testing.assert_allclose(mine.means_, theirs.means_[order], **near)
    cov = theirs.covariances_ if form == "tied" else theirs.covariances_[order]
    np.testing.assert_allclose(mine.covariances_, cov, **near)
    for name in ("weights", "means", "covariances"):
        assert getattr(mine, f"{name}_se_").shape == getattr(mine, f"{name}_").shape
    new = groups(rng(2), d)
    np.testing.assert_allclose(mine.predict_proba(new), theirs.predict_proba(new)[:, order], **near)
    np.testing.assert_allclose(mine.score_samples(new), theirs.score_samples(new), **near)
    assert np.array_equal(mine.predict(new), np.argsort(order)[theirs.predict(new)])
    for measure in ("score", "aic", "bic"):
        assert getattr(mine, measure)(x) == pytest.approx(getattr(theirs, measure)(x), rel=1e-9)
    assert mine.lower_bound_ == pytest.approx(theirs.lower_bound_, rel=1e-9)
    assert mine.converged_
    assert mine.bic(x) == pytest.approx(mine.fit_.bic, rel=1e-12)


def test_their_usual_tolerance_stops_short_which_the_comparison_notices(rng):
    x = groups(rng(1))
    mine = EMMixture(3).fit(x)
    theirs = GaussianMixture(3, random_state=0).fit(x)
    order = in_our_order(theirs, mine)
    assert np.abs(mine.means_ - theirs.means_[order]).max() > 1e-4
    assert mine.score(x) > theirs.score(x)


def test_errors_of_one_group_are_those_of_the_textbook(rng):
    x = groups(rng(3))
    n, model = len(x), EMMixture().fit(x)
    (cov,) = model.covariances_
    np.testing.assert_allclose(cov, np.cov(x.T, bias=True), rtol=1e-9)
    np.testing.assert_allclose(model.means_se_[0], np.sqrt(np.diag(cov) / n), rtol=1e-6)
    variances = np.outer(np.diag(cov), np.diag(cov))
    np.testing.assert_allclose(
        model.covariances_se_[0], np.sqrt((variances + cov**2) / n), rtol=1e-6
    )


@pytest.mark.parametrize("kind", [EMMixture, GaussianMixture])
def test_users_of_theirs_switch_by_one_line(kind, rng):
    x = groups(rng(4))
    model = kind(n_components=3, covariance_type="full", n_init=3, random_state=1)
    labels = model.fit_predict(x)
    assert np.array_equal(labels, model.predict(x))
    assert model.weights_.shape == (3,)
    assert (model.n_features_in_, model.n_iter_ >= 1, model.converged_) == (2, True, True)
    rows, drawn = model.sample(50)
    assert (rows.shape, drawn.shape) == ((50, 2), (50,))
    scaled = make_pipeline(StandardScaler(), clone(model)).fit(x)
    assert scaled.predict(x).shape == (300,)
    found = GridSearchCV(kind(random_state=0), {"n_components": [1, 3]}, cv=FOLDS).fit(x)
    assert found.best_params_ == {"n_components": 3}


def test_weights_are_counts_if_they_are_whole_and_relative_otherwise(rng):
    x = groups(rng(5))
    times = rng(6).integers(0, 4, len(x))
    repeated = EMMixture(3).fit(np.repeat(x, times, axis=0))
    weighed = EMMixture(3).fit(x, sample_weight=times)
    np.testing.assert_allclose(weighed.means_, repeated.means_, rtol=1e-9)
    np.testing.assert_allclose(weighed.means_se_, repeated.means_se_, rtol=1e-6)
    shares = rng(7).uniform(0.5, 1.5, len(x))
    one, other = (EMMixture(3).fit(x, sample_weight=by * shares) for by in (1, 1e-3))
    np.testing.assert_allclose(one.means_, other.means_, rtol=1e-6)
    assert one.fit_.observations == len(x)
    # negative control: the weights matter
    assert np.abs(one.means_ - EMMixture(3).fit(x).means_).max() > 1e-3


def test_other_families_take_one_column(rng):
    counts = rng(8).poisson([1.0] * 60 + [9.0] * 40)[:, None]
    for family in ("poisson", Poisson):
        model = EMMixture(2, family=family).fit(counts)
        assert model.fit_.estimate.theta.rate == pytest.approx([1.0, 9.0], abs=1.0)
        rows, labels = model.sample(20)
        assert rows.shape == (20, 1)
        assert set(labels) <= {0, 1}
    assert not hasattr(model, "covariances_")
    tied = MultivariateGaussian.with_covariance("tied")
    assert EMMixture(2, family=tied).fit(groups(rng(9))).covariances_.shape == (2, 2)


def test_columns_of_a_frame_are_known_by_name(rng):
    frame = pd.DataFrame(groups(rng(10)), columns=["height", "weight"])
    model = EMMixture(3).fit(frame)
    assert list(model.feature_names_in_) == ["height", "weight"]
    assert np.array_equal(model.predict(frame), model.predict(frame.to_numpy()))
    with pytest.raises(Refusal, match="X has columns weight, height, the fit has height, weight"):
        model.predict(frame[["weight", "height"]])
    assert not hasattr(model.fit(frame.to_numpy()), "feature_names_in_")


BAD = {
    "form": ({"covariance_type": "diagnal"}, {}, "give one of diag, full, tied"),
    "form of counts": ({"family": "poisson", "covariance_type": "tied"}, {}, "has no covariances"),
    "family": ({"family": "bernoulli"}, {}, "take binomial with 1 trial"),
    "columns": ({"family": "poisson"}, {}, r"Poisson takes one column, X has 2"),
    "weights": ({}, {"sample_weight": [1.0, 2.0]}, r"sample_weight has shape \(2,\)"),
    "below 0": ({}, {"sample_weight": -np.ones(300)}, "numbers below 0"),
    "too many": ({"n_components": 301}, {}, "X has 300 samples; give at least 301"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_fitted_is_refused_in_one_line(case, rng):
    arguments, options, said = BAD[case]
    with pytest.raises(Refusal, match=said) as refused:
        EMMixture(**arguments).fit(groups(rng(1)), **options)
    assert "\n" not in str(refused.value)


def test_parameters_are_read_set_and_printed():
    model = EMMixture(2, random_state=1)
    assert repr(model) == "EMMixture(n_components=2, random_state=1)"
    assert repr(clone(model.set_params(n_init=7))) == (
        "EMMixture(n_components=2, n_init=7, random_state=1)"
    )
    with pytest.raises(Refusal, match="EMMixture has no parameter 'tol'; it has n_components"):
        model.set_params(tol=1)
    with pytest.raises(NotFittedError, match="is not fitted yet"):
        model.predict([[1.0]])


def test_seeds_are_whatever_scikit_learn_calls_a_random_state(rng):
    x = groups(rng(11))
    for state in (None, 3, np.random.RandomState(3), rng(3)):
        model = EMMixture(3, random_state=state).fit(x)
        assert np.array_equal(pickle.loads(pickle.dumps(model)).predict(x), model.predict(x))
    same, again = (EMMixture(3, random_state=3).fit(x).sample(9)[0] for _ in range(2))
    assert np.array_equal(same, again)
    assert not np.array_equal(same, EMMixture(3, random_state=4).fit(x).sample(9)[0])


def test_rows_without_spread_in_some_direction_are_said_to_be():
    x = np.column_stack([np.arange(9.0), 2 * np.arange(9.0)])
    with pytest.warns(UserWarning, match="no spread in some direction"):
        model = EMMixture().fit(x)
    assert model.notes_


def test_a_comparison_says_whose_it_is(rng):
    assert source_of_mixture(EMMixture(2).fit(groups(rng(12)))) == "EMMixture"
    theirs = GaussianMixture(2, random_state=0).fit(groups(rng(12)))
    assert source_of_mixture(theirs) == "scikit-learn's GaussianMixture"


def test_scikit_learn_need_not_be_installed(tmp_path):
    check = (
        "import sys; sys.modules['sklearn'] = None  # as if it were not there\n"
        "import second_opinion as so\n"
        "model = so.EMMixture(2)\n"
        "try:\n    model.predict([[1.0]])\nexcept so.Refusal as problem:\n    print(problem)\n"
        "print(model.fit([[1.0], [1.5], [2.0], [7.0], [8.0]]).predict([[1.2], [7.7]]))"
    )
    found = subprocess.run(
        [sys.executable, "-c", check],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert found.stdout.splitlines() == [
        "This EMMixture is not fitted yet; call fit(X) before this method",
        "[0 1]",
    ], found.stderr
