"""The contract of a structure, with every family: likelihoods, E-step, errors, names, files."""

from __future__ import annotations

import json

import numpy as np
import pytest
from families import BY_ROWS, EXPONENTIAL, FAMILIES
from known_shares import Guessed
from structures import STRUCTURES

import bayes
import comparisons
import em
from comparisons.json_values import json_text
from comparisons.pages.json import of_comparison
from em.climb.loop import ROUNDING
from em.data.blocks import default_floor
from em.data.threads import executor_for
from em.emission import emission_of
from em.errors.information import information_of
from em.model import densities, model_of
from models import Gaussian, Groups, HiddenMarkov, Poisson, Sample
from models.family import listed_entries
from models.question import asked
from models.structure import (
    checked,
    coordinates,
    data_of,
    drawn_at,
    fields_of,
    from_fields,
    label_order,
    ordered,
    parameters,
    permuted,
    picked,
    shares_of,
    structure_for,
)

every_pair = pytest.mark.parametrize(
    ("structure", "row"),
    [(structure, row) for structure in STRUCTURES for row in FAMILIES],
    ids=[f"{structure.name}-{row.name}" for structure in STRUCTURES for row in FAMILIES],
)
SIMPLE = [row for row in FAMILIES if not row.name.startswith("multivariate")]


def many(structure):
    """Return a structure as one of many, with a leading axis."""
    fields = {name: np.asarray(field)[None] for name, field in fields_of(structure).items()}
    return from_fields(type(structure), type(structure.theta), fields)


def modelled(row, data, k, prior=None):
    """Return the model that EM climbs on, and where it is while its rows are prepared."""
    question = asked(row.family, data, k)
    emission = emission_of(row.family)
    with executor_for(question.sample, emission, k) as workers:
        floor = default_floor(workers.rows, emission)
        return model_of(question, workers, floor=floor, prior=prior)


@every_pair
def test_three_log_likelihoods_agree(structure, row, rng):
    generator = rng(801)
    truth, data = structure.random(generator, row, 3, 60)
    theirs = structure.log_likelihood(truth, data, row)
    ours = em.log_likelihood(row.family, data, many(truth))[0]
    assert ours == pytest.approx(theirs, rel=1e-11)
    assert bayes.log_likelihood(row.family, data, truth) == pytest.approx(theirs, rel=1e-11)
    # negative control: other parameters are told apart by all three
    other, _ = structure.random(generator, row, 3, 60)
    assert ours != pytest.approx(structure.log_likelihood(other, data, row), rel=1e-4)


@every_pair
def test_em_ascends_and_the_last_log_likelihood_is_the_estimates(structure, row, rng):
    _, data = structure.random(rng(802), row, 2, 80)
    found = em.fit(row.family, data, 2, starts=3)
    falls = np.maximum(0, -np.diff(found.trace))
    assert (falls <= 100 * ROUNDING * np.abs(found.trace[:-1])).all()
    exact = structure.log_likelihood(found.estimate, data, row)
    assert found.log_likelihood == pytest.approx(exact, rel=1e-9)


@every_pair
def test_occupancies_are_probabilities_of_units_and_sum_to_the_e_step(structure, row, rng):
    truth, data = structure.random(rng(803), row, 3, 50)
    truth = ordered(truth)
    model = modelled(row, data, 3)
    inside = model.inside(truth)
    _, found = model.expect(inside)
    members = em.fit(row.family, data, 3, start=truth, max_steps=0).members(data)
    np.testing.assert_allclose(members.sum(axis=0), 1, rtol=1e-12)
    np.testing.assert_allclose(members @ data.unit_counts, found.counted, rtol=1e-9)
    rows = data.expand(members.T)
    assert rows.shape == (50, 3)


