"""Measurements in one dimension in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pymc as pm

if TYPE_CHECKING:
    from pytensor.tensor import TensorVariable

    from models import Gaussian, Sample

__all__ = ["log_density"]


def log_density(theta: Gaussian, sample: Sample) -> TensorVariable:
    """Return log p of every distinct row under every component, (m, K).

    theta: mean, sd (K,) symbolic.
    """
    return pm.logp(pm.Normal.dist(mu=theta.mean, sigma=theta.sd), sample.x[:, None])
