"""False alarms are as rare as comparisons/trust/README.md says; a planted fault would not be."""

from __future__ import annotations

from functools import partial

import numpy as np
import pytest
from scipy import stats

import em
from comparisons.comparison import compare
from comparisons.finding import DOUBT
from comparisons.replicates import run
from comparisons.trust import alarms
from comparisons.trust.alarms import GRID, Regular, Weak, problem_of, regular, weak
from comparisons.trust.judged import judgement
from models import Categorical, Gaussian
from models.names import identified_alone

# Problems are judged in this process: each new one would load PyMC and its machine code again.
# That chains have not mixed is no error there either; what NumPy warns of is one, as everywhere.
pytestmark = pytest.mark.filterwarnings("default", "error::RuntimeWarning")
BROKEN = 1e-6  # chance at which a promise counts as broken
REGULAR = {
    "binomial": 12,
    "gamma": 10,
    "gaussian": 10,
    "lognormal": 10,
    "multivariate": 6,
    "negative-binomial": 10,
    "poisson": 12,
}
HEAVY = "student-t"  # how heavy tails are is hardly known from 1,000 rows of groups that overlap


def counted(records, verdict):
    return sum(one["verdict"] == verdict for one in records)


def filed(record, number):
    """Return a record as `run` files it."""
    return {**record, "replicate": number, "seconds": 1.0}


@pytest.mark.slow
@pytest.mark.parametrize("family", [one for one in identified_alone() if one != HEAVY])
def test_regular_problems_agree_and_hardly_ever_disagree(family):
    n = REGULAR[family]
    records = run(partial(regular, Regular(family)), n, jobs=1)
    assert counted(records, "disagree") <= stats.binom.isf(BROKEN, n, 0.005)
    assert counted(records, "agree") >= stats.binom.ppf(BROKEN, n, 0.95)
    told = alarms.told_regular({family: records})
    assert f"{family}, K = 3, 2.5 to 3 sd" in told.value.verdicts


@pytest.mark.slow
def test_tails_whose_weight_is_not_known_are_said_to_be_so():
    """Three of ten agree; the others doubt standard errors, and none disagrees."""
    records = run(partial(regular, Regular(HEAVY)), 10, jobs=1)
    assert counted(records, "disagree") <= stats.binom.isf(BROKEN, len(records), 0.005)
    assert 0 < counted(records, "agree") < len(records)
    for one in records:
        severity, _ = one["findings"]["other_spread"]
        assert (one["verdict"] == "inconclusive") == (severity == DOUBT)


@pytest.mark.parametrize("number", [36, 43, 105])
def test_estimates_of_labels_beside_edges_have_errors(number):
    """They were called saddles, or no maximum as the likelihood rises by 1e-4 off a flat edge."""
    drawn = problem_of(Regular("categorical", structure="admixture"), number)
    k = len(drawn.truth.theta.prob)
    found = em.fit(Categorical, drawn.data, k, seed=drawn.seed)
    assert f"flat in {k * (k - 1)} directions" in found.reason
    assert np.isfinite(found.told).all()


def stopped(design, number):
    """A regular problem whose estimate lies two standard errors off."""
    drawn = problem_of(design, number)
    opinion = alarms.opinion_on(drawn)
    at = opinion.tree["em"]
    mean = at["mean"].to_numpy() + 2 * at["mean_se"].to_numpy()
    moved = drawn.truth._replace(
        weight=at["weight"].to_numpy(), theta=Gaussian(mean, at["sd"].to_numpy())
    )
    return judgement(compare(moved, opinion.tree))


@pytest.mark.slow
def test_a_regular_problem_agrees_and_with_a_fault_it_does_not():
    """The two of a kind that the slow tests count by the dozen."""
    design, number = Regular("gaussian"), 1
    record = filed(regular(design, number), number)
    assert record["verdict"] == "agree"
    assert (record["k"], record["observations"] >= 500, record["nearest"] >= 2.5) == (3, True, True)
    told = alarms.told_regular({"gaussian": [record]})
    assert told.value.verdicts["gaussian"]["agree"].seen == 1
    assert stopped(design, number)["verdict"] != "agree"


@pytest.mark.slow
def test_a_fault_in_every_data_set_breaks_the_bounds():
    n = 6
    records = run(partial(stopped, Regular("gaussian")), n, jobs=1)
    assert counted(records, "disagree") > stats.binom.isf(BROKEN, n, 0.005)
    assert counted(records, "agree") < stats.binom.ppf(BROKEN, n, 0.95)


def test_one_of_each_cell_that_cannot_tell_is_shown():
    record = filed(weak(Weak(), 0), 0)
    assert record["verdict"] == "inconclusive"
    assert (record["separation"], record["observations"]) == GRID[0]
    told = alarms.told_weak([record] * len(GRID))
    assert len(told.value.cells) == len(GRID)
    assert all(cell.inconclusive.seen == 1 for cell in told.value.cells)
    assert len(told.figures["verdicts"]().axes) == 1


@pytest.mark.slow
def test_data_that_cannot_tell_are_no_proof_of_a_fault():
    n = len(GRID)
    records = run(partial(weak, Weak()), n, jobs=1)
    assert counted(records, "disagree") <= stats.binom.isf(BROKEN, n, 0.01)
    assert counted(records, "inconclusive") > n / 2
    told = alarms.told_weak(records)
    assert len(told.value.cells) == n
    figure = told.figures["verdicts"]()
    assert len(figure.axes) == 1


@pytest.mark.parametrize("family", identified_alone())
def test_regular_problems_are_what_they_say(family):
    for number in range(40):
        drawn = problem_of(Regular(family, seed=9), number)
        k = len(drawn.truth.weight)
        assert k == (2, 3)[number % 2]
        assert 500 <= drawn.data.sample.observations <= 1_000
        assert drawn.truth.weight.min() >= 0.15
        assert distances(drawn.truth.theta).min() > 2.5 - 1e-9


def of_tables(theta):
    away = np.diff(theta.mean, axis=0)
    each = [
        [gap @ np.linalg.solve(cov, gap) for cov in theta.cov[at : at + 2]]
        for at, gap in enumerate(away)
    ]
    return np.sqrt(np.min(each, axis=1))


DISTANCES = {
    "Binomial": lambda theta: np.diff(2 * np.sqrt(alarms.FLIPS) * np.arcsin(np.sqrt(theta.prob))),
    "Gamma": lambda theta: (
        np.diff(np.log(theta.mean)) * np.sqrt(np.minimum(theta.shape[1:], theta.shape[:-1]))
    ),
    "Gaussian": lambda theta: np.diff(theta.mean) / np.maximum(theta.sd[1:], theta.sd[:-1]),
    "LogNormal": lambda theta: (
        np.diff(np.log(theta.median)) / np.maximum(theta.spread[1:], theta.spread[:-1])
    ),
    "NegativeBinomial": lambda theta: np.diff(
        2 * np.sqrt(theta.size) * np.arcsinh(np.sqrt(theta.mean / theta.size))
    ),
    "Poisson": lambda theta: np.diff(2 * np.sqrt(theta.rate)),
    "StudentT": lambda theta: (
        np.diff(theta.mean)
        / np.maximum(theta.sd[1:], theta.sd[:-1])
        / np.sqrt(theta.df[1:] / (theta.df[1:] - 2))
    ),
}


def distances(theta):
    """Return how many sds neighbours lie apart."""
    return DISTANCES.get(type(theta).__name__, of_tables)(theta)