@pytest.mark.parametrize("row", EXPONENTIAL, ids=[row.name for row in EXPONENTIAL])
@pytest.mark.parametrize("hard", [False, True])
def test_the_fused_e_step_is_the_general_one(row, hard, rng):
    generator = rng(804)
    model = modelled(row, row.sample(generator, 3, 5_000), 3)
    model = type(model)(**{**vars(model), "hard": hard})
    for _ in range(3):
        inside = model.inside(row.random(generator, 3))
        centre = model.emission.location(inside.theta)
        value, fused = model.expect(inside)
        height, general = model.expect_by_rows(inside, fused.centre)
        assert value == pytest.approx(model.base + height, rel=1e-12)
        scale = np.abs(fused.sums).max()
        np.testing.assert_allclose(general.sums, fused.sums, rtol=1e-12, atol=1e-12 * scale)
        for name, own in fused.own.items():
            np.testing.assert_allclose(general.own[name], own, rtol=1e-12, atol=1e-12 * 5_000)
        if centre is not None:  # negative control: sums about another point are other sums
            other = model.expect_by_rows(inside, centre + 1)[1]
            assert not np.allclose(other.sums, fused.sums, rtol=1e-6)


@pytest.mark.parametrize("row", EXPONENTIAL, ids=[row.name for row in EXPONENTIAL])
@pytest.mark.parametrize("prior", [False, True])
def test_louis_and_the_derivative_of_the_score_give_one_information(row, prior, rng):
    generator = rng(805)
    sample = row.sample(generator, 2, 400)
    fit = em.fit(row.family, sample, 2, prior=row.prior if prior else None)
    if not (row.identified or prior):
        assert not fit.has_errors
        assert any("so the data do not determine all" in note for note in fit.notes)
        return
    if not fit.has_errors:
        pytest.fail("the sample has no interior maximum; take another seed")
    question = asked(row.family, sample, 2)
    emission = emission_of(row.family)
    with executor_for(sample, emission, 2) as workers:
        units = workers.rows.units
        believed = row.prior._replace(theta=units.move_in(row.prior.theta)) if prior else None
        floor = default_floor(workers.rows, emission)
        model = model_of(question, workers, floor=floor, prior=believed)
        louis = information_of(model, fit.inside)
        oakes = information_of(model, fit.inside, general=True)
    scale = np.sqrt(np.outer(*[np.abs(np.diagonal(louis.matrix))] * 2))
    np.testing.assert_allclose(oakes.matrix / scale, louis.matrix / scale, atol=1e-6)
    assert oakes.missing == pytest.approx(louis.missing, abs=1e-6)
    assert oakes.entropy == pytest.approx(louis.entropy, rel=1e-9, abs=1e-12)
    theirs = fields_of(oakes.standard_errors)
    for name, errors in fields_of(louis.standard_errors).items():
        np.testing.assert_allclose(theirs[name], errors, rtol=1e-5)


@pytest.mark.parametrize("structure", STRUCTURES[1:], ids=[one.name for one in STRUCTURES[1:]])
@pytest.mark.parametrize("row", SIMPLE, ids=[row.name for row in SIMPLE])
def test_the_information_by_the_score_is_the_hessian(structure, row, rng):
    """Of these structures nothing but the derivative of the score gives errors."""
    truth, data = structure.random(rng(807), row, 2, 300)
    fit = em.fit(row.family, data, 2, start=truth)  # of a set of solutions one inside
    curved = np.diagonal(fit.information)
    free = np.flatnonzero(curved)  # a share on an edge has no curvature
    p, size = len(free), 1e-3 / np.sqrt(curved[free])

    def height(step):
        moved = np.zeros((1, len(curved)))
        moved[0, free] = step
        return em.log_likelihood(row.family, data, em.displaced(fit, moved))[0]

    hessian = np.empty((p, p))
    for one in range(p):
        for other in range(p):
            corners = [
                a * b * height(a * size[one] * np.eye(p)[one] + b * size[other] * np.eye(p)[other])
                for a in (1, -1)
                for b in (1, -1)
            ]
            hessian[one, other] = -sum(corners) / (4 * size[one] * size[other])
    scale = np.sqrt(np.outer(*[curved[free]] * 2))
    information = fit.information[np.ix_(free, free)]
    np.testing.assert_allclose(information / scale, hessian / scale, atol=1e-3)


