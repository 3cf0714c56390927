"""Posteriors as earlier releases laid them out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bayes.posterior.pointwise import FOR_ARVIZ, OURS_ALONE

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["HEIGHTS", "renewed"]

HEIGHTS = "total_log_likelihood"  # under log_likelihood ArviZ would take it for a single row's


def renewed(tree: xr.DataTree) -> xr.DataTree:
    """Return a posterior in today's layout, whichever release wrote it.

    Earlier ones had a group log_likelihood with a line for each distinct row, its count a
    coordinate that ArviZ does not read: `arviz.loo` counted such a row once.

    >>> renewed(posterior) is posterior
    True
    """
    found = tree
    if FOR_ARVIZ in tree.children and "counts" in tree[FOR_ARVIZ].coords:
        found = found.copy()
        old = tree[FOR_ARVIZ].to_dataset()
        del found[FOR_ARVIZ]
        if "sequence" in old.dims:
            found[FOR_ARVIZ] = old.drop_vars("counts").rename(x="sequences")
        else:
            found[OURS_ALONE] = old
    if "sample_stats" in tree.children and "log_likelihood" in tree["sample_stats"]:
        found = found.copy()
        statistics = tree["sample_stats"].to_dataset()
        found["sample_stats"] = statistics.rename(log_likelihood=HEIGHTS)
    return found
