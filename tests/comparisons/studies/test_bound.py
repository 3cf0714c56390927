"""Why EM climbs: the bound, by other means than the study's."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from comparisons.studies import bound as study

ROUNDING = 1e-10  # of sums of eleven logarithms near 100
STEPS = [theta for start in study.STARTS for theta in study.path(start)[:5]]


def plainly(theta):
    """Return l by adding densities, person by person."""
    return sum(
        np.log(0.5 * norm(163, 4).pdf(x) + 0.5 * norm(theta, 4).pdf(x)) for x in study.HEIGHTS
    )


def test_jensen_s_numbers():
    two, *person = study.chords(172.0).rows
    assert two[1:3] == (1, 5)
    assert two[3] == pytest.approx(1.098612, abs=5e-7)
    assert two[4] == pytest.approx(0.804719, abs=5e-7)
    assert all(row[5] == pytest.approx(row[3] - row[4]) for row in (two, *person))
    assert all(row[5] > 1e-3 for row in person[:-1])  # negative control: other shares lose
    assert person[-1][5] == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("theta", STEPS)
def test_the_bound_touches_and_is_nowhere_above(theta):
    r, level = study.shares(theta), study.height(study.GRID)
    assert study.height(np.array(theta)) == pytest.approx(plainly(theta), abs=ROUNDING)

    def touches(shares):
        return abs(study.bound(np.array(theta), shares) - plainly(theta)) < ROUNDING

    def below(bound):
        return bool((bound <= level + ROUNDING).all())

    assert touches(r)
    assert below(study.bound(study.GRID, r))
    stale = study.shares(theta - 1)
    assert not touches(stale)  # negative control
    assert below(study.bound(study.GRID, stale))  # any shares bound l, only these touch
    without_entropy = (r * study.joint(study.GRID)).sum(axis=(-2, -1))
    lifted = without_entropy + plainly(theta) - (r * study.joint(np.array(theta))).sum() + 0.5
    assert not below(lifted)  # negative control: a curve raised above
    assert not touches(np.round(r))


@pytest.mark.parametrize("theta", STEPS)
def test_without_the_entropy_it_does_not_touch(theta):
    r = study.shares(theta)
    value = (r * study.joint(np.array(theta))).sum()
    entropy = -(r * np.log(r)).sum()
    assert plainly(theta) - value == pytest.approx(entropy, abs=1e-8)
    assert plainly(theta) - value > 1e-3


@pytest.mark.parametrize("theta", STEPS)
def test_the_m_step_is_the_top_of_the_bound(theta):
    r = study.shares(theta)
    found = minimize_scalar(
        lambda at: -study.bound(np.array(at), r), bounds=(140, 195), options={"xatol": 1e-9}
    )
    assert study.Men().maximize(r) == pytest.approx(found.x, abs=1e-5)
    assert study.Men().maximize(study.shares(theta + 3)) != pytest.approx(found.x, abs=1e-2)


@pytest.mark.parametrize("theta", STEPS)
def test_the_gap_is_the_kullback_leibler_divergence_of_the_shares(theta):
    r = study.shares(theta)
    for at in (150.0, 163.0, 175.0, 188.0):
        own = np.array([norm(163, 4).pdf(study.HEIGHTS), norm(at, 4).pdf(study.HEIGHTS)]).T
        own /= own.sum(axis=1, keepdims=True)
        gap = plainly(at) - study.bound(np.array(at), r)
        assert gap == pytest.approx((r * np.log(r / own)).sum(), abs=1e-8)
        if abs(at - theta) > 0.01:
            assert gap != pytest.approx((own * np.log(own / r)).sum(), rel=1e-3)  # other way round


def test_both_hills_are_climbed_each_from_its_side():
    ends = []
    for start in study.STARTS:
        found = study.path(start)
        assert all(study.height(after) > study.height(here) for here, after in pairwise(found[:5]))
        top = minimize_scalar(
            lambda t: -plainly(t), bounds=(found[-1] - 2, found[-1] + 2), options={"xatol": 1e-9}
        )
        assert found[-1] == pytest.approx(top.x, abs=1e-3)
        ends.append(found[-1])
    assert ends[0] - ends[1] > 20
    assert plainly(ends[0]) > plainly(ends[1])


def test_the_story_says_so(story):
    told = story("bound")
    assert told.learned.startswith("At 0 of ")
    for table in told.steps[1:]:
        for _, _, _, touch, above, _, gain, more in table.rows:
            assert abs(touch) < ROUNDING
            assert above < ROUNDING
            assert more >= gain - ROUNDING
    gaps = [row[-1] for row in told.steps[0].rows]
    assert gaps[0] == pytest.approx(np.log(3) - np.log(5) / 2)
    assert abs(gaps[-1]) < ROUNDING < min(gaps[:-1])