@every_pair
def test_names_places_and_free_directions_follow_from_the_declared_axes(structure, row, rng):
    truth, data = structure.random(rng(807), row, 3, 40)
    held = asked(row.family, data, 3).held
    rows = parameters(truth, held)
    labels = [one.label for one in rows]
    assert len(set(labels)) == len(labels)
    for one in rows:
        value = picked(truth, one)
        assert value.shape == ()
        assert picked(many(truth), one).shape == (1,)
        assert one.component is None or one.component in range(3)
    names = [one.label for one in coordinates(truth, held)]
    assert set(names) <= set(labels)
    fit = em.fit(row.family, data, 3, start=truth, max_steps=0)
    assert tuple(names) == fit.coordinates
    # a step of each and its coordinates are inverse
    steps = 1e-3 * np.eye(len(names))
    moved = em.coordinates_of(em.displaced(fit, steps), held)
    still = em.coordinates_of(em.displaced(fit, 0 * steps), held)
    np.testing.assert_allclose(moved - still, steps, atol=1e-12)


@every_pair
def test_renaming_components_is_undone_and_changes_no_exchangeable_likelihood(structure, row, rng):
    truth, data = structure.random(rng(808), row, 3, 40)
    order = np.array([2, 0, 1])
    renamed = permuted(truth, order)
    back = permuted(renamed, order.argsort())
    for name, field in fields_of(truth).items():
        np.testing.assert_array_equal(fields_of(back)[name], field)
    same = structure.log_likelihood(renamed, data, row) == pytest.approx(
        structure.log_likelihood(truth, data, row), rel=1e-12
    )
    assert same == type(truth).exchangeable()
    several = permuted(drawn_at(many(truth), [0, 0]), np.array([[0, 1, 2], order]))
    for name, field in fields_of(renamed).items():
        np.testing.assert_array_equal(fields_of(several)[name][1], field)
    if not type(truth).exchangeable():
        assert label_order(renamed).tolist() == [0, 1, 2]


@every_pair
def test_data_are_made_again_from_what_a_file_keeps(structure, row, rng):
    _, data = structure.random(rng(809), row, 2, 30)
    kind = data_of(structure_for(data))
    again = kind.from_arrays({name: one for name, (_, one) in data.arrays().items()})
    assert isinstance(again, kind)
    np.testing.assert_array_equal(again.sample.x, data.sample.x)
    np.testing.assert_array_equal(again.sample.inverse, data.sample.inverse)
    np.testing.assert_array_equal(again.unit_rows, data.unit_rows)
    np.testing.assert_array_equal(again.unit_counts, data.unit_counts)


@every_pair
def test_some_units_are_what_they_are_among_all(structure, row, rng):
    truth, data = structure.random(rng(811), row, 3, 40)
    fit = em.fit(row.family, data, 3, start=truth, max_steps=0)
    whole = fit.members(data)
    parts = list(data.blocks(7))
    np.testing.assert_allclose(
        np.concatenate([fit.members(one) for one in parts], axis=1), whole, rtol=1e-9, atol=1e-12
    )
    assert sum(one.unit_counts.sum() for one in parts) == data.unit_counts.sum()
    few, weights = data.representative(5)
    alone = len(parts) > 1  # otherwise a unit makes no sense without the others
    assert len(few.unit_counts) == len(weights) <= (5 if alone else 40)
    assert weights.sum() == pytest.approx(data.sample.observations)


@every_pair
def test_labels_are_drawn_with_the_overall_shares(structure, row, rng):
    truth, data = structure.random(rng(812), row, 3, 40)
    n, generator = 4_000, rng(813)
    seen = np.arange(data.sample.observations)
    labels = [truth.labels(data, seen, generator) for _ in range(n)]
    each = np.array([np.bincount(one, minlength=3) / len(seen) for one in labels])
    drawn, error = each.mean(axis=0), each.std(axis=0) / np.sqrt(n)
    overall = truth.overall(data)
    assert (np.abs(drawn - overall) < 4.5 * error).all()
    other = permuted(truth, np.array([1, 2, 0])).overall(data)  # negative control
    moved = type(truth).exchangeable() and np.abs(drawn - other).max() > 4.5 * error.max()
    assert moved == type(truth).exchangeable()


