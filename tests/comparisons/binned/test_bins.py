"""Rows that stand for measurements keep their moments, and miss no more than they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logsumexp

from comparisons.binned.bins import FINE, Bins, coarsened, finest_edges
from comparisons.binned.loss_bound import LossBound
from models import Gaussian, Mixture, Sample
from models.structure import drawn_at

EPS = np.finfo(float).eps
TWO = Mixture(np.array([[0.45, 0.55]]), Gaussian(np.array([[0.0, 2.0]]), np.array([[0.9, 1.1]])))


def heights(rng, n, offset=0.0):
    """Two groups 2 sds apart, as doubles hold them about the offset."""
    return offset + np.where(rng.random(n) < 0.45, rng.normal(0, 0.9, n), rng.normal(2, 1.1, n))


def moved(mixture, offset):
    return mixture._replace(theta=Gaussian(mixture.theta.mean + offset, mixture.theta.sd))


def counted(x):
    sample = Sample(x)
    return Bins.count(sample, finest_edges(sample))


def nearby(rng, n, k=2, spread=0.05):
    """Mixtures such as a posterior is made of, and many more besides."""
    at = TWO if k == 2 else random_mixtures(rng, 1, k)
    weight = at.weight * np.exp(rng.normal(0, spread, (n, k)))
    mean = at.theta.mean + rng.normal(0, spread, (n, k))
    sd = at.theta.sd * np.exp(rng.normal(0, spread, (n, k)))
    return Mixture(weight / weight.sum(axis=1, keepdims=True), Gaussian(mean, sd))


def random_mixtures(rng, n, k):
    sd = np.exp(rng.normal(0, 0.7, (n, k)))
    return Mixture(rng.dirichlet(np.ones(k), n), Gaussian(rng.normal(0, 2, (n, k)), sd))


def log_likelihood(x, counts, mixtures):
    """(n,) by the definition, in the widest numbers that there are."""
    found = []
    for at in range(len(mixtures.weight)):
        weight, (mean, sd) = mixtures.weight[at], (one[at] for one in mixtures.theta)
        z = (x[:, None] - mean) / sd
        each = logsumexp(np.log(weight) - np.log(sd) - z**2 / 2 - np.log(2 * np.pi) / 2, axis=1)
        found.append(float((each.astype(np.longdouble) * counts).sum()))
    return np.array(found)


@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_counts_and_powers_are_those_of_the_measurements(rng, offset):
    x = heights(rng(1), 50_000, offset)
    sample = Sample(x)
    edges = np.linspace(x.min(), x.max(), 65)
    bins = Bins.count(sample, edges)
    place = np.minimum(np.searchsorted(edges, x, "right") - 1, 63)
    np.testing.assert_array_equal(bins.sums[0], np.bincount(place, minlength=64))
    for coarse in (bins, bins.halved(), bins.halved().halved()):
        ratio = 64 // len(coarse.low)
        edge = edges[::ratio]
        for one in range(len(coarse.low)):
            inside = x[place // ratio == one]
            t = (inside.astype(np.longdouble) - (edge[one] + (edge[one + 1] - edge[one]) / 2)) / (
                edge[one + 1] - edge[one]
            )
            assert (coarse.low[one], coarse.high[one]) == (inside.min(), inside.max())
            for power in range(5):
                # a sum of n numbers of at most 2^-power, each with a few roundings
                most = 8 * EPS * len(inside) ** 1.5 * 2.0**-power
                assert abs(coarse.sums[power, one] - float((t**power).sum())) <= most


def test_what_two_counted_adds_up(rng):
    x = heights(rng(2), 30_000)
    edges = finest_edges(Sample(x))
    both = Bins.count(Sample(x[:9_000]), edges) + Bins.count(Sample(x[9_000:]), edges)
    whole = Bins.count(Sample(x), edges)
    np.testing.assert_allclose(both.sums, whole.sums, rtol=0, atol=64 * EPS)
    np.testing.assert_array_equal(both.low, whole.low)
    np.testing.assert_array_equal(both.high, whole.high)
    with pytest.raises(ValueError, match="different edges"):
        whole + whole.halved()


def test_rows_in_any_order_and_with_counts_are_the_same(rng):
    class Shuffled:
        """Rows as a file has them: in no order, some more than once."""

        def __init__(self, sample, order):
            self.sample, self.order, self.distinct = sample, order, sample.distinct
            self.low, self.high = sample.low, sample.high

        def total(self, task):
            return task(self)

        def parts(self, size):
            for begin in range(0, self.distinct, 1_000):
                some = self.order[begin : begin + 1_000]
                yield self.sample.x[some], None, self.sample.counts[some].astype(float)

    sample = Sample(np.round(heights(rng(3), 30_000), 3))
    assert sample.counts.max() > 1
    mixed = Shuffled(sample, rng(4).permutation(sample.distinct))
    edges = finest_edges(sample)
    assert edges[[0, -1]].tolist() == finest_edges(mixed)[[0, -1]].tolist()
    found, due = Bins.count(mixed, edges), Bins.count(sample, edges)
    np.testing.assert_allclose(found.sums, due.sums, rtol=0, atol=64 * EPS * sample.counts.max())
    np.testing.assert_array_equal(found.low, due.low)


@pytest.mark.parametrize("offset", [0.0, 1e9])
def test_two_points_share_four_moments_and_lie_within(rng, offset):
    x = np.sort(heights(rng(5), 50_000, offset))
    bins = coarsened(counted(x), moved(TWO, offset), 1e-3)
    points, weights = bins.rows()
    filled = np.flatnonzero(bins.sums[0])
    assert len(filled) < 200
    low, high = bins.low[filled], bins.high[filled]
    assert ((low <= points) & (points <= high)).all()
    assert (weights >= 0).all()
    grain = np.spacing(offset) if offset else 0.0  # by which doubles may miss a point
    for at, (left, right) in enumerate(zip(low, high, strict=True)):
        inside = x[np.searchsorted(x, left) : np.searchsorted(x, right, "right")]
        middle, width = (left + right) / 2, max(right - left, 1e-300)
        t, nodes = (inside - middle) / width, (points[:, at] - middle) / width
        n = len(inside)
        for power in range(4):
            most = n * (64 * EPS * n**0.5 + (power >= 2) * 4 * grain / width)
            assert abs((t**power).sum() - weights[:, at] @ nodes**power) <= most
    # negative control: the fourth moment is what two points cannot keep
    fourth = np.array([(t**4).sum(), weights[:, at] @ nodes**4])
    assert fourth[0] > fourth[1]


def test_equal_values_and_pairs_of_them_are_kept_as_they_are(rng):
    x = np.concatenate([np.full(4_000, 163.2), np.full(3_000, 175.1), [1e6, -3e4], [1e300]])
    bins = counted(x)
    sample = bins.sample()
    np.testing.assert_array_equal(sample.x, np.unique(x))
    np.testing.assert_array_equal(sample.counts, [1, 4_000, 3_000, 1, 1])
    left = bins.loss_bound()
    assert not left.spread.any()
    pair = Bins.count(Sample(x[:7_000]), np.array([160.0, 180.0]))
    np.testing.assert_allclose(pair.sample().x, [163.2, 175.1], rtol=4 * EPS)
    np.testing.assert_allclose(pair.sample().counts, [4_000, 3_000], rtol=1e-12)
    assert pair.loss_bound().spread[0] < 7_000 * 16 * EPS


def test_the_finest_bins_are_fine_wherever_measurements_are(rng):
    draws = rng(6)
    narrow = draws.normal(5, 1e-6, 2_000)
    sample = Sample(np.concatenate([heights(draws, 98_000), narrow, [1e9, -1e200]]))
    edges = finest_edges(sample)
    assert len(edges) == FINE + 1
    assert (np.diff(edges) >= 0).all()
    widths = np.diff(edges)[np.searchsorted(edges, narrow, "right") - 1]
    assert np.median(widths) < 1e-7
    widths = np.diff(edges)[np.searchsorted(edges, heights(draws, 1_000), "right") - 1]
    assert np.median(widths) < 1e-3


def steepest(low, high, mixture):
    """sup of |g''|, |g'''|, |g''''| times powers of high - low over a fine grid, by cumulants."""
    x = np.linspace(low, high, 1_001)[:, None]
    weight, (mean, sd) = mixture.weight[0], (one[0] for one in mixture.theta)
    slope, bend = -(x - mean) / sd**2, -1 / sd**2
    joint = np.log(weight) - np.log(sd) - ((x - mean) / sd) ** 2 / 2
    share = np.exp(joint - logsumexp(joint, axis=1, keepdims=True))

    def average(values):
        return (share * values).sum(axis=1, keepdims=True)

    u, c = slope - average(slope), bend - average(bend + 0 * x)
    second = average(u**2) + average(bend + 0 * x)
    third = average(u**3) + 3 * average(u * c)
    fourth = average(u**4) - 3 * average(u**2) ** 2 + 6 * average(u**2 * c) + 3 * average(c**2)
    found = np.array([np.abs(one).max() for one in (second, third, fourth)])
    return found * (high - low) ** np.array([2, 3, 4])


