"""The log-likelihood of an admixture as an operation of PyTensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from bayes.cell_sums import VERSION, cell_value_and_slopes
from bayes.chain_op import refuse_second

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bayes.symbols import Tensor
    from models.arrays import Array

__all__ = ["CellSum", "cell_sum"]


class CellSum(Op):
    """The log-likelihood, labels summed out, and its derivatives; see `bayes/cell_sums.py`.

    One sweep gives them all, so that PyTensor's gradient only multiplies them.

    >>> CellSum() == CellSum()
    True
    """

    __props__ = ()

    def make_node(self, *given: Any) -> Apply[Any]:
        """Take weight (G, K), log p (K, m), places (c,), times (c,) and ends (G,)."""
        inputs = [pt.as_tensor(one) for one in given]
        # static lengths would compile anew for other data
        outputs = [pt.scalar(dtype="float64"), pt.matrix(), pt.matrix()]
        return Apply(self, inputs, outputs)

    def infer_shape(self, node: Any, shapes: list[Any]) -> list[Any]:
        """Derivatives have the shapes of what they are taken by."""
        return [(), *shapes[:2]]

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """The same machine code, called from Python."""
        for storage, one in zip(outputs, cell_value_and_slopes(*inputs), strict=True):
            storage[0] = np.asarray(one)

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """Where rows stand, and how often, is no number to take derivatives by."""
        return [[True] * 3] * 2 + [[False] * 3] * 3

    def pullback(
        self, inputs: Sequence[Any], outputs: Sequence[Any], cotangents: Sequence[Any]
    ) -> list[Any]:
        """The derivatives times the cotangent of the value; squares, as `PathSum` has them."""
        refuse_second(self, cotangents)
        _, by_weight, roots = outputs
        slopes = [cotangents[0] * one for one in (by_weight, roots * roots)]
        return [*slopes, *(disconnected_type() for _ in range(3))]


@register_funcify_default_op_cache_key(CellSum)  # type: ignore[untyped-decorator]
def _cell_sum(op: CellSum, **_: Any) -> tuple[Callable[..., Any], int]:
    """Return the machine code, and a version, by which PyTensor keeps what calls it on disk."""

    @numba.njit
    def value_and_all(
        weight: Array, log_density: Array, places: Array, times: Array, ends: Array
    ) -> tuple[Array, Array, Array]:
        found = cell_value_and_slopes(weight, log_density, places, times, ends)
        return np.asarray(found[0]), found[1], found[2]

    return value_and_all, VERSION


def cell_sum(
    weight: Tensor, log_density: Tensor, places: Tensor, times: Tensor, ends: Tensor
) -> Tensor:
    """Return the log-likelihood of rows in groups, whose hidden components are summed out.

    sum over cells of times log sum_k weight_gk p(x | k)

    weight and log p have derivatives; where rows stand, and how often, is data.

    weight: (G, K); log_density: (K, m) of the distinct rows.
    places: (c,) row of each cell; times: (c,) how often it occurred; ends: (G,) of groups' cells.

    >>> weight, log_density = pt.as_tensor([[0.5, 0.5], [0.1, 0.9]]), pt.log([[0.3], [0.6]])
    >>> height = cell_sum(weight, log_density, [0, 0], [1, 2], [1, 2])
    >>> round(float(pt.exp(height).eval(mode="FAST_COMPILE")), 7)  # 0.45 0.57^2
    0.146205
    """
    found: Any = CellSum()(weight, log_density, places, times, ends)
    value: Tensor = found[0]
    return value
