"""Faults in the posterior of hidden Markov chains: of a user's sampler, and of our own."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bayes.posterior.tree import posterior_of
from faults.bayes_faults import PRIOR, SAME, TARGET, by_user, in_ours
from faults.bayes_slips import compiled, posterior_as, tempered_towards
from faults.em_faults import SUM
from faults.fault import REFUSED, drawn, in_table, replaced, slow
from faults.in_order import BLANKS, FREE, SHORT, WIDE, rows_of, sequences
from models import HiddenMarkov, Sample
from models.hidden_markov import StationaryHiddenMarkov, stationary
from models.structure import fields_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import xarray as xr

    from faults.em_slips import Slip
    from faults.fault import Case
    from models.arrays import Array
    from models.structure import Structure

OTHER = 1_000  # added to a seed for data that are not the case's
user, ours = partial(by_user, "chain: "), partial(in_ours, "chain: ")


def of_rows(case: Case, rows: Array) -> xr.DataTree:
    """Return draws for other rows."""
    return posterior_as(case, sequences(rows, case.sample.initial))


def of_start(case: Case, initial: str) -> Structure:
    """Return draws for sequences that begin otherwise."""
    data = sequences(rows_of(case.sample), initial)
    found = drawn(case.family, data, case.k, case.seed, draws=case.design.draws)
    return posterior_of(found).draws


def of_free(case: Case) -> xr.DataTree:
    found = of_start(case, "free")
    return posterior_as(case, given=StationaryHiddenMarkov(found.transition, found.theta))


def of_stationary(case: Case) -> xr.DataTree:
    found = of_start(case, "stationary")
    first = stationary(found.transition)
    return posterior_as(case, given=HiddenMarkov(first, found.transition, found.theta))


def half_each(case: Case) -> xr.DataTree:
    """Return draws whose first states are as likely in all of them, but for rounding."""
    found = case.draws
    rng = np.random.default_rng(case.seed)
    first = rng.normal(0.5, 1e-3, len(found.initial))
    pair = np.stack([first, 1 - first], axis=1)
    return posterior_as(case, given=found._replace(initial=pair))


def of_mixture(case: Case) -> xr.DataTree:
    """Return draws of a mixture, whose rows are independent."""
    rows = case.sample.sample
    data = Sample(rows.x, counts=rows.counts)
    found = posterior_of(drawn(case.family, data, case.k, case.seed, draws=case.design.draws)).draws
    moves = np.repeat(found.weight[:, None], case.k, axis=1)
    return posterior_as(case, given=StationaryHiddenMarkov(moves, found.theta))


def turned(case: Case, turn: Callable[[Array], Array]) -> xr.DataTree:
    """Return draws with other transitions."""
    found = case.draws
    moves = turn(found.transition)
    # what follows from the transitions may not be what it was
    fields = dict(fields_of(found)) | {"transition": moves}
    return posterior_as(case, fields=fields)


def half_turned(moves: Array) -> Array:
    """Return moves whose next states are in another order in every other draw."""
    found = moves.copy()
    found[::2] = found[::2, :, ::-1]
    return found


def over_columns(moves: Array) -> Array:
    """Return the transposed moves, whose rows are made to sum to one."""
    found = np.swapaxes(moves, 1, 2)
    return found / found.sum(axis=2, keepdims=True)


def narrowed(moves: Array) -> Array:
    middle = moves.mean(axis=0)
    return middle + 0.8 * (moves - middle)


def other_file(case: Case) -> xr.DataTree:
    """Return a posterior of other data, said to be of the right ones."""
    data = case.design.sample(case.seed + OTHER)
    found = drawn(case.family, data, case.k, case.seed, draws=case.design.draws).copy()
    for name in ("constant_data", "observed_data"):
        found[name] = case.posterior[name]
    return found


def with_prior(case: Case) -> xr.DataTree:
    """Return draws under a prior of more moves than is said."""
    return posterior_as(case, prior=case.prior._replace(weight=10.0))


def doubled(case: Case) -> xr.DataTree:
    return of_rows(case, np.repeat(rows_of(case.sample), 2, axis=0))


def reading(**changes: Callable[[dict[str, Array]], Array]) -> Slip:
    """Return a slip in the data that our model reads, by name."""

    def make(original):
        def data(question, sample=None):
            found = original(question, sample)
            return found | {name: change(found) for name, change in changes.items()}

        return data

    return replaced(compiled, "data_of", make)


def at_zeros(found: dict[str, Array]) -> Array:
    """Return the rows in time, those not seen at the distinct row of 0."""
    rows, zero = found["rows_in_time"], np.flatnonzero(found["x"] == 0)
    return np.where(rows == len(found["x"]), zero[0], rows)


def without_last(found: dict[str, Array]) -> Array:
    return found["rows_in_time"][: int(found["sequence_ends"][-2])]


def shuffled(found: dict[str, Array]) -> Array:
    return np.random.default_rng(0).permutation(found["rows_in_time"])


CHAIN_BAYES_FAULTS = (
    in_table(
        user(
            "sequences concatenated",
            SHORT,
            lambda case: of_rows(case, rows_of(case.sample).reshape(1, -1)),
        )
    ),
    ours(
        "sequences concatenated",
        SHORT,
        reading(sequence_ends=lambda found: found["sequence_ends"][-1:]),
    ),
    in_table(
        user("a sequence missing", BLANKS, lambda case: of_rows(case, rows_of(case.sample)[:-1]))
    ),
    ours(
        "a sequence missing",
        BLANKS,
        reading(sequence_ends=lambda found: found["sequence_ends"][:-1], rows_in_time=without_last),
    ),
    in_table(
        user(
            "missing rows taken as zeros",
            BLANKS,
            lambda case: of_rows(case, np.nan_to_num(rows_of(case.sample))),
        )
    ),
    ours("missing rows taken as zeros", BLANKS, reading(rows_in_time=at_zeros)),
    in_table(
        user(
            "rows sorted", BLANKS, lambda case: of_rows(case, np.sort(rows_of(case.sample), axis=1))
        )
    ),
    in_table(ours("rows in another order", BLANKS, reading(rows_in_time=shuffled))),
    in_table(
        user("every other row", WIDE, lambda case: of_rows(case, rows_of(case.sample)[:, ::2]))
    ),
    in_table(
        user(
            "the last row left out", FREE, lambda case: of_rows(case, rows_of(case.sample)[:, :-1])
        )
    ),
    in_table(user("the likelihood counted twice", FREE, doubled)),
    in_table(
        user("temperature 2", WIDE, partial(tempered_towards, power=0.5), TARGET | {"tempered"})
    ),
    slow(user("free start where stationary is asked", SHORT, of_free)),
    in_table(user("stationary start where free is asked", FREE, of_stationary)),
    user("start held uniform", FREE, half_each),
    slow(user("a mixture in the place of a chain", BLANKS, of_mixture)),
    user(
        "transition transposed",
        BLANKS,
        partial(turned, turn=lambda moves: np.swapaxes(moves, 1, 2)),
        frozenset({REFUSED}),
        of=SUM,
    ),
    in_table(
        user(
            "transition divided by the sums of columns", BLANKS, partial(turned, turn=over_columns)
        )
    ),
    slow(
        user(
            "next states in reverse",
            WIDE,
            partial(turned, turn=lambda moves: moves[:, :, ::-1].copy()),
        )
    ),
    in_table(
        user(
            "next states unaligned",
            WIDE,
            partial(turned, turn=half_turned),
            TARGET | {"several_modes"},
        )
    ),
    in_table(user("transitions too narrow", SHORT, partial(turned, turn=narrowed))),
    in_table(user("a file of draws of other data", WIDE, other_file, frozenset({"foreign_draws"}))),
    in_table(user("prior of another strength", WIDE, with_prior, TARGET | PRIOR)),
    ours(
        "prior of another strength",
        WIDE,
        reading(shares=lambda found: found["shares"] + 10),
        SAME | PRIOR,
    ),
)
