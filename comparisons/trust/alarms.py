"""How often the verdict is wrong when nothing is: regular problems, and weak data.

Both codes are right, so that `disagree` is a false alarm. In regular problems, groups well apart
and enough observations of each, `agree` is the right answer. Where groups overlap and data are few,
`inconclusive` is right.
"""

from __future__ import annotations

from functools import partial
from itertools import pairwise, product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from msgspec import Struct

from comparisons.comparison import Comparison, second_opinion
from comparisons.finding import DOUBT, FAULT, Severity
from comparisons.pages.steps import Steps
from comparisons.pictures.style import several
from comparisons.thresholds import FORMAT
from comparisons.trust.cases import MEASURES
from comparisons.trust.drawings import weak_verdicts
from comparisons.trust.judged import RegularProblem, Replicate, judgement, read
from comparisons.trust.layouts import CATEGORIES, filled, laid
from comparisons.trust.summary import Frequency, findings_of, verdicts_of
from comparisons.trust.tables import findings_table, verdict_table
from models import (
    Binomial,
    Categorical,
    Gamma,
    Gaussian,
    LogNormal,
    Mixture,
    MultivariateGaussian,
    NegativeBinomial,
    Poisson,
    StudentT,
)
from models.family import first
from models.hidden_markov import stationary
from models.names import family_named
from models.structure import structure_for, with_shares

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from matplotlib.figure import Figure

    from comparisons.pages.steps import Cells
    from comparisons.replicates import Record
    from models.arrays import Array
    from models.family import Theta
    from models.structure import Structure, Units

__all__ = [
    "GRID",
    "GROUPS",
    "NUMBERED",
    "Regular",
    "Told",
    "Weak",
    "drawn_shares",
    "opinion_on",
    "problem_of",
    "regular",
    "told_regular",
    "told_weak",
    "weak",
    "weak_problem",
]

NEAREST, FARTHEST = 2.5, 4.0  # sds between neighbours
FEWEST, MOST = 500, 1_000  # observations, spread evenly in their logarithm
GRAIN = 0.1  # sds to which one column's measurements are rounded, as people do
SMALLEST = 0.15  # share of a group
WIDTH = 0.4  # of logarithms of skewed measurements, about
WIDER = 1.5  # ratio of widths of two groups, at most
TAILS = 5.0  # degrees of freedom of measurements with outliers
SIZE = 5.0  # of counts that spread more than Poisson's
FLIPS = 20  # of a set of coins: with fewer, three groups cannot lie that far apart
STAYS = (0.8, 0.95)  # between which the probability to stay in a state lies
COMPONENTS = (2, 3)  # in turn
EDGES = (NEAREST, 3.0, FARTHEST)  # of classes of separations
MORE = {("admixture", "labels"): 6}
"""Times as many observations, by the structure and what a family takes. Labels in I groups identify
the shares only up to the length L that fitted values span. Uniform shares give that length a prior
density of about L^-(I - 2), which moves the outermost groups inwards by about
(I - 2) / L sqrt(p q / n) posterior sds: 2 to 2.6 with 20 groups of 35 rows, 0.3 with 10 of 450."""
GRID = tuple(
    (separation, n) for separation in (0.0, 0.5, 1.0, 1.5, 2.0) for n in (50, 100, 200, 500, 1_000)
)


class Regular(NamedTuple):
    """Regular problems of a family, K = 2 and 3 in turn.

    family, structure: as on the command line.

    >>> len(problem_of(Regular("gaussian", seed=1), 0).truth.theta.mean)
    2
    """

    family: str
    seed: int = 0
    structure: str = "mixture"


class Weak(NamedTuple):
    """Two Gaussians of equal size and width, nearer to each other than 2 sd: the cells in turn.

    >>> weak_problem(Weak(seed=1), 24).nearest
    2.0
    """

    seed: int = 0


class Problem(NamedTuple):
    """What was drawn.

    nearest: how many sds the nearest neighbours lie apart.
    seed: of EM and sampler.
    """

    truth: Structure
    data: Units
    nearest: float
    seed: int


def regular(design: Regular, number: int) -> Record:
    """Return the verdict on a regular problem, and every measure.

    >>> record = regular(Regular("poisson"), 0)
    >>> record["k"], record["verdict"]
    (2, 'agree')
    """
    drawn = problem_of(design, number)
    found = judgement(opinion_on(drawn))
    k, n = len(first(drawn.truth.theta)), drawn.data.sample.observations
    return {"k": k, "observations": n, "nearest": drawn.nearest, **found}


def weak(design: Weak, number: int) -> Record:
    """Return the verdict on a cell of the grid, and every measure."""
    separation, n = GRID[number % len(GRID)]
    found = judgement(opinion_on(weak_problem(design, number)))
    return {"separation": separation, "observations": n, **found}


