"""Many climbs at once end where single ones do, and never fall."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from families import BY_ROWS, FAMILIES
from structures import STRUCTURES

import em
from em.climb.search import Climber
from em.climb.splits import splits
from em.climb.starts import starting_points
from em.climb.steps import Steps, joins
from em.climb.together import together
from em.data.blocks import default_floor, rows_of
from em.data.threads import Threads, executor_for
from em.emission import emission_of
from em.model import model_of
from em.structure import grouping_of
from models import Gaussian, Groups, Poisson, Sample, Sequences, weak_prior
from models.question import asked
from models.structure import fields_of, shares_of

SMALL = 5  # starts
OTHERS = STRUCTURES[1:]
KINDS = ["poisson", "gaussian", "binomial", "multivariate-full", "categorical"]
SOME = [row for name in KINDS for row in FAMILIES if row.name == name]
PAIRS = [  # chains of labels take thousands of steps
    (structure, row)
    for structure in OTHERS
    for row in SOME
    if row.name != "categorical" or structure.name == "admixture"
]
every_structure = pytest.mark.parametrize(
    ("structure", "row"), PAIRS, ids=[f"{one.name}-{row.name}" for one, row in PAIRS]
)


def modelled(family, data, k, units=None):
    question, emission = asked(family, data, k), emission_of(family)
    if units is None:
        with executor_for(data.sample, emission, k) as workers:
            units = workers.rows.units
    rows = rows_of(data.sample, emission, k, units)
    return model_of(question, Threads(rows), floor=default_floor(rows, emission))


def alone(model, starts):
    run = Climber(model, accelerate=True, tolerance=1e-4, on_step=None)
    ends = [run(number, start, 10_000).trace[-1] for number, start in enumerate(starts)]
    return np.sort(ends)[::-1]


def of_two_sets(row, rng):
    one, two = row.sample(rng, 2, 120), row.sample(rng, 2, 90)
    first = modelled(row.family, one, 2)
    models = [first, modelled(row.family, two, 2, first.rows.units)]
    return models, [list(starting_points(model, SMALL, rng)) for model in models]


def of_two(structure, row, rng):
    generator = rng(18)
    one, two = (structure.random(generator, row, 2, n)[1] for n in (120, 90))
    first = modelled(row.family, one, 2)
    models = [first, modelled(row.family, two, 2, first.rows.units)]
    return models, [list(starting_points(model, SMALL, generator)) for model in models]


def watched(monkeypatch) -> list[bool]:
    """Return whether each step of each climb that is stepped together leads down, as they come."""
    heights: dict[int, float] = {}
    fell: list[bool] = []
    usual = Steps._steps

    def steps(self, going, tolerance, many, *, compiled):
        reached, taken = usual(self, going, tolerance, many, compiled=compiled)
        for at, each, count in zip(going.index, reached, taken, strict=True):
            for height in each[:count]:
                fell.append(heights.get(int(at), -np.inf) - height > 1e-9 * abs(height))
                heights[int(at)] = height
        return reached, taken

    monkeypatch.setattr(Steps, "_steps", steps)
    return fell


def formulas_in_numpy(monkeypatch) -> None:
    """Let no climb be stepped in machine code, whose formulas nobody can change here."""
    monkeypatch.setattr(Steps, "compiles", False)


@pytest.mark.parametrize("row", FAMILIES, ids=lambda row: row.name)
def test_climbs_end_where_single_ones_do(row, rng) -> None:
    """Two data sets of different length, every family and form."""
    models, starts = of_two_sets(row, rng(3))
    found = together(models, starts)
    for model, own, tops in zip(models, starts, found, strict=True):
        heights = np.array([top.height for top in tops])
        assert np.allclose(heights, alone(model, own), rtol=0, atol=1e-5)
        assert all(abs(model.expect(top.parameters)[0] - top.height) < 1e-6 for top in tops)


@pytest.mark.parametrize("row", FAMILIES, ids=lambda row: row.name)
def test_no_step_leads_down(row, rng, monkeypatch) -> None:
    models, starts = of_two_sets(row, rng(4))
    if not joins(models[0]):
        pytest.skip("climbs one by one, which the loop watches")
    fell = watched(monkeypatch)
    together(models, starts)
    assert len(fell) > SMALL
    assert not any(fell)


def test_a_wrong_m_step_is_noticed(rng, monkeypatch) -> None:
    """Negative control: rates that are too high go down, and the single climb says so."""
    models, starts = of_two_sets(next(row for row in FAMILIES if row.family is Poisson), rng(4))
    formulas_in_numpy(monkeypatch)
    usual = em.EMISSIONS[Poisson].maximize
    monkeypatch.setattr(
        em.EMISSIONS[Poisson], "maximize", lambda self, sums: Poisson(1.2 * usual(self, sums).rate)
    )
    with pytest.raises(em.DescentError):
        together(models, starts)


@every_structure
def test_climbs_of_every_structure_end_where_single_ones_do(structure, row, rng) -> None:
    models, starts = of_two(structure, row, rng)
    assert all(joins(model) for model in models)
    found = together(models, starts)
    for model, own, tops in zip(models, starts, found, strict=True):
        heights = np.array([top.height for top in tops])
        assert np.allclose(heights, alone(model, own), rtol=0, atol=1e-5)
        assert all(abs(model.expect(top.parameters)[0] - top.height) < 1e-6 for top in tops)


@every_structure
def test_no_step_of_any_structure_leads_down(structure, row, rng, monkeypatch) -> None:
    models, starts = of_two(structure, row, rng)
    fell = watched(monkeypatch)
    together(models, starts)
    assert len(fell) > SMALL
    assert not any(fell)


@pytest.mark.parametrize("structure", OTHERS, ids=[one.name for one in OTHERS])
def test_a_wrong_m_step_of_any_structure_is_noticed(structure, rng, monkeypatch) -> None:
    """Negative control."""
    models, starts = of_two(structure, SOME[0], rng)
    usual = em.EMISSIONS[Poisson].maximize
    monkeypatch.setattr(
        em.EMISSIONS[Poisson], "maximize", lambda self, sums: Poisson(1.2 * usual(self, sums).rate)
    )
    with pytest.raises(em.DescentError):
        together(models, starts)


@pytest.mark.parametrize("structure", OTHERS, ids=[one.name for one in OTHERS])
def test_rough_climbs_of_any_structure_find_the_best_optimum(structure, rng) -> None:
    models, starts = of_two(structure, SOME[0], rng)
    for model, own in zip(models, starts, strict=True):
        [tops] = together([model], [own], rough=True)
        assert tops[0].height == pytest.approx(alone(model, own)[0], abs=1e-3)


@pytest.mark.parametrize("structure", STRUCTURES, ids=[one.name for one in STRUCTURES])
@pytest.mark.parametrize("faint", [False, True])
def test_e_steps_of_many_climbs_are_those_of_each(structure, faint, rng) -> None:
    """Also where a likelihood is 0 but for its logarithm, as no state can follow one that fits."""
    generator = rng(15)
    truth, data = structure.random(generator, SOME[0], 3, 60)
    grouping = grouping_of(type(truth), data, 3)
    log_density = generator.normal(size=(4, 3, data.sample.distinct)) * (400 if faint else 2)
    given = shares_of(truth)
    shares = {
        name: generator.dirichlet(np.ones(3), (4, *f.shape[:-1])) for name, f in given.items()
    }
    if faint and "transition" in shares:
        shares["transition"][1] = np.eye(3)[[1, 2, 0]] * (1 - 2e-300) + 1e-300
    many = grouping.expect_each(shares, log_density)
    assert np.isfinite(many.log_likelihood).all()
    for at, own in enumerate(log_density):
        one = grouping.expect({n: f[at] for n, f in shares.items()}, own.copy(), hard=False)
        assert many.log_likelihood[at] == pytest.approx(one.log_likelihood, rel=1e-12)
        np.testing.assert_allclose(many.occupancy[at], one.occupancy, rtol=1e-9, atol=1e-11)
        for name, field in one.own.items():
            np.testing.assert_allclose(many.own[name][at], field, rtol=1e-9, atol=1e-11)


def test_rough_climbs_are_thinned_and_keep_the_best_optimum(rng) -> None:
    x = rng(6).normal(np.repeat([0.0, 2.0, 4.0], 100), 1)
    model = modelled(Gaussian, Sample(x), 3)
    starts = list(starting_points(model, 40, rng(1)))
    [rough], [fine] = together([model], [starts], rough=True), together([model], [starts])
    assert len(rough) <= len(fine) / 2
    assert rough[0].height == pytest.approx(em.fit(Gaussian, Sample(x), 3).log_likelihood, abs=1e-3)


@pytest.mark.parametrize(
    "data",
    [
        Sample,
        Sequences,
        lambda x: Sequences(x, sequence=[60] * 3, initial="free"),
        lambda x: Sequences(x, sequence=[60] * 3, initial="uniform"),
        lambda x: Groups(x, np.arange(len(x)) // 20),
    ],
    ids=["mixture", "stationary", "free", "uniform", "admixture"],
)
def test_splits_find_a_third_group(data, rng) -> None:
    """Every start has shares that sum to one, and some split leads to the three groups."""
    rate = np.array([2.0, 10.0, 30.0])[np.arange(180) // 20 % 3]
    given = data(rng(8).poisson(rate).astype(float))
    few, many = modelled(Poisson, given, 2), modelled(Poisson, given, 3)
    fitted = em.fit(Poisson, given, 2)
    starts = list(splits(few, fitted.inside, many))
    assert len(starts) == 6
    for start in starts:
        for field in shares_of(start).values():
            assert np.allclose(field.sum(axis=-1), 1)
    [tops] = together([many], [starts])
    assert np.allclose(np.sort(tops[0].parameters.theta.rate), [2, 10, 30], rtol=0.15)
    below = [many.expect(start)[0] for start in starts]
    assert max(below) > fitted.log_likelihood - 20  # it begins where two groups ended


def test_equal_shares_stay_equal(rng) -> None:
    x = rng(9).poisson(np.where(rng(1).random(100) < 0.3, 2, 9)).astype(float)
    question = asked(Poisson, Sample(x), 2, equal_weights=True)
    with executor_for(question.sample, emission_of(Poisson), 2) as workers:
        model = model_of(question, workers, floor=default_floor(workers.rows, emission_of(Poisson)))
    starts = list(starting_points(model, SMALL, rng(1)))
    [tops] = together([model], [starts])
    assert np.allclose(tops[0].parameters.weight, 0.5)
    assert tops[0].height == pytest.approx(alone(model, starts)[0], abs=1e-6)


def options(row, data) -> list[dict]:
    """What can be asked of a mixture's climbs: a prior, equal shares, a floor, no acceleration."""
    prior = weak_prior(row.family, data, 3)
    emission = emission_of(row.family)
    floors = [{"floor": 0.5}] if emission.located and not emission.relative else []
    return [{}, {"prior": prior}, {"equal_weights": True}, {"accelerate": False}, *floors]


