"""scikit-learn's models of tables as estimates, files of shares, and others' draws of admixtures."""

from __future__ import annotations

import json
import subprocess
import sys
import warnings

import numpy as np
import pytest
import xarray as xr

import bayes
import comparisons
import em
from comparisons.verdict.estimates import estimate_of, family_of
from models import Categorical, Groups, Mixture, Poisson, Sample
from models.question import asked

decomposition = pytest.importorskip("sklearn.decomposition")
HEALTH = np.array(  # Mental Health in Midtown Manhattan: status of parents, symptoms
    [
        [64, 94, 58, 46],
        [57, 94, 54, 40],
        [57, 105, 65, 60],
        [72, 141, 77, 94],
        [36, 97, 54, 78],
        [21, 71, 54, 71],
    ]
)
BEST = -2222.150398  # of two budgets (Clogg & Goodman's tables, given row totals)
SETTINGS = {"beta_loss": "kullback-leibler", "solver": "mu", "init": "random", "random_state": 0}


@pytest.fixture(scope="module")
def data() -> Groups:
    return Groups.from_table(HEALTH)


@pytest.fixture(scope="module")
def posterior(data):
    return bayes.sample(Categorical, data, 2, draws="auto", progress=False)


def factors(table, **settings):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it has not converged
        return decomposition.NMF(2, **{**SETTINGS, **settings}).fit(table)


def topics(table, **settings):
    return decomposition.LatentDirichletAllocation(2, random_state=0, **settings).fit(table)


def findings(found) -> dict:
    return {one.code: one for one in found.findings}


def test_factors_in_our_terms_have_their_own_likelihood(data):
    peer = factors(data.to_table().astype(float), max_iter=5_000, tol=1e-10)
    found, source = estimate_of(peer, asked(Categorical, data, 2))
    assert source == "scikit-learn's NMF"
    assert family_of(peer) is Categorical
    height = (HEALTH * np.log(found.weight @ found.theta.prob)).sum()
    assert height == pytest.approx(BEST, abs=1e-4)
    # negative control: shares that are not scaled by the sums of H
    bare = peer.transform(HEALTH.astype(float))
    bare /= bare.sum(axis=1, keepdims=True)
    theirs = peer.components_ / peer.components_.sum(axis=1, keepdims=True)
    assert (HEALTH * np.log(bare @ theirs)).sum() < BEST - 1e-3


def test_factors_at_the_maximum_agree_and_stopped_ones_do_not(data, posterior):
    table = data.to_table().astype(float)
    found = comparisons.compare(factors(table, max_iter=5_000, tol=1e-10), posterior)
    assert found.verdict == "agree"
    assert found.estimate.source == "scikit-learn's NMF"
    # negative control
    early = comparisons.compare(factors(table, max_iter=3), posterior)
    assert early.estimate.source == "scikit-learn's NMF, not converged"
    assert early.verdict == "disagree"
    assert "short of the maximum" in findings(early)["stopped_early"].message


def test_topics_are_a_posterior_mean_and_no_maximum(data, posterior):
    found = comparisons.compare(topics(data.to_table()), posterior)
    assert found.estimate.source == "scikit-learn's LatentDirichletAllocation"
    away = findings(found)["not_at_maximum"]
    assert 0.2 < away.value < 0.5
    assert f"{away.value:.2g} standard errors from the maximum" in away.message
    assert "an approximate posterior mean under the Dirichlet priors of" in away.message
    assert found.verdict != "agree"


def test_a_file_of_shares_is_judged_like_the_fit(data, posterior, tmp_path):
    fit = em.fit(Categorical, data, 2)
    path = tmp_path / "mine.json"
    fields = {"weight": fit.estimate.weight, "prob": fit.estimate.theta.prob}
    path.write_text(json.dumps({name: field.tolist() for name, field in fields.items()}))
    assert family_of(path) is Categorical
    found = comparisons.compare(path, posterior)
    assert found.verdict == "agree"
    assert found.estimate.log_likelihood == pytest.approx(BEST, abs=1e-5)
    # negative control: shares of groups in another order
    path.write_text(
        json.dumps({"weight": fields["weight"][::-1].tolist(), "prob": fields["prob"].tolist()})
    )
    assert comparisons.compare(path, posterior).verdict == "disagree"
    for weight, said in (
        (fields["weight"][:3], "weight has shape"),
        (fields["weight"][0], "weight has shape"),
    ):
        path.write_text(json.dumps({"weight": weight.tolist(), "prob": fields["prob"].tolist()}))
        with pytest.raises(ValueError, match=said) as problem:
            comparisons.compare(path, posterior)
        assert "\n" not in str(problem.value)


