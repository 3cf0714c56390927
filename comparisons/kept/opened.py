"""The file of a comparison, opened: read, or refused in one line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import xarray as xr

from bayes.posterior.older import instead_of, refuse_unread, renewed
from models.refusal import Refusal

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["opened"]

NEEDED = (
    *("posterior", "sample_stats", "posterior_predictive", "observed_data", "constant_data"),
    *("labels", "diagnostics", "em", "ascent", "optima", "deviance", "modes", "comparison"),
)
"""The groups that every comparison has had from the first release on."""

ATTRIBUTES = (
    *("family", "components", "observations", "equal_weights", "prior", "labels", "findings"),
    *("inference_library", "versions", "deviance_mean", "deviance_df", "hellinger"),
)
"""The attributes that every comparison has had from the first release on."""

IN_JSON = (
    *("findings", "prior", "versions", "component_names", "measured_in", "columns", "reading"),
    "whole",
)
"""The attributes that are JSON, where they are there."""


def opened(file: Path) -> xr.DataTree:
    """Return the tree of a comparison in today's layout, or raise Refusal.

    >>> from pathlib import Path
    >>> comparison.save("counts.nc")
    >>> opened(Path("counts.nc")).attrs["verdict"]
    'agree'
    """
    try:
        with xr.open_datatree(file) as tree:
            # `DataTree.load` leaves out what has the name of a group, such as deviance
            for node in tree.subtree:
                for variable in node.variables.values():
                    variable.load()
        for name in IN_JSON:
            json.loads(str(tree.attrs.get(name, "null")))
    except (OSError, ValueError, RuntimeError, KeyError, AttributeError):  # cut off, or damaged
        raise Refusal(f"{file} is no comparison: it cannot be read as netCDF") from None
    if "verdict" not in tree.attrs:
        raise Refusal(f"{file} is no comparison: it has no verdict; give a file of Comparison.save")
    refuse_unread(tree, str(file))
    lost = [f"no group {name}" for name in NEEDED if name not in tree.children]
    lost += [f"no attribute {name}" for name in ATTRIBUTES if name not in tree.attrs]
    if lost:
        raise Refusal(f"{file} has {lost[0]}, which every comparison has; {instead_of(tree)}")
    return renewed(tree)
