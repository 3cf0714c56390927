"""Families are understood by the names that people give them, or the right one is suggested."""

from __future__ import annotations

import re

import pytest

from models import Gaussian, MultivariateGaussian
from models.aliases import ALIASES, HINTS, family_meant, is_family
from models.names import FAMILIES, FORMS, family_called
from models.refusal import Refusal

EVERY = [*FAMILIES.values(), *(one for forms in FORMS.values() for one in forms.values())]
MEANT = {
    "Normal": "Gaussian",
    "GMM": "Gaussian",
    "gaussian mixture": "Gaussian",
    "log-normal": "LogNormal",
    "log_normal": "LogNormal",
    "neg bin": "NegativeBinomial",
    "Student's t": "StudentT",
    "t": "StudentT",
    "StudentT(df=2.5)": "StudentT(df=2.5)",
    "student t (df=4)": "StudentT(df=4)",
    "cauchy": "StudentT(df=1)",
    "ZIP": "ZeroInflated(Poisson)",
    "zinb": "ZeroInflated(NegativeBinomial)",
    "zero_inflated(neg-bin)": "ZeroInflated(NegativeBinomial)",
    "independent(normal, neg bin, categorical)": (
        "Independent(Gaussian, NegativeBinomial, Categorical)"
    ),
    "diagonal gaussian": "DiagonalGaussian",
}


@pytest.mark.parametrize(("name", "title"), MEANT.items())
def test_a_name_means_a_family(name, title):
    assert family_meant(name) is family_called(title)
    assert is_family(name)


def test_a_normal_distribution_of_several_columns_is_multivariate():
    for name in ("normal", "gmm", "Gauss"):
        assert family_meant(name, several=True) is MultivariateGaussian
        assert family_meant(name) is Gaussian
    # negative control: our own name is taken at its word
    assert family_meant("gaussian", several=True) is Gaussian


@pytest.mark.parametrize("family", EVERY, ids=lambda family: family.__name__)
def test_our_own_names_mean_what_they_are(family):
    assert family_meant(family.__name__) is family
    assert family_meant(family.__name__.lower()) is family


def test_no_alias_hides_a_name_of_ours_and_all_lead_somewhere():
    own = {re.sub(r"\W", "", name) for name in FAMILIES}
    for target, aliases in ALIASES.items():
        several = target == "multivariate"
        for alias in aliases:
            assert re.sub(r"\W", "", alias) not in own
            assert family_meant(alias, several=several) is family_meant(target, several=several)
    for name in HINTS:
        assert not is_family(name)


SUGGESTED = {
    "bernoulli": r"family is 'bernoulli'; take binomial with 1 trial a row",
    "exponential": "take gamma, of which it is the special case",
    "HMM": r"Sequences\(x\), or --in-order",
    "LDA": r"Groups\(x, group\), or --group",
    "LCA": r"independent\(categorical, categorical\), or --column",
    "gausian": "did you mean gaussian[?] it takes binomial, gaussian",
    "multivarate normal": "did you mean multivariate[?]",
    "weibull": "family is 'weibull'; it takes binomial",
    "independent(gaussian, hight)": "it takes binomial",
    "poisson(": "it takes binomial",
    "": "it takes binomial",
    "student-t(df=x)": "it takes binomial",
}


@pytest.mark.parametrize(("name", "said"), SUGGESTED.items())
def test_other_names_are_answered_with_what_to_take(name, said):
    assert not is_family(name)
    with pytest.raises(Refusal, match=said) as refused:
        family_meant(name)
    assert "\n" not in str(refused.value)


def test_parts_that_cannot_be_parts_are_refused_by_their_own_reason():
    with pytest.raises(Refusal, match="MultivariateGaussian"):
        family_meant("independent(poisson, multivariate)")
    with pytest.raises(Refusal, match="--zeros"):
        family_meant("zero-inflated(gaussian)")
