"""Faults in the posterior of admixtures: of a user's sampler, and of our own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bayes.posterior.tree import posterior_of
from faults.bayes_faults import PRIOR, SAME, TARGET, by_user, in_ours
from faults.bayes_slips import posterior_as
from faults.chain_bayes import other_file, reading
from faults.em_faults import SUM
from faults.fault import REFUSED, drawn, in_table, slow
from faults.in_groups import VILLAGES, VISITS, WORDS, cells_of
from models import Groups, Sample
from models.structure import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    from faults.fault import Case
    from models.arrays import Array

user, ours = partial(by_user, "admixture: "), partial(in_ours, "admixture: ")


def of_cells(
    case: Case, x: Array | None = None, group: Array | None = None, times: Array | None = None
) -> xr.DataTree:
    """Return draws for other cells."""
    cells = cells_of(case.sample)
    x, group, times = (
        old if new is None else new for old, new in zip(cells, (x, group, times), strict=True)
    )
    order = np.argsort(group, kind="stable")
    return posterior_as(case, Groups(x[order], group[order], times[order].astype(int)))


def counted_once(case: Case) -> xr.DataTree:
    return of_cells(case, times=np.ones_like(cells_of(case.sample).times))


def exchanged(case: Case) -> xr.DataTree:
    """Return draws where the first group's rows are the last group's, and the other way round."""
    group = cells_of(case.sample).group
    last = int(group.max())
    return of_cells(case, group=np.where(group == 0, last, np.where(group == last, 0, group)))


def of_all(case: Case) -> xr.DataTree:
    """Return draws of a mixture, whose shares all groups have."""
    rows = case.sample.sample
    data = Sample(rows.x, counts=rows.counts)
    found = posterior_of(drawn(case.family, data, case.k, case.seed, draws=case.design.draws)).draws
    weight = np.repeat(found.weight[:, None], len(case.sample.ends), axis=1)
    return posterior_as(case, fields=fields_of(found) | {"weight": weight})


def turned(case: Case, turn: Callable[[Array], Array]) -> xr.DataTree:
    """Return draws with other shares."""
    fields = dict(fields_of(case.draws))
    return posterior_as(case, fields=fields | {"weight": turn(fields["weight"])})


def narrowed(weight: Array) -> Array:
    middle = weight.mean(axis=0)
    return middle + 0.8 * (weight - middle)


def without_word(case: Case) -> xr.DataTree:
    """Return draws in which a word has hardly any probability."""
    fields = dict(fields_of(case.draws))
    prob = fields["prob"].copy()
    prob[:, :, -1] *= 1e-3
    return posterior_as(case, fields=fields | {"prob": prob / prob.sum(axis=2, keepdims=True)})


def with_prior(case: Case) -> xr.DataTree:
    """Return draws under a prior of more rows in every group than is said."""
    return posterior_as(case, prior=case.prior._replace(weight=10.0))


def shuffled(found: dict[str, Array]) -> Array:
    return np.random.default_rng(0).permutation(found["cell_rows"])


def one_late(found: dict[str, Array]) -> Array:
    """Return ends of groups of which all but the last come three cells late."""
    ends = found["group_ends"].copy()
    ends[:-1] += 3
    return ends


ADMIXTURE_BAYES_FAULTS = (
    user("shares shared by all groups", VISITS, of_all),
    in_table(user("counts ignored", WORDS, counted_once)),
    ours(
        "counts ignored",
        VISITS,
        reading(cell_times=lambda found: np.ones_like(found["cell_times"])),
    ),
    ours(
        "the likelihood counted twice",
        VISITS,
        reading(cell_times=lambda found: 2 * found["cell_times"]),
        frozenset({"counted_twice"}),
    ),
    ours(
        "temperature 2",
        VISITS,
        reading(cell_times=lambda found: found["cell_times"] / 2),
        frozenset({"tempered"}),
    ),
    in_table(user("one group's rows given to another", VILLAGES, exchanged)),
    slow(
        user(
            "groups in another order",
            VISITS,
            partial(turned, turn=lambda weight: np.roll(weight, 1, axis=1)),
        )
    ),
    user(
        "shares divided by the components' sums",
        VISITS,
        partial(turned, turn=lambda weight: weight / weight.sum(axis=1, keepdims=True)),
        frozenset({REFUSED}),
        of=SUM,
    ),
    in_table(
        user(
            "shares in reverse of the components",
            VILLAGES,
            partial(turned, turn=lambda weight: weight[:, :, ::-1].copy()),
            TARGET | {"swapped_shares"},
        )
    ),
    in_table(
        user("shares too narrow", VISITS, partial(turned, turn=narrowed), TARGET | {"narrow_draws"})
    ),
    slow(user("a word dropped", WORDS, without_word)),
    in_table(ours("rows beside other groups", VILLAGES, reading(cell_rows=shuffled))),
    ours("groups end three cells late", VISITS, reading(group_ends=one_late)),
    in_table(user("prior of another strength", WORDS, with_prior, TARGET | PRIOR)),
    ours(
        "prior of another strength",
        VISITS,
        reading(shares=lambda found: found["shares"] + 10),
        SAME | PRIOR,
    ),
    in_table(
        user("a file of draws of other data", VILLAGES, other_file, frozenset({"foreign_draws"}))
    ),
)
