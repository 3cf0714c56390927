"""A second opinion on some of the observations, against which EM of all is held."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import stats

import comparisons
import em
from comparisons.capacity import CARRIED, refuse_many
from comparisons.comparison import opinion_of
from comparisons.pages.terminal import among
from comparisons.thresholds import OTHER_ROWS
from comparisons.verdict.subsample import Whole, same_rows
from models import (
    Binomial,
    Gaussian,
    Mixture,
    MultivariateGaussian,
    Poisson,
    Sample,
    StudentT,
    simulate,
)
from models.question import asked
from models.refusal import Refusal
from models.storage.disk import StreamWriter

TRUTH = Mixture(np.array([0.6, 0.4]), Gaussian(np.array([160.0, 180.0]), np.array([6.0, 7.0])))
ALL, SOME = 4_000, 2_000  # a half, so that the other half counts
REPEATS = 60
FEW = {"draws": 300, "tune": 300, "progress": False}


@cache
def people() -> Sample:
    return simulate(TRUTH, ALL, np.random.default_rng(941))[0]


@cache
def fitted() -> em.Fit:
    return em.fit(Gaussian, people(), 2)


def judged(seed: int, mixture: Mixture | None = None, total: int = ALL):
    some = em.subsample(Gaussian, people(), SOME, seed)
    whole = Whole(fitted().mixture if mixture is None else mixture, total)
    question = asked(Gaussian, some, 2)
    return same_rows(whole, question, em.fit(Gaussian, some, 2, starts=3))


def test_some_are_drawn_without_putting_back():
    some = em.subsample(Gaussian, people(), SOME, 1)
    assert some.observations == SOME
    assert some.each_once
    assert np.isin(some.x, people().x).all()
    counted = Sample([3.0, 5.0], counts=[700, 300])
    few = em.subsample(Gaussian, counted, 100, 2)
    assert few.observations == 100
    # a hypergeometric number of the first, within four of its sds
    sd = stats.hypergeom(1_000, 700, 100).std()
    assert abs(few.counts[0] - 70) < 4 * sd
    assert em.subsample(Gaussian, counted, 5_000, 3).observations == 1_000
    flips = em.subsample(Binomial, Sample([1, 2, 3], [5, 6, 7], [9, 9, 9]), 10, 4)
    assert flips.trials is not None
    assert set(flips.trials - flips.x) <= {4}


@pytest.mark.slow
def test_em_of_all_lies_where_some_leave_it():
    """The chance that is found is uniform, as half of all leaves it."""
    tails = np.array([judged(seed).value for seed in range(REPEATS)])
    assert stats.kstest(tails, "uniform").pvalue > 1e-4
    # negative controls: as if the share were next to nothing, or of an estimate that is elsewhere
    small = np.array([judged(seed, total=10**9).value for seed in range(REPEATS)])
    assert stats.kstest(small, "uniform").pvalue < 1e-4
    elsewhere = fitted().mixture._replace(weight=np.array([0.5, 0.5]))
    wrong = np.array([judged(seed, elsewhere).value for seed in range(REPEATS)])
    assert stats.kstest(wrong, "uniform").pvalue < 1e-6
    finding = judged(0, elsewhere)  # from which EM leads to the same top
    assert finding.severity == "note"
    assert finding.value < OTHER_ROWS
    assert "does not fit them well" in finding.message


def test_another_optimum_is_a_doubt_on_either_side():
    lost = Mixture(np.array([0.5, 0.5]), Gaussian(np.array([168.0, 168.0]), np.array([12.0, 12.0])))
    finding = judged(0, lost)
    assert finding.severity == "doubt"
    assert "climbs to a lower one" in finding.message
    assert "more starts" in finding.remedy
    some = em.subsample(Gaussian, people(), SOME, 0)
    stuck = em.fit(Gaussian, some, 2, start=lost, max_steps=1)
    finding = same_rows(Whole(fitted().mixture, ALL), asked(Gaussian, some, 2), stuck)
    assert finding.severity == "doubt"
    assert "climbs to a higher one" in finding.message


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # the runs are short
def test_an_opinion_on_some_says_so():
    table = np.column_stack([people().x, np.random.default_rng(942).normal(0, 3, ALL)])
    found = comparisons.second_opinion(
        MultivariateGaussian, Sample(table), 2, some=SOME, seed=5, **FEW
    )
    (finding,) = [one for one in found.findings if one.code == "other_rows"]
    assert finding.severity == "ok"
    assert "by a factor of 1.41" in finding.message
    assert found.tree.attrs["observations"] == SOME
    assert among(found) == " (of 4,000, drawn at random)"
    # negative control: an opinion on all has no such finding
    alone = comparisons.second_opinion(
        Gaussian, em.subsample(Gaussian, people(), 300, 6), 2, seed=5, **FEW
    )
    assert not [one for one in alone.findings if one.code == "other_rows"]
    assert among(alone) == ""


def test_more_than_chains_can_carry_is_refused():
    n = CARRIED // 2 + 1
    table = Sample(np.column_stack([np.arange(n), np.arange(n)]).astype(float))
    with pytest.raises(ValueError, match=r"more than chains carry in an hour.*--some 20000"):
        refuse_many(asked(MultivariateGaussian, table, 2))
    refuse_many(asked(MultivariateGaussian, table, 1))


def test_some_rows_of_many_on_disk_do_without_em_of_all_where_it_needs_them_in_memory(
    rng, monkeypatch
):
    """What the refusal says to do has to work."""
    writer = StreamWriter(1, table=False, counted=False)
    writer.add(rng(31).standard_t(4, (2_000, 1)), None)
    question = asked(StudentT, writer.done(), 1)
    monkeypatch.setattr("comparisons.capacity.CARRIED", 1_000)
    with pytest.raises(Refusal, match=r"--some 20000 \(some=20000\)$"):
        opinion_of(question)
    poisson = asked(Poisson, Sample(range(1_100)), 1)
    with pytest.raises(Refusal, match=r"or for --only em"):  # negative control
        opinion_of(poisson)

    def drawn(question, **_):
        raise Refusal(f"chains begin with {question.sample.observations}")

    monkeypatch.setattr("bayes.sampled", drawn)
    with pytest.raises(Refusal, match="chains begin with 500"):
        opinion_of(question, some=500)
