"""Shares in coordinates without bounds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytensor.tensor as pt
from pymc.logprob.transforms import Transform

if TYPE_CHECKING:
    from bayes.symbols import Tensor

__all__ = ["Simplex", "WideSimplex"]


class Simplex(Transform):  # type: ignore[misc] # PyMC ships no types
    """Shares (..., K) as K - 1 logarithms of their ratios to the last.

    The same simplex as PyMC's default, with a smaller graph, which compiles sooner.

    >>> Simplex().forward(pt.as_tensor([0.2, 0.3, 0.5])).eval(mode="FAST_COMPILE").round(3)
    array([-0.916, -0.511])
    """

    name = "shares"
    ndim_supp = 1

    def forward(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """log (weight_k / weight_K)."""
        return pt.log(value[..., :-1]) - pt.log(value[..., -1, None])

    def backward(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """exp value_k over their sum, with the last value 0."""
        k = inputs[-1].shape[
            -1
        ]  # of the concentrations: they have no draws' axis to be mapped over
        ratios = pt.exp((value[..., None] * pt.eye(k - 1, k)).sum(axis=-2))
        if value.ndim == 1:
            return ratios / ratios.sum(axis=-1, keepdims=True)
        # the same, but no softmax to PyTensor, which would compile a maximum along one of two axes
        # for eight seconds
        return ratios / (1 + pt.exp(value).sum(axis=-1, keepdims=True))

    def log_jac_det(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """log |d weight / d value| = sum_k log weight_k (Aitchison 1986, section 6.3)."""
        return pt.log(self.backward(value, *inputs)).sum(axis=-1)


class WideSimplex(Transform):  # type: ignore[misc] # PyMC ships no types
    """Shares (..., K) as K - 1 orthonormal coordinates of their logarithms.

    The logarithms, less their mean, lie in the plane of those that sum to zero. A reflection turns
    that plane into the one without the last of them (Egozcue et al. 2003, with another basis).

    For many shares. Ratios to the last one would all be as uncertain as it is, and so correlated.
    Here no share is special, and the sampler's scales of single coordinates do. The work is in
    proportion to K.

    >>> WideSimplex().forward(pt.as_tensor([0.2, 0.3, 0.5]), pt.ones(3)).eval(
    ...     mode="FAST_COMPILE"
    ... ).round(3)
    array([-0.615, -0.209])
    """

    name = "shares"
    ndim_supp = 1

    def forward(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """log weight_k - mean - (log weight_K - mean) / (1 + sqrt K)."""
        k = inputs[-1].shape[-1]  # of the concentrations, as `Simplex` reads it
        logs = pt.log(value)
        logs = logs - logs.mean(axis=-1, keepdims=True)
        return logs[..., :-1] - logs[..., -1, None] / (1 + pt.sqrt(k))

    def backward(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """The softmax of value_k - sum / (sqrt K + K), and of -sum / sqrt K for the last."""
        k = inputs[-1].shape[-1]
        root, total = pt.sqrt(k), value.sum(axis=-1, keepdims=True)
        # no softmax to PyTensor, as above
        first, last = pt.exp(value - total / (root + k)), pt.exp(-total / root)
        ratios = pt.concatenate([first, last], axis=-1)
        return ratios / (first.sum(axis=-1, keepdims=True) + last)

    def log_jac_det(self, value: Tensor, *inputs: Tensor) -> Tensor:
        """log |d weight / d value| = sum_k log weight_k + log(K) / 2."""
        k = inputs[-1].shape[-1]
        return pt.log(self.backward(value, *inputs)).sum(axis=-1) + pt.log(k) / 2
