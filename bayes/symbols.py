"""The type of PyTensor's expressions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytensor.tensor import TensorVariable

__all__ = ["Tensor"]

type Tensor = TensorVariable[Any, Any]
"""An expression; the type parameters, which distinguish kinds of graph nodes, are not used."""
