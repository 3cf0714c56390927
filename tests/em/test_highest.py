"""The best of many starts that are climbed together, and when it is none."""

from __future__ import annotations

from dataclasses import replace
from importlib import import_module

from models import Gaussian, Poisson, Sample
from models.question import asked

inner = import_module("em.highest")


def test_a_last_climb_that_ends_on_a_spike_is_no_best_fit(rng, monkeypatch) -> None:
    """Its likelihood has no bound: BIC would prefer it to any other number of groups."""
    x = rng(3).poisson(rng(4).choice([2.0, 9.0], 80))
    question, usual = asked(Poisson, Sample(x), 2), inner.fitted
    assert inner.highest(question, starts=5, seed=0) is not None

    def spiked(*given, **options):
        found = usual(*given, **options)
        return replace(found, optima=(found.optima[0]._replace(spike=True),))

    monkeypatch.setattr(inner, "fitted", spiked)
    assert inner.highest(question, starts=5, seed=0) is None


def test_a_saddle_between_spikes_is_no_best_fit(rng) -> None:
    """All maxima are spikes, and of 100 starts one ends where both components are the same."""
    sample = Sample([57.0, *rng(3).normal(170, 8, 100).round()])
    found = [inner.highest(asked(Gaussian, sample, 2), starts=100, seed=one) for one in range(6)]
    assert all(one is None or not one.missing > 1 for one in found)
