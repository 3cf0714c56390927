"""Rows in order: a step of EM, its growth, value and gradient, and the posterior."""

from __future__ import annotations

import warnings
from functools import partial
from importlib.util import find_spec
from logging import ERROR, getLogger
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from comparisons.speed.chain_gradients import gradients
from comparisons.speed.chain_samplers import NUMPYRO_CHAIN, OUR_CHAIN, moods
from comparisons.speed.posterior import duel
from comparisons.speed.records import Found, Goal, Measure, Race, costlier, faster, seconds, timed
from comparisons.speed.start_up import CACHE, COMMAND, compiled, many, run
from comparisons.studies.earthquakes import COUNTS, FIRST
from em import fit
from models import Gaussian, HiddenMarkov, Poisson, Sequences
from models.hidden_markov import stationary, walked

if TYPE_CHECKING:
    from comparisons.speed.records import Say, Scale
    from models.arrays import Array

__all__ = ["Rows", "measure", "rows_of"]

SEED = 5
FEW = 4  # steps of which only the set-up is wanted, and which both sides take to the same place
VOLUME = 2e8, 4e7  # rows times components in one timing of ours, of theirs
MOST = 60  # steps more that are timed, at most
PATIENCE = 6
IMPLEMENTATIONS = {"log": "in logarithms, its default", "scaling": "scaled, its faster form"}
LONG = 1_000  # rows of the chain whose posterior is drawn


class Rows(NamedTuple):
    """Rows in order to be fitted, and the chain to start from.

    >>> rows = rows_of(Gaussian, 50, 2, 1, np.random.default_rng(0))
    >>> rows.x.shape, len(rows.data.ends)
    ((50,), 1)
    """

    x: Array
    data: Sequences
    start: HiddenMarkov[Any]


