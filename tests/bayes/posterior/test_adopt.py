"""Posteriors of other programs in our layout: theirs are ours under other names."""

from __future__ import annotations

import arviz as az
import numpy as np
import pymc as pm
import pytest
import xarray as xr
from families import FAMILIES

import bayes
from bayes.posterior.tree import posterior_of
from models import Gaussian, Mixture, MultivariateGaussian, Poisson, Prior, Sample, simulate

pytestmark = pytest.mark.filterwarnings("ignore::bayes.ChainsWarning")  # the runs are short
CHAINS, DRAWS = 3, 150
SHORT = {"draws": DRAWS, "tune": 200, "chains": CHAINS, "seed": 3, "progress": False}
SOME = [
    "binomial",
    "gaussian",
    "poisson",
    "multivariate-full",
    pytest.param("multivariate-tied", marks=pytest.mark.slow),
]
GROUPS = ["posterior", "sample_stats", "log_likelihood", "labels", "diagnostics", "observed_data"]


def ours_of(name: str, **options) -> tuple[type, Sample, xr.DataTree]:
    row = next(row for row in FAMILIES if row.name == name)
    sample = row.sample(np.random.default_rng(401), 3, 90)
    return row.family, sample, bayes.sample(row.family, sample, 3, **(SHORT | options))


def switched(tree: xr.DataTree, rng: np.random.Generator) -> xr.DataTree:
    """Return the tree with labels switched: a labelling for each chain, another for some draws."""
    posterior = tree["posterior"].to_dataset()
    k = posterior.sizes["component"]
    places = np.array([np.tile(rng.permutation(k), (DRAWS, 1)) for _ in range(CHAINS)])
    places[:, ::10] = np.roll(places[:, ::10], 1, axis=2)
    index = xr.DataArray(places, dims=("chain", "draw", "component"))
    found = tree.copy()
    found["posterior"] = xr.DataTree(posterior.drop_vars("component").isel(component=index))
    return found


def close(one: xr.DataTree, other: xr.DataTree, groups: list[str]) -> bool:
    try:
        for group in groups:
            ours, theirs = one[group].to_dataset(), other[group].to_dataset()
            if group == "labels":  # they say how each was drawn, and that differs
                ours, theirs = ours.drop_vars("permutation"), theirs.drop_vars("permutation")
            if group == "diagnostics":
                ours, theirs = (part.sel(labels="aligned") for part in (ours, theirs))
            xr.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-9)
            assert {name: part.dtype for name, part in ours.data_vars.items()} == {
                name: part.dtype for name, part in theirs.data_vars.items()
            }
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("name", SOME)
def test_our_own_draws_come_back_with_labels_undone(name, rng):
    family, sample, tree = ours_of(name)
    theirs = switched(tree, rng(402))
    prior = posterior_of(tree).question.prior
    found = bayes.adopt(family, sample, theirs, prior=prior)
    assert set(found.children) == set(tree.children)
    assert close(found, tree, [*GROUPS, "log_prior"])
    for group in tree.children:
        assert found[group].sizes == tree[group].sizes
        assert set(found[group].variables) == set(tree[group].variables)
    names = set(tree.attrs) - {"seed", "inference_library", "made_by", "diverged"}
    assert {one: tree.attrs[one] for one in names} == {one: found.attrs[one] for one in names}
    assert "seed" not in found.attrs
    # negative control: the labels are not what they were before they were aligned
    assert not close(theirs, tree, ["posterior"])
    hats = found["diagnostics"].to_dataset().to_dataarray().sel(measure="r_hat").max("variable")
    # on average: so short a run may leave a single component unmixed under any labels
    assert float(hats.sel(labels="as drawn").mean()) > float(hats.sel(labels="aligned").mean())
    # and what they are said to have been is what they were
    back = posterior_of(found).as_drawn
    own = theirs["posterior"]["weight"].to_numpy().reshape(-1, 3)
    np.testing.assert_allclose(back.weight, own, rtol=1e-9)
    assert bayes.diagnose(found).checks[3:] == bayes.diagnose(tree).checks[3:]


@pytest.fixture(scope="module")
def heights() -> tuple[Sample, xr.DataTree]:
    truth = Mixture(np.array([0.4, 0.6]), Gaussian(np.array([160.0, 180.0]), np.array([4.0, 5.0])))
    sample, _ = simulate(truth, 80, np.random.default_rng(403))
    return sample, bayes.sample(Gaussian, sample, 2, **SHORT)


