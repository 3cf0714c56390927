"""ArviZ's own functions on our trees give what rows written out by hand one by one give."""

import warnings

import arviz as az
import numpy as np
import pytest
import xarray as xr
from scipy.special import logsumexp
from scipy.stats import norm, poisson

import bayes
import comparisons
import em
from bayes.posterior import pointwise
from bayes.posterior.evidence import evidence
from bayes.posterior.tree import posterior_of
from models import Gaussian, Groups, MultivariateGaussian, Poisson, Sample, Sequences

pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # most runs are short
OPTIONS = {"draws": 400, "tune": 400, "seed": 4, "progress": False}
SAME = {"rtol": 1e-9, "atol": 1e-9}


def rounded(n: int = 80) -> np.ndarray:
    """Return heights in whole centimetres, shuffled: many are equal."""
    rng = np.random.default_rng(55)
    x = np.concatenate([rng.normal(160, 4, n // 2), rng.normal(180, 5, n - n // 2)])
    return rng.permutation(np.round(x))


def by_hand(tree: xr.DataTree, each: np.ndarray) -> xr.DataTree:
    """Return what ArviZ reads, with log-likelihoods (chain, draw, n) that were computed here."""
    values = xr.Dataset(
        {"x": (("chain", "draw", "observation"), each)},
        {name: tree["posterior"][name] for name in ("chain", "draw")}
        | {"observation": np.arange(each.shape[-1])},
    )
    others = ("posterior", "posterior_predictive", "observed_data")
    groups = {name: tree[name].to_dataset() for name in others}
    return xr.DataTree.from_dict(groups | {"log_likelihood": values})


def fields(tree: xr.DataTree, *names: str) -> list[np.ndarray]:
    return [tree["posterior"][name].to_numpy() for name in names]


def gaussians(tree: xr.DataTree, x: np.ndarray) -> np.ndarray:
    """Return log p of each row as given, by scipy."""
    weight, mean, sd = (one[:, :, None] for one in fields(tree, "weight", "mean", "sd"))
    return logsumexp(np.log(weight) + norm.logpdf(x[:, None], mean, sd), axis=-1)


def same_loo(found, hand):
    for name in ("elpd", "se", "p"):
        np.testing.assert_allclose(getattr(found, name), getattr(hand, name), **SAME)
    assert found.n_data_points == hand.n_data_points
    np.testing.assert_allclose(found.elpd_i, hand.elpd_i, **SAME)
    np.testing.assert_allclose(found.pareto_k, hand.pareto_k, rtol=1e-6, atol=1e-6)


@pytest.fixture(scope="module")
def heights() -> xr.DataTree:
    return bayes.sample(Gaussian, Sample(rounded()), 2, **OPTIONS)


@pytest.fixture(scope="module")
def hand(heights) -> xr.DataTree:
    return by_hand(heights, gaussians(heights, rounded()))


def old_layout(tree: xr.DataTree) -> xr.DataTree:
    """Return the tree as releases before 0.2 wrote it: a line for each distinct row."""
    found = tree.filter(lambda group: group.name not in ("log_likelihood", "pointwise"))
    found.attrs = dict(tree.attrs)
    found["log_likelihood"] = pointwise.of_units(tree).to_dataset(name="x")
    statistics = tree["sample_stats"].to_dataset()
    found["sample_stats"] = statistics.rename(total_log_likelihood="log_likelihood")
    return found


def test_loo_is_that_of_all_rows(heights, hand):
    theirs = az.loo(hand, pointwise=True)
    assert theirs.n_data_points == 80
    same_loo(az.loo(heights, pointwise=True), theirs)
    same_loo(bayes.loo(heights), theirs)
    # negative control: the old layout, in which ArviZ counted equal rows once
    trap = az.loo(old_layout(heights))
    assert trap.n_data_points < 45
    assert abs(trap.elpd - theirs.elpd) > 100


def test_rows_are_in_the_order_of_the_data(heights):
    each = heights["log_likelihood"]["x"]
    np.testing.assert_allclose(each, gaussians(heights, rounded()), rtol=1e-12)
    np.testing.assert_array_equal(heights["observed_data"]["x"], rounded())
    # negative control: in the order of their values they are others
    assert np.abs(each - gaussians(heights, np.sort(rounded()))).max() > 1


def test_models_are_compared_as_rows_by_hand(heights, hand):
    single = bayes.sample(Gaussian, Sample(rounded()), 1, **OPTIONS)
    trees = {"one": single, "two": heights}
    hands = {"one": by_hand(single, gaussians(single, rounded())), "two": hand}
    found, right = (az.compare(one, round_to="none") for one in (trees, hands))
    trap = az.compare({name: old_layout(one) for name, one in trees.items()}, round_to="none")
    own = az.compare({name: bayes.loo(one) for name, one in trees.items()}, round_to="none")
    assert list(found.index) == list(right.index) == ["two", "one"]
    for column in ("elpd", "p", "elpd_diff", "se", "dse", "weight"):
        np.testing.assert_allclose(found[column], right[column], rtol=1e-6)
        np.testing.assert_allclose(own[column], right[column], rtol=1e-6)
    assert abs(trap.loc["one", "elpd_diff"] - right.loc["one", "elpd_diff"]) > 1


def test_transforms_and_expectations_are_those_of_rows_by_hand(heights, hand):
    found, right = az.loo_pit(heights)["x"], az.loo_pit(hand)["x"]
    np.testing.assert_allclose(found, right, **SAME)
    # transforms rise with the rows they belong to: replicates and rows are paired
    assert np.corrcoef(found, rounded())[0, 1] > 0.9
    for group, name in (("posterior_predictive", "x"), ("posterior", "mean")):
        ours, theirs = (
            az.loo_expectations(one, var_name=name, group=group)[0] for one in (heights, hand)
        )
        np.testing.assert_allclose(ours, theirs, **SAME)
    np.testing.assert_allclose(
        az.psense(heights, group="likelihood")["mean"],
        az.psense(hand, group="likelihood")["mean"],
        rtol=1e-6,
    )
    with pytest.raises(ValueError, match="cannot align"):  # negative control: the old 200 draws
        az.loo_pit(hand.assign(posterior_predictive=few(hand["posterior_predictive"])))


def few(group: xr.DataTree) -> xr.DataTree:
    return xr.DataTree(group.to_dataset().isel(draw=slice(None, None, 8)))


@pytest.mark.parametrize("counted", [False, True])
def test_rows_in_groups_have_a_line_each(counted):
    rng = np.random.default_rng(7)
    x, group = rng.poisson(np.repeat([2, 9], 30)), rng.permutation(np.arange(60) % 3)
    if counted:  # observations are then by distinct row, those of a row by group
        x, group = np.array([1, 2, 9, 1, 8]), np.array([0, 0, 0, 1, 1])
        times = np.array([20, 10, 5, 4, 9])
        tree = bayes.sample(Poisson, Groups(x, group, counts=times), 2, **OPTIONS)
        order = np.lexsort([group, x])
        x, group = (np.repeat(one[order], times[order]) for one in (x, group))
    else:
        titles = list(dict.fromkeys(group.tolist()))
        tree = bayes.sample(Poisson, Groups(x, group), 2, **OPTIONS)
        group = np.array([titles.index(one) for one in group])
    weight, rate = fields(tree, "weight", "rate")
    each = logsumexp(
        np.log(weight[:, :, group]) + poisson.logpmf(x[:, None], rate[:, :, None]), axis=-1
    )
    np.testing.assert_array_equal(tree["observed_data"]["x"], x)
    hand = by_hand(tree, each)
    same_loo(az.loo(tree, pointwise=True), az.loo(hand, pointwise=True))
    same_loo(bayes.loo(tree), az.loo(hand, pointwise=True))
    np.testing.assert_allclose(az.loo_pit(tree)["x"], az.loo_pit(hand)["x"], **SAME)
    trap = az.loo(old_layout(tree))  # negative control
    assert abs(trap.elpd - az.loo(hand).elpd) > 20


def test_several_sequences_have_a_line_each():
    rng = np.random.default_rng(8)
    x = rng.poisson(np.tile(np.repeat([2.0, 12.0], 5), 12)).astype(float)
    names = np.repeat(np.arange(12), 10)
    tree = bayes.sample(Poisson, Sequences(x, None, names, "uniform"), 2, **OPTIONS)
    transition, rate = fields(tree, "transition", "rate")
    each = []
    for rows in x.reshape(12, 10):  # by the forward recursion
        ahead = np.log(np.full_like(rate, 0.5)) + poisson.logpmf(rows[0], rate)
        for row in rows[1:]:
            ahead = logsumexp(ahead[..., None] + np.log(transition), axis=-2)
            ahead = ahead + poisson.logpmf(row, rate)
        each.append(logsumexp(ahead, axis=-1))
    hand = by_hand(tree, np.stack(each, axis=-1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of Pareto's k: few sequences tell much
        right = az.loo(hand, pointwise=True)
        same_loo(az.loo(tree, pointwise=True), right)
        same_loo(bayes.loo(tree), right)
    assert right.n_data_points == 12
    # a replicate of a row is not paired with a sequence
    with pytest.raises(KeyError):
        az.loo_pit(tree)


def refused_by_arviz(tree: xr.DataTree) -> None:
    """Check that nothing of ArviZ computes something else in silence."""
    assert "log_likelihood" not in tree.children
    for call in (az.loo, az.loo_pit, az.loo_expectations):
        with pytest.raises(TypeError, match="log likelihood not found"):
            call(tree)
    with pytest.raises(TypeError, match="compute ELPD from model a"):
        az.compare({"a": tree, "b": tree})


def test_a_single_sequence_is_refused():
    x = np.random.default_rng(9).poisson(np.repeat([2.0, 12.0], 20)).astype(float)
    tree = bayes.sample(Poisson, Sequences(x), 2, **OPTIONS)
    refused_by_arviz(tree)
    assert "no LOO" in tree["pointwise"].attrs["note"]
    # negative control: a tree that ArviZ takes for one of a single row, as it did by this name
    tree["sample_stats"]["log_likelihood"] = tree["sample_stats"]["total_log_likelihood"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert az.loo(tree).n_data_points == 1


def test_too_many_rows_are_refused_and_counted_by_our_own(heights, hand, monkeypatch):
    monkeypatch.setattr(pointwise, "MOST_BY_ROW", 1600 * 79)  # 80 rows do not fit
    tree = bayes.sample(Gaussian, Sample(rounded()), 2, **OPTIONS)
    refused_by_arviz(tree)
    assert "bayes.loo(tree)" in tree["pointwise"].attrs["note"]
    assert tree["pointwise"].sizes["row"] < 45
    assert tree["posterior_predictive"].sizes["draw"] == 50
    found, right = bayes.loo(tree), az.loo(hand)
    assert found.n_data_points == 80
    np.testing.assert_allclose([found.elpd, found.se, found.p], [right.elpd, right.se, right.p])
    compared = az.compare({"few": bayes.loo(heights), "many": found}, round_to="none")
    np.testing.assert_allclose(compared["elpd_diff"], 0, atol=1e-9)


def test_more_draws_than_needed_are_thinned_to_fit(hand, monkeypatch):
    monkeypatch.setattr(pointwise, "MOST_BY_ROW", 1600 * 79)
    monkeypatch.setattr(pointwise, "LEAST_DRAWS", 800)
    tree = bayes.sample(Gaussian, Sample(rounded()), 2, **OPTIONS)
    group = tree["log_likelihood"]
    assert group.sizes["draw"] == tree["posterior_predictive"].sizes["draw"] == 200
    np.testing.assert_array_equal(group["draw"], np.arange(0, 400, 2))
    every = hand["log_likelihood"]["x"].sel(draw=group["draw"])
    np.testing.assert_allclose(group["x"], every, rtol=1e-9)
    assert az.loo(tree).elpd == pytest.approx(az.loo(hand).elpd, abs=0.5)
    assert az.loo_pit(tree)["x"].sizes == {"observation": 80}
    total = hand["log_likelihood"]["x"].sum("observation")  # of all draws
    np.testing.assert_allclose(tree["sample_stats"]["total_log_likelihood"], total, rtol=1e-9)


def test_weights_are_refused():
    tree = bayes.sample(Poisson, Sample.weighed([1, 2, 9], [2.5, 4.5, 6.0]), 2, **OPTIONS)
    refused_by_arviz(tree)
    with pytest.raises(ValueError, match="weights in place of counts"):
        bayes.loo(tree)


def test_several_columns_are_left_out_together():
    rng = np.random.default_rng(10)
    x = np.round(rng.normal(size=(40, 2)) * 2 + np.repeat([[0, 0], [9, 9]], 20, axis=0))
    tree = bayes.sample(MultivariateGaussian, Sample(x), 2, **OPTIONS)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of Pareto's k, with so few rows
        same_loo(bayes.loo(tree), az.loo(tree, pointwise=True))
    np.testing.assert_array_equal(tree["observed_data"]["x"], x)
    with pytest.raises(ValueError, match="broadcast"):  # ArviZ transforms one column only
        az.loo_pit(tree)


def test_files_of_the_old_layout_still_load(heights, tmp_path):
    fit = em.fit(Gaussian, Sample(rounded()), 2)
    new = comparisons.compare(fit, heights)
    old_layout(new.tree).to_netcdf(tmp_path / "old.nc")
    again = comparisons.load(tmp_path / "old.nc")
    assert again.verdict == new.verdict
    np.testing.assert_array_equal(again.heights, new.heights)
    refused_by_arviz(again.tree)
    posterior = old_layout(heights)
    for tree in (again.tree, posterior):
        found, right = bayes.loo(tree), bayes.loo(heights)
        assert found.elpd == pytest.approx(right.elpd, rel=1e-12)
        assert found.n_data_points == right.n_data_points
    np.testing.assert_array_equal(posterior_of(posterior).heights, posterior_of(heights).heights)
    aligned = bayes.align(posterior, "assignment")
    ours, theirs = (evidence(one) for one in (aligned, heights))
    assert ours.log == pytest.approx(theirs.log, abs=0.2)
    assert comparisons.compare(fit, posterior).verdict == new.verdict
