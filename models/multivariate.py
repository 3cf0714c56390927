"""Measurements in several dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Self

import numpy as np
from scipy.linalg import solve_triangular
from scipy.special import ndtr

from models.checks import fields, moments, no_text, no_trials, numbers, positive, refuse_row
from models.covariance import DIAGONAL, FULL, SPHERICAL, TIED, TIED_SPHERICAL, Covariance
from models.dependence import dependence
from models.digits import refuse_lost_digits
from models.family import Field
from models.gaussian import Gaussian
from models.refusal import Refusal
from models.within import within_groups

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from models.arrays import Array, Labels
    from models.family import Column
    from models.observations import Observations
    from models.sample import Sample

__all__ = [
    "FORMS",
    "DiagonalGaussian",
    "MultivariateGaussian",
    "MultivariateGaussianPrior",
    "SphericalGaussian",
    "TiedGaussian",
    "TiedSphericalGaussian",
    "estimable",
    "improper",
]

LARGEST = 1e150  # its square, a covariance, is still a double


class MultivariateGaussian(NamedTuple):
    """p(x | mean, cov) = exp(-(x - mean)' cov^-1 (x - mean) / 2) / sqrt |2 pi cov|.

    mean: (K, d) centres.
    cov: (K, d, d) covariances, of the family's form; a tied one is repeated K times.

    >>> tied = MultivariateGaussian.with_covariance("tied")
    >>> tied.__name__, tied.layout()["cov"].shared
    ('TiedGaussian', True)
    """

    mean: Array
    cov: Array

    @classmethod
    def layout(cls) -> dict[str, Field]:
        """A place and a covariance; its form says which entries are free and shared.

        >>> list(MultivariateGaussian.layout())
        ['mean', 'cov']
        """
        form, square = cls.form(), ("component", "dimension", "dimension_bis")
        cov = Field(square, variances=True, free=form.places, shared=form.tied)
        return {"mean": Field(("component", "dimension")), "cov": cov}

    @classmethod
    def form(cls) -> Covariance:
        """Every component has its own covariance, and every entry is free.

        >>> MultivariateGaussian.with_covariance("tied").form().name
        'tied'
        """
        return FULL

    @staticmethod
    def with_covariance(name: str) -> type[MultivariateGaussian]:
        """Return the family whose covariances have a form; FORMS lists the names.

        >>> MultivariateGaussian.with_covariance("tied").__name__
        'TiedGaussian'
        """
        if name not in FORMS:
            raise Refusal(f"covariance is {name!r}; give one of {', '.join(FORMS)}")
        return FORMS[name]

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """Return what a component is, and what was observed, in plain words.

        >>> MultivariateGaussian.plain()
        ('a bell-shaped cloud', 'rows of measurements')
        """
        return "a bell-shaped cloud", "rows of measurements"

    @classmethod
    def takes(cls) -> Literal["table"]:
        """Several columns.

        >>> MultivariateGaussian.takes()
        'table'
        """
        return "table"

    @classmethod
    def observe(cls, sample: Sample) -> None:
        """Measurements are a table.

        >>> from models import Sample
        >>> MultivariateGaussian.observe(Sample([[1.0, 3.0], [3.0, 5.0], [6.0, 1.0]]))
        """
        no_text(sample)
        if sample.x.ndim != 2:
            raise Refusal("x is one column; give (n, d) rows, or fit a Gaussian")
        no_trials(sample)
        refuse_row(
            sample,
            (np.abs(sample.x) > LARGEST).any(axis=1),
            "is too large: its square is beyond the range of doubles; "
            "divide the column by a power of ten",
        )
        spread = sample.high - sample.low
        if ((spread > 0) & (spread < 1 / LARGEST)).any():
            column = int(np.argmax((spread > 0) & (spread < 1 / LARGEST)))
            raise Refusal(
                f"x[:, {column}] has a range of {spread[column]:g}, whose square is too small for "
                "a double; multiply the column by a power of ten"
            )

    @classmethod
    def weak_prior(cls, sample: Observations, k: int) -> MultivariateGaussianPrior:
        """Return a prior on the scale of the covariance W of near rows, not of all rows.

        degrees = b + 2, where b is the size of a free block: the fewest whole degrees with which a
        covariance has a mean. scatter = degrees W / 3. In several columns near rows say what W is
        (`within_groups`), as the covariance V of all rows is far too wide where groups lie apart.
        n = 1 / (largest eigenvalue of W^-1 V), so that W / n covers V: no group's mean is far out,
        and that of an empty group stays near the rows. In one column all is as for a Gaussian
        (Fraley & Raftery 2007, section 2.2). `models/README.md` says why.

        >>> from models import Sample
        >>> sample = Sample([[1.0, 3.0], [3.0, 5.0], [2.0, 7.0], [6.0, 1.0]])
        >>> MultivariateGaussian.weak_prior(sample, 2).mean
        array([3., 4.])
        """
        estimable(cls, sample)
        mean, cov = moments(sample)
        form, d = cls.form(), sample.dimension
        degrees = form.block(d) + 2.0
        if d == 1:
            return MultivariateGaussianPrior(mean, 0.01, cov / k**2, degrees)
        within = form.project(within_groups(sample, cov, k))
        _not_collinear(within)
        half = np.linalg.inv(np.linalg.cholesky(within))
        widest = float(np.linalg.eigvalsh(half @ form.project(cov) @ half.T)[-1])
        return MultivariateGaussianPrior(mean, 1 / widest, degrees / 3 * within, degrees)

    @classmethod
    def common_priors(
        cls, sample: Observations, k: int
    ) -> dict[str, tuple[float, MultivariateGaussianPrior]]:
        """Return the prior of Fraley & Raftery (2007) in mclust, and scikit-learn's.

        scikit-learn's BayesianGaussianMixture divides W0 + S_k by d + n_k, ours by
        n_k + d + 2 + degrees; W0 is the covariance over n - 1.

        >>> from models import Sample
        >>> sample = Sample([[1.0, 3.0], [3.0, 5.0], [2.0, 7.0], [6.0, 1.0]])
        >>> len(MultivariateGaussian.common_priors(sample, 2))
        2
        """
        mean, cov = moments(sample)
        d, n, form = sample.dimension, sample.observations, cls.form()
        wide = form.project(cov) * n / max(n - 1, 1)
        return {
            "mclust's prior (Fraley and Raftery 2007)": (
                0.0,
                MultivariateGaussianPrior(mean, 0.01, form.project(cov) / k ** (2 / d), d + 2.0),
            ),
            "the prior of scikit-learn's BayesianGaussianMixture": (
                0.0,
                MultivariateGaussianPrior(mean, 1.0, wide, -2.0),
            ),
        }

    @classmethod
    def draw_prior(
        cls, prior: MultivariateGaussianPrior, size: tuple[int, int], rng: np.random.Generator
    ) -> Self:
        """Draw covariances of the form, then the means given them.

        >>> from models import Sample
        >>> sample = Sample([[1.0, 3.0], [3.0, 5.0], [2.0, 7.0], [6.0, 1.0]])
        >>> prior = MultivariateGaussian.weak_prior(sample, 2)
        >>> MultivariateGaussian.draw_prior(prior, (3, 2), np.random.default_rng(1))[0].shape
        (3, 2, 2)
        """
        cov = cls.form().draw(prior.scatter, prior.degrees, size, rng)
        noise = rng.normal(size=(*size, len(prior.mean), 1))
        moved = (np.linalg.cholesky(cov) @ noise)[..., 0] / np.sqrt(prior.n)
        return cls(prior.mean + moved, cov)

    def checked(self, k: int, d: int) -> Self:
        """Covariances are symmetric, positive definite, and of the family's form.

        >>> centres = np.array([[0.0, 1.0], [5.0, 6.0]])
        >>> two = MultivariateGaussian(centres, np.array([np.eye(2), 2 * np.eye(2)]))
        >>> two.checked(2, 2)._fields
        ('mean', 'cov')
        """
        mean, cov = fields(self, {"mean": (k, d), "cov": (k, d, d)})
        for component, matrix in enumerate(cov):
            _definite(f"cov[{component}]", matrix)
        form = self.form()
        shaped = form.project(cov)
        if form.tied:
            shaped = np.broadcast_to(shaped[:1], shaped.shape)
        if not np.allclose(cov, shaped, rtol=1e-8, atol=0):
            raise Refusal(f"cov is not {form.name}; give covariances of that form")
        return type(self)(mean, cov)

    def columns(self) -> list[Column]:
        """Each column of a Gaussian is one.

        >>> centres = np.array([[0.0, 1.0], [5.0, 6.0]])
        >>> two = MultivariateGaussian(centres, np.array([np.eye(2), 2 * np.eye(2)]))
        >>> two.columns()[1].mean
        array([1., 6.])
        """
        sd = np.sqrt(np.diagonal(self.cov, axis1=-2, axis2=-1))
        return [Gaussian(*one) for one in zip(self.mean.T, sd.T, strict=True)]

    def order(self) -> Labels:
        """By mean, first coordinate first.

        >>> centres = np.array([[0.0, 1.0], [5.0, 6.0]])
        >>> two = MultivariateGaussian(centres, np.array([np.eye(2), 2 * np.eye(2)]))
        >>> two.order()
        array([0, 1])
        """
        return np.lexsort(np.moveaxis(self.mean, -1, 0)[::-1])

    def affine(self, scale: Array, shift: Array) -> Self:
        """Mean and covariance are in the units of x; a (d, d) scale mixes columns.

        >>> centres = np.array([[0.0, 1.0], [5.0, 6.0]])
        >>> two = MultivariateGaussian(centres, np.array([np.eye(2), 2 * np.eye(2)]))
        >>> two.affine(np.array([2.0, 1.0]), np.array([1.0, 0.0]))[0]
        array([[ 1.,  1.],
               [11.,  6.]])
        """
        if scale.ndim == 2:
            return type(self)(self.mean @ scale.T + shift, scale @ self.cov @ scale.T)
        return type(self)(self.mean * scale + shift, self.cov * scale[:, None] * scale)

    def draw(self, labels: Labels, rng: np.random.Generator, trials: Array | None) -> Array:
        """Draw a row from the component that each label names.

        >>> centres = np.array([[0.0, 1.0], [5.0, 6.0]])
        >>> two = MultivariateGaussian(centres, np.array([np.eye(2), 2 * np.eye(2)]))
        >>> two.draw(np.array([0, 1, 1]), np.random.default_rng(1), None).round(2)
        array([[0.35, 1.82],
               [5.47, 4.16],
               [6.28, 6.63]])
        """
        factor = np.linalg.cholesky(self.cov)
        noise = rng.normal(size=(len(labels), self.mean.shape[1]))
        moved: Array = np.einsum("nij,nj->ni", factor[labels], noise)
        return self.mean[labels] + moved

    def cumulative(self, x: Array, ends: Array, trials: Array | None) -> tuple[Array, Array]:
        """Of z = L^-1 (x - mean), cov = L L', each z_j is standard normal given those before.

        >>> centres = np.array([[0.0, 1.0], [5.0, 6.0]])
        >>> two = MultivariateGaussian(centres, np.array([np.eye(2), 2 * np.eye(2)]))
        >>> rows = np.array([[1.0, 2.0]])
        >>> two.cumulative(rows, rows[None], None)[0].round(2).tolist()
        [[[[0.84]], [[0.0]]], [[[0.84]], [[0.0]]]]
        """
        factor = np.linalg.cholesky(self.cov)
        away = np.moveaxis(x - self.mean[:, None], 1, 2)
        z = np.stack([solve_triangular(*one, lower=True) for one in zip(factor, away, strict=True)])
        scale = np.diagonal(factor, axis1=1, axis2=2)
        log_p = -(z**2) / 2 - np.log(scale)[:, :, None] - np.log(2 * np.pi) / 2
        before = np.cumsum(log_p, axis=1) - log_p
        moved = np.moveaxis(ends - x, 2, 0)[None] / scale[:, :, None, None]
        below = ndtr(z[:, :, None] + moved)
        return np.moveaxis(below, 1, 0), np.moveaxis(before, 1, 0)


class TiedGaussian(MultivariateGaussian):
    """All components share one covariance.

    >>> TiedGaussian.form().name
    'tied'
    """

    __slots__ = ()

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """Return what a component is, and what was observed, in plain words."""
        return "a bell-shaped cloud, all of one shape", "rows of measurements"

    @classmethod
    def form(cls) -> Covariance:
        """One covariance for all."""
        return TIED


class DiagonalGaussian(MultivariateGaussian):
    """Columns are independent within a component.

    >>> DiagonalGaussian.form().name
    'diagonal'
    """

    __slots__ = ()

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """Return what a component is, and what was observed, in plain words."""
        return "a bell-shaped cloud along the axes", "rows of measurements"

    @classmethod
    def form(cls) -> Covariance:
        """A variance for each column."""
        return DIAGONAL


class SphericalGaussian(MultivariateGaussian):
    """Columns are independent and equally spread within a component.

    >>> SphericalGaussian.form().name
    'spherical'
    """

    __slots__ = ()

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """Return what a component is, and what was observed, in plain words."""
        return "a round cloud", "rows of measurements"

    @classmethod
    def form(cls) -> Covariance:
        """One variance for all columns."""
        return SPHERICAL


class TiedSphericalGaussian(MultivariateGaussian):
    """Columns are independent, and equally spread in all components.

    >>> TiedSphericalGaussian.form().name
    'tied-spherical'
    """

    __slots__ = ()

    @classmethod
    def plain(cls) -> tuple[str, str]:
        """Return what a component is, and what was observed, in plain words."""
        return "a round cloud, all of one size", "rows of measurements"

    @classmethod
    def form(cls) -> Covariance:
        """One variance for all columns of all components."""
        return TIED_SPHERICAL


FORMS: Mapping[str, type[MultivariateGaussian]] = {
    family.form().name: family
    for family in (
        MultivariateGaussian,
        TiedGaussian,
        DiagonalGaussian,
        SphericalGaussian,
        TiedSphericalGaussian,
    )
}


def improper(family: type[MultivariateGaussian], prior: MultivariateGaussianPrior, d: int) -> str:
    """Return why an inverse Wishart density has no finite integral; empty if it has one.

    A free block of size b needs more than b - 1 degrees of freedom, so that diagonal forms, whose
    blocks are single variances, need any above 0.
    """
    least = family.form().block(d) - 1
    if prior.degrees > least:
        return ""
    return f"prior: degrees is {prior.degrees:g}; give more than {least}"


class MultivariateGaussianPrior(NamedTuple):
    """Mean given cov is Normal(mean, cov / n); cov is InverseWishart(degrees, scatter).

    Written as observations not seen: `n` of them at `mean`, and sums of squares and products
    `scatter` on `degrees` degrees of freedom. In a diagonal form each variance is
    InverseGamma(degrees / 2, scatter_jj / 2). In a spherical one the single variance is
    InverseGamma(degrees / 2, trace(scatter) / (2 d)). A tied form has one covariance to draw.

    mean: (d,); scatter: (d, d).

    >>> from models import Sample
    >>> MultivariateGaussian.weak_prior(Sample([[1, 2], [3, 3], [5, 7]]), 2).mean
    array([3., 4.])
    """

    mean: Array
    n: float
    scatter: Array
    degrees: float

    def checked(self, sample: Observations) -> Self:
        """The scatter is positive definite; how many degrees are enough is said by the form.

        >>> from models import Sample
        >>> sample = Sample([[1.0, 3.0], [3.0, 5.0], [2.0, 7.0], [6.0, 1.0]])
        >>> prior = MultivariateGaussian.weak_prior(sample, 2)
        >>> prior.checked(sample).degrees == prior.degrees
        True
        """
        d = sample.dimension
        mean, scatter = numbers("prior: mean", self.mean), numbers("prior: scatter", self.scatter)
        if mean.shape != (d,) or scatter.shape != (d, d):
            raise Refusal(
                f"prior: mean has shape {mean.shape}, scatter {scatter.shape}; x has {d} columns, "
                f"so give {(d,)} and {(d, d)}"
            )
        if not (np.isfinite(mean).all() and np.isfinite(scatter).all()):
            raise Refusal("prior: mean or scatter is not finite; give finite numbers")
        _definite("prior: scatter", scatter)
        n, degrees = positive(self, "n", "degrees")
        return type(self)(mean, n, scatter, degrees)

    def affine(self, scale: Array, shift: Array) -> Self:
        """Mean and scatter are in the units of x; a (d, d) scale mixes columns.

        >>> from models import Sample
        >>> sample = Sample([[1.0, 3.0], [3.0, 5.0], [2.0, 7.0], [6.0, 1.0]])
        >>> prior = MultivariateGaussian.weak_prior(sample, 2)
        >>> prior.affine(np.array([2.0, 1.0]), np.array([1.0, 0.0])).mean
        array([7., 4.])
        """
        if scale.ndim == 2:
            scatter = scale @ self.scatter @ scale.T
            return self._replace(mean=scale @ self.mean + shift, scatter=scatter)
        scatter = self.scatter * scale[:, None] * scale
        return self._replace(mean=self.mean * scale + shift, scatter=scatter)

    def widened(self, factor: float) -> Self:
        """The mean given cov is Normal(mean, factor^2 cov / n).

        >>> from models import Sample
        >>> sample = Sample([[1.0, 3.0], [3.0, 5.0], [2.0, 7.0], [6.0, 1.0]])
        >>> prior = MultivariateGaussian.weak_prior(sample, 2)
        >>> bool(prior.widened(2.0).n < prior.n)
        True
        """
        return self._replace(n=self.n / factor**2)


def estimable(
    family: type[MultivariateGaussian], sample: Observations, names: Sequence[str] = ()
) -> None:
    """Raise Refusal if doubles do not resolve a column's spread, or columns depend on each other.

    Forms without correlations take columns that do.

    >>> from models import Sample
    >>> same = Sample([[1.0, 1.0], [2.0, 2.0], [4.0, 4.0]])
    >>> estimable(MultivariateGaussian.with_covariance("diagonal"), same)
    >>> estimable(MultivariateGaussian, same, ["height", "again"])
    Traceback (most recent call last):
    models.refusal.Refusal: columns 'height' and 'again' are the same (rank 1 of 2); leave one out
    """
    refuse_lost_digits(sample, names)
    if family.form().linear and (reason := dependence(sample, names)):
        raise Refusal(reason)


def _not_collinear(scatter: Array) -> None:
    """Raise Refusal unless the (d, d) scatter is positive definite."""
    try:
        _definite("scatter", scatter)
    except Refusal:
        raise Refusal(
            "x has collinear columns, for which there is no weak prior; give a prior"
        ) from None


def _definite(name: str, matrix: Array) -> None:
    """Raise ValueError unless the (d, d) matrix is symmetric and positive definite."""
    spread = np.sqrt(np.abs(np.diagonal(matrix)))
    unit = matrix / np.where(spread > 0, spread, 1) / np.where(spread > 0, spread, 1)[:, None]
    if not np.allclose(unit, unit.T, rtol=0, atol=1e-8):
        raise Refusal(f"{name} is not symmetric; average it with its transpose")
    if not (np.diagonal(matrix) > 0).all() or np.linalg.eigvalsh(unit)[0] <= 0:
        raise Refusal(f"{name} is not positive definite; give one with positive eigenvalues")
