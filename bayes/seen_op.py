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

__all__ = ["SeenDensity", "SeenSlopes", "seen_density"]


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
        """Second derivatives are PyTensor's own, of the density as its operations write it."""
        weight, mean, root, *data = inputs
        total = (weight * _written_out(mean, root, *data)).sum()
        paired: Any = 0.0
        by_both: Any = pt.grad(total, [mean, root])
        for cotangent, slope in zip(cotangents, by_both, strict=True):
            if not isinstance(cotangent.type, DisconnectedType):
                paired = paired + (cotangent * slope).sum()
        found: Any = pt.grad(paired, [weight, mean, root], disconnected_inputs="ignore")
        return [*found, *(disconnected_type() for _ in range(3))]

    def connection_pattern(self, node: Any) -> list[list[bool]]:
        """As of `SeenDensity`, and weights."""
        return [[True] * 2] * 3 + [[False] * 2] * 3


def _written_out(mean: Any, root: Any, x: Any, of_row: Any, patterns: Any) -> Any:
    """Return log p (K, m) in PyTensor's own operations.

    Where the covariance has rows and columns of the unit matrix for blanks, and x - mean is 0, its
    Gaussian density is that of what was seen, up to -log(2 pi) / 2 for each blank.
    """
    inverse: Any = pt.linalg.inv(root)
    cov = (inverse[..., :, None, :] * inverse[..., None, :, :]).sum(-1)
    seen = patterns.T
    both, unit = (seen[:, :, None] * seen[:, None, :])[:, None], pt.eye(root.shape[-1])
    white: Any = pt.linalg.inv(pt.linalg.cholesky(both * cov + (1 - both) * unit))
    rows = pt.cast(of_row, "int64")
    own = seen[rows]
    away = (x.T[:, None, :] - mean) * own[:, None, :]
    scaled = (white[rows] * away[:, :, None, :]).sum(-1)
    log_det = pt.log((white * unit).sum(-1)).sum(-1)[rows]
    constant = 0.5 * np.log(2 * np.pi) * own.sum(-1)
    return (log_det - 0.5 * (scaled**2).sum(-1) - constant[:, None]).T


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
