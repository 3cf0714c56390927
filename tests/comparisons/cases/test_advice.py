"""The advice on the number of groups follows BIC, where that leaves no doubt."""

from __future__ import annotations

import pytest

import em
from comparisons.thresholds import CLEARLY_BETTER
from comparisons.verdict.neighbours import Neighbours
from models import Gaussian, Poisson, Sample
from models.question import asked


def near(family, x, k, **options):
    question = asked(family, Sample(x), k, **options)
    return Neighbours(question, em.fitted(question).bic)


def groups(rng, k, n):
    """Return n observations of k groups, 5 sd apart."""
    return rng.normal(5.0 * rng.integers(k, size=n), 1)


@pytest.mark.parametrize(("true", "given"), [(3, 2), (2, 3), (5, 5), (2, 2), (1, 2)])
def test_the_number_of_groups_that_bic_prefers_is_named(true, given, rng):
    found = near(Gaussian, groups(rng(51), true, 900), given)
    assert found.best == true
    if true == given:
        assert found.advice == "Collect more data, or use a more informative prior."
        assert max(found.gains.values()) < CLEARLY_BETTER
    else:
        assert f"Fit {true} group" in found.advice
        assert "BIC prefers" in found.advice


def test_little_evidence_is_no_advice():
    assert near(Poisson, [0, 1, 1, 2, 2, 3], 1).best == 1


def test_neighbours_that_cannot_be_fitted_are_left_out():
    found = near(Poisson, [0, 1, 1], 2)
    assert set(found.gains) == {1}  # three groups of two distinct counts are refused
