"""Faults in EM of admixtures: of a user's program, and of our own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln

from faults import admixture_slips as slips
from faults.em_faults import (
    COUNTS,
    DATA,
    DOWN,
    EARLY,
    SHARES,
    SUM,
    WRONG,
    by_user,
    claiming,
    climbing,
    fitted,
    in_ours,
)
from faults.fault import REFUSED, in_table, slow
from faults.in_groups import (
    VILLAGES,
    VISITS,
    WORDS,
    by_group,
    by_word,
    cells_of,
    memberships,
    next_theta,
    resting,
)
from models import Admixture, Categorical, Groups

if TYPE_CHECKING:
    from collections.abc import Callable

    import em
    from faults.fault import Case
    from faults.in_groups import Cells
    from models.arrays import Array
    from models.family import Theta

user, ours = partial(by_user, "admixture: "), partial(in_ours, "admixture: ")
COLD = 0.7  # power of memberships in tempered EM


def slipped(**parts: Callable) -> Callable[[Case], Admixture]:
    """Return what makes the answer of a program with other parts."""
    return partial(resting, **parts)


def once(cells: Cells) -> Array:
    return np.ones_like(cells.times)


def documents_alike(cells: Cells) -> Array:
    """Return counts that sum to the same in every group."""
    totals = np.bincount(cells.group, cells.times)
    return cells.times / totals[cells.group] * totals.mean()


def of_all(expected: Array, cells: Cells) -> Array:
    """Return the shares of all groups together, for each of them."""
    counts = by_group(expected, cells)
    total = counts.sum(axis=0)
    return np.tile(total / total.sum(), (len(counts), 1))


def over_components(expected: Array, cells: Cells) -> Array:
    """Return shares divided by the components' sums, each group then by its own."""
    counts = by_group(expected, cells)
    found = counts / counts.sum(axis=0)
    return found / found.sum(axis=1, keepdims=True)


def weightless(cells: Cells, weight: Array, density: Array) -> Array:
    return memberships(cells, np.full_like(weight, 0.5), density)


def cold(cells: Cells, weight: Array, density: Array) -> Array:
    """Return the memberships of tempered EM (Hofmann 1999)."""
    found = memberships(cells, weight, density) ** COLD
    return found / found.sum(axis=0)


def sure(cells: Cells, weight: Array, density: Array) -> Array:
    found = memberships(cells, weight, density)
    return (found == found.max(axis=0)).astype(np.float64)


def over_words(expected: Array, cells: Cells, theta: Theta) -> Theta:
    """Return probabilities divided by the sums of words, each component then by its own."""
    counts = by_word(expected, cells)
    found = counts / counts.sum(axis=0)
    return Categorical(found / found.sum(axis=1, keepdims=True))


def zeroed(expected: Array, cells: Cells, theta: Theta) -> Theta:
    """Return probabilities of which one of a word that a component seldom has is held at zero."""
    prob = next_theta(expected, cells, theta).prob.copy()
    prob[int(prob[:, 1].argmin()), 1] = 0
    return Categorical(prob / prob.sum(axis=1, keepdims=True))


def loose(case: Case) -> Admixture:
    weight, theta = case.fit.estimate
    return Admixture(weight * 1.03, theta)


def swapped_rows(case: Case) -> Admixture:
    """Return shares of which two groups have those of one another."""
    weight, theta = case.fit.estimate
    return Admixture(weight[[1, 0, *range(2, len(weight))]], theta)


def reversed_shares(case: Case) -> Admixture:
    weight, theta = case.fit.estimate
    return Admixture(weight[:, ::-1].copy(), theta)


def swapped_words(case: Case) -> Admixture:
    weight, theta = case.fit.estimate
    order = [1, 0, *range(2, theta.prob.shape[1])]
    return Admixture(weight, Categorical(theta.prob[:, order]))


def exchanged(case: Case) -> Admixture:
    """Return the maximum where the first group's rows were taken for the last group's."""
    cells = cells_of(case.sample)
    last = int(cells.group.max())
    group = np.where(cells.group == 0, last, np.where(cells.group == last, 0, cells.group))
    order = np.argsort(group, kind="stable")
    other = Groups(cells.x[order], group[order], cells.times[order].astype(int))
    return fitted(case, other).estimate