@pytest.mark.parametrize("row", FAMILIES, ids=lambda row: row.name)
def test_a_fit_is_the_same_whether_its_climbs_are_stepped_together(row, rng, monkeypatch) -> None:
    """Estimate, optima, traces and what an observer sees, every family and form."""
    data, joined = row.sample(rng(12), 3, 150), []
    usual = Steps.climb
    monkeypatch.setattr(Steps, "climb", lambda *a, **b: joined.append(1) or usual(*a, **b))
    for asked_for in options(row, data):
        seen: list[em.Step] = []
        begun = {"starts": 6, "seed": 3, "max_steps": 100_000} | asked_for
        many = em.fit(row.family, data, 3, on_step=seen.append, **begun)
        assert joined or row in BY_ROWS or emission_of(row.family).unwritten(2)
        monkeypatch.setattr(Climber, "joins", False)
        one = em.fit(row.family, data, 3, **begun)
        monkeypatch.undo()
        monkeypatch.setattr(Steps, "climb", lambda *a, **b: joined.append(1) or usual(*a, **b))
        assert many.trace[-1] == pytest.approx(one.trace[-1], abs=1e-7)
        assert many.starts == one.starts
        assert [optimum.spike for optimum in many.optima] == [o.spike for o in one.optima]
        for first, second in zip(many.optima, one.optima, strict=True):
            assert first.log_likelihood == pytest.approx(second.log_likelihood, abs=1e-3)
        moved = np.abs(flat(many.estimate) - flat(one.estimate))
        assert (moved <= 2e-3 * (1e-3 + np.nan_to_num(flat(one.standard_errors), nan=1.0))).all()
        check_steps(seen, many)


