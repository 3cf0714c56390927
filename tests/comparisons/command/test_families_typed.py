"""Families typed by the names that people give them."""

from __future__ import annotations

import pytest

from comparisons.command.choose import _kinds
from comparisons.command.inputs import kind_of, known_family
from models.names import FAMILIES, identified_alone
from models.refusal import Refusal

TYPED = {
    "normal": (("normal", None, None, ["height"]), "Gaussian"),
    "normal of two": (("normal", None, None, ["height", "weight"]), "MultivariateGaussian"),
    "gmm with a form": (("gmm", "tied", None, ["height", "weight"]), "TiedGaussian"),
    "t": (("T", None, 4.0, ["height"]), "StudentT(df=4)"),
    "title": (("StudentT(df=4)", None, None, ["height"]), "StudentT(df=4)"),
    "zip": (("zip", None, None, ["visits"]), "ZeroInflated(Poisson)"),
    "behind columns": (
        (None, None, None, ["age:normal", "visits:negbin"]),
        "Independent(Gaussian, NegativeBinomial)",
    ),
}


@pytest.mark.parametrize("case", TYPED)
def test_a_typed_name_is_understood(case):
    typed, title = TYPED[case]
    assert kind_of(*typed)[0].__name__ == title


def test_columns_keep_their_names_beside_a_family():
    # "t" would be an alias, were the columns to name their families
    assert kind_of("poisson", None, None, ["at:t"])[1] == ["at:t"]
    assert kind_of(None, None, None, ["at:t", "of:normal"])[1] == ["at", "of"]


REFUSED = {
    "bernoulli": (("bernoulli", None, None, ["yes"]), "--family is 'bernoulli'; take binomial"),
    "a form of another": (("negbin", "tied", None, ["n"]), "needs --family multivariate"),
    "df of another, with a form": (
        ("gmm", "tied", 4.0, ["height", "weight"]),
        "--df needs --family student-t",
    ),
    "one without": ((None, None, None, ["age:normal", "visits"]), "--column visits names no"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_no_family_is_meant_by_is_refused(case):
    typed, said = REFUSED[case]
    with pytest.raises(Refusal, match=said):
        kind_of(*typed)


def test_several_families_are_typed_with_commas():
    kinds, columns = _kinds("normal, t", None, 4.0, ["height"], zeros=False)
    assert [one.__name__ for one in kinds] == ["Gaussian", "StudentT(df=4)"]
    assert columns == ["height"]
    kinds, _ = _kinds("mvn", "all", None, ["a", "b"], zeros=False)
    assert "TiedGaussian" in {one.__name__ for one in kinds}


def test_one_of_some_families_is_known_by_its_short_name():
    assert known_family("Normal", FAMILIES) == "gaussian"
    for strange in ("categorical", "student-t(df=4)", "gausian"):
        with pytest.raises(Refusal, match=r"there is no family"):
            known_family(strange, identified_alone())
