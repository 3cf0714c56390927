"""Coins in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pymc as pm

if TYPE_CHECKING:
    from pytensor.tensor import TensorVariable

    from models import Binomial, Sample

__all__ = ["log_density"]


def log_density(theta: Binomial, sample: Sample) -> TensorVariable:
    """Return log p of every distinct row under every component, (m, K).

    theta: prob (K,) symbolic.
    """
    flips = pm.Binomial.dist(n=sample.trials[:, None], p=theta.prob)
    return pm.logp(flips, sample.x[:, None])
