"""Measurements in several dimensions in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.logprob.transforms import Transform
from scipy.special import multigammaln

from bayes.component import Component, spread
from models import MultivariateGaussian, MultivariateGaussianPrior
from models.covariance import FULL

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bayes.symbols import Tensor
    from models import Sample
    from models.arrays import Array, Labels
    from models.family import ConjugatePrior

__all__ = ["MultivariateComponent", "SeparateComponent", "multivariate"]

MATRIX = ("component", "dimension", "dimension_bis")


class Rooted(NamedTuple):
    """The arguments of the density: mean (K, d), root (K or 1, d, d); cov^-1 = root' root."""

    mean: Tensor
    root: Tensor


class Apart(NamedTuple):
    """The arguments for independent columns: mean (K, d), sd (K or 1, d or 1)."""

    mean: Tensor
    sd: Tensor


class Several[S](Component[MultivariateGaussian, S]):
    """The part that all forms of covariance share."""

    located = True

    @property
    def alike(self) -> bool:
        """Whether the form is round, which it would not be in other units."""
        return self.family.form().isotropic

    @property
    def mixes(self) -> bool:
        """Whether the form is kept when columns are mixed."""
        return self.family.form().linear

    def rows(self, sample: Sample) -> dict[str, Array]:
        """The measurements as (d, m), so that sums over columns add long arrays."""
        return {"x": sample.x.T}

    def start(
        self, sample: Sample, rows: Labels, rng: np.random.Generator, wide: int
    ) -> MultivariateGaussian:
        """Centres at the chosen rows, widths from a tenth of each column's sd to all of it."""
        form, d = self.family.form(), sample.dimension
        shape = (len(rows), 1 if form.tied else rows.shape[1])
        width = spread(sample) * 10 ** rng.uniform(-1, 0, (*shape, 1))
        if form.isotropic:
            width = np.broadcast_to(width.max(axis=-1, keepdims=True), (*shape, d))
        cov = np.broadcast_to(width[..., None] ** 2 * np.eye(d), (*rows.shape, d, d))
        centre = rng.normal(sample.x[rows], np.sqrt(np.diagonal(cov, axis1=-2, axis2=-1)) / 2)
        return self.family(centre, cov)


class MultivariateComponent(Several[Rooted]):
    """log p = log |root| - |root (x - mean)|^2 / 2 - d log(2 pi) / 2, cov^-1 = root' root.

    The sampler draws the lower triangular root of the precision, so that neither the density nor
    its gradient solves a linear system. The prior is a density of cov.

    >>> MultivariateComponent(MultivariateGaussian).sizes(k=2, d=3)
    {'root': (2, 6), 'mean': (2, 3)}
    """

    def record(self, prior: ConjugatePrior) -> dict[str, Array]:
        """The prior's fields, its constant, and where a packed triangle's entries belong."""
        assert isinstance(prior, MultivariateGaussianPrior)
        d = len(prior.mean)
        i, j = np.tril_indices(d)
        places = np.zeros((len(i), d, d))
        places[np.arange(len(i)), i, j] = 1
        half = prior.degrees / 2
        constant = half * np.linalg.slogdet(prior.scatter)[1] - multigammaln(half, d)
        constant -= half * d * np.log(2)
        return {**super().record(prior), "prior_constant": constant, "places": places}

    def unknowns(self, data: Mapping[str, Tensor]) -> Rooted:
        """cov ~ InverseWishart(degrees, scatter), mean ~ Normal(prior mean, cov / n)."""
        tied = self.family.form().tied
        root = pm.CustomDist(
            "root",
            data["prior_degrees"],
            data["prior_scatter"],
            data["prior_constant"],
            data["places"],
            logp=inverse_wishart,
            random=random_root,
            support_point=upright,
            signature="(),(d,d),(),(p,d,d)->(d,d)",
            default_transform=Packed(),
            dims=MATRIX[1:] if tied else MATRIX,
        )
        root = root[None] if tied else root
        mean = pm.CustomDist(
            "mean",
            data["prior_mean"],
            data["prior_n"],
            root,
            logp=around,
            random=random_mean,
            support_point=centred,
            signature="(d),(),(d,d)->(d)",
            dims=MATRIX[:2],
        )
        inverse: Any = pt.linalg.inv(root)  # PyTensor says that it may be a list
        cov = (inverse[..., :, None, :] * inverse[..., None, :, :]).sum(-1)
        pm.Deterministic("cov", cov + pt.zeros_like(mean)[:, :, None], dims=MATRIX)
        return Rooted(mean, root)

    def log_density(self, theta: Rooted, data: Mapping[str, Tensor]) -> Tensor:
        """Sums of products rather than matrix products, which take far longer to compile."""
        return gaussian(data["x"] - theta.mean[:, :, None], theta.root)

    def values(self, theta: MultivariateGaussian) -> dict[str, Array]:
        """The inverse of the covariance's Cholesky factor, and the mean."""
        cov = theta.cov[..., 0, :, :] if self.family.form().tied else theta.cov
        return {"root": np.linalg.inv(np.linalg.cholesky(cov)), "mean": theta.mean}

    def sizes(self, k: int, d: int) -> dict[str, tuple[int, ...]]:
        """A packed triangle, logarithms on its diagonal, and a mean."""
        triangle = d * (d + 1) // 2
        tied = self.family.form().tied
        return {"root": (triangle,) if tied else (k, triangle), "mean": (k, d)}


