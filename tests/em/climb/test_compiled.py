"""Climbs in machine code are those of NumPy, for every family that has formulas there."""

from __future__ import annotations

import subprocess
import sys
from copy import deepcopy
from dataclasses import replace
from importlib import import_module
from itertools import islice

import numpy as np
import pytest
from families import FAMILIES

import em
import em.binomial
import em.gaussian
import em.poisson
from em.climb import compiled
from em.climb import steps as stepping
from em.climb.compiled import Room, _expect, _exponentials, _logarithms, _solved, advance
from em.climb.search import Climber
from em.climb.starts import starting_points
from em.climb.steps import Steps
from em.data.blocks import default_floor, rows_of
from em.data.threads import Threads, executor_for
from em.emission import Formulas, emission_of
from em.model import model_of
from models import Gaussian, Poisson, Sample, weak_prior
from models.question import asked
from models.structure import fields_of

ROWS = [row for row in FAMILIES if getattr(emission_of(row.family), "formulas", None) is not None]
OPTIONS = {"usual": {}, "plain": {"accelerate": False}, "farther": {"reach": 20.0}}


def modelled(family, data, k, units=None, floor=None):
    question, emission = asked(family, data, k), emission_of(family)
    if units is None:
        with executor_for(data.sample, emission, k) as workers:
            units = workers.rows.units
    rows = rows_of(data.sample, emission, k, units)
    floor = default_floor(rows, emission) if floor is None else np.array([floor])
    return model_of(question, Threads(rows), floor=floor)


def of_two_sets(row, k, rng, floor=None):
    first = modelled(row.family, row.sample(rng, 2, 120), k, floor=floor)
    second = modelled(row.family, row.sample(rng, 2, 90), k, first.rows.units, floor)
    starts = [list(islice(starting_points(one, 6, rng), 6)) for one in (first, second)]
    return (
        [first, second],
        np.repeat([0, 1], [len(own) for own in starts]),
        [*starts[0], *starts[1]],
    )


def both(monkeypatch, models, whose, starts, tolerance, steps, **options):
    """Return the ends in machine code, and those in NumPy."""
    with monkeypatch.context() as patched:
        patched.setattr(stepping, "SOON", 0)
        taken = Steps(models, whose, starts, **options)
        assert taken.compiles
        found = taken.climb(tolerance, steps)
        patched.setattr(Steps, "compiles", False)
        usual = Steps(models, whose, starts, **options).climb(tolerance, steps)
    assert found.keys() == usual.keys()
    return [(found[at], usual[at]) for at in usual]


def numbers(structure):
    return np.concatenate([np.ravel(field) for field in fields_of(structure).values()])


def test_every_family_with_formulas_is_looked_at():
    assert {emission_of(row.family).formulas for row in ROWS} == set(Formulas)
    assert (compiled.BINOMIAL, compiled.POISSON, compiled.LOG_NORMAL) == (
        Formulas.BINOMIAL,
        Formulas.POISSON,
        Formulas.LOG_NORMAL,
    )