def test_cumulants_are_the_derivatives():
    """What `steepest` computes against differences of log p itself."""
    low, step = 0.8, 0.02
    x = low + step * np.arange(-2, 3)
    each = np.array([log_likelihood(x[at : at + 1], np.ones(1), TWO)[0] for at in range(5)])
    differences = [
        each @ [0, 1, -2, 1, 0] / step**2,
        each @ [-0.5, 1, 0, -1, 0.5] / step**3,
        each @ [1, -4, 6, -4, 1] / step**4,
    ]
    found = steepest(low, low + 1e-6, TWO) / 1e-6 ** np.array([2, 3, 4])
    np.testing.assert_allclose(found, np.abs(differences), rtol=1e-2)


@pytest.mark.slow
def test_no_derivative_is_beyond_its_bound(rng):
    draws, ratios = rng(7), []
    for _ in range(1_500):
        k = int(draws.integers(1, 5))
        mixture = random_mixtures(draws, 1, k)
        low = draws.normal(0, 3)
        high = low + 10 ** draws.uniform(-2.5, 1)
        ends, due = (np.array([low]), np.array([high])), steepest(low, high, mixture)
        alone = [LossBound(*ends, *np.array([one]).T) for one in np.diag([2.0, 6.0, 24.0])]
        second, third, bound = (one.per_bin(mixture)[0, 0] for one in alone)
        assert due[0] + due[1] <= second * (1 + 1e-9)
        assert due[1] <= third * (1 + 1e-9)
        due = due[2]
        assert due <= bound * (1 + 1e-9)
        narrow = high - low < 0.1 * mixture.theta.sd.min()
        if narrow and k > 1 and due > 0:
            ratios.append(bound / due)
    assert len(ratios) > 100
    assert np.median(ratios) < 10
    # negative control: it is no bound once it is a little lower
    assert np.min(ratios) < 1.05


