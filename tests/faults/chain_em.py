"""Faults in EM of hidden Markov chains: of a user's program, and of our own."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

import em
from faults import chain_slips as slips
from faults.em_faults import (
    DOWN,
    EARLY,
    QUESTION,
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
from faults.in_order import (
    BLANKS,
    FREE,
    SHORT,
    WIDE,
    Messages,
    Sums,
    counted,
    free_moves,
    over_rows,
    resting,
    rows_of,
    scaled,
    sequences,
    smoothed,
)
from models import HiddenMarkov
from models.hidden_markov import StationaryHiddenMarkov
from models.structure import permuted

if TYPE_CHECKING:
    from collections.abc import Callable

    from faults.fault import Case
    from faults.in_order import Program
    from models.arrays import Array

user, ours = partial(by_user, "chain: "), partial(in_ours, "chain: ")
HARD = frozenset({"hard_assignment"})
MAP = frozenset({"map_estimate"})
DATA = frozenset({"wrong_observations"})
CLAIM = frozenset({"different_data"})


def slipped(**parts: Callable) -> Callable[[Case], HiddenMarkov]:
    """Return what makes the answer of a program with other parts."""
    return partial(resting, change=lambda program: program._replace(**parts))


# a user's slips in the E-step


def unscaled(density: Array, start: Array, moves: Array) -> Messages:
    """Return a forward pass that underflows in long sequences."""
    ahead = np.empty_like(density)
    for t in range(density.shape[1]):
        before = start if t == 0 else ahead[:, t - 1] @ moves
        ahead[:, t] = before * density[:, t]
    return Messages(ahead, scaled(density, start, moves).back)


def late(density: Array, start: Array, moves: Array) -> Messages:
    """Return a backward pass that is one row late."""
    ahead, back = scaled(density, start, moves)
    return Messages(ahead, np.concatenate([back[:, 1:], back[:, -1:]], axis=1))


def first_twice(density: Array, start: Array, moves: Array) -> Messages:
    twice = density.copy()
    twice[:, 0] **= 2
    return scaled(twice, start, moves)


def filtered(messages: Messages, density: Array, moves: Array) -> Sums:
    """Return memberships given the rows up to each, and of pairs up to the second."""
    alone = Messages(messages.ahead, np.ones_like(messages.back))
    return smoothed(alone, density, moves)


def independent(messages: Messages, density: Array, moves: Array) -> Sums:
    """Return pairs as if a row and the next one were independent given the data."""
    member = smoothed(messages, density, moves).member
    return Sums(member, member[:, :-1, :, None] * member[:, 1:, None, :])


def across(messages: Messages, density: Array, moves: Array) -> Sums:
    """Return pairs that also lead from the end of each sequence to the next one's beginning."""
    member, pairs = smoothed(messages, density, moves)
    between = member[:-1, -1, :, None] * member[1:, 0, None, :]
    wide = np.concatenate([pairs, np.zeros_like(pairs[:, :1])], axis=1)
    wide[:-1, -1] = between
    return Sums(member, wide)


# and in the M-step


def transposed(sums: Sums, present: Array) -> Array:
    return over_rows(counted(sums).T)


def over_columns(sums: Sums, present: Array) -> Array:
    """Return moves divided by the sums of columns, each row then by its own."""
    counts = counted(sums)
    return over_rows(counts / counts.sum(axis=0))


def staying_twice(sums: Sums, present: Array) -> Array:
    counts = counted(sums)
    return over_rows(counts + np.diag(np.diag(counts)))


def smoothed_counts(sums: Sums, present: Array) -> Array:
    """Return transitions with ten moves added to each, as Laplace's rule adds one."""
    return over_rows(counted(sums) + 10)


# and around them


def loose_sums(case: Case) -> HiddenMarkov:
    """Return moves divided by the number of rows in the place of their sums."""
    _, moves, theta = case.fit.estimate
    return HiddenMarkov(case.fit.estimate.initial, moves * 1.03, theta)


def by_zeros(case: Case) -> HiddenMarkov:
    return resting(case, rows=np.nan_to_num(rows_of(case.sample)))


def of_rows(case: Case, rows: Array) -> HiddenMarkov:
    """Return the maximum for other rows."""
    return fitted(case, sequences(rows, case.sample.initial)).estimate


def as_one(case: Case) -> HiddenMarkov:
    return of_rows(case, rows_of(case.sample).reshape(1, -1))


def dropped_sequence(case: Case) -> em.Fit:
    return fitted(case, sequences(rows_of(case.sample)[:-1], case.sample.initial))


def of_free_start(case: Case) -> HiddenMarkov:
    """Return the maximum with first states of their own, of which nothing is said."""
    found = fitted(case, sequences(rows_of(case.sample), "free")).estimate
    return StationaryHiddenMarkov(found.transition, found.theta)


def of_hard(case: Case) -> HiddenMarkov:
    return fitted(case, hard=True).estimate


def swapped_moves(case: Case) -> HiddenMarkov:
    """Return the states in order, without their transitions."""
    _, moves, theta = case.fit.estimate
    return StationaryHiddenMarkov(moves[::-1, ::-1].copy(), theta)


def swapped_first(case: Case) -> HiddenMarkov:
    first, moves, theta = case.fit.estimate
    return HiddenMarkov(first[::-1].copy(), moves, theta)


def few_steps(case: Case) -> HiddenMarkov:
    return climbing(case, 3).estimate