def opinion_on(drawn: Problem) -> Comparison:
    """Ask for a second opinion as a user would, with nothing set.

    >>> drawn = Problem(fit.estimate, fit.question.data, nearest=3.0, seed=1)
    >>> opinion_on(drawn).observations
    100
    """
    return second_opinion(
        type(drawn.truth.theta),
        drawn.data,
        len(first(drawn.truth.theta)),
        seed=drawn.seed,
        truth=drawn.truth,
        progress=False,
    )


def drawn_shares(k: int, rng: np.random.Generator) -> Array:
    """Draw shares of k groups, none of which is very small.

    >>> drawn_shares(3, np.random.default_rng(1)).min() >= SMALLEST
    np.True_
    """
    weight = rng.dirichlet(np.full(k, 5.0))
    while weight.min() < SMALLEST:
        weight = rng.dirichlet(np.full(k, 5.0))
    return weight


def problem_of(design: Regular, number: int) -> Problem:
    """Draw a regular problem: its size, its groups, then the observations.

    Neighbours lie 2.5 to 4 sds apart: of the wider of the two for Gaussians, and of coins and
    counts on the scale on which the sd is 1, 2 sqrt(flips) arcsin sqrt(prob) and 2 sqrt(rate)
    (Anscombe 1948).

    >>> len(problem_of(Regular("poisson"), 1).truth.theta.rate)
    3
    """
    rng = np.random.default_rng([design.seed, number, 1])
    k = COMPONENTS[number % len(COMPONENTS)]
    n = round(float(np.exp(rng.uniform(np.log(FEWEST), np.log(MOST)))))
    family = family_named(design.family)
    n *= MORE.get((design.structure, family.takes()), 1)
    data = laid(design.structure, family, n, flips=FLIPS)
    shares = SHARES[design.structure](k, data, rng)
    gaps = rng.uniform(NEAREST, FARTHEST, k - 1)
    truth = with_shares(structure_for(data), shares, GROUPS[family](gaps, rng))
    found = filled(truth, data, rng, _grain(truth.theta))
    return Problem(truth, found, float(gaps.min()), int(rng.integers(1 << 31)))


def _grain(theta: Theta) -> float | None:
    """Return to what one column's measurements are rounded, a tenth of the least sd."""
    return GRAIN * float(theta.sd.min()) if isinstance(theta, Gaussian) else None


def _stays(k: int, data: Units, rng: np.random.Generator) -> dict[str, Array]:
    """Draw a chain whose states stay for 5 to 20 rows on average, none of them rare."""
    while True:
        stay = rng.uniform(*STAYS, k)
        leave = rng.dirichlet(np.ones(k - 1), k)
        moves = np.diag(stay)
        moves[~np.eye(k, dtype=bool)] = ((1 - stay)[:, None] * leave).ravel()
        initial = stationary(moves)
        if initial.min() >= SMALLEST:
            return {"initial": initial, "transition": moves}


def _spread(k: int, data: Units, rng: np.random.Generator) -> dict[str, Array]:
    """Draw shares of each group, uniform among those of which none is very small."""
    shares = rng.dirichlet(np.ones(k), data.sizes["group"])
    return {"weight": SMALLEST + (1 - k * SMALLEST) * shares}


SHARES: Mapping[str, Callable[[int, Units, np.random.Generator], dict[str, Array]]] = {
    "mixture": lambda k, _, rng: {"weight": drawn_shares(k, rng)},
    "hidden-markov": _stays,
    "admixture": _spread,
}
"""By the name of the structure on the command line."""


def _words(gaps: Array, rng: np.random.Generator) -> Categorical:
    """Labels: a component has a word of its own beside those of all, in shares 1 - q and q.

    Two Gaussians d sds apart have an affinity, the integral of sqrt(p q), of exp(-d^2 / 8); here it
    is q.
    """
    k = len(gaps) + 1
    common = np.exp(-(gaps.min() ** 2) / 8)
    others = common * rng.dirichlet(np.full(len(CATEGORIES) - k, 5.0))
    return Categorical(np.hstack([(1 - common) * np.eye(k), np.tile(others, (k, 1))]))


def _coins(gaps: Array, rng: np.random.Generator) -> Binomial:
    """Gaps for which there is no room between 0 and 1 are drawn anew, in place."""
    room = np.pi * np.sqrt(FLIPS)
    while gaps.sum() > room - 2:  # a sd from either edge
        gaps[:] = rng.uniform(NEAREST, FARTHEST, len(gaps))
    first = rng.uniform(1, room - 1 - gaps.sum())
    angle = (first + np.concatenate([[0], np.cumsum(gaps)])) / (2 * np.sqrt(FLIPS))
    return Binomial(np.sin(angle) ** 2)


