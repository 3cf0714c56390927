"""EM with the conventions of scikit-learn, which need not be installed."""

from __future__ import annotations

import sys
import warnings
from inspect import signature
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from scipy.sparse import issparse

import em
from models import Sample, simulate
from models.aliases import family_meant
from models.frames import titles_of
from models.names import FORMS, family_named, name_of
from models.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike
    from sklearn.utils import Tags

    from models import Mixture
    from models.arrays import Array, Labels
    from models.family import Theta
    from models.frames import Frame

    type Rows = ArrayLike | Frame
    type Random = int | np.random.RandomState | np.random.Generator | None

__all__ = ["EMMixture"]

USUAL = "full"
THEIRS = {"diag": "diagonal"}
"""Names that scikit-learn gives forms of covariances, where ours are others."""

SHAPES: dict[str | None, Callable[[Array], Array]] = {
    "tied": lambda cov: cov[0],
    "diagonal": lambda cov: np.diagonal(cov, axis1=1, axis2=2),
    "spherical": lambda cov: cov[:, 0, 0],
    "tied-spherical": lambda cov: cov[0, 0, 0],
}
"""What scikit-learn keeps of covariances (K, d, d) of each form; of others all."""


class EMMixture:
    """A mixture fitted by EM, with methods and attributes of scikit-learn's GaussianMixture.

    It also has standard errors, and starts until the best optimum was found several times. Its
    likelihood never falls, and nothing is added to covariances. Labels are in order, and the same
    data give the same answer.

    n_components: the number of groups.
    covariance_type: "full", "tied", "diag" or "spherical".
    family: another family, such as "poisson"; a family of one column needs X with one column.
    n_init: number of initialisations; by default 20 or more (`em.fit`).
    max_iter: maximum number of EM iterations.
    random_state: seed of the starts and of `sample`; None means 0.

    After `fit` it has

    weights_, means_, covariances_: in GaussianMixture's shapes; of other families the parameters
        are in `fit_.estimate`.
    weights_se_, means_se_, covariances_se_: their standard errors; NaN where `notes_` says why.
    converged_, n_iter_: whether EM converged, and its number of iterations.
    lower_bound_: the mean log-likelihood of a row.
    notes_: what a reader of the estimate has to know, in sentences.
    fit_: the whole `em.Fit`, for `comparisons.compare` for example.
    n_features_in_, feature_names_in_: of X; the second if X was a data frame.

    >>> heights = np.array([[158.0], [161.0], [163.0], [175.0], [176.0], [180.0]])
    >>> model = EMMixture(n_components=2).fit(heights)
    >>> model.means_.ravel().round(1), model.means_se_.ravel().round(1)
    (array([160.7, 177. ]), array([1.2, 1.2]))
    >>> model.predict([[160.0], [178.0]])
    array([0, 1])
    """

    def __init__(
        self,
        n_components: int = 1,
        *,
        covariance_type: str = USUAL,
        family: str | type[Theta] = "normal",
        n_init: int | None = None,
        max_iter: int = 10_000,
        random_state: Random = None,
    ) -> None:
        self.n_components = n_components
        self.covariance_type = covariance_type
        self.family = family
        self.n_init = n_init
        self.max_iter = max_iter
        self.random_state = random_state

    def fit(self, X: Rows, y: object = None, sample_weight: ArrayLike | None = None) -> Self:
        """Fit the mixture, and return self.

        X: (n, d) numbers.
        y: ignored.
        sample_weight: (n,) from 0 up. Whole numbers say how often a row occurred. Others are
            relative: they are scaled to sum to the number of rows.

        >>> heights = np.array([[158.0], [161.0], [163.0], [175.0], [176.0], [180.0]])
        >>> EMMixture(n_components=2).fit(heights).weights_.round(2)
        array([0.5, 0.5])
        """
        values, names = _checked(X)
        n, self.n_features_in_ = values.shape
        if n < max(2, self.n_components):
            raise Refusal(
                f"X has {n} sample{'s' * (n > 1)}; give at least {max(2, self.n_components)}"
            )
        if names:
            self.feature_names_in_ = np.array(names, object)
        else:
            self.__dict__.pop("feature_names_in_", None)
        family = self._family()
        rows = _in_shape(values, family)
        sample = Sample(rows) if sample_weight is None else _weighed(rows, sample_weight)
        found: em.Fit[Mixture[Theta]] = em.fit(
            family,
            sample,
            self.n_components,
            starts=self.n_init,
            seed=_seed(self.random_state),
            max_steps=self.max_iter,
        )
        self._keep(found)
        return self

    def _family(self) -> type[Theta]:
        """Return the family that is asked for, with its form of covariances."""
        given, form = self.family, THEIRS.get(self.covariance_type, self.covariance_type)
        family = family_meant(given, several=True) if isinstance(given, str) else given
        short = name_of(family)
        if short in FORMS:
            if form not in FORMS[short]:
                listed = ", ".join([*THEIRS, *FORMS[short]])
                raise Refusal(f"covariance_type is {form!r}; give one of {listed}")
            return family_named(short, form) if family is family_named(short) else family
        if form != USUAL:
            raise Refusal(
                f"covariance_type is {form!r}, but a {family.__name__} has no covariances; leave "
                "it out"
            )
        return family

    def _keep(self, found: em.Fit[Mixture[Theta]]) -> None:
        """Set what is estimated as attributes."""
        self.fit_ = found
        self.weights_, self.weights_se_ = found.estimate.weight, found.standard_errors.weight
        for ending, theta in (
            ("", found.estimate.theta),
            ("se_", found.standard_errors.theta),
        ):
            fields = theta._asdict()
            if "cov" in fields:
                shape = SHAPES.get(_form_of(found.family), np.asarray)
                setattr(self, f"means_{ending}", fields["mean"])
                setattr(self, f"covariances_{ending}", shape(fields["cov"]))
        self.converged_, self.n_iter_ = found.converged, max(found.steps, 1)
        self.lower_bound_ = found.log_likelihood / found.observations
        self.notes_ = found.notes
        if np.isposinf(found.log_likelihood):
            warnings.warn(found.notes[0], UserWarning, stacklevel=3)

    def fit_predict(self, X: Rows, y: object = None) -> Labels:
        """Fit the mixture, and return (n,) the most likely component of each row.

        >>> heights = np.array([[158.0], [161.0], [163.0], [175.0], [176.0], [180.0]])
        >>> EMMixture(n_components=2).fit_predict(heights)
        array([0, 0, 0, 1, 1, 1])
        """
        return self.fit(X).predict(X)

    def predict(self, X: Rows) -> Labels:
        """Return (n,) the most likely component of each row.

        >>> heights = np.array([[158.0], [161.0], [163.0], [175.0], [176.0], [180.0]])
        >>> model = EMMixture(n_components=2).fit(heights)
        >>> model.predict([[160.0], [178.0]])
        array([0, 1])
        """
        return self._fitted().assign(self._rows(X))

    def predict_proba(self, X: Rows) -> Array:
        """Return (n, K) the probability of each component, given each row.

        >>> heights = np.array([[158.0], [161.0], [163.0], [175.0], [176.0], [180.0]])
        >>> model = EMMixture(n_components=2).fit(heights)
        >>> model.predict_proba([[160.0], [178.0]]).round(3)
        array([[1., 0.],
               [0., 1.]])
        """
        return self._fitted().responsibilities(self._rows(X))

    def score_samples(self, X: Rows) -> Array:
        """Return (n,) the log density of each row.

        >>> heights = np.array([[158.0], [161.0], [163.0], [175.0], [176.0], [180.0]])
        >>> model = EMMixture(n_components=2).fit(heights)
        >>> model.score_samples([[160.0], [178.0]]).round(2)
        array([-2.38, -2.49])
        """
        return self._fitted().log_density(self._rows(X))

    def score(self, X: Rows, y: object = None) -> float:
        """Return the average log density of the rows.

        >>> heights = np.array([[158.0], [161.0], [163.0], [175.0], [176.0], [180.0]])
        >>> model = EMMixture(n_components=2).fit(heights)
        >>> round(model.score(heights), 2)
        -2.86
        """
        return float(self.score_samples(X).mean())

    def sample(self, n_samples: int = 1) -> tuple[Array, Labels]:
        """Return (n, d) rows drawn from the estimate, and (n,) the component of each.

        >>> heights = np.array([[158.0], [161.0], [163.0], [175.0], [176.0], [180.0]])
        >>> model = EMMixture(n_components=2).fit(heights)
        >>> model.sample(3)[0].shape
        (3, 1)
        """
        rng = np.random.default_rng(_seed(self.random_state))
        drawn, labels = simulate(self._fitted().estimate, n_samples, rng)
        return drawn.expand(drawn.x).reshape(n_samples, -1), labels

    def aic(self, X: Rows) -> float:
        """Return -2 log-likelihood of the rows + 2 p, with p parameters: lower is better.

        >>> heights = np.array([[158.0], [161.0], [163.0], [175.0], [176.0], [180.0]])
        >>> model = EMMixture(n_components=2).fit(heights)
        >>> round(model.aic(heights), 1)
        44.3
        """
        return float(-2 * self.score_samples(X).sum() + 2 * self._fitted().charged)

    def bic(self, X: Rows) -> float:
        """Return -2 log-likelihood of the n rows + p log n, with p parameters: lower is better.

        >>> heights = np.array([[158.0], [161.0], [163.0], [175.0], [176.0], [180.0]])
        >>> model = EMMixture(n_components=2).fit(heights)
        >>> round(model.bic(heights), 1)
        43.2
        """
        scores = self.score_samples(X)
        return float(-2 * scores.sum() + self._fitted().charged * np.log(len(scores)))

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the arguments of the constructor, by name.

        deep: ignored; none of them is an estimator.

        >>> EMMixture(n_components=2).get_params()["n_components"]
        2
        """
        return {name: getattr(self, name) for name in signature(type(self)).parameters}

    def set_params(self, **params: Any) -> Self:
        """Set arguments of the constructor, and return self.

        >>> EMMixture().set_params(n_components=3)
        EMMixture(n_components=3)
        """
        known = self.get_params()
        for name, value in params.items():
            if name not in known:
                raise Refusal(
                    f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(known)}"
                )
            setattr(self, name, value)
        return self

    def _fitted(self) -> em.Fit[Mixture[Theta]]:
        """Return EM's fit, or refuse to go on without."""
        if "fit_" not in self.__dict__:
            raise _not_fitted(
                f"This {type(self).__name__} is not fitted yet; call fit(X) before this method"
            )
        return self.fit_

    def _rows(self, X: Rows) -> Sample:
        """Return rows of the same columns as those of the fit, or refuse others."""
        family = self._fitted().question.family
        values, names = _checked(X)
        mine = getattr(self, "feature_names_in_", None)
        if mine is not None and names and list(mine) != names:
            raise Refusal(
                f"X has columns {', '.join(names)}, the fit has {', '.join(mine)}; give those, in "
                "that order"
            )
        if values.shape[1] != self.n_features_in_:
            raise Refusal(
                f"X has {values.shape[1]} features, but {type(self).__name__} is expecting "
                f"{self.n_features_in_} features as input"
            )
        return Sample(_in_shape(values, family))

    def __repr__(self) -> str:
        usual = signature(type(self)).parameters
        given = {
            name: value
            for name, value in self.get_params().items()
            if value is not usual[name].default and value != usual[name].default
        }
        return f"{type(self).__name__}({', '.join(f'{one}={given[one]!r}' for one in given)})"

    def __sklearn_tags__(self) -> Tags:
        from sklearn.utils import Tags, TargetTags

        return Tags(estimator_type="density_estimator", target_tags=TargetTags(required=False))


