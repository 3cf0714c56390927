"""Log-likelihoods of what is independent given the parameters: rows, or whole sequences."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xarray as xr

if TYPE_CHECKING:
    from bayes.sampling.compiled import Engine
    from models.arrays import Array
    from models.question import Question

__all__ = ["FOR_ARVIZ", "OURS_ALONE", "Pointwise", "of_units", "pointwise_of"]

FOR_ARVIZ = "log_likelihood"  # the group in which ArviZ takes each line for an observation
OURS_ALONE = "pointwise"  # a group that ArviZ does not know
MOST_POINTWISE = 1 << 24  # doubles of pointwise log-likelihood, 128 MB; more rows mean fewer draws
MOST_BY_ROW = 1 << 23  # doubles of every row's log-likelihoods, 64 MB, and of its replicates
NOTES = {
    "row": "A line is a distinct row; counts say how often it occurred. Call bayes.loo(tree).",
    "time": "A line is a row given those before it; none can be left out alone: there is no LOO.",
}
LEAST_DRAWS = 4_000  # draws below which those of every row are not thinned to fit


class Pointwise(NamedTuple):
    """Pointwise log-likelihoods, and every draw's log-likelihood.

    group: under which they are stored: FOR_ARVIZ if each observation, or each sequence, has a line
        of its own, otherwise OURS_ALONE.
    values: the group; the last dimension says what the lines belong to: "observation", "sequence",
        "row" (a distinct row with its count) or "time" (a row given the rows before it).
    heights: (chains, draws) sums over all observations; of all draws, also where values have fewer.

    >>> values = xr.Dataset({"x": (("chain", "draw", "row"), np.zeros((4, 500, 9)))})
    >>> Pointwise(OURS_ALONE, values, np.zeros((4, 500))).by_row
    False
    """

    group: str
    values: xr.Dataset
    heights: Array

    @property
    def by_row(self) -> bool:
        """Whether each observation has a line of its own."""
        return "observation" in self.values.dims


def pointwise_of(engine: Engine, question: Question[Any, Any], positions: Array) -> Pointwise:
    """Return pointwise log-likelihoods in a group that ArviZ reads where it reads them right.

    ArviZ has no weights: it takes each line for one observation. So independent rows have a line
    each, equal ones too, as long as all of them fit into MOST_BY_ROW under LEAST_DRAWS draws, or
    all if there are fewer. Beyond that distinct rows have a line each, in a group that ArviZ does
    not read. Several sequences have a line each. A row of a single sequence depends on the others,
    so ArviZ does not read its lines either.

    positions: (chains, draws, p).

    >>> from bayes.posterior.tree import posterior_of
    >>> from bayes.sampling.compiled import engine_of
    >>> kept = posterior_of(posterior)
    >>> engine = engine_of(kept.question)
    >>> at = engine.pack(kept.question, kept.draws).reshape(4, 500, -1)
    >>> found = pointwise_of(engine, kept.question, at)
    >>> found.group, found.values["x"].dims, found.heights.shape
    ('log_likelihood', ('chain', 'draw', 'observation'), (4, 500))
    """
    units = question.units
    counts, later = units.unit_counts, units.followers()
    begins, of_what = None, "time" if len(later) else "row"
    if 0 < len(later) < len(counts) - 1:
        begins, of_what = np.delete(np.arange(len(counts)), later), "sequence"
        counts = np.ones(len(begins), np.int64)
    total = positions.shape[0] * positions.shape[1]
    step = _step_by_row(question, total) if of_what == "row" else 0
    by_row = step > 0
    if not by_row:
        step = -(-total * len(counts) // MOST_POINTWISE)
    kept = positions[:, ::step]
    flat = kept.reshape(-1, positions.shape[2])
    each = engine.pointwise(question, flat, begins).reshape(*kept.shape[:2], -1)
    if step == 1:
        heights = each @ counts
    else:
        every = positions.reshape(-1, positions.shape[2])
        heights = engine.log_likelihoods(question, every).reshape(positions.shape[:2])
    draws = {"chain": np.arange(len(positions)), "draw": np.arange(positions.shape[1])[::step]}
    if by_row:
        rows = units.units_at(np.arange(question.sample.observations))
        own = {"observation": np.arange(len(rows)), "unit": ("observation", rows)}
        values = {"x": (("chain", "draw", "observation"), each[..., rows])}
        return Pointwise(FOR_ARVIZ, xr.Dataset(values, draws | own), heights)
    lines = {of_what: np.arange(len(counts))}
    if of_what == "sequence":  # by the name x ArviZ would pair a sequence with a row's replicates
        values = {"sequences": (("chain", "draw", of_what), each)}
        return Pointwise(FOR_ARVIZ, xr.Dataset(values, draws | lines), heights)
    values = {"x": (("chain", "draw", of_what), each)}
    coords = draws | lines | {"counts": (of_what, counts)}
    return Pointwise(OURS_ALONE, xr.Dataset(values, coords, {"note": NOTES[of_what]}), heights)


def _step_by_row(question: Question[Any, Any], total: int) -> int:
    """Return the step between draws at which every row's log-likelihoods fit; 0 if none do.

    total: how many draws there are, of all chains.
    """
    units = question.units
    if units.unit_counts.dtype.kind == "f":  # a row stands for others, which are not known
        return 0
    size = question.sample.observations * units.sample.dimension  # of a replicate
    step = -(-total * size // MOST_BY_ROW)
    return step if total // step >= min(total, LEAST_DRAWS) else 0


def of_units(tree: xr.DataTree) -> xr.DataArray:
    """Return the pointwise log-likelihoods (chain, draw, line) without lines that repeat others.

    The last dimension is "row", "sequence" or "time"; along it `counts` says how often each
    occurred.

    >>> found = of_units(posterior)
    >>> found.dims[-1], found.sizes["row"] < 100, int(found["counts"].sum())
    ('row', True, 100)
    """
    if OURS_ALONE in tree.children:
        return tree[OURS_ALONE].to_dataset()["x"]
    (each,) = tree[FOR_ARVIZ].data_vars.values()
    if "observation" not in each.dims:
        return each.assign_coords(counts=("sequence", np.ones(each.sizes["sequence"], np.int64)))
    rows, first, counts = np.unique(each["unit"].to_numpy(), return_index=True, return_counts=True)
    found = each.isel(observation=first).drop_vars(["observation", "unit"])
    return found.rename(observation="row").assign_coords(row=rows, counts=("row", counts))
