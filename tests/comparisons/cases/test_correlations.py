"""Draws with the right margins and no correlations: the cause by name."""

from __future__ import annotations

import pytest
from faults.bayes_faults import independent, moved, scaled
from faults.bayes_slips import adopted
from faults.fault import CLOSE, right

from bayes.posterior.tree import posterior_of
from comparisons import compare
from comparisons.verdict.headline import headline


def codes(comparison):
    return {one.code for one in comparison.findings if one.stands}


@pytest.mark.slow
def test_mean_field_draws_are_named():
    case = right(CLOSE, 0)
    comparison = compare(case.fit, independent(case))
    assert comparison.verdict == "disagree"
    first = headline(comparison.findings)
    assert first.code == "lost_correlations"
    assert "the information gives" in first.message
    # and without their prior, where no identity can be tested
    untold = posterior_of(independent(case)).draws
    comparison = compare(case.fit, adopted(case, untold, prior_known=False))
    assert headline(comparison.findings).code == "lost_correlations"
    assert comparison.verdict == "disagree"
    # negative controls: right draws, and draws that are wrong otherwise
    assert compare(case.fit, case.posterior).verdict == "agree"
    for make in (lambda one: scaled(one, 0.8), lambda one: moved(one, 0.3)):
        assert "lost_correlations" not in codes(compare(case.fit, make(case)))
