"""What a comparison says, read back from its tree."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr

__all__ = ["among", "columns_of", "distinct_of", "name_columns", "numbered"]


def name_columns(tree: xr.DataTree, names: Sequence[str]) -> None:
    """Keep the names of the columns of x with a comparison."""
    tree.attrs["columns"] = json.dumps(list(names))


def columns_of(tree: xr.DataTree) -> list[str]:
    """Return the names of the columns of x; none where they are not known."""
    return [str(name) for name in json.loads(tree.attrs.get("columns", "[]"))]


def numbered(names: Sequence[str]) -> str:
    """Say which column each number in brackets stands for."""
    return ", ".join(f"{at} is {name}" for at, name in enumerate(names))


def distinct_of(tree: xr.DataTree) -> int:
    """Return how many distinct rows were observed, which a posterior of bins did not see."""
    return int(tree.attrs.get("distinct", tree["constant_data"].sizes["row"]))


def among(tree: xr.DataTree) -> str:
    """Say of how many observations those of a comparison were drawn, if not all are in it."""
    whole = json.loads(tree.attrs.get("whole", "{}"))
    return f" (of {whole['observations']:,}, drawn at random)" if whole else ""