def test_other_names_and_other_parameters(heights, rng):
    sample, tree = heights
    own = switched(tree, rng(404))["posterior"].to_dataset()
    theirs = xr.Dataset(
        {
            "w": own["weight"].isel(component=0, drop=True),
            "mu": own["mean"].rename(component="mu_dim_0").transpose("mu_dim_0", ...),
            "tau": own["sd"] ** -2,
            "energy": own["mean"].isel(component=0, drop=True),  # a parameter, by chance
        },
        attrs={"inference_library": "pymc", "tuning_steps": 200, "sampling_time": 1.5},
    )
    names = {
        "weight": lambda p: xr.concat([p["w"], 1 - p["w"]], "component"),
        "mean": "mu",
        "sd": lambda p: p["tau"] ** -0.5,
    }
    for given in (theirs, xr.DataTree.from_dict({"posterior": theirs})):
        found = bayes.adopt(Gaussian, sample, given, names)
        assert close(found, tree, ["posterior", "log_likelihood", "labels"])
        assert set(found["sample_stats"].data_vars) == {"total_log_likelihood"}
        assert found.attrs["inference_library"] == "pymc"
        assert (found.attrs["tune"], found.attrs["sampling_seconds"]) == (200, 1.5)
        assert (found.attrs["draws"], found.attrs["chains"]) == (DRAWS, CHAINS)
    # negative controls: without the names, or with a wrong one
    with pytest.raises(ValueError, match=r"no variable 'mean' for mean; it has w, mu, tau, energy"):
        bayes.adopt(Gaussian, sample, theirs)
    wrong = bayes.adopt(Gaussian, sample, theirs, names | {"sd": lambda p: p["tau"] ** -0.25})
    assert not close(wrong, tree, ["posterior"])


def test_an_unknown_prior_is_not_shown_and_the_rest_works(heights, tmp_path):
    sample, tree = heights
    found = bayes.adopt(Gaussian, sample, tree)
    assert set(tree.children) - set(found.children) == {"prior", "log_prior"}
    assert found.attrs["prior"] == "null"
    found.to_netcdf(tmp_path / "adopted.nc")
    back = az.from_netcdf(tmp_path / "adopted.nc").load()
    assert back.attrs["prior"] == "null"
    again = bayes.align(back, "assignment")
    assert close(again, bayes.align(tree, "assignment"), ["posterior", "labels"])
    back.close()
    assert bayes.loo(found).elpd == pytest.approx(bayes.loo(tree).elpd, rel=1e-9)
    bare = bayes.adopt(Gaussian, sample, tree["posterior"].to_dataset())
    assert "lp" not in bare["sample_stats"]
    assert bare.attrs["inference_library"] == "unknown"
    assert close(bayes.align(bare, "assignment"), again, ["posterior"])


def stan_like(rng: np.random.Generator, k: int) -> dict:
    """Return draws around k groups, as Stan's files hold them: six digits, its own names."""
    theta = rng.dirichlet(np.full(k, 50.0), (2, 100))
    theta = np.round(theta, 6)
    return {
        "theta": theta,
        "mu": np.round(np.arange(k) * 10 + rng.normal(size=(2, 100, k)), 4),
        "sigma": np.round(rng.uniform(1, 2, size=(2, 100, k)), 6),
    }


def test_stan_with_its_own_names(rng):
    draws = stan_like(rng(405), 3)
    lp, divergent = rng(406).normal(size=(2, 100)), rng(407).random((2, 100)) < 0.1
    sample = Sample(rng(408).normal(np.repeat([0, 10, 20], 20), 1.5))
    stats = {"lp__": lp, "divergent__": divergent * 1.0, "treedepth__": lp * 0 + 3, "other": lp}
    names = {"weight": "theta", "mean": "mu", "sd": "sigma"}
    tree = az.from_dict({"posterior": draws, "sample_stats": stats})
    inside = az.from_dict({"posterior": draws | stats})
    for given in (tree, inside):
        found = bayes.adopt(Gaussian, sample, given, names)
        statistics = found["sample_stats"]
        assert set(statistics.data_vars) == {
            "diverging",
            "tree_depth",
            "lp",
            "total_log_likelihood",
        }
        np.testing.assert_array_equal(statistics["lp"], lp)
        assert statistics["diverging"].dtype == bool
        np.testing.assert_array_equal(statistics["diverging"], divergent)
        np.testing.assert_array_equal(found["posterior"]["mean"], np.sort(draws["mu"], axis=2))
        assert np.abs(found["posterior"]["weight"].sum("component") - 1).max() < 1e-14
        share = {check.name: check.value for check in bayes.diagnose(found).checks}
        assert share["share of divergences"] == pytest.approx(divergent.mean())
        one = {name: found["posterior"][name].to_numpy()[1, 7] for name in ("weight", "mean", "sd")}
        height = bayes.log_likelihood(
            Gaussian, sample, Mixture(one["weight"], Gaussian(one["mean"], one["sd"]))
        )
        assert float(statistics["total_log_likelihood"][1, 7]) == pytest.approx(height, rel=1e-12)
        assert float(statistics["total_log_likelihood"][1, 8]) != pytest.approx(height, rel=1e-12)


