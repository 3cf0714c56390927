"""Chains and admixtures are drawn as declared, and ranked by what data tell of them."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

import em
from comparisons.trust import alarms, calibration
from comparisons.trust.alarms import MORE, SMALLEST, STAYS, Regular, problem_of
from comparisons.trust.calibration import Design, problem, ranked
from comparisons.trust.layouts import LAYOUTS, filled, laid
from comparisons.trust.quantities import CUTS, quantities
from comparisons.trust.summary import summary
from models import Admixture, Categorical, Gaussian, HiddenMarkov, Poisson
from models.names import FAMILIES, identified_alone
from models.structure import drawn_at, fields_of, from_fields, moves_of, ordered, permuted

BROKEN = 1e-6  # chance at which a promise counts as broken
PAIRS = [
    (structure, family)
    for structure in LAYOUTS
    for family in (identified_alone() if structure == "mixture" else FAMILIES)
]


@pytest.mark.parametrize(("structure", "family"), PAIRS)
def test_every_family_is_drawn_in_every_structure(structure, family):
    design = Design(family, 2, 120, structure=structure)
    first, again = problem(design, 3), problem(design, 3)
    assert first.data.sample.observations == 120
    np.testing.assert_array_equal(first.data.sample.x, again.data.sample.x)
    for one, other in zip(ranked(first), ranked(again), strict=True):
        assert float(one.of(first.truth)) == float(other.of(again.truth))
    labels = [one.label for one in ranked(first)]
    assert len(set(labels)) == len(labels) > 0
    drawn = problem_of(Regular(family, structure=structure), 1)
    more = MORE.get((structure, drawn.truth.theta.takes()), 1)
    assert 500 * more <= drawn.data.sample.observations <= 1_000 * more
    assert drawn.nearest >= alarms.NEAREST


@pytest.mark.parametrize(
    ("family", "structure", "found"),
    [
        ("poisson", "mixture", {"weight": 2, "rate": 2}),
        ("poisson", "hidden-markov", {"transition": 4, "rate": 2, "share": 2}),
        ("categorical", "hidden-markov", {"transition": 4, "prob": 12, "share": 2}),
        ("poisson", "admixture", {"weight": 4, "rate": 2, "share": 2, "cell": 4}),
        ("categorical", "admixture", {"cell": 4}),  # topics have no labels, cells have
    ],
)
def test_ranked_is_what_data_identify(family, structure, found):
    labels = [
        one.label.split("[")[0]
        for one in ranked(problem(Design(family, 2, 60, structure=structure), 0))
    ]
    assert {name: labels.count(name) for name in dict.fromkeys(labels)} == found


def test_cells_and_shares_do_not_depend_on_labels(rng):
    """What is ranked of topics is the same under every order of the topics, parameters are not."""
    for family in (Gaussian, Categorical):
        data = laid("admixture", family, 100)
        design = Design({Gaussian: "gaussian"}.get(family, "categorical"), 2, 100)
        truth = problem(design._replace(structure="admixture"), 1).truth
        turned = permuted(truth, np.array([1, 0]))
        for one in quantities(truth, data):
            same = np.isclose(float(one.of(truth)), float(one.of(turned)), rtol=1e-12)
            assert same == one.label.startswith("cell")
    # a cell is the chance of a value in it
    truth = Admixture(np.tile([0.3, 0.7], (10, 1)), Poisson(np.array([1.0, 7.0])))
    cell = next(one for one in quantities(truth, data) if one.label == "cell[1,1]")
    law = stats.poisson(np.array([1.0, 7.0]))
    expected = [0.3, 0.7] @ (law.cdf(CUTS[1]) - law.cdf(CUTS[0]))
    assert float(cell.of(truth)) == pytest.approx(expected, rel=1e-12)
    many = from_fields(Admixture, Poisson, {n: f[None] for n, f in fields_of(truth).items()})
    assert cell.of(many) == pytest.approx([expected], rel=1e-12)


def test_chains_are_drawn_by_their_own_moves(rng):
    """Moves between hidden states in 20,000 rows are as often as their probabilities say."""
    moves = np.array([[0.9, 0.1], [0.3, 0.7]])
    truth = HiddenMarkov(np.array([0.2, 0.8]), moves, Gaussian(np.array([0.0, 99.0]), np.ones(2)))
    data = filled(truth, laid("hidden-markov", Gaussian, 20_000, initial="free"), rng(1))
    states = data.sample.x[data.places] > 50
    later = data.followers()
    for begin in (0, 1):
        from_here = later[states[later - 1] == begin]
        seen = int(states[from_here].sum())
        right = stats.binomtest(seen, len(from_here), moves[begin, 1]).pvalue
        turned = stats.binomtest(seen, len(from_here), moves[1 - begin, 1]).pvalue
        assert right > BROKEN > turned  # negative control: the moves of the other state


def test_regular_chains_and_admixtures_are_what_they_say():
    for number in range(30):
        chain = problem_of(Regular("poisson", 9, "hidden-markov"), number).truth
        stay = np.diag(moves_of(chain))
        assert ((stay >= STAYS[0]) & (stay <= STAYS[1])).all()
        np.testing.assert_allclose(moves_of(chain).sum(axis=1), 1)
        assert chain.initial.min() >= SMALLEST
        drawn = problem_of(Regular("categorical", 9, "admixture"), number)
        assert drawn.truth.weight.min() >= SMALLEST
        assert drawn.data.totals.min() >= alarms.FEWEST * MORE["admixture", "labels"] // 10
        prob = drawn.truth.theta.prob
        affinity = np.sqrt(prob[0] * prob[1]).sum()
        assert np.sqrt(-8 * np.log(affinity)) == pytest.approx(drawn.nearest)


def believing(design, number):
    """A replicate whose posterior believes in rates of 50, as data do not."""
    kept = calibration.second_opinion

    def wrong(family, data, k, *, prior, **options):
        firm = prior._replace(theta=prior.theta._replace(events=2_000.0, exposure=40.0))
        return kept(family, data, k, prior=firm, **options)

    calibration.second_opinion = wrong
    try:
        return calibration.replicate(design, number)
    finally:
        calibration.second_opinion = kept


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # chains are short here
def test_ranks_of_a_chain_are_uniform():
    design = Design("poisson", 2, 50, draws=200, tune=200, structure="hidden-markov")
    records = [filed(calibration.replicate(design, number), number) for number in range(5)]
    found = summary(records, Poisson)
    assert found.failed == ()
    assert found.uniform
    for one in found.coverage:
        if one.interval == "posterior":
            assert stats.binomtest(one.held, one.of, one.level).pvalue > BROKEN
    derived = [one for one in found.coverage if one.parameter.startswith("share")]
    assert {one.interval for one in derived} == {"posterior"}  # EM has no errors of these
    # negative control: the same data under a prior that they contradict
    records = [filed(believing(design, number), number) for number in range(5)]
    assert not summary(records, Poisson).uniform


def filed(record, number):
    """Return a record as `run` files it."""
    return {**record, "replicate": number, "seconds": 1.0}


def test_labels_of_truth_and_draws_are_in_the_same_order():
    design = Design("poisson", 2, 100, structure="hidden-markov")
    for number in range(10):
        found = problem(design, number)
        assert np.diff(found.truth.theta.rate)[0] > 0
        many = from_fields(
            type(found.truth), Poisson, {n: f[None] for n, f in fields_of(found.truth).items()}
        )
        turned = ordered(permuted(many, np.array([[1, 0]])))
        heights = em.log_likelihood(Poisson, found.data, many)
        np.testing.assert_allclose(heights, em.log_likelihood(Poisson, found.data, turned))
        again = drawn_at(turned, 0)
        for one in ranked(found):
            assert float(one.of(again)) == pytest.approx(float(one.of(found.truth)), rel=1e-12)