def _counts(gaps: Array, rng: np.random.Generator) -> Poisson:
    root = rng.uniform(2, 6) + np.concatenate([[0], np.cumsum(gaps)])  # the least rate from 1 to 9
    return Poisson((root / 2) ** 2)


def _measurements(gaps: Array, rng: np.random.Generator) -> Gaussian:
    sd = WIDER ** rng.uniform(-0.5, 0.5, len(gaps) + 1)
    steps = gaps * np.maximum(sd[1:], sd[:-1])
    return Gaussian(np.concatenate([[0], np.cumsum(steps)]), sd)


def _outlying(gaps: Array, rng: np.random.Generator) -> StudentT:
    """Measurements with outliers, whose sd is sqrt(df / (df - 2)) times their width."""
    mean, sd = _measurements(gaps, rng)
    return StudentT(mean, sd * np.sqrt((TAILS - 2) / TAILS), np.full(len(mean), TAILS))


def _skewed(gaps: Array, rng: np.random.Generator) -> LogNormal:
    of_log = _measurements(gaps, rng)
    return LogNormal(np.exp(WIDTH * of_log.mean), WIDTH * of_log.sd)


def _visits(gaps: Array, rng: np.random.Generator) -> NegativeBinomial:
    """Counts that spread more than Poisson's: 2 sqrt(s) asinh sqrt(mean / s) has an sd of 1."""
    size = np.full(len(gaps) + 1, SIZE)
    first = 2 * np.sqrt(SIZE) * np.arcsinh(np.sqrt(rng.uniform(2, 4) / SIZE))
    place = np.cumsum(np.insert(gaps, 0, first))
    return NegativeBinomial(SIZE * np.sinh(place / (2 * np.sqrt(SIZE))) ** 2, size)


def _waits(gaps: Array, rng: np.random.Generator) -> Gamma:
    of_log = _measurements(gaps, rng)  # at these shapes 1 / sqrt(shape) is nearly the sd of log x
    return Gamma(np.exp(WIDTH * of_log.mean), (WIDTH * of_log.sd) ** -2.0)


def _tables(gaps: Array, rng: np.random.Generator) -> MultivariateGaussian:
    """Two columns; the sd between neighbours is the wider one's in their direction."""
    k = len(gaps) + 1
    sd = WIDER ** rng.uniform(-0.5, 0.5, (k, 2))
    across = rng.uniform(-0.7, 0.7, k)
    cov = sd[:, :, None] * sd[:, None, :]
    cov[:, 0, 1] *= across
    cov[:, 1, 0] *= across
    turn = rng.uniform(0, 2 * np.pi) + np.concatenate([[0], rng.uniform(-1, 1, max(k - 2, 0))])
    mean = [np.zeros(2)]
    for at, gap in enumerate(gaps):
        way = np.array([np.cos(turn[at]), np.sin(turn[at])])
        inverse = [way @ np.linalg.solve(one, way) for one in cov[at : at + 2]]
        mean.append(mean[-1] + gap * way / np.sqrt(min(inverse)))
    return MultivariateGaussian(np.array(mean), cov)


GROUPS: Mapping[type[Theta], Callable[[Array, np.random.Generator], Theta]] = {
    Binomial: _coins,
    Categorical: _words,
    Gamma: _waits,
    Gaussian: _measurements,
    LogNormal: _skewed,
    MultivariateGaussian: _tables,
    NegativeBinomial: _visits,
    Poisson: _counts,
    StudentT: _outlying,
}


NUMBERED: tuple[type[Theta], ...] = (Binomial, Gaussian, MultivariateGaussian, Poisson)
"""Families that replicates take in turn: another one would give each of them another number."""


def weak_problem(design: Weak, number: int) -> Problem:
    """Draw a cell's problem.

    >>> weak_problem(Weak(), 0).data.sample.observations
    50
    """
    separation, n = GRID[number % len(GRID)]
    rng = np.random.default_rng([design.seed, number, 2])
    theta = Gaussian(np.array([0.0, separation]), np.ones(2))
    truth = Mixture(np.full(2, 0.5), theta)
    data = filled(truth, laid("mixture", Gaussian, n), rng, _grain(theta))
    return Problem(truth, data, separation, int(rng.integers(1 << 31)))


def measures_table(records: Mapping[str, Sequence[Replicate]]) -> Steps:
    """Return median, 95th percentile and largest value of each measure, a row for each kind."""
    rows: list[Cells] = []
    for code in MEASURES:
        cells = []
        for each in records.values():
            found = [one.findings[code][1] for one in each if code in one.findings]
            values = [abs(value) for value in found if value is not None]
            spread = np.quantile(values, [0.5, 0.95, 1.0]) if values else ()
            cells.append(" ".join(f"{q:.2g}" for q in spread))
        rows.append([code, *cells])
    columns = {"measure": "", **dict.fromkeys(records, "")}
    return Steps("Measures: median, 95th percentile and largest value", columns, rows)