def of_mixture(case: Case) -> HiddenMarkov:
    """Return a mixture, whose rows are independent, as a chain."""
    found = em.fit(case.family, case.sample.sample, case.k).mixture
    return StationaryHiddenMarkov(np.tile(found.weight, (case.k, 1)), found.theta)


def last_only(case: Case) -> float:
    """Return the log-likelihood of the last sequence."""
    last = sequences(rows_of(case.sample)[-1:], case.sample.initial)
    start = permuted(case.fit.estimate, np.arange(case.k))
    return float(em.fit(case.family, last, case.k, start=start, max_steps=0).log_likelihood)


def claiming_last(case: Case) -> em.Fit:
    return replace(case.fit, log_likelihood=last_only(case))


def uniform_start(program: Program) -> Program:
    return program._replace(begins=lambda first, _: np.full(len(first), 1 / len(first)))


CHAIN_EM_FAULTS = (
    in_table(user("initial distribution ignored", FREE, partial(resting, change=uniform_start))),
    ours("initial distribution ignored", FREE, slips.uniform_start),
    user("forward pass underflows", WIDE, slipped(passes=unscaled)),
    in_table(user("transition transposed", BLANKS, slipped(moves=transposed))),
    ours("transition transposed", BLANKS, slips.transposed),
    in_table(user("moves over the ends of sequences", SHORT, slipped(smooth=across))),
    ours("moves over the ends of sequences", SHORT, slips.across),
    in_table(user("missing rows taken as zeros", BLANKS, by_zeros)),
    ours("missing rows taken as zeros", BLANKS, slips.zeros),
    user("backward pass off by one", WIDE, slipped(passes=late)),
    ours("memberships off by one row", WIDE, slips.late),
    in_table(user("stationary start with a free M-step", SHORT, slipped(moves=free_moves))),
    ours("stationary start with a free M-step", SHORT, slips.free_step),
    user("free start where stationary is asked", SHORT, of_free_start),
    in_table(user("Viterbi's path for memberships", WIDE, of_hard, HARD)),
    ours("Viterbi's path for memberships", WIDE, slips.hard),
    in_table(user("filtered for smoothed memberships", WIDE, slipped(smooth=filtered))),
    ours("filtered for smoothed memberships", WIDE, slips.filtered),
    ours(
        "filtered memberships are reported",
        WIDE,
        slips.filtered_members,
        frozenset({"different_memberships"}),
        beside="the memberships",
    ),
    user("transitions not renormalised", FREE, loose_sums, frozenset({REFUSED}), of=SUM),
    ours("transitions not renormalised", BLANKS, slips.unnormalised, DOWN | {REFUSED}, of=SUM),
    in_table(user("moves divided by the sums of columns", BLANKS, slipped(moves=over_columns))),
    user("moves as if rows were independent", WIDE, slipped(smooth=independent)),
    slow(user("a mixture in the place of a chain", BLANKS, of_mixture)),
    in_table(user("sequences concatenated", SHORT, as_one)),
    ours("sequences concatenated", SHORT, slips.as_one),
    in_table(
        user(
            "rows sorted", BLANKS, lambda case: of_rows(case, np.sort(rows_of(case.sample), axis=1))
        )
    ),
    user("the last row left out", FREE, lambda case: of_rows(case, rows_of(case.sample)[:, :-1])),
    in_table(
        user(
            "the first row left out", FREE, lambda case: of_rows(case, rows_of(case.sample)[:, 1:])
        )
    ),
    in_table(
        user("every other row", WIDE, lambda case: of_rows(case, rows_of(case.sample)[:, ::2]))
    ),
    in_table(user("a sequence missing", BLANKS, dropped_sequence, DATA)),
    slow(
        user(
            "initial distribution from all rows",
            FREE,
            slipped(first=lambda sums: sums.member.mean(axis=(0, 1))),
        )
    ),
    in_table(
        user(
            "initial distribution from one sequence",
            FREE,
            slipped(first=lambda sums: sums.member[0, 0]),
        )
    ),
    in_table(user("initial distribution in reverse", FREE, swapped_first)),
    slow(user("staying counted twice", WIDE, slipped(moves=staying_twice))),
    in_table(user("moves added to all", BLANKS, slipped(moves=smoothed_counts), WRONG | MAP)),
    slow(user("first rows count twice", FREE, slipped(passes=first_twice))),
    slow(
        user(
            "states sorted without their moves",
            BLANKS,
            swapped_moves,
            frozenset({"swapped_shares"}),
            of=SHARES,
        )
    ),
    in_table(user("stopped early", WIDE, few_steps, frozenset({"stopped_early"}), of=EARLY)),
    in_table(
        user(
            "log-likelihood of the last sequence only",
            BLANKS,
            claiming_last,
            CLAIM,
            beside="the log-likelihood",
        )
    ),
    ours(
        "log-likelihood of the last sequence only",
        BLANKS,
        slips.last_only,
        DOWN | QUESTION,
        beside="the log-likelihood",
    ),
    in_table(
        user(
            "mean log-likelihood for the sum",
            WIDE,
            claiming(lambda fit: fit.log_likelihood / fit.observations),
            frozenset({"mean_log_likelihood"}),
            beside="the log-likelihood",
            of="mean log-likelihood for the sum",
        )
    ),
    ours(
        "standard errors as if states were known",
        WIDE,
        slips.states_known,
        frozenset({"wrong_errors"}),
        of="wrong standard errors",
    ),
)
