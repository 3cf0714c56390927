"""Posteriors as other releases laid them out: read, or refused with the release that reads them."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING

from bayes.posterior.pointwise import FOR_ARVIZ, OURS_ALONE
from models.refusal import Refusal

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["FORMAT", "HEIGHTS", "instead_of", "refuse_unread", "renewed"]

FORMAT = 1
"""Of files of posteriors and comparisons; it grows when a reader of the old one would stumble."""

FIRST = 1  # the format of trees that say none: the first releases did not

HEIGHTS = "total_log_likelihood"  # under log_likelihood ArviZ would take it for a single row's


def instead_of(tree: xr.DataTree) -> str:
    """Return what to do with a tree that cannot be read.

    >>> import xarray as xr
    >>> tree = xr.DataTree()
    >>> instead_of(tree)
    'run the comparison again'
    >>> tree.attrs["versions"] = '{"second-opinion": "0.3"}'
    >>> instead_of(tree)
    'read it with Second Opinion 0.3, which saved it, or run the comparison again'
    """
    try:
        made = json.loads(str(tree.attrs.get("versions")))["second-opinion"]
    except (ValueError, KeyError, TypeError):  # another program's, or damaged
        made = None
    again = "run the comparison again"
    if made in (None, version("second-opinion")):  # ours would have been read: it is damaged
        return again
    return f"read it with Second Opinion {made}, which saved it, or {again}"


def refuse_unread(tree: xr.DataTree, name: str) -> None:
    """Raise Refusal if a tree has another format than ours, and name the release that reads it.

    name: what the tree is, or its file; trees of the first releases say no format.

    >>> later = posterior.copy()
    >>> later.attrs |= {"format": 2, "versions": '{"second-opinion": "0.3"}'}
    >>> refuse_unread(later, "later.nc")
    Traceback (most recent call last):
    models.refusal.Refusal: later.nc has format 2, and this is Second Opinion ...
    """
    given = str(tree.attrs.get("format", FIRST))  # a file may say anything
    if given != str(FORMAT):
        raise Refusal(
            f"{name} has format {given}, and this is Second Opinion {version('second-opinion')}, "
            f"which reads format {FORMAT}; {instead_of(tree)}"
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
