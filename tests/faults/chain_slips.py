"""Slips in our EM of hidden Markov chains: patches of the functions in which they would be made."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import numpy as np

from em.climb.search import Climber
from em.errors.scores import complete_of
from em.hidden_markov import MarkovGrouping, StationaryGrouping
from em.structure import Grouping
from faults.em_slips import as_they_are, hard_only, over_one, together
from faults.fault import replaced
from faults.in_order import rows_of, sequences
from models import Sequences

if TYPE_CHECKING:
    from em.structure import Expected
    from models.arrays import Array

information = import_module("em.errors.information")

one_by_one = replaced(
    MarkovGrouping, "expect_each", lambda original: Grouping.expect_each
)  # so that a slip in `expect` is made in climbs as well


def _expecting(change):
    """Return a slip in what the E-step finds."""

    def make(original):
        def expect(self, shares, log_density, *, hard):
            return change(self, original(self, shares, log_density, hard=hard), shares, log_density)

        return expect

    return together(one_by_one, replaced(MarkovGrouping, "expect", make))


def _given(change):
    """Return a slip in the data that the E-step reads."""

    def make(original):
        def begun(self, data, k):
            original(self, change(data), k)

        return begun

    return replaced(Grouping, "__init__", make)


def _by_row(self, members: Array) -> Array:
    """Return memberships of rows in time (K, n) summed by the distinct row, (K, m)."""
    places, m = self.data.places, self.data.sample.distinct
    return np.stack([np.bincount(places, one, m + 1)[:m] for one in members])


def _transposed(self, found: Expected, shares, log_density) -> Expected:
    own = found.own | {"transition": found.own["transition"].T.copy()}
    return found._replace(own=own)


def _across(self, found: Expected, shares, log_density) -> Expected:
    members = self.members(shares, log_density)
    ends, begins = self.data.ends[:-1] - 1, self.data.begins[1:]
    moves = found.own["transition"] + members[:, ends] @ members[:, begins].T
    return found._replace(own=found.own | {"transition": moves})


def _late(self, found: Expected, shares, log_density) -> Expected:
    members = np.roll(self.members(shares, log_density), 1, axis=1)
    return found._replace(occupancy=_by_row(self, members))


def _filtered(self, found: Expected, shares, log_density) -> Expected:
    members = self.filtered(shares, log_density)[0]
    return found._replace(occupancy=_by_row(self, members))


LASTS = WeakKeyDictionary()


def _last_only(self, found: Expected, shares, log_density) -> Expected:
    if self.data not in LASTS:
        last = sequences(rows_of(self.data)[-1:], self.data.initial)
        LASTS[self.data] = (
            type(self)(last, self.k),
            np.searchsorted(self.data.sample.x, last.sample.x),
        )
    grouping, at = LASTS[self.data]
    if grouping.data is self.data or len(self.data.ends) == 1:
        return found
    value = grouping._summed(shares, np.ascontiguousarray(log_density[:, at]), counted=True)
    return found._replace(log_likelihood=value.log_likelihood)


@cache
def _as_zeros(data: Sequences) -> Sequences:
    """Return the same distinct rows, zeros among them, at which missing rows are as well."""
    if not isinstance(data, Sequences):
        return data
    zero = np.flatnonzero(data.sample.x == 0)
    if data.seen.all() or len(zero) == 0:
        return data
    return Sequences._of(
        data.sample,
        np.where(data.seen, data.places, zero[0]),
        data.ends,
        data.titles,
        data.initial,
    )


@cache
def _as_one(data: Sequences) -> Sequences:
    if not isinstance(data, Sequences):
        return data
    return Sequences._of(data.sample, data.places, data.ends[-1:], (), data.initial)


def _known(original):
    def oakes(model, parameters, free, fixed=None, **rest):
        slots, _ = original(model, parameters, free, fixed, **rest)
        still = np.zeros(free.shape[:2], np.bool_) if fixed is None else fixed
        flat = free.reshape(-1, free.shape[2])
        return slots, flat.T @ complete_of(model, parameters, still) @ flat

    return oakes


def _free(self, own, unseen):
    """Return the expected moves over their sums, whatever the first states say."""
    counts = own["transition"] + unseen
    return {"transition": counts / counts.sum(axis=-1, keepdims=True)}


uniform_start = together(
    replaced(
        MarkovGrouping, "initial", lambda original: lambda self, _: np.full(self.k, 1 / self.k)
    ),
)
transposed = _expecting(_transposed)
across = _expecting(_across)
late = _expecting(_late)
filtered = _expecting(_filtered)
last_only = _expecting(_last_only)
hard = together(one_by_one, replaced(MarkovGrouping, "expect", hard_only))
free_step = together(
    replaced(StationaryGrouping, "maximize", lambda original: _free),
    replaced(StationaryGrouping, "maximize_each", lambda original: _free),
)
filtered_members = replaced(
    MarkovGrouping,
    "members",
    lambda original: lambda self, shares, log_density: self.filtered(shares, log_density)[0],
)
unnormalised = together(
    replaced(Climber, "joins", lambda original: False),
    replaced(StationaryGrouping, "maximize", over_one),
    replaced(StationaryGrouping, "maximize_each", over_one),
    *as_they_are,
)
zeros = _given(_as_zeros)
as_one = _given(_as_one)
states_known = replaced(information, "oakes", _known)
