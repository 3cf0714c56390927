"""Chains in modes without mass begin again elsewhere; modes of comparable mass keep their chains."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import gammaln

import bayes
from bayes.sampling.compiled import engine_of
from bayes.sampling.modes import NEGLIGIBLE, climbed, restart_of
from models import Gaussian, Mixture, MultivariateGaussian, Sample
from models.question import asked


def test_the_mass_of_a_normal_density_is_exact(rng):
    generator = rng(1)
    root = generator.normal(size=(5, 5)) * 10.0 ** np.linspace(-1, 1, 5)[:, None]
    precision, middle = np.linalg.inv(root @ root.T), generator.normal(size=5)

    def density(z):
        away = z - middle
        return 7.0 - away @ precision @ away / 2, -precision @ away

    peak = climbed(density, np.ones(5))
    away = peak.position - middle
    assert away @ precision @ away < 0.02
    np.testing.assert_allclose(peak.root @ peak.root.T, root @ root.T, rtol=1e-3, atol=1e-6)
    volume = np.linalg.slogdet(2 * np.pi * root @ root.T)[1] / 2
    assert peak.mass == pytest.approx(7 + volume, abs=0.02)
    # negative control: where the density only rises, there is no mode
    assert climbed(lambda z: (z.sum(), np.ones(5)), np.ones(5)) is None


@pytest.mark.parametrize("shape", [1.0, 5.0, 50.0])
def test_the_mass_of_a_log_gamma_is_right_to_stirling(shape):
    peak = climbed(lambda z: (shape * z[0] - np.exp(z[0]), shape - np.exp(z)), np.array([3.0]))
    assert peak.mass == pytest.approx(float(gammaln(shape)), abs=1 / (11 * shape) + 0.001)


def line() -> Sample:
    grid = np.linspace(-2, 2, 60)
    return Sample(np.concatenate([grid, 8 + grid, 16 + grid]))


def square() -> Sample:
    """Four groups in the corners of a square, the same when the columns are exchanged."""
    x = np.random.default_rng(2).normal(size=(80, 2)) + 20 * (np.arange(80) % 2)[:, None] * [1, 0]
    x = np.concatenate([x, x + np.array([0.0, 20.0])])
    return Sample(np.concatenate([x, x[:, ::-1]]))


def test_a_chain_in_a_mode_without_mass_lets_all_begin_again():
    question = asked(Gaussian, line(), 3)
    engine = engine_of(question)
    # in the second, one component stands for two groups, and two for the third
    both = Mixture(
        np.array([[0.33, 0.33, 0.34], [0.66, 0.17, 0.17]]),
        Gaussian(
            np.array([[0.0, 8.0, 16.0], [4.0, 15.0, 17.0]]),
            np.array([[1.0, 1.0, 1.0], [4.0, 0.7, 0.7]]),
        ),
    )
    there, away = engine.pack(question, both)
    again = restart_of(engine, question, np.array([there, away, there]), seed=1)
    assert (again.abandoned.light, again.abandoned.chains) == (1, 3)
    assert again.abandoned.mass < NEGLIGIBLE
    starts = engine.structures(question, np.array([again.start(seed) for seed in range(20)]))
    means = np.sort(starts.theta.mean, axis=1)
    assert np.abs(means - [0, 8, 16]).max() < 1
    assert np.ptp(means, axis=0).min() > 0.1  # and they differ
    # negative control: all chains in the mode that has the mass
    assert restart_of(engine, question, np.array([there, there]), seed=1) is None


def test_modes_of_the_same_mass_keep_their_chains():
    question = asked(MultivariateGaussian, square(), 2)
    engine = engine_of(question)
    flat, tall = np.diag([100.0, 1.0]), np.diag([1.0, 100.0])
    theta = MultivariateGaussian(
        np.array([[[10.0, 0.0], [10.0, 20.0]], [[0.0, 10.0], [20.0, 10.0]]]),
        np.array([[flat, flat], [tall, tall]]),
    )
    ends = engine.pack(question, Mixture(np.full((2, 2), 0.5), theta))
    density = engine.density(question)
    rows, columns = (climbed(density, end) for end in ends)
    assert rows.mass == pytest.approx(columns.mass, abs=0.1)
    assert not np.allclose(rows.position, columns.position, atol=1)
    assert restart_of(engine, question, ends, seed=1) is None


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(1, 5))
def test_chains_in_modes_of_the_same_mass_stay_hopeless(seed):
    """Some of the chains are in a mode without mass, too; the two others would be left to chance."""
    with pytest.warns(bayes.ChainsWarning, match="several modes"):
        tree = bayes.sample(
            MultivariateGaussian, square(), 2, draws="auto", seed=seed, progress=False
        )
    assert tree.attrs["gates"] == "hopeless"
    assert "abandoned" not in tree.attrs