def test_single_precision_matrices_by_assignment(rng):
    """NumPyro computes in single precision: products are not quite symmetric, sums not quite 1."""
    generator = rng(409)
    root = np.array([[1.0, 0], [0.3, 0.8]]) * generator.uniform(0.9, 1.1, (2, 100, 2, 1, 1))
    cov = (root @ np.swapaxes(root, -1, -2)).astype(np.float32)
    cov[..., 0, 1] *= np.float32(1 + 3e-7)
    mean = np.array([[0.0, 0], [6, -6]]) + generator.normal(scale=0.2, size=(2, 100, 2, 2))
    w = generator.dirichlet([30, 30], (2, 100)).astype(np.float32)
    for field in (cov, mean, w):
        field[1] = field[1, :, ::-1].copy()
    given = az.from_dict({"posterior": {"locs": mean.astype(np.float32), "S": cov, "w": w}})
    x = np.concatenate([generator.normal(0, 1, (30, 2)), generator.normal([6, -6], 1, (30, 2))])
    names = {"weight": "w", "mean": "locs", "cov": "S"}
    found = bayes.adopt(MultivariateGaussian, Sample(x), given, names)
    first = found["posterior"]["mean"].to_numpy()[..., 0, 0]
    assert (np.abs(first) < 3).all()  # of either chain
    assert (np.abs(given["posterior"]["locs"].to_numpy()[..., 0, 0]) > 3).any()
    places = found["labels"]["permutation"].to_numpy()
    assert (places[0] == [0, 1]).all()
    assert (places[1] == [1, 0]).all()
    assert found.attrs["labels"] == "assignment"
    assert found["posterior"]["cov"].dims == (
        "chain",
        "draw",
        "component",
        "dimension",
        "dimension_bis",
    )
    lopsided = given["posterior"].to_dataset().copy(deep=True)
    lopsided["S"][0, 0, 0, 0, 1] += 0.01
    with pytest.raises(ValueError, match=r"cov\[0\] is not symmetric"):
        bayes.adopt(MultivariateGaussian, Sample(x), lopsided, names)


def test_one_chain_equal_weights_and_one_component(rng):
    generator = rng(410)
    rate = np.sort(generator.gamma(50, 0.1, (200, 2)), axis=1)
    sample = Sample(generator.poisson(5, 60))
    given = xr.Dataset({"rate": (("draw", "part"), rate)})
    found = bayes.adopt(Poisson, sample, given, equal_weights=True)
    assert found["posterior"]["rate"].shape == (1, 200, 2)
    assert (found["posterior"]["weight"] == 0.5).all()
    assert found.attrs["equal_weights"] == 1
    np.testing.assert_array_equal(found["posterior"]["rate"][0], rate)
    one = bayes.adopt(Poisson, sample, given.isel(part=[0]))
    assert (one["posterior"]["weight"] == 1).all()
    with pytest.raises(ValueError, match=r"no variable 'weight' for weight.*or equal_weights=True"):
        bayes.adopt(Poisson, sample, given)
    weighted = given.assign(weight=(("draw", "part"), np.tile([0.3, 0.7], (200, 1))))
    with pytest.raises(ValueError, match="weight varies, but equal_weights is set"):
        bayes.adopt(Poisson, sample, weighted, equal_weights=True)


def test_a_prior_that_was_given_is_kept():
    """The log prior is what bayes.sample's is, under this prior and no other."""
    row = next(row for row in FAMILIES if row.name == "gaussian")
    family, sample, tree = ours_of("gaussian", prior=row.prior)
    found = bayes.adopt(family, sample, tree, prior=row.prior)
    np.testing.assert_allclose(found["log_prior"]["prior"], tree["log_prior"]["prior"], rtol=1e-9)
    assert found.attrs["prior"] == tree.attrs["prior"]
    other = bayes.adopt(family, sample, tree, prior=Prior(0.0, row.prior.theta))
    assert not np.allclose(other["log_prior"]["prior"], tree["log_prior"]["prior"])