def test_a_transition_matrix_is_renamed_along_both_of_its_axes(rng):
    generator, order = rng(814), np.array([2, 0, 1])
    moves = generator.dirichlet([1, 1, 1], 3)
    chain = HiddenMarkov(generator.dirichlet([1, 1, 1]), moves, Poisson(np.array([1.0, 5.0, 9.0])))
    renamed = permuted(chain, order)
    np.testing.assert_array_equal(renamed.transition, moves[np.ix_(order, order)])
    assert not np.array_equal(renamed.transition, moves[order])  # negative control: one axis
    for one in parameters(chain):
        assert picked(renamed, one) == picked(chain, one.relabelled(order))
    several = permuted(drawn_at(many(chain), [0, 0]), np.array([[0, 1, 2], order]))
    np.testing.assert_array_equal(several.transition, [moves, renamed.transition])
    free = [one.label for one in coordinates(chain)]
    assert free[:8] == [
        *("initial[0]", "initial[1]", "transition[0,0]", "transition[0,1]"),
        *("transition[1,0]", "transition[1,1]", "transition[2,0]", "transition[2,1]"),
    ]
    with pytest.raises(ValueError, match=r"transition has shape \(2, 3\); give \(3, 3\)"):
        checked(chain._replace(transition=moves[:2]), HiddenMarkov, Poisson, 1)


def test_a_share_on_the_edge_has_no_error_and_says_so(rng):
    x = np.concatenate([rng(815).normal(0, 1, 60), rng(816).normal(8, 1, 30)])
    town = np.repeat([0, 1, 1], 30)
    fit = em.fit(Gaussian, Groups(x, town), 2)
    assert not fit.has_errors
    assert "weight[0, 2] is 0, at the edge of its possible values" in str(fit)
    assert np.isnan(fit.standard_errors.weight[0]).all()
    # the other parameters are those of a fit in which nobody has to be told that
    assert np.isfinite(fit.standard_errors.weight[1]).all()
    assert np.isfinite(fit.standard_errors.theta.mean).all()
    assert [edge.slope > 0 for edge in fit.edges] == [True]


@pytest.fixture(scope="module")
def people():
    """Heights, and how sure somebody was of each person's sex; the first are the taller ones."""
    rng = np.random.default_rng(810)
    sure = rng.beta(0.7, 0.7, 400)
    taller = rng.random(400) < sure
    x = np.where(taller, rng.normal(177, 7, 400), rng.normal(164, 6, 400))
    return Guessed(Sample(x), np.column_stack([sure, 1 - sure]))


@pytest.fixture(scope="module")
def opinion(people):
    return comparisons.second_opinion(Gaussian, people, 2, draws=500, seed=1, progress=False)