def test_draws_of_ones_own_sampler_are_adopted(data, posterior):
    """Fields weight (chain, draw, G, K) and prob (chain, draw, K, V), whatever their axes' names."""
    kept = posterior["posterior"].to_dataset()
    draws = {
        "weight": (("chain", "draw", "g", "k"), kept["weight"].values[..., ::-1]),
        "prob": (("chain", "draw", "k", "v"), kept["prob"].values[..., ::-1, :]),
    }
    theirs = xr.Dataset(draws)
    fit = em.fit(Categorical, data, 2)
    found = comparisons.compare(fit, xr.DataTree.from_dict({"posterior": theirs}), sample=data)
    assert found.verdict == "agree"
    again = bayes.adopt(Categorical, data, theirs)
    assert np.allclose(again["posterior"]["weight"], kept["weight"], atol=1e-9)
    # by other names, with axes that say which they are
    named = kept.rename(weight="shares").transpose("chain", "draw", "component", ...)
    assert bayes.adopt(Categorical, data, named, {"weight": "shares"}).attrs["components"] == 2
    # negative control: draws of other shares
    wrong = theirs.assign(weight=theirs["weight"][:, :, ::-1])
    judged = comparisons.compare(fit, xr.DataTree.from_dict({"posterior": wrong}), sample=data)
    assert judged.verdict == "disagree"
    with pytest.raises(ValueError, match="chain 0, draw 0") as problem:
        bayes.adopt(Categorical, data, theirs.isel(g=slice(3)))
    assert "\n" not in str(problem.value)


@pytest.mark.parametrize(
    ("made", "ask", "said"),
    [
        (
            lambda: factors(HEALTH[:, :3]),
            lambda data: asked(Categorical, data, 2),
            "NMF was fitted to 3 categories, x has 4",
        ),
        (
            lambda: factors(HEALTH, beta_loss="frobenius"),
            lambda data: asked(Categorical, data, 2),
            "beta_loss='frobenius', which is no likelihood of counts",
        ),
        (
            lambda: decomposition.NMF(2),
            lambda data: asked(Categorical, data, 2),
            "the NMF is not fitted",
        ),
        (
            lambda: topics(HEALTH[:, :3]),
            lambda data: asked(Categorical, data, 2),
            "LatentDirichletAllocation was fitted to 3 categories",
        ),
        (
            lambda: topics(HEALTH),
            lambda data: asked(Poisson, Groups([1, 2, 3, 9], [0, 0, 1, 1]), 2),
            "is of categories; the family is Poisson",
        ),
        (
            lambda: topics(HEALTH),
            lambda data: asked(Poisson, Sample([1, 2, 3, 9]), 2),
            "is of a table of counts; give Groups",
        ),
    ],
)
def test_what_cannot_stand_for_an_admixture_is_refused(made, ask, said, data):
    with pytest.raises(ValueError, match=said) as problem:
        estimate_of(made(), ask(data))
    assert "\n" not in str(problem.value)


def test_another_structure_is_refused(data):
    given = Mixture([0.5, 0.5], Categorical(np.full((2, 4), 0.25)))
    with pytest.raises(ValueError, match="Mixture") as problem:
        estimate_of(given, asked(Categorical, data, 2))
    assert "\n" not in str(problem.value)


def test_a_group_that_factors_leave_empty_is_refused(data):
    peer = factors(HEALTH)
    peer.transform = lambda table: np.zeros((6, 2))
    with pytest.raises(ValueError, match="gives group '0' no component"):
        estimate_of(peer, asked(Categorical, data, 2))
    peer.components_ = np.array([[1.0, 1, 1, 1], [0, 0, 0, 0]])
    with pytest.raises(ValueError, match="component 1 of the NMF is empty"):
        estimate_of(peer, asked(Categorical, data, 2))


def test_tables_are_read_without_scikit_learn():
    code = "import sys, comparisons.verdict.peers; print('sklearn' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "False"
