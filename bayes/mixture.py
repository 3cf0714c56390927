"""A mixture as a PyMC model: components integrated out, counts honoured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pymc as pm
import pytensor.tensor as pt
from pymc.logprob.transforms import Transform
from pytensor.gradient import zero_grad

from bayes.component import Component, component_of
from models import Prior, Sample, weak_prior
from models.checks import whole
from models.family import Theta, entries
from models.mixture import checked_prior, enough, observed

if TYPE_CHECKING:
    from pytensor.tensor import TensorVariable

    from models.arrays import Array

__all__ = ["Question", "Shares", "asked", "assemble", "build"]


class Question[T: Theta](NamedTuple):
    """What is to be estimated: k components of a family from a sample under a prior."""

    component: Component[T, Any]
    sample: Sample
    k: int
    prior: Prior
    equal_weights: bool

    def usual_prior(self) -> bool:
        """Return whether the prior is the weak default."""
        try:
            usual = weak_prior(self.component.family, self.sample, self.k)
        except ValueError:  # collinear columns have none
            return False
        mine, theirs = entries(self.prior.theta), entries(usual.theta)
        return self.prior.weight == usual.weight and all(
            np.allclose(mine[name], theirs[name], rtol=1e-9, atol=0) for name in mine
        )

    def rows(self) -> dict[str, Array]:
        """Return the data by name, (m,) or (d, m) for m distinct observations."""
        return {**self.component.rows(self.sample), "counts": self.sample.counts}

    def data(self) -> dict[str, Array]:
        """Return everything that the model reads, by name, as doubles."""
        found = {
            **self.rows(),
            "shares": np.full(self.k, 1 + self.prior.weight),
            **self.component.record(self.prior.theta),
        }
        return {name: np.array(value, np.float64, order="C") for name, value in found.items()}


def asked[T: Theta](
    family: type[T], sample: Sample, k: int, prior: Prior | None, equal_weights: bool
) -> Question[T]:
    """Return the question, or raise ValueError for what cannot be estimated."""
    if isinstance(family, Sample):
        raise ValueError("family is a Sample; the order is sample(family, sample, k)")
    component = component_of(family)
    observed(family, sample)
    k = whole("k", k, 1)
    enough(sample, k)
    if prior is None:
        prior = weak_prior(family, sample, k)
    prior = checked_prior(prior, component.prior, sample)
    return Question(component, sample, k, prior, equal_weights or k == 1)


def build[T: Theta](
    family: type[T],
    sample: Sample,
    k: int,
    *,
    prior: Prior | None = None,
    equal_weights: bool = False,
) -> pm.Model:
    """Return the model of a mixture of k components of a family, to read, extend or sample.

    weight ~ Dirichlet(1 + prior weight), the components' parameters under their prior, and

        log_likelihood = counts . log sum_k weight_k p(x | theta_k)

    as a potential. All data are `pm.Data`: `pm.set_data` swaps them, numbers of rows included;
    several columns come one after the other, x (d, m).

    prior: by default `models.weak_prior`.
    equal_weights: hold all shares at 1 / k.
    """
    return assemble(asked(family, sample, k, prior, equal_weights))[0]


def assemble[T: Theta](question: Question[T]) -> tuple[pm.Model, TensorVariable]:
    """Return the model, and log weight_k + log p of every row under every component, (K, m)."""
    component, d = question.component, question.sample.dimension
    with pm.Model(check_bounds=False, model=None) as model:
        dims = {"x": ("dimension", "row")[-question.sample.x.ndim :], "shares": ("component",)}
        coords = {"component": np.arange(question.k)}
        if question.sample.x.ndim == 2:
            coords |= {"dimension": np.arange(d), "dimension_bis": np.arange(d)}
            dims |= {"prior_scatter": ("dimension", "dimension_bis")}
        data = {
            name: pm.Data(
                name,
                value,
                dims=dims.get(name, ("row",) if name in question.rows() else None),
                coords={dim: coords[dim] for dim in dims.get(name, ()) if dim in coords},
            )
            for name, value in question.data().items()
        }
        if question.equal_weights:
            share = pt.ones_like(data["shares"]) / data["shares"].shape[0]
            weight = pm.Deterministic("weight", share, dims="component")
        else:
            weight = pm.Dirichlet(
                "weight", data["shares"], dims="component", default_transform=Shares()
            )
        theta = component.unknowns(data)
        log_density = component.log_density(theta, data)
        peak = zero_grad(log_density.max(axis=0))  # any peak gives the same sum
        each = pt.log((weight[:, None] * pt.exp(log_density - peak)).sum(axis=0)) + peak
        pm.Potential("log_likelihood", (data["counts"] * each).sum())
    return model, pt.log(weight)[:, None] + log_density


class Shares(Transform):
    """Shares (..., K) as K - 1 logarithms of their ratios to the last.

    The same simplex as PyMC's default, with a smaller graph, which compiles sooner.
    """

    name = "shares"
    ndim_supp = 1

    def forward(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """log (weight_k / weight_K)."""
        return pt.log(value[..., :-1]) - pt.log(value[..., -1, None])

    def backward(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """exp value_k over their sum, with the last value 0."""
        k = inputs[-1].shape[
            -1
        ]  # of the concentrations: they have no draws' axis to be mapped over
        ratios = pt.exp((value[..., None] * pt.eye(k - 1, k)).sum(axis=-2))
        return ratios / ratios.sum(axis=-1, keepdims=True)

    def log_jac_det(self, value: TensorVariable, *inputs: TensorVariable) -> TensorVariable:
        """log |d weight / d value| = sum_k log weight_k (Aitchison 1986, section 6.3)."""
        return pt.log(self.backward(value, *inputs)).sum(axis=-1)
