"""Bins that stand for measurements move no posterior mean by more than a hundredth of its sd."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

import arviz as az
import numpy as np
import pytest

import bayes
import comparisons
import em
from bayes.posterior.tree import posterior_of
from comparisons.binned import posterior as binning
from comparisons.binned.posterior import binning_of, largest_shift, posterior_in_bins
from comparisons.pages.json import Bins, of_comparison
from comparisons.thresholds import SHIFT
from models import Gaussian, Mixture, Sample, simulate
from models.sample import Part
from models.structure import drawn_at, parameters, picked

if TYPE_CHECKING:
    import xarray as xr

TRUTH = Mixture(np.array([0.45, 0.55]), Gaussian(np.array([163.0, 175.0]), np.array([6.0, 7.0])))


@cache
def people(n: int = 20_000) -> Sample:
    """Heights to the last digit, of two groups 2 sds apart."""
    return simulate(TRUTH, n, np.random.default_rng(1))[0]


@cache
def fitted() -> em.Fit:
    return em.fit(Gaussian, people(), 2)


def drawn(sample: Sample) -> xr.DataTree:
    return bayes.sample(Gaussian, sample, 2, draws="auto", seed=1, progress=False)


@cache
def tree() -> xr.DataTree:
    return posterior_in_bins(drawn, people(), fitted())


@cache
def opinion() -> comparisons.Comparison:
    return comparisons.second_opinion(Gaussian, people(200_000), 2, seed=1, progress=False)


def finding(comparison, code):
    (found,) = [one for one in comparison.findings if one.code == code]
    return found


def moved_means(weights):
    """By how many sds weights on the draws move each parameter's mean."""
    draws = posterior_of(tree()).draws
    shifts = []
    for row in parameters(drawn_at(draws, 0)):
        values = picked(draws, row)
        shifts.append((np.average(values, weights=weights) - values.mean()) / values.std())
    return np.abs(shifts)


def missed():
    """By how much the bins' log-likelihood misses that of all measurements, at every draw."""
    draws = posterior_of(tree()).draws
    due = em.log_likelihood(Gaussian, people(), draws)
    return em.log_likelihood(Gaussian, posterior_of(tree()).question.sample, draws) - due


def test_no_draw_loses_more_of_its_log_likelihood_than_the_bound():
    stand = binning_of(tree())
    assert stand.rows < 600
    assert stand.distinct == 20_000
    bounds = stand.loss_bound.total(posterior_of(tree()).draws)
    found = np.abs(missed())
    assert (found <= bounds).all()
    assert np.median(bounds / found) < 30
    # negative control
    assert (found > bounds / 30).any()


def test_the_measurements_themselves_put_no_mean_elsewhere():
    """Weighted by exp(l - l of the bins), draws of the bins are those of all measurements."""
    bounds = binning_of(tree()).loss_bound.total(posterior_of(tree()).draws)
    shift = largest_shift(bounds)
    assert moved_means(np.exp(-missed())).max() <= shift <= SHIFT
    # negative control: twenty times the measurements' weights would have moved them further
    direction = picked(posterior_of(tree()).draws, parameters(TRUTH)[2])
    away = (direction - direction.mean()) / direction.std()
    assert moved_means(np.exp(-0.02 * away)).max() > SHIFT


@pytest.mark.parametrize("scale", [0.001, 0.01, 0.1])
def test_a_shift_of_means_is_never_beyond_its_bound(rng, scale):
    """|e| <= B: the worst e for a mean is B with the sign of what is averaged."""
    values = rng(2).standard_normal(4_000)
    bounds = scale * np.exp(rng(3).normal(0, 0.3, 4_000))
    shift = largest_shift(bounds)
    for error in (bounds * np.sign(values), bounds * np.tanh(values), bounds, -bounds):
        weights = np.exp(-error)
        found = abs(np.average(values, weights=weights) - values.mean()) / values.std()
        assert found <= shift
    # negative control: it is no bound for errors of which it does not know
    worst = np.exp(-2 * bounds * np.sign(values))
    assert abs(np.average(values, weights=worst) - values.mean()) / values.std() > shift


