"""Counts of events in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pymc as pm

if TYPE_CHECKING:
    from pytensor.tensor import TensorVariable

    from models import Poisson, Sample

__all__ = ["log_density"]


def log_density(theta: Poisson, sample: Sample) -> TensorVariable:
    """Return log p of every distinct row under every component, (m, K).

    theta: rate (K,) symbolic.
    """
    return pm.logp(pm.Poisson.dist(mu=theta.rate), sample.x[:, None])
