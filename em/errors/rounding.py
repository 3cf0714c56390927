"""How far the last digit of parameters, in the data's units, moves the log-likelihood."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from em.errors.log_likelihood import log_likelihood
from models.family import entries, rebuilt
from models.structure import shares_of, with_shares

if TYPE_CHECKING:
    from models.arrays import Array
    from models.question import Question
    from models.structure import Structure

__all__ = ["rounding"]

OPERATIONS = 2  # roundings by eps, twice the most that one can be: on the way out, and on that back


def rounding(question: Question[Any, Any], structures: Structure) -> Array:
    """Return a bound (n,), in nats, of what rounding does to the log-likelihood of structures.

    OPERATIONS times the root of the sum over entries of (l(entry moved by its rounding) - l)^2, as
    roundings are independent. The rounding of a number is eps times its size, that of a covariance
    eps times the product of its two sds. So the bound grows with the distance of the data from
    zero and with the condition number of covariances: by as much two programs may differ that keep
    parameters in different coordinates.

    structures: each field with a leading axis (n, ...).

    >>> from models import Mixture, Poisson
    >>> one = Mixture(np.array([[0.6, 0.4]]), Poisson(np.array([[1.1, 7.3]])))
    >>> rounding(fit.question, one) < 1e-9
    array([ True])
    """
    here = log_likelihood(question.family, question.data, structures)
    theta, shares, squares = structures.theta, shares_of(structures), np.zeros(len(here))
    fields = entries(theta)
    for name, own in question.family.layout().items():
        for place in np.ndindex(*fields[name].shape[1:]):
            if own.variances and place[-2] > place[-1]:
                continue
            field = _rounded(fields[name], place, variances=own.variances)
            parts = list((fields | {name: field}).values())
            there = with_shares(type(structures), shares, rebuilt(type(theta), parts))
            with np.errstate(all="ignore"):
                squares += (log_likelihood(question.family, question.data, there) - here) ** 2
    return np.where(np.isfinite(squares), OPERATIONS * np.sqrt(squares), np.inf)


def _rounded(field: Array, place: tuple[int, ...], *, variances: bool) -> Array:
    """Return a field (n, ...) with the entry at a place moved by its rounding."""
    moved, eps = field.copy(), np.finfo(float).eps
    if not variances:
        at: Any = (slice(None), *place)
        moved[at] += np.abs(moved[at]) * eps
        return moved
    k, i, j = place
    grain = np.sqrt(moved[:, k, i, i] * moved[:, k, j, j]) * eps
    moved[:, k, i, j] += grain
    if i != j:
        moved[:, k, j, i] += grain
    return moved
