"""The lecture's extreme start, and the map of all others."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.cluster.vq import kmeans2
from scipy.stats import norm

from comparisons.studies import starts
from comparisons.studies.calculations.ends import (
    BEST,
    CLUMP,
    EMPTY,
    LOCAL,
    SADDLE,
    SPIKE,
    End,
    atlas,
    em_end,
    followed,
    kmeans_end,
)
from comparisons.studies.heights import volunteers
from em import fit
from models import Gaussian, Sample, weak_prior

FEW = volunteers(starts.FEW, np.random.default_rng(0))
HALVES = np.array([0.5, 0.5])


def log_likelihood(sample, weight, mean, sd):
    """By scipy."""
    return sample.counts @ np.log(norm.pdf(sample.x[:, None], mean, sd) @ weight)


def test_the_lecture_s_start():
    mixture = starts.extreme(10.0)
    np.testing.assert_allclose(mixture.weight, [0.0001, 0.9999], rtol=1e-12)  # 0.01% men
    assert mixture.theta.mean.tolist() == [1.0, 1000.0]  # men of 1 cm, women of 10 m
    assert mixture.theta.sd.tolist() == [10.0, 10.0]
    assert starts.MANY == 10_000


def test_one_step_from_there_by_hand():
    """E and M step in plain NumPy: with an sd of 10 cm all are men at once, with 1,000 cm hardly."""
    many = volunteers(starts.MANY, np.random.default_rng(0))
    for sd in starts.WIDTHS:
        start = starts.extreme(sd)
        log = np.log(start.weight) + norm.logpdf(many.x[:, None], start.theta.mean, sd)
        share = np.exp(log - np.logaddexp.reduce(log, axis=1, keepdims=True))
        women = many.counts @ share[:, 1] / starts.MANY
        path = followed(many, -np.inf, start, accelerate=False)
        assert path.weights[1, 1] == pytest.approx(women, rel=1e-8, abs=1e-300)
        assert (women == 0) == (sd < 100)
        assert (women > 0.99) == (sd == 1000)
        assert np.diff(path.trace).min() > -1e-12 * abs(path.trace[0])
        assert path.steps == len(path.trace) - 1 == len(path.means) - 1


@pytest.mark.slow
def test_where_it_leads(story):
    told = story("starts")
    rows = {row[0]: row for row in told.steps[0].rows}
    many = volunteers(starts.MANY, np.random.default_rng(0))
    usual = fit(Gaussian, many, 2)
    errors = usual.standard_errors.theta.mean
    reached = {}
    for width in starts.WIDTHS:
        name, means = rows[f"{width:,g} cm"][2], rows[f"{width:,g} cm"][4:6]
        if name == EMPTY:
            assert means == (None, None)
            continue
        gap = np.abs(np.array(means, float) - usual.mixture.theta.mean)
        reached[width] = bool((gap < 0.01 * errors).all())
        assert reached[width] == (name == BEST)
    assert reached == {100.0: True, 1000.0: True}
    assert rows["1 cm"][2] == rows["10 cm"][2] == EMPTY
    assert rows["usual starts"][6] == f"{BEST} (20 of 20)"


def test_ends_are_what_they_are_called():
    """Each kind from a start that is sure to lead there, by what it is rather than by its name."""

    def end(sample, *means, sd=1.0):
        return em_end(sample, None, sd, np.array(means, float))

    mean = np.average(FEW.x, weights=FEW.counts)
    sd = np.sqrt(np.average((FEW.x - mean) ** 2, weights=FEW.counts))
    single = log_likelihood(FEW, np.ones(1), np.array([mean]), np.array([sd]))
    alike = end(FEW, 150, 150)
    assert alike.name == SADDLE
    assert alike.height == pytest.approx(single, abs=1e-6)
    nobody = end(FEW, 120, 123)
    assert nobody.name == EMPTY
    assert nobody.height == pytest.approx(single, abs=1e-3)
    found = end(FEW, 163, 175)
    assert found.name == LOCAL
    assert found.height > single + 1
    assert found.height == pytest.approx(log_likelihood(FEW, *found[2:]), abs=1e-6)
    twin = Sample(np.append(np.random.default_rng(1).normal(169, 8, 100), [300.0, 300.0]))
    spike = end(twin, 169, 300, sd=8)
    assert spike.name == SPIKE
    assert spike.sd.min() < 1e-6
    # negative control: two people apart are no spike on the floor
    apart = Sample(np.append(np.random.default_rng(1).normal(169, 8, 100), [300.0, 301.0]))
    assert end(apart, 169, 300, sd=8).name == CLUMP


def test_a_map_is_symmetric_and_each_square_leads_where_it_says():
    grid = np.array([140.0, 155.0, 163.0, 175.0, 190.0])
    found = atlas(lambda means: em_end(FEW, None, 1.0, means), grid)
    assert sum(end.name == BEST for end in found.ends) == 1
    np.testing.assert_array_equal(found.where, found.where.T)
    for i in range(5):
        for j in range(5):
            again = em_end(FEW, None, 1.0, grid[[i, j]])  # the pair turned round, too
            end = found.ends[found.where[i, j]]
            assert again.height == pytest.approx(end.height, abs=1e-3)
    assert sum(found.share(place) for place in range(len(found.ends))) == pytest.approx(1)
    heights = [end.height for end in found.ends if end.name in {BEST, LOCAL}]
    assert heights == sorted(heights, reverse=True)


def test_two_ends_are_not_taken_for_one():
    def end(means):
        place = means.sum()
        return End(LOCAL, -1.0, HALVES, np.array([place, place + 1]), np.ones(2))

    grid = np.array([0.0, 0.01, 5.0])
    found = atlas(end, grid)
    assert len(found.ends) == 3  # near zero, near five, ten
    assert found.where[0, 0] == found.where[1, 1] != found.where[2, 2]


def test_k_means_is_scipys():
    x = np.repeat(FEW.x, FEW.counts.astype(int))[:, None]
    for pair in ([150.0, 180.0], [160.0, 164.0], [172.0, 190.0]):
        found = kmeans_end(FEW, np.array(pair))
        centres, labels = kmeans2(x, np.array(pair)[:, None], iter=100, minit="matrix")
        np.testing.assert_allclose(found.mean, np.sort(centres[:, 0]), rtol=1e-12)
        squares = ((x - centres[labels]) ** 2).sum()
        assert -found.height == pytest.approx(squares, rel=1e-10)
        assert found.weight[0] == pytest.approx((labels == 0).mean())
        assert found.name == LOCAL
        # negative control: EM's means are others
        soft = em_end(FEW, None, 8.0, np.array(pair))
        assert not np.allclose(soft.mean, found.mean, rtol=1e-3)
    assert kmeans_end(FEW, np.array([120.0, 125.0])).name == EMPTY
    assert kmeans_end(FEW, np.array([170.0, 170.0])).name == EMPTY


@pytest.mark.slow
def test_the_posterior_s_modes_are_em_s_ends_under_its_prior(story):
    told = story("starts")
    modes = told.comparison.tree["modes"]
    rows = [row for row in told.steps[2].rows if row[1] is not None]
    heights = np.array([row[1] for row in rows])

    def matched(shift):
        each = modes["log_posterior"].to_numpy() + shift
        return bool((np.abs(each[:, None] - heights).min(axis=1) < 1e-3).all())

    assert matched(0)
    assert not matched(0.05)
    assert sum(row[5] for row in told.steps[2].rows) == pytest.approx(1)
    assert [row[5] for row in rows if row[5]] == pytest.approx(list(modes["share"].to_numpy()))
    assert all(row[5] == 0 for row in rows if row[0] == SADDLE)
    # a spike is an end of the likelihood's, and no mode of the posterior
    assert not {row[0] for row in rows} & {SPIKE, CLUMP}
    assert SPIKE in {row[0] for row in told.steps[1].rows}
    prior = weak_prior(Gaussian, FEW, 2)
    assert em_end(FEW, prior, 1.0, np.array([163.0, 175.0])).height == pytest.approx(heights[0])


@pytest.mark.slow
def test_the_story_says_what_the_tables_say(story):
    told = story("starts")
    assert "these first sds: 100 cm, 1,000 cm. It fails with these: 1 cm, 10 cm." in told.learned
    fast = {row[0]: row[6] for row in told.steps[0].rows[:-1]}
    assert fast == {"1 cm": EMPTY, "10 cm": EMPTY, "100 cm": SPIKE, "1,000 cm": BEST}
    assert "Accelerated, it ends from 100 cm on a spike." in told.learned
    many = volunteers(starts.MANY, np.random.default_rng(0))
    spike = fit(Gaussian, many, 2, start=starts.extreme(100.0))  # as the package climbs by default
    assert spike.optima[0].spike
    assert spike.mixture.theta.sd.min() < 1e-6
    assert f"{told.steps[1].rows[0][4]:.0%} of the starts reach the best" in told.learned
    for steps in told.steps[1:3]:
        assert sum(row[4] for row in steps.rows) == pytest.approx(1)