def test_mixtures_are_bounded_by_blocks_as_one_by_one(rng):
    bins = coarsened(counted(heights(rng(8), 20_000)), TWO, 1e-3)
    left, some = bins.loss_bound(), nearby(rng(9), 40)
    each = [left.total(drawn_at(some, np.array([at])))[0] for at in range(40)]
    np.testing.assert_allclose(left.total(some), each, rtol=1e-12)


@pytest.mark.parametrize(("n", "k", "offset"), [(20_000, 2, 0), (20_000, 3, 0), (50_000, 2, 1e9)])
def test_the_log_likelihood_is_missed_by_no_more_than_the_bound(rng, n, k, offset):
    x = heights(rng(10), n, offset)
    some = nearby(rng(11), 60, k)
    bins = coarsened(counted(x), moved(drawn_at(some, np.arange(1)), offset), 0.01)
    sample, left = bins.sample(), bins.loss_bound()
    assert sample.distinct < 250
    assert sample.counts.sum() == pytest.approx(n, rel=1e-13)
    due = log_likelihood(x - offset, np.ones(n), some)
    found = log_likelihood(sample.x - offset, sample.counts, some)
    missed, bound = np.abs(found - due), left.total(moved(some, offset))
    rounding = 1e-15 * np.abs(due)
    assert (missed <= bound + rounding).all()
    assert np.median(bound / missed) < 30
    # negative control: the bins' means alone, which keep one moment of three, miss by more
    points, weights = bins.rows()
    means = (weights * (points - offset)).sum(axis=0) / weights.sum(axis=0)
    rough = log_likelihood(means, weights.sum(axis=0), some)
    assert (np.abs(rough - due) > bound + rounding).mean() > 0.5


