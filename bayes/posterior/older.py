"""Posteriors as other releases laid them out: read, or refused with the release that reads them."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING

from bayes.posterior.pointwise import FOR_ARVIZ, OURS_ALONE
from models.refusal import Refusal

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["FORMAT", "HEIGHTS", "refuse_unread", "renewed", "saved_by"]

FORMAT = 1
"""Of files of posteriors and comparisons; it grows when a reader of the old one would stumble."""

HEIGHTS = "total_log_likelihood"  # under log_likelihood ArviZ would take it for a single row's


def saved_by(tree: xr.DataTree) -> str:
    """Return the release that made a tree, as it is called in a sentence.

    >>> import xarray as xr
    >>> tree = xr.DataTree()
    >>> saved_by(tree)
    'an unknown version of Second Opinion'
    >>> tree.attrs["versions"] = '{"second-opinion": "0.3"}'
    >>> saved_by(tree)
    'Second Opinion 0.3'
    """
    try:
        made = json.loads(str(tree.attrs.get("versions")))["second-opinion"]
    except (ValueError, KeyError, TypeError):  # another program's, or damaged
        return "an unknown version of Second Opinion"
    return f"Second Opinion {made}"


def refuse_unread(tree: xr.DataTree, name: str) -> None:
    """Raise Refusal if a tree has another format than ours, and name the release that reads it.

    name: what the tree is, or its file; trees of the first releases say no format.

    >>> later = posterior.copy()
    >>> later.attrs |= {"format": 2, "versions": '{"second-opinion": "0.3"}'}
    >>> refuse_unread(later, "later.nc")
    Traceback (most recent call last):
    models.refusal.Refusal: later.nc was saved by Second Opinion 0.3 in format 2; this is ...
    """
    given = str(tree.attrs.get("format", FORMAT))  # a file may say anything
    if given == str(FORMAT):
        return
    made = saved_by(tree)
    raise Refusal(
        f"{name} was saved by {made} in format {given}; this is Second Opinion "
        f"{version('second-opinion')}, which reads format {FORMAT}: read it with {made}, or run "
        "the comparison again"
    )


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
