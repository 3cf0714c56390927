"""Memberships by EM are Bayes' rule by scipy, and the posterior's a plain loop over draws."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from families import FAMILIES
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp, softmax
from structures import STRUCTURES, begun

from comparisons.prediction.predictor import MOST_TOGETHER, Predictor, refuse_many_together
from models import Admixture, Categorical, Groups, Poisson, Sample, Sequences
from models.question import asked
from models.refusal import Refusal
from models.structure import fields_of, from_fields, permuted

K, DRAWS, CLOSE = 2, 5, {"rtol": 1e-7, "atol": 1e-10}
KNOWN = {one.name: one for one in STRUCTURES}
FEW = [row for row in FAMILIES if row.name in {"poisson", "gaussian", "categorical"}]
PAIRS = [
    *((KNOWN["mixture"], row) for row in FAMILIES),
    *(
        (KNOWN[name], row)
        for name in ("admixture", "hidden Markov", "hidden Markov, free start")
        for row in FEW
    ),
]
every_pair = pytest.mark.parametrize(
    ("kind", "row"), PAIRS, ids=[f"{kind.name}-{row.name}" for kind, row in PAIRS]
)


def stacked(structures):
    """Return structures as one with a leading axis."""
    first = structures[0]
    each = [fields_of(one) for one in structures]
    fields = {name: np.stack([one[name] for one in each]) for name in each[0]}
    return from_fields(type(first), type(first.theta), fields)


def along_paths(structure, data, log_density):
    """Return memberships, the likeliest path and log densities, by all paths of each sequence."""
    b = np.vstack([log_density, np.zeros(K)])[data.places]
    with np.errstate(divide="ignore"):
        start, moves = np.log(begun(structure, data)), np.log(structure.transition)
    members, labels, scores = np.empty((len(b), K)), np.empty(len(b), int), np.empty(len(b))
    for begin, end in zip(data.begins, data.ends, strict=True):
        before = 0.0
        for stop in range(begin + 1, end + 1):
            paths = np.array(list(product(range(K), repeat=stop - begin)))
            joint = start[paths[:, 0]] + moves[paths[:, :-1], paths[:, 1:]].sum(axis=1)
            joint = joint + b[np.arange(begin, stop), paths].sum(axis=1)
            scores[stop - 1] = logsumexp(joint) - before
            before = logsumexp(joint)
        chance = np.exp(joint - before)
        labels[begin:end] = paths[joint.argmax()]
        members[begin:end] = [[chance[at == k].sum() for k in range(K)] for at in paths.T]
    return members, labels, np.where(data.seen, scores, np.nan)


def by_scipy(structure, data, row):
    """Return memberships (u, K), labels (u,) and log densities (u,) of one structure."""
    log_density = row.log_density(structure.theta, data.sample)
    if isinstance(data, Sequences):
        return along_paths(structure, data, log_density)
    weight = structure.weight[data.whose] if isinstance(data, Groups) else structure.weight
    joint = log_density[data.unit_rows] + np.log(weight)
    return softmax(joint, axis=1), joint.argmax(axis=1), logsumexp(joint, axis=1)


@every_pair
def test_both_answers_are_brute_forces(kind, row, rng):
    generator = rng(2201)
    estimate, data = kind.random(generator, row, K, 24)
    draws = [kind.random(generator, row, K, 24)[0] for _ in range(DRAWS)]
    predictor = Predictor(asked(row.family, data, K), estimate, stacked(draws))
    members, labels, scores = by_scipy(estimate, data, row)
    em = predictor.by_em(data, own=True)
    np.testing.assert_allclose(em.members, members, **CLOSE)
    np.testing.assert_array_equal(em.labels, labels)
    np.testing.assert_allclose(em.scores, scores, rtol=1e-8)
    # negative control: with components swapped nothing of it is so
    other = by_scipy(permuted(estimate, [1, 0]), data, row)
    assert not np.allclose(em.members, other[0], **CLOSE)
    assert not np.array_equal(em.labels, other[1])

    each = [by_scipy(one, data, row) for one in draws]
    found = predictor.by_posterior(data, own=True)
    probabilities = np.stack([one[0] for one in each])
    np.testing.assert_allclose(found.members, probabilities.mean(axis=0), **CLOSE)
    low, high = np.quantile(probabilities, [0.025, 0.975], axis=0)
    np.testing.assert_allclose(found.low, low, **CLOSE)
    np.testing.assert_allclose(found.high, high, **CLOSE)
    densities = np.stack([one[2] for one in each])
    np.testing.assert_allclose(
        found.scores, logsumexp(densities, axis=0) - np.log(DRAWS), rtol=1e-8
    )
    # negative control: the mean of the logarithms is not the logarithm of the mean
    assert not np.allclose(found.scores, densities.mean(axis=0), rtol=1e-8, equal_nan=True)


def test_one_new_row_on_another_scale_is_scored_as_among_many(rng):
    row = next(one for one in FAMILIES if one.name == "gaussian")
    estimate, data = KNOWN["mixture"].random(rng(2202), row, K, 50)
    predictor = Predictor(asked(row.family, data, K), estimate, stacked([estimate] * 2))
    alone = Sample([1e6])
    _, _, scores = by_scipy(estimate, alone, row)
    np.testing.assert_allclose(predictor.by_em(alone).scores, scores, rtol=1e-10)
    np.testing.assert_allclose(predictor.by_posterior(alone).scores, scores, rtol=1e-10)


@pytest.fixture
def texts():
    """Return topics with draws about them, and two new documents of three words."""
    rng = np.random.default_rng(2203)
    prob = np.array([[0.7, 0.2, 0.1], [0.1, 0.3, 0.6]])
    seen = Groups(["a", "b", "c", "a", "b", "c"], [1, 1, 1, 2, 2, 2])
    draws = [
        Admixture(
            np.full((2, 2), 0.5), Categorical(np.stack([rng.dirichlet(200 * one) for one in prob]))
        )
        for _ in range(400)
    ]
    estimate = Admixture(np.full((2, 2), 0.5), Categorical(prob))
    new = Groups(
        ["a", "b", "c", "b", "c"],
        ["x", "x", "x", "y", "y"],
        [9, 4, 2, 1, 6],
        categories=list("abc"),
    )
    return Predictor(asked(Categorical, seen, 2), estimate, stacked(draws)), new, prob


def heights(new, group, prob, share):
    """Return the log-likelihood of a document at shares (s,) of the first topic."""
    cells = np.flatnonzero(new.whose == group)
    codes = new.sample.x[new.places[cells]].astype(int)
    mixed = share[:, None] * prob[0, codes] + (1 - share[:, None]) * prob[1, codes]
    return np.log(mixed) @ new.times[cells]


def test_shares_of_new_groups_are_folded_in(texts):
    predictor, new, prob = texts
    found = predictor.shares(new)
    assert found.titles == ("x", "y")
    assert found.totals.tolist() == [15, 7]
    grid = (np.arange(4_000) + 0.5) / 4_000
    for group in range(2):
        top = minimize_scalar(
            lambda w, group=group: -heights(new, group, prob, np.array([w]))[0],
            bounds=(0, 1),
            method="bounded",
            options={"xatol": 1e-9},
        ).x
        assert found.em[group, 0] == pytest.approx(top, abs=1e-4)
        # the posterior under a uniform prior, by quadrature, averaged over the draws of topics
        each = []
        for theta in predictor.few.theta.prob:
            log = heights(new, group, theta, grid)
            each.append(np.exp(log - logsumexp(log)))
        density = np.mean(each, axis=0)
        mean = density @ grid
        sd = np.sqrt(density @ (grid - mean) ** 2)
        error = sd / np.sqrt(len(each))
        assert abs(found.posterior[group, 0] - mean) < 4 * error
        ends = grid[np.searchsorted(np.cumsum(density), [0.025, 0.975])]
        width = ends[1] - ends[0]
        assert found.low[group, 0] == pytest.approx(ends[0], abs=0.15 * width)
        assert found.high[group, 0] == pytest.approx(ends[1], abs=0.15 * width)
        # negative control: neither the even shares nor EM's pass for the posterior's mean
        assert abs(0.5 - mean) > 4 * error
        assert abs(found.em[group, 0] - mean) > 4 * error


def test_memberships_of_new_groups_follow_their_shares(texts):
    predictor, new, prob = texts
    em, shares = predictor.by_em(new), predictor.shares(new)
    codes = new.sample.x[new.places].astype(int)
    joint = shares.em[new.whose] * prob[:, codes].T
    np.testing.assert_allclose(em.members, joint / joint.sum(axis=1)[:, None], rtol=1e-9)
    np.testing.assert_allclose(em.scores, np.log(joint.sum(axis=1)), rtol=1e-9)
    found = predictor.by_posterior(new)
    # each row's memberships, weighed by its counts, sum to the shares less the prior's pull
    totals = np.stack([new.times[new.whose == g] @ found.members[new.whose == g] for g in range(2)])
    np.testing.assert_allclose(
        (1 + totals) / (2 + new.totals[:, None]), shares.posterior, atol=4 * 0.15 / np.sqrt(400)
    )


def test_held_shares_are_held_of_new_groups_too():
    seen = Groups([0, 9, 0, 9], ["a", "a", "b", "b"])
    question = asked(Poisson, seen, 2, equal_weights=True)
    estimate = Admixture(np.full((2, 2), 0.5), Poisson(np.array([1.0, 8.0])))
    found = Predictor(question, estimate, stacked([estimate] * 3)).shares(
        Groups([0, 0, 0], ["c", "c", "c"])
    )
    assert found.em.tolist() == found.posterior.tolist() == [[0.5, 0.5]]


def test_very_many_rows_at_once_are_refused():
    question = asked(Poisson, Sequences([0, 9, 0, 9]), 2)
    refuse_many_together(question, MOST_TOGETHER)
    with pytest.raises(Refusal, match="at most; give fewer, or second-opinion predict --only em"):
        refuse_many_together(question, MOST_TOGETHER + 1)
