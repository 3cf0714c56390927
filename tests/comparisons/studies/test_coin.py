"""One coin: seven heads in ten flips."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar

from comparisons.studies import coin

K_SIGMA = 4


def test_the_lecture_s_numbers():
    assert "".join("TH"[flip] for flip in coin.FLIPS) == "HHTHHHTTHH"
    best = minimize_scalar(lambda p: -coin.likelihood(p), bounds=(0, 1), options={"xatol": 1e-10})
    assert best.x == pytest.approx(0.7, abs=1e-6)
    assert coin.likelihood(np.array(0.7)) == pytest.approx(0.7**7 * 0.3**3)
    logarithm = minimize_scalar(
        lambda p: -7 * np.log(p) - 3 * np.log1p(-p), bounds=(0.01, 0.99), options={"xatol": 1e-10}
    )
    assert logarithm.x == pytest.approx(best.x, abs=1e-6)
    assert coin.likelihood(np.array(0.7)) != pytest.approx(0.7**6 * 0.3**4)  # negative control


def test_the_posterior_is_the_normalised_likelihood():
    whole = quad(coin.likelihood, 0, 1)[0]
    for p in (0.2, 0.5, 0.7, 0.9):
        assert coin.POSTERIOR.pdf(p) == pytest.approx(coin.likelihood(p) / whole, rel=1e-9)
    mean, _ = quad(lambda p: p * coin.likelihood(p) / whole, 0, 1)
    assert coin.POSTERIOR.mean() == pytest.approx(mean) == pytest.approx(8 / 12)


def test_both_codes_say_so(story):
    comparison = story("coin").comparison
    row = comparison.to_frame().loc["prob[0]"]
    assert row["mle"] == pytest.approx(0.7, abs=1e-12)
    assert row["se"] == pytest.approx(np.sqrt(0.7 * 0.3 / 10), rel=1e-9)

    def sampled(exact):
        return abs(row["mean"] - exact) < K_SIGMA * row["mcse"]

    assert sampled(coin.POSTERIOR.mean())
    assert not sampled(0.7)  # the mean is not the peak