def _form_of(family: type[Theta]) -> str | None:
    """Return the name of a family's form of covariances; None of a family without."""
    forms = FORMS.get(name_of(family), {})
    return next((form for form, one in forms.items() if one is family), None)


def _not_fitted(message: str) -> Exception:
    """Return the exception for a model that is not fitted: scikit-learn's, if it is in use."""
    if sys.modules.get("sklearn") is not None:
        from sklearn.exceptions import NotFittedError

        return cast("Exception", NotFittedError(message))
    return Refusal(message)


def _checked(X: Rows) -> tuple[Array, list[str]]:
    """Return (n, d) finite doubles, and the names of the columns if X has some."""
    if issparse(X):
        raise Refusal("X is sparse, which is not supported; give X.toarray()")
    given = np.asarray(X)
    if given.dtype.kind == "c":
        raise Refusal("Complex data not supported; give numbers")
    values = np.asarray(given, np.float64)
    if values.ndim != 2:
        raise Refusal(
            f"X has {values.ndim} dimension{'s' * (values.ndim != 1)}; give (n, d) rows. Reshape "
            "your data: X.reshape(-1, 1) if it is one column"
        )
    for axis, what in ((1, "feature(s)"), (0, "sample(s)")):
        if not values.shape[axis]:
            raise Refusal(
                f"X has 0 {what} (shape={values.shape}) while a minimum of 1 is required."
            )
    if not np.isfinite(values).all():
        raise Refusal("X contains NaN or inf; leave such rows out")
    names = [one for one in titles_of(X) or () if isinstance(one, str)]
    return values, names if len(names) == values.shape[1] else []


