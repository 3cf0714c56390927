"""Rao's plants: EM's speed is the information that is missing."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import xlog1py, xlogy
from scipy.stats import binom, poisson

from comparisons.studies import linkage


def height(t):
    return 125 * np.log(2 + t) + xlog1py(38, -t) + xlogy(34, t)


def slope(t):
    return 125 / (2 + t) - 38 / (1 - t) + 34 / t


def test_published_numbers():
    np.testing.assert_array_equal(linkage.CELLS, [125, 18, 20, 34])
    assert abs(linkage.LIMIT - 0.6268214979) < 5e-11
    assert brentq(slope, 0.1, 0.9, xtol=1e-14) == pytest.approx(linkage.LIMIT, abs=1e-12)
    found, _ = linkage.path()
    np.testing.assert_allclose(found[1:4, 0], [0.608247, 0.624321, 0.626489], atol=5e-7)
    observed, complete = linkage.information(linkage.LIMIT)
    assert 1 - observed / complete == pytest.approx(0.132779, abs=5e-7)
    assert observed**-0.5 == pytest.approx(0.051467, abs=5e-7)
    assert complete**-0.5 != pytest.approx(0.051467, abs=5e-4)  # negative control


def test_the_information_is_the_second_derivative():
    t, step = linkage.LIMIT, 1e-5
    second = -(slope(t + step) - slope(t - step)) / (2 * step)
    assert linkage.information(t)[0] == pytest.approx(second, rel=1e-8)


def test_the_rate_is_measured_from_steps():
    """Of distances, and the derivative of the EM map by hand, beside the missing information."""
    observed, complete = linkage.information(linkage.LIMIT)
    missing = 1 - observed / complete
    found = linkage.path(tolerance=1e-8)[0][:, 0]
    away = linkage.LIMIT - found
    # away' = rate away (1 + c away): the ratio is off by as much as the distance
    assert abs(away[6] / away[5] - missing) < abs(away[5])
    assert abs(away[1] / away[0] - missing) > abs(away[5])  # negative control: the first step

    def mapped(t):
        hidden = 125 * t / (2 + t)
        return (hidden + 34) / (hidden + 34 + 38)

    t, step = linkage.LIMIT, 1e-5
    assert (mapped(t + step) - mapped(t - step)) / (2 * step) == pytest.approx(missing, rel=1e-7)


def test_the_posterior_is_the_polynomial_s():
    def part(power):
        return quad(lambda t: t**power * np.exp(height(t) - height(linkage.LIMIT)), 0, 1)[0]

    mean = part(1) / part(0)
    sd = (part(2) / part(0) - mean**2) ** 0.5
    assert linkage.moments() == pytest.approx((mean, sd), rel=1e-7)
    assert linkage.moments()[0] != pytest.approx(linkage.LIMIT, rel=1e-3)  # control: not the peak


def test_a_rate_is_found_among_several(rng):
    """Of steps of a known matrix: its greatest eigenvalue, though both shrink about as fast."""
    sides = rng(5).normal(size=(2, 2))
    matrix = sides @ np.diag([0.41, 0.37]) @ np.linalg.inv(sides)
    found = [np.array([1.0, 1.0])]
    for _ in range(12):
        found.append(matrix @ found[-1])
    assert linkage.rate(np.array(found)) == pytest.approx(0.41, abs=1e-6)
    last = np.linalg.norm(np.diff(found[-3:], axis=0), axis=1)
    assert last[1] / last[0] != pytest.approx(0.41, abs=1e-6)  # control: the ratio of the last two


def mapped(name, at):
    """Return one EM step by hand: (weight, two parameters) to the same."""
    sample, _, _, equal = linkage.MIXTURES[name]
    weight, theta = np.array([at[0], 1 - at[0]]), at[1:]
    x = sample.x[:, None]
    p = poisson.pmf(x, theta) if sample.trials is None else binom.pmf(x, sample.trials[0], theta)
    share = weight * p
    share *= (sample.counts / share.sum(axis=1))[:, None]
    size = 1 if sample.trials is None else sample.trials[0]
    first = 0.5 if equal else share[:, 0].sum() / share.sum()
    return np.array([first, *(sample.x @ share / share.sum(axis=0) / size)])


@pytest.mark.parametrize("name", linkage.MIXTURES)
def test_the_law_holds_for_mixtures(name, story):
    """The greatest eigenvalue of the EM map's derivative is what is missing, and what is left."""
    _, theta, first, _ = linkage.MIXTURES[name]
    at = np.array([first, *theta[0]])
    for _ in range(12_000):
        at = mapped(name, at)
    step = 1e-5
    jacobian = np.array(
        [
            (mapped(name, at + step * d) - mapped(name, at - step * d)) / (2 * step)
            for d in np.eye(3)
        ]
    ).T
    largest = abs(np.linalg.eigvals(jacobian)).max()
    _, digits, missing, left, plain, fast = {row[0]: row for row in story("linkage").steps[1].rows}[
        name
    ]
    # evaluated within 1e-4 standard errors of the limit; a step a few steps before that, where the
    # map still bends: 1% tells the greatest eigenvalue from the next, as the control says
    assert 1 - missing == pytest.approx(1 - largest, rel=1e-3)
    assert 1 - left == pytest.approx(1 - largest, rel=1e-2)
    assert 1 - left != pytest.approx(1 - np.sort(abs(np.linalg.eigvals(jacobian)))[-2], rel=1e-2)
    assert digits == pytest.approx(np.log(10) / -np.log(missing))
    assert fast <= plain


def test_the_slow_ones_are_slow_and_acceleration_hardly_minds(story):
    rows = {row[0]: row for row in story("linkage").steps[1].rows}
    deaths, boys = rows["deaths in The Times"], rows["boys in Saxony"]
    # published: 2,909 and about 4,700, from other starts or to other rules; the order is the law's
    for row, published in ((deaths, 2_909), (boys, 4_700)):
        assert published / 2 < row[4] < 2 * published
        assert row[5] < row[4] / 20
    assert not rows["five sets of ten flips"][5] < rows["five sets of ten flips"][4] / 20  # control
