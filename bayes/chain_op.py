"""The log-likelihood of a hidden Markov chain as an operation of PyTensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from bayes.path_sums import VERSION, value_and_slopes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bayes.symbols import Tensor
    from models.arrays import Array

__all__ = ["PathSum", "path_sum", "refuse_second"]


class PathSum(Op):
    """The log-likelihood, paths summed out, and its derivatives; see `bayes/path_sums.py`.

    One sweep gives them all, so that PyTensor's gradient only multiplies them.

    >>> PathSum() == PathSum()
    True
    """

    __props__ = ()

    def make_node(self, *given: Any) -> Apply[Any]:
        """Take initial (K,), transition (K, K), log p (K, m), places (n,) and ends (S,)."""
        inputs = [pt.as_tensor(one) for one in given]
        outputs = [pt.scalar(dtype="float64"), *(one.type() for one in inputs[:3])]
        return Apply(self, inputs, outputs)

    def infer_shape(self, node: Any, shapes: list[Any]) -> list[Any]:
        """Derivatives have the shapes of what they are taken by."""
        return [(), *shapes[:3]]

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """The same machine code, called from Python."""
        for storage, one in zip(outputs, value_and_slopes(*inputs), strict=True):
            storage[0] = np.asarray(one)

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """Where rows stand is no number to take derivatives by."""
        return [[True] * 4] * 3 + [[False] * 4] * 2

    def pullback(
        self, inputs: Sequence[Any], outputs: Sequence[Any], cotangents: Sequence[Any]
    ) -> list[Any]:
        """The derivatives times the cotangent of the value.

        Those by log p are squares, because PyTensor fuses what a family sums over rows with an
        operation before it. A sum that stands alone takes seven seconds to compile.
        """
        refuse_second(self, cotangents)
        _, by_initial, by_transition, roots = outputs
        slopes = [cotangents[0] * one for one in (by_initial, by_transition, roots * roots)]
        return [*slopes, disconnected_type(), disconnected_type()]


def refuse_second(op: Op, cotangents: Sequence[Any]) -> None:
    """Raise NotImplementedError for a derivative of what is a derivative already.

    cotangents: of the value, and of the derivatives.

    >>> refuse_second(PathSum(), [pt.scalar(), pt.vector()])
    Traceback (most recent call last):
    NotImplementedError: PathSum has no second derivatives
    """
    if not all(isinstance(one.type, DisconnectedType) for one in cotangents[1:]):
        raise NotImplementedError(f"{op} has no second derivatives")


@register_funcify_default_op_cache_key(PathSum)  # type: ignore[untyped-decorator]
def _path_sum(op: PathSum, **_: Any) -> tuple[Callable[..., Any], int]:
    """Return the machine code, and a version, by which PyTensor keeps what calls it on disk."""

    @numba.njit
    def value_and_all(
        initial: Array, transition: Array, log_density: Array, places: Array, ends: Array
    ) -> tuple[Array, Array, Array, Array]:
        found = value_and_slopes(initial, transition, log_density, places, ends)
        return np.asarray(found[0]), found[1], found[2], found[3]

    return value_and_all, VERSION


def path_sum(
    initial: Tensor, transition: Tensor, log_density: Tensor, places: Tensor, ends: Tensor
) -> Tensor:
    """Return the log-likelihood of sequences, whose hidden paths are summed out.

    log sum_z initial_z1 p(x_1 | z_1) prod_t transition_z(t-1),z(t) p(x_t | z_t)

    initial, transition and log p have derivatives; where rows stand is data.

    initial: (K,); transition: (K, K); log_density: (K, m) of the distinct rows.
    places: (n,) column of each row in time, m where nothing was seen; ends: (S,) of sequences.

    >>> even, moves = pt.as_tensor([0.5, 0.5]), pt.as_tensor([[0.9, 0.1], [0.2, 0.8]])
    >>> height = path_sum(even, moves, pt.log([[0.3, 0.1], [0.2, 0.6]]), [0, 1, 0], [3])
    >>> round(float(pt.exp(height).eval(mode="FAST_COMPILE")), 7)
    0.017035
    """
    found: Any = PathSum()(initial, transition, log_density, places, ends)
    value: Tensor = found[0]
    return value
