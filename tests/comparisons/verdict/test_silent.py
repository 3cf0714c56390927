"""A component of counts that is all but always 0 is called zeros in excess."""

from __future__ import annotations

import numpy as np
import pytest

import em
from comparisons.verdict.judge_em import spiked
from models import Groups, NegativeBinomial, Poisson, Sample


def boundary(fit: em.Fit):
    [found] = [one for one in spiked(fit, fit) if one.code == "boundary"]
    return found


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("family", [NegativeBinomial, Poisson])
def test_the_advice_is_a_family_with_zeros(family, seed, rng):
    draw = rng(seed)
    x = np.where(draw.random(400) < 0.4, 0, draw.negative_binomial(6, 0.4, 400))
    found = boundary(em.fit(family, Sample(x), 2, starts=5))
    assert found.severity == "note"
    assert "Zeros in excess: group 1 is 0 with probability" in found.message
    name = "negative-binomial" if family is NegativeBinomial else "poisson"
    assert found.remedy == f"Fit 1 group with --family {name} --zeros."
    # negative control: counts of two groups without such zeros
    plain = boundary(em.fit(family, Sample(np.r_[x[x > 0], draw.poisson(2, 200)]), 2, starts=5))
    assert "excess" not in plain.message


def test_in_groups_the_zeros_are_named_but_no_family_says_the_same(rng):
    draw, group = rng(3), np.repeat(np.arange(4), 100)
    shares = np.array([0.2, 0.4, 0.6, 0.8])[group]
    x = np.where(draw.random(400) < shares, 0, draw.poisson(9, 400))
    found = boundary(em.fit(Poisson, Groups(x, group), 2, starts=3))
    assert "component 1 is 0 with probability" in found.message
    assert "--zeros" not in found.remedy
