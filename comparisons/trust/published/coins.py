"""Five sets of ten flips of two coins (Do & Batzoglou 2008), and the lecture's two people."""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from comparisons.studies.calculations.exact import Exact, two_coins
from comparisons.trust.published import K_SIGMA, Case, Erratum, Number
from em import Fit, fit, log_likelihood
from em.gaussian import GaussianEmission
from models import Binomial, Gaussian, Mixture, Sample

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from models.arrays import Array

__all__ = ["CASES", "FLIPS", "sampled"]

PAPER = "Do & Batzoglou 2008, doi:10.1038/nbt1406"
AGAIN = "of the flips of Do & Batzoglou 2008, recomputed with tight tolerance"
HEADS = np.array([5, 9, 8, 4, 7])
FLIPS = Sample(HEADS, 10)
BY_A = np.isin(HEADS, (5, 4))  # had somebody written down who tossed what
HALVES = np.array([0.5, 0.5])
HARD, SOFT = (0.5, 0.9), (0.5, 0.6)  # starts, in label order
PEOPLE, MEN = np.array([1.90, 1.55]), np.array([0.9, 0.2])  # metres, and how sure each is a man
WRONG = (
    "So say two methods: Gauss-Legendre quadrature of the polynomial posterior, which is exact, "
    "and, in the tests, the sum over the 32 allocations in rational numbers. The printed moments "
    "are off from the fourth place on."
)
CUT = (
    "So say the same quadrature and the same sum, -11.6783046; what was printed is cut off, not "
    "rounded."
)


def known(tossed: NDArray[np.bool_]) -> float:
    """Return a coin's chance of heads from the sets that it tossed."""
    return float(fit(Binomial, Sample(HEADS[tossed], 10), 1).mixture.theta.prob[0])


def five_heads(prob: float) -> float:
    """Return the probability of five heads in ten flips of a coin."""
    coin = Mixture(np.ones(1), Binomial(np.array([prob])))
    return float(fit(Binomial, FLIPS, 1, start=coin, max_steps=0).density([5], trials=10)[0])


@cache
def stepped(steps: int, *, hard: bool = False) -> Fit[Mixture[Binomial]]:
    """Return EM with equal shares after a number of steps, as on a blackboard."""
    start = Mixture(HALVES, Binomial(np.array(HARD if hard else SOFT)))
    plain = partial(fit, equal_weights=True, accelerate=False, tolerance=0.0, max_steps=steps)
    return plain(Binomial, FLIPS, 2, start=start, hard=hard)


def prob(steps: int, coin: int, *, hard: bool = False) -> float:
    """Return a coin's chance of heads after a number of steps, in label order."""
    return float(stepped(steps, hard=hard).mixture.theta.prob[coin])


def given(heads: tuple[int, ...], coin: int) -> int:
    """Return how many of the sets with these heads hard EM gives to a coin."""
    return int((stepped(0, hard=True).assign(FLIPS)[np.isin(HEADS, heads)] == coin).sum())


def share(heads: int) -> float:
    """Return the share of a set that soft EM's first E-step gives to the paper's coin A."""
    return float(stepped(0).responsibilities(FLIPS)[heads == HEADS, 1].sum())


def expected(coin: int, seen: Array) -> float:
    """Return how many of the heads, or tails, seen the first E-step gives to a coin."""
    return float(stepped(0).responsibilities(FLIPS)[:, coin] @ seen)


@cache
def limit(*, equal: bool) -> Fit[Mixture[Binomial]]:
    """Return EM's limit, with equal shares or free ones."""
    return fit(Binomial, FLIPS, 2, equal_weights=equal, tolerance=1e-8)


@cache
def exact(*, equal: bool) -> Exact:
    """Return the posterior under uniform priors, integrated without error."""
    return two_coins(FLIPS, equal_weights=equal)


def one_coin() -> float:
    """Return the log evidence of a single coin: the likelihood has degree 50, 26 nodes do."""
    nodes, mass = np.polynomial.legendre.leggauss(26)
    coins = Mixture(np.ones((26, 1)), Binomial((nodes[:, None] + 1) / 2))
    return float(np.log(mass / 2 @ np.exp(log_likelihood(Binomial, FLIPS, coins))))