def faulty(name: str, value: float):
    def change(posterior: xr.Dataset) -> xr.Dataset:
        found = posterior.copy(deep=True)
        found[name][1, 5, 0] = value
        return found

    return change


@pytest.mark.parametrize(
    ("change", "names", "message"),
    [
        (faulty("sd", -1.0), {}, r"chain 1, draw 5 \(counted from 0\): sd is \[-1"),
        (faulty("mean", np.nan), {}, "chain 1, draw 5 .*: mean is .*; give finite numbers"),
        (faulty("weight", 0.9), {}, r"chain 1, draw 5 .*: weight sums to 1\."),
        (faulty("weight", np.nan), {}, r"chain 1, draw 5 .*: weight\[0\] is nan; give shares"),
        (lambda p: p.isel(component=[0]), {}, "weight sums to"),
        (lambda p: p.drop_vars("sd"), {}, "no variable 'sd' for sd; it has weight, mean: give na"),
        (lambda p: p.rename(draw="step"), {}, r"no dimension draw \(it has chain, step"),
        (
            lambda p: p,
            {"spread": "sd"},
            "names has 'spread', which is no parameter of Gaussian; give",
        ),
        (
            lambda p: p,
            {"sd": lambda p: p["tau"]},
            r"names\['sd'\] fails: .*tau.*; the posterior has weight",
        ),
        (lambda p: p, {"sd": lambda p: 3.0}, "returned a float; return a DataArray"),
        (lambda p: p, {"sd": lambda p: p["sd"].mean("draw")}, "sd has dimensions chain, component"),
        (lambda p: p, {"sd": lambda p: p["sd"].mean("component")}, "no dimension of components"),
        (lambda p: p, {"sd": lambda p: p["sd"][:, ::2]}, r"sd has chains and draws \(3, 75\); giv"),
        (lambda p: p, {"sd": lambda p: p["sd"][:, :, :1]}, r"sd has shape \(1,\); give \(2,\)"),
        (lambda p: p, {"sd": lambda p: p["sd"].astype(str)}, "sd is of type <U.*; give numbers"),
    ],
)
def test_bad_draws_are_refused_in_one_line(change, names, message, heights):
    sample, tree = heights
    posterior = change(tree["posterior"].to_dataset())
    with pytest.raises(ValueError, match=message) as caught:
        bayes.adopt(Gaussian, sample, posterior, names)
    assert "\n" not in str(caught.value)


def test_other_things_that_are_no_posteriors(heights):
    sample, tree = heights
    posterior = tree["posterior"].to_dataset()
    with pytest.raises(ValueError, match=r"the tree has no group posterior \(it has draws\)"):
        bayes.adopt(Gaussian, sample, xr.DataTree.from_dict({"draws": posterior}))
    with pytest.raises(ValueError, match="posterior is a dict; give an xarray DataTree or Dataset"):
        bayes.adopt(Gaussian, sample, {"mean": [1]})
    with pytest.raises(ValueError, match="family is <class 'dict'>; give one of Binomial"):
        bayes.adopt(dict, sample, tree)
    with pytest.raises(ValueError, match="sample is a list; give Sample"):
        bayes.adopt(Gaussian, [1.0, 2.0], tree)
    edge = posterior.copy(deep=True)
    edge["weight"][2, 3] = [0.0, 1.0]
    with pytest.raises(ValueError, match=r"chain 2, draw 3 .* edge of the parameter space \(weigh"):
        bayes.adopt(Gaussian, sample, edge)
    longer = tree.copy()
    longer["sample_stats"] = xr.DataTree(tree["sample_stats"].to_dataset().isel(draw=slice(10)))
    with pytest.raises(ValueError, match=r"has chains and draws \(3, 10\), the posterior \(3, 15"):
        bayes.adopt(Gaussian, sample, rebuilt_tree(longer, posterior))


def rebuilt_tree(tree: xr.DataTree, posterior: xr.Dataset) -> xr.DataTree:
    return xr.DataTree.from_dict(
        {"posterior": posterior, "sample_stats": tree["sample_stats"].to_dataset()}
    )


def test_a_model_that_is_open_stays_as_it_is(rng):
    sample, _ = simulate(Mixture([0.5, 0.5], Poisson([2.0, 9.0])), 40, rng(901))
    with pm.Model() as mine:
        pm.Normal("own")
        bayes.build(Poisson, sample, 2)
    assert [variable.name for variable in mine.free_RVs] == ["own"]