def test_constants_that_stand_twice_are_equal():
    """Machine code keeps what one file compiles, and would not see a change in another one."""
    loop = import_module("em.climb.loop")  # `em.climb` is also a function
    for name in ("ROUNDING", "LAST_PLACES", "PATIENCE"):
        assert getattr(compiled, name) == getattr(loop, name)
    assert (compiled.RIDGE, compiled.TINY) == (stepping.RIDGE, stepping.TINY)
    assert stepping.NOBODY == compiled.NOBODY
    assert em.gaussian.FARTHEST == compiled.FARTHEST
    assert em.binomial.LOG_ZERO == em.poisson.LOG_ZERO == compiled.LOG_ZERO


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("k", [2, 4])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_first_steps_are_those_of_numpy(row, k, options, rng, monkeypatch):
    """Later ones amplify rounding: the extrapolation is a quotient of small differences."""
    models, whose, starts = of_two_sets(row, k, rng(5))
    for steps in (1, 2, 3):
        for one, other in both(monkeypatch, models, whose, starts, 0.0, steps, **options):
            assert one.left == other.left
            assert len(one.climb.trace) == len(other.climb.trace)
            assert np.allclose(one.climb.trace, other.climb.trace, rtol=1e-9, atol=1e-9)
            here, there = numbers(one.climb.parameters), numbers(other.climb.parameters)
            assert np.allclose(here, there, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_any_later_step_is_that_of_numpy(row, rng):
    """From the same place and memory; also after jumps that led down, and with a full memory.

    Where a step gains next to nothing, rounding decides whether a jump is taken. The equations of a
    jump are all but singular, so that it has three digits in common.
    """
    full = failed = looked = 0
    for seed in range(3):
        models, whose, starts = of_two_sets(row, 3, rng(seed))
        steps = Steps(models, whose, starts)
        going = steps.begun
        for _ in range(40):
            before, other = going.here.copy(), deepcopy(going)
            _, taken = steps._steps(other, 0.0, 1, compiled=True)
            steps._steps(going, 0.0, 1, compiled=False)
            gains = ~going.left & (going.gain > 1e-6 * np.abs(going.value))
            assert taken[gains].all()
            assert (other.left == going.left)[gains].all()
            for name in ("kept", "failures", "stride", "evaluations"):
                assert np.array_equal(getattr(other, name)[gains], getattr(going, name)[gains])
            for name in ("steps", "images"):
                one, two = getattr(other, name)[gains], getattr(going, name)[gains]
                assert np.allclose(one, two, rtol=1e-9, atol=1e-9), name
            length = np.abs(going.here - before).max(axis=1)
            apart = np.abs(other.here - going.here).max(axis=1)
            assert (apart <= 1e-3 * length + 1e-9)[gains].all()
            assert (np.abs(other.value - going.value) <= 1e-3 * going.gain)[gains].all()
            looked += gains.sum()
            full += (going.kept[gains] > 5).sum()
            failed += (going.failures[gains] >= compiled.PATIENCE - 1).sum()
    assert looked > 100
    assert full > 10
    assert failed or row.name != "gaussian"


@pytest.mark.parametrize("many", [1, 2, 3, 4, 5])
def test_equations_are_solved_also_where_rows_have_to_change_places(many, rng):
    system = rng(11).normal(size=(5, 5))
    system[0, 0] = 0.0
    wanted = rng(12).normal(size=5)
    if many == 1:
        system[0, 0] = 2.0
    expected = np.linalg.solve(system[:many, :many], wanted[:many])
    _solved(system, wanted, many)
    assert np.allclose(wanted[:many], expected, rtol=1e-10)


def test_what_leaves_the_range_of_numbers_has_no_log_likelihood():
    """1 / sd^2 is infinite, and 0 times it is no number."""
    x = np.array([0.0, 1.0, -1.0, 0.5])
    known, counts = np.stack([np.ones(4), x, x * x]), np.ones(4)
    room = Room(
        *(np.empty((2, 3)), np.empty(6), np.empty((4, 4)), np.empty(4, np.int64)),
        *(np.empty((5, 5)), np.empty(5)),
    )
    for sd, finite in ((1e-160, False), (1e-3, True)):
        here = np.array([0.5, 0.5, 0.0, 0.0, 1.0, sd])
        found = _expect(int(Formulas.GAUSSIAN), known, counts, here, room)
        assert np.isfinite(found) == finite


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_climbs_end_where_those_of_numpy_do(row, rng, monkeypatch):
    models, whose, starts = of_two_sets(row, 2, rng(6))
    for one, other in both(monkeypatch, models, whose, starts, 1e-4, 10_000):
        assert one.climb.converged
        assert one.climb.trace[-1] == pytest.approx(other.climb.trace[-1], abs=1e-6)
        assert (np.diff(one.climb.trace) >= -1e-12 * np.abs(one.climb.trace[1:])).all()


def test_a_wide_floor_holds_in_machine_code(rng, monkeypatch):
    """Of heights whose sds would be smaller than the floor."""
    row = next(row for row in ROWS if row.family is Gaussian)
    models, whose, starts = of_two_sets(row, 2, rng(7), floor=0.6)
    held = 0
    for one, other in both(monkeypatch, models, whose, starts, 1e-4, 10_000):
        assert one.left == other.left
        if not one.left:
            sd = one.climb.parameters.theta.sd
            assert sd.min() >= 0.6 * (1 - 1e-12)
            held += sd.min() < 0.6 * (1 + 1e-12)
            assert np.allclose(sd, other.climb.parameters.theta.sd, atol=1e-3)
    assert held


def test_climbs_far_from_zero_are_left_where_numpy_leaves_them(rng, monkeypatch):
    """A spike away from zero has lost the digits of its squares."""
    x = np.array([*rng(8).normal(0, 1, 60), 9.0, 9.000001, 9.000002, 9.000003])
    model = modelled(Gaussian, Sample(x), 2)
    starts = list(islice(starting_points(model, 8, rng(1)), 8))
    ends = both(monkeypatch, [model], np.zeros(8, np.intp), starts, 1e-4, 10_000)
    assert [one.left for one, _ in ends] == [other.left for _, other in ends]
    assert any(one.left for one, _ in ends)


def test_exponentials_and_logarithms_have_all_digits():
    x = np.concatenate([np.linspace(-708, 0, 100_001), -np.logspace(-18, 2, 1_000)])
    found, powers = x.copy(), np.empty(len(x), np.int64)
    _exponentials(found, np.zeros(len(x)), powers)
    assert np.allclose(found, np.exp(x), rtol=4e-16, atol=0)
    lost = np.array([-800.0, -np.inf])
    _exponentials(lost, np.zeros(2), powers[:2])
    assert (lost < 1e-300).all()
    y = np.concatenate([np.linspace(1, 64, 100_001), 1 + np.logspace(-15, 0, 1_000)])
    logs = y.copy()
    _logarithms(logs, np.empty(len(y), np.int64))
    assert np.allclose(logs, np.log(y), rtol=4e-16, atol=1e-16)
    assert not np.allclose(logs, np.log(y * (1 + 1e-14)), rtol=4e-16, atol=1e-16)  # it can fail


def test_what_has_no_formulas_is_left_to_numpy(rng):
    """A prior, equal shares, families of several columns."""
    sample = Sample(rng(9).poisson(4, 80))
    usual = modelled(Poisson, sample, 2)
    start = list(islice(starting_points(usual, 1, rng(1)), 1))
    assert Steps([usual], np.zeros(1, np.intp), start).compiles
    believed = replace(usual, prior=weak_prior(Poisson, sample, 2))
    even = replace(usual, estimated=[])
    for other in (believed, even):
        assert not Steps([other], np.zeros(1, np.intp), start).compiles


def test_only_long_climbs_that_nobody_looks_at_load_numba():
    """The command shows EM's table before anything heavy is loaded."""
    program = """
import sys
import em
import numpy as np
from models import Poisson, Sample
long = Sample(np.random.default_rng(3).poisson(4, 300))
em.fit(Poisson, Sample([0, 0, 1, 20, 21, 23]), 2)
em.fit(Poisson, long, 2, on_step=lambda step: None)
print("numba" in sys.modules)
em.fit(Poisson, long, 2)
print("numba" in sys.modules)
"""
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert found.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("k", [2, 3])
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_fit_is_the_same_in_machine_code(row, k, rng, monkeypatch):
    """As climbs one by one; whole numbers as tolerances compile nothing again."""
    sample = row.sample(rng(10), k, 150)
    em.fit(row.family, sample, k, starts=4, max_steps=20, tolerance=0)
    found = em.fit(row.family, sample, k, starts=8)
    assert len(advance.signatures) == 1
    monkeypatch.setattr(Climber, "joins", False)
    usual = em.fit(row.family, sample, k, starts=8)
    assert found.log_likelihood == pytest.approx(usual.log_likelihood, abs=1e-6)
    assert [one.spike for one in found.optima] == [one.spike for one in usual.optima]
    apart = np.abs(numbers(found.estimate) - numbers(usual.estimate))
    assert (apart <= 2e-3 * np.nan_to_num(numbers(usual.standard_errors), nan=1.0)).all()