@every_structure
def test_a_fit_of_every_structure_is_the_same_together(structure, row, rng, monkeypatch) -> None:
    """Estimate, optima, traces and what an observer sees; also under a prior."""
    _, data = structure.random(rng(16), row, 2, 120)
    for prior in (None, weak_prior(row.family, data.sample, 2)):
        seen: list[em.Step] = []
        begun = {"starts": 6, "seed": 3, "prior": prior}
        many = em.fit(row.family, data, 2, on_step=seen.append, **begun)
        monkeypatch.setattr(Climber, "joins", False)
        one = em.fit(row.family, data, 2, **begun)
        monkeypatch.undo()
        assert many.trace[-1] == pytest.approx(one.trace[-1], abs=1e-7)
        assert [optimum.starts for optimum in many.optima] == [o.starts for o in one.optima]
        for first, second in zip(many.optima, one.optima, strict=True):
            assert first.log_likelihood == pytest.approx(second.log_likelihood, abs=1e-3)
        check_steps(seen, many)


def flat(structure) -> np.ndarray:
    return np.concatenate([np.ravel(field) for field in fields_of(structure).values()])


def check_steps(seen: list[em.Step], found: em.Fit) -> None:
    """Every start's steps are shown in order, never lead down, and the best one's are its trace."""
    traces = {}
    for step in seen:
        own = traces.setdefault(step.start, [])
        assert step.step == len(own) + 1
        assert not own or step.objective >= own[-1] - 1e-11 * abs(own[-1])
        own.append(step.objective)
    assert sorted(traces) == list(range(found.starts))
    assert any(own == found.trace[1:].tolist() for own in traces.values())


def test_hard_climbs_and_distant_priors_are_left_alone(rng) -> None:
    """Hard EM ends in a few steps; a prior far away has sums that would cost digits."""
    x = Sample(rng(13).normal(np.repeat([0.0, 5.0], 40), 1))
    usual = modelled(Gaussian, x, 2)
    near = replace(usual, prior=weak_prior(Gaussian, x, 2))
    far = near.prior._replace(theta=near.prior.theta._replace(mean=1e6))
    assert joins(usual)
    assert joins(near)
    assert not joins(replace(usual, hard=True))
    assert not joins(replace(near, prior=far))