@pytest.mark.slow  # its machine code is compiled for this alone
def test_a_structure_of_somebodys_own_is_fitted_sampled_and_compared(opinion, people, tmp_path):
    """No file of the house knows of it: three small classes and what was observed."""
    assert opinion.verdict == "agree"
    frame = opinion.to_frame()
    assert list(frame.index) == ["mean[0]", "mean[1]", "sd[0]", "sd[1]"]
    # names are the data's: the first component is the taller, though an order would put it last
    assert frame.loc["mean[0]", "mle"] > frame.loc["mean[1]", "mle"]
    assert (np.abs(frame["mle"] - [177, 164, 7, 6]) < 4 * frame["se"]).all()
    told = json.loads(json_text(of_comparison(opinion)))
    assert [one["name"] for one in told["parameters"]] == ["mean", "mean", "sd", "sd"]
    assert told["deviance"]["df"] == 4
    opinion.save(tmp_path / "opinion.nc")
    again = comparisons.load(tmp_path / "opinion.nc")
    assert again.question.structure is opinion.question.structure
    np.testing.assert_array_equal(again.question.data.shares, people.shares)
    again.report(tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "mean[1]" in page
    assert page.count("<svg") >= 4
    assert str(opinion).count("\n") > 4


@pytest.mark.slow  # as the one above
def test_shares_with_two_axes_are_sampled_compared_and_shown(rng, tmp_path):
    town = np.repeat([0, 1], 300)
    women = rng(817).random(600) < np.array([0.3, 0.7])[town]
    x = np.where(women, rng(818).normal(163, 5, 600), rng(819).normal(178, 6, 600))
    data = Groups(x, town)
    found = comparisons.second_opinion(Gaussian, data, 2, draws=500, seed=1, progress=False)
    assert found.verdict == "agree"
    frame = found.to_frame()
    assert list(frame.index[:4]) == ["weight[0,0]", "weight[0,1]", "weight[1,0]", "weight[1,1]"]
    truth = [0.3, 0.7, 0.7, 0.3, 163, 178, 5, 6]
    assert (np.abs(frame["mle"] - truth) < 4.5 * frame["se"]).all()
    assert json.loads(json_text(of_comparison(found)))["deviance"]["df"] == 6
    found.save(tmp_path / "opinion.nc")
    again = comparisons.load(tmp_path / "opinion.nc")
    np.testing.assert_array_equal(again.question.data.whose[again.question.data.lines], town)
    again.report(tmp_path / "page.html")
    assert "weight[1, 1]" in (tmp_path / "page.html").read_text()


def test_rows_drawn_at_random_are_no_question_of_another_structure(people):
    with pytest.raises(ValueError, match="some is 100; rows drawn at random say nothing"):
        comparisons.second_opinion(Gaussian, people, 2, some=100, progress=False)


@pytest.mark.slow  # its machine code is compiled for this alone
def test_shares_that_are_known_wrongly_are_another_question(opinion, people):
    """The negative control: the estimate of other shares does not pass."""
    other = Guessed(people.sample, people.shares[:, ::-1].copy())
    wrong = em.fit(Gaussian, other, 2)
    judged = comparisons.compare(wrong, opinion.tree)
    assert judged.verdict == "disagree"


@pytest.mark.parametrize("row", BY_ROWS, ids=[row.name for row in BY_ROWS])
@pytest.mark.parametrize("hard", [False, True])
def test_steps_of_curved_families_by_blocks_are_those_of_all_rows_at_once(
    row, hard, rng, monkeypatch
):
    generator = rng(821)
    data = row.sample(generator, 3, 5_000)
    monkeypatch.setattr("em.data.blocks.LEAST", 1 << 4)
    monkeypatch.setattr("em.data.blocks.CACHE", 1 << 8)
    model = modelled(row, data, 3)
    model = type(model)(**{**vars(model), "hard": hard})
    assert model.rows.blocks > 1
    inside = model.inside(ordered(row.random(generator, 3)))
    shares = shares_of(inside)
    _, found = model.expect(inside)
    log_density = densities(model.runs, model.emission, inside.theta)
    general = model.grouping.expect(shares, log_density, hard=hard)
    np.testing.assert_allclose(found.sums, general.occupancy, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(found.own["weight"], general.own["weight"], rtol=1e-10)
    by_blocks = model.height(inside.theta, found.sums)
    once = model.emission.height(inside.theta, found.sums, model.seen.x, model.seen.trials)
    for ours, theirs in zip(by_blocks, once, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9 * np.abs(theirs).max())
    # negative control: the heights of other occupancies differ
    other = model.height(inside.theta, found.sums[::-1])
    assert not np.allclose(other.value, once.value, rtol=1e-6)
    # steps go up, however many are left to the top
    theta = model.components(found)
    top = model.components(found._replace(near=theta))
    ends = [model.height(one, found.sums).value for one in (inside.theta, theta, top)]
    counted = found.counted
    if any(one.shared for one in listed_entries(theta)):  # then all of them together
        ends, counted = [one.sum(keepdims=True) for one in ends], counted.sum(keepdims=True)
    assert (ends[1] > ends[0])[counted > 0].all()
    assert (ends[2] >= ends[1] - 1e-9 * np.abs(ends[1])).all()
