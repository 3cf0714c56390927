"""The stationary distribution of a chain as an operation of PyTensor.

PyTensor's own inverse of a matrix takes ten seconds to compile, this elimination takes one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytensor.tensor as pt
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from bayes.chain_op import refuse_second
from bayes.machine_code import inner, kept, version_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bayes.symbols import Tensor
    from models.arrays import Array

__all__ = ["Balance", "balance", "balanced"]


@inner
def _reduced(left: Array, inverse: Array, at: int, best: int) -> None:
    """Exchange two rows of both, and take multiples of one from the others."""
    k = len(left)
    for j in range(k):
        left[at, j], left[best, j] = left[best, j], left[at, j]
        inverse[at, j], inverse[best, j] = inverse[best, j], inverse[at, j]
    pivot = left[at, at]
    for j in range(k):
        left[at, j] /= pivot
        inverse[at, j] /= pivot
    for i in range(k):
        factor = left[i, at]
        if i != at:
            for j in range(k):
                left[i, j] -= factor * left[at, j]
                inverse[i, j] -= factor * inverse[at, j]


@kept
def balance(transition: Array) -> tuple[Array, Array]:
    """Return the stationary distribution (K,), and Z (K, K) by which it changes.

    Z = (I - transition + U)^-1 with U a matrix of ones, and the distribution is delta = 1' Z
    (Zucchini, MacDonald & Langrock 2016, section 1.3.2). So d delta = delta' d transition Z.
    By Gauss and Jordan's elimination, rows exchanged; NaN or infinite if there is no inverse.

    >>> delta, _ = balance(np.array([[0.5, 0.5], [0.25, 0.75]]))
    >>> delta.round(3)
    array([0.333, 0.667])
    """
    k = len(transition)
    left, inverse, delta = np.empty((k, k)), np.eye(k), np.zeros(k)
    for i in range(k):
        for j in range(k):
            left[i, j] = (i == j) - transition[i, j] + 1.0
    for at in range(k):
        best = at
        for i in range(at + 1, k):
            if abs(left[i, at]) > abs(left[best, at]):
                best = i
        _reduced(left, inverse, at, best)
    for i in range(k):
        for j in range(k):
            delta[j] += inverse[i, j]
    return delta, inverse


class Balance(Op):
    """The stationary distribution of a transition matrix, and the matrix by which it changes.

    >>> moves = pt.as_tensor([[0.5, 0.5], [0.25, 0.75]])
    >>> Balance()(moves)[0].eval(mode="FAST_COMPILE").round(3)
    array([0.333, 0.667])
    """

    __props__ = ()

    def make_node(self, *given: Any) -> Apply[Any]:
        """Take transition (K, K); return (K,) and (K, K)."""
        moves: Any = pt.as_tensor(*given)
        return Apply(self, [moves], [pt.vector(shape=moves.type.shape[:1]), moves.type()])

    def infer_shape(self, node: Any, shapes: list[Any]) -> list[Any]:
        """The first length of the matrix, and both."""
        return [shapes[0][:1], shapes[0]]

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """The same machine code, called from Python."""
        for storage, one in zip(outputs, balance(*inputs), strict=True):
            storage[0] = one

    def pullback(
        self, inputs: Sequence[Any], outputs: Sequence[Any], cotangents: Sequence[Any]
    ) -> list[Any]:
        """delta_i times Z g, g the cotangent of delta."""
        refuse_second(self, cotangents)
        delta, change = outputs
        return [delta[:, None] * (change * cotangents[0]).sum(axis=1)]


@register_funcify_default_op_cache_key(Balance)  # type: ignore[untyped-decorator]
def _balance(op: Balance, **_: Any) -> tuple[Callable[..., Any], int]:
    """Return the machine code, and its version."""
    return balance, version_of(__file__)


def balanced(transition: Tensor) -> Tensor:
    """Return the stationary distribution of a transition matrix, (K,).

    >>> balanced(pt.as_tensor([[0.5, 0.5], [0.25, 0.75]])).eval(mode="FAST_COMPILE").round(3)
    array([0.333, 0.667])
    """
    found: Any = Balance()(transition)
    delta: Tensor = found[0]
    return delta
