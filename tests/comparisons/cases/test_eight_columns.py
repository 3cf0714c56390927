"""Eight correlated columns with three groups: 134 parameters from 200 rows, and the two agree."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

import em
from bayes.sampling.modes import NEGLIGIBLE
from comparisons import second_opinion
from comparisons.thresholds import HELLINGER
from models import MultivariateGaussian, Sample


def columns(generator, apart: float, n: int) -> tuple[Sample, np.ndarray]:
    """Return rows and groups: correlations of 0.8, centres equally far apart in sds of a group."""
    root = np.linalg.cholesky(0.2 * np.eye(8) + 0.8)
    ways = np.linalg.qr(generator.normal(size=(8, 8)))[0][:3]
    labels = np.arange(n) % 3
    x = apart / np.sqrt(2) * ways[labels] + generator.normal(size=(n, 8))
    return Sample(x @ root.T), labels


def confused(labels: np.ndarray, found: np.ndarray) -> int:
    """Return the fewest rows under another label, over all ways to name the groups."""
    table = np.zeros((3, 3))
    np.add.at(table, (labels, found), 1)
    return int(len(labels) - table[linear_sum_assignment(-table)].sum())


def shared(generator) -> tuple[Sample, np.ndarray]:
    """Return rows of one thing that all columns measure, and a tenth of it that each has alone."""
    labels = np.arange(200) % 3
    common, own = generator.normal(0, 1, (200, 1)), generator.normal(0, 0.1, (200, 8))
    return Sample(common + own + 0.8 * np.eye(8)[labels]), labels


@pytest.mark.slow
def test_many_parameters_agree(rng):
    sample, labels = columns(rng(3), apart=8.0, n=200)
    assert confused(labels, em.fit(MultivariateGaussian, sample, 3).assign(sample)) == 0
    comparison = second_opinion(MultivariateGaussian, sample, 3, seed=1, progress=False)
    assert comparison.verdict == "agree"
    found = {one.code: one for one in comparison.findings}
    assert found["other_predictions"].threshold > found["other_predictions"].value > HELLINGER
    assert found["different_posterior"].value < 1e-6
    assert "abandoned_chains" not in found


@pytest.mark.slow
def test_chains_that_stood_in_light_modes_begin_again_and_agree(rng):
    sample, labels = shared(rng(17))
    assert confused(labels, em.fit(MultivariateGaussian, sample, 3).assign(sample)) == 0
    comparison = second_opinion(MultivariateGaussian, sample, 3, seed=1, progress=False)
    assert comparison.verdict == "agree"
    assert comparison.tree.attrs["gates"] == "met"
    (said,) = [one for one in comparison.findings if one.code == "abandoned_chains"]
    assert said.severity == "note"
    assert said.value < NEGLIGIBLE


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")
def test_groups_that_the_data_do_not_show_stay_open(rng):
    """The negative control: the same with 60 rows."""
    sample, _ = columns(rng(3), apart=8.0, n=60)
    comparison = second_opinion(MultivariateGaussian, sample, 3, seed=1, progress=False)
    assert comparison.verdict == "inconclusive"
