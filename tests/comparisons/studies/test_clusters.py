"""K-means beside EM: hard EM with one round covariance is Lloyd's algorithm, step for step."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.cluster.vq import kmeans2
from scipy.stats import multivariate_normal

from comparisons.studies import clusters
from em import fit
from models import Mixture, MultivariateGaussian, Sample, simulate

CENTRES = np.array([[-3.0, 1.0], [1.0, 2.0], [5.0, 0.0]])
EQUAL = np.full(3, 1 / 3)
ROUNDING = {"rtol": 1e-10, "atol": 1e-10}


@pytest.fixture
def points():
    return simulate(clusters.TRUTH, 300, np.random.default_rng(7))


def lloyd(x, centres, steps):
    """Return the centres after each step, in plain NumPy."""
    path = []
    for _ in range(steps):
        labels = ((x[:, None] - centres) ** 2).sum(axis=2).argmin(axis=1)
        centres = np.array([x[labels == one].mean(axis=0) for one in range(len(centres))])
        path.append(centres)
    return np.array(path)


def path_of(sample, steps, form="tied-spherical", *, hard=True):
    """Return the centres after each step of EM, every group starting with a variance of one."""
    family, path = MultivariateGaussian.with_covariance(form), []
    start = Mixture(EQUAL, family(CENTRES, np.repeat(np.eye(2)[None], 3, axis=0)))
    fit(
        family, sample, 3, start=start, hard=hard, equal_weights=True, accelerate=False,
        max_steps=steps, tolerance=0, on_step=lambda step: path.append(step.mixture.theta.mean),
    )  # fmt: skip
    return np.array(path)


def test_hard_em_with_one_round_covariance_is_k_means_step_for_step(points):
    sample, _ = points
    theirs = lloyd(sample.x, CENTRES, 12)
    assert np.abs(np.diff(theirs, axis=0)).max() > 0.1  # it moves
    np.testing.assert_allclose(path_of(sample, 12), theirs, **ROUNDING)
    # negative controls: a width for each group, shapes, and soft memberships are not K-means
    for form in ("spherical", "tied"):
        assert not np.allclose(path_of(sample, 12, form), theirs, **ROUNDING)
    assert not np.allclose(path_of(sample, 12, hard=False), theirs, **ROUNDING)


def test_and_scipy_says_so_of_centres_and_labels(points):
    sample, _ = points
    family = clusters.ROUND
    start = Mixture(EQUAL, family(CENTRES, np.repeat(np.eye(2)[None], 3, axis=0)))
    found = fit(family, sample, 3, start=start, hard=True, equal_weights=True)
    centres, labels = kmeans2(sample.x, CENTRES, iter=200, minit="matrix")
    order = np.argsort(centres[:, 0])
    np.testing.assert_allclose(found.mixture.theta.mean, centres[order], **ROUNDING)
    np.testing.assert_array_equal(found.assign(Sample(sample.x)), np.argsort(order)[labels])
    squares = ((sample.x - centres[labels]) ** 2).sum()
    np.testing.assert_allclose(
        found.mixture.theta.cov, np.repeat(squares / 600 * np.eye(2)[None], 3, axis=0), **ROUNDING
    )


def test_the_best_of_many_starts_has_the_least_squares(points):
    sample, _ = points
    found = clusters.kmeans(sample)

    def squares(centres):
        return ((sample.x[:, None] - centres) ** 2).sum(axis=2).min(axis=1).sum()

    rng = np.random.default_rng(3)
    rivals = [
        squares(lloyd(sample.x, rng.choice(sample.x, 3, replace=False), 60)[-1]) for _ in range(10)
    ]
    ours = squares(found.mixture.theta.mean)
    assert ours <= min(rivals) * (1 + 1e-10)
    assert not max(rivals) <= ours * (1 + 1e-10)  # the control: starts differ


def test_labels_are_matched_as_well_as_can_be():
    truth = np.array([0, 0, 1, 1, 2, 2])
    for names in permutations(range(3)):
        np.testing.assert_array_equal(clusters.matched(np.array(names)[truth], truth), truth)
    assert (clusters.matched(np.array([1, 1, 0, 2, 2, 2]), truth) != truth).sum() == 1


def test_nobody_errs_less_than_the_truth():
    """The rule's expected error, by the mean over many draws of 1 - its largest probability."""
    sample, labels = simulate(clusters.TRUTH, 20_000, np.random.default_rng(8))
    x = sample.x[sample.inverse]
    pairs = zip(clusters.TRUTH.weight, *clusters.TRUTH.theta, strict=True)
    each = np.array([w * multivariate_normal(m, cov).pdf(x) for w, m, cov in pairs])
    expected = 1 - (each.max(axis=0) / each.sum(axis=0)).mean()
    wrong = clusters.best_possible(x) != labels
    error = np.sqrt(expected * (1 - expected) / len(x))
    assert abs(wrong.mean() - expected) < 4 * error
    nearest = ((x[:, None] - clusters.TRUTH.theta.mean) ** 2).sum(axis=2).argmin(axis=1)
    assert not abs((nearest != labels).mean() - expected) < 4 * error


@pytest.mark.slow
def test_the_study_counts_what_it_says(story):
    told = story("clusters")
    table = {row[0]: row for row in told.steps[0].rows}
    assert table["EM"][1] < table["K-means"][1]
    floor = table["knowing the truth"]
    error = np.sqrt(floor[2] * (1 - floor[2]) / clusters.POINTS)
    close = {name: abs(row[2] - floor[2]) < 4 * error for name, row in table.items()}
    assert close["EM"]
    assert close["the posterior"]
    assert not close["K-means"]
    assert not close["EM, one round covariance"]  # a soft K-means cuts no better
    for row in table.values():
        assert row[1] == round(row[2] * clusters.POINTS)
    assert f"K-means puts {table['K-means'][2]:.1%}" in told.learned


@pytest.mark.slow
def test_memberships_lie_in_their_intervals(story):
    told = story("clusters")
    tree = told.comparison.tree
    fields = [tree["em"][name].to_numpy() for name in ("weight", "mean", "cov")]
    for x, y, _, group, em, mean, low, high in told.steps[1].rows:
        assert 0 <= low <= mean <= high <= 1
        assert high - low > clusters.WIDE
        pairs = zip(*fields, strict=True)
        each = np.array([w * multivariate_normal(m, cov).pdf([x, y]) for w, m, cov in pairs])
        assert em == pytest.approx((each / each.sum()).max(), rel=1e-8)
        assert clusters.NAMES[each.argmax()] == group


@pytest.mark.slow
def test_the_posterior_covers_the_truth(story):
    frame = story("clusters").comparison.to_frame()
    truth = clusters.TRUTH
    known = {f"weight[{k}]": truth.weight[k] for k in range(3)}
    known |= {f"mean[{k},{j}]": truth.theta.mean[k, j] for k in range(3) for j in range(2)}

    def covered(shift):
        gaps = [
            abs(frame.loc[name, "mean"] + shift * frame.loc[name, "sd"] - value)
            / frame.loc[name, "sd"]
            for name, value in known.items()
        ]
        return max(gaps) < 4

    assert covered(0)
    assert not covered(8)
