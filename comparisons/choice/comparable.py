"""Whether families can be compared on the same data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from comparisons.choice.rows import form_of
from em.emission import emission_of
from models.names import name_of
from models.observations import OutOfCore
from models.refusal import Refusal
from models.sample import Sample

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from models.family import Theta
    from models.observations import Observations

__all__ = ["refuse_incomparable", "several"]


def several(families: Sequence[type[Theta]]) -> bool:
    """Return whether families differ in more than the form of their covariances.

    >>> from models import Gamma, Gaussian, MultivariateGaussian, StudentT
    >>> forms = [MultivariateGaussian.with_covariance(one) for one in ("full", "tied")]
    >>> several(forms), several([Gamma, Gaussian]), several([StudentT, StudentT.with_df(4)])
    (False, True, True)
    """
    return len({(name_of(one), bool(form_of(one)) or one) for one in families}) > 1


def refuse_incomparable(families: Sequence[type[Theta]], sample: Observations) -> None:
    """Refuse families of which one gives a density where another gives a probability.

    A density has the unit 1 / x, so that its logarithm depends on the unit of x; that of a
    probability does not. Zeros can have a probability where other values have a density.
    Families that take other columns are refused as well.

    >>> from models import Gamma, Gaussian, Poisson, Sample, ZeroInflated
    >>> refuse_incomparable([Gamma, Gaussian], Sample([2, 3]))
    >>> refuse_incomparable([Gamma, Poisson], Sample([2, 3]))
    Traceback (most recent call last):
    models.refusal.Refusal: Gamma is a density of positive measurements, Poisson is a ...
    >>> refuse_incomparable([Gaussian, ZeroInflated(Gamma)], Sample([0, 3]))
    Traceback (most recent call last):
    models.refusal.Refusal: at 0 Gaussian is a density, ZeroInflated(Gamma) a probability: ...
    """
    if isinstance(sample, Sample):
        seen = sample
    else:
        assert isinstance(sample, OutOfCore)
        seen = sample.extremes
    first, *others = families
    for other in others:
        if said := _difference(first, other, seen):
            raise Refusal(
                f"{said}: their log-likelihoods cannot be compared; choose among families of one "
                "kind"
            )


def _difference(first: type[Theta], other: type[Theta], sample: Sample) -> str:
    """Return how what two families give differs in kind; empty if it does not."""
    both = first, other
    if first.takes() != other.takes():
        return _said(both, [bool(_dense(one, sample).any()) for one in both])
    dense = np.stack([_dense(one, sample) for one in both])
    rows, columns = np.nonzero(dense[0] != dense[1])
    if not len(rows):
        return ""
    kinds = ["density" if one else "probability" for one in dense[:, rows[0], columns[0]]]
    short = f"{first.__name__} is a {kinds[0]}, {other.__name__} a {kinds[1]}"
    if sample.dimension > 1:
        return f"in column {columns[0] + 1} {short}"
    if not sample.x[rows].any():
        return f"at 0 {short}"
    return _said(both, [kind == "density" for kind in kinds])


def _dense(family: type[Theta], sample: Sample) -> NDArray[np.bool_]:
    """Return which numbers have a unit that may be changed, so that p is a density, (m, d)."""
    emission, d = emission_of(family), sample.dimension
    rows = sample.x.reshape(sample.distinct, -1)
    # families of numbers above 0 have no density there
    found: NDArray[np.bool_] = emission.placed(d) | (emission.scaled(d) & (rows != 0))
    found[emission.masses(sample.x)] = False
    return found


def _said(families: Sequence[type[Theta]], dense: Sequence[bool]) -> str:
    """Return what each of two families gives."""
    kinds = ["density" if one else "probability" for one in dense]
    return ", ".join(
        f"{one.__name__} is a {kind} of {one.plain()[1]}"
        for one, kind in zip(families, kinds, strict=True)
    )