def measure(scale: Scale, say: Say) -> Found:
    """Let all sides take turns."""
    rng = np.random.default_rng(SEED)
    n, sets = scale.rows, max(10, scale.rows // 1_000)
    races: list[Race] = []
    for name, family, k, several, goal in (
        (f"one Gaussian column, K = 2, T = {n:,}", Gaussian, 2, 1, 15),
        (f"one Gaussian column, K = 8, T = {n:,}", Gaussian, 8, 1, 8),
        (f"{sets:,} sequences of {n // sets:,}, Poisson, K = 4", Poisson, 4, sets, 15),
    ):
        rows = rows_of(family, n, k, several, rng)
        goals = {"log": Goal(goal), "scaling": Goal(6) if k == 2 else None}
        races += raced(f"EM per step in order, {name}", rows, goals, scale.rounds, say)
    say("chains: growth with T")
    races.append(flatness(scale, rng))
    races += gradients(scale, say)
    found, chains = duel(
        f"{LONG:,} counts in order",
        partial(moods, LONG),
        scale.duels[1],
        {NUMPYRO_CHAIN: Goal(3)},
        scale.draws,
        say,
        mine=OUR_CHAIN,
    )
    say("chains: the command")
    return Found((*races, *found), tuple(opinions(scale)), chains=tuple(chains))


def rows_of(
    family: type[Gaussian | Poisson], n: int, k: int, several: int, rng: np.random.Generator
) -> Rows:
    """Draw n rows of k states that last, in several sequences, with a start beside the truth.

    >>> rows_of(Poisson, 60, 3, 2, np.random.default_rng(0)).data.lengths
    array([30, 30])
    """
    moves = 0.9 * np.eye(k) + 0.1 / k
    place = np.arange(3.0 * k, step=3.0)
    lengths = np.full(several, n // several)
    path = walked(stationary(moves), moves, lengths, rng)
    theta = Gaussian(place, np.ones(k)) if family is Gaussian else Poisson(4 + 2 * place)
    x = theta.draw(path, rng, None)
    near = Gaussian(place + 0.3, np.full(k, 1.2)) if family is Gaussian else Poisson(5 + 2 * place)
    start = HiddenMarkov(np.full(k, 1 / k), 0.8 * np.eye(k) + 0.2 / k, near)
    return Rows(x, Sequences(x, sequence=lengths, initial="free"), start)


def raced(
    work: str, rows: Rows, goals: dict[str, Goal | None], rounds: int, say: Say
) -> list[Race]:
    """Take turns, a step at a time, with hmmlearn in both of its forms."""
    there = find_spec("hmmlearn") is not None
    taken: list[dict[str, float]] = []
    if there:
        for form in goals:
            check(rows, form)
        for turn in range(rounds):
            say(f"{work}, round {turn + 1} of {rounds}")
            taken.append({"ours": step(rows, None)} | {form: step(rows, form) for form in goals})
    return [
        faster(
            work, f"hmmlearn {IMPLEMENTATIONS[form]}", [(a["ours"], a[form]) for a in taken], goal
        )
        for form, goal in goals.items()
    ]


def climbed(rows: Rows, form: str | None, steps: int) -> tuple[float, HiddenMarkov[Any]]:
    """Take exactly this number of plain steps; return the seconds and where they lead.

    form: hmmlearn's implementation, None for ours.
    """
    if form is None:
        family, k = type(rows.start.theta), len(rows.start.initial)
        found, took = timed(
            lambda: fit(
                family,
                rows.data,
                k,
                start=rows.start,
                accelerate=False,
                tolerance=0,
                max_steps=steps,
            )
        )
        return took, found.estimate
    model = _peer(rows, form, steps)
    lengths = rows.data.lengths
    table = rows.x[:, None]
    if isinstance(rows.start.theta, Poisson):
        table = table.astype(np.int64)
    getLogger("hmmlearn").setLevel(ERROR)  # that it has not converged
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of NumPy's
        took = seconds(lambda: model.fit(table, lengths))
        theta = (
            Poisson(model.lambdas_[:, 0])
            if isinstance(rows.start.theta, Poisson)
            else Gaussian(model.means_[:, 0], np.sqrt(model.covars_[:, 0, 0]))
        )
    return took, HiddenMarkov(model.startprob_, model.transmat_, theta)


def _peer(rows: Rows, form: str, steps: int) -> Any:
    """Return hmmlearn's model at our start, without priors of its own."""
    from hmmlearn import hmm

    initial, moves, theta = rows.start
    settings = {
        "n_iter": steps,
        "tol": -np.inf,
        "init_params": "",
        "implementation": form,
        "startprob_prior": 1.0,
        "transmat_prior": 1.0,
    }
    if isinstance(theta, Poisson):
        # without its prior, which shifts the rates
        model = hmm.PoissonHMM(len(initial), lambdas_prior=0.0, lambdas_weight=0.0, **settings)
        model.lambdas_ = theta.rate[:, None]
        model.n_features = 1
    else:
        model = hmm.GaussianHMM(
            len(initial), covars_prior=0.0, covars_weight=1.0, min_covar=0.0, **settings
        )
        model.n_features = 1
        model.means_, model.covars_ = theta.mean[:, None], theta.sd[:, None] ** 2
    model.startprob_, model.transmat_ = initial, moves
    return model


def check(rows: Rows, form: str) -> None:
    """Raise AssertionError unless hmmlearn's first steps lead where ours lead.

    >>> check(rows_of(Poisson, 60, 2, 2, np.random.default_rng(0)), "log")
    """
    (_, mine), (_, theirs) = (climbed(rows, one, FEW) for one in (None, form))
    for a, b in zip(mine[:2], theirs[:2], strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-9)
    for field in mine.theta._fields:
        ours, other = (getattr(one.theta, field) for one in (mine, theirs))
        np.testing.assert_allclose(other, ours, rtol=1e-5)


def step(rows: Rows, form: str | None) -> float:
    """Return the seconds of one step: of many steps less those of few, which cancels set-up.

    >>> step(rows_of(Gaussian, 200, 2, 1, np.random.default_rng(0)), None) > 0
    True
    """
    size = len(rows.x) * len(rows.start.initial)
    more = int(np.clip(VOLUME[form is not None] / size, 3, MOST))
    for _ in range(PATIENCE):
        few, most = climbed(rows, form, FEW)[0], climbed(rows, form, FEW + more)[0]
        if most > few:
            return (most - few) / more
        more *= 2
    raise RuntimeError(f"the machine is too busy to time a step of {form or 'ours'}")


def flatness(scale: Scale, rng: np.random.Generator) -> Race:
    """Compare the time a row and step where it is longest with where it is shortest."""
    sizes = [n for n in scale.sizes if n <= 10 * scale.rows]
    every = {n: rows_of(Gaussian, n, 2, 1, rng) for n in sizes}
    rounds = []
    for _ in range(scale.rounds):
        each = [step(rows, None) / n for n, rows in every.items()]
        rounds.append((max(each), min(each)))
    work = f"chains: longest time per row and step, T = {sizes[0]:,} to {sizes[-1]:,}, 1-D, K = 2"
    return costlier(work, "the shortest", rounds, Goal(1.3, at_most=True))


def opinions(scale: Scale) -> list[Measure]:
    """Ask for a second opinion on 107 earthquakes, and compile a chain anew."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "quakes.csv"
        rows = "".join(f"{FIRST + at},{n}\n" for at, n in enumerate(COUNTS.tolist()))
        path.write_text(f"year,n\n{rows}")
        command = [str(COMMAND), "fit", str(path), "--family", "poisson", "--column", "n"]
        command += ["-k", "2", "--in-order"]
        flags = (
            {"PYTENSOR_FLAGS": CACHE.format(Path(folder) / "compiled")} if scale.thorough else {}
        )
        run(command, **flags)
        taken = many(command, scale.rounds, **flags)
    found = [Measure("second opinion on 107 earthquakes, warm", "s", taken, Goal(10, at_most=True))]
    if scale.thorough:
        found += compiled("Poisson", (100,), 2, (25, 4), in_order=True)
    return found
