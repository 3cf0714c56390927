"""A question as a PyMC model: hidden components are summed out, and rows have counts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pymc as pm

from bayes.component import component_of
from bayes.structure import CONCENTRATION, grouping_of
from models.question import asked

if TYPE_CHECKING:
    from bayes.symbols import Tensor
    from models.arrays import Array, Numbers
    from models.family import Theta
    from models.prior import Prior
    from models.question import Question
    from models.sample import Sample
    from models.structure import Units

__all__ = ["Assembled", "assemble", "build", "data_of", "rows_of"]


class Assembled(NamedTuple):
    """A model and its parts.

    shares: by name; log_density: log p of every distinct row under every component, (K, m).

    >>> from models import Poisson, Sample
    >>> assembled = assemble(asked(Poisson, Sample([1, 1, 4]), 2))
    >>> assembled.model.free_RVs, list(assembled.shares)
    ([weight, rate], ['weight'])
    """

    model: pm.Model
    shares: dict[str, Tensor]
    log_density: Tensor


def rows_of(question: Question[Any, Any], sample: Sample | None = None) -> dict[str, Numbers]:
    """Return the data by name, (m,) or (d, m) for m distinct observations.

    sample: rows at which the components are evaluated, in place of the question's.

    >>> from models import Poisson, Sample
    >>> list(rows_of(asked(Poisson, Sample([1, 1, 4]), 2)))
    ['x', 'log_factorial', 'counts']
    """
    component = component_of(question.family)
    own = grouping_of(question.structure).rows(question)
    theirs = component.rows(question.rows if sample is None else sample)
    assert not theirs.keys() & own.keys(), "a family and a structure give data the same name"
    return {**theirs, **own}


def data_of(question: Question[Any, Any], sample: Sample | None = None) -> dict[str, Array]:
    """Return everything that the model reads, by name, as doubles.

    >>> from models import Poisson, Sample
    >>> data_of(asked(Poisson, Sample([1, 1, 4]), 2))["counts"]
    array([2., 1.])
    """
    rows = rows_of(question, sample)
    record = component_of(question.family).record(question.prior.theta)
    assert not rows.keys() & record.keys(), "a family and a structure give data the same name"
    concentration = np.full(question.k, 1 + question.prior.weight)
    found = {**rows, CONCENTRATION: concentration, **record}
    return {name: np.array(value, np.float64, order="C") for name, value in found.items()}


def build[T: Theta](
    family: type[T],
    sample: Units,
    k: int,
    *,
    prior: Prior | None = None,
    equal_weights: bool = False,
) -> pm.Model:
    """Return the model of k components of a family, to read, extend or sample.

    Shares follow Dirichlet(1 + prior weight), the components' parameters their prior. The
    log-likelihood is a potential; of a mixture it is

        log_likelihood = counts . log sum_k weight_k p(x | theta_k).

    All data are `pm.Data`, so `pm.set_data` can replace them, with another number of rows as well.
    If there are several columns, x is (d, m).

    prior: by default `models.weak_prior`.
    equal_weights: hold all shares at 1 / k.

    >>> from models import Poisson, Sample
    >>> build(Poisson, Sample([1, 1, 4]), 2).free_RVs
    [weight, rate]
    """
    component_of(family)  # refuses what is none
    question = asked(family, sample, k, prior=prior, equal_weights=equal_weights)
    return assemble(question).model


def assemble(question: Question[Any, Any]) -> Assembled:
    """Return the model of a question.

    >>> from models import Poisson, Sample
    >>> assemble(asked(Poisson, Sample([1, 1, 4]), 2)).model.potentials
    [log_likelihood]
    """
    component, grouping = component_of(question.family), grouping_of(question.structure)
    d, table = question.sample.dimension, question.sample.table
    with pm.Model(check_bounds=False, model=None) as model:
        arrays = data_of(question)
        dims: dict[str, tuple[str, ...]] = {CONCENTRATION: ("component",)}
        for name, value in component.rows(question.rows).items():
            if name in component.shared:
                continue
            dims[name] = ("dimension", "row") if value.ndim == 2 else ("row",)
        for name in component.record(question.prior.theta):
            if arrays[name].ndim == 2:
                dims[name] = ("dimension", "dimension_bis")
        coords = {"component": np.arange(question.k)}
        if table:
            coords |= {"dimension": np.arange(d), "dimension_bis": np.arange(d)}
        data = {
            name: pm.Data(
                name,
                value,
                dims=dims.get(name),
                coords={dim: coords[dim] for dim in dims.get(name, ()) if dim in coords},
            )
            for name, value in arrays.items()
        }
        shares = grouping.declare(question.held, data)
        log_density = component.log_density(component.unknowns(data), data)
        likelihood = grouping.log_likelihood(shares, log_density, data)
        pm.Potential("log_likelihood", likelihood)
    return Assembled(model, shares, log_density)
