"""Spreads of parameters with a skewed likelihood, such as degrees of freedom."""

from __future__ import annotations

import numpy as np
import pytest

from comparisons.verdict.rows import row_of
from models import Gaussian, NegativeBinomial, StudentT

KNOWN = {"r_hat": 1.0, "ess_bulk": 4000.0, "ess_tail": 4000.0}


def test_spreads_of_a_skewed_parameter_are_those_of_its_logarithm(rng):
    """Draws of exp(normal) about 4 with an sd of 0.5, and the standard error 4 x 0.5 of EM."""
    draws = 4 * np.exp(0.5 * rng(1).normal(size=(4, 4_000)))
    plain = row_of(draws, 4.0, 2.0, np.nan, KNOWN)
    logs = row_of(draws, 4.0, 2.0, np.nan, KNOWN, logs=True)
    assert logs["sd_ratio"] == pytest.approx(1, abs=4 * 0.71 / np.sqrt(draws.size))
    assert plain["sd_ratio"] > 1.15  # what a skewed likelihood makes of the same agreement
    assert [logs[name] for name in ("mean", "sd", "gap_in_sd")] == [
        plain[name] for name in ("mean", "sd", "gap_in_sd")
    ]
    # negative control: an error twice too small shows as such
    assert row_of(draws, 4.0, 1.0, np.nan, KNOWN, logs=True)["sd_ratio"] > 1.9


def test_what_is_skewed_is_declared_by_its_family():
    assert [name for name, one in StudentT.layout().items() if one.logs] == ["df"]
    assert [name for name, one in NegativeBinomial.layout().items() if one.logs] == ["size"]
    assert not any(one.logs for one in Gaussian.layout().values())