class SeparateComponent(Several[Apart]):
    """log p = the sum over columns of one-dimensional Gaussians.

    >>> SeparateComponent(MultivariateGaussian.with_covariance("diagonal")).sizes(k=2, d=3)
    {'variance': (2, 3), 'mean': (2, 3)}
    """

    def record(self, prior: ConjugatePrior) -> dict[str, Array]:
        """The prior's fields and half the squares of each variance."""
        assert isinstance(prior, MultivariateGaussianPrior)
        squares = np.diagonal(self.family.form().project(prior.scatter))
        free = len(self.family.form().places(len(squares)))
        return {**super().record(prior), "prior_squares": squares[:free]}

    def unknowns(self, data: Mapping[str, Tensor]) -> Apart:
        """Variances ~ InverseGamma(degrees / 2, squares / 2), mean ~ Normal(prior mean, sd / n)."""
        alpha, beta = data["prior_degrees"] / 2, data["prior_squares"] / 2
        form = self.family.form()
        if form.tied:
            variance = pm.InverseGamma("variance", alpha, beta[0], shape=1)[:, None]
        elif form.isotropic:
            variance = pm.InverseGamma("variance", alpha, beta[0], dims=MATRIX[:1])[:, None]
        else:
            variance = pm.InverseGamma("variance", alpha, beta, dims=MATRIX[:2])
        sd = pt.sqrt(variance)
        width = sd / pt.sqrt(data["prior_n"])
        mean = pm.Normal("mean", data["prior_mean"], width, dims=MATRIX[:2])
        unit = pt.eye(data["x"].shape[0])
        each = variance[..., None] + pt.zeros_like(mean)[..., None]
        pm.Deterministic("cov", each * unit, dims=MATRIX)
        return Apart(mean, sd)

    def log_density(self, theta: Apart, data: Mapping[str, Tensor]) -> Tensor:
        """PyMC's own."""
        column = pm.Normal.dist(theta.mean[:, :, None], theta.sd[:, :, None])
        return pm.logp(column, data["x"]).sum(-2)

    def values(self, theta: MultivariateGaussian) -> dict[str, Array]:
        """The variances, on whose scale the prior density is stated, and the mean."""
        variance = np.diagonal(theta.cov, axis1=-2, axis2=-1)
        form = self.family.form()
        variance = variance[..., :1, :] if form.tied else variance
        return {"variance": variance[..., 0] if form.isotropic else variance, "mean": theta.mean}

    def sizes(self, k: int, d: int) -> dict[str, tuple[int, ...]]:
        """Log variances and a mean."""
        form = self.family.form()
        own = 1 if form.tied else k
        return {"variance": (own,) if form.isotropic else (own, d), "mean": (k, d)}


def multivariate(family: type[MultivariateGaussian]) -> Several[Rooted] | Several[Apart]:
    """Return the component that PyMC uses for a form of covariance.

    >>> type(multivariate(MultivariateGaussian.with_covariance("spherical"))).__name__
    'SeparateComponent'
    """
    return (MultivariateComponent if family.form().linear else SeparateComponent)(family)


def log_volume(root: Tensor) -> Tensor:
    """log |root| of lower triangular matrices (..., d, d)."""
    return pt.log(pt.where(pt.eye(root.shape[-1], dtype=bool), root, 1.0)).sum((-2, -1))


def gaussian(away: Tensor, root: Tensor) -> Tensor:
    """Return log Normal(away | 0, (root' root)^-1): (..., d, m) and (..., d, d) to (..., m)."""
    scaled = (root[..., None] * away[..., None, :, :]).sum(-2)
    d = away.shape[-2].astype("float64")
    constant = log_volume(root) - 0.5 * np.log(2 * np.pi) * d
    return constant[..., None] - 0.5 * (scaled**2).sum(-2)


