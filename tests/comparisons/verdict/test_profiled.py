"""Spreads are compared by intervals where the likelihood is skewed."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr
from scipy import stats

import em
from comparisons import Comparison
from comparisons.pages.json import of_comparison
from comparisons.pages.report import report
from comparisons.verdict.judge import same_numbers
from comparisons.verdict.profiled import profiles, widths_apart
from comparisons.verdict.rows import Table, row_of
from models import Binomial, Gaussian, Sample
from models.structure import parameters, picked

HEAD = "EM\N{RIGHT SINGLE QUOTATION MARK}s 95% interval"
X = np.array([171.0, 178.0, 166.0, 174.0, 180.0])


def skewed():
    """Five heights: EM's answer, and exact draws of the posterior under the prior 1 / sd^2."""
    fit, generator = em.fit(Gaussian, Sample(X), 1), np.random.default_rng(1)
    sd = np.sqrt(((X - X.mean()) ** 2).sum() / generator.chisquare(len(X), (4, 5_000)))
    draws = {"mean[0]": X.mean() + sd / np.sqrt(len(X)) * generator.normal(size=sd.shape)}
    point = SimpleNamespace(
        at=fit, reached=fit, places=np.arange(1), parameters=parameters(fit.estimate)
    )
    return point, draws | {"sd[0]": sd}


def spread(point, draws, factor=1.0, interval=True):
    """Return the finding about spreads, of draws made wider."""
    rows = []
    for one in point.parameters:
        field = {"mean": point.at.estimate.theta.mean, "sd": point.at.estimate.theta.sd}
        errors = point.at.standard_errors.theta._asdict()
        own = draws[one.label]
        own = own.mean() + factor * (own - own.mean())
        rows.append(row_of(own, field[one.name][0], errors[one.name][0], np.nan, {}))
    columns = {name: ("parameter", [row[name] for row in rows]) for name in rows[0]}
    columns |= {name: ("parameter", [np.nan] * len(rows)) for name in ("mle_low", "mle_high")}
    table = Table(columns, {"parameter": [one.label for one in point.parameters]})
    _, found = same_numbers(table, {}, np.zeros(len(rows)), point if interval else None)
    return found


def test_a_skewed_sd_agrees_by_its_interval_and_not_by_its_error():
    point, draws = skewed()
    assert spread(point, draws, interval=False).stands
    found = spread(point, draws)
    assert not found.stands
    assert "skewed" in found.message
    assert "bootstrap" not in found.message
    assert 1 <= found.value <= 1.5


def test_an_end_of_the_bootstrap_is_called_so():
    """Two groups that overlap, whose profiles do not close; draws as wide as the bootstrap."""
    generator = np.random.default_rng(14)
    n = int(generator.integers(30, 150))
    first = generator.random(n) < 0.4
    fit = em.fit(Gaussian, Sample(np.round(generator.normal(np.where(first, 0, 2.2), 1), 1)), 2)
    point = SimpleNamespace(
        at=fit, reached=fit, places=np.arange(2), parameters=parameters(fit.estimate)
    )
    made, bare = fit.intervals(), fit.intervals(replicates=0)
    assert any("by the bootstrap" in one.why_low + one.why_high for one in made)
    rows, quantiles = [], (np.arange(8_000) + 0.5) / 8_000
    for at, one in enumerate(point.parameters):
        mle, error = (float(picked(each, one)) for each in (fit.estimate, fit.standard_errors))
        low, high = made.low[at], made.high[at]
        drawn = np.isnan(bare.low[at] + bare.high[at]) and np.isfinite(low + high)
        wide = (high - low) / 3.92 if drawn else error
        draws = (mle + wide * stats.norm.ppf(quantiles)).reshape(4, -1)
        row = row_of(draws, mle, error, np.nan, {})
        rows.append(row | {"low": low, "high": high, "mle_low": np.nan, "mle_high": np.nan})
    columns = {name: ("parameter", [row[name] for row in rows]) for name in rows[0]}
    table = Table(columns, {"parameter": [one.label for one in point.parameters]})
    _, found = same_numbers(table, {}, np.zeros(len(rows)), point)
    assert max(1 / table["sd_ratio"].min(), table["sd_ratio"].max()) > 1.5  # or it tests nothing
    assert "EM's bootstrap interval have the same width" in found.message
    assert "skewed" not in found.message


@pytest.mark.parametrize("factor", [0.4, 2.2])
def test_draws_that_are_too_narrow_or_too_wide_still_differ(factor):
    point, draws = skewed()
    found = spread(point, draws, factor)
    assert found.stands
    assert "skewed" not in found.message


def test_a_profile_that_is_not_there_leaves_the_ratio_of_the_spreads():
    point, draws = skewed()
    point.reached = em.fit(Gaussian, Sample(X), 1, hard=True)
    assert np.isnan(profiles(point, [1])).all()
    assert spread(point, draws).stands


def test_an_estimate_that_is_no_maximum_has_no_intervals():
    """EM goes on from it, and where it ends the groups may stand in another order."""
    sample = Sample(np.concatenate([X, X + 30, X + 31]))
    best = em.fit(Gaussian, sample, 2)
    found = {}
    for name, start in (("there", best.estimate), ("away", swapped(best.estimate))):
        at = em.fitted(best.question, start=start, max_steps=0)
        point = SimpleNamespace(
            at=at, reached=em.fitted(best.question, start=start), places=np.arange(2)
        )
        point.parameters = parameters(at.estimate)
        found[name] = profiles(point, range(6))
    assert np.isnan(found["away"]).all()
    assert np.isfinite(found["there"]).all()  # negative control


def swapped(mixture):
    """Return a mixture with its means nearer to each other than its sds allow."""
    mean = mixture.theta.mean + np.array([20.0, -20.0])
    return mixture._replace(theta=mixture.theta._replace(mean=mean))


def test_shares_are_compared_by_their_odds_and_ends_at_bounds_as_they_are():
    fit = em.fit(Binomial, Sample([3, 5], trials=[9, 9]), 1)
    (prob,) = parameters(fit.estimate)
    odds = np.array([1.0, 3.0]), np.array([1.0, 9.0])
    ours, theirs = (one / (1 + one) for one in odds)
    assert widths_apart(prob, Binomial, ours, theirs) == pytest.approx(2)
    assert widths_apart(prob, Binomial, np.array([0, 0.2]), np.array([0.1, 0.2])) == pytest.approx(
        2
    )
    assert np.isnan(widths_apart(prob, Binomial, np.array([np.nan, 0.2]), theirs))


def test_the_table_and_its_files_have_the_profile_intervals(story):
    comparison = story("coins").comparison
    table = comparison.table
    fit = em.fitted(comparison.question)
    found = fit.intervals(replicates=0)
    labels = table["parameter"].to_numpy().tolist()
    assert labels == [one.label for one in found]
    np.testing.assert_allclose(table["mle_low"], found.low, rtol=1e-6)
    np.testing.assert_allclose(table["mle_high"], found.high, rtol=1e-6)
    (row, *_) = of_comparison(comparison).parameters
    assert row.mle_low == float(table["mle_low"][0])
    assert HEAD in report(comparison)
    # negative control: a comparison from before, which has none
    before = comparison.tree.copy()
    kept = before["comparison"].to_dataset().drop_vars(["mle_low", "mle_high"])
    before["comparison"] = xr.DataTree(kept)
    assert HEAD not in report(Comparison(before))