class Sampled(NamedTuple):
    """What the draws say of both coins, each (2,), and the Monte Carlo errors of that."""

    mean: Array
    sd: Array
    mean_error: Array
    sd_error: Array


@cache
def sampled() -> Sampled:
    """Return the posterior as PyMC's model and nutpie draw it.

    >>> away = np.abs(sampled().mean - exact(equal=True).mean[:2])
    >>> bool((away < 6 * sampled().mean_error).all())
    True
    """
    import arviz as az

    import bayes

    ask = partial(bayes.sample, equal_weights=True, draws=4_000, seed=1, progress=False)
    draws = ask(Binomial, FLIPS, 2)["posterior"]["prob"]
    each = ("chain", "draw")
    errors = [az.mcse(draws, method=method).to_numpy() for method in ("mean", "sd")]
    return Sampled(draws.mean(each).to_numpy(), draws.std(each).to_numpy(), *errors)


def integrated(what: str, printed: str, ours: Callable[[], float], true: str) -> Number:
    """Return a moment that was printed wrongly."""
    return Number(what, printed, ours, erratum=Erratum(true, WRONG))


def drawn(what: str, printed: str, coin: int, at: int) -> Number:
    """Return a moment of the draws; at: among those of Sampled, where its error is two on.

    printed: the exact one, as what was printed is wrong.
    """
    return Number(
        f"{what}, sampled, beside the exact one",
        printed,
        lambda: float(sampled()[at][coin]),
        lambda: K_SIGMA * float(sampled()[at + 2][coin]),
    )


def people(share: Array) -> tuple[float, float, float, float]:
    """Return both people's parts in a sum of heights, how many they are, and their mean.

    The M-step of a Gaussian, from such shares (2,) of two people.
    """
    emission, moments = GaussianEmission(Gaussian), np.empty((2, 2))
    emission.statistics(PEOPLE, None, moments)
    sums = np.array([share.sum(), share.sum(), *(moments @ share)])
    mean = emission.maximize(sums[None]).mean[0]
    first, second = moments[0] * share
    return float(first), float(second), float(sums[0]), float(mean)


def person(share: Array, at: int) -> float:
    """Return one of the numbers of `people`."""
    return people(share)[at]