def _in_shape(values: Array, family: type[Theta]) -> Array:
    """Return rows (n, d) as the family takes them: one column is (n,) unless it takes tables."""
    if family.takes() == "table":
        return values
    if values.shape[1] > 1:
        raise Refusal(
            f"{family.__name__} takes one column, X has {values.shape[1]}; give X[:, [0]], or "
            "another family"
        )
    return values[:, 0]


def _weighed(rows: Array, weights: ArrayLike) -> Sample:
    """Return a sample of rows with weights; those of weight 0 are left out."""
    given = np.asarray(weights, np.float64)
    if given.shape != (len(rows),):
        raise Refusal(
            f"sample_weight has shape {given.shape}, X has {len(rows)} rows; give one for each"
        )
    if not (np.isfinite(given) & (given >= 0)).all():
        raise Refusal("sample_weight has numbers below 0, NaN or inf; give numbers from 0 up")
    if not given.any():
        raise Refusal("every weight is zero; give at least one above 0")
    seen = given > 0
    rows, given = rows[seen], given[seen]
    if (given == np.rint(given)).all():
        return Sample(rows, counts=given)
    return Sample.weighed(rows, given * (len(given) / given.sum()))


def _seed(state: Random) -> int:
    """Return a seed of ours from what scikit-learn calls a random state."""
    if state is None:
        return 0
    if isinstance(state, np.random.Generator):
        return int(state.integers(2**31))
    if isinstance(state, np.random.RandomState):
        return int(state.randint(2**31 - 1))
    return int(state)
