"""The loop knows `expect` and `maximize` and nothing else, and enforces the ascent."""

from __future__ import annotations

import numpy as np
import pytest

from em import climb, fit
from em.climb.loop import DescentError
from models import Binomial, Gaussian, Mixture, Poisson, Sample

LINKAGE = np.array([125.0, 18.0, 20.0, 34.0])  # Rao; Dempster, Laird & Rubin 1977
LIMIT = (15 + np.sqrt(53809)) / 394


class Linkage:
    """Cells 1/2 + p/4, (1 - p)/4, (1 - p)/4, p/4; the first holds two kinds of offspring."""

    def expect(self, p):
        share = np.array([0.5 + p / 4, (1 - p) / 4, (1 - p) / 4, p / 4])
        hidden = LINKAGE[0] * (p / 4) / share[0]
        return float(LINKAGE @ np.log(share)), np.array([hidden + LINKAGE[3], LINKAGE[1:3].sum()])

    def maximize(self, kinds):
        return kinds[0] / kinds.sum()


def path_of(model, start, steps, **options):
    seen = [start]
    climb(
        model,
        start,
        max_steps=steps,
        tolerance=0,
        on_step=lambda _, p, __: seen.append(p),
        **options,
    )
    return np.array(seen)


def test_genetic_linkage():
    """A model that is no mixture of ours: the loop is generic."""
    path = path_of(Linkage(), 0.5, 3, accelerate=False)
    np.testing.assert_allclose(path[1:], [0.608247, 0.624321, 0.626489], atol=5e-7)
    for accelerate in (False, True):
        found = climb(Linkage(), 0.5, accelerate=accelerate, tolerance=1e-8)
        assert found.converged
        assert found.parameters == pytest.approx(LIMIT, abs=1e-9)


def test_genetic_linkage_rate_is_the_missing_information_and_gives_the_error():
    path = path_of(Linkage(), 0.5, 8, accelerate=False)
    steps = np.diff(path)
    rate = steps[6] / steps[5]
    assert rate == pytest.approx(0.132779, abs=2e-6)
    hidden, rest = Linkage().expect(LIMIT)[1]
    complete = hidden / LIMIT**2 + rest / (1 - LIMIT) ** 2
    assert (complete * (1 - 0.132779)) ** -0.5 == pytest.approx(0.051467, abs=1e-6)


class Falling(Linkage):
    """An M-step that overshoots: what a slip in a family looks like."""

    def maximize(self, kinds):
        return min(0.999, 1.5 * super().maximize(kinds))


class Broken(Linkage):
    def maximize(self, kinds):
        return np.nan


@pytest.mark.parametrize("model", [Falling(), Broken()], ids=["falls", "nan"])
@pytest.mark.parametrize("accelerate", [True, False])
def test_the_loop_raises_where_the_theorem_is_broken(model, accelerate):
    with pytest.raises(DescentError, match="the objective fell from"):
        climb(model, 0.6, accelerate=accelerate)


def test_the_loop_raises_on_a_start_outside():
    with np.errstate(invalid="ignore"), pytest.raises(DescentError, match="at the start"):
        climb(Linkage(), -0.5)


GEISSLER = Sample(range(13), 12, [3, 24, 104, 286, 670, 1033, 1343, 1112, 829, 478, 181, 45, 7])
HASSELBLAD = Sample(range(10), counts=[162, 267, 271, 185, 111, 61, 27, 8, 3, 1])
SLOW = {
    "Geissler": (Binomial, GEISSLER, Mixture([0.5, 0.5], Binomial([0.4, 0.6])), 100),
    "Hasselblad": (Poisson, HASSELBLAD, Mixture([0.3, 0.7], Poisson([1.0, 2.5])), 40),
}


@pytest.mark.parametrize(("family", "sample", "start", "most"), SLOW.values(), ids=SLOW)
def test_acceleration_takes_few_evaluations_to_the_same_limit(family, sample, start, most):
    fast = fit(family, sample, 2, start=start)
    slow = fit(family, sample, 2, start=start, accelerate=False, max_steps=20_000)
    assert fast.converged
    assert slow.converged
    assert fast.evaluations <= most
    assert slow.evaluations > 10 * most  # the control: plain EM is the slow one here
    assert fast.log_likelihood == pytest.approx(slow.log_likelihood, abs=1e-7)
    np.testing.assert_allclose(fast.mixture.weight, slow.mixture.weight, atol=1e-4)
    for found in (fast, slow):
        assert (np.diff(found.trace) >= -1e-12 * abs(found.log_likelihood)).all()
        assert found.decrement < 1e-4


def test_slow_is_not_converged():
    """A gain below any usual tolerance does not stop the climb: Geissler's is long after it."""
    start = Mixture([0.5, 0.5], Binomial([0.4, 0.6]))
    slow = fit(Binomial, GEISSLER, 2, start=start, accelerate=False, max_steps=20_000)
    small = np.flatnonzero(np.diff(slow.trace) < 1e-3)[0]  # scikit-learn's default would stop here
    assert slow.trace[-1] - slow.trace[small] > 0.05
    stopped = fit(Binomial, GEISSLER, 2, start=start, accelerate=False, max_steps=int(small))
    assert not stopped.converged
    assert stopped.decrement > 0.1


def test_tolerance_zero_takes_exactly_the_steps_asked_for():
    for steps in (0, 1, 7, 60):
        for accelerate in (True, False):
            found = fit(
                Poisson,
                HASSELBLAD,
                2,
                seed=3,
                starts=1,
                tolerance=0,
                max_steps=steps,
                accelerate=accelerate,
            )
            assert found.steps == steps
            assert len(found.trace) == steps + 1
            assert not found.converged


def test_observer_sees_every_step_of_every_start_in_the_units_of_the_data():
    heights = Sample([150.0, 152.0, 155.0, 171.0, 172.0, 175.0, 160.0, 168.0])
    seen = []
    found = fit(Gaussian, heights, 2, starts=3, on_step=seen.append)
    assert {step.start for step in seen} == {0, 1, 2}
    for start in range(3):
        mine = [step for step in seen if step.start == start]
        assert [step.step for step in mine] == list(range(1, len(mine) + 1))
        assert (np.diff([step.objective for step in mine]) >= -1e-9).all()
    assert all((step.mixture.theta.mean > 140).all() for step in seen)
    assert min(abs(step.objective - found.log_likelihood) for step in seen) < 1e-9


def test_an_observer_may_stop_the_climb_by_raising():
    class EnoughError(Exception):
        pass

    def stop(step):
        if step.step == 2:
            raise EnoughError

    with pytest.raises(EnoughError):
        fit(Poisson, HASSELBLAD, 2, on_step=stop)
