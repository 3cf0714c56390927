"""What AIC and BIC charge for."""

from __future__ import annotations

import numpy as np
import pytest

from em import fit
from models import Categorical, Groups, Poisson, Sample


def test_equal_components_of_a_mixture_are_charged_for():
    """Deaths of The Times with K = 3: two components coincide, and five parameters are still free."""
    deaths = Sample(range(10), counts=[162, 267, 271, 185, 111, 61, 27, 8, 3, 1])
    found = fit(Poisson, deaths, 3)
    assert found.charged == 5
    assert found.bic == pytest.approx(-2 * found.log_likelihood + 5 * np.log(1096))


def test_a_table_is_charged_for_its_rank():
    """4 x 4 cells and K = 2: 4 + 6 free parameters, of which 2 are open."""
    table = [[9, 1, 5, 2], [2, 6, 4, 3], [5, 5, 1, 7], [3, 8, 2, 2]]
    found = fit(Categorical, Groups.from_table(table), 2, starts=5)
    assert (len(found.coordinates), found.charged) == (10, 8)
    assert found.aic == pytest.approx(-2 * found.log_likelihood + 16)
