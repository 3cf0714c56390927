"""Messages that say a remedy as Python writes it and as it is typed."""

from __future__ import annotations

import pytest

from models import Gamma, Sample
from models.refusal import Refusal, both, worded


def test_a_remedy_is_said_as_it_is_asked_for():
    message = f"give rows in time {both('Sequences(x)', '--in-order')}, or one group"
    assert str(Refusal(message)) == "give rows in time (Sequences(x)), or one group"
    assert worded(message, typed=True) == "give rows in time (--in-order), or one group"
    assert worded(message) == "give rows in time, or one group"


def test_what_a_user_writes_in_brackets_stays_as_it_is():
    name = "price [EUR | USD]"
    problem = Refusal(f"there is no column {name!r}; take another {both('columns=', '--column')}")
    assert name in str(problem)
    assert name in worded(problem.both_ways, typed=True)
    assert "(--column)" in worded(problem.both_ways, typed=True)


def test_zeros_of_a_positive_column_are_told_both_ways():
    with pytest.raises(Refusal, match=r"\(ZeroInflated\(Gamma\)\)") as told:
        Gamma.observe(Sample([3.0, 0.0, 2.0]))
    assert "(--family gamma --zeros)" in worded(told.value.both_ways, typed=True)
