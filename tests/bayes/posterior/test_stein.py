"""Draws of the posterior meet two identities, and draws of anything else do not."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr
from families import DRAWN

import bayes

FEW = {"draws": 500, "tune": 500, "seed": 5, "progress": False}
WIDE = 1.5


@pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")
@pytest.mark.parametrize("row", DRAWN)
def test_draws_are_known_from_others(row, rng):
    sample = row.sample(rng(61), 2, 200)
    tree = bayes.sample(row.family, sample, 2, prior=row.prior, **FEW)
    assert max(bayes.target(tree)) < 5
    # negative control: the shares drawn half as far again from their mean
    posterior = tree["posterior"].to_dataset()
    logit = np.log(posterior["weight"] / (1 - posterior["weight"]))
    mean = logit.mean(("chain", "draw"))
    moved = posterior.assign(weight=1 / (1 + np.exp(-(mean + WIDE * (logit - mean)))))
    total = moved["weight"].sum("component")
    other = bayes.adopt(
        row.family,
        sample,
        xr.DataTree.from_dict({"posterior": moved.assign(weight=moved["weight"] / total)}),
        prior=row.prior,
    )
    assert bayes.target(other).shape > 5
