"""Measurements in several dimensions in PyMC."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pymc as pm

if TYPE_CHECKING:
    from pytensor.tensor import TensorVariable

    from models import MultivariateGaussian, Sample

__all__ = ["log_density"]


def log_density(theta: MultivariateGaussian, sample: Sample) -> TensorVariable:
    """Return log p of every distinct row under every component, (m, K).

    theta: mean (K, d), cov (K, d, d) symbolic.
    """
    groups = pm.MvNormal.dist(mu=theta.mean, cov=theta.cov)
    return pm.logp(groups, sample.x[:, None])
