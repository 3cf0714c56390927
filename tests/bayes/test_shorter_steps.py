"""Chains that diverge are drawn again with shorter steps, once."""

from __future__ import annotations

from importlib import import_module

import numpy as np

import bayes
from bayes.posterior.prospects import Hopeless
from bayes.sampling import nuts
from models import Poisson, Sample

sample = import_module("bayes.sample")  # the function of that name hides it
CALLS = Sample([0, 1, 2, 8, 9, 10, 11], counts=[20, 30, 20, 10, 20, 15, 5])


def draw(**options):
    return bayes.sample(Poisson, CALLS, 2, draws=300, tune=300, seed=1, progress=False, **options)


def test_chains_that_diverge_are_drawn_again_with_shorter_steps(monkeypatch):
    usual = draw()
    monkeypatch.setattr(sample, "DIVERGING", -1.0)  # any share is then too large
    shorter = draw()
    assert "diverged" not in usual.attrs
    assert shorter.attrs["diverged"] == float(usual["sample_stats"]["diverging"].mean())
    accepted = [float(one["sample_stats"]["acceptance_rate"].mean()) for one in (usual, shorter)]
    steps = [float(one["sample_stats"]["n_steps"].mean()) for one in (usual, shorter)]
    assert accepted[0] < (nuts.TARGET + nuts.SHORTER) / 2 < accepted[1]
    assert steps[1] > steps[0]
    rate = [one["posterior"]["rate"] for one in (usual, shorter)]
    apart = np.abs(rate[1].mean(("chain", "draw")) - rate[0].mean(("chain", "draw")))
    assert float((apart / rate[0].std(("chain", "draw"))).max()) < 5 * np.sqrt(2 / 400)  # 5 MCSE


def test_that_chains_were_drawn_again_is_said_and_what_helped():
    from comparisons import compare

    tree = draw()
    fine = {one.code: one for one in compare(None, tree).findings}
    assert "drawn_again" not in fine
    tree.attrs["diverged"] = 0.05
    found = {one.code: one for one in compare(None, tree).findings}
    assert found["drawn_again"].severity == "note"
    assert found["drawn_again"].message.startswith("At first 5% of the draws diverged.")


def test_hopeless_chains_are_not_drawn_again(monkeypatch):
    monkeypatch.setattr(sample, "DIVERGING", -1.0)
    monkeypatch.setattr(sample, "_looked", _hopeless(sample._looked))
    assert "diverged" not in draw().attrs


def _hopeless(looked):
    def found(*given):
        seen = looked(*given)
        return seen._replace(hopeless=Hopeless("slow_chains", 1.0, 1.0, "No."))

    return found
