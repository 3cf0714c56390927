"""The densities of rows with blanks as an operation of PyTensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numba
import numpy as np
import pytensor.tensor as pt
from pytensor.gradient import DisconnectedType, disconnected_type
from pytensor.graph.basic import Apply
from pytensor.graph.op import Op
from pytensor.link.numba.dispatch.basic import register_funcify_default_op_cache_key

from bayes.seen_density import VERSION, log_densities, slopes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bayes.symbols import Tensor
    from models.arrays import Array

__all__ = ["SeenChanges", "SeenDensity", "SeenSlopes", "seen_density"]

STEP = 1e-3  # in units of the widths, of a difference whose error is its fourth power


class SeenDensity(Op):
    """log p of every row under every component; see `bayes/seen_density.py`.

    PyTensor's own factors of many small matrices take minutes to compile.

    >>> SeenDensity() == SeenDensity()
    True
    """

    __props__ = ()
    gufunc_signature = "(k,d),(k,d,d),(d,m),(m),(d,p)->(k,m)"

    def make_node(self, *given: Any) -> Apply[Any]:
        """Take mean (K, d), root (K, d, d), x (d, m), patterns of rows (m,), patterns (d, P)."""
        return Apply(self, [pt.as_tensor(one) for one in given], [pt.matrix(dtype="float64")])

    def infer_shape(self, node: Any, shapes: list[Any]) -> list[Any]:
        """As many components as means, as many rows as x has columns."""
        return [(shapes[0][0], shapes[2][1])]

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """The same machine code, called from Python."""
        outputs[0][0] = log_densities(*inputs)

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """What was seen is no number to take derivatives by."""
        return [[True]] * 2 + [[False]] * 3

    def pullback(
        self, inputs: Sequence[Any], outputs: Sequence[Any], cotangents: Sequence[Any]
    ) -> list[Any]:
        """The derivatives of the sum that the cotangents weigh."""
        found: Any = SeenSlopes()(cotangents[0], *inputs)
        return [*found, *(disconnected_type() for _ in range(3))]


class SeenSlopes(Op):
    """The derivatives of weighted sums of log p by mean and root.

    >>> SeenSlopes() == SeenSlopes()
    True
    """

    __props__ = ()

    def make_node(self, *given: Any) -> Apply[Any]:
        """Take weights (K, m), and what `SeenDensity` takes."""
        outputs = [pt.matrix(dtype="float64"), pt.tensor3(dtype="float64")]
        return Apply(self, [pt.as_tensor(one) for one in given], outputs)

    def infer_shape(self, node: Any, shapes: list[Any]) -> list[Any]:
        """Derivatives have the shapes of what they are taken by."""
        return list(shapes[1:3])

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """The same machine code, called from Python."""
        for storage, one in zip(outputs, slopes(*inputs), strict=True):
            storage[0] = one

    def pullback(
        self, inputs: Sequence[Any], outputs: Sequence[Any], cotangents: Sequence[Any]
    ) -> list[Any]:
        """The change of slopes and densities along the cotangents."""
        _, mean, root, *_ = inputs
        ways = [
            pt.zeros_like(at) if isinstance(way.type, DisconnectedType) else way
            for at, way in zip((mean, root), cotangents, strict=True)
        ]
        found: Any = SeenChanges()(*ways, *inputs)
        return [*found, *(disconnected_type() for _ in range(3))]

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """As of `SeenDensity`, and weights."""
        return [[True] * 2] * 3 + [[False] * 2] * 3


class SeenChanges(Op):
    """The change of log p, and of the slopes, along a way of mean and root.

    As second derivatives are symmetric, that is all that a pullback of the slopes needs. It is a
    difference of two values on either side, exact to STEP^4. Chains do without.

    >>> SeenChanges() == SeenChanges()
    True
    """

    __props__ = ()

    def make_node(self, *given: Any) -> Apply[Any]:
        """Take the way of mean (K, d) and of root (K, d, d), and what `SeenSlopes` takes."""
        outputs = [pt.matrix(dtype="float64") for _ in range(2)] + [pt.tensor3(dtype="float64")]
        return Apply(self, [pt.as_tensor(one) for one in given], outputs)

    def perform(self, node: Any, inputs: Any, outputs: Any) -> None:
        """Four steps, in units of the widths."""
        by_mean, by_root, weight, mean, root, *data = inputs
        by_root = np.tril(by_root)
        size = np.abs(root).max()
        scale = max(np.abs(by_mean).max() * size, np.abs(by_root).max() / size)
        step = STEP / scale if scale > 0 else 1.0

        def at(times: float) -> list[Array]:
            there = mean + times * step * by_mean, root + times * step * by_root
            return [log_densities(*there, *data), *slopes(weight, *there, *data)]

        four = zip(at(1), at(-1), at(2), at(-2), strict=True)
        for storage, (one, back, two, far) in zip(outputs, four, strict=True):
            storage[0] = (8 * (one - back) - (two - far)) / (12 * step)


@register_funcify_default_op_cache_key(SeenDensity)  # type: ignore[untyped-decorator]
def _seen_density(op: SeenDensity, **_: Any) -> tuple[Callable[..., Any], int]:
    """Return the machine code, and a version, by which PyTensor keeps what calls it on disk."""

    @numba.njit
    def densities(mean: Array, root: Array, x: Array, of_row: Array, patterns: Array) -> Array:
        return log_densities(mean, root, x, of_row, patterns)

    return densities, VERSION


@register_funcify_default_op_cache_key(SeenSlopes)  # type: ignore[untyped-decorator]
def _seen_slopes(op: SeenSlopes, **_: Any) -> tuple[Callable[..., Any], int]:
    """Return the same of the derivatives."""

    @numba.njit
    def derivatives(
        weight: Array, mean: Array, root: Array, x: Array, of_row: Array, patterns: Array
    ) -> tuple[Array, Array]:
        return slopes(weight, mean, root, x, of_row, patterns)

    return derivatives, VERSION


def seen_density(mean: Tensor, root: Tensor, x: Tensor, of_row: Tensor, patterns: Tensor) -> Tensor:
    """Return log p of rows with blanks under every component, (K, m).

    mean: (K, d); root: (K, d, d), lower triangular, root' root = cov^-1.
    x: (d, m), anything for blanks but NaN; of_row: (m,) the pattern of each row.
    patterns: (d, P) 1 for columns that were seen, 0 for blanks.

    >>> of_rows = [[2.0], [0.0]], [0.0], [[1.0], [0.0]]
    >>> found = seen_density(pt.zeros((1, 2)), pt.eye(2)[None], *map(pt.as_tensor, of_rows))
    >>> round(float(found.sum().eval(mode="FAST_COMPILE")), 3)
    -2.919
    """
    found: Any = SeenDensity()(mean, root, x, of_row, patterns)
    density: Tensor = found
    return density
