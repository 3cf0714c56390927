"""Slips in our EM of admixtures: patches of the functions in which they would be made."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from em.admixture import AdmixtureGrouping
from em.climb.search import Climber
from em.structure import Grouping
from faults.chain_slips import states_known
from faults.em_slips import as_they_are, hard_only, over_one, together
from faults.fault import replaced
from models import Groups

if TYPE_CHECKING:
    from em.structure import Expected

one_by_one = replaced(
    AdmixtureGrouping, "expect_each", lambda original: Grouping.expect_each
)  # so that a slip in `expect` is made in climbs as well


def _weights(change):
    """Return a slip in the expected counts of the groups."""

    def make(original):
        def expect(self, shares, log_density, *, hard):
            found: Expected = original(self, shares, log_density, hard=hard)
            return found._replace(own={"weight": change(found.own["weight"])})

        return expect

    return together(one_by_one, replaced(AdmixtureGrouping, "expect", make))


def _weightless(original):
    def expect(self, shares, log_density, *, hard):
        equal = np.full_like(shares["weight"], 1 / self.k)
        found = original(self, {"weight": equal}, log_density, hard=hard)
        value = original(self, shares, log_density, hard=hard).log_likelihood
        return found._replace(log_likelihood=value)

    return expect


@cache
def _counted_once(data):
    if not isinstance(data, Groups):
        return data
    times = np.ones_like(data.times)
    return Groups._of(data.sample, data.places, times, data.ends, data.titles, data.lines)


def _once(original):
    def begun(self, data, k):
        original(self, _counted_once(data), k)

    return begun


def _equal(original):
    def members(self, shares, log_density):
        return original(self, {"weight": np.full_like(shares["weight"], 1 / self.k)}, log_density)

    return members


of_all = _weights(lambda own: np.broadcast_to(own.sum(axis=0), own.shape).copy())
rolled = _weights(lambda own: np.roll(own, 1, axis=0))
weightless = together(one_by_one, replaced(AdmixtureGrouping, "expect", _weightless))
hard = together(one_by_one, replaced(AdmixtureGrouping, "expect", hard_only))
unnormalised = together(
    replaced(Climber, "joins", lambda original: False),
    replaced(AdmixtureGrouping, "maximize", over_one),
    *as_they_are,
)
once = replaced(Grouping, "__init__", _once)
weightless_members = replaced(AdmixtureGrouping, "members", _equal)
labels_known = states_known