@pytest.mark.slow
def test_a_second_opinion_of_many_measurements_says_what_stands_for_them():
    found = opinion()
    assert found.verdict == "agree"
    binned = finding(found, "binned")
    assert binned.severity == "ok"
    assert 0 < binned.value <= binned.threshold == SHIFT
    rows = found.tree["constant_data"].sizes["row"]
    assert f"drawn from {rows} bins of 200,000 observations" in binned.message
    assert rows < 1_000
    assert f"200,000 observations in {found.tree.attrs['bins']} bins" in str(found)
    assert of_comparison(found).bins == Bins(rows, binned.value)
    assert found.distinct == 200_000
    assert finding(found, "different_data").severity == "ok"
    assert finding(found, "few_observations").value == 200_000 / 5


def test_few_measurements_stand_for_themselves():
    found = comparisons.second_opinion(Gaussian, people(300), 1, draws=300, progress=False)
    assert "binned" not in [one.code for one in found.findings]
    assert "bins" not in found.tree.attrs
    assert of_comparison(found).bins is None


@pytest.mark.slow
def test_bins_are_kept_with_the_posterior(tmp_path):
    opinion().save(tmp_path / "opinion.nc")
    again = comparisons.load(tmp_path / "opinion.nc")
    assert again.findings == opinion().findings
    # EM's own fit to all measurements, judged by whoever has the file
    other = comparisons.compare(em.fit(Gaussian, people(200_000), 2), again.tree)
    assert other.verdict == "agree"
    assert finding(other, "binned") == finding(opinion(), "binned")
    # negative control: an estimate of other measurements is of other data still
    stranger = em.fit(Gaussian, people(20_000), 2)
    other = comparisons.compare(stranger, again.tree)
    assert finding(other, "wrong_observations").severity == "fault"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")
def test_bins_ten_times_as_wide_are_doubted(monkeypatch):
    """Nobody chooses them again, and the loss is what the finding says."""
    fine = binning_of(tree()).rows  # before the budget is another one
    monkeypatch.setattr(binning, "BUDGET", binning.BUDGET * 10**4)  # the loss goes with width^4
    monkeypatch.setattr(binning, "RECHOSEN", 0)
    coarse = posterior_in_bins(drawn, people(), fitted())
    assert binning_of(coarse).rows < fine / 5
    judged = comparisons.compare(fitted(), coarse)
    found = finding(judged, "binned")
    assert found.severity == "doubt"
    assert found.value > SHIFT
    assert found.remedy
    assert judged.verdict != "agree"


def test_bins_that_the_draws_doubt_are_chosen_again(monkeypatch):
    """Chosen by an estimate that is far off, they are chosen by the draws in the end."""
    drawn_from = []

    def spied(sample: Sample) -> xr.DataTree:
        drawn_from.append(sample.distinct)
        return drawn(sample)

    far = TRUTH._replace(theta=Gaussian(TRUTH.theta.mean, 2.5 * TRUTH.theta.sd))
    off = em.fit(Gaussian, people(), 2, start=far, max_steps=0)  # the wider, the straighter
    monkeypatch.setattr(binning, "SHIFT", SHIFT / 100)
    again = posterior_in_bins(spied, people(), off)
    first, last = drawn_from
    assert first < last
    few = drawn_at(posterior_of(again).draws, np.arange(500))
    assert largest_shift(binning_of(again).loss_bound.total(few)) <= SHIFT / 100


def test_a_spike_is_no_place_to_choose_bins_by():
    spike = replace(fitted(), optima=(fitted().optima[0]._replace(spike=True),))
    fine = binning.Bins.count(people(), binning.finest_edges(people()))
    overall = binning._around(spike, fine)
    assert overall.weight.tolist() == [[1.0]]
    assert overall.theta.mean.item() == pytest.approx(people().x.mean(), rel=1e-12)
    assert overall.theta.sd.item() == pytest.approx(people().x.std(), rel=1e-9)
    # the estimate, and both ways along five directions
    assert len(binning._around(fitted(), fine).weight) == 11