def inverse_wishart(
    root: Tensor, degrees: Tensor, scatter: Tensor, constant: Tensor, places: Tensor
) -> Tensor:
    """Return log InverseWishart(cov | degrees, scatter) at cov = (root' root)^-1.

    constant + (degrees + d + 1) log |root| - trace(scatter root' root) / 2
    """
    d = root.shape[-1].astype("float64")
    # (..., i, a, b): root_ia root_ib scatter_ab
    trace = (root[..., :, None] * root[..., None, :] * scatter).sum((-3, -2, -1))
    return constant + (degrees + d + 1) * log_volume(root) - 0.5 * trace


def around(mean: Tensor, middle: Tensor, n: Tensor, root: Tensor) -> Tensor:
    """Return log Normal(mean | middle, cov / n)."""
    return gaussian((mean - middle)[..., None], root * pt.sqrt(n))[..., 0]


def upright(root: Tensor, size: Tensor, *prior: Tensor) -> Tensor:
    """Return a start for PyMC's own samplers: independent columns with the prior's widths."""
    unit = pt.eye(root.shape[-1], dtype=bool)
    width = pt.sqrt(prior[0][..., None, None] / pt.where(unit, prior[1], 1.0))
    return pt.broadcast_to(pt.where(unit, width, 0.0), root.shape)


def centred(mean: Tensor, size: Tensor, *prior: Tensor) -> Tensor:
    """Return a start for PyMC's own samplers: the mean of the prior."""
    return pt.broadcast_to(prior[0], mean.shape)


def random_root(
    degrees: Array,
    scatter: Array,
    constant: Array,
    places: Array,
    rng: np.random.Generator,
    size: tuple[int, ...] | None,
) -> Array:
    """Draw roots of precisions, which are Wishart(degrees, scatter^-1); one prior for all."""
    d, shape = scatter.shape[-1], size or ()
    one = scatter.reshape(-1, d, d)[0]
    n = int(np.prod(shape))
    cov = FULL.draw(one, float(np.ravel(degrees)[0]), (n, 1), rng)[:, 0]
    return np.linalg.inv(np.linalg.cholesky(cov)).reshape(*shape, d, d)


def random_mean(
    middle: Array, n: Array, root: Array, rng: np.random.Generator, size: tuple[int, ...] | None
) -> Array:
    """Draw means given the roots."""
    noise = rng.normal(size=(*(size or root.shape[:-2]), root.shape[-1], 1))
    return middle + np.linalg.solve(root, noise)[..., 0] / np.sqrt(np.asarray(n)[..., None])


class Packed(Transform):  # type: ignore[misc] # PyMC ships no types
    """Lower triangular matrices as (..., d (d + 1) / 2) numbers, logarithms on the diagonal.

    The last parameter of the variable is places (d (d + 1) / 2, d, d), 1 at each number's place.
    """

    name = "packed"
    ndim_supp = 1

    def forward(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """Pack the triangle."""
        packed = (value[..., None, :, :] * inputs[-1]).sum((-2, -1))
        return pt.where(diagonal(inputs[-1]), pt.log(packed), packed)

    def backward(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """Unpack the triangle."""
        entries = pt.where(diagonal(inputs[-1]), pt.exp(value), value)
        return (entries[..., None, None] * inputs[-1]).sum(-3)

    def log_jac_det(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """Return log |d cov / d value|, since the prior is a density of cov.

        With L = root^-1, cov = L L' and v the logarithms of the root's diagonal, i = 0, ..., d - 1:
        |d cov / d L| = 2^d prod L_ii^(d - i), |d L / d root| = prod L_ii^(d + 1) (Muirhead 1982,
        theorems 2.1.6 and 2.1.9) and d root_ii = root_ii dv_i, so that the logarithm is
        d log 2 - sum (2 d - i) v_i.
        """
        d = inputs[-1].shape[-1]
        power = 2 * d.astype("float64") - pt.arange(d)
        moved = value * (inputs[-1] * pt.eye(d) * power).sum((-2, -1))
        return d.astype("float64") * np.log(2.0) - moved.sum(-1)


def diagonal(places: Tensor) -> Tensor:
    """Return which packed numbers belong on the diagonal."""
    return (places * pt.eye(places.shape[-1])).sum((-2, -1)) > 0
