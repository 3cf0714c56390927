"""Families are known by their titles, those made of others or of numbers as well."""

from __future__ import annotations

import pickle
from functools import cache

import numpy as np
import pytest
from families import FAMILIES

from models import Poisson, PoissonPrior, StudentT
from models.names import (
    MADE,
    Made,
    arguments_of,
    family_called,
    name_of,
    partly_seen,
    record_of,
    register_made,
    spelt,
    takes_blanks,
)
from models.refusal import Refusal
from models.student_t_given import StudentTGiven


class Sum(Poisson):
    """A family of two parts, each with a title of its own."""

    parts: tuple[type, type]


@cache
def sum_of(*parts: type) -> type:
    title = f"Sum({', '.join(one.__name__ for one in parts)})"
    return type(title, (Sum,), {"parts": parts})


def read(text: str) -> type:
    one, other = arguments_of(text)
    return sum_of(family_called(one), family_called(other))


def spell(family: type) -> tuple[str, frozenset[str]]:
    parts = [spelt(one) for one in family.parts]
    text = ", ".join(one for one, _ in parts)
    return f"Sum({text})", frozenset({"Sum"}).union(*(names for _, names in parts))


@pytest.fixture
def sums(monkeypatch):
    monkeypatch.setitem(MADE, "sum", None)
    register_made("sum", Made("Sum", Sum, read, lambda family: PoissonPrior, spell))


def test_a_title_restores_what_it_is_made_of(sums):
    tied = family_called("TiedGaussian")
    family = sum_of(Poisson, sum_of(Poisson, tied))
    assert family.__name__ == "Sum(Poisson, Sum(Poisson, TiedGaussian))"
    assert family_called(family.__name__) is family
    assert name_of(family) == "sum"
    assert record_of(family) is PoissonPrior
    text, names = spelt(family)
    assert text == 'Sum(Poisson, Sum(Poisson, MultivariateGaussian.with_covariance("tied")))'
    assert names == {"Sum", "Poisson", "MultivariateGaussian"}
    # negative control: what it is derived from keeps its own name
    assert name_of(Poisson) == "poisson"


@pytest.mark.parametrize(
    "title",
    ["Sum", "Sum()", "Sum(Poisson)", "Sum(Poisson, Gauss)", "Sum(Poisson, Poisson", "Summ(a, b)"],
)
def test_a_title_that_cannot_be_read_is_refused_by_its_name(title, sums):
    with pytest.raises(
        Refusal, match=r"the posterior is of family 'Summ?.*, which this version does not know"
    ):
        family_called(title)


@pytest.mark.parametrize("row", FAMILIES, ids=[row.name for row in FAMILIES])
def test_each_family_is_restored_by_its_title_and_by_what_python_writes(row):
    named = family_called(row.family.__name__)  # of rows with blanks that of complete ones
    assert row.family in ({named, partly_seen(named)} if takes_blanks(named) else {named})
    text, names = spelt(row.family)
    assert eval(text, {name: getattr(__import__("models"), name) for name in names}) is named
    assert pickle.loads(pickle.dumps(row.family)) is row.family
    record = type(row.prior.theta)
    assert pickle.loads(pickle.dumps(record)) is record


def test_a_pickle_restores_families_that_are_made():
    theta = StudentT.with_df(2.5)(np.zeros(1), np.ones(1))
    again = pickle.loads(pickle.dumps(theta))
    assert type(again) is StudentT.with_df(2.5)
    assert pickle.loads(pickle.dumps(StudentTGiven)) is StudentTGiven
    # negative control: a class that is made without its title cannot be restored
    with pytest.raises(pickle.PicklingError):
        pickle.dumps(type("StudentT(df=2.5)", (), {}))