def test_a_picture_is_drawn_of_finer_bins_than_the_chains_saw():
    rows = opinion().tree["histogram"]
    x = people(200_000).x
    edges = np.linspace(x[0], x[-1], 101)
    due = np.histogram(x, edges)[0]
    found = np.histogram(rows["x"], edges, weights=rows["counts"])[0]
    assert rows["counts"].sum() == pytest.approx(200_000)
    # at either end of a bar one finer bin lies on the wrong side at most
    assert np.abs(found - due).max() <= 2 * float(rows["counts"].max())
    # negative control: the rows that the chains saw are too coarse for it
    seen = opinion().tree["constant_data"]
    coarse = np.histogram(seen["x"], edges, weights=seen["counts"])[0]
    assert np.abs(coarse - due).max() > 2 * float(rows["counts"].max())


@pytest.mark.slow
def test_two_runs_differ_by_no_more_than_their_own_noise():
    """20,000 rows against their bins: 4 Monte Carlo errors and what bins may move."""
    whole = bayes.sample(Gaussian, people(), 2, seed=1, progress=False)
    for row in parameters(fitted().mixture):
        each = [picked(posterior_of(one).draws, row).reshape(4, -1) for one in (whole, tree())]
        noise = np.hypot(*(float(az.mcse(one, method="mean")) for one in each))
        gap = abs(each[0].mean() - each[1].mean())
        assert gap <= 4 * noise + SHIFT * each[0].std()
        # negative control: the noise is small enough to notice half an sd
        assert 4 * noise + SHIFT * each[0].std() < each[0].std() / 2


class Simulated(NamedTuple):
    """Measurements drawn anew whenever they are read, so that no memory holds them."""

    distinct: int
    seed: int
    block: int = 1 << 17
    columns: tuple[str, ...] = ()

    def parts(self, size: int):
        """Yield them, in no order."""
        for at, begin in enumerate(range(0, self.distinct, self.block)):
            rng = np.random.default_rng([self.seed, at])
            n = min(self.block, self.distinct - begin)
            labels = (rng.random(n) < TRUTH.weight[1]).astype(int)
            yield Part(TRUTH.theta.draw(labels, rng, None), None, None)

    def total(self, task):
        """Return what a task finds in all of them."""
        return task(self)

    @property
    def low(self):
        """The least of them."""
        return np.array([min(part.x.min() for part in self.parts(0))])

    @property
    def high(self):
        """The largest of them."""
        return np.array([max(part.x.max() for part in self.parts(0))])


@pytest.mark.slow
def test_millions_of_measurements_are_a_few_hundred_bins():
    rows = Simulated(3_000_000, seed=5)
    near = em.fit(Gaussian, Sample(next(iter(rows.parts(0))).x), 2)
    found = posterior_in_bins(drawn, rows, near)
    assert found.attrs["observations"] == 3_000_000
    stand, draws = binning_of(found), posterior_of(found).draws
    assert stand.rows < 3_000
    bounds = stand.loss_bound.total(draws)
    assert largest_shift(bounds) <= SHIFT
    some = drawn_at(draws, np.linspace(0, len(draws.weight) - 1, 8).astype(np.intp))
    due = np.zeros(8)
    for x, _, _ in rows.parts(0):
        z = (x[:, None, None] - some.theta.mean) / some.theta.sd
        density = some.weight / some.theta.sd * np.exp(-(z**2) / 2) / np.sqrt(2 * np.pi)
        due += np.log(density.sum(axis=2)).sum(axis=0)
    seen = em.log_likelihood(Gaussian, posterior_of(found).question.sample, some)
    rounding = 1e-13 * np.abs(due)
    assert (np.abs(seen - due) <= stand.loss_bound.total(some) + rounding).all()
    # the truth lies within 5 posterior sds of the mean, an sd being less than a hundredth
    for row in parameters(TRUTH):
        values = picked(draws, row)
        assert abs(values.mean() - picked(TRUTH, row)) < 5 * values.std()
        assert values.std() < 0.1