def without_last(case: Case) -> Admixture:
    """Return the maximum without the last group, which is given equal shares."""
    found = fitted(case, case.sample.only(np.arange(len(case.sample.ends) - 1))).estimate
    return Admixture(np.vstack([found.weight, np.full(case.k, 1 / case.k)]), found.theta)


def of_two_orders(case: Case) -> em.Fit:
    """Return the maximum for counts of which every tenth cell is missing."""
    cells = cells_of(case.sample)
    kept = np.arange(len(cells.x)) % 10 != 0
    other = Groups(cells.x[kept], cells.group[kept], cells.times[kept].astype(int))
    return fitted(case, other)


def with_ways(fit: em.Fit, data: Groups) -> float:
    """Return the log-likelihood of the counts of each document, in any order of its words."""
    ways = gammaln(data.totals + 1).sum() - gammaln(data.times + 1).sum()
    return float(fit.log_likelihood + ways)


def claiming_ways(case: Case) -> em.Fit:
    return replace(case.fit, log_likelihood=with_ways(case.fit, case.sample))


ADMIXTURE_EM_FAULTS = (
    in_table(user("shares shared by all groups", VISITS, slipped(weight=of_all))),
    ours("shares shared by all groups", VISITS, slips.of_all),
    in_table(user("counts ignored", WORDS, slipped(counted=once), of=COUNTS)),
    ours("counts ignored", WORDS, slips.once, of=COUNTS),
    user("shares not renormalised", VISITS, loose, frozenset({REFUSED}), of=SUM),
    ours("shares not renormalised", VISITS, slips.unnormalised, DOWN | {REFUSED}, of=SUM),
    slow(user("a word's probability held at zero", WORDS, slipped(theta=zeroed))),
    slow(user("words normalised over the wrong axis", WORDS, slipped(theta=over_words))),
    user("shares normalised over the wrong axis", VISITS, slipped(weight=over_components)),
    slow(user("two groups' shares exchanged", VISITS, swapped_rows)),
    ours("shares of the group before", VISITS, slips.rolled),
    user("one group's rows given to another", VILLAGES, exchanged),
    in_table(
        user(
            "shares in reverse of the components",
            VILLAGES,
            reversed_shares,
            frozenset({"swapped_shares"}),
            of=SHARES,
        )
    ),
    in_table(
        user(
            "memberships without the shares",
            VILLAGES,
            slipped(members=weightless),
            WRONG | {"weightless"},
        )
    ),
    ours("memberships without the shares", VILLAGES, slips.weightless),
    in_table(user("tempered memberships", VISITS, slipped(members=cold))),
    in_table(user("hard assignment", VISITS, slipped(members=sure), WRONG | {"hard_assignment"})),
    ours("hard assignment", VISITS, slips.hard),
    slow(user("documents weighted equally", WORDS, slipped(counted=documents_alike))),
    user("the last document missing", VISITS, without_last),
    in_table(
        user("every tenth cell missing", VILLAGES, of_two_orders, frozenset({"wrong_observations"}))
    ),
    in_table(user("words in another order", WORDS, swapped_words)),
    user(
        "stopped early",
        VISITS,
        lambda case: climbing(case, 5).estimate,
        frozenset({"stopped_early"}),
        of=EARLY,
    ),
    in_table(
        user(
            "multinomial coefficients on one side",
            WORDS,
            claiming_ways,
            DATA | {"constant_missing"},
            beside="the log-likelihood",
        )
    ),
    in_table(
        user(
            "mean log-likelihood for the sum",
            VISITS,
            claiming(lambda fit: fit.log_likelihood / fit.observations),
            frozenset({"mean_log_likelihood"}),
            beside="the log-likelihood",
            of="mean log-likelihood for the sum",
        )
    ),
    ours(
        "memberships without the shares are reported",
        VILLAGES,
        slips.weightless_members,
        frozenset({"different_memberships"}),
        beside="the memberships",
    ),
    ours(
        "standard errors as if components were known",
        VILLAGES,
        slips.labels_known,
        frozenset({"wrong_errors"}),
        of="wrong standard errors",
    ),
)
