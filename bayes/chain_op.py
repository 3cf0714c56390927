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

from bayes.path_sums import VERSION, balance, value_and_slopes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bayes.symbols import Tensor

__all__ = ["Balance", "PathSum", "path_sum"]


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
        _refuse_second(self, cotangents)
        _, by_initial, by_transition, roots = outputs
        slopes = [cotangents[0] * one for one in (by_initial, by_transition, roots * roots)]
        return [*slopes, disconnected_type(), disconnected_type()]


class Balance(Op):
    """The stationary distribution of a transition matrix, and the matrix by which it changes.

    >>> moves = pt.as_tensor([[0.5, 0.5], [0.25, 0.75]])
    >>> Balance()(moves)[0].eval(mode="FAST_COMPILE").round(3)
    array([0.333, 0.667])
    """

    __props__ = ()

    def make_node(self, transition: Any) -> Apply[Any]:
        """Take transition (K, K); return (K,) and (K, K)."""
        moves = pt.as_tensor(transition)
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
        _refuse_second(self, cotangents)
        delta, change = outputs
        return [delta[:, None] * (change * cotangents[0]).sum(axis=1)]


def _refuse_second(op: Op, cotangents: Sequence[Any]) -> None:
    """Raise NotImplementedError for a derivative of what is a derivative already."""
    if not all(isinstance(one.type, DisconnectedType) for one in cotangents[1:]):
        raise NotImplementedError(f"{op} has no second derivatives")


@register_funcify_default_op_cache_key(PathSum)
def _path_sum(op: PathSum, **_: Any) -> tuple[Callable[..., Any], int]:
    """Return the machine code, and a version, by which PyTensor keeps what calls it on disk."""

    @numba.njit
    def path_sum(initial, transition, log_density, places, ends):  # type: ignore[no-untyped-def]
        found = value_and_slopes(initial, transition, log_density, places, ends)
        return np.asarray(found[0]), found[1], found[2], found[3]

    return path_sum, VERSION


@register_funcify_default_op_cache_key(Balance)
def _balance(op: Balance, **_: Any) -> tuple[Callable[..., Any], int]:
    """Return the machine code, and its version."""
    return balance, VERSION


def path_sum(
    initial: Tensor, transition: Tensor, log_density: Tensor, places: Tensor, ends: Tensor
) -> Tensor:
    """Return log sum over paths z of initial_z1 p(x_1 | z_1) prod_t transition_z(t-1),z(t) p(x_t | z_t).

    Several sequences add up. The first three have derivatives; the others are data.

    initial: (K,); transition: (K, K); log_density: (K, m) of the distinct rows.
    places: (n,) column of each row in time, m where nothing was seen; ends: (S,) of sequences.

    >>> moves, log_density = pt.as_tensor([[0.9, 0.1], [0.2, 0.8]]), pt.log([[0.3, 0.1], [0.2, 0.6]])
    >>> height = path_sum(pt.as_tensor([0.5, 0.5]), moves, log_density, [0, 1, 0], [3])
    >>> round(float(pt.exp(height).eval(mode="FAST_COMPILE")), 5)
    0.02033
    """
    found: Any = PathSum()(initial, transition, log_density, places, ends)
    return found[0]