LABELS = Case(
    "Five sets of ten flips: labels known, then hard EM (this A is the paper's B)",
    PAPER,
    (
        Number("A, labels known", "9/20", partial(known, BY_A)),
        Number("A, printed", "0.45", partial(known, BY_A)),
        Number("B, labels known", "24/30", partial(known, ~BY_A)),
        Number("B, printed", "0.80", partial(known, ~BY_A)),
        Number("P(5 heads), p = 0.5", "0.24609375", partial(five_heads, 0.5)),
        Number("P(5 heads), p = 0.9", "0.0014880348", partial(five_heads, 0.9)),
        Number("of 5, 7, 4 go to A", "3", partial(given, (5, 7, 4), 0)),
        Number("of 8, 9 go to B", "2", partial(given, (8, 9), 1)),
        Number("A after 1 step", "16/30", partial(prob, 1, 0, hard=True)),
        Number("B after 1 step", "17/20", partial(prob, 1, 1, hard=True)),
        Number("A stays, 10 steps", "16/30", partial(prob, 10, 0, hard=True)),
        Number("B stays, 10 steps", "17/20", partial(prob, 10, 1, hard=True)),
    ),
)
SHARES = Case(
    "Five sets of ten flips: soft EM's first step, as drawn in the paper",
    PAPER,
    (
        *(
            Number(f"A's share of {heads} heads", printed, partial(share, heads))
            for heads, printed in ((5, "0.45"), (9, "0.80"), (8, "0.73"), (4, "0.35"), (7, "0.65"))
        ),
        Number("heads of A", "21.3", partial(expected, 1, HEADS)),
        Number("tails of A", "8.6", partial(expected, 1, 10 - HEADS)),
        Number("heads of B", "11.7", partial(expected, 0, HEADS)),
        Number("tails of B", "8.4", partial(expected, 0, 10 - HEADS)),
        Number("A after 1 step", "0.71", partial(prob, 1, 1)),
        Number("B after 1 step", "0.58", partial(prob, 1, 0)),
    ),
)
EQUAL = Case(
    "Five sets of ten flips: soft EM from 0.60 and 0.50, equal weights",
    f"{PAPER}; more digits recomputed with tight tolerance",
    (
        Number("A after 1 step", "0.713012", partial(prob, 1, 1)),
        Number("B after 1 step", "0.581339", partial(prob, 1, 0)),
        Number("A after 10 steps", "0.796744", partial(prob, 10, 1)),
        Number("B after 10 steps", "0.519659", partial(prob, 10, 0)),
        Number("A, printed", "0.80", partial(prob, 10, 1)),
        Number("B, printed", "0.52", partial(prob, 10, 0)),
        Number("A, limit", "0.796789", lambda: limit(equal=True).mixture.theta.prob[1]),
        Number("B, limit", "0.519583", lambda: limit(equal=True).mixture.theta.prob[0]),
        Number("log-likelihood", "-9.796924", lambda: limit(equal=True).log_likelihood),
        Number("error of A", "0.1015", lambda: limit(equal=True).standard_errors.theta.prob[1]),
        Number("error of B", "0.1308", lambda: limit(equal=True).standard_errors.theta.prob[0]),
    ),
)
FREE = Case(
    "Five sets of ten flips: soft EM, free weights",
    AGAIN,
    (
        Number("weight of A", "0.522751", lambda: limit(equal=False).mixture.weight[1]),
        Number("A, limit", "0.793368", lambda: limit(equal=False).mixture.theta.prob[1]),
        Number("B, limit", "0.513917", lambda: limit(equal=False).mixture.theta.prob[0]),
        Number("log-likelihood", "-9.795419", lambda: limit(equal=False).log_likelihood),
    ),
)
POSTERIOR = Case(
    "Five sets of ten flips: the posterior under uniform priors",
    AGAIN,
    (
        integrated("low coin, mean", "0.50448", lambda: exact(equal=True).mean[0], "0.504602"),
        integrated("high coin, mean", "0.77019", lambda: exact(equal=True).mean[1], "0.770091"),
        integrated("low coin, sd", "0.12272", lambda: exact(equal=True).sd[0], "0.122758"),
        integrated("high coin, sd", "0.09000", lambda: exact(equal=True).sd[1], "0.090044"),
        drawn("low, mean", "0.504602", 0, 0),
        drawn("high, mean", "0.770091", 1, 0),
        drawn("low, sd", "0.122758", 0, 1),
        drawn("high, sd", "0.090044", 1, 1),
        Number(
            "evidence, equal",
            "-11.678304",
            lambda: exact(equal=True).log_evidence,
            erratum=Erratum("-11.678305", CUT),
        ),
        Number("evidence, free", "-11.822026", lambda: exact(equal=False).log_evidence),
        Number("evidence, one coin", "-12.076776", one_coin),
    ),
)
LECTURE = Case(
    "Two people of 1.90 m (0.9 of a man) and 1.55 m (0.2 of one)",
    "the lecture's example of soft counts, recomputed",
    (
        Number("men, from the first", "1.71", partial(person, MEN, 0)),
        Number("men, from the second", "0.31", partial(person, MEN, 1)),
        Number("men, number", "1.1", partial(person, MEN, 2)),
        Number("men, mean", "1.83636", partial(person, MEN, 3)),
        Number("women, from the first", "0.19", partial(person, 1 - MEN, 0)),
        Number("women, from the second", "1.24", partial(person, 1 - MEN, 1)),
        Number("women, number", "0.9", partial(person, 1 - MEN, 2)),
        Number("women, mean", "1.58889", partial(person, 1 - MEN, 3)),
    ),
)
CASES = (LABELS, SHARES, EQUAL, FREE, POSTERIOR, LECTURE)