def test_bins_are_joined_as_far_as_the_bound_allows(rng):
    fine = counted(heights(rng(12), 40_000))
    sizes = []
    for most in (1e-4, 1e-3, 1e-2):
        bins = coarsened(fine, TWO, most)
        lost = bins.loss_bound().total(TWO)[0]
        assert most / 30 < lost <= most
        sizes.append(len(bins.low))
        np.testing.assert_allclose(bins.sums[0].sum(), 40_000)
    # what is lost goes with the fourth power of the width
    assert sizes[0] > sizes[1] > sizes[2]
    assert sizes[0] / sizes[2] == pytest.approx(100**0.25, rel=0.5)
    # where not even the finest bins keep below the bound, they are what there is
    coarse = Bins.count(Sample(heights(rng(12), 40_000)), np.linspace(-6, 8, 65))
    assert coarsened(coarse, TWO, 1e-6) is coarse


def test_an_estimate_without_bounds_is_bounded_by_infinity(rng):
    left = counted(heights(rng(13), 20_000)).halved().loss_bound()
    spike = Mixture(np.array([[0.5, 0.5]]), Gaussian(np.zeros((1, 2)), np.array([[1e-150, 1.0]])))
    assert left.total(spike)[0] == np.inf


@pytest.mark.parametrize(
    ("offset", "sd", "gap"), [(0.0, 1.0, 1e5), (0.0, 1.0, 1e6), (0.0, 1.0, 1e7), (1.7e9, 1e-3, 0.0)]
)
def test_groups_far_narrower_than_their_distance_and_coarse_doubles_are_in_the_bound(
    rng, offset, sd, gap
):
    """A bin of a whole group, and rows that doubles cannot hold where they should be."""
    x = offset + np.concatenate([rng(31).normal(0, sd, 5_000), rng(32).normal(gap, sd, 5_000)])
    one = Mixture(np.ones((1, 1)), Gaussian(np.full((1, 1), x.mean()), np.full((1, 1), x.std())))
    near = [np.array([[offset, offset + gap]]), np.full((1, 2), sd)]
    two = Mixture(np.full((1, 2), 0.5), Gaussian(*near))
    fine = counted(x)
    for some in (one, two):
        bins = coarsened(fine, some, 1e-4)
        sample = bins.sample()
        centre = x.mean()
        found = log_likelihood(sample.x - centre, sample.counts, moved(some, -centre))
        due = log_likelihood(x - centre, np.ones(len(x)), moved(some, -centre))
        bound = bins.loss_bound().total(some)
        assert (np.abs(found - due) <= bound + 1e-13 * np.abs(due)).all()
        assert offset or bound[0] < 0.01  # of the data that doubles can hold, little is lost