class RegularAlarms(Struct):
    """What is written of regular problems, by kind and by family."""

    format: int
    verdicts: dict[str, dict[str, Frequency]]
    findings: dict[str, dict[str, dict[Severity, int]]]


class Cell(Struct):
    """What is written of a cell of the grid."""

    separation: float
    observations: int
    agree: Frequency
    inconclusive: Frequency
    disagree: Frequency


class WeakAlarms(Struct):
    """What is written of weak data."""

    format: int
    cells: list[Cell]
    findings: dict[str, dict[Severity, int]]


class Told(NamedTuple):
    """What to show of a run: tables, a sentence, the JSON object, and pictures by name.

    >>> told_weak([]).figures.keys()
    dict_keys(['verdicts'])
    """

    tables: tuple[Steps, ...]
    sentence: str
    value: RegularAlarms | WeakAlarms
    figures: Mapping[str, Callable[[], Figure]]


def told_regular(records: dict[str, list[Record]]) -> Told:
    """Return what regular problems show, by family, number of groups and their distance.

    >>> record = {"replicate": 0, "seconds": 1.5, "verdict": "agree", "k": 2, "nearest": 2.7}
    >>> told_regular({"poisson": [record]}).sentence
    'Verdicts on problem-free data: poisson 0.0% disagree, 100.0% agree.'
    """
    typed = {family: read(each, RegularProblem) for family, each in records.items()}
    kinds: dict[str, list[RegularProblem]] = {}
    for family, each in typed.items():
        for k, (least, most) in product(COMPONENTS, pairwise(EDGES)):
            kinds[f"{family}, K = {k}, {least:g} to {most:g} sd"] = [
                one for one in each if one.k == k and least <= one.nearest < most
            ]
    verdicts = {kind: verdicts_of(each) for kind, each in kinds.items()}
    every = {family: verdicts_of(each) for family, each in typed.items()}
    causes = {family: _causes(each) for family, each in typed.items()}
    tables = (
        verdict_table(verdicts, "regular problems"),
        measures_table(typed),
        *(
            findings_table(found)._replace(title=f"{family}: findings that prevented agree")
            for family, found in causes.items()
            if found
        ),
    )
    said = "; ".join(
        f"{family} {one['disagree'].seen / one['disagree'].of:.1%} disagree, "
        f"{one['agree'].seen / one['agree'].of:.1%} agree"
        for family, one in every.items()
    )
    value = RegularAlarms(FORMAT, {**every, **verdicts}, causes)
    return Told(tables, f"Verdicts on problem-free data: {said}.", value, {})


def _causes(records: Sequence[Replicate]) -> dict[str, dict[Severity, int]]:
    """Return how often each finding stood in the way of agreement."""
    found = findings_of(one for one in records if one.verdict != "agree")
    return {code: one for code, one in found.items() if one[FAULT] + one[DOUBT]}


def told_weak(records: list[Record]) -> Told:
    """Return what weak data show, cell by cell.

    >>> record = {"replicate": 0, "seconds": 1.5, "verdict": "inconclusive"}
    >>> told_weak([record] * len(GRID)).sentence
    'Of 25 data sets whose groups overlap, 0 are said to disagree.'
    """
    typed = read(records, Replicate)
    cells = {cell: typed[at :: len(GRID)] for at, cell in enumerate(GRID)}
    verdicts = {cell: verdicts_of(each) for cell, each in cells.items()}
    named = {f"{sep:g} sd, n = {n:,}": found for (sep, n), found in verdicts.items()}
    worst = max(verdicts, key=lambda cell: verdicts[cell]["disagree"].seen)
    of = verdicts[worst]["disagree"]
    every = verdicts_of(typed)["disagree"]
    said = f"Of {every.of:,} data sets whose groups overlap, {every.seen:,} are said to disagree"
    if every.seen:
        said += f", at most {of.seen / of.of:.1%} in a cell ({worst[0]:g} sd, n = {worst[1]:,})"
    said += "."
    causes = _causes(typed)
    each = [Cell(*cell, *found.values()) for cell, found in verdicts.items()]
    value = WeakAlarms(FORMAT, each, causes)
    figures = {
        "verdicts": partial(
            weak_verdicts,
            verdicts,
            f"Two groups that overlap, {several(of.of, 'data set', 'data sets')} a cell",
            said,
        )
    }
    return Told((verdict_table(named, "cell"), findings_table(causes)), said, value, figures)
