"""What is known before any work, and verdicts on legitimate edges; each case beside a sibling."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

import bayes
import comparisons
import em
from models import (
    Binomial,
    BinomialPrior,
    Gaussian,
    Mixture,
    MultivariateGaussian,
    Poisson,
    Prior,
    Sample,
    simulate,
)

pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")
COINS = Mixture([0.4, 0.6], Binomial([0.3, 0.6]))


def finding(comparison, code):
    (found,) = [one for one in comparison.findings if one.code == code]
    return found


def standing(comparison):
    return {one.code for one in comparison.findings if one.stands}


@cache
def flips():
    return simulate(COINS, 300, np.random.default_rng(5), trials=20)[0]


@cache
def drawn(prior=None):
    return bayes.sample(Binomial, flips(), 2, prior=prior, draws=1_500, seed=1, progress=False)


# chains and priors


def test_one_chain_is_a_note():
    fit = em.fit(Binomial, flips(), 2)
    alone = comparisons.compare(fit, drawn().isel(chain=slice(1)))
    note = finding(alone, "one_chain")
    assert note.severity == "note"
    assert "One chain cannot show whether chains agree" in note.message
    assert "draw several" in note.remedy.lower()
    # the sibling, with four, is as it was
    four = comparisons.compare(fit, drawn())
    assert finding(four, "one_chain").severity == "ok"
    assert four.verdict == "agree"


def test_a_given_prior_that_pulls_is_a_doubt_with_its_size():
    fit = em.fit(Binomial, flips(), 2)
    strong = Prior(0.0, BinomialPrior(heads=2_700.0, tails=3_300.0))
    comparison = comparisons.compare(fit, drawn(strong))
    pull = finding(comparison, "prior_pull")
    assert comparison.verdict == "inconclusive"
    assert pull.severity == "doubt"
    assert f"by up to {pull.value:.3g} posterior sd" in pull.message
    # a given prior that does not pull leaves the verdict alone
    mild = comparisons.compare(fit, drawn(Prior(0.0, BinomialPrior(heads=0.5, tails=0.5))))
    assert mild.verdict == "agree"
    assert finding(mild, "prior_pull").severity == "ok"
